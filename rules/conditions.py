"""Condition rules: what is looked at, when it counts, and what is too much.

A rule compares a quantity of a device, or a value derived from several, with a limit. What cannot be known
now is None and never fires; that a device is silent is a condition of its own.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from collector.model import Latest
from collector.registry import Building, Meter, Role
from drivers.carrier import Carrier
from rules.budget import Target

Severity = Literal["info", "warning", "critical"]
Kind = Literal["value", "no_data", "frozen"]
Values = Mapping[str, float]
HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")


class Calendar(BaseModel):
    """Days that are not what their weekday says: public holidays, and weekends worked in exchange."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    holidays: list[date] = []
    workdays: list[date] = []

    @cached_property
    def _free(self) -> frozenset[date]:
        return frozenset(self.holidays)

    @cached_property
    def _worked(self) -> frozenset[date]:
        return frozenset(self.workdays)

    def is_workday(self, day: date) -> bool:
        return day in self._worked or (day.weekday() < 5 and day not in self._free)


class Active(BaseModel):
    """When a rule counts, in the building's local time. Hours such as `22:00-06:00` may pass midnight."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: list[str] = []
    days: Literal["all", "workdays", "free_days"] = "all"
    months: list[Annotated[int, Field(ge=1, le=12)]] = []

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: list[str]) -> list[str]:
        for text in hours:
            if not HOURS.fullmatch(text):
                raise ValueError(f"write hours like 22:00-06:00, got {text!r}")
        return hours

    @cached_property
    def _spans(self) -> tuple[tuple[time, time], ...]:
        ends = [text.replace("24:00", "00:00").split("-") for text in self.hours]
        return tuple((time.fromisoformat(low), time.fromisoformat(high)) for low, high in ends)

    def holds(self, local: datetime, calendar: Calendar) -> bool:
        if self.months and local.month not in self.months:
            return False
        if self.days != "all" and calendar.is_workday(local.date()) != (self.days == "workdays"):
            return False
        now = local.time()
        return not self._spans or any(
            low <= now < high if low < high else now >= low or now < high for low, high in self._spans
        )


class Condition(Target):
    """One rule. Exactly one of above and below for a value; neither for no_data and frozen.

    quantity: of a device, or one of DERIVED. scope: a device at a time, or the building as a whole.
    for_s: how long it must hold. hysteresis: how far the value must come back before the alert resolves.
    limit_of: the limit is `above` or `below` times this field of the building.
    """

    id: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    name_en: str = Field(min_length=1)
    name_zh: str = Field(min_length=1)
    kind: Kind = "value"
    quantity: str = ""
    scope: Literal["device", "building"] = "device"
    devices: tuple[str, ...] = ()  # names, * and ? allowed
    device_kinds: tuple[str, ...] = ()
    above: float | None = None
    below: float | None = None
    limit_of: Literal["", "contracted_kw", "area_m2"] = ""
    for_s: float = Field(default=0, ge=0)
    hysteresis: float = Field(default=0, ge=0)
    max_age_s: float = Field(default=900, gt=0)  # an older sample is not knowledge about now
    active: Active = Active()
    severity: Severity = "warning"
    escalate_after_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> Condition:
        if self.kind == "value":
            if (self.above is None) == (self.below is None):
                raise ValueError("give exactly one of above and below")
            if not self.quantity:
                raise ValueError("give the quantity to compare")
        elif self.above is not None or self.below is not None:
            raise ValueError(f"{self.kind} compares with no limit: leave above and below out, give for_s")
        if self.kind != "value" and self.for_s <= 0:
            raise ValueError(f"{self.kind} needs for_s, the time without a new value")
        if self.kind == "frozen" and not self.quantity:
            raise ValueError("give the quantity that must change")
        if self.scope == "building" and self.quantity not in BUILDING_VALUES:
            raise ValueError(f"scope building knows: {', '.join(sorted(BUILDING_VALUES))}")
        return self

    def watches(self, device: str, kind: str) -> bool:
        return (
            not self.devices or any(fnmatch.fnmatchcase(device, pattern) for pattern in self.devices)
        ) and (not self.device_kinds or kind in self.device_kinds)

    def limit_for(self, building: Building) -> float | None:
        """The number to compare with; None if the building lacks the field it depends on."""
        limit = self.above if self.above is not None else self.below
        if limit is None or not self.limit_of:
            return limit
        field: float | None = getattr(building, self.limit_of)
        return limit * field if field else None


def phase_imbalance(values: Values) -> float | None:
    """Greatest deviation of a phase current from the mean of three, share of the mean; None below 1 A."""
    phases = [values.get(f"current_l{phase}") for phase in (1, 2, 3)]
    known = [abs(value) for value in phases if value is not None]
    mean = sum(known) / 3
    return max(abs(value - mean) for value in known) / mean if len(known) == 3 and mean >= 1 else None


def drawn_kw(values: Values) -> float | None:
    """Electric power of a machine: of its meter, else the machine's own estimate."""
    return values.get("active_power_total", values.get("electric_power_input"))


def cop(values: Values) -> float | None:
    """Thermal over electric power of a running machine; None while it draws less than 0.2 kW."""
    drawn = drawn_kw(values)
    heat = values.get("thermal_power")
    return abs(heat) / drawn if heat is not None and drawn is not None and drawn >= 0.2 else None


def temperature_spread(values: Values) -> float | None:
    """Supply less return temperature, K."""
    supply, back = values.get("supply_temperature"), values.get("return_temperature")
    return supply - back if supply is not None and back is not None else None


def power_factor(values: Values) -> float | None:
    """Magnitude of the total power factor; None below 1 kW, where it says nothing."""
    factor, power = values.get("power_factor_total"), values.get("active_power_total")
    return abs(factor) if factor is not None and power is not None and abs(power) >= 1 else None


DERIVED: dict[str, Callable[[Values], float | None]] = {
    "phase_imbalance": phase_imbalance,
    "cop": cop,
    "temperature_spread": temperature_spread,
    "power_factor": power_factor,
}
"""Values of one device from several of its quantities."""


def _meters(building: Building, role: Role, carrier: Carrier) -> list[Meter]:
    return [
        meter for meter in building.meters if meter.role == role and meter.carrier == carrier and meter.device
    ]


def _sum(meters: Sequence[Meter], quantity: str, latest: Mapping[str, Latest]) -> float | None:
    """Sum over meters; None if there are none or one is not known now."""
    values = [
        latest[meter.device].values.get(quantity) if meter.device in latest else None for meter in meters
    ]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def power_kw(building: Building, latest: Mapping[str, Latest]) -> float | None:
    """Power drawn through the main electricity meters."""
    return _sum(_meters(building, Role.MAIN, Carrier.ELECTRICITY), "active_power_total", latest)


def sub_sum_share(building: Building, latest: Mapping[str, Latest]) -> float | None:
    """Sum of first-level sub-meters over what they share, grid plus own generation; None below 5 kW."""
    mains = {meter.name for meter in building.meters if meter.role == Role.MAIN}
    subs = [
        meter
        for meter in _meters(building, Role.SUB, Carrier.ELECTRICITY)
        if not meter.parent or meter.parent in mains
    ]
    whole, parts = power_kw(building, latest), _sum(subs, "active_power_total", latest)
    if whole is not None and _meters(building, Role.PV, Carrier.ELECTRICITY):
        own = pv_power_kw(building, latest)
        whole = whole + own if own is not None else None
    return parts / whole if whole is not None and parts is not None and whole >= 5 else None


def pv_power_kw(building: Building, latest: Mapping[str, Latest]) -> float | None:
    """Power of on-site generation, positive while producing."""
    total = _sum(_meters(building, Role.PV, Carrier.ELECTRICITY), "active_power_total", latest)
    return abs(total) if total is not None else None


def heating_and_cooling_kw(building: Building, latest: Mapping[str, Latest]) -> float | None:
    """The lesser of heat and cold delivered at the same time."""
    parts = []
    for carrier in (Carrier.HEAT, Carrier.COOLING):
        power = _sum(_meters(building, Role.MAIN, carrier), "thermal_power", latest)
        if power is None:
            return None
        parts.append(abs(power))
    return min(parts)


BUILDING_VALUES: dict[str, Callable[[Building, Mapping[str, Latest]], float | None]] = {
    "power_kw": power_kw,
    "sub_sum_share": sub_sum_share,
    "pv_power_kw": pv_power_kw,
    "heating_and_cooling_kw": heating_and_cooling_kw,
}
"""Values of a whole building from the last samples of its meters."""

STATEFUL = {"starts_per_hour"}
"""Values that need the samples before: compressor starts in the last hour, `drawn_kw` rising above 0.5."""
