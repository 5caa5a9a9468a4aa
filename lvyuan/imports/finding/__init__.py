"""From one sheet as it stands to its tables.

The way, each step in the module of its name:
1. `cells`: every cell gets a letter for what it looks like (word, period, year, figure, mark); `looks`: what that makes
   of a line.
2. `header`: the lines over a table, its header lines (a full line of words before the first figures, groups over it,
   levels under it), and one head for each column.
3. `body`: the rows up to the next table's title or header; notes below them; repeated headers dropped.
4. `bands`: tables side by side; each band of columns then goes through steps 2 and 3 by itself.

A table of less than 5 000 rows is looked at as a whole. Of a longer one these rows decide and the others pass by, so
that memory does not grow with it. Nothing gets lost: every cell that holds something is found again in a table's
`above`, heads, `rows`, `notes` or `dropped`, or its row has a flaw that says what was left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from lvyuan.imports.finding import cells as c
from lvyuan.imports.finding.bands import cut_of
from lvyuan.imports.finding.body import Body, label_columns
from lvyuan.imports.finding.header import Opening, heads_of, take_opening
from lvyuan.imports.finding.lines import Area, Feed, Line, Merges, cut, lines_of
from lvyuan.imports.table import Flaw, Grid, Row, Table
from lvyuan.numbers import _

WHOLE: Final = 5_000  # rows from which on a table is long

__all__ = ["WHOLE", "find_tables"]


def find_tables(grid: Grid) -> Iterator[Table]:
    """The tables of a sheet, from top to bottom and left to right, numbered from 1.

    The rows of a long table can be gone through once, before the next table is asked for; its `notes` and `dropped` are
    complete after the last row. The rows of other tables are lists. An empty sheet gives nothing.
    """
    finder = _Finder(grid)
    for number, table in enumerate(finder.tables(), 1):
        table.number = number
        yield table
        for _row in table.rows if not isinstance(table.rows, list) else ():
            pass  # what nobody asked for must still be passed to get to the next table


@dataclass(slots=True)
class _Block:
    """One table's lines, or those of several side by side."""

    opening: Opening
    body: list[Line]
    notes: list[Line]
    dropped: list[Line]

    def all_lines(self) -> list[Line]:
        lines = [*self.opening.above, *self.opening.header, *self.dropped, *self.body, *self.notes]
        return sorted(lines, key=lambda line: line.number)


class _Finder:
    def __init__(self, grid: Grid) -> None:
        self.grid, self.merges = grid, Merges(grid.merged)

    def tables(self) -> Iterator[Table]:
        feed = Feed(lines_of(self.grid.rows))
        while feed.peek():
            opening = take_opening(feed, self.merges)
            body = Body(feed, opening, self.merges)
            lines = body.lines()
            first = list(islice(lines, WHOLE))
            if len(first) == WHOLE and not cut_of(opening, first, self.merges).columns:
                yield self._streamed(opening, first, lines, body)
            else:
                yield from self._block_tables(_Block(opening, [*first, *lines], body.notes, body.dropped))

    def _block_tables(self, block: _Block) -> Iterator[Table]:
        """The block as one table, or each of its bands by itself."""
        found = cut_of(block.opening, block.body, self.merges)
        if not found.columns:
            yield self._table(block)
            return
        shared = found.shared(block.opening.above, self.merges)
        lines = [line for line in block.all_lines() if line not in shared]
        for left, right in found.bands:
            feed = Feed(cut(lines, left, right))
            over = _texts(shared)
            while feed.peek():
                opening = take_opening(feed, self.merges)
                body = Body(feed, opening, self.merges)
                part = _Block(opening, list(body.lines()), body.notes, body.dropped)
                for table in self._block_tables(part):
                    table.above = over + table.above
                    over = []
                    yield table

    # Tables

    def _table(self, block: _Block) -> Table:
        header = block.opening.header
        columns = sorted({column for line in (*header, *block.body) for column in line.columns})
        table = self._empty_table(block.opening, columns)
        shape = _Shape(self.grid, self.merges, columns, label_columns(header, block.body), self._named(header))
        table.rows = [shape.row(line) for line in block.body]
        table.notes = _texts(block.notes)
        table.dropped = _rows(block.dropped)
        return table

    def _streamed(self, opening: Opening, first: Sequence[Line], lines: Iterator[Line], body: Body) -> Table:
        """A long table: the first lines have settled its columns, the others pass by."""
        used = [column for line in (*opening.header, *first) for column in line.columns]
        columns = range(min(used), max(used) + 1)
        table = self._empty_table(opening, columns)
        shape = _Shape(
            self.grid, self.merges, columns, label_columns(opening.header, first), self._named(opening.header)
        )

        def rows() -> Iterator[Row]:
            yield from map(shape.row, chain(first, lines))
            table.notes, table.dropped = _texts(body.notes), _rows(body.dropped)

        table.rows = rows()
        return table

    def _empty_table(self, opening: Opening, columns: Sequence[int]) -> Table:
        return Table(
            sheet=self.grid.sheet,
            unit=self.grid.unit,
            header_line=opening.header[-1].number if opening.header else 0,
            heads=heads_of(opening.header, self.merges, columns, self.grid.hidden_columns),
            above=_texts(opening.above),
        )

    @staticmethod
    def _named(header: Sequence[Line]) -> int:
        """How many columns the header has, the last one with a name included; 0 without a header."""
        return max((line.columns[-1] + 1 for line in header), default=0)


def _texts(lines: Sequence[Line]) -> list[str]:
    return [c.text_of(line.cells[column]) for line in lines for column in line.columns]


def _rows(lines: Sequence[Line]) -> list[Row]:
    return [Row(line.number, line.cells, None, line.row.is_hidden) for line in lines]


class _Shape:
    """Makes the rows of one table: its columns, merged labels repeated downwards, what is too long flawed."""

    def __init__(self, grid: Grid, merges: Merges, columns: Sequence[int], labels: frozenset[int], named: int) -> None:
        self.columns, self.merges, self.labels = columns, merges, labels
        self.kept = frozenset(columns)
        self.is_text = not grid.sheet
        self.named = named
        self.is_solid = bool(columns) and list(columns) == list(range(columns[-1] + 1))
        self.last = columns[-1] + 1 if columns else 0
        self.reaching: dict[int, tuple[Area, str]] = {}

    def row(self, line: Line) -> Row:
        cells = line.cells
        flaw = line.row.flaw
        if self.merges:
            cells = self._filled(line)
        size = len(cells)
        if flaw is None and self.is_text and size > self.named > 0:
            flaw = self._too_long(line)
        if self.is_solid:
            if size == self.last and flaw is None and cells is line.row.cells:
                return line.row
            if size <= self.last:
                return Row(line.number, cells + [""] * (self.last - size), flaw, line.row.is_hidden)
        if flaw is None and self._leaves_out(cells):
            flaw = self._too_long(line)
        picked = [cells[column] if column < size else "" for column in self.columns]
        return Row(line.number, picked, flaw, line.row.is_hidden)

    def _filled(self, line: Line) -> list[str | Flaw]:
        """The cells, with the labels of merged areas that began further up; figures stay in their first cell."""
        cells = line.cells
        for column, (area, text) in list(self.reaching.items()):
            if line.number > area.bottom:
                del self.reaching[column]
            elif line.kind(column) == c.BLANK:
                cells = [*cells, *[""] * (column + 1 - len(cells))]
                cells[column] = text
        for area in self.merges.at(line):
            label = line.cells[area.left]
            if area.bottom > area.top and area.left in self.labels and isinstance(label, str):
                self.reaching[area.left] = (area, label)
        return cells

    def _leaves_out(self, cells: Sequence[str | Flaw]) -> bool:
        """Whether something stands outside the columns, which the first lines of a long sheet have settled."""
        return any(cell and column not in self.kept for column, cell in enumerate(cells))

    def _too_long(self, line: Line) -> Flaw:
        if self.is_text:
            width = self.named or self.last
            return Flaw(f"这一行有 {len(line.cells)} 列，表头只有 {width} 列", _("内容含分隔符的单元格请加英文双引号"))
        return Flaw(_("这一行在表格的各列之外还有内容"), _("请给多出的列写上表头，或删去多出的内容"))
