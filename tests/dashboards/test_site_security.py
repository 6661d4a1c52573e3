"""What an attacker tries: other people's buildings by every route, other names, loops, floods."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from site_users import csrf, log_in, people, routes_of
from site_world import HOTEL, LIBRARY, NOW, OFFICE, REGISTRY, electricity, services

from beacon.site_file import WebSettings
from collector.model import DailyRow, EdgeRow, JudgementRow
from collector.registry import Meter, Role
from dashboards.site import SiteServices, Users, create_app
from dashboards.site.routes import live
from drivers.carrier import Carrier
from edge.wire import EdgeStatus, SampleGroup
from rules.alerts import Finding

STRANGE_KW, STRANGE_KWH, STRANGE_USED = 7654.3, 43_210.0, 271_828.0
MARKS = {
    "name in Chinese": "观潮酒店",
    "name in English": "Tide Hotel",
    "live value": r"7,?654",
    "energy": r"43,?210",
    "judgement": r"271,?828",
    "alert": "Vault overheats|金库过热",
    "county": "Haishu|海曙区",
    "its own edge": r"\bpi-2\b",
    "address of a failing device": r"10\.9\.8\.7",
}
VALUES = {
    "building": HOTEL, "building_id": HOTEL, "device": "vault", "quantity": "active_power_total",
    "number": "3", "action": "acknowledge", "code": "330203", "name": "dark", "region": "330200",
    "shown": HOTEL, "q": HOTEL,
    "period": "2026", "first": "2026-11-01", "last": "2026-11-19", "start": str(NOW - 3_600_000),
    "end": str(NOW + 1000), "step_s": "60", "carrier": "electricity", "item": "total", "by": "day",
    "type": "", "format": "csv", "offset": "0", "limit": "1000", "span": "week", "state": "",
    "severity": "", "page": "1",
    "next": "/", "level": "", "sort": "state",
}  # fmt: skip

SILENT = {
    "/login", "/logout", "/language/{code}", "/theme/{name}", "/healthz", "/announcements",
    "/announcements/{number}", "/announcements/{number}/files/{name}", "/api/v1/openapi.json",
    "/api/v1/docs", "/live/alerts", "/alerts/{number}/{action}",
}  # fmt: skip
"""Routes that show nothing of any building."""


@pytest.fixture
def world(tmp_path: Path) -> SiteServices:
    """The hotel shares the office's edge, and everything about it is unmistakable."""
    made = services(tmp_path)
    hotel = replace(
        REGISTRY.buildings[HOTEL],
        edges=("nb/pi-2", "hz/pi-1"),
        meters=(
            electricity("main", Role.MAIN),
            electricity("vault", Role.SUB, "01A00"),
            Meter("pump", "pump", Carrier.HEAT, Role.HEAT_PUMP),
        ),
    )
    registry = replace(REGISTRY, buildings={**REGISTRY.buildings, HOTEL: hotel})
    rows = [[NOW - 60_000, 0, STRANGE_KW], [NOW - 5000, 0, STRANGE_KW]]
    groups = [
        SampleGroup(
            building=HOTEL, device=device, kind="electricity", fields=["active_power_total"], rows=rows
        )
        for device in ("main", "vault")
    ]
    pump = ["thermal_power", "electric_power_input"]
    rows = [[NOW - n * 900_000 - 5000, 0, STRANGE_KW, STRANGE_KW / 4] for n in range(8, -1, -1)]
    groups.append(SampleGroup(building=HOTEL, device="pump", kind="heat_pump", fields=pump, rows=rows))
    made.store.write(groups, [])
    for carrier, item in (
        ("electricity", "total"),
        ("heat", "heat_pump_output"),
        ("electricity", "heat_pump_input"),
    ):
        made.store.write_daily(
            [
                DailyRow(HOTEL, carrier, item, date(2026, 11, day), STRANGE_KWH, 1.0, 0.0, STRANGE_KW, 20.0)
                for day in range(1, 20)
            ]
        )
    judged = JudgementRow(
        HOTEL, "zhejiang", "energy_kwh", "2026", NOW, "kWh", STRANGE_USED, 300_000.0, 0.9, 0.88, 3e5,
        2.9e5, 3.1e5, "warning", 0.99, "t1",
    )  # fmt: skip
    made.store.write_judgements([judged])
    devices = {"main": "ok", "vault": "no answer from 10.9.8.7:502"}
    status = EdgeStatus(online=True, at=NOW, clock="trusted", devices=devices)
    made.store.write_edge(EdgeRow("hz", "pi-1", NOW - 1000, status.model_dump()))
    assert made.alerts is not None
    fire = Finding("heat", HOTEL, "vault", "warning", "Vault overheats", "金库过热", NOW - 60_000)
    made.alerts.fire(fire, NOW - 60_000)
    users = people(tmp_path / "users.toml", ("lib", "supervisor", 'regions = ["3305"]'))
    return replace(made, registry=registry, users=Users(users), secret="s" * 32)


@pytest.fixture
def one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PERIOD_S", 0.001)
    monkeypatch.setattr(live, "LONGEST_S", 0.001)


def walked(client: TestClient, app: FastAPI, **headers: str) -> Iterator[tuple[str, str, int, str]]:
    """Every route with the hotel wherever it takes something: route, address, status, body."""
    for route in sorted(routes_of(app), key=lambda route: route.path == "/logout"):
        path = re.sub(r"\{(\w+)\}", lambda found: VALUES[found[1]], route.path)
        path = path.replace("/language/330203", "/language/en")
        if "POST" in route.methods:
            form = {"csrf": token_of(client, headers), "note": "mine", "name": "nobody", "password": "guess"}
            answer = client.post(path, data=form, headers=headers)
            yield route.path, path, answer.status_code, answer.text
            continue
        asked = {parameter.alias: VALUES[parameter.alias] for parameter in route.dependant.query_params}
        needed = {
            p.alias: VALUES[p.alias] for p in route.dependant.query_params if p.field_info.is_required()
        }
        for query in (needed, asked, asked | {"format": "json"} if "format" in asked else asked):
            address = path + (f"?{urlencode(query)}" if query else "")
            answer = client.get(address, headers=headers)
            yield route.path, address, answer.status_code, answer.text


def token_of(client: TestClient, headers: dict[str, str]) -> str:
    page = client.get("/login", headers=headers).text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    return found[1] if found else ""


def found_in(text: str) -> set[str]:
    return {name for name, mark in MARKS.items() if re.search(mark, text)}


@pytest.mark.usefixtures("one_event")
def test_nothing_of_a_foreign_building_comes_back_by_any_route(world: SiteServices) -> None:
    app = create_app(replace(world, public=True))
    with TestClient(app, follow_redirects=False) as admin:
        assert log_in(admin, "ann") == 303
        shown: dict[str, set[str]] = {}
        for route, _, _, body in walked(admin, app):
            shown.setdefault(route, set()).update(found_in(body))
        assert set().union(*shown.values()) == set(MARKS), "the test asks for too little"
        silent = {route for route, marks in shown.items() if not marks}
        assert silent == SILENT, "a route that shows nothing of any building to the admin proves nothing here"
        leaks = []
        for who in ("man", "lib", "man-secret", "lib-secret", "wrong-secret", ""):
            client = TestClient(app, follow_redirects=False)
            headers = {"Authorization": f"Bearer {who}"} if who.endswith("-secret") else {}
            if who in ("man", "lib"):
                assert log_in(client, who) == 303
            for _, address, status, body in walked(client, app, **headers):
                leaks += [f"{who or 'nobody'}: {address}: {mark}" for mark in found_in(body)]
                if who in ("man", "lib") and HOTEL in address.partition("?")[0] and status != 404:
                    leaks.append(f"{who}: {address}: {status}")
    assert leaks == []
    assert world.alerts is not None
    assert world.alerts.get(3).state == "acknowledged"  # by the admin
    assert [event.who for event in world.alerts.history(3)] == ["rules", "ann"]


def test_commissioning_of_a_foreign_building_is_not_found(world: SiteServices) -> None:
    with TestClient(create_app(world)) as client:
        assert log_in(client, "man") == 200
        assert client.get(f"/commissioning?building={HOTEL}").status_code == 404
        assert client.get("/commissioning?building=330100A999").status_code == 404
        assert "231" in client.get(f"/commissioning?building={OFFICE}").text
        assert log_in(client, "lib") == 200
        assert client.get(f"/commissioning?building={LIBRARY}").status_code == 200


def test_a_shared_edge_counts_devices_of_others_and_does_not_name_them(world: SiteServices) -> None:
    status = EdgeStatus(online=True, devices={"light": "no answer", "vault": "10.9.8.7", "main": "10.9.8.6"})
    world.store.write_edge(EdgeRow("hz", "pi-1", NOW - 1000, status.model_dump()))
    with TestClient(create_app(world)) as client:
        assert log_in(client, "man") == 200
        assert client.get("/api/v1/edges").json()["items"][0]["failing"] == {"light": "no answer"}
        page = client.get("/edges").text
        assert "2 devices of other buildings do not answer" in page  # two buildings have a `main` there
        assert "10.9.8" not in page
        assert log_in(client, "ann") == 200
        assert {"vault", "main"} < client.get("/api/v1/edges").json()["items"][1]["failing"].keys()


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:8080", "127.0.0.1.evil.com", "localhost@evil.com", ""]
)
def test_a_site_without_users_answers_under_its_own_names_only(tmp_path: Path, host: str) -> None:
    with TestClient(create_app(services(tmp_path)), follow_redirects=False) as client:
        for path in ("/", "/alerts/1", "/api/v1/buildings", "/static/site.css", "/healthz"):
            answer = client.get(path, headers={"Host": host})
            assert (answer.status_code, "csrf" in answer.text) == (400, False)
        chinese = client.get("/", headers={"Host": "evil.com", "Accept-Language": "zh"})
        assert "hosts" in chinese.text
        assert "本站" in chinese.text


@pytest.mark.parametrize("host", ["localhost:8080", "LOCALHOST", "127.0.0.1", "192.168.1.9:80", "[::1]:8080"])
def test_addresses_and_localhost_are_names_of_every_site(tmp_path: Path, host: str) -> None:
    with TestClient(create_app(services(tmp_path))) as client:
        assert client.get("/", headers={"Host": host}).status_code == 200


def test_other_names_are_those_of_site_toml_and_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "raspberrypi")
    named = ("energy.example.org",)
    assert WebSettings(hosts=named).names == named
    assert WebSettings(host="0.0.0.0", hosts=named).names == (*named, "raspberrypi", "raspberrypi.local")


@pytest.mark.parametrize("path", ["/alerts/", "//evil.com/", "/%5Cevil.com/", "/\\evil.com/"])
def test_redirects_name_no_host(tmp_path: Path, path: str) -> None:
    with TestClient(create_app(services(tmp_path)), follow_redirects=False) as client:
        answer = client.get(f"http://localhost{path}?page=2")
        assert answer.status_code == 307
        assert re.fullmatch(r"/(?![/\\])[\w.%]+\?page=2", answer.headers["location"])


def test_an_error_page_has_the_menu_of_who_asks(world: SiteServices) -> None:
    with TestClient(create_app(world)) as client:
        assert "Log out" not in client.get("/nowhere").text
        assert log_in(client, "man") == 200
        page = client.get("/nowhere")
        assert page.status_code == 404
        assert "Log out" in page.text
        assert 'href="/commissioning"' in page.text
        assert 'href="/login"' not in page.text


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("Note: at most 500 characters, these are 600.", "Hours: at most 720.", "too large")),
        ("zh", ("备注：最多 500 个字符，现有 600 个。", "小时数：不得大于 720。", "过大")),
    ],
)
def test_a_refused_form_says_what_is_wrong(tmp_path: Path, language: str, texts: tuple[str, ...]) -> None:
    headers = {"Accept-Language": language}
    with TestClient(create_app(services(tmp_path)), headers=headers) as client:
        token = csrf(client, "/alerts/1")
        long = client.post("/alerts/1/acknowledge", data={"csrf": token, "note": "x" * 600})
        hours = client.post("/alerts/1/snooze", data={"csrf": token, "hours": "9999"})
        assert (long.status_code, hours.status_code) == (422, 422)
        assert texts[0] in long.text
        assert texts[1] in hours.text

        def chunks() -> Iterator[bytes]:
            yield from [b"note=", *[b"x" * 8192] * 9]

        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for body in (chunks(), b"x" * 70_000):
            answer = client.post("/alerts/1/acknowledge", content=body, headers=form)
            assert answer.status_code == 413
            assert texts[2] in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_site_without_logins_says_so(tmp_path: Path) -> None:
    with TestClient(create_app(services(tmp_path))) as client:
        answer = client.get("/login")
        assert answer.status_code == 404
        assert "beacon user password NAME --role admin" in answer.text
        assert "未设登录" in client.get("/login", headers={"Accept-Language": "zh"}).text


def test_a_proxy_that_is_not_trusted_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with TestClient(create_app(services(tmp_path))) as client, caplog.at_level(logging.WARNING):
        for _ in range(3):
            client.get("/", headers={"X-Forwarded-For": "203.0.113.7"})
    assert len([r for r in caplog.records if "testclient sends X-Forwarded-For" in r.message]) == 1


class Browsers:
    """Speaks ASGI, to hold streams open."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, path: str, **headers: str) -> tuple[int, dict[bytes, bytes]]:
        """Status and headers; the answer goes on."""
        begun: asyncio.Future[tuple[int, dict[bytes, bytes]]] = asyncio.get_running_loop().create_future()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.set_result((message["status"], dict(message["headers"])))

        pairs = [(b"host", b"localhost"), *((k.encode(), v.encode()) for k, v in headers.items())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": pairs, "root_path": "",
            "client": ("192.0.2.1", 5000), "server": ("localhost", 80),
        }  # fmt: skip
        self._tasks.append(asyncio.create_task(self._app(scope, receive, send)))
        return await asyncio.wait_for(begun, 20)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def test_one_visitor_cannot_take_all_streams(
    world: SiteServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_VISITOR", 3)
    monkeypatch.setattr(live, "MOST_STREAMS", 5)
    browsers = Browsers(create_app(world))
    man, ann, vic = ({"authorization": f"Bearer {name}-secret"} for name in ("man", "ann", "vic"))
    try:
        assert [(await browsers.open("/live/alerts", **man))[0] for _ in range(3)] == [200] * 3
        status, headers = await browsers.open("/live/edges", **man)
        assert (status, headers[b"retry-after"]) == (429, b"30")
        assert [(await browsers.open("/live/alerts", **ann))[0] for _ in range(2)] == [200] * 2
        status, headers = await browsers.open("/live/alerts", **vic)
        assert (status, headers[b"retry-after"]) == (503, b"30")
    finally:
        await browsers.close()
    assert [(await browsers.open("/live/alerts", **man))[0] for _ in range(3)] == [200] * 3
    await browsers.close()


async def test_streams_of_a_site_without_users_are_counted_by_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_VISITOR", 2)
    browsers = Browsers(create_app(services(tmp_path)))
    assert [(await browsers.open("/live/alerts"))[0] for _ in range(3)] == [200, 200, 429]
    await browsers.close()


def test_a_stream_ends_when_its_visitor_is_let_in_no_more(
    world: SiteServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PERIOD_S", 0.001)
    monkeypatch.setattr(live, "LONGEST_S", 1e9)
    assert world.users is not None
    path = world.users.path
    read: list[object] = []

    def alerts(context: Any, visitor: Any) -> list[Any]:
        read.append(visitor)
        if len(read) == 3:
            path.write_text("")
        return []

    with TestClient(create_app(world)) as client:
        monkeypatch.setattr("dashboards.site.context.Context.alerts", alerts)
        answer = client.get("/live/alerts", headers={"Authorization": "Bearer man-secret"})
    assert answer.status_code == 200
    assert len(read) >= 3
