"""The closed vocabulary of quantities: a name, its one unit, and how it behaves over time."""

from __future__ import annotations

import difflib
import itertools
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from drivers.carrier import Carrier, Direction
from drivers.errors import BeaconError


class Kind(StrEnum):
    """How a quantity behaves over time."""

    CUMULATIVE = "cumulative"  # never falls but by reset, exchange or roll-over
    NET = "net"  # a signed counter: may fall
    INSTANTANEOUS = "instantaneous"
    DEMAND = "demand"  # mean over the meter's interval
    DEMAND_MAX = "demand_max"  # falls when it is reset
    STATE = "state"


class UnknownQuantity(BeaconError):
    """A name that the vocabulary does not hold; the text names close ones."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One name of the vocabulary.

    unit: of every stored value, "" for none.
    group: electricity, heat, water, gas, heat_pump or environment.
    minimum, maximum: plausible window; a value outside is absent, never clamped.
    """

    name: str
    unit: str
    kind: Kind
    group: str
    minimum: float
    maximum: float


_LEDGERS: dict[str, tuple[Carrier, Direction]] = {
    "active_energy_import_total": (Carrier.ELECTRICITY, Direction.IMPORT),
    "active_energy_export_total": (Carrier.ELECTRICITY, Direction.EXPORT),
    "electric_energy_total": (Carrier.ELECTRICITY, Direction.IMPORT),
    "heat_energy": (Carrier.HEAT, Direction.IMPORT),
    "heat_energy_total": (Carrier.HEAT, Direction.EXPORT),  # what a heat pump gives to the building
    "cooling_energy": (Carrier.COOLING, Direction.IMPORT),
    "water_volume": (Carrier.WATER, Direction.IMPORT),
    "gas_volume": (Carrier.GAS, Direction.IMPORT),
}


def quantity(name: str) -> Quantity:
    """The quantity of that name. Raises UnknownQuantity, which names close matches."""
    found = vocabulary().get(name)
    if found is None:
        raise UnknownQuantity(_unknown(name))
    return found


def ledger(name: str) -> tuple[Carrier, Direction] | None:
    """What the counter's interval energy is booked as; None for everything that is not booked.

    Tariffs and phases are parts of a total that is booked already. A profile may book a counter of
    import plus export as import (`profile.Profile.ledgers`), where the load cannot feed back.
    """
    return _LEDGERS.get(name)


@cache
def vocabulary() -> dict[str, Quantity]:
    """All quantities by name, in the order of the data file."""
    found: dict[str, Quantity] = {}
    for group, rows in _document()[0].items():
        for pattern, (unit, kind, minimum, maximum) in rows.items():
            for name in expand(pattern):
                found[name] = Quantity(name, unit, Kind(kind), group, minimum, maximum)
    return found


@cache
def aliases() -> dict[str, str]:
    """Names of field lists that mean a quantity of the vocabulary."""
    return _document()[1]


def expand(pattern: str) -> list[str]:
    """`a_{b,t1..t3}` -> a_b, a_t1, a_t2, a_t3."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [[part] if i % 2 == 0 else _alternatives(part) for i, part in enumerate(parts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


def _alternatives(text: str) -> list[str]:
    found = []
    for part in text.split(","):
        run = re.fullmatch(r"(.*?)(\d+)\.\.\D*(\d+)", part)
        if run:
            found += [f"{run[1]}{n}" for n in range(int(run[2]), int(run[3]) + 1)]
        else:
            found.append(part)
    return found


def _unknown(name: str) -> str:
    if name in aliases():
        return f"unknown quantity {name!r}: it is called {aliases()[name]!r} here"
    close = difflib.get_close_matches(name, vocabulary(), n=3, cutoff=0.6)
    hint = f"; close: {', '.join(close)}" if close else ""
    return f"unknown quantity {name!r}{hint}"


@cache
def _document() -> tuple[dict[str, dict[str, tuple[str, str, float, float]]], dict[str, str]]:
    """(rows by group, aliases)."""
    text = resources.files("drivers").joinpath("quantities.toml").read_text("utf-8")
    document = tomllib.loads(text)
    names: dict[str, str] = document.pop("aliases")
    return document, names
