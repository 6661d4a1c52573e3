"""What a configuration will do to its buses, computed before anything is connected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.driver import Driver
from drivers.modbus.device import ModbusDevice
from drivers.profile import ALL
from edge.config import Bus, Device, EdgeConfig, SerialBus
from edge.devices import frame_gap_s, line_speed, open_bus
from edge.schedule import FAST_ONLY

if TYPE_CHECKING:
    from drivers.frames.line import SerialParameters

# Frames of Modbus RTU, in bytes: request 8, answer 5 and two a register; silence 3.5 characters before each.
_REQUEST_BYTES, _ANSWER_BYTES, _SILENCE_BYTES = 8, 5, 3.5
_BITS_A_BYTE = 11
_TURNAROUND_S = 0.02  # of a common meter; behind TCP the network's round trip
FULL_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device's reads. bytes: both directions; seconds: of its bus. speed: "" where it has none."""

    id: str
    profile: str
    protocol: str
    address: str
    speed: str
    quantities: int
    requests: int
    fast_requests: int
    bytes: int
    seconds: float
    fast_seconds: float
    period_s: float


@dataclass(frozen=True, slots=True)
class BusPlan:
    """One bus: how long a round takes, and which share of the time that is."""

    name: str
    baud: int | None
    devices: tuple[DevicePlan, ...]
    warnings: tuple[str, ...]

    @property
    def round_s(self) -> float:
        return sum(device.seconds for device in self.devices)

    @property
    def share(self) -> float:
        return sum(device.fast_seconds / device.period_s for device in self.devices)


def plan(config: EdgeConfig) -> list[BusPlan]:
    """The plan of every bus that has devices. Opens no connection."""
    return [_bus_plan(config, bus) for bus in config.bus if config.devices_on(bus)]


def _bus_plan(config: EdgeConfig, bus: Bus) -> BusPlan:
    wanted = config.devices_on(bus)
    _, drivers = open_bus(config, bus, wanted)
    devices = [_device_plan(config, bus, *pair) for pair in zip(wanted, drivers, strict=True)]
    draft = BusPlan(bus.name, None if _is_tcp(bus) else bus.baud, tuple(devices), ())
    return BusPlan(bus.name, draft.baud, draft.devices, tuple(_warnings(config, bus, draft)))


def _device_plan(config: EdgeConfig, bus: Bus, device: Device, driver: Driver) -> DevicePlan:
    protocol, modbus = config.protocol_of(device), driver.profile.modbus
    speed = None if _is_tcp(bus) else line_speed(config, bus, device)
    quiet_s = (bus.quiet_ms or 0) / 1000
    if speed:
        own_s = modbus.quiet_ms / 1000 if modbus else 0.0
        quiet_s = max(quiet_s, own_s, frame_gap_s(speed.baud))
    everything, fast = list(_frames(driver, ALL, protocol)), list(_frames(driver, FAST_ONLY, protocol))
    return DevicePlan(
        device.id,
        device.profile,
        protocol,
        str(config.unit_id_of(device)) if protocol.startswith("modbus") else device.address or "",
        str(speed) if speed else "",
        len(driver.profile.quantities()),
        len(everything),
        len(fast),
        sum(everything),
        sum(_seconds(size, speed, quiet_s) for size in everything),
        sum(_seconds(size, speed, quiet_s) for size in fast),
        device.fast_s or config.poll.fast_s,
    )


def _frames(driver: Driver, groups: frozenset[str], protocol: str) -> Iterator[int]:
    """Bytes of request and answer of every exchange of a read."""
    if isinstance(driver, ModbusDevice):
        per_byte = 2 if protocol == "modbus_ascii" else 1
        for request in driver.plan(groups).requests:
            yield per_byte * (_REQUEST_BYTES + _ANSWER_BYTES + request.block.byte_count)
        return
    from drivers.cjt188.device import Cjt188Device
    from drivers.dlt645.device import Dlt645Device

    if isinstance(driver, Dlt645Device):
        yield from (sum(sizes) for sizes in driver.meter.frames(groups))
    elif isinstance(driver, Cjt188Device):
        yield from (sum(sizes) for sizes in driver.meter.frames())


def _seconds(size: int, speed: SerialParameters | None, quiet_s: float) -> float:
    """Time of one exchange on the bus."""
    if speed is None:
        return _TURNAROUND_S + quiet_s
    return (size + _SILENCE_BYTES) * _BITS_A_BYTE / speed.baud + _TURNAROUND_S + quiet_s


def _warnings(config: EdgeConfig, bus: Bus, draft: BusPlan) -> list[str]:
    warnings = []
    if draft.share > 1:
        warnings.append(
            f"a round needs {draft.round_s:.1f} s, more than the period: "
            f"raise fast_s to {max(d.period_s for d in draft.devices) * draft.share / FULL_SHARE:.0f} s, "
            "or the baud rate"
        )
    elif draft.share > FULL_SHARE:
        warnings.append(f"{draft.share:.0%} of the bus's time is planned: no room for retries")
    if bus.timeout_s < 0.5 and not isinstance(bus, SerialBus) and bus.type == "rtu_over_tcp":
        warnings.append("serial servers often need a timeout of 1 s or more")
    for device in config.devices_on(bus):
        warnings += [f"{device.id}: {problem}" for problem in _device_warnings(config, bus, device)]
    return warnings


def _device_warnings(config: EdgeConfig, bus: Bus, device: Device) -> Iterator[str]:
    meter = config.meter_of(device)
    if meter is not None:
        speed = line_speed(config, bus, device)
        if isinstance(bus, SerialBus) and speed != meter.serial:
            yield f"read at {speed}, and such meters leave the factory with {meter.serial}"
        elif not isinstance(bus, SerialBus) and speed.baud != meter.serial.baud:
            yield f"the serial server must speak as the meter does, {meter.serial} from the factory"
        if meter.profile.kind == "heat" and device.flow_decimals is None:
            yield "without flow_decimals its flow is left out: makers differ, see its manual"
        return
    modbus = config.profile_of(device).modbus
    if modbus is None:
        return
    if not _is_tcp(bus) and "rtu" not in modbus.transports:
        yield f"{device.profile} is not known to speak RTU"
    if isinstance(bus, SerialBus) and modbus.serial and modbus.serial.parity != (device.parity or bus.parity):
        yield f"factory parity is {modbus.serial.parity}, the bus has {device.parity or bus.parity}"


def _is_tcp(bus: Bus) -> bool:
    return not isinstance(bus, SerialBus) and bus.type == "tcp"
