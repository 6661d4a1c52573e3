"""`beacon edge`: run, check, read, simulate, ask for its state, tell it of meters and ratios."""

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
    parity: Annotated[str, typer.Option(help="N, E or O; the profile's own if left out.")] = "",
    unit: Annotated[int, typer.Option(help="Unit id.")] = 1,
    address: Annotated[
        str, typer.Option(help="Digits of a DL/T 645 or CJ/T 188 meter; any if it is alone on the line.")
    ] = "",
    rtu_over_tcp: Annotated[
        bool, typer.Option("--rtu-over-tcp", help="A serial line behind a transparent TCP server.")
    ] = False,
    ratio: Annotated[
        list[str] | None, typer.Option(help="A ratio that the profile needs, NAME=VALUE.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Read again every second.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Show registers and raw words, too.")] = False,
    as_json: Json = False,
) -> None:
    """Read devices once and show their values with units; says what may be wrong if that fails."""
    from beacon.commands.edge_read import Target, show
    from edge.commission.place import Place

    place = Place(host, port, serial, baud, parity, 0, rtu_over_tcp)
    target = Target(config, device, profile, place, unit, address, tuple(ratio or ()))
    show(target, watch=watch, raw=raw, as_json=as_json)


@app.command("probe")
def probe(
    address: Annotated[int, typer.Option(help="First register, counted from 0.", min=0, max=65535)],
    host: Annotated[str, typer.Option(help="Host of a Modbus TCP device or serial server.")] = "",
    port: Annotated[int, typer.Option(help="TCP port.")] = 502,
    serial: Annotated[str, typer.Option(help="Serial port instead of a host.")] = "",
    baud: Annotated[int, typer.Option(help="Baud rate.")] = 9600,
    parity: Annotated[str, typer.Option(help="N, E or O.")] = "N",
    unit: Annotated[int, typer.Option(help="Unit id.", min=0, max=255)] = 1,
    function: Annotated[int, typer.Option(help="1 to 4: 3 holding, 4 input registers.", min=1, max=4)] = 3,
    count: Annotated[int, typer.Option(help="How many.", min=1, max=125)] = 4,
    rtu_over_tcp: Annotated[bool, typer.Option("--rtu-over-tcp", help="RTU frames over TCP.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds until a device is silent.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Read single registers and show every usual decoding side by side."""
    from beacon.commands.edge_probe import show
    from edge.commission.place import Place

    place = Place(host, port, serial, baud, parity, 1, rtu_over_tcp, timeout)
    show(place, unit, function, address, count, as_json=as_json)


@app.command("scan")
def scan(
    serial: Annotated[str, typer.Option(help="Serial port, such as /dev/serial/by-id/….")] = "",
    host: Annotated[str, typer.Option(help="Host, a.b.c.d-e or a.b.c.d/28.")] = "",
    port: Annotated[int, typer.Option(help="TCP port.")] = 502,
    units: Annotated[str, typer.Option(help="Unit ids, such as 1-247 or 1,2,40.")] = "1-32",
    baud: Annotated[list[int] | None, typer.Option(help="Only this baud rate; may be repeated.")] = None,
    parity: Annotated[list[str] | None, typer.Option(help="Only this parity; may be repeated.")] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(help="Only modbus, dlt645_2007, dlt645_1997 or cjt188.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds until silence; 0: as the line needs.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Find the devices on a line, and which models they may be. Ctrl-C shows what was found so far."""
    from beacon.commands.edge_scan import Wanted, show

    given = (tuple(baud or ()), tuple(parity or ()), tuple(protocol or ()))
    show(Wanted(serial, host, port, units, *given, timeout), as_json=as_json)


@app.command("add")
def add(
    config: Config,
    device: Annotated[str, typer.Option("--id", help="The new device's id.")],
    bus: Annotated[str, typer.Option(help="Its bus; a new name together with --serial or --host.")],
    profile: Annotated[str, typer.Option(help="Its profile, see `beacon devices list`.")],
    unit: Annotated[int | None, typer.Option(help="Unit id of a Modbus device.")] = None,
    address: Annotated[str, typer.Option(help="Address of a DL/T 645 or CJ/T 188 meter.")] = "",
    serial: Annotated[str, typer.Option(help="Serial port of the bus.")] = "",
    host: Annotated[str, typer.Option(help="Host of the bus.")] = "",
    port: Annotated[int, typer.Option(help="TCP port of the bus.")] = 502,
    rtu_over_tcp: Annotated[bool, typer.Option("--rtu-over-tcp", help="RTU frames over TCP.")] = False,
    baud: Annotated[int, typer.Option(help="Baud rate, if not the bus's.")] = 0,
    parity: Annotated[str, typer.Option(help="N, E or O, if not the bus's.")] = "",
    building: Annotated[str, typer.Option(help="Building id, if not the file's.")] = "",
    ratio: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, such as ct_ratio=40.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, write nothing.")] = False,
) -> None:
    """Write a device into edge.toml; comments stay, and what would not pass the checks is refused."""
    from beacon.commands.edge_add import add
    from edge.commission.place import Place

    place = Place(host, port, serial, baud, parity, 0, rtu_over_tcp)
    add(
        config,
        device=device,
        bus=bus,
        profile=profile,
        unit=unit,
        address=address,
        place=place,
        building=building,
        ratio=tuple(ratio or ()),
        dry_run=dry_run,
    )


@app.command("accept")
def accept(
    config: Config,
    device: Annotated[str, typer.Argument(help="Device id.")],
    reading: Annotated[
        list[str] | None, typer.Option(help="QUANTITY=VALUE read from the display; may be repeated.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who read the display and signs.")] = "",
    out: Annotated[Path, typer.Option(help="Folder for the sheet (CSV, and PDF or HTML).")] = Path("."),
    note: Annotated[str, typer.Option(help="A remark for the sheet.")] = "",
    as_json: Json = False,
) -> None:
    """Compare a device with its display, and write a signed-off sheet. Exit code 1 if a value differs."""
    from beacon.commands.edge_accept import accept

    accept(config, device, tuple(reading or ()), by, out, note, as_json=as_json)


@app.command("simulate")
def simulate(
    profiles: Annotated[
        list[str],
        typer.Argument(help="One profile for each unit, from unit 1 on; DL/T 645 and CJ/T 188 meters too."),
    ],
    tcp: Annotated[int | None, typer.Option(help="Serve Modbus TCP on this port.")] = None,
    rtu_over_tcp: Annotated[
        int | None, typer.Option(help="Serve a serial line over TCP on this port.")
    ] = None,
    serial: Annotated[
        bool, typer.Option("--serial", help="Serve a serial line on a new pseudo-terminal.")
    ] = False,
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


@app.command("ratio")
def ratio(
    config: Config,
    device: Annotated[str, typer.Argument(help="Device id.")],
    since: Annotated[
        str, typer.Option(help="ISO time, such as 2026-03-03T09:30; local time of this machine.")
    ],
) -> None:
    """Say since when the ratio in edge.toml holds, where it was written there late: energy is set right."""
    from beacon.commands.edge_ratio import hold

    hold(config, device, since)
