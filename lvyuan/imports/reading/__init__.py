"""From an uploaded file to grids of texts. Runs in a child process, so nothing here needs Django.

Numbers become the digits people see, a cell that cannot be read says so in its place, and a file that is not
what its name says is refused as a whole. Nothing is guessed.
"""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lvyuan.imports.reading.ole import SIGNATURE, Container
from lvyuan.imports.reading.package import PASSWORD, named_broken
from lvyuan.imports.reading.report import Report
from lvyuan.imports.table import Grid, Table, Unreadable
from lvyuan.numbers import _

__all__ = ["Report", "read"]

_TEXTS: Final = (".csv", ".tsv", ".txt")


def read(path: Path, suffix: str, report: Report | None = None) -> Iterator[Grid | Table]:
    """The grids of a file of that suffix, one per visible sheet; tables for JSON, which has no places to search.

    Rows come lazily, sheet after sheet, and must be taken in that order. Raises Unreadable, also while rows are taken.
    """
    report = report or Report()
    check_signature(path, suffix)
    # Each reader is loaded when it is wanted: the process reads one file and ends.
    if suffix in _TEXTS:
        from lvyuan.imports.reading import text

        yield from text.read(path, suffix)
    elif suffix == ".json":
        from lvyuan.imports.reading import records

        yield from records.read(path, report)
    elif suffix == ".xls":
        from lvyuan.imports.reading import xls

        yield from xls.read(path, report)
    elif suffix == ".ods":
        from lvyuan.imports.reading import ods

        yield from ods.read(path, report)
    else:
        from lvyuan.imports.reading import xlsx

        yield from xlsx.read(path, report)


# What the file is, whatever it is called

_SIGNATURES: Final = (
    (b"MZ", "Windows 程序（exe）"),
    (b"\x7fELF", "程序"),
    (b"%PDF", "PDF 文件"),
    (b"PK\x05\x06", "空的压缩包"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"{\\rtf", "Word 文档（rtf）"),
    (b"SQLite format 3\0", "数据库文件"),
)
_OLD: Final = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")  # workbooks before containers
_WEB: Final = (b"<!doctype", b"<html", b"<table", b"<head", b"<body", b"<meta", b"mime-version:")
_FORMATS: Final = {
    ".json": "JSON",
    ".csv": "CSV 文本",
    ".tsv": "TSV 文本",
    ".txt": "文本",
    ".xlsx": "xlsx 工作簿",
    ".xlsm": "xlsm 工作簿",
    ".xls": "xls 工作簿",
    ".ods": "ods 工作簿",
}


def check_signature(path: Path, suffix: str) -> None:
    """Raises Unreadable when the file is empty, locked by a password, or something else than its suffix says."""
    with open(path, "rb") as file:
        head = file.read(4096)
    if not head:
        raise Unreadable(_("文件是空的（0 字节）。请检查后重新上传。"))
    found, better = _known(path, head)
    if found == PASSWORD:
        raise Unreadable(PASSWORD)
    is_text = suffix in (*_TEXTS, ".json")
    if suffix == better or (suffix == ".xlsm" and better == ".xlsx") or (is_text and not found):
        return
    if better:
        raise Unreadable(f"扩展名是 {suffix}，内容却是{found}。请把扩展名改为 {better} 后再上传。")
    if is_text:
        raise Unreadable(f"扩展名是 {suffix}，内容却是{found}。请上传真正的 {_FORMATS[suffix]} 文件。")
    raise Unreadable(
        f"扩展名是 {suffix}，内容却{f'是{found}' if found else '不是工作簿'}。"
        "请在 Excel 或 WPS 中打开原表，另存为 xlsx 工作簿后再上传。"
    )


def _known(path: Path, head: bytes) -> tuple[str, str]:
    """What the content is, and the suffix under which it can be read; both may be empty."""
    if head.startswith(SIGNATURE):
        return _container(path)
    if head.startswith(b"PK\x03\x04"):
        return _package(path)
    if head.startswith(_OLD):
        return "Excel 95 以前的工作簿", ""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith(b"<?xml") and b"spreadsheet" in start:
        return "XML 表格", ""
    if start.startswith((*_WEB, b"<?xml")):
        return "网页或 XML 文件", ""
    return next((name for signature, name in _SIGNATURES if head.startswith(signature)), ""), ""


def _container(path: Path) -> tuple[str, str]:
    with named_broken():
        streams = Container(path).streams
    if "EncryptedPackage" in streams or "EncryptionInfo" in streams:
        return PASSWORD, ""
    if "Workbook" in streams or "Book" in streams:
        return "旧版 Excel 工作簿（xls）", ".xls"
    known = {"WordDocument": "旧版 Word 文档（doc）", "PowerPoint Document": "旧版演示文稿（ppt）"}
    return next((label for name, label in known.items() if name in streams), "没有工作簿的旧版 Office 文件"), ""


def _package(path: Path) -> tuple[str, str]:
    with named_broken(), zipfile.ZipFile(path) as archive:
        names = {name.lower() for name in archive.namelist()}
    if "xl/workbook.xml" in names:
        return "xlsx 工作簿", ".xlsx"
    if "xl/workbook.bin" in names:
        return "xlsb 工作簿", ""
    if "content.xml" in names and "mimetype" in names:
        return "OpenDocument 文件（ods、odt）", ".ods"
    if "word/document.xml" in names:
        return "Word 文档（docx）", ""
    return "没有工作簿的压缩包", ""
