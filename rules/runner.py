"""Read daily rows, judge, write judgements: the one place of the quota rules with I/O."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from collector.local_day import now_ms as now_ms
from collector.model import JudgementRow
from collector.registry import Building, Registry
from collector.store import Store
from rules.block import Block, blocks
from rules.cases import Case, prepare
from rules.config import Rules
from rules.model import Forecast, Judgement
from rules.period import Period
from rules.plan import Plan
from rules.planning import plan
from rules.profiles import profile_of
from rules.quota import HISTORY_DAYS, detail, is_open, measures, outlooks, routes, settle
from rules.scheme import Scheme
from rules.series import Days, Floats

logger = logging.getLogger(__name__)

CHUNK = 256
"""Buildings whose rows are in memory together."""
SETTLING_DAYS = 45
"""A period that ended so many days ago is judged again: late readings still arrive."""


@dataclass
class Task:
    """One case of one building, waiting for its forecast."""

    building: Building
    case: Case


def evaluate(
    store: Store,
    registry: Registry,
    rules: Rules,
    now: int,
    *,
    periods: Sequence[Period] | None = None,
    buildings: Iterable[str] | None = None,
) -> list[JudgementRow]:
    """Judge and store. now: ms UTC. periods: by default those that are running or have just ended.

    Raises StoreUnavailable; what was judged before it is stored.
    """
    chosen = [
        registry.buildings[name] for name in (buildings if buildings is not None else registry.buildings)
    ]
    written: list[JudgementRow] = []
    for low in range(0, len(chosen), CHUNK):
        part = chosen[low : low + CHUNK]
        facts = {building.id: facts_version(building) for building in part}
        rows = [
            as_row(made, now, facts[made.building]) for made in judge_many(store, part, rules, now, periods)
        ]
        if rows:
            store.write_judgements(rows)
        written += rows
    return written


def judge_many(
    store: Store,
    buildings: Sequence[Building],
    rules: Rules,
    now: int,
    periods: Sequence[Period] | None = None,
) -> list[Judgement]:
    """Judgements of some buildings from the store's daily rows; nothing is written."""
    through = {building.id: last_whole_day(building, now) for building in buildings}
    spans = {building.id: periods or current_periods(through[building.id]) for building in buildings}
    if not any(spans.values()):
        return []
    first = min(period.first for span in spans.values() for period in span) - timedelta(days=HISTORY_DAYS)
    last = max(through.values())
    known = {
        columns.building: Days.of_columns(columns, first)
        for columns in store.daily_columns(first, last, [building.id for building in buildings])
    }
    days = {building.id: known.get(building.id) or Days.of((), first, last) for building in buildings}
    return judge_days(buildings, days, rules, spans, through)


def judge_days(
    buildings: Iterable[Building],
    days: Mapping[str, Days],
    rules: Rules,
    spans: dict[str, Sequence[Period]],
    through: dict[str, date],
) -> list[Judgement]:
    """Judgements from arrays of daily values, arithmetic and forecasts of all buildings together."""
    chosen = list(buildings)
    groups: dict[tuple[Period, date, bool], list[Task]] = {}
    for places, block in blocks(days[building.id] for building in chosen):
        for (period, last, weather), plans in _plans(
            [chosen[place] for place in places], block, rules, spans, through
        ).items():
            cases = prepare([(place, made) for place, _, made in plans], block, last)
            groups.setdefault((period, min(last, period.last), weather), []).extend(
                Task(building, case) for (_, building, _), case in zip(plans, cases, strict=True)
            )
    found: list[Judgement] = []
    for (period, _, weather), tasks in groups.items():
        settled = list(_settle_group(period, tasks, rules, weather))
        _tell_routes(tasks, settled)
        found += settled
    return found


def _tell_routes(tasks: Sequence[Task], settled: Sequence[Judgement]) -> None:
    """Schemes that a building may pass by any of several routes say in each which were passed."""
    together: dict[tuple[str, str], tuple[Scheme, list[Judgement]]] = {}
    for task, made in zip(tasks, settled, strict=True):
        scheme = task.case.plan.scheme
        if scheme.routes == "any":
            together.setdefault((made.building, scheme.id), (scheme, []))[1].append(made)
    for scheme, found in together.values():
        routes(scheme, found)


def _plans(
    buildings: Sequence[Building],
    block: Block,
    rules: Rules,
    spans: dict[str, Sequence[Period]],
    through: dict[str, date],
) -> dict[tuple[Period, date, bool], list[tuple[int, Building, Plan]]]:
    """The plans of a block's buildings, by period, last day and whether there is weather."""
    found: dict[tuple[Period, date, bool], list[tuple[int, Building, Plan]]] = {}
    for place, building in enumerate(buildings):
        subject, last = rules.subject(building), through[building.id]
        weather = bool(rules.outdoor(building.region))
        for period in spans[building.id]:
            if period.first > last:
                continue
            for scheme in rules.schemes_of(building, period.year):
                for measure in measures(scheme, period):
                    made = plan(subject, scheme, measure, period, rules.tables, block.keys, rules.limits)
                    found.setdefault((period, last, weather), []).append((place, building, made))
    return found


def _settle_group(period: Period, tasks: Sequence[Task], rules: Rules, weather: bool) -> Iterator[Judgement]:
    """Forecast the open cases of one period together, then settle all of them."""
    waiting = [task for task in tasks if is_open(task.case)]
    made: dict[int, Forecast] = {}
    if waiting:
        cases = [task.case for task in waiting]
        known = HISTORY_DAYS + cases[0].elapsed
        forecasts = outlooks(
            cases,
            period.first,
            profile=np.stack([profile_of(case.plan.subject.type) for case in cases]),
            outdoor=_outdoor(waiting, period, known, rules) if weather else None,
        )
        made = {id(case): forecast for case, forecast in zip(cases, forecasts, strict=True)}
    for task in tasks:
        yield settle(task.case, made.get(id(task.case)), rules.tables, rules.thresholds)


def _outdoor(tasks: Sequence[Task], period: Period, known: int, rules: Rules) -> Floats:
    first = (period.first - timedelta(days=HISTORY_DAYS)).toordinal()
    lines: dict[int, Floats] = {}
    made = []
    for task in tasks:
        weather = rules.outdoor(task.building.region)
        if id(weather) not in lines:
            line = np.full(known, np.nan)
            for day, degrees in weather.items():
                if 0 <= day.toordinal() - first < known:
                    line[day.toordinal() - first] = degrees
            lines[id(weather)] = line
        made.append(lines[id(weather)])
    return np.stack(made)


def last_whole_day(building: Building, now: int) -> date:
    """The last local day that is over at `now`, ms UTC."""
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(building.time_zone))
    return local.date() - timedelta(days=1)


def current_periods(through: date) -> list[Period]:
    """Year and month of the last whole day, and those that late readings may still change."""
    found = []
    for monthly in (False, True):
        running = Period.containing(through, monthly=monthly)
        before = running.shifted(-1)
        if (through - before.last).days <= SETTLING_DAYS:
            found.append(before)
        found.append(running)
    return found


def periods_from(start: Period, through: date) -> list[Period]:
    """Every year and month from `start` to the one that `through` lies in."""
    found = []
    for monthly in (False, True):
        period = Period.containing(start.first, monthly=monthly)
        while period.first <= through:
            found.append(period)
            period = period.shifted(1)
    return found


def facts_version(building: Building) -> str:
    """Short hash of what a judgement rests on in the registry: areas, type, zone, occupancy, meter tree."""
    told = replace(
        building, name_zh="", name_en="", address="", owner="", operator="", latitude=None, longitude=None,
        public=False, edges=(), occupancy=dict(sorted(building.occupancy.items())),
    )  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()[:6]


def as_row(made: Judgement, now: int, facts: str = "") -> JudgementRow:
    """The judgement as the store keeps it, with the whole chain in `detail`.

    facts: tells a building's versions apart beside those of the tables, so that a judgement after a
    corrected area stands beside the old one.
    """
    forecast = made.forecast
    return JudgementRow(
        building=made.building,
        scheme=made.scheme,
        basis=made.basis,
        period=str(made.period),
        judged_at=now,
        unit=made.unit,
        used=made.used,
        limit=made.limit,
        share=made.share,
        expected_share=forecast.expected_share if forecast else None,
        forecast=forecast.total if forecast else None,
        forecast_low=forecast.low if forecast else None,
        forecast_high=forecast.high if forecast else None,
        level=made.level,
        coverage=made.coverage,
        tables_version=f"{made.tables_version}.{facts}" if facts else made.tables_version,
        passes_on=forecast.passes_on if forecast else None,
        detail=orjson.dumps(detail(made), default=str).decode(),
    )
