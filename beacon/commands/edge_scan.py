"""`beacon edge scan`: which devices are on a serial port or behind hosts, and which models they may be."""

from __future__ import annotations

import asyncio
import logging
import re
import shlex
from dataclasses import asdict, dataclass
from typing import Any, get_args

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from beacon.language import chinese
from drivers.errors import BeaconError
from drivers.frames.line import Parity, SerialParameters
from drivers.modbus.settings import SerialSettings
from edge.commission import sweep
from edge.commission.recognise import Candidate
from edge.commission.scan import Found, LineScan, Scan, scan_hosts

DEFAULT_SERIAL_TIMEOUT_S, DEFAULT_TCP_TIMEOUT_S = 0.2, 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command's options. bauds, parities: empty for the usual ones. timeout_s 0: the line's default."""

    serial: str
    hosts: str
    port: int
    units: str
    bauds: tuple[int, ...]
    parities: tuple[str, ...]
    protocols: tuple[str, ...]
    timeout_s: float


def show(wanted: Wanted, *, as_json: bool) -> None:
    """Scan, with a progress bar on standard error; Ctrl-C ends early and shows what was found."""
    run = _serial if wanted.serial else _hosts
    if not wanted.serial and not wanted.hosts:
        raise BeaconError("give --serial or --host")
    scan = Scan()
    stopped = False
    logging.getLogger("drivers").setLevel(logging.ERROR)  # refusals are what a scan asks for
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        try:
            asyncio.run(run(wanted, scan, bar))
        except KeyboardInterrupt:
            stopped = True
    if as_json:
        print(orjson.dumps(_document(scan, stopped)).decode())
        return
    _print(scan, stopped)


async def _serial(wanted: Wanted, scan: Scan, bar: Progress) -> None:
    timeout_s = wanted.timeout_s or DEFAULT_SERIAL_TIMEOUT_S
    steps = sweep.serial_steps(
        _settings(wanted), sweep.parse_units(wanted.units), _protocols(wanted.protocols, True), timeout_s
    )
    line = LineScan(SerialSettings(port=wanted.serial, timeout_s=timeout_s), wanted.serial, scan)
    try:
        await line.run(steps, _progress(bar, sum(step.longest_s for step in steps)))
    finally:
        await line.aclose()


async def _hosts(wanted: Wanted, scan: Scan, bar: Progress) -> None:
    hosts = sweep.parse_hosts(wanted.hosts)
    steps = sweep.tcp_steps(
        sweep.parse_units(wanted.units),
        _protocols(wanted.protocols, False),
        wanted.timeout_s or DEFAULT_TCP_TIMEOUT_S,
    )
    progress = _progress(bar, len(hosts) * sum(step.longest_s for step in steps))
    await scan_hosts(hosts, wanted.port, steps, scan, progress)


def _progress(bar: Progress, whole_s: float) -> Any:
    task = bar.add_task("", total=whole_s)

    def tell(seconds: float, what: str) -> None:
        bar.update(task, advance=seconds, description=what or None)

    return tell


def _settings(wanted: Wanted) -> list[SerialParameters]:
    """The usual speeds and parities, or every combination of those that were given."""
    parities: dict[str, Parity] = {"N": "N", "E": "E", "O": "O"}
    for name in wanted.parities:
        if name.upper() not in parities:
            raise BeaconError(f"--parity {name}: write N, E or O")
    named = [parities[name.upper()] for name in wanted.parities]
    if not wanted.bauds:
        return [one for one in sweep.COMMON if not named or one.parity in named]
    return [
        SerialParameters(baud, parity, 1)
        for baud in wanted.bauds
        for parity in named or [one.parity for one in sweep.COMMON if one.baud == baud] or ["N", "E"]
    ]


def _protocols(given: tuple[str, ...], on_serial: bool) -> list[sweep.Protocol]:
    known = {name: name for name in get_args(sweep.Protocol)}
    for name in given:
        if name not in known:
            raise BeaconError(f"--protocol {name}: one of {', '.join(known)}")
    if given:
        return [known[name] for name in given]
    return list(known.values()) if on_serial else ["modbus"]


def add_command(found: Found) -> str:
    """The command that writes a found device into edge.toml."""
    best = found.candidates[0] if found.candidates else None
    profile = best.profile if best else "PROFILE"
    words = ["beacon", "edge", "add", "edge.toml", "--bus", _bus_name(found)]
    if found.protocol == "modbus_tcp" or ":" in found.place:
        host, _, port = found.place.rpartition(":")
        words += ["--host", host, "--port", port]
        words += [] if found.protocol == "modbus_tcp" else ["--rtu-over-tcp"]
    else:
        words += ["--serial", found.place]
    if found.parameters:
        words += ["--baud", str(found.parameters.baud), "--parity", found.parameters.parity]
    modbus = found.protocol.startswith("modbus")
    words += ["--profile", profile, "--unit" if modbus else "--address", found.address]
    short = profile.split("_", 1)[-1].replace("_", "-") if best else "meter"
    return shlex.join([*words, "--id", f"{short}-{found.address}"])


def _bus_name(found: Found) -> str:
    if ":" in found.place:
        return "bus-" + re.sub(r"[^a-zA-Z0-9]+", "-", found.place.rpartition(":")[0]).strip("-")
    return "rs485"


def _document(scan: Scan, stopped: bool) -> dict[str, object]:
    return {
        "complete": not stopped,
        "devices": [asdict(found) | {"add": add_command(found)} for found in scan.found],
        "findings": [asdict(finding) for finding in scan.findings()],
        "notes": scan.notes,
    }


def _against(other: Candidate) -> str:
    """What speaks against a candidate."""
    return ", ".join(reason for reason in other.why if "impossible" in reason or "refused" in reason)


def _table(place: str, devices: list[Found]) -> Table:
    table = Table(title=f"{place}: {len(devices)} devices", title_justify="left", show_lines=True)
    table.add_column("address", overflow="fold")
    table.add_column("profile, best first", no_wrap=True)
    table.add_column("why")
    for found in devices:
        told = [f"{found.address}{' (and any other)' if found.any_unit else ''}", found.protocol]
        told += [str(found.parameters)] if found.parameters else []
        head = "\n".join(told)
        if not found.candidates:
            table.add_row(head, "[yellow]not recognised[/]", "see `beacon edge probe`")
            continue
        best, *others = found.candidates
        names = [f"[bold]{best.profile} {best.score:.0%}[/]"]
        names += [f"{one.profile} {one.score:.0%}" for one in others]
        why = [", ".join(best.why)]
        why += [f"not {one.profile}: {_against(one)}" for one in others if _against(one)]
        table.add_row(head, "\n".join(names), "\n".join(why))
    return table


def _print(scan: Scan, stopped: bool) -> None:
    console = Console()
    if stopped:
        console.print("[yellow]stopped early; found so far:[/]")
    for place in dict.fromkeys(found.place for found in scan.found):
        console.print(_table(place, [found for found in scan.found if found.place == place]))
    for found in scan.found:
        for means, value in found.identity.items():
            console.print(f"  {found.address}: {means} {value}", markup=False)
    for note in scan.notes:
        console.print(f"[yellow]{note}[/]")
    in_chinese = chinese()
    for finding in scan.findings():
        console.print(f"• {finding.zh if in_chinese else finding.en}", markup=False)
    if scan.found:
        console.print("to add them to a configuration:")
        for found in scan.found:
            if any(candidate.swapped for candidate in found.candidates[:1]):
                console.print(
                    f"  {found.address}: first copy the profile to a folder of your own, other word_order",
                    markup=False,
                )
            console.print(f"  {add_command(found)}", markup=False, soft_wrap=True)
