"""A building's electric power: now from the latest samples, and as a curve from interval energy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.model import IntervalRow, Latest
from collector.registry import Building, Meter, Role
from drivers.carrier import Carrier, Direction

FRESH_MS = 10 * 60 * 1000
"""A sample older than this says nothing about now."""


@dataclass(frozen=True, slots=True)
class LoadCurve:
    """Mean power in kW of each interval; start times in ms UTC, None where a main meter was silent.

    use: what the building drew from all sources; grid: from the supplier (negative when it gave back);
    pv: generated on site, all zero without generation.
    """

    at: list[int]
    use: list[float | None]
    grid: list[float | None]
    pv: list[float | None]


def device_signs(building: Building, role: Role) -> dict[str, int]:
    """The devices of the electricity meters in a role: +1 or -1, through virtual meters."""
    by_name = {meter.name: meter for meter in building.meters}
    signs: dict[str, int] = defaultdict(int)

    def add(meter: Meter, sign: int, depth: int) -> None:
        if depth > len(by_name):
            return
        if not meter.plus and not meter.minus:
            signs[meter.device or meter.name] += sign
            return
        for names, factor in ((meter.plus, 1), (meter.minus, -1)):
            for name in names:
                if name in by_name:
                    add(by_name[name], sign * factor, depth + 1)

    for meter in building.meters:
        if meter.role is role and meter.carrier is Carrier.ELECTRICITY:
            add(meter, 1, 0)
    return {device: sign for device, sign in signs.items() if sign}


def power_now(building: Building, latest: Mapping[str, Latest], now: int) -> float | None:
    """Use in kW: main meters' net power plus generation. None when a main meter has no fresh sample."""
    mains = device_signs(building, Role.MAIN)
    if not mains:
        return None
    total = 0.0
    for device, sign in mains.items():
        value = fresh_value(latest.get(device), "active_power_total", now)
        if value is None:
            return None
        total += sign * value
    for device, sign in device_signs(building, Role.PV).items():
        total -= sign * (fresh_value(latest.get(device), "active_power_total", now) or 0.0)
    return total


def fresh_value(sample: Latest | None, quantity: str, now: int) -> float | None:
    """A quantity of a sample, unless the sample is too old."""
    if sample is None or now - sample.at > FRESH_MS:
        return None
    return sample.values.get(quantity)


def load_curve(building: Building, rows: Iterable[IntervalRow], start: int, end: int) -> LoadCurve:
    """The curve of [start, end) on the grid of the intervals' own length, oldest first."""
    mains, pvs = device_signs(building, Role.MAIN), device_signs(building, Role.PV)
    grid: dict[int, float] = defaultdict(float)
    pv: dict[int, float] = defaultdict(float)
    seen: dict[int, set[str]] = defaultdict(set)
    length_ms = 900_000
    for row in rows:
        if row.carrier != Carrier.ELECTRICITY or row.length_s <= 0:
            continue
        kw = row.energy * 3600 / row.length_s
        if row.device in mains:
            length_ms = row.length_s * 1000
            grid[row.start] += mains[row.device] * (kw if row.direction == Direction.IMPORT else -kw)
            seen[row.start].add(row.device)
        if row.device in pvs and row.direction == Direction.EXPORT:
            pv[row.start] += pvs[row.device] * kw
    if not grid:
        return LoadCurve([], [], [], [])
    times = list(range(min(grid), max(grid) + 1, length_ms))
    whole = {at for at in times if len(seen[at]) == len(mains)}
    grid_kw = [grid[at] if at in whole else None for at in times]
    pv_kw: list[float | None] = [pv.get(at, 0.0) if at in whole else None for at in times]
    use = [None if g is None else g + (p or 0.0) for g, p in zip(grid_kw, pv_kw, strict=True)]
    return LoadCurve(times, use, grid_kw, pv_kw)
