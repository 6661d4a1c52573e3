"""What commands at the centre open first, and close at the end: settings, registry, rules, store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from collector.registry import Registry
    from collector.settings import Settings
    from collector.store import Store
    from rules.config import Rules
    from rules.period import Period

Config = Annotated[Path, typer.Option(help="collector.toml: the store and the registry.")]
COLLECTOR, RULES = Path("collector.toml"), Path("rules.toml")


class Centre(NamedTuple):
    """The store, and what says how to read it."""

    store: Store
    registry: Registry
    settings: Settings


@contextmanager
def opened(config: Path) -> Iterator[Centre]:
    """The centre of a collector.toml while the block runs.

    Raises ConfigError, RequestError, StoreUnavailable.
    """
    from collector.service import open_store
    from collector.settings import load

    _require(config)
    settings, registry = load(config)
    with closing(open_store(settings, registry)) as store:
        yield Centre(store, registry, settings)


@contextmanager
def judging(config: Path, rules: Path) -> Iterator[tuple[Centre, Rules]]:
    """`opened` with a rules.toml, which is checked before the store is opened."""
    from collector.service import open_store
    from collector.settings import load
    from rules.config import load as load_rules

    _require(config, rules)
    settings, registry = load(config)
    loaded = load_rules(rules, registry)
    with closing(open_store(settings, registry)) as store:
        yield Centre(store, registry, settings), loaded


def period_of(text: str, option: str = "--period") -> Period:
    """Raises RequestError."""
    from drivers.errors import RequestError
    from rules.period import Period

    try:
        return Period.parse(text)
    except ValueError as error:
        raise RequestError(f"{option}: {error}") from error


def _require(*files: Path) -> None:
    """A newcomer's commonest slip is the wrong folder. Raises RequestError."""
    from drivers.errors import RequestError

    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise RequestError(
            f"{' and '.join(missing)}: not found; run this in the folder of collector.toml, "
            "or name the files with --config and --rules"
        )


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, where that is a terminal; takes (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(transient=True, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)
