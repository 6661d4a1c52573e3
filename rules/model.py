"""What the rules speak about: a subject, its account, its judgement, and every step between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from rules.period import Period


class Level(StrEnum):
    """Where a building stands against one limit."""

    OK = "ok"
    WATCH = "watch"
    WARNING = "warning"
    EXCEEDED = "exceeded"
    INSUFFICIENT_DATA = "insufficient_data"


LEVEL_WORDS: dict[str, tuple[str, str]] = {
    "ok": ("within the quota", "定额以内"),
    "watch": ("keep watch: may pass the quota", "关注：可能超定额"),
    "warning": ("warning: is heading over the quota", "预警：预计将超定额"),
    "exceeded": ("quota exceeded", "已超定额"),
    "insufficient_data": ("not enough data to judge", "数据不足，暂不评价"),
}
"""Level -> (en, zh)."""

GRADE_WORDS: dict[str, tuple[str, str]] = {
    "leading": ("at or below the leading value", "达到引导值"),
    "baseline": ("at or below the baseline value", "达到基准值"),
    "constraint": ("at or below the constraint value", "达到约束值"),
    "within": ("within the limit", "未超限额"),
    "over": ("above the limit", "超过限额"),
    "met": ("target met", "达标"),
    "not met": ("target not met", "未达标"),
}
"""Grade -> (en, zh). Letters and numbers of a scheme's bands stand for themselves."""


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence for a person, in English and in Chinese."""

    en: str
    zh: str


class Words(str):
    """A word or sentence in English, text like any other, that also knows its Chinese."""

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, en: str, zh: str = "") -> Words:
        """zh: the Chinese; by default the same text, as for ids."""
        made = super().__new__(cls, en)
        made.zh = zh or en
        return made

    def __reduce__(self) -> tuple[type[Words], tuple[str, str]]:
        return Words, (str(self), self.zh)


def chinese(text: str) -> str:
    """The Chinese of Words; a plain text stands for itself."""
    return text.zh if isinstance(text, Words) else text


@dataclass(frozen=True, slots=True)
class Factor:
    """One row of a factor or limit table, as it was used.

    kind: `kgco2`, `kgce`, `kwh` (heating value), `limit`.
    fallback: how the row was reached when it is not the one asked for, or ""; Words where the rules say it.
    name: of a scheme, its name in Words.
    confirmed: by two independent sources that agree, or by the operator by name.
    """

    id: str
    kind: str
    value: float
    unit: str
    region: str
    year: str
    source: str
    confidence: str
    confirmed: bool
    fallback: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A building as the rules see it: from the registry, or from a file for `rules judge`.

    type, sub_class, zone: select a limit. region: six digits or a province name, selects factors.
    inputs: whatever a scheme may ask for by name, numbers, text or lists:
        `hours_per_year`, `people`, `beds`, `m2_per_person`, `history_kwh`, `uses`, `green_power_kwh` …
    """

    id: str
    type: str = ""
    sub_class: str = ""
    region: str = ""
    climate_zone: str = ""
    area_m2: float | None = None
    heated_area_m2: float | None = None
    special_area_m2: float = 0.0
    name_en: str = ""
    name_zh: str = ""
    public: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    """One carrier in one period.

    energy: in `unit`, the carrier's native one. For electricity `energy` and `kwh` are final use
        (grid + own generation - export), `kgco2` is of what the grid delivered.
    kwh, kgce, kgco2: None where the tables have no factor; `Account.missing` names it.
    scope: 1 burnt on site, 2 bought energy, 0 neither.
    """

    carrier: str
    energy: float
    unit: str
    kwh: float | None
    kgce: float | None
    kgco2: float | None
    scope: int
    coverage: float
    estimated: float
    factors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Carbon:
    """kgCO2 of one period. The three totals are alternatives side by side, never added.

    location: everything drawn from the grid at the area's average factor (the announced one).
    green_power: grid less green power at the same factor.
    net_of_nonfossil: grid less green power at the national average without traded non-fossil power;
        None when the tables have no such row.
    """

    scope1: float
    scope2_heat: float
    scope2_electricity: float
    scope2_electricity_green_power: float
    scope2_electricity_net_of_nonfossil: float | None

    @property
    def location(self) -> float:
        return self.scope1 + self.scope2_heat + self.scope2_electricity

    @property
    def green_power(self) -> float:
        return self.scope1 + self.scope2_heat + self.scope2_electricity_green_power

    @property
    def net_of_nonfossil(self) -> float | None:
        if self.scope2_electricity_net_of_nonfossil is None:
            return None
        return self.scope1 + self.scope2_heat + self.scope2_electricity_net_of_nonfossil


@dataclass(frozen=True, slots=True)
class Renewables:
    """Own generation and green power of one period, kWh; shares 0 to 1, None without anything to share."""

    pv_generation_kwh: float = 0.0
    pv_self_use_kwh: float = 0.0
    pv_export_kwh: float = 0.0
    green_power_kwh: float = 0.0
    pv_self_consumption_rate: float | None = None
    share_of_electricity: float | None = None


@dataclass(frozen=True, slots=True)
class HeatPump:
    """Heat pumps of one period. renewable_kwh counts only above the season performance factor's threshold."""

    heat_kwh: float
    electricity_kwh: float
    spf: float | None
    renewable_kwh: float
    counts: bool


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of a bill. what: a rate (`sharp` …), `step`, `demand`, `fixed`, `export` (cost below zero)."""

    tariff: str
    month: str
    what: str
    amount: float
    unit: str
    price: float
    cost: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a period's delivered energy cost.

    tariffs: tariff id -> hash of its file. coverage: as everywhere, the lowest of the carriers; priced: share
    of the cost's energy that intervals gave; estimated: share spread over gaps.
    missing: what was needed and not there, one by one.
    """

    currency: str
    total: float
    lines: tuple[CostLine, ...]
    tariffs: Mapping[str, str]
    coverage: float
    priced: float
    estimated: float
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """Energy and carbon of one building in one period, with everything that led to them.

    through: last day with data that was counted. items: electricity item code -> kWh.
    kwh, kgce: all carriers in final energy; kgce on `kgce_basis` (`calorific`, or the id of an
        equal-value row). kgce_total_control leaves renewable electricity out (dual control).
    coverage, estimated: 0 to 1, the lowest coverage of the carriers, the energy-weighted estimated share.
    missing: what was needed and not there, one by one. cost: where a tariff is configured.
    """

    building: str
    period: Period
    through: date | None
    area_m2: float | None
    uses: tuple[Use, ...]
    items: Mapping[str, float]
    grid_kwh: float
    electricity_kwh: float
    kwh: float
    kgce: float
    kgce_basis: str
    kgce_total_control: float
    carbon: Carbon
    renewables: Renewables
    heat_pump: HeatPump | None
    coverage: float
    estimated: float
    factors: tuple[Factor, ...]
    missing: tuple[str, ...]
    tables_version: str
    cost: Cost | None = None

    def per_m2(self, amount: float | None) -> float | None:
        """`amount` per floor area: with `kwh` the EUI in kWh/m² of the period, with CO2 the intensity."""
        return amount / self.area_m2 if amount is not None and self.area_m2 else None

    @property
    def eui_kwh_m2(self) -> float | None:
        return self.per_m2(self.kwh)

    @property
    def electricity_eui_kwh_m2(self) -> float | None:
        return self.per_m2(self.electricity_kwh)

    @property
    def kgco2(self) -> float:
        return self.carbon.location

    @property
    def kgco2_m2(self) -> float | None:
        return self.per_m2(self.carbon.location)


class Step(NamedTuple):
    """One step of a judgement: what was computed, how, with which number as result.

    name and note are Words where they are the rules' own.
    """

    name: str
    formula: str
    value: float | None
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a period is heading. Amounts in the judgement's unit; shares 0 to 1 of the period's expected use.

    method: `history`, `weather`, `profile`, `days`; low and high bound 80 %.
    """

    expected_share: float
    total: float
    low: float
    high: float
    passes_on: date | None
    method: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """One building against one measure of one scheme in one period.

    used, limit: amounts of the period in `unit`; `limit` is after corrections, so that used <= limit passes.
    value, limit_value: the scheme's own metric in `metric_unit` (such as kWh/(m²·a)); value is corrected.
    limits: level name -> limit_value, as the scheme prints them. grade: the scheme's word or letter.
    level: see Level. public: may stand in an announcement; if not, `reasons` say why.
    """

    building: str
    scheme: str
    basis: str
    period: Period
    unit: str
    used: float
    limit: float | None
    share: float | None
    value: float | None
    metric_unit: str
    limit_value: float | None
    limits: Mapping[str, float]
    grade: str
    level: Level
    coverage: float
    estimated: float
    forecast: Forecast | None
    penalty: float | None
    penalty_unit: str
    steps: tuple[Step, ...]
    factors: tuple[Factor, ...]
    missing: tuple[str, ...]
    public: bool
    reasons: tuple[Text, ...]
    tables_version: str
    extra: Mapping[str, Any] = field(default_factory=dict)
