"""`beacon edge`: run, check, read, simulate, ask for its state, record a meter exchange."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The agent beside the meters: polls, keeps, publishes.", no_args_is_help=True)

Config = Annotated[Path, typer.Argument(help="edge.toml", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("run")
def run(config: Config) -> None:
    """Run the agent until SIGTERM or Ctrl-C."""
    from edge.main import main

    main(config)


@app.command("check")
def check(config: Config, as_json: Json = False) -> None:
    """Check a configuration and show its plan: requests, bytes, cycle time, warnings."""
    from beacon.commands.edge_check import show

    show(config, as_json)


@app.command("read")
def read(
    config: Annotated[Path | None, typer.Argument(help="edge.toml", show_default=False)] = None,
    device: Annotated[str, typer.Argument(help="Device id; all of them if left out.")] = "",
    profile: Annotated[str, typer.Option(help="Read without a configuration, as this profile says.")] = "",
    host: Annotated[str, typer.Option(help="Host of a Modbus TCP device or serial server.")] = "",
    port: Annotated[int, typer.Option(help="TCP port.")] = 502,
    serial: Annotated[str, typer.Option(help="Serial port instead of a host.")] = "",
    baud: Annotated[int, typer.Option(help="Baud rate; the profile's own if left out.")] = 0,
    unit: Annotated[int, typer.Option(help="Unit id.")] = 1,
    rtu_over_tcp: Annotated[bool, typer.Option("--rtu-over-tcp", help="RTU frames over TCP.")] = False,
    ratio: Annotated[
        list[str] | None, typer.Option(help="A ratio that the profile needs, NAME=VALUE.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Read again every second.")] = False,
    as_json: Json = False,
) -> None:
    """Read devices once and show their values with units."""
    from beacon.commands.edge_read import Target, show

    target = Target(config, device, profile, host, port, serial, baud, unit, rtu_over_tcp, tuple(ratio or ()))
    show(target, watch=watch, as_json=as_json)


@app.command("simulate")
def simulate(
    profiles: Annotated[list[str], typer.Argument(help="One profile for each unit, from unit 1 on.")],
    tcp: Annotated[int | None, typer.Option(help="Serve Modbus TCP on this port.")] = None,
    rtu_over_tcp: Annotated[int | None, typer.Option(help="Serve RTU over TCP on this port.")] = None,
    serial: Annotated[bool, typer.Option("--serial", help="Serve RTU on a new pseudo-terminal.")] = False,
    baud: Annotated[int, typer.Option(help="Answer as slowly as such a line would.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Simulate devices by their profiles until Ctrl-C."""
    from beacon.commands.edge_simulate import serve

    serve(profiles, host=host, tcp=tcp, rtu_over_tcp=rtu_over_tcp, serial=serial, baud=baud)


@app.command("status")
def status(config: Config, as_json: Json = False) -> None:
    """Show the state of the agent that runs with this configuration."""
    from beacon.commands.edge_status import show

    show(config, as_json)


@app.command("exchange")
def exchange(
    config: Config,
    device: Annotated[str, typer.Argument(help="Device id.")],
    final: Annotated[float, typer.Option(help="Last reading of the old meter.")],
    initial: Annotated[float, typer.Option(help="First reading of the new meter.")] = 0.0,
    at: Annotated[
        datetime | None, typer.Option(help="When, local time of this machine; now if left out.")
    ] = None,
    quantity: Annotated[str, typer.Option(help="The register, where a device has several.")] = "",
) -> None:
    """Record that a meter was exchanged, so that no energy is lost or counted twice."""
    from beacon.commands.edge_status import record_exchange

    record_exchange(config, device, quantity, final, initial, at)
