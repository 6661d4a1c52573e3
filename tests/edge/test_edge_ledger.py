"""The account of a register: every field case, and the law that sums are exact."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.carrier import Carrier, Direction
from edge.ledger import INTERVAL_MS, MICRO, Event, Interval, Register, RegisterSpec
from edge.wire import Quality

T0 = 1_790_000_100_000 - 1_790_000_100_000 % INTERVAL_MS
SPEC = RegisterSpec(
    Carrier.ELECTRICITY, Direction.IMPORT, modulus=100_000.0, resolution=0.01, max_per_hour=100
)


class Meter:
    """Feeds a register and keeps what comes out."""

    def __init__(self, spec: RegisterSpec = SPEC) -> None:
        self.events: list[Event] = []
        self.register = Register(spec, self.events.append)
        self.intervals: list[Interval] = []

    def read(self, minute: float, value: float) -> None:
        self.intervals += self.register.update(T0 + round(minute * 60_000), value)

    @property
    def energy(self) -> float:
        """All that was accounted, the open interval included."""
        opened = self.register.total - self.register.start_total
        return (sum(i.energy for i in self.intervals) + opened) / MICRO

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def test_boundary_is_interpolated() -> None:
    meter = Meter()
    meter.read(0, 100.0)
    meter.read(14.5, 110.0)
    meter.read(15.5, 112.0)
    meter.read(30, 120.0)
    assert [(i.start, i.energy) for i in meter.intervals] == [
        (T0, 11 * MICRO),
        (T0 + INTERVAL_MS, 9 * MICRO),
    ]


def test_short_first_interval_says_how_long_it_was_measured() -> None:
    meter = Meter()
    for minute in range(10, 16):
        meter.read(minute, 5.0)
    assert meter.intervals == [Interval(T0, 0, 300, Quality.MEASURED)]


def test_gap_is_spread_and_marked() -> None:
    meter = Meter()
    meter.read(0, 100.0)
    meter.read(1, 101.0)
    meter.read(61, 161.0)
    assert [i.energy for i in meter.intervals] == [15 * MICRO] * 4
    assert [i.measured_s for i in meter.intervals] == [60, 0, 0, 0]
    assert {i.quality for i in meter.intervals} == {Quality.ESTIMATED}


def test_rollover_is_counted_once_confirmed() -> None:
    meter = Meter()
    meter.read(0, 99_999.5)
    meter.read(1, 0.5)
    assert meter.energy == 0
    meter.read(2, 1.0)
    assert meter.energy == 1.5
    meter.read(15, 2.0)
    assert meter.kinds == ["rollover"]
    assert meter.intervals[0].quality & Quality.ROLLOVER


def test_transient_zero_changes_nothing() -> None:
    meter = Meter()
    meter.read(0, 5_000.0)
    meter.read(1, 0.0)
    meter.read(2, 0.0)
    meter.read(3, 5_000.3)
    assert meter.energy == pytest.approx(0.3)
    assert meter.kinds == ["glitch"]


def test_hour_of_zeros_is_made_good_when_the_register_returns() -> None:
    meter = Meter()
    meter.read(0, 5_000.0)
    for minute in range(1, 60):
        meter.read(minute, 0.0)
    for minute in range(60, 64):
        meter.read(minute, 5_010.0)
    assert meter.energy == 10
    assert meter.kinds == ["reset", "recovered"]


def test_reset_counts_from_the_new_reading() -> None:
    meter = Meter()
    meter.read(0, 5_000.0)
    for minute, value in enumerate([0.2, 0.3, 0.4, 0.6], start=1):
        meter.read(minute, value)
    assert meter.energy == pytest.approx(0.4)
    assert meter.kinds == ["reset"]
    meter.read(15, 1.0)
    assert meter.intervals[0].quality & Quality.RESET


def test_partial_reset_of_one_phase_is_a_reset() -> None:
    meter = Meter()
    meter.read(0, 3_000.0)
    for minute in range(1, 5):
        meter.read(minute, 2_000.0 + minute)
    assert meter.energy == 3
    assert meter.kinds == ["reset"]


def test_first_reading_of_zero_is_no_baseline() -> None:
    meter = Meter()
    meter.read(0, 0.0)
    for minute in range(1, 6):
        meter.read(minute, 1_234_567.0 % 100_000)
    assert meter.energy == 0
    assert meter.kinds == ["jump"]


def test_small_meter_behind_a_gateway_that_says_zero_first() -> None:
    meter = Meter()
    meter.read(0, 0.0)
    meter.read(0.5, 0.0)
    meter.read(1, 12.0)
    meter.read(2, 12.5)
    assert meter.energy == 0.5
    assert meter.kinds == ["jump"]


def test_new_meter_counts_from_zero() -> None:
    meter = Meter()
    for minute in range(5):
        meter.read(minute, 0.2 * minute)
    assert meter.energy == pytest.approx(0.8)
    assert meter.kinds == []


def test_single_impossible_reading_is_ignored() -> None:
    meter = Meter()
    meter.read(0, 100.0)
    meter.read(1, 90_000.0)
    meter.read(2, 100.5)
    assert meter.energy == 0.5
    assert meter.kinds == ["glitch"]


def test_small_step_back_holds_the_maximum() -> None:
    meter = Meter()
    meter.read(0, 1_000.0)
    meter.read(1, 995.0)
    meter.read(2, 999.0)
    meter.read(3, 1_001.0)
    assert meter.energy == 1
    assert meter.kinds == ["fell_back"]


def test_jitter_within_the_resolution_is_silent() -> None:
    meter = Meter()
    for minute, value in enumerate([10.0, 9.99, 10.0, 9.98, 10.01]):
        meter.read(minute, value)
    assert meter.energy == pytest.approx(0.01)
    assert meter.kinds == []


def test_exchange_told_before_the_new_meter_answers() -> None:
    meter = Meter()
    meter.read(0, 5_000.0)
    meter.intervals += meter.register.exchange(T0 + 60_000, 5_001.0, 10.0)
    meter.read(2, 10.5)
    assert meter.energy == 1.5
    assert meter.kinds == ["exchange"]


def test_exchange_told_afterwards_makes_good_what_the_reset_left_out() -> None:
    meter = Meter()
    meter.read(0, 5_000.0)
    for minute in range(2, 6):
        meter.read(minute, 10.0 + minute)
    meter.intervals += meter.register.exchange(T0 + 60_000, 5_001.0, 10.0)
    assert meter.energy == 1 + 5


@pytest.mark.parametrize(
    ("readings", "told"),
    [
        ([99_999.5, 0.5, 1.0], [("rollover", 99_999.5, 1.0, 1.5)]),
        ([5_000.0, 0.25, 0.25, 0.5], [("reset", 5_000.0, 0.25, 0.0)]),
        (
            [5_000.0, *[0.0] * 4, *[5_010.0] * 3],
            [("reset", 5e3, 0.0, 0.0), ("recovered", 0.0, 5_010.0, 10.0)],
        ),
        ([10.0, *[70_000.0] * 3], [("jump", 10.0, 70_000.0, 0.0)]),
        ([0.0, 12.0], [("jump", 0.0, 12.0, 0.0)]),
        ([100.0, 90_000.0, 100.5], [("glitch", 100.0, 90_000.0, None)]),
        ([1_000.0, 995.0], [("fell_back", 1_000.0, 995.0, 0.0)]),
    ],
)
def test_events_say_what_was_counted(readings: list[float], told: list[tuple[object, ...]]) -> None:
    meter = Meter()
    for minute, value in enumerate(readings):
        meter.read(minute, value)
    assert [(event.kind, event.before, event.after, event.counted) for event in meter.events] == told


@pytest.mark.parametrize(("first_seen", "counted"), [(60_000, 1.0), (30_000, 0.0)])
def test_an_exchange_says_what_it_added(first_seen: int, counted: float) -> None:
    meter = Meter()
    meter.read(0, 5_000.0)
    meter.read(0.75, 5_000.0)
    meter.register.exchange(T0 + first_seen, 5_001.0, 10.0)
    assert [(e.before, e.after, e.counted) for e in meter.events] == [(5_001.0, 10.0, counted)]
    afterwards = Meter()
    afterwards.read(0, 5_000.0)
    for minute in range(2, 6):
        afterwards.read(minute, 10.0 + minute)
    afterwards.register.exchange(T0 + 60_000, 5_001.0, 10.0)
    assert [(e.kind, e.counted) for e in afterwards.events] == [("reset", 0.0), ("exchange", 3.0)]


def test_changed_ratio_keeps_the_dial() -> None:
    meter = Meter()
    meter.read(0, 1_000.0)
    state = meter.register.dump()
    changed = Meter(RegisterSpec(Carrier.ELECTRICITY, Direction.IMPORT, scale=40.0))
    changed.register.load(state)
    changed.read(1, 40_040.0)
    assert changed.energy == 40
    assert changed.kinds == ["ratio"]


def test_late_reading_changes_nothing() -> None:
    meter = Meter()
    meter.read(5, 10.0)
    meter.read(4, 12.0)
    meter.read(5, 12.0)
    assert meter.energy == 0


def test_hourly_refresh_is_no_jump() -> None:
    """Battery meters answer the same number for an hour, then an hour's energy at once."""
    meter = Meter()
    for minute in range(180):
        meter.read(minute, 100.0 + 90.0 * (minute // 60))
    assert meter.energy == 180
    assert meter.kinds == []


steps = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=5_000),  # seconds since the last reading
        st.one_of(
            st.integers(min_value=0, max_value=2_000).map(lambda n: ("grow", n)),
            st.integers(min_value=0, max_value=10_000_000).map(lambda n: ("set", n)),
            st.just(("zero", 0)),
            st.just(("restart", 0)),
        ),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_sum_of_intervals_is_what_was_accounted(moves: list[tuple[int, tuple[str, int]]]) -> None:
    meter = Meter()
    at, true = 0.0, 50_000.0
    meter.read(0, true)
    for seconds, (move, amount) in moves:
        at += seconds / 60
        if move == "grow":
            true = (true + amount / 100) % 100_000
            meter.read(at, true)
        elif move == "set":
            true = amount / 100
            meter.read(at, true)
        elif move == "zero":
            meter.read(at, 0.0)
        else:
            state = meter.register.dump()
            meter.register = Register(SPEC, meter.events.append)
            meter.register.load(state)
    finished = sum(i.energy for i in meter.intervals)
    assert finished == meter.register.start_total
    assert all(i.energy >= 0 for i in meter.intervals)
    assert [i.start for i in meter.intervals] == [T0 + n * INTERVAL_MS for n in range(len(meter.intervals))]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(min_value=1, max_value=7_200), st.integers(min_value=0, max_value=800)),
        min_size=3,
        max_size=80,
    )
)
def test_sum_is_the_register_difference_through_gaps_and_rollovers(moves: list[tuple[int, int]]) -> None:
    meter = Meter()
    at, counts, dial = 0.0, 0, 9_999_000
    meter.read(0, dial / 100)
    for seconds, growth in moves:
        at += seconds / 60
        counts += growth
        meter.read(at, (dial + counts) % 10_000_000 / 100)
    meter.read(at + 1, (dial + counts) % 10_000_000 / 100)
    assert round(meter.energy * 100) == counts
