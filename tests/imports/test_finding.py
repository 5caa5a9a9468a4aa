"""Sheets drawn as small text tables, and the tables that must be found in them.

A sheet is drawn with one line per row and | between cells; a line that is empty is a blank row. Columns count from A.
"""

from __future__ import annotations

from collections import Counter
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from lvyuan.imports import finding
from lvyuan.imports.finding import body, find_tables
from lvyuan.imports.finding.cells import text_of
from lvyuan.imports.table import Flaw, Grid, Row

# Nothing gets lost

COMMON = """
指标 项目名称 序号 单位 计量单位 亿元 % 单位：亿元 表1 续表 2023年1—6月 一季度 2023-06-30 绝对量 同比增长 地区生产总值
南关区 注：初步数 说明：1 数据来源：统计局 填报人：张三 填报人 ①初步数 甲 乙 2019 2020 2021 2016.1 202306
1 2 3 ０ — … NA 持平 动态清零 完成。
"""
WORDS = [*COMMON.split(), " ", "\n", "a\nb"]
NUMBERED = ["{}.5", "-{}.25%", "{}.5万户", "9{}", "第{}位", "工作{}", "项目{}：未开工", "{}年"]
FLAW = Flaw("是公式错误", "请改正公式")
CORNER = st.integers(1, 12)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Any sheet: common words, figures that each stand there once, page breaks, merged areas anywhere."""
    width = draw(st.integers(1, 9))
    words = st.one_of(
        st.just(""), st.sampled_from(WORDS), st.sampled_from(NUMBERED), st.text(max_size=4), st.just(FLAW)
    )
    rows, line = [], 0
    for drawn in draw(st.lists(st.lists(words, max_size=width), max_size=30)):
        line += draw(st.sampled_from([1, 1, 1, 1, 2, 5]))
        cells = [cell.format(line * 20 + n) if cell in NUMBERED else cell for n, cell in enumerate(drawn)]
        rows.append(Row(line, cells, draw(st.sampled_from([None, None, FLAW])), draw(st.booleans())))
    if draw(st.booleans()):
        again = [Row(line + 1 + place, list(row.cells)) for place, row in enumerate(rows[:3])]
        rows += again + [Row(line + 10 + place, list(row.cells)) for place, row in enumerate(rows[3:])]
    merged = draw(st.lists(st.tuples(CORNER, CORNER, CORNER, CORNER), max_size=6))
    return Grid(draw(st.sampled_from(["", "数据"])), "行", rows, merged, frozenset(draw(st.sets(CORNER, max_size=3))))


def check_nothing_lost(grid: Grid) -> None:
    """Every cell that holds something is found once: as a row's or a dropped line's cell, or as a text of the rest.

    A row that a long sheet's first lines did not foresee may leave cells out, but then has a flaw that says so.
    """
    there = {(row.line, number): cell for row in grid.rows for number, cell in enumerate(row.cells, 1) if cell}
    cells = dict(there)
    texts: Counter[str] = Counter()
    heads: set[str] = set()
    for table in find_tables(grid):
        rows = list(table.rows)
        numbers = [head.number for head in table.heads]
        assert len(set(numbers)) == len(numbers)
        for row in rows:
            assert len(row.cells) == len(numbers)
            assert row.flaw or any(row.cells)
            for number, cell in zip(numbers, row.cells, strict=True):
                if (row.line, number) in there:
                    assert cells.pop((row.line, number)) == cell
                else:  # blank, or a merged label repeated
                    assert not cell or cell in there.values()
            if row.flaw and not isinstance(table.rows, list):
                cells = {place: cell for place, cell in cells.items() if place[0] != row.line}
        for row in table.dropped:
            for number, cell in enumerate(row.cells, 1):
                assert not cell or cells.pop((row.line, number)) == cell
        texts.update(table.above + table.notes)
        heads.update(text for head in table.heads for text in head.path)
    for cell in cells.values():
        text = text_of(cell)
        assert texts[text] > 0 or text in heads or not text, f"{text} is lost"
        texts[text] -= 1


@given(grids())
def test_any_sheet_nothing_gets_lost(grid: Grid) -> None:
    check_nothing_lost(grid)


@given(grids())
def test_any_long_sheet_nothing_gets_lost(grid: Grid) -> None:
    with (
        mock.patch.object(finding, "WHOLE", 4),
        mock.patch.object(finding, "SAMPLE", 3),
        mock.patch.object(body, "LEARNT", 2),
        mock.patch.object(body, "HELD", 3),
    ):
        check_nothing_lost(grid)
