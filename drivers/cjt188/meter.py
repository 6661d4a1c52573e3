"""A CJ/T 188 meter as data: its type, its quantities, how it is asked. See `METERS`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from drivers.cjt188.frame import CURRENT_DATA, FRAME_BYTES
from drivers.cjt188.layouts import FieldLayout, Layout, layout
from drivers.errors import ConfigError, Problem
from drivers.frames.line import SerialParameters
from drivers.frames.meter_frame import WAKE_UP
from drivers.profile import Counter, Point, Profile, default_group
from drivers.quantity import Kind, ledger, quantity

METERS: dict[str, tuple[int, str]] = {
    "cjt188_cold_water": (0x10, "water"),
    "cjt188_hot_water": (0x11, "water"),
    "cjt188_drinking_water": (0x12, "water"),
    "cjt188_reclaimed_water": (0x13, "water"),
    "cjt188_heat": (0x20, "heat"),
    "cjt188_cooling": (0x21, "heat"),
    "cjt188_heat_and_cooling": (0x25, "heat"),
    "cjt188_gas": (0x30, "gas"),
}
"""Name: meter type, kind. Types of CJ/T 188-2004; 25H is used in the field."""
_IDENTIFIER_BYTES = 3  # with the counter


@dataclass(frozen=True, slots=True)
class Meter:
    """wake_up: FE bytes before a request; battery meters may want a long run of them."""

    type: int
    profile: Profile
    wake_up: bytes
    serial: SerialParameters

    @property
    def protocol(self) -> str:
        """`cjt188`."""
        return "cjt188"

    def frames(self) -> list[tuple[int, int]]:
        """(bytes of the request, bytes of the answer) of a read, wake-up bytes included."""
        found = layout(self.type, CURRENT_DATA)
        around = len(self.wake_up) + FRAME_BYTES + _IDENTIFIER_BYTES
        return [(around, around + (found.size if found else 0))]


@lru_cache(maxsize=16)
def load(name: str) -> Meter:
    """The meter of that name. Raises ConfigError with the names there are."""
    if name not in METERS:
        raise ConfigError([Problem(name, "", f"no such meter; known: {', '.join(METERS)}")])
    meter_type, kind = METERS[name]
    found = layout(meter_type, "901F")
    if found is None:
        raise ConfigError([Problem(name, "", f"no layout for meter type {meter_type:02X}H")])
    return Meter(meter_type, _profile(name, kind, found, meter_type), WAKE_UP, SerialParameters())


def _profile(name: str, kind: str, found: Layout, meter_type: int) -> Profile:
    points = tuple(
        _point(field, found, meter_type) for field in found.field if field.quantity_for(meter_type)
    )
    return Profile(
        name=name,
        model=f"CJ/T 188-2004 {name.removeprefix('cjt188_').replace('_', ' ')} meter",
        vendor="any",
        kind=kind,
        variants=(),
        notes=(),
        sources={"standard": found.source},
        points=points,
        factors={},
        identity=(),
        modbus=None,
        mqtt=None,
        counters=tuple(
            Counter(point.quantity.name, *book, point.modulus, point.resolution, 0.0)
            for point in points
            if (book := ledger(point.quantity.name)) is not None
        ),
    )


def _point(field: FieldLayout, found: Layout, meter_type: int) -> Point:
    """The counter's end is unknown: the digits are fixed, but the unit is the frame's, kWh or GJ or Wh."""
    known = quantity(field.quantity_for(meter_type))
    decimals = field.decimals if isinstance(field.decimals, int) else 0
    volume = known.unit == "m3" and known.kind is Kind.CUMULATIVE
    return Point(
        quantity=known,
        terms=(),
        shift=0,
        denominator=1,
        digits=decimals,
        minimum=known.minimum,
        maximum=known.maximum,
        sentinels=frozenset(),
        map=None,
        magnitude=False,
        factors=(),
        group=default_group(known),
        modulus=10.0 ** (2 * field.bytes - decimals) if volume else None,
        resolution=10.0**-decimals,
        confidence=found.confidence,
        sources=("standard",),
        note="",
    )
