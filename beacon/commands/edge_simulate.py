"""`beacon edge simulate`: devices of any profile on loopback, for tests without meters."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from drivers import models
from drivers.errors import BeaconError
from drivers.frames.serve import pseudo_terminal, tcp_server
from drivers.profile import Profile
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.line import MixedLine, simulated
from drivers.simulate.server import SimulatedBus

if TYPE_CHECKING:
    from drivers.models import Meter

_DIGITS = {"cjt188": 14}


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
    units: dict[int, SimulatedDevice] = {}
    meters: dict[str, Meter] = {}
    told = []
    for number, name in enumerate(names, start=1):
        model = models.load(name)
        if not isinstance(model, Profile):
            address = str(number).zfill(_DIGITS.get(model.protocol, 12))
            meters[address] = model
            told.append(f"address {address}: {name}, {model.serial}")
        elif model.modbus is None:
            raise BeaconError(f"{name} is no bus device")
        else:
            units[number] = SimulatedDevice(model)
            told.append(f"unit {number}: {name}")
    if meters and (tcp is not None or baud):
        raise BeaconError("DL/T 645 and CJ/T 188 meters go with --rtu-over-tcp or --serial, without --baud")
    async with AsyncExitStack() as stack:
        if meters:
            line = MixedLine(units, [simulated(meter, address) for address, meter in meters.items()])
            if rtu_over_tcp is not None:
                port = await stack.enter_async_context(tcp_server(line.answer, host, rtu_over_tcp))
                print(f"serial line over TCP on {host}:{port}", flush=True)
            if serial:
                print(
                    f"serial line on {await stack.enter_async_context(pseudo_terminal(line.answer))}",
                    flush=True,
                )
        else:
            await _modbus(stack, units, host, tcp, rtu_over_tcp, serial, baud)
        print("\n".join(f"  {line}" for line in told), flush=True)
        await asyncio.Event().wait()


async def _modbus(
    stack: AsyncExitStack,
    units: dict[int, SimulatedDevice],
    host: str,
    tcp: int | None,
    rtu_over_tcp: int | None,
    serial: bool,
    baud: int,
) -> None:
    if tcp is not None:
        bus = await stack.enter_async_context(SimulatedBus(units, "tcp", host, tcp))
        print(f"Modbus TCP on {host}:{bus.port}", flush=True)
    if rtu_over_tcp is not None:
        bus = await stack.enter_async_context(SimulatedBus(units, "rtu", host, rtu_over_tcp, baud))
        print(f"RTU over TCP on {host}:{bus.port}", flush=True)
    if serial:
        bus = SimulatedBus(units, "rtu", baud=baud)
        stack.push_async_callback(bus.aclose)
        print(f"RTU on {await bus.start_serial()}", flush=True)
