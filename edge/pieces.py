"""What a flush has gathered, cut into batches of a bearable size and encoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drivers.carrier import Carrier, Direction
from drivers.sample import Sample
from edge.encode import SampleEncoder, event_list, interval_groups
from edge.ledger import Interval
from edge.spool_rows import INTERVALS, SAMPLES, EventRow, Piece

MAX_VALUES_A_PIECE = 60_000
MAX_INTERVALS_A_PIECE = 5_000
MAX_EVENTS_A_PIECE = 1_000

Finished = list[tuple[str, str, Carrier, Direction, Sequence[Interval]]]
"""(building, device, carrier, direction, intervals) of registers."""


def sample_pieces(samples: Sequence[Sample], encoder: SampleEncoder) -> Iterator[Piece]:
    first = values = 0
    for i, sample in enumerate(samples):
        values += len(sample.values)
        if values >= MAX_VALUES_A_PIECE or i == len(samples) - 1:
            part = samples[first : i + 1]
            times = [s.at for s in part]
            yield Piece(SAMPLES, encoder.groups(part), len(part), min(times), max(times))
            first, values = i + 1, 0


def interval_pieces(finished: Finished) -> Iterator[Piece]:
    """An interval is never split."""
    for accounts in _portions(finished):
        starts = [interval.start for account in accounts for interval in account[4]]
        yield Piece(INTERVALS, interval_groups(accounts), len(starts), min(starts), max(starts))


def event_pieces(events: Sequence[EventRow], encoder: SampleEncoder) -> Iterator[Piece]:
    for first in range(0, len(events), MAX_EVENTS_A_PIECE):
        part = events[first : first + MAX_EVENTS_A_PIECE]
        told = event_list([(encoder.building_of(event.device), event) for event in part])
        times = [event.at for event in part]
        yield Piece(INTERVALS, told, 0, min(times), max(times), part="events")


def _portions(finished: Finished) -> Iterator[Finished]:
    portion: Finished = []
    rows = 0
    for building, device, carrier, direction, intervals in finished:
        for first in range(0, len(intervals), MAX_INTERVALS_A_PIECE):
            part = intervals[first : first + MAX_INTERVALS_A_PIECE]
            portion.append((building, device, carrier, direction, part))
            rows += len(part)
            if rows >= MAX_INTERVALS_A_PIECE:
                yield portion
                portion, rows = [], 0
    if portion:
        yield portion
