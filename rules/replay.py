"""Try conditions on the past: the same Watch, fed with the samples that the store still has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from collector.model import Latest
from collector.registry import Registry
from collector.store import Store
from rules.conditions import Calendar, Condition
from rules.watch import Change, Watch

NEEDS = {
    "phase_imbalance": ("current_l1", "current_l2", "current_l3"),
    "cop": ("cop", "thermal_power", "active_power_total", "electric_power_input"),
    "temperature_spread": ("supply_temperature", "return_temperature"),
    "power_factor": ("power_factor_total", "active_power_total"),
    "starts_per_hour": ("active_power_total", "electric_power_input"),
    "power_kw": ("active_power_total",),
    "sub_sum_share": ("active_power_total",),
    "pv_power_kw": ("active_power_total",),
    "heating_and_cooling_kw": ("thermal_power",),
}
"""Quantities behind each derived value."""
_STEP_MS = 60_000


def quantities(condition: Condition) -> tuple[str, ...]:
    """What must be read back to evaluate a condition; any regular quantity shows that a device was heard."""
    if condition.kind == "no_data":
        return ("active_power_total", "thermal_power", "heat_energy", "water_volume", "gas_volume")
    return NEEDS.get(condition.quantity, (condition.quantity,))


def replay(
    store: Store,
    registry: Registry,
    building: str,
    conditions: Sequence[Condition],
    calendar: Calendar,
    start: int,
    end: int,
) -> list[Change]:
    """What would have fired and cleared in [start, end) ms UTC, looked at once a minute."""
    wanted = {name for condition in conditions for name in quantities(condition)}
    kinds = {row.device: row.kind for row in store.latest(building)}
    samples = _samples(store, building, kinds, wanted, start, end)
    watch = Watch(conditions, registry, calendar)
    return walk(watch, samples, start, end)


def walk(watch: Watch, samples: Sequence[Latest], start: int, end: int) -> list[Change]:
    """Feed samples, ordered by time, to a watch as its minutes pass."""
    changes: list[Change] = []
    current: dict[tuple[str, str], Latest] = {}
    place = 0
    for now in range(start + _STEP_MS, end + 1, _STEP_MS):
        while place < len(samples) and samples[place].at <= now:
            row = samples[place]
            key = (row.building, row.device)
            known = current.get(key)
            values = {**known.values, **row.values} if known and known.at == row.at else row.values
            current[key] = replace(row, values=values)
            place += 1
        if current:
            changes += watch.look(now, current.values())
    return changes


def _samples(
    store: Store, building: str, kinds: dict[str, str], wanted: set[str], start: int, end: int
) -> list[Latest]:
    found: dict[tuple[str, int], dict[str, float]] = {}
    for device in kinds:
        for quantity in sorted(wanted):
            for at, value in store.series(building, device, quantity, start, end):
                found.setdefault((device, at), {})[quantity] = value
    rows = [Latest(building, device, kinds[device], at, values) for (device, at), values in found.items()]
    return sorted(rows, key=lambda row: (row.at, row.device))
