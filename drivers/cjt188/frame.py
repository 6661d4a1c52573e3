"""Frames of CJ/T 188: bytes to `Frame` and back.

Layout: 68, meter type, seven address bytes (decimal digits, lowest pair first), control, length, data,
sum modulo 256 from 68 on, 16. FE bytes may go before. Data is not shifted, unlike in DL/T 645, and
there is no second 68. CJ/T 188-2004, chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.frames import bcd
from drivers.frames.framing import Decoder, Finder, find_frames
from drivers.frames.meter_frame import START, ControlByte, MeterFraming, sealed

ANY_ADDRESS = "AA" * 7
ANY_TYPE = 0xAA
MAX_DATA = 0x64
FRAME_BYTES = 13  # of a frame without data
READ, READ_ADDRESS = 0x01, 0x03
CURRENT_DATA, ADDRESS = "901F", "810A"


@dataclass(frozen=True, slots=True)
class Frame(ControlByte):
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
    body = bytes([START, frame.meter_type, *address, frame.control, len(frame.data)]) + frame.data
    return sealed(body, wake_up)


class Cjt188Framing(MeterFraming[Frame]):
    """Cuts CJ/T 188 frames."""

    protocol, header_bytes, max_data = "CJ/T 188", 11, MAX_DATA

    def frame(self, header: bytes, payload: bytes) -> Frame:
        return Frame(header[1], bcd.digits(header[2:9]), header[9], payload)


def decoder() -> Decoder[Frame]:
    """For a clean stream."""
    return Decoder(Cjt188Framing())


def finder() -> Finder[Frame]:
    """For a real line: rests of old frames, zero bytes, a serial server's own greeting."""
    return Finder(Cjt188Framing())


def find_all(data: bytes) -> list[Frame]:
    """Every frame of a finished capture. Raises FrameError if there is none."""
    return find_frames(Cjt188Framing(), data)
