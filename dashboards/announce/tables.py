"""The announcement as data: CSV, XLSX and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import fields

import orjson
from xlsxwriter.format import Format

from dashboards.announce import words
from dashboards.announce.model import Announcement, Entry, Verdict
from dashboards.boards.words import Lang
from dashboards.workbook import Book, Cell


def _official(entry: Entry, lang: Lang) -> str:
    yes = entry.carbon_official and all(each.official for each in entry.verdicts)
    return ("是" if yes else "否") if lang == "zh" else ("yes" if yes else "no")


def _of(get: Callable[[Verdict], Cell]) -> Callable[[Entry, Lang], Cell]:
    return lambda entry, lang: get(entry.worst) if entry.worst else None


COLUMNS: tuple[tuple[str, str, Callable[[Entry, Lang], Cell]], ...] = (
    ("code", "factor_id", lambda e, _: e.code),
    ("name", "name", lambda e, lang: words.say(e.name, lang)),
    ("type", "type", lambda e, lang: words.type_name(e.type, lang)),
    ("county", "county", lambda e, lang: words.say(e.county, lang)),
    ("owner", "owner", lambda e, _: e.owner),
    ("operator", "operator", lambda e, _: e.operator),
    ("address", "address", lambda e, _: e.address),
    ("year_built", "year_built", lambda e, _: e.year_built),
    ("area_m2", "area", lambda e, _: e.area_m2),
    ("energy_kwh", "energy", lambda e, _: e.kwh),
    ("electricity_kwh", "electricity", lambda e, _: e.electricity_kwh),
    ("eui_kwh_m2", "eui", lambda e, _: e.eui),
    ("rank_energy", "rank", lambda e, _: e.rank_energy),
    ("grade_energy", "energy_grade", lambda e, _: e.grade_energy.letter if e.grade_energy else None),
    ("change_eui", "change", lambda e, _: e.change_eui),
    ("carbon_kgco2", "carbon", lambda e, _: e.kgco2),
    ("carbon_green_power_kgco2", "green_power", lambda e, _: e.kgco2_green_power),
    ("carbon_net_of_nonfossil_kgco2", "net_of_nonfossil", lambda e, _: e.kgco2_net_of_nonfossil),
    ("carbon_kgco2_m2", "intensity", lambda e, _: e.kgco2_m2),
    ("grade_carbon", "carbon_grade", lambda e, _: e.grade_carbon.letter if e.grade_carbon else None),
    ("scheme", "scheme", _of(lambda v: v.scheme)),
    ("basis", "basis", _of(lambda v: v.basis)),
    ("limit", "limit", _of(lambda v: v.limit)),
    ("quota_period", "quota_period", _of(lambda v: v.period)),
    ("share_of_limit", "quota_share", _of(lambda v: v.share)),
    ("expected_share", "expected", _of(lambda v: v.expected_share)),
    ("forecast_share", "forecast", _of(lambda v: v.forecast_share)),
    ("renewable_share", "renewable_share", lambda e, _: e.renewable_share),
    ("coverage", "own_coverage", lambda e, _: e.coverage),
    ("estimated", "estimated", lambda e, _: e.estimated),
    ("official", "official", _official),
)
"""Column id, key of its words, value. The ids head the CSV, the words head the workbook."""

SHARES = {
    "change_eui",
    "share_of_limit",
    "expected_share",
    "forecast_share",
    "renewable_share",
    "coverage",
    "estimated",
}
INTENSITIES = {"eui_kwh_m2", "carbon_kgco2_m2"}


def render_csv(announcement: Announcement, lang: Lang) -> bytes:
    """One row a counted building; UTF-8 with a byte order mark, which Excel needs for Chinese."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([name for name, _, _ in COLUMNS])
    for entry in announcement.entries:
        writer.writerow([_plain(get(entry, lang)) for _, _, get in COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def _plain(value: Cell) -> Cell:
    """Cells that a spreadsheet would run as a formula are made text."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1000 else value


def render_json(announcement: Announcement) -> bytes:
    """The whole announcement as data, both languages."""
    body = {each.name: getattr(announcement, each.name) for each in fields(announcement)}
    method = announcement.method
    body["period"] = str(announcement.period)
    body["method"] = {each.name: getattr(method, each.name) for each in fields(method)} | {
        "grades": method.grades.model_dump()
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def _style(book: Book, name: str) -> Format:
    if name in SHARES:
        return book.share
    if name in INTENSITIES:
        return book.fine
    return book.text if name in {"year_built", "rank_energy"} else book.number


def render_xlsx(announcement: Announcement, lang: Lang) -> bytes:
    """Workbook: summary, ranking, insufficient data, factors."""
    book = Book()
    _summary(book, announcement, lang)
    heads = [words.word(key, lang) for _, key, _ in COLUMNS]
    sheet = book.sheet(
        words.word("ranking", lang), heads, [24 if n in {"name", "scheme"} else 14 for n, _, _ in COLUMNS]
    )
    columns = [(column, get, _style(book, name)) for column, (name, _, get) in enumerate(COLUMNS)]
    for row, entry in enumerate(announcement.entries, start=1):
        for column, get, style in columns:
            book.put(sheet, row, column, get(entry, lang), style)
    sheet.autofilter(0, 0, max(1, len(announcement.entries)), len(COLUMNS) - 1)
    sheet = book.sheet(
        words.word("insufficient", lang),
        [words.word(key, lang) for key in ("factor_id", "name", "type", "own_coverage", "reason")],
        [14, 24, 16, 12, 50],
    )
    for row, left in enumerate(announcement.insufficient, start=1):
        cells: list[Cell] = [
            left.code,
            words.say(left.name, lang),
            words.type_name(left.type, lang),
            left.coverage,
            words.say(left.reason, lang),
        ]
        for column, cell in enumerate(cells):
            book.put(sheet, row, column, cell, book.share if column == 3 else book.text)
    _factors(book, announcement, lang)
    return book.done()


def _summary(book: Book, announcement: Announcement, lang: Lang) -> None:
    totals = announcement.totals
    sheet = book.file.add_worksheet(words.word("summary", lang)[:31])
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 7, 18)
    sheet.write(0, 0, f"{words.say(announcement.region_name, lang)} {words.word('title', lang)}", book.title)
    facts: list[tuple[str, Cell, Format]] = [
        ("number", announcement.number or words.word("draft", lang), book.text),
        ("issuer", words.say(announcement.issuer, lang), book.text),
        ("issued", announcement.issued_on.isoformat(), book.text),
        ("period", str(announcement.period), book.text),
        ("counted", totals.counted, book.number),
        ("area", totals.area_m2, book.number),
        ("energy", totals.kwh, book.number),
        ("electricity", totals.electricity_kwh, book.number),
        ("eui", totals.eui, book.fine),
        ("carbon", totals.kgco2, book.number),
        ("intensity", totals.kgco2_m2, book.fine),
        ("over", totals.over, book.number),
        ("coverage", totals.coverage, book.share),
        ("change", totals.change_eui, book.share),
    ]
    for row, (key, value, style) in enumerate(facts, start=2):
        sheet.write(row, 0, words.word(key, lang), book.head)
        book.put(sheet, row, 1, value, style)
    top = len(facts) + 4
    keys = ("type", "count", "area", "energy", "mean_eui", "carbon", "mean_carbon", "over")
    sheet.write_row(top, 0, [words.word(key, lang) for key in keys], book.head)
    for row, group in enumerate(announcement.types, start=top + 1):
        cells: list[tuple[Cell, Format]] = [
            (words.type_name(group.type, lang), book.text),
            (group.count, book.number),
            (group.area_m2, book.number),
            (group.kwh, book.number),
            (group.mean_eui, book.fine),
            (group.kgco2, book.number),
            (group.mean_kgco2_m2, book.fine),
            (group.over, book.number),
        ]
        for column, (cell, style) in enumerate(cells):
            book.put(sheet, row, column, cell, style)


def _factors(book: Book, announcement: Announcement, lang: Lang) -> None:
    keys = ("factor_id", "kind", "value", "unit", "year", "source", "confidence")
    sheet = book.sheet(
        words.word("factors", lang), [words.word(key, lang) for key in keys], [26, 14, 12, 18, 8, 70, 22]
    )
    for row, factor in enumerate(announcement.method.factors, start=1):
        cells: list[Cell] = [
            factor.id,
            words.kind_name(factor.kind, lang),
            factor.value,
            factor.unit,
            factor.year,
            factor.source,
            words.confidence(factor.confidence, lang),
        ]
        for column, cell in enumerate(cells):
            book.put(sheet, row, column, cell, book.wrap if column == 5 else book.text)
