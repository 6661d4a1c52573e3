"""Panel builders with the house's looks: colour-blind-safe, units always said, empty said as empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    dashboard,
    geomap,
    heatmap,
    piechart,
    stat,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders import gauge as gauge_builder
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d
from grafana_foundation_sdk.models import heatmap as h
from grafana_foundation_sdk.models import piechart as p
from grafana_foundation_sdk.models import text as t

from dashboards.boards.influx import InfluxQuery, source
from dashboards.boards.words import BLUE, EMPTY, Lang, Text

Steps = Sequence[tuple[float | None, str]]

KW, KWH, PERCENT, DEGC, M3, HZ, V, BYTES, MS, SECONDS, COUNT = (
    "kwatt",
    "kwatth",
    "percentunit",
    "celsius",
    "m3",
    "hertz",
    "volt",
    "bytes",
    "ms",
    "s",
    "short",
)
EUI_UNIT = "suffix: kWh/m²"
CARBON_UNIT = "suffix: kgCO₂/m²"
AREA_UNIT = "suffix: m²"
NO_UNIT = "none"
TEXT = "string"
DATETIME = "dateTimeAsIso"


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(d.ThresholdsMode.ABSOLUTE)
        .steps([d.Threshold(value=value, color=color) for value, color in steps])
    )


def value_words(words: Mapping[str, tuple[Text, str]], lang: Lang) -> list[d.ValueMapping]:
    """Coded values (levels, states) shown as coloured words of the language."""
    options = {
        code: d.ValueMappingResult(text=word.to(lang), color=color, index=index)
        for index, (code, (word, color)) in enumerate(words.items())
    }
    return [d.ValueMap(options=options)]


def plain_words(words: Mapping[str, Text], lang: Lang) -> list[d.ValueMapping]:
    options = {
        code: d.ValueMappingResult(text=word.to(lang), index=index)
        for index, (code, word) in enumerate(words.items())
    }
    return [d.ValueMap(options=options)]


def _dress(panel: Any, lang: Lang, title: Text, targets: Sequence[InfluxQuery], about: Text | None) -> Any:
    panel.title(title.to(lang)).no_value(EMPTY.to(lang))
    if about is not None:
        panel.description(about.to(lang))
    if targets:
        panel.datasource(source(targets[0].uid)).targets(list(targets))
    return panel


def _scaled(panel: Any, unit: str, steps: Steps | None, decimals: int | None) -> None:
    panel.unit(unit)
    if decimals is not None:
        panel.decimals(decimals)
    if steps is not None:
        panel.thresholds(thresholds(steps)).color_scheme(
            dashboard.FieldColor().mode(d.FieldColorModeId.THRESHOLDS)
        )


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def lines(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    unit: str,
    about: Text | None = None,
    stacked: bool = False,
    bars: bool = False,
    steps: Steps | None = None,
    low: float | None = None,
    high: float | None = None,
    decimals: int | None = None,
) -> timeseries.Panel:
    """Lines, or bars, over time; with `steps`, dashed limit lines."""
    panel = timeseries.Panel()
    _dress(panel, lang, title, targets, about)
    panel.unit(unit).line_width(2).fill_opacity(80 if bars else 10).show_points(c.VisibilityMode.NEVER)
    panel.draw_style(c.GraphDrawStyle.BARS if bars else c.GraphDrawStyle.LINE)
    panel.span_nulls(False).tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI))
    panel.legend(
        common.VizLegendOptions()
        .display_mode(c.LegendDisplayMode.LIST)
        .placement(c.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    if decimals is not None:
        panel.decimals(decimals)
    if stacked:
        panel.stacking(common.StackingConfig().mode(c.StackingMode.NORMAL))
    if low is not None:
        panel.min(low)
    if high is not None:
        panel.max(high)
    if steps is not None:
        panel.thresholds(thresholds(steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED)
        )
    return panel


def figure(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    unit: str,
    steps: Steps | None = None,
    about: Text | None = None,
    decimals: int | None = None,
    reduce: str = "lastNotNull",
) -> stat.Panel:
    """One large number. `reduce` joins many series or points into it."""
    panel = stat.Panel()
    _dress(panel, lang, title, targets, about)
    _scaled(panel, unit, steps, decimals)
    panel.graph_mode(c.BigValueGraphMode.NONE).color_mode(c.BigValueColorMode.VALUE)
    panel.reduce_options(common.ReduceDataOptions().calcs([reduce]).values(False))
    return panel


def dial(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    unit: str,
    steps: Steps,
    high: float,
    about: Text | None = None,
) -> gauge_builder.Panel:
    panel = gauge_builder.Panel()
    _dress(panel, lang, title, targets, about)
    _scaled(panel, unit, steps, None)
    panel.min(0).max(high).reduce_options(_last()).show_threshold_markers(True)
    return panel


def ranking(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    unit: str,
    steps: Steps | None = None,
    about: Text | None = None,
    decimals: int | None = None,
) -> bargauge.Panel:
    """Horizontal bars, one for each series."""
    panel = bargauge.Panel()
    _dress(panel, lang, title, targets, about)
    _scaled(panel, unit, steps, decimals)
    panel.orientation(c.VizOrientation.HORIZONTAL).display_mode(c.BarGaugeDisplayMode.BASIC)
    panel.value_mode(c.BarGaugeValueMode.TEXT).show_unfilled(True).reduce_options(_last()).min(0)
    return panel


def means(lang: Lang, title: Text, target: InfluxQuery, *, by: str, of: str, unit: str) -> barchart.Panel:
    """Bars of the mean of column `of` for each value of column `by`; Grafana computes it."""
    panel = barchart.Panel()
    _dress(panel, lang, title, [target], None)
    grouped = {
        by: {"operation": "groupby", "aggregations": []},
        of: {"operation": "aggregate", "aggregations": ["mean"]},
    }
    panel.with_transformation(d.DataTransformerConfig(id_val="groupBy", options={"fields": grouped}))
    panel.unit(unit).decimals(1).min(0).x_field(by).orientation(c.VizOrientation.HORIZONTAL)
    panel.show_value(c.VisibilityMode.ALWAYS).color_scheme(
        dashboard.FieldColor().mode(d.FieldColorModeId.FIXED).fixed_color(BLUE)
    )
    panel.legend(
        common.VizLegendOptions()
        .display_mode(c.LegendDisplayMode.HIDDEN)
        .placement(c.LegendPlacement.BOTTOM)
        .show_legend(False)
    )
    return panel


def shares(lang: Lang, title: Text, *targets: InfluxQuery, unit: str, about: Text | None = None) -> Any:
    panel = piechart.Panel()
    _dress(panel, lang, title, targets, about)
    panel.unit(unit).pie_type(p.PieChartType.DONUT).reduce_options(
        common.ReduceDataOptions().calcs(["sum"]).values(False)
    )
    panel.legend(
        piechart.PieChartLegendOptions()
        .display_mode(c.LegendDisplayMode.TABLE)
        .placement(c.LegendPlacement.RIGHT)
        .show_legend(True)
        .values([p.PieChartLegendValues.PERCENT, p.PieChartLegendValues.VALUE])
    )
    return panel


class Column:
    """How one column of a table is shown; `name` is the query's column."""

    def __init__(
        self,
        name: str,
        title: Text,
        unit: str = "",
        *,
        decimals: int | None = None,
        words: Mapping[str, tuple[Text, str]] | None = None,
        plain: Mapping[str, Text] | None = None,
        steps: Steps | None = None,
        bar: bool = False,
        link: str = "",
        width: int | None = None,
    ) -> None:
        self.name, self.title, self.unit, self.decimals = name, title, unit, decimals
        self.words, self.plain, self.steps, self.bar = words, plain, steps, bar
        self.link, self.width = link, width

    def properties(self, lang: Lang) -> list[d.DynamicConfigValue]:
        wanted: list[tuple[str, object]] = [("displayName", self.title.to(lang))]
        if self.unit:
            wanted.append(("unit", self.unit))
        if self.decimals is not None:
            wanted.append(("decimals", self.decimals))
        if self.width is not None:
            wanted.append(("custom.width", self.width))
        if self.words is not None:
            wanted.append(("mappings", value_words(self.words, lang)))
            wanted.append(("custom.cellOptions", {"type": "color-text"}))
        if self.plain is not None:
            wanted.append(("mappings", plain_words(self.plain, lang)))
        if self.steps is not None:
            wanted.append(("thresholds", thresholds(self.steps).build()))
            wanted.append(("color", {"mode": "thresholds"}))
        if self.bar:
            wanted.append(
                ("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"})
            )
        elif self.steps is not None:
            wanted.append(("custom.cellOptions", {"type": "color-text"}))
        if self.link:
            wanted.append(("links", [{"title": self.title.to(lang), "url": self.link}]))
        return [property_of(key, value) for key, value in wanted]


def grid(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    columns: Sequence[Column],
    join: str = "",
    divide: tuple[str, str, str] | None = None,
    sort: str = "",
    descending: bool = True,
    about: Text | None = None,
) -> table.Panel:
    """A table with named columns; columns that are not named are hidden.

    join: column by which several targets become one table. divide: (numerator, denominator, new
    column), computed by Grafana after joining. sort: a column's query name.
    """
    panel = table.Panel()
    _dress(panel, lang, title, targets, about)
    if join:
        panel.with_transformation(
            d.DataTransformerConfig(id_val="joinByField", options={"byField": join, "mode": "inner"})
        )
    if divide:
        over, under, name = divide
        options = {
            "mode": "binary",
            "binary": {"left": over, "operator": "/", "right": under},
            "alias": name,
            "replaceFields": False,
        }
        panel.with_transformation(d.DataTransformerConfig(id_val="calculateField", options=options))
    panel.with_transformation(
        d.DataTransformerConfig(
            id_val="filterFieldsByName", options={"include": {"names": [column.name for column in columns]}}
        )
    )
    panel.with_transformation(
        d.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {},
                "indexByName": {column.name: index for index, column in enumerate(columns)},
                "renameByName": {},
            },
        )
    )
    if sort:
        panel.with_transformation(
            d.DataTransformerConfig(
                id_val="sortBy", options={"fields": {}, "sort": [{"field": sort, "desc": descending}]}
            )
        )
    for column in columns:
        panel.override_by_name(column.name, column.properties(lang))
    return panel


def property_of(key: str, value: object) -> d.DynamicConfigValue:
    return d.DynamicConfigValue(id_val=key, value=value)


def density(lang: Lang, title: Text, *targets: InfluxQuery, unit: str, about: Text | None = None) -> Any:
    """Heat map whose rows are the targets' series in their order, such as the hours of a day."""
    panel = heatmap.Panel()
    _dress(panel, lang, title, targets, about)
    panel.calculate(False).color(
        heatmap.HeatmapColorOptions()
        .mode(h.HeatmapColorMode.SCHEME)
        .scheme("Viridis")
        .steps(64)
        .reverse(False)
        .exponent(0.5)
        .fill("dark-orange")
    )
    panel.cell_values(heatmap.CellValues().unit(unit).decimals(1)).show_color_scale(True).show_legend()
    return panel


def places(lang: Lang, title: Text, *targets: InfluxQuery, join: str, steps: Steps, size: str) -> Any:
    """Map with one marker a row; the joined rows carry `latitude` and `longitude`."""
    panel = geomap.Panel()
    _dress(panel, lang, title, targets, None)
    panel.with_transformation(
        d.DataTransformerConfig(id_val="joinByField", options={"byField": join, "mode": "inner"})
    )
    panel.thresholds(thresholds(steps)).color_scheme(
        dashboard.FieldColor().mode(d.FieldColorModeId.THRESHOLDS)
    )
    panel.view(geomap.MapViewConfig().id("fit").all_layers(True))
    panel.basemap(common.MapLayerOptions().type("default").name("basemap"))
    style = {
        "color": {"field": size, "fixed": "dark-green"},
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


def note(lang: Lang, title: Text, content: Text) -> text.Panel:
    """A short text for readers, in Markdown."""
    panel = text.Panel()
    panel.title(title.to(lang)).mode(t.TextMode.MARKDOWN).content(content.to(lang))
    return panel
