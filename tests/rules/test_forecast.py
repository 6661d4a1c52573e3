"""The forecast: many at once as one alone, gaps, limits, and no worse than naive on real series."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from town_of_rules import BUILDING, OFFICE, rows

from collector.model import DailyRow
from rules.accounting import account
from rules.backtest import backtest, periods, read
from rules.budget import Budget
from rules.config import build
from rules.forecast import METHODS, forecast
from rules.period import Period
from rules.profiles import profile_of
from rules.quota import HISTORY_DAYS, judge
from rules.runner import judge_days
from rules.series import Days
from rules.tables import Tables

DATA = Path(__file__).parents[1] / "bench" / "data"
FIRST = date(2024, 1, 1)


def line(level: float = 100.0, days: int = 1096) -> np.ndarray:
    at = np.arange(days)
    season = 1 + 0.4 * np.cos(2 * np.pi * at / 365.25)
    return level * season * np.where((at + FIRST.weekday()) % 7 >= 5, 0.5, 1.0)


def test_many_at_once_as_one_alone() -> None:
    chance = np.random.default_rng(3)
    many = np.stack([line(50 + 10 * at) * chance.normal(1, 0.1, 1096) for at in range(300)])
    limits = np.full(300, 30_000.0)
    together = forecast(many, FIRST, 731, 365, 200, limits)
    for place in (0, 127, 128, 299):
        alone = forecast(many[place : place + 1], FIRST, 731, 365, 200, limits[:1])
        assert alone.total[0] == pytest.approx(together.total[place], rel=1e-12)
        assert alone.passes[0] == together.passes[place]
        assert alone.expected_share[0] == pytest.approx(together.expected_share[place], rel=1e-12)


def test_a_known_season_is_carried_to_the_end() -> None:
    whole = line(days=1096)
    made = forecast(whole[None, :931], FIRST, 731, 365, 200, np.array([whole[731:].sum() * 0.8]))
    assert METHODS[made.method[0]] == "history"
    assert made.total[0] == pytest.approx(whole[731:].sum(), rel=0.01)
    passed = np.flatnonzero(np.cumsum(whole[731:]) > whole[731:].sum() * 0.8)[0]
    assert abs(int(made.passes[0]) - int(passed)) <= 4
    share = whole[731:931].sum() / whole[731:].sum()
    assert made.expected_share[0] == pytest.approx(share, abs=0.01)


def test_gaps_are_filled_with_what_was_to_be_expected() -> None:
    whole = line()
    torn = whole[:931].copy()
    torn[800:820] = np.nan
    made = forecast(torn[None], FIRST, 731, 365, 200, np.array([np.nan]))
    assert made.total[0] == pytest.approx(whole[731:].sum(), rel=0.02)
    assert made.passes[0] == -1


def test_without_a_past_the_type_gives_the_shape() -> None:
    year = np.repeat(profile_of("mall"), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) * 100
    made = forecast(
        year[None, :150], date(2025, 1, 1), 0, 365, 150, np.array([np.nan]), profile=profile_of("mall")
    )
    assert METHODS[made.method[0]] == "profile"
    assert made.total[0] == pytest.approx(year.sum(), rel=0.03)
    naive = year[:150].sum() / 150 * 365
    assert abs(made.total[0] - year.sum()) < abs(naive - year.sum())


def test_one_building_by_itself_and_in_a_portfolio_is_judged_alike() -> None:
    found = rows(date(2024, 5, 1), date(2026, 8, 31))
    budget = {"basis": "energy_kwh", "limit": 300_000.0}
    rules = build({"budget": [budget]}, Path("rules.toml"))
    through, period = date(2026, 8, 31), Period(2026)
    days = {BUILDING.id: Days.of(found, date(2024, 1, 1), through)}
    (together,) = judge_days([BUILDING], days, rules, {BUILDING.id: [period]}, {BUILDING.id: through})
    scheme = Budget.model_validate(budget).as_scheme
    (alone,) = judge(
        OFFICE, scheme, found, period, rules.tables, through=through, profile=profile_of(OFFICE.type)
    )
    assert alone.forecast is not None
    assert together.forecast is not None
    assert together.used == alone.used
    assert together.level == alone.level
    assert together.forecast.total == pytest.approx(alone.forecast.total, rel=1e-12)
    assert HISTORY_DAYS >= 730


def test_heat_pumps_of_the_rollup_are_accounted_for() -> None:
    day = date(2026, 1, 5)
    found = [
        DailyRow(OFFICE.id, "heat", "heat_pump_output", day, 300.0, 1.0, 0.0),
        DailyRow(OFFICE.id, "electricity", "heat_pump_input", day, 100.0, 1.0, 0.0),
        DailyRow(OFFICE.id, "electricity", "total", day, 500.0, 1.0, 0.0),
    ]
    made = account(OFFICE, found, Period(2026), Tables.load())
    assert made.heat_pump is not None
    assert made.heat_pump.spf == 3.0
    assert made.heat_pump.renewable_kwh == pytest.approx(200.0)
    assert made.kwh == 500, "what a heat pump gives and draws is inside the building's total"


@pytest.mark.parametrize("kind", ["month", "year"])
def test_not_worse_than_naive_on_a_recorded_series(kind: str) -> None:
    recorded = read(DATA / "uk_heating.csv")
    ours, naive = backtest(recorded, kind)
    assert ours.periods == len(periods(recorded, kind)) > 0
    assert ours.error <= naive.error * 1.01
    assert ours.right >= naive.right - 0.01
