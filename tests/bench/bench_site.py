"""First byte of every page of the site: 1,000 buildings × 13 months in the SQLite store. Aim: 100 ms, 300 kB.

The server runs in a process of its own, as does the visitor; the collector's work, where it is on, runs
in the server's process, as in `beacon site run`. Besides the times, the processor time that the whole
server spent between request and last byte is told: other programs on the machine do not change it.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import random
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import uvicorn

from collector.model import DailyRow, EdgeRow, JudgementRow
from collector.registry import Building, BuildingType, Meter, Registry, Role
from collector.sqlite_store import SqliteStore
from dashboards.announce.publication import Index, Published
from dashboards.site import SiteServices, Users, create_app
from drivers.carrier import Carrier, Direction
from edge.wire import EdgeStatus, IntervalGroup, SampleGroup
from rules.alerts import AlertBook, Finding

BUILDINGS, DAYS, ROUNDS, WARM_S = 1000, 396, 100, 10
AIM_MS, AIM_KB = 100, 300
DISTURBED_MS = 5.0
TOKEN = "bench"
TYPES = [type for type in BuildingType if type is not BuildingType.OTHER]
IDS = [f"3301{n // 100 + 2:02d}A{n % 100:03d}" for n in range(BUILDINGS)]
FIRST = IDS[0]
STEP = {"name": "readings of electricity (total)", "formula": "sum of days", "value": 1.5, "unit": "kWh"}
CHAIN = json.dumps({"steps": [STEP] * 30})
MAIN = Meter("main", "main", Carrier.ELECTRICITY, Role.MAIN)
SUBS = tuple(Meter(f"sub-{n}", f"sub-{n}", Carrier.ELECTRICITY, Role.SUB, "01A00") for n in range(20))
PUMP = Meter("pump", "pump", Carrier.HEAT, Role.HEAT_PUMP)
ACCOUNTS = [("electricity", "total"), ("electricity", "01A00"), ("electricity", "01B00"), ("water", "total")]
PUMPED = [("heat", "heat_pump_output"), ("electricity", "heat_pump_input")]


def pages() -> list[str]:
    """Every page and every resource of the read API, as a visitor and as a program would ask."""
    today = date.today()
    building, year = f"/buildings/{FIRST}", today.year
    month = f"first={today - timedelta(days=30)}&last={today}"
    now = int(time.time() * 1000)
    series = f"device=main&quantity=active_power_total&start={now - 86_400_000}&end={now}"
    return [
        "/", "/?sort=eui&page=7", "/?q=Building+9&type=hotel", "/regions/330000", "/regions/330100",
        "/regions/330105", building, f"{building}?span=week", f"{building}?span=month",
        f"{building}/explain", f"{building}/explain?period={year}", f"{building}/devices/main",
        f"{building}/devices/main?quantity=voltage_l1n", f"{building}/heat-pumps", "/heat-pumps",
        "/alerts", "/alerts?severity=warning&page=2", "/alerts?state=resolved", "/alerts/1",
        "/announcements", "/announcements/3301-00", "/edges", "/commissioning",
        f"/commissioning?building={FIRST}", "/login", "/nowhere", "/api/v1/docs", "/api/v1/openapi.json",
        "/api/v1/buildings", "/api/v1/buildings?format=csv", f"/api/v1{building}",
        f"/api/v1{building}/devices", f"/api/v1{building}/series?{series}",
        f"/api/v1/energy?building={FIRST}&first={today - timedelta(days=365)}&last={today}",
        f"/api/v1/energy?{month}", f"/api/v1/energy?{month}&format=csv", f"/api/v1/energy?{month}&by=month",
        f"/api/v1/judgements?period={year}", f"/api/v1/judgements?period={year}&format=csv",
        "/api/v1/alerts", "/api/v1/edges", "/metrics",
    ]  # fmt: skip


def registry() -> Registry:
    names = {"330000": ("浙江省", "Zhejiang"), "330100": ("杭州市", "Hangzhou")}
    names |= {id_[:6]: (f"第{id_[4:6]}区", f"District {id_[4:6]}") for id_ in IDS}
    return Registry(
        {
            id_: Building(
                id_, f"建筑{n}", f"Building {n}", TYPES[n % len(TYPES)], 10_000.0, edges=(edge(n),),
                latitude=30.0 + n % 37 / 100, longitude=120.0 + n % 53 / 100,
                meters=(MAIN, *(SUBS if n == 0 else ()), *((PUMP,) if n % 20 == 0 else ())),
            )
            for n, id_ in enumerate(IDS)
        },
        names,
    )  # fmt: skip


def edge(n: int) -> str:
    return f"hz/pi-{n // 20:02d}"


def fill(store: SqliteStore, now: int) -> None:
    """Four to six rows a building and day, samples, judgements; four weeks of the first's quarter hours."""
    today = date.today()
    for n, id_ in enumerate(IDS):
        accounts = ACCOUNTS + (PUMPED if n % 20 == 0 else [])
        store.write_daily(
            [
                DailyRow(id_, carrier, item, today - timedelta(days=n), 900.0 + n, 1.0, 0.0, 120.0, 20.0)
                for n in range(1, DAYS)
                for carrier, item in accounts
            ]
        )
    quarters = [(now // 900_000 * 900_000 - n * 900_000, 900, 20.0, 900, 0) for n in range(1, 2700)]
    devices = ["main", *(meter.device for meter in SUBS)]
    store.write(
        [
            *(samples(id_, "main", [now]) for id_ in IDS),
            *(samples(FIRST, device, range(now - 86_400_000, now, 60_000)) for device in devices),
            *(pump_samples(id_, range(now - 86_400_000, now, 60_000)) for id_ in IDS[::20]),
        ],
        [intervals(FIRST, device, quarters) for device in devices],
    )
    store.write_judgements(
        [
            JudgementRow(id_, "limit", basis, str(today.year), now, unit, 300_000.0, 330_000.0, 0.91, 0.88,
                         340_000.0, 330_000.0, 350_000.0, "watch", 1.0, "t1", detail=CHAIN)
            for id_ in IDS
            for basis, unit in (("energy_kwh", "kWh"), ("carbon_kgco2", "kgCO2"))
        ]
    )  # fmt: skip
    for name in sorted({edge(n) for n in range(BUILDINGS)}):
        store.write_edge(status(name, now))


def samples(building: str, device: str, at: range | list[int]) -> SampleGroup:
    fields = ["active_power_total", "voltage_l1n", "voltage_l2n", "voltage_l3n", "frequency"]
    rows: list[list[float | None]] = [[t, 0, 80.0 + t % 7, 230.0, 231.0, 229.0, 50.0] for t in at]
    return SampleGroup(building=building, device=device, kind="electricity", fields=fields, rows=rows)


def pump_samples(building: str, at: range | list[int]) -> SampleGroup:
    fields = ["thermal_power", "electric_power_input", "supply_temperature", "return_temperature"]
    rows: list[list[float | None]] = [[t, 0, 40.0 + t % 5, 10.0, 45.0, 39.0] for t in at]
    return SampleGroup(building=building, device="pump", kind="heat_pump", fields=fields, rows=rows)


def intervals(building: str, device: str, rows: list[tuple[int, int, float, int, int]]) -> IntervalGroup:
    return IntervalGroup(
        building=building, device=device, carrier=Carrier.ELECTRICITY, direction=Direction.IMPORT, rows=rows
    )


def status(name: str, now: int) -> EdgeRow:
    devices = {f"meter-{n}": "ok" if n else "no answer from unit 3" for n in range(20)}
    said = EdgeStatus(online=True, at=now, version="0.1.0", clock="trusted", poll_success=0.99,
                      bus_load={"rs485": 0.4}, devices=devices)  # fmt: skip
    site, _, edge_ = name.partition("/")
    return EdgeRow(site, edge_, now, said.model_dump(mode="json"))


def alerts(path: Path, now: int) -> AlertBook:
    """150 open alerts and 300 resolved ones."""
    book = AlertBook(path)
    for n in range(450):
        since = now - (n + 1) * 600_000
        book.fire(
            Finding(
                f"rule_{n}", IDS[n], "", "warning", f"Power above contract {n}", f"功率超合同 {n}", since
            ),
            since,
        )
        if n >= 150:
            book.clear(f"rule_{n}", IDS[n], "", since + 300_000)
    return book


def announced(directory: Path) -> None:
    """A year of announcements; what they say is not read by the site."""
    found = []
    names = ("announcement.en.html", "announcement.zh.html", "announcement.csv", "announcement.pdf")
    for n in range(12):
        number = f"3301-{n:02d}"
        (directory / number).mkdir(parents=True)
        for name in names:
            (directory / number / name).write_text("<p>announced")
        sha = hashlib.sha256(b"<p>announced").hexdigest()
        found.append(
            Published(number=number, region="3301", period=f"2025-{n + 1:02d}", named=True,
                      issued_on="2026-01-05", official=True, content=sha, files=dict.fromkeys(names, sha))
        )  # fmt: skip
    (directory / "index.json").write_text(Index(announcements=tuple(found)).model_dump_json())


def prepare(directory: Path) -> None:
    now = int(time.time() * 1000)
    store = SqliteStore(directory / "site.sqlite")
    fill(store, now)
    store.close()
    alerts(directory / "alerts.sqlite", now).close()
    announced(directory / "announcements")
    users = directory / "users.toml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    users.write_text(f'[[token]]\nname = "bench"\nrole = "admin"\nsha256 = "{digest}"\n')
    users.chmod(0o600)


def serve(directory: Path, link: Connection) -> None:
    """The server's process: sends its port, then collects while it is told True, until None."""
    store = SqliteStore(directory / "site.sqlite")
    book = AlertBook(directory / "alerts.sqlite")
    services = SiteServices(
        store, registry(), alerts=book, announcements=directory / "announcements",
        users=Users(directory / "users.toml"),
    )  # fmt: skip
    config = uvicorn.Config(
        create_app(services), host="127.0.0.1", port=0, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    collecting, ended = threading.Event(), threading.Event()

    def follow() -> None:
        while not server.started:
            time.sleep(0.01)
        link.send(server.servers[0].sockets[0].getsockname()[1])
        while (wanted := link.recv()) is not None:
            (collecting.set if wanted else collecting.clear)()
        ended.set()
        collecting.set()
        server.should_exit = True

    threads = [
        threading.Thread(target=follow),
        threading.Thread(target=collect, args=(store, collecting, ended)),
    ]
    for thread in threads:
        thread.start()
    server.run()
    for thread in threads:
        thread.join()
    store.close()
    book.close()


def collect(store: SqliteStore, collecting: threading.Event, ended: threading.Event) -> None:
    """What a collector stores: a sample of each building every ten seconds, quarter hours, days, statuses."""
    turn, today = 0, date.today()
    while not ended.wait(1.0):
        collecting.wait()
        now = int(time.time() * 1000)
        part = IDS[turn * 100 % BUILDINGS :][:100]
        quarter = (now // 900_000 * 900_000 - 900_000, 900, 20.0, 900, 0)
        store.write(
            [samples(id_, "main", [now]) for id_ in part] + [pump_samples(id_, [now]) for id_ in part[::20]],
            [intervals(id_, "main", [quarter]) for id_ in part[:2]],
        )
        store.write_daily(
            [DailyRow(id_, "electricity", "total", today, 500.0, 0.5, 0.0, 120.0, 20.0) for id_ in part[:20]]
        )
        store.write_edge(status(edge(turn % BUILDINGS), now))
        turn += 1


@dataclass
class Visits:
    """Of one page. ms: to the first byte; cpu_ms: the server's processor time; sent: bytes as transferred.

    waited_ms: for how long threads of the server and of the visitor were ready and had no processor.
    """

    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    waited_ms: list[float] = field(default_factory=list)
    sent: int = 0

    @property
    def undisturbed(self) -> list[float]:
        return [ms for ms, waited in zip(self.ms, self.waited_ms, strict=True) if waited < DISTURBED_MS]


class Visitor:
    """Asks for one page at a time."""

    def __init__(self, port: int, pid: int) -> None:
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        self._cpu = ~pid << 3 | 2  # Linux: the processor clock of another process
        self._tasks = Path(f"/proc/{pid}/task")

    def _waited_ms(self) -> float:
        total = 0
        for task in (Path("/proc/thread-self"), *self._tasks.iterdir()):
            with suppress(OSError):  # a thread that has just ended
                total += int((task / "schedstat").read_text().split()[1])
        return total / 1e6

    def visit(self, path: str, language: str, found: Visits) -> None:
        waited, cpu = self._waited_ms(), time.clock_gettime_ns(self._cpu)
        started = time.perf_counter_ns()
        with self._client.stream("GET", path, headers={"Accept-Language": language}) as answer:
            chunks = answer.iter_raw()
            chunk = next(chunks)
            found.ms.append((time.perf_counter_ns() - started) / 1e6)
            found.sent = len(chunk) + sum(len(chunk) for chunk in chunks)
        found.cpu_ms.append((time.clock_gettime_ns(self._cpu) - cpu) / 1e6)
        found.waited_ms.append(self._waited_ms() - waited)
        if answer.status_code != (404 if path == "/nowhere" else 200):
            raise RuntimeError(f"{path}: {answer.status_code}")

    def close(self) -> None:
        self._client.close()


def walk(visitor: Visitor, paths: list[str], rounds: int, mixed: bool = True) -> dict[str, Visits]:
    """Every page once a round, the languages in turn; mixed: in another order each time."""
    found = {path: Visits() for path in paths}
    order = list(found)
    mix = random.Random(1)
    for n in range(rounds):
        if mixed:
            mix.shuffle(order)
        for path in order:
            visitor.visit(path, ("en", "zh")[n % 2], found[path])
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        started = time.perf_counter()
        prepare(directory)
        print(f"{BUILDINGS} buildings × {DAYS} days written in {time.perf_counter() - started:.1f} s")
        context = multiprocessing.get_context("spawn")
        link, other = context.Pipe()
        server = context.Process(target=serve, args=(directory, other))
        server.start()
        assert server.pid is not None
        visitor = Visitor(link.recv(), server.pid)
        try:
            time.sleep(WARM_S)
            paths = pages()
            first = walk(visitor, paths, 2, mixed=False)
            quiet = walk(visitor, paths, ROUNDS)
            link.send(True)
            busy = walk(visitor, paths, ROUNDS)
        finally:
            visitor.close()
            link.send(None)
            server.join()
    tell(first, quiet, busy)


def tell(first: dict[str, Visits], quiet: dict[str, Visits], busy: dict[str, Visits]) -> None:
    """A line a page; of the worst, in brackets, the one that no other program disturbed."""
    print(f"ms to the first byte of {ROUNDS} requests (aim {AIM_MS}), processor ms, kB sent (aim {AIM_KB})")
    print(
        f"{'':56} first |    quiet: median   p95    worst | collecting: median   p95    worst |"
        "  cpu worst  kB"
    )
    for path, one in quiet.items():
        shown = path if len(path) <= 56 else path[:55] + "…"
        print(
            f"{shown:56} {max(first[path].ms):5.0f} |  {figures(one)} |      {figures(busy[path])} | "
            f"{statistics.median(one.cpu_ms):4.1f} {max(one.cpu_ms):5.0f} {one.sent / 1000:3.0f}"
        )
    for name, walked in (("first visit", first), ("quiet", quiet), ("collecting", busy)):
        times = [ms for one in walked.values() for ms in one.ms]
        calm = [ms for one in walked.values() for ms in one.undisturbed]
        print(
            f"{name:11} worst of all {max(times):4.0f} ms, of the {len(calm) / len(times):.0%} undisturbed "
            f"{max(calm):4.0f} ms (ratio {max(calm) / AIM_MS:.2f})"
        )


def figures(visits: Visits) -> str:
    ordered = sorted(visits.ms)
    calm = max(visits.undisturbed, default=float("nan"))
    return (
        f"{statistics.median(ordered):13.0f} {ordered[int(len(ordered) * 0.95)]:5.0f} "
        f"{ordered[-1]:4.0f} ({calm:3.0f})"
    )


if __name__ == "__main__":
    main()
