"""`beacon statistics`: a region's workbook for a month or a year."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def statistics(
    period: Annotated[str, typer.Option(help="A month such as 2026-10, or a year such as 2026.")],
    region: Annotated[str, typer.Option(help="2, 4 or 6 digits, such as 33, 3301 or 330105.")],
    out: Annotated[Path, typer.Option(help="The workbook to write, such as statistics.xlsx.")],
    config: Annotated[Path, typer.Option(help="collector.toml: the store and the registry.")] = Path(
        "collector.toml"
    ),
    rules: Annotated[Path, typer.Option(help="rules.toml: factors.")] = Path("rules.toml"),
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
) -> None:
    """Write statistics by region, type, carrier, item, month and building (XLSX)."""
    from rich.console import Console
    from rich.progress import Progress

    from collector.service import open_store
    from collector.settings import load
    from dashboards.files import write_whole
    from dashboards.statistics import measure
    from dashboards.statistics import statistics as workbook
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
    settings, registry = load(config)
    loaded = load_rules(rules, registry)
    store = open_store(settings, registry)
    try:
        console = Console(stderr=True)
        with Progress(transient=True, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("buildings")
            found = measure(
                store,
                registry,
                loaded,
                wanted,
                region,
                now_ms(),
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    finally:
        store.close()
    write_whole(out, workbook(found, registry, wanted, region, "zh" if lang == "zh" else "en"))
    typer.echo(f"{len(found)} buildings: {out}")
