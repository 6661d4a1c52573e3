"""`beacon edge read`: what a device answers now, as a table with units."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from drivers import profile as profiles
from drivers.errors import BeaconError, ConfigError, DeviceError, Problem
from drivers.modbus.device import ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.quantity import quantity
from drivers.sample import Sample
from edge.assembly import bus_settings
from edge.config_file import load

WATCH_S = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """What to read: devices of a configuration, or one device by profile and address."""

    config: Path | None
    device: str
    profile: str
    host: str
    port: int
    serial: str
    baud: int
    unit: int
    rtu_over_tcp: bool
    ratios: tuple[str, ...]


def show(target: Target, *, watch: bool, as_json: bool) -> None:
    """Print one reading of every device, or go on until Ctrl-C. Exit code 1 if none answered."""
    asyncio.run(_show(target, watch=watch, as_json=as_json))


async def _show(target: Target, *, watch: bool, as_json: bool) -> None:
    devices, buses = _configured(target) if target.config else _single(target)
    try:
        if watch:
            await _watch(devices)
            return
        answers = [await _read(device) for device in devices]
        if as_json:
            rows = [_json(device, answer) for device, answer in zip(devices, answers, strict=True)]
            print(orjson.dumps(rows).decode())
        else:
            Console().print(_tables(devices, answers))
    finally:
        for bus in buses:
            await bus.aclose()
    if all(isinstance(answer, DeviceError) for answer in answers):
        raise BeaconError("no device answered")


async def _watch(devices: list[ModbusDevice]) -> None:
    with Live(auto_refresh=False) as live:
        while True:
            live.update(_tables(devices, [await _read(device) for device in devices]), refresh=True)
            await asyncio.sleep(WATCH_S)


async def _read(device: ModbusDevice) -> Sample | DeviceError:
    try:
        return await device.read()
    except DeviceError as error:
        return error


def _configured(target: Target) -> tuple[list[ModbusDevice], list[ModbusBus]]:
    assert target.config is not None
    config = load(target.config)
    devices, buses = [], []
    for bus in config.bus:
        wanted = [d for d in config.devices_on(bus) if target.device in ("", d.id)]
        if not wanted:
            continue
        connection = ModbusBus(bus_settings(bus))
        buses.append(connection)
        for device in wanted:
            profile, unit_id = config.profile_of(device), config.unit_id_of(device)
            devices.append(ModbusDevice(device.id, profile, unit_id, connection, device.all_ratios()))
    if not devices:
        known = ", ".join(device.id for device in config.device)
        raise ConfigError([Problem(target.config.name, "device", f"no bus has {target.device!r}: {known}")])
    return devices, buses


def _single(target: Target) -> tuple[list[ModbusDevice], list[ModbusBus]]:
    if not target.profile or not (target.host or target.serial):
        raise BeaconError("give edge.toml, or --profile with --host or --serial")
    profile = profiles.load(target.profile)
    if profile.modbus is None:
        raise BeaconError(f"{profile.name} is no Modbus device")
    settings: TcpSettings | RtuOverTcpSettings | SerialSettings
    if target.serial:
        line = profile.modbus.serial or profiles.Serial()
        settings = SerialSettings.model_validate(
            {
                "port": target.serial,
                "baud": target.baud or line.baud,
                "parity": line.parity,
                "stop_bits": line.stop_bits,
            }
        )
    elif target.rtu_over_tcp:
        settings = RtuOverTcpSettings(host=target.host, port=target.port)
    else:
        settings = TcpSettings(host=target.host, port=target.port)
    bus = ModbusBus(settings)
    return [ModbusDevice(profile.name, profile, target.unit, bus, _ratios(target.ratios))], [bus]


def _ratios(texts: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise BeaconError(f"--ratio {text}: write NAME=VALUE, such as ct_ratio=40") from None
    return found


def _tables(devices: list[ModbusDevice], answers: list[Sample | DeviceError]) -> Group:
    return Group(*(_table(device, answer) for device, answer in zip(devices, answers, strict=True)))


def _table(device: ModbusDevice, answer: Sample | DeviceError) -> Table | str:
    if isinstance(answer, DeviceError):
        return f"[red]{answer}[/]"
    table = Table(title=f"{device.device_id}: {device.profile.vendor} {device.profile.model}")
    table.add_column("quantity")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for name, value in zip(answer.fields, answer.values, strict=True):
        table.add_row(name, "absent" if value is None else f"{value:,.12g}", quantity(name).unit)
    for refused in device.refused:
        table.add_row(f"[yellow]refused: {refused}[/]", "", "")
    return table


def _json(device: ModbusDevice, answer: Sample | DeviceError) -> dict[str, object]:
    if isinstance(answer, DeviceError):
        return {"device": device.device_id, "error": str(answer)}
    return {
        "device": device.device_id,
        "at": answer.at,
        "status": int(answer.status),
        "values": answer.present(),
        "absent": [n for n, v in zip(answer.fields, answer.values, strict=True) if v is None],
        "refused": device.refused,
    }
