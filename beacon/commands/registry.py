"""`beacon registry`: check and show the building registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The building registry: buildings, regions, meter trees.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="TOML or CSV files; together they are one registry.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def check(files: Files, as_json: Json = False) -> None:
    """Check the files and list every problem; exit code 2 if there is one."""
    from collector.registry_file import load_registry

    registry = load_registry(files)
    meters = sum(len(building.meters) for building in registry.buildings.values())
    if as_json:
        import orjson

        print(orjson.dumps({"buildings": len(registry.buildings), "meters": meters}).decode())
    else:
        print(f"{len(registry.buildings)} buildings with {meters} meters: no problem found")


@app.command()
def show(
    files: Files,
    building: Annotated[str, typer.Option("--building", "-b", help="One building with its meter tree.")] = "",
    as_json: Json = False,
) -> None:
    """Show all buildings, or one with its meter tree."""
    from collector.registry_file import load_registry
    from drivers.errors import BeaconError

    registry = load_registry(files)
    if building and building not in registry.buildings:
        raise BeaconError(f"there is no building {building} in {', '.join(str(file) for file in files)}")
    if as_json:
        import orjson

        shown = registry.buildings[building] if building else list(registry.buildings.values())
        print(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    from rich.console import Console

    from collector.registry_view import building_tree, buildings_table

    Console().print(
        building_tree(registry, registry.buildings[building]) if building else buildings_table(registry)
    )
