"""The real edge agent on a faster clock: python fast_edge.py EDGE_TOML START_MS FACTOR.

Only the clock is a test's: polling, accounting, spool and uplink are the program's own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from edge import agent, config_file


class FastClock:
    """Trusted from the start; `now` goes on through restarts, as a machine's clock does."""

    boot = "fast"
    trusted = True
    epoch = 0
    offset_ms: float | None = 0.0

    def __init__(self, start_ms: int, factor: float) -> None:
        # Both processes of a restart see the same monotonic clock, so time goes on from `start_ms`.
        self._start, self._factor = start_ms, factor

    def monotonic_ms(self) -> int:
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 * self._factor)

    def now(self) -> int:
        return self._start + self.monotonic_ms()

    def check(self) -> None: ...

    def told(self, collector_ms: int) -> None: ...

    async def sleep_until(self, at: int) -> None:
        await asyncio.sleep(max(0, at - self.now()) / 1000 / self._factor)


if __name__ == "__main__":
    clock = FastClock(int(sys.argv[2]), float(sys.argv[3]))
    asyncio.run(agent.run(config_file.load(Path(sys.argv[1])), clock=clock))
