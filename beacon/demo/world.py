"""The demo's world on disk: registry, rules, edge.toml and profiles in one folder, and what must come out."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from beacon.demo import fleet
from beacon.demo.broker import free_port
from beacon.demo.fleet import Fleet, Plan
from beacon.demo.history import daily_weather
from collector.local_day import DEFAULT_ZONE, local_day
from collector.model import JudgementRow
from collector.registry import Registry
from collector.registry_file import load_registry

SETTLED_MS = 45 * 86_400_000
FILES = ("buildings.toml", "rules.toml")
CLEARLY_OVER = frozenset({"warning", "exceeded"})  # early in a year a clear case is still a forecast
HEADING_OVER = frozenset({"watch", "warning", "exceeded"})
POOR, POOR_DATA = "330502D002", frozenset({"insufficient_data"})
EXPECTED_FLAGGED: dict[tuple[str, str], frozenset[str]] = {
    ("330108A002", "energy_kwh"): CLEARLY_OVER,
    ("330203B001", "energy_kwh"): CLEARLY_OVER,
    ("330106E001", "carbon_kgco2"): CLEARLY_OVER,
    ("330203C001", "energy_kwh"): HEADING_OVER,
    (POOR, "energy_kwh"): POOR_DATA,
}
"""(building, basis) -> levels that the year's judgement must have; every other judgement must be ok."""


@dataclass(frozen=True, slots=True)
class DemoWorld:
    """Paths of the demo's files. now: the instant in ms UTC where the past ends and live begins."""

    now: int
    registry_path: Path
    rules_path: Path
    edge_path: Path
    store_path: Path
    broker_port: int
    registry: Registry
    plan: Plan


def prepare(directory: Path, now: int) -> DemoWorld:
    """Write the demo's files into `directory`; the readings of an earlier demo are removed."""
    directory.mkdir(parents=True, exist_ok=True)
    own_profiles = directory / "profiles"
    for old in ("spool.db", "store.sqlite"):
        for suffix in ("", "-wal", "-shm"):
            (directory / f"{old}{suffix}").unlink(missing_ok=True)
    with resources.as_file(resources.files("beacon.demo")) as package:
        for name in FILES:
            shutil.copyfile(package / name, directory / name)
        shutil.copytree(package / "profiles", own_profiles, dirs_exist_ok=True)
    registry = load_registry([directory / "buildings.toml"])
    port = free_port()
    (directory / "weather.csv").write_text(daily_weather(now), "utf-8")
    plan = fleet.plan(registry, own_profiles, port)
    (directory / "edge.toml").write_text(fleet.edge_toml(plan, directory / "spool.db"), "utf-8")
    return DemoWorld(
        now=now,
        registry_path=directory / "buildings.toml",
        rules_path=directory / "rules.toml",
        edge_path=directory / "edge.toml",
        store_path=directory / "store.sqlite",
        broker_port=port,
        registry=registry,
        plan=plan,
    )


async def start_fleet(world: DemoWorld) -> Fleet:
    """Start every simulated device; the embedded broker must be up on `world.broker_port`."""
    return await fleet.start_fleet(world.plan, world.registry, world.now)


def judged_period(now: int) -> str:
    """The year whose judgements must come out as expected: early in a year it is still the one before."""
    return str(local_day(now - SETTLED_MS, DEFAULT_ZONE).year)


def unexpected(rows: Iterable[JudgementRow], now: int) -> list[str]:
    """What differs from the expected outcome in the judgements, in words; empty if all is as it must be."""
    period = judged_period(now)
    levels = {(row.building, row.basis): row.level for row in rows if row.period == period}
    wrong = []
    for key in sorted(EXPECTED_FLAGGED.keys() | levels.keys()):
        expected = EXPECTED_FLAGGED.get(key, POOR_DATA if key[0] == POOR else frozenset({"ok"}))
        level = levels.get(key, "nothing")
        if level not in expected:
            wrong.append(f"{key[0]} {key[1]} {period}: expected {' or '.join(sorted(expected))}, got {level}")
    return wrong
