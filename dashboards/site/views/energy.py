"""Energy by day or month of many buildings, read in parts: nothing holds all of it at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

from collector.model import DailyRow, SumRow
from collector.store import Store
from dashboards.site.cache import Cache

PART = 50
"""Buildings read at once: as many as InfluxStore names in one query."""
COUNTS_S = 15.0

Rows = list[tuple[str, DailyRow | SumRow]]


@dataclass(frozen=True, slots=True)
class Query:
    """buildings: ids in order. carrier, item: None for every one. by_month: calendar months, else days."""

    first: date
    last: date
    buildings: tuple[str, ...]
    carrier: str | None
    item: str | None
    by_month: bool


def page(store: Store, cache: Cache, query: Query, offset: int, limit: int) -> tuple[int, Rows]:
    """How many rows there are, and those of offset..offset+limit; each (period, row), by building first."""
    counts = cache.get(("energy", query), COUNTS_S, lambda: _counts(store, query))
    start, total, wanted = 0, 0, []
    for building, count in counts.items():
        if total + count <= offset:
            start = total + count
        elif total < offset + limit:
            wanted.append(building)
        total += count
    rows = _read(store, query, wanted) if wanted else []
    return total, rows[offset - start : offset - start + limit]


def parts(store: Store, query: Query) -> Iterator[Rows]:
    """Every row, some buildings at a time."""
    ids = iter(query.buildings)
    while part := list(islice(ids, PART)):
        yield _read(store, query, part)


def months(first: date, last: date) -> Iterator[tuple[str, date, date]]:
    """Each calendar month of first..last: `2026-10`, its first and its last day inside."""
    while first <= last:
        following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        yield f"{first:%Y-%m}", first, min(last, following - timedelta(days=1))
        first = following


def _spans(query: Query) -> Iterator[tuple[str, date, date]]:
    return months(query.first, query.last) if query.by_month else iter([("", query.first, query.last)])


def _counts(store: Store, query: Query) -> dict[str, int]:
    """How many rows each building has, in order."""
    counts: Counter[str] = Counter()
    for _, first, last in _spans(query):
        for row in store.sums(first, last, query.buildings, query.carrier, query.item):
            counts[row.building] += 1 if query.by_month else row.days
    return dict(sorted(counts.items()))


def _read(store: Store, query: Query, buildings: Sequence[str]) -> Rows:
    if not query.by_month:
        return [
            (row.day.isoformat(), row)
            for row in store.daily(query.first, query.last, buildings, query.carrier, query.item)
        ]
    rows: Rows = [
        (month, row)
        for month, first, last in _spans(query)
        for row in store.sums(first, last, buildings, query.carrier, query.item)
    ]
    return sorted(rows, key=lambda each: (each[1].building, each[1].carrier, each[1].item, each[0]))
