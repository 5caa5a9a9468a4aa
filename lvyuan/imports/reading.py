"""From an uploaded file to a table of texts. Runs in a child process, so nothing here needs Django.

Numbers become the digits people see, a cell that cannot be read says so in its place, and a file that is not
what its name says is refused as a whole. Nothing is guessed.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from pathlib import Path
from typing import Any, Final

from lvyuan.imports.table import MAX_COLUMNS, STRIP, Cell, Collector, Flaw, Table, Unreadable, shown, text_cell
from lvyuan.imports.workbook import read_workbook
from lvyuan.numbers import _

MAX_FIELD: Final = 1_000_000  # characters of one CSV field, over which reading stops


def read_table(path: Path, suffix: str) -> Table:
    """The table in a file of that suffix (.json, .csv, .xlsx). Raises Unreadable."""
    _check_signature(path, suffix)
    read = {".json": _read_json, ".csv": _read_csv, ".xlsx": read_workbook}[suffix]
    table = read(path)
    if not table.rows and not table.questions:
        raise Unreadable(_("文件里只有表头，没有数据行。请补上数据后再上传。"))
    return table


# What the file is, whatever it is called

_SIGNATURES: Final = (
    (b"MZ", "Windows 程序（exe）"),
    (b"\x7fELF", "程序"),
    (b"%PDF", "PDF 文件"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "旧版 Office 文件（xls、doc）或加了密码的工作簿"),
    (b"PK\x03\x04", "压缩包或 Office 文件（zip、xlsx、docx）"),
    (b"PK\x05\x06", "空的压缩包"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
)
_WEB: Final = (b"<!doctype", b"<html", b"<table", b"<?xml")
_FORMATS: Final = {".json": "JSON", ".csv": "CSV 文本", ".xlsx": "xlsx 工作簿"}


def _check_signature(path: Path, suffix: str) -> None:
    with open(path, "rb") as file:
        head = file.read(4096)
    if not head:
        raise Unreadable(_("文件是空的（0 字节）。请检查后重新上传。"))
    found = next((name for signature, name in _SIGNATURES if head.startswith(signature)), "")
    if head.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(_WEB):
        found = "网页或 XML 文件"
    is_zip = head.startswith(b"PK\x03\x04")
    if suffix == ".xlsx" and not is_zip:
        raise Unreadable(
            f"扩展名是 .xlsx，内容却{f'是{found}' if found else '不是工作簿'}。"
            "请在 Excel 或 WPS 中打开原表，取消密码，另存为 xlsx 工作簿后再上传。"
        )
    if suffix != ".xlsx" and found:
        raise Unreadable(f"扩展名是 {suffix}，内容却是{found}。请上传真正的 {_FORMATS[suffix]} 文件。")


# Text files


def _encoding(path: Path, suffix: str) -> str:
    """UTF-16 by its mark, else UTF-8 with or without mark, else GB18030; the whole file must decode."""
    with open(path, "rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            names = ["utf-16"]
        else:
            names = ["utf-8-sig", "gb18030"]
            file.seek(0)
            while chunk := file.read(1 << 20):
                if b"\0" in chunk:
                    raise Unreadable(
                        f"扩展名是 {suffix}，内容却含有二进制数据。请上传真正的 {_FORMATS[suffix]} 文件，编码用 UTF-8。"
                    )
    for name in names:
        try:
            with open(path, encoding=name, newline="") as text:
                while text.read(1 << 20):
                    pass
        except UnicodeError:
            continue
        return name
    raise Unreadable(_("文件的文字编码无法识别。请另存为 UTF-8 编码后再上传。"))


def _delimiter(line: str) -> str:
    outside_quotes = re.sub('"[^"]*"', "", line)
    return max(",\t;", key=outside_quotes.count)


def _read_csv(path: Path) -> Table:
    collector = Collector(Table(), is_ragged_wrong=True)
    csv.field_size_limit(MAX_FIELD)
    number = 0
    with open(path, encoding=_encoding(path, ".csv"), newline="") as file:
        start = file.readline(MAX_FIELD)
        while start and not start.strip(STRIP):
            start = file.readline(MAX_FIELD)
        file.seek(0)
        try:
            for number, cells in enumerate(csv.reader(file, delimiter=_delimiter(start), strict=True), 1):
                if len(cells) > MAX_COLUMNS and any(cells[MAX_COLUMNS:]):
                    raise Unreadable(f"第{number}行有 {len(cells)} 列，超过 {MAX_COLUMNS} 列的上限。请删去多余的列。")
                collector.add(number, [text_cell(cell) for cell in cells[:MAX_COLUMNS]])
        except csv.Error as error:
            if "field limit" in str(error):
                raise Unreadable(
                    f"第{number + 1}行有一个单元格超过 {MAX_FIELD // 10_000} 万字。请检查引号是否成对，或缩短内容。"
                ) from error
            raise Unreadable(f"第{number + 1}行的双引号不成对或位置不对，读不下去。请检查这一行附近的引号。") from error
    return collector.finish()


def _read_json(path: Path) -> Table:
    with open(path, encoding=_encoding(path, ".json")) as file:
        try:
            data = json.load(
                file,
                parse_float=str,  # digits stay as written; nothing becomes a float
                parse_int=str,
                parse_constant=_refuse_constant,
                object_pairs_hook=_one_of_each,
            )
        except json.JSONDecodeError as error:
            raise Unreadable(
                f"不是有效的 JSON：第 {error.lineno} 行第 {error.colno} 个字符附近写法有误。请改正后再上传。"
            ) from error
        except RecursionError as error:
            raise Unreadable(_("JSON 嵌套层数过多。请写成一个记录列表。")) from error
    if isinstance(data, dict):
        data = data.get("observations")
    if not isinstance(data, list):
        raise Unreadable(_('JSON 里没有记录列表。请写成 [{…}, {…}] 或 {"observations": [{…}, {…}]}。'))
    if not data:
        raise Unreadable(_("JSON 的记录列表是空的。请补上数据后再上传。"))
    names: dict[str, None] = {}
    for line, record in enumerate(data, 1):
        if not isinstance(record, dict):
            raise Unreadable(f"第{line}条不是记录（{{…}}）。请把每条数据写成一个记录。")
        names |= dict.fromkeys(record)
        if len(names) > MAX_COLUMNS:
            raise Unreadable(
                f"到第{line}条已有 {len(names)} 个不同的字段，超过 {MAX_COLUMNS} 个的上限。请删去多余的字段。"
            )
    collector = Collector(Table(unit="条"))
    collector.add(0, [text_cell(name) for name in names])
    if not collector.table.header:
        raise Unreadable(_("JSON 的记录里没有任何字段。请补上数据后再上传。"))
    for line, record in enumerate(data, 1):
        collector.add(line, [_json_cell(record.get(name)) for name in names])
    return collector.finish()


def _json_cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, bool):
        return Flaw(f"是逻辑值 {str(value).lower()}，不是数据", _("请写数字或文字"))
    return Flaw(_("里面还有列表或记录"), _("请写数字或文字"))


def _refuse_constant(name: str) -> str:
    raise Unreadable(f"JSON 里有 {name}，它不是数。没有数据请写 null。")


def _one_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"JSON 的同一条记录里“{shown(twice)}”出现了不止一次。请只留一个。")
    return record
