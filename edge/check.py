"""What a configuration will do to its buses, computed before anything is connected."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.modbus.device import ModbusDevice
from drivers.modbus.transport import ModbusBus
from drivers.profile import ALL
from edge.assembly import bus_settings
from edge.config import Bus, EdgeConfig, SerialBus
from edge.schedule import FAST_ONLY

# Frames of Modbus RTU, in bytes: request 8, answer 5 and two a register; silence 3.5 characters each.
_REQUEST_BYTES, _ANSWER_BYTES, _SILENCE_BYTES = 8, 5, 7
_BITS_A_BYTE = 11
_TURNAROUND_S = 0.02  # of a common meter; behind TCP the network's round trip
FULL_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device's reads. bytes: both directions; seconds: of its bus."""

    id: str
    profile: str
    unit_id: int
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
    connection = ModbusBus(bus_settings(bus))
    baud = None if not isinstance(bus, SerialBus) and bus.type == "tcp" else bus.baud
    devices = []
    for device in config.devices_on(bus):
        profile = config.profile_of(device)
        driver = ModbusDevice(device.id, profile, config.unit_id_of(device), connection, device.all_ratios())
        everything, fast = driver.plan(ALL).requests, driver.plan(FAST_ONLY).requests
        quiet_s = max(bus.quiet_ms or 0, profile.modbus.quiet_ms if profile.modbus and baud else 0) / 1000
        blocks, fast_blocks = [r.block for r in everything], [r.block for r in fast]
        devices.append(
            DevicePlan(
                device.id,
                profile.name,
                driver.unit_id,
                len(profile.quantities()),
                len(blocks),
                len(fast_blocks),
                sum(_REQUEST_BYTES + _ANSWER_BYTES + 2 * block.count for block in blocks),
                sum(_seconds(block.count, baud, quiet_s) for block in blocks),
                sum(_seconds(block.count, baud, quiet_s) for block in fast_blocks),
                device.fast_s or config.poll.fast_s,
            )
        )
    draft = BusPlan(bus.name, baud, tuple(devices), ())
    return BusPlan(bus.name, baud, draft.devices, tuple(_warnings(config, bus, draft)))


def _seconds(count: int, baud: int | None, quiet_s: float) -> float:
    """Time of one request on the bus."""
    if baud is None:
        return _TURNAROUND_S + quiet_s
    size = _REQUEST_BYTES + _ANSWER_BYTES + _SILENCE_BYTES + 2 * count
    return size * _BITS_A_BYTE / baud + _TURNAROUND_S + quiet_s


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
        modbus = config.profile_of(device).modbus
        if modbus is None:
            continue
        transport = "tcp" if not isinstance(bus, SerialBus) and bus.type == "tcp" else "rtu"
        if transport == "rtu" and "rtu" not in modbus.transports:
            warnings.append(f"{device.id}: {device.profile} is not known to speak RTU")
        if isinstance(bus, SerialBus) and modbus.serial and modbus.serial.parity != bus.parity:
            warnings.append(
                f"{device.id}: factory parity is {modbus.serial.parity}, the bus has {bus.parity}"
            )
    return warnings
