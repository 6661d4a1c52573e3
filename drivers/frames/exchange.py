"""One request and its answer, without I/O (`Exchange`), and the bus that carries it (`LineBus`)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from drivers.errors import DeviceError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.line import Line, SerialParameters
from drivers.frames.quiet import QuietTimes

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
_SILENT_BEFORE_RECONNECT = 3


class DeviceSilent(DeviceUnreachable):
    """The line is there, the device says nothing, or nothing but that it is busy."""


class Exchange(Protocol[Result_co]):
    """A request, what to do with the bytes that come back, and what came of it."""

    def start(self) -> bytes:
        """The bytes to send first."""

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the line; the bytes to send next, or none. Raises DeviceRefused, FrameError."""

    def silence(self) -> bytes:
        """The line has fallen silent: a last look at what came. As `feed`."""

    @property
    def result(self) -> Result_co | None:
        """What was asked for, as soon as it is complete."""

    @property
    def heard(self) -> str:
        """What else came, in words, if anything did: other meters, echoes, noise."""


class LineBus:
    """One line, shared by the devices on it. One exchange at a time; a lock sees to it.

    timeout_s: until the answer, and again after each further request of an exchange.
    quiet_s: silence before each request. parameters: speed and parity that the line is opened with;
    exchanges that name none use these. busy_seconds: time the line was taken. quiet: pauses that devices
    turned out to need.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Awaitable[Line]],
        timeout_s: float = 2.0,
        quiet_s: float = 0.05,
        parameters: SerialParameters | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.busy_seconds = 0.0
        self.requests = 0
        self.timeouts = 0
        self.discarded_bytes = 0
        self.quiet = QuietTimes()
        self._connect = connect
        self._quiet_s = quiet_s
        self._own_parameters = parameters
        self._clock = clock
        self._lock = asyncio.Lock()
        self._line: Line | None = None
        self._parameters: SerialParameters | None = None
        self._ended_at = float("-inf")
        self._try_again_at = float("-inf")
        self._backoff_s = _FIRST_BACKOFF_S
        self._silent = 0

    async def run(
        self,
        exchange: Exchange[Result],
        device: str,
        parameters: SerialParameters | None = None,
        *,
        address: int | str = "",
        quiet_s: float = 0.0,
    ) -> Result:
        """Carry an exchange out. device: its name, for messages. parameters: the device's speed and parity.

        address: whose pauses are learnt. quiet_s: silence that the device wants before a request.
        Raises DeviceUnreachable, DeviceRefused or FrameError, each naming bus and device.
        """
        async with self._lock:
            started = self._clock()
            try:
                quiet_s = max(quiet_s, self._quiet_s, self.quiet.before(address))
                result = await self._run(exchange, parameters, quiet_s)
                self.quiet.answered(address)
                return result
            except DeviceRefused as error:
                raise DeviceRefused(f"{device} ({self.name}): {error}", error.code) from None
            except DeviceError as error:
                if isinstance(error, FrameError):
                    self.quiet.garbled(address)
                raise type(error)(f"{device} ({self.name}): {error}") from None
            finally:
                self.busy_seconds += self._clock() - started

    async def aclose(self) -> None:
        """Close the line; a later exchange opens it again."""
        async with self._lock:
            await self._close()

    async def _run(
        self, exchange: Exchange[Result], parameters: SerialParameters | None, quiet_s: float
    ) -> Result:
        line = await self._open()
        wanted = parameters or self._own_parameters
        if wanted is not None and wanted != self._parameters:
            line.configure(wanted)
            self._parameters = wanted
        await asyncio.sleep(max(0.0, self._ended_at + quiet_s - self._clock()))
        self.discarded_bytes += line.discard()
        self.requests += 1
        try:
            return await self._exchange(exchange, line)
        except DeviceSilent:
            raise
        except DeviceUnreachable:
            await self._close()
            raise
        finally:
            self._ended_at = self._clock()

    async def _exchange(self, exchange: Exchange[Result], line: Line) -> Result:
        send = exchange.start()
        deadline = self._clock()
        while True:
            if send:
                await line.write(send)
                deadline = self._clock() + self.timeout_s
            left_s = deadline - self._clock()
            try:
                send = exchange.feed(await line.read(left_s)) if left_s > 0 else exchange.silence()
            except TimeoutError:
                send = exchange.silence()
            if exchange.result is not None:
                self._silent = 0
                return exchange.result
            if not send and self._clock() >= deadline:
                await self._close_if_dead()
                raise self._gave_up(exchange)

    def _gave_up(self, exchange: Exchange[Result]) -> DeviceError:
        if exchange.heard:
            return FrameError(f"no usable answer within {self.timeout_s:g} s: {exchange.heard}")
        return DeviceSilent(f"no answer within {self.timeout_s:g} s")

    async def _close_if_dead(self) -> None:
        self.timeouts += 1
        self._silent += 1
        if self._silent >= _SILENT_BEFORE_RECONNECT:
            self._silent = 0
            await self._close()

    async def _open(self) -> Line:
        if self._line is not None:
            return self._line
        wait = self._try_again_at - self._clock()
        if wait > 0:
            raise DeviceUnreachable(f"not connected; next attempt in {wait:.1f} s")
        try:
            self._line = await self._connect()
        except DeviceUnreachable:
            self._try_again_at = self._clock() + self._backoff_s
            self._backoff_s = min(2 * self._backoff_s, _LONGEST_BACKOFF_S)
            raise
        self._backoff_s = _FIRST_BACKOFF_S
        self._parameters = self._own_parameters
        return self._line

    async def _close(self) -> None:
        if self._line is not None:
            line, self._line = self._line, None
            await line.aclose()
