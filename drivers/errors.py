"""Errors raised on purpose. Each says who must act: an editor of a file, a technician, or nobody yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BeaconError(Exception):
    """Base of every error raised on purpose; its text is one message for a person."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in one file, printed as `file: key: problem`."""

    file: str
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.problem}" if self.key else f"{self.file}: {self.problem}"


class ConfigError(BeaconError):
    """Somebody must edit a file; waiting will not help. Carries every problem found, not the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class RequestError(BeaconError):
    """The command asks for what there is not: whoever typed it must correct it."""


class DeviceError(BeaconError):
    """A read of one device failed; the others go on."""


class DeviceUnreachable(DeviceError):
    """No answer in time, or the connection broke: try again, ever more slowly."""


class DeviceRefused(DeviceError):
    """The device answered with an exception: the same request gets the same answer."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class FrameError(DeviceError):
    """Bytes that cannot be a frame: drop them, or the connection."""


class StoreUnavailable(BeaconError):
    """The store cannot take or give data now: keep the batch and try again."""
