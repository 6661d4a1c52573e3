"""A workbook in memory with the house's cell formats."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from xml.sax.saxutils import escape

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

Cell = str | float | int | None
Kind = Literal["text", "wrap", "plain", "whole", "fine", "exact", "share", "change"]
"""How cells look: text, wrapped text, a bare number such as a year, with thousands, with one decimal, with
all its digits, as percent, as percent with its sign."""
FORMATS: dict[Kind, dict[str, object]] = {
    "text": {},
    "wrap": {"text_wrap": True},
    "plain": {"num_format": "0"},
    "whole": {"num_format": "#,##0"},
    "fine": {"num_format": "#,##0.0"},
    "exact": {},
    "share": {"num_format": "0.0%"},
    "change": {"num_format": "+0.0%;-0.0%;0.0%"},
}
A4 = 9
LINE = 14.5
"""Height of a line of text, points."""
_FONT = {"font_name": "Noto Sans CJK SC", "font_size": 10, "valign": "top"}


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its head with the unit, its width in characters, how its cells look."""

    head: str
    width: float
    kind: Kind = "text"


class Sheet(Worksheet):  # type: ignore[misc]
    """A worksheet that writes many rows at once: cell by cell a province's list takes most of a minute."""

    def put_rows(self, rows: Iterable[Sequence[Cell]], styles: Sequence[Format]) -> int:
        """Rows below a first row of heads, each column in its style; how many there were.

        Writes what `write_number` and `write_string` come to in the library's mode of constant memory.
        """
        marks = [
            (xl_col_to_name(place), f'" s="{style._get_xf_index()}"') for place, style in enumerate(styles)
        ]
        last: Sequence[Cell] = ()
        line = 0
        for line, row in enumerate(rows, start=1):
            if line == 1:
                self._write_single_row(1)  # the heads; from here on rows go straight to the file
            else:
                self.fh.write(_row(line, last, marks))
            last = row
        for place, cell in enumerate(last):  # tells the library how far the sheet reaches
            if isinstance(cell, str) and cell:
                self.write_string(line, place, cell, styles[place])
            elif isinstance(cell, int | float):
                self.write_number(line, place, cell, styles[place])
        return line


def _row(number: int, cells: Sequence[Cell], marks: Sequence[tuple[str, str]]) -> str:
    """A row of the sheet's XML. number: counted from one."""
    made = [f'<row r="{number}">']
    for cell, (column, style) in zip(cells, marks, strict=True):
        if cell is None or cell == "":
            continue
        if isinstance(cell, str):
            text = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", escape(cell))
            made.append(
                f'<c r="{column}{number}{style} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
            )
        else:
            made.append(f'<c r="{column}{number}{style}><v>{cell}</v></c>')
    return "".join((*made, "</row>"))


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
"""Characters that XML cannot hold; a workbook writes them as `_x001F_`."""


class Book:
    """Sheets with frozen heads, set up to print; text is never run as a formula or made a link.

    Rows are written from the top down: a row that is left goes to disk and cannot be written again.
    """

    def __init__(self, title: str, author: str = "Beacon", made: date | None = None, note: str = "") -> None:
        """made: date of the document, so that the same content makes the same file. note: for the footer."""
        self._bytes = io.BytesIO()
        self.file = xlsxwriter.Workbook(
            self._bytes, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        properties: dict[str, object] = {"title": title, "author": author, "comments": note}
        if made is not None:
            properties["created"] = datetime.combine(made, time())
        self.file.set_properties(properties)
        self._foot = f"&L&8{_plain(title)} {_plain(note)}&R&8&P / &N"
        self.head = self.file.add_format(
            {**_FONT, "bold": True, "bg_color": "#E8ECF0", "bottom": 1, "text_wrap": True}
        )
        self.title = self.file.add_format({**_FONT, "bold": True, "font_size": 14})
        self.styles = {kind: self.file.add_format({**_FONT, **form}) for kind, form in FORMATS.items()}

    def sheet(self, name: str, widths: Sequence[float]) -> Sheet:
        """An empty sheet that prints on A4, as wide as the page."""
        sheet: Sheet = self.file.add_worksheet(name[:31], worksheet_class=Sheet)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_paper(A4)
        if sum(widths) > 95:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.5, 0.5, 0.6, 0.7)
        sheet.set_footer(self._foot)
        return sheet

    def page(self, name: str, widths: Sequence[float]) -> Page:
        """A sheet to be filled line by line."""
        return Page(self, self.sheet(name, widths), widths)

    def table(
        self, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], held: int = 0
    ) -> None:
        """A sheet of rows under the columns' heads; the first `held` columns stay in sight."""
        sheet = self.sheet(name, [column.width for column in columns])
        styles = [self.styles[column.kind] for column in columns]
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.head, self.head)
        sheet.freeze_panes(1, held)
        sheet.repeat_rows(0)
        if lines := sheet.put_rows(rows, styles):
            sheet.autofilter(0, 0, lines, len(columns) - 1)

    def done(self) -> bytes:
        self.file.close()
        return self._bytes.getvalue()


@dataclass(slots=True)
class Page:
    """A sheet that is written line by line."""

    book: Book
    sheet: Sheet
    widths: Sequence[float]
    row: int = 0

    def note(self, text: str) -> None:
        """A sentence across all columns, in as many lines as it takes."""
        size = sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)
        lines = math.ceil(size / (0.95 * sum(self.widths)))
        self.sheet.set_row(self.row, LINE * lines)
        self.sheet.merge_range(self.row, 0, self.row, len(self.widths) - 1, text, self.book.styles["wrap"])
        self.row += 1

    def line(self, *cells: tuple[Cell, Kind]) -> None:
        """The next line; every cell looks its own way."""
        for column, (cell, kind) in enumerate(cells):
            if isinstance(cell, str):
                self.sheet.write_string(self.row, column, cell, self.book.styles[kind])
            elif cell is not None:
                self.sheet.write_number(self.row, column, cell, self.book.styles[kind])
        self.row += 1

    def title(self, text: str) -> None:
        self.sheet.write_string(self.row, 0, text, self.book.title)
        self.row += 1

    def heads(self, heads: Iterable[str]) -> None:
        for column, head in enumerate(heads):
            self.sheet.write_string(self.row, column, head, self.book.head)
        self.row += 1

    def gap(self) -> None:
        self.row += 1


def _plain(text: str) -> str:
    """Text for a footer, where & begins a code; a footer holds 255 characters."""
    return text.replace("&", "&&")[:80]
