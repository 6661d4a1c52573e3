"""Charts as inline SVG: they need no script, print well, and take their colours from the style sheet.

Every function gives Markup with a `<title>`; the page sets a table with the same numbers beside it.
Colours are classes (`s1` … `s8`, `h0` … `h6`, level names), so light, dark and print each have their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

HEAT_STEPS = 7
_GAUGE_START = 150.0
_GAUGE_SWEEP = 240.0


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. points: (x, y) with x growing; a y of None breaks the line."""

    css: str
    label: str
    points: Sequence[tuple[float, float | None]]
    area: bool = False


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`."""
    if high <= low:
        high = low + 1
    raw = (high - low) / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.floor(low / step) * step
    count = math.ceil((high - first) / step - 1e-9)
    return [first + step * n for n in range(count + 1)]


def _tick_text(value: float, step: float) -> str:
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def _path(points: Sequence[tuple[float, float | None]]) -> str:
    parts: list[str] = []
    pen_down = False
    for x, y in points:
        if y is None:
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = True
    return "".join(parts)


def line_chart(
    lines: Sequence[Line],
    x_labels: Sequence[tuple[float, str]],
    x_range: tuple[float, float],
    title: str,
    unit: str,
    height: int = 260,
    width: int = 760,
) -> Markup:
    """Curves over a common x. x_labels: (x, text) drawn below."""
    values = [y for line in lines for _, y in line.points if y is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    steps = ticks(low, high)
    left, right, top, bottom = 52, width - 8, 22, height - 26
    x0, x1 = x_range

    def px(x: float) -> float:
        return left + (x - x0) / ((x1 - x0) or 1) * (right - left)

    def py(y: float) -> float:
        return bottom - (y - steps[0]) / (steps[-1] - steps[0]) * (bottom - top)

    out = [
        f'<svg class="lines" viewBox="0 0 {width} {height}" role="img"><title>{escape(title)}</title>',
        f'<text class="unit" x="{left - 8}" y="12" text-anchor="end">{escape(unit)}</text>',
    ]
    for tick in steps:
        css = "axis" if tick == 0 else "grid"
        out.append(f'<line class="{css}" x1="{left}" x2="{right}" y1="{py(tick):.1f}" y2="{py(tick):.1f}"/>')
        text = _tick_text(tick, steps[1] - steps[0])
        out.append(f'<text x="{left - 8}" y="{py(tick) + 4:.1f}" text-anchor="end">{text}</text>')
    for x, text in x_labels:
        out.append(f'<text x="{px(x):.1f}" y="{height - 8}" text-anchor="middle">{escape(text)}</text>')
    for line in lines:
        points = [(px(x), None if y is None else py(y)) for x, y in line.points]
        path = _path(points)
        drawn = [x for x, y in points if y is not None]
        if line.area and len(drawn) > 1:
            whole = "M" + path[1:].replace("M", "L")
            out.append(
                f'<path class="area {line.css}" '
                f'd="{whole}L{drawn[-1]:.1f} {py(0):.1f}L{drawn[0]:.1f} {py(0):.1f}Z"/>'
            )
        out.append(f'<path class="line {line.css}" d="{path}"/>')
    return Markup("".join([*out, "</svg>"]))


def sparkline(values: Sequence[float | None], css: str = "s1", width: int = 120, height: int = 28) -> Markup:
    """A curve without axes; decoration beside a number, so hidden from screen readers."""
    present = [v for v in values if v is not None]
    if len(present) < 2:
        return Markup("")
    low, high = min(present), max(present)
    spread = (high - low) or 1.0
    step = width / (len(values) - 1)
    points = [
        (n * step, None if v is None else height - 2 - (v - low) / spread * (height - 4))
        for n, v in enumerate(values)
    ]
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="line {css}" d="{_path(points)}"/></svg>'
    )


def bar(share: float, css: str = "s1") -> Markup:
    """One horizontal bar, `share` of the width; the number stands beside it."""
    width = max(0.0, min(1.0, share)) * 100
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/>'
        f'<rect class="{css}" width="{width:.1f}" height="8"/></svg>'
    )


def stack(parts: Sequence[tuple[str, float]]) -> Markup:
    """Parts of one whole side by side. parts: (css, amount)."""
    whole = sum(amount for _, amount in parts) or 1.0
    out, x = [], 0.0
    for css, amount in parts:
        width = amount / whole * 100
        if width > 0:
            out.append(f'<rect class="{css}" x="{x:.2f}" width="{max(0.2, width - 0.4):.2f}" height="10"/>')
        x += width
    return Markup(
        '<svg class="stack" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        + "".join(out)
        + "</svg>"
    )


def column(shares: Sequence[tuple[str, float | None]]) -> Markup:
    """Upright bars side by side. shares: (css, share of the height); absent ones are left out."""
    bars = [(css, max(0.0, min(1.0, share))) for css, share in shares if share is not None]
    start = 50 - 21 * len(bars)
    rects = [
        f'<rect class="{css}" x="{start + n * 42 + 2}" width="38" y="{100 - share * 100:.1f}" '
        f'height="{share * 100:.1f}"/>'
        for n, (css, share) in enumerate(bars)
    ]
    return Markup(
        '<svg class="column" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        + "".join(rects)
        + "</svg>"
    )


def bullet(share: float, expected: float | None, level: str) -> Markup:
    """Share of a limit as a bar to 125 %, with marks at the limit and at the share expected by today."""
    full = 125.0
    mark = ""
    if expected is not None:
        x = min(full, expected * 100)
        mark = f'<rect class="expected" x="{x - 0.6:.1f}" y="0" width="1.2" height="12"/>'
    return Markup(
        f'<svg class="bullet" viewBox="0 0 {full:.0f} 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" y="3" width="{full:.0f}" height="6"/>'
        f'<rect class="fill {level}" y="3" width="{min(full, max(0.0, share) * 100):.1f}" height="6"/>'
        f'<rect class="limit" x="99.6" y="1" width="0.8" height="10"/>{mark}</svg>'
    )


def _arc(radius: float, start: float, end: float) -> str:
    def point(degrees: float) -> tuple[float, float]:
        return 110 + radius * math.cos(math.radians(degrees)), 105 + radius * math.sin(math.radians(degrees))

    (x0, y0), (x1, y1) = point(start), point(end)
    large = 1 if end - start > 180 else 0
    return f"M{x0:.1f} {y0:.1f}A{radius} {radius} 0 {large} 1 {x1:.1f} {y1:.1f}"


def gauge(
    share: float,
    expected: float | None,
    forecast: tuple[float, float] | None,
    level: str,
    centre: str,
    below: str,
    title: str,
) -> Markup:
    """Share of the limit on an arc, marks at limit and expected share, the forecast as a band outside.

    share, expected, forecast: of the limit, 1.0 is all of it. The arc ends at 125 % or beyond the highest.
    """
    full = min(3.0, max(1.25, share * 1.05, (forecast[1] if forecast else 0) * 1.05))

    def angle(value: float) -> float:
        return _GAUGE_START + max(0.0, min(value, full)) / full * _GAUGE_SWEEP

    end = _GAUGE_START + _GAUGE_SWEEP
    out = [
        f'<svg class="gauge" viewBox="0 0 220 172" role="img"><title>{escape(title)}</title>',
        f'<path class="track" d="{_arc(78, _GAUGE_START, end)}"/>',
        f'<path class="over" d="{_arc(78, angle(1.0), end)}"/>',
        f'<path class="fill {level}" d="{_arc(78, _GAUGE_START, max(angle(share), _GAUGE_START + 0.5))}"/>',
    ]
    if forecast is not None:
        low, high = angle(forecast[0]), angle(forecast[1])
        out.append(f'<path class="band" d="{_arc(95, low, max(high, low + 1.5))}"/>')
    marks = [("limit", 1.0, 64, 100)]
    if expected is not None:
        marks.append(("expected", expected, 66, 90))
    for css, value, inner, outer in marks:
        a = math.radians(angle(value))
        out.append(
            f'<line class="{css}" x1="{110 + inner * math.cos(a):.1f}" y1="{105 + inner * math.sin(a):.1f}" '
            f'x2="{110 + outer * math.cos(a):.1f}" y2="{105 + outer * math.sin(a):.1f}"/>'
        )
    out.append(f'<text class="centre" x="110" y="110" text-anchor="middle">{escape(centre)}</text>')
    out.append(f'<text class="below" x="110" y="132" text-anchor="middle">{escape(below)}</text></svg>')
    return Markup("".join(out))


def heat_map(rows: Sequence[Sequence[float | None]], title: str) -> Markup:
    """Rows of 24 hours, one a day; darker is more. A missing hour stays hatched-empty."""
    present = sorted(v for row in rows for v in row if v is not None)
    low, high = (present[0], present[-1]) if present else (0.0, 1.0)
    spread = (high - low) or 1.0
    cells = []
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            step = -1 if value is None else min(HEAT_STEPS - 1, int((value - low) / spread * HEAT_STEPS))
            css = "none" if step < 0 else f"h{step}"
            cells.append(f'<rect class="{css}" x="{x}" y="{y}" width=".94" height=".9"/>')
    return Markup(
        f'<svg class="heat" viewBox="0 0 24 {max(1, len(rows))}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(title)}</title>{''.join(cells)}</svg>"
    )
