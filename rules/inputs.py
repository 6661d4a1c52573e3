"""What schemes ask for by name, checked where a file gives it: no judgement meets a word for a number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from drivers.errors import Problem

_NUMBERS = ("green_power_kwh", "heat_pump_heat_kwh", "heat_pump_electricity_kwh", "cooling_plant_cop")


def input_problems(file: str, where: str, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Inputs of a shape that nothing can use: words for numbers, lists and tables of anything but numbers."""
    for name, value in inputs.items():
        key = f"{where}.{name}"
        if name.endswith("_items"):
            if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
                yield Problem(file, key, f"must be a list of item codes, got {value!r}")
        elif isinstance(value, list | dict):
            members = value.items() if isinstance(value, dict) else enumerate(value)
            for member, each in members:
                if not _is_number(each):
                    yield Problem(file, f"{key}.{member}", f"must be a number, got {each!r}")
        elif isinstance(value, float) and not math.isfinite(value):
            yield Problem(file, key, f"must be a finite number, got {value!r}")
        elif (name in _NUMBERS or name.endswith("_mj_per_unit")) and not (_is_number(value) and value >= 0):
            yield Problem(file, key, f"must be a number and not less than zero, got {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
