"""Tariffs as dated data: prices by time of use, steps, demand charge. The operator supplies them."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from drivers.carrier import Carrier
from drivers.errors import ConfigError, Problem
from rules.conditions import HOURS, Calendar
from rules.scheme import validation_problems

Rate = Literal["sharp", "peak", "flat", "valley", "deep_valley"]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
RATES: tuple[Rate, ...] = ("sharp", "peak", "flat", "valley", "deep_valley")
RATE_WORDS: dict[str, tuple[str, str]] = {
    "sharp": ("sharp peak", "尖峰"),
    "peak": ("peak", "高峰"),
    "flat": ("flat", "平段"),
    "valley": ("valley", "低谷"),
    "deep_valley": ("deep valley", "深谷"),
    "step": ("step", "阶梯加价"),
    "demand": ("demand charge", "需量电费"),
    "fixed": ("fixed charge", "固定费用"),
    "export": ("export, paid for", "上网电费"),
}
"""What a line of a bill is for -> (en, zh)."""
MINUTES = 24 * 60
_FLAT: Rate = "flat"
_ALL_FLAT = (_FLAT,) * MINUTES


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hours(_Part):
    """Hours such as `22:00-06:00` of each rate on some months and days; what no rate names is `flat`."""

    months: list[Annotated[int, Field(ge=1, le=12)]] = []
    days: Literal["all", "workdays", "free_days"] = "all"
    sharp: list[str] = []
    peak: list[str] = []
    valley: list[str] = []
    deep_valley: list[str] = []

    @field_validator("sharp", "peak", "valley", "deep_valley")
    @classmethod
    def _readable(cls, hours: list[str]) -> list[str]:
        for text in hours:
            if not HOURS.fullmatch(text):
                raise ValueError(f"write hours like 22:00-06:00, got {text!r}")
        return hours

    @model_validator(mode="after")
    def _once(self) -> Hours:
        seen: dict[int, str] = {}
        for rate in ("sharp", "peak", "valley", "deep_valley"):
            for minute in _minutes(getattr(self, rate)):
                if minute in seen:
                    raise ValueError(f"{minute // 60:02}:{minute % 60:02} is both {seen[minute]} and {rate}")
                seen[minute] = rate
        return self

    @cached_property
    def by_minute(self) -> tuple[Rate, ...]:
        """The rate of each minute of the day."""
        rates: list[Rate] = list(_ALL_FLAT)
        for rate in RATES:
            for minute in _minutes(getattr(self, rate, [])):
                rates[minute] = rate
        return tuple(rates)


def _minutes(hours: Sequence[str]) -> list[int]:
    found: list[int] = []
    for text in hours:
        low, high = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        found += range(low, high) if low < high else [*range(low, MINUTES), *range(high)]
    return found


class Step(_Part):
    """An addition to the price of each unit above `above` units of the month or the calendar year."""

    above: float = Field(ge=0)
    add: Price


class Demand(_Part):
    """A charge per kW and month: for the month's highest mean power, or for the contracted one."""

    basis: Literal["measured", "contracted"] = "measured"
    price: Price


class Version(_Part):
    """The tariff from one day on, until the next version begins."""

    since: date = Field(alias="from")
    price: dict[Rate, Price]
    hours: list[Hours] = []
    step: list[Step] = []
    steps_per: Literal["month", "year"] = "month"
    demand: Demand | None = None
    fixed_per_month: Price = 0.0
    export: Price = 0.0
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Version:
        named = {"flat"} | {rate for hours in self.hours for rate in set(hours.by_minute)}
        lacking = [rate for rate in RATES if rate in named and rate not in self.price]
        if lacking:
            raise ValueError(f"no price for {', '.join(lacking)}")
        idle = [rate for rate in self.price if rate not in named]
        if idle:
            raise ValueError(f"a price for {', '.join(idle)}, but no hours of it")
        if [step.above for step in self.step] != sorted({step.above for step in self.step}):
            raise ValueError("steps must rise")
        return self

    def rates_of(self, day: date, calendar: Calendar) -> tuple[Rate, ...]:
        """The rate of each minute of a local day: the first of `hours` that fits it."""
        workday = calendar.is_workday(day)
        for hours in self.hours:
            if hours.months and day.month not in hours.months:
                continue
            if hours.days == "all" or (hours.days == "workdays") == workday:
                return hours.by_minute
        return _ALL_FLAT

    def added(self, before: float, amount: float) -> float:
        """What the steps add for `amount` units after `before` units of the same month or year."""
        found = 0.0
        uppers = [*(step.above for step in self.step[1:]), float("inf")]
        for step, upper in zip(self.step, uppers, strict=False):
            inside = min(before + amount, upper) - max(before, step.above)
            found += max(0.0, inside) * step.add
        return found


class Tariff(_Part):
    """What one carrier costs. Prices are per native unit (kWh, m³ …), demand per kW and month."""

    id: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1)
    name_zh: str = Field(min_length=1)
    carrier: Carrier = Carrier.ELECTRICITY
    currency: str = "CNY"
    version: list[Version] = Field(min_length=1)
    hash: str = Field(default="", exclude=True, repr=False)

    @model_validator(mode="after")
    def _dated(self) -> Tariff:
        dates = [version.since for version in self.version]
        if dates != sorted(set(dates)):
            raise ValueError("versions must be in the order of their dates, each date once")
        if self.carrier != Carrier.ELECTRICITY and any(version.demand for version in self.version):
            raise ValueError("only electricity has a demand charge")
        return self

    def on(self, day: date) -> Version | None:
        """The version of a day; None before the first."""
        fitting = [version for version in self.version if version.since <= day]
        return fitting[-1] if fitting else None


def read(path: Path) -> Tariff:
    """Read a tariff file. Raises ConfigError with every problem of it."""
    try:
        text = path.read_text("utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    if "hash" in raw:
        raise ConfigError([Problem(str(path), "hash", "Extra inputs are not permitted")])
    try:
        return Tariff.model_validate(raw | {"hash": hashlib.sha256(text.encode()).hexdigest()[:12]})
    except ValidationError as error:
        raise ConfigError(validation_problems(str(path), error)) from error
