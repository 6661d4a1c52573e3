"""What a simulated device shows: the load model's curve, going on where the written past ends."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from beacon.demo.chance import Ints
from beacon.demo.devices import Curve, Device, devices
from beacon.demo.history import counters
from beacon.demo.load import Scenario, flows
from collector.registry import Building
from drivers.simulate.physics import Load

SLOTS_AHEAD = 96
_ENERGY = re.compile(r"active_energy_(import|export|net|combined)_(total|l[123])")
_PHASE = re.compile(r"(apparent_power|reactive_power|power_factor)_(l[123])")
_BETWEEN = re.compile(r"voltage_l([123])([123])")


class LiveLoad:
    """A device's readings by quantity at any time from the end of the past on.

    What the load model does not know (harmonics, partial counters) comes from the general simulator.
    """

    def __init__(self, building: Building, scenario: Scenario, device: Device, slot: int, first: list[float]):
        self._rest = Load(power_kw=10.0, seed=sum(device.name.encode()) % 89 + 1)
        self._building, self._scenario, self._device = building, scenario, device
        self._shown_at = 0
        self._shown: Mapping[str, float] = {}
        self._next_slot = slot
        self._curve = self._grow(first)

    def _grow(self, first: list[float]) -> Curve:
        """The curve of the next day, from these readings on; the slot before it carries the power over."""
        slots = np.arange(self._next_slot - 1, self._next_slot + SLOTS_AHEAD, dtype=np.int64)
        energies = self._device.energies(flows(self._building, self._scenario, slots))
        before = [start - float(energy[0]) for start, energy in zip(first, energies, strict=True)]
        self._next_slot += SLOTS_AHEAD - 1
        return Curve(self._device, int(slots[0]), energies, before)

    def value(self, name: str, at_s: float) -> float:
        at = int(at_s * 1000)
        if at != self._shown_at:
            self._show(at)
        if name in self._shown:
            return self._shown[name]
        derived = _derived(name, self._shown)
        return self._rest.value(name, at_s) if derived is None else derived

    def _show(self, at: int) -> None:
        while at >= self._curve.edges_ms[-2]:
            self._curve = self._grow([float(totals[-2]) for totals in self._curve.totals])
        instant: Ints = np.array([at], dtype=np.int64)
        self._shown = {name: float(values[0]) for name, values in self._curve.readings(instant).items()}
        self._shown_at = at


def _derived(name: str, shown: Mapping[str, float]) -> float | None:
    """Quantities that follow from those of the load model: phases, net and combined counters."""
    match = _ENERGY.fullmatch(name)
    if match:
        bought = shown.get("active_energy_import_total", 0.0)
        given = shown.get("active_energy_export_total", 0.0)
        total = {"import": bought, "export": given, "net": bought - given, "combined": bought + given}
        return total[match[1]] * (1.0 if match[2] == "total" else 1 / 3)
    match = _PHASE.fullmatch(name)
    if match and "power_factor_total" in shown:
        factor = shown["power_factor_total"]
        kw = shown[f"active_power_{match[2]}"]
        reactive = abs(kw) * math.tan(math.acos(factor))
        return {"apparent_power": abs(kw) / factor, "reactive_power": reactive}.get(match[1], factor)
    match = _BETWEEN.fullmatch(name)
    if match and f"voltage_l{match[1]}n" in shown:
        return math.sqrt(3) * (shown[f"voltage_l{match[1]}n"] + shown[f"voltage_l{match[2]}n"]) / 2
    return None


def live_loads(building: Building, scenario: Scenario, slots: Ints) -> dict[str, LiveLoad]:
    """Device -> load that goes on after `slots`, the slots of the written past."""
    ends = counters(building, scenario, slots)
    after = int(slots[-1]) + 1
    return {
        device.name: LiveLoad(building, scenario, device, after, ends[device.name])
        for device in devices(building)
    }
