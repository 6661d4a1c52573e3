"""DL/T 645 vectors."""

from __future__ import annotations

from typing import Any

from drivers.dlt645.frame import Frame, encode, find_all
from drivers.dlt645.identifiers import lookup
from drivers.dlt645.values import Point, decode_points
from drivers.errors import FrameError
from drivers.frames import bcd

from .compare import REFUSED, Comparison, Outcome, block_names, canonical, raw_bytes, refusal


def check(vector: dict[str, Any]) -> Outcome:
    if vector["status"] in REFUSED:
        return refusal(
            lambda: [
                decode_points(f) if f.is_answer and f.identifier else f for f in find_all(raw_bytes(vector))
            ]
        )
    comparison = Comparison()
    frames = find_all(raw_bytes(vector))
    comparison.check("frames", len(vector["frames"]), len(frames))
    for expected, frame in zip(vector["frames"], frames, strict=False):
        comparison.check("frame", expected["frame_hex"], encode(frame).hex(" ").upper())
        _check_frame(comparison, expected["decoded"], frame)
    return comparison.outcome()


def _check_frame(comparison: Comparison, expected: dict[str, Any], frame: Frame) -> None:
    facts: dict[str, Any] = {
        "address": frame.address,
        "control": f"{frame.control:02X}",
        "length": len(frame.data),
        "data_minus_33": frame.data.hex(" ").upper(),
        "is_response": frame.is_answer,
        "error_reply": frame.is_error,
        "more_data_follows": frame.more_follows,
        "di": frame.identifier,
        "error_word": f"{frame.error_word:02X}" if frame.error_word is not None else None,
        "value_raw_bcd": bcd.digits(frame.value),
        "private_control_code": frame.edition is None and frame.identifier is None,
    }
    for key in expected.keys() & facts.keys():
        comparison.check(key, expected[key], facts[key])
    values = expected.get("values", [expected["value"]] if "value" in expected else None)
    if values is not None:
        _check_values(comparison, expected, values, frame)
    elif frame.is_answer and frame.identifier and lookup(frame.identifier, frame.edition or "2007") is None:
        comparison.notes.append(f"identifier {frame.identifier} is not in the table, its data is raw")
    known = facts.keys() | {"values", "value", "quantity", "unit"}
    comparison.notes += [f"not compared: {key}" for key in sorted(expected.keys() - known)]


def _check_values(comparison: Comparison, expected: dict[str, Any], values: list[Any], frame: Frame) -> None:
    name, unit = expected.get("quantity", ""), expected.get("unit", "")
    if frame.identifier is None:
        comparison.check(name, values, [bcd.digits(frame.value)])
        return
    try:
        points = decode_points(frame)
    except FrameError as error:
        comparison.problems.append(f"{name}: expected {values!r}, got {error}")
        return
    comparison.check("number of values", len(values), len(points))
    names = block_names(name) or [name] * len(values)
    for item, value, point in zip(names, values, points, strict=False):
        if canonical(item):
            comparison.check("quantity", canonical(item), point.meaning.quantity)
        comparison.quantity(item, value, unit, _shown(point), point.meaning.unit)


def _shown(point: Point) -> float | str | None:
    return point.value if point.meaning.number_format else point.text
