"""One building: load, where its energy goes, its quota with forecast, its hours and days, its generation."""

from __future__ import annotations

from dashboards.boards import panels as p
from dashboards.boards.board import Board
from dashboards.boards.influx import SAMPLES, rows, series
from dashboards.boards.queries import ONE, building_variable, daily, region_variable, type_variable
from dashboards.boards.words import (
    BASES,
    COVERAGE,
    EXPECTED,
    FORECAST,
    GREEN,
    LEVEL,
    LEVELS,
    LIMIT,
    ORANGE,
    PERIOD,
    RED,
    SHARE,
    USED,
    Lang,
    Text,
)

SHARES: p.Steps = ((None, GREEN), (0.9, ORANGE), (1.0, RED))
TOTAL = daily("electricity")
TZ = "tz('Asia/Shanghai')"


def _day(field: str, how: str, *, item: str = "total", carrier: str = "electricity") -> str:
    return (
        f'SELECT {how}("{field}") FROM "energy_daily" WHERE $timeFilter AND {ONE} AND {daily(carrier, item)}'
    )


def _head(board: Board) -> None:
    lang = board.lang
    energy = _day("energy", "sum")
    base, peak = _day("base_kw", "mean"), _day("peak_kw", "max")
    board.add(p.figure(lang, Text("用电量", "Electricity"), series(energy), unit=p.KWH), 5, 4)
    board.add(p.figure(lang, Text("最大负荷", "Peak load"), series(peak), unit=p.KW, decimals=1), 5, 4)
    about = Text("每日最低15分钟平均功率的均值。", "Mean of each day's lowest 15-minute mean power.")
    board.add(
        p.figure(lang, Text("基础负荷", "Base load"), series(base), unit=p.KW, decimals=1, about=about), 5, 4
    )
    covered = _day("coverage", "mean")
    steps: p.Steps = ((None, RED), (0.75, ORANGE), (0.95, GREEN))
    board.add(p.figure(lang, COVERAGE, series(covered), unit=p.PERCENT, steps=steps, decimals=1), 4, 4)
    share = f'SELECT last("share") FROM "quota" WHERE $timeFilter AND {ONE} GROUP BY "basis", "period"'
    board.add(
        p.figure(
            lang, SHARE, series(share, "$tag_basis $tag_period"), unit=p.PERCENT, steps=SHARES, decimals=0
        ),
        5,
        4,
    )


def _load(board: Board) -> None:
    lang = board.lang
    power = (
        f'SELECT mean("active_power_total") FROM "electricity" WHERE $timeFilter AND {ONE} '
        'GROUP BY time($__interval), "device" fill(none)'
    )
    title = Text("负荷曲线（各电表）", "Load curve by meter")
    board.add(p.lines(lang, title, series(power, "$tag_device", uid=SAMPLES), unit=p.KW), 16, 9)
    items = (
        f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {ONE} AND {ITEMS} GROUP BY "item"'
    )
    about = Text(
        "国家分项编码：A照明插座，B空调，C动力，D特殊。",
        "National items: A lighting and sockets, B air conditioning, C power, D special.",
    )
    board.add(
        p.shares(
            lang,
            Text("分项用电", "Where electricity goes"),
            series(items, "$tag_item"),
            unit=p.KWH,
            about=about,
        ),
        8,
        9,
    )


ITEMS = '"carrier" = \'electricity\' AND "item" =~ /^01/'


def _quota(board: Board) -> None:
    lang = board.lang
    for basis, title, unit in (
        ("energy_kwh", Text("用能定额进度", "Energy against its quota"), p.KWH),
        ("carbon_kgco2", Text("碳排放限额进度", "Carbon against its quota"), "suffix: kgCO₂"),
    ):
        query = (
            f'SELECT last("used") AS "{USED.to(lang)}", last("limit") AS "{LIMIT.to(lang)}", '
            f'last("forecast") AS "{FORECAST.to(lang)}", last("forecast_low") AS "{LOW.to(lang)}", '
            f'last("forecast_high") AS "{HIGH.to(lang)}" FROM "quota" '
            f"WHERE $timeFilter AND {ONE} AND \"basis\" = '{basis}' "
            f'GROUP BY time(1d), "period" fill(none) {TZ}'
        )
        panel = p.lines(lang, title, series(query, "$col $tag_period"), unit=unit, low=0)
        panel.override_by_regexp(f"{HIGH.to(lang)}.*", [p.property_of("custom.fillBelowTo", LOW.to(lang))])
        board.add(panel, 12, 9)
    table = rows(
        'SELECT last("used") AS "used", "limit", "share", "expected_share", "forecast", "level", "coverage" '
        f'FROM "quota" WHERE $timeFilter AND {ONE} GROUP BY "scheme", "basis", "period"'
    )
    columns = [
        p.Column("scheme", Text("标准", "Scheme")),
        p.Column("basis", Text("口径", "Basis"), plain=BASES),
        p.Column("period", PERIOD),
        p.Column("used", USED, p.COUNT),
        p.Column("limit", LIMIT, p.COUNT),
        p.Column("share", SHARE, p.PERCENT, decimals=1, steps=SHARES),
        p.Column("expected_share", EXPECTED, p.PERCENT, decimals=1),
        p.Column("forecast", FORECAST, p.COUNT),
        p.Column("level", LEVEL, words=LEVELS),
        p.Column("coverage", COVERAGE, p.PERCENT, decimals=1),
    ]
    board.add(p.grid(lang, Text("定额明细", "Quotas in detail"), table, columns=columns, sort="share"), 24, 7)


LOW, HIGH = Text("预测下限", "Forecast low"), Text("预测上限", "Forecast high")


def _days(board: Board) -> None:
    lang = board.lang
    items = (
        f'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter AND {ONE} AND {ITEMS} '
        f'GROUP BY time(1d), "item" fill(none) {TZ}'
    )
    title = Text("每日分项用电", "Daily electricity by item")
    board.add(p.lines(lang, title, series(items, "$tag_item"), unit=p.KWH, bars=True, stacked=True), 12, 9)
    peak, base = Text("最大负荷", "peak").to(lang), Text("基础负荷", "base load").to(lang)
    peaks = (
        f'SELECT max("peak_kw") AS "{peak}", min("base_kw") AS "{base}" FROM "energy_daily" '
        f"WHERE $timeFilter AND {ONE} AND {TOTAL} GROUP BY time(1d) fill(none) {TZ}"
    )
    title = Text("每日最大负荷与基础负荷", "Daily peak and base load")
    board.add(p.lines(lang, title, series(peaks, "$col"), unit=p.KW, low=0), 12, 9)
    profile = (
        f'SELECT mean("power_kw") FROM "load_profile" WHERE $timeFilter AND {ONE} '
        f'GROUP BY time(1d), "hour" fill(none) {TZ}'
    )
    title = Text("时段热力图（小时 × 日）", "Hours of the day, day by day")
    board.add(p.density(lang, title, series(profile, "$tag_hour"), unit=p.KW), 24, 10)


def _carriers(board: Board) -> None:
    lang = board.lang
    for carrier, title, unit in (
        ("heat", Text("每日供热", "Daily heat"), p.KWH),
        ("water", Text("每日用水", "Daily water"), p.M3),
        ("gas", Text("每日天然气", "Daily natural gas"), p.M3),
    ):
        query = f"{_day('energy', 'sum', carrier=carrier)} GROUP BY time(1d) fill(none) {TZ}"
        board.add(p.lines(lang, title, series(query, carrier), unit=unit, bars=True), 8, 7)
    pv = (
        'SELECT sum("energy") FROM "energy_daily" WHERE $timeFilter '
        f'AND {ONE} AND "carrier" = \'electricity\' AND "item" =~ /^(grid|pv|export)$/ '
        f'GROUP BY time(1d), "item" fill(none) {TZ}'
    )
    title = Text("电网、光伏与上网电量", "Grid, photovoltaics and export")
    board.add(p.lines(lang, title, series(pv, "$tag_item"), unit=p.KWH, bars=True), 24, 8)


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
    _head(board)
    _load(board)
    board.row(Text("定额", "Quota"))
    _quota(board)
    board.row(Text("逐日", "Day by day"))
    _days(board)
    board.row(Text("各类能源", "Carriers"))
    _carriers(board)
    return board
