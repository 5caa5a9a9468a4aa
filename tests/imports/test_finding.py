"""Sheets drawn as small text tables, and the tables that must be found in them.

A sheet is drawn with one line per row and | between cells; a line that is empty is a blank row. Columns count from A.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lvyuan.imports.finding import find_tables
from lvyuan.imports.finding.cells import text_of
from lvyuan.imports.table import Cell, Flaw, Grid, Row, Table

# Nothing gets lost

WORDS = [
    *[
        "指标",
        "项目名称",
        "序号",
        "单位",
        "计量单位",
        "亿元",
        "%",
        "单位：亿元",
        "表1",
        "续表",
        "2023年1—6月",
        "一季度",
        "2023-06-30",
        "绝对量",
        "同比增长",
    ],
    *[
        "地区生产总值",
        "南关区",
        "注：初步数",
        "说明：1",
        "数据来源：统计局",
        "填报人：张三",
        "填报人",
        "①初步数",
        "甲",
        "乙",
        "2019",
        "2020",
        "2021",
    ],
    *["1", "2", "3", "０", "223.7", "-6.0%", "3.7万户", "—", "…", "NA", "持平", "动态清零", "完成。"],
    *(" ", "\n", "a\nb"),
]
FLAW = Flaw("是公式错误", "请改正公式")
cell_texts = st.one_of(st.just(""), st.sampled_from(WORDS), st.text(max_size=4), st.just(FLAW))


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    width = draw(st.integers(1, 9))
    rows, line = [], 0
    for cells in draw(st.lists(st.lists(cell_texts, max_size=width), max_size=30)):
        line += draw(st.sampled_from([1, 1, 1, 1, 2, 5]))
        rows.append(Row(line, cells, draw(st.sampled_from([None, None, FLAW])), draw(st.booleans())))
    if draw(st.booleans()):  # a page break: the first lines once more
        again = [Row(line + 1 + place, list(row.cells)) for place, row in enumerate(rows[:3])]
        rows += again + [Row(line + 10 + place, list(row.cells)) for place, row in enumerate(rows[3:])]
    corner = st.integers(1, 12)
    merged = draw(st.lists(st.tuples(corner, corner, corner, corner), max_size=6))
    return Grid(draw(st.sampled_from(["", "数据"])), "行", rows, merged, frozenset(draw(st.sets(corner, max_size=3))))


def content(cell: Cell) -> bool:
    return isinstance(cell, Flaw) or bool(text_of(cell))


def account(grid: Grid) -> tuple[Counter[str], Counter[str], list[Table]]:
    """The texts of all cells of a sheet, the texts found again in its tables, and these."""
    rows = list(grid.rows)
    there = Counter(text_of(cell) for row in rows for cell in row.cells if content(cell))
    by_place = {(row.line, number): cell for row in rows for number, cell in enumerate(row.cells, 1) if content(cell)}
    tables = list(find_tables(Grid(grid.sheet, grid.unit, rows, grid.merged, grid.hidden_columns)))
    found: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for table in tables:
        for row in table.rows:
            assert len(row.cells) == len(table.heads)
            for head, cell in zip(table.heads, row.cells, strict=True):
                place = (row.line, head.number)
                if place in by_place:
                    assert by_place[place] == cell
                    assert place not in seen
                    seen.add(place)
                    found[text_of(cell)] += content(cell)
        for row in table.dropped:
            for number, cell in enumerate(row.cells, 1):
                if content(cell):
                    assert (row.line, number) not in seen
                    seen.add((row.line, number))
                    found[text_of(cell)] += 1
        found.update(text for text in (*table.above, *table.notes) if text)
    return there, found, tables


def heads_left(there: Counter[str], found: Counter[str], tables: list[Table]) -> Counter[str]:
    """What was not found as a row, a title or a note: it must stand in the heads."""
    in_heads = {text for table in tables for head in table.heads for text in head.path}
    return Counter({text: count for text, count in (there - found).items() if text not in in_heads})


@given(grids())
def test_any_sheet_nothing_gets_lost(grid: Grid) -> None:
    there, found, tables = account(grid)
    assert heads_left(there, found, tables) == Counter()
