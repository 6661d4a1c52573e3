"""A second implementation on the other side of the line: pymodbus as ASCII client and server."""

import asyncio
import contextlib

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.frames.modbus_line import ModbusLine, SimulatedLine
from drivers.frames.serve import tcp_server
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings

WORDS = [0x2EA1, 0x1215, 1000, 1000, 65535]
DATA = b"".join(word.to_bytes(2, "big") for word in WORDS)


async def test_pymodbus_reads_our_simulated_line() -> None:
    line = SimulatedLine("ascii", {3: lambda block: DATA if block == Block(3, 46, 5) else 2})
    async with tcp_server(line.answer) as port:
        client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=FramerType.ASCII, timeout=2, retries=0)
        assert await client.connect()
        good = await client.read_holding_registers(46, count=5, device_id=3)
        refused = await client.read_holding_registers(0, count=5, device_id=3)
        client.close()
    assert good.registers == WORDS
    assert refused.exception_code == 2


async def test_we_read_a_pymodbus_ascii_server() -> None:
    device = SimDevice(3, simdata=[SimData(46, values=WORDS, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, framer=FramerType.ASCII, address=("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve_forever(), name="pymodbus server")
    async with asyncio.timeout(5):
        while server.transport is None:  # noqa: ASYNC110  # pymodbus tells nobody when it listens
            await asyncio.sleep(0)
    port = server.transport.sockets[0].getsockname()[1]
    bus = ModbusLine(RtuOverTcpSettings(host="127.0.0.1", port=port), "ascii")
    try:
        assert await bus.read(3, Block(3, 46, 5)) == DATA
    finally:
        await bus.aclose()
        await server.shutdown()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
