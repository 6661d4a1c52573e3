"""What the site needs from the rest of the program, handed in once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collector.registry import Registry
from collector.store import Store


class AlertRow(Protocol):
    """One alert as the site shows it. Times are ms UTC; state: open, acknowledged, snoozed, resolved."""

    @property
    def id(self) -> str: ...
    @property
    def building(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def since(self) -> int: ...
    @property
    def value(self) -> float | None: ...
    @property
    def limit(self) -> float | None: ...
    @property
    def message_zh(self) -> str: ...
    @property
    def message_en(self) -> str: ...


class Alerts(Protocol):
    """The alert book as far as the site uses it."""

    def alerts(self, building: str | None = None) -> Sequence[AlertRow]: ...


def wall_clock() -> int:
    """Now, ms UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class SiteServices:
    """The parts that the site reads from.

    announcements: directory with `index.json` and the files it names; None if nothing is announced here.
    clock: now in ms UTC.
    """

    store: Store
    registry: Registry
    alerts: Alerts | None = None
    announcements: Path | None = None
    clock: Callable[[], int] = wall_clock
