"""Pieces of InfluxQL that several boards share, and the variables they hang on.

`building` and `announcement` are the boards' own measurements (`dashboards.boards.facts`); all
others are written by the collector and the rules.
"""

from __future__ import annotations

from dashboards.boards import fields as f
from dashboards.boards.board import Board, board_link
from dashboards.boards.influx import InfluxQuery, rows
from dashboards.boards.tables import Column
from dashboards.boards.words import BASIS, BUILDING, NAME, PERIOD, REGION, SCHEME, TYPE, TYPES, Lang, Text

ONE = "\"building\" = '${building}'"
SCOPE = '"building" =~ /^${region:regex}[0-9]*${type:regex}[0-9]*$/'
"""Buildings of the chosen regions and types: an id is province, city, county, type letter, serial number."""
OF_SPAN = '"period" =~ /^${span:raw}$/'
QUOTA = f'{SCOPE} AND "scheme" =~ /^${{scheme:regex}}$/ AND {OF_SPAN}'
"""Judgements of the chosen buildings by the chosen schemes over the chosen kind of period."""
ZONE = "tz('Asia/Shanghai')"
LABELLED = r"/^(?<value>\S+) (?<text>.+)$/"
"""Parts the tag `330100A001 Name` of the `building` measurement into id and name."""


def daily(carrier: str, item: str = "total") -> str:
    """Condition on daily energy of one carrier and item."""
    return f"\"carrier\" = '{carrier}' AND \"item\" = '{item}'"


TOTAL = daily("electricity")


def facts(lang: Lang, ref: str, *fields: str) -> InfluxQuery:
    """One row for each chosen building: id, name and type as tags, and what is asked of its facts."""
    asked = ", ".join(fields or ('last("area_m2") AS "area"',))
    return rows(
        f'SELECT {asked} FROM "building" WHERE {SCOPE} GROUP BY "building", "name_{lang}", "type"', ref=ref
    )


def building_columns(lang: Lang) -> list[Column]:
    """Id and name, linked to the building's board, and type."""
    link = board_link("building", lang, building="${__data.fields.building}")
    return [
        Column("building", BUILDING, f.TEXT, link=link, width=120),
        Column(f"name_{lang}", NAME, f.TEXT, link=link, width=240),
        Column("type", TYPE, plain=TYPES, width=160, filterable=True),
    ]


def region_variable(board: Board) -> None:
    board.variable(
        "region",
        REGION,
        f'SHOW TAG VALUES FROM "building" WITH KEY IN '
        f'("province_{board.lang}", "city_{board.lang}", "county_{board.lang}")',
        pattern=LABELLED,
    )


def type_variable(board: Board) -> None:
    board.variable(
        "type",
        TYPE,
        f'SHOW TAG VALUES FROM "building" WITH KEY = "class_{board.lang}" '
        'WHERE "building" =~ /^${region:regex}/',
        pattern=LABELLED,
    )


def building_variable(board: Board) -> None:
    board.variable(
        "building",
        BUILDING,
        f'SHOW TAG VALUES FROM "building" WITH KEY = "label_{board.lang}" WHERE {SCOPE}',
        many=False,
        pattern=LABELLED,
    )


def span_variable(board: Board) -> None:
    """Years or months: a limit of one kind never adds to one of the other."""
    spans = (("[0-9]{4}", Text("年度", "Years")), ("[0-9]{4}-[0-9]{2}", Text("月度", "Months")))
    board.fixed_variable("span", PERIOD, spans)


def schemes_variable(board: Board) -> None:
    query = f'SHOW TAG VALUES FROM "quota" WITH KEY = "scheme" WHERE {SCOPE}'
    board.variable("scheme", SCHEME, query)


def one_quota_variables(board: Board) -> None:
    """One scheme of the chosen building, and one basis of it.

    They have names of their own: links between boards carry variables, and what is chosen where several
    may be chosen means nothing here.
    """
    asked = 'SHOW TAG VALUES FROM "quota" WITH KEY = "{}" WHERE {}'
    of_scheme = f"{ONE} AND \"scheme\" = '${{one_scheme}}'"
    board.variable("one_scheme", SCHEME, asked.format("scheme", ONE), many=False)
    board.variable("one_basis", BASIS, asked.format("basis", of_scheme), many=False, falling=True)
