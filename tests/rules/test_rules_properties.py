"""From intervals through the rollup to accounts and judgements: what must hold of any readings."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from town_of_rules import BUILDING

from collector.model import DailyRow
from collector.registry import Building, Meter, Registry, Role
from collector.rollup import rollup
from collector.sqlite_store import SqliteStore
from drivers.carrier import Carrier, Direction
from edge.wire import IntervalGroup
from rules.accounting import account
from rules.budget import Budget
from rules.config import build, subject_of
from rules.model import Judgement
from rules.period import Period
from rules.quota import judge
from rules.runner import evaluate
from rules.tables import Tables, with_value

TABLES = Tables.load()
QUARTER = 900_000
E = Carrier.ELECTRICITY
FLAT = replace(
    BUILDING,
    meters=(
        Meter("main", "main", E, Role.MAIN),
        Meter("ac", "ac", E, Role.SUB, "01B00"),
        Meter("gas", "gas", Carrier.GAS, Role.MAIN),
    ),
)
DEEP = replace(
    FLAT,
    meters=(
        Meter("main", "main", E, Role.MAIN),
        Meter("floor", "floor", E, Role.SUB, "", "main"),
        Meter("ac", "ac", E, Role.SUB, "01B00", "floor"),
        Meter("rest", "", E, Role.SUB, "01D00", "main", plus=("main",), minus=("floor",)),
        Meter("gas", "gas", Carrier.GAS, Role.MAIN),
    ),
)
amounts = st.floats(0, 1e4, allow_subnormal=False)


def group(device: str, values: dict[int, float], carrier: Carrier = E) -> IntervalGroup:
    rows = [(at, 900, value, 900, 0) for at, value in sorted(values.items())]
    return IntervalGroup(
        building=BUILDING.id, device=device, carrier=carrier, direction=Direction.IMPORT, rows=rows
    )


def judged(house: Building, rows: list[DailyRow], period: Period) -> list[Judgement]:
    budget = Budget(basis="carbon_kgco2", limit=50, per="area", months="profile").as_scheme
    return judge(subject_of(house, {}), budget, rows, period, TABLES)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.integers(0, 96 * 400), st.tuples(amounts, amounts, amounts), min_size=1, max_size=40)
)
def test_another_level_of_the_meter_tree_changes_no_total(found: dict[int, tuple[float, ...]]) -> None:
    start = round(datetime(2023, 12, 30, tzinfo=UTC).timestamp() * 1000)
    main, floor, ac = (
        {start + at * QUARTER: value[part] for at, value in found.items()} for part in range(3)
    )
    groups = [group("main", main), group("ac", ac), group("gas", ac, Carrier.GAS)]
    flat, deep = rollup(FLAT, groups), rollup(DEEP, [*groups, group("floor", floor)])
    for year in (2023, 2024, 2025):
        one = account(subject_of(FLAT, {}), flat, Period(year), TABLES)
        other = account(subject_of(DEEP, {}), deep, Period(year), TABLES)
        assert (one.kwh, one.kgce, one.carbon, one.coverage) == (
            other.kwh, other.kgce, other.carbon, other.coverage
        )  # fmt: skip
        before, after = judged(FLAT, flat, Period(year)), judged(DEEP, deep, Period(year))
        assert [(each.used, each.level) for each in before] == [(each.used, each.level) for each in after]


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("Asia/Shanghai", "2023-12-31T15:45", date(2023, 12, 31)),
        ("Asia/Shanghai", "2023-12-31T16:00", date(2024, 1, 1)),
        ("Asia/Shanghai", "2024-02-28T16:00", date(2024, 2, 29)),
        ("Asia/Shanghai", "2024-02-29T15:59", date(2024, 2, 29)),
        ("Asia/Shanghai", "2024-02-29T16:00", date(2024, 3, 1)),
        ("America/New_York", "2024-03-01T04:45", date(2024, 2, 29)),
        ("America/New_York", "2025-01-01T04:59", date(2024, 12, 31)),
        ("America/New_York", "2025-01-01T05:00", date(2025, 1, 1)),
    ],
)
def test_a_quarter_hour_belongs_to_the_buildings_own_day_month_and_year(
    zone: str, at: str, day: date
) -> None:
    house = replace(FLAT, time_zone=zone)
    start = round(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
    rows = rollup(house, [group("main", {start: 5.0})])
    assert {row.day for row in rows} == {day}
    subject = subject_of(house, {})
    for period in (Period(day.year), Period(day.year, day.month)):
        assert account(subject, rows, period, TABLES).electricity_kwh == 5.0
        for beside in (period.shifted(1), period.shifted(-1)):
            assert account(subject, rows, beside, TABLES).electricity_kwh == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 365), st.integers(0, 10**6))
def test_splitting_a_period_changes_no_total(at: int, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        DailyRow("b", "electricity", "total", day, chance.uniform(0, 1e5), 1.0, 0.0)
        for day in Period(2024).dates()
    ]
    subject = subject_of(FLAT, {})
    cut = date(2024, 1, 1) + timedelta(days=at)
    whole = account(subject, rows, Period(2024), TABLES)
    parts = [
        account(subject, [row for row in rows if (row.day < cut) is early], Period(2024), TABLES)
        for early in (True, False)
    ]
    for figure in ("kwh", "kgce", "kgco2"):
        assert sum(getattr(part, figure) for part in parts) == pytest.approx(
            getattr(whole, figure), rel=1e-12
        )
    months = [judged(FLAT, rows, month)[0].used for month in Period(2024).months()]
    assert sum(months) == pytest.approx(judged(FLAT, rows, Period(2024))[0].used, rel=1e-12)


def test_a_corrected_factor_changes_exactly_what_used_it(tmp_path: Path) -> None:
    """Two buildings, three measures: only carbon of the one that burns gas moves."""
    burns = replace(FLAT, id="330100A002")
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(250)]
    rows = [
        DailyRow(name, "electricity", "total", day, 9.0, 1.0, 0.0)
        for name in (FLAT.id, burns.id)
        for day in days
    ]
    rows += [DailyRow(burns.id, "gas", "total", day, 2.0, 1.0, 0.0) for day in days]
    budgets = [{"basis": basis, "limit": 9e5} for basis in ("energy_kwh", "energy_kgce", "carbon_kgco2")]
    rules = build({"budget": budgets}, Path("rules.toml"))
    other = replace(rules, tables=rules.tables.changed(with_value(TABLES.rows["CN-NG-JST303"], 2.0)))
    store = SqliteStore(tmp_path / "store.sqlite")
    store.write_daily(rows)
    registry = Registry({FLAT.id: FLAT, burns.id: burns})
    now = round(datetime(2026, 9, 8, 12, tzinfo=UTC).timestamp() * 1000)
    before, after = (
        {(row.building, row.basis): (row.used, row.forecast) for row in evaluate(store, registry, each, now)}
        for each in (rules, other)
    )
    store.close()
    assert {key for key in before if before[key] != after[key]} == {(burns.id, "carbon_kgco2")}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_order_and_repetition_of_arriving_days_change_no_judgement(seed: int) -> None:
    chance = random.Random(seed)
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(200)]
    rows = [
        DailyRow("b", carrier, "total", day, chance.uniform(0, 1e4), chance.uniform(0.9, 1), 0.1)
        for carrier in ("electricity", "gas", "diesel")
        for day in chance.sample(days, 195)
    ]
    shuffled = rows + chance.sample(rows, 100)
    chance.shuffle(shuffled)
    budget = Budget(basis="energy_kgce", limit=1e6).as_scheme
    one, other = (
        judge(subject_of(FLAT, {}), budget, found, Period(2026), TABLES, through=date(2026, 7, 19))
        for found in (rows, shuffled)
    )
    assert one == other
