"""Every type and order: decode(encode(x)) == x; sentinels, ranges and factors leave nothing wrong behind."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import FrameError
from drivers.modbus.registers import Block, BlockDecoder
from drivers.profile import Point, Profile, parse
from drivers.simulate.image import Image

INTEGERS = {
    "u16": (0, 2**16 - 1), "s16": (-(2**15), 2**15 - 1), "u24": (0, 2**24 - 1), "u32": (0, 2**32 - 1),
    "s32": (-(2**31), 2**31 - 1), "u48": (0, 2**48 - 1), "u64": (0, 2**53), "s64": (-(2**53), 2**53),
    "bcd16": (0, 9999), "bcd32": (0, 10**8 - 1), "bcd48": (0, 10**12 - 1), "bcd64": (0, 2**53),
}  # fmt: skip
HEAD = """
model = "m"
vendor = "v"
kind = "electricity"
[sources]
s = "s"
[modbus]
transports = ["tcp"]
"""


def profile(*registers: str, head: str = "") -> Profile:
    blocks = "".join(f'\n[[registers]]\nconfidence = "c"\nsources = ["s"]\n{text}\n' for text in registers)
    return parse("test", HEAD + head + blocks, "test.toml")


def one(text: str, head: str = "") -> Point:
    return profile(text, head=head).points[0]


def read(point: Point, image: Image, factors: dict[str, Fraction | None] | None = None) -> float | None:
    first = min(cell.address for cell in point.cells)
    block = Block(point.cells[0].function, first, max(cell.end for cell in point.cells) - first)
    data = image.words(block.function, block.address, block.count)
    return BlockDecoder(block, [point]).decode(data, factors or {})[0]


def words(*values: int, address: int = 10) -> Image:
    image = Image()
    for i, value in enumerate(values):
        image.put_word(3, address + i, value)
    return image


@given(
    kind=st.sampled_from(sorted(INTEGERS)),
    word_order=st.sampled_from(["big", "little"]),
    byte_order=st.sampled_from(["big", "little"]),
    data=st.data(),
)
def test_integers_come_back(kind: str, word_order: str, byte_order: str, data: st.DataObject) -> None:
    low, high = INTEGERS[kind]
    raw = data.draw(st.integers(low, high))
    point = one(
        f'type = "{kind}"\nword_order = "{word_order}"\nbyte_order = "{byte_order}"\n'
        "points.operating_mode = { address = 10, range = [-1e20, 1e20] }"
    )
    image = Image()
    image.put_raw(point.cells[0], raw)
    value = read(point, image)
    assert value == (raw if point.minimum <= raw <= point.maximum else None)


@given(word_order=st.sampled_from(["big", "little"]), value=st.floats(-1000, 1000, width=32))
def test_floats_come_back(word_order: str, value: float) -> None:
    for kind, tolerance in (("f32", 5.1e-7), ("f64", 5.1e-7)):
        point = one(f'type = "{kind}"\nword_order = "{word_order}"\npoints.active_power_total = 4')
        image = Image()
        image.put(point, value, {})
        found = read(point, image)
        assert found is not None
        assert math.isclose(found, value, abs_tol=tolerance)


@given(st.integers(0, 65535))
def test_tenths_are_rounded_as_a_person_would(raw: int) -> None:
    point = one('type = "u16"\nscale = 0.1\npoints.voltage_l1n = 10')
    assert read(point, words(raw)) == float(f"{raw // 10}.{raw % 10}")


@given(st.binary(min_size=8, max_size=8))
def test_any_bytes_are_finite_values_in_range_or_absent(data: bytes) -> None:
    found = profile('type = "f32"\n[registers.points]\nvoltage_l1n = 0\nactive_power_l1 = 2')
    values = BlockDecoder(Block(3, 0, 4), found.points).decode(data, {})
    for point, value in zip(found.points, values, strict=True):
        assert value is None or point.quantity.minimum <= value <= point.quantity.maximum


@pytest.mark.parametrize("size", [0, 3, 5, 100])
def test_wrong_length_is_a_frame_error(size: int) -> None:
    decoder = BlockDecoder(Block(3, 0, 2), [one('type = "f32"\npoints.voltage_l1n = 0')])
    with pytest.raises(FrameError, match=f"{size} bytes of data instead of 4"):
        decoder.decode(bytes(size), {})


def test_nan_infinity_and_out_of_range_are_absent() -> None:
    point = one('type = "f32"\npoints.frequency = 10')
    for bad in (math.nan, math.inf, -math.inf, 3e38, -5.0):
        high, low = struct.unpack(">HH", struct.pack(">f", bad))
        assert read(point, words(high, low)) is None
    assert read(point, words(0xFFC0, 0x0000)) is None


def test_sentinels_are_raw_words_before_scaling() -> None:
    point = one('type = "s16"\nscale = 0.1\nsentinels = [-32768, -3000]\npoints.outdoor_temperature = 10')
    assert read(point, words(0x8000)) is None
    assert read(point, words(-3000 & 0xFFFF)) is None
    assert read(point, words(-45 & 0xFFFF)) == -4.5


def test_bits_masks_maps_and_discrete_inputs() -> None:
    assert read(one('type = "bit"\npoints.pump_running = { address = 10, bit = 3 }'), words(0b1000)) == 1
    assert read(one('type = "bit"\npoints.pump_running = { address = 10, bit = 3 }'), words(0b0111)) == 0
    masked = one('type = "u16"\npoints.operating_mode = { address = 10, mask = 0xFF00 }')
    assert read(masked, words(0x0512)) == 5
    mapped = one('type = "u16"\npoints.operating_mode = { address = 10, map = { 0 = 1, 7 = 4 } }')
    assert [read(mapped, words(raw)) for raw in (0, 7, 9)] == [1, 4, None]
    coil = one('type = "bit"\nfunction = 2\npoints.defrost_active = 21')
    image = Image()
    image.put_word(2, 21, 1)
    assert read(coil, image) == 1


def test_units_become_the_vocabularys() -> None:
    cases = {
        'unit = "W"\npoints.active_power_total = 10': 2.301,
        'unit = "GJ"\npoints.heat_energy = 10': 2301 / 0.0036,
        'unit = "l/h"\npoints.flow = 10': 2.301,
        'unit = "kPa"\npoints.high_pressure = 10': 23.01,
        'unit = "degF"\nscale = 0.1\npoints.supply_temperature = 10': (230.1 - 32) * 5 / 9,
        'unit = "degF"\nscale = 0.01\npoints.temperature_difference = 10': 23.01 * 5 / 9,
    }
    for text, expected in cases.items():
        # A factor without end in decimals is rounded to six of them.
        assert read(one('type = "u16"\n' + text), words(2301)) == pytest.approx(expected, abs=1e-6), text


def test_pair_of_registers_is_added() -> None:
    point = one(
        'type = "u16"\nunit = "kWh"\n'
        'points.heat_energy = { address = 10, plus = [{ address = 11, unit = "MWh" }] }'
    )
    assert read(point, words(999, 12)) == 12_999


def test_factors_multiply_and_an_unknown_one_makes_values_absent() -> None:
    head = "\n[factors.ct_ratio]\ninstaller = true\n"
    point = one('type = "u16"\nscale = 0.01\nfactors = ["ct_ratio"]\npoints.current_l1 = 10', head)
    assert read(point, words(123), {"ct_ratio": Fraction(40)}) == 49.2
    assert read(point, words(123), {"ct_ratio": None}) is None


def test_power_of_ten_in_the_same_request() -> None:
    head = "\n[factors.sf]\naddress = 12\ntype = 's16'\nexponent = true\nsame_request = true\n"
    found = profile('type = "s16"\nunit = "W"\nfactors = ["sf"]\npoints.active_power_total = 10', head=head)
    decoder = BlockDecoder(Block(3, 10, 3), found.points, list(found.factors.values()))
    factors: dict[str, Fraction | None] = {}
    assert decoder.decode(struct.pack(">hhh", 1234, 0, 1), factors) == [12.34]
    assert decoder.decode(struct.pack(">hhh", 1234, 0, -1), factors) == [0.1234]
    assert decoder.decode(struct.pack(">hhh", 1234, 0, -32768), factors) == [None]


def test_bcd_with_a_digit_above_nine_is_absent() -> None:
    point = one('type = "bcd32"\nscale = 0.01\npoints.water_volume = 10')
    assert read(point, words(0x1234, 0x5678)) == 123456.78
    assert read(point, words(0xFFFF, 0xFFFF)) is None


def test_counter_ends_follow_from_the_type_or_the_profile() -> None:
    assert one('type = "u32"\nscale = 0.01\npoints.active_energy_import_total = 1').modulus == 42949672.96
    assert one('type = "bcd32"\nscale = 0.01\npoints.active_energy_import_total = 1').modulus == 1e6
    declared = one('type = "f32"\nunit = "Wh"\nrollover = 1e9\npoints.active_energy_import_total = 1')
    assert declared.modulus == 1e6
    assert one('type = "f32"\npoints.active_energy_import_total = 1').modulus is None
