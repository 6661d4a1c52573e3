"""Plausible values of every quantity as pure functions of time: the same time gives the same value.

Power swings over the day and the quarter hour; counters are its exact integral, so that a test may
compare any two readings. Voltages, currents and power factors belong to that power.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Protocol

from drivers.quantity import Kind, quantity

_DAY = 2 * math.pi / 86_400
_QUARTER = 2 * math.pi / 900
_EPOCH_S = 1_735_689_600  # 2025-01-01: where counters start to count

_TEMPERATURES = (
    ("outdoor", 8.0, 6.0), ("return", 33.0, 1.5), ("supply", 38.0, 2.0), ("dhw", 48.0, 2.0),
    ("hot_gas", 72.0, 5.0), ("suction", 4.0, 2.0), ("source_in", 6.0, 1.0), ("source_out", 2.5, 1.0),
    ("room", 21.0, 0.5), ("buffer", 39.0, 2.0), ("evaporation", -2.0, 2.0), ("condensation", 42.0, 2.0),
)  # fmt: skip
_FIXED = {
    "frequency": 50.0, "power_factor": 0.95, "high_pressure": 24.0, "low_pressure": 8.0,
    "water_pressure": 1.8, "source_pressure": 1.6, "compressor_frequency": 52.0, "compressor_speed": 3120.0,
    "compressor_load": 55.0,
    "fan_speed": 600.0, "pump_speed": 70.0, "flow": 1.2, "water_flow": 3.4, "gas_flow": 5.6, "thd": 2.5,
    "phase_angle": 18.2, "temperature_difference": 5.0, "superheat": 6.0, "subcooling": 4.0, "humidity": 60.0,
    "expansion_valve": 210.0, "unit_load": 60.0, "sound_speed": 1480.0, "mass_flow": 1.2,
}  # fmt: skip


class Values(Protocol):
    """Where a simulated device's values come from."""

    def value(self, name: str, at_s: float) -> float:
        """The value of a quantity of the vocabulary at a time (Unix seconds), in the quantity's unit."""


@dataclass(frozen=True, slots=True)
class Load:
    """power_kw: mean electrical power. seed: makes devices differ. cop: of a heat pump."""

    power_kw: float = 12.0
    seed: int = 1
    cop: float = 3.4

    def power(self, at_s: float) -> float:
        """Active power in kW."""
        phase = self.seed * 0.7
        return self.power_kw * (
            1 + 0.5 * math.sin(_DAY * at_s + phase) + 0.2 * math.sin(_QUARTER * at_s + phase)
        )

    def energy(self, at_s: float) -> float:
        """Energy in kWh since the counters' start: the exact integral of `power`."""

        def integral(t: float) -> float:
            phase = self.seed * 0.7
            swing = 0.5 * math.cos(_DAY * t + phase) / _DAY + 0.2 * math.cos(_QUARTER * t + phase) / _QUARTER
            return self.power_kw * (t - swing)

        return 100.0 * self.seed + (integral(at_s) - integral(_EPOCH_S)) / 3600

    def value(self, name: str, at_s: float) -> float:
        """A plausible value of any quantity of the vocabulary, inside its range."""
        known = quantity(name)
        value = self._value(name, known.unit, known.kind, at_s)
        return min(max(value, known.minimum), known.maximum)

    def _value(self, name: str, unit: str, kind: Kind, at_s: float) -> float:
        share = 1 / 3 if re.search(r"_l\d(n|_|$)", name) else 1.0
        if kind is Kind.STATE:
            return self._state(name)
        if unit in ("kWh", "kvarh", "kVAh", "m3", "h", "t", "Ah") or kind is Kind.CUMULATIVE:
            return self._counter(name, unit, at_s, share)
        if unit in ("kW", "kvar", "kVA"):
            factor = {"kW": 1.0, "kvar": 0.33, "kVA": 1.05}[unit]
            factor *= self.cop if name.startswith("thermal") else 1.0
            return self.power(at_s) * factor * share
        if unit == "V":
            between = bool(re.search(r"_l(12|23|31|l)", name))
            return (230 + 2 * math.sin(_QUARTER * at_s + self.seed)) * (math.sqrt(3) if between else 1)
        if unit == "A":
            return self.power(at_s) / 3 / 0.23 / 0.95
        if unit == "degC":
            for part, mean, swing in _TEMPERATURES:
                if name.startswith(part):
                    return mean + swing * math.sin(_DAY * at_s + self.seed)
            return 25.0
        if name == "cop":
            return self.cop
        fixed = next((value for part, value in _FIXED.items() if name.startswith(part)), 1.0)
        return fixed + 0.01 * math.sin(_QUARTER * at_s + self.seed)

    def _counter(self, name: str, unit: str, at_s: float, share: float) -> float:
        energy = self.energy(at_s)
        if re.search(r"_(day|month|year)$", name):
            energy -= self.energy(at_s // 86_400 * 86_400)
        if "export" in name or "reverse" in name:
            return 0.02 * energy * share
        factor = {"kvarh": 0.33, "kVAh": 1.05, "m3": 0.05, "h": 0.02, "t": 0.05}.get(unit, 1.0)
        if name.startswith("heat_energy_"):
            factor = self.cop
        if "_heating" in name:
            factor *= 0.8  # with dhw it makes the whole
        if "_dhw" in name:
            factor *= 0.2
        if re.search(r"_t\d$", name):
            factor *= 0.25
        return math.floor(energy) if unit == "" else energy * factor * share

    def _state(self, name: str) -> float:
        if name.endswith("_temperature") or "set_temperature" in name:
            return 45.0 if "dhw" in name else 35.0
        return 1.0 if name.endswith(("_running", "unit_on")) else 0.0
