"""The edges as they last reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic import ValidationError

from collector.model import EdgeRow
from collector.registry import Building
from edge.wire import EdgeStatus

SILENT_MS = 5 * 60 * 1000
"""An edge that has not reported for this long counts as offline whatever its last word was."""


@dataclass(frozen=True, slots=True)
class EdgeNow:
    """One edge; ages in seconds.

    failing: devices whose last poll failed, with the error in words; others_failing: how many more there are
    in buildings that the visitor does not see.
    """

    site: str
    edge: str
    online: bool
    received_at: int
    oldest_age_s: float | None
    status: EdgeStatus
    failing: dict[str, str]
    others_failing: int = 0

    @property
    def trouble(self) -> bool:
        return (
            not self.online
            or bool(self.failing)
            or self.others_failing > 0
            or self.status.clock != "trusted"
            or bool(self.status.trouble)
            or self.status.dropped_samples + self.status.dropped_intervals + self.status.rejected_batches > 0
        )


def reported(rows: Iterable[EdgeRow]) -> list[tuple[EdgeRow, EdgeStatus]]:
    """Each edge with its status; one that cannot be read counts as offline."""
    return [(row, _status(row)) for row in rows]


def _status(row: EdgeRow) -> EdgeStatus:
    try:
        return EdgeStatus.model_validate(row.status)
    except ValidationError:
        return EdgeStatus(online=False)


def edges_now(rows: Iterable[tuple[EdgeRow, EdgeStatus]], now: int) -> list[EdgeNow]:
    """The fleet, troubled edges first."""
    found = [
        EdgeNow(
            site=row.site,
            edge=row.edge,
            online=status.online and now - row.received_at <= SILENT_MS,
            received_at=row.received_at,
            oldest_age_s=None if status.oldest_at is None else max(0.0, (now - status.oldest_at) / 1000),
            status=status,
            failing={device: state for device, state in status.devices.items() if state != "ok"},
        )
        for row, status in rows
    ]
    return sorted(found, key=lambda edge: (not edge.trouble, edge.online, edge.site, edge.edge))


def narrowed(edge: EdgeNow, own: Iterable[Building], others: Iterable[Building]) -> EdgeNow:
    """The edge as somebody sees it who sees only `own` of the buildings that it publishes for.

    A device is theirs if the registry counts it as theirs and as nobody else's.
    """
    theirs = _devices(own) - _devices(others)
    failing = {device: text for device, text in edge.failing.items() if device in theirs}
    return replace(edge, failing=failing, others_failing=len(edge.failing) - len(failing))


def _devices(buildings: Iterable[Building]) -> set[str]:
    return {meter.device or meter.name for building in buildings for meter in building.meters}
