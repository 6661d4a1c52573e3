"""The demo's past, its live devices and what the rules must find in them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from beacon.demo import scenario, world
from beacon.demo.broker import embedded_broker
from beacon.demo.chance import bell, uniform
from beacon.demo.devices import devices, slot_of, start_of
from beacon.demo.history import counters, first_slot, past
from beacon.demo.holidays import holidays
from beacon.demo.load import Scenario, flows
from beacon.demo.shapes import SHAPES
from collector.registry import Building, BuildingType
from collector.registry_file import load_registry
from edge import config_file

NOW = int(datetime(2026, 11, 22, 15, 7, tzinfo=UTC).timestamp() * 1000)
DEMO = Path(world.__file__).parent
SLOTS = np.arange(first_slot(NOW), slot_of(NOW), dtype=np.int64)


@pytest.fixture(scope="module")
def buildings() -> dict[str, Building]:
    return dict(load_registry([DEMO / "buildings.toml"]).buildings)


def test_chance_is_the_same_on_every_machine() -> None:
    index = np.arange(3, dtype=np.int64)
    assert uniform("a", index).tolist() == [0.4416607528437847, 0.09683768005788784, 0.8203152032730833]
    many = bell("b", np.arange(20_000, dtype=np.int64))
    assert abs(many.mean()) < 0.03
    assert 0.97 < many.std() < 1.03


def test_history_covers_thirteen_months_up_to_the_last_full_quarter_hour() -> None:
    first = datetime.fromtimestamp(start_of(int(SLOTS[0])) / 1000, UTC)
    assert first == datetime(2025, 9, 30, 16, tzinfo=UTC)  # 1 October 2025, midnight in China
    end = start_of(int(SLOTS[-1]) + 1)
    assert NOW - 900_000 < end <= NOW
    assert slot_of(start_of(123_456)) == 123_456


def test_spring_festival_is_a_holiday() -> None:
    assert date(2026, 2, 17) in holidays(2026)
    assert date(2026, 3, 17) not in holidays(2026)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_year_comes_near_the_published_monthly_levels(kind: BuildingType) -> None:
    building = Building("330100A999", "", "", kind, 10_000.0)
    slots = np.arange(20_454 * 96, (20_454 + 365) * 96, dtype=np.int64)  # 2026
    kwh_m2 = flows(building, Scenario(), slots)["load"] / building.area_m2
    month = (slots // 96).astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    made = np.array([kwh_m2[month == number].sum() for number in range(12)])
    published = np.array(SHAPES[kind].monthly_kwh_m2)
    assert made.sum() == pytest.approx(published.sum(), rel=0.06)
    assert made == pytest.approx(published, rel=0.3)  # weather and Spring Festival move a month, not the year


def test_sub_meters_are_less_than_the_main_meters_and_pv_balances(buildings: dict[str, Building]) -> None:
    slots = SLOTS[-96 * 14 :]
    for building in buildings.values():
        flow = flows(building, scenario.SCENARIOS[building.id], slots)
        parts = sum(flow[item] for item in ("01A00", "01B00", "01C00", "01D00"))
        assert (parts < flow["load"]).all(), building.id
        assert np.allclose(flow["grid"] - flow["export"] + flow["pv"], flow["load"]), building.id
        assert (flow["heat_pump_electricity"] <= flow["01B00"]).mean() > 0.9, building.id


def test_every_register_is_the_sum_of_its_intervals(buildings: dict[str, Building]) -> None:
    building = buildings["330100A001"]
    slots = SLOTS[-96 * 40 :]
    rules = Scenario(level=0.9, pv_kwp=180, heat_pump_m2=9000, lost=0.3)
    samples, intervals = past(building, rules, slots)
    shown = counters(building, rules, slots)
    total: dict[tuple[str, str, str], float] = defaultdict(float)
    for group in intervals:
        total[group.device, group.carrier, group.direction] += sum(row[2] for row in group.rows)
    for device in devices(building):
        pairs = zip(device.registers, device.first_readings(), shown[device.name], strict=True)
        for register, first, last in pairs:
            key = (device.name, register.carrier, register.direction)
            assert last - first == pytest.approx(total[key], abs=0.01), key
    assert {group.device for group in samples} == {device.name for device in devices(building)}


def test_lost_time_is_estimated_evenly_and_marked(buildings: dict[str, Building]) -> None:
    _, intervals = past(buildings[world.POOR], scenario.SCENARIOS[world.POOR], SLOTS)
    rows = next(group.rows for group in intervals if group.device == "pine-main")
    lost = [row for row in rows if row[4] == 1]
    assert 0.2 < len(lost) / len(rows) < 0.4
    assert all(row[3] == 0 for row in lost)
    assert all(row[3] == 900 for row in rows if row[4] == 0)


def test_edge_toml_of_the_demo_passes_the_edges_own_checks(tmp_path: Path) -> None:
    made = world.prepare(tmp_path, NOW)
    config = config_file.load(made.edge_path)
    cabled = {device.name for building in made.registry.buildings.values() for device in devices(building)}
    assert {source.id for source in config.sources()} == cabled
    assert {bus.type for bus in config.bus} == {"tcp", "rtu_over_tcp"}
    serial = [device.id for device in config.device if device.bus == "stone-rs485"]
    assert len(serial) == 3


async def test_live_devices_go_on_where_the_past_ends(tmp_path: Path) -> None:
    import aiomqtt
    import orjson

    made = world.prepare(tmp_path, NOW)
    async with embedded_broker(made.broker_port), asyncio.timeout(30):
        fleet = await world.start_fleet(made)
        try:
            async with aiomqtt.Client("127.0.0.1", made.broker_port) as client:
                await client.subscribe("tele/stone-plug/SENSOR", qos=1)
                message = await anext(aiter(client.messages))
                assert orjson.loads(message.payload)["ENERGY"]["Total"] > 1000
            assert fleet.served["mqtt_messages"] >= 1
            building = made.registry.buildings["330100A001"]
            ends = counters(building, scenario.SCENARIOS[building.id], SLOTS)["civic-main"]
            line = next(bus for bus in fleet.buses if bus.port == made.plan.lines[0].port)
            main = line.devices[1]
            at_s = start_of(int(SLOTS[-1]) + 1) / 1000
            assert main.load.value("active_energy_import_total", at_s) == pytest.approx(ends[0], abs=0.01)
            later = [main.load.value("active_energy_import_total", at_s + day * 86_400) for day in range(4)]
            assert later == sorted(later)
            assert later[3] - later[0] > 3 * 1000
        finally:
            await fleet.aclose()


def test_early_in_a_year_the_year_before_counts() -> None:
    def at(*day: int) -> int:
        return int(datetime(*day, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]

    assert world.judged_period(at(2027, 1, 10)) == "2026"
    assert world.judged_period(at(2027, 3, 1)) == "2027"
