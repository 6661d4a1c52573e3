"""`beacon edge`, as a technician types it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from meters import Meter, ModbusServer, write_profile
from typer.testing import CliRunner

from beacon.commands.edge import app
from drivers import profile as profiles
from drivers.errors import BeaconError, ConfigError
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus
from edge.spool_file import SpoolFile

runner = CliRunner()


class Beside:
    """A loop in a thread, so that a command with a loop of its own has somebody to talk to."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)


@pytest.fixture
def beside() -> Iterator[Beside]:
    loop = Beside()
    yield loop
    loop.stop()


@pytest.fixture
def config(tmp_path: Path, beside: Beside) -> Path:
    server = beside.run(ModbusServer({1: Meter()}).start())
    write_profile(tmp_path / "profiles")
    path = tmp_path / "edge.toml"
    path.write_text(
        f"""
site = "s"
edge = "e"
building = "330100A001"
profiles = "profiles"
[uplink]
host = "b"
[status]
port = 1
[spool]
path = "spool.db"
[[bus]]
name = "bus"
type = "tcp"
host = "127.0.0.1"
port = {server.port}
timeout_s = 0.1
[[device]]
id = "main"
bus = "bus"
profile = "test_meter"
"""
    )
    return path


def invoke(*arguments: str) -> str:
    result = runner.invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_check_shows_the_plan(config: Path) -> None:
    assert "main" in invoke("check", str(config))
    (bus,) = json.loads(invoke("check", str(config), "--json"))["buses"]
    assert bus["devices"][0]["requests"] == 1
    assert bus["warnings"] == []


def test_check_warns_of_a_bus_that_is_too_slow(config: Path) -> None:
    text = config.read_text().replace('type = "tcp"', 'type = "rtu_over_tcp"\nbaud = 300')
    config.write_text(text + "fast_s = 0.5\n")
    (bus,) = json.loads(invoke("check", str(config), "--json"))["buses"]
    assert "more than the period" in bus["warnings"][0]


def test_check_of_a_bad_file_says_so(config: Path) -> None:
    config.write_text(config.read_text() + "colour = 3\n")
    with pytest.raises(ConfigError, match=r"device\.main\.colour: unknown key"):
        invoke("check", str(config))


def test_read_shows_values_with_units(config: Path) -> None:
    output = invoke("read", str(config))
    assert "voltage_l1n" in output
    assert "230" in output
    assert "kWh" in output
    (row,) = json.loads(invoke("read", str(config), "main", "--json"))
    assert row["values"]["active_power_total"] == 5


def test_read_by_profile_needs_no_configuration(beside: Beside) -> None:
    bus = SimulatedBus({3: SimulatedDevice(profiles.load("eastron_sdm120"))})
    beside.run(bus.start())
    arguments = ["read", "--profile", "eastron_sdm120", "--host", "127.0.0.1", "--unit", "3"]
    (row,) = json.loads(invoke(*arguments, "--port", str(bus.port), "--json"))
    assert 180 < row["values"]["voltage_l1n"] < 260
    beside.run(bus.aclose())


def test_read_of_a_silent_device_fails_in_words(config: Path) -> None:
    config.write_text(config.read_text() + "unit_id = 9\n")
    with pytest.raises(BeaconError, match="no device answered"):
        invoke("read", str(config))


def test_read_of_an_unknown_device_names_the_known(config: Path) -> None:
    with pytest.raises(ConfigError, match="no bus has 'mian': main"):
        invoke("read", str(config), "mian")


def test_status_without_an_agent_says_so(config: Path) -> None:
    with pytest.raises(BeaconError, match="no agent answers on http"):
        invoke("status", str(config))


def test_exchange_is_left_in_the_spool(config: Path) -> None:
    with pytest.raises(BeaconError, match="start the agent once"):
        invoke("exchange", str(config), "main", "--final", "12.5")
    spool = SpoolFile(config.parent / "spool.db", 10**9, 60)
    invoke("exchange", str(config), "main", "--final", "12.5", "--at", "2026-01-05T10:00:00")
    (request,) = spool.requests().exchanges
    assert (request.device, request.quantity, request.final) == ("main", "active_energy_import_total", 12.5)
    for bad in (["mian"], ["main", "--quantity", "frequency"], ["main", "--at", "2100-01-01T00:00:00"]):
        with pytest.raises(BeaconError):
            invoke("exchange", str(config), *bad, "--final", "1")
    assert len(spool.requests().exchanges) == 1


def test_simulate_wants_somewhere_to_serve() -> None:
    with pytest.raises(BeaconError, match="--tcp PORT"):
        invoke("simulate", "eastron_sdm120")
