"""Collect, render and publish in one step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import repeat
from pathlib import Path
from typing import Literal

from collector.registry import Registry
from collector.store import Store
from dashboards.announce.build import Options
from dashboards.announce.collect import Progress, collect
from dashboards.announce.html import render_html
from dashboards.announce.model import Announcement
from dashboards.announce.pdf import render_pdf, require_chinese
from dashboards.announce.processes import MANY, processes
from dashboards.announce.publication import Published, content_hash, publish
from dashboards.announce.tables import render_csv, render_json, render_xlsx
from dashboards.boards.words import LANGUAGES, Lang
from rules.config import Rules
from rules.period import Period

Form = Literal["html", "pdf", "csv", "xlsx", "json"]
FORMS: tuple[Form, ...] = ("html", "pdf", "csv", "xlsx", "json")
PDF_ROWS, PDF_LEAST = 200, 20
"""Rows of all rankings in a PDF, shared among the types, and the least of each. The data files have all."""


def files_of(
    announcement: Announcement, forms: Collection[Form], languages: Collection[Lang]
) -> Mapping[str, bytes]:
    """File name -> bytes: `announcement.zh.html` …, and `announcement.json` for both languages."""
    made: dict[str, bytes] = {}
    if len(announcement.entries) < MANY:
        for lang in languages:
            made |= _of_language(announcement, forms, lang)
    else:
        with processes(len(languages)) as drawing:
            for part in drawing.map(_of_language, repeat(announcement), repeat(forms), languages):
                made |= part
    if "json" in forms:
        made["announcement.json"] = render_json(announcement)
    return made


def _of_language(announcement: Announcement, forms: Collection[Form], lang: Lang) -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    if "html" in forms:
        made[f"announcement.{lang}.html"] = render_html(announcement, lang).encode()
    if "pdf" in forms:
        most = max(PDF_LEAST, PDF_ROWS // max(1, len(announcement.types)))
        made[f"announcement.{lang}.pdf"] = render_pdf(render_html(announcement, lang, most, paper=True))
    if "csv" in forms:
        made[f"announcement.{lang}.csv"] = render_csv(announcement, lang)
    if "xlsx" in forms:
        made[f"announcement.{lang}.xlsx"] = render_xlsx(announcement, lang)
    return made


def issue(
    announcement: Announcement,
    directory: Path,
    forms: Collection[Form] = FORMS,
    languages: Collection[Lang] = LANGUAGES,
) -> Published:
    """Publish what is built. Raises BeaconError: no Chinese font, already published, cannot be written."""
    if "pdf" in forms and "zh" in languages:
        require_chinese()
    content = content_hash(announcement, render_json)
    return publish(directory, announcement, content, lambda numbered: files_of(numbered, forms, languages))


def announce(
    store: Store,
    registry: Registry,
    rules: Rules,
    period: Period,
    region: str,
    options: Options,
    directory: Path,
    now: int,
    *,
    forms: Collection[Form] = FORMS,
    languages: Collection[Lang] = LANGUAGES,
    progress: Progress = lambda done, total: None,
) -> Published:
    """The files lie in `directory / published.number`. now: ms UTC. Raises BeaconError, StoreUnavailable."""
    announcement = collect(store, registry, rules, period, region, options, now, progress)
    return issue(announcement, directory, forms, languages)
