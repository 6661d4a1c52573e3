"""`collector.toml`: broker, store, registry, limits. Every problem of every file is told at once.

Secrets stand in the environment (BEACON_MQTT_PASSWORD, BEACON_INFLUX_TOKEN) or in a file that
only its owner can read.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from collector.registry import Registry
from collector.registry_entry import Strict, problems_of
from collector.registry_file import load_registry
from drivers.errors import ConfigError, Problem

Whole = TypeVar("Whole", bound=Strict)
Port = Annotated[int, Field(ge=1, le=65535)]


class TlsSettings(Strict):
    """ca_file: who signed the broker's certificate; left out, the system's authorities."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


class BrokerSettings(Strict):
    """protocol `5` shares the work among collectors of one `shared_group`; `3.1.1` has one collector."""

    host: str = "127.0.0.1"
    port: Port = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    shared_group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$")] = "collectors"
    client_id: str = ""
    username: str = ""
    password: Annotated[str, Field(repr=False)] = ""
    password_file: Path | None = None
    tls: TlsSettings | None = None


class SqliteSettings(Strict):
    """Raw samples older than `raw_retention_days` are dropped; everything else is kept."""

    kind: Literal["sqlite"]
    path: Path
    raw_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 90


class InfluxSettings(Strict):
    """Two buckets (databases on 1.x): raw samples, and what is kept."""

    kind: Literal["influxdb"]
    url: Annotated[str, Field(pattern=r"^https?://[^/ ]+(/[^ ]*)?$")]
    org: str = ""
    token: Annotated[str, Field(repr=False)] = ""
    token_file: Path | None = None
    bucket_raw: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = "beacon_raw"
    bucket_energy: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = "beacon_energy"
    raw_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 90
    ca_file: Path | None = None
    gzip: bool = True
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0


class RegistrySettings(Strict):
    files: Annotated[list[Path], Field(min_length=1)]


class DeadLetterSettings(Strict):
    path: Path = Path("dead_letters.sqlite")
    max_mb: Annotated[int, Field(ge=1, le=100_000)] = 64


class LimitSettings(Strict):
    """future_s: how far a time may lie ahead. max_batches, max_mb: held while the store is slow or away."""

    future_s: Annotated[int, Field(ge=0, le=86_400)] = 3600
    max_batches: Annotated[int, Field(ge=1, le=100_000)] = 1000
    max_mb: Annotated[int, Field(ge=1, le=100_000)] = 256
    write_values: Annotated[int, Field(ge=1, le=10_000_000)] = 200_000


class RollupSettings(Strict):
    """Of collectors that share one store, one is enough to keep the daily rollups."""

    enabled: bool = True


class MetricsSettings(Strict):
    host: str = "127.0.0.1"
    port: Port


class Settings(Strict):
    """The whole of collector.toml."""

    broker: BrokerSettings = BrokerSettings()
    store: Annotated[SqliteSettings | InfluxSettings, Field(discriminator="kind")]
    registry: RegistrySettings
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    limits: LimitSettings = LimitSettings()
    rollup: RollupSettings = RollupSettings()
    metrics: MetricsSettings | None = None


def load(path: Path | str, environ: Mapping[str, str] = os.environ) -> tuple[Settings, Registry]:
    """Settings with secrets filled in and paths made whole, and the registry they name.

    Raises ConfigError with every problem of collector.toml and of the registry's files.
    """
    path = Path(path)
    problems: list[Problem] = []
    table = _table(path, problems)
    settings = _settings(path, table, environ, problems)
    registry = None
    files = _registry_files(path, table)
    try:
        registry = load_registry(files) if files else None
    except ConfigError as error:
        problems += error.problems
    if problems or settings is None or registry is None:
        raise ConfigError(problems)
    return settings, registry


def _table(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        problems.append(Problem(str(path), "", f"cannot be read: {error.strerror}"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), "", f"is not TOML: {error}"))
    return {}


def _registry_files(path: Path, table: Mapping[str, Any]) -> list[Path]:
    """Looked for before the settings are known to be right, so that the registry's problems are told too."""
    section = table.get("registry")
    files = section.get("files") if isinstance(section, dict) else None
    return [path.parent / each for each in files if isinstance(each, str)] if isinstance(files, list) else []


def _settings(
    path: Path, table: dict[str, Any], environ: Mapping[str, str], problems: list[Problem]
) -> Settings | None:
    if problems:
        return None
    file = str(path)
    for section, key, variable in (
        ("broker", "password", "BEACON_MQTT_PASSWORD"),
        ("store", "token", "BEACON_INFLUX_TOKEN"),
    ):
        below = table.get(section)
        if isinstance(below, dict):
            _fill_secret(file, section, below, key, environ.get(variable, ""), problems)
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        problems += problems_of(error, file, "")
        return None
    return _with_whole_paths(settings, path.parent)


def _fill_secret(
    file: str, section: str, table: dict[str, Any], key: str, value: str, problems: list[Problem]
) -> None:
    place = f"{section}.{key}"
    if key in table:
        problems.append(Problem(file, place, f"secrets do not stand here: use {key}_file or the environment"))
    secret_file = table.get(f"{key}_file")
    if isinstance(secret_file, str) and not value:
        path = Path(file).parent / secret_file
        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                problems.append(Problem(str(path), "", "others can read this secret: chmod 600"))
            value = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(file, f"{place}_file", f"{path} cannot be read: {error}"))
    if value and table.get("kind") != "sqlite":
        table[key] = value


def _with_whole_paths(model: Whole, base: Path) -> Whole:
    """The settings with relative paths taken from the file's own folder."""
    changes: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Path):
            changes[name] = base / value
        elif isinstance(value, list) and value and isinstance(value[0], Path):
            changes[name] = [base / each for each in value]
        elif isinstance(value, Strict):
            changes[name] = _with_whole_paths(value, base)
    return model.model_copy(update=changes)
