"""Writes a device, and its bus if that is new, into edge.toml: comments and order stay as they are."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from drivers.errors import ConfigError, Problem
from edge.commission.place import Place
from edge.config_file import load

NewTable = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What shall be added. place: of its bus; needed only where the bus is new.

    unit: of a Modbus device. address: of a DL/T 645 or CJ/T 188 meter. ratios: by name, as ct_ratio.
    """

    id: str
    bus: str
    profile: str
    unit: int | None = None
    address: str = ""
    place: Place | None = None
    building: str = ""
    ratios: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """A file's text before and after."""

    path: Path
    before: str
    after: str

    def diff(self) -> str:
        """As `diff -u` prints it."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        name = self.path.name
        return "".join(difflib.unified_diff(before, after, name, f"{name} (new)"))

    def write(self) -> None:
        """Replace the file in one step, with its mode. Raises OSError."""
        mode = self.path.stat().st_mode & 0o777
        draft = _draft(self.path, self.after)
        try:
            draft.chmod(mode)
            os.replace(draft, self.path)
        finally:
            draft.unlink(missing_ok=True)


def propose(path: Path, new: NewDevice) -> Change:
    """The file with the device in it. Raises ConfigError with every problem that it would have then."""
    try:
        before = path.read_text("utf-8")
        document = tomlkit.parse(before)
    except OSError as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from None
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(path.name, "", f"is not TOML: {error}")]) from None
    told, tables = _add(document, new)
    problems = [Problem(path.name, key, text) for key, text in told]
    change = Change(path, before, _appended(before, tables))
    problems += _check(change)
    if problems:
        raise ConfigError(problems)
    return change


def _add(document: tomlkit.TOMLDocument, new: NewDevice) -> tuple[list[tuple[str, str]], list[NewTable]]:
    """(what speaks against the bus, tables to append)."""
    problems: list[tuple[str, str]] = []
    tables: list[NewTable] = []
    own_line: dict[str, Any] = {}
    buses = {str(bus.get("name")): bus for bus in _tables(document, "bus")}
    known = buses.get(new.bus)
    if known is not None:
        problems, own_line = _fit(known, new)
    elif new.place is None or not (new.place.serial or new.place.host):
        close = difflib.get_close_matches(new.bus, buses, n=1)
        hint = f", did you mean {close[0]}?" if close else f"; known: {', '.join(buses) or 'none'}"
        problems.append(("bus", f"there is no bus {new.bus!r}{hint}; for a new one give --serial or --host"))
    else:
        twin = next((name for name, bus in buses.items() if _same_place(bus, new.place)), None)
        if twin is not None:
            problems.append(("bus", f"{_where(new.place)} is bus {twin!r} already: use --bus {twin}"))
        tables.append(("bus", _bus_table(new.bus, new.place)))
    device: dict[str, Any] = {"id": new.id, "bus": new.bus}
    if new.address:
        device["address"] = new.address
    elif new.unit is not None:
        device["unit_id"] = new.unit
    device |= {"profile": new.profile} | own_line
    if new.building:
        device["building"] = new.building
    named = {name: value for name, value in new.ratios.items() if name in ("ct_ratio", "pt_ratio")}
    others = {name: value for name, value in new.ratios.items() if name not in named}
    device |= named | ({"ratios": others} if others else {})
    tables.append(("device", device))
    return problems, tables


def _fit(bus: Mapping[str, Any], new: NewDevice) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """(problems, speed and parity that the device has and the bus has not) on a bus that is there."""
    place = new.place
    if place is None:
        return [], {}
    problems = []
    if (place.serial or place.host) and not _same_place(bus, place):
        problems.append((f"bus.{new.bus}", f"is {_bus_where(bus)}, not {_where(place)}: name another --bus"))
    own: dict[str, Any] = {}
    if bus.get("type") == "rtu":
        if place.baud and place.baud != bus.get("baud", 9600):
            own["baud"] = place.baud
        if place.parity and place.parity != bus.get("parity", "N"):
            own["parity"] = place.parity
        if place.stop_bits and place.stop_bits != bus.get("stop_bits", 1):
            own["stop_bits"] = place.stop_bits
    return problems, own


def _bus_table(name: str, place: Place) -> dict[str, Any]:
    if place.serial:
        table: dict[str, Any] = {"name": name, "type": "rtu", "port": place.serial}
        given = {"baud": place.baud, "parity": place.parity, "stop_bits": place.stop_bits}
        return table | {key: value for key, value in given.items() if value}
    kind = "rtu_over_tcp" if place.rtu_over_tcp else "tcp"
    table = {"name": name, "type": kind, "host": place.host, "port": place.port}
    return table | ({"baud": place.baud} if place.baud and place.rtu_over_tcp else {})


def _same_place(bus: Mapping[str, Any], place: Place) -> bool:
    if place.serial:
        return bus.get("port") == place.serial
    return (bus.get("host"), bus.get("port", 502)) == (place.host, place.port)


def _where(place: Place) -> str:
    return place.serial or f"{place.host}:{place.port}"


def _bus_where(bus: Mapping[str, Any]) -> str:
    return str(bus["port"]) if bus.get("type") == "rtu" else f"{bus.get('host')}:{bus.get('port', 502)}"


def _tables(document: tomlkit.TOMLDocument, key: str) -> list[Any]:
    found = document.get(key, [])
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _appended(text: str, tables: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The text, byte for byte, and the tables behind it: a comment stays with what it was written for."""
    found = text.rstrip("\n") + "\n" if text.strip() else ""
    for key, values in tables:
        table = tomlkit.table()
        for name, value in values.items():
            inline = tomlkit.inline_table()
            if isinstance(value, Mapping):
                inline.update(value)
            table.add(name, inline if isinstance(value, Mapping) else value)
        part, several = tomlkit.document(), tomlkit.aot()
        several.append(table)
        part.append(key, several)
        found += "\n" + tomlkit.dumps(part)
    return found


def _check(change: Change) -> list[Problem]:
    """What the agent would say of the new file."""
    draft = _draft(change.path, change.after)
    try:
        load(draft)
    except ConfigError as error:
        return [Problem(change.path.name, one.key, one.problem) for one in error.problems]
    finally:
        draft.unlink()
    return []


def _draft(path: Path, text: str) -> Path:
    """The text in a file beside, so that relative paths in it mean the same."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.stem}-", suffix=".toml", delete=False
    ) as file:
        file.write(text)
    return Path(file.name)
