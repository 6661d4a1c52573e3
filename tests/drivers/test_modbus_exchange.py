"""Answers cut at every byte, with flipped bits, noise around them and strangers before them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import FrameError
from drivers.modbus.exchange import Answer, RtuCodec, TcpCodec, checksum, explain
from drivers.modbus.registers import Block

BLOCK = Block(4, 0, 4)
DATA = bytes.fromhex("4366333443a10000")
PDU = bytes((4, 8)) + DATA


def rtu(unit: int, pdu: bytes) -> bytes:
    return bytes((unit,)) + pdu + checksum(bytes((unit,)) + pdu)


def tcp(transaction: int, unit: int, pdu: bytes) -> bytes:
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,)) + pdu


def asked() -> tuple[RtuCodec, TcpCodec]:
    codecs = RtuCodec(), TcpCodec()
    for codec in codecs:
        codec.request(7, BLOCK)
    return codecs


def drip(codec: RtuCodec | TcpCodec, stream: bytes, size: int = 1) -> Answer | None:
    """Feed a stream in pieces, as the transport does."""
    held = b""
    for at in range(0, len(stream), size):
        held += stream[at : at + size]
        used, answer = codec.feed(held)
        held = held[used:]
        if answer is not None:
            return answer
    return None


def test_requests_are_those_of_the_standard() -> None:
    assert RtuCodec().request(1, Block(4, 0, 2)).hex(" ") == "01 04 00 00 00 02 71 cb"
    assert TcpCodec().request(1, Block(4, 0, 2)).hex(" ") == "00 01 00 00 00 06 01 04 00 00 00 02"


@pytest.mark.parametrize("size", range(1, 14))
def test_answer_in_pieces_of_any_size(size: int) -> None:
    serial, network = asked()
    assert drip(serial, rtu(7, PDU), size) == Answer(DATA)
    assert drip(network, tcp(1, 7, PDU), size) == Answer(DATA)


def test_cut_answer_is_not_yet_an_answer() -> None:
    for end in range(13):
        serial, network = asked()
        assert drip(serial, rtu(7, PDU)[:end]) is None
        assert drip(network, tcp(1, 7, PDU)[:end]) is None


def test_flipped_bit_never_gives_an_answer_on_a_line() -> None:
    frame = rtu(7, PDU)
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        serial, _ = asked()
        try:
            assert drip(serial, bytes(broken)) is None
        except FrameError:
            continue


def test_noise_and_strangers_are_passed_over() -> None:
    serial, network = asked()
    assert drip(serial, b"\0\0" + rtu(9, PDU) + rtu(7, PDU) + b"\0") == Answer(DATA)
    stream = tcp(65535, 7, PDU) + tcp(9, 7, bytes((4, 2, 0, 0))) + tcp(1, 7, PDU)
    assert drip(network, stream) == Answer(DATA)
    assert network.stale == 2


def test_refusals_carry_their_code() -> None:
    serial, network = asked()
    assert drip(serial, rtu(7, b"\x84\x02")) == Answer(b"", 2)
    assert drip(network, tcp(1, 7, b"\x84\x0b")) == Answer(b"", 11)


@pytest.mark.parametrize(
    ("pdu", "unit", "problem"),
    [
        (PDU, 8, "answer of unit 8"),
        (bytes((3, 8)) + DATA, 7, "function 3"),
        (bytes((4, 6)) + DATA[:6], 7, "6 bytes of data instead of 8"),
        (bytes((4, 9)) + DATA, 7, "8 bytes of data instead of 8|instead of 8"),
    ],
)
def test_answer_that_does_not_fit_closes_the_connection(pdu: bytes, unit: int, problem: str) -> None:
    _, network = asked()
    with pytest.raises(FrameError, match=problem):
        drip(network, tcp(1, unit, pdu))


def test_rtu_through_a_tcp_port_is_told_apart() -> None:
    _, network = asked()
    with pytest.raises(FrameError, match="not Modbus TCP"):
        drip(network, rtu(7, PDU), 13)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_random_bytes_end_in_nothing_or_a_typed_error(stream: bytes, size: int) -> None:
    for codec in asked():
        try:
            answer = drip(codec, stream, size)
        except FrameError:
            continue
        assert answer is None or len(answer.data) in (0, 8)


def test_technician_is_told_what_came_instead() -> None:
    assert "two devices with one address" in explain(rtu(7, PDU)[:-1] + b"\0", 7, BLOCK)
    assert "answer of unit 9" in explain(rtu(9, PDU), 7, BLOCK)
    assert "wrong baud rate or parity" in explain(b"\xf8\x80\x00\xff", 7, BLOCK)
