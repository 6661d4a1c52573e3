"""What the data of a DL/T 645 frame means: numbers, times and texts, by the identifier table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from drivers.dlt645.frame import Edition, Frame
from drivers.dlt645.identifiers import Identifier, lookup
from drivers.errors import FrameError
from drivers.frames import bcd


@dataclass(frozen=True, slots=True)
class Point:
    """One value of an answer. A number the meter does not have is None, never 0.

    at: when it happened, by the meter's own clock, which has no time zone.
    text: date, time, address or name as the meter gives it, for what is no number.
    """

    meaning: Identifier
    value: float | None = None
    at: datetime | None = None
    text: str = ""


def decode_points(frame: Frame) -> list[Point]:
    """Every value of an answer that reads data, in its order.

    Raises FrameError if the frame is no such answer, if its identifier is not in the table, or if
    its length does not fit the identifier.
    """
    if not frame.is_answer or frame.is_error or frame.identifier is None or frame.edition is None:
        raise FrameError(f"no answer that carries data: control {frame.control:02X}H")
    return decode_data(frame.identifier, frame.value, frame.edition)


def decode_data(code: str, data: bytes, edition: Edition) -> list[Point]:
    """As `decode_points`, for data joined from several frames."""
    meaning = lookup(code, edition)
    if meaning is None:
        raise FrameError(f"identifier {code} is not in the table of DL/T 645-{edition}")
    points = list(_points(meaning, data, edition))
    if not points:
        raise FrameError(f"identifier {code}: no data")
    return points


def quantities(points: Iterable[Point]) -> dict[str, float]:
    """The present values of now by quantity name, in the vocabulary's units.

    Values of past settlement days and freezes are left out: they are points, but no reading of now.
    """
    return {
        point.meaning.quantity: abs(point.value) if point.meaning.sign == "direction" else point.value
        for point in points
        if point.meaning.quantity and point.value is not None and point.meaning.period == 0
    }


def decode_values(frame: Frame) -> dict[str, float]:
    """`quantities(decode_points(frame))`. Raises FrameError."""
    return quantities(decode_points(frame))


def encode_point(point: Point) -> bytes:
    """The reverse of decoding one point. Raises ValueError if the value does not fit the format."""
    meaning = point.meaning
    if not meaning.number_format:
        return _encode_text(meaning, point.text)
    size = meaning.number_format.count("X") // 2
    if point.value is None:
        return b"\xff" * meaning.size
    number = bcd.encode(round(point.value * 10**meaning.decimals), size, sign=meaning.sign != "")
    stamp = b""
    if meaning.stamp_format:
        stamp = bcd.from_digits(point.at.strftime("%y%m%d%H%M") if point.at else "0000000000")
    return number + stamp


def _points(meaning: Identifier, data: bytes, edition: Edition) -> Iterator[Point]:
    if not meaning.items:
        if len(data) != meaning.size:
            raise FrameError(f"identifier {meaning.code}: {len(data)} bytes, not {meaning.size}")
        yield _point(meaning, data)
        return
    offset = 0
    for code in meaning.items:
        item = lookup(code, edition)
        if item is None or offset == len(data):
            return
        if offset + item.size > len(data):
            raise FrameError(f"identifier {meaning.code}: {len(data)} bytes end inside {code}")
        yield _point(replace(item, period=meaning.period), data[offset : offset + item.size])
        offset += item.size


def _point(meaning: Identifier, data: bytes) -> Point:
    if not meaning.number_format:
        return Point(meaning, text=_text(meaning, data))
    size = meaning.number_format.count("X") // 2
    number = bcd.signed(data[:size]) if meaning.sign else bcd.unsigned(data[:size])
    value = None if number is None else number / 10**meaning.decimals
    return Point(meaning, value, _stamp(data[size:]) if meaning.stamp_format else None)


def _stamp(data: bytes) -> datetime | None:
    try:
        return datetime.strptime(bcd.digits(data), "%y%m%d%H%M")
    except ValueError:
        return None  # all zero: the demand was never reached


def _text(meaning: Identifier, data: bytes) -> str:
    if set(meaning.format) == {"T"}:
        return data[::-1].decode("ascii", "replace").strip("\0 ")
    digits = bcd.digits(data)
    if meaning.format == "YYMMDDWW":
        return f"20{digits[:2]}-{digits[2:4]}-{digits[4:6]}"
    if meaning.format == "YYMMDDhhmm":
        return f"20{digits[:2]}-{digits[2:4]}-{digits[4:6]} {digits[6:8]}:{digits[8:]}"
    if meaning.format == "hhmmss":
        return f"{digits[:2]}:{digits[2:4]}:{digits[4:]}"
    return digits


def _encode_text(meaning: Identifier, text: str) -> bytes:
    if set(meaning.format) == {"T"}:
        data = text.encode("ascii").ljust(meaning.size, b"\0")[::-1]
    elif meaning.format == "YYMMDDWW":
        day = datetime.strptime(text, "%Y-%m-%d")
        data = bcd.from_digits(f"{day:%y%m%d}0{day.isoweekday() % 7}")
    elif meaning.format == "YYMMDDhhmm":
        data = bcd.from_digits(f"{datetime.strptime(text, '%Y-%m-%d %H:%M'):%y%m%d%H%M}")
    else:
        data = bcd.from_digits(text.replace(":", ""))
    if len(data) != meaning.size:
        raise ValueError(f"identifier {meaning.code}: {text!r} does not fit {meaning.format}")
    return data
