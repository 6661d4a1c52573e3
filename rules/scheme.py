"""The shapes a quota scheme is written in. A scheme of known shapes is a TOML file and needs no code."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from drivers.errors import ConfigError, Problem

Quantity = Literal["kwh", "kgce", "kgco2", "native"]
Method = Literal["location", "green_power", "net_of_nonfossil"]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(_Part):
    """One part of what is measured: a carrier's item from the readings, or an input of the subject."""

    carrier: str = ""
    item: str = ""
    input: str = ""
    sign: Literal[1, -1] = 1
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Term:
        if bool(self.carrier) == bool(self.input):
            raise ValueError("a term needs either a carrier or an input")
        return self


class Ratio(_Part):
    """factor = constant + slope * reference / x, or * x / reference when not `inverse`."""

    shape: Literal["ratio"]
    name: Name
    input: str
    reference: float = Field(gt=0)
    constant: float
    slope: float
    inverse: bool = False
    decimals: int | None = None
    least: float | None = None
    most: float | None = None
    optional: bool = False
    divide: bool = False


class Steps(_Part):
    """factor by half-open intervals of an input: the first step whose `below` is greater than it."""

    shape: Literal["steps"]
    name: Name
    input: str
    steps: list[tuple[float, float]] = Field(min_length=1)  # (below, factor), rising
    optional: bool = False
    divide: bool = False


class Choice(_Part):
    """factor by a word, such as a discipline."""

    shape: Literal["choice"]
    name: Name
    input: str
    values: dict[str, float]
    optional: bool = False
    divide: bool = False


Correction = Annotated[Ratio | Steps | Choice, Field(discriminator="shape")]


class FixedLimit(_Part):
    """Numbers written in the scheme itself, or given by an input.

    months: in a monthly measure each month's share of them, or `profile`: the shape of the building's type.
    """

    shape: Literal["fixed"]
    levels: dict[str, float] = {}
    input: str = ""
    months: list[float] | Literal["profile"] = []


class TableLimit(_Part):
    """A row of the limits table, chosen by what the subject is."""

    shape: Literal["table"]
    scheme: str
    metric: str
    select: dict[Literal["type", "sub_class", "climate_zone"], str]  # column -> subject field or input


class MixedUseLimit(_Part):
    """Sum of area by use times the use's row; LL97, décret tertiaire, DEC benchmarks."""

    shape: Literal["mixed_use"]
    scheme: str
    metric: str
    input: str  # use -> area
    fallback_type: str = ""  # input with one use for all of `fallback_area`
    fallback_area: str = ""


class HistoryLimit(_Part):
    """Mean of the previous years' use less a percentage."""

    shape: Literal["own_history"]
    input: str
    years: int = Field(default=5, ge=1)
    reduction: list[tuple[int, float]]  # (from year, share)
    reduction_input: str = ""


class ReferenceLimit(_Part):
    """A reference year's value less a cut that grows with the year."""

    shape: Literal["reference_year"]
    input: str
    cuts: list[tuple[int, float]]  # (from year, share)


class PartsLimit(_Part):
    """A limit that is the sum of parts with their own drivers, such as Cabs = CVC + USE."""

    shape: Literal["parts"]
    inputs: list[str] = Field(min_length=1)


class NoLimit(_Part):
    """Only bands: the value itself is graded."""

    shape: Literal["none"]


Limit = Annotated[
    FixedLimit | TableLimit | MixedUseLimit | HistoryLimit | ReferenceLimit | PartsLimit | NoLimit,
    Field(discriminator="shape"),
]


class Band(_Part):
    """A grade that holds up to and including `upto` (low is good) or from `least` on (high is good)."""

    grade: str
    upto: float | None = None
    least: float | None = None


class FactorSet(_Part):
    """Which table rows the scheme binds, for the years it holds."""

    years: tuple[int, int] = (0, 9999)
    kgce: dict[str, str] = {}
    kgco2: dict[str, str] = {}


class Penalty(_Part):
    rate: float
    unit: str
    per: float = Field(default=1.0, gt=0)  # amounts of the measure's unit that the rate is for


class Measure(_Part):
    """One thing a scheme measures and the limit it sets."""

    id: Name
    quantity: Quantity = "kwh"
    unit: str = ""  # of the amount, by default that of the quantity
    method: Method = "location"
    leave_out_renewable: bool = False
    carriers: list[str] = []
    terms: list[Term] = []
    per: str = "total"  # total, area, heated_area, net_area, area_ft2, or the name of an input
    metric_unit: str = ""
    scale: float = Field(default=1.0, gt=0)  # metric = amount * scale / per
    period: Literal["year", "month"] = "year"
    factors: list[FactorSet] = []
    corrections: list[Correction] = []
    limit: Limit
    limit_level: str = ""  # the level that is the quota; by default the laxest
    relative_to: str = ""  # input: value becomes 100 * value / input (or `relative_scale`)
    relative_scale: float = 100.0
    decimals: int | None = None  # the value is rounded half up before it is graded
    bands: list[Band] = []
    special: dict[str, str] = {}  # value of input `status` -> grade, before anything is computed
    within: str = ""  # grade words where a scheme has one limit only
    over: str = "over"
    alarm_ratio: float | None = None
    penalty: Penalty | None = None


class Scheme(_Part):
    """A quota scheme: who says so, and what it measures."""

    id: Name
    name_en: str
    name_zh: str
    edition: str = ""
    source: str
    confidence: str
    note: str = ""
    routes: Literal["all", "any"] = "all"
    measure: list[Measure] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Scheme:
        names = [(measure.id, measure.period) for measure in self.measure]
        if len(set(names)) != len(names):
            raise ValueError("two measures of one kind of period have the same id")
        return self


@cache
def packaged() -> dict[str, Scheme]:
    """The schemes of the package by id."""
    found: dict[str, Scheme] = {}
    for entry in sorted(files("rules.schemes").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            scheme = Scheme.model_validate(tomllib.loads(entry.read_text("utf-8")))
            found[scheme.id] = scheme
    return found


def load(paths: Iterable[Path] = ()) -> dict[str, Scheme]:
    """The package's schemes with the operator's files added or put in their place, by id.

    Raises ConfigError with every problem of all files.
    """
    schemes = dict(packaged())
    problems: list[Problem] = []
    for path in paths:
        try:
            scheme = Scheme.model_validate(tomllib.loads(path.read_text("utf-8")))
        except ValidationError as error:
            problems += validation_problems(str(path), error)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            problems.append(Problem(str(path), "", f"cannot be read: {error}"))
        else:
            schemes[scheme.id] = scheme
    if problems:
        raise ConfigError(problems)
    return schemes


def validation_problems(file: str, error: ValidationError, prefix: str = "") -> list[Problem]:
    """pydantic's findings as `file: key: problem, got value`."""
    return [
        Problem(
            file,
            prefix + ".".join(str(part) for part in found["loc"]),
            _sentence(found["msg"], found["input"]),
        )
        for found in error.errors()
    ]


def _sentence(message: str, value: Any) -> str:
    shown = repr(value)
    return message if len(shown) > 60 or isinstance(value, dict) else f"{message}, got {shown}"
