"""The published announcements, as the directory's index lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_INDEX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """One file of an announcement, as it is offered."""

    name: str
    sha256: str

    @property
    def label(self) -> str:
        stem, _, kind = self.name.rpartition(".")
        language = next((part for part in ("zh", "en") if stem.endswith((f".{part}", f"-{part}", f"_{part}"))), "")
        return kind.upper() + (f" {'中文' if language == 'zh' else 'English'}" if language else "")
