"""Listens to a device that gives no good answer, and says in words what may be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from drivers.diagnosis import Finding, Observation, diagnose
from drivers.errors import DeviceError, DeviceRefused, DeviceUnreachable, FrameError
from drivers.frames import modbus_rtu
from drivers.frames.exchange import DeviceSilent
from drivers.frames.line import SerialLine, SerialParameters, TcpLine
from drivers.frames.modbus_line import ModbusLine, Mode
from drivers.frames.modbus_pdu import ReadRequest
from drivers.frames.modbus_pdu import encode as encode_pdu
from drivers.frames.modbus_rtu import RtuFrame, crc16
from drivers.modbus.decode import decode_words
from drivers.modbus.device import Bus, ModbusDevice
from drivers.modbus.registers import Block
from drivers.modbus.settings import SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.models import profile_of
from drivers.profile import Profile
from edge.commission.asking import tapped_bus
from edge.commission.place import Station
from edge.commission.recognise import flipped
from edge.devices import meter_driver

_QUESTIONS = 4
_NOISE_KEPT = 64
_CONNECT_S = 2.0


async def explain(stations: Sequence[Station]) -> list[Finding]:
    """Ask each device a few short questions once more, listen to every byte, and judge them together.

    The stations' own connections must be closed. Takes at most some seconds a device.
    """
    return diagnose([await observe(station) for station in stations])


async def observe(station: Station) -> Observation:
    """What a few questions to one device bring."""
    if why := await _unreachable(station):
        return Observation(station.label, unreachable=why)
    if station.memory is not None:
        return await _observe_modbus(station)
    return await _observe_meter(station)


async def _unreachable(station: Station) -> str:
    settings = station.settings
    try:
        if isinstance(settings, SerialSettings):
            await SerialLine.open(settings.port, station.speed or SerialParameters(9600, "N", 1)).aclose()
        else:
            await (await TcpLine.open(settings.host, settings.port, _CONNECT_S)).aclose()
    except DeviceUnreachable as error:
        return str(error)
    return ""


async def _observe_modbus(station: Station) -> Observation:
    assert isinstance(station.driver, ModbusDevice)
    settings, unit, profile = station.settings, station.driver.unit_id, station.driver.profile
    heard, bus = bytearray(), None
    if isinstance(settings, TcpSettings):
        bus = ModbusBus(settings.model_copy(update={"retries": 0}))
        asked: Bus = bus
    else:
        mode: Mode = "ascii" if station.protocol == "modbus_ascii" else "rtu"
        line = tapped_bus(settings, heard)
        asked = ModbusLine(settings.model_copy(update={"retries": 0}), mode, line, station.speed)
    notes = _Notes(unit)
    words: dict[tuple[int, int], int] = {}
    try:
        blocks = [request.block for request in station.driver.plan().requests][:_QUESTIONS]
        for block in blocks + blocks[:1] * (_QUESTIONS - len(blocks)):
            heard.clear()
            try:
                data = await asked.read(unit, block)
            except DeviceError as error:
                notes.failed(error, bytes(heard), block)
            else:
                notes.answered += 1
                words.update(_words(block, data))
    finally:
        await (bus.aclose() if bus is not None else line.aclose())
    ratios = {name: default or 1.0 for name, default in profile.installer_ratios.items()}
    return notes.observation(station.label, profile, words, ratios)


async def _observe_meter(station: Station) -> Observation:
    assert not isinstance(station.settings, TcpSettings)
    assert not isinstance(station.model, Profile)
    heard = bytearray()
    line = tapped_bus(station.settings, heard)
    driver = meter_driver(station.driver.device_id, station.model, station.address, line, {})
    notes = _Notes(0)
    values: Mapping[str, float | None] = {}
    try:
        for _ in range(2):
            heard.clear()
            try:
                sample = await driver.read()
            except DeviceError as error:
                notes.failed(error, bytes(heard), None)
            else:
                notes.answered += 1
                values = dict(zip(sample.fields, sample.values, strict=True))
    finally:
        await line.aclose()
    return notes.observation(station.label, profile_of(station.model), {}, {}, values)


class _Notes:
    """Counts of one device's outcomes."""

    def __init__(self, unit: int) -> None:
        self.answered = 0
        self._unit = unit
        self._silent = self._garbled = self._foreign = self._echoed = 0
        self._refused: dict[int, int] = {}
        self._lengths: list[int] = []
        self._noise = b""

    def failed(self, error: DeviceError, heard: bytes, block: Block | None) -> None:
        """Sort one failure. heard: every byte that came."""
        code = _code(error)
        if code:
            self._refused[code] = self._refused.get(code, 0) + 1
        elif isinstance(error, FrameError) or (heard and isinstance(error, DeviceSilent)):
            if block is not None and heard == _request(self._unit, block):
                self._echoed += 1
            elif _whole_frame(heard):
                self._foreign += 1
            else:
                self._garbled += 1
                self._lengths.append(len(heard))
                self._noise = (self._noise + heard)[:_NOISE_KEPT]
        else:
            self._silent += 1

    def observation(
        self,
        address: str,
        profile: Profile,
        words: Mapping[tuple[int, int], int],
        ratios: Mapping[str, float],
        values: Mapping[str, float | None] | None = None,
    ) -> Observation:
        """All of it, with the values in both word orders."""
        return Observation(
            address,
            answered=self.answered,
            silent=self._silent,
            garbled=self._garbled,
            foreign=self._foreign,
            echoed=self._echoed,
            refused=self._refused,
            lengths=tuple(self._lengths),
            noise=self._noise,
            values=values if values is not None else decode_words(profile, words, ratios),
            swapped=decode_words(flipped(profile), words, ratios) if words else {},
        )


def _code(error: DeviceError) -> int:
    """The exception's code; gateways' and busy devices' codes stand in the text only."""
    if isinstance(error, DeviceRefused):
        return error.code
    text = str(error)
    return next((code for code in (5, 6, 10, 11) if f"exception {code}," in text), 0)


def _request(unit: int, block: Block) -> bytes:
    pdu = encode_pdu(ReadRequest(block.function, block.address, block.count))
    return modbus_rtu.encode(RtuFrame(unit, pdu))


def _whole_frame(data: bytes) -> bool:
    """Whether the bytes are one frame with a right check sum: an answer, but not ours."""
    return len(data) >= 5 and crc16(data[:-2]).to_bytes(2, "little") == data[-2:]


def _words(block: Block, data: bytes) -> dict[tuple[int, int], int]:
    if block.function in (1, 2):
        bits = {i: data[i >> 3] >> (i & 7) & 1 for i in range(block.count)}
        return {(block.function, block.address + i): bit for i, bit in bits.items()}
    return {
        (block.function, block.address + i): int.from_bytes(data[2 * i : 2 * i + 2], "big")
        for i in range(block.count)
    }


async def close_all(stations: Sequence[Station]) -> None:
    """Close every connection once."""
    for connection in {id(station.connection): station.connection for station in stations}.values():
        await asyncio.shield(connection.aclose())
