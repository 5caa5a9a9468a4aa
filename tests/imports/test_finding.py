"""Sheets drawn as small text tables, and the tables that must be found in them.

A sheet is drawn with a line for each row and | between cells; an empty line is a blank row. What is found is drawn as
    ^ a text above   # the heads: letter and path, ~ after an assumed group   7 the cells of line 7, with ! its flaw
    _ a note         x a line dropped
with an empty line between tables.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvyuan.imports import finding, reading
from lvyuan.imports.finding import body, find_tables
from lvyuan.imports.finding.cells import kinds_of, text_of
from lvyuan.imports.table import Flaw, Grid, Head, Row, Table
from tests.imports.corpus import Case, cases


def sheet(drawn: str, *merged: str, name: str = "数据", hidden: frozenset[int] = frozenset()) -> Grid:
    """The grid of a drawing; merged areas as A1:B2."""
    rows = []
    for line, row in enumerate(dedent(drawn).strip("\n").split("\n"), 1):
        cells = [cell.strip() for cell in row.split("|")]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            rows.append(Row(line, cells))
    return Grid(name, "行", rows, [area(text) for text in merged], hidden)


def area(text: str) -> tuple[int, int, int, int]:
    left, top, right, bottom = re.fullmatch(r"([A-Z])([0-9]+):([A-Z])([0-9]+)", text).groups()
    return int(top), ord(left) - 64, int(bottom), ord(right) - 64


def found(grid: Grid) -> str:
    """What is found in a sheet, drawn."""
    return "\n\n".join("\n".join(drawing(table)) for table in find_tables(grid))


def drawing(table: Table) -> Iterator[str]:
    yield from (f"^ {text}" for text in table.above)
    yield "# " + " | ".join(f"{head.letter} {head.name}{'~' * head.is_assumed}".strip() for head in table.heads)
    for row in table.rows:
        cells = [f"<{cell.problem}>" if isinstance(cell, Flaw) else cell for cell in row.cells]
        yield f"{row.line} {' | '.join(cells)}".rstrip(" |") + (f" ! {row.flaw.problem}" if row.flaw else "")
    yield from (f"_ {text}" for text in table.notes)
    yield from (f"x {row.line}" for row in table.dropped)


def check(drawn: str, expected: str, *merged: str, name: str = "数据") -> None:
    assert found(sheet(drawn, *merged, name=name)) == dedent(expected).strip("\n")


# Around the table


def test_title_unit_and_notes() -> None:
    check(
        """
        2023年1—6月主要经济指标
         | | 单位：亿元、%
        指标 | 绝对量 | 同比增长
        地区生产总值 | 223.7 | 16.9
        规模以上工业总产值 | 254.1 | 18
        注：地区生产总值为季度数。
        数据来源：区统计局
        """,
        """
        ^ 2023年1—6月主要经济指标
        ^ 单位：亿元、%
        # A 指标 | B 绝对量 | C 同比增长
        4 地区生产总值 | 223.7 | 16.9
        5 规模以上工业总产值 | 254.1 | 18
        _ 注：地区生产总值为季度数。
        _ 数据来源：区统计局
        """,
    )


def test_official_form() -> None:
    """The frame of the statistical reporting system: table number, particulars, stub numbering, signatures."""
    check(
        """
        规模以上工业产销总值
         | | | 表    号：Ｂ２０４－１表
         | | | 制定机关：国家统计局
        填报单位：绿园区统计局 | | 2023年6月 | 单位：万元
        指标名称 | 计量单位 | 代码 | 本年 | | 上年同期 |
         | | | 本月 | 1—本月 | 本月 | 1—本月
        甲 | 乙 | 丙 | 1 | 2 | 3 | 4
        工业总产值 | 万元 | 01 | 400 | 2541 | 380 | 2100
        单位负责人：张三 | 填表人：李四 | 联系电话：85371234 | 报出日期：2023年7月5日
        说明：1.统计范围：辖区内规模以上工业法人单位。
        2.本表由统计局组织实施。
        """,
        """
        ^ 规模以上工业产销总值
        ^ 表 号：Ｂ２０４－１表
        ^ 制定机关：国家统计局
        ^ 填报单位：绿园区统计局
        ^ 2023年6月
        ^ 单位：万元
        # A 指标名称 | B 计量单位 | C 代码 | D 本年 · 本月 | E 本年 · 1—本月~ | F 上年同期 · 本月 | G 上年同期 · 1—本月~
        8 工业总产值 | 万元 | 01 | 400 | 2541 | 380 | 2100
        _ 单位负责人：张三
        _ 填表人：李四
        _ 联系电话：85371234
        _ 报出日期：2023年7月5日
        _ 说明：1.统计范围：辖区内规模以上工业法人单位。
        _ 2.本表由统计局组织实施。
        x 7
        """,
    )


@pytest.mark.parametrize(
    "note",
    [
        "备注：快报数",
        "①快报数",
        "* 快报数",
        "资料来源：区统计局",
        "填报人",
        "注1：快报数",
        "以上为快报数。",
        "[1] 快报数",
    ],
)
def test_notes_directly_below(note: str) -> None:
    drawn = f"指标 | 本月 | 累计\n服务业 | 30 | 100\n{note}"
    check(drawn, f"# A 指标 | B 本月 | C 累计\n2 服务业 | 30 | 100\n_ {note}")


@pytest.mark.parametrize("label", ["注册资本", "来源地", "说明书", "电话用户", "备用金", "三、其他", "资料"])
def test_labels_are_no_notes(label: str) -> None:
    drawn = f"指标 | 本月 | 累计\n服务业 | 30 | 100\n{label} | 1 | 2"
    check(drawn, f"# A 指标 | B 本月 | C 累计\n2 服务业 | 30 | 100\n3 {label} | 1 | 2")


def test_qualitative_row_below_a_note_stays() -> None:
    check(
        """
        指标 | 本月 | 累计
        服务业 | 30 | 100
        注：含快报数
        零就业家庭 | 动态清零 | 动态清零
        """,
        """
        # A 指标 | B 本月 | C 累计
        2 服务业 | 30 | 100
        3 注：含快报数
        4 零就业家庭 | 动态清零 | 动态清零
        """,
    )


# Headers


def test_groups_by_merged_cells() -> None:
    check(
        """
        指标 | 计量单位 | 2023年 | | 2022年 |
         | | 绝对量 | 同比增长% | 绝对量 | 同比增长%
        地区生产总值 | 亿元 | 223.7 | 16.9 | 191.4 | -5
        """,
        """
        # A 指标 | B 计量单位 | C 2023年 · 绝对量 | D 2023年 · 同比增长% | E 2022年 · 绝对量 | F 2022年 · 同比增长%
        3 地区生产总值 | 亿元 | 223.7 | 16.9 | 191.4 | -5
        """,
        "A1:A2", "B1:B2", "C1:D1", "E1:F1",
    )  # fmt: skip


def test_groups_over_their_first_column() -> None:
    """As a CSV has them: a group reaches to the next one, not over a column that has a name of its own."""
    check(
        """
        指标 | 2023年 | | 2022年 | | 备注
         | 绝对量 | 增速 | 绝对量 | 增速
        地区生产总值 | 223.7 | 16.9 | 191.4 | -5
        """,
        """
        # A 指标 | B 2023年 · 绝对量 | C 2023年 · 增速~ | D 2022年 · 绝对量 | E 2022年 · 增速~ | F 备注
        3 地区生产总值 | 223.7 | 16.9 | 191.4 | -5
        """,
        name="",
    )


def test_merged_group_reaches_no_further() -> None:
    check(
        """
        指标 | 2023年 | |
         | 绝对量 | 增速 | 位次
        地区生产总值 | 223.7 | 16.9 | 2
        """,
        """
        # A 指标 | B 2023年 · 绝对量 | C 2023年 · 增速 | D 位次
        3 地区生产总值 | 223.7 | 16.9 | 2
        """,
        "B1:C1",
    )


def test_group_over_merged_columns_but_not_the_labels() -> None:
    check(
        """
         | 2023年1—6月
        指标 | 绝对量 | 增速
        地区生产总值 | 223.7 | 16.9
        """,
        """
        # A 指标 | B 2023年1—6月 · 绝对量 | C 2023年1—6月 · 增速
        3 地区生产总值 | 223.7 | 16.9
        """,
        "B1:C1",
    )


def test_title_merged_across() -> None:
    check(
        """
        主要指标
        指标 | 绝对量 | 增速
        地区生产总值 | 223.7 | 16.9
        """,
        """
        ^ 主要指标
        # A 指标 | B 绝对量 | C 增速
        3 地区生产总值 | 223.7 | 16.9
        """,
        "A1:C1",
    )


def test_four_levels() -> None:
    check(
        """
        项目 | 年
         | 半年 | | 全年
         | 值 | 增速 | 值 | 增速
         | 亿 | % | 亿 | %
        甲 | 1 | 2 | 3 | 4
        工业 | 254.1 | 18
        """,
        """
        # A 项目 | B 年 · 半年 · 值 · 亿 | C 年 · 半年 · 增速 · % | D 年 · 全年 · 值 · 亿 | E 年 · 全年 · 增速 · %
        6 工业 | 254.1 | 18
        x 5
        """,
        "A1:A4", "B1:E1", "B2:C2", "D2:E2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("units", "label"), [("计量单位 | 亿元 | %", "指标 · 计量单位"), (" | （亿元） | （%）", "指标")]
)
def test_units_under_the_heads(units: str, label: str) -> None:
    first, second = (unit.strip() for unit in units.split("|")[1:])
    check(
        f"指标 | 产值 | 增速\n{units}\n工业 | 254.1 | 18",
        f"# A {label} | B 产值 · {first} | C 增速 · {second}\n3 工业 | 254.1 | 18",
    )


@pytest.mark.parametrize(
    ("heads", "label"),
    [
        ("2019 | 2020 | 2021", "指标"),
        ("2021 | 2020 | 2019", ""),
        ("2023-04-30 | 2023-05-31 | 2023-06-30", ""),
        ("一季度 | 上半年 | 前三季度", "地区"),
        ("2019年 | 14年度 | 2023Q1", ""),
        ("1 | 2 | 3", "指标"),
        ("2016.1 | 2016.2 | 2016.3", "指标"),
        ("202301 | 202302 | 202303", "指标"),
    ],
)
def test_periods_as_header(heads: str, label: str) -> None:
    first, second, third = heads.split(" | ")
    rows = "常住人口 | 71 | 72 | 2019", "户数 | 2001 | 2010 | 2012"
    check(
        "\n".join([f"{label} | {heads}", *rows]),
        f"# {f'A {label}'.strip()} | B {first} | C {second} | D {third}\n2 {rows[0]}\n3 {rows[1]}",
    )


def test_figures_that_look_like_years_stay() -> None:
    check("指标 | 数值\n企业数 | 2019\n户数 | 2020", "# A 指标 | B 数值\n2 企业数 | 2019\n3 户数 | 2020")
    check("企业数 | 2019\n户数 | 2020", "# A | B\n1 企业数 | 2019\n2 户数 | 2020")


def test_numbering_of_columns_is_dropped() -> None:
    check(
        "指标 | 本月 | 累计\n1 | 2 | 3\n工业 | 40 | 254.1\n商业 | 30 | 100",
        "# A 指标 | B 本月 | C 累计\n3 工业 | 40 | 254.1\n4 商业 | 30 | 100\nx 2",
    )


def test_figures_that_count_stay() -> None:
    """A first row 1, 2, 3 of a numbered list is a row: the column below it has numbers too."""
    check(
        "序号 | 本月 | 累计\n1 | 2 | 3\n2 | 40 | 254.1",
        "# A 序号 | B 本月 | C 累计\n2 1 | 2 | 3\n3 2 | 40 | 254.1",
    )


def test_words_before_the_first_figure_are_rows() -> None:
    check(
        "指标 | 完成情况\n零就业家庭 | 动态清零\n地区生产总值 | 223.7亿元\n开工率 | 90.4%",
        "# A 指标 | B 完成情况\n2 零就业家庭 | 动态清零\n3 地区生产总值 | 223.7亿元\n4 开工率 | 90.4%",
    )


def test_label_on_both_levels() -> None:
    check(
        "指标 | 2023年\n指标 | 绝对量 | 增速\n工业 | 254.1 | 18",
        "# A 指标 | B 2023年 · 绝对量 | C 2023年 · 增速~\n3 工业 | 254.1 | 18",
    )


def test_heads_that_could_stand_above() -> None:
    """报告期 and 填报单位 head columns of a list; only with a colon are they particulars."""
    check(
        "指标 | 报告期 | 填报单位 | 数值\n零就业 | 2023年 | 人社局 | 清零\ngdp | 2023年 | 统计局 | 42",
        "# A 指标 | B 报告期 | C 填报单位 | D 数值\n2 零就业 | 2023年 | 人社局 | 清零\n3 gdp | 2023年 | 统计局 | 42",
    )


def test_line_breaks_in_heads() -> None:
    grid = Grid("数据", "行", [Row(1, ["指标", "同比\n增长", "per\ncent", "项　　目"]), Row(2, ["a", "1", "2", "3"])])
    assert [head.path for head in next(find_tables(grid)).heads] == [
        ("指标",),
        ("同比增长",),
        ("per cent",),
        ("项　目",),
    ]


def test_flawed_head() -> None:
    grid = Grid("数据", "行", [Row(1, ["指标", Flaw("是公式错误", "请改正")]), Row(2, ["gdp", "1"])])
    assert found(grid) == "# A 指标 | B （是公式错误）\n2 gdp | 1"


def test_no_header() -> None:
    check(
        "gdp | 2023-06 | 223.7\nindustrial_output | 2023-06 | 254.1",
        "# A | B | C\n1 gdp | 2023-06 | 223.7\n2 industrial_output | 2023-06 | 254.1",
    )


# Rows


def test_merged_labels_are_repeated_downwards_and_only_inside() -> None:
    check(
        """
        行业 | 指标 | 数值
        工业 | 产值 | 254.1
         | 利润 | 25
        服务业 | 收入 | 100
         | 增速 | 17.1%
        """,
        """
        # A 行业 | B 指标 | C 数值
        2 工业 | 产值 | 254.1
        3 工业 | 利润 | 25
        4 服务业 | 收入 | 100
        5  | 增速 | 17.1%
        """,
        "A2:A3",
    )


@pytest.mark.parametrize("merged", ["C2:C3", "C2:C4"])
def test_merged_figure_belongs_to_its_first_cell(merged: str) -> None:
    check(
        "行业 | 指标 | 数值\n工业 | 产值 | 254.1\n工业 | 利润\n工业 | 税金 | 3",
        "# A 行业 | B 指标 | C 数值\n2 工业 | 产值 | 254.1\n3 工业 | 利润\n4 工业 | 税金 | 3",
        merged,
    )


@pytest.mark.parametrize(("head", "second"), [("年份", "3 2019 | 工业"), ("企业数", "3  | 工业")])
def test_merged_years_are_labels_only_under_such_a_head(head: str, second: str) -> None:
    check(f"{head} | 指标\n2019 | 商业\n | 工业", f"# A {head} | B 指标\n2 2019 | 商业\n{second}", "A2:A3")


def test_sections_blank_lines_and_totals_stay_rows() -> None:
    check(
        """
        指标 | 本月 | 累计

        一、工业
        规上工业 | 40 | 254.1
        二、服务业

        零就业家庭 | 动态清零 | 动态清零
        规上服务业 | 40 | 254.1
        合计 | 80 | 508.2
        三、其他
        """,
        """
        # A 指标 | B 本月 | C 累计
        3 一、工业
        4 规上工业 | 40 | 254.1
        5 二、服务业
        7 零就业家庭 | 动态清零 | 动态清零
        8 规上服务业 | 40 | 254.1
        9 合计 | 80 | 508.2
        10 三、其他
        """,
    )


def test_blank_columns_before_and_inside() -> None:
    check(
        "\n\n | | 指标 | | 累计\n | | 规上工业 | | 254.1",
        "# C 指标 | E 累计\n2 规上工业 | 254.1",
    )


def test_row_longer_than_the_header() -> None:
    check(
        "指标 | 累计\n规上工业 | 254.1 | 9\n服务业 | 100",
        "# A 指标 | B 累计 | C\n2 规上工业 | 254.1 | 9\n3 服务业 | 100",
    )


def test_csv_row_longer_than_the_header_is_flawed() -> None:
    check(
        "指标 | 累计\n规上工业 | 1 | 254.1\n服务业 | 100",
        "# A 指标 | B 累计 | C\n2 规上工业 | 1 | 254.1 ! 这一行有 3 列，表头只有 2 列\n3 服务业 | 100",
        name="",
    )


def test_hidden_rows_and_columns_are_kept() -> None:
    rows = [Row(1, ["指标", "累计"]), Row(2, ["规上工业", "254.1"], None, True), Row(3, ["服务业", "100"])]
    table = next(find_tables(Grid("数据", "行", rows, (), frozenset({2}))))
    assert [row.is_hidden for row in table.rows] == [True, False]
    assert table.heads == [Head(1, ("指标",)), Head(2, ("累计",), is_hidden=True)]


def test_key_and_value() -> None:
    check(
        "地区生产总值 | 223.7\n规上工业 | 254.1\n零就业家庭 | 动态清零",
        "# A | B\n1 地区生产总值 | 223.7\n2 规上工业 | 254.1\n3 零就业家庭 | 动态清零",
    )


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ("", ""),
        ("标题", "# A 标题"),
        ("指标 | 数值", "# A 指标 | B 数值"),
        ("指标名称\n地区生产总值\n工业", "# A 指标名称\n2 地区生产总值\n3 工业"),
        ("数值\n223.7\n254.1", "# A 数值\n2 223.7\n3 254.1"),
        ("223.7", "# A\n1 223.7"),
    ],
)
def test_oddities(drawn: str, expected: str) -> None:
    check(drawn, expected)


# Records of words


def test_records_have_one_header_row() -> None:
    check(
        """
        2023年重点项目
        项目名称 | 责任单位 | 阶段
        学校 | 教育局 | 开工
         | 住建局 | 谋划
        医院 | 卫健局
        """,
        """
        ^ 2023年重点项目
        # A 项目名称 | B 责任单位 | C 阶段
        3 学校 | 教育局 | 开工
        4  | 住建局 | 谋划
        5 医院 | 卫健局
        """,
    )


def test_two_lists_of_words() -> None:
    check(
        """
        部门
        部门名称 | 简称
        住建局 | 住建

        用户一览表
        姓名 | 账号
        张三 | zs
        """,
        """
        ^ 部门
        # A 部门名称 | B 简称
        3 住建局 | 住建

        ^ 用户一览表
        # A 姓名 | B 账号
        7 张三 | zs
        """,
    )


def test_long_table() -> None:
    check(
        """
        指标 | 地区 | 时期 | 数值 | 单位
        gdp | 220106 | 2023-06 | 223.7 | 亿元
        zero_employment_households | 220106 | 2023-06 | 动态清零
        """,
        """
        # A 指标 | B 地区 | C 时期 | D 数值 | E 单位
        2 gdp | 220106 | 2023-06 | 223.7 | 亿元
        3 zero_employment_households | 220106 | 2023-06 | 动态清零
        """,
    )


# Several tables


def test_stacked_without_blank_line() -> None:
    check(
        """
        表1 工业
        指标 | 本月 | 累计
        规上工业 | 40 | 254.1
        注：快报数
        表2 固定资产投资
        项目 | 计划 | 完成
        投资 | 100 | 60
        """,
        """
        ^ 表1 工业
        # A 指标 | B 本月 | C 累计
        3 规上工业 | 40 | 254.1
        _ 注：快报数

        ^ 表2 固定资产投资
        # A 项目 | B 计划 | C 完成
        7 投资 | 100 | 60
        """,
    )


def test_stacked_with_blank_line_and_no_title() -> None:
    check(
        """
        指标 | 本月 | 累计
        规上工业 | 40 | 254.1

        城区 | 企业数 | 户数
        南关 | 3 | 4
        """,
        """
        # A 指标 | B 本月 | C 累计
        2 规上工业 | 40 | 254.1

        # A 城区 | B 企业数 | C 户数
        5 南关 | 3 | 4
        """,
    )


def test_pages_go_on() -> None:
    check(
        """
        2023年6月主要指标
        单位：亿元
        指标 | 本月 | 累计
        甲 | 1 | 2
        规上工业 | 40 | 254.1
        服务业 | 30 | 100

        2023年6月主要指标（续）
        单位：亿元
        指标 | 本月 | 累计
        甲 | 1 | 2
        零售 | 20 | 120
        指标 | 本月 | 累计
        填报人：张三
        """,
        """
        ^ 2023年6月主要指标
        ^ 单位：亿元
        # A 指标 | B 本月 | C 累计
        5 规上工业 | 40 | 254.1
        6 服务业 | 30 | 100
        12 零售 | 20 | 120
        _ 填报人：张三
        x 4
        x 8
        x 9
        x 10
        x 11
        x 13
        """,
    )


@pytest.mark.parametrize("gap", ["", "\n"])
@pytest.mark.parametrize(
    ("first", "second"), [("2022年", "2023年"), ("2022", "2023"), ("单位：亿元", "单位：万元"), ("表1", "表2")]
)
def test_same_header_under_another_title(first: str, second: str, gap: str) -> None:
    """What the title tells apart (year, unit) must not be thrown together."""
    line = 4 + len(gap)
    check(
        f"{first}\n指标 | 本月 | 累计\n工业 | 40 | 254.1\n{gap}{second}\n指标 | 本月 | 累计\n工业 | 41 | 264.1",
        f"^ {first}\n# A 指标 | B 本月 | C 累计\n3 工业 | 40 | 254.1\n\n"
        f"^ {second}\n# A 指标 | B 本月 | C 累计\n{line + 2} 工业 | 41 | 264.1",
    )


def test_same_header_under_a_title_in_several_cells() -> None:
    """As Kobe's accounts have it: the letters of a title spread over the sheet."""
    check(
        """
        第１表　市内 | | | 総生産（13年度）
        項目 | 産出額 | 中間投入 | 総生産 | 税
        産業 | 9 | 4 | 5 | 1

        第２表　市内 | | | 総生産（14年度）
        項目 | 産出額 | 中間投入 | 総生産 | 税
        産業 | 8 | 4 | 4 | 1
        """,
        """
        ^ 第１表　市内
        ^ 総生産（13年度）
        # A 項目 | B 産出額 | C 中間投入 | D 総生産 | E 税
        3 产业 | 9 | 4 | 5 | 1

        ^ 第２表　市内
        ^ 総生産（14年度）
        # A 項目 | B 産出額 | C 中間投入 | D 総生産 | E 税
        7 产业 | 8 | 4 | 4 | 1
        """.replace("产业", "産業"),
    )


def test_title_over_a_blank_line() -> None:
    check(
        "指标 | 本月 | 累计\n工业 | 40 | 254.1\n2023年\n\n指标 | 本月 | 累计\n工业 | 41 | 264.1",
        "# A 指标 | B 本月 | C 累计\n2 工业 | 40 | 254.1\n\n^ 2023年\n# A 指标 | B 本月 | C 累计\n6 工业 | 41 | 264.1",
    )


def test_narrow_table_under_a_wide_one() -> None:
    check(
        """
        指标 | 一月 | 二月 | 三月
        工业 | 40 | 41 | 42

        指标 | 2023年
        商业 | 100
        """,
        """
        # A 指标 | B 一月 | C 二月 | D 三月
        2 工业 | 40 | 41 | 42

        # A 指标 | B 2023年
        5 商业 | 100
        """,
    )


def test_list_with_figures_under_a_list_of_words() -> None:
    check(
        "部门名称 | 简称\n住建局 | 住建\n用户一览表\n登录名 | 电话\nzhangsan | 85371234",
        "# A 部门名称 | B 简称\n2 住建局 | 住建\n\n^ 用户一览表\n# A 登录名 | B 电话\n5 zhangsan | 85371234",
    )


def test_figure_alone_over_the_header() -> None:
    check("1\n指标 | 本月\n工业 | 40", "# A\n1 1\n\n# A 指标 | B 本月\n3 工业 | 40")


def test_side_by_side() -> None:
    check(
        """
        工业 | | | | 投资
        指标 | 本月 | 累计 | | 项目 | 计划 | 完成
        规上工业 | 40 | 254.1 | | 学校 | 3 | 2
        规上利润 | 4 | 25
        注：快报数
        """,
        """
        ^ 工业
        # A 指标 | B 本月 | C 累计
        3 规上工业 | 40 | 254.1
        4 规上利润 | 4 | 25
        _ 注：快报数

        ^ 投资
        # E 项目 | F 计划 | G 完成
        3 学校 | 3 | 2
        """,
    )


def test_side_by_side_under_one_merged_title() -> None:
    check(
        """
        2023年1—6月
        指标 | 累计 | | 项目 | 完成
        规上工业 | 254.1 | | 学校 | 2
        """,
        """
        ^ 2023年1—6月
        # A 指标 | B 累计
        3 规上工业 | 254.1

        ^ 2023年1—6月
        # D 项目 | E 完成
        3 学校 | 2
        """,
        "A1:E1",
    )


def test_side_by_side_at_different_heights() -> None:
    check(
        """
        指标 | 累计
        规上工业 | 254.1 | | 项目 | 完成
        服务业 | 100 | | 学校 | 2
         | | | 道路 | 3
        """,
        """
        # A 指标 | B 累计
        2 规上工业 | 254.1
        3 服务业 | 100

        # D 项目 | E 完成
        3 学校 | 2
        4 道路 | 3
        """,
    )


def test_blank_column_between_groups_of_figures_divides_nothing() -> None:
    check(
        "指标 | 本月 | 增速 | | 累计 | 增速 | | 备注\n工业 | 40 | 3 | | 254.1 | 18 | | 快报",
        "# A 指标 | B 本月 | C 增速 | E 累计 | F 增速 | H 备注\n2 工业 | 40 | 3 | 254.1 | 18 | 快报",
    )


def test_blank_column_before_words_and_figures_of_the_same_rows() -> None:
    check(
        "指标 | 本月 | | 牵头单位 | 位次\n工业 | 40 | | 工信局 | 1\n商业 | 30 | | 商务局 | 2",
        "# A 指标 | B 本月 | D 牵头单位 | E 位次\n2 工业 | 40 | 工信局 | 1\n3 商业 | 30 | 商务局 | 2",
    )


def test_short_table_over_a_long_one() -> None:
    """The columns of the long table are not those of the short one."""
    rows = [Row(1, ["指标", "数值"]), Row(2, ["工业", "1.5"])]
    rows += [Row(4, ["项目名称", "计划", "完成"]), *(Row(line, ["学校", "3.5", "2"]) for line in range(5, 6_000))]
    assert [len(table.heads) for table in find_tables(Grid("数据", "行", rows))] == [2, 3]


def test_newspaper_columns() -> None:
    """The right half is a table with the same titles, so that its cells keep their columns."""
    check(
        """
        2023年6月主要指标
         | | | | | 单位：亿元
        指标 | 本月 | 累计 | 指标 | 本月 | 累计
        规上工业 | 40 | 254.1 | 零售 | 3 | 2
        规上利润 | 4 | 25 | 投资 | 5 | 2
        """,
        """
        ^ 2023年6月主要指标
        ^ 单位：亿元
        # A 指标 | B 本月 | C 累计
        4 规上工业 | 40 | 254.1
        5 规上利润 | 4 | 25

        ^ 2023年6月主要指标
        ^ 单位：亿元
        # D 指标 | E 本月 | F 累计
        4 零售 | 3 | 2
        5 投资 | 5 | 2
        """,
    )


def test_two_years_side_by_side() -> None:
    check(
        """
        2022年 | | | 2023年
        指标 | 本月 | 累计 | 指标 | 本月 | 累计
        规上工业 | 40 | 254.1 | 规上工业 | 41 | 264.1
        """,
        """
        ^ 2022年
        # A 指标 | B 本月 | C 累计
        3 规上工业 | 40 | 254.1

        ^ 2023年
        # D 指标 | E 本月 | F 累计
        3 规上工业 | 41 | 264.1
        """,
    )


# Long sheets


def test_long_sheet_passes_by() -> None:
    """Rows come one by one; the header again is dropped, notes are told from rows, a second table is found."""

    def rows() -> Iterator[Row]:
        yield Row(1, ["指标", "时期", "数值"])
        for line in range(2, 6_001):
            yield Row(line, [f"指标{line}", "2023年1—6月", f"{line}.5"])
        yield Row(6_001, ["指标", "时期", "数值"])
        yield Row(6_002, ["gdp", "2023年", "420.5", "多出"])
        yield Row(6_003, ["注：快报数"])
        yield Row(6_005, ["项目名称", "完成投资"])
        yield Row(6_006, ["学校", "1.5"])

    tables = find_tables(Grid("数据", "行", rows()))
    first = next(tables)
    assert not isinstance(first.rows, list)
    taken = list(first.rows)
    assert len(taken) == 6_000
    assert (taken[0].cells, taken[-1].cells) == (["指标2", "2023年1—6月", "2.5"], ["gdp", "2023年", "420.5"])
    assert taken[-1].flaw == Flaw("这一行在表格的各列之外还有内容", "请给多出的列写上表头，或删去多出的内容")
    assert first.notes == ["注：快报数"]
    assert [row.line for row in first.dropped] == [6_001]
    assert (
        found(Grid("数据", "行", [Row(row.line, row.cells) for row in next(tables).rows])) == "# A | B\n6006 学校 | 1.5"
    )
    assert list(tables) == []


def test_long_table_left_unread_does_not_hide_the_next() -> None:
    rows = [Row(1, ["指标", "数值"]), *(Row(line, ["工业", "1.5"]) for line in range(2, 6_000))]
    rows += [Row(7_000, ["项目名称", "完成投资"]), Row(7_001, ["学校", "1.5"])]
    assert [table.header_line for table in find_tables(Grid("数据", "行", rows))] == [1, 7_000]


def test_place_of_a_table_without_header_is_the_sheet() -> None:
    table = next(find_tables(sheet("工业 | 254.1")))
    assert (table.place(table.header_line), table.place(1, table.heads[1])) == ("工作表“数据”", "工作表“数据”第1行B列")


# Cells


def test_kinds_of_cells() -> None:
    texts = [
        "",
        "指标",
        "2023年1—6月",
        "2019",
        "223.7",
        "-6.0%",
        "3.7万户",
        "450余",
        "—",
        "NA",
        "１２．５",
        "1,234.5",
        "第3位",
    ]
    assert kinds_of([*texts, Flaw("是公式错误", "请改正")]) == ".TPYFFFFMMFFFX"
    assert (
        kinds_of(["1-2月", "截至2023年8月4日", "前三季度", "24年度", "12.3①", "14个百分点", "持平", "动态清零"])
        == "PPPPFFMT"
    )


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
        mock.patch.object(body, "LEARNT", 2),
        mock.patch.object(body, "HELD", 3),
    ):
        check_nothing_lost(grid)


# The files of the corpus


@pytest.mark.parametrize("item", cases("shapes"), ids=lambda item: item.name)
def test_every_figure_of_a_file_is_in_a_row(item: Case, tmp_path: Path) -> None:
    """As far as the tables go: what the manifest expects stands in rows, in its order, under a head; notes do not."""
    item.write(tmp_path / item.name)
    grids_read = reading.read(tmp_path / item.name, item.suffix)
    tables = [table for grid in grids_read if isinstance(grid, Grid) for table in find_tables(grid)]
    cells = [cell for table in tables for row in table.rows for cell in row.cells if cell]
    for fact in item.figures or ():
        for text in filter(None, (fact.value, fact.growth)):
            assert cells.count(text) == [*fact_texts(item)].count(text)
    words = ("注", "说明", "数据来源", "填报人", "单位负责人", "甲", "以上")
    assert not [cell for cell in cells if str(cell).startswith(words)]


def fact_texts(item: Case) -> Iterator[str]:
    for fact in item.figures or ():
        yield from filter(None, (fact.value, fact.growth))


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (["注：初步核算数", "1"], (["注：初步核算数", "1"], 30)),
        (["填报人：张三", "12"], (["填报人：张三", "12"], 30)),
        (["指标30", "1"], ([], 31)),
    ],
)
def test_long_table_of_names_that_begin_like_notes(end: list[str], told: tuple[list[str], int]) -> None:
    """Its rows pass quickly, and what is a note still ends it."""
    rows = [Row(1, ["指标", "数值"]), *(Row(line, [f"指标{line}", f"{line}.5"]) for line in range(2, 32)), Row(32, end)]
    with mock.patch.object(finding, "WHOLE", 4), mock.patch.object(body, "LEARNT", 2):
        (table,) = [(table, list(table.rows)) for table in find_tables(Grid("数据", "行", rows))]
    assert (table[0].notes, len(table[1])) == told
