"""Rows to line protocol, precision ms. All fields are floats, but for the few texts of judgements.

A float is never formatted twice: where a group still has the texts of its numbers as they came
over the wire (a JSON number is a line protocol number), lines are put together from those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import orjson

from collector.batch_cut import CheckedSamples, Head
from collector.model import DailyRow, EdgeRow, JudgementRow
from collector.store import IntervalRows, SampleRows

_shapes: dict[Head, list[bytes]] = {}
_SHAPES_KEPT = 500_000


def sample_lines(groups: Sequence[SampleRows]) -> bytes:
    """One line a sample; a sample without any value has none."""
    pieces: list[bytes] = []
    for group in groups:
        if isinstance(group, CheckedSamples) and group.numbers is not None:
            _cut_lines(group.head, group.numbers, pieces)
        else:
            _formatted_lines(group, pieces)
    return b"".join(pieces)


def _cut_lines(head: Head, numbers: list[bytes], pieces: list[bytes]) -> None:
    """Lines from number texts: names and numbers in turn, the status only where it is not good."""
    shape = _shapes.get(head) or _new_shape(head)
    width = len(head.fields) + 2
    for first in range(0, len(numbers), width):
        line = shape.copy()
        line[1 : 2 * width - 4 : 2] = numbers[first + 2 : first + width]
        if numbers[first + 1] != b"0":
            line[-3] = b",status=%s " % numbers[first + 1]
        line[-2] = numbers[first]
        pieces += line


def _new_shape(head: Head) -> list[bytes]:
    """[head and `a=`, number, `,b=`, number, …, ` `, time, newline] with room for what changes."""
    shape: list[bytes] = []
    for index, name in enumerate(head.fields):
        shape += [f"{',' if index else ''}{name}=".encode(), b""]
    shape[0] = _start(head) + shape[0]
    shape += [b" ", b"", b"\n"]
    if len(_shapes) >= _SHAPES_KEPT:
        _shapes.clear()
    _shapes[head] = shape
    return shape


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
