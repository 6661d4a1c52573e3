"""Simulated devices that publish JSON by themselves: a Tasmota plug and a heat pump behind a gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import aiomqtt
import orjson

from drivers.simulate.physics import Values

Payload = Callable[[str, Values, float], tuple[str, dict[str, Any]]]
"""(device, its values, Unix seconds) -> topic and document."""

CHINA = timezone(timedelta(hours=8))


@dataclass(slots=True)
class MqttSimulated:
    """One publishing device. served: messages that the broker has taken."""

    name: str
    load: Values
    payload: Payload
    served: int = 0


def tasmota(name: str, load: Values, at_s: float) -> tuple[str, dict[str, Any]]:
    """A SENSOR message as Tasmota sends it: local time without a zone, single-phase numbers."""

    def shown(quantity: str, digits: int) -> float:
        return round(load.value(quantity, at_s), digits)

    local = datetime.fromtimestamp(at_s, UTC).astimezone(CHINA)
    watts = 1000 * load.value("active_power_total", at_s)
    voltage, factor = shown("voltage_l1n", 0), shown("power_factor_total", 2)
    energy = {
        "Total": shown("active_energy_import_total", 3),
        "Power": round(watts),
        "ApparentPower": round(watts / factor),
        "Factor": factor,
        "Voltage": voltage,
        "Current": round(watts / voltage / factor, 3),
    }
    return f"tele/{name}/SENSOR", {"Time": f"{local:%Y-%m-%dT%H:%M:%S}", "ENERGY": energy}


def heat_pump(name: str, load: Values, at_s: float) -> tuple[str, dict[str, Any]]:
    """The state message of profiles/demo_mqtt_heat_pump.toml."""

    def shown(quantity: str, digits: int, scale: float = 1.0) -> float:
        return round(load.value(quantity, at_s) * scale, digits)

    return f"heat-pump/{name}/state", {
        "time": int(at_s * 1000),
        "electric": {
            "energy": shown("electric_energy_total", 3),
            "power": shown("electric_power_input", 0, 1000),
        },
        "heat": {"energy": shown("heat_energy_total", 3), "power": shown("thermal_power", 0, 1000)},
        "water": {
            "supply": shown("supply_temperature", 2),
            "return": shown("return_temperature", 2),
            "flow": shown("flow", 1, 1000 / 60),
        },
        "outdoor": shown("outdoor_temperature", 1),
        "compressor": {"frequency": shown("compressor_frequency", 0)},
    }


PAYLOADS: dict[str, Payload] = {"electricity": tasmota, "heat_pump": heat_pump}
"""By the device's kind."""


async def publish(
    devices: Sequence[MqttSimulated],
    host: str,
    port: int,
    period_s: float,
    clock: Callable[[], float] = time.time,
) -> None:
    """Publish every device's message each period until cancelled."""
    async with aiomqtt.Client(host, port, identifier="demo-devices", timeout=10) as client:
        while True:
            for device in devices:
                topic, document = device.payload(device.name, device.load, clock())
                await client.publish(topic, orjson.dumps(document), qos=1)
                device.served += 1
            await asyncio.sleep(period_s)
