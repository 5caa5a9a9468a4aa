"""From a file's tables to figures: which column and which row says what, and what only the sender can say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from django.utils.translation import gettext

from indicators.imports.lines import Known
from indicators.imports.records import Record, Shape
from indicators.imports.understanding import units
from indicators.imports.understanding.levels import latest_values
from indicators.imports.understanding.names import Names
from indicators.imports.understanding.reading import Reading
from lvyuan.imports.asking import Asking
from lvyuan.imports.registry import Answers, Layout, Problem
from lvyuan.imports.table import Row, Table


@dataclass(slots=True, kw_only=True)
class FigureLayout(Layout):
    """What was understood of each table; `records` reads its rows by it."""

    known: Known
    shapes: dict[int, Shape] = field(default_factory=dict)  # by the table's number; absent: nothing for us

    def records(self, table: Table, rows: Iterable[Row] | None = None) -> Iterator[Record]:
        """The figures that the table states, row by row, in constant memory. Nothing for a table that is left out."""
        shape = self.shapes.get(table.number)
        if shape is not None:
            yield from shape.records(table.rows if rows is None else rows)


def layout_of(
    tables: Iterable[Table], answers: Answers, known: Known, remembered: Collection[str] = ()
) -> FigureLayout:
    """What the tables say, from their heads, titles and first rows; one query.

    `remembered` are the codes of those answers that come from the sender's last file of this shape.
    """
    layout, asking, names = FigureLayout(known=known), Asking(answers, remembered), Names(known)
    read = [Reading(table, asking, names) for table in tables]
    for before, reading in pairwise(read):
        reading.goes_on(before)
    for reading in read:
        reading.understand()
    codes = {code for reading in read for code in reading.levels}
    latest = latest_values(names.keys[code] for code in codes)
    for reading in read:
        units.compare(reading, {names.codes[pk]: value for pk, value in latest.items()})
        layout.columns += reading.uses
        layout.problems += reading.problems
        if reading.is_read:
            layout.shapes[reading.number] = reading.shape
    layout.questions = asking.questions
    if not layout.shapes and not layout.questions and not layout.problems:
        line = read[0].table.header_line if read else 0
        layout.problems.append(
            Problem(
                sheet=read[0].table.sheet if read else "",
                line=line,
                message=gettext("文件里没有找到指标的数据"),
                remedy=gettext("请核对选择的导入内容，或让表里写有指标名称、时期和数值"),
            )
        )
    return layout
