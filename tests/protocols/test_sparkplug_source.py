"""The Sparkplug host on a real broker: asked for births, values arrive, its state is told."""

import asyncio
import contextlib
import json
from typing import Any

import aiomqtt
import pytest

from drivers.mqtt.source import Broker
from drivers.sample import Sample
from drivers.sparkplug.entry import DeviceEntry
from drivers.sparkplug.mapper import SparkplugMapper
from drivers.sparkplug.payload import DataType, Metric, Payload, decode, encode
from drivers.sparkplug.source import SparkplugSource

ENTRY = DeviceEntry(
    id="m1",
    group="plant",
    node="gw1",
    device="meter",
    metrics={"Energy": "active_energy_import_total"},
)


@pytest.mark.server
async def test_a_host_that_comes_late_asks_for_births_and_then_reads(mosquitto: Any) -> None:
    samples: asyncio.Queue[Sample] = asyncio.Queue()
    source = SparkplugSource(
        Broker("127.0.0.1", mosquitto.port), SparkplugMapper([ENTRY]), samples.put_nowait
    )
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as node:
        await node.subscribe("spBv1.0/plant/NCMD/gw1")
        await node.subscribe("spBv1.0/STATE/beacon")
        running = asyncio.create_task(source.run(), name="sparkplug source")
        messages = node.messages
        assert json.loads(await next_payload(messages))["online"] is True
        await node.publish("spBv1.0/plant/DDATA/gw1/meter", data(1.0, seq=7))
        await node.publish("spBv1.0/plant/NDATA/gw1", b"\xff\xff")
        assert decode(await next_payload(messages)).metrics[0].name == "Node Control/Rebirth"
        await node.publish("spBv1.0/plant/NBIRTH/gw1", birth())
        await node.publish("spBv1.0/plant/DBIRTH/gw1/meter", data(2.0, seq=1, name="Energy"))
        await node.publish("spBv1.0/plant/DDATA/gw1/meter", data(3.0, seq=2))
        async with asyncio.timeout(5):
            got = [(await samples.get()).present() for _ in range(2)]
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert json.loads(await next_payload(messages))["online"] is False
    assert got == [{"active_energy_import_total": 2.0}, {"active_energy_import_total": 3.0}]
    assert source.rejected == 1


def birth() -> bytes:
    return encode(Payload((Metric("bdSeq", value=0, datatype=DataType.INT64),), 0, None))


def data(value: float, seq: int, name: str = "") -> bytes:
    return encode(Payload((Metric(name, 1, value, DataType.DOUBLE),), seq, None))


async def next_payload(messages: Any) -> bytes:
    async with asyncio.timeout(5):
        message = await anext(messages)
    return bytes(message.payload)
