"""A DL/T 645 meter as data: `meters/*.toml` says which identifiers are read, and how often."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.dlt645.frame import FRAME_BYTES, IDENTIFIER_BYTES, Edition
from drivers.dlt645.identifiers import Identifier, lookup
from drivers.errors import ConfigError, Problem
from drivers.frames.line import SerialParameters
from drivers.frames.meter_frame import WAKE_UP
from drivers.profile import ALL, FAST, SLOW, Counter, Factor, Point, Profile
from drivers.quantity import Kind, ledger, quantity

_CURRENT_TRANSFORMER, _VOLTAGE_TRANSFORMER = "ct_ratio", "pt_ratio"
_RATIOS_OF_UNIT = {"V": (_VOLTAGE_TRANSFORMER,), "A": (_CURRENT_TRANSFORMER,)}
_POWER_UNITS = {"kW", "kvar", "kVA", "kWh", "kvarh", "kVAh"}


@dataclass(frozen=True, slots=True)
class Meter:
    """profile: what the edge needs to know. plan: identifiers to read, by poll group."""

    profile: Profile
    edition: Edition
    plan: dict[str, tuple[str, ...]]
    serial: SerialParameters

    @property
    def protocol(self) -> str:
        """`dlt645_2007` or `dlt645_1997`."""
        return f"dlt645_{self.edition}"

    def frames(self, groups: frozenset[str] = ALL) -> list[tuple[int, int]]:
        """(bytes of the request, bytes of the answer) of every exchange of a read, wake-up bytes included."""
        around = len(WAKE_UP) + FRAME_BYTES + IDENTIFIER_BYTES[self.edition]
        return [(around, around + self._size(code)) for code in self.codes(groups)]

    def _size(self, code: str) -> int:
        meaning = _meaning(code, self.edition)
        return sum(_meaning(item, self.edition).size for item in meaning.items) or meaning.size

    def codes(self, groups: frozenset[str] = ALL) -> tuple[str, ...]:
        """The identifiers of these poll groups; one that stands in a block of them too is read once."""
        codes = [code for group in (FAST, SLOW) if group in groups for code in self.plan[group]]
        inside = {item for code in codes for item in _meaning(code, self.edition).items}
        return tuple(code for code in dict.fromkeys(codes) if code not in inside and self._wanted(code))

    def _wanted(self, code: str) -> bool:
        """Whether the profile, which may be cut down, holds one of its quantities, or it has none."""
        told = {meaning.quantity for meaning in _flat([code], self.edition)} - {""}
        return not told or any(point.quantity.name in told for point in self.profile.points)


class _Serial(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    baud: Annotated[int, Field(ge=300)] = 2400
    parity: Literal["N", "E", "O"] = "E"
    stop_bits: Literal[1, 2] = 1


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    model: str
    vendor: str = "any"
    kind: Literal["electricity"] = "electricity"
    edition: Edition
    fast: Annotated[list[str], Field(min_length=1)]
    slow: list[str] = []
    ratios: bool = False
    notes: list[str] = []
    serial: _Serial = _Serial()
    sources: Annotated[dict[str, str], Field(min_length=1)]


def names(own: Path | None = None) -> list[str]:
    """All meters there are, sorted."""
    return sorted(_files(own))


def load(name: str, own: Path | None = None) -> Meter:
    """The meter of that name; a file of the `own` folder comes before the shipped one.

    Raises ConfigError with every problem of the file, or with the names there are.
    """
    files = _files(own)
    if name not in files:
        raise ConfigError([Problem(f"{name}.toml", "", f"no such meter; known: {', '.join(files)}")])
    return parse(name, files[name].read_text("utf-8"), files[name].name)


@lru_cache(maxsize=64)
def parse(name: str, text: str, file: str) -> Meter:
    """A meter from TOML text, one object for one text. Raises ConfigError with every problem."""
    try:
        content = _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(file, "", f"not TOML: {error}")]) from None
    except ValidationError as error:
        raise ConfigError(
            [Problem(file, ".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
        ) from None
    problems = [
        Problem(file, group, f"identifier {code} is not in the table of DL/T 645-{content.edition}")
        for group, codes in ((FAST, content.fast), (SLOW, content.slow))
        for code in codes
        if lookup(code, content.edition) is None
    ]
    if problems:
        raise ConfigError(problems)
    plan = {FAST: tuple(content.fast), SLOW: tuple(content.slow)}
    serial = content.serial
    return Meter(
        _profile(name, content),
        content.edition,
        plan,
        SerialParameters(serial.baud, serial.parity, serial.stop_bits),
    )


def _profile(name: str, content: _File) -> Profile:
    points: dict[str, Point] = {}
    for group, codes in ((FAST, content.fast), (SLOW, content.slow)):
        for meaning in _flat(codes, content.edition):
            if meaning.quantity and meaning.quantity not in points:
                points[meaning.quantity] = _point(meaning, group, content)
    ratios = (_CURRENT_TRANSFORMER, _VOLTAGE_TRANSFORMER) if content.ratios else ()
    return Profile(
        name=name,
        model=content.model,
        vendor=content.vendor,
        kind=content.kind,
        variants=(),
        notes=tuple(content.notes),
        sources=content.sources,
        points=tuple(points.values()),
        factors={ratio: _ratio(ratio) for ratio in ratios},
        identity=(),
        modbus=None,
        mqtt=None,
        counters=tuple(
            Counter(point.quantity.name, *book, point.modulus, point.resolution, 0.0)
            for point in points.values()
            if (book := ledger(point.quantity.name)) is not None
        ),
    )


def _point(meaning: Identifier, group: str, content: _File) -> Point:
    known = quantity(meaning.quantity)
    counts = known.kind is Kind.CUMULATIVE
    digits = meaning.number_format.count("X")
    return Point(
        quantity=known,
        terms=(),
        shift=0,
        denominator=1,
        digits=meaning.decimals,
        minimum=known.minimum,
        maximum=known.maximum,
        sentinels=frozenset(),
        map=None,
        magnitude=meaning.sign == "direction",
        factors=_ratios_of(known.unit) if content.ratios else (),
        group=group,
        modulus=10.0 ** (digits - meaning.decimals) if counts else None,
        resolution=10.0**-meaning.decimals,
        confidence=meaning.confidence,
        sources=tuple(content.sources),
        note=meaning.content,
    )


def _ratios_of(unit: str) -> tuple[str, ...]:
    if unit in _POWER_UNITS:
        return _CURRENT_TRANSFORMER, _VOLTAGE_TRANSFORMER
    return _RATIOS_OF_UNIT.get(unit, ())


def _ratio(name: str) -> Factor:
    return Factor(
        name=name,
        cell=None,
        scale=1.0,
        exponent=False,
        map=None,
        divide_by=None,
        same_request=False,
        default=1.0,
        note="of the transformer in front of the meter; 1 for a direct meter",
    )


def _flat(codes: list[str], edition: Edition) -> Iterator[Identifier]:
    for code in codes:
        meaning = _meaning(code, edition)
        yield from (_meaning(item, edition) for item in meaning.items or (code,))


def _meaning(code: str, edition: Edition) -> Identifier:
    meaning = lookup(code, edition)
    if meaning is None:
        raise KeyError(code)
    return meaning


def _files(own: Path | None) -> dict[str, Path]:
    shipped = Path(str(resources.files(__package__).joinpath("meters")))
    found = {path.stem: path for path in sorted(shipped.glob("*.toml"))}
    if own is not None:
        found |= {path.stem: path for path in sorted(own.glob("*.toml"))}
    return found
