"""The demo's past: thirteen months of quarter hours and a week of samples, as an edge would send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import repeat

import numpy as np
import numpy.typing as npt

from beacon.demo.chance import Floats, Ints
from beacon.demo.devices import (
    DECIMALS,
    SLOT_MS,
    UTC_OFFSET_MS,
    Curve,
    Device,
    devices,
    slot_of,
    start_of,
)
from beacon.demo.load import Scenario, estimated, flows
from beacon.demo.scenario import SCENARIOS
from beacon.demo.weather import SLOTS_A_DAY, temperature_degc
from collector.registry import Building, Registry
from collector.store import Store
from edge.wire import IntervalGroup, Quality, SampleGroup

MONTHS = 13
SAMPLE_DAYS = 7
SLOT_S = SLOT_MS // 1000

Progress = Callable[[int, int, str], None]
"""(steps done, steps in all, what was done last)"""


def first_slot(now: int) -> int:
    """The first local quarter hour of the month `MONTHS` before the month of `now` (ms UTC)."""
    local = datetime.fromtimestamp((now + UTC_OFFSET_MS) / 1000, UTC)
    month = local.year * 12 + local.month - 1 - MONTHS
    first = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp() * 1000) // SLOT_MS


def write_history(
    store: Store, registry: Registry, now: int, progress: Progress = lambda done, steps, what: None
) -> int:
    """Write every building's past up to the last full quarter hour before `now` (ms UTC).

    Returns the number of intervals written. The days are left dirty: the rollup makes the daily rows.
    """
    slots = np.arange(first_slot(now), slot_of(now), dtype=np.int64)
    buildings = list(registry.buildings.values())
    written = 0
    for done, building in enumerate(buildings):
        progress(done, len(buildings), building.name_en)
        samples, intervals = past(building, SCENARIOS[building.id], slots)
        store.write(samples, intervals)
        written += sum(len(group.rows) for group in intervals)
    progress(len(buildings), len(buildings), "")
    return written


def daily_weather(now: int) -> str:
    """Daily mean outdoor temperatures of the past and a year before it, as the CSV that the rules read."""
    end = slot_of(now) // SLOTS_A_DAY
    days = np.arange(first_slot(now) // SLOTS_A_DAY - 366, end, dtype=np.int64)
    slots = (days[:, None] * SLOTS_A_DAY + np.arange(SLOTS_A_DAY)).ravel()
    means = temperature_degc(slots).reshape(-1, SLOTS_A_DAY).mean(axis=1)
    lines = [f"{day},{mean:.1f}" for day, mean in zip(days.astype("datetime64[D]"), means, strict=True)]
    return "\n".join(["day,outdoor_degc", *lines]) + "\n"


def past(
    building: Building, scenario: Scenario, slots: Ints
) -> tuple[list[SampleGroup], list[IntervalGroup]]:
    """Samples of the last days and intervals of all `slots` of one building."""
    flow = flows(building, scenario, slots)
    lost = estimated(building, scenario, slots)
    recent = slots[-SAMPLE_DAYS * SLOTS_A_DAY :]
    heard = recent[~lost[-SAMPLE_DAYS * SLOTS_A_DAY :]]
    samples: list[SampleGroup] = []
    intervals: list[IntervalGroup] = []
    for device in devices(building):
        energies = [np.round(_spread(energy, lost), DECIMALS) for energy in device.energies(flow)]
        intervals += _interval_groups(device, slots, energies, lost)
        curve = Curve(device, int(slots[0]), energies, device.first_readings())
        samples.append(sample_group(curve, (heard + 1) * SLOT_MS - UTC_OFFSET_MS))
    return samples, intervals


def counters(building: Building, scenario: Scenario, slots: Ints) -> dict[str, list[float]]:
    """Device -> what its registers show at the end of `slots`, where the live simulators go on."""
    flow = flows(building, scenario, slots)
    lost = estimated(building, scenario, slots)
    ends: dict[str, list[float]] = {}
    for device in devices(building):
        energies = [np.round(_spread(energy, lost), DECIMALS) for energy in device.energies(flow)]
        first = device.first_readings()
        ends[device.name] = [
            round(start + float(energy.sum()), DECIMALS)
            for start, energy in zip(first, energies, strict=True)
        ]
    return ends


def sample_group(curve: Curve, at: Ints) -> SampleGroup:
    """The device's samples at the instants `at` (ms UTC), as they travel."""
    readings = curve.readings(at)
    columns = [values.tolist() for values in readings.values()]
    rows = [list(row) for row in zip(at.tolist(), repeat(0), *columns, strict=False)]
    device = curve.device
    return SampleGroup.model_construct(
        building=device.building, device=device.name, kind=device.kind, fields=list(readings), rows=rows
    )


def _interval_groups(
    device: Device, slots: Ints, energies: list[Floats], lost: npt.NDArray[np.bool_]
) -> Iterator[IntervalGroup]:
    starts = range(start_of(int(slots[0])), start_of(int(slots[-1])) + 1, SLOT_MS)
    measured = np.where(lost, 0, SLOT_S).tolist()
    quality = np.where(lost, int(Quality.ESTIMATED), int(Quality.MEASURED)).tolist()
    for register, energy in zip(device.registers, energies, strict=True):
        rows = list(zip(starts, repeat(SLOT_S), energy.tolist(), measured, quality, strict=False))
        yield IntervalGroup.model_construct(
            building=device.building,
            device=device.name,
            carrier=register.carrier,
            direction=register.direction,
            rows=rows,
        )


def _spread(energy: Floats, lost: npt.NDArray[np.bool_]) -> Floats:
    """Energy where nothing was read, spread evenly over each gap, as the edge's ledger does."""
    if not lost.any():
        return energy
    edges = np.flatnonzero(np.diff(np.concatenate(([0], lost.astype(np.int8), [0]))))
    even = energy.copy()
    for start, end in edges.reshape(-1, 2):
        even[start:end] = energy[start:end].mean()
    return even
