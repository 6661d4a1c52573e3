"""From a profile file to a `Profile`: defaults filled in, units converted, every problem found at once."""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Mapping
from fractions import Fraction

from pydantic import ValidationError

from drivers import profile as P
from drivers.carrier import Carrier, Direction
from drivers.errors import ConfigError, Problem
from drivers.quantity import Kind, Quantity, UnknownQuantity, ledger, quantity
from drivers.schema import (
    WORDS,
    FactorEntry,
    ModbusSection,
    MqttPoint,
    PointEntry,
    ProfileFile,
    Register,
    RegisterBlock,
)
from drivers.units import to_unit

_INTEGER_BITS = {"u16": 16, "u24": 24, "u32": 32, "u48": 48, "u64": 64}
_BCD_DIGITS = {"bcd16": 4, "bcd32": 8, "bcd48": 12, "bcd64": 16}
_FLOAT_DIGITS = {"V": 4, "A": 5, "degC": 4, "K": 4, "Hz": 5, "%": 4, "deg": 4, "bar": 5}
_F32_STEP = 2.0**-23


class _Found(list[Problem]):
    """Problems of one file."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def add(self, key: str, problem: str) -> None:
        self.append(Problem(self.file, key, problem))


def build(name: str, document: Mapping[str, object], file: str) -> P.Profile:
    """Raises ConfigError with all problems of the file."""
    try:
        source = ProfileFile.model_validate(document)
    except ValidationError as error:
        raise ConfigError(
            [
                Problem(file, ".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, "))
                for e in error.errors()
            ]
        ) from None
    found = _Found(file)
    points: list[P.Point] = []
    factors: dict[str, P.Factor] = {}
    modbus = None
    if source.modbus:
        modbus = _modbus(source.modbus)
        factors = {key: _factor(key, entry, source.modbus, found) for key, entry in source.factors.items()}
        points = _points(source, source.modbus, factors, found)
        _check_lengths(points, source.modbus, found)
    counters = _counters(source, points, found)
    identity = tuple(
        P.Identity(entry.means, _cell(entry, None, source.modbus, f"identity.{i}", found), entry.equals)
        for i, entry in enumerate(source.identity)
        if source.modbus
    )
    if found:
        raise ConfigError(found)
    return P.Profile(
        name=name,
        model=source.model,
        vendor=source.vendor,
        kind=source.kind,
        variants=tuple(source.variants),
        notes=tuple(source.notes),
        sources=dict(source.sources),
        points=tuple(points),
        factors=factors,
        identity=identity,
        modbus=modbus,
        mqtt=source.mqtt,
        counters=counters,
    )


def _modbus(section: ModbusSection) -> P.Modbus:
    holes: tuple[tuple[int, int], ...]
    if isinstance(section.holes, bool):
        holes = ((0, 65535),) if section.holes else ()
    else:
        holes = tuple(section.holes)
    serial = section.serial
    return P.Modbus(
        transports=tuple(section.transports),
        unit_id=section.unit_id,
        max_words=section.max_words,
        holes=holes,
        even=section.even,
        odd_start=section.odd_start,
        exact=section.exact,
        quiet_ms=section.quiet_ms,
        serial=P.Serial(serial.baud, serial.parity, serial.stop_bits) if serial else None,
    )


def _points(
    source: ProfileFile, modbus: ModbusSection, factors: Mapping[str, P.Factor], found: _Found
) -> list[P.Point]:
    points = []
    for i, block in enumerate(source.registers):
        for name, entry in block.points.items():
            key = f"registers.{i}.points.{name}"
            try:
                known = quantity(name)
            except UnknownQuantity as error:
                found.add(key, str(error))
                continue
            point = _point(known, _merged(block, entry), source, modbus, key, found)
            found.extend(
                Problem(found.file, key, f"there is no factor {factor!r}")
                for factor in point.factors
                if factor not in factors
            )
            points.append(point)
    for name, count in Tally(point.quantity.name for point in points).items():
        if count > 1:
            found.add(f"registers.points.{name}", f"is given {count} times")
    return points


def _merged(block: RegisterBlock, entry: PointEntry) -> PointEntry:
    shared = block.model_dump(exclude={"points"}, exclude_unset=True)
    return PointEntry.model_validate(shared | entry.model_dump(exclude_unset=True))


def _cell(
    register: Register, default_type: str | None, modbus: ModbusSection | None, key: str, found: _Found
) -> P.Cell:
    kind = register.type or default_type
    if modbus is None or kind is None:
        found.add(key, "needs a type")
        kind = "u16"
    function = register.function or (modbus.function if modbus else 3)
    if kind == "bit" and function in (3, 4) and register.bit is None:
        found.add(key, "type bit in a register needs `bit`, 0 is the lowest")
    words = register.words if kind == "string" else WORDS[kind]
    if words is None:
        found.add(key, "type string needs `words`")
    return P.Cell(
        function=function,
        address=register.address,
        words=words or 1,
        type=kind,
        word_order=register.word_order or (modbus.word_order if modbus else "big"),
        byte_order=register.byte_order or (modbus.byte_order if modbus else "big"),
        bit=register.bit,
        mask=register.mask,
    )


def _scale(
    scale: float | None, unit: str | None, known: Quantity, key: str, found: _Found
) -> tuple[Fraction, Fraction]:
    try:
        to, offset = to_unit(known.unit if unit is None else unit, known.unit)
    except ValueError as error:
        found.add(f"{key}.unit", str(error))
        to, offset = Fraction(1), Fraction(0)
    return Fraction(str(1.0 if scale is None else scale)) * to, offset


def _point(
    known: Quantity, entry: PointEntry, source: ProfileFile, modbus: ModbusSection, key: str, found: _Found
) -> P.Point:
    cell = _cell(entry, None, modbus, key, found)
    if cell.type == "string":
        found.add(f"{key}.type", "text has no quantity; see [[identity]]")
    scale, offset = _scale(entry.scale, entry.unit, known, key, found)
    to = scale / Fraction(str(entry.scale or 1.0))
    sign = -1 if entry.invert else 1
    weights = [(cell, scale * sign)]
    for i, part in enumerate(entry.plus):
        of = _cell(part, entry.type, modbus, f"{key}.plus.{i}", found)
        unit = part.unit if part.unit is not None else entry.unit
        weights.append((of, _scale(part.scale, unit, known, f"{key}.plus.{i}", found)[0] * sign))
    shift = Fraction(str(entry.offset or 0.0)) * to + offset
    denominator = math.lcm(*(weight.denominator for _, weight in weights), shift.denominator)
    low, high = _window(entry, known, to)
    group = entry.group or P.default_group(known)
    for name in set(entry.sources or ()) - set(source.sources):
        found.add(f"{key}.sources", f"there is no source {name!r}")
    if not entry.sources or not entry.confidence:
        found.add(key, "needs sources and confidence")
    return P.Point(
        quantity=known,
        terms=tuple((of, int(weight * denominator)) for of, weight in weights),
        shift=int(shift * denominator),
        denominator=denominator,
        digits=_digits([of for of, _ in weights], scale, shift, known),
        minimum=low,
        maximum=high,
        sentinels=frozenset(entry.sentinels or ()),
        map={float(k): v for k, v in entry.map.items()} if entry.map else None,
        magnitude=bool(entry.magnitude),
        factors=tuple(entry.factors or ()),
        group=group,
        modulus=_modulus(entry, cell, known, scale, to),
        resolution=float(Fraction(str(entry.resolution)) * to) if entry.resolution else _step(cell, scale),
        confidence=entry.confidence or "",
        sources=tuple(entry.sources or ()),
        note=entry.note or "",
    )


def _window(entry: PointEntry, known: Quantity, to: Fraction) -> tuple[float, float]:
    if entry.range is None:
        return known.minimum, known.maximum
    low, high = (float(Fraction(str(bound)) * to) for bound in entry.range)
    return max(low, known.minimum), min(high, known.maximum)


def _digits(cells: list[P.Cell], scale: Fraction, shift: Fraction, known: Quantity) -> int:
    if any(cell.type in ("f32", "f64") for cell in cells):
        return _FLOAT_DIGITS.get(known.unit, 6)
    for digits in range(10):
        if (scale * 10**digits).denominator == 1 and (shift * 10**digits).denominator == 1:
            return digits
    return 6


def _step(cell: P.Cell, scale: Fraction) -> float:
    return 0.0 if cell.type in ("f32", "f64") else abs(float(scale))


def _modulus(entry: PointEntry, cell: P.Cell, known: Quantity, scale: Fraction, to: Fraction) -> float | None:
    if known.kind is not Kind.CUMULATIVE:
        return None
    if entry.rollover is not None:
        return float(Fraction(str(entry.rollover)) * to)
    if entry.plus:
        return None
    if cell.type in _INTEGER_BITS:
        return float(2 ** _INTEGER_BITS[cell.type] * scale)
    if cell.type in _BCD_DIGITS:
        return float(10 ** _BCD_DIGITS[cell.type] * scale)
    return None


def _factor(name: str, entry: FactorEntry, modbus: ModbusSection, found: _Found) -> P.Factor:
    cell = None
    if entry.address is not None:
        register = Register(
            address=entry.address, function=entry.function, type=entry.type, word_order=entry.word_order
        )
        cell = _cell(register, "u16", modbus, f"factors.{name}", found)
    return P.Factor(
        name=name,
        cell=cell,
        scale=entry.scale,
        exponent=entry.exponent,
        map={float(k): v for k, v in entry.map.items()} if entry.map else None,
        divide_by=entry.divide_by,
        same_request=entry.same_request,
        default=entry.default,
        note=entry.note or "",
    )


def _check_lengths(points: list[P.Point], modbus: ModbusSection, found: _Found) -> None:
    for point in points:
        for cell in point.cells:
            if cell.words > modbus.max_words:
                found.add(f"registers.points.{point.quantity.name}", "is longer than max_words")
            if modbus.even and (cell.address % 2 or cell.words % 2):
                found.add(
                    f"registers.points.{point.quantity.name}", "even = true, but it is not at an even place"
                )


def _counters(source: ProfileFile, points: list[P.Point], found: _Found) -> tuple[P.Counter, ...]:
    booked: dict[str, tuple[Carrier, Direction]] = {}
    steps: dict[str, tuple[float | None, float, float]] = {}
    for point in points:
        relative = _F32_STEP if point.terms[0][0].type == "f32" else 0.0
        steps[point.quantity.name] = (point.modulus, point.resolution, relative)
    for i, topic in enumerate(source.mqtt.topics if source.mqtt else ()):
        for name, mapped in topic.points.items():
            try:
                known = quantity(name)
            except UnknownQuantity as error:
                found.add(f"mqtt.topics.{i}.points.{name}", str(error))
                continue
            scale, _ = _scale(mapped.scale, mapped.unit, known, f"mqtt.topics.{i}.points.{name}", found)
            steps[name] = (_mqtt_modulus(mapped, scale), mapped.resolution or 0.0, 0.0)
    for name in steps:
        if (book := ledger(name)) is not None:
            booked[name] = book
    combined = source.ledger.import_
    if combined is not None:
        if combined not in steps:
            found.add("ledger.import", f"the profile has no {combined!r}")
        elif any(direction is Direction.IMPORT for _, direction in booked.values()):
            found.add("ledger.import", "an import counter is there already")
        else:
            booked[combined] = (Carrier.ELECTRICITY, Direction.IMPORT)
    return tuple(
        P.Counter(name, carrier, direction, *steps[name]) for name, (carrier, direction) in booked.items()
    )


def _mqtt_modulus(point: MqttPoint, scale: Fraction) -> float | None:
    return None if point.rollover is None else float(Fraction(str(point.rollover)) * scale)
