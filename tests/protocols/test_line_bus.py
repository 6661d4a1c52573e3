"""The bus itself, on a line that is played and a clock that is passed in."""

import asyncio
from collections.abc import Callable

import pytest

from drivers.dlt645.frame import Frame, encode
from drivers.dlt645.session import ReadExchange
from drivers.errors import DeviceUnreachable, FrameError
from drivers.frames.exchange import LineBus
from drivers.frames.line import SerialParameters

ADDRESS = "000000000161"
ANSWER = encode(Frame(ADDRESS, 0x91, bytes.fromhex("0000010026000000")))
OWN, METER = SerialParameters(9600, "N", 1), SerialParameters(2400, "E", 1)


class Played:
    """A line whose reads come from a function; each takes 0.1 s of the played clock."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self.now = 0.0
        self.opened = self.closed = 0
        self.configured: list[SerialParameters] = []
        self._read = read

    async def connect(self) -> "Played":
        self.opened += 1
        return self

    async def write(self, data: bytes) -> None: ...

    async def read(self, timeout_s: float) -> bytes:
        self.now += 0.1
        return self._read()

    def discard(self) -> int:
        return 3

    def configure(self, parameters: SerialParameters) -> None:
        self.configured.append(parameters)

    async def aclose(self) -> None:
        self.closed += 1


def silent() -> bytes:
    raise TimeoutError


def lost() -> bytes:
    raise DeviceUnreachable("the port is gone")


def bus_on(line: Played, parameters: SerialParameters | None = None) -> LineBus:
    return LineBus("played", line.connect, 1.0, 0.0, parameters, clock=lambda: line.now)


def question() -> ReadExchange:
    return ReadExchange(ADDRESS, "00010000", "2007")


async def test_a_line_that_never_falls_silent_ends_at_the_deadline() -> None:
    line = Played(lambda: b"\x55" * 50)
    with pytest.raises(FrameError, match="bytes that are no frame"):
        await bus_on(line).run(question(), "m1")
    assert line.now == pytest.approx(1.0, abs=0.11)


async def test_a_device_of_another_speed_switches_the_line_there_and_back() -> None:
    line = Played(lambda: ANSWER)
    bus = bus_on(line, OWN)
    for parameters in (None, METER, METER, None):
        await bus.run(question(), "m1", parameters)
    assert line.configured == [METER, OWN]


async def test_bytes_that_came_unasked_are_discarded_and_counted() -> None:
    bus = bus_on(Played(lambda: ANSWER))
    await bus.run(question(), "m1")
    assert (bus.discarded_bytes, bus.requests) == (3, 1)
    assert bus.busy_seconds == pytest.approx(0.1)


async def test_three_silences_open_the_line_anew() -> None:
    def advance() -> bytes:
        line.now += 1.0
        return silent()

    line = Played(advance)
    bus = bus_on(line)
    for _ in range(4):
        with pytest.raises(DeviceUnreachable, match="no answer within 1 s"):
            await bus.run(question(), "m1")
    assert (bus.timeouts, line.opened, line.closed) == (4, 2, 1)


async def test_a_line_that_breaks_is_closed_and_the_error_names_bus_and_device() -> None:
    line = Played(lost)
    with pytest.raises(DeviceUnreachable, match=r"m1 \(played\): the port is gone"):
        await bus_on(line).run(question(), "m1")
    assert line.closed == 1


async def test_a_line_that_does_not_open_is_tried_ever_more_slowly() -> None:
    attempts = 0
    line = Played(silent)

    async def refuse() -> Played:
        nonlocal attempts
        attempts += 1
        raise DeviceUnreachable("no such port")

    bus = LineBus("played", refuse, 1.0, 0.0, clock=lambda: line.now)
    for line.now in (0.0, 0.1, 0.5, 0.6, 1.4, 1.5):
        with pytest.raises(DeviceUnreachable):
            await bus.run(question(), "m1")
    assert attempts == 3


async def test_a_cancelled_exchange_leaves_the_bus_usable() -> None:
    waiting = asyncio.Event()

    class Stuck(Played):
        async def read(self, timeout_s: float) -> bytes:
            if not waiting.is_set():
                waiting.set()
                await asyncio.Event().wait()
            return ANSWER

    bus = bus_on(Stuck(silent))
    task = asyncio.create_task(bus.run(question(), "m1"))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await bus.run(question(), "m1") == bytes.fromhex("26000000")
