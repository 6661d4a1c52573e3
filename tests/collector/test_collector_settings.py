"""collector.toml and the command: samples load, every problem is told at once, secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from store_contract import BUILDING, NOON
from typer.testing import CliRunner

from beacon.commands.collector import app
from beacon.commands.registry import app as registry_app
from collector.dead_letters import DeadLetters
from collector.settings import InfluxSettings, SqliteSettings, load
from drivers.errors import BeaconError, ConfigError

DEPLOY = Path(__file__).parents[2] / "deploy"

INFLUX = """
[broker]
password_file = "mqtt_password"
[store]
kind = "influxdb"
url = "http://127.0.0.1:8086"
[registry]
files = ["buildings.toml"]
"""

BUILDINGS = f"""
[[building]]
id = "{BUILDING}"
name_zh = "楼"
name_en = "House"
type = "commercial_office"
area_m2 = 1000
edges = ["hz/pi1"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "buildings.toml").write_text(BUILDINGS, "utf-8")
    path = tmp_path / "collector.toml"
    path.write_text('[store]\nkind = "sqlite"\npath = "b.sqlite"\n[registry]\nfiles = ["buildings.toml"]\n')
    return path


def test_the_sample_loads() -> None:
    settings, registry = load(DEPLOY / "collector.toml", {})
    assert isinstance(settings.store, SqliteSettings)
    assert settings.store.path == DEPLOY / "beacon.sqlite"
    assert "330106A001" in registry.buildings


def test_secrets_come_from_the_environment_or_a_private_file(config: Path) -> None:
    config.write_text(INFLUX)
    secret = config.parent / "mqtt_password"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    settings, _ = load(config, {"BEACON_INFLUX_TOKEN": "t0ken"})
    assert isinstance(settings.store, InfluxSettings)
    assert (settings.broker.password, settings.store.token) == ("s3cret", "t0ken")
    assert "s3cret" not in repr(settings)
    assert "t0ken" not in repr(settings)
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load(config, {})


def test_all_problems_of_all_files_at_once(config: Path) -> None:
    config.write_text(
        'colour = 1\n[broker]\nport = 0\npassword = "x"\n[store]\nkind = "influxdb"\nurl = "ftp://x"\n'
        '[registry]\nfiles = ["buildings.toml"]\n[limits]\nfuture_s = -1\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(config, {})
    assert {problem.key for problem in caught.value.problems} == {
        "broker.password", "broker.port", "colour", "store.influxdb.url", "limits.future_s",
    }  # fmt: skip
    config.write_text('[store]\nkind = "sqlite"\npath = "x"\n[registry]\nfiles = ["a.toml", "b.toml"]\n')
    with pytest.raises(ConfigError) as caught:
        load(config, {})
    assert [Path(problem.file).name for problem in caught.value.problems] == ["a.toml", "b.toml"]


def test_check_and_init(config: Path) -> None:
    run = CliRunner().invoke
    assert "no problem found, 1 buildings" in run(app, ["check", "-c", str(config)]).output
    assert "b.sqlite: ready" in run(app, ["init", "-c", str(config)]).output
    assert (config.parent / "b.sqlite").exists()
    rolled = run(app, ["roll", "--from", "2026-06-01", "--to", "2026-06-02", "-c", str(config)])
    assert "0 daily rows of 1 buildings written" in rolled.output


def test_dead_letters_command(config: Path) -> None:
    run = CliRunner().invoke
    empty = run(app, ["dead-letters", "list", "-c", str(config)])
    assert isinstance(empty.exception, BeaconError)
    group = {
        "building": BUILDING, "device": "m1", "kind": "electricity", "fields": ["frequency"],
        "rows": [[NOON, 0, 50.0]],
    }  # fmt: skip
    content = {"v": 1, "spool": "s1", "seq": 1, "sealed_at": NOON, "samples": [group]}
    letters = DeadLetters(config.parent / "dead_letters.sqlite")
    letters.add("hz", "pi1", "unknown building", orjson.dumps(content), NOON)
    letters.add("hz", "pi1", "is not JSON", b"{", NOON)
    listed = orjson.loads(run(app, ["dead-letters", "list", "--json", "-c", str(config)]).output)
    assert [(row["id"], row["reason"]) for row in listed] == [(2, "is not JSON"), (1, "unknown building")]
    assert "2026-06-01 04:00:00 UTC" in run(app, ["dead-letters", "show", "1", "-c", str(config)]).output
    replayed = run(app, ["dead-letters", "replay", "-c", str(config)]).output
    assert "1 stored and dropped from the list, 1 refused again" in replayed
    assert "1 dropped" in run(app, ["dead-letters", "drop", "2", "-c", str(config)]).output
    assert letters.count() == 0


def test_registry_command(config: Path) -> None:
    run = CliRunner().invoke
    path = str(config.parent / "buildings.toml")
    checked = run(registry_app, ["check", path, "--json"])
    assert orjson.loads(checked.output) == {"buildings": 1, "meters": 0}
    assert BUILDING in run(registry_app, ["show", path, "--building", BUILDING]).output
    assert isinstance(run(registry_app, ["show", path, "-b", "330100A099"]).exception, BeaconError)
    assert isinstance(run(registry_app, ["check", "no_such_file.toml"]).exception, ConfigError)
