"""What an announcement says, as pure data: energy in kWh, areas in m², carbon in kgCO₂, shares 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dashboards.announce.grades import Graded, GradeScheme
from rules.model import Factor, Level, Text
from rules.period import Period

SILENT = Text("", "")


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step from the readings to the verdict, with its number."""

    name: Text
    formula: Text
    value: float | None
    unit: str
    note: Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """One quota judgement as it is announced. official: rests on confirmed rows only.

    scheme: its id, "" of an unnamed building that alone has it; scheme_name: what it is called.
    period: of the quota; a month's announcement carries the running year's quotas too, as they stood
    at the month's end: then `expected_share` is what would be used by then, `forecast_share` where the
    year is heading. chain: how it was reached, of those that are over or heading over a quota.
    """

    scheme: str
    scheme_name: Text
    basis: str
    period: str
    unit: str
    used: float | None
    limit: float | None
    share: float | None
    metric_unit: str
    value: float | None
    limit_value: float | None
    grade: str
    level: Level
    official: bool
    expected_share: float | None = None
    forecast_share: float | None = None
    penalty: float | None = None
    penalty_unit: str = ""
    reasons: tuple[Text, ...] = ()
    chain: tuple[ChainStep, ...] = ()

    @property
    def over(self) -> bool:
        if self.level is Level.INSUFFICIENT_DATA:
            return False
        return self.level is Level.EXCEEDED or (self.share is not None and self.share > 1)

    @property
    def heading_over(self) -> bool:
        return not self.over and self.level is Level.WARNING

    @property
    def pace(self) -> float | None:
        """Share of the limit, related to the share that was expected by then; None without enough data."""
        if self.level is Level.INSUFFICIENT_DATA:
            return None
        if self.share is None or not self.expected_share:
            return self.share
        return self.share / self.expected_share

    @property
    def about_carbon(self) -> bool:
        return "co2" in self.basis or "carbon" in self.basis


@dataclass(frozen=True, slots=True)
class CarrierUse:
    """One carrier in its native unit."""

    carrier: str
    energy: float
    unit: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One building. Where it may not be named, `building` is "", `code` a number of this announcement,
    area and amounts are None (see `anonymity`).

    kwh: all carriers, final energy. intensities are per m² of floor area in the period.
    kgco2: location-based; the other two methods are alternatives side by side.
    rank_*: place in its type, 1 is the lowest intensity; None when not counted.
    change_*: relative to the same period a year before, -0.1 is ten percent less.
    carbon_official: every factor behind the carbon figures is confirmed.
    """

    code: str
    building: str
    name: Text
    type: str
    region: str
    county: Text
    owner: str
    operator: str
    address: str
    year_built: int | None
    area_m2: float | None
    heated_area_m2: float | None
    special_area_m2: float
    kwh: float | None
    eui: float
    electricity_kwh: float | None
    uses: tuple[CarrierUse, ...]
    kgce: float | None
    kgco2: float | None
    kgco2_m2: float
    kgco2_green_power: float | None
    kgco2_net_of_nonfossil: float | None
    renewable_share: float | None
    coverage: float
    estimated: float
    carbon_official: bool
    change_eui: float | None = None
    change_kgco2_m2: float | None = None
    rank_energy: int | None = None
    rank_carbon: int | None = None
    grade_energy: Graded | None = None
    grade_carbon: Graded | None = None
    verdicts: tuple[Verdict, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def worst(self) -> Verdict | None:
        """The verdict that goes fastest through its limit."""
        judged = [verdict for verdict in self.verdicts if verdict.pace is not None]
        return max(judged, key=lambda verdict: verdict.pace or 0.0, default=None)

    @property
    def over(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.over)

    @property
    def heading_over(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.heading_over)


@dataclass(frozen=True, slots=True)
class Insufficient:
    """A building that is listed but not counted, and why. type: "" where it may not be named."""

    code: str
    building: str
    name: Text
    type: str
    county: Text
    coverage: float
    reason: Text


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """All counted buildings of one type. Means are of the buildings; totals over areas are `*_by_area`."""

    type: str
    count: int
    area_m2: float
    kwh: float
    mean_eui: float
    eui_by_area: float
    kgco2: float
    mean_kgco2_m2: float
    over: int
    change_eui: float | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """All counted buildings. change_*: of those that were counted in both years, per area."""

    listed: int
    counted: int
    area_m2: float
    kwh: float
    electricity_kwh: float
    uses: tuple[CarrierUse, ...]
    kgce: float
    kgco2: float
    eui: float
    kgco2_m2: float
    renewable_kwh: float
    coverage: float
    over: int
    over_official: int
    change_eui: float | None
    change_kgco2_m2: float | None


@dataclass(frozen=True, slots=True)
class Standard:
    """A quota scheme that buildings were judged by."""

    id: str
    name: Text
    edition: str
    source: str
    confidence: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Method:
    """What the figures rest on, for the appendix."""

    coverage_limit: float
    tables_version: str
    factors: tuple[Factor, ...]
    schemes: tuple[Standard, ...]
    grades: GradeScheme


@dataclass(frozen=True, slots=True)
class Announcement:
    """One announcement. number: given at publication, "" before. corrects: the number it replaces.

    withheld: buildings that may not be named and are too few to stay unknown, neither counted nor listed.
    """

    period: Period
    region: str
    region_name: Text
    issuer: Text
    issued_on: date
    named: bool
    totals: Totals
    types: tuple[TypeSummary, ...]
    over: tuple[Entry, ...]
    heading_over: tuple[Entry, ...]
    insufficient: tuple[Insufficient, ...]
    method: Method
    number: str = ""
    corrects: str = ""
    correction: Text = SILENT
    contact: Text = SILENT
    withheld: int = 0

    @property
    def hides(self) -> bool:
        """Some buildings are not named, so sums are rounded."""
        return bool(self.withheld) or any(not entry.building for entry in self.entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for group in self.types for entry in group.entries)

    @property
    def official(self) -> bool:
        """Nothing that is shown rests on a single source."""
        return all(
            entry.carbon_official and all(verdict.official for verdict in entry.verdicts)
            for entry in self.entries
        )
