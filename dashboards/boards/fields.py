"""How fields look in every kind of panel: units, thresholds, coded values as words, names of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.models import dashboard as d

from dashboards.boards.influx import InfluxQuery, source
from dashboards.boards.words import BLUE, EMPTY, GREY, Lang, Text
from drivers.carrier import ITEMS, UNIT

Steps = Sequence[tuple[float | None, str]]

KW, KWH, PERCENT, DEGC, M3, BYTES, MS = (
    "kwatt",
    "kwatth",
    "percentunit",
    "celsius",
    "m3",
    "bytes",
    "ms",
)
EUI_UNIT = "suffix:kWh/m²"
CARBON_UNIT = "suffix:kgCO₂/m²"
KGCO2 = "suffix:kgCO₂"
AREA_UNIT = "suffix:m²"
HOURS = "suffix:h"
DURATION = "dthms"
"""Seconds as hours, minutes and seconds; `s` says hours in English."""
COUNT = "locale"
"""A number with the thousands parted, never shortened to K."""
NO_UNIT = "none"
TEXT = "string"
DATETIME = "dateTimeAsIso"

NATIVE = {"kWh": KWH, "m3": M3, "kg": "masskg", "kgce": "suffix:kgce"}
CARRIER_UNITS = {carrier.value: NATIVE[unit] for carrier, unit in UNIT.items()}
ITEM_NAMES = {code: Text(zh, en.capitalize()) for code, (zh, en) in ITEMS.items()}


def property_of(key: str, value: object) -> d.DynamicConfigValue:
    return d.DynamicConfigValue(id_val=key, value=value)


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(d.ThresholdsMode.ABSOLUTE)
        .steps([d.Threshold(value=value, color=color) for value, color in steps])
    )


def nothing(lang: Lang) -> list[d.ValueMapping]:
    """No value in grey, where the colour of the lowest step would say something about it."""
    matches = (d.SpecialValueMatch.NULL_AND_NAN, d.SpecialValueMatch.EMPTY)
    result = d.ValueMappingResult(text=EMPTY.to(lang), color=GREY, index=0)
    return [
        d.SpecialValueMap(options=d.DashboardSpecialValueMapOptions(match=match, result=result))
        for match in matches
    ]


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


def without_code() -> list[d.ValueMapping]:
    """`3301 Hangzhou` shown as `Hangzhou`."""
    result = d.ValueMappingResult(text="$1", index=0)
    return [d.RegexMap(options=d.DashboardRegexMapOptions(pattern=r"^[0-9]+ (.+)$", result=result))]


def dress(panel: Any, lang: Lang, title: Text, targets: Sequence[InfluxQuery], about: Text | None) -> Any:
    """What every panel has: title, description, data, and a word for no data."""
    panel.title(title.to(lang)).no_value(EMPTY.to(lang))
    if about is not None:
        panel.description(about.to(lang))
    if targets:
        panel.datasource(source(targets[0].uid)).targets(list(targets))
    return panel


def scale(panel: Any, unit: str, steps: Steps | None, decimals: int | None) -> None:
    """Unit and colour. Without `steps` blue: Grafana's own thresholds turn any number above 80 red."""
    panel.unit(unit)
    if decimals is not None:
        panel.decimals(decimals)
    if steps is not None:
        panel.thresholds(thresholds(steps)).color_scheme(
            dashboard.FieldColor().mode(d.FieldColorModeId.THRESHOLDS)
        )
    else:
        panel.color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.FIXED).fixed_color(BLUE))


def name_series(panel: Any, lang: Lang, names: Mapping[str, Text], units: Mapping[str, str]) -> None:
    """Words, and units where they differ, for series whose name is a code."""
    for code, name in names.items():
        shown = [property_of("displayName", name.to(lang))]
        if code in units:
            shown.append(property_of("unit", units[code]))
        panel.override_by_name(code, shown)


def last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def step(name: str, **options: object) -> d.DataTransformerConfig:
    """One of Grafana's transformations."""
    return d.DataTransformerConfig(id_val=name, options=options)


def quotient(over: str, under: str, name: str) -> d.DataTransformerConfig:
    """A new column `name`: one column over another."""
    binary = {"left": over, "operator": "/", "right": under}
    return step("calculateField", mode="binary", binary=binary, alias=name, replaceFields=False)


def only(*names: str) -> d.DataTransformerConfig:
    return step("filterFieldsByName", include={"names": list(names)})
