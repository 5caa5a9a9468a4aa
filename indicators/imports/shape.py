"""From a file's tables to figures: which column and which row says what, and what only the sender can say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from indicators.imports.lines import Known
from indicators.imports.records import Record
from lvyuan.imports.registry import Answers, Layout
from lvyuan.imports.table import Row, Table


@dataclass(slots=True, kw_only=True)
class FigureLayout(Layout):
    """What was understood of each table; `records` reads its rows by it."""

    shapes: dict[int, object] = field(default_factory=dict)  # by the table's number; absent: nothing for us

    def records(self, table: Table, rows: Iterable[Row] | None = None) -> Iterator[Record]:
        """The figures that the table states, row by row, in constant memory. Nothing for a table that is left out."""
        raise NotImplementedError


def layout_of(
    tables: Iterable[Table], answers: Answers, known: Known, remembered: Collection[str] = ()
) -> FigureLayout:
    """What the tables say, from their heads, titles and first rows; no query.

    `remembered` are the codes of those answers that come from the sender's last file of this shape.
    """
    raise NotImplementedError
