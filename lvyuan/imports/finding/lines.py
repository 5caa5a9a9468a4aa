"""The lines of a sheet while its tables are being found: cells by column, what they look like, merged areas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from lvyuan.imports.finding import cells as c
from lvyuan.imports.table import Cell, Row


class Line:
    """One row of the sheet, columns counted from 0. `gap`: blank rows stand between this line and the one above."""

    __slots__ = ("_kinds", "cells", "gap", "number", "row")

    def __init__(self, row: Row, cells: list[Cell], gap: bool) -> None:
        self.row, self.cells, self.gap = row, cells, gap
        self.number = row[0]
        self._kinds: str | None = None

    @property
    def kinds(self) -> str:
        """One letter for each cell (see `cells`), worked out when first asked for."""
        if self._kinds is None:
            self._kinds = c.kinds_of(self.cells)
        return self._kinds

    @property
    def columns(self) -> list[int]:
        """The columns that hold something."""
        return [column for column, cell in enumerate(self.cells) if cell]

    @property
    def width(self) -> int:
        """How many cells hold something."""
        return len(self.cells) - self.cells.count("")

    @property
    def first(self) -> Cell:
        """The first cell that holds something; "" when none does."""
        return next((cell for cell in self.cells if cell), "")

    def kind(self, column: int) -> str:
        return self.kinds[column] if column < len(self.kinds) else c.BLANK

    def cell(self, column: int) -> Cell:
        return self.cells[column] if column < len(self.cells) else ""

    def within(self, left: int, right: int, previous: int) -> Line | None:
        """The line with only the cells of columns left to right; None when nothing is left of it."""
        cells = [*([""] * left), *self.cells[left : right + 1]]
        while cells and not cells[-1]:
            cells.pop()
        return Line(self.row, cells, previous > 0 and self.number != previous + 1) if cells else None


def lines_of(rows: Iterable[Row]) -> Iterator[Line]:
    """The rows as lines; rows that hold nothing are passed over."""
    previous = 0
    for row in rows:
        number, cells, _flaw, _is_hidden = row
        if cells and (cells[-1] or any(cells)):
            yield Line(row, cells, previous > 0 and number != previous + 1)
            previous = number


def cut(lines: Iterable[Line], left: int, right: int) -> Iterator[Line]:
    """The lines of one band of columns."""
    previous = 0
    for line in lines:
        if part := line.within(left, right, previous):
            yield part
            previous = part.number


class Feed:
    """Lines that can be looked at before they are taken."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._ahead: list[Line] = []
        self._at = 0

    def peek(self, distance: int = 0) -> Line | None:
        """The line that many places ahead; None past the end."""
        while len(self._ahead) - self._at <= distance:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[self._at + distance]

    def window(self, count: int) -> list[Line]:
        """Up to `count` lines from here on."""
        self.peek(count - 1)
        return self._ahead[self._at : self._at + count]

    def take(self) -> Line | None:
        if self._at < len(self._ahead):
            line = self._ahead[self._at]
            self._at += 1
            if self._at > 4096:
                del self._ahead[: self._at]
                self._at = 0
            return line
        return next(self._lines, None)

    def take_while(self, is_wanted: Callable[[Line], bool]) -> Iterator[Line]:
        """Takes lines up to the first that is not wanted, which stays; each line of a long body is looked at once."""
        while self._at < len(self._ahead):
            if not is_wanted(self._ahead[self._at]):
                return
            self._at += 1
            yield self._ahead[self._at - 1]
        self._ahead, self._at = [], 0
        for line in self._lines:
            if not is_wanted(line):
                self._ahead = [line]
                return
            yield line

    def put_back(self, lines: Sequence[Line]) -> None:
        """Lines taken too many; they come again."""
        self._ahead[: self._at] = lines
        self._at = 0


class Area(NamedTuple):
    """A merged area: rows as numbered in the sheet, columns counted from 0."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def columns(self) -> int:
        return self.right - self.left + 1


class Merges:
    """The merged areas of a sheet by their first row; what is no area (one cell, upside down) is left out."""

    def __init__(self, merged: Iterable[tuple[int, int, int, int]]) -> None:
        self._by_top: dict[int, list[Area]] = {}
        for top, left, bottom, right in merged:
            if 0 < top <= bottom and 0 < left <= right and (top, left) != (bottom, right):
                self._by_top.setdefault(top, []).append(Area(top, left - 1, bottom, right - 1))

    def __bool__(self) -> bool:
        return bool(self._by_top)

    def at(self, line: Line) -> list[Area]:
        """The areas whose first row is this line and whose first cell holds something."""
        return [area for area in self._by_top.get(line.number, ()) if line.kind(area.left) != c.BLANK]
