"""A demo building's devices: which flows each one counts, and what it shows at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from beacon.demo.chance import Floats, Ints, bell, uniform
from beacon.demo.load import Flows, cop
from beacon.demo.weather import temperature_degc
from collector.registry import Building, Meter, Role
from drivers.carrier import Carrier, Direction

SLOT_MS = 900_000
UTC_OFFSET_MS = 8 * 3_600_000  # China has one time and no summer time since 1991
DECIMALS = 3

Kind = Literal["electricity", "heat", "water", "gas", "heat_pump"]


@dataclass(frozen=True, slots=True)
class Register:
    """One counter of a device. share: the part of the flow that runs through this device."""

    quantity: str
    carrier: Carrier
    direction: Direction
    flow: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Device:
    building: str
    name: str
    kind: Kind
    registers: tuple[Register, ...]

    def energies(self, flows: Flows) -> list[Floats]:
        """Each register's energy of each slot, in whole thousandths of the unit."""
        return [np.round(flows[r.flow] * r.share, DECIMALS) for r in self.registers]

    def first_readings(self) -> list[float]:
        """What the counters showed on the first day: they were not installed yesterday."""
        index = np.arange(len(self.registers), dtype=np.int64)
        start = 1_000 + 40_000 * uniform(f"{self.building}/{self.name}/first", index)
        return [float(number) for number in np.round(start, 1)]


def slot_of(at: int) -> int:
    """The slot in which `at` ms UTC lies."""
    return (at + UTC_OFFSET_MS) // SLOT_MS


def start_of(slot: int) -> int:
    """Start of a slot in ms UTC."""
    return slot * SLOT_MS - UTC_OFFSET_MS


def devices(building: Building) -> Iterator[Device]:
    """Every physical device of the meter tree; virtual meters have none."""
    mains = [m for m in building.meters if m.role is Role.MAIN and m.carrier is Carrier.ELECTRICITY]
    has_pv = any(meter.role is Role.PV for meter in building.meters)
    for meter in building.meters:
        if meter.plus or meter.minus:
            continue
        kind: Kind = "electricity"
        if meter.role is Role.HEAT_PUMP:
            kind = "heat_pump"
        elif meter.carrier is not Carrier.ELECTRICITY:
            kind = meter.carrier.value  # type: ignore[assignment]  # the demo has water, gas and heat only
        share = _main_share(mains, meter)
        yield Device(building.id, meter.device, kind, tuple(_registers(meter, share, has_pv)))


def _main_share(mains: list[Meter], meter: Meter) -> float:
    """Two transformers share a building's load three to two."""
    if len(mains) == 2 and meter in mains:
        return 0.6 if meter is mains[0] else 0.4
    return 1.0


def _registers(meter: Meter, share: float, has_pv: bool) -> Iterator[Register]:
    bought, given = Direction.IMPORT, Direction.EXPORT
    if meter.role is Role.HEAT_PUMP:
        yield Register("electric_energy_total", Carrier.ELECTRICITY, bought, "heat_pump_electricity")
        yield Register("heat_energy_total", Carrier.HEAT, given, "heat_pump_heat")
    elif meter.carrier is Carrier.ELECTRICITY:
        flow = {Role.MAIN: "grid", Role.SUB: meter.item, Role.PV: "", Role.CHECK: "plug"}[meter.role]
        if flow:
            yield Register("active_energy_import_total", meter.carrier, bought, flow, share)
        if meter.role is Role.PV or (meter.role is Role.MAIN and has_pv):
            flow = "pv" if meter.role is Role.PV else "export"
            yield Register("active_energy_export_total", meter.carrier, given, flow, share)
    elif meter.carrier is Carrier.HEAT:
        flow = "heat" if meter.role is Role.MAIN else "heat_pump_heat"
        yield Register("heat_energy", meter.carrier, bought, flow)
    else:
        yield Register(f"{meter.carrier.value}_volume", meter.carrier, bought, meter.carrier.value)


class Curve:
    """A device's counters over a run of slots; between two readings they rise evenly.

    totals: reading of each register at the start of each slot and at the end of the last one.
    """

    def __init__(self, device: Device, first_slot: int, energies: list[Floats], first: list[float]) -> None:
        self.device = device
        self.edges_ms = (np.arange(len(energies[0]) + 1) + first_slot) * float(SLOT_MS) - UTC_OFFSET_MS
        self.totals = [
            start + np.concatenate(([0.0], np.cumsum(energy)))
            for start, energy in zip(first, energies, strict=True)
        ]

    def readings(self, at: Ints) -> dict[str, Floats]:
        """What the device shows at the instants `at` (ms UTC, inside the run), by quantity."""
        shown: dict[str, Floats] = {}
        power: dict[str, Floats] = {}
        for register, totals in zip(self.device.registers, self.totals, strict=True):
            shown[register.quantity] = np.round(np.interp(at, self.edges_ms, totals), DECIMALS)
            middles = (self.edges_ms[:-1] + self.edges_ms[1:]) / 2
            power[register.quantity] = np.interp(at, middles, np.diff(totals) * 4)
        seed = f"{self.device.building}/{self.device.name}"
        tick = at // 1000
        lively = {name: value * (1 + 0.01 * bell(seed, tick)) for name, value in power.items()}
        shown |= _INSTANT[self.device.kind](seed, tick, lively, at)
        return shown


def _electric(seed: str, tick: Ints, power: dict[str, Floats], at: Ints) -> dict[str, Floats]:
    kw = power.get("active_energy_import_total", np.zeros(len(at)))
    kw = kw - power.get("active_energy_export_total", np.zeros(len(at)))
    factor = 0.93 + 0.015 * bell(seed + "/pf", tick // 60)
    shown: dict[str, Floats] = {
        "active_power_total": kw,
        "apparent_power_total": np.abs(kw) / factor,
        "reactive_power_total": np.abs(kw) * np.tan(np.arccos(factor)),
        "power_factor_total": factor,
        "frequency": 50 + 0.012 * bell("grid/hz", tick),
    }
    for phase, share in (("l1", 0.345), ("l2", 0.33), ("l3", 0.325)):
        voltage = 231 + 1.6 * bell(f"{seed}/{phase}", tick // 20)
        shown[f"voltage_{phase}n"] = voltage
        shown[f"active_power_{phase}"] = kw * share
        shown[f"current_{phase}"] = np.abs(kw) * share * 1000 / voltage / factor
    return {name: np.round(value, DECIMALS) for name, value in shown.items()}


def _heat(seed: str, tick: Ints, power: dict[str, Floats], at: Ints) -> dict[str, Floats]:
    kw = power["heat_energy"]
    spread = 5 + 0.3 * bell(seed + "/spread", tick // 30)
    flow_m3_h = kw / (1.163 * spread)  # 1.163 kWh/(m³·K): water
    supply = 46 + 0.4 * bell(seed + "/supply", tick // 30)
    shown = {
        "thermal_power": kw,
        "flow": flow_m3_h,
        "supply_temperature": supply,
        "return_temperature": supply - spread,
        "temperature_difference": spread,
    }
    return {name: np.round(value, 2) for name, value in shown.items()}


def _heat_pump(seed: str, tick: Ints, power: dict[str, Floats], at: Ints) -> dict[str, Floats]:
    outdoor = temperature_degc((at + UTC_OFFSET_MS) // SLOT_MS)
    supply = np.clip(50 - 0.5 * outdoor, 35, 55) + 0.3 * bell(seed + "/supply", tick // 30)
    spread = 5 + 0.2 * bell(seed + "/spread", tick // 30)
    heat_kw = power["heat_energy_total"]
    shown = {
        "thermal_power": heat_kw,
        "electric_power_input": heat_kw / cop(outdoor),
        "cop": cop(outdoor),
        "supply_temperature": supply,
        "return_temperature": supply - spread,
        "flow": heat_kw / (1.163 * spread),
        "outdoor_temperature": outdoor,
        "dhw_temperature": 51 + bell(seed + "/dhw", tick // 60),
        "compressor_frequency": 30 + 40 * (1 - np.exp(-heat_kw / 60)),
        "compressor_running": np.ones(len(at)),
        "operating_hours": np.floor(at / 3.6e6) % 30_000,
    }
    return {name: np.round(value, 2) for name, value in shown.items()}


def _water(seed: str, tick: Ints, power: dict[str, Floats], at: Ints) -> dict[str, Floats]:
    return {"water_flow": np.round(power["water_volume"], DECIMALS)}


def _gas(seed: str, tick: Ints, power: dict[str, Floats], at: Ints) -> dict[str, Floats]:
    return {"gas_flow": np.round(power["gas_volume"], DECIMALS)}


_INSTANT = {
    "electricity": _electric,
    "heat": _heat,
    "heat_pump": _heat_pump,
    "water": _water,
    "gas": _gas,
}
"""What a kind of device shows besides its counters; units as in the vocabulary."""
