"""Reads an xlsx workbook.

calamine reads the values; what it does not tell (formula errors, percent formats) or cannot survive (a single
cell far away) is found by a first pass over the XML.
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final
from xml.parsers import expat

from lvyuan.imports.table import (
    MAX_COLUMNS,
    Cell,
    Collector,
    Flaw,
    Table,
    Unreadable,
    fixed,
    number_cell,
    shown,
    text_cell,
)
from lvyuan.numbers import _

MAX_AREA: Final = 3_000_000  # cells of a sheet's used area, empty ones included
MAX_MEMBERS: Final = 2_000  # files inside an xlsx
MAX_UNPACKED: Final = 400 * 1024 * 1024
_EXCEL_COLUMNS: Final = 16_385  # a cell's place is row times this plus column
_LETTERS: Final = re.compile("[A-Z]{1,3}")
_FORBIDDEN_XML: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_BROKEN: Final = _("工作簿已损坏或不完整，无法读取。请在 Excel 或 WPS 中打开并另存为 xlsx 后再上传。")
_BROKEN_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    KeyError,
    expat.ExpatError,
)
_PERCENT_BUILTIN: Final = {"9", "10"}


def read_workbook(path: Path) -> Table:
    """The only visible sheet that has content; a question when there are several. Raises Unreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive)
            sheets = [scan for scan in _scan_sheets(archive) if scan.count]
    except _BROKEN_ERRORS as error:
        raise Unreadable(_BROKEN) from error
    if not sheets:
        raise Unreadable(_("工作簿里没有内容（隐藏的工作表不读）。请检查后重新上传。"))
    if len(sheets) > 1:
        names = "、".join(f"“{shown(sheet.name)}”" for sheet in sheets[:10])
        question = f"工作簿有 {len(sheets)} 张有内容的工作表：{names}。请只保留要导入的一张，另存后再上传。"
        return Table(questions=[question])
    sheet = sheets[0]
    sheet.check_area()
    collector = Collector(Table(sheet=shown(sheet.name, 60)))
    for line, cells in _sheet_rows(path, sheet):
        collector.add(line, cells)
    return collector.finish()


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Sizes before anything is unpacked, then every XML part once: complete, and without entities."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise Unreadable(
            f"工作簿里有 {len(members)} 个内部文件，超过 {MAX_MEMBERS} 个的上限。请只保留数据表另存后再上传。"
        )
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise Unreadable(f"工作簿解压后超过 {MAX_UNPACKED // 1024 // 1024} MB 的上限。请只保留数据表另存后再上传。")
    names = {member.filename for member in members}
    if "xl/workbook.bin" in names:
        raise Unreadable(_("这是 xlsb 工作簿。请另存为 xlsx 工作簿后再上传。"))
    if "xl/workbook.xml" not in names:
        raise Unreadable(_("扩展名是 .xlsx，内容却是没有工作簿的压缩包。请上传真正的 xlsx 工作簿。"))
    for member in members:
        if member.filename.endswith((".xml", ".rels", ".vml")):
            with archive.open(member) as part:
                _check_part(part)


def _check_part(part: IO[bytes]) -> None:
    tail = b""
    while chunk := part.read(1 << 18):
        if _FORBIDDEN_XML.search(tail + chunk):
            _refuse_entities()
        tail = chunk[-16:]


def _refuse_entities(*given: object) -> None:
    raise Unreadable(_("工作簿里有 XML 实体定义，正常的工作簿不会有，已拒收。请在 Excel 或 WPS 中另存后再上传。"))


def _parse(part: IO[bytes], start: Callable[[str, dict[str, str]], None]) -> None:
    """Calls `start` with the name and attributes of each element of an XML part, in document order."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _refuse_entities
    with part:
        parser.ParseFile(part)


def _elements(archive: zipfile.ZipFile, name: str) -> list[tuple[str, dict[str, str]]]:
    """All elements of a small part, names without prefix."""
    found: list[tuple[str, dict[str, str]]] = []

    def start(element: str, attributes: dict[str, str]) -> None:
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        found.append((element.rpartition(":")[2], plain))

    _parse(archive.open(name), start)
    return found


class _SheetScan:
    """What one sheet holds: its used area and the cells that need care."""

    def __init__(self, name: str, percent_styles: set[str]) -> None:
        self.name, self.percent_styles = name, percent_styles
        self.count = 0
        self.top, self.bottom, self.left, self.right = 2**31, 0, 2**31, 0
        self.errors: set[int] = set()
        self.formulas: set[int] = set()
        self.percents: set[int] = set()
        self.row = self.column = 0
        self.cell: dict[str, str] | None = None
        self.has_formula = self.has_value = False
        self.letters: dict[str, int] = {}

    def scan(self, part: IO[bytes]) -> _SheetScan:
        _parse(part, self.start)
        self.end_cell()
        return self

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            if self.cell is not None:
                self.end_cell()
            self.cell, self.has_formula, self.has_value = attributes, False, False
        elif name == "v" or name == "is":
            self.has_value = True
        elif name == "f":
            self.has_formula = True
        elif name == "row":
            self.end_cell()
            number = attributes.get("r", "")
            self.row, self.column = int(number) if number.isdigit() else self.row + 1, 0

    def end_cell(self) -> None:
        """Takes note of the cell that the parser has just left."""
        if self.cell is None:
            return
        cell, self.cell = self.cell, None
        self.row, self.column = row, column = self.address(cell.get("r"))
        if not (self.has_value or self.has_formula):
            return
        self.count += 1
        self.top = row if row < self.top else self.top
        self.bottom = row if row > self.bottom else self.bottom
        self.left = column if column < self.left else self.left
        self.right = column if column > self.right else self.right
        kind, place = cell.get("t", "n"), row * _EXCEL_COLUMNS + column
        if kind == "e":
            self.errors.add(place)
        elif kind == "n":
            if self.has_formula:
                self.formulas.add(place)
            if cell.get("s") in self.percent_styles:
                self.percents.add(place)

    def address(self, text: str | None) -> tuple[int, int]:
        if text is None:
            return self.row, self.column + 1
        letters = text.rstrip("0123456789")
        column, number = self.letters.get(letters), text[len(letters) :]
        if column is None:
            if not _LETTERS.fullmatch(letters):
                raise Unreadable(_BROKEN)
            column = 0
            for letter in letters:
                column = column * 26 + ord(letter) - 64
            self.letters[letters] = column
        if not 0 < len(number) <= 7:
            raise Unreadable(_BROKEN)
        return int(number), column

    def check_area(self) -> None:
        """Raises Unreadable when the used area is too wide or too large to be loaded."""
        rows, columns = self.bottom - self.top + 1, self.right - self.left + 1
        remedy = _("请删去数据以外的内容（包括很远处的单元格），另存后再上传。")
        if columns > MAX_COLUMNS:
            raise Unreadable(f"工作表“{shown(self.name)}”有 {columns} 列，超过 {MAX_COLUMNS} 列的上限。{remedy}")
        if rows * columns > MAX_AREA:
            raise Unreadable(f"工作表“{shown(self.name)}”的范围有 {rows} 行 {columns} 列，超过上限。{remedy}")


def _percent_styles(archive: zipfile.ZipFile) -> set[str]:
    """Numbers of the cell styles that show a number times 100 with %; a quoted % does not scale."""
    if "xl/styles.xml" not in archive.namelist():
        return set()
    formats, styles, place, is_cell_style = set(_PERCENT_BUILTIN), set(), 0, False
    for name, attributes in _elements(archive, "xl/styles.xml"):
        if name == "numFmt":
            code = re.sub(r'"[^"]*"|\\.|_.|\*.', "", attributes.get("formatCode", ""))
            if "%" in code:
                formats.add(attributes.get("numFmtId", ""))
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            is_cell_style = name == "cellXfs"
        elif name == "xf" and is_cell_style:
            if attributes.get("numFmtId", "0") in formats:
                styles.add(str(place))
            place += 1
    return styles


def _scan_sheets(archive: zipfile.ZipFile) -> Iterator[_SheetScan]:
    """One scan per visible worksheet, in the workbook's order."""
    targets = {
        attributes["Id"]: posixpath.normpath(posixpath.join("/xl", attributes["Target"])).lstrip("/")
        for name, attributes in _elements(archive, "xl/_rels/workbook.xml.rels")
        if name == "Relationship" and attributes.get("Type", "").endswith("/worksheet")
    }
    percent_styles = _percent_styles(archive)
    for name, attributes in _elements(archive, "xl/workbook.xml"):
        if name != "sheet" or attributes.get("state", "visible") != "visible" or attributes["id"] not in targets:
            continue
        yield _SheetScan(attributes["name"], percent_styles).scan(archive.open(targets[attributes["id"]]))


def _sheet_rows(path: Path, scan: _SheetScan) -> Iterator[tuple[int, list[Cell]]]:
    """The sheet's used area, line by line; calamine leaves out error cells, so the scan says how far it goes."""
    from python_calamine import CalamineError, CalamineWorkbook  # a CSV needs no workbook reader

    try:
        with closing(CalamineWorkbook.from_path(str(path))) as workbook:
            sheet = workbook.get_sheet_by_name(scan.name)
            top, left = sheet.start or (0, 0)
            rows = dict(enumerate(sheet.to_python(), top + 1))
    except CalamineError as error:
        raise Unreadable(_BROKEN) from error
    for line in range(scan.top, scan.bottom + 1):
        values = [""] * (left + 1 - scan.left) + rows.pop(line, [])
        values += [""] * (scan.right - scan.left + 1 - len(values))
        place = line * _EXCEL_COLUMNS + scan.left
        yield line, [_sheet_cell(value, scan, place + i) for i, value in enumerate(values)]


def _sheet_cell(value: Any, scan: _SheetScan, place: int) -> Cell:
    if isinstance(value, str):
        if value:
            return text_cell(value)
        if place in scan.errors:
            return Flaw(_("是公式错误（如 #DIV/0!、#N/A）"), _("请改正公式或直接填写数字"))
        if place in scan.formulas:
            return Flaw(_("是公式，但文件里没有计算结果"), _("请在 Excel 或 WPS 中打开、保存后再上传"))
        return ""
    if isinstance(value, bool):
        return Flaw(f"是逻辑值 {str(value).upper()}，不是数据", _("请写数字或文字"))
    if isinstance(value, int | float):
        text = number_cell(value)
        if isinstance(text, str) and place in scan.percents:
            return f"{fixed(Decimal(text).scaleb(2))}%"  # 0.171 shown as 17.1%
        return text
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    return Flaw(_("是时刻或时长，不是数据"), _("请写数字、日期或文字"))
