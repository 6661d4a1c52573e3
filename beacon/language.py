"""The language that messages for technicians are shown in: Chinese where the environment says so."""

from __future__ import annotations

import os


def chinese() -> bool:
    """Whether LC_ALL, LC_MESSAGES or LANG, the first that is set, names Chinese."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value.lower().startswith("zh")
    return False
