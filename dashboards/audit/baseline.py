"""What a building would have used in this weather if it had gone on as in the year before.

CalTRACK 2.0, daily method (github openeemeter/caltrack, docs/methods.rst), as in IPMVP option C: a year of
days, at most 37 of them missing; use = base + h · HDD + c · CDD by least squares, slopes not below zero,
balance points and terms chosen for the highest adjusted R². Beyond it, weekends have a term of their own:
offices and shops differ more by the day of the week than by the weather.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

import numpy as np

from collector.model import DailyRow
from rules.forecast import COOLING_BASES, HEATING_BASES
from rules.series import Floats

YEAR, MOST_MISSING = 365, 37
LEAST_DEGREE_DAYS, LEAST_DAYS = 20.0, 10
FULL = 0.95
"""Coverage from which a day counts as measured: less than 72 minutes are missing."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The model of first..last and what it expects of the audited days.

    base_kwh: of a working day; weekend_kwh: added at weekends. heating, cooling: balance point in °C
    and kWh a degree day, None without that term.
    r2: adjusted. cvrmse: standard error over the mean. expected_kwh, actual_kwh: of the `compared` days of
    the period that were measured in full and whose temperature is known.
    """

    first: date
    last: date
    days: int
    base_kwh: float
    weekend_kwh: float
    heating: tuple[float, float] | None
    cooling: tuple[float, float] | None
    r2: float
    cvrmse: float
    compared: int
    expected_kwh: float
    actual_kwh: float

    @property
    def change(self) -> float:
        """Relative to what was expected, -0.1 is ten percent less."""
        return self.actual_kwh / self.expected_kwh - 1


def degree_days(outdoor: Mapping[date, float], first: date, last: date) -> tuple[float, float] | None:
    """HDD18 and CDD26 of the days first..last, °C·d; None if a temperature is missing."""
    found = [outdoor.get(first + timedelta(days=index)) for index in range((last - first).days + 1)]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    return sum(max(18 - t, 0.0) for t in known), sum(max(t - 26, 0.0) for t in known)


def baseline(
    before: Iterable[DailyRow], now: Iterable[DailyRow], outdoor: Mapping[date, float], first: date
) -> Baseline | None:
    """before, now: electricity totals of the year before `first` and of the audited days.

    None if days or temperatures are missing, or if no day can be compared.
    """
    start = first - timedelta(days=YEAR)
    known = _measured([row for row in before if start <= row.day < first], outdoor)
    asked = _measured(now, outdoor)
    if len(known[0]) < YEAR - MOST_MISSING or not len(asked[0]):
        return None
    best: tuple[float, list[float], float | None, float | None, float] | None = None
    for heating, cooling in product((None, *HEATING_BASES), (None, *COOLING_BASES)):
        found = _fit(known[0], _columns(*known[1:], heating, cooling))
        if found and (best is None or found[0] > best[0] + 1e-9):
            best = (found[0], found[1], heating, cooling, found[2])
    if best is None:
        return None
    r2, factors, heating, cooling, error = best
    expected = float((_columns(*asked[1:], heating, cooling) @ np.array(factors)).sum())
    if expected <= 0:
        return None
    slopes = iter(factors[2:])
    return Baseline(
        first=start,
        last=first - timedelta(days=1),
        days=len(known[0]),
        base_kwh=factors[0],
        weekend_kwh=factors[1],
        heating=None if heating is None else (heating, next(slopes)),
        cooling=None if cooling is None else (cooling, next(slopes)),
        r2=r2,
        cvrmse=error / float(known[0].mean()),
        compared=len(asked[0]),
        expected_kwh=expected,
        actual_kwh=float(asked[0].sum()),
    )


def _measured(rows: Iterable[DailyRow], outdoor: Mapping[date, float]) -> tuple[Floats, Floats, Floats]:
    """Energy, temperature and weekend (0 or 1) of the days that are known; electricity of zero is missing."""
    known = [row for row in rows if row.coverage >= FULL and row.energy > 0 and row.day in outdoor]
    return (
        np.array([row.energy for row in known]),
        np.array([outdoor[row.day] for row in known]),
        np.array([float(row.day.weekday() >= 5) for row in known]),
    )


def _columns(t: Floats, weekend: Floats, heating: float | None, cooling: float | None) -> Floats:
    columns = [np.ones_like(t), weekend]
    if heating is not None:
        columns.append(np.maximum(heating - t, 0.0))
    if cooling is not None:
        columns.append(np.maximum(t - cooling, 0.0))
    return np.stack(columns, axis=1)


def _fit(y: Floats, terms: Floats) -> tuple[float, list[float], float] | None:
    """Adjusted R², factors and standard error; None if a slope is below zero or rests on too few days."""
    degrees = terms[:, 2:]
    if (degrees.sum(axis=0) < LEAST_DEGREE_DAYS).any() or ((degrees > 0).sum(axis=0) < LEAST_DAYS).any():
        return None
    factors = np.linalg.lstsq(terms, y, rcond=None)[0]
    if (factors[2:] < 0).any():
        return None
    n, p = terms.shape
    left = float(((y - terms @ factors) ** 2).sum())
    total = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - (left / (n - p)) / (total / (n - 1)) if total > 0 else 0.0
    return r2, factors.tolist(), (left / (n - p)) ** 0.5
