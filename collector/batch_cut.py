"""Cut a batch of samples apart instead of building it: what a fleet sends all day in one shape.

An edge sends the same heads (building, device, kind, fields) again and again, so each is read once
and then known by its bytes; only the rows are new. The pieces that are taken, put together again,
are the whole text, so the text is JSON and the batch is right when every piece is.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

_ROWS, _SAMPLES = b'"rows":', b'"samples":['
_DIGITS_OR_NULL = b"0123456789+-.eE,nul"
_HEADS_BYTES = 128 * 1024 * 1024
FIRST_MS = 946_684_800_000
MAX_STATUS = 7
STATUSES = frozenset(range(MAX_STATUS + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What the rows of a group have in common. One object a distinct text, compared by identity."""

    building: str
    device: str
    kind: str
    fields: tuple[str, ...]


@dataclass(slots=True)
class CheckedSamples:
    """As edge.wire.SampleGroup, rows right in form: [at ms, status, value or None, …].

    count: how many rows. newest_at: the latest time of them, if they were cut.
    text: cut rows as they came, their JSON numbers one after the other, commas between; no value is
        absent. Line protocol and SQLite rows are cut from it: no float is made or formatted.
    """

    head: Head
    count: int
    newest_at: int = 0
    text: bytes | None = None
    listed: list[list[float | None]] | None = None

    @classmethod
    def of_rows(cls, head: Head, rows: list[list[float | None]]) -> CheckedSamples:
        return cls(head, len(rows), listed=rows)

    @property
    def rows(self) -> list[list[float | None]]:
        if self.listed is not None or self.text is None:
            return self.listed or []
        numbers, width = orjson.loads(b"[%b]" % self.text), len(self.head.fields) + 2
        return [numbers[first : first + width] for first in range(0, len(numbers), width)]

    @property
    def values(self) -> int:
        return self.count * len(self.head.fields)

    @property
    def building(self) -> str:
        return self.head.building

    @property
    def device(self) -> str:
        return self.head.device

    @property
    def kind(self) -> str:
        return self.head.kind

    @property
    def fields(self) -> tuple[str, ...]:
        return self.head.fields


class _Heads(dict[bytes, Head]):
    """Heads by their text, together at most `_HEADS_BYTES`: 100,000 devices of forty quantities."""

    size = 0

    def learn(self, text: bytes, head: Head) -> None:
        if self.size + len(text) > _HEADS_BYTES:
            self.clear()
            self.size = 0
        self[text] = head
        self.size += len(text)


_heads = _Heads()


def cut_samples(text: bytes) -> tuple[dict[str, object], list[CheckedSamples]] | None:
    """(the batch without its samples, its samples), or None if the text must be read in full.

    The heads taken are those that `learn` was given.
    """
    before, found, after = text.partition(_SAMPLES)
    if not found or b"\\" in text:
        return None
    tail, *chunks = after.split(_ROWS)
    groups: list[CheckedSamples] = []
    prefix = b""
    for chunk in chunks:
        head = _heads.get(tail[2:] if prefix else tail)
        end = chunk.find(b"]]")
        if head is None or (tail[:2] != prefix and prefix) or chunk[:2] != b"[[" or end < 0:
            return None
        prefix = b"},"
        flat = chunk[2:end].replace(b"],[", b",")
        if flat.translate(None, _DIGITS_OR_NULL):
            return None
        try:
            rows = orjson.loads(chunk[: end + 2])
        except orjson.JSONDecodeError:
            return None
        if b"n" in flat:
            groups.append(CheckedSamples.of_rows(head, rows))
        else:
            width, newest_at = len(head.fields) + 2, 0
            for row in rows:
                if (
                    len(row) != width
                    or type(row[0]) is not int
                    or row[0] < FIRST_MS
                    or row[1] not in STATUSES
                ):
                    return None
                newest_at = max(row[0], newest_at)
            groups.append(CheckedSamples(head, len(rows), newest_at, flat))
        tail = chunk[end + 2 :]
    if tail != b"}]}" or not groups:
        return None
    try:
        envelope = orjson.loads(before + b'"samples":[]}')
    except orjson.JSONDecodeError:
        return None
    return envelope, groups


def learn(text: bytes, heads: list[Head]) -> None:
    """Remember the heads of a text that was read in full and found right."""
    after = text.partition(_SAMPLES)[2]
    if b"\\" in text or after.count(_ROWS) != len(heads):
        return
    tail, *chunks = after.split(_ROWS)
    for head, chunk in zip(heads, chunks, strict=True):
        start = tail.removeprefix(b"},")
        if start not in _heads and _reads_as(start, head):
            _heads.learn(start, head)
        tail = chunk[chunk.find(b"]]") + 2 :]


def _reads_as(text: bytes, head: Head) -> bool:
    """Whether a text is exactly the beginning of a group with this head."""
    try:
        group = orjson.loads(text + b'"rows":0}')
    except orjson.JSONDecodeError:
        return False
    return bool(
        group
        == {
            "building": head.building,
            "device": head.device,
            "kind": head.kind,
            "fields": list(head.fields),
            "rows": 0,
        }
    )
