"""What the reading child told of a file: its tables, and their rows as often as they are wanted, never all at once.

The answer is a file of JSON lines: `{"table": …}` opens a table, each row is a list, `{"end": …}` closes it,
and the last line says that the file was read to its end, or why it was refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from lvyuan.imports.table import Row, Table, row_from_json

BLOCK: Final = 1 << 14  # bytes of rows decoded at once; more of them cost more to hold than to decode


class CutShort(Exception):
    """The answer has no last line: the child died while it wrote."""


class RefusedFile(Exception):
    """The child refused the file; the text is the msgid of why."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one table, read from the answer each time they are gone through."""

    path: Path
    start: int
    count: int

    def __iter__(self) -> Iterator[Row]:
        with open(self.path, "rb") as answer:
            answer.seek(self.start)
            is_last = False
            while not is_last and (block := answer.read(BLOCK) + answer.readline()):
                end = 0 if block[:1] == b"{" else block.find(b"\n{")
                is_last = end >= 0
                yield from _rows(block[:end] if is_last else block)

    def __len__(self) -> int:
        return self.count


def _rows(lines: bytes) -> Iterator[Row]:
    """The rows of many lines, decoded at once, which takes half the time; no text in JSON holds a line end."""
    lines = lines.strip(b"\n")
    rows = json.loads(b"[%b]" % lines.replace(b"\n", b","))
    has_flaw = lines.count(b",[") > len(rows) or b"[[" in lines
    return map(row_from_json if has_flaw else Row._make, rows)


@dataclass(slots=True)
class Book:
    """The tables of one file, heads and notes at once, rows lazily; `total` counts all rows."""

    tables: list[Table] = field(default_factory=list)
    hidden_sheets: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    total: int = 0

    @classmethod
    def open(cls, path: Path) -> Book:
        """The book behind a child's answer. Raises CutShort, RefusedFile."""
        book, is_whole = cls(), False
        with open(path, "rb") as answer:
            offset = 0
            for line in answer:
                offset += len(line)
                if line[:1] == b"{" and line[-1:] == b"\n":
                    is_whole = book._take(json.loads(line), path, offset)
        if not is_whole:
            raise CutShort
        return book

    def at(self, path: Path) -> Book:
        """The same book, its answer now under that name."""
        for table in self.tables:
            assert isinstance(table.rows, Rows)
            table.rows = replace(table.rows, path=path)
        return self

    def _take(self, said: dict[str, Any], path: Path, offset: int) -> bool:
        """Keeps what a marker line says; True for the last one."""
        if "refused" in said:
            raise RefusedFile(said["refused"])
        if "table" in said:
            table = Table.from_opening(said["table"])
            table.rows = Rows(path, offset, 0)
            self.tables.append(table)
        elif "end" in said:
            table = self.tables[-1]
            assert isinstance(table.rows, Rows)
            table.rows = Rows(path, table.rows.start, said["end"]["rows"])
            table.notes = list(said["end"]["notes"])
            self.total += said["end"]["rows"]
        else:
            self.hidden_sheets = list(said["done"]["hidden_sheets"])
            self.skipped = list(said["done"]["skipped"])
        return "done" in said
