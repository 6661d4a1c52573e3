"""HTML to PDF, and the question whether this machine has Chinese glyphs at all."""

from __future__ import annotations

import logging
import shutil
import subprocess
from functools import lru_cache

from drivers.errors import BeaconError


@lru_cache(maxsize=1)
def cjk_fonts() -> tuple[str, ...]:
    """Families with Chinese glyphs that fontconfig, which WeasyPrint draws with, can find."""
    program = shutil.which("fc-list")
    if program is None:
        raise BeaconError("fc-list is missing, so fonts cannot be checked: install fontconfig")
    found = subprocess.run(
        [program, ":lang=zh-cn", "family"], capture_output=True, text=True, timeout=60, check=False
    )
    return tuple(sorted({line.split(",")[0].strip() for line in found.stdout.splitlines() if line.strip()}))


def require_chinese() -> None:
    """Raises BeaconError if a Chinese page would be printed as empty boxes."""
    if not cjk_fonts():
        raise BeaconError(
            "no font with Chinese glyphs is installed, the Chinese PDF would show empty boxes: "
            "apt-get install fonts-noto-cjk"
        )


def render_pdf(html: str) -> bytes:
    """The page as PDF. Nothing is fetched: the page must carry everything it needs."""
    for steps in ("weasyprint.progress", "fontTools"):  # a line for every page and table
        logging.getLogger(steps).setLevel(logging.WARNING)
    from weasyprint import HTML
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class Refusing(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> object:
            raise FatalURLFetchingError(f"the page asks for {url}; it must be self-contained")

    try:
        document: bytes = HTML(string=html, url_fetcher=Refusing()).write_pdf()
    except FatalURLFetchingError as error:
        raise BeaconError(str(error)) from error
    return document
