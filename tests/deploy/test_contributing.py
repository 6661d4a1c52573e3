"""The worked example of CONTRIBUTING.md does what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from drivers import profile
from drivers.modbus.decode import decode_words, parse_words

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")


def test_the_worked_example_decodes_as_printed() -> None:
    written, registers, expected = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
    meter = profile.parse("northwind_nw3", written, "northwind_nw3.toml")
    given, wanted = tomllib.loads(registers), tomllib.loads(expected)
    words = {}
    for address, text in given["words"].items():
        words |= parse_words(f"{address}:{text}", given["function"])
    values = decode_words(meter, words, None)
    assert {name: value for name, value in values.items() if value is not None} == pytest.approx(
        wanted["values"]
    )
    assert [name for name, value in values.items() if value is None] == wanted["absent"]


def test_the_decode_command_gives_the_printed_value() -> None:
    written = re.findall(r"```toml\n(.*?)```", TEXT, re.S)[0]
    meter = profile.parse("northwind_nw3", written, "northwind_nw3.toml")
    argument, kilowatts = re.findall(r"--registers (\S+)\s+# (\S+) kW", TEXT)[0]
    assert decode_words(meter, parse_words(argument, 4), None)["active_power_total"] == float(kilowatts)
