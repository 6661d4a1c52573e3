"""Statistics workbook and audit pack from a real SQLite store."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
import town
from announced_town import options

from collector.model import DailyRow
from collector.sqlite_store import SqliteStore
from dashboards.announce.build import COVERAGE_LIMIT
from dashboards.announce.collect import collect
from dashboards.audit.baseline import baseline, degree_days
from dashboards.audit.build import Audit, audit
from dashboards.audit.html import items_of, parts_of, render_html
from dashboards.audit.unusual import gaps, unusual
from dashboards.audit.xlsx import render_xlsx
from dashboards.files import write_whole
from dashboards.statistics import Measured, measure, statistics
from drivers.errors import BeaconError
from rules.config import Rules, build
from rules.period import Period
from rules.runner import judge_many

NOW = 1_793_500_000_000  # 1 November 2026
MONTH = Period.parse("2026-10")
MADE_ON = date(2026, 11, 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path_factory.mktemp("statistics") / "store.sqlite")
    for building in town.registry().buildings.values():
        made.write_daily(list(town.daily(building, date(2025, 9, 1), date(2026, 10, 31))))
    yield made
    made.close()


@pytest.fixture(scope="module")
def rules() -> Rules:
    return build({}, Path("rules.toml"), town.registry())


@pytest.fixture(scope="module")
def measured(store: SqliteStore, rules: Rules) -> list[Measured]:
    return measure(store, town.registry(), rules, MONTH, "33", NOW)


@pytest.fixture(scope="module")
def october_audit(store: SqliteStore, rules: Rules) -> Audit:
    return audit(store, town.registry(), rules, "330105C001", MONTH, NOW)


def sheet(data: bytes, name: str) -> list[dict[str, object]]:
    rows = list(openpyxl.load_workbook(io.BytesIO(data))[name].iter_rows(values_only=True))
    return [dict(zip((str(head) for head in rows[0]), row, strict=True)) for row in rows[1:]]


def test_sums_of_every_sheet_agree(measured: list[Measured]) -> None:
    data = statistics(measured, town.registry(), MONTH, "33", "en", MADE_ON)
    total = sum(each.whole.kwh for each in measured)

    def column(name: str) -> list[float]:
        return [float(str(row["Final energy kWh"] or 0)) for row in sheet(data, name)]

    assert sum(column("Buildings")) == pytest.approx(total)
    assert sum(column("Carriers")) == pytest.approx(total)
    for name in ("Types", "Months"):
        assert [sum(column(name)[:-1]), column(name)[-1]] == pytest.approx([total, total]), name
    regions = sheet(data, "Regions")
    plain = [row for row in regions if row["Type"] != "All types"]
    assert sum(float(str(row["Final energy kWh"])) for row in plain) == pytest.approx(total)
    assert regions[-1]["Region"] == "Total"
    assert [regions[-1][head] for head in ("Buildings", "With data")] == [30, 29]
    items = sum(float(str(row["kWh"])) for row in sheet(data, "Items"))
    assert items == pytest.approx(sum(each.whole.electricity_kwh for each in measured), rel=1e-6)


def test_buildings_without_data_are_listed_empty(measured: list[Measured]) -> None:
    rows = sheet(statistics(measured, town.registry(), MONTH, "33", "zh", MADE_ON), "分建筑")
    assert len(rows) == 30
    empty = next(row for row in rows if row["编号"] == town.EMPTY)
    assert empty["电 kWh"] is None


def test_a_period_that_has_not_begun_is_said(store: SqliteStore, rules: Rules) -> None:
    with pytest.raises(BeaconError, match="has no whole day yet"):
        measure(store, town.registry(), rules, Period.parse("2027"), "33", NOW)


def test_a_period_without_data_is_said(store: SqliteStore, rules: Rules) -> None:
    with pytest.raises(BeaconError, match="no energy of any building"):
        measure(store, town.registry(), rules, Period.parse("2024"), "33", NOW)


def test_announcing_from_the_store(store: SqliteStore, rules: Rules) -> None:
    seen: list[tuple[int, int]] = []
    made = collect(
        store, town.registry(), rules, MONTH, "33", options(), NOW, lambda done, of: seen.append((done, of))
    )
    assert made.totals.counted == 28
    assert made.method.coverage_limit == COVERAGE_LIMIT
    assert made.totals.change_eui == pytest.approx(1 / 1.04 - 1, abs=0.0005)
    assert seen == [(30, 30)]


def test_an_announcement_judges_as_the_rules_do(tmp_path: Path) -> None:
    """The announcement reads sums and whole carriers only; the rules read every day of every item."""
    extra = [
        DailyRow("330105C001", "electricity", item, MONTH.first + timedelta(days=n), kwh, 1.0, 0.0)
        for n in range(31)
        for item, kwh in (("pv", 40.0 + n), ("export", 5.0), ("grid", 900.0), ("total", 935.0 + n))
    ]
    budgets = [
        {"basis": "energy_kgce", "limit": 12.0, "per": "area"},
        {"basis": "carbon_kgco2", "limit": 50.0, "per": "area"},
        {"basis": "carbon_kgco2", "limit": 4.0, "per": "area", "period": "month"},
    ]
    registry = town.registry()
    rules = build({"budget": budgets}, Path("rules.toml"), registry)
    store = SqliteStore(tmp_path / "store.sqlite")
    for building in registry.buildings.values():
        store.write_daily(list(town.daily(building, date(2026, 7, 1), date(2026, 10, 31))))
    store.write_daily(extra)
    made = collect(store, registry, rules, MONTH, "33", options(named=True), NOW)
    judged = {
        (each.building, each.basis, str(each.period)): each
        for each in judge_many(store, list(registry.buildings.values()), rules, NOW)
        if each.period in {MONTH, Period(2026)}
    }
    store.close()
    compared = 0
    for entry in made.entries:
        for verdict in entry.verdicts if entry.building else ():
            expected = judged[entry.building, verdict.basis, verdict.period]
            assert verdict.used == pytest.approx(expected.used)
            assert verdict.share == pytest.approx(expected.share)
            assert verdict.level is expected.level
            if expected.forecast and expected.limit:
                assert verdict.forecast_share == pytest.approx(expected.forecast.total / expected.limit)
                assert verdict.expected_share == pytest.approx(expected.forecast.expected_share)
            compared += 1
    assert compared >= 3 * 15
    assert any(entry.building == "330105C001" for entry in made.entries)


@pytest.mark.parametrize(
    ("period", "message"),
    [("2026-11", "is not over"), ("2026", "is not over"), ("2024-05", "no energy of any")],
)
def test_a_wrong_period_is_not_announced(store: SqliteStore, rules: Rules, period: str, message: str) -> None:
    with pytest.raises(BeaconError, match=message):
        collect(store, town.registry(), rules, Period.parse(period), "33", options(), NOW)


class TestAudit:
    def test_months_and_days_are_those_of_the_store(self, october_audit: Audit) -> None:
        assert [str(account.period) for account in october_audit.months] == ["2026-10"]
        assert len(october_audit.days) == 31
        assert sum(row.energy for row in october_audit.days) == pytest.approx(
            october_audit.account.electricity_kwh
        )
        assert october_audit.change_kwh == pytest.approx(1 / 1.04 - 1)

    @pytest.mark.parametrize("lang", ["zh", "en"])
    def test_page_asks_for_nothing_and_says_the_figures(self, october_audit: Audit, lang: str) -> None:
        html = render_html(october_audit, "zh" if lang == "zh" else "en")
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", html)
        assert f"{october_audit.account.kwh / 1000:,.0f}" in html
        if lang == "en":
            assert set(re.findall(r"[一-鿿]+", html)) == {"某业主"}

    def test_workbook_agrees(self, october_audit: Audit) -> None:
        rows = sheet(render_xlsx(october_audit, "en"), "Month")
        assert rows[0]["Final energy kWh"] == pytest.approx(october_audit.account.kwh)
        assert rows[0]["Without item kWh"] == pytest.approx(0, abs=1e-6)

    def test_chinese_page_says_nothing_in_english(self, october_audit: Audit) -> None:
        text = re.sub(r"<style.*?</style>|<[^>]+>", " ", render_html(october_audit, "zh"), flags=re.S)
        units = "kW|kWh|MWh|kgce|tce|kgCO|tCO|HDD|CDD|MAD|RMSE|CV|SPF|EU|Beacon|main|test|Ltd"
        rows = "ELEC|CAL|HEAT|NG|OIL|HV|JST|ZJ|CN|MyEMS|GB|JS|MJ"
        words = set(re.findall(r"[A-Za-z]{2,}", re.sub(r"330105C001|[a-f0-9]{12}", "", text)))
        assert {each for each in words if not re.fullmatch(f"{units}|{rows}", each)} == set()

    def test_parts_of_an_item_count_with_it(self, october_audit: Audit) -> None:
        """Items exclude each other: what a chiller's meter has is not in all air conditioning as well."""
        items = {"01A00": 10.0, "01B00": 5.0, "01B1C": 30.0}
        split = replace(october_audit.account, items=items, electricity_kwh=50.0)
        tops = ["01A00", "01B00"]
        assert parts_of(split, tops) == [10.0, 35.0, 5.0]
        made = replace(
            october_audit, compared=tuple(replace(each, account=split) for each in october_audit.compared)
        )
        assert items_of(made) == tops

    def test_hints_follow_from_the_readings(self, october_audit: Audit) -> None:
        base = sum(row.base_kw or 0 for row in october_audit.days) / 31
        saved = [hint.kwh_a for hint in october_audit.hints]
        assert saved[0] == pytest.approx(0.1 * base * 8760)

    def test_unknown_building_is_said(self, store: SqliteStore, rules: Rules) -> None:
        with pytest.raises(BeaconError, match="no building 999999A001"):
            audit(store, town.registry(), rules, "999999A001", MONTH, NOW)


class TestBaseline:
    FIRST = date(2026, 10, 1)

    def outdoor(self) -> dict[date, float]:
        start = date(2025, 9, 1)
        return {
            start + timedelta(days=n): 17 - 12 * math.cos(2 * math.pi * (n + 240) / 365) for n in range(430)
        }

    def rows(self, first: date, count: int, grown: float = 1.0) -> list[DailyRow]:
        """1,000 kWh, 300 less at weekends, 20 a degree below 16 °C, 50 a degree above 24 °C."""
        made = []
        for day in (first + timedelta(days=n) for n in range(count)):
            t = self.outdoor()[day]
            kwh = 1000 - 300 * (day.weekday() >= 5) + 20 * max(16 - t, 0) + 50 * max(t - 24, 0)
            made.append(DailyRow("b", "electricity", "total", day, kwh * grown, 1.0, 0.0))
        return made

    def test_weather_and_weekends_are_taken_out(self) -> None:
        before = self.rows(self.FIRST - timedelta(days=365), 365)
        made = baseline(before, self.rows(self.FIRST, 31, 1.1), self.outdoor(), self.FIRST)
        assert made is not None
        assert (made.days, made.compared) == (365, 31)
        assert (made.base_kwh, made.weekend_kwh) == pytest.approx((1000, -300))
        assert made.heating == pytest.approx((16, 20))
        assert made.cooling == pytest.approx((24, 50))
        assert (made.r2, made.change) == pytest.approx((1, 0.1))

    def test_too_few_days_or_temperatures_make_none(self) -> None:
        before = self.rows(self.FIRST - timedelta(days=365), 365)
        now = self.rows(self.FIRST, 31)
        assert baseline(before[38:], now, self.outdoor(), self.FIRST) is None
        assert baseline(before[37:], now, self.outdoor(), self.FIRST) is not None
        assert baseline(before, now, {}, self.FIRST) is None
        assert baseline(before, [], self.outdoor(), self.FIRST) is None

    def test_degree_days_need_every_temperature(self) -> None:
        outdoor = {self.FIRST: 10.0, self.FIRST + timedelta(days=1): 28.5}
        assert degree_days(outdoor, self.FIRST, self.FIRST + timedelta(days=1)) == (8.0, 2.5)
        assert degree_days(outdoor, self.FIRST, self.FIRST + timedelta(days=2)) is None


def days(energies: list[float], coverage: float = 1.0) -> list[DailyRow]:
    first = date(2026, 3, 2)
    return [
        DailyRow("b", "electricity", "total", first + timedelta(days=index), energy, coverage, 0.0)
        for index, energy in enumerate(energies)
    ]


def test_a_day_far_from_its_weekdays_is_unusual_and_its_twin_is_not() -> None:
    calm = [100.0 + index % 7 for index in range(56)]
    assert list(unusual(days(calm))) == []
    wild = [*calm]
    wild[30] = 180.0
    found = list(unusual(days(wild)))
    assert [(each.day, each.kwh, each.expected) for each in found] == [(date(2026, 4, 1), 180.0, 102.0)]


def test_gaps_are_runs_of_days_and_missing_rows_count_as_nothing() -> None:
    rows = days([1.0] * 10)
    del rows[3:5]
    found = list(gaps(rows, date(2026, 3, 2), date(2026, 3, 11)))
    assert [(gap.first, gap.last, gap.coverage) for gap in found] == [
        (date(2026, 3, 5), date(2026, 3, 6), 0.0)
    ]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(BeaconError, match="cannot be written"):
        write_whole(tmp_path / "file" / "report.xlsx", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
