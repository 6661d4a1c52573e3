"""The InfluxDB store: the contract on the real engine, and every way it can be unavailable."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from servers import InfluxDB, free_port
from store_contract import BUILDING, NOON, StoreContract, quarters, samples

from collector import influx_init
from collector.batch_cut import CheckedSamples, Head
from collector.influx_store import InfluxStore
from collector.settings import InfluxSettings
from collector.store import PartlyStored
from drivers.errors import StoreUnavailable

numbers = count()


def settings_for(url: str, **changes: object) -> InfluxSettings:
    """Buckets of the test's own; the retention leaves the tests' times alone."""
    number = f"{os.getpid()}_{next(numbers)}"
    content = {
        "kind": "influxdb", "url": url, "raw_retention_days": 36_500,
        "bucket_raw": f"raw_{number}", "bucket_energy": f"energy_{number}",
    }  # fmt: skip
    return InfluxSettings.model_validate(content | changes)


@pytest.fixture
def clock() -> Callable[[], int]:
    return count(NOON).__next__


@pytest.mark.server
class TestInfluxStore(StoreContract):
    @pytest.fixture
    def store(self, influxdb: InfluxDB, clock: Callable[[], int]) -> Iterator[InfluxStore]:
        settings = settings_for(influxdb.url)
        influx_init.prepare(settings)
        store = InfluxStore(settings, clock=clock)
        yield store
        store.close()


@pytest.mark.skipif("BEACON_TEST_INFLUX_URL" not in os.environ, reason="no InfluxDB 2.x or 3.x named")
class TestConfiguredInfluxStore(StoreContract):
    @pytest.fixture
    def store(self, clock: Callable[[], int]) -> Iterator[InfluxStore]:
        settings = settings_for(
            os.environ["BEACON_TEST_INFLUX_URL"],
            token=os.environ.get("BEACON_TEST_INFLUX_TOKEN", ""),
            org=os.environ.get("BEACON_TEST_INFLUX_ORG", ""),
        )
        influx_init.prepare(settings)
        store = InfluxStore(settings, clock=clock)
        yield store
        store.close()


@pytest.fixture
def influx_store(influxdb: InfluxDB) -> Iterator[InfluxStore]:
    settings = settings_for(influxdb.url)
    influx_init.prepare(settings)
    store = InfluxStore(settings)
    yield store
    store.close()


@pytest.mark.server
def test_init_twice_changes_nothing(influxdb: InfluxDB) -> None:
    settings = settings_for(influxdb.url, raw_retention_days=90)
    first = influx_init.prepare(settings)
    assert influx_init.prepare(settings) == first
    assert first[1:] == [
        f"database {settings.bucket_raw}: kept 90 days",
        f"database {settings.bucket_energy}: kept for ever",
    ]
    policies = influxdb.query(f'SHOW RETENTION POLICIES ON "{settings.bucket_raw}"')
    assert b"2160h0m0s" in policies


@pytest.mark.server
def test_numbers_cut_from_the_wire_are_stored_as_they_are(influx_store: InfluxStore) -> None:
    text = b"%d,2,1.5e-3,-0,%d,0,12345678901234567890,7" % (NOON, NOON + 1)
    fields = ("active_power_total", "voltage_l1n")
    head = Head(BUILDING, "meter1", "electricity", fields)
    influx_store.write([CheckedSamples(head, 2, NOON, text)], [])
    got = influx_store.series(BUILDING, "meter1", "active_power_total", NOON, NOON + 10)
    assert got == [(NOON, 0.0015), (NOON + 1, 12345678901234567890.0)]
    assert influx_store.latest()[0].values == {
        "active_power_total": 12345678901234567890.0,
        "voltage_l1n": 7.0,
    }


@pytest.mark.server
def test_points_that_are_refused_are_named_and_the_others_stored(influx_store: InfluxStore) -> None:
    fields = ("active_power_total",)
    bad = CheckedSamples(Head(BUILDING, "bad", "electricity", fields), 1, NOON, b'%d,0,"x"' % NOON)
    good = [samples(f"good{i}", [NOON, 0, float(i), 1.0]) for i in range(5)]
    with pytest.raises(PartlyStored) as caught:
        influx_store.write([*good[:3], bad, *good[3:]], [quarters("good0", NOON, 1.0)])
    assert [(each.building, each.device) for each in caught.value.rejected] == [(BUILDING, "bad")]
    assert "type" in caught.value.rejected[0].reason
    assert len(influx_store.latest()) == 5
    assert len(influx_store.intervals(BUILDING, NOON, NOON + 1)) == 1


@pytest.mark.server
def test_a_missing_bucket_is_said_with_its_remedy(influxdb: InfluxDB) -> None:
    settings = settings_for(influxdb.url)
    store = InfluxStore(settings)
    for attempt in (lambda: store.write([samples("m", [NOON, 0, 1.0, 2.0])], []), store.latest):
        with pytest.raises(
            StoreUnavailable, match=f"(?s){settings.bucket_raw}.*not found.*beacon collector init"
        ):
            attempt()
    store.close()


def test_an_unreachable_server_is_said() -> None:
    store = InfluxStore(settings_for(f"http://127.0.0.1:{free_port()}"))
    for attempt in (lambda: store.write([samples("m", [NOON, 0, 1.0, 2.0])], []), store.latest):
        with pytest.raises(StoreUnavailable, match=r"does not answer .*is it running"):
            attempt()
    store.close()
