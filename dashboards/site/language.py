"""Two languages: messages as data, and how numbers, days and units are written in each."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.registry import Building, Registry
from drivers.carrier import ITEMS

CODES = ("en", "zh")
MESSAGES = Path(__file__).with_name("messages.toml")
QUANTITIES = Path(__file__).with_name("quantities.toml")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}
_UNITS = {"m3": "m³", "m3/h": "m³/h", "degC": "°C", "kgCO2": "kgCO₂", "tCO2": "tCO₂", "m2": "m²"}
_PRINTED = (("m2", "m²"), ("m3", "m³"), ("CO2", "CO₂"), (".a)", "·a)"))
ABSENT = "–"


@cache
def messages(code: str) -> Mapping[str, str]:
    """`section.key` -> text in one language."""
    return {key: texts[code] for key, texts in _catalogue().items()}


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for file in (MESSAGES, QUANTITIES):
        for section, entries in tomllib.loads(file.read_text("utf-8")).items():
            found |= {f"{section}.{key}": texts for key, texts in entries.items()}
    return found


def choose(cookie: str | None, accept_language: str) -> str:
    """The cookie's language, or the first of Accept-Language that we speak, or English."""
    if cookie in CODES:
        return cookie
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:200].split(",")):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        wanted.append((-weight, place, tag.strip().lower()[:2]))
    return next((tag for weight, _, tag in sorted(wanted) if tag in CODES and weight < 0), "en")


def plain(value: float | None, digits: int | None = None) -> str:
    """`12,345` or `1.23`: three significant figures at least, thousands separated, a true minus sign."""
    if value is None:
        return ABSENT
    if digits is None:
        size = abs(value)
        digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", "−")


@dataclass(frozen=True, slots=True)
class Language:
    """Everything a template says goes through here."""

    code: str

    def t(self, key: str, **values: object) -> str:
        """The message `key`. Raises KeyError if the catalogue lacks it."""
        text = messages(self.code)[key]
        return text.format(**values) if values else text

    def known(self, key: str) -> str:
        """The message `key`, or "" if the catalogue lacks it."""
        return messages(self.code).get(key, "")

    def count(self, key: str, n: int) -> str:
        """The message `key`, or `key_one` for exactly one, with {n}."""
        text = self.number(n, 0)
        return self.t(f"{key}_one" if n == 1 else key, n=text)

    @property
    def html(self) -> str:
        return "zh-Hans" if self.code == "zh" else "en"

    def number(self, value: float | None, digits: int | None = None) -> str:
        return plain(value, digits)

    def exact(self, value: float | None) -> str:
        """A factor or a reading as it was used: seven significant figures, thousands apart, no exponent."""
        if value is None:
            return ABSENT
        digits = max(0, 6 - math.floor(math.log10(abs(value)))) if value else 0
        text = plain(value, min(digits, 12))
        return text.rstrip("0").rstrip(".") if "." in text else text

    def unit(self, unit: str) -> str:
        return _UNITS.get(unit) or unit.replace("m2", "m²").replace("m3", "m³").replace("CO2", "CO₂").replace(
            ".a)", "·a)"
        )

    def amount(self, value: float | None, unit: str, digits: int | None = None) -> str:
        """Value and unit; kWh become MWh or GWh and kg become t when there are many."""
        value, unit = scaled(value, unit)
        return f"{plain(value, digits)}\u00a0{self.unit(unit)}" if value is not None else ABSENT

    def percent(self, share: float | None, digits: int = 0) -> str:
        return ABSENT if share is None else f"{plain(share * 100, digits)}%"

    def change(self, share: float | None) -> str:
        """`+4.2%`: a change against a former period."""
        if share is None:
            return ABSENT
        return ("+" if share > 0 else "") + plain(share * 100, 1) + "%"

    def name(self, building: Building) -> str:
        return building.name_zh if self.code == "zh" else building.name_en or building.name_zh

    def region(self, registry: Registry, code: str) -> str:
        zh, en = registry.region_names.get(code, (code, code))
        return zh if self.code == "zh" else en

    def item(self, code: str) -> str:
        if code in ITEMS:
            text = ITEMS[code][0 if self.code == "zh" else 1]
            return text[:1].upper() + text[1:]
        return self.t(f"item.{code}")

    def quantity(self, name: str) -> str:
        """What people call a quantity of the vocabulary; its own name if they have no other."""
        return self.known(f"quantity.{name}") or name

    def day(self, day: date) -> str:
        return f"{day.month}月{day.day}日" if self.code == "zh" else f"{day.day} {_MONTHS[day.month - 1]}"

    def full_day(self, day: date) -> str:
        if self.code == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def month(self, day: date) -> str:
        return f"{day.month}月" if self.code == "zh" else _MONTHS[day.month - 1]

    def full_month(self, day: date) -> str:
        return f"{day.year}年{day.month}月" if self.code == "zh" else f"{_MONTHS[day.month - 1]} {day.year}"

    def weekday(self, day: date) -> str:
        return _WEEKDAYS[self.code][day.weekday()]

    def moment(self, at_ms: int | None, zone: str = "Asia/Shanghai") -> str:
        """`22 Nov 14:05:09` in the building's time zone."""
        if at_ms is None:
            return ABSENT
        local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
        return f"{self.day(local.date())} {local:%H:%M:%S}"

    def clock(self, at_ms: int | None, zone: str = "Asia/Shanghai") -> str:
        return ABSENT if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)):%H:%M:%S}"

    def duration(self, seconds: float | None) -> str:
        """`45 s`, `12 min`, `3 h`, `5 d`: how long, roughly."""
        if seconds is None:
            return ABSENT
        seconds = max(0.0, seconds)
        for limit, size, unit in ((120, 1, "second"), (7200, 60, "minute"), (172_800, 3600, "hour")):
            if seconds < limit:
                return self.t(f"duration.{unit}", n=int(seconds // size))
        return self.t("duration.day", n=int(seconds // 86_400))


def scaled(value: float | None, unit: str) -> tuple[float | None, str]:
    """The value in the unit a person would choose: 1,250,000 kWh is 1,250 MWh."""
    if value is None or abs(value) < 100_000:
        return value, unit
    if unit == "kWh":
        return (value / 1000, "MWh") if abs(value) < 1e8 else (value / 1e6, "GWh")
    if unit.startswith("kg"):
        return value / 1000, "t" + unit[2:]
    return value, unit
