"""The whole edge: real Modbus sockets, a real spool file, a real Mosquitto."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from meters import Collector, Meter, ModbusServer, running, until, write_profile
from servers import Mosquitto

from edge import agent, config_file
from edge.config import EdgeConfig


def write_config(folder: Path, broker: int, meters: int, devices: int = 1, **extra: str) -> Path:
    write_profile(folder / "profiles")
    path = folder / "edge.toml"
    text = f"""
site = "campus"
edge = "pi-1"
building = "330100A001"
profiles = "profiles"
clock = "{extra.get("clock", "trusted")}"
[uplink]
host = "127.0.0.1"
port = {broker}
tls = false
ack_timeout_s = {extra.get("ack_timeout_s", "5")}
[spool]
path = "spool.db"
flush_s = 0.1
[poll]
fast_s = 0.1
[status]
port = 0
[[bus]]
name = "cabinet"
type = "tcp"
host = "127.0.0.1"
port = {meters}
timeout_s = 0.3
"""
    for unit in range(1, devices + 1):
        text += (
            f'[[device]]\nid = "meter-{unit}"\nbus = "cabinet"\nunit_id = {unit}\nprofile = "test_meter"\n'
        )
    path.write_text(text)
    return path


def load(path: Path) -> EdgeConfig:
    return config_file.load(path)


@pytest.mark.server
async def test_meter_to_acknowledged_batch(tmp_path: Path, mosquitto: Mosquitto) -> None:
    meters = {1: Meter(), 2: Meter(step=3)}
    server = await ModbusServer(meters).start()
    config = load(write_config(tmp_path, mosquitto.port, server.port, devices=2))
    collector, stop, agents = Collector(mosquitto.port), asyncio.Event(), []
    listening = asyncio.create_task(collector.run())
    await collector.ready.wait()
    edge = asyncio.create_task(agent.run(config, stop=stop, started=agents.append))
    with running(listening, edge):
        await until(lambda: len(collector.samples) >= 10)
        assert collector.samples[next(iter(collector.samples))][0] == 230.0
        for meter in meters.values():
            meter.silent = True
        await until(lambda: agents[0].spool.depth.batches == 0)
        assert agents[0].recorder.samples_taken == len(collector.samples)
        assert max(collector.batches.values()) == 1
        stop.set()
        await edge
        await until(lambda: bool(collector.statuses) and collector.statuses[-1]["online"] is False)
    await server.stop()
