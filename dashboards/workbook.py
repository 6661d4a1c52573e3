"""A workbook in memory with the house's cell formats."""

from __future__ import annotations

import io
from collections.abc import Sequence

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Cell = str | float | int | None


class Book:
    """Sheets with frozen heads; text is never run as a formula or made a link.

    Rows are written from the top down: a row that is left goes to disk and cannot be written again.
    """

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self.file = xlsxwriter.Workbook(
            self._bytes, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        font = {"font_name": "Noto Sans CJK SC", "font_size": 10}
        self.head = self.file.add_format(
            {**font, "bold": True, "bg_color": "#E8ECF0", "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        self.text = self.file.add_format(font)
        self.wrap = self.file.add_format({**font, "text_wrap": True, "valign": "top"})
        self.title = self.file.add_format({**font, "bold": True, "font_size": 14})
        self.number = self.file.add_format({**font, "num_format": "#,##0"})
        self.fine = self.file.add_format({**font, "num_format": "#,##0.0"})
        self.share = self.file.add_format({**font, "num_format": "0.0%"})

    def sheet(self, name: str, heads: list[str], widths: list[float]) -> Worksheet:
        sheet = self.file.add_worksheet(name[:31])
        sheet.write_row(0, 0, heads, self.head)
        sheet.freeze_panes(1, 0)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        return sheet

    def put(self, sheet: Worksheet, row: int, column: int, value: Cell, style: Format) -> None:
        if isinstance(value, str):
            if value:
                sheet.write_string(row, column, value, style)
        elif value is not None:
            sheet.write_number(row, column, value, style)

    def done(self) -> bytes:
        self.file.close()
        return self._bytes.getvalue()

    def table(
        self, name: str, columns: Sequence[tuple[str, float, Format]], rows: Sequence[Sequence[Cell]]
    ) -> Worksheet:
        """A sheet of rows under (head, width, format of the column)."""
        sheet = self.sheet(name, [head for head, _, _ in columns], [width for _, width, _ in columns])
        for line, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                self.put(sheet, line, column, cell, columns[column][2])
        if rows:
            sheet.autofilter(0, 0, len(rows), len(columns) - 1)
        return sheet
