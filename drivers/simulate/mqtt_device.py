"""A simulated MQTT device: payloads as its profile maps them, values from a load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import aiomqtt
import orjson

from drivers.mqtt.cancellation import end_if_cancelled
from drivers.profile import Profile
from drivers.quantity import quantity
from drivers.schema import MqttPoint, MqttTopic
from drivers.simulate.physics import Load, Values
from drivers.units import to_unit


class SimulatedMqttDevice:
    """Publishes what a device of this profile would. prefix: as in `MqttMapper`. clock: Unix seconds."""

    def __init__(
        self,
        profile: Profile,
        prefix: str | None = None,
        load: Values | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        assert profile.mqtt is not None
        self.profile = profile
        self.load: Values = load or Load()
        self._section = profile.mqtt
        self._prefix = prefix if prefix is not None else self._section.prefix
        self._clock = clock
        self._put: dict[str, float] = {}

    def put(self, name: str, value: float | None) -> None:
        """Publish this value from now on, in the quantity's unit; None: follow the load again."""
        if value is None:
            self._put.pop(name, None)
        else:
            self._put[name] = value

    def value(self, name: str) -> float:
        """The value of a quantity now."""
        return self._put[name] if name in self._put else self.load.value(name, self._clock())

    def messages(self) -> Iterator[tuple[str, bytes]]:
        """(topic, payload) of one round."""
        for topic in self._section.topics:
            yield topic.topic.replace("{device}", self._prefix), self._payload(topic)

    async def run(self, host: str, port: int, every_s: float = 10.0) -> None:
        """Publish rounds until cancelled; waits for a broker that is away."""
        while True:
            try:
                async with aiomqtt.Client(host, port, timeout=5) as client:
                    while True:
                        for topic, payload in self.messages():
                            await client.publish(topic, payload, qos=1)
                        end_if_cancelled()
                        await asyncio.sleep(every_s)
            except aiomqtt.MqttError:
                end_if_cancelled()
                await asyncio.sleep(1.0)

    def _payload(self, topic: MqttTopic) -> bytes:
        document: dict[str, Any] = {}
        for name, point in topic.points.items():
            raw = self._raw(name, point)
            if not point.path:
                return str(raw).encode()
            if not point.sum or "[" in point.path:
                _place(document, point.path, raw)
        for name, point in topic.points.items():
            if point.sum and _missing(document, point.path):
                _place(document, point.path, self._raw(name, point))
        if topic.time:
            _place(document, topic.time, round(self._clock() * 1000))
        return orjson.dumps(document)

    def _raw(self, name: str, point: MqttPoint) -> float | str:
        value = self.value(name)
        if point.map is not None:
            return next(
                (word for word, number in point.map.items() if number == value), next(iter(point.map))
            )
        known = quantity(name)
        scale, offset = to_unit(known.unit if point.unit is None else point.unit, known.unit)
        raw = (Fraction(str(round(value, 6))) - offset) / scale
        return round(float((raw - Fraction(str(point.offset))) / Fraction(str(point.scale))), 6)


def _place(document: dict[str, Any], path: str, value: float | str) -> None:
    """Put a value where the path says; `key[2]` makes an array."""
    at = document
    *parents, last = path.split(".")
    for key in parents:
        at = at.setdefault(key, {})
    key, bracket, index = last.rstrip("]").partition("[")
    if not bracket:
        at.setdefault(key, value)
        return
    elements = at.get(key)
    if not isinstance(elements, list):
        elements = at[key] = []
    while len(elements) <= int(index):
        elements.append(None)
    elements[int(index)] = value


def _missing(document: dict[str, Any], path: str) -> bool:
    at: Any = document
    for key in path.split("."):
        if not isinstance(at, dict) or key not in at:
            return True
        at = at[key]
    return False
