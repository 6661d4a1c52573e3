"""What a site that runs for months must not do: keep files open, keep old answers, stop for long."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from site_world import NOW

from collector.sqlite_store import SqliteStore


def test_threads_that_end_leave_no_file_open(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "site.sqlite", clock=lambda: NOW)
    store.edges()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        thread = threading.Thread(target=store.edges)
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    store.close()
