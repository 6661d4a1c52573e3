"""Fixtures: real servers. A missing server fails in CI and skips on a laptop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from servers import InfluxDB, Mosquitto, need


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A fresh Mosquitto with Debian's defaults; `.port`, `.stop()`, `.kill()`, `.start()`."""
    need("mosquitto")
    directory = tmp_path / "mosquitto"
    directory.mkdir()
    server = Mosquitto(directory)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def fresh_influxdb(tmp_path: Path) -> Iterator[InfluxDB]:
    """An InfluxDB of this test's own, which it may kill; `.url` speaks /api/v2/write and /query."""
    yield from _influxdb(tmp_path / "influxdb")


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB]:
    """One InfluxDB for the session: use bucket names of your own."""
    yield from _influxdb(tmp_path_factory.mktemp("influxdb"))


def _influxdb(directory: Path) -> Iterator[InfluxDB]:
    need("influxd")
    directory.mkdir(exist_ok=True)
    server = InfluxDB(directory)
    server.start()
    yield server
    server.stop()
    server.proxy.close()
