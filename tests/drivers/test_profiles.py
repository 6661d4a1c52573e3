"""Profiles that ship, and profiles that people get wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.carrier import Carrier, Direction
from drivers.errors import ConfigError
from drivers.profile import load, names, parse
from drivers.quantity import UnknownQuantity, aliases, ledger, quantity, vocabulary

BROKEN = """
model = "m"
vendor = "v"
kind = "electricity"
[sources]
manual = "manual"
[modbus]
transports = ["tcp"]
max_words = 1
[[registers]]
type = "u16"
confidence = "c"
sources = ["manual", "hearsay"]
[registers.points]
volt_l1n = 0
active_power = 1
voltage_l1n = { address = 2, unit = "kWh" }
current_l1 = { address = 3, factors = ["ct"] }
active_energy_import_total = { address = 4, type = "u32" }
"""


def test_every_profile_that_ships_loads_and_names_its_sources() -> None:
    assert len(names()) >= 20
    kinds = set()
    for name in names():
        profile = load(name)
        kinds.add(profile.kind)
        assert profile.sources
        for point in profile.points:
            assert point.sources, f"{name} {point.quantity.name}"
            assert point.confidence, f"{name} {point.quantity.name}"
    assert kinds >= {"electricity", "heat", "water", "gas", "heat_pump"}


def test_all_problems_of_a_file_are_told_at_once_with_file_and_key() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("broken", BROKEN, "broken.toml")
    text = str(caught.value)
    for expected in (
        "broken.toml: registers.0.points.volt_l1n: unknown quantity 'volt_l1n'; close: voltage_l1n",
        "unknown quantity 'active_power': it is called 'active_power_total' here",
        "registers.0.points.voltage_l1n.unit: unit 'kWh' cannot become 'V'",
        "there is no factor 'ct'",
        "there is no source 'hearsay'",
        "active_energy_import_total: is longer than max_words",
    ):
        assert expected in text


def test_unknown_keys_and_broken_toml_are_config_errors() -> None:
    with pytest.raises(ConfigError, match=r"x\.toml: modbus\.speed: Extra inputs are not permitted"):
        parse("x", BROKEN.replace("max_words = 1", "speed = 1"), "x.toml")
    with pytest.raises(ConfigError, match=r"x\.toml: not TOML"):
        parse("x", "model = ", "x.toml")
    with pytest.raises(ConfigError, match=r"there is no profile 'eastron_sdm63'; known: .*eastron_sdm630"):
        load("eastron_sdm63")


def test_own_folder_comes_before_the_shipped_profiles(tmp_path: Path) -> None:
    text = BROKEN[: BROKEN.index("[[registers]]")].replace("max_words = 1", "")
    text += '[[registers]]\ntype = "u16"\nconfidence = "c"\nsources = ["manual"]\npoints.voltage_l1n = 0\n'
    (tmp_path / "eastron_sdm630.toml").write_text(text, "utf-8")
    assert load("eastron_sdm630", tmp_path).vendor == "v"
    assert load("eastron_sdm630").vendor == "Eastron"


def test_combined_energy_is_booked_only_where_the_profile_says_so() -> None:
    meter = BROKEN[: BROKEN.index("[[registers]]")].replace("max_words = 1", "") + (
        '[[registers]]\ntype = "u32"\nscale = 0.01\nconfidence = "c"\nsources = ["manual"]\n'
        "points.active_energy_combined_total = 0\n"
    )
    assert parse("m", meter, "m.toml").counters == ()
    booked = parse("m", meter + '[ledger]\nimport = "active_energy_combined_total"\n', "m.toml").counters
    assert [(c.quantity, c.carrier, c.direction, c.modulus, c.resolution) for c in booked] == [
        ("active_energy_combined_total", Carrier.ELECTRICITY, Direction.IMPORT, 42949672.96, 0.01)
    ]


def test_vocabulary_is_closed_and_tells_close_names() -> None:
    assert quantity("reactive_energy_q3").unit == "kvarh"
    assert quantity("active_power_l2").unit == "kW"
    assert ledger("heat_energy_total") == (Carrier.HEAT, Direction.EXPORT)
    assert ledger("active_energy_import_l1") is None
    assert ledger("active_energy_import_t1") is None
    assert all(name in vocabulary() for name in aliases().values())
    with pytest.raises(UnknownQuantity, match=r"close: .*heat_energy"):
        quantity("heat_energie")
