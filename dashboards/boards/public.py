"""The announcement board for the public: only what was announced, no variables, so that it can be shared."""

from __future__ import annotations

from dashboards.boards import panels as p
from dashboards.boards.board import Board
from dashboards.boards.influx import InfluxQuery, rows
from dashboards.boards.words import (
    AREA,
    COVERAGE,
    GRADES,
    GREEN,
    NAME,
    ORANGE,
    PERIOD,
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


FIELDS = (
    *("rank", "period", "grade", "eui", "carbon_grade", "carbon_intensity"),
    *("share", "change", "area", "coverage", "number"),
)


def _select(kind: str, *fields: str) -> InfluxQuery:
    chosen = ", ".join(f'"{field}"' for field in fields)
    return rows(f'SELECT {chosen} FROM "announcement" WHERE "kind" = \'{kind}\' AND "shown" = 1')


def _columns(lang: Lang) -> list[p.Column]:
    grades = {letter: (Text(letter, letter), color) for letter, color in GRADES.items()}
    return [
        p.Column("rank", Text("类内排名", "Rank in type"), p.COUNT, width=100),
        p.Column(f"name_{lang}", NAME, width=240),
        p.Column(f"type_{lang}", TYPE, width=150),
        p.Column("period", PERIOD, width=90),
        p.Column("grade", Text("能效等级", "Energy grade"), words=grades, width=90),
        p.Column("eui", Text("能耗强度", "Energy intensity"), p.EUI_UNIT, decimals=1, bar=True),
        p.Column("carbon_grade", Text("碳效等级", "Carbon grade"), words=grades, width=90),
        p.Column("carbon_intensity", Text("碳强度", "Carbon intensity"), p.CARBON_UNIT, decimals=1, bar=True),
        p.Column("share", SHARE, p.PERCENT, decimals=0, steps=((None, GREEN), (0.9, ORANGE), (1, RED))),
        p.Column(
            "change",
            Text("同比", "On last year"),
            p.PERCENT,
            decimals=1,
            steps=((None, GREEN), (0, ORANGE), (0.1, RED)),
        ),
        p.Column("area", AREA, p.AREA_UNIT, decimals=0),
        p.Column("coverage", COVERAGE, p.PERCENT, decimals=1),
        p.Column("number", Text("公示编号", "Announcement"), width=150),
    ]


def announcement(lang: Lang) -> Board:
    board = Board(
        "announcement",
        Text("能效碳效公示", "Energy and carbon announcement"),
        Text("本页仅显示已正式公示的结果。", "Only what was officially announced."),
        lang,
        since="now-1y",
        refresh="1h",
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
        board.add(p.grid(lang, title, ranking, columns=columns, sort="eui", descending=False), 24, 12)
        for field, name, unit in (
            ("eui", Text("各类建筑平均能耗强度", "Mean energy intensity by type"), p.EUI_UNIT),
            ("carbon_intensity", Text("各类建筑平均碳强度", "Mean carbon intensity by type"), p.CARBON_UNIT),
        ):
            query = _select(kind, f"type_{lang}", field)
            board.add(p.means(lang, name, query, by=f"type_{lang}", of=field, unit=unit), 12, 9)
    return board
