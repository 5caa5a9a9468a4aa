"""Builds the files that import tests read, down to workbooks no program would write."""

from __future__ import annotations

import io
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


def raw_workbook(path: Path, sheet: str, **parts: str) -> Path:
    """An xlsx around the XML of its only sheet; `parts` are further members of xl/ (shared_strings, styles)."""
    relation = f'<Relationship Id="%s" Type="{_OFFICE}/%s" Target="%s"/>'
    members = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">'
        f"{relation % ('rId1', 'officeDocument', 'xl/workbook.xml')}</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="数据" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
        f"{relation % ('rId1', 'worksheet', 'worksheets/sheet1.xml')}"
        f"{relation % ('rId2', 'sharedStrings', 'sharedStrings.xml')}</Relationships>",
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
