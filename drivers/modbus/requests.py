"""The requests that read a profile's points, each with its decoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from drivers.modbus.plan import Cost, Need, plan
from drivers.modbus.registers import Block, BlockDecoder
from drivers.profile import Cell, Factor, Modbus, Point, Profile


@dataclass(frozen=True, slots=True)
class Request:
    """One planned request and what it brings."""

    block: Block
    decoder: BlockDecoder


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """All requests of a read, those with factors first, and the names of their values in order."""

    requests: tuple[Request, ...]
    fields: tuple[str, ...]


@lru_cache(maxsize=256)
def read_plan(
    profile: Profile, limits: Modbus, groups: frozenset[str], cost: Cost, refused: frozenset[tuple[int, int]]
) -> ReadPlan:
    """The cheapest requests for these poll groups. Devices of one model share the result.

    limits: the profile's, or what the device turned out to take.
    """
    points = [point for point in profile.points if point.group in groups]
    blocks = plan(needs(profile, points), limits, cost, refused)
    left = list(points)
    factors = used_factors(profile, points)
    requests = []
    for block in blocks:
        inside = [point for point in left if all(_within(cell, block) for cell in point.cells)]
        left = [point for point in left if point not in inside]
        held = [f for f in factors.values() if f.cell is not None and _within(f.cell, block)]
        for factor in held:
            del factors[factor.name]
        inside.sort(key=lambda point: point.terms[0][0].address)
        if inside or held:
            requests.append(Request(block, BlockDecoder(block, inside, held)))
    requests.sort(key=lambda request: not request.decoder.holds_factors)
    return ReadPlan(tuple(requests), tuple(name for r in requests for name in r.decoder.fields))


def needs(profile: Profile, points: Iterable[Point]) -> list[Need]:
    """What must be read for these points, and the registers of their factors."""
    wanted = list(points)
    found = []
    for point in wanted:
        cells = list(point.cells)
        for name in point.factors:
            factor = profile.factors[name]
            if factor.cell and factor.same_request:
                cells.append(factor.cell)
        found.append(_need(cells))
    for factor in used_factors(profile, wanted).values():
        if factor.cell is not None:
            found.append(_need([factor.cell]))
    return found


def used_factors(profile: Profile, points: Iterable[Point]) -> dict[str, Factor]:
    """Factors of these points, divisors before what they divide."""
    used: dict[str, Factor] = {}
    for point in points:
        for name in point.factors:
            factor = profile.factors[name]
            if factor.divide_by:
                used.setdefault(factor.divide_by, profile.factors[factor.divide_by])
            used.setdefault(name, factor)
    return used


def _need(cells: Sequence[Cell]) -> Need:
    first = min(cell.address for cell in cells)
    return Need(cells[0].function, first, max(cell.end for cell in cells) - first)


def _within(cell: Cell, block: Block) -> bool:
    inside = block.address <= cell.address and cell.end <= block.address + block.count
    return cell.function == block.function and inside
