"""One building as it is announced: its figures, its quotas, its grades and its place among its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from collector.registry import Building
from dashboards.announce.chains import chain_of
from dashboards.announce.grades import Graded, GradeScheme, Peers, grade
from dashboards.announce.model import CarrierUse, Entry, Standard, Verdict
from rules.accounting import change
from rules.model import Account, Judgement, Text, chinese
from rules.quota import unconfirmed

Grades = tuple[Graded | None, Graded | None]


def standard_of(judgement: Judgement) -> Standard:
    """The scheme of a judgement."""
    row = next((f for f in judgement.factors if (f.kind, f.id) == ("scheme", judgement.scheme)), None)
    name = row.name if row and row.name else judgement.scheme
    return Standard(
        id=judgement.scheme,
        name=Text(str(name), chinese(name)),
        edition=row.year if row else "",
        source=row.source if row else "",
        confidence=row.confidence if row else "",
        confirmed=row.confirmed if row else judgement.public,
    )


def verdict(judgement: Judgement, names: Mapping[str, Text] | None = None) -> Verdict:
    """names: scheme id -> what it is called; by default its id."""
    forecast = judgement.forecast
    return Verdict(
        scheme=judgement.scheme,
        scheme_name=(names or {}).get(judgement.scheme) or Text(judgement.scheme, judgement.scheme),
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
        penalty=judgement.penalty or None,
        penalty_unit=judgement.penalty_unit,
        reasons=_reasons(judgement),
        chain=chain_of(judgement),
    )


def _reasons(judgement: Judgement) -> tuple[Text, ...]:
    """What the rules remark; that a row is not confirmed is said by the mark of the verdict."""
    if not judgement.reasons:
        return ()
    marked = [unconfirmed(each.id, each.confidence) for each in judgement.factors if not each.confirmed]
    return tuple(each for each in judgement.reasons if each not in marked)


def entry_of(
    building: Building,
    account: Account,
    before: Account | None,
    verdicts: tuple[Verdict, ...],
    county: Text,
    coverage_limit: float,
) -> Entry:
    """before: of the same period a year before; without enough data it is not compared with."""
    last = before if before is not None and before.coverage >= coverage_limit else None
    return Entry(
        code=building.id,
        building=building.id,
        name=Text(building.name_en, building.name_zh),
        type=building.type.value,
        region=building.region,
        county=county,
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
        verdicts=verdicts,
        missing=account.missing,
    )


def why_not(building: Building, account: Account | None, limit: float) -> Text | None:
    if account is None or not account.uses:
        return Text("no readings in this period", "本期无计量数据")
    if building.area_m2 <= 0:
        return Text("no floor area in the registry", "名录中缺少建筑面积")
    if account.coverage < limit:
        return Text(
            f"data coverage {account.coverage:.1%}, below {limit:.0%}",
            f"数据覆盖率 {account.coverage:.1%}，低于 {limit:.0%}",
        )
    return None


def grades_of(
    entries: Sequence[Entry], scheme: GradeScheme, buildings: Mapping[str, Building]
) -> dict[str, Grades]:
    """Building -> grades of its energy and its carbon, among one type's entries."""
    energy = Peers(sorted(entry.eui for entry in entries))
    carbon = Peers(sorted(entry.kgco2_m2 for entry in entries))
    made: dict[str, Grades] = {}
    for entry in entries:
        inputs = buildings[entry.building].occupancy
        score, exempt = inputs.get(scheme.input), bool(inputs.get(scheme.exempt_input))
        of_energy = of_carbon = None
        if scheme.about != "carbon":
            of_energy = grade(scheme, entry.eui, energy, _pace(entry, False), score, exempt=exempt)
        if scheme.about != "energy":
            of_carbon = grade(scheme, entry.kgco2_m2, carbon, _pace(entry, True), score, exempt=exempt)
        made[entry.building] = of_energy, of_carbon
    return made


def ranked(
    kind: str, entries: Sequence[Entry], buildings: Mapping[str, Building], grades: Mapping[str, Grades]
) -> tuple[Entry, ...]:
    """Entries that are shown together by rising EUI; those of the type have a place among each other."""
    peers = {entry.building for entry in entries if buildings[entry.building].type.value == kind}
    energy = Peers(sorted(entry.eui for entry in entries if entry.building in peers))
    carbon = Peers(sorted(entry.kgco2_m2 for entry in entries if entry.building in peers))
    made = []
    for entry in entries:
        of_energy, of_carbon = grades[entry.building]
        peer = entry.building in peers
        made.append(
            replace(
                entry,
                rank_energy=energy.rank(entry.eui) if peer else None,
                rank_carbon=carbon.rank(entry.kgco2_m2) if peer else None,
                grade_energy=of_energy,
                grade_carbon=of_carbon,
            )
        )
    return tuple(sorted(made, key=lambda entry: (entry.eui, entry.building)))


def _pace(entry: Entry, carbon: bool) -> float | None:
    """How fast the entry goes through its quotas of energy, or of carbon; None without any."""
    paces = [v.pace for v in entry.verdicts if v.about_carbon is carbon and v.pace is not None]
    return max(paces, default=None)
