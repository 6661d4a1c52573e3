"""Batches to the broker, acknowledgements back. A batch leaves the spool only when it was acknowledged."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiomqtt
import orjson

from drivers.mqtt.cancellation import end_if_cancelled
from edge.clock import Clock
from edge.config import EdgeConfig
from edge.config_file import secret
from edge.spool import Spool
from edge.spool_rows import Sealed
from edge.wire import EdgeStatus, topic

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.5, 30.0
LAST_ACK_TIMEOUT_S = 60.0
PUBLISHERS = 8
STEP_S = 0.2


@dataclass(slots=True)
class _Sent:
    payload: bytes
    overdue_at: float
    timeout_s: float


@dataclass(slots=True)
class UplinkCounts:
    published: int = 0
    resent: int = 0
    stored: int = 0
    partly: int = 0
    rejected: int = 0
    connects: int = 0


class Uplink:
    """One connection to one broker, for ever. `run` returns only when it is cancelled."""

    def __init__(
        self, config: EdgeConfig, spool: Spool, clock: Clock, status: Callable[[], EdgeStatus]
    ) -> None:
        self._config, self._settings = config, config.uplink
        self._spool, self._clock, self._status = spool, clock, status
        self._batch_topic = topic(config.site, config.edge, "batch")
        self._ack_topic = topic(config.site, config.edge, "ack")
        self._status_topic = topic(config.site, config.edge, "status")
        self._live: dict[int, Sealed] = {}
        self._window: dict[int, _Sent] = {}
        self._acked: list[int] = []
        self._forgetting: list[int] = []
        self._numbering = spool.id
        self._silent = False
        self._wake = asyncio.Event()
        self._reasons_told: set[str] = set()
        self.connected = False
        self.counts = UplinkCounts()

    def offer(self, sealed: list[Sealed]) -> None:
        """Send these before the backlog, if there is room; else they are sent with the backlog."""
        if sealed and self.connected:
            self._live.update((batch.seq, batch) for batch in sealed)
            while len(self._live) > self._settings.window:
                del self._live[next(iter(self._live))]
            self._wake.set()

    def take_acknowledged(self) -> list[int]:
        """The batches that the spool may forget now; they count as gone until the next call."""
        self._forgetting, self._acked = self._acked, []
        return self._forgetting

    @property
    def unacknowledged(self) -> int:
        return len(self._window)

    async def run(self) -> None:
        """Stay connected, ever more patiently; tell of a loss and of a return, once each."""
        backoff, told = FIRST_BACKOFF_S, False
        while True:
            try:
                async with self._client() as client:
                    end_if_cancelled()
                    logger.info("connected to %s:%d", self._settings.host, self._settings.port)
                    backoff, told = FIRST_BACKOFF_S, False
                    await self._serve(client)
            except* (aiomqtt.MqttError, OSError) as group:
                end_if_cancelled()
                if not told:
                    told = True
                    logger.warning(
                        "broker %s:%d: %s; data waits in the spool",
                        self._settings.host,
                        self._settings.port,
                        _first(group),
                    )
            finally:
                self.connected = False
            await asyncio.sleep(backoff * random.uniform(0.5, 1))
            backoff = min(LAST_BACKOFF_S, backoff * 2)

    def _client(self) -> aiomqtt.Client:
        settings = self._settings
        version5 = settings.protocol == "5"
        offline = EdgeStatus(online=False, config_hash=self._config.hash)
        return aiomqtt.Client(
            settings.host,
            settings.port,
            identifier=f"beacon-{self._config.site}-{self._config.edge}",
            username=settings.username,
            password=secret(settings.password_file, settings.password_env),
            protocol=aiomqtt.ProtocolVersion.V5 if version5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if version5 else True,
            clean_start=True if version5 else 3,
            keepalive=settings.keepalive_s,
            tls_context=self._tls(),
            will=aiomqtt.Will(self._status_topic, offline.model_dump_json(), qos=1, retain=True),
            max_queued_incoming_messages=10_000,
        )

    def _tls(self) -> ssl.SSLContext | None:
        settings = self._settings
        if not settings.tls:
            return None
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        return context

    async def _serve(self, client: aiomqtt.Client) -> None:
        await client.subscribe(self._ack_topic, qos=1)
        end_if_cancelled()
        self.counts.connects += 1
        self._live.clear()
        for sent in self._window.values():
            sent.overdue_at = 0
            sent.timeout_s = self._settings.ack_timeout_s
        self.connected = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(client), name="uplink acknowledgements")
                tasks.create_task(self._report(client), name="uplink status")
                await self._send(client, tasks)
        except asyncio.CancelledError:
            with suppress(aiomqtt.MqttError):
                await self._say_goodbye(client)
            raise

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        status = self._status().model_copy(update={"online": False})
        await client.publish(self._status_topic, status.model_dump_json(), qos=1, retain=True, timeout=2)

    async def _report(self, client: aiomqtt.Client) -> None:
        while True:
            await client.publish(self._status_topic, self._status().model_dump_json(), qos=1, retain=True)
            end_if_cancelled()
            await asyncio.sleep(self._settings.status_s)

    async def _send(self, client: aiomqtt.Client, tasks: asyncio.TaskGroup) -> None:
        """Live batches at once, overdue ones again, then as much of the backlog as the pace allows."""
        loop = asyncio.get_running_loop()
        room_to_publish = asyncio.Semaphore(PUBLISHERS)
        allowance, before = 1.0, loop.time()

        async def publish(payload: bytes) -> None:
            try:
                await client.publish(self._batch_topic, payload, qos=1)
            finally:
                room_to_publish.release()

        async def send(batch: Sealed) -> None:
            await room_to_publish.acquire()
            timeout = self._settings.ack_timeout_s
            self._window[batch.seq] = _Sent(batch.payload, loop.time() + timeout, timeout)
            self.counts.published += 1
            tasks.create_task(publish(batch.payload), name=f"publish {batch.seq}")

        while True:
            self._wake.clear()
            if self._spool.id != self._numbering:  # a new file began: the old one's numbers mean nothing
                self._numbering = self._spool.id
                self._window.clear()
                self._acked.clear()
            for sent in [s for s in self._window.values() if s.overdue_at <= loop.time()]:
                await room_to_publish.acquire()
                sent.timeout_s = min(LAST_ACK_TIMEOUT_S, sent.timeout_s * 2)
                if sent.overdue_at:
                    self._tell_silence()
                sent.overdue_at = loop.time() + sent.timeout_s
                self.counts.resent += 1
                tasks.create_task(publish(sent.payload), name="publish again")
            while self._live and len(self._window) < self._settings.window:
                await send(self._live.pop(next(iter(self._live))))
            now = loop.time()
            pace = self._settings.backfill_per_s
            allowance = min(max(1.0, pace), allowance + (now - before) * pace)
            before = now
            for batch in await self._backlog(int(allowance)):
                if batch.seq not in self._live and batch.seq not in self._window:
                    allowance -= 1
                    await send(batch)
            try:
                async with asyncio.timeout(STEP_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _backlog(self, allowance: int) -> list[Sealed]:
        """What waits and is not under way; a quarter of the window stays free for live batches."""
        room = self._settings.window - self._settings.window // 4 - len(self._window)
        limit = min(room, allowance, PUBLISHERS)
        known = len(self._window) + len(self._acked) + len(self._live)
        if limit <= 0 or self._spool.depth.batches <= known:
            return []
        leave_out = frozenset([*self._window, *self._acked, *self._forgetting, *self._live])
        return await self._spool.waiting(leave_out, limit)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if message.topic.value != self._ack_topic:
                continue  # amqtt has been seen to deliver the edge's own status after a restart
            try:
                self._acknowledge(orjson.loads(bytes(message.payload)))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._tell_once(f"malformed acknowledgement: {type(error).__name__}: {error}")

    def _acknowledge(self, message: dict[str, Any]) -> None:
        """Apply an AckMessage. Its shape is checked by use: this runs for every batch."""
        if message["v"] != 1 or message["spool"] != self._spool.id:
            return
        if self._silent:
            self._silent = False
            logger.info("the collector acknowledges again")
        for ack in message["acks"]:
            seq, result = int(ack["seq"]), ack["result"]
            if self._window.pop(seq, None) is None:
                continue
            self._acked.append(seq)
            if result == "stored":
                self.counts.stored += 1
                continue
            if result == "partly":
                self.counts.partly += 1
            else:
                self.counts.rejected += 1
            for reason in ack.get("reasons", ["no reason given"]):
                self._tell_once(f"collector {result} {reason}")
        self._clock.told(int(message["time"]))
        self._wake.set()

    def _tell_silence(self) -> None:
        if not self._silent:
            self._silent = True
            logger.warning(
                "no acknowledgement in time for %d batches: is a collector running, and may this edge "
                "publish as %s/%s? They stay in the spool and are sent again",
                len(self._window),
                self._config.site,
                self._config.edge,
            )

    def _tell_once(self, text: str) -> None:
        if text not in self._reasons_told and len(self._reasons_told) < 1000:
            self._reasons_told.add(text)
            logger.warning("%s", text)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
