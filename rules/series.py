"""Daily energy of one building as arrays: rows in any order, repeated or not, become one fact per day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

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
    """Daily values from `first` on, `count` days; energy is NaN on a day without a row.

    energy[key], coverage[key], estimated[key]: arrays of length `count`; key is (carrier, item).
    Electricity always has `grid` and `pv_self_use` when it has a total: a building without a grid row
    draws its total less what it generates and uses itself.
    """

    first: date
    count: int
    energy: Mapping[Key, Floats]
    coverage: Mapping[Key, Floats]
    estimated: Mapping[Key, Floats]

    @classmethod
    def of(cls, rows: Iterable[DailyRow], first: date, last: date) -> Days:
        """The rows of first..last, both included. A day that comes twice counts once."""
        count = (last - first).days + 1
        start = first.toordinal()
        energy: dict[Key, Floats] = {}
        coverage: dict[Key, Floats] = {}
        estimated: dict[Key, Floats] = {}
        for row in rows:
            index = row.day.toordinal() - start
            if not 0 <= index < count:
                continue
            key = (row.carrier, row.item)
            if key not in energy:
                energy[key] = np.full(count, np.nan)
                coverage[key], estimated[key] = np.zeros(count), np.zeros(count)
            energy[key][index] = row.energy
            coverage[key][index] = row.coverage
            estimated[key][index] = row.estimated
        return cls(first, count, energy, coverage, estimated).derived()

    def derived(self) -> Days:
        """Add electricity's missing relations between total, grid, pv and export."""
        energy, coverage, estimated = dict(self.energy), dict(self.coverage), dict(self.estimated)
        total, grid = energy.get((ELECTRICITY, "total")), energy.get((ELECTRICITY, "grid"))
        base = (ELECTRICITY, "total" if total is not None else "grid")
        if total is None and grid is None:
            return self
        pv = np.nan_to_num(energy.get((ELECTRICITY, "pv"), np.zeros(self.count)))
        export = np.nan_to_num(energy.get((ELECTRICITY, "export"), np.zeros(self.count)))
        own = energy.get((ELECTRICITY, "pv_self_use"))
        own = pv - export if own is None else np.nan_to_num(own)
        made = {"pv_self_use": own}
        if total is None and grid is not None:
            made["total"] = grid + own
        if grid is None and total is not None:
            made["grid"] = total - own
        for item, values in made.items():
            key = (ELECTRICITY, item)
            energy[key], coverage[key], estimated[key] = values, coverage[base], estimated[base]
        return Days(self.first, self.count, energy, coverage, estimated)

    def window(self, first: date, last: date) -> Days:
        """The days of first..last that lie inside."""
        low = max(0, (first - self.first).days)
        high = max(low, min(self.count, (last - self.first).days + 1))

        def cut(arrays: Mapping[Key, Floats]) -> dict[Key, Floats]:
            return {key: values[low:high] for key, values in arrays.items()}

        return Days(
            self.first + timedelta(days=low),
            high - low,
            cut(self.energy),
            cut(self.coverage),
            cut(self.estimated),
        )

    def carriers(self) -> list[str]:
        """Carriers with a total on at least one day."""
        return sorted(
            {carrier for (carrier, item), values in self.energy.items() if item == "total" and _any(values)}
        )

    def last_day(self) -> date | None:
        """The last day on which any series has a value."""
        last = -1
        for values in self.energy.values():
            there = np.flatnonzero(~np.isnan(values))
            last = max(last, int(there[-1]) if there.size else -1)
        return self.first + timedelta(days=last) if last >= 0 else None

    def total(self, carrier: str, item: str = "total") -> Total | None:
        """Sum over all days; None if there is not one value. Exact to the last bit of the rows' sum."""
        values = self.energy.get((carrier, item))
        if values is None or not _any(values) or self.count == 0:
            return None
        there = np.nan_to_num(values)
        energy = math.fsum(there.tolist())
        estimated = math.fsum((np.abs(there) * self.estimated[carrier, item]).tolist())
        weight = math.fsum(np.abs(there).tolist())
        coverage = math.fsum(self.coverage[carrier, item].tolist()) / self.count
        return Total(energy, coverage, estimated / weight if weight else 0.0)


def _any(values: Floats) -> bool:
    return bool(np.any(~np.isnan(values)))
