"""Sheets as offices really lay them out: titles, units, groups, notes, several tables, pages, halves, forms.

Each sheet is drawn with a line for each row and | between cells; what looks like a number or a date is stored as one.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from textwrap import dedent

import openpyxl

from tests.imports import files
from tests.imports.corpus import case

OUTPUT_7 = ("industrial_output", "220106", "2023-07.ytd", "254.1", "16.2")
OUTPUT_8 = ("industrial_output", "220106", "2023-08.ytd", "291.3", "15.8")
CAPITAL_7 = ("domestic_capital", "220106", "2023-07.ytd", "61.5", "31.4")
CAPITAL_8 = ("domestic_capital", "220106", "2023-08.ytd", "70.2", "30.1")
OUTPUT_LAST = ("industrial_output", "220106", "2022-07.ytd", "218.7", "-3.4")
CAPITAL_LAST = ("domestic_capital", "220106", "2022-07.ytd", "46.8", "12.5")
PEOPLE = [
    ("population", "220106", "2021-12-31.instant", "71.2"),
    ("population", "220106", "2022-12-31.instant", "72.5"),
]
OUTPUT, CAPITAL = "规模以上工业总产值", "实际到位内资"


def rows_of(drawn: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in dedent(drawn).strip("\n").split("\n")]


def stored(text: str) -> object:
    """As Excel would store it: a number, a date, nothing, or the text."""
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
        return float(text)
    return dt.date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else text or None


def draw(path: Path, drawn: str, *merged: str, hidden: tuple[int | str, ...] = ()) -> None:
    """An xlsx of the drawing; `hidden` are rows by number and columns by letter."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "数据"
    for line, row in enumerate(rows_of(drawn), 1):
        for number, text in enumerate(row, 1):
            if (value := stored(text)) is not None:
                sheet.cell(line, number, value)
    for area in merged:
        sheet.merge_cells(area)
    for place in hidden:
        (sheet.row_dimensions if isinstance(place, int) else sheet.column_dimensions)[place].hidden = True
    book.save(path)
    book.close()


def write_csv(path: Path, drawn: str) -> None:
    path.write_bytes(files.csv_bytes(*rows_of(drawn)))


# Around the table


@case("title_unit_notes.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _title_unit_notes(path: Path) -> None:
    """A merged title, the unit at the right, notes and source directly below the last row."""
    draw(
        path,
        f"""
        绿园区2023年1—7月主要经济指标
         | | 单位：亿元、%
        指标 | 累计完成 | 同比增长
        {OUTPUT} | 254.1 | 16.2
        {CAPITAL} | 61.5 | 31.4
        注：本表为快报数。
        数据来源：区统计局
        """,
        "A1:C1",
    )


@case("signatures.xlsx", figures=[OUTPUT_7])
def _signatures(path: Path) -> None:
    """Particulars of a reporting form above, signatures with a telephone number below."""
    draw(
        path,
        f"""
        主要经济指标快报
         | | | 表    号：L01
         | | | 制定机关：绿园区统计局
        填报单位：区工信局 | | 2023年1—7月 | 计量单位：亿元
        指标名称 | 代码 | 累计 | 同比增长（%）
        甲 | 乙 | 1 | 2
        {OUTPUT} | 01 | 254.1 | 16.2
        单位负责人：张三 | 填表人：李四 | 联系电话：85371234 | 报出日期：2023年8月5日
        说明：1.统计范围为规模以上工业法人单位。
        2.本表每月5日前报送。
        """,
        "A1:D1",
    )


@case("notes_then_sentence.xlsx", figures=[OUTPUT_7])
def _notes_then_sentence(path: Path) -> None:
    """A footnote mark and a closing sentence after a blank row."""
    draw(
        path,
        f"""
        2023年1—7月
        指标 | 计量单位 | 累计 | 同比增长（%）
        {OUTPUT} | 亿元 | 254.1 | 16.2
        ①规模以上指年主营业务收入2000万元及以上。

        以上数据均为快报数，年终以年报为准。
        """,
    )


# Headers


@case("groups_merged.xlsx", figures=[OUTPUT_7, OUTPUT_LAST, CAPITAL_7, CAPITAL_LAST])
def _groups_merged(path: Path) -> None:
    """Two levels: merged period groups over value and growth, label and unit merged downwards."""
    draw(
        path,
        f"""
        指标 | 计量单位 | 2023年1—7月 | | 2022年1—7月
         | | 绝对量 | 同比增长% | 绝对量 | 同比增长%
        {OUTPUT} | 亿元 | 254.1 | 16.2 | 218.7 | -3.4
        {CAPITAL} | 亿元 | 61.5 | 31.4 | 46.8 | 12.5
        """,
        "A1:A2", "B1:B2", "C1:D1", "E1:F1",
    )  # fmt: skip


@case("groups_unmerged.csv", figures=[OUTPUT_7, OUTPUT_LAST, CAPITAL_7, CAPITAL_LAST])
def _groups_unmerged(path: Path) -> None:
    """The same as text: each group only over its first column."""
    write_csv(
        path,
        f"""
        指标 | 计量单位 | 2023年1—7月 | | 2022年1—7月 |
         | | 绝对量 | 同比增长% | 绝对量 | 同比增长%
        {OUTPUT} | 亿元 | 254.1 | 16.2 | 218.7 | -3.4
        {CAPITAL} | 亿元 | 61.5 | 31.4 | 46.8 | 12.5
        """,
    )


@case("four_levels.xlsx", figures=[OUTPUT_7, OUTPUT_8])
def _four_levels(path: Path) -> None:
    """Year, months, measure and unit, one under the other."""
    draw(
        path,
        f"""
        指标 | 2023年
         | 1—7月 | | 1—8月
         | 绝对量 | 同比增长 | 绝对量 | 同比增长
         | 亿元 | % | 亿元 | %
        {OUTPUT} | 254.1 | 16.2 | 291.3 | 15.8
        """,
        "A1:A4", "B1:E1", "B2:C2", "D2:E2",
    )  # fmt: skip


@case("unit_row_in_header.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _unit_row(path: Path) -> None:
    """The units on a row of their own under the heads."""
    draw(
        path,
        f"""
        2023年1—7月
        指标 | 累计 | 同比增长
         | （亿元） | （%）
        {OUTPUT} | 254.1 | 16.2
        {CAPITAL} | 61.5 | 31.4
        """,
    )


@case("numbered_heads.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _numbered_heads(path: Path) -> None:
    """甲 乙 1 2 under the heads, as forms of the statistical system have it."""
    draw(
        path,
        f"""
        2023年1—7月
        指标名称 | 计量单位 | 累计 | 同比增长（%）
        甲 | 乙 | 1 | 2
        {OUTPUT} | 亿元 | 254.1 | 16.2
        {CAPITAL} | 亿元 | 61.5 | 31.4
        """,
    )


@case("serial_numbers.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _serial_numbers(path: Path) -> None:
    """A column 序号 before the labels."""
    draw(
        path,
        f"""
        2023年1—7月
        序号 | 指标 | 计量单位 | 累计 | 同比增长（%）
        1 | {OUTPUT} | 亿元 | 254.1 | 16.2
        2 | {CAPITAL} | 亿元 | 61.5 | 31.4
        """,
    )


@case("broken_heads.xlsx", figures=[OUTPUT_7])
def _broken_heads(path: Path) -> None:
    """Line breaks and doubled spaces inside the heads."""
    book = openpyxl.Workbook()
    book.active.title = "数据"
    book.active.append(["指标", "计量\n单位", "2023年\n1—7月\n累计", "同比  增长\n（%）"])
    book.active.append([OUTPUT, "亿元", 254.1, 16.2])
    book.save(path)
    book.close()


# Periods


@case("months_across.xlsx", figures=[OUTPUT_8[:4], OUTPUT_7[:4]])
def _months_across(path: Path) -> None:
    """As the national database exports it: particulars, periods across from the latest back, units in the labels."""
    draw(
        path,
        f"""
        数据库：分区月度数据
        地区：绿园区
        时间：最近2个月
        指标 | 2023年1—8月 | 2023年1—7月
        {OUTPUT}累计值（亿元） | 291.3 | 254.1
        数据来源：区统计局
        """,
    )


@case("years_across.xlsx", figures=PEOPLE)
def _years_across(path: Path) -> None:
    """A header of bare years."""
    draw(
        path,
        """
        历年常住人口
        指标 | 2021 | 2022
        常住人口（万人） | 71.2 | 72.5
        """,
    )


@case("dates_across.xlsx", figures=PEOPLE)
def _dates_across(path: Path) -> None:
    """A header of real dates, the corner empty."""
    draw(
        path,
        """
         | 2021-12-31 | 2022-12-31
        常住人口（万人） | 71.2 | 72.5
        """,
    )


@case("periods_down.ods", figures=[OUTPUT_8, OUTPUT_7])
def _periods_down(path: Path) -> None:
    """Periods down the sheet, the latest first; an ODS sheet with a title and a note."""
    rows = [
        ["指标", "时期", "数值", "单位", "同比增长"],
        [OUTPUT, "2023年1—8月", 291.3, "亿元", 15.8],
        [OUTPUT, "2023年1—7月", 254.1, "亿元", 16.2],
    ]
    table = "".join(files.ods_row(*row) for row in [["规模以上工业"], *rows, ["注：快报数"]])
    path.write_bytes(files.ods_bytes(f'<table:table table:name="数据">{table}</table:table>'))


# Rows


@case("merged_labels.xlsx", figures=[OUTPUT_7, OUTPUT_8, CAPITAL_7, CAPITAL_8])
def _merged_labels(path: Path) -> None:
    """The indicator merged over the rows of its periods."""
    draw(
        path,
        f"""
        指标 | 时期 | 数值 | 单位 | 同比增长
        {OUTPUT} | 2023年1—7月 | 254.1 | 亿元 | 16.2
         | 2023年1—8月 | 291.3 | 亿元 | 15.8
        {CAPITAL} | 2023年1—7月 | 61.5 | 亿元 | 31.4
         | 2023年1—8月 | 70.2 | 亿元 | 30.1
        """,
        "A2:A3", "A4:A5",
    )  # fmt: skip


@case("sections.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _sections(path: Path) -> None:
    """Section labels and blank rows between the rows."""
    draw(
        path,
        f"""
        2023年1—7月
        指标 | 计量单位 | 累计 | 同比增长（%）

        一、工业
        {OUTPUT} | 亿元 | 254.1 | 16.2

        二、招商引资
        {CAPITAL} | 亿元 | 61.5 | 31.4
        """,
    )


@case("starts_in_c5.xlsx", figures=[OUTPUT_7])
def _starts_in_c5(path: Path) -> None:
    """The table begins in C5, with a blank column inside."""
    draw(
        path,
        f"""



         | | 2023年1—7月
         | | 指标 | 计量单位 | | 累计 | 同比增长（%）
         | | {OUTPUT} | 亿元 | | 254.1 | 16.2
        """,
    )


@case("unquoted_comma.csv", refused="表头只有 5 列", place=("", 2, ""))
def _unquoted_comma(path: Path) -> None:
    """A thousands separator without quotes makes one cell of a row two."""
    path.write_text(f"指标,时期,数值,单位,同比增长\n{OUTPUT},2023年1—7月,1,254.1,亿元,16.2\n", encoding="utf-8")


@case("hidden_row.xlsx", asks=["hidden_rows:1"], answers={"hidden_rows:1": "import"}, figures=[OUTPUT_7, OUTPUT_8])
def _hidden_row(path: Path) -> None:
    """A hidden row between two others."""
    draw(
        path,
        f"""
        指标 | 时期 | 数值 | 单位 | 同比增长
        {OUTPUT} | 2023年1—7月 | 254.1 | 亿元 | 16.2
        {OUTPUT} | 2023年1—8月 | 291.3 | 亿元 | 15.8
        """,
        hidden=(2,),
    )


# Several tables


@case("stacked.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _stacked(path: Path) -> None:
    """Two titled tables one under the other, a note between them, no blank row."""
    draw(
        path,
        f"""
        表1 2023年1—7月工业
        指标 | 累计（亿元） | 同比增长（%）
        {OUTPUT} | 254.1 | 16.2
        注：快报数
        表2 2023年1—7月招商引资
        指标 | 累计（亿元） | 同比增长（%）
        {CAPITAL} | 61.5 | 31.4
        """,
    )


@case("stacked_other_columns.xlsx", figures=[OUTPUT_7, CAPITAL_7, CAPITAL_8])
def _stacked_other_columns(path: Path) -> None:
    """Two tables of different columns with a blank row between them and no titles."""
    draw(
        path,
        f"""
        指标 | 计量单位 | 2023年1—7月 | 同比增长（%）
        {OUTPUT} | 亿元 | 254.1 | 16.2

        指标 | 时期 | 数值 | 单位 | 同比增长
        {CAPITAL} | 2023年1—7月 | 61.5 | 亿元 | 31.4
        {CAPITAL} | 2023年1—8月 | 70.2 | 亿元 | 30.1
        """,
    )


@case("stacked_years.xlsx", figures=[OUTPUT_LAST, OUTPUT_7])
def _stacked_years(path: Path) -> None:
    """The same header twice, told apart by nothing but the year above it."""
    draw(
        path,
        f"""
        2022年1—7月
        指标 | 累计（亿元） | 同比增长（%）
        {OUTPUT} | 218.7 | -3.4
        2023年1—7月
        指标 | 累计（亿元） | 同比增长（%）
        {OUTPUT} | 254.1 | 16.2
        """,
    )


@case("pages.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _pages(path: Path) -> None:
    """A printed sheet: title, unit, header and numbering again on the second page, signatures at the end."""
    draw(
        path,
        f"""
        2023年1—7月主要指标
        单位：亿元
        指标 | 累计 | 同比增长（%）
        甲 | 1 | 2
        {OUTPUT} | 254.1 | 16.2
        2023年1—7月主要指标（续）
        单位：亿元
        指标 | 累计 | 同比增长（%）
        甲 | 1 | 2
        {CAPITAL} | 61.5 | 31.4
        填报人：张三 | | 审核人：李四
        """,
        "A1:C1", "A6:C6",
    )  # fmt: skip


@case("header_at_bottom.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _header_at_bottom(path: Path) -> None:
    """The header once more below the last row."""
    draw(
        path,
        f"""
        指标 | 时期 | 数值 | 单位 | 同比增长
        {OUTPUT} | 2023年1—7月 | 254.1 | 亿元 | 16.2
        {CAPITAL} | 2023年1—7月 | 61.5 | 亿元 | 31.4
        指标 | 时期 | 数值 | 单位 | 同比增长
        """,
    )


@case("side_by_side.xlsx", figures=[OUTPUT_7, CAPITAL_7, CAPITAL_8])
def _side_by_side(path: Path) -> None:
    """Two tables of different columns and heights beside each other."""
    draw(
        path,
        f"""
        2023年1—7月工业 | | | | 2023年招商引资
        指标 | 累计（亿元） | 同比增长（%） | | 指标 | 时期 | 数值 | 单位 | 同比增长
        {OUTPUT} | 254.1 | 16.2 | | {CAPITAL} | 2023年1—7月 | 61.5 | 亿元 | 31.4
         | | | | {CAPITAL} | 2023年1—8月 | 70.2 | 亿元 | 30.1
        """,
    )


@case("newspaper.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _newspaper(path: Path) -> None:
    """One table set in two halves: the same header twice on one row."""
    draw(
        path,
        f"""
        2023年1—7月主要指标
         | | | | | 单位：亿元
        指标 | 累计 | 同比增长（%） | 指标 | 累计 | 同比增长（%）
        {OUTPUT} | 254.1 | 16.2 | {CAPITAL} | 61.5 | 31.4
        """,
        "A1:F1",
    )


@case("years_side_by_side.xlsx", figures=[OUTPUT_LAST, OUTPUT_7])
def _years_side_by_side(path: Path) -> None:
    """Two halves under a year each."""
    draw(
        path,
        f"""
        2022年1—7月 | | | 2023年1—7月
        指标 | 累计（亿元） | 同比增长（%） | 指标 | 累计（亿元） | 同比增长（%）
        {OUTPUT} | 218.7 | -3.4 | {OUTPUT} | 254.1 | 16.2
        """,
        "A1:C1", "D1:F1",
    )  # fmt: skip


@case("several_sheets.xlsx", figures=[OUTPUT_7, CAPITAL_7])
def _several_sheets(path: Path) -> None:
    """A table on each of two sheets, and an empty sheet between them."""
    book = openpyxl.Workbook()
    first, _empty, last = book.active, book.create_sheet("空表"), book.create_sheet("招商")
    first.title = "工业"
    for sheet, name, value, growth in ((first, OUTPUT, 254.1, 16.2), (last, CAPITAL, 61.5, 31.4)):
        for row in (["2023年1—7月"], ["指标", "计量单位", "累计", "同比增长（%）"], [name, "亿元", value, growth]):
            sheet.append(row)
    book.save(path)
    book.close()


# Words


@case(
    "qualitative.xlsx",
    figures=[
        ("zero_employment_households", "220106", "2023-07-31.window", None),
        ("domestic_capital", "220106", "2023-07.ytd", "61.5"),
    ],
)
def _qualitative(path: Path) -> None:
    """The first row holds words where the next one has a figure: it is a row, no second header, and named so."""
    draw(
        path,
        f"""
        指标 | 时期 | 数值 | 单位
        城镇零就业家庭 | 截至2023年7月31日 | 动态清零
        {CAPITAL} | 2023年1—7月 | 61.5 | 亿元
        """,
    )


@case(
    "key_value.xlsx",
    asks=["period:1", "unit:1"],
    answers={"period:1": "2023年1—7月", "unit:1": "own"},
    figures=[OUTPUT_7[:4], CAPITAL_7[:4]],
)
def _key_value(path: Path) -> None:
    """Labels and values down the sheet, and no header at all."""
    draw(
        path,
        f"""
        {OUTPUT} | 254.1
        {CAPITAL} | 61.5
        """,
    )
