"""The store: a small protocol that SQLite and InfluxDB both keep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from collector.model import DailyRow, EdgeRow, IntervalRow, JudgementRow, Latest, SumRow
from edge.wire import IntervalGroup, SampleGroup


class Store(Protocol):
    """Facts in, facts out. Every method blocks: callers in an event loop use a thread.

    All writes are idempotent: a sample is (building, device, at), an interval (building, device,
    carrier, direction, start), a daily row (building, carrier, item, day), a judgement (building,
    scheme, basis, period, tables_version). The last write of a key wins.
    Every method raises StoreUnavailable if the store cannot answer now.
    """

    def write(self, samples: Sequence[SampleGroup], intervals: Sequence[IntervalGroup]) -> None:
        """Store checked groups durably; on return they survive a power cut.

        Marks every (building, local day) whose intervals it touches as dirty in the same step.
        """

    def write_daily(self, rows: Sequence[DailyRow]) -> None: ...

    def write_judgements(self, rows: Sequence[JudgementRow]) -> None: ...

    def write_edge(self, row: EdgeRow) -> None: ...

    def latest(self, building: str | None = None) -> list[Latest]:
        """The last values of each device, of one building or of all.

        A device polled in groups sends samples of several shapes: values of the quarter hour
        before the newest sample are kept with it, the newest of each quantity.
        """

    def series(
        self, building: str, device: str, quantity: str, start: int, end: int, step_s: int = 0
    ) -> list[tuple[int, float]]:
        """Values in [start, end) ms, oldest first.

        With a step, the mean of each step that holds a value, at the step's start; steps count
        from the epoch.
        """

    def intervals(
        self, building: str, start: int, end: int, devices: Iterable[str] | None = None
    ) -> list[IntervalRow]:
        """Intervals whose start is in [start, end) ms, ordered by device, direction, start."""

    def daily(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[DailyRow]:
        """Daily rows of first..last, both included, ordered by building, carrier, item, day."""

    def sums(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[SumRow]:
        """The daily rows of first..last added up in the store: one row a building, carrier and item."""

    def judgements(
        self, period: str | None = None, building: str | None = None, newest: bool = True
    ) -> list[JudgementRow]:
        """Judgements; with `newest`, only the last judged_at of each building, scheme, basis, period."""

    def edges(self) -> list[EdgeRow]: ...

    def dirty_days(self) -> list[tuple[str, date]]:
        """(building, local day) that were written since their last rollup."""

    def clean_day(self, building: str, day: date, read_at: int) -> None:
        """The rollup that began reading at `read_at` ms is stored; later writes keep the day dirty."""

    def clean_days(self, days: Iterable[tuple[str, date]], read_at: int) -> None:
        """`clean_day` for many days at once."""

    def prune(self, before: int) -> int:
        """Drop raw samples older than `before` ms; 0 where the store's own retention does that."""

    def close(self) -> None: ...
