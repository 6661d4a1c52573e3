"""A CT ratio that edge.toml told late: the energy since it held is right afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from clocks import T0, FakeClock
from hypothesis import given
from hypothesis import strategies as st
from meters import decode
from typer.testing import CliRunner

from beacon.commands.edge import app
from drivers.carrier import Carrier, Direction
from drivers.errors import BeaconError
from drivers.sample import Sample
from edge import config_file
from edge.config import EdgeConfig
from edge.history import KEEP_DAYS, Kept, RatioRequest, RegisterKey, corrected
from edge.ledger import DAY_MS, INTERVAL_MS, MICRO, Interval, Register, RegisterSpec
from edge.recorder import Recorder
from edge.requests import request_ratios
from edge.spool import Spool
from edge.spool_file import SpoolFile
from edge.spool_rows import Commit
from edge.wire import Quality, RegisterEvent

BOUGHT = "active_energy_import_total"
KEY = RegisterKey("m", "electricity", "import")
MINUTE = 60_000
DIAL_A_MINUTE = 0.01  # kWh behind the transformer


def configured(folder: Path, ratio: int) -> EdgeConfig:
    path = folder / "edge.toml"
    path.write_text(
        'site = "s"\nedge = "e"\nbuilding = "330100A001"\n[uplink]\nhost = "b"\n[spool]\npath = "spool.db"\n'
        '[[bus]]\nname = "a"\ntype = "rtu_over_tcp"\nhost = "h"\n[[device]]\nid = "m"\nbus = "a"\n'
        f'profile = "dlt645_2007_three_phase"\naddress = "000000000001"\nct_ratio = {ratio}\n'
    )
    return config_file.load(path)


@dataclass
class Plant:
    """A meter read every minute, its edge, and the centre, where the last word on an interval counts."""

    folder: Path
    ratio: int = 40
    dial: float = 100.0
    begin: int = T0
    intervals: dict[int, tuple[float, int]] = field(default_factory=dict)
    events: list[RegisterEvent] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    online: bool = True

    async def start(self) -> None:
        self.clock = FakeClock(self.begin)
        self.config = configured(self.folder, self.ratio)
        settings = self.config.spool
        self.spool = Spool(settings.path, settings.max_bytes, settings.max_age_days)
        await self.spool.open()
        self.recorder = Recorder(self.config, self.spool, self.clock)
        await self.recorder.start()

    async def restart(self, ratio: int) -> None:
        await self.flush(last=True)
        await self.spool.close()
        clock = self.clock
        self.ratio = ratio
        await self.start()
        self.clock = self.recorder._clock = clock

    async def reload(self, ratio: int) -> None:
        await self.flush(last=True)
        self.ratio = ratio
        await self.recorder.adopt(configured(self.folder, ratio))

    async def run(self, minutes: int) -> None:
        for _ in range(minutes):
            self.recorder.take(Sample("m", self.clock.now(), (BOUGHT,), (self.dial * self.ratio,)))
            await self.flush()
            self.clock.advance(MINUTE)
            self.dial += DIAL_A_MINUTE

    async def flush(self, *, last: bool = False) -> None:
        stored, self.unanswered = (self.unanswered, []) if self.online else ([], self.unanswered)
        for sealed in await self.recorder.flush(stored, last=last):
            self.unanswered.append(sealed.seq)
            batch = decode(sealed.payload)
            self.events += batch.events
            for group in batch.intervals:
                self.intervals |= {row[0]: (row[2], row[4]) for row in group.rows}

    def tell(self, since: int) -> None:
        request_ratios(self.config.spool.path, [RatioRequest("m", BOUGHT, since, float(self.ratio))])

    def told(self, kind: str) -> list[tuple[int, float, float, float | None]]:
        return [(e.at, e.before, e.after, e.counted) for e in self.events if e.kind == kind]


def expected(start: int, since: int) -> float:
    """Energy of a quarter of an hour at 40, and at 60 from `since` on."""
    after = min(15.0, max(0.0, (start + INTERVAL_MS - since) / MINUTE))
    return DIAL_A_MINUTE * (40 * (15 - after) + 60 * after)


@pytest.mark.parametrize("way", ["reload", "restart"])
@pytest.mark.parametrize("since", [T0 + 30 * MINUTE, T0 + 37 * MINUTE, T0])
async def test_energy_since_the_exchange_of_transformers_is_right(
    tmp_path: Path, way: str, since: int
) -> None:
    plant = Plant(tmp_path)
    await plant.start()
    await plant.run(97)
    await getattr(plant, way)(60)
    plant.tell(since)
    await plant.run(50)
    assert len(plant.intervals) == 9
    for start, (energy, quality) in plant.intervals.items():
        assert energy == pytest.approx(expected(start, since), abs=2e-6)
        assert quality == (Quality.ESTIMATED if start < since < start + INTERVAL_MS else 0)
    late = DIAL_A_MINUTE * 20 * (T0 + 97 * MINUTE - since) / MINUTE
    (event,) = plant.told("ratio_since")
    assert event[:3] == (since, 40.0, 60.0)
    assert event[3] == pytest.approx(late, rel=0.03)
    assert [event[1:3] for event in plant.told("ratio")] == [(40.0, 60.0)]
    assert (await plant.spool.requests()).ratios == []
    await plant.spool.close()


async def test_a_date_told_late_told_again_and_told_otherwise(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    await plant.start()
    await plant.run(97)
    await plant.reload(60)
    await plant.run(60)
    first, second = T0 + 20 * MINUTE, T0 + 50 * MINUTE
    net = 0.0
    for since, words in ((first, 1), (first, 0), (second, 1), (second, 0)):
        before = len(plant.told("ratio_since"))
        plant.intervals.clear()
        plant.tell(since)
        await plant.run(2)
        assert plant.intervals  # told again, the same intervals are sent again
        for start, (energy, _) in plant.intervals.items():
            assert energy == pytest.approx(expected(start, since), abs=2e-6)
        new = plant.told("ratio_since")[before:]
        assert [event[0] for event in new] == [since] * words
        net += sum(event[3] or 0 for event in new)
    assert net == pytest.approx(DIAL_A_MINUTE * 20 * 47, rel=0.05)
    await plant.spool.close()


async def test_a_correction_waits_for_the_ratio_and_for_all_that_is_not_stored(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    await plant.start()
    await plant.run(40)
    configured(tmp_path, 60)  # edited, not yet reloaded
    request_ratios(plant.config.spool.path, [RatioRequest("m", BOUGHT, T0, 60.0)])
    await plant.run(20)
    assert plant.told("ratio_since") == []
    await plant.reload(60)
    plant.online = False
    await plant.run(40)
    assert plant.told("ratio_since") == []
    assert len((await plant.spool.requests()).ratios) == 1
    plant.online = True
    await plant.run(3)
    assert [event[0] for event in plant.told("ratio_since")] == [T0]
    assert plant.intervals[T0][0] == pytest.approx(0.15 * 60)
    await plant.spool.close()


async def test_a_ratio_of_an_unknown_device_is_left_out(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    await plant.start()
    request_ratios(plant.config.spool.path, [RatioRequest("gone", BOUGHT, T0, 60.0)])
    await plant.run(1)
    assert (await plant.spool.requests()).ratios == []
    await plant.spool.close()


async def test_two_changes_between_two_readings_are_two_events(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    await plant.start()
    await plant.run(3)
    for ratio in (50, 60, 80):
        await plant.reload(ratio)
    await plant.run(1)
    changes = plant.told("ratio")
    assert [event[1:3] for event in changes] == [(40.0, 50.0), (50.0, 60.0), (60.0, 80.0)]
    assert len({event[0] for event in changes}) == 3
    await plant.spool.close()


readings = st.lists(
    st.tuples(st.integers(1, 40), st.floats(0, 5), st.sampled_from([0, 0, 0, 30, 80])), min_size=3
)


@given(readings)
def test_intervals_name_the_ratio_that_is_in_them(steps: list[tuple[int, float, int]]) -> None:
    """Whatever happens to ratios, energy over scale adds up to what the dial turned."""
    scale, at, dial, made = 10.0, T0, 5.0, list[Interval]()
    register = Register(RegisterSpec(Carrier.ELECTRICITY, Direction.IMPORT, scale=scale))
    register.update(at, dial * scale)
    first = dial
    for minutes, growth, ratio in steps:
        if ratio and ratio != scale:
            state, scale = register.dump(), float(ratio)
            register = Register(RegisterSpec(Carrier.ELECTRICITY, Direction.IMPORT, scale=scale))
            register.load(state)
        at, dial = at + minutes * MINUTE, dial + growth
        made += register.update(at, dial * scale)
    made += register.update(at + DAY_MS, dial * scale)
    turned = sum(interval.energy / interval.scale for interval in made) / MICRO
    assert turned == pytest.approx(dial - first, abs=1e-4)
    assert not register.mixed


def rows(*scales: float) -> list[Kept]:
    return [Kept(T0 + i * INTERVAL_MS, 1_000_000, 900, 0, scale) for i, scale in enumerate(scales)]


def test_what_was_read_with_the_ratio_is_left_alone() -> None:
    made = corrected(rows(40.0, 40.0, 60.0), T0 + INTERVAL_MS, 60.0)
    assert [(i.start - T0, i.energy) for i in made.intervals] == [(INTERVAL_MS, 1_500_000)]
    assert (made.before, made.added, made.new) == (40.0, 500_000, True)
    assert corrected(rows(60.0, 60.0), T0, 60.0).intervals == []
    assert corrected([], T0, 60.0).intervals == []


def test_intervals_are_kept_as_long_as_promised_and_not_longer(tmp_path: Path) -> None:
    file, register = (
        SpoolFile(tmp_path / "spool.db", 10**9, 60),
        Register(RegisterSpec(Carrier.ELECTRICITY, Direction.IMPORT)),
    )
    register.update(T0, 1.0)
    for day in range(1, KEEP_DAYS + 10):
        at = T0 + day * DAY_MS
        file.commit(Commit(made=[(KEY, interval) for interval in register.update(at, 1.0 + day)]), at)
    found = file.kept(KEY)
    file.close()
    assert [row.start for row in found] == list(range(at - KEEP_DAYS * DAY_MS, at, INTERVAL_MS))


def test_a_spool_of_the_version_before_goes_on(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "spool.db")) as db:
        db.executescript(
            "CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, device TEXT NOT NULL,"
            " quantity TEXT NOT NULL, kind TEXT NOT NULL, before REAL, after REAL);"
            f"INSERT INTO event VALUES (1, {T0}, 'm', 'q', 'reset', 5.0, 0.0)"
        )
    for _ in range(2):
        file = SpoolFile(tmp_path / "spool.db", 10**9, 60)
        assert [tuple(event) for event in file.events()] == [(T0, "m", "q", "reset", 5.0, 0.0, None)]
        assert file.kept(KEY) == []
        file.close()
    register = Register(RegisterSpec(Carrier.ELECTRICITY, Direction.IMPORT))
    register.update(T0, 1.0)
    again = Register(RegisterSpec(Carrier.ELECTRICITY, Direction.IMPORT))
    again.load(register.dump()[:12])  # as the version before wrote it
    assert again.dump() == register.dump()


class TestCommand:
    BEGIN = T0 - 1_000 * DAY_MS  # the command asks the machine's clock

    def call(self, folder: Path, since: str, device: str = "m") -> str:
        arguments = ["ratio", str(folder / "edge.toml"), device, "--since", since]
        return CliRunner().invoke(app, arguments, catch_exceptions=False).output

    async def read(self, folder: Path) -> Plant:
        plant = Plant(folder, begin=self.BEGIN)
        await plant.start()
        await plant.run(50)
        await plant.flush(last=True)
        await plant.spool.close()
        return plant

    def local(self, at: int) -> str:
        return datetime.fromtimestamp(at / 1000).strftime("%Y-%m-%dT%H:%M")

    async def test_the_word_is_left_for_the_agent(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        await self.read(tmp_path)
        configured(tmp_path, 60)
        output = self.call(tmp_path, self.local(self.BEGIN + 20 * MINUTE))
        assert f"m {BOUGHT}: 60, {self.local(self.BEGIN + 20 * MINUTE).replace('T', ' ')}" in output
        assert "systemctl reload beacon-edge" in output
        monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
        assert "重发" in self.call(tmp_path, self.local(self.BEGIN + 25 * MINUTE))  # the last word counts
        file = SpoolFile(tmp_path / "spool.db", 10**9, 60)
        assert file.requests().ratios == [RatioRequest("m", BOUGHT, self.BEGIN + 25 * MINUTE, 60.0)]
        file.close()

    async def test_what_cannot_be_done_is_said_with_what_can(self, tmp_path: Path) -> None:
        configured(tmp_path, 40)
        now = self.local(self.BEGIN + 20 * MINUTE)
        with pytest.raises(BeaconError, match="start the agent once"):
            self.call(tmp_path, now)
        await self.read(tmp_path)
        with pytest.raises(BeaconError, match=r"nothing to correct: .*with 40\)\. Write the new ratio"):
            self.call(tmp_path, now)
        with pytest.raises(BeaconError, match=f"Give --since {self.local(self.BEGIN)} to correct"):
            self.call(tmp_path, self.local(self.BEGIN - DAY_MS))
        for bad, message in (("March", "write a time such as"), ("2100-01-01", "is in the future")):
            with pytest.raises(BeaconError, match=message):
                self.call(tmp_path, bad)
        with pytest.raises(BeaconError, match="there is none; known: m"):
            self.call(tmp_path, now, "mian")
