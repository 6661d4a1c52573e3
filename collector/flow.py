"""The energy that passed one meter on one day, and how meters add up: the arithmetic of rollups.

Kept by column: nearly all days are 96 measured quarter hours, which then cost no object each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.wire import Quality

Interval = tuple[int, int, float, int, int]
_ESTIMATED = int(Quality.ESTIMATED)
QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class Flow:
    """Energy of one or several meters on one day.

    energy, estimated: total and its part that was spread over gaps, in the carrier's unit.
    measured_s: seconds measured, summed over `meters` meters that should have been measured.
    starts, lengths, energies: the intervals in ms, s and the unit; guesses: their estimated parts,
        empty where nothing was estimated.
    """

    energy: float = 0.0
    estimated: float = 0.0
    measured_s: float = 0.0
    meters: int = 0
    starts: Sequence[int] = ()
    lengths: Sequence[int] = ()
    energies: Sequence[float] = ()
    guesses: Sequence[float] = ()

    def negative(self) -> Flow:
        energies = [-energy for energy in self.energies]
        return Flow(
            -self.energy, self.estimated, self.measured_s, self.meters,
            self.starts, self.lengths, energies, self.guesses,
        )  # fmt: skip

    def slots(self) -> dict[tuple[int, int], tuple[float, float]]:
        """(start, length) -> (energy, estimated part)."""
        guesses = self.guesses or [0.0] * len(self.starts)
        keys = zip(self.starts, self.lengths, strict=True)
        return dict(zip(keys, zip(self.energies, guesses, strict=True), strict=True))

    def same_slots(self, other: Flow) -> bool:
        return self.starts == other.starts and self.lengths == other.lengths


UNMEASURED = Flow(meters=1)
"""A meter that should have been measured and was not."""


def flow_of(rows: Sequence[Interval]) -> Flow:
    """The flow of one register's intervals."""
    starts, lengths, energies, measured, qualities = zip(*rows, strict=True)
    guesses: list[float] = []
    if any(qualities):
        guesses = [
            abs(energy) if quality & _ESTIMATED else 0.0
            for energy, quality in zip(energies, qualities, strict=True)
        ]
    return Flow(sum(energies), sum(guesses), float(sum(measured)), 1, starts, lengths, energies, guesses)


def added(flows: Iterable[Flow]) -> Flow:
    """The sum of several; an interval is in it only if every flow that has intervals has it."""
    parts = list(flows)
    if len(parts) == 1:
        return parts[0]
    plain = (
        sum(part.energy for part in parts),
        sum(part.estimated for part in parts),
        sum(part.measured_s for part in parts),
        sum(part.meters for part in parts),
    )
    known = [part for part in parts if part.starts]
    if not known:
        return Flow(*plain)
    first, *others = known
    if not others:
        return Flow(*plain, first.starts, first.lengths, first.energies, first.guesses)
    if all(first.same_slots(other) for other in others) and not any(part.guesses for part in known):
        columns = zip(*(part.energies for part in known), strict=True)
        return Flow(*plain, first.starts, first.lengths, [sum(column) for column in columns])
    return Flow(*plain, *_common([part.slots() for part in known]))


def _common(
    parts: Sequence[dict[tuple[int, int], tuple[float, float]]],
) -> tuple[list[int], list[int], list[float], list[float]]:
    """Columns of the intervals that all have."""
    keys = sorted(set(parts[0]).intersection(*parts[1:]))
    return (
        [start for start, _ in keys],
        [length for _, length in keys],
        [sum(part[key][0] for part in parts) for key in keys],
        [sum(part[key][1] for part in parts) for key in keys],
    )


def filled(meter: Flow, parts: Sequence[Flow]) -> Flow:
    """`meter` with the intervals that it lacks and all its parts have, taken from them as estimates."""
    if not parts or not all(part.starts for part in parts) or meter.same_slots(parts[0]):
        return meter
    own, below = meter.slots(), added(parts).slots()
    missing = {slot: (energy, abs(energy)) for slot, (energy, _) in below.items() if slot not in own}
    if not missing or _overlap([*own, *missing]):
        return meter
    extra = sum(energy for energy, _ in missing.values())
    guessed = meter.estimated + sum(guess for _, guess in missing.values())
    return Flow(meter.energy + extra, guessed, meter.measured_s, 1, *_common([own | missing]))


def _overlap(slots: Iterable[tuple[int, int]]) -> bool:
    """Whether intervals of different lengths lie over each other."""
    end = 0
    for start, length in sorted(slots):
        if start < end:
            return True
        end = start + length * 1000
    return False


def power_range(flow: Flow) -> tuple[float | None, float | None]:
    """(highest, lowest) mean power in kW of the measured quarter hours of a flow in kWh."""
    energies: Sequence[float] = flow.energies
    if any(flow.guesses) or any(length != QUARTER_S for length in set(flow.lengths)):
        energies = [
            energy
            for (_, length), (energy, guess) in flow.slots().items()
            if length == QUARTER_S and not guess
        ]
    if not energies:
        return None, None
    return max(energies) * 3600 / QUARTER_S, min(energies) * 3600 / QUARTER_S
