"""The life of alerts: opened, acknowledged, snoozed, resolved, re-opened, each step kept with who and why.

One SQLite file holds alerts, their history and the outbox of messages, so that what is opened and what is
to be sent are one transaction: nothing is forgotten and nothing is sent twice after a restart.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drivers.errors import BeaconError

REOPEN_WITHIN_MS = 24 * 3_600_000
"""The same cause within this time after its end is the same alert again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alert (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL, building TEXT NOT NULL, device TEXT NOT NULL,
    severity TEXT NOT NULL, state TEXT NOT NULL, firing INTEGER NOT NULL,
    title_en TEXT NOT NULL, title_zh TEXT NOT NULL,
    opened_at INTEGER NOT NULL, since INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    resolved_at INTEGER, snoozed_until INTEGER, escalated_at INTEGER, escalate_after_s REAL,
    value REAL, "limit" REAL, reopened INTEGER NOT NULL DEFAULT 0, cause INTEGER
);
CREATE INDEX IF NOT EXISTS alert_key ON alert (rule, building, device);
CREATE INDEX IF NOT EXISTS alert_state ON alert (state, building);
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, alert INTEGER NOT NULL REFERENCES alert (id),
    at INTEGER NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL, value REAL
);
CREATE INDEX IF NOT EXISTS history_alert ON history (alert);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, history INTEGER NOT NULL, alert INTEGER NOT NULL, notifier TEXT NOT NULL,
    due_at INTEGER NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER, error TEXT NOT NULL DEFAULT '',
    UNIQUE (history, notifier)
);
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, due_at);
"""


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class NoSuchAlert(BeaconError):
    """There is no alert of this number."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Times are ms UTC. device is "" for the building as a whole, a period for a quota.

    firing: its condition holds now. cause: id of the alert that explains this one, such as an edge offline.
    """

    id: int
    rule: str
    building: str
    device: str
    severity: str
    state: str
    firing: bool
    title_en: str
    title_zh: str
    opened_at: int
    since: int
    updated_at: int
    resolved_at: int | None
    snoozed_until: int | None
    escalated_at: int | None
    escalate_after_s: float | None
    value: float | None
    limit: float | None
    reopened: int
    cause: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """One step in an alert's life; what: opened, reopened, escalated, acknowledged, snoozed, woken …"""

    id: int
    alert: int
    at: int
    what: str
    who: str
    note: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one thing, for `AlertBook.fire`."""

    rule: str
    building: str
    device: str
    severity: str
    title_en: str
    title_zh: str
    since: int
    value: float | None = None
    limit: float | None = None
    escalate_after_s: float | None = None


Events = list[Event]
Keys = list[tuple[str, str, str]]


class AlertBook:
    """All alerts of one centre. Every method is one transaction and may be called from any thread."""

    def __init__(self, path: Path | str) -> None:
        """path: an SQLite file, made if absent, or `:memory:`."""
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self.notifiers: tuple[tuple[str, frozenset[str]], ...] = ()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection inside one transaction; nested calls join the outer one."""
        with self._lock:
            outer = self._db.in_transaction
            if not outer:
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                if not outer:
                    self._db.execute("ROLLBACK")
                raise
            if not outer:
                self._db.execute("COMMIT")

    def list(
        self,
        state: str | None = None,
        building: str | None = None,
        *,
        explained: bool = True,
        limit: int = 1000,
    ) -> list[Alert]:
        """Alerts, newest first. state: one of AlertState, `active` for all but resolved, None for all.

        explained: also those that another alert is the cause of.
        """
        where, values = ["1"], []
        if state == "active":
            where.append("state != 'resolved'")
        elif state is not None:
            where.append("state = ?")
            values.append(state)
        if building is not None:
            where.append("building = ?")
            values.append(building)
        if not explained:
            where.append("cause IS NULL")
        query = f"SELECT * FROM alert WHERE {' AND '.join(where)} ORDER BY opened_at DESC, id DESC LIMIT ?"
        with self._lock:
            return [_alert(row) for row in self._db.execute(query, [*values, limit])]

    def get(self, alert: int) -> Alert:
        """Raises NoSuchAlert."""
        with self._lock:
            row = self._db.execute("SELECT * FROM alert WHERE id = ?", [alert]).fetchone()
        if row is None:
            raise NoSuchAlert(f"there is no alert {alert}")
        return _alert(row)

    def history(self, alert: int) -> Events:
        """Every step of one alert, oldest first. Raises NoSuchAlert."""
        self.get(alert)
        with self._lock:
            rows = self._db.execute("SELECT * FROM history WHERE alert = ? ORDER BY id", [alert])
            return [Event(*row) for row in rows]

    def firing(self) -> Keys:
        """(rule, building, device) of everything that holds now, to start a Watch with."""
        with self._lock:
            return [
                tuple(row)
                for row in self._db.execute("SELECT rule, building, device FROM alert WHERE firing")
            ]

    def fire(self, finding: Finding, at: int, *, cause: int | None = None) -> Alert:
        """Open an alert, or bring its active one up to date; a recent resolved one is re-opened."""
        with self.transaction() as db:
            row = db.execute(
                "SELECT * FROM alert WHERE rule = ? AND building = ? AND device = ? ORDER BY id DESC LIMIT 1",
                [finding.rule, finding.building, finding.device],
            ).fetchone()
            if row is not None and row["state"] != AlertState.RESOLVED:
                return self._update(row, finding, at, cause)
            if row is not None and at - (row["resolved_at"] or 0) <= REOPEN_WITHIN_MS:
                return self._reopen(row, finding, at, cause)
            cursor = db.execute(
                "INSERT INTO alert (rule, building, device, severity, state, firing, title_en, title_zh,"
                ' opened_at, since, updated_at, escalate_after_s, value, "limit", cause)'
                " VALUES (?,?,?,?,?,1,?,?,?,?,?,?,?,?,?)",
                [
                    finding.rule, finding.building, finding.device, finding.severity, AlertState.OPEN,
                    finding.title_en, finding.title_zh, at, finding.since, at, finding.escalate_after_s,
                    finding.value, finding.limit, cause,
                ],
            )  # fmt: skip
            alert = int(cursor.lastrowid or 0)
            self._note(alert, at, "opened", "rules", "", finding.value, send=cause is None)
            return self.get(alert)

    def _update(self, row: sqlite3.Row, finding: Finding, at: int, cause: int | None) -> Alert:
        worse = _RANK[finding.severity] > _RANK[row["severity"]]
        self._db.execute(
            'UPDATE alert SET firing = 1, value = ?, "limit" = ?, severity = ?, title_en = ?, title_zh = ?,'
            " updated_at = ?, cause = ? WHERE id = ?",
            [
                finding.value, finding.limit, finding.severity, finding.title_en, finding.title_zh, at, cause,
                row["id"],
            ],
        )  # fmt: skip
        if worse:
            self._db.execute(
                "UPDATE alert SET state = 'open', snoozed_until = NULL WHERE id = ?", [row["id"]]
            )
            self._note(
                row["id"],
                at,
                "escalated",
                "rules",
                f"now {finding.severity}",
                finding.value,
                send=cause is None,
            )
        return self.get(row["id"])

    def _reopen(self, row: sqlite3.Row, finding: Finding, at: int, cause: int | None) -> Alert:
        self._db.execute(
            "UPDATE alert SET state = 'open', firing = 1, resolved_at = NULL, snoozed_until = NULL,"
            ' escalated_at = NULL, since = ?, updated_at = ?, value = ?, "limit" = ?, severity = ?,'
            " title_en = ?, title_zh = ?, cause = ?, reopened = reopened + 1 WHERE id = ?",
            [
                finding.since, at, finding.value, finding.limit, finding.severity, finding.title_en,
                finding.title_zh, cause, row["id"],
            ],
        )  # fmt: skip
        self._note(row["id"], at, "reopened", "rules", "", finding.value, send=cause is None)
        return self.get(row["id"])

    def clear(
        self, rule: str, building: str, device: str, at: int, value: float | None = None
    ) -> Alert | None:
        """The condition no longer holds: resolve its active alert. None if there is none."""
        with self.transaction() as db:
            row = db.execute(
                "SELECT * FROM alert WHERE rule = ? AND building = ? AND device = ? AND state != 'resolved'",
                [rule, building, device],
            ).fetchone()
            if row is None:
                return None
            self._resolve(
                row["id"], at, "rules", "the condition no longer holds", value, send=row["cause"] is None
            )
            return self.get(row["id"])

    def acknowledge(self, alert: int, who: str, note: str = "", *, at: int) -> Alert:
        """Somebody has taken it on. Raises NoSuchAlert."""
        return self._act(alert, at, "acknowledged", AlertState.ACKNOWLEDGED, who, note)

    def snooze(self, alert: int, until: int, who: str, note: str = "", *, at: int) -> Alert:
        """Quiet until `until`, ms UTC; then it is open again if it still holds. Raises NoSuchAlert."""
        with self.transaction() as db:
            made = self._act(alert, at, "snoozed", AlertState.SNOOZED, who, note)
            if made.state == AlertState.SNOOZED:
                db.execute("UPDATE alert SET snoozed_until = ? WHERE id = ?", [until, alert])
            return self.get(alert)

    def resolve(self, alert: int, who: str, note: str = "", *, at: int) -> Alert:
        """Closed by a person. If its condition goes on, the rules open it again. Raises NoSuchAlert."""
        with self.transaction():
            if self.get(alert).state != AlertState.RESOLVED:
                self._resolve(alert, at, who, note, None, send=True)
            return self.get(alert)

    def _act(self, alert: int, at: int, what: str, state: AlertState, who: str, note: str) -> Alert:
        with self.transaction() as db:
            if self.get(alert).state == AlertState.RESOLVED:
                self._note(alert, at, "noted", who, note, None, send=False)
                return self.get(alert)
            db.execute(
                "UPDATE alert SET state = ?, updated_at = ?, snoozed_until = NULL WHERE id = ?",
                [state, at, alert],
            )
            self._note(alert, at, what, who, note, None, send=True)
            return self.get(alert)

    def _resolve(self, alert: int, at: int, who: str, note: str, value: float | None, *, send: bool) -> None:
        self._db.execute(
            "UPDATE alert SET state = 'resolved', firing = 0, resolved_at = ?, updated_at = ?,"
            " snoozed_until = NULL WHERE id = ?",
            [at, at, alert],
        )
        self._note(alert, at, "resolved", who, note, value, send=send)

    def tick(self, now: int) -> None:
        """Wake what was snoozed long enough, escalate what nobody took on in time."""
        with self.transaction() as db:
            for row in db.execute(
                "SELECT * FROM alert WHERE state = 'snoozed' AND snoozed_until <= ?", [now]
            ).fetchall():
                db.execute(
                    "UPDATE alert SET state = 'open', snoozed_until = NULL, updated_at = ? WHERE id = ?",
                    [now, row["id"]],
                )
                self._note(row["id"], now, "woken", "rules", "", row["value"], send=True)
            late = db.execute(
                "SELECT * FROM alert WHERE state = 'open' AND escalated_at IS NULL AND cause IS NULL"
                " AND escalate_after_s IS NOT NULL AND opened_at + escalate_after_s * 1000 <= ?",
                [now],
            ).fetchall()
            for row in late:
                db.execute(
                    "UPDATE alert SET escalated_at = ?, severity = 'critical', updated_at = ? WHERE id = ?",
                    [now, now, row["id"]],
                )
                note = f"nobody acknowledged it in {row['escalate_after_s']:g} s"
                self._note(row["id"], now, "escalated", "rules", note, row["value"], send=True)

    def explain(self, alerts: Iterable[int], cause: int) -> None:
        """Say that some alerts are consequences of another."""
        with self.transaction() as db:
            db.executemany("UPDATE alert SET cause = ? WHERE id = ?", [(cause, alert) for alert in alerts])

    def _note(
        self, alert: int, at: int, what: str, who: str, note: str, value: float | None, *, send: bool
    ) -> None:
        cursor = self._db.execute(
            "INSERT INTO history (alert, at, what, who, note, value) VALUES (?,?,?,?,?,?)",
            [alert, at, what, who, note, value],
        )
        if send:
            self._db.executemany(
                "INSERT OR IGNORE INTO outbox (history, alert, notifier, due_at, state)"
                " VALUES (?,?,?,?,'due')",
                [(cursor.lastrowid, alert, name, at) for name, events in self.notifiers if what in events],
            )


_RANK = {"info": 0, "warning": 1, "critical": 2}


def _alert(row: sqlite3.Row) -> Alert:
    values = {key: row[key] for key in Alert.__slots__}
    return Alert(**(values | {"firing": bool(values["firing"])}))
