"""Reads csv, tsv and txt: any usual encoding, delimiter and line end."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from lvyuan.imports.harmless import TEXT_MARK, said_harmlessly
from lvyuan.imports.table import MAX_CELL, MAX_COLUMNS, MAX_ROWS, SPLIT, STRIP, Cell, Grid, Row, Unreadable, text_cell
from lvyuan.numbers import _

MAX_FIELD: Final = 1_000_000  # characters of one field, over which reading stops
BLOCK: Final = 1 << 20
SAMPLE_LINES: Final = 60
SAMPLE_WIDTH: Final = 10_000  # characters of a line
DELIMITERS: Final = ",\t;|"
_MARKS: Final = frozenset(b"\r\n,;\t|[{")
UTF_8: Final = _("请另存为 UTF-8 编码后再上传。")


# Encoding


def encoding_of(path: Path) -> str:
    """By its mark, else UTF-8, else GB18030; UTF-16 without mark only when it cannot be anything else.

    The whole file must decode. Raises Unreadable, with the line of what is wrong.
    """
    with open(path, "rb") as file:
        head = file.read(BLOCK)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable(f"文件的编码是 UTF-32。{UTF_8}")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _whole(path, "utf-16")
    if b"\0" in head and (name := _unmarked_utf16(head)):
        return _whole(path, name)
    wrong = _fault(path, "utf-8-sig", is_zero_wrong=True)
    if wrong is None:
        return "utf-8-sig"
    if wrong.is_otherwise_utf8:
        raise Unreadable(f"第{wrong.line}行有不是 UTF-8 的字节，文件可能被截断或改坏。请重新导出后再上传。")
    return _whole(path, "gb18030")


def _whole(path: Path, name: str) -> str:
    if wrong := _fault(path, name, is_zero_wrong=not name.startswith("utf-16")):
        label = "UTF-16" if name.startswith("utf-16") else "UTF-8、GB18030"
        raise Unreadable(f"文件的文字编码无法识别：第{wrong.line}行不是 {label}。{UTF_8}")
    return name


@dataclass(frozen=True, slots=True)
class _Fault:
    """Where decoding fails, and whether all before it looks like UTF-8."""

    line: int
    is_otherwise_utf8: bool


_THREE_BYTES: Final = re.compile(rb"[\xe1-\xec\xee\xef][\x80-\xbf]{2}")
_MANY: Final = 4  # characters of three bytes, which other encodings do not bring about by chance


def _fault(path: Path, name: str, *, is_zero_wrong: bool = False) -> _Fault | None:
    decoder = codecs.getincrementaldecoder(name)()
    lines, last, found = 0, "", 0
    with open(path, "rb") as file:
        while True:
            chunk = file.read(BLOCK)
            try:
                text = decoder.decode(chunk, not chunk)
            except UnicodeError as error:
                good = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                found += len(_THREE_BYTES.findall(good))
                start = good.decode(name, "ignore")
                if is_zero_wrong and "\0" in start:
                    raise _binary(lines + _line_ends(last, start[: start.index("\0")]) + 1) from error
                return _Fault(lines + _line_ends(last, start) + 1, is_otherwise_utf8=found >= _MANY)
            if not chunk:
                return None
            if is_zero_wrong and "\0" in text:
                raise _binary(lines + _line_ends(last, text[: text.index("\0")]) + 1)
            if found < _MANY:
                found += len(_THREE_BYTES.findall(chunk))
            lines += _line_ends(last, text)
            last = text[-1:] or last


def _binary(line: int) -> Unreadable:
    return Unreadable(
        f"第{line}行含有二进制数据（零字节），不是文本文件。请在 Excel 或 WPS 中打开原表，另存为 CSV（UTF-8）后再上传。"
    )


def _line_ends(last: str, text: str) -> int:
    count = text.count("\n") + text.count("\r") - text.count("\r\n")
    return count - 1 if last == "\r" and text.startswith("\n") else count


def _unmarked_utf16(head: bytes) -> str:
    """The byte order when zeros stand in every second place only, often, and all beside plain ASCII."""
    even, odd = head[::2], head[1::2]
    high, low, name = (even, odd, "utf-16-be") if even.count(0) else (odd, even, "utf-16-le")
    beside = bytes(byte for zero, byte in zip(high, low, strict=False) if not zero)
    if 0 in low or len(beside) < 4 or len(beside) * 5 < len(high) or not (beside.isascii() and set(beside) & _MARKS):
        return ""
    return name


# Rows


def delimiter_of(lines: list[str], suffix: str = ".csv") -> str:
    """The delimiter by which most of the first lines have one and the same number of columns, more than one.

    Title lines have none of it; what stands in quotes does not count.
    """
    best, score = "\t" if suffix == ".tsv" else ",", (0, 0)
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=delimiter) if len(cells) > 1)
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        if (count, width) > score:
            best, score = delimiter, (count, width)
    return best


def read(path: Path, suffix: str) -> Iterator[Grid]:
    """The file's only grid. Raises Unreadable."""
    encoding = encoding_of(path)
    csv.field_size_limit(MAX_FIELD)
    yield Grid(sheet="", unit="行", rows=_rows(path, encoding, suffix))


# What makes the cells of a block need a look, one by one: odd characters, or blanks at an end of a cell.
_ODD: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00a0\u200b\u3000\ud800-\udfff\ufeff\ufffd\ufffe\uffff]")
_BLANK: Final = re.compile(r' (?:(?<=[,;|\t\n\r"] )|(?=[,;|\t\n\r"]))')


class _Lines:
    """The file's lines; `is_clean` says whether the cells of the record just read can be taken as they stand."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self.file, self.delimiter, self.is_clean = file, delimiter, True

    def __iter__(self) -> Iterator[str]:
        while lines := self.file.readlines(BLOCK):
            is_clean = self._is_clean(lines)
            self.is_clean = self.is_clean and is_clean  # a record may have begun in the block before
            yield lines[0]
            self.is_clean = is_clean
            yield from lines[1:]

    def _is_clean(self, lines: list[str]) -> bool:
        if max(map(len, lines)) > MAX_CELL:
            return False
        text = "".join(lines)
        return (
            " " not in (text[0], text[-1])
            and TEXT_MARK not in text
            and (self.delimiter == "\t" or "\t" not in text)
            and not _BLANK.search(text)
            and not _ODD.search(text)
        )


def _rows(path: Path, encoding: str, suffix: str) -> Iterator[Row]:
    line = lines_read = 0
    with open(path, encoding=encoding, newline="") as file:
        sample = _sample(file)
        separator = re.match(r"sep=([,;\t|])[\r\n]", sample[0]) if sample else None
        delimiter = separator[1] if separator else delimiter_of(sample, suffix)
        file.seek(0)
        lines = _Lines(file, delimiter)
        records = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for line, texts in enumerate(records, 1):
                lines_before, lines_read = lines_read, records.line_num
                if line == 1 and separator:
                    continue
                is_clean = lines.is_clean and lines_read - lines_before == 1
                cells: list[Cell] = [*texts] if is_clean else [text_cell(said_harmlessly(text)) for text in texts]
                while cells and cells[-1] == "":
                    cells.pop()
                if not cells:
                    continue
                if len(cells) > MAX_COLUMNS:
                    raise Unreadable(f"第{line}行有 {len(cells)} 列，超过 {MAX_COLUMNS} 列的上限。请删去多余的列。")
                if line > MAX_ROWS:
                    raise Unreadable(f"数据超过 {MAX_ROWS} 行的上限。{SPLIT}。")
                yield Row(line, cells)
        except csv.Error as error:
            if "field limit" in str(error):
                raise Unreadable(
                    f"第{line + 1}行有一个单元格超过 {MAX_FIELD // 10_000} 万字。请检查引号是否成对，或缩短内容。"
                ) from error
            raise Unreadable(f"第{line + 1}行的双引号不成对或位置不对，读不下去。请检查这一行附近的引号。") from error


def _sample(file: TextIO) -> list[str]:
    """The first lines that say something."""
    found: list[str] = []
    for _number in range(SAMPLE_LINES):
        line = file.readline(SAMPLE_WIDTH)
        if line.strip(STRIP):
            found.append(line)
    return found
