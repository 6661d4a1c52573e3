"""A Sample: what one device answered at one time. It stays whole from the driver to the store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag


class Status(IntFlag):
    """How far a sample can be trusted; several may hold at once."""

    GOOD = 0
    PARTIAL = 1  # a part of the device did not answer, its quantities are absent
    CLOCK_ESTIMATED = 2  # taken before the clock was trusted and stamped afterwards
    AGE_UNKNOWN = 4  # a retained message, or a device that gives no time of its own


@dataclass(frozen=True, slots=True)
class Sample:
    """What one device answered at one time.

    device: id, unique in its building.
    at: Unix time in milliseconds, UTC, when the device answered; where that took several requests, the
        middle between the first and the last answer.
    fields: quantity names. The tuple is shared by all samples of one shape, so that
        a thousand samples carry one tuple of names.
    values: as many as `fields`, finite numbers in the quantities' units; None is absent.
    """

    device: str
    at: int
    fields: tuple[str, ...]
    values: tuple[float | None, ...]
    status: Status = Status.GOOD

    def present(self) -> dict[str, float]:
        """The values that are there, by quantity name."""
        return {
            name: value for name, value in zip(self.fields, self.values, strict=True) if value is not None
        }
