"""Modbus TCP frames: the MBAP header and a PDU.

Modbus Messaging on TCP/IP V1.0b, section 3.1.3: transaction id, protocol id 0, length of what follows,
unit id. Without a checksum: the header is all that tells a frame from noise.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.errors import FrameError

_HEADER = 7
_MAX_PDU = 253


@dataclass(frozen=True, slots=True)
class TcpFrame:
    """One frame."""

    transaction_id: int
    unit_id: int
    pdu: bytes


def encode(frame: TcpFrame) -> bytes:
    """The bytes to send. Raises ValueError for a PDU that does not fit."""
    if not 1 <= len(frame.pdu) <= _MAX_PDU:
        raise ValueError(f"a PDU has 1 to {_MAX_PDU} bytes, not {len(frame.pdu)}")
    return struct.pack(">HHHB", frame.transaction_id, 0, len(frame.pdu) + 1, frame.unit_id) + frame.pdu


class MbapFraming:
    """Cuts Modbus TCP frames."""

    max_bytes = _HEADER + _MAX_PDU
    idle = b""
    starts = b""
    distinct = False

    def frame_at(self, data: bytes, offset: int) -> tuple[TcpFrame, int] | None:
        """The frame at `offset`. Raises FrameError; see `Framing`."""
        header = data[offset : offset + _HEADER]
        if any(header[2:4]):
            raise FrameError(f"protocol id {header[2:4].hex().upper()}H, not 0: no Modbus TCP")
        if len(header) >= 5 and header[4] != 0:
            raise FrameError(f"length over {_MAX_PDU + 1}")
        if len(header) < _HEADER:
            return None
        transaction_id, _, length, unit_id = struct.unpack(">HHHB", header)
        if not 2 <= length <= _MAX_PDU + 1:
            raise FrameError(f"length {length}, must be 2 to {_MAX_PDU + 1}")
        end = offset + _HEADER - 1 + length
        if len(data) < end:
            return None
        return TcpFrame(transaction_id, unit_id, bytes(data[offset + _HEADER : end])), end
