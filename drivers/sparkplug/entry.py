"""What a configuration says of a device behind Sparkplug B: where its metrics come from, what they mean."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from drivers.profile import Counter, Point, Profile, default_group
from drivers.quantity import Quantity, UnknownQuantity, ledger, quantity

_STEP = 2.0**-23  # a Float metric carries no more


class MetricEntry(BaseModel):
    """One metric: what it is, and its unit if that is not the quantity's own.

    rollover: of a counter, the reading after which it starts at 0 again, in the quantity's unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    quantity: str
    unit: str | None = None
    scale: float = 1.0
    sentinels: list[float] = []
    rollover: Annotated[float, Field(gt=0)] | None = None


class DeviceEntry(BaseModel):
    """One device of ours: where its metrics come from. device: empty for metrics of the node itself.

    metrics: name of the metric = name of the quantity, or a table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    group: str
    node: str
    device: str = ""
    metrics: Annotated[dict[str, MetricEntry | str], Field(min_length=1)]

    def entries(self) -> dict[str, MetricEntry]:
        """The metrics by name, the short form written out."""
        return {
            name: MetricEntry(quantity=given) if isinstance(given, str) else given
            for name, given in self.metrics.items()
        }


def profile(entry: DeviceEntry) -> Profile:
    """What the edge needs to know of such a device; quantities that the vocabulary lacks are passed over."""
    points: list[Point] = []
    counters: list[Counter] = []
    for metric in entry.entries().values():
        try:
            known = quantity(metric.quantity)
        except UnknownQuantity:
            continue
        points.append(_point(known, metric))
        if (book := ledger(known.name)) is not None:
            counters.append(Counter(known.name, *book, metric.rollover, 0.0, _STEP))
    return Profile(
        name="sparkplug",
        model="Sparkplug B device",
        vendor="any",
        kind=points[0].quantity.group if points else "electricity",
        variants=(),
        notes=(),
        sources={},
        points=tuple(points),
        factors={},
        identity=(),
        modbus=None,
        mqtt=None,
        counters=tuple(counters),
    )


def _point(known: Quantity, metric: MetricEntry) -> Point:
    return Point(
        quantity=known,
        terms=(),
        shift=0,
        denominator=1,
        digits=9,
        minimum=known.minimum,
        maximum=known.maximum,
        sentinels=frozenset(metric.sentinels),
        map=None,
        magnitude=False,
        factors=(),
        group=default_group(known),
        modulus=metric.rollover,
        resolution=0.0,
        confidence="",
        sources=(),
        note="",
    )
