"""Who is let in, sees what, and may do what."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from site_users import CHEAP, PASSWORD, csrf, log_in, people, routes_of, write_users
from site_world import HOSPITAL, HOTEL, LIBRARY, NOW, OFFICE, services

from dashboards.site import SiteServices, Users, create_app
from dashboards.site.access import LOCAL, Role
from dashboards.site.users_file import add_token, planned, remove, set_user
from drivers.errors import BeaconError, ConfigError, RequestError


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    return people(tmp_path / "users.toml")


@pytest.fixture
def world(tmp_path: Path, users_file: Path) -> SiteServices:
    return replace(services(tmp_path), users=Users(users_file), secret="s" * 32)


@pytest.fixture
def client(world: SiteServices) -> Iterator[TestClient]:
    with TestClient(create_app(world), follow_redirects=False) as client:
        yield client


def seen(client: TestClient) -> list[str]:
    return [b["id"] for b in client.get("/api/v1/buildings").json()["items"]]


GUARDED = ["/", f"/buildings/{OFFICE}", "/alerts", "/alerts/1", "/edges", "/commissioning", "/announcements",
           "/regions/330100", f"/buildings/{OFFICE}/devices/main"]  # fmt: skip
MACHINES = ["/api/v1/buildings", "/api/v1/edges", "/live/portfolio", f"/live/buildings/{OFFICE}",
            "/live/edges", "/metrics",
            "/api/v1/energy?first=2026-01-01&last=2026-01-02",
            "/api/v1/judgements?period=2026",
            "/api/v1/docs", "/api/v1/openapi.json", "/live/alerts",
            f"/api/v1/buildings/{OFFICE}/devices"]  # fmt: skip


OPEN = ("/login", "/logout", "/static", "/language", "/theme", "/healthz")


def test_nothing_is_shown_without_a_login(client: TestClient) -> None:
    for path in GUARDED:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"][:12]) == (303, "/login?next="), path
    for path in MACHINES:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("public", [False, True])
def test_every_route_but_the_open_ones_is_guarded(world: SiteServices, public: bool) -> None:
    app = create_app(replace(world, public=public))
    announced = ("/announcements",) if public else ()
    with TestClient(app, follow_redirects=False) as client:
        for route in routes_of(app):
            if route.path.startswith((*OPEN, *announced)):
                continue
            concrete = re.sub(r"\{[^}]+\}", "1", route.path)
            answer = client.request("POST" if "POST" in route.methods else "GET", concrete)
            assert answer.status_code in (303, 401), route.path


@pytest.mark.parametrize(
    ("name", "buildings"),
    [
        ("ann", [OFFICE, HOSPITAL, HOTEL, LIBRARY]),
        ("man", [OFFICE]),
        ("sue", [HOTEL]),
        ("vic", [OFFICE, HOSPITAL]),
    ],
)
def test_roles_see_their_buildings_only(client: TestClient, name: str, buildings: list[str]) -> None:
    assert log_in(client, name) == 303
    assert seen(client) == buildings
    for id_ in (OFFICE, HOSPITAL, HOTEL, LIBRARY):
        expected = 200 if id_ in buildings else 404
        assert client.get(f"/buildings/{id_}").status_code == expected
        assert client.get(f"/api/v1/buildings/{id_}/devices").status_code == expected
    query = {"first": "2026-10-01", "last": "2026-10-01"}
    rows = client.get("/api/v1/energy", params=query).json()["items"]
    assert {row["building"] for row in rows} == set(buildings) - {LIBRARY}
    judged = client.get("/api/v1/judgements", params={"period": "2026"}).json()["items"]
    assert {row["building"] for row in judged} == set(buildings) - {LIBRARY}
    alerts = {a["building"] for a in client.get("/api/v1/alerts").json()["items"]}
    assert alerts == {OFFICE, HOTEL} & set(buildings)
    edges = {e["edge"] for e in client.get("/api/v1/edges").json()["items"]}
    assert (
        edges
        == {"pi-1": {"pi-1"}, "pi-2": {"pi-2"}, "all": {"pi-1", "pi-2"}}[
            "all" if name == "ann" else "pi-2" if name == "sue" else "pi-1"
        ]
    )


def test_wrong_password_and_unknown_name_get_the_same_answer(client: TestClient) -> None:
    answers = []
    for name, password in (("ann", "wrong"), ("nobody", "wrong")):
        form = {"csrf": csrf(client, "/login"), "name": name, "password": password}
        answer = client.post("/login", data=form)
        answers.append((answer.status_code, re.search(r'role="alert">([^<]+)', answer.text)[1]))  # type: ignore[index]
    assert answers[0] == answers[1] == (401, "The name or the password is wrong.")


def test_too_many_failures_close_the_door_even_for_the_right_password(client: TestClient) -> None:
    assert [log_in(client, "ann", "wrong") for _ in range(6)] == [401] * 5 + [429]
    assert log_in(client, "ann") == 429


def test_login_never_leads_off_the_site(client: TestClient) -> None:
    form = {"csrf": csrf(client, "/login"), "name": "ann", "password": PASSWORD, "next": "//evil.example"}
    assert client.post("/login", data=form).headers["location"] == "/"


def test_forms_need_this_sessions_token(client: TestClient) -> None:
    form = {"name": "ann", "password": PASSWORD}
    assert client.post("/login", data={**form, "csrf": "guess"}).status_code == 403
    assert log_in(client, "ann") == 303
    for token in ("", "guess"):
        assert client.post("/alerts/1/acknowledge", data={"csrf": token}).status_code in (403, 422)
    assert client.get("/api/v1/alerts").json()["items"][0]["state"] == "open"


def test_a_manager_acts_on_own_alerts_under_own_name(client: TestClient, world: SiteServices) -> None:
    log_in(client, "man")
    token = csrf(client, "/alerts/1")
    assert client.post("/alerts/1/acknowledge", data={"csrf": token, "note": "<on it>"}).status_code == 303
    assert client.post("/alerts/1/snooze", data={"csrf": token, "hours": 4}).status_code == 303
    assert client.post("/alerts/1/snooze", data={"csrf": token, "hours": 9999}).status_code == 422
    assert client.post("/alerts/2/resolve", data={"csrf": token}).status_code == 404  # another's building
    book = world.alerts
    assert book is not None
    steps = [(e.what, e.who, e.note) for e in book.history(1)]
    assert steps == [("opened", "rules", ""), ("acknowledged", "man", "<on it>"), ("snoozed", "man", "")]
    assert book.get(1).snoozed_until == NOW + 4 * 3_600_000
    page = client.get("/alerts/1").text
    assert "&lt;on it&gt;" in page
    assert "<on it>" not in page
    assert client.post("/alerts/1/resolve", data={"csrf": token}).status_code == 303
    assert client.get("/api/v1/alerts").json()["total"] == 0


def test_a_viewer_only_looks(client: TestClient) -> None:
    log_in(client, "vic")
    page = client.get("/alerts/1").text
    assert "/alerts/1/acknowledge" not in page
    token = re.search(r'name="csrf" value="([^"]+)"', page)[1]  # type: ignore[index]
    assert client.post("/alerts/1/acknowledge", data={"csrf": token}).status_code == 403


def test_tokens_open_the_api_for_their_scope(client: TestClient) -> None:
    def get(path: str, secret: str) -> int:
        return client.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code

    assert get("/api/v1/buildings", "vic-secret") == 200
    assert get(f"/buildings/{OFFICE}", "vic-secret") == 200
    assert get(f"/api/v1/buildings/{HOTEL}", "vic-secret") == 404
    assert get("/api/v1/buildings", "other") == 401
    assert get("/metrics", "vic-secret") == 403  # the figures are of all buildings


def test_a_new_password_ends_the_old_sessions(client: TestClient, users_file: Path) -> None:
    log_in(client, "ann")
    assert client.get("/").status_code == 200
    changed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("another")
    first, rest = users_file.read_text().split(CHEAP, 1)
    write_users(users_file, first + changed + rest)
    os.utime(users_file, ns=(1, 1))
    assert client.get("/").status_code == 303


def test_logout_ends_the_session(client: TestClient) -> None:
    log_in(client, "ann")
    token = csrf(client, "/")
    assert client.post("/logout", data={"csrf": token}).status_code == 303
    assert client.get("/").status_code == 303


def seen_names(world: SiteServices) -> list[str]:
    return [word for b in world.registry.buildings.values() for word in (b.id, b.name_zh, b.name_en)]


def test_the_login_leads_to_nothing_that_needs_it(client: TestClient) -> None:
    links = re.findall(r'href="(/[^"?]*)', client.get("/login").text)
    assert {link for link in links if not link.startswith(OPEN)} == {"/"}  # the name of the site


def test_public_mode_shows_announcements_and_nothing_else(world: SiteServices) -> None:
    with TestClient(create_app(replace(world, public=True)), follow_redirects=False) as client:
        assert client.get("/").headers["location"] == "/announcements"
        page = client.get("/announcements")
        assert page.status_code == 200
        assert not re.search(r'href="/(commissioning|alerts|edges|api)', page.text)
        assert "How much energy" in page.text
        assert not any(name in page.text for name in seen_names(world))
        for path in GUARDED:
            if path not in ("/", "/announcements"):
                assert client.get(path).status_code == 303, path
        assert all(client.get(path).status_code == 401 for path in MACHINES)


def test_without_users_everybody_is_local(tmp_path: Path) -> None:
    with TestClient(create_app(services(tmp_path)), follow_redirects=False) as client:
        token = csrf(client, "/alerts/1")
        assert client.post("/alerts/1/acknowledge", data={"csrf": token}).status_code == 303
        assert LOCAL.name in client.get("/alerts/1").text


def test_users_file_tells_all_its_problems(tmp_path: Path) -> None:
    path = write_users(
        tmp_path / "users.toml",
        '[[user]]\nname = "a b"\nrole = "boss"\n[[user]]\nname = "man"\nrole = "manager"\npasword = "x"\n',
    )
    with pytest.raises(ConfigError) as caught:
        Users(path)
    keys = {problem.key for problem in caught.value.problems}
    assert {"user.0.name", "user.0.role", "user.1.pasword"} <= keys


def test_users_file_must_be_private(tmp_path: Path) -> None:
    path = write_users(tmp_path / "users.toml", "")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Users(path)


def test_session_cookie_is_closed_to_scripts_and_strangers(world: SiteServices) -> None:
    with TestClient(create_app(replace(world, https=True)), base_url="https://testserver") as client:
        cookie = client.get("/login").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" in cookie


def test_users_file_is_made_and_changed_with_hashes_only(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    set_user(path, planned(path, "user", "zhang", Role.MANAGER, [OFFICE]), PASSWORD)
    secret = add_token(path, planned(path, "token", "grafana", regions=["3301"]))
    set_user(path, planned(path, "user", "zhang", Role.SUPERVISOR, regions=["330200"]), PASSWORD + "!")
    users = Users(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    assert secret not in path.read_text()
    assert users.check("zhang", PASSWORD) is None
    zhang = users.check("zhang", PASSWORD + "!")
    assert zhang is not None
    assert zhang.visitor().sees(HOTEL)
    assert not zhang.visitor().sees(OFFICE)
    bearer = users.bearer(secret)
    assert bearer is not None
    assert bearer.sees(HOSPITAL)
    assert remove(path, "zhang")
    assert not remove(path, "zhang")
    assert Users(path).user("zhang") is None


def test_users_file_refuses_what_would_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    with pytest.raises(BeaconError, match="10 to 256"):
        set_user(path, planned(path, "user", "zhang", Role.ADMIN), "short")
    with pytest.raises(RequestError, match="needs --building or --region"):
        planned(path, "user", "zhang", Role.MANAGER)
    assert list(tmp_path.iterdir()) == []
