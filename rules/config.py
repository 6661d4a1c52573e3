"""rules.toml: which schemes hold for which buildings, own limits, confirmed rows, conditions, notifiers.

Everything is read and checked before anything starts; every problem of every file comes in one ConfigError.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.registry import Building, Registry
from drivers.errors import ConfigError, Problem
from rules import limits as limit_table
from rules import scheme as schemes
from rules.budget import Budget, Kind, Target
from rules.conditions import Calendar, Condition
from rules.inputs import input_problems
from rules.limits import LimitRow
from rules.model import Subject
from rules.notify import Notifier
from rules.quota import Thresholds
from rules.scheme import Scheme
from rules.tables import Tables
from rules.tariff import Tariff
from rules.tariff import read as read_tariff

T = TypeVar("T")
Share = Annotated[float, Field(ge=0, le=1)]


class Levels(BaseModel):
    """Least coverage to judge at all; share of the limit that a forecast must pass for `watch`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coverage: Share = 0.9
    watch: Share = 0.95


class Apply(Target):
    """A scheme that holds for some buildings. inputs: given to all of them, such as `sub_class`."""

    scheme: str
    inputs: dict[str, Any] = Field(default_factory=dict)


class TariffFor(Target):
    """A tariff file for some buildings; of several for one carrier the narrowest target counts."""

    file: str


class RulesFile(BaseModel):
    """The whole of rules.toml. Paths are relative to the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: list[str] = []  # CSV files of factor rows that add to or replace the package's
    limits: list[str] = []  # CSV files of limit rows
    schemes: list[str] = []  # TOML files of schemes
    quotas: list[str] = []  # CSV files of budgets
    confirmed: list[str] = []  # ids of rows and schemes that the operator has checked against the original
    interval_s: float = Field(default=300, ge=10)
    conditions_interval_s: float = Field(default=60, ge=5)
    alerts: str = "alerts.sqlite"
    levels: Levels = Levels()
    weather: dict[str, str] = {}  # region prefix -> CSV of day, outdoor_degc
    inputs: dict[str, dict[str, Any]] = {}  # building id -> what schemes ask for by name
    apply: list[Apply] = []
    budget: list[Budget] = []
    tariff: list[TariffFor] = []
    calendar: Calendar = Calendar()
    condition: list[Condition] = []
    notifier: list[Notifier] = []


@dataclass(frozen=True)
class Rules:
    """A checked configuration with its tables, schemes and limits loaded."""

    path: Path
    file: RulesFile
    tables: Tables
    limits: tuple[LimitRow, ...]
    schemes: Mapping[str, Scheme]
    budgets: tuple[Budget, ...]
    weather: Mapping[str, Mapping[date, float]] = field(default_factory=dict)
    tariffs: tuple[tuple[TariffFor, Tariff], ...] = ()

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.file.levels.coverage, self.file.levels.watch)

    @property
    def alerts_path(self) -> Path:
        return self.path.parent / self.file.alerts

    def subject(self, building: Building) -> Subject:
        """The building as the rules see it, with the inputs of this configuration."""
        inputs = {**building.occupancy, **self.file.inputs.get(building.id, {})}
        for entry in self.file.apply:
            if entry.covers(building.id, building.type, building.region):
                inputs = {**entry.inputs, **inputs}
        return subject_of(building, inputs)

    def schemes_of(self, building: Building, year: int) -> list[Scheme]:
        """The schemes that hold for a building in a year; of budgets for one thing the narrowest."""
        found = [
            self.schemes[entry.scheme]
            for entry in self.file.apply
            if entry.covers(building.id, building.type, building.region)
        ]
        narrowest: dict[tuple[str, str, Kind], Budget] = {}
        for budget in self.budgets:
            if (
                budget.covers(building.id, building.type, building.region)
                and budget.years[0] <= year <= budget.years[1]
            ):
                for period in budget.periods:
                    key = (budget.scheme, budget.basis, period)
                    if key not in narrowest or budget.rank >= narrowest[key].rank:
                        narrowest[key] = budget
        chosen: dict[int, list[Kind]] = {}
        for (_, _, period), budget in narrowest.items():
            chosen.setdefault(id(budget), []).append(period)
        own = [
            budget.as_scheme if len(chosen[id(budget)]) == len(budget.periods) else budget.by_period[period]
            for (_, _, period), budget in narrowest.items()
            if chosen[id(budget)][0] == period
        ]
        return [*{scheme.id: scheme for scheme in found}.values(), *own]

    def tariffs_of(self, building: Building) -> list[Tariff]:
        """The building's tariff of each carrier that has one."""
        chosen: dict[str, tuple[int, Tariff]] = {}
        for target, tariff in self.tariffs:
            known = chosen.get(tariff.carrier)
            if target.covers(building.id, building.type, building.region) and (
                known is None or target.rank >= known[0]
            ):
                chosen[tariff.carrier] = (target.rank, tariff)
        return [tariff for _, tariff in chosen.values()]

    def outdoor(self, region: str) -> Mapping[date, float]:
        """Daily mean outdoor °C of the longest region prefix that has a file; empty if none."""
        fitting = [prefix for prefix in self.weather if region.startswith(prefix)]
        return self.weather[max(fitting, key=len)] if fitting else {}


def subject_of(building: Building, inputs: Mapping[str, Any]) -> Subject:
    return Subject(
        id=building.id,
        type=building.type,
        sub_class=str(inputs.get("sub_class") or building.sub_class),
        region=building.region,
        climate_zone=str(inputs.get("climate_zone") or building.climate_zone),
        area_m2=building.area_m2,
        heated_area_m2=building.heated_area_m2,
        special_area_m2=building.special_area_m2,
        name_en=building.name_en,
        name_zh=building.name_zh,
        public=building.public,
        inputs=dict(inputs),
    )


def load(path: Path, registry: Registry | None = None) -> Rules:
    """Read rules.toml and everything it names. Raises ConfigError with every problem of all files.

    With a registry, buildings that it does not know are problems too.
    """
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    return build(raw, path, registry)


def build(raw: Mapping[str, Any], path: Path, registry: Registry | None = None) -> Rules:
    """`load` for a configuration that is already in memory; `path` names it and anchors relative paths."""
    problems: list[Problem] = []
    try:
        file = RulesFile.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(schemes.validation_problems(str(path), error)) from error
    here = path.parent

    def gather(make: Callable[[], T], default: T) -> T:
        try:
            return make()
        except ConfigError as error:
            problems.extend(error.problems)
            return default

    def tables_of() -> Tables:
        return Tables.load([here / name for name in file.tables], file.confirmed)

    tables = gather(tables_of, Tables.load())
    rows = gather(lambda: limit_table.load(here / name for name in file.limits), limit_table.packaged())
    known = gather(lambda: schemes.load(here / name for name in file.schemes), schemes.packaged())
    budgets = [*file.budget]
    for name in file.quotas:
        budgets += gather(partial(read_quotas, here / name), [])
    weather: dict[str, dict[date, float]] = {}
    for prefix, name in file.weather.items():
        weather[prefix] = gather(partial(read_weather, here / name), {})
    tariffs = []
    for target in file.tariff:
        if (tariff := gather(partial(read_tariff, here / target.file), None)) is not None:
            tariffs.append((target, tariff))
    if len({tariff.currency for _, tariff in tariffs}) > 1:
        problems.append(Problem(str(path), "tariff", "all tariffs must have the same currency"))
    problems += _references(path, file, budgets, tables, rows, known, registry)
    if problems:
        raise ConfigError(problems)
    tables = tables.with_quotas(_said_of_quotas(file, rows, known, budgets))
    return Rules(path, file, tables, tuple(rows), known, tuple(budgets), weather, tuple(tariffs))


def _said_of_quotas(
    file: RulesFile, rows: Iterable[LimitRow], known: Mapping[str, Scheme], budgets: Iterable[Budget]
) -> str:
    """Everything of the operator's own that a judgement rests on beside factors, as text to hash."""
    packaged_rows, packaged = set(map(repr, limit_table.packaged())), schemes.packaged()
    own = [text for text in map(repr, rows) if text not in packaged_rows]
    own += [scheme.model_dump_json() for scheme in known.values() if packaged.get(scheme.id) != scheme]
    own += [budget.model_dump_json(exclude={"name_en", "name_zh"}) for budget in budgets]
    own += [entry.model_dump_json() for entry in file.apply]
    own += [f"{building} {sorted(inputs.items())}" for building, inputs in sorted(file.inputs.items())]
    if file.levels != Levels():
        own.append(file.levels.model_dump_json())
    return "\n".join(own)


def _references(
    path: Path,
    file: RulesFile,
    budgets: Iterable[Budget],
    tables: Tables,
    rows: Iterable[LimitRow],
    known: Mapping[str, Scheme],
    registry: Registry | None,
) -> list[Problem]:
    problems: list[Problem] = []
    names = {row.id for row in rows} | set(tables.rows) | set(known)
    for place, row_id in enumerate(file.confirmed):
        if row_id not in names:
            problems.append(Problem(str(path), f"confirmed.{place}", f"there is no row or scheme {row_id!r}"))
    for building, inputs in file.inputs.items():
        problems += input_problems(str(path), f"inputs.{building}", inputs)
    for place, entry in enumerate(file.apply):
        problems += input_problems(str(path), f"apply.{place}.inputs", entry.inputs)
        if entry.scheme not in known:
            options = ", ".join(sorted(known))
            problems.append(
                Problem(str(path), f"apply.{place}.scheme", f"no scheme {entry.scheme!r}; known: {options}")
            )
    for scheme in known.values():
        problems += _bound_factors(scheme, tables)
    for budget in budgets:
        if budget.electricity_kgce and budget.electricity_kgce not in tables.rows:
            problems.append(
                Problem(str(path), "budget.electricity_kgce", f"no row {budget.electricity_kgce!r}")
            )
    if registry is not None:
        targets: list[tuple[str, Iterable[str]]] = [("inputs", file.inputs)]
        targets += [(f"apply.{place}", entry.buildings) for place, entry in enumerate(file.apply)]
        targets += [(f"budget {budget.scheme}", budget.buildings) for budget in budgets]
        targets += [(f"tariff.{place}", entry.buildings) for place, entry in enumerate(file.tariff)]
        targets += [(f"condition.{place}", entry.buildings) for place, entry in enumerate(file.condition)]
        for where, buildings in targets:
            problems += [
                Problem(str(path), f"{where}.{building}", "no such building in the registry")
                for building in buildings
                if building not in registry.buildings
            ]
    seen: set[str] = set()
    for place, condition in enumerate(file.condition):
        if condition.id in seen:
            problems.append(Problem(str(path), f"condition.{place}.id", f"{condition.id!r} appears twice"))
        seen.add(condition.id)
    return problems


def _bound_factors(scheme: Scheme, tables: Tables) -> list[Problem]:
    return [
        Problem(f"scheme {scheme.id}", f"{measure.id}.factors.{carrier}", f"there is no row {row_id!r}")
        for measure in scheme.measure
        for chosen in measure.factors
        for carrier, row_id in (*chosen.kgce.items(), *chosen.kgco2.items())
        if row_id not in tables.rows
    ]


def read_quotas(path: Path) -> list[Budget]:
    """A CSV of budgets with the columns scheme, name_en, name_zh, building, type, region, basis, limit, per,
    period, year, source; scheme, basis and limit are enough.

    Raises ConfigError with every problem of the file.
    """
    problems: list[Problem] = []
    found: list[Budget] = []
    plain = ("scheme", "name_en", "name_zh", "basis", "limit", "per", "period", "source")
    columns = {*plain, "building", "type", "region", "year"}
    try:
        reader = csv.DictReader(path.read_text("utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    unknown = set(reader.fieldnames or ()) - columns
    problems += [Problem(str(path), name, "unknown column") for name in sorted(unknown)]
    for number, line in enumerate(reader, start=2):
        cell = {key: value.strip() for key, value in line.items() if isinstance(key, str) and value}
        raw: dict[str, Any] = {key: cell[key] for key in plain if cell.get(key)}
        for column, key in (("building", "buildings"), ("type", "types"), ("region", "regions")):
            if cell.get(column):
                raw[key] = [cell[column]]
        if cell.get("year"):
            raw["years"] = (cell["year"], cell["year"])
        try:
            found.append(Budget.model_validate(raw))
        except ValidationError as error:
            problems += schemes.validation_problems(str(path), error, f"line {number}.")
    if problems:
        raise ConfigError(problems)
    return found


def read_weather(path: Path) -> dict[date, float]:
    """A CSV of day, outdoor_degc (daily means). Raises ConfigError with every problem of the file."""
    problems: list[Problem] = []
    found: dict[date, float] = {}
    try:
        lines = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    for number, line in enumerate(lines, start=2):
        try:
            found[date.fromisoformat(line["day"])] = float(line["outdoor_degc"])
        except (KeyError, TypeError, ValueError) as error:
            problems.append(Problem(str(path), f"line {number}", f"needs day and outdoor_degc: {error}"))
    if problems:
        raise ConfigError(problems)
    return found
