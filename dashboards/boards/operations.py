"""Alerts, data quality and the edge fleet: what needs somebody's hands."""

from __future__ import annotations

from dashboards.boards import fields as f
from dashboards.boards import panels as p
from dashboards.boards.board import Board, board_link
from dashboards.boards.influx import rows, series
from dashboards.boards.queries import SCOPE, TOTAL, ZONE, region_variable, type_variable
from dashboards.boards.tables import Column, grid
from dashboards.boards.words import (
    BUILDING,
    CARRIERS,
    COVERAGE,
    COVERAGES,
    ESTIMATED,
    GREEN,
    GREY,
    NAME,
    ORANGE,
    RED,
    SEVERITIES,
    STATES,
    Lang,
    Text,
)

POLLED: f.Steps = ((None, RED), (0.9, ORANGE), (0.99, GREEN))
"""Share of polls that were answered -> colour."""
WAITING: f.Steps = ((None, GREEN), (100, ORANGE), (10_000, RED))
"""Batches in the spool -> colour."""
OLD: f.Steps = ((None, GREEN), (3600, ORANGE), (86_400, RED))
"""Age of the oldest batch that is not stored yet, s -> colour."""
BUSY: f.Steps = ((None, GREEN), (0.8, ORANGE), (0.95, RED))
"""Share of time that the busiest line was busy -> colour."""
HOT: f.Steps = ((None, GREEN), (70, ORANGE), (80, RED))
"""Temperature of the edge's processor, degC -> colour."""
TO_BUILDING = "${__data.fields.building}"


def alerts(lang: Lang) -> Board:
    board = Board(
        "alerts",
        Text("告警", "Alerts"),
        Text("未处理、已确认与已恢复的告警。", "Open, acknowledged and resolved alerts."),
        lang,
        since="now-30d",
        refresh="1m",
    )
    region_variable(board)
    type_variable(board)
    keys = '"building", "rule", "severity", "device"'
    for state, title, color, when in (
        ("open", Text("未处理", "Open"), RED, ""),
        ("acknowledged", Text("已确认", "Acknowledged"), ORANGE, ""),
        ("snoozed", Text("已暂缓", "Snoozed"), GREY, ""),
        ("resolved", Text("所选时段内已恢复", "Resolved, of the chosen range"), GREEN, "$timeFilter AND "),
    ):
        query = (
            'SELECT count("state") FROM (SELECT last("state") AS "state" FROM "alert" '
            f"WHERE {when}{SCOPE} GROUP BY {keys}) WHERE \"state\" = '{state}'"
        )
        board.add(p.tally(lang, title, series(query), unit=f.COUNT, steps=((None, color),)), 6, 4)
    shown = f'"value", "limit", "name_{lang}", "title_{lang}"'
    standing = rows(
        f'SELECT "state", {shown} FROM (SELECT last("state") AS "state", {shown} FROM "alert" '
        f"WHERE {SCOPE} GROUP BY {keys}) WHERE \"state\" != 'resolved' GROUP BY {keys}"
    )
    newest = rows(
        f'SELECT last("state") AS "state", {shown} FROM "alert" WHERE $timeFilter AND {SCOPE} GROUP BY {keys}'
    )
    link = board_link("building", lang, building=TO_BUILDING)
    columns = [
        Column("Time", Text("发生时间", "Since"), f.DATETIME, width=190),
        Column("building", BUILDING, f.TEXT, link=link, width=120),
        Column(f"name_{lang}", NAME, f.TEXT, link=link, width=220),
        Column(f"title_{lang}", Text("内容", "What"), f.TEXT),
        Column("device", Text("设备或周期", "Device or period"), f.TEXT, width=160),
        Column("severity", Text("级别", "Severity"), words=SEVERITIES, width=110, filterable=True),
        Column("state", Text("状态", "State"), words=STATES, width=130, filterable=True),
        Column("value", Text("数值", "Value"), f.COUNT, decimals=2, width=110),
        Column("limit", Text("限值", "Limit"), f.COUNT, decimals=2, width=110),
    ]
    for table, title, about in (
        (
            standing,
            Text("未恢复的告警", "Alerts that stand"),
            Text("不限发生时间。", "Whenever they opened."),
        ),
        (
            newest,
            Text("所选时段内的告警", "Alerts of the chosen range"),
            Text("按发生时间，包括已恢复的。", "By when they opened, resolved ones too."),
        ),
    ):
        board.add(grid(lang, title, table, columns=columns, sort="Time", about=about), 24, 10)
    for tag, title in (
        ("rule", Text("每日新增告警（按规则）", "Alerts opened a day, by rule")),
        ("building", Text("每日新增告警（按建筑）", "Alerts opened a day, by building")),
    ):
        query = (
            f'SELECT count("state") FROM "alert" WHERE $timeFilter AND {SCOPE} '
            f'GROUP BY time(1d), "{tag}" fill(none) {ZONE}'
        )
        panel = p.lines(lang, title, series(query, f"$tag_{tag}"), unit=f.COUNT, bars=True, stacked=True)
        board.add(panel, 12, 8)
    return board


def data_quality(lang: Lang) -> Board:
    board = Board(
        "data-quality",
        Text("数据质量", "Data quality"),
        Text("覆盖率、估算、缺失与迟到数据。", "Coverage, estimates, gaps and silent buildings."),
        lang,
        since="now-30d/d",
        refresh="15m",
    )
    region_variable(board)
    type_variable(board)
    covered = f'SELECT mean("coverage") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    estimated = f'SELECT mean("estimated") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    poor = (
        'SELECT count("c") FROM (SELECT mean("coverage") AS "c" FROM "energy_daily" WHERE $timeFilter '
        f'AND {TOTAL} AND {SCOPE} GROUP BY "building") WHERE "c" < 0.75'
    )
    board.add(p.figure(lang, COVERAGE, series(covered), unit=f.PERCENT, steps=COVERAGES, decimals=2), 8, 4)
    board.add(p.figure(lang, ESTIMATED, series(estimated), unit=f.PERCENT, decimals=2), 8, 4)
    about = Text("覆盖率低于 75 % 的建筑。", "Buildings whose coverage is below 75 %.")
    title = Text("覆盖不足的建筑", "Buildings with poor coverage")
    steps: f.Steps = ((None, GREEN), (1, RED))
    board.add(p.tally(lang, title, series(poor), unit=f.COUNT, steps=steps, about=about), 8, 4)
    worst = rows(
        'SELECT mean("coverage") AS "coverage", mean("estimated") AS "estimated", count("energy") AS "days" '
        f'FROM "energy_daily" WHERE $timeFilter AND "item" = \'total\' AND {SCOPE} '
        'GROUP BY "building", "carrier"'
    )
    link = board_link("building", lang, building=TO_BUILDING)
    columns = [
        Column("building", BUILDING, link=link),
        Column("carrier", Text("能源", "Carrier"), plain=CARRIERS),
        Column("coverage", COVERAGE, f.PERCENT, decimals=2, steps=COVERAGES, full=1),
        Column("estimated", ESTIMATED, f.PERCENT, decimals=2),
        Column("days", Text("有数据天数", "Days with data"), f.COUNT),
    ]
    title = Text("各建筑各能源", "By building and carrier")
    board.add(grid(lang, title, worst, columns=columns, sort="coverage", descending=False), 12, 12)
    heard = rows(
        f'SELECT last("energy") AS "energy" FROM "interval" WHERE {SCOPE} GROUP BY "building", "device"'
    )
    columns = [
        Column("Time", Text("最后一条数据", "Last heard"), f.DATETIME),
        Column("building", BUILDING, link=link),
        Column("device", Text("设备", "Device")),
    ]
    title = Text("各设备最后数据时间", "When every device was last heard")
    board.add(grid(lang, title, heard, columns=columns, sort="Time", descending=False), 12, 12)
    by_day = (
        f'SELECT min("coverage") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE} '
        f'GROUP BY time(1d), "building" fill(none) {ZONE}'
    )
    title = Text("每日覆盖率", "Coverage by day")
    board.add(
        p.lines(lang, title, series(by_day, "$tag_building"), unit=f.PERCENT, low=0, high=1, steps=COVERAGES),
        24,
        9,
    )
    by_quality = (
        'SELECT count("energy") FROM "interval" WHERE $timeFilter AND '
        f'{SCOPE} AND "quality" > 0 GROUP BY time(1d), "building" fill(none) {ZONE}'
    )
    title = Text("每日估算与异常区间数", "Intervals a day that were estimated, reset or rolled over")
    board.add(
        p.lines(lang, title, series(by_quality, "$tag_building"), unit=f.COUNT, bars=True, stacked=True),
        24,
        8,
    )
    return board


def edge_fleet(lang: Lang) -> Board:
    board = Board(
        "edge-fleet",
        Text("采集终端", "Edge fleet"),
        Text("在线、缓存、总线、时钟与版本。", "Online, spool, bus, clock and versions."),
        lang,
        since="now-24h",
        refresh="30s",
    )
    board.variable("site", Text("站点", "Site"), 'SHOW TAG VALUES FROM "edge_health" WITH KEY = "site"')
    where = 'FROM "edge_health" WHERE $timeFilter AND "site" =~ /^${site:regex}$/'
    online = (
        f'SELECT count("o") FROM (SELECT last("online") AS "o" {where} GROUP BY "site", "edge") WHERE "o" ='
    )
    steps: f.Steps = ((None, GREEN),)
    board.add(p.tally(lang, Text("在线", "Online"), series(f"{online} 1"), unit=f.COUNT, steps=steps), 6, 4)
    steps = ((None, GREEN), (1, RED))
    board.add(p.tally(lang, Text("离线", "Offline"), series(f"{online} 0"), unit=f.COUNT, steps=steps), 6, 4)
    depth = f'SELECT max("spool_batches") {where}'
    board.add(p.figure(lang, Text("最大缓存批数", "Deepest spool"), series(depth), unit=f.COUNT), 6, 4)
    success = series(f'SELECT mean("poll_success") {where}')
    title = Text("轮询成功率", "Poll success")
    board.add(p.figure(lang, title, success, unit=f.PERCENT, steps=POLLED, decimals=2), 6, 4)
    _every_edge(board, where)
    for field, title, unit in (
        ("spool_batches", Text("缓存批数", "Spool depth"), f.COUNT),
        ("poll_success", Text("轮询成功率", "Poll success"), f.PERCENT),
        ("bus_load", Text("总线占用", "Bus load"), f.PERCENT),
        ("clock_offset_ms", Text("时钟偏差", "Clock offset"), f.MS),
        ("temperature_degc", Text("温度", "Temperature"), f.DEGC),
        ("memory_bytes", Text("内存", "Memory"), f.BYTES),
    ):
        query = f'SELECT mean("{field}") {where} GROUP BY time($__interval), "site", "edge" fill(none)'
        low, high = (0, 1) if unit == f.PERCENT else (None, None)
        panel = p.lines(lang, title, series(query, "$tag_site $tag_edge"), unit=unit, low=low, high=high)
        board.add(panel, 8, 8)
    return board


def _every_edge(board: Board, where: str) -> None:
    lang = board.lang
    newest = rows(
        'SELECT last("online") AS "online", "version", "spool_batches", "spool_bytes", "oldest_age_s", '
        '"poll_success", "bus_load", "clock_trusted", "clock_offset_ms", "temperature_degc", '
        f'"memory_bytes", "dropped_samples" {where} GROUP BY "site", "edge"'
    )
    on_off = {"1": (Text("在线", "Online"), GREEN), "0": (Text("离线", "Offline"), RED)}
    clock = {"1": (Text("可信", "Trusted"), GREEN), "0": (Text("未校准", "Not set"), ORANGE)}
    columns = [
        Column("site", Text("站点", "Site"), f.TEXT),
        Column("edge", Text("终端", "Edge"), f.TEXT, width=100),
        Column("online", Text("状态", "State"), words=on_off, filterable=True, width=80),
        Column("Time", Text("最后状态", "Last status"), f.DATETIME, width=180),
        Column("version", Text("版本", "Version"), f.TEXT, filterable=True, width=90),
        Column("spool_batches", Text("缓存批数", "Batches"), f.COUNT, steps=WAITING, width=90),
        Column("spool_bytes", Text("缓存大小", "Spool"), f.BYTES, width=90),
        Column("oldest_age_s", Text("最早未送", "Oldest"), f.DURATION, steps=OLD, width=90),
        Column("poll_success", Text("轮询成功率", "Polled"), f.PERCENT, decimals=1, steps=POLLED, width=100),
        Column("bus_load", Text("总线占用", "Bus load"), f.PERCENT, decimals=0, steps=BUSY, width=90),
        Column("clock_trusted", Text("时钟", "Clock"), words=clock, width=80),
        Column("clock_offset_ms", Text("时钟偏差", "Clock offset"), f.MS, width=100),
        Column("temperature_degc", Text("温度", "Temp."), f.DEGC, steps=HOT, width=80),
        Column("memory_bytes", Text("内存", "Memory"), f.BYTES, width=90),
        Column(
            "dropped_samples", Text("丢弃样本", "Dropped"), f.COUNT, steps=((None, GREEN), (1, RED)), width=90
        ),
    ]
    title = Text("各终端", "Every edge")
    board.add(grid(lang, title, newest, columns=columns, sort="online", descending=False), 24, 9)
