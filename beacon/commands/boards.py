"""`beacon boards`: Grafana boards rendered to files, published to a server, compared with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dashboards.boards.publish import Outcome, Publisher

app = typer.Typer(help="Grafana boards as code: render, publish, compare.", no_args_is_help=True)

Config = Annotated[Path, typer.Option(help="collector.toml: the store and the registry.")]
RulesPath = Annotated[Path, typer.Option("--rules", help="rules.toml: where the alerts are kept.")]
Url = Annotated[str, typer.Option("--url", help="Grafana's address, such as https://grafana.example:3000.")]
TokenFile = Annotated[
    Path, typer.Option("--token-file", help="File (mode 0600) with a service account's token.", exists=True)
]
InfluxUrl = Annotated[str, typer.Option("--influx-url", help="InfluxDB's address as Grafana sees it.")]
InfluxToken = Annotated[
    Path | None,
    typer.Option("--influx-token-file", help="File (mode 0600) with a reading token.", exists=True),
]
Energy = Annotated[str, typer.Option("--energy", help="Database (bucket) of energy and judgements.")]
Samples = Annotated[str, typer.Option("--samples", help="Database (bucket) of raw samples.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_secret(path: Path) -> str:
    """The secret in a file that only its owner may read. Raises BeaconError otherwise."""
    from drivers.errors import BeaconError

    if path.stat().st_mode & 0o077:
        raise BeaconError(f"{path}: others may read this file, run: chmod 600 {path}")
    secret = path.read_text(encoding="utf-8").strip()
    if not secret:
        raise BeaconError(f"{path}: the file is empty")
    return secret


@app.command()
def render(
    directory: Annotated[Path, typer.Argument(help="Where to write; existing files are replaced.")],
) -> None:
    """Write boards (JSON) and provisioning files for compose and Kubernetes."""
    from dashboards.boards.render import render as write

    paths = write(directory)
    typer.echo(f"{len(paths)} files written to {directory}")


def _publisher(
    url: str,
    token_file: Path,
    influx_url: str,
    influx_token_file: Path | None,
    energy: str,
    samples: str,
    overwrite: bool,
    public: bool,
) -> Publisher:
    from dashboards.boards.catalogue import all_boards
    from dashboards.boards.publish import InfluxAccess, Publisher

    secret = read_secret(influx_token_file) if influx_token_file else ""
    return Publisher(
        url,
        read_secret(token_file),
        InfluxAccess(influx_url, energy, samples, secret),
        all_boards(),
        overwrite=overwrite,
        public=("beacon-announcement-zh", "beacon-announcement-en") if public else (),
    )


def _show(outcomes: list[Outcome], as_json: bool, verb: str) -> None:
    import json
    from dataclasses import asdict

    if as_json:
        typer.echo(json.dumps([asdict(each) for each in outcomes], ensure_ascii=False))
        return
    for each in outcomes:
        if each.state != "unchanged" or each.detail.startswith("http"):
            typer.echo(f"{each.state:15} {each.kind} {each.uid} {each.detail}".rstrip())
    changed = sum(each.state in {"created", "updated"} for each in outcomes)
    typer.echo(f"{changed} of {len(outcomes)} {verb}")


@app.command()
def publish(
    url: Url,
    token_file: TokenFile,
    influx_url: InfluxUrl = "http://influxdb:8086",
    influx_token_file: InfluxToken = None,
    energy: Energy = "beacon_energy",
    samples: Samples = "beacon_raw",
    overwrite: Annotated[bool, typer.Option(help="Replace boards that were edited by hand.")] = False,
    public: Annotated[bool, typer.Option(help="Share the announcement boards with the public.")] = False,
    as_json: Json = False,
) -> None:
    """Make folders, data sources, boards and permissions; a second run changes nothing."""
    publisher = _publisher(url, token_file, influx_url, influx_token_file, energy, samples, overwrite, public)
    outcomes = publisher.apply()
    _show(outcomes, as_json, "changed")
    if any(each.state == "edited by hand" for each in outcomes):
        typer.echo("Boards edited by hand were left alone; --overwrite replaces them.", err=True)
        raise typer.Exit(1)


@app.command()
def diff(
    url: Url,
    token_file: TokenFile,
    influx_url: InfluxUrl = "http://influxdb:8086",
    influx_token_file: InfluxToken = None,
    energy: Energy = "beacon_energy",
    samples: Samples = "beacon_raw",
    as_json: Json = False,
) -> None:
    """Say how the server differs from what `publish` would make; exit code 1 if it does, 2 on an error."""
    from drivers.errors import BeaconError

    try:
        publisher = _publisher(url, token_file, influx_url, influx_token_file, energy, samples, False, False)
        outcomes = publisher.plan()
    except BeaconError as error:
        typer.echo(f"beacon: {error}", err=True)
        raise typer.Exit(2) from error
    _show(outcomes, as_json, "differ")
    if any(each.state != "unchanged" for each in outcomes):
        raise typer.Exit(1)


@app.command()
def facts(
    config: Config = Path("collector.toml"),
    rules: RulesPath = Path("rules.toml"),
    days: Annotated[int, typer.Option(help="How many days of hourly load to write again.", min=1)] = 2,
    every: Annotated[float, typer.Option(help="Seconds between rounds; 0 runs once.", min=0)] = 0,
) -> None:
    """Write buildings, alerts and hourly loads into InfluxDB, where the boards read them."""
    import time

    from collector.service import open_store
    from collector.settings import load
    from dashboards.boards.mirror import mirror
    from drivers.errors import BeaconError, StoreUnavailable
    from rules.alerts import AlertBook
    from rules.config import load as load_rules
    from rules.runner import now_ms

    settings, registry = load(config)
    influx = settings.store
    if influx.kind != "influxdb":
        raise BeaconError(f"{config}: the store is {influx.kind}; Grafana's boards read InfluxDB")
    path = load_rules(rules, registry).alerts_path
    store = open_store(settings, registry)
    book = AlertBook(path)
    try:
        while True:
            try:
                count = mirror(influx, registry, store, book.list(None, limit=100_000), now_ms(), days)
            except StoreUnavailable as error:
                if not every:
                    raise
                typer.echo(f"beacon: {error}", err=True)
            else:
                typer.echo(f"{count} lines written")
            if not every:
                break
            time.sleep(every)
    finally:
        book.close()
        store.close()
