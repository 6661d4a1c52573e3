"""The `beacon` command: mounts the groups and turns expected errors into one clear message."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from beacon.commands import (
    announce,
    audit,
    boards,
    collector,
    demo,
    devices,
    edge,
    events,
    registry,
    rules,
    site,
    statistics,
    user,
)
from drivers.errors import BeaconError, ConfigError, RequestError

app = typer.Typer(
    name="beacon",
    help="Building Energy And Carbon Observation Network: read meters and heat pumps, keep every reading, "
    "judge buildings against energy and carbon quotas, publish it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("demo")(demo.demo)
app.add_typer(site.app, name="site")
app.add_typer(edge.app, name="edge")
app.add_typer(collector.app, name="collector")
app.add_typer(rules.app, name="rules")
app.add_typer(boards.app, name="boards")
app.add_typer(announce.app, name="announce")
app.command("statistics")(statistics.statistics)
app.command("audit")(audit.audit)
app.command("events")(events.events)
app.add_typer(devices.app, name="devices")
app.add_typer(registry.app, name="registry")
app.add_typer(user.app, name="user")


@app.callback()
def options(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every step to standard error.")
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def main() -> None:
    """Exit 1 on an expected error, 2 where a file or the command line must be corrected."""
    try:
        app()
    except ConfigError as error:
        _say(f"{len(error.problems)} problem(s), nothing was started:\n{error}")
        sys.exit(2)
    except BeaconError as error:
        _say(str(error))
        sys.exit(2 if isinstance(error, RequestError) else 1)
    except PermissionError as error:
        _say(f"{error.filename}: permission denied")
        sys.exit(1)
    except BrokenPipeError:
        # The reader (`| head`) has gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _say(message: str) -> None:
    print(f"beacon: {message}", file=sys.stderr)


if __name__ == "__main__":
    main()
