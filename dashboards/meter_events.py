"""What happened to a building's meters, in words a facility manager reads. See docs/register-events.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from collector.local_day import day_bounds
from collector.model import EventRow
from collector.registry import Building, Meter
from collector.store import Store
from dashboards.announce.words import carrier_name, unit_text
from dashboards.boards.words import Lang
from drivers.carrier import Direction
from drivers.quantity import UnknownQuantity, ledger, quantity

KINDS: dict[str, tuple[str, str]] = {
    "reset": ("读数复位：由 {before} 降至 {after} {unit}", "counter reset from {before} to {after} {unit}"),
    "rollover": (
        "计数翻转：由 {before} 过零至 {after} {unit}",
        "counter rolled over from {before} to {after} {unit}",
    ),
    "recovered": (
        "读数恢复：由 {before} 回到 {after} {unit}，此前的复位不成立",
        "counter came back, from {before} to {after} {unit}: the reset before was none",
    ),
    "jump": (
        "读数突变：由 {before} 跳至 {after} {unit}，超出该表可能的用量",
        "counter jumped from {before} to {after} {unit}, more than can have been used",
    ),
    "fell_back": (
        "读数小幅回落：由 {before} 至 {after} {unit}，超过原值后继续计入",
        "counter fell back from {before} to {after} {unit}; counting goes on above the former reading",
    ),
    "glitch": (
        "个别错误读数：{before} 之后读到 {after} {unit}，已剔除",
        "wrong readings of {after} after {before} {unit}, left out",
    ),
    "exchange": (
        "更换表计：旧表止度 {before}，新表起度 {after} {unit}",
        "meter exchanged: the old one ended at {before}, the new one began at {after} {unit}",
    ),
    "ratio": ("倍率由 {before} 改为 {after}", "ratio changed from {before} to {after}"),
    "ratio_since": (
        "自此时起倍率实为 {after}（原按 {before} 计），各时段电量已更正",
        "the ratio was {after} from here on, not {before}: intervals were corrected",
    ),
}
"""Kind -> (zh, en). Kinds of newer edges are shown by their name."""
COUNTED = ("其间用量计为 {counted} {unit}", "use in between counted as {counted} {unit}")
ADDED = ("增补 {counted} {unit}", "{counted} {unit} added")


@dataclass(frozen=True, slots=True)
class Told:
    """One event in words. at: local time of the building, to the minute."""

    at: str
    meter: str
    text: str

    def __str__(self) -> str:
        return f"{self.at} {self.meter}: {self.text}"


def events_of(store: Store, building: Building, first: date, last: date) -> list[EventRow]:
    """The building's events of the local days first..last, oldest first. Raises StoreUnavailable."""
    zone = building.time_zone
    return store.events(building.id, day_bounds(first, zone)[0], day_bounds(last, zone)[1] - 1)


def told(event: EventRow, building: Building, lang: Lang) -> Told:
    at = datetime.fromtimestamp(event.at / 1000, ZoneInfo(building.time_zone))
    place = 0 if lang == "zh" else 1
    figure = "{:g}".format if event.kind.startswith("ratio") else _figure
    unknown = f"{event.kind}: {{before}} → {{after}} {{unit}}"
    values = {"before": figure(event.before), "after": figure(event.after), "unit": _unit(event.quantity)}
    text = KINDS.get(event.kind, (unknown, unknown))[place].format(**values)
    if event.counted is not None:
        tail = (ADDED if event.kind == "ratio_since" else COUNTED)[place]
        text += ("；" if lang == "zh" else "; ") + tail.format(counted=_figure(event.counted), **values)
    return Told(f"{at:%Y-%m-%d %H:%M}", _meter_name(event, building, lang), text)


def _meter_name(event: EventRow, building: Building, lang: Lang) -> str:
    """The meter's name, with the register where the name does not tell it."""
    booked = ledger(event.quantity)
    meters = [meter for meter in building.meters if meter.device == event.device]
    fitting: list[Meter] = [meter for meter in meters if booked and meter.carrier == booked[0]]
    name = (fitting or meters)[0].name if meters else event.device
    if booked is None:
        return f"{name} ({event.quantity})"
    carrier, direction = booked
    if direction is Direction.EXPORT:
        return (
            f"{name}（{carrier_name(carrier, lang)}，反向）"
            if lang == "zh"
            else f"{name} ({carrier_name(carrier, lang)}, export)"
        )
    return name if fitting or not meters else f"{name} ({carrier_name(carrier, lang)})"


def _unit(name: str) -> str:
    try:
        return unit_text(quantity(name).unit)
    except UnknownQuantity:
        return ""


def _figure(value: float) -> str:
    """One to three decimals: 81,234.5."""
    text = f"{value:,.3f}".rstrip("0")
    return text + "0" if text.endswith(".") else text
