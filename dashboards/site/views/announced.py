"""The published announcements, as the directory's index lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dashboards.announce.publication import Published, read_index

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One announcement and the later one that corrected it, if any."""

    published: Published
    corrected_by: str

    def file(self, suffix: str, language: str = "") -> str | None:
        """Its first file of a kind, in the language if there is one."""
        names = [name for name in self.published.files if name.endswith(suffix)]
        return next((name for name in names if f"{language}." in name), names[0] if names else None)


def entries(directory: Path | None) -> list[Entry]:
    """The newest first. Raises BeaconError if the index cannot be read."""
    if directory is None:
        return []
    published = read_index(directory).announcements
    corrected = {entry.corrects: entry.number for entry in published if entry.corrects}
    return [Entry(entry, corrected.get(entry.number, "")) for entry in reversed(published)]


def ordered(names: Iterable[str], language: str) -> list[str]:
    """A reader's own language first, and what people read before what programs read."""
    kinds = list(MEDIA_TYPES)

    def key(name: str) -> tuple[bool, int, str]:
        stem, _, kind = name.rpartition(".")
        return not stem.endswith(f".{language}"), kinds.index(f".{kind}") if f".{kind}" in kinds else 99, name

    return sorted(names, key=key)


def file_label(name: str) -> str:
    """`HTML English` of `announcement.en.html`."""
    stem, _, kind = name.rpartition(".")
    words = {"zh": " 中文", "en": " English"}
    return kind.upper() + next((word for code, word in words.items() if stem.endswith(code)), "")
