"""The boards own measurements on a real InfluxDB: twice is once, renamed is renamed, hidden is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import seed
import town
from announced_town import make
from servers import InfluxDB

from collector.influx_http import InfluxHttp
from collector.influx_init import prepare
from collector.influx_store import InfluxStore
from collector.registry import Registry
from collector.settings import InfluxSettings
from dashboards.announce.model import Announcement
from dashboards.boards.mirror import mirror, show_announcement

NOW = seed.ms(seed.FIRST, 30)


@pytest.fixture
def settings(influxdb: InfluxDB) -> Iterator[InfluxSettings]:
    made = InfluxSettings(
        kind="influxdb",
        url=influxdb.url,
        bucket_raw="mirror_samples",
        bucket_energy="mirror_energy",
        raw_retention_days=36_500,
    )
    prepare(made)
    yield made
    influxdb.query('DROP DATABASE "mirror_energy"')


def tag_values(settings: InfluxSettings, key: str) -> set[str]:
    http = InfluxHttp(settings)
    found = http.query(settings.bucket_energy, f'SHOW TAG VALUES FROM "building" WITH KEY = "{key}"')
    http.close()
    return {row[1] for series in found for row in series.values}


def count(settings: InfluxSettings, query: str) -> int:
    http = InfluxHttp(settings)
    found = http.query(settings.bucket_energy, query)
    http.close()
    return int(found[0].values[0][1]) if found else 0


@pytest.mark.server
def test_a_renamed_building_loses_its_old_name(settings: InfluxSettings) -> None:
    registry = town.registry()
    store = InfluxStore(settings)
    mirror(settings, registry, store, [], NOW)
    mirror(settings, registry, store, [], NOW)
    assert len(tag_values(settings, "label_en")) == 30
    old = registry.buildings[seed.BUILDING]
    renamed = Registry(
        {**registry.buildings, old.id: replace(old, name_en="Sun, Moon = Tower")}, registry.region_names
    )
    mirror(settings, renamed, store, [], NOW)
    labels = tag_values(settings, "label_en")
    store.close()
    assert len(labels) == 30
    assert f"{old.id} Sun, Moon = Tower" in labels
    assert count(settings, 'SELECT count("area_m2") FROM "building"') == 30


@pytest.mark.server
def test_hours_are_mean_powers_of_the_main_meter(settings: InfluxSettings) -> None:
    store = InfluxStore(settings)
    seed.fill(store)
    mirror(settings, town.registry(), store, [], NOW)
    store.close()
    http = InfluxHttp(settings)
    found = http.query(settings.bucket_energy, 'SELECT "power_kw", "hour" FROM "load_profile"')
    http.close()
    rows = found[0].values
    assert [row[2] for row in rows] == [f"{hour:02d}" for hour in range(24)]
    assert {row[1] for row in rows} == {80.0}  # four intervals of 20 kWh in every hour


@pytest.mark.server
def test_a_shorter_announcement_hides_the_rest_of_the_longer(
    settings: InfluxSettings, october: Announcement
) -> None:
    shown = 'SELECT count("shown") FROM "announcement" WHERE "kind" = \'month\' AND "shown" = 1'
    show_announcement(settings, october)
    assert count(settings, shown) == 28
    show_announcement(settings, make(region="3305"))
    assert count(settings, shown) == 9
    show_announcement(settings, october)
    assert count(settings, shown) == 28


@pytest.mark.server
def test_a_building_inherits_nothing_from_the_one_announced_before_in_its_place(
    settings: InfluxSettings, october: Announcement
) -> None:
    asked = 'SELECT count("share") FROM "announcement" WHERE "kind" = \'month\' AND "shown" = 1'
    show_announcement(settings, october)
    judged = sum(entry.worst is not None for entry in october.entries)
    assert count(settings, asked) == judged > 0
    bare = tuple(
        replace(group, entries=tuple(replace(entry, verdicts=()) for entry in group.entries))
        for group in october.types
    )
    show_announcement(settings, replace(october, types=bare, number="33-2026-10-02"))
    assert count(settings, asked) == 0
    show_announcement(settings, october)
    assert count(settings, asked) == judged
