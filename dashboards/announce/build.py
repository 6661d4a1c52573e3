"""From accounts and judgements to an announcement. Pure: no store, no clock, no files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from collector.registry import Building, Registry
from dashboards.announce.grades import GradeScheme, Peers, grade
from dashboards.announce.model import (
    SILENT,
    Announcement,
    CarrierUse,
    ChainStep,
    Entry,
    Insufficient,
    Method,
    Totals,
    TypeSummary,
    Verdict,
)
from drivers.errors import BeaconError
from rules.accounting import change
from rules.model import Account, Factor, Judgement, Text, chinese
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


def in_region(registry: Registry, region: str) -> list[Building]:
    """Buildings whose id begins with the region's code. Raises BeaconError if it has none."""
    if not (region.isdigit() and len(region) in {2, 4, 6}):
        raise BeaconError(f"{region!r} is not a region: write 2, 4 or 6 digits, such as 33, 3301 or 330105")
    code = region.rstrip("0") if len(region) == 6 and region.endswith("00") else region
    prefix = code if len(code) % 2 == 0 else code + "0"
    found = [each for each in registry.buildings.values() if each.id.startswith(prefix)]
    if not found:
        known = sorted({each.city[:4] for each in registry.buildings.values()})
        raise BeaconError(
            f"region {region}: the registry has no building there, but in {', '.join(known) or 'no region'}"
        )
    return found


def region_text(registry: Registry, region: str) -> Text:
    zh, en = registry.region_names.get(region.ljust(6, "0"), (region, region))
    return Text(en=en, zh=zh)


def verdict(judgement: Judgement) -> Verdict:
    forecast = judgement.forecast
    return Verdict(
        scheme=judgement.scheme,
        basis=judgement.basis,
        period=str(judgement.period),
        unit=judgement.unit,
        used=judgement.used,
        limit=judgement.limit,
        share=judgement.share,
        metric_unit=judgement.metric_unit,
        value=judgement.value,
        limit_value=judgement.limit_value,
        grade=judgement.grade,
        level=judgement.level,
        official=judgement.public,
        expected_share=forecast.expected_share if forecast else None,
        forecast_share=forecast.total / judgement.limit if forecast and judgement.limit else None,
        reasons=judgement.reasons,
        chain=tuple(
            ChainStep(_both(step.name), _both(step.formula), step.value, step.unit, _both(step.note))
            for step in judgement.steps
        ),
    )


def _both(text: str) -> Text:
    return Text(en=str(text), zh=chinese(text))


def _entry(
    building: Building,
    account: Account,
    before: Account | None,
    judgements: Iterable[Judgement],
    registry: Registry,
    coverage_limit: float,
) -> Entry:
    last = before if before is not None and before.coverage >= coverage_limit else None
    return Entry(
        code=building.id,
        building=building.id,
        name=Text(building.name_en, building.name_zh),
        type=building.type.value,
        region=building.region,
        county=region_text(registry, building.region),
        owner=building.owner,
        operator=building.operator,
        address=building.address,
        year_built=building.year_built,
        area_m2=building.area_m2,
        heated_area_m2=building.heated_area_m2,
        special_area_m2=building.special_area_m2,
        kwh=account.kwh,
        eui=account.eui_kwh_m2 or 0.0,
        electricity_kwh=account.electricity_kwh,
        uses=tuple(CarrierUse(use.carrier, use.energy, use.unit) for use in account.uses),
        kgce=account.kgce,
        kgco2=account.carbon.location,
        kgco2_m2=account.kgco2_m2 or 0.0,
        kgco2_green_power=account.carbon.green_power,
        kgco2_net_of_nonfossil=account.carbon.net_of_nonfossil,
        renewable_share=account.renewables.share_of_electricity,
        coverage=account.coverage,
        estimated=account.estimated,
        carbon_official=all(factor.confirmed for factor in account.factors if factor.kind == "kgco2"),
        change_eui=change(last.eui_kwh_m2, account.eui_kwh_m2) if last else None,
        change_kgco2_m2=change(last.kgco2_m2, account.kgco2_m2) if last else None,
        verdicts=tuple(verdict(each) for each in judgements),
        missing=account.missing,
    )


def _why_not(building: Building, account: Account | None, limit: float) -> Text | None:
    if account is None or not account.uses:
        return Text("no readings in this period", "本期无读数")
    if building.area_m2 <= 0:
        return Text("no floor area in the registry", "登记信息缺少建筑面积")
    if account.coverage < limit:
        return Text(
            f"data coverage {account.coverage:.1%}, below {limit:.0%}",
            f"数据覆盖率 {account.coverage:.1%}，低于 {limit:.0%}",
        )
    return None


def _ranked(
    entries: Sequence[Entry], scheme: GradeScheme, buildings: Mapping[str, Building]
) -> tuple[Entry, ...]:
    """One type's entries by rising EUI, with ranks and grades."""
    energy = Peers(sorted(entry.eui for entry in entries))
    carbon = Peers(sorted(entry.kgco2_m2 for entry in entries))
    graded = []
    for entry in entries:
        score = buildings[entry.building].occupancy.get(scheme.input) if scheme.input else None
        graded.append(
            replace(
                entry,
                rank_energy=energy.rank(entry.eui),
                rank_carbon=carbon.rank(entry.kgco2_m2),
                grade_energy=grade(scheme, entry.eui, energy, _pace(entry, "energy"), score),
                grade_carbon=grade(scheme, entry.kgco2_m2, carbon, _pace(entry, "carbon"), score),
            )
        )
    return tuple(sorted(graded, key=lambda entry: (entry.eui, entry.building)))


def _pace(entry: Entry, basis: str) -> float | None:
    paces = [each.pace for each in entry.verdicts if each.pace is not None and each.basis.startswith(basis)]
    return max(paces, default=None)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _change(
    entries: Iterable[Entry], value: Callable[[Entry], float], rate: Callable[[Entry], float | None]
) -> float | None:
    """Change of the area-weighted mean, of the buildings counted in both years."""
    now = then = 0.0
    for entry in entries:
        changed = rate(entry)
        if changed is not None:
            now += value(entry) * entry.area_m2
            then += value(entry) * entry.area_m2 / (1 + changed)
    return change(then, now) if then else None


def _summary(kind: str, entries: tuple[Entry, ...]) -> TypeSummary:
    area = sum(entry.area_m2 for entry in entries)
    kwh = sum(entry.kwh or 0.0 for entry in entries)
    return TypeSummary(
        type=kind,
        count=len(entries),
        area_m2=area,
        kwh=kwh,
        mean_eui=_mean([entry.eui for entry in entries]),
        eui_by_area=kwh / area if area else 0.0,
        kgco2=sum(entry.kgco2 or 0.0 for entry in entries),
        mean_kgco2_m2=_mean([entry.kgco2_m2 for entry in entries]),
        over=sum(bool(entry.over) for entry in entries),
        change_eui=_change(entries, lambda each: each.eui, lambda each: each.change_eui),
        entries=entries,
    )


def _totals(entries: Sequence[Entry], listed: int) -> Totals:
    area = sum(entry.area_m2 for entry in entries)
    kwh, kgco2 = sum(entry.kwh or 0.0 for entry in entries), sum(entry.kgco2 or 0.0 for entry in entries)
    uses: dict[tuple[str, str], float] = defaultdict(float)
    for entry in entries:
        for use in entry.uses:
            uses[use.carrier, use.unit] += use.energy
    return Totals(
        listed=listed,
        counted=len(entries),
        area_m2=area,
        kwh=kwh,
        electricity_kwh=sum(entry.electricity_kwh or 0.0 for entry in entries),
        uses=tuple(CarrierUse(carrier, energy, unit) for (carrier, unit), energy in sorted(uses.items())),
        kgce=sum(entry.kgce or 0.0 for entry in entries),
        kgco2=kgco2,
        eui=kwh / area if area else 0.0,
        kgco2_m2=kgco2 / area if area else 0.0,
        renewable_kwh=sum(
            (entry.renewable_share or 0.0) * (entry.electricity_kwh or 0.0) for entry in entries
        ),
        coverage=_mean([entry.coverage for entry in entries]),
        over=sum(bool(entry.over) for entry in entries),
        over_official=sum(any(each.official for each in entry.over) for entry in entries),
        change_eui=_change(entries, lambda each: each.eui, lambda each: each.change_eui),
        change_kgco2_m2=_change(entries, lambda each: each.kgco2_m2, lambda each: each.change_kgco2_m2),
    )


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
    Raises BeaconError if the region is unknown or empty.
    """
    buildings = {each.id: each for each in in_region(registry, region)}
    judged = defaultdict(list)
    for judgement in judgements:
        judged[judgement.building].append(judgement)
    by_type: dict[str, list[Entry]] = defaultdict(list)
    left_out: list[tuple[Building, Account | None, Text]] = []
    for building in buildings.values():
        account = accounts.get(building.id)
        reason = _why_not(building, account, options.coverage_limit)
        if reason is not None or account is None:
            left_out.append((building, account, reason or SILENT))
            continue
        last = before.get(building.id)
        made = _entry(building, account, last, judged[building.id], registry, options.coverage_limit)
        by_type[building.type.value].append(made)
    types = [
        _summary(kind, _ranked(entries, options.grades, buildings))
        for kind, entries in sorted(by_type.items())
    ]
    counted = [entry for group in types for entry in group.entries]
    codes = {entry.building: f"{index:04d}" for index, entry in enumerate(counted, start=1)}
    open_to_all = {each.id for each in buildings.values() if options.named and each.public}
    shown = [
        replace(
            group, entries=tuple(e if e.building in open_to_all else _hidden(e, codes) for e in group.entries)
        )
        for group in types
    ]
    everybody = [entry for group in shown for entry in group.entries]
    return Announcement(
        period=period,
        region=region,
        region_name=region_text(registry, region),
        issuer=options.issuer,
        issued_on=options.issued_on,
        named=options.named,
        totals=_totals(counted, len(buildings)),
        types=tuple(shown),
        over=tuple(
            sorted((e for e in everybody if e.over), key=lambda e: -max(v.share or 0.0 for v in e.over))
        ),
        heading_over=tuple(
            sorted(
                (e for e in everybody if e.heading_over and not e.over),
                key=lambda e: -max(v.forecast_share or 0.0 for v in e.heading_over),
            )
        ),
        insufficient=tuple(
            _insufficient(registry, building, account, reason, f"{index:04d}", building.id in open_to_all)
            for index, (building, account, reason) in enumerate(left_out, start=len(counted) + 1)
        ),
        method=_method(options, [accounts[each] for each in accounts if each in buildings], judgements),
        corrects=options.corrects,
        correction=options.correction,
        contact=options.contact,
    )


def _method(options: Options, accounts: Iterable[Account], judgements: Iterable[Judgement]) -> Method:
    factors: dict[str, Factor] = {}
    versions = set()
    for account in accounts:
        versions.add(account.tables_version)
        factors.update((factor.id, factor) for factor in account.factors)
    schemes = set()
    for judgement in judgements:
        schemes.add(judgement.scheme)
        factors.update((factor.id, factor) for factor in judgement.factors)
    return Method(
        coverage_limit=options.coverage_limit,
        tables_version=", ".join(sorted(versions)),
        factors=tuple(sorted(factors.values(), key=lambda factor: (factor.kind, factor.id))),
        schemes=tuple(sorted(schemes)),
        grades=options.grades,
    )


AREA_STEP = 5_000
"""Unnamed buildings show their area rounded to this, m²: an exact area gives a building away."""


def _unnamed(code: str) -> Text:
    return Text(f"Building {code}", f"建筑 {code}")


def _hidden(entry: Entry, codes: Mapping[str, str]) -> Entry:
    """The entry without its name, and without the amounts from which its exact area could be computed."""
    code = codes[entry.building]
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
        area_m2=float(max(1, round(entry.area_m2 / AREA_STEP)) * AREA_STEP),
        heated_area_m2=None,
        special_area_m2=0.0,
        kwh=None,
        electricity_kwh=None,
        uses=(),
        kgce=None,
        kgco2=None,
        kgco2_green_power=None,
        kgco2_net_of_nonfossil=None,
        verdicts=tuple(replace(each, used=None, limit=None, chain=()) for each in entry.verdicts),
    )


def _insufficient(
    registry: Registry, building: Building, account: Account | None, reason: Text, code: str, named: bool
) -> Insufficient:
    return Insufficient(
        code=building.id if named else code,
        building=building.id if named else "",
        name=Text(building.name_en, building.name_zh) if named else _unnamed(code),
        type=building.type.value,
        county=region_text(registry, building.region) if named else SILENT,
        coverage=account.coverage if account else 0.0,
        reason=reason,
    )
