"""Tables of figures as offices write them: periods, measures, units, districts and names in every place.

The indicators are the article's: industrial_output is 规模以上工业总产值 (规上工业总产值, 工业总产值) in 亿元, gdp
地区生产总值 (GDP) in 亿元, fiscal_revenue 本级财政收入 without a fixed unit, population 常住人口 in 万人,
private_enterprises 民营企业户数 (民营企业) in 万户. Expected values are in the indicator's unit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import openpyxl

from tests.imports.corpus import case

HOME, NANGUAN, KUANCHENG = "220106", "220102", "220103"


def sheet(
    path: Path,
    *rows: Sequence[object],
    title: str = "Sheet1",
    merged: Iterable[str] = (),
    hidden_rows: Iterable[int] = (),
    hidden_columns: Iterable[str] = (),
    formats: dict[str, str] | None = None,
) -> None:
    """A workbook of one sheet, from A1 on."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = title
    for row in rows:
        page.append(list(row))
    for area in merged:
        page.merge_cells(area)
    for line in hidden_rows:
        page.row_dimensions[line].hidden = True
    for letter in hidden_columns:
        page.column_dimensions[letter].hidden = True
    for place, pattern in (formats or {}).items():
        page[place].number_format = pattern
    book.save(path)
    book.close()


# Multi-level heads


@case(
    "月报_本月与累计.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-06.month", "40.1", "3.2"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("fiscal_revenue", HOME, "2023-06.month", "1200", "-4.1"),
        ("fiscal_revenue", HOME, "2023-06.ytd", "8200", "0"),
    ],
)
def month_and_cumulative(path: Path) -> None:
    """A monthly report: 本月 and 累计 over 绝对量 and 同比, the month in the title, the unit in a column."""
    sheet(
        path,
        ["绿园区2023年6月主要经济指标"],
        ["指标名称", "计量单位", "本月", "", "累计", ""],
        ["", "", "绝对量", "同比增长%", "绝对量", "同比增长%"],
        ["一、规上工业总产值", "亿元", 40.1, 3.2, 223.7, 17],
        ["二、本级财政收入", "万元", 1200, -4.1, 8200, "持平"],
        merged=["A1:F1", "A2:A3", "B2:B3", "C2:D2", "E2:F2"],
    )


@case(
    "两年对照_期别在上.xlsx",
    figures=[
        ("gdp", HOME, "2022-06.ytd", "170.2", "4.1"),
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("industrial_output", HOME, "2022-06.ytd", "191.2", "6.2"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
    ],
)
def periods_over_measures(path: Path) -> None:
    """Periods over 绝对量 and 同比增长, units behind the names."""
    sheet(
        path,
        ["指标", "2022年1—6月", "", "2023年1—6月", ""],
        ["", "绝对量", "同比增长（%）", "绝对量", "同比增长（%）"],
        ["地区生产总值（亿元）", 170.2, 4.1, 180.3, 5.5],
        ["规模以上工业总产值（亿元）", 191.2, 6.2, 223.7, 17],
        merged=["A1:A2", "B1:C1", "D1:E1"],
    )


@case(
    "指标在上_区在左.xlsx",
    figures=[
        ("gdp", NANGUAN, "2023-06.ytd", "420.1", "5.1"),
        ("industrial_output", NANGUAN, "2023-06.ytd", "190.1", "3.3"),
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
    ],
)
def indicators_over_measures(path: Path) -> None:
    """Districts down, indicators across with level and growth below, the period in the title."""
    sheet(
        path,
        ["2023年上半年各城区主要指标"],
        ["城区", "地区生产总值（亿元）", "", "规模以上工业总产值（亿元）", ""],
        ["", "总量", "增速（%）", "总量", "增速（%）"],
        ["南关区", 420.1, 5.1, 190.1, 3.3],
        ["绿园区", 180.3, 5.5, 223.7, 17],
        merged=["A1:E1", "A2:A3", "B2:C2", "D2:E2"],
    )


@case(
    "三层表头.xlsx",
    figures=[
        ("industrial_output", HOME, "2022-12.ytd", "430.1", "6.1"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
    ],
)
def three_levels(path: Path) -> None:
    """Year, months and measure on three lines."""
    sheet(
        path,
        ["指标", "2022年", "", "2023年", ""],
        ["", "1—12月", "", "1—6月", ""],
        ["", "总量", "增速%", "总量", "增速%"],
        ["工业总产值（亿元）", 430.1, 6.1, 223.7, 17],
        merged=["A1:A3", "B1:C1", "D1:E1", "B2:C2", "D2:E2"],
    )


# Periods


@case(
    "各月累计_期在下.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-02.ytd", "62.3", "4.5"),
        ("industrial_output", HOME, "2023-03.ytd", "98.1", "5.0"),
        ("industrial_output", HOME, "2023-04.ytd", "140.2", "8.1"),
    ],
)
def months_down(path: Path) -> None:
    """Cumulative months down under a title that names indicator and year; January is missing by rule."""
    sheet(
        path,
        ["2023年规模以上工业总产值各月累计"],
        ["单位：亿元"],
        ["时期", "总量", "同比增长%"],
        ["1—2月", 62.3, 4.5],
        ["1—3月", 98.1, "5.0"],
        ["1—4月", 140.2, 8.1],
    )


@case(
    "降序排列.xlsx",
    figures=[
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("gdp", HOME, "2023-03.ytd", "80.1", "4.9"),
        ("gdp", HOME, "2022-12.ytd", "391.4", "3.0"),
    ],
)
def descending(path: Path) -> None:
    """The newest period first, in official wording."""
    sheet(
        path,
        ["时期", "地区生产总值（亿元）", "增速（%）"],
        ["2023年上半年", 180.3, 5.5],
        ["2023年一季度", 80.1, 4.9],
        ["2022年全年", 391.4, "3.0"],
    )


@case(
    "首期与当月并列.xlsx",
    figures=[
        ("fiscal_revenue", HOME, "2023-02.ytd", "2300", None),
        ("fiscal_revenue", HOME, "2023-02.month", "1100", None),
        ("fiscal_revenue", HOME, "2023-03.month", "1300", None),
    ],
)
def first_slot_and_month(path: Path) -> None:
    """Both 1—2月 and 2月 stand in the head, so that a bare month is the month."""
    sheet(path, ["指标", "2023年1-2月", "2023年2月", "2023年3月"], ["本级财政收入（万元）", 2300, 1100, 1300])


@case("工业没有2月.xlsx", refused="没有“2023年2月”这一期", place=("Sheet1", 2, "C"))
def no_february(path: Path) -> None:
    """Industry has 1—2月 and no figure of February: refused with the head's column."""
    sheet(path, ["指标", "2023年1-2月", "2023年2月"], ["工业总产值（亿元）", 62.3, 30.2])


@case(
    "只写月份.xlsx",
    asks=["year:1", "month:1"],
    answers={"year:1": "2023", "month:1": "ytd"},
    figures=[
        ("industrial_output", HOME, "2023-05.ytd", "180.2", None),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
    ],
)
def bare_months(path: Path) -> None:
    """5月 and 6月 without a year, and without saying whether of the month or since January."""
    sheet(path, ["指标", "5月", "6月"], ["工业总产值（亿元）", 180.2, 223.7])


@case(
    "小数年月.xlsx",
    asks=["period:1:A:2022.1:3", "month:1"],
    answers={"period:1:A:2022.1:3": "2022年10月", "month:1": "ytd"},
    figures=[
        ("fiscal_revenue", HOME, "2022-09.ytd", "9000", None),
        ("fiscal_revenue", HOME, "2022-10.ytd", "10000", None),
        ("fiscal_revenue", HOME, "2022-11.ytd", "11000", None),
    ],
)
def decimal_months(path: Path) -> None:
    """Months as decimals: 2022.1 after 2022.9 is asked, not taken for October."""
    sheet(path, ["时间", "本级财政收入（万元）"], [2022.9, 9000], [2022.1, 10000], [2022.11, 11000])


@case(
    "斜杠时期.csv",
    asks=["period:1:B:1/2"],
    answers={"period:1:B:1/2": "1—2月", "year:1": "2023"},
    figures=[("industrial_output", HOME, "2023-02.ytd", "62.3", None)],
)
def slashed(path: Path) -> None:
    """1/2 may be two months or a day."""
    path.write_text("指标,时期,数值\n工业总产值,1/2,62.3亿元\n", encoding="utf-8-sig")


@case(
    "日期单元格.xlsx",
    asks=["month:1"],
    answers={"month:1": "ytd"},
    figures=[
        ("industrial_output", HOME, "2023-05.ytd", "180.2", None),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
    ],
)
def date_cells(path: Path) -> None:
    """Real dates at the ends of months."""
    sheet(
        path,
        ["日期", "工业总产值（亿元）"],
        [dt.date(2023, 5, 31), 180.2],
        [dt.date(2023, 6, 30), 223.7],
        formats={"A2": "yyyy-mm-dd", "A3": "yyyy-mm-dd"},
    )


@case(
    "年份在左.xlsx",
    figures=[
        ("population", HOME, "2020-12-31.instant", "69.1", None),
        ("population", HOME, "2021-12-31.instant", "69.8", None),
        ("population", HOME, "2022-12-31.instant", "70.2", None),
    ],
)
def years_down(path: Path) -> None:
    """Years as numbers, a stock at the years' ends, in 人."""
    sheet(path, ["年份", "常住人口（人）"], [2020, 691000], [2021, 698000], [2022, 702000])


@case(
    "全角与各种横线.csv",
    figures=[
        ("industrial_output", HOME, "2023-05.ytd", "180.2", "15.1"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17.1"),
    ],
)
def full_width(path: Path) -> None:
    """Full-width digits, blanks inside names, several dashes, % behind the growth."""
    path.write_text(
        "指　标,２０２３年１～５月,同比,２０２３年１－６月,同比\n"
        "规上 工业总产值（亿元）,１８０.２,１５.１％,223.7,17.1%\n",
        encoding="utf-8",
    )


# Units


@case(
    "单位在表头上方.xlsx",
    figures=[
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
    ],
)
def unit_row(path: Path) -> None:
    """A unit row over the head lists 万元 and %."""
    sheet(
        path,
        ["2023年1—6月主要经济指标"],
        ["", "", "单位：万元、%"],
        ["指标", "总量", "增速"],
        ["地区生产总值", 1803000, 5.5],
        ["规上工业总产值", 2237000, 17],
    )


@case(
    "万元亿元混用.xlsx",
    figures=[
        ("gdp", HOME, "2023-06.ytd", "180.3", None),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
        ("private_enterprises", HOME, "2023-06-30.instant", "3.7", None),
    ],
)
def mixed_units(path: Path) -> None:
    """The unit switches from row to row, once inside the cell."""
    sheet(
        path,
        ["指标", "单位", "2023年1—6月"],
        ["GDP", "亿元", 180.3],
        ["规上工业总产值", "万元", 2237000],
        ["民营企业", "", "37000户"],
    )


@case(
    "没有单位.xlsx",
    asks=["unit:1"],
    answers={"unit:1": "万元"},
    figures=[
        ("gdp", HOME, "2023-06.ytd", "180.3", None),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
    ],
)
def no_unit(path: Path) -> None:
    """No unit anywhere."""
    sheet(path, ["指标", "2023年1—6月"], ["地区生产总值", 1803000], ["规上工业总产值", 2237000])


@case(
    "万元误作亿元.xlsx",
    asks=["magnitude:1:industrial_output"],
    answers={"magnitude:1:industrial_output": "万元"},
    figures=[("industrial_output", HOME, "2023-07.ytd", "254.1", "16.2")],
)
def slip(path: Path) -> None:
    """A level in 万元 under a head that says 亿元."""
    sheet(path, ["指标", "2023年1—7月（亿元）", "同比%"], ["规上工业总产值", 2541000, 16.2])


# Growth


@case(
    "增速为小数.xlsx",
    asks=["percent:1:C"],
    answers={"percent:1:C": "fraction"},
    figures=[
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "-17.1"),
    ],
)
def fractions(path: Path) -> None:
    """0.055 may be 5.5% or 0.055%."""
    sheet(
        path,
        ["指标", "2023年1—6月", "同比增长"],
        ["地区生产总值（亿元）", 180.3, 0.055],
        ["规上工业总产值（亿元）", 223.7, -0.171],
    )


@case(
    "百分比格式.xlsx",
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17.1")],
)
def percent_format(path: Path) -> None:
    """0.171 shown as 17.1% is 17.1%."""
    sheet(
        path,
        ["指标", "2023年1—6月", "同比增长"],
        ["规上工业总产值（亿元）", 223.7, 0.171],
        formats={"C2": "0.0%"},
    )


@case(
    "百分点不是增速.xlsx",
    refused="百分点",
    place=("Sheet1", 2, "C"),
)
def points(path: Path) -> None:
    """1.54个百分点 in a column of growth is a difference of two rates."""
    sheet(path, ["指标", "2023年1—6月", "同比增长"], ["规上工业总产值（亿元）", 223.7, "1.54个百分点"])


@case(
    "上年同期列.xlsx",
    asks=["last_year:1"],
    answers={"last_year:1": "import"},
    figures=[
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("industrial_output", HOME, "2022-06.ytd", "191.2", None),
    ],
)
def last_year(path: Path) -> None:
    """Last year's figure beside this year's, and the difference in points of the growth: not growth."""
    sheet(
        path,
        ["2023年1—6月工业生产情况"],
        ["指标", "单位", "本期", "上年同期", "同比增长%", "比1—5月加快（百分点）"],
        ["规上工业总产值", "亿元", 223.7, 191.2, 17, 1.5],
    )


@case(
    "总量增速分两行.xlsx",
    figures=[
        ("industrial_output", NANGUAN, "2023-06.ytd", "190.1", "3.3"),
        ("industrial_output", KUANCHENG, "2023-06.ytd", "180.2", "4.3"),
    ],
)
def measures_down(path: Path) -> None:
    """Level and growth below each other, districts across."""
    sheet(
        path,
        ["2023年1—6月各城区情况"],
        ["指标", "南关区", "宽城区"],
        ["规上工业总产值（亿元）", 190.1, 180.2],
        ["　　增速（%）", 3.3, 4.3],
    )


# Names and marks


@case(
    "编号与其中.xlsx",
    figures=[
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("private_enterprises", HOME, "2023-06-30.instant", "3.7", None),
    ],
)
def numbering(path: Path) -> None:
    """Numbered headings without figures, 其中, #, indents and footnote marks."""
    sheet(
        path,
        ["指标", "2023年1—6月", "同比%"],
        ["一、综合"],
        ["（一）地区生产总值①（亿元）", "180.3*", 5.5],
        ["二、工业"],
        ["　　其中：规上工业总产值（亿元）", 223.7, 17],
        ["#民营企业（万户）", 3.7, "—"],
    )


@case(
    "空缺符号.csv",
    figures=[("industrial_output", HOME, "2023-05.ytd", "180.2", None)],
)
def null_marks(path: Path) -> None:
    """…, —, ——, NA and **** are no figures, and no faults."""
    path.write_text(
        "指标,2023年1—2月,2023年1—3月,2023年1—4月,2023年1—5月,2023年1—6月\n工业总产值（亿元）,…,—,NA,180.2,****\n",
        encoding="gb18030",
    )


@case(
    "千分位文字.csv",
    figures=[
        ("industrial_output", HOME, "2023-05.ytd", "180.2", None),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
    ],
)
def grouped_digits(path: Path) -> None:
    """Thousands set apart by commas and by blanks, as text."""
    path.write_text('指标,2023年1—5月,2023年1—6月\n工业总产值（万元）,"1,802,000",2 237 000\n', encoding="utf-8")


@case("括号负数.csv", refused="括号不是负号", place=("", 2, "C"))
def bracketed(path: Path) -> None:
    """(12.3) is no minus by our rule: it is told, with its place."""
    path.write_text("指标,2023年1—6月,同比%\n工业总产值（亿元）,223.7,(12.3)\n", encoding="utf-8")


@case(
    "不认得的指标.xlsx",
    asks=["indicator:1:规上工业产值"],
    answers={"indicator:1:规上工业产值": "industrial_output"},
    figures=[
        ("industrial_output", HOME, "2023-05.ytd", "180.2", None),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
        ("gdp", HOME, "2023-06.ytd", "180.3", None),
    ],
)
def unknown_name(path: Path) -> None:
    """A name nobody knows, on two rows: asked once."""
    sheet(
        path,
        ["指标", "时期", "数值", "单位"],
        ["规上工业产值", "2023年1—5月", 180.2, "亿元"],
        ["规上工业产值", "2023年1—6月", 223.7, "亿元"],
        ["GDP", "2023年1—6月", 180.3, "亿元"],
    )


@case(
    "没有位次依据.xlsx",
    asks=["column:1:D"],
    answers={"column:1:D": "ignore"},
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17")],
)
def rank_by_what(path: Path) -> None:
    """A rank that does not say by what."""
    sheet(path, ["指标", "2023年1—6月", "同比%", "位次"], ["工业总产值（亿元）", 223.7, 17, 1])


@case(
    "隐藏行列.xlsx",
    asks=["hidden_rows:1", "hidden_columns:1"],
    answers={"hidden_rows:1": "ignore", "hidden_columns:1": "import"},
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17")],
)
def hidden(path: Path) -> None:
    """A hidden row and a hidden column with figures."""
    sheet(
        path,
        ["指标", "2023年1—6月", "同比%"],
        ["工业总产值（亿元）", 223.7, 17],
        ["地区生产总值（亿元）", 180.3, 5.5],
        hidden_rows=[3],
        hidden_columns=["C"],
    )


@case(
    "无关的表.xlsx",
    asks=["table:1"],
    answers={"table:1": "ignore"},
    figures=[],
)
def not_ours(path: Path) -> None:
    """A list of people with their ages."""
    sheet(path, ["姓名", "年龄"], ["张三", 41], ["李四", 36])


@case(
    "指标代码长表.csv",
    figures=[
        ("industrial_output", NANGUAN, "2023-06.ytd", "190.1", "3.3"),
        ("industrial_output", HOME, "2023-06.month", "40.1", None),
        ("private_enterprises", HOME, "2023-08-04.instant", "3.7", None),
    ],
)
def codes(path: Path) -> None:
    """Long form by codes: indicator, district and period."""
    path.write_text(
        "indicator,district,period,value,unit,growth\n"
        "industrial_output,220102,2023-06.ytd,190.1,亿元,3.3\n"
        "industrial_output,,2023-06.month,40.1,,\n"
        "private_enterprises,220106,2023-08-04.instant,3.7,,\n",
        encoding="utf-8",
    )


@case(
    "竖排键值.xlsx",
    figures=[
        ("gdp", HOME, "2022-12.ytd", "391.4", "3.0"),
        ("population", HOME, "2022-12-31.instant", "70.2", None),
    ],
)
def key_value(path: Path) -> None:
    """Names left, figures with their units right, the year in the title."""
    sheet(
        path,
        ["绿园区2022年基本情况"],
        ["项目", "数值"],
        ["地区生产总值", "391.4亿元"],
        ["地区生产总值增速", "3.0%"],
        ["常住人口", "70.2万人"],
    )


@case(
    "分街道.xlsx",
    asks=["column:1:A"],
    answers={"column:1:A": "district", "district:1:普阳街道": "ignore"},
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17")],
)
def streets(path: Path) -> None:
    """Streets down, the whole district last: a street's figure is not the district's."""
    sheet(
        path,
        ["2023年1—6月规模以上工业总产值"],
        ["街道", "总量（亿元）", "同比%"],
        ["普阳街道", 18.2, 6],
        ["全区", 223.7, 17],
    )


@case(
    "增速一览.xlsx",
    asks=["measure:1"],
    answers={"measure:1": "growth"},
    figures=[
        ("gdp", HOME, "2023-06.ytd", None, "5.5"),
        ("industrial_output", HOME, "2023-06.ytd", None, "17.1"),
    ],
)
def growth_in_the_title(path: Path) -> None:
    """Only the title says that the figures are growth."""
    sheet(path, ["2023年1—6月主要指标增速"], ["指标", "1—6月"], ["地区生产总值", 5.5], ["规上工业总产值", 17.1])


@case(
    "行列都写指标.xlsx",
    refused="这一列说的是指标 key_project_start_rate",
    place=("Sheet1", 2, "A"),
)
def two_indicators(path: Path) -> None:
    """Row and column each name an indicator, and not the same."""
    sheet(path, ["指标", "2023年6月开工率"], ["重点项目总数", 90.4])


@case("没人认得的单位.csv", refused="“斤”不是认得的计量单位", place=("", 2, "D"))
def unknown_unit(path: Path) -> None:
    """A column of units that all are unknown is none the less the unit: its figures are not taken as 亿元."""
    path.write_text("指标,时期,数值,单位\n规模以上工业总产值,2023-07.ytd,254,斤\n", encoding="utf-8")


@case("区划两处不同.csv", refused="指标名称里写的是区划", place=("", 2, "B"))
def two_districts(path: Path) -> None:
    """The name says one district, its column another."""
    path.write_text("指标,区划,时期,数值\n南关区规模以上工业总产值,宽城区,2023-07.ytd,254\n", encoding="utf-8")
