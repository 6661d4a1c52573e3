"""A building described in one file, judged without a store: the calculator for an energy manager.

TOML or JSON:

    year = 2025                         # or period = "2025-07"; through = 2025-09-30 while it is running
    schemes = ["gbt51161-office"]       # of `beacon rules schemes`
    confirmed = []                      # rows and schemes checked against the original
    tables = []                         # own factor CSV files, beside this file

    [building]
    type = "commercial_office"          # or any word the scheme knows
    region = "330100"                   # or a province, or US-NYC
    area_m2 = 20000                     # area_ft2, heated_area_m2, special_area_m2, sub_class, climate_zone

    [inputs]                            # what schemes ask for: hours_per_year, people, history_kwh …
    [energy.monthly]                    # <what>_<unit> = 12 values, or fewer while the year is running
    [energy.annual]                     # <what>_<unit> = one value
    [[budget]]                          # own limits, as in rules.toml

What: electricity, grid_electricity, pv_generation, pv_self_use, pv_export, heating_electricity,
special_electricity, an item such as electricity_01B00, natural_gas, heating_gas, district_heat,
district_cooling, steam, diesel, petrol, lpg, coal, kerosene, manufactured_gas, water, renewable.
Unit: kwh, mwh, m3, kg, t, l, mj, gj, kbtu, therm.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.model import DailyRow
from drivers.carrier import ITEMS, Carrier
from drivers.errors import ConfigError, Problem
from rules import limits as limit_table
from rules import scheme as schemes
from rules.accounting import CALORIFIC, account, monthly
from rules.budget import Budget
from rules.inputs import input_problems
from rules.model import Account, Factor, Judgement, Subject
from rules.period import Period
from rules.profiles import profile_of
from rules.quota import Thresholds, judge
from rules.scheme import Scheme
from rules.tables import Tables

M2_PER_FT2 = 0.09290304
_WHAT: dict[str, tuple[str, str]] = {
    "electricity": ("electricity", "total"),
    "grid_electricity": ("electricity", "grid"),
    "pv_generation": ("electricity", "pv"),
    "pv_self_use": ("electricity", "pv_self_use"),
    "pv_export": ("electricity", "export"),
    "heating_electricity": ("electricity", "heating"),
    "special_electricity": ("electricity", "special"),
    "natural_gas": ("gas", "total"),
    "heating_gas": ("gas", "heating"),
    "district_heat": ("heat", "total"),
    "district_cooling": ("cooling", "total"),
    **{carrier.value: (carrier.value, "total") for carrier in Carrier if carrier != Carrier.ELECTRICITY},
    **{f"electricity_{code.lower()}": ("electricity", code) for code in ITEMS},
}
_UNITS = {
    "kwh": "kWh", "mwh": "MWh", "m3": "m3", "kg": "kg", "t": "t", "l": "L", "mj": "MJ", "gj": "GJ",
    "kbtu": "kBtu", "therm": "therm", "kgce": "kgce",
}  # fmt: skip


Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class BuildingPart(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = "building"
    name_en: str = ""
    name_zh: str = ""
    type: str = ""
    sub_class: str = ""
    region: str = ""
    climate_zone: str = ""
    area_m2: float | None = Field(default=None, gt=0)
    area_ft2: float | None = Field(default=None, gt=0)
    heated_area_m2: float | None = Field(default=None, gt=0)
    special_area_m2: float = Field(default=0.0, ge=0)


class EnergyPart(BaseModel):
    model_config = ConfigDict(extra="forbid")

    monthly: dict[str, list[Amount]] = {}
    annual: dict[str, Amount] = {}


class JudgeFile(BaseModel):
    """The file's shape; see the module's text."""

    model_config = ConfigDict(extra="forbid")

    year: int | None = Field(default=None, ge=1990, le=2100)
    period: str = ""
    through: date | None = None
    schemes: list[str] = []
    scheme: list[Scheme] = []
    budget: list[Budget] = []
    kgce_basis: str = CALORIFIC
    factors: dict[str, dict[str, str]] = {}  # {"kgco2": {"gas": "CN-JS-NG"}} for the account
    tables: list[str] = []
    confirmed: list[str] = []
    coverage: float = Field(default=0.9, ge=0, le=1)
    building: BuildingPart
    inputs: dict[str, Any] = {}
    energy: EnergyPart = EnergyPart()


@dataclass(frozen=True, slots=True)
class Result:
    """What a file comes to. monthly: twelve accounts when the period is a whole year."""

    subject: Subject
    account: Account
    monthly: tuple[Account, ...]
    judgements: tuple[Judgement, ...]
    conversions: tuple[Factor, ...]


def read(path: Path) -> Result:
    """Judge the building of a TOML or JSON file. Raises ConfigError with every problem."""
    try:
        text = path.read_text("utf-8")
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    return judge_described(raw, path)


def judge_described(raw: Mapping[str, Any], path: Path = Path("building")) -> Result:
    """`read` for a description that is already in memory; `path` names it in problems."""
    name = str(path)
    known = schemes.packaged()
    try:
        file = JudgeFile.model_validate(raw)
    except ValidationError as error:
        shape = schemes.validation_problems(name, error)
        said = {problem.key for problem in shape}
        words = [found for found in _word_problems(raw, name) if found.key not in said]
        raise ConfigError([*shape, *words]) from error
    problems = list(_word_problems(raw, name))
    try:
        tables = Tables.load([path.parent / table for table in file.tables], file.confirmed)
    except ConfigError as error:
        problems += error.problems
        tables = Tables.load(confirmed=file.confirmed)
    else:
        problems += _reference_problems(file, name, tables)
    period = _period(file, name, problems)
    if file.through is not None and file.through not in period:
        problems.append(Problem(name, "through", f"{file.through} is not in {period}"))
    chosen = [known[scheme] for scheme in file.schemes if scheme in known]
    rows, conversions = _rows(file, period, tables, name, problems)
    if problems:
        raise ConfigError(problems)
    subject = _subject(file)
    through = file.through or _through(file, period)
    judgements = [
        judgement
        for scheme in (*chosen, *file.scheme, *(budget.as_scheme for budget in file.budget))
        for judgement in judge(
            subject,
            scheme,
            rows,
            period,
            tables,
            through=through,
            thresholds=Thresholds(coverage=file.coverage),
            profile=profile_of(subject.type),
        )
    ]
    made = account(
        subject, rows, period, tables, through=through, kgce_basis=file.kgce_basis, factor_ids=file.factors
    )
    year = (
        ()
        if period.monthly
        else tuple(monthly(subject, rows, period.year, tables, kgce_basis=file.kgce_basis))
    )
    return Result(subject, made, year, tuple(judgements), conversions)


def _word_problems(raw: Mapping[str, Any], name: str) -> Iterator[Problem]:
    """Words that mean nothing, found in the file as it stands: also where its shape is wrong elsewhere."""
    known = schemes.packaged()
    given = raw.get("schemes") if isinstance(raw, Mapping) else None
    for place, scheme in enumerate(given if isinstance(given, list) else ()):
        if isinstance(scheme, str) and scheme not in known:
            yield Problem(name, f"schemes.{place}", f"no scheme {scheme!r}; known: {', '.join(known)}")
    energy = raw.get("energy") if isinstance(raw, Mapping) else None
    for part in ("monthly", "annual"):
        values = energy.get(part) if isinstance(energy, Mapping) else None
        for key in values if isinstance(values, Mapping) else ():
            what, _, unit = key.lower().rpartition("_")
            if what not in _WHAT or unit not in _UNITS:
                hint = "is no <what>_<unit>; see `beacon rules judge --help`"
                yield Problem(name, f"energy.{part}.{key}", hint)
    inputs = raw.get("inputs") if isinstance(raw, Mapping) else None
    if isinstance(inputs, Mapping):
        yield from input_problems(name, "inputs", inputs)


def _reference_problems(file: JudgeFile, name: str, tables: Tables) -> Iterator[Problem]:
    """Ids and a region that no table has."""
    rows = {row.id for row in limit_table.packaged()}
    own = {scheme.id for scheme in file.scheme}
    for place, row_id in enumerate(file.confirmed):
        if row_id not in rows and row_id not in tables.rows and row_id not in {*schemes.packaged(), *own}:
            yield Problem(name, f"confirmed.{place}", f"there is no row or scheme {row_id!r}")
    chosen = [
        (f"factors.{kind}.{carrier}", row)
        for kind in file.factors
        for carrier, row in file.factors[kind].items()
    ]
    chosen += [("kgce_basis", file.kgce_basis)] if file.kgce_basis != CALORIFIC else []
    chosen += [
        (f"budget.{place}.electricity_kgce", budget.electricity_kgce)
        for place, budget in enumerate(file.budget)
        if budget.electricity_kgce
    ]
    for key, row_id in chosen:
        if row_id not in tables.rows:
            yield Problem(name, key, f"there is no row {row_id!r}")
    region = file.building.region
    if region and not tables.knows_region(region):
        hint = "write six digits such as 330100, a province's name, or a code such as CN-ZJ or US-NYC"
        yield Problem(name, "building.region", f"{region!r} is not known; {hint}")


def _period(file: JudgeFile, name: str, problems: list[Problem]) -> Period:
    try:
        if file.period:
            return Period.parse(file.period)
        if file.year is not None:
            return Period(file.year)
        problems.append(Problem(name, "year", "give year or period"))
    except ValueError as error:
        problems.append(Problem(name, "period", str(error)))
    return Period(2000)


def _subject(file: JudgeFile) -> Subject:
    part = file.building
    inputs = dict(file.inputs)
    if part.area_ft2:
        inputs.setdefault("area_ft2", part.area_ft2)
    area = part.area_m2 or (part.area_ft2 * M2_PER_FT2 if part.area_ft2 else None)
    return Subject(
        part.id, part.type, part.sub_class, part.region, part.climate_zone, area, part.heated_area_m2,
        part.special_area_m2, part.name_en, part.name_zh, False, inputs,
    )  # fmt: skip


def _through(file: JudgeFile, period: Period) -> date:
    """The last day that monthly values reach, the whole period otherwise."""
    months = max((len(values) for values in file.energy.monthly.values()), default=12)
    return period.last if period.monthly or months >= 12 else Period(period.year, max(1, months)).last


def _rows(
    file: JudgeFile, period: Period, tables: Tables, name: str, problems: list[Problem]
) -> tuple[list[DailyRow], tuple[Factor, ...]]:
    """Months and years spread evenly over their days: their sums come back exactly as they were given."""
    rows: list[DailyRow] = []
    used: dict[str, Factor] = {}
    spans = Period(period.year).months()
    for key, values in file.energy.monthly.items():
        if not 1 <= len(values) <= 12:
            problems.append(
                Problem(name, f"energy.monthly.{key}", f"needs 1 to 12 values, got {len(values)}")
            )
            continue
        for month, value in zip(spans, values, strict=False):
            rows += _spread(file, f"energy.monthly.{key}", key, value, month, tables, name, problems, used)
    for key, value in file.energy.annual.items():
        if key in file.energy.monthly:
            problems.append(Problem(name, f"energy.annual.{key}", "is given monthly too"))
        rows += _spread(
            file, f"energy.annual.{key}", key, value, Period(period.year), tables, name, problems, used
        )
    return rows, tuple(used.values())


def _spread(
    file: JudgeFile,
    where: str,
    key: str,
    value: float,
    span: Period,
    tables: Tables,
    name: str,
    problems: list[Problem],
    used: dict[str, Factor],
) -> list[DailyRow]:
    what, _, unit = key.lower().rpartition("_")
    if what not in _WHAT or unit not in _UNITS:
        return []
    carrier, item = _WHAT[what]
    try:
        native, factors = tables.to_native(carrier, value, _UNITS[unit])
    except ValueError as error:
        if not any(problem.key == where for problem in problems):
            problems.append(Problem(name, where, str(error)))
        return []
    used.update({factor.id: factor for factor in factors})
    return [
        DailyRow(file.building.id, carrier, item, day, native / span.days, 1.0, 0.0) for day in span.dates()
    ]
