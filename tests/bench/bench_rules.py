"""Rules: judging a province with forecasts, watching a hundred thousand devices, back-testing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from collector.model import DailyRow, Latest
from collector.registry import Building, BuildingType, Registry
from rules.backtest import backtest, read, table
from rules.conditions import Condition
from rules.config import Rules, build
from rules.period import Period
from rules.quota import HISTORY_DAYS
from rules.runner import as_row, judge_days
from rules.series import Days, Key
from rules.watch import Watch

HERE = Path(__file__).parent
CARRIERS = ("electricity", "gas", "heat", "cooling", "water", "diesel", "lpg", "coal")
THROUGH = date(2026, 9, 30)


def rules() -> Rules:
    """A carbon and an energy budget by area and year for every building."""
    budgets = [
        {"basis": "energy_kgce", "limit": 40.0, "per": "area"},
        {"basis": "carbon_kgco2", "limit": 90.0, "per": "area"},
    ]
    return build({"budget": budgets}, Path("bench.toml"))


def buildings(count: int) -> list[Building]:
    kinds = list(BuildingType)
    return [
        Building(
            f"3301{at % 90 + 10:02d}A{at:05d}",
            f"楼{at}",
            f"Building {at}",
            kinds[at % len(kinds)],
            10_000.0 + at % 30_000,
        )
        for at in range(count)
    ]


def days(chosen: list[Building], first: date, count: int) -> dict[str, Days]:
    """Plausible daily values of every carrier as arrays, one year back from THROUGH."""
    keys: tuple[Key, ...] = tuple((carrier, "total") for carrier in CARRIERS)
    season = 1 + 0.3 * np.cos(2 * np.pi * np.arange(count) / 365)
    random = np.random.default_rng(1)
    noise = random.normal(1, 0.05, (len(keys), count))
    known = np.zeros(count)
    known[-(THROUGH - date(2025, 10, 1)).days - 1 :] = 1.0
    found = {}
    for building in chosen:
        energy = np.where(known > 0, season * noise * building.area_m2 * 0.02, np.nan)
        coverage = np.broadcast_to(known, energy.shape)
        found[building.id] = Days(first, count, keys, energy, coverage, np.zeros_like(energy)).derived()
    return found


def judge_province(count: int, chunk: int = 256) -> tuple[float, float, int]:
    """Seconds to judge, seconds to make the store's rows, judgements."""
    loaded, period = rules(), Period(2026)
    first = period.first - timedelta(days=HISTORY_DAYS)
    chosen = buildings(count)
    length = (THROUGH - first).days + 1
    judging = writing = 0.0
    made = 0
    for low in range(0, count, chunk):
        part = chosen[low : low + chunk]
        facts = days(part, first, length)
        began = time.process_time()
        found = judge_days(part, facts, loaded, {b.id: [period] for b in part}, {b.id: THROUGH for b in part})
        judging += time.process_time() - began
        began = time.process_time()
        made += len([as_row(judgement, 0) for judgement in found])
        writing += time.process_time() - began
    return judging, writing, made


def rows_to_arrays(count: int) -> float:
    """Microseconds a daily row takes on its way into arrays."""
    rows = [
        DailyRow("b", carrier, "total", THROUGH - timedelta(days=back), 1.0, 1.0, 0.0)
        for carrier in CARRIERS
        for back in range(365)
    ]
    began = time.process_time()
    for _ in range(count):
        Days.of(rows, THROUGH - timedelta(days=364), THROUGH)
    return (time.process_time() - began) / count / len(rows) * 1e6


def watch_devices(count: int) -> tuple[float, int]:
    """Seconds of one minute's round over `count` devices with five rules."""
    registry = Registry({b.id: b for b in buildings(count // 50)})
    names = list(registry.buildings)
    conditions = [
        Condition(id="no-data", name_en="x", name_zh="x", kind="no_data", for_s=600),
        Condition(id="power", name_en="x", name_zh="x", quantity="active_power_total", above=900, for_s=600),
        Condition(id="imbalance", name_en="x", name_zh="x", quantity="phase_imbalance", above=0.3, for_s=600),
        Condition(id="factor", name_en="x", name_zh="x", quantity="power_factor", below=0.85, for_s=600),
        Condition(
            id="frozen",
            name_en="x",
            name_zh="x",
            kind="frozen",
            quantity="active_energy_import_total",
            for_s=7200,
        ),
    ]
    values = {
        "active_power_total": 12.0, "current_l1": 20.0, "current_l2": 21.0, "current_l3": 19.0,
        "power_factor_total": 0.96, "active_energy_import_total": 1000.0,
    }  # fmt: skip
    latest = [
        Latest(names[at // 50], f"meter{at % 50}", "electricity", 60_000, values) for at in range(count)
    ]
    watch = Watch(conditions, registry)
    watch.look(60_000, latest)
    began = time.process_time()
    watch.look(120_000, latest)
    return time.process_time() - began, len(conditions)


def main() -> None:
    for count in (5_000, 20_000):
        judging, writing, made = judge_province(count)
        print(
            f"judge {count:,} buildings x {len(CARRIERS)} carriers x 365 days, {made:,} forecasts: "
            f"{judging:.2f} s, rows for the store {writing:.2f} s (aim 10 s)"
        )
    print(f"daily rows into arrays: {rows_to_arrays(20):.2f} us a row")
    seconds, rules_count = watch_devices(100_000)
    print(f"a minute of 100,000 devices x {rules_count} conditions: {seconds:.2f} s (aim 5 s)")
    scores = [
        score
        for name in ("il_heating_cooling", "uk_heating")
        for kind in ("year", "month")
        for score in backtest(read(HERE / "data" / f"{name}.csv"), kind)
    ]
    print(table(scores))


if __name__ == "__main__":
    run: Callable[[], None] = main
    run()
