"""The store in InfluxDB 1.8+, 2.x or 3.x: written by line protocol, read by InfluxQL.

Two buckets: raw samples with a retention, and everything that is kept. Days stand at the start of
the local day. A day is dirty while its `touched_at` is later than its `cleaned_at`: two fields
of one point, so that a mark and a cleaning at the same time never overwrite each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import orjson

from collector import lines
from collector.columns import DailyColumns, Line, columns
from collector.dirty_days import DirtyDays
from collector.influx_http import BodyTooLarge, InfluxHttp, PointsRefused, Series
from collector.influx_rows import event_rows, judgement_row, latest_row, quoted
from collector.interval_block import DAY_MS
from collector.local_day import DEFAULT_ZONE, day_bounds, local_day, local_days, now_ms, zone_of
from collector.model import (
    DailyRow,
    EdgeRow,
    EventRow,
    IntervalRow,
    JudgementRow,
    Latest,
    Rejected,
    SumRow,
)
from collector.payload import CheckedIntervals
from collector.settings import InfluxSettings
from collector.store import IntervalRows, PartlyStored, SampleRows, interval_rows

KINDS = '"electricity","heat","water","gas","heat_pump","environment"'
JUDGEMENT_FIGURES = (
    'unit, used, "limit", share, expected_share, forecast, forecast_low, forecast_high, level, coverage, '
    "passes_on"
)
"""The fields of `quota` without `detail`."""
LATEST_POINTS = 16
POST_LINES = 20_000
NAMED_BUILDINGS = 50


class InfluxStore:
    """A `Store` in two buckets. zones: building id -> IANA time zone where it is not Asia/Shanghai."""

    def __init__(
        self,
        settings: InfluxSettings,
        zones: Mapping[str, str] | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.settings = settings
        self.zones: Mapping[str, str] = zones or {}
        self._http = InfluxHttp(settings)
        self._clock = clock
        self._dirty = DirtyDays()

    def __reduce__(self) -> tuple[type[InfluxStore], tuple[InfluxSettings, dict[str, str]]]:
        """Sent to another process, the store is opened there anew."""
        return InfluxStore, (self.settings, dict(self.zones))

    def write(
        self,
        samples: Sequence[SampleRows],
        intervals: Sequence[IntervalRows],
        events: Sequence[EventRow] = (),
    ) -> None:
        refused = self._post_groups(self.settings.bucket_raw, samples, lines.sample_lines)
        refused += self._post_groups(self.settings.bucket_energy, intervals, lines.interval_lines)
        refused += self._post_groups(self.settings.bucket_energy, events, lines.event_lines)
        # Marked after the data is there: whoever sees the mark sees the data.
        self._mark(intervals)
        if refused:
            raise PartlyStored(refused)

    def _post_groups(
        self, bucket: str, groups: Sequence[Any], encode: Callable[[Sequence[Any]], bytes]
    ) -> list[Rejected]:
        """Post; halve a body that is too large, or until the group with refused points is alone."""
        if not groups:
            return []
        try:
            self._http.write(bucket, encode(groups))
        except (PointsRefused, BodyTooLarge) as refusal:
            if len(groups) == 1:
                if isinstance(refusal, BodyTooLarge):
                    raise
                return [Rejected(groups[0].building, groups[0].device, f"InfluxDB: {refusal}")]
            middle = len(groups) // 2
            halves = groups[:middle], groups[middle:]
            return [each for half in halves for each in self._post_groups(bucket, half, encode)]
        return []

    def _mark(self, groups: Sequence[IntervalRows]) -> None:
        days: dict[tuple[str, int], None] = {}
        for group in groups:
            zone = zone_of(self.zones, group.building)
            for day in local_days((row[0] for row in group.rows), zone):
                days[group.building, day_bounds(day, zone)[0]] = None
        touched_at = float(self._clock())
        self._post_energy(
            lines.line("dirty_day", {"building": building}, {"touched_at": touched_at}, at)
            for building, at in days
        )

    def _post_energy(self, texts: Iterable[str]) -> None:
        waiting = list(texts)
        for first in range(0, len(waiting), POST_LINES):
            body = "".join(waiting[first : first + POST_LINES]).encode()
            try:
                self._http.write(self.settings.bucket_energy, body)
            except PointsRefused as refusal:
                raise PartlyStored([Rejected("", "", f"InfluxDB: {refusal}")]) from refusal

    def write_daily(self, rows: Sequence[DailyRow]) -> None:
        self._post_energy(lines.daily_line(row, self._midnight(row.building, row.day)) for row in rows)

    def write_judgements(self, rows: Sequence[JudgementRow]) -> None:
        self._post_energy(lines.judgement_line(row) for row in rows)

    def write_edge(self, row: EdgeRow) -> None:
        self._post_energy([lines.edge_line(row)])

    def latest(self, building: str | None = None) -> list[Latest]:
        where = f"WHERE building = {quoted(building)} " if building else ""
        found: dict[tuple[str, str], Latest] = {}
        for series in self._raw(
            f"SELECT * FROM {KINDS} {where}GROUP BY building, device ORDER BY time DESC LIMIT {LATEST_POINTS}"
        ):
            one = latest_row(series)
            key = (one.building, one.device)
            if one.values and (key not in found or found[key].at < one.at):
                found[key] = one
        return [found[key] for key in sorted(found)]

    def series(
        self, building: str, device: str, quantity: str, start: int, end: int, step_s: int = 0
    ) -> list[tuple[int, float]]:
        name = '"' + quantity.replace("\\", "\\\\").replace('"', '\\"') + '"'
        what = f"mean({name}) AS value" if step_s else f"{name} AS value"
        group = f" GROUP BY time({step_s}s) fill(none)" if step_s else ""
        found = self._raw(
            f"SELECT {what} FROM {KINDS} WHERE building = {quoted(building)} "
            f"AND device = {quoted(device)} AND time >= {start}ms AND time < {end}ms{group}"
        )
        return sorted((at, float(value)) for series in found for at, value in series.values)

    def intervals(
        self, building: str, start: int, end: int, devices: Iterable[str] | None = None
    ) -> list[IntervalRow]:
        return interval_rows(self.interval_groups(building, start, end, devices))

    def interval_groups(
        self, building: str, start: int, end: int, devices: Iterable[str] | None = None
    ) -> list[CheckedIntervals]:
        named = sorted(set(devices)) if devices is not None else None
        if named == []:
            return []
        of = f"({' OR '.join(f'device = {quoted(each)}' for each in named)}) AND " if named else ""
        found = self._energy(
            f"SELECT length, energy, measured, quality FROM interval WHERE building = {quoted(building)} AND "
            f"{of}time >= {start}ms AND time < {end}ms GROUP BY carrier, device, direction"
        )
        return [
            CheckedIntervals(
                building,
                series.tags["device"],
                series.tags["carrier"],
                series.tags["direction"],
                [
                    (at, int(length), float(energy), int(measured), int(quality))
                    for at, length, energy, measured, quality in series.values
                ],
            )
            for series in found
        ]

    def events(self, building: str, first_ms: int, last_ms: int) -> list[EventRow]:
        found = [
            row
            for series in self._energy(
                f"SELECT before, after, counted FROM register_event WHERE building = {quoted(building)} "
                f"AND time >= {first_ms}ms AND time <= {last_ms}ms GROUP BY building, device, quantity, kind"
            )
            for row in event_rows(series)
        ]
        found.sort(key=lambda row: (row.at, row.device, row.quantity, row.kind))
        return found

    def daily(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[DailyRow]:
        what = "energy, coverage, estimated, peak_kw, base_kw"
        rows = [
            DailyRow(
                series.tags["building"], series.tags["carrier"], series.tags["item"], local_day(at, zone),
                float(energy), float(coverage), float(estimated), peak_kw, base_kw,
            )
            for zone, series in self._daily_series(what, first, last, buildings, carrier, item)
            for at, energy, coverage, estimated, peak_kw, base_kw in series.values
        ]  # fmt: skip
        rows.sort(key=lambda row: (row.building, row.carrier, row.item, row.day))
        return rows

    def daily_columns(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        items: Iterable[str] | None = None,
    ) -> list[DailyColumns]:
        found: list[Line] = []
        for zone, series in self._daily_series(
            "energy, coverage, estimated", first, last, buildings, None, None, items
        ):
            rows = np.array(series.values, dtype=np.float64)
            start = day_bounds(first, zone)[0]
            rows[:, 0] = np.rint((rows[:, 0] - start) / DAY_MS)  # a day is an hour off where clocks change
            found.append((series.tags["building"], series.tags["carrier"], series.tags["item"], rows))
        return columns(found, first, last)

    def sums(
        self,
        first: date,
        last: date,
        buildings: Iterable[str] | None = None,
        carrier: str | None = None,
        item: str | None = None,
    ) -> list[SumRow]:
        what = "sum(energy), sum(coverage), sum(estimated_energy), max(peak_kw), min(base_kw), count(energy)"
        days = (last - first).days + 1
        rows = [
            SumRow(
                series.tags["building"], series.tags["carrier"], series.tags["item"], float(energy),
                coverage / days, estimated / energy if energy else 0.0, peak_kw, base_kw, int(count),
            )
            for _, series in self._daily_series(what, first, last, buildings, carrier, item)
            for _, energy, coverage, estimated, peak_kw, base_kw, count in series.values
        ]  # fmt: skip
        rows.sort(key=lambda row: (row.building, row.carrier, row.item))
        return rows

    def _daily_series(
        self,
        what: str,
        first: date,
        last: date,
        buildings: Iterable[str] | None,
        carrier: str | None,
        item: str | None,
        items: Iterable[str] | None = None,
    ) -> Iterable[tuple[str, Series]]:
        """(zone, series) of building, carrier and item; each zone has its own instants for the days."""
        wanted = None if buildings is None else set(buildings)
        if wanted is not None and not wanted:
            return
        conditions = [
            f"{tag} = {quoted(str(value))}"
            for tag, value in (("carrier", carrier), ("item", item))
            if value is not None
        ]
        if items is not None:
            conditions.append(f"({' OR '.join(f'item = {quoted(each)}' for each in sorted(items))})")
        if wanted is not None and len(wanted) <= NAMED_BUILDINGS:
            conditions.append(f"({' OR '.join(f'building = {quoted(each)}' for each in sorted(wanted))})")
        for zone in sorted({DEFAULT_ZONE, *self.zones.values()}):
            start, end = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
            where = " AND ".join([f"time >= {start}ms AND time < {end}ms", *conditions])
            for series in self._energy(
                f"SELECT {what} FROM energy_daily WHERE {where} GROUP BY building, carrier, item"
            ):
                building = series.tags["building"]
                if zone_of(self.zones, building) == zone and (wanted is None or building in wanted):
                    yield zone, series

    def judgements(
        self,
        period: str | None = None,
        building: str | None = None,
        newest: bool = True,
        detail: bool = True,
    ) -> list[JudgementRow]:
        columns = "*" if detail else JUDGEMENT_FIGURES
        conditions = [
            f"{tag} = {quoted(value)}" for tag, value in (("period", period), ("building", building)) if value
        ]
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        rows = [
            judgement_row(series)
            for series in self._energy(
                f"SELECT {columns} FROM quota {where}GROUP BY building, scheme, basis, period, version "
                "ORDER BY time DESC LIMIT 1"
            )
        ]
        rows.sort(key=lambda row: (row.building, row.scheme, row.basis, row.period, row.judged_at))
        if newest:
            rows = list({(row.building, row.scheme, row.basis, row.period): row for row in rows}.values())
        return rows

    def edges(self) -> list[EdgeRow]:
        rows = [
            EdgeRow(
                series.tags["site"],
                series.tags["edge"],
                series.values[0][0],
                orjson.loads(series.values[0][1]),
            )
            for series in self._energy(
                "SELECT status FROM edge_health GROUP BY site, edge ORDER BY time DESC LIMIT 1"
            )
        ]
        return sorted(rows, key=lambda row: (row.site, row.edge))

    def dirty_days(self) -> list[tuple[str, date]]:
        since = self._dirty.scan_from(self._clock())
        for series in self._energy(
            f"SELECT touched_at, cleaned_at FROM dirty_day WHERE touched_at > {since} GROUP BY building"
        ):
            zone = zone_of(self.zones, series.tags["building"])
            for at, touched_at, cleaned_at in series.values:
                key = (series.tags["building"], local_day(at, zone))
                self._dirty.note(key, touched_at > (cleaned_at or 0))
        return self._dirty.days()

    def clean_day(self, building: str, day: date, read_at: int) -> None:
        self.clean_days([(building, day)], read_at)

    def clean_days(self, days: Iterable[tuple[str, date]], read_at: int) -> None:
        cleaned = list(days)
        self._post_energy(
            lines.line(
                "dirty_day",
                {"building": building},
                {"cleaned_at": float(read_at)},
                self._midnight(building, day),
            )
            for building, day in cleaned
        )
        self._dirty.forget(cleaned)

    def prune(self, before: int) -> int:
        """The bucket's own retention drops raw samples."""
        return 0

    def close(self) -> None:
        self._http.close()

    def _raw(self, text: str) -> list[Series]:
        return self._http.query(self.settings.bucket_raw, text)

    def _energy(self, text: str) -> list[Series]:
        return self._http.query(self.settings.bucket_energy, text)

    def _midnight(self, building: str, day: date) -> int:
        return day_bounds(day, zone_of(self.zones, building))[0]
