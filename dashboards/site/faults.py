"""What is wrong with a request that was not understood, in the visitor's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.site.language import Language


def said(language: Language, errors: Sequence[Mapping[str, Any]]) -> str:
    """One sentence a fault; errors: those of a RequestValidationError."""
    return " ".join(_fault(language, error) for error in errors)


def _fault(language: Language, error: Mapping[str, Any]) -> str:
    name = str(error["loc"][-1])
    field = language.known(f"field.{name}") or name
    limits = error.get("ctx") or {}
    if error["type"] == "string_too_long":
        return language.t("fault.too_long", field=field, most=limits["max_length"], got=len(error["input"]))
    if error["type"] == "missing":
        return language.t("fault.missing", field=field)
    least, most = limits.get("ge"), limits.get("le")
    if least is not None or most is not None:
        key = "fault.too_small" if most is None else "fault.too_large"
        return language.t(key, field=field, limit=least if most is None else most)
    return language.t("fault.other", field=field)
