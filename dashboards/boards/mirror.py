"""What only the boards need, beside the energy in InfluxDB: buildings, hours of days, alerts, announcements.

Every writing replaces what it wrote before, so running again, or on two machines, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from collector.influx_http import InfluxHttp
from collector.registry import Registry
from collector.settings import InfluxSettings
from collector.store import Store
from dashboards.announce.model import Announcement
from dashboards.boards.facts import (
    DAY_MS,
    alert_line,
    announced_at,
    announced_kind,
    announcement_lines,
    building_lines,
    building_tags,
    hidden_line,
    profile_lines,
)
from rules.alerts import Alert

POST_LINES = 20_000


def mirror(
    settings: InfluxSettings,
    registry: Registry,
    store: Store,
    alerts: Sequence[Alert],
    now: int,
    days: int = 2,
) -> int:
    """Write buildings, alerts, and the hours of the last `days` days; the number of lines. now: ms UTC.

    Raises StoreUnavailable.
    """
    http = InfluxHttp(settings)
    try:
        forget_renamed(http, registry)
        lines = [*building_lines(registry), *(alert_line(alert, registry) for alert in alerts)]
        start = now // DAY_MS * DAY_MS - days * DAY_MS
        for building in registry.buildings.values():
            lines += profile_lines(building, store.intervals(building.id, start, now))
        _post(http, lines)
    finally:
        http.close()
    return len(lines)


def show_announcement(settings: InfluxSettings, announcement: Announcement) -> None:
    """Put an announcement on the public board in place of the one before. Raises StoreUnavailable."""
    http = InfluxHttp(settings)
    kind, at = announced_kind(announcement), announced_at(announcement)
    try:
        asked = (
            f'SELECT "shown" FROM "announcement" WHERE "kind" = \'{kind}\' AND "shown" = 1 GROUP BY "slot"'
        )
        earlier = [
            hidden_line(kind, each.tags["slot"], row[0])
            for each in http.query(settings.bucket_energy, asked)
            for row in each.values
            if row[0] != at
        ]
        _post(http, [*announcement_lines(announcement), *earlier])
    finally:
        http.close()


def forget_renamed(http: InfluxHttp, registry: Registry) -> list[str]:
    """Take away buildings whose names or types changed, or that are gone. Returns their ids.

    Tags cannot be changed in place. InfluxDB 3 deletes no series: there an old name stays in the lists.
    """
    bucket = http.settings.bucket_energy
    known = http.query(bucket, 'SELECT last("area_m2") FROM "building" GROUP BY *')
    wanted = {building.id: building_tags(building, registry) for building in registry.buildings.values()}
    stale = sorted(
        {each.tags["building"] for each in known if wanted.get(each.tags["building"]) != each.tags}
    )
    version = http.version()
    for name in stale:
        if version.startswith("1."):
            http.query(bucket, f'DROP SERIES FROM "building" WHERE "building" = \'{name}\'', "POST")
        elif version.startswith("2."):
            http.client.delete_api().delete(
                datetime(1970, 1, 1, tzinfo=UTC),
                datetime(2100, 1, 1, tzinfo=UTC),
                f'_measurement="building" AND building="{name}"',
                bucket,
                http.settings.org,
            )
    return stale


def _post(http: InfluxHttp, lines: Iterable[str]) -> None:
    waiting = list(lines)
    for first in range(0, len(waiting), POST_LINES):
        http.write(http.settings.bucket_energy, "".join(waiting[first : first + POST_LINES]).encode())
