"""What leaves a file's tables, whatever their shape: one statement about one figure, in long form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lvyuan.imports.table import Flaw


@dataclass(slots=True)
class Record:
    """One figure as the file states it, by the names of `lines.COLUMNS`; what is absent or empty is "".

    `indicator` and `district` are codes where the text was understood, else the text; `period` is a period's code
    where it was, else the text. `columns` says in which column each field stands (a letter, "" where it has none: it
    comes from a title, or from an answer). `flaws` are the cells that could not be read, by field: they refuse the row.
    """

    line: int
    cells: Mapping[str, str]
    columns: Mapping[str, str]
    flaws: tuple[tuple[str, Flaw], ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def column(self) -> str:
        """The letter of the column that holds the figure: of the value, else the growth, the rank, the words."""
        columns = self.columns
        return next((columns[name] for name in ("value", "growth", "rank", "text") if columns.get(name)), "")
