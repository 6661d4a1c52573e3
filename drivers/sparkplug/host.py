"""The host's side of Sparkplug B, without I/O: messages in, events out.

Rules: Sparkplug specification 3.0, chapters 4 to 6. A node's birth names its metrics and gives them
aliases; messages are numbered 0 to 255; what does not fit is answered by asking for a new birth.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from drivers.errors import FrameError
from drivers.sparkplug.payload import DataType, Metric, Payload, Value, as_type, decode, encode

logger = logging.getLogger(__name__)

NAMESPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"
MAX_NODES = 10_000
_REBIRTH_AGAIN_MS = 10_000
_SEQUENCE = 256


@dataclass(frozen=True, slots=True)
class Source:
    """An edge node, or one of its devices (`device` empty: the node itself)."""

    group: str
    node: str
    device: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.group, self.node, self.device) if part)


@dataclass(frozen=True, slots=True)
class Values:
    """Metrics of one source at one time. A value of None is null.

    at: Unix milliseconds, None if the source gives no time. historical: older than what is known.
    """

    source: Source
    at: int | None
    values: dict[str, Value | None]
    historical: bool = False


@dataclass(frozen=True, slots=True)
class Online:
    """A source was born: from now on its values come as they change."""

    source: Source


@dataclass(frozen=True, slots=True)
class Offline:
    """A source died, or its node did: its last values are stale."""

    source: Source


@dataclass(frozen=True, slots=True)
class Publish:
    """A message to send, QoS 0, not retained."""

    topic: str
    payload: bytes


Event = Values | Online | Offline | Publish


@dataclass(slots=True)
class _Node:
    online: bool = False
    bd_seq: int | None = None
    next_seq: int = 0
    aliases: dict[int, tuple[str, str, int | None]] = field(default_factory=dict)  # device, name, data type
    types: dict[tuple[str, str], int | None] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    asked_at: int | None = None


class Host:
    """Follows every edge node it hears of.

    gaps: sequence numbers that did not fit. rebirths: births asked for. ignored: deaths of old sessions.
    """

    def __init__(self) -> None:
        self.gaps = 0
        self.rebirths = 0
        self.ignored = 0
        self._nodes: dict[tuple[str, str], _Node] = {}

    def feed(self, topic: str, data: bytes, now: int) -> list[Event]:
        """What a message means. now: Unix milliseconds.

        Raises FrameError for a topic or payload that is no Sparkplug B; the node's state stays as it was.
        """
        kind, source = parse_topic(topic)
        if kind not in _HANDLERS:
            return []
        payload = decode(data)
        key = (source.group, source.node)
        if key not in self._nodes and len(self._nodes) == MAX_NODES:
            raise FrameError(f"more than {MAX_NODES} edge nodes; {source} is left out")
        node = self._nodes.setdefault(key, _Node())
        return list(_HANDLERS[kind](self, node, source, payload, now))

    def online(self, source: Source) -> bool:
        """Whether a source is born and not dead."""
        node = self._nodes.get((source.group, source.node))
        return bool(node and node.online and (not source.device or source.device in node.devices))

    def _node_birth(self, node: _Node, source: Source, payload: Payload, now: int) -> Iterator[Event]:
        was = sorted(node.devices)
        node.online, node.asked_at = True, None
        node.bd_seq = _bd_seq(payload)
        node.next_seq = ((payload.seq or 0) + 1) % _SEQUENCE
        node.aliases.clear()
        node.types.clear()
        node.devices.clear()
        for device in was:
            yield Offline(Source(source.group, source.node, device))
        _learn(node, "", payload)
        yield Online(source)
        yield from _values(node, source, payload)

    def _device_birth(self, node: _Node, source: Source, payload: Payload, now: int) -> Iterator[Event]:
        if not node.online:
            yield from self._ask(node, source, now, "a device was born before its node")
            return
        yield from self._check_sequence(node, source, payload, now)
        node.devices.add(source.device)
        _learn(node, source.device, payload)
        yield Online(source)
        yield from _values(node, source, payload)

    def _data(self, node: _Node, source: Source, payload: Payload, now: int) -> Iterator[Event]:
        if not node.online:
            yield from self._ask(node, source, now, "data came before a birth")
            return
        yield from self._check_sequence(node, source, payload, now)
        if source.device and source.device not in node.devices:
            yield from self._ask(node, source, now, "a device sent data before its birth")
            return
        if any(_name(node, source.device, metric) is None for metric in payload.metrics):
            yield from self._ask(node, source, now, "an alias is not known")
        yield from _values(node, source, payload)

    def _node_death(self, node: _Node, source: Source, payload: Payload, now: int) -> Iterator[Event]:
        if not node.online or _bd_seq(payload) != node.bd_seq:
            self.ignored += 1
            return
        devices = sorted(node.devices)
        node.online = False
        node.devices.clear()
        for device in devices:
            yield Offline(Source(source.group, source.node, device))
        yield Offline(source)

    def _device_death(self, node: _Node, source: Source, payload: Payload, now: int) -> Iterator[Event]:
        if not node.online:
            self.ignored += 1
            return
        yield from self._check_sequence(node, source, payload, now)
        if source.device in node.devices:
            node.devices.discard(source.device)
            yield Offline(source)

    def _check_sequence(self, node: _Node, source: Source, payload: Payload, now: int) -> Iterator[Event]:
        expected = node.next_seq
        if payload.seq is not None:
            node.next_seq = (payload.seq + 1) % _SEQUENCE
        if payload.seq != expected:
            self.gaps += 1
            yield from self._ask(node, source, now, f"message {payload.seq} came where {expected} was due")

    def _ask(self, node: _Node, source: Source, now: int, why: str) -> Iterator[Event]:
        """Ask for a new birth, but not again while one may be under way."""
        if node.asked_at is not None and 0 <= now - node.asked_at < _REBIRTH_AGAIN_MS:
            return
        node.asked_at = now
        self.rebirths += 1
        logger.info("%s: %s, asking for a birth", source, why)
        metric = Metric(REBIRTH, value=True, datatype=DataType.BOOLEAN, at=now)
        topic = f"{NAMESPACE}/{source.group}/NCMD/{source.node}"
        yield Publish(topic, encode(Payload((metric,), at=now)))


_HANDLERS = {
    "NBIRTH": Host._node_birth,
    "DBIRTH": Host._device_birth,
    "NDATA": Host._data,
    "DDATA": Host._data,
    "NDEATH": Host._node_death,
    "DDEATH": Host._device_death,
}
_OTHER_KINDS = frozenset({"NCMD", "DCMD"})


def parse_topic(topic: str) -> tuple[str, Source]:
    """Message type and source of `spBv1.0/group/TYPE/node[/device]`. Raises FrameError."""
    parts = topic.split("/")
    if parts[0] != NAMESPACE or not all(parts):
        raise FrameError(f"no Sparkplug B topic: {topic!r}")
    if parts[1] == "STATE":
        return "STATE", Source("", "")
    kind = parts[2] if len(parts) > 2 else ""
    known = kind in _HANDLERS or kind in _OTHER_KINDS
    if not known or len(parts) != (5 if kind.startswith("D") else 4):
        raise FrameError(f"no Sparkplug B topic: {topic!r}")
    return kind, Source(parts[1], parts[3], parts[4] if len(parts) > 4 else "")


def subscriptions(group: str = "+") -> list[str]:
    """Topics that a host listens to, without the commands, which are its own."""
    return [f"{NAMESPACE}/{group}/{kind}/#" for kind in _HANDLERS]


def state_message(host_id: str, online: bool, at: int) -> tuple[str, bytes]:
    """The host's own birth or, as last will, death: to be retained, QoS 1. at: of the connect, both times."""
    body = json.dumps({"online": online, "timestamp": at}).encode()
    return f"{NAMESPACE}/STATE/{host_id}", body


def _bd_seq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BD_SEQ and isinstance(metric.value, int):
            return metric.value
    return None


def _learn(node: _Node, device: str, payload: Payload) -> None:
    for metric in payload.metrics:
        if metric.alias is not None:
            node.aliases[metric.alias] = (device, metric.name, metric.datatype)
        node.types[device, metric.name] = metric.datatype


def _name(node: _Node, device: str, metric: Metric) -> tuple[str, int | None] | None:
    """Name and data type of a metric of this device; None if the birth did not tell."""
    if metric.name:
        return metric.name, metric.datatype or node.types.get((device, metric.name))
    known = node.aliases.get(metric.alias) if metric.alias is not None else None
    if known is None or known[0] != device:
        return None
    return known[1], metric.datatype or known[2]


def _values(node: _Node, source: Source, payload: Payload) -> Iterator[Values]:
    """The metrics by time and, of one time, historical ones apart; in the order of time."""
    groups: dict[tuple[bool, int | None], dict[str, Value | None]] = {}
    for metric in payload.metrics:
        named = _name(node, source.device, metric)
        if named is None or named[0] == BD_SEQ:
            continue
        name, datatype = named
        at = metric.at if metric.at is not None else payload.at
        value = None if metric.is_null else as_type(metric.value, datatype)
        groups.setdefault((metric.is_historical, at), {})[name] = value
    for (historical, at), values in sorted(
        groups.items(), key=lambda item: (not item[0][0], item[0][1] or 0)
    ):
        yield Values(source, at, values, historical)
