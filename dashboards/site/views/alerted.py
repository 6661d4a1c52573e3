"""Alerts in the visitor's words: names where the rules keep ids, units for values."""

from __future__ import annotations

from collections.abc import Mapping

from collector.registry import Registry
from dashboards.site.language import Language
from dashboards.site.views.explained import scheme_name
from drivers.quantity import vocabulary
from rules.alerts import Alert, Event
from rules.scheme import Scheme

MOST_NAMES = 3
UNITS = {
    "energy_kwh": "kWh", "energy_kgce": "kgce", "carbon_kgco2": "kgCO2", "power_kw": "kW",
    "pv_power_kw": "kW", "heating_and_cooling_kw": "kW", "temperature_spread": "K", "starts_per_hour": "1/h",
}  # fmt: skip
"""Of a quota's basis, and of the values that conditions derive; none for shares and plain numbers."""


def quota_of(alert: Alert) -> tuple[str, str] | None:
    """Scheme and basis of a quota's alert; its device is the period."""
    kind, _, rest = alert.rule.partition(":")
    scheme, _, basis = rest.rpartition(":")
    return (scheme, basis) if kind == "quota" and scheme else None


def title(language: Language, alert: Alert, registry: Registry, schemes: Mapping[str, Scheme]) -> str:
    """What is wrong. The rules' own title but for quotas and edges, which it names by their ids."""
    quota = quota_of(alert)
    if quota is not None:
        level = "exceeded" if alert.severity == "critical" else "warning"
        return language.t(
            f"over.{level}",
            scheme=scheme_name(language, schemes, quota[0]),
            basis=language.known(f"basis.{quota[1]}") or quota[1],
            period=about(language, alert),
        )
    if alert.rule == "edge-offline":
        behind = [b for b in registry.buildings.values() if alert.device in b.edges]
        names = language.t("list.comma").join(language.name(b) for b in behind[:MOST_NAMES])
        more = language.t("list.more", n=len(behind) - MOST_NAMES) if len(behind) > MOST_NAMES else ""
        return language.t("alert.edge_offline", edge=alert.device) + (
            language.t("list.colon") + names + more if names else ""
        )
    return alert.title_zh if language.code == "zh" else alert.title_en


def about(language: Language, alert: Alert) -> str:
    """The device of an alert, or a quota's period in words; "" for a building as a whole."""
    return language.period(alert.device) if quota_of(alert) else alert.device


def step(language: Language, alert: Alert, event: Event, watched: Mapping[str, str]) -> str:
    """The value of one step in an alert's life; a quota's ends with the share of the limit."""
    if event.value is None:
        return ""
    if event.what == "resolved" and quota_of(alert):
        return language.percent(event.value)
    return f"{language.number(event.value)} {language.unit(unit(alert, watched))}".rstrip()


def unit(alert: Alert, watched: Mapping[str, str]) -> str:
    """Of an alert's value and limit. watched: condition id -> the quantity that it compares."""
    quota = quota_of(alert)
    name = quota[1] if quota else watched.get(alert.rule, "")
    known = vocabulary().get(name)
    return known.unit if known else UNITS.get(name, "")
