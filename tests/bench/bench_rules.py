"""Rules: judging a province with forecasts, watching a hundred thousand devices, back-testing."""

from __future__ import annotations

import gc
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from collector.columns import DailyColumns
from collector.model import DailyRow, Latest
from collector.registry import Building, BuildingType, Registry
from collector.sqlite_store import SqliteStore
from rules.backtest import backtest, read, table
from rules.conditions import Condition
from rules.config import Rules, build
from rules.period import Period
from rules.quota import HISTORY_DAYS
from rules.runner import CHUNK, as_row, evaluate, judge_days
from rules.series import Days, Key
from rules.watch import Watch

HERE = Path(__file__).parent
CARRIERS = ("coal", "cooling", "diesel", "electricity", "gas", "heat", "lpg", "water")
KEYS: tuple[Key, ...] = tuple((carrier, "total") for carrier in CARRIERS)
THROUGH = date(2026, 9, 30)
DAYS = 365


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


def year_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Plausible daily values per square metre of every carrier for the last `count` days, and no gaps."""
    season = 1 + 0.3 * np.cos(2 * np.pi * np.arange(count) / 365)
    energy = season * np.random.default_rng(1).normal(1, 0.05, (len(KEYS), count)) * 0.02
    return energy, np.ones_like(energy)


def columns(chosen: list[Building], first: date, count: int) -> list[DailyColumns]:
    """What a store gives: a year of eight carriers, before it nothing."""
    energy, whole = year_of(DAYS)
    absent = np.full((len(KEYS), count - DAYS), np.nan)
    empty, none = np.zeros_like(absent), np.zeros((len(KEYS), count))
    coverage = np.hstack([empty, whole])
    return [
        DailyColumns(building.id, KEYS, np.hstack([absent, energy * building.area_m2]), coverage, none)
        for building in chosen
    ]


def judge_province(count: int, chunk: int = CHUNK) -> tuple[float, float, int]:
    """Seconds to judge, seconds to make the store's rows, judgements."""
    loaded, period = rules(), Period(THROUGH.year)
    gc.freeze()  # as `beacon rules run` does once everything is loaded
    first = period.first - timedelta(days=HISTORY_DAYS)
    chosen = buildings(count)
    length = (THROUGH - first).days + 1
    judging = writing = 0.0
    made = 0
    for low in range(0, count, chunk):
        part = chosen[low : low + chunk]
        given = columns(part, first, length)
        began = time.process_time()
        facts = {each.building: Days.of_columns(each, first) for each in given}
        found = judge_days(part, facts, loaded, {b.id: [period] for b in part}, {b.id: THROUGH for b in part})
        judging += time.process_time() - began
        began = time.process_time()
        made += len([as_row(judgement, 0) for judgement in found])
        writing += time.process_time() - began
    return judging, writing, made


def judge_store(count: int) -> tuple[float, float, float, int, float]:
    """Seconds to write a year of daily rows, to read them, to read, judge and store; judgements; peak MB."""
    chosen = buildings(count)
    registry = Registry({building.id: building for building in chosen})
    energy, _ = year_of(DAYS)
    start = THROUGH - timedelta(days=DAYS - 1)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store.sqlite")
        began = time.process_time()
        for building in chosen:
            store.write_daily(
                [
                    DailyRow(
                        building.id,
                        carrier,
                        item,
                        start + timedelta(days=at),
                        value * building.area_m2,
                        1.0,
                        0.0,
                    )
                    for (carrier, item), line in zip(KEYS, energy.tolist(), strict=True)
                    for at, value in enumerate(line)
                ]
            )
        wrote = time.process_time() - began
        began = time.process_time()
        for low in range(0, count, CHUNK):
            store.daily_columns(start, THROUGH, [building.id for building in chosen[low : low + CHUNK]])
        read_in = time.process_time() - began
        now = int(datetime(THROUGH.year, THROUGH.month, THROUGH.day, 17, tzinfo=UTC).timestamp() * 1000)
        began = time.process_time()
        made = evaluate(store, registry, rules(), now, periods=[Period(THROUGH.year)])
        whole = time.process_time() - began
        store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return wrote, read_in, whole, len(made), peak


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
            f"judge {count:,} buildings x {len(KEYS)} carriers x {DAYS} days, {made:,} forecasts: "
            f"{judging:.2f} s, with rows for the store {judging + writing:.2f} s (aim 10 s, one core)"
        )
    for count in (200, 2_000):
        wrote, read_in, whole, made, peak = judge_store(count)
        values = count * len(KEYS) * DAYS
        print(
            f"the same from a SQLite file and back, {count:,} buildings, {made:,} judgements: {whole:.2f} s, "
            f"of it reading {read_in:.2f} s ({read_in / values * 1e6:.2f} us a row); at most {peak:.0f} MB "
            f"(the file took {wrote:.1f} s to write)"
        )
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
