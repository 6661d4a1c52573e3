"""Rollups: local days, meter trees, gaps. Every figure here is worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from store_contract import BUILDING, NOON, OTHER, QUARTER, quarters

from collector.model import DailyRow
from collector.registry import Building, BuildingType, Meter, Registry, Role
from collector.roller import Roller
from collector.rollup import monthly, rollup
from collector.sqlite_store import SqliteStore
from drivers.carrier import Carrier
from edge.wire import IntervalGroup

E = Carrier.ELECTRICITY
MAIN, SUB, PV, CHECK, HEAT_PUMP = Role.MAIN, Role.SUB, Role.PV, Role.CHECK, Role.HEAT_PUMP


def meter(name: str, role: Role, carrier: Carrier = E, **more: Any) -> Meter:
    return replace(Meter(name, name, carrier, role), **more)


def building(*meters: Meter, zone: str = "Asia/Shanghai") -> Building:
    return Building(
        BUILDING, "楼", "House", BuildingType.COMMERCIAL_OFFICE, 1000.0, meters=meters, time_zone=zone
    )


def items(rows: list[DailyRow]) -> dict[tuple[str, str], float]:
    return {(row.carrier, row.item): round(row.energy, 9) for row in rows}


def test_two_mains_add_up_and_subs_are_not_counted_twice() -> None:
    house = building(
        meter("m1", MAIN), meter("m2", MAIN),
        meter("ac", SUB, item="01B00", parent="m1"),
        meter("chiller", SUB, item="01B1C", parent="ac"),
        meter("pump", SUB, parent="ac"),
        meter("light", SUB, item="01A00", parent="m2"),
        meter("look", CHECK),
    )  # fmt: skip
    rows = rollup(
        house,
        [
            quarters("m1", NOON, 100.0), quarters("m2", NOON, 50.0), quarters("ac", NOON, 60.0),
            quarters("chiller", NOON, 40.0), quarters("pump", NOON, 5.0), quarters("light", NOON, 20.0),
            quarters("look", NOON, 999.0), quarters("stranger", NOON, 999.0),
        ],
    )  # fmt: skip
    assert items(rows) == {
        ("electricity", "total"): 150.0,
        ("electricity", "grid"): 150.0,
        ("electricity", "01A00"): 20.0,
        ("electricity", "01B00"): 20.0,  # 60 less the chiller's 40; the pump has no item of its own
        ("electricity", "01B1C"): 40.0,
    }


def test_generation_and_export() -> None:
    house = building(meter("m", MAIN), meter("roof", PV))
    rows = rollup(
        house,
        [
            quarters("m", NOON, 2.0, 8.0),
            quarters("m", NOON, 3.0, 0.0, direction="export"),
            quarters("roof", NOON, 10.0, 1.0, direction="export"),
            quarters("roof", NOON, 0.25, 0.25),  # what the inverter draws went through the main meter
        ],
    )
    assert items(rows) == {
        ("electricity", "total"): 18.0,  # 10 from the grid + 11 generated - 3 exported
        ("electricity", "grid"): 10.0,
        ("electricity", "pv"): 11.0,
        ("electricity", "export"): 3.0,
    }
    total = rows[0]
    assert (total.peak_kw, total.base_kw) == (36.0, 36.0)  # 9 kWh in both quarter hours


def test_virtual_meters_are_sums_and_differences() -> None:
    house = building(
        meter("m", MAIN),
        meter("a", SUB, item="01A00", parent="m"), meter("b", SUB, item="01C00", parent="m"),
        meter("rest", SUB, device="", item="01D00", plus=("m",), minus=("a", "b")),
        meter("rest2", SUB, device="", item="01D60", plus=("rest",), minus=("gone",)),
        meter("gone", SUB),
    )  # fmt: skip
    rows = rollup(house, [quarters("m", NOON, 10.0), quarters("a", NOON, 3.0), quarters("b", NOON, 2.5)])
    assert items(rows)["electricity", "01D00"] == 4.5
    assert ("electricity", "01D60") not in items(rows)


def test_a_silent_main_is_estimated_from_its_parts() -> None:
    house = building(meter("m", MAIN), meter("a", SUB, parent="m"), meter("b", SUB, parent="m"))
    groups = [quarters("m", NOON, 10.0), quarters("a", NOON, 4.0, 5.0), quarters("b", NOON, 4.0, 3.0)]
    total = rollup(house, groups)[0]
    assert total.energy == 18.0
    assert total.estimated == pytest.approx(8 / 18)
    assert total.coverage == pytest.approx(900 / 86_400)
    no_main = rollup(house, groups[1:])[0]
    assert (no_main.energy, no_main.estimated, no_main.coverage) == (16.0, 1.0, 0.0)
    one_part = rollup(house, [groups[0], groups[1]])[0]
    assert one_part.energy == 10.0


def test_coverage_and_estimated_share() -> None:
    midnight = NOON - 12 * 3_600_000
    full = quarters("m", midnight, *[1.0] * 96)
    rows = [(at, 900, 1.0, 450, 1) if i < 24 else row for i, row in enumerate(full.rows) for at in [row[0]]]
    (total, _) = rollup(building(meter("m", MAIN)), [full.model_copy(update={"rows": rows})])
    assert total.energy == 96.0
    assert total.coverage == pytest.approx((72 * 900 + 24 * 450) / 86_400)
    assert total.estimated == pytest.approx(0.25)
    half = rollup(building(meter("m", MAIN), meter("m2", MAIN)), [full])[0]
    assert half.coverage == pytest.approx(0.5)


def test_days_are_local_and_have_23_or_25_hours() -> None:
    zone = "America/New_York"
    first = int(datetime(2026, 3, 7, 5, tzinfo=UTC).timestamp() * 1000)
    rows = rollup(building(meter("m", MAIN), zone=zone), [quarters("m", first, *[1.0] * (4 * (24 + 23 + 1)))])
    totals = {row.day: row for row in rows if row.item == "total"}
    assert {day: row.energy for day, row in totals.items()} == {
        date(2026, 3, 7): 96.0,
        date(2026, 3, 8): 92.0,
        date(2026, 3, 9): 4.0,
    }
    assert totals[date(2026, 3, 8)].coverage == 1.0
    autumn = int(datetime(2026, 11, 1, 4, tzinfo=UTC).timestamp() * 1000)
    rows = rollup(building(meter("m", MAIN), zone=zone), [quarters("m", autumn, *[1.0] * 100)])
    assert [(row.day, row.energy, row.coverage) for row in rows if row.item == "total"] == [
        (date(2026, 11, 1), 100.0, 1.0)
    ]


def test_heat_pumps_stand_beside_the_totals() -> None:
    house = building(meter("m", MAIN), meter("hp", HEAT_PUMP, Carrier.HEAT), meter("h", MAIN, Carrier.HEAT))
    rows = rollup(
        house,
        [
            quarters("m", NOON, 20.0), quarters("hp", NOON, 5.0),
            quarters("hp", NOON, 17.5, carrier="heat", direction="export"),
            quarters("h", NOON, 100.0, carrier="heat"),
        ],
    )  # fmt: skip
    assert items(rows) == {
        ("electricity", "total"): 20.0,
        ("electricity", "grid"): 20.0,
        ("heat", "total"): 100.0,
        ("heat", "heat_pump_output"): 17.5,
        ("electricity", "heat_pump_input"): 5.0,
    }


def test_water_has_no_power() -> None:
    (row,) = rollup(building(meter("w", MAIN, Carrier.WATER)), [quarters("w", NOON, 2.0, carrier="water")])
    assert (row.item, row.energy, row.peak_kw) == ("total", 2.0, None)


def test_estimates_make_no_peak() -> None:
    group = quarters("m", NOON, 1.0, 2.0)
    spread = [group.rows[0], (NOON + QUARTER, 900, 50.0, 0, 1)]
    total = rollup(building(meter("m", MAIN)), [group.model_copy(update={"rows": spread})])[0]
    assert (total.energy, total.peak_kw) == (51.0, 4.0)


def test_monthly() -> None:
    rows = [
        DailyRow(BUILDING, "electricity", "total", date(2026, 2, number), 10.0, 1.0, 0.5, 5.0, 1.0)
        for number in range(1, 15)
    ]
    march = DailyRow(BUILDING, "electricity", "total", date(2026, 3, 1), 7.0, 0.0, 0.0)
    first, second = monthly([*rows, march])
    assert (first.month, first.energy, first.coverage, first.estimated) == ("2026-02", 140.0, 0.5, 0.5)
    assert (first.peak_kw, second.month, second.energy, second.peak_kw) == (5.0, "2026-03", 7.0, None)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "store.sqlite")


def roller(store: SqliteStore, *meters: Meter) -> Roller:
    return Roller(store, Registry({BUILDING: building(*meters)}), lambda: 2**42)


def total(store: SqliteStore, day: date = date(2026, 6, 1), item: str = "total") -> float:
    return store.daily(day, day, item=item)[0].energy


def test_late_data_reach_the_total(store: SqliteStore) -> None:
    rolls = roller(store, meter("m", MAIN))
    store.write([], [quarters("m", NOON, 1.0)])
    assert rolls.roll_dirty() == 1
    assert total(store) == 1.0
    late: IntervalGroup = quarters("m", NOON - 2 * QUARTER, 4.0, 5.0)
    store.write([], [late])
    store.write([], [late])
    assert rolls.roll_dirty() == 1
    assert total(store) == 10.0
    assert rolls.roll_dirty() == 0
    store.close()


def test_a_corrected_tree_applies_to_the_past(store: SqliteStore) -> None:
    store.write([], [quarters("m", NOON, 10.0), quarters("s", NOON, 4.0)])
    roller(store, meter("m", MAIN), meter("s", SUB, item="01A00", parent="m")).roll_dirty()
    assert total(store, item="01A00") == 4.0
    corrected = building(meter("m", MAIN), meter("s", SUB, item="01C00", parent="m"))
    Roller(store, Registry({BUILDING: corrected}), lambda: 0).roll(
        corrected, date(2026, 5, 31), date(2026, 6, 2)
    )
    assert total(store, item="01C00") == 4.0
    assert total(store, item="01A00") == 0.0
    store.close()


def test_a_building_that_cannot_be_rolled_up_does_not_stop_the_others(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    broken = building(meter("v", MAIN, device="", plus=("nowhere",)))
    both = Registry({BUILDING: building(meter("m", MAIN)), OTHER: replace(broken, id=OTHER)})
    store.write([], [quarters("m", NOON, 1.0), quarters("m", NOON, 9.0, building=OTHER)])
    rolls = Roller(store, both, lambda: 2**42)
    assert [rolls.roll_dirty(), rolls.roll_dirty()] == [1, 0]
    assert store.dirty_days() == [(OTHER, date(2026, 6, 1))]
    assert total(store) == 1.0
    assert caplog.messages == [f"building {OTHER} cannot be rolled up"]
    store.close()


def test_an_unknown_building_does_not_stop_the_others(store: SqliteStore) -> None:
    store.write([], [quarters("m", NOON, 1.0), quarters("m", NOON, 9.0, building="110000A009")])
    assert roller(store, meter("m", MAIN)).roll_dirty() == 2
    assert store.dirty_days() == []
    assert total(store) == 1.0
    store.close()
