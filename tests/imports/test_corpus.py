"""Every file of the corpus ends as it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvyuan.imports import reading
from lvyuan.imports.table import Flaw, Grid, Unreadable
from tests.imports.corpus import Case, Place, cases


def said(cell: object) -> str:
    return f"<{cell.problem}>" if isinstance(cell, Flaw) else str(cell)


@pytest.mark.parametrize("item", cases("reading", "hostile"), ids=lambda item: item.name)
def test_reading(item: Case, tmp_path: Path) -> None:
    """As far as the readers go: the cells of every row, or a refusal that says what to do."""
    item.write(tmp_path / item.name)
    rows, flaws, refused = [], {}, ""
    try:
        for grid in reading.read(tmp_path / item.name, item.suffix):
            for row in grid.rows:
                cells = [said(cell) for cell in row.cells]
                while cells and not cells[-1] and not isinstance(grid, Grid):
                    cells.pop()  # a table's rows are as wide as its heads
                rows.append((grid.sheet, row.line, tuple(cells)))
                for number, cell in enumerate(row.cells, 1):
                    if isinstance(cell, Flaw):
                        flaws[Place(grid.sheet, row.line, chr(64 + number))] = cell
    except Unreadable as error:
        refused = str(error)
    if item.rows is not None:
        assert rows == list(item.rows)
    if item.refused and item.place:
        assert item.refused in flaws[item.place].problem
        assert flaws[item.place].remedy
    elif item.refused and item.rows is None:
        assert item.refused in refused, (refused, rows[:3])
        assert refused.endswith("。")
        assert "请" in refused
    else:
        assert not refused
