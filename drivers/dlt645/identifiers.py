"""The data identifiers of DL/T 645, as data: `identifiers_2007.csv` and `identifiers_1997.csv`.

A row says what an identifier means: its quantity (empty where the vocabulary has none), its format as
the standard prints it (`XXXXXX.XX`: eight digits, two of them decimals), its unit, its sign, its source.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Literal

from drivers.dlt645.frame import Edition

Sign = Literal["", "yes", "direction"]
"""`yes`: the top bit is the sign. `direction`: it is the direction of power, the quantity is a magnitude."""

LAST_SETTLEMENT = 12
_SETTLED = ("00", "01")  # energy and demand: the last byte counts settlement days back


@dataclass(frozen=True, slots=True)
class Identifier:
    """One row. `items` is set for blocks only, `format` for everything else."""

    code: str
    items: tuple[str, ...]
    quantity: str
    content: str
    format: str
    unit: str
    sign: Sign
    source: str
    confidence: str
    period: int = 0  # 0: now; n: at the n-th last settlement day or freeze

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        nibbles = (2 if character == "T" else character.isalpha() for character in self.format)
        return sum(nibbles) // 2

    @property
    def number_format(self) -> str:
        """The part of the format that is a number: `XX.XXXX` of `XX.XXXX+YYMMDDhhmm`; else empty."""
        first = self.format.partition("+")[0]
        return first if set(first) <= {"X", "."} else ""

    @property
    def stamp_format(self) -> str:
        """The time behind a number, `YYMMDDhhmm`; else empty."""
        return self.format.partition("+")[2]

    @property
    def decimals(self) -> int:
        """Digits behind the point."""
        return len(self.number_format.partition(".")[2])


@cache
def table(edition: Edition) -> Mapping[str, Identifier]:
    """All rows of an edition, by code."""
    text = resources.files(__package__).joinpath(f"identifiers_{edition}.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["identifier"]: _identifier(row) for row in rows}


def lookup(code: str, edition: Edition) -> Identifier | None:
    """What an identifier means, also at earlier settlement days; None if the table does not say."""
    known = table(edition).get(code)
    if known is not None or edition == "1997" or not code.startswith(_SETTLED):
        return known
    period = int(code[6:], 16)
    current = table(edition).get(code[:6] + "00")
    if current is None or not 1 <= period <= LAST_SETTLEMENT:
        return None
    items = tuple(item[:6] + code[6:] for item in current.items)
    return replace(current, code=code, items=items, period=period)


def _identifier(row: dict[str, str]) -> Identifier:
    sign = row["signed"]
    if sign not in ("", "yes", "direction"):
        raise ValueError(f"identifier {row['identifier']}: signed is {sign!r}")
    return Identifier(
        code=row["identifier"],
        items=tuple(row["items"].split()),
        quantity=row["quantity"],
        content=row["content"],
        format=row["format"],
        unit=row["unit"],
        sign=sign,  # type: ignore[arg-type]  # narrowed above
        source=row["source"],
        confidence=row["confidence"],
    )
