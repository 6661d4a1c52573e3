"""One self-contained HTML file a language: no request to anywhere, prints on A4."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.resources import files
from itertools import pairwise
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from dashboards.announce import words
from dashboards.announce.anonymity import LEAST, POOL
from dashboards.announce.grades import Graded, GradeScheme, Step
from dashboards.announce.model import Announcement, Entry
from dashboards.boards.words import Lang
from rules.explain import number as short
from rules.period import Period

CHAINS = 50
"""Most buildings whose chain is printed; the JSON file has all."""
SECTIONS = ("summary", "by_type", "ranking", "over_list", "insufficient", "method")
_NUMERALS = "一二三四五六"
_VARIABLE = re.compile(r"var\((--\w+)\)")


def _read(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text("utf-8")


_STYLE = _read("announcement.css")
_COLOURS = dict(re.findall(r"(--\w+): ([^;]+);", _STYLE))


@cache
def _template() -> Template:
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.from_string(_read("announcement.html.j2"))


def style(paper: bool, left: str = "", lang: Lang = "en") -> Markup:
    """The page's style sheet; for paper without what only browsers understand.

    left: stands at the foot of every printed page, beside the page's number.
    """
    sheet = _STYLE
    if paper:
        sheet = _VARIABLE.sub(lambda found: _COLOURS[found[1]], sheet)
    before, between, after = words.word("page", lang, "\0", "\0").split("\0")
    font = 'font: 8pt "Noto Sans", "Noto Sans CJK SC", sans-serif; color: #59636e;'
    foot = (
        f"@page {{ @bottom-left {{ content: {_quoted(left)}; {font} }} @bottom-right {{ content: "
        f"{_quoted(before)} counter(page) {_quoted(between)} counter(pages) {_quoted(after)}; "
        f"white-space: nowrap; {font} }} }}"
    )
    return Markup(sheet + foot if paper else sheet + foot + _read("browser.css"))


def _quoted(text: str) -> str:
    """Text as a string of CSS that cannot end the string or the style element."""
    return '"' + re.sub(r'["\\<>\n\r]', lambda found: f"\\{ord(found[0]):x} ", text) + '"'


def bar(share: float, place: int | None, mean: float | None, paper: bool) -> str:
    """A horizontal bar of a `share` of the width in the colour of a grade, with a thin line at the mean.

    On paper it is one gradient with hard edges: elements, and sized backgrounds, cost seconds there.
    """
    if not paper:
        tone = "" if place is None else f" t{min(place, 6)}"
        line = "" if mean is None else f";--m:{100 * mean:.1f}%"
        return f'<i class="bar{tone}" style="--v:{100 * share:.1f}%{line}"></i>'
    tone, end = _COLOURS["--plain" if place is None else f"--t{min(place, 6)}"], 100 * share
    stops = [(tone, end), (_COLOURS["--track"], 100.0)]
    if mean is not None:
        at, ink = 98 * mean, _COLOURS["--ink"]
        before = [(colour, min(edge, at)) for colour, edge in stops]
        stops = [*before[: 1 + (at > end)], (ink, at + 2), *(stop for stop in stops if stop[1] > at + 2)]
    start, parts = 0.0, []
    for colour, edge in stops:
        parts.append(f"{colour} {start:.1f}%,{colour} {edge:.1f}%")
        start = edge
    return f'<i class="bar" style="background:linear-gradient(90deg,{",".join(parts)}) no-repeat"></i>'


def edges(scheme: GradeScheme, step: Step) -> list[str]:
    """Each grade's range in words of numbers, best first."""
    shown = [
        f"{edge:.0%}" if step.mode.startswith(("percentile", "ratio")) else f"{edge:g}" for edge in step.edges
    ]
    if step.mode == "score_high_good":
        return [
            f"≥ {shown[0]}",
            *(f"{low} – < {high}" for high, low in pairwise(shown)),
            f"< {shown[-1]}",
        ]
    return [
        f"≤ {shown[0]}",
        *(f"> {low} – {high}" for low, high in pairwise(shown)),
        f"> {shown[-1]}",
    ]


def remarks_of(announcement: Announcement, lang: Lang) -> Callable[[Entry], list[str]]:
    """What the figures say of a building over its quota."""
    means = {group.type: group for group in announcement.types if group.count > 1 and group.type != POOL}

    def remarks(entry: Entry) -> list[str]:
        found = []
        group = means.get(entry.type)
        if group and entry.eui > group.mean_eui > 0:
            above = words.percent(entry.eui / group.mean_eui - 1, 0)
            found.append(words.word("above_mean", lang, above))
        if entry.change_eui is not None and entry.change_eui > 0:
            found.append(words.word("more_than_last", lang, words.percent(entry.change_eui)))
        return found

    return remarks


def _ranking(announcement: Announcement, lang: Lang, detail: int | None, paper: bool) -> Iterator[str]:
    """The ranking's rows: a province has tens of thousands, more than a template should write."""
    tag = f'<span class="tag">{words.word("over_short", lang)}</span>'
    county = cache(lambda text: f" · {escape(text)}" if text else "")
    for group in announcement.types:
        many = words.word("peers", lang, words.number(group.count))
        count = words.word("peers_one", lang) if group.count == 1 else many
        mean = words.word("group_mean", lang, words.number(group.mean_eui, 1))
        yield (
            f'<tbody>\n<tr class="group"><th colspan="10" scope="rowgroup">'
            f"{escape(words.type_name(group.type, lang))}<small>{count} · {mean}</small></th></tr>\n"
        )
        eui = max((entry.eui for entry in group.entries), default=0.0) or 1.0
        carbon = max((entry.kgco2_m2 for entry in group.entries), default=0.0) or 1.0
        several = group.count > 1
        eui_mean = group.mean_eui / eui if several else None
        carbon_mean = group.mean_kgco2_m2 / carbon if several else None
        for entry in group.entries[:detail]:
            over = any(each.over for each in entry.verdicts)
            name = escape(entry.name.zh if lang == "zh" else entry.name.en)
            where = county(entry.county.zh if lang == "zh" else entry.county.en)
            under = f"{tag if over else ''}{escape(entry.building)}{where if entry.building else ''}"
            yield (
                f'<tr{" class=over" if over else ""}><td class="n">{_dash(entry.rank_energy)}</td>'
                f"<td>{name}{f'<small>{under}</small>' if under else ''}</td>"
                f'<td class="n">{_dash(entry.area_m2, ",.0f")}</td>'
                f"<td>{entry.eui:,.1f}"
                f"{bar(entry.eui / eui, _place(entry.grade_energy), eui_mean, paper)}</td>"
                f"{_mark(entry.grade_energy)}"
                f"<td>{entry.kgco2_m2:,.1f}{'' if entry.carbon_official else '‡'}"
                f"{bar(entry.kgco2_m2 / carbon, _place(entry.grade_carbon), carbon_mean, paper)}</td>"
                f"{_mark(entry.grade_carbon)}"
                f'<td class="n">{_share(entry, lang)}</td>{_changed(entry.change_eui)}'
                f'<td class="n">{entry.coverage:.1%}</td></tr>\n'
            )
        if detail and group.count > detail:
            rest = words.word("first_of", lang, words.number(detail), words.number(group.count))
            yield f'<tr><td colspan="10" class="rest">{rest}</td></tr>\n'
        yield "</tbody>\n"


def _dash(value: float | None, form: str = "") -> str:
    return "–" if value is None else format(value, form)


def _place(graded: Graded | None) -> int | None:
    return None if graded is None else graded.place


@cache
def _badge(place: int, letter: str) -> str:
    return f'<td class="mark g{min(place, 6)}">{escape(letter)}</td>'


def _mark(graded: Graded | None) -> str:
    """A cell with a grade's letter on its colour."""
    return "<td>–</td>" if graded is None else _badge(graded.place, graded.letter)


def _share(entry: Entry, lang: Lang) -> str:
    """Share of the quota that goes fastest, and where its year stands."""
    worst = entry.worst
    if worst is None or worst.share is None:
        return "–"
    mark = "" if worst.official else "‡"
    if not worst.expected_share:
        return f"{worst.share:.0%}{mark}"
    return f"{worst.share:.0%}{mark}<small>{_expected(round(worst.expected_share * 100), lang)}</small>"


@cache
def _expected(percent: int, lang: Lang) -> str:
    return words.word("expected_short", lang, f"{percent}%")


def _changed(value: float | None) -> str:
    if value is None:
        return '<td class="n">–</td>'
    return f'<td class="n {"up" if value > 0 else "down"}">{words.signed(value)}</td>'


def heading(key: str, lang: Lang) -> str:
    """A section's heading with its number."""
    place = SECTIONS.index(key)
    text = words.word(key, lang)
    return f"{_NUMERALS[place]}、{text}" if lang == "zh" else f"{place + 1} {text}"


def big(kwh: float, lang: Lang) -> str:
    """An amount of energy in 万 kWh, in English in MWh."""
    return words.number(kwh / 10_000, 1) if lang == "zh" else words.number(kwh / 1000)


def _lead(announcement: Announcement, lang: Lang) -> str:
    """The announcement in a paragraph."""
    totals, change = announcement.totals, announcement.totals.change_eui
    said = ""
    if change is not None:
        way = words.word("rose" if change > 0 else "fell", lang)
        said = words.word("lead_change", lang, way, words.percent(abs(change)))
    heading_over = len(announcement.heading_over)
    return words.WORDS["lead"][0 if lang == "zh" else 1].format(
        region=words.say(announcement.region_name, lang),
        period=words.period_text(announcement.period, lang),
        listed=words.number(totals.listed),
        counted=words.number(totals.counted),
        area=words.number(totals.area_m2 / (10_000 if lang == "zh" else 1000), 1),
        kwh=big(totals.kwh, lang),
        kgce=words.number(totals.kgce / 1000),
        eui=words.number(totals.eui, 1),
        change=said,
        kgco2=words.number(totals.kgco2 / 1000),
        kgco2_m2=words.number(totals.kgco2_m2, 1),
        over=words.number(totals.over),
        heading=words.word("lead_heading", lang, words.number(heading_over)) if heading_over else "",
    )


def notes(announcement: Announcement, lang: Lang) -> list[str]:
    """What must be said where buildings are not named."""
    found = []
    if any(not entry.building for entry in announcement.entries):
        found.append(words.word("coarse_note", lang))
    if any(not entry.building and entry.rank_energy is None for entry in announcement.entries):
        found.append(words.word("pooled_note", lang, LEAST))
    if announcement.withheld:
        found.append(words.word("withheld_note", lang, announcement.withheld))
    return found


@cache
def quota_period(text: str, lang: Lang) -> str:
    """The period of a quota as it is printed."""
    made = words.period_text(Period.parse(text), lang)
    return made.removeprefix("the year ")


def render_html(
    announcement: Announcement, lang: Lang, detail: int | None = None, *, paper: bool = False
) -> str:
    """The whole page. detail: most entries shown of a list; None shows all. paper: for `render_pdf`."""
    issued = words.date_text(announcement.issued_on, lang)
    number = announcement.number or words.word("draft", lang)
    grades = announcement.method.grades
    foot = f"{words.say(announcement.issuer, lang)} · {words.word('number', lang)} {number} · {issued}"
    functions: dict[str, Callable[..., str]] = {
        "say": words.say,
        "tell": words.tell,
        "type_name": words.type_name,
        "carrier_name": words.carrier_name,
        "basis_name": words.basis_name,
        "kind_name": words.kind_name,
        "standard_name": words.standard_name,
        "confidence": words.confidence,
        "source": words.source_text,
        "quota_period": quota_period,
        "heading": heading,
        "big": big,
    }
    helpers: dict[str, Any] = {name: partial(each, lang=lang) for name, each in functions.items()} | {
        "a": announcement,
        "t": announcement.totals,
        "grades": grades,
        "others": [
            (letter, key)
            for letter, key in ((grades.unsubmitted, "unsubmitted"), (grades.exempt, "exempt"))
            if letter
        ],
        "lang": lang,
        "detail": detail,
        "paper": paper,
        "style": style(paper, foot, lang),
        "sections": SECTIONS,
        "lead": _lead(announcement, lang),
        "notes": notes(announcement, lang),
        "ranking": Markup("".join(_ranking(announcement, lang, detail, paper))),
        "remarks": remarks_of(announcement, lang),
        "w": lambda key, *values: words.word(key, lang, *values),
        "period": words.period_text(announcement.period, lang),
        "issued": issued,
        "formula": words.FORMULA,
        "number": words.number,
        "percent": words.percent,
        "signed": words.signed,
        "bar": lambda value, most: Markup(bar(value / most if most else 0.0, None, None, paper)),
        "edges": edges,
        "unit_text": words.unit_text,
        "metric_number": words.metric_number,
        "short": short,
        "chains": min(detail or CHAINS, CHAINS),
    }
    return _template().render(helpers)
