"""The store: a small protocol that SQLite and InfluxDB both keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from collector.columns import DailyColumns
from collector.model import DailyRow, EdgeRow, EventRow, IntervalRow, JudgementRow, Latest, Rejected, SumRow
from drivers.errors import BeaconError, StoreUnavailable


class SampleRows(Protocol):
    """Samples of one device in one shape: edge.wire.SampleGroup, or the collector's own checked form."""

    @property
    def building(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def fields(self) -> Sequence[str]: ...
    @property
    def rows(self) -> Sequence[Sequence[float | None]]: ...


class IntervalRows(Protocol):
    """Intervals of one register: edge.wire.IntervalGroup, or the collector's own checked form."""

    @property
    def building(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def carrier(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def rows(self) -> Sequence[tuple[int, int, float, int, int]]: ...


class PartlyStored(BeaconError):
    """The store took the rest for good, and will never take what is named in `rejected`."""

    def __init__(self, rejected: Sequence[Rejected]) -> None:
        super().__init__("; ".join(f"{each.building} {each.device}: {each.reason}" for each in rejected))
        self.rejected = tuple(rejected)


class StoreBusy(StoreUnavailable):
    """The store asks for so many seconds of peace."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class Store(Protocol):
    """Facts in, facts out. Every method blocks: callers in an event loop use a thread.

    All writes are idempotent: a sample is (building, device, at), an interval (building, device,
    carrier, direction, start), an event (building, device, quantity, kind, at), a daily row (building,
    carrier, item, day), a judgement (building, scheme, basis, period, tables_version). The last write
    of a key wins.
    Every method raises StoreUnavailable if the store cannot answer now.
    A store can be pickled: another process opens it for itself.
    """

    zones: Mapping[str, str]
    """Building id -> IANA time zone where it is not Asia/Shanghai."""

    def write(
        self,
        samples: Sequence[SampleRows],
        intervals: Sequence[IntervalRows],
        events: Sequence[EventRow] = (),
    ) -> None:
        """Store checked groups and events durably; on return they survive a power cut.

        Marks every (building, local day) whose intervals it touches as dirty in the same step.
        Raises PartlyStored if it will never take some groups; the others are stored.
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

    def interval_groups(
        self, building: str, start: int, end: int, devices: Iterable[str] | None = None
    ) -> Sequence[IntervalRows]:
        """The same intervals grouped by register, without an object an interval: for rollups and curves."""

    def events(self, building: str, first_ms: int, last_ms: int) -> list[EventRow]:
        """Events of first_ms..last_ms, both included, ordered by time, device, quantity, kind."""

    def daily(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[DailyRow]:
        """Daily rows of first..last, both included, ordered by building, carrier, item, day."""

    def daily_columns(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        items: Iterable[str] | None = None,
    ) -> list[DailyColumns]:
        """The daily rows of first..last as arrays, one object for each building that has any, in order."""

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
        self,
        period: str | None = None,
        building: str | None = None,
        newest: bool = True,
        detail: bool = True,
    ) -> list[JudgementRow]:
        """Judgements; with `newest`, only the last judged_at of each building, scheme, basis, period.

        Without `detail` its text, which is most of a row, is not read and is "".
        """

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


def interval_rows(groups: Iterable[IntervalRows]) -> list[IntervalRow]:
    """`Store.intervals` from `Store.interval_groups`."""
    found = [
        IntervalRow(group.building, group.device, group.carrier, group.direction, *row)
        for group in groups
        for row in group.rows
    ]
    found.sort(key=lambda row: (row.device, row.direction, row.start))
    return found
