"""Simulated devices behind a socket or a serial port: Modbus TCP, RTU over TCP, RTU on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import logging
import os
import tty
from collections.abc import Mapping
from struct import Struct
from types import TracebackType
from typing import Literal, Self, cast

from drivers.modbus.exchange import checksum
from drivers.modbus.registers import Block
from drivers.simulate.device import SimulatedDevice

logger = logging.getLogger(__name__)

_MBAP = Struct(">HHHB")
_REQUEST = Struct(">BHH")
_BITS_PER_BYTE = 11
_MOST_WORDS = 125
_MOST_BITS = 2000
ILLEGAL_FUNCTION = 1
ILLEGAL_VALUE = 3


class SimulatedBus:
    """Devices by unit id behind one endpoint. Use as `async with`.

    framing: "tcp" (MBAP) or "rtu". baud: if given, RTU answers take the time they would on such a line.
    host, port: bound address after start; path: the pseudo-terminal's device after `start_serial`.
    """

    def __init__(
        self,
        devices: Mapping[int, SimulatedDevice],
        framing: Literal["tcp", "rtu"] = "tcp",
        host: str = "127.0.0.1",
        port: int = 0,
        baud: int = 0,
    ) -> None:
        self.devices = dict(devices)
        self.host = host
        self.port = port
        self.path = ""
        self.connections = 0
        self._framing = framing
        self._baud = baud
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._pty: tuple[int, int] | None = None

    async def start(self) -> None:
        """Listen on host and port; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def start_serial(self) -> str:
        """Serve RTU on a new pseudo-terminal and return the path a client opens."""
        master, slave = os.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        self._pty = (master, slave)
        self.path = os.ttyname(slave)
        self._framing = "rtu"
        os.set_blocking(master, False)
        connection = _Connection(self, master)
        asyncio.get_running_loop().add_reader(master, connection.readable)
        return self.path

    async def aclose(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        self.drop_connections()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        if self._pty is not None:
            asyncio.get_running_loop().remove_reader(self._pty[0])
            for descriptor in self._pty:
                os.close(descriptor)
            self._pty = None

    def drop_connections(self) -> None:
        """Break every connection, as a gateway that restarts."""
        for connection in list(self._open):
            connection.abort()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def reply(self, unit_id: int, pdu: bytes) -> bytes | None:
        """Answer PDU for a request PDU; None if nobody answers."""
        device = self.devices.get(unit_id)
        if device is None or device.faults.dead or len(pdu) < 1:
            return None
        function = pdu[0]
        if function not in (1, 2, 3, 4) or len(pdu) != _REQUEST.size:
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        _, address, count = _REQUEST.unpack(pdu)
        limit = _MOST_WORDS if function in (3, 4) else _MOST_BITS
        if not 1 <= count <= limit or address + count > 65536:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        answer = device.answer(Block(function, address, count))
        if isinstance(answer, int):
            return bytes((function | 0x80, answer))
        return bytes((function, len(answer))) + answer

    def wait_s(self, unit_id: int, size: int) -> float:
        """How long an answer of `size` bytes takes, with this device's faults."""
        faults = self.devices[unit_id].faults
        line = (size + 8) * _BITS_PER_BYTE / self._baud if self._baud else 0.0
        if faults.late > 0:
            faults.late -= 1
            return line + faults.late_by_s
        return line + faults.delay_s

    def garbled(self, unit_id: int, frame: bytes) -> bytes:
        """The frame, one byte of it wrong if the device's faults say so."""
        faults = self.devices[unit_id].faults
        if faults.garble <= 0:
            return frame
        faults.garble -= 1
        return frame[:-1] + bytes((frame[-1] ^ 0xFF,))


class _Connection(asyncio.Protocol):
    """One client. Works on a socket, or on the file descriptor of a pseudo-terminal."""

    def __init__(self, bus: SimulatedBus, descriptor: int | None = None) -> None:
        self._bus = bus
        self._descriptor = descriptor
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by type
        self._bus._open.add(self)
        self._bus.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._bus._open.discard(self)
        self._transport = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def readable(self) -> None:
        assert self._descriptor is not None
        try:
            data = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        except OSError:  # the other side has closed its end
            return
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._bus._framing == "tcp":
            self._tcp()
        else:
            self._rtu()

    def _tcp(self) -> None:
        while len(self._buffer) >= 8:
            transaction, _, length, unit_id = _MBAP.unpack_from(self._buffer)
            end = 6 + length
            if len(self._buffer) < end:
                return
            pdu, self._buffer = self._buffer[7:end], self._buffer[end:]
            answer = self._bus.reply(unit_id, pdu)
            if answer is not None:
                self._send(unit_id, _MBAP.pack(transaction, 0, len(answer) + 1, unit_id) + answer)

    def _rtu(self) -> None:
        while len(self._buffer) >= 8:
            frame = self._buffer[:8]
            if checksum(frame[:6]) != frame[6:]:
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[8:]
            answer = self._bus.reply(frame[0], frame[1:6])
            if answer is not None:
                body = frame[:1] + answer
                self._send(frame[0], body + checksum(body))

    def _send(self, unit_id: int, frame: bytes) -> None:
        wait = self._bus.wait_s(unit_id, len(frame))
        frame = self._bus.garbled(unit_id, frame)
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._write, frame)
        else:
            self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self._descriptor is not None:
            os.write(self._descriptor, frame)
        elif self._transport is not None:
            self._transport.write(frame)
