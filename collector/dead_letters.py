"""What could never be stored, kept for a person: a small SQLite file with the reason beside the payload."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.errors import BeaconError, StoreUnavailable

_TABLE = """
CREATE TABLE IF NOT EXISTS letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, received_at INTEGER NOT NULL,
    site TEXT NOT NULL, edge TEXT NOT NULL, reason TEXT NOT NULL, times INTEGER NOT NULL,
    payload BLOB NOT NULL)
"""
_INSERT = """
INSERT INTO letter (digest, received_at, site, edge, reason, times, payload) VALUES (?, ?, ?, ?, ?, 1, ?)
ON CONFLICT (digest) DO UPDATE SET received_at = excluded.received_at, times = times + 1
"""
_SIZE = "SELECT coalesce(sum(length(payload)), 0) FROM letter"
_DROP_OLDEST = """
DELETE FROM letter WHERE id IN (SELECT id FROM (
    SELECT id, sum(length(payload)) OVER (ORDER BY id DESC) AS above FROM letter) WHERE above > ?)
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused payload: a whole batch, or a batch that holds only its refused groups.

    times: how often it came. size: bytes of the payload.
    """

    id: int
    received_at: int
    site: str
    edge: str
    reason: str
    times: int
    size: int


class DeadLetters:
    """At most `max_bytes` of payloads; the oldest tenth goes when there are more."""

    def __init__(self, path: Path | str, max_bytes: int = 64 * 1024 * 1024) -> None:
        self.path = Path(path)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        with self._answering():
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_TABLE)
            self._bytes: int = self._db.execute(_SIZE).fetchone()[0]  # or more, where one came twice

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error

    def add(self, site: str, edge: str, reason: str, payload: bytes, received_at: int) -> None:
        """Keep one payload; the same one again is counted, not kept twice. On disk on return."""
        self.add_all([(site, edge, reason, payload)], received_at)

    def add_all(self, letters: Sequence[tuple[str, str, str, bytes]], received_at: int) -> None:
        """`add` for many (site, edge, reason, payload) at once. Raises StoreUnavailable and keeps none."""
        if not letters:
            return
        rows = [
            (_digest(site, edge, reason, payload), received_at, site, edge, reason, payload)
            for site, edge, reason, payload in letters
        ]
        with self._answering():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(_INSERT, rows)
                self._bytes += sum(len(row[-1]) for row in rows)
                if self._bytes > self._max_bytes:
                    self._db.execute(_DROP_OLDEST, (self._max_bytes * 9 // 10,))
                    self._bytes = self._db.execute(_SIZE).fetchone()[0]
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def list(self, limit: int = 1000) -> list[DeadLetter]:
        """The newest letters, newest first."""
        with self._answering():
            rows = self._db.execute(
                "SELECT id, received_at, site, edge, reason, times, length(payload) FROM letter "
                "ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [DeadLetter(*row) for row in rows]

    def get(self, id_: int) -> tuple[DeadLetter, bytes]:
        """One letter and its payload. Raises BeaconError if there is none of that number."""
        with self._answering():
            row = self._db.execute(
                "SELECT id, received_at, site, edge, reason, times, length(payload), payload "
                "FROM letter WHERE id = ?",
                (id_,),
            ).fetchone()
        if row is None:
            raise BeaconError(f"{self.path}: there is no dead letter {id_}")
        return DeadLetter(*row[:7]), row[7]

    def drop(self, id_: int) -> None:
        with self._answering():
            self._db.execute("DELETE FROM letter WHERE id = ?", (id_,))

    def count(self) -> int:
        with self._answering():
            return int(self._db.execute("SELECT count(*) FROM letter").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _digest(site: str, edge: str, reason: str, payload: bytes) -> bytes:
    return hashlib.sha256(b"\0".join([site.encode(), edge.encode(), reason.encode(), payload])).digest()
