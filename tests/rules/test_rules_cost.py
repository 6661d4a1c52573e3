"""Cost by tariff: every figure worked out by hand, for the clock of the building."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from town_of_rules import BUILDING

from collector.local_day import day_bounds
from collector.model import DailyRow
from collector.registry import Building, Meter, Role
from collector.rollup import rollup
from drivers.carrier import Carrier, Direction
from drivers.errors import ConfigError
from edge.wire import IntervalGroup
from rules.conditions import Calendar
from rules.config import build
from rules.cost import by_rate, price
from rules.explain import cost_text
from rules.model import Cost
from rules.period import Period
from rules.series import Days
from rules.tariff import Tariff, read

QUARTER = 900_000
HOUSE = replace(
    BUILDING, meters=(Meter("main", "main", Carrier.ELECTRICITY, Role.MAIN),), time_zone="Asia/Shanghai"
)
CALENDAR = Calendar(holidays=[date(2026, 10, 1)])
DAY = date(2026, 9, 1)  # a Tuesday
SEPTEMBER = Period(2026, 9)


def group(
    days: Sequence[date], kwh: float = 1.0, device: str = "main", direction: str = "import",
    zone: str = "Asia/Shanghai", quality: int = 0,
) -> IntervalGroup:  # fmt: skip
    rows = []
    for day in days:
        start, end = day_bounds(day, zone)
        rows += [(at, 900, kwh, 900, quality) for at in range(start, end, QUARTER)]
    return IntervalGroup(
        building=HOUSE.id,
        device=device,
        carrier=Carrier.ELECTRICITY,
        direction=Direction(direction),
        rows=rows,
    )


def tariff(**version: Any) -> Tariff:
    given = {"from": date(2026, 1, 1), "price": {"flat": 0.5}, "source": "invented"} | version
    return Tariff.model_validate({"id": "t", "name_en": "t", "name_zh": "t", "version": [given]})


TIME_OF_USE = tariff(
    price={"peak": 1.0, "flat": 0.6, "valley": 0.3},
    hours=[{"days": "workdays", "peak": ["08:00-12:00"], "valley": ["22:00-06:00"]}],
)


def cost(
    chosen: Tariff,
    groups: Sequence[IntervalGroup],
    period: Period = SEPTEMBER,
    house: Building = HOUSE,
) -> Cost:
    days = Days.of(rollup(house, groups), date(2026, 1, 1), period.last)
    return price(house, [chosen], CALENDAR, groups, days, period, period.last)


def test_a_workday_by_time_of_use() -> None:
    made = cost(TIME_OF_USE, [group([DAY])])
    found = by_rate(made)
    assert {what: amount for what, (amount, _) in found.items()} == {"peak": 16, "flat": 48, "valley": 32}
    assert made.total == pytest.approx(16 * 1.0 + 48 * 0.6 + 32 * 0.3)
    assert (made.priced, made.estimated, made.missing) == (1.0, 0.0, ())
    assert "peak / 高峰: 16 kWh * 1 = 16" in cost_text(made)


@pytest.mark.parametrize("day", [date(2026, 9, 5), date(2026, 10, 1)])
def test_weekends_and_holidays_have_hours_of_their_own(day: date) -> None:
    made = cost(TIME_OF_USE, [group([day])], Period(2026, day.month))
    assert [(line.what, line.amount) for line in made.lines] == [("flat", 96)]
    assert made.total == pytest.approx(57.6)


def test_seasons() -> None:
    summer = tariff(price={"sharp": 2.0, "flat": 0.5}, hours=[{"months": [7, 8], "sharp": ["14:00-15:00"]}])
    assert by_rate(cost(summer, [group([date(2026, 7, 1)])], Period(2026, 7)))["sharp"] == (4, 8.0)
    assert set(by_rate(cost(summer, [group([DAY])]))) == {"flat"}


def test_the_clock_of_another_zone_also_when_it_changes() -> None:
    berlin = replace(HOUSE, time_zone="Europe/Berlin")
    night = tariff(price={"flat": 0.5, "valley": 0.1}, hours=[{"valley": ["00:00-06:00"]}])
    for day, quarters in ((date(2026, 3, 29), 20), (date(2026, 10, 25), 28), (date(2026, 10, 26), 24)):
        made = cost(night, [group([day], zone="Europe/Berlin")], Period(2026, day.month), berlin)
        assert by_rate(made)["valley"][0] == quarters


def test_steps_by_month_and_by_year() -> None:
    steps = [{"above": 100, "add": 0.1}, {"above": 150, "add": 0.3}]
    monthly = cost(tariff(step=steps), [group([DAY, date(2026, 9, 2)])])
    assert by_rate(monthly)["step"] == pytest.approx((92, 50 * 0.1 + 42 * 0.3))
    yearly = tariff(step=steps, steps_per="year")
    spring = group([date(2026, 3, 1), DAY])
    assert by_rate(cost(yearly, [spring]))["step"] == pytest.approx((92, 50 * 0.1 + 42 * 0.3))
    assert "step" not in by_rate(cost(tariff(step=steps), [group([DAY])]))
    whole = cost(yearly, [spring], Period(2026))
    assert whole.total == pytest.approx(
        cost(yearly, [spring]).total + cost(yearly, [spring], Period(2026, 3)).total
    )


def test_demand_is_the_highest_quarter_hour_of_all_mains_together() -> None:
    two = replace(HOUSE, meters=(*HOUSE.meters, Meter("second", "second", Carrier.ELECTRICITY, Role.MAIN)))
    first, second = group([DAY], 2.0), group([DAY], 3.0, "second")
    first.rows[10] = (first.rows[10][0], 900, 30.0, 900, 0)
    second.rows[20] = (second.rows[20][0], 900, 20.0, 900, 0)
    made = cost(tariff(demand={"price": 10}), [first, second], house=two)
    assert by_rate(made)["demand"] == ((30 + 3) * 4, 1320)
    contracted = cost(tariff(demand={"price": 10, "basis": "contracted"}), [first])
    assert by_rate(contracted)["demand"] == (500, 5000)
    unknown = cost(
        tariff(demand={"price": 10, "basis": "contracted"}),
        [first],
        house=replace(HOUSE, contracted_kw=None),
    )
    assert unknown.missing == ("330100A001: contracted_kw, for the demand charge",)


def test_export_is_paid_for_and_own_generation_costs_nothing() -> None:
    house = replace(HOUSE, meters=(*HOUSE.meters, Meter("roof", "roof", Carrier.ELECTRICITY, Role.PV)))
    groups = [group([DAY]), group([DAY], 0.25, direction="export"), group([DAY], 5.0, "roof", "export")]
    made = cost(tariff(export=0.4), groups, house=house)
    assert made.total == pytest.approx(96 * 0.5 - 24 * 0.4)


def test_a_virtual_main_is_priced_by_its_sum() -> None:
    house = replace(
        HOUSE,
        meters=(
            Meter("all", "", Carrier.ELECTRICITY, Role.MAIN, plus=("a",), minus=("b",)),
            Meter("a", "a", Carrier.ELECTRICITY, Role.CHECK),
            Meter("b", "b", Carrier.ELECTRICITY, Role.CHECK),
        ),
    )
    made = cost(tariff(), [group([DAY], 3.0, "a"), group([DAY], 1.0, "b")], house=house)
    assert made.total == pytest.approx(96 * 2 * 0.5)


def test_a_new_price_holds_from_its_day() -> None:
    dated = Tariff.model_validate(
        {
            "id": "t", "name_en": "t", "name_zh": "t",
            "version": [
                {"from": date(2026, 9, 1), "price": {"flat": 0.5}, "fixed_per_month": 30, "source": "s"},
                {"from": date(2026, 9, 11), "price": {"flat": 0.8}, "fixed_per_month": 60, "source": "s"},
            ],
        }
    )  # fmt: skip
    made = cost(dated, [group([date(2026, 8, 31), DAY, date(2026, 9, 11)])], Period(2026))
    assert made.total == pytest.approx(96 * 0.5 + 96 * 0.8 + 30 / 3 + 60 * 2 / 3)
    assert made.missing == ("t: no prices before 2026-09-01 (96 kWh)",)


def test_estimates_and_energy_without_intervals_are_said() -> None:
    groups = [group([DAY], quality=1)]
    days = Days.of([DailyRow(HOUSE.id, "electricity", "grid", DAY, 192.0, 1.0, 0.5)], DAY, date(2026, 9, 30))
    made = price(HOUSE, [tariff()], CALENDAR, groups, days, Period(2026, 9), date(2026, 9, 30))
    assert (made.priced, made.estimated) == (0.5, 1.0)
    assert "its intervals only 96" in made.missing[0]


def test_gas_has_a_price_too() -> None:
    gas = Tariff.model_validate(
        {
            "id": "gas", "name_en": "gas", "name_zh": "燃气", "carrier": "gas",
            "version": [{"from": date(2026, 1, 1), "price": {"flat": 3.0}, "source": "invented"}],
        }
    )  # fmt: skip
    house = replace(HOUSE, meters=(Meter("gas", "gas", Carrier.GAS, Role.MAIN),))
    at = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp() * 1000)
    rows = [(at, 900, 7.0, 900, 0)]
    used = IntervalGroup(
        building=HOUSE.id, device="gas", carrier=Carrier.GAS, direction=Direction.IMPORT, rows=rows
    )
    made = cost(gas, [used], house=house)
    assert [(line.amount, line.unit, line.cost) for line in made.lines] == [(7.0, "m3", 21.0)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("price = { flat = 1, peak = 2 }", "a price for peak, but no hours of it"),
        ('price = { flat = 1 }\nhours = [{ peak = ["08:00-09:00"] }]', "no price for peak"),
        (
            "price = { flat = 1, peak = 2, valley = 1 }\n"
            'hours = [{ peak = ["08:00-09:00"], valley = ["08:30-10:00"] }]',
            "08:30 is both peak and valley",
        ),
        ('price = { flat = 1 }\nhours = [{ peak = ["8-9"] }]', "write hours like 22:00-06:00, got '8-9'"),
        ("price = { flat = -1 }", "price.flat: Input should be greater than or equal to 0, got -1"),
        ("price = { flat = 1 }\nstep = [{ above = 5, add = 1 }, { above = 5, add = 2 }]", "steps must rise"),
    ],
)
def test_a_wrong_tariff_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "t.toml"
    path.write_text(
        f'id = "t"\nname_en = "t"\nname_zh = "t"\n[[version]]\nfrom = 2026-01-01\nsource = "s"\n{text}\n'
    )
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert problem in str(caught.value)
    assert "t.toml: version.0" in str(caught.value)


def test_the_narrowest_tariff_counts() -> None:
    sample = Path(__file__).parents[2] / "deploy" / "rules.toml"
    entry = {"file": "tariff-example.toml"}
    rules = build({"tariff": [entry | {"buildings": [HOUSE.id]}, entry]}, sample)
    assert [found.id for found in rules.tariffs_of(HOUSE)] == ["example-large-consumer"]
    with pytest.raises(ConfigError) as caught:
        build({"tariff": [{"file": "none.toml"}, {"file": "gone.toml"}]}, sample)
    assert "none.toml: cannot be read" in str(caught.value)
    assert "gone.toml: cannot be read" in str(caught.value)
