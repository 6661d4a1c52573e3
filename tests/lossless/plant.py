"""A whole installation for trials of loss: numbering meters, edge, broker, collector, InfluxDB.

Every answer of a meter carries a reading of its own: the n-th answer is n hundredths of a kilowatt-hour.
So the store can be asked which answers it holds, and interval energy can be worked out again from them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from servers import HOST, InfluxDB, Mosquitto, free_port

from drivers import profile as profiles
from drivers.simulate.device import SimulatedDevice
from drivers.simulate.server import SimulatedBus

BUILDING = "330100A001"
QUARTER_MS = 900_000
FLUSH_S = 0.2
PROFILE = """
model = "meter that numbers its answers"
vendor = "test"
kind = "electricity"
[sources]
test = "tests/lossless"
[modbus]
transports = ["tcp"]
unit_id = 1
function = 3
max_words = 100
[[registers]]
type = "u32"
unit = "kWh"
scale = 0.01
confidence = "test"
sources = ["test"]
[registers.points]
active_energy_import_total = 0
[[registers]]
type = "f32"
unit = "W"
confidence = "test"
sources = ["test"]
[registers.points]
active_power_total = 2
"""


class Numbers:
    """What a counting meter shows: the number of the answer, in hundredths."""

    def value(self, name: str, at_s: float) -> float:
        return at_s / 100 if name == "active_energy_import_total" else at_s


class Meter(SimulatedDevice):
    """`reads` is the number of the answer, and the meter's only clock."""

    def __init__(self, directory: Path) -> None:
        super().__init__(profiles.load("counting", directory), Numbers(), lambda: float(self.reads))


@dataclass
class Stored:
    """What the store holds of one meter."""

    at: list[int]  # ms, in order
    readings: list[float]
    intervals: dict[int, float]  # start -> energy


class Plant:
    """Starts and kills the parts. One meter a TCP bus; `factor` is how fast the edge's clock runs."""

    def __init__(self, directory: Path, influxdb: InfluxDB, mosquitto: Mosquitto, **options: Any) -> None:
        self.directory, self.influxdb, self.mosquitto = directory, influxdb, mosquitto
        self.factor: float = options.get("factor", 120)
        self.poll_s: float = options.get("poll_s", 10)
        self.count: int = options.get("meters", 6)
        self.start_ms = int(time.time() * 1000 - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 * self.factor)
        self.start_ms -= options.get("days_ago", 3) * 86_400_000
        self.edge: subprocess.Popen[bytes] | None = None
        self.collector: subprocess.Popen[bytes] | None = None
        self.meters: dict[str, Meter] = {}
        self.buses: list[SimulatedBus] = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="meters", daemon=True).start()
        (directory / "profiles").mkdir()
        (directory / "profiles" / "counting.toml").write_text(PROFILE)
        self._call(self._start_meters())
        self._write_files(options.get("protocol", "5"))

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _start_meters(self) -> None:
        for number in range(self.count):
            meter = self.meters[f"meter-{number}"] = Meter(self.directory / "profiles")
            bus = SimulatedBus({1: meter}, "tcp", HOST, free_port())
            await bus.start()
            self.buses.append(bus)

    async def _stop_meters(self) -> None:
        for bus in self.buses:
            await bus.aclose()

    def _write_files(self, protocol: str) -> None:
        where = self.directory
        lines = [
            f'site = "s"\nedge = "e"\nbuilding = "{BUILDING}"\nclock = "trusted"',
            f'profiles = "{where}/profiles"',
            f'[uplink]\nhost = "{HOST}"\nport = {self.mosquitto.port}\ntls = false\nack_timeout_s = 2',
            f'[spool]\npath = "{where}/spool.db"\nflush_s = {FLUSH_S}',
            f"[poll]\nfast_s = {self.poll_s}\nslow_s = 86400\n[status]\nport = 0",
        ]
        for (name, _), bus in zip(self.meters.items(), self.buses, strict=True):
            lines.append(f'[[bus]]\nname = "{name}"\ntype = "tcp"\nhost = "{HOST}"\nport = {bus.port}')
            lines.append(f'[[device]]\nid = "{name}"\nbus = "{name}"\nprofile = "counting"')
        (where / "edge.toml").write_text("\n".join(lines))
        (where / "buildings.toml").write_text(
            f'[[building]]\nid = "{BUILDING}"\nname_zh = "楼"\nname_en = "House"\n'
            'type = "government_office"\narea_m2 = 1000\nedges = ["s/e"]\n'
            + "".join(
                f'[[building.meter]]\nname = "{name}"\ncarrier = "electricity"\nrole = "main"\n'
                for name in self.meters
            )
        )
        (where / "collector.toml").write_text(
            f'[broker]\nhost = "{HOST}"\nport = {self.mosquitto.port}\nprotocol = "{protocol}"\n'
            f'[store]\nkind = "influxdb"\nurl = "{self.influxdb.url}"\n'
            'bucket_raw = "raw"\nbucket_energy = "energy"\n'
            '[registry]\nfiles = ["buildings.toml"]\n'
        )
        self._run([sys.executable, "-m", "beacon", "collector", "init", "-c", str(where / "collector.toml")])

    @staticmethod
    def _run(command: list[str]) -> None:
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.directory / log).open("ab") as out:
            return subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=os.environ)

    def start_edge(self) -> None:
        script = Path(__file__).parent / "fast_edge.py"
        where = str(self.directory / "edge.toml")
        self.edge = self._spawn(
            [sys.executable, str(script), where, str(self.start_ms), str(self.factor)], "edge.log"
        )

    def start_collector(self) -> None:
        config = str(self.directory / "collector.toml")
        self.collector = self._spawn(
            [sys.executable, "-m", "beacon", "collector", "run", "-c", config], "collector.log"
        )

    @staticmethod
    def end(process: subprocess.Popen[bytes] | None, how: signal.Signals = signal.SIGTERM) -> None:
        if process is not None and process.poll() is None:
            process.send_signal(how)
            process.wait(20)

    def kill_edge(self) -> None:
        self.end(self.edge, signal.SIGKILL)

    def kill_collector(self) -> None:
        self.end(self.collector, signal.SIGKILL)

    def now(self) -> int:
        """ms, as the edge's clock counts."""
        return self.start_ms + int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000 * self.factor)

    def answers(self) -> dict[str, int]:
        """How many answers each meter has given so far."""
        return {name: meter.reads for name, meter in self.meters.items()}

    def wait_collecting(self) -> None:
        """Until something has come into the store."""
        deadline = time.monotonic() + 60
        while not any(stored.at for stored in self.stored().values()):
            assert time.monotonic() < deadline, f"nothing arrives; see {self.directory}/collector.log"
            time.sleep(0.2)

    def wait_answers(self, more: int, seconds: float = 60) -> None:
        """Until every meter has answered so many times more."""
        goal = {name: answers + more for name, answers in self.answers().items()}
        deadline = time.monotonic() + seconds
        while any(self.answers()[name] < count for name, count in goal.items()):
            assert time.monotonic() < deadline, f"the edge reads nothing; see {self.directory}/edge.log"
            time.sleep(0.05)

    def stop_reading(self) -> None:
        """Switch the meters off, so that the edge has nothing left to read."""
        self._call(self._stop_meters())

    def wait_delivered(self, seconds: float) -> None:
        """Until the edge's spool is empty."""
        deadline = time.monotonic() + seconds
        while (left := self.spooled()) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not left, f"{left} batches are still in the spool after {seconds} s"

    def spooled(self) -> int:
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(f"file:{self.directory}/spool.db?mode=ro", uri=True, timeout=10)) as db:
            return int(db.execute("SELECT count(*) FROM batch").fetchone()[0])

    def stored(self) -> dict[str, Stored]:
        """The store's content, by InfluxQL of the test's own."""
        found = {name: Stored([], [], {}) for name in self.meters}
        for name, rows in self._query(
            "raw", "SELECT active_energy_import_total FROM electricity GROUP BY device"
        ):
            found[name].at = [row[0] for row in rows]
            found[name].readings = [row[1] for row in rows]
        for name, rows in self._query("energy", "SELECT energy FROM interval GROUP BY device"):
            found[name].intervals = {row[0]: row[1] for row in rows}
        return found

    def _query(self, bucket: str, text: str) -> list[tuple[str, list[list[Any]]]]:
        answer = json.loads(self.influxdb.query(text, bucket))
        return [(s["tags"]["device"], s["values"]) for s in answer["results"][0].get("series", [])]

    def close(self) -> None:
        for process in (self.edge, self.collector):
            self.end(process, signal.SIGKILL)
        self._call(self._stop_meters())
        self.loop.call_soon_threadsafe(self.loop.stop)


def at_boundary(stored: Stored, boundary: int) -> float | None:
    """The register at an instant, interpolated between the stored readings around it."""
    for i in range(1, len(stored.at)):
        before, after = stored.at[i - 1], stored.at[i]
        if before <= boundary <= after:
            share = (boundary - before) / (after - before)
            return stored.readings[i - 1] + share * (stored.readings[i] - stored.readings[i - 1])
    return None


def check_intervals(stored: Stored, kills: list[int] | None = None, margin_ms: int = 0) -> int:
    """Intervals are all there, and add up to the register's difference between boundaries; returns how many.

    kills: when the edge died, on its own clock. A boundary between the account that was last saved
    before a kill (`margin_ms`) and the first reading after it was interpolated over that gap, so it
    cannot be worked out from the stored samples; the energy on both sides of it must still add up.
    """
    gaps = [
        (kill - margin_ms, next((at for at in stored.at if at > kill), stored.at[-1])) for kill in kills or []
    ]
    first = -(-stored.at[0] // QUARTER_MS) * QUARTER_MS
    boundaries = range(first, stored.at[-1] + 1, QUARTER_MS)
    known = [b for b in boundaries if not any(low <= b <= high for low, high in gaps)]
    for low, high in pairwise(known):
        starts = range(low, high, QUARTER_MS)
        assert all(start in stored.intervals for start in starts), f"an interval is missing after {low}"
        before, after = at_boundary(stored, low), at_boundary(stored, high)
        assert before is not None
        assert after is not None
        energy = sum(stored.intervals[start] for start in starts)
        assert abs(energy - (after - before)) < 1e-5, f"{low} to {high}: {energy} kWh, not {after - before}"
    return len(boundaries) - 1
