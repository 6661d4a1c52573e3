"""Tables and maps: rows with named columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, geomap, table
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d

from dashboards.boards.fields import (
    Steps,
    dress,
    nothing,
    only,
    plain_words,
    property_of,
    quotient,
    step,
    thresholds,
    value_words,
)
from dashboards.boards.influx import InfluxQuery
from dashboards.boards.words import Lang, Text

_HIDDEN = {"legend": True, "tooltip": True, "viz": False}


class Column:
    """How one column is shown; `name` is the query's column.

    words, plain: coded values as words, coloured or not. mappings: any other of Grafana's mappings.
    full: drawn as a bar, which this value fills. filterable: readers may choose rows by its values.
    """

    def __init__(
        self,
        name: str,
        title: Text,
        unit: str = "",
        *,
        decimals: int | None = None,
        words: Mapping[str, tuple[Text, str]] | None = None,
        plain: Mapping[str, Text] | None = None,
        mappings: Sequence[d.ValueMapping] = (),
        steps: Steps | None = None,
        full: float | None = None,
        link: str = "",
        width: int | None = None,
        filterable: bool = False,
    ) -> None:
        self.name, self.title, self.unit, self.decimals = name, title, unit, decimals
        self.words, self.plain, self.mappings, self.steps = words, plain, mappings, steps
        self.full, self.link, self.width, self.filterable = full, link, width, filterable

    def properties(self, lang: Lang) -> list[d.DynamicConfigValue]:
        wanted = [("displayName", self.title.to(lang)), *self._values(lang)]
        if self.width is not None:
            wanted.append(("custom.width", self.width))
        if self.filterable:
            wanted.append(("custom.filterable", True))
        cell = self._cell()
        if cell:
            wanted.append(("custom.cellOptions", cell))
        return [property_of(key, value) for key, value in wanted]

    def _values(self, lang: Lang) -> list[tuple[str, object]]:
        """Unit, words, colours and links: what a map shows of a column too."""
        wanted: list[tuple[str, object]] = []
        if self.unit:
            wanted.append(("unit", self.unit))
        if self.decimals is not None:
            wanted.append(("decimals", self.decimals))
        if self.words is not None:
            wanted.append(("mappings", [*value_words(self.words, lang), *nothing(lang)]))
        elif self.steps is not None:
            wanted.append(("mappings", nothing(lang)))
        elif self.plain is not None:
            wanted.append(("mappings", plain_words(self.plain, lang)))
        elif self.mappings:
            wanted.append(("mappings", list(self.mappings)))
        if self.steps is not None:
            wanted.append(("thresholds", thresholds(self.steps).build()))
            wanted.append(("color", {"mode": "thresholds"}))
        if self.full is not None:
            wanted += [("min", 0), ("max", self.full)]
        if self.link:
            wanted.append(("links", [{"title": self.title.to(lang), "url": self.link}]))
        return wanted

    def _cell(self) -> dict[str, object]:
        if self.full is not None:
            return {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
        return {"type": "color-text"} if self.words is not None or self.steps is not None else {}

    def on_map(self, lang: Lang) -> list[d.DynamicConfigValue]:
        return [
            property_of(key, value)
            for key, value in (("displayName", self.title.to(lang)), *self._values(lang))
        ]


def _joined(panel: Any, join: str, mode: str) -> None:
    panel.with_transformation(step("joinByField", byField=join, mode=mode))


def _columns(panel: Any, names: Sequence[str]) -> None:
    """These columns in this order, no others."""
    panel.with_transformation(only(*names))
    order = {name: index for index, name in enumerate(names)}
    panel.with_transformation(step("organize", excludeByName={}, indexByName=order, renameByName={}))


def grid(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    columns: Sequence[Column],
    join: str = "",
    outer: bool = False,
    divide: tuple[str, str, str] | None = None,
    sort: str = "",
    descending: bool = True,
    ranked: Sequence[str] = (),
    about: Text | None = None,
) -> table.Panel:
    """A table with named columns; columns that are not named are hidden.

    join: column by which several targets become one table; it must be unique in each. outer: keep
    rows that stand in one target only. divide: (numerator, denominator, new column), computed by
    Grafana after joining. sort: a column's query name; ranked: several, ascending.
    """
    panel = table.Panel()
    dress(panel, lang, title, targets, about)
    panel.frame_index(0).show_header(True)
    if join:
        _joined(panel, join, "outer" if outer else "inner")
    if divide:
        panel.with_transformation(quotient(*divide))
    _columns(panel, [column.name for column in columns])
    if sort:
        by = [{"field": sort, "desc": descending}]
        panel.with_transformation(step("sortBy", fields={}, sort=by))
    titles = {column.name: column.title.to(lang) for column in columns}
    if ranked:
        panel.sort_by(
            [common.TableSortByFieldState().display_name(titles[name]).desc(False) for name in ranked]
        )
    for column in columns:
        panel.override_by_name(column.name, column.properties(lang))
    return panel


def places(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    columns: Sequence[Column],
    join: str,
    color: str,
    steps: Steps,
    about: Text | None = None,
) -> geomap.Panel:
    """Map with one marker a row; the joined rows carry `latitude` and `longitude`.

    columns: what a marker says when pointed at. color: the column that colours it, by `steps`.
    """
    panel = geomap.Panel()
    dress(panel, lang, title, targets, about)
    _joined(panel, join, "inner")
    _columns(panel, [*(column.name for column in columns), "latitude", "longitude"])
    panel.thresholds(thresholds(steps)).color_scheme(
        dashboard.FieldColor().mode(d.FieldColorModeId.THRESHOLDS)
    )
    for column in columns:
        panel.override_by_name(column.name, column.on_map(lang))
    for name in ("latitude", "longitude"):
        panel.override_by_name(name, [property_of("custom.hideFrom", _HIDDEN)])
    panel.view(geomap.MapViewConfig().id("fit").all_layers(True))
    panel.basemap(common.MapLayerOptions().type("default").name("basemap"))
    style = {
        "color": {"field": color, "fixed": "dark-green"},
        "size": {"fixed": 8, "min": 6, "max": 14},
        "opacity": 0.8,
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    }
    layer = common.MapLayerOptions().type("markers").name("buildings").tooltip(True)
    layer.config({"style": style, "showLegend": True}).location(
        common.FrameGeometrySource()
        .mode(c.FrameGeometrySourceMode.COORDS)
        .latitude("latitude")
        .longitude("longitude")
    )
    panel.layers([layer])
    return panel
