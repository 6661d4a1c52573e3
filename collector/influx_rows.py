"""Series of an InfluxDB answer to rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from collector.influx_http import Series
from collector.model import EventRow, JudgementRow, Latest

LATEST_WINDOW_MS = 15 * 60_000


def event_rows(series: Series) -> list[EventRow]:
    """Points of (time, before, after, counted)."""
    tags = series.tags
    return [
        EventRow(
            tags["building"], tags["device"], tags["quantity"], tags["kind"],
            int(at), float(before), float(after), None if counted is None else float(counted),
        )
        for at, before, after, counted in series.values
    ]  # fmt: skip


def latest_row(series: Series) -> Latest:
    """The newest point, with values of the quarter hour before where it has none."""
    at = int(series.values[0][0])
    values: dict[str, float] = {}
    for point in series.values:
        if at - point[0] <= LATEST_WINDOW_MS:
            for name, value in zip(series.columns[1:], point[1:], strict=True):
                if value is not None and name != "status":
                    values.setdefault(name, float(value))
    return Latest(series.tags["building"], series.tags["device"], series.name, at, values)


def judgement_row(series: Series) -> JudgementRow:
    """The newest point of one judgement's series."""
    at, *values = series.values[0]
    found: defaultdict[str, Any] = defaultdict(lambda: None)
    found.update(zip(series.columns[1:], values, strict=True))
    passes_on = found["passes_on"]
    return JudgementRow(
        building=series.tags["building"],
        scheme=series.tags["scheme"],
        basis=series.tags["basis"],
        period=series.tags["period"],
        judged_at=int(at),
        unit=found["unit"] or "",
        used=float(found["used"]),
        limit=found["limit"],
        share=found["share"],
        expected_share=found["expected_share"],
        forecast=found["forecast"],
        forecast_low=found["forecast_low"],
        forecast_high=found["forecast_high"],
        level=found["level"],
        coverage=float(found["coverage"]),
        tables_version=series.tags["version"],
        passes_on=date.fromisoformat(passes_on) if passes_on else None,
        detail=found["detail"] or "",
    )


def quoted(value: str) -> str:
    """A text as InfluxQL writes it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")
    return f"'{escaped}'"
