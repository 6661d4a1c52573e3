"""What frames of DL/T 645 and CJ/T 188 have in common: 68 … length, data, sum modulo 256, 16; FE before."""

from __future__ import annotations

from typing import ClassVar, Generic

from drivers.errors import FrameError
from drivers.frames.framing import Finder, FrameT

START, END = 0x68, 0x16
WAKE_UP = b"\xfe" * 4


class ControlByte:
    """What the control byte of a frame says in both protocols."""

    __slots__ = ()
    control: int

    @property
    def is_answer(self) -> bool:
        """Sent by a meter; otherwise by a master, or the echo of what we sent."""
        return bool(self.control & 0x80)

    @property
    def is_error(self) -> bool:
        """The meter refuses."""
        return self.is_answer and bool(self.control & 0x40)


def sealed(body: bytes, wake_up: bytes) -> bytes:
    """The bytes to send: `body` from 68 to the last byte of data, with its sum and the end."""
    return wake_up + body + bytes([sum(body) & 0xFF, END])


class MeterFraming(Generic[FrameT]):
    """Cuts such frames. See `framing.Framing`.

    header_bytes: from 68 to the length byte. second_start: where another 68 stands, 0 for nowhere.
    """

    protocol: ClassVar[str]
    header_bytes: ClassVar[int]
    max_data: ClassVar[int]
    second_start: ClassVar[int] = 0
    idle = b"\xfe"
    starts = b"\x68"
    distinct = True

    @property
    def max_bytes(self) -> int:
        return self.header_bytes + self.max_data + 2

    def frame_at(self, data: bytes, offset: int) -> tuple[FrameT, int] | None:
        """The frame at `offset`. Raises FrameError; see `Framing`."""
        header = data[offset : offset + self.header_bytes]
        if header[:1] not in (b"", self.starts):
            raise FrameError(f"no {self.protocol} frame starts with {header[0]:02X}H")
        again = self.second_start
        if again and len(header) > again and header[again] != START:
            raise FrameError(f"second start byte is {header[again]:02X}H, not 68H")
        if len(header) < self.header_bytes:
            return None
        if header[-1] > self.max_data:
            raise FrameError(f"length {header[-1]}, at most {self.max_data}")
        end = offset + self.header_bytes + header[-1] + 2
        if len(data) < end:
            return None
        computed = sum(data[offset : end - 2]) & 0xFF
        if data[end - 2] != computed:
            raise FrameError(f"checksum {data[end - 2]:02X}H, computed {computed:02X}H")
        if data[end - 1] != END:
            raise FrameError(f"last byte is {data[end - 1]:02X}H, not 16H")
        return self.frame(header, bytes(data[offset + self.header_bytes : end - 2])), end

    def frame(self, header: bytes, payload: bytes) -> FrameT:
        """The frame of a header and the data behind it, as they stand on the wire."""
        raise NotImplementedError


def heard(finder: Finder[FrameT], foreign: int, stale: int) -> str:
    """What came beside an answer, in words; empty if the line was silent.

    foreign: answers of other meters; stale: answers to other questions.
    """
    found = []
    if foreign:
        found.append(f"{foreign} answers of other meters")
    if stale:
        found.append(f"{stale} answers to other questions")
    if finder.skipped:
        found.append(f"{finder.skipped} bytes that are no frame ({finder.reason})")
    return ", ".join(found)
