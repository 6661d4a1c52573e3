"""Every stream decoder: one byte at a time, every cut, every flipped bit, random bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cjt188 import frame as cjt188
from drivers.dlt645 import frame as dlt645
from drivers.errors import FrameError
from drivers.frames import modbus_ascii, modbus_rtu, modbus_tcp
from drivers.frames.framing import Decoder, Finder, Framing, find_frames
from drivers.frames.meter_frame import WAKE_UP


@dataclass
class Case:
    name: str
    framing: Framing[Any]
    frames: list[Any]
    encode: Callable[[Any], bytes]
    checked: bool = True  # a checksum catches a flipped bit


RTU_PDUS = [bytes.fromhex("0404436633 34".replace(" ", "")), bytes.fromhex("8302"), bytes.fromhex("0102AA02")]
CASES = [
    Case(
        "dlt645",
        dlt645.Dlt645Framing(),
        [
            dlt645.Frame("000000000161", 0x91, bytes.fromhex("00000203 122580")),
            dlt645.Frame("686868681616", 0xB1, bytes.fromhex("68161668FE3335")),
            dlt645.Frame(dlt645.ANY_METER, 0x13),
        ],
        lambda frame: dlt645.encode(frame, WAKE_UP),
    ),
    Case(
        "cjt188",
        cjt188.Cjt188Framing(),
        [
            cjt188.Frame(0x10, "78330011223344", 0x81, bytes.fromhex("901F00 0012340000")),
            cjt188.Frame(0x68, "68161668166816", 0x81, bytes.fromhex("681668FE16")),
            cjt188.Frame(0xAA, cjt188.ANY_ADDRESS, 0x03, bytes.fromhex("810A00")),
        ],
        lambda frame: cjt188.encode(frame, WAKE_UP),
    ),
    Case(
        "modbus_rtu",
        modbus_rtu.RtuFraming("response"),
        [modbus_rtu.RtuFrame(unit, pdu) for unit, pdu in zip((1, 35, 247), RTU_PDUS, strict=True)],
        modbus_rtu.encode,
    ),
    Case(
        "modbus_tcp",
        modbus_tcp.MbapFraming(),
        [modbus_tcp.TcpFrame(7, 1, pdu) for pdu in RTU_PDUS],
        modbus_tcp.encode,
        checked=False,
    ),
    Case(
        "modbus_ascii",
        modbus_ascii.AsciiFraming(),
        [modbus_ascii.AsciiFrame(1, pdu, start) for pdu, start in zip(RTU_PDUS, ":>:", strict=True)],
        modbus_ascii.encode,
    ),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_decode_is_the_reverse_of_encode(case: Case) -> None:
    stream = b"".join(map(case.encode, case.frames))
    assert Decoder(case.framing).feed(stream) == case.frames
    assert find_frames(case.framing, stream) == case.frames


@each_case
def test_one_byte_at_a_time(case: Case) -> None:
    decoder, finder = Decoder(case.framing), Finder(case.framing)
    stream = b"".join(map(case.encode, case.frames))
    assert [frame for byte in stream for frame in decoder.feed(bytes([byte]))] == case.frames
    assert [frame for byte in stream for frame in finder.feed(bytes([byte]))] == case.frames
    assert decoder.held == finder.held == finder.skipped == 0


@each_case
def test_cut_at_every_offset(case: Case) -> None:
    stream = b"".join(map(case.encode, case.frames))
    for cut in range(len(stream) + 1):
        decoder = Decoder(case.framing)
        assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == case.frames


@each_case
def test_a_frame_cut_short_is_not_yet_and_then_refused(case: Case) -> None:
    for frame in case.frames:
        data = case.encode(frame)
        for end in range(len(data)):
            assert Decoder(case.framing).feed(data[:end]) == []
            with pytest.raises(FrameError):
                find_frames(case.framing, data[:end])


@each_case
def test_every_flipped_bit(case: Case) -> None:
    for frame in case.frames:
        data = case.encode(frame)
        for place in range(8 * len(data)):
            broken = bytearray(data)
            broken[place // 8] ^= 1 << place % 8
            got = _frames_or_refused(case, bytes(broken))
            if case.checked:
                assert [_content(one) for one in got] in ([], [_content(frame)]), (
                    f"bit {place} of {data.hex()}"
                )


def _content(frame: Any) -> Any:
    """One bit makes ">" of ":", and both may start an ASCII frame: that says nothing about its content."""
    return (frame.unit_id, frame.pdu) if isinstance(frame, modbus_ascii.AsciiFrame) else frame


def _frames_or_refused(case: Case, data: bytes) -> list[Any]:
    try:
        return Decoder(case.framing).feed(data)
    except FrameError:
        return []


@each_case
@given(chunks=st.lists(st.binary(max_size=400), max_size=6))
def test_random_bytes_are_frames_or_a_frame_error(case: Case, chunks: list[bytes]) -> None:
    decoder, finder = Decoder(case.framing), Finder(case.framing)
    for chunk in chunks:
        finder.feed(chunk)
        assert finder.held < case.framing.max_bytes
        try:
            decoder.feed(chunk)
        except FrameError:
            assert decoder.held == 0
        assert decoder.held < case.framing.max_bytes
    finder.flush()
    assert finder.held == 0


@each_case
@given(noise=st.binary(max_size=30), tail=st.binary(max_size=30))
def test_a_frame_in_noise_is_found(case: Case, noise: bytes, tail: bytes) -> None:
    if not case.checked:
        return
    noise, tail = (bytes(byte & 0x0F for byte in part) for part in (noise, tail))
    framing = case.framing
    if isinstance(framing, modbus_rtu.RtuFraming):
        framing = modbus_rtu.RtuFraming("response", unit_id=35, function=3)
        frame = modbus_rtu.RtuFrame(35, bytes.fromhex("030443666666"))
    else:
        frame = case.frames[0]
    assert frame in find_frames(framing, noise + case.encode(frame) + tail)


def test_a_whole_frame_behind_a_false_start_is_taken_at_once() -> None:
    frame = dlt645.Frame("000000000161", 0x91, bytes.fromhex("0000010026000000"))
    finder = dlt645.finder()
    false_start = bytes.fromhex("68 00 00 00 00 00 00 68 91 C8")
    assert finder.feed(false_start + dlt645.encode(frame)) == [frame]
    assert finder.skipped == len(false_start)


def test_an_rtu_frame_behind_a_false_start_waits_until_the_line_is_silent() -> None:
    frame = modbus_rtu.RtuFrame(1, bytes.fromhex("030400010002"))
    finder = Finder(modbus_rtu.RtuFraming("response"))
    assert finder.feed(b"\x01\x03\xf0" + modbus_rtu.encode(frame)) == []
    assert finder.flush() == [frame]
    assert finder.skipped == 3


def test_the_reason_of_a_refusal_names_what_is_wrong() -> None:
    good = dlt645.encode(dlt645.Frame("000000000161", 0x91, bytes.fromhex("0000010026000000")))
    with pytest.raises(FrameError, match="checksum 00H, computed"):
        dlt645.find_all(b"\x00\x00" + good[:-2] + b"\x00\x16")
    with pytest.raises(FrameError, match="last byte is 17H"):
        dlt645.find_all(good[:-1] + b"\x17")
    with pytest.raises(FrameError, match="cut short"):
        dlt645.find_all(good[:-1])


def test_a_stream_decoder_forgets_what_it_refused() -> None:
    decoder = Decoder(modbus_tcp.MbapFraming())
    with pytest.raises(FrameError, match="protocol id"):
        decoder.feed(bytes.fromhex("0001 FFFF 0006 01 03 0000 0001".replace(" ", "")))
    frame = modbus_tcp.TcpFrame(1, 1, b"\x83\x02")
    assert decoder.feed(modbus_tcp.encode(frame)) == [frame]
