"""One process that is broker, edge, collector, rules and site together, or any part of that."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from beacon.site_file import Site, WebSettings
from collector.service import open_store
from collector.service import run as run_collector
from collector.store import Store
from drivers.errors import BeaconError
from edge.agent import run as run_edge
from edge.assembly import Agent
from rules.alerts import AlertBook

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger(__name__)

START_WITHIN_S = 30.0
STOP_WITHIN_S = 15.0


@dataclass(slots=True)
class Running:
    """The parts that run, for whoever started them."""

    site: Site
    store: Store
    alerts: AlertBook
    agent: Agent | None = None
    web_port: int = 0
    edge_task: asyncio.Task[None] | None = None
    stop_edge: asyncio.Event = field(default_factory=asyncio.Event)

    async def end_edge(self) -> None:
        """Stop polling; what was read is in the spool or at the collector on return."""
        self.stop_edge.set()
        if self.edge_task is not None:
            await asyncio.wait({self.edge_task}, timeout=STOP_WITHIN_S)


async def run(
    site: Site, *, stop: asyncio.Event, started: Callable[[Running], None] = lambda running: None
) -> None:
    """Run what site.toml names until `stop` is set. Raises BeaconError if a part cannot start."""
    async with running(site) as parts:
        started(parts)
        await stop.wait()


@asynccontextmanager
async def running(site: Site, store: Store | None = None, judge: bool = True) -> AsyncIterator[Running]:
    """The parts while the block runs, started in the order of the data's way and stopped in that order too.

    store: one that is open already, and stays open. judge: evaluate continuously, where site.toml says so.
    Raises BeaconError if a part cannot start; a part that ends later ends the block with its error.
    """
    async with AsyncExitStack() as stack:
        if store is None:
            store = await asyncio.to_thread(open_store, site.settings, site.registry)
            stack.callback(store.close)
        book = AlertBook(site.rules.alerts_path)
        stack.callback(book.close)
        parts = Running(site, store, book)
        if site.file.embedded_broker:
            from beacon.demo.broker import embedded_broker

            await stack.enter_async_context(embedded_broker(site.settings.broker.port))
        try:
            async with asyncio.TaskGroup() as tasks:
                ending = await _start(tasks, parts, judge)
                try:
                    yield parts
                finally:
                    await parts.end_edge()
                    for task in ending:
                        task.cancel()
        except* BeaconError as group:
            raise _first(group) from group


async def _start(tasks: asyncio.TaskGroup, parts: Running, judge: bool) -> list[asyncio.Task[None]]:
    site, store = parts.site, parts.store
    ending: list[asyncio.Task[None]] = []
    if site.file.collect:
        connected = asyncio.Event()
        collector = run_collector(site.settings, site.registry, store, ready=connected.set)
        ending.append(tasks.create_task(collector, name="collector"))
        await _within("the collector", connected, "is the broker up?")
    if site.edge is not None:
        up = asyncio.Event()

        def edge_started(agent: Agent) -> None:
            parts.agent = agent
            up.set()

        edge = run_edge(site.edge, stop=parts.stop_edge, started=edge_started)
        parts.edge_task = tasks.create_task(edge, name="edge")
        await _within("the edge", up, "see the log")
    if judge and site.file.judge:
        from rules.service import run as run_rules

        rules = run_rules(store, site.registry, site.rules, parts.alerts)
        ending.append(tasks.create_task(rules, name="rules"))
    if site.file.web is not None:
        server, listener = _server(parts, site.file.web)
        parts.web_port = listener.getsockname()[1]
        ending.append(tasks.create_task(_serve(server, listener), name="site"))
    return ending


async def _within(what: str, event: asyncio.Event, hint: str) -> None:
    try:
        async with asyncio.timeout(START_WITHIN_S):
            await event.wait()
    except TimeoutError:
        raise BeaconError(f"{what} did not start within {START_WITHIN_S:g} s: {hint}") from None


def _server(parts: Running, web: WebSettings) -> tuple[uvicorn.Server, socket.socket]:
    import uvicorn

    from dashboards.site import create_app
    from dashboards.site.services import SiteServices
    from dashboards.site.sessions import EndedSessions
    from rules.scheme import packaged

    site = parts.site
    services = SiteServices(
        store=parts.store,
        registry=site.registry,
        alerts=parts.alerts,
        announcements=site.announcements,
        users=site.users,
        public=web.public,
        secret=site.web_secret,
        ended=EndedSessions(site.rules.alerts_path.with_name("ended_sessions.sqlite"))
        if site.users is not None
        else EndedSessions(),
        https=web.https,
        hosts=web.names,
        schemes={
            **packaged(),
            **site.rules.schemes,
            **{each.scheme: each.as_scheme for each in site.rules.budgets},
        },
        watched={each.id: each.quantity for each in site.rules.file.condition if each.kind == "value"},
        tables=site.rules.tables,
    )
    listener = _listen(web)
    config = uvicorn.Config(
        create_app(services),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        proxy_headers=bool(web.proxies),
        forwarded_allow_ips=list(web.proxies),
    )
    return uvicorn.Server(config), listener


def _listen(web: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((web.host, web.port))
    except OSError as error:
        listener.close()
        raise BeaconError(
            f"the site cannot listen on {web.host}:{web.port}: {error.strerror}; choose another [web] port"
        ) from error
    return listener


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until cancelled. uvicorn's signal handling is left out: signals are the process's."""
    serving = asyncio.create_task(server._serve([listener]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await serving
        raise
    finally:
        listener.close()


def _first(group: BaseExceptionGroup[BeaconError]) -> BeaconError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, BeaconError)
    return error
