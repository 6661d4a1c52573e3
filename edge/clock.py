"""Time is earned: the edge's clock, and whether it may be believed.

Until the clock is trusted, times are provisional: counted by the monotonic clock from the
system clock's first word. The recorder restates them once the true time is known.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import time
from pathlib import Path
from typing import Literal, Protocol

logger = logging.getLogger(__name__)

Trust = Literal["auto", "trusted"]
ADJUST_ABOVE_MS = 2_000
CHECK_EVERY_MS = 10_000
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_ERROR = 5  # adjtimex(2): clock not synchronised


class Clock(Protocol):
    """The only source of time of the edge. `trusted` and `epoch` change only in `check` and `told`."""

    boot: str  # names the run of the monotonic clock: equal means comparable
    trusted: bool
    epoch: int  # steps whenever `now` jumps

    @property
    def offset_ms(self) -> float | None:
        """Our time less the system clock's, or None while untrusted."""

    def monotonic_ms(self) -> int:
        """Counts on through sleep and process restarts; begins anew at boot."""

    def now(self) -> int:
        """Unix time in ms; provisional while `trusted` is false."""

    def check(self) -> None:
        """Look whether the system clock has become synchronised."""

    def told(self, collector_ms: int) -> None:
        """The collector said it is `collector_ms` now."""

    async def sleep_until(self, at: int) -> None:
        """Return at `at`, as `now` counts."""


class SystemClock:
    """The machine's clocks. Trusts NTP, else the collector's time, else what the configuration says."""

    def __init__(self, trust: Trust = "auto") -> None:
        self.boot = _boot_id()
        self.epoch = 0
        self.trusted = self._system = trust == "trusted"
        self._checked_at = -CHECK_EVERY_MS
        self._offset = time.time_ns() // 1_000_000 - self.monotonic_ms()
        self.check()

    @property
    def offset_ms(self) -> float | None:
        return self.now() - time.time() * 1000 if self.trusted else None

    def monotonic_ms(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def now(self) -> int:
        if self._system:
            return time.time_ns() // 1_000_000
        return self.monotonic_ms() + self._offset

    def check(self) -> None:
        now = self.monotonic_ms()
        if self._system or now - self._checked_at < CHECK_EVERY_MS:
            return
        self._checked_at = now
        if _SYNCHRONISED.exists() or _kernel_synchronised():
            logger.info("clock is synchronised")
            self._system = self.trusted = True
            self.epoch += 1

    def told(self, collector_ms: int) -> None:
        if self._system:
            return
        step = collector_ms - self.now()
        if not self.trusted or abs(step) > ADJUST_ABOVE_MS:
            logger.info("clock set from the collector, by %+.1f s", step / 1000)
            self._offset += step
            self.trusted = True
            self.epoch += 1

    async def sleep_until(self, at: int) -> None:
        await asyncio.sleep(max(0, at - self.now()) / 1000)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"process-{os.getpid()}"


def _kernel_synchronised() -> bool:
    """adjtimex(2) with no mode: reads the state of the kernel's clock discipline."""
    buffer = ctypes.create_string_buffer(256)  # struct timex is 208 bytes; modes = 0 reads only
    try:
        state: int = ctypes.CDLL(None).adjtimex(buffer)
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR
