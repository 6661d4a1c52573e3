"""Interval energy and the meter tree to a building's daily rows. Pure: no store, no clock.

Per carrier: `total` = main meters' import + own generation - main meters' export. Items come from
sub meters, each kilowatt-hour counted once: a meter's own item gets what its parts leave. A day
that is still running, or whose data is late, is simply rolled up again.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from collector.flow import Flow, Interval, added, filled, flow_of, power_range, unmeasured
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


def _by_local_day(rows: Sequence[Interval], zone: str) -> Iterable[tuple[date, list[Interval]]]:
    """Runs of rows that lie in one local day."""
    start, first, last, day = 0, 0, 0, date.min
    for index, row in enumerate(rows):
        if not first <= row[0] < last:
            if index > start:
                yield day, list(rows[start:index])
            start, day = index, local_day(row[0], zone)
            first, last = day_bounds(day, zone)
    if rows:
        yield day, list(rows[start:])


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
        mains = [self._import(meter) for meter in meters if meter.role is Role.MAIN]
        grid = added(mains)
        generated = [self._register(m, "export") for m in meters if m.role is Role.PV]
        exports = [self._register(m, "export") for m in meters if m.role is Role.MAIN and m.device]
        given = [flow for flow in exports if flow.slots]
        if not grid.slots and not any(flow.slots for flow in generated):
            return []
        pv, export = added(generated), added(given)
        total = added([grid, pv, export.negative()])
        # Generation and export have gaps of their own, but what is asked is: was the building measured?
        covered = Flow(total.energy, total.estimated, grid.measured_s, grid.meters, total.slots)
        found = [self._row(carrier, "total", covered, power=UNIT[carrier] == "kWh")]
        if carrier is Carrier.ELECTRICITY:
            found.append(self._row(carrier, "grid", grid))
        if pv.slots:
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
            flow = self._import(meter)
            parts = [self._import(part) for part in self.parts[meter.name]]
            left = flow.energy - sum(part.energy for part in parts if part.slots)
            if flow.slots:
                items[item].append(Flow(left, flow.estimated, flow.measured_s, flow.meters))
            else:
                items[item].append(unmeasured())
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

    def _import(self, meter: Meter) -> Flow:
        """What a meter let in; where it is silent and all its parts speak, what they say."""
        known = self.imports.get(meter.name)
        if known is None:
            self.imports[meter.name] = unmeasured()  # ends a circle, which the registry refuses
            own = self._register(meter, "import") if meter.device else self._virtual(meter)
            parts = [self._import(part) for part in self.parts[meter.name]]
            known = self.imports[meter.name] = filled(own, parts)
        return known

    def _virtual(self, meter: Meter) -> Flow:
        plus = [self._import(self.by_name[name]) for name in meter.plus]
        minus = [self._import(self.by_name[name]) for name in meter.minus]
        if not all(flow.slots for flow in (*plus, *minus)):
            return unmeasured()
        whole = added([*plus, *(flow.negative() for flow in minus)])
        measured_s = min(flow.measured_s / flow.meters for flow in (*plus, *minus))
        return Flow(whole.energy, whole.estimated, measured_s, 1, whole.slots)

    def _register(self, meter: Meter, direction: str) -> Flow:
        return self.registers.get((meter.device, meter.carrier, direction)) or unmeasured()

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
