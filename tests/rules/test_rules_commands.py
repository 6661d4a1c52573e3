"""The rules as commands on a real store: run until stopped, cost, evaluate, explain, recompute, back-test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from collector.model import DailyRow
from collector.sqlite_store import SqliteStore
from drivers.carrier import Carrier, Direction
from edge.wire import IntervalGroup, SampleGroup

HOUSE = "330100A001"
TODAY = datetime.now(UTC).date()
YEAR = (TODAY - timedelta(days=3)).year


def beacon(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "beacon", "rules", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with a year of days, an hour of intervals, a budget, a tariff and a condition."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "collector.toml").write_text(
        '[broker]\nport = 1883\n[store]\nkind = "sqlite"\npath = "store.sqlite"\n'
        '[registry]\nfiles = ["buildings.toml"]\n'
    )
    (folder / "buildings.toml").write_text(
        f'[[building]]\nid = "{HOUSE}"\nname_zh = "楼"\nname_en = "House"\ntype = "commercial_office"\n'
        'area_m2 = 1000\nedges = ["hz/pi1"]\n'
        '[[building.meter]]\nname = "main"\ncarrier = "electricity"\nrole = "main"\n'
    )
    (folder / "tariff.toml").write_text(
        'id = "flat"\nname_en = "flat"\nname_zh = "单一"\n[[version]]\nfrom = 2020-01-01\n'
        'price = { flat = 0.5 }\nsource = "invented example"\n'
    )
    (folder / "rules.toml").write_text(
        '[[budget]]\nbasis = "energy_kwh"\nlimit = 10\n[[tariff]]\nfile = "tariff.toml"\n'
        '[[condition]]\nid = "high"\nname_en = "high"\nname_zh = "高"\nquantity = "active_power_total"\n'
        'above = 1\nmax_age_s = 86400\n[[notifier]]\nname = "log"\nkind = "log"\n'
    )
    store = SqliteStore(folder / "store.sqlite")
    days = [TODAY - timedelta(days=back) for back in range(1, 400)]
    store.write_daily([DailyRow(HOUSE, "electricity", "total", day, 24.0, 1.0, 0.0) for day in days])
    start = round(datetime.combine(TODAY - timedelta(days=3), datetime.min.time(), UTC).timestamp() * 1000)
    rows = [(start + at * 900_000, 900, 0.25, 900, 0) for at in range(4)]
    now = round(time.time() * 1000)
    store.write(
        [
            SampleGroup(
                building=HOUSE, device="main", kind="electricity", fields=["active_power_total"],
                rows=[[now, 0, 5.0]],
            )
        ],
        [
            IntervalGroup(
                building=HOUSE, device="main", carrier=Carrier.ELECTRICITY, direction=Direction.IMPORT,
                rows=rows,
            )
        ],
    )  # fmt: skip
    store.close()
    return folder


def test_evaluate_explain_and_recompute(site: Path) -> None:
    made = beacon(site, "evaluate", "--json")
    assert made.returncode == 0, made.stderr
    assert {(row["basis"], row["level"]) for row in json.loads(made.stdout)} == {("energy_kwh", "exceeded")}
    told = beacon(site, "explain", HOUSE, "--period", str(YEAR))
    assert "EXCEEDED" in told.stdout
    assert "cost 0.5 CNY, tariffs flat" in told.stdout
    assert beacon(site, "recompute", "--from", "soon").returncode == 2


def test_cost_line_by_line(site: Path) -> None:
    made = beacon(site, "cost", HOUSE, "--period", str(YEAR), "--json")
    cost = json.loads(made.stdout)
    assert (cost["total"], cost["lines"][0]["what"], cost["lines"][0]["amount"]) == (0.5, "flat", 1.0)
    assert "its intervals only 1" in cost["missing"][0]
    assert beacon(site, "cost", "330100A999", "--period", "2026").returncode == 1


def test_back_test_of_the_store(site: Path) -> None:
    made = beacon(site, "backtest", "--json")
    scores = json.loads(made.stdout)
    assert {(score["kind"], score["method"]) for score in scores} >= {("month", "beacon"), ("month", "naive")}
    assert max(score["error"] for score in scores if score["method"] == "beacon") < 0.1


def test_run_judges_watches_and_stops_when_told(site: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "beacon", "rules", "run"],
        cwd=site,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wanted = {"quota:budget:energy_kwh", "high"}
        limit = time.monotonic() + 40
        while time.monotonic() < limit and not wanted <= _alerts(site):
            try:
                process.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                continue
        assert wanted <= _alerts(site), process.poll()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        assert "Traceback" not in output
    finally:
        process.kill()
        process.wait()
    store = SqliteStore(site / "store.sqlite")
    found = store.judgements(building=HOUSE)
    store.close()
    assert {row.level for row in found} == {"exceeded"}
    assert date.today().year - 1 <= int(found[0].period[:4])


def _alerts(site: Path) -> set[str]:
    from rules.alerts import AlertBook

    if not (site / "alerts.sqlite").exists():
        return set()
    book = AlertBook(site / "alerts.sqlite")
    found = {alert.rule for alert in book.list("active")}
    book.close()
    return found
