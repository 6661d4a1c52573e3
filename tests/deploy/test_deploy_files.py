"""Every file of `deploy/` is loaded by the program it is for, or checked by the tool that reads it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from beacon import site_file
from collector import settings
from collector.registry_file import load_registry
from edge import config_file
from edge.wire import MAX_PAYLOAD_BYTES
from rules import config as rules_config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
SECRET = {"BEACON_INFLUX_TOKEN": "test"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "docker-compose.yml").read_text("utf-8")))


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """What prepare-centre.sh makes beside docker-compose.yml."""
    done = subprocess.run(
        [DEPLOY / "prepare-centre.sh", "broker.example.org", "192.0.2.5"],
        env={**os.environ, "BEACON_CENTRE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_toml_samples_are_all_known_here() -> None:
    """A new sample needs a test below that loads it."""
    found = {str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*.toml")}
    one = {f"one-building/{name}.toml" for name in ("site", "collector", "edge", "buildings", "rules")}
    centre = {"centre/collector.toml", "centre/site.toml"}
    own_tests = {"judge-example.toml", "tariff-example.toml"}
    assert found - own_tests == one | centre | {"edge.toml", "collector.toml", "buildings.toml", "rules.toml"}


def test_edge_sample_loads() -> None:
    assert config_file.load(DEPLOY / "edge.toml").sources()


def test_collector_sample_loads_with_its_buildings() -> None:
    loaded, registry = settings.load(DEPLOY / "collector.toml", {})
    assert loaded.store.kind == "sqlite"
    assert registry.buildings == load_registry([DEPLOY / "buildings.toml"]).buildings


def test_rules_sample_loads_with_the_sample_buildings() -> None:
    registry = load_registry([DEPLOY / "buildings.toml"])
    loaded = rules_config.load(DEPLOY / "rules.toml", registry)
    assert loaded.budgets or loaded.file.apply


def test_one_building_fits_together() -> None:
    site = site_file.load(DEPLOY / "one-building/site.toml")
    assert site.edge is not None
    assert site.file.embedded_broker


def test_centre_fits_together(centre: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_INFLUX_TOKEN", "test")
    site = site_file.load(centre / "data/beacon/site.toml")
    assert site.settings.store.kind == "influxdb"
    assert site.settings.broker.tls is not None
    web = site.file.web
    assert web is not None
    assert web.https
    assert web.hosts == ("broker.example.org", "192.0.2.5")
    assert web.proxies == ("172.16.0.0/12",)
    assert len(site.web_secret) == 64
    assert (centre / "data/beacon/web_secret").stat().st_mode & 0o777 == 0o600


def test_preparing_a_centre_again_keeps_everything(centre: Path) -> None:
    before = {path: path.read_bytes() for path in centre.rglob("*") if path.is_file()}
    subprocess.run(
        [DEPLOY / "prepare-centre.sh", "other.example.org"],
        env={**os.environ, "BEACON_CENTRE_DIR": str(centre)},
        capture_output=True,
        check=True,
    )
    assert {path: path.read_bytes() for path in centre.rglob("*") if path.is_file()} == before
    assert (centre / ".env").stat().st_mode & 0o777 == 0o600


def test_compose_variables_are_those_that_prepare_centre_writes(centre: Path) -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "docker-compose.yml").read_text("utf-8")))
    written = {line.split("=")[0] for line in (centre / ".env").read_text().splitlines()}
    assert used == written


def test_compose_pins_images_and_holds_no_secret(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"mosquitto", "influxdb", "init", "collector", "site", "facts", "grafana"}
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+\.\d+", tag), name
        assert service["restart"], name
        for key, value in service.get("environment", {}).items():
            if re.search(r"TOKEN|PASSWORD|SECRET", key):
                assert value.startswith("${"), f"{name}: {key}"


def test_compose_opens_only_the_edges_port_to_the_network(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == ["8883:8883"]


def test_compose_mounts_exist_in_the_repository_or_are_made(compose: dict[str, Any], centre: Path) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists() or (centre / source).exists(), f"{name}: {source}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"


def test_grafana_gets_every_variable_that_its_provisioning_asks_for(compose: dict[str, Any]) -> None:
    text = "".join(path.read_text("utf-8") for path in (DEPLOY / "grafana/provisioning").rglob("*.yaml"))
    asked = set(re.findall(r"\$\{([A-Z_]+)\}", text))
    assert asked
    assert asked <= set(compose["services"]["grafana"]["environment"])
    folders = re.findall(r"path: (\S+)", text)
    mounted = [volume.split(":")[1] for volume in compose["services"]["grafana"]["volumes"]]
    assert folders
    assert all(any(folder.startswith(target) for target in mounted) for folder in folders)


def test_what_the_boards_need_is_kept_fresh_wherever_grafana_runs(compose: dict[str, Any]) -> None:
    facts, site = compose["services"]["facts"], compose["services"]["site"]
    assert facts["volumes"] == site["volumes"], "it reads the alerts that the site keeps"
    assert "--every" in facts["command"]
    (pod,) = [
        document["spec"]["template"]["spec"]
        for document in documents(DEPLOY / "kubernetes/site.yaml")
        if document["kind"] == "Deployment"
    ]
    of_site, of_facts = pod["containers"]
    assert of_facts["args"][:2] == ["boards", "facts"]
    assert of_facts["volumeMounts"] == of_site["volumeMounts"]
    assert any(word.startswith("--every") for word in of_facts["args"])


def commands() -> Iterator[tuple[str, list[str]]]:
    compose = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text("utf-8"))
    for name, service in compose["services"].items():
        if service["image"].startswith("beacon"):
            yield f"compose {name}", service["command"]
    for unit in UNITS:
        for line in re.findall(r"^Exec\w+=/opt/beacon/venv/bin/beacon (.*)$", unit.read_text(), re.M):
            yield unit.name, line.split()
    for path in MANIFESTS:
        for document in documents(path):
            if document["kind"] == "Deployment":
                for container in document["spec"]["template"]["spec"]["containers"]:
                    yield path.name, container["args"]


def test_every_command_line_is_one_that_beacon_knows() -> None:
    import typer

    from beacon.__main__ import app

    root = typer.main.get_command(app)
    seen = 0
    for where, words in commands():
        command: Any = root
        rest = list(words)
        while hasattr(command, "commands"):
            assert rest[0] in command.commands, f"{where}: {' '.join(words)}"
            command = command.commands[rest.pop(0)]
        command.make_context(where, rest)  # raises for unknown options and missing arguments
        seen += 1
    assert seen >= 10


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound(path: Path) -> None:
    assert os.access(path, os.X_OK)
    for shell in ("bash", "dash"):
        if shutil.which(shell):
            subprocess.run([shell, "-n", path], check=True)
    text = path.read_text()
    assert "set -eu" in text
    assert not re.search(r"(curl|wget)[^|\n]*\|", text), "nothing is piped from the network into a shell"
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", path], check=True)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_pass_systemds_own_check(path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run([tool, "verify", "--man=no", path], capture_output=True, text=True, check=False)
    said = [
        line for line in done.stderr.splitlines() if "is not executable" not in line and path.stem in line
    ]
    assert said == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_as_nobody_important(path: Path) -> None:
    text = path.read_text()
    for line in ("User=beacon", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n"):
        assert line in text
    assert "Restart=always" in text
    assert "MemoryMax=" in text


def test_edge_unit_uses_the_watchdog_that_the_edge_feeds() -> None:
    text = (DEPLOY / "systemd/beacon-edge.service").read_text()
    assert "Type=notify" in text
    assert re.search(r"WatchdogSec=\d+", text)


def test_manifests_are_restricted_and_refer_to_secrets(tmp_path: Path) -> None:
    kinds: list[str] = []
    for path in MANIFESTS:
        for document in documents(path):
            kinds.append(document["kind"])
            if document["kind"] != "Deployment":
                continue
            pod = document["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"]
            assert pod["automountServiceAccountToken"] is False
            for container in pod["containers"]:
                assert not container["image"].endswith(":latest")
                assert container["securityContext"]["readOnlyRootFilesystem"]
                assert container["resources"]["limits"]["memory"]
                for variable in container["env"]:
                    assert "secretKeyRef" in variable["valueFrom"]
    assert {"Namespace", "ConfigMap", "Deployment", "PodDisruptionBudget", "NetworkPolicy"} <= set(kinds)
    assert "Secret" not in kinds
    listed = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    assert set(listed) == {path.name for path in MANIFESTS} - {"kustomization.yaml"}


def test_kubernetes_configuration_loads(tmp_path: Path) -> None:
    config = next(d for d in documents(DEPLOY / "kubernetes/config.yaml") if d["kind"] == "ConfigMap")
    text = config["data"]["collector.toml"].replace("/etc/beacon-registry", str(DEPLOY))
    (tmp_path / "collector.toml").write_text(text)
    loaded, _ = settings.load(tmp_path / "collector.toml", SECRET)
    assert loaded.store.kind == "influxdb"
    web = site_file.SiteFile.model_validate(tomllib.loads(config["data"]["site.toml"])).web
    assert web is not None
    assert web.https
    assert web.hosts
    assert web.proxies
    site = (DEPLOY / "kubernetes/site.yaml").read_text()
    assert "BEACON_WEB_SECRET" in site


def test_the_broker_takes_exactly_what_an_edge_may_send() -> None:
    text = (DEPLOY / "mosquitto/mosquitto.conf").read_text()
    assert re.search(rf"^message_size_limit {MAX_PAYLOAD_BYTES}$", text, re.M)


def test_the_edge_installs_into_a_folder_and_again(tmp_path: Path) -> None:
    """Dry: the virtual environment is a stand-in, so that nothing is downloaded."""
    fake = tmp_path / "opt/beacon/venv/bin"
    fake.mkdir(parents=True)
    for name in ("python", "pip"):
        (fake / name).write_text('#!/bin/sh\necho "$0 $*" >>"$BEACON_ROOT/calls"\n')
        (fake / name).chmod(0o755)
    environment = {**os.environ, "BEACON_ROOT": str(tmp_path), "PYTHON": shutil.which("python3") or "python3"}
    for _ in range(2):
        subprocess.run([DEPLOY / "install-edge.sh"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "etc/beacon/edge.toml").read_bytes() == (DEPLOY / "edge.toml").read_bytes()
    (tmp_path / "etc/beacon/edge.toml").write_text("# mine\n")
    subprocess.run([DEPLOY / "install-edge.sh"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "etc/beacon/edge.toml").read_text() == "# mine\n"
    assert (tmp_path / "etc/beacon/edge.env").stat().st_mode & 0o777 == 0o600
    calls = (tmp_path / "calls").read_text()
    assert calls.count("[edge]") == 3
    site = [DEPLOY / "install-edge.sh", "--site"]
    subprocess.run(site, env=environment, check=True, capture_output=True)
    assert "[all]" in (tmp_path / "calls").read_text()
    assert site_file.load(tmp_path / "var/lib/beacon/site.toml").edge is not None
    unit = (tmp_path / "etc/systemd/system/beacon-site.service").read_text()
    assert "site run /var/lib/beacon/site.toml" in unit
    constraints = (tmp_path / "opt/beacon/constraints.txt").read_text()
    assert re.search(r"^pymodbus==3\.16\.\d+$", constraints, re.M)
