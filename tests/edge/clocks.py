"""A clock that tests move."""

from __future__ import annotations

import asyncio

T0 = 1_790_000_100_000  # a quarter of an hour begins
T0 -= T0 % 900_000


class FakeClock:
    """Time passes only when somebody sleeps or a test says so."""

    def __init__(
        self, now: int = T0, *, trusted: bool = True, boot: str = "boot-1", up_ms: int = 10_000
    ) -> None:
        self.boot, self.trusted, self.epoch = boot, trusted, 0
        self._monotonic = up_ms
        self._offset = now - up_ms
        self.synchronised_at: int | None = None

    @property
    def offset_ms(self) -> float | None:
        return 0.0 if self.trusted else None

    def monotonic_ms(self) -> int:
        return self._monotonic

    def now(self) -> int:
        return self._monotonic + self._offset

    def check(self) -> None:
        if self.synchronised_at is not None:
            self.told(self.synchronised_at)
            self.synchronised_at = None

    def told(self, collector_ms: int) -> None:
        self._offset = collector_ms - self._monotonic
        self.trusted = True
        self.epoch += 1

    def advance(self, ms: int) -> None:
        self._monotonic += ms

    async def sleep_until(self, at: int) -> None:
        self._monotonic = max(self._monotonic, at - self._offset)
        await asyncio.sleep(0)
