"""Load the building registry from TOML and CSV files, every problem of every file at once.

TOML: `[[building]]` with `[[building.meter]]`, and `[[region]]`.
CSV, told apart by the header: buildings (a column `id`; `edges` separated by `;`, occupancy in
columns such as `occupancy.people`), meters (columns `building` and `name`; `plus` and `minus`
separated by `;`), regions (a column `code`). An empty cell is a key that is left out.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from collector.registry import Building, Meter, Registry
from collector.registry_check import building_findings
from collector.registry_entry import BuildingEntry, MeterEntry, RegionEntry, Strict, problems_of
from drivers.carrier import item_code
from drivers.errors import ConfigError, Problem

MAX_FILE_BYTES = 256 * 1024 * 1024
_LISTS = frozenset({"edges", "plus", "minus"})
_TABLES = frozenset({"building", "region"})

Entry = TypeVar("Entry", bound=Strict)


@dataclass(slots=True)
class _Collected:
    """What the files say, each thing with the file that says it."""

    buildings: dict[str, tuple[str, Building]] = field(default_factory=dict)
    meters: list[tuple[str, str, str, Meter]] = field(default_factory=list)  # file, place, building, meter
    regions: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load_registry(paths: Sequence[Path | str]) -> Registry:
    """The registry of all files together. Raises ConfigError with everything that is wrong in them."""
    collected = _Collected(regions=dict(known_regions()))
    for path in paths:
        _load_file(Path(path), collected)
    _attach_meters(collected)
    for file, building in collected.buildings.values():
        collected.problems += [
            Problem(file, f"{building.id}.{key}", problem)
            for key, problem in building_findings(building, collected.regions)
        ]
    if not collected.buildings and not collected.problems:
        names = ", ".join(str(path) for path in paths) or "registry"
        collected.problems.append(Problem(names, "building", "there is no building"))
    if collected.problems:
        raise ConfigError(collected.problems)
    buildings = {
        id_: _with_item_codes(building) for id_, (_, building) in sorted(collected.buildings.items())
    }
    return Registry(buildings, collected.regions)


@cache
def known_regions() -> Mapping[str, tuple[str, str]]:
    """Region code -> (zh, en) as the package knows them."""
    text = resources.files("collector").joinpath("regions.toml").read_text("utf-8")
    return {code: (zh, en) for code, (zh, en) in tomllib.loads(text)["names"].items()}


def _load_file(path: Path, collected: _Collected) -> None:
    file = str(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            collected.problems.append(Problem(file, "", f"is larger than {MAX_FILE_BYTES} bytes"))
            return
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        collected.problems.append(Problem(file, "", f"cannot be read: {error.strerror}"))
        return
    except UnicodeDecodeError as error:
        collected.problems.append(Problem(file, "", f"is not UTF-8: byte {error.start}"))
        return
    if path.suffix.lower() == ".csv":
        _load_csv(file, text, collected)
    else:
        _load_toml(file, text, collected)


def _load_toml(file: str, text: str, collected: _Collected) -> None:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        collected.problems.append(Problem(file, "", f"is not TOML: {error}"))
        return
    for key in tables.keys() - _TABLES:
        collected.problems.append(
            Problem(file, key, "unknown key; a registry has [[building]] and [[region]]")
        )
    for name in _TABLES & tables.keys():
        if not isinstance(tables[name], list) or not all(isinstance(each, dict) for each in tables[name]):
            collected.problems.append(Problem(file, name, f"write [[{name}]], not [{name}]"))
            continue
        for number, entry in enumerate(tables[name], 1):
            key = str(entry.get("id") or entry.get("code") or f"{name} {number}")
            if name == "building":
                _add_building(file, key, entry, collected)
            else:
                _add_region(file, key, entry, collected)


def _load_csv(file: str, text: str, collected: _Collected) -> None:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = set(reader.fieldnames or ())
        for row in reader:
            key = f"line {reader.line_num}"
            if None in row:
                collected.problems.append(Problem(file, key, "has more cells than the header"))
                continue
            entry = _entry_of({str(name): cell for name, cell in row.items() if cell and cell.strip()})
            if not entry:
                continue
            if {"building", "name"} <= columns:
                _add_meter(file, key, entry, collected)
            elif "id" in columns:
                _add_building(file, f"{key}: {entry.get('id', 'building')}", entry, collected)
            elif "code" in columns:
                _add_region(file, key, entry, collected)
            else:
                problem = "needs a column id (buildings), building and name (meters) or code (regions)"
                collected.problems.append(Problem(file, "line 1", problem))
                return
    except csv.Error as error:
        collected.problems.append(Problem(file, f"line {reader.line_num}", f"is not CSV: {error}"))


def _entry_of(cells: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for column, cell in cells.items():
        name, _, below = column.strip().partition(".")
        if below:
            entry.setdefault(name, {})[below] = cell
        elif name in _LISTS:
            entry[name] = [part.strip() for part in cell.split(";") if part.strip()]
        else:
            entry[name] = cell
    return entry


def _parse(model: type[Entry], file: str, key: str, entry: Any, collected: _Collected) -> Entry | None:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        collected.problems += problems_of(error, file, key)
        return None


def _add_building(file: str, key: str, entry: Any, collected: _Collected) -> None:
    parsed = _parse(BuildingEntry, file, key, entry, collected)
    if parsed is None:
        return
    if parsed.id in collected.buildings:
        other = collected.buildings[parsed.id][0]
        collected.problems.append(Problem(file, parsed.id, f"this id is already taken in {other}"))
        return
    collected.buildings[parsed.id] = (file, parsed.building())


def _add_meter(file: str, key: str, entry: dict[str, Any], collected: _Collected) -> None:
    building = entry.pop("building", "")
    parsed = _parse(MeterEntry, file, key, entry, collected)
    if parsed is not None:
        collected.meters.append((file, key, building, parsed.meter()))


def _add_region(file: str, key: str, entry: Any, collected: _Collected) -> None:
    parsed = _parse(RegionEntry, file, key, entry, collected)
    if parsed is not None:
        collected.regions[parsed.code] = (parsed.name_zh, parsed.name_en)


def _attach_meters(collected: _Collected) -> None:
    """Give meters from CSV to their buildings, which may stand in any file."""
    added: dict[str, list[Meter]] = {}
    for file, key, building, meter in collected.meters:
        if building in collected.buildings:
            added.setdefault(building, []).append(meter)
        else:
            collected.problems.append(Problem(file, f"{key}.building", f"there is no building {building!r}"))
    for id_, meters in added.items():
        file, found = collected.buildings[id_]
        collected.buildings[id_] = (file, replace(found, meters=(*found.meters, *meters)))


def _with_item_codes(building: Building) -> Building:
    """Items as their five-character codes."""
    meters = tuple(
        replace(meter, item=item_code(meter.item)) if meter.item else meter for meter in building.meters
    )
    return replace(building, meters=meters)
