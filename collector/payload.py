"""One MQTT payload to checked groups, without an object a value where the payload is well formed.

`parse` cuts a text apart whose heads it has seen before (`batch_cut`), else takes the quick way
when plain comparisons prove the batch right, and lets pydantic (`edge.wire.Batch`) decide about
everything else. Whatever the quick ways take, pydantic takes with the same content; a test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import zstandard
from pydantic import ValidationError

from collector.batch_cut import FIRST_MS, CheckedSamples, Head, cut_samples, learn
from collector.model import EventRow
from drivers.carrier import Carrier, Direction
from drivers.errors import BeaconError
from edge.wire import MAX_PAYLOAD_BYTES, MAX_UNPACKED_BYTES, ZSTD_MAGIC, Batch

_NUMBER = frozenset({float, int})
_NUMBER_OR_NONE = frozenset({float, int, type(None)})
_KINDS = frozenset({"electricity", "heat", "water", "gas", "heat_pump", "environment"})
_SAMPLE_KEYS = frozenset({"building", "device", "kind", "fields", "rows"})
_INTERVAL_KEYS = frozenset({"building", "device", "carrier", "direction", "rows"})
_BATCH_KEYS = frozenset({"v", "spool", "seq", "sealed_at", "samples", "intervals"})
_CARRIERS = frozenset(carrier.value for carrier in Carrier)
_DIRECTIONS = frozenset(direction.value for direction in Direction)
_names: dict[str, bool] = {}
_shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_BUILDING = re.compile(r"[0-9]{6}[A-H][0-9]{3}")
_NAMES_KEPT = 100_000
_SHAPES_KEPT = 10_000
LAST_MS = 4_102_444_800_000
MAX_FIELDS = 512


class PayloadError(BeaconError):
    """A payload that is no batch. spool and seq are there if they could be read."""

    def __init__(self, reason: str, spool: str = "", seq: int = 0) -> None:
        super().__init__(reason)
        self.spool = spool
        self.seq = seq


@dataclass(slots=True)
class CheckedIntervals:
    """As edge.wire.IntervalGroup, rows right in form and range."""

    building: str
    device: str
    carrier: str
    direction: str
    rows: list[tuple[int, int, float, int, int]]


@dataclass(slots=True)
class Parsed:
    """The content of one batch."""

    spool: str
    seq: int
    sealed_at: int
    samples: list[CheckedSamples]
    intervals: list[CheckedIntervals]
    events: list[EventRow] = field(default_factory=list)


def unpack(payload: bytes, limit: int = MAX_PAYLOAD_BYTES, unpacked_limit: int = MAX_UNPACKED_BYTES) -> bytes:
    """The JSON text, decompressed if it was compressed. Never grows beyond `unpacked_limit`.

    Raises PayloadError: too large before or after unpacking, or broken.
    """
    if len(payload) > limit:
        raise PayloadError(f"the payload has {len(payload)} bytes, at most {limit} are taken")
    if payload[:4] != ZSTD_MAGIC:
        return payload
    try:
        size = zstandard.frame_content_size(payload)
        if size > unpacked_limit:
            raise PayloadError(f"unpacks to {size} bytes, at most {unpacked_limit} are taken")
        decompressor = zstandard.ZstdDecompressor(max_window_size=unpacked_limit)
        return decompressor.decompress(payload, max_output_size=unpacked_limit, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise PayloadError(f"cannot be unpacked: {error}") from error


def parse(text: bytes) -> Parsed:
    """The batch in a JSON text. Raises PayloadError with every reason why it is none."""
    pieces = cut_samples(text)
    if pieces is not None:
        envelope, groups = pieces
        parsed = _quick(envelope)
        if parsed is not None and not parsed.intervals:
            parsed.samples = groups
            return parsed
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PayloadError(f"is not JSON: {error}") from error
    parsed = _quick(document) or _thorough(text, document)
    learn(text, [group.head for group in parsed.samples])
    return parsed


def _thorough(text: bytes, document: Any) -> Parsed:
    try:
        batch = Batch.model_validate_json(text)
    except ValidationError as error:
        reasons = [
            f"{'.'.join(str(part) for part in detail['loc']) or 'batch'}: {detail['msg']}"
            for detail in error.errors(include_url=False, include_input=False)[:8]
        ]
        raise PayloadError("; ".join(reasons), *_identity(document)) from error
    whole = [batch.seq, *(n for g in batch.intervals for row in g.rows for n in (row[1], row[3], row[4]))]
    if not all(-(2**63) <= number < 2**64 for number in whole):
        raise PayloadError("a number has more than 64 bits", *_identity(document))
    return Parsed(
        batch.spool,
        batch.seq,
        batch.sealed_at,
        [_checked(g.building, g.device, g.kind, g.fields, g.rows) for g in batch.samples],
        [
            CheckedIntervals(g.building, g.device, g.carrier.value, g.direction.value, list(g.rows))
            for g in batch.intervals
        ],
        [
            EventRow(e.building, e.device, e.quantity, e.kind, e.at, e.before, e.after, e.counted)
            for e in batch.events
        ],
    )


def _checked(building: str, device: str, kind: str, fields: Sequence[str], rows: Any) -> CheckedSamples:
    return CheckedSamples.of_rows(Head(building, device, kind, _shape(tuple(fields))), rows)


def _shape(fields: tuple[str, ...]) -> tuple[str, ...]:
    """The one object that stands for these names: devices of one model share it."""
    if len(_shapes) >= _SHAPES_KEPT:
        _shapes.clear()
    return _shapes.setdefault(fields, fields)


def identity(payload: bytes) -> tuple[str, int]:
    """Spool and seq of a payload that something is wrong with, or ("", 0)."""
    try:
        return _identity(orjson.loads(unpack(payload)))
    except (PayloadError, orjson.JSONDecodeError):
        return "", 0


def _identity(document: Any) -> tuple[str, int]:
    if isinstance(document, dict):
        spool, seq = document.get("spool"), document.get("seq")
        if isinstance(spool, str) and _is_name(spool) and type(seq) is int and seq >= 1:
            return spool, seq
    return "", 0


def _quick(document: Any) -> Parsed | None:
    """The batch if it is certainly right, else None."""
    if type(document) is not dict or not document.keys() <= _BATCH_KEYS:
        return None
    spool, seq, sealed_at = document.get("spool"), document.get("seq"), document.get("sealed_at")
    samples, intervals = document.get("samples", ()), document.get("intervals", ())
    if not (
        type(v := document.get("v")) is int
        and v == 1
        and type(spool) is str
        and _is_name(spool)
        and type(seq) is int
        and seq >= 1
        and type(sealed_at) is int
        and FIRST_MS <= sealed_at <= LAST_MS
        and isinstance(samples, list | tuple)
        and isinstance(intervals, list | tuple)
        and all(map(_is_sample_group, samples))
        and all(map(_is_interval_group, intervals))
    ):
        return None
    return Parsed(
        spool,
        seq,
        sealed_at,
        [_checked(**group) for group in samples],
        [CheckedIntervals(**group) for group in intervals],
    )


def _is_sample_group(group: Any) -> bool:
    if type(group) is not dict or group.keys() != _SAMPLE_KEYS:
        return False
    fields, rows = group["fields"], group["rows"]
    return (
        _is_building(group["building"])
        and type(group["kind"]) is str
        and group["kind"] in _KINDS
        and type(group["device"]) is str
        and _is_name(group["device"])
        and type(fields) is list
        and 1 <= len(fields) <= MAX_FIELDS
        and all(type(name) is str and _is_name(name) for name in fields)
        and type(rows) is list
        and len(rows) >= 1
        and all(type(row) is list and _NUMBER_OR_NONE.issuperset(map(type, row)) for row in rows)
    )


def _is_interval_group(group: Any) -> bool:
    if type(group) is not dict or group.keys() != _INTERVAL_KEYS:
        return False
    rows = group["rows"]
    return (
        _is_building(group["building"])
        and type(group["device"]) is str
        and _is_name(group["device"])
        and type(group["carrier"]) is str
        and group["carrier"] in _CARRIERS
        and type(group["direction"]) is str
        and group["direction"] in _DIRECTIONS
        and type(rows) is list
        and len(rows) >= 1
        and all(map(_is_interval, rows))
    )


def _is_interval(row: Any) -> bool:
    return (
        type(row) is list
        and len(row) == 5
        and type(row[0]) is type(row[1]) is type(row[3]) is type(row[4]) is int
        and type(row[2]) in _NUMBER
        and FIRST_MS <= row[0] <= LAST_MS
    )


def _is_name(text: str) -> bool:
    known = _names.get(text)
    if known is None:
        known = _NAME.fullmatch(text) is not None
        if len(_names) >= _NAMES_KEPT:
            _names.clear()
        if len(text) <= 64:
            _names[text] = known
    return known


def _is_building(text: Any) -> bool:
    return type(text) is str and _BUILDING.fullmatch(text) is not None
