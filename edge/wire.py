"""What travels between edge and collector, and the topics it travels on.

A batch is JSON, one object. Samples and intervals are grouped by device, names once and
values in rows, so that a value costs its digits and a comma. A payload that begins with the
zstd magic number is compressed.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.carrier import Carrier, Direction

TOPIC_ROOT = "beacon/v1"
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
MAX_UNPACKED_BYTES = 32 * 1024 * 1024
MAX_EVENTS = 10_000
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
BuildingId = Annotated[str, Field(pattern=r"^[0-9]{6}[A-H][0-9]{3}$")]
Millis = Annotated[int, Field(ge=946_684_800_000, le=4_102_444_800_000)]  # 2000 to 2100
Kind = Literal["electricity", "heat", "water", "gas", "heat_pump", "environment"]


class Quality(IntFlag):
    """What an interval's energy rests on."""

    MEASURED = 0
    ESTIMATED = 1  # spread over a gap between two readings
    ROLLOVER = 2  # the counter passed its last number
    RESET = 4  # the counter fell; energy between is lost to the meter
    EXCHANGE = 8  # the meter was exchanged, final and initial reading known
    CLOCK_ESTIMATED = 16  # its boundaries rest on a clock set afterwards


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SampleGroup(_Strict):
    """Samples of one device that share one list of quantities.

    rows: [at ms UTC, status, value, value, …], a null value is absent.
    """

    building: BuildingId
    device: Name
    kind: Kind
    fields: Annotated[list[Name], Field(min_length=1, max_length=512)]
    rows: Annotated[list[list[float | None]], Field(min_length=1)]


class IntervalGroup(_Strict):
    """Interval energy of one register of one device.

    rows: [start ms UTC, length s, energy in the carrier's unit, seconds measured, Quality].
    """

    building: BuildingId
    device: Name
    carrier: Carrier
    direction: Direction
    rows: Annotated[list[tuple[Millis, int, float, int, int]], Field(min_length=1)]


class RegisterEvent(_Strict):
    """Something that happened to a register: a roll-over, a reset, an exchanged meter, another ratio.

    One event is (building, device, quantity, kind, at); sent again with other numbers, the last ones hold.
    at: ms UTC. before, after: readings in the quantity's unit; of kinds that begin with "ratio" the ratios.
    counted: energy that the interval records hold for what lies between before and after, in the
        quantity's unit; absent where nothing had to be decided.
    """

    building: BuildingId
    device: Name
    quantity: Name
    kind: Name
    at: Millis
    before: float
    after: float
    counted: float | None = None


class Batch(_Strict):
    """One numbered message. Sending it again stores nothing twice."""

    v: Literal[1]
    spool: Name  # random id of the spool, so that a new SD card's numbers are not mistaken
    seq: Annotated[int, Field(ge=1)]
    sealed_at: Millis
    samples: list[SampleGroup] = []
    intervals: list[IntervalGroup] = []
    events: Annotated[list[RegisterEvent], Field(max_length=MAX_EVENTS)] = []


class Acknowledgement(_Strict):
    """The answer for one batch, sent after the store has taken it.

    `partly`: the rest is stored, `reasons` says what never can be; `rejected`: nothing is stored.
    In every case the edge may forget the batch.
    """

    seq: int
    result: Literal["stored", "partly", "rejected"]
    reasons: list[str] = []


class AckMessage(_Strict):
    """Acknowledgements for one edge, with the collector's clock."""

    v: Literal[1]
    spool: Name
    time: Millis
    acks: list[Acknowledgement]


class EdgeStatus(_Strict):
    """Retained on `status`; the last will publishes it with online false."""

    v: Literal[1] = 1
    online: bool
    at: Millis | None = None
    version: str = ""
    config_hash: str = ""
    spool_batches: int = 0
    spool_bytes: int = 0
    oldest_at: Millis | None = None
    dropped_samples: int = 0
    dropped_intervals: int = 0
    rejected_batches: int = 0  # refused by the collector since the edge started
    trouble: str = ""  # why the edge's disk does not take data, in words
    clock: Literal["trusted", "untrusted"] = "untrusted"
    clock_offset_ms: float | None = None
    poll_success: float | None = None  # share of polls answered since the last status
    bus_load: dict[str, float] = {}  # bus name -> share of time the bus was busy
    devices: dict[str, str] = {}  # device -> "ok" or the error in words
    temperature_degc: float | None = None
    memory_bytes: int = 0


def topic(site: str, edge: str, leaf: Literal["batch", "ack", "status", "command", "reply"]) -> str:
    """`beacon/v1/{site}/{edge}/{leaf}`."""
    return f"{TOPIC_ROOT}/{site}/{edge}/{leaf}"
