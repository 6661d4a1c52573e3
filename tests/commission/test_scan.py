"""`edge scan`: several makes on one line or port are found and recognised, decoys are not put first."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping

import pytest

from beacon.commands.edge_scan import add_command
from drivers import profile as profiles
from drivers.cjt188.frame import Frame
from drivers.cjt188.simulator import SimulatedMeter as SimulatedCjt188
from drivers.cjt188.values import decode_reading
from drivers.dlt645.simulator import SimulatedMeter as SimulatedDlt645
from drivers.dlt645.simulator import points_from
from drivers.errors import BeaconError, DeviceUnreachable
from drivers.frames.line import SerialParameters
from drivers.frames.modbus_line import SimulatedLine
from drivers.frames.serve import Answer, pseudo_terminal, tcp_server
from drivers.modbus.settings import SerialSettings
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.physics import Load
from drivers.simulate.server import SimulatedBus
from edge.commission.recognise import flipped
from edge.commission.scan import Found, LineScan, Scan, scan_host
from edge.commission.sweep import Protocol, parse_hosts, parse_units, serial_steps, tcp_steps

FAST_S = 0.04
HEAT_METER = Frame(
    0x20,
    "44332211001178",
    0x81,
    bytes.fromhex(
        "901F03 11740200 05 88274405 05 00150000 17 00000000 35 08567100 2C 792600 642600 664707 "
        "11521703092520 0005"
    ),
)
ONLY_9600 = [SerialParameters(9600, "N", 1)]


async def no_sleep(_: float) -> None:
    """Counters are not waited for."""


def no_progress(_: float, __: str) -> None:
    """Nobody looks."""


def simulated(*names: str) -> dict[int, SimulatedDevice]:
    return {
        unit: SimulatedDevice(profiles.load(name), Load(seed=unit, power_kw=3.0 + unit))
        for unit, name in enumerate(names, start=1)
    }


def together(*answers: Answer) -> Answer:
    """Several meters on one line."""
    return lambda chunk: b"".join(answer(chunk) for answer in answers)


def modbus(devices: Mapping[int, SimulatedDevice]) -> Answer:
    return SimulatedLine("rtu", {unit: device.answer for unit, device in devices.items()}).answer


async def scan_serial(port: str, units: list[int], settings: list[SerialParameters] = ONLY_9600) -> Scan:
    scan = Scan()
    protocols: list[Protocol] = ["modbus", "dlt645_2007", "dlt645_1997", "cjt188"]
    line = LineScan(SerialSettings(port=port, timeout_s=FAST_S), port, scan, sleep=no_sleep, quiet_s=0.001)
    steps = serial_steps(settings, units, protocols, FAST_S)
    try:
        await line.run(steps, no_progress)
    finally:
        await line.aclose()
    return scan


def best(found: Found) -> str:
    return found.candidates[0].profile if found.candidates else ""


async def test_eight_makes_and_three_protocols_on_one_line_are_found_and_recognised() -> None:
    names = (
        "eastron_sdm630", "schneider_iem3255", "carlogavazzi_em340", "chint_dtsu666", "peacefair_pzem016",
        "socomec_diris_a10", "inepro_pro380", "lg_therma_v",
    )  # fmt: skip
    dlt645 = SimulatedDlt645("202311150042", points_from({"02010100": 230.1, "02010200": 231.0}))
    cjt188 = SimulatedCjt188("44332211001178", decode_reading(HEAT_METER))
    answer = together(modbus(simulated(*names)), dlt645.answer, cjt188.answer)
    started = time.monotonic()
    async with pseudo_terminal(answer) as port:
        scan = await scan_serial(port, list(range(1, 10)))
    assert time.monotonic() - started < 60
    modbus_found = {int(f.address): best(f) for f in scan.found if f.protocol == "modbus_rtu"}
    assert modbus_found == dict(enumerate(names, start=1))
    others = {f.protocol: (f.address, best(f)) for f in scan.found if f.protocol != "modbus_rtu"}
    assert others == {
        "dlt645_2007": ("202311150042", "dlt645_2007_three_phase"),
        "cjt188": ("44332211001178", "cjt188_heat"),
    }
    assert len(scan.found) == 10
    assert all(f.requests < 200 for f in scan.found)


async def test_a_device_is_found_once_though_it_answers_at_every_speed() -> None:
    settings = [SerialParameters(9600, "N", 1), SerialParameters(19200, "E", 1)]
    async with pseudo_terminal(modbus(simulated("eastron_sdm120"))) as port:
        scan = await scan_serial(port, [1], settings)
    assert [(f.address, best(f), f.parameters) for f in scan.found] == [
        ("1", "eastron_sdm120", SerialParameters(9600, "N", 1))
    ]
    command = add_command(scan.found[0])
    assert f"--serial {port} --baud 9600 --parity N --profile eastron_sdm120 --unit 1" in command


async def test_the_other_word_order_is_told() -> None:
    device = SimulatedDevice(flipped(profiles.load("eastron_sdm630")))
    async with pseudo_terminal(modbus({1: device})) as port:
        scan = await scan_serial(port, [1])
    first = scan.found[0].candidates[0]
    assert first.swapped
    assert first.profile.startswith("eastron_")
    assert first.why[0] == "other word order"


async def test_a_silent_line_is_explained() -> None:
    async with pseudo_terminal(lambda _: b"") as port:
        scan = await scan_serial(port, [1, 2])
    assert scan.found == []
    assert [finding.cause.value for finding in scan.findings()] == ["line_silent"]


async def test_noise_is_explained_as_speed_or_polarity() -> None:
    async with pseudo_terminal(lambda _: b"\x00\xf8\xfe\x00\xfc\xff\x00") as port:
        scan = await scan_serial(port, [1, 2])
    assert {finding.cause.value for finding in scan.findings()} >= {"polarity", "baud_or_parity"}


async def test_modbus_tcp_and_rtu_over_tcp_are_told_apart() -> None:
    steps = tcp_steps([1, 2], ["modbus"], 0.15)
    async with SimulatedBus(simulated("janitza_umg604", "siemens_pac2200"), "tcp") as bus:
        scan = Scan()
        await scan_host("127.0.0.1", bus.port, steps, scan, no_progress)
        assert [(f.protocol, f.address, best(f)) for f in scan.found] == [
            ("modbus_tcp", "1", "janitza_umg604"),
            ("modbus_tcp", "2", "siemens_pac2200"),
        ]
    async with SimulatedBus(simulated("chint_ddsu666"), "rtu") as bus:
        scan = Scan()
        await scan_host("127.0.0.1", bus.port, steps, scan, no_progress)
        assert [(f.protocol, f.address, best(f)) for f in scan.found] == [
            ("modbus_rtu", "1", "chint_ddsu666")
        ]
        assert "--rtu-over-tcp" in add_command(scan.found[0])


async def test_meters_of_other_protocols_are_found_behind_a_serial_server() -> None:
    meter = SimulatedDlt645("000000000815", points_from({"02010100": 230.1}))
    async with tcp_server(meter.answer) as port:
        scan = Scan()
        await scan_host("127.0.0.1", port, tcp_steps([], ["dlt645_2007"], 0.2), scan, no_progress)
    assert [(f.protocol, f.address, best(f)) for f in scan.found] == [
        ("dlt645_2007", "000000000815", "dlt645_2007_single_phase")
    ]


async def test_one_device_that_answers_to_every_unit_is_one_device() -> None:
    device = SimulatedDevice(profiles.load("artemes_am2"))
    async with SimulatedBus(dict.fromkeys(range(256), device), "tcp") as bus:
        scan = Scan()
        await scan_host("127.0.0.1", bus.port, tcp_steps([1, 2, 3], ["modbus"], 0.2), scan, no_progress)
    assert [(f.any_unit, best(f)) for f in scan.found] == [(True, "artemes_am2")]


async def test_a_host_that_is_not_there_is_only_noted(unused_tcp_port: int) -> None:
    scan = Scan()
    await scan_host("127.0.0.1", unused_tcp_port, tcp_steps([1], ["modbus"], 0.1), scan, no_progress)
    assert [finding.cause.value for finding in scan.findings()] == ["not_connected"]


async def test_a_port_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DeviceUnreachable, match="/dev/nowhere"):
        await scan_serial("/dev/nowhere", [1])


async def test_what_was_found_before_an_interruption_is_kept() -> None:
    scan, found = Scan(), asyncio.Event()

    def tell(_: float, __: str) -> None:
        if scan.found:
            found.set()

    async with pseudo_terminal(modbus(simulated("eastron_sdm120"))) as port:
        line = LineScan(
            SerialSettings(port=port, timeout_s=FAST_S), port, scan, sleep=no_sleep, quiet_s=0.001
        )
        task = asyncio.create_task(
            line.run(serial_steps(ONLY_9600, list(range(1, 200)), ["modbus"], FAST_S), tell)
        )
        async with asyncio.timeout(10):
            await found.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await line.aclose()
    assert [best(f) for f in scan.found] == ["eastron_sdm120"]


def test_units_and_hosts_are_understood() -> None:
    assert parse_units("1-3,40,2") == [1, 2, 3, 40]
    assert parse_hosts("10.0.0.5-7") == ["10.0.0.5", "10.0.0.6", "10.0.0.7"]
    assert len(parse_hosts("10.0.0.0/28")) == 14
    assert parse_hosts("meter-7") == ["meter-7"]
    for wrong in ("1-", "5-1", "300"):
        with pytest.raises(BeaconError):
            parse_units(wrong)
    for wrong in ("10.0.0.9-3", "10.0.0.0/8", "10.0.0.5-900"):
        with pytest.raises(BeaconError):
            parse_hosts(wrong)


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str], unused_tcp_port: int) -> None:
    from beacon.commands.edge_scan import Wanted, show

    show(Wanted("", "127.0.0.1", unused_tcp_port, "1", (), (), (), 0.1), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]
    assert told["devices"] == []
    assert told["findings"][0]["cause"] == "not_connected"
