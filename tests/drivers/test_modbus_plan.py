"""The planner against every way of cutting the same registers into requests."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus.plan import Cost, Need, plan
from drivers.modbus.registers import Block
from drivers.profile import Modbus


def limits(**changed: object) -> Modbus:
    values: dict[str, object] = {
        "transports": ("rtu",), "unit_id": 1, "max_words": 10, "holes": ((0, 65535),), "even": False,
        "odd_start": False, "exact": False, "quiet_ms": 0, "serial": None,
    }  # fmt: skip
    return Modbus(**(values | changed))  # type: ignore[arg-type]


def price(blocks: list[Block], cost: Cost) -> float:
    return sum(cost.per_request + cost.per_word * block.count for block in blocks)


def brute_force(needs: list[Need], bounds: Modbus, cost: Cost, refused: set[int]) -> float:
    """The cheapest of all 2^(n-1) cuts of the sorted needs into runs."""
    best = float("inf")
    places = range(1, len(needs))
    for n in range(len(needs)):
        for cuts in combinations(places, n):
            edges = [0, *cuts, len(needs)]
            blocks = [_one(needs[a:b], bounds, refused) for a, b in pairwise(edges)]
            if all(blocks):
                best = min(best, price([block for block in blocks if block], cost))
    return best


def _one(run: list[Need], bounds: Modbus, refused: set[int]) -> Block | None:
    first, end = run[0].address, run[-1].end
    if bounds.even:
        first, end = first - first % 2, end + end % 2
    wanted = {address for need in run for address in range(need.address, need.end)}
    holes = set(range(first, end)) - wanted
    readable = {a for low, high in bounds.holes for a in range(low, min(high, 200) + 1)}
    if end - first > bounds.max_words or not holes <= readable or set(range(first, end)) & refused:
        return None
    return Block(3, first, end - first)


@st.composite
def register_maps(draw: st.DrawFn) -> list[Need]:
    address = 0
    needs = []
    for _ in range(draw(st.integers(1, 8))):
        address += draw(st.integers(0, 9))
        count = draw(st.sampled_from([1, 2, 4]))
        needs.append(Need(3, address, count))
        address += count
    return needs


@settings(max_examples=300, deadline=None)
@given(
    needs=register_maps(),
    per_request=st.sampled_from([1.0, 20.0, 181.0]),
    max_words=st.integers(4, 30),
    holes=st.sampled_from([(), ((0, 65535),), ((3, 20), (30, 60))]),
    even=st.booleans(),
    refused=st.sets(st.integers(0, 60), max_size=2),
)
def test_no_cut_is_cheaper(
    needs: list[Need],
    per_request: float,
    max_words: int,
    holes: tuple[tuple[int, int], ...],
    even: bool,
    refused: set[int],
) -> None:
    bounds = limits(max_words=max_words, holes=holes, even=even)
    cost = Cost(per_request)
    readable = [need for need in needs if _one([need], bounds, refused)]
    blocks = plan(needs, bounds, cost, {(3, address) for address in refused})
    for need in readable:
        assert any(b.address <= need.address and need.end <= b.address + b.count for b in blocks)
    assert all(block.count <= max_words for block in blocks)
    asked = {address for block in blocks for address in range(block.address, block.address + block.count)}
    assert not asked & refused
    assert price(blocks, cost) == (brute_force(readable, bounds, cost, refused) if readable else 0)


def test_forty_neighbours_are_one_request() -> None:
    needs = [Need(4, 2 * i, 2) for i in range(40)]
    assert plan(needs, limits(max_words=125), Cost.rtu(9600)) == [Block(4, 0, 80)]


def test_small_hole_is_read_through_and_large_one_is_not() -> None:
    needs = [Need(3, 0, 2), Need(3, 6, 2), Need(3, 90, 2)]
    blocks = plan(needs, limits(max_words=125), Cost.rtu(9600))
    assert blocks == [Block(3, 0, 8), Block(3, 90, 2)]


def test_odd_start_and_even_count_and_exact_reads() -> None:
    assert plan([Need(3, 4, 2)], limits(odd_start=True), Cost.tcp()) == [Block(3, 3, 4)]
    needs = [Need(3, 0, 2), Need(3, 2, 2)]
    assert plan(needs, limits(exact=True), Cost.tcp()) == [Block(3, 0, 2), Block(3, 2, 2)]


def test_functions_are_never_mixed_and_bits_have_their_own_limit() -> None:
    needs = [Need(3, 0, 2), Need(4, 2, 2), Need(2, 0, 1), Need(2, 300, 1)]
    blocks = plan(needs, limits(), Cost.tcp())
    assert blocks == [Block(2, 0, 301), Block(3, 0, 2), Block(4, 2, 2)]
