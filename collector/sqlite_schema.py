"""The tables of the SQLite store."""

from __future__ import annotations

VERSION = 2

_EVENT = """
CREATE TABLE event (
    building TEXT NOT NULL, at INTEGER NOT NULL, device TEXT NOT NULL, quantity TEXT NOT NULL,
    kind TEXT NOT NULL, before REAL NOT NULL, after REAL NOT NULL, counted REAL,
    PRIMARY KEY (building, at, device, quantity, kind)) WITHOUT ROWID;
"""

UPGRADES = {1: _EVENT}
"""Version of a file -> what makes it the next one."""

TABLES = """
CREATE TABLE device (
    id INTEGER PRIMARY KEY, building TEXT NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL,
    UNIQUE (building, device));
CREATE TABLE shape (id INTEGER PRIMARY KEY, fields TEXT NOT NULL UNIQUE);
CREATE TABLE sample (
    device INTEGER NOT NULL, at INTEGER NOT NULL, shape INTEGER NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY (device, at, shape)) WITHOUT ROWID;
CREATE TABLE latest (
    device INTEGER NOT NULL, shape INTEGER NOT NULL, at INTEGER NOT NULL, row BLOB NOT NULL,
    PRIMARY KEY (device, shape)) WITHOUT ROWID;
CREATE TABLE register (
    id INTEGER PRIMARY KEY, building TEXT NOT NULL, device TEXT NOT NULL,
    direction TEXT NOT NULL, carrier TEXT NOT NULL,
    UNIQUE (building, device, direction, carrier));
CREATE TABLE interval_day (
    register INTEGER NOT NULL, day_start INTEGER NOT NULL, block BLOB NOT NULL,
    PRIMARY KEY (register, day_start)) WITHOUT ROWID;
CREATE TABLE dirty (
    building TEXT NOT NULL, day INTEGER NOT NULL, touched_at INTEGER NOT NULL,
    PRIMARY KEY (building, day)) WITHOUT ROWID;
CREATE TABLE account (
    id INTEGER PRIMARY KEY, building TEXT NOT NULL, carrier TEXT NOT NULL, item TEXT NOT NULL,
    UNIQUE (building, carrier, item));
CREATE INDEX account_by_item ON account (carrier, item);
CREATE TABLE daily (
    account INTEGER NOT NULL, day INTEGER NOT NULL, energy REAL NOT NULL, coverage REAL NOT NULL,
    estimated REAL NOT NULL, peak_kw REAL, base_kw REAL,
    PRIMARY KEY (account, day)) WITHOUT ROWID;
CREATE TABLE judgement (
    building TEXT NOT NULL, scheme TEXT NOT NULL, basis TEXT NOT NULL, period TEXT NOT NULL,
    tables_version TEXT NOT NULL, judged_at INTEGER NOT NULL, unit TEXT NOT NULL, used REAL NOT NULL,
    limit_ REAL, share REAL, expected_share REAL, forecast REAL, forecast_low REAL, forecast_high REAL,
    level TEXT NOT NULL, coverage REAL NOT NULL, passes_on INTEGER, detail TEXT NOT NULL,
    PRIMARY KEY (building, scheme, basis, period, tables_version));
CREATE INDEX judgement_by_period ON judgement (period, building);
CREATE TABLE edge (
    site TEXT NOT NULL, edge TEXT NOT NULL, received_at INTEGER NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (site, edge)) WITHOUT ROWID;
"""
TABLES += _EVENT
"""Days are proleptic ordinals (datetime.date.toordinal), instants are ms UTC."""

SAMPLE = (
    "INSERT INTO sample VALUES (?, ?, ?, ?) ON CONFLICT (device, at, shape) DO UPDATE SET row = excluded.row"
)
LATEST = (
    "INSERT INTO latest VALUES (?, ?, ?, ?) "
    "ON CONFLICT (device, shape) DO UPDATE SET at = excluded.at, row = excluded.row "
    "WHERE excluded.at >= at"
)
BLOCK = (
    "INSERT INTO interval_day VALUES (?, ?, ?) "
    "ON CONFLICT (register, day_start) DO UPDATE SET block = excluded.block"
)
EVENT_COLUMNS = "building, device, quantity, kind, at, before, after, counted"
EVENT = f"INSERT OR REPLACE INTO event ({EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
DIRTY = (
    "INSERT INTO dirty VALUES (?, ?, ?) "
    "ON CONFLICT (building, day) DO UPDATE SET touched_at = max(excluded.touched_at, touched_at + 1)"
)
DAILY = (
    "INSERT INTO daily VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, day) DO UPDATE SET "
    "energy = excluded.energy, coverage = excluded.coverage, estimated = excluded.estimated, "
    "peak_kw = excluded.peak_kw, base_kw = excluded.base_kw"
)
JUDGEMENT = f"INSERT OR REPLACE INTO judgement VALUES ({', '.join('?' * 18)})"
JUDGEMENT_COLUMNS = (
    "building, scheme, basis, period, judged_at, unit, used, limit_, share, expected_share, forecast, "
    "forecast_low, forecast_high, level, coverage, tables_version, passes_on, detail"
)
EDGE = (
    "INSERT INTO edge VALUES (?, ?, ?, ?) "
    "ON CONFLICT (site, edge) DO UPDATE SET received_at = excluded.received_at, status = excluded.status"
)
