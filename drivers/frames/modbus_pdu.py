"""Modbus protocol data units: what is inside a frame, whatever carries it.

Modbus Application Protocol V1.1b3, chapter 6. Only reads are spelled out: nothing here writes to a device.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.errors import FrameError

READS = {1: "coils", 2: "discrete inputs", 3: "holding registers", 4: "input registers"}
MAX_REGISTERS, MAX_BITS = 125, 2000
_ERROR = 0x80


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read `count` registers or bits from `address`, counted from zero."""

    function: int
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class ReadResponse:
    """The bytes that were read."""

    function: int
    data: bytes

    def registers(self) -> tuple[int, ...]:
        """As 16-bit words. Raises FrameError for an odd number of bytes."""
        if len(self.data) % 2:
            raise FrameError(f"{len(self.data)} bytes are no whole number of registers")
        return struct.unpack(f">{len(self.data) // 2}H", self.data)

    def bits(self) -> tuple[bool, ...]:
        """As bits, lowest address first, padding included."""
        return tuple(bool(byte >> bit & 1) for byte in self.data for bit in range(8))


@dataclass(frozen=True, slots=True)
class ExceptionResponse:
    """The device refuses; 1 function, 2 address, 3 value, 4 failure, 6 busy, 10 and 11 gateway."""

    function: int
    code: int


@dataclass(frozen=True, slots=True)
class OtherPdu:
    """A function that is no read: seen on the line, never sent by us."""

    function: int
    data: bytes


Pdu = ReadRequest | ReadResponse | ExceptionResponse | OtherPdu


def decode_request(pdu: bytes) -> ReadRequest | OtherPdu:
    """What a master asks. Raises FrameError if the length or the count is impossible."""
    function = _function(pdu)
    if function not in READS:
        return OtherPdu(function, pdu[1:])
    if len(pdu) != 5:
        raise FrameError(f"read request has {len(pdu)} bytes, not 5")
    address, count = struct.unpack(">HH", pdu[1:])
    if not 1 <= count <= (MAX_BITS if function <= 2 else MAX_REGISTERS):
        raise FrameError(f"read request for {count} {READS[function]}")
    return ReadRequest(function, address, count)


def decode_response(pdu: bytes) -> ReadResponse | ExceptionResponse | OtherPdu:
    """What a device answers. Raises FrameError if the byte count does not fit the bytes."""
    function = _function(pdu)
    if function & _ERROR:
        if len(pdu) != 2:
            raise FrameError(f"exception response has {len(pdu)} bytes, not 2")
        return ExceptionResponse(function & ~_ERROR, pdu[1])
    if function not in READS:
        return OtherPdu(function, pdu[1:])
    if len(pdu) < 2 or pdu[1] != len(pdu) - 2:
        raise FrameError(
            f"byte count {pdu[1] if len(pdu) > 1 else 'missing'}, {max(0, len(pdu) - 2)} bytes follow"
        )
    if function > 2 and pdu[1] % 2:
        raise FrameError(f"byte count {pdu[1]} is no whole number of registers")
    return ReadResponse(function, pdu[2:])


def encode(pdu: Pdu) -> bytes:
    """The bytes of a unit. Raises ValueError for more than a frame can hold."""
    if isinstance(pdu, ReadRequest):
        return struct.pack(">BHH", pdu.function, pdu.address, pdu.count)
    if isinstance(pdu, ReadResponse):
        if len(pdu.data) > 2 * MAX_REGISTERS:
            raise ValueError(f"{len(pdu.data)} bytes do not fit into a response")
        return bytes([pdu.function, len(pdu.data)]) + pdu.data
    if isinstance(pdu, ExceptionResponse):
        return bytes([pdu.function | _ERROR, pdu.code])
    return bytes([pdu.function]) + pdu.data


def request_length(head: bytes) -> int | None:
    """Length of a request that starts with `head`; None if more bytes are needed to tell.

    Raises FrameError for a function whose length cannot be told.
    """
    return _length(
        head,
        {1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 7: 1, 8: 5, 11: 1, 12: 1, 17: 1, 22: 7},
        {15: 5, 16: 5, 23: 9},
    )


def response_length(head: bytes) -> int | None:
    """Length of a response that starts with `head`; None if more bytes are needed to tell.

    Raises FrameError for a function whose length cannot be told.
    """
    if head and head[0] & _ERROR:
        return 2
    counted = {1: 1, 2: 1, 3: 1, 4: 1, 12: 1, 17: 1, 23: 1}
    return _length(head, {5: 5, 6: 5, 7: 2, 8: 5, 11: 5, 15: 5, 16: 5, 22: 7}, counted)


def _length(head: bytes, fixed: dict[int, int], counted: dict[int, int]) -> int | None:
    if not head:
        return None
    function = head[0]
    if function in fixed:
        return fixed[function]
    if function not in counted:
        raise FrameError(f"function {function} is not known")
    at = counted[function]
    return at + 1 + head[at] if len(head) > at else None


def _function(pdu: bytes) -> int:
    if not pdu or pdu[0] in (0, _ERROR):
        raise FrameError("no function code")
    return pdu[0]
