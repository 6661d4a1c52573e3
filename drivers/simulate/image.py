"""Values to register words: the reverse of `drivers.modbus.registers`, for every type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from struct import pack

from drivers.modbus.registers import cell_bytes
from drivers.profile import Cell, Point

_SIZES = {"u16": 2, "s16": 2, "u24": 4, "u32": 4, "s32": 4, "u48": 8, "u64": 8, "s64": 8, "bcd16": 2}
_SIZES |= {"bcd32": 4, "bcd48": 8, "bcd64": 8, "bit": 2}


class Image:
    """The registers (and bits) of one device: function -> 65536 words, made as they are written."""

    def __init__(self) -> None:
        self._words: dict[tuple[int, int], int] = {}

    def word(self, function: int, address: int) -> int:
        """The word at an address; 0 where nothing was written."""
        return self._words.get((function, address), 0)

    def put_word(self, function: int, address: int, word: int) -> None:
        self._words[function, address] = word

    def words(self, function: int, address: int, count: int) -> bytes:
        """Register bytes as an answer carries them; for functions 1 and 2 packed bits."""
        if function in (1, 2):
            packed = bytearray((count + 7) // 8)
            for i in range(count):
                packed[i >> 3] |= (self.word(function, address + i) & 1) << (i & 7)
            return bytes(packed)
        return b"".join(self.word(function, address + i).to_bytes(2, "big") for i in range(count))

    def put_raw(self, cell: Cell, raw: int | float) -> None:
        """Write one raw number in a cell's type and orders. Raises OverflowError if it does not fit."""
        if cell.function in (1, 2):
            self.put_word(cell.function, cell.address, int(raw) & 1)
            return
        if cell.mask is not None or (cell.type == "bit" and cell.bit is not None):
            self._put_bits(cell, int(raw))
            return
        data = encode(cell, raw)
        block = bytearray(2 * cell.words)
        for byte, place in zip(data, cell_bytes(cell, cell.address), strict=True):
            if place >= 0:
                block[place] = byte
        for i in range(cell.words):
            self.put_word(cell.function, cell.address + i, int.from_bytes(block[2 * i : 2 * i + 2], "big"))

    def put_identity(self, cell: Cell, told: str | int | None) -> None:
        """Write what an identity register says: text padded with spaces, or a number; SIM and 1 if None."""
        if cell.type != "string":
            self.put_raw(cell, 1 if told is None else int(told))
            return
        text = str("SIM" if told is None else told).encode("ascii").ljust(2 * cell.words)
        for i in range(cell.words):
            self.put_word(cell.function, cell.address + i, int.from_bytes(text[2 * i : 2 * i + 2], "big"))

    def _put_bits(self, cell: Cell, raw: int) -> None:
        mask = cell.mask if cell.mask is not None else 1 << (cell.bit or 0)
        low = (mask & -mask).bit_length() - 1
        old = self.word(cell.function, cell.address)
        self.put_word(cell.function, cell.address, old & ~mask | raw << low & mask)

    def put(self, point: Point, value: float, factors: Mapping[str, Fraction | None]) -> None:
        """Write a value in the quantity's unit, rounded to what the registers can say."""
        for (cell, _), raw in zip(point.terms, raw_of(point, value, factors), strict=True):
            self.put_raw(cell, raw)


def raw_of(point: Point, value: float, factors: Mapping[str, Fraction | None]) -> list[int | float]:
    """Raw numbers of a point's cells for a value: the largest weight first, the rest in what is left."""
    if point.map is not None:
        raws = [raw for raw, mapped in point.map.items() if mapped == value]
        return [int(raws[0])] if raws else [0]
    exact = Fraction(str(value))
    for name in point.factors:
        factor = factors.get(name)
        exact /= factor or 1
    left = exact * point.denominator - point.shift
    raws_by_cell: dict[int, int | float] = {}
    weights = sorted(enumerate(point.terms), key=lambda item: -abs(item[1][1]))
    for place, (index, (cell, weight)) in enumerate(weights):
        if cell.type in ("f32", "f64"):
            raw: int | float = float(left / weight)
        elif place == len(weights) - 1:
            raw = round(left / weight)
        else:
            raw = left // weight
        raws_by_cell[index] = raw
        left -= Fraction(raw) * weight
    return [raws_by_cell[index] for index in range(len(point.terms))]


def encode(cell: Cell, raw: int | float) -> bytes:
    """Bytes of one raw number, most significant first, as wide as the decoder's format."""
    if cell.type == "f32":
        return pack(">f", raw)
    if cell.type == "f64":
        return pack(">d", raw)
    number = int(raw)
    if cell.type.startswith("bcd"):
        number = int(str(number), 16)
    data = number.to_bytes(_SIZES[cell.type], "big", signed=cell.type.startswith("s"))
    unused = _SIZES[cell.type] * 8 - _bits(cell)
    if number >> (len(data) * 8 - unused) and unused:
        raise OverflowError(f"{raw} does not fit into {cell.type}")
    return data


def _bits(cell: Cell) -> int:
    return 24 if cell.type == "u24" else 16 * cell.words


def room_of(cell: Cell) -> float:
    """The first raw number that is too large for a cell."""
    if cell.type in ("f32", "f64"):
        return math.inf
    if cell.mask is not None:
        return (cell.mask >> ((cell.mask & -cell.mask).bit_length() - 1)) + 1
    if cell.type.startswith("bcd"):
        return 10.0 ** (4 * cell.words)
    if cell.type == "bit":
        return 2
    return 2.0 ** (_bits(cell) - cell.type.startswith("s"))
