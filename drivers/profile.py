"""A device model as data: where its numbers stand, what they mean, and how far they can be believed.

Profiles are TOML files in `drivers/profiles/` and, for an installation's own devices, in a folder of
its choice. The file's form is `drivers.schema`; this is what drivers, planner and simulators use.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from drivers.carrier import Carrier, Direction
from drivers.errors import ConfigError, Problem
from drivers.quantity import Kind, Quantity
from drivers.quantity import ledger as booked_as
from drivers.schema import MqttSection

FAST = "fast"
SLOW = "slow"
ALL = frozenset({FAST, SLOW})


@dataclass(frozen=True, slots=True)
class Cell:
    """Words of a device and how a raw number is made of them. Orders: `drivers.schema`."""

    function: int
    address: int
    words: int
    type: str
    word_order: str = "big"
    byte_order: str = "big"
    bit: int | None = None
    mask: int | None = None

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.words


@dataclass(frozen=True, slots=True)
class Point:
    """One quantity of a device.

    value = (sum of raw * numerator over `terms` + shift) / denominator, times every factor, in the
    quantity's unit. Whole numbers, so that the one division rounds correctly: 2301 / 10 is 230.1.
    digits: decimals that a value of a float register is rounded to; floats carry seven digits.
    minimum, maximum: in the quantity's unit; outside a value is absent.
    sentinels: raw numbers that mean "no value". map: raw number -> value, others are absent.
    modulus, resolution: of a counter, in the quantity's unit before factors; None if it has no end.
    """

    quantity: Quantity
    terms: tuple[tuple[Cell, int], ...]
    shift: int
    denominator: int
    digits: int
    minimum: float
    maximum: float
    sentinels: frozenset[float]
    map: Mapping[float, float] | None
    magnitude: bool
    factors: tuple[str, ...]
    group: str
    modulus: float | None
    resolution: float
    confidence: str
    sources: tuple[str, ...]
    note: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for cell, _ in self.terms)


@dataclass(frozen=True, slots=True)
class Factor:
    """A multiplier of points, from a register (`cell`) or from the installer (`cell` is None)."""

    name: str
    cell: Cell | None
    scale: float
    exponent: bool
    map: Mapping[float, float] | None
    divide_by: str | None
    same_request: bool
    default: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A register that tells the model, the serial number or the firmware."""

    means: str
    cell: Cell
    equals: int | str | None


@dataclass(frozen=True, slots=True)
class Serial:
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True)
class Modbus:
    """Limits and defaults of a Modbus device. holes: ranges whose unused registers are answered."""

    transports: tuple[str, ...]
    unit_id: int
    max_words: int
    holes: tuple[tuple[int, int], ...]
    even: bool
    odd_start: bool
    exact: bool
    quiet_ms: int
    serial: Serial | None


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter whose differences are booked as interval energy.

    modulus: the reading after which it starts at 0 again; None if unknown, then a fall is a reset.
    resolution: smallest step. relative_resolution: step as a share of the reading (float registers).
    """

    quantity: str
    carrier: Carrier
    direction: Direction
    modulus: float | None
    resolution: float
    relative_resolution: float


@dataclass(frozen=True, slots=True, eq=False)  # one object a model, told apart by identity
class Profile:
    """A device model. `points` are Modbus points; `mqtt` maps topics."""

    name: str
    model: str
    vendor: str
    kind: str
    variants: tuple[str, ...]
    notes: tuple[str, ...]
    sources: Mapping[str, str]
    points: tuple[Point, ...]
    factors: Mapping[str, Factor]
    identity: tuple[Identity, ...]
    modbus: Modbus | None
    mqtt: MqttSection | None
    counters: tuple[Counter, ...]

    def quantities(self, groups: frozenset[str] = ALL) -> tuple[str, ...]:
        """Names that a read of these poll groups gives, in the file's order."""
        names = [point.quantity.name for point in self.points if point.group in groups]
        if self.mqtt:
            names += [name for topic in self.mqtt.topics for name in topic.points]
        return tuple(dict.fromkeys(names))

    @property
    def installer_ratios(self) -> dict[str, float | None]:
        """Ratios that edge.toml must give, with their defaults (None: no default, it must be given)."""
        return {name: factor.default for name, factor in self.factors.items() if factor.cell is None}


def load(name: str, own: Path | None = None) -> Profile:
    """The profile of that name; a file of the `own` folder comes before the shipped one.

    Devices of one model share one object until the file changes.
    Raises ConfigError with every problem of the file, or with the names there are.
    """
    files = _files(own)
    if name not in files:
        close = ", ".join(n for n in files if name.split("_")[0] in n) or ", ".join(files)
        raise ConfigError([Problem(f"{name}.toml", "", f"there is no profile {name!r}; known: {close}")])
    return _parsed(name, files[name], files[name].stat().st_mtime_ns)


def names(own: Path | None = None) -> list[str]:
    """All profiles there are, sorted."""
    return sorted(_files(own))


def parse(name: str, text: str, file: str) -> Profile:
    """A profile from TOML text. Raises ConfigError with every problem, as `file: key: problem`."""
    from drivers.profile_build import build

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(file, "", f"not TOML: {error}")]) from None
    return build(name, document, file)


def default_group(quantity: Quantity) -> str:
    """Counters that are booked and what changes within seconds are read often, the rest now and then."""
    if booked_as(quantity.name) or quantity.kind is Kind.INSTANTANEOUS:
        return FAST
    return SLOW


@lru_cache(maxsize=256)
def _parsed(name: str, file: Path, changed_ns: int) -> Profile:
    return parse(name, file.read_text("utf-8"), file.name)


def _files(own: Path | None) -> dict[str, Path]:
    shipped = Path(str(resources.files("drivers").joinpath("profiles")))
    found = {path.stem: path for path in sorted(shipped.glob("*.toml"))}
    if own is not None:
        found |= {path.stem: path for path in sorted(own.glob("*.toml"))}
    return found
