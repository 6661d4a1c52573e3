"""Publishing over HTTP: idempotent, hand edits respected, refusals said, nothing half-written."""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_double import TOKEN, Grafana, serving
from typer.testing import CliRunner

from beacon.commands.boards import app
from dashboards.boards.catalogue import all_boards
from dashboards.boards.publish import InfluxAccess, Outcome, Publisher
from drivers.errors import BeaconError

INFLUX = InfluxAccess("http://influxdb:8086", "beacon_energy", "beacon_raw", "secret-token")
PUBLIC = ("beacon-announcement-zh", "beacon-announcement-en")
BOARDS = all_boards()


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with serving(Grafana()) as server:
        yield server


def publisher(grafana: Grafana, token: str = TOKEN, **options: Any) -> Publisher:
    boards = options.pop("boards", BOARDS)
    return Publisher(grafana.url, token, INFLUX, boards, **options)


def states(outcomes: list[Outcome]) -> Counter[tuple[str, str]]:
    return Counter((each.kind, each.state) for each in outcomes)


def test_first_run_makes_everything(grafana: Grafana) -> None:
    done = publisher(grafana, public=PUBLIC).apply()
    assert states(done) == {
        ("folder", "created"): 2,
        ("data source", "created"): 2,
        ("board", "created"): len(BOARDS),
        ("permissions", "updated"): 2,
        ("public board", "created"): 2,
    }
    assert grafana.boards.keys() == BOARDS.keys()
    assert all(board["meta"]["folderUid"] in grafana.folders for board in grafana.boards.values())
    assert grafana.sources["beacon-energy"]["jsonData"]["dbName"] == "beacon_energy"
    assert grafana.secrets == ["Token secret-token"] * 2
    assert grafana.public["beacon-announcement-zh"]["isEnabled"] is True


def test_second_run_writes_nothing(grafana: Grafana) -> None:
    publisher(grafana, public=PUBLIC).apply()
    grafana.writes.clear()
    done = publisher(grafana, public=PUBLIC).apply()
    assert {each.state for each in done} == {"unchanged"}
    assert grafana.writes == []


def test_a_board_saved_in_the_new_format_is_reported_and_replaced_only_on_demand(grafana: Grafana) -> None:
    publisher(grafana).apply()
    grafana.new_format.add("beacon-alerts-en")
    grafana.writes.clear()
    report = [each for each in publisher(grafana).apply() if each.state != "unchanged"]
    assert [(each.uid, each.state) for each in report] == [("beacon-alerts-en", "edited by hand")]
    assert grafana.writes == []
    publisher(grafana, overwrite=True).apply()
    assert {each.state for each in publisher(grafana).plan()} == {"unchanged"}


def test_an_account_without_rights_is_said_before_anything_is_written(grafana: Grafana) -> None:
    grafana.rights = {"dashboards:read": ["*"]}
    with pytest.raises(BeaconError, match="lacks folders:create"):
        publisher(grafana).apply()
    assert grafana.writes == []


def test_a_server_without_public_dashboards_gets_the_rest(grafana: Grafana) -> None:
    grafana.has_public = False
    grafana.rights = None
    done = publisher(grafana, public=PUBLIC).apply()
    assert states(done)["public board", "unavailable"] == 2
    assert grafana.boards.keys() == BOARDS.keys()


def test_unreachable_server_is_said() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(BeaconError, match="cannot be reached"):
        Publisher(f"http://127.0.0.1:{port}", TOKEN, INFLUX, BOARDS).plan()


def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(BeaconError, match="is not the address"):
        Publisher("grafana:3000", TOKEN, INFLUX, BOARDS)


def test_the_command_publishes_then_finds_no_difference(grafana: Grafana, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    secret.chmod(0o600)
    arguments = ["--url", grafana.url, "--token-file", str(secret)]
    assert CliRunner().invoke(app, ["diff", *arguments]).exit_code == 1
    assert CliRunner().invoke(app, ["publish", *arguments]).exit_code == 0
    again = CliRunner().invoke(app, ["diff", *arguments, "--json"])
    assert again.exit_code == 0
    assert {each["state"] for each in json.loads(again.stdout)} == {"unchanged"}


def test_a_token_that_others_can_read_is_refused(grafana: Grafana, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    os.chmod(secret, 0o644)
    outcome = CliRunner().invoke(app, ["publish", "--url", grafana.url, "--token-file", str(secret)])
    assert isinstance(outcome.exception, BeaconError)
    assert "chmod 600" in str(outcome.exception)
    assert grafana.writes == []
