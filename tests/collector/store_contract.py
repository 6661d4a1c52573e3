"""What every Store must do; SQLite and InfluxDB run the same class."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest

from collector.batch_cut import CheckedSamples, Head
from collector.model import DailyRow, EdgeRow, EventRow, IntervalRow, JudgementRow
from collector.store import Store
from edge.wire import IntervalGroup, Kind, SampleGroup

BUILDING = "330100A001"
OTHER = "330100B002"
NOON = int(datetime(2026, 6, 1, 4, tzinfo=UTC).timestamp() * 1000)  # 12:00 in Shanghai
QUARTER = 900_000


def samples(
    device: str,
    *rows: list[float | None],
    building: str = BUILDING,
    fields: tuple[str, ...] = ("active_power_total", "voltage_l1n"),
    kind: Kind = "electricity",
) -> SampleGroup:
    return SampleGroup(building=building, device=device, kind=kind, fields=list(fields), rows=list(rows))


def quarters(
    device: str,
    start: int,
    *energies: float,
    building: str = BUILDING,
    carrier: str = "electricity",
    direction: str = "import",
    quality: int = 0,
) -> IntervalGroup:
    rows = [(start + i * QUARTER, 900, energy, 900, quality) for i, energy in enumerate(energies)]
    account = {"building": building, "device": device, "carrier": carrier, "direction": direction}
    return IntervalGroup.model_validate({**account, "rows": rows})


def judgement(**changes: Any) -> JudgementRow:
    row = JudgementRow(
        building=BUILDING, scheme="zhejiang_2024", basis="energy_kgce", period="2026", judged_at=NOON,
        unit="kgce", used=1234.5, limit=2000.0, share=0.61725, expected_share=0.5, forecast=2469.0,
        forecast_low=2400.25, forecast_high=None, level="warning", coverage=0.98, tables_version="v1",
        passes_on=date(2026, 10, 3), detail='{"steps": ["a \\"quoted\\" step, 能耗"]}',
    )  # fmt: skip
    return replace(row, **changes)


def event(at: int = NOON, **changes: Any) -> EventRow:
    row = EventRow(BUILDING, "meter1", "active_energy_import_total", "reset", at, 81_234.5, 0.25, counted=0.0)
    return replace(row, **changes)


def day(value: date, energy: float, **changes: Any) -> DailyRow:
    row = DailyRow(BUILDING, "electricity", "total", value, energy, 1.0, 0.0, 80.5, 12.25)
    return row._replace(**changes)


class StoreContract:
    """Subclasses give a fixture `store`: an empty store."""

    def test_a_sample_written_twice_is_stored_once(self, store: Store) -> None:
        group = samples("meter1", [NOON, 0, 12.5, 230.1], [NOON + 1000, 0, 13.25, 229.9])
        store.write([group], [])
        store.write([group], [])
        assert store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 10_000) == [
            (NOON, 12.5),
            (NOON + 1000, 13.25),
        ]

    def test_rows_cut_from_the_wire_are_stored_as_rows_that_were_read(self, store: Store) -> None:
        fields = ("active_power_total", "voltage_l1n")
        text = b"%d,2,1.5e-3,-0,%d,0,12,230.25" % (NOON, NOON + 1)
        store.write([CheckedSamples(Head(BUILDING, "cut", "electricity", fields), 2, NOON + 1, text)], [])
        store.write([samples("read", [NOON, 2, 1.5e-3, 0.0], [NOON + 1, 0, 12.0, 230.25])], [])
        for name in fields:
            cut, read = (store.series(BUILDING, device, name, NOON, NOON + 9) for device in ("cut", "read"))
            assert cut == read
            assert len(cut) == 2
        assert [row.values for row in store.latest()] == [dict(zip(fields, (12.0, 230.25), strict=True))] * 2

    def test_absent_values_stay_absent(self, store: Store) -> None:
        store.write([samples("meter1", [NOON, 1, None, 230.0], [NOON + 1000, 0, 2.0, None])], [])
        assert store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 10_000) == [
            (NOON + 1000, 2.0)
        ]
        assert store.series(BUILDING, "meter1", "voltage_l1n", NOON, NOON + 10_000) == [(NOON, 230.0)]
        assert store.series(BUILDING, "meter1", "current_l1", NOON, NOON + 10_000) == []

    def test_a_sample_without_any_value_is_stored_as_nothing(self, store: Store) -> None:
        store.write([samples("meter1", [NOON, 1, None, None])], [])
        assert store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 10_000) == []

    def test_series_ends_before_end_and_takes_means_of_steps(self, store: Store) -> None:
        rows: list[list[float | None]] = [[NOON + i * 1000, 0, float(i), 230.0] for i in range(120)]
        store.write([samples("meter1", *rows)], [])
        means = store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 119_000, step_s=60)
        assert means == [(NOON, 29.5), (NOON + 60_000, 89.0)]

    def test_numbers_come_back_exactly(self, store: Store) -> None:
        values = [1e-9, 123456789.123456, -0.1, 9007199254740991.0, 0.0, 1e21]
        rows: list[list[float | None]] = [[NOON + i, 0, value, 1.0] for i, value in enumerate(values)]
        store.write([samples("meter1", *rows)], [])
        got = store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 1000)
        assert [value for _, value in got] == values

    def test_latest_is_by_time_not_by_arrival(self, store: Store) -> None:
        store.write([samples("meter1", [NOON, 0, 2.0, 231.0])], [])
        store.write([samples("meter1", [NOON - 60_000, 0, 1.0, 230.0])], [])
        store.write([samples("pump", [NOON, 0, 3.5], building=OTHER, fields=("cop",), kind="heat_pump")], [])
        ours = store.latest(BUILDING)
        assert [(row.device, row.kind, row.at) for row in ours] == [("meter1", "electricity", NOON)]
        assert ours[0].values == {"active_power_total": 2.0, "voltage_l1n": 231.0}
        assert [row.building for row in store.latest()] == [BUILDING, OTHER]

    def test_latest_keeps_the_slow_values_beside_the_fast(self, store: Store) -> None:
        slow = samples("meter1", [NOON - 300_000, 0, 5.0], fields=("frequency",))
        store.write([slow, samples("meter1", [NOON, 0, 2.0, None])], [])
        assert store.latest(BUILDING)[0].values == {"active_power_total": 2.0, "frequency": 5.0}

    def test_an_interval_written_again_is_replaced(self, store: Store) -> None:
        store.write([], [quarters("meter1", NOON, 1.5, 2.5, 3.5)])
        store.write([], [quarters("meter1", NOON + QUARTER, 2.75, quality=1)])
        got = store.intervals(BUILDING, NOON, NOON + 10 * QUARTER)
        assert got == [
            IntervalRow(BUILDING, "meter1", "electricity", "import", NOON, 900, 1.5, 900, 0),
            IntervalRow(BUILDING, "meter1", "electricity", "import", NOON + QUARTER, 900, 2.75, 900, 1),
            IntervalRow(BUILDING, "meter1", "electricity", "import", NOON + 2 * QUARTER, 900, 3.5, 900, 0),
        ]

    def test_intervals_are_half_open_ordered_and_filtered(self, store: Store) -> None:
        midnight_utc = NOON - NOON % 86_400_000
        store.write(
            [],
            [
                quarters("b", midnight_utc - 2 * QUARTER, *[float(i) for i in range(6)]),
                quarters("a", midnight_utc, 7.0, 8.0),
                quarters("a", midnight_utc, 0.5, direction="export"),
                quarters("a", midnight_utc, 9.0, building=OTHER),
            ],
        )
        got = store.intervals(BUILDING, midnight_utc - QUARTER, midnight_utc + QUARTER)
        assert [(row.device, row.direction, row.start - midnight_utc, row.energy) for row in got] == [
            ("a", "export", 0, 0.5),
            ("a", "import", 0, 7.0),
            ("b", "import", -QUARTER, 1.0),
            ("b", "import", 0, 2.0),
        ]
        only_b = store.intervals(BUILDING, midnight_utc, midnight_utc + QUARTER, devices=["b"])
        assert [row.device for row in only_b] == ["b"]

    def test_written_intervals_make_their_local_day_dirty_until_cleaned(self, store: Store) -> None:
        sixteen_utc = NOON + 12 * 3_600_000  # midnight in Shanghai
        store.write([], [quarters("meter1", sixteen_utc - QUARTER, 1.0, 2.0)])
        days = [(BUILDING, date(2026, 6, 1)), (BUILDING, date(2026, 6, 2))]
        assert store.dirty_days() == days
        store.clean_day(BUILDING, date(2026, 6, 1), read_at=2**42)
        assert store.dirty_days() == days[1:]

    def test_a_write_after_the_rollup_began_keeps_the_day_dirty(
        self, store: Store, clock: Callable[[], int]
    ) -> None:
        store.write([], [quarters("meter1", NOON, 1.0)])
        read_at = clock()
        assert store.dirty_days() == [(BUILDING, date(2026, 6, 1))]
        store.write([], [quarters("meter1", NOON + QUARTER, 1.0)])
        store.clean_days([(BUILDING, date(2026, 6, 1))], read_at)
        assert store.dirty_days() == [(BUILDING, date(2026, 6, 1))]
        store.clean_days([(BUILDING, date(2026, 6, 1))], clock())
        assert store.dirty_days() == []

    def test_events_are_stored_once_and_the_last_word_on_one_holds(self, store: Store) -> None:
        ratio = event(kind="ratio", before=40.0, after=60.0, counted=None)
        events = [event(NOON + 5), event(), ratio, event(device="a"), event(building=OTHER)]
        for _ in range(2):
            store.write([], [], events)
        first = [event(device="a"), ratio, event()]
        assert store.events(BUILDING, NOON, NOON + 5) == [*first, event(NOON + 5)]
        assert store.events(BUILDING, NOON, NOON + 4) == first
        assert store.events(BUILDING, NOON + 1, NOON + 4) == []
        store.write([], [], [event(before=1e-7, after=123_456_789.123456, counted=None, kind="exchange")])
        store.write([], [], [event(before=5.0, after=2.0, counted=3.5)])
        got = {row.kind: row for row in store.events(BUILDING, NOON, NOON) if row.device == "meter1"}
        assert got["exchange"].after == 123_456_789.123456
        assert (got["exchange"].before, got["exchange"].counted) == (1e-7, None)
        assert got["reset"] == event(before=5.0, after=2.0, counted=3.5)

    def test_events_alone_leave_no_day_to_be_rolled_up(self, store: Store) -> None:
        store.write([], [], [event()])
        assert store.dirty_days() == []
        assert len(store.events(BUILDING, 0, 2**42)) == 1

    def test_daily_rows_are_replaced_filtered_and_ordered(self, store: Store) -> None:
        first, second = date(2026, 5, 31), date(2026, 6, 1)
        store.write_daily([day(second, 10.0), day(first, 9.0), day(first, 4.0, item="01B00", peak_kw=None)])
        store.write_daily([day(second, 11.0, estimated=0.25), day(first, 1.0, building=OTHER, carrier="gas")])
        assert store.daily(first, second) == [
            day(first, 4.0, item="01B00", peak_kw=None),
            day(first, 9.0),
            day(second, 11.0, estimated=0.25),
            day(first, 1.0, building=OTHER, carrier="gas"),
        ]
        assert store.daily(second, second) == [day(second, 11.0, estimated=0.25)]
        assert store.daily(first, second, buildings=[OTHER]) == [
            day(first, 1.0, building=OTHER, carrier="gas")
        ]
        assert store.daily(first, first, buildings=[BUILDING], carrier="electricity", item="total") == [
            day(first, 9.0)
        ]
        assert store.daily(first, second, buildings=[]) == []

    def test_daily_columns_are_the_daily_rows_as_arrays(self, store: Store) -> None:
        first, second, third = (date(2026, 6, number) for number in (1, 2, 3))
        store.write_daily([day(third, 3.0), day(first, 1.0, estimated=0.25), day(second, 9.0, item="grid")])
        (found,) = store.daily_columns(first, third)
        assert (found.building, found.keys) == (BUILDING, (("electricity", "grid"), ("electricity", "total")))
        assert found.energy[1, [0, 2]].tolist() == [1.0, 3.0]
        assert found.energy[0].tolist()[1] == 9.0
        assert [bool(value != value) for value in found.energy[1]] == [False, True, False]
        assert found.estimated[1].tolist() == [0.25, 0.0, 0.0]
        rows = store.daily(first, third)
        assert found.coverage.sum() == pytest.approx(sum(row.coverage for row in rows))
        (grid,) = store.daily_columns(first, third, [BUILDING], items=("grid", "pv"))
        assert grid.keys == (("electricity", "grid"),)
        assert grid.energy.tolist()[0][1] == 9.0
        assert store.daily_columns(first, third, buildings=[]) == []
        assert store.daily_columns(date(2025, 1, 1), date(2025, 1, 2)) == []

    def test_sums_weigh_coverage_by_day_and_estimates_by_energy(self, store: Store) -> None:
        first, second, third = (date(2026, 6, number) for number in (1, 2, 3))
        store.write_daily([day(first, 30.0, estimated=0.1, peak_kw=99.0), day(second, 10.0, coverage=0.5)])
        (row,) = store.sums(first, third)
        assert (row.building, row.carrier, row.item, row.days) == (BUILDING, "electricity", "total", 2)
        assert row.energy == pytest.approx(40.0)
        assert row.coverage == pytest.approx(0.5)
        assert row.estimated == pytest.approx(3 / 40)
        assert (row.peak_kw, row.base_kw) == (99.0, 12.25)

    def test_judgements_newest_and_all(self, store: Store) -> None:
        corrected = judgement(tables_version="v2", judged_at=NOON + 1000, level="ok", passes_on=None)
        store.write_judgements([judgement(), judgement(basis="carbon_kgco2", limit=None, share=None)])
        store.write_judgements([corrected])
        newest = store.judgements(period="2026", building=BUILDING)
        assert newest == [judgement(basis="carbon_kgco2", limit=None, share=None), corrected]
        assert len(store.judgements(newest=False)) == 3
        assert store.judgements(period="2026-06") == []
        brief = [replace(row, detail="") for row in newest]
        assert store.judgements(period="2026", building=BUILDING, detail=False) == brief

    def test_a_judgement_again_with_the_same_tables_replaces(self, store: Store) -> None:
        store.write_judgements([judgement()])
        store.write_judgements([judgement(judged_at=NOON + 5000, used=1300.0, limit=None)])
        assert store.judgements(newest=False) == [judgement(judged_at=NOON + 5000, used=1300.0, limit=None)]

    def test_edges_keep_the_last_status(self, store: Store) -> None:
        store.write_edge(EdgeRow("hz", "pi1", NOON, {"online": True, "devices": {"meter1": "ok"}}))
        last = EdgeRow("hz", "pi1", NOON + 1000, {"online": False, "bus_load": {"rs485": 0.5}})
        store.write_edge(last)
        assert store.edges() == [last]

    def test_writers_and_readers_in_many_threads(self, store: Store) -> None:
        numbers, errors = count(), list[BaseException]()

        def work() -> None:
            try:
                for _ in range(5):
                    at = NOON + next(numbers) * 1000
                    store.write([samples("meter1", [at, 0, 1.0, 2.0])], [quarters("meter1", NOON, 1.0)])
                    store.latest()
            except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(store.series(BUILDING, "meter1", "voltage_l1n", NOON, NOON + 100_000)) == 20
