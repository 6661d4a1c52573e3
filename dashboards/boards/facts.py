"""The boards' own measurements as line protocol: who a building is, what was announced, hours of days.

Written into the bucket of energy and judgements:

| measurement | tags | fields |
|---|---|---|
| `building` | building, type, name_*, label_*, class_*, province, province_code, province_* … | area_m2 … |
| `announcement` | kind (`month`, `year`), slot | code, name_*, type_*, rank, grade, eui, level … |
| `alert` | building, rule, severity, device | state, value, limit, name_*, title_*, updated_at |
| `load_profile` | building, hour (`00` … `23`) | power_kw |
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from collector.lines import line
from collector.model import IntervalRow
from collector.registry import TYPE_LETTER, Building, Registry, Role
from dashboards.announce.model import Announcement, Entry
from dashboards.boards.words import CLASSES, TYPES
from rules.alerts import Alert

DAY_MS = 86_400_000
FIXED_AT = 946_684_800_000
"""One time for what has no history here, so that writing again replaces: 2000-01-01, ms UTC."""


def _region(registry: Registry, code: str, width: int) -> dict[str, str]:
    """The region as daily energy names it, the part of the code that ids begin with, and its names."""
    zh, en = registry.region_names.get(code, (code, code))
    key, part = {2: "province", 4: "city", 6: "county"}[width], code[:width]
    return {key: code, f"{key}_code": part, f"{key}_zh": f"{part} {zh}", f"{key}_en": f"{part} {en}"}


def building_tags(building: Building, registry: Registry) -> dict[str, str]:
    letter = TYPE_LETTER[building.type]
    return {
        "building": building.id,
        "type": building.type.value,
        "name_zh": building.name_zh,
        "name_en": building.name_en,
        "label_zh": f"{building.id} {building.name_zh}",
        "label_en": f"{building.id} {building.name_en}",
        "class_zh": f"{letter} {CLASSES[letter].zh}",
        "class_en": f"{letter} {CLASSES[letter].en}",
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


def alert_line(alert: Alert, registry: Registry) -> str:
    """The newest state of one alert, at the time it opened."""
    building = registry.buildings.get(alert.building)
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
        "name_zh": building.name_zh if building else alert.building,
        "name_en": building.name_en if building else alert.building,
        "title_zh": alert.title_zh,
        "title_en": alert.title_en,
        "updated_at": alert.updated_at,
    }
    return line("alert", tags, fields, alert.opened_at)


def announced_at(announcement: Announcement) -> int:
    """A time within the day of issue, ms UTC, of this announcement alone.

    Points of two announcements never share a time, so that none inherits a field that it does not set.
    """
    day = datetime.combine(announcement.issued_on, time(), UTC)
    key = f"{announcement.number}/{announcement.region}/{announcement.period}"
    return int(day.timestamp()) * 1000 + zlib.crc32(key.encode()) % DAY_MS


def announced_kind(announcement: Announcement) -> str:
    return "month" if announcement.period.monthly else "year"


def announcement_lines(announcement: Announcement) -> list[str]:
    """One slot a counted building."""
    kind, at = announced_kind(announcement), announced_at(announcement)
    return [
        line("announcement", {"kind": kind, "slot": f"{slot:05d}"}, _entry(entry, announcement), at)
        for slot, entry in enumerate(announcement.entries)
    ]


def hidden_line(kind: str, slot: str, at: int) -> str:
    """Takes one building of an earlier announcement off the board."""
    return line("announcement", {"kind": kind, "slot": slot}, {"shown": 0.0}, at)


def _entry(entry: Entry, announcement: Announcement) -> dict[str, float | str | None]:
    kind, worst = TYPES[entry.type], entry.worst
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
        "carbon_rank": entry.rank_carbon,
        "grade": entry.grade_energy.letter if entry.grade_energy else "",
        "carbon_grade": entry.grade_carbon.letter if entry.grade_carbon else "",
        "eui": entry.eui,
        "carbon_intensity": entry.kgco2_m2,
        "share": worst.share if worst else None,
        "level": worst.level.value if worst else "",
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
