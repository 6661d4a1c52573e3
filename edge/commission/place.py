"""Where a device is asked by hand: a serial port, a serial server or a Modbus TCP host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from drivers import models
from drivers.driver import Driver
from drivers.errors import BeaconError
from drivers.frames.line import SerialParameters
from drivers.modbus.device import Bus, ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import Profile

if TYPE_CHECKING:
    from drivers.frames.exchange import LineBus

Settings = TcpSettings | RtuOverTcpSettings | SerialSettings
ANY_ADDRESS = "any"


class Connection(Protocol):
    """What must be closed in the end."""

    async def aclose(self) -> None: ...


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
            return SerialSettings.model_validate(
                {
                    "port": self.serial,
                    "baud": self.baud or own.baud,
                    "parity": self.parity or own.parity,
                    "stop_bits": self.stop_bits or own.stop_bits,
                    "timeout_s": self.timeout_s,
                }
            )
        if not self.host:
            raise BeaconError("give --host or --serial")
        if self.rtu_over_tcp:
            return RtuOverTcpSettings(
                host=self.host, port=self.port, baud=self.baud or own.baud, timeout_s=self.timeout_s
            )
        return TcpSettings(host=self.host, port=self.port, timeout_s=self.timeout_s)


def open_modbus(place: Place) -> ModbusBus:
    """A Modbus connection to the place; opened by its first read."""
    return ModbusBus(place.settings())


def open_device(
    place: Place, name: str, unit: int, address: str = "", ratios: Mapping[str, float] | None = None
) -> tuple[Connection, Driver]:
    """The connection and the driver of one device by its profile; nothing is opened yet.

    address: of a DL/T 645 or CJ/T 188 meter; empty for the only one on its line.
    Raises ConfigError for an unknown profile or a missing ratio, BeaconError for one that is not on a bus.
    """
    model = models.load(name)
    if isinstance(model, Profile):
        if model.modbus is None:
            raise BeaconError(f"{name} publishes by MQTT: it is not read, it is listened to")
        line = model.modbus.serial
        factory = SerialParameters(line.baud, _parity(line.parity), _stop(line.stop_bits)) if line else None
        bus: Bus = ModbusBus(place.settings(factory))
        assert isinstance(bus, ModbusBus)
        return bus, ModbusDevice(name, model, unit, bus, ratios)
    return _open_meter(place, model, name, address, ratios)


def _open_meter(
    place: Place, model: models.Meter, name: str, address: str, ratios: Mapping[str, float] | None
) -> tuple[LineBus, Driver]:
    from drivers.cjt188.device import ANY_ADDRESS as ANY_CJT188
    from drivers.cjt188.device import Cjt188Device
    from drivers.cjt188.meter import Meter as Cjt188Meter
    from drivers.dlt645.device import ANY_METER, Dlt645Device
    from drivers.frames.bus import line_bus

    settings = place.settings(model.serial)
    if isinstance(settings, TcpSettings):
        raise BeaconError(f"{name} speaks on a serial line: give --serial, or --rtu-over-tcp for its server")
    speed = model.serial
    if isinstance(settings, SerialSettings):
        speed = SerialParameters(settings.baud, settings.parity, settings.stop_bits)
    line = line_bus(settings)
    any_one = address in ("", ANY_ADDRESS)
    if isinstance(model, Cjt188Meter):
        cjt188 = replace(model, serial=speed)
        return line, Cjt188Device(name, cjt188, ANY_CJT188 if any_one else address, line)
    dlt645 = replace(model, serial=speed)
    return line, Dlt645Device(name, dlt645, ANY_METER if any_one else address, line, ratios)


def _parity(text: str) -> Literal["N", "E", "O"]:
    return "E" if text == "E" else "O" if text == "O" else "N"


def _stop(bits: int) -> Literal[1, 2]:
    return 2 if bits == 2 else 1
