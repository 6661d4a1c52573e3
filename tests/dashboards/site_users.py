"""People of a site: a users file, how they log in, and every route that there is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from site_world import OFFICE

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def write_users(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def people(path: Path, *more: tuple[str, str, str]) -> Path:
    """Admin ann, manager man, supervisor sue and viewer vic, each with a password and a token `NAME-secret`.

    more: further names with role and scope.
    """
    everybody = [
        ("ann", "admin", ""),
        ("man", "manager", f'buildings = ["{OFFICE}"]'),
        ("sue", "supervisor", 'regions = ["330200"]'),
        ("vic", "viewer", 'regions = ["330100"]'),
        *more,
    ]
    text = ""
    for name, role, scope in everybody:
        known = f'name = "{name}"\nrole = "{role}"\n{scope}\n'
        digest = hashlib.sha256(f"{name}-secret".encode()).hexdigest()
        text += f'[[user]]\n{known}password = "{CHEAP}"\n[[token]]\n{known}sha256 = "{digest}"\n'
    return write_users(path, text)


def csrf(client: TestClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def log_in(client: TestClient, name: str, password: str = PASSWORD, next: str = "/") -> int:
    form = {"csrf": csrf(client, "/login"), "name": name, "password": password, "next": next}
    return client.post("/login", data=form).status_code


def routes_of(app: FastAPI) -> list[Any]:
    """Every route with a path and methods, also those inside routers."""
    found = list(_flatten(list(app.routes)))
    assert len(found) > 20
    return found


def _flatten(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        router = getattr(route, "original_router", route)
        inner = getattr(router, "routes", None)
        if inner:
            yield from _flatten(list(inner))
        elif hasattr(route, "methods"):
            yield route
