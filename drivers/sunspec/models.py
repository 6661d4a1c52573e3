"""SunSpec register images to values. Knows no socket.

The chain begins with "SunS"; every model has an id and a length, FFFFH ends it. Read are the common
model 1 and the meter models 201 to 204 (integers with scale factors). Scale factors may change at run
time, so they must come from the same image. SunSpec Information Model Specification; models 1, 201-204.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.errors import FrameError

BASES = (40000, 50000, 0)  # where devices put the chain, as the specification allows
MARKER = (0x5375, 0x6E53)  # "SunS"
END = 0xFFFF
METER_MODELS = (201, 202, 203, 204)
_NOT_IMPLEMENTED = -0x8000
_MAX_MODELS = 64

# Offset from the model's id; quantity; offset of its scale factor; kilo: 1000 of the meter's unit are one.
_SHORT: tuple[tuple[int, str, int, bool], ...] = (
    (2, "current_sum", 6, False),
    (3, "current_l1", 6, False),
    (4, "current_l2", 6, False),
    (5, "current_l3", 6, False),
    (7, "voltage_ln_avg", 15, False),
    (8, "voltage_l1n", 15, False),
    (9, "voltage_l2n", 15, False),
    (10, "voltage_l3n", 15, False),
    (11, "voltage_ll_avg", 15, False),
    (12, "voltage_l12", 15, False),
    (13, "voltage_l23", 15, False),
    (14, "voltage_l31", 15, False),
    (16, "frequency", 17, False),
    (18, "active_power_total", 22, True),
    (19, "active_power_l1", 22, True),
    (20, "active_power_l2", 22, True),
    (21, "active_power_l3", 22, True),
    (23, "apparent_power_total", 27, True),
    (24, "apparent_power_l1", 27, True),
    (25, "apparent_power_l2", 27, True),
    (26, "apparent_power_l3", 27, True),
    (28, "reactive_power_total", 32, True),
    (29, "reactive_power_l1", 32, True),
    (30, "reactive_power_l2", 32, True),
    (31, "reactive_power_l3", 32, True),
    (33, "power_factor_total", 37, False),
    (34, "power_factor_l1", 37, False),
    (35, "power_factor_l2", 37, False),
    (36, "power_factor_l3", 37, False),
)
_COUNTERS: tuple[tuple[int, str, int], ...] = (
    (38, "active_energy_export_total", 54),
    (40, "active_energy_export_l1", 54),
    (42, "active_energy_export_l2", 54),
    (44, "active_energy_export_l3", 54),
    (46, "active_energy_import_total", 54),
    (48, "active_energy_import_l1", 54),
    (50, "active_energy_import_l2", 54),
    (52, "active_energy_import_l3", 54),
)


@dataclass(frozen=True, slots=True)
class Model:
    """One model: `address` is that of its id, `words` hold id, length and the points."""

    id: int
    address: int
    words: tuple[int, ...]

    @property
    def length(self) -> int:
        """Registers behind id and length."""
        return len(self.words) - 2


@dataclass(frozen=True, slots=True)
class Nameplate:
    """The common model."""

    manufacturer: str
    model: str
    version: str
    serial: str


def chain(words: Sequence[int], base: int) -> list[Model]:
    """The models of an image that begins at register `base`. Raises FrameError if it is no whole chain."""
    if tuple(words[:2]) != MARKER:
        raise FrameError(f"no SunSpec marker at {base}")
    models: list[Model] = []
    at = 2
    while at < len(words) and words[at] != END:
        end = at + 2 + words[at + 1] if at + 1 < len(words) else len(words) + 1
        if end > len(words) or len(models) == _MAX_MODELS:
            raise FrameError(f"SunSpec model {words[at]} at {base + at} does not end in the image")
        models.append(Model(words[at], base + at, tuple(words[at:end])))
        at = end
    if not models:
        raise FrameError(f"no SunSpec model behind the marker at {base}")
    return models


def nameplate(models: Sequence[Model]) -> Nameplate:
    """Who made the device. Raises FrameError if there is no common model."""
    for model in models:
        if model.id == 1 and model.length >= 65:
            return Nameplate(
                *(_text(model.words[at:end]) for at, end in ((2, 18), (18, 34), (42, 50), (50, 66)))
            )
    raise FrameError("no common model in the SunSpec chain")


def meter_values(models: Sequence[Model]) -> dict[str, float]:
    """The values of the first meter model by quantity name, in the vocabulary's units.

    What is not implemented (8000H, a counter of 0) is absent. Raises FrameError if there is no meter.
    """
    model = next((one for one in models if one.id in METER_MODELS), None)
    if model is None:
        raise FrameError(f"no SunSpec meter model; there are {', '.join(str(one.id) for one in models)}")
    values: dict[str, float] = {}
    for offset, quantity, scale_at, kilo in _SHORT:
        raw, exponent = _signed(model, offset), _signed(model, scale_at)
        if raw is not None and exponent is not None:
            values[quantity] = _scaled(raw, exponent - 3 * kilo)
    for offset, quantity, scale_at in _COUNTERS:
        count, exponent = _unsigned(model, offset), _signed(model, scale_at)
        if count and exponent is not None:
            values[quantity] = _scaled(count, exponent - 3)
    return values


def point_addresses(model: Model) -> Mapping[int, str]:
    """Register address of every value that is read from a meter model."""
    points = [(offset, name) for offset, name, _, _ in _SHORT] + [(at, name) for at, name, _ in _COUNTERS]
    return {model.address + offset: name for offset, name in points}


def _scaled(raw: int, exponent: int) -> float:
    return raw * 10.0**exponent if exponent >= 0 else raw / 10**-exponent


def _signed(model: Model, offset: int) -> int | None:
    if offset >= len(model.words):
        return None
    value: int = struct.unpack(">h", struct.pack(">H", model.words[offset]))[0]
    return None if value == _NOT_IMPLEMENTED else value


def _unsigned(model: Model, offset: int) -> int | None:
    if offset + 1 >= len(model.words):
        return None
    return model.words[offset] << 16 | model.words[offset + 1]


def _text(words: Sequence[int]) -> str:
    return struct.pack(f">{len(words)}H", *words).split(b"\0")[0].decode("ascii", "replace").strip()
