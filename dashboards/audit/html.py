"""The audit pack as one page a language, for the screen and for PDF."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from collector.registry import Meter, Role
from dashboards.announce import words as announce_words
from dashboards.announce.chains import chain_of
from dashboards.announce.entries import standard_of
from dashboards.announce.html import big, style
from dashboards.audit import charts
from dashboards.audit.baseline import Baseline
from dashboards.audit.build import Audit
from dashboards.audit.words import occupancy_text, role_name, word, zone_name
from dashboards.boards.words import Lang
from dashboards.meter_events import told
from drivers.carrier import ITEMS, UNIT, Carrier
from rules.chain import MeterReading
from rules.explain import number as short
from rules.model import LEVEL_WORDS, Account, Factor

_OWN = """
.chart { display: block; width: 100%; height: auto; margin: .4rem 0; break-inside: avoid; }
.facts { display: grid; grid-template-columns: repeat(2, 1fr); gap: 0 2rem; font-size: .9rem; }
.facts div { border-bottom: 1px solid var(--rule); padding: .3rem 0; display: flex; }
.facts span { color: var(--soft); flex: 0 0 8.5rem; }
.tight { font-size: .78rem; } .tight th, .tight td { padding: .24rem .3rem; }
tfoot td { font-weight: 600; border-bottom: 0; border-top: 1px solid var(--ink); }
"""
_NARROW = (
    "@media (max-width: 46rem) { .facts { grid-template-columns: 1fr; } table, .chart { min-width: 40rem; } }"
)
_NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三")
ROWS = 60
"""Most rows of a list that are printed; the workbook has all."""


@cache
def _template() -> Template:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.from_string((files(__package__) / "templates" / "audit.html.j2").read_text("utf-8"))


def items_of(audit: Audit) -> list[str]:
    """The four top items that are measured, or some part of them."""
    return sorted({item[:3] + "00" for account in audit.months for item in account.items})


def parts_of(account: Account, items: Sequence[str]) -> list[float]:
    """Electricity by top item, each with its parts, then what no item's meter saw."""
    known = [sum(kwh for item, kwh in account.items.items() if item.startswith(top[:3])) for top in items]
    return [*known, max(0.0, account.electricity_kwh - sum(known))]


def labels_of(items: Sequence[str], lang: Lang) -> list[str]:
    return [*(item_name(item, lang) for item in items), word("rest", lang)]


def item_name(item: str, lang: Lang) -> str:
    if item not in ITEMS:
        return item
    zh, en = ITEMS[item]
    return zh if lang == "zh" else en[:1].upper() + en[1:]


def others_of(audit: Audit) -> list[str]:
    """Carriers beside electricity."""
    return sorted({use.carrier for account in audit.months for use in account.uses} - {"electricity"})


def boundary(audit: Audit, lang: Lang) -> list[tuple[str, str]]:
    building = audit.building
    facts: list[tuple[str, str]] = [
        ("name", building.name_zh if lang == "zh" else building.name_en),
        ("building_id", building.id),
        ("region", announce_words.say(audit.region_name, lang)),
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
        ("period", announce_words.period_text(audit.period, lang).removeprefix("the year ")),
    ]
    return [(word(key, lang), value) for key, value in facts if value]


def meter_rows(audit: Audit, lang: Lang) -> Iterator[dict[str, Any]]:
    """Meters as a tree: main meters first, parts below what they are part of."""
    readings = {reading.name: reading for reading in audit.chain.meters}
    zone = ZoneInfo(audit.building.time_zone)
    children: dict[str, list[Meter]] = {}
    names = {meter.name for meter in audit.building.meters}
    for meter in audit.building.meters:
        children.setdefault(meter.parent if meter.parent in names else "", []).append(meter)

    def walk(parent: str, depth: int) -> Iterator[dict[str, Any]]:
        for meter in children.get(parent, []):
            reading = readings.get(meter.name)
            formula = " + ".join(meter.plus) + "".join(f" − {name}" for name in meter.minus)
            yield {
                "name": meter.name,
                "parent": meter.parent,
                "carrier": announce_words.carrier_name(meter.carrier.value, lang),
                "role": role_name(meter.role.value, lang),
                "item": item_name(meter.item, lang),
                "code": meter.item,
                "source": meter.device or f"= {formula}",
                "start": _register(reading.first if reading else None, zone),
                "end": _register(reading.last if reading else None, zone),
                "measured": _measured(reading, meter, lang),
                "depth": depth,
            }
            yield from walk(meter.name, depth + 1)

    yield from walk("", 0)


def _register(point: tuple[int, float] | None, zone: ZoneInfo) -> str:
    if point is None:
        return ""
    at = datetime.fromtimestamp(point[0] / 1000, zone)
    return f"{point[1]:,.1f} ({at:%m-%d %H:%M})"


def _measured(reading: MeterReading | None, meter: Meter, lang: Lang) -> str:
    """What a meter counted; what it gave back is told apart where there is any."""
    found = reading.intervals if reading else {}
    unit = announce_words.unit_text(UNIT[meter.carrier])
    back = found.get("export", 0.0)
    drawn = sum(energy for name, energy in found.items() if name != "export")
    if not found:
        return "–"
    if not back:
        return f"{drawn:,.0f} {unit}"
    if not drawn:
        given = {Role.PV: "generated", Role.HEAT_PUMP: "delivered"}.get(meter.role, "export")
        return f"{word(given, lang)} {back:,.0f} {unit}"
    return f"{word('import', lang)} {drawn:,.0f} / {word('export', lang)} {back:,.0f} {unit}"


def factors_of(audit: Audit) -> list[Factor]:
    found = {factor.id: factor for factor in audit.account.factors}
    for judgement in audit.chain.judgements:
        found.update((factor.id, factor) for factor in judgement.factors if factor.kind != "scheme")
    return sorted(found.values(), key=lambda factor: (factor.kind, factor.id))


def weather_lines(made: Baseline, lang: Lang) -> list[str]:
    """The weather-adjusted baseline in two sentences."""
    terms = ""
    for key, term in (("heating_term", made.heating), ("cooling_term", made.cooling)):
        if term is not None:
            terms += word(key, lang, f"{term[0]:g}", f"{term[1]:,.0f}")
    changed = word("higher" if made.change > 0 else "lower", lang, f"{abs(made.change):.1%}")
    return [
        word(
            "weather_model", lang, first=made.first, last=made.last, days=made.days, terms=terms,
            base=f"{made.base_kwh:,.0f}", weekend=f"{made.base_kwh + made.weekend_kwh:,.0f}",
            r2=f"{made.r2:.2f}", cv=f"{made.cvrmse:.1%}",
        ),
        word(
            "weather_result", lang, days=made.compared, expected=f"{made.expected_kwh:,.0f}",
            actual=f"{made.actual_kwh:,.0f}", change=changed,
        ),
    ]  # fmt: skip


def _months(audit: Audit, items: Sequence[str], others: Sequence[str]) -> list[dict[str, Any]]:
    """A line a month, and the last of the whole period."""

    def line(name: str, account: Account) -> dict[str, Any]:
        native = {use.carrier: use.energy for use in account.uses}
        return {
            "period": name,
            "parts": parts_of(account, items),
            "others": [native.get(carrier) for carrier in others],
            "kwh": account.kwh,
            "kgco2": account.kgco2,
            "coverage": account.coverage,
        }

    return [*(line(str(each.period), each) for each in audit.months), line("", audit.account)]


def _chart(audit: Audit, labels: Sequence[str], months: Sequence[Mapping[str, Any]], lang: Lang) -> Markup:
    title = word("monthly", lang)
    if len(audit.months) == 1:
        return charts.shares(dict(zip(labels, months[0]["parts"], strict=True)), title)
    layers = zip(*(month["parts"] for month in months[:-1]), strict=True)
    return charts.stacked(
        [str(account.period)[5:] for account in audit.months], dict(zip(labels, layers, strict=True)), title
    )


def render_html(audit: Audit, lang: Lang, *, paper: bool = False) -> str:
    items, others = items_of(audit), others_of(audit)
    labels = labels_of(items, lang)
    months = _months(audit, items, others)
    pump = audit.account.heat_pump
    place = 1 if lang == "zh" else 0
    name = audit.building.name_zh if lang == "zh" else audit.building.name_en
    period = announce_words.period_text(audit.period, lang)
    made_on = announce_words.date_text(audit.made_on, lang)
    foot = f"{word('title', lang)} · {audit.building.id} · {period} · {made_on}"
    functions: dict[str, Callable[..., str]] = {
        "big": big,
        "say": announce_words.say,
        "tell": announce_words.tell,
        "carrier_name": announce_words.carrier_name,
        "basis_name": announce_words.basis_name,
        "kind_name": announce_words.kind_name,
        "confidence": announce_words.confidence,
        "source": announce_words.source_text,
        "unit_text": announce_words.unit_text,
    }

    def scheme(judgement: Any) -> str:
        return announce_words.standard_name(standard_of(judgement), lang)

    return _template().render(
        {key: partial(function, lang=lang) for key, function in functions.items()},
        w=lambda key, *values: word(key, lang, *values),
        a=audit,
        lang=lang,
        name=name,
        period=period,
        made_on=made_on,
        through=announce_words.date_text(audit.through, lang),
        style=style(paper, foot, lang) + Markup(_own(paper)),
        numerals=_NUMERALS,
        boundary=boundary(audit, lang),
        legend=list(zip(labels, (charts.COLOURS * 4)[: len(labels)], strict=True)),
        chart=_chart(audit, labels, months, lang),
        daily=charts.daily(
            [(row.day, row.energy) for row in audit.days],
            {each.day for each in audit.unusual},
            word("days", lang),
        ),
        months=months,
        others=others,
        weather=weather_lines(audit.baseline, lang) if audit.baseline else [],
        judged=[
            {"made": each, "name": scheme(each), "chain": chain_of(each)} for each in audit.chain.judgements
        ],
        level=lambda level: LEVEL_WORDS[level][place],
        meters=list(meter_rows(audit, lang)),
        events=[told(event, audit.building, lang) for event in audit.events],
        factors=factors_of(audit),
        pump=pump if pump and pump.heat_kwh else None,
        rows=ROWS,
        unit_of=lambda carrier: announce_words.unit_text(UNIT[Carrier(carrier)]),
        number=announce_words.number,
        metric_number=announce_words.metric_number,
        percent=announce_words.percent,
        signed=announce_words.signed,
        short=short,
    )


def _own(paper: bool) -> str:
    if not paper:
        return _OWN + _NARROW
    return (
        _OWN.replace("var(--rule)", "#d5dae0")
        .replace("var(--soft)", "#59636e")
        .replace("var(--ink)", "#1b1f24")
    )
