"""Registry files: what loads, and that every problem is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.registry import BuildingType, Role
from collector.registry_file import load_registry
from drivers.carrier import Carrier
from drivers.errors import ConfigError

SAMPLE = Path(__file__).parents[2] / "deploy" / "buildings.toml"

HEAD = """
[[building]]
id = "330100A001"
name_zh = "楼"
name_en = "House"
type = "commercial_office"
area_m2 = 1000
"""


def meter(name: str, role: str = "sub", carrier: str = "electricity", more: str = "") -> str:
    return f'[[building.meter]]\nname = "{name}"\nrole = "{role}"\ncarrier = "{carrier}"\n{more}\n'


MAIN = HEAD + meter("m", "main")


def problems(tmp_path: Path, text: str, name: str = "buildings.toml") -> list[str]:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_registry([path])
    return [f"{problem.key}: {problem.problem}" for problem in caught.value.problems]


def test_the_sample_loads() -> None:
    registry = load_registry([SAMPLE])
    office = registry.buildings["330106A001"]
    assert office.type is BuildingType.GOVERNMENT_OFFICE
    assert office.occupancy == {"people": 950, "hours_per_year": 2500}
    meters = {each.name: each for each in office.meters}
    assert meters["main1"].role is Role.MAIN
    assert meters["plant"].device == "plant"
    assert meters["rest"].device == ""
    assert meters["rest"].minus == ("lighting", "plant")
    assert meters["heat_pump1"].carrier is Carrier.HEAT
    assert registry.region_name("330106") == ("杭州市西湖区", "Xihu, Hangzhou")
    assert registry.region_name("330199") == ("杭州市", "Hangzhou")
    assert registry.zones()["330203C001"] == "Asia/Shanghai"


def test_item_codes_are_completed(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(MAIN + meter("s", more='item = "01b1c"\nparent = "m"'))
    assert load_registry([path]).buildings["330100A001"].meters[1].item == "01B1C"


def test_csv_says_the_same_as_toml(tmp_path: Path) -> None:
    buildings = tmp_path / "buildings.csv"
    buildings.write_text(
        "id,name_zh,name_en,type,area_m2,public,occupancy.people,edges,year_built\n"
        "330100A001,楼,House,commercial_office,1000,true,80,hz/pi1;hz/pi2,\n",
        "utf-8-sig",
    )
    meters = tmp_path / "meters.csv"
    meters.write_text(
        "building,name,device,carrier,role,item,parent,plus,minus\n"
        "330100A001,m,,electricity,main,,,,\n"
        "330100A001,s,s-17,electricity,sub,01A,m,,\n"
        "330100A001,rest,,electricity,sub,01D,,m,s\n"
    )
    building = load_registry([buildings, meters]).buildings["330100A001"]
    assert (building.public, building.occupancy, building.year_built) == (True, {"people": 80.0}, None)
    assert building.edges == ("hz/pi1", "hz/pi2")
    assert [(each.device, each.item) for each in building.meters] == [
        ("m", ""), ("s-17", "01A00"), ("", "01D00"),
    ]  # fmt: skip


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    first = tmp_path / "first.toml"
    first.write_text(HEAD.replace("1000", "-5") + 'colour = "red"\n')
    second = tmp_path / "second.csv"
    second.write_text("id,name_zh,name_en,type,area_m2\n33A,楼,House,castle,x\n330100A009,楼,,hotel,5\n")
    with pytest.raises(ConfigError) as caught:
        load_registry([first, second, tmp_path / "missing.toml"])
    told = {(Path(problem.file).name, problem.key) for problem in caught.value.problems}
    assert told == {
        ("first.toml", "330100A001.area_m2"),
        ("first.toml", "330100A001.colour"),
        ("second.csv", "line 2: 33A.id"),
        ("second.csv", "line 2: 33A.type"),
        ("second.csv", "line 2: 33A.area_m2"),
        ("second.csv", "line 3: 330100A009.name_en"),
        ("missing.toml", ""),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + HEAD, "330100A001: this id is already taken"),
        (HEAD.replace("A001", "C001"), "330100C001.id: type letter is C, but a commercial_office has A"),
        (HEAD.replace("330100", "990100"), "990100A001.id: no province has the code 990000"),
        (HEAD + 'time_zone = "Asia/Hangzhou"', "time_zone: 'Asia/Hangzhou' is no IANA time zone"),
        (HEAD + "special_area_m2 = 1000", "special_area_m2: must be smaller than area_m2"),
        (HEAD + 'edges = ["hz/pi1", "hz/pi1"]', "edges: hz/pi1 is listed 2 times"),
        (HEAD + 'edges = ["pi1"]', "edges.0: String should match pattern"),
        (HEAD + "latitude = 30.0", "latitude and longitude come together"),
        ("[building]\nid = 1", "building: write [[building]], not [building]"),
        ("buildings = 1\n" + HEAD, "buildings: unknown key"),
        ("", "building: there is no building"),
        ("x = ", "is not TOML"),
        (HEAD + meter("m", "main") * 2, "meter.m: is there 2 times"),
        (
            MAIN + meter("s", more='device = "m"'),
            "2 meters count electricity of device m",
        ),
        (
            MAIN + meter("s", more='parent = "x"'),
            "meter.s.parent: there is no meter 'x'",
        ),
        (
            MAIN + meter("w", "main", "water") + meter("s", more='parent = "w"'),
            "meter.s.parent: w counts water, this meter electricity",
        ),
        (
            MAIN + meter("a", more='parent = "b"') + meter("b", more='parent = "a"'),
            "meter.a.parent: a circle: a → b → a",
        ),
        (HEAD + meter("m", "main", more='item = "01A"'), "meter.m.item: only sub meters have an item"),
        (MAIN + meter("s", more='item = "01Z"'), "'01Z' is not a national item"),
        (HEAD + meter("s"), "meter: electricity has sub meters but no main meter"),
        (
            MAIN + meter("v", more='plus = ["m", "x"]'),
            "meter.v.plus: there is no meter 'x'",
        ),
        (MAIN + meter("v", more='minus = ["m"]'), "needs at least one meter to add"),
        (
            HEAD + meter("m", "main", more='plus = ["v"]') + meter("v", more='plus = ["m"]'),
            "meter.m.plus: a circle",
        ),
        (HEAD + meter("m", "main", more='parent = "m"'), "a main meter counts towards the total itself"),
    ],
)
def test_each_kind_of_problem_has_its_words(tmp_path: Path, text: str, problem: str) -> None:
    told = problems(tmp_path, text)
    assert any(problem in each for each in told), told


def test_broken_csv(tmp_path: Path) -> None:
    assert problems(tmp_path, "a,b\n1,2\n", "x.csv") == [
        "line 1: needs a column id (buildings), building and name (meters) or code (regions)"
    ]
    assert "has more cells than the header" in problems(tmp_path, "code,name_zh\n1,2,3\n", "x.csv")[0]
    told = problems(tmp_path, "building,name,carrier,role\n330100A001,m,water,main\n", "x.csv")
    assert told == ["line 2.building: there is no building '330100A001'"]
