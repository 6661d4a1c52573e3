"""Sparkplug B payloads: protocol buffers to `Payload` and back.

Schema: Eclipse Tahu, `sparkplug_b.proto` (package org.eclipse.tahu.protobuf). Described here are the
fields that a host of measured values reads; data sets, templates and properties are passed over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from drivers.errors import FrameError

MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_METRICS = 10_000

Value = float | int | bool | str | bytes


class DataType(IntEnum):
    """Data types of metrics; those that are not numbers, texts or bytes are not listed."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15
    BYTES = 17


_FIELD = {
    **dict.fromkeys((1, 2, 3, 5, 6, 7), "int_value"),
    **dict.fromkeys((4, 8, 13), "long_value"),
    9: "float_value",
    10: "double_value",
    11: "boolean_value",
    **dict.fromkeys((12, 14, 15), "string_value"),
    17: "bytes_value",
}
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Births name it, later messages may carry its alias only.

    value: None if it is null, or of a kind that is not read. at: Unix milliseconds, None if not given.
    """

    name: str = ""
    alias: int | None = None
    value: Value | None = None
    datatype: int | None = None
    at: int | None = None
    is_historical: bool = False
    is_null: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """One message. at: when it was sent, Unix milliseconds."""

    metrics: tuple[Metric, ...] = ()
    seq: int | None = None
    at: int | None = None


def decode(data: bytes) -> Payload:
    """Raises FrameError if it is too large or no Sparkplug payload."""
    if len(data) > MAX_PAYLOAD_BYTES:
        raise FrameError(f"Sparkplug payload of {len(data)} bytes, at most {MAX_PAYLOAD_BYTES}")
    raw = _payload_class()()
    try:
        raw.ParseFromString(data)
    except message.DecodeError as error:
        raise FrameError(f"no Sparkplug payload: {error}") from None
    if len(raw.metrics) > MAX_METRICS:
        raise FrameError(f"{len(raw.metrics)} metrics, at most {MAX_METRICS}")
    return Payload(
        metrics=tuple(_metric(one) for one in raw.metrics),
        seq=_optional(raw, "seq"),
        at=_optional(raw, "timestamp"),
    )


def encode(payload: Payload) -> bytes:
    """The reverse of `decode`. Raises ValueError for a value that its data type cannot hold."""
    raw = _payload_class()()
    if payload.at is not None:
        raw.timestamp = payload.at
    if payload.seq is not None:
        raw.seq = payload.seq
    for metric in payload.metrics:
        _put(raw.metrics.add(), metric)
    encoded: bytes = raw.SerializeToString()
    return encoded


def number(value: Value | None) -> float | None:
    """A finite number, or None. A truth value is 0 or 1, text is none."""
    if value is None or isinstance(value, str | bytes):
        return None
    return float(value) if math.isfinite(value) else None


def as_type(value: Value | None, datatype: int | None) -> Value | None:
    """A value as its data type says: whole numbers travel as unsigned, whatever their sign."""
    bits = _SIGNED_BITS.get(datatype or 0)
    if bits is None or isinstance(value, bool) or not isinstance(value, int):
        return value
    low = value & ((1 << bits) - 1)
    return low - (1 << bits) if low >> (bits - 1) else low


def _metric(raw: Any) -> Metric:
    datatype = _optional(raw, "datatype")
    kind = raw.WhichOneof("value")
    null = raw.is_null or kind is None
    value = None if null else getattr(raw, kind)
    return Metric(
        name=raw.name,
        alias=_optional(raw, "alias"),
        value=as_type(value, datatype),
        datatype=datatype,
        at=_optional(raw, "timestamp"),
        is_historical=raw.is_historical,
        is_null=null,
    )


def _put(raw: Any, metric: Metric) -> None:
    if metric.name:
        raw.name = metric.name
    for name, given in (("alias", metric.alias), ("datatype", metric.datatype), ("timestamp", metric.at)):
        if given is not None:
            setattr(raw, name, given)
    if metric.is_historical:
        raw.is_historical = True
    if metric.is_null or metric.value is None:
        raw.is_null = True
        return
    field = _FIELD.get(metric.datatype or DataType.DOUBLE)
    if field is None:
        raise ValueError(f"data type {metric.datatype} is not written")
    bits = _SIGNED_BITS.get(metric.datatype or 0)
    value = metric.value
    if bits and isinstance(value, int):
        value = value & ((1 << max(bits, 32)) - 1)
    setattr(raw, field, value)


def _optional(raw: Any, field: str) -> int | None:
    return getattr(raw, field) if raw.HasField(field) else None


@cache
def _payload_class() -> Any:
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="beacon/sparkplug_b.proto", package="org.eclipse.tahu.protobuf", syntax="proto2"
    )
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for number_, name, kind in (
        (1, "name", field.TYPE_STRING),
        (2, "alias", field.TYPE_UINT64),
        (3, "timestamp", field.TYPE_UINT64),
        (4, "datatype", field.TYPE_UINT32),
        (5, "is_historical", field.TYPE_BOOL),
        (6, "is_transient", field.TYPE_BOOL),
        (7, "is_null", field.TYPE_BOOL),
    ):
        metric.field.add(name=name, number=number_, type=kind, label=field.LABEL_OPTIONAL)
    for number_, name, kind in (
        (10, "int_value", field.TYPE_UINT32),
        (11, "long_value", field.TYPE_UINT64),
        (12, "float_value", field.TYPE_FLOAT),
        (13, "double_value", field.TYPE_DOUBLE),
        (14, "boolean_value", field.TYPE_BOOL),
        (15, "string_value", field.TYPE_STRING),
        (16, "bytes_value", field.TYPE_BYTES),
    ):
        metric.field.add(name=name, number=number_, type=kind, label=field.LABEL_OPTIONAL, oneof_index=0)
    payload.field.add(name="timestamp", number=1, type=field.TYPE_UINT64, label=field.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics",
        number=2,
        type=field.TYPE_MESSAGE,
        label=field.LABEL_REPEATED,
        type_name=".org.eclipse.tahu.protobuf.Payload.Metric",
    )
    payload.field.add(name="seq", number=3, type=field.TYPE_UINT64, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("org.eclipse.tahu.protobuf.Payload"))
