"""A building in memory: Modbus TCP meters that can fall silent, and a collector that acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import orjson
import zstandard

from edge.wire import ZSTD_MAGIC, Batch

PROFILE = """
model = "Test meter"
vendor = "Test"
kind = "electricity"
[sources]
own = "made for tests"
[modbus]
transports = ["tcp", "rtu"]
holes = true
[[registers]]
type = "f32"
confidence = "vendor manual"
sources = ["own"]
[registers.points]
voltage_l1n = 0
active_power_total = { address = 2, unit = "kW" }
[[registers]]
type = "u32"
confidence = "vendor manual"
sources = ["own"]
[registers.points]
active_energy_import_total = { address = 4, unit = "kWh", scale = 0.01, rollover = 1e6 }
"""


def write_profile(folder: Path, name: str = "test_meter", text: str = PROFILE) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text)


class Meter:
    """Serves 230 V, 5 kW and a counter in hundredths that grows by `step` at every read."""

    def __init__(self, counts: int = 1_000_000, step: int = 1) -> None:
        self.first = self.counts = counts
        self.step = step
        self.silent = False
        self.reads = 0

    def words(self) -> bytes:
        self.reads += 1
        self.counts += self.step
        return struct.pack(">ffI", 230.0, 5.0, self.counts % 100_000_000)


class ModbusServer:
    """Modbus TCP on a free port for any number of units."""

    def __init__(self, meters: dict[int, Meter]) -> None:
        self.meters = meters
        self.port = 0
        self._server: asyncio.Server

    async def start(self) -> ModbusServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
                meter = self.meters.get(unit)
                if meter is None or meter.silent:
                    continue
                data = meter.words()[address * 2 : (address + count) * 2]
                writer.write(
                    struct.pack(">HHHBBB", transaction, 0, len(data) + 3, unit, function, len(data)) + data
                )
        writer.close()


def decode(payload: bytes) -> Batch:
    """A batch as the collector checks it."""
    if payload.startswith(ZSTD_MAGIC):
        payload = zstandard.decompress(payload)
    return Batch.model_validate_json(payload)


class Collector:
    """Stores by key like a real store: samples and intervals, and how often each came."""

    def __init__(
        self,
        port: int,
        answer: Callable[[Batch], dict[str, object] | None] | None = None,
        protocol: str = "5",
    ) -> None:
        self._port, self._answer = port, answer
        versions = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}
        self._protocol = versions[protocol]
        self.samples: dict[tuple[str, int], list[float | None]] = {}
        self.intervals: dict[tuple[str, str, int], tuple[float, int, int]] = {}
        self.batches: Counter[int] = Counter()
        self.statuses: list[dict[str, object]] = []
        self.time_ms: Callable[[], int] | None = None
        self.ready = asyncio.Event()

    async def run(self) -> None:
        async with aiomqtt.Client("127.0.0.1", self._port, protocol=self._protocol) as client:
            await client.subscribe("beacon/v1/+/+/batch", qos=1)
            await client.subscribe("beacon/v1/+/+/status", qos=1)
            self.ready.set()
            async for message in client.messages:
                payload = bytes(message.payload)
                if str(message.topic).endswith("/status"):
                    self.statuses.append(orjson.loads(payload))
                    continue
                batch = decode(payload)
                self.batches[batch.seq] += 1
                ack = {"seq": batch.seq, "result": "stored"} if self._answer is None else self._answer(batch)
                if ack is None:
                    continue
                if ack["result"] == "stored":
                    self._store(batch)
                time = self.time_ms() if self.time_ms else batch.sealed_at
                answer = {"v": 1, "spool": batch.spool, "time": time, "acks": [ack]}
                await client.publish(str(message.topic)[:-5] + "ack", orjson.dumps(answer), qos=1)

    def _store(self, batch: Batch) -> None:
        for group in batch.samples:
            for at, status, *values in group.rows:
                assert len(values) == len(group.fields)
                assert at is not None
                assert status is not None
                self.samples[group.device, int(at)] = values
        for interval in batch.intervals:
            for start, _, energy, measured, quality in interval.rows:
                self.intervals[interval.device, interval.direction, start] = (energy, measured, quality)

    def energy(self, device: str) -> float:
        return sum(energy for (name, _, _), (energy, _, _) in self.intervals.items() if name == device)


@contextlib.contextmanager
def running(*tasks: asyncio.Task[None]) -> Iterator[None]:
    """Cancel the tasks at the end; a task that failed fails the test."""
    try:
        yield
    finally:
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()
            task.cancel()


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that happens outside of this test's control."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
