"""`beacon site run`: edge, collector, rules and site in one process, as site.toml says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="One building in one process, or the web site of a data centre.", no_args_is_help=True)

SiteToml = Annotated[Path, typer.Argument(help="site.toml", show_default=False)]


@app.command()
def run(config: SiteToml) -> None:
    """Run until SIGTERM or Ctrl-C."""
    import asyncio

    from beacon.runtime import Running
    from beacon.runtime import run as run_parts
    from beacon.site_file import load
    from edge.agent import stop_on_signals

    site = load(config)

    def started(parts: Running) -> None:
        web = site.file.web
        if web is not None:
            typer.echo(f"http://{web.host}:{parts.web_port}", err=True)

    async def main() -> None:
        await run_parts(site, stop=stop_on_signals(), started=started)

    asyncio.run(main())


@app.command()
def check(config: SiteToml) -> None:
    """Check site.toml and every file it names; nothing is started."""
    from beacon.site_file import load

    site = load(config)
    devices = len(list(site.edge.sources())) if site.edge is not None else 0
    typer.echo(f"{config}: {len(site.registry.buildings)} buildings, {devices} devices, no problem found")
