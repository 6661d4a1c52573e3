"""Logins: how many may be tried, when a session ends, and what the users file says when it cannot be read."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from site_users import PASSWORD, csrf, log_in, people
from site_world import services

from beacon.runtime import Running, _server
from beacon.site_file import Site, WebSettings
from collector.settings import Settings
from dashboards.site import SiteServices, Users, create_app
from dashboards.site.attempts import MAX_KEYS, MOST_DELAYED, Attempts, Turn, network
from dashboards.site.routes import login as login_routes
from dashboards.site.sessions import EndedSessions
from drivers.errors import BeaconError


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


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_name_from_one_address_has_five_tries() -> None:
    clock = Clock()
    attempts = Attempts(now=clock)
    turns = [attempts.begin("ann", "a") for _ in range(5)]
    assert [turn.left for turn in turns] == [4, 3, 2, 1, 0]
    clock.now += 100
    assert attempts.begin("ann", "a") == Turn(refused_s=800.0)
    assert attempts.begin("ann", "b").refused_s == 0  # the real ann, elsewhere
    clock.now += 800
    assert attempts.begin("ann", "a").refused_s == 0


def test_an_address_has_twenty_tries_whatever_the_names() -> None:
    attempts = Attempts(now=Clock())
    assert all(attempts.begin(f"name{n}", "a").refused_s == 0 for n in range(20))
    assert attempts.begin("another", "a").refused_s > 0


def test_an_own_account_gives_no_further_tries_for_others() -> None:
    attempts = Attempts(now=Clock())
    for n in range(20):
        assert attempts.begin(f"name{n}", "a").refused_s == 0
        if attempts.begin("vic", "a").refused_s == 0:
            attempts.succeeded("vic", "a")
    assert attempts.begin("another", "a").refused_s > 0


def test_guessing_from_everywhere_is_slow_and_locks_nobody_out() -> None:
    clock = Clock()
    attempts = Attempts(now=clock)
    attempts.begin("ann", "home")
    attempts.succeeded("ann", "home")
    turns = [attempts.begin("ann", f"10.0.0.{n}") for n in range(200)]
    tried = [turn for turn in turns if turn.refused_s == 0]
    assert [turn.delay_s for turn in tried] == [0.0] * 10 + [0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(tried) == 10 + MOST_DELAYED
    assert attempts.begin("ann", "home") == Turn(left=4)  # where ann has logged in before, at once
    assert attempts.begin("bob", "10.0.0.1").delay_s == 0
    done = 0
    for _ in range(600):  # ten minutes of it
        clock.now += 1
        done += sum(attempts.begin("ann", f"10.{n}.{done % 250}.1").refused_s == 0 for n in range(5))
    assert 20 < done <= 110
    clock.now += 31  # the flood has ended
    late = attempts.begin("ann", "somewhere new")
    assert late.refused_s == 0
    assert late.delay_s <= 30


def test_what_is_remembered_of_tries_stays_small() -> None:
    attempts = Attempts(now=Clock(), max_keys=30)
    for n in range(200):
        attempts.begin(f"name{n}", f"address{n}")
        attempts.succeeded(f"name{n}", f"address{n}")
        attempts.begin(f"name{n}", f"address{n}")
    assert len(attempts._tries) <= 30
    assert len(attempts._known) <= 30
    assert MAX_KEYS >= 1000


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_household_is_one_address(address: str, counted: str) -> None:
    assert network(address) == counted


def test_parallel_guesses_are_counted_before_they_are_checked(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = csrf(client, "/login")
    guesses, at_once, most = [], 0, 0
    lock = threading.Lock()
    real = Users.check

    def check(self: Users, name: str, password: str) -> object:
        nonlocal at_once, most
        with lock:
            guesses.append(password)
            at_once += 1
            most = max(most, at_once)
        found = real(self, name, password)
        with lock:
            at_once -= 1
        return found

    monkeypatch.setattr(Users, "check", check)
    answers: list[int] = []

    def guess(n: int) -> None:
        form = {"csrf": token, "name": "ann", "password": f"guess {n}"}
        answers.append(client.post("/login", data=form).status_code)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(guesses) == 5
    assert sorted(answers) == [401] * 5 + [429] * 25
    assert most <= login_routes.HASHES_AT_ONCE


def test_a_stranger_elsewhere_does_not_lock_the_admin_out(world: SiteServices) -> None:
    app = create_app(world)
    with TestClient(app, follow_redirects=False, client=("203.0.113.9", 1)) as stranger:
        assert [log_in(stranger, "ann", "wrong") for _ in range(6)] == [401] * 5 + [429]
        assert (
            int(stranger.post("/login", data={**form_of(stranger), "name": "ann"}).headers["retry-after"])
            > 800
        )
        ann = TestClient(app, follow_redirects=False, client=("192.0.2.1", 1))
        assert log_in(ann, "ann") == 303


def form_of(client: TestClient) -> dict[str, str]:
    return {"csrf": csrf(client, "/login"), "password": "wrong"}


def test_too_many_logins_at_once_are_told_to_wait(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_routes, "MOST_WAITING", 0)
    form = {"csrf": csrf(client, "/login"), "name": "ann", "password": PASSWORD}
    answer = client.post("/login", data=form)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "6")
    assert "Too many people are logging in" in answer.text


def test_logins_are_logged_and_passwords_are_not(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="dashboards.site"):
        for _ in range(6):
            log_in(client, "man\nINFO", "hunter2hunter2")
        assert log_in(client, "ann") == 303
        client.post("/logout", data={"csrf": csrf(client, "/")})
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    failed = "login of 'man\\nINFO' from testclient failed"
    assert said == [
        *[("WARNING", failed)] * 5,
        ("WARNING", "no more logins of 'man\\nINFO' from testclient for now: too many failed"),
        ("INFO", "login of 'ann' from testclient"),
        ("INFO", "logout of 'ann' from testclient"),
    ]
    assert "hunter2" not in caplog.text
    assert PASSWORD not in caplog.text


def test_logout_ends_the_session_for_a_copied_cookie_too(world: SiteServices, tmp_path: Path) -> None:
    kept = tmp_path / "ended.sqlite"
    world = replace(world, ended=EndedSessions(kept))
    with TestClient(create_app(world), follow_redirects=False) as client:
        assert log_in(client, "ann") == 303
        stolen = dict(client.cookies)
        thief = TestClient(create_app(world), follow_redirects=False, cookies=stolen)
        assert thief.get("/api/v1/buildings").status_code == 200
        client.post("/logout", data={"csrf": csrf(client, "/")})
        assert thief.get("/api/v1/buildings").status_code == 401
        assert log_in(client, "ann") == 303
        assert client.get("/api/v1/buildings").status_code == 200
    restarted = replace(world, ended=EndedSessions(kept))
    with TestClient(create_app(restarted), follow_redirects=False, cookies=stolen) as thief:
        assert thief.get("/api/v1/buildings").status_code == 401


def test_logging_in_again_ends_the_session_before(client: TestClient, world: SiteServices) -> None:
    log_in(client, "man")
    before = TestClient(create_app(world), cookies=dict(client.cookies))
    assert before.get("/api/v1/buildings").status_code == 200
    log_in(client, "ann")
    assert before.get("/api/v1/buildings").status_code == 401


def test_ended_sessions_are_forgotten_when_they_would_have_ended(tmp_path: Path) -> None:
    clock = Clock()
    ended = EndedSessions(tmp_path / "ended.sqlite", now=clock)
    ended.end("old", 2000.0)
    clock.now = 3000.0
    ended.end("new", 5000.0)
    assert "old" not in ended
    assert "new" in EndedSessions(tmp_path / "ended.sqlite")
    assert "old" not in EndedSessions(tmp_path / "ended.sqlite")


def test_a_file_that_holds_no_sessions_is_named(tmp_path: Path) -> None:
    (tmp_path / "ended.sqlite").write_text("this is no database" * 100)
    with pytest.raises(BeaconError, match=r"ended\.sqlite"):
        EndedSessions(tmp_path / "ended.sqlite")


def test_only_the_proxies_of_site_toml_are_believed(world: SiteServices, tmp_path: Path) -> None:
    def forwarded(web: WebSettings) -> uvicorn.Config:
        parts = Running(running_site(world, tmp_path), world.store, world.alerts)  # type: ignore[arg-type]
        server, listener = _server(parts, web)
        listener.close()
        return server.config

    assert forwarded(WebSettings(port=0)).forwarded_allow_ips == ["127.0.0.1", "::1"]
    assert forwarded(WebSettings(port=0, proxies=("172.16.0.0/12",))).forwarded_allow_ips == ["172.16.0.0/12"]
    assert forwarded(WebSettings(port=0, proxies=())).proxy_headers is False
    with pytest.raises(ValueError, match="does not appear to be"):
        WebSettings(proxies=("proxy.example.org",))
    with pytest.raises(ValueError, match="has host bits set"):
        WebSettings(proxies=("172.16.0.1/12",))


def running_site(world: SiteServices, tmp_path: Path) -> Site:
    from beacon.site_file import SiteFile
    from rules.config import load

    (tmp_path / "rules.toml").write_text("")
    rules = load(tmp_path / "rules.toml", world.registry)
    return Site(SiteFile(), Settings.model_construct(), world.registry, rules, None, tmp_path, world.users)
