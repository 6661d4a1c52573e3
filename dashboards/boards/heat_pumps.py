"""Heat pumps: performance now and over the season, temperatures, starts, defrost, renewable heat."""

from __future__ import annotations

from dashboards.boards import fields as f
from dashboards.boards import panels as p
from dashboards.boards.board import Board
from dashboards.boards.influx import SAMPLES, rows, series
from dashboards.boards.queries import ONE, ZONE, building_variable, region_variable, type_variable
from dashboards.boards.tables import Column, grid
from dashboards.boards.words import GREEN, ORANGE, RED, Lang, Text

COPS: f.Steps = ((None, RED), (2.5, ORANGE), (3.0, GREEN))


def _mean(field: str) -> str:
    return (
        f'SELECT mean("{field}") FROM "heat_pump" WHERE $timeFilter AND {ONE} '
        'GROUP BY time($__interval), "device" fill(none)'
    )


def _now(board: Board) -> None:
    lang = board.lang
    cop = (
        'SELECT mean("thermal_power") / mean("electric_power_input") FROM "heat_pump" '
        f'WHERE $timeFilter AND {ONE} AND "electric_power_input" > 0.1 GROUP BY "device"'
    )
    about = Text(
        "所选时段内制热功率均值与电功率均值之比，仅计运行时段。",
        "Mean heat power over mean electric power of the chosen range, while running.",
    )
    title = Text("时段平均 COP", "COP of the range")
    board.add(
        p.figure(
            lang,
            title,
            series(cop, "$tag_device", uid=SAMPLES),
            unit=f.NO_UNIT,
            steps=COPS,
            decimals=2,
            about=about,
        ),
        8,
        5,
    )
    spf = (
        'SELECT spread("heat_energy_total") / spread("electric_energy_total") FROM "heat_pump" '
        f'WHERE $timeFilter AND {ONE} GROUP BY "device"'
    )
    about = Text(
        "热量表与电表读数差之比（季节性能系数）。", "Heat over electricity, both as register differences."
    )
    title = Text("季节性能系数 SPF", "Season performance factor")
    board.add(
        p.figure(
            lang,
            title,
            series(spf, "$tag_device", uid=SAMPLES),
            unit=f.NO_UNIT,
            steps=COPS,
            decimals=2,
            about=about,
        ),
        8,
        5,
    )
    renewable = (
        'SELECT spread("heat_energy_total") - spread("electric_energy_total") FROM "heat_pump" '
        f'WHERE $timeFilter AND {ONE} GROUP BY "device"'
    )
    about = Text(
        "热量减去耗电；达到 SPF 门槛才可计入可再生。",
        "Heat less electricity; counts as renewable only above the SPF threshold.",
    )
    title = Text("环境热量", "Heat from the environment")
    board.add(
        p.figure(lang, title, series(renewable, "$tag_device", uid=SAMPLES), unit=f.KWH, about=about), 8, 5
    )


def _curves(board: Board) -> None:
    lang = board.lang
    cop = (
        'SELECT mean("thermal_power") / mean("electric_power_input") FROM "heat_pump" '
        f'WHERE $timeFilter AND {ONE} AND "electric_power_input" > 0.1 '
        'GROUP BY time($__interval), "device" fill(none)'
    )
    board.add(
        p.lines(
            lang,
            Text("COP", "COP"),
            series(cop, "$tag_device", uid=SAMPLES),
            unit=f.NO_UNIT,
            steps=COPS,
            low=0,
            decimals=2,
        ),
        12,
        8,
    )
    power = [
        series(
            _mean("electric_power_input"), f"$tag_device {Text('电功率', 'electric').to(lang)}", uid=SAMPLES
        ),
        series(
            _mean("thermal_power"), f"$tag_device {Text('热功率', 'heat').to(lang)}", uid=SAMPLES, ref="B"
        ),
    ]
    board.add(
        p.lines(lang, Text("电功率与热功率", "Electric and heat power"), *power, unit=f.KW, low=0), 12, 8
    )
    temperatures = [
        series(_mean("supply_temperature"), f"$tag_device {Text('供水', 'flow').to(lang)}", uid=SAMPLES),
        series(
            _mean("return_temperature"),
            f"$tag_device {Text('回水', 'return').to(lang)}",
            uid=SAMPLES,
            ref="B",
        ),
        series(
            _mean("outdoor_temperature"),
            f"$tag_device {Text('室外', 'outdoor').to(lang)}",
            uid=SAMPLES,
            ref="C",
        ),
    ]
    board.add(p.lines(lang, Text("温度", "Temperatures"), *temperatures, unit=f.DEGC), 24, 8)


def _machine(board: Board) -> None:
    lang = board.lang
    for field, title in (
        ("compressor_starts", Text("压缩机启动次数", "Compressor starts")),
        ("compressor_hours", Text("压缩机运行小时", "Compressor hours")),
    ):
        query = (
            f'SELECT spread("{field}") FROM "heat_pump" WHERE $timeFilter AND {ONE} '
            f'GROUP BY time(1d), "device" fill(none) {ZONE}'
        )
        unit = f.HOURS if field.endswith("hours") else f.COUNT
        board.add(p.lines(lang, title, series(query, "$tag_device", uid=SAMPLES), unit=unit, bars=True), 8, 7)
    defrost = (
        f'SELECT mean("defrost_active") FROM "heat_pump" WHERE $timeFilter AND {ONE} '
        f'GROUP BY time(1d), "device" fill(none) {ZONE}'
    )
    title = Text("除霜时间占比", "Share of time defrosting")
    panel = p.lines(lang, title, series(defrost, "$tag_device", uid=SAMPLES), unit=f.PERCENT, bars=True)
    board.add(panel.axis_soft_max(0.1), 8, 7)
    latest = rows(
        'SELECT last("supply_temperature") AS "flow", "return_temperature" AS "return", '
        f'"electric_power_input" AS "electric", "thermal_power" AS "heat" '
        f'FROM "heat_pump" WHERE $timeFilter AND {ONE} GROUP BY "device"',
        uid=SAMPLES,
    )
    columns = [
        Column("device", Text("设备", "Device")),
        Column("Time", Text("最后读数", "Last sample"), f.DATETIME),
        Column("flow", Text("供水温度", "Flow"), f.DEGC, decimals=1),
        Column("return", Text("回水温度", "Return"), f.DEGC, decimals=1),
        Column("electric", Text("电功率", "Electric power"), f.KW, decimals=2),
        Column("heat", Text("热功率", "Heat power"), f.KW, decimals=2),
    ]
    board.add(grid(lang, Text("最近读数", "Latest readings"), latest, columns=columns), 24, 6)


def heat_pumps(lang: Lang) -> Board:
    board = Board(
        "heat-pumps",
        Text("热泵", "Heat pumps"),
        Text(
            "能效、温度、启停、除霜与可再生热量。",
            "Performance, temperatures, starts, defrost, renewable heat.",
        ),
        lang,
        since="now-7d",
        refresh="1m",
    )
    region_variable(board)
    type_variable(board)
    building_variable(board)
    _now(board)
    _curves(board)
    _machine(board)
    return board
