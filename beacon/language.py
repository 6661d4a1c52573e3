"""The language that something is shown in: as the command line says, or as the environment does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from drivers.errors import RequestError

if TYPE_CHECKING:
    from dashboards.boards.words import Lang


def language(text: str) -> Lang:
    """`zh` or `en` from the command line. Raises RequestError."""
    if text == "zh":
        return "zh"
    if text == "en":
        return "en"
    raise RequestError(f"unknown language {text!r}; zh or en")


def chinese() -> bool:
    """Whether LC_ALL, LC_MESSAGES or LANG, the first that is set, names Chinese."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return value.lower().startswith("zh")
    return False
