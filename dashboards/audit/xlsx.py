"""The audit pack as a workbook."""

from __future__ import annotations

from dashboards.announce.words import basis_name, carrier_head, carrier_name, confidence, kind_name, say, tell
from dashboards.audit.build import Audit
from dashboards.audit.html import (
    boundary,
    factors_of,
    items_of,
    labels_of,
    meter_rows,
    others_of,
    parts_of,
)
from dashboards.audit.words import role_name, word
from dashboards.boards.words import Lang
from dashboards.meter_events import told
from dashboards.workbook import Book, Cell


def render_xlsx(audit: Audit, lang: Lang) -> bytes:
    """Sheets: boundary, meters, months, quotas, days, gaps, events, hints, factors."""
    book = Book()
    text, wide = book.text, book.wrap
    facts: list[list[Cell]] = [[head, value] for head, value in boundary(audit.building, lang)]
    book.table(word("boundary", lang), [("", 24.0, text), ("", 60.0, text)], facts)
    heads = [
        (word(key, lang), 18.0, text) for key in ("meter", "part_of", "carrier", "role", "item", "source")
    ]
    meters: list[list[Cell]] = [
        [
            each["name"],
            each["parent"],
            carrier_name(each["carrier"], lang),
            role_name(each["role"], lang),
            each["item"],
            each["source"],
            each["measured"],
        ]
        for each in meter_rows(audit)
    ]
    book.table(word("meters", lang), [*heads, (word("measured", lang), 24.0, text)], meters)
    _months(book, audit, lang)
    steps: list[list[Cell]] = [
        [
            made.scheme,
            basis_name(made.basis, lang),
            tell(step.name, lang),
            tell(step.formula, lang),
            step.value,
            step.unit,
            tell(step.note, lang),
        ]
        for made in audit.chain.judgements
        for step in made.steps
    ]
    columns = [
        (word("quota", lang), 20.0, text),
        ("", 18.0, text),
        (word("step", lang), 22.0, text),
        (word("formula", lang), 60.0, wide),
        (word("value", lang), 16.0, book.fine),
        (word("unit", lang), 14.0, text),
        (word("note", lang), 50.0, wide),
    ]
    book.table(word("quota", lang), columns, steps)
    usual = {each.day: each.expected for each in audit.unusual}
    days: list[list[Cell]] = [
        [
            row.day.isoformat(),
            row.energy,
            usual.get(row.day),
            row.coverage,
            row.estimated,
            row.peak_kw,
            row.base_kw,
        ]
        for row in audit.days
    ]
    columns = [
        (word("day", lang), 12.0, text),
        ("kWh", 14.0, book.number),
        (word("usual", lang), 14.0, book.number),
        (word("coverage", lang), 12.0, book.share),
        (word("estimated", lang), 12.0, book.share),
        ("peak kW" if lang == "en" else "最大负荷 kW", 14.0, book.fine),
        ("base kW" if lang == "en" else "基础负荷 kW", 14.0, book.fine),
    ]
    book.table(word("day", lang), columns, days)
    holes: list[list[Cell]] = [
        [carrier_name(gap.carrier, lang), gap.first.isoformat(), gap.last.isoformat(), gap.coverage]
        for gap in audit.gaps
    ]
    columns = [(word(key, lang), 14.0, text) for key in ("carrier", "first", "last")]
    book.table(
        word("gaps", lang).split("（")[0].split(" (")[0],
        [*columns, (word("coverage", lang), 12.0, book.share)],
        holes,
    )
    happened: list[list[Cell]] = [
        [each.at, each.meter, each.text] for each in (told(row, audit.building, lang) for row in audit.events)
    ]
    columns = [(word(key, lang), width, text) for key, width in (("time", 18.0), ("meter", 24.0))]
    book.table(word("events", lang), [*columns, (word("event", lang), 100.0, wide)], happened)
    found: list[list[Cell]] = [[say(hint.text, lang), hint.kwh_a] for hint in audit.hints]
    book.table(word("hints", lang), [(word("hints", lang), 110.0, wide), ("kWh/a", 14.0, book.number)], found)
    factors: list[list[Cell]] = [
        [f.id, kind_name(f.kind, lang), f.value, f.unit, f.year, f.source, confidence(f.confidence, lang)]
        for f in factors_of(audit)
    ]
    keys = (("id", 24.0), ("kind", 14.0), ("value", 12.0), ("unit", 16.0), ("year", 8.0), ("source", 80.0))
    columns = [(word(key, lang), width, text) for key, width in (*keys, ("confidence", 20.0))]
    book.table(word("factors", lang), columns, factors)
    return book.done()


def _months(book: Book, audit: Audit, lang: Lang) -> None:
    items, others = items_of(audit), others_of(audit)
    lines: list[list[Cell]] = [
        [
            str(account.period),
            *parts_of(account, items),
            *(next((u.energy for u in account.uses if u.carrier == carrier), None) for carrier in others),
            account.kwh,
            account.kgce,
            account.kgco2,
            account.coverage,
        ]
        for account in audit.months
    ]
    columns = [
        (word("month", lang), 12.0, book.text),
        *((f"{label} kWh", 16.0, book.number) for label in labels_of(items, lang)),
        *((carrier_head(each, lang), 14.0, book.number) for each in others),
        (f"{word('energy', lang)} kWh", 16.0, book.number),
        ("kgce", 14.0, book.number),
        ("kgCO₂", 14.0, book.number),
        (word("coverage", lang), 12.0, book.share),
    ]
    book.table(word("month", lang), columns, lines)
