"""Wrong wiring, wrong settings and wrong profiles are told apart, each by what is heard on the line."""

from __future__ import annotations

import pytest

from drivers.diagnosis import _TEXTS, Cause, Observation, diagnose
from drivers.plausibility import Mark, marks, score
from drivers.simulate.physics import Load

GOOD = {
    "voltage_l1n": 231.2,
    "voltage_l2n": 229.8,
    "voltage_l3n": 230.4,
    "frequency": 49.98,
    "current_l1": 10.0,
    "power_factor_l1": 0.95,
    "active_power_l1": 2.2,
}
SWAPPED = {
    "voltage_l1n": 3.1e-41,
    "voltage_l2n": 0.0,
    "voltage_l3n": 1.8e-19,
    "frequency": 2.4e-8,
    "current_l1": 4.6e-41,
    "power_factor_l1": 0.0,
    "active_power_l1": -7.1e-12,
}
FINE = Observation("1", answered=5, values=GOOD)

CASES = [
    ("no port", [Observation("1", unreachable="no such file")], Cause.NOT_CONNECTED, ""),
    ("nothing at all", [Observation("1", silent=3), Observation("2", silent=3)], Cause.LINE_SILENT, ""),
    ("one is silent", [FINE, Observation("2", silent=3)], Cause.DEVICE_SILENT, "2"),
    ("echo", [Observation("1", echoed=3), Observation("2", echoed=2)], Cause.ONLY_ECHO, ""),
    (
        "A and B swapped",
        [Observation("1", garbled=3, noise=b"\x00\xff\xfe\x00\xff\x80", lengths=[2, 2, 2])],
        Cause.POLARITY,
        "",
    ),
    (
        "baud",
        [Observation("1", garbled=3, noise=b"\x31\x97\x5a\x1c\x66\x6d", lengths=[6])],
        Cause.BAUD_OR_PARITY,
        "",
    ),
    (
        "termination",
        [Observation("1", answered=8, garbled=2, values=GOOD), Observation("2", answered=7, garbled=3)],
        Cause.DISTURBED,
        "",
    ),
    (
        "two devices with one address",
        [FINE, Observation("2", garbled=5, lengths=[25, 31, 27, 25, 33]), Observation("3", answered=5)],
        Cause.TWO_DEVICES,
        "2",
    ),
    ("two masters", [Observation("1", silent=2, foreign=3)], Cause.TWO_MASTERS, "1"),
    ("gateway", [Observation("7", refused={11: 3})], Cause.GATEWAY, "7"),
    ("busy", [Observation("7", answered=1, values=GOOD, refused={6: 3})], Cause.BUSY, "7"),
    ("refuses", [Observation("1", refused={2: 5})], Cause.WRONG_PROFILE, "1"),
    (
        "nonsense",
        [Observation("1", answered=5, values={"voltage_l1n": 12.0, "frequency": 3.0, "current_l1": None})],
        Cause.WRONG_PROFILE,
        "1",
    ),
    (
        "word order",
        [Observation("1", answered=5, values=SWAPPED, swapped=GOOD)],
        Cause.WORD_ORDER,
        "1",
    ),
]


@pytest.mark.parametrize(
    ("observations", "cause", "address"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_cause_comes_first(observations: list[Observation], cause: Cause, address: str) -> None:
    found = diagnose(observations)
    assert (found[0].cause, found[0].address) == (cause, address), found
    assert [f.weight for f in found] == sorted((f.weight for f in found), reverse=True)
    assert all(0 < f.weight <= 1 and f.en and f.zh and "{" not in f.en + f.zh for f in found)


def test_every_cause_is_covered_and_told_in_both_languages() -> None:
    assert {case[2] for case in CASES} == set(Cause) == set(_TEXTS)


@pytest.mark.parametrize(
    "observations",
    [
        [],
        [FINE],
        [FINE, Observation("2", answered=3)],
        [Observation("1", answered=9, refused={2: 1}, values=GOOD)],
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(observations: list[Observation]) -> None:
    assert diagnose(observations) == []


def test_the_word_order_is_not_blamed_where_both_look_alike() -> None:
    heat = {"heat_energy": 1200.0}
    assert diagnose([Observation("1", answered=2, values=heat, swapped={"heat_energy": 3.9e9})]) == []


def test_marks_of_a_working_meter_and_of_a_swapped_one() -> None:
    assert set(marks(GOOD).values()) == {Mark.GOOD}
    assert score(GOOD) > 0.9 > 0.3 > score(SWAPPED)
    assert score({}) == score({"heat_energy": 5.0}) == 0.5


def test_power_must_follow_from_voltage_and_current() -> None:
    assert marks(GOOD | {"active_power_l1": 2200.0})["active_power_l1"] is Mark.WRONG
    single = {"voltage_l1n": 230.0, "current_l1": 5.0, "active_power_total": 1.1}
    assert marks(single)["active_power_total"] is Mark.GOOD
    assert marks(single | {"active_power_total": 11.0})["active_power_total"] is Mark.WRONG


def test_the_simulated_load_is_plausible() -> None:
    load = Load()
    for at in range(0, 86_400, 7_001):
        values = {name: load.value(name, float(at)) for name in GOOD}
        assert score(values) > 0.7, (at, marks(values))
