"""Which requests read a set of registers with the fewest bytes on the bus."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from drivers.modbus.registers import Block
from drivers.profile import Modbus

MAX_BITS = 2000


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes that a request costs beside its data: both frames, and silence as the bytes it could carry."""

    per_request: float
    per_word: float = 2.0

    @classmethod
    def tcp(cls) -> Cost:
        """12 + 9 bytes of Modbus, 2 * 40 of TCP/IP headers and as many again of acknowledgements."""
        return cls(per_request=181.0)

    @classmethod
    def rtu(cls, baud: int, quiet_s: float = 0.0) -> Cost:
        """8 + 5 bytes of frames, twice 3.5 characters of silence, and the quiet time of the device."""
        return cls(per_request=13 + 7 + quiet_s * baud / 10)


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """Registers that must come in one request: one number, or numbers that belong together."""

    function: int
    address: int
    count: int

    @property
    def end(self) -> int:
        return self.address + self.count


def plan(
    needs: Iterable[Need], limits: Modbus, cost: Cost, refused: Collection[tuple[int, int]] = ()
) -> list[Block]:
    """The cheapest requests that read all `needs`. Dynamic programming over the gaps, O(n * max_words).

    refused: (function, address) of registers that the device refuses; no request touches them.
    A need longer than the limits allow, or refused itself, is left out.
    """
    barred = frozenset(refused)
    blocks: list[Block] = []
    by_function: dict[int, list[Need]] = {}
    for need in sorted(set(needs)):
        if _block([need], limits, barred) is not None:
            by_function.setdefault(need.function, []).append(need)
    for wanted in by_function.values():
        blocks += _cheapest(_merged(wanted, limits, barred), limits, cost, barred)
    return blocks


def _merged(needs: Sequence[Need], limits: Modbus, refused: frozenset[tuple[int, int]]) -> list[Need]:
    """Needs that overlap become one, if one request may bring both."""
    merged: list[Need] = []
    for need in needs:
        if merged and need.address < merged[-1].end:
            last = merged[-1]
            both = Need(need.function, last.address, max(last.end, need.end) - last.address)
            if _block([both], limits, refused) is not None:
                merged[-1] = both
                continue
        merged.append(need)
    return merged


def _cheapest(
    needs: Sequence[Need], limits: Modbus, cost: Cost, refused: frozenset[tuple[int, int]]
) -> list[Block]:
    best: list[tuple[float, int, Block | None]] = [(0.0, 0, None)]
    for end in range(1, len(needs) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            if needs[end - 1].end - needs[start].address > max(limits.max_words, MAX_BITS):
                break
            block = _block(needs[start:end], limits, refused)
            if block is not None:
                price = best[start][0] + cost.per_request + cost.per_word * block.byte_count / 2
                options.append((price, start, block))
        best.append(min(options, key=lambda option: (option[0], -option[1])))
    blocks: list[Block] = []
    at = len(needs)
    while at:
        _, start, block = best[at]
        if block is not None:
            blocks.append(block)
        at = start
    return blocks[::-1]


def _block(needs: Sequence[Need], limits: Modbus, refused: frozenset[tuple[int, int]]) -> Block | None:
    """The request that brings exactly these needs, or None if the device would refuse it."""
    function = needs[0].function
    first, end = needs[0].address, max(need.end for need in needs)
    holes = [
        (before.end, after.address)
        for before, after in itertools.pairwise(needs)
        if after.address > before.end
    ]
    if function in (3, 4) and (limits.even or limits.odd_start):
        remainder = 1 if limits.odd_start else 0
        if first % 2 != remainder:
            holes.append((first - 1, first))
            first -= 1
        if (end - first) % 2:
            holes.append((end, end + 1))
            end += 1
    limit = limits.max_words if function in (3, 4) else MAX_BITS
    if first < 0 or end > 65536 or end - first > limit:
        return None
    if limits.exact and len(needs) > 1:
        return None
    if any(not _readable(hole, limits) for hole in holes):
        return None
    if refused and any((function, address) in refused for address in range(first, end)):
        return None
    return Block(function, first, end - first)


def _readable(hole: tuple[int, int], limits: Modbus) -> bool:
    return any(low <= hole[0] and hole[1] - 1 <= high for low, high in limits.holes)
