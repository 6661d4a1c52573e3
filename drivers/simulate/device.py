"""A simulated Modbus device: a profile's registers, filled from a load, with faults on demand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from drivers.modbus.registers import Block
from drivers.profile import Cell, Point, Profile
from drivers.simulate.image import Image, room_of
from drivers.simulate.physics import Load, Values

ILLEGAL_ADDRESS = 2


@dataclass
class Faults:
    """What is wrong with a device.

    dead: no answer. refuse: (function, address) answered with exception 2. delay_s: before each answer.
    late: how many of the next answers come `late_by_s` after their request. garble: how many of the next
    answers have a wrong byte. exception: answers everything with this code. longest: refuses longer reads.
    """

    dead: bool = False
    refuse: set[tuple[int, int]] = field(default_factory=set)
    delay_s: float = 0.0
    late: int = 0
    late_by_s: float = 0.0
    garble: int = 0
    exception: int = 0
    longest: int = 2000


class SimulatedDevice:
    """Serves a profile's points. Values follow `load` and the clock, until they are set or frozen.

    clock: Unix seconds. tick_s: how long one set of values stands. ratios: as in edge.toml.
    """

    def __init__(
        self,
        profile: Profile,
        load: Values | None = None,
        clock: Callable[[], float] = time.time,
        tick_s: float = 1.0,
        ratios: Mapping[str, float] | None = None,
    ) -> None:
        self.profile = profile
        self.load: Values = load or Load()
        self.faults = Faults()
        self.image = Image()
        self.reads = 0
        self.frozen = False
        self._clock = clock
        self._tick_s = tick_s
        self._tick: int | None = None
        self._set: dict[str, float] = {}
        self._raw: dict[str, tuple[int | float, ...]] = {}
        self._cache: dict[Block, bytes] = {}
        self.factors = self._write_factors(ratios or {})
        self._room = {point.quantity.name: self._room_of(point) for point in profile.points}
        for identity in profile.identity:
            self.image.put_identity(identity.cell, identity.equals)
        told = tuple(identity.cell for identity in profile.identity)
        self._known = {
            (cell.function, address)
            for cells in [*(point.cells for point in profile.points), self._factor_cells(), told]
            for cell in cells
            for address in range(cell.address, cell.end)
        }

    def put(self, name: str, value: float | None) -> None:
        """Serve this value from now on, in the quantity's unit; None: follow the load again."""
        if value is None:
            self._set.pop(name, None)
        else:
            self._set[name] = value
        self._raw.pop(name, None)
        self._tick = None

    def set_raw(self, name: str, *raw: int | float) -> None:
        """Serve these raw numbers for a quantity: sentinels, NaN, out of range."""
        self._raw[name] = raw
        self._tick = None

    def value(self, name: str) -> float:
        """The value that stands behind a quantity now, before it is rounded to registers.

        A value of the load that the registers cannot hold starts again at 0, as a counter does.
        """
        if name in self._set:
            return self._set[name]
        value = self.load.value(name, self._now_tick() * self._tick_s)
        return value % self._room[name] if value >= self._room[name] else value

    def answer(self, block: Block) -> bytes | int:
        """Data bytes, or the code of an exception."""
        self.reads += 1
        if self.faults.exception:
            return self.faults.exception
        asked = {(block.function, block.address + i) for i in range(block.count)}
        if block.count > self.faults.longest or asked & self.faults.refuse or not self._holes_answered(asked):
            return ILLEGAL_ADDRESS
        self._refresh()
        if block not in self._cache:
            self._cache[block] = self.image.words(block.function, block.address, block.count)
        return self._cache[block]

    def _holes_answered(self, asked: set[tuple[int, int]]) -> bool:
        assert self.profile.modbus is not None
        unknown = asked - self._known
        return all(
            any(low <= address <= high for low, high in self.profile.modbus.holes) for _, address in unknown
        )

    def _refresh(self) -> None:
        tick = self._now_tick()
        if tick == self._tick:
            return
        self._tick = tick
        self._cache.clear()
        written: set[Cell] = set()
        for point in sorted(self.profile.points, key=lambda point: len(point.terms)):
            if not written.issuperset(point.cells):  # else it is a sum of what stands there already
                self._write(point)
                written.update(point.cells)

    def _now_tick(self) -> int:
        if self.frozen and self._tick is not None:
            return self._tick
        return int(self._clock() // self._tick_s)

    def _write(self, point: Point) -> None:
        name = point.quantity.name
        if name in self._raw:
            for cell, raw in zip(point.cells, self._raw[name], strict=True):
                self.image.put_raw(cell, raw)
            return
        self.image.put(point, self.value(name), self.factors)

    def _room_of(self, point: Point) -> float:
        """The first value that is too large for the point's registers."""
        room = (
            point.modulus
            or sum(room_of(cell) * abs(weight) for cell, weight in point.terms) / point.denominator
        )
        for name in point.factors:
            room *= float(self.factors[name] or 1)
        return room

    def _write_factors(self, ratios: Mapping[str, float]) -> dict[str, Fraction | None]:
        factors: dict[str, Fraction | None] = {}
        for name, factor in self.profile.factors.items():
            given = Fraction(str(ratios.get(name, factor.default or 1)))
            factors[name] = given
            if factor.cell is None:
                continue
            raw: float = float(given / Fraction(str(factor.scale)))
            if factor.exponent:
                raw = round(len(str(int(given))) - 1 if given >= 1 else 1 - len(str(int(1 / given))))
                factors[name] = Fraction(10) ** int(raw)
            elif factor.map is not None:
                raw, value = next(iter(factor.map.items()))
                factors[name] = Fraction(str(value))
            self.image.put_raw(factor.cell, raw)
        for name, factor in self.profile.factors.items():
            own = factors[name]
            if factor.divide_by and own is not None:
                factors[name] = own / (factors[factor.divide_by] or 1)
        return factors

    def _factor_cells(self) -> tuple[Cell, ...]:
        return tuple(factor.cell for factor in self.profile.factors.values() if factor.cell)
