"""`beacon edge check`: the plan of a configuration as tables or JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from edge.check import BusPlan, plan
from edge.config_file import load

_NAMES = ("device", "address", "profile", "speed")


def show(path: Path, as_json: bool) -> None:
    """Print what the edge would do. Raises ConfigError with every problem of the file."""
    config = load(path)
    plans = plan(config)
    if as_json:
        print(orjson.dumps({"config_hash": config.hash, "buses": [_json(bus) for bus in plans]}).decode())
        return
    console = Console()
    console.print(f"{path.name}: in order ({config.site}/{config.edge}, {len(config.sources())} devices)")
    for bus in plans:
        line = f", {bus.baud} baud" if bus.baud else ""
        table = Table(
            title=f"bus {bus.name}{line}: {bus.round_s:.2f} s a full round, {bus.share:.0%} of its time",
            caption="requests: of the fast grid / of everything",
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        for heading in _NAMES:
            table.add_column(heading, overflow="fold")
        for heading in ("values", "requests", "bytes", "ms", "every s"):
            table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
        for device in bus.devices:
            table.add_row(
                device.id,
                device.address,
                device.profile if device.protocol != "modbus_ascii" else f"{device.profile} (ASCII)",
                device.speed.replace(" baud", ""),
                str(device.quantities),
                f"{device.fast_requests} / {device.requests}",
                str(device.bytes),
                f"{device.seconds * 1000:.0f}",
                f"{device.period_s:g}",
            )
        console.print(table)
        for warning in bus.warnings:
            console.print(f"[yellow]warning:[/] {bus.name}: {warning}")
    for source in config.mqtt_source:
        console.print(f"broker {source.name} {source.host}:{source.port}: {len(source.device)} devices")
    for host in config.sparkplug_source:
        console.print(f"Sparkplug B {host.name} {host.host}:{host.port}: {len(host.device)} devices")


def _json(bus: BusPlan) -> dict[str, object]:
    return asdict(bus) | {"round_s": bus.round_s, "share": bus.share}
