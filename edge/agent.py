"""The edge agent: from a checked configuration to a running edge, and back to a clean end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from edge.assembly import Agent
from edge.clock import Clock, SystemClock
from edge.config import EdgeConfig
from edge.notify import notify, watchdog_s
from edge.page import StatusPage
from edge.recorder import Recorder
from edge.reload import Readers, on_signal
from edge.spool import Spool

logger = logging.getLogger(__name__)


async def run(
    config: EdgeConfig,
    *,
    clock: Clock | None = None,
    stop: asyncio.Event | None = None,
    started: Callable[[Agent], None] = lambda agent: None,
    load: Callable[[], EdgeConfig] | None = None,
) -> None:
    """Run the edge until `stop` is set or SIGTERM or SIGINT comes; what was read is durable on return.

    load: reads the configuration anew; SIGHUP then takes up what changed about devices.
    started: called once everything runs. Raises sqlite3.Error or OSError if the spool cannot be opened.
    """
    clock = clock or SystemClock(config.clock)
    stop = stop or stop_on_signals()
    spool = Spool(config.spool.path, config.spool.max_bytes, config.spool.max_age_days)
    await spool.open()
    agent = Agent(config, clock, spool, Recorder(config, spool, clock))
    await agent.recorder.start()
    page = StatusPage(agent)
    await page.start()
    agent.page_port = page.port
    orderly = False
    try:
        async with asyncio.TaskGroup() as tasks:
            readers = Readers(agent, tasks)
            readers.start()
            _settle_memory()
            if load is not None:
                on_signal(signal.SIGHUP, partial(readers.reload, load), tasks)
            running = []
            running.append(tasks.create_task(agent.record(), name="record"))
            running.append(tasks.create_task(agent.uplink.run(), name="uplink"))
            running.append(tasks.create_task(_watchdog(), name="watchdog"))
            notify("READY=1")
            started(agent)
            await stop.wait()
            notify("STOPPING=1")
            readers.cancel()
            for task in running:
                task.cancel()
        orderly = True
    except asyncio.CancelledError:
        orderly = True
        raise
    finally:
        page.stop()
        for connection in agent.buses:
            await connection.aclose()
        if orderly:  # after an error the last commit is the truth, as after a power cut
            await agent.flush(last=True)
        await spool.close()


def _settle_memory() -> None:
    """What exists now lives as long as the program: nobody needs to walk it; what was read is given back."""
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _watchdog() -> None:
    beat = watchdog_s()
    while beat:
        notify("WATCHDOG=1")
        await asyncio.sleep(beat)
