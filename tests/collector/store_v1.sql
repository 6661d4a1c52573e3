-- A store file of schema 1, as Beacon made it.
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
PRAGMA user_version = 1;
