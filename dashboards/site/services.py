"""What the site needs from the rest of the program, handed in once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collector.registry import Registry
from collector.store import Store
from dashboards.site.access import Users
from dashboards.site.sessions import EndedSessions
from rules.alerts import AlertBook
from rules.scheme import Scheme, packaged
from rules.tables import Tables


def wall_clock() -> int:
    """Now, ms UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class SiteServices:
    """The parts that the site reads from.

    announcements: directory with `index.json` and the files it names; None if nothing is announced here.
    users: who may log in; None lets everybody do everything, for the demo and a site on loopback.
    public: announcements need no login.
    secret: signs the session cookies; "" takes a new one at every start, which ends all sessions.
    schemes: quota schemes by id, for their names; those of the package by default.
    watched: the quantity that each condition compares, by the condition's id: for the units of alerts.
    tables: emission and coal factors; the package's by default.
    ended: sessions that were logged out.
    https: the site is reached by HTTPS only, so cookies say so.
    hosts: names that the site is reached by, besides `localhost` and its addresses.
    clock: now in ms UTC.
    """

    store: Store
    registry: Registry
    alerts: AlertBook | None = None
    announcements: Path | None = None
    users: Users | None = None
    public: bool = False
    secret: str = field(default="", repr=False)
    ended: EndedSessions = field(default_factory=EndedSessions)
    https: bool = False
    hosts: tuple[str, ...] = ()
    schemes: Mapping[str, Scheme] = field(default_factory=packaged)
    watched: Mapping[str, str] = field(default_factory=dict)
    tables: Tables = field(default_factory=Tables.load)
    clock: Callable[[], int] = wall_clock
