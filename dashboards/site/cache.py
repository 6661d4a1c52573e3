"""Answers that many pages share, computed once for a few seconds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from drivers.errors import BeaconError

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class _Entry:
    value: Any
    loaded_at: float
    refreshing: bool = False


class Cache:
    """Keeps the last answer of each key. A reader waits only for a key's very first answer.

    An answer older than its time to live is still given, while one thread computes the next; one that
    is older than `keep_s` is not given any more, so that a site nobody looked at shows no old news.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, max_entries: int = 4096) -> None:
        self._now = now
        self._max_entries = max_entries
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.Lock()
        self._loading: dict[Hashable, threading.Lock] = {}
        self._first: set[Hashable] = set()

    def get(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float = 0.0) -> T:
        """The answer for `key`, at most `keep_s` old, or twice `ttl_s` if that is more.

        Raises what `load` raises if there is no answer young enough.
        """
        keep_s = max(keep_s, 2 * ttl_s)
        with self._lock:
            entry = self._entries.get(key)
            age = self._now() - entry.loaded_at if entry else None
            if entry is not None and age is not None and age <= keep_s:
                if age > ttl_s and not entry.refreshing:
                    entry.refreshing = True
                    threading.Thread(
                        target=self._refresh, args=(key, load), name="site cache", daemon=True
                    ).start()
                return cast(T, entry.value)
            gate = self._loading.setdefault(key, threading.Lock())
        with gate:
            with self._lock:
                entry = self._entries.get(key)
                if entry is not None and self._now() - entry.loaded_at <= keep_s:
                    return cast(T, entry.value)
            return self._store(key, load())

    def ready(self, key: Hashable, ttl_s: float, load: Callable[[], T], keep_s: float = 0.0) -> T | None:
        """As `get`, but None instead of waiting for a first answer, which a thread then computes."""
        with self._lock:
            entry = self._entries.get(key)
            known = entry is not None and self._now() - entry.loaded_at <= max(keep_s, 2 * ttl_s)
            if not known:
                if key not in self._first:
                    self._first.add(key)
                    threading.Thread(
                        target=self._begin, args=(key, load), name="site cache", daemon=True
                    ).start()
                return None
        return self.get(key, ttl_s, load, keep_s)

    def _begin(self, key: Hashable, load: Callable[[], T]) -> None:
        try:
            self._store(key, load())
        except BeaconError as error:
            logger.warning("site: %s could not be read: %s", key, error)
        finally:
            with self._lock:
                self._first.discard(key)

    def forget(self, key: Hashable) -> None:
        """The next reader waits for a new answer."""
        with self._lock:
            self._entries.pop(key, None)

    def _refresh(self, key: Hashable, load: Callable[[], T]) -> None:
        try:
            self._store(key, load())
        except BeaconError as error:
            logger.warning("site: %s could not be refreshed: %s", key, error)
            with self._lock:
                if key in self._entries:
                    self._entries[key].refreshing = False

    def _store(self, key: Hashable, value: T) -> T:
        with self._lock:
            if key not in self._entries and len(self._entries) >= self._max_entries:
                oldest = min(self._entries, key=lambda k: self._entries[k].loaded_at)
                del self._entries[oldest]
            self._entries[key] = _Entry(value, self._now())
            self._loading.pop(key, None)
        return value
