"""The sample of one building with a simulated meter: from the wire to the store in one process."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from servers import free_port

from beacon.runtime import running
from beacon.site_file import load
from collector.sqlite_store import SqliteStore
from drivers import profile
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus

SAMPLE = Path(__file__).parents[2] / "deploy/one-building"
BUILDING = "330100A001"


async def test_the_sample_building_runs_from_meter_to_store(tmp_path: Path) -> None:
    folder = tmp_path / "building"
    shutil.copytree(SAMPLE, folder)
    broker = free_port()
    for name in ("edge.toml", "collector.toml"):
        path = folder / name
        path.write_text(path.read_text("utf-8").replace("port = 1883", f"port = {broker}"), "utf-8")
    (folder / "site.toml").write_text((folder / "site.toml").read_text("utf-8").replace("8080", "0"), "utf-8")
    meter = SimulatedDevice(profile.load("eastron_sdm630"))
    async with SimulatedBus({1: meter}) as bus, asyncio.timeout(60):
        text = (folder / "edge.toml").read_text("utf-8")
        wired = re.sub(
            r'type = "rtu"\nport = .*\nbaud = 9600\nparity = "N"',
            f'type = "tcp"\nhost = "127.0.0.1"\nport = {bus.port}',
            text,
        )
        assert wired != text
        (folder / "edge.toml").write_text(wired + "\n[poll]\nfast_s = 1\n\n[status]\nport = 0\n", "utf-8")
        async with running(load(folder / "site.toml")) as parts:
            assert parts.agent is not None
            while not parts.store.latest(BUILDING):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    store = SqliteStore(folder / "beacon.sqlite")
    latest = store.latest(BUILDING)
    store.close()
    assert [row.device for row in latest] == ["main"]
    assert latest[0].values["voltage_l1n"] > 200
