"""What goes wrong on a bus: silence, late answers, refusals, garbled frames, broken connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.errors import ConfigError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.modbus.device import ModbusDevice
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import load
from drivers.sample import Status
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus

NOON = 1_767_225_600.0
TIMEOUT_S = 0.15
WAYS = ["tcp", "rtu_over_tcp", "serial"]
METER = "eastron_sdm120"


class Site:
    """Two meters, 1 and 2, on one simulated bus."""

    def __init__(self, served: SimulatedBus, bus: ModbusBus) -> None:
        self.served, self.bus = served, bus
        self.meters = served.devices
        self.devices = {unit: self._device(unit) for unit in served.devices}

    def _device(self, unit: int) -> ModbusDevice:
        device = ModbusDevice(f"meter{unit}", load(METER), unit, self.bus, clock=lambda: 1)
        device._quiet_s = 0
        return device


@asynccontextmanager
async def site(way: str, retries: int = 0) -> AsyncIterator[Site]:
    meters = {unit: SimulatedDevice(load(METER), clock=lambda: NOON) for unit in (1, 2)}
    meters[2].put("voltage_l1n", 222.0)
    served = SimulatedBus(meters, "tcp" if way == "tcp" else "rtu")
    settings: TcpSettings | RtuOverTcpSettings | SerialSettings
    if way == "serial":
        path = await served.start_serial()
        settings = SerialSettings(port=path, timeout_s=TIMEOUT_S, quiet_s=0, retries=retries)
    else:
        await served.start()
        kind = TcpSettings if way == "tcp" else RtuOverTcpSettings
        settings = kind(host=served.host, port=served.port, timeout_s=TIMEOUT_S, retries=retries)
    bus = ModbusBus(settings)
    try:
        yield Site(served, bus)
    finally:
        await bus.aclose()
        await served.aclose()


@pytest.mark.parametrize("way", WAYS)
async def test_dead_device_costs_one_timeout_and_others_go_on(way: str) -> None:
    async with site(way) as here:
        here.meters[1].faults.dead = True
        with pytest.raises(DeviceUnreachable, match=r"meter1 .*unit 1.*registers.*no answer"):
            await here.devices[1].read()
        assert here.bus.requests == 1
        assert TIMEOUT_S <= here.bus.busy_seconds < 2 * TIMEOUT_S
        assert (await here.devices[2].read()).present()["voltage_l1n"] == 222.0
        here.meters[1].faults.dead = False
        assert (await here.devices[1].read()).status is Status.GOOD


@pytest.mark.parametrize("way", WAYS)
async def test_late_answer_is_not_taken_for_the_next_request(way: str) -> None:
    """Same unit, same length, other registers: only the addresses differ."""
    async with site(way) as here:
        meter = here.meters[1]
        meter.put("voltage_l1n", 231.0)
        meter.put("current_l1", 7.0)
        voltage, current = Block(4, 0, 2), Block(4, 6, 2)
        right = {block: meter.answer(block) for block in (voltage, current)}
        meter.faults.late, meter.faults.late_by_s = 1, TIMEOUT_S * 1.5
        with pytest.raises(DeviceUnreachable):
            await here.bus.read(1, voltage)
        meter.faults.delay_s = TIMEOUT_S * 0.8
        assert await here.bus.read(1, current) == right[current]
        assert await here.bus.read(1, voltage) == right[voltage]
        assert here.bus.late == 1


@pytest.mark.parametrize("way", WAYS)
async def test_late_answer_of_one_unit_does_not_reach_another(way: str) -> None:
    async with site(way) as here:
        here.meters[1].faults.late, here.meters[1].faults.late_by_s = 1, TIMEOUT_S * 1.2
        here.meters[2].faults.delay_s = TIMEOUT_S * 0.5
        with pytest.raises(DeviceUnreachable):
            await here.devices[1].read()
        assert (await here.devices[2].read()).present()["voltage_l1n"] == 222.0


@pytest.mark.parametrize("way", WAYS)
async def test_refused_register_is_found_left_out_and_shown(way: str) -> None:
    async with site(way) as here:
        device, meter = here.devices[1], here.meters[1]
        meter.faults.refuse = {(4, 70), (4, 71)}  # the frequency
        first = await device.read()
        assert first.status & Status.PARTIAL
        assert device.refused == [
            "function 4 register 70: frequency",
            "function 4 register 71: frequency",
        ]
        requests = here.bus.requests
        second = await device.read()
        assert second.status is Status.GOOD
        assert "frequency" not in second.fields
        assert set(second.present()) == {p.quantity.name for p in device.profile.points} - {"frequency"}
        assert here.bus.requests - requests == len(device.plan().requests)


async def test_device_that_takes_shorter_reads_than_its_profile_says_is_asked_for_less() -> None:
    async with site("tcp") as here:
        device = here.devices[1]
        here.meters[1].faults.longest = 6
        for _ in range(6):
            sample = await device.read()
        assert sample.status is Status.GOOD
        assert len(sample.present()) == len(device.profile.points)
        assert device.refused == []
        assert all(request.block.count <= 6 for request in device.plan().requests)


async def test_device_that_refuses_everything_is_refused_not_unreachable() -> None:
    async with site("tcp") as here:
        here.meters[1].faults.exception = 1
        with pytest.raises(DeviceRefused, match="exception 1, illegal function") as caught:
            await here.devices[1].read()
        assert caught.value.code == 1
        assert here.bus.requests < 40
        here.meters[1].faults.exception = 0  # it was starting up: nothing was learnt from that
        sample = await here.devices[1].read()
        assert sample.status is Status.GOOD
        assert here.devices[1].refused == []


async def test_many_refused_registers_are_found_over_a_few_reads() -> None:
    async with site("tcp") as here:
        device = here.devices[1]
        gone = device.profile.points[::2]
        here.meters[1].faults.refuse = {(4, cell.address) for point in gone for cell in point.cells}
        for _ in range(8):
            sample = await device.read()
        assert sample.status is Status.GOOD
        assert set(sample.present()) == {point.quantity.name for point in device.profile.points[1::2]}


async def test_gateway_that_reaches_no_device_is_unreachable() -> None:
    async with site("tcp") as here:
        here.meters[1].faults.exception = 11
        with pytest.raises(DeviceUnreachable, match="gateway target device did not answer"):
            await here.devices[1].read()
        assert here.devices[1].refused == []


@pytest.mark.parametrize("way", ["rtu_over_tcp", "serial"])
async def test_garbled_answer_is_an_error_in_words_and_a_retry_helps(way: str) -> None:
    async with site(way) as here:
        here.meters[1].faults.garble = 1
        with pytest.raises(FrameError, match="check sum is wrong"):
            await here.bus.read(1, Block(4, 0, 2))
    async with site(way, retries=1) as here:
        here.meters[1].faults.garble = 1
        assert len(await here.bus.read(1, Block(4, 0, 2))) == 4


@pytest.mark.parametrize("way", ["tcp", "rtu_over_tcp"])
async def test_broken_connection_is_opened_again_by_the_next_read(way: str) -> None:
    async with site(way, retries=1) as here:
        await here.devices[1].read()
        here.served.drop_connections()
        await asyncio.sleep(0)
        assert (await here.devices[1].read()).status is Status.GOOD
        assert here.served.connections == 2


async def test_closed_port_is_told_at_once_and_tried_again_later() -> None:
    now = 0.0
    bus = ModbusBus(TcpSettings(host="127.0.0.1", port=1, timeout_s=TIMEOUT_S), clock=lambda: now)
    with pytest.raises(DeviceUnreachable, match=r"tcp 127\.0\.0\.1:1"):
        await bus.read(1, Block(3, 0, 1))
    with pytest.raises(DeviceUnreachable, match=r"next attempt in 0\.5 s"):
        await bus.read(1, Block(3, 0, 1))
    now = 0.6
    with pytest.raises(DeviceUnreachable, match="refused"):
        await bus.read(1, Block(3, 0, 1))


async def test_serial_port_that_is_not_there_is_unreachable() -> None:
    bus = ModbusBus(SerialSettings(port="/dev/serial/by-path/none"))
    with pytest.raises(DeviceUnreachable, match="/dev/serial/by-path/none at 9600 baud 8N1"):
        await bus.read(1, Block(3, 0, 1))


async def test_serial_adapter_that_was_unplugged_is_opened_again_by_its_path(tmp_path: Path) -> None:
    meter = SimulatedDevice(load(METER), clock=lambda: NOON)
    port = tmp_path / "by-path"
    served = SimulatedBus({1: meter}, "rtu")
    port.symlink_to(await served.start_serial())
    now = 0.0
    bus = ModbusBus(SerialSettings(port=str(port), timeout_s=TIMEOUT_S, quiet_s=0), clock=lambda: now)
    device = ModbusDevice("meter1", load(METER), 1, bus)
    device._quiet_s = 0
    assert (await device.read()).status is Status.GOOD
    await served.aclose()
    port.unlink()
    for _ in range(2):
        with pytest.raises(DeviceUnreachable):
            await device.read()
        now += 60
    port.symlink_to(await served.start_serial())
    assert (await device.read()).status is Status.GOOD
    await bus.aclose()
    await served.aclose()


async def test_two_readers_share_one_connection_and_take_turns() -> None:
    async with site("tcp") as here:
        samples = await asyncio.gather(*(here.devices[unit].read() for unit in (1, 2, 1, 2)))
        assert [sample.device for sample in samples] == ["meter1", "meter2", "meter1", "meter2"]
        assert all(sample.status is Status.GOOD for sample in samples)
        assert here.served.connections == 1


async def test_cancelled_read_leaves_the_bus_usable() -> None:
    async with site("rtu_over_tcp") as here:
        here.meters[1].faults.delay_s = TIMEOUT_S / 2
        task = asyncio.create_task(here.devices[1].read())
        await asyncio.sleep(TIMEOUT_S / 5)
        assert here.bus.requests == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        here.meters[1].faults.delay_s = 0
        assert (await here.devices[2].read()).present()["voltage_l1n"] == 222.0


async def test_device_tells_its_model_and_serial_number() -> None:
    models = {1: "schneider_iem3255", 2: "socomec_countis_e2x", 3: "diehl_sharky775"}
    served = SimulatedBus({unit: SimulatedDevice(load(model)) for unit, model in models.items()})
    async with served:
        bus = ModbusBus(TcpSettings(host=served.host, port=served.port))
        told = [await ModbusDevice("m", load(model), unit, bus).identify() for unit, model in models.items()]
        await bus.aclose()
    assert told == [{"model": "iEM3255"}, {"vendor": "SOCO", "model": "SIM"}, {"serial_number": 1}]


async def test_ratio_that_the_profile_needs_or_does_not_know() -> None:
    bus = ModbusBus(TcpSettings(host="127.0.0.1"))
    with pytest.raises(ConfigError) as caught:
        ModbusDevice("m", load("acrel_adl3000"), 1, bus, {"cc_ratio": 5.0})
    assert [problem.key for problem in caught.value.problems] == ["devices.m.ratios"] * 2
    assert "knows no ratio 'cc_ratio'" in str(caught.value)
    assert "needs the ratio 'ct_ratio'" in str(caught.value)
