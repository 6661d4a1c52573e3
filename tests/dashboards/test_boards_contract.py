"""Publishing, as every server must take it: the stand-in, and a real Grafana where one is named.

BEACON_TEST_GRAFANA_URL names an empty server, with BEACON_TEST_GRAFANA_TOKEN of a service account of the
role Admin, or BEACON_TEST_GRAFANA_USER and BEACON_TEST_GRAFANA_PASSWORD of an administrator.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from grafana_double import TOKEN, Grafana, serving

from dashboards.boards.catalogue import all_boards
from dashboards.boards.publish import PERMISSIONS, InfluxAccess, Outcome, Publisher, differences
from drivers.errors import BeaconError

INFLUX = InfluxAccess("http://influxdb:8086", "beacon_energy", "beacon_raw", "secret-token")
PUBLIC = ("beacon-announcement-zh", "beacon-announcement-en")
BOARDS = all_boards()
FEW = {uid: board for uid, board in BOARDS.items() if "-alerts-" in uid}
EDITED = "beacon-alerts-en"


@dataclass
class Server:
    """A Grafana that publishing is tried on, and what a person would do on it."""

    url: str
    authorization: str = field(repr=False)
    token: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The JSON answer; None if there is no such thing."""
        request = urllib.request.Request(
            f"{self.url.rstrip('/')}/api{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": self.authorization, "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def publisher(self, boards: dict[str, dict[str, Any]] = FEW, **options: Any) -> Publisher:
        return Publisher(self.url, self.token, INFLUX, boards, **options)

    def board(self, uid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/dashboards/uid/{uid}")["dashboard"]
        return found

    def save(self, board: dict[str, Any], title: str) -> None:
        """As a person saves who changed the first panel's title."""
        board["panels"][0]["title"] = title
        self.call(
            "POST", "/dashboards/db", {"dashboard": board, "folderUid": "beacon-en", "overwrite": False}
        )

    def permissions(self, folder: str) -> set[tuple[str, int]]:
        """Who may do what in the folder: role, person or team with its permission."""
        return {
            (f"{key} {each[key]}", each["permission"])
            for each in self.call("GET", f"/folders/{folder}/permissions")
            for key in ("role", "userId", "teamId")
            if each.get(key) and not each.get("inherited")
            if not str(each.get("userLogin", "")).startswith("sa-")  # a service account is no person
        }

    def things(self) -> list[str]:
        paths = [f"/folders/beacon-{lang}" for lang in ("zh", "en")]
        paths += [f"/datasources/uid/beacon-{name}" for name in ("energy", "samples")]
        return [path for path in paths if self.call("GET", path) is not None]

    def clear(self) -> None:
        for path in self.things():
            self.call("DELETE", path)


def _named() -> Iterator[Server]:
    url, token = os.environ.get("BEACON_TEST_GRAFANA_URL"), os.environ.get("BEACON_TEST_GRAFANA_TOKEN", "")
    if not url:
        pytest.skip("BEACON_TEST_GRAFANA_URL names no Grafana server")
    if token:
        yield Server(url, f"Bearer {token}", token)
        return
    user = f"{os.environ['BEACON_TEST_GRAFANA_USER']}:{os.environ['BEACON_TEST_GRAFANA_PASSWORD']}"
    server = Server(url, f"Basic {base64.b64encode(user.encode()).decode()}")
    account = server.call("POST", "/serviceaccounts", {"name": "beacon-test", "role": "Admin"})["id"]
    try:
        server.token = server.call("POST", f"/serviceaccounts/{account}/tokens", {"name": "beacon-test"})[
            "key"
        ]
        yield server
    finally:
        server.call("DELETE", f"/serviceaccounts/{account}")


@pytest.fixture(scope="module", params=["stand-in", "named server"])
def whole(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "named server":
        yield from _named()
        return
    with serving(Grafana()) as stand_in:
        yield Server(stand_in.url, f"Bearer {TOKEN}", TOKEN)


@pytest.fixture
def server(whole: Server) -> Iterator[Server]:
    """The server without anything of Beacon's, before and after."""
    if found := whole.things():
        pytest.fail(f"{whole.url} is in use, it has {', '.join(found)}: name an empty server")
    yield whole
    whole.clear()


def states(outcomes: list[Outcome], kind: str) -> set[str]:
    return {each.state for each in outcomes if each.kind == kind}


def test_all_boards_come_back_as_they_were_made(server: Server) -> None:
    done = server.publisher(BOARDS).apply()
    assert states(done, "folder") == states(done, "data source") == states(done, "board") == {"created"}
    for uid, board in BOARDS.items():
        found = server.call("GET", f"/dashboards/uid/{uid}")
        assert differences(board, found["dashboard"]) == []
        assert found["meta"]["folderUid"] == f"beacon-{uid[-2:]}"
    source = server.call("GET", "/datasources/uid/beacon-energy")
    assert (source["type"], source["url"]) == ("influxdb", INFLUX.url)
    assert source["jsonData"]["dbName"] == "beacon_energy"
    assert source["secureJsonFields"] == {"httpHeaderValue1": True}
    assert "secret-token" not in json.dumps(source)


def test_publishing_again_changes_nothing(server: Server) -> None:
    server.publisher().apply()
    before = {uid: server.board(uid)["version"] for uid in FEW}
    assert {each.state for each in server.publisher().apply()} == {"unchanged"}
    assert {uid: server.board(uid)["version"] for uid in FEW} == before


def test_an_edit_by_hand_is_reported_kept_and_replaced_only_on_demand(server: Server) -> None:
    server.publisher().apply()
    board = server.board(EDITED)
    board.pop("beaconSource")  # as the editor does
    server.save(board, "mine")
    report = [each for each in server.publisher().apply() if each.state != "unchanged"]
    assert [(each.uid, each.state, each.detail) for each in report] == [
        (EDITED, "edited by hand", "panels[0].title")
    ]
    assert server.board(EDITED)["panels"][0]["title"] == "mine"
    done = server.publisher(overwrite=True).apply()
    assert [each.uid for each in done if (each.kind, each.state) == ("board", "updated")] == [EDITED]
    assert server.board(EDITED)["panels"][0]["title"] == "Open"
    assert states(server.publisher().plan(), "board") == {"unchanged"}


def test_an_edit_by_a_program_that_keeps_the_mark_is_reported_too(server: Server) -> None:
    server.publisher().apply()
    server.save(server.board(EDITED), "mine")
    assert states(server.publisher().plan(), "board") == {"unchanged", "edited by hand"}


def test_a_new_version_of_the_boards_replaces_the_old(server: Server) -> None:
    old = {uid: {**board, "title": f"{board['title']}, of an older version"} for uid, board in FEW.items()}
    server.publisher(old).apply()
    assert states(server.publisher().apply(), "board") == {"updated"}
    assert server.board(EDITED)["title"] == "Alerts"
    assert states(server.publisher().plan(), "board") == {"unchanged"}


def test_roles_get_their_permissions_and_people_keep_theirs(server: Server) -> None:
    server.call("POST", "/folders", {"uid": "beacon-en", "title": "Beacon"})
    people = {each for each in server.permissions("beacon-en") if not each[0].startswith("role")}
    server.publisher().apply()
    wanted = {(f"role {each['role']}", each["permission"]) for each in PERMISSIONS}
    for folder in ("beacon-zh", "beacon-en"):
        assert wanted <= server.permissions(folder)
    assert people <= server.permissions("beacon-en")
    assert states(server.publisher().plan(), "permissions") == {"unchanged"}


def test_the_announcement_becomes_public_where_the_server_can(server: Server) -> None:
    boards = {uid: BOARDS[uid] for uid in PUBLIC}
    done = server.publisher(boards, public=PUBLIC).apply()
    shared = [each for each in done if each.kind == "public board"]
    if {each.state for each in shared} == {"unavailable"}:
        pytest.skip("this server has no public dashboards")
    for each in shared:
        found = server.call("GET", f"/dashboards/uid/{each.uid}/public-dashboards")
        assert found["isEnabled"] is True
        assert each.detail == f"{server.url.rstrip('/')}/public-dashboards/{found['accessToken']}"
    again = server.publisher(boards, public=PUBLIC).apply()
    assert {each.state for each in again} == {"unchanged"}


def test_a_wrong_token_is_refused_and_nothing_written(server: Server) -> None:
    with pytest.raises(BeaconError, match="refused the token"):
        Publisher(server.url, "glsa_wrong", INFLUX, FEW).apply()
    assert server.things() == []
