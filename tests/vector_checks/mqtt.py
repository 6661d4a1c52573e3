"""MQTT vectors, through the profiles' topic maps."""

from __future__ import annotations

import re
from typing import Any

from drivers.mqtt.mapper import MqttMapper
from drivers.mqtt.payload import number, parse, path
from drivers.profile import Profile
from drivers.quantity import quantity

from .compare import REFUSED, Comparison, Outcome, canonical, refusal
from .profiles import closeness, profiles

_RECEIVED_AT = 1_800_000_000_000


def check(vector: dict[str, Any]) -> Outcome:
    payload = vector["payload"].encode()
    if vector["status"] in REFUSED:
        return refusal(lambda: parse(payload))
    topic = vector["topic"]
    if vector["device"].startswith("EMQ Neuron"):
        return _check_neuron(vector, parse(payload))
    found = _mapper_for(topic, vector["device"])
    if found is None:
        return Outcome("not applicable", [f"no profile of {vector['device']} reads topic {topic}"])
    mapper, profile = found
    got = _present(mapper, topic, payload)
    comparison = Comparison()
    for value in vector["decoded"]["values"]:
        name = canonical(value["name"])
        if value["name"] == "connection_state":
            comparison.check("online", value["value"] == "online", mapper.online)
        elif name is None or name not in mapper.fields:
            comparison.notes.append(f"profile {profile.name} has no {value['name']}")
        else:
            comparison.quantity(name, value["value"], value["unit"], got.get(name), quantity(name).unit)
    return comparison.outcome()


def _check_neuron(vector: dict[str, Any], document: object) -> Outcome:
    """Neuron's tags have the names of the installation: read by the paths that a profile would use."""
    comparison = Comparison()
    for value in vector["decoded"]["values"]:
        tag = value["name"]
        got = [number(path(way)(document)) for way in (f"values.{tag}", f"tags[name={tag}].value")]
        comparison.check(tag, value["value"], next((one for one in got if one is not None), None))
    return comparison.outcome()


def _present(mapper: MqttMapper, topic: str, payload: bytes) -> dict[str, float]:
    sample = mapper.feed(topic, payload, False, _RECEIVED_AT) or mapper.flush(_RECEIVED_AT + 3_600_000)
    return sample.present() if sample else {}


def _mapper_for(topic: str, device: str) -> tuple[MqttMapper, Profile] | None:
    """The first profile of the device's maker that reads the topic, with the device part it stands for."""
    matches = []
    for profile in profiles().values():
        if profile.mqtt is None or profile.vendor.lower() not in device.lower():
            continue
        wills = [profile.mqtt.will_topic] if profile.mqtt.will_topic else []
        for pattern in [*(one.topic for one in profile.mqtt.topics), *wills]:
            prefix = _prefix(pattern, topic)
            if prefix:
                matches.append((closeness(profile, device), len(profile.mqtt.topics), profile.name, prefix))
    if not matches:
        return None
    *_, name, prefix = max(matches)
    profile = profiles()[name]
    return MqttMapper("m1", profile, prefix), profile


def _prefix(pattern: str, topic: str) -> str | None:
    expression = re.escape(pattern).replace(re.escape("{device}"), "(?P<device>[^/]+)", 1)
    found = re.fullmatch(expression.replace(re.escape("{device}"), "(?P=device)"), topic)
    return found["device"] if found and "device" in found.groupdict() else None
