"""Register events in words: for each kind, both languages, the audit pack and the command line."""

from __future__ import annotations

import io
import json
import re
import runpy
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import openpyxl
import pytest
import town
from typer.testing import CliRunner

from beacon.__main__ import app
from collector.model import EventRow
from collector.registry import Building, BuildingType, Meter, Role
from collector.sqlite_store import SqliteStore
from dashboards.audit.build import audit
from dashboards.audit.html import render_html
from dashboards.audit.xlsx import render_xlsx
from dashboards.boards.words import Lang
from dashboards.meter_events import KINDS, events_of, told
from drivers.carrier import Carrier
from edge.ledger import EventKind
from rules.config import build
from rules.period import Period

BUILDING = "330105C001"
MORNING = 1_772_590_500_000  # 2026-03-04 10:15 in Shanghai
BOUGHT = "active_energy_import_total"


def reset(at: int = MORNING, **changes: Any) -> EventRow:
    return replace(EventRow(BUILDING, "main", BOUGHT, "reset", at, 81_234.5, 0.0, 0.0), **changes)


def house(*meters: Meter, zone: str = "Asia/Shanghai") -> Building:
    return Building(BUILDING, "楼", "House", BuildingType.HOTEL, 1.0, meters=meters, time_zone=zone)


MAIN = Meter("main meter", "main", Carrier.ELECTRICITY, Role.MAIN)


@pytest.mark.parametrize(
    ("event", "lang", "text"),
    [
        (
            reset(), "en",
            "2026-03-04 10:15 main meter: counter reset from 81,234.5 to 0.0 kWh; "
            "use in between counted as 0.0 kWh",
        ),
        (
            reset(), "zh",
            "2026-03-04 10:15 main meter: 读数复位：由 81,234.5 降至 0.0 kWh；其间用量计为 0.0 kWh",
        ),
        (
            reset(kind="ratio", before=40.0, after=60.0, counted=None), "en",
            "2026-03-04 10:15 main meter: ratio changed from 40 to 60",
        ),
        (
            reset(kind="ratio_since", before=40.0, after=60.0, counted=-12.125), "en",
            "2026-03-04 10:15 main meter: the ratio was 60 from here on, not 40: intervals were corrected; "
            "-12.125 kWh added",
        ),
        (
            reset(kind="castle", quantity="water_volume", counted=None), "en",
            "2026-03-04 10:15 main meter (Water): castle: 81,234.5 → 0.0 m³",
        ),
        (
            reset(device="lobby", quantity="active_energy_export_total", counted=None), "zh",
            "2026-03-04 10:15 lobby（电，反向）: 读数复位：由 81,234.5 降至 0.0 kWh",
        ),
    ],
)  # fmt: skip
def test_an_event_is_told_as_a_manager_would_say_it(event: EventRow, lang: Lang, text: str) -> None:
    assert str(told(event, house(MAIN), lang)) == text


def test_the_register_is_named_where_the_meter_does_not_tell_it() -> None:
    pump = house(
        Meter("pump in", "pump", Carrier.ELECTRICITY, Role.HEAT_PUMP),
        Meter("pump out", "pump", Carrier.HEAT, Role.HEAT_PUMP),
    )
    names = {
        quantity: told(reset(device="pump", quantity=quantity), pump, "en").meter
        for quantity in ("electric_energy_total", "heat_energy_total", "active_energy_import_l1")
    }
    assert names == {
        "electric_energy_total": "pump in",
        "heat_energy_total": "pump out (Heat, export)",
        "active_energy_import_l1": "pump in (active_energy_import_l1)",
    }


def test_every_kind_that_the_edge_tells_has_words_in_both_languages() -> None:
    for kind in KINDS:
        for lang in ("zh", "en"):
            text = told(reset(kind=kind, before=7.0, after=9.0), house(MAIN), lang).text
            assert "{" not in text
            assert "9" in text
            assert kind not in text or lang == "en"
    assert set(get_args(EventKind)) == KINDS.keys()


def test_the_document_says_what_the_words_and_models_say() -> None:
    docs = Path(__file__).parents[2] / "docs"
    module = runpy.run_path(str(docs / "events.py"))
    written = (docs / "register-events.md").read_text("utf-8")
    assert written == module["document"](), "run: python docs/events.py"


def test_days_are_the_buildings_own(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.write([], [], [reset(MORNING - 615 * 60_000 - 1), reset()])
    abroad = house(MAIN, zone="America/New_York")
    assert len(events_of(store, abroad, date(2026, 3, 3), date(2026, 3, 3))) == 2
    assert events_of(store, house(MAIN), date(2026, 3, 4), date(2026, 3, 4)) == [reset()]
    assert told(reset(), abroad, "en").at == "2026-03-03 21:15"
    store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.sqlite")
    (building,) = (one for one in town.registry().buildings.values() if one.id == BUILDING)
    made.write_daily(list(town.daily(building, date(2026, 3, 1), date(2026, 3, 31))))
    yield made
    made.close()


@pytest.mark.parametrize(("lang", "sheet"), [("zh", "表计事件"), ("en", "What happened to meters")])
def test_the_audit_pack_lists_what_happened_to_meters(store: SqliteStore, lang: Lang, sheet: str) -> None:
    rules = build({}, Path("rules.toml"), town.registry())

    def made() -> tuple[str, list[tuple[object, ...]]]:
        found = audit(store, town.registry(), rules, BUILDING, Period.parse("2026-03"), 1_775_300_000_000)
        book = openpyxl.load_workbook(io.BytesIO(render_xlsx(found, lang)))
        return render_html(found, lang), list(book[sheet].iter_rows(min_row=2, values_only=True))

    page, rows = made()
    assert "81,234.5" not in page
    assert rows == []
    outside = reset(MORNING + 40 * 86_400_000, before=77_777.0)
    store.write([], [], [outside, *(reset(MORNING + second * 1000) for second in range(90))])
    page, rows = made()
    shown = page.count("81,234.5")
    assert 20 < shown < 90
    assert "77,777.0" not in page
    assert re.search(rf"其余 {90 - shown} .见工作簿|{90 - shown} more are in the workbook", page)
    assert len(rows) == 90
    assert rows[0][:2] == ("2026-03-04 10:15", "main")


class TestCommand:
    @pytest.fixture
    def folder(self, store: SqliteStore, tmp_path: Path) -> Path:
        (tmp_path / "buildings.toml").write_text(
            f'[[building]]\nid = "{BUILDING}"\nname_zh = "楼"\nname_en = "House"\ntype = "hotel"\n'
            'area_m2 = 9.0\n[[building.meter]]\nname = "main"\ncarrier = "electricity"\nrole = "main"\n'
        )
        (tmp_path / "collector.toml").write_text(
            '[broker]\nhost = "127.0.0.1"\n[store]\nkind = "sqlite"\npath = "store.sqlite"\n'
            '[registry]\nfiles = ["buildings.toml"]\n'
        )
        store.write([], [], [reset(), reset(MORNING + 86_400_000, kind="ratio", counted=None)])
        return tmp_path

    def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        config = str(folder / "collector.toml")
        done = CliRunner().invoke(app, ["events", *arguments, "--config", config])
        return done.exit_code, done.stdout if done.exit_code == 0 else str(done.exception) + done.output

    def test_events_are_listed_in_the_language_asked_for(self, folder: Path) -> None:
        code, text = self.run(folder, BUILDING, "--from", "2026-03-01", "--to", "2026-03-31", "--lang", "en")
        assert code == 0
        first, second = text.splitlines()
        assert first.startswith("2026-03-04 10:15 main: counter reset from 81,234.5 to 0.0 kWh")
        assert second.startswith("2026-03-05 10:15 main: ratio changed")
        one_day = ("--from", "2026-03-04", "--to", "2026-03-04", "--lang", "zh")
        assert "读数复位" in self.run(folder, BUILDING, *one_day)[1]

    def test_programs_get_the_rows(self, folder: Path) -> None:
        code, text = self.run(folder, BUILDING, "--from", "2026-03-04", "--to", "2026-03-04", "--json")
        assert code == 0
        assert json.loads(text) == [asdict(reset())]

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("999999A001",), "there is no building 999999A001"),
            ((BUILDING, "--from", "March"), "'March' is no day such as 2026-03-04"),
            ((BUILDING, "--lang", "fr"), "unknown language 'fr'"),
        ],
    )
    def test_wrong_calls_are_told(self, folder: Path, arguments: tuple[str, ...], told: str) -> None:
        code, text = self.run(folder, *arguments)
        assert code != 0
        assert told in text
