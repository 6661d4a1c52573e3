"""Whether a device's values can be true together: mains voltage and frequency, P = U I PF, temperatures.

For commissioning only: it ranks profiles and word orders and marks values on a technician's screen.
Nothing that is measured is ever dropped because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from drivers.quantity import Kind, vocabulary

Values = Mapping[str, float | None]

_NEUTRAL_V, _LINE_V = (180.0, 260.0), (310.0, 450.0)
_MEDIUM_V = (5_500.0, 40_500.0)  # a meter behind voltage transformers, 6 kV to 35 kV
_VOLTAGES = dict.fromkeys(("voltage_l1n", "voltage_l2n", "voltage_l3n", "voltage_ln_avg"), _NEUTRAL_V) | (
    dict.fromkeys(("voltage_l12", "voltage_l23", "voltage_l31", "voltage_ll_avg"), _LINE_V)
)
_HZ = ((49.0, 51.0), (59.0, 61.0))
_SMALLEST = 1e-6  # a live value nearer to 0, yet not 0, is a float that was read askew
_USUAL_DEGC = (
    ("outdoor", (-35.0, 45.0)), ("room", (5.0, 40.0)), ("dhw", (5.0, 80.0)), ("supply", (4.0, 110.0)),
    ("return", (2.0, 100.0)), ("buffer", (5.0, 95.0)), ("source", (-25.0, 40.0)), ("hot_gas", (0.0, 140.0)),
)  # fmt: skip
_POWER_TOLERANCE = 0.15
_SMALL_POWER_KW = 0.05


class Mark(StrEnum):
    """How a value looks. ODD: possible, but seldom in a building. WRONG: not in a working installation."""

    GOOD = "good"
    ODD = "odd"
    WRONG = "wrong"


def marks(values: Values) -> dict[str, Mark]:
    """A mark for every value that is there and can be judged; counters only where they cannot be."""
    found: dict[str, Mark] = {}
    for name, value in values.items():
        mark = None if value is None else _mark(name, value)
        if mark is not None:
            found[name] = mark
    for phase, mark in _powers(values).items():
        found[phase] = mark
    return found


def score(values: Values) -> float:
    """From 0, nothing can be true, to 1, everything that can be judged looks right; 0.5 if nothing can.

    values: None stands for a value that was a sentinel or outside its range, which speaks against it too.
    """
    judged = list(marks(values).values())
    weight = judged.count(Mark.GOOD) + 0.5 * judged.count(Mark.ODD)
    absent = 0.5 * sum(value is None for value in values.values())
    total = len(judged) + absent
    return (weight + 0.5) / (total + 1)


def _mark(name: str, value: float) -> Mark | None:
    known = vocabulary().get(name)
    if known is None:
        return None
    if not known.minimum <= value <= known.maximum or 0 < abs(value) < _SMALLEST:
        return Mark.WRONG
    if name in _VOLTAGES:
        if value == 0:
            return Mark.ODD  # a phase that is not connected
        return _within(value, _VOLTAGES[name], _MEDIUM_V)
    if name == "frequency":
        return Mark.GOOD if any(low <= value <= high for low, high in _HZ) else Mark.WRONG
    if known.unit == "degC":
        low, high = next((window for part, window in _USUAL_DEGC if name.startswith(part)), (-40.0, 160.0))
        return Mark.GOOD if low <= value <= high and value != 0 else Mark.ODD
    if known.kind is Kind.CUMULATIVE:
        return Mark.WRONG if value < 0 else None
    return None


def _within(value: float, usual: tuple[float, float], behind_transformer: tuple[float, float]) -> Mark:
    if usual[0] <= value <= usual[1]:
        return Mark.GOOD
    return Mark.ODD if behind_transformer[0] <= value <= behind_transformer[1] else Mark.WRONG


def _powers(values: Values) -> dict[str, Mark]:
    """Marks of the active powers of the phases, by P = U I PF, or by P <= U I where there is no PF."""
    found = {}
    names = {phase: f"active_power_{phase}" for phase in ("l1", "l2", "l3")}
    if "voltage_l2n" not in values and names["l1"] not in values:
        names = {"l1": "active_power_total"}  # a single-phase meter
    for phase, name in names.items():
        power, volts = values.get(name), values.get(f"voltage_{phase}n")
        amps, factor = values.get(f"current_{phase}"), values.get(f"power_factor_{phase}")
        if power is None or volts is None or amps is None:
            continue
        apparent = abs(volts * amps) / 1000
        slack = _POWER_TOLERANCE * apparent + _SMALL_POWER_KW
        if factor is None:
            right = abs(power) <= apparent + slack
        else:
            right = abs(abs(power) - apparent * abs(factor)) <= slack
        found[name] = Mark.GOOD if right else Mark.WRONG
    return found | _total(values)


def _total(values: Values) -> dict[str, Mark]:
    """The mark of the total active power: the sum of its phases, else sqrt(3) U I of the averages."""
    total = values.get("active_power_total")
    if total is None or "voltage_l2n" not in values:
        return {}
    phases = [values.get(f"active_power_{phase}") for phase in ("l1", "l2", "l3")]
    known = [phase for phase in phases if phase is not None]
    if len(known) == 3:
        slack = 0.03 * sum(map(abs, known)) + _SMALL_POWER_KW
        return {"active_power_total": Mark.GOOD if abs(total - sum(known)) <= slack else Mark.WRONG}
    apparent = [
        abs(volts * amps) / 1000
        for phase in ("l1", "l2", "l3")
        if (volts := values.get(f"voltage_{phase}n")) is not None
        and (amps := values.get(f"current_{phase}")) is not None
    ]
    if len(apparent) != 3:
        return {}
    right = abs(total) <= (1 + _POWER_TOLERANCE) * sum(apparent) + _SMALL_POWER_KW
    return {"active_power_total": Mark.GOOD if right else Mark.WRONG}
