"""What a payload says: JSON, paths into it, numbers and times as devices write them. No I/O."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime

import orjson

from drivers.errors import FrameError

MAX_PAYLOAD_BYTES = 64 * 1024
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000
_NO_VALUE = frozenset({"", "nan", "null", "none", "unknown", "unavailable", "n/a", "-"})
_TRUE = frozenset({"true", "on", "yes"})
_FALSE = frozenset({"false", "off", "no"})
_STEP = re.compile(r"([^\[\]]*)((?:\[[^\[\]]+\])*)")

Path = Callable[[object], object]
"""Takes a document, gives what stands at the path; None if there is nothing."""


def parse(payload: bytes) -> object:
    """The document. Raises FrameError if it is too long, not UTF-8 or not JSON.

    NaN and Infinity, which JSON does not know and devices send all the same, become null.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FrameError(f"{len(payload)} bytes, {MAX_PAYLOAD_BYTES} are allowed")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        if b"NaN" not in payload and b"Infinity" not in payload:
            raise FrameError(f"not JSON: {error}") from None
    try:
        return json.loads(payload, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from None


def text(payload: bytes) -> str:
    """The payload as text. Raises FrameError if it is too long or not UTF-8."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FrameError(f"{len(payload)} bytes, {MAX_PAYLOAD_BYTES} are allowed")
    try:
        return payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise FrameError(f"not text: {payload[:12].hex(' ')}") from None


def path(expression: str) -> Path:
    """Compile `ENERGY.Power[0]` or `tags[name=t1].value`. Raises ValueError for what is no path."""
    steps: list[Callable[[object], object]] = []
    for part in expression.split("."):
        match = _STEP.fullmatch(part)
        if match is None or not part:
            raise ValueError(f"{expression!r} is no path: keys with dots between, elements in [ ]")
        if match[1]:
            steps.append(_key(match[1]))
        for selector in re.findall(r"\[([^\[\]]+)\]", match[2]):
            steps.append(_element(selector))

    def find(document: object) -> object:
        for step in steps:
            document = step(document)
        return document

    return find


def number(value: object) -> float | None:
    """A finite number from a number, a text, or on/off; None for every way of saying "no value"."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _NO_VALUE:
            return None
        if word in _TRUE or word in _FALSE:
            return float(word in _TRUE)
        value = word
    if not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def instant_ms(value: object) -> int | None:
    """Unix milliseconds from Unix seconds or milliseconds or ISO text with a zone; None for anything else.

    Text without a zone is the device's local time, which nobody can place: ignored.
    """
    found = number(value)
    if found is not None:
        milliseconds = round(found if abs(found) > 1e11 else found * 1000)
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        if moment.tzinfo is None:
            return None
        milliseconds = round(moment.timestamp() * 1000)
    else:
        return None
    return milliseconds if _EARLIEST_MS <= milliseconds <= _LATEST_MS else None


def _key(key: str) -> Callable[[object], object]:
    return lambda document: document.get(key) if isinstance(document, dict) else None


def _element(selector: str) -> Callable[[object], object]:
    if selector.isdigit():
        index = int(selector)

        def at(document: object) -> object:
            if isinstance(document, list):
                return document[index] if index < len(document) else None
            return document if index == 0 and not isinstance(document, dict) else None

        return at
    name, equals, wanted = selector.partition("=")
    if not equals:
        raise ValueError(f"[{selector}] is neither a number nor key=value")

    def matching(document: object) -> object:
        entries = document if isinstance(document, list) else []
        return next((e for e in entries if isinstance(e, dict) and str(e.get(name)) == wanted), None)

    return matching
