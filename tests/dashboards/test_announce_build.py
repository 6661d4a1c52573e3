"""What an announcement says: who counts, who ranks where, what is hidden, what is official."""

from __future__ import annotations

from dataclasses import replace

import pytest
import town
from announced_town import accounts, make, options

from dashboards.announce.build import build, in_region
from dashboards.announce.grades import GradeScheme, Peers, Step, grade, load_schemes
from dashboards.announce.html import render_html
from dashboards.announce.model import Announcement
from drivers.errors import BeaconError, ConfigError
from rules.period import Period


def test_buildings_below_the_coverage_limit_are_listed_not_counted(october: Announcement) -> None:
    assert {left.building or left.code for left in october.insufficient} >= {town.SPARSE}
    reasons = {left.reason.en for left in october.insufficient}
    assert reasons == {"data coverage 35.1%, below 75%", "no readings in this period"}
    assert town.SPARSE not in {entry.building for entry in october.entries}
    assert october.totals.listed == 30
    assert october.totals.counted == 28 == len(october.entries)


def test_a_lower_limit_counts_the_sparse_building() -> None:
    assert make(coverage_limit=0.3).totals.counted == 29


@pytest.fixture(scope="module")
def open_town() -> Announcement:
    """October of the town with every building named."""
    return make(everybody=True)


def test_totals_are_sums_of_the_accounts(open_town: Announcement) -> None:
    counted = [account for account in accounts(Period.parse("2026-10")).values() if account.coverage >= 0.75]
    assert open_town.totals.kwh == pytest.approx(sum(account.kwh for account in counted))
    assert open_town.totals.kgco2 == pytest.approx(sum(account.kgco2 for account in counted))
    area = sum(account.area_m2 or 0 for account in counted)
    assert open_town.totals.eui == pytest.approx(open_town.totals.kwh / area)
    assert sum(group.kwh for group in open_town.types) == pytest.approx(open_town.totals.kwh)


def test_ranks_follow_intensity_within_the_type(open_town: Announcement) -> None:
    for group in open_town.types:
        intensities = [entry.eui for entry in group.entries]
        assert intensities == sorted(intensities)
        assert group.entries[0].rank_energy == 1
        by_carbon = sorted(group.entries, key=lambda entry: entry.kgco2_m2)
        assert by_carbon[0].rank_carbon == 1


def test_change_on_the_year_is_that_of_the_same_month(open_town: Announcement) -> None:
    # The town used 4 % more in odd years.
    assert open_town.totals.change_eui == pytest.approx(1 / 1.04 - 1)
    assert all(entry.change_eui == pytest.approx(1 / 1.04 - 1) for entry in open_town.entries)


def test_a_poorly_covered_year_before_gives_no_change() -> None:
    announcement = make(coverage_limit=0.3)
    sparse = next(entry for entry in announcement.entries if entry.building == town.SPARSE)
    assert sparse.change_eui is not None
    assert make(coverage_limit=0.999).totals.counted == 0


def test_unnamed_buildings_show_no_fact_that_can_be_looked_up(october: Announcement) -> None:
    hidden = [entry for entry in october.entries if not entry.building]
    assert len(hidden) == 9
    for entry in hidden:
        assert entry.code.isdigit()
        facts = (entry.kwh, entry.kgco2, entry.owner, entry.year_built, entry.area_m2, entry.uses)
        assert facts == (None, None, "", None, None, ())
        assert entry.eui == round(entry.eui, 1)
        assert all((v.used, v.limit, v.value, v.limit_value) == (None,) * 4 for v in entry.verdicts)
        assert entry.name.zh == f"建筑 {entry.code}"


def test_anonymised_names_nobody_and_counts_the_same(october: Announcement) -> None:
    anonymous = make(named=False)
    assert not any(entry.building for entry in anonymous.entries)
    assert not any(left.building for left in anonymous.insufficient)
    assert anonymous.totals == october.totals


def test_rare_unnamed_buildings_stand_together_without_type_rank_and_share(october: Announcement) -> None:
    """Each type has two unnamed buildings: that there are two hotels would tell which they are."""
    by_type = {group.type: group for group in october.types}
    assert all(
        entry.building for kind, group in by_type.items() if kind != "other" for entry in group.entries
    )
    pool = by_type["other"].entries
    assert [entry.building for entry in pool] == [""] * 9
    for entry in pool:
        assert (entry.rank_energy, entry.rank_carbon, entry.grade_energy) == (None, None, None)
        assert [v.share for v in entry.verdicts] == [None]
    assert any(entry.over for entry in pool), "that a building is over its quota is said all the same"
    hotels = by_type["hotel"].entries
    assert [entry.rank_energy for entry in hotels] == [1, 2, 3, 3]  # two have the same figures


def test_what_is_left_when_the_named_are_taken_away_is_no_amount(
    october: Announcement, open_town: Announcement
) -> None:
    """Sums less the named ones are off by the size of a building, in area, energy, carbon and electricity."""
    hidden = {e.building for e in open_town.entries} - {e.building for e in october.entries}
    exact = [entry for entry in open_town.entries if entry.building in hidden]
    for name in ("area_m2", "kwh", "kgco2", "kgce", "electricity_kwh"):
        said = getattr(october.totals, name)
        mean = getattr(open_town.totals, name) / 28
        assert said != pytest.approx(getattr(open_town.totals, name), rel=1e-9)
        assert said % 10 ** (len(str(int(mean))) - 1) == pytest.approx(0)
    pool = next(group for group in october.types if group.type == "other")
    assert pool.kwh != pytest.approx(sum(entry.kwh or 0 for entry in exact), rel=1e-6)
    assert pool.kwh == pytest.approx(sum(entry.kwh or 0 for entry in exact), rel=0.1)


def test_two_unnamed_buildings_in_all_are_neither_counted_nor_listed() -> None:
    few = make(region="330106", hidden=("330106A002", "330106C001"))
    assert few.withheld == 2
    assert few.totals.counted == 7  # ten, less two unnamed and one without enough data
    assert all(entry.building for entry in few.entries)
    assert "另有 2 栋建筑不公布名称" in render_html(few, "zh")


def test_a_region_of_which_nothing_may_be_said_is_not_announced() -> None:
    period = Period.parse("2026-10")
    two = dict(list(accounts(period).items())[:2])
    with pytest.raises(BeaconError, match="only 2 with enough data, none of which may be named"):
        build(town.registry(), "33", period, two, {}, [], options(named=False))


def test_unnamed_buildings_without_enough_data_stand_last_without_type() -> None:
    left = make(named=False, coverage_limit=0.992).insufficient
    assert len(left) > 3
    assert {(each.building, each.type, each.county.zh) for each in left} == {("", "", "")}
    assert [each.coverage for each in left] == sorted(each.coverage for each in left)
    assert [each.code for each in left] == sorted(each.code for each in left)


def test_codes_do_not_follow_the_order_of_ids() -> None:
    named, anonymous = make(), make(named=False)
    ids = [entry.building for entry in named.entries if entry.building]
    assert ids != sorted(ids)
    assert [entry.code for entry in anonymous.entries] == [f"{n:04d}" for n in range(1, 29)]


def test_over_quota_is_listed_worst_first_and_marked_if_unconfirmed() -> None:
    announcement = make(everybody=True)
    shares = [max(v.share or 0 for v in entry.over) for entry in announcement.over]
    assert shares == sorted(shares, reverse=True)
    assert min(shares) > 1
    assert announcement.totals.over == len(announcement.over) == len(make().over) == 6
    assert announcement.totals.over_official == 6
    assert not announcement.official  # some verdicts that are shown rest on a single source


def test_chains_are_shown_of_the_named_only() -> None:
    announcement = make()
    chained = [v for entry in announcement.over for v in entry.over if entry.building]
    assert all(verdict.chain for verdict in chained)
    last = chained[0].chain[-1]
    assert last.name.zh != ""
    page = render_html(announcement, "zh")
    assert "超定额建筑评价过程" in page
    assert chained[0].chain[0].formula.zh.split()[0] in page
    hidden = make(named=False)
    assert not any(v.chain for entry in hidden.over for v in entry.verdicts)
    assert "<h4>" not in render_html(hidden, "en")


def test_an_unconfirmed_limit_is_never_counted_as_official() -> None:
    announcement = make()
    unofficial = [replace(v, official=False) for entry in announcement.over for v in entry.over]
    assert all(not verdict.official for verdict in unofficial)
    assert any(
        factor.id == "JS-TEST-LIMIT" and not factor.confirmed for factor in announcement.method.factors
    )


@pytest.mark.parametrize(
    ("region", "count"), [("33", 30), ("330000", 30), ("3305", 10), ("330500", 10), ("330106", 10)]
)
def test_region_is_a_prefix_of_ids(region: str, count: int) -> None:
    assert len(in_region(town.registry(), region)) == count


@pytest.mark.parametrize("region", ["", "3", "330", "zj", "3301051"])
def test_a_region_that_is_none_is_said(region: str) -> None:
    with pytest.raises(BeaconError, match="is not a region"):
        in_region(town.registry(), region)


def test_an_empty_region_is_said_with_those_that_are_not() -> None:
    with pytest.raises(BeaconError, match=r"no building there, but in 3301, 3305"):
        in_region(town.registry(), "4401")


class TestGrades:
    def test_shipped_schemes_load(self) -> None:
        assert load_schemes().keys() == {"a_to_e", "a_to_e_percentile", "zhejiang_industry", "ll33", "dec"}

    @pytest.mark.parametrize(
        ("score", "letter"), [(100, "A"), (85, "A"), (84.9, "B"), (70, "B"), (55, "C"), (54, "D")]
    )
    def test_ll33_letters(self, score: float, letter: str) -> None:
        made = grade(load_schemes()["ll33"], 10.0, Peers([10.0]), score=score)
        assert made is not None
        assert made.letter == letter

    def test_ll33_without_a_score_is_f(self) -> None:
        made = grade(load_schemes()["ll33"], 10.0, Peers([10.0]))
        assert made is not None
        assert made.letter == "F"

    @pytest.mark.parametrize(
        ("rating", "letter"), [(0, "A"), (25, "A"), (26, "B"), (100, "D"), (101, "E"), (151, "G")]
    )
    def test_dec_bands(self, rating: float, letter: str) -> None:
        made = grade(load_schemes()["dec"], 10.0, Peers([10.0]), score=rating)
        assert made is not None
        assert made.letter == letter

    def test_percentile_splits_ten_peers_in_fifths(self) -> None:
        peers = Peers([float(n) for n in range(10)])
        letters = [grade(load_schemes()["a_to_e_percentile"], value, peers) for value in peers.values]
        assert "".join(each.letter for each in letters if each) == "AAABBCCDDE"

    def test_few_peers_fall_back_to_the_quota(self) -> None:
        scheme = load_schemes()["a_to_e"]
        few = grade(scheme, 10.0, Peers([10.0, 20.0]), share=1.1)
        assert few is not None
        assert (few.letter, few.mode) == ("D", "ratio_to_limit")
        assert grade(scheme, 10.0, Peers([10.0, 20.0])) is None
        many = grade(scheme, 10.0, Peers([10.0, 20.0, 20.0, 20.0, 20.0]), share=1.1)
        assert many is not None
        assert (many.letter, many.mode) == ("A", "ratio_to_mean")

    def test_bad_schemes_are_all_told_at_once(self, tmp_path: object) -> None:
        from pathlib import Path

        path = Path(str(tmp_path)) / "own.toml"
        path.write_text(
            'colour = 1\n[x]\nname = ["a", "b"]\nletters = ["A", "B"]\nwords = [["a", "b"], ["c", "d"]]\n'
            'source = ""\nsource_zh = ""\nconfirmed = false\n'
            '[[x.step]]\nmode = "percentile"\nedges = [0.4, 0.2]\n'
        )
        with pytest.raises(ConfigError) as error:
            load_schemes(path)
        assert {problem.key for problem in error.value.problems} >= {"colour", "x.step.0"}

    def test_edges_and_letters_must_fit(self) -> None:
        with pytest.raises(ValueError, match="3 letters need 2 edges"):
            GradeScheme(
                name=("a", "b"),
                letters=("A", "B", "C"),
                words=(("a", "b"),) * 3,
                source="",
                source_zh="",
                confirmed=False,
                step=(Step(mode="percentile", edges=(0.5,)),),
            )
