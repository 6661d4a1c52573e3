"""Dated factor rows: carbon factors, coal equivalents, heating values; with the operator's own rows on top.

Every lookup says which rows it used and by which fallback it reached them. The version is a hash of all rows
and confirmations, so that a result can name exactly the tables it came from.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from drivers.carrier import UNIT, Carrier
from drivers.errors import ConfigError, Problem
from rules.model import Factor, Words

COLUMNS = (
    "id", "kind", "carrier", "region", "series", "method", "year", "year_from", "year_to",
    "value", "unit", "scope", "source", "confidence", "note",
)  # fmt: skip
KINDS = ("kgco2", "kgce", "heating_value", "density")
MJ_PER_UNIT = {"kWh": 3.6, "MJ": 1.0, "GJ": 1000.0, "kBtu": 1.055056, "therm": 105.5056}
"""Energy units in megajoules; 1 kBtu = 1.055056 MJ (International Table)."""
_DERIVED = Words("heating value derived from the coal equivalent", "热值由折标准煤系数推算")
_KGCE_PER_MJ = "HEAT"  # the row that ties coal equivalent to energy content, 0.03412 kgce/MJ
_RANGE = {("kgco2", "electricity", "kWh"): (0.0, 1.3), ("kgce", "electricity", "kWh"): (0.1, 0.5)}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the factor table. year_from and year_to are 0 where a row holds for every year."""

    id: str
    kind: str
    carrier: str
    region: str
    series: str
    method: str
    year: str
    year_from: int
    year_to: int
    value: float
    unit: str
    source: str
    confidence: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What one native unit of a carrier stands for, and the rows that say so."""

    value: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Region:
    digits: str
    code: str
    grid: str
    name_zh: str
    name_en: str


def is_confirmed(confidence: str) -> bool:
    """Two independent sources that agree; single, disagreeing and inferred rows are not."""
    return confidence.startswith(("confirmed", "operator"))


@dataclass(frozen=True)
class Tables:
    """All factor rows by id. `confirmed`: ids that the operator vouches for by name."""

    rows: Mapping[str, Row]
    confirmed: frozenset[str]
    version: str
    regions: Mapping[str, Region]
    beside: str = field(default="", repr=False)
    _cache: dict[tuple[object, ...], Coefficient | None] = field(
        default_factory=dict, repr=False, compare=False
    )
    _index: dict[tuple[str, str], list[Row]] = field(default_factory=dict, repr=False, compare=False)
    plans: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False, compare=False)
    _chains: dict[str, list[str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, extra: Path | Iterable[Path] | None = None, confirmed: Iterable[str] = ()) -> Tables:
        """The package's rows, with those of the operator's CSV files added or put in their place.

        The files have the columns of rules/data/factors.csv. Raises ConfigError with every problem.
        """
        paths = [extra] if isinstance(extra, Path) else list(extra or ())
        problems: list[Problem] = []
        text = files("rules.data").joinpath("factors.csv").read_text("utf-8")
        rows = {row.id: row for row in _parse("factors.csv", text, problems)}
        for path in paths:
            try:
                text = path.read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(path), "", f"cannot be read: {error}"))
                continue
            rows |= {row.id: row for row in _parse(str(path), text, problems)}
        if problems:
            raise ConfigError(problems)
        return cls._of(rows, frozenset(confirmed))

    @classmethod
    def _of(cls, rows: Mapping[str, Row], confirmed: frozenset[str], beside: str = "") -> Tables:
        digest = hashlib.sha256()
        for row_id in sorted(rows):
            digest.update(repr(rows[row_id]).encode())
        digest.update(files("rules.data").joinpath("limits.csv").read_bytes())
        digest.update("\n".join(sorted(confirmed)).encode())
        digest.update(beside.encode())
        text = files("rules.data").joinpath("regions.csv").read_text("utf-8")
        regions = {line["digits"]: Region(**line) for line in csv.DictReader(io.StringIO(text))}
        tables = cls(dict(rows), confirmed, digest.hexdigest()[:12], regions, beside)
        for row in rows.values():
            tables._index.setdefault((row.kind, row.carrier), []).append(row)
        return tables

    def changed(self, *rows: Row) -> Tables:
        """The same tables with some rows replaced or added, under a new version."""
        return Tables._of({**self.rows, **{row.id: row for row in rows}}, self.confirmed, self.beside)

    def with_quotas(self, text: str) -> Tables:
        """The same tables under a version that also tells quotas apart, said in `text`; "" says none."""
        return Tables._of(self.rows, self.confirmed, text)

    def region_chain(self, region: str) -> list[str]:
        """Where factors of a region are looked for: province, grid, nation.

        `region` is six digits, a province's English or Chinese name, or a code such as `CN-ZJ` or `US-NYC`.
        """
        short = region[:2] if region[:6].isdigit() else region
        if short not in self._chains:
            self._chains[short] = self._region_chain(region)
        return self._chains[short]

    def _region_chain(self, region: str) -> list[str]:
        found = self.regions.get(region[:2]) if region[:6].isdigit() and region else None
        wanted = region.strip().lower()
        for entry in self.regions.values():
            if (
                found is None
                and wanted
                and wanted in (entry.code.lower(), entry.name_en.lower(), entry.name_zh)
            ):
                found = entry
        if found:
            return [found.code, found.grid, "CN"]
        if not region or region[:6].isdigit():
            return ["CN"]
        return [region, region.split("-")[0]] if "-" in region else [region]

    def knows_region(self, region: str) -> bool:
        """Whether the tables know a region by its digits, name or code."""
        chain = self.region_chain(region)
        if region[:6].isdigit():
            return region[:2] in self.regions
        return len(chain) == 3 or any(row.region in chain for row in self.rows.values())

    def factor(self, row_id: str, fallback: str = "") -> Factor:
        """The row as a result carries it. Raises KeyError if there is no such row."""
        row = self.rows[row_id]
        confirmed = is_confirmed(row.confidence) or row_id in self.confirmed
        return Factor(
            row.id, row.kind, row.value, _unit(row), row.region, row.year, row.source, row.confidence,
            confirmed, fallback,
        )  # fmt: skip

    def coefficient(
        self,
        kind: str,
        carrier: str,
        *,
        region: str = "",
        year: int = 0,
        method: str = "",
        row_id: str = "",
        heating_value: float | None = None,
    ) -> Coefficient | None:
        """What one native unit of `carrier` is in `kgco2`, `kgce` or `kwh`; None if unknown.

        method: for electricity `location` or `net-of-nonfossil`. row_id: take this row and no other.
        heating_value: MJ per native unit of the building's own fuel, in place of the table's.
        """
        key = (kind, carrier, region[:2] if region.isdigit() else region, year, method, row_id, heating_value)
        if key not in self._cache:
            self._cache[key] = self._find(kind, carrier, region, year, method, row_id, heating_value)
        return self._cache[key]

    def _find(
        self, kind: str, carrier: str, region: str, year: int, method: str, row_id: str, own: float | None
    ) -> Coefficient | None:
        if kind == "kwh":
            return self._kwh(carrier, own)
        if carrier == Carrier.WATER:
            return None
        if kind == "kgce" and not row_id:
            if carrier == Carrier.OTHER:
                return Coefficient(1.0, ())
            if carrier == Carrier.RENEWABLE:
                return self._per_native(self.factor(_KGCE_PER_MJ), carrier, own)
        if kind == "kgco2" and not row_id:
            if carrier == Carrier.RENEWABLE:
                return Coefficient(0.0, ())
            if carrier == Carrier.STEAM:
                carrier_row = self._pick("kgco2", Carrier.HEAT, region, year, "")
                return self._per_native(carrier_row, carrier, own) if carrier_row else None
        if row_id:
            found = self.factor(row_id) if row_id in self.rows else None
        else:
            found = self._pick(kind, carrier, region, year, method)
        return self._per_native(found, carrier, own) if found else None

    def _pick(self, kind: str, carrier: str, region: str, year: int, method: str) -> Factor | None:
        """Province, then grid, then nation; in each the year asked for, else the newest earlier one."""
        rows = [row for row in self._index.get((kind, carrier), ()) if row.series == "announced"]
        if kind == "kgce":
            rows = [row for row in rows if row.method == "calorific"]
        elif carrier == Carrier.ELECTRICITY:
            rows = [row for row in rows if row.method == (method or "location")]
        chain = self.region_chain(region)
        if kind != "kgco2" or method == "net-of-nonfossil":
            chain = chain[-1:]
        for place in chain:
            fitting = [
                row
                for row in rows
                if row.region == place and (not row.year_from or not year or row.year_from <= year)
            ]
            if not fitting:
                continue
            row = max(fitting, key=lambda row: (row.year_from, row.id))
            notes = []
            if place != chain[0] and any(row.year_from for row in rows):
                notes.append(
                    (f"no row for {chain[0]}, took {place}", f"缺 {chain[0]} 数据，采用 {place} 数据")
                )
            if row.year_from and year > (row.year_to or row.year_from):
                notes.append(
                    (
                        f"no row for {year}, took the newest earlier one, {row.year}",
                        f"缺 {year} 年数据，采用此前最近的 {row.year} 年数据",
                    )
                )
            en, zh = "; ".join(note[0] for note in notes), "；".join(note[1] for note in notes)
            return self.factor(row.id, Words(en, zh) if notes else "")
        return None

    def _kwh(self, carrier: str, own: float | None) -> Coefficient | None:
        native = UNIT.get(Carrier(carrier), "") if carrier in Carrier._value2member_map_ else ""
        if native == "kWh":
            return Coefficient(1.0, ())
        if carrier == Carrier.WATER:
            return None
        mj = self._mj_per_native(carrier, own)
        return Coefficient(mj.value / 3.6, mj.factors) if mj else None

    def _mj_per_native(self, carrier: str, own: float | None) -> Coefficient | None:
        native = UNIT[Carrier(carrier)]
        if native in MJ_PER_UNIT:
            return Coefficient(MJ_PER_UNIT[native], ())
        if own:
            factor = Factor(
                f"OWN-HV-{carrier}",
                "heating_value",
                own,
                f"MJ/{native}",
                "",
                "",
                "this building's own",
                "operator",
                True,
            )
            return Coefficient(own, (factor,))
        for row in self._index.get(("heating_value", carrier), ()):
            if row.series == "announced":
                return Coefficient(row.value, (self.factor(row.id),))
        coal = self.coefficient("kgce", carrier)
        if coal is None:
            return None
        heat = self.factor(_KGCE_PER_MJ, _DERIVED)
        return Coefficient(coal.value / heat.value, (*coal.factors, heat))

    def _per_native(self, factor: Factor, carrier: str, own: float | None) -> Coefficient | None:
        """Convert a row's unit (per L, GJ, kBtu, t …) to the carrier's native unit."""
        native = UNIT[Carrier(carrier)]
        unit = factor.unit.rpartition("/")[2]
        if unit == native:
            return Coefficient(factor.value, (factor,))
        if unit == "t" and native == "kg":
            return Coefficient(factor.value / 1000, (factor,))
        if unit == "L" and native == "kg":
            for row in self._index.get(("density", carrier), ()):
                return Coefficient(factor.value / row.value, (factor, self.factor(row.id)))
            return None
        if unit in MJ_PER_UNIT:
            mj = self._mj_per_native(carrier, own)
            if mj:
                return Coefficient(factor.value * mj.value / MJ_PER_UNIT[unit], (factor, *mj.factors))
        return None

    def to_native(self, carrier: str, amount: float, unit: str) -> tuple[float, tuple[Factor, ...]]:
        """`amount` in `unit` as the carrier's native unit, with the rows used.

        Raises ValueError if the tables cannot convert the unit.
        """
        native = UNIT[Carrier(carrier)]
        if unit == native:
            return amount, ()
        if (unit, native) in {("t", "kg"), ("MWh", "kWh")}:
            return amount * 1000, ()
        if unit == "L" and native == "kg":
            for row in self._index.get(("density", carrier), ()):
                return amount * row.value, (self.factor(row.id),)
        if unit in MJ_PER_UNIT and (mj := self._mj_per_native(carrier, None)):
            return amount * MJ_PER_UNIT[unit] / mj.value, mj.factors
        raise ValueError(f"no way from {unit} to {native} for {carrier}")


def _unit(row: Row) -> str:
    per = {"kgco2": "kgCO2", "kgce": "kgce"}.get(row.kind)
    return f"{per}/{row.unit}" if per else row.unit


def _parse(name: str, text: str, problems: list[Problem]) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text))
    unknown = set(reader.fieldnames or ()) - set(COLUMNS)
    absent = {"id", "kind", "carrier", "region", "value", "unit", "source", "confidence"} - set(
        reader.fieldnames or ()
    )
    problems += [Problem(name, column, "unknown column") for column in sorted(unknown)]
    problems += [Problem(name, column, "column is missing") for column in sorted(absent)]
    if unknown or absent:
        return []
    rows = [_row(name, number, line, problems) for number, line in enumerate(reader, start=2)]
    good = [row for row in rows if row]
    seen: set[str] = set()
    for row in good:
        if row.id in seen:
            problems.append(Problem(name, row.id, "appears twice"))
        seen.add(row.id)
    return good


def _row(name: str, number: int, line: Mapping[str, str | None], problems: list[Problem]) -> Row | None:
    cell = {key: (value or "").strip() for key, value in line.items() if isinstance(key, str)}
    where = f"line {number} ({cell.get('id') or 'no id'})"
    wrong = len(problems)
    if not cell.get("id"):
        problems.append(Problem(name, where, "id is empty"))
    if cell["kind"] not in KINDS:
        problems.append(Problem(name, f"{where}.kind", f"{cell['kind']!r} is none of {', '.join(KINDS)}"))
    if not cell["source"] or not cell["confidence"]:
        problems.append(Problem(name, where, "source and confidence must be given"))
    try:
        value = float(cell["value"])
        years = [int(cell.get(key) or 0) for key in ("year_from", "year_to")]
    except ValueError:
        problems.append(Problem(name, where, f"value or years are not numbers: {cell['value']!r}"))
        return None
    low, high = _RANGE.get((cell["kind"], cell["carrier"], cell["unit"]), (0.0, 1e6))
    if not (math.isfinite(value) and low <= value <= high):
        problems.append(
            Problem(
                name, f"{where}.value", f"{cell['value']} is outside {low:g} to {high:g} per {cell['unit']}"
            )
        )
    if len(problems) > wrong:
        return None
    return Row(
        cell["id"], cell["kind"], cell["carrier"], cell["region"], cell.get("series") or "announced",
        cell.get("method") or ("calorific" if cell["kind"] == "kgce" else "location"), cell.get("year", ""),
        years[0], years[1] or years[0], value, cell["unit"], cell["source"], cell["confidence"],
        cell.get("note", ""),
    )  # fmt: skip


def with_value(row: Row, value: float) -> Row:
    """The same row with another value, as the operator's own correction."""
    return replace(row, value=value)
