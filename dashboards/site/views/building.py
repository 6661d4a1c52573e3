"""One building: what its page draws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.model import DailyRow, IntervalRow, SumRow
from collector.registry import Building, Role
from dashboards.site.cache import Cache
from dashboards.site.services import SiteServices
from dashboards.site.views.portfolio import comparable_change, month_to_date, same_days_last_year
from dashboards.site.views.power import LoadCurve, device_signs, load_curve

DAY_MS = 86_400_000
HEAT_DAYS = 28
MAIN_ITEMS = ("01A00", "01B00", "01C00", "01D00")
SPANS = {"today": 1, "week": 7, "month": 28}


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

    def _intervals(self, first: date, last: date, ttl_s: float) -> list[IntervalRow]:
        start, end = self.midnight(first), self.midnight(last + timedelta(days=1))
        key = ("intervals", self.building.id, start, end)
        devices = sorted({*device_signs(self.building, Role.MAIN), *device_signs(self.building, Role.PV)})

        def load() -> list[IntervalRow]:
            return self._services.store.intervals(self.building.id, start, end, devices)

        return self._cache.get(key, ttl_s, load)

    def curve(self, span: str) -> LoadCurve:
        """The load curve of `today`, `week` or `month`."""
        today = self.today()
        first = today - timedelta(days=SPANS[span] - 1)
        start, end = self.midnight(first), self.midnight(today + timedelta(days=1))
        return load_curve(
            self.building, self._intervals(first, today, 5.0 if span == "today" else 30.0), start, end
        )

    def yesterday_curve(self) -> LoadCurve:
        day = self.today() - timedelta(days=1)
        return load_curve(
            self.building, self._intervals(day, day, 60.0), self.midnight(day), self.midnight(self.today())
        )

    def heat_rows(self) -> list[tuple[date, list[float | None]]]:
        """Mean power in kW of each local hour of the last four weeks, oldest day first."""

        def load() -> list[tuple[date, list[float | None]]]:
            today = self.today()
            first = today - timedelta(days=HEAT_DAYS)
            curve = load_curve(
                self.building,
                self._intervals(first, today, 300.0),
                self.midnight(first),
                self.midnight(today + timedelta(days=1)),
            )
            cells: dict[tuple[date, int], list[float]] = defaultdict(list)
            for at, kw in zip(curve.at, curve.use, strict=True):
                if kw is not None:
                    local = datetime.fromtimestamp(at / 1000, self.zone)
                    cells[local.date(), local.hour].append(kw)
            days = [first + timedelta(days=n) for n in range(HEAT_DAYS + 1)]
            rows: list[tuple[date, list[float | None]]] = []
            for day in days:
                hours = [cells.get((day, hour)) for hour in range(24)]
                rows.append((day, [sum(values) / len(values) if values else None for values in hours]))
            return [row for row in rows if any(v is not None for v in row[1])]

        return self._cache.get(("heat", self.building.id, self.today()), 300.0, load)

    def sums(self, first: date, last: date) -> list[SumRow]:
        """Every carrier and item of first..last."""
        key = ("sums", self.building.id, first, last)
        return self._cache.get(
            key, 15.0, lambda: self._services.store.sums(first, last, buildings=[self.building.id])
        )

    def daily(self, days: int) -> list[DailyRow]:
        """Electricity's total of the last days, today included, oldest first."""
        today = self.today()

        def load() -> list[DailyRow]:
            first = today - timedelta(days=days)
            return self._services.store.daily(first, today, [self.building.id], "electricity", "total")

        return self._cache.get(("daily", self.building.id, today, days), 15.0, load)

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

        return self._cache.get(("months", self.building.id, today), 60.0, load)

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
