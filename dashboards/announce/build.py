"""From accounts and judgements to an announcement. Pure: no store, no clock, no files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count

from collector.registry import Building, BuildingType, Registry
from dashboards.announce import anonymity
from dashboards.announce.entries import Grades, entry_of, grades_of, ranked, standard_of, verdict, why_not
from dashboards.announce.grades import GradeScheme
from dashboards.announce.model import (
    SILENT,
    Announcement,
    Entry,
    Insufficient,
    Method,
    Standard,
    TypeSummary,
)
from dashboards.announce.sums import summary, totals_of
from drivers.errors import RequestError
from rules.model import Account, Factor, Judgement, Text
from rules.period import Period

COVERAGE_LIMIT = 0.75


@dataclass(frozen=True, slots=True)
class Options:
    """How to announce. named: name buildings that the registry marks as public; others get a code."""

    issuer: Text
    issued_on: date
    grades: GradeScheme
    named: bool = True
    coverage_limit: float = COVERAGE_LIMIT
    contact: Text = SILENT
    corrects: str = ""
    correction: Text = SILENT


def shortest(region: str) -> str:
    """`330100` -> `3301`: a province or a city has one name only, or it could be announced twice."""
    while len(region) > 2 and region.endswith("00"):
        region = region[:-2]
    return region


def in_region(registry: Registry, region: str) -> list[Building]:
    """Buildings whose id begins with the region's code. Raises BeaconError if it has none."""
    if not (region.isdigit() and len(region) in {2, 4, 6}):
        raise RequestError(f"{region!r} is not a region: write 2, 4 or 6 digits, such as 33, 3301 or 330105")
    prefix = shortest(region)
    found = [each for each in registry.buildings.values() if each.id.startswith(prefix)]
    if not found:
        known = sorted({each.city[:4] for each in registry.buildings.values()})
        raise RequestError(
            f"region {region}: the registry has no building there, but in {', '.join(known) or 'no region'}"
        )
    return found


def region_text(registry: Registry, region: str) -> Text:
    zh, en = registry.region_names.get(region.ljust(6, "0"), (region, region))
    return Text(en=en, zh=zh)


def build(
    registry: Registry,
    region: str,
    period: Period,
    accounts: Mapping[str, Account],
    before: Mapping[str, Account],
    judgements: Sequence[Judgement],
    options: Options,
) -> Announcement:
    """The announcement of one region and period.

    accounts, before: building -> account of the period and of the same period a year before.
    judgements: of the same period, for a month also of its year to date; other buildings are ignored.
    Raises BeaconError if the region is unknown or empty, or if nobody in it may be listed.
    """
    buildings = {each.id: each for each in in_region(registry, region)}
    standards = _standards(judgements)
    names = {each.id: each.name for each in standards.values()}
    judged = defaultdict(list)
    for judgement in judgements:
        judged[judgement.building].append(verdict(judgement, names))
    by_type: dict[str, list[Entry]] = defaultdict(list)
    left_out: list[tuple[Building, Account | None, Text]] = []
    counties: dict[str, Text] = {}
    for building in buildings.values():
        account = accounts.get(building.id)
        reason = why_not(building, account, options.coverage_limit)
        if reason is not None or account is None:
            left_out.append((building, account, reason or SILENT))
            continue
        last = before.get(building.id)
        verdicts = tuple(judged[building.id])
        county = counties.setdefault(building.region, region_text(registry, building.region))
        made = entry_of(building, account, last, verdicts, county, options.coverage_limit)
        by_type[building.type.value].append(made)
    hidden = {each.id for each in buildings.values() if not (options.named and each.public)}
    found: dict[str, list[Entry]] = {
        kind.value: by_type[kind.value] for kind in BuildingType if kind.value in by_type
    }
    types, withheld = _groups(found, hidden, buildings, region, options.grades)
    counted = [entry for group in types for entry in group.entries]
    totals = totals_of(counted, len(buildings))
    if any(entry.building in hidden for entry in counted):
        totals = anonymity.coarse_totals(totals, anonymity.carrier_users(counted))
    reckoned = [account for each, account in accounts.items() if each in buildings]
    telling = anonymity.telling(reckoned, judgements, hidden) if hidden else frozenset()
    shown = _shown(types, hidden, telling)
    everybody = [entry for group in shown for entry in group.entries]
    return Announcement(
        period=period,
        region=region,
        region_name=region_text(registry, region),
        issuer=options.issuer,
        issued_on=options.issued_on,
        named=options.named,
        totals=totals,
        types=shown,
        over=tuple(
            sorted((e for e in everybody if e.over), key=lambda e: -max(v.share or 0.0 for v in e.over))
        ),
        heading_over=tuple(
            sorted(
                (e for e in everybody if e.heading_over and not e.over),
                key=lambda e: -max(v.forecast_share or 0.0 for v in e.heading_over),
            )
        ),
        insufficient=_insufficient(registry, left_out, hidden, len(counted)),
        method=_method(options, reckoned, judgements, standards, telling),
        corrects=options.corrects,
        correction=options.correction,
        contact=options.contact,
        withheld=withheld,
    )


def _groups(
    found: Mapping[str, Sequence[Entry]],
    hidden: Collection[str],
    buildings: Mapping[str, Building],
    region: str,
    scheme: GradeScheme,
) -> tuple[list[TypeSummary], int]:
    """Entries as they stand together, and how many are withheld. Raises BeaconError if that is all."""
    unnamed = sum(entry.building in hidden for entries in found.values() for entry in entries)
    grades: dict[str, Grades] = {}
    for entries in found.values():
        grades |= grades_of(entries, scheme, buildings)
    if anonymity.too_few(unnamed):
        found = {kind: [e for e in entries if e.building not in hidden] for kind, entries in found.items()}
        if not any(found.values()):
            raise RequestError(
                f"region {region}: only {unnamed} with enough data, none of which may be named: "
                "so few would be recognised, announce a larger region"
            )
    types = [
        summary(kind, ranked(kind, entries, buildings, grades))
        for kind, entries in anonymity.pooled(found, hidden).items()
    ]
    return types, unnamed if anonymity.too_few(unnamed) else 0


def _shown(
    types: Sequence[TypeSummary], hidden: Collection[str], telling: Collection[str]
) -> tuple[TypeSummary, ...]:
    """The groups without what gives unnamed buildings away. Codes count through all groups."""
    rare = anonymity.rare_limits(e for group in types for e in group.entries if e.building in hidden)
    codes = count(1)
    shown = []
    for group in types:
        entries = []
        for entry in group.entries:
            code = f"{next(codes):04d}"
            entries.append(anonymity.hide(entry, code, telling, rare) if entry.building in hidden else entry)
        if any(entry.building in hidden for entry in group.entries):
            group = anonymity.coarse_summary(group)
        shown.append(replace(group, entries=tuple(entries)))
    return tuple(shown)


def _standards(judgements: Iterable[Judgement]) -> dict[str, Standard]:
    """The schemes that were judged by, by id."""
    found: dict[str, Standard] = {}
    for judgement in judgements:
        if judgement.scheme not in found:
            found[judgement.scheme] = standard_of(judgement)
    return found


def _method(
    options: Options,
    accounts: Iterable[Account],
    judgements: Iterable[Judgement],
    standards: Mapping[str, Standard],
    telling: Collection[str],
) -> Method:
    factors: dict[str, Factor] = {}
    versions = set()
    for account in accounts:
        versions.add(account.tables_version)
        factors.update((factor.id, factor) for factor in account.factors)
    for judgement in judgements:
        factors.update((factor.id, factor) for factor in judgement.factors)
    return Method(
        coverage_limit=options.coverage_limit,
        tables_version=", ".join(sorted(versions)),
        factors=tuple(
            sorted(
                (f for f in factors.values() if f.kind != "scheme" and f.id not in telling),
                key=lambda factor: (factor.kind, factor.id),
            )
        ),
        schemes=tuple(each for _, each in sorted(standards.items()) if each.id not in telling),
        grades=options.grades,
    )


def _insufficient(
    registry: Registry,
    left_out: Iterable[tuple[Building, Account | None, Text]],
    hidden: Collection[str],
    counted: int,
) -> tuple[Insufficient, ...]:
    """Named ones by id, then the others by coverage, so that their place says nothing."""
    named: list[Insufficient] = []
    unnamed: list[Insufficient] = []
    for building, account, reason in left_out:
        made = Insufficient(
            code=building.id,
            building=building.id,
            name=Text(building.name_en, building.name_zh),
            type=building.type.value,
            county=region_text(registry, building.region),
            coverage=account.coverage if account else 0.0,
            reason=reason,
        )
        (unnamed if building.id in hidden else named).append(made)
    unnamed.sort(key=lambda left: (left.coverage, left.reason.en))
    return (
        *sorted(named, key=lambda left: left.building),
        *(
            anonymity.hide_insufficient(left, f"{index:04d}")
            for index, left in enumerate(unnamed, start=counted + 1)
        ),
    )
