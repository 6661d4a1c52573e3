"""The process of an edge: the loop, and nothing that the agent does not need in its memory."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from drivers.errors import BeaconError
from edge import agent, config_file

logger = logging.getLogger(__name__)


def main(path: Path) -> None:
    """Check the file and run. Raises ConfigError, or BeaconError if the spool cannot be opened."""
    config = config_file.load(path)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(agent.run(config, load=lambda: config_file.load(path)))
    except (sqlite3.Error, OSError) as error:
        raise BeaconError(f"spool {config.spool.path}: {error}") from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed; None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
