"""Changes to the users file: passwords and tokens are made here, so that only their hashes are kept."""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from dashboards.site.access import HASHER, MAX_PASSWORD, Grant, Role, parsed
from drivers.errors import BeaconError, ConfigError, RequestError

MIN_PASSWORD = 10
RULES = {
    "name": "a name has 1 to 64 letters, digits and . @ - _",
    "buildings": "a building has six digits, a letter from A to H and three digits, such as 330106A001",
    "regions": "a region has 2, 4 or 6 digits, such as 33, 3301 or 330106",
}
Kind = Literal["user", "token"]


def planned(
    path: Path,
    kind: Kind,
    name: str,
    role: Role | None = None,
    buildings: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
) -> Grant:
    """What `name` may do after a change.

    A role of None stays, or is viewer for a new name. Buildings and regions stay if both are None, else
    they are the whole scope; a new name without them sees everything. Regions get their six digits.
    Raises RequestError for what cannot be, and for a file that must be mended first.
    """
    before = next((row for row in _rows(_document(path), kind) if row.get("name") == name), {})
    given = buildings or regions
    if buildings is None and regions is None:
        buildings, regions = before.get("buildings"), before.get("regions")
    role = role or Role(before.get("role", Role.VIEWER))
    try:
        grant = Grant(name=name, role=role, buildings=tuple(buildings or ()), regions=tuple(regions or ()))
    except ValidationError as error:
        found = error.errors()[0]
        if not found["loc"]:
            raise RequestError(f"a {role} needs --building or --region") from error
        raise RequestError(f"{found['input']!r}: {RULES[str(found['loc'][0])]}") from error
    if role is Role.ADMIN and given:
        raise RequestError(
            "an admin sees everything: leave --building and --region out, or take another role"
        )
    if not path.parent.is_dir():
        raise RequestError(f"{path}: there is no folder {path.parent}")
    return grant.model_copy(update={"regions": tuple(code.ljust(6, "0") for code in grant.regions)})


def set_user(path: Path, grant: Grant, password: str) -> None:
    """Add the user, or replace the one of that name. The file is made with mode 0600.

    Raises BeaconError for a password that is too short and if the file cannot be written.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BeaconError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    _put(path, "user", grant, {"password": HASHER.hash(password)})


def add_token(path: Path, grant: Grant) -> str:
    """A new token of that name, which replaces an old one. It is returned this once and not kept."""
    secret = secrets.token_urlsafe(32)
    _put(path, "token", grant, {"sha256": hashlib.sha256(secret.encode()).hexdigest()})
    return secret


def remove(path: Path, name: str) -> bool:
    """Take away the users and tokens of that name; False if there was none."""
    document = _document(path)
    found = False
    for kind in ("user", "token"):
        rows = _rows(document, kind)
        kept = [row for row in rows if row.get("name") != name]
        found = found or len(kept) < len(rows)
        _set(document, kind, kept)
    if found:
        _write(path, document)
    return found


def _put(path: Path, kind: Kind, grant: Grant, proof: dict[str, str]) -> None:
    document = _document(path)
    row = grant.model_dump(mode="json", exclude_defaults=True) | proof
    _set(
        document, kind, [*(other for other in _rows(document, kind) if other.get("name") != grant.name), row]
    )
    _write(path, document)


def _document(path: Path) -> tomlkit.TOMLDocument:
    """Raises RequestError if there is a file that cannot be read or does not hold."""
    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        parsed(path, document.unwrap())
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, TOMLKitError) as error:
        raise RequestError(f"{path}: is not TOML, and was not changed: {error}") from error
    except ConfigError as error:
        raise RequestError(f"the file must be mended first, and was not changed:\n{error}") from error
    return document


def _rows(document: tomlkit.TOMLDocument, kind: str) -> list[dict[str, Any]]:
    return [dict(row) for row in document.unwrap().get(kind, [])]


def _set(document: tomlkit.TOMLDocument, kind: str, rows: list[dict[str, Any]]) -> None:
    tables = tomlkit.aot()
    for row in rows:
        tables.append(tomlkit.item(row))
    document.pop(kind, None)
    if rows:
        document.append(kind, tables)


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    """Checked before it takes the old file's place, with that one's owner, group and mode."""
    target = path.resolve()
    text = tomlkit.dumps(document)
    parsed(path, tomllib.loads(text))
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _own(descriptor, target)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(target)
    except OSError as error:
        raise BeaconError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _own(descriptor: int, target: Path) -> None:
    """Give a new file what the one it replaces has; what root makes first belongs to the folder's owner."""
    made = os.fstat(descriptor)
    if target.exists():
        model = target.stat()
        os.fchmod(descriptor, stat.S_IMODE(model.st_mode) & stat.S_IRWXU)
    elif made.st_uid == 0:
        model = target.parent.stat()
    else:
        return
    if (made.st_uid, made.st_gid) == (model.st_uid, model.st_gid):
        return
    try:
        os.fchown(descriptor, model.st_uid, model.st_gid)
    except PermissionError as error:
        if made.st_uid != model.st_uid:
            owner = _name_of(model.st_uid)
            raise BeaconError(f"{target} belongs to {owner}: run this with sudo, or as {owner}") from error


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
