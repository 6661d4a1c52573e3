"""Sessions that were ended before their time: the cookie of one is worth nothing, whoever copied it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from drivers.errors import BeaconError

logger = logging.getLogger(__name__)


class EndedSessions:
    """Their ids until they would have ended anyway; after a restart too, if there is a file to keep them."""

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        """path: an SQLite file, made if there is none. Raises BeaconError if it cannot be used."""
        self._path, self._now = path, now
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}
        if path is not None:
            self._until = self._kept(path)

    def __contains__(self, session: str) -> bool:
        return session in self._until

    def end(self, session: str, until_s: float) -> None:
        """From now on. until_s: Unix time at which the session ends by itself.

        What cannot be kept is logged, and holds until the next start.
        """
        with self._lock:
            now = self._now()
            self._until = {id_: until for id_, until in self._until.items() if until > now}
            self._until[session] = until_s
            if self._path is not None:
                self._keep(self._path, session, until_s, now)

    @staticmethod
    def _kept(path: Path) -> dict[str, float]:
        try:
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("CREATE TABLE IF NOT EXISTS ended (session TEXT PRIMARY KEY, until_s REAL)")
                return dict(database.execute("SELECT session, until_s FROM ended"))
        except sqlite3.Error as error:
            raise BeaconError(f"{path}: ended sessions cannot be kept: {error}") from error

    @staticmethod
    def _keep(path: Path, session: str, until_s: float, now: float) -> None:
        try:
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("DELETE FROM ended WHERE until_s <= ?", (now,))
                database.execute("INSERT OR REPLACE INTO ended VALUES (?, ?)", (session, until_s))
        except sqlite3.Error as error:
            logger.error("%s: an ended session cannot be kept and is valid after a restart: %s", path, error)
