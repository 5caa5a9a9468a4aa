"""Texts of figures and periods, before a line is read."""

from __future__ import annotations

import pytest

from indicators.imports.understanding.columns import plain_figure
from indicators.imports.understanding.when import When, all_periods_in, period_text, periods_in
from indicators.imports.understanding.wording import cleaned, squeezed, stated_units, units_of
from lvyuan.periods import PeriodKind as K


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("223.7", "223.7"),
        ("223.7*", "223.7"),
        ("17.1%①", "17.1%"),
        ("17.1[1]", "17.1"),
        ("17.1（注2）", "17.1"),
        ("1 234 567.8", "1234567.8"),
        ("1，234，567", "1234567"),
        ("-1 234", "-1234"),
        ("1 23", "1 23"),
        ("12 34", "12 34"),
        ("****", "****"),
        ("－", "—"),
        ("(12.3)", "(12.3)"),
    ],
)
def test_plain_figure(written, plain):
    assert plain_figure(written) == plain


@pytest.mark.parametrize(
    ("written", "when", "rest"),
    [
        ("2023年1—6月", When(2023, "1—6月"), ""),
        ("2023年1月至6月", When(2023, "1—6月"), ""),
        ("2023年1月—2023年6月", When(2023, "1—6月"), ""),
        ("1~6月份", When(None, "1—6月"), ""),
        ("2023年6月", When(2023, "6月"), ""),
        ("2023-06", When(2023, "6月"), ""),
        ("202306", When(2023, "6月"), ""),
        ("2023.06", When(2023, "6月"), ""),
        ("2016.9", When(2016, "9月"), ""),
        ("2023/6/30", When(2023, "6月30日"), ""),
        ("20230630", When(2023, "6月30日"), ""),
        ("截至2023年8月4日", When(2023, "8月4日"), ""),
        ("2023Q2", When(2023, "二季度"), ""),
        ("2023年第1季度", When(2023, "一季度"), ""),
        ("2023年上半年", When(2023, "上半年"), ""),
        ("前3季度", When(None, "前三季度"), ""),
        ("2022年全年", When(2022, "全年"), ""),
        ("2022年末", When(2022, "年末"), ""),
        ("2022年度", When(2022), ""),
        ("2022", When(2022), ""),
        ("2023年1—6月完成", When(2023, "1—6月"), "完成"),
        ("2016.1", When(), "2016.1"),
        ("12345热线", When(), "12345热线"),
        ("工业总产值", When(), "工业总产值"),
    ],
)
def test_periods_in_a_text(written, when, rest):
    assert periods_in(squeezed(written)) == (when, rest)


def test_date_of_filling_in_is_no_period():
    assert list(all_periods_in(squeezed("填报日期：2023年7月5日"))) == []
    assert list(all_periods_in(squeezed("2022年与2023年1—6月对比"))) == [When(2023, "1—6月"), When(2022)]


@pytest.mark.parametrize(
    ("when", "kind", "code"),
    [
        (When(2023, "1—6月"), K.YTD, "2023-06.ytd"),
        (When(2023, "6月"), K.YTD, "2023-06.ytd"),
        (When(2023, "6月"), K.MONTH, "2023-06.month"),
        (When(2023, "6月", "month"), K.YTD, "2023-06.month"),
        (When(2023, "1—6月", "month"), K.YTD, "2023-06.month"),
        (When(2023, "6月", "ytd"), K.YTD, "2023-06.ytd"),
        (When(2023, "上半年", "quarter"), K.YTD, "2023-06.quarter"),
        (When(2023, "二季度"), K.YTD, "2023-06.quarter"),
        (When(2023, "一季度"), K.YTD, "2023-03.ytd"),
        (When(2023, "一季度"), K.QUARTER, "2023-03.quarter"),
        (When(2022), K.YTD, "2022-12.ytd"),
        (When(2022, "全年"), K.YTD, "2022-12.ytd"),
        (When(2022), K.YEAR, "2022-12.year"),
        (When(2022), K.INSTANT, "2022-12-31.instant"),
        (When(2022, "年末"), K.INSTANT, "2022-12-31.instant"),
        (When(2023, "1—6月"), K.INSTANT, "2023-06-30.instant"),
        (When(2023, "8月4日"), K.INSTANT, "2023-08-04.instant"),
        (When(2023, "8月4日"), K.WINDOW, "2023-08-04.window"),
        (When(2023, "6月30日"), K.YTD, "2023-06.ytd"),
        (When(2023, "6月1日", "month"), K.YTD, "2023-06.month"),
        (When(2024, "2月", "month", 1), K.YTD, "2023-02.month"),
        # Not periods of such an indicator: the text stays, and is refused with its place.
        (When(2023, "6月15日"), K.YTD, "2023年6月15日"),
        (When(2023, "3—5月"), K.YTD, "2023年3—5月"),
        (When(2023, "1—6月"), K.WINDOW, "2023年1—6月"),
        (When(2023, "13月"), K.YTD, "2023年13月"),
        (When(None, "1—6月"), K.YTD, "1—6月"),
    ],
)
def test_period_of_an_indicator(when, kind, code):
    assert period_text(when, kind) == code


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("一、地区生产总值", "地区生产总值"),
        ("（一）地区生产总值", "地区生产总值"),
        ("1.工业 总产值", "工业总产值"),
        ("　　其中：税收收入①", "税收收入"),
        ("#税收收入*", "税收收入"),
        ("“四上”企业数", "四上企业数"),
        ("一般公共预算收入", "一般公共预算收入"),
        ("12345热线", "12345热线"),
    ],
)
def test_cleaned_name(written, name):
    assert cleaned(written) == name


@pytest.mark.parametrize(
    ("written", "units"),
    [
        ("亿元、%", ("亿元", "%")),
        ("万㎡", ("万平方米",)),
        ("万美元", ("万美元",)),
        ("亿", ("亿",)),
        ("演示", ()),
        ("", ()),
    ],
)
def test_units(written, units):
    assert units_of(written) == units


def test_unit_row():
    assert stated_units("单位：万元、%") == ("万元", "%")
    assert stated_units("（计量单位:亿元）") == ("亿元",)
    assert stated_units("填报单位：统计局") == ()
