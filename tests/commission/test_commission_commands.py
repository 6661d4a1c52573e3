"""`edge probe`, `read`, `add` and `accept` as a technician uses them, against simulated devices."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from beacon.commands.edge import app
from drivers import profile as profiles
from drivers.errors import BeaconError, ConfigError
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus
from edge.commission.acceptance import Verdict, compare
from edge.commission.decodings import decodings, plausible
from edge.config_file import load

CONFIG = """# the house
site = "home"
edge = "pi"
building = "330100A001"

[uplink]
host = "127.0.0.1"
tls = false

# the cabinet in the cellar
[[bus]]
name = "cellar"   # behind the boiler
type = "tcp"
host = "127.0.0.1"
port = {port}

[[device]]
id = "main"
bus = "cellar"
unit_id = 1
profile = "schneider_iem3255"
# nothing behind this line
"""


class Served:
    """Simulated devices on a Modbus TCP port of their own thread."""

    def __init__(self, devices: dict[int, SimulatedDevice]) -> None:
        self.devices = devices
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated devices")

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        bus = SimulatedBus(self.devices, "tcp")
        self._loop.run_until_complete(bus.start())
        self.port = bus.port
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(bus.aclose())
        self._loop.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    names = {1: "schneider_iem3255", 2: "eastron_sdm630", 3: "acrel_adl3000"}
    with Served({unit: SimulatedDevice(profiles.load(name)) for unit, name in names.items()}) as served:
        yield served


@pytest.fixture
def config(tmp_path: Path, served: Served) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(CONFIG.format(port=served.port), "utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def place(served: Served) -> tuple[object, ...]:
    return "--host", "127.0.0.1", "--port", served.port


def test_probe_shows_registers_in_every_order(served: Served) -> None:
    served.devices[2].put("voltage_l1n", 230.5)
    told = run("probe", *place(served), "--unit", 2, "--function", 4, "--address", 0, "--count", 2, "--json")
    document = json.loads(told.stdout)
    assert document["words"] == ["4366", "8000"]
    good = [d for d in document["decodings"] if d["meaning"] == "voltage" and d["type"] == "f32"]
    assert [(d["word_order"], d["byte_order"], d["value"]) for d in good] == [("big", "big", 230.5)]
    text = run("probe", *place(served), "--unit", 2, "--function", 4, "--address", 0, "--count", 2).stdout
    assert "4366" in text
    assert "0: voltage: 230.5 (f32, words big first, bytes big first)" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([0x4248, 0x0000], ("f32", "big", "big", "frequency")),
        ([0x0000, 0x4248], ("f32", "little", "big", "frequency")),
        ([0x6643, 0x0080], ("f32", "big", "little", "voltage")),
        ([0x08FC], ("u16", "big", "big", "voltage x 0.1")),
        ([0x0000, 0x1388], ("u32", "big", "big", "frequency x 0.01")),
    ],
)
def test_plausible_decodings_are_marked(words: list[int], expected: tuple[str, str, str, str]) -> None:
    assert expected in [(d.type, d.word_order, d.byte_order, d.meaning) for d in plausible(words)]


def test_decodings_know_bcd_and_what_is_no_number() -> None:
    found = {(d.type, d.word_order): d.value for d in decodings([0x1234, 0x5678]) if d.byte_order == "big"}
    assert found["bcd32", "big"] == 12345678
    assert found["bcd32", "little"] == 56781234
    assert found["s32", "big"] == 0x12345678
    assert [
        d.value for d in decodings([0x7FC0, 0]) if d.type == "f32" and d.word_order == d.byte_order == "big"
    ] == [None]


def test_read_shows_marks_and_raw_words(served: Served) -> None:
    told = run("read", "--profile", "eastron_sdm630", *place(served), "--unit", 2, "--json")
    row = json.loads(told.stdout)[0]
    assert row["marks"]["frequency"] == "good"
    assert row["marks"]["active_power_total"] == "good"
    assert len(row["raw"]["voltage_l1n"].split()) == 2
    assert row["findings"] == []
    text = run("read", "--profile", "eastron_sdm630", *place(served), "--unit", 2, "--raw").stdout
    assert "4:0" in text
    assert "✓" in text


def test_read_says_that_the_profile_is_wrong(served: Served) -> None:
    told = run("read", "--profile", "chint_dtsu666", *place(served), "--unit", 2)
    assert isinstance(told.exception, BeaconError)
    assert "another model" in told.stdout


def test_read_says_in_chinese_that_nothing_answers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    served.devices[2].faults.dead = True
    try:
        told = run("read", "--profile", "eastron_sdm630", *place(served), "--unit", 2, "--json")
    finally:
        served.devices[2].faults.dead = False
    row = json.loads(told.stdout)[0]
    assert row["findings"][0]["cause"] == "line_silent"
    assert "请依次检查" in row["findings"][0]["zh"]


def test_add_keeps_every_byte_and_passes_the_checks(config: Path, served: Served) -> None:
    before = config.read_text("utf-8")
    told = run("add", config, "--bus", "cellar", "--profile", "eastron_sdm630", "--unit", 2, "--id", "roof")
    assert told.exit_code == 0, told.output
    assert '+id = "roof"' in told.stdout
    after = config.read_text("utf-8")
    assert after.startswith(before)
    new_bus = ("--bus", "attic", "--serial", "/dev/ttyUSB7", "--baud", 19200, "--parity", "E")
    told = run(
        "add",
        config,
        *new_bus,
        "--profile",
        "acrel_adl3000",
        "--unit",
        9,
        "--id",
        "lift",
        "--ratio",
        "ct_ratio=40",
    )
    assert told.exit_code == 0, told.output
    checked = load(config)
    assert [device.id for device in checked.device] == ["main", "roof", "lift"]
    assert checked.device[2].all_ratios() == {"ct_ratio": 40.0}
    attic = checked.bus[1]
    assert attic.type == "rtu"
    assert (attic.port, attic.baud, attic.parity) == ("/dev/ttyUSB7", 19200, "E")
    assert not list(config.parent.glob(".*"))


def test_add_gives_a_device_its_own_speed_on_a_bus_that_has_another(config: Path) -> None:
    run(
        "add",
        config,
        "--bus",
        "b",
        "--serial",
        "/dev/x",
        "--profile",
        "eastron_sdm120",
        "--unit",
        1,
        "--id",
        "a",
    )
    meter = ("--profile", "dlt645_2007_three_phase", "--address", "202311150042", "--id", "m")
    told = run("add", config, "--bus", "b", *meter, "--baud", 2400, "--parity", "E")
    assert told.exit_code == 0, told.output
    device = load(config).device[-1]
    assert (device.address, device.baud, device.parity) == ("202311150042", 2400, "E")


def test_add_writes_nothing_on_a_dry_run(config: Path) -> None:
    before = config.read_bytes()
    run(
        "add", config, "--bus", "cellar", "--profile", "eastron_sdm630", "--unit", 2, "--id", "x", "--dry-run"
    )
    assert config.read_bytes() == before


def test_add_refuses_with_every_problem_and_leaves_the_file_alone(config: Path, served: Served) -> None:
    before = config.read_bytes()
    told = run("add", config, "--bus", "celar", "--profile", "acrel_adl3000", "--unit", 1, "--id", "main")
    assert isinstance(told.exception, ConfigError)
    text = str(told.exception)
    assert "there is no bus 'celar', did you mean cellar?" in text
    assert "device.main: is given 2 times" in text
    assert "ct_ratio" in text
    twin = ("--bus", "other", *place(served))
    told = run("add", config, *twin, "--profile", "eastron_sdm630", "--unit", 2, "--id", "x")
    assert f"127.0.0.1:{served.port} is bus 'cellar' already" in str(told.exception)
    assert config.read_bytes() == before


def test_accept_signs_what_agrees(config: Path, served: Served, tmp_path: Path) -> None:
    meter = served.devices[1]
    meter.put("active_energy_import_total", 12345.678)
    meter.put("voltage_l1n", 230.4)
    told = run(
        "accept", config, "main", "--reading", "active_energy_import_total=12345.7",
        "--reading", "voltage_l1n=229.8",
        "--by", "李工", "--out", tmp_path / "sheets", "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert document["accepted"]
    assert document["identity"] == {"model": "iEM3255"}
    assert document["sources"]
    files = [Path(file) for file in document["files"]]
    table = files[0].read_text("utf-8-sig")
    assert "read by 抄表人,李工" in table
    assert "active_energy_import_total,kWh,12345.7," in table
    assert files[1].suffix in (".pdf", ".html")
    assert files[1].stat().st_size > 1000


def test_accept_refuses_what_differs_and_says_why(config: Path, served: Served, tmp_path: Path) -> None:
    meter = served.devices[1]
    meter.put("active_energy_import_total", 12345.678)
    meter.put("active_power_total", 18.0)
    told = run(
        "accept", config, "main", "--reading", "active_energy_import_total=308.64", "--reading",
        "active_power_total=-18.0", "--by", "x", "--out", tmp_path,
    )  # fmt: skip
    assert isinstance(told.exception, BeaconError)
    assert "a factor of 40" in told.stdout
    assert "import and export" in told.stdout
    assert next(tmp_path.glob("acceptance-main-*.csv")).read_text("utf-8-sig").count("differs") == 2


def test_accept_wants_a_counter_and_known_quantities(config: Path, served: Served, tmp_path: Path) -> None:
    served.devices[1].put("voltage_l1n", 230.0)
    told = run("accept", config, "main", "--reading", "voltage_l1n=230", "--out", tmp_path)
    assert "no counter was compared" in str(told.exception)
    told = run(
        "accept", config, "main", "--reading", "volts=230", "--reading", "voltage_l1n=a", "--out", tmp_path
    )
    assert isinstance(told.exception, ConfigError)
    assert len(told.exception.problems) == 2


@pytest.mark.parametrize(
    ("name", "text", "read", "verdict"),
    [
        ("active_energy_import_total", "100.0", 100.1, Verdict.AGREES),
        ("active_energy_import_total", "100.0", 100.5, Verdict.DIFFERS),
        ("active_energy_import_total", "100", 100.9, Verdict.AGREES),
        ("voltage_l1n", "230.0", 232.2, Verdict.AGREES),
        ("voltage_l1n", "230.0", 233.0, Verdict.DIFFERS),
        ("frequency", "50.00", 50.04, Verdict.AGREES),
        ("active_power_total", "10.00", 10.3, Verdict.DIFFERS),
        ("current_l1", "5.00", None, Verdict.ABSENT),
    ],
)
def test_tolerances(name: str, text: str, read: float | None, verdict: Verdict) -> None:
    lines = compare(profiles.load("schneider_iem3255"), {name: text}, {name: read}, {name: 0.01}, {})
    assert [line.verdict for line in lines] == [verdict]
    assert math.isfinite(lines[0].tolerance)
