"""Reads xls workbooks of Excel 97–2003 (BIFF8): a stream of records in a container."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lvyuan.imports.reading import formats
from lvyuan.imports.reading.formats import Shown
from lvyuan.imports.reading.ole import Container
from lvyuan.imports.reading.package import BROKEN, PASSWORD, named_broken
from lvyuan.imports.reading.report import Report
from lvyuan.imports.table import MAX_COLUMNS, Cell, Grid, Row, Unreadable, shown, text_cell
from lvyuan.numbers import _

TOO_OLD: Final = _("这是 Excel 95 或更早的工作簿，无法读取。请在 Excel 或 WPS 中打开，另存为 xlsx 后再上传。")
_BIFF8: Final = 0x0600
_WORKSHEET: Final = 0

# Records
_BOF, _EOF, _CONTINUE = 0x0809, 0x000A, 0x003C
_BOUNDSHEET, _FILEPASS, _DATEMODE, _FORMAT, _XF, _SST = 0x0085, 0x002F, 0x0022, 0x041E, 0x00E0, 0x00FC
_ROW, _COLINFO, _MERGED = 0x0208, 0x007D, 0x00E5
_LABELSST, _LABEL, _RSTRING, _NUMBER, _RK, _MULRK = 0x00FD, 0x0204, 0x00D6, 0x0203, 0x027E, 0x00BD
_BOOLERR, _FORMULA, _STRING = 0x0205, 0x0006, 0x0207
_CELLS: Final = frozenset((_LABELSST, _LABEL, _RSTRING, _NUMBER, _RK, _MULRK, _BOOLERR, _FORMULA))


@dataclass(slots=True)
class _Book:
    data: bytes
    strings: list[Cell] = field(default_factory=list)
    styles: list[Shown] = field(default_factory=list)
    sheets: list[tuple[str, int, bool]] = field(default_factory=list)  # name, where it begins, is hidden
    is_1904: bool = False

    def number(self, value: float, style: int) -> Cell:
        return formats.shown_number(value, self.styles[style], is_1904=self.is_1904)


def read(path: Path, report: Report) -> Iterator[Grid]:
    """The visible worksheets in the workbook's order. Raises Unreadable."""
    with named_broken():
        container = Container(path)
        if "EncryptedPackage" in container.streams:
            raise Unreadable(PASSWORD)
        if "Workbook" not in container.streams:
            raise Unreadable(TOO_OLD if "Book" in container.streams else _no_workbook(container))
        book = _open(container.read("Workbook"), report)
        for name, start, is_hidden in book.sheets:
            if is_hidden:
                report.hidden_sheets.append(shown(name, 60))
            else:
                yield _grid(book, name, start)


def _no_workbook(container: Container) -> str:
    known = {"WordDocument": "Word 文档", "PowerPoint Document": "演示文稿", "__properties_version1.0": "邮件"}
    found = next((label for name, label in known.items() if name in container.streams), "没有工作簿的旧版 Office 文件")
    return f"扩展名是 .xls，内容却是{found}。请上传真正的工作簿。"


def _records(data: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """Type and content of each record from there to the end of its substream, embedded charts left out."""
    depth = 0
    while place < len(data):
        kind, length = struct.unpack_from("<2H", data, place)
        content = data[place + 4 : place + 4 + length]
        if len(content) < length:
            raise ValueError("record cut short")
        place += 4 + length
        if kind == _BOF:
            depth += 1
        elif kind == _EOF:
            depth -= 1
            if depth == 0:
                return
        if depth == 1:
            yield kind, content
    raise ValueError("no end of substream")


def _open(data: bytes, report: Report) -> _Book:
    book, codes, strings = _Book(data), dict[int, str](), list[bytes]()
    numbers: list[int] = []
    previous = 0
    for kind, content in _records(data, 0):
        if kind == _BOF and struct.unpack_from("<H", content)[0] != _BIFF8:
            raise Unreadable(TOO_OLD)
        if kind == _FILEPASS:
            raise Unreadable(PASSWORD)
        if kind == _DATEMODE:
            book.is_1904 = content[:1] == b"\x01"
        elif kind == _FORMAT:
            codes[struct.unpack_from("<H", content)[0]] = _text(content, 2)
        elif kind == _XF:
            numbers.append(struct.unpack_from("<2H", content)[1])
        elif kind == _SST or (kind == _CONTINUE and previous == _SST):
            strings.append(content)
            kind = _SST
        elif kind == _BOUNDSHEET:
            start, state, sheet = struct.unpack_from("<IBB", content)
            name = _text(content, 6, "<B")
            if sheet == _WORKSHEET:
                book.sheets.append((name, start, bool(state & 3)))
            else:
                report.skipped.append(shown(name, 60))
        previous = kind
    book.styles = [formats.format_of(number, codes.get(number)) for number in numbers]
    book.strings = [text_cell(text) for text in _shared_strings(strings)]
    return book


def _text(content: bytes, place: int, length: str = "<H") -> str:
    """A text: its length, a byte that says whether its characters have one byte or two, the characters."""
    (count,) = struct.unpack_from(length, content, place)
    place += struct.calcsize(length)
    return _decoded(content[place + 1 :], count, wide=bool(content[place] & 1))


def _decoded(data: bytes, count: int, *, wide: bool) -> str:
    size = count * 2 if wide else count
    if len(data) < size:
        raise ValueError("text cut short")
    return data[:size].decode("utf-16-le" if wide else "latin-1", "replace")


class _Segments:
    """The shared strings' bytes, which go on from record to record."""

    def __init__(self, segments: list[bytes]) -> None:
        self.segments, self.number, self.place = segments, 0, 8

    def is_over(self) -> bool:
        while self.number < len(self.segments) and self.place >= len(self.segments[self.number]):
            self.number, self.place = self.number + 1, 0
        return self.number == len(self.segments)

    def take(self, count: int) -> bytes:
        parts = []
        while count:
            if self.is_over():
                raise ValueError("strings cut short")
            part = self.segments[self.number][self.place : self.place + count]
            self.place += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def text(self, count: int, *, wide: bool) -> str:
        """Characters; where they go on in a next record, a byte says anew how wide they are."""
        parts = []
        while count:
            number = self.number
            if self.is_over():
                raise ValueError("strings cut short")
            if self.number != number:
                wide = bool(self.take(1)[0] & 1)
            rest = len(self.segments[self.number]) - self.place
            fits = min(count, rest // 2 if wide else rest)
            if not fits:
                raise ValueError("half a character")
            parts.append(_decoded(self.take(fits * 2 if wide else fits), fits, wide=wide))
            count -= fits
        return "".join(parts)


def _shared_strings(segments: list[bytes]) -> Iterator[str]:
    if not segments:
        return
    source = _Segments(segments)
    (count,) = struct.unpack_from("<I", segments[0], 4)
    for _number in range(count):
        if source.is_over():
            return
        length, flags = struct.unpack("<HB", source.take(3))
        runs = struct.unpack("<H", source.take(2))[0] if flags & 8 else 0
        more = struct.unpack("<I", source.take(4))[0] if flags & 4 else 0
        yield source.text(length, wide=bool(flags & 1))
        source.take(runs * 4 + more)


def _grid(book: _Book, name: str, start: int) -> Grid:
    """All of one sheet: rows may come in any order, and what is merged comes last."""
    rows: dict[int, dict[int, Cell]] = {}
    hidden_rows: set[int] = set()
    hidden_columns: set[int] = set()
    merged: list[tuple[int, int, int, int]] = []
    waiting: tuple[int, int] | None = None  # the formula cell whose text comes with the next record
    for kind, content in _records(book.data, start):
        if kind in _CELLS:
            waiting = None
            for row, column, cell in _cells(book, kind, content):
                if cell is None:
                    waiting = row, column
                elif cell != "":
                    rows.setdefault(row, {})[column] = cell
        elif kind == _STRING and waiting:
            rows.setdefault(waiting[0], {})[waiting[1]] = text_cell(_text(content, 0))
            waiting = None
        elif kind == _ROW:
            row, height, flags = struct.unpack_from("<H4xH4xH", content)
            if flags & 0x20 or not height & 0x7FFF:
                hidden_rows.add(row + 1)
        elif kind == _COLINFO:
            first, last, width, _style, flags = struct.unpack_from("<5H", content)
            if flags & 1 or not width:
                hidden_columns.update(range(first + 1, min(last, 255) + 2))
        elif kind == _MERGED:
            (count,) = struct.unpack_from("<H", content)
            for place in range(count):
                top, bottom, left, right = struct.unpack_from("<4H", content, 2 + 8 * place)
                merged.append((top + 1, left + 1, bottom + 1, right + 1))
    return Grid(
        sheet=shown(name, 60),
        unit="行",
        rows=[_row(line, rows[line], line in hidden_rows) for line in sorted(rows)],
        merged=merged,
        hidden_columns=frozenset(hidden_columns),
    )


def _row(line: int, cells: dict[int, Cell], is_hidden: bool) -> Row:
    if (last := max(cells)) > MAX_COLUMNS:
        raise Unreadable(BROKEN)
    return Row(line, [cells.get(column, "") for column in range(1, last + 1)], None, is_hidden)


def _cells(book: _Book, kind: int, content: bytes) -> Iterator[tuple[int, int, Cell | None]]:
    """Row, column and what the cells of one record say; None where a text follows in the next record."""
    row, column, style = struct.unpack_from("<3H", content)
    row, column = row + 1, column + 1
    if kind == _MULRK:
        for place in range((len(content) - 6) // 6):
            style, number = struct.unpack_from("<HI", content, 4 + 6 * place)
            yield row, column + place, book.number(_short_number(number), style)
    elif kind == _LABELSST:
        yield row, column, book.strings[struct.unpack_from("<I", content, 6)[0]]
    elif kind in (_LABEL, _RSTRING):
        yield row, column, text_cell(_text(content, 6))
    elif kind == _NUMBER:
        yield row, column, book.number(struct.unpack_from("<d", content, 6)[0], style)
    elif kind == _RK:
        yield row, column, book.number(_short_number(struct.unpack_from("<I", content, 6)[0]), style)
    elif kind == _BOOLERR:
        yield row, column, formats.formula_error() if content[7] else formats.logical(bool(content[6]))
    else:
        yield row, column, _formula(book, content, style)


def _short_number(packed: int) -> float:
    """Thirty bits of an integer or of a float's upper part; one bit says that it is a hundredfold."""
    if packed & 2:
        value = float((packed >> 2) - (1 << 30 if packed & 0x80000000 else 0))
    else:
        value = struct.unpack("<d", struct.pack("<Q", (packed & 0xFFFFFFFC) << 32))[0]
    return value / 100 if packed & 1 else value


def _formula(book: _Book, content: bytes, style: int) -> Cell | None:
    result = content[6:14]
    (flags,) = struct.unpack_from("<H", content, 14)
    if result[6:] != b"\xff\xff":
        return book.number(struct.unpack("<d", result)[0], style)
    if result[0] == 0:
        return None
    if result[0] == 1:
        return formats.logical(bool(result[2]))
    if result[0] == 2:
        return formats.formula_error()
    # No text as a result; with these flags the writer left the formula to be calculated on opening.
    return formats.not_calculated() if flags & 3 else ""
