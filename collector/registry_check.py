"""What a registry's form cannot say: ids against types, and meter trees that count everything once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from zoneinfo import available_timezones

from collector.registry import TYPE_LETTER, Building, Meter, Role
from drivers.carrier import Carrier, item_code

Finding = tuple[str, str]
"""(key below the building, problem)."""


def building_findings(building: Building, regions: Collection[str]) -> Iterator[Finding]:
    """Everything wrong with one building; `regions` are the known region codes."""
    letter = TYPE_LETTER[building.type]
    if building.id[6] != letter:
        yield "id", f"type letter is {building.id[6]}, but a {building.type} has {letter}"
    if building.province not in regions:
        yield "id", f"no province has the code {building.province}"
    if building.special_area_m2 >= building.area_m2:
        yield "special_area_m2", f"must be smaller than area_m2 ({building.area_m2:g})"
    if building.time_zone not in available_timezones():
        yield "time_zone", f"{building.time_zone!r} is no IANA time zone such as Asia/Shanghai"
    if (building.latitude is None) != (building.longitude is None):
        yield "latitude", "latitude and longitude come together"
    for edge, times in Counter(building.edges).items():
        if times > 1:
            yield "edges", f"{edge} is listed {times} times"
    yield from _meter_findings(building.meters)


def _meter_findings(meters: tuple[Meter, ...]) -> Iterator[Finding]:
    by_name = {meter.name: meter for meter in meters}
    for name, times in Counter(meter.name for meter in meters).items():
        if times > 1:
            yield f"meter.{name}", f"is there {times} times"
    for (device, carrier), times in Counter(
        (meter.device, meter.carrier) for meter in meters if meter.device and meter.role is not Role.CHECK
    ).items():
        if times > 1:
            yield f"meter.{device}", f"{times} meters count {carrier} of device {device}"
    for meter in meters:
        for key, problem in _one_meter(meter, by_name):
            yield f"meter.{meter.name}{key}", problem
    yield from _missing_mains(meters)


def _one_meter(meter: Meter, by_name: Mapping[str, Meter]) -> Iterator[Finding]:
    if meter.item:
        yield from _item_findings(meter)
    if meter.parent:
        yield from _parent_findings(meter, by_name)
    if not meter.device:
        yield from _virtual_findings(meter, by_name)


def _item_findings(meter: Meter) -> Iterator[Finding]:
    if meter.role is not Role.SUB:
        yield ".item", f"only sub meters have an item, this one is {meter.role}"
    if meter.carrier is not Carrier.ELECTRICITY:
        yield ".item", f"national items are of electricity, this meter counts {meter.carrier}"
    try:
        item_code(meter.item)
    except ValueError as error:
        yield ".item", str(error)


def _parent_findings(meter: Meter, by_name: Mapping[str, Meter]) -> Iterator[Finding]:
    parent = by_name.get(meter.parent)
    if parent is None:
        yield ".parent", f"there is no meter {meter.parent!r}"
        return
    if meter.role is Role.MAIN:
        yield ".parent", "a main meter counts towards the total itself and cannot be part of another"
    if parent.carrier is not meter.carrier and meter.role is not Role.HEAT_PUMP:
        yield ".parent", f"{meter.parent} counts {parent.carrier}, this meter {meter.carrier}"
    if parent.role not in (Role.MAIN, Role.SUB):
        yield ".parent", f"{meter.parent} is {parent.role}; only main and sub meters have parts"
    path, above = [meter.name], parent
    while above.name not in path:
        path.append(above.name)
        if above.parent not in by_name:
            return
        above = by_name[above.parent]
    if above is meter:
        yield ".parent", f"a circle: {' → '.join([*path, meter.name])}"


def _virtual_findings(meter: Meter, by_name: Mapping[str, Meter]) -> Iterator[Finding]:
    if meter.role in (Role.PV, Role.HEAT_PUMP):
        yield ".role", f"a virtual meter cannot be {meter.role}"
    if not meter.plus:
        yield ".plus", "a virtual meter needs at least one meter to add"
    for name, times in Counter((*meter.plus, *meter.minus)).items():
        other = by_name.get(name)
        key = ".plus" if name in meter.plus else ".minus"
        if times > 1:
            yield key, f"{name} is named {times} times"
        if other is None:
            yield key, f"there is no meter {name!r}"
        elif other.carrier is not meter.carrier:
            yield key, f"{name} counts {other.carrier}, this meter {meter.carrier}"
    if _reaches(meter, meter.name, by_name, frozenset()):
        yield ".plus", "a circle: the meter is computed from itself"


def _reaches(meter: Meter, name: str, by_name: Mapping[str, Meter], seen: frozenset[str]) -> bool:
    parts = [*meter.plus, *meter.minus]
    if name in parts:
        return True
    return any(
        _reaches(by_name[part], name, by_name, seen | {part})
        for part in parts
        if part in by_name and part not in seen
    )


def _missing_mains(meters: tuple[Meter, ...]) -> Iterator[Finding]:
    mains = {meter.carrier for meter in meters if meter.role is Role.MAIN}
    for carrier in sorted({meter.carrier for meter in meters if meter.role is Role.SUB} - mains):
        yield "meter", f"{carrier} has sub meters but no main meter, so the building has no total of it"
