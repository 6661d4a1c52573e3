"""Changes to the users file: passwords and tokens are made here, so that only their hashes are kept."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from dashboards.site.access import HASHER, MAX_PASSWORD, Role, Users
from drivers.errors import BeaconError, ConfigError, Problem

MIN_PASSWORD = 10


def set_user(
    path: Path,
    name: str,
    password: str,
    role: Role,
    buildings: Sequence[str] = (),
    regions: Sequence[str] = (),
) -> None:
    """Add a user, or give one a new password, role and scope. The file is made with mode 0600.

    Raises BeaconError for a password that is too short, ConfigError if the file would not hold.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BeaconError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    _put(path, "user", name, {"password": HASHER.hash(password)}, role, buildings, regions)


def add_token(
    path: Path, name: str, role: Role, buildings: Sequence[str] = (), regions: Sequence[str] = ()
) -> str:
    """A new token of that name, which replaces an old one. It is returned this once and not kept."""
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    _put(path, "token", name, {"sha256": digest}, role, buildings, regions)
    return secret


def remove(path: Path, name: str) -> bool:
    """Take away the users and tokens of that name; False if there was none."""
    document = _document(path)
    found = False
    for kind in ("user", "token"):
        rows = [dict(row) for row in document.get(kind, [])]
        kept = [row for row in rows if row.get("name") != name]
        found = found or len(kept) < len(rows)
        _set(document, kind, kept)
    if found:
        _write(path, document)
    return found


def _put(
    path: Path,
    kind: str,
    name: str,
    proof: dict[str, str],
    role: Role,
    buildings: Sequence[str],
    regions: Sequence[str],
) -> None:
    document = _document(path)
    row: dict[str, Any] = {"name": name, "role": role.value}
    if buildings:
        row["buildings"] = list(buildings)
    if regions:
        row["regions"] = list(regions)
    others = [dict(other) for other in document.get(kind, []) if other.get("name") != name]
    _set(document, kind, [*others, row | proof])
    _write(path, document)


def _document(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error


def _set(document: tomlkit.TOMLDocument, kind: str, rows: list[dict[str, Any]]) -> None:
    tables = tomlkit.aot()
    for row in rows:
        tables.append(tomlkit.item(row))
    document.pop(kind, None)
    if rows:
        document.append(kind, tables)


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    """Checked before it takes the old file's place."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(tomlkit.dumps(document))
            file.flush()
            os.fsync(file.fileno())
        Users(part)
        part.replace(path)
    except OSError as error:
        raise BeaconError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
