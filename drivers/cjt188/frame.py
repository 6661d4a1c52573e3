"""Frames of CJ/T 188: bytes to `Frame` and back.

Layout: 68, meter type, seven address bytes (decimal digits, lowest pair first), control, length, data,
sum modulo 256 from 68 on, 16. FE bytes may go before. Data is not shifted, unlike in DL/T 645, and
there is no second 68. CJ/T 188-2004, chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.errors import FrameError
from drivers.frames import bcd
from drivers.frames.framing import Decoder, Finder, find_frames

ANY_ADDRESS = "AA" * 7
ANY_TYPE = 0xAA
WAKE_UP = b"\xfe" * 4
MAX_DATA = 0x64
FRAME_BYTES = 13  # of a frame without data
READ, READ_ADDRESS = 0x01, 0x03
CURRENT_DATA, ADDRESS = "901F", "810A"
_START, _END, _HEADER = 0x68, 0x16, 11


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `address` is fourteen digits as printed on the meter; the first four are the maker."""

    meter_type: int
    address: str
    control: int
    data: bytes = b""

    @property
    def function(self) -> int:
        """The function, the same in request and answer."""
        return self.control & 0x3F

    @property
    def is_answer(self) -> bool:
        """Sent by a meter; otherwise by a master, or the echo of what we sent."""
        return bool(self.control & 0x80)

    @property
    def is_error(self) -> bool:
        """The meter refuses."""
        return self.is_answer and bool(self.control & 0x40)

    @property
    def identifier_sent(self) -> bytes:
        """The two identifier bytes in the order on the wire, which differs by maker."""
        return self.data[:2]

    @property
    def identifier(self) -> str | None:
        """The data identifier as the standard writes it, whatever the order on the wire."""
        if len(self.data) < 3 or self.is_error:
            return None
        straight = self.data[:2].hex().upper()
        swapped = self.data[1::-1].hex().upper()
        return swapped if straight.endswith(("90", "D1", "D2", "81")) else straight

    @property
    def serial(self) -> int | None:
        """The counter that the master set; several meters do not send it back."""
        return self.data[2] if len(self.data) >= 3 and not self.is_error else None

    @property
    def value(self) -> bytes:
        """The data behind identifier and counter."""
        return self.data[3:]


def encode(frame: Frame, wake_up: bytes = b"") -> bytes:
    """The bytes to send. Raises ValueError for an address that is not fourteen digits, or too much data."""
    address = bcd.from_digits(frame.address)
    if len(address) != 7 or len(frame.data) > MAX_DATA:
        raise ValueError(f"no frame: address {frame.address!r}, {len(frame.data)} bytes of data")
    body = bytes([_START, frame.meter_type, *address, frame.control, len(frame.data)]) + frame.data
    return wake_up + body + bytes([sum(body) & 0xFF, _END])


class Cjt188Framing:
    """Cuts CJ/T 188 frames."""

    max_bytes = _HEADER + MAX_DATA + 2
    idle = b"\xfe"
    starts = b"\x68"
    distinct = True

    def frame_at(self, data: bytes, offset: int) -> tuple[Frame, int] | None:
        """The frame at `offset`. Raises FrameError; see `Framing`."""
        header = data[offset : offset + _HEADER]
        if header[:1] not in (b"", b"\x68"):
            raise FrameError(f"no CJ/T 188 frame starts with {header[0]:02X}H")
        if len(header) < _HEADER:
            return None
        if header[10] > MAX_DATA:
            raise FrameError(f"length {header[10]}, at most {MAX_DATA}")
        end = offset + _HEADER + header[10] + 2
        if len(data) < end:
            return None
        computed = sum(data[offset : end - 2]) & 0xFF
        if data[end - 2] != computed:
            raise FrameError(f"checksum {data[end - 2]:02X}H, computed {computed:02X}H")
        if data[end - 1] != _END:
            raise FrameError(f"last byte is {data[end - 1]:02X}H, not 16H")
        payload = bytes(data[offset + _HEADER : end - 2])
        return Frame(header[1], bcd.digits(header[2:9]), header[9], payload), end


def decoder() -> Decoder[Frame]:
    """For a clean stream."""
    return Decoder(Cjt188Framing())


def finder() -> Finder[Frame]:
    """For a real line: rests of old frames, zero bytes, a serial server's own greeting."""
    return Finder(Cjt188Framing())


def find_all(data: bytes) -> list[Frame]:
    """Every frame of a finished capture. Raises FrameError if there is none."""
    return find_frames(Cjt188Framing(), data)
