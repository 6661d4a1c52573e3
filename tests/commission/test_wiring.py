"""`edge read` and its like say what is wrong with a line, from the bytes that they hear."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers import profile as profiles
from drivers.diagnosis import Cause
from drivers.frames.modbus_line import SimulatedLine
from drivers.frames.serve import Answer, pseudo_terminal
from drivers.simulate.device import SimulatedDevice
from edge.commission.place import Place, open_device
from edge.commission.recognise import flipped
from edge.commission.wiring import close_all, explain

METER = "eastron_sdm630"


def line(name: str = METER) -> Answer:
    return SimulatedLine("rtu", {1: SimulatedDevice(profiles.load(name)).answer}).answer


def collided() -> Answer:
    """Two meters of one address talk at once: every bit is one where both say one."""
    first, second = line(), line()
    turn = 0

    def answer(chunk: bytes) -> bytes:
        nonlocal turn
        turn += 1
        one, other = first(chunk), second(chunk)[turn % 3 :]
        return bytes(a & b for a, b in zip(one, other + b"\xff\xff\xff", strict=False)) + b"\x00" * (turn % 2)

    return answer


def every_second(of: Answer) -> Answer:
    """Every second answer has a wrong byte."""
    turn = 0

    def answer(chunk: bytes) -> bytes:
        nonlocal turn
        turn += 1
        told = of(chunk)
        return told if turn % 2 or not told else told[:-1] + bytes((told[-1] ^ 0x55,))

    return answer


def swapped() -> Answer:
    device = SimulatedDevice(flipped(profiles.load(METER)))
    return SimulatedLine("rtu", {1: device.answer}).answer


@pytest.mark.parametrize(
    ("answering", "expected"),
    [
        (lambda: lambda _: b"", Cause.LINE_SILENT),
        (lambda: lambda chunk: chunk, Cause.ONLY_ECHO),
        (lambda: lambda _: b"\x00\xfe\xf8\x00\xff\xfc\x00\xe0", Cause.POLARITY),
        (lambda: lambda _: b"\x93\x1b\x6d\x27\x55\x4a\x19", Cause.BAUD_OR_PARITY),
        (lambda: every_second(line()), Cause.TWO_DEVICES),
        (collided, Cause.TWO_DEVICES),
        (lambda: line("lovato_dmg610"), Cause.WRONG_PROFILE),
        (swapped, Cause.WORD_ORDER),
    ],
    ids=["silent", "echo", "polarity", "speed", "sometimes", "collided", "profile", "words"],
)
async def test_what_is_heard_becomes_words(answering: Callable[[], Answer], expected: Cause) -> None:
    async with pseudo_terminal(answering()) as port:
        station = open_device(Place(serial=port, timeout_s=0.08), METER, 1)
        findings = await explain([station])
        await close_all([station])
    assert findings[0].cause is expected
    assert findings[0].en
    assert findings[0].zh


async def test_a_good_meter_gives_no_finding() -> None:
    async with pseudo_terminal(line()) as port:
        station = open_device(Place(serial=port, timeout_s=0.3), METER, 1)
        assert await explain([station]) == []


async def test_two_meters_of_one_address_beside_a_good_one_are_told_from_a_bad_line() -> None:
    good = SimulatedLine("rtu", {2: SimulatedDevice(profiles.load(METER)).answer}).answer
    bad = collided()
    async with pseudo_terminal(lambda chunk: good(chunk) or bad(chunk)) as port:
        place = Place(serial=port, timeout_s=0.08)
        findings = await explain([open_device(place, METER, 1), open_device(place, METER, 2)])
    assert findings[0].cause is Cause.TWO_DEVICES
    assert findings[0].address == "unit 1"


async def test_a_port_that_is_not_there_is_said() -> None:
    findings = await explain([open_device(Place(serial="/dev/nowhere"), METER, 1)])
    assert findings[0].cause is Cause.NOT_CONNECTED
    assert "/dev/nowhere" in findings[0].en
