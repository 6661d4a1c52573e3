"""The collector as a program: ingest, edge statuses, rollups, retention and metrics, side by side."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from collector.admission import Admission
from collector.dead_letters import DeadLetters
from collector.ingest import Ingest
from collector.local_day import DEFAULT_ZONE, now_ms
from collector.metrics import Metrics
from collector.model import EdgeRow
from collector.mqtt_link import MqttLink
from collector.registry import Registry
from collector.roller import Roller
from collector.settings import Settings
from collector.sqlite_store import SqliteStore
from collector.store import PartlyStored, Store
from drivers.errors import BeaconError, StoreUnavailable
from edge.wire import EdgeStatus

logger = logging.getLogger(__name__)

MAX_STATUS_BYTES = 256 * 1024
DAY_MS = 86_400_000
OLDEST_MS = 1_704_067_200_000  # 2024-01-01, before there was a Beacon


def today() -> date:
    return datetime.now(ZoneInfo(DEFAULT_ZONE)).date()


def open_store(settings: Settings, registry: Registry) -> Store:
    """The store that collector.toml names. Raises ConfigError or StoreUnavailable."""
    if settings.store.kind == "sqlite":
        return SqliteStore(settings.store.path, registry.zones())
    from collector.influx_store import InfluxStore

    return InfluxStore(settings.store, registry.zones())


def prepare_store(settings: Settings, registry: Registry) -> list[str]:
    """Make what the store needs; returns what was done, one line each. Doing it again changes nothing."""
    if settings.store.kind == "sqlite":
        open_store(settings, registry).close()
        return [f"{settings.store.path}: ready"]
    from collector.influx_init import prepare

    return prepare(settings.store)


def run_loop(main: Coroutine[None, None, None]) -> None:
    """asyncio.run on uvloop, where that is installed.

    Rows live from arrival until they are stored: with Python's defaults the search for cycles walks
    them again and again, a quarter of all time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


async def run(
    settings: Settings,
    registry: Registry,
    store: Store | None = None,
    *,
    ready: Callable[[], None] | None = None,
    clock: Callable[[], int] = now_ms,
    registries: asyncio.Queue[Registry] | None = None,
) -> None:
    """Collect until cancelled. `store`: one that is open already, and stays open.

    ready: called once, when the broker has taken the subscriptions.
    registries: a registry that is put here takes the place of the one before.
    """
    if clock() < OLDEST_MS:
        day = datetime.fromtimestamp(clock() / 1000, UTC).date()
        raise BeaconError(f"this machine's clock says {day}: every reading would lie in the future; set it")
    own = store is None
    open_one = store if store is not None else await asyncio.to_thread(open_store, settings, registry)
    letters = DeadLetters(settings.dead_letters.path, settings.dead_letters.max_mb * 1024 * 1024)
    try:
        news = registries if registries is not None else asyncio.Queue[Registry]()
        await _run(settings, registry, open_one, letters, ready, clock, news)
    finally:
        letters.close()
        if own:
            open_one.close()


async def _run(
    settings: Settings,
    registry: Registry,
    store: Store,
    letters: DeadLetters,
    ready: Callable[[], None] | None,
    clock: Callable[[], int],
    registries: asyncio.Queue[Registry],
) -> None:
    metrics = Metrics()
    link = MqttLink(settings.broker, metrics)
    admission = Admission(registry, clock, settings.limits.future_s * 1000)
    ingest = Ingest(
        store,
        admission,
        letters,
        link.send_ack,
        clock,
        metrics,
        max_batches=settings.limits.max_batches,
        max_bytes=settings.limits.max_mb * 1024 * 1024,
        write_values=settings.limits.write_values,
    )
    statuses = Statuses(store, admission, clock)
    roller = Roller(store, registry, clock)
    if settings.metrics is not None:
        metrics.serve(settings.metrics.host, settings.metrics.port)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(link.run(ingest.receive, statuses.note), name="broker link")
        tasks.create_task(ingest.run(), name="store writer")
        tasks.create_task(statuses.run(), name="edge statuses")
        tasks.create_task(_follow(registries, store, admission, roller), name="registry")
        if settings.rollup.enabled:
            tasks.create_task(roller.run(metrics.dirty_days.set), name="rollups")
        if settings.store.kind == "sqlite":
            tasks.create_task(_prune(store, settings.store.raw_retention_days, clock), name="retention")
        if ready is not None:
            await link.connected.wait()
            ready()


async def _follow(
    registries: asyncio.Queue[Registry], store: Store, admission: Admission, roller: Roller
) -> None:
    """Go on with each registry that comes. Past days stay as they were rolled up."""
    while True:
        new, old = await registries.get(), roller.registry
        changed = [id_ for id_, each in new.buildings.items() if old.buildings.get(id_) not in (each, None)]
        store.zones = new.zones()
        roller.registry = new
        admission.load(new)
        logger.info(
            "registry loaded again: %d buildings, %d new, %d gone, %d changed%s",
            len(new.buildings),
            len(new.buildings.keys() - old.buildings.keys()),
            len(old.buildings.keys() - new.buildings.keys()),
            len(changed),
            "; for their past days: beacon collector roll --from DAY" if changed else "",
        )


async def _prune(store: Store, days: int, clock: Callable[[], int]) -> None:
    while True:
        try:
            gone = await asyncio.to_thread(store.prune, clock() - days * DAY_MS)
            if gone:
                logger.info("dropped %d raw samples older than %d days", gone, days)
        except StoreUnavailable as error:
            logger.warning("retention waits: %s", error)
        await asyncio.sleep(3600)


class Statuses:
    """Keeps the last status of each edge of the registry in the store."""

    def __init__(
        self, store: Store, admission: Admission, clock: Callable[[], int], every_s: float = 1.0
    ) -> None:
        self._store = store
        self._admission = admission
        self._clock = clock
        self._every_s = every_s
        self._waiting: dict[tuple[str, str], EdgeRow] = {}
        self._strangers: set[str] = set()

    def note(self, site: str, edge: str, payload: bytes) -> None:
        """Remember a status until it is written. What is none, or of an unknown edge, is logged once."""
        name = f"{site}/{edge}"
        if name not in self._admission.edges:
            self._tell_once(name, "is in no building's `edges`")
            return
        try:
            if len(payload) > MAX_STATUS_BYTES:
                self._tell_once(name, f"sends a status of {len(payload)} bytes")
                return
            status = EdgeStatus.model_validate_json(payload)
        except ValidationError as error:
            self._tell_once(name, f"sends no status: {error.errors(include_url=False)[0]['msg']}")
            return
        self._strangers.discard(name)
        row = EdgeRow(site, edge, self._clock(), status.model_dump(mode="json"))
        self._waiting[site, edge] = row

    async def run(self) -> None:
        while True:
            await self.flush()
            await asyncio.sleep(self._every_s)

    async def flush(self) -> None:
        rows, self._waiting = self._waiting, {}
        for (site, edge), row in rows.items():
            try:
                await asyncio.to_thread(self._store.write_edge, row)
            except StoreUnavailable:
                self._waiting = rows | self._waiting
                return
            except (PartlyStored, ValueError, TypeError, ArithmeticError) as error:
                self._tell_once(f"{site}/{edge}", f"sends a status that cannot be stored: {error}")

    def _tell_once(self, name: str, problem: str) -> None:
        if name not in self._strangers and len(self._strangers) < 1000:
            self._strangers.add(name)
            logger.warning("edge %s %s", name, problem)
