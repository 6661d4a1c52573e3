"""Rules on a real store: judge, recompute beside the old version, alerts of quotas, edges and conditions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pytest
from town_of_rules import BUILDING, REGISTRY, rows, total

from collector.model import EdgeRow
from collector.registry import Registry
from collector.sqlite_store import SqliteStore
from collector.store import Store
from drivers.errors import StoreUnavailable
from edge.wire import SampleGroup
from rules.alerts import AlertBook
from rules.chain import chain, chain_text
from rules.config import Rules, build
from rules.model import Level
from rules.period import Period
from rules.runner import current_periods, evaluate, last_whole_day, periods_from
from rules.service import Rounds, run
from rules.tables import with_value

NOW = int(datetime(2026, 9, 30, 17, 0, tzinfo=UTC).timestamp() * 1000)  # 1 October, 01:00 in China
YEAR = total(rows(date(2026, 1, 1), date(2026, 12, 31)), 2026)


def rules(limit: float = YEAR * 0.9, **more: object) -> Rules:
    budget = {"basis": "energy_kwh", "limit": limit, "source": "test"}
    monthly = {"basis": "carbon_kgco2", "limit": 20000, "period": "month"}
    return build({"budget": [budget, monthly]} | more, Path("rules.toml"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = SqliteStore(tmp_path / "store.sqlite", REGISTRY.zones())
    made.write_daily(rows(date(2025, 1, 1), date(2026, 9, 30)))
    yield made
    made.close()


def test_judges_what_runs_and_what_has_just_ended(store: Store) -> None:
    assert last_whole_day(BUILDING, NOW) == date(2026, 9, 30)
    made = evaluate(store, REGISTRY, rules(), NOW)
    assert {(row.basis, row.period) for row in made} == {
        ("energy_kwh", "2026"),
        ("carbon_kgco2", "2026-08"),
        ("carbon_kgco2", "2026-09"),
    }
    year = next(row for row in made if row.period == "2026")
    assert year.level == "warning"
    assert year.forecast == pytest.approx(YEAR, rel=0.01)
    assert year.passes_on is not None
    chain_of = orjson.loads(year.detail)
    assert chain_of["steps"][0]["name"] == "readings of electricity (total)"
    kept = store.judgements(period="2026", building=BUILDING.id)
    assert [(row.used, row.level) for row in kept] == [(year.used, "warning")]


def test_evaluating_twice_changes_nothing(store: Store) -> None:
    assert evaluate(store, REGISTRY, rules(), NOW) == evaluate(store, REGISTRY, rules(), NOW)
    assert len(store.judgements(newest=False)) == 3


def test_recompute_keeps_the_old_version_beside(store: Store) -> None:
    old = rules()
    evaluate(store, REGISTRY, old, NOW)
    tables = old.tables.changed(with_value(old.tables.rows["CN-ZJ-ELEC-2023"], 0.4))
    new = Rules(old.path, old.file, tables, old.limits, old.schemes, old.budgets)
    spans = periods_from(Period(2026, 9), date(2026, 9, 30))
    assert [str(period) for period in spans] == ["2026", "2026-09"]
    evaluate(store, REGISTRY, new, NOW + 1, periods=spans)
    september = store.judgements(period="2026-09", newest=False)
    versions = {row.tables_version.split(".")[0] for row in september}
    assert versions == {old.tables.version, new.tables.version}
    assert len({row.used for row in september}) == 2
    year = store.judgements(period="2026", newest=False)
    assert len({row.used for row in year}) == 1, "electricity in kWh does not use the carbon factor"


def test_a_corrected_quota_stands_beside_the_old_one(store: Store) -> None:
    for place, limit in enumerate((YEAR, YEAR * 0.5, YEAR)):
        evaluate(store, REGISTRY, rules(limit), NOW + place)
    year = store.judgements(period="2026", newest=False)
    assert sorted(row.limit or 0 for row in year) == [YEAR * 0.5, YEAR]
    assert len({row.tables_version for row in year}) == 2


def test_a_corrected_area_stands_beside_the_old_one(store: Store) -> None:
    larger = replace(BUILDING, area_m2=2 * BUILDING.area_m2)
    renamed = replace(BUILDING, name_en="Another name", owner="somebody else")
    for place, building in enumerate((BUILDING, larger, renamed)):
        evaluate(store, Registry({building.id: building}), rules(), NOW + place)
    year = store.judgements(period="2026", newest=False)
    assert len({row.tables_version for row in year}) == len(year) == 2, "a name is no fact of a judgement"


def test_periods_end_with_the_local_calendar() -> None:
    assert [str(period) for period in current_periods(date(2026, 1, 10))] == [
        "2025",
        "2026",
        "2025-12",
        "2026-01",
    ]
    assert [str(period) for period in current_periods(date(2026, 7, 20))] == ["2026", "2026-06", "2026-07"]


def test_quota_alerts_open_and_resolve(store: Store, tmp_path: Path) -> None:
    book = AlertBook(tmp_path / "alerts.sqlite")
    Rounds(store, REGISTRY, rules(), book).judge(NOW)
    (alert,) = [alert for alert in book.list("active") if alert.rule == "quota:budget:energy_kwh"]
    assert alert.title_en.startswith("Own budget, energy, 20")
    assert alert.title_zh.startswith("自定定额，能耗，20")
    assert (alert.severity, alert.device) == ("warning", "2026")
    Rounds(store, REGISTRY, rules(limit=YEAR * 2), book).judge(NOW + 1)
    assert book.get(alert.id).state == "resolved"
    book.close()


def test_an_edge_offline_is_one_cause(store: Store, tmp_path: Path) -> None:
    silent = {"id": "no-data", "name_en": "silent", "name_zh": "无数据", "kind": "no_data", "for_s": 600}
    book = AlertBook(tmp_path / "alerts.sqlite")
    rounds = Rounds(store, REGISTRY, rules(condition=[silent]), book)
    for device in ("main", "lights"):
        group = SampleGroup(
            building=BUILDING.id, device=device, kind="electricity", fields=["active_power_total"],
            rows=[[NOW, 0, 5.0]],
        )  # fmt: skip
        store.write([group], [])
    store.write_edge(EdgeRow("plant", "pi1", NOW, {"online": True}))
    assert rounds.watch(NOW + 60_000) == []
    store.write_edge(EdgeRow("plant", "pi1", NOW + 61_000, {"online": False}))
    rounds.watch(NOW + 700_000)
    shown = book.list("active", explained=False)
    assert [alert.rule for alert in shown] == ["edge-offline"]
    assert {alert.cause for alert in book.list("active", BUILDING.id)} == {shown[0].id}
    book.close()


def test_silence_before_the_start_is_not_silence(store: Store, tmp_path: Path) -> None:
    """A centre that starts after a break hears nothing new at once; the twin that stays silent is told."""
    silent = {"id": "no-data", "name_en": "silent", "name_zh": "无数据", "kind": "no_data", "for_s": 600}
    book = AlertBook(tmp_path / "alerts.sqlite")
    group = SampleGroup(
        building=BUILDING.id, device="main", kind="electricity", fields=["active_power_total"],
        rows=[[NOW, 0, 5.0]],
    )  # fmt: skip
    store.write([group], [])
    started = NOW + 3_600_000
    rounds = Rounds(store, REGISTRY, rules(condition=[silent]), book, started)
    assert rounds.watch(started + 1_000) == []
    assert [change.state for change in rounds.watch(started + 600_000)] == ["fire"]
    again = Rounds(store, REGISTRY, rules(condition=[silent]), book, started + 700_000)
    assert again.watch(started + 701_000) == []
    assert [alert.rule for alert in book.list("active")] == ["no-data"]
    book.close()


def test_the_chain_is_explained(store: Store) -> None:
    made = chain(store, BUILDING, rules(), Period(2026), NOW)
    assert [judgement.level for judgement in made.judgements] == [Level.WARNING]
    assert made.account.electricity_kwh == pytest.approx(made.judgements[0].used)
    assert "main: electricity, main" in chain_text(made)


class Unreachable:
    """A store that never answers, and says when it was asked a second time."""

    def __init__(self) -> None:
        self.asked = 0
        self.twice = threading.Event()

    def __getattr__(self, name: str) -> object:
        def refuse(*_: object, **__: object) -> object:
            self.asked += 1
            if self.asked == 2:
                self.twice.set()
            raise StoreUnavailable("no line")

        return refuse


async def test_the_service_goes_on_without_a_store(tmp_path: Path) -> None:
    book = AlertBook(tmp_path / "alerts.sqlite")
    store = Unreachable()
    task = asyncio.create_task(run(store, REGISTRY, rules(), book, clock=lambda: NOW))  # type: ignore[arg-type]
    assert await asyncio.to_thread(store.twice.wait, 10), "judging and watching both asked"
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    book.close()
