"""The one file that knows pymodbus: a connection that moves bytes, and one request at a time on it.

pymodbus's asyncio clients open sockets and serial ports and notice losses. Framing is ours
(`drivers.modbus.exchange`): it passes raw register bytes on, and it can tell a late answer from a new one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.transaction import TransactionManager

from drivers.errors import DeviceError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.quiet import QuietTimes
from drivers.modbus.exchange import EXCEPTIONS, TRANSIENT, Answer, RtuCodec, TcpCodec, explain
from drivers.modbus.plan import Cost
from drivers.modbus.registers import Block
from drivers.modbus.settings import (
    RtuOverTcpSettings,
    SerialSettings,
    TcpSettings,
    describe,
)

logger = logging.getLogger(__name__)

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what it warns of is raised or counted here

_CONNECT_S = 3.0
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_SILENT_REQUESTS_BEFORE_RECONNECT = 3
_LINE_SETTLES_S = 0.02
_LATEST_TIMEOUTS = 2  # an answer later than so many further time-outs is not expected any more


class _Link(TransactionManager):
    """pymodbus's connection with our hands on the bytes instead of its own transactions."""

    on_data: Callable[[bytes], int]
    on_lost: Callable[[Exception | None], None]

    def data_received(self, data: bytes) -> None:
        received = self.recv_buffer + data if self.recv_buffer else data
        self.recv_buffer = received[self.on_data(received) :]

    def callback_disconnected(self, exc: Exception | None) -> None:
        self.on_lost(exc)


class ModbusBus:
    """One connection, shared by all devices behind it. One request at a time; a lock sees to it.

    busy_seconds: time the bus was taken, quiet times included. requests, timeouts, late: counts;
    `late` are answers to requests that had been given up, recognised and dropped.
    quiet: pauses that units behind RTU turned out to need.
    """

    def __init__(
        self,
        settings: TcpSettings | RtuOverTcpSettings | SerialSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.name = describe(settings)
        self.busy_seconds = 0.0
        self.requests = 0
        self.timeouts = 0
        self.late = 0
        self.cost = _cost(settings)
        self.quiet = QuietTimes()
        self._tcp = isinstance(settings, TcpSettings)
        self._codec: TcpCodec | RtuCodec = TcpCodec() if self._tcp else RtuCodec()
        self._clock = clock
        self._lock = asyncio.Lock()
        self._link: _Link | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._received = b""
        self._last_byte_at = float("-inf")
        self._try_again_at = float("-inf")
        self._backoff_s = _FIRST_BACKOFF_S
        self._silent = 0
        self._unanswered: dict[int, tuple[Block, float]] = {}  # unit -> request given up, until when

    @property
    def connected(self) -> bool:
        link = self._link
        return link is not None and link.is_active() and not link.transport.is_closing()

    async def connect(self) -> None:
        """Open the connection. Raises DeviceUnreachable; reads open it by themselves, too."""
        async with self._lock:
            await self._connect()

    async def aclose(self) -> None:
        """Close the connection. A later read opens it again."""
        async with self._lock:
            self._close()

    async def read(self, unit_id: int, block: Block, device: str = "", quiet_s: float = 0.0) -> bytes:
        """The data bytes of one answer.

        device: its id, for messages. quiet_s: silence the device wants before a request.
        Raises DeviceUnreachable, DeviceRefused with its code, or FrameError.
        """
        async with self._lock:
            started = self._clock()
            try:
                return await self._read(unit_id, block, device, max(quiet_s, self.settings.quiet_s))
            finally:
                now = self._clock()
                self.busy_seconds += now - started

    async def _read(self, unit_id: int, block: Block, device: str, quiet_s: float) -> bytes:
        for attempt in range(self.settings.retries + 1):
            try:
                if not self.connected:
                    await self._connect()
                pause_s = max(quiet_s, self.quiet.before(unit_id))
                if pause_s or unit_id in self._unanswered:
                    await self._wait_for_silence(unit_id, block, pause_s)
                answer = await self._exchange(unit_id, block)
            except (FrameError, _Lost) as error:
                if self._tcp:
                    self._close()
                elif isinstance(error, FrameError):
                    self.quiet.garbled(unit_id)
                if attempt == self.settings.retries:
                    raise _named(error, self.name, unit_id, block, device) from None
            except DeviceError as error:
                raise _named(error, self.name, unit_id, block, device) from None
            else:
                self.quiet.answered(unit_id)
                if not answer.exception:
                    return answer.data
                raise _named(_refusal(answer.exception), self.name, unit_id, block, device)
        raise AssertionError("the loop returns or raises")

    async def _exchange(self, unit_id: int, block: Block) -> Answer:
        assert self._link is not None
        loop = asyncio.get_running_loop()
        self.requests += 1
        self._received = b""
        self._answer = answer = loop.create_future()
        timeout = loop.call_later(self.settings.timeout_s, self._expire, answer)
        try:
            try:
                self._link.send(self._codec.request(unit_id, block))
            except (OSError, RuntimeError) as error:  # uvloop: the transport was closed under us
                raise _Lost(f"the connection broke: {error}") from None
            result: Answer = await answer
        except asyncio.CancelledError:
            self._expect_late(unit_id, block)
            raise
        except _Silence:
            self._gave_up(unit_id, block)
            if self._received:
                raise FrameError(explain(self._received, unit_id, block)) from None
            raise DeviceUnreachable(f"no answer within {self.settings.timeout_s:g} s") from None
        finally:
            timeout.cancel()
            self._answer = None
        self._silent = 0
        return result

    def _gave_up(self, unit_id: int, block: Block) -> None:
        self.timeouts += 1
        self._silent += 1
        self._expect_late(unit_id, block)
        if self._tcp and self._silent >= _SILENT_REQUESTS_BEFORE_RECONNECT:
            logger.info("%s: %d requests without an answer, reconnecting", self.name, self._silent)
            self._silent = 0
            self._close()

    def _expect_late(self, unit_id: int, block: Block) -> None:
        if not self._tcp:
            self._unanswered[unit_id] = (block, self._clock() + _LATEST_TIMEOUTS * self.settings.timeout_s)

    async def _wait_for_silence(self, unit_id: int, block: Block, quiet_s: float) -> None:
        """Let the line rest; and let a late answer pass that could be taken for the new one.

        RTU frames carry no transaction number: a late answer of the same unit and length to a request
        for other registers cannot be told from the new one. A repeated request may get the late answer.
        """
        given_up = self._unanswered.pop(unit_id, None)
        until = self._last_byte_at + quiet_s
        if given_up is not None:
            before, late_until = given_up
            if before != block and (before.function, before.count) == (block.function, block.count):
                until = max(until, late_until)
            else:
                until = max(until, self._last_byte_at + _LINE_SETTLES_S)
        while (wait := until - self._clock()) > 0:
            await asyncio.sleep(wait)
            until = max(until, self._last_byte_at + quiet_s)

    def _on_data(self, data: bytes) -> int:
        self._last_byte_at = self._clock()
        answer = self._answer
        if answer is None or answer.done():
            self.late += 1
            return len(data)
        try:
            used, result = self._codec.feed(data)
        except FrameError as error:
            answer.set_exception(error)
            return len(data)
        if self._tcp and isinstance(self._codec, TcpCodec) and self._codec.stale:
            self.late += self._codec.stale
            self._codec.stale = 0
        if result is not None:
            answer.set_result(result)
        self._received = data[used:]
        return used

    def _on_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(_Lost(f"the connection broke: {error or 'closed by the other side'}"))

    def _expire(self, answer: asyncio.Future[Answer]) -> None:
        if not answer.done():
            answer.set_exception(_Silence())

    async def _connect(self) -> None:
        if self.connected:
            return
        wait = self._try_again_at - self._clock()
        if wait > 0:
            raise DeviceUnreachable(f"not connected; next attempt in {wait:.1f} s")
        self._close()
        link = _open(self.settings)
        link.on_data, link.on_lost = self._on_data, self._on_lost
        try:
            connected = await link.connect()
        except (OSError, ValueError) as error:  # pyserial: no such port, or a setting it cannot do
            connected, reason = False, str(error)
        else:
            reason = "the connection was refused or not answered"
        if not connected:
            self._try_again_at = self._clock() + self._backoff_s
            self._backoff_s = min(2 * self._backoff_s, _LONGEST_BACKOFF_S)
            raise DeviceUnreachable(reason)
        self._link = link
        self._silent = 0
        self._unanswered.clear()
        self._backoff_s = _FIRST_BACKOFF_S

    def _close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


class _Silence(Exception):
    """The time is over."""


class _Lost(DeviceUnreachable):
    """The connection broke under a request."""


def _open(settings: TcpSettings | RtuOverTcpSettings | SerialSettings) -> _Link:
    client: AsyncModbusSerialClient | AsyncModbusTcpClient
    framer: FramerRTU | FramerSocket
    if isinstance(settings, SerialSettings):
        framer = FramerRTU(DecodePDU(False))
        client = AsyncModbusSerialClient(
            settings.port,
            baudrate=settings.baud,
            parity=settings.parity,
            stopbits=settings.stop_bits,
            timeout=max(settings.timeout_s, _CONNECT_S),
            reconnect_delay=0,
            retries=0,
        )
    else:
        framer = FramerSocket(DecodePDU(False))
        client = AsyncModbusTcpClient(
            settings.host,
            port=settings.port,
            framer=FramerType.SOCKET,
            timeout=max(settings.timeout_s, _CONNECT_S),
            reconnect_delay=0,
            retries=0,
        )
    return _Link(client.comm_params, framer, 0, False, None, None, None)


def _cost(settings: TcpSettings | RtuOverTcpSettings | SerialSettings) -> Cost:
    if isinstance(settings, TcpSettings):
        return Cost.tcp()
    return Cost.rtu(settings.baud, settings.quiet_s)


def _refusal(code: int) -> DeviceError:
    text = f"exception {code}, {EXCEPTIONS.get(code, 'unknown code')}"
    return DeviceUnreachable(text) if code in TRANSIENT else DeviceRefused(text, code)


def _named(error: DeviceError, bus: str, unit_id: int, block: Block, device: str) -> DeviceError:
    """The same error with device, bus, unit and registers in words."""
    last = block.address + block.count - 1
    place = f"registers {block.address}" if last == block.address else f"registers {block.address} to {last}"
    text = f"{device or 'device'} ({bus}, unit {unit_id}, function {block.function}, {place}): {error}"
    if isinstance(error, DeviceRefused):
        return DeviceRefused(text, error.code)
    return FrameError(text) if isinstance(error, FrameError) else DeviceUnreachable(text)
