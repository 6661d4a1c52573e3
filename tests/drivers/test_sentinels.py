"""Every "no value" number of every profile is absent in every value that may carry it."""

from __future__ import annotations

import math

import pytest

from drivers.modbus.decode import Words, decode_words
from drivers.profile import Point, load, names
from drivers.simulate.image import Image, room_of

MODBUS = [name for name in names() if load(name).modbus]


def words_of(point: Point, raw: int | float) -> Words:
    """All cells of the point hold this raw number."""
    image = Image()
    for cell in point.cells:
        image.put_raw(cell, raw)
    return {
        (cell.function, address): image.word(cell.function, address)
        for cell in point.cells
        for address in range(cell.address, cell.end)
    }


@pytest.mark.parametrize("name", [name for name in MODBUS if any(p.sentinels for p in load(name).points)])
def test_sentinel_is_no_value(name: str) -> None:
    for point in load(name).points:
        for sentinel in point.sentinels:
            if abs(sentinel) <= room_of(point.cells[0]):
                found = decode_words(load(name), words_of(point, sentinel))
                assert found[point.quantity.name] is None, (point.quantity.name, sentinel)


@pytest.mark.parametrize("name", MODBUS)
def test_nan_is_no_value(name: str) -> None:
    for point in load(name).points:
        if point.cells[0].type == "f32":
            found = decode_words(load(name), words_of(point, math.nan))
            assert found[point.quantity.name] is None, point.quantity.name
