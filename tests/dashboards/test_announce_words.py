"""What announcements say of schemes, sources, grades and quotas, in both languages."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from dataclasses import replace
from datetime import date
from html import unescape
from importlib.resources import files

import pytest
import town
from announced_town import make

from dashboards.announce.build import build
from dashboards.announce.entries import standard_of, verdict
from dashboards.announce.grades import GradeScheme, load_schemes
from dashboards.announce.html import bar, render_html, style
from dashboards.announce.model import Announcement, Standard
from dashboards.announce.tables import render_csv, render_json
from dashboards.announce.words import carrier_name, source_text, standard_name, unit_text
from dashboards.boards.words import Lang
from rules.budget import Budget
from rules.model import Factor, Judgement, Subject, Text, Words
from rules.period import Period
from rules.quota import judge
from rules.tables import Tables

TABLES = Tables.load()
PERIOD = Period.parse("2026")
NAMED = {"scheme": "zj-own", "name_zh": "浙江省示例定额", "name_en": "Sample quota of Zhejiang"}


def judgements() -> list[Judgement]:
    """Every hotel of the town judged by a named budget, by the rules themselves."""
    budget = Budget.model_validate(
        NAMED | {"basis": "energy_kwh", "limit": 130, "per": "area", "source": "operator"}
    )
    found = []
    for building in town.registry().buildings.values():
        subject = Subject(building.id, type=building.type, region=building.region, area_m2=building.area_m2)
        rows = list(town.daily(building, PERIOD.first, date(2026, 9, 30)))
        found += judge(subject, budget.as_scheme, rows, PERIOD, TABLES, through=date(2026, 9, 30))
    return found


@pytest.fixture(scope="module")
def judged() -> Announcement:
    made = make(period="2026-09", everybody=True)
    over = [each for each in judgements() if each.level in {"exceeded", "warning"}]
    assert over
    verdicts = {each.building: verdict(each, {"zj-own": standard_of(each).name}) for each in over}
    types = tuple(
        replace(
            group,
            entries=tuple(
                replace(e, verdicts=(verdicts[e.building],) if e.building in verdicts else ())
                for e in group.entries
            ),
        )
        for group in made.types
    )
    entries = [entry for group in types for entry in group.entries]
    method = replace(made.method, schemes=(standard_of(over[0]),), factors=made.method.factors)
    return replace(
        made,
        types=types,
        over=tuple(e for e in entries if e.over),
        heading_over=tuple(e for e in entries if e.heading_over),
        method=method,
    )


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.S)))


def test_schemes_are_called_by_name_and_kept_by_id(judged: Announcement) -> None:
    zh, en = (text_of(render_html(judged, lang)) for lang in ("zh", "en"))
    assert "浙江省示例定额" in zh
    assert "Sample quota of Zhejiang" in en
    assert zh.count("zj-own") == 1, "the id stands in the list of schemes and nowhere else"
    data = json.loads(render_json(judged))
    assert data["method"]["schemes"][0]["id"] == "zj-own"
    rows = list(csv.DictReader(io.StringIO(render_csv(judged, "zh").decode("utf-8-sig"))))
    assert {(row["scheme"], row["scheme_name"]) for row in rows} == {
        ("", ""),
        ("zj-own", "浙江省示例定额"),
    }


def test_build_finds_the_names_in_the_judgements() -> None:
    from announced_town import accounts, options

    made = build(
        town.registry(), "33", PERIOD, accounts(PERIOD), {}, judgements(), options(coverage_limit=0.5)
    )
    assert [each.name.zh for each in made.method.schemes] == ["浙江省示例定额"]
    assert not any(factor.kind == "scheme" for factor in made.method.factors)
    assert {v.scheme_name.en for e in made.entries for v in e.verdicts} == {"Sample quota of Zhejiang"}


@pytest.mark.parametrize(
    ("name", "edition", "zh", "en"),
    [
        (("某市定额", "City quota"), "", "某市定额", "City quota"),
        (("某市定额", "City quota"), "DBJ 12-2026", "某市定额（DBJ 12-2026）", "City quota (DBJ 12-2026)"),
        (("某市定额", "City quota"), "DB33/T 736", "某市定额（DB33/T 736）", "City quota (DB33/T 736)"),
        (("标准 GB/T 51161", "GB/T 51161"), "GB/T 51161", "标准 GB/T 51161", "GB/T 51161"),
        (("某市定额", "City quota"), "trial", "某市定额", "City quota (trial)"),
    ],
)  # fmt: skip
def test_a_scheme_has_its_document_number_once(name: tuple[str, str], edition: str, zh: str, en: str) -> None:
    standard = Standard("x", Text(name[1], name[0]), edition, "", "", True)
    assert (standard_name(standard, "zh"), standard_name(standard, "en")) == (zh, en)


def test_chinese_page_says_nothing_in_english(judged: Announcement) -> None:
    text = text_of(render_html(judged, "zh"))
    assert "核算用量 ÷" in text
    assert "推算至周期末" in text
    assert re.search(r"80% 预测区间 [\d,]+ 至 [\d,]+；按.+推算", text)
    units = "kWh|MWh|kgce|tce|kgCO|tCO|MJ|GJ|CSV|XLSX|announcement|json|zj|own|Beacon"
    rows = "ELEC|CAL|HEAT|NG|OIL|HV|JST|ZJ|CN|MyEMS|GB|JS|TEST|LIMIT|test"
    found = set(re.findall(r"[A-Za-z]{2,}", re.sub("[a-f0-9]{12}", "", text)))
    assert {each for each in found if not re.fullmatch(f"{units}|{rows}", each)} == set()


def test_packaged_sources_are_told_in_chinese() -> None:
    sources = set()
    for name in ("factors.csv", "limits.csv"):
        text = files("rules.data").joinpath(name).read_text("utf-8")
        sources |= {line["source"] for line in csv.DictReader(io.StringIO(text))}
    for entry in files("rules.schemes").iterdir():
        if entry.name.endswith(".toml"):
            sources.add(tomllib.loads(entry.read_text("utf-8"))["source"])
    asked = {each for each in sources if re.search(r"\b(via|public|source|as|in|from|the|of)\b", each)}
    assert len(asked) > 60
    left = "via|public source|as (cited|listed|transcribed)|same|announcement|transcribed"
    assert [each for each in asked if re.search(left, source_text(each, "zh"))] == []
    assert source_text("an operator's own file", "zh") == "an operator's own file"
    assert source_text("1 public source file", "en") == "1 public source file"


@pytest.mark.parametrize(
    ("unit", "zh"),
    [("kWh/(m2.month)", "kWh/(m²·月)"), ("kgce/(person.a)", "kgce/(人·a)"), ("kgCO2/m3", "kgCO₂/m³")],
)
def test_units_are_written_as_people_do(unit: str, zh: str) -> None:
    assert unit_text(unit, "zh") == zh


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_carrier_has_a_name(lang: Lang) -> None:
    for carrier in ("diesel", "lpg", "manufactured_gas", "coal", "electricity"):
        assert carrier_name(carrier, lang) != carrier


def test_the_foot_of_every_page_cannot_end_the_style() -> None:
    foot = style(True, 'Office "A" </style>\\', "zh")
    assert "</style>" not in foot
    assert foot.count('"') % 2 == 0
    assert "共 " in foot
    assert "var(" not in foot, "on paper colours are given as they are"


@pytest.mark.parametrize("paper", [True, False])
@pytest.mark.parametrize("mean", [None, 0.0, 0.3, 0.5, 0.9, 1.0])
def test_a_bar_is_as_long_as_its_share(paper: bool, mean: float | None) -> None:
    made = bar(0.5, 2, mean, paper)
    if not paper:
        assert "--v:50.0%" in made
        assert ("--m:" in made) is (mean is not None)
        return
    stops = [float(each) for each in re.findall(r" ([\d.]+)%", made)]
    assert stops == sorted(stops)
    assert (stops[0], 50.0 in stops or (mean == 0.5)) == (0.0, True)


class TestSchemesOfGrades:
    def test_ll33_grades_energy_only_and_knows_exemption(self) -> None:
        scheme = load_schemes()["ll33"]
        made = make(grades=scheme, everybody=True, occupancy={"330105A001": {"energy_star_exempt": 1.0}})
        letters = {e.building: e.grade_energy.letter for e in made.entries if e.grade_energy}
        assert letters["330105A001"] == "N"
        assert set(letters.values()) == {"F", "N"}
        assert {e.grade_carbon for e in made.entries} == {None}
        assert "仅评定能效等级" in render_html(made, "zh")

    def test_dec_bands_grade_carbon_only(self) -> None:
        made = make(
            grades=load_schemes()["dec"],
            everybody=True,
            occupancy={"330105A001": {"operational_rating": 90.0}},
        )
        graded = {e.building: e.grade_carbon.letter for e in made.entries if e.grade_carbon}
        assert graded == {"330105A001": "D"}

    @pytest.mark.parametrize("name", load_schemes())
    @pytest.mark.parametrize("lang", ["zh", "en"])
    def test_every_scheme_explains_its_letters(self, name: str, lang: Lang) -> None:
        scheme = load_schemes()[name]
        page = render_html(make(grades=scheme), lang)
        for letter, words in zip(scheme.letters, scheme.words, strict=True):
            assert f">{letter}</span>" in page
            assert words[1 if lang == "zh" else 0] in page

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [({"exempt": "N"}, "belong together"), ({"input": ""}, "a score mode needs input")],
    )
    def test_a_scheme_that_cannot_work_is_said(self, changes: dict[str, str], problem: str) -> None:
        table = load_schemes()["dec"].model_dump() | changes
        with pytest.raises(ValueError, match=problem):
            GradeScheme.model_validate(table)


def test_a_penalty_is_announced() -> None:
    base = town.judgement(
        next(iter(town.registry().buildings.values())), PERIOD, 100.0, public=True, share=1.2
    )
    made = verdict(replace(base, penalty=5360.0, penalty_unit="USD"))
    assert (made.penalty, made.penalty_unit) == (5360.0, "USD")


def test_a_row_that_is_not_confirmed_is_marked_and_no_instruction_is_printed() -> None:
    factor = Factor("X", "limit", 1.0, "kWh", "", "", "s", "single source", False)
    base = town.judgement(
        next(iter(town.registry().buildings.values())), PERIOD, 100.0, public=False, share=1.2
    )
    from rules.quota import unconfirmed

    told = Text("Cooling ran.", "空调未关。")
    made = verdict(
        replace(base, factors=(factor,), reasons=(unconfirmed(factor.id, factor.confidence), told))
    )
    assert (made.official, made.reasons) == (False, (told,))
    name = Factor(
        "single_source_guide", "scheme", 0.0, "", "", "", "", "", False, name=Words("Guide", "指南")
    )
    assert standard_of(replace(base, factors=(name,))).name == Text("Guide", "指南")
