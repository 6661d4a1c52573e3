"""Every condition of the sample configuration: one stream that must fire, and a twin that must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from town_of_rules import BUILDING

from collector.model import Latest
from collector.registry import Registry
from rules.conditions import BUILDING_VALUES, DERIVED, STATEFUL, Condition
from rules.config import load
from rules.replay import walk
from rules.watch import Watch

RULES = load(Path(__file__).parents[2] / "deploy" / "rules.toml").file
HOUSE = replace(BUILDING, contracted_kw=500, area_m2=10_000)
SHANGHAI = ZoneInfo("Asia/Shanghai")
Value = float | Callable[[int], float | None]
Streams = Mapping[tuple[str, str], Mapping[str, Value]]
"""(device, kind) -> quantity -> value, or a function of the minute."""


def main(power: Value) -> Streams:
    return {("main", "electricity"): {"active_power_total": power}}


NIGHT, NOON, SUNDAY = "2026-11-24 00:00", "2026-11-24 09:30", "2026-11-22 09:00"
CASES: dict[str, tuple[str, Streams, str, Streams]] = {
    "no-data": (
        NOON, main(lambda minute: 5.0 if minute < 30 else None),
        NOON, main(lambda minute: 5.0 if minute % 14 == 0 else None),
    ),
    "above-contract": (NOON, main(501.0), NOON, main(lambda minute: 501.0 if minute % 10 else 470.0)),
    "night-base-load": (NIGHT, main(61.0), NOON, main(61.0)),
    "weekend-base-load": (SUNDAY, main(81.0), NOON, main(81.0)),
    "heat-pump-cop": (
        NOON, {("hp", "heat_pump"): {"thermal_power": 15.0, "electric_power_input": 10.0}},
        NOON, {("hp", "heat_pump"): {"thermal_power": 25.0, "electric_power_input": 10.0}},
    ),
    "short-cycling": (
        NOON, {("hp", "heat_pump"): {"electric_power_input": lambda m: 5.0 if m % 8 < 4 else 0.0}},
        NOON, {("hp", "heat_pump"): {"electric_power_input": lambda m: 5.0 if m % 20 < 10 else 0.0}},
    ),
    "phase-imbalance": (
        NOON, {("main", "electricity"): {"current_l1": 90.0, "current_l2": 40.0, "current_l3": 50.0}},
        NOON, {("main", "electricity"): {"current_l1": 0.9, "current_l2": 0.0, "current_l3": 0.0}},
    ),
    "power-factor": (
        NOON, {("main", "electricity"): {"power_factor_total": 0.8, "active_power_total": 50.0}},
        NOON, {("main", "electricity"): {"power_factor_total": 0.9, "active_power_total": 50.0}},
    ),
    "water-leak": (
        NIGHT, {("water", "water"): {"water_flow": 0.1}},
        NIGHT, {("water", "water"): {"water_flow": lambda minute: 0.0 if minute % 120 == 0 else 0.1}},
    ),
    "gas-leak": (
        NIGHT, {("gas", "gas"): {"gas_flow": 0.1}},
        NOON, {("gas", "gas"): {"gas_flow": 0.1}},
    ),
    "frozen-register": (
        NOON, {("main", "electricity"): {"active_energy_import_total": 7.0}},
        NOON, {("main", "electricity"): {"active_energy_import_total": lambda m: float(m // 300)}},
    ),
    "sub-meters": (
        NOON, {
            ("main", "electricity"): {"active_power_total": 100.0},
            ("roof", "electricity"): {"active_power_total": 0.0},
            ("lights", "electricity"): {"active_power_total": 60.0},
            ("cooling", "electricity"): {"active_power_total": 60.0},
        },
        NOON, {
            ("main", "electricity"): {"active_power_total": 100.0},
            ("roof", "electricity"): {"active_power_total": -30.0},
            ("lights", "electricity"): {"active_power_total": 60.0},
            ("cooling", "electricity"): {"active_power_total": 60.0},
        },
    ),
    "pv-silent": (
        NOON, {("roof", "electricity"): {"active_power_total": 0.0}},
        NIGHT, {("roof", "electricity"): {"active_power_total": 0.0}},
    ),
    "heating-and-cooling": (
        NOON, {("heat", "heat"): {"thermal_power": 80.0}, ("cold", "heat"): {"thermal_power": -50.0}},
        NOON, {("heat", "heat"): {"thermal_power": 80.0}, ("cold", "heat"): {"thermal_power": -2.0}},
    ),
}  # fmt: skip


def fired(condition: Condition, at: str, streams: Streams) -> int:
    """How often a rule fires in eight hours from a local time."""
    start = round(datetime.fromisoformat(at).replace(tzinfo=SHANGHAI).timestamp() * 1000)
    minutes = round(timedelta(hours=8).total_seconds() / 60)
    rows = []
    for minute in range(1, minutes + 1):
        for (device, kind), given in streams.items():
            shown = {name: value(minute) if callable(value) else value for name, value in given.items()}
            values = {name: value for name, value in shown.items() if value is not None}
            if values:
                rows.append(Latest(HOUSE.id, device, kind, start + minute * 60_000, values))
    watch = Watch([condition], Registry({HOUSE.id: HOUSE}), RULES.calendar)
    changes = walk(watch, rows, start, start + minutes * 60_000)
    return sum(change.state == "fire" for change in changes)


@pytest.mark.parametrize("condition", RULES.condition, ids=lambda condition: condition.id)
def test_it_fires_once_and_its_twin_is_silent(condition: Condition) -> None:
    loud_at, loud, quiet_at, quiet = CASES[condition.id]
    assert fired(condition, loud_at, loud) == 1
    assert fired(condition, quiet_at, quiet) == 0


def test_every_value_that_the_rules_know_is_in_a_sample() -> None:
    used = {condition.quantity for condition in RULES.condition}
    assert set(BUILDING_VALUES) | set(DERIVED) | STATEFUL <= used | {"temperature_spread"}


def test_temperature_spread() -> None:
    condition = Condition(id="x", name_en="x", name_zh="x", quantity="temperature_spread", below=2, for_s=600)
    loud: Streams = {("hp", "heat_pump"): {"supply_temperature": 41.0, "return_temperature": 40.0}}
    quiet: Streams = {("hp", "heat_pump"): {"supply_temperature": 45.0, "return_temperature": 40.0}}
    alone: Streams = {("hp", "heat_pump"): {"supply_temperature": 41.0}}
    assert [fired(condition, NOON, streams) for streams in (loud, quiet, alone)] == [1, 0, 0]


def test_a_machines_own_estimate_steps_back_for_its_meter() -> None:
    condition = next(each for each in RULES.condition if each.id == "heat-pump-cop")
    metered: Streams = {
        ("hp", "heat_pump"): {
            "thermal_power": 25.0,
            "electric_power_input": 20.0,
            "active_power_total": 10.0,
        }
    }
    assert fired(condition, NOON, metered) == 0
