"""Questions to a CJ/T 188 meter and their answers, without I/O: `drivers.frames.exchange.Exchange`."""

from __future__ import annotations

from drivers.cjt188.frame import (
    ADDRESS,
    ANY_ADDRESS,
    ANY_TYPE,
    CURRENT_DATA,
    READ,
    READ_ADDRESS,
    Frame,
    encode,
    finder,
)
from drivers.errors import DeviceRefused
from drivers.frames.meter_frame import WAKE_UP, heard


class ReadExchange:
    """Reads the current data, or the address of the only meter on a line. Result: the answer's frame.

    swapped: send the identifier as 1F 90; makers differ in what they answer to.
    A meter asked as one type may answer as another (20H as 25H), and need not send the counter back.
    """

    def __init__(
        self,
        meter_type: int = ANY_TYPE,
        address: str = ANY_ADDRESS,
        *,
        swapped: bool = False,
        counter: int = 0,
        wake_up: bytes = WAKE_UP,
        read_address: bool = False,
    ) -> None:
        self._function = READ_ADDRESS if read_address else READ
        self._code = ADDRESS if read_address else CURRENT_DATA
        identifier = bytes.fromhex(self._code)
        data = (identifier[::-1] if swapped else identifier) + bytes([counter & 0xFF])
        self._request = encode(Frame(meter_type, address, self._function, data), wake_up)
        self._address = address
        self._finder = finder()
        self._foreign = 0
        self._stale = 0
        self._result: Frame | None = None

    @property
    def result(self) -> Frame | None:
        """The answer."""
        return self._result

    @property
    def heard(self) -> str:
        """What came beside the answer, in words; empty if the line was silent."""
        return heard(self._finder, self._foreign, self._stale)

    def start(self) -> bytes:
        """The request."""
        return self._request

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the line. Raises DeviceRefused."""
        self._take(self._finder.feed(chunk))
        return b""

    def silence(self) -> bytes:
        """A last look at what stood behind a false start. Raises DeviceRefused."""
        self._take(self._finder.flush())
        return b""

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if not frame.is_answer:
                continue  # the adapter's echo of what we sent
            if self._address not in (ANY_ADDRESS, frame.address):
                self._foreign += 1
            elif frame.function != self._function:
                self._stale += 1
            elif frame.is_error:
                code = int.from_bytes(frame.data[-2:], "little")
                raise DeviceRefused(f"the meter refuses, status {frame.data.hex(' ').upper()}", code)
            elif frame.identifier != self._code:
                self._stale += 1
            else:
                self._result = self._result or frame
