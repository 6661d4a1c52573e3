"""Ingest without a broker: what is acknowledged when, what is refused and kept, what is replayed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import orjson
import pytest
from store_contract import BUILDING, NOON, OTHER, event

from collector.admission import Admission
from collector.dead_letters import DeadLetters
from collector.ingest import Ingest
from collector.metrics import Metrics
from collector.model import EventRow, Rejected
from collector.registry import Building, BuildingType, Registry
from collector.replaying import replay
from collector.sqlite_store import SqliteStore
from collector.store import IntervalRows, PartlyStored, SampleRows
from drivers.errors import BeaconError, StoreUnavailable
from edge.wire import AckMessage


def registry(*edges: str) -> Registry:
    house = Building(BUILDING, "楼", "House", BuildingType.COMMERCIAL_OFFICE, 1.0, edges=edges or ("hz/pi1",))
    return Registry({BUILDING: house})


def group(device: str = "m1", building: str = BUILDING, **changes: object) -> dict[str, object]:
    plain = {
        "building": building, "device": device, "kind": "electricity", "fields": ["active_power_total"],
        "rows": [[NOON, 0, 1.5]],
    }  # fmt: skip
    return plain | changes


def interval_group(*rows: list[float]) -> dict[str, object]:
    plain = {"building": BUILDING, "device": "m1", "carrier": "electricity", "direction": "import"}
    return {**plain, "rows": list(rows)}


def batch(seq: int, *samples: dict[str, object], **changes: object) -> bytes:
    content = {"v": 1, "spool": "s1", "seq": seq, "sealed_at": NOON, "samples": samples or [group()]}
    return orjson.dumps(content | changes)


class FlakyStore(SqliteStore):
    """Fails as often as `failures` says, and refuses devices named `bad`."""

    failures = 0
    writes = 0

    def write(
        self,
        samples: Sequence[SampleRows],
        intervals: Sequence[IntervalRows],
        events: Sequence[EventRow] = (),
    ) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("gone")
        if any(each.device == "breaks" for each in samples):
            raise ZeroDivisionError("a fault")
        self.writes += 1
        good = [each for each in samples if each.device != "bad"]
        super().write(good, intervals, events)
        if len(good) < len(samples):
            raise PartlyStored([Rejected(BUILDING, "bad", "field type conflict")])


class Bench:
    """An Ingest with its surroundings; `acks` is what was sent."""

    def __init__(self, tmp_path: Path) -> None:
        self.store = FlakyStore(tmp_path / "store.sqlite")
        self.letters = DeadLetters(tmp_path / "letters.sqlite")
        self.acks: list[tuple[str, AckMessage]] = []
        self.done = 0
        self.progress = asyncio.Event()
        self.metrics = Metrics()
        admission = Admission(registry(), lambda: NOON)
        self.ingest = Ingest(
            self.store,
            admission,
            self.letters,
            self.send,
            lambda: NOON,
            self.metrics,
            max_batches=3,
            retry_s=(0.001, 0.002),
        )

    async def send(self, site: str, edge: str, message: AckMessage) -> None:
        self.acks.append((f"{site}/{edge}", message))

    async def receive(self, payload: bytes, edge: str = "pi1") -> None:
        def done() -> None:
            self.done += 1
            self.progress.set()

        await self.ingest.receive("hz", edge, payload, done)

    def results(self) -> dict[int, tuple[str, list[str]]]:
        return {ack.seq: (ack.result, ack.reasons) for _, message in self.acks for ack in message.acks}

    @asynccontextmanager
    async def running(self, until_done: int) -> AsyncIterator[None]:
        task = asyncio.create_task(self.ingest.run())
        try:
            yield
            async with asyncio.timeout(20):
                while self.done < until_done:
                    self.progress.clear()
                    await self.progress.wait()
                await asyncio.sleep(0)  # acknowledgements follow in the same step
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_waiting_batches_are_written_together_and_acknowledged_by_edge(bench: Bench) -> None:
    for seq in (1, 2, 3):
        await bench.receive(batch(seq))
    async with bench.running(until_done=3):
        pass
    assert bench.store.writes == 1
    ((edge, message),) = bench.acks
    assert (edge, message.spool, message.time) == ("hz/pi1", "s1", NOON)
    assert bench.results() == dict.fromkeys((1, 2, 3), ("stored", []))


async def test_nothing_is_acknowledged_while_the_store_is_away(bench: Bench) -> None:
    bench.store.failures = 10**9
    async with bench.running(until_done=1):
        await bench.receive(batch(1))
        await asyncio.sleep(0.02)
        assert (bench.acks, bench.done) == ([], 0)
        bench.store.failures = 0
    assert bench.results() == {1: ("stored", [])}
    assert len(bench.store.latest()) == 1


async def test_the_queue_is_bounded(bench: Bench) -> None:
    for seq in (1, 2, 3):
        await bench.receive(batch(seq))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await bench.receive(batch(4))


async def test_refused_groups_are_kept_and_the_others_stored(bench: Bench) -> None:
    future = [NOON + 7_200_000, 0, 1.0]
    groups = [
        group("good"),
        group("foreign", OTHER),
        group("odd", fields=["activ_power_total"]),
        group("late", rows=[[NOON, 0, 2.0], future]),
        group("short", rows=[[NOON, 0]]),
        group("state", rows=[[NOON, 8, 1.0]]),
        group("twice", fields=["frequency", "frequency"], rows=[[NOON, 0, 1, 2]]),
    ]
    async with bench.running(until_done=1):
        await bench.receive(batch(5, *groups))
    result, reasons = bench.results()[5]
    assert result == "partly"
    assert len(reasons) == 6
    assert any("close: active_power_total" in reason for reason in reasons)
    assert f"unknown building {OTHER}" in reasons
    assert "the time lies in the future" in reasons
    assert [row.device for row in bench.store.latest()] == ["good", "late"]
    assert bench.letters.count() == 6


async def test_intervals_out_of_range_are_refused(bench: Bench) -> None:
    good = [NOON - 900_000, 900, 1.0, 900, 0]
    bad = [
        [NOON, 86_401, 1.0, 900, 0], [NOON, 0, 1.0, 0, 0], [NOON, 900, 1.0, 901, 0], [NOON, 900, 1.0, -1, 0],
        [NOON, 900, 1.0, 900, 32], [NOON + 3_600_000, 900, 1.0, 900, 0],
    ]  # fmt: skip
    async with bench.running(until_done=1):
        await bench.receive(batch(6, intervals=[interval_group(good, *bad)], samples=[]))
    assert bench.results()[6][0] == "partly"
    assert [row.start for row in bench.store.intervals(BUILDING, 0, 2**42)] == [NOON - 900_000]


async def test_what_the_store_refuses_is_a_dead_letter_of_its_batch(bench: Bench) -> None:
    await bench.receive(batch(1))
    await bench.receive(batch(2, group("bad"), group("m2")))
    async with bench.running(until_done=2):
        pass
    assert bench.results() == {1: ("stored", []), 2: ("partly", ["field type conflict"])}
    assert [row.device for row in bench.store.latest()] == ["m1", "m2"]


async def test_numbers_beyond_64_bits_are_refused_and_others_go_on(bench: Bench) -> None:
    huge = 10**30
    async with bench.running(until_done=4):
        await bench.receive(raw(1, b'"samples":[],"intervals":[%s]' % interval(huge, 1)))
        await bench.receive(raw(2, b'"samples":[],"intervals":[%s]' % interval(900, huge)))
        await bench.receive(raw(huge, b'"samples":[],"intervals":[%s]' % interval(900, -1)))
        await bench.receive(batch(4))
    refused = ("rejected", ["a number has more than 64 bits"])
    assert bench.results() == {1: refused, 2: refused, 4: ("stored", [])}  # no edge has numbered the third
    assert bench.letters.count() == 3


def events(seq: int, *told: EventRow) -> bytes:
    return orjson.dumps({"v": 1, "spool": "s1", "seq": seq, "sealed_at": NOON, "events": told})


async def test_register_events_are_stored_once_however_often_they_come(bench: Bench) -> None:
    told = [event(), event(kind="ratio", before=40.0, after=60.0, counted=None)]
    for seq in (1, 1, 2):
        await bench.receive(events(seq, *told))
    async with bench.running(until_done=3):
        pass
    assert bench.results() == {1: ("stored", []), 2: ("stored", [])}
    assert bench.store.events(BUILDING, NOON, NOON) == sorted(told, key=lambda row: row.kind)
    assert bench.metrics.registry.get_sample_value("beacon_collector_register_events_total") == 6


async def test_a_bad_event_is_refused_alone_and_stored_when_its_cause_is_gone(bench: Bench) -> None:
    bad = [event(building=OTHER), event(quantity="activ_energy"), event(NOON + 7_200_000)]
    async with bench.running(until_done=2):
        await bench.receive(events(5, bad[0], event(), *bad[1:]))
        await bench.receive(events(6, *bad))
    (result, reasons), last = bench.results()[5], bench.results()[6]
    assert (result, last) == ("partly", ("rejected", reasons))
    assert len(reasons) == 3
    assert {"the time lies in the future", f"unknown building {OTHER}"} < set(reasons)
    assert bench.store.events(BUILDING, 0, 2**42) == [event()]
    letters = bench.letters.list()
    assert len(letters) == 6
    later = replay(bench.letters, bench.store, registry(), lambda: NOON + 7_200_000)
    assert later.stored == 2  # the one of the future, of both batches
    assert bench.store.events(BUILDING, 0, 2**42) == [event(), event(NOON + 7_200_000)]


async def test_an_event_of_no_shape_is_refused_with_its_batch_and_its_place(bench: Bench) -> None:
    broken = orjson.loads(events(7, event(), event()))
    broken["events"][1]["before"] = None
    many = orjson.loads(events(8, event()))
    many["events"] *= 10_001
    async with bench.running(until_done=3):
        for batch_ in (broken, many):
            await bench.receive(orjson.dumps(batch_))
        await bench.receive(events(9, event()))
    results = bench.results()
    assert [results[seq][0] for seq in (7, 8, 9)] == ["rejected", "rejected", "stored"]
    assert "events.1.before" in results[7][1][0]
    assert "at most 10000 items" in results[8][1][0]
    assert bench.letters.count() == 2


def raw(seq: int, rest: bytes) -> bytes:
    return b'{"v":1,"spool":"s1","seq":%d,"sealed_at":%d,%s}' % (seq, NOON, rest)


def interval(length: int, measured: int) -> bytes:
    head = orjson.dumps(interval_group())[: -len(b'"rows":[]}')]
    return head + b'"rows":[[%d,%d,1.0,%d,0]]}' % (NOON - 900_000, length, measured)


async def test_a_payload_that_cannot_be_read_stops_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    async with bench.running(until_done=2):
        with monkeypatch.context() as broken_for_now:
            broken_for_now.setattr(bench.ingest.admission, "admit", broken)
            await bench.receive(batch(1))
        await bench.receive(batch(2))
    refused = ("rejected", ["Beacon failed to read it: ZeroDivisionError('a fault')"])
    assert bench.results() == {1: refused, 2: ("stored", [])}


async def test_a_payload_that_breaks_the_store_stops_no_other(bench: Bench) -> None:
    for seq in (1, 2, 3):
        await bench.receive(batch(seq, group("breaks" if seq == 2 else f"m{seq}")))
    async with bench.running(until_done=3):
        pass
    results = bench.results()
    assert results[1] == results[3] == ("stored", [])
    assert results[2] == ("rejected", ["Beacon failed to store it: ZeroDivisionError('a fault')"])
    assert [row.device for row in bench.store.latest()] == ["m1", "m3"]
    assert bench.letters.get(1)[1] == batch(2, group("breaks"))


async def test_a_batch_whose_letter_finds_no_room_is_not_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreUnavailable("disk is full")

    monkeypatch.setattr(bench.letters, "add_all", full)
    async with bench.running(until_done=2):
        await bench.receive(batch(1, group("bad")))
        await bench.receive(batch(2))
    assert bench.results() == {2: ("stored", [])}


async def test_what_is_held_is_bounded_in_bytes(bench: Bench) -> None:
    ingest = Ingest(
        bench.store, bench.ingest.admission, bench.letters, bench.send, lambda: NOON, max_bytes=100
    )
    await ingest.receive("hz", "pi1", batch(1), lambda: None)
    second = asyncio.create_task(ingest.receive("hz", "pi1", batch(2), lambda: None))
    await asyncio.sleep(0)
    assert not second.done()
    running = asyncio.create_task(ingest.run())
    async with asyncio.timeout(20):
        await second
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_dead_letters_are_replayed_when_the_cause_is_gone(bench: Bench) -> None:
    async with bench.running(until_done=3):
        await bench.receive(batch(1), edge="pi2")
        await bench.receive(b"rubbish", edge="pi2")
        await bench.receive(batch(1), edge="pi2")
    rubbish, refused = bench.letters.list()
    assert (refused.times, refused.edge, refused.reason) == (
        2, "pi2", f"edge hz/pi2 may not publish for building {BUILDING}",
    )  # fmt: skip
    assert bench.letters.get(rubbish.id)[1] == b"rubbish"
    result = replay(bench.letters, bench.store, registry("hz/pi1", "hz/pi2"), lambda: NOON)
    assert result.stored == 1
    assert [number for number, _ in result.failed] == [rubbish.id]
    assert len(bench.store.latest()) == 1
    assert [letter.id for letter in bench.letters.list()] == [rubbish.id]


def test_dead_letters_are_bounded_and_say_what_is_missing(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "letters.sqlite", max_bytes=1000)
    for number in range(10):
        letters.add("hz", "pi1", "why", b"%300d" % number, NOON)
    assert [letters.get(each.id)[1].strip() for each in letters.list()] == [b"9", b"8", b"7"]
    with pytest.raises(BeaconError, match="there is no dead letter 1"):
        letters.get(1)
    letters.drop(letters.list()[0].id)
    assert letters.count() == 2
