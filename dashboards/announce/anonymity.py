"""What is said of buildings that may not be named, so that a reader cannot tell which they are.

The reader is assumed to know every building's name, type, district and floor area from public registers,
what is announced of the named ones, and all factors and limits. So an unnamed building shows no amount, area
or place; its type only together with others of that type; its share of a limit only where others have that
limit, for intensity over share is the limit, which tells type and class. Sums that include it are rounded, so
that taking the named ones away, or solving for the carriers, gives no amount of one building.

What this cannot see are other announcements: one period published both with names and without, or for regions
that differ by a building or two, can be compared.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from dashboards.announce.grades import Graded
from dashboards.announce.model import SILENT, CarrierUse, Entry, Insufficient, Totals, TypeSummary, Verdict
from rules.model import Account, Judgement, Level, Text

LEAST = 3
"""Fewest unnamed buildings that stand together under a type, or have a quota that nobody else has."""
POOL = "other"
"""The type under which unnamed buildings stand that are too few of their own."""
INDIVIDUAL = Text("individual quota", "单独核定的定额")
Limit = tuple[str, str, str, float | None]


def too_few(hidden: int) -> bool:
    return 0 < hidden < LEAST


def pooled(types: Mapping[str, Sequence[Entry]], hidden: Collection[str]) -> dict[str, list[Entry]]:
    """Entries by the type they are shown under: unnamed ones of rare types stand together under POOL.

    hidden: ids that may not be named, LEAST of them or none among the entries.
    """
    groups = {kind: list(entries) for kind, entries in types.items()}
    counts = {kind: sum(entry.building in hidden for entry in entries) for kind, entries in types.items()}
    moving = {kind for kind, count in counts.items() if too_few(count) and kind != POOL}
    while too_few(counts.get(POOL, 0) + sum(counts[kind] for kind in moving)):
        others = [kind for kind, count in counts.items() if count and kind not in {*moving, POOL}]
        moving.add(min(others, key=lambda kind: (counts[kind], kind)))
    pool = groups.pop(POOL, [])
    for kind in sorted(moving):
        pool += [replace(entry, type=POOL) for entry in groups[kind] if entry.building in hidden]
        groups[kind] = [entry for entry in groups[kind] if entry.building not in hidden]
    if pool:
        groups[POOL] = pool
    return {kind: entries for kind, entries in groups.items() if entries}


def _limit(verdict: Verdict) -> Limit:
    return verdict.scheme, verdict.basis, verdict.period, verdict.limit_value


def rare_limits(entries: Iterable[Entry]) -> frozenset[Limit]:
    """Limits that fewer than LEAST of the unnamed entries have."""
    found = Counter(_limit(verdict) for entry in entries for verdict in entry.verdicts)
    return frozenset(limit for limit, count in found.items() if count < LEAST)


def _unnamed(code: str) -> Text:
    return Text(f"Building {code}", f"建筑 {code}")


def hide(entry: Entry, code: str, telling: Collection[str], rare: Collection[Limit]) -> Entry:
    """The entry under a code, with what cannot be looked up.

    telling: schemes that would give it away. rare: limits that would.
    """
    alone = entry.rank_energy is None or any(_limit(verdict) in rare for verdict in entry.verdicts)
    return replace(
        entry,
        code=code,
        building="",
        name=_unnamed(code),
        region="",
        county=SILENT,
        owner="",
        operator="",
        address="",
        year_built=None,
        area_m2=None,
        heated_area_m2=None,
        special_area_m2=0.0,
        kwh=None,
        eui=round(entry.eui, 1),
        electricity_kwh=None,
        uses=(),
        kgce=None,
        kgco2=None,
        kgco2_m2=round(entry.kgco2_m2, 1),
        kgco2_green_power=None,
        kgco2_net_of_nonfossil=None,
        renewable_share=None,
        coverage=round(entry.coverage, 3),
        estimated=round(entry.estimated, 3),
        change_eui=_tenth(entry.change_eui),
        change_kgco2_m2=_tenth(entry.change_kgco2_m2),
        grade_energy=_letter(entry, entry.grade_energy, alone),
        grade_carbon=_letter(entry, entry.grade_carbon, alone),
        verdicts=tuple(_verdict(each, telling, rare) for each in entry.verdicts),
        missing=(),
    )


def _verdict(verdict: Verdict, telling: Collection[str], rare: Collection[Limit]) -> Verdict:
    individual, alone = verdict.scheme in telling, _limit(verdict) in rare
    return replace(
        verdict,
        scheme="" if individual else verdict.scheme,
        scheme_name=INDIVIDUAL if individual else verdict.scheme_name,
        used=None,
        limit=None,
        share=None if alone else _tenth(verdict.share),
        value=None,
        limit_value=None,
        grade="" if alone else verdict.grade,
        level=Level.EXCEEDED if verdict.over else verdict.level,
        expected_share=None if alone else _tenth(verdict.expected_share),
        forecast_share=None if alone else _tenth(verdict.forecast_share),
        penalty=None,
        reasons=(),
        chain=(),
    )


def _letter(entry: Entry, graded: Graded | None, alone: bool) -> Graded | None:
    """The letter alone; none that was found among peers or by a limit that are not shown."""
    if graded is None or entry.rank_energy is None or (alone and graded.mode == "ratio_to_limit"):
        return None
    return replace(graded, value=None)


def _tenth(share: float | None) -> float | None:
    """To a tenth of a percent."""
    return None if share is None else round(share, 3)


def hide_insufficient(left: Insufficient, code: str) -> Insufficient:
    return replace(
        left,
        code=code,
        building="",
        name=_unnamed(code),
        type="",
        county=SILENT,
        coverage=round(left.coverage, 3),
    )


def coarse(amount: float, count: int) -> float:
    """A sum over `count` buildings, rounded to the power of ten in what one of them has on average.

    So 5,083,369 kWh of 11 buildings is said as 5,100,000, and a province's 16,012,345,678 of 20,000 as
    16,012,300,000: what is left when all others are taken away is uncertain by the size of a building.
    """
    if not amount or not count:
        return 0.0
    step = 10.0 ** math.floor(math.log10(abs(amount) / count))
    return round(amount / step) * step


def coarse_summary(group: TypeSummary) -> TypeSummary:
    return replace(
        group,
        area_m2=coarse(group.area_m2, group.count),
        kwh=coarse(group.kwh, group.count),
        mean_eui=round(group.mean_eui, 1),
        eui_by_area=round(group.eui_by_area, 1),
        kgco2=coarse(group.kgco2, group.count),
        mean_kgco2_m2=round(group.mean_kgco2_m2, 1),
        change_eui=_tenth(group.change_eui),
    )


def coarse_totals(totals: Totals, users: Mapping[str, int]) -> Totals:
    """users: carrier -> counted buildings that use it."""
    count = totals.counted
    return replace(
        totals,
        area_m2=coarse(totals.area_m2, count),
        kwh=coarse(totals.kwh, count),
        electricity_kwh=coarse(totals.electricity_kwh, users.get("electricity", 0)),
        uses=tuple(
            CarrierUse(use.carrier, coarse(use.energy, users[use.carrier]), use.unit) for use in totals.uses
        ),
        kgce=coarse(totals.kgce, count),
        kgco2=coarse(totals.kgco2, count),
        eui=round(totals.eui, 1),
        kgco2_m2=round(totals.kgco2_m2, 1),
        renewable_kwh=coarse(totals.renewable_kwh, count),
        coverage=round(totals.coverage, 3),
        change_eui=_tenth(totals.change_eui),
        change_kgco2_m2=_tenth(totals.change_kgco2_m2),
    )


def carrier_users(entries: Iterable[Entry]) -> Counter[str]:
    return Counter(use.carrier for entry in entries for use in entry.uses)


def telling(
    accounts: Iterable[Account], judgements: Iterable[Judgement], hidden: Collection[str]
) -> frozenset[str]:
    """Ids of factors and schemes that only unnamed buildings use, fewer than LEAST of them."""
    users: dict[str, set[str]] = defaultdict(set)
    open_to_all: set[str] = set()
    for building, factors in (
        *((made.building, made.factors) for made in accounts),
        *((made.building, made.factors) for made in judgements),
    ):
        ids = {factor.id for factor in factors}
        if building not in hidden:
            open_to_all |= ids
            continue
        for row in ids - open_to_all:
            users[row].add(building)
    return frozenset(row for row, using in users.items() if row not in open_to_all and len(using) < LEAST)
