"""One broker in the building, and the devices that publish to it."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiomqtt

from drivers.errors import FrameError
from drivers.mqtt.cancellation import end_if_cancelled
from drivers.mqtt.mapper import MqttMapper
from drivers.sample import Sample

logger = logging.getLogger(__name__)

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
_WAITING_MESSAGES = 10_000
_FLUSH_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Broker:
    """password is read by the caller from the environment or a file, and never logged."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    identifier: str | None = None


class MqttSource:
    """Subscribes to the topics of all `mappers` and hands their samples on.

    take: called with every sample. clock: Unix time in milliseconds.
    connected: whether the broker is reached. errors: device -> last payload that made no sense.
    """

    def __init__(
        self,
        broker: Broker,
        mappers: Sequence[MqttMapper],
        take: Callable[[Sample], None],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.connected = False
        self.errors: dict[str, str] = {}
        self._broker = broker
        self._mappers = tuple(mappers)
        self._take = take
        self._clock = clock
        self._by_topic: dict[str, list[MqttMapper]] = {}
        for mapper in self._mappers:
            for topic in mapper.topics:
                self._by_topic.setdefault(topic, []).append(mapper)

    async def run(self) -> None:
        """Until it is cancelled. A broker that is away is tried again, ever more slowly."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name=f"mqtt source {self._broker.host}:{self._broker.port}")
            if any(mapper.gathers for mapper in self._mappers):
                tasks.create_task(self._flush(), name="mqtt source flush")

    async def _listen(self) -> None:
        backoff_s = _FIRST_BACKOFF_S
        told = False
        while True:
            try:
                async with self._client() as client:
                    await client.subscribe([(topic, 1) for topic in self._by_topic])
                    end_if_cancelled()
                    logger.info("listening to %s:%d", self._broker.host, self._broker.port)
                    self.connected, told, backoff_s = True, False, _FIRST_BACKOFF_S
                    async for message in client.messages:
                        self._dispatch(message)
            except (aiomqtt.MqttError, OSError) as error:
                end_if_cancelled()
                if not told:
                    logger.warning("broker %s:%d: %s", self._broker.host, self._broker.port, error)
                told = True
            finally:
                self.connected = False
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)

    def _client(self) -> aiomqtt.Client:
        broker = self._broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            tls_context=broker.tls,
            identifier=broker.identifier,
            timeout=10,
            keepalive=30,
            max_queued_incoming_messages=_WAITING_MESSAGES,
        )

    def _dispatch(self, message: aiomqtt.Message) -> None:
        now = self._clock()
        payload = message.payload if isinstance(message.payload, bytes) else b""
        topic = str(message.topic)
        for mapper in self._by_topic.get(topic, ()):
            try:
                sample = mapper.feed(topic, payload, bool(message.retain), now)
            except FrameError as error:
                if mapper.device_id not in self.errors:
                    logger.warning("%s", error)
                self.errors[mapper.device_id] = str(error)
                continue
            if sample is not None:
                if self.errors.pop(mapper.device_id, None):
                    logger.info("%s: payloads make sense again", mapper.device_id)
                self._take(sample)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_EVERY_S)
            now = self._clock()
            for mapper in self._mappers:
                sample = mapper.flush(now)
                if sample is not None:
                    self._take(sample)
