"""What reading a file gives: tables of texts, with a flaw in the place of what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from lvyuan.numbers import _

MAX_ROWS: Final = 1_048_576  # rows of one sheet
MAX_COLUMNS: Final = 1_000
MAX_CELL: Final = 2_000  # characters of one cell
MAX_TEXT: Final = 256_000_000  # characters of all cells together
SUFFIXES: Final = (".xlsx", ".xlsm", ".xls", ".ods", ".csv", ".tsv", ".txt", ".json")
SPLIT: Final = "请拆分成几个文件再上传"
# The two columns that an error workbook has besides the sender's own (lvyuan.imports.returned); never read back.
RETURNED_HEADS: Final = ("原行号", "问题与办法")


class Unreadable(Exception):
    """The whole file is refused; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Stands in the place of a cell that is there but cannot be used."""

    problem: str
    remedy: str


Cell: TypeAlias = str | Flaw


class Row(NamedTuple):
    """One row that says something; `line` is its number as people see it.

    A tuple in the order of the child's answer: it is made a million times for one file, and written as it is.
    """

    line: int
    cells: list[Cell]
    flaw: Flaw | None = None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """One column: its number in the sheet (1 is A; 0 where columns have no place) and what stands above it.

    `path` goes from the outermost header to the innermost, texts as written, merged ones repeated, blanks left out.
    """

    number: int
    path: tuple[str, ...]
    is_hidden: bool = False
    is_assumed: bool = False  # a group of the path reaches here from the left, with no merged cell to say so

    @property
    def name(self) -> str:
        """The whole path in one text, each text once."""
        return " · ".join(dict.fromkeys(self.path))

    @property
    def letter(self) -> str:
        """How a spreadsheet names the column: C, AB; empty where columns have no place."""
        letters, number = "", self.number
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(65 + rest) + letters
        return letters


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet as it stands: rows of cells from its first column on, blank rows left out.

    `rows` can be gone through once. `merged` holds (top, left, bottom, right), all counted from 1.
    """

    sheet: str
    unit: str
    rows: Iterable[Row]
    merged: Sequence[tuple[int, int, int, int]] = ()
    hidden_columns: frozenset[int] = frozenset()


@dataclass(slots=True)
class Table:
    """Columns and the rows below them; each row has as many cells as there are heads.

    `sheet` is empty and `unit` says what a line is (行, 条) for files without sheets. `above` are the texts over the
    header (title, unit, period), `notes` those below the last row. `number` counts the tables of the file from 1.
    `rows` may be read lazily, again and again.
    """

    sheet: str = ""
    unit: str = "行"
    number: int = 1
    header_line: int = 0
    heads: list[Head] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: Iterable[Row] = field(default_factory=list)
    dropped: list[Row] = field(default_factory=list)

    def place(self, line: int, head: Head | None = None) -> str:
        """Where a line or a cell stands, for people: 工作表“数据”第3行C列; line 0 is the whole sheet."""
        letter = f"{head.letter}列" if head and head.letter else ""
        number = f"第{line}{self.unit}" if line else ""
        return f"{f'工作表“{self.sheet}”' if self.sheet else ''}{number}{letter}"

    def opening(self) -> dict[str, Any]:
        """All but the rows and what follows them, as plain lists and texts (the child's first line of a table)."""
        heads = [[head.number, list(head.path), head.is_hidden, head.is_assumed] for head in self.heads]
        names = ("sheet", "unit", "number", "header_line", "above")
        return {name: getattr(self, name) for name in names} | {"heads": heads}

    @classmethod
    def from_opening(cls, data: dict[str, Any]) -> Table:
        """The inverse of `opening`, without rows."""
        heads = [Head(number, tuple(path), *flags) for number, path, *flags in data["heads"]]
        return cls(**(data | {"heads": heads}))


def row_from_json(data: list[Any]) -> Row:
    """A row of the child's answer; a flaw is a pair there."""
    line, cells, flaw, is_hidden = data
    return Row(line, [c if isinstance(c, str) else Flaw(*c) for c in cells], Flaw(*flaw) if flaw else None, is_hidden)


# Cells

STRIP: Final = " \t\r\n\x0b\x0c\u00a0\u3000\u200b\ufeff"
INVISIBLE: Final = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
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


# Rounded up at half, as LibreOffice does when it saves a number.
_FIFTEEN: Final = Context(prec=15, rounding=ROUND_HALF_UP)


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
        value = _FIFTEEN.plus(value)
    return fixed(value)


def fixed(value: Decimal) -> str:
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
