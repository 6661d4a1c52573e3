"""Simulated meters of any serial protocol on one line: bytes in, bytes out. For `drivers.frames.serve`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from drivers.cjt188 import simulator as cjt188
from drivers.cjt188.layouts import CLOCK_BYTES, STATUS_BYTES, FieldLayout, layout
from drivers.cjt188.meter import Meter as Cjt188Meter
from drivers.cjt188.values import Field, Reading
from drivers.dlt645 import simulator as dlt645
from drivers.dlt645.identifiers import Identifier, lookup
from drivers.dlt645.meter import Meter as Dlt645Meter
from drivers.dlt645.values import Point
from drivers.frames.modbus_line import Mode, SimulatedLine
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.physics import Load, Values


class OnLine(Protocol):
    """Something that hears the line and may answer."""

    def answer(self, chunk: bytes) -> bytes: ...


class MixedLine:
    """A line with Modbus devices by unit id, and meters of other protocols."""

    def __init__(
        self, units: Mapping[int, SimulatedDevice], meters: Sequence[OnLine] = (), mode: Mode = "rtu"
    ) -> None:
        modbus = SimulatedLine(mode, {unit: device.answer for unit, device in units.items()})
        self._all: list[OnLine] = [modbus, *meters] if units else list(meters)

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the devices send back, or nothing."""
        return b"".join(device.answer(chunk) for device in self._all)


class LiveDlt645:
    """A DL/T 645 meter whose values follow a load and the clock (Unix seconds)."""

    def __init__(
        self,
        meter: Dlt645Meter,
        address: str,
        load: Values | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._meter, self._load, self._clock = meter, load or Load(), clock
        self._simulated = dlt645.SimulatedMeter(address, {}, meter.edition)
        self._served = tuple(_served(meter))

    def value(self, name: str) -> float:
        """The value that stands behind a quantity now, before it is rounded to digits."""
        return self._load.value(name, self._clock())

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the meter sends back, or nothing."""
        self._simulated.points = {
            meaning.code: Point(meaning, self._number(meaning)) for meaning in self._served
        }
        return self._simulated.answer(chunk)

    def _number(self, meaning: Identifier) -> float:
        room = 10.0 ** (meaning.number_format.count("X") - meaning.decimals)
        if meaning.sign:
            room *= 0.8  # the top bit is the sign
        return math.copysign(abs(self.value(meaning.quantity)) % room, self.value(meaning.quantity))


class LiveCjt188:
    """A CJ/T 188 meter whose values follow a load and the clock. flow_decimals: as its maker has them."""

    def __init__(
        self,
        meter: Cjt188Meter,
        address: str,
        load: Values | None = None,
        clock: Callable[[], float] = time.time,
        flow_decimals: int = 2,
    ) -> None:
        self._meter, self._load, self._clock = meter, load or Load(), clock
        self._decimals = flow_decimals
        self._simulated = cjt188.SimulatedMeter(address, self._reading())

    def value(self, name: str) -> float:
        """The value that stands behind a quantity now, before it is rounded to digits."""
        return self._load.value(name, self._clock())

    def answer(self, chunk: bytes) -> bytes:
        """Take bytes from the line; what the meter sends back, or nothing."""
        self._simulated.reading = self._reading()
        return self._simulated.answer(chunk)

    def _reading(self) -> Reading:
        found = layout(self._meter.type, "901F")
        assert found is not None
        fields = tuple(self._field(item) for item in found.field)
        zeros = bytes(STATUS_BYTES)
        return Reading(self._meter.type, fields, None, "00" * CLOCK_BYTES, zeros, unit_first=False)

    def _field(self, item: FieldLayout) -> Field:
        name = item.quantity_for(self._meter.type)
        decimals = item.decimals if isinstance(item.decimals, int) else self._decimals
        number = abs(self.value(name)) if name else 0.0
        digits = round(number * 10**decimals) % 10 ** (2 * item.bytes)
        return Field(
            item.name, name, number, item.fixed_unit or _unit(name, item), f"{digits:0{2 * item.bytes}d}"
        )


def simulated(
    model: Dlt645Meter | Cjt188Meter,
    address: str,
    load: Values | None = None,
    clock: Callable[[], float] = time.time,
) -> LiveDlt645 | LiveCjt188:
    """A meter of this model."""
    if isinstance(model, Dlt645Meter):
        return LiveDlt645(model, address, load, clock)
    return LiveCjt188(model, address, load, clock)


def _served(meter: Dlt645Meter) -> list[Identifier]:
    """Every number that a read of the meter brings."""
    found = []
    for code in meter.codes():
        meaning = lookup(code, meter.edition)
        for item in (meaning.items or (code,)) if meaning else ():
            known = lookup(item, meter.edition)
            if known is not None and known.quantity and known.number_format:
                found.append(known)
    return found


def _unit(name: str, item: FieldLayout) -> str:
    if "energy" in name or "energy" in item.name:
        return "kWh"
    if "power" in name or "power" in item.name:
        return "kW"
    return "m3/h" if "flow" in name or "flow" in item.name else "m3"
