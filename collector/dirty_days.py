"""Days that wait for their rollup, as the scans of an InfluxDB store found them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import date

MARGIN_MS = 120_000
FULL_SCAN_MS = 3_600_000


class DirtyDays:
    """What scans found dirty. Most scans look only at recent marks; now and then one looks at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: set[tuple[str, date]] = set()
        self._scanned_at = self._full_at = 0

    def scan_from(self, now: int) -> int:
        """Marks later than this must be read. Marks of other collectors may come a little late."""
        with self._lock:
            if now - self._full_at >= FULL_SCAN_MS:
                self._full_at = self._scanned_at = now
                self._days.clear()
                return 0
            since, self._scanned_at = self._scanned_at - MARGIN_MS, now
            return since

    def note(self, key: tuple[str, date], dirty: bool) -> None:
        with self._lock:
            (self._days.add if dirty else self._days.discard)(key)

    def forget(self, keys: Iterable[tuple[str, date]]) -> None:
        with self._lock:
            self._days.difference_update(keys)

    def days(self) -> list[tuple[str, date]]:
        with self._lock:
            return sorted(self._days)
