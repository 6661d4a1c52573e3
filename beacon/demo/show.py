"""The demo itself: write the past, judge and announce it, then run everything live on loopback."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from beacon.demo.broker import embedded_broker
from beacon.demo.fleet import Fleet
from beacon.demo.history import write_history
from beacon.demo.world import EXPECTED_FLAGGED, DemoWorld, judged_period, prepare, start_fleet, unexpected
from beacon.runtime import Running, running
from beacon.site_file import Site, load
from collector.interval_block import DAY_MS
from collector.local_day import DEFAULT_ZONE, now_ms
from collector.roller import Roller
from collector.sqlite_store import SqliteStore
from dashboards.announce.build import Options
from dashboards.announce.grades import load_schemes
from dashboards.announce.issue import FORMS, announce
from dashboards.announce.pdf import require_chinese
from drivers.errors import BeaconError
from rules.model import Text
from rules.period import Period
from rules.runner import evaluate

logger = logging.getLogger(__name__)

REGION = "33"
MARK = ".beacon-demo"
ONCE_LIVE_S = 15.0
DRAIN_WITHIN_S = 30.0
QUIET_S = 2.0
ISSUER = Text("Beacon demo (invented buildings)", "Beacon 演示（建筑均为虚构）")


@dataclass(frozen=True, slots=True)
class Flagged:
    """A building whose judgement of the year is not `ok`."""

    building: str
    basis: str
    level: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What `beacon demo --once` writes as summary.json; counts are of the store itself, not of messages."""

    devices: int
    samples_read: int
    samples_stored: int
    intervals_stored: int
    buildings: int
    flagged: list[Flagged]
    announcement: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Past:
    """The written history: intervals in the store, and the folder of the announcement about it."""

    intervals: int
    announcement: Path


def make(directory: Path, web_port: int) -> tuple[DemoWorld, Site]:
    """Write the demo's files, ready for `beacon site run` and `beacon announce` too.

    An earlier demo's announcements and alerts go; in a folder that no demo made nothing is removed.
    """
    made_here = directory / MARK
    if made_here.exists():
        shutil.rmtree(directory / "announcements", ignore_errors=True)
        for name in ("alerts.sqlite", "dead_letters.sqlite"):
            for suffix in ("", "-wal", "-shm"):
                (directory / f"{name}{suffix}").unlink(missing_ok=True)
    elif directory.exists() and any(directory.iterdir()):
        raise BeaconError(
            f"{directory} holds something else: give --out a new or empty folder, or an earlier demo's"
        )
    world = prepare(directory, now_ms())
    made_here.write_text("made by `beacon demo`, which may remove its own files here\n", "utf-8")
    (directory / "collector.toml").write_text(
        "# Written by the demo.\n"
        f'[broker]\nport = {world.broker_port}\nprotocol = "3.1.1"\n\n'
        f'[store]\nkind = "sqlite"\npath = "{world.store_path.name}"\n\n'
        '[registry]\nfiles = ["buildings.toml"]\n',
        "utf-8",
    )
    (directory / "site.toml").write_text(
        '# Written by the demo.\ncollector = "collector.toml"\nrules = "rules.toml"\nedge = "edge.toml"\n\n'
        f"[web]\nport = {web_port}\n",
        "utf-8",
    )
    return world, load(directory / "site.toml")


def write_past(world: DemoWorld, site: Site, console: Console) -> Past:
    """Thirteen months, rolled up, judged and announced, with a progress bar."""
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        closing(SqliteStore(world.store_path, site.registry.zones())) as store,
        Progress(*columns, console=console) as bar,
    ):
        past = bar.add_task("thirteen months of readings", total=len(site.registry.buildings))
        intervals = write_history(
            store,
            site.registry,
            world.now,
            lambda done, steps, what: bar.update(past, completed=done, total=steps),
        )
        days = bar.add_task("days rolled up", total=None)
        Roller(store, site.registry, now_ms).roll_dirty(
            lambda done, steps: bar.update(days, completed=done, total=steps)
        )
        judged = bar.add_task("quotas judged", total=1)
        rows = evaluate(store, site.registry, site.rules, world.now)
        bar.update(judged, completed=len(rows), total=len(rows))
        announced = bar.add_task("announcement", total=None)
        folder = _announce(
            store, site, world.now, lambda done, steps: bar.update(announced, completed=done, total=steps)
        )
    return Past(intervals, folder)


def _announce(store: SqliteStore, site: Site, now: int, progress: object) -> Path:
    """The last whole month's announcement; without Chinese glyphs on this machine, no PDF."""
    forms = [form for form in FORMS if form != "pdf" or _chinese()]
    local = datetime.fromtimestamp(now / 1000, ZoneInfo(DEFAULT_ZONE))
    year, month = (local.year, local.month - 1) if local.month > 1 else (local.year - 1, 12)
    options = Options(issuer=ISSUER, issued_on=local.date(), grades=load_schemes(None)["a_to_e"])
    published = announce(
        store,
        site.registry,
        site.rules,
        Period.parse(f"{year}-{month:02}"),
        REGION,
        options,
        site.announcements,
        now,
        forms=forms,
        progress=progress,  # type: ignore[arg-type]
    )
    return site.announcements / published.number


def _chinese() -> bool:
    try:
        require_chinese()
    except (BeaconError, OSError, ImportError) as error:
        logger.warning("no PDF: %s", str(error).splitlines()[0])
        return False
    return True


@asynccontextmanager
async def live(world: DemoWorld, site: Site, *, judge: bool) -> AsyncIterator[tuple[Running, Fleet]]:
    """Broker, simulated devices, edge, collector, rules and site while the block runs."""
    async with embedded_broker(world.broker_port):
        fleet = await start_fleet(world)
        try:
            async with running(site, judge=judge) as parts:
                yield parts, fleet
        finally:
            await fleet.aclose()


async def stay(world: DemoWorld, site: Site, stop: asyncio.Event, console: Console) -> None:
    """Run until `stop` is set."""
    async with live(world, site, judge=True) as (parts, _):
        console.print(f"\n[bold]http://127.0.0.1:{parts.web_port}[/bold]   live; stop with Ctrl-C")
        console.print(_next_steps(world), highlight=False, soft_wrap=True)
        await stop.wait()
        console.print("stopping …")


def _next_steps(world: DemoWorld) -> str:
    """Commands that work on the demo's files while it runs."""
    folder, year = world.store_path.parent, judged_period(world.now)
    command, building = os.path.relpath(sys.argv[0], folder), min(EXPECTED_FLAGGED)[0]
    return (
        f"In another terminal, try:  cd {folder}\n"
        f"  {command} rules explain {building} --period {year}\n"
        f"  {command} audit {building} --period {year} --out audit\n"
        f"  {command} statistics --period {year} --region {REGION} --out statistics.xlsx"
    )


async def once(
    world: DemoWorld, site: Site, past: Past, out: Path, console: Console
) -> tuple[Summary, list[str]]:
    """Some seconds live, then judge and compare. Returns the summary and what is wrong, in words."""
    async with live(world, site, judge=False) as (parts, fleet):
        with console.status(f"{ONCE_LIVE_S:g} s live: meters → edge → MQTT → collector → store"):
            await asyncio.sleep(ONCE_LIVE_S)
            read = await drained(parts, fleet)
        rows = await asyncio.to_thread(evaluate, parts.store, site.registry, site.rules, now_ms())
    period = judged_period(world.now)
    levels = {(row.building, row.basis): row.level for row in rows if row.period == period}
    stored, devices, intervals = count(world.store_path, site.registry.buildings, world.now)
    wrong = unexpected(rows, world.now)
    if intervals < past.intervals:
        wrong.append(f"{past.intervals} intervals were written, {intervals} are stored")
    if stored != read:
        wrong.append(f"{read} samples were read, {stored} are stored")
    if not read:
        wrong.append("no device was read")
    summary = Summary(
        devices=devices,
        samples_read=read,
        samples_stored=stored,
        intervals_stored=intervals,
        buildings=len(site.registry.buildings),
        flagged=[Flagged(b, basis, level) for (b, basis), level in sorted(levels.items()) if level != "ok"],
        announcement=str(past.announcement.relative_to(out)),
        seconds=0.0,
    )
    return summary, wrong


async def drained(parts: Running, fleet: Fleet) -> int:
    """Switch the devices off and wait until the spool is empty; how many samples the edge has taken."""
    agent = parts.agent
    assert agent is not None
    logging.getLogger("edge").setLevel(logging.ERROR)  # that all devices are lost is meant here
    await fleet.aclose()
    quiet_since, taken = time.monotonic(), -1
    try:
        async with asyncio.timeout(DRAIN_WITHIN_S):
            while time.monotonic() - quiet_since < QUIET_S:
                if agent.spool.depth.batches or agent.recorder.samples_taken != taken:
                    quiet_since, taken = time.monotonic(), agent.recorder.samples_taken
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise BeaconError(
            f"the spool still holds {agent.spool.depth.batches} batches after {DRAIN_WITHIN_S:g} s"
        ) from None
    return agent.recorder.samples_taken


def count(path: Path, buildings: Iterable[str], since: int) -> tuple[int, int, int]:
    """What the file holds: samples since `since` ms and the devices they are of, and intervals in all."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        samples, devices = db.execute(
            "SELECT count(*), count(DISTINCT device) FROM sample WHERE at >= ?", (since,)
        ).fetchone()
    with closing(SqliteStore(path)) as store:
        intervals = sum(
            len(group.rows)
            for building in buildings
            for group in store.interval_groups(building, 0, now_ms() + DAY_MS)
        )
    return int(samples), int(devices), intervals


def write_summary(summary: Summary, out: Path) -> Path:
    path = out / "summary.json"
    path.write_bytes(orjson.dumps(asdict(summary), option=orjson.OPT_INDENT_2) + b"\n")
    return path
