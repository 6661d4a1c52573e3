"""CJ/T 188 vectors."""

from __future__ import annotations

from typing import Any

from drivers.cjt188.frame import Frame, encode, find_all
from drivers.cjt188.values import Field, decode_reading
from drivers.errors import FrameError

from .compare import REFUSED, Comparison, Outcome, raw_bytes, refusal

_FIELDS = ("volume", "heat", "thermal", "flow", "supply", "return", "operating")


def check(vector: dict[str, Any]) -> Outcome:
    if vector["status"] in REFUSED:
        return refusal(
            lambda: [decode_reading(f) if f.is_answer and f.value else f for f in find_all(raw_bytes(vector))]
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
        "meter_type": f"{frame.meter_type:02X}",
        "address": frame.address,
        "control": f"{frame.control:02X}",
        "length": len(frame.data),
        "di_as_sent": frame.identifier_sent.hex(" ").upper(),
        "serial": frame.serial,
        "is_response": frame.is_answer,
        "error_reply": frame.is_error,
    }
    for key in expected.keys() & facts.keys():
        comparison.check(key, expected[key], facts[key])
    rest = {key: value for key, value in expected.items() if key not in facts}
    if rest:
        _check_reading(comparison, rest, frame)


def _check_reading(comparison: Comparison, expected: dict[str, Any], frame: Frame) -> None:
    try:
        reading = decode_reading(frame)
    except FrameError as error:
        stated = {"clock", "status", "field_style"} | {key for key in expected if key.startswith(_FIELDS)}
        if stated & expected.keys():
            comparison.problems.append(f"expected {sorted(stated & expected.keys())}, got {error}")
        comparison.notes.append(f"not compared: {', '.join(sorted(expected))}")
        return
    digits = reading.clock_digits
    clock = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}"
    style = "unit byte before the value" if reading.unit_first else "unit byte after the value"
    fields = {field.name: field for field in reading.fields}
    for key, value in expected.items():
        name = key.removesuffix("_C")
        if name in fields:
            _check_field(comparison, name, value, expected, fields[name])
        elif key == "clock":
            comparison.check(key, value, clock)
        elif key == "status":
            comparison.check(key, value, reading.status.hex(" ").upper())
        elif key == "field_style":
            comparison.check("unit before", "before" in value or "front" in value, reading.unit_first)
        elif key not in ("unit", "unit_settlement"):
            comparison.notes.append(f"not compared: {key} ({style})")


def _check_field(
    comparison: Comparison, name: str, value: Any, expected: dict[str, Any], field: Field
) -> None:
    units = {"volume_current": "unit", "volume_settlement_day": "unit_settlement"}
    if isinstance(value, dict):
        if "raw_bcd" in value:
            comparison.check(f"{name} digits", value["raw_bcd"], field.digits)
        if "value" in value:
            comparison.quantity(name, value["value"], value.get("unit", field.unit), field.value, field.unit)
    else:
        unit = expected.get(units.get(name, ""), field.unit)
        comparison.quantity(name, value, unit, field.value, field.unit)
