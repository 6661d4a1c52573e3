"""A building's electric power: now from the latest samples, and as a curve from interval energy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.model import Latest
from collector.registry import Building, Meter, Role
from collector.store import IntervalRows
from drivers.carrier import Carrier, Direction

QUARTER_MS = 900_000

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


def curve_devices(building: Building) -> list[str]:
    """The devices whose intervals `load_curve` needs."""
    return sorted({*device_signs(building, Role.MAIN), *device_signs(building, Role.PV)})


def load_curve(building: Building, groups: Iterable[IntervalRows]) -> LoadCurve:
    """The curve of all intervals given, on the grid of their own length, oldest first."""
    mains, pvs = device_signs(building, Role.MAIN), device_signs(building, Role.PV)
    grid: dict[int, float] = defaultdict(float)
    pv: dict[int, float] = defaultdict(float)
    seen: dict[int, int] = defaultdict(int)
    length_ms = QUARTER_MS
    for group in groups:
        if group.carrier != Carrier.ELECTRICITY:
            continue
        if group.device in mains:
            imported = group.direction == Direction.IMPORT
            factor = mains[group.device] * (3600.0 if imported else -3600.0)
            for start, length_s, energy, _, _ in group.rows:
                grid[start] += energy * factor / length_s
                seen[start] += imported
                length_ms = length_s * 1000
        elif group.device in pvs and group.direction == Direction.EXPORT:
            factor = pvs[group.device] * 3600.0
            for start, length_s, energy, _, _ in group.rows:
                pv[start] += energy * factor / length_s
    if not grid:
        return LoadCurve([], [], [], [])
    times = list(range(min(grid), max(grid) + 1, length_ms))
    grid_kw = [grid[at] if seen.get(at) == len(mains) else None for at in times]
    pv_kw = [None if g is None else pv.get(at, 0.0) for at, g in zip(times, grid_kw, strict=True)]
    use = [None if g is None else g + (p or 0.0) for g, p in zip(grid_kw, pv_kw, strict=True)]
    return LoadCurve(times, use, grid_kw, pv_kw)
