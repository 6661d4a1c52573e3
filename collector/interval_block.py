"""One register's intervals of one UTC day, packed into a few hundred bytes.

A day of measured quarter hours needs only its energies; anything else (gaps, odd lengths,
estimates) is kept record by record. Both forms give back exactly what was put in.

    regular: 1, first start in ms of the day (u32), length s (u32), then float64 energies
    records: 0, then per interval: start in ms of the day (u32), length s (u32),
             energy (float64), measured s (u32), quality (u8)

All little-endian.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise

DAY_MS = 86_400_000

Interval = tuple[int, int, float, int, int]
"""(start ms UTC, length s, energy, measured s, quality): a row of edge.wire.IntervalGroup."""

_HEAD = struct.Struct("<BII")
_RECORD = struct.Struct("<IIdIB")
_REGULAR, _RECORDS = 1, 0


def encode(day_start: int, rows: Sequence[Interval]) -> bytes:
    """Pack rows of one UTC day; they are sorted by start and have distinct starts."""
    first, length = rows[0][0], rows[0][1]
    step = length * 1000
    if step and all(
        row[0] == at and row[1] == length and row[3] == length and row[4] == 0
        for row, at in zip(rows, range(first, first + len(rows) * step, step), strict=True)
    ):
        energies = array("d", [row[2] for row in rows])
        if sys.byteorder == "big":
            energies.byteswap()
        return _HEAD.pack(_REGULAR, first - day_start, length) + energies.tobytes()
    return bytes([_RECORDS]) + b"".join(
        [_RECORD.pack(at - day_start, length, energy, measured, quality)
         for at, length, energy, measured, quality in rows]
    )  # fmt: skip


def decode(day_start: int, block: bytes, start: int = 0, end: int = 1 << 62) -> list[Interval]:
    """The rows that `encode` packed and that begin in [start, end)."""
    if block[0] == _RECORDS:
        return [
            (day_start + at, length, energy, measured, quality)
            for at, length, energy, measured, quality in _RECORD.iter_unpack(block[1:])
            if start <= day_start + at < end
        ]
    _, offset, length = _HEAD.unpack_from(block)
    energies = array("d")
    energies.frombytes(block[_HEAD.size :])
    if sys.byteorder == "big":
        energies.byteswap()
    first, step = day_start + offset, length * 1000
    below = max(0, -((first - start) // step))
    above = max(0, -((first - end) // step))
    first += below * step
    return [(first + i * step, length, energy, length, 0) for i, energy in enumerate(energies[below:above])]


def by_day(rows: Iterable[Interval]) -> dict[int, list[Interval]]:
    """Rows by the start of their UTC day in ms, each day sorted, the last row of a start kept."""
    days: dict[int, list[Interval]] = {}
    day_end, current = 0, list[Interval]()
    for row in rows:
        start = row[0]
        if not day_end - DAY_MS <= start < day_end:
            day_start = start - start % DAY_MS
            day_end = day_start + DAY_MS
            current = days.setdefault(day_start, [])
        current.append(row)
    return {day_start: _sorted_once(day) for day_start, day in days.items()}


def merged(old: Sequence[Interval], new: Sequence[Interval]) -> list[Interval]:
    """Both, sorted by start; where both have one, the new one."""
    if old[-1][0] < new[0][0]:
        return [*old, *new]
    return _sorted_once([*old, *new])


def _sorted_once(rows: list[Interval]) -> list[Interval]:
    if all(one[0] < two[0] for one, two in pairwise(rows)):
        return rows
    last = {row[0]: row for row in rows}
    return [last[start] for start in sorted(last)]
