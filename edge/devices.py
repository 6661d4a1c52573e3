"""From the devices of one bus in edge.toml to drivers: a Modbus connection, or a line that several protocols
share and that is switched to each device's speed and parity."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from drivers.driver import Driver
from drivers.modbus.device import ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from edge.config import ANY_ADDRESS, Bus, Device, EdgeConfig, SerialBus

if TYPE_CHECKING:
    from drivers.frames.exchange import LineBus
    from drivers.frames.line import SerialParameters
    from drivers.models import Meter

_SHORTEST_GAP_S, _BITS_A_BYTE = 0.00175, 11

Settings = TcpSettings | RtuOverTcpSettings | SerialSettings
Clock = Callable[[], int]


class Connection(Protocol):
    """One bus, as the agent sees it. requests, timeouts: counts since the start."""

    name: str
    requests: int
    timeouts: int

    async def aclose(self) -> None:
        """Close it; a later read opens it again."""
        ...


def open_bus(
    config: EdgeConfig,
    bus: Bus,
    devices: list[Device],
    clock: Clock = lambda: time.time_ns() // 1_000_000,
) -> tuple[Connection, list[Driver]]:
    """A bus and the drivers of these devices on it, in their order. Opens nothing yet: a read connects.

    clock: Unix time in milliseconds.
    """
    settings = bus_settings(bus)
    if isinstance(settings, TcpSettings) or not any(_needs_line(config, bus, d) for d in devices):
        connection = ModbusBus(settings)
        return connection, [
            ModbusDevice(d.id, config.profile_of(d), config.unit_id_of(d), connection, d.all_ratios(), clock)
            for d in devices
        ]
    from drivers.frames.bus import line_bus

    line = line_bus(settings)
    return line, [_on_line(config, bus, settings, line, device, clock) for device in devices]


def _needs_line(config: EdgeConfig, bus: Bus, device: Device) -> bool:
    own_speed = any(value is not None for value in (device.baud, device.parity, device.stop_bits))
    return own_speed or config.protocol_of(device) != "modbus"


def _on_line(
    config: EdgeConfig,
    bus: Bus,
    settings: RtuOverTcpSettings | SerialSettings,
    line: LineBus,
    device: Device,
    clock: Clock,
) -> Driver:
    protocol, ratios = config.protocol_of(device), device.all_ratios()
    speed = line_speed(config, bus, device)
    if protocol.startswith("modbus"):
        from drivers.frames.modbus_line import ModbusLine, Mode

        mode: Mode = "ascii" if protocol == "modbus_ascii" else "rtu"
        modbus = ModbusLine(settings, mode, line, speed)
        unit_id = config.unit_id_of(device)
        return ModbusDevice(device.id, config.profile_of(device), unit_id, modbus, ratios, clock)
    meter = config.meter_of(device)
    assert meter is not None
    address, decimals = device.address or ANY_ADDRESS, device.flow_decimals
    return meter_driver(device.id, replace(meter, serial=speed), address, line, ratios, decimals, clock)


def meter_driver(
    device_id: str,
    meter: Meter,
    address: str,
    line: LineBus,
    ratios: Mapping[str, float],
    flow_decimals: int | None = None,
    clock: Clock = lambda: time.time_ns() // 1_000_000,
) -> Driver:
    """A DL/T 645 or CJ/T 188 meter on a line. address: its digits, or `ANY_ADDRESS`."""
    if meter.protocol == "cjt188":
        from drivers.cjt188 import device as cjt188
        from drivers.cjt188.meter import Meter as Cjt188Meter

        assert isinstance(meter, Cjt188Meter)
        address = cjt188.ANY_ADDRESS if address == ANY_ADDRESS else address
        return cjt188.Cjt188Device(device_id, meter, address, line, flow_decimals, clock)
    from drivers.dlt645 import device as dlt645
    from drivers.dlt645.meter import Meter as Dlt645Meter

    assert isinstance(meter, Dlt645Meter)
    address = dlt645.ANY_METER if address == ANY_ADDRESS else address
    return dlt645.Dlt645Device(device_id, meter, address, line, ratios, clock)


def line_speed(config: EdgeConfig, bus: Bus, device: Device) -> SerialParameters:
    """Speed and parity of one device: its own, else what the bus says, else its factory's."""
    from drivers.frames.line import SerialParameters

    meter = config.meter_of(device)
    factory = meter.serial if meter else SerialParameters(9600, "N", 1)
    if isinstance(bus, SerialBus):
        given = bus.model_fields_set
        factory = SerialParameters(
            bus.baud if "baud" in given else factory.baud,
            bus.parity if "parity" in given else factory.parity,
            bus.stop_bits if "stop_bits" in given else factory.stop_bits,
        )
    else:
        factory = replace(factory, baud=bus.baud)  # what the serial server was set to
    return SerialParameters(
        device.baud or factory.baud, device.parity or factory.parity, device.stop_bits or factory.stop_bits
    )


def bus_settings(bus: Bus) -> Settings:
    """The transport's settings of a [[bus]]."""
    settings: Settings
    if isinstance(bus, SerialBus):
        settings = SerialSettings(
            port=bus.port,
            baud=bus.baud,
            parity=bus.parity,
            stop_bits=bus.stop_bits,
            timeout_s=bus.timeout_s,
        )
    elif bus.type == "tcp":
        settings = TcpSettings(host=bus.host, port=bus.port, timeout_s=bus.timeout_s)
    else:
        settings = RtuOverTcpSettings(host=bus.host, port=bus.port, baud=bus.baud, timeout_s=bus.timeout_s)
    if bus.quiet_ms is not None:
        return settings.model_copy(update={"quiet_s": bus.quiet_ms / 1000})
    if isinstance(settings, SerialSettings):
        return settings.model_copy(update={"quiet_s": frame_gap_s(bus.baud)})
    return settings


def frame_gap_s(baud: int) -> float:
    """Silence between frames that Modbus over Serial Line V1.02, section 2.5.1.1, asks for.

    It is enough for most devices; for the others profiles name a longer pause, or it is learnt.
    """
    return max(_SHORTEST_GAP_S, 3.5 * _BITS_A_BYTE / baud)
