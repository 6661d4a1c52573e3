"""Which groups of a batch may be stored: known building, own edge, known quantities, sane numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

from collector.batch_cut import FIRST_MS, STATUSES, CheckedSamples, Head
from collector.model import EventRow
from collector.payload import CheckedIntervals, Parsed
from collector.registry import Registry
from drivers.quantity import UnknownQuantity, quantity

Row = TypeVar("Row")

DAY_S = 86_400
REASONS_KEPT = 200_000
MAX_QUALITY = 31

Part = CheckedSamples | CheckedIntervals | EventRow
"""What is admitted or refused as a whole."""


@dataclass(slots=True)
class Admitted:
    """What of one batch goes to the store, and what never can; both may be empty."""

    spool: str
    seq: int
    sealed_at: int
    samples: list[CheckedSamples] = field(default_factory=list)
    intervals: list[CheckedIntervals] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    refused: list[tuple[Part, str]] = field(default_factory=list)

    @property
    def values(self) -> int:
        return sum(group.values for group in self.samples)

    @property
    def parts(self) -> list[Part]:
        """All that goes to the store."""
        return [*self.samples, *self.intervals, *self.events]


class Admission:
    """The registry's word on who may write what.

    future_ms: how far a time may lie ahead of the collector's clock.
    """

    def __init__(self, registry: Registry, clock: Callable[[], int], future_ms: int = 3_600_000) -> None:
        self._clock = clock
        self._future_ms = future_ms
        self.load(registry)

    def load(self, registry: Registry) -> None:
        """Judge by this registry from now on."""
        self._owners = {id_: frozenset(building.edges) for id_, building in registry.buildings.items()}
        self.edges = frozenset(edge for edges in self._owners.values() for edge in edges)
        self._refusals: dict[tuple[str, Head], str] = {}

    def admit(self, site: str, edge: str, parsed: Parsed) -> Admitted:
        """Sort a batch of `site/edge` into what may be stored and what not."""
        admitted = Admitted(parsed.spool, parsed.seq, parsed.sealed_at)
        latest = self._clock() + self._future_ms
        publisher = f"{site}/{edge}"
        refusals = self._refusals
        for group in parsed.samples:
            reason = refusals.get((publisher, group.head))
            if reason is None:
                reason = self._head_reason(publisher, group.head)
            if reason:
                admitted.refused.append((group, reason))
            else:
                _admit_samples(group, latest, admitted)
        for intervals in parsed.intervals:
            reason = self._reason(publisher, intervals.building)
            if reason:
                admitted.refused.append((intervals, reason))
            else:
                _admit_intervals(intervals, latest, admitted)
        for event in parsed.events:
            reason = self._reason(publisher, event.building) or _event_reason(event, latest)
            if reason:
                admitted.refused.append((event, reason))
            else:
                admitted.events.append(event)
        return admitted

    def _reason(self, publisher: str, building: str) -> str:
        owners = self._owners.get(building)
        if owners is None:
            return f"unknown building {building}"
        return "" if publisher in owners else f"edge {publisher} may not publish for building {building}"

    def _head_reason(self, publisher: str, head: Head) -> str:
        reason = self._reason(publisher, head.building) or _shape_reason(head.fields)
        if len(self._refusals) >= REASONS_KEPT:
            self._refusals.clear()
        self._refusals[publisher, head] = reason
        return reason


@lru_cache(maxsize=10_000)
def _shape_reason(fields: tuple[str, ...]) -> str:
    if len(set(fields)) != len(fields):
        return "a quantity is named twice"
    try:
        for name in fields:
            quantity(name)
    except UnknownQuantity as error:
        return str(error)
    return ""


def _admit_samples(group: CheckedSamples, latest: int, admitted: Admitted) -> None:
    if group.text is not None and group.newest_at <= latest:
        admitted.samples.append(group)
        return
    width, rows = len(group.fields) + 2, group.rows
    reasons = [_row_reason(row, width, latest) for row in rows]
    good = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    if good:
        admitted.samples.append(CheckedSamples.of_rows(group.head, good))
    admitted.refused += [
        (CheckedSamples.of_rows(group.head, refused), reason) for reason, refused in _by_reason(rows, reasons)
    ]


def _row_reason(row: Sequence[float | None], width: int, latest: int) -> str:
    if len(row) != width:
        return f"a row has {len(row)} numbers, at, status and the quantities are {width}"
    at, status = row[0], row[1]
    if at is None or at != int(at) or at < FIRST_MS:
        return f"{at} is no time in ms since 1970"
    if at > latest:
        return "the time lies in the future"
    if status not in STATUSES:
        return f"{status} is no status"
    return ""


def _admit_intervals(group: CheckedIntervals, latest: int, admitted: Admitted) -> None:
    reasons = [_interval_reason(row, latest) for row in group.rows]
    good = [
        (at, length, float(energy), measured, quality)
        for (at, length, energy, measured, quality), reason in zip(group.rows, reasons, strict=True)
        if not reason
    ]
    if good:
        admitted.intervals.append(replace(group, rows=good))
    admitted.refused += [
        (replace(group, rows=rows), reason) for reason, rows in _by_reason(group.rows, reasons)
    ]


def _interval_reason(row: tuple[int, int, float, int, int], latest: int) -> str:
    start, length, energy, measured, quality = row
    if start + length * 1000 > latest:
        return "the time lies in the future"
    if not 1 <= length <= DAY_S:
        return f"a length of {length} s is not between 1 and {DAY_S}"
    if not 0 <= measured <= length:
        return f"{measured} s measured do not fit into {length} s"
    if not 0 <= quality <= MAX_QUALITY:
        return f"{quality} is no quality"
    if not math.isfinite(energy):
        return "the energy is no number"
    return ""


def _event_reason(event: EventRow, latest: int) -> str:
    return "the time lies in the future" if event.at > latest else _shape_reason((event.quantity,))


def _by_reason(rows: Sequence[Row], reasons: Sequence[str]) -> list[tuple[str, list[Row]]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row, reason in zip(rows, reasons, strict=True):
        if reason:
            found[reason].append(row)
    return list(found.items())
