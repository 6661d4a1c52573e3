"""`beacon edge read`: what a device answers now, as a table with units."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from drivers import models
from drivers.driver import Driver
from drivers.errors import BeaconError, ConfigError, DeviceError, Problem
from drivers.frames.bus import line_bus
from drivers.modbus.device import ModbusDevice
from drivers.modbus.settings import RtuOverTcpSettings, SerialSettings, TcpSettings
from drivers.modbus.transport import ModbusBus
from drivers.profile import Profile, Serial
from drivers.quantity import quantity
from drivers.sample import Sample
from edge.config import ANY_ADDRESS
from edge.config_file import load
from edge.devices import Connection, meter_driver, open_bus

WATCH_S = 1.0
Opened = tuple[list[Driver], list[Connection]]


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
    address: str = ""


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


async def _watch(devices: list[Driver]) -> None:
    with Live(auto_refresh=False) as live:
        while True:
            live.update(_tables(devices, [await _read(device) for device in devices]), refresh=True)
            await asyncio.sleep(WATCH_S)


async def _read(device: Driver) -> Sample | DeviceError:
    try:
        return await device.read()
    except DeviceError as error:
        return error


def _configured(target: Target) -> Opened:
    assert target.config is not None
    config = load(target.config)
    devices: list[Driver] = []
    buses: list[Connection] = []
    for bus in config.bus:
        wanted = [d for d in config.devices_on(bus) if target.device in ("", d.id)]
        if not wanted:
            continue
        connection, drivers = open_bus(config, bus, wanted)
        buses.append(connection)
        devices += drivers
    if not devices:
        known = ", ".join(device.id for device in config.device)
        raise ConfigError([Problem(target.config.name, "device", f"no bus has {target.device!r}: {known}")])
    return devices, buses


def _single(target: Target) -> Opened:
    if not target.profile or not (target.host or target.serial):
        raise BeaconError("give edge.toml, or --profile with --host or --serial")
    model = models.load(target.profile)
    if models.protocol_of(model) == "mqtt":
        raise BeaconError(f"{target.profile} is no bus device")
    if isinstance(model, Profile):
        serial = (model.modbus.serial if model.modbus else None) or Serial()
        bus = ModbusBus(_settings(target, serial.baud, serial.parity, serial.stop_bits))
        return [ModbusDevice(model.name, model, target.unit, bus, _ratios(target.ratios))], [bus]
    settings = _settings(target, model.serial.baud, model.serial.parity, model.serial.stop_bits)
    if isinstance(settings, TcpSettings):
        raise BeaconError(f"{target.profile} needs --serial or --rtu-over-tcp")
    line = line_bus(settings)
    meter = replace(model, serial=replace(model.serial, baud=target.baud or model.serial.baud))
    address = target.address or ANY_ADDRESS
    return [meter_driver(target.profile, meter, address, line, _ratios(target.ratios))], [line]


def _settings(
    target: Target, baud: int, parity: str, stop_bits: int
) -> TcpSettings | RtuOverTcpSettings | SerialSettings:
    """What the target says, on top of the factory's settings of the model."""
    if target.serial:
        line = {"baud": target.baud or baud, "parity": parity, "stop_bits": stop_bits}
        return SerialSettings.model_validate({"port": target.serial, **line})
    if target.rtu_over_tcp:
        return RtuOverTcpSettings(host=target.host, port=target.port)
    return TcpSettings(host=target.host, port=target.port)


def _ratios(texts: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise BeaconError(f"--ratio {text}: write NAME=VALUE, such as ct_ratio=40") from None
    return found


def _tables(devices: list[Driver], answers: list[Sample | DeviceError]) -> Group:
    return Group(*(_table(device, answer) for device, answer in zip(devices, answers, strict=True)))


def _table(device: Driver, answer: Sample | DeviceError) -> Table | str:
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


def _json(device: Driver, answer: Sample | DeviceError) -> dict[str, object]:
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
