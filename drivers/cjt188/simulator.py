"""A CJ/T 188 meter in software: bytes in, bytes out."""

from __future__ import annotations

from drivers.cjt188.frame import (
    ADDRESS,
    ANY_ADDRESS,
    ANY_TYPE,
    CURRENT_DATA,
    READ,
    READ_ADDRESS,
    Frame,
    encode,
    finder,
)
from drivers.cjt188.values import Reading, encode_reading
from drivers.frames.meter_frame import WAKE_UP

_ANSWER, _ERROR = 0x80, 0x40


class SimulatedMeter:
    """Answers reads like a meter, and nothing else: writing to it is refused.

    order: which identifier order it understands; other requests are met with silence, as by real meters.
    """

    def __init__(
        self,
        address: str,
        reading: Reading,
        *,
        order: tuple[str, ...] = ("901F", "1F90"),
        echo: bool = False,
    ) -> None:
        self.address = address
        self.reading = reading
        self.requests = 0
        self._order = order
        self._echo = echo
        self._finder = finder()

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the meter sends back, or nothing."""
        sent = b""
        for frame in self._finder.feed(chunk):
            if frame.is_answer or frame.address not in (ANY_ADDRESS, self.address):
                continue
            self.requests += 1
            if self._echo:
                sent += encode(frame, WAKE_UP)
            reply = self._reply(frame)
            sent += encode(reply, WAKE_UP) if reply else b""
        return sent

    def _reply(self, frame: Frame) -> Frame | None:
        kind = self.reading.meter_type
        # A meter asked as one type of its family may answer as another; one of another family is silent.
        if frame.meter_type not in (ANY_TYPE, kind) and frame.meter_type >> 4 != kind >> 4:
            return None
        if frame.function == READ_ADDRESS and frame.identifier == ADDRESS:
            return Frame(kind, self.address, READ_ADDRESS | _ANSWER, frame.data)
        if frame.function != READ or frame.identifier != CURRENT_DATA:
            return Frame(kind, self.address, frame.function | _ANSWER | _ERROR, b"\x00\x00\x01")
        if frame.identifier_sent.hex().upper() not in self._order:
            return None
        data = frame.data[:3] + encode_reading(self.reading)
        return Frame(kind, self.address, READ | _ANSWER, data)
