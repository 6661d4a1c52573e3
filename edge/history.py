"""Intervals of the last weeks, kept beside the spool's batches so that a ratio told late can be set right.

An interval is kept as it was read, with the ratio in it, and never changed; beside that stands what was sent
in its place. A correction is therefore the same however often it is made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge.ledger import DAY_MS, INTERVAL_MS, Interval
from edge.wire import Quality

KEEP_DAYS = 35
_ESTIMATED = int(Quality.ESTIMATED)

SCHEMA = """
CREATE TABLE IF NOT EXISTS register (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, carrier TEXT NOT NULL, direction TEXT NOT NULL,
    UNIQUE (device, carrier, direction));
CREATE TABLE IF NOT EXISTS interval (
    start INTEGER NOT NULL, register INTEGER NOT NULL, energy INTEGER NOT NULL, measured INTEGER NOT NULL,
    quality INTEGER NOT NULL, scale REAL NOT NULL, held REAL, sent INTEGER,
    PRIMARY KEY (start, register)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ratio (
    device TEXT NOT NULL, quantity TEXT NOT NULL, since INTEGER NOT NULL, scale REAL NOT NULL,
    PRIMARY KEY (device, quantity)) WITHOUT ROWID;
"""
_REGISTER = "(SELECT id FROM register WHERE device = ? AND carrier = ? AND direction = ?)"


class RegisterKey(NamedTuple):
    """One account of one device."""

    device: str
    carrier: str
    direction: str


class RatioRequest(NamedTuple):
    """An operator's word that a ratio holds since `since` (ms UTC), waiting to be taken up.

    scale: the product of the ratios, as edge.toml said when it was given.
    """

    device: str
    quantity: str
    since: int
    scale: float


class Kept(NamedTuple):
    """One interval as it was read. held: the ratio it was corrected to; sent: its energy then."""

    start: int
    energy: int
    measured_s: int
    quality: int
    scale: float
    held: float | None = None
    sent: int | None = None


class Correction(NamedTuple):
    """What goes to the collector in place of what it has, and into the history: the same intervals."""

    intervals: list[Interval]
    kept: list[Kept]
    before: float  # the ratio in the first of them
    added: int  # by how much their energy changes, in millionths of the unit
    new: bool  # whether anything is other than it was sent before


def corrected(rows: Iterable[Kept], since: int, scale: float) -> Correction:
    """The intervals of one register, of which `scale` holds from `since` (ms UTC) on.

    Those that an earlier word had corrected to this ratio, and that lie before `since`, become again what was
    read. Energy of the interval in which `since` lies is taken as evenly spread, and marked estimated.
    """
    intervals, changed = list[Interval](), list[Kept]()
    before, added, new = 0.0, 0, False
    for row in rows:
        share = min(1.0, (row.start + INTERVAL_MS - since) / INTERVAL_MS)
        if share <= 0:
            if row.held != scale:
                continue
            now = row._replace(held=None, sent=None)
        elif row.scale == scale and row.held is None:
            continue
        else:
            now = row._replace(held=scale, sent=round(row.energy * (1 + share * (scale / row.scale - 1))))
        energy = now.energy if now.sent is None else now.sent
        quality = row.quality | (_ESTIMATED if 0 < share < 1 else 0)
        before = before or row.scale
        added += energy - (row.energy if row.sent is None else row.sent)
        new = new or now != row
        intervals.append(Interval(row.start, energy, row.measured_s, quality))
        changed.append(now)
    return Correction(intervals, changed, before, added, new)


def remember(db: sqlite3.Connection, made: Sequence[tuple[RegisterKey, Interval]], now: int) -> None:
    """Keep intervals as they were read, and let go of those that are too old."""
    if not made:
        return
    db.executemany(
        "INSERT OR IGNORE INTO register (device, carrier, direction) VALUES (?, ?, ?)",
        {key for key, _ in made},
    )
    db.executemany(
        f"INSERT OR REPLACE INTO interval VALUES (?, {_REGISTER}, ?, ?, ?, ?, NULL, NULL)",
        [(i.start, *key, i.energy, i.measured_s, i.quality, i.scale) for key, i in made],
    )
    db.execute("DELETE FROM interval WHERE start < ?", (now - KEEP_DAYS * DAY_MS,))


def kept(db: sqlite3.Connection, key: RegisterKey) -> list[Kept]:
    """All that is kept of one register, oldest first."""
    rows = db.execute(
        "SELECT start, energy, measured, quality, scale, held, sent FROM interval "
        f"WHERE register = {_REGISTER} ORDER BY start",
        key,
    )
    return [Kept(*row) for row in rows]


def note_corrected(db: sqlite3.Connection, key: RegisterKey, rows: Iterable[Kept]) -> None:
    """Remember what was sent in place of what was read."""
    db.executemany(
        f"UPDATE interval SET held = ?, sent = ? WHERE start = ? AND register = {_REGISTER}",
        [(row.held, row.sent, row.start, *key) for row in rows],
    )


def ratio_requests(db: sqlite3.Connection) -> list[RatioRequest]:
    return [RatioRequest(*row) for row in db.execute("SELECT device, quantity, since, scale FROM ratio")]


def request_ratio(db: sqlite3.Connection, request: RatioRequest) -> None:
    """Leave it for the agent, running or not, to take up. The last word on a register counts."""
    db.execute("INSERT OR REPLACE INTO ratio VALUES (?, ?, ?, ?)", request)


def forget_ratios(db: sqlite3.Connection, done: Iterable[RatioRequest]) -> None:
    """Requests that were carried out; one that was given anew meanwhile stays."""
    db.executemany("DELETE FROM ratio WHERE (device, quantity, since, scale) = (?, ?, ?, ?)", done)
