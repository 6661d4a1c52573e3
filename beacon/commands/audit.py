"""`beacon audit`: the pack of one building for its energy audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def audit(
    building: Annotated[str, typer.Argument(help="The building's id, such as 330106E001.")],
    period: Annotated[str, typer.Option(help="A month such as 2026-10, or a year such as 2026.")],
    out: Annotated[Path, typer.Option(help="Folder for the PDF and the workbook.")],
    config: Annotated[Path, typer.Option(help="collector.toml: the store and the registry.")] = Path(
        "collector.toml"
    ),
    rules: Annotated[Path, typer.Option(help="rules.toml: schemes, limits, factors.")] = Path("rules.toml"),
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Write meter tree, energy by item, quota steps, unusual days, gaps and hints (PDF and XLSX)."""
    from collector.service import open_store
    from collector.settings import load
    from dashboards.announce.pdf import render_pdf, require_chinese
    from dashboards.audit.build import audit as examine
    from dashboards.audit.html import render_html
    from dashboards.audit.xlsx import render_xlsx
    from dashboards.boards.words import Lang
    from dashboards.files import write_set
    from drivers.errors import BeaconError
    from rules.config import load as load_rules
    from rules.period import Period
    from rules.runner import now_ms

    try:
        wanted = Period.parse(period)
    except ValueError as error:
        raise BeaconError(str(error)) from error
    if lang not in {"zh", "en"}:
        raise BeaconError(f"unknown language {lang!r}; zh or en")
    chosen: Lang = "zh" if lang == "zh" else "en"
    if chosen == "zh":
        require_chinese()
    settings, registry = load(config)
    loaded = load_rules(rules, registry)
    store = open_store(settings, registry)
    try:
        made = examine(store, registry, loaded, building, wanted, now_ms())
    finally:
        store.close()
    name = f"audit-{building}-{wanted}.{lang}"
    files = {
        f"{name}.html": render_html(made, chosen).encode(),
        f"{name}.xlsx": render_xlsx(made, chosen),
        f"{name}.pdf": render_pdf(render_html(made, chosen, paper=True)),
    }
    for path in write_set(out, files):
        typer.echo(str(path))
