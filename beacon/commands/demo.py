"""`beacon demo`: twelve invented buildings, their past, and live devices on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    once: Annotated[bool, typer.Option("--once", help="Do it all, write summary.json, and end.")] = False,
    out: Annotated[Path, typer.Option(help="Where the demo's files go.")] = Path("demo-data"),
    port: Annotated[int, typer.Option(help="Port of the site.", min=0, max=65535)] = 8080,
) -> None:
    """Twelve invented public buildings, thirteen months of past, live devices: all in one process."""
    import asyncio
    import logging
    import time
    from dataclasses import replace

    from rich.console import Console

    from beacon.demo import show
    from drivers.errors import BeaconError
    from edge.agent import stop_on_signals

    if not once and port:
        _require_free(port)
    logging.getLogger().setLevel(logging.WARNING)
    console = Console(stderr=True)
    began = time.monotonic()
    try:
        world, site = show.make(out.resolve(), 0 if once else port)
    except OSError as error:
        raise BeaconError(f"{out}: the demo cannot write there: {error.strerror or error}") from error
    past = show.write_past(world, site, console)

    async def run_once() -> list[str]:
        summary, wrong = await show.once(world, site, past, out.resolve(), console)
        path = show.write_summary(replace(summary, seconds=round(time.monotonic() - began, 1)), out)
        console.print(f"{path}: {summary.samples_stored} of {summary.samples_read} samples stored")
        for flagged in summary.flagged:
            console.print(f"  {flagged.building}  {flagged.basis:<13} {flagged.level}")
        return wrong

    async def run_on() -> None:
        await show.stay(world, site, stop_on_signals(), console)

    if not once:
        asyncio.run(run_on())
        return
    wrong = asyncio.run(run_once())
    if wrong:
        raise BeaconError("the demo did not come out as expected:\n" + "\n".join(wrong))


def _require_free(port: int) -> None:
    """The site starts last; that its port is taken is better known first. Raises RequestError."""
    import os
    import socket

    from drivers.errors import RequestError

    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise RequestError(
            f"port {port}: {os.strerror(error.errno or 0)}; choose another with --port"
        ) from error
