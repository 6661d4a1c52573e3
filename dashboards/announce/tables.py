"""The announcement as data: CSV, XLSX and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import fields

import orjson

from dashboards.announce import words
from dashboards.announce.html import edges, notes, remarks_of
from dashboards.announce.model import Announcement, Verdict
from dashboards.boards.words import Lang
from dashboards.workbook import Book, Cell, Column, Kind
from drivers.carrier import UNIT, Carrier
from rules.model import Factor

BEFORE: tuple[tuple[str, str, str, Kind], ...] = (
    ("code", "factor_id", "", "text"),
    ("name", "name", "", "text"),
    ("type", "type", "", "text"),
    ("county", "county", "", "text"),
    ("owner", "owner", "", "text"),
    ("operator", "operator", "", "text"),
    ("address", "address", "", "text"),
    ("year_built", "year_built", "", "plain"),
    ("area_m2", "area", "m²", "whole"),
    ("heated_area_m2", "heated_area", "m²", "whole"),
    ("special_area_m2", "special_area", "m²", "whole"),
    ("energy_kwh", "energy", "kWh", "whole"),
    ("energy_kgce", "energy_kgce", "kgce", "whole"),
)
AFTER: tuple[tuple[str, str, str, Kind], ...] = (
    ("eui_kwh_m2", "eui", "kWh/m²", "fine"),
    ("rank_energy", "rank", "", "plain"),
    ("grade_energy", "energy_grade", "", "text"),
    ("change_eui", "change", "", "change"),
    ("carbon_kgco2", "carbon", "kgCO₂", "whole"),
    ("carbon_green_power_kgco2", "green_power", "kgCO₂", "whole"),
    ("carbon_net_of_nonfossil_kgco2", "net_of_nonfossil", "kgCO₂", "whole"),
    ("carbon_kgco2_m2", "intensity", "kgCO₂/m²", "fine"),
    ("rank_carbon", "rank_carbon", "", "plain"),
    ("grade_carbon", "carbon_grade", "", "text"),
    ("change_kgco2_m2", "change_carbon", "", "change"),
    ("scheme", "scheme_id", "", "text"),
    ("scheme_name", "scheme", "", "text"),
    ("basis", "basis", "", "text"),
    ("quota_period", "quota_period", "", "text"),
    ("used", "used", "", "whole"),
    ("limit", "limit", "", "whole"),
    ("unit", "unit", "", "text"),
    ("share_of_limit", "quota_share", "", "share"),
    ("expected_share", "expected", "", "share"),
    ("forecast_share", "forecast", "", "share"),
    ("renewable_share", "renewable_share", "", "share"),
    ("coverage", "own_coverage", "", "share"),
    ("estimated", "estimated", "", "share"),
    ("official", "official", "", "text"),
)
"""Column id, key of its words, unit, look. The ids head the CSV, words and unit the workbook. Between BEFORE
and AFTER stands a column for every carrier; the quota is the one that goes fastest."""
WIDE = {"name": 26.0, "scheme_name": 30.0, "owner": 20.0, "operator": 20.0, "address": 24.0}


def carriers(announcement: Announcement) -> list[str]:
    return [use.carrier for use in announcement.totals.uses]


def _rows(announcement: Announcement, lang: Lang, ids: bool) -> Iterator[list[Cell]]:
    """The cells of every counted building, in the columns' order. ids: a quota's basis by its id."""
    zh = lang == "zh"
    yes, no = ("是", "否") if zh else ("yes", "no")
    found = carriers(announcement)
    for group in announcement.types:
        kind = words.type_name(group.type, lang)
        for e in group.entries:
            uses = {use.carrier: use.energy for use in e.uses}
            v = e.worst
            confirmed = e.carbon_official and all(each.official for each in e.verdicts)
            yield [
                e.code, e.name.zh if zh else e.name.en, kind, e.county.zh if zh else e.county.en, e.owner,
                e.operator, e.address, e.year_built, e.area_m2, e.heated_area_m2, e.special_area_m2 or None,
                e.kwh, e.kgce, *map(uses.get, found), e.eui, e.rank_energy,
                e.grade_energy.letter if e.grade_energy else None, e.change_eui, e.kgco2,
                e.kgco2_green_power, e.kgco2_net_of_nonfossil, e.kgco2_m2, e.rank_carbon,
                e.grade_carbon.letter if e.grade_carbon else None, e.change_kgco2_m2,
                *(_quota(v, lang, ids) if v else (None,) * 10),
                e.renewable_share, e.coverage, e.estimated, yes if confirmed else no,
            ]  # fmt: skip


def _quota(verdict: Verdict, lang: Lang, ids: bool) -> tuple[Cell, ...]:
    return (
        verdict.scheme, words.say(verdict.scheme_name, lang),
        verdict.basis if ids else words.basis_name(verdict.basis, lang), verdict.period, verdict.used,
        verdict.limit, verdict.unit if ids else words.unit_text(verdict.unit, lang), verdict.share,
        verdict.expected_share, verdict.forecast_share,
    )  # fmt: skip


def render_csv(announcement: Announcement, lang: Lang) -> bytes:
    """One row a counted building; UTF-8 with a byte order mark, which Excel needs for Chinese."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    native = [f"{each}_{UNIT[Carrier(each)]}" for each in carriers(announcement)]
    writer.writerow([*(each[0] for each in BEFORE), *native, *(each[0] for each in AFTER)])
    writer.writerows([_plain(cell) for cell in row] for row in _rows(announcement, lang, True))
    return text.getvalue().encode("utf-8-sig")


def _plain(value: Cell) -> Cell:
    """Six digits of small numbers; what a spreadsheet would run as a formula is made text."""
    if value.__class__ is float:
        assert value is not None
        return f"{value:.6g}" if -1000 < value < 1000 else value
    if value.__class__ is str and value[:1] in _RUN:
        return f"'{value}"
    return value


_RUN = frozenset("=+-@\t\r")


def render_json(announcement: Announcement) -> bytes:
    """The whole announcement as data, both languages."""
    body = {each.name: getattr(announcement, each.name) for each in fields(announcement)}
    method = announcement.method
    body["period"] = str(announcement.period)
    body["method"] = {each.name: getattr(method, each.name) for each in fields(method)} | {
        "grades": method.grades.model_dump()
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def render_xlsx(announcement: Announcement, lang: Lang) -> bytes:
    """Workbook: summary, ranking, quotas passed, insufficient data, method, factors."""
    say, word = words.say, words.word
    title = f"{say(announcement.region_name, lang)} {words.period_text(announcement.period, lang)} "
    number = announcement.number or word("draft", lang)
    book = Book(
        title + word("title", lang),
        say(announcement.issuer, lang),
        announcement.issued_on,
        f"{word('number', lang)} {number}",
    )
    _summary(book, announcement, lang)
    native = [Column(words.carrier_head(each, lang), 14, "whole") for each in carriers(announcement)]
    columns = [
        [Column(_head(key, unit, lang), WIDE.get(name, 13.0), kind) for name, key, unit, kind in part]
        for part in (BEFORE, AFTER)
    ]
    book.table(
        word("ranking", lang), [*columns[0], *native, *columns[1]], _rows(announcement, lang, False), held=2
    )
    _over(book, announcement, lang)
    rows: list[list[Cell]] = [
        [
            left.code,
            say(left.name, lang),
            words.type_name(left.type, lang),
            say(left.county, lang),
            left.coverage,
            say(left.reason, lang),
        ]
        for left in announcement.insufficient
    ]
    keys: tuple[tuple[str, float, Kind], ...] = (
        *(("factor_id", 14.0, "text"), ("name", 26.0, "text"), ("type", 16.0, "text")),
        *(("county", 14.0, "text"), ("own_coverage", 12.0, "share"), ("reason", 46.0, "wrap")),
    )
    book.table(
        word("insufficient", lang), [Column(word(key, lang), width, kind) for key, width, kind in keys], rows
    )
    _method(book, announcement, lang)
    return book.done()


def _head(key: str, unit: str, lang: Lang) -> str:
    return f"{words.word(key, lang)} {unit}" if unit else words.word(key, lang)


def _summary(book: Book, announcement: Announcement, lang: Lang) -> None:
    word, totals = words.word, announcement.totals
    page = book.page(word("summary", lang), [30, 16, 16, 16, 16, 16, 16, 12])
    name = words.say(announcement.region_name, lang)
    page.title(f"{name}{'' if lang == 'zh' else ': '}{word('title', lang)}")
    page.gap()
    facts: list[tuple[str, Cell, Kind, str]] = [
        (word("number", lang), announcement.number or word("draft", lang), "text", ""),
        (word("issuer", lang), words.say(announcement.issuer, lang), "text", ""),
        (word("issued", lang), words.date_text(announcement.issued_on, lang), "text", ""),
        (word("period", lang), words.period_text(announcement.period, lang), "text", ""),
        (word("counted", lang), totals.counted, "whole", word("of_listed", lang, totals.listed)),
        (word("area", lang), totals.area_m2, "whole", "m²"),
        (word("energy", lang), totals.kwh, "whole", "kWh"),
        (word("energy_kgce", lang), totals.kgce, "whole", "kgce"),
        *(
            (words.carrier_name(use.carrier, lang), use.energy, "whole", words.unit_text(use.unit))
            for use in totals.uses
        ),
        (word("eui", lang), totals.eui, "fine", "kWh/m²"),
        (word("change", lang), totals.change_eui, "change", ""),
        (word("carbon", lang), totals.kgco2, "whole", "kgCO₂"),
        (word("intensity", lang), totals.kgco2_m2, "fine", "kgCO₂/m²"),
        (word("change_carbon", lang), totals.change_kgco2_m2, "change", ""),
        (word("over", lang), totals.over, "whole", word("over_note", lang, totals.over_official)),
        (word("coverage", lang), totals.coverage, "share", ""),
    ]
    for head, value, kind, unit in facts:
        page.line((head, "text"), (value, kind), (unit, "text"))
    page.gap()
    keys = (
        *(("type", ""), ("count", ""), ("area", "m²"), ("energy", "kWh"), ("mean_eui", "kWh/m²")),
        *(("carbon", "kgCO₂"), ("mean_carbon", "kgCO₂/m²"), ("over_short", "")),
    )
    page.heads(_head(key, unit, lang) for key, unit in keys)
    for group in announcement.types:
        page.line(
            (words.type_name(group.type, lang), "text"),
            (group.count, "whole"),
            (group.area_m2, "whole"),
            (group.kwh, "whole"),
            (group.mean_eui, "fine"),
            (group.kgco2, "whole"),
            (group.mean_kgco2_m2, "fine"),
            (group.over, "whole"),
        )
    page.gap()
    if announcement.corrects:
        why = words.say(announcement.correction, lang)
        page.note(f"{word('corrects_note', lang, announcement.corrects)} {why}")
    said = [word("partly_named_note" if announcement.named else "anonymous_note", lang)]
    if not announcement.official:
        said.append(word("unofficial_data", lang))
    for line in (*said, *notes(announcement, lang)):
        page.note(line)


def _over(book: Book, announcement: Announcement, lang: Lang) -> None:
    """Every quota that was passed or will be."""
    word, say, remarks = words.word, words.say, remarks_of(announcement, lang)
    between = "；" if lang == "zh" else "; "
    listed = [(e, v, "over_short") for e in announcement.over for v in e.over]
    listed += [(e, v, "heading_short") for e in announcement.heading_over for v in e.heading_over]
    rows: list[list[Cell]] = [
        [
            word(what, lang), e.code, say(e.name, lang), words.type_name(e.type, lang),
            say(v.scheme_name, lang), words.basis_name(v.basis, lang), v.period, v.used, v.limit,
            words.unit_text(v.unit), v.value, v.limit_value, words.unit_text(v.metric_unit, lang),
            v.share, v.expected_share, v.forecast_share, v.penalty, v.penalty_unit if v.penalty else None,
            word("yes" if v.official else "no", lang),
            between.join((*remarks(e), *(say(each, lang) for each in v.reasons))),
        ]
        for e, v, what in listed
    ]  # fmt: skip
    columns: tuple[tuple[str, float, Kind], ...] = (
        *(
            ("level", 12.0, "text"),
            ("factor_id", 13.0, "text"),
            ("name", 26.0, "text"),
            ("type", 14.0, "text"),
        ),
        *(("scheme", 30.0, "text"), ("basis", 14.0, "text"), ("quota_period", 11.0, "text")),
        *(
            ("used", 14.0, "whole"),
            ("limit", 14.0, "whole"),
            ("unit", 9.0, "text"),
            ("metric", 11.0, "exact"),
        ),
        *(("limit_value", 11.0, "exact"), ("unit", 16.0, "text"), ("share", 10.0, "share")),
        *(("expected", 10.0, "share"), ("forecast", 10.0, "share"), ("penalty", 12.0, "whole")),
        *(("unit", 8.0, "text"), ("official", 11.0, "text"), ("reasons", 40.0, "wrap")),
    )
    book.table(
        word("over_list", lang)[:31],
        [Column(word(key, lang), width, kind) for key, width, kind in columns],
        rows,
        held=3,
    )


def _method(book: Book, announcement: Announcement, lang: Lang) -> None:
    word, method = words.word, announcement.method
    grades, place = method.grades, 0 if lang == "zh" else 1
    page = book.page(word("method", lang), [14, 24, 34, 34])
    limit = words.percent(method.coverage_limit, 0)
    for line in words.FORMULA:
        page.note(words.say(line, lang).replace("{limit}", limit))
    page.gap()
    page.line((f"{word('grades', lang)}{'：' if lang == 'zh' else ': '}{grades.name[1 - place]}", "text"))
    page.heads([word("grade", lang), word("meaning", lang), *(word(step.mode, lang) for step in grades.step)])
    ranges = [edges(grades, step) for step in grades.step]
    for index, letter in enumerate(grades.letters):
        meaning = grades.words[index][1 - place]
        page.line((letter, "text"), (meaning, "text"), *((each[index], "text") for each in ranges))
    page.note(grades.source_zh if lang == "zh" else grades.source)
    rows: list[list[Cell]] = [
        [
            words.standard_name(each, lang),
            each.id,
            words.source_text(each.source, lang),
            words.confidence(each.confidence, lang),
        ]
        for each in method.schemes
    ]
    keys = (("scheme", 50.0), ("factor_id", 22.0), ("source", 60.0), ("confidence", 18.0))
    book.table(word("standards", lang), [Column(word(key, lang), width, "wrap") for key, width in keys], rows)
    factor_sheet(book, method.factors, lang)


def factor_sheet(book: Book, factors: Iterable[Factor], lang: Lang) -> None:
    """The factors and limits behind the figures, each with its source."""
    rows: list[list[Cell]] = [
        [
            factor.id,
            words.kind_name(factor.kind, lang),
            factor.value,
            words.unit_text(factor.unit, lang),
            factor.year,
            words.source_text(factor.source, lang),
            words.tell(factor.fallback, lang),
            words.confidence(factor.confidence, lang),
        ]
        for factor in factors
    ]
    columns: tuple[tuple[str, float, Kind], ...] = (
        *(
            ("factor_id", 24.0, "text"),
            ("kind", 14.0, "text"),
            ("value", 12.0, "exact"),
            ("unit", 14.0, "text"),
        ),
        *(
            ("year", 8.0, "text"),
            ("source", 60.0, "wrap"),
            ("note", 30.0, "wrap"),
            ("confidence", 16.0, "text"),
        ),
    )
    book.table(
        words.word("factors", lang),
        [Column(words.word(key, lang), width, kind) for key, width, kind in columns],
        rows,
    )
