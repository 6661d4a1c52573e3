"""Keeps daily rows true: every day that was written to is rolled up again, however late the data came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from collector.local_day import day_bounds
from collector.model import DailyRow
from collector.registry import Building, Registry
from collector.rollup import rollup
from collector.store import PartlyStored, Store
from drivers.errors import StoreUnavailable

logger = logging.getLogger(__name__)

SPAN_DAYS = 92
WRITE_ROWS = 50_000


class Roller:
    """Rolls up dirty days of one store. Doing a day twice changes nothing."""

    def __init__(self, store: Store, registry: Registry, clock: Callable[[], int]) -> None:
        self._store = store
        self.registry = registry
        self._clock = clock
        self._told: set[tuple[str, str]] = set()

    async def run(self, tell: Callable[[float], None] | None = None, every_s: float = 2.0) -> None:
        """Until cancelled. tell: is given the number of days found dirty each time."""
        waiting = False
        while True:
            try:
                days = await asyncio.to_thread(self.roll_dirty)
            except StoreUnavailable as error:
                if not waiting:
                    logger.warning("rollups wait for the store: %s", error)
                waiting = True
            else:
                waiting = False
                if tell is not None:
                    tell(days)
            await asyncio.sleep(every_s)

    def roll_dirty(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Roll up everything dirty now; returns how many days. progress: (days done, days in all).

        Raises StoreUnavailable; what was done until then stays done.
        """
        read_at = self._clock()
        dirty = self._store.dirty_days()
        done, rows, days = 0, list[DailyRow](), list[tuple[str, date]]()
        for building, span in _spans(dirty):
            known = self.registry.buildings.get(building)
            if known is not None:
                try:
                    rows += self._roll_span(known, span)
                except (ArithmeticError, LookupError, TypeError, ValueError):
                    # One building's odd data must not end the rollups of the others.
                    self._tell_once(building, "cannot be rolled up", trace=True)
                    continue
            else:
                self._tell_once(building, "has readings but is not in the registry: no totals")
            days += [(building, day) for day in span]
            if len(rows) >= WRITE_ROWS:
                done += self._finish(rows, days, read_at)
                if progress is not None:
                    progress(done, len(dirty))
                rows, days = [], []
        if days:
            done += self._finish(rows, days, read_at)
        if progress is not None:
            progress(done, len(dirty))
        return done

    def roll(self, building: Building, first: date, last: date) -> int:
        """Roll up first..last of one building whether dirty or not: after a corrected meter tree."""
        written = 0
        for _, span in _spans([(building.id, first + timedelta(n)) for n in range((last - first).days + 1)]):
            rows = self._roll_span(building, span)
            self._store.write_daily(rows)
            written += len(rows)
        return written

    def _finish(self, rows: Sequence[DailyRow], days: Sequence[tuple[str, date]], read_at: int) -> int:
        try:
            if rows:
                self._store.write_daily(rows)
        except PartlyStored as error:
            logger.error("daily rows that the store will never take: %s", error)
        self._store.clean_days(days, read_at)
        return len(days)

    def _tell_once(self, building: str, problem: str, trace: bool = False) -> None:
        if (building, problem) not in self._told:
            self._told.add((building, problem))
            logger.warning("building %s %s", building, problem, exc_info=trace)

    def _roll_span(self, building: Building, span: Sequence[date]) -> list[DailyRow]:
        """The rows of consecutive days; rows that are stored but no longer come out become zero."""
        start = day_bounds(span[0], building.time_zone)[0]
        end = day_bounds(span[-1], building.time_zone)[1]
        rows = rollup(building, self._store.interval_groups(building.id, start, end))
        now = {(row.carrier, row.item, row.day) for row in rows}
        stored = self._store.daily(span[0], span[-1], buildings=[building.id])
        return rows + [
            old._replace(energy=0.0, coverage=0.0, estimated=0.0, peak_kw=None, base_kw=None)
            for old in stored
            if (old.carrier, old.item, old.day) not in now
        ]


def _spans(days: Sequence[tuple[str, date]]) -> Iterator[tuple[str, list[date]]]:
    """Runs of consecutive days of one building, not too long."""
    for building, group in groupby(sorted(days), key=lambda each: each[0]):
        span: list[date] = []
        for _, day in group:
            if span and ((day - span[-1]).days > 1 or len(span) >= SPAN_DAYS):
                yield building, span
                span = []
            span.append(day)
        yield building, span
