"""Modbus RTU, TCP and ASCII vectors."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from drivers.errors import FrameError
from drivers.frames import modbus_ascii, modbus_pdu, modbus_rtu, modbus_tcp
from drivers.frames.framing import Framing, find_frames
from drivers.frames.modbus_pdu import ExceptionResponse, Pdu, ReadRequest, ReadResponse
from drivers.modbus.registers import Block

from .compare import REFUSED, Comparison, Outcome, raw_bytes, refusal
from .profiles import profile_for, profile_values, raw_value, words_of


def check_rtu(vector: dict[str, Any]) -> Outcome:
    framing = modbus_rtu.RtuFraming("request" if vector["direction"] == "request" else "response")
    if vector["status"] in REFUSED:
        return refusal(lambda: _pdus(vector, framing))
    raw = raw_bytes(vector)
    frames = find_frames(framing, raw)
    prefix, suffix = (bytes.fromhex(vector.get(key, "")) for key in ("prefix_hex", "suffix_hex"))
    comparison = Comparison()
    comparison.check("frame", raw[len(prefix) : len(raw) - len(suffix)], modbus_rtu.encode(frames[0]))
    _check(comparison, vector, vector["decoded"], frames[0].pdu, {"unit_id": frames[0].unit_id})
    return comparison.outcome()


def check_tcp(vector: dict[str, Any]) -> Outcome:
    if vector["status"] in REFUSED:
        return refusal(lambda: _pdus(vector, modbus_tcp.MbapFraming()))
    raw = raw_bytes(vector)
    frames = find_frames(modbus_tcp.MbapFraming(), raw)
    decoded = vector["decoded"] if isinstance(vector["decoded"], list) else [vector["decoded"]]
    comparison = Comparison()
    comparison.check("frames", len(decoded), len(frames))
    comparison.check("bytes", raw, b"".join(map(modbus_tcp.encode, frames)))
    for expected, frame in zip(decoded, frames, strict=False):
        facts = {
            "unit_id": frame.unit_id,
            "transaction_id": frame.transaction_id,
            "protocol_id": 0,
            "length": len(frame.pdu) + 1,
        }
        _check(comparison, vector, expected, frame.pdu, facts)
    return comparison.outcome()


def check_ascii(vector: dict[str, Any]) -> Outcome:
    framing = modbus_ascii.AsciiFraming()
    if vector["status"] in REFUSED:
        return refusal(lambda: _pdus(vector, framing))
    raw = raw_bytes(vector)
    frame = find_frames(framing, raw)[0]
    comparison = Comparison()
    comparison.check("frame", raw, modbus_ascii.encode(frame))
    facts = {"unit_id": frame.unit_id, "start_char": frame.start}
    _check(comparison, vector, vector["decoded"], frame.pdu, facts)
    return comparison.outcome()


def _pdus(vector: dict[str, Any], framing: Framing[Any]) -> list[Pdu]:
    return [_pdu(vector, frame.pdu) for frame in find_frames(framing, raw_bytes(vector))]


def _pdu(vector: dict[str, Any], pdu: bytes) -> Pdu:
    decode: Callable[[bytes], Pdu] = modbus_pdu.decode_response
    if vector["direction"] == "request":
        decode = modbus_pdu.decode_request
    return decode(pdu)


def _check(
    comparison: Comparison,
    vector: dict[str, Any],
    expected: dict[str, Any],
    raw: bytes,
    facts: dict[str, Any],
) -> None:
    if expected.get("byte_count_ok") is False:
        try:
            comparison.problems.append(f"byte count: expected a refusal, got {_pdu(vector, raw)!r}")
        except FrameError:
            comparison.compared += 1
        return
    pdu = _pdu(vector, raw)
    comparison.check("encoded again", raw, modbus_pdu.encode(pdu))
    facts |= {"function": pdu.function, "function_code": pdu.function, "byte_count_ok": True}
    if isinstance(pdu, ReadRequest):
        facts |= {"address": pdu.address, "count": pdu.count}
    elif isinstance(pdu, ExceptionResponse):
        facts |= {"exception": pdu.code, "exception_code": pdu.code}
    elif isinstance(pdu, ReadResponse):
        facts |= {"byte_count": len(pdu.data), "bits_hex": pdu.data.hex(" ").upper()}
        facts |= {"registers": list(pdu.registers())} if pdu.function > 2 else {"bits": list(pdu.bits())}
    elif pdu.function in (5, 6, 15, 16) and len(pdu.data) >= 4:
        address, second = struct.unpack_from(">HH", pdu.data)
        facts |= {"address": address, "value" if pdu.function <= 6 else "count": second}
    if isinstance(pdu, ExceptionResponse) and expected.get("function", 0) & 0x80:
        facts["function"] = pdu.function | 0x80
    for key in expected.keys() & facts.keys():
        comparison.check(key, expected[key], facts[key])
    if isinstance(pdu, ReadResponse) and pdu.function > 2:
        _check_values(comparison, vector, expected, pdu)
    known = facts.keys() | {"values", "assumed_start_address"}
    comparison.notes += [f"not compared: {key}" for key in sorted(expected.keys() - known)]


def _check_values(
    comparison: Comparison, vector: dict[str, Any], expected: dict[str, Any], pdu: ReadResponse
) -> None:
    start = expected.get("assumed_start_address")
    profile = profile_for(vector.get("device", "")) if start is not None else None
    known = {}
    if profile is not None and start is not None:
        known = profile_values(profile, [(Block(pdu.function, start, len(pdu.data) // 2), pdu.data)])
    offset = 0
    for value in expected.get("values", []):
        kind, name = value["type"], value["name"]
        at = (start or 0) + offset
        if at in known:
            point, got = known[at]
            comparison.name(f"quantity at {at}", name, point.quantity.name)
            comparison.quantity(name, value["value"], value["unit"], got, point.quantity.unit, point.digits)
        else:
            raw = raw_value(pdu.data, offset, kind, value.get("word_order", "big"))
            if kind.startswith("f") or raw == value["value"]:
                comparison.check(name, value["value"], raw)
            else:
                comparison.notes.append(f"not compared: {name}, no profile point for its scale")
        offset += words_of(kind)
