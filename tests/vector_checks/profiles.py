"""Which profile a vector's device has, and what the project's register codec makes of raw words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache

from drivers.errors import ConfigError, FrameError
from drivers.modbus.decode import decode_words
from drivers.modbus.registers import Block, BlockDecoder
from drivers.profile import Cell, Point, Profile, load, names
from drivers.quantity import Kind, Quantity

_WORDS = {"16": 1, "32": 2, "64": 4}


@cache
def profiles() -> Mapping[str, Profile]:
    """Every shipped profile that loads; the profile tests see to the others."""
    found = {}
    for name in names():
        try:
            found[name] = load(name)
        except ConfigError:
            continue
    return found


def profile_for(device: str) -> Profile | None:
    """The profile whose model a vector's device text names: by a type number, or by the maker's words.

    The longest name wins; a maker with one profile only needs no model.
    """
    text = _plain(device)
    of_maker = [
        one for one in profiles().values() if _plain(one.vendor).startswith("generic") or _made(one, text)
    ]
    matches = [
        (len(word), -len(profile.name), profile.name)
        for profile in profiles().values()
        for word in _model_words(profile)
        if word in text and len(word) >= 4 and (re.search(r"\d", word) or profile in of_maker)
    ]
    if matches:
        return profiles()[max(matches)[2]]
    made = [one for one in profiles().values() if one.modbus and _made(one, device)]
    return made[0] if len(made) == 1 else None


def closeness(profile: Profile, device: str) -> int:
    """Length of the longest model word of a profile that a device text holds; 0 if none."""
    text = _plain(device)
    return max((len(word) for word in _model_words(profile) if word in text), default=0)


def _made(profile: Profile, device: str) -> bool:
    """Whether a maker of the profile is a word of the device text."""
    makers = {_plain(maker.split()[0]) for maker in re.split(r"[/(,]", profile.vendor) if maker.strip()}
    return bool(makers & set(re.split(r"[^a-z0-9]+", device.lower())))


def words_of(kind: str) -> int:
    """Registers of a type such as `f32` or `u16`."""
    return _WORDS.get(kind[1:], 1)


def raw_value(data: bytes, offset: int, kind: str, word_order: str) -> float | None:
    """One number at a register offset; None if it is not finite."""
    cell = Cell(3, offset, words_of(kind), kind, word_order)
    decoder = BlockDecoder(Block(3, 0, len(data) // 2), [_bare(cell)])
    return decoder.decode(data, {})[0]


def profile_values(
    profile: Profile, blocks: Sequence[tuple[Block, bytes]]
) -> dict[int, tuple[Point, float | None]]:
    """First register address of a point: the point and its value, for all points inside the blocks.

    Ratios that an installer would give count as their default, else as 1.
    """
    words = {
        (block.function, block.address + i): int.from_bytes(data[2 * i : 2 * i + 2], "big")
        for block, data in blocks
        for i in range(block.count)
    }
    values = decode_words(profile, words)
    return {
        point.terms[0][0].address: (point, values[point.quantity.name])
        for point in profile.points
        if point.quantity.name in values
    }


def _bare(cell: Cell) -> Point:
    if cell.type not in ("u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64"):
        raise FrameError(f"type {cell.type} is not known")
    quantity = Quantity("raw", "", Kind.INSTANTANEOUS, "electricity", -math.inf, math.inf)
    return Point(
        quantity=quantity,
        terms=((cell, 1),),
        shift=0,
        denominator=1,
        digits=9,
        minimum=-math.inf,
        maximum=math.inf,
        sentinels=frozenset(),
        map=None,
        magnitude=False,
        factors=(),
        group="fast",
        modulus=None,
        resolution=0.0,
        confidence="",
        sources=(),
        note="",
    )


def _model_words(profile: Profile) -> list[str]:
    texts = [part for text in (profile.model, *profile.variants) for part in re.split(r"[/,(]", text)]
    words = [_plain(text.replace(profile.vendor, "")) for text in texts]
    words += [
        _plain(token) for text in texts for token in re.split(r"[^\w-]+", text) if re.search(r"\d", token)
    ]
    words += [
        _plain(token.partition("-")[0]) for text in texts for token in text.split() if re.search(r"\d", token)
    ]
    return [word for word in words if word]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
