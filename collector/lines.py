"""Rows to line protocol, precision ms. All fields are floats, but for the few texts of judgements.

A float is never formatted twice: where a group still has the text of its numbers as it came
over the wire (a JSON number is a line protocol number), lines are put together from that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import orjson

from collector.batch_cut import CheckedSamples, Head
from collector.model import DailyRow, EdgeRow, EventRow, JudgementRow
from collector.store import IntervalRows, SampleRows

_templates: dict[Head, tuple[bytes, bytes]] = {}
_TEMPLATES_KEPT = 200_000


def sample_lines(groups: Sequence[SampleRows]) -> bytes:
    """One line a sample; a sample without any value has none."""
    pieces: list[bytes] = []
    for group in groups:
        if isinstance(group, CheckedSamples) and group.text is not None:
            _cut_lines(group.head, group.text.split(b","), pieces)
        else:
            _formatted_lines(group, pieces)
    return b"".join(pieces)


def _cut_lines(head: Head, numbers: list[bytes], pieces: list[bytes]) -> None:
    """Lines from number texts; the status is written only where it is not good."""
    start, template = _templates.get(head) or _new_template(head)
    width = len(head.fields) + 2
    for first in range(0, len(numbers), width):
        at, status, *values = numbers[first : first + width]
        if status != b"0":
            values[-1] += b",status=" + status
        values.append(at)
        pieces += start, template % tuple(values)


def _new_template(head: Head) -> tuple[bytes, bytes]:
    if len(_templates) >= _TEMPLATES_KEPT:
        _templates.clear()
    _templates[head] = _start(head), _template(head.fields)
    return _templates[head]


@lru_cache(maxsize=10_000)
def _template(fields: tuple[str, ...]) -> bytes:
    """The rest of a line, with a place for each value and one for the time."""
    return ",".join(f"{name}=%b" for name in fields).encode() + b" %b\n"


def _start(group: SampleRows | Head) -> bytes:
    return f"{group.kind},building={group.building},device={group.device} ".encode()


def _formatted_lines(group: SampleRows, pieces: list[bytes]) -> None:
    head = _start(group)
    names = [f"{name}=".encode() for name in group.fields]
    for at, status, *values in group.rows:
        present = [
            name + orjson.dumps(value) for name, value in zip(names, values, strict=True) if value is not None
        ]
        if present and at is not None:
            if status:
                present.append(b"status=%d" % int(status))
            pieces.append(b"%s%s %d\n" % (head, b",".join(present), int(at)))


def interval_lines(groups: Iterable[IntervalRows]) -> bytes:
    """One line an interval, at its start."""
    lines: list[str] = []
    for group in groups:
        head = (
            f"interval,building={group.building},carrier={group.carrier},"
            f"device={group.device},direction={group.direction} "
        )
        lines += [
            f"{head}energy={energy!r},length={length},measured={measured},quality={quality} {start}\n"
            for start, length, energy, measured, quality in group.rows
        ]
    return "".join(lines).encode()


def event_lines(events: Iterable[EventRow]) -> bytes:
    """One line an event, at its time."""
    return "".join(
        line(
            "register_event",
            {"building": row.building, "device": row.device, "kind": row.kind, "quantity": row.quantity},
            {"before": row.before, "after": row.after, "counted": row.counted},
            row.at,
        )
        for row in events
    ).encode()


def daily_line(row: DailyRow, at: int) -> str:
    """A day at the start of its local day. `estimated_energy` lets the store add up weighted shares."""
    tags = {
        "building": row.building,
        "carrier": row.carrier,
        "city": row.building[:4] + "00",
        "county": row.building[:6],
        "item": row.item,
        "province": row.building[:2] + "0000",
    }
    fields = {
        "energy": row.energy,
        "coverage": row.coverage,
        "estimated": row.estimated,
        "estimated_energy": row.estimated * row.energy,
        "peak_kw": row.peak_kw,
        "base_kw": row.base_kw,
    }
    return line("energy_daily", tags, fields, at)


def judgement_line(row: JudgementRow) -> str:
    tags = {
        "basis": row.basis,
        "building": row.building,
        "period": row.period,
        "scheme": row.scheme,
        "version": row.tables_version,
    }
    fields = {
        "used": row.used,
        "limit": row.limit,
        "share": row.share,
        "expected_share": row.expected_share,
        "forecast": row.forecast,
        "forecast_low": row.forecast_low,
        "forecast_high": row.forecast_high,
        "coverage": row.coverage,
        "unit": row.unit,
        "level": row.level,
        "passes_on": row.passes_on.isoformat() if row.passes_on else None,
        "detail": row.detail,
    }
    return line("quota", tags, fields, row.judged_at)


def edge_line(row: EdgeRow) -> str:
    """Numbers of the status as fields of their own for boards, and the whole status as JSON."""
    fields: dict[str, float | str | None] = {
        name: float(value) for name, value in row.status.items() if isinstance(value, bool | int | float)
    }
    oldest = row.status.get("oldest_at")
    if isinstance(oldest, int | float):
        fields["oldest_age_s"] = max(0.0, (row.received_at - oldest) / 1000)
    loads = row.status.get("bus_load")
    if isinstance(loads, Mapping) and loads:
        fields["bus_load"] = max(float(load) for load in loads.values())
    fields["clock_trusted"] = float(row.status.get("clock") == "trusted")
    version = row.status.get("version")
    fields["version"] = version if isinstance(version, str) and version else None
    fields["status"] = orjson.dumps(row.status).decode()
    return line("edge_health", {"edge": row.edge, "site": row.site}, fields, row.received_at)


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, float | str | None], at: int) -> str:
    """One line of any measurement; None is left out, a tag that is empty too."""
    head = measurement + "".join(f",{name}={_tag(value)}" for name, value in tags.items() if value)
    body = ",".join(f"{name}={_field(value)}" for name, value in fields.items() if value is not None)
    return f"{head} {body} {at}\n"


def _tag(value: str) -> str:
    """Escaped; line breaks have no form in a tag and become spaces."""
    return re.sub(r"([,= \\])", r"\\\1", re.sub(r"\s", " ", value))


def _field(value: float | str) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(float(value))
