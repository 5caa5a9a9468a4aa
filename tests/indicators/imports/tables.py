"""Tables for tests, as the finding of tables gives them."""

from __future__ import annotations

from collections.abc import Iterable

from lvyuan.imports.table import Cell, Head, Row, Table


def table_of(
    heads: Iterable[str | tuple[str, ...]],
    *rows: Iterable[Cell],
    above: Iterable[str] = (),
    sheet: str = "数据",
    number: int = 1,
    hidden_rows: Iterable[int] = (),
    hidden_columns: Iterable[int] = (),
) -> Table:
    """Heads in row 3, the rows from row 4 on; a head is a path, outermost first, or a single text."""
    paths = [(head,) if isinstance(head, str) and head else head or () for head in heads]
    lines = [
        Row(line, [*row, *[""] * (len(paths) - len(list(row)))], None, line in set(hidden_rows))
        for line, row in enumerate((list(row) for row in rows), 4)
    ]
    return Table(
        sheet=sheet,
        number=number,
        header_line=3,
        heads=[Head(place, tuple(path), place in set(hidden_columns)) for place, path in enumerate(paths, 1)],
        above=list(above),
        rows=lines,
    )
