"""The form of a profile file, as pydantic reads it. What it means is in `drivers.profile`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Type = Literal[
    "u16", "s16", "u24", "u32", "s32", "u48", "u64", "s64", "f32", "f64",
    "bcd16", "bcd32", "bcd48", "bcd64", "bit", "string",
]  # fmt: skip
Order = Literal["big", "little"]
Group = Literal["fast", "slow"]
Function = Literal[1, 2, 3, 4]
Address = Annotated[int, Field(ge=0, le=65535)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

WORDS: dict[str, int] = {
    "u16": 1, "s16": 1, "u24": 2, "u32": 2, "s32": 2, "u48": 3, "u64": 4, "s64": 4, "f32": 2, "f64": 4,
    "bcd16": 1, "bcd32": 2, "bcd48": 3, "bcd64": 4, "bit": 1,
}  # fmt: skip


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Register(Strict):
    """Where a number stands and how its words are put together. Orders: see `ModbusSection`."""

    address: Address
    function: Function | None = None
    type: Type | None = None
    word_order: Order | None = None
    byte_order: Order | None = None
    words: Annotated[int, Field(ge=1, le=64)] | None = None  # of a string
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    mask: Annotated[int, Field(ge=1)] | None = None


class Part(Register):
    """A register added to its point: the MWh beside the kWh, the fraction beside the integer."""

    unit: str | None = None
    scale: float | None = None


class PointDefaults(Strict):
    """What points of one `[[registers]]` block share, and what one point may say otherwise.

    value = raw * scale + offset in `unit`, times every factor.
    sentinels: raw numbers, before scaling, that mean "no value".
    rollover: what the counter shows after its last number, in `unit` (1e6 for 999999.99).
    resolution: smallest step of the counter in `unit`, if it is coarser than `scale`.
    """

    function: Function | None = None
    type: Type | None = None
    word_order: Order | None = None
    byte_order: Order | None = None
    unit: str | None = None
    scale: float | None = None
    offset: float | None = None
    invert: bool | None = None
    magnitude: bool | None = None
    sentinels: list[int | float] | None = None
    range: tuple[float, float] | None = None
    factors: list[Word] | None = None
    map: dict[str, float] | None = None
    rollover: float | None = None
    resolution: float | None = None
    group: Group | None = None
    confidence: str | None = None
    sources: list[Word] | None = None
    note: str | None = None


class PointEntry(PointDefaults, Register):
    plus: list[Part] = []


class RegisterBlock(PointDefaults):
    points: Annotated[dict[Word, PointEntry], Field(min_length=1)]

    @field_validator("points", mode="before")
    @classmethod
    def _bare_addresses(cls, points: object) -> object:
        if not isinstance(points, dict):
            return points
        return {k: {"address": v} if isinstance(v, int) else v for k, v in points.items()}


class FactorEntry(Strict):
    """A multiplier: held in a register of the device, or given by the installer in edge.toml.

    exponent: the register holds a power of ten. map: the register holds a code.
    same_request: must be read together with its values, because it may change at run time.
    """

    address: Address | None = None
    function: Function | None = None
    type: Type | None = None
    word_order: Order | None = None
    scale: float = 1.0
    exponent: bool = False
    map: dict[str, float] | None = None
    divide_by: Word | None = None
    same_request: bool = False
    installer: bool = False
    default: float | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> FactorEntry:
        if self.installer == (self.address is not None):
            raise ValueError("needs either an address or installer = true")
        return self


class IdentityEntry(Register):
    """A register by which the model is recognised, or its serial number is read."""

    means: Literal["vendor", "model", "serial_number", "firmware"]
    equals: int | str | None = None
    note: str | None = None


class SerialSection(Strict):
    baud: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class ModbusSection(Strict):
    """Word order big = high word first; byte order inside the word likewise.

    holes: true if unused registers inside a block are answered, or the ranges where they are.
    even: start and count of a request must be even. odd_start: start must be odd, count even.
    exact: a request must start at a value and have exactly its length.
    """

    transports: Annotated[list[Literal["tcp", "rtu"]], Field(min_length=1)]
    unit_id: Annotated[int, Field(ge=0, le=255)] = 1
    function: Function = 3
    word_order: Order = "big"
    byte_order: Order = "big"
    max_words: Annotated[int, Field(ge=1, le=125)] = 125
    holes: bool | list[tuple[int, int]] = False
    even: bool = False
    odd_start: bool = False
    exact: bool = False
    quiet_ms: Annotated[int, Field(ge=0, le=5000)] = 0
    serial: SerialSection | None = None


class MqttPoint(Strict):
    """One value in a payload, converted as a register is.

    path: dotted keys in the JSON payload, "" if the payload is the bare value. `Power[0]` picks an
        element (a bare number counts as element 0), `tags[name=t1]` the object of an array with that key.
    sum: add up the elements, where the payload holds an array. map: word or number -> value.
    """

    path: str
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    map: dict[str, float] | None = None
    sentinels: list[float] = []
    sum: bool = False
    range: tuple[float, float] | None = None
    rollover: float | None = None
    resolution: float | None = None
    note: str | None = None


class MqttTopic(Strict):
    """One topic of a device. `{device}` stands for the device's own part of it.

    time: path of the device's own time; text without a zone is ignored.
    """

    topic: Annotated[str, Field(min_length=1, pattern=r"^[^+#]*$")]
    time: str | None = None
    confidence: str
    sources: Annotated[list[Word], Field(min_length=1)]
    points: Annotated[dict[Word, MqttPoint], Field(min_length=1)]

    @field_validator("points", mode="before")
    @classmethod
    def _bare_paths(cls, points: object) -> object:
        if not isinstance(points, dict):
            return points
        return {k: {"path": v} if isinstance(v, str) else v for k, v in points.items()}


class MqttSection(Strict):
    """prefix: what `{device}` is as the maker ships it; the installer may say otherwise.

    gather_s: values that come one to a topic are gathered for so long into one sample; 0 for payloads
        that are whole. hold_s: how long a value that is not repeated still counts, counters excepted.
    will_topic: says `online` or `offline` in these words.
    """

    prefix: str
    gather_s: Annotated[float, Field(ge=0, le=300)] = 0.0
    hold_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    will_topic: str | None = None
    online: str = "online"
    offline: str = "offline"
    topics: Annotated[list[MqttTopic], Field(min_length=1)]


class LedgerSection(Strict):
    """Counters booked otherwise than by their name."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    import_: Annotated[Word | None, Field(alias="import")] = None


class ProfileFile(Strict):
    model: str
    vendor: str
    kind: Literal["electricity", "heat", "water", "gas", "heat_pump", "environment"]
    variants: list[str] = []
    notes: list[str] = []
    sources: Annotated[dict[Word, str], Field(min_length=1)]
    ledger: Annotated[LedgerSection, Field(default_factory=LedgerSection)]
    modbus: ModbusSection | None = None
    factors: dict[Word, FactorEntry] = {}
    identity: list[IdentityEntry] = []
    registers: list[RegisterBlock] = []
    mqtt: MqttSection | None = None

    @model_validator(mode="after")
    def _reads_something(self) -> ProfileFile:
        if bool(self.modbus) != bool(self.registers):
            raise ValueError("[modbus] and [[registers]] belong together")
        if not self.modbus and not self.mqtt:
            raise ValueError("needs [modbus] with [[registers]], or [mqtt]")
        return self
