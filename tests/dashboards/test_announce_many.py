"""Many buildings are reckoned in processes of their own: the same announcement, and errors in words."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import town
from announced_town import options

from collector.influx_store import InfluxStore
from collector.model import SumRow
from collector.settings import InfluxSettings
from collector.sqlite_store import SqliteStore
from dashboards.announce import collect as collecting
from dashboards.announce.collect import collect
from dashboards.announce.model import Announcement
from drivers.errors import BeaconError, StoreUnavailable
from rules.config import Rules, build
from rules.period import Period

NOW = 1_793_800_000_000  # 4 November 2026
MONTH = Period(2026, 10)


class KilledInTheMiddle(SqliteStore):
    def __reduce__(self) -> tuple[type[KilledInTheMiddle], tuple[Path]]:  # type: ignore[override]
        return KilledInTheMiddle, (self.path,)

    def sums(self, *given: object, **named: object) -> list[SumRow]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []


class AwayInTheMiddle(KilledInTheMiddle):
    def __reduce__(self) -> tuple[type[AwayInTheMiddle], tuple[Path]]:  # type: ignore[override]
        return AwayInTheMiddle, (self.path,)

    def sums(self, *given: object, **named: object) -> list[SumRow]:
        raise StoreUnavailable(f"{self.path}: the disk is gone")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "store.sqlite"
    store = SqliteStore(path)
    for building in town.registry().buildings.values():
        store.write_daily(list(town.daily(building, date(2025, 10, 1), date(2026, 10, 31))))
    store.close()
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    budget = {"basis": "energy_kgce", "limit": 9.0, "per": "area"}
    return build({"budget": [budget]}, tmp_path / "rules.toml", town.registry())


@pytest.fixture
def several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "CHUNK", 8)


@pytest.fixture
def apart(several_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MANY", 1)


def announced(store: SqliteStore, rules: Rules) -> tuple[Announcement, list[tuple[int, int]]]:
    seen: list[tuple[int, int]] = []
    try:
        made = collect(
            store,
            town.registry(),
            rules,
            MONTH,
            "33",
            options(),
            NOW,
            lambda done, of: seen.append((done, of)),
        )
    finally:
        store.close()
    return made, seen


def test_parts_reckoned_apart_make_the_same_announcement(
    path: Path, rules: Rules, several_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = announced(SqliteStore(path), rules)
    monkeypatch.setattr(collecting, "MANY", 1)
    apart, seen = announced(SqliteStore(path), rules)
    assert apart == here
    assert here.over
    assert any(verdict.chain for entry in here.over for verdict in entry.over)
    assert seen == [(8, 30), (16, 30), (24, 30), (30, 30)]


def test_a_killed_process_is_an_error_in_words(path: Path, rules: Rules, apart: None) -> None:
    with pytest.raises(BeaconError, match="nothing is published"):
        announced(KilledInTheMiddle(path), rules)


def test_a_store_that_goes_away_is_named(path: Path, rules: Rules, apart: None) -> None:
    with pytest.raises(StoreUnavailable, match="the disk is gone"):
        announced(AwayInTheMiddle(path), rules)


def test_an_influxdb_store_travels_with_all_its_settings(tmp_path: Path) -> None:
    settings = InfluxSettings(
        kind="influxdb", url="http://127.0.0.1:1", token="secret", bucket_energy="kept", gzip=False
    )
    store = InfluxStore(settings, {"330105A001": "Asia/Urumqi"})
    there = pickle.loads(pickle.dumps(store))
    assert (there.settings, there.zones) == (settings, store.zones)
    assert "secret" not in repr(there.settings)
    store.close()
    there.close()


def test_a_period_that_no_building_fills_is_not_announced(path: Path, rules: Rules) -> None:
    store = SqliteStore(path)
    with pytest.raises(BeaconError, match="period 2025: no building in region 3301 has enough data"):
        collect(store, town.registry(), rules, Period(2025), "330100", options(), NOW)
    store.close()


@pytest.mark.parametrize("region", ["33", "3300", "330000"])
def test_a_province_has_one_name(path: Path, rules: Rules, region: str) -> None:
    store = SqliteStore(path)
    assert collect(store, town.registry(), rules, MONTH, region, options(), NOW).region == "33"
    store.close()


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()
