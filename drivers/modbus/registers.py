"""Bytes of a Modbus answer to values. Knows no socket and no clock.

A block is compiled once: one `struct` format for all its numbers and one row of constants for each
value, so that a poll costs one unpack and one list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from operator import itemgetter
from struct import Struct

from drivers.errors import FrameError
from drivers.profile import Cell, Factor, Point

Raw = int | float
Factors = Mapping[str, Fraction | None]
"""Multipliers by name; None is unknown, and every value that needs it is absent."""

_FORMATS = {
    "u16": "H", "s16": "h", "u24": "I", "u32": "I", "s32": "i", "u48": "Q", "u64": "Q", "s64": "q",
    "f32": "f", "f64": "d", "bcd16": "H", "bcd32": "I", "bcd48": "Q", "bcd64": "Q", "bit": "H",
}  # fmt: skip
_PADDED = {"u24": 1, "u48": 2, "bcd48": 2}  # zero bytes in front, to fill the next format
_ZERO = -1  # place of a zero byte behind the data


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers (or bits, for functions 1 and 2) from `address`."""

    function: int
    address: int
    count: int

    @property
    def byte_count(self) -> int:
        """Bytes of data in the answer."""
        return 2 * self.count if self.function in (3, 4) else (self.count + 7) // 8


def factor_value(factor: Factor, raw: Raw, others: Factors) -> Fraction | None:
    """The multiplier that a register says; None if it says nothing usable."""
    value = _plain_factor(factor.scale, factor.exponent, _frozen(factor.map), raw)
    if value is None or factor.divide_by is None:
        return value
    divisor = others.get(factor.divide_by)
    return value / divisor if divisor else None


@lru_cache(maxsize=4096)
def _plain_factor(
    scale: float, exponent: bool, mapping: tuple[tuple[float, float], ...] | None, raw: Raw
) -> Fraction | None:
    if mapping is not None:
        found = dict(mapping).get(float(raw))
        return None if found is None else Fraction(str(found))
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    if exponent:
        return Fraction(10) ** int(raw) if -10 <= raw <= 10 else None
    return Fraction(str(scale)) * Fraction(str(raw)) if raw > 0 else None


def _frozen(mapping: Mapping[float, float] | None) -> tuple[tuple[float, float], ...] | None:
    return None if mapping is None else tuple(mapping.items())


class BlockDecoder:
    """The values of one block's answer, and the raw numbers of the factors that stand in it.

    fields: quantity names in the order of `decode`'s values.
    """

    __slots__ = ("_expected", "_factors", "_fields", "_order", "_rows", "_specials", "_unpack", "block")

    def __init__(self, block: Block, points: Sequence[Point], factors: Sequence[Factor] = ()) -> None:
        self.block = block
        self._expected = block.byte_count
        self._fields = tuple(point.quantity.name for point in points)
        self._rows = tuple(_row(point) for point in points)
        cells = [point.terms[0][0] for point in points]
        self._specials: list[tuple[int, Callable[[Sequence[Raw], Factors], float | None]]] = []
        for index, point in enumerate(points):
            if _special(point):
                places = [index]
                for cell in point.cells[1:]:
                    places.append(len(cells))
                    cells.append(cell)
                self._specials.append((index, _Special(point, tuple(places))))
        self._factors = tuple(
            (factor, len(cells) + i, factor.cell) for i, factor in enumerate(factors) if factor.cell
        )
        cells += [cell for _, _, cell in self._factors]
        self._order, self._unpack = _layout(block, cells)

    @property
    def fields(self) -> tuple[str, ...]:
        return self._fields

    @property
    def holds_factors(self) -> bool:
        """Whether registers of this block multiply values of others."""
        return bool(self._factors)

    def decode(self, data: bytes, factors: dict[str, Fraction | None]) -> list[float | None]:
        """`data`: the answer's bytes behind its byte count. Factors of this block are put into `factors`.

        Raises FrameError if the length is not the block's.
        """
        if len(data) != self._expected:
            raise FrameError(f"{len(data)} bytes of data instead of {self._expected}")
        raw = self._unpack(data if self._order is None else bytes(self._order(data + b"\0")))
        for factor, place, cell in self._factors:
            factors[factor.name] = factor_value(factor, _bcd_or(raw[place], cell), factors)
        values: list[float | None] = [
            round(x * numerator / denominator, digits) if low <= x <= high else None
            for x, (numerator, denominator, digits, low, high) in zip(raw, self._rows, strict=False)
        ]
        for index, special in self._specials:
            values[index] = special(raw, factors)
        return values


def identity_value(cell: Cell, data: bytes) -> str | int | None:
    """What an identity register says: text without its padding, or a number. `data`: the cell's own bytes."""
    if cell.type == "string":
        swapped = bytes(data[place] for place in cell_bytes(cell, cell.address))
        text = swapped.split(b"\0")[0].decode("ascii", "replace").strip()
        return text or None
    order, unpack = _layout(Block(cell.function, cell.address, cell.words), [cell])
    number = _bcd_or(unpack(data if order is None else bytes(order(data + b"\0")))[0], cell)
    return int(number) if math.isfinite(number) else None


def _row(point: Point) -> tuple[int, int, int, float, float]:
    (_, numerator) = point.terms[0]
    bounds = sorted(
        (bound * point.denominator - point.shift) / numerator for bound in (point.minimum, point.maximum)
    )
    return numerator, point.denominator, point.digits, bounds[0], bounds[1]


def _special(point: Point) -> bool:
    """Whether a point needs more than raw * numerator / denominator inside its bounds."""
    cell = point.terms[0][0]
    return bool(
        len(point.terms) > 1
        or point.shift
        or point.sentinels
        or point.map is not None
        or point.magnitude
        or point.factors
        or cell.mask is not None
        or cell.type == "bit"
        or cell.type.startswith("bcd")
    )


class _Special:
    """A point with sentinels, several terms, bits, a map or factors."""

    __slots__ = ("_cells", "_places", "_point")

    def __init__(self, point: Point, places: tuple[int, ...]) -> None:
        self._point = point
        self._places = places
        self._cells = point.cells

    def __call__(self, raw: Sequence[Raw], factors: Factors) -> float | None:
        point = self._point
        total: Raw = point.shift
        for place, (cell, numerator) in zip(self._places, point.terms, strict=True):
            x = raw[place]
            if x in point.sentinels:
                return None
            x = _bcd_or(x, cell)
            if isinstance(x, float) and not math.isfinite(x):
                return None
            total += x * numerator
        return finish(point, total, factors)


def finish(point: Point, total: Raw, factors: Factors) -> float | None:
    """The value of a point from the weighted sum of its raw numbers; None if it is absent."""
    if point.map is not None:
        return point.map.get(float(total / point.denominator))
    denominator = point.denominator
    for name in point.factors:
        factor = factors.get(name)
        if factor is None:
            return None
        total *= factor.numerator
        denominator *= factor.denominator
    value = total / denominator
    if isinstance(total, float):
        value = round(value, point.digits)
    if point.magnitude:
        value = abs(value)
    return value if point.minimum <= value <= point.maximum else None


def _bcd_or(x: Raw, cell: Cell) -> Raw:
    """The number that a BCD, masked or bit cell means; NaN if a BCD digit is above 9."""
    if cell.type.startswith("bcd"):
        try:
            return int(f"{x:x}")
        except ValueError:
            return math.nan
    if cell.mask is not None:
        masked = int(x) & cell.mask
        return masked >> ((cell.mask & -cell.mask).bit_length() - 1)
    if cell.type == "bit":
        return int(x) >> (cell.bit or 0) & 1
    return x


def _layout(
    block: Block, cells: Sequence[Cell]
) -> tuple[Callable[[bytes], tuple[int, ...]] | None, Callable[[bytes], tuple[Raw, ...]]]:
    """(reordering of bytes or None, unpack), so that the numbers come in the order of `cells`."""
    if block.function in (1, 2):
        return None, _bits([cell.address - block.address for cell in cells])
    direct = _direct_format(block, cells)
    if direct is not None:
        return None, Struct(direct).unpack
    places = [place for cell in cells for place in cell_bytes(cell, block.address)]
    form = Struct(">" + "".join(_FORMATS[cell.type] for cell in cells))
    return itemgetter(*places), form.unpack


def _direct_format(block: Block, cells: Sequence[Cell]) -> str | None:
    """A format that reads the answer as it stands, or None where bytes must be reordered."""
    form = ">"
    at = block.address
    for cell in cells:
        swapped = (cell.word_order != "big" and cell.words > 1) or cell.byte_order != "big"
        if swapped or cell.type in _PADDED or cell.address < at:
            return None
        form += f"{2 * (cell.address - at)}x" if cell.address > at else ""
        form += _FORMATS[cell.type]
        at = cell.end
    tail = block.address + block.count - at
    return form + (f"{2 * tail}x" if tail else "")


def cell_bytes(cell: Cell, first: int) -> list[int]:
    """Places of a cell's bytes in a block from register `first`, most significant byte first."""
    words = range(cell.address, cell.end)
    ordered = words if cell.word_order == "big" else reversed(words)
    within = (0, 1) if cell.byte_order == "big" else (1, 0)
    places = [2 * (word - first) + byte for word in ordered for byte in within]
    if cell.type == "u24":
        return [_ZERO, *places[1:]]
    return [_ZERO] * _PADDED.get(cell.type, 0) + places


def _bits(places: Sequence[int]) -> Callable[[bytes], tuple[Raw, ...]]:
    def unpack(data: bytes) -> tuple[Raw, ...]:
        return tuple(data[place >> 3] >> (place & 7) & 1 for place in places)

    return unpack
