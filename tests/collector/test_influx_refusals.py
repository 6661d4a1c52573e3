"""What InfluxDB refuses: said with a remedy, not acknowledged, and stored when it is right again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from influx_double import ORG, TOKEN, Answer, InfluxDouble, not_found
from store_contract import BUILDING, NOON, samples

from collector import influx_init
from collector.admission import Admission
from collector.dead_letters import DeadLetters
from collector.influx_store import InfluxStore
from collector.ingest import Ingest
from collector.registry import Building, BuildingType, Registry
from collector.settings import InfluxSettings
from collector.store import StoreBusy
from drivers.errors import BeaconError, StoreUnavailable
from edge.wire import AckMessage


@pytest.fixture
def double() -> Iterator[InfluxDouble]:
    double = InfluxDouble()
    for name in ("beacon_raw", "beacon_energy"):
        double.add_bucket(name, [])
    yield double
    double.close()


def settings_for(double: InfluxDouble, **changes: object) -> InfluxSettings:
    content = {"kind": "influxdb", "url": double.url, "org": ORG, "token": TOKEN, "gzip": False}
    return InfluxSettings.model_validate(content | changes)


class Acks:
    """An Ingest into the double, and what it acknowledged."""

    def __init__(self, double: InfluxDouble, directory: Path) -> None:
        house = Building(BUILDING, "楼", "House", BuildingType.HOTEL, 1.0, edges=("hz/pi1",))
        self.results: list[str] = []
        self.some = asyncio.Event()
        self.letters = DeadLetters(directory / "letters.sqlite")
        admission = Admission(Registry({BUILDING: house}), lambda: NOON)
        store = InfluxStore(settings_for(double))
        self.ingest = Ingest(store, admission, self.letters, self._send, lambda: NOON, retry_s=(0.001, 0.002))

    async def _send(self, site: str, edge: str, message: AckMessage) -> None:
        self.results += [ack.result for ack in message.acks]
        self.some.set()


def batch() -> bytes:
    group = {
        "building": BUILDING, "device": "m1", "kind": "electricity", "fields": ["active_power_total"],
        "rows": [[NOON, 0, 1.5]],
    }  # fmt: skip
    return orjson.dumps({"v": 1, "spool": "s1", "seq": 1, "sealed_at": NOON, "samples": [group]})


REFUSALS: dict[str, tuple[Answer, list[str]]] = {
    "wrong token": (
        (401, {"code": "unauthorized", "message": "unauthorized access"}, {}),
        ["token is refused (401)", "BEACON_INFLUX_TOKEN", "writing to bucket beacon_raw"],
    ),
    "token without the right": (
        (403, {"code": "forbidden", "message": "insufficient permissions for write"}, {}),
        ["token is refused (403)", "may read and write"],
    ),
    "missing bucket": (not_found('bucket "beacon_raw" not found'), ["beacon_raw", "beacon collector init"]),
    "too many": (
        (429, {"code": "too many requests", "message": "org limit"}, {"Retry-After": "0"}),
        ["429 org limit"],
    ),
    "overloaded": (
        (503, {"code": "unavailable", "message": "hinted handoff queue full"}, {}),
        ["503 hinted handoff"],
    ),
    "broken": ((500, None, {}), ["500"]),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
async def test_nothing_is_acknowledged_until_the_refusal_is_gone(
    double: InfluxDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    answer, words = REFUSALS[case]
    double.refusals = [answer] * 3
    acks = Acks(double, tmp_path)
    task = asyncio.create_task(acks.ingest.run())
    with caplog.at_level(logging.INFO):
        await acks.ingest.receive("hz", "pi1", batch(), lambda: None)
        async with asyncio.timeout(20):
            await acks.some.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert acks.results == ["stored"]
    assert double.refusals == []
    assert double.written == [
        b"electricity,building=%s,device=m1 active_power_total=1.5 %d\n" % (BUILDING.encode(), NOON)
    ]
    assert acks.letters.count() == 0
    first, last = caplog.messages
    for word in (*words, double.url, "nothing is acknowledged until it is back"):
        assert word in first
    assert last == "store is back"


def test_a_right_token_stores_what_a_wrong_one_did_not(double: InfluxDouble) -> None:
    store = InfluxStore(settings_for(double, token="wrong"))
    for attempt in (lambda: store.write([samples("m", [NOON, 0, 1.0, 2.0])], []), store.latest):
        with pytest.raises(StoreUnavailable, match="token is refused") as caught:
            attempt()
        assert "wrong" not in str(caught.value)
    double.token = "wrong"
    store.write([samples("m", [NOON, 0, 1.0, 2.0])], [])
    assert len(double.written) == 1


def test_a_busy_store_says_for_how_long(double: InfluxDouble) -> None:
    double.refusals = [(429, {"code": "too many requests", "message": "slow down"}, {"Retry-After": "17"})]
    with pytest.raises(StoreBusy, match="429 slow down, asks for 17 s") as caught:
        InfluxStore(settings_for(double)).write([samples("m", [NOON, 0, 1.0, 2.0])], [])
    assert caught.value.after_s == 17


def test_a_body_that_is_too_large_is_sent_in_pieces(double: InfluxDouble) -> None:
    store = InfluxStore(settings_for(double))
    groups = [samples(f"m{number}", [NOON, 0, 1.0, 2.0]) for number in range(7)]
    double.max_body = 200
    store.write(groups, [])
    assert sorted(line.split(b" ")[0][-2:] for body in double.written for line in body.splitlines()) == [
        b"m%d" % number for number in range(7)
    ]
    double.max_body = 10
    with pytest.raises(StoreUnavailable, match=r"too large \(413\): raise max-body-size"):
        store.write(groups, [])


def test_init_makes_buckets_and_mappings_once() -> None:
    double = InfluxDouble()
    settings = settings_for(double, raw_retention_days=30)
    assert influx_init.prepare(settings) == [
        f"InfluxDB 2.7.11 at {double.url}",
        "bucket beacon_raw: made, kept 30 days",
        "bucket beacon_raw: readable by InfluxQL as database beacon_raw",
        "bucket beacon_energy: made, kept for ever",
        "bucket beacon_energy: readable by InfluxQL as database beacon_energy",
    ]
    assert [(each["database"], each["default"]) for each in double.mappings] == [
        ("beacon_raw", True), ("beacon_energy", True),
    ]  # fmt: skip
    assert influx_init.prepare(settings)[1:] == [
        "bucket beacon_raw: is there, kept 30 days",
        "bucket beacon_energy: is there, kept for ever",
    ]
    assert len(double.mappings) == 2
    changed = influx_init.prepare(settings_for(double, raw_retention_days=90))
    assert changed[1] == "bucket beacon_raw: retention changed, kept 90 days"
    assert double.buckets["beacon_raw"]["retentionRules"][0]["everySeconds"] == 90 * 86_400
    double.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"token": "wrong"}, r"refuses the token \(401\): init needs an all-access or operator token"),
        ({"org": "nobody"}, "knows no organisation 'nobody'.*check store.org"),
    ],
)
def test_init_says_what_is_wrong(change: dict[str, str], words: str) -> None:
    double = InfluxDouble()
    with pytest.raises(BeaconError, match=words):
        influx_init.prepare(settings_for(double, **change))
    double.close()


def test_init_of_version_3_tells_its_own_tool() -> None:
    double = InfluxDouble("3.1.0")
    lines = influx_init.prepare(settings_for(double))
    assert "influxdb3 create database beacon_raw --retention-period 90d" in lines[1]
    assert lines[2] == "database beacon_energy: made by the first write"
    assert double.requests == ["GET /ping"]
    double.close()
