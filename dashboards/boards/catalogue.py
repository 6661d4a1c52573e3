"""All boards, in the order in which people look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboards.boards.board import Board
from dashboards.boards.building import building
from dashboards.boards.heat_pumps import heat_pumps
from dashboards.boards.operations import alerts, data_quality, edge_fleet
from dashboards.boards.portfolio import portfolio, region
from dashboards.boards.public import announcement
from dashboards.boards.words import LANGUAGES, Lang

BOARDS: tuple[Callable[[Lang], Board], ...] = (
    announcement,
    portfolio,
    region,
    building,
    heat_pumps,
    alerts,
    data_quality,
    edge_fleet,
)


def all_boards(languages: tuple[Lang, ...] = LANGUAGES) -> dict[str, dict[str, Any]]:
    """Board uid -> Grafana's dashboard JSON."""
    built = (make(lang).build() for lang in languages for make in BOARDS)
    return {str(board["uid"]): board for board in built}
