"""The grid: no drift, no two requests at once, and the dead do not delay the living."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from clocks import T0, FakeClock

from drivers.errors import DeviceUnreachable
from drivers.profile import ALL
from drivers.sample import Sample
from edge.schedule import LOST_AFTER, PROBE_SHARE, BusSchedule, Polled


class FakeDriver:
    """Answers after `takes_ms`, or is silent for `timeout_ms`."""

    def __init__(self, clock: FakeClock, name: str, takes_ms: int = 50, timeout_ms: int = 1000) -> None:
        self._clock, self.device_id = clock, name
        self.takes_ms, self.timeout_ms = takes_ms, timeout_ms
        self.dead = False
        self.began: list[int] = []
        self.groups: list[frozenset[str]] = []
        self.refused: list[str] = []
        self.learnt_quiet_s = 0.0
        self.on_read: Callable[[], None] = lambda: None

    async def read(self, groups: frozenset[str] = ALL) -> Sample:
        self.began.append(self._clock.now())
        self.groups.append(groups)
        self.on_read()
        await asyncio.sleep(0)
        self._clock.advance(self.timeout_ms if self.dead else self.takes_ms)
        if self.dead:
            raise DeviceUnreachable(f"{self.device_id}: no answer")
        return Sample(self.device_id, self._clock.now(), ("frequency",), (50.0,))


class Bench:
    """A bus of fake devices that runs until the clock has passed a time."""

    def __init__(self, devices: int, period_ms: int = 10_000, slow_ms: int = 60_000, **driver: int) -> None:
        self.clock = FakeClock(T0 + 3_333)
        self.drivers = [FakeDriver(self.clock, f"d{i}", **driver) for i in range(devices)]
        self.samples: list[Sample] = []
        polled = [Polled(d, period_ms, slow_ms) for d in self.drivers]  # type: ignore[arg-type]
        self.bus = BusSchedule("bus", polled, 1000, self.clock, self.samples.append)

    async def run(self, ms: int) -> None:
        until = self.clock.now() + ms
        task = asyncio.create_task(self.bus.run())
        while self.clock.now() < until and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_grid_is_aligned_and_does_not_drift() -> None:
    bench = Bench(3)
    await bench.run(600_000)
    began = bench.drivers[0].began
    assert [at % 10_000 for at in began] == [0] * len(began)
    assert len(began) == 60
    assert bench.bus.counts.overruns == 0


async def test_slow_group_is_read_with_the_fast_one_when_it_is_due() -> None:
    bench = Bench(1)
    await bench.run(180_000)
    slow = [
        at
        for at, groups in zip(bench.drivers[0].began, bench.drivers[0].groups, strict=True)
        if groups == ALL
    ]
    assert [(at - T0) // 60_000 for at in slow] == [0, 1, 2, 3]


async def test_one_request_at_a_time() -> None:
    bench = Bench(5)
    running = 0
    for driver in bench.drivers:
        plain = driver.read

        async def read(groups: frozenset[str] = ALL, plain: object = plain) -> Sample:
            nonlocal running
            running += 1
            assert running == 1
            try:
                return await plain(groups)  # type: ignore[operator,no-any-return]
            finally:
                running -= 1

        driver.read = read  # type: ignore[method-assign]
    await bench.run(60_000)
    assert len(bench.samples) >= 25


async def test_two_dead_of_thirty_do_not_delay_the_others() -> None:
    bench = Bench(30, takes_ms=200)
    bench.drivers[3].dead = bench.drivers[17].dead = True
    await bench.run(3_600_000)
    living = [d for d in bench.drivers if not d.dead]
    after_first_rounds = T0 + 60_000
    for place, driver in enumerate(living):
        offsets = [at % 10_000 for at in driver.began if at > after_first_rounds]
        assert set(offsets) == {place * 200}
        assert len(driver.began) >= 359
    assert bench.bus.counts.missed == 0
    dead = [d for d in bench.drivers if d.dead]
    for driver in dead:
        gaps = [b - a for a, b in zip(driver.began, driver.began[1:], strict=False)]
        assert max(gaps) <= 320_000
        assert gaps[-1] > 10 * gaps[0]
        assert len(driver.began) < 30


async def test_probes_stay_within_their_share_of_the_bus() -> None:
    bench = Bench(10, period_ms=5_000)
    for driver in bench.drivers[1:]:
        driver.dead = True
    await bench.run(1_800_000)
    assert bench.bus.counts.probe_ms <= PROBE_SHARE * 1_800_000 + 3_000
    assert len(bench.drivers[0].began) >= 355


async def test_dead_device_that_returns_is_back_on_the_grid(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(2)
    bench.drivers[1].dead = True
    await bench.run(600_000)
    bench.drivers[1].dead = False
    await bench.run(600_000)
    assert bench.bus.devices[1].failures == 0
    told = [r.message.split(" after")[0] for r in caplog.records if r.name == "edge.schedule"]
    assert told == ["lost d1: no answer", "d1 is back"]
    assert bench.bus.devices[1].failed_reads >= LOST_AFTER


async def test_overrun_is_counted_and_the_grid_kept() -> None:
    bench = Bench(3, period_ms=1_000, takes_ms=600)
    await bench.run(60_000)
    assert bench.bus.counts.missed > 20
    assert {at % 1_000 for at in bench.drivers[0].began} == {0}


async def test_clock_that_is_set_realigns_the_grid_and_stamps_the_sample_anew() -> None:
    bench = Bench(1)
    true = T0 + 365 * 86_400_000

    def set_once() -> None:
        if len(bench.drivers[0].began) == 3:
            bench.clock.told(true)

    bench.drivers[0].on_read = set_once
    await bench.run(true - T0 + 60_000)
    assert bench.samples[2].at >= true
    assert all(at % 10_000 == 0 for at in bench.drivers[0].began)
    assert len(bench.samples) < 20
    assert bench.bus.counts.missed == 0


async def test_dead_bus_is_probed_without_end_but_not_busily() -> None:
    bench = Bench(2, period_ms=1_000)
    for driver in bench.drivers:
        driver.dead = True
    await bench.run(3_600_000)
    assert 5 <= len(bench.drivers[0].began) < 60


async def test_bus_without_room_for_a_probe_is_late_once_a_minute_at_most() -> None:
    bench = Bench(2, period_ms=1_000)
    bench.drivers[1].dead = True
    await bench.run(600_000)
    assert 5 <= len(bench.drivers[1].began) <= 11
    assert bench.bus.counts.overruns <= 11
    assert len(bench.drivers[0].began) >= 588


async def test_device_that_fails_once_is_not_called_lost(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(2)
    bench.drivers[1].on_read = lambda: setattr(bench.drivers[1], "dead", len(bench.drivers[1].began) == 5)
    await bench.run(300_000)
    assert bench.bus.devices[1].failed_reads == 1
    assert [r.message for r in caplog.records if "lost" in r.message] == []
