"""One SQLite file that many threads share: one writer, a reader a thread, errors in words."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector import sqlite_schema
from drivers.errors import ConfigError, Problem, StoreUnavailable


class _Reader:
    """A thread's own connection, closed when the thread ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class SqliteFile:
    """Connections and transactions of the store's file; the tables are made when it is opened first.

    A file of an older version becomes one of this version, in one transaction.
    Raises ConfigError if the file is not a store or was written by a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._readers = threading.local()
        self._open: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._opening = threading.Lock()
        self._closed = False
        self._ids: dict[str, dict[tuple[str, ...], int]] = {}
        self._writer = self._connect()
        self._prepare()

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -16000")
            connection.execute("PRAGMA temp_store = MEMORY")
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"{self.path}: cannot open the SQLite store: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ConfigError([Problem(str(self.path), "", f"is no SQLite database: {error}")]) from error
        return connection

    def _prepare(self) -> None:
        with self._answering():
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA journal_size_limit = 67108864")
        with self._write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise ConfigError([Problem(str(self.path), "", "is a database, but not a Beacon store")])
                missing = [sqlite_schema.TABLES]
            elif 0 < version <= sqlite_schema.VERSION:
                missing = [sqlite_schema.UPGRADES[each] for each in range(version, sqlite_schema.VERSION)]
            else:
                text = (
                    f"has schema {version}, this Beacon knows {sqlite_schema.VERSION}: install a newer Beacon"
                )
                raise ConfigError([Problem(str(self.path), "", text)])
            for statement in ";".join(missing).split(";"):
                db.execute(statement)
            if missing:
                db.execute(f"PRAGMA user_version = {sqlite_schema.VERSION}")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self.path}: {error}") from error

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block is left."""
        with self._lock, self._answering():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._ids.clear()
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """This thread's reading connection, on one snapshot."""
        if self._closed:
            raise StoreUnavailable(f"{self.path}: the store is closed")
        reader: _Reader | None = getattr(self._readers, "reader", None)
        if reader is None:
            reader = self._readers.reader = _Reader(self._connect())
            reader.connection.execute("PRAGMA query_only = 1")
            with self._opening:
                self._open.add(reader)
        connection = reader.connection
        with self._answering():
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")

    def _id(
        self, db: sqlite3.Connection, table: str, columns: str, key: tuple[str, ...], extra: str = ""
    ) -> int:
        """The row id of a key in one of the small tables, made if new."""
        known = self._ids.setdefault(table, {})
        found = known.get(key)
        if found is None:
            where = " AND ".join(f"{column} = ?" for column in columns.split(", "))
            row = db.execute(f"SELECT id FROM {table} WHERE {where}", key).fetchone()
            if row is None:
                names, values = (f"{columns}, kind", (*key, extra)) if extra else (columns, key)
                marks = ", ".join("?" * len(values))
                found = db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values).lastrowid
            else:
                found = row[0]
            assert found is not None  # an INSERT has a row id
            known[key] = found
        return found

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._writer.close()
            with self._opening:
                for reader in self._open:
                    reader.connection.close()
