"""What reading a file gives: a header and rows of texts, with a flaw in the place of what cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final, TypeAlias

from lvyuan.numbers import _

MAX_ROWS: Final = 100_000  # rows below the header
MAX_COLUMNS: Final = 200
MAX_CELL: Final = 2_000  # characters of one cell
MAX_TEXT: Final = 32_000_000  # characters of all cells together
SUFFIXES: Final = (".json", ".csv", ".xlsx")
SPLIT: Final = "请拆分成几个文件再上传"


class Unreadable(Exception):
    """The whole file is refused; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Stands in the place of a cell that is there but cannot be used."""

    problem: str
    remedy: str


Cell: TypeAlias = str | Flaw


@dataclass(frozen=True, slots=True)
class Row:
    """One row that says something; `line` is its number as people see it."""

    line: int
    cells: list[Cell]
    flaw: Flaw | None = None


@dataclass(slots=True)
class Table:
    """A header and the rows below it, each with as many cells as the header.

    `sheet` is empty and `unit` says what a line is (行, 条) for files without sheets. A table with
    `questions` has no rows: the file must be settled first.
    """

    sheet: str = ""
    unit: str = "行"
    header_line: int = 0
    header: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def place(self, line: int) -> str:
        """Where a line stands, for people: 工作表“数据”第3行."""
        return f"{f'工作表“{self.sheet}”' if self.sheet else ''}第{line}{self.unit}"

    def to_json(self) -> dict[str, Any]:
        """Plain lists and texts; a flaw is a pair."""
        rows = [
            [row.line, [c if isinstance(c, str) else _pair(c) for c in row.cells], row.flaw and _pair(row.flaw)]
            for row in self.rows
        ]
        names = ("sheet", "unit", "header_line", "header", "questions")
        return {name: getattr(self, name) for name in names} | {"rows": rows}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Table:
        """The inverse of `to_json`."""
        rows = [
            Row(line, [c if isinstance(c, str) else Flaw(*c) for c in cells], Flaw(*flaw) if flaw else None)
            for line, cells, flaw in data["rows"]
        ]
        return cls(**(data | {"rows": rows}))


def _pair(flaw: Flaw) -> list[str]:
    return [flaw.problem, flaw.remedy]


# Cells

STRIP: Final = " \t\r\n\x0b\x0c\u00a0\u3000\u200b\ufeff"
_GARBLED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd\ufffe\uffff]")


def shown(text: str, length: int = 30) -> str:
    """A text from the file, fit to stand in a message."""
    text = _GARBLED.sub("?", text)
    return text if len(text) <= length else f"{text[:length]}…"


def text_cell(text: str) -> Cell:
    text = text.strip(STRIP)
    if len(text) > MAX_CELL:
        return Flaw(f"内容有 {len(text)} 个字，超过 {MAX_CELL} 字的上限", _("请缩短这个单元格的内容"))
    if not (text.isascii() and text.isprintable()) and _GARBLED.search(text):
        return Flaw(_("含有看不见的控制字符或乱码"), _("请删去这个单元格的内容，重新录入"))
    return text


def number_cell(number: float | int) -> Cell:
    """The digits of a stored number as a spreadsheet keeps them: at most 15, no exponent, no trailing zeros.

    254.1 → 254.1, 3480.0 → 3480; the noise of binary sums (0.30000000000000004) is not what anybody sees.
    """
    text = repr(number)
    if len(text) <= 15 and text[-1].isdigit() and "e" not in text:
        text = text.removesuffix(".0")
        return "0" if text == "-0" else text
    value = Decimal(text)
    if not value.is_finite():
        return Flaw(_("不是有限的数"), _("请核对这个数"))
    if len(value.as_tuple().digits) > 15:
        value = Context(prec=15).plus(value)
    return fixed(value)


def fixed(value: Decimal) -> str:
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


# From rows to a table


class Collector:
    """Keeps the rows that say something, within the limits; the first of them is the header."""

    def __init__(self, table: Table, *, is_ragged_wrong: bool = False) -> None:
        self.table, self.is_ragged_wrong, self.size = table, is_ragged_wrong, 0

    def add(self, line: int, cells: list[Cell]) -> None:
        while cells and cells[-1] == "":
            cells.pop()
        if not cells:
            return
        if len(cells) > MAX_COLUMNS:
            raise Unreadable(
                f"{self.table.place(line)}有 {len(cells)} 列，超过 {MAX_COLUMNS} 列的上限。请删去多余的列。"
            )
        self.size += sum(len(cell) for cell in cells if isinstance(cell, str))
        if self.size > MAX_TEXT:
            raise Unreadable(f"文件的文字总量超过 {MAX_TEXT // 10_000} 万字的上限。{SPLIT}。")
        if not self.table.header:
            self.set_header(line, cells)
            return
        if len(self.table.rows) == MAX_ROWS:
            raise Unreadable(f"数据超过 {MAX_ROWS // 10_000} 万行的上限。{SPLIT}。")
        width, flaw = len(self.table.header), None
        if len(cells) > width and self.is_ragged_wrong:
            flaw = Flaw(f"这一行有 {len(cells)} 列，表头只有 {width} 列", _("内容含分隔符的单元格请加英文双引号"))
            cells = cells[:width]
        elif len(cells) > width:
            self.table.header += [""] * (len(cells) - width)
        self.table.rows.append(Row(line, cells, flaw))

    def set_header(self, line: int, cells: list[Cell]) -> None:
        where = f"表头（{self.table.place(line)}）第 {{}} 列" if line else "第 {} 个字段的名称"
        for number, cell in enumerate(cells, 1):
            if isinstance(cell, Flaw):
                raise Unreadable(f"{where.format(number)}{cell.problem}。{cell.remedy}。")
            self.table.header.append(cell)
        self.table.header_line = line

    def finish(self) -> Table:
        """The table, all rows filled up to the header's width."""
        width = len(self.table.header)
        if not width:
            raise Unreadable(_("文件里没有任何内容。请检查后重新上传。"))
        for row in self.table.rows:
            row.cells.extend([""] * (width - len(row.cells)))
        return self.table
