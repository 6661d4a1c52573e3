"""`beacon audit`: the pack of one building for its energy audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beacon.commands.centre import COLLECTOR, RULES, Config, judging, period_of
from beacon.language import language


def audit(
    building: Annotated[str, typer.Argument(help="The building's id, such as 330106E001.")],
    period: Annotated[str, typer.Option(help="A month such as 2026-10, or a year such as 2026.")],
    out: Annotated[Path, typer.Option(help="Folder for the PDF and the workbook.")],
    config: Config = COLLECTOR,
    rules: Annotated[Path, typer.Option(help="rules.toml: schemes, limits, factors.")] = RULES,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Write meter tree, energy by item, quota steps, unusual days, gaps and hints (PDF and XLSX)."""
    from dashboards.announce.pdf import render_pdf, require_chinese
    from dashboards.audit.build import audit as examine
    from dashboards.audit.html import render_html
    from dashboards.audit.xlsx import render_xlsx
    from dashboards.files import write_set
    from rules.runner import now_ms

    wanted = period_of(period)
    chosen = language(lang)
    if chosen == "zh":
        require_chinese()
    with judging(config, rules) as (centre, loaded):
        made = examine(centre.store, centre.registry, loaded, building, wanted, now_ms())
    name = f"audit-{building}-{wanted}.{lang}"
    files = {
        f"{name}.html": render_html(made, chosen).encode(),
        f"{name}.xlsx": render_xlsx(made, chosen),
        f"{name}.pdf": render_pdf(render_html(made, chosen, paper=True)),
    }
    for path in write_set(out, files):
        typer.echo(str(path))
