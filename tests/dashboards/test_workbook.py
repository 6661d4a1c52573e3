"""Workbooks as a reader's program opens them: what was put in, ready to print."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from dashboards.workbook import Book, Cell, Column

COLUMNS = [Column("name", 12.0), Column("kWh", 14.0, "whole"), Column("change", 10.0, "change")]


def written(rows: list[list[Cell]]) -> Worksheet:
    book = Book("Title & more", "Office", date(2026, 11, 5), "Number 33-2026-10-01")
    book.table("Rows", COLUMNS, rows, held=1)
    opened = openpyxl.load_workbook(io.BytesIO(book.done()))
    assert opened.properties.title == "Title & more"
    assert opened.properties.creator == "Office"
    assert opened.properties.created is not None
    assert opened.properties.created.date() == date(2026, 11, 5)
    return opened["Rows"]


def test_every_cell_comes_back_as_it_was_put_in() -> None:
    rows: list[list[Cell]] = [
        ['<b>&amp; "quoted"</b>', 1_266_587.137, -0.031],
        ["  leading and trailing  ", 0, None],
        ["=1+1", 10**12, 1e-9],
        ["https://example.invalid", -5.5, None],
        ["湖滨宾馆 1 号\n第二行", None, 0.5],
        [None, None, None],
        ["last", 1, 2],
    ]
    sheet = written(rows)
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)] == rows
    assert sheet["A4"].data_type == "s", "a name that looks like a formula is text"
    assert not sheet["A5"].hyperlink
    assert sheet.dimensions == "A1:C8"


def test_what_xml_cannot_hold_is_escaped() -> None:
    assert written([["bell\x07", 1, None], ["x", 2, None]])["A2"].value == "bell_x0007_"


def test_a_table_is_set_up_to_read_and_print() -> None:
    sheet = written([["a", 1.5, 0.1]])
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:C2"
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == ("9", "0") or (
        int(sheet.page_setup.paperSize or 0),
        int(sheet.page_setup.fitToHeight or 0),
    ) == (9, 0)
    assert sheet.oddFooter.right.text == "&P / &N" or "/" in (sheet.oddFooter.right.text or "")
    assert "Number 33-2026-10-01" in sheet.oddFooter.left.text
    assert (sheet["B2"].number_format, sheet["C2"].number_format) == ("#,##0", "+0.0%;-0.0%;0.0%")
    assert sheet.column_dimensions["B"].width > 14


def test_a_table_without_rows_has_its_heads() -> None:
    sheet = written([])
    assert [cell.value for cell in sheet[1]] == ["name", "kWh", "change"]
    assert sheet.auto_filter.ref is None
