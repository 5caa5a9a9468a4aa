"""Shapes nobody built for: monthly flashes, yearbooks, forms and plans as offices send them, tried after the reading
was written.

What these indicators are is said in `figures`. Expected values are what a careful statistician reads on paper: where
two would differ, the file has to ask.
"""

from __future__ import annotations

from pathlib import Path

import openpyxl

from tests.imports.corpus import case
from tests.imports.corpus.figures import HOME, NANGUAN, sheet

OUTPUT = "规模以上工业总产值"
GDP = "地区生产总值"


# Years and periods


@case(
    "角上写年份.xlsx",
    figures=[
        ("industrial_output", HOME, "2022-02.ytd", "30.1", "5"),
        ("industrial_output", HOME, "2022-03.ytd", "55.5", "6.1"),
        ("industrial_output", HOME, "2022-05.ytd", "95.25", "6.5"),
    ],
)
def year_in_the_corner(path: Path) -> None:
    """The head of the column of months is the year."""
    sheet(
        path,
        [f"{OUTPUT}分月情况（亿元）"],
        ["2022年", "累计", "同比增长%"],
        ["1-2月", 30.1, 5],
        ["1-3月", 55.5, 6.1],
        ["1-5月", 95.25, "6.5%"],
    )


@case(
    "角上写时期.xlsx",
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17"), ("gdp", HOME, "2023-06.ytd", "180.3", "-5.5")],
)
def period_in_the_corner(path: Path) -> None:
    """The head of the column of names is the period; growth in percent format."""
    sheet(
        path,
        ["2023年1-6月", "累计(亿元)", "同比增长"],
        [OUTPUT, 223.7, 0.17],
        [GDP, 180.3, -0.055],
        formats={"C2": "0%", "C3": "0.0%"},
    )


@case(
    "年份只写一次.xlsx",
    figures=[
        ("industrial_output", HOME, "2022-02.ytd", "30", "4"),
        ("industrial_output", HOME, "2022-12.ytd", "450", "6.2"),
        ("industrial_output", HOME, "2023-02.ytd", "35", "5"),
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
    ],
)
def year_written_once(path: Path) -> None:
    """The year stands with its first month only; one year for all lines would be wrong for half of them."""
    sheet(
        path,
        [f"{OUTPUT}累计（亿元）"],
        ["时期", "累计", "同比%"],
        ["2022年1-2月", 30, 4],
        ["1-12月", 450, 6.2],
        ["2023年1-2月", 35, 5],
        ["1-6月", 223.7, 17],
    )


@case(
    "年份独占一行.xlsx",
    figures=[
        ("industrial_output", HOME, "2022-03.ytd", "80", "4"),
        ("industrial_output", HOME, "2022-06.ytd", "191.2", "6.2"),
        ("industrial_output", HOME, "2023-03.ytd", "101", "5"),
    ],
)
def year_in_a_line(path: Path) -> None:
    """A line 2022年 over its months."""
    sheet(
        path,
        [f"{OUTPUT}（亿元）"],
        ["时期", "累计", "同比%"],
        ["2022年"],
        ["1-3月", 80, 4],
        ["1-6月", 191.2, 6.2],
        ["2023年"],
        ["1-3月", 101, 5],
    )


@case(
    "年份列有空格.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("industrial_output", HOME, "2023-03.ytd", "101", "5"),
        ("industrial_output", HOME, "2022-12.ytd", "450", "6.2"),
        ("industrial_output", HOME, "2022-06.ytd", "191.2", "6"),
    ],
)
def year_column_with_blanks(path: Path) -> None:
    """A column of years that is blank below each first line, latest first."""
    sheet(
        path,
        [f"{OUTPUT}（亿元）"],
        ["年份", "月份", "累计", "同比%"],
        [2023, "1-6月", 223.7, 17],
        ["", "1-3月", 101, 5],
        [2022, "1-12月", 450, 6.2],
        ["", "1-6月", 191.2, 6],
    )


@case("跨年没写年份.xlsx", refused="没有年份", place=("Sheet1", 4, "A"))
def year_changes_unsaid(path: Path) -> None:
    """1-12月 is followed by 1-2月: the next year's, or last year's again; nobody wrote it."""
    sheet(
        path,
        [f"{OUTPUT}（亿元）"],
        ["时期", "累计", "同比%"],
        ["2022年1-12月", 450, 6.2],
        ["1-2月", 35, 5],
    )


@case(
    "期别写法种种.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-06.ytd", "223.7", None),
        ("industrial_output", HOME, "2023-05.ytd", "180.2", None),
        ("industrial_output", HOME, "2022-09.ytd", "301.5", None),
        ("industrial_output", HOME, "2022-06.ytd", "191.2", None),
        ("industrial_output", HOME, "2023-07.ytd", "254.1", None),
        ("industrial_output", HOME, "2023-08.ytd", "290", None),
    ],
)
def wordings_of_periods(path: Path) -> None:
    """Numerals, 前N个月, quarters in a range, H1, two digits for the year, a dot before 1-8月."""
    sheet(
        path,
        ["指标", "时期", "数值", "单位"],
        [OUTPUT, "二〇二三年一至六月", 223.7, "亿元"],
        [OUTPUT, "2023年前5个月", 180.2, "亿元"],
        [OUTPUT, "2022年一至三季度", 301.5, "亿元"],
        [OUTPUT, "2022H1", 191.2, "亿元"],
        [OUTPUT, "23年1-7月", 254.1, "亿元"],
        [OUTPUT, "2023.1-8月", 290, "亿元"],
    )


@case("表名写一至三季度.xlsx", figures=[("gdp", HOME, "2023-09.ytd", "265", "5.5")])
def three_quarters_in_a_title(path: Path) -> None:
    """一至三季度 is nine months, not the third quarter."""
    sheet(path, ["2023年一至三季度主要指标"], ["指标", "总量（亿元）", "增速%"], [GDP, 265, 5.5])


@case("表名写下半年.xlsx", refused="下半年不从1月起")
def second_half_in_a_title(path: Path) -> None:
    """下半年 is not the year."""
    sheet(path, ["2023年下半年主要指标"], ["指标", "总量（亿元）", "增速%"], [GDP, 265, 5.5])


@case(
    "表名写二季度.xlsx",
    asks=["quarter:1"],
    answers={"quarter:1": "ytd"},
    figures=[("gdp", HOME, "2023-06.ytd", "180.3", "5.5")],
)
def quarter_in_a_title(path: Path) -> None:
    """The report of the second quarter holds the quarter's figures, or those from January on."""
    sheet(path, ["2023年二季度主要指标"], ["指标", "总量（亿元）", "增速%"], [GDP, 180.3, 5.5])


@case(
    "工作表名与表名不同.xlsx",
    asks=["title:1"],
    answers={"title:1": "sheet"},
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17")],
)
def title_left_from_last_year(path: Path) -> None:
    """Last year's workbook, copied: the sheet is renamed, the title is not."""
    sheet(path, ["2022年1-6月主要指标"], ["指标", "累计（亿元）", "增速%"], [OUTPUT, 223.7, 17], title="2023年1-6月")


@case("全年预计.xlsx", refused="不是认得的期别写法", place=("Sheet1", 5, "A"))
def estimate_in_a_row(path: Path) -> None:
    """What is expected of the year stands below what came of its first half."""
    sheet(path, ["2023年"], ["时期", "地区生产总值（亿元）"], ["一季度", 80], ["上半年", 180.3], ["全年预计", 400])


@case(
    "本季与本季累计.xlsx",
    asks=["period:1:D"],
    answers={"period:1:D": "累计"},
    figures=[("gdp", HOME, "2023-06.quarter", "90", None), ("gdp", HOME, "2023-06.ytd", "180.3", "5.5")],
)
def quarter_and_cumulative(path: Path) -> None:
    """One growth behind the quarter and 1—本季: of which is asked."""
    sheet(path, ["2023年第2季度"], ["指标", "本季", "1-本季", "同比%"], ["地区生产总值（亿元）", 90, 180.3, 5.5])


# Growth and levels


@case(
    "增速写成话.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("gdp", HOME, "2023-06.ytd", "180.3", "5.5"),
        ("domestic_capital", HOME, "2023-06.ytd", "56.2", "-3.2"),
        ("fiscal_revenue", HOME, "2023-06.ytd", "8.2", "0"),
    ],
)
def growth_in_words(path: Path) -> None:
    """增长17%, 下降3.2%, 持平; 同比增减 is growth because its cells say %; units in brackets behind figures."""
    sheet(
        path,
        ["绿园区2023年上半年主要经济指标"],
        ["指标名称", "完成情况", "同比增减"],
        [OUTPUT, "223.7（亿元）", "增长17%"],
        [GDP, "180.3亿元", "+5.5%"],
        ["实际到位内资", "56.2亿元", "下降3.2%"],
        ["本级财政收入", "8.2亿元", "持平"],
    )


@case("箭头向下.xlsx", refused="↓3.2", place=("Sheet1", 2, "C"))
def arrow_down(path: Path) -> None:
    """A minus, or growth that is less than before: not ours to say."""
    sheet(path, ["指标（亿元）", "2023年1—6月（亿元）", "同比增长%"], ["实际到位内资", 56.2, "↓3.2"])


@case(
    "税收月报.xlsx",
    asks=["indicator:1:增值税", "last_year:1"],
    answers={"indicator:1:增值税": "ignore", "last_year:1": "ignore"},
    figures=[
        ("fiscal_revenue", HOME, "2023-06.month", "1200", None),
        ("fiscal_revenue", HOME, "2023-06.ytd", "8200", "5.1"),
    ],
)
def tax_report(path: Path) -> None:
    """本月, 本年累计, 上年同期累计, 增减%: the growth behind the cumulative of last year is the cumulative's."""
    sheet(
        path,
        ["绿园区2023年6月税收收入情况表"],
        ["", "", "", "", "", "单位：万元"],
        ["项目", "本月", "本年累计", "上年同期累计", "增减额", "增减%"],
        ["本级财政收入", 1200, 8200, 7800, 400, 5.1],
        ["其中：增值税", 500, 3200, 3000, 200, 6.7],
    )


@case(
    "目标表.xlsx",
    asks=["plan:1"],
    answers={"plan:1": "ignore"},
    figures=[],
)
def plan(path: Path) -> None:
    """Targets with the growth that is hoped for: nothing of it has happened."""
    sheet(path, ["2023年主要预期目标"], ["指标", "单位", "目标值", "增速%"], [GDP, "亿元", 400, 10])


@case(
    "进度表.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("domestic_capital", HOME, "2023-06.ytd", "56.2", "20.1"),
    ],
)
def progress(path: Path) -> None:
    """Target, completion, schedule and the points ahead of it stand beside the figure."""
    sheet(
        path,
        ["绿园区2023年1-6月重点指标进度表"],
        ["指标", "单位", "全年目标", "1-6月完成", "完成率（%）", "序时进度（%）", "超序时（百分点）", "同比增长（%）"],
        [OUTPUT, "亿元", 440, 223.7, 50.8, 50, 0.8, 17],
        ["实际到位内资", "万元", 1000000, 562000, 56.2, 50, 6.2, 20.1],
    )


@case(
    "快报数与核实数.xlsx",
    asks=["column:1:C", "column:1:D"],
    answers={"column:1:C": "ignore", "column:1:D": "value"},
    figures=[("gdp", HOME, "2022-12.ytd", "381.5", "5.2")],
)
def two_levels(path: Path) -> None:
    """Two levels under names of their own: which one counts is asked, rather than the growth taken alone."""
    sheet(path, ["2022年"], ["指标", "单位", "快报数", "最终核实数", "增速%"], [GDP, "亿元", 380, 381.5, 5.2])


@case(
    "不导入的行下面有增速.xlsx",
    asks=["indicator:1:固定资产投资"],
    answers={"indicator:1:固定资产投资": "ignore"},
    figures=[("gdp", HOME, "2023-06.ytd", "180.3", "5.5")],
)
def growth_below_what_is_left_out(path: Path) -> None:
    """增速 below a row left out belongs to that row."""
    sheet(
        path,
        ["2023年1-6月"],
        ["指标", "单位", "数值"],
        ["固定资产投资", "亿元", 88],
        ["增速", "%", 3.3],
        [GDP, "亿元", 180.3],
        ["同比增长", "%", 5.5],
    )


# Names, heads and shapes


@case(
    "中英双语.xlsx",
    figures=[("gdp", HOME, "2023-06.ytd", "180.3", "5.5"), ("industrial_output", HOME, "2023-06.ytd", "223.7", "17")],
)
def two_languages(path: Path) -> None:
    """English behind every Chinese text."""
    sheet(
        path,
        ["2023年1-6月 Jan-Jun 2023"],
        ["指标 Indicator", "单位 Unit", "绝对量 Value", "同比增长(%) Growth Rate"],
        ["地区生产总值 GDP", "亿元 100 million yuan", 180.3, 5.5],
        [f"{OUTPUT} Gross Industrial Output", "亿元 100 million yuan", 223.7, 17],
    )


@case(
    "年鉴双语表头.xlsx",
    figures=[
        ("gdp", HOME, "2021-12.ytd", "370.2", None),
        ("population", HOME, "2021-12-31.instant", "66.0", None),
        ("gdp", HOME, "2022-12.ytd", "381.5", None),
        ("population", HOME, "2022-12-31.instant", "66.8", None),
    ],
)
def yearbook(path: Path) -> None:
    """Years down; a line of English and a line of units under the heads."""
    sheet(
        path,
        ["3-1  历年主要指标"],
        ["年份", GDP, "常住人口"],
        ["Year", "Gross Regional Product", "Resident Population"],
        ["", "（亿元）", "（万人）"],
        [2021, "370.2", "66.0"],
        [2022, "381.5", "66.8"],
        ["注：2020年人口为普查数。"],
    )


@case(
    "看不见的字符.xlsx",
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17"), ("gdp", HOME, "2023-06.ytd", "180.3", "5.5")],
)
def invisible(path: Path) -> None:
    """Zero-width spaces, joiners, soft hyphens and marks of direction, as copied from web pages."""
    sheet(
        path,
        ["2023年1-6月"],
        ["指\u200b标", "累计（亿\u200f元）", "增速\u202d%"],
        ["\u200e规模以上\ufeff工业总产值\u00ad", " 223.7\u00a0", "\u200b17"],
        ["地区生\u200c产总值", "\u202a180.3\u202c", "5.5\u200d"],
    )


@case(
    "网页残留.csv",
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17.0"), ("gdp", HOME, "2023-06.ytd", "180.3", "5.5")],
)
def web_page(path: Path) -> None:
    """Entities and tags of a web page in names and heads."""
    path.write_text(
        f"指标,2023年1-6月(亿元),同比增长&nbsp;(%)\r\n{OUTPUT}&nbsp;,223.7,17.0\r\n<b>{GDP}</b>,180.3,5.5\r\n",
        encoding="utf-8",
    )


@case(
    "并排两表无空列.xlsx",
    figures=[
        ("industrial_output", HOME, "2023-06.ytd", "223.7", "17"),
        ("industrial_output", HOME, "2022-06.ytd", "191.2", None),
        ("domestic_capital", HOME, "2022-06.ytd", "40", None),
    ],
)
def side_by_side(path: Path) -> None:
    """Two tables with titles, periods and units of their own, no blank column between them, one longer."""
    sheet(
        path,
        ["表1 2023年1-6月 单位：亿元", "", "", "表2 2022年1-6月 单位：万元", ""],
        ["指标", "累计", "增速%", "指标", "累计"],
        [OUTPUT, 223.7, 17, OUTPUT, 1912000],
        ["", "", "", "实际到位内资", 400000],
    )


@case(
    "表头换序重复.xlsx",
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17"), ("gdp", HOME, "2023-06.ytd", "180.3", "5.5")],
)
def header_in_another_order(path: Path) -> None:
    """The header stands again with its columns exchanged; title and unit still hold."""
    sheet(
        path,
        ["2023年1-6月 单位：亿元"],
        ["指标", "累计", "增速%"],
        [OUTPUT, 223.7, 17],
        ["指标", "增速%", "累计"],
        [GDP, 5.5, 180.3],
    )


@case(
    "位次行没有说按什么.xlsx",
    asks=["rank:1"],
    answers={"rank:1": "growth"},
    figures=[("gdp", HOME, "2023-06.ytd", "180.3", "5.5"), ("gdp", NANGUAN, "2023-06.ytd", "420", "5.1")],
)
def ranks_in_rows(path: Path) -> None:
    """Level, growth and rank below each other, the name merged over the three; 第3位 and 1/5 are places."""
    sheet(
        path,
        ["2023年1-6月"],
        ["指标", "", "绿园区", "南关区"],
        [GDP, "总量（亿元）", 180.3, 420],
        ["", "增速（%）", 5.5, 5.1],
        ["", "位次", "第3位", "1/5"],
        merged=["A3:A5"],
    )


@case(
    "三百张工作表.xlsx",
    figures=[("industrial_output", HOME, "2023-06.ytd", "223.7", "17")],
)
def many_sheets(path: Path) -> None:
    """The same figure on 300 sheets with odd names is one figure."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number in range(300):
        page = book.create_sheet(f"=A{number}'\"<&")
        page.append(["指标", "2023年1-6月（亿元）", "增速%"])
        page.append([OUTPUT, 223.7, 17])
    book.save(path)
    book.close()
