"""rules.toml: the samples load, and every mistake is told at once with file, key and value."""

from __future__ import annotations

from pathlib import Path

import pytest
from town_of_rules import BUILDING, REGISTRY

from collector.registry_file import load_registry
from drivers.errors import ConfigError
from rules.config import build, load
from rules.judgefile import read
from rules.limits import load as load_limits
from rules.scheme import load as load_schemes
from rules.tables import Tables

ROOT = Path(__file__).parents[2]


def problems(caught: pytest.ExceptionInfo[ConfigError]) -> str:
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_the_sample_configuration_loads() -> None:
    rules = load(ROOT / "deploy" / "rules.toml", load_registry([ROOT / "deploy" / "buildings.toml"]))
    assert {condition.id for condition in rules.file.condition} >= {"no-data", "heat-pump-cop", "water-leak"}
    assert [notifier.kind for notifier in rules.file.notifier] == ["log"]


def test_the_sample_description_is_judged() -> None:
    result = read(ROOT / "deploy" / "judge-example.toml")
    assert [made.level for made in result.judgements] == ["ok", "ok", "ok"]
    assert result.judgements[0].grade == "constraint"


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "id,kind,carrier,region,value,unit,source,confidence\n"
        "X1,kgco2,electricity,CN,497.4,kWh,somebody,single source\n"
        "X2,colour,gas,CN,abc,m3,,\n"
    )
    (tmp_path / "own.toml").write_text('id = "own"\nname_en = "Own"\n')
    (tmp_path / "quotas.csv").write_text("building,basis,limit\n330100A001,energy_kwh,-5\n")
    (tmp_path / "rules.toml").write_text(
        'tables = ["rows.csv", "none.csv"]\nschemes = ["own.toml"]\nquotas = ["quotas.csv"]\n'
        'confirmed = ["NO-SUCH-ROW"]\n[[apply]]\nscheme = "gbt"\n'
        "[inputs.110000X999]\nhours_per_year = 1\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "rules.toml", REGISTRY)
    told = problems(caught)
    for part in (
        "rows.csv: line 2 (X1).value: 497.4 is outside 0 to 1.3 per kWh",
        "'colour' is none of",
        "X2): source and confidence must be given",
        "none.csv: cannot be read",
        "own.toml: name_zh: Field required",
        "quotas.csv: line 2.limit: Input should be greater than 0, got '-5'",
        "confirmed.0: there is no row or scheme 'NO-SUCH-ROW'",
        "apply.0.scheme: no scheme 'gbt'",
        "inputs.110000X999: no such building",
    ):
        assert part in told, told


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"above": 1.0, "below": 2.0, "quantity": "cop"}, "exactly one of above and below"),
        ({"above": 1.0}, "give the quantity"),
        ({"kind": "no_data"}, "no_data needs for_s"),
        ({"kind": "no_data", "for_s": 60, "above": 1}, "compares with no limit"),
        ({"quantity": "cop", "above": 1.0, "scope": "building"}, "scope building knows"),
        (
            {"quantity": "cop", "above": 1.0, "active": {"hours": ["7-9"]}},
            "write hours like 22:00-06:00, got '7-9'",
        ),
        (
            {"quantity": "cop", "above": 1.0, "severty": "info"},
            "severty: Extra inputs are not permitted, got 'info'",
        ),
    ],
)
def test_wrong_conditions_say_what_is_wrong(condition: dict[str, object], problem: str) -> None:
    given = {"id": "x", "name_en": "x", "name_zh": "x"} | condition
    with pytest.raises(ConfigError) as caught:
        build({"condition": [given]}, Path("rules.toml"))
    assert problem in problems(caught)
    assert "rules.toml: condition.0" in problems(caught)


def test_two_conditions_must_not_share_an_id() -> None:
    one = {"id": "x", "name_en": "x", "name_zh": "x", "quantity": "cop", "below": 2}
    with pytest.raises(ConfigError) as caught:
        build({"condition": [one, one]}, Path("rules.toml"))
    assert "'x' appears twice" in problems(caught)


def test_the_narrowest_budget_wins() -> None:
    def budget(limit: float, **target: object) -> dict[str, object]:
        return {"basis": "energy_kwh", "limit": limit} | target

    rules = build(
        {
            "budget": [
                budget(1, buildings=[BUILDING.id]),
                budget(2, types=["commercial_office"]),
                budget(3),
                budget(4, regions=["31"]),
                budget(5, scheme="other", years=(2030, 2031)),
            ]
        },
        Path("rules.toml"),
    )
    found = rules.schemes_of(BUILDING, 2026)
    assert [scheme.measure[0].limit.levels for scheme in found] == [{"constraint": 1.0}]  # type: ignore[union-attr]
    assert len(rules.schemes_of(BUILDING, 2030)) == 2


def test_an_operators_row_takes_the_packages_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "id,kind,carrier,region,value,unit,source,confidence,year,year_from\n"
        "CN-ZJ-ELEC-2024,kgco2,electricity,CN-ZJ,0.48,kWh,announced later,operator,2024,2024\n"
    )
    tables = Tables.load(path)
    found = tables.coefficient("kgco2", "electricity", region="330100", year=2025)
    assert found is not None
    assert (found.value, found.factors[0].id, found.factors[0].confirmed) == (0.48, "CN-ZJ-ELEC-2024", True)
    assert tables.version != Tables.load().version
    assert Tables.load().version == Tables.load().version


def test_limits_and_schemes_of_the_operator(tmp_path: Path) -> None:
    path = tmp_path / "limits.csv"
    path.write_text(
        "id,scheme,metric,unit,constraint,leading,source,confidence\n"
        "A,own,m,kWh,10,20,me,operator\nB,own,m,kWh,ten,,me,operator\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_limits([path])
    assert "levels must rise from leading to constraint, got [20.0, 10.0]" in problems(caught)
    assert "line 3 (B).constraint: 'ten' is not a number" in problems(caught)
    with pytest.raises(ConfigError):
        load_schemes([tmp_path / "none.toml"])


def test_a_wrong_description_names_every_key(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(
        'schemes = ["nope"]\n[building]\narea_m2 = 5\n[energy.annual]\nsunshine_kwh = 1\nwater_kwh = 2\n'
        "[energy.monthly]\nelectricity_kwh = []\n"
    )
    with pytest.raises(ConfigError) as caught:
        read(path)
    told = problems(caught)
    for part in (
        "year: give year or period",
        "schemes.0: no scheme 'nope'",
        "energy.annual.sunshine_kwh",
        "needs 1 to 12",
    ):
        assert part in told, told
    assert "no way from kWh to m3 for water" in told
