"""edge.toml: all problems at once, in words that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from meters import write_profile

from drivers.errors import ConfigError
from edge import config_file

GOOD = """
site = "s"
edge = "e"
building = "330100A001"
profiles = "profiles"
[uplink]
host = "broker"
[[bus]]
name = "cabinet"
type = "rtu"
port = "/dev/ttyUSB0"
[[device]]
id = "main"
bus = "cabinet"
unit_id = 1
profile = "test_meter"
"""
RATIO_PROFILE = """
model = "Ratio meter"
vendor = "Test"
kind = "electricity"
[sources]
own = "made for tests"
[modbus]
transports = ["rtu"]
[factors]
ct_ratio = { installer = true, note = "primary over secondary current" }
[[registers]]
type = "u32"
confidence = "vendor manual"
sources = ["own"]
factors = ["ct_ratio"]
[registers.points]
active_energy_import_total = { address = 4, unit = "kWh", scale = 0.01, rollover = 1e6 }
"""


def problems(folder: Path, text: str) -> list[str]:
    write_profile(folder / "profiles")
    write_profile(folder / "profiles", "ratio_meter", RATIO_PROFILE)
    path = folder / "edge.toml"
    path.write_text(text)
    try:
        config_file.load(path)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_good_file_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


def test_sample_of_the_deploy_folder_loads() -> None:
    config = config_file.load(Path(__file__).parents[2] / "deploy" / "edge.toml")
    assert len(config.sources()) == 5
    assert config.spool.path.parent.name == "deploy"


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "open_password").write_text("secret")
    (tmp_path / "open_password").chmod(0o644)
    text = """
site = "no spaces please"
edge = "e"
profiles = "profiles"
buildng = "330100A001"
[uplink]
host = "broker"
username = "u"
password_file = "open_password"
ca_file = "missing.pem"
[spool]
max_bytes = 5
[[bus]]
name = "cabinet"
type = "rtu"
port = "/dev/ttyUSB0"
bauds = 9600
[[bus]]
name = "roof"
type = "udp"
[[device]]
id = "a"
bus = "cabinet"
unit_id = 1
profile = "test_meter"
quantities = ["voltage_l1", "active_power_total"]
[[device]]
id = "a"
bus = "cabinet"
unit_id = 1
profile = "test_meter"
[[device]]
id = "b"
bus = "cabinets"
unit_id = 300
profile = "tst_mtr"
[[device]]
id = "c"
bus = "cabinet"
unit_id = 2
profile = "tst_mtr"
[[device]]
id = "d"
bus = "cabinet"
unit_id = 3
profile = "ratio_meter"
"""
    found = "\n".join(problems(tmp_path, text))
    for expected in (
        "edge.toml: site: string should match pattern",
        "edge.toml: buildng: unknown key, did you mean building?",
        "edge.toml: uplink.password_file: open_password can be read by others: chmod 600 open_password",
        "edge.toml: uplink.ca_file: missing.pem cannot be read: No such file or directory",
        "edge.toml: spool.max_bytes: input should be greater than or equal to 1000000, got 5",
        "edge.toml: bus.cabinet.bauds: unknown key, did you mean baud?",
        "edge.toml: bus.roof.type: must be tcp, rtu_over_tcp or rtu, got 'udp'",
        "edge.toml: device.a: is given 2 times",
        "edge.toml: device.a.unit_id: 1 on bus cabinet is a's already",
        "edge.toml: device.a.quantities: test_meter lacks 'voltage_l1', did you mean voltage_l1n?",
        "edge.toml: device.a.building: is missing, and the file has no default",
        "edge.toml: device.b.unit_id: input should be less than or equal to 255, got 300",
        "edge.toml: device.c.profile: there is no profile 'tst_mtr', did you mean test_meter?",
        "edge.toml: device.d.ct_ratio: ratio_meter needs it, see the transformer's plate",
    ):
        assert expected in found, expected
    assert "secret" not in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "edge.toml: uplink: is missing"),
        ("site = ", "edge.toml: is not TOML"),
        (GOOD.replace('"cabinet"\nu', '"cabnet"\nu'), "there is no bus 'cabnet', did you mean cabinet?"),
        (GOOD + "ct_ratio = 40\n", "device.main.ct_ratio: test_meter takes no such ratio"),
        (GOOD + '[[mqtt_source]]\nname = "b"\nhost = "h"\ndevice = [{ id = "x", profile = "test_meter" }]\n',
         "mqtt_source.b.device.x.profile: test_meter does not speak MQTT"),
        (GOOD.replace('host = "broker"', 'host = "broker"\nusername = "u"\npassword_env = "BEACON_NO_SUCH"'),
         "uplink.password_env: the environment has no BEACON_NO_SUCH"),
        (GOOD + "[device]\n", "is not TOML"),
        ("bus = 3\n" + GOOD.replace("[[bus]]", "[[buses]]"), "bus: must be written as [[bus]]"),
    ],
)  # fmt: skip
def test_problem_is_named(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in "\n".join(problems(tmp_path, text))


def test_missing_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        config_file.load(tmp_path / "none.toml")


def test_disabled_device_may_share_an_address(tmp_path: Path) -> None:
    spare = (
        '[[device]]\nid = "spare"\nbus = "cabinet"\nunit_id = 1\nprofile = "test_meter"\nenabled = false\n'
    )
    assert problems(tmp_path, GOOD + spare) == []


def test_hash_changes_with_the_file(tmp_path: Path) -> None:
    problems(tmp_path, GOOD)
    first = config_file.load(tmp_path / "edge.toml").hash
    problems(tmp_path, GOOD + "max_power = 100\n")
    assert config_file.load(tmp_path / "edge.toml").hash != first


def test_device_is_read_for_the_quantities_that_are_wanted(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD + 'quantities = ["active_power_total"]\n') == []
    config = config_file.load(tmp_path / "edge.toml")
    profile = config.profile_of(config.device[0])
    assert profile.quantities() == ("active_power_total",)
    assert profile.counters == ()
