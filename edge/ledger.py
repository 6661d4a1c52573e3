"""Interval energy from a register that counts up, exactly.

Every amount is an integer in millionths of the register's unit, so the sum of all intervals is the
accounted difference of the register to the last digit. Field cases: a gap, a roll-over, a reset, a
transient zero, a small step back, an impossible jump, an exchanged meter, a changed CT ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from drivers.carrier import Carrier, Direction
from edge.wire import Quality

MICRO = 1_000_000
INTERVAL_S = 900
INTERVAL_MS = INTERVAL_S * 1000
DAY_MS = 86_400_000
ROLLOVER_CONFIRMATIONS = 2
DROP_CONFIRMATIONS = 3
_FALSE_START_COUNTS = 50

EventKind = Literal[
    "rollover", "reset", "recovered", "jump", "fell_back", "glitch", "exchange", "ratio", "ratio_since"
]

_MEASURED, _ESTIMATED = int(Quality.MEASURED), int(Quality.ESTIMATED)
_ROLLOVER, _RESET, _EXCHANGE = int(Quality.ROLLOVER), int(Quality.RESET), int(Quality.EXCHANGE)


class Interval(NamedTuple):
    """Energy of one quarter of an hour. start: ms UTC; energy: millionths of the unit.

    scale: the CT x PT ratio that is in the energy; where it changed within, energy over the dial's growth.
    """

    start: int
    energy: int
    measured_s: int
    quality: int
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a register, for the log and the record. See `wire.RegisterEvent`."""

    at: int
    kind: EventKind
    before: float
    after: float
    counted: float | None = None

    def __str__(self) -> str:
        told = "" if self.counted is None else f", counted {self.counted:.3f}"
        return f"{self.kind.replace('_', ' ')}: {self.before:.3f} -> {self.after:.3f}{told}"


@dataclass(frozen=True, slots=True)
class RegisterSpec:
    """What is known of a register before it is read.

    modulus: the register's first impossible reading (10**6, 2**32 * 0.01 …) or None if it never rolls over.
    resolution, relative_resolution: one count of the register, in its unit and as a share of the reading
        (float registers); a step back of two counts is jitter.
    max_per_hour: more than this cannot be true, in units per hour (rated power for kWh).
    gap_ms: readings further apart leave a gap between them that is estimated.
    scale: the CT x PT ratio that is in the readings; a change starts a new epoch.
    """

    carrier: Carrier
    direction: Direction
    modulus: float | None = None
    resolution: float = 0.01
    relative_resolution: float = 0.0
    max_per_hour: float = 10_000.0
    gap_ms: int = 90_000
    scale: float = 1.0


@dataclass(slots=True)
class _Doubt:
    """A reading that does not follow the last one, waiting to be confirmed."""

    first: int
    first_at: int
    last: int
    last_at: int
    count: int = 1


class Register:
    """The account of one register. Pure: readings in, finished intervals out.

    value: last accepted reading; at: its time; total: all energy accounted so far, without the first
    reading; `total - start_total` is the energy of the interval that is still open.
    """

    __slots__ = (
        "_dial",
        "_doubt",
        "_former",
        "_holding",
        "_jitter",
        "_modulus",
        "_note",
        "_rate",
        "_rated",
        "_slack",
        "at",
        "changed_at",
        "measured_ms",
        "quality",
        "spec",
        "start",
        "start_total",
        "total",
        "value",
    )

    def __init__(self, spec: RegisterSpec, note: Callable[[Event], None] = lambda event: None) -> None:
        self.spec = spec
        self._note = note
        self._modulus = None if spec.modulus is None else round(spec.modulus * MICRO)
        self._jitter = 2 * round(spec.resolution * MICRO)
        self._rate = spec.max_per_hour * MICRO / 3_600_000  # millionths per ms
        # Some meters refresh a register every quarter of an hour only.
        self._slack = round(self._rate * INTERVAL_MS) + self._jitter
        self.at = self.value = self.total = 0
        self.start = self.start_total = self.measured_ms = self.changed_at = 0
        self.quality = 0
        self._doubt: _Doubt | None = None
        self._former: tuple[int, int, int, int] | None = None  # value, at, total before a reset; first after
        self._holding = False
        self._dial = 0.0  # growth of the open interval's dial under ratios before this one, in millionths
        self._rated = 0  # total when the ratio changed last

    @property
    def begun(self) -> bool:
        return self.at > 0

    @property
    def mixed(self) -> bool:
        """Whether the open interval holds energy of another ratio."""
        return self._dial > 0

    def update(self, at: int, reading: float, flags: int = 0) -> Sequence[Interval]:
        """Take the reading of `at` (ms UTC) and return the intervals it completes, oldest first.

        A reading that is not newer than the last one changes nothing.
        """
        value = round(reading * MICRO)
        elapsed = at - self.at
        if not self.at:
            self._begin(at, value)
            return ()
        if elapsed <= 0:
            return ()
        growth = value - self.value
        if 0 <= growth <= self._rate * (at - self.changed_at) + self._slack:
            if self._doubt or self._holding:
                self._clear(at, value)
            if not self.value and growth > _FALSE_START_COUNTS * self._jitter and self._just_begun(at):
                self._note(Event(at, "jump", 0.0, reading, 0.0))
                self._begin(at, value)
                return ()
            self.value = value
            if growth:
                self.changed_at = at
            if elapsed <= self.spec.gap_ms and at < self.start + INTERVAL_MS:
                self.at = at
                self.total += growth
                self.measured_ms += elapsed
                self.quality |= flags
                return ()
            return self._advance(at, growth, flags)
        if 0 < -growth <= self._tolerated_fall():
            return self._hold(at, value, flags)
        return self._question(at, value, flags)

    def exchange(self, at: int, final: float, initial: float) -> Sequence[Interval]:
        """The meter was exchanged at `at`: the old one showed `final`, the new one began at `initial`.

        May be told before the new meter answers or after; what a reset had left out is then made good.
        """
        old, new = round(final * MICRO), round(initial * MICRO)
        before = self.total
        finished = self._exchanged(at, old, new) if self.begun else ()
        self._note(Event(at, "exchange", final, initial, (self.total - before) / MICRO))
        return finished

    def _exchanged(self, at: int, old: int, new: int) -> Sequence[Interval]:
        if self._former and self._former[1] <= at < self.at:
            value, _, _, first = self._former
            self.total += max(0, old - value) + max(0, first - new)
            self.quality |= _EXCHANGE
            self._former = None
            return ()
        if at < self.at:  # the new meter was taken for the old one's continuation
            return ()
        finished: Sequence[Interval] = ()
        growth = max(0, old - self.value)
        if at > self.at:
            finished = self._advance(at, growth, _EXCHANGE)
        else:
            self.total += growth
            self.quality |= _EXCHANGE
        self.value, self.changed_at = new, at
        self._doubt, self._holding, self._former = None, False, None
        return finished

    def _just_begun(self, at: int) -> bool:
        """Whether nothing but zero was ever read, and not for long: gateways say 0 before they know."""
        return not self.total and at - self.changed_at <= self.spec.gap_ms

    def _begin(self, at: int, value: int) -> None:
        self.at = self.changed_at = at
        self.value = value
        self.start = at - at % INTERVAL_MS

    def _advance(self, at: int, growth: int, flags: int) -> list[Interval]:
        """Move on to `at`, the growth spread evenly over the time since the last reading."""
        since, elapsed, base = self.at, at - self.at, self.total
        measured = elapsed <= self.spec.gap_ms
        if not measured:
            flags |= _ESTIMATED
        finished = []
        cursor, end = since, self.start + INTERVAL_MS
        while at >= end:
            total = base + growth * (end - since) // elapsed
            if measured:
                self.measured_ms += end - cursor
            seconds = min(INTERVAL_S, round(self.measured_ms / 1000))
            energy, scale = total - self.start_total, self.spec.scale
            if self._dial:
                scale = energy / (self._dial + (total - self._rated) / scale)
                self._dial = 0.0
            finished.append(Interval(self.start, energy, seconds, self.quality | flags, scale))
            self.start, self.start_total = end, total
            self.measured_ms = self.quality = 0
            cursor, end = end, end + INTERVAL_MS
        if at > cursor:
            self.quality |= flags
            if measured:
                self.measured_ms += at - cursor
        self.total = base + growth
        self.at = at
        return finished

    def _tolerated_fall(self) -> int:
        """A fall that is no reset: plugs fall back to a value saved hours ago, floats tremble."""
        return max(self._tremble(), min(self.value // 100, round(self._rate * DAY_MS)))

    def _tremble(self) -> int:
        return max(self._jitter, round(2 * self.spec.relative_resolution * self.value))

    def _hold(self, at: int, value: int, flags: int) -> Sequence[Interval]:
        """Keep the maximum until the register has passed it again."""
        self._doubt = None
        if self.value - value > self._tremble():
            flags |= _ESTIMATED
            if not self._holding:
                self._holding = True
                self._note(Event(at, "fell_back", self.value / MICRO, value / MICRO, 0.0))
        return self._advance(at, 0, flags)

    def _clear(self, at: int, value: int) -> None:
        if self._doubt:
            self._note(Event(at, "glitch", self.value / MICRO, self._doubt.last / MICRO))
        self._doubt = None
        self._holding = False

    def _question(self, at: int, value: int, flags: int) -> Sequence[Interval]:
        """Believe a reading that cannot follow the last one only when others repeat it."""
        doubt = self._doubt
        if doubt and -self._jitter <= value - doubt.last <= self._growth_limit(at - doubt.last_at):
            doubt.count += 1
            doubt.last, doubt.last_at = max(value, doubt.last), at
        else:
            doubt = self._doubt = _Doubt(value, at, value, at)
        rolled = self._rolled(at, doubt.last)
        needed = ROLLOVER_CONFIRMATIONS if rolled is not None else DROP_CONFIRMATIONS
        if doubt.count < needed:
            return ()
        self._doubt, self._holding = None, False
        if rolled is not None:
            return self._accept(at, doubt.last, "rollover", rolled, flags | _ROLLOVER)
        returned = self._returned(at, doubt.last)
        if returned is not None:
            return self._accept(at, doubt.last, "recovered", returned, flags | _ESTIMATED)
        return self._restart(at, doubt, flags | _RESET)

    def _growth_limit(self, elapsed: int) -> int:
        return round(self._rate * elapsed) + self._slack

    def _rolled(self, at: int, value: int) -> int | None:
        """The growth if the register has passed its last number, else None."""
        if self._modulus is None or value >= self.value:
            return None
        growth = value + self._modulus - self.value
        return growth if 0 <= growth <= self._growth_limit(at - self.changed_at) else None

    def _returned(self, at: int, value: int) -> int | None:
        """The growth if the register is back where it was before a reset that was none, else None."""
        if self._former is None:
            return None
        before, before_at, before_total, _ = self._former
        if not 0 <= value - before <= self._growth_limit(at - before_at):
            return None
        growth = value - before - (self.total - before_total)
        return growth if growth >= 0 else None

    def _accept(self, at: int, value: int, kind: EventKind, growth: int, flags: int) -> Sequence[Interval]:
        self._note(Event(at, kind, self.value / MICRO, value / MICRO, growth / MICRO))
        finished = self._advance(at, growth, flags)
        self.value, self.changed_at, self._former = value, at, None
        return finished

    def _restart(self, at: int, doubt: _Doubt, flags: int) -> Sequence[Interval]:
        """Count from the first doubted reading on; what lies between is known to nobody."""
        kind: EventKind = "reset" if doubt.first < self.value else "jump"
        self._note(Event(doubt.first_at, kind, self.value / MICRO, doubt.first / MICRO, 0.0))
        self._former = (self.value, self.at, self.total, doubt.first)
        finished = self._advance(doubt.first_at, 0, flags)
        finished += self._advance(at, doubt.last - doubt.first, flags)
        self.value, self.changed_at = doubt.last, at
        return finished

    def dump(self) -> list[Any]:
        """The whole state as a JSON list, to be given to `load` after a restart."""
        doubt = self._doubt
        return [
            self.at,
            self.value,
            self.total,
            self.start,
            self.start_total,
            self.measured_ms,
            self.quality,
            self.changed_at,
            self._holding,
            doubt and [doubt.first, doubt.first_at, doubt.last, doubt.last_at, doubt.count],
            self._former,
            self.spec.scale,
            self._dial,
            self._rated,
        ]

    def load(self, state: Sequence[Any]) -> None:
        """Take up a dumped state. Raises ValueError or TypeError if it is none."""
        (
            self.at,
            self.value,
            self.total,
            self.start,
            self.start_total,
            self.measured_ms,
            self.quality,
            self.changed_at,
            self._holding,
            doubt,
            former,
            scale,
            *rated,
        ) = state
        self._dial, self._rated = rated or (0.0, 0)
        self._doubt = _Doubt(*doubt) if doubt else None
        self._former = (former[0], former[1], former[2], former[3]) if former else None
        if scale != self.spec.scale:
            self._change_ratio(scale)

    def _change_ratio(self, scale: float) -> None:
        """The same dial, another ratio: the last reading is restated so that the dial's growth counts."""
        restated = round(self.value * self.spec.scale / scale)
        self._dial += (self.total - max(self._rated, self.start_total)) / scale
        self._rated = self.total
        self._note(Event(self.at, "ratio", scale, self.spec.scale))
        self.value = restated
        self._doubt, self._former = None, None


def scale_of(state: Sequence[Any]) -> float:
    """The ratio in the readings of a dumped state."""
    scale: float = state[11]
    return scale


def micro_to_unit(energy: int) -> float:
    """Millionths to the unit: the nearest float, so that the decimal text has at most six digits."""
    return energy / MICRO
