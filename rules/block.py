"""Daily values of buildings that have the same series, as one array: summed and weighted all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from rules.series import Days, Floats, Key, base_of, relations

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of some days, arrays of shape (buildings, keys). heard: there is at least one value."""

    heard: Bools
    energy: Floats
    coverage: Floats
    estimated: Floats


class Block:
    """`days` of n buildings, all with the same keys, first day and count, from the first day any is heard."""

    def __init__(self, days: Sequence[Days]) -> None:
        self._days = days
        self.size = len(days)
        energy = np.stack([each.energy for each in days])
        derived = relations(days[0].index, energy)
        self.keys: tuple[Key, ...] = (*days[0].keys, *derived)
        self.index = {key: place for place, key in enumerate(self.keys)}
        self._bases: list[int] = []
        if derived:
            self._bases = [self.index[base_of(days[0].index)]] * len(derived)
            energy = np.concatenate([energy, np.stack(list(derived.values()), axis=1)], axis=1)
        absent = np.isnan(energy)
        there = np.logical_not(np.logical_and.reduce(absent, axis=1))
        heard = np.full(len(days), days[0].count)
        if there.size:
            heard = np.where(np.logical_or.reduce(there, axis=1), there.argmax(axis=1), days[0].count)
        self._low = int(heard.min())
        self._heard = heard - self._low
        self.start = days[0].first.toordinal() + self._low
        self._absent = absent[:, :, self._low :]
        self._filled = energy[:, :, self._low :]
        self._gapless = not self._absent.any()
        if not self._gapless:
            self._filled = np.where(self._absent, 0.0, self._filled)

    def _columns(self, first: date, last: date) -> tuple[int, int]:
        width = self._filled.shape[2]
        low = min(max(0, first.toordinal() - self.start), width)
        return low, max(low, min(width, last.toordinal() + 1 - self.start))

    def totals(self, first: date, last: date) -> Totals:
        """Sums over first..last. Days are added in calendar order: the order of the rows does not matter."""
        low, high = self._columns(first, last)
        energy = self._filled[:, :, low:high]
        cut = slice(self._low + low, self._low + high)
        coverage = self._of_days([each.coverage[:, cut] for each in self._days])
        estimated = self._of_days([each.estimated[:, cut] for each in self._days])
        start = self._days[0].first.toordinal()
        asked = min(last.toordinal(), start + self._days[0].count - 1) - max(first.toordinal(), start) + 1
        parts = np.zeros(energy.shape[:2])
        if estimated.any():
            size = np.abs(energy)
            weight = size.sum(axis=2)
            parts = (size * estimated).sum(axis=2) / np.where(weight > 0, weight, 1.0)
        return Totals(
            np.logical_not(np.logical_and.reduce(self._absent[:, :, low:high], axis=2)),
            energy.sum(axis=2),
            coverage.sum(axis=2) / max(asked, 1),
            parts,
        )

    def _of_days(self, lines: Sequence[Floats]) -> Floats:
        found = np.stack(lines)
        return np.concatenate([found, found[:, self._bases]], axis=1) if self._bases else found

    def combine(self, weights: Floats, first: date, last: date) -> Floats:
        """Daily sums of weight * energy from the first column on or after `first` through `last`.

        weights: shape (n, m, keys), m sums a building. Result: shape (n, m, days), NaN on days where a
        regular series of the sum has no value. A series that has values on less than half of the days since
        its building was heard (a monthly oil delivery) is not regular.
        """
        low, high = self._columns(first, last)
        sums: Floats = weights @ self._filled[:, :, low:high]
        if self._gapless:
            return sums
        absent = self._absent[:, :, low:high]
        silent = np.maximum(self._heard - low, 0)
        counted = np.maximum(high - low - silent, 1)
        regular = absent.sum(axis=2) - silent[:, None] <= 0.5 * counted[:, None]
        used = weights != 0
        needed = used & regular[:, None, :]
        strict = needed.any(axis=2)
        needed = np.where(strict[:, :, None], needed, used)
        least = np.where(strict, 1.0, np.maximum(used.sum(axis=2), 1.0))
        gaps = needed.astype(np.float32) @ absent.astype(np.float32)
        sums[gaps >= least[:, :, None]] = np.nan
        sums[~used.any(axis=2)] = np.nan
        return sums


def blocks(days: Iterable[Days]) -> list[tuple[list[int], Block]]:
    """Days grouped by what they have in common: places in `days`, and their block."""
    found: dict[tuple[object, ...], list[tuple[int, Days]]] = {}
    for place, each in enumerate(days):
        found.setdefault((each.keys, each.first, each.count), []).append((place, each))
    return [([place for place, _ in group], Block([each for _, each in group])) for group in found.values()]
