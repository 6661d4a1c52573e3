"""Who is read when: a fixed grid for the living, a small share of the bus for the dead.

One task a bus, one request at a time on it. Deadlines are multiples of the period in absolute time,
so nothing drifts. A device that does not answer is taken off the grid and probed after the others,
ever more seldom, within PROBE_SHARE of the bus's time and where a time-out fits before the next deadline;
so it cannot delay them. Only where it fits nowhere may a probe make one round late, once a minute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from drivers.driver import Driver
from drivers.errors import DeviceError
from drivers.profile import ALL, FAST
from drivers.sample import Sample
from edge.clock import Clock

logger = logging.getLogger(__name__)

PROBE_SHARE = 0.10
LONGEST_PROBE_PAUSE_MS = 300_000
STARVED_AFTER_MS = 60_000
LOST_AFTER = 3
FAST_ONLY = frozenset({FAST})


@dataclass(slots=True)
class Polled:
    """One device on the grid, and how it has been doing. Times in ms of the edge's clock."""

    driver: Driver
    fast_ms: int
    slow_ms: int
    failures: int = 0  # in a row
    error: str = ""
    reads: int = 0
    failed_reads: int = 0
    next_fast: int = 0
    next_slow: int = 0
    probe_at: int = 0
    lost: bool = False

    @property
    def device_id(self) -> str:
        return self.driver.device_id


@dataclass(slots=True)
class BusCounts:
    """busy_ms: time spent in reads; late_ms: how far the last round ran past its deadline."""

    rounds: int = 0
    overruns: int = 0
    missed: int = 0
    busy_ms: int = 0
    probe_ms: int = 0
    started_at: int = 0
    worst_late_ms: int = 0


@dataclass(slots=True)
class BusSchedule:
    """The devices of one bus and the loop that reads them. `sink` gets every sample."""

    name: str
    devices: Sequence[Polled]
    timeout_ms: int
    clock: Clock
    sink: Callable[[Sample], None]
    counts: BusCounts = field(default_factory=BusCounts)
    _credit_ms: float = 0.0
    _credit_at: int = 0

    async def run(self) -> None:
        """Read on the grid until cancelled. A failed read is a gap, not a crash."""
        clock = self.clock
        self.counts.started_at = self._credit_at = clock.monotonic_ms()
        self._credit_ms = float(self.timeout_ms)
        epoch = clock.epoch
        self._align()
        while self.devices:
            deadline = min(device.next_fast for device in self.devices)
            await clock.sleep_until(deadline)
            if clock.epoch != epoch:  # the clock was set: the old deadlines mean nothing
                epoch = clock.epoch
                self._align()
                continue
            await self._round(deadline)

    def _align(self) -> None:
        now = self.clock.now()
        for device in self.devices:
            device.next_fast = _next(now, device.fast_ms)
            device.next_slow = now  # everything once at the start
            device.probe_at = now

    async def _round(self, deadline: int) -> None:
        """One step of the grid: first all that answered last time, then a probe if there is time."""
        due = [device for device in self.devices if device.next_fast <= deadline]
        counts, epoch = self.counts, self.clock.epoch
        counts.rounds += 1
        for device in [d for d in due if not d.failures]:
            await self._read(device)
        if self.clock.epoch != epoch:
            return
        now = self.clock.now()
        late = False
        for device in due:
            following = device.next_fast + device.fast_ms
            if now > following:
                late = True
                counts.worst_late_ms = max(counts.worst_late_ms, now - following)
                counts.missed += (now - following) // device.fast_ms + 1
                following = _next(now, device.fast_ms)
            device.next_fast = following
        counts.overruns += late
        await self._probe()

    async def _read(self, device: Polled) -> None:
        clock = self.clock
        slow = clock.now() >= device.next_slow
        began, epoch = clock.monotonic_ms(), clock.epoch
        try:
            sample = await device.driver.read(ALL if slow else FAST_ONLY)
        except DeviceError as error:
            self._failed(device, str(error))
        else:
            if clock.epoch != epoch:
                sample = replace(sample, at=clock.now())
            if slow:
                device.next_slow = _next(clock.now(), device.slow_ms)
            self._answered(device)
            self.sink(sample)
        self.counts.busy_ms += clock.monotonic_ms() - began

    async def _probe(self) -> None:
        """Ask one silent device whether it is back, if that fits before the others' next deadline."""
        clock, now = self.clock, self.clock.now()
        silent = [d for d in self.devices if d.failures and d.probe_at <= now]
        living = [d.next_fast for d in self.devices if not d.failures]
        monotonic = clock.monotonic_ms()
        earned = PROBE_SHARE * (monotonic - self._credit_at)
        self._credit_ms = min(self._credit_ms + earned, 2.0 * self.timeout_ms)
        self._credit_at = monotonic
        for device in sorted(silent, key=lambda d: d.probe_at):
            if living and self._credit_ms < self.timeout_ms:
                return
            fits = not living or clock.now() + self.timeout_ms <= min(living)
            starved = clock.now() - device.probe_at > STARVED_AFTER_MS
            if not fits and not starved:
                return
            began = clock.monotonic_ms()
            await self._read(device)
            spent = clock.monotonic_ms() - began
            self.counts.probe_ms += spent
            self._credit_ms -= spent

    def _failed(self, device: Polled, error: str) -> None:
        device.failures += 1
        device.reads += 1
        device.failed_reads += 1
        device.error = error
        pause = min(LONGEST_PROBE_PAUSE_MS, device.fast_ms << min(device.failures - 1, 20))
        device.probe_at = self.clock.now() + max(pause - device.fast_ms, 0)
        never_answered = device.failures == device.reads
        if not device.lost and (never_answered or device.failures >= LOST_AFTER):
            device.lost = True
            logger.warning("lost %s", error)

    def _answered(self, device: Polled) -> None:
        device.reads += 1
        if device.lost:
            logger.info("%s is back after %d failed reads", device.device_id, device.failures)
        device.failures, device.error, device.lost = 0, "", False

    @property
    def load(self) -> float:
        """Share of the time since the start that the bus was busy."""
        elapsed = self.clock.monotonic_ms() - self.counts.started_at
        return min(1.0, self.counts.busy_ms / elapsed) if elapsed > 0 else 0.0


def _next(now: int, period_ms: int) -> int:
    """The first multiple of the period after `now`."""
    return (now // period_ms + 1) * period_ms
