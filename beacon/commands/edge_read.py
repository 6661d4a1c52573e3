"""`beacon edge read`: what a device answers now, and what is wrong if it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from beacon.commands.edge_ratio import ratios
from beacon.language import chinese
from drivers.diagnosis import Finding
from drivers.errors import BeaconError, DeviceError
from drivers.plausibility import Mark, marks, score
from drivers.quantity import quantity
from drivers.sample import Sample
from edge.commission.place import Place, Station, open_configured, open_device
from edge.commission.wiring import close_all, explain

WATCH_S = 1.0
_BELIEVED = 0.7
_MARKS = {Mark.GOOD: "[green]✓[/]", Mark.ODD: "[yellow]?[/]", Mark.WRONG: "[red]✗[/]"}


@dataclass(frozen=True, slots=True)
class Target:
    """What to read: devices of a configuration, or one device by profile and address."""

    config: Path | None
    device: str
    profile: str
    place: Place
    unit: int
    address: str
    ratios: tuple[str, ...]

    def stations(self) -> list[Station]:
        """Raises ConfigError, or BeaconError where the place is missing."""
        if self.config:
            return open_configured(self.config, self.device)
        if not self.profile:
            raise BeaconError("give edge.toml, or --profile with --host or --serial")
        return [open_device(self.place, self.profile, self.unit, self.address, ratios(self.ratios))]


@dataclass(frozen=True, slots=True)
class Answer:
    """sample: or the error instead. words: of Modbus devices."""

    station: Station
    sample: Sample | None
    error: str
    words: Mapping[tuple[int, int], int]

    @property
    def good(self) -> bool:
        """Whether there are values, and they can be true together."""
        return self.sample is not None and score(self.values) >= _BELIEVED

    @property
    def values(self) -> dict[str, float | None]:
        """The values by name, absent ones included."""
        if self.sample is None:
            return {}
        return dict(zip(self.sample.fields, self.sample.values, strict=True))


def show(target: Target, *, watch: bool, raw: bool, as_json: bool) -> None:
    """Print one reading of every device, or go on until Ctrl-C. Exit code 1 if none answered."""
    logging.getLogger("drivers").setLevel(logging.ERROR)  # what is refused stands in the table
    asyncio.run(_show(target, watch=watch, raw=raw, as_json=as_json))


async def _show(target: Target, *, watch: bool, raw: bool, as_json: bool) -> None:
    stations = target.stations()
    try:
        if watch:
            await _watch(stations, raw)
            return
        answers = [await read(station) for station in stations]
    finally:
        await close_all(stations)
    doubtful = [answer for answer in answers if answer.sample is None or _judged_bad(answer)]
    findings = await explain(stations) if doubtful else []
    if as_json:
        print(orjson.dumps([_json(answer, findings) for answer in answers]).decode())
    else:
        console = Console()
        console.print(_tables(answers, raw))
        _print_findings(console, findings)
    if all(answer.sample is None for answer in answers):
        raise BeaconError("no device answered")


async def _watch(stations: Sequence[Station], raw: bool) -> None:
    with Live(auto_refresh=False) as live:
        while True:
            live.update(_tables([await read(station) for station in stations], raw), refresh=True)
            await asyncio.sleep(WATCH_S)


async def read(station: Station) -> Answer:
    """One reading of one device, never an exception."""
    if station.memory is not None:
        station.memory.memory.words.clear()
        station.memory.memory.refused.clear()
        station.memory.memory.functions_refused.clear()
    try:
        sample = await station.driver.read()
    except DeviceError as error:
        return Answer(station, None, str(error), {})
    words = dict(station.memory.memory.words) if station.memory else {}
    return Answer(station, sample, "", words)


def _judged_bad(answer: Answer) -> bool:
    """Whether there was something to judge, and it speaks against the device."""
    return bool(marks(answer.values)) and not answer.good


def _tables(answers: Sequence[Answer], raw: bool) -> Group:
    return Group(*(_table(answer, raw) for answer in answers))


def _table(answer: Answer, raw: bool) -> Table | str:
    station = answer.station
    if answer.sample is None:
        return f"[red]{answer.error}[/]"
    driver, found = station.driver, marks(answer.values)
    table = Table(
        title=f"{driver.device_id}: {driver.profile.vendor} {driver.profile.model}", title_justify="left"
    )
    table.add_column("quantity")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("")
    if raw:
        table.add_column("register")
        table.add_column("raw")
    registers = _registers(answer) if raw else {}
    for name, value in answer.values.items():
        shown = "absent" if value is None else f"{value:,.12g}"
        cells = [name, shown, quantity(name).unit, _MARKS[found[name]] if name in found else ""]
        table.add_row(*cells, *(registers.get(name, ("", "")) if raw else ()))
    for refused in driver.refused:
        table.add_row(f"[yellow]refused: {refused}[/]")
    return table


def _registers(answer: Answer) -> dict[str, tuple[str, str]]:
    """Quantity -> (function:address, words in hex), as far as its registers were read."""
    found = {}
    for point in answer.station.driver.profile.points:
        where, words = [], []
        for cell in point.cells:
            where.append(f"{cell.function}:{cell.address}")
            places = [(cell.function, address) for address in range(cell.address, cell.end)]
            words.append(" ".join(f"{answer.words[p]:04X}" if p in answer.words else "····" for p in places))
        if words:
            found[point.quantity.name] = ("+".join(where), " + ".join(words))
    return found


def _print_findings(console: Console, findings: Sequence[Finding]) -> None:
    in_chinese = chinese()
    for finding in findings:
        console.print(f"• {finding.zh if in_chinese else finding.en}", markup=False)


def _json(answer: Answer, findings: Sequence[Finding]) -> dict[str, object]:
    station = answer.station
    told = [
        {"cause": finding.cause, "weight": finding.weight, "en": finding.en, "zh": finding.zh}
        for finding in findings
        if finding.address in ("", station.label)
    ]
    if answer.sample is None:
        return {"device": station.driver.device_id, "error": answer.error, "findings": told}
    return {
        "device": station.driver.device_id,
        "at": answer.sample.at,
        "status": int(answer.sample.status),
        "values": answer.sample.present(),
        "absent": [name for name, value in answer.values.items() if value is None],
        "marks": marks(answer.values),
        "raw": {name: words for name, (_, words) in _registers(answer).items()} if answer.words else {},
        "refused": station.driver.refused,
        "findings": told,
    }
