"""The spool: durable, bounded, healing, and never in the way."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clocks import T0
from meters import decode

from edge.ledger import DAY_MS
from edge.requests import request_exchange
from edge.spool import Spool
from edge.spool_file import SpoolFile
from edge.spool_rows import HELD, INTERVALS, SAMPLES, Commit, EventRow, Piece, Sealed

SAMPLE = (
    b'[{"building":"330100A001","device":"m","kind":"electricity","fields":["frequency"],"rows":[[%d,0,50]]}]'
)


def piece(at: int = T0, kind: int = SAMPLES, size: int = 0) -> Piece:
    groups = SAMPLE % at
    if kind == INTERVALS:
        groups = (
            b'[{"building":"330100A001","device":"m","carrier":"electricity","direction":"import",'
            b'"rows":[[%d,900,1.5,900,0]]}]' % at
        )
    return Piece(kind, groups + b" " * 0 if not size else os.urandom(size), 1, at, at, "boot")


def open_file(folder: Path, max_bytes: int = 10**9, days: float = 60) -> SpoolFile:
    return SpoolFile(folder / "spool.db", max_bytes, days)


def test_sealed_batch_is_what_the_wire_says(tmp_path: Path) -> None:
    spool = open_file(tmp_path)
    sealed = spool.commit(Commit(pieces=[piece(), piece(kind=INTERVALS)]), T0 + 5)
    first, second = (decode(batch.payload) for batch in sealed)
    assert (first.spool, first.seq, first.sealed_at) == (spool.id, 1, T0 + 5)
    assert first.samples[0].rows == [[T0, 0, 50]]
    assert second.intervals[0].rows == [(T0, 900, 1.5, 900, 0)]


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    spool = open_file(tmp_path)
    (sealed,) = spool.commit(
        Commit(pieces=[piece()], states={"m": b"{}"}, events=[EventRow(T0, "m", "q", "reset", 1, 0)]), T0
    )
    spool.close()
    again = open_file(tmp_path)
    assert again.id == spool.id
    assert again.waiting(frozenset(), 10) == [sealed]
    assert again.states() == {"m": b"{}"}
    assert again.events()[0].kind == "reset"
    assert again.depth.batches == 1
    assert again.depth.oldest_at == T0


def test_number_is_never_used_twice(tmp_path: Path) -> None:
    spool = open_file(tmp_path)
    (first,) = spool.commit(Commit(pieces=[piece()]), T0)
    spool.commit(Commit(forget=[first.seq]), T0)
    spool.close()
    again = open_file(tmp_path)
    (second,) = again.commit(Commit(pieces=[piece()]), T0)
    assert second.seq == first.seq + 1
    assert again.depth.batches == 1


def test_intervals_are_sent_before_samples_and_those_under_way_left_out(tmp_path: Path) -> None:
    spool = open_file(tmp_path)
    spool.commit(Commit(pieces=[piece(), piece(), piece(kind=INTERVALS), piece(kind=HELD)]), T0)
    assert [b.seq for b in spool.waiting(frozenset(), 10)] == [3, 1, 2]
    assert [b.seq for b in spool.waiting(frozenset({3, 1}), 10)] == [2]
    assert [b.seq for b in spool.waiting(frozenset(), 2)] == [3, 1]


def test_size_is_bounded_oldest_samples_first_intervals_last(tmp_path: Path) -> None:
    spool = open_file(tmp_path, max_bytes=1_000_000)
    spool.commit(Commit(pieces=[piece(kind=INTERVALS, size=100_000)]), T0)
    for i in range(30):
        spool.commit(Commit(pieces=[piece(T0 + i, size=100_000)]), T0)
        assert spool.depth.bytes <= 1_000_000
    seqs = [b.seq for b in spool.waiting(frozenset(), 100)]
    assert seqs[0] == 1
    assert seqs[1:] == list(range(24, 32))
    assert spool.depth.dropped_samples == 22
    assert spool.depth.dropped_intervals == 0
    spool.close()
    assert open_file(tmp_path).depth.dropped_samples == 22


def test_intervals_go_when_nothing_else_is_left(tmp_path: Path) -> None:
    spool = open_file(tmp_path, max_bytes=1_000_000)
    for i in range(15):
        spool.commit(Commit(pieces=[piece(T0 + i, kind=INTERVALS, size=100_000)]), T0)
    assert spool.depth.bytes <= 1_000_000
    assert spool.depth.dropped_intervals == 6


def test_samples_have_an_age_intervals_have_none(tmp_path: Path) -> None:
    spool = open_file(tmp_path, days=7)
    spool.commit(Commit(pieces=[piece(), piece(kind=INTERVALS), piece(1_000, kind=HELD)]), T0)
    spool.commit(Commit(pieces=[piece(T0 + 8 * DAY_MS)]), T0 + 8 * DAY_MS)
    assert [b.seq for b in spool.waiting(frozenset(), 10)] == [2, 4]
    assert len(spool.held(10)) == 1
    assert spool.depth.dropped_samples == 1


def test_failed_commit_changes_nothing(tmp_path: Path) -> None:
    spool = open_file(tmp_path)
    (first,) = spool.commit(Commit(pieces=[piece()]), T0)
    broken = Commit(pieces=[piece()], forget=[first.seq], states={"m": object()})  # type: ignore[dict-item]
    with pytest.raises(sqlite3.Error):
        spool.commit(broken, T0)
    assert [b.seq for b in spool.waiting(frozenset(), 10)] == [first.seq]
    (second,) = spool.commit(Commit(pieces=[piece()]), T0)
    assert second.seq == first.seq + 1


@pytest.mark.parametrize("damage", ["header", "middle", "empty", "directory of noise"])
def test_damaged_file_is_set_aside_and_a_new_one_begins(tmp_path: Path, damage: str) -> None:
    spool = open_file(tmp_path)
    for i in range(50):
        spool.commit(Commit(pieces=[piece(T0 + i, size=5_000)]), T0)
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:100] = os.urandom(100)
    elif damage == "middle":
        content[4096:40960] = os.urandom(36864)
    elif damage == "empty":
        content = bytearray()
    else:
        content = bytearray(os.urandom(len(content)))
    path.write_bytes(content)
    again = open_file(tmp_path)
    assert again.id != spool.id
    assert (again.set_aside is None) == (damage == "empty")
    assert again.commit(Commit(pieces=[piece()]), T0)[0].seq == 1


def test_exchange_is_left_by_another_process(tmp_path: Path) -> None:
    spool = open_file(tmp_path)
    request_exchange(tmp_path / "spool.db", "m", "active_energy_import_total", T0, 12.5, 0.5)
    (request,) = spool.requests().exchanges
    assert (request.device, request.final, request.initial) == ("m", 12.5, 0.5)
    spool.commit(Commit(exchanges_done=[request.id]), T0)
    assert spool.requests().exchanges == []


class Full:
    """A disk that refuses, for the file behind a Spool."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int = sqlite3.SQLITE_FULL) -> None:
        self.refuses, plain = False, SpoolFile.commit

        def commit(file: SpoolFile, work: Commit, now: int) -> list[Sealed]:
            if self.refuses:
                error = sqlite3.OperationalError("the disk says no")
                error.sqlite_errorcode = code
                raise error
            return plain(file, work, now)

        monkeypatch.setattr(SpoolFile, "commit", commit)


async def test_full_disk_keeps_the_newest_in_memory_and_writes_them_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Full(monkeypatch)
    spool = Spool(tmp_path / "spool.db", 10**9, 60)
    await spool.open()
    disk.refuses = True
    for i in range(20):
        assert await spool.commit(Commit(pieces=[piece(T0 + i, size=1_000_000)]), T0) == []
    assert spool.trouble == "the disk says no"
    disk.refuses = False
    sealed = await spool.commit(Commit(pieces=[piece(T0 + 20)]), T0)
    assert spool.trouble == ""
    assert len(sealed) == 9
    assert spool.dropped_samples == 12
    await spool.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], check=False).returncode:
        pytest.skip("this machine mounts no tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_truly_full_disk_keeps_running_on_the_room_it_has(small_disk: Path) -> None:
    spool = Spool(small_disk / "spool.db", 10**9, 60)
    await spool.open()
    for i in range(60):
        await spool.commit(Commit(pieces=[piece(T0 + i, size=400_000)]), T0)
    kept = await spool.waiting(frozenset(), 1000)
    assert max(batch.seq for batch in kept) == 60
    assert len(kept) >= 10
    assert spool.dropped_samples == 60 - len(kept)
    assert spool.trouble == ""
    await spool.close()


async def test_disk_that_somebody_else_fills_stops_nothing(small_disk: Path) -> None:
    spool = Spool(small_disk / "spool.db", 10**9, 60)
    await spool.open()
    for i in range(8):
        await spool.commit(Commit(pieces=[piece(T0 + i, size=200_000)]), T0)
    free = os.statvfs(small_disk)
    (small_disk / "log").write_bytes(bytes(free.f_bavail * free.f_frsize))
    for i in range(30):
        await spool.commit(Commit(pieces=[piece(T0 + i, size=200_000)]), T0)
    kept = await spool.waiting(frozenset(), 100)
    assert max(batch.seq for batch in kept) == 38
    assert spool.dropped_samples == 38 - len(kept)
    assert spool.trouble == ""
    await spool.close()


async def test_file_that_breaks_while_open_is_set_aside_with_nothing_taken_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Full(monkeypatch, sqlite3.SQLITE_CORRUPT)
    spool = Spool(tmp_path / "spool.db", 10**9, 60)
    await spool.open()
    before = spool.id
    await spool.commit(Commit(pieces=[piece()]), T0)
    disk.refuses = True
    assert await spool.commit(Commit(pieces=[piece(T0 + 1)]), T0) == []
    disk.refuses = False
    sealed = await spool.commit(Commit(pieces=[piece(T0 + 2)]), T0)
    assert [decode(batch.payload).samples[0].rows[0][0] for batch in sealed] == [T0 + 1, T0 + 2]
    assert spool.id != before
    assert (tmp_path / "spool.db.corrupt").exists()
    await spool.close()
