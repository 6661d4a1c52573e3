"""What a site that runs for months must not do: keep files open, keep old answers, hold all rows at once."""

from __future__ import annotations

import gc
import os
import sys
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from site_world import NOW, OFFICE, REGISTRY, Deaf, services

from collector.sqlite_store import SqliteStore
from dashboards.site import SiteServices, create_app
from dashboards.site.cache import SWEEP_S, Cache
from dashboards.site.views import energy
from drivers.errors import StoreUnavailable


def test_threads_that_end_leave_no_file_open(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "site.sqlite", clock=lambda: NOW)
    store.edges()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        thread = threading.Thread(target=store.edges)
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    store.close()


class Answers:
    """What a cache loads: one after the other, an exception raised."""

    def __init__(self, *answers: object) -> None:
        self.left = list(answers)

    def __call__(self) -> object:
        answer = self.left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def settle(cache: Cache) -> None:
    """Wait until nothing is computed any more."""
    while cache._renewing:
        cache._threads.submit(lambda: None).result(5)


def test_an_old_answer_stands_until_the_next_is_there_or_it_is_too_old() -> None:
    now = 0.0
    cache = Cache(lambda: now)
    load = Answers("old", StoreUnavailable("away"), ValueError("a bug"), "new")
    assert cache.get("key", 10, load, keep_s=100) == "old"
    now = 11
    for left in (2, 1, 0):  # neither an absent store nor a bug stops the next try
        assert cache.get("key", 10, load, keep_s=100) == "old"
        settle(cache)
        assert len(load.left) == left
    assert cache.get("key", 10, load, keep_s=100) == "new"
    now = 112
    with pytest.raises(StoreUnavailable):
        cache.get("key", 10, Answers(StoreUnavailable("away")), keep_s=100)


def test_a_cache_lets_go_of_what_nobody_asked_for_again() -> None:
    now = 0.0
    cache = Cache(lambda: now)
    for n in range(100):
        cache.get(n, 1, lambda: "large")
    now = SWEEP_S + 1
    cache.get("another", 1, lambda: "small")
    assert list(cache._entries) == ["another"]


def test_the_process_is_left_as_it_was_found(tmp_path: Path) -> None:
    before = (gc.get_threshold(), sys.getswitchinterval())
    with TestClient(create_app(services(tmp_path))) as client:
        client.get("/")
        assert sys.getswitchinterval() < before[1]
    assert (gc.get_threshold(), sys.getswitchinterval()) == before


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SiteServices:
    return services(tmp_path_factory.mktemp("site"))


@pytest.mark.parametrize("by_month", [False, True])
def test_pages_of_energy_are_the_rows_of_the_file_in_order(world: SiteServices, by_month: bool) -> None:
    ids, size = tuple(REGISTRY.buildings), 7 if by_month else 97
    query = energy.Query(date(2026, 9, 15), date(2026, 11, 20), ids, None, None, by_month)
    every = [row for part in energy.parts(world.store, query) for row in part]
    cache, total = Cache(), 1
    paged: energy.Rows = []
    while len(paged) < total:
        total, rows = energy.page(world.store, cache, query, len(paged), size)
        assert rows
        paged += rows
    assert paged == every
    assert total == (8 + 1 + 1) * (3 if by_month else 66)  # eight accounts of the office, one each of two
    assert energy.page(world.store, cache, query, total, 10) == (total, [])


class Watched:
    """A store that tells which buildings it was asked for."""

    def __init__(self, store: object) -> None:
        self.store, self.asked = store, list[list[str]]()

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    def daily(self, *arguments: object) -> object:
        self.asked.append(list(arguments[2]))  # type: ignore[call-overload]
        return self.store.daily(*arguments)  # type: ignore[attr-defined]


def test_a_page_of_energy_reads_only_the_buildings_on_it(world: SiteServices) -> None:
    store = Watched(world.store)
    days, ids = (date(2026, 10, 1), date(2026, 10, 31)), tuple(REGISTRY.buildings)
    query = energy.Query(*days, ids, "electricity", "total", False)
    total, rows = energy.page(store, Cache(), query, 10, 5)  # type: ignore[arg-type]
    assert (total, rows[0][0], len(rows)) == (93, "2026-10-11", 5)
    assert store.asked == [[OFFICE]]


def test_months_of_a_span_are_whole_but_for_its_ends() -> None:
    found = list(energy.months(date(2025, 12, 30), date(2026, 2, 3)))
    assert [(name, (last - first).days + 1) for name, first, last in found] == [
        ("2025-12", 2), ("2026-01", 31), ("2026-02", 3),
    ]  # fmt: skip


def test_a_file_of_a_store_that_is_away_is_an_error_and_no_half_file(world: SiteServices) -> None:
    class Halting:
        def __getattr__(self, name: str) -> object:
            return getattr(Deaf() if name == "daily" else world.store, name)

    with TestClient(create_app(replace(world, store=Halting()))) as client:  # type: ignore[arg-type]
        query = {"first": "2026-10-01", "last": "2026-10-02", "format": "csv"}
        assert client.get("/api/v1/energy", params=query).status_code == 503
