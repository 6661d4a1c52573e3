"""InfluxQL targets: the one query language that InfluxDB 1.x, 2.x (with a DBRP mapping) and 3.x all speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SAMPLES = "beacon-samples"
"""Data source uid of the bucket with raw samples."""
ENERGY = "beacon-energy"
"""Data source uid of the bucket with interval energy, daily energy, judgements, alerts and edges."""

Format = Literal["time_series", "table"]


def source(uid: str) -> DataSourceRef:
    return DataSourceRef(type_val="influxdb", uid=uid)


@dataclass(frozen=True, slots=True)
class InfluxQuery(variants.Dataquery, cogbuilder.Builder[variants.Dataquery]):
    """One raw InfluxQL target of a panel. The SDK has no typed builder for InfluxDB, so this is it.

    text: InfluxQL with Grafana's `$timeFilter`, `$__interval` and `${variable:regex}`.
    alias: series name with `$tag_x`, `$col`; only for time series.
    """

    text: str
    alias: str = ""
    uid: str = ENERGY
    form: Format = "time_series"
    ref: str = "A"

    def build(self) -> variants.Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        body: dict[str, object] = {
            "refId": self.ref,
            "datasource": source(self.uid),
            "query": self.text,
            "rawQuery": True,
            "resultFormat": self.form,
        }
        if self.alias:
            body["alias"] = self.alias
        return body


def series(text: str, alias: str = "", *, uid: str = ENERGY, ref: str = "A") -> InfluxQuery:
    return InfluxQuery(text, alias, uid, "time_series", ref)


def rows(text: str, *, uid: str = ENERGY, ref: str = "A") -> InfluxQuery:
    """A target whose tags and fields become columns."""
    return InfluxQuery(text, "", uid, "table", ref)
