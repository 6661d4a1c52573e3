"""From a file to an EdgeConfig: every problem of the file at once, none of them at run time."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from drivers import models
from drivers.errors import ConfigError, Problem
from drivers.models import profile_of
from drivers.quantity import UnknownQuantity, quantity
from drivers.units import to_unit
from edge.config import (
    Bus,
    Device,
    EdgeConfig,
    MqttDevice,
    MqttSource,
    Poll,
    SerialBus,
    Source,
    SparkplugDevice,
    SparkplugSource,
    SpoolSettings,
    StatusPage,
    TcpBus,
    Uplink,
)
from edge.config_places import Places

if TYPE_CHECKING:
    from drivers.models import Model

M = TypeVar("M", bound=BaseModel)
MAX_FILE_BYTES = 4 * 1024 * 1024
_SECTIONS: dict[str, type[BaseModel]] = {
    "uplink": Uplink,
    "spool": SpoolSettings,
    "poll": Poll,
    "status": StatusPage,
}
_LISTS = ("bus", "device", "mqtt_source", "sparkplug_source")


def load(path: Path) -> EdgeConfig:
    """Read and check a file. Raises ConfigError with every problem that it has."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from None
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError([Problem(str(path), "", f"is larger than {MAX_FILE_BYTES} bytes")])
    try:
        document = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(path.name, "", f"is not TOML: {error}")]) from None
    return _Check(path, text, document).config()


class _Check:
    """One pass over one file; collects problems instead of stopping at the first."""

    def __init__(self, path: Path, text: bytes, document: dict[str, Any]) -> None:
        self._path, self._text, self._document = path, text, document
        self._problems: list[Problem] = []
        self._models: dict[str, Model | None] = {}

    def config(self) -> EdgeConfig:
        document = self._document
        own = document.get("profiles")
        self._own = self._path.parent / own if isinstance(own, str) else None
        sections = {
            name: self._model(model, document[name], name)
            for name, model in _SECTIONS.items()
            if name in document
        }
        tables = {name: self._tables(name) for name in _LISTS}
        buses = [self._bus(key, table) for key, table in tables["bus"]]
        devices = [(key, self._model(Device, table, key)) for key, table in tables["device"]]
        sources = [(key, self._model(MqttSource, table, key)) for key, table in tables["mqtt_source"]]
        hosts = [(key, self._model(SparkplugSource, table, key)) for key, table in tables["sparkplug_source"]]
        plain = {k: v for k, v in document.items() if k not in _SECTIONS and k not in _LISTS}
        placeholder = {"uplink": Uplink(host="-")} if "uplink" in document else {}
        top = self._model(EdgeConfig, plain | placeholder, "")
        self._check_uplink(sections.get("uplink"))
        known = [bus for bus in buses if bus]
        self._check_devices([(k, d) for k, d in devices if d], known, document)
        for key, source in sources:
            if source:
                self._check_source(key, source)
        for key, host in hosts:
            if host:
                self._check_sparkplug(key, host)
        self._check_ids(tables)
        if self._problems or top is None:
            raise ConfigError(sorted(set(self._problems)))
        config = top.model_copy(
            update={k: self._absolute(v) for k, v in sections.items()}
            | {
                "bus": known,
                "device": [d for _, d in devices],
                "mqtt_source": [self._absolute(s) for _, s in sources],
                "sparkplug_source": [self._absolute(s) for _, s in hosts],
                "profiles": self._own,
            }
        )
        config.adopt(self._text, {name: m for name, m in self._models.items() if m})
        return config

    def _add(self, key: str, problem: str) -> None:
        self._problems.append(Problem(self._path.name, key, problem))

    def _tables(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The tables of one kind, each with the key that messages call it by."""
        tables = self._document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._add(name, f"must be written as [[{name}]]")
            return []
        ids = [table.get("id", table.get("name", i)) for i, table in enumerate(tables)]
        return [(f"{name}.{label}", table) for label, table in zip(ids, tables, strict=True)]

    def _model(self, model: type[M], table: object, key: str) -> M | None:
        try:
            return model.model_validate(table)
        except ValidationError as error:
            for one in error.errors():
                self._explain(model, one, key)
            return None

    def _explain(self, model: type[BaseModel], error: Any, key: str) -> None:
        loc = [str(part) for part in error["loc"]]
        where = ".".join(filter(None, [key, *loc]))
        if error["type"] == "extra_forbidden":
            nested = SparkplugDevice if model is SparkplugSource else MqttDevice
            fields = nested.model_fields if "device" in loc[:-1] else model.model_fields
            close = difflib.get_close_matches(loc[-1], fields, n=1)
            self._add(where, "unknown key" + (f", did you mean {close[0]}?" if close else ""))
        elif error["type"] == "missing":
            self._add(where, "is missing")
        else:
            message = error["msg"].removeprefix("Value error, ")
            self._add(where, f"{message[0].lower()}{message[1:]}, got {error['input']!r}")

    def _bus(self, key: str, table: dict[str, Any]) -> TcpBus | SerialBus | None:
        kinds: dict[object, type[TcpBus] | type[SerialBus]] = {
            "tcp": TcpBus,
            "rtu_over_tcp": TcpBus,
            "rtu": SerialBus,
        }
        kind = kinds.get(table.get("type"))
        if kind is None:
            self._add(f"{key}.type", f"must be tcp, rtu_over_tcp or rtu, got {table.get('type')!r}")
            return None
        return self._model(kind, table, key)

    def _check_ids(self, tables: Mapping[str, list[tuple[str, dict[str, Any]]]]) -> None:
        devices = [table.get("id") for _, table in tables["device"]]
        for _, source in (*tables["mqtt_source"], *tables["sparkplug_source"]):
            nested = source.get("device", [])
            devices += [d.get("id") for d in nested if isinstance(d, dict)]
        for what, names in (("device", devices), ("bus", [t.get("name") for _, t in tables["bus"]])):
            for name, count in Counter(map(str, filter(None, names))).items():
                if count > 1:
                    self._add(f"{what}.{name}", f"is given {count} times")

    def _check_devices(
        self, devices: list[tuple[str, Device]], buses: Iterable[Bus], document: Mapping[str, object]
    ) -> None:
        whole = {bus.name: bus for bus in buses}
        known = set(whole) | {str(t.get("name")) for _, t in self._tables("bus")}
        places = Places()
        for key, device in devices:
            if device.bus not in known:
                self._add(f"{key}.bus", f"there is no bus {device.bus!r}{_close(device.bus, known)}")
            model = self._check_model(key, device, document)
            if model is not None:
                for name, problem in places.problems(device, model, whole.get(device.bus)):
                    self._add(f"{key}.{name}", problem)

    def _check_source(self, key: str, source: MqttSource) -> None:
        self._check_secret(key, source.password_file, source.password_env)
        self._check_file(f"{key}.ca_file", source.ca_file)
        for device in source.device:
            model = self._check_model(f"{key}.device.{device.id}", device, self._document)
            if model is not None and profile_of(model).mqtt is None:
                self._add(f"{key}.device.{device.id}.profile", f"{device.profile} does not speak MQTT")

    def _check_sparkplug(self, key: str, source: SparkplugSource) -> None:
        self._check_secret(key, source.password_file, source.password_env)
        self._check_file(f"{key}.ca_file", source.ca_file)
        for device in source.device:
            here = f"{key}.device.{device.id}"
            self._check_building(here, device, self._document)
            names = Counter(metric.quantity for metric in device.entries().values())
            for name, metric in device.entries().items():
                try:
                    known = quantity(metric.quantity)
                    to_unit(known.unit if metric.unit is None else metric.unit, known.unit)
                except (UnknownQuantity, ValueError) as error:
                    self._add(f"{here}.metrics.{name}", str(error))
                if names[metric.quantity] > 1:
                    self._add(f"{here}.metrics.{name}", f"{metric.quantity} comes from two metrics")

    def _check_building(self, key: str, device: Source, document: Mapping[str, object]) -> None:
        if device.building is None and "building" not in document:
            self._add(f"{key}.building", "is missing, and the file has no default")

    def _check_model(
        self, key: str, device: Device | MqttDevice, document: Mapping[str, object]
    ) -> Model | None:
        self._check_building(key, device, document)
        model = self._named_model(key, device.profile)
        if model is None:
            return None
        profile = profile_of(model)
        offered = set(profile.quantities())
        for name in (device.quantities or ()) if isinstance(device, Device) else ():
            if name not in offered:
                self._add(f"{key}.quantities", f"{profile.name} lacks {name!r}{_close(name, offered)}")
        given = device.all_ratios()
        for name, default in profile.installer_ratios.items():
            if default is None and name not in given:
                self._add(f"{key}.{name}", f"{profile.name} needs it, see the transformer's plate")
        for name in given.keys() - profile.installer_ratios.keys():
            self._add(f"{key}.{name}", f"{profile.name} takes no such ratio: its values are primary already")
        return model

    def _named_model(self, key: str, name: str) -> Model | None:
        if name not in self._models:
            try:
                self._models[name] = models.load(name, self._own)
            except ConfigError as error:
                self._models[name] = None
                known = models.names(self._own)
                if name in known:
                    self._problems.extend(error.problems)
                else:
                    self._add(f"{key}.profile", f"there is no profile {name!r}{_close(name, known)}")
        elif self._models[name] is None and name not in models.names(self._own):
            self._add(f"{key}.profile", f"there is no profile {name!r}")
        return self._models[name]

    def _check_uplink(self, uplink: object) -> None:
        if not isinstance(uplink, Uplink):
            return
        self._check_secret("uplink", uplink.password_file, uplink.password_env)
        for name in ("ca_file", "cert_file", "key_file"):
            self._check_file(f"uplink.{name}", getattr(uplink, name), secret=name == "key_file")
        if (uplink.cert_file is None) != (uplink.key_file is None):
            self._add("uplink.cert_file", "cert_file and key_file go together")
        if uplink.username is None and (uplink.password_file or uplink.password_env):
            self._add("uplink.username", "is missing beside the password")

    def _check_secret(self, key: str, file: Path | None, variable: str | None) -> None:
        self._check_file(f"{key}.password_file", file, secret=True)
        if variable is not None and variable not in os.environ:
            self._add(f"{key}.password_env", f"the environment has no {variable}")
        if file is not None and variable is not None:
            self._add(f"{key}.password_env", "give either password_env or password_file")

    def _check_file(self, key: str, file: Path | None, *, secret: bool = False) -> None:
        if file is None:
            return
        path = self._path.parent / file
        try:
            mode = path.stat().st_mode
        except OSError as error:
            self._add(key, f"{file} cannot be read: {error.strerror}")
            return
        if not stat.S_ISREG(mode):
            self._add(key, f"{file} is no file")
        elif secret and mode & 0o077:
            self._add(key, f"{file} can be read by others: chmod 600 {file}")

    def _absolute(self, section: BaseModel | None) -> BaseModel | None:
        """Paths of the file are relative to its folder."""
        if section is None:
            return None
        values = {name: getattr(section, name) for name in type(section).model_fields}
        moved = {n: self._path.parent / v for n, v in values.items() if isinstance(v, Path)}
        return section.model_copy(update=moved)


def secret(file: Path | None, variable: str | None) -> str | None:
    """The password of a checked section, read at the time of use so that it is kept nowhere."""
    if file is not None:
        return file.read_text().rstrip("\r\n")
    return os.environ.get(variable) if variable else None


def _close(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3)
    return f", did you mean {' or '.join(close)}?" if close else ""
