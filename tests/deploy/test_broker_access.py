"""The broker of `deploy/` for real: Mosquitto with its configuration, certificates from make-certs.sh."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest
from servers import Mosquitto, free_port

pytestmark = pytest.mark.server
DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass
class Broker:
    certs: Path
    edge_port: int
    centre_port: int

    def tls(self, name: str, authority: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(authority or self.certs / "ca.crt"))
        if name:
            context.load_cert_chain(self.certs / f"{name}.crt", self.certs / f"{name}.key")
        return context

    @contextlib.asynccontextmanager
    async def client(
        self, name: str, centre: bool = False, identifier: str = ""
    ) -> AsyncIterator[aiomqtt.Client]:
        async with aiomqtt.Client(
            "localhost",
            self.centre_port if centre else self.edge_port,
            identifier=identifier or None,
            tls_context=self.tls(name),
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=5,
        ) as client:
            yield client


def certify(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(DEPLOY / "make-certs.sh"), str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    from servers import need

    need("mosquitto")
    root = tmp_path_factory.mktemp("broker")
    root.chmod(0o755)
    for arguments in (
        ["ca"],
        ["server", "localhost", "127.0.0.1"],
        ["collector"],
        ["edge", "hangzhou", "pi-01"],
        ["edge", "hangzhou", "pi-02"],
    ):
        done = certify(root / "certs", *arguments)
        assert done.returncode == 0, done.stderr
    edge_port, centre_port = free_port(), free_port()
    (root / "config").mkdir()
    (root / "data").mkdir()
    (root / "config/acl").write_text((DEPLOY / "mosquitto/acl").read_text())
    (root / "config/acl").chmod(0o700)
    text = (DEPLOY / "mosquitto/mosquitto.conf").read_text().replace("/mosquitto/", f"{root}/")
    for port, free in ((8883, edge_port), (8884, centre_port)):
        assert text.count(f"listener {port}\n") == 1
        text = text.replace(f"listener {port}\n", f"listener {free} 127.0.0.1\n")
    config = root / "mosquitto.conf"
    config.write_text(text + "user root\n")
    server = Mosquitto(root, config=config, port=edge_port)
    server.start()
    yield Broker(root / "certs", edge_port, centre_port)
    server.stop()
    log = (root / "mosquitto.log").read_text()
    ours = [line for line in log.splitlines() if "Warning" in line and "as root" not in line]
    assert not ours, ours


async def heard(client: aiomqtt.Client, until: str) -> list[str]:
    """Topics in the order they come, up to the one named `until`."""
    topics: list[str] = []
    async with asyncio.timeout(10):
        async for message in client.messages:
            topics.append(str(message.topic))
            if topics[-1] == until:
                break
    return topics


async def test_an_edge_publishes_only_below_its_own_prefix(broker: Broker) -> None:
    own, last = "beacon/v1/hangzhou/pi-01/batch", "beacon/v1/hangzhou/pi-01/status"
    refused = [
        "beacon/v1/hangzhou/pi-02/batch",
        "beacon/v1/hangzhou/pi-01/ack",
        "beacon/v1/hangzhou/pi-01/command",
        "beacon/v1/hangzhou/pi-01/x/batch",
        "beacon/v1/ningbo/pi-01/batch",
        "other",
    ]
    async with broker.client("collector", centre=True) as collector, broker.client("hangzhou_pi-01") as edge:
        for leaf in ("batch", "status"):
            await collector.subscribe(f"beacon/v1/+/+/{leaf}", qos=1)
        for topic in (own, *refused, last):
            with contextlib.suppress(aiomqtt.MqttError):
                await edge.publish(topic, b"{}", qos=1)
        assert await heard(collector, last) == [own, last]


async def test_an_edge_hears_only_what_is_meant_for_it(broker: Broker) -> None:
    async with broker.client("collector", centre=True) as collector, broker.client("hangzhou_pi-01") as edge:
        for topic in ("beacon/v1/hangzhou/pi-01/ack", "beacon/v1/hangzhou/+/ack", "#"):
            with contextlib.suppress(aiomqtt.MqttError):
                await edge.subscribe(topic, qos=1)
        for topic in ("beacon/v1/hangzhou/pi-02/ack", "beacon/v1/hangzhou/pi-01/ack"):
            await collector.publish(topic, b"{}", qos=1)
        topics = await heard(edge, "beacon/v1/hangzhou/pi-01/ack")
        assert set(topics) == {"beacon/v1/hangzhou/pi-01/ack"}


async def test_collectors_share_one_subscription(broker: Broker) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()

    async def collect(name: str, ready: asyncio.Event) -> None:
        async with broker.client("collector", centre=True, identifier=name) as client:
            await client.subscribe("$share/collectors/beacon/v1/+/+/batch", qos=1)
            ready.set()
            async for _ in client.messages:
                got.put_nowait(name)

    ready = [asyncio.Event(), asyncio.Event()]
    async with asyncio.timeout(20), broker.client("hangzhou_pi-01") as edge:
        tasks = [asyncio.create_task(collect(f"c{i}", event)) for i, event in enumerate(ready)]
        await asyncio.gather(*(event.wait() for event in ready))
        for _ in range(10):
            await edge.publish("beacon/v1/hangzhou/pi-01/batch", b"{}", qos=1)
        heard_by = [await got.get() for _ in range(10)]
        for task in tasks:
            task.cancel()
    assert got.empty()
    assert set(heard_by) == {"c0", "c1"}


async def test_no_certificate_and_a_foreign_one_are_refused(broker: Broker, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    assert certify(foreign, "ca").returncode == 0
    assert certify(foreign, "edge", "hangzhou", "pi-01").returncode == 0
    contexts = [broker.tls("")]
    intruder = broker.tls("")
    intruder.load_cert_chain(foreign / "hangzhou_pi-01.crt", foreign / "hangzhou_pi-01.key")
    contexts.append(intruder)
    for context in contexts:
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client("localhost", broker.edge_port, tls_context=context, timeout=1):
                pass


async def test_a_broker_of_another_authority_is_not_trusted(broker: Broker, tmp_path: Path) -> None:
    assert certify(tmp_path, "ca").returncode == 0
    context = broker.tls("hangzhou_pi-01", tmp_path / "ca.crt")
    with pytest.raises(aiomqtt.MqttError, match="CERTIFICATE_VERIFY_FAILED"):
        async with aiomqtt.Client("localhost", broker.edge_port, tls_context=context, timeout=1):
            pass


async def test_a_message_above_the_limit_ends_the_connection(broker: Broker) -> None:
    from edge.wire import MAX_PAYLOAD_BYTES

    topic = "beacon/v1/hangzhou/pi-02/batch"
    async with broker.client("collector", centre=True) as collector:
        await collector.subscribe("beacon/v1/+/+/batch", qos=1)
        async with broker.client("hangzhou_pi-02") as edge:
            await edge.publish(topic, bytes(MAX_PAYLOAD_BYTES), qos=1)
        message = await asyncio.wait_for(anext(aiter(collector.messages)), 10)
        assert isinstance(message.payload, bytes)
        assert len(message.payload) == MAX_PAYLOAD_BYTES
        with pytest.raises(aiomqtt.MqttError):
            async with broker.client("hangzhou_pi-02") as edge:
                await edge.publish(topic, bytes(MAX_PAYLOAD_BYTES + 100_000), qos=1, timeout=1)


async def test_a_client_cannot_push_another_out_with_its_client_id(broker: Broker) -> None:
    async with broker.client("hangzhou_pi-01", identifier="hangzhou/pi-01") as edge:
        async with broker.client("hangzhou_pi-02", identifier="hangzhou/pi-01") as other:
            await other.publish("beacon/v1/hangzhou/pi-02/batch", b"{}", qos=1)
        await edge.publish("beacon/v1/hangzhou/pi-01/batch", b"{}", qos=1)


def test_certificates_are_never_overwritten_and_names_are_checked(tmp_path: Path) -> None:
    assert certify(tmp_path, "ca").returncode == 0
    assert certify(tmp_path, "edge", "hangzhou", "pi-01").returncode == 0
    for arguments, message in (
        (["ca"], "there already"),
        (["edge", "hangzhou", "pi-01"], "there already"),
        (["edge", "hangzhou", "pi/02"], "is no name"),
        (["edge", "#", "pi-02"], "is no name"),
        (["nonsense"], "make-certs.sh"),
    ):
        done = certify(tmp_path, *arguments)
        assert done.returncode != 0, arguments
        assert message in done.stderr
    assert (tmp_path / "hangzhou_pi-01.key").stat().st_mode & 0o777 == 0o600
