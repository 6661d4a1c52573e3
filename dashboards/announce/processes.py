"""Work for many buildings in processes of its own: one interpreter keeps one core busy."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from drivers.errors import BeaconError

MANY = 1_000
"""From so many buildings on it pays to start processes."""


@contextmanager
def processes(count: int, prepare: Callable[[], None] | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` processes; each calls `prepare` before its first task.

    They are spawned: this process may hold a database and threads, which must not be forked.
    Raises BeaconError if one of them was ended from outside.
    """
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_start, initargs=(prepare,))
    try:
        with pool:
            yield pool
    except BrokenProcessPool as error:
        raise BeaconError(
            "a process that was working on the announcement was ended; nothing is published. "
            "Is the machine short of memory?"
        ) from error


def _start(prepare: Callable[[], None] | None) -> None:
    # Ctrl+C reaches every process of the terminal; the first one decides and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepare is not None:
        prepare()
