"""What goes into the spool and comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import NamedTuple

from edge.history import Kept, RatioRequest, RegisterKey
from edge.ledger import Interval

SAMPLES, INTERVALS, HELD = 0, 1, 2


class Piece(NamedTuple):
    """Something to be sealed. kind: SAMPLES, INTERVALS or HELD; groups: its JSON list.

    part: where the list stands in the batch, if the kind does not tell: events are kept and sent as
    intervals are.
    """

    kind: int
    groups: bytes
    rows: int
    oldest_at: int
    newest_at: int
    boot: str = ""
    part: str = ""


class Sealed(NamedTuple):
    """A numbered batch and its payload as it travels."""

    seq: int
    payload: bytes


class EventRow(NamedTuple):
    """Something that happened to a register. before, after, counted: as of `wire.RegisterEvent`."""

    at: int
    device: str
    quantity: str
    kind: str
    before: float
    after: float
    counted: float | None = None


class ExchangeRequest(NamedTuple):
    """An operator's word that a meter was exchanged, waiting to be taken up."""

    id: int
    device: str
    quantity: str
    at: int
    final: float
    initial: float


@dataclass(slots=True)
class Commit:
    """Everything of one flush: it becomes durable together or not at all.

    made: intervals as they were read; corrected: what is sent in place of some that were kept.
    """

    pieces: list[Piece] = field(default_factory=list)
    states: dict[str, bytes] = field(default_factory=dict)
    forget: list[int] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    exchanges_done: list[int] = field(default_factory=list)
    meta: dict[str, int | str] = field(default_factory=dict)
    made: list[tuple[RegisterKey, Interval]] = field(default_factory=list)
    corrected: list[tuple[RegisterKey, list[Kept]]] = field(default_factory=list)
    ratios_done: list[RatioRequest] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not any(getattr(self, each.name) for each in fields(self))

    def then(self, later: Commit) -> Commit:
        """Both as one."""
        pairs = ((getattr(self, each.name), getattr(later, each.name)) for each in fields(self))
        return Commit(*(one | two if isinstance(one, dict) else one + two for one, two in pairs))


@dataclass(frozen=True, slots=True)
class Requests:
    """What people have left in the spool for the agent."""

    exchanges: list[ExchangeRequest]
    ratios: list[RatioRequest]


@dataclass(slots=True)
class Depth:
    """How much waits, and what was given up for want of room."""

    batches: int = 0
    bytes: int = 0
    oldest_at: int | None = None
    dropped_samples: int = 0
    dropped_intervals: int = 0
