"""One broker with Sparkplug B edge nodes: listens as host, asks for births, hands samples on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

import aiomqtt

from drivers.errors import FrameError
from drivers.mqtt.cancellation import end_if_cancelled
from drivers.mqtt.source import Broker
from drivers.sample import Sample
from drivers.sparkplug.host import Host, Offline, Online, Publish, Values, state_message, subscriptions
from drivers.sparkplug.mapper import SparkplugMapper

logger = logging.getLogger(__name__)

_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.5, 30.0
_WAITING_MESSAGES = 10_000


class SparkplugSource:
    """The host application of a building.

    host_id: its name below `spBv1.0/STATE`. group: listen to this group only.
    take: called with every sample. clock: Unix time in milliseconds.
    connected: whether the broker is reached. rejected: messages that were no Sparkplug B.
    """

    def __init__(
        self,
        broker: Broker,
        mapper: SparkplugMapper,
        take: Callable[[Sample], None],
        host_id: str = "beacon",
        group: str = "+",
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.connected = False
        self.rejected = 0
        self.host = Host()
        self._broker = broker
        self._mapper = mapper
        self._take = take
        self._host_id = host_id
        self._group = group
        self._clock = clock
        self._backoff_s = _FIRST_BACKOFF_S
        self._told = False

    async def run(self) -> None:
        """Until it is cancelled. A broker that is away is tried again, ever more slowly."""
        while True:
            try:
                await self._listen()
            except (aiomqtt.MqttError, OSError) as error:
                end_if_cancelled()
                if not self._told:
                    logger.warning("broker %s:%d: %s", self._broker.host, self._broker.port, error)
                self._told = True
            finally:
                self.connected = False
            await asyncio.sleep(self._backoff_s)
            self._backoff_s = min(2 * self._backoff_s, _LONGEST_BACKOFF_S)

    async def _listen(self) -> None:
        """One session. What happened while we were away is unknown: every node must be born again.

        A host first listens, then says that it is online (specification 3.0, section 5.3).
        """
        started = self._clock()
        topic, body = state_message(self._host_id, False, started)
        async with self._client(aiomqtt.Will(topic, body, qos=1, retain=True)) as client:
            self.host = Host()
            await client.subscribe([(pattern, 0) for pattern in subscriptions(self._group)])
            topic, body = state_message(self._host_id, True, started)
            await client.publish(topic, body, qos=1, retain=True)
            end_if_cancelled()
            logger.info("Sparkplug host %s on %s:%d", self._host_id, self._broker.host, self._broker.port)
            self.connected, self._told, self._backoff_s = True, False, _FIRST_BACKOFF_S
            try:
                async for message in client.messages:
                    for publish in self._dispatch(message):
                        await client.publish(publish.topic, publish.payload, qos=0)
                        end_if_cancelled()
            except asyncio.CancelledError:
                topic, body = state_message(self._host_id, False, started)
                with contextlib.suppress(aiomqtt.MqttError):
                    await client.publish(topic, body, qos=1, retain=True, timeout=1)
                raise

    def _client(self, will: aiomqtt.Will) -> aiomqtt.Client:
        broker = self._broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            tls_context=broker.tls,
            identifier=broker.identifier,
            will=will,
            clean_session=True,
            timeout=10,
            keepalive=30,
            max_queued_incoming_messages=_WAITING_MESSAGES,
        )

    def _dispatch(self, message: aiomqtt.Message) -> list[Publish]:
        now = self._clock()
        payload = message.payload if isinstance(message.payload, bytes) else b""
        try:
            events = self.host.feed(str(message.topic), payload, now)
        except FrameError as error:
            if not self.rejected:
                logger.warning("topic %s: %s", message.topic, error)
            self.rejected += 1
            return []
        for event in events:
            if isinstance(event, Values):
                for sample in self._mapper.samples(event, now):
                    self._take(sample)
            elif isinstance(event, Online | Offline):
                state = "online" if isinstance(event, Online) else "offline"
                logger.info("Sparkplug %s is %s", event.source, state)
        return [event for event in events if isinstance(event, Publish)]
