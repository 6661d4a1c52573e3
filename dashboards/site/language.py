"""Two languages: messages as data, and how numbers, days and units are written in each."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from collector.registry import Building, Registry
from drivers.carrier import ITEMS
from drivers.quantity import Kind, vocabulary
from rules.period import Period

CODES = ("en", "zh")
MESSAGES = Path(__file__).with_name("messages.toml")
QUANTITIES = Path(__file__).with_name("quantities.toml")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}
_UNITS = {"degC": "°C", "deg": "°", "rpm": "r/min"}
_PRINTED = (("m2", "m²"), ("m3", "m³"), ("CO2", "CO₂"), (".a)", "·a)"))
ABSENT = "–"
_PLACES = {
    "ll": r"l(12|23|31)", "ln": r"l[123]n", "l": r"l[123]", "ch": r"ch\d+", "t": r"t\d", "q": r"q\d",
    "hp": r"hp\d", "hs": r"hs\d", "circuit": r"circuit_\d", "zone": r"zone_\d", "number": r"\d",
}  # fmt: skip
_PLACED = re.compile(
    r"(?P<base>\w+?)_(" + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _PLACES.items()) + ")"
)
"""A quantity's name that ends with a place: `current_l1`, `pulse_count_ch12`."""


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
class Column:
    """How a column writes its amounts. factor: from the unit they came in."""

    unit: str
    factor: float

    def text(self, value: float | None) -> str:
        return plain(None if value is None else value * self.factor, 0 if self.factor == 1 else 1)


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
        """A unit as it is printed; `steps` is the one that has words."""
        if unit == "steps":
            return self.t("unit.steps")
        for written, printed in _PRINTED:
            unit = unit.replace(written, printed)
        return _UNITS.get(unit, unit)

    def amount(self, value: float | None, unit: str, digits: int | None = None) -> str:
        """Value and unit; kWh become MWh or GWh and kg become t when there are many."""
        value, unit = scaled(value, unit)
        return f"{plain(value, digits)}\u00a0{self.unit(unit)}" if value is not None else ABSENT

    def column(self, values: Iterable[float | None], unit: str) -> Column:
        """One unit for a column of amounts, so that they can be compared: that of the largest."""
        largest = max((abs(value) for value in values if value is not None), default=0.0)
        shown, chosen = scaled(largest, unit)
        return Column(self.unit(chosen), (shown or 0.0) / largest if largest else 1.0)

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
        found = self.known(f"quantity.{name}")
        placed = _PLACED.fullmatch(name)
        if found or placed is None or not (what := self.known(f"quantity.{placed['base']}")):
            return found or name
        place = next(place for place in _PLACES if placed[place])
        digits = re.sub(r"\D", "", placed[place])
        n, m = digits[0] if place == "ll" else digits, digits[1:]
        phase = "".join("ABC"[int(digit) - 1] for digit in digits) if place in ("l", "ln", "ll") else ""
        return self.t(f"place.{place}", what=what, n=n, m=m, phase=phase)

    def reading(self, name: str, value: float) -> str:
        """A quantity's value: a state of 0 or 1 as no or yes, codes and counts without decimals."""
        known = vocabulary().get(name)
        if known is None or known.unit:
            return self.number(value)
        if known.kind is Kind.STATE and known.maximum == 1:
            return self.t("state.on" if value >= 0.5 else "state.off")
        return self.number(value, 0 if known.kind in (Kind.STATE, Kind.CUMULATIVE) else None)

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

    def period(self, text: str) -> str:
        """`Oct 2026` or `2026` of `2026-10` or `2026`. Raises ValueError for anything else."""
        period = Period.parse(text)
        return self.full_month(period.first) if period.monthly else self.t("period.year", year=period.year)

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

    def recent(self, at_ms: int | None, now_ms: int, zone: str = "Asia/Shanghai") -> str:
        """The time of day if that says all: within the last twelve hours; else with the day."""
        fresh = at_ms is not None and abs(now_ms - at_ms) < 12 * 3_600_000
        return self.clock(at_ms, zone) if fresh else self.moment(at_ms, zone)

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
