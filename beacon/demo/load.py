"""The load model: what every meter of a demo building counts in each quarter hour.

Everything is a pure function of the building and the slot (see `weather`), so the past that is
written and the registers that the live simulators count up are parts of one and the same curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from beacon.demo.chance import Floats, Ints, bell, uniform
from beacon.demo.holidays import is_working
from beacon.demo.shapes import SHAPES, Shape
from beacon.demo.weather import SLOTS_A_DAY, hour, seasonal_degc, sunshine, temperature_degc
from collector.registry import Building, BuildingType

COOLING_FROM_DEGC = 23.5
HEATING_BELOW_DEGC = 14.5
MONTH_DAYS = 30.437
ESTIMATE_BLOCK_DAYS = 2


@dataclass(frozen=True, slots=True)
class Scenario:
    """What makes one demo building itself.

    level: use compared with its type's published mean. pv_kwp: solar roof. heat_pump_m2: floor area
    that a heat pump heats. boiler: gas for heating compared with its type. lost: share of time in
    which no reading came in.
    """

    level: float = 1.0
    pv_kwp: float = 0.0
    heat_pump_m2: float = 0.0
    boiler: float = 1.0
    district_heat: bool = False
    lost: float = 0.0


Flows = dict[str, Floats]
"""Energy of each slot in the carrier's unit: `grid`, `export`, `pv`, an item code, `gas`, `water`, …"""


def flows(building: Building, scenario: Scenario, slots: Ints) -> Flows:
    """Every flow of the building in each of `slots`."""
    shape = SHAPES[building.type]
    presence = _presence(shape, slots)
    temperature = temperature_degc(slots)
    scale = building.area_m2 * scenario.level * _wobble(building.id, "day", slots // SLOTS_A_DAY, 0.025)
    month = _month(slots)

    base = _base_by_month(building.type)[month] / MONTH_DAYS / SLOTS_A_DAY * scale
    base = base * (shape.idle + (1 - shape.idle) * presence) / _week_mean(building.type)
    hvac = _hvac_by_month(building.type)[month] / MONTH_DAYS / SLOTS_A_DAY * scale
    hvac = hvac * _drive(temperature, presence) / _mean_drive(building.type)[month]

    parts: Flows = {
        "01A00": base * shape.light * _wobble(building.id, "light", slots, 0.03),
        "01B00": hvac * _wobble(building.id, "hvac", slots, 0.05),
        "01C00": base * shape.power * _wobble(building.id, "power", slots, 0.08),
        "01D00": base * shape.special * _wobble(building.id, "special", slots, 0.02),
    }
    rest = base * (1 - shape.light - shape.power - shape.special)
    load = np.asarray(sum(parts.values())) + rest
    pv = 0.86 * scenario.pv_kwp / 4 * sunshine(slots)
    heat = scenario.heat_pump_m2 * (0.015 + 0.028 * _below(temperature, HEATING_BELOW_DEGC)) / SLOTS_A_DAY
    heat = heat * (0.35 + 0.65 * presence)
    return parts | {
        "load": load,
        "pv": pv,
        "grid": np.clip(load - pv, 0, None),
        "export": np.clip(pv - load, 0, None),
        "heat_pump_heat": heat,
        "heat_pump_electricity": heat / cop(temperature),
        "plug": 0.04 * presence + 0.002,
        "water": _water(building, shape, slots, presence),
        "gas": _gas(building, shape, scenario, temperature, presence),
        "heat": _district_heat(building, scenario, temperature, presence),
    }


def cop(temperature: Floats) -> Floats:
    """Coefficient of performance of the demo's air-source heat pumps at an outdoor temperature in °C."""
    return np.clip(2.55 + 0.065 * temperature, 2.0, 4.6)


def estimated(building: Building, scenario: Scenario, slots: Ints) -> np.typing.NDArray[np.bool_]:
    """Where no reading came in: the edge was down for blocks of days, here and there for a quarter hour."""
    block = slots // (SLOTS_A_DAY * ESTIMATE_BLOCK_DAYS)
    down = uniform(f"{building.id}/down", block) < scenario.lost
    blink = uniform(f"{building.id}/blink", slots) < 0.001
    return np.asarray(down | blink)


def _water(building: Building, shape: Shape, slots: Ints, presence: Floats) -> Floats:
    a_day = building.area_m2 * shape.water_l_m2_day / 1000 / SLOTS_A_DAY
    return a_day * (0.08 + 1.7 * presence) * _wobble(building.id, "water", slots, 0.15)


def _gas(
    building: Building, shape: Shape, scenario: Scenario, temperature: Floats, presence: Floats
) -> Floats:
    hot_water = shape.gas_hot_water_m3_m2_day * (0.3 + 1.1 * presence)
    heating = shape.gas_heating_m3_m2_day_k * _below(temperature, HEATING_BELOW_DEGC) * (0.5 + 0.7 * presence)
    return building.area_m2 * (hot_water + scenario.boiler * heating) / SLOTS_A_DAY


def _district_heat(building: Building, scenario: Scenario, temperature: Floats, presence: Floats) -> Floats:
    if not scenario.district_heat:
        return np.zeros(len(temperature))
    heated = building.heated_area_m2 or building.area_m2
    a_day = heated * 0.014 * _below(temperature, HEATING_BELOW_DEGC) * (0.4 + 1.1 * presence)
    return a_day / SLOTS_A_DAY


def _presence(shape: Shape, slots: Ints) -> Floats:
    hours = np.arange(-1, 25) + 0.5
    clock = hour(slots)
    days, inverse = np.unique(slots // SLOTS_A_DAY, return_inverse=True)
    working = is_working(days)[inverse]
    work = np.interp(clock, hours, [shape.work[-1], *shape.work, shape.work[0]])
    rest = np.interp(clock, hours, [shape.rest[-1], *shape.rest, shape.rest[0]])
    return np.where(working, work, rest)


def _drive(temperature: Floats, presence: Floats) -> Floats:
    """How hard the air conditioning works, without unit."""
    cooling = np.clip(temperature - COOLING_FROM_DEGC, 0, None)
    heating = 0.75 * _below(temperature, HEATING_BELOW_DEGC)
    return np.asarray((0.6 + cooling + heating) * (0.1 + 0.9 * presence))


def _below(temperature: Floats, limit: float) -> Floats:
    return np.clip(limit - temperature, 0, None)


def _wobble(building: str, name: str, index: Ints, size: float) -> Floats:
    return 1 + size * bell(f"{building}/{name}", index)


def _month(slots: Ints) -> Ints:
    days = (slots // SLOTS_A_DAY).astype("datetime64[D]")
    return np.asarray(days.astype("datetime64[M]").astype(np.int64) % 12)


@cache
def _base_by_month(kind: BuildingType) -> Floats:
    """kWh/m² a month that do not depend on weather: below every month's total, the same in most."""
    table = np.array(SHAPES[kind].monthly_kwh_m2)
    return np.asarray(np.minimum(0.93 * np.sort(table)[2], 0.85 * table))


@cache
def _hvac_by_month(kind: BuildingType) -> Floats:
    return np.array(SHAPES[kind].monthly_kwh_m2) - _base_by_month(kind)


@cache
def _week_mean(kind: BuildingType) -> float:
    shape = SHAPES[kind]
    presence = (5 * sum(shape.work) + 2 * sum(shape.rest)) / (7 * 24)
    return shape.idle + (1 - shape.idle) * presence


@cache
def _mean_drive(kind: BuildingType) -> Floats:
    """The mean of `_drive` in each month of an ordinary year, over cold and warm days alike."""
    shape = SHAPES[kind]
    days = np.arange(365, dtype=np.int64) + 365
    slots = np.arange(days[0] * SLOTS_A_DAY, (days[-1] + 1) * SLOTS_A_DAY, dtype=np.int64)
    swing = 3.6 * np.cos(2 * np.pi * (hour(slots) - 15) / 24)
    ordinary = seasonal_degc(slots // SLOTS_A_DAY) + swing
    presence = _presence(shape, slots)
    spread = [(-4.0, 0.2), (0.0, 0.6), (4.0, 0.2)]
    drive = np.asarray(sum(weight * _drive(ordinary + off, presence) for off, weight in spread))
    month = _month(slots)
    return np.array([drive[month == number].mean() for number in range(12)])
