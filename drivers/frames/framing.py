"""How frames are cut out of a stream of bytes. Knows no port and no clock.

A `Framing` knows one frame format. `Decoder` takes a clean stream and raises at the first byte that
cannot be a frame; `Finder` takes a noisy line, steps over what is no frame and counts it.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from drivers.errors import FrameError

FrameT = TypeVar("FrameT")
FrameT_co = TypeVar("FrameT_co", covariant=True)


class Framing(Protocol[FrameT_co]):
    """One frame format."""

    @property
    def max_bytes(self) -> int:
        """No frame is longer."""

    @property
    def idle(self) -> bytes:
        """Byte values that may stand before a frame and mean nothing (wake-up bytes)."""

    @property
    def starts(self) -> bytes:
        """The byte values that a frame can start with; empty if any can."""

    @property
    def distinct(self) -> bool:
        """Whether a whole frame is so unlikely inside another that it ends the wait for an unfinished one."""

    def frame_at(self, data: bytes, offset: int) -> tuple[FrameT_co, int] | None:
        """The frame that starts at `offset` and the offset behind it; None if bytes are still missing.

        Raises FrameError as soon as the bytes that are there cannot start a frame.
        """


class Decoder(Generic[FrameT]):
    """A clean stream: frames, not yet, or an error. Holds at most one frame."""

    def __init__(self, framing: Framing[FrameT]) -> None:
        self._framing = framing
        self._held = b""

    @property
    def held(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._held)

    def feed(self, chunk: bytes) -> list[FrameT]:
        """Return the frames that `chunk` completes; [] means more bytes are needed.

        Raises FrameError if the bytes cannot be a frame; all that was held is dropped then, and the
        caller closes the connection or waits for silence.
        """
        data, self._held = self._held + chunk, b""
        frames: list[FrameT] = []
        offset = 0
        while True:
            while offset < len(data) and data[offset] in self._framing.idle:
                offset += 1
            if offset == len(data):
                return frames
            found = self._framing.frame_at(data, offset)
            if found is None:
                self._held = data[offset:]
                return frames
            frame, offset = found
            frames.append(frame)


class Finder(Generic[FrameT]):
    """A noisy line: frames wherever they stand, everything else is skipped and counted."""

    def __init__(self, framing: Framing[FrameT]) -> None:
        self._framing = framing
        self._held = b""
        self.skipped = 0
        self.reason = ""

    @property
    def held(self) -> int:
        """Bytes that may still become a frame; never more than one frame's length."""
        return len(self._held)

    def feed(self, chunk: bytes) -> list[FrameT]:
        """Return the frames that `chunk` completes. `skipped` counts bytes that were no frame, without
        wake-up bytes; `reason` says why the first that looked like a frame was refused."""
        return self._search(chunk, final=False)

    def flush(self) -> list[FrameT]:
        """No more bytes will come: return frames that stood behind a false start, and forget the rest."""
        return self._search(b"", final=True)

    def _search(self, chunk: bytes, *, final: bool) -> list[FrameT]:
        data, self._held = self._held + chunk, b""
        frames: list[FrameT] = []
        offset = 0
        while offset < len(data):
            try:
                found = self._framing.frame_at(data, offset)
            except FrameError as error:
                offset = self._skip(data, offset, str(error))
                continue
            if found is not None:
                frame, offset = found
                frames.append(frame)
            elif final or self._whole_frame_behind(data, offset):
                offset = self._skip(data, offset, f"frame cut short after {len(data) - offset} bytes")
            else:
                self._held = data[offset:]
                break
        return frames

    def _whole_frame_behind(self, data: bytes, offset: int) -> bool:
        if not self._framing.distinct:
            return False
        for later in range(offset + 1, len(data)):
            try:
                if data[later] in self._framing.starts and self._framing.frame_at(data, later) is not None:
                    return True
            except FrameError:
                continue
        return False

    def _skip(self, data: bytes, offset: int, reason: str) -> int:
        if data[offset] not in self._framing.idle:
            self.skipped += 1
            if not self.reason and (not self._framing.starts or data[offset] in self._framing.starts):
                self.reason = reason
        return offset + 1


def find_frames(framing: Framing[FrameT], data: bytes) -> list[FrameT]:
    """Every frame in a finished capture. Raises FrameError, with the reason, if there is none."""
    finder = Finder(framing)
    frames = finder.feed(data) + finder.flush()
    if not frames:
        raise FrameError(f"no frame in {len(data)} bytes: {finder.reason or 'no start of a frame'}")
    return frames
