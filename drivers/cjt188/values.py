"""What the data of a CJ/T 188 answer means: volumes, energies, temperatures, clock and status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drivers.cjt188.frame import Frame
from drivers.cjt188.layouts import CLOCK_BYTES, STATUS_BYTES, FieldLayout, Layout, layout, units
from drivers.errors import FrameError
from drivers.frames import bcd

Valve = Literal["open", "closed", "fault", "unknown"]
_VALVE: dict[int, Valve] = {0b00: "open", 0b01: "closed", 0b11: "fault"}


@dataclass(frozen=True, slots=True)
class Field:
    """One number of an answer. value: in `unit`, None if the meter has none or its unit is unknown."""

    name: str
    quantity: str
    value: float | None
    unit: str
    digits: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer. clock: the meter's own, without zone, None if it shows no real time."""

    meter_type: int
    fields: tuple[Field, ...]
    clock: datetime | None
    clock_digits: str
    status: bytes
    unit_first: bool

    @property
    def valve(self) -> Valve:
        """From the first status byte, by CJ/T 188-2004; a public source of one maker has other bits."""
        return _VALVE.get(self.status[0] & 0b11, "unknown")

    @property
    def battery_low(self) -> bool:
        """As `valve`: certain only for meters that were checked."""
        return bool(self.status[0] & 0b100)

    def quantities(self) -> dict[str, float]:
        """The present values by quantity name, in the vocabulary's units."""
        return {
            field.quantity: field.value for field in self.fields if field.quantity and field.value is not None
        }


def decode_reading(frame: Frame, flow_decimals: int | None = None) -> Reading:
    """The values of an answer to a read.

    flow_decimals: decimals of the flow, which differ by maker; without it only a flow of zero is known.
    Raises FrameError if the frame is no such answer, or its length fits no layout.
    """
    if not frame.is_answer or frame.is_error or frame.identifier is None:
        raise FrameError(f"no answer that carries data: control {frame.control:02X}H")
    found = layout(frame.meter_type, frame.identifier)
    if found is None:
        raise FrameError(f"no layout for meter type {frame.meter_type:02X}H, identifier {frame.identifier}")
    data = frame.value
    if len(data) != found.size:
        raise FrameError(f"{found.name} answer: {len(data)} bytes, not {found.size}")
    unit_first = _unit_first(found, data)
    fields: list[Field] = []
    offset = 0
    for item in found.field:
        part = data[offset : offset + item.size]
        fields.append(_field(item, part, frame.meter_type, unit_first, flow_decimals))
        offset += item.size
    clock = data[offset : offset + CLOCK_BYTES]
    return Reading(
        meter_type=frame.meter_type,
        fields=tuple(fields),
        clock=_clock(clock),
        clock_digits=bcd.digits(clock),
        status=data[-STATUS_BYTES:],
        unit_first=unit_first,
    )


def decode_values(frame: Frame, flow_decimals: int | None = None) -> dict[str, float]:
    """`decode_reading(frame).quantities()`. Raises FrameError."""
    return decode_reading(frame, flow_decimals).quantities()


def encode_reading(reading: Reading) -> bytes:
    """The bytes behind identifier and counter: the reverse of decoding, from the digits.

    Every unit is sent as the first code that has the field's own unit.
    """
    data = bytearray()
    for item, field in zip(_layout_of(reading).field, reading.fields, strict=True):
        digits = bcd.from_digits(field.digits)
        code = bytes([_code_of(field.unit)]) if item.unit else b""
        data += code + digits if reading.unit_first else digits + code
    return bytes(data) + bcd.from_digits(reading.clock_digits) + reading.status


def _layout_of(reading: Reading) -> Layout:
    found = layout(reading.meter_type, "901F")
    if found is None:
        raise ValueError(f"no layout for meter type {reading.meter_type:02X}H")
    return found


def _code_of(unit: str) -> int:
    return next((code for code, known in units().items() if known == (unit, 1.0)), 0xFF)


def _unit_first(found: Layout, data: bytes) -> bool:
    """Some makers put the unit in front of its digits: so if all first bytes are units and not all last."""
    starts, ends, offset = [], [], 0
    for item in found.field:
        if item.unit:
            starts.append(data[offset])
            ends.append(data[offset + item.size - 1])
        offset += item.size
    known = units().keys()
    return set(starts) <= known and not set(ends) <= known


def _field(
    item: FieldLayout, part: bytes, meter_type: int, unit_first: bool, flow_decimals: int | None
) -> Field:
    digits, unit, factor = part, item.fixed_unit, 1.0
    if item.unit:
        digits = part[1:] if unit_first else part[:-1]
        unit, factor = units().get(part[0] if unit_first else part[-1], ("", 0.0))
    number = bcd.unsigned(digits)
    decimals = flow_decimals if item.decimals == "installer" else item.decimals
    value = None
    if number is not None and unit and (decimals is not None or number == 0):
        value = number / 10 ** (decimals or 0) * factor
    return Field(item.name, item.quantity_for(meter_type), value, unit, bcd.digits(digits))


def _clock(data: bytes) -> datetime | None:
    try:
        return datetime.strptime(bcd.digits(data), "%Y%m%d%H%M%S")
    except ValueError:
        return None
