"""Pieces of InfluxQL that several boards share, and the variables they hang on.

`building` and `announcement` are the boards' own measurements (`dashboards.boards.facts`); all
others are written by the collector and the rules.
"""

from __future__ import annotations

from dashboards.boards.board import Board
from dashboards.boards.words import BUILDING, REGION, TYPE, Lang

ONE = "\"building\" = '${building}'"
SCOPE = '"building" =~ /^${region:regex}/'
"""Buildings of the chosen regions: a building's id begins with its province's, city's and county's code."""
LABELLED = r"/^(?<value>\S+) (?<text>.+)$/"
"""Parts the tag `330100A001 Name` of the `building` measurement into id and name."""


def label(lang: Lang) -> str:
    return f"label_{lang}"


def daily(carrier: str, item: str = "total") -> str:
    """Condition on daily energy of one carrier and item."""
    return f"\"carrier\" = '{carrier}' AND \"item\" = '{item}'"


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
        f'SHOW TAG VALUES FROM "building" WITH KEY = "type_{board.lang}" WHERE {SCOPE}',
        pattern=LABELLED,
    )


def building_variable(board: Board, *, many: bool = False) -> None:
    board.variable(
        "building",
        BUILDING,
        f'SHOW TAG VALUES FROM "building" WITH KEY = "{label(board.lang)}" '
        f'WHERE {SCOPE} AND "type" =~ /^${{type:regex}}$/',
        many=many,
        pattern=LABELLED,
    )
