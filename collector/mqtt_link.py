"""The collector's side of the broker: batches and statuses in, acknowledgements out, for ever.

The one file of this folder that knows aiomqtt.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import ssl
from collections.abc import Awaitable, Callable

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.metrics import Metrics
from collector.settings import BrokerSettings
from drivers.mqtt.cancellation import end_if_cancelled
from edge.wire import MAX_PAYLOAD_BYTES, TOPIC_ROOT, AckMessage, topic

logger = logging.getLogger(__name__)

IN_FLIGHT = 200  # messages that the broker hands over before the first of them is stored
_TOPIC = re.compile(
    rf"{TOPIC_ROOT}/([A-Za-z0-9][\w.-]{{0,63}})/([A-Za-z0-9][\w.-]{{0,63}})/(batch|status)", re.A
)

OnBatch = Callable[[str, str, bytes, Callable[[], None]], Awaitable[None]]
OnStatus = Callable[[str, str, bytes], None]


class MqttLink:
    """Keeps one connection to the broker, and makes it again ever more slowly while it fails."""

    def __init__(self, settings: BrokerSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._client: aiomqtt.Client | None = None
        self.connected = asyncio.Event()

    async def run(self, on_batch: OnBatch, on_status: OnStatus) -> None:
        """Hand over what arrives, until cancelled."""
        wait_s, told = 1.0, ""
        while True:
            try:
                async with self._new_client() as client:
                    await self._subscribe(client)
                    end_if_cancelled()
                    logger.info("connected to the broker at %s:%d", self._settings.host, self._settings.port)
                    self._client, wait_s, told = client, 1.0, ""
                    self._metrics.connected.set(1)
                    self.connected.set()
                    await self._listen(client, on_batch, on_status)
            except aiomqtt.MqttError as error:
                end_if_cancelled()
                if str(error) != told:
                    where = f"{self._settings.host}:{self._settings.port}"
                    logger.warning("broker %s: %s; trying again", where, error)
                    told = str(error)
            finally:
                self._client = None
                self._metrics.connected.set(0)
                self.connected.clear()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, 30.0)

    async def send_ack(self, site: str, edge: str, message: AckMessage) -> None:
        """Publish, or give up: an edge that hears nothing sends again, and stores nothing twice."""
        client = self._client
        if client is None:
            return
        try:
            payload = message.model_dump_json().encode()
            await client.publish(topic(site, edge, "ack"), payload, qos=1, timeout=10)
        except aiomqtt.MqttError as error:
            logger.info("acknowledgement for %s/%s not sent: %s", site, edge, error)

    def _new_client(self) -> aiomqtt.Client:
        settings, version5 = self._settings, self._settings.protocol == "5"
        properties = None
        if version5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = IN_FLIGHT
            properties.MaximumPacketSize = MAX_PAYLOAD_BYTES + 4096
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username or None,
            password=settings.password or None,
            identifier=settings.client_id or f"beacon-collector-{secrets.token_hex(4)}",
            protocol=aiomqtt.ProtocolVersion.V5 if version5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if version5 else True,
            properties=properties,
            max_queued_incoming_messages=2 * IN_FLIGHT,
            tls_context=_tls_context(settings),
            timeout=10,
            keepalive=30,
        )
        client.pending_calls_threshold = 10_000
        # The broker then keeps the number of unstored messages within IN_FLIGHT.
        client._client.manual_ack_set(True)
        return client

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        batches = f"{TOPIC_ROOT}/+/+/batch"
        if self._settings.protocol == "5" and self._settings.shared_group:
            batches = f"$share/{self._settings.shared_group}/{batches}"
        granted = await client.subscribe([(batches, 1), (f"{TOPIC_ROOT}/+/+/status", 1)])
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if any(code >= 0x80 for code in codes):
            raise aiomqtt.MqttError(f"the broker refuses the subscription to {batches}: check its ACL")

    async def _listen(self, client: aiomqtt.Client, on_batch: OnBatch, on_status: OnStatus) -> None:
        async for message in client.messages:
            found = _TOPIC.fullmatch(str(message.topic))
            payload = message.payload

            def done(mid: int = message.mid, qos: int = message.qos) -> None:
                client._client.ack(mid, qos)

            if found is None or not isinstance(payload, bytes | bytearray):
                done()
                continue
            site, edge, leaf = found.groups()
            if leaf == "batch":
                await on_batch(site, edge, bytes(payload), done)
            else:
                on_status(site, edge, bytes(payload))
                done()


def _tls_context(settings: BrokerSettings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls.ca_file)
        if settings.tls.cert_file is not None:
            context.load_cert_chain(settings.tls.cert_file, settings.tls.key_file)
    except OSError as error:  # read at every connection: certificates are renewed
        raise aiomqtt.MqttError(f"certificates of broker.tls: {error}") from error
    return context
