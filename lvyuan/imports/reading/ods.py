"""Reads ods workbooks as a stream. A first pass finds what is merged and hidden, the second gives the rows."""

from __future__ import annotations

import re
import zipfile
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lvyuan.imports.reading import formats
from lvyuan.imports.reading.formats import Format
from lvyuan.imports.reading.package import (
    BROKEN,
    CHUNK,
    PASSWORD,
    check_part,
    named_broken,
    new_parser,
    open_package,
)
from lvyuan.imports.reading.report import Report
from lvyuan.imports.table import MAX_COLUMNS, MAX_ROWS, Cell, Grid, Row, Unreadable, shown, text_cell
from lvyuan.numbers import _

MAX_MERGED: Final = 100_000
_CONTENT, _MANIFEST, _META = "content.xml", "META-INF/manifest.xml", "meta.xml"
_NAMES: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _TEXT, _OFFICE, _STYLE = (f"{_NAMES}{name}:1.0 " for name in ("table", "text", "office", "style"))
_CALC: Final = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 "
_DRAW: Final = f"{_NAMES}drawing:1.0 "
_CELL, _COVERED, _ROW, _COLUMN = (
    f"{_TABLE}{name}" for name in ("table-cell", "covered-table-cell", "table-row", "table-column")
)
# Dates that show no day, as the cell's text says.
_NO_DAY: Final = re.compile(r"([0-9]{4})年?|(?:[0-9]{4}年)?[0-9]{1,2}月")
_SHOWN_NUMBER: Final = re.compile(r"[^0-9]*([0-9][0-9,]*(?:\.[0-9]+)?)[^0-9]*")
_HIDDEN: Final = ("collapse", "filter")


@dataclass(slots=True)
class _Sheet:
    name: str
    is_visible: bool
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden_columns: set[int] = field(default_factory=set)


def read(path: Path, report: Report) -> Iterator[Grid]:
    """The visible sheets in the workbook's order, their rows lazily. Raises Unreadable."""
    with open_package(path) as archive, named_broken():
        names = archive.namelist()
        if _MANIFEST in names:
            manifest = archive.read(_MANIFEST)
            if b"encryption-data" in manifest:
                raise Unreadable(PASSWORD)
        if _CONTENT not in names:
            raise Unreadable(_("扩展名是 .ods，内容却是没有工作簿的压缩包。请上传真正的 ods 工作簿。"))
        check_part(archive.open(_CONTENT))
        sheets = _Outline().run(archive)
        if not sheets:
            raise Unreadable(_("这不是电子表格（可能是文字文档或演示文稿）。请上传 ods 工作簿。"))
        written_by = archive.read(_META) if _META in names else b""
        source = _Source(archive, is_calculated=b"LibreOffice" in written_by or b"OpenOffice" in written_by)
        with closing(source.progress):
            for number, sheet in enumerate(sheets):
                if not sheet.is_visible:
                    report.hidden_sheets.append(shown(sheet.name, 60))
                    continue
                yield Grid(
                    sheet=shown(sheet.name, 60),
                    unit="行",
                    rows=source.rows(number, sheet.name),
                    merged=sheet.merged,
                    hidden_columns=frozenset(sheet.hidden_columns),
                )


def _count(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(f"{_TABLE}{name}", "1")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Unreadable(BROKEN)
    return max(int(text), 1)


class _Walk:
    """Follows the tables of content.xml; sheets inside cells and deleted cells of tracked changes are no tables."""

    def __init__(self) -> None:
        self.depth = 0
        self.line = self.column = 0
        self.repeated = 1
        self.parser = new_parser(self.start, self.end, self.data, separator=" ")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def end(self, name: str) -> None:
        raise NotImplementedError

    def data(self, text: str) -> None:
        pass

    def chunks(self, archive: zipfile.ZipFile) -> Generator[None]:
        """Parses chunk after chunk."""
        with archive.open(_CONTENT) as part:
            while chunk := part.read(CHUNK):
                self.parser.Parse(chunk, False)
                yield
            self.parser.Parse(b"", True)
            yield


class _Outline(_Walk):
    """The first pass."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: list[_Sheet] = []
        self.style = ""
        self.hidden_styles: set[str] = set()

    def run(self, archive: zipfile.ZipFile) -> list[_Sheet]:
        for _chunk in self.chunks(archive):
            if sum(len(sheet.merged) for sheet in self.sheets) > MAX_MERGED:
                raise Unreadable(f"工作簿里的合并单元格超过 {MAX_MERGED // 10_000} 万处。请取消合并后另存再上传。")
        return self.sheets

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == f"{_TABLE}table":
            self.depth += 1
            if self.depth == 1:
                is_visible = attributes.get(f"{_TABLE}style-name") not in self.hidden_styles
                self.sheets.append(_Sheet(attributes.get(f"{_TABLE}name", ""), is_visible))
                self.line = self.column = 0
                self.repeated = 1
        elif name == f"{_STYLE}style":
            self.style = attributes.get(f"{_STYLE}name", "")
        elif name == f"{_STYLE}table-properties" and attributes.get(f"{_TABLE}display") == "false":
            self.hidden_styles.add(self.style)
        elif self.depth != 1:
            return
        elif name == _COLUMN:
            count = _count(attributes, "number-columns-repeated")
            if attributes.get(f"{_TABLE}visibility") in _HIDDEN:
                last = min(self.column + count, MAX_COLUMNS)
                self.sheets[-1].hidden_columns.update(range(self.column + 1, last + 1))
            self.column += count
        elif name == _ROW:
            self.line += self.repeated
            self.repeated, self.column = _count(attributes, "number-rows-repeated"), 0
        elif name in (_CELL, _COVERED):
            right = _count(attributes, "number-columns-spanned")
            down = _count(attributes, "number-rows-spanned")
            if right > 1 or down > 1:
                column = self.column + 1
                self.sheets[-1].merged.append((self.line, column, self.line + down - 1, column + right - 1))
            self.column += _count(attributes, "number-columns-repeated")

    def end(self, name: str) -> None:
        if name == f"{_TABLE}table":
            self.depth -= 1


class _Source(_Walk):
    """The second pass: rows of all sheets one after another."""

    def __init__(self, archive: zipfile.ZipFile, *, is_calculated: bool) -> None:
        super().__init__()
        self.is_calculated = is_calculated  # by a program that leaves the type out where a formula gives an empty text
        self.found: deque[tuple[int, Row, int]] = deque()  # sheet, row, how often it stands there
        self.number = -1
        self.is_hidden = False
        self.cells: list[Cell] = []
        self.blanks = 0
        self.cell: dict[str, str] | None = None
        self.texts: list[str] = []
        self.skipped = 0  # depth inside a comment or a drawing
        self.progress = self.chunks(archive)

    def rows(self, number: int, name: str) -> Iterator[Row]:
        """The rows of the sheet of that number; those of sheets before it are passed over."""
        with named_broken():
            while True:
                while self.found:
                    sheet, row, count = self.found[0]
                    if sheet > number:
                        return
                    self.found.popleft()
                    if sheet == number:
                        yield from self._checked(row, count, name)
                if next(self.progress, self) is self:  # the end of the file
                    return

    def _checked(self, row: Row, count: int, name: str) -> Iterator[Row]:
        where = f"工作表“{shown(name)}”第{row.line}行"
        if len(row.cells) > MAX_COLUMNS:
            raise Unreadable(
                f"{where}的内容到第 {len(row.cells)} 列，超过 {MAX_COLUMNS} 列的上限。"
                "请删去数据以外的内容（包括很远处的单元格），另存后再上传。"
            )
        if row.line + count - 1 > MAX_ROWS:
            raise Unreadable(
                f"{where}的内容重复到第 {row.line + count - 1} 行，超过 {MAX_ROWS} 行的上限。请删去多余的行。"
            )
        yield row
        for further in range(1, count):
            yield Row(row.line + further, list(row.cells), row.flaw, row.is_hidden)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.skipped:
            self.skipped += 1
        elif name == f"{_TABLE}table":
            self.depth += 1
            if self.depth == 1:
                self.number, self.line, self.repeated = self.number + 1, 0, 1
        elif self.depth != 1:
            return
        elif name == _ROW:
            self.line += self.repeated
            self.repeated = _count(attributes, "number-rows-repeated")
            self.is_hidden = attributes.get(f"{_TABLE}visibility") in _HIDDEN
            self.cells, self.blanks = [], 0
        elif name in (_CELL, _COVERED):
            self.cell, self.texts = attributes, []
        elif self.cell is None:
            return
        elif name == f"{_OFFICE}annotation" or name.startswith(_DRAW):
            self.skipped = 1
        elif name == f"{_TEXT}p":
            self.texts += ["\n"] if self.texts else []
        elif name == f"{_TEXT}s":
            count = attributes.get(f"{_TEXT}c", "1")
            self.texts.append(" " * min(int(count) if count.isdecimal() else 1, 100))
        elif name in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            self.texts.append(" ")

    def data(self, text: str) -> None:
        if self.cell is not None and not self.skipped and self.depth == 1:
            self.texts.append(text)

    def end(self, name: str) -> None:
        if self.skipped:
            self.skipped -= 1
        elif name == f"{_TABLE}table":
            self.depth -= 1
        elif self.depth != 1:
            return
        elif name in (_CELL, _COVERED) and self.cell is not None:
            cell, attributes = self._cell(self.cell, "".join(self.texts)), self.cell
            self.cell = None
            count = _count(attributes, "number-columns-repeated")
            if cell == "":
                self.blanks += count
            else:
                # One column over the limit is enough to be refused for.
                room = MAX_COLUMNS + 1 - len(self.cells)
                self.cells.extend([""] * min(self.blanks, room))
                self.cells.extend([cell] * min(count, room))
                self.blanks = 0
        elif name == _ROW and self.cells:
            self.found.append((self.number, Row(self.line, self.cells, None, self.is_hidden), self.repeated))

    def _cell(self, attributes: dict[str, str], text: str) -> Cell:
        kind = attributes.get(f"{_OFFICE}value-type", "")
        if attributes.get(f"{_CALC}value-type") == "error":
            return formats.formula_error()
        if kind in ("float", "currency", "percentage"):
            return _number(attributes.get(f"{_OFFICE}value", ""), kind, text)
        if kind == "date":
            seen = text.strip()
            if no_day := _NO_DAY.fullmatch(seen):
                return f"{no_day[1]}年" if no_day[1] else seen
            return formats.iso_moment(attributes.get(f"{_OFFICE}date-value", ""), Format.DATE)
        if kind == "time":
            return formats.not_a_moment()
        if kind == "boolean":
            return formats.logical(attributes.get(f"{_OFFICE}boolean-value") == "true")
        said = text_cell(text) if text else text_cell(attributes.get(f"{_OFFICE}string-value", ""))
        if not said and not kind and f"{_TABLE}formula" in attributes and not self.is_calculated:
            return formats.not_calculated()
        return said


def _number(value: str, kind: str, text: str) -> Cell:
    if text.startswith(("#", "Err:")):  # how errors stand where the writer knows no better
        return formats.formula_error()
    number = formats.stored_number(value)
    if number is None:
        return formats.no_number()
    if kind == "percentage":
        return formats.shown_number(number, Format.PERCENT)
    seen = _SHOWN_NUMBER.fullmatch(text)
    is_scaled = seen is not None and abs(number) > 100 * (float(seen[1].replace(",", "")) + 1)
    return formats.shown_number(number, Format.SCALED if is_scaled else Format.PLAIN)
