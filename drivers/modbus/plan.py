"""Which requests read a set of registers with the fewest bytes on the bus."""

from __future__ import annotations

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
        if _block_of(need, limits, barred) is not None:
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
            if _block_of(both, limits, refused) is not None:
                merged[-1] = both
                continue
        merged.append(need)
    return merged


def _block_of(need: Need, limits: Modbus, refused: frozenset[tuple[int, int]]) -> Block | None:
    """The request for one need; None if the device would refuse it."""
    if any((need.function, address) in refused for address in range(need.address, need.end)):
        return None
    return _block(need.function, need.address, need.end, limits, refused)


def _cheapest(
    needs: Sequence[Need], limits: Modbus, cost: Cost, refused: frozenset[tuple[int, int]]
) -> list[Block]:
    best: list[tuple[float, int, Block | None]] = [(0.0, 0, None)]
    for last in range(len(needs)):
        options = []
        end = needs[last].end
        for start in range(last, -1, -1):
            if start < last and not _joinable(needs[start], needs[start + 1], limits, refused):
                break
            end = max(end, needs[start].end)
            block = _block(needs[start].function, needs[start].address, end, limits, refused)
            if block is None and end - needs[start].address > _longest(limits, needs[start].function):
                break
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


def _joinable(before: Need, after: Need, limits: Modbus, refused: frozenset[tuple[int, int]]) -> bool:
    """Whether one request may bring both and what lies between."""
    if limits.exact:
        return False
    return before.end >= after.address or _readable(
        before.function, before.end, after.address, limits, refused
    )


def _block(
    function: int, first: int, end: int, limits: Modbus, refused: frozenset[tuple[int, int]]
) -> Block | None:
    """The request from `first` up to `end`, widened to even places if need be; None if it is not allowed."""
    if function in (3, 4) and (limits.even or limits.odd_start):
        start = first - (first % 2 != limits.odd_start)
        stop = end + (end - start) % 2
        for hole in ((start, first), (end, stop)):
            if hole[0] < hole[1] and not _readable(function, *hole, limits, refused):
                return None
        first, end = start, stop
    if first < 0 or end > 65536 or end - first > _longest(limits, function):
        return None
    return Block(function, first, end - first)


def _longest(limits: Modbus, function: int) -> int:
    return limits.max_words if function in (3, 4) else MAX_BITS


def _readable(
    function: int, first: int, end: int, limits: Modbus, refused: frozenset[tuple[int, int]]
) -> bool:
    """Whether unused registers from `first` up to `end` are answered."""
    if not any(low <= first and end - 1 <= high for low, high in limits.holes):
        return False
    return not refused or all((function, address) not in refused for address in range(first, end))
