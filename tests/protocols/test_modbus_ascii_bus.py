"""A Modbus device read over ASCII: the same profile, the same driver, another bus."""

from typing import Any

import pytest

from drivers.errors import DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.modbus_ascii import AsciiFrame, encode
from drivers.frames.modbus_ascii_bus import AsciiBus, SimulatedAsciiBus
from drivers.frames.serve import pseudo_terminal, tcp_server
from drivers.modbus.device import ModbusDevice
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings
from drivers.profile import load
from drivers.simulate.device import SimulatedDevice

BLOCK = Block(3, 46, 5)
DATA = bytes.fromhex("2EA1121503E803E803E8")


def over_tcp(port: int, timeout_s: float = 1.0) -> AsciiBus:
    return AsciiBus(RtuOverTcpSettings(host="127.0.0.1", port=port, timeout_s=timeout_s))


@pytest.mark.parametrize("start", [":", ">"])
async def test_a_block_over_tcp(start: str) -> None:
    line = SimulatedAsciiBus({1: lambda block: DATA if block == BLOCK else 2}, start)
    async with tcp_server(line.answer) as port:
        bus = over_tcp(port)
        assert await bus.read(1, BLOCK, "m1") == DATA
        with pytest.raises(DeviceRefused, match=r"m1, unit 1.*exception 2") as refused:
            await bus.read(1, Block(3, 0, 5), "m1")
        await bus.aclose()
    assert refused.value.code == 2


async def test_every_quantity_of_a_profile_over_a_pseudo_terminal() -> None:
    simulated = SimulatedDevice(load("eastron_sdm120"), clock=lambda: 1e9)
    line = SimulatedAsciiBus({5: simulated.answer})
    async with pseudo_terminal(line.answer) as path:
        bus: Any = AsciiBus(SerialSettings(port=path, quiet_s=0))
        device = ModbusDevice("m1", simulated.profile, 5, bus)
        sample = await device.read()
        await bus.aclose()
    expected = {name: pytest.approx(simulated.value(name), rel=1e-4, abs=1e-2) for name in sample.fields}
    assert sample.present() == expected


async def test_silence_noise_and_a_foreign_answer_are_told_apart() -> None:
    async with tcp_server(lambda _: b"") as port:
        with pytest.raises(DeviceUnreachable, match="no answer"):
            await over_tcp(port, 0.03).read(1, BLOCK)
    async with tcp_server(lambda _: b":0103ZZ\r\n") as port:
        with pytest.raises(FrameError, match="that are no frame"):
            await over_tcp(port, 0.03).read(1, BLOCK)
    async with tcp_server(lambda _: encode(AsciiFrame(2, b"\x03\x02\x00\x01"))) as port:
        with pytest.raises(FrameError, match="1 answers to other questions"):
            await over_tcp(port, 0.03).read(1, BLOCK)


async def test_an_echo_is_no_answer() -> None:
    line = SimulatedAsciiBus({1: lambda _: DATA})
    async with tcp_server(lambda data: data + line.answer(data)) as port:
        bus = over_tcp(port)
        assert await bus.read(1, BLOCK) == DATA
        await bus.aclose()


def test_a_write_is_refused_by_the_simulator() -> None:
    line = SimulatedAsciiBus({1: lambda _: DATA})
    assert line.answer(encode(AsciiFrame(1, b"\x06\x00\x01\x00\x02"))) == encode(AsciiFrame(1, b"\x86\x01"))
    assert line.answer(encode(AsciiFrame(1, b"\x03\x00\x01"))) == encode(AsciiFrame(1, b"\x83\x03"))
