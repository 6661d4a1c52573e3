"""Frames of DL/T 645: bytes to `Frame` and back.

Layout (both editions): 68, six address bytes (decimal digits, lowest pair first), 68, control, length,
data with 33H added to every byte, sum modulo 256 from the first 68 on, 16. FE bytes may go before.
DL/T 645-2007, chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.frames import bcd
from drivers.frames.framing import Decoder, Finder, find_frames
from drivers.frames.meter_frame import START, ControlByte, MeterFraming, sealed

Edition = Literal["2007", "1997"]

ANY_METER = "AAAAAAAAAAAA"
MAX_DATA = 200
FRAME_BYTES = 12  # of a frame without data
_OFFSET = 0x33

READ: dict[Edition, int] = {"2007": 0x11, "1997": 0x01}
READ_MORE: dict[Edition, int] = {"2007": 0x12, "1997": 0x02}
READ_ADDRESS = 0x13
IDENTIFIER_BYTES: dict[Edition, int] = {"2007": 4, "1997": 2}
_READS_DATA: dict[int, Edition] = {0x11: "2007", 0x12: "2007", 0x01: "1997", 0x02: "1997", 0x03: "1997"}

ERROR_BITS: dict[Edition, dict[int, str]] = {
    "2007": {
        0x01: "other error",
        0x02: "no such data",
        0x04: "password wrong or not authorised",
        0x08: "speed cannot be changed",
        0x10: "too many year zones",
        0x20: "too many day slots",
        0x40: "too many tariffs",
    },
    "1997": {0x02: "no such data"},
}


@dataclass(frozen=True, slots=True)
class Frame(ControlByte):
    """One frame. `address` is twelve digits as printed on the meter, `data` is without the added 33H."""

    address: str
    control: int
    data: bytes = b""

    @property
    def function(self) -> int:
        """The function, the same in request and answer."""
        return self.control & 0x1F

    @property
    def more_follows(self) -> bool:
        """The answer goes on in another frame, to be asked for."""
        return self.is_answer and bool(self.control & 0x20)

    @property
    def edition(self) -> Edition | None:
        """The edition that a frame which reads data belongs to; None for any other frame."""
        return _READS_DATA.get(self.function)

    @property
    def identifier(self) -> str | None:
        """The data identifier as written in the standard (`00010000`, `9010`), where there is one."""
        if self.is_error or self.edition is None:
            return None
        size = IDENTIFIER_BYTES[self.edition]
        return bcd.digits(self.data[:size]) if len(self.data) >= size else None

    @property
    def value(self) -> bytes:
        """The data behind the identifier."""
        return self.data[len(self.identifier) // 2 :] if self.identifier else self.data

    @property
    def error_word(self) -> int | None:
        """What an error answer says; the bits are in `ERROR_BITS`."""
        return self.data[0] if self.is_error and len(self.data) == 1 else None


def error_text(word: int, edition: Edition) -> str:
    """The bits of an error word, in words."""
    known = [text for bit, text in ERROR_BITS[edition].items() if word & bit]
    return ", ".join(known) or f"error word {word:02X}H"


def encode(frame: Frame, wake_up: bytes = b"") -> bytes:
    """The bytes to send. Raises ValueError for an address that is not twelve digits, or too much data."""
    address = bcd.from_digits(frame.address)
    if len(address) != 6 or len(frame.data) > MAX_DATA:
        raise ValueError(f"no frame: address {frame.address!r}, {len(frame.data)} bytes of data")
    body = bytes([START, *address, START, frame.control, len(frame.data)])
    body += bytes((byte + _OFFSET) & 0xFF for byte in frame.data)
    return sealed(body, wake_up)


class Dlt645Framing(MeterFraming[Frame]):
    """Cuts DL/T 645 frames; both editions have one layout."""

    protocol, header_bytes, max_data = "DL/T 645", 10, MAX_DATA
    second_start = 7

    def frame(self, header: bytes, payload: bytes) -> Frame:
        data = bytes((byte - _OFFSET) & 0xFF for byte in payload)
        return Frame(bcd.digits(header[1:7]), header[8], data)


def decoder() -> Decoder[Frame]:
    """For a clean stream."""
    return Decoder(Dlt645Framing())


def finder() -> Finder[Frame]:
    """For a real line: rests of old frames, zero bytes, a serial server's own greeting."""
    return Finder(Dlt645Framing())


def find_all(data: bytes) -> list[Frame]:
    """Every frame of a finished capture. Raises FrameError if there is none."""
    return find_frames(Dlt645Framing(), data)
