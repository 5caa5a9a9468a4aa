"""Tables of every shape become figures in long form; what has two readings is asked.

The article's indicators: 规模以上工业总产值 (规上工业总产值, 工业总产值) is monthly from February, in 亿元, cumulative;
地区生产总值 (GDP) quarterly; 本级财政收入 monthly, without a fixed unit; 常住人口 a yearly stock in 万人.
Approved: 规模以上工业总产值 2023-06 is 223.7亿元.
"""

from __future__ import annotations

import pytest

from indicators.imports.lines import known_to
from indicators.imports.shape import FigureLayout, layout_of
from indicators.models import Indicator
from lvyuan.imports.table import Flaw, Table
from tests.indicators.imports.tables import table_of

pytestmark = pytest.mark.django_db
FIELDS = ("indicator", "district", "period", "value", "unit", "growth", "rank", "rank_by")


def understood(cast, *tables: Table, **answers: str) -> FigureLayout:
    """The layout; in answers' names __ stands for a colon."""
    told = {code.replace("__", ":"): answer for code, answer in answers.items()}
    return layout_of(tables, told, known_to(cast.admin))


def figures(layout: FigureLayout, *tables: Table) -> list[tuple[str, ...]]:
    """All figures as indicator, district, period, value with its unit, growth; rank and what it goes by if any."""
    found = []
    for table in tables:
        for record in layout.records(table):
            said = {name: record[name] for name in FIELDS}
            level = said["value"] + said["unit"] if said["value"] else ""
            rank = (said["rank"], said["rank_by"]) if said["rank"] else ()
            found.append((said["indicator"], said["district"], said["period"], level, said["growth"], *rank))
    return found


def read(cast, table: Table, **answers: str) -> list[tuple[str, ...]]:
    """The figures of a table that leaves no question open."""
    layout = understood(cast, table, **answers)
    assert [question.code for question in layout.open_questions] == []
    assert layout.problems == []
    return figures(layout, table)


def asked(layout: FigureLayout) -> list[str]:
    return [question.code for question in layout.open_questions]


def uses(layout: FigureLayout) -> dict[str, str]:
    return {column.letter: column.use for column in layout.columns}


# Shapes


def test_long_form(cast):
    table = table_of(
        ["指标", "区划", "时期", "数值", "单位", "同比增长", "位次", "位次依据", "旁注"],
        ["industrial_output", "宽城区", "2023年1—6月", "223.7", "亿元", "17", "1", "按增速", "甲"],
        ["GDP", "", "2023年上半年", "", "", "10.1"],
    )
    layout = understood(cast, table)
    assert asked(layout) == []
    assert figures(layout, table) == [
        ("industrial_output", "220103", "2023-06.ytd", "223.7亿元", "17", "1", "按增速"),
        ("gdp", "", "2023-06.ytd", "", "10.1"),
    ]
    record = next(layout.records(table))
    assert (record.line, record.column, record.columns["growth"], record.columns["period"]) == (4, "D", "F", "C")
    assert uses(layout)["I"] == ""


def test_periods_across_with_units_in_names(cast):
    table = table_of(
        ["指标", "2022年1—6月", "2023年1—6月", "增长%"],
        ["一、规上工业总产值（亿元）", "191.2", "223.7", "17.0"],
        ["　其中：常住人口:万人", "70.1", "70.2", "0.1"],
    )
    assert read(cast, table) == [
        ("industrial_output", "", "2022-06.ytd", "191.2亿元", ""),
        ("industrial_output", "", "2023-06.ytd", "223.7亿元", "17.0"),
        ("population", "", "2022-06-30.instant", "70.1万人", ""),
        ("population", "", "2023-06-30.instant", "70.2万人", "0.1"),
    ]


def test_month_and_cumulative_under_one_title(cast):
    table = table_of(
        [
            ("指标名称",),
            ("计量单位",),
            ("本月", "绝对量"),
            ("本月", "同比增长(%)"),
            ("累计", "绝对量"),
            ("累计", "同比增长(%)"),
            ("累计", "增速位次"),
        ],
        ["一、工业"],
        ["规上工业总产值", "亿元", "40.1", "3.2", "223.7", "17", "2"],
        ["本级财政收入", "万元", "1200", "-4.1", "8200", "持平", ""],
        above=["绿园区2023年6月主要经济指标"],
    )
    assert read(cast, table) == [
        ("industrial_output", "220106", "2023-06.month", "40.1亿元", "3.2"),
        ("industrial_output", "220106", "2023-06.ytd", "223.7亿元", "17", "2", "growth"),
        ("fiscal_revenue", "220106", "2023-06.month", "1200万元", "-4.1"),
        ("fiscal_revenue", "220106", "2023-06.ytd", "8200万元", "持平"),
    ]


def test_indicators_across_and_growth_beside_its_level(cast):
    table = table_of(
        ["月份", "地区生产总值（亿元）", "增速", "本级财政收入(万元)", "增速"],
        ["一季度", "80.1", "5.5", "4100", "2.5"],
        ["1-6月", "180.2", "6.5", "8200", "3.5"],
        above=["2023年各季度完成情况"],
    )
    assert read(cast, table) == [
        ("gdp", "", "2023-03.ytd", "80.1亿元", "5.5"),
        ("fiscal_revenue", "", "2023-03.ytd", "4100万元", "2.5"),
        ("gdp", "", "2023-06.ytd", "180.2亿元", "6.5"),
        ("fiscal_revenue", "", "2023-06.ytd", "8200万元", "3.5"),
    ]


def test_districts_down_and_the_indicator_in_the_title(cast):
    table = table_of(
        ["城区", "总量", "增速", "增速位次"],
        ["南关区", "190.1", "3.3", "2"],
        ["绿园", "223.7", "4.3", "1"],
        above=["2023年1-6月规模以上工业总产值完成情况", "单位：亿元、%"],
    )
    assert read(cast, table) == [
        ("industrial_output", "220102", "2023-06.ytd", "190.1亿元", "3.3", "2", "growth"),
        ("industrial_output", "220106", "2023-06.ytd", "223.7亿元", "4.3", "1", "growth"),
    ]


def test_districts_across(cast):
    table = table_of(
        ["指标", "南关区", "宽城区"],
        ["规上工业总产值（亿元）", "190.1", "180.2"],
        ["增速（%）", "3.3", "4.3"],
        above=["2023年1—6月"],
    )
    assert read(cast, table) == [
        ("industrial_output", "220102", "2023-06.ytd", "190.1亿元", "3.3"),
        ("industrial_output", "220103", "2023-06.ytd", "180.2亿元", "4.3"),
    ]


def test_key_and_value_with_units_inside(cast):
    table = table_of(
        ["", ""],
        ["地区生产总值", "400.1亿元"],
        ["增速", "7.1%"],
        ["常住人口", "70.2万人"],
        above=["绿园区2022年主要指标"],
    )
    assert read(cast, table) == [
        ("gdp", "220106", "2022-12.ytd", "400.1亿元", "7.1%"),
        ("population", "220106", "2022-12-31.instant", "70.2万人", ""),
    ]


def test_year_and_month_in_columns_of_their_own(cast):
    table = table_of(
        ["年份", "月份", "工业总产值（亿元）"],
        ["2022", "1-2月", "60.1"],
        ["2022", "1-3月", "95.2"],
        ["2023", "1-2月", "62.3"],
    )
    assert [row[2:4] for row in read(cast, table)] == [
        ("2022-02.ytd", "60.1亿元"),
        ("2022-03.ytd", "95.2亿元"),
        ("2023-02.ytd", "62.3亿元"),
    ]


def test_years_across_are_whole_years(cast):
    table = table_of(
        ["指标", "2021", "2022年"], ["常住人口（万人）", "69.8", "70.2"], ["GDP（亿元）", "380.5", "391.4"]
    )
    assert [row[:4] for row in read(cast, table)] == [
        ("population", "", "2021-12-31.instant", "69.8万人"),
        ("population", "", "2022-12-31.instant", "70.2万人"),
        ("gdp", "", "2021-12.ytd", "380.5亿元"),
        ("gdp", "", "2022-12.ytd", "391.4亿元"),
    ]


def test_year_over_months(cast):
    table = table_of(
        [("指标",), ("2022年", "1-5月"), ("2022年", "1-6月"), ("2023年", "1-5月")],
        ["工业总产值（亿元）", "160.1", "191.2", "180.3"],
    )
    assert [row[2:4] for row in read(cast, table)] == [
        ("2022-05.ytd", "160.1亿元"),
        ("2022-06.ytd", "191.2亿元"),
        ("2023-05.ytd", "180.3亿元"),
    ]


def test_notes_footnotes_and_empty_marks(cast):
    table = table_of(
        ["指标", "2023年1—6月", "同比%"],
        ["规上工业总产值①（亿元）", "1 223.7*", "１７．１%"],
        ["地区生产总值（亿元）", "—", "…"],
        ["常住人口（万人）", "NA", "****"],
    )
    assert read(cast, table, magnitude__1__industrial_output="as_is") == [
        ("industrial_output", "", "2023-06.ytd", "1223.7亿元", "１７．１%"),
    ]


def test_flawed_cell_is_told_with_its_column(cast):
    flaw = Flaw("公式没有结果", "请另存")
    table = table_of(["指标", "2023年1—6月", "同比%"], ["规上工业总产值（亿元）", flaw, "17"])
    (record,) = understood(cast, table).records(table)
    assert record.flaws == (("value", flaw),)
    assert record.columns["value"] == "B"


# What is left out, with its reason


def test_differences_and_plans_are_no_growth(cast):
    table = table_of(
        ["指标", "1—6月完成", "同比增长%", "比1—5月加快（百分点）", "年度目标", "完成进度%", "环比%"],
        ["规上工业总产值（亿元）", "223.7", "17", "0.5", "480", "46.6", "2.1"],
        above=["2023年"],
    )
    layout = understood(cast, table)
    assert asked(layout) == []
    assert figures(layout, table) == [("industrial_output", "", "2023-06.ytd", "223.7亿元", "17")]
    reasons = {column.letter: column.reason for column in layout.columns if not column.use}
    assert reasons == {
        "D": "是两个增速之差（百分点），不是增速",
        "E": "是计划或目标，请按“目标”另行导入",
        "F": "是由其他数算出的比率",
        "G": "是与上一期相比的数",
    }


def test_last_year_is_asked_and_then_is_last_years(cast):
    table = table_of(
        ["指标", "单位", "累计完成", "上年同期", "同比增长%"],
        ["规上工业总产值", "亿元", "223.7", "191.2", "17"],
        above=["2023年6月"],
    )
    now = ("industrial_output", "", "2023-06.ytd", "223.7亿元", "17")
    before = ("industrial_output", "", "2022-06.ytd", "191.2亿元", "")
    assert asked(understood(cast, table)) == ["last_year:1"]
    assert read(cast, table, last_year__1="ignore") == [now]
    assert read(cast, table, last_year__1="import") == [now, before]


def test_table_without_anything_of_ours(cast):
    people, words = table_of(["姓名", "年龄"], ["张三", "41"]), table_of(["姓名", "职务"], ["张三", "科长"], number=2)
    layout = understood(cast, people, words)
    assert asked(layout) == ["table:1"]
    assert [column.reason for column in layout.columns] == ["表里没有认得的指标"] * 2 + ["表里没有数"] * 2
    assert list(layout.records(people)) == []
    (problem,) = understood(cast, words).problems
    assert (problem.message, problem.line) == ("文件里没有找到指标的数据", 3)


# Questions


def test_unknown_name_is_asked_once_with_suggestions(cast):
    table = table_of(
        ["指标", "时期", "数值"],
        ["规上工业产值", "2023年1—5月", "180"],
        ["规上工业产值", "2023年1—6月", "223.7"],
        ["GDP", "2023年1—6月", "180"],
    )
    layout = understood(cast, table)
    (question,) = layout.questions
    assert (question.code, question.place) == ("indicator:1:规上工业产值", "工作表“数据”第4行A列")
    assert question.options[0] == ("industrial_output", "规模以上工业总产值")
    assert ("ignore", "不导入（新指标要先补定义）") in question.options[:6]
    told = {"indicator__1__规上工业产值": "industrial_output"}
    assert [row[:3] for row in read(cast, table, **told)] == [
        ("industrial_output", "", "2023-05.ytd"),
        ("industrial_output", "", "2023-06.ytd"),
        ("gdp", "", "2023-06.ytd"),
    ]
    assert [row[0] for row in read(cast, table, indicator__1__规上工业产值="ignore")] == ["gdp"]


def test_name_of_two_indicators_is_asked(cast):
    Indicator.objects.filter(code="gdp").update(aliases=["产值"])
    Indicator.objects.filter(code="industrial_output").update(aliases=["产值"])
    table = table_of(["指标", "2023年1—6月"], ["产值（亿元）", "223.7"])
    (question,) = understood(cast, table).open_questions
    assert [value for value, _label in question.options] == ["gdp", "industrial_output", "ignore"]
    told = {"indicator__1__产值(亿元)": "gdp"}
    assert read(cast, table, **told) == [("gdp", "", "2023-06.ytd", "223.7亿元", "")]


def test_many_unknown_names_are_asked_together(cast):
    rows = [[f"用品{number}", "12"] for number in range(13)]
    table = table_of(["指标", "2023年1—6月"], ["GDP（亿元）", "180"], *rows)
    assert asked(understood(cast, table)) == ["unmatched:1"]
    assert len(asked(understood(cast, table, unmatched__1="each"))) == 13
    assert [row[0] for row in read(cast, table, unmatched__1="ignore")] == ["gdp"]


def test_bare_month_is_asked(cast):
    table = table_of(["指标", "2023年5月", "2023年6月"], ["工业总产值（亿元）", "36.1", "40.1"])
    assert asked(understood(cast, table)) == ["month:1"]
    assert [row[2] for row in read(cast, table, month__1="month")] == ["2023-05.month", "2023-06.month"]
    assert [row[2] for row in read(cast, table, month__1="ytd")] == ["2023-05.ytd", "2023-06.ytd"]


def test_month_beside_its_cumulative_is_the_month(cast):
    table = table_of(["指标", "2022年1-2月", "2022年2月", "2022年3月"], ["工业总产值（亿元）", "60", "31", "33"])
    assert [row[2] for row in read(cast, table)] == ["2022-02.ytd", "2022-02.month", "2022-03.month"]


def test_month_of_a_stock_is_its_end(cast):
    table = table_of(["指标", "2023年6月"], ["民营企业（万户）", "3.7"])
    assert read(cast, table) == [("private_enterprises", "", "2023-06-30.instant", "3.7万户", "")]


def test_decimal_month_is_asked_with_its_place(cast):
    table = table_of(
        ["时间", "本级财政收入（万元）"], ["2016.9", "900"], ["2016.1", "1000"], ["2016.11", "1100"], above=["累计"]
    )
    layout = understood(cast, table, month__1="ytd")
    (question,) = layout.open_questions
    assert (question.code, question.place) == ("period:1:A:2016.1:5", "工作表“数据”第5行A列")
    assert [value for value, _label in question.options] == ["2016年1月", "2016年10月", "ignore"]
    told = {"month__1": "ytd", "period__1__A__2016.1__5": "2016年10月"}
    assert [row[2] for row in read(cast, table, **told)] == ["2016-09.ytd", "2016-10.ytd", "2016-11.ytd"]


def test_missing_year_and_missing_period_are_asked(cast):
    yearless = table_of(["指标", "1—6月"], ["工业总产值（亿元）", "223.7"])
    assert asked(understood(cast, yearless)) == ["year:1"]
    assert [row[2] for row in read(cast, yearless, year__1="2023")] == ["2023-06.ytd"]
    undated = table_of(["指标", "数值（亿元）"], ["工业总产值", "223.7"])
    assert asked(understood(cast, undated)) == ["period:1"]
    assert asked(understood(cast, undated, period__1="上个月")) == ["period:1"]
    assert [row[2] for row in read(cast, undated, period__1="2023年1—6月")] == ["2023-06.ytd"]


def test_year_column_under_a_title_of_half_a_year_is_asked(cast):
    table = table_of(["指标", "2023年", "2022年"], ["GDP（亿元）", "180", "171"], above=["2023年1—6月主要指标"])
    assert asked(understood(cast, table)) == ["period:1:years"]
    assert [row[2] for row in read(cast, table, period__1__years="same")] == ["2023-06.ytd", "2022-06.ytd"]
    assert [row[2] for row in read(cast, table, period__1__years="year")] == ["2023-06.ytd", "2022-12.ytd"]


def test_small_growth_may_be_a_fraction(cast):
    table = table_of(
        ["指标", "2023年1—6月", "同比增长"], ["工业总产值（亿元）", "223.7", "0.17"], ["GDP（亿元）", "180", "-0.021"]
    )
    assert asked(understood(cast, table)) == ["percent:1:C"]
    assert [row[4] for row in read(cast, table, percent__1__C="fraction")] == ["17", "-2.1"]
    assert [row[4] for row in read(cast, table, percent__1__C="percent")] == ["0.17", "-0.021"]


def test_unit_is_asked_where_none_is_written(cast):
    table = table_of(["时期", "地区生产总值", "重点项目总数"], ["2022年1—6月", "1800000", "52"])
    layout = understood(cast, table)
    (question,) = layout.open_questions
    assert (question.code, question.suggested) == ("unit:1:B", "亿元")
    assert read(cast, table, unit__1__B="万元")[0] == ("gdp", "", "2022-06.ytd", "1800000万元", "")


def test_units_of_a_title_go_to_the_indicators_they_fit(cast):
    table = table_of(
        ["指标", "2023年1—6月"],
        ["工业总产值", "2237000"],
        ["常住人口", "70.2"],
        above=["单位：万元、万人、%"],
    )
    assert [row[3] for row in read(cast, table)] == ["2237000万元", "70.2万人"]


def test_slip_of_magnitude_is_asked(cast):
    table = table_of(["指标", "时期", "数值", "单位"], ["工业总产值", "2023年1—7月", "2541000", "亿元"])
    (question,) = understood(cast, table).open_questions
    assert question.code == "magnitude:1:industrial_output"
    assert "2541000亿元" in question.text
    assert "223.7亿元" in question.text
    assert [row[3] for row in read(cast, table, magnitude__1__industrial_output="万元")] == ["2541000万元"]
    assert [row[3] for row in read(cast, table, magnitude__1__industrial_output="as_is")] == ["2541000亿元"]


def test_rank_says_by_what(cast):
    table = table_of(["指标", "2023年1—6月", "位次"], ["工业总产值（亿元）", "223.7", "1"])
    (question,) = understood(cast, table).open_questions
    assert (question.code, [value for value, _label in question.options][:3]) == (
        "column:1:C",
        ["rank:level", "rank:growth", "rank:unstated"],
    )
    assert read(cast, table, column__1__C="rank:level")[0][5:] == ("1", "level")
    assert read(cast, table, column__1__C="ignore")[0][5:] == ()


def test_hidden_rows_and_columns_are_asked(cast):
    table = table_of(
        ["指标", "2023年1—6月", "同比%"],
        ["工业总产值（亿元）", "223.7", "17"],
        ["GDP（亿元）", "180", "6.5"],
        hidden_rows=[5],
        hidden_columns=[3],
    )
    layout = understood(cast, table)
    assert asked(layout) == ["hidden_rows:1", "hidden_columns:1"]
    assert "第 5 行" in layout.questions[0].text
    whole = read(cast, table, hidden_rows__1="import", hidden_columns__1="import")
    assert [row[0::4] for row in whole] == [("industrial_output", "17"), ("gdp", "6.5")]
    part = read(cast, table, hidden_rows__1="ignore", hidden_columns__1="ignore")
    assert [row[0::4] for row in part] == [("industrial_output", "")]


def test_unknown_column_can_be_given_to_an_indicator(cast):
    table = table_of(["时期", "地区生产总值（亿元）", "能耗"], ["2022年1—6月", "180", "12.5"])
    layout = understood(cast, table)
    assert asked(layout) == []
    (ignored,) = [column for column in layout.columns if not column.use]
    assert (ignored.letter, ignored.code) == ("C", "column:1:C")
    assert ("i:fiscal_revenue", "本级财政收入") in ignored.choices
    rows = understood(cast, table, column__1__C="i:fiscal_revenue", unit__1__C="万元")
    assert figures(rows, table)[1] == ("fiscal_revenue", "", "2022-06.ytd", "12.5万元", "")


def test_recognised_column_can_be_used_otherwise(cast):
    table = table_of(["指标", "2022年1—6月", "2021年1—6月", "备注"], ["地区生产总值（亿元）", "180", "170", "快报"])
    uses = {column.letter: column for column in understood(cast, table).columns}
    assert (uses["C"].use, uses["D"].use) == ("2021年1—6月 · 数值", "说明")
    assert ("ignore", "不导入") in uses["C"].choices
    assert [row[2] for row in read(cast, table)] == ["2022-06.ytd", "2021-06.ytd"]
    assert [row[2] for row in read(cast, table, column__1__C="ignore")] == ["2022-06.ytd"]


def test_answer_from_last_time_says_so(cast):
    table = table_of(["指标", "2023年5月"], ["工业总产值（亿元）", "36.1"])
    layout = layout_of([table], {"month:1": "month"}, known_to(cast.admin), remembered={"month:1"})
    assert [(q.code, q.told, q.is_remembered) for q in layout.questions] == [("month:1", "month", True)]


def test_one_query_whatever_the_size(cast, django_assert_num_queries):
    known = known_to(cast.admin)
    small = table_of(["指标", "2023年1—6月"], ["工业总产值（亿元）", "223.7"])
    large = table_of(["指标", "2023年1—6月"], *[["工业总产值（亿元）", "223.7"], ["GDP（亿元）", "180"]] * 200)
    for table in (small, large):
        with django_assert_num_queries(1):
            list(layout_of([table], {}, known).records(table))


# What must not be taken for something else


def test_growth_behind_an_unknown_column_is_asked(cast):
    table = table_of(["时期", "GDP（亿元）", "用电量", "增速"], ["2022年1—6月", "180", "3", "5"])
    layout = understood(cast, table)
    assert asked(layout) == ["column:1:D"]
    assert figures(layout, table) == [("gdp", "", "2022-06.ytd", "180亿元", "")]


def test_growth_below_a_row_left_out_is_left_out_too(cast):
    table = table_of(["指标", "2022年1—6月"], ["GDP（亿元）", "180"], ["用电量", "3"], ["增速", "5"])
    told = {"indicator__1__用电量": "ignore"}
    assert [row[0::4] for row in read(cast, table, **told)] == [("gdp", "")]


@pytest.mark.parametrize("title", ["2022年1—6月主要指标增速（%）", "2022年1—6月计划完成率", "2022年1—6月位次"])
def test_title_about_growth_or_shares_is_asked(cast, title):
    table = table_of(["指标", "1—6月"], ["GDP", "5.1"], ["规上工业总产值", "5.2"], above=[title])
    assert "measure:1" in asked(understood(cast, table))
    assert [row[3:5] for row in read(cast, table, measure__1="growth")] == [("", "5.1"), ("", "5.2")]
    layout = understood(cast, table, measure__1="ignore")
    assert figures(layout, table) == []


def test_title_about_plans_is_asked(cast):
    """What a plan says is no result, the growth that is planned least of all."""
    table = table_of(["指标", "目标值", "增速（%）"], ["GDP", "400", "10"], above=["2022年主要预期目标"])
    assert asked(understood(cast, table)) == ["plan:1"]
    layout = understood(cast, table, plan__1="ignore")
    assert figures(layout, table) == []
    assert [row[3:5] for row in read(cast, table, plan__1="actual")] == [("", "10")]
    done = table_of(["指标", "增速（%）"], ["GDP", "10"], above=["2022年主要目标任务完成情况"])
    assert asked(understood(cast, done)) == []


def test_measures_and_their_spans_in_a_column(cast):
    table = table_of(
        ["指标", "项目", "数值"],
        ["工业总产值", "本月（亿元）", "40.1"],
        ["工业总产值", "累计（亿元）", "223.7"],
        ["工业总产值", "累计增速（%）", "17"],
        above=["2023年6月"],
    )
    assert read(cast, table) == [
        ("industrial_output", "", "2023-06.month", "40.1亿元", ""),
        ("industrial_output", "", "2023-06.ytd", "223.7亿元", "17"),
    ]


def test_kind_of_period_in_a_column(cast):
    table = table_of(
        ["指标", "时期", "时期类别", "数值"],
        ["工业总产值", "2023年6月", "当月", "40.1亿元"],
        ["工业总产值", "2023年6月", "累计", "223.7亿元"],
    )
    assert [row[2:4] for row in read(cast, table)] == [("2023-06.month", "40.1亿元"), ("2023-06.ytd", "223.7亿元")]


def test_title_that_says_of_the_month(cast):
    table = table_of(["指标", "5月", "6月"], ["工业总产值（亿元）", "36.1", "40.1"], above=["2023年各月当月完成情况"])
    assert [row[2] for row in read(cast, table)] == ["2023-05.month", "2023-06.month"]


def test_day_numbers_are_asked_once(cast):
    table = table_of(["日期", "GDP（亿元）"], ["45016", "80"], ["45107", "180"])
    (question,) = understood(cast, table).open_questions
    assert (question.code, question.place) == ("period:1:A:serial", "工作表“数据”第4行A列")
    told = {"period__1__A__serial": "day", "month__1": "ytd"}
    assert [row[2] for row in read(cast, table, **told)] == ["2023-03.ytd", "2023-06.ytd"]


def test_office_in_a_title_is_no_district(cast):
    titles = ["长春市统计局", "2023年1—6月绿园区主要指标", "上报时间：2023年7月5日"]
    table = table_of(["指标", "累计"], ["GDP（亿元）", "180"], above=titles)
    assert [row[:3] for row in read(cast, table)] == [("gdp", "220106", "2023-06.ytd")]


def test_district_in_a_row_name_of_the_long_form(cast):
    table = table_of(["指标", "时期", "数值"], ["南关区GDP", "2022年一季度", "10.5"], ["GDP", "2022年一季度", "20.5"])
    assert read(cast, table) == [
        ("gdp", "220102", "2022-03.ytd", "10.5", ""),
        ("gdp", "", "2022-03.ytd", "20.5", ""),
    ]


def test_district_in_a_head_of_the_long_form(cast):
    table = table_of(["指标", "时期", "南关区数值"], ["GDP", "2022年一季度", "10.5"])
    assert read(cast, table) == [("gdp", "220102", "2022-03.ytd", "10.5", "")]


def test_district_in_a_row_name_counts_where_its_own_cell_is_blank(cast):
    table = table_of(["指标", "区划", "时期", "数值"], ["南关区GDP", "", "2022年一季度", "10.5"])
    assert read(cast, table) == [("gdp", "220102", "2022-03.ytd", "10.5", "")]


def test_other_district_is_not_compared_with_ours(cast):
    table = table_of(["区划", "规上工业总产值（万元）"], ["宽城区", "100"], above=["2023年1—6月"])
    assert [row[:4] for row in read(cast, table)] == [("industrial_output", "220103", "2023-06.ytd", "100万元")]


@pytest.mark.parametrize("head", ["街道", "行业", ""])
def test_parts_of_a_district_are_asked_about(cast, head):
    rows = ["普阳街道", "18", "6"], ["全区", "223.7", "17"]
    table = table_of([head, "总量（亿元）", "同比%"], *rows, above=["2023年1-6月规模以上工业总产值"])
    layout = understood(cast, table)
    assert asked(layout)[:1] == ["column:1:A"]
    assert "“普阳街道”、“全区”" in layout.open_questions[0].text
    told = {"column__1__A": "district", "district__1__普阳街道": "ignore"}
    assert read(cast, table, **told) == [("industrial_output", "220106", "2023-06.ytd", "223.7亿元", "17")]


def test_row_and_column_of_two_indicators_contradict(cast):
    table = table_of(["指标", "开工率"], ["重点项目总数", "90.4"], above=["截至2023年8月4日"])
    (record,) = understood(cast, table).records(table)
    assert [(field, flaw.problem) for field, flaw in record.flaws] == [
        ("indicator", "这一行说的是指标 key_projects，这一列说的是指标 key_project_start_rate")
    ]


def test_growth_before_its_level(cast):
    table = table_of(["指标", "同比增长%", "2023年1-6月"], ["GDP（亿元）", "5", "180"])
    assert read(cast, table) == [("gdp", "", "2023-06.ytd", "180亿元", "5")]
