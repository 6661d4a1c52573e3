"""Alerts, data quality and the edge fleet: what needs somebody's hands."""

from __future__ import annotations

from dashboards.boards import panels as p
from dashboards.boards.board import Board, board_link
from dashboards.boards.influx import rows, series
from dashboards.boards.queries import SCOPE, daily, region_variable
from dashboards.boards.words import (
    BUILDING,
    CARRIERS,
    COVERAGE,
    ESTIMATED,
    GREEN,
    LIMIT,
    ORANGE,
    RED,
    SEVERITIES,
    STATES,
    TIME,
    Lang,
    Text,
)

COVERAGES: p.Steps = ((None, RED), (0.75, ORANGE), (0.95, GREEN))
TOTAL = daily("electricity")
ZONE = "tz('Asia/Shanghai')"


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
    newest = (
        f'SELECT last("state") AS "state", "value", "limit", "title_{lang}" FROM "alert" '
        f'WHERE $timeFilter AND {SCOPE} GROUP BY "building", "rule", "severity", "device"'
    )
    for state, title, color in (
        ("open", Text("未处理", "Open"), RED),
        ("acknowledged", Text("已确认", "Acknowledged"), ORANGE),
        ("resolved", Text("已恢复", "Resolved"), GREEN),
    ):
        query = (
            'SELECT count("state") FROM (SELECT last("state") AS "state" FROM "alert" WHERE $timeFilter '
            f'AND {SCOPE} GROUP BY "building", "rule", "severity") WHERE "state" = \'{state}\''
        )
        board.add(p.figure(lang, title, series(query), unit=p.COUNT, steps=((None, color),)), 8, 4)
    link = board_link("building", lang, building="${__data.fields.building}")
    columns = [
        p.Column("Time", TIME, p.DATETIME, width=190),
        p.Column("building", BUILDING, link=link, width=130),
        p.Column(f"title_{lang}", Text("内容", "What")),
        p.Column("device", Text("设备或周期", "Device or period"), width=160),
        p.Column("severity", Text("级别", "Severity"), words=SEVERITIES, width=110),
        p.Column("state", Text("状态", "State"), words=STATES, width=130),
        p.Column("value", Text("数值", "Value"), p.COUNT, decimals=2),
        p.Column("limit", LIMIT, p.COUNT, decimals=2),
    ]
    title = Text("各建筑各规则的最新状态", "Newest state by building and rule")
    board.add(p.grid(lang, title, rows(newest), columns=columns, sort="Time"), 24, 12)
    for tag, title in (
        ("rule", Text("每日告警变化（按规则）", "Changes a day, by rule")),
        ("building", Text("每日告警变化（按建筑）", "Changes a day, by building")),
    ):
        query = (
            f'SELECT count("state") FROM "alert" WHERE $timeFilter AND {SCOPE} '
            f'GROUP BY time(1d), "{tag}" fill(none) {ZONE}'
        )
        panel = p.lines(lang, title, series(query, f"$tag_{tag}"), unit=p.COUNT, bars=True, stacked=True)
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
    covered = f'SELECT mean("coverage") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    estimated = f'SELECT mean("estimated") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE}'
    poor = (
        'SELECT count("c") FROM (SELECT mean("coverage") AS "c" FROM "energy_daily" WHERE $timeFilter '
        f'AND {TOTAL} AND {SCOPE} GROUP BY "building") WHERE "c" < 0.75'
    )
    board.add(p.figure(lang, COVERAGE, series(covered), unit=p.PERCENT, steps=COVERAGES, decimals=2), 8, 4)
    board.add(p.figure(lang, ESTIMATED, series(estimated), unit=p.PERCENT, decimals=2), 8, 4)
    about = Text("覆盖率低于 75 % 的建筑。", "Buildings whose coverage is below 75 %.")
    title = Text("覆盖不足的建筑", "Buildings with poor coverage")
    board.add(
        p.figure(lang, title, series(poor), unit=p.COUNT, steps=((None, GREEN), (1, RED)), about=about), 8, 4
    )
    worst = rows(
        'SELECT mean("coverage") AS "coverage", mean("estimated") AS "estimated", count("energy") AS "days" '
        f'FROM "energy_daily" WHERE $timeFilter AND "item" = \'total\' AND {SCOPE} '
        'GROUP BY "building", "carrier"'
    )
    link = board_link("building", lang, building="${__data.fields.building}")
    columns = [
        p.Column("building", BUILDING, link=link),
        p.Column("carrier", Text("能源", "Carrier"), plain=CARRIERS),
        p.Column("coverage", COVERAGE, p.PERCENT, decimals=2, steps=COVERAGES, bar=True),
        p.Column("estimated", ESTIMATED, p.PERCENT, decimals=2),
        p.Column("days", Text("有数据天数", "Days with data"), p.COUNT),
    ]
    title = Text("各建筑各能源", "By building and carrier")
    board.add(p.grid(lang, title, worst, columns=columns, sort="coverage", descending=False), 12, 12)
    heard = rows(
        f'SELECT last("energy") AS "energy" FROM "interval" WHERE {SCOPE} GROUP BY "building", "device"'
    )
    columns = [
        p.Column("Time", Text("最后一条数据", "Last heard"), p.DATETIME),
        p.Column("building", BUILDING, link=link),
        p.Column("device", Text("设备", "Device")),
    ]
    title = Text("各设备最后数据时间", "When every device was last heard")
    board.add(p.grid(lang, title, heard, columns=columns, sort="Time", descending=False), 12, 12)
    by_day = (
        f'SELECT min("coverage") FROM "energy_daily" WHERE $timeFilter AND {TOTAL} AND {SCOPE} '
        f'GROUP BY time(1d), "building" fill(none) {ZONE}'
    )
    title = Text("每日覆盖率", "Coverage by day")
    board.add(
        p.lines(lang, title, series(by_day, "$tag_building"), unit=p.PERCENT, low=0, high=1, steps=COVERAGES),
        24,
        9,
    )
    by_quality = (
        'SELECT count("energy") FROM "interval" WHERE $timeFilter AND '
        f'{SCOPE} AND "quality" > 0 GROUP BY time(1d), "building" fill(none) {ZONE}'
    )
    title = Text("每日估算与异常区间数", "Intervals a day that were estimated, reset or rolled over")
    board.add(
        p.lines(lang, title, series(by_quality, "$tag_building"), unit=p.COUNT, bars=True, stacked=True),
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
    board.add(
        p.figure(lang, Text("在线", "Online"), series(f"{online} 1"), unit=p.COUNT, steps=((None, GREEN),)),
        6,
        4,
    )
    board.add(
        p.figure(
            lang,
            Text("离线", "Offline"),
            series(f"{online} 0"),
            unit=p.COUNT,
            steps=((None, GREEN), (1, RED)),
        ),
        6,
        4,
    )
    depth = f'SELECT max("spool_batches") {where}'
    board.add(p.figure(lang, Text("最大缓存批数", "Deepest spool"), series(depth), unit=p.COUNT), 6, 4)
    success = f'SELECT mean("poll_success") {where}'
    steps: p.Steps = ((None, RED), (0.9, ORANGE), (0.99, GREEN))
    board.add(
        p.figure(
            lang, Text("轮询成功率", "Poll success"), series(success), unit=p.PERCENT, steps=steps, decimals=2
        ),
        6,
        4,
    )
    newest = rows(
        'SELECT last("online") AS "online", "version", "spool_batches", "spool_bytes", "poll_success", '
        f'"clock_offset_ms", "temperature_degc", "memory_bytes", "dropped_samples" {where} '
        'GROUP BY "site", "edge"'
    )
    on_off = {"1": (Text("在线", "online"), GREEN), "0": (Text("离线", "offline"), RED)}
    columns = [
        p.Column("site", Text("站点", "Site")),
        p.Column("edge", Text("终端", "Edge")),
        p.Column("online", Text("状态", "State"), words=on_off),
        p.Column("Time", Text("最后状态", "Last status"), p.DATETIME),
        p.Column("version", Text("版本", "Version")),
        p.Column(
            "spool_batches",
            Text("缓存批数", "Spool batches"),
            p.COUNT,
            steps=((None, GREEN), (100, ORANGE), (10000, RED)),
        ),
        p.Column("spool_bytes", Text("缓存大小", "Spool size"), p.BYTES),
        p.Column("poll_success", Text("轮询成功率", "Poll success"), p.PERCENT, decimals=1, steps=steps),
        p.Column("clock_offset_ms", Text("时钟偏差", "Clock offset"), p.MS),
        p.Column(
            "temperature_degc",
            Text("温度", "Temperature"),
            p.DEGC,
            steps=((None, GREEN), (70, ORANGE), (80, RED)),
        ),
        p.Column("memory_bytes", Text("内存", "Memory"), p.BYTES),
        p.Column(
            "dropped_samples", Text("丢弃样本", "Samples dropped"), p.COUNT, steps=((None, GREEN), (1, RED))
        ),
    ]
    board.add(
        p.grid(lang, Text("各终端", "Every edge"), newest, columns=columns, sort="online", descending=False),
        24,
        9,
    )
    for field, title, unit in (
        ("spool_batches", Text("缓存批数", "Spool depth"), p.COUNT),
        ("poll_success", Text("轮询成功率", "Poll success"), p.PERCENT),
        ("bus_load", Text("总线占用", "Bus load"), p.PERCENT),
        ("clock_offset_ms", Text("时钟偏差", "Clock offset"), p.MS),
        ("temperature_degc", Text("温度", "Temperature"), p.DEGC),
        ("memory_bytes", Text("内存", "Memory"), p.BYTES),
    ):
        query = f'SELECT mean("{field}") {where} GROUP BY time($__interval), "edge" fill(none)'
        board.add(p.lines(lang, title, series(query, "$tag_edge"), unit=unit), 8, 8)
    return board
