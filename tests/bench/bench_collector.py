"""Collector: values per second and CPU per value from a real Mosquitto into InfluxDB.

Two stores: the real InfluxDB 1.6 behind the tests' translating proxy, and a sink that answers
/api/v2/write at once, so that the collector alone is seen. Reference: a plain aiomqtt +
influxdb-client script that acknowledges nothing, with one record a message and with ten.

Every part is a process of its own. Payloads are made before the clock runs, and both scripts are
warmed up with the same number of values. The share of a core that each part keeps busy tells
which of them limits the rate.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import aiomqtt  # noqa: E402
import orjson  # noqa: E402
import zstandard  # noqa: E402
from servers import InfluxDB, Mosquitto, free_port, wait_for_port  # noqa: E402

HOST = "127.0.0.1"
EDGES, DEVICES, VALUES, WINDOW = 4, 100, 40, 16
WARM_BATCHES = 40
BATCHES = int(os.environ.get("BEACON_BENCH_BATCHES", "600"))
WARM_RECORDS = WARM_BATCHES * DEVICES
RECORDS = int(os.environ.get("BEACON_BENCH_RECORDS", "10000"))
START = 1_780_000_000_000


def quantities() -> list[str]:
    from drivers.quantity import vocabulary

    return [each.name for each in vocabulary().values() if each.group == "electricity"][:VALUES]


def row(chance: random.Random) -> list[float]:
    """Numbers as 32-bit meters give them: five to seven digits."""
    return [round(chance.uniform(0, 500), chance.choice((2, 3, 4))) for _ in range(VALUES)]


def batches(edge: int, first: int, count: int) -> Iterator[bytes]:
    """Batches of one second of all devices, as an edge seals them."""
    chance, fields = random.Random(edge * 1_000_000 + first), quantities()
    for seq in range(first, first + count):
        samples = [
            {
                "building": f"330100A{edge:03}", "device": f"meter{device}", "kind": "electricity",
                "fields": fields, "rows": [[START + seq * 1000 + device, 0, *row(chance)]],
            }
            for device in range(DEVICES)
        ]  # fmt: skip
        content = {"v": 1, "spool": f"spool{edge}", "seq": seq, "sealed_at": START, "samples": samples}
        yield zstandard.compress(orjson.dumps(content), 1)


def records(count: int, first: int, per_message: int) -> list[bytes]:
    """The same numbers as a plain script would publish them, `per_message` records a message."""
    chance, names = random.Random(first), quantities()
    plain = [
        {
            "building": "330100A000", "device": f"meter{n % DEVICES}", "at": START + n,
            "values": dict(zip(names, row(chance), strict=True)),
        }
        for n in range(first, first + count)
    ]  # fmt: skip
    if per_message == 1:
        return [orjson.dumps(record) for record in plain]
    return [orjson.dumps(plain[n : n + per_message]) for n in range(0, count, per_message)]


async def publish_batches(port: int) -> None:
    """As edges: at most WINDOW batches of each without acknowledgement."""
    warm = [list(batches(edge, 1, WARM_BATCHES // EDGES)) for edge in range(EDGES)]
    rest = [list(batches(edge, 1 + WARM_BATCHES // EDGES, BATCHES // EDGES)) for edge in range(EDGES)]

    async def publish(payloads: list[list[bytes]]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for edge in range(EDGES):
                tasks.create_task(publish_edge(port, edge, payloads[edge]))

    tell("ready")
    for payloads in (warm, rest):
        wait_for_word()
        await publish(payloads)
        tell("done")


async def publish_edge(port: int, edge: int, payloads: list[bytes]) -> None:
    """Ends with the last batch's acknowledgement."""
    room = asyncio.Semaphore(WINDOW)
    async with aiomqtt.Client(HOST, port, max_inflight_messages=100) as client:
        client.pending_calls_threshold = 1000
        await client.subscribe(f"beacon/v1/bench/edge{edge}/ack", 1)

        async def hear() -> None:
            stored = 0
            async for message in client.messages:
                acks = orjson.loads(message.payload)["acks"]
                assert all(ack["result"] == "stored" for ack in acks), acks[:1]
                stored += len(acks)
                for _ in acks:
                    room.release()
                if stored == len(payloads):
                    return

        hearing = asyncio.create_task(hear())
        for payload in payloads:
            await room.acquire()
            await client.publish(f"beacon/v1/bench/edge{edge}/batch", payload, qos=1)
        await hearing


async def publish_records(port: int, per_message: int) -> None:
    """Twenty messages at a time are on their way to the broker."""
    messages = records(WARM_RECORDS, 0, per_message), records(RECORDS, WARM_RECORDS, per_message)
    tell("ready")
    async with aiomqtt.Client(HOST, port, max_inflight_messages=100) as client:
        client.pending_calls_threshold = 1000
        for payloads in messages:
            wait_for_word()
            for first in range(0, len(payloads), 20):
                async with asyncio.TaskGroup() as tasks:
                    for payload in payloads[first : first + 20]:
                        tasks.create_task(client.publish("plain", payload, qos=1))
            tell("done")


async def run_collector(port: int, store: int, metrics: int) -> None:
    from collector import service
    from collector.registry import Building, BuildingType, Registry
    from collector.settings import Settings

    office = BuildingType.COMMERCIAL_OFFICE
    buildings = [
        Building(f"330100A{edge:03}", "楼", "House", office, 1.0, edges=(f"bench/edge{edge}",))
        for edge in range(EDGES)
    ]
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings.model_validate(
            {
                "broker": {"port": port},
                "store": {"kind": "influxdb", "url": f"http://{HOST}:{store}"},
                "registry": {"files": ["none"]},
                "dead_letters": {"path": f"{directory}/letters.sqlite"},
                "metrics": {"port": metrics},
            }
        )
        registry = Registry({each.id: each for each in buildings})
        await service.run(settings, registry, ready=lambda: tell("ready"))


async def run_plain(port: int, store: int, per_message: int) -> None:
    """What one writes first: JSON in, dicts to the client library, a write a thousand records."""
    from influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS

    database = InfluxDBClient(f"http://{HOST}:{store}", token="t", org="o", enable_gzip=True)
    writer = database.write_api(SYNCHRONOUS)
    waiting: list[dict[str, object]] = []
    seen = 0
    async with aiomqtt.Client(HOST, port) as client:
        await client.subscribe("plain", 1)
        tell("ready")
        async for message in client.messages:
            content = json.loads(message.payload)
            for record in content if per_message > 1 else [content]:
                waiting.append(
                    {
                        "measurement": "electricity",
                        "tags": {"building": record["building"], "device": record["device"]},
                        "fields": record["values"],
                        "time": record["at"],
                    }
                )
            if len(waiting) >= 1000:
                seen += len(waiting)
                await asyncio.to_thread(writer.write, "plain", "o", waiting, "ms")
                waiting = []
                if seen in (WARM_RECORDS, WARM_RECORDS + RECORDS):
                    tell("done")


async def run_sink(port: int) -> None:
    """Answers every write with 204 and every query with nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            lines = head.lower().split(b"\r\n")
            length = next((int(each[15:]) for each in lines if each.startswith(b"content-length:")), 0)
            if length:
                await reader.readexactly(length)
            writer.write(
                b"HTTP/1.1 204 No Content\r\n\r\n"
                if head.startswith(b"POST")
                else b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"results":[{}]}'
            )

    async def _head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    server = await asyncio.start_server(answer, HOST, port, limit=1 << 24)
    await server.serve_forever()


async def run_influxdb() -> None:
    """InfluxDB and its proxy; tells the proxy's port and the engine's process."""
    with tempfile.TemporaryDirectory() as directory:
        server = InfluxDB(Path(directory))
        server.start()
        try:
            for name in ("beacon_raw", "beacon_energy", "plain"):
                server.query(f'CREATE DATABASE "{name}"')
            assert server.process is not None
            tell(f"{server.proxy.port} {server.process.pid}")
            stopped = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
            await stopped.wait()
        finally:
            server.stop()


def tell(word: str) -> None:
    print(word, flush=True)


def wait_for_word() -> None:
    sys.stdin.readline()


class Part:
    """This file again, as another process that tells and is told words."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.pid = self.process.pid

    def hear(self, *words: str) -> str:
        assert self.process.stdout is not None
        word = self.process.stdout.readline().decode().strip()
        if not word or (words and word not in words):
            raise RuntimeError(f"{self.process.args!r} said {word!r}")
        return word

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()


@contextmanager
def part(name: str, *arguments: object) -> Iterator[Part]:
    running = Part(name, *arguments)
    try:
        yield running
    finally:
        running.process.terminate()
        try:
            running.process.wait(15)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figure:
    """values: moved in `seconds`; cpu: name of a part -> its CPU seconds meanwhile.

    waited_s: how long the script had a write under way in the store, if it says so.
    """

    values: int
    seconds: float
    cpu: dict[str, float]
    waited_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.values / self.seconds

    def cost_us(self, name: str) -> float:
        return self.cpu[name] / self.values * 1e6

    def busy(self) -> str:
        """What kept the cores busy, and what therefore limits the rate."""
        shares = {name: seconds / self.seconds for name, seconds in self.cpu.items()}
        busiest, most = max(shares.items(), key=lambda each: each[1])
        if self.waited_s > 0.8 * self.seconds:
            limit = f"the store limits: a write is under way {self.waited_s / self.seconds:.0%} of the time"
        elif most > 0.85:
            limit = f"the {busiest} limits: it has one core"
        else:
            limit = f"the machine limits: {os.cpu_count()} cores for all this and what else runs"
        return f"busy cores: {', '.join(f'{name} {share:.2f}' for name, share in shares.items())}; {limit}"


def measure(values: int, pids: dict[str, int], step: Callable[[], None]) -> Figure:
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    began = time.perf_counter()
    step()
    seconds = time.perf_counter() - began
    return Figure(values, seconds, {name: cpu_s(pid) - before[name] for name, pid in pids.items()})


def measure_beacon(port: int, store: int, pids: dict[str, int]) -> Figure:
    metrics = free_port()
    with part("collector", port, store, metrics) as collector, part("batches", port) as publisher:
        collector.hear("ready")
        publisher.hear("ready")

        def step() -> None:
            publisher.go()
            publisher.hear("done")

        step()
        values = BATCHES // EDGES * EDGES * DEVICES * VALUES
        waited_s = written_s(metrics)
        figure = measure(values, {"script": collector.pid, "publisher": publisher.pid, **pids}, step)
        return replace(figure, waited_s=written_s(metrics) - waited_s)


def written_s(port: int) -> float:
    """Seconds that a collector's writes took so far, as its metrics say."""
    with urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return float(
        next(line for line in lines if line.startswith("beacon_collector_write_seconds_sum")).split()[1]
    )


def measure_plain(port: int, store: int, pids: dict[str, int], per_message: int) -> Figure:
    with part("plain", port, store, per_message) as plain, part("records", port, per_message) as publisher:
        plain.hear("ready")
        publisher.hear("ready")

        def step() -> None:
            publisher.go()
            publisher.hear("done")
            plain.hear("done")

        step()
        return measure(RECORDS * VALUES, {"script": plain.pid, "publisher": publisher.pid, **pids}, step)


def report(store: str, beacon: Figure, plain: dict[int, Figure]) -> None:
    print(f"\ninto {store}; Beacon: {DEVICES} devices x {VALUES} values a batch, acknowledged once stored")
    show("beacon collector", beacon)
    for n, figure in plain.items():
        show(f"plain script, {n} a message", figure)
        print(
            f"    beacon / plain: {beacon.rate / figure.rate:.1f} x the rate, "
            f"{beacon.cost_us('script') / figure.cost_us('script'):.3f} x the CPU per value"
        )


def show(name: str, figure: Figure) -> None:
    print(f"{name:<29} {figure.rate:>10,.0f} values/s  {figure.cost_us('script'):5.2f} us CPU per value")
    print(f"    {figure.busy()}")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        broker = Mosquitto(Path(directory), extra="max_queued_messages 100000\nmax_inflight_messages 100\n")
        broker.start()
        stack.callback(broker.stop)
        assert broker.process is not None
        influx = stack.enter_context(part("influxdb"))
        proxy_port, engine = map(int, influx.hear().split())
        sink_port = free_port()
        sink = stack.enter_context(part("sink", sink_port))
        wait_for_port(sink_port, sink.process)
        stores = (
            ("InfluxDB", proxy_port, {"proxy": influx.pid, "InfluxDB": engine}),
            ("a sink that answers at once", sink_port, {"sink": sink.pid}),
        )
        for name, port, pids in stores:
            pids = {"broker": broker.process.pid, **pids}
            beacon = measure_beacon(broker.port, port, pids)
            report(name, beacon, {n: measure_plain(broker.port, port, pids, n) for n in (1, 10)})


ROLES = {
    "collector": run_collector,
    "plain": run_plain,
    "batches": publish_batches,
    "records": publish_records,
    "sink": run_sink,
    "influxdb": run_influxdb,
}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        from collector.service import run_loop

        main_role = ROLES[sys.argv[1]](*map(int, sys.argv[2:]))
        if sys.argv[1] == "collector":
            run_loop(main_role)
        else:
            asyncio.run(main_role)
    else:
        main()
