"""Modbus RTU and ASCII on a line of bytes: the same profile and driver, and other protocols beside."""

import asyncio
from typing import Any

import pytest

from drivers.cjt188 import frame as cjt188
from drivers.cjt188 import meter as cjt188_meter
from drivers.cjt188 import simulator as cjt188_simulator
from drivers.cjt188.device import Cjt188Device
from drivers.cjt188.values import decode_reading
from drivers.dlt645 import meter as dlt645_meter
from drivers.dlt645 import simulator as dlt645_simulator
from drivers.dlt645.device import Dlt645Device
from drivers.dlt645.simulator import points_from
from drivers.errors import DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.exchange import LineBus
from drivers.frames.line import SerialParameters, TcpLine
from drivers.frames.modbus_ascii import AsciiFrame, encode
from drivers.frames.modbus_line import ModbusLine, Mode, SimulatedLine
from drivers.frames.serve import pseudo_terminal, tcp_server
from drivers.modbus.device import ModbusDevice
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings
from drivers.profile import load
from drivers.simulate.device import SimulatedDevice

BLOCK = Block(3, 46, 5)
DATA = bytes.fromhex("2EA1121503E803E803E8")


def over_tcp(port: int, timeout_s: float = 1.0, mode: Mode = "ascii") -> ModbusLine:
    return ModbusLine(RtuOverTcpSettings(host="127.0.0.1", port=port, timeout_s=timeout_s), mode)


@pytest.mark.parametrize("start", [":", ">"])
async def test_a_block_over_tcp(start: str) -> None:
    line = SimulatedLine("ascii", {1: lambda block: DATA if block == BLOCK else 2}, start)
    async with tcp_server(line.answer) as port:
        bus = over_tcp(port)
        assert await bus.read(1, BLOCK, "m1") == DATA
        with pytest.raises(DeviceRefused, match=r"m1, unit 1.*exception 2") as refused:
            await bus.read(1, Block(3, 0, 5), "m1")
        await bus.aclose()
    assert refused.value.code == 2


@pytest.mark.parametrize("mode", ["rtu", "ascii"])
async def test_every_quantity_of_a_profile_over_a_pseudo_terminal(mode: Mode) -> None:
    simulated = SimulatedDevice(load("eastron_sdm120"), clock=lambda: 1e9)
    line = SimulatedLine(mode, {5: simulated.answer})
    async with pseudo_terminal(line.answer) as path:
        bus: Any = ModbusLine(SerialSettings(port=path, quiet_s=0), mode)
        device = ModbusDevice("m1", simulated.profile, 5, bus)
        sample = await device.read()
        await bus.aclose()
    expected = {name: pytest.approx(simulated.value(name), rel=1e-4, abs=1e-2) for name in sample.fields}
    assert sample.present() == expected


async def test_glitch_bytes_around_an_rtu_answer_do_no_harm() -> None:
    line = SimulatedLine("rtu", {1: lambda _: DATA})
    async with tcp_server(lambda data: b"\0" + line.answer(data) + b"\0") as port:
        bus = over_tcp(port, mode="rtu")
        assert [await bus.read(1, BLOCK) for _ in range(3)] == [DATA] * 3
        await bus.aclose()


async def test_three_protocols_share_one_line_and_the_port_is_switched_between_them() -> None:
    electricity = dlt645_simulator.SimulatedMeter("000000000161", points_from({"00010000": 88.25}))
    frame = cjt188.Frame(
        0x10, "78330011223344", 0x81, bytes.fromhex("901F00 230100002C 000000002C") + bytes(9)
    )
    water = cjt188_simulator.SimulatedMeter("78330011223344", decode_reading(frame))
    modbus = SimulatedLine("rtu", {1: lambda _: DATA})
    switched: list[SerialParameters] = []

    class Port(TcpLine):
        def configure(self, parameters: SerialParameters) -> None:
            switched.append(parameters)

    def answer(data: bytes) -> bytes:
        return electricity.answer(data) + water.answer(data) + modbus.answer(data)

    async with tcp_server(answer) as port:
        line = LineBus("shared", lambda: Port.open("127.0.0.1", port), 1.0, quiet_s=0)
        settings = SerialSettings(port="unused")
        fast = SerialParameters(9600, "N", 1)
        registers = ModbusLine(settings, "rtu", line, fast)
        meter = Dlt645Device("e1", dlt645_meter.load("dlt645_2007_single_phase"), "000000000161", line)
        flow = Cjt188Device("w1", cjt188_meter.load("cjt188_cold_water"), "78330011223344", line)
        async with asyncio.TaskGroup() as tasks:
            energy = tasks.create_task(meter.read(frozenset({"fast"})))
            words = tasks.create_task(registers.read(1, BLOCK))
            volume = tasks.create_task(flow.read())
        await line.aclose()
    assert energy.result().present() == {"active_energy_import_total": 88.25}
    assert words.result() == DATA
    assert volume.result().present() == {"water_volume": 1.23}
    assert set(switched) == {fast, SerialParameters(2400, "E", 1)}


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
    line = SimulatedLine("ascii", {1: lambda _: DATA})
    async with tcp_server(lambda data: data + line.answer(data)) as port:
        bus = over_tcp(port)
        assert await bus.read(1, BLOCK) == DATA
        await bus.aclose()


def test_a_write_is_refused_by_the_simulator() -> None:
    line = SimulatedLine("ascii", {1: lambda _: DATA})
    assert line.answer(encode(AsciiFrame(1, b"\x06\x00\x01\x00\x02"))) == encode(AsciiFrame(1, b"\x86\x01"))
    assert line.answer(encode(AsciiFrame(1, b"\x03\x00\x01"))) == encode(AsciiFrame(1, b"\x83\x03"))
