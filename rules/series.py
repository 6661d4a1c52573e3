"""Daily energy of one building as arrays: rows in any order, repeated or not, become one fact per day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from collector.columns import DailyColumns
from collector.model import DailyRow

Key = tuple[str, str]  # carrier, item
Floats = npt.NDArray[np.float64]

ELECTRICITY = "electricity"


@dataclass(frozen=True, slots=True)
class Total:
    """One carrier and item over some days. coverage: mean of the days, a day without a row counts 0."""

    energy: float
    coverage: float
    estimated: float


def base_of(index: Mapping[Key, int]) -> Key:
    """The electricity series that derived ones take their coverage from; there must be one."""
    total = (ELECTRICITY, "total")
    return total if total in index else (ELECTRICITY, "grid")


def relations(index: Mapping[Key, int], energy: Floats) -> dict[Key, Floats]:
    """What electricity's series lack of total, grid and own use; energy has keys and days as last axes."""

    def line(item: str) -> Floats | None:
        place = index.get((ELECTRICITY, item))
        return None if place is None else energy[..., place, :]

    def filled(item: str) -> Floats | float:
        found = line(item)
        return 0.0 if found is None else np.nan_to_num(found)

    total, grid, used_here = line("total"), line("grid"), line("pv_self_use")
    known = total if total is not None else grid
    if known is None:
        return {}
    made: dict[Key, Floats] = {}
    own = filled("pv_self_use")
    if used_here is None:
        own = made[ELECTRICITY, "pv_self_use"] = np.zeros(known.shape) + filled("pv") - filled("export")
    if total is None and grid is not None:
        made[ELECTRICITY, "total"] = grid + own
    if grid is None and total is not None:
        made[ELECTRICITY, "grid"] = total - own
    return made


@dataclass(frozen=True)
class Days:
    """Daily values from `first` on, `count` days, one line of each array per key (carrier, item).

    energy, coverage, estimated: shape (len(keys), count); energy is NaN on a day without a row.
    Electricity with a total always has `grid` and `pv_self_use`: a building without a grid row draws its
    total less what it generates and uses itself.
    """

    first: date
    count: int
    keys: tuple[Key, ...]
    energy: Floats
    coverage: Floats
    estimated: Floats
    index: Mapping[Key, int] = field(init=False, repr=False, compare=False)
    _windows: dict[tuple[int, int], Days] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", {key: place for place, key in enumerate(self.keys)})

    @classmethod
    def of(cls, rows: Iterable[DailyRow], first: date, last: date) -> Days:
        """The rows of first..last, both included. A day that comes twice counts once."""
        count = max(0, (last - first).days + 1)
        start = first.toordinal()
        lines: dict[Key, tuple[list[float], list[float], list[float]]] = {}
        for row in rows:
            at = row.day.toordinal() - start
            if not 0 <= at < count:
                continue
            key = (row.carrier, row.item)
            if key not in lines:
                lines[key] = ([math.nan] * count, [0.0] * count, [0.0] * count)
            energy, coverage, estimated = lines[key]
            energy[at], coverage[at], estimated[at] = row.energy, row.coverage, row.estimated
        keys = tuple(sorted(lines))
        arrays = [np.array([lines[key][part] for key in keys], dtype=np.float64) for part in range(3)]
        shape = (len(keys), count)
        return cls(first, count, keys, *(array.reshape(shape) for array in arrays)).derived()

    @classmethod
    def of_columns(cls, columns: DailyColumns, first: date) -> Days:
        """The store's arrays of one building, which begin on `first`; a Block derives what they lack."""
        count = columns.energy.shape[1]
        return cls(first, count, columns.keys, columns.energy, columns.coverage, columns.estimated)

    def derived(self) -> Days:
        """Add electricity's missing relations between total, grid, pv and export."""
        made = relations(self.index, self.energy)
        if not made:
            return self
        base = np.repeat(self.index[base_of(self.index)], len(made))
        return Days(
            self.first,
            self.count,
            (*self.keys, *made),
            np.vstack([self.energy, np.array(list(made.values()))]),
            np.vstack([self.coverage, self.coverage[base]]),
            np.vstack([self.estimated, self.estimated[base]]),
        )

    def window(self, first: date, last: date) -> Days:
        """The days of first..last that lie inside."""
        low = min(max(0, (first - self.first).days), self.count)
        high = max(low, min(self.count, (last - self.first).days + 1))
        if (low, high) == (0, self.count):
            return self
        if (low, high) not in self._windows:
            self._windows[low, high] = self._cut(low, high)
        return self._windows[low, high]

    def _cut(self, low: int, high: int) -> Days:
        cut = slice(low, high)
        days = Days(
            self.first + timedelta(days=low),
            high - low,
            self.keys,
            self.energy[:, cut],
            self.coverage[:, cut],
            self.estimated[:, cut],
        )
        days.__dict__.update(_absent=self._absent[:, cut], _filled=self._filled[:, cut])
        return days

    def carriers(self) -> list[str]:
        """Carriers with a total on at least one day."""
        return sorted(
            carrier
            for place, (carrier, item) in enumerate(self.keys)
            if item == "total" and not np.isnan(self.energy[place]).all()
        )

    def last_day(self) -> date | None:
        """The last day on which any series has a value."""
        there = np.flatnonzero(~np.isnan(self.energy).all(axis=0)) if self.keys else np.array([])
        return self.first + timedelta(days=int(there[-1])) if there.size else None

    def total(self, carrier: str, item: str = "total") -> Total | None:
        """Sum over all days; None if there is not one value."""
        place = self.index.get((carrier, item))
        if place is None or self.count == 0:
            return None
        heard, energy, coverage, estimated = self._totals
        return Total(energy[place], coverage[place], estimated[place]) if heard[place] else None

    @cached_property
    def _absent(self) -> npt.NDArray[np.bool_]:
        return np.isnan(self.energy)

    @cached_property
    def _filled(self) -> Floats:
        return np.where(self._absent, 0.0, self.energy)

    @cached_property
    def _totals(self) -> tuple[list[bool], list[float], list[float], list[float]]:
        """Of all keys: heard at all, energy, coverage, estimated share.

        Days are added in calendar order, so a sum does not depend on the order of the rows.
        """
        size = np.abs(self._filled)
        weight = size.sum(axis=1)
        estimated = (size * self.estimated).sum(axis=1) / np.where(weight > 0, weight, 1.0)
        energy = self._filled.sum(axis=1)
        coverage = self.coverage.sum(axis=1) / self.count
        heard: list[bool] = np.any(~self._absent, axis=1).tolist()
        return heard, energy.tolist(), coverage.tolist(), estimated.tolist()
