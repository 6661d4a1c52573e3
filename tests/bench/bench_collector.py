"""Collector: values per second and CPU per value from a real Mosquitto to a store that answers at once.

The store is a sink that speaks /api/v2/write in a process of its own, so that the figure is the
collector's. Reference: a plain aiomqtt + influxdb-client script that acknowledges nothing, with
one record a message and with ten.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import aiomqtt
import orjson
import zstandard
from servers import Mosquitto, free_port, wait_for_port

HOST = "127.0.0.1"
EDGES, DEVICES, VALUES, WINDOW = 4, 100, 40, 16
BATCHES = int(os.environ.get("BEACON_BENCH_BATCHES", "600"))
RECORDS = int(os.environ.get("BEACON_BENCH_RECORDS", "10000"))
START = 1_780_000_000_000


def quantities() -> list[str]:
    from drivers.quantity import vocabulary

    return [each.name for each in vocabulary().values() if each.group == "electricity"][:VALUES]


def row(chance: random.Random) -> list[float]:
    """Numbers as 32-bit meters give them: five to seven digits."""
    return [round(chance.uniform(0, 500), chance.choice((2, 3, 4))) for _ in range(VALUES)]


def batches(edge: int, count: int) -> Iterator[bytes]:
    """Batches of one second of all devices, as an edge seals them."""
    chance, fields = random.Random(edge), quantities()
    for seq in range(1, count + 1):
        samples = [
            {
                "building": f"330100A{edge:03}", "device": f"meter{device}", "kind": "electricity",
                "fields": fields, "rows": [[START + seq * 1000 + device, 0, *row(chance)]],
            }
            for device in range(DEVICES)
        ]  # fmt: skip
        content = {"v": 1, "spool": f"spool{edge}", "seq": seq, "sealed_at": START, "samples": samples}
        yield zstandard.compress(orjson.dumps(content), 1)


async def publish_batches(port: int, edge: int, payloads: list[bytes]) -> None:
    """As an edge: at most WINDOW batches without acknowledgement; ends with the last one's."""
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


async def run_collector(port: int, sink: int) -> None:
    from collector import service
    from collector.registry import Building, BuildingType, Registry
    from collector.settings import Settings

    buildings = [
        Building(
            f"330100A{edge:03}",
            "楼",
            "House",
            BuildingType.COMMERCIAL_OFFICE,
            1.0,
            edges=(f"bench/edge{edge}",),
        )
        for edge in range(EDGES)
    ]
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings.model_validate(
            {
                "broker": {"port": port},
                "store": {"kind": "influxdb", "url": f"http://{HOST}:{sink}"},
                "registry": {"files": ["none"]},
                "dead_letters": {"path": f"{directory}/letters.sqlite"},
            }
        )
        registry = Registry({each.id: each for each in buildings})
        await service.run(settings, registry, ready=lambda: print("ready", flush=True))


async def run_plain(port: int, sink: int, per_message: int) -> None:
    """What one writes first: JSON in, dicts to the client library, a write a thousand records."""
    from influxdb_client import InfluxDBClient
    from influxdb_client.client.write_api import SYNCHRONOUS

    writer = InfluxDBClient(f"http://{HOST}:{sink}", token="t", org="o", enable_gzip=True).write_api(
        SYNCHRONOUS
    )
    records: list[dict[str, object]] = []
    seen = 0
    async with aiomqtt.Client(HOST, port) as client:
        await client.subscribe("plain", 1)
        print("ready", flush=True)
        async for message in client.messages:
            content = json.loads(message.payload)
            for record in content if per_message > 1 else [content]:
                records.append(
                    {
                        "measurement": "electricity",
                        "tags": {"building": record["building"], "device": record["device"]},
                        "fields": record["values"],
                        "time": record["at"],
                    }
                )
            if len(records) >= 1000:
                seen += len(records)
                await asyncio.to_thread(writer.write, "bucket", "o", records, "ms")
                records = []
                if seen >= RECORDS:
                    print("done", flush=True)
                    await asyncio.sleep(60)


async def publish_records(port: int, per_message: int) -> None:
    chance, names = random.Random(1), quantities()
    records = [
        {
            "building": "330100A000", "device": f"meter{n % DEVICES}", "at": START + n,
            "values": dict(zip(names, row(chance), strict=True)),
        }
        for n in range(RECORDS)
    ]  # fmt: skip
    async with aiomqtt.Client(HOST, port, max_inflight_messages=100) as client:
        client.pending_calls_threshold = 1000
        for first in range(0, RECORDS, per_message * 20):
            async with asyncio.TaskGroup() as tasks:
                for n in range(first, min(first + per_message * 20, RECORDS), per_message):
                    content = records[n : n + per_message] if per_message > 1 else records[n]
                    tasks.create_task(client.publish("plain", orjson.dumps(content), qos=1))


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


@contextmanager
def role(name: str, *arguments: object, ready: bool = True) -> Iterator[subprocess.Popen[str]]:
    """This file again, as another process."""
    command = [sys.executable, __file__, name, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if ready and process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} did not start")
        yield process
    finally:
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def measure_beacon(port: int, sink: int) -> tuple[float, float]:
    """(values/s, CPU µs/value) of the collector."""
    each = BATCHES // EDGES
    payloads = [list(batches(edge, each)) for edge in range(EDGES)]
    values = each * EDGES * DEVICES * VALUES

    async def publish(count: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for edge in range(EDGES):
                tasks.create_task(publish_batches(port, edge, payloads[edge][:count]))

    with role("collector", port, sink) as collector:
        asyncio.run(publish(10))
        cpu, began = cpu_s(collector.pid), time.perf_counter()
        asyncio.run(publish(each))
        return values / (time.perf_counter() - began), (cpu_s(collector.pid) - cpu) / values * 1e6


def measure_plain(port: int, sink: int, per_message: int) -> tuple[float, float]:
    values = RECORDS * VALUES
    with role("plain", port, sink, per_message) as plain:
        assert plain.stdout is not None
        cpu, began = cpu_s(plain.pid), time.perf_counter()
        with role("publish", port, per_message, ready=False) as publisher:
            if publisher.wait() or plain.stdout.readline() != "done\n":
                raise RuntimeError("the plain script did not finish")
        return values / (time.perf_counter() - began), (cpu_s(plain.pid) - cpu) / values * 1e6


def main() -> None:
    sink = free_port()
    with tempfile.TemporaryDirectory() as directory, role("sink", sink, ready=False) as sink_process:
        wait_for_port(sink, sink_process)  # type: ignore[arg-type]
        broker = Mosquitto(Path(directory), extra="max_queued_messages 100000\nmax_inflight_messages 100\n")
        broker.start()
        try:
            plain = {n: measure_plain(broker.port, sink, n) for n in (1, 10)}
            speed, cost = measure_beacon(broker.port, sink)
        finally:
            broker.stop()
    print(f"batches of {DEVICES} devices x {VALUES} values, stored and acknowledged each")
    print(f"beacon collector              {speed:>10,.0f} values/s  {cost:5.2f} us CPU per value")
    for n, (plain_speed, plain_cost) in plain.items():
        name = f"plain script, {n} a message"
        print(f"{name:<29} {plain_speed:>10,.0f} values/s  {plain_cost:5.2f} us CPU per value")
        print(f"  ratio of CPU, beacon / plain: {cost / plain_cost:.3f}")


ROLES = {"collector": run_collector, "sink": run_sink, "plain": run_plain, "publish": publish_records}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        main_role = ROLES[sys.argv[1]](*map(int, sys.argv[2:]))
        if sys.argv[1] == "collector":
            from collector.service import run_loop

            run_loop(main_role)
        else:
            asyncio.run(main_role)
    else:
        main()
