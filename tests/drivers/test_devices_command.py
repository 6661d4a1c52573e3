"""`beacon devices`: what it prints for people and for programs."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from beacon.commands.devices import app
from drivers.errors import BeaconError, FrameError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list_as_json_and_as_a_table() -> None:
    rows = json.loads(run("list", "eastron", "--json").stdout)
    assert "eastron_sdm630" in [row["profile"] for row in rows]
    assert all(row["vendor"] == "Eastron" for row in rows)
    assert "eastron_sdm630" in run("list", "eastron").stdout


def test_show_names_sources_and_ratios() -> None:
    shown = json.loads(run("show", "acrel_adl3000", "--json").stdout)
    assert shown["ratios"] == {"pt_ratio": 1.0, "ct_ratio": None}
    assert shown["counters"] == ["active_energy_import_total", "active_energy_export_total"]
    text = run("show", "acrel_adl3000").stdout
    assert "to be given in edge.toml" in text


def test_decode_registers_and_frames() -> None:
    decoded = run("decode", "eastron_sdm120", "--registers", "0:43664000", "--json")
    assert json.loads(decoded.stdout) == {"voltage_l1n": 230.25}
    request, answer = "01 04 00 00 00 02 71 CB", "01 04 04 43 66 33 34 1B 38"
    decoded = run("decode", "eastron_sdm120", "--frame", request, "--frame", answer, "--json")
    assert json.loads(decoded.stdout) == {"voltage_l1n": 230.2}
    tcp = "00 01 00 00 00 07 01 04 04 43 66 33 34"
    decoded = run("decode", "eastron_sdm120", "--frame", tcp, "--address", "0", "--json")
    assert json.loads(decoded.stdout) == {"voltage_l1n": 230.2}
    ratio = run("decode", "acrel_adl3000", "--registers", "10:00003039", "--ratio", "ct_ratio=40", "--json")
    assert json.loads(ratio.stdout) == {"active_energy_import_total": 4938.0}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--frame", "01 04 04 43 66 33 34 1B 39", "--address", "0"], "neither RTU"),
        (["--frame", "01 04 04 43 66 33 34 1B 38"], "does not say its address"),
        (["--frame", "01 84 02 C2 C1", "--address", "0"], "no answer with registers"),
        (["--frame", "zz"], "is not hexadecimal"),
        (["--registers", "0:436"], "four digits a register"),
        ([], "give --registers or --frame"),
    ],
)
def test_what_cannot_be_decoded_is_said_clearly(arguments: list[str], problem: str) -> None:
    result = run("decode", "eastron_sdm120", *arguments)
    assert isinstance(result.exception, BeaconError | FrameError)
    assert problem in str(result.exception)


def test_list_is_searched_by_kind_and_words_and_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = json.loads(run("list", "--kind", "heat", "--json").stdout)
    assert {row["kind"] for row in rows} == {"heat"}
    assert {"diehl_sharky775", "cjt188_heat"} <= {row["profile"] for row in rows}
    assert [row["profile"] for row in json.loads(run("list", "carlo em340", "--json").stdout)] == [
        "carlogavazzi_em340"
    ]
    text = run("list").stdout
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text
    wrong = run("list", "--kind", "heating")
    assert isinstance(wrong.exception, BeaconError)


def test_meters_without_registers_are_shown_too() -> None:
    shown = json.loads(run("show", "dlt645_2007_three_phase", "--json").stdout)
    assert "active_energy_import_total" in [row["quantity"] for row in shown["values"]]
