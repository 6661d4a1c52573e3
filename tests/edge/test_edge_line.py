"""The RS-485 line as edge.toml sets it up: learnt pauses, an adapter that comes back, dead meters."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from meters import until, write_profile

from drivers import models
from drivers.errors import DeviceError, DeviceUnreachable
from drivers.frames.quiet import FIRST_S, LONGEST_S, QuietTimes
from drivers.frames.serve import pseudo_terminal, tcp_server
from drivers.profile import Profile
from drivers.sample import Sample
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.line import MixedLine
from drivers.simulate.server import SimulatedBus
from edge import config_file
from edge.clock import SystemClock
from edge.config import EdgeConfig
from edge.devices import open_bus
from edge.schedule import BusSchedule, Polled

METER = "eastron_sdm120"


def config(folder: Path, where: str, units: int, more: str = "") -> EdgeConfig:
    write_profile(folder / "profiles")
    text = 'site = "s"\nedge = "e"\nbuilding = "330100A001"\nprofiles = "profiles"\n[uplink]\nhost = "h"\n'
    text += f'[[bus]]\nname = "line"\n{where}\n'
    for unit in range(1, units + 1):
        text += f'[[device]]\nid = "m{unit}"\nbus = "line"\nunit_id = {unit}\nprofile = "{METER}"\n{more}'
    (folder / "edge.toml").write_text(text)
    return config_file.load(folder / "edge.toml")


def simulated(units: int) -> dict[int, SimulatedDevice]:
    profile = models.load(METER)
    assert isinstance(profile, Profile)
    return {unit: SimulatedDevice(profile) for unit in range(1, units + 1)}


def test_pauses_double_up_to_a_bound_and_shrink_slowly() -> None:
    quiet = QuietTimes()
    quiet.answered(1)
    assert quiet.before(1) == 0.0
    pauses = []
    for _ in range(8):
        quiet.garbled(1)
        pauses.append(quiet.before(1))
    assert pauses[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert pauses[-1] == LONGEST_S
    assert quiet.before(2) == 0.0
    for _ in range(199):
        quiet.answered(1)
    assert quiet.before(1) == LONGEST_S
    quiet.answered(1)
    assert quiet.before(1) == pytest.approx(0.8 * LONGEST_S)
    for _ in range(16 * 200):
        quiet.answered(1)
    assert quiet.seconds == {}


@pytest.mark.parametrize("more", ["", 'protocol = "modbus_ascii"\n'], ids=["rtu", "ascii"])
async def test_a_meter_that_needs_a_longer_pause_gets_it_and_the_other_does_not(
    tmp_path: Path, more: str
) -> None:
    line = MixedLine(simulated(2), mode="ascii" if more else "rtu")
    answered_at = 0.0

    def answer(chunk: bytes) -> bytes:
        nonlocal answered_at
        asked_first = chunk[:3] == b":01" if more else chunk[0] == 1
        hasty = time.monotonic() - answered_at < 0.015
        told = line.answer(chunk)
        answered_at = time.monotonic()
        return told[:-3] + b"?" + told[-2:] if asked_first and hasty else told

    async with tcp_server(answer) as port:
        where = f'type = "rtu_over_tcp"\nhost = "127.0.0.1"\nport = {port}\ntimeout_s = 0.1'
        setup = config(tmp_path, where, 2, more)
        bus, drivers = open_bus(setup, setup.bus[0], setup.device)
        for _ in range(8):
            for driver in drivers:
                with contextlib.suppress(DeviceError):
                    await driver.read()
        whole = [await driver.read() for driver in drivers]
        await bus.aclose()
    assert [sample.status for sample in whole] == [0, 0]
    assert 0.015 <= drivers[0].learnt_quiet_s <= 0.04
    assert drivers[1].learnt_quiet_s == 0.0


@pytest.mark.parametrize("more", ["", "baud = 4800\n"], ids=["modbus only", "shared line"])
async def test_an_adapter_is_pulled_out_and_comes_back_under_its_stable_name(
    tmp_path: Path, more: str
) -> None:
    by_id = tmp_path / "usb-adapter"
    answer: Callable[[bytes], bytes] = MixedLine(simulated(1)).answer
    setup = config(tmp_path, f'type = "rtu"\nport = "{by_id}"\ntimeout_s = 0.2', 1, more)
    bus, (driver,) = open_bus(setup, setup.bus[0], setup.device)
    async with pseudo_terminal(answer) as port:
        os.symlink(port, by_id)
        before = await driver.read()
    by_id.unlink()
    with pytest.raises(DeviceUnreachable):
        await driver.read()
    with pytest.raises(DeviceUnreachable, match="m1"):
        await driver.read()
    async with pseudo_terminal(answer) as port:
        os.symlink(port, by_id)
        after: Sample | None = None
        async with asyncio.timeout(5):
            while after is None:
                await asyncio.sleep(0.05)
                try:
                    after = await driver.read()
                except DeviceUnreachable:
                    continue
        await bus.aclose()
    assert after.fields == before.fields


async def test_two_of_thirty_dead_do_not_delay_the_others_on_a_real_socket(tmp_path: Path) -> None:
    """A grid of 0.5 s, thirty meters of some 5 ms each, a time-out of 0.2 s: two would cost 0.4 s a round."""
    devices = simulated(30)
    for dead in (7, 19):
        devices[dead].faults.dead = True
    async with SimulatedBus(devices, "rtu") as served:
        where = (
            f'type = "rtu_over_tcp"\nhost = "127.0.0.1"\nport = {served.port}\ntimeout_s = 0.2\nquiet_ms = 1'
        )
        setup = config(tmp_path, where, 30, 'quantities = ["voltage_l1n"]\n')
        bus, drivers = open_bus(setup, setup.bus[0], setup.device)
        samples: list[Sample] = []
        polled = [Polled(driver, 500, 500) for driver in drivers]
        schedule = BusSchedule("line", polled, 200, SystemClock("trusted"), samples.append)
        running = asyncio.create_task(schedule.run())
        await until(lambda: schedule.counts.rounds >= 8, 10)
        running.cancel()
        await bus.aclose()
    assert {p.device_id for p in polled if p.failures} == {"m7", "m19"}
    living = [p for p in polled if not p.failures]
    assert len(living) == 28
    assert min(p.reads for p in living) >= 7
    assert schedule.counts.overruns <= 2  # the first round, which met the dead, and a busy machine's
