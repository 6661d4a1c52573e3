"""Rows that the store keeps and gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a batch that can never be stored, and why. `payload` is its JSON."""

    building: str
    device: str
    reason: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Latest:
    """The last sample of one device."""

    building: str
    device: str
    kind: str
    at: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """Energy of one register in one interval. start: ms UTC; energy in the carrier's unit."""

    building: str
    device: str
    carrier: str
    direction: str
    start: int
    length_s: int
    energy: float
    measured_s: int
    quality: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened to a register; see edge.wire.RegisterEvent.

    Key: building, device, quantity, kind, at (ms UTC). before, after: readings, or ratios where the kind
    begins with `ratio`; counted: energy counted for what lies between, in the quantity's unit.
    """

    building: str
    device: str
    quantity: str
    kind: str
    at: int
    before: float
    after: float
    counted: float | None = None


class DailyRow(NamedTuple):
    """A building's energy on one local day. A tuple: a year of a thousand buildings is a million of them.

    item: `total` (final use: grid import + own generation - export for electricity), `grid`
        (drawn from the supplier), `pv` (generated on site), `export` (given to the grid), or a
        national item code such as `01B00`. Items exclude each other: energy of a chiller booked to
        `01B1C` is not in `01B00` or `01B10` as well, so all air conditioning is the sum of `01B…`.
        Machines, never part of a total or of an item: `heat_pump_output` (heat or cooling that heat
        pumps gave, carrier heat or cooling) and `heat_pump_input` (electricity they drew).
    energy: in the carrier's unit. coverage: share of the whole local day that the meters were
        measured, 0 to 1; a day that is not over yet has its part.
    estimated: share of the energy that was spread over gaps, 0 to 1.
    peak_kw, base_kw: highest and lowest 15-minute mean power of the day; only for `total`.
    """

    building: str
    carrier: str
    item: str
    day: date
    energy: float
    coverage: float
    estimated: float
    peak_kw: float | None = None
    base_kw: float | None = None


@dataclass(frozen=True, slots=True)
class MonthlyRow:
    """Daily rows of one calendar month (`2026-10`) added up; coverage over all days of the month."""

    building: str
    carrier: str
    item: str
    month: str
    energy: float
    coverage: float
    estimated: float
    peak_kw: float | None = None
    base_kw: float | None = None


@dataclass(frozen=True, slots=True)
class SumRow:
    """Daily rows of one building, carrier and item added up over first..last.

    coverage: mean of the days' coverage over all days asked for, a day without a row being 0.
    estimated: share of the energy that was spread over gaps. peak_kw, base_kw: extremes of the days.
    days: how many days have a row.
    """

    building: str
    carrier: str
    item: str
    energy: float
    coverage: float
    estimated: float
    peak_kw: float | None
    base_kw: float | None
    days: int


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """The last status of one edge. `status` is edge.wire.EdgeStatus as a dict."""

    site: str
    edge: str
    received_at: int
    status: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgementRow:
    """One building, one scheme, one basis, one period, judged once with one version of the tables.

    basis: `energy_kwh`, `energy_kgce`, `carbon_kgco2` or a scheme's own; period: `2026` or `2026-10`.
    used, limit, forecast in `unit`; shares of the limit and of the period's expected use, 0 to 1 and above.
    level: `ok`, `watch`, `warning`, `exceeded`, `insufficient_data`.
    detail: JSON of the whole chain for `explain`.
    """

    building: str
    scheme: str
    basis: str
    period: str
    judged_at: int
    unit: str
    used: float
    limit: float | None
    share: float | None
    expected_share: float | None
    forecast: float | None
    forecast_low: float | None
    forecast_high: float | None
    level: str
    coverage: float
    tables_version: str
    passes_on: date | None = None
    detail: str = ""
