"""What identifiers mean: tables, signs, absent values, blocks, times, settlement days."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlt645.frame import Edition, Frame
from drivers.dlt645.identifiers import lookup, table
from drivers.dlt645.values import Point, decode_data, decode_points, decode_values, encode_point, quantities
from drivers.errors import FrameError
from drivers.frames import bcd
from drivers.quantity import quantity


@pytest.mark.parametrize("edition", ["2007", "1997"])
def test_the_tables_use_the_vocabulary_and_name_their_sources(edition: Edition) -> None:
    for code, row in table(edition).items():
        assert len(code) == (8 if edition == "2007" else 4)
        assert row.source, code
        assert row.confidence, code
        if row.quantity:
            assert quantity(row.quantity).unit == row.unit, code
        assert bool(row.items) != bool(row.format), code
        assert all(lookup(item, edition) for item in row.items), code


@pytest.mark.parametrize(
    ("code", "data", "expected"),
    [
        ("02030000", "122580", {"active_power_total": -0.2512}),
        ("02020100", "994980", {"current_l1": 4.999}),  # the sign is the direction of power
        ("02060000", "0090", {"power_factor_total": -1.0}),
        ("00010000", "99999999", {"active_energy_import_total": 999999.99}),
        ("00010000", "FFFFFFFF", {}),
        ("02030000", "FFFFFF", {}),
        ("0201FF00", "0323FFFFFFFF", {"voltage_l1n": 230.3}),
        ("0201FF00", "0323", {"voltage_l1n": 230.3}),  # a single-phase meter sends one phase
        ("02800002", "0150", {"frequency": 50.01}),
    ],
)
def test_numbers(code: str, data: str, expected: dict[str, float]) -> None:
    assert quantities(decode_data(code, bytes.fromhex(data), "2007")) == expected


def test_demand_carries_its_time_and_none_if_it_was_never_reached() -> None:
    (point,) = decode_data("01010000", bytes.fromhex("563412 4523150611".replace(" ", "")), "2007")
    assert (point.value, point.at) == (12.3456, datetime(2011, 6, 15, 23, 45))
    (never,) = decode_data("01010000", bytes(8), "2007")
    assert (never.value, never.at) == (0.0, None)


def test_a_past_settlement_day_is_a_point_but_no_present_value() -> None:
    points = decode_data("0001FF02", bytes.fromhex("3429000066070000"), "2007")
    assert [(point.meaning.period, point.value) for point in points] == [(2, 29.34), (2, 7.66)]
    assert quantities(points) == {}
    assert lookup("0001000D", "2007") is None
    (month,) = decode_data("9810", bytes.fromhex("34290000"), "1997")
    assert (month.meaning.period, month.value, quantities([month])) == (2, 29.34, {})


def test_a_daily_freeze_is_a_time_and_past_values() -> None:
    (time,) = decode_data("0506003E", bytes.fromhex("0000311223"), "2007")
    assert (time.text, time.meaning.period) == ("2023-12-31 00:00", 62)
    points = decode_data("05060101", bytes.fromhex("3429000066070000"), "2007")
    assert [point.value for point in points] == [29.34, 7.66]
    assert quantities(points) == {}
    assert lookup("0506013F", "2007") is None


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        ("04000101", "06291218", "2018-12-29"),
        ("04000102", "325318", "18:53:32"),
        ("04000401", "614523010000", "000001234561"),
        ("04000404", "000056303232", "220V"),
    ],
)
def test_texts(code: str, data: str, text: str) -> None:
    (point,) = decode_data(code, bytes.fromhex(data), "2007")
    assert (point.text, point.value) == (text, None)
    assert encode_point(point) == bytes.fromhex(data)


def test_a_1997_voltage_has_no_decimals() -> None:
    assert decode_values(Frame("000000000001", 0x81, bytes.fromhex("11B62002"))) == {"voltage_l1n": 220.0}


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Frame("000000000161", 0x11, bytes.fromhex("00000100")), "carries data"),
        (Frame("000000000161", 0xD1, b"\x02"), "carries data"),
        (Frame("000000000161", 0x91, bytes.fromhex("000001")), "carries data"),
        (Frame("000000000161", 0x91, bytes.fromhex("00000100 2600")), "2 bytes, not 4"),
        (Frame("000000000161", 0x91, bytes.fromhex("00FF0100 3429000066")), "end inside 00010100"),
        (Frame("000000000161", 0x91, bytes.fromhex("00FF0100")), "no data"),
        (Frame("000000000161", 0x91, bytes.fromhex("99999999 00")), "not in the table"),
    ],
)
def test_what_cannot_be_decoded_is_a_frame_error(frame: Frame, why: str) -> None:
    with pytest.raises(FrameError, match=why):
        decode_points(frame)


@given(st.sampled_from(["02030000", "00010000", "02060000", "00000000"]), st.integers(-799_999, 799_999))
def test_encoding_is_the_reverse_of_decoding(code: str, digits: int) -> None:
    meaning = lookup(code, "2007")
    assert meaning is not None
    limit = 10 ** (2 * meaning.size) * (8 if meaning.sign else 10) // 10 - 1
    number = min(abs(digits), limit) * (-1 if digits < 0 and meaning.sign else 1)
    point = Point(meaning, number / 10**meaning.decimals)
    assert decode_data(code, encode_point(point), "2007") == [point]


CODES = [code.replace("NN", "01") for code in table("2007")]


@given(st.sampled_from(CODES), st.binary(max_size=40))
def test_random_data_is_points_or_a_frame_error(code: str, data: bytes) -> None:
    try:
        points = decode_data(code, data, "2007")
    except FrameError:
        return
    assert points


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        bcd.encode(800_000, 3, sign=True)
    with pytest.raises(ValueError, match="does not fit"):
        bcd.encode(-1, 3)
