"""A board under construction: panels laid out left to right, variables, links to the other boards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as d

from dashboards.boards.influx import ENERGY, source
from dashboards.boards.words import Lang, Text

GRAFANA = version("grafana-foundation-sdk").rpartition("!")[2]
"""The release whose options the SDK writes, so that no other migrates what is not old."""
COLUMNS = 24  # the width of Grafana's grid
_OF_INTERVALS = ("auto", "auto_count", "auto_min")  # the SDK writes them into every kind of variable


def uid(key: str, lang: Lang) -> str:
    return f"beacon-{key}-{lang}"


def board_link(key: str, lang: Lang, **variables: str) -> str:
    """Address of another board of the same language, with variables set; keeps the time range."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return f"/d/{uid(key, lang)}?${{__url_time_range}}{chosen}"


class Board:
    """Collects rows of panels; `build` gives Grafana's dashboard JSON as plain data.

    timeless: nothing depends on the time range, so none is offered.
    """

    def __init__(
        self,
        key: str,
        title: Text,
        about: Text,
        lang: Lang,
        since: str = "now-7d",
        refresh: str = "",
        timeless: bool = False,
    ) -> None:
        self.key, self.lang = key, lang
        self._x = self._y = self._tallest = self._id = 0
        self._panels: list[Any] = []
        self._dashboard = (
            dashboard.Dashboard(title.to(lang))
            .uid(uid(key, lang))
            .description(about.to(lang))
            .tags(["beacon", f"beacon-{lang}"])
            .timezone("Asia/Shanghai")
            .time(since, "now")
            .tooltip(d.DashboardCursorSync.CROSSHAIR)
            .editable()
        )
        self._dashboard.refresh(refresh)
        if timeless:
            self._dashboard.timepicker(dashboard.TimePicker().hidden(True))
        self._links()

    def _links(self) -> None:
        other: Lang = "en" if self.lang == "zh" else "zh"
        self._dashboard.links(
            [
                dashboard.DashboardLink(Text("看板", "Boards").to(self.lang))
                .type(d.DashboardLinkType.DASHBOARDS)
                .tags([f"beacon-{self.lang}"])
                .as_dropdown(True)
                .include_vars(True)
                .keep_time(True),
                dashboard.DashboardLink("English" if other == "en" else "中文")
                .type(d.DashboardLinkType.LINK)
                .url(f"/d/{uid(self.key, other)}")
                .icon("external link")
                .include_vars(True)
                .keep_time(True),
            ]
        )

    def row(self, title: Text) -> None:
        self._new_line()
        self._id += 1
        at = d.GridPos(h=1, w=COLUMNS, x=0, y=self._y)
        self._panels.append(dashboard.Row(title.to(self.lang)).id(self._id).grid_pos(at).build())
        self._y += 1

    def add(self, panel: Any, width: int, height: int) -> None:
        """Place a panel beside the last one, or below when the line is full."""
        if self._x + width > COLUMNS:
            self._new_line()
        self._id += 1
        panel.id(self._id).grid_pos(d.GridPos(h=height, w=width, x=self._x, y=self._y))
        built = panel.build()
        built.plugin_version = GRAFANA
        self._panels.append(built)
        self._x += width
        self._tallest = max(self._tallest, height)

    def _new_line(self) -> None:
        self._x, self._y, self._tallest = 0, self._y + self._tallest, 0

    def variable(
        self,
        name: str,
        label: Text,
        query: str,
        *,
        many: bool = True,
        falling: bool = False,
        pattern: str = "",
    ) -> None:
        """A drop-down filled by InfluxQL, sorted. With `many`, several or all may be chosen.

        pattern: Grafana's variable regex; named groups `text` and `value` part a label from its id.
        """
        built = (
            dashboard.QueryVariable(name)
            .label(label.to(self.lang))
            .query(query)
            .datasource(source(ENERGY))
            .refresh(d.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(d.VariableSort.ALPHABETICAL_DESC if falling else d.VariableSort.ALPHABETICAL_ASC)
            .multi(many)
            .include_all(many)
        )
        if pattern:
            built.regex(pattern)
        if many:
            built.all_value(".*").current(d.VariableOption(text="All", value="$__all", selected=True))
        self._dashboard.with_variable(built)

    def fixed_variable(self, name: str, label: Text, options: Sequence[tuple[str, Text]]) -> None:
        """A drop-down of known values; the first is chosen."""
        texts = [f"{text.to(self.lang)} : {value}" for value, text in options]
        value, text = options[0]
        self._dashboard.with_variable(
            dashboard.CustomVariable(name)
            .label(label.to(self.lang))
            .values(", ".join(texts))
            .current(d.VariableOption(text=text.to(self.lang), value=value, selected=True))
        )

    def build(self) -> dict[str, Any]:
        self._dashboard._internal.panels = self._panels
        built: dict[str, Any] = json.loads(json.dumps(self._dashboard.build(), cls=JSONEncoder))
        built.pop("id", None)
        for variable in built["templating"].get("list", []):
            for key in _OF_INTERVALS:
                variable.pop(key, None)
        for panel in built["panels"]:
            if panel["type"] == "table":
                panel["options"].pop("footer", None)  # an empty one, which Grafana 12 no longer knows
        return built
