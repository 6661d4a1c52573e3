"""The table of limits and benchmarks: rows of schemes, chosen by what the subject is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from drivers.errors import ConfigError, Problem
from rules.model import Factor
from rules.tables import is_confirmed

LEVELS = ("leading", "baseline", "constraint")
COLUMNS = (
    "id", "kind", "scheme", "jurisdiction", "type", "sub_class", "climate_zone", "year_from", "year_to",
    "metric", "unit", "constraint", "baseline", "leading", "basis", "monthly", "source", "confidence", "note",
)  # fmt: skip
_NEEDED = {"id", "scheme", "metric", "unit", "source", "confidence"}


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One row. levels: level name -> value, in `unit`; a level the scheme does not have is absent."""

    id: str
    scheme: str
    selectors: Mapping[str, str]  # type, sub_class, climate_zone; empty means any
    year_from: int
    year_to: int
    metric: str
    unit: str
    levels: Mapping[str, float]
    monthly: tuple[float, ...]
    source: str
    confidence: str
    note: str

    def factor(self, confirmed: frozenset[str], level: str) -> Factor:
        known = is_confirmed(self.confidence) or self.id in confirmed
        year = f"{self.year_from}-{self.year_to}" if self.year_from else ""
        return Factor(
            self.id, "limit", self.levels[level], self.unit, "", year, self.source, self.confidence, known
        )


def word(text: object) -> str:
    """Comparable form of a type, class or zone: `Hot_Summer cold winter` is `hot summer cold winter`."""
    return " ".join(str(text).replace("_", " ").lower().split())


@cache
def packaged() -> tuple[LimitRow, ...]:
    """The rows of the package."""
    problems: list[Problem] = []
    text = files("rules.data").joinpath("limits.csv").read_text("utf-8")
    rows = _parse("limits.csv", text, problems)
    if problems:
        raise ConfigError(problems)
    return tuple(rows)


def load(paths: Iterable[Path] = ()) -> tuple[LimitRow, ...]:
    """The package's rows with those of the operator's files added or put in their place.

    Raises ConfigError with every problem of all files.
    """
    problems: list[Problem] = []
    rows = {row.id: row for row in packaged()}
    for path in paths:
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(path), "", f"cannot be read: {error}"))
            continue
        rows |= {row.id: row for row in _parse(str(path), text, problems)}
    if problems:
        raise ConfigError(problems)
    return tuple(rows.values())


def choose(
    rows: Iterable[LimitRow], scheme: str, metric: str, year: int, wanted: Mapping[str, str]
) -> list[LimitRow]:
    """Rows of a scheme's metric that hold in `year` and agree with every wanted selector."""
    return [
        row
        for row in rows
        if row.scheme == scheme
        and row.metric == metric
        and (not row.year_from or row.year_from <= year <= row.year_to)
        and all(row.selectors[key] in ("", word(value)) for key, value in wanted.items())
    ]


def _parse(name: str, text: str, problems: list[Problem]) -> list[LimitRow]:
    reader = csv.DictReader(io.StringIO(text))
    columns = set(reader.fieldnames or ())
    problems += [Problem(name, column, "unknown column") for column in sorted(columns - set(COLUMNS))]
    problems += [Problem(name, column, "column is missing") for column in sorted(_NEEDED - columns)]
    if columns - set(COLUMNS) or _NEEDED - columns:
        return []
    rows: list[LimitRow] = []
    for number, line in enumerate(reader, start=2):
        row = _row(name, f"line {number} ({line['id'] or 'no id'})", line, problems)
        if row:
            rows.append(row)
    return rows


def _row(name: str, where: str, line: Mapping[str, str], problems: list[Problem]) -> LimitRow | None:
    wrong = len(problems)
    levels: dict[str, float] = {}
    for level in LEVELS:
        text = (line.get(level) or "").strip()
        if text:
            try:
                levels[level] = float(text)
            except ValueError:
                problems.append(Problem(name, f"{where}.{level}", f"{text!r} is not a number"))
    values = [levels[level] for level in LEVELS if level in levels]
    if values != sorted(values):
        problems.append(Problem(name, where, f"levels must rise from leading to constraint, got {values}"))
    try:
        years = [int(line.get(key) or 0) for key in ("year_from", "year_to")]
        monthly = tuple(float(value) for value in (line.get("monthly") or "").split())
    except ValueError:
        problems.append(Problem(name, where, "years or monthly values are not numbers"))
        return None
    if not line["source"] or not line["confidence"]:
        problems.append(Problem(name, where, "source and confidence must be given"))
    if len(problems) > wrong:
        return None
    selectors = {key: word(line.get(key) or "") for key in ("type", "sub_class", "climate_zone")}
    return LimitRow(
        line["id"], line["scheme"], selectors, years[0], years[1] or years[0], line["metric"], line["unit"],
        levels, monthly, line["source"], line["confidence"], line.get("note") or "",
    )  # fmt: skip
