"""The town of `town.py` announced: accounts, options and announcements for tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

import town

from collector.registry import Registry
from dashboards.announce.build import Options, build
from dashboards.announce.grades import load_schemes
from dashboards.announce.model import Announcement
from rules.accounting import account
from rules.model import Account, Subject, Text
from rules.period import Period
from rules.tables import Tables


def accounts(period: Period) -> dict[str, Account]:
    tables = Tables.load()
    return {
        building.id: account(
            Subject(
                building.id,
                type=building.type.value,
                region=building.region,
                area_m2=building.area_m2,
            ),
            list(town.daily(building, period.first, period.last)),
            period,
            tables,
            through=period.last,
        )
        for building in town.registry().buildings.values()
    }


def options(**changes: object) -> Options:
    wanted = {
        "issuer": Text("Housing Department of Test City", "测试市住房和城乡建设局"),
        "issued_on": date(2026, 11, 5),
        "grades": load_schemes()["a_to_e"],
        "contact": Text(
            "Objections within 15 days to office@example.invalid", "对公示有异议的，请于15日内书面提出。"
        ),
    } | changes
    return Options(**wanted)  # type: ignore[arg-type]


def make(
    region: str = "33",
    period: str = "2026-10",
    everybody: bool = False,
    hidden: Collection[str] = (),
    occupancy: Mapping[str, Mapping[str, float]] | None = None,
    **changes: object,
) -> Announcement:
    """everybody: all buildings may be named; hidden: all but these may. occupancy: by building."""
    wanted = Period.parse(period)
    now, before = accounts(wanted), accounts(wanted.shifted(-1 if not wanted.monthly else -12))
    registry = town.registry()
    if everybody or hidden:
        buildings = {
            each.id: replace(
                each, public=each.id not in hidden, occupancy=(occupancy or {}).get(each.id, each.occupancy)
            )
            for each in registry.buildings.values()
        }
        registry = Registry(buildings, registry.region_names)
    judgements = [
        town.judgement(
            building,
            wanted,
            now[building.id].kwh,
            public=number % 4 != 0,
            share=0.7 + 0.06 * (number % 8),
        )
        for number, building in enumerate(registry.buildings.values())
        if now[building.id].kwh
    ]
    return build(registry, region, wanted, now, before, judgements, options(**changes))
