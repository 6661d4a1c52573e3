"""announce, statistics, audit and boards as typed: right calls write whole sets, wrong ones say one thing."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import town
from grafana_double import TOKEN, Grafana, serving

from collector.sqlite_store import SqliteStore

NOW = 1_793_500_000_000  # 1 November 2026
NOBODY = 65534


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def centre() -> Iterator[Path]:
    """A folder that anybody may use, with a configuration and a filled store."""
    path = Path(tempfile.mkdtemp(prefix="beacon-cli-"))
    path.chmod(0o777)
    registry = town.registry()
    entries = [
        "\n".join(
            [
                "[[building]]",
                *(
                    f"{key} = {json.dumps(value, ensure_ascii=False)}"
                    for key, value in {
                        "id": building.id,
                        "name_zh": building.name_zh,
                        "name_en": building.name_en,
                        "type": building.type.value,
                        "area_m2": building.area_m2,
                        "public": building.public,
                    }.items()
                ),
                "[[building.meter]]",
                'name = "main"',
                'carrier = "electricity"',
                'role = "main"',
            ]
        )
        for building in registry.buildings.values()
    ]
    (path / "buildings.toml").write_text("\n\n".join(entries), encoding="utf-8")
    (path / "collector.toml").write_text(
        '[broker]\nhost = "127.0.0.1"\n[store]\nkind = "sqlite"\npath = "store.sqlite"\n'
        '[registry]\nfiles = ["buildings.toml"]\n'
    )
    (path / "rules.toml").write_text('[[budget]]\nbasis = "energy_kgce"\nlimit = 12.0\nper = "area"\n')
    store = SqliteStore(path / "store.sqlite")
    for building in registry.buildings.values():
        store.write_daily(list(town.daily(building, date(2025, 9, 1), date(2026, 10, 31))))
    store.close()
    (path / "store.sqlite").chmod(0o666)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def beacon(centre: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    from beacon.__main__ import main

    monkeypatch.setattr("rules.runner.now_ms", lambda: NOW)

    def run(*words: object, centre: Path = centre) -> Done:
        configuration = ["--config", centre / "collector.toml", "--rules", centre / "rules.toml"]
        typed = [*words, *(configuration if words[0] != "boards" or words[1] == "facts" else [])]
        if words[:2] == ("announce", "verify"):
            typed = list(words)
        monkeypatch.setattr(sys, "argv", ["beacon", *map(str, typed)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@contextmanager
def read_only() -> Iterator[Path]:
    """A folder that this process may not write into, even where tests run as root."""
    parent = Path(tempfile.mkdtemp(prefix="beacon-read-only-"))
    parent.chmod(0o755)
    (folder := parent / "out").mkdir(mode=0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(parent)


def announce(beacon: Run, out: Path, period: str = "2026-10", region: str = "33", **more: object) -> Done:
    options = [word for key, value in more.items() for word in (f"--{key}", value)]
    return beacon("announce", "--period", period, "--region", region, "--out", out, *options)


WRITERS = {
    "announce": ("announce", "--format", "html,csv,json", "--region", "33", "--period"),
    "statistics": ("statistics", "--region", "33", "--period"),
    "audit": ("audit", "330105C001", "--lang", "en", "--period"),
}


def target(command: str, out: Path) -> Path:
    return out / "made.xlsx" if command == "statistics" else out


def test_an_announcement_is_published_and_verified(beacon: Run, tmp_path: Path) -> None:
    done = announce(beacon, tmp_path, format="html,csv,xlsx,json")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("published 33-2026-10-01")
    assert len(list((tmp_path / "33-2026-10-01").iterdir())) == 7
    checked = beacon("announce", "verify", tmp_path)
    assert (checked.code, checked.out) == (0, "1 announcements, all as published\n")
    page = (tmp_path / "33-2026-10-01" / "announcement.en.html").read_text("utf-8")
    assert "2026</td>" in page, "a month shows how the year's quotas stand"
    again = announce(beacon, tmp_path, format="json")
    assert again.code == 2
    assert "already published as 33-2026-10-01" in again.err


def test_statistics_and_audit_are_written(beacon: Run, tmp_path: Path) -> None:
    done = beacon(*WRITERS["statistics"], "2026-10", "--out", tmp_path / "made.xlsx")
    assert (done.code, done.out) == (0, f"30 buildings: {tmp_path / 'made.xlsx'}\n")
    done = beacon(*WRITERS["audit"], "2026-10", "--out", tmp_path / "audit")
    assert (done.code, done.err) == (0, "")
    assert sorted(path.suffix for path in (tmp_path / "audit").iterdir()) == [".html", ".pdf", ".xlsx"]


@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize(
    ("period", "said"),
    [
        ("2026-13", "no such period: year 2026, month 13"),
        ("october", "october"),
        ("2027", "2027"),
        ("2019-05", "no "),
    ],
)
def test_a_wrong_period_is_one_message(
    beacon: Run, tmp_path: Path, command: str, period: str, said: str
) -> None:
    done = beacon(*WRITERS[command], period, "--out", target(command, tmp_path / "out"))
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["announce", "statistics"])
@pytest.mark.parametrize("region", ["44", "3", "Zhejiang"])
def test_an_empty_or_unknown_region_is_one_message(
    beacon: Run, tmp_path: Path, command: str, region: str
) -> None:
    done = beacon(
        command, "--period", "2026-10", "--region", region, "--out", target(command, tmp_path / "out")
    )
    assert done.code == 2
    assert region in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_building_and_language_are_said(beacon: Run, tmp_path: Path) -> None:
    done = beacon("audit", "330105Z999", "--period", "2026-10", "--out", tmp_path / "out")
    assert (done.code, done.err) == (2, "beacon: there is no building 330105Z999 in the registry\n")
    done = beacon("audit", "330105C001", "--period", "2026-10", "--lang", "fr", "--out", tmp_path / "out")
    assert "unknown language 'fr'" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", WRITERS)
def test_a_missing_font_is_said_before_anything_is_written(
    beacon: Run, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboards.announce import pdf

    if command == "statistics":
        pytest.skip("a workbook carries no font")
    monkeypatch.setattr(pdf, "cjk_fonts", lambda: ())
    words = [word for word in WRITERS[command] if word not in {"--lang", "en", "--format", "html,csv,json"}]
    done = beacon(*words, "2026-10", "--out", tmp_path / "out")
    assert done.code == 1
    assert "apt-get install fonts-noto-cjk" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", WRITERS)
def test_a_folder_that_may_not_be_written_stays_empty(beacon: Run, tmp_path: Path, command: str) -> None:
    # Root's Python may be closed to others: what is imported late must be there before.
    assert beacon(*WRITERS[command], "2026-10", "--out", target(command, tmp_path / "out")).code == 0
    with read_only() as folder:
        done = beacon(*WRITERS[command], "2026-10", "--out", target(command, folder))
        left = list(folder.iterdir())
    assert done.code == 1
    assert str(folder) in done.err
    assert "ermission denied" in done.err
    assert len(done.err.splitlines()) == 1
    assert left == []


@pytest.mark.parametrize("command", WRITERS)
def test_a_file_in_the_way_of_the_folder_is_said(beacon: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "out").write_text("mine")
    done = beacon(*WRITERS[command], "2026-10", "--out", target(command, tmp_path / "out"))
    assert done.code == 1
    assert str(tmp_path / "out") in done.err
    assert len(done.err.splitlines()) == 1
    assert (tmp_path / "out").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_audit_with_something_in_the_way_leaves_the_old_pack(beacon: Run, tmp_path: Path) -> None:
    (tmp_path / "audit-330105C001-2026-10.en.html").write_text("old")
    (tmp_path / "audit-330105C001-2026-10.en.pdf").mkdir()
    done = beacon(*WRITERS["audit"], "2026-10", "--out", tmp_path)
    assert done.code == 1
    assert "in the way" in done.err
    assert (tmp_path / "audit-330105C001-2026-10.en.html").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2


class TestBoards:
    def test_rendering_twice_writes_the_same(self, beacon: Run, tmp_path: Path) -> None:
        first = beacon("boards", "render", tmp_path)
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert (first.code, first.out) == (0, f"{len(files)} files written to {tmp_path}\n")
        beacon("boards", "render", tmp_path)
        assert files == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def test_rendering_into_a_file_is_said(self, beacon: Run, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("mine")
        done = beacon("boards", "render", tmp_path / "out")
        assert done.code == 1
        assert len(done.err.splitlines()) == 1
        assert (tmp_path / "out").read_text() == "mine"

    def test_publish_then_diff(self, beacon: Run, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        with serving(Grafana()) as grafana:
            where = ("--url", grafana.url, "--token-file", token)
            assert beacon("boards", "diff", *where).code == 1
            assert beacon("boards", "publish", *where).code == 0
            done = beacon("boards", "diff", *where, "--json")
            assert done.code == 0
            assert {each["state"] for each in json.loads(done.out)} == {"unchanged"}

    def test_a_refused_token_is_one_message(self, beacon: Run, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("wrong")
        token.chmod(0o600)
        with serving(Grafana()) as grafana:
            for command, code in (("publish", 1), ("diff", 2)):
                done = beacon("boards", command, "--url", grafana.url, "--token-file", token)
                assert done.code == code
                assert "token" in done.err
                assert len(done.err.splitlines()) == 1
            assert grafana.writes == []

    def test_a_token_that_others_may_read_is_refused(self, beacon: Run, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text(TOKEN)
        token.chmod(0o644)
        done = beacon("boards", "publish", "--url", "http://127.0.0.1:9", "--token-file", token)
        assert done.code == 1
        assert "chmod 600" in done.err

    def test_facts_need_influxdb(self, beacon: Run) -> None:
        done = beacon("boards", "facts")
        assert done.code == 1
        assert "the store is sqlite; Grafana's boards read InfluxDB" in done.err
