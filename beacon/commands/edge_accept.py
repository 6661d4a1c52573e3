"""`beacon edge accept`: a device's values against its display, and the signed-off sheet."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from beacon.language import chinese
from drivers.errors import BeaconError, ConfigError, DeviceError, Problem
from drivers.modbus.device import ModbusDevice
from drivers.modbus.settings import describe
from drivers.profile import Profile
from edge.commission.acceptance import Sheet, Verdict, compare
from edge.commission.place import Station, open_configured
from edge.commission.sheet import as_csv, as_html, result
from edge.commission.wiring import close_all, explain
from edge.config_file import load

_ASKED = ("active_energy_import_total", "heat_energy", "water_volume", "gas_volume", "active_power_total",
          "voltage_l1n", "current_l1", "supply_temperature", "return_temperature")  # fmt: skip
_MOST_MINUTES = 5.0  # between a look at the display and the read


def accept(
    path: Path, device: str, readings: tuple[str, ...], by: str, out: Path, note: str, *, as_json: bool
) -> None:
    """Raises ConfigError for an unknown device or quantity, BeaconError if the device does not answer, or if
    a value differs: then the sheet says so, too."""
    config = load(path)
    station = open_configured(path, device)[0]
    profile = station.driver.profile
    started = time.monotonic()
    displayed = _given(readings, profile) if readings else _ask(profile)
    if not displayed:
        raise BeaconError("nothing to compare: give --reading QUANTITY=VALUE")
    values, identity = asyncio.run(_read(station))
    assert station.section is not None
    meanwhile_h = _MOST_MINUTES / 60 if readings else (time.monotonic() - started + 30) / 3600
    sheet = Sheet(
        site=f"{config.site}/{config.edge}",
        building=config.building_of(station.section),
        device=device,
        profile=station.section.profile,
        model=f"{profile.vendor} {profile.model}",
        protocol=station.protocol,
        place=describe(station.settings),
        line=str(station.speed or ""),
        address=station.address,
        ratios=station.section.all_ratios(),
        identity=identity,
        sources=dict(profile.sources),
        confidence=tuple(dict.fromkeys(p.confidence for p in profile.points if p.quantity.name in displayed)),
        lines=compare(
            profile,
            displayed,
            values,
            _steps(profile, values, station.section.all_ratios()),
            _rise(profile, values, meanwhile_h),
        ),
        by=by,
        at=datetime.now().astimezone(),
        note=note,
    )
    files = _write(sheet, out)
    if as_json:
        document = asdict(sheet) | {"accepted": sheet.accepted, "files": [str(file) for file in files]}
        print(orjson.dumps(document).decode())
    else:
        _print(sheet, files)
    if not sheet.accepted:
        raise BeaconError(f"{device}: {result(sheet)[1 if chinese() else 0]}")


def _given(readings: tuple[str, ...], profile: Profile) -> dict[str, str]:
    """Readings by quantity. Raises ConfigError with every one that is wrong."""
    found: dict[str, str] = {}
    problems = []
    for text in readings:
        name, _, value = (part.strip() for part in text.partition("="))
        if name not in profile.quantities():
            problems.append(Problem("--reading", name, f"{profile.name} has no such quantity"))
        try:
            float(value)
        except ValueError:
            problems.append(Problem("--reading", name, f"{value!r} is no number: write {name}=12345.6"))
        found[name] = value
    if problems:
        raise ConfigError(problems)
    return found


def _ask(profile: Profile) -> dict[str, str]:
    """Ask a person at the terminal, counters first; an empty answer leaves a value out."""
    if not sys.stdin.isatty():
        return {}
    import typer

    found = {}
    words = "表显值，留空跳过" if chinese() else "on the display, empty to leave out"
    for name in (name for name in _ASKED if name in profile.quantities()):
        unit = next((p.quantity.unit for p in profile.points if p.quantity.name == name), "")
        while text := typer.prompt(f"{name} [{unit}] {words}", default="", show_default=False).strip():
            try:
                float(text)
            except ValueError:
                continue
            found[name] = text
            break
    return found


async def _read(station: Station) -> tuple[dict[str, float | None], dict[str, str | int]]:
    """(values, what the device says of itself). Raises BeaconError that says what may be wrong."""
    try:
        sample = await station.driver.read()
        identity = await station.driver.identify() if isinstance(station.driver, ModbusDevice) else {}
    except DeviceError as error:
        await close_all([station])
        told = [finding.zh if chinese() else finding.en for finding in await explain([station])]
        raise BeaconError("\n".join([str(error), *told])) from None
    finally:
        await close_all([station])
    return dict(zip(sample.fields, sample.values, strict=True)), identity


def _steps(
    profile: Profile, values: Mapping[str, float | None], ratios: Mapping[str, float]
) -> dict[str, float]:
    """Resolution of every register, in the unit of the value: transformer ratios make it coarser."""
    relative = {counter.quantity: counter.relative_resolution for counter in profile.counters}
    found = {}
    for point in profile.points:
        name = point.quantity.name
        times = math.prod(ratios.get(factor, 1.0) for factor in point.factors)
        found[name] = max(point.resolution * times, abs(values.get(name) or 0.0) * relative.get(name, 0.0))
    return found


def _rise(profile: Profile, values: Mapping[str, float | None], hours: float) -> dict[str, float]:
    """What counters may have counted since the look at the display, by the power that is drawn now."""
    electric = abs(values.get("active_power_total") or 0.0)
    thermal = abs(values.get("thermal_power") or 0.0)
    flow = abs(values.get("water_flow") or values.get("flow") or values.get("gas_flow") or 0.0)
    by_unit = {"kWh": max(electric, thermal), "m3": flow}
    units = {point.quantity.name: point.quantity.unit for point in profile.points}
    return {name: 1.5 * by_unit.get(unit, 0.0) * hours for name, unit in units.items()}


def _write(sheet: Sheet, out: Path) -> list[Path]:
    """The sheet as CSV, and as PDF, or as HTML where WeasyPrint is not installed."""
    name = f"acceptance-{sheet.device}-{sheet.at:%Y%m%d-%H%M%S}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        table = out / f"{name}.csv"
        table.write_text(as_csv(sheet), "utf-8", newline="")
        return [table, _page(as_html(sheet), out / name)]
    except OSError as error:
        raise BeaconError(f"{out}: the sheet cannot be written: {error.strerror}") from None


def _page(text: str, base: Path) -> Path:
    try:
        from weasyprint import HTML
    except (ImportError, OSError):  # the package, or a library of the system that it needs
        page = base.with_suffix(".html")
        page.write_text(text, "utf-8")
        return page
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    page = base.with_suffix(".pdf")
    page.write_bytes(HTML(string=text).write_pdf())
    return page


def _print(sheet: Sheet, files: list[Path]) -> None:
    console, colours = Console(), {Verdict.AGREES: "green", Verdict.DIFFERS: "red", Verdict.ABSENT: "yellow"}
    table = Table(title=f"{sheet.device}: {sheet.model}", title_justify="left")
    table.add_column("quantity", no_wrap=True)
    for heading in ("display", "read", "tolerance", "unit", "verdict"):
        table.add_column(heading, justify="right" if heading in ("display", "read", "tolerance") else "left")
    for line in sheet.lines:
        read = "absent" if line.read is None else f"{line.read:,.12g}"
        verdict = f"[{colours[line.verdict]}]{line.verdict}[/]"
        table.add_row(
            line.quantity, f"{line.display:,.12g}", read, f"{line.tolerance:.3g}", line.unit, verdict
        )
    console.print(table)
    for line in sheet.lines:
        if line.hint:
            console.print(f"{line.quantity}: {line.hint}", markup=False)
    console.print(result(sheet)[1 if chinese() else 0])
    for file in files:
        console.print(str(file), soft_wrap=True, markup=False)
