"""One request and its answer over Modbus TCP or RTU, bytes to bytes. Knows no socket and no clock.

A codec knows what it waits for, so that it tells the answer from late ones, foreign ones and noise.

Layouts: Modbus Messaging on TCP/IP V1.0b section 3.1.3, Modbus over Serial Line V1.02 section 2.5.1.
Only reads exist: functions 1 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from drivers.errors import FrameError
from drivers.frames.modbus_rtu import crc16
from drivers.modbus.registers import Block

MAX_TCP_FRAME = 260
MAX_RTU_FRAME = 256
_REQUEST = Struct(">BBHH")
_MBAP = Struct(">HHHB")

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still busy",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device did not answer",
}
TRANSIENT = frozenset({5, 6, 10, 11})  # busy, or a gateway whose device says nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """data: bytes behind the byte count. exception: 0, or the code of a refusal."""

    data: bytes
    exception: int = 0


def request_pdu(unit_id: int, block: Block) -> bytes:
    """Unit id, function, address, count: what TCP and RTU have in common."""
    return _REQUEST.pack(unit_id, block.function, block.address, block.count)


class TcpCodec:
    """One request at a time over Modbus TCP; answers of earlier transactions are passed over.

    `stale` counts them.
    """

    def __init__(self) -> None:
        self.stale = 0
        self._transaction = 0
        self._unit_id = 0
        self._block = Block(3, 0, 1)
        self._header = b""

    def request(self, unit_id: int, block: Block) -> bytes:
        """The frame of a new transaction."""
        self._transaction = self._transaction % 65535 + 1
        self._unit_id = unit_id
        self._block = block
        count = block.byte_count
        self._header = _MBAP.pack(self._transaction, 0, count + 3, unit_id) + bytes((block.function, count))
        return _MBAP.pack(self._transaction, 0, 6, unit_id) + request_pdu(unit_id, block)[1:]

    def feed(self, buffer: bytes) -> tuple[int, Answer | None]:
        """(bytes that are done with, the answer or None if more bytes are needed).

        `buffer`: everything received and not yet done with. Raises FrameError if the bytes cannot be
        an answer to the request: the connection must be closed.
        """
        size = 9 + self._block.byte_count
        if len(buffer) == size and buffer.startswith(self._header):
            return size, Answer(buffer[9:])
        at = 0
        while len(buffer) - at >= 8:
            transaction, protocol, length, unit_id = _MBAP.unpack_from(buffer, at)
            if protocol or not 3 <= length <= MAX_TCP_FRAME - 6:
                raise FrameError(f"not Modbus TCP: header {buffer[at : at + 7].hex(' ')}")
            end = at + 6 + length
            if len(buffer) < end:
                break
            if transaction == self._transaction:
                return end, self._answer(unit_id, buffer[at + 7 : end])
            self.stale += 1
            at = end
        return at, None

    def _answer(self, unit_id: int, pdu: bytes) -> Answer:
        if unit_id != self._unit_id:
            raise FrameError(f"answer of unit {unit_id} to a request for unit {self._unit_id}")
        return _checked(pdu, self._block)


class RtuCodec:
    """One request at a time over RTU; finds the answer among glitch bytes and foreign frames.

    `garbled` counts bytes passed over.
    """

    def __init__(self) -> None:
        self.garbled = 0
        self._unit_id = 0
        self._block = Block(3, 0, 1)

    def request(self, unit_id: int, block: Block) -> bytes:
        self._unit_id = unit_id
        self._block = block
        frame = request_pdu(unit_id, block)
        return frame + checksum(frame)

    def feed(self, buffer: bytes) -> tuple[int, Answer | None]:
        """As `TcpCodec.feed`. Glitch bytes before and after the answer are passed over."""
        block = self._block
        size = 5 + block.byte_count
        start = bytes((self._unit_id, block.function, block.byte_count))
        refusal = bytes((self._unit_id, block.function | 0x80))
        for at in range(len(buffer) - 4):
            if buffer.startswith(start, at):
                if _sum_is_right(buffer[at : at + size], size):
                    self.garbled += at
                    return len(buffer), Answer(buffer[at + 3 : at + size - 2])
                if len(buffer) >= at + size:
                    raise FrameError(explain(buffer[at:], self._unit_id, block))
            if buffer.startswith(refusal, at) and _sum_is_right(buffer[at : at + 5], 5):
                self.garbled += at
                return len(buffer), Answer(b"", buffer[at + 2])
        if len(buffer) > MAX_RTU_FRAME:
            raise FrameError(f"{len(buffer)} bytes without a valid answer: {buffer[:16].hex(' ')} …")
        return 0, None


def explain(buffer: bytes, unit_id: int, block: Block) -> str:
    """What a technician should know about bytes that came before the time-out and were no answer."""
    size = 5 + block.byte_count
    for at in range(len(buffer) - 4):
        for length in (5, size):
            frame = buffer[at : at + length]
            if _sum_is_right(frame, length) and frame[0] != unit_id:
                return f"an answer of unit {frame[0]} came instead: two masters on the line, or a late answer"
    if len(buffer) >= size and buffer[:1] == bytes((unit_id,)):
        return "the answer's check sum is wrong: disturbed line, termination, or two devices with one address"
    return (
        f"{len(buffer)} bytes that are no answer ({buffer[:12].hex(' ')}): "
        "wrong baud rate or parity, A and B exchanged, or missing termination"
    )


def _checked(pdu: bytes, block: Block) -> Answer:
    if len(pdu) == 2 and pdu[0] == block.function | 0x80:
        return Answer(b"", pdu[1])
    if pdu[0] != block.function:
        raise FrameError(f"answer with function {pdu[0]} to a request with function {block.function}")
    if pdu[1] != block.byte_count or len(pdu) != 2 + block.byte_count:
        raise FrameError(f"answer with {len(pdu) - 2} bytes of data instead of {block.byte_count}")
    return Answer(pdu[2:])


def _sum_is_right(frame: bytes, size: int) -> bool:
    return len(frame) == size and checksum(frame[:-2]) == frame[-2:]


def checksum(frame: bytes) -> bytes:
    """CRC-16/MODBUS as it is sent, low byte first."""
    return crc16(frame).to_bytes(2, "little")
