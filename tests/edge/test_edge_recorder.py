"""From samples to batches: exact energy through restarts, clocks that are wrong, weeks without a network."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from clocks import T0, FakeClock
from meters import decode, write_profile

from collector.payload import parse, unpack
from drivers.sample import Sample, Status
from edge import config_file
from edge.config import EdgeConfig
from edge.recorder import Recorder
from edge.requests import request_exchange
from edge.spool import Spool
from edge.spool_rows import Sealed
from edge.wire import Quality

FIELDS = ("voltage_l1n", "active_power_total", "active_energy_import_total")
DAY_MS = 86_400_000


def config(folder: Path, more: str = "") -> EdgeConfig:
    write_profile(folder / "profiles")
    path = folder / "edge.toml"
    path.write_text(
        'site = "s"\nedge = "e"\nbuilding = "330100A001"\nprofiles = "profiles"\n[uplink]\nhost = "b"\n'
        '[spool]\npath = "spool.db"\n[[bus]]\nname = "bus"\ntype = "tcp"\nhost = "h"\n'
        f'[[device]]\nid = "m"\nbus = "bus"\nprofile = "test_meter"\n{more}'
    )
    return config_file.load(path)


class Edge:
    """A recorder with its spool, restarted at will; keeps all sealed batches."""

    def __init__(self, folder: Path, clock: FakeClock, more: str = "") -> None:
        self.config, self.clock = config(folder, more), clock
        self.sealed: list[Sealed] = []

    async def start(self) -> None:
        settings = self.config.spool
        self.spool = Spool(settings.path, settings.max_bytes, settings.max_age_days)
        await self.spool.open()
        self.recorder = Recorder(self.config, self.spool, self.clock)
        await self.recorder.start()

    async def crash(self) -> None:
        """As kill -9 leaves it: what was not flushed is gone."""
        await self.spool.close()
        await self.start()

    def read(self, kwh: float, status: Status = Status.GOOD) -> None:
        self.recorder.take(Sample("m", self.clock.now(), FIELDS, (230.0, None, kwh), status))

    async def flush(self, **options: bool) -> None:
        self.sealed += await self.recorder.flush([], **options)

    def intervals(self) -> dict[int, tuple[float, int, int]]:
        found = {}
        for batch in self.sealed:
            for group in decode(batch.payload).intervals:
                for start, _, energy, measured, quality in group.rows:
                    found[start] = (energy, measured, quality)
        return found

    def times(self) -> list[int]:
        groups = [group for batch in self.sealed for group in decode(batch.payload).samples]
        return [int(row[0] or 0) for group in groups for row in group.rows]


async def test_batch_is_what_the_wire_says(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    edge.read(10.0)
    edge.recorder.take(Sample("m", T0 + 1, ("frequency",), (50.0,)))
    await edge.flush()
    (batch,) = [decode(sealed.payload) for sealed in edge.sealed]
    assert [(g.device, g.kind, g.fields, g.rows) for g in batch.samples] == [
        ("m", "electricity", list(FIELDS), [[T0, 0, 230.0, None, 10.0]]),
        ("m", "electricity", ["frequency"], [[T0 + 1, 0, 50.0]]),
    ]


async def test_sum_of_intervals_is_the_register_difference_through_crashes(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    kwh = 1_000.0
    for minute in range(24 * 60 + 1):
        edge.read(kwh)
        if minute % 3 == 0:
            await edge.flush()
        if minute % 97 == 0:
            await edge.crash()
        kwh = round(kwh + 0.07, 2)
        edge.clock.advance(60_000)
    await edge.flush()
    intervals = edge.intervals()
    assert len(intervals) == 96
    assert sum(energy for energy, _, _ in intervals.values()) == pytest.approx(0.07 * 24 * 60, abs=1e-6)


async def test_interval_that_was_sent_is_not_sent_again_after_a_crash(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    for minute in range(17):
        edge.read(100.0 + minute)
        await edge.flush()
        edge.clock.advance(60_000)
    assert edge.intervals() == {T0: (15.0, 900, 0)}
    sent = len(edge.sealed)
    await edge.crash()
    edge.read(120.0)
    await edge.flush()
    assert all(not decode(batch.payload).intervals for batch in edge.sealed[sent:])


async def test_samples_before_the_clock_is_trusted_are_stamped_afterwards(tmp_path: Path) -> None:
    clock = FakeClock(now=1_000_000, trusted=False)
    edge = Edge(tmp_path, clock)
    await edge.start()
    for minute in range(31):
        edge.read(100.0 + minute)
        await edge.flush()
        clock.advance(60_000)
    assert edge.sealed == []
    edge.read(131.0)
    clock.synchronised_at = T0 + 31 * 60_000
    await edge.flush()
    assert edge.times() == [T0 + minute * 60_000 for minute in range(32)]
    statuses = {row[1] for b in edge.sealed for g in decode(b.payload).samples for row in g.rows}
    assert statuses == {float(Status.CLOCK_ESTIMATED)}
    assert edge.intervals() == {
        T0: (15.0, 900, Quality.CLOCK_ESTIMATED),
        T0 + 900_000: (15.0, 900, Quality.CLOCK_ESTIMATED),
    }


async def test_restart_before_the_clock_is_trusted_loses_nothing(tmp_path: Path) -> None:
    clock = FakeClock(now=1_000_000, trusted=False)
    edge = Edge(tmp_path, clock)
    await edge.start()
    for minute in range(10):
        edge.read(100.0 + minute)
        await edge.flush()
        clock.advance(60_000)
    await edge.crash()
    clock.told(T0 + 10 * 60_000)
    edge.read(110.0)
    await edge.flush()
    assert edge.times() == [T0 + minute * 60_000 for minute in range(11)]


async def test_reboot_before_the_clock_is_trusted_bounds_the_time(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    edge.read(100.0)
    await edge.flush(last=True)
    edge.clock = FakeClock(now=1_000_000, trusted=False, boot="boot-2", up_ms=5_000)
    await edge.crash()
    for _ in range(5):
        edge.clock.advance(60_000)
        edge.read(101.0)
    await edge.flush()
    edge.clock = FakeClock(now=1_000_000, trusted=False, boot="boot-3", up_ms=5_000)
    await edge.crash()
    edge.clock.advance(60_000)
    edge.clock.told(T0 + DAY_MS)
    edge.read(102.0)
    await edge.flush()
    times = edge.times()
    began = T0 + DAY_MS - 65_000
    assert times == sorted(times)
    assert times[5] == began
    assert [b - a for a, b in itertools.pairwise(times[1:6])] == [60_000] * 4


async def test_empty_batch_asks_for_the_time(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock(now=0, trusted=False))
    await edge.start()
    await edge.flush()
    assert edge.sealed == []
    for _ in range(3):
        await edge.flush(connected=True)
    (batch,) = [decode(sealed.payload) for sealed in edge.sealed]
    assert (batch.samples, batch.intervals) == ([], [])


async def test_week_without_a_network_is_all_there_afterwards(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    readings = 7 * 24 * 6 + 1
    for i in range(readings):
        edge.read(1_000.0 + i)
        await edge.flush()
        if i % 250 == 249:
            await edge.crash()
        edge.clock.advance(600_000)
    waiting = await edge.spool.waiting(frozenset(), 10_000)
    assert edge.spool.dropped_samples == 0
    edge.sealed = waiting
    assert sorted(edge.times()) == [T0 + i * 600_000 for i in range(readings)]
    intervals = edge.intervals()
    assert len(intervals) == 7 * 96
    assert sum(energy for energy, _, _ in intervals.values()) == readings - 1


async def test_reading_of_unknown_age_moves_no_energy(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    edge.read(100.0)
    edge.clock.advance(60_000)
    edge.read(90.0, Status.AGE_UNKNOWN)
    edge.clock.advance(840_000)
    edge.read(115.0)
    await edge.flush()
    assert edge.intervals()[T0][0] == 15.0


async def test_exchange_is_taken_from_the_spool_and_recorded(tmp_path: Path) -> None:
    edge = Edge(tmp_path, FakeClock())
    await edge.start()
    edge.read(5_000.0)
    await edge.flush()
    edge.clock.advance(60_000)
    quantity = "active_energy_import_total"
    request_exchange(edge.config.spool.path, "m", quantity, edge.clock.now(), 5_001.0, 10.0)
    request_exchange(edge.config.spool.path, "unknown", quantity, edge.clock.now(), 1.0, 1.0)
    await edge.flush()
    await edge.crash()
    edge.clock.advance(840_000)
    edge.read(12.5)
    await edge.flush()
    energy, _, quality = edge.intervals()[T0]
    assert energy == 3.5
    assert quality & Quality.EXCHANGE
    assert [event.kind for event in await edge.spool.events()] == ["exchange"]
    (told,) = [event for batch in edge.sealed for event in decode(batch.payload).events]
    assert (told.building, told.device, told.kind) == ("330100A001", "m", "exchange")
    assert (told.quantity, told.at, told.before, told.after) == (quantity, T0 + 60_000, 5_001.0, 10.0)
    (stored,) = [event for batch in edge.sealed for event in parse(unpack(batch.payload)).events]
    assert (stored.kind, stored.at, stored.counted) == ("exchange", T0 + 60_000, 1.0)
    assert (await edge.spool.requests()).exchanges == []


async def test_device_that_left_the_configuration_hurts_nobody(tmp_path: Path) -> None:
    clock = FakeClock(now=1_000_000, trusted=False)
    edge = Edge(
        tmp_path, clock, '[[device]]\nid = "gone"\nbus = "bus"\nunit_id = 9\nprofile = "test_meter"\n'
    )
    await edge.start()
    edge.recorder.take(Sample("gone", clock.now(), FIELDS, (1.0, 1.0, 1.0)))
    edge.read(1.0)
    await edge.flush()
    await edge.spool.close()
    after = Edge(tmp_path, clock)
    await after.start()
    clock.told(T0)
    await after.flush()
    assert after.times() == [T0]
