"""The machine's clock: trusted by NTP, by the collector, or by configuration."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge import clock as clock_module
from edge.clock import SystemClock

YEAR_MS = 365 * 86_400_000


@pytest.fixture
def unsynchronised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "_kernel_synchronised", lambda: False)
    monkeypatch.setattr(clock_module, "_SYNCHRONISED", Path("/nowhere/synchronized"))


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def test_configuration_may_trust_the_system_clock() -> None:
    clock = SystemClock("trusted")
    assert clock.trusted
    assert abs(clock.now() - wall_ms()) < 1_000


@pytest.mark.usefixtures("unsynchronised")
def test_collector_sets_the_clock_but_not_the_systems() -> None:
    clock = SystemClock()
    assert not clock.trusted
    assert clock.offset_ms is None
    clock.told(wall_ms() + YEAR_MS)
    assert clock.trusted
    assert clock.epoch == 1
    assert abs(clock.now() - wall_ms() - YEAR_MS) < 1_000
    assert clock.offset_ms == pytest.approx(YEAR_MS, abs=1_000)


@pytest.mark.usefixtures("unsynchronised")
def test_small_differences_are_the_networks() -> None:
    clock = SystemClock()
    clock.told(wall_ms())
    clock.told(wall_ms() + 1_500)
    assert clock.epoch == 1
    clock.told(wall_ms() + 5_000)
    assert clock.epoch == 2


@pytest.mark.usefixtures("unsynchronised")
def test_synchronisation_later_on_wins_over_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "CHECK_EVERY_MS", 0)
    clock = SystemClock()
    clock.told(wall_ms() + YEAR_MS)
    monkeypatch.setattr(clock_module, "_kernel_synchronised", lambda: True)
    clock.check()
    assert abs(clock.now() - wall_ms()) < 1_000
    assert clock.epoch == 2
    clock.told(wall_ms() + YEAR_MS)
    assert abs(clock.now() - wall_ms()) < 1_000


def test_kernel_answers() -> None:
    assert clock_module._kernel_synchronised() in (True, False)


async def test_sleep_until_the_past_returns_at_once() -> None:
    clock = SystemClock("trusted")
    began = time.monotonic()
    await clock.sleep_until(clock.now() - 60_000)
    assert time.monotonic() - began < 1
