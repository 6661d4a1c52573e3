"""Every Modbus profile: simulator, real socket or pseudo-terminal, driver, the values that were served."""

from __future__ import annotations

import pytest

from drivers.modbus.device import ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import load, names
from drivers.sample import Status
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus

NOON = 1_767_225_600.0
MODBUS = [name for name in names() if load(name).modbus]


async def read_all(name: str, way: str) -> tuple[SimulatedDevice, dict[str, float], Status]:
    profile = load(name)
    simulated = SimulatedDevice(profile, clock=lambda: NOON)
    served = SimulatedBus({7: simulated}, "tcp" if way == "tcp" else "rtu")
    settings: TcpSettings | RtuOverTcpSettings | SerialSettings
    if way == "serial":
        settings = SerialSettings(port=await served.start_serial(), quiet_s=0)
    else:
        await served.start()
        settings = TcpSettings(host=served.host, port=served.port)
        if way == "rtu_over_tcp":
            settings = RtuOverTcpSettings(host=served.host, port=served.port)
    bus = ModbusBus(settings)
    try:
        ratios = dict.fromkeys(profile.installer_ratios, 1.0)
        device = ModbusDevice("meter", profile, 7, bus, ratios)
        device._quiet_s = 0
        sample = await device.read()
    finally:
        await bus.aclose()
        await served.aclose()
    assert len(sample.fields) == len(profile.points), device.refused
    return simulated, sample.present(), sample.status


@pytest.mark.parametrize("way", ["tcp", "rtu_over_tcp", "serial"])
@pytest.mark.parametrize("name", MODBUS)
async def test_driver_reads_what_the_simulator_serves(name: str, way: str) -> None:
    simulated, values, status = await read_all(name, way)
    assert status is Status.GOOD
    for point in simulated.profile.points:
        served = simulated.value(point.quantity.name)
        served = served if point.modulus is None else served % point.modulus
        step = max(abs(weight) for _, weight in point.terms) / point.denominator
        tolerance = (
            1e-6 * abs(served) + (step if "f" not in point.terms[0][0].type else 1e-6) + 10.0**-point.digits
        )
        assert values[point.quantity.name] == pytest.approx(served, abs=tolerance), point.quantity.name
