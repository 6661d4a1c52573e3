"""A DL/T 645 meter in software: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.dlt645.frame import (
    IDENTIFIER_BYTES,
    READ,
    READ_ADDRESS,
    READ_MORE,
    Edition,
    Frame,
    encode,
    finder,
)
from drivers.dlt645.identifiers import lookup
from drivers.dlt645.session import matches
from drivers.dlt645.values import Point, encode_point
from drivers.frames import bcd
from drivers.frames.meter_frame import WAKE_UP

_NO_SUCH_DATA = 0x02
_ANSWER, _ERROR, _MORE = 0x80, 0x40, 0x20


class SimulatedMeter:
    """Answers reads like a meter, and nothing else: writing to it is refused.

    points: identifier code -> its point; blocks are made of them. Absent items of a block read FF.
    echo: send the request back first, as some half-duplex adapters do.
    part_bytes: data bytes a frame holds at most; longer answers come in parts.
    """

    def __init__(
        self,
        address: str,
        points: Mapping[str, Point],
        edition: Edition = "2007",
        *,
        echo: bool = False,
        part_bytes: int = 190,
    ) -> None:
        self.address = address
        self.points = dict(points)
        self.requests = 0
        self._edition = edition
        self._echo = echo
        self._part_bytes = part_bytes
        self._finder = finder()

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the meter sends back, or nothing."""
        sent = b""
        for frame in self._finder.feed(chunk):
            if frame.is_answer or not matches(frame.address, self.address):
                continue
            self.requests += 1
            if self._echo:
                sent += encode(frame, WAKE_UP)
            reply = self._reply(frame)
            sent += encode(reply, WAKE_UP) if reply else b""
        return sent

    def _reply(self, frame: Frame) -> Frame | None:
        if frame.control == READ_ADDRESS and self._edition == "2007":
            return self._frame(frame, bcd.from_digits(self.address))
        if frame.control == READ[self._edition]:
            return self._part(frame, 0)
        if frame.control == READ_MORE[self._edition] and frame.identifier:
            return self._part(frame, frame.value[0] if frame.value else 1)
        if frame.edition not in (None, self._edition):
            return None  # another edition's request: a real meter says nothing
        return self._frame(frame, bytes([_NO_SUCH_DATA]), _ERROR)

    def _part(self, frame: Frame, number: int) -> Frame:
        code = frame.identifier
        data = self._data(code) if code else None
        if code is None or data is None:
            return self._frame(frame, bytes([_NO_SUCH_DATA]), _ERROR)
        start = number * self._part_bytes
        part = data[start : start + self._part_bytes]
        flag = _MORE if len(data) > start + self._part_bytes else 0
        tail = bytes([number]) if number and self._edition == "2007" else b""
        head = frame.data[: IDENTIFIER_BYTES[self._edition]]
        return self._frame(frame, head + part + tail, flag)

    def _data(self, code: str) -> bytes | None:
        if code in self.points:
            return encode_point(self.points[code])
        meaning = lookup(code, self._edition)
        if meaning is None or meaning.period or not any(item in self.points for item in meaning.items):
            return None
        data = b""
        for item in meaning.items:
            known = lookup(item, self._edition)
            if known is not None:
                data += encode_point(self.points.get(item, Point(known)))
        return data

    def _frame(self, request: Frame, data: bytes, flag: int = 0) -> Frame:
        return Frame(self.address, request.function | _ANSWER | flag, data)


def points_from(values: Mapping[str, float], edition: Edition = "2007") -> dict[str, Point]:
    """Points of a meter that has these values, given by identifier code. Raises KeyError for unknown ones."""
    points = {}
    for code, value in values.items():
        meaning = lookup(code, edition)
        if meaning is None:
            raise KeyError(code)
        points[code] = Point(meaning, value)
    return points
