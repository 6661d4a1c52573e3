"""The spool as the loop sees it: never blocks, never loses what it has said to hold."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from edge.history import Kept, RegisterKey
from edge.spool_file import SpoolFile
from edge.spool_rows import INTERVALS, Commit, Depth, EventRow, Requests, Sealed

logger = logging.getLogger(__name__)

T = TypeVar("T")
MAX_WAITING_BYTES = 8 * 1024 * 1024


class Spool:
    """A SpoolFile behind its own thread. What a full disk refuses waits here, bounded, newest kept."""

    def __init__(self, path: Path, max_bytes: int, max_age_days: float) -> None:
        self._path, self._max_bytes, self._max_age_days = path, max_bytes, max_age_days
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._file: SpoolFile
        self._waiting: Commit | None = None
        self._dropped_here = 0
        self.trouble = ""  # why the disk does not take data now, in words

    async def open(self, damage: str = "") -> None:
        """Open or create the file. Raises sqlite3.Error or OSError if that cannot be done."""
        self._file = await self._call(SpoolFile, self._path, self._max_bytes, self._max_age_days, damage)
        if self._file.set_aside:
            self.trouble = f"a damaged spool was set aside as {self._file.set_aside.name}"

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    @property
    def id(self) -> str:
        return self._file.id

    @property
    def depth(self) -> Depth:
        return self._file.depth

    @property
    def dropped_samples(self) -> int:
        return self._file.depth.dropped_samples + self._dropped_here

    async def commit(self, work: Commit, now: int) -> list[Sealed]:
        """Make a flush durable; returns the batches it sealed. On a sick disk it waits for the next flush."""
        if self._waiting is not None:
            work = self._waiting.then(work)
            self._waiting = None
        if work.empty:
            return []
        try:
            sealed = await self._call(self._commit, work, now)
        except sqlite3.DatabaseError as error:
            await self._refused(work, error)
            return []
        if self.trouble:
            logger.info("spool writes again")
            self.trouble = ""
        return sealed

    def _commit(self, work: Commit, now: int) -> list[Sealed]:
        try:
            return self._file.commit(work, now)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            self._file.make_room(2 * sum(len(piece.groups) for piece in work.pieces))
            return self._file.commit(work, now)

    async def _refused(self, work: Commit, error: sqlite3.Error) -> None:
        self._waiting = work
        if not self.trouble:
            logger.error("spool %s cannot be written: %s; newest data waits in memory", self._path, error)
        self.trouble = str(error)
        if error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            await self._call(self._file.close)
            await self.open(str(error))
            return
        size = sum(len(piece.groups) for piece in work.pieces)
        pieces = sorted(work.pieces, key=lambda piece: (piece.kind == INTERVALS, piece.newest_at))
        for piece in pieces:
            if size <= MAX_WAITING_BYTES:
                break
            size -= len(piece.groups)
            self._dropped_here += piece.rows
            work.pieces.remove(piece)

    async def waiting(self, leave_out: frozenset[int], limit: int) -> list[Sealed]:
        """The batches to be sent next, without those in `leave_out`."""
        return await self._call(self._file.waiting, leave_out, limit)

    async def held(self, limit: int) -> list[tuple[int, str, bytes]]:
        return await self._call(self._file.held, limit)

    async def held_boots(self) -> list[tuple[str, int, int]]:
        return await self._call(self._file.held_boots)

    async def states(self) -> dict[str, bytes]:
        return await self._call(self._file.states)

    async def events(self, limit: int = 100) -> list[EventRow]:
        return await self._call(self._file.events, limit)

    async def requests(self) -> Requests:
        return await self._call(self._file.requests)

    async def kept(self, key: RegisterKey) -> list[Kept]:
        """All intervals that are kept of one register, as they were read, oldest first."""
        return await self._call(self._file.kept, key)

    async def intervals_wait(self) -> bool:
        """Whether intervals or events are not yet known to be stored."""
        return await self._call(self._file.intervals_wait)

    async def meta(self, key: str) -> int | str | None:
        return await self._call(self._file.meta, key)

    async def close(self) -> None:
        await self._call(self._file.close)
        self._thread.shutdown()
