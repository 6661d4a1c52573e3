"""What must hold of every account and judgement, whatever the readings."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from town_of_rules import OFFICE, rows, total

from collector.model import DailyRow
from rules.accounting import account, monthly
from rules.budget import Budget
from rules.period import Period
from rules.quota import judge
from rules.tables import Tables, with_value

TABLES = Tables.load()
CARRIERS = ("electricity", "gas", "heat", "diesel", "water")


@st.composite
def readings(draw: st.DrawFn) -> list[DailyRow]:
    found = []
    for carrier in draw(st.lists(st.sampled_from(CARRIERS), min_size=1, unique=True)):
        for day in draw(st.lists(st.dates(date(2023, 12, 20), date(2025, 1, 10)), max_size=30, unique=True)):
            energy = draw(st.floats(0, 1e6))
            found.append(DailyRow("b", carrier, "total", day, energy, draw(st.floats(0, 1)), 0.0))
    return found


@settings(max_examples=40, deadline=None)
@given(readings(), st.randoms(use_true_random=False))
def test_months_add_up_to_the_year_and_order_and_repetition_change_nothing(
    found: list[DailyRow], chance: random.Random
) -> None:
    year = account(OFFICE, found, Period(2024), TABLES, through=date(2024, 12, 31))
    months = monthly(OFFICE, found, 2024, TABLES)
    for figure in ("kwh", "kgce", "kgco2", "grid_kwh"):
        whole = getattr(year, figure)
        assert sum(getattr(month, figure) for month in months) == pytest.approx(whole, rel=1e-12, abs=1e-9)
    shuffled = found + chance.sample(found, len(found) // 2)
    chance.shuffle(shuffled)
    assert account(OFFICE, shuffled, Period(2024), TABLES, through=date(2024, 12, 31)) == year


def test_a_leap_year_has_a_twenty_ninth_of_february() -> None:
    found = [DailyRow("b", "electricity", "total", date(2024, 2, 29), 5.0, 1.0, 0.0)]
    assert account(OFFICE, found, Period.parse("2024-02"), TABLES).electricity_kwh == 5.0
    assert account(OFFICE, found, Period.parse("2024-03"), TABLES).electricity_kwh == 0.0
    assert Period(2024).days == 366
    assert Period(2025).days == 365


def test_items_and_own_generation_are_inside_the_total() -> None:
    day = date(2025, 5, 1)
    parts = {"total": 100.0, "grid": 80.0, "pv": 25.0, "export": 5.0, "01A00": 30.0, "01B00": 60.0}
    found = [DailyRow("b", "electricity", item, day, energy, 1.0, 0.0) for item, energy in parts.items()]
    made = account(OFFICE, found, Period(2025), TABLES)
    assert made.electricity_kwh == 100
    assert made.kwh == 100
    assert made.items == {"01A00": 30, "01B00": 60}
    assert made.carbon.scope2_electricity == pytest.approx(80 * 0.4974)
    assert made.renewables.pv_self_use_kwh == 20


def test_a_changed_factor_changes_exactly_what_used_it() -> None:
    other = TABLES.changed(with_value(TABLES.rows["CN-NG-JST303"], 2.0))
    assert other.version != TABLES.version
    day = date(2025, 5, 1)
    gas = [DailyRow("b", "gas", "total", day, 10.0, 1.0, 0.0)]
    power = [DailyRow("b", "electricity", "total", day, 10.0, 1.0, 0.0)]
    before, after = (account(OFFICE, gas, Period(2025), tables) for tables in (TABLES, other))
    assert (before.kgco2, after.kgco2) == (pytest.approx(21.84), 20.0)
    assert (before.kgce, before.kwh) == (after.kgce, after.kwh)
    before, after = (account(OFFICE, power, Period(2025), tables) for tables in (TABLES, other))
    assert before.kgco2 == after.kgco2


def test_fallbacks_are_reported() -> None:
    tibet = TABLES.coefficient("kgco2", "electricity", region="540100", year=2026)
    assert tibet is not None
    assert (
        tibet.factors[0].fallback
        == "no row for CN-XZ, took CN-SW; no row for 2026, took the newest earlier one, 2023"
    )
    exact = TABLES.coefficient("kgco2", "electricity", region="330100", year=2023)
    assert exact is not None
    assert exact.factors[0].fallback == ""
    assert TABLES.coefficient("kgco2", "electricity", region="330100", year=2015) is None


def test_what_has_no_factor_is_named_and_not_counted_as_zero() -> None:
    found = [DailyRow("b", "cooling", "total", date(2025, 5, 1), 100.0, 1.0, 0.0)]
    made = account(OFFICE, found, Period(2025), TABLES)
    assert any("cooling_plant_cop" in text for text in made.missing)
    budget = Budget(basis="carbon_kgco2", limit=1000).as_scheme
    (judged,) = judge(OFFICE, budget, found, Period(2025), TABLES)
    assert judged.level == "insufficient_data"
    assert not judged.public


def test_below_the_coverage_limit_there_is_no_verdict() -> None:
    found = rows(date(2025, 1, 1), date(2025, 12, 31))
    budget = Budget(basis="energy_kwh", limit=total(found, 2025) / 2).as_scheme
    (whole,) = judge(OFFICE, budget, found, Period(2025), TABLES)
    assert whole.level == "exceeded"
    (thin,) = judge(OFFICE, budget, [row for row in found if row.day.month > 2], Period(2025), TABLES)
    assert thin.level == "insufficient_data"
    assert thin.coverage == pytest.approx(306 / 365)
    assert "83.8%" in thin.reasons[0].en
    assert "83.8%" in thin.reasons[0].zh


def test_the_edge_of_a_limit_passes() -> None:
    found = [DailyRow("b", "electricity", "total", day, 10.0, 1.0, 0.0) for day in Period(2025).dates()]
    for limit, level in ((3650.0, "ok"), (3649.9, "exceeded")):
        (made,) = judge(
            OFFICE, Budget(basis="energy_kwh", limit=limit).as_scheme, found, Period(2025), TABLES
        )
        assert made.level == level


@pytest.mark.parametrize(
    ("share", "level"), [(1.3, "ok"), (1.03, "watch"), (0.93, "warning"), (0.4, "exceeded")]
)
def test_levels_of_a_running_year(share: float, level: str) -> None:
    found = rows(date(2024, 1, 1), date(2026, 8, 31))
    year = total(rows(date(2026, 1, 1), date(2026, 12, 31)), 2026)
    budget = Budget(basis="energy_kwh", limit=year * share).as_scheme
    (made,) = judge(OFFICE, budget, found, Period(2026), TABLES, through=date(2026, 8, 31))
    assert made.level == level
    assert made.forecast is not None
    assert made.forecast.method == "history"
    assert made.forecast.total == pytest.approx(year, rel=0.02)
    assert made.forecast.low < made.forecast.total < made.forecast.high
    if level == "warning":
        assert made.forecast.passes_on is not None
        assert date(2026, 9, 1) < made.forecast.passes_on < date(2026, 12, 31)
    if level == "ok":
        assert made.forecast.passes_on is None


def test_an_unconfirmed_limit_names_nobody_until_the_operator_confirms_it() -> None:
    from rules.judgefile import judge_described

    described = {
        "year": 2023,
        "schemes": ["shanghai-business-office"],
        "building": {"type": "business office", "sub_class": "class I", "area_m2": 100, "region": "310000"},
        "energy": {"annual": {"electricity_kwh": 20000}},
    }
    (private,) = judge_described(described).judgements
    assert private.level == "exceeded"
    assert not private.public
    confirmed = ["SH-OFFICE-I", "shanghai-business-office"]
    (public,) = judge_described(described | {"confirmed": confirmed}).judgements
    assert public.public
    assert public.reasons == ()
    assert public.tables_version != private.tables_version


def test_missing_inputs_are_named_one_by_one() -> None:
    from rules.judgefile import judge_described

    made = judge_described(
        {
            "year": 2023,
            "schemes": ["gbt51161-office"],
            "building": {"type": "commercial_office", "area_m2": 100},
            "energy": {"annual": {"electricity_kwh": 1}},
        }
    ).judgements[0]
    assert made.level == "insufficient_data"
    assert [text.partition(":")[0] for text in made.missing] == [
        "hours_per_year",
        "m2_per_person",
        "climate_zone",
    ]
