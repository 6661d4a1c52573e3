"""What every shipped profile must keep, beyond being loadable: a linter for the library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import models
from drivers.errors import ConfigError
from drivers.models import profile_of
from drivers.profile import Cell, Point, Profile, load, names, parse
from drivers.quantity import Kind

DRIVERS = Path(__file__).parents[2] / "drivers"
MODBUS = [name for name in names() if load(name).modbus]
CONFIDENCES = re.compile(r"two agree( \(.+\))?|one source(, unverified)?( \(.+\))?|conflict")
MULTI_WORD = ("u24", "u32", "s32", "u48", "u64", "s64", "f32", "f64", "bcd32", "bcd48", "bcd64")


def points(name: str) -> Iterator[tuple[Point, Cell]]:
    for point in load(name).points:
        for cell in point.cells:
            yield point, cell


def test_the_library_is_large_and_every_kind_is_in_it() -> None:
    assert len(names()) >= 105
    assert {load(name).kind for name in names()} >= {"electricity", "heat", "water", "gas", "heat_pump"}


@pytest.mark.parametrize("name", MODBUS)
def test_values_do_not_overlap_unless_they_say_the_same_registers(name: str) -> None:
    """A number that begins inside another one is an address that is wrong by one."""
    taken: dict[tuple[int, int], tuple[Point, Cell]] = {}
    for point, cell in points(name):
        for address in range(cell.address, cell.end):
            other = taken.setdefault((cell.function, address), (point, cell))
            same = (cell.address, cell.end) == (other[1].address, other[1].end)
            bits = "bit" in (cell.type, other[1].type) or cell.mask or other[1].mask
            assert same or bits, f"{point.quantity.name} overlaps {other[0].quantity.name} at {address}"


@pytest.mark.parametrize("name", MODBUS)
def test_two_quantities_of_the_same_registers_differ_in_what_they_take(name: str) -> None:
    seen: dict[object, str] = {}
    for point in load(name).points:
        if len(point.cells) != 1:
            continue
        key = (point.cells[0], point.map and tuple(point.map.items()), point.terms[0][1] > 0)
        assert key not in seen, f"{point.quantity.name} is {seen[key]}"
        seen[key] = point.quantity.name


@pytest.mark.parametrize("name", MODBUS)
def test_ranges_counters_and_confidences_make_sense(name: str) -> None:
    profile = load(name)
    for point in profile.points:
        where = f"{name} {point.quantity.name}"
        assert point.minimum < point.maximum, where
        assert CONFIDENCES.fullmatch(point.confidence), f"{where}: {point.confidence!r}"
        assert set(point.sources) <= set(profile.sources), where
        if point.quantity.kind is Kind.CUMULATIVE and point.modulus is not None:
            assert point.modulus > 0, where
            assert point.resolution <= point.modulus / 100, where
    for counter in profile.counters:
        assert counter.resolution < 1000, f"{name} {counter.quantity}: a step of {counter.resolution}"


@pytest.mark.parametrize("name", MODBUS)
def test_numbers_of_several_words_fit_into_one_request(name: str) -> None:
    modbus = load(name).modbus
    assert modbus is not None
    for point, cell in points(name):
        assert cell.words <= modbus.max_words, point.quantity.name
        assert cell.end <= 65536, point.quantity.name
        assert cell.type in MULTI_WORD or cell.words == 1, point.quantity.name


def test_every_source_is_used_and_every_model_tells_what_it_is() -> None:
    for name in models.names():
        profile = profile_of(models.load(name))
        assert profile.model, name
        assert profile.vendor, name
        assert _used_sources(profile) <= set(profile.sources), name


def _used_sources(profile: Profile) -> set[str]:
    used = {source for point in profile.points for source in point.sources}
    for topic in profile.mqtt.topics if profile.mqtt else ():
        used |= set(topic.sources)
    return used


def test_a_meter_of_many_models_is_named_once() -> None:
    seen: dict[tuple[str, str], str] = {}
    for name in names():
        profile = load(name)
        key = (profile.vendor, profile.model)
        assert key not in seen, f"{name} and {seen[key]} are both {key}"
        seen[key] = name


def test_nothing_writes_to_a_device() -> None:
    """No driver or commissioning command holds a Modbus write call, or its function code in a request."""
    words = re.compile(r"\bwrite_(?:coil|register|registers|coils)\b|WriteSingle|WriteMultiple|MaskWrite")
    codes = re.compile(
        r"function(?:_code)?\s*(?:=|==|:)\s*(?:5|6|15|16|22|23|0x05|0x06|0x0F|0x10|0x16|0x17)\b", re.I
    )
    checked = 0
    for file in [*DRIVERS.rglob("*.py"), *(DRIVERS.parent / "edge").rglob("*.py")]:
        text = file.read_text("utf-8")
        assert not words.search(text), file
        assert not codes.search(text), file
        checked += 1
    assert checked > 50


def test_a_profile_cannot_ask_for_a_function_that_writes() -> None:
    text = (DRIVERS / "profiles" / "eastron_sdm120.toml").read_text("utf-8")
    assert parse("own", text, "own.toml").points
    for function in (5, 6, 15, 16, 22, 23):
        with pytest.raises(ConfigError, match="function"):
            parse("own", text.replace("function = 4", f"function = {function}", 1), "own.toml")
