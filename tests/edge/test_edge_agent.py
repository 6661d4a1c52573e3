"""The whole edge: real Modbus sockets, a real spool file, a real Mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from clocks import T0, FakeClock
from meters import Collector, Meter, ModbusServer, decode, running, until, write_profile
from servers import Mosquitto

from edge import agent, config_file
from edge.assembly import Agent
from edge.clock import Clock
from edge.config import EdgeConfig
from edge.spool import Spool
from edge.spool_file import SpoolFile
from edge.spool_rows import SAMPLES, Commit, Piece, Requests
from edge.wire import Batch


def write_config(folder: Path, broker: int, meters: int, devices: int = 1, **extra: str) -> Path:
    write_profile(folder / "profiles")
    path = folder / "edge.toml"
    text = f"""
site = "campus"
edge = "pi-1"
building = "330100A001"
profiles = "profiles"
clock = "{extra.get("clock", "trusted")}"
[uplink]
host = "127.0.0.1"
port = {broker}
tls = false
ack_timeout_s = {extra.get("ack_timeout_s", "5")}
[spool]
path = "spool.db"
flush_s = 0.1
[poll]
fast_s = 0.1
[status]
port = 0
[[bus]]
name = "cabinet"
type = "tcp"
host = "127.0.0.1"
port = {meters}
timeout_s = 0.3
"""
    for unit in range(1, devices + 1):
        text += (
            f'[[device]]\nid = "meter-{unit}"\nbus = "cabinet"\nunit_id = {unit}\nprofile = "test_meter"\n'
        )
    path.write_text(text)
    return path


def load(path: Path) -> EdgeConfig:
    return config_file.load(path)


@pytest.mark.server
async def test_meter_to_acknowledged_batch(tmp_path: Path, mosquitto: Mosquitto) -> None:
    meters = {1: Meter(), 2: Meter(step=3)}
    server = await ModbusServer(meters).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port, devices=2))
    collector, stop = Collector(mosquitto.port), asyncio.Event()
    agents: list[Agent] = []
    listening = asyncio.create_task(collector.run())
    await collector.ready.wait()
    edge = asyncio.create_task(agent.run(config, stop=stop, started=agents.append))
    with running(listening, edge):
        await until(lambda: len(collector.samples) >= 10)
        assert collector.samples[next(iter(collector.samples))][0] == 230.0
        for meter in meters.values():
            meter.silent = True
        await until(lambda: agents[0].spool.depth.batches == 0)
        assert agents[0].recorder.samples_taken == len(collector.samples)
        assert max(collector.batches.values()) == 1
        stop.set()
        await edge
        await until(lambda: bool(collector.statuses) and collector.statuses[-1]["online"] is False)
    await server.stop()


@contextlib.asynccontextmanager
async def edge_of(config: EdgeConfig, clock: Clock | None = None) -> AsyncIterator[Agent]:
    """A running agent that is stopped cleanly at the end."""
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(agent.run(config, clock=clock, stop=stop, started=started.set_result))
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield started.result()
    finally:
        stop.set()
        await task


@contextlib.asynccontextmanager
async def collector_of(collector: Collector) -> AsyncIterator[Collector]:
    task = asyncio.create_task(collector.run())
    await asyncio.wait_for(collector.ready.wait(), 10)
    with running(task):
        yield collector


@pytest.mark.server
async def test_lost_acknowledgement_is_answered_by_sending_again(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    meter = Meter()
    server = await ModbusServer({1: meter}).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port, ack_timeout_s="0.3"))
    refused = 0

    def answer(batch: Batch) -> dict[str, object] | None:
        nonlocal refused
        if refused < 5:
            refused += 1
            return None
        return {"seq": batch.seq, "result": "stored"}

    async with collector_of(Collector(mosquitto.port, answer)) as collector, edge_of(config) as edge:
        await until(lambda: len(collector.samples) >= 10)
        meter.silent = True
        await until(lambda: edge.spool.depth.batches == 0)
        assert edge.uplink.counts.resent >= 5
        assert edge.recorder.samples_taken == len(collector.samples)
    await server.stop()


@pytest.mark.server
async def test_rejected_batch_is_forgotten_counted_and_told_once(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    server = await ModbusServer({1: Meter()}).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port))

    def answer(batch: Batch) -> dict[str, object]:
        return {"seq": batch.seq, "result": "rejected", "reasons": ["building is not yours"]}

    async with collector_of(Collector(mosquitto.port, answer)), edge_of(config) as edge:
        await until(lambda: edge.uplink.counts.rejected >= 3)
        await until(lambda: edge.spool.depth.batches <= 1)
    told = [r.message for r in caplog.records if "not yours" in r.message]
    assert told == ["collector rejected building is not yours"]
    await server.stop()


@pytest.mark.server
async def test_hostile_acknowledgements_change_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    server = await ModbusServer({1: Meter()}).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port))

    def answer(batch: Batch) -> dict[str, object]:
        return {"seq": random.choice([-1, 2**62, "x", None, batch.seq + 1]), "result": "stored"}

    async with collector_of(Collector(mosquitto.port, answer)) as collector, edge_of(config) as edge:
        await until(lambda: len(collector.batches) >= 5)
        assert edge.spool.depth.batches >= 4
        assert edge.uplink.connected
    await server.stop()


@pytest.mark.server
async def test_broker_that_dies_costs_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    meter = Meter()
    server = await ModbusServer({1: meter}).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port, ack_timeout_s="1"))
    async with edge_of(config) as edge:
        async with collector_of(Collector(mosquitto.port)) as collector:
            await until(lambda: len(collector.samples) >= 3)
        mosquitto.kill()
        before = edge.recorder.samples_taken
        await until(lambda: edge.recorder.samples_taken >= before + 10)
        assert edge.spool.depth.batches >= 5
        assert not edge.uplink.connected
        mosquitto.start()
        second = Collector(mosquitto.port)
        async with collector_of(second):
            meter.silent = True
            await until(lambda: edge.spool.depth.batches == 0)
        assert edge.recorder.samples_taken == len(collector.samples | second.samples)
        assert edge.uplink.counts.connects == 2
    await server.stop()


@pytest.mark.server
async def test_clock_is_earned_from_the_collector(tmp_path: Path, mosquitto: Mosquitto) -> None:
    server = await ModbusServer({1: Meter()}).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port, clock="auto", ack_timeout_s="0.5"))

    class WallClock(FakeClock):
        """Runs on, but woke in 1970."""

        def monotonic_ms(self) -> int:
            return round(asyncio.get_running_loop().time() * 1000)

        def now(self) -> int:
            return self.monotonic_ms() + self._offset

        async def sleep_until(self, at: int) -> None:
            await asyncio.sleep(max(0, at - self.now()) / 1000)

        def told(self, collector_ms: int) -> None:
            super().told(collector_ms)
            self._offset = collector_ms - self.monotonic_ms()

    clock = WallClock(now=0, trusted=False)
    async with edge_of(config, clock) as edge:
        await until(lambda: edge.recorder.samples_taken >= 3)
        collector = Collector(mosquitto.port)
        collector.time_ms = lambda: T0
        async with collector_of(collector):
            await until(lambda: len(collector.samples) >= 6)
    assert clock.trusted
    assert all(T0 - 60_000 < at < T0 + 60_000 for _, at in collector.samples)
    await server.stop()


@pytest.mark.server
async def test_kill_minus_nine_loses_and_doubles_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """What was flushed arrives once by key; the energy of all intervals is the register's difference."""
    meter = Meter(step=7)
    server = await ModbusServer({1: meter}).start()
    path = write_config(tmp_path, mosquitto.port, server.port, ack_timeout_s="1")
    rng = random.Random(5)
    command = [sys.executable, "-c", "import sys; from pathlib import Path; from edge.main import main; "
               "main(Path(sys.argv[1]))", str(path)]  # fmt: skip
    async with collector_of(Collector(mosquitto.port)) as collector:
        spooled: set[int] = set()
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])
            had = len(collector.samples)
            await until(lambda had=had: len(collector.samples) >= had + 3)  # type: ignore[misc]
            await asyncio.sleep(rng.uniform(0, 0.4))
            process.send_signal(signal.SIGKILL)
            await process.wait()
            file = SpoolFile(tmp_path / "spool.db", 10**9, 60)
            spooled |= {batch.seq for batch in file.waiting(frozenset(), 1000)}
            file.close()
        process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])
        had = len(collector.samples)
        await until(lambda: spooled <= set(collector.batches) and len(collector.samples) > had)
        meter.silent = True
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 15) == 0
    seqs = sorted(collector.batches)
    assert seqs == list(range(1, seqs[-1] + 1))
    counts = [values[2] for _, values in sorted(collector.samples.items(), key=lambda item: item[0][1])]
    assert counts == sorted(counts)  # type: ignore[type-var]
    await server.stop()


@pytest.mark.server
async def test_page_metrics_and_status_tell_the_state(tmp_path: Path, mosquitto: Mosquitto) -> None:
    meters = {1: Meter(), 2: Meter()}
    meters[2].silent = True
    server = await ModbusServer(meters).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port, devices=2))

    def fetch(port: int, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    async with edge_of(config) as edge:
        await until(lambda: edge.recorder.samples_taken >= 3 and edge.schedules[0].devices[1].failures > 0)
        state = json.loads(await asyncio.to_thread(fetch, edge.page_port, "/status.json"))
        assert state["devices"]["meter-1"]["values"]["voltage_l1n"] == 230.0
        assert "no answer" in state["devices"]["meter-2"]["error"]
        metrics = await asyncio.to_thread(fetch, edge.page_port, "/metrics")
        assert 'beacon_edge_device_up{device="meter-2"} 0' in metrics
        page = await asyncio.to_thread(fetch, edge.page_port, "/")
        assert "meter-1" in page
        assert "未校准" not in page
    await server.stop()


async def test_systemd_hears_ready_and_stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        config = load(write_config(tmp_path, 1, 1))
        async with edge_of(config):
            heard = {await asyncio.to_thread(listener.recv, 100) for _ in range(3)}
        await asyncio.sleep(0)
        while b"STOPPING=1" not in heard:
            heard.add(listener.recv(100))
    assert {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"} <= heard


@pytest.mark.server
async def test_live_batches_go_before_the_backlog(tmp_path: Path, mosquitto: Mosquitto) -> None:
    server = await ModbusServer({1: Meter()}).start()
    path = write_config(tmp_path, mosquitto.port, server.port)
    path.write_text(path.read_text().replace("ack_timeout_s", "backfill_per_s = 100\nack_timeout_s"))
    group = b'[{"building":"330100A001","device":"old","kind":"water","fields":["volume"],"rows":[[%d,0,5]]}]'
    yesterday = time.time_ns() // 1_000_000 - 86_400_000
    times = range(yesterday, yesterday + 300)
    pieces = [Piece(SAMPLES, group % at, 1, at, at) for at in times]
    file = SpoolFile(tmp_path / "spool.db", 10**9, 60)
    file.commit(Commit(pieces=pieces), yesterday)
    file.close()
    async with collector_of(Collector(mosquitto.port)) as collector, edge_of(load(path)) as edge:
        await until(lambda: any(device == "meter-1" for device, _ in collector.samples))
        assert sum(device == "old" for device, _ in collector.samples) < 150
        await until(lambda: sum(device == "old" for device, _ in collector.samples) == 300)
        assert edge.uplink.counts.resent == 0
    assert max(collector.batches.values()) == 1
    await server.stop()


@pytest.mark.parametrize("way", ["stop", "cancel"])
async def test_end_in_the_middle_of_a_flush_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    server = await ModbusServer({1: Meter()}).start()
    config = load(write_config(tmp_path, 1, server.port))
    plain, inside = Spool.requests, asyncio.Event()

    async def slow(spool: Spool) -> Requests:
        if agents[0].recorder.samples_taken >= 4:
            inside.set()
            await asyncio.sleep(0.2)
        return await plain(spool)

    monkeypatch.setattr(Spool, "requests", slow)
    stop = asyncio.Event()
    agents: list[Agent] = []
    task = asyncio.create_task(agent.run(config, stop=stop, started=agents.append))
    await asyncio.wait_for(inside.wait(), 10)
    if way == "stop":
        stop.set()
        await task
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    file = SpoolFile(tmp_path / "spool.db", 10**9, 60)
    batches = [decode(batch.payload) for batch in file.waiting(frozenset(), 1000)]
    rows = sum(len(group.rows) for batch in batches for group in batch.samples)
    file.close()
    assert rows == agents[0].recorder.samples_taken
    await server.stop()
