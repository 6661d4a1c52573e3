"""Each condition once where it must fire, and once where it must stay silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from town_of_rules import BUILDING, REGISTRY

from collector.model import Latest
from rules.conditions import Calendar, Condition
from rules.replay import walk
from rules.watch import Change, Watch

MINUTE = 60_000
MONDAY_NIGHT = int(datetime(2026, 11, 23, 16, 0, tzinfo=UTC).timestamp() * 1000)  # 00:00 on Tuesday in China
NOON = int(datetime(2026, 11, 23, 4, 0, tzinfo=UTC).timestamp() * 1000)


def rule(**changes: Any) -> Condition:
    return Condition(**({"id": "rule", "name_en": "rule", "name_zh": "规则"} | changes))


def samples(
    start: int, minutes: int, device: str = "main", kind: str = "electricity", **values: Any
) -> list[Latest]:
    """One sample a minute; a value may be a function of the minute, None leaves it out."""
    found = []
    for minute in range(1, minutes + 1):
        shown = {name: value(minute) if callable(value) else value for name, value in values.items()}
        known = {name: value for name, value in shown.items() if value is not None}
        found.append(Latest(BUILDING.id, device, kind, start + minute * MINUTE, known))
    return found


def run(condition: Condition, *streams: list[Latest], start: int = NOON, minutes: int = 240) -> list[Change]:
    merged = sorted((row for stream in streams for row in stream), key=lambda row: row.at)
    watch = Watch([condition], REGISTRY, Calendar(holidays=[date(2026, 10, 1)]))
    return walk(watch, merged, start, start + minutes * MINUTE)


def fired(changes: list[Change]) -> int:
    return sum(change.state == "fire" for change in changes)


CONTRACT = rule(
    scope="building", quantity="power_kw", above=1.0, limit_of="contracted_kw", for_s=900, hysteresis=20
)
NIGHT = rule(
    scope="building",
    quantity="power_kw",
    above=0.006,
    limit_of="area_m2",
    for_s=1800,
    active={"hours": ["23:00-05:00"]},
)
COP = rule(quantity="cop", below=2.0, for_s=1800, hysteresis=0.2)
IMBALANCE = rule(quantity="phase_imbalance", above=0.3, for_s=600)
LEAK = rule(quantity="water_flow", above=0.05, for_s=7200)
FROZEN = rule(kind="frozen", quantity="active_energy_import_total", for_s=3600)
SUBS = rule(scope="building", quantity="sub_sum_share", above=1.05, for_s=600)
PV = rule(scope="building", quantity="pv_power_kw", below=0.1, for_s=3600, active={"hours": ["10:00-15:00"]})
BOTH = rule(scope="building", quantity="heating_and_cooling_kw", above=10, for_s=1800)
CYCLING = rule(quantity="starts_per_hour", above=6)
FACTOR = rule(quantity="power_factor", below=0.85, for_s=600)


@pytest.mark.parametrize(
    ("condition", "loud", "quiet"),
    [
        (CONTRACT, {"active_power_total": 520}, {"active_power_total": 499}),
        (CONTRACT, {"active_power_total": 520}, {"active_power_total": lambda m: 520 if m % 15 else 400}),
        (
            COP,
            {"thermal_power": 15, "active_power_total": 10},
            {"thermal_power": 35, "active_power_total": 10},
        ),
        (
            COP,
            {"thermal_power": 15, "active_power_total": 10},
            {"thermal_power": 0, "active_power_total": 0.1},
        ),
        (
            IMBALANCE,
            {"current_l1": 90, "current_l2": 40, "current_l3": 50},
            {"current_l1": 52, "current_l2": 48, "current_l3": 50},
        ),
        (
            IMBALANCE,
            {"current_l1": 90, "current_l2": 40, "current_l3": 50},
            {"current_l1": 90, "current_l2": 40},
        ),
        (LEAK, {"water_flow": 0.2}, {"water_flow": lambda m: 0.2 if m % 60 else 0.0}),
        (FROZEN, {"active_energy_import_total": 7.0}, {"active_energy_import_total": lambda m: m / 10}),
        (
            FACTOR,
            {"power_factor_total": -0.7, "active_power_total": 50},
            {"power_factor_total": -0.95, "active_power_total": 50},
        ),
        (
            FACTOR,
            {"power_factor_total": 0.3, "active_power_total": 50},
            {"power_factor_total": 0.3, "active_power_total": 0.2},
        ),
        (
            CYCLING,
            {"active_power_total": lambda m: 5.0 if m % 8 < 4 else 0.0},
            {"active_power_total": lambda m: 5.0 if m % 20 < 10 else 0.0},
        ),
    ],
)
def test_fires_and_stays_silent(condition: Condition, loud: dict[str, Any], quiet: dict[str, Any]) -> None:
    assert fired(run(condition, samples(NOON, 240, **loud))) == 1
    assert fired(run(condition, samples(NOON, 240, **quiet))) == 0


def test_night_base_load_counts_only_at_night() -> None:
    power = {"active_power_total": 80}
    assert fired(run(NIGHT, samples(MONDAY_NIGHT, 240, **power), start=MONDAY_NIGHT)) == 1
    assert fired(run(NIGHT, samples(NOON, 240, **power))) == 0
    assert fired(run(NIGHT, samples(MONDAY_NIGHT, 240, active_power_total=50), start=MONDAY_NIGHT)) == 0


def test_sub_meters_against_main() -> None:
    def streams(cooling: float) -> list[list[Latest]]:
        powers = {"main": 60.0, "roof": -40.0, "lights": 40.0, "cooling": cooling}
        return [samples(NOON, 60, name, active_power_total=power) for name, power in powers.items()]

    assert fired(run(SUBS, *streams(90.0))) == 1
    assert fired(run(SUBS, *streams(55.0))) == 0
    assert fired(run(SUBS, *streams(90.0)[:3])) == 0, "a silent sub-meter is not a difference"
    assert fired(run(SUBS, *streams(90.0)[::2])) == 0, "without the roof the whole is not known"


def test_pv_that_does_not_produce() -> None:
    assert fired(run(PV, samples(NOON, 120, "roof", active_power_total=0.0))) == 1
    assert fired(run(PV, samples(NOON, 120, "roof", active_power_total=-30.0))) == 0
    assert fired(run(PV, samples(MONDAY_NIGHT, 120, "roof", active_power_total=0.0), start=MONDAY_NIGHT)) == 0


def test_heating_and_cooling_at_once() -> None:
    heat = samples(NOON, 90, "heat", "heat", thermal_power=80.0)
    cold = samples(NOON, 90, "cold", "heat", thermal_power=-50.0)
    idle = samples(NOON, 90, "cold", "heat", thermal_power=-1.0)
    assert fired(run(BOTH, heat, cold)) == 1
    assert fired(run(BOTH, heat, idle)) == 0
    assert fired(run(BOTH, heat)) == 0


def test_no_data_is_its_own_condition_and_clears() -> None:
    condition = rule(kind="no_data", for_s=900)
    stream = samples(NOON, 20, active_power_total=1.0) + samples(
        NOON + 60 * MINUTE, 60, active_power_total=1.0
    )
    changes = run(condition, stream, minutes=120)
    assert [change.state for change in changes] == ["fire", "clear"]
    assert changes[0].at == NOON + 35 * MINUTE
    gap = samples(NOON, 20, active_power_total=1.0) + samples(NOON + 30 * MINUTE, 90, active_power_total=1.0)
    assert run(condition, gap, minutes=120) == []


def test_missing_data_never_fires_and_never_resolves() -> None:
    condition = rule(quantity="active_power_total", above=100, for_s=1200, max_age_s=300)
    lost = samples(NOON, 10, active_power_total=150.0) + samples(
        NOON + 40 * MINUTE, 10, active_power_total=150.0
    )
    assert run(condition, lost, minutes=60) == [], "two short spans with a gap are not one long span"
    held = samples(NOON, 30, active_power_total=150.0)
    changes = run(condition, held, minutes=200)
    assert [change.state for change in changes] == ["fire"], "silence is no proof that it is over"


def test_hysteresis_keeps_an_alert_from_flapping() -> None:
    condition = rule(quantity="active_power_total", above=100, hysteresis=10)
    stream = samples(NOON, 60, active_power_total=lambda minute: 101.0 if minute % 2 else 95.0)
    assert [change.state for change in run(condition, stream)] == ["fire"]
    plain = condition.model_copy(update={"hysteresis": 0.0})
    assert fired(run(plain, stream)) == 30
    gone = stream + samples(NOON + 60 * MINUTE, 10, active_power_total=80.0)
    assert [change.state for change in run(condition, gone)] == ["fire", "clear"]


def test_a_restart_does_not_fire_again_what_was_firing() -> None:
    condition = rule(quantity="active_power_total", above=100)
    key = ("rule", BUILDING.id, "main")
    watch = Watch([condition], REGISTRY, firing=[key])
    row = samples(NOON, 1, active_power_total=150.0)[0]
    assert watch.look(row.at, [row]) == []
    below = replace(row, at=row.at + MINUTE, values={"active_power_total": 50.0})
    assert [change.state for change in watch.look(below.at, [below])] == ["clear"]


def test_holidays_are_free_days() -> None:
    calendar = Calendar(holidays=[date(2026, 10, 1)], workdays=[date(2026, 10, 10)])
    assert not calendar.is_workday(date(2026, 10, 1))
    assert calendar.is_workday(date(2026, 10, 10))
    assert not calendar.is_workday(date(2026, 10, 11))
