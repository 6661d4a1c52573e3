"""The boards' own measurements as line protocol: who a building is, what was announced, hours of days.

Written into the bucket of energy and judgements:

| measurement | tags | fields |
|---|---|---|
| `building` | building, type, name_zh, name_en, label_*, type_*, province_* … | area_m2 … |
| `announcement` | kind (`month`, `year`), slot | code, name_zh, name_en, type, rank, grade, eui … |
| `alert` | building, rule, severity, device | state, value, limit, title_zh, title_en, updated_at |
| `load_profile` | building, hour (`00` … `23`) | power_kw |
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from collector.lines import line
from collector.model import IntervalRow
from collector.registry import Building, Registry, Role
from dashboards.announce.model import Announcement, Entry
from dashboards.boards.words import TYPES
from rules.alerts import Alert

FIXED_AT = 946_684_800_000
"""One time for what has no history here, so that writing again replaces: 2000-01-01, ms UTC."""


def _region(registry: Registry, code: str, width: int) -> dict[str, str]:
    zh, en = registry.region_names.get(code, (code, code))
    key = {2: "province", 4: "city", 6: "county"}[width]
    return {f"{key}_zh": f"{code[:width]} {zh}", f"{key}_en": f"{code[:width]} {en}"}


def building_tags(building: Building, registry: Registry) -> dict[str, str]:
    kind = TYPES[building.type.value]
    return {
        "building": building.id,
        "type": building.type.value,
        "name_zh": building.name_zh,
        "name_en": building.name_en,
        "label_zh": f"{building.id} {building.name_zh}",
        "label_en": f"{building.id} {building.name_en}",
        "type_zh": f"{building.type.value} {kind.zh}",
        "type_en": f"{building.type.value} {kind.en}",
        **_region(registry, building.province, 2),
        **_region(registry, building.city, 4),
        **_region(registry, building.region, 6),
    }


def building_line(building: Building, registry: Registry) -> str:
    fields = {
        "area_m2": building.area_m2,
        "heated_area_m2": building.heated_area_m2,
        "latitude": building.latitude,
        "longitude": building.longitude,
        "contracted_kw": building.contracted_kw,
    }
    return line("building", building_tags(building, registry), fields, FIXED_AT)


def building_lines(registry: Registry) -> list[str]:
    return [building_line(building, registry) for building in registry.buildings.values()]


def alert_line(alert: Alert) -> str:
    """The newest state of one alert, at the time it opened."""
    tags = {
        "building": alert.building,
        "rule": alert.rule,
        "severity": alert.severity,
        "device": alert.device,
    }
    fields = {
        "state": alert.state,
        "value": alert.value,
        "limit": alert.limit,
        "title_zh": alert.title_zh,
        "title_en": alert.title_en,
        "updated_at": alert.updated_at,
    }
    return line("alert", tags, fields, alert.opened_at)


def announcement_lines(announcement: Announcement, slots: int = 0) -> list[str]:
    """The newest announcement of its kind, one slot a counted building.

    slots: how many an earlier announcement filled; those beyond this one's are hidden.
    """
    kind = "month" if announcement.period.monthly else "year"
    entries = announcement.entries
    lines = [
        line("announcement", {"kind": kind, "slot": f"{slot:05d}"}, _entry(entry, announcement), FIXED_AT)
        for slot, entry in enumerate(entries)
    ]
    lines += [
        line("announcement", {"kind": kind, "slot": f"{slot:05d}"}, {"shown": 0.0}, FIXED_AT)
        for slot in range(len(entries), slots)
    ]
    return lines


def _entry(entry: Entry, announcement: Announcement) -> dict[str, float | str | None]:
    kind = TYPES[entry.type]
    return {
        "shown": 1.0,
        "number": announcement.number,
        "period": str(announcement.period),
        "code": entry.code,
        "name_zh": entry.name.zh,
        "name_en": entry.name.en,
        "type_zh": kind.zh,
        "type_en": kind.en,
        "rank": entry.rank_energy,
        "grade": entry.grade_energy.letter if entry.grade_energy else "",
        "carbon_grade": entry.grade_carbon.letter if entry.grade_carbon else "",
        "eui": entry.eui,
        "carbon_intensity": entry.kgco2_m2,
        "share": entry.worst.share if entry.worst else None,
        "change": entry.change_eui,
        "area": entry.area_m2,
        "coverage": entry.coverage,
    }


def profile_lines(building: Building, intervals: Iterable[IntervalRow]) -> list[str]:
    """Mean power of each local hour from the interval energy of the electricity main meters, kW."""
    mains = {
        meter.device
        for meter in building.meters
        if meter.role is Role.MAIN and meter.carrier == "electricity" and meter.device
    }
    zone = ZoneInfo(building.time_zone)
    hours: dict[int, list[float]] = {}
    for row in intervals:
        if row.device in mains and row.direction == "import" and row.carrier == "electricity":
            total = hours.setdefault(row.start // 3_600_000, [0.0, 0.0])
            total[0] += row.energy
            total[1] = max(total[1], row.start % 3_600_000 / 1000 + row.length_s)
    lines = []
    for hour, (energy, seconds) in sorted(hours.items()):
        local = datetime.fromtimestamp(hour * 3600, zone)
        tags = {"building": building.id, "hour": f"{local.hour:02d}"}
        lines.append(line("load_profile", tags, {"power_kw": energy * 3600 / seconds}, hour * 3_600_000))
    return lines
