"""One building: load, where its energy goes, its quota with forecast, its hours and days, its generation."""

from __future__ import annotations

from dashboards.boards import fields as f
from dashboards.boards import panels as p
from dashboards.boards.board import Board
from dashboards.boards.influx import SAMPLES, rows, series
from dashboards.boards.queries import (
    OF_SPAN,
    ONE,
    TOTAL,
    ZONE,
    building_variable,
    daily,
    one_quota_variables,
    region_variable,
    span_variable,
    type_variable,
)
from dashboards.boards.tables import Column, grid
from dashboards.boards.words import (
    BASES,
    BASIS,
    CARRIERS,
    COVERAGE,
    COVERAGES,
    EXPECTED,
    FORECAST,
    GREEN,
    LEVEL,
    LEVELS,
    LIMIT,
    PERIOD,
    QUOTA_SHARES,
    RED,
    SCHEME,
    SHARE,
    SUPPLY,
    UNIT,
    USED,
    Lang,
    Text,
)

ITEMS = '"carrier" = \'electricity\' AND "item" =~ /^01/'


def _day(field: str, how: str, *, item: str = "total", carrier: str = "electricity") -> str:
    return (
        f'SELECT {how}("{field}") FROM "energy_daily" WHERE $timeFilter AND {ONE} AND {daily(carrier, item)}'
    )


def _head(board: Board) -> None:
    lang = board.lang
    energy = _day("energy", "sum")
    base, peak = _day("base_kw", "mean"), _day("peak_kw", "max")
    board.add(p.figure(lang, Text("用电量", "Electricity"), series(energy), unit=f.KWH), 5, 4)
    board.add(p.figure(lang, Text("最大负荷", "Peak load"), series(peak), unit=f.KW, decimals=1), 5, 4)
    about = Text("每日最低15分钟平均功率的均值。", "Mean of each day's lowest 15-minute mean power.")
    board.add(
        p.figure(lang, Text("基础负荷", "Base load"), series(base), unit=f.KW, decimals=1, about=about), 5, 4
    )
    covered = series(_day("coverage", "mean"))
    board.add(p.figure(lang, COVERAGE, covered, unit=f.PERCENT, steps=COVERAGES, decimals=1), 4, 4)
    share = series(
        f'SELECT last("share") FROM "quota" WHERE $timeFilter AND {ONE} AND "scheme" = \'${{one_scheme}}\' '
        f'AND {OF_SPAN} GROUP BY "basis"',
        "$tag_basis",
    )
    panel = p.figure(lang, SHARE, share, unit=f.PERCENT, steps=QUOTA_SHARES, decimals=0, names=BASES)
    board.add(panel, 5, 4)


def _load(board: Board) -> None:
    lang = board.lang
    power = (
        f'SELECT mean("active_power_total") FROM "electricity" WHERE $timeFilter AND {ONE} '
        'GROUP BY time($__interval), "device" fill(none)'
    )
    title = Text("负荷曲线（各电表）", "Load curve by meter")
    board.add(p.lines(lang, title, series(power, "$tag_device", uid=SAMPLES), unit=f.KW), 16, 9)
    items = (
        f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {ONE} AND {ITEMS} GROUP BY "item"'
    )
    about = Text("按国家分项，每千瓦时只计一次。", "By national item; every kilowatt-hour is counted once.")
    title = Text("分项用电", "Where electricity goes")
    items_series = series(items, "$tag_item")
    board.add(p.shares(lang, title, items_series, unit=f.KWH, names=f.ITEM_NAMES, about=about), 8, 9)


def _quota(board: Board) -> None:
    lang = board.lang
    chosen = f"{ONE} AND \"scheme\" = '${{one_scheme}}' AND \"basis\" = '${{one_basis}}' AND {OF_SPAN}"
    amounts = (
        f'SELECT last("used") AS "{USED.to(lang)}", last("limit") AS "{LIMIT.to(lang)}", '
        f'last("forecast") AS "{FORECAST.to(lang)}", last("forecast_low") AS "{LOW.to(lang)}", '
        f'last("forecast_high") AS "{HIGH.to(lang)}" FROM "quota" '
        f"WHERE $timeFilter AND {chosen} GROUP BY time(1d) fill(none) {ZONE}"
    )
    title = Text("用量、定额与年末预测：${one_basis}", "Used, quota and forecast of the end: ${one_basis}")
    panel = p.lines(lang, title, series(amounts, "$col"), unit=f.COUNT, low=0, decimals=0)
    p.band(panel, LOW.to(lang), HIGH.to(lang))
    board.add(panel, 12, 9)
    shares = (
        f'SELECT last("share") AS "{SHARE.to(lang)}", last("expected_share") AS "{EXPECTED.to(lang)}" '
        f'FROM "quota" WHERE $timeFilter AND {chosen} GROUP BY time(1d) fill(none) {ZONE}'
    )
    title = Text("已用与应用定额：${one_basis}", "Share of quota and expected share: ${one_basis}")
    limit: f.Steps = ((None, GREEN), (1.0, RED))
    board.add(
        p.lines(lang, title, series(shares, "$col"), unit=f.PERCENT, low=0, decimals=1, steps=limit), 12, 9
    )
    table = rows(
        'SELECT last("used") AS "used", "limit", "unit", "share", "expected_share", "forecast", "passes_on", '
        f'"level", "coverage" FROM "quota" WHERE $timeFilter AND {ONE} '
        'GROUP BY "scheme", "basis", "period"'
    )
    columns = [
        Column("scheme", SCHEME, f.TEXT),
        Column("basis", BASIS, plain=BASES, width=150),
        Column("period", PERIOD, f.TEXT, width=90),
        Column("used", USED, f.COUNT, decimals=0, width=110),
        Column("limit", LIMIT, f.COUNT, decimals=0, width=110),
        Column("unit", UNIT, f.TEXT, width=80),
        Column("share", SHARE, f.PERCENT, decimals=1, steps=QUOTA_SHARES, width=125),
        Column("expected_share", EXPECTED, f.PERCENT, decimals=1, width=130),
        Column("forecast", FORECAST, f.COUNT, decimals=0, width=110),
        Column("passes_on", Text("预计超限日", "Passes it on"), f.TEXT, width=120),
        Column("level", LEVEL, words=LEVELS, width=110),
        Column("coverage", COVERAGE, f.PERCENT, decimals=1, width=120),
    ]
    title = Text("全部定额明细", "All quotas in detail")
    board.add(grid(lang, title, table, columns=columns, sort="share"), 24, 7)


LOW, HIGH = Text("预测下限", "Forecast low"), Text("预测上限", "Forecast high")


def _days(board: Board) -> None:
    lang = board.lang
    items = (
        f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {ONE} AND {ITEMS} '
        f'GROUP BY time(1d), "item" fill(none) {ZONE}'
    )
    title = Text("每日分项用电", "Daily electricity by item")
    query = series(items, "$tag_item")
    panel = p.lines(lang, title, query, unit=f.KWH, bars=True, stacked=True, names=f.ITEM_NAMES)
    board.add(panel, 12, 9)
    peak, base = Text("最大负荷", "Peak").to(lang), Text("基础负荷", "Base load").to(lang)
    peaks = (
        f'SELECT max("peak_kw") AS "{peak}", min("base_kw") AS "{base}" FROM "energy_daily" '
        f"WHERE $timeFilter AND {ONE} AND {TOTAL} GROUP BY time(1d) fill(none) {ZONE}"
    )
    title = Text("每日最大负荷与基础负荷", "Daily peak and base load")
    board.add(p.lines(lang, title, series(peaks, "$col"), unit=f.KW, low=0), 12, 9)
    profile = (
        f'SELECT mean("power_kw") FROM "load_profile" WHERE $timeFilter AND {ONE} '
        f'GROUP BY time(1d), "hour" fill(none) {ZONE}'
    )
    title = Text("时段热力图（小时 × 日）", "Hours of the day, day by day")
    board.add(p.density(lang, title, series(profile, "$tag_hour"), unit=f.KW), 24, 10)


def _carriers(board: Board) -> None:
    lang = board.lang
    for carrier, title in (
        ("heat", Text("每日供热", "Daily heat")),
        ("cooling", Text("每日供冷", "Daily cooling")),
        ("water", Text("每日用水", "Daily water")),
        ("gas", Text("每日天然气", "Daily natural gas")),
    ):
        query = f"{_day('energy', 'sum', carrier=carrier)} GROUP BY time(1d) fill(none) {ZONE}"
        name = CARRIERS[carrier].to(lang)
        panel = p.lines(lang, title, series(query, name), unit=f.CARRIER_UNITS[carrier], bars=True)
        board.add(panel, 6, 7)
    pv = (
        'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter '
        f'AND {ONE} AND "carrier" = \'electricity\' AND "item" =~ /^(grid|pv|export)$/ '
        f'GROUP BY time(1d), "item" fill(none) {ZONE}'
    )
    title = Text("电网、光伏与上网电量", "Grid, photovoltaics and export")
    supply = series(pv, "$tag_item")
    board.add(p.lines(lang, title, supply, unit=f.KWH, bars=True, names=SUPPLY), 24, 8)


def building(lang: Lang) -> Board:
    board = Board(
        "building",
        Text("单体建筑", "Building"),
        Text("负荷、分项、定额、时段与可再生能源。", "Load, items, quota, hours and renewables."),
        lang,
        since="now-30d/d",
        refresh="1m",
    )
    region_variable(board)
    type_variable(board)
    building_variable(board)
    one_quota_variables(board)
    span_variable(board)
    _head(board)
    _load(board)
    board.row(Text("定额", "Quota"))
    _quota(board)
    board.row(Text("逐日", "Day by day"))
    _days(board)
    board.row(Text("各类能源", "Carriers"))
    _carriers(board)
    return board
