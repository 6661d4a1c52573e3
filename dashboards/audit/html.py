"""The audit pack as one page a language, for the screen and for PDF."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from collector.registry import Building, Meter
from dashboards.announce import words as announce_words
from dashboards.announce.html import style
from dashboards.audit import charts
from dashboards.audit.build import Audit
from dashboards.audit.words import occupancy_text, role_name, word, zone_name
from dashboards.boards.words import Lang
from dashboards.meter_events import told
from drivers.carrier import ITEMS, UNIT, Carrier
from rules.explain import number as short
from rules.model import LEVEL_WORDS, Account, Factor

_OWN = """
.chart { display: block; width: 100%; height: auto; margin: .4rem 0; }
tbody th { border-bottom: 1px solid var(--rule); width: 11rem; }
"""
_TEMPLATE = (files(__package__) / "templates" / "audit.html.j2").read_text("utf-8")
_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def items_of(audit: Audit) -> list[str]:
    """The top items that are measured; a sub-item counts only where its group has no meter."""
    found = sorted({item for account in audit.months for item in account.items})
    return [item for item in found if item.endswith("00") or item[:3] + "00" not in found]


def parts_of(account: Account, items: list[str]) -> list[float]:
    """Electricity by item, then what no item's meter saw."""
    known = [account.items.get(item, 0.0) for item in items]
    return [*known, max(0.0, account.electricity_kwh - sum(known))]


def labels_of(items: list[str], lang: Lang) -> list[str]:
    return [*(ITEMS[item][0 if lang == "zh" else 1] for item in items), word("rest", lang)]


def others_of(audit: Audit) -> list[str]:
    """Carriers beside electricity."""
    return sorted({use.carrier for account in audit.months for use in account.uses} - {"electricity"})


def boundary(building: Building, lang: Lang) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = [
        ("name", building.name_zh if lang == "zh" else building.name_en),
        ("type", announce_words.type_name(building.type.value, lang)),
        ("area", f"{building.area_m2:,.0f} m²"),
        ("heated", f"{building.heated_area_m2:,.0f} m²" if building.heated_area_m2 else ""),
        ("special", f"{building.special_area_m2:,.0f} m²" if building.special_area_m2 else ""),
        ("year_built", str(building.year_built or "")),
        ("zone", zone_name(building.climate_zone, lang)),
        ("address", building.address),
        ("owner", building.owner),
        ("operator", building.operator),
        ("contracted", f"{building.contracted_kw:,.0f} kW" if building.contracted_kw else ""),
        (
            "occupancy",
            ("，" if lang == "zh" else ", ").join(
                occupancy_text(name, value, lang) for name, value in building.occupancy.items()
            ),
        ),
    ]
    return [(word(key, lang), value) for key, value in facts if value]


def meter_rows(audit: Audit) -> Iterator[dict[str, Any]]:
    """Meters as a tree: main meters first, parts below what they are part of."""
    measured = {reading.name: reading.intervals for reading in audit.chain.meters}
    children: dict[str, list[Meter]] = {}
    names = {meter.name for meter in audit.building.meters}
    for meter in audit.building.meters:
        children.setdefault(meter.parent if meter.parent in names else "", []).append(meter)

    def walk(parent: str, depth: int) -> Iterator[dict[str, Any]]:
        for meter in children.get(parent, []):
            amounts = [
                f"{energy:,.0f} {announce_words.unit_text(UNIT[meter.carrier])}"
                for energy in measured.get(meter.name, {}).values()
            ]
            formula = " + ".join(meter.plus) + "".join(f" − {name}" for name in meter.minus)
            yield {
                "name": meter.name,
                "parent": meter.parent,
                "carrier": meter.carrier.value,
                "role": meter.role.value,
                "item": meter.item,
                "source": meter.device or f"= {formula}",
                "measured": " / ".join(amounts) or "–",
                "depth": depth,
            }
            yield from walk(meter.name, depth + 1)

    yield from walk("", 0)


def factors_of(audit: Audit) -> list[Factor]:
    found = {factor.id: factor for factor in audit.account.factors}
    for judgement in audit.chain.judgements:
        found.update((factor.id, factor) for factor in judgement.factors)
    return sorted(found.values(), key=lambda factor: (factor.kind, factor.id))


def render_html(audit: Audit, lang: Lang, *, paper: bool = False) -> str:
    items, others = items_of(audit), others_of(audit)
    labels = labels_of(items, lang)
    layers = list(zip(*(parts_of(account, items) for account in audit.months), strict=True))
    months = [
        {
            "period": str(account.period),
            "parts": parts_of(account, items),
            "others": [
                next((use.energy for use in account.uses if use.carrier == carrier), None)
                for carrier in others
            ],
            "kwh": account.kwh,
            "kgco2": account.kgco2,
            "coverage": account.coverage,
        }
        for account in audit.months
    ]
    pump = audit.account.heat_pump
    level_place = 1 if lang == "zh" else 0
    return _ENVIRONMENT.from_string(_TEMPLATE).render(
        a=audit,
        lang=lang,
        style=style(paper) + Markup(_OWN),
        name=audit.building.name_zh if lang == "zh" else audit.building.name_en,
        period=announce_words.period_text(audit.period, lang),
        boundary=boundary(audit.building, lang),
        legend=list(zip(labels, (charts.COLOURS * 4)[: len(labels)], strict=True)),
        stacked=charts.stacked(
            [str(account.period)[5:] for account in audit.months],
            dict(zip(labels, layers, strict=True)),
            "kWh",
            word("monthly", lang),
        ),
        daily=charts.daily(
            [(row.day, row.energy) for row in audit.days],
            {each.day for each in audit.unusual},
            "kWh",
            word("days", lang),
        ),
        months=months,
        others=others,
        meters=list(meter_rows(audit)),
        events=[told(event, audit.building, lang) for event in audit.events],
        factors=factors_of(audit),
        pump=pump if pump and pump.heat_kwh else None,
        w=lambda key: word(key, lang),
        say=lambda text: announce_words.say(text, lang),
        role=lambda role: role_name(role, lang),
        level=lambda level: LEVEL_WORDS[level][level_place],
        carrier_name=lambda carrier: announce_words.carrier_name(carrier, lang),
        basis_name=lambda basis: announce_words.basis_name(basis, lang),
        kind_name=lambda kind: announce_words.kind_name(kind, lang),
        confidence=lambda text: announce_words.confidence(text, lang),
        unit_of=lambda carrier: announce_words.unit_text(UNIT[Carrier(carrier)]),
        unit_text=announce_words.unit_text,
        tell=lambda text: announce_words.tell(text, lang),
        number=announce_words.number,
        percent=announce_words.percent,
        signed=announce_words.signed,
        short=short,
    )
