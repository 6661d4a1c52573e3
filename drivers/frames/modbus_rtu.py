"""Modbus RTU frames: unit id, PDU, CRC-16 with the low byte first.

Modbus over Serial Line V1.02, section 2.5.1. A frame ends by silence on the line; a codec that sees
bytes only tells the end by function and byte count, and proves it by the CRC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.errors import FrameError
from drivers.frames.modbus_pdu import request_length, response_length

Direction = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class RtuFrame:
    """One frame, its CRC checked."""

    unit_id: int
    pdu: bytes


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial A001H (reflected), start FFFFH."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def encode(frame: RtuFrame) -> bytes:
    """The bytes to send."""
    body = bytes([frame.unit_id]) + frame.pdu
    return body + crc16(body).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class RtuFraming:
    """Cuts RTU frames of one direction.

    What is known of the frame that is waited for is given too, so that a noisy line's false starts are
    told at once: its unit, its function (or the exception to it), its byte count.
    """

    direction: Direction
    unit_id: int | None = None
    function: int | None = None
    byte_count: int | None = None
    max_bytes: int = 256
    idle: bytes = b""
    starts: bytes = b""
    distinct: bool = False

    def frame_at(self, data: bytes, offset: int) -> tuple[RtuFrame, int] | None:
        """The frame at `offset`. Raises FrameError; see `Framing`."""
        head = data[offset : offset + 12]
        self._expect(head)
        length = request_length(head[1:]) if self.direction == "request" else response_length(head[1:])
        if length is None:
            return None
        end = offset + 1 + length + 2
        if end - offset > self.max_bytes:
            raise FrameError(f"{end - offset} bytes, at most {self.max_bytes}")
        if len(data) < end:
            return None
        computed, sent = crc16(data[offset : end - 2]), int.from_bytes(data[end - 2 : end], "little")
        if computed != sent:
            raise FrameError(f"CRC {sent:04X}H, computed {computed:04X}H")
        return RtuFrame(data[offset], bytes(data[offset + 1 : end - 2])), end

    def _expect(self, head: bytes) -> None:
        if self.unit_id is not None and head[0] != self.unit_id:
            raise FrameError(f"unit {head[0]}, waiting for {self.unit_id}")
        if self.function is None or len(head) < 2:
            return
        if head[1] & 0x7F != self.function:
            raise FrameError(f"function {head[1] & 0x7F}, waiting for {self.function}")
        counted = self.byte_count is not None and not head[1] & 0x80 and len(head) > 2
        if counted and head[2] != self.byte_count:
            raise FrameError(f"byte count {head[2]}, waiting for {self.byte_count}")


def _table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()
