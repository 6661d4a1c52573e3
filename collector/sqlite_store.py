"""The store in one SQLite file: the default of one building, the demo and a few hundred buildings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import orjson

from collector import interval_block, sqlite_schema
from collector.batch_cut import CheckedSamples
from collector.columns import DailyColumns, Line, columns
from collector.interval_block import DAY_MS
from collector.local_day import local_days, now_ms, zone_of
from collector.model import DailyRow, EdgeRow, EventRow, IntervalRow, JudgementRow, Latest, SumRow
from collector.payload import CheckedIntervals
from collector.sqlite_file import SqliteFile
from collector.store import IntervalRows, SampleRows, interval_rows

LATEST_WINDOW_MS = 15 * 60_000
_day = lru_cache(maxsize=20_000)(date.fromordinal)


class SqliteStore(SqliteFile):
    """A `Store` in a file. One writer at a time, any number of readers, from any thread or process.

    zones: building id -> IANA time zone for buildings outside Asia/Shanghai.
    Raises ConfigError if the file is not a store or was written by a newer version.
    """

    def __init__(
        self, path: Path | str, zones: Mapping[str, str] | None = None, clock: Callable[[], int] = now_ms
    ) -> None:
        super().__init__(path)
        self.zones: Mapping[str, str] = zones or {}
        self._clock = clock
        self._seen_dirty: dict[tuple[str, date], int] = {}

    def __reduce__(self) -> tuple[type[SqliteStore], tuple[Path, dict[str, str]]]:
        """Sent to another process, the store is opened there anew."""
        return SqliteStore, (self.path, dict(self.zones))

    def write(
        self,
        samples: Sequence[SampleRows],
        intervals: Sequence[IntervalRows],
        events: Sequence[EventRow] = (),
    ) -> None:
        with self._write() as db:
            self._write_samples(db, samples)
            self._write_intervals(db, intervals)
            db.executemany(sqlite_schema.EVENT, [astuple(event) for event in events])

    def _write_samples(self, db: sqlite3.Connection, groups: Sequence[SampleRows]) -> None:
        rows: list[tuple[int, int, int, bytes]] = []
        newest: list[tuple[int, int, int, bytes]] = []
        for group in groups:
            key = (group.building, group.device)
            device = self._id(db, "device", "building, device", key, extra=group.kind)
            shape = self._id(db, "shape", "fields", (orjson.dumps(list(group.fields)).decode(),))
            packed = [(device, at, shape, row) for at, row in _packed_rows(group)]
            rows += packed
            device_, at, shape_, row = max(packed, key=lambda each: each[1])
            newest.append((device_, shape_, at, row))
        db.executemany(sqlite_schema.SAMPLE, rows)
        db.executemany(sqlite_schema.LATEST, newest)

    def _write_intervals(self, db: sqlite3.Connection, groups: Sequence[IntervalRows]) -> None:
        dirty: set[tuple[str, int]] = set()
        columns = "building, device, direction, carrier"
        for group in groups:
            key = (group.building, group.device, str(group.direction), str(group.carrier))
            register = self._id(db, "register", columns, key)
            blocks = []
            for day_start, rows in interval_block.by_day(group.rows).items():
                found = db.execute(
                    "SELECT block FROM interval_day WHERE register = ? AND day_start = ?",
                    (register, day_start),
                ).fetchone()
                if found:
                    rows = interval_block.merged(interval_block.decode(day_start, found[0]), rows)
                blocks.append((register, day_start, interval_block.encode(day_start, rows)))
            db.executemany(sqlite_schema.BLOCK, blocks)
            zone = zone_of(self.zones, group.building)
            days = local_days((row[0] for row in group.rows), zone)
            dirty.update((group.building, day.toordinal()) for day in days)
        touched_at = self._clock()
        db.executemany(sqlite_schema.DIRTY, [(building, day, touched_at) for building, day in sorted(dirty)])

    def write_daily(self, rows: Sequence[DailyRow]) -> None:
        columns = "building, carrier, item"
        with self._write() as db:
            db.executemany(
                sqlite_schema.DAILY,
                [
                    (
                        self._id(db, "account", columns, (row.building, row.carrier, row.item)),
                        row.day.toordinal(), row.energy, row.coverage, row.estimated,
                        row.peak_kw, row.base_kw,
                    )
                    for row in rows
                ],
            )  # fmt: skip

    def write_judgements(self, rows: Sequence[JudgementRow]) -> None:
        with self._write() as db:
            db.executemany(
                sqlite_schema.JUDGEMENT,
                [
                    (
                        row.building, row.scheme, row.basis, row.period, row.tables_version, row.judged_at,
                        row.unit, row.used, row.limit, row.share, row.expected_share, row.forecast,
                        row.forecast_low, row.forecast_high, row.level, row.coverage,
                        row.passes_on.toordinal() if row.passes_on else None, row.detail,
                    )
                    for row in rows
                ],
            )  # fmt: skip

    def write_edge(self, row: EdgeRow) -> None:
        with self._write() as db:
            status = orjson.dumps(row.status).decode()
            db.execute(sqlite_schema.EDGE, (row.site, row.edge, row.received_at, status))

    def latest(self, building: str | None = None) -> list[Latest]:
        where = "WHERE d.building = ?" if building else ""
        with self._read() as db:
            rows = db.execute(
                "SELECT d.building, d.device, d.kind, l.at, s.fields, l.row FROM device d "
                f"JOIN latest l ON l.device = d.id JOIN shape s ON s.id = l.shape {where} "
                "ORDER BY d.building, d.device, l.at DESC",
                (building,) if building else (),
            ).fetchall()
        found: dict[tuple[str, str], Latest] = {}
        for building_, device, kind, at, fields, row in rows:
            one = found.setdefault((building_, device), Latest(building_, device, kind, at, {}))
            if one.at - at <= LATEST_WINDOW_MS:
                names, values = orjson.loads(fields), orjson.loads(row)[1:]
                for name, value in zip(names, values, strict=True):
                    if value is not None:
                        one.values.setdefault(name, value)
        return list(found.values())

    def series(
        self, building: str, device: str, quantity: str, start: int, end: int, step_s: int = 0
    ) -> list[tuple[int, float]]:
        points: list[tuple[int, float]] = []
        with self._read() as db:
            shapes = {
                id_: names.index(quantity) + 1
                for id_, fields in db.execute("SELECT id, fields FROM shape")
                if quantity in (names := orjson.loads(fields))
            }
            rows = db.execute(
                "SELECT s.at, s.shape, s.row FROM device d JOIN sample s ON s.device = d.id "
                "WHERE d.building = ? AND d.device = ? AND s.at >= ? AND s.at < ? ORDER BY s.at",
                (building, device, start, end),
            )
            for at, shape, row in rows:
                index = shapes.get(shape)
                if index is not None and (value := orjson.loads(row)[index]) is not None:
                    points.append((at, float(value)))
        return _means(points, step_s * 1000) if step_s else points

    def intervals(
        self, building: str, start: int, end: int, devices: Iterable[str] | None = None
    ) -> list[IntervalRow]:
        return interval_rows(self.interval_groups(building, start, end, devices))

    def interval_groups(
        self, building: str, start: int, end: int, devices: Iterable[str] | None = None
    ) -> list[CheckedIntervals]:
        named: str = ""
        parameters: tuple[str | int, ...] = (building, start - DAY_MS, end)
        if devices is not None:
            named = "AND r.device IN (SELECT value FROM json_each(?)) "
            parameters = (*parameters, orjson.dumps(list(devices)).decode())
        groups: dict[tuple[str, str, str], CheckedIntervals] = {}
        with self._read() as db:
            blocks = db.execute(
                "SELECT r.device, r.carrier, r.direction, i.day_start, i.block FROM register r "
                "JOIN interval_day i ON i.register = r.id "
                f"WHERE r.building = ? AND i.day_start > ? AND i.day_start < ? {named}"
                "ORDER BY r.device, r.direction, r.carrier, i.day_start",
                parameters,
            )
            for device, carrier, direction, day_start, block in blocks:
                rows = interval_block.decode(day_start, block, start, end)
                if rows:
                    empty = CheckedIntervals(building, device, carrier, direction, [])
                    groups.setdefault((device, direction, carrier), empty).rows += rows
        return list(groups.values())

    def events(self, building: str, first_ms: int, last_ms: int) -> list[EventRow]:
        with self._read() as db:
            rows = db.execute(
                f"SELECT {sqlite_schema.EVENT_COLUMNS} FROM event "
                "WHERE building = ? AND at BETWEEN ? AND ? ORDER BY at, device, quantity, kind",
                (building, first_ms, last_ms),
            )
            return [EventRow(*row) for row in rows]

    def daily(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[DailyRow]:
        where, parameters = _account_filter(buildings, carrier, item)
        between = (first.toordinal(), last.toordinal())
        rows: list[DailyRow] = []
        with self._read() as db:
            accounts = db.execute(
                f"SELECT id, building, carrier, item FROM account a {where} ORDER BY building, carrier, item",
                parameters,
            ).fetchall()
            for id_, building, carrier_, item_ in accounts:
                rows += [
                    DailyRow(
                        building, carrier_, item_, _day(day), energy, coverage, estimated, peak_kw, base_kw
                    )
                    for day, energy, coverage, estimated, peak_kw, base_kw in db.execute(
                        "SELECT day, energy, coverage, estimated, peak_kw, base_kw FROM daily "
                        "WHERE account = ? AND day BETWEEN ? AND ? ORDER BY day",
                        (id_, *between),
                    )
                ]
        return rows

    def daily_columns(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        items: Iterable[str] | None = None,
    ) -> list[DailyColumns]:
        where, parameters = _account_filter(buildings, None, None)
        if items is not None:
            where += " AND a.item IN (SELECT value FROM json_each(?))"
            parameters.append(orjson.dumps(list(items)).decode())
        start = first.toordinal()
        lines: list[Line] = []
        with self._read() as db:
            accounts = db.execute(f"SELECT id, building, carrier, item FROM account a {where}", parameters)
            for id_, building, carrier, item in accounts.fetchall():
                rows = db.execute(
                    "SELECT day - ?, energy, coverage, estimated FROM daily WHERE account = ? "
                    "AND day BETWEEN ? AND ?",
                    (start, id_, start, last.toordinal()),
                )
                values = np.fromiter(chain.from_iterable(rows), np.float64)
                lines.append((building, carrier, item, values.reshape(-1, 4)))
        return columns(lines, first, last)

    def sums(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[SumRow]:
        where, parameters = _account_filter(buildings, carrier, item)
        days = (last - first).days + 1
        with self._read() as db:
            rows = db.execute(
                "SELECT a.building, a.carrier, a.item, d.* FROM account a JOIN ("
                f"SELECT account, sum(energy), sum(coverage) / {days}.0, "
                "coalesce(sum(estimated * energy) / nullif(sum(energy), 0), 0), "
                "max(peak_kw), min(base_kw), count(*) FROM daily WHERE day BETWEEN ? AND ? "
                f"AND account IN (SELECT id FROM account a {where}) GROUP BY account"
                ") d ON d.account = a.id ORDER BY a.building, a.carrier, a.item",
                (first.toordinal(), last.toordinal(), *parameters),
            )
            return [SumRow(*row[:3], *row[4:]) for row in rows]

    def judgements(
        self,
        period: str | None = None,
        building: str | None = None,
        newest: bool = True,
        detail: bool = True,
    ) -> list[JudgementRow]:
        columns = sqlite_schema.JUDGEMENT_COLUMNS
        if not detail:
            columns = columns.removesuffix("detail") + "'' AS detail"
        conditions = [
            (text, value)
            for text, value in (("period = ?", period), ("building = ?", building))
            if value is not None
        ]
        where = f"WHERE {' AND '.join(text for text, _ in conditions)}" if conditions else ""
        key = "building, scheme, basis, period"
        rank = f"row_number() OVER (PARTITION BY {key} ORDER BY judged_at DESC, rowid DESC)"
        with self._read() as db:
            rows = db.execute(
                f"SELECT {sqlite_schema.JUDGEMENT_COLUMNS} "
                f"FROM (SELECT {columns}, {rank} AS place FROM judgement {where}) "
                f"{'WHERE place = 1' if newest else ''} ORDER BY {key}, judged_at",
                tuple(value for _, value in conditions),
            ).fetchall()
        return [
            JudgementRow(*(*row[:-2], date.fromordinal(row[-2]) if row[-2] else None, row[-1]))
            for row in rows
        ]

    def edges(self) -> list[EdgeRow]:
        with self._read() as db:
            rows = db.execute(
                "SELECT site, edge, received_at, status FROM edge ORDER BY site, edge"
            ).fetchall()
        return [EdgeRow(site, edge, at, orjson.loads(status)) for site, edge, at, status in rows]

    def dirty_days(self) -> list[tuple[str, date]]:
        with self._read() as db:
            rows = db.execute("SELECT building, day, touched_at FROM dirty ORDER BY building, day").fetchall()
        seen = {(building, date.fromordinal(day)): touched_at for building, day, touched_at in rows}
        self._seen_dirty = seen
        return list(seen)

    def clean_day(self, building: str, day: date, read_at: int) -> None:
        self.clean_days([(building, day)], read_at)

    def clean_days(self, days: Iterable[tuple[str, date]], read_at: int) -> None:
        """As `clean_day` for many days in one transaction.

        A write that was under way while the rollup began may carry an earlier time than `read_at`;
        so a day is cleaned only up to the mark that `dirty_days` showed.
        """
        limits = [
            (building, day.toordinal(), min(self._seen_dirty.get((building, day), read_at), read_at))
            for building, day in days
        ]
        with self._write() as db:
            db.executemany("DELETE FROM dirty WHERE building = ? AND day = ? AND touched_at <= ?", limits)

    def prune(self, before: int) -> int:
        """Delete raw samples older than `before` ms, keep everything else; returns how many went.

        One short transaction a device, so that writers never wait long.
        """
        with self._read() as db:
            devices = [row[0] for row in db.execute("SELECT id FROM device")]
        gone = 0
        for device in devices:
            with self._write() as db:
                gone += db.execute(
                    "DELETE FROM sample WHERE device = ? AND at < ?", (device, before)
                ).rowcount
        return gone


def _account_filter(
    buildings: Iterable[str] | None, carrier: str | None, item: str | None
) -> tuple[str, list[str]]:
    """A WHERE clause on `account a`, and its parameters."""
    conditions, parameters = ["1"], list[str]()
    if buildings is not None:
        conditions.append("a.building IN (SELECT value FROM json_each(?))")
        parameters.append(orjson.dumps(list(buildings)).decode())
    for column, value in (("carrier", carrier), ("item", item)):
        if value is not None:
            conditions.append(f"a.{column} = ?")
            parameters.append(str(value))
    return f"WHERE {' AND '.join(conditions)}", parameters


def _packed_rows(group: SampleRows) -> Iterator[tuple[int, bytes]]:
    """(at, [status, value, …] as JSON); cut from the wire's text where the group still has it."""
    if not isinstance(group, CheckedSamples) or group.text is None:
        for row in group.rows:
            yield int(row[0] or 0), orjson.dumps(row[1:])
    else:
        numbers, width = group.text.split(b","), len(group.fields) + 2
        for first in range(0, len(numbers), width):
            yield int(numbers[first]), b"[%b]" % b",".join(numbers[first + 1 : first + width])


def _means(points: Sequence[tuple[int, float]], step_ms: int) -> list[tuple[int, float]]:
    """Means of the steps that hold a value, each at its step's start; steps count from the epoch."""
    steps: dict[int, list[float]] = {}
    for at, value in points:
        steps.setdefault(at - at % step_ms, []).append(value)
    return [(at, sum(values) / len(values)) for at, values in steps.items()]
