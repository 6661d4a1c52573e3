"""One RS-485 line of 9,600 baud with thirty meters of five makes: cycle time against what physics allows.

The simulated meters stand behind a pseudo-terminal and answer when request and answer would have passed
the wire at eleven bits a byte, and 3.5 characters of silence after the request. The edge's own planner,
transport and pauses read them. Two minima: with the pauses that the profiles ask for, and without.
`--cycles N`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from drivers.modbus.device import ModbusDevice  # noqa: E402
from drivers.modbus.requests import needs  # noqa: E402
from drivers.profile import ALL, FAST, load  # noqa: E402
from drivers.sample import Sample, Status  # noqa: E402
from drivers.simulate.device import SimulatedDevice  # noqa: E402
from drivers.simulate.server import SimulatedBus  # noqa: E402
from edge import config_file  # noqa: E402
from edge.devices import open_bus  # noqa: E402
from edge.main import loop_factory  # noqa: E402

BAUD, BITS, SILENCE = 9600, 11, 3.5
MAKES = ("eastron_sdm630", "chint_dtsu666", "acrel_adl3000", "schneider_iem3155", "peacefair_pzem016")
EACH = 6
GROUPS = {"fast": frozenset({FAST}), "everything": ALL}


def seconds(characters: float) -> float:
    return characters * BITS / BAUD


def devices_toml(port: str) -> str:
    text = 'site = "bench"\nedge = "bench"\nbuilding = "330100A001"\n[uplink]\nhost = "none"\n'
    text += f'[[bus]]\nname = "line"\ntype = "rtu"\nport = "{port}"\nbaud = {BAUD}\n'
    for unit, name in enumerate(MAKES * EACH, start=1):
        text += f'[[device]]\nid = "meter-{unit}"\nbus = "line"\nunit_id = {unit}\nprofile = "{name}"\n'
        for ratio in load(name).installer_ratios:
            text += f"{ratio} = 1\n"
    return text


def minimum(devices: list[ModbusDevice], groups: frozenset[str], *, quiet: bool) -> float:
    """Seconds that the planned bytes and the silences take at least."""
    total = 0.0
    for device in devices:
        modbus = device.profile.modbus
        assert modbus is not None
        pause = max(seconds(SILENCE), modbus.quiet_ms / 1000 if quiet else 0.0)
        for request in device.plan(groups).requests:
            total += seconds(8 + SILENCE + 5 + request.block.byte_count) + pause
    return total


def one_by_one(devices: list[ModbusDevice], groups: frozenset[str]) -> tuple[int, float]:
    """(requests, seconds without pauses of profiles) if every value were asked for by itself."""
    found = [
        need.count
        for device in devices
        for need in needs(device.profile, [p for p in device.profile.points if p.group in groups])
    ]
    return len(found), sum(seconds(8 + 5 + 2 * count + 2 * SILENCE) for count in found)


async def cycles(devices: list[ModbusDevice], groups: frozenset[str], count: int) -> list[float]:
    """Seconds of each whole round. Raises SystemExit if a meter does not answer everything."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        samples: list[Sample] = [await device.read(groups) for device in devices]
        took.append(time.perf_counter() - began)
        bad = [sample.device for sample in samples if sample.status is not Status.GOOD]
        if bad:
            raise SystemExit(f"incomplete answers: {bad}")
    return took


async def bench(count: int) -> None:
    simulated = {}
    for unit, name in enumerate(MAKES * EACH, start=1):
        simulated[unit] = device = SimulatedDevice(load(name))
        device.faults.delay_s = seconds(SILENCE)
    bus = SimulatedBus(simulated, "rtu", baud=BAUD)
    port = await bus.start_serial()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edge.toml"
        path.write_text(devices_toml(port))
        config = config_file.load(path)
    connection, drivers = open_bus(config, config.bus[0], config.devices_on(config.bus[0]))
    devices = [driver for driver in drivers if isinstance(driver, ModbusDevice)]
    try:
        await cycles(devices[:5], ALL, 1)  # opens the port
        for label, groups in GROUPS.items():
            report(label, devices, groups, await cycles(devices, groups, count))
    finally:
        await connection.aclose()
        await bus.aclose()


def report(label: str, devices: list[ModbusDevice], groups: frozenset[str], took: list[float]) -> None:
    values = sum(len(device.plan(groups).fields) for device in devices)
    requests = sum(len(device.plan(groups).requests) for device in devices)
    single, single_s = one_by_one(devices, groups)
    with_pauses, bare = minimum(devices, groups, quiet=True), minimum(devices, groups, quiet=False)
    median = sorted(took)[len(took) // 2]
    print(f"{label}: {values} values of {len(devices)} meters, median of {len(took)} cycles {median:.3f} s")
    ratio = median / with_pauses
    print(f"  minimum with the profiles' pauses {with_pauses:.3f} s: ratio {ratio:.3f} (target 1.10)")
    print(f"  minimum of bytes and silences     {bare:.3f} s: ratio {median / bare:.3f}")
    times = single / requests
    print(f"  {requests} requests; one a value: {single} requests and {single_s:.1f} s, {times:.1f} times")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=3)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(bench(parser.parse_args().cycles))


if __name__ == "__main__":
    main()
