"""Several protocols on one line, and Sparkplug B: from simulated devices through the edge to its spool."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiomqtt
import pytest
from meters import decode, until, write_profile
from servers import Mosquitto

from drivers import models
from drivers.cjt188.meter import Meter as Cjt188Meter
from drivers.dlt645.meter import Meter as Dlt645Meter
from drivers.errors import ConfigError
from drivers.frames.serve import pseudo_terminal, tcp_server
from drivers.profile import Profile
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.line import LiveCjt188, LiveDlt645, MixedLine
from drivers.sparkplug.payload import DataType, Metric, Payload, encode
from edge import agent, check, config_file
from edge.assembly import Agent
from edge.config import EdgeConfig
from edge.spool_file import SpoolFile
from edge.wire import Batch

HEAD = """
site = "campus"
edge = "pi-1"
building = "330100A001"
profiles = "profiles"
clock = "trusted"
[uplink]
host = "127.0.0.1"
port = 1
tls = false
[spool]
path = "spool.db"
flush_s = 0.1
[poll]
fast_s = 0.2
[status]
port = 0
"""
BUS = """
[[bus]]
name = "line"
timeout_s = 0.5
quiet_ms = 1
"""
DEVICES = """
[[device]]
id = "main"
bus = "line"
unit_id = 3
profile = "eastron_sdm120"
[[device]]
id = "tenant"
bus = "line"
profile = "dlt645_2007_three_phase"
address = "000123456789"
ct_ratio = 20
[[device]]
id = "old"
bus = "line"
profile = "dlt645_1997"
address = "000000000161"
[[device]]
id = "water"
bus = "line"
profile = "cjt188_cold_water"
address = "78330011223344"
[[device]]
id = "heat"
bus = "line"
profile = "cjt188_heat"
address = "20000000000001"
flow_decimals = 2
wake_up_bytes = 60
"""


def at_noon() -> float:
    return 1_790_000_000.0


def dlt645(name: str, address: str) -> LiveDlt645:
    meter = models.load(name)
    assert isinstance(meter, Dlt645Meter)
    return LiveDlt645(meter, address, clock=at_noon)


def cjt188(name: str, address: str) -> LiveCjt188:
    meter = models.load(name)
    assert isinstance(meter, Cjt188Meter)
    return LiveCjt188(meter, address, clock=at_noon)


def load(folder: Path, text: str) -> EdgeConfig:
    write_profile(folder / "profiles")
    path = folder / "edge.toml"
    path.write_text(text)
    return config_file.load(path)


async def spooled(config: EdgeConfig, devices: int) -> tuple[dict[str, dict[str, float]], Agent]:
    """Run the edge until every device was read twice; the last values of each as its spool holds them."""
    stop, agents = asyncio.Event(), list[Agent]()
    edge = asyncio.create_task(agent.run(config, stop=stop, started=agents.append))
    await until(lambda: bool(agents) or edge.done())
    if edge.done():
        edge.result()
    taken = agents[0].recorder
    await until(lambda: len(taken.latest) == devices and taken.samples_taken >= 2 * devices, 10)
    stop.set()
    await edge
    file = SpoolFile(config.spool.path, config.spool.max_bytes, config.spool.max_age_days)
    batches: list[Batch] = [decode(sealed.payload) for sealed in file.waiting(frozenset(), 1000)]
    file.close()
    found: dict[str, dict[str, float]] = {}
    for group in (group for batch in batches for group in batch.samples):
        for row in group.rows:
            values = zip(group.fields, row[2:], strict=True)
            found.setdefault(group.device, {}).update({k: v for k, v in values if v is not None})
    return found, agents[0]


@pytest.mark.parametrize("over", ["tcp", "serial"])
async def test_five_meters_of_four_protocols_on_one_line(tmp_path: Path, over: str) -> None:
    profile = models.load("eastron_sdm120")
    assert isinstance(profile, Profile)
    main = SimulatedDevice(profile, clock=at_noon)
    tenant, old = dlt645("dlt645_2007_three_phase", "000123456789"), dlt645("dlt645_1997", "000000000161")
    water, heat = cjt188("cjt188_cold_water", "78330011223344"), cjt188("cjt188_heat", "20000000000001")
    line = MixedLine({3: main}, [tenant, old, water, heat])
    async with AsyncExitStack() as stack:
        if over == "tcp":
            port = await stack.enter_async_context(tcp_server(line.answer))
            where = f'type = "rtu_over_tcp"\nhost = "127.0.0.1"\nport = {port}\nbaud = 2400\n'
        else:
            path = await stack.enter_async_context(pseudo_terminal(line.answer))
            where = f'type = "rtu"\nport = "{path}"\n'
        found, running = await spooled(load(tmp_path, HEAD + BUS + where + DEVICES), 5)
    assert found["main"]["active_power_total"] == pytest.approx(main.value("active_power_total"), abs=1e-3)
    energy = tenant.value("active_energy_import_total")
    assert found["tenant"]["active_energy_import_total"] == pytest.approx(
        20 * round(energy % 1e6, 2), abs=0.2
    )
    assert found["tenant"]["voltage_l3n"] == pytest.approx(tenant.value("voltage_l3n"), abs=0.05)
    assert found["old"]["active_energy_import_total"] == pytest.approx(energy % 1e6, abs=0.01)
    assert found["water"]["water_volume"] == pytest.approx(water.value("water_volume") % 1e6, abs=0.01)
    for name in ("heat_energy", "flow", "supply_temperature", "thermal_power"):
        assert found["heat"][name] == pytest.approx(heat.value(name) % 1e6, abs=0.01), name
    assert set(running.status().devices.values()) == {"ok"}
    assert len(running.buses) == 1


async def test_a_modbus_ascii_meter_needs_one_word_more(tmp_path: Path) -> None:
    profile = models.load("eastron_sdm120")
    assert isinstance(profile, Profile)
    device = SimulatedDevice(profile, clock=at_noon)
    line = MixedLine({3: device}, mode="ascii")
    async with tcp_server(line.answer) as port:
        text = f'type = "rtu_over_tcp"\nhost = "127.0.0.1"\nport = {port}\n[[device]]\nid = "main"\n'
        text += 'bus = "line"\nunit_id = 3\nprofile = "eastron_sdm120"\nprotocol = "modbus_ascii"\n'
        found, _ = await spooled(load(tmp_path, HEAD + BUS + text), 1)
    assert found["main"]["voltage_l1n"] == pytest.approx(device.value("voltage_l1n"), abs=0.01)


def test_the_plan_shows_addresses_speeds_and_bytes(tmp_path: Path) -> None:
    (bus,) = check.plan(load(tmp_path, HEAD + BUS + 'type = "rtu"\nport = "/dev/ttyX"\n' + DEVICES))
    plans = {device.id: device for device in bus.devices}
    assert [d.speed for d in bus.devices] == ["9600 baud 8N1"] + ["2400 baud 8E1"] * 4
    assert plans["tenant"].address == "000123456789"
    water = plans["water"]  # request 4 + 13 + 3; answer 4 + 13 + 3 + two volumes of 5 + clock 7 + status 2
    assert (water.requests, water.bytes, water.protocol) == (1, 59, "cjt188")
    old = plans["old"]  # 14 identifiers, and the block 901F brings 9010
    assert (old.fast_requests, old.requests) == (2, 13)
    assert not bus.warnings[1:]  # the one: such a line is too slow for a grid of 0.2 s
    (slow,) = check.plan(load(tmp_path, HEAD + BUS + 'type = "rtu"\nport = "/x"\nbaud = 9600\n' + DEVICES))
    assert any("tenant: read at 9600 baud 8E1" in warning for warning in slow.warnings)


def test_a_device_may_have_a_speed_of_its_own(tmp_path: Path) -> None:
    own = DEVICES.replace("unit_id = 3\n", 'unit_id = 3\nbaud = 19200\nparity = "E"\n')
    (bus,) = check.plan(load(tmp_path, HEAD + BUS + 'type = "rtu"\nport = "/dev/ttyX"\n' + own))
    assert bus.devices[0].speed == "19200 baud 8E1"


def test_only_the_identifiers_of_wanted_quantities_are_read(tmp_path: Path) -> None:
    wanted = DEVICES.replace("ct_ratio = 20\n", 'quantities = ["active_energy_import_total", "frequency"]\n')
    (bus,) = check.plan(load(tmp_path, HEAD + BUS + 'type = "rtu"\nport = "/dev/ttyX"\n' + wanted))
    assert (bus.devices[1].requests, bus.devices[1].quantities) == (2, 2)


def test_every_wrong_place_is_told_at_once(tmp_path: Path) -> None:
    text = HEAD + BUS + 'type = "rtu_over_tcp"\nhost = "h"\n'
    text += '[[bus]]\nname = "tcp"\ntype = "tcp"\nhost = "h"\n'
    meters = [
        ('bus = "line"', 'profile = "dlt645_1997"'),
        ('bus = "line"', 'profile = "dlt645_1997"', 'address = "12345"'),
        ('bus = "line"', 'profile = "dlt645_1997"', 'address = "000000000001"'),
        ('bus = "line"', 'profile = "dlt645_2007_single_phase"', 'address = "000000000001"'),
        ('bus = "line"', 'profile = "cjt188_gas"', 'address = "00000000000001"', "unit_id = 4"),
        ('bus = "line"', 'profile = "cjt188_heat"', 'address = "any"', "baud = 2400"),
        ('bus = "tcp"', 'profile = "cjt188_gas"', 'address = "00000000000001"', "ct_ratio = 2"),
        ('bus = "line"', 'profile = "test_meter"', 'address = "1"', 'protocol = "cjt188"'),
        (
            'bus = "tcp"',
            'profile = "test_meter"',
            'protocol = "modbus_ascii"',
            "flow_decimals = 1",
            "wake_up_bytes = 40",
        ),
        ('bus = "line"', 'profile = "tasmota"'),
        ('bus = "line"', 'profile = "dlt645_2007"', 'address = "000000000007"'),
    ]
    for number, lines in enumerate(meters):
        text += f'[[device]]\nid = "d{number}"\n' + "\n".join(lines) + "\n"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    told = [str(problem).removeprefix("edge.toml: device.") for problem in caught.value.problems]
    expected = [
        "d0.address: is missing: the 12 digits",
        "d1.address: must be 12 digits",
        "d3.address: 000000000001 on bus line is d2's already",
        "d4.unit_id: cjt188_gas has an address instead",
        'd5.address: "any" is for the only meter of its kind',
        "d5.baud: the serial server of bus line sets it",
        "d6.bus: cjt188 needs a serial line, and tcp is Modbus TCP",
        "d6.ct_ratio: cjt188_gas takes no such ratio",
        "d7.protocol: test_meter speaks modbus, not cjt188",
        "d8.bus: modbus_ascii needs a serial line",
        "d8.flow_decimals: is for CJ/T 188",
        "d8.wake_up_bytes: is for CJ/T 188",
        "d9.profile: tasmota is no bus device: use [[mqtt_source]]",
        "d10.profile: there is no profile 'dlt645_2007', did you mean dlt645_",
    ]
    assert len(told) == len(expected), told
    for start in expected:
        assert any(one.startswith(start) for one in told), (start, told)


SPARKPLUG = """
[[sparkplug_source]]
name = "scada"
host = "127.0.0.1"
port = %d
[[sparkplug_source.device]]
id = "chiller"
group = "plant"
node = "gw1"
device = "meter"
[sparkplug_source.device.metrics]
"Energy/Import" = { quantity = "active_energy_import_total", unit = "MWh", rollover = 1e6 }
Power = "active_power_total"
"""


@pytest.mark.server
async def test_sparkplug_metrics_reach_the_spool(tmp_path: Path, mosquitto: Mosquitto) -> None:
    config = load(tmp_path, HEAD + SPARKPLUG % mosquitto.port)

    async def node() -> None:
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.subscribe("spBv1.0/plant/NCMD/gw1")
            await client.publish("spBv1.0/plant/NDATA/gw1", sparkplug(5))  # unborn: the host will ask
            async for _ in client.messages:
                born = Metric("bdSeq", value=0, datatype=DataType.INT64)
                await client.publish("spBv1.0/plant/NBIRTH/gw1", encode(Payload((born,), 0, None)))
                names = sparkplug(1, ("Energy/Import", 12.5), ("Power", 80.0), ("Other", 1.0))
                await client.publish("spBv1.0/plant/DBIRTH/gw1/meter", names)
                await client.publish("spBv1.0/plant/DDATA/gw1/meter", sparkplug(2, ("Energy/Import", 12.75)))

    async def ask(stop: asyncio.Event) -> None:
        while not stop.is_set():
            async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
                await client.publish("spBv1.0/plant/NDATA/gw1", sparkplug(9))
            await asyncio.sleep(0.2)

    stop = asyncio.Event()
    playing = asyncio.create_task(node())
    asking = asyncio.create_task(ask(stop))
    try:
        found, running = await spooled(config, 1)
    finally:
        stop.set()
        await asking
        playing.cancel()
    assert found["chiller"] == {"active_energy_import_total": 12_750.0, "active_power_total": 80.0}
    assert running.sparkplug_sources[0].rejected == 0


def sparkplug(seq: int, *metrics: tuple[str, float]) -> bytes:
    told = tuple(Metric(name, value=value, datatype=DataType.DOUBLE) for name, value in metrics)
    return encode(Payload(told, seq, None))


def test_every_wrong_metric_is_told_at_once(tmp_path: Path) -> None:
    bad = (SPARKPLUG % 1883).replace(
        'Power = "active_power_total"', 'Power = "activ_power"\nP2 = { quantity = "frequency", unit = "m" }'
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, HEAD + bad + 'extra = { quantiti = "x" }\n')
    assert any("extra" in str(problem) for problem in caught.value.problems)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, HEAD + bad)
    keys = [problem.key for problem in caught.value.problems]
    assert keys == [f"sparkplug_source.scada.device.chiller.metrics.{name}" for name in ("P2", "Power")]
