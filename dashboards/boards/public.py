"""The announcement board for the public: only what was announced, no variables, so that it can be shared."""

from __future__ import annotations

from dashboards.boards import fields as f
from dashboards.boards import panels as p
from dashboards.boards.board import Board
from dashboards.boards.influx import InfluxQuery, rows
from dashboards.boards.tables import Column, grid
from dashboards.boards.words import (
    AREA,
    COVERAGE,
    GRADES,
    GREEN,
    LEVELS,
    NAME,
    ORANGE,
    PERIOD,
    QUOTA_SHARES,
    RED,
    SHARE,
    TYPE,
    Lang,
    Text,
)

KINDS = (
    ("year", Text("年度公示", "Yearly announcement")),
    ("month", Text("月度公示", "Monthly announcement")),
)


CHANGES: f.Steps = ((None, GREEN), (0, ORANGE), (0.1, RED))
"""Intensity's change on last year -> colour."""
FIELDS = (
    *("rank", "period", "grade", "eui", "carbon_rank", "carbon_grade", "carbon_intensity"),
    *("share", "level", "change", "area", "coverage", "number"),
)


def _select(kind: str, *fields: str) -> InfluxQuery:
    chosen = ", ".join(f'"{field}"' for field in fields)
    return rows(f'SELECT {chosen} FROM "announcement" WHERE "kind" = \'{kind}\' AND "shown" = 1')


def _columns(lang: Lang) -> list[Column]:
    grades = {letter: (Text(letter, letter), color) for letter, color in GRADES.items()}
    return [
        Column(f"type_{lang}", TYPE, f.TEXT, width=145, filterable=True),
        Column("rank", Text("能耗排名", "Energy rank"), f.COUNT, width=105),
        Column("carbon_rank", Text("碳排名", "Carbon rank"), f.COUNT, width=105),
        Column(f"name_{lang}", NAME, f.TEXT, width=200),
        Column("grade", Text("能效等级", "Energy grade"), words=grades, width=120, filterable=True),
        Column("eui", Text("能耗强度", "Energy intensity"), f.EUI_UNIT, decimals=1, width=130),
        Column("carbon_grade", Text("碳效等级", "Carbon grade"), words=grades, width=120, filterable=True),
        Column("carbon_intensity", Text("碳强度", "Carbon intensity"), f.CARBON_UNIT, decimals=1, width=140),
        Column("level", Text("定额状态", "Quota"), words=LEVELS, width=95, filterable=True),
        Column("share", SHARE, f.PERCENT, decimals=0, steps=QUOTA_SHARES, width=120),
        Column("change", Text("强度同比", "On last year"), f.PERCENT, decimals=1, steps=CHANGES, width=105),
        Column("area", AREA, f.AREA_UNIT, decimals=0, width=100),
        Column("coverage", COVERAGE, f.PERCENT, decimals=1, width=120),
        Column("period", PERIOD, f.TEXT, width=90),
        Column("number", Text("公示编号", "Announcement"), f.TEXT, width=130),
    ]


def announcement(lang: Lang) -> Board:
    board = Board(
        "announcement",
        Text("能效碳效公示", "Energy and carbon announcement"),
        Text("本页仅显示已正式公示的结果。", "Only what was officially announced."),
        lang,
        refresh="1h",
        timeless=True,
    )
    board.add(
        p.note(
            lang,
            Text("说明", "About"),
            Text(
                "结果来自最近一次公示。等级 A 为最好，E 为最差；能耗与碳排放按所列因子核算，"
                "数据覆盖不足的建筑不参与排名。",
                "Results of the newest announcement. Grade A is best, E is worst; energy and carbon follow "
                "the factors named there; buildings with too little data are not ranked.",
            ),
        ),
        24,
        3,
    )
    for kind, title in KINDS:
        board.row(title)
        names = (f"name_{lang}", f"type_{lang}")
        columns = _columns(lang)
        ranking = _select(kind, *names, *FIELDS)
        by_type = (f"type_{lang}", "rank")
        board.add(grid(lang, title, ranking, columns=columns, ranked=by_type), 24, 12)
        for field, name, unit in (
            ("eui", Text("各类建筑平均能耗强度", "Mean energy intensity by type"), f.EUI_UNIT),
            ("carbon_intensity", Text("各类建筑平均碳强度", "Mean carbon intensity by type"), f.CARBON_UNIT),
        ):
            query = _select(kind, f"type_{lang}", field)
            panel = p.means(lang, name, query, by=f"type_{lang}", of=field, shown=name, unit=unit)
            board.add(panel, 12, 9)
    return board
