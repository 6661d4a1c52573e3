"""Devices that publish through a real Mosquitto: simulator, broker, source, samples."""

from __future__ import annotations

import asyncio

import aiomqtt
import pytest
from servers import Mosquitto

from drivers.mqtt.mapper import MqttMapper
from drivers.mqtt.source import Broker, MqttSource
from drivers.profile import load
from drivers.sample import Sample, Status
from drivers.simulate.mqtt_device import SimulatedMqttDevice

pytestmark = pytest.mark.server


class Inbox:
    """Samples as they come; `wait` returns the first one that is asked for."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._news = asyncio.Event()

    def take(self, sample: Sample) -> None:
        self.samples.append(sample)
        self._news.set()

    async def wait(self, device: str, known: int = 0) -> Sample:
        async with asyncio.timeout(20):
            while True:
                found = [sample for sample in self.samples[known:] if sample.device == device]
                if found:
                    return found[0]
                self._news.clear()
                await self._news.wait()


async def test_samples_of_many_devices_and_a_broker_that_restarts(mosquitto: Mosquitto) -> None:
    plug, pump, hostile = load("zigbee2mqtt_plug"), load("heishamon"), load("tasmota")
    mappers = [
        MqttMapper("plug", plug, "kitchen"),
        MqttMapper("pump", pump, "pump"),
        MqttMapper("bad", hostile, "bad"),
    ]
    inbox = Inbox()
    source = MqttSource(Broker("127.0.0.1", mosquitto.port), mappers, inbox.take)
    kitchen = SimulatedMqttDevice(plug, "kitchen")
    kitchen.put("active_power_total", 0.75)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(source.run()),
            tasks.create_task(kitchen.run("127.0.0.1", mosquitto.port, 0.2)),
            tasks.create_task(SimulatedMqttDevice(pump, "pump").run("127.0.0.1", mosquitto.port, 0.2)),
        ]
        assert (await inbox.wait("plug")).present()["active_power_total"] == 0.75
        assert "thermal_power_heating" in (await inbox.wait("pump")).present()
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.publish("tele/bad/SENSOR", b"{" * 5000, qos=1)
            known = len(inbox.samples)
            await inbox.wait("plug", known)
        assert "not JSON" in source.errors["bad"]
        mosquitto.kill()
        while source.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        mosquitto.start()
        known = len(inbox.samples)
        await inbox.wait("plug", known)
        assert source.connected
        for task in running:
            task.cancel()


async def test_retained_message_without_a_time_is_of_unknown_age(mosquitto: Mosquitto) -> None:
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.publish("zigbee2mqtt/p", b'{"power": 5}', qos=1, retain=True)
    inbox = Inbox()
    source = MqttSource(
        Broker("127.0.0.1", mosquitto.port), [MqttMapper("p", load("zigbee2mqtt_plug"), "p")], inbox.take
    )
    task = asyncio.create_task(source.run())
    sample = await inbox.wait("p")
    assert sample.status is Status.AGE_UNKNOWN
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
