"""Driver CPU per value: 100 Modbus TCP meters x 40 float registers, against plain pymodbus.

The meters run in a process of their own. Both sides read as fast as they can, one request a meter and
round, on uvloop; the CPU time of the reading process counts. Plain: `read_input_registers` and
`convert_from_registers`, then a scale; its values carry no range check, no rounding, no names.
Also decoding alone, and requests against one register a request.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import uvloop
from pymodbus.client import AsyncModbusTcpClient

from drivers.modbus.device import ModbusDevice
from drivers.modbus.plan import Cost
from drivers.modbus.registers import Block, BlockDecoder
from drivers.modbus.settings import TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import Profile, load, parse
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus

METERS = 100
FLOATS = 40


def profile() -> Profile:
    """The first 40 points of the SDM630, moved next to each other, all read in one group."""
    names = [point.quantity for point in load("eastron_sdm630").points][:FLOATS]
    points = "\n".join(
        f'{q.name} = {{ address = {2 * i}, unit = "{wire(q.unit)}" }}' for i, q in enumerate(names)
    )
    text = f"""
model = "40 floats"
vendor = "bench"
kind = "electricity"
[sources]
bench = "bench"
[modbus]
transports = ["tcp"]
function = 4
[[registers]]
type = "f32"
group = "fast"
confidence = "bench"
sources = ["bench"]
[registers.points]
{points}
"""
    return parse("bench", text, "bench.toml")


def wire(unit: str) -> str:
    return {"kW": "W", "kvar": "var", "kVA": "VA"}.get(unit, unit)


def serve(pipe: Connection) -> None:
    async def run() -> None:
        device = SimulatedDevice(profile(), tick_s=3600)
        buses = [SimulatedBus({1: device}) for _ in range(METERS)]
        for bus in buses:
            await bus.start()
        pipe.send([bus.port for bus in buses])
        await asyncio.Event().wait()

    uvloop.run(run())


async def ours(ports: list[int]) -> Callable[[], Awaitable[int]]:
    device_profile = profile()
    devices = [
        ModbusDevice(f"m{port}", device_profile, 1, ModbusBus(TcpSettings(host="127.0.0.1", port=port)))
        for port in ports
    ]

    async def round_() -> int:
        samples = await asyncio.gather(*(device.read() for device in devices))
        return sum(len(sample.values) for sample in samples)

    return round_


async def plain(ports: list[int]) -> Callable[[], Awaitable[int]]:
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port) for port in ports]
    for client in clients:
        await client.connect()

    async def read(client: AsyncModbusTcpClient) -> int:
        answer = await client.read_input_registers(0, count=2 * FLOATS, device_id=1)
        values = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
        assert isinstance(values, list)
        return len([value * 0.001 for value in values])  # type: ignore[operator]

    async def round_() -> int:
        return sum(await asyncio.gather(*(read(client) for client in clients)))

    return round_


async def measure(
    make: Callable[[list[int]], Awaitable[Callable[[], Awaitable[int]]]], ports: list[int], rounds: int
) -> float:
    """Microseconds of CPU per value."""
    round_ = await make(ports)
    for _ in range(3):
        await round_()
    started, values = time.process_time(), 0
    for _ in range(rounds):
        values += await round_()
    return (time.process_time() - started) / values * 1e6


def decoding(rounds: int = 20_000) -> float:
    """Microseconds per value of bytes to floats alone."""
    points = profile().points
    block = Block(4, 0, 2 * FLOATS)
    decoder = BlockDecoder(block, points)
    answer = SimulatedDevice(profile()).answer(block)
    assert isinstance(answer, bytes)
    started = time.process_time()
    for _ in range(rounds):
        decoder.decode(answer, {})
    return (time.process_time() - started) / (rounds * FLOATS) * 1e6


def requests() -> None:
    """Requests of the planner against one register a request, for the shipped profiles."""
    print(
        f"{'profile':24} {'values':>6} {'requests':>8} {'bytes':>6}   9600 baud, against one value a request"
    )
    for name in ("eastron_sdm630", "acrel_adl3000", "abb_b23", "schneider_iem3255", "stiebel_isg_wpm"):
        device_profile = load(name)
        bus = ModbusBus(TcpSettings(host="127.0.0.1"))
        bus.cost = cost = Cost.rtu(9600)
        device = ModbusDevice(
            "d", device_profile, 1, bus, dict.fromkeys(device_profile.installer_ratios, 1.0)
        )
        planned = [request.block for request in device.plan().requests]
        spent = sum(cost.per_request + 2 * block.count for block in planned)
        single = sum(cost.per_request + 2 * sum(c.words for c in p.cells) for p in device_profile.points)
        print(
            f"{name:24} {len(device_profile.points):6} {len(planned):8} {spent:6.0f}   "
            f"{spent / single:.2f} of the bytes"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=60)
    rounds = arguments.parse_args().rounds
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    ports = here.recv()
    try:
        driver = uvloop.run(measure(ours, ports, rounds))
        reference = uvloop.run(measure(plain, ports, rounds))
    finally:
        server.terminate()
        server.join()
    print(f"driver        {driver:6.2f} us CPU per value")
    print(f"  decoding    {decoding():6.2f} us of it")
    print(f"plain         {reference:6.2f} us CPU per value, ratio {driver / reference:.2f}")
    requests()


if __name__ == "__main__":
    main()
