"""`beacon events`: what happened to the meters of a building."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import typer

from beacon.commands.centre import COLLECTOR, Config, opened
from beacon.language import chinese, language

DAYS = 366


def events(
    building: Annotated[str, typer.Argument(help="The building's id, such as 330106E001.")],
    first: Annotated[
        str, typer.Option("--from", help=f"First day, YYYY-MM-DD; {DAYS} days if left out.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD; today if left out.")] = "",
    config: Config = COLLECTOR,
    lang: Annotated[str, typer.Option(help="zh or en; as the environment says if left out.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List resets, roll-overs, exchanged meters and changed ratios, with the energy counted for each."""
    import orjson

    from collector.local_day import local_day, now_ms
    from dashboards.meter_events import events_of, told
    from drivers.errors import RequestError

    chosen = language(lang) if lang else language("zh" if chinese() else "en")
    with opened(config) as (store, registry, _):
        known = registry.buildings.get(building)
        if known is None:
            raise RequestError(f"there is no building {building} in the registry")
        end = _day(last, "--to") or local_day(now_ms(), known.time_zone)
        found = events_of(store, known, _day(first, "--from") or end - timedelta(days=DAYS - 1), end)
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for event in found:
        typer.echo(str(told(event, known, chosen)))
    typer.echo(f"{len(found)} events" if chosen == "en" else f"共 {len(found)} 件", err=True)


def _day(text: str, option: str) -> date | None:
    from drivers.errors import RequestError

    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"{option}: {text!r} is no day such as 2026-03-04") from error
