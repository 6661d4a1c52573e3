"""A DL/T 645 meter read over TCP and over a pseudo-terminal; and what goes wrong on real lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop

from drivers.dlt645 import meter as meters
from drivers.dlt645.device import ANY_METER, Dlt645Device
from drivers.dlt645.frame import Frame, encode
from drivers.dlt645.session import ReadExchange
from drivers.dlt645.simulator import SimulatedMeter, points_from
from drivers.errors import ConfigError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.exchange import LineBus
from drivers.frames.line import SerialLine, SerialParameters, TcpLine
from drivers.frames.serve import Answer, pseudo_terminal, tcp_server
from drivers.profile import FAST
from drivers.sample import Status

ADDRESS = "202107300049"
VALUES = {
    "00010000": 123456.78,
    "00010100": 1.0,
    "00010200": 2.5,
    "00010300": 3.0,
    "00010400": 4.25,
    "00020000": 7.5,
    "00030000": 3.5,
    "00040000": 0.25,
    "01010000": 33.3333,
    "02010100": 230.1,
    "02010200": 231.2,
    "02010300": 229.9,
    "02020100": 5.001,
    "02020200": -4.2,
    "02020300": 0.0,
    "02030000": -1.2345,
    "02030100": 0.4,
    "02030200": -2.0,
    "02030300": 0.3655,
    "02040000": 0.5,
    "02050000": 2.1,
    "02060000": -0.95,
    "02800002": 49.98,
    "02800004": 1.5,
}


def simulated(**options: object) -> SimulatedMeter:
    return SimulatedMeter(ADDRESS, points_from(VALUES), **options)  # type: ignore[arg-type]


@asynccontextmanager
async def tcp_bus(answer: Answer, timeout_s: float = 1.0) -> AsyncIterator[LineBus]:
    async with tcp_server(answer) as port:
        bus = LineBus(f"tcp {port}", lambda: TcpLine.open("127.0.0.1", port), timeout_s, quiet_s=0)
        try:
            yield bus
        finally:
            await bus.aclose()


def device(
    bus: LineBus, name: str = "dlt645_2007_three_phase", address: str = ADDRESS, **ratios: float
) -> Dlt645Device:
    return Dlt645Device("m1", meters.load(name), address, bus, ratios, clock=lambda: 1_700_000_000_000)


async def test_every_quantity_of_every_meter_file_arrives_over_tcp() -> None:
    async with tcp_bus(simulated().answer) as bus:
        sample = await device(bus).read()
    got = sample.present()
    assert sample.status is Status.GOOD
    assert got["active_energy_import_total"] == 123456.78
    assert got["active_energy_import_t4"] == 4.25
    assert got["active_power_total"] == -1.2345
    assert got["current_l2"] == 4.2
    assert got["reactive_energy_import_total"] == 3.5
    assert got["active_power_demand_max"] == 33.3333
    assert {name for name, value in zip(sample.fields, sample.values, strict=True) if value is None} <= {
        "reactive_power_l1", "reactive_power_l2", "reactive_power_l3",
        "apparent_power_l1", "apparent_power_l2", "apparent_power_l3",
        "power_factor_l1", "power_factor_l2", "power_factor_l3",
    }  # fmt: skip


@pytest.mark.parametrize("name", meters.names())
async def test_meter_files_over_a_pseudo_terminal(name: str) -> None:
    meter = meters.load(name)
    values = VALUES if meter.edition == "2007" else {"9010": 88.0, "B611": 220.0, "B621": 1.5, "B630": 0.33}
    simulator = SimulatedMeter(ADDRESS, points_from(values, meter.edition), meter.edition)

    async def connect() -> SerialLine:
        return SerialLine.open(path, SerialParameters(9600, "N"))

    async with pseudo_terminal(simulator.answer) as path:
        bus = LineBus(path, connect, 1.0, quiet_s=0)
        meter_read = Dlt645Device("m1", meter, ADDRESS, bus)
        first = await meter_read.read()
        again = await meter_read.read()
        await bus.aclose()
    assert first.present() == again.present()
    assert first.present()["active_energy_import_total"] == max(
        values.get("00010000", 0), values.get("9010", 0)
    )
    assert again.status is Status.GOOD


async def test_transformer_ratios_multiply_energy_power_current_and_voltage() -> None:
    async with tcp_bus(simulated().answer) as bus:
        got = (await device(bus, ct_ratio=10, pt_ratio=2).read()).present()
    assert got["active_energy_import_total"] == 2469135.6
    assert got["active_power_total"] == -24.69
    assert got["current_l1"] == 50.01
    assert got["voltage_l1n"] == 460.2


async def test_a_poll_group_asks_only_its_identifiers() -> None:
    simulator = simulated()
    async with tcp_bus(simulator.answer) as bus:
        sample = await device(bus).read(frozenset({FAST}))
    assert simulator.requests == 3
    assert "voltage_l1n" not in sample.fields


async def test_an_answer_in_several_frames_is_joined() -> None:
    async with tcp_bus(simulated(part_bytes=6).answer) as bus:
        points = await device(bus).read_points("0001FF00")
    assert [point.value for point in points] == [123456.78, 1.0, 2.5, 3.0, 4.25]


async def test_the_address_of_a_single_meter_is_found() -> None:
    async with tcp_bus(simulated().answer) as bus:
        meter = device(bus, address=ANY_METER)
        assert (await meter.read()).present()["frequency"] == 49.98
        assert await meter.find_address() == meter.address == ADDRESS


async def test_what_a_meter_refuses_is_learnt_and_left_out() -> None:
    simulator = SimulatedMeter(ADDRESS, points_from({"00010000": 5.0, "02030000": 1.0}))
    async with tcp_bus(simulator.answer) as bus:
        meter = device(bus, "dlt645_2007_single_phase")
        assert (await meter.read()).status is Status.PARTIAL
        asked, simulator.requests = simulator.requests, 0
        second = await meter.read()
    assert (asked, simulator.requests) == (6, 2)
    assert second.present() == {"active_energy_import_total": 5.0, "active_power_total": 1.0}
    assert "identifier 02010100: no such data" in meter.refused


async def test_a_refused_block_is_read_item_by_item() -> None:
    class NoBlocks(SimulatedMeter):
        def _data(self, code: str) -> bytes | None:
            return None if "FF" in code else super()._data(code)

    simulator = NoBlocks(ADDRESS, points_from(VALUES))
    async with tcp_bus(simulator.answer) as bus:
        meter = device(bus, "dlt645_2007_single_phase")
        sample = await meter.read()
    assert sample.present()["active_energy_import_t2"] == 2.5
    assert (sample.status, meter.refused) == (Status.GOOD, [])


async def test_an_adapter_that_echoes_and_noise_on_the_line_do_no_harm() -> None:
    simulator = simulated(echo=True)
    async with tcp_bus(lambda data: b"\xd8\xb0\x4c\x00\x68" + simulator.answer(data) + b"\x00") as bus:
        assert (await device(bus).read()).status is Status.GOOD


async def test_a_silent_meter_costs_one_timeout_and_says_so() -> None:
    simulator = simulated()
    async with tcp_bus(simulator.answer, timeout_s=0.05) as bus:
        with pytest.raises(DeviceUnreachable, match=r"m1.*no answer within 0.05 s"):
            await device(bus, address="000000000001").read()
        assert bus.requests == 1


async def test_garbled_answers_and_foreign_meters_are_told_from_silence() -> None:
    other = encode(Frame("111111111111", 0x91, bytes.fromhex("0000010026000000")))
    async with tcp_bus(lambda _: other[:-2] + b"\x00\x16", timeout_s=0.05) as bus:
        with pytest.raises(FrameError, match="that are no frame"):
            await device(bus).read_points("00010000")
    async with tcp_bus(lambda _: other, timeout_s=0.05) as bus:
        with pytest.raises(FrameError, match="1 answers of other meters"):
            await device(bus).read_points("00010000")


async def test_a_late_answer_is_not_taken_for_the_next() -> None:
    late = encode(Frame(ADDRESS, 0x91, bytes.fromhex("0000010099999999")))
    simulator = simulated()
    async with tcp_bus(lambda data: late + simulator.answer(data)) as bus:
        (point,) = await device(bus).read_points("02800002")
    assert point.value == 49.98


def test_a_serial_server_is_read_on_the_loop_that_the_agent_runs_on() -> None:
    async def read() -> Status:
        async with tcp_bus(simulated().answer) as bus:
            return (await device(bus).read()).status

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(read()) is Status.GOOD


async def test_a_serial_server_that_is_gone_and_back() -> None:
    simulator = simulated()
    async with tcp_server(simulator.answer) as port:
        bus = LineBus("tcp", lambda: TcpLine.open("127.0.0.1", port), 1.0, quiet_s=0)
        meter = device(bus)
        await meter.read()
    with pytest.raises(DeviceUnreachable):
        await meter.read()
    async with tcp_server(simulator.answer, port=port):
        for _ in range(20):
            try:
                sample = await meter.read()
            except DeviceUnreachable:
                await asyncio.sleep(0.05)
            else:
                break
        assert sample.status is Status.GOOD
        await bus.aclose()


def test_an_unasked_edition_is_met_with_silence() -> None:
    old = SimulatedMeter(ADDRESS, points_from({"9010": 1.0}, "1997"), "1997")
    assert old.answer(ReadExchange(ADDRESS, "00010000", "2007").start()) == b""


def test_an_error_word_is_given_in_words() -> None:
    exchange = ReadExchange(ADDRESS, "00010000", "2007")
    exchange.start()
    with pytest.raises(DeviceRefused, match="password wrong or not authorised"):
        exchange.feed(encode(Frame(ADDRESS, 0xD1, b"\x04")))


def test_endless_follow_up_frames_end() -> None:
    exchange = ReadExchange(ADDRESS, "00010000", "2007")
    exchange.start()
    exchange.feed(encode(Frame(ADDRESS, 0xB1, bytes.fromhex("0000010026000000"))))
    data = bytes.fromhex("0000010026000000")
    parts = b"".join(encode(Frame(ADDRESS, 0xB2, data + bytes([number]))) for number in range(1, 100))
    with pytest.raises(FrameError, match="more than 32 frames"):
        [exchange.feed(parts[at : at + 21]) for at in range(0, len(parts), 21)]


def test_every_problem_of_a_meter_file_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        meters.parse(
            "x", 'model="x"\nedition="2007"\nfast=["99999999"]\nslow=["1"]\n[sources]\na="b"', "x.toml"
        )
    assert [problem.key for problem in caught.value.problems] == ["fast", "slow"]
    with pytest.raises(ConfigError, match="Extra"):
        meters.parse("x", 'model="x"\nedition="2007"\nfast=["00010000"]\nspeed=1\n[sources]\na="b"', "x.toml")
