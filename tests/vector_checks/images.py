"""Register images read from devices, and bit images."""

from __future__ import annotations

from typing import Any

from drivers.errors import FrameError
from drivers.frames.modbus_pdu import ReadResponse
from drivers.modbus.registers import Block
from drivers.profile import Point

from .compare import REFUSED, Comparison, Outcome, canonical, convert, refusal
from .profiles import profile_for, profile_values, raw_value, words_of
from .sunspec import check as check_sunspec


def check_registers(vector: dict[str, Any]) -> Outcome:
    if vector["status"] in REFUSED:
        return refusal(lambda: blocks_of(vector))
    blocks = blocks_of(vector)
    comparison = Comparison()
    if "SunSpec" in vector["protocol"]:
        check_sunspec(comparison, vector["decoded"], blocks)
        return comparison.outcome()
    decoded = vector["decoded"]
    values = decoded.get("values", [])
    _check_words(comparison, values, blocks)
    _check_texts(comparison, decoded, blocks)
    profile = profile_for(vector["device"])
    if profile is not None:
        _check_profile(comparison, values, profile_values(profile, blocks), profile.name)
    elif any(canonical(value["name"]) for value in values) and not comparison.problems:
        return Outcome("not applicable", [f"no profile for {vector['device']}; its words decode as stated"])
    return comparison.outcome()


def check_bits(vector: dict[str, Any]) -> Outcome:
    comparison = Comparison()
    bits: list[bool] = []
    for block in vector["blocks"]:
        answer = ReadResponse(vector["function"], bytes.fromhex(block["bytes_hex"]))
        bits += answer.bits()[: block["count"]]
    comparison.check("bits", [bool(bit) for bit in vector["decoded"]["bits"]], bits)
    return comparison.outcome()


def blocks_of(vector: dict[str, Any]) -> list[tuple[Block, bytes]]:
    """The requests that were made and the bytes that came back. Raises FrameError if they do not fit."""
    blocks = []
    for block in vector["blocks"]:
        try:
            data = bytes.fromhex(block["words_hex"])
        except ValueError as error:
            raise FrameError(f"words_hex: {error}") from None
        if len(data) != 2 * block["count"]:
            raise FrameError(f"{len(data)} bytes for {block['count']} registers")
        blocks.append(
            (Block(block.get("function", vector["function"]), block["address"], block["count"]), data)
        )
    return blocks


def _check_words(
    comparison: Comparison, values: list[dict[str, Any]], blocks: list[tuple[Block, bytes]]
) -> None:
    """The register codec against the raw numbers, with type and order as the vector states them."""
    for value in values:
        kind, order, raw = value.get("type", ""), value.get("word_order", "big"), value.get("raw")
        found = _find(value["address"], words_of(kind), blocks)
        if found is None or raw is None or not isinstance(raw, int | float) or kind[:1] not in "usf":
            continue
        block, data = found
        try:
            got = raw_value(data, value["address"] - block.address, kind, order)
        except FrameError:
            comparison.notes.append(f"not compared: {value['name']} of type {kind}")
            continue
        comparison.check(f"raw {value['name']}", raw, got)


def _check_texts(comparison: Comparison, decoded: dict[str, Any], blocks: list[tuple[Block, bytes]]) -> None:
    words = b" ".join(data for _, data in blocks).replace(b"\0", b" ").decode("ascii", "replace")
    for key, text in decoded.items():
        if isinstance(text, str):
            comparison.check(key, True, text in words)


def _check_profile(
    comparison: Comparison, values: list[dict[str, Any]], known: dict[int, Any], profile: str
) -> None:
    compared = 0
    for value in values:
        point, got = known.get(value["address"], (None, None))
        if point is None:
            comparison.notes.append(f"{profile} has no point at {value['address']} ({value['name']})")
            continue
        compared += 1
        comparison.name(f"quantity at {value['address']}", value["name"], point.quantity.name)
        _check_value(comparison, value, point, got)
    comparison.notes.insert(0, f"{compared} values by profile {profile}")


def _check_value(comparison: Comparison, value: dict[str, Any], point: Point, got: float | None) -> None:
    """One value by its profile, which may add registers up, drop a sign, or call a value absent."""
    expected, raw = value["value"], value.get("raw")
    if isinstance(expected, int | float):
        expected = abs(expected) if point.magnitude else expected
        converted = convert(float(expected), value["unit"], point.quantity.unit)
        implausible = converted is not None and not point.minimum <= converted <= point.maximum
        if got is None and (raw in point.sentinels or implausible):
            comparison.notes.append(f"{value['name']} {expected!r} is absent by the profile")
            return
        if len(point.terms) > 1 and got != converted:
            comparison.notes.append(f"{value['name']} is one part of the profile's sum")
            return
    comparison.quantity(value["name"], expected, value["unit"], got, point.quantity.unit, point.digits)


def _find(address: int, words: int, blocks: list[tuple[Block, bytes]]) -> tuple[Block, bytes] | None:
    for block, data in blocks:
        if block.address <= address and address + words <= block.address + block.count:
            return block, data
    return None
