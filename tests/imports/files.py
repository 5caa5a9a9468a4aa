"""Builds the files that import tests read, down to workbooks no program would write."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import openpyxl

HEADER = ["指标", "时期", "数值", "单位", "同比增长", "位次", "位次依据", "说明"]
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(path: Path, *rows: list[object], title: str = "数据") -> Path:
    """An xlsx with one sheet."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    book.close()
    return path


def raw_workbook(path: Path, sheet: str, *, workbook: str = "", **parts: str) -> Path:
    """An xlsx around the XML of its only sheet.

    `parts` are further members of xl/ (shared_strings, styles), `workbook` is what stands before the list of sheets.
    """
    relation = f'<Relationship Id="%s" Type="{_OFFICE}/%s" Target="%s"/>'
    members = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">'
        f"{relation % ('rId1', 'officeDocument', 'xl/workbook.xml')}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}">{workbook}<sheets>'
        '<sheet name="数据" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
        f"{relation % ('rId1', 'worksheet', 'worksheets/sheet1.xml')}"
        f"{relation % ('rId2', 'sharedStrings', 'sharedStrings.xml')}"
        f"{relation % ('rId3', 'styles', 'styles.xml')}</Relationships>",
        "xl/worksheets/sheet1.xml": sheet,
        "xl/sharedStrings.xml": parts.pop("shared_strings", f'<sst xmlns="{MAIN}"/>'),
    }
    members |= {f"xl/{name}.xml": text for name, text in parts.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def sheet_xml(*cells: str, before: str = "") -> str:
    """A sheet with the header 指标, 时期, 数值 in row 1 and the given `<c>` elements in row 2."""
    header = "".join(
        f'<c r="{place}1" t="inlineStr"><is><t>{text}</t></is></c>'
        for place, text in zip("ABC", ("指标", "时期", "数值"), strict=True)
    )
    return (
        f'{before}<worksheet xmlns="{MAIN}"><sheetData><row r="1">{header}</row>'
        f'<row r="2">{"".join(cells)}</row></sheetData></worksheet>'
    )


def csv_bytes(*rows: list[object], encoding: str = "utf-8-sig") -> bytes:
    """A CSV; no cell may need quoting."""
    return "".join(",".join(map(str, row)) + "\r\n" for row in rows).encode(encoding)


def zip_bytes(**members: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return target.getvalue()


def ole_bytes(**streams: bytes) -> bytes:
    """A container of old Office files with these streams, each long enough to lie in sectors of its own."""
    contents = [content.ljust(4096, b"\0") for content in streams.values()]
    contents = [content + b"\0" * (-len(content) % 512) for content in contents]
    entries = [_ole_entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1 if streams else 0xFFFFFFFF)]
    counts = [len(content) // 512 for content in contents]
    directory = -(-(len(contents) + 1) // 4)
    tables = 1
    while tables * 128 < tables + directory + sum(counts):
        tables += 1
    table, place = [0xFFFFFFFD] * tables, tables + directory
    table += [*range(tables + 1, tables + directory), 0xFFFFFFFE]
    for number, (name, count) in enumerate(zip(streams, counts, strict=True), 1):
        following = number + 1 if number < len(counts) else 0xFFFFFFFF
        entries.append(_ole_entry(name, 2, place, count * 512, right=following))
        table += [*range(place + 1, place + count), 0xFFFFFFFE]
        place += count
    table += [0xFFFFFFFF] * (tables * 128 - len(table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, tables, tables, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", *range(tables), *[0xFFFFFFFF] * (109 - tables))
    body = struct.pack(f"<{len(table)}I", *table) + b"".join(entries).ljust(directory * 512, b"\0")
    return header + body + b"".join(contents)


def _ole_entry(
    name: str, kind: int, start: int, size: int, *, right: int = 0xFFFFFFFF, child: int = 0xFFFFFFFF
) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    entry = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, 0xFFFFFFFF, right, child)
    return entry + bytes(36) + struct.pack("<IQ", start, size)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<2H", kind, len(content)) + content


def _wide(text: str) -> bytes:
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


class RawRecord(bytes):
    """A whole record between two cells, which belongs to no column."""


class Xls:
    """A workbook of Excel 97–2003, put together record by record: one sheet 数据, cells as (row, column, content).

    A content is a text, a number, or the bytes of a whole record. `formats` are the number formats of the cells'
    styles 1, 2, …, which `styles` gives by place. `split` breaks the shared strings after so many bytes.
    """

    def __init__(self, *rows: list[object], formats: tuple[str, ...] = (), styles: dict[tuple[int, int], int] = {}):  # noqa: B006
        self.rows, self.formats, self.styles = rows, formats, styles
        self.split = 0
        self.version = 0x0600
        self.globals: list[bytes] = []
        self.extra: list[bytes] = []
        self.hidden_rows: set[int] = set()

    def stream(self) -> bytes:
        bof = _record(0x0809, struct.pack("<4H2I", self.version, 5, 0, 0, 0, 6))
        texts = list(dict.fromkeys(cell for row in self.rows for cell in row if isinstance(cell, str)))
        parts = [bof, *self.globals]
        parts += [_record(0x041E, struct.pack("<H", 164 + i) + _wide(code)) for i, code in enumerate(self.formats)]
        parts += [_record(0x00E0, struct.pack("<2H", 0, number).ljust(20, b"\0")) for number in self._numbers()]
        strings = b"".join(map(_wide, texts))
        head = struct.pack("<2I", len(texts), len(texts))
        cut = self.split or len(strings)
        tail = _record(0x00FC, head + strings[:cut])
        if cut < len(strings):  # in the midst of a text: its characters go on behind a byte for their width
            tail += _record(0x003C, b"\x01" + strings[cut:])
        tail += _record(0x000A, b"")
        name = b"\x02\x01" + "数据".encode("utf-16-le")
        start = sum(map(len, parts)) + 4 + 6 + len(name) + len(tail)
        parts += [_record(0x0085, struct.pack("<IBB", start, 0, 0) + name), tail]
        parts.append(_record(0x0809, struct.pack("<4H2I", self.version, 0x10, 0, 0, 0, 6)))
        for row, cells in enumerate(self.rows):
            flags = 0x20 if row + 1 in self.hidden_rows else 0
            parts.append(_record(0x0208, struct.pack("<6HI", row, 0, len(cells), 300, 0, 0, 0x100 | flags)))
            further = 0
            for number, cell in enumerate(cells):
                if isinstance(cell, RawRecord):
                    further += 1
                    parts.append(cell)
                    continue
                column = number - further
                place = struct.pack("<3H", row, column, self.styles.get((row + 1, column + 1), 0))
                if isinstance(cell, bytes):
                    parts.append(cell[:4] + place + cell[4:])
                elif isinstance(cell, str):
                    parts.append(_record(0x00FD, place + struct.pack("<I", texts.index(cell))))
                elif cell is not None:
                    parts.append(_record(0x0203, place + struct.pack("<d", cell)))
        return b"".join([*parts, *self.extra, _record(0x000A, b"")])

    def _numbers(self) -> list[int]:
        return [0, *range(164, 164 + len(self.formats))]

    def bytes(self) -> bytes:
        return ole_bytes(Workbook=self.stream())


def xls_formula(result: bytes, flags: int = 0) -> bytes:
    """A formula cell with that stored result; the place is put in when the sheet is written."""
    return struct.pack("<2H", 0x0006, 6 + 8 + 2 + 4 + 3) + result + struct.pack("<HIHB", flags, 0, 1, 0x1E)


def ods_bytes(table: str, *, manifest: str = "", automatic: str = "") -> bytes:
    """An ods around the XML of its tables."""
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text", "style")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} '
        'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
        f"<office:automatic-styles>{automatic}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body></office:document-content>"
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return target.getvalue()


def ods_row(*cells: object, attributes: str = "") -> str:
    """A table row of texts and numbers; what begins with < stands as it is."""
    found = []
    for cell in cells:
        if isinstance(cell, str) and cell.startswith("<"):
            found.append(cell)
        elif isinstance(cell, str):
            found.append(f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>')
        else:
            number = f'office:value-type="float" office:value="{cell}"'
            found.append(f"<table:table-cell {number}><text:p>{cell}</text:p></table:table-cell>")
    return f"<table:table-row{attributes}>{''.join(found)}</table:table-row>"
