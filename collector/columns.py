"""Daily rows as arrays, for whoever reckons with many buildings: no object a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DailyColumns:
    """Daily rows of one building over the days asked for.

    keys: (carrier, item), sorted. energy, coverage, estimated: shape (keys, days) as in `DailyRow`; on a day
    without a row energy is NaN, coverage and estimated are 0.
    """

    building: str
    keys: tuple[tuple[str, str], ...]
    energy: Floats
    coverage: Floats
    estimated: Floats


Line = tuple[str, str, str, Floats]
"""building, carrier, item, and rows of (days since the first, energy, coverage, estimated)."""


def columns(lines: Iterable[Line], first: date, last: date) -> list[DailyColumns]:
    """Lines, one a building, carrier and item, put together by building; buildings in order."""
    by_building: dict[str, list[tuple[tuple[str, str], Floats]]] = {}
    for building, carrier, item, rows in lines:
        if len(rows):
            by_building.setdefault(building, []).append(((carrier, item), rows))
    return [
        _one(building, sorted(found, key=lambda line: line[0]), (last - first).days + 1)
        for building, found in sorted(by_building.items())
    ]


def _one(building: str, lines: list[tuple[tuple[str, str], Floats]], count: int) -> DailyColumns:
    energy = np.full((len(lines), count), np.nan)
    coverage, estimated = np.zeros((2, len(lines), count))
    for place, (_, rows) in enumerate(lines):
        days = rows[:, 0].astype(np.int64)
        energy[place, days], coverage[place, days], estimated[place, days] = (
            rows[:, 1],
            rows[:, 2],
            rows[:, 3],
        )
    return DailyColumns(building, tuple(key for key, _ in lines), energy, coverage, estimated)
