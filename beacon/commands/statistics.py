"""`beacon statistics`: a region's workbook for a month or a year."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from beacon.commands.centre import COLLECTOR, RULES, Config, counting, judging, period_of
from beacon.language import language


def statistics(
    period: Annotated[str, typer.Option(help="A month such as 2026-10, or a year such as 2026.")],
    region: Annotated[str, typer.Option(help="2, 4 or 6 digits, such as 33, 3301 or 330105.")],
    out: Annotated[Path, typer.Option(help="The workbook to write, such as statistics.xlsx.")],
    config: Config = COLLECTOR,
    rules: Annotated[Path, typer.Option(help="rules.toml: factors.")] = RULES,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Write statistics by region, type, carrier, item, month and building (XLSX)."""
    from dashboards.files import write_whole
    from dashboards.statistics import measure
    from dashboards.statistics import statistics as workbook
    from rules.runner import now_ms

    wanted, chosen = period_of(period), language(lang)
    with judging(config, rules) as (centre, loaded), counting("buildings") as told:
        found = measure(centre.store, centre.registry, loaded, wanted, region, now_ms(), told)
    made_on = datetime.now().astimezone().date()
    write_whole(out, workbook(found, centre.registry, wanted, region, chosen, made_on))
    typer.echo(f"{len(found)} buildings: {out}")
