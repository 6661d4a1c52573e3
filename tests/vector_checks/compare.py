"""Compares what a vector says with what we decoded: names, units, numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from drivers.errors import BeaconError, FrameError
from drivers.quantity import vocabulary

REFUSED = ("bad_checksum", "malformed", "invalid_json")

_SCALES: dict[str, tuple[str, float]] = {
    "W": ("kW", 1e-3),
    "MW": ("kW", 1e3),
    "var": ("kvar", 1e-3),
    "VA": ("kVA", 1e-3),
    "Wh": ("kWh", 1e-3),
    "MWh": ("kWh", 1e3),
    "J": ("kWh", 1 / 3.6e6),
    "kJ": ("kWh", 1 / 3600),
    "MJ": ("kWh", 1 / 3.6),
    "GJ": ("kWh", 1000 / 3.6),
    "MWh x 100": ("kWh", 1e5),
    "GJ x 100": ("kWh", 1e5 / 3.6),
    "varh": ("kvarh", 1e-3),
    "VAh": ("kVAh", 1e-3),
    "l/min": ("m3/h", 0.06),
    "l/h": ("m3/h", 1e-3),
    "L/h": ("m3/h", 1e-3),
    "L": ("m3", 1e-3),
    "l": ("m3", 1e-3),
    "mA": ("A", 1e-3),
    "mV": ("V", 1e-3),
    "kV": ("V", 1e3),
    "C": ("degC", 1.0),
    "°C": ("degC", 1.0),
    "m³": ("m3", 1.0),
    "m³/h": ("m3/h", 1.0),
}

_ALIASES = {f"voltage_l{phase}": f"voltage_l{phase}n" for phase in "123"}


@dataclass
class Outcome:
    """One vector's result, printed as one line."""

    verdict: Literal["agree", "differs", "not applicable"]
    details: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.verdict}: {'; '.join(self.details)}" if self.details else self.verdict


class Comparison:
    """Collects what agrees and what does not."""

    def __init__(self) -> None:
        self.compared = 0
        self.problems: list[str] = []
        self.notes: list[str] = []

    def check(self, key: str, expected: Any, got: Any) -> None:
        """Compare one fact."""
        self.compared += 1
        if not same(expected, got):
            self.problems.append(f"{key}: expected {expected!r}, got {got!r}")

    def name(self, key: str, stated: str, got: str) -> None:
        """Compare a vector's name with our quantity; `flow` of a water meter is our `water_flow`."""
        name = canonical(stated)
        if name and not got.endswith(f"_{name}"):
            self.check(key, name, got)

    def quantity(
        self,
        name: str,
        expected: Any,
        unit: str,
        got: float | str | None,
        got_unit: str,
        digits: int | None = None,
    ) -> None:
        """Compare one value after conversion to our unit. digits: what a profile rounds floats to."""
        if isinstance(expected, int | float) and not isinstance(expected, bool):
            converted = convert(float(expected), unit, got_unit)
            if converted is None:
                if unit in _SCALES or unit in {known.unit for known in vocabulary().values()}:
                    self.check(f"{name} unit", unit, got_unit)
                else:
                    self.notes.append(f"not compared: {name}, its unit is {unit!r}")
                return
            expected = converted
            if digits is not None and isinstance(got, float) and abs(expected - got) <= 0.51 * 10**-digits:
                expected = got
        self.check(name, expected, got)

    def outcome(self) -> Outcome:
        if self.problems:
            return Outcome("differs", self.problems)
        if not self.compared:
            return Outcome("not applicable", self.notes or ["the vector states nothing to compare"])
        return Outcome("agree", self.notes)


def same(expected: Any, got: Any) -> bool:
    """Equal within the seven digits that vectors print; a text in place of a number means "no value"."""
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(map(same, expected, got))
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected == got
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return math.isclose(expected, got, rel_tol=1e-6, abs_tol=1e-9)
    if got is None:
        return expected is None or isinstance(expected, str)
    return bool(expected == got)


def convert(value: float, unit: str, to: str) -> float | None:
    """`value` in unit `to`; None if the units do not belong together."""
    base, scale = _SCALES.get(unit, (unit, 1.0))
    target, target_scale = _SCALES.get(to, (to, 1.0))
    return value * scale / target_scale if base == target else None


def canonical(name: str) -> str | None:
    """The vocabulary's word for a vector's quantity; None if it has none."""
    name = _ALIASES.get(name, name)
    return name if name in vocabulary() else None


def block_names(text: str) -> list[str]:
    """`voltage (L1, L2, L3)` as single names; [] for any other text."""
    found = re.fullmatch(r"(\w+) \((.+)\)", text)
    if not found:
        return []
    return [f"{found[1]}_{item.strip().lower()}" for item in found[2].split(",")]


def raw_bytes(vector: dict[str, Any]) -> bytes:
    """The bytes of a frame vector. Raises FrameError if they are not hexadecimal."""
    try:
        return bytes.fromhex(vector["raw_hex"])
    except ValueError as error:
        raise FrameError(f"raw_hex: {error}") from None


def refusal(decode: Callable[[], object]) -> Outcome:
    """A vector that must be refused: a typed error agrees, anything decoded does not."""
    try:
        got = decode()
    except BeaconError as error:
        return Outcome("agree", [f"refused: {error}"])
    return Outcome("differs", [f"expected a refusal, got {got!r}"])
