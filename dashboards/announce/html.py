"""One self-contained HTML file a language: no request to anywhere, prints on A4."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from itertools import pairwise
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from dashboards.announce import words
from dashboards.announce.grades import Graded, GradeScheme, Step
from dashboards.announce.model import Announcement, Entry, TypeSummary, Verdict
from dashboards.boards.words import Lang
from rules.explain import number as short

_STYLE = (files(__package__) / "templates" / "announcement.css").read_text("utf-8")
_BROWSER = (files(__package__) / "templates" / "browser.css").read_text("utf-8")
_TEMPLATE = (files(__package__) / "templates" / "announcement.html.j2").read_text("utf-8")
CHAINS = 50
"""Most buildings whose chain is printed; the JSON file has all."""
_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


TONES = ("#009e73", "#56b4e9", "#d9c400", "#e69f00", "#d55e00", "#9c3f00", "#6b2a00")
"""Colours of the grades from best to worst, after Okabe and Ito; `announcement.css` has the same."""
PLAIN, TRACK, MEAN = "#0072b2", "#eef1f4", "#1b1f24"


def style(paper: bool) -> Markup:
    """The page's style sheet; for paper without what only browsers understand."""
    return Markup(_STYLE if paper else _STYLE + _BROWSER)


def bar(value: float, largest: float, place: int | None = None, mean: float | None = None) -> Markup:
    """A horizontal bar as inline SVG with a thin line at the mean. Colours are attributes: PDF needs it."""
    if largest <= 0:
        return Markup("")
    tone = PLAIN if place is None else TONES[min(place, len(TONES) - 1)]
    line = (
        ""
        if mean is None
        else f'<rect x="{100 * mean / largest - 0.4:.2f}" width="0.8" height="10" fill="{MEAN}"/>'
    )
    return Markup(
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="100" height="10" fill="{TRACK}"/>'
        f'<rect width="{100 * value / largest:.2f}" height="10" fill="{tone}"/>{line}</svg>'
    )


def badge(graded: Graded | None) -> Markup:
    """A grade's letter on its colour."""
    if graded is None:
        return Markup('<span class="none">–</span>')
    return Markup('<span class="grade g{}">{}</span>').format(min(graded.place, 6), graded.letter)


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
        *(f"{low} – {high}" for low, high in pairwise(shown)),
        f"> {shown[-1]}",
    ]


def _largest(group: TypeSummary) -> tuple[float, float]:
    return (
        max((entry.eui for entry in group.entries), default=0.0),
        max((entry.kgco2_m2 for entry in group.entries), default=0.0),
    )


def _mark(entry: Entry) -> str:
    worst = entry.worst
    return "‡" if worst is not None and not worst.official else ""


def _reasons(announcement: Announcement, lang: Lang) -> Callable[[Entry, Verdict], list[str]]:
    """What is said beside a building over its quota: what the figures show, then the rules' remarks."""
    means = {group.type: group for group in announcement.types if group.count > 1}

    def reasons(entry: Entry, verdict: Verdict) -> list[str]:
        found = []
        group = means.get(entry.type)
        if group and entry.eui > group.mean_eui > 0:
            above = words.percent(entry.eui / group.mean_eui - 1, 0)
            found.append(words.word("above_mean", lang, above))
        if entry.change_eui is not None and entry.change_eui > 0:
            found.append(words.word("more_than_last", lang, words.percent(entry.change_eui)))
        return [*found, *(words.say(reason, lang) for reason in verdict.reasons)]

    return reasons


def render_html(
    announcement: Announcement, lang: Lang, detail: int | None = None, *, paper: bool = False
) -> str:
    """The whole page. detail: most entries shown of a list; None shows all. paper: for `render_pdf`."""
    helpers: dict[str, Any] = {
        "a": announcement,
        "t": announcement.totals,
        "lang": lang,
        "detail": detail,
        "style": style(paper),
        "w": lambda key, *values: words.word(key, lang, *values),
        "say": lambda text: words.say(text, lang),
        "type_name": lambda kind: words.type_name(kind, lang),
        "carrier_name": lambda carrier: words.carrier_name(carrier, lang),
        "basis_name": lambda basis: words.basis_name(basis, lang),
        "kind_name": lambda kind: words.kind_name(kind, lang),
        "confidence": lambda text: words.confidence(text, lang),
        "period": words.period_text(announcement.period, lang),
        "issued": words.date_text(announcement.issued_on, lang),
        "formula": words.FORMULA,
        "number": words.number,
        "percent": words.percent,
        "signed": words.signed,
        "bar": bar,
        "badge": badge,
        "edges": edges,
        "largest": _largest,
        "mark": _mark,
        "reasons": _reasons(announcement, lang),
        "tell": lambda text: words.tell(text, lang),
        "unit_text": words.unit_text,
        "short": short,
        "chains": min(detail or CHAINS, CHAINS),
    }
    return _ENVIRONMENT.from_string(_TEMPLATE).render(helpers)
