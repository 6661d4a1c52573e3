"""The layouts and unit codes of CJ/T 188 answers, as data: `layouts.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldLayout(_Strict):
    """One number: `bytes` of digits, with a unit code beside it if `unit`, else in `fixed_unit`."""

    name: str
    bytes: int
    decimals: int | Literal["installer"]
    quantity: str
    unit: bool = False
    fixed_unit: str = ""
    quantity_of_type: dict[str, str] = {}

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return self.bytes + self.unit

    def quantity_for(self, meter_type: int) -> str:
        """The quantity that the field is on a meter of this type; empty if no present value."""
        return self.quantity_of_type.get(f"0x{meter_type:02X}", self.quantity)


class Layout(_Strict):
    """The answer of meters of some types to one identifier: fields, clock (7 bytes), status (2)."""

    name: str
    identifier: str
    first_type: int
    last_type: int
    source: str
    confidence: str
    field: tuple[FieldLayout, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole answer behind identifier and counter."""
        return sum(field.size for field in self.field) + CLOCK_BYTES + STATUS_BYTES


class _File(_Strict):
    units: dict[str, tuple[str, float]]
    layout: tuple[Layout, ...]


CLOCK_BYTES, STATUS_BYTES = 7, 2


@cache
def _file() -> _File:
    text = resources.files(__package__).joinpath("layouts.toml").read_text("utf-8")
    return _File.model_validate(tomllib.loads(text))


@cache
def units() -> Mapping[int, tuple[str, float]]:
    """Unit code: our unit, and the factor to it."""
    return {int(code, 16): unit for code, unit in _file().units.items()}


def layout(meter_type: int, identifier: str) -> Layout | None:
    """How a meter of this type answers, or None if no source says."""
    for known in _file().layout:
        if known.identifier == identifier and known.first_type <= meter_type <= known.last_type:
            return known
    return None
