"""site.toml: every problem of every file it names, and nothing open to the network without users."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.site_file import load
from drivers.errors import ConfigError

BUILDINGS = """
[[building]]
id = "330100A001"
name_zh = "楼"
name_en = "House"
type = "government_office"
area_m2 = 1000
edges = ["s/e"]
[[building.meter]]
name = "main"
carrier = "electricity"
role = "main"
"""
COLLECTOR = """
[broker]
protocol = "{protocol}"
[store]
kind = "sqlite"
path = "beacon.sqlite"
[registry]
files = ["buildings.toml"]
"""
EDGE = """
site = "s"
edge = "{edge}"
building = "{building}"
[uplink]
host = "127.0.0.1"
port = 1883
tls = false
protocol = "3.1.1"
[[bus]]
name = "b"
type = "tcp"
host = "127.0.0.1"
[[device]]
id = "main"
bus = "b"
unit_id = 1
profile = "abb_b23"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "buildings.toml").write_text(BUILDINGS, "utf-8")
    (tmp_path / "collector.toml").write_text(COLLECTOR.format(protocol="3.1.1"))
    (tmp_path / "rules.toml").write_text("")
    (tmp_path / "edge.toml").write_text(EDGE.format(edge="e", building="330100A001"))
    (tmp_path / "site.toml").write_text('edge = "edge.toml"\nembedded_broker = true\n')
    return tmp_path


def problems(folder: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load(folder / "site.toml")
    return str(error.value)


def test_a_whole_installation_is_accepted(folder: Path) -> None:
    site = load(folder / "site.toml")
    assert site.edge is not None
    assert list(site.registry.buildings) == ["330100A001"]


def test_problems_of_all_files_come_together(folder: Path) -> None:
    (folder / "collector.toml").write_text(COLLECTOR.format(protocol="4"))
    (folder / "rules.toml").write_text("intervall_s = 5")
    (folder / "edge.toml").write_text(EDGE.format(edge="e", building="330100A001") + "unit = 3\n")
    text = problems(folder)
    assert "broker.protocol" in text
    assert "intervall_s" in text
    assert "unit" in text


def test_an_unknown_key_is_named(folder: Path) -> None:
    (folder / "site.toml").write_text('egde = "edge.toml"\n')
    assert "egde" in problems(folder)


def test_the_embedded_broker_needs_both_sides(folder: Path) -> None:
    (folder / "collector.toml").write_text(COLLECTOR.format(protocol="5"))
    assert "embedded_broker" in problems(folder)


def test_an_edge_of_another_house_is_refused(folder: Path) -> None:
    (folder / "edge.toml").write_text(EDGE.format(edge="stranger", building="330100A001"))
    assert "does not list 's/stranger'" in problems(folder)
    (folder / "edge.toml").write_text(EDGE.format(edge="e", building="330100A009"))
    assert "'330100A009' is not in the registry" in problems(folder)


def test_the_network_sees_no_site_without_users(folder: Path) -> None:
    site = (folder / "site.toml").read_text() + '[web]\nhost = "0.0.0.0"\n'
    (folder / "site.toml").write_text(site)
    assert "web.host" in problems(folder)
    (folder / "users.toml").touch(mode=0o600)
    (folder / "site.toml").write_text(site + 'users = "users.toml"\n')
    assert load(folder / "site.toml").users is not None


def test_a_readable_or_short_secret_is_refused(folder: Path) -> None:
    site = (folder / "site.toml").read_text() + '[web]\nsecret_file = "secret"\n'
    (folder / "site.toml").write_text(site)
    assert "web.secret_file" in problems(folder)
    (folder / "secret").write_text("x" * 64)
    (folder / "secret").chmod(0o644)
    assert "chmod 600" in problems(folder)
    (folder / "secret").chmod(0o600)
    assert load(folder / "site.toml").web_secret == "x" * 64
    (folder / "secret").write_text("short")
    assert "32 characters" in problems(folder)


def test_a_secret_of_the_environment_is_as_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_WEB_SECRET", "x" * 64 + "\n")
    assert load(folder / "site.toml").web_secret == "x" * 64
    monkeypatch.setenv("BEACON_WEB_SECRET", "short")
    assert "BEACON_WEB_SECRET: needs 32 characters" in problems(folder)


def test_names_and_proxies_are_checked(folder: Path) -> None:
    site = (folder / "site.toml").read_text()
    (folder / "site.toml").write_text(site + '[web]\nhosts = ["https://energy"]\nproxies = ["nginx"]\n')
    text = problems(folder)
    assert "web.hosts" in text
    assert "web.proxies" in text
