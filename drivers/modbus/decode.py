"""Registers that were written down, decoded by a profile: for commissioning, bug reports and golden cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from drivers.errors import FrameError
from drivers.frames import modbus_rtu, modbus_tcp
from drivers.frames.modbus_pdu import ReadRequest, ReadResponse, decode_request, decode_response
from drivers.modbus.exchange import checksum
from drivers.modbus.registers import Block, BlockDecoder
from drivers.modbus.requests import used_factors
from drivers.profile import Cell, Profile

Words = dict[tuple[int, int], int]
"""(function, address) -> word."""


def decode_words(
    profile: Profile, words: Mapping[tuple[int, int], int], ratios: Mapping[str, float] | None = None
) -> dict[str, float | None]:
    """Values of every point whose registers are all there; None where they say "no value".

    ratios: of the installer; missing ones count as their default, else as 1.
    """
    given = ratios or {}
    factors: dict[str, Fraction | None] = {
        name: Fraction(str(given.get(name, default or 1)))
        for name, default in profile.installer_ratios.items()
    }
    for factor in used_factors(profile, profile.points).values():
        if factor.cell is not None:
            factors[factor.name] = None
            if _there([factor.cell], words):
                block = _block([factor.cell])
                BlockDecoder(block, [], [factor]).decode(_data(block, words), factors)
    found: dict[str, float | None] = {}
    for point in profile.points:
        if _there(point.cells, words):
            block = _block(point.cells)
            found[point.quantity.name] = BlockDecoder(block, [point]).decode(_data(block, words), factors)[0]
    return found


def parse_words(text: str, function: int) -> Words:
    """`ADDRESS:HEX` or `ADDRESS: 4366 4000`: words from an address on. Raises FrameError."""
    address, colon, digits = text.partition(":")
    digits = re.sub(r"[\s,]|0x", "", digits)
    if not colon or not address.strip().isdigit() or not re.fullmatch(r"(?:[0-9A-Fa-f]{4})+", digits):
        raise FrameError(f"{text!r} is not ADDRESS:HEX with four digits a register, as in 0:43664000")
    first = int(address)
    return {(function, first + i // 4): int(digits[i : i + 4], 16) for i in range(0, len(digits), 4)}


def parse_exchange(frames: Sequence[bytes], address: int | None) -> Words:
    """Words of one answer, RTU or TCP. The address comes from the request before it, or is given.

    Raises FrameError for wrong check sums and lengths, refusals, and a missing address.
    """
    request, response = None, None
    for i, frame in enumerate(frames):
        pdu = _pdu(frame)
        if len(frames) == 2 and i == 0:
            request = decode_request(pdu)
        else:
            response = decode_response(pdu)
    if isinstance(request, ReadRequest):
        address = request.address
    if not isinstance(response, ReadResponse):
        raise FrameError(f"no answer with registers: {response}")
    if address is None:
        raise FrameError("an answer does not say its address: give --address, or the request's frame first")
    if response.function in (1, 2):
        bits = response.bits()
        return {(response.function, address + i): int(bit) for i, bit in enumerate(bits)}
    return {(response.function, address + i): word for i, word in enumerate(response.registers())}


def _pdu(frame: bytes) -> bytes:
    if len(frame) >= 4 and checksum(frame[:-2]) == frame[-2:]:
        return frame[1:-2]
    cut = modbus_tcp.MbapFraming().frame_at(frame, 0) if len(frame) >= 8 and frame[2:4] == b"\0\0" else None
    if cut is not None:
        return cut[0].pdu
    told = modbus_rtu.crc16(frame[:-2]).to_bytes(2, "little").hex(" ")
    raise FrameError(f"neither RTU (check sum {frame[-2:].hex(' ')}, computed {told}) nor Modbus TCP")


def _there(cells: Sequence[Cell], words: Mapping[tuple[int, int], int]) -> bool:
    return all((cell.function, a) in words for cell in cells for a in range(cell.address, cell.end))


def _block(cells: Sequence[Cell]) -> Block:
    first = min(cell.address for cell in cells)
    return Block(cells[0].function, first, max(cell.end for cell in cells) - first)


def _data(block: Block, words: Mapping[tuple[int, int], int]) -> bytes:
    values = [words.get((block.function, block.address + i), 0) for i in range(block.count)]
    if block.function in (1, 2):
        packed = sum((value & 1) << i for i, value in enumerate(values))
        return packed.to_bytes(block.byte_count, "little")
    return b"".join(value.to_bytes(2, "big") for value in values)
