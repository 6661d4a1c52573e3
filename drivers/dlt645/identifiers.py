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

LAST_SETTLEMENT, LAST_FREEZE = 12, 62
_SETTLED, _FROZEN = ("00", "01"), "05"
_MONTHS_1997 = {"94": 1, "98": 2}


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
    """What an identifier means, also at past settlement days and freezes; None if no table says."""
    known = table(edition).get(code)
    return known or (_past_2007(code) if edition == "2007" else _past_1997(code))


def _past_2007(code: str) -> Identifier | None:
    """Settlement days (`0001FF02`) and freezes (`05060102`): the last byte counts back."""
    if len(code) != 8 or not set(code) <= set("0123456789ABCDEF"):
        return None
    period = int(code[6:], 16)
    if code.startswith(_SETTLED) and 1 <= period <= LAST_SETTLEMENT:
        current = table("2007").get(code[:6] + "00")
    elif code.startswith(_FROZEN) and 1 <= period <= LAST_FREEZE:
        current = table("2007").get(code[:6] + "NN")
    else:
        return None
    return current and replace(current, code=code, period=period)


def _past_1997(code: str) -> Identifier | None:
    """Energy of the last month (`9410`) and the one before (`9810`)."""
    period = _MONTHS_1997.get(code[:2])
    current = table("1997").get("90" + code[2:])
    return current and replace(current, code=code, period=period) if period else None


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
