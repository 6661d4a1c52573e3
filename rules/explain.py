"""Say in words how an account and a judgement came about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rules.model import GRADE_WORDS, LEVEL_WORDS, Account, Cost, Judgement
from rules.quota import detail
from rules.scheme import (
    FixedLimit,
    HistoryLimit,
    Measure,
    MixedUseLimit,
    PartsLimit,
    ReferenceLimit,
    TableLimit,
)
from rules.tariff import RATE_WORDS


def account_json(made: Account) -> dict[str, Any]:
    """An account as plain data, with its derived figures."""
    data = asdict(made)
    data["period"] = str(made.period)
    data["through"] = made.through.isoformat() if made.through else None
    data["eui_kwh_m2"] = made.eui_kwh_m2
    data["electricity_eui_kwh_m2"] = made.electricity_eui_kwh_m2
    data["kgce_m2"] = made.per_m2(made.kgce)
    data["kgco2_m2"] = made.kgco2_m2
    data["carbon"] |= {
        "location": made.carbon.location,
        "green_power": made.carbon.green_power,
        "net_of_nonfossil": made.carbon.net_of_nonfossil,
    }
    return data


def judgement_json(made: Judgement) -> dict[str, Any]:
    """A judgement as plain data, with the whole chain."""
    forecast = made.forecast
    return {
        "building": made.building,
        "scheme": made.scheme,
        "basis": made.basis,
        "period": str(made.period),
        "unit": made.unit,
        "used": made.used,
        "limit": made.limit,
        "share": made.share,
        "level": made.level,
        "level_en": LEVEL_WORDS[made.level][0],
        "level_zh": LEVEL_WORDS[made.level][1],
        "coverage": made.coverage,
        "tables_version": made.tables_version,
        "forecast": asdict(forecast) | {"passes_on": forecast.passes_on and forecast.passes_on.isoformat()}
        if forecast
        else None,
    } | dict(detail(made))


def number(value: float | None) -> str:
    """Five significant figures, thousands apart, no exponent."""
    if value is None:
        return "–"
    size = abs(value)
    digits = 0 if size >= 10_000 else 2 if size >= 100 else 4
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def account_text(made: Account) -> str:
    """An account for the terminal."""
    lines = [
        f"{made.building}, {made.period}, counted through {made.through}",
        f"  measured {made.coverage:.1%} of the time, {made.estimated:.1%} of the energy is estimated",
    ]
    for use in made.uses:
        lines.append(
            f"  {use.carrier:16} {number(use.energy):>14} {use.unit:4} {number(use.kwh):>14} kWh "
            f"{number(use.kgce):>12} kgce {number(use.kgco2):>12} kgCO2  "
            f"({', '.join(use.factors) or 'no energy'})"
        )
    for item, kwh in made.items.items():
        lines.append(f"    {item} {number(kwh):>14} kWh")
    carbon, green = made.carbon, made.renewables
    lines += [
        f"  total {number(made.kwh)} kWh ({number(made.eui_kwh_m2)} per m²), {number(made.kgce)} kgce "
        f"({number(made.per_m2(made.kgce))} per m², {made.kgce_basis}; "
        f"in total control {number(made.kgce_total_control)})",
        f"  CO2 {number(carbon.location)} kg location-based ({number(made.kgco2_m2)} per m²): scope 1 "
        f"{number(carbon.scope1)}, heat {number(carbon.scope2_heat)}, "
        f"electricity {number(carbon.scope2_electricity)}",
        f"  CO2 with green power {number(carbon.green_power)} kg; "
        f"net of non-fossil {number(carbon.net_of_nonfossil)} kg",
    ]
    if green.pv_generation_kwh or green.green_power_kwh:
        lines.append(
            f"  PV {number(green.pv_generation_kwh)} kWh, used here {number(green.pv_self_use_kwh)}, "
            f"exported {number(green.pv_export_kwh)}; green power {number(green.green_power_kwh)} kWh; "
            f"renewable share {green.share_of_electricity or 0:.1%}"
        )
    if made.cost:
        lines += ["  " + line for line in cost_text(made.cost).splitlines()]
    lines += [f"  missing: {text}" for text in made.missing]
    return "\n".join(lines)


def cost_text(made: Cost) -> str:
    """A cost for the terminal, month by month."""
    names = ", ".join(f"{name} ({version})" for name, version in made.tariffs.items())
    lines = [
        f"cost {number(made.total)} {made.currency}, tariffs {names}; {made.priced:.1%} of it from "
        f"intervals, measured {made.coverage:.1%} of the time, {made.estimated:.1%} estimated"
    ]
    lines += [
        f"  {line.month} {line.tariff} {RATE_WORDS[line.what][0]} / {RATE_WORDS[line.what][1]}: "
        f"{number(line.amount)} {line.unit} * {number(line.price)} = {number(line.cost)}"
        for line in made.lines
    ]
    return "\n".join([*lines, *(f"  missing: {text}" for text in made.missing)])


def judgement_text(made: Judgement) -> str:
    """A judgement for the terminal: verdict first, then the chain."""
    en, zh = LEVEL_WORDS[made.level]
    grade_en, grade_zh = GRADE_WORDS.get(made.grade, (made.grade, made.grade))
    lines = [
        f"{made.scheme} / {made.basis}, {made.period}: {made.level.upper()} ({en}; {zh})",
        f"  used {number(made.used)} of {number(made.limit)} {made.unit}"
        + (f", {made.share:.1%} of the quota" if made.share is not None else ""),
    ]
    if made.grade:
        lines.append(f"  grade {made.grade} ({grade_en}; {grade_zh})")
    if made.value is not None and made.metric_unit != made.unit:
        lines.append(f"  {number(made.value)} against {number(made.limit_value)} {made.metric_unit}")
    if made.penalty is not None:
        lines.append(f"  penalty {number(made.penalty)} {made.penalty_unit}")
    if made.forecast:
        forecast = made.forecast
        lines.append(
            f"  forecast {number(forecast.total)} ({number(forecast.low)} to {number(forecast.high)}) "
            f"{made.unit}, expected by now {forecast.expected_share:.1%} of the period's use "
            f"({forecast.method})"
            + (f"; passes the quota on {forecast.passes_on}" if forecast.passes_on else "")
        )
    lines.append(f"  public: {'yes' if made.public else 'no'}")
    lines += [f"    {reason.en}; {reason.zh}" for reason in made.reasons]
    lines.append("  chain:")
    for step in made.steps:
        note = f"  [{step.note}]" if step.note else ""
        lines.append(f"    {step.name}: {step.formula} = {number(step.value)} {step.unit}{note}")
    lines.append("  factors and limits:")
    lines += [
        f"    {factor.id} {number(factor.value)} {factor.unit} {factor.year}: {factor.source} "
        f"({factor.confidence})" + (f"; {factor.fallback}" if factor.fallback else "")
        for factor in made.factors
    ]
    lines.append(f"  tables {made.tables_version}")
    return "\n".join(lines)


def needs(measure: Measure) -> list[str]:
    """The inputs a measure asks for beside readings, in its own words."""
    fields = {
        "total": [],
        "area": ["area_m2"],
        "net_area": ["area_m2", "special_area_m2"],
        "heated_area": ["heated_area_m2"],
    }
    found = list(fields.get(measure.per, [measure.per]))
    found += [term.input for term in measure.terms if term.input]
    found += [rule.input + (" (optional)" if rule.optional else "") for rule in measure.corrections]
    limit = measure.limit
    if isinstance(limit, TableLimit):
        found += limit.select.values()
    elif isinstance(limit, PartsLimit):
        found += limit.inputs
    elif isinstance(limit, FixedLimit | MixedUseLimit | HistoryLimit | ReferenceLimit) and limit.input:
        found.append(limit.input)
    if measure.relative_to:
        found.append(measure.relative_to)
    return list(dict.fromkeys(found))


def report_json(account: Account, judgements: Iterable[Judgement]) -> Mapping[str, Any]:
    return {"account": account_json(account), "judgements": [judgement_json(made) for made in judgements]}
