"""The spool's database: one file, one transaction a flush, safe under power cuts. Blocks; knows no loop."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from edge import history
from edge.encode import seal
from edge.ledger import DAY_MS
from edge.spool_rows import (
    HELD,
    INTERVALS,
    SAMPLES,
    Commit,
    Depth,
    EventRow,
    ExchangeRequest,
    Piece,
    Requests,
    Sealed,
)

logger = logging.getLogger(__name__)

RESERVE_BYTES = 4 * 1024 * 1024
ROOM_BYTES = 4 * RESERVE_BYTES
_MOST_PAGES = 0xFFFFFFFE
_CHECK_BELOW_BYTES = 64 * 1024 * 1024
_KEEP_EVENTS = 10_000
_PART = {SAMPLES: "samples", INTERVALS: "intervals"}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, rows INTEGER NOT NULL, size INTEGER NOT NULL,
    oldest_at INTEGER NOT NULL, newest_at INTEGER NOT NULL, boot TEXT NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS batch_order ON batch (kind, seq);
CREATE TABLE IF NOT EXISTS state (device TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, device TEXT NOT NULL, quantity TEXT NOT NULL,
    kind TEXT NOT NULL, before REAL, after REAL, counted REAL);
CREATE TABLE IF NOT EXISTS exchange (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, quantity TEXT NOT NULL, at INTEGER NOT NULL,
    final REAL NOT NULL, initial REAL NOT NULL);
"""


class SpoolFile:
    """One open spool. Raises sqlite3.Error.

    damage: what showed while it was open before; it is set aside then. set_aside: where a damaged file
    was moved to when this one was opened.
    """

    def __init__(self, path: Path, max_bytes: int, max_age_days: float, damage: str = "") -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_age_ms = round(max_age_days * DAY_MS)
        self._reserve = path.with_suffix(path.suffix + ".reserve")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.set_aside: Path | None = None
        self._confined = False
        if damage:
            self.set_aside = self._move_aside(damage)
        try:
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and _is_full(error):
                self._reserve.unlink(missing_ok=True)
                self._db = self._open()
            elif isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise
            else:
                self.set_aside = self._move_aside(str(error))
                self._db = self._open()
        self.id = str(self._meta("spool", secrets.token_hex(8)))
        self._seq = int(self._meta("seq", 0))
        self.depth = self._measure()
        self._keep_reserve()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA cache_size = -1024")
            db.execute("PRAGMA wal_autocheckpoint = 256")
            if self._path.stat().st_size < _CHECK_BELOW_BYTES:
                (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    raise sqlite3.DatabaseError(verdict)
            db.executescript(_SCHEMA + history.SCHEMA)
            if "counted" not in [column[1] for column in db.execute("PRAGMA table_info(event)")]:
                db.execute("ALTER TABLE event ADD COLUMN counted REAL")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _move_aside(self, damage: str) -> Path:
        """Keep the broken file (only the newest one) for a later look and make room for a new one."""
        aside = self._path.with_suffix(self._path.suffix + ".corrupt")
        for suffix in ("", "-wal", "-shm"):
            broken = Path(f"{self._path}{suffix}")
            if broken.exists():
                broken.replace(f"{aside}{suffix}")
        logger.error("spool %s is damaged (%s): set aside as %s, a new one begins", self._path, damage, aside)
        return aside

    def _meta(self, key: str, default: int | str) -> int | str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is not None:
            value: int | str = row[0]
            return value
        self._db.execute("INSERT INTO meta VALUES (?, ?)", (key, default))
        return default

    def meta(self, key: str) -> int | str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _measure(self) -> Depth:
        """As the last commit left it: counting a full spool would read all of it."""
        return Depth(
            int(self._meta("batches", 0)),
            int(self._meta("bytes", 0)),
            self._oldest(),
            int(self._meta("dropped_samples", 0)),
            int(self._meta("dropped_intervals", 0)),
        )

    def _oldest(self) -> int | None:
        """The age of the backlog: batches are sealed in order, so the first one of each kind tells."""
        (oldest,) = self._db.execute(
            "SELECT min(oldest_at) FROM batch WHERE seq IN ((SELECT min(seq) FROM batch WHERE kind = 0),"
            " (SELECT min(seq) FROM batch WHERE kind = 1))"
        ).fetchone()
        found: int | None = oldest
        return found

    def commit(self, work: Commit, now: int) -> list[Sealed]:
        """Make one flush durable and return the batches it sealed. On an error nothing has changed."""
        sealed = []
        seq, db = self._seq, self._db
        depth = replace(self.depth)
        if self._confined:
            self._grow_again()
        db.execute("BEGIN IMMEDIATE")
        try:
            self._forget(work.forget, depth)
            for piece in work.pieces:
                seq += 1
                payload = self._insert(piece, seq, now)
                depth.batches += 1
                depth.bytes += len(payload)
                if piece.kind != HELD:
                    sealed.append(Sealed(seq, payload))
            db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", work.states.items())
            if work.events:
                db.executemany("INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", work.events)
                db.execute("DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?", (_KEEP_EVENTS,))
            db.executemany("DELETE FROM exchange WHERE id = ?", [(i,) for i in work.exchanges_done])
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", work.meta.items())
            history.remember(db, work.made, now)
            for key, rows in work.corrected:
                history.note_corrected(db, key, rows)
            history.forget_ratios(db, work.ratios_done)
            if work.pieces:
                self._bound(depth, now)
            if work.pieces or work.forget:
                self._remember(depth, seq)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
        self._seq, self.depth = seq, depth
        if work.forget or work.pieces:
            depth.oldest_at = self._oldest()
        return sealed

    def _insert(self, piece: Piece, seq: int, now: int) -> bytes:
        part = piece.part or _PART.get(piece.kind)
        payload = seal(self.id, seq, now, part, piece.groups) if part else piece.groups
        self._db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                seq,
                piece.kind,
                piece.rows,
                len(payload),
                piece.oldest_at,
                piece.newest_at,
                piece.boot,
                payload,
            ),
        )
        return payload

    def _forget(self, seqs: Iterable[int], depth: Depth) -> None:
        for seq in seqs:
            row = self._db.execute("DELETE FROM batch WHERE seq = ? RETURNING size", (seq,)).fetchone()
            if row:
                depth.batches -= 1
                depth.bytes -= row[0]

    def _bound(self, depth: Depth, now: int) -> None:
        """Give up raw samples that are too old, then the oldest samples, and intervals only at last."""
        old = now - self._max_age_ms
        while self._give_up("kind = 0 AND newest_at < ?", (old,), depth, 1 << 62):
            pass
        for condition in ("kind != 1", "kind = 1"):
            while depth.bytes > self._max_bytes:
                if not self._give_up(condition, (), depth, depth.bytes - self._max_bytes):
                    break

    def _give_up(self, condition: str, values: Sequence[int], depth: Depth, size: int) -> bool:
        """Delete up to 256 of the oldest batches that meet a condition, until `size` bytes are free."""
        rows = self._db.execute(
            f"SELECT seq, kind, rows, size FROM batch WHERE {condition} ORDER BY seq LIMIT 256", values
        ).fetchall()
        freed, seqs = 0, []
        for seq, kind, count, length in rows:
            if freed >= size:
                break
            freed += length
            seqs.append(seq)
            if kind == INTERVALS:
                depth.dropped_intervals += count
            else:
                depth.dropped_samples += count
        if not seqs:
            return False
        self._forget(seqs, depth)
        return True

    def _remember(self, depth: Depth, seq: int) -> None:
        names = ("batches", "bytes", "dropped_samples", "dropped_intervals")
        values = [(getattr(depth, name), name) for name in names]
        self._db.executemany("UPDATE meta SET value = ? WHERE key = ?", [*values, (seq, "seq")])

    def make_room(self, size: int) -> None:
        """After "disk full": give up the oldest samples so that their pages can be used again.

        From then on the file grows no further, until the disk has room again: it lives on its own pages,
        and what is left of the disk is for the write-ahead log.
        """
        self._reserve.unlink(missing_ok=True)
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        depth = replace(self.depth)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if not self._give_up("kind != 1", (), depth, size):
                self._give_up("kind = 1", (), depth, size)
            self._remember(depth, self._seq)
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        self.depth = depth
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if self._room_on_disk() < ROOM_BYTES:
            (pages,) = self._db.execute("PRAGMA page_count").fetchone()
            self._db.execute(f"PRAGMA max_page_count = {pages}")
            self._confined = True

    def _grow_again(self) -> None:
        if self._room_on_disk() >= ROOM_BYTES:
            self._db.execute(f"PRAGMA max_page_count = {_MOST_PAGES}")
            self._confined = False
            self._keep_reserve()

    def _room_on_disk(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _keep_reserve(self) -> None:
        """Hold some disk back, so that a full disk leaves room to give up old samples."""
        if not self._reserve.exists() and self._room_on_disk() > 2 * RESERVE_BYTES:
            try:
                self._reserve.write_bytes(bytes(RESERVE_BYTES))
            except OSError:
                self._reserve.unlink(missing_ok=True)

    def waiting(self, leave_out: frozenset[int], limit: int) -> list[Sealed]:
        """The batches to be sent next: intervals first, then oldest first."""
        rows = self._db.execute(
            "SELECT seq FROM batch WHERE kind = 1 ORDER BY seq LIMIT ?", (limit + len(leave_out),)
        ).fetchall()
        seqs = [seq for (seq,) in rows if seq not in leave_out][:limit]
        if len(seqs) < limit:
            rows = self._db.execute(
                "SELECT seq FROM batch WHERE kind = 0 ORDER BY seq LIMIT ?", (limit + len(leave_out),)
            ).fetchall()
            seqs += [seq for (seq,) in rows if seq not in leave_out][: limit - len(seqs)]
        found = []
        for seq in seqs:
            (payload,) = self._db.execute("SELECT payload FROM batch WHERE seq = ?", (seq,)).fetchone()
            found.append(Sealed(seq, payload))
        return found

    def held(self, limit: int) -> list[tuple[int, str, bytes]]:
        """(seq, boot, body) of samples that wait for a trusted clock, oldest first."""
        return self._db.execute(
            "SELECT seq, boot, payload FROM batch WHERE kind = 2 ORDER BY seq LIMIT ?", (limit,)
        ).fetchall()

    def held_boots(self) -> list[tuple[str, int, int]]:
        """(boot, first, last) monotonic ms of each boot's held samples, in the order they were taken."""
        return self._db.execute(
            "SELECT boot, min(oldest_at), max(newest_at) FROM batch WHERE kind = 2 GROUP BY boot"
            " ORDER BY min(seq)"
        ).fetchall()

    def states(self) -> dict[str, bytes]:
        return dict(self._db.execute("SELECT device, body FROM state").fetchall())

    def events(self, limit: int = 100) -> list[EventRow]:
        """The newest events, newest first."""
        rows = self._db.execute(
            "SELECT at, device, quantity, kind, before, after, counted FROM event ORDER BY id DESC LIMIT ?",
            (limit,),
        ).fetchall()
        return [EventRow(*row) for row in rows]

    def requests(self) -> Requests:
        rows = self._db.execute("SELECT id, device, quantity, at, final, initial FROM exchange")
        return Requests([ExchangeRequest(*row) for row in rows], history.ratio_requests(self._db))

    def kept(self, key: history.RegisterKey) -> list[history.Kept]:
        return history.kept(self._db, key)

    def intervals_wait(self) -> bool:
        return self._db.execute("SELECT 1 FROM batch WHERE kind = 1 LIMIT 1").fetchone() is not None

    def close(self) -> None:
        self._db.close()


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
