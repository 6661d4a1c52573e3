"""Which model answers at an address: by its identity registers, else by how plausible its numbers are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from drivers.errors import DeviceError, DeviceRefused
from drivers.modbus.decode import decode_words
from drivers.modbus.device import ModbusDevice
from drivers.modbus.plan import plan
from drivers.modbus.registers import Block, identity_value
from drivers.modbus.requests import needs
from drivers.plausibility import Mark, Values, marks
from drivers.profile import Cell, Modbus, Point, Profile
from drivers.profile import load as load_profile
from drivers.profile import names as profile_names
from edge.commission.asking import RememberingBus

_WEIGHTS = (("frequency", 3.0), ("voltage", 2.0), ("active_power", 3.0))
_TEMPERATURE_WEIGHT, _COUNTER_WEIGHT = 0.5, 2.0
_IDLE_KW = 0.02  # 0 = 0 A x 230 V proves nothing
_WRONG, _REFUSED, _ABSENT, _DOUBT = 3.0, 1.0, 0.5, 1.5
_ENOUGH, _WORTH_A_LOOK, _WORTH_TELLING = 0.75, 0.4, 0.3
_FINALISTS, _TOLD = 8, 3
_COUNTER_PAUSE_S = 1.2
_SIGNATURE = (
    "frequency", "voltage_l1n", "voltage_ln_avg", "voltage_l12", "current_l1", "active_power_l1",
    "active_power_total", "supply_temperature", "return_temperature", "flow_temperature",
    "outdoor_temperature",
)  # fmt: skip
_SIGNATURE_POINTS = 3
_USUAL_MAKERS = ("eastron", "chint", "acrel", "schneider", "siemens", "abb", "janitza", "carlo", "orno")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may stand behind an address. score: 0 to 1. why: in words, strongest first.

    swapped: its numbers are plausible only with the other word order than the profile's.
    """

    profile: str
    model: str
    score: float
    why: tuple[str, ...]
    swapped: bool = False


@dataclass
class Recognised:
    """identity: what the device says of itself. requests: that it took."""

    candidates: list[Candidate] = field(default_factory=list)
    identity: dict[str, str | int] = field(default_factory=dict)
    requests: int = 0


async def recognise(
    bus: RememberingBus,
    unit_id: int,
    transport: str,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Recognised:
    """Rank the profiles for the unit, reading as few registers as possible.

    transport: "rtu" or "tcp". Ends when the bus's time for the device is over, with what is known then.
    """
    found = Recognised()
    profiles = _profiles(transport)
    named = await _by_identity(bus, unit_id, profiles, found)
    ranked = await _first_look(bus, unit_id, named or profiles)
    finalists = [profile for _, profile in ranked[:_FINALISTS]]
    found.candidates = await _second_look(bus, unit_id, finalists, named, sleep, clock)
    if not named:
        both = [*found.candidates, *_swapped(bus, profiles)]
        found.candidates = sorted(both, key=lambda one: -one.score)[:_TOLD]
    if found.candidates:
        best = load_profile(found.candidates[0].profile)
        found.identity |= await _identity(bus, unit_id, best)
    found.requests = bus.requests
    return found


def flipped(profile: Profile) -> Profile:
    """The profile with the other word order, in the same order of points."""
    points = []
    for point in profile.points:
        terms = tuple((_flip(cell), weight) for cell, weight in point.terms)
        points.append(replace(point, terms=terms))
    return replace(profile, points=tuple(points))


def evidence(values: Values, refused: int = 0, counter: Mark | None = None) -> tuple[float, list[str]]:
    """(score from 0 to 1, reasons): how strongly the values of one device speak for its profile."""
    judged = marks(values)
    support, against = 0.0, _REFUSED * refused + _ABSENT * sum(v is None for v in values.values())
    live_volts = any(mark is Mark.GOOD and name.startswith("voltage") for name, mark in judged.items())
    for name, mark in judged.items():
        weight = next((w for part, w in _WEIGHTS if name.startswith(part)), _TEMPERATURE_WEIGHT)
        if mark is Mark.GOOD:
            if name.startswith("active_power"):
                live = live_volts and abs(values[name] or 0.0) >= _IDLE_KW
                weight = weight if live else 0.0
            support += weight
        elif mark is Mark.WRONG:
            against += _WRONG
    support += _COUNTER_WEIGHT * (counter is Mark.GOOD)
    against += _WRONG * (counter is Mark.WRONG)
    return support / (support + against + _DOUBT), _reasons(values, judged, refused, counter)


def _reasons(values: Values, judged: dict[str, Mark], refused: int, counter: Mark | None) -> list[str]:
    good = [name for name, mark in judged.items() if mark is Mark.GOOD]
    told = []
    volts = [values[name] or 0.0 for name in good if name.startswith("voltage")]
    if volts:
        told.append(f"{len(volts)} voltages, {min(volts):.0f} to {max(volts):.0f} V")
    if "frequency" in good:
        told.append(f"{values['frequency']:.2f} Hz")
    powers = [name for name in good if name.startswith("active_power")]
    if powers:
        told.append(f"P fits U and I ({len(powers)})")
    temperatures = [values[name] or 0.0 for name in good if name.endswith("temperature")]
    if temperatures:
        told.append(
            f"{len(temperatures)} temperatures, {min(temperatures):.0f} to {max(temperatures):.0f} degC"
        )
    if counter is Mark.GOOD:
        told.append("counter rises with the power")
    if counter is Mark.WRONG:
        told.append("counter jumps")
    wrong = [name for name, mark in judged.items() if mark is Mark.WRONG]
    if wrong:
        told.append(f"{len(wrong)} impossible ({wrong[0]})")
    if refused:
        told.append(f"{refused} values refused")
    return told


def _profiles(transport: str) -> list[Profile]:
    """Modbus profiles that may stand behind such a line, the usual first."""
    loaded = [load_profile(name) for name in profile_names()]
    usable = [p for p in loaded if p.modbus and (transport == "tcp" or "rtu" in p.modbus.transports)]

    def key(profile: Profile) -> tuple[bool, bool, bool]:
        assert profile.modbus is not None
        usual = profile.vendor.lower().startswith(_USUAL_MAKERS)
        return transport not in profile.modbus.transports, profile.kind != "electricity", not usual

    return sorted(usable, key=key)


async def _by_identity(
    bus: RememberingBus, unit_id: int, profiles: Sequence[Profile], found: Recognised
) -> list[Profile]:
    """Profiles whose fixed registers all say what they should."""
    said: dict[Cell, str | int | None] = {}
    named = []
    for profile in profiles:
        fixed = [identity for identity in profile.identity if identity.equals is not None]
        for identity in fixed:
            if identity.cell not in said:
                said[identity.cell] = await _say(bus, unit_id, identity.cell)
        if fixed and all(_equal(said[identity.cell], identity.equals) for identity in fixed):
            named.append(profile)
            found.identity |= {identity.means: said[identity.cell] or "" for identity in fixed}
    return named


def _equal(said: str | int | None, expected: str | int | None) -> bool:
    if isinstance(said, str) and isinstance(expected, str):
        return said.strip().lower().startswith(expected.lower())
    return said == expected


async def _say(bus: RememberingBus, unit_id: int, cell: Cell) -> str | int | None:
    try:
        return identity_value(cell, await bus.read(unit_id, Block(cell.function, cell.address, cell.words)))
    except DeviceError:
        return None


async def _identity(bus: RememberingBus, unit_id: int, profile: Profile) -> dict[str, str | int]:
    told = {identity.means: await _say(bus, unit_id, identity.cell) for identity in profile.identity}
    return {means: value for means, value in told.items() if value is not None}


async def _first_look(
    bus: RememberingBus, unit_id: int, profiles: Iterable[Profile]
) -> list[tuple[float, Profile]]:
    """Profiles by their few telling values, best first; new registers are asked until one convinces."""
    left = list(profiles)
    for profile in left:
        await _fetch(bus, unit_id, profile, signature(profile))
        if bus.spent or _judge(bus, profile)[0] >= _ENOUGH:
            break
    scored = [(_judge(bus, profile)[0], profile) for profile in left]
    return sorted((one for one in scored if one[0] >= _WORTH_A_LOOK), key=lambda one: -one[0])


def signature(profile: Profile) -> list[Point]:
    """The few points that tell most about whether a profile fits."""
    by_name = {point.quantity.name: point for point in profile.points}
    chosen = [by_name[name] for name in _SIGNATURE if name in by_name][:_SIGNATURE_POINTS]
    return chosen or list(profile.points[:2])


def _judge(bus: RememberingBus, profile: Profile) -> tuple[float, list[str]]:
    """The score by what has been read already."""
    points = signature(profile)
    values = decode_words(replace(profile, points=tuple(points)), bus.memory.words)
    missing = sum(1 for point in points if point.quantity.name not in values)
    if missing == len(points):
        return 0.0, []
    return evidence(values, missing)


async def _fetch(bus: RememberingBus, unit_id: int, profile: Profile, points: Sequence[Point]) -> None:
    """Read what the points need; where a request is refused, each point by itself."""
    assert profile.modbus is not None
    for block in _blocks(bus, profile, profile.modbus, points):
        try:
            await bus.read(unit_id, block)
            continue
        except DeviceRefused:
            pass
        except DeviceError:
            return
        for point in points:
            for single in _blocks(bus, profile, profile.modbus, [point]):
                try:
                    await bus.read(unit_id, single)
                except DeviceError:
                    continue


def _blocks(bus: RememberingBus, profile: Profile, limits: Modbus, points: Sequence[Point]) -> list[Block]:
    return plan(needs(profile, points), limits, bus.cost)


async def _second_look(
    bus: RememberingBus,
    unit_id: int,
    finalists: Sequence[Profile],
    named: Sequence[Profile],
    sleep: Callable[[float], Awaitable[object]],
    clock: Callable[[], float],
) -> list[Candidate]:
    """Read the finalists whole, and their energy counters twice."""
    started = clock()
    first: dict[str, tuple[Values, int]] = {}
    for profile in finalists:
        if (read := await _whole(bus, unit_id, profile)) is not None:
            first[profile.name] = read
    alive = [profile for profile in finalists if profile.name in first]
    if any(profile.counters for profile in alive) and not bus.spent:
        await sleep(max(0.0, _COUNTER_PAUSE_S - (clock() - started)))
    told = []
    for profile in alive:
        values, refused = first[profile.name]
        counter = await _counter(bus, unit_id, profile, values, lambda: clock() - started)
        score, why = evidence(values, refused, counter)
        if profile in named:
            score, why = max(score, 0.97 - 0.01 * refused), ["says so itself", *why]
        answered = sum(value is not None for value in values.values())
        told.append((round(score, 3), answered, Candidate(profile.name, _model(profile), score, tuple(why))))
    told.sort(key=lambda one: (-one[0], -one[1]))
    return [candidate for score, _, candidate in told if score >= _WORTH_TELLING]


async def _whole(bus: RememberingBus, unit_id: int, profile: Profile) -> tuple[Values, int] | None:
    """(all values of a profile, how many of its points are refused); None if nothing is answered."""
    ratios = {name: default or 1.0 for name, default in profile.installer_ratios.items()}
    device = ModbusDevice(profile.name, profile, unit_id, bus, ratios)
    try:
        sample = await device.read()
    except DeviceError:
        return None
    values = dict(zip(sample.fields, sample.values, strict=True))
    return values, len(profile.points) - len(sample.fields) + len(device.refused)


async def _counter(
    bus: RememberingBus, unit_id: int, profile: Profile, before: Values, elapsed_s: Callable[[], float]
) -> Mark | None:
    """Whether the first booked counter moved as its power lets it; None if nothing can be said."""
    counter = next((c for c in profile.counters if before.get(c.quantity) is not None), None)
    power = before.get("active_power_total")
    if counter is None or power is None:
        return None
    point = next(p for p in profile.points if p.quantity.name == counter.quantity)
    assert profile.modbus is not None
    for block in _blocks(bus, profile, profile.modbus, [point]):
        bus.forget(block)
    await _fetch(bus, unit_id, profile, [point])
    value, was = decode_words(profile, bus.memory.words).get(counter.quantity), before[counter.quantity]
    if value is None or was is None:
        return None
    step = max(point.resolution, abs(was) * counter.relative_resolution, 10.0**-point.digits)
    room = 3 * abs(power) * elapsed_s() / 3600 + 2 * step
    if value < was - step or value > was + room:
        return Mark.WRONG
    return Mark.GOOD if value > was else None


def _swapped(bus: RememberingBus, profiles: Sequence[Profile]) -> list[Candidate]:
    """Profiles whose words, read already, are plausible in the other order and not in their own."""
    told = []
    for profile in profiles:
        if not any(cell.words > 1 for point in signature(profile) for cell in point.cells):
            continue
        straight, _ = _judge(bus, profile)
        other, why = _judge(bus, flipped(profile))
        if other >= _ENOUGH - 0.1 and straight < other - 0.2:
            told.append(Candidate(profile.name, _model(profile), other, ("other word order", *why), True))
    return sorted(told, key=lambda one: -one.score)[:_TOLD]


def _flip(cell: Cell) -> Cell:
    return replace(cell, word_order="little" if cell.word_order == "big" else "big")


def _model(profile: Profile) -> str:
    return f"{profile.vendor} {profile.model}"
