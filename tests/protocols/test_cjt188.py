"""CJ/T 188 meters: values, units, and devices read over TCP and a pseudo-terminal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cjt188 import meter as meters
from drivers.cjt188.device import ANY_ADDRESS, Cjt188Device
from drivers.cjt188.frame import Frame, encode
from drivers.cjt188.simulator import SimulatedMeter
from drivers.cjt188.values import decode_reading, decode_values, encode_reading
from drivers.errors import ConfigError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames.exchange import LineBus
from drivers.frames.line import SerialLine, SerialParameters, TcpLine
from drivers.frames.serve import Answer, pseudo_terminal, tcp_server
from drivers.quantity import quantity

ADDRESS = "00312718241912"
HEAT = "11740200 05 88274405 05 00150000 17 00000000 35 08567100 2C 792600 642600 664707 11521703092520 0005"
WATER = "23010000 2C 00010000 2C 32411112090720 0500"
GAS = "45230100 2C 00000000 2C 00000000000000 0000"


def answer(meter_type: int, data: str) -> Frame:
    return Frame(meter_type, ADDRESS, 0x81, bytes.fromhex("901F03") + bytes.fromhex(data.replace(" ", "")))


@pytest.mark.parametrize(
    ("meter_type", "data", "expected"),
    [
        (0x10, WATER, {"water_volume": 1.23}),
        (0x30, GAS, {"gas_volume": 123.45}),
        (
            0x25,
            HEAT,
            {
                "cooling_energy": 274.11,
                "heat_energy": 54427.88,
                "thermal_power": 15.0,
                "flow": 0.0,
                "volume": 7156.08,
                "supply_temperature": 26.79,
                "return_temperature": 26.64,
                "operating_hours": 74766.0,
            },
        ),
    ],
)
def test_current_data_by_meter_type(meter_type: int, data: str, expected: dict[str, float]) -> None:
    assert decode_values(answer(meter_type, data)) == expected


def test_the_unit_code_decides_not_the_meter_type() -> None:
    assert decode_values(answer(0x20, HEAT.replace("88274405 05", "01000000 11")))[
        "heat_energy"
    ] == pytest.approx(2.777778)
    assert decode_values(answer(0x20, HEAT.replace("88274405 05", "01000000 08")))["heat_energy"] == 10.0
    assert decode_values(answer(0x21, HEAT))["cooling_energy"] == 54427.88
    assert "heat_energy" not in decode_values(answer(0x20, HEAT.replace("88274405 05", "88274405 7F")))


def test_a_unit_in_front_of_its_digits_is_told_by_the_codes() -> None:
    fields = HEAT.split()
    swapped = " ".join([fields[i ^ 1] for i in range(10)] + fields[10:])
    reading = decode_reading(answer(0x25, swapped))
    assert reading.unit_first
    assert reading.quantities() == decode_values(answer(0x25, HEAT))


def test_no_value_is_absent_and_never_zero() -> None:
    values = decode_values(
        answer(0x20, HEAT.replace("88274405 05", "FFFFFFFF FF").replace("792600", "FFFFFF"))
    )
    assert not {"heat_energy", "supply_temperature"} & values.keys()


def test_the_flow_needs_the_decimals_of_its_maker() -> None:
    flowing = HEAT.replace("00000000 35", "34120000 35")
    assert "flow" not in decode_values(answer(0x20, flowing))
    assert decode_values(answer(0x20, flowing), flow_decimals=3)["flow"] == 1.234


def test_clock_valve_and_battery() -> None:
    reading = decode_reading(answer(0x10, WATER))
    assert reading.clock == datetime(2007, 9, 12, 11, 41, 32)
    assert (reading.valve, reading.battery_low) == ("closed", True)
    assert decode_reading(answer(0x30, GAS)).clock is None


@pytest.mark.parametrize("meter_type", [0x10, 0x25, 0x30])
def test_encoding_is_the_reverse_of_decoding(meter_type: int) -> None:
    frame = answer(meter_type, {0x10: WATER, 0x25: HEAT, 0x30: GAS}[meter_type])
    assert encode_reading(decode_reading(frame)) == frame.value


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Frame(0x10, ADDRESS, 0x01, bytes.fromhex("901F00")), "carries data"),
        (Frame(0x10, ADDRESS, 0xC1, bytes.fromhex("901F00")), "carries data"),
        (answer(0x10, HEAT), "water answer: 43 bytes, not 19"),
        (answer(0x40, WATER), "no layout for meter type 40H"),
        (Frame(0x10, ADDRESS, 0x81, b""), "carries data"),
    ],
)
def test_what_cannot_be_decoded_is_a_frame_error(frame: Frame, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        decode_reading(frame)


@given(st.integers(0, 255), st.binary(max_size=60))
def test_random_data_is_a_reading_or_a_frame_error(meter_type: int, data: bytes) -> None:
    try:
        decode_reading(Frame(meter_type, ADDRESS, 0x81, data)).quantities()
    except FrameError:
        return


@pytest.mark.parametrize("name", meters.METERS)
def test_every_meter_gives_quantities_of_the_vocabulary_and_books_one(name: str) -> None:
    profile = meters.load(name).profile
    assert profile.counters
    assert all(quantity(point) for point in profile.quantities())


@asynccontextmanager
async def tcp_bus(respond: Answer, timeout_s: float = 1.0) -> AsyncIterator[LineBus]:
    async with tcp_server(respond) as port:
        bus = LineBus(f"tcp {port}", lambda: TcpLine.open("127.0.0.1", port), timeout_s, quiet_s=0)
        try:
            yield bus
        finally:
            await bus.aclose()


def simulated(meter_type: int = 0x25, data: str = HEAT, **options: object) -> SimulatedMeter:
    return SimulatedMeter(ADDRESS, decode_reading(answer(meter_type, data)), **options)  # type: ignore[arg-type]


async def test_a_heat_meter_over_tcp_with_echo_and_noise() -> None:
    simulator = simulated(echo=True)
    async with tcp_bus(lambda data: b"\x00\x68" + simulator.answer(data)) as bus:
        device = Cjt188Device("h1", meters.load("cjt188_heat_and_cooling"), ADDRESS, bus, clock=lambda: 5)
        sample = await device.read()
    assert sample.at == 5
    assert sample.present()["heat_energy"] == 54427.88
    assert device.reading is not None
    assert device.reading.clock == datetime(2025, 9, 3, 17, 52, 11)


async def test_a_water_meter_over_a_pseudo_terminal() -> None:
    async def connect() -> SerialLine:
        return SerialLine.open(path, SerialParameters())

    async with pseudo_terminal(simulated(0x10, WATER).answer) as path:
        bus = LineBus(path, connect, 1.0, quiet_s=0)
        device = Cjt188Device("w1", meters.load("cjt188_cold_water"), ADDRESS, bus)
        assert (await device.read()).present() == {"water_volume": 1.23}
        await bus.aclose()


async def test_the_identifier_order_that_a_meter_answers_to_is_learnt() -> None:
    simulator = simulated(0x10, WATER, order=("1F90",))
    async with tcp_bus(simulator.answer, timeout_s=0.1) as bus:
        device = Cjt188Device("w1", meters.load("cjt188_cold_water"), ADDRESS, bus)
        assert (await device.read()).present() == (await device.read()).present() == {"water_volume": 1.23}
        assert (device.swapped, bus.requests, bus.timeouts) == (True, 3, 1)


async def test_a_silent_meter_costs_one_timeout_a_read_after_the_first() -> None:
    simulator = simulated(0x10, WATER, order=("1F90",))
    switched_on = False
    async with tcp_bus(lambda data: simulator.answer(data) if switched_on else b"", timeout_s=0.03) as bus:
        device = Cjt188Device("w1", meters.load("cjt188_cold_water"), ADDRESS, bus)
        for timeouts in (2, 3):
            with pytest.raises(DeviceUnreachable):
                await device.read()
            assert bus.timeouts == timeouts
        switched_on = True
        assert (await device.read()).present() == {"water_volume": 1.23}


async def test_the_address_of_a_single_meter_is_found() -> None:
    async with tcp_bus(simulated(0x10, WATER).answer) as bus:
        device = Cjt188Device("w1", meters.load("cjt188_cold_water"), ANY_ADDRESS, bus)
        assert await device.find_address() == ADDRESS


async def test_silence_refusal_and_foreign_meters_are_told_apart() -> None:
    meter = meters.load("cjt188_cold_water")
    async with tcp_bus(lambda _: b"", timeout_s=0.03) as bus:
        with pytest.raises(DeviceUnreachable, match="no answer"):
            await Cjt188Device("w1", meter, ADDRESS, bus).read()
    refusal = encode(Frame(0x10, ADDRESS, 0xC1, b"\x03\x01\x00"))
    async with tcp_bus(lambda _: refusal) as bus:
        with pytest.raises(DeviceRefused, match="status 03 01 00"):
            await Cjt188Device("w1", meter, ADDRESS, bus).read()
    async with tcp_bus(lambda _: encode(answer(0x10, WATER)), timeout_s=0.03) as bus:
        with pytest.raises(FrameError, match="1 answers of other meters"):
            await Cjt188Device("w1", meter, "00000000000001", bus).read()


def test_an_unknown_meter_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="cjt188_gas"):
        meters.load("cjt188_steam")
