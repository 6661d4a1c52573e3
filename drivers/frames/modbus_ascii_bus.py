"""Modbus ASCII over a line: the bus that a `ModbusDevice` reads through, and a simulated one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drivers.errors import DeviceRefused, FrameError
from drivers.frames import modbus_pdu
from drivers.frames.bus import line_bus
from drivers.frames.exchange import LineBus
from drivers.frames.framing import Finder
from drivers.frames.modbus_ascii import AsciiFrame, AsciiFraming, encode
from drivers.frames.modbus_pdu import ExceptionResponse, ReadRequest, ReadResponse
from drivers.modbus.plan import Cost
from drivers.modbus.registers import Block
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings

ILLEGAL_FUNCTION, ILLEGAL_VALUE = 1, 3


class AsciiReadExchange:
    """Reads one block. Result: the data bytes behind the byte count. See `Exchange`.

    ASCII frames carry no transaction number: an answer of the same unit, function and length is taken.
    """

    def __init__(self, unit_id: int, block: Block) -> None:
        self._unit_id = unit_id
        self._block = block
        self._finder: Finder[AsciiFrame] = Finder(AsciiFraming())
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
        return encode(AsciiFrame(self._unit_id, self._request))

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the line. Raises DeviceRefused for an exception, FrameError for a wrong PDU."""
        self._take(self._finder.feed(chunk))
        return b""

    def silence(self) -> bytes:
        """A last look at what stood behind a false start."""
        self._take(self._finder.flush())
        return b""

    def _take(self, frames: list[AsciiFrame]) -> None:
        for frame in frames:
            if frame.pdu == self._request:
                continue  # the adapter's echo of what we sent
            if frame.unit_id != self._unit_id:
                self._foreign += 1
                continue
            answer = modbus_pdu.decode_response(frame.pdu)
            if answer.function != self._block.function:
                self._foreign += 1
            elif isinstance(answer, ExceptionResponse):
                raise DeviceRefused(f"exception {answer.code}", answer.code)
            elif isinstance(answer, ReadResponse) and len(answer.data) == self._block.byte_count:
                self._result = answer.data
            else:
                self._foreign += 1


class AsciiBus:
    """What `ModbusDevice` asks of a bus, over Modbus ASCII."""

    def __init__(self, settings: RtuOverTcpSettings | SerialSettings) -> None:
        self.settings = settings
        self.cost = Cost.rtu(max(1, settings.baud // 2), settings.quiet_s)  # two characters a byte
        self.line: LineBus = line_bus(settings)

    async def read(self, unit_id: int, block: Block, device: str = "", quiet_s: float = 0.0) -> bytes:
        """The data bytes of one answer. Raises DeviceUnreachable, DeviceRefused or FrameError.

        quiet_s: the bus keeps the pause of its settings.
        """
        place = f"{device or 'device'}, unit {unit_id}, function {block.function}, register {block.address}"
        return await self.line.run(AsciiReadExchange(unit_id, block), place)

    async def aclose(self) -> None:
        """Close the line; a later read opens it again."""
        await self.line.aclose()


class SimulatedAsciiBus:
    """Devices by unit id on one ASCII line: bytes in, bytes out. Reads only.

    devices: take a block, give its data or the code of an exception. start: of the answers; ":" or ">".
    """

    def __init__(self, devices: Mapping[int, Callable[[Block], bytes | int]], start: str = ":") -> None:
        self._devices = devices
        self._start = start
        self._finder: Finder[AsciiFrame] = Finder(AsciiFraming())

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the devices send back, or nothing."""
        return b"".join(map(self._reply, self._finder.feed(chunk)))

    def _reply(self, frame: AsciiFrame) -> bytes:
        read = self._devices.get(frame.unit_id)
        if read is None:
            return b""
        return encode(AsciiFrame(frame.unit_id, modbus_pdu.encode(self._pdu(frame.pdu, read)), self._start))

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
