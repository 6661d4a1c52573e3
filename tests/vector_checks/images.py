"""Register images read from devices, and bit images."""

from __future__ import annotations

from typing import Any

from drivers.errors import FrameError
from drivers.frames.modbus_pdu import ReadResponse
from drivers.modbus.registers import Block

from .compare import REFUSED, Comparison, Outcome, canonical, refusal
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
        data = bytes.fromhex(block["words_hex"])
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
        name = canonical(value["name"])
        compared += 1
        if name:
            comparison.check(f"quantity at {value['address']}", name, point.quantity.name)
        expected = value["value"]
        if point.magnitude and isinstance(expected, int | float):
            expected = abs(expected)
        comparison.quantity(value["name"], expected, value["unit"], got, point.quantity.unit, point.digits)
    comparison.notes.insert(0, f"{compared} values by profile {profile}")


def _find(address: int, words: int, blocks: list[tuple[Block, bytes]]) -> tuple[Block, bytes] | None:
    for block, data in blocks:
        if block.address <= address and address + words <= block.address + block.count:
            return block, data
    return None
