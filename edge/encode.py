"""Samples and intervals to the bytes of `wire.Batch`, once, without an object a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
import zstandard

from drivers.carrier import Carrier, Direction
from drivers.sample import Sample
from edge.ledger import INTERVAL_S, MICRO, Interval
from edge.spool_rows import EventRow

COMPRESS_ABOVE_BYTES = 1024
ZSTD_LEVEL = 1


class SampleEncoder:
    """Encodes samples of one edge. Keeps the constant part of each device's group as bytes."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, tuple[str, ...]], bytes] = {}
        self._about: dict[str, tuple[str, str]] = {}

    def add_device(self, device: str, building: str, kind: str) -> None:
        """Name the building and the kind (wire.Kind) of a device before its first sample."""
        if self._about.get(device) != (building, kind):
            self._about[device] = (building, kind)
            self._heads = {key: head for key, head in self._heads.items() if key[0] != device}

    def building_of(self, device: str) -> str:
        """The building of a device that was added."""
        return self._about[device][0]

    def groups(self, samples: Sequence[Sample]) -> bytes:
        """The JSON list of sample groups; rows of one device and shape lie together, in order."""
        rows: dict[tuple[str, tuple[str, ...]], list[tuple[object, ...]]] = {}
        for sample in samples:
            row = (sample.at, int(sample.status), *sample.values)
            key = (sample.device, sample.fields)
            if key in rows:
                rows[key].append(row)
            else:
                rows[key] = [row]
        return b"[" + b",".join([self._head(key) + orjson.dumps(rows[key]) + b"}" for key in rows]) + b"]"

    def _head(self, key: tuple[str, tuple[str, ...]]) -> bytes:
        head = self._heads.get(key)
        if head is None:
            device, fields = key
            building, kind = self._about[device]
            group = {"building": building, "device": device, "kind": kind, "fields": fields}
            head = self._heads[key] = orjson.dumps(group)[:-1] + b',"rows":'
        return head


def interval_groups(
    accounts: Iterable[tuple[str, str, Carrier, Direction, Sequence[Interval]]],
) -> bytes:
    """The JSON list of interval groups. accounts: (building, device, carrier, direction, intervals)."""
    return orjson.dumps(
        [
            {
                "building": building,
                "device": device,
                "carrier": carrier,
                "direction": direction,
                "rows": [(i.start, INTERVAL_S, i.energy / MICRO, i.measured_s, i.quality) for i in intervals],
            }
            for building, device, carrier, direction, intervals in accounts
        ]
    )


def event_list(events: Sequence[tuple[str, EventRow]]) -> bytes:
    """The JSON list of `wire.RegisterEvent`. events: (building, event)."""
    return orjson.dumps([{"building": building, **event._asdict()} for building, event in events])


def seal(spool: str, seq: int, sealed_at: int, part: str, groups: bytes) -> bytes:
    """The payload of one batch. part: `samples`, `intervals` or `events`, groups: their JSON list."""
    payload = b'{"v":1,"spool":"%s","seq":%d,"sealed_at":%d,"%s":%s}' % (
        spool.encode(),
        seq,
        sealed_at,
        part.encode(),
        groups,
    )
    if len(payload) <= COMPRESS_ABOVE_BYTES:
        return payload
    return zstandard.compress(payload, ZSTD_LEVEL)
