"""Reads one file in a process of its own: `python -m lvyuan.imports.child FILE SUFFIX MEMORY CPU`.

A hostile or broken file may take this process down, but nothing else. Prints JSON lines: each table's opening, its
rows, its end; at last how the whole went. Without that last line the answer was cut short.
"""

from __future__ import annotations

import json
import resource
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from lvyuan.imports import reading
from lvyuan.imports.finding import find_tables
from lvyuan.imports.table import MAX_TEXT, SPLIT, Flaw, Grid, Row, Table, Unreadable
from lvyuan.numbers import _

MAX_OUTPUT: Final = 1024 * 1024 * 1024
MAX_CELLS: Final = 20_000_000
_BATCH: Final = 1000  # rows between two looks at the limits


def set_limits(memory: int, cpu: int) -> None:
    """Bytes of address space, seconds of processor time, and no file but the answer."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_OUTPUT, MAX_OUTPUT))


def answer(path: Path, suffix: str, target: IO[bytes]) -> None:
    """Writes the answer, whatever happens; its last line says how it went."""
    said: dict[str, Any]
    try:
        said = {"done": _Answer(target).write(path, suffix)}
    except Unreadable as refusal:
        said = {"refused": str(refusal)}
    except MemoryError:
        said = {"refused": f"文件展开后过大，超过读取时的内存上限。{SPLIT}。"}
    except BaseException:
        traceback.print_exc()
        said = {"refused": _("文件内容损坏，无法读取。请在 Excel 或 WPS 中打开并另存后再上传。")}
    target.write(_line(said))


def _pair(flaw: Flaw) -> list[str]:
    return [flaw.problem, flaw.remedy]


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_pair).encode
# No text in JSON holds this character as it stands, so it shows where an item ends.
_MARK: Final = "\x1e"
_encode_marked: Final = json.JSONEncoder(ensure_ascii=False, separators=(f",{_MARK}", ":"), default=_pair).encode


def _line(said: object) -> bytes:
    return f"{_encode(said)}\n".encode("utf-8", "replace")


def _lines(rows: list[Row]) -> str:
    """A line for each row, which ends with a true or false: encoding many at once takes half the time."""
    text = _encode_marked(rows)[1:-1]
    return text.replace(f"e],{_MARK}[", "e]\n[").replace(_MARK, "") + "\n"


class _Answer:
    """Writes tables as they are found, and keeps count."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.size = self.cells = 0

    def write(self, path: Path, suffix: str) -> dict[str, Any]:
        """Writes every table; gives what the last line says. Raises Unreadable."""
        report, rows = reading.Report(), 0
        for number, table in enumerate(_tables(reading.read(path, suffix, report)), 1):
            self.target.write(_line({"table": replace(table, number=number).opening()}))
            count = self._write_rows(table)
            self.target.write(_line({"end": {"rows": count, "notes": table.notes}}))
            rows += count
        if not rows:
            raise Unreadable(_empty(report))
        return {"hidden_sheets": report.hidden_sheets, "skipped": report.skipped}

    def _write_rows(self, table: Table) -> int:
        count, source = 0, iter(table.rows)
        while rows := list(islice(source, _BATCH)):
            self._write_batch(rows)
            count += len(rows)
        return count

    def _write_batch(self, rows: list[Row]) -> None:
        """Writes the rows, within the limits of the whole file."""
        text = _lines(rows)
        self.size += len(text)
        self.cells += sum([len(row[1]) for row in rows])
        if self.size > MAX_TEXT:
            raise Unreadable(f"文件的文字总量超过 {MAX_TEXT // 10_000} 万字的上限。{SPLIT}。")
        if self.cells > MAX_CELLS:
            raise Unreadable(f"文件的单元格超过 {MAX_CELLS // 10_000} 万个的上限。{SPLIT}。")
        self.target.write(text.encode("utf-8", "replace"))


def _empty(report: reading.Report) -> str:
    if report.hidden_sheets:
        return _("工作簿里看得见的工作表都没有数据（隐藏的工作表不读）。请取消隐藏或补上数据后再上传。")
    return _("文件里没有数据行。请补上数据后再上传。")


def _tables(found: Iterator[Grid | Table]) -> Iterator[Table]:
    for item in found:
        if isinstance(item, Table):
            yield item
        else:
            yield from find_tables(item)


if __name__ == "__main__":
    file, suffix, memory, cpu = sys.argv[1:]
    set_limits(int(memory), int(cpu))
    answer(Path(file), suffix, sys.stdout.buffer)
