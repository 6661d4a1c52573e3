"""Portfolio and Region: many buildings side by side: where they are, what they use, who nears the limit."""

from __future__ import annotations

from dashboards.boards import panels as p
from dashboards.boards.board import Board, board_link
from dashboards.boards.influx import rows, series
from dashboards.boards.queries import SCOPE, daily, region_variable, type_variable
from dashboards.boards.words import (
    AREA,
    BASES,
    BUILDING,
    COVERAGE,
    ENERGY,
    EUI,
    EXPECTED,
    GREEN,
    LEVEL,
    LEVELS,
    LIMIT,
    NAME,
    ORANGE,
    PERIOD,
    RED,
    SHARE,
    TYPE,
    TYPES,
    USED,
    Lang,
    Text,
)

SHARES: p.Steps = ((None, GREEN), (0.9, ORANGE), (1.0, RED))
COVERAGES: p.Steps = ((None, RED), (0.75, ORANGE), (0.95, GREEN))
OF_TYPE = '"type" =~ /^${type:regex}$/'
TOTAL = daily("electricity")


def _figures(board: Board) -> None:
    lang = board.lang
    energy = f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    buildings = (
        f'SELECT count("area") FROM (SELECT last("area_m2") AS "area" FROM "building" '
        f'WHERE {SCOPE} GROUP BY "building")'
    )
    area = (
        f'SELECT sum("area") FROM (SELECT last("area_m2") AS "area" FROM "building" '
        f'WHERE {SCOPE} GROUP BY "building")'
    )
    over = (
        f'SELECT count("share") FROM (SELECT last("share") AS "share" FROM "quota" '
        f'WHERE $timeFilter AND {SCOPE} GROUP BY "building") WHERE "share" > 1'
    )
    covered = f'SELECT mean("coverage") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    board.add(p.figure(lang, Text("建筑数", "Buildings"), series(buildings), unit=p.COUNT), 4, 4)
    board.add(p.figure(lang, AREA, series(area), unit=p.AREA_UNIT, decimals=0), 5, 4)
    board.add(p.figure(lang, Text("用电量", "Electricity"), series(energy), unit=p.KWH), 5, 4)
    board.add(
        p.figure(
            lang,
            Text("超定额建筑", "Over quota"),
            series(over),
            unit=p.COUNT,
            steps=((None, GREEN), (1, RED)),
        ),
        5,
        4,
    )
    board.add(p.figure(lang, COVERAGE, series(covered), unit=p.PERCENT, steps=COVERAGES, decimals=1), 5, 4)


def _league(board: Board) -> None:
    lang = board.lang
    energy = rows(
        f'SELECT sum("energy") AS "energy", mean("coverage") AS "coverage" FROM "energy_daily" '
        f'WHERE $timeFilter AND {TOTAL} AND {SCOPE} GROUP BY "building"'
    )
    facts = rows(
        f'SELECT last("area_m2") AS "area" FROM "building" WHERE {SCOPE} AND {OF_TYPE} '
        f'GROUP BY "building", "name_{lang}", "type"',
        ref="B",
    )
    link = board_link("building", lang, building="${__data.fields.building}")
    columns = [
        p.Column("building", BUILDING, link=link, width=120),
        p.Column(f"name_{lang}", NAME, link=link, width=240),
        p.Column("type", TYPE, plain=TYPES, width=140),
        p.Column("eui", EUI, p.EUI_UNIT, decimals=1, bar=True),
        p.Column("energy", ENERGY, p.KWH),
        p.Column("area", AREA, p.AREA_UNIT, decimals=0),
        p.Column("coverage", COVERAGE, p.PERCENT, decimals=1, steps=COVERAGES),
    ]
    title = Text("各建筑用电强度", "Electricity use intensity by building")
    about = Text(
        "所选时段内用电量除以建筑面积；不同时段长度不可直接比较。",
        "Electricity of the chosen time range over floor area; ranges of different length do not compare.",
    )
    panel = p.grid(
        lang,
        title,
        energy,
        facts,
        columns=columns,
        join="building",
        divide=("energy", "area", "eui"),
        sort="eui",
        about=about,
    )
    board.add(panel, 24, 12)


def _quota(board: Board, width: int, height: int) -> None:
    lang = board.lang
    query = rows(
        'SELECT last("share") AS "share", "expected_share", "level" FROM "quota" '
        f'WHERE $timeFilter AND {SCOPE} GROUP BY "building", "basis", "period"'
    )
    link = board_link("building", lang, building="${__data.fields.building}")
    columns = [
        p.Column("building", BUILDING, link=link),
        p.Column("basis", Text("口径", "Basis"), plain=BASES),
        p.Column("period", PERIOD),
        p.Column("share", SHARE, p.PERCENT, decimals=1, steps=SHARES),
        p.Column("expected_share", EXPECTED, p.PERCENT, decimals=1),
        p.Column("level", LEVEL, words=LEVELS),
    ]
    title = Text("定额执行情况", "Where every building stands against its quota")
    board.add(p.grid(lang, title, query, columns=columns, sort="share"), width, height)


def _trend(board: Board, width: int) -> None:
    lang = board.lang
    query = (
        f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE} '
        "GROUP BY time(1d), \"city\" fill(none) tz('Asia/Shanghai')"
    )
    title = Text("每日用电量（按城市）", "Daily electricity by city")
    board.add(p.lines(lang, title, series(query, "$tag_city"), unit=p.KWH, bars=True, stacked=True), width, 9)


def portfolio(lang: Lang) -> Board:
    board = Board(
        "portfolio",
        Text("建筑群总览", "Portfolio"),
        Text("所有建筑的用能、强度、定额与数据状况。", "Use, intensity, quota and data of all buildings."),
        lang,
        since="now-30d/d",
        refresh="5m",
    )
    region_variable(board)
    type_variable(board)
    _figures(board)
    _trend(board, 24)
    _league(board)
    _quota(board, 24, 10)
    return board


def _map(board: Board) -> None:
    lang = board.lang
    where = rows(
        'SELECT last("latitude") AS "latitude", "longitude" FROM "building" '
        f'WHERE {SCOPE} AND {OF_TYPE} GROUP BY "building", "name_{lang}"'
    )
    share = rows(
        f'SELECT last("share") AS "share" FROM "quota" WHERE $timeFilter AND {SCOPE} GROUP BY "building"',
        ref="B",
    )
    title = Text("分布与定额", "Where they stand, coloured by share of quota")
    board.add(p.places(lang, title, where, share, join="building", steps=SHARES, size="share"), 12, 12)


def _drill_down(board: Board) -> None:
    lang = board.lang
    for key, title, shown in (
        ("city", Text("各市用电量", "Electricity by city"), "city"),
        ("county", Text("各区县用电量", "Electricity by county"), "county"),
    ):
        query = (
            f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE} '
            f'GROUP BY "{key}"'
        )
        board.add(p.ranking(lang, title, series(query, f"$tag_{shown}"), unit=p.KWH), 6, 12)


def _dual_control(board: Board) -> None:
    lang = board.lang
    for basis, title, unit in (
        ("energy_kwh", Text("用能总量与限额", "Energy: used and limit"), p.KWH),
        ("carbon_kgco2", Text("碳排放总量与限额", "Carbon: used and limit"), "suffix: kgCO₂"),
    ):
        query = (
            f'SELECT sum("used") AS "{USED.to(lang)}", sum("limit") AS "{LIMIT.to(lang)}" FROM '
            '(SELECT last("used") AS "used", last("limit") AS "limit" FROM "quota" '
            f'WHERE $timeFilter AND {SCOPE} AND "basis" = \'{basis}\' GROUP BY "building", "period")'
        )
        board.add(p.ranking(lang, title, series(query, "$col"), unit=unit), 6, 6)
    carriers = (
        'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter '
        f"AND \"item\" = 'total' AND {SCOPE} GROUP BY time(1d), \"carrier\" fill(none) tz('Asia/Shanghai')"
    )
    about = Text("电、热、冷为 kWh，水、气为 m³。", "Electricity, heat, cooling in kWh; water and gas in m³.")
    title = Text("各能源每日用量", "Daily use by carrier")
    board.add(p.lines(lang, title, series(carriers, "$tag_carrier"), unit=p.NO_UNIT, about=about), 12, 6)


def _burn_down(board: Board) -> None:
    lang = board.lang
    left, plan = Text("剩余定额", "quota left").to(lang), Text("计划剩余", "planned to be left").to(lang)
    remaining = (
        f'SELECT 1 - mean("share") AS "{left}", 1 - mean("expected_share") AS "{plan}" FROM "quota" '
        f"WHERE $timeFilter AND {SCOPE} AND \"basis\" = 'energy_kwh' "
        "GROUP BY time(1d) fill(none) tz('Asia/Shanghai')"
    )
    title = Text("定额剩余", "Quota burn-down (mean of buildings)")
    board.add(
        p.lines(lang, title, series(remaining, "$col"), unit=p.PERCENT, steps=((None, RED), (0, GREEN))),
        24,
        8,
    )


def region(lang: Lang) -> Board:
    board = Board(
        "region",
        Text("地区", "Region"),
        Text("省、市、区县到单体建筑的逐级查看。", "Province to city to county to building."),
        lang,
        since="now-30d/d",
        refresh="15m",
    )
    region_variable(board)
    type_variable(board)
    _figures(board)
    _map(board)
    _drill_down(board)
    board.row(Text("总量与强度双控", "Dual control: totals and intensities"))
    _dual_control(board)
    _burn_down(board)
    _quota(board, 24, 10)
    return board
