"""Modbus RTU and ASCII over a line: the bus that a `ModbusDevice` reads through, and a simulated one.

Such a bus can share its line with other protocols and with devices of another speed or parity.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Literal

from drivers.errors import DeviceError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames import modbus_ascii, modbus_pdu, modbus_rtu
from drivers.frames.bus import line_bus
from drivers.frames.exchange import DeviceSilent, LineBus
from drivers.frames.framing import Finder
from drivers.frames.line import SerialParameters
from drivers.frames.modbus_ascii import AsciiFrame, AsciiFraming
from drivers.frames.modbus_pdu import ExceptionResponse, ReadRequest, ReadResponse
from drivers.frames.modbus_rtu import RtuFrame, RtuFraming
from drivers.frames.quiet import QuietTimes
from drivers.modbus.exchange import EXCEPTIONS, TRANSIENT
from drivers.modbus.plan import Cost
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings

Mode = Literal["rtu", "ascii"]
ILLEGAL_FUNCTION, ILLEGAL_VALUE = 1, 3
_LATEST_TIMEOUTS = 2  # an answer later than so many further time-outs is not expected any more


class ReadExchange:
    """Reads one block. Result: the data bytes behind the byte count. See `Exchange`.

    Serial frames carry no transaction number: an answer of the same unit, function and length is taken.
    """

    def __init__(self, mode: Mode, unit_id: int, block: Block) -> None:
        self._mode = mode
        self._unit_id = unit_id
        self._block = block
        self._finder: Finder[RtuFrame] | Finder[AsciiFrame]
        if mode == "rtu":
            self._finder = Finder(RtuFraming("response", unit_id, block.function))
        else:
            self._finder = Finder(AsciiFraming())
        self._request = modbus_pdu.encode(ReadRequest(block.function, block.address, block.count))
        self._foreign = 0
        self._result: bytes | None = None

    @property
    def result(self) -> bytes | None:
        """The data."""
        return self._result

    @property
    def heard(self) -> str:
        """What came beside the answer, in words; empty if the line was silent."""
        found = [f"{self._foreign} answers to other questions"] if self._foreign else []
        if self._finder.skipped:
            found.append(f"{self._finder.skipped} bytes that are no frame ({self._finder.reason})")
        return ", ".join(found)

    def start(self) -> bytes:
        """The request."""
        if self._mode == "rtu":
            return modbus_rtu.encode(RtuFrame(self._unit_id, self._request))
        return modbus_ascii.encode(AsciiFrame(self._unit_id, self._request))

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the line.

        Raises DeviceRefused for an exception, DeviceSilent for a busy device, FrameError for a wrong PDU.
        """
        for frame in self._finder.feed(chunk):
            self._take(frame.unit_id, frame.pdu)
        return b""

    def silence(self) -> bytes:
        """A last look at what stood behind a false start. As `feed`."""
        for frame in self._finder.flush():
            self._take(frame.unit_id, frame.pdu)
        return b""

    def _take(self, unit_id: int, pdu: bytes) -> None:
        if pdu == self._request:
            return  # the adapter's echo of what we sent
        if unit_id != self._unit_id:
            self._foreign += 1
            return
        answer = modbus_pdu.decode_response(pdu)
        if answer.function != self._block.function:
            self._foreign += 1
        elif isinstance(answer, ExceptionResponse):
            text = f"exception {answer.code}, {EXCEPTIONS.get(answer.code, 'unknown code')}"
            raise DeviceSilent(text) if answer.code in TRANSIENT else DeviceRefused(text, answer.code)
        elif isinstance(answer, ReadResponse) and len(answer.data) == self._block.byte_count:
            self._result = answer.data
        else:
            self._foreign += 1


class ModbusLine:
    """What `ModbusDevice` asks of a bus, on a line of its own or shared with other protocols.

    line: of other devices, to be shared. parameters: speed and parity of the Modbus devices, if they
    are not those of the line.
    """

    def __init__(
        self,
        settings: RtuOverTcpSettings | SerialSettings,
        mode: Mode,
        line: LineBus | None = None,
        parameters: SerialParameters | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        baud = parameters.baud if parameters else settings.baud
        self.settings = settings
        self.mode: Mode = mode
        self.line = line or line_bus(settings)
        # an ASCII byte takes two characters
        self.cost = Cost.rtu(baud if mode == "rtu" else max(1, baud // 2), settings.quiet_s)
        self._parameters = parameters
        self._clock = clock
        self._unanswered: dict[int, tuple[Block, float]] = {}  # unit -> request given up, until when

    @property
    def quiet(self) -> QuietTimes:
        """Pauses that devices of the line turned out to need."""
        return self.line.quiet

    async def read(self, unit_id: int, block: Block, device: str = "", quiet_s: float = 0.0) -> bytes:
        """The data bytes of one answer. Raises DeviceUnreachable, DeviceRefused or FrameError.

        A garbled answer is asked for again, as often as the settings say.
        """
        place = f"{device or 'device'}, unit {unit_id}, function {block.function}, register {block.address}"
        await self._let_a_late_answer_pass(unit_id, block)
        for attempt in range(self.settings.retries + 1):
            exchange = ReadExchange(self.mode, unit_id, block)
            try:
                return await self.line.run(
                    exchange, place, self._parameters, address=unit_id, quiet_s=quiet_s
                )
            except DeviceError as error:
                if isinstance(error, DeviceUnreachable):
                    late_until = self._clock() + _LATEST_TIMEOUTS * self.settings.timeout_s
                    self._unanswered[unit_id] = (block, late_until)
                if not isinstance(error, FrameError) or attempt == self.settings.retries:
                    raise
        raise AssertionError("the loop returns or raises")

    async def _let_a_late_answer_pass(self, unit_id: int, block: Block) -> None:
        """An answer without a number could be taken for one of the same length to other registers."""
        if unit_id not in self._unanswered:
            return
        before, until = self._unanswered.pop(unit_id)
        if before != block and (before.function, before.count) == (block.function, block.count):
            await asyncio.sleep(max(0.0, until - self._clock()))

    async def aclose(self) -> None:
        """Close the line; a later read opens it again."""
        await self.line.aclose()


class SimulatedLine:
    """Modbus devices by unit id on one line: bytes in, bytes out. Reads only.

    devices: take a block, give its data or the code of an exception. start: of ASCII answers; ":" or ">".
    """

    def __init__(
        self, mode: Mode, devices: Mapping[int, Callable[[Block], bytes | int]], start: str = ":"
    ) -> None:
        self._devices = devices
        self._start = start
        self._finder: Finder[RtuFrame] | Finder[AsciiFrame]
        self._finder = Finder(RtuFraming("request")) if mode == "rtu" else Finder(AsciiFraming())

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the devices send back, or nothing."""
        return b"".join(map(self._reply, self._finder.feed(chunk)))

    def _reply(self, frame: RtuFrame | AsciiFrame) -> bytes:
        read = self._devices.get(frame.unit_id)
        if read is None:
            return b""
        pdu = modbus_pdu.encode(self._pdu(frame.pdu, read))
        if isinstance(frame, RtuFrame):
            return modbus_rtu.encode(RtuFrame(frame.unit_id, pdu))
        return modbus_ascii.encode(AsciiFrame(frame.unit_id, pdu, self._start))

    @staticmethod
    def _pdu(pdu: bytes, read: Callable[[Block], bytes | int]) -> ReadResponse | ExceptionResponse:
        try:
            request = modbus_pdu.decode_request(pdu)
        except FrameError:
            return ExceptionResponse(pdu[0] & 0x7F, ILLEGAL_VALUE)
        if not isinstance(request, ReadRequest):
            return ExceptionResponse(request.function & 0x7F, ILLEGAL_FUNCTION)
        data = read(Block(request.function, request.address, request.count))
        if isinstance(data, int):
            return ExceptionResponse(request.function, data)
        return ReadResponse(request.function, data)
