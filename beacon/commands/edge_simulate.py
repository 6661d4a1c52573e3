"""`beacon edge simulate`: devices of any profile on loopback, for tests without meters."""

from __future__ import annotations

import asyncio

from drivers import profile as profiles
from drivers.errors import BeaconError
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus


def serve(
    names: list[str], *, host: str, tcp: int | None, rtu_over_tcp: int | None, serial: bool, baud: int
) -> None:
    """Serve until Ctrl-C. Raises BeaconError if there is nowhere to serve, ConfigError for a profile."""
    if tcp is None and rtu_over_tcp is None and not serial:
        raise BeaconError("give --tcp PORT, --rtu-over-tcp PORT or --serial")
    try:
        asyncio.run(_serve(names, host, tcp, rtu_over_tcp, serial, baud))
    except KeyboardInterrupt:
        return
    except OSError as error:
        raise BeaconError(f"cannot listen: {error}") from None


async def _serve(
    names: list[str], host: str, tcp: int | None, rtu_over_tcp: int | None, serial: bool, baud: int
) -> None:
    devices = {unit: SimulatedDevice(profiles.load(name)) for unit, name in enumerate(names, start=1)}
    buses = []
    if tcp is not None:
        bus = SimulatedBus(devices, "tcp", host, tcp)
        await bus.start()
        buses.append(bus)
        print(f"Modbus TCP on {host}:{bus.port}", flush=True)
    if rtu_over_tcp is not None:
        bus = SimulatedBus(devices, "rtu", host, rtu_over_tcp, baud)
        await bus.start()
        buses.append(bus)
        print(f"RTU over TCP on {host}:{bus.port}", flush=True)
    if serial:
        bus = SimulatedBus(devices, "rtu", baud=baud)
        print(f"RTU on {await bus.start_serial()}", flush=True)
        buses.append(bus)
    for unit, name in enumerate(names, start=1):
        print(f"  unit {unit}: {name}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        for bus in buses:
            await bus.aclose()
