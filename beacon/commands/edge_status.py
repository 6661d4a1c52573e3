"""`beacon edge status` and `beacon edge exchange`: a word with the agent that runs beside."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from drivers.errors import BeaconError, ConfigError, Problem
from edge.config import EdgeConfig, Source
from edge.config_file import load
from edge.recorder import register_specs
from edge.requests import request_exchange

MAX_ANSWER_BYTES = 8 * 1024 * 1024


def show(path: Path, as_json: bool) -> None:
    """Print the running agent's state. Raises BeaconError if none answers."""
    config = load(path)
    state = _ask(config)
    if as_json:
        print(orjson.dumps(state).decode())
        return
    console, spool, uplink = Console(), state["spool"], state["uplink"]
    console.print(
        f"{state['site']}/{state['edge']}: broker {'connected' if uplink['connected'] else 'not connected'}, "
        f"{uplink['stored']} batches stored, {uplink['rejected']} rejected; {spool['batches']} batches wait "
        f"({spool['bytes'] / 1e6:.1f} MB), {spool['dropped_samples']} samples dropped; "
        f"clock {'trusted' if state['clock']['trusted'] else 'not trusted'}"
    )
    if spool["trouble"]:
        console.print(f"[red]disk: {spool['trouble']}[/]")
    table = Table("device", "state", "last reading", "reads", "failed")
    for name, device in state["devices"].items():
        age = (state["clock"]["now"] - device["at"]) / 1000 if device["at"] else None
        problem = f"[red]{device['error']}[/]" if device["error"] else "ok"
        last = "never" if age is None else f"{age:.0f} s ago"
        reads, failed = device["reads"], device["failed_reads"]
        if device["refused"]:
            problem += f"[yellow], refused: {'; '.join(device['refused'])}[/]"
        if device["learnt_quiet_ms"]:
            problem += f", pause lengthened to {device['learnt_quiet_ms']} ms"
        table.add_row(
            name, problem, last, "" if reads is None else str(reads), "" if reads is None else str(failed)
        )
    console.print(table)


def _ask(config: EdgeConfig) -> dict[str, Any]:
    host = "127.0.0.1" if config.status.host == "0.0.0.0" else config.status.host
    url = f"http://{host}:{config.status.port}/status.json"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            state: dict[str, Any] = orjson.loads(answer.read(MAX_ANSWER_BYTES))
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise BeaconError(f"no agent answers on {url}: {reason}") from None
    return state


def source_of(config: EdgeConfig, path: Path, device: str) -> Source:
    """The device of that id. Raises ConfigError, which names the known ones."""
    source = next((s for s in config.sources() if s.id == device), None)
    if source is None:
        known = ", ".join(s.id for s in config.sources())
        raise ConfigError([Problem(path.name, f"device.{device}", f"there is none; known: {known}")])
    return source


def record_exchange(
    path: Path, device: str, register: str, final: float, initial: float, at: datetime | None
) -> None:
    """Leave the exchange for the agent. Raises ConfigError for an unknown device or register."""
    config = load(path)
    source = source_of(config, path, device)
    registers = [name for name, _ in register_specs(config.profile_of(source), source, 0)]
    chosen = register or (registers[0] if registers else "")
    if chosen not in registers:
        raise ConfigError(
            [Problem(path.name, f"device.{device}", f"no register {chosen!r}; it has {', '.join(registers)}")]
        )
    when = round((at.timestamp() if at else time.time()) * 1000)
    if when > time.time() * 1000 + 60_000:
        raise BeaconError(f"--at {at} is in the future")
    request_exchange(config.spool.path, device, chosen, when, final, initial)
    print(f"{device} {chosen}: exchanged at {final:g}, new meter from {initial:g}; the agent takes it up")
