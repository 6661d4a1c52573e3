"""Questions to a DL/T 645 meter and their answers, without I/O: `drivers.frames.exchange.Exchange`."""

from __future__ import annotations

from drivers.dlt645.frame import (
    ANY_METER,
    READ,
    READ_ADDRESS,
    READ_MORE,
    Edition,
    Frame,
    encode,
    error_text,
    finder,
)
from drivers.errors import DeviceRefused, FrameError
from drivers.frames import bcd
from drivers.frames.meter_frame import WAKE_UP, heard

MAX_PARTS = 32
_METER_NUMBER = "C032"


class _Question:
    """What reading data and reading the address have in common."""

    def __init__(self, address: str, edition: Edition, function: int) -> None:
        self._address = address
        self._edition = edition
        self._function = function
        self._finder = finder()
        self._foreign = 0
        self._stale = 0

    @property
    def heard(self) -> str:
        """What came beside the answer, in words; empty if the line was silent."""
        return heard(self._finder, self._foreign, self._stale)

    def _mine(self, frames: list[Frame]) -> list[Frame]:
        """The answers of our meter to our function; raises DeviceRefused if it refuses."""
        mine = []
        for frame in frames:
            if not frame.is_answer:
                continue  # the adapter's echo of what we sent
            if not matches(self._address, frame.address):
                self._foreign += 1
            elif frame.function != self._function:
                self._stale += 1
            elif frame.is_error:
                word = frame.error_word or 0
                raise DeviceRefused(error_text(word, self._edition), word)
            else:
                mine.append(frame)
        return mine


class ReadExchange(_Question):
    """Reads one data identifier, with all frames that belong to it. Result: the data, joined."""

    def __init__(self, address: str, code: str, edition: Edition) -> None:
        super().__init__(address, edition, READ[edition])
        self._code = code
        self._parts: list[bytes] = []
        self._result: bytes | None = None

    @property
    def result(self) -> bytes | None:
        """The data behind the identifier, as soon as the last frame came."""
        return self._result

    def start(self) -> bytes:
        """The request."""
        return encode(Frame(self._address, self._function, bcd.from_digits(self._code)), WAKE_UP)

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes; the request for the next part, or none. Raises DeviceRefused, FrameError."""
        return self._take(self._finder.feed(chunk))

    def silence(self) -> bytes:
        """A last look at what stood behind a false start."""
        return self._take(self._finder.flush())

    def _take(self, frames: list[Frame]) -> bytes:
        for frame in self._mine(frames):
            if self._result is not None or frame.identifier != self._code:
                self._stale += 1
                continue
            part = self._part(frame)
            if part is None:
                self._stale += 1
                continue
            self._parts.append(part)
            if not frame.more_follows:
                self._result = b"".join(self._parts)
            elif len(self._parts) == MAX_PARTS:
                raise FrameError(f"identifier {self._code}: more than {MAX_PARTS} frames")
            else:
                return self._ask_for_more()
        return b""

    def _part(self, frame: Frame) -> bytes | None:
        """The data of the part that we wait for. Follow-up answers of 2007 end with their number."""
        if not self._parts or self._edition == "1997":
            return frame.value
        numbered = frame.value and frame.value[-1] == len(self._parts)
        return frame.value[:-1] if numbered else None

    def _ask_for_more(self) -> bytes:
        self._function = READ_MORE[self._edition]
        number = bytes([len(self._parts)]) if self._edition == "2007" else b""
        return encode(Frame(self._address, self._function, bcd.from_digits(self._code) + number), WAKE_UP)


class AddressExchange(_Question):
    """Asks the only meter on a line for its address. Result: twelve digits."""

    def __init__(self, edition: Edition = "2007") -> None:
        super().__init__(ANY_METER, edition, READ_ADDRESS if edition == "2007" else READ["1997"])
        self._result: str | None = None

    @property
    def result(self) -> str | None:
        """The address."""
        return self._result

    def start(self) -> bytes:
        """The request; a 1997 meter is asked for its number instead, which usually is its address."""
        data = b"" if self._edition == "2007" else bcd.from_digits(_METER_NUMBER)
        return encode(Frame(ANY_METER, self._function, data), WAKE_UP)

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes. Raises DeviceRefused."""
        self._take(self._finder.feed(chunk))
        return b""

    def silence(self) -> bytes:
        """A last look at what stood behind a false start."""
        self._take(self._finder.flush())
        return b""

    def _take(self, frames: list[Frame]) -> None:
        for frame in self._mine(frames):
            if frame.address != ANY_METER:
                self._result = frame.address
            elif len(frame.value) == 6:
                self._result = bcd.digits(frame.value)


def matches(asked: str, answered: str) -> bool:
    """Whether an answer's address fits: AA stands for any pair. Some 1997 meters send the wildcard back."""
    return len(asked) == len(answered) and all(
        asked[i : i + 2] in ("AA", answered[i : i + 2]) for i in range(0, len(asked), 2)
    )
