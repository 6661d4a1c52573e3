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
import threading
import time
import tomllib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dashboards.site.regions import prefix
from drivers.errors import ConfigError, Problem
from rules.alerts import Alert

HASHER = PasswordHasher()
MAX_PASSWORD = 256


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


class _Scope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[\w.@-]{1,64}$")]
    role: Role
    buildings: tuple[Annotated[str, Field(pattern=r"^[0-9]{6}[A-H][0-9]{3}$")], ...] = ()
    regions: tuple[Annotated[str, Field(pattern=r"^[0-9]{6}$")], ...] = ()

    @model_validator(mode="after")
    def _has_scope(self) -> _Scope:
        if self.role in (Role.MANAGER, Role.SUPERVISOR) and not self.buildings and not self.regions:
            raise ValueError(f"a {self.role} needs buildings or regions")
        return self

    def visitor(self) -> Visitor:
        everything = self.role is Role.ADMIN or not (self.buildings or self.regions)
        regions = tuple(prefix(code) for code in self.regions)
        return Visitor(self.name, self.role, everything, frozenset(self.buildings), regions)


class User(_Scope):
    """Somebody with a password; "" cannot log in."""

    password: str = ""


class Token(_Scope):
    """A program with a bearer token."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user: tuple[User, ...] = ()
    token: tuple[Token, ...] = ()


class Users:
    """The users file. A change of the file takes effect at the next request."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError with every problem, also when others than its owner may read the file."""
        self._path = path
        self._lock = threading.Lock()
        self._busy = threading.BoundedSemaphore(2)  # Argon2 takes 64 MiB each time
        self._unknown = HASHER.hash("nobody")
        self._stamp, self._file = _read(path)

    def _current(self) -> _File:
        with self._lock:
            try:
                stamp = _stamp(self._path)
                if stamp != self._stamp:
                    self._stamp, self._file = _read(self._path)
            except (OSError, ConfigError):
                pass  # half-written or gone: the last good file holds
            return self._file

    def user(self, name: str) -> User | None:
        return next((user for user in self._current().user if user.name == name), None)

    def check(self, name: str, password: str) -> User | None:
        """The user if the password is right; takes equally long for an unknown name."""
        user = self.user(name)
        with self._busy:
            try:
                HASHER.verify(
                    user.password if user and user.password else self._unknown, password[:MAX_PASSWORD]
                )
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


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> tuple[tuple[int, int, int], _File]:
    try:
        stamp = _stamp(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError([Problem(str(path), "", "others may read it: chmod 600")])
        data = tomllib.loads(path.read_text("utf-8"))
        return stamp, _File.model_validate(data)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    except ValidationError as error:
        raise ConfigError(
            [Problem(str(path), ".".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors()]
        ) from error


class Throttle:
    """Counts failed logins by key, such as an address or a name, and says when it is enough."""

    def __init__(
        self,
        most: int = 5,
        within_s: float = 900.0,
        now: Callable[[], float] = time.monotonic,
        max_keys: int = 10_000,
    ) -> None:
        self._most, self._within_s, self._now, self._max_keys = most, within_s, now, max_keys
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, *keys: str) -> float:
        """Seconds until the next try is allowed; 0 is now."""
        with self._lock:
            waits = [0.0]
            for key in keys:
                recent = [at for at in self._failures.get(key, ()) if self._now() - at < self._within_s]
                if len(recent) >= self._most:
                    waits.append(self._within_s - (self._now() - recent[-self._most]))
            return max(waits)

    def failed(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures.setdefault(key, []).append(self._now())
                self._failures[key] = self._failures[key][-self._most :]
                self._failures.move_to_end(key)
            while len(self._failures) > self._max_keys:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)
