"""Who may see and do what: users, API tokens, roles and scopes, from one file.

[[user]]
name = "zhang"
role = "manager"                # viewer, manager, supervisor, admin
buildings = ["330100A001"]      # what it sees; regions = ["330100"] likewise; admins see all
password = "$argon2id$…"        # `beacon user password zhang` writes it

[[token]]
name = "grafana"
role = "viewer"
sha256 = "…"                    # of the token; `beacon user token grafana` shows it once
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dashboards.site.regions import prefix
from drivers.errors import BeaconError, ConfigError, Problem
from rules.alerts import Alert

logger = logging.getLogger(__name__)

HASHER = PasswordHasher()
MAX_PASSWORD = 256
GRACE_S = 60.0
"""For so long the users read last hold while their file cannot be read, as when an editor is saving it."""
RETRY_S = 1.0


class Role(StrEnum):
    VIEWER = "viewer"  # looks
    MANAGER = "manager"  # looks after buildings: acts on their alerts
    SUPERVISOR = "supervisor"  # looks after regions
    ADMIN = "admin"  # everything


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was let in. everything: sees all buildings, else those of `buildings` and `regions`."""

    name: str
    role: Role
    everything: bool
    buildings: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()  # first digits of ids

    def sees(self, building: str) -> bool:
        return self.everything or building in self.buildings or building.startswith(self.regions)

    def may_act(self, alert: Alert) -> bool:
        """May acknowledge, snooze and resolve this alert."""
        return self.role is not Role.VIEWER and self.sees(alert.building)

    @property
    def scope(self) -> tuple[object, ...]:
        """Equal for visitors who see the same: a key for shared answers."""
        return (True,) if self.everything else (False, self.buildings, self.regions)


LOCAL = Visitor("local", Role.ADMIN, True)
"""Everybody, where no users are set up: the demo and a site on loopback."""

PUBLIC = Visitor("", Role.VIEWER, False)
"""Anybody, where announcements are public: sees no building."""


class UsersUnreadable(BeaconError):
    """The users file cannot be read, and what it last said is too old to go by: nobody is let in."""


class Grant(BaseModel):
    """What somebody may do, and where. regions: codes of 2, 4 or 6 digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[\w.@-]{1,64}$")]
    role: Role
    buildings: tuple[Annotated[str, Field(pattern=r"^[0-9]{6}[A-H][0-9]{3}$")], ...] = ()
    regions: tuple[Annotated[str, Field(pattern=r"^[0-9]{2}([0-9]{2}){0,2}$")], ...] = ()

    @model_validator(mode="after")
    def _has_scope(self) -> Grant:
        if self.role in (Role.MANAGER, Role.SUPERVISOR) and not self.buildings and not self.regions:
            raise ValueError(f"a {self.role} needs buildings or regions")
        return self

    def visitor(self) -> Visitor:
        everything = self.role is Role.ADMIN or not (self.buildings or self.regions)
        regions = tuple(prefix(code.ljust(6, "0")) for code in self.regions)
        return Visitor(self.name, self.role, everything, frozenset(self.buildings), regions)


class User(Grant):
    """Somebody with a password; "" cannot log in."""

    password: str = ""


class Token(Grant):
    """A program with a bearer token."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class UsersFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user: tuple[User, ...] = ()
    token: tuple[Token, ...] = ()


class Users:
    """The users file. A change of the file takes effect at the next request."""

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigError with every problem, also when others than its owner may read the file."""
        self.path = path
        self._now = now
        self._lock = threading.Lock()
        self._unknown = HASHER.hash("nobody")
        self._stamp = _stamp(path)
        self._file = read(path)
        self._problem = ""
        self._lost_at = self._tried_at = 0.0

    def _current(self) -> UsersFile:
        """What the file says. Raises UsersUnreadable if it has been unreadable for longer than GRACE_S."""
        with self._lock:
            stamp, now = _stamp(self.path), self._now()
            if stamp != self._stamp or (self._problem and now - self._tried_at >= RETRY_S):
                self._stamp, self._tried_at = stamp, now
                self._read_again(now)
            if self._problem and now - self._lost_at > GRACE_S:
                raise UsersUnreadable(self._problem)
            return self._file

    def _read_again(self, now: float) -> None:
        before = self._problem
        try:
            self._file, self._problem = read(self.path), ""
        except ConfigError as error:
            self._problem = str(error)
            if not before:
                self._lost_at = now
            if self._problem != before:
                logger.error("%s; nobody is let in after %g s of this", self._problem, GRACE_S)
        else:
            if before:
                logger.warning("%s can be read again", self.path)

    def user(self, name: str) -> User | None:
        return next((user for user in self._current().user if user.name == name), None)

    def check(self, name: str, password: str) -> User | None:
        """The user if the password is right; takes equally long for an unknown name, and 64 MiB."""
        user = self.user(name)
        try:
            HASHER.verify(user.password if user and user.password else self._unknown, password[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return None
        return user if user and user.password else None

    def bearer(self, secret: str) -> Visitor | None:
        """Who a token belongs to."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        for token in self._current().token:
            if hmac.compare_digest(token.sha256, digest):
                return token.visitor()
        return None


def _stamp(path: Path) -> tuple[int, ...]:
    """Another one after every change of content, owner or mode; () if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def read(path: Path) -> UsersFile:
    """Raises ConfigError with every problem, also when others than its owner may read the file."""
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError([Problem(str(path), "", "others may read it: chmod 600")])
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"is not TOML: {error}")]) from error
    return parsed(path, data)


def parsed(path: Path, data: Mapping[str, Any]) -> UsersFile:
    """The users that `data` of the file `path` describes. Raises ConfigError with every problem."""
    try:
        return UsersFile.model_validate(data)
    except ValidationError as error:
        raise ConfigError(
            [Problem(str(path), ".".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors()]
        ) from error
