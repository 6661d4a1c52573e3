"""Budgets by month: each month has its part of the year's limit, and the parts are the whole."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from town_of_rules import BUILDING, OFFICE, rows

from drivers.errors import ConfigError
from rules.budget import Budget
from rules.config import Rules, build
from rules.model import chinese
from rules.period import Period
from rules.profiles import month_share
from rules.quota import judge
from rules.tables import Tables

TABLES = Tables.load()
SHARES = (0.12, 0.1, 0.08, 0.06, 0.06, 0.08, 0.1, 0.1, 0.08, 0.06, 0.07, 0.09)
FOUND = rows(date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("months", [SHARES, "profile"])
def test_the_months_limits_add_up_to_the_years(months: object) -> None:
    budget = Budget.model_validate(
        {"basis": "energy_kwh", "limit": 30, "per": "area", "months": months}
    ).as_scheme
    (year,) = judge(OFFICE, budget, FOUND, Period(2026), TABLES)
    parts = [judge(OFFICE, budget, FOUND, month, TABLES)[0] for month in Period(2026).months()]
    assert sum(part.limit or 0 for part in parts) == pytest.approx(year.limit)
    assert sum(part.used for part in parts) == pytest.approx(year.used)
    assert parts[0].metric_unit == "kWh/(m2.month)"
    assert "limit of the month" in [step.name for step in parts[0].steps]


def test_a_leap_year_shifts_the_shares_but_not_their_sum() -> None:
    for year in (2024, 2025):
        assert sum(month_share("mall", month) for month in Period(year).months()) == pytest.approx(1)
    assert month_share("mall", Period(2024, 2)) > month_share("mall", Period(2025, 2))


def test_a_month_over_its_part_in_a_year_that_is_not() -> None:
    flat = Budget.model_validate(
        {"basis": "energy_kwh", "limit": sum(row.energy for row in FOUND) * 1.02, "months": [1 / 12] * 12}
    ).as_scheme
    assert judge(OFFICE, flat, FOUND, Period(2026, 1), TABLES)[0].level == "exceeded"
    assert judge(OFFICE, flat, FOUND, Period(2026, 7), TABLES)[0].level == "ok"
    assert judge(OFFICE, flat, FOUND, Period(2026), TABLES)[0].level == "ok"


def test_a_budget_is_called_by_its_name_and_the_name_changes_no_verdict() -> None:
    def rules(**names: str) -> Rules:
        return build({"budget": [{"basis": "energy_kwh", "limit": 5000, **names}]}, Path("rules.toml"))

    plain, named = rules(), rules(name_zh="示例定额", name_en="Sample quota")
    assert plain.tables.version == named.tables.version
    (made,) = judge(OFFICE, named.budgets[0].as_scheme, FOUND, Period(2026), TABLES)
    (name,) = [factor.name for factor in made.factors if factor.kind == "scheme"]
    assert (str(name), chinese(name), made.scheme) == ("Sample quota", "示例定额", "budget")
    assert Budget.model_validate({"basis": "energy_kwh", "limit": 1}).as_scheme.name_zh == "自定定额"


def test_the_chain_is_said_in_chinese() -> None:
    budget = Budget.model_validate({"basis": "energy_kgce", "limit": 9, "per": "area", "months": "profile"})
    until = [row for row in FOUND if row.day < date(2026, 6, 1)]
    for period in (Period(2026), Period(2026, 2)):
        (made,) = judge(OFFICE, budget.as_scheme, until, period, TABLES, through=date(2026, 5, 31))
        assert made.forecast or period.monthly
        for step in made.steps:
            said = f"{chinese(step.name)} {chinese(step.formula)} {chinese(step.note)}"
            bare = re.sub(r"kgce\S*|ELEC-CAL|/ slope|amount \*|e-?\d+", "", said)
            assert not re.search("[a-z]{2}", bare), said


@pytest.mark.parametrize(
    ("budget", "problem"),
    [
        ({"months": [0.5, 0.5]}, "months needs 12 shares, got 2"),
        ({"months": [0.1] * 12}, "must add up to 1, got 1.2"),
        ({"months": "profile", "period": "month"}, "months divide a yearly limit"),
        ({"months": [1.5] + [0.0] * 11}, "less than or equal to 1, got 1.5"),
    ],
)
def test_wrong_shares_are_told(budget: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"budget": [{"basis": "energy_kwh", "limit": 1} | budget]}, Path("rules.toml"))
    assert problem in str(caught.value)
    assert "rules.toml: budget.0" in str(caught.value)


def test_a_narrower_monthly_budget_takes_only_the_months() -> None:
    rules = build(
        {
            "budget": [
                {"basis": "energy_kwh", "limit": 1200, "months": "profile"},
                {"basis": "energy_kwh", "limit": 7, "period": "month", "buildings": [BUILDING.id]},
            ]
        },
        Path("rules.toml"),
    )
    found = {
        (measure.period, measure.limit.levels["constraint"])  # type: ignore[union-attr]
        for scheme in rules.schemes_of(BUILDING, 2026)
        for measure in scheme.measure
    }
    assert found == {("year", 1200.0), ("month", 7.0)}
