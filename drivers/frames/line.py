"""A line that carries bytes both ways: a serial port, or a transparent serial server over TCP.

It knows no protocol. Opening, timeouts and losses come out as DeviceUnreachable.
"""

from __future__ import annotations

import asyncio
import os
import termios
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import serial

from drivers.errors import DeviceUnreachable

Parity = Literal["N", "E", "O"]
_CHUNK = 4096
_MAX_HELD = 65_536


@dataclass(frozen=True, slots=True)
class SerialParameters:
    """How bytes are sent on a wire. The default is that of DL/T 645 and CJ/T 188: 2400 baud 8E1."""

    baud: int = 2400
    parity: Parity = "E"
    stop_bits: Literal[1, 2] = 1

    def __str__(self) -> str:
        return f"{self.baud} baud 8{self.parity}{self.stop_bits}"


class Line(Protocol):
    """An open line. Not for two users at once: see `drivers.frames.exchange.LineBus`."""

    async def write(self, data: bytes) -> None:
        """Send. Raises DeviceUnreachable if the line broke."""

    async def read(self, timeout_s: float) -> bytes:
        """At least one byte. Raises TimeoutError if none came, DeviceUnreachable if the line broke."""

    def discard(self) -> int:
        """Forget what has come and was not read; the number of bytes."""

    def configure(self, parameters: SerialParameters) -> None:
        """Change speed and parity; without effect behind a serial server, which has its own setting."""

    async def aclose(self) -> None:
        """Close the line."""


class _Inbox:
    """Bytes that came and were not read yet, and whether more can come."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._changed = asyncio.Event()
        self.lost = ""

    def put(self, data: bytes) -> None:
        """Keep what came; what nobody reads is bounded."""
        if len(self._held) < _MAX_HELD:
            self._held += data
        self._changed.set()

    def lose(self, why: str) -> None:
        """Nothing more will come."""
        self.lost = self.lost or why
        self._changed.set()

    async def take(self, timeout_s: float) -> bytes:
        """What came, at least one byte. Raises TimeoutError, or DeviceUnreachable if the line is lost."""
        if not self._held and not self.lost:
            self._changed.clear()
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        if not self._held:
            raise DeviceUnreachable(self.lost)
        data = bytes(self._held)
        self._held.clear()
        return data

    def discard(self) -> int:
        """Forget what came; the number of bytes."""
        count = len(self._held)
        self._held.clear()
        return count


class TcpLine(asyncio.Protocol):
    """A transparent serial server: the connection is the wire, its packets mean nothing."""

    def __init__(self) -> None:
        self._inbox = _Inbox()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int, timeout_s: float = 5.0) -> TcpLine:
        """Connect. Raises DeviceUnreachable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                _, line = await loop.create_connection(cls, host, port)
        except (OSError, TimeoutError) as error:
            raise DeviceUnreachable(f"{host}:{port}: {error or 'no connection in time'}") from None
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._inbox.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._inbox.lose(f"the connection broke: {exc or 'closed by the serial server'}")

    async def write(self, data: bytes) -> None:
        """See `Line`."""
        if self._inbox.lost or self._transport is None:
            raise DeviceUnreachable(self._inbox.lost)
        self._transport.write(data)

    async def read(self, timeout_s: float) -> bytes:
        """See `Line`."""
        return await self._inbox.take(timeout_s)

    def discard(self) -> int:
        """See `Line`."""
        return self._inbox.discard()

    def configure(self, parameters: SerialParameters) -> None:
        """See `Line`."""

    async def aclose(self) -> None:
        """See `Line`."""
        if self._transport is not None:
            self._transport.abort()


class SerialLine:
    """A serial port of this machine, or a pseudo-terminal."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._inbox = _Inbox()
        asyncio.get_running_loop().add_reader(port.fileno(), self._receive)

    @classmethod
    def open(cls, port: str, parameters: SerialParameters) -> SerialLine:
        """Open a port. Raises DeviceUnreachable if it is not there or another program has it."""
        try:
            opened = serial.Serial(
                port,
                parameters.baud,
                parity=_parity(port, parameters),
                stopbits=parameters.stop_bits,
                timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError, termios.error) as error:
            raise DeviceUnreachable(f"{port} at {parameters}: {error}") from None
        return cls(opened)

    async def write(self, data: bytes) -> None:
        """See `Line`."""
        if not self._inbox.lost:
            try:
                self._port.write(data)
            except OSError as error:
                self._lose(str(error))
        if self._inbox.lost:
            raise DeviceUnreachable(self._inbox.lost)

    async def read(self, timeout_s: float) -> bytes:
        """See `Line`."""
        return await self._inbox.take(timeout_s)

    def discard(self) -> int:
        """See `Line`."""
        self._receive(ready=False)
        return self._inbox.discard()

    def configure(self, parameters: SerialParameters) -> None:
        """See `Line`. Raises DeviceUnreachable if the port cannot do it."""
        try:
            self._port.apply_settings(
                {
                    "baudrate": parameters.baud,
                    "parity": _parity(self._port.port, parameters),
                    "stopbits": parameters.stop_bits,
                }
            )
        except (OSError, ValueError, termios.error) as error:
            raise DeviceUnreachable(f"{self._port.name} at {parameters}: {error}") from None

    async def aclose(self) -> None:
        """See `Line`."""
        self._stop()
        self._port.close()

    def _receive(self, ready: bool = True) -> None:
        if self._inbox.lost:
            return
        try:
            data = os.read(self._port.fileno(), _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(str(error))
            return
        if data:
            self._inbox.put(data)
        elif ready:  # readable and yet nothing: the adapter was pulled out
            self._lose("the port is gone")

    def _lose(self, why: str) -> None:
        self._stop()
        self._inbox.lose(f"the port broke: {why}")

    def _stop(self) -> None:
        if self._port.is_open:
            asyncio.get_running_loop().remove_reader(self._port.fileno())


def _parity(port: str, parameters: SerialParameters) -> Parity:
    return "N" if port.startswith("/dev/pts/") else parameters.parity  # a pseudo-terminal has none
