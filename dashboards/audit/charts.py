"""Charts of the audit as inline SVG; colours stand in attributes, so that PDF draws them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup, escape

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C")
PLAIN, MARKED = COLOURS[0], COLOURS[5]
INK, RULE = "#6b7580", "#c3cad1"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 230, 52, 24, 24


def scaled(largest: float) -> tuple[float, str]:
    """What to divide kWh by so that an axis is readable, and the unit that makes."""
    return (1000.0, "MWh") if largest >= 20_000 else (1.0, "kWh")


def _nice(largest: float) -> float:
    """A round number at or above `largest`."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(largest))) - 1)
    return next(step * power for step in (1, 2, 2.5, 4, 5, 8, 10) if step * power >= largest)


def _frame(top: float, unit: str) -> str:
    lines = []
    for part in range(5):
        y = TOP + (HEIGHT - BOTTOM - TOP) * (1 - part / 4)
        value = top * part / 4
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}"/>')
        lines.append(
            _text(LEFT - 6, y + 4, f"{value:,.0f}" if value == int(value) else f"{value:,.1f}", "end")
        )
    return "".join((*lines, _text(LEFT - 6, 11, unit, "end")))


def _svg(body: str, title: str, height: float = HEIGHT) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{body}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="{INK}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def stacked(labels: Sequence[str], parts: Mapping[str, Sequence[float]], title: str) -> Markup:
    """Stacked bars of kWh, one for each label; `parts` are the layers from below."""
    totals = [sum(layer[index] for layer in parts.values()) for index in range(len(labels))]
    divisor, unit = scaled(max(totals, default=0.0))
    top = _nice(max(totals, default=0.0) / divisor)
    step = (WIDTH - LEFT) / max(1, len(labels))
    scale = (HEIGHT - BOTTOM - TOP) / top / divisor
    body = [_frame(top, unit)]
    for index, label in enumerate(labels):
        x, y = LEFT + index * step + step * 0.15, float(HEIGHT - BOTTOM)
        for place, layer in enumerate(parts.values()):
            height = max(0.0, layer[index]) * scale
            y -= height
            colour = COLOURS[place % len(COLOURS)]
            body.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" '
                f'height="{height:.1f}" fill="{colour}"/>'
            )
        body.append(_text(x + step * 0.35, HEIGHT - 8, label))
    return _svg("".join(body), title)


def daily(days: Sequence[tuple[date, float]], marked: set[date], title: str) -> Markup:
    """Thin bars of kWh, one a day; marked days have another colour and a triangle above."""
    if not days:
        return Markup("")
    divisor, unit = scaled(max(value for _, value in days))
    top = _nice(max(value for _, value in days) / divisor)
    first, last = days[0][0], days[-1][0]
    count = (last - first).days + 1
    step = (WIDTH - LEFT) / count
    scale = (HEIGHT - BOTTOM - TOP) / top / divisor
    body = [_frame(top, unit)]
    for day, value in days:
        x, height = LEFT + (day - first).days * step, max(0.0, value) * scale
        y, middle = HEIGHT - BOTTOM - height, x + step * 0.42
        body.append(
            f'<rect x="{x:.2f}" y="{y:.1f}" width="{max(0.6, step * 0.85):.2f}" '
            f'height="{height:.1f}" fill="{MARKED if day in marked else PLAIN}"/>'
        )
        if day in marked:
            body.append(
                f'<path d="M{middle - 3:.1f} {y - 8:.1f}h6l-3 5z" '
                f'fill="{MARKED}" stroke="#fff" stroke-width=".4"/>'
            )
        if day.day == 1 or (count <= 62 and day.day % 5 == 0):
            body.append(_text(middle, HEIGHT - 8, f"{day.month}/{day.day}"))
    return _svg("".join(body), title)


def shares(parts: Mapping[str, float], title: str) -> Markup:
    """Horizontal bars with the part's name, kWh and share of all."""
    whole, largest = sum(parts.values()), max(parts.values(), default=0.0)
    if largest <= 0:
        return Markup("")
    body, row, left, right = [], 26, 170, 170
    for place, (label, value) in enumerate(parts.items()):
        y, width = place * row + 6, (WIDTH - left - right) * value / largest
        colour = COLOURS[place % len(COLOURS)]
        body.append(_text(left - 8, y + 12, label, "end"))
        body.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="16" fill="{colour}"/>')
        body.append(_text(left + width + 8, y + 12, f"{value:,.0f} kWh  {value / whole:.0%}", "start"))
    return _svg("".join(body), title, len(parts) * row + 8)
