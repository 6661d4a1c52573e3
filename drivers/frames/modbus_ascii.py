"""Modbus ASCII frames: a colon, the bytes as hexadecimal digits, LRC, CR LF.

Modbus over Serial Line V1.02, section 2.5.2. Some devices answer with ">" instead of ":".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from drivers.errors import FrameError

_NO_DIGIT = re.compile(rb"[^0-9A-Fa-f]")


@dataclass(frozen=True, slots=True)
class AsciiFrame:
    """One frame, its LRC checked."""

    unit_id: int
    pdu: bytes
    start: str = ":"


def lrc(data: bytes) -> int:
    """The two's complement of the sum."""
    return -sum(data) & 0xFF


def encode(frame: AsciiFrame) -> bytes:
    """The bytes to send."""
    body = bytes([frame.unit_id]) + frame.pdu
    return f"{frame.start}{body.hex().upper()}{lrc(body):02X}\r\n".encode("ascii")


class AsciiFraming:
    """Cuts Modbus ASCII frames."""

    max_bytes = 513
    idle = b""
    starts = b":>"
    distinct = False

    def frame_at(self, data: bytes, offset: int) -> tuple[AsciiFrame, int] | None:
        """The frame at `offset`. Raises FrameError; see `Framing`."""
        if data[offset] not in self.starts:
            raise FrameError(f"no Modbus ASCII frame starts with {data[offset]:02X}H")
        stop = _NO_DIGIT.search(data, offset + 1, offset + self.max_bytes)
        if stop is None:
            if len(data) - offset >= self.max_bytes:
                raise FrameError(f"no end of frame in {self.max_bytes} bytes")
            return None
        end = stop.start() + 2
        if data[stop.start()] != 0x0D or data[end - 1 : end] not in (b"", b"\n"):
            raise FrameError(f"byte {data[stop.start()]:02X}H inside a frame")
        if len(data) < end:
            return None
        return self._checked(data[offset : stop.start()]), end

    @staticmethod
    def _checked(text: bytes) -> AsciiFrame:
        if len(text) % 2 == 0 or len(text) < 7:
            raise FrameError(f"{len(text) - 1} digits are no frame")
        body = bytes.fromhex(text[1:].decode("ascii"))
        if lrc(body[:-1]) != body[-1]:
            raise FrameError(f"LRC {body[-1]:02X}H, computed {lrc(body[:-1]):02X}H")
        return AsciiFrame(body[0], body[1:-1], chr(text[0]))
