"""Portfolio and Region: many buildings side by side: where they are, what they use, who nears the limit."""

from __future__ import annotations

from dashboards.boards import fields as f
from dashboards.boards import panels as p
from dashboards.boards.board import Board, board_link
from dashboards.boards.influx import InfluxQuery, rows, series
from dashboards.boards.queries import (
    QUOTA,
    SCOPE,
    TOTAL,
    ZONE,
    building_columns,
    facts,
    region_variable,
    schemes_variable,
    span_variable,
    type_variable,
)
from dashboards.boards.tables import Column, grid, places
from dashboards.boards.words import (
    AREA,
    BASES,
    BASIS,
    CARRIERS,
    COVERAGE,
    COVERAGES,
    ENERGY,
    EUI,
    EXPECTED,
    GREEN,
    LEVELS,
    LIMIT,
    NAME,
    QUOTA_SHARES,
    RED,
    USED,
    Lang,
    Text,
)

ENERGY_BASIS = "\"basis\" = '${basis}'"
CARBON_BASIS = "\"basis\" = 'carbon_kgco2'"
AREAS = f'SELECT last("area_m2") AS "area" FROM "building" WHERE {SCOPE} GROUP BY "building"'


def _variables(board: Board) -> None:
    region_variable(board)
    type_variable(board)
    schemes_variable(board)
    board.fixed_variable("basis", BASIS, [(key, BASES[key]) for key in ("energy_kwh", "energy_kgce")])
    span_variable(board)


def _figures(board: Board) -> None:
    lang = board.lang
    energy = f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    over = (
        'SELECT count("share") FROM (SELECT max("share") AS "share" FROM '
        f'(SELECT last("share") AS "share" FROM "quota" WHERE $timeFilter AND {QUOTA} '
        'GROUP BY "building", "scheme", "basis") GROUP BY "building") WHERE "share" > 1'
    )
    covered = f'SELECT mean("coverage") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    buildings = series(f'SELECT count("area") FROM ({AREAS})')
    board.add(p.tally(lang, Text("建筑数", "Buildings"), buildings, unit=f.COUNT), 4, 4)
    area = series(f'SELECT sum("area") FROM ({AREAS})')
    board.add(p.figure(lang, AREA, area, unit=f.AREA_UNIT, decimals=0), 5, 4)
    board.add(p.figure(lang, Text("用电量", "Electricity"), series(energy), unit=f.KWH), 5, 4)
    title = Text("超定额建筑", "Over quota")
    about = Text("任一口径的最近判定超过定额。", "By the newest judgement on any basis.")
    steps: f.Steps = ((None, GREEN), (1, RED))
    board.add(p.tally(lang, title, series(over), unit=f.COUNT, steps=steps, about=about), 5, 4)
    board.add(p.figure(lang, COVERAGE, series(covered), unit=f.PERCENT, steps=COVERAGES, decimals=1), 5, 4)


def _league(board: Board) -> None:
    lang = board.lang
    energy = rows(
        f'SELECT sum("energy") AS "energy", mean("coverage") AS "coverage" FROM "energy_daily" '
        f'WHERE $timeFilter AND {TOTAL} AND {SCOPE} GROUP BY "building"'
    )
    columns = [
        *building_columns(lang),
        Column("eui", EUI, f.EUI_UNIT, decimals=1),
        Column("energy", ENERGY, f.KWH),
        Column("area", AREA, f.AREA_UNIT, decimals=0),
        Column("coverage", COVERAGE, f.PERCENT, decimals=1, steps=COVERAGES),
    ]
    title = Text("各建筑用电强度", "Electricity use intensity by building")
    about = Text(
        "所选时段内用电量除以建筑面积；不同时段长度不可直接比较。",
        "Electricity of the chosen time range over floor area; ranges of different length do not compare.",
    )
    panel = grid(
        lang,
        title,
        energy,
        facts(lang, "B", 'last("area_m2") AS "area"'),
        columns=columns,
        join="building",
        divide=("energy", "area", "eui"),
        sort="eui",
        about=about,
    )
    board.add(panel, 24, 12)


def _judged(prefix: str, basis: str, ref: str) -> InfluxQuery:
    return rows(
        f'SELECT last("share") AS "{prefix}_share", "expected_share" AS "{prefix}_expected", '
        f'"level" AS "{prefix}_level" FROM "quota" WHERE $timeFilter AND {QUOTA} AND {basis} '
        'GROUP BY "building"',
        ref=ref,
    )


def _quota(board: Board) -> None:
    lang = board.lang
    columns = building_columns(lang)
    for prefix, what in (("energy", Text("用能", "Energy")), ("carbon", Text("碳排放", "Carbon"))):
        share = Text(f"{what.zh}：已用定额", f"{what.en}: share")
        expected = Text(f"{what.zh}：{EXPECTED.zh}", f"{what.en}: expected")
        level = Text(f"{what.zh}：等级", f"{what.en}: level")
        columns += [
            Column(f"{prefix}_share", share, f.PERCENT, decimals=1, steps=QUOTA_SHARES),
            Column(f"{prefix}_expected", expected, f.PERCENT, decimals=1),
            Column(f"{prefix}_level", level, words=LEVELS),
        ]
    title = Text("定额执行情况", "Where every building stands against its quotas")
    targets = (_judged("energy", ENERGY_BASIS, "A"), _judged("carbon", CARBON_BASIS, "B"), facts(lang, "C"))
    panel = grid(lang, title, *targets, columns=columns, join="building", outer=True, sort="energy_share")
    board.add(panel, 24, 10)


def portfolio(lang: Lang) -> Board:
    board = Board(
        "portfolio",
        Text("建筑群总览", "Portfolio"),
        Text("所有建筑的用能、强度、定额与数据状况。", "Use, intensity, quota and data of all buildings."),
        lang,
        since="now-30d/d",
        refresh="5m",
    )
    _variables(board)
    _figures(board)
    query = (
        f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE} '
        f"GROUP BY time(1d) fill(none) {ZONE}"
    )
    title = Text("每日用电量", "Daily electricity")
    board.add(p.lines(lang, title, series(query, title.to(lang)), unit=f.KWH, bars=True), 24, 9)
    _league(board)
    _quota(board)
    return board


def _map(board: Board) -> None:
    lang = board.lang
    share = rows(
        'SELECT max("share") AS "share" FROM (SELECT last("share") AS "share" FROM "quota" '
        f'WHERE $timeFilter AND {QUOTA} GROUP BY "building", "scheme", "basis") GROUP BY "building"',
        ref="B",
    )
    columns = [
        *building_columns(lang),
        Column("share", Text("已用定额（最高者）", "Share of quota (the highest)"), f.PERCENT, decimals=1),
    ]
    title = Text("分布与定额", "Where they stand, coloured by share of quota")
    where = facts(lang, "A", 'last("latitude") AS "latitude"', '"longitude"')
    panel = places(
        lang, title, where, share, columns=columns, join="building", color="share", steps=QUOTA_SHARES
    )
    board.add(panel, 24, 12)


def _drill_down(board: Board) -> None:
    lang = board.lang
    for key, title in (
        ("province", Text("各省", "Provinces")),
        ("city", Text("各市", "Cities")),
        ("county", Text("各区县", "Counties")),
    ):
        used = rows(
            f'SELECT sum("energy") AS "energy" FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE} '
            f'GROUP BY "{key}"'
        )
        tags = f'"{key}", "{key}_code", "{key}_{lang}"'
        there = rows(
            f'SELECT sum("area") AS "area", count("area") AS "buildings" FROM (SELECT last("area_m2") AS '
            f'"area" FROM "building" WHERE {SCOPE} GROUP BY "building", {tags}) GROUP BY {tags}',
            ref="B",
        )
        link = board_link("region", lang, region=f"${{__data.fields.{key}_code}}")
        columns = [
            Column(f"{key}_{lang}", NAME, mappings=f.without_code(), link=link),
            Column("buildings", Text("建筑数", "Buildings"), f.COUNT, width=90),
            Column("energy", ENERGY, f.KWH, width=110),
            Column("eui", EUI, f.EUI_UNIT, decimals=1),
            Column(f"{key}_code", Text("代码", "Code"), f.TEXT, width=80),
        ]
        panel = grid(
            lang,
            title,
            used,
            there,
            columns=columns,
            join=key,
            divide=("energy", "area", "eui"),
            sort="energy",
        )
        board.add(panel, 8, 9)


def _dual_control(board: Board) -> None:
    lang = board.lang
    limits = {"used": ("used_m2", USED), "limit": ("limit_m2", LIMIT)}
    for basis, what, unit, per_area in (
        (ENERGY_BASIS, Text("${basis:text}", "${basis:text}"), f.COUNT, f.NO_UNIT),
        (CARBON_BASIS, BASES["carbon_kgco2"], f.COUNT, f.CARBON_UNIT),
    ):
        newest = (
            f'SELECT last("used") AS "used", last("limit") AS "limit" FROM "quota" '
            f'WHERE $timeFilter AND {QUOTA} AND {basis} GROUP BY "building"'
        )
        total = f'SELECT sum("used") AS "{USED.to(lang)}", sum("limit") AS "{LIMIT.to(lang)}" FROM ({newest})'
        title = Text(f"总量：{what.zh}", f"Total: {what.en}")
        board.add(p.ranking(lang, title, series(total, "$col"), unit=unit, decimals=0), 6, 6)
        title = Text(f"强度：{what.zh}，每平方米", f"Intensity: {what.en} per m²")
        panel = p.intensities(
            lang,
            title,
            rows(newest),
            rows(AREAS, ref="B"),
            join="building",
            over=limits,
            under="area",
            unit=per_area,
        )
        board.add(panel, 6, 6)


def _over_time(board: Board) -> None:
    lang = board.lang
    left, plan = Text("剩余定额", "Quota left").to(lang), Text("计划剩余", "Planned to be left").to(lang)
    each = (
        'SELECT last("used") AS "used", last("limit") AS "limit", '
        'last("expected_share") * last("limit") AS "planned" FROM "quota" '
        f"WHERE $timeFilter AND {QUOTA} AND {ENERGY_BASIS} "
        f'GROUP BY time(1d), "building" fill(none) {ZONE}'
    )
    remaining = (
        f'SELECT 1 - sum("used") / sum("limit") AS "{left}", 1 - sum("planned") / sum("limit") AS "{plan}" '
        f"FROM ({each}) WHERE $timeFilter GROUP BY time(1d) fill(none) {ZONE}"
    )
    title = Text("定额剩余：${basis:text}", "Quota burn-down: ${basis:text}")
    about = Text(
        "所选建筑定额合计的剩余比例。", "Share that is left of the chosen buildings' quotas together."
    )
    steps: f.Steps = ((None, RED), (0, GREEN))
    query = series(remaining, "$col")
    board.add(p.lines(lang, title, query, unit=f.PERCENT, steps=steps, about=about), 12, 8)
    carriers = (
        'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter '
        f'AND "item" = \'total\' AND {SCOPE} GROUP BY time(1d), "carrier" fill(none) {ZONE}'
    )
    title = Text("各能源每日用量", "Daily use by carrier")
    panel = p.lines(
        lang,
        title,
        series(carriers, "$tag_carrier"),
        unit=f.KWH,
        names=CARRIERS,
        units=f.CARRIER_UNITS,
    )
    board.add(panel, 12, 8)


def region(lang: Lang) -> Board:
    board = Board(
        "region",
        Text("地区", "Region"),
        Text("省、市、区县到单体建筑的逐级查看。", "Province to city to county to building."),
        lang,
        since="now-30d/d",
        refresh="15m",
    )
    _variables(board)
    _figures(board)
    _map(board)
    board.row(Text("省、市、区县到建筑", "Province, city, county, building"))
    _drill_down(board)
    _league(board)
    board.row(Text("总量与强度双控", "Dual control: totals and intensities"))
    _dual_control(board)
    _over_time(board)
    _quota(board)
    return board
