"""The demo's MQTT broker: amqtt inside the process, on a free loopback port."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

HOST = "127.0.0.1"


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def embedded_broker(port: int = 0) -> AsyncIterator[int]:
    """An MQTT 3.1.1 broker while the block runs; gives its port. Open to this machine only.

    Raises BeaconError if the port is taken or amqtt is not installed.
    """
    from drivers.errors import BeaconError

    try:
        from amqtt.broker import Broker
        from amqtt.errors import BrokerError
    except ImportError as error:
        raise BeaconError("the demo needs the embedded broker: pip install 'beacon[all]'") from error

    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.ERROR)
    port = port or free_port()
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    try:
        await broker.start()
    except BrokerError as error:
        raise BeaconError(f"the demo's MQTT broker cannot listen on {HOST}:{port}: {error}") from error
    try:
        yield port
    finally:
        await broker.shutdown()
