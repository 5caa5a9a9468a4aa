"""Writes an error workbook in a process of its own:

`python -m lvyuan.imports.returned_child MEMORY CPU SPEC TARGET [SOURCE]`

SPEC is what lvyuan.imports.returned wrote: the tables with their failed rows. With SOURCE, the sender's xlsx, the sheet
looks as it came: widths, merged cells, fonts, borders. Values only: no formula, macro, link or comment goes back.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from lvyuan.imports.child import set_limits
from lvyuan.imports.table import MAX_COLUMNS, RETURNED_HEADS, number_cell, shown

RED: Final = "FFAE2420"
PLAIN: Final = {"name": "Calibri", "size": 11}
REASON = {"font": Font(color=RED, **PLAIN), "alignment": Alignment(wrap_text=True, vertical="top")}
LINE = {"font": Font(color="FF666666", **PLAIN), "alignment": Alignment(vertical="top")}
NOTED = {"font": Font(color=RED, bold=True, **PLAIN), "fill": PatternFill("solid", fgColor="FFFBE7E5")}
HEAD = {
    "font": Font(bold=True),
    "alignment": Alignment(wrap_text=True, vertical="center", horizontal="center"),
    "border": Border(bottom=Side("thin")),
}
TAIL: Final = 20  # lines kept below the last table: notes, signatures
UNSAFE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
Told = dict[str, Any]


def put(cell: Cell, value: Any, styles: dict[str, Any] | None = None) -> None:
    """Sets value and style; a text stays a text, whatever it begins with."""
    for name, style in (styles or {}).items():
        setattr(cell, name, style)
    if not isinstance(value, str):
        cell.value = value
        return
    cell.value = text = UNSAFE.sub("", value)
    if text:
        cell.data_type = "s"
        if text[0] in "=+-@\t\r":
            cell.quotePrefix = True


def typed(text: str) -> Any:
    """A number where a spreadsheet shows the same digits for it, else the text."""
    return float(text) if NUMBER.fullmatch(text) and number_cell(float(text)) == text else text


def finish(sheet: Worksheet, width: int) -> None:
    """The two added columns' widths, paper, and the lock on all that was not unlocked."""
    sheet.column_dimensions[get_column_letter(width + 1)].width = 8
    sheet.column_dimensions[get_column_letter(width + 2)].width = 60
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = sheet.protection.formatCells = False


def note_row(sheet: Worksheet, row: int, width: int, line: int, reason: str) -> None:
    for column in range(1, width + 1):
        sheet.cell(row, column).protection = Protection(locked=False)
    put(sheet.cell(row, width + 1), line, LINE)
    put(sheet.cell(row, width + 2), reason, REASON)


def note_head(sheet: Worksheet, row: int, width: int) -> None:
    for column, text in enumerate(RETURNED_HEADS, width + 1):
        put(sheet.cell(row, column), text, NOTED)


def by_sheet(tables: list[Told]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for table in tables:
        found.setdefault(table["sheet"], []).append(table)
    return found


# From the tables alone


def write_plain(tables: list[Told], book: openpyxl.Workbook) -> None:
    """One sheet per sheet of the file, its tables below each other under their titles and headers."""
    for name, own in by_sheet(tables).items():
        sheet = book.create_sheet(re.sub(r"[\\*?:/\[\]]", " ", name)[:31] or "有误的行")
        width = max(len(table["heads"]) for table in own)
        row = 0
        for table in own:
            row = _plain_table(sheet, table, row + bool(row), width)
        for column in range(1, width + 1):
            sheet.column_dimensions[get_column_letter(column)].width = 14
        finish(sheet, width)


def _plain_table(sheet: Worksheet, table: Told, row: int, width: int) -> int:
    """Writes a table below `row`; gives its last row."""
    for text in table["above"]:
        row += 1
        put(sheet.cell(row, 1), text, {"font": Font(bold=True)})
    paths = [path for _number, path in table["heads"]]
    depth = max(len(path) for path in paths) or 1
    for level in range(depth):
        row += 1
        # A short path stands in the lowest row; a group is named in each of its columns.
        texts = [path[place] if (place := level - depth + len(path)) >= 0 else "" for path in paths]
        for column, text in enumerate(texts, 1):
            put(sheet.cell(row, column), text, HEAD)
    note_head(sheet, row, width)
    for line, texts, reason in table["rows"]:
        row += 1
        for column, text in enumerate(texts, 1):
            put(sheet.cell(row, column), typed(text))
        note_row(sheet, row, width, line, reason)
    return row


# As it came


def write_alike(tables: list[Told], source: Path, book: openpyxl.Workbook) -> None:
    """The sender's sheets with the lines between tables, the headers and the failed rows, as they look there."""
    refuse_entities(source)
    with source.open("rb") as file:  # whose name, a hash, has no suffix
        origin = openpyxl.load_workbook(file, data_only=True, keep_links=False)
    sheets = {shown(sheet.title, 60): sheet for sheet in origin.worksheets}
    for name, own in by_sheet(tables).items():
        _alike_sheet(sheets[name], book.create_sheet(sheets[name].title), own)


def refuse_entities(source: Path) -> None:
    """No workbook has entities; the reader has refused such a file long ago."""
    with zipfile.ZipFile(source) as archive:
        for member in archive.namelist():
            if member.endswith((".xml", ".rels")):
                tail = b""
                with archive.open(member) as part:
                    while chunk := part.read(1 << 18):
                        assert not re.search(rb"<!(?:DOCTYPE|ENTITY)", tail + chunk)
                        tail = chunk[-16:]


def kept_lines(tables: list[Told], bottom: int) -> list[int]:
    """The lines that go back, in order: before and in the headers, failed, and the notes below the last table."""
    kept: set[int] = set()
    for table in tables:
        kept |= set(range(table["start"], table["header_line"] + 1))
        kept |= set(range(table["last"] + 1, min(bottom, table["last"] + TAIL) + 1)) if table["is_end"] else set()
    # Tables side by side share lines: what is a row of one is no title of another.
    kept -= {line for table in tables for line in range(table["header_line"] + 1, table["last"] + 1)}
    return sorted(kept | {row[0] for table in tables for row in table["rows"]})


def _alike_sheet(origin: Worksheet, sheet: Worksheet, tables: list[Told]) -> None:
    lines = kept_lines(tables, origin.max_row)
    rows = {line: row for row, line in enumerate(lines, 1)}
    last = min(origin.max_column, MAX_COLUMNS)
    width = max(max(number for number, _path in table["heads"]) for table in tables)
    styles: dict[tuple[int, ...], Any] = {}
    for line, row in rows.items():
        for cell in next(origin.iter_rows(line, line, 1, last)):
            if cell.value is None and not cell.has_style:
                continue
            if cell.value is not None:
                width = max(width, cell.column)
            _copy_cell(cell, sheet.cell(row, cell.column), styles)
        if height := origin.row_dimensions[line].height:
            sheet.row_dimensions[row].height = height
    for area in origin.merged_cells.ranges:
        span = [rows.get(line) for line in range(area.min_row, min(area.max_row, lines[-1]) + 1)]
        if area.max_row <= lines[-1] and all(span) and area.max_col <= last:
            sheet.merge_cells(start_row=span[0], end_row=span[-1], start_column=area.min_col, end_column=area.max_col)
    for column in range(1, width + 1):
        letter = get_column_letter(column)
        for known in _dimensions(origin, column):
            sheet.column_dimensions[letter].width = known.width
            sheet.column_dimensions[letter].hidden = known.hidden
    for table in tables:
        note_head(sheet, rows[table["header_line"]], width)
        for line, texts, reason in table["rows"]:
            for (number, _path), text in zip(table["heads"], texts, strict=False):
                cell = sheet.cell(rows[line], number)
                # A label that stands once for several rows has lost the row that it stood in.
                if text and isinstance(cell, Cell) and cell.value is None:
                    put(cell, typed(text))
            note_row(sheet, rows[line], width, line, reason)
            sheet.row_dimensions[rows[line]].height = None
    finish(sheet, width)


def _copy_cell(cell: Any, target: Cell, styles: dict[tuple[int, ...], Any]) -> None:
    key = tuple(cell._style) if cell.has_style else ()
    if key in styles:
        target._style = copy(styles[key])
    elif key:
        for name in ("font", "fill", "border", "alignment", "number_format"):
            setattr(target, name, copy(getattr(cell, name)))
        styles[key] = copy(target._style)
    put(target, cell.value)


def _dimensions(origin: Worksheet, column: int) -> Iterator[Any]:
    """The width entry that covers a column; a spreadsheet keeps one for a run of columns."""
    for known in origin.column_dimensions.values():
        if (known.min or 0) <= column <= (known.max or 0):
            yield known


if __name__ == "__main__":
    memory, cpu, spec, target, *source = sys.argv[1:]
    set_limits(int(memory), int(cpu))
    wanted = json.loads(Path(spec).read_text("utf-8"))
    made = openpyxl.Workbook()
    made.remove(made.active)
    if source:
        write_alike(wanted, Path(source[0]), made)
    else:
        write_plain(wanted, made)
    made.save(target)
