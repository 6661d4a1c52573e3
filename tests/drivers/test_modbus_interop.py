"""Other implementations on either side: libmodbus (mbpoll) reads our simulator, our driver reads pymodbus."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from servers import need

from drivers.modbus.device import ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import load
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.image import Image
from drivers.simulate.server import SimulatedBus

NOON = 1_767_225_600.0


async def mbpoll(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "mbpoll", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(15):
        output, _ = await process.communicate()
    return output.decode()


@pytest.mark.server
@pytest.mark.parametrize("way", ["tcp", "serial"])
async def test_mbpoll_reads_our_simulator(way: str) -> None:
    need("mbpoll")
    meter = SimulatedDevice(load("eastron_sdm630"), clock=lambda: NOON)
    meter.put("voltage_l1n", 231.25)
    served = SimulatedBus({3: meter}, "tcp" if way == "tcp" else "rtu")
    if way == "tcp":
        await served.start()
        where = ["-m", "tcp", "-p", str(served.port), served.host]
    else:
        where = ["-m", "rtu", "-b", "9600", "-P", "none", await served.start_serial()]
    try:
        output = await mbpoll("-a", "3", "-t", "3:float", "-B", "-0", "-r", "0", "-c", "3", "-1", *where)
    finally:
        await served.aclose()
    values = [float(value) for value in re.findall(r"\[\d+\]:\s+([\d.]+)", output)]
    assert values == pytest.approx([231.25, *(meter.value(f"voltage_l{n}n") for n in (2, 3))], abs=1e-3), (
        output
    )


@pytest.mark.parametrize("framing", ["tcp", "rtu_over_tcp"])
async def test_driver_reads_pymodbus_server(framing: str) -> None:
    profile = load("eastron_sdm630")
    image = Image()
    for i, point in enumerate(profile.points):
        image.put(point, point.quantity.maximum if point.quantity.maximum < 2 else 1 + i, {})
    end = max(point.cells[0].end for point in profile.points)
    words = [image.word(4, address) for address in range(end)]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = SimData(0, values=words, datatype=DataType.REGISTERS)
    device = SimDevice(id=1, simdata=[data])
    framer = FramerType.SOCKET if framing == "tcp" else FramerType.RTU
    server = ModbusTcpServer(device, framer=framer, address=("127.0.0.1", port))
    serving = asyncio.create_task(server.serve_forever())
    kind = TcpSettings if framing == "tcp" else RtuOverTcpSettings
    bus = ModbusBus(kind(host="127.0.0.1", port=port))
    try:
        await _listening(port)
        meter = ModbusDevice("m", profile, 1, bus)
        values = (await meter.read()).present()
    finally:
        await bus.aclose()
        await server.shutdown()
        await asyncio.gather(serving, return_exceptions=True)
    for i, point in enumerate(profile.points):
        expected = point.quantity.maximum if point.quantity.maximum < 2 else 1 + i
        assert values[point.quantity.name] == pytest.approx(expected, rel=1e-5), point.quantity.name


async def _listening(port: int) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
