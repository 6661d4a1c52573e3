"""An announcement for a province: 20,000 buildings × 13 months in the SQLite store. Aim: 60 s for everything.

`python tests/bench/bench_announce.py 2000` takes another number of buildings.
"""

from __future__ import annotations

import resource
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from collector.registry import Building, BuildingType, Meter, Registry, Role
from collector.sqlite_store import SqliteStore
from dashboards.announce.build import Options
from dashboards.announce.collect import collect
from dashboards.announce.grades import load_schemes
from dashboards.announce.issue import issue
from drivers.carrier import Carrier
from rules.config import build
from rules.model import Text
from rules.period import Period

FIRST, LAST = date(2025, 10, 1), date(2026, 10, 31)
NOW = int(datetime(2026, 11, 5, tzinfo=UTC).timestamp() * 1000)
LINES = (
    ("electricity", "total"),
    ("electricity", "grid"),
    ("electricity", "01A00"),
    ("electricity", "01B00"),
)
BUDGETS = [
    {"basis": "energy_kgce", "limit": 40.0, "per": "area"},
    {"basis": "carbon_kgco2", "limit": 90.0, "per": "area"},
]


def registry(count: int) -> Registry:
    kinds = [kind for kind in BuildingType if kind is not BuildingType.OTHER]
    meter = Meter("main", "main", Carrier.ELECTRICITY, Role.MAIN)
    buildings = [
        Building(
            f"33{n // 9000 + 1:02d}{n // 100 % 90 + 1:02d}A{n % 100:03d}",
            f"公共建筑{n}",
            f"Public building {n}",
            kinds[n % len(kinds)],
            8_000.0 + 37 * (n % 900),
            meters=(meter,),
            public=n % 3 == 0,
        )
        for n in range(count)
    ]
    return Registry({each.id: each for each in buildings}, {"330000": ("浙江省", "Zhejiang")})


def fill(path: Path, buildings: Registry) -> None:
    """Daily rows of every building, written by the database itself: only reading is measured."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.executemany(
            "INSERT INTO account (building, carrier, item) VALUES (?, ?, ?)",
            [
                (each, *line)
                for n, each in enumerate(sorted(buildings.buildings))
                for line in (*LINES, *((("gas", "total"),) if n % 3 == 0 else ()))
            ],
        )
        db.execute(
            "WITH RECURSIVE days(day) AS (SELECT ? UNION ALL SELECT day + 1 FROM days WHERE day < ?) "
            "INSERT INTO daily SELECT id, day, (3000 + id % 4001) * CASE item WHEN 'total' THEN 1.0 "
            "WHEN 'grid' THEN 1.0 ELSE 0.4 END * (1 + 0.1 * (abs(day * 7919 + id) % 11 - 5) / 5.0) "
            "* CASE carrier WHEN 'gas' THEN 0.02 ELSE 0.5 END, 0.99, 0.01, 120.0, 20.0 "
            "FROM account CROSS JOIN days",
            (FIRST.toordinal(), LAST.toordinal()),
        )


def options() -> Options:
    """The year 2025 has only its last quarter, which shall count."""
    return Options(Text("Bench", "测试"), date(2026, 11, 5), load_schemes()["a_to_e"], coverage_limit=0.2)


def _cpu_s() -> float:
    """Processor seconds of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _tell(bar: Progress, task: TaskID, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 20_000
    known = registry(count)
    rules = build({"budget": BUDGETS}, Path("bench.toml"), known)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "store.sqlite"
        store = SqliteStore(path)
        fill(path, known)
        print(f"{count:,} buildings, 13 months of daily rows, {path.stat().st_size / 1e6:,.0f} MB")
        for period in ("2026-10", "2025"):
            began, busy = time.perf_counter(), _cpu_s()
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("buildings", total=count)
                tell = partial(_tell, bar, task)
                made = collect(store, known, rules, Period.parse(period), "33", options(), NOW, tell)
            collected = time.perf_counter()
            issue(made, Path(directory) / period)
            ended = time.perf_counter()
            print(
                f"{period}: {ended - began:.1f} s (aim 60 s): {collected - began:.1f} s to collect, "
                f"{ended - collected:.1f} s for HTML, PDF, CSV, XLSX in two languages and JSON; "
                f"{_cpu_s() - busy:.0f} s of processor time"
            )
        store.close()
    print(f"largest resident size {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
