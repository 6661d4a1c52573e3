"""SunSpec chains: random images give values or a typed error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import FrameError
from drivers.quantity import quantity
from drivers.sunspec.models import MARKER, Model, chain, meter_values, nameplate, point_addresses


def meter(**words: int) -> Model:
    content = [0x8000] * 107
    content[0:2] = [203, 105]
    content[38:54] = [0] * 16  # counters that are not there read 0
    for name, word in words.items():
        content[int(name[1:])] = word & 0xFFFF
    return Model(203, 40069, tuple(content))


def test_scale_factors_of_both_signs_and_kilo() -> None:
    values = meter_values([meter(w8=2301, w15=-1, w18=-654, w22=1, w46=0, w47=300, w54=2)])
    assert values == {"voltage_l1n": 230.1, "active_power_total": -6.54, "active_energy_import_total": 30.0}


def test_a_value_without_its_scale_factor_is_absent() -> None:
    assert meter_values([meter(w8=2301)]) == {}


def test_every_quantity_is_of_the_vocabulary() -> None:
    for name in point_addresses(meter()).values():
        assert quantity(name).group == "electricity"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([1, 2, 3], "no SunSpec marker"),
        ([*MARKER, 0xFFFF], "no SunSpec model behind"),
        ([*MARKER, 1, 66, 0, 0], "does not end in the image"),
        ([*MARKER, 1], "does not end in the image"),
    ],
)
def test_what_is_no_chain_is_a_frame_error(words: list[int], why: str) -> None:
    with pytest.raises(FrameError, match=why):
        chain(words, 40000)


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_random_images_are_values_or_a_frame_error(words: list[int]) -> None:
    try:
        models = chain([*MARKER, *words], 40000)
        nameplate(models)
        meter_values(models)
    except FrameError:
        return
