"""Answers that many pages share, computed once for a few seconds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from drivers.errors import BeaconError

logger = logging.getLogger(__name__)

T = TypeVar("T")
THREADS = 4
SWEEP_S = 30.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """An answer, given until `keep_until`; from `renew_at` on its first reader has the next one computed."""

    value: Any
    renew_at: float
    keep_until: float


class Cache:
    """Keeps the last answer of each key. A reader waits only for a key's very first answer.

    An answer older than its time to live is still given, while a thread computes the next; one that
    is older than `keep_s` is not given any more, so that a site nobody looked at shows no old news.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, max_entries: int = 4096) -> None:
        self._now = now
        self._max_entries = max_entries
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()
        self._loading: dict[Hashable, threading.Lock] = {}
        self._renewing: set[Hashable] = set()
        self._sweep_at = now() + SWEEP_S
        # The same few threads for ever: each has a connection of its own to the store.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="site cache")

    def get(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float = 0.0) -> T:
        """The answer for `key`, at most `keep_s` old, or twice `ttl_s` if that is more.

        Raises what `load` raises if there is no answer young enough.
        """
        with self._lock:
            if (entry := self._known(key)) is not None:
                if self._now() > entry.renew_at:
                    self._renew(key, ttl_s, load, keep_s)
                return cast(T, entry.value)
            gate = self._loading.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                if (entry := self._known(key)) is not None:
                    return cast(T, entry.value)
            return self._store(key, ttl_s, load, keep_s)

    def ready(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float = 0.0) -> T | None:
        """As `get`, but None instead of waiting for a first answer, which a thread then computes."""
        with self._lock:
            if self._known(key) is None:
                self._renew(key, ttl_s, load, keep_s)
                return None
        return self.get(key, ttl_s, load, keep_s)

    def forget(self, key: Hashable) -> None:
        """The next reader waits for a new answer."""
        with self._lock:
            self._entries.pop(key, None)

    def _known(self, key: Hashable) -> _Entry | None:
        entry = self._entries.get(key)
        return entry if entry is not None and self._now() <= entry.keep_until else None

    def _renew(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float) -> None:
        """Compute in a thread, once at a time for a key."""
        if key not in self._renewing:
            self._renewing.add(key)
            self._threads.submit(self._compute, key, ttl_s, load, keep_s)

    def _compute(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float) -> None:
        try:
            self._store(key, ttl_s, load, keep_s)
        except BeaconError as error:
            logger.warning("site: %s could not be read: %s", key, error)
        except Exception:
            logger.exception("site: %s could not be computed", key)
        finally:
            with self._lock:
                self._renewing.discard(key)

    def _store(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float) -> T:
        value = load()
        with self._lock:
            now = self._now()
            if now >= self._sweep_at:
                self._sweep_at = now + SWEEP_S
                self._entries = {k: entry for k, entry in self._entries.items() if now <= entry.keep_until}
            if key not in self._entries and len(self._entries) >= self._max_entries:
                del self._entries[min(self._entries, key=lambda k: self._entries[k].keep_until)]
            self._entries[key] = _Entry(value, now + ttl_s, now + max(keep_s, 2 * ttl_s))
            self._loading.pop(key, None)
        return value
