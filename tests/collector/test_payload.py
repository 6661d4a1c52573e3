"""Payloads: the quick ways agree with pydantic, and nothing hostile passes or breaks anything."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from store_contract import BUILDING, NOON

from collector.lines import sample_lines
from collector.payload import Parsed, PayloadError, parse, unpack
from edge.wire import Batch

FIELDS = ["active_power_total", "voltage_l1n"]

numbers = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**64 - 1),  # what orjson writes
    st.floats(allow_nan=False, allow_infinity=False),
    st.just(-0.0),
)
odd = st.one_of(numbers, st.booleans(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
times = st.integers(NOON, NOON + 10_000)
rows = st.builds(lambda at, status, a, b: [at, status, a, b], times, st.integers(0, 7), numbers, numbers)


def group(**changes: Any) -> dict[str, Any]:
    plain = {"building": BUILDING, "device": "m1", "kind": "electricity", "fields": FIELDS}
    return {**plain, "rows": [[NOON, 0, 1.5, 2.5]], **changes}


def interval_group(**changes: Any) -> dict[str, Any]:
    plain = {"building": BUILDING, "device": "m1", "carrier": "electricity", "direction": "import"}
    return {**plain, "rows": [[NOON, 900, 1.5, 900, 0]], **changes}


def event(**changes: Any) -> dict[str, Any]:
    plain = {"building": BUILDING, "device": "m1", "quantity": "heat_energy", "kind": "reset", "at": NOON}
    return {**plain, "before": 9.5, "after": 0, **changes}


def batch(**changes: Any) -> dict[str, Any]:
    return {"v": 1, "spool": "s1", "seq": 1, "sealed_at": NOON, "samples": [group()], **changes}


def content(parsed: Parsed) -> Any:
    return (
        (parsed.spool, parsed.seq, parsed.sealed_at),
        [
            (g.building, g.device, g.kind, list(g.fields), [list(map(_float, r)) for r in g.rows])
            for g in parsed.samples
        ],
        [
            (g.building, g.device, g.carrier, g.direction, [tuple(r) for r in g.rows])
            for g in parsed.intervals
        ],
        [astuple(e) for e in parsed.events],
    )  # fmt: skip


def _float(value: Any) -> Any:
    return value if value is None else float(value)


def by_pydantic(text: bytes) -> Any:
    b = Batch.model_validate_json(text)
    return (
        (b.spool, b.seq, b.sealed_at),
        [(g.building, g.device, g.kind, list(g.fields), [list(r) for r in g.rows]) for g in b.samples],
        [(g.building, g.device, g.carrier, g.direction, [tuple(r) for r in g.rows]) for g in b.intervals],
        [(e.building, e.device, e.quantity, e.kind, e.at, e.before, e.after, e.counted) for e in b.events],
    )


def agree(text: bytes) -> None:
    """`parse` takes what pydantic takes, with the same content, the first time and when heads are known."""
    try:
        expected = by_pydantic(text)
    except ValidationError:
        for _ in range(2):
            with pytest.raises(PayloadError):
                parse(text)
        return
    for _ in range(2):
        parsed = parse(text)
        assert content(parsed) == expected
        for cut in parsed.samples:
            assert cut.count == len(cut.rows)
            if cut.text is not None:
                assert cut.newest_at == max(row[0] or 0 for row in cut.rows)


@given(st.lists(rows, min_size=1, max_size=4), st.lists(rows, min_size=1, max_size=4))
def test_good_batches_agree(first: list[Any], second: list[Any]) -> None:
    agree(orjson.dumps(batch(samples=[group(rows=first), group(device="m2", rows=second)])))


_values: dict[str, st.SearchStrategy[Any]] = {
    "v": odd, "spool": odd, "seq": odd, "sealed_at": odd, "samples": odd, "intervals": odd,
    "events": odd, "extra": odd,
}  # fmt: skip


@given(st.data())
@settings(max_examples=300)
def test_batches_with_something_odd_agree(data: st.DataObject) -> None:
    where = data.draw(st.sampled_from(["batch", "samples", "intervals", "events", "row"]))
    if where == "batch":
        name = data.draw(st.sampled_from(sorted(_values)))
        content = batch(**{name: data.draw(_values[name])})
    elif where == "samples":
        name = data.draw(st.sampled_from(["building", "device", "kind", "fields", "rows", "extra"]))
        content = batch(samples=[group(), group(**{name: data.draw(odd)})])
    elif where == "intervals":
        name = data.draw(st.sampled_from(["building", "device", "carrier", "direction", "rows", "extra"]))
        content = batch(intervals=[interval_group(), interval_group(**{name: data.draw(odd)})])
    elif where == "events":
        name = data.draw(st.sampled_from([*event(), "counted", "extra"]))
        content = batch(events=[event(), event(**{name: data.draw(odd)})])
    else:
        content = batch(samples=[group(rows=[data.draw(st.lists(odd, max_size=5))])])
    try:
        text = orjson.dumps(content)
    except TypeError:
        return
    agree(text)


GOOD = orjson.dumps(
    batch(samples=[group(), group(device="m2", rows=[[NOON, 0, 1, 2], [NOON + 1, 1, 3e2, -0.5]])])
)


@pytest.mark.parametrize(
    "change",
    [
        (b'"rows":[[', b'"rows" :[['), (b'"rows":[[', b'"rows": [['), (b'"rows":[[', b'"rows":[[],['),
        (b'"rows":[[', b'"rows":[[9]],"rows":[['), (b'"rows":[[', b'"rows":[[[1],'), (b"1.5", b"1 .5"),
        (b"1.5", b"1..5"), (b"1.5", b"01.5"), (b"1.5", b"nul"), (b"1.5", b"null"), (b"1.5", b"1e999"),
        (b"1.5", b"1,5"), (b"1.5", b'"1.5"'), (b"1.5", b"true"), (b"1.5", b"-"), (b"1.5", b"1.5 field=2"),
        (b"1.5", b"1.5\\n"), (b'"samples":[', b'"samples":[],"samples":['),
        (b"]}]}", b"]}],\"intervals\":[]}"),
        (b"]}]}", b"]}]}}"), (b"]}]}", b"]}]"), (b"]}]}", b"]},]}"), (b'"m1"', b'"m\\u0031"'),
        (b'"seq":1', b'"seq":1,"seq":2'), (b'"seq":1', b'"seq":-1'),
        (b'"v":1', b'"v":true'), (b'"v":1', b'"v":2'),
        (b'"device":"m1"', b'"device":"m1","device":"m9"'), (b'"device":"m1"', b'"device":"m1,x=1"'),
        (b'"device":"m1"', b'"rows":1,"device":"m1"'), (b"},{", b"}{"), (b"},{", b"},{},{"),
    ],
)  # fmt: skip
def test_texts_changed_on_purpose_agree(change: tuple[bytes, bytes]) -> None:
    parse(GOOD)  # its heads are known from here on
    changed = GOOD.replace(*change, 1)
    assert changed != GOOD
    agree(changed)


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=0, max_size=3))
@settings(max_examples=500)
def test_texts_cut_and_changed_anywhere_agree(place: int, put: bytes) -> None:
    parse(GOOD)
    agree(GOOD[:place] + put + GOOD[place + len(put) :])
    agree(GOOD[:place])


def test_lines_of_cut_and_of_read_batches_are_the_same() -> None:
    parse(GOOD)
    read = parse(GOOD.replace(b'"rows":', b'"rows": '))
    assert all(each.text is None for each in read.samples)
    cut = parse(GOOD)
    assert all(each.text is not None for each in cut.samples)
    head = b"electricity,building=330100A001,device="
    assert sample_lines(cut.samples) == (
        head + b"m1 active_power_total=1.5,voltage_l1n=2.5 %d\n" % NOON
        + head + b"m2 active_power_total=1,voltage_l1n=2 %d\n" % NOON
        + head + b"m2 active_power_total=300.0,voltage_l1n=-0.5,status=1 %d\n" % (NOON + 1)
    )  # fmt: skip
    assert len(sample_lines(read.samples).splitlines()) == 3


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_in_words(payload: bytes) -> None:
    with pytest.raises(PayloadError):
        parse(unpack(payload))


def test_bombs_and_broken_frames_are_refused() -> None:
    bomb = zstandard.compress(b"0" * 1_000_000)
    with pytest.raises(PayloadError, match="unpacks to 1000000 bytes, at most 10000"):
        unpack(bomb, unpacked_limit=10_000)
    packer = zstandard.ZstdCompressor(write_content_size=False)
    unsized = packer.compress(b"0" * 1_000_000)
    with pytest.raises(PayloadError, match="cannot be unpacked"):
        unpack(unsized, unpacked_limit=10_000)
    whole = zstandard.compress(GOOD)
    assert unpack(whole) == GOOD
    assert unpack(packer.compress(GOOD)) == GOOD
    for broken in (whole[:-3], whole + b"x", whole[:6]):
        with pytest.raises(PayloadError):
            unpack(broken)
    with pytest.raises(PayloadError, match="at most 10 are taken"):
        unpack(b"x" * 11, limit=10)


def test_refusals_name_the_batch_if_they_can() -> None:
    with pytest.raises(PayloadError) as caught:
        parse(orjson.dumps(batch(samples=[group(kind="castle")], seq=77)))
    assert (caught.value.spool, caught.value.seq) == ("s1", 77)
    assert "samples.0.kind" in str(caught.value)
