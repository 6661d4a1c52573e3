"""The collector end to end: a real Mosquitto, batches in, rows in the store, acknowledgements out."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TypeVar

import aiomqtt
import orjson
import pytest
import zstandard
from servers import Mosquitto
from store_contract import BUILDING, NOON, OTHER

from collector import service
from collector.registry import Building, BuildingType, Meter, Registry, Role
from collector.settings import Settings
from collector.sqlite_store import SqliteStore
from collector.store import Store
from drivers.carrier import Carrier
from drivers.errors import BeaconError
from edge.wire import AckMessage, EdgeStatus

Row = TypeVar("Row")

REGISTRY = Registry(
    {
        BUILDING: Building(
            BUILDING, "楼", "House", BuildingType.COMMERCIAL_OFFICE, 1000.0, edges=("hz/pi1",),
            meters=(Meter("meter1", "meter1", Carrier.ELECTRICITY, Role.MAIN),),
        ),
        OTHER: Building(OTHER, "商场", "Mall", BuildingType.MALL, 1000.0, edges=("hz/pi2",)),
    }
)  # fmt: skip


def batch(seq: int, *, building: str = BUILDING, **changes: object) -> bytes:
    samples = {
        "building": building, "device": "meter1", "kind": "electricity",
        "fields": ["active_power_total", "voltage_l1n"],
        "rows": [[NOON + seq * 1000, 0, 12.5, 230.25]],
    }  # fmt: skip
    content = {"v": 1, "spool": "spool1", "seq": seq, "sealed_at": NOON, "samples": [samples]}
    return orjson.dumps(content | changes)


def settings(tmp_path: Path, port: int, protocol: str = "5") -> Settings:
    return Settings.model_validate(
        {
            "broker": {"port": port, "protocol": protocol},
            "store": {"kind": "sqlite", "path": str(tmp_path / "store.sqlite")},
            "registry": {"files": ["unused.toml"]},
            "dead_letters": {"path": str(tmp_path / "letters.sqlite")},
        }
    )


@asynccontextmanager
async def collecting(config: Settings, store: Store) -> AsyncIterator[None]:
    ready = asyncio.Event()
    task = asyncio.create_task(
        service.run(config, REGISTRY, store, ready=ready.set, clock=lambda: NOON + 60_000)
    )
    try:
        async with asyncio.timeout(20):
            await ready.wait()
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def eventually(look: Callable[[], list[Row]]) -> list[Row]:
    """What `look` finds, as soon as it finds something."""
    async with asyncio.timeout(20):
        while True:
            if found := look():
                return found
            await asyncio.sleep(0.05)


async def exchange(
    port: int, edge: str, payloads: list[bytes], answers: int
) -> dict[int, tuple[str, list[str]]]:
    """Publish as an edge; returns seq -> (result, reasons) of so many acknowledgements."""
    got: dict[int, tuple[str, list[str]]] = {}
    async with asyncio.timeout(20), aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"beacon/v1/hz/{edge}/ack", 1)
        for payload in payloads:
            await client.publish(f"beacon/v1/hz/{edge}/batch", payload, qos=1)
        if answers:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                ack = AckMessage.model_validate_json(message.payload)
                got |= {each.seq: (each.result, each.reasons) for each in ack.acks}
                if len(got) >= answers:
                    break
    return got


@pytest.mark.server
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_batches_are_stored_then_acknowledged(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    interval = {
        "building": BUILDING, "device": "meter1", "carrier": "electricity", "direction": "import",
        "rows": [[NOON, 900, 3.125, 900, 0]],
    }  # fmt: skip
    async with collecting(settings(tmp_path, mosquitto.port, protocol), store):
        got = await exchange(
            mosquitto.port,
            "pi1",
            [batch(1), zstandard.compress(batch(2)), batch(2), batch(3, samples=[], intervals=[interval])],
            3,
        )
        assert got == {1: ("stored", []), 2: ("stored", []), 3: ("stored", [])}
        assert len(store.series(BUILDING, "meter1", "voltage_l1n", NOON, NOON + 10_000)) == 2
        daily = await eventually(lambda: store.daily(date(2026, 6, 1), date(2026, 6, 1)))
    assert [(row.item, row.energy) for row in daily] == [("grid", 3.125), ("total", 3.125)]
    store.close()


@pytest.mark.server
async def test_hostile_payloads_are_recorded_and_others_go_on(mosquitto: Mosquitto, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    bomb = zstandard.compress(b" " * (64 * 1024 * 1024))
    payloads = [
        b"", b"\x00\xff", b"[]", b"null", b"{", bomb, b"[" * 100_000,
        orjson.dumps({"v": 1, "spool": "spool1", "seq": 7}),
        batch(8, building=OTHER), batch(9, building="999999A999"), batch(10),
    ]  # fmt: skip
    async with collecting(settings(tmp_path, mosquitto.port), store):
        got = await exchange(mosquitto.port, "pi1", payloads, 4)
    assert got[7][0] == "rejected"
    assert got[7][1] == ["sealed_at: Field required"]
    assert got[8] == ("rejected", [f"edge hz/pi1 may not publish for building {OTHER}"])
    assert got[9] == ("rejected", ["unknown building 999999A999"])
    assert got[10] == ("stored", [])
    assert [row.device for row in store.latest()] == ["meter1"]
    store.close()


@pytest.mark.server
async def test_an_edge_status_is_kept(mosquitto: Mosquitto, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    status = EdgeStatus(online=True, at=NOON, spool_batches=3, devices={"meter1": "ok"})
    async with asyncio.timeout(20), aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.publish("beacon/v1/hz/pi1/status", status.model_dump_json(), qos=1, retain=True)
        await client.publish("beacon/v1/hz/stranger/status", status.model_dump_json(), qos=1, retain=True)
        huge = status.model_copy(update={"spool_bytes": 10**400}).model_dump_json()
        await client.publish("beacon/v1/hz/pi2/status", b"{]", qos=1)
        await client.publish("beacon/v1/hz/pi2/status", huge, qos=1, retain=True)
        async with collecting(settings(tmp_path, mosquitto.port), store):
            edges = await eventually(store.edges)
            got = await exchange(mosquitto.port, "pi1", [batch(1)], 1)
    assert [(row.edge, row.status["spool_batches"]) for row in edges] == [("pi1", 3)]
    assert got == {1: ("stored", [])}
    store.close()


@pytest.mark.server
async def test_an_empty_batch_is_acknowledged_with_the_time(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """So an edge without a clock learns the time before it may stamp anything."""
    store = SqliteStore(tmp_path / "store.sqlite")
    async with (
        collecting(settings(tmp_path, mosquitto.port), store),
        asyncio.timeout(20),
        aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
    ):
        await client.subscribe("beacon/v1/hz/pi1/ack", 1)
        await client.publish("beacon/v1/hz/pi1/batch", batch(1, samples=[]), qos=1)
        payload = (await anext(aiter(client.messages))).payload
        assert isinstance(payload, bytes)
    ack = AckMessage.model_validate_json(payload)
    assert (ack.time, [(each.seq, each.result) for each in ack.acks]) == (NOON + 60_000, [(1, "stored")])
    assert store.latest() == []
    store.close()


BUILDINGS = """
[[building]]
id = "330100A001"
name_zh = "楼"
name_en = "House"
type = "commercial_office"
area_m2 = 1000
edges = ["hz/{edge}"]
"""


@pytest.mark.server
async def test_sighup_reads_the_registry_again(mosquitto: Mosquitto, tmp_path: Path) -> None:
    buildings, port = tmp_path / "buildings.toml", mosquitto.port
    buildings.write_text(BUILDINGS.format(edge="pi1"), "utf-8")
    (tmp_path / "collector.toml").write_text(
        f'[broker]\nport = {port}\n[store]\nkind = "sqlite"\npath = "s.sqlite"\n'
        '[registry]\nfiles = ["buildings.toml"]\n'
    )
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "beacon", "collector", "run", "-c", str(tmp_path / "collector.toml")],
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        assert await answered(port, "pi1") == "stored"
        assert await answered(port, "pi2") == "rejected"
        buildings.write_text(BUILDINGS.format(edge="pi2") + "colour = 1\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        await eventually(lambda: ["colour"] * ("colour" in (tmp_path / "log").read_text()))
        assert await answered(port, "pi1") == "stored"
        buildings.write_text(BUILDINGS.format(edge="pi2"), "utf-8")
        process.send_signal(signal.SIGHUP)
        await eventually(lambda: ["again"] * ("registry loaded again" in (tmp_path / "log").read_text()))
        assert await answered(port, "pi2") == "stored"
        assert await answered(port, "pi1") == "rejected"
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()
        log.close()


async def answered(port: int, edge: str) -> str:
    """What a collector that may still be starting answers to a batch."""
    async with asyncio.timeout(20), aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"beacon/v1/hz/{edge}/ack", 1)
        while True:
            await client.publish(f"beacon/v1/hz/{edge}/batch", batch(1), qos=1)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    payload = (await anext(aiter(client.messages))).payload
                assert isinstance(payload, bytes)
                return AckMessage.model_validate_json(payload).acks[0].result


async def test_a_collector_without_a_clock_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(BeaconError, match="this machine's clock says 1970-01-01"):
        await service.run(settings(tmp_path, 1), REGISTRY, clock=lambda: 86_000)
