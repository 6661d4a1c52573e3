"""Where devices are asked by hand, and the devices there: by edge.toml, or by profile and address."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from drivers import models
from drivers.driver import Driver
from drivers.errors import BeaconError, ConfigError, Problem
from drivers.frames.bus import line_bus
from drivers.frames.exchange import LineBus
from drivers.frames.line import SerialParameters
from drivers.frames.modbus_line import ModbusLine, Mode
from drivers.modbus.device import Bus, ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import Profile
from edge.commission.asking import RememberingBus
from edge.config import ANY_ADDRESS, Device, EdgeConfig
from edge.config import Bus as BusSection
from edge.config_file import load
from edge.devices import Connection, bus_settings, line_speed, meter_driver, open_bus

Settings = TcpSettings | RtuOverTcpSettings | SerialSettings


@dataclass(frozen=True, slots=True)
class Place:
    """serial: a port; else host and port. rtu_over_tcp: a transparent serial server, not Modbus TCP.

    baud 0, parity "", stop_bits 0: the profile's own, else 9600 8N1.
    """

    host: str = ""
    port: int = 502
    serial: str = ""
    baud: int = 0
    parity: str = ""
    stop_bits: int = 0
    rtu_over_tcp: bool = False
    timeout_s: float = 1.0

    def settings(self, factory: SerialParameters | None = None) -> Settings:
        """Settings of a connection. Raises BeaconError if there is neither host nor port."""
        own = factory or SerialParameters(9600, "N", 1)
        if self.serial:
            return SerialSettings(
                port=self.serial,
                baud=self.baud or own.baud,
                parity=_parity(self.parity) if self.parity else own.parity,
                stop_bits=_stop_bits(self.stop_bits) if self.stop_bits else own.stop_bits,
                timeout_s=self.timeout_s,
            )
        if not self.host:
            raise BeaconError("give --host or --serial")
        if self.rtu_over_tcp:
            baud = self.baud or own.baud
            return RtuOverTcpSettings(host=self.host, port=self.port, baud=baud, timeout_s=self.timeout_s)
        return TcpSettings(host=self.host, port=self.port, timeout_s=self.timeout_s)


@dataclass(frozen=True, slots=True)
class Station:
    """One device, ready to be read; nothing is open before the first read.

    speed: of a serial line; None over Modbus TCP. address: as a person writes it. memory: the words of a
    Modbus device's last reads; None for other protocols. section: what edge.toml says of it.
    """

    driver: Driver
    connection: Connection
    settings: Settings
    speed: SerialParameters | None
    address: str
    protocol: str
    memory: RememberingBus | None
    model: models.Model
    section: Device | None = None

    @property
    def label(self) -> str:
        """The device, as messages call it."""
        number = f"unit {self.address}" if self.memory is not None else f"meter {self.address}"
        return f"{self.section.id} ({number})" if self.section else number


def open_modbus(place: Place) -> ModbusBus:
    """A Modbus connection to the place; opened by its first read."""
    return ModbusBus(place.settings())


def open_device(
    place: Place, name: str, unit: int, address: str = "", ratios: Mapping[str, float] | None = None
) -> Station:
    """One device by its profile. address: of a DL/T 645 or CJ/T 188 meter; empty for the only one there.

    Raises ConfigError for an unknown profile or a missing ratio, BeaconError for one that is not on a bus.
    """
    model = models.load(name)
    protocol = models.protocol_of(model)
    if protocol == "mqtt":
        raise BeaconError(f"{name} publishes by MQTT: it is no bus device")
    if isinstance(model, Profile):
        assert model.modbus is not None
        line = model.modbus.serial
        factory = (
            SerialParameters(line.baud, _parity(line.parity), _stop_bits(line.stop_bits)) if line else None
        )
        settings = place.settings(factory)
        connection = ModbusBus(settings)
        memory = RememberingBus(connection, math.inf)
        driver = ModbusDevice(name, model, unit, memory, ratios)
        return Station(driver, connection, settings, speed_of(settings), str(unit), protocol, memory, model)
    settings = place.settings(model.serial)
    speed = speed_of(settings)
    if isinstance(settings, TcpSettings) or speed is None:
        raise BeaconError(f"{name} speaks on a serial line: give --serial, or --rtu-over-tcp for its server")
    meter = replace(model, serial=speed)
    bus = line_bus(settings)
    reader = meter_driver(name, meter, address or ANY_ADDRESS, bus, ratios or {})
    return Station(reader, bus, settings, speed, address or ANY_ADDRESS, protocol, None, meter)


def open_configured(path: Path, device_id: str = "") -> list[Station]:
    """The devices of edge.toml that are on a bus, or one of them. Raises ConfigError."""
    config = load(path)
    stations: list[Station] = []
    for bus in config.bus:
        wanted = [d for d in config.devices_on(bus) if device_id in ("", d.id)]
        if wanted:
            connection, drivers = open_bus(config, bus, wanted)
            stations += [
                _station(config, bus, connection, section, driver)
                for section, driver in zip(wanted, drivers, strict=True)
            ]
    if not stations:
        known = ", ".join(device.id for device in config.device)
        raise ConfigError([Problem(path.name, "device", f"no bus has {device_id!r}: {known}")])
    return stations


def _station(
    config: EdgeConfig, bus: BusSection, connection: Connection, section: Device, driver: Driver
) -> Station:
    settings, protocol = bus_settings(bus), config.protocol_of(section)
    speed = None if isinstance(settings, TcpSettings) else line_speed(config, bus, section)
    meter = config.meter_of(section)
    if meter is not None or not isinstance(driver, ModbusDevice):
        assert meter is not None
        address = section.address or ANY_ADDRESS
        return Station(driver, connection, settings, speed, address, protocol, None, meter, section)
    inner: Bus
    if isinstance(connection, ModbusBus):
        inner = connection
    else:
        assert isinstance(connection, LineBus)
        assert not isinstance(settings, TcpSettings)
        mode: Mode = "ascii" if protocol == "modbus_ascii" else "rtu"
        inner = ModbusLine(settings, mode, connection, speed)
    memory = RememberingBus(inner, math.inf)
    unit, profile = config.unit_id_of(section), config.profile_of(section)
    again = ModbusDevice(section.id, profile, unit, memory, section.all_ratios())
    return Station(again, connection, settings, speed, str(unit), protocol, memory, profile, section)


def speed_of(settings: Settings) -> SerialParameters | None:
    """Speed and parity of a serial port; of a serial server its speed, as 8N1 for want of knowledge."""
    if isinstance(settings, SerialSettings):
        return SerialParameters(settings.baud, settings.parity, settings.stop_bits)
    if isinstance(settings, RtuOverTcpSettings):
        return SerialParameters(settings.baud, "N", 1)
    return None


def _parity(text: str) -> Literal["N", "E", "O"]:
    known: dict[str, Literal["N", "E", "O"]] = {"N": "N", "E": "E", "O": "O"}
    if text.upper() not in known:
        raise BeaconError(f"--parity {text}: write N, E or O")
    return known[text.upper()]


def _stop_bits(bits: int) -> Literal[1, 2]:
    return 2 if bits == 2 else 1
