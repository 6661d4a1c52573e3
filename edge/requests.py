"""What people tell an edge through its spool, whether its agent runs or not. Every call opens the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from drivers.errors import BeaconError
from edge import history
from edge.history import Kept, RatioRequest, RegisterKey
from edge.ledger import scale_of


class Known(NamedTuple):
    """What a spool knows of one register. scale: the ratio in its last reading; None if it was never read."""

    rows: list[Kept]
    scale: float | None


@contextmanager
def _spool(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on a spool that an agent has made. Raises BeaconError."""
    if not path.exists():
        raise BeaconError(f"there is no spool {path}: start the agent once")
    try:
        with closing(sqlite3.connect(path, timeout=10)) as db, db:
            yield db
    except sqlite3.OperationalError as error:
        hint = ": start the agent of this version once" if "no such table" in str(error) else ""
        raise BeaconError(f"spool {path}: {error}{hint}") from None
    except sqlite3.Error as error:
        raise BeaconError(f"spool {path}: {error}") from None


def request_exchange(path: Path, device: str, quantity: str, at: int, final: float, initial: float) -> None:
    """At `at` (ms UTC) the old meter showed `final`, the new one `initial`."""
    with _spool(path) as db:
        db.execute(
            "INSERT INTO exchange (device, quantity, at, final, initial) VALUES (?, ?, ?, ?, ?)",
            (device, quantity, at, final, initial),
        )


def request_ratios(path: Path, requests: list[RatioRequest]) -> None:
    """Leave word since when ratios hold."""
    with _spool(path) as db:
        for request in requests:
            history.request_ratio(db, request)


def known(path: Path, key: RegisterKey, quantity: str) -> Known:
    """The intervals that the edge still has of a register, and how it was read last."""
    with _spool(path) as db:
        state = db.execute("SELECT body FROM state WHERE device = ?", (key.device,)).fetchone()
        found = orjson.loads(state[0]).get(quantity) if state else None
        return Known(history.kept(db, key), scale_of(found) if found else None)
