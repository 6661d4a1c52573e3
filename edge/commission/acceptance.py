"""Compares a device's values with those read by hand from its display. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from drivers.profile import Profile
from drivers.quantity import Kind, quantity

_GAUGE_SHARE = 0.02  # it moves between the look at the display and the read
_VOLTAGE_SHARE, _FREQUENCY_HZ, _TEMPERATURE_K = 0.01, 0.05, 0.5
_SMALL_SHARE_OF_STEP = 1.001
_GAUGE_STEPS = 2


class Verdict(StrEnum):
    """Of one value."""

    AGREES = "agrees"
    DIFFERS = "differs"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Line:
    """One value: what the display showed, what was read, how far apart they may be, in `unit`.

    hint: what the ratio of both suggests, such as a forgotten CT ratio; empty if nothing.
    """

    quantity: str
    unit: str
    display: float
    read: float | None
    tolerance: float
    verdict: Verdict
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was accepted, or not.

    identity: what the device says of itself. sources, confidence: of the profile's facts.
    """

    site: str
    building: str
    device: str
    profile: str
    model: str
    protocol: str
    place: str
    line: str
    address: str
    ratios: Mapping[str, float]
    identity: Mapping[str, str | int]
    sources: Mapping[str, str]
    confidence: tuple[str, ...]
    lines: tuple[Line, ...]
    by: str
    at: datetime
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Every line agrees, and there is one, and a counter is among them."""
        return self.with_counter and all(line.verdict is Verdict.AGREES for line in self.lines)

    @property
    def with_counter(self) -> bool:
        """Whether a counter was compared: what is billed is a counter."""
        return any(quantity(line.quantity).kind is Kind.CUMULATIVE for line in self.lines)


def compare(
    profile: Profile,
    displayed: Mapping[str, str],
    values: Mapping[str, float | None],
    steps: Mapping[str, float],
    rise: Mapping[str, float],
) -> tuple[Line, ...]:
    """A line for every value of the display, in its order.

    displayed: as written by hand; its decimals say how finely the display shows. steps: resolution of the
    registers. rise: by how much a counter may have gone up between display and read.
    """
    return tuple(
        _line(name, text, values.get(name), steps.get(name, 0.0), rise.get(name, 0.0))
        for name, text in displayed.items()
        if name in profile.quantities()
    )


def _line(name: str, text: str, read: float | None, step: float, rise: float) -> Line:
    known, display = quantity(name), float(text)
    tolerance = _tolerance(name, display, _last_digit(text), step, rise)
    if read is None:
        return Line(name, known.unit, display, None, tolerance, Verdict.ABSENT)
    if abs(read - display) <= tolerance:
        return Line(name, known.unit, display, read, tolerance, Verdict.AGREES)
    return Line(name, known.unit, display, read, tolerance, Verdict.DIFFERS, _hint(display, read))


def _tolerance(name: str, display: float, digit: float, step: float, rise: float) -> float:
    """Of a counter: one step of the display and of the register, and what was used meanwhile."""
    known = quantity(name)
    steps = (digit + step) * _SMALL_SHARE_OF_STEP
    if known.kind in (Kind.CUMULATIVE, Kind.NET):
        return steps + rise
    if known.unit == "V":
        return max(_VOLTAGE_SHARE * abs(display), steps)
    if name == "frequency":
        return max(_FREQUENCY_HZ, steps)
    if known.unit in ("degC", "K"):
        return max(_TEMPERATURE_K, steps)
    return max(_GAUGE_SHARE * abs(display), _GAUGE_STEPS * steps)


def _last_digit(text: str) -> float:
    _, dot, decimals = text.strip().partition(".")
    return float(10.0 ** -len(decimals)) if dot else 1.0


_RATIOS = (
    (1000.0, "a factor of 1000: Wh and kWh, or W and kW"),
    (100.0, "a factor of 100: the profile's decimals are not the meter's"),
    (10.0, "a factor of 10: the profile's decimals are not the meter's"),
)
_NEAR = 0.02


def _hint(display: float, read: float) -> str:
    if not display or not read:
        return ""
    if abs(read + display) <= _NEAR * abs(display):
        return "the sign: import and export, or the direction of the current transformer"
    ratio = max(abs(read / display), abs(display / read))
    for factor, text in _RATIOS:
        if abs(ratio / factor - 1) <= _NEAR:
            return text
    whole = round(ratio)
    usual = whole % 5 == 0 or whole <= 12  # 200/5 A is 40, 10/0.1 kV is 100
    if 2 <= whole <= 5000 and usual and abs(ratio / whole - 1) <= _NEAR / 4:
        return f"a factor of {whole}: the CT or PT ratio is missing, or applied twice"
    return ""
