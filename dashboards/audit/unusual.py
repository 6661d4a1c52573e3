"""Days that stand out, and days that were not measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from statistics import fmean, median

from collector.model import DailyRow
from dashboards.audit.baseline import FULL

NEIGHBOURS = 4
"""Weeks before and after whose same weekday a day is compared with."""
DEVIATIONS = 4.0
LEAST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Unusual:
    """A day whose electricity is far from the same weekdays around it, kWh."""

    day: date
    kwh: float
    expected: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Days in a row that were not measured in full. coverage: their mean, 0 to 1."""

    carrier: str
    first: date
    last: date
    coverage: float


def unusual(days: Sequence[DailyRow]) -> Iterator[Unusual]:
    """Days further from the median of their neighbouring same weekdays than those scatter.

    Rule: |x - median| > 4 · 1.4826 · MAD and > 20 % of the median; at least three neighbours.
    """
    by_day = {row.day: row.energy for row in days if row.coverage >= FULL}
    for day, kwh in by_day.items():
        weeks = [week for week in range(-NEIGHBOURS, NEIGHBOURS + 1) if week]
        around = [by_day[at] for week in weeks if (at := day + timedelta(weeks=week)) in by_day]
        if len(around) < 3:
            continue
        middle = median(around)
        scatter = 1.4826 * median(abs(each - middle) for each in around)
        if abs(kwh - middle) > max(DEVIATIONS * scatter, LEAST_SHARE * middle):
            yield Unusual(day, kwh, middle)


def gaps(rows: Sequence[DailyRow], first: date, last: date) -> Iterator[Gap]:
    """Runs of days below full coverage, by carrier; a day without a row counts as 0."""
    carriers = sorted({row.carrier for row in rows if row.item == "total"})
    for carrier in carriers:
        covered = {row.day: row.coverage for row in rows if (row.carrier, row.item) == (carrier, "total")}
        days = [first + timedelta(days=index) for index in range((last - first).days + 1)]
        for poor, run in groupby(days, key=lambda day: covered.get(day, 0.0) < FULL):
            if poor:
                found = list(run)
                yield Gap(carrier, found[0], found[-1], fmean(covered.get(day, 0.0) for day in found))
