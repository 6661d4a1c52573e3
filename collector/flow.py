"""The energy that passed one meter on one day, and how meters add up: the arithmetic of rollups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edge.wire import Quality

Interval = tuple[int, int, float, int, int]
_ESTIMATED = int(Quality.ESTIMATED)


@dataclass(frozen=True, slots=True)
class Flow:
    """Energy of one or several meters on one day.

    energy, estimated: total and its part that was spread over gaps, in the carrier's unit.
    measured_s: seconds measured, summed over `meters` meters that should have been measured.
    slots: (start ms, length s) -> (energy, estimated energy).
    """

    energy: float = 0.0
    estimated: float = 0.0
    measured_s: float = 0.0
    meters: int = 0
    slots: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)

    def negative(self) -> Flow:
        slots = {slot: (-energy, estimated) for slot, (energy, estimated) in self.slots.items()}
        return Flow(-self.energy, self.estimated, self.measured_s, self.meters, slots)


def flow_of(rows: Sequence[Interval]) -> Flow:
    """The flow of one register's intervals."""
    slots = {
        (start, length): (energy, energy if quality & _ESTIMATED else 0.0)
        for start, length, energy, _, quality in rows
    }
    estimated = sum([part for _, part in slots.values() if part])
    return Flow(sum([row[2] for row in rows]), abs(estimated), float(sum([row[3] for row in rows])), 1, slots)


def unmeasured() -> Flow:
    """A meter that should have been measured and was not."""
    return Flow(meters=1)


def added(flows: Iterable[Flow]) -> Flow:
    """The sum of several; a slot is in it only if every flow that has slots has it."""
    parts = list(flows)
    with_slots = [part for part in parts if part.slots]
    slots: dict[tuple[int, int], tuple[float, float]] = {}
    if len(with_slots) == 1:
        slots = with_slots[0].slots
    elif with_slots:
        first, *others = with_slots
        common = set(first.slots).intersection(*(part.slots for part in others))
        for slot in sorted(common):
            pairs = [part.slots[slot] for part in with_slots]
            slots[slot] = (sum(energy for energy, _ in pairs), sum(abs(part) for _, part in pairs))
    return Flow(
        sum(part.energy for part in parts),
        sum(part.estimated for part in parts),
        sum(part.measured_s for part in parts),
        sum(part.meters for part in parts),
        slots,
    )


def filled(meter: Flow, parts: Sequence[Flow]) -> Flow:
    """`meter` with the slots that it lacks and all its parts have, taken from them as estimates."""
    if not parts or not all(part.slots for part in parts):
        return meter
    below = added(parts).slots
    missing = {slot: energy for slot, (energy, _) in below.items() if slot not in meter.slots}
    if not missing or _overlap(meter.slots, missing):
        return meter
    extra = sum(missing.values())
    slots = meter.slots | {slot: (energy, energy) for slot, energy in missing.items()}
    return Flow(meter.energy + extra, meter.estimated + abs(extra), meter.measured_s, 1, slots)


def _overlap(slots: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> bool:
    """Whether intervals of different lengths lie over each other."""
    ends = 0
    for start, length in sorted([*slots, *others]):
        if start < ends:
            return True
        ends = start + length * 1000
    return False


def power_range(flow: Flow) -> tuple[float | None, float | None]:
    """(highest, lowest) mean power in kW of the measured quarter hours of a flow in kWh."""
    powers = [
        energy * 3600 / length
        for (_, length), (energy, estimated) in flow.slots.items()
        if length == 900 and not estimated
    ]
    return (max(powers), min(powers)) if powers else (None, None)
