"""Interval energy and the meter tree to a building's daily rows. Pure: no store, no clock.

Per carrier: `total` = main meters' import + own generation - main meters' export. Items come from
sub meters, each kilowatt-hour counted once: a meter's own item gets what its parts leave. A day
that is still running, or whose data is late, is simply rolled up again.
"""

from __future__ import annotations

import calendar
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from collector.flow import UNMEASURED, Flow, Interval, added, filled, flow_of, power_range
from collector.local_day import day_bounds, local_day
from collector.model import DailyRow, MonthlyRow
from collector.registry import Building, Meter, Role
from collector.store import IntervalRows
from drivers.carrier import UNIT, Carrier

Register = tuple[str, str, str]
"""(device, carrier, direction)."""

OUTPUT, INPUT = "heat_pump_output", "heat_pump_input"
_GIVEN = (Carrier.HEAT, Carrier.COOLING)


def rollup(building: Building, groups: Iterable[IntervalRows]) -> list[DailyRow]:
    """Daily rows of every local day in which an interval of `groups` starts.

    groups: all registers of the building for whole days; each start once.
    """
    days: dict[date, dict[Register, list[Interval]]] = defaultdict(lambda: defaultdict(list))
    for group in groups:
        register = (group.device, str(group.carrier), str(group.direction))
        for day, rows in _by_local_day(group.rows, building.time_zone):
            days[day][register] += rows
    return [row for day in sorted(days) for row in _Day(building, day, days[day]).rows()]


def supplied(
    building: Building, groups: Iterable[IntervalRows], carrier: Carrier
) -> Iterator[tuple[date, list[Flow], list[Flow]]]:
    """(local day, drawn from the supplier, given back) by main meter, as the daily `grid` and `export`."""
    mains = [meter for meter in building.meters if meter.role is Role.MAIN and meter.carrier is carrier]
    days: dict[date, dict[Register, list[Interval]]] = defaultdict(lambda: defaultdict(list))
    for group in groups:
        if str(group.carrier) == carrier:
            register = (group.device, str(group.carrier), str(group.direction))
            for day, rows in _by_local_day(group.rows, building.time_zone):
                days[day][register] += rows
    for day in sorted(days):
        of_day = _Day(building, day, days[day])
        given = [of_day.register(meter, "export") for meter in mains if meter.device]
        yield day, [of_day.imported(meter) for meter in mains], [flow for flow in given if flow.starts]


def _by_local_day(rows: Sequence[Interval], zone: str) -> Iterable[tuple[date, Sequence[Interval]]]:
    """Runs of rows, which are in order, that lie in one local day."""
    start = 0
    while start < len(rows):
        day = local_day(rows[start][0], zone)
        end = bisect_left(rows, (day_bounds(day, zone)[1],), start)
        yield day, rows[start:end]
        start = end


class _Day:
    """One building on one local day."""

    def __init__(self, building: Building, day: date, registers: Mapping[Register, list[Interval]]) -> None:
        self.building = building
        self.day = day
        start, end = day_bounds(day, building.time_zone)
        self.expected_s = (end - start) / 1000
        self.registers = {register: flow_of(rows) for register, rows in registers.items()}
        self.by_name = {meter.name: meter for meter in building.meters}
        self.parts: dict[str, list[Meter]] = defaultdict(list)
        for meter in building.meters:
            if meter.role is Role.SUB and meter.parent:
                self.parts[meter.parent].append(meter)
        self.imports: dict[str, Flow] = {}

    def rows(self) -> list[DailyRow]:
        rows: list[DailyRow] = []
        for carrier in sorted({meter.carrier for meter in self.building.meters}):
            meters = [meter for meter in self.building.meters if meter.carrier is carrier]
            rows += self._totals(carrier, meters)
            rows += self._items(carrier, meters)
        return rows + self._heat_pumps()

    def _totals(self, carrier: Carrier, meters: Sequence[Meter]) -> list[DailyRow]:
        mains = [self.imported(meter) for meter in meters if meter.role is Role.MAIN]
        grid = added(mains)
        generated = [self.register(m, "export") for m in meters if m.role is Role.PV]
        exports = [self.register(m, "export") for m in meters if m.role is Role.MAIN and m.device]
        given = [flow for flow in exports if flow.starts]
        if not grid.starts and not any(flow.starts for flow in generated):
            return []
        pv, export = added(generated), added(given)
        total = added([grid, pv, export.negative()])
        # Generation and export have gaps of their own, but what is asked is: was the building measured?
        covered = replace(total, measured_s=grid.measured_s, meters=grid.meters)
        found = [self._row(carrier, "total", covered, power=UNIT[carrier] == "kWh")]
        if carrier is Carrier.ELECTRICITY:
            found.append(self._row(carrier, "grid", grid))
        if pv.starts:
            found.append(self._row(carrier, "pv", pv))
        if given:
            found.append(self._row(carrier, "export", export))
        return found

    def _items(self, carrier: Carrier, meters: Sequence[Meter]) -> list[DailyRow]:
        """Each sub meter's energy less its parts', to its own item or that of the meter above."""
        items: dict[str, list[Flow]] = defaultdict(list)
        for meter in meters:
            item = self._item(meter)
            if meter.role is not Role.SUB or not item:
                continue
            flow = self.imported(meter)
            parts = [self.imported(part) for part in self.parts[meter.name]]
            left = flow.energy - sum(part.energy for part in parts if part.starts)
            if flow.starts:
                items[item].append(Flow(left, flow.estimated, flow.measured_s, flow.meters))
            else:
                items[item].append(UNMEASURED)
        return [
            self._row(carrier, item, added(flows))
            for item, flows in sorted(items.items())
            if any(flow.measured_s or flow.energy for flow in flows)
        ]

    def _item(self, meter: Meter) -> str:
        above: Meter | None = meter
        while above is not None and not above.item:
            above = self.by_name.get(above.parent)
        return above.item if above is not None else ""

    def _heat_pumps(self) -> list[DailyRow]:
        found: dict[tuple[Carrier, str], list[Flow]] = defaultdict(list)
        for meter in self.building.meters:
            if meter.role is not Role.HEAT_PUMP:
                continue
            for carrier in _GIVEN:
                for direction in ("export", "import"):
                    flow = self.registers.get((meter.device, carrier, direction))
                    if flow is not None:
                        found[carrier, OUTPUT].append(flow)
                        break
            drawn = self.registers.get((meter.device, Carrier.ELECTRICITY, "import"))
            if drawn is not None:
                found[Carrier.ELECTRICITY, INPUT].append(drawn)
        return [self._row(carrier, item, added(flows)) for (carrier, item), flows in sorted(found.items())]

    def imported(self, meter: Meter) -> Flow:
        """What a meter let in; where it is silent and all its parts speak, what they say."""
        known = self.imports.get(meter.name)
        if known is None:
            self.imports[meter.name] = UNMEASURED  # ends a circle, which the registry refuses
            own = self.register(meter, "import") if meter.device else self._virtual(meter)
            parts = [self.imported(part) for part in self.parts[meter.name]]
            known = self.imports[meter.name] = filled(own, parts)
        return known

    def _virtual(self, meter: Meter) -> Flow:
        plus = [self.imported(self.by_name[name]) for name in meter.plus]
        minus = [self.imported(self.by_name[name]) for name in meter.minus]
        if not all(flow.starts for flow in (*plus, *minus)):
            return UNMEASURED
        whole = added([*plus, *(flow.negative() for flow in minus)])
        measured_s = min(flow.measured_s / flow.meters for flow in (*plus, *minus))
        return replace(whole, measured_s=measured_s, meters=1)

    def register(self, meter: Meter, direction: str) -> Flow:
        return self.registers.get((meter.device, meter.carrier, direction)) or UNMEASURED

    def _row(self, carrier: Carrier, item: str, flow: Flow, power: bool = False) -> DailyRow:
        coverage = flow.measured_s / (flow.meters * self.expected_s) if flow.meters else 0.0
        estimated = flow.estimated / abs(flow.energy) if flow.energy else float(flow.estimated > 0)
        peak_kw, base_kw = power_range(flow) if power else (None, None)
        return DailyRow(
            self.building.id, carrier.value, item, self.day, flow.energy,
            min(coverage, 1.0), min(estimated, 1.0), peak_kw, base_kw,
        )  # fmt: skip


def monthly(rows: Iterable[DailyRow]) -> list[MonthlyRow]:
    """Daily rows added up by calendar month; a day without a row covers nothing."""
    months: dict[tuple[str, str, str, str], list[DailyRow]] = defaultdict(list)
    for row in rows:
        months[row.building, row.carrier, row.item, f"{row.day:%Y-%m}"].append(row)
    return [_month(*key, days) for key, days in sorted(months.items())]


def _month(building: str, carrier: str, item: str, month: str, days: Sequence[DailyRow]) -> MonthlyRow:
    energy = sum(day.energy for day in days)
    weight = sum(abs(day.energy) for day in days)
    length = calendar.monthrange(days[0].day.year, days[0].day.month)[1]
    return MonthlyRow(
        building=building,
        carrier=carrier,
        item=item,
        month=month,
        energy=energy,
        coverage=sum(day.coverage for day in days) / length,
        estimated=sum(day.estimated * abs(day.energy) for day in days) / weight if weight else 0.0,
        peak_kw=max((day.peak_kw for day in days if day.peak_kw is not None), default=None),
        base_kw=min((day.base_kw for day in days if day.base_kw is not None), default=None),
    )
