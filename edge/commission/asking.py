"""Questions to one line or host, asked gently: counted, remembered, and heard byte by byte."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.errors import DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.exchange import LineBus
from drivers.frames.line import Line, SerialLine, SerialParameters, TcpLine
from drivers.frames.quiet import QuietTimes
from drivers.modbus.device import Bus
from drivers.modbus.plan import Cost
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings, describe

ILLEGAL_FUNCTION = 1
_KEPT_BYTES = 256


class Tap:
    """A line that keeps what was read from it last. See `drivers.frames.line.Line`."""

    def __init__(self, line: Line, heard: bytearray) -> None:
        self._line = line
        self._heard = heard

    async def write(self, data: bytes) -> None:
        """See `Line`."""
        await self._line.write(data)

    async def read(self, timeout_s: float) -> bytes:
        """See `Line`."""
        data = await self._line.read(timeout_s)
        self._heard += data
        del self._heard[:-_KEPT_BYTES]
        return data

    def discard(self) -> int:
        """See `Line`."""
        return self._line.discard()

    def configure(self, parameters: SerialParameters) -> None:
        """See `Line`."""
        self._line.configure(parameters)

    async def aclose(self) -> None:
        """See `Line`."""
        await self._line.aclose()


def tapped_bus(settings: RtuOverTcpSettings | SerialSettings, heard: bytearray) -> LineBus:
    """A line bus whose received bytes also go to `heard`."""

    async def connect() -> Line:
        if isinstance(settings, SerialSettings):
            own = SerialParameters(settings.baud, settings.parity, settings.stop_bits)
            return Tap(SerialLine.open(settings.port, own), heard)
        return Tap(await TcpLine.open(settings.host, settings.port, max(1.0, settings.timeout_s)), heard)

    return LineBus(describe(settings), connect, settings.timeout_s, settings.quiet_s)


@dataclass
class Memory:
    """What one device has answered: words and refused addresses by function, functions it does not know."""

    words: dict[tuple[int, int], int] = field(default_factory=dict)
    refused: set[Block] = field(default_factory=set)
    functions_refused: set[int] = field(default_factory=set)


class RememberingBus:
    """One device behind a bus, asked for the same registers only once. A `drivers.modbus.device.Bus`.

    requests: that went out. until: monotonic time after which nothing new is asked: DeviceUnreachable.
    """

    def __init__(self, bus: Bus, until: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.memory = Memory()
        self.requests = 0
        self.until = until
        self._bus = bus
        self._clock = clock

    @property
    def settings(self) -> TcpSettings | RtuOverTcpSettings | SerialSettings:
        """Of the bus behind."""
        return self._bus.settings

    @property
    def cost(self) -> Cost:
        """Of the bus behind."""
        return self._bus.cost

    @property
    def quiet(self) -> QuietTimes:
        """Of the bus behind."""
        return self._bus.quiet

    @property
    def spent(self) -> bool:
        """Whether the time for this device is over."""
        return self._clock() >= self.until

    async def read(self, unit_id: int, block: Block, device: str = "", quiet_s: float = 0.0) -> bytes:
        """As `drivers.modbus.device.Bus.read`."""
        memory = self.memory
        if block.function in memory.functions_refused:
            raise DeviceRefused(f"function {block.function} is not known", ILLEGAL_FUNCTION)
        if any(_inside(refused, block) for refused in memory.refused):
            raise DeviceRefused("refused before", 2)
        places = [(block.function, block.address + i) for i in range(block.count)]
        if all(place in memory.words for place in places):
            return _data(block, [memory.words[place] for place in places])
        if self.spent:
            raise DeviceUnreachable("no more time for this device")
        self.requests += 1
        try:
            data = await self._bus.read(unit_id, block, device, quiet_s)
        except DeviceRefused as error:
            if error.code == ILLEGAL_FUNCTION:
                memory.functions_refused.add(block.function)
            memory.refused.add(block)
            raise
        memory.words.update(zip(places, _words(block, data), strict=True))
        return data

    def forget(self, block: Block) -> None:
        """Ask for these registers anew next time."""
        for i in range(block.count):
            self.memory.words.pop((block.function, block.address + i), None)


async def answers(bus: Bus, unit_id: int, functions: tuple[int, ...] = (3, 4)) -> bool:
    """Whether a unit says anything at all, a refusal included. Raises FrameError if it is garbled."""
    for function in functions:
        try:
            await bus.read(unit_id, Block(function, 0, 2), "scan")
        except DeviceRefused:
            return True
        except FrameError:
            raise
        except DeviceUnreachable:
            continue
        return True
    return False


def _inside(refused: Block, block: Block) -> bool:
    """Whether a block must be refused because a part of it was, odd and even starts and lengths apart."""
    return (
        refused.function == block.function
        and block.address <= refused.address
        and refused.address + refused.count <= block.address + block.count
        and (refused.address - block.address) % 2 == 0
        and (refused.count - block.count) % 2 == 0
    )


def _words(block: Block, data: bytes) -> list[int]:
    if block.function in (1, 2):
        return [data[i >> 3] >> (i & 7) & 1 for i in range(block.count)]
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def _data(block: Block, words: list[int]) -> bytes:
    if block.function in (1, 2):
        return sum(bit << i for i, bit in enumerate(words)).to_bytes(block.byte_count, "little")
    return b"".join(word.to_bytes(2, "big") for word in words)
