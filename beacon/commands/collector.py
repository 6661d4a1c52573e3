"""`beacon collector`: take readings from the broker, keep them, and look after what was refused."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beacon.commands.centre import opened

if TYPE_CHECKING:
    from collector.dead_letters import DeadLetters
    from collector.registry import Registry

app = typer.Typer(help="Take readings from the broker and keep them.", no_args_is_help=True)
letters_app = typer.Typer(help="What could never be stored, and why.", no_args_is_help=True)
app.add_typer(letters_app, name="dead-letters")

Config = Annotated[Path, typer.Option("--config", "-c", help="collector.toml")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Number = Annotated[int, typer.Argument(help="Number of the dead letter, as `list` shows it.")]
DEFAULT = Path("collector.toml")


@app.command()
def run(
    config: Config = DEFAULT,
    rollup: Annotated[
        bool | None, typer.Option("--rollup/--no-rollup", help="Keep daily rollups; else as the file says.")
    ] = None,
) -> None:
    """Collect until stopped (SIGTERM or Ctrl-C). SIGHUP reads the registry again."""
    import asyncio
    import logging
    import signal

    from collector import service, settings
    from drivers.errors import ConfigError

    loaded, registry = settings.load(config)
    if rollup is not None:
        loaded = loaded.model_copy(update={"rollup": settings.RollupSettings(enabled=rollup)})

    async def until_stopped() -> None:
        task = asyncio.current_task()
        assert task is not None  # asyncio.run made one
        loop = asyncio.get_running_loop()
        registries: asyncio.Queue[Registry] = asyncio.Queue()

        def read_again() -> None:
            try:
                registries.put_nowait(settings.load(config)[1])
            except ConfigError as error:
                logging.getLogger(__name__).error("the registry stays as it was:\n%s", error)

        loop.add_signal_handler(signal.SIGHUP, read_again)
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, task.cancel)
        try:
            await service.run(loaded, registry, registries=registries)
        except asyncio.CancelledError:
            return

    service.run_loop(until_stopped())


@app.command()
def check(config: Config = DEFAULT) -> None:
    """Check collector.toml and the registry's files; list every problem."""
    from collector import settings

    _, registry = settings.load(config)
    print(f"{config}: no problem found, {len(registry.buildings)} buildings")


@app.command()
def init(config: Config = DEFAULT) -> None:
    """Make what the store needs: the SQLite file, or InfluxDB's buckets, retention and mappings."""
    from collector import service, settings

    loaded, registry = settings.load(config)
    for line in service.prepare_store(loaded, registry):
        print(line)


@app.command()
def roll(
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD; by default today.")] = "",
    building: Annotated[str, typer.Option("--building", "-b", help="One building; by default all.")] = "",
    config: Config = DEFAULT,
) -> None:
    """Roll up past days again, after a corrected meter tree."""
    from datetime import date

    from rich.progress import track

    from collector import service, settings
    from collector.local_day import now_ms
    from collector.roller import Roller
    from drivers.errors import BeaconError

    loaded, registry = settings.load(config)
    try:
        days = date.fromisoformat(first), date.fromisoformat(last) if last else service.today()
    except ValueError as error:
        raise BeaconError(f"--from and --to are days such as 2026-01-31: {error}") from error
    if building and building not in registry.buildings:
        raise BeaconError(f"there is no building {building} in the registry")
    chosen = [registry.buildings[building]] if building else list(registry.buildings.values())
    with closing(service.open_store(loaded, registry)) as store:
        roller = Roller(store, registry, now_ms)
        rows = sum(roller.roll(each, *days) for each in track(chosen, "Rolling up", transient=True))
    print(f"{rows} daily rows of {len(chosen)} buildings written")


@letters_app.command("list")
def list_letters(
    config: Config = DEFAULT, limit: Annotated[int, typer.Option(min=1)] = 100, as_json: Json = False
) -> None:
    """The newest dead letters."""
    import orjson

    letters = _open_letters(config)
    rows = letters.list(limit)
    if as_json:
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("number", "last received", "edge", "times", "bytes", "reason")
    for row in rows:
        table.add_row(
            str(row.id),
            _utc(row.received_at),
            f"{row.site}/{row.edge}",
            str(row.times),
            str(row.size),
            row.reason,
        )
    Console().print(table if rows else "no dead letters")


@letters_app.command()
def show(number: Number, config: Config = DEFAULT) -> None:
    """One dead letter: reason and payload."""
    import sys

    letter, payload = _open_letters(config).get(number)
    print(
        f"{letter.site}/{letter.edge} at {_utc(letter.received_at)}, {letter.times} times\n{letter.reason}\n"
    )
    from collector.payload import PayloadError, unpack

    try:
        payload = unpack(payload)
    except PayloadError:
        print(f"(cannot be unpacked, first bytes: {payload[:64].hex(' ')})")
        return
    sys.stdout.write(payload[:1_000_000].decode("utf-8", "replace") + "\n")


@letters_app.command()
def replay(
    config: Config = DEFAULT,
    number: Annotated[int, typer.Option("--number", "-n", help="One letter; by default all.")] = 0,
) -> None:
    """Try again to store them, after the cause is removed (registry corrected, Beacon updated)."""
    from collector import replaying
    from collector.local_day import now_ms

    letters = _open_letters(config)
    with opened(config) as centre:
        result = replaying.replay(letters, centre.store, centre.registry, now_ms, number)
    print(f"{result.stored} stored and dropped from the list, {len(result.failed)} refused again")
    for id_, reason in result.failed:
        print(f"  {id_}: {reason}")


@letters_app.command()
def drop(
    numbers: Annotated[list[int], typer.Argument(help="Numbers as `list` shows them.")],
    config: Config = DEFAULT,
) -> None:
    """Forget dead letters for good."""
    letters = _open_letters(config)
    for number in numbers:
        letters.get(number)
    for number in numbers:
        letters.drop(number)
    print(f"{len(numbers)} dropped")


def _open_letters(config: Path) -> DeadLetters:
    from collector import settings
    from collector.dead_letters import DeadLetters
    from drivers.errors import BeaconError

    path = settings.load(config)[0].dead_letters.path
    if not path.exists():
        raise BeaconError(f"{path}: there is no such file, so there are no dead letters")
    return DeadLetters(path)


def _utc(at: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
