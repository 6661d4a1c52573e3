"""`beacon rules judge FILE` as a user meets it: odd files, and the keys a program may rely on."""

from __future__ import annotations

import json
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from beacon.commands.rules import app
from drivers.errors import ConfigError
from rules.backtest import Score, verdict, whole
from rules.judgefile import read

SAMPLE = Path(__file__).parents[2] / "deploy" / "judge-example.toml"
HEAD = "year = 2025\n[building]\narea_m2 = 500\n"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("empty.toml", "", ["building: Field required"]),
        ("half.toml", "year = ", ["cannot be read"]),
        ("list.json", "[1, 2]", ["valid dictionary"]),
        ("broken.json", '{"year": 2025', ["cannot be read"]),
        (
            "words.json",
            '{"year": 2025, "building": {"area_m2": "big"}, "energy": {"monthly": {"gas_m3": ["x"]}}}',
            ["building.area_m2", "got 'big'", "gas_m3.0", "got 'x'"],
        ),
        (
            "several.toml",
            'year = 2025\nschemes = ["gbt"]\n[building]\narea_m2 = -5\n[energy.annual]\nelectricity = 5\n'
            'sunshine_kwh = 2\n[inputs]\ngreen_power_kwh = "lots"\nhistory_kwh = [1, "two"]\n',
            [
                "schemes.0: no scheme 'gbt'; known: ",
                "building.area_m2: Input should be greater than 0, got -5",
                "energy.annual.electricity: is no <what>_<unit>", "energy.annual.sunshine_kwh",
                "inputs.green_power_kwh: must be a number and not less than zero, got 'lots'",
                "inputs.history_kwh.1: must be a number, got 'two'",
            ],
        ),
        (
            "ids.toml",
            'confirmed = ["A"]\nkgce_basis = "B"\nfactors = { kgco2 = { gas = "C" } }\nthrough = 2024-01-01\n'
            'year = 2025\n[building]\nregion = "ZZ"\n[[budget]]\nbasis = "energy_kgce"\nlimit = 1\n'
            'electricity_kgce = "D"\n',
            [
                "confirmed.0: there is no row or scheme 'A'", "kgce_basis: there is no row 'B'",
                "factors.kgco2.gas: there is no row 'C'", "through: 2024-01-01 is not in 2025",
                "budget.0.electricity_kgce: there is no row 'D'", "building.region: 'ZZ' is not known",
            ],
        ),
        ("nan.toml", HEAD + "[energy.annual]\nelectricity_kwh = nan\n", ["finite number, got nan"]),
        ("negative.toml", HEAD + "[energy.monthly]\ngas_m3 = [1, -5]\n", ["gas_m3.1", "got -5"]),
        ("thirteen.toml", HEAD + f"[energy.monthly]\ngas_m3 = {[1] * 13}\n", ["1 to 12 values, got 13"]),
        (
            "twice.toml",
            HEAD + "[energy.monthly]\ngas_m3 = [1]\n[energy.annual]\ngas_m3 = 1\n",
            ["is given monthly too"],
        ),
        ("month.toml", 'period = "2025-13"\n[building]\n', ["no such period: year 2025, month 13"]),
        ("none.toml", None, ["cannot be read"]),
        ("tables.toml", 'tables = ["no.csv"]\n' + HEAD, ["no.csv: cannot be read"]),
        ("unit.toml", HEAD + "[energy.annual]\nwater_kwh = 1\n", ["no way from kWh to m3 for water"]),
    ],
)  # fmt: skip
def test_odd_files_are_told_what_is_wrong(
    tmp_path: Path, name: str, text: str | None, told: list[str]
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    for part in told:
        assert part in str(caught.value)


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "sample.json"
    path.write_text(json.dumps(tomllib.loads(SAMPLE.read_text("utf-8"))))
    assert read(path) == read(SAMPLE)


def test_the_documented_keys_are_there() -> None:
    made = json.loads(CliRunner().invoke(app, ["judge", str(SAMPLE), "--json"]).stdout)
    assert set(made) == {"account", "judgements"}
    documented = (SAMPLE.parents[1] / "docs" / "judge-file.md").read_text("utf-8")
    for part, given in (("account", made["account"]), ("judgement", made["judgements"][0])):
        missing = [key for key in given if f"`{key}`" not in documented]
        assert missing == [], f"{part}: say in docs/judge-file.md what these are"
    step = made["judgements"][0]["steps"][0]
    assert set(step) == {"name", "name_zh", "formula", "formula_zh", "value", "unit", "note", "note_zh"}


def test_a_back_test_is_a_command(tmp_path: Path) -> None:
    path = tmp_path / "house.csv"
    days = [date(2025, 1, 1) + timedelta(days=at) for at in range(120)]
    lines = [f"{day},{100 - 20 * (day.weekday() > 4) + at / 10},\n" for at, day in enumerate(days)]
    path.write_text("day,kwh,outdoor_degc\n" + "".join(lines))
    result = CliRunner().invoke(app, ["backtest", str(path)])
    assert result.exit_code == 0, result.output
    assert "house                  month  beacon" in result.stdout
    assert "house, month: as good as or better than naive" in result.stdout


def test_where_naive_is_better_it_is_said() -> None:
    def score(method: str, error: float) -> Score:
        return Score(
            "mill", "year", method, 2, error, 0.9, 0.0, 0.1, 0.2, 0.8 if method == "beacon" else None
        )

    assert verdict([score("beacon", 0.2), score("naive", 0.1)]) == [
        "mill, year: NOT better: its total errs by 20.0%, naive by 10.0%"
    ]
    assert [made.error for made in whole([score("beacon", 0.2), score("beacon", 0.4)])] == [
        pytest.approx(0.3)
    ]
