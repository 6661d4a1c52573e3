"""docs/devices.md says what the profiles say."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_the_profiles() -> None:
    page = runpy.run_path(str(DOCS / "devices.py"))["page"]()
    assert page == (DOCS / "devices.md").read_text("utf-8"), "run: python docs/devices.py"
