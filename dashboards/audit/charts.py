"""Charts of the audit as inline SVG; colours stand in attributes, so that PDF draws them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup, escape

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C")
INK, RULE = "#59636e", "#d5dae0"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 240, 58, 24, 20


def _nice(largest: float) -> float:
    """A round number at or above `largest`."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(largest))) - 1)
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= largest)


def _frame(top: float, unit: str) -> str:
    lines = []
    for part in range(5):
        y = TOP + (HEIGHT - BOTTOM - TOP) * (1 - part / 4)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}"/>')
        lines.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" font-size="11" fill="{INK}" text-anchor="end">'
            f"{top * part / 4:,.0f}</text>"
        )
    lines.append(f'<text x="2" y="9" font-size="10" fill="{INK}">{escape(unit)}</text>')
    return "".join(lines)


def _svg(body: str, title: str) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{body}</svg>"
    )


def stacked(labels: Sequence[str], parts: Mapping[str, Sequence[float]], unit: str, title: str) -> Markup:
    """Stacked bars, one for each label; `parts` are the layers from below."""
    totals = [sum(layer[index] for layer in parts.values()) for index in range(len(labels))]
    top = _nice(max(totals, default=0.0))
    step = (WIDTH - LEFT) / max(1, len(labels))
    scale = (HEIGHT - BOTTOM - TOP) / top
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
        body.append(
            f'<text x="{x + step * 0.35:.1f}" y="{HEIGHT - 8}" font-size="11" fill="{INK}" '
            f'text-anchor="middle">{escape(label)}</text>'
        )
    return _svg("".join(body), title)


def daily(days: Sequence[tuple[date, float]], marked: set[date], unit: str, title: str) -> Markup:
    """Thin bars, one a day; marked days stand out."""
    if not days:
        return Markup("")
    top = _nice(max(value for _, value in days))
    first, last = days[0][0], days[-1][0]
    step = (WIDTH - LEFT) / ((last - first).days + 1)
    scale = (HEIGHT - BOTTOM - TOP) / top
    body = [_frame(top, unit)]
    for day, value in days:
        x, height = LEFT + (day - first).days * step, max(0.0, value) * scale
        colour = "#D55E00" if day in marked else "#0072B2"
        body.append(
            f'<rect x="{x:.2f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{max(0.6, step * 0.85):.2f}" '
            f'height="{height:.1f}" fill="{colour}"/>'
        )
        if day.day == 1 or day == first:
            body.append(
                f'<text x="{x:.1f}" y="{HEIGHT - 8}" font-size="10" fill="{INK}">{day.month}/{day.day}</text>'
            )
    return _svg("".join(body), title)
