"""The tasks that read devices, one a bus or broker; changed by difference when edge.toml has changed.

What did not change reads on undisturbed; nothing that was read is lost, and counters keep their accounts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from drivers.errors import ConfigError
from edge.assembly import Agent, Reader
from edge.config import EdgeConfig

logger = logging.getLogger(__name__)

FIXED = ("site", "edge", "clock", "uplink", "spool", "status")
_Make = Callable[[], Reader | None]


@dataclass(slots=True)
class _Part:
    """made_of: everything of the configuration that the reader was made of."""

    made_of: object
    reader: Reader
    task: asyncio.Task[None]


class Readers:
    """Starts the readers of an agent in a task group, and swaps those whose configuration changed."""

    def __init__(self, agent: Agent, tasks: asyncio.TaskGroup) -> None:
        self._agent, self._tasks = agent, tasks
        self._parts: dict[str, _Part] = {}

    def start(self) -> None:
        """Start every reader of the agent's configuration that does not run yet."""
        for name, (made_of, make) in self._wanted(self._agent.config).items():
            if name in self._parts:
                continue
            reader = make()
            if reader is not None:
                task = self._tasks.create_task(reader.run(), name=name)
                self._parts[name] = _Part(made_of, reader, task)

    def cancel(self) -> None:
        """Stop reading; the agent closes the connections."""
        for part in self._parts.values():
            part.task.cancel()

    async def reload(self, load: Callable[[], EdgeConfig]) -> None:
        """Take up a changed file. A bad one, or one that needs a restart, is told and changes nothing."""
        try:
            config = await asyncio.to_thread(load)
        except ConfigError as error:
            logger.error("not reloaded, the edge runs on as it was:\n%s", error)
            return
        fixed = [name for name in FIXED if getattr(config, name) != getattr(self._agent.config, name)]
        if fixed:
            logger.error("not reloaded: a change of %s needs a restart", ", ".join(fixed))
            return
        wanted = self._wanted(config)
        gone = [n for n, part in self._parts.items() if n not in wanted or wanted[n][0] != part.made_of]
        for name in gone:
            await self._stop(name)
        await self._agent.adopt(config)
        before = set(self._parts)
        self.start()
        begun = sorted(set(self._parts) - before)
        logger.info("reloaded: stopped %s; started %s", ", ".join(gone) or "none", ", ".join(begun) or "none")

    async def _stop(self, name: str) -> None:
        part = self._parts.pop(name)
        part.task.cancel()
        await asyncio.gather(part.task, return_exceptions=True)
        await self._agent.remove(part.reader)

    def _wanted(self, config: EdgeConfig) -> dict[str, tuple[object, _Make]]:
        """Name of each reader: what it is made of, and how."""
        agent, wanted = self._agent, dict[str, tuple[object, _Make]]()
        for bus in config.bus:
            devices = config.devices_on(bus)
            on_bus = (bus, devices, [config.model_of(device) for device in devices], config.poll)
            wanted[f"bus {bus.name}"] = (on_bus, partial(agent.add_bus, bus))
        for source in config.mqtt_source:
            published = (source, [config.model_of(device) for device in source.device])
            wanted[f"mqtt source {source.name}"] = (published, partial(agent.add_source, source))
        for host in config.sparkplug_source:
            wanted[f"sparkplug {host.name}"] = (host, partial(agent.add_sparkplug, host))
        return wanted


def on_signal(number: int, act: Callable[[], Coroutine[Any, Any, None]], tasks: asyncio.TaskGroup) -> None:
    """Run `act` in the group at every such signal, where signals can be handled."""
    try:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(number, lambda: tasks.create_task(act(), name="reload"))
    except (NotImplementedError, RuntimeError, ValueError):
        return
