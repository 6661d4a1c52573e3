"""site.toml: which parts run together in one process, and where their own files are."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.registry import Registry
from collector.registry_entry import problems_of
from collector.settings import Settings
from collector.settings import load as load_collector
from drivers.errors import ConfigError, Problem
from edge.config import EdgeConfig
from edge.config_file import load as load_edge
from rules.config import Rules
from rules.config import load as load_rules


class WebSettings(BaseModel):
    """Where the built-in site listens. Put a TLS proxy before it when it leaves the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class SiteFile(BaseModel):
    """The whole of site.toml. Paths are relative to the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collector: Path = Path("collector.toml")  # broker, store, registry
    rules: Path = Path("rules.toml")  # quotas, conditions, notifiers
    edge: Path | None = None  # an edge in the same process: one building without servers
    embedded_broker: bool = False  # serve MQTT here, on the broker port of collector.toml
    collect: bool = True  # take batches from the broker; false where collectors run elsewhere
    judge: bool = True  # evaluate quotas and conditions; false where `beacon rules run` does
    announcements: Path = Path("announcements")
    web: WebSettings | None = WebSettings()


@dataclass(frozen=True, slots=True)
class Site:
    """A checked site.toml with everything it names."""

    file: SiteFile
    settings: Settings
    registry: Registry
    rules: Rules
    edge: EdgeConfig | None
    announcements: Path


def load(path: Path) -> Site:
    """Raises ConfigError with every problem of site.toml and of every file it names."""
    try:
        file = SiteFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        raise ConfigError(problems_of(error, str(path), "")) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    here = path.parent
    problems: list[Problem] = []
    settings = registry = rules = edge = None
    try:
        settings, registry = load_collector(here / file.collector)
    except ConfigError as error:
        problems += error.problems
    try:
        rules = load_rules(here / file.rules, registry)
    except ConfigError as error:
        problems += error.problems
    if file.edge is not None:
        try:
            edge = load_edge(here / file.edge)
        except ConfigError as error:
            problems += error.problems
    if settings is not None and registry is not None:
        problems += _mismatches(path, file, settings, registry, edge)
    if problems or settings is None or registry is None or rules is None:
        raise ConfigError(problems)
    return Site(file, settings, registry, rules, edge, here / file.announcements)


def _mismatches(
    path: Path, file: SiteFile, settings: Settings, registry: Registry, edge: EdgeConfig | None
) -> list[Problem]:
    """What each file has right and the two together have wrong."""
    problems: list[Problem] = []
    if file.embedded_broker and settings.broker.protocol != "3.1.1":
        problems.append(
            Problem(
                str(path), "embedded_broker", "speaks MQTT 3.1.1: set broker.protocol in the collector's file"
            )
        )
    if edge is None:
        return problems
    if file.embedded_broker and (edge.uplink.port != settings.broker.port or edge.uplink.protocol != "3.1.1"):
        problems.append(
            Problem(
                str(path),
                "edge",
                f'its uplink must use the embedded broker: port {settings.broker.port}, protocol "3.1.1"',
            )
        )
    name = f"{edge.site}/{edge.edge}"
    for source in edge.sources():
        building = registry.buildings.get(edge.building_of(source))
        if building is None:
            text = f"its building {edge.building_of(source)!r} is not in the registry"
            problems.append(Problem(str(file.edge), f"device.{source.id}", text))
        elif name not in building.edges:
            text = f"building {building.id} does not list {name!r} in its edges"
            problems.append(Problem(str(file.edge), f"device.{source.id}", text))
    return problems
