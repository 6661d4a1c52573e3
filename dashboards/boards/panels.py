"""Charts with the house's looks: colour-blind-safe, units always said, empty said as empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    dashboard,
    heatmap,
    piechart,
    stat,
    text,
    timeseries,
)
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d
from grafana_foundation_sdk.models import heatmap as h
from grafana_foundation_sdk.models import piechart as p
from grafana_foundation_sdk.models import text as t

from dashboards.boards.fields import (
    Steps,
    dress,
    last,
    name_series,
    only,
    property_of,
    quotient,
    scale,
    step,
    thresholds,
)
from dashboards.boards.influx import InfluxQuery
from dashboards.boards.words import BLUE, Lang, Text

Names = Mapping[str, Text]
"""Name of a series, or of a column -> what is shown for it."""


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
    names: Names | None = None,
    units: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """Lines, or bars, over time; with `steps`, dashed limit lines. units: of series that have another."""
    panel = timeseries.Panel()
    dress(panel, lang, title, targets, about)
    panel.unit(unit).line_width(2).fill_opacity(80 if bars else 0).show_points(c.VisibilityMode.NEVER)
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
    if low is not None or bars:
        panel.min(low or 0)
    if high is not None:
        panel.max(high)
    if steps is not None:
        panel.thresholds(thresholds(steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED)
        )
    name_series(panel, lang, names or {}, units or {})
    return panel


def band(panel: timeseries.Panel, low: str, high: str) -> None:
    """Fill between two series of a chart of lines, by their names, without drawing their edges."""
    quiet = [
        property_of("custom.lineWidth", 0),
        property_of("color", {"mode": "fixed", "fixedColor": BLUE}),
    ]
    panel.override_by_name(low, [*quiet, property_of("custom.fillOpacity", 0)])
    panel.override_by_name(
        high, [*quiet, property_of("custom.fillOpacity", 20), property_of("custom.fillBelowTo", low)]
    )


def figure(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    unit: str,
    steps: Steps | None = None,
    about: Text | None = None,
    decimals: int | None = None,
    names: Names | None = None,
) -> stat.Panel:
    """One large number, or one for each series."""
    panel = stat.Panel()
    dress(panel, lang, title, targets, about)
    scale(panel, unit, steps, decimals)
    panel.graph_mode(c.BigValueGraphMode.NONE).color_mode(c.BigValueColorMode.VALUE)
    panel.reduce_options(last())
    name_series(panel, lang, names or {}, {})
    return panel


def tally(
    lang: Lang,
    title: Text,
    target: InfluxQuery,
    *,
    unit: str,
    steps: Steps | None = None,
    about: Text | None = None,
) -> stat.Panel:
    """How many there are: InfluxQL counts nothing as no answer, which is shown as 0."""
    return figure(lang, title, target, unit=unit, steps=steps, about=about).no_value("0")


def ranking(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    unit: str,
    about: Text | None = None,
    decimals: int | None = None,
    names: Names | None = None,
) -> bargauge.Panel:
    """Horizontal bars, one for each series or column."""
    panel = bargauge.Panel()
    dress(panel, lang, title, targets, about)
    scale(panel, unit, None, decimals)
    panel.orientation(c.VizOrientation.HORIZONTAL).display_mode(c.BarGaugeDisplayMode.BASIC)
    panel.value_mode(c.BarGaugeValueMode.TEXT).show_unfilled(True).reduce_options(last()).min(0)
    panel.text(common.VizTextDisplayOptions().title_size(14).value_size(16))
    name_series(panel, lang, names or {}, {})
    return panel


def intensities(
    lang: Lang,
    title: Text,
    *targets: InfluxQuery,
    join: str,
    over: Mapping[str, tuple[str, Text]],
    under: str,
    unit: str,
    about: Text | None = None,
) -> bargauge.Panel:
    """Sums of columns over the sum of another, as bars: the targets' rows joined, summed, then divided.

    over: column -> name and words of its quotient.
    """
    names = dict(over.values())
    panel = ranking(lang, title, *targets, unit=unit, decimals=1, about=about, names=names)
    panel.with_transformation(step("joinByField", byField=join, mode="inner"))
    panel.with_transformation(only(*over, under))
    panel.with_transformation(step("reduce", mode="reduceFields", reducers=["sum"], includeTimeField=False))
    for column, (name, _) in over.items():
        panel.with_transformation(quotient(column, under, name))
    panel.with_transformation(only(*names))
    return panel


def means(
    lang: Lang, title: Text, target: InfluxQuery, *, by: str, of: str, shown: Text, unit: str
) -> barchart.Panel:
    """Bars of the mean of column `of`, shown as `shown`, for each value of column `by`."""
    panel = barchart.Panel()
    dress(panel, lang, title, [target], None)
    fields = {
        by: {"operation": "groupby", "aggregations": []},
        of: {"operation": "aggregate", "aggregations": ["mean"]},
    }
    panel.with_transformation(step("groupBy", fields=fields))
    scale(panel, unit, None, 1)
    panel.min(0).x_field(by).orientation(c.VizOrientation.HORIZONTAL).show_value(c.VisibilityMode.ALWAYS)
    panel.override_by_name(f"{of} (mean)", [property_of("displayName", shown.to(lang))])
    panel.legend(
        common.VizLegendOptions()
        .display_mode(c.LegendDisplayMode.LIST)
        .placement(c.LegendPlacement.BOTTOM)
        .show_legend(False)
    )
    return panel


def shares(
    lang: Lang, title: Text, target: InfluxQuery, *, unit: str, names: Names, about: Text | None = None
) -> piechart.Panel:
    panel = piechart.Panel()
    dress(panel, lang, title, [target], about)
    panel.unit(unit).pie_type(p.PieChartType.DONUT).display_labels([]).color_scheme(
        dashboard.FieldColor().mode(d.FieldColorModeId.PALETTE_CLASSIC)
    )
    panel.reduce_options(common.ReduceDataOptions().calcs(["sum"]).values(False))
    panel.legend(
        piechart.PieChartLegendOptions()
        .display_mode(c.LegendDisplayMode.TABLE)
        .placement(c.LegendPlacement.RIGHT)
        .show_legend(True)
        .values([p.PieChartLegendValues.PERCENT, p.PieChartLegendValues.VALUE])
    )
    name_series(panel, lang, names, {})
    return panel


def density(lang: Lang, title: Text, *targets: InfluxQuery, unit: str, about: Text | None = None) -> Any:
    """Heat map whose rows are the targets' series in their order, such as the hours of a day."""
    panel = heatmap.Panel()
    dress(panel, lang, title, targets, about)
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


def note(lang: Lang, title: Text, content: Text) -> text.Panel:
    """A short text for readers, in Markdown."""
    panel = text.Panel()
    panel.title(title.to(lang)).mode(t.TextMode.MARKDOWN).content(content.to(lang))
    return panel
