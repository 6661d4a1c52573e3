"""First byte of the site's pages: 1,000 buildings × 13 months in the SQLite store. Aim: 100 ms, 300 kB."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn

from collector.model import DailyRow, JudgementRow
from collector.registry import Building, BuildingType, Meter, Registry, Role
from collector.sqlite_store import SqliteStore
from dashboards.site import SiteServices, create_app
from drivers.carrier import Carrier, Direction
from edge.wire import IntervalGroup, SampleGroup
from rules.alerts import AlertBook

BUILDINGS, DAYS, ROUNDS = 1000, 396, 20
TYPES = [type for type in BuildingType if type is not BuildingType.OTHER]
STEP = {"name": "readings of electricity (total)", "formula": "sum of days", "value": 1.5, "unit": "kWh"}
CHAIN = json.dumps({"steps": [STEP] * 30})
METER = Meter("main", "main", Carrier.ELECTRICITY, Role.MAIN)


def fill(store: SqliteStore, ids: list[str], now: int) -> None:
    """Four rows a building and day, a sample, two judgements; four weeks of quarter hours of the first."""
    today = date.today()
    rows = [("electricity", "total"), ("electricity", "01A00"), ("electricity", "01B00"), ("water", "total")]
    for id_ in ids:
        store.write_daily(
            [
                DailyRow(id_, carrier, item, today - timedelta(days=n), 900.0 + n, 1.0, 0.0, 120.0, 20.0)
                for n in range(1, DAYS)
                for carrier, item in rows
            ]
        )
    fields = ["active_power_total", "voltage_l1n"]
    store.write(
        [
            SampleGroup(
                building=id_, device="main", kind="electricity", fields=fields, rows=[[now, 0, 80.0, 230.0]]
            )
            for id_ in ids
        ],
        [
            IntervalGroup(
                building=ids[0], device="main", carrier=Carrier.ELECTRICITY, direction=Direction.IMPORT,
                rows=[(now // 900_000 * 900_000 - n * 900_000, 900, 20.0, 900, 0) for n in range(1, 2700)],
            )
        ],
    )  # fmt: skip
    store.write_judgements(
        [
            JudgementRow(id_, "limit", basis, str(today.year), now, unit, 300_000.0, 330_000.0, 0.91, 0.88,
                         340_000.0, 330_000.0, 350_000.0, "watch", 1.0, "t1", detail=CHAIN)
            for id_ in ids
            for basis, unit in (("energy_kwh", "kWh"), ("carbon_kgco2", "kgCO2"))
        ]
    )  # fmt: skip


def first_byte(client: httpx.Client, path: str) -> tuple[float, int]:
    """Milliseconds to the first byte, bytes of the page unpacked."""
    started = time.perf_counter()
    with client.stream("GET", path) as answer:
        answer.raise_for_status()
        first = time.perf_counter() - started
        return first * 1000, len(answer.read())


def main() -> None:
    ids = [f"3301{n // 100 + 2:02d}{'A'}{n % 100:03d}" for n in range(BUILDINGS)]
    registry = Registry(
        {
            id_: Building(id_, f"建筑{n}", f"Building {n}", TYPES[n % len(TYPES)], 10_000.0, meters=(METER,))
            for n, id_ in enumerate(ids)
        }
    )
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteStore(Path(directory) / "site.sqlite")
        started = time.perf_counter()
        fill(store, ids, int(datetime.now().timestamp() * 1000))
        print(f"{BUILDINGS} buildings × {DAYS} days written in {time.perf_counter() - started:.1f} s")
        app = create_app(SiteServices(store, registry, alerts=AlertBook(":memory:")))
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        # In a process of its own, so that the visitor does not take the server's turn at the interpreter.
        visitor = multiprocessing.get_context("spawn").Process(target=visit, args=(port, ids))
        visitor.start()
        visitor.join()
        server.should_exit = True
        thread.join()
        store.close()


def visit(port: int, ids: list[str]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        measure(client, ids)


def measure(client: httpx.Client, ids: list[str]) -> None:
    time.sleep(10)
    building = f"/buildings/{ids[0]}"
    for path in ("/", "/?sort=eui&page=7", "/regions/330100", building, f"{building}?span=month",
                 f"{building}/explain", f"{building}/devices/main", "/alerts", "/edges",
                 f"/commissioning?building={ids[0]}",
                 "/announcements", "/api/v1/buildings"):  # fmt: skip
        cold, size = first_byte(client, path)
        times = []
        for _ in range(ROUNDS):
            time.sleep(0.25)
            times.append(first_byte(client, path)[0])
        times.sort()
        print(
            f"{path:34} first visit {cold:6.1f} ms, then median {statistics.median(times):5.1f} ms, "
            f"worst {times[-1]:6.1f} ms, {size / 1000:5.0f} kB (aim 100 ms: ratio {times[-1] / 100:.2f})"
        )


if __name__ == "__main__":
    main()
