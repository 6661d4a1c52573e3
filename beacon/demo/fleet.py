"""The live fleet: simulated devices on loopback and the edge.toml that reads them.

One Modbus TCP gateway a building, one RS-485 line behind a serial server (RTU over TCP) with three
meters on it, and two devices that publish JSON over MQTT.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import tomlkit

from beacon.demo.broker import HOST, free_port
from beacon.demo.devices import Device, devices, slot_of
from beacon.demo.history import first_slot
from beacon.demo.live import LiveLoad, live_loads
from beacon.demo.mqtt_devices import PAYLOADS, MqttSimulated, publish
from beacon.demo.scenario import DEAD_DEVICE, SCENARIOS
from collector.registry import Registry
from drivers import profile as profiles
from drivers.profile import Profile
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus

SITE, EDGE = "demo", "pi-01"
POLL_S = 5
LINE_BAUD = 9600
SERIAL_LINE = ("stone-light", "stone-hvac", "stone-power")
PROFILES = {
    "electricity": "abb_b23",
    "heat": "sontex_supercal",
    "heat_pump": "lambda_eu_l",
    "water": "seametrics_imag4700",
    "gas": "demo_gas_meter",
}
OWN_PROFILES = dict.fromkeys(SERIAL_LINE, "eastron_sdm630") | {
    "stone-plug": "tasmota",
    "tide-heat-pump": "demo_mqtt_heat_pump",
}
MAIN_PROFILE = "schneider_pm5000"
RATIOS: dict[str, dict[str, float]] = {"seametrics_imag4700": {"volume_unit": 1.0, "flow_unit": 1.0}}
"""What the installer states about a device of these profiles: here m³ and m³/h."""


@dataclass(frozen=True, slots=True)
class Line:
    """One bus with its devices by unit id; devices that publish by themselves have no line."""

    name: str
    type: Literal["tcp", "rtu_over_tcp"]
    port: int
    devices: dict[int, Device]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is read where. broker_port: the embedded broker, for the edge and for MQTT devices alike."""

    lines: tuple[Line, ...]
    mqtt: tuple[Device, ...]
    profiles: Path
    broker_port: int


def plan(registry: Registry, own_profiles: Path, broker_port: int) -> Plan:
    """Give every device of the registry a line and a unit id, every line a free port."""
    lines: list[Line] = []
    mqtt: list[Device] = []
    serial: list[Device] = []
    for building in registry.buildings.values():
        cabled: list[Device] = []
        for device in devices(building):
            if _profile_of(device, own_profiles).mqtt is not None:
                mqtt.append(device)
            else:
                (serial if device.name in SERIAL_LINE else cabled).append(device)
        prefix = cabled[0].name.split("-")[0]
        lines.append(Line(f"{prefix}-gateway", "tcp", free_port(), dict(enumerate(cabled, 1))))
    lines.append(Line("stone-rs485", "rtu_over_tcp", free_port(), dict(enumerate(serial, 11))))
    return Plan(tuple(lines), tuple(mqtt), own_profiles, broker_port)


def edge_toml(plan: Plan, spool: Path) -> str:
    """The edge's configuration: what a technician would have written for these devices."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by the demo: every device here is simulated on this machine."))
    document.update({"site": SITE, "edge": EDGE, "clock": "trusted", "profiles": str(plan.profiles)})
    document["uplink"] = {
        "host": HOST, "port": plan.broker_port, "tls": False, "protocol": "3.1.1", "status_s": 5,
    }  # fmt: skip
    document["spool"] = {"path": str(spool), "flush_s": 0.5}
    document["poll"] = {"fast_s": POLL_S, "slow_s": 60}
    document["status"] = {"port": 0}
    document["bus"] = [
        {"name": line.name, "type": line.type, "host": HOST, "port": line.port} for line in plan.lines
    ]
    document["device"] = [
        _entry(device) | {"bus": line.name, "unit_id": unit_id}
        for line in plan.lines
        for unit_id, device in line.devices.items()
    ]
    document["mqtt_source"] = [
        {
            "name": "house-broker",
            "host": HOST,
            "port": plan.broker_port,
            "device": [_entry(device) | {"topic": device.name} for device in plan.mqtt],
        }
    ]
    return tomlkit.dumps(document)


@dataclass
class Fleet:
    """Running simulators."""

    buses: list[SimulatedBus]
    publishing: list[MqttSimulated]
    _stack: AsyncExitStack = field(repr=False)

    @property
    def served(self) -> dict[str, int]:
        """Requests answered and messages published so far, by kind of line."""
        return {
            "modbus_requests": sum(device.reads for bus in self.buses for device in bus.devices.values()),
            "mqtt_messages": sum(device.served for device in self.publishing),
        }

    async def aclose(self) -> None:
        await self._stack.aclose()


async def start_fleet(plan: Plan, registry: Registry, now: int) -> Fleet:
    """Serve every device from where the past written for `now` (ms UTC) ends."""
    loads = await asyncio.to_thread(_loads, registry, now)
    stack = AsyncExitStack()
    fleet = Fleet([], [], stack)
    try:
        for line in plan.lines:
            simulated = {
                unit_id: SimulatedDevice(
                    _profile_of(device, plan.profiles),
                    loads[device.name],
                    ratios=RATIOS.get(_profile_name(device)),
                )
                for unit_id, device in line.devices.items()
            }
            for unit_id, device in line.devices.items():
                simulated[unit_id].faults.dead = device.name == DEAD_DEVICE
            framing: Literal["tcp", "rtu"] = "tcp" if line.type == "tcp" else "rtu"
            baud = 0 if line.type == "tcp" else LINE_BAUD
            bus = SimulatedBus(simulated, framing, HOST, line.port, baud)
            fleet.buses.append(await stack.enter_async_context(bus))
        for device in plan.mqtt:
            fleet.publishing.append(MqttSimulated(device.name, loads[device.name], PAYLOADS[device.kind]))
        talk = publish(fleet.publishing, HOST, plan.broker_port, POLL_S)
        stack.push_async_callback(_cancel, asyncio.create_task(talk, name="demo mqtt devices"))
    except BaseException:
        await stack.aclose()
        raise
    return fleet


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _loads(registry: Registry, now: int) -> dict[str, LiveLoad]:
    slots = np.arange(first_slot(now), slot_of(now), dtype=np.int64)
    return {
        name: load
        for building in registry.buildings.values()
        for name, load in live_loads(building, SCENARIOS[building.id], slots).items()
    }


def _entry(device: Device) -> dict[str, object]:
    entry: dict[str, object] = {"id": device.name, "profile": _profile_name(device)}
    ratios = RATIOS.get(_profile_name(device))
    return entry | {"building": device.building} | ({"ratios": ratios} if ratios else {})


def _profile_name(device: Device) -> str:
    if "-main" in device.name:
        return MAIN_PROFILE
    return OWN_PROFILES.get(device.name, PROFILES[device.kind])


def _profile_of(device: Device, own: Path) -> Profile:
    return profiles.load(_profile_name(device), own)
