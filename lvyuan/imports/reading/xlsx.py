"""Reads xlsx and xlsm workbooks as a stream; macros, charts and links are never looked at.

A sheet's XML is taken row by row. What programs usually write is matched whole by one pattern; a row with anything
else in it goes through an XML parser. Either way a cell becomes the same few texts.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, TypeAlias
from xml.sax.saxutils import escape

from lvyuan.imports.reading import formats
from lvyuan.imports.reading.formats import Format, Shown
from lvyuan.imports.reading.package import BROKEN, CHUNK, check_part, elements, named_broken, new_parser, open_package
from lvyuan.imports.reading.report import Report
from lvyuan.imports.table import MAX_COLUMNS, MAX_ROWS, Cell, Grid, Row, Unreadable, shown, text_cell
from lvyuan.numbers import _

MAX_ROW_TEXT: Final = 8_000_000  # characters of one row's XML
MAX_MERGED: Final = 100_000
MAX_KEPT: Final = 50_000  # different inline texts whose cells are kept
MAX_FRAME: Final = 1 << 24  # bytes of a sheet before and after its rows

# Reference, style, type, formula, value, inline text, anything else.
Raw: TypeAlias = tuple[str, str, str, str, str, str, str]

_CELL: Final = re.compile(
    r'<c(?: r="([A-Z]+[0-9]+)")?(?: s="([0-9]+)")?(?: t="([a-zA-Z]+)")?(?: ?/>|>'
    r"(<f(?=[ />])(?:[^>]*/>|[^>]*>[^<]*</f>))?"
    r'(?:<v>([^<]*)</v>|<v ?/>|<is><t(?: xml:space="preserve")?>([^<]*)</t></is>)?</c>)'
    r"|(<[^>]*>|[^<]+)"
)
# A number of so few digits, without needless zeros, is what people see.
_is_simple: Final = re.compile(r"0|-?[1-9][0-9]*|-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]").fullmatch
_SIMPLE_LENGTH: Final = 15
_BLANK_ROW: Final = re.compile(r"<row(\s[^>]*)?/>")
_ROW_NUMBER: Final = re.compile(r"""\sr\s*=\s*["']([0-9]{1,7})["']""")
_ROW_HIDDEN: Final = re.compile(r"""\s(?:hidden\s*=\s*["'](?:1|true)["']|ht\s*=\s*["']0(?:\.0+)?["'])""")
_STRING: Final = re.compile(
    r'<si>(?:<t(?: xml:space="preserve")?>([^<]*)</t>|<t ?/>)</si>|(<si\s*/>)|(<si[ >].*?</si>)', re.DOTALL
)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_ENTITY: Final = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(\w+));?")
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_MERGED: Final = re.compile(
    rb"""mergeCell\s[^>]*?ref\s*=\s*["']([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})["']"""
)
_ROWS_END: Final = re.compile(rb"(?:</(?:\w+:)?sheetData\s*>|<(?:\w+:)?sheetData\s*/>)")
_ROWS_START: Final = re.compile(rb"<(?:\w+:)?sheetData[\s/>]")
_PREFIX: Final = re.compile(r"<(\w+:)(?:worksheet|sst)[\s>]")


@dataclass(slots=True)
class _Sheet:
    """A worksheet's part, and what stands in it before and after the rows."""

    name: str
    member: str
    is_visible: bool
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    is_begun: bool = False
    last: bytes = b""

    def keep(self, chunk: bytes) -> None:
        joined = self.last + chunk
        if not self.is_begun:
            self.head += chunk
            if found := _ROWS_START.search(self.head):
                self.is_begun = True
                del self.head[found.start() :]
        if b"sheetData" in joined and (found := _ROWS_END.search(joined)):
            self.tail[:] = joined[found.start() :]
        elif self.tail:
            self.tail += chunk
        self.last = joined[-32:]
        if len(self.head) + len(self.tail) > MAX_FRAME:
            raise Unreadable(BROKEN)


@dataclass(slots=True)
class _Book:
    archive: zipfile.ZipFile
    sheets: list[_Sheet]
    strings: list[Cell]
    formats: dict[str, Shown]
    texts: dict[str, Cell]
    is_1904: bool
    is_uncalculated: bool  # the writer left formulas to be calculated on opening: a 0 is no result


def read(path: Path, report: Report) -> Iterator[Grid]:
    """The visible worksheets in the workbook's order, their rows lazily. Raises Unreadable."""
    with open_package(path) as archive, named_broken():
        book = _open(archive, report)
        for sheet in book.sheets:
            if not sheet.is_visible:
                report.hidden_sheets.append(shown(sheet.name, 60))
                continue
            yield Grid(
                sheet=shown(sheet.name, 60),
                unit="行",
                rows=_rows(book, sheet),
                merged=_merged(bytes(sheet.tail)),
                hidden_columns=_hidden_columns(bytes(sheet.head)),
            )


def _open(archive: zipfile.ZipFile, report: Report) -> _Book:
    """Everything but the rows; every part has been read once by then."""
    names = {name.lower(): name for name in archive.namelist()}
    if "xl/workbook.bin" in names:
        raise Unreadable(_("这是 xlsb 工作簿。请另存为 xlsx 工作簿后再上传。"))
    if "xl/workbook.xml" not in names:
        raise Unreadable(_("扩展名是 .xlsx，内容却是没有工作簿的压缩包。请上传真正的 xlsx 工作簿。"))
    workbook = elements(archive.open(names["xl/workbook.xml"]))
    parts: dict[str, tuple[str, str]] = {}  # relation → kind, member
    for name, attributes in elements(archive.open(names["xl/_rels/workbook.xml.rels"])):
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            member = posixpath.normpath(posixpath.join("/xl", attributes["Target"])).lstrip("/").lower()
            parts[attributes["Id"]] = attributes.get("Type", "").rpartition("/")[2], names.get(member, "")
    book = _Book(archive, [], [], {}, {}, is_1904=False, is_uncalculated=False)
    for name, attributes in workbook:
        if name == "sheet":
            kind, member = parts[attributes["id"]]
            if kind == "worksheet":
                is_visible = attributes.get("state", "visible") == "visible"
                book.sheets.append(_Sheet(attributes["name"], member, is_visible))
            else:
                report.skipped.append(shown(attributes["name"], 60))
        elif name == "workbookPr":
            book.is_1904 = attributes.get("date1904") in ("1", "true")
        elif name == "calcPr":
            book.is_uncalculated = attributes.get("fullCalcOnLoad") in ("1", "true")
    sheets = {sheet.member: sheet for sheet in book.sheets}
    for member in archive.namelist():
        if member.lower().endswith((".xml", ".rels", ".vml")):
            sheet = sheets.get(member)
            check_part(archive.open(member), sheet.keep if sheet else None)
    for kind, member in parts.values():
        if kind == "styles" and member:
            book.formats = _formats(archive.open(member))
        elif kind == "sharedStrings" and member:
            book.strings = list(_strings(archive.open(member)))
    return book


def _formats(part: IO[bytes]) -> dict[str, Shown]:
    """Cell styles that show a number otherwise than it is stored, by their number."""
    codes: dict[str, str] = {}
    found: dict[str, Shown] = {}
    place, is_cell_style = 0, False
    for name, attributes in elements(part):
        if name == "numFmt":
            codes.setdefault(attributes.get("numFmtId", ""), attributes.get("formatCode", ""))
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            is_cell_style = name == "cellXfs"
        elif name == "xf" and is_cell_style:
            number = attributes.get("numFmtId", "0")
            kind = formats.format_of(int(number), codes.get(number))
            if kind is not Format.PLAIN:
                found[str(place)] = kind
            place += 1
    return found


def _hidden_columns(head: bytes) -> frozenset[int]:
    hidden: set[int] = set()
    for column in re.findall(rb"<(?:\w+:)?col(\s[^>]*)>", head):
        said = dict(re.findall(rb"""\s(\w+)\s*=\s*["']([^"']*)["']""", column))
        if said.get(b"hidden") in (b"1", b"true") or re.fullmatch(rb"0(?:\.0+)?", said.get(b"width", b"")):
            first, last = int(said[b"min"]), min(int(said[b"max"]), MAX_COLUMNS)
            hidden.update(range(first, last + 1))
    return frozenset(hidden)


def _merged(tail: bytes) -> list[tuple[int, int, int, int]]:
    found = _MERGED.findall(tail)
    if len(found) > MAX_MERGED:
        raise Unreadable(f"工作表里的合并单元格超过 {MAX_MERGED // 10_000} 万处。请取消合并后另存再上传。")
    return [
        (int(top), _column(left.decode()), int(bottom), _column(right.decode())) for left, top, right, bottom in found
    ]


def _column(letters: str) -> int:
    """1 for A, 28 for AB."""
    if not 0 < len(letters) <= 3 or not letters.isalpha():
        raise Unreadable(BROKEN)
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


# Texts


def _plain(text: str) -> str:
    """A text of the XML as people see it."""
    return _unescaped(_ENTITY.sub(_character, text) if "&" in text else text)


def _character(found: re.Match[str]) -> str:
    hexadecimal, decimal, name = found.groups()
    return _ENTITIES[name] if name else chr(int(hexadecimal, 16) if hexadecimal else int(decimal))


def _unescaped(text: str) -> str:
    """Without the workbook's own escapes: _x000D_ is a line end."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _pieces(part: IO[bytes], element: str, where: str) -> Iterator[str]:
    """The part's text, cut behind ends of that element, names without prefix, no comments."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    buffer, prefix, is_first = "", "", True
    with part:
        while chunk := part.read(CHUNK):
            known = len(buffer)
            buffer += decoder.decode(chunk)
            if is_first:
                is_first, found = False, _PREFIX.search(buffer[:4000])
                prefix = found[1] if found else ""
            end = f"</{prefix}{element}>"
            if (cut := buffer.rfind(end, max(known - len(end), 0))) < 0:
                if len(buffer) > MAX_ROW_TEXT:
                    raise Unreadable(
                        f"{where}有一处内容超过 {MAX_ROW_TEXT // 10_000} 万字，无法读取。"
                        "请删去这样的内容，另存后再上传。"
                    )
                continue
            cut += len(end)
            yield _tidy(buffer[:cut], prefix)
            buffer = buffer[cut:]
    yield _tidy(buffer + decoder.decode(b"", True), prefix)


def _tidy(piece: str, prefix: str) -> str:
    if "<!--" in piece:
        piece = _COMMENT.sub("", piece)
        if "<!--" in piece:
            raise Unreadable(BROKEN)
    return piece.replace(f"</{prefix}", "</").replace(f"<{prefix}", "<") if prefix else piece


def _strings(part: IO[bytes]) -> Iterator[Cell]:
    for piece in _pieces(part, "si", _("工作簿的文字表")):
        for text, _blank, odd in _STRING.findall(piece):
            yield text_cell(_unescaped(_rich_text(odd)) if odd else _plain(text))


def _rich_text(element: str) -> str:
    """The text of a string item made of runs; how it is pronounced (rPh) is left out."""
    found: list[str] = []
    inside: list[str] = []

    def take(text: str) -> None:
        if inside[-1] == "t" and "rPh" not in inside:
            found.append(text)

    parser = new_parser(lambda name, _attributes: inside.append(name), lambda _name: inside.pop(), take)
    parser.Parse(element, True)
    return "".join(found)


# Rows


def _rows(book: _Book, sheet: _Sheet) -> Iterator[Row]:
    where = f"工作表“{shown(sheet.name)}”"
    letters: dict[str, int] = {}
    line = 0
    with named_broken():
        for piece in _pieces(book.archive.open(sheet.member), "row", where):
            bodies = piece.split("</row>")
            bodies.pop()
            for body in bodies:
                for before in _BLANK_ROW.findall(body) if "/>" in body else ():
                    line = _line(before, line)
                start = body.rindex("<row")
                end = body.index(">", start)
                attributes = body[start + 4 : end]
                line = _line(attributes, line)
                if cells := _cells(book, body[end + 1 :], str(line), letters):
                    if len(cells) > MAX_COLUMNS:
                        raise Unreadable(
                            f"{where}第{line}行的内容到第 {len(cells)} 列，超过 {MAX_COLUMNS} 列的上限。"
                            "请删去数据以外的内容（包括很远处的单元格），另存后再上传。"
                        )
                    yield Row(line, cells, None, bool(_ROW_HIDDEN.search(attributes)))


def _line(attributes: str, previous: int) -> int:
    """The number of a row, which must come behind the one before."""
    number = _ROW_NUMBER.search(attributes)
    line = int(number[1]) if number else previous + 1
    if not previous < line <= MAX_ROWS:
        raise Unreadable(BROKEN)
    return line


def _cells(book: _Book, body: str, line: str, letters: dict[str, int]) -> list[Cell]:
    """The cells of a row up to the last that says something."""
    strings, kinds, texts = book.strings, book.formats, book.texts
    found: list[Raw] = _CELL.findall(body)
    cells: list[Cell] = []
    column = 0
    cell: Cell
    for place, style, kind, formula, value, inline, other in found:
        if other:
            if other.isspace():
                continue
            return _cells(book, _rewritten(body), line, letters)
        if place:
            name = place.removesuffix(line)
            number = letters.get(name) or _letters(name, letters)
            if number <= column:
                raise Unreadable(BROKEN)
            column = number
        else:
            column += 1
        if not kind or kind == "n":
            if formula and (not value or (value == "0" and book.is_uncalculated)):
                cell = formats.not_calculated()
            elif not value:
                continue
            elif style not in kinds and len(value) <= _SIMPLE_LENGTH and _is_simple(value):
                cell = value
            else:
                cell = _number(value, kinds.get(style, Format.PLAIN), book.is_1904)
        elif kind == "s":
            if not value:
                continue
            cell = strings[_index(value)]
        elif kind == "inlineStr":
            known = texts.get(inline)
            cell = _inline(inline, texts) if known is None else known
        else:
            cell = _other_cell(kind, value, kinds.get(style, Format.DATE))
        if cell == "":
            continue
        if column > len(cells) + 1:
            cells.extend([""] * (column - len(cells) - 1))
        cells.append(cell)
    return cells


def _letters(name: str, letters: dict[str, int]) -> int:
    letters[name] = _column(name)
    return letters[name]


def _inline(text: str, texts: dict[str, Cell]) -> Cell:
    """The cell of a text written in place; those that come again and again are kept."""
    cell = text_cell(_plain(text))
    if len(texts) < MAX_KEPT:
        texts[text] = cell
    return cell


def _index(value: str) -> int:
    if not (value.isdecimal() and value.isascii()):
        raise Unreadable(BROKEN)
    return int(value)


def _number(value: str, kind: Shown, is_1904: bool) -> Cell:
    number = formats.stored_number(value.strip())
    return formats.no_number() if number is None else formats.shown_number(number, kind, is_1904=is_1904)


def _other_cell(kind: str, value: str, shown_as: Shown) -> Cell:
    if kind == "str":
        return text_cell(_plain(value))
    if kind == "e":
        return formats.formula_error()
    if kind == "b":
        return formats.logical(value in ("1", "true")) if value else ""
    if kind == "d":
        return formats.iso_moment(value, shown_as if isinstance(shown_as, Format) else Format.DATE)
    raise Unreadable(BROKEN)


def _rewritten(body: str) -> str:
    """A row that is written in another way, as `_CELL` takes it."""
    found: list[str] = []
    inside: list[str] = []
    cell: dict[str, str] = {}
    texts: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        inside.append(name.rpartition(":")[2])
        if inside[-1] == "c":
            texts.clear()
            cell.clear()
            cell.update(attributes)
        elif inside[-1] in ("v", "f", "is"):
            texts.setdefault(inside[-1], "")

    def text(data: str) -> None:
        if inside[-1] == "v":
            texts["v"] += data
        elif inside[-1] == "t" and "rPh" not in inside:
            texts["is"] += data

    def end(_name: str) -> None:
        if inside.pop() != "c":
            return
        said = "".join(f' {name}="{cell[name]}"' for name in "rst" if name in cell)
        value = f"<v>{escape(texts['v'])}</v>" if "v" in texts else ""
        inline = f"<is><t>{escape(texts['is'])}</t></is>" if "is" in texts and not value else ""
        element = f"<c{said}>{'<f/>' if 'f' in texts else ''}{value}{inline}</c>"
        if not _CELL.fullmatch(element):
            raise Unreadable(BROKEN)
        found.append(element)

    new_parser(start, end, text).Parse(f"<row>{body}</row>", True)
    return "".join(found)
