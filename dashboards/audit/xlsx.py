"""The audit pack as a workbook."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.announce.chains import chain_of
from dashboards.announce.entries import standard_of
from dashboards.announce.tables import factor_sheet
from dashboards.announce.words import (
    basis_name,
    carrier_head,
    carrier_name,
    date_text,
    period_text,
    say,
    standard_name,
    unit_text,
)
from dashboards.audit.build import Audit
from dashboards.audit.html import (
    boundary,
    factors_of,
    item_name,
    items_of,
    labels_of,
    meter_rows,
    others_of,
    parts_of,
    weather_lines,
)
from dashboards.audit.words import word
from dashboards.boards.words import Lang
from dashboards.meter_events import told
from dashboards.workbook import Book, Cell, Column, Kind
from rules.model import LEVEL_WORDS, Account


def render_xlsx(audit: Audit, lang: Lang) -> bytes:
    """A sheet for everything the page shows, whole lists where the page prints only their beginning."""
    name = audit.building.name_zh if lang == "zh" else audit.building.name_en
    title = f"{name} {period_text(audit.period, lang)} {word('title', lang)}"
    book = Book(title, made=audit.made_on, note=date_text(audit.made_on, lang))
    _boundary(book, audit, lang, title)
    keys = ("name", "parent", "carrier", "role", "item", "code", "source", "start", "end", "measured")
    heads = ("meter", "part_of", "carrier", "role", "item", "item_id", "source", "start", "end", "measured")
    widths = (18.0, 14.0, 12.0, 12.0, 18.0, 10.0, 24.0, 24.0, 24.0, 30.0)
    book.table(
        word("meters", lang),
        [Column(word(head, lang), width) for head, width in zip(heads, widths, strict=True)],
        [[row[key] for key in keys] for row in meter_rows(audit, lang)],
        held=1,
    )
    _months(book, audit, lang)
    _compared(book, audit, lang)
    _quotas(book, audit, lang)
    usual = {each.day: each.expected for each in audit.unusual}
    days: list[list[Cell]] = [
        [
            row.day.isoformat(),
            row.energy,
            usual.get(row.day),
            row.energy / usual[row.day] - 1 if usual.get(row.day) else None,
            row.coverage,
            row.estimated,
            row.peak_kw,
            row.base_kw,
        ]
        for row in audit.days
    ]
    _table(
        book, "days", lang, days, ("day", 12.0, "text"), ("used_kwh", 14.0, "whole"),
        ("usual", 14.0, "whole"), ("difference", 10.0, "change"), ("coverage", 12.0, "share"),
        ("estimated", 12.0, "share"), ("peak", 14.0, "fine"), ("base", 14.0, "fine"),
    )  # fmt: skip
    holes: list[list[Cell]] = [
        [carrier_name(gap.carrier, lang), gap.first.isoformat(), gap.last.isoformat(), gap.coverage]
        for gap in audit.gaps
    ]
    _table(
        book, "gaps_short", lang, holes, ("carrier", 14.0, "text"), ("first", 14.0, "text"),
        ("last", 14.0, "text"), ("coverage", 12.0, "share"),
    )  # fmt: skip
    happened: list[list[Cell]] = [
        [each.at, each.meter, each.text] for each in (told(row, audit.building, lang) for row in audit.events)
    ]
    _table(
        book,
        "events",
        lang,
        happened,
        ("time", 18.0, "text"),
        ("meter", 24.0, "text"),
        ("event", 90.0, "wrap"),
    )
    found: list[list[Cell]] = [[say(hint.text, lang), hint.kwh_a] for hint in audit.hints]
    _table(book, "hints", lang, found, ("hints", 100.0, "wrap"), ("saving", 16.0, "whole"))
    factor_sheet(book, factors_of(audit), lang)
    return book.done()


def _table(
    book: Book, name: str, lang: Lang, rows: Sequence[Sequence[Cell]], *columns: tuple[str, float, Kind]
) -> None:
    book.table(word(name, lang), [Column(word(key, lang), width, kind) for key, width, kind in columns], rows)


def _boundary(book: Book, audit: Audit, lang: Lang, title: str) -> None:
    page, account = book.page(word("boundary", lang), [26, 18, 14, 14, 14, 14, 40]), audit.account
    page.title(title)
    page.gap()
    for head, value in boundary(audit, lang):
        page.line((head, "text"), (value, "text"))
    page.line((word("through", lang), "text"), (date_text(audit.through, lang), "text"))
    page.line((word("tables", lang), "text"), (account.tables_version, "text"))
    page.gap()
    facts: list[tuple[str, Cell, Kind, str]] = [
        ("energy", account.kwh, "whole", "kWh"),
        ("eui", account.eui_kwh_m2, "fine", "kWh/m²"),
        ("on_year", audit.change_kwh, "change", ""),
        ("carbon", account.kgco2, "whole", "kgCO₂"),
        ("coverage", account.coverage, "share", ""),
        ("estimated", account.estimated, "share", ""),
    ]
    if account.cost:
        facts.append(("cost", account.cost.total, "whole", account.cost.currency))
    pump = account.heat_pump
    if pump and pump.heat_kwh:
        facts += [
            ("heat", pump.heat_kwh, "whole", "kWh"),
            ("drawn", pump.electricity_kwh, "whole", "kWh"),
            ("spf", pump.spf, "exact", ""),
            ("renewable_heat", pump.renewable_kwh, "whole", "kWh"),
        ]
    for key, amount, kind, unit in facts:
        page.line((word(key, lang), "text"), (amount, kind), (unit, "text"))
    page.gap()
    page.heads(
        [
            *(word(key, lang) for key in ("carrier", "amount", "unit")),
            *("kWh", "kgce", "kgCO₂"),
            word("used_factors", lang),
        ]
    )
    for use in account.uses:
        page.line(
            (carrier_name(use.carrier, lang), "text"),
            (use.energy, "whole"),
            (unit_text(use.unit, lang), "text"),
            (use.kwh, "whole"),
            (use.kgce, "whole"),
            (use.kgco2, "whole"),
            (", ".join(use.factors), "text"),
        )


def _months(book: Book, audit: Audit, lang: Lang) -> None:
    items, others = items_of(audit), others_of(audit)

    def line(name: str, account: Account) -> list[Cell]:
        native = {use.carrier: use.energy for use in account.uses}
        return [
            name,
            *parts_of(account, items),
            *(native.get(carrier) for carrier in others),
            account.kwh,
            account.kgce,
            account.kgco2,
            account.coverage,
        ]

    columns = [
        Column(word("month", lang), 12.0),
        *(Column(f"{label} kWh", 16.0, "whole") for label in labels_of(items, lang)),
        *(Column(carrier_head(each, lang), 14.0, "whole") for each in others),
        Column(f"{word('energy', lang)} kWh", 16.0, "whole"),
        Column("kgce", 14.0, "whole"),
        Column("kgCO₂", 14.0, "whole"),
        Column(word("coverage", lang), 12.0, "share"),
    ]
    rows = [line(str(account.period), account) for account in audit.months]
    book.table(word("month", lang), columns, [*rows, line(word("total", lang), audit.account)], held=1)
    detail: list[list[Cell]] = [
        [str(account.period), item, item_name(item, lang), kwh]
        for account in audit.months
        for item, kwh in account.items.items()
    ]
    columns = [Column(word("month", lang), 12.0), Column(word("item_id", lang), 10.0)]
    columns += [Column(word("item", lang), 28.0), Column("kWh", 16.0, "whole")]
    book.table(word("item", lang), columns, detail)


def _compared(book: Book, audit: Audit, lang: Lang) -> None:
    page = book.page(word("baseline", lang), [14, 16, 16, 12, 16, 16, 16, 16])
    heads = [word(key, lang) for key in ("month", "this", "before", "on_year")]
    page.heads(
        [*heads, "HDD18", "CDD26", *(f"{name} {word('before_short', lang)}" for name in ("HDD18", "CDD26"))]
    )
    for each in audit.compared:
        now, then = each.degree_days or (None, None), each.degree_days_before or (None, None)
        page.line(
            (str(each.account.period), "text"),
            (each.account.kwh, "whole"),
            (each.before.kwh if each.before else None, "whole"),
            (each.change_kwh, "change"),
            *((value, "fine") for value in (*now, *then)),
        )
    page.gap()
    made = audit.baseline
    for text in weather_lines(made, lang) if made else [word("no_weather", lang)]:
        page.note(text)


def _quotas(book: Book, audit: Audit, lang: Lang) -> None:
    place = 1 if lang == "zh" else 0
    names = [standard_name(standard_of(made), lang) for made in audit.chain.judgements]
    rows: list[list[Cell]] = [
        [
            name, basis_name(made.basis, lang), made.used, made.limit, made.unit, made.value,
            made.limit_value, unit_text(made.metric_unit, lang), made.share,
            made.forecast.total / made.limit if made.forecast and made.limit else None,
            LEVEL_WORDS[made.level][place], " ".join(say(reason, lang) for reason in made.reasons),
        ]
        for name, made in zip(names, audit.chain.judgements, strict=True)
    ]  # fmt: skip
    _table(
        book, "quota", lang, rows, ("scheme", 34.0, "wrap"), ("basis", 14.0, "text"), ("used", 14.0, "whole"),
        ("limit", 14.0, "whole"), ("unit", 9.0, "text"), ("value", 12.0, "exact"), ("limit", 12.0, "exact"),
        ("unit", 16.0, "text"), ("share_of", 10.0, "share"), ("forecast", 12.0, "share"),
        ("verdict", 24.0, "text"), ("note", 50.0, "wrap"),
    )  # fmt: skip
    steps: list[list[Cell]] = [
        [
            name, basis_name(made.basis, lang), say(step.name, lang),
            unit_text(say(step.formula, lang), lang), step.value, unit_text(step.unit, lang),
            say(step.note, lang),
        ]
        for name, made in zip(names, audit.chain.judgements, strict=True)
        for step in chain_of(made)
    ]  # fmt: skip
    _table(
        book, "chain", lang, steps, ("scheme", 30.0, "text"), ("basis", 14.0, "text"), ("step", 24.0, "text"),
        ("formula", 44.0, "wrap"), ("value", 16.0, "exact"), ("unit", 16.0, "text"), ("note", 44.0, "wrap"),
    )  # fmt: skip
