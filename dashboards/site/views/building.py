"""One building: what its page draws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.model import DailyRow, Latest, SumRow
from collector.registry import Building
from dashboards.site.cache import Cache
from dashboards.site.services import SiteServices
from dashboards.site.views.judged import worst_first
from dashboards.site.views.portfolio import (
    Line,
    comparable_change,
    last_twelve_months,
    line_of,
    month_to_date,
    same_days_last_year,
)
from dashboards.site.views.power import LoadCurve, curve_devices, load_curve, power_now

DAY_MS = 86_400_000
HALF_HOUR_MS = 1_800_000
HEAT_DAYS = 28
MAIN_ITEMS = ("01A00", "01B00", "01C00", "01D00")
SPANS = {"today": 1, "week": 7, "month": 28}
CURVE_S = {"today": 5.0, "week": 30.0, "month": 30.0}
KEEP_DAYS_S = 600.0
"""Sums of whole days change little: older ones are shown while the next are computed."""


@dataclass(frozen=True, slots=True)
class Month:
    """Electricity of one calendar month, kWh, beside the same month a year before; partial: still running."""

    first: date
    energy: float | None
    year_before: float | None
    partial: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a whole: an item's or a carrier's energy in its unit."""

    code: str
    energy: float
    share: float


@dataclass(frozen=True, slots=True)
class Solar:
    """Generation of a period, kWh; own: share of it used in the building, covers: share of the use."""

    energy: float
    own: float | None
    covers: float | None


class BuildingView:
    """Reads one building's figures. Every method blocks on the store, through the cache."""

    def __init__(self, services: SiteServices, cache: Cache, building: Building) -> None:
        self._services = services
        self._cache = cache
        self.building = building
        self.zone = ZoneInfo(building.time_zone)

    def now(self) -> int:
        return self._services.clock()

    def today(self) -> date:
        return datetime.fromtimestamp(self.now() / 1000, self.zone).date()

    def midnight(self, day: date) -> int:
        """The first instant of a local day, ms UTC."""
        return int(datetime.combine(day, time(), self.zone).timestamp() * 1000)

    def _curve(self, first: date, last: date, ttl_s: float) -> LoadCurve:
        start, end = self.midnight(first), self.midnight(last + timedelta(days=1))

        def load() -> LoadCurve:
            devices = curve_devices(self.building)
            groups = self._services.store.interval_groups(self.building.id, start, end, devices)
            return load_curve(self.building, groups)

        return self._cache.get(("curve", self.building.id, start, end), ttl_s, load)

    def curve(self, span: str) -> LoadCurve:
        """The load curve of `today`, `week` or `month`."""
        today = self.today()
        return self._curve(today - timedelta(days=SPANS[span] - 1), today, CURVE_S[span])

    def yesterday_curve(self) -> LoadCurve:
        day = self.today() - timedelta(days=1)
        return self._curve(day, day, 60.0)

    def heat_rows(self) -> list[tuple[date, list[float | None]]]:
        """Mean power in kW of each local hour of the last four weeks, oldest day first."""
        today = self.today()

        def load() -> list[tuple[date, list[float | None]]]:
            first = today - timedelta(days=HEAT_DAYS)
            return hours_by_day(self._curve(first, today, 300.0), self.zone)

        return self._cache.get(("heat", self.building.id, today), 300.0, load)

    def sums(self, first: date, last: date) -> list[SumRow]:
        """Every carrier and item of first..last."""
        key = ("sums", self.building.id, first, last)
        return self._cache.get(
            key,
            15.0,
            lambda: self._services.store.sums(first, last, buildings=[self.building.id]),
            keep_s=KEEP_DAYS_S,
        )

    def latest(self) -> dict[str, Latest]:
        """Device -> last sample."""
        return self._cache.get(
            ("latest", self.building.id),
            1.0,
            lambda: {sample.device: sample for sample in self._services.store.latest(self.building.id)},
        )

    def line(self) -> Line:
        """The building as the portfolio lists it, read alone: one building's page waits for no other."""
        today = self.today()

        def total(first: date, last: date) -> SumRow | None:
            rows = self.sums(first, last)
            return next((row for row in rows if (row.carrier, row.item) == ("electricity", "total")), None)

        judgements = self._cache.get(
            ("judgements", self.building.id, today.year),
            5.0,
            lambda: worst_first(
                self._services.store.judgements(str(today.year), self.building.id, detail=False)
            ),
        )
        return line_of(
            self.building,
            power_now(self.building, self.latest(), self.now()),
            total(*month_to_date(today)),
            total(*same_days_last_year(today)),
            total(*last_twelve_months(today)),
            judgements,
        )

    def daily(self, days: int) -> list[DailyRow]:
        """Electricity's total of the last days, today included, oldest first."""
        today = self.today()

        def load() -> list[DailyRow]:
            first = today - timedelta(days=days)
            return self._services.store.daily(first, today, [self.building.id], "electricity", "total")

        return self._cache.get(("daily", self.building.id, today, days), 15.0, load, keep_s=KEEP_DAYS_S)

    def months(self) -> list[Month]:
        """The last twelve months and this one, each with the same month a year before where it is known."""
        today = self.today()

        def load() -> list[Month]:
            first = _shift(today.replace(day=1), -24)
            rows = self._services.store.daily(first, today, [self.building.id], "electricity", "total")
            sums: dict[date, float] = defaultdict(float)
            for row in rows:
                sums[row.day.replace(day=1)] += row.energy
            months = [_shift(today.replace(day=1), n) for n in range(-12, 1)]
            return [
                Month(month, sums.get(month), sums.get(_shift(month, -12)), month == today.replace(day=1))
                for month in months
            ]

        return self._cache.get(("months", self.building.id, today), 60.0, load, keep_s=KEEP_DAYS_S)

    def items(self) -> list[Part]:
        """Electricity of this month by main item, and what no sub-meter saw as `unmetered`."""
        return item_parts(self.sums(*month_to_date(self.today())))

    def carriers(self) -> list[tuple[SumRow, float | None]]:
        """Each carrier's total of this month, with its change against the same days of last year."""
        today = self.today()
        before = {row.carrier: row for row in self.sums(*same_days_last_year(today)) if row.item == "total"}
        return [
            (row, comparable_change(row, before.get(row.carrier)))
            for row in self.sums(*month_to_date(today))
            if row.item == "total"
        ]

    def solar(self) -> Solar | None:
        """Generation of this month; None for a building without it."""
        rows = {
            row.item: row for row in self.sums(*month_to_date(self.today())) if row.carrier == "electricity"
        }
        pv = rows.get("pv")
        if pv is None:
            return None
        exported = rows["export"].energy if "export" in rows else 0.0
        used = rows["total"].energy if "total" in rows else 0.0
        own = max(0.0, pv.energy - exported)
        return Solar(pv.energy, own / pv.energy if pv.energy else None, own / used if used else None)


def hours_by_day(curve: LoadCurve, zone: ZoneInfo) -> list[tuple[date, list[float | None]]]:
    """A row of 24 mean powers for each local day that has any, oldest first."""
    sums: dict[int, list[float]] = {}  # half hour since the epoch -> [sum, count]: no zone is finer
    for at, kw in zip(curve.at, curve.use, strict=True):
        if kw is not None:
            cell = sums.setdefault(at // HALF_HOUR_MS, [0.0, 0])
            cell[0] += kw
            cell[1] += 1
    rows: dict[date, list[list[float]]] = {}
    for half_hour, (total, count) in sums.items():
        local = datetime.fromtimestamp(half_hour * HALF_HOUR_MS / 1000, zone)
        cell = rows.setdefault(local.date(), [[0.0, 0] for _ in range(24)])[local.hour]
        cell[0] += total
        cell[1] += count
    return [
        (day, [total / count if count else None for total, count in cells])
        for day, cells in sorted(rows.items())
    ]


def item_parts(rows: Sequence[SumRow]) -> list[Part]:
    """The main items with their share of the total, and the rest.

    Sub-items stand in for a main item that has no meter itself.
    """
    energy = {row.item: row.energy for row in rows if row.carrier == "electricity"}
    total = energy.get("total", 0.0)
    if total <= 0:
        return []
    parts = []
    for code in MAIN_ITEMS:
        amount = energy.get(code)
        if amount is None:
            amount = sum(
                value for item, value in energy.items() if item.startswith(code[:3]) and item.endswith("0")
            )
        if amount > 0:
            parts.append((code, amount))
    if not parts:
        return []
    rest = total - sum(amount for _, amount in parts)
    if rest > total * 0.005:
        parts.append(("unmetered", rest))
    return [Part(code, amount, amount / total) for code, amount in parts]


def _shift(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)
