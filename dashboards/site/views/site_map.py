"""Where the buildings stand: a map without tiles, so that nothing is asked of strangers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from dashboards.site.views.portfolio import Line

WIDTH, MARGIN = 760.0, 46.0
FLATTEST, STEEPEST = 0.3, 0.58
MOST_LINKS = 300
"""Beyond this many buildings the dots are no links: the page stays light, and nobody could hit them."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Degrees to the drawing: equirectangular about the middle latitude; fits all points, keeps the scale."""

    west: float
    north: float
    scale: float
    squeeze: float
    left: float
    top: float
    height: float

    @classmethod
    def around(cls, points: Sequence[tuple[float, float]]) -> Projection:
        """points: (latitude, longitude) in degrees, at least one."""
        south, north = min(p[0] for p in points), max(p[0] for p in points)
        west, east = min(p[1] for p in points), max(p[1] for p in points)
        squeeze = math.cos(math.radians((south + north) / 2))
        wide, tall = max((east - west) * squeeze, 0.01), max(north - south, 0.01)
        height = WIDTH * min(STEEPEST, max(FLATTEST, tall / wide))
        scale = min((WIDTH - 2 * MARGIN) / wide, (height - 2 * MARGIN) / tall)
        left = (WIDTH - (east - west) * squeeze * scale) / 2
        top = (height - (north - south) * scale) / 2
        return cls(west, north, scale, squeeze, left, top, height)

    def __call__(self, latitude: float, longitude: float) -> tuple[float, float]:
        return (
            self.left + (longitude - self.west) * self.squeeze * self.scale,
            self.top + (self.north - latitude) * self.scale,
        )


def building_map(
    lines: Sequence[Line],
    title: str,
    name: Callable[[Line], str],
    region: Callable[[Line], str],
) -> Markup | None:
    """A dot a building in the colour of its level, and the names of the regions; None with nothing to show.

    name, region: what a building and the region around it are called.
    """
    placed = [
        (line, line.building.latitude, line.building.longitude)
        for line in lines
        if line.building.latitude is not None and line.building.longitude is not None
    ]
    if len(placed) < 2:
        return None
    project = Projection.around([(latitude, longitude) for _, latitude, longitude in placed])
    linked = len(placed) <= MOST_LINKS
    dots, groups = [], defaultdict[str, list[tuple[float, float]]](list)
    for line, latitude, longitude in reversed(placed):
        x, y = project(latitude, longitude)
        groups[region(line)].append((x, y))
        dot = f'<circle class="{line.level}" cx="{x:.1f}" cy="{y:.1f}" r="{6 if linked else 3.5}"/>'
        if linked:
            label = escape(name(line))
            href = f"/buildings/{line.building.id}"
            dot = f'<a href="{href}" aria-label="{label}"><title>{label}</title>{dot}</a>'
        dots.append(dot)
    names = [
        f'<text x="{sum(x for x, _ in points) / len(points):.1f}" '
        f'y="{min(y for _, y in points) - 11:.1f}" text-anchor="middle">{escape(text)}</text>'
        for text, points in groups.items()
    ]
    return Markup(
        f'<svg class="map" viewBox="0 0 {WIDTH:.0f} {project.height:.0f}" role="group" '
        f'aria-label="{escape(title)}">{"".join(names)}{"".join(dots)}</svg>'
    )
