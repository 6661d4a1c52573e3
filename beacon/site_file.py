"""site.toml: which parts run together in one process, and where their own files are."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from collector.registry import Registry
from collector.registry_entry import problems_of
from collector.settings import Settings
from collector.settings import load as load_collector
from dashboards.site.access import Users
from drivers.errors import ConfigError, Problem
from edge.config import EdgeConfig
from edge.config_file import load as load_edge
from rules.config import Rules
from rules.config import load as load_rules

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SHORTEST_SECRET = 32


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


class WebSettings(BaseModel):
    """Where the built-in site listens. Put a TLS proxy before it when it leaves the machine.

    Without `users` everybody who reaches the site may do everything, so it then listens on loopback only.
    It answers under its addresses, `localhost`, the machine's own name if `host` is no loopback address, and
    `hosts`: write there the names that a proxy or your DNS gives it. Behind a proxy, `proxies` names the
    address or network that the proxy comes from; only its X-Forwarded-For is believed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    users: Path | None = None  # made by `beacon user password NAME`; mode 0600
    public: bool = False  # announcements need no login
    https: bool = False  # a proxy serves the site by HTTPS only: cookies say so
    hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")], ...] = ()
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ("127.0.0.1", "::1")
    secret_file: Path | None = None  # signs sessions, mode 0600; without it a restart ends them

    @property
    def names(self) -> tuple[str, ...]:
        """What the site is called besides its addresses and `localhost`."""
        if self.host in LOOPBACK:
            return self.hosts
        own = socket.gethostname()
        return (*self.hosts, own, f"{own}.local")


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
    users: Users | None
    web_secret: str = field(default="", repr=False)


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
    users, secret = None, ""
    if file.web is not None:
        problems += _unsafe(path, file.web)
        try:
            users = Users(here / file.web.users) if file.web.users is not None else None
            secret = _secret(path, here, file.web)
        except ConfigError as error:
            problems += error.problems
    if problems or settings is None or registry is None or rules is None:
        raise ConfigError(problems)
    return Site(file, settings, registry, rules, edge, here / file.announcements, users, secret)


def _unsafe(path: Path, web: WebSettings) -> list[Problem]:
    if web.users is not None or web.host in LOOPBACK:
        return []
    text = f"{web.host} is not loopback and there are no users: everybody could do everything; set web.users"
    return [Problem(str(path), "web.host", text)]


def _secret(path: Path, here: Path, web: WebSettings) -> str:
    """The key of session cookies, from its file or BEACON_WEB_SECRET; "" without either."""
    if web.secret_file is None:
        text = os.environ.get("BEACON_WEB_SECRET", "").strip()
        if text:
            _check_length(path, "BEACON_WEB_SECRET", text)
        return text
    file = here / web.secret_file
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(
                [Problem(str(path), "web.secret_file", f"{file}: others may read it: chmod 600")]
            )
        text = file.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError([Problem(str(path), "web.secret_file", f"{file}: {error.strerror}")]) from error
    _check_length(path, str(file), text)
    return text


def _check_length(path: Path, source: str, secret: str) -> None:
    if len(secret) < SHORTEST_SECRET:
        text = f"{source}: needs {SHORTEST_SECRET} characters; make it with: openssl rand -hex 32"
        raise ConfigError([Problem(str(path), "web.secret_file", text)])


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
