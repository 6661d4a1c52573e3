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
        """The store's arrays of one building, which begin on `first`."""
        count = columns.energy.shape[1]
        return cls(first, count, columns.keys, columns.energy, columns.coverage, columns.estimated).derived()

    def derived(self) -> Days:
        """Add electricity's missing relations between total, grid, pv and export."""
        base = self.index.get((ELECTRICITY, "total"), self.index.get((ELECTRICITY, "grid")))
        if base is None:
            return self
        own = self._line_or_zero("pv") - self._line_or_zero("export")
        made: dict[Key, Floats] = {}
        if self._line("pv_self_use") is None:
            made[ELECTRICITY, "pv_self_use"] = own
        else:
            own = self._line_or_zero("pv_self_use")
        total, grid = self._line("total"), self._line("grid")
        if total is None and grid is not None:
            made[ELECTRICITY, "total"] = grid + own
        if grid is None and total is not None:
            made[ELECTRICITY, "grid"] = total - own
        if not made:
            return self
        extra = np.array(list(made.values()))
        repeat = np.repeat(base, len(made))
        return Days(
            self.first,
            self.count,
            (*self.keys, *made),
            np.vstack([self.energy, extra]),
            np.vstack([self.coverage, self.coverage[repeat]]),
            np.vstack([self.estimated, self.estimated[repeat]]),
        )

    def _line(self, item: str) -> Floats | None:
        place = self.index.get((ELECTRICITY, item))
        return None if place is None else self.energy[place]

    def _line_or_zero(self, item: str) -> Floats:
        line = self._line(item)
        return np.zeros(self.count) if line is None else np.nan_to_num(line)

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

    @cached_property
    def heard(self) -> date | None:
        """The first day on which any series has a value."""
        there = np.flatnonzero(~self._absent.all(axis=0)) if self.keys else np.array([])
        return self.first + timedelta(days=int(there[0])) if there.size else None

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

    def combine(self, weights: Mapping[Key, float]) -> Floats:
        """Daily sum of weight * energy, length `count`; NaN on days where a regular series has no value.

        A series that has values on less than half of the days (a monthly oil delivery) is not regular.
        """
        factors = np.zeros(len(self.keys))
        for key, weight in weights.items():
            if key in self.index:
                factors[self.index[key]] = weight
        used = factors != 0
        if not used.any():
            return np.full(self.count, np.nan)
        if self._whole:
            return factors @ self._filled
        regular = used & self._regular
        needed = regular if regular.any() else used
        gaps = needed.astype(np.float64) @ self._gaps
        gap = gaps > 0 if regular.any() else gaps >= used.sum()
        return np.where(gap, np.nan, factors @ self._filled)

    @cached_property
    def _whole(self) -> bool:
        return not self._absent.any()

    @cached_property
    def _gaps(self) -> Floats:
        return self._absent.astype(np.float64)

    @cached_property
    def _regular(self) -> npt.NDArray[np.bool_]:
        """Series with values on at least half of the days since the first value of any."""
        since = (self.heard - self.first).days if self.heard else 0
        return np.asarray(self._absent[:, since:].mean(axis=1) <= 0.5)
