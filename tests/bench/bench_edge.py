"""Edge CPU per value from poll to acknowledged batch, against a plain pymodbus + aiomqtt script.

100 Modbus TCP meters x 40 float registers each second. Meters, broker (Mosquitto) and the collector's
stand-in run in processes of their own. Edge: every value spooled with full sync, counters turned into
interval energy, every batch acknowledged. Plain script: reads, converts, publishes one JSON a meter.
`--seconds N` after a warm-up; `--only edge|plain`; `--profile FILE` writes the edge's cProfile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

METERS, FLOATS = 100, 40
QUANTITIES = [
    *(f"voltage_{p}" for p in ("l1n", "l2n", "l3n", "l12", "l23", "l31")),
    *(f"current_{p}" for p in ("l1", "l2", "l3", "n")),
    *(
        f"{kind}_power_{p}"
        for kind in ("active", "reactive", "apparent")
        for p in ("total", "l1", "l2", "l3")
    ),
    *(f"power_factor_{p}" for p in ("total", "l1", "l2", "l3")),
    "frequency",
    "active_energy_import_total",
    "active_energy_export_total",
    "reactive_energy_import_total",
    "reactive_energy_export_total",
    *(f"active_energy_{way}_{p}" for way in ("import", "export") for p in ("l1", "l2", "l3")),
    "thd_voltage_l1n",
    "thd_voltage_l2n",
    "thd_voltage_l3n",
]
RANGES = {"voltage": (215, 240), "current": (0, 80), "power": (0, 20), "factor": (0.8, 1), "thd": (0, 9)}


def registers(rng: random.Random) -> bytearray:
    """One meter's 80 registers as bytes; counters start anywhere and grow."""
    values = []
    for name in QUANTITIES:
        low, high = next((r for word, r in RANGES.items() if word in name), (49.9, 50.1))
        if "energy" in name:
            low, high = 1_000, 90_000
        values.append(rng.uniform(low, high))
    return bytearray(struct.pack(f">{FLOATS}f", *values))


class Meter(asyncio.Protocol):
    """Answers reads of function 3 and 4 with values that differ at each read."""

    def __init__(self) -> None:
        rng = random.Random(id(self))
        self.images = [bytes(registers(rng)) for _ in range(16)]
        self.import_kwh, self.reads = rng.uniform(1_000, 90_000), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", data)
        self.reads += 1
        self.import_kwh += 0.01
        image = bytearray(self.images[self.reads % 16])
        struct.pack_into(">f", image, 4 * QUANTITIES.index("active_energy_import_total"), self.import_kwh)
        struct.pack_into(">f", image, 4 * QUANTITIES.index("active_energy_export_total"), self.import_kwh / 8)
        body = image[2 * address : 2 * (address + count)]
        head = struct.pack(">HHHBBB", transaction, 0, len(body) + 3, unit, function, len(body))
        self.transport.write(head + body)  # type: ignore[attr-defined]


async def serve_meters() -> None:
    loop = asyncio.get_running_loop()
    ports = []
    for _ in range(METERS):
        server = await loop.create_server(Meter, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(orjson.dumps(ports).decode(), flush=True)
    await asyncio.Event().wait()


async def acknowledge(port: int) -> None:
    """The collector's stand-in: decodes, counts, acknowledges."""
    import aiomqtt
    import zstandard

    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("beacon/v1/+/+/batch", qos=1)
        print("ready", flush=True)
        async for message in client.messages:
            payload = bytes(message.payload)
            batch = orjson.loads(zstandard.decompress(payload) if payload[:1] == b"\x28" else payload)
            answer = {
                "v": 1,
                "spool": batch["spool"],
                "time": time.time_ns() // 1_000_000,
                "acks": [{"seq": batch["seq"], "result": "stored"}],
            }
            await client.publish(str(message.topic)[:-5] + "ack", orjson.dumps(answer), qos=1)


async def plain(port: int, ports: list[int]) -> None:
    """What a careful engineer writes in twenty lines."""
    import json
    import logging

    import aiomqtt
    from pymodbus.client import AsyncModbusTcpClient

    logging.getLogger("mqtt").setLevel(logging.ERROR)  # it warns of every eleventh publish under way
    clients = [AsyncModbusTcpClient("127.0.0.1", port=p) for p in ports]
    for modbus in clients:
        await modbus.connect()
    async with aiomqtt.Client("127.0.0.1", port) as mqtt:

        async def one(number: int, modbus: AsyncModbusTcpClient) -> None:
            answer = await modbus.read_holding_registers(0, count=2 * FLOATS, device_id=1)
            values = modbus.convert_from_registers(answer.registers, modbus.DATATYPE.FLOAT32)
            payload = {"meter": number, "time": time.time(), **dict(zip(QUANTITIES, values, strict=True))}
            await mqtt.publish(f"plain/{number}", json.dumps(payload))

        deadline = time.time()
        while True:
            await asyncio.gather(*(one(i, c) for i, c in enumerate(clients)))
            deadline += 1
            await asyncio.sleep(max(0, deadline - time.time()))


def write_config(folder: Path, broker: int, ports: list[int], status: int) -> Path:
    profiles = folder / "profiles"
    profiles.mkdir()
    points = "\n".join(f"{name} = {2 * i}" for i, name in enumerate(QUANTITIES))
    (profiles / "bench.toml").write_text(
        'model = "Bench"\nvendor = "Bench"\nkind = "electricity"\n[sources]\nown = "bench"\n'
        '[modbus]\ntransports = ["tcp"]\nholes = true\n[[registers]]\ntype = "f32"\ngroup = "fast"\n'
        f'confidence = "vendor manual"\nsources = ["own"]\n[registers.points]\n{points}\n'
    )
    text = f"""site = "bench"\nedge = "bench"\nbuilding = "330100A001"\nprofiles = "profiles"
clock = "trusted"\n[uplink]\nhost = "127.0.0.1"\nport = {broker}\ntls = false\n[spool]\npath = "spool.db"
[poll]\nfast_s = 1\n[status]\nport = {status}\n"""
    for i, port in enumerate(ports):
        text += f'[[bus]]\nname = "bus-{i}"\ntype = "tcp"\nhost = "127.0.0.1"\nport = {port}\n'
        text += f'[[device]]\nid = "meter-{i}"\nbus = "bus-{i}"\nprofile = "bench"\n'
    path = folder / "edge.toml"
    path.write_text(text)
    return path


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident now and at most, in MB (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Vm")}
    return found["VmRSS"], found["VmHWM"]


def written_bytes(pid: int) -> int:
    """What the process sent to the disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def measure(pid: int, seconds: float, warm_up: float) -> tuple[float, float, float, float]:
    """(µs of CPU a value, share of a core, RSS, peak RSS) at 4,000 values a second."""
    time.sleep(warm_up)
    used, began = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    used, elapsed = cpu_s(pid) - used, time.monotonic() - began
    now, peak = memory_mb(pid)
    return used / (elapsed * METERS * FLOATS) * 1e6, used / elapsed, now, peak


def state(port: int) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=5) as answer:
        found: dict[str, dict[str, int]] = orjson.loads(answer.read())
    return found


@contextlib.contextmanager
def role(*arguments: str, read: bool = True):  # type: ignore[no-untyped-def]
    command = [sys.executable, __file__, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE if read else None, cwd=ROOT)
    try:
        yield process, (process.stdout.readline().decode() if process.stdout else "")
    finally:
        process.terminate()
        process.wait(10)


def run_edge(folder: Path, broker: int, ports: list[int], options: argparse.Namespace) -> float:
    from servers import free_port

    status = free_port()
    config = write_config(folder, broker, ports, status)
    program = [sys.executable, "-m", "beacon", "edge", "run", str(config)]
    if options.profile:
        code = (
            "import cProfile, sys; from pathlib import Path; from edge.main import main; "
            "cProfile.run('main(Path(sys.argv[1]))', sys.argv[2])"
        )
        program = [sys.executable, "-c", code, str(config), options.profile]
    with (folder / "edge.log").open("wb") as log:
        process = subprocess.Popen(program, stderr=log, stdout=log, cwd=ROOT)
    try:
        time.sleep(3)
        if process.poll() is not None:
            raise SystemExit((folder / "edge.log").read_text())
        written, began = written_bytes(process.pid), time.monotonic()
        cost, share, now, peak = measure(process.pid, options.seconds, 6)
        rate = (written_bytes(process.pid) - written) / (time.monotonic() - began)
        first = state(status)
        time.sleep(2)
        last = state(status)
        overruns = sum(bus["missed"] for bus in last["buses"].values())  # type: ignore[attr-defined]
        acked = last["uplink"]["stored"] - first["uplink"]["stored"]
        print(f"edge   {cost:6.2f} µs/value  {share:5.1%} of a core  RSS {now:.1f} MB (peak {peak:.1f})")
        print(
            f"       {last['taken']['values']} values read, {last['uplink']['stored']} batches acknowledged, "
            f"{last['spool']['batches']} wait, {acked} acknowledged in the last 2 s, {overruns} reads missed"
        )
        print(f"       {rate / 1e3:.0f} kB/s to the disk, {rate / (METERS * FLOATS):.1f} bytes a value")
        return cost
    finally:
        process.terminate()
        process.wait(15)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", choices=["edge", "plain"])
    parser.add_argument("--profile")
    parser.add_argument("role", nargs="*")
    options = parser.parse_args()
    if options.role:
        jobs = {
            "meters": serve_meters,
            "acknowledge": lambda: acknowledge(int(options.role[1])),
            "plain": lambda: plain(int(options.role[1]), orjson.loads(options.role[2])),
        }
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(jobs[options.role[0]]())
        return
    from servers import Mosquitto

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        edge = reference = None
        try:
            with role("meters") as (_, line), role("acknowledge", str(broker.port)):
                ports = orjson.loads(line)
                if options.only != "plain":
                    edge = run_edge(folder, broker.port, ports, options)
                if options.only != "edge":
                    with role("plain", str(broker.port), orjson.dumps(ports).decode(), read=False) as (
                        process,
                        _,
                    ):
                        reference, share, now, peak = measure(process.pid, options.seconds, 6)
                    print(
                        f"plain  {reference:6.2f} µs/value  {share:5.1%} of a core  "
                        f"RSS {now:.1f} MB (peak {peak:.1f})"
                    )
        finally:
            broker.stop()
        if edge and reference:
            print(f"ratio  {edge / reference:.2f} (target 1.0 or less)")


if __name__ == "__main__":
    main()
