"""Messages of one device to samples, as its profile maps them. Knows no socket and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from drivers.errors import ConfigError, FrameError, Problem
from drivers.mqtt import payload as P
from drivers.profile import Profile
from drivers.quantity import Kind, quantity
from drivers.sample import Sample, Status
from drivers.schema import MqttPoint, MqttTopic
from drivers.units import to_unit

_FUTURE_MS = 300_000  # a device whose clock is further ahead has a wrong clock


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of a topic: where it stands and how it is converted."""

    index: int
    find: P.Path | None
    numerator: int
    shift: int
    denominator: int
    minimum: float
    maximum: float
    sentinels: frozenset[float]
    map: dict[str, float] | None
    sum: bool

    def read(self, document: object) -> float | None:
        found = self.find(document) if self.find else document
        if isinstance(found, list):
            numbers = [self._number(element) for element in found] if self.sum else []
            known = [number for number in numbers if number is not None]
            raw = sum(known) if known and len(known) == len(numbers) else None
        else:
            raw = self._number(found)
        if raw is None or raw in self.sentinels:
            return None
        value = round((raw * self.numerator + self.shift) / self.denominator, 9)
        return value if self.minimum <= value <= self.maximum else None

    def _number(self, found: object) -> float | None:
        if self.map is None:
            return P.number(found)
        word = str(found).strip().lower()
        if word in self.map:
            return self.map[word]
        raw = P.number(found)
        return None if raw is None else self.map.get(f"{raw:g}")


@dataclass(frozen=True, slots=True)
class _Topic:
    values: tuple[_Value, ...]
    time: P.Path | None
    bare: bool  # the payload is the value, not JSON


class MqttMapper:
    """One device that publishes.

    prefix: what stands for `{device}` in the profile's topics; the profile's own if None.
    online: what the last will said, None if nothing yet. rejected: payloads that made no sense.
    Raises ConfigError if the prefix cannot be part of a topic or the profile maps no topics.
    """

    def __init__(self, device_id: str, profile: Profile, prefix: str | None = None) -> None:
        section = profile.mqtt
        prefix = prefix if prefix is not None else (section.prefix if section else "")
        problem = "" if section else f"the profile {profile.name} maps no MQTT topics"
        if not prefix or set(prefix) & {"+", "#", "\0"}:
            problem = f"{prefix!r} cannot be part of a topic"
        if problem or section is None:
            raise ConfigError([Problem("edge.toml", f"devices.{device_id}.topic", problem)])
        self.device_id = device_id
        self.profile = profile
        self.online: bool | None = None
        self.rejected = 0
        self.fields = profile.quantities()
        self._gather_ms = round(1000 * section.gather_s)
        self._hold_ms = round(1000 * section.hold_s)
        self._will = section.will_topic.replace("{device}", prefix) if section.will_topic else None
        self._words = {section.online.lower(): True, section.offline.lower(): False}
        self._topics: dict[str, list[_Topic]] = {}
        for topic in section.topics:
            compiled = _compile(topic, self.fields)
            self._topics.setdefault(topic.topic.replace("{device}", prefix), []).append(compiled)
        self._counter = [quantity(name).kind is Kind.CUMULATIVE for name in self.fields]
        self._held: list[tuple[float, int] | None] = [None] * len(self.fields)
        self._fresh: dict[int, float] = {}
        self._due_at: int | None = None
        self._status = Status.GOOD

    @property
    def topics(self) -> list[str]:
        """Topics to subscribe to."""
        return [*self._topics, *([self._will] if self._will else [])]

    @property
    def gathers(self) -> bool:
        """Whether values wait for `flush`."""
        return self._gather_ms > 0

    @property
    def due_at(self) -> int | None:
        """When gathered values want `flush`, Unix milliseconds; None if there are none."""
        return self._due_at

    def feed(self, topic: str, payload: bytes, retained: bool, received_at: int) -> Sample | None:
        """The sample that a message completes, if it does.

        retained: the broker kept it, its age is unknown unless it carries a time.
        received_at: Unix milliseconds. Raises FrameError for a payload that makes no sense.
        """
        if topic == self._will:
            self._note_will(payload)
            return None
        at = None
        found = False
        try:
            for mapped in self._topics.get(topic, ()):
                document: object = P.text(payload) if mapped.bare else P.parse(payload)
                for value in mapped.values:
                    number = value.read(document)
                    if number is not None:
                        self._fresh[value.index] = number
                        found = True
                if mapped.time is not None and found:
                    at = P.instant_ms(mapped.time(document))
        except FrameError as error:
            self.rejected += 1
            raise FrameError(f"{self.device_id} (topic {topic}): {error}") from None
        if not found:
            return None
        if at is not None and at > received_at + _FUTURE_MS:
            at = None
        if retained and at is None:
            self._status |= Status.AGE_UNKNOWN
        if not self._gather_ms:
            return self._sample(received_at if at is None else at)
        if self._due_at is None:
            self._due_at = received_at + self._gather_ms
        return None

    def flush(self, now: int) -> Sample | None:
        """The sample of what was gathered, if its time has come."""
        if self._due_at is None or now < self._due_at:
            return None
        return self._sample(now)

    def _sample(self, at: int) -> Sample:
        """Fresh values, and held ones that are not counters: a counter repeated later would be an answer
        that the device never gave."""
        for index, number in self._fresh.items():
            self._held[index] = (number, at)
        values = tuple(self._value(index, at) for index in range(len(self.fields)))
        sample = Sample(self.device_id, at, self.fields, values, self._status)
        self._fresh.clear()
        self._due_at = None
        self._status = Status.GOOD
        return sample

    def _value(self, index: int, at: int) -> float | None:
        if index in self._fresh:
            return self._fresh[index]
        held = self._held[index]
        if held is None or self._counter[index] or at - held[1] >= self._hold_ms:
            return None
        return held[0]

    def _note_will(self, payload: bytes) -> None:
        try:
            self.online = self._words.get(P.text(payload).lower(), self.online)
        except FrameError:
            self.rejected += 1


def _compile(topic: MqttTopic, fields: tuple[str, ...]) -> _Topic:
    values = tuple(_value(point, fields.index(name), name) for name, point in topic.points.items())
    bare = all(not point.path for point in topic.points.values())
    return _Topic(values, P.path(topic.time) if topic.time else None, bare)


def _value(point: MqttPoint, index: int, name: str) -> _Value:
    known = quantity(name)
    scale, offset = to_unit(known.unit if point.unit is None else point.unit, known.unit)
    weight = Fraction(str(point.scale)) * scale
    shift = Fraction(str(point.offset)) * scale + offset
    denominator = weight.denominator * shift.denominator
    low, high = known.minimum, known.maximum
    if point.range is not None:
        low, high = (max(low, point.range[0] * float(scale)), min(high, point.range[1] * float(scale)))
    return _Value(
        index=index,
        find=P.path(point.path) if point.path else None,
        numerator=int(weight * denominator),
        shift=int(shift * denominator),
        denominator=denominator,
        minimum=low,
        maximum=high,
        sentinels=frozenset(point.sentinels),
        map={key.lower(): number for key, number in point.map.items()} if point.map else None,
        sum=point.sum,
    )
