"""The SQLite store: the contract, and what a file on a small machine must survive."""

from __future__ import annotations

import os
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_contract import BUILDING, NOON, QUARTER, StoreContract, event, quarters, samples

from collector import interval_block, sqlite_schema
from collector.sqlite_store import SqliteStore
from drivers.errors import ConfigError, StoreUnavailable


@pytest.fixture
def clock() -> Callable[[], int]:
    return count(NOON).__next__


@pytest.fixture
def store(tmp_path: Path, clock: Callable[[], int]) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.sqlite", clock=clock)
    yield store
    store.close()


class TestSqliteStore(StoreContract):
    pass


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "store.sqlite")
    first.write([samples("meter1", [NOON, 0, 1.0, 2.0])], [quarters("meter1", NOON, 1.0)])
    first.close()
    again = SqliteStore(tmp_path / "store.sqlite")
    assert len(again.intervals(BUILDING, NOON, NOON + QUARTER)) == 1
    assert again.latest()[0].at == NOON
    again.close()


def old_file(path: Path) -> Path:
    """A store of schema 1 with one day of one register and one edge."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).parent / "store_v1.sql").read_text("utf-8"))
        day_start = NOON - NOON % 86_400_000
        block = interval_block.encode(day_start, [(NOON, 900, 1.5, 900, 0)])
        db.execute("INSERT INTO register VALUES (1, ?, 'meter1', 'import', 'electricity')", (BUILDING,))
        db.execute("INSERT INTO interval_day VALUES (1, ?, ?)", (day_start, block))
        db.execute("INSERT INTO edge VALUES ('hz', 'pi1', 1, '{}')")
        db.commit()
    return path


def schema_of(path: Path) -> tuple[int, set[tuple[str, str]]]:
    """user_version, and (name, SQL without its spaces) of every table and index."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        version = db.execute("PRAGMA user_version").fetchone()[0]
    return version, {(name, "".join(sql.split())) for name, sql in found}


def test_a_file_of_the_version_before_is_upgraded_with_all_it_holds(tmp_path: Path) -> None:
    path = old_file(tmp_path / "old.sqlite")
    assert schema_of(path)[0] == 1
    for _ in range(2):
        store = SqliteStore(path)
        store.write([], [quarters("meter1", NOON + QUARTER, 2.5)], [event()])
        assert [row.energy for row in store.intervals(BUILDING, NOON, NOON + 2 * QUARTER)] == [1.5, 2.5]
        assert store.events(BUILDING, NOON, NOON) == [event()]
        assert store.edges()[0].edge == "pi1"
        store.close()
    SqliteStore(tmp_path / "new.sqlite").close()
    assert schema_of(path) == schema_of(tmp_path / "new.sqlite")


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_file(tmp_path / "old.sqlite")
    before = schema_of(path)
    with monkeypatch.context() as broken:
        broken.setitem(sqlite_schema.UPGRADES, 1, "CREATE TABLE event (at INTEGER); CREATE TABLE edge (x)")
        with pytest.raises(StoreUnavailable, match="edge already exists"):
            SqliteStore(path)
    assert schema_of(path) == before
    SqliteStore(path).close()
    assert schema_of(path)[0] == sqlite_schema.VERSION


def test_a_building_in_another_zone_has_its_own_days(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite", zones={BUILDING: "America/New_York"})
    store.write([], [quarters("meter1", NOON - 2 * QUARTER, 1.0, 1.0, 1.0)])  # 23:30 to 00:15 there
    assert store.dirty_days() == [(BUILDING, date(2026, 5, 31)), (BUILDING, date(2026, 6, 1))]
    store.close()


@given(st.booleans(), st.integers(-1, 9), st.integers(-1, 9), st.integers(-1, 1))
def test_a_part_of_a_block_is_what_the_whole_block_has_there(
    regular: bool, start: int, end: int, beside: int
) -> None:
    day_start = NOON - NOON % 86_400_000
    rows = [(day_start + (2 + i) * QUARTER, 900, float(i), 900, 0 if regular else 1) for i in range(6)]
    block = interval_block.encode(day_start, rows)
    bounds = day_start + start * QUARTER + beside, day_start + end * QUARTER + beside
    whole = interval_block.decode(day_start, block)
    assert whole == rows
    assert interval_block.decode(day_start, block, *bounds) == [
        row for row in whole if bounds[0] <= row[0] < bounds[1]
    ]


def test_irregular_intervals_come_back_exactly(store: SqliteStore) -> None:
    group = quarters("meter1", NOON, 1.0, 2.0)
    odd = group.model_copy(
        update={
            "rows": [(NOON + 60_000, 60, 0.125, 13, 9), (NOON, 900, -0.5, 900, 4), (NOON, 900, -0.25, 1, 4)]
        }
    )
    store.write([], [group])
    store.write([], [odd])
    got = store.intervals(BUILDING, NOON, NOON + 3 * QUARTER)
    assert [(row.start - NOON, row.length_s, row.energy, row.measured_s, row.quality) for row in got] == [
        (0, 900, -0.25, 1, 4),
        (60_000, 60, 0.125, 13, 9),
        (QUARTER, 900, 2.0, 900, 0),
    ]


def test_prune_drops_old_samples_only(store: SqliteStore) -> None:
    store.write(
        [samples("meter1", [NOON - 1, 0, 1.0, 2.0], [NOON, 0, 1.5, 2.0])],
        [quarters("meter1", NOON - QUARTER, 3.0)],
    )
    assert store.prune(NOON) == 1
    assert store.series(BUILDING, "meter1", "active_power_total", 0, NOON + 1) == [(NOON, 1.5)]
    assert len(store.intervals(BUILDING, 0, NOON)) == 1


def test_a_group_that_cannot_be_written_leaves_nothing_of_its_batch(store: SqliteStore) -> None:
    bad = quarters("meter2", NOON, 1.0).model_copy(update={"rows": [(NOON, -1, 1.0, 0, 0)]})
    with pytest.raises(struct.error):
        store.write([samples("meter1", [NOON, 0, 1.0, 2.0])], [bad])
    assert store.latest() == []
    store.write([samples("meter1", [NOON, 0, 1.0, 2.0])], [quarters("meter2", NOON, 1.0)])
    assert len(store.latest()) == len(store.intervals(BUILDING, NOON, NOON + 1)) == 1


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, only some text " * 50)
    with pytest.raises((ConfigError, StoreUnavailable), match=r"notes\.txt"):
        SqliteStore(text)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE addresses (name)")
    with pytest.raises(ConfigError, match="not a Beacon store"):
        SqliteStore(foreign)
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="newer Beacon"):
        SqliteStore(newer)
    with pytest.raises(StoreUnavailable, match="cannot open"):
        SqliteStore(tmp_path / "no such folder" / "store.sqlite")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.latest()


WRITER = """
import sys
from collector.sqlite_store import SqliteStore
from store_contract import NOON, QUARTER, quarters, samples
store = SqliteStore(sys.argv[1])
for i in range(100_000):
    interval = quarters("meter1", NOON + i * QUARTER, float(i))
    store.write([samples("meter1", [NOON + i, 0, float(i), 1.0])], [interval])
    print(i, flush=True)
"""


def test_killed_in_the_middle_it_keeps_what_it_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    confirmed = -1
    for line in writer.stdout:
        confirmed = int(line)
        if confirmed == 20:
            os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    store = SqliteStore(path)
    points = store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 100_000)
    rows = store.intervals(BUILDING, NOON, NOON + 100_000 * QUARTER)
    store.close()
    assert len(points) == len(rows) >= confirmed + 1
    assert points == [(NOON + i, float(i)) for i in range(len(points))]
    assert [row.energy for row in rows] == [float(i) for i in range(len(rows))]
