"""Registers of unknown meaning, decoded in every usual way, with what could be true marked. Pure."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_FORMATS = {
    "u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f",
    "u64": ">Q", "s64": ">q", "f64": ">d", "bcd16": "", "bcd32": "",
}  # fmt: skip
_WORDS = {"16": 1, "32": 2, "64": 4}
_SCALES = (1, 10, 100, 1000)
_SMALLEST, _LARGEST = 1e-4, 1e9  # a float that a meter sends on purpose


@dataclass(frozen=True, slots=True)
class Decoding:
    """One way to read the words from `offset` on.

    word_order, byte_order: "big" or "little", as profiles say it. value: None where the words are no such
    number. meaning: what it could be ("voltage", "frequency x 0.01"), empty if nothing speaks for it.
    """

    offset: int
    type: str
    word_order: str
    byte_order: str
    value: int | float | None
    meaning: str = ""


def decodings(words: Sequence[int]) -> list[Decoding]:
    """Every type that fits at every offset, in all orders that give different bytes."""
    found = []
    for offset, kind in itertools.product(range(len(words)), _FORMATS):
        size = _WORDS[kind[-2:]]
        if offset + size > len(words):
            continue
        part = words[offset : offset + size]
        for word_order, byte_order in itertools.product(("big", "little"), repeat=2):
            if size == 1 and word_order == "little":
                continue
            value = _number(kind, _bytes(part, word_order, byte_order))
            usual = kind[0] == "f" or (byte_order == "big" and kind[0] in "us")
            meaning = _meaning(kind, value) if usual else ""
            found.append(Decoding(offset, kind, word_order, byte_order, value, meaning))
    return found


def plausible(words: Sequence[int]) -> list[Decoding]:
    """Those that could be a voltage, a frequency or a sane float; of equal readings the usual order only."""
    seen: set[tuple[int, str, float]] = set()
    kept = []
    for one in decodings(words):
        if not one.meaning or one.value is None:
            continue
        key = (one.offset, one.meaning, float(one.value))
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept


def text(words: Sequence[int], byte_order: str = "big") -> str:
    """Printable characters of the words; others as dots."""
    data = _bytes(words, "big", byte_order)
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def _bytes(words: Sequence[int], word_order: str, byte_order: str) -> bytes:
    ordered = words if word_order == "big" else list(reversed(words))
    return b"".join(word.to_bytes(2, "big" if byte_order == "big" else "little") for word in ordered)


def _number(kind: str, data: bytes) -> int | float | None:
    if kind.startswith("bcd"):
        digits = data.hex()
        return int(digits) if digits.isdecimal() else None
    value: int | float = struct.unpack(_FORMATS[kind], data)[0]
    return value if math.isfinite(value) else None


def _meaning(kind: str, value: int | float | None) -> str:
    if value is None:
        return ""
    if kind[0] == "f":
        return _quantity(value) or ("number" if _SMALLEST <= abs(value) <= _LARGEST else "")
    for scale in _SCALES:
        if name := _quantity(value / scale):
            return name if scale == 1 else f"{name} x {1 / scale:g}"
    return ""


def _quantity(value: float) -> str:
    if 49 <= value <= 51 or 59 <= value <= 61:
        return "frequency"
    if 180 <= value <= 260:
        return "voltage"
    if 370 <= value <= 440:
        return "voltage between phases"
    return ""
