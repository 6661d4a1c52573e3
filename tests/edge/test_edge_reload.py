"""SIGHUP: devices come and go, the others are not disturbed, the spool and the counters go on."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from clocks import T0, FakeClock
from meters import Collector, Meter, ModbusServer, decode, running, until, write_profile
from servers import Mosquitto

from drivers.sample import Sample
from edge import agent, config_file
from edge.assembly import Agent
from edge.config import EdgeConfig
from edge.recorder import Recorder
from edge.spool import Spool
from edge.spool_file import SpoolFile
from edge.wire import Batch


def write(folder: Path, broker: int, buses: dict[str, int], devices: list[tuple[str, str, int, str]]) -> Path:
    """buses: name -> port. devices: (id, bus, unit, more)."""
    if not (folder / "profiles").exists():
        write_profile(folder / "profiles")
    text = f"""
site = "campus"
edge = "pi-1"
building = "330100A001"
profiles = "profiles"
clock = "trusted"
[uplink]
host = "127.0.0.1"
port = {broker}
tls = false
[spool]
path = "spool.db"
flush_s = 0.1
[poll]
fast_s = 0.1
[status]
port = 0
"""
    for name, port in buses.items():
        text += f'[[bus]]\nname = "{name}"\ntype = "tcp"\nhost = "127.0.0.1"\nport = {port}\n'
    for device, bus, unit, more in devices:
        text += (
            f'[[device]]\nid = "{device}"\nbus = "{bus}"\nunit_id = {unit}\nprofile = "test_meter"\n{more}\n'
        )
    (folder / "edge.toml").write_text(text)
    return folder / "edge.toml"


@pytest.mark.server
async def test_devices_come_and_go_and_nothing_that_was_read_is_lost(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    meters = {1: Meter(), 2: Meter(step=3), 3: Meter()}
    first, second = await ModbusServer(meters).start(), await ModbusServer({4: Meter()}).start()
    buses = {"a": first.port, "b": second.port}
    path = write(
        tmp_path, mosquitto.port, buses, [("m1", "a", 1, ""), ("m2", "a", 2, ""), ("m4", "b", 4, "")]
    )
    collector, agents, stop = Collector(mosquitto.port), list[Agent](), asyncio.Event()
    listening = asyncio.create_task(collector.run())
    await collector.ready.wait()

    load = partial(config_file.load, path)
    edge = asyncio.create_task(agent.run(load(), stop=stop, started=agents.append, load=load))
    with running(listening):
        await until(lambda: bool(agents) and len(agents[0].recorder.latest) == 3)
        kept = next(schedule for schedule in agents[0].schedules if schedule.name == "b")

        write(tmp_path, mosquitto.port, buses, [("m1", "a", 1, ""), ("m3", "a", 3, ""), ("m4", "b", 4, "")])
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "m3" in agents[0].recorder.latest)
        assert "m2" not in agents[0].recorder.latest
        assert kept in agents[0].schedules  # the other bus was not touched
        assert agents[0].status().config_hash == load().hash
        assert set(agents[0].status().devices) == {"m1", "m3", "m4"}

        path.write_text(path.read_text() + "nonsense = 1\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "not reloaded, the edge runs on" in caplog.text)
        write(tmp_path, mosquitto.port + 1, buses, [("m1", "a", 1, "")])
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "a change of uplink needs a restart" in caplog.text)
        assert len(agents[0].status().devices) == 3

        await until(lambda: len(collector.samples) >= 20)
        stop.set()
        await edge
    settings = agents[0].config.spool
    file = SpoolFile(settings.path, settings.max_bytes, settings.max_age_days)
    waiting = [decode(sealed.payload) for sealed in file.waiting(frozenset(), 1000)]
    file.close()
    kept_back = {(g.device, int(row[0] or 0)) for batch in waiting for g in batch.samples for row in g.rows}
    assert len(kept_back | set(collector.samples)) == agents[0].recorder.samples_taken
    assert {device for device, _ in collector.samples} == {"m1", "m2", "m3", "m4"}
    await first.stop()
    await second.stop()


async def test_an_account_goes_on_through_a_reload(tmp_path: Path) -> None:
    fields = ("voltage_l1n", "active_power_total", "active_energy_import_total")
    devices = [("m1", "a", 1, ""), ("m2", "a", 2, "")]
    config = config_file.load(write(tmp_path, 1, {"a": 502}, devices))
    clock, spool = FakeClock(), Spool(config.spool.path, 10_000_000, 60)
    await spool.open()
    recorder = Recorder(config, spool, clock)
    await recorder.start()

    def take(device: str, kwh: float) -> None:
        recorder.take(Sample(device, clock.now(), fields, (230.0, 1.0, kwh)))

    take("m1", 100.0)
    take("m2", 50.0)
    await recorder.flush([], last=True)
    for order in (devices[:1], devices):  # m2 goes, and comes back
        await recorder.adopt(config_file.load(write(tmp_path, 1, {"a": 502}, order)))
        take("m2", 51.0)
        await recorder.flush([])
        clock.advance(60_000)
    clock.advance(840_000)
    take("m1", 103.0)
    take("m2", 56.0)
    sealed = await recorder.flush([])
    batches: list[Batch] = [decode(batch.payload) for batch in sealed]
    energy = {g.device: g.rows[0][2] for b in batches for g in b.intervals if g.rows[0][0] == T0}
    assert energy["m1"] == pytest.approx(3.0 * 900 / 960)
    assert energy["m2"] == pytest.approx(6.0 * 900 / 960, abs=0.4)
    await spool.close()


async def test_another_ct_ratio_is_an_event_and_moves_no_energy_by_itself(tmp_path: Path) -> None:
    def configured(ratio: int) -> EdgeConfig:
        meter = f'profile = "dlt645_2007_three_phase"\naddress = "000000000001"\nct_ratio = {ratio}\n'
        path = write(tmp_path, 1, {"a": 502}, [])
        text = path.read_text().replace('type = "tcp"', 'type = "rtu_over_tcp"')
        path.write_text(f'{text}[[device]]\nid = "m"\nbus = "a"\n{meter}')
        return config_file.load(path)

    clock, config = FakeClock(), configured(10)
    spool = Spool(config.spool.path, 10_000_000, 60)
    await spool.open()
    recorder = Recorder(config, spool, clock)
    await recorder.start()
    sealed = []
    for dial, ratio in ((100.0, 10), (100.5, 10), (100.75, 20), (101.0, 20)):  # kWh behind the transformer
        if ratio == 20 and dial == 100.75:
            await recorder.adopt(configured(20))
        recorder.take(Sample("m", clock.now(), ("active_energy_import_total",), (dial * ratio,)))
        sealed += await recorder.flush([])
        clock.advance(60_000)
    clock.advance(15 * 60_000)
    recorder.take(Sample("m", clock.now(), ("active_energy_import_total",), (101.0 * 20,)))
    batches = [decode(batch.payload) for batch in sealed + await recorder.flush([])]
    (event,) = [event for batch in batches for event in batch.events]
    assert (event.kind, event.before, event.after) == ("ratio", 10.0, 20.0)
    energy = sum(row[2] for batch in batches for group in batch.intervals for row in group.rows)
    assert energy == pytest.approx(0.5 * 10 + 0.5 * 20)
    await spool.close()
