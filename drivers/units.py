"""Units on the wire and what one of them is in a quantity's unit."""

from __future__ import annotations

from fractions import Fraction

_TO: dict[str, dict[str, str]] = {
    "kWh": {"Wh": "0.001", "MWh": "1000", "GWh": "1e6", "MJ": "10/36", "GJ": "10000/36", "kJ": "1/3600"},
    "kvarh": {"varh": "0.001", "Mvarh": "1000"},
    "kVAh": {"VAh": "0.001", "MVAh": "1000"},
    "kW": {"W": "0.001", "MW": "1000", "GJ/h": "10000/36", "MJ/h": "10/36"},
    "kvar": {"var": "0.001", "Mvar": "1000"},
    "kVA": {"VA": "0.001", "MVA": "1000"},
    "V": {"mV": "0.001", "kV": "1000"},
    "A": {"mA": "0.001", "kA": "1000"},
    "Ah": {"mAh": "0.001"},
    "m3": {"l": "0.001"},
    "m3/h": {"l/h": "0.001", "l/min": "0.06", "l/s": "3.6", "m3/s": "3600", "m3/min": "60"},
    "bar": {
        "kPa": "0.01",
        "Pa": "1e-5",
        "MPa": "10",
        "mbar": "0.001",
        "kgf/cm2": "0.980665",
        "psi": "0.0689476",
    },
    "h": {"min": "1/60", "s": "1/3600", "d": "24"},
    "t": {"kg": "0.001"},
    "t/h": {"kg/h": "0.001"},
    "Hz": {"mHz": "0.001", "rps": "1"},
    "": {"%": "0.01", "pulses": "1"},
}
_FAHRENHEIT = {"degC": (Fraction(5, 9), Fraction(-160, 9)), "K": (Fraction(5, 9), Fraction(0))}


def to_unit(wire: str, unit: str) -> tuple[Fraction, Fraction]:
    """(scale, offset) with value = wire * scale + offset. Raises ValueError if the units do not match."""
    if wire == unit:
        return Fraction(1), Fraction(0)
    if wire == "degF" and unit in _FAHRENHEIT:
        return _FAHRENHEIT[unit]
    scale = _TO.get(unit, {}).get(wire)
    if scale is None:
        known = ", ".join([unit or "no unit", *_TO.get(unit, {})])
        raise ValueError(f"unit {wire!r} cannot become {unit or 'a bare number'!r}; known: {known}")
    return Fraction(scale), Fraction(0)
