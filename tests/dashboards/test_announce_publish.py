"""Files and the index: self-contained, numbered, unchangeable, whole or absent."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from announced_town import make

from dashboards.announce import pdf, publication
from dashboards.announce.html import render_html
from dashboards.announce.issue import Form, issue
from dashboards.announce.model import Announcement
from dashboards.announce.publication import read_index, verify
from dashboards.announce.tables import render_csv, render_json, render_xlsx
from drivers.errors import BeaconError
from rules.model import Text

LIGHT: tuple[Form, ...] = ("html", "csv", "json")


class TestHtml:
    @pytest.mark.parametrize("lang", ["zh", "en"])
    def test_asks_for_nothing(self, october: Announcement, lang: str) -> None:
        html = render_html(october, "zh" if lang == "zh" else "en")
        assert not re.search(r"""(src|href|url\()\s*=?\s*["']?(https?:)?//""", html)
        assert "<script" not in html
        assert "<link" not in html

    def test_says_the_figures_and_marks_the_unofficial(self, october: Announcement) -> None:
        html = render_html(october, "en")
        assert f"{october.totals.kwh / 1000:,.0f}" in html
        assert "JS-TEST-LIMIT ‡" in html
        assert "for information and are no official judgement" in html
        assert "Cooling ran through the nights of July." in html
        assert "data coverage 35.1%, below 75%" in html

    def test_names_are_escaped(self, october: Announcement) -> None:
        group = october.types[0]
        evil = replace(group.entries[0], name=Text("<b>x</b>", "<b>x</b>"))
        html = render_html(replace(october, types=(replace(group, entries=(evil,)),)), "zh")
        assert "<b>x</b>" not in html
        assert "&lt;b&gt;x&lt;/b&gt;" in html

    def test_an_unpublished_one_says_so(self, october: Announcement) -> None:
        assert "征求意见稿" in render_html(october, "zh")

    def test_english_page_holds_no_chinese(self, october: Announcement) -> None:
        assert re.findall(r"[一-鿿]+", render_html(october, "en")) == []


class TestData:
    def test_csv_has_a_row_for_each_counted_building(self, october: Announcement) -> None:
        text = render_csv(october, "zh").decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == october.totals.counted
        assert rows[0]["name"] == october.entries[0].name.zh
        assert float(rows[0]["eui_kwh_m2"]) == pytest.approx(october.entries[0].eui, rel=1e-5)
        hidden = [row for row in rows if row["code"].isdigit()]
        assert {row["energy_kwh"] + row["owner"] + row["limit"] for row in hidden} == {""}

    def test_csv_runs_no_formula(self, october: Announcement) -> None:
        group = october.types[0]
        evil = replace(group.entries[0], owner='=HYPERLINK("x")')
        text = render_csv(replace(october, types=(replace(group, entries=(evil,)),)), "en").decode(
            "utf-8-sig"
        )
        assert next(csv.DictReader(io.StringIO(text)))["owner"].startswith("'=")

    def test_workbook_opens_and_agrees(self, october: Announcement) -> None:
        book = openpyxl.load_workbook(io.BytesIO(render_xlsx(october, "zh")))
        names = ["总体情况", "分类排名", "超定额（限额）建筑名单", "数据不足建筑名单"]
        assert book.sheetnames == [*names, "编制说明", "采用的定额标准", "采用的系数与限值"]
        sheet = book["分类排名"]
        assert sheet.max_row == october.totals.counted + 1
        heads = [cell.value for cell in sheet[1]]
        column = heads.index("单位建筑面积能耗 kWh/m²")
        assert sheet.cell(2, column + 1).value == pytest.approx(october.entries[0].eui)

    def test_json_carries_everything(self, october: Announcement) -> None:
        data = json.loads(render_json(october))
        assert data["period"] == "2026-10"
        assert data["totals"]["counted"] == october.totals.counted
        assert data["types"][0]["entries"][0]["name"]["zh"] == october.entries[0].name.zh


class TestPdf:
    def test_chinese_glyphs_are_embedded(self, october: Announcement, tmp_path: Path) -> None:
        import subprocess

        path = tmp_path / "a.pdf"
        path.write_bytes(pdf.render_pdf(render_html(replace(october, types=()), "zh", paper=True)))
        text = subprocess.run(
            ["pdftotext", str(path), "-"], capture_output=True, text=True, check=True
        ).stdout
        assert "公共建筑能效与碳效公示" in text.replace("\n", "")
        fonts = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True).stdout
        assert "CJK" in fonts

    def test_drawing_warns_of_nothing_and_says_what_is_left_out(
        self, october: Announcement, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        import subprocess

        path = tmp_path / "a.pdf"
        with caplog.at_level("INFO"):
            path.write_bytes(pdf.render_pdf(render_html(october, "zh", 2, paper=True)))
        assert [record.getMessage() for record in caplog.records] == []
        text = subprocess.run(
            ["pdftotext", str(path), "-"], capture_output=True, text=True, check=True
        ).stdout.replace("\n", "")
        assert "此处仅列前 2 栋，共 6 栋" in text
        assert "此处仅列前" not in render_html(october, "zh")
        assert "此处仅列前" not in render_html(october, "zh", 50)

    def test_a_missing_font_is_said(
        self, october: Announcement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pdf, "cjk_fonts", lambda: ())
        with pytest.raises(BeaconError, match="fonts-noto-cjk"):
            issue(october, tmp_path / "out", ("pdf",), ("zh",))
        assert not (tmp_path / "out").exists()

    def test_fontconfig_without_fonts_is_noticed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        empty = tmp_path / "fonts.conf"
        empty.write_text(f'<?xml version="1.0"?><fontconfig><dir>{tmp_path}</dir></fontconfig>')
        monkeypatch.setenv("FONTCONFIG_FILE", str(empty))
        pdf.cjk_fonts.cache_clear()
        try:
            assert pdf.cjk_fonts() == ()
        finally:
            pdf.cjk_fonts.cache_clear()

    def test_a_page_that_asks_for_a_file_is_refused(self) -> None:
        with pytest.raises(BeaconError, match="self-contained"):
            pdf.render_pdf('<img src="https://example.invalid/x.png">')


class TestIndex:
    def test_published_files_verify(self, october: Announcement, tmp_path: Path) -> None:
        published = issue(october, tmp_path, LIGHT)
        assert published.number == "33-2026-10-01"
        assert sorted(path.name for path in (tmp_path / published.number).iterdir()) == sorted(
            published.files
        )
        assert published.number in (tmp_path / published.number / "announcement.zh.html").read_text("utf-8")
        assert not published.official
        assert verify(tmp_path) == []

    def test_the_same_again_is_refused(self, october: Announcement, tmp_path: Path) -> None:
        issue(october, tmp_path, LIGHT)
        with pytest.raises(BeaconError, match="already published as 33-2026-10-01; nothing has changed"):
            issue(october, tmp_path, LIGHT)

    def test_another_for_the_period_must_be_a_correction(self, october: Announcement, tmp_path: Path) -> None:
        issue(october, tmp_path, LIGHT)
        with pytest.raises(BeaconError, match="--corrects 33-2026-10-01"):
            issue(make(coverage_limit=0.3), tmp_path, LIGHT)
        correction = make(coverage_limit=0.3, corrects="33-2026-10-01", correction=Text("one more", "补一栋"))
        published = issue(correction, tmp_path, LIGHT)
        assert (published.number, published.corrects) == ("33-2026-10-02", "33-2026-10-01")
        assert "33-2026-10-01" in (tmp_path / published.number / "announcement.zh.html").read_text("utf-8")
        assert (tmp_path / "33-2026-10-01" / "announcement.json").exists()
        assert verify(tmp_path) == []

    def test_a_correction_of_nothing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BeaconError, match="no announcement 33-2026-10-07"):
            issue(make(corrects="33-2026-10-07"), tmp_path, LIGHT)

    def test_a_correction_stays_with_its_region_and_period(
        self, october: Announcement, tmp_path: Path
    ) -> None:
        issue(october, tmp_path, LIGHT)
        for wrong in (
            make(region="3305", corrects="33-2026-10-01"),
            make(period="2026-09", corrects="33-2026-10-01"),
        ):
            with pytest.raises(BeaconError, match="same region and period"):
                issue(wrong, tmp_path, LIGHT)
        assert len(read_index(tmp_path).announcements) == 1

    def test_names_can_be_withdrawn_by_a_correction_but_once(
        self, october: Announcement, tmp_path: Path
    ) -> None:
        issue(october, tmp_path, LIGHT)
        nameless = make(named=False, corrects="33-2026-10-01", correction=Text("no names", "隐去名称"))
        assert issue(nameless, tmp_path, LIGHT).corrects == "33-2026-10-01"
        again = make(coverage_limit=0.3, corrects="33-2026-10-01")
        with pytest.raises(BeaconError, match="already corrected by 33-2026-10-02"):
            issue(again, tmp_path, LIGHT)

    def test_publishers_at_once_wait_for_each_other(self, tmp_path: Path) -> None:
        (tmp_path / ".part-of-one-that-was-killed").mkdir()
        made = [make(region=region) for region in ("33", "3301", "3305", "330105")]
        with ThreadPoolExecutor(len(made)) as pool:
            numbers = {each.number for each in pool.map(lambda each: issue(each, tmp_path, LIGHT), made)}
        assert {entry.number for entry in read_index(tmp_path).announcements} == numbers
        assert len(numbers) == 4
        assert verify(tmp_path) == []
        assert not list(tmp_path.glob(".part*"))

    def test_a_publisher_that_hangs_is_not_waited_for_for_ever(
        self, october: Announcement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publication, "LOCK_WAIT_S", 0.3)
        with publication._alone(tmp_path), pytest.raises(BeaconError, match="end that one, then try again"):
            issue(october, tmp_path, LIGHT)

    @pytest.mark.parametrize(
        ("tamper", "message"),
        [
            (
                lambda d: _append(d / "33-2026-10-01" / "announcement.zh.csv", b"x"),
                "announcement.zh.csv: was changed",
            ),
            (lambda d: (d / "33-2026-10-01" / "announcement.json").unlink(), "announcement.json: is missing"),
            (lambda d: (d / "33-2026-10-01" / "more.txt").write_text("x"), "more.txt: was added"),
            (
                lambda d: _replace(d / "index.json", '"named": true', '"named": false'),
                "entry in index.json was changed",
            ),
            (lambda d: (d / "34-2026-10-01").mkdir(), "34-2026-10-01: is not in index.json"),
        ],
    )
    def test_any_change_is_found(
        self, october: Announcement, tmp_path: Path, tamper: object, message: str
    ) -> None:
        issue(october, tmp_path, LIGHT)
        tamper(tmp_path)  # type: ignore[operator]
        problems = verify(tmp_path)
        assert len(problems) == 1
        assert message in problems[0]

    def test_an_entry_taken_out_breaks_the_chain(self, october: Announcement, tmp_path: Path) -> None:
        issue(october, tmp_path, LIGHT)
        issue(make(region="3305"), tmp_path, LIGHT)
        index = json.loads((tmp_path / "index.json").read_text())
        del index["announcements"][0]
        (tmp_path / "index.json").write_text(json.dumps(index))
        assert any("3305-2026-10-01: its entry" in problem for problem in verify(tmp_path))

    def test_no_permission_is_said_and_nothing_left(self, october: Announcement, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("a file in the way")
        with pytest.raises(BeaconError, match="cannot be"):
            issue(october, tmp_path / "out", LIGHT)
        assert os.listdir(tmp_path) == ["out"]

    def test_a_disk_that_fills_leaves_nothing_half_written(
        self, october: Announcement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []

        def full(_: int) -> None:
            calls.append(1)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(BeaconError, match="No space left"):
            issue(october, tmp_path, LIGHT)
        assert list(tmp_path.iterdir()) == []
        assert read_index(tmp_path).announcements == ()


def _append(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + data)


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))
