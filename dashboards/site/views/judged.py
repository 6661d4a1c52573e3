"""The judgement that a page shows first, out of a building's several."""

from __future__ import annotations

from collections.abc import Iterable

from collector.model import JudgementRow

SEVERITY = {"exceeded": 4, "warning": 3, "watch": 2, "ok": 1, "insufficient_data": 0}
"""Levels, the worst highest."""

LEVELS = ("exceeded", "warning", "watch", "ok", "insufficient_data")


def is_carbon(row: JudgementRow) -> bool:
    return "co2" in row.basis.lower() or "carbon" in row.basis.lower()


def basis_key(row: JudgementRow) -> str:
    """Which message names the judgement's basis."""
    return row.basis if row.basis in ("energy_kwh", "energy_kgce", "carbon_kgco2") else "other"


def worst_first(rows: Iterable[JudgementRow]) -> list[JudgementRow]:
    """The most severe first, then the largest share of its limit, energy before carbon."""
    return sorted(
        rows,
        key=lambda row: (
            -SEVERITY.get(row.level, 0),
            -(row.share or 0.0),
            is_carbon(row),
            row.scheme,
            row.basis,
        ),
    )
