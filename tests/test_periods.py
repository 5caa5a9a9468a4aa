"""Periods: round trips by property, named labels and refusals by hand (domain notes, section 2)."""

import pickle
import re
from datetime import date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvyuan.periods import (
    FROM_FEBRUARY,
    MONTHLY,
    QUARTERLY,
    YEARLY,
    AmbiguousPeriod,
    KindNeeded,
    Period,
    PeriodError,
    PeriodKind,
    YearNeeded,
    first_slot_covers_single_unit,
    has_slot,
    label,
    parse,
    previous_period,
    previous_slot,
    same_slot_last_year,
    short_label,
    slots_of_year,
)

MONTH, YTD, QUARTER = PeriodKind.MONTH, PeriodKind.YTD, PeriodKind.QUARTER
YEAR, INSTANT, WINDOW, PLAN = (
    PeriodKind.YEAR,
    PeriodKind.INSTANT,
    PeriodKind.WINDOW,
    PeriodKind.PLAN,
)
AUGUST_4 = date(2023, 8, 4)
JUNE = Period.ytd(2023, 6)

years = st.integers(1900, 2199)
months = st.integers(1, 12)
days = st.dates(date(1900, 1, 1), date(2199, 12, 31))
day_pairs = st.tuples(days, days).map(sorted)
month_pairs = st.tuples(st.tuples(years, months), st.tuples(years, months)).map(sorted)
periods = st.one_of(
    st.builds(Period.month, years, months),
    st.builds(Period.ytd, years, months),
    st.builds(Period.quarter, years, st.integers(1, 4)),
    st.builds(Period.year, years),
    st.builds(Period.instant, days),
    st.builds(Period.window, days),
    day_pairs.map(lambda pair: Period.window(pair[1], pair[0])),
    month_pairs.map(lambda pair: Period.plan(*pair)),
)
styles = st.sampled_from([None, "official"])
kinds = st.sampled_from([None, *PeriodKind])
calendars = st.sampled_from([MONTHLY, FROM_FEBRUARY, QUARTERLY, YEARLY])


# Round trips


@given(periods, styles)
def test_label_reads_back(period, style):
    assert parse(label(period, style), kind=period.kind, year=period.year_no) == period


@given(periods, styles)
def test_label_names_its_year(period, style):
    assert parse(label(period, style), kind=period.kind) == period


@given(periods, styles)
def test_short_label_reads_back(period, style):
    assert parse(short_label(period, style), kind=period.kind, year=period.year_no) == period


@given(periods)
def test_code_reads_back(period):
    assert Period.from_code(period.code) == period


@given(periods, periods)
def test_code_is_unique(one, other):
    assert (one.code == other.code) == (one == other)


@given(periods, styles, st.sampled_from("-‐‑‒–—―−－~～〜至到"))
def test_label_every_dash(period, style, dash):
    text = label(period, style).replace("—", dash)
    assert parse(text, kind=period.kind) == period


@given(periods, styles, st.data())
def test_label_full_width_and_spaced(period, style, data):
    text = label(period, style).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    places = [i for i in range(len(text) + 1) if not text[max(i - 1, 0) : i + 1].isdigit()]
    place = data.draw(st.sampled_from([0, *places]))
    assert parse(f"{text[:place]} \u3000{text[place:]}", kind=period.kind) == period


@given(periods)
def test_period_is_consistent(period):
    assert period.start is None or period.start <= period.end
    assert 0 < period.elapsed_share <= 1
    assert pickle.loads(pickle.dumps(period)) == period


# Refusals


@given(st.text() | st.text("2023年16月—至截日季度上半前全末底-/.QＱ０²٣_ e一五（）起点未载"), kinds)
def test_parse_garbage_is_refused_or_reads_back(text, kind):
    try:
        period = parse(text, kind=kind, year=2023)
    except PeriodError as error:
        assert error.text == text
    else:
        assert isinstance(period, Period)
        assert kind in (None, period.kind)
        assert parse(label(period), kind=period.kind) == period


@given(st.text() | st.text("0123456789-_.monthytdqursw"))
def test_from_code_garbage_is_refused_or_exact(text):
    try:
        assert Period.from_code(text).code == text
    except PeriodError as error:
        assert error.text == text


@pytest.mark.parametrize("kind", [None, *PeriodKind])
@pytest.mark.parametrize("text", ["2016.1", "2016.10", "2016.2", "２０１６．１", " 2016.1 "])
def test_parse_float_like_is_ambiguous(text, kind):
    # domain notes, section 2: stop and ask, never guess
    with pytest.raises(AmbiguousPeriod) as caught:
        parse(text, kind=kind)
    assert "2016年1月" in str(caught.value)
    assert "2016年10月" in str(caught.value)
    assert caught.value.text == text


@pytest.mark.parametrize("text", ["6月", "2023年6月", "2019-12", "2019/12", "一季度", "2020年第一季度", "2020Q1"])
def test_parse_without_kind_asks(text):
    with pytest.raises(KindNeeded) as caught:
        parse(text, year=2023)
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["1—6月", "上半年", "二季度", "截至8月4日", "6月末", "全年"])
def test_parse_without_year_asks(text):
    with pytest.raises(YearNeeded) as caught:
        parse(text)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("2023年13月", MONTH, "月份"),
        ("2023年0月", MONTH, "月份"),
        ("2023年1—13月", YTD, "月份"),
        ("2023年五季度", QUARTER, "季度只有"),
        ("2023年5季度", QUARTER, "季度只有"),
        ("2020Q5", QUARTER, "季度只有"),
        ("2023年0季度", QUARTER, "季度只有"),
        ("2023年2月30日", INSTANT, "没有2023年2月30日"),
        ("截至2023-02-29", None, "没有2023年2月29日"),
        ("2023年6月0日", INSTANT, "没有2023年6月0日"),
        ("2023年2—6月", YTD, "从1月起"),
        ("2023年2—6月", None, "从1月起"),
        ("1899年6月", MONTH, "年份不在"),
        ("2200年6月", MONTH, "年份不在"),
        ("0000年6月", MONTH, "没有0年"),
        ("2023年下半年", None, "下半年"),
        ("2023年下半年", YTD, "下半年"),
        ("2023年二季度", YTD, "不能读作累计"),
        ("2023年6月", YEAR, "不能读作全年"),
        ("2023年", YTD, "不能读作累计"),
        ("2023年1—6月", MONTH, "不能读作当月"),
        ("截至2023年8月4日（起点未载）", INSTANT, "不能读作时点"),
        ("2023年8月4日至2022年12月28日", WINDOW, "起点晚于终点"),
        ("2025年12月—2023年8月", PLAN, "起点晚于终点"),
    ],
)
def test_parse_impossible_is_refused(text, kind, problem):
    with pytest.raises(PeriodError) as caught:
        parse(text, kind=kind)
    assert problem in caught.value.problem
    assert caught.value.text == text
    assert text in str(caught.value)


@pytest.mark.parametrize("kind", PeriodKind)
def test_what_is_proposed_for_another_kind_can_be_read_as_the_kind_wanted(kind):
    wrong = "截至2023年8月4日" if kind in (MONTH, PLAN) else "2023年二季度" if kind in (YTD, INSTANT) else "2023年6月"
    with pytest.raises(PeriodError) as caught:
        parse(wrong, kind=kind)
    proposed = re.findall("“(.+?)”", caught.value.remedy)
    assert proposed
    assert {parse(text, kind=kind).kind for text in proposed} == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "六月",
        "23年6月",
        "2023年٦月",
        "2023年6²月",
        "1 2月",
        "20 23年",
        "2023",
        "2023-06.ytd",
    ]
    + ["2019-2020", "12023-06", "2023-06-1x", "2023年1—6月份", "截至目前", "-", "本年"],
)
def test_parse_outside_grammar_is_refused(text):
    for kind in (None, *PeriodKind):
        with pytest.raises(PeriodError):
            parse(text, kind=kind, year=2023)


def test_parse_year_conflict_is_refused():
    with pytest.raises(PeriodError, match="2023年.*2022年"):
        parse("2023年1—6月", year=2022)


def test_parse_year_is_the_end_year():
    plan = parse("2023年8月—2025年12月", year=2025)
    assert plan == Period.plan((2023, 8), (2025, 12))
    with pytest.raises(PeriodError, match="2025年.*2023年"):
        parse("2023年8月—2025年12月", year=2023)


@pytest.mark.parametrize("error", [PeriodError, KindNeeded, YearNeeded, AmbiguousPeriod])
def test_errors_survive_a_child_process(error):
    copy = pickle.loads(pickle.dumps(error("6月", "缺年份", "请写明")))
    assert type(copy) is error
    assert (copy.text, copy.problem, copy.remedy) == ("6月", "缺年份", "请写明")
    assert str(copy) == "期别“6月”：缺年份。请写明。"


# Labels of real publications (domain notes, section 2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2023年上半年", "2023-06.ytd"),
        ("2023年1-6月", "2023-06.ytd"),
        ("2023年1—6月", "2023-06.ytd"),
        ("2023年1–6月", "2023-06.ytd"),
        ("2023年1~6月", "2023-06.ytd"),
        ("2023年1～6月", "2023-06.ytd"),
        ("2023年1至6月", "2023-06.ytd"),
        ("2023年1月至6月", "2023-06.ytd"),
        ("2023年1——6月", "2023-06.ytd"),
        ("２０２３年１－６月", "2023-06.ytd"),
        (" 2023 年\n1 — 6 月 ", "2023-06.ytd"),
        ("2023年1—1月", "2023-01.ytd"),
        ("2023年1—2月", "2023-02.ytd"),
        ("2023年前三季度", "2023-09.ytd"),
        ("2023年前3季度", "2023-09.ytd"),
        ("2023年全年", "2023-12.ytd"),
        ("2023年二季度", "2023-06.quarter"),
        ("2020年第四季度", "2020-12.quarter"),
        ("2020Q2", "2020-06.quarter"),
        ("2023年", "2023-12.year"),
        ("截至2023年8月4日", "2023-08-04.instant"),
        ("截至2023-08-04", "2023-08-04.instant"),
        ("截至2023/8/4", "2023-08-04.instant"),
        ("2023年8月4日", "2023-08-04.instant"),
        ("2023-08-04", "2023-08-04.instant"),
        ("截至2023年6月底", "2023-06-30.instant"),
        ("2023年6月末", "2023-06-30.instant"),
        ("2024年2月末", "2024-02-29.instant"),
        ("2022年末", "2022-12-31.instant"),
        ("2022年年底", "2022-12-31.instant"),
        ("截至2023年8月4日(起点未载)", "2023-08-04.window"),
        ("截至2023年8月4日（起点未载）", "2023-08-04.window"),
        ("2022年12月28日至2023年8月4日", "2022-12-28_2023-08-04.window"),
        ("2022-12-28—2023-08-04", "2022-12-28_2023-08-04.window"),
        ("2023年8月—2025年12月", "2023-08_2025-12.plan"),
        ("2023-08至2025-12", "2023-08_2025-12.plan"),
    ],
)
def test_parse_label_names_its_kind(text, code):
    assert parse(text).code == code


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("2019年12月", MONTH, "2019-12.month"),
        ("2019-12", MONTH, "2019-12.month"),
        ("2019/12", MONTH, "2019-12.month"),
        ("2023年06月", MONTH, "2023-06.month"),
        ("2023年6月", YTD, "2023-06.ytd"),
        ("2023年6月", INSTANT, "2023-06-30.instant"),
        ("2023年一季度", YTD, "2023-03.ytd"),
        ("2023年一季度", QUARTER, "2023-03.quarter"),
        ("2020年第一季度", YTD, "2020-03.ytd"),
        ("2020年1季度", QUARTER, "2020-03.quarter"),
        ("2020Q1", QUARTER, "2020-03.quarter"),
        ("2020年Ｑ１", YTD, "2020-03.ytd"),
        ("2023年全年", YEAR, "2023-12.year"),
        ("截至2023年8月4日", WINDOW, "2023-08-04.window"),
        ("截至2023年6月底", WINDOW, "2023-06-30.window"),
        ("2023年8—12月", PLAN, "2023-08_2023-12.plan"),
    ],
)
def test_parse_label_takes_the_kind(text, kind, code):
    assert parse(text, kind=kind).code == code


@pytest.mark.parametrize("text", ["1-6月", "上半年", "1～6月", "１—６月"])
def test_parse_label_takes_the_year(text):
    assert parse(text, year=2023) == JUNE


@pytest.mark.parametrize(
    ("period", "default", "official", "short"),
    [
        (Period.month(2023, 6), "2023年6月", "2023年6月", "6月"),
        (Period.ytd(2023, 1), "2023年1—1月", "2023年1—1月", "1—1月"),
        (Period.ytd(2023, 3), "2023年1—3月", "2023年一季度", "1—3月"),
        (JUNE, "2023年1—6月", "2023年上半年", "1—6月"),
        (Period.ytd(2023, 9), "2023年1—9月", "2023年前三季度", "1—9月"),
        (Period.ytd(2023, 12), "2023年1—12月", "2023年全年", "1—12月"),
        (Period.quarter(2023, 2), "2023年二季度", "2023年二季度", "二季度"),
        (Period.year(2023), "2023年", "2023年全年", "全年"),
        (Period.instant(AUGUST_4), "截至2023年8月4日", "截至2023年8月4日", "截至8月4日"),
        (
            Period.window(AUGUST_4),
            "截至2023年8月4日（起点未载）",
            "截至2023年8月4日（起点未载）",
            "截至8月4日",
        ),
        (
            Period.window(AUGUST_4, date(2022, 12, 28)),
            "2022年12月28日至2023年8月4日",
            "2022年12月28日至2023年8月4日",
            "2022年12月28日至2023年8月4日",
        ),
        (
            Period.plan((2023, 8), (2025, 12)),
            "2023年8月—2025年12月",
            "2023年8月—2025年12月",
            "2023年8月—2025年12月",
        ),
    ],
)
def test_label_styles(period, default, official, short):
    assert label(period) == str(period) == default
    assert label(period, "official") == official
    assert short_label(period) == short


def test_short_label_official():
    assert short_label(JUNE, "official") == "上半年"


# The value object


@pytest.mark.parametrize(
    ("period", "code", "start", "months", "share"),
    [
        # 1—2月 is 2/12 of the year (domain notes, section 2)
        (Period.ytd(2023, 2), "2023-02.ytd", date(2023, 1, 1), 2, Fraction(2, 12)),
        (Period.month(2023, 6), "2023-06.month", date(2023, 6, 1), 1, Fraction(1, 2)),
        (Period.quarter(2023, 2), "2023-06.quarter", date(2023, 4, 1), 3, Fraction(1, 2)),
        (Period.year(2023), "2023-12.year", date(2023, 1, 1), 12, Fraction(1)),
        # seven months and 4 of the 31 days of August: 7/12 + 4/372 = 221/372
        (Period.instant(AUGUST_4), "2023-08-04.instant", None, None, Fraction(221, 372)),
        (Period.window(AUGUST_4), "2023-08-04.window", None, None, Fraction(221, 372)),
        # August 2023 to December 2025: 5 + 12 + 12 months
        (
            Period.plan((2023, 8), (2025, 12)),
            "2023-08_2025-12.plan",
            date(2023, 8, 1),
            29,
            Fraction(1),
        ),
    ],
)
def test_period_derived_parts(period, code, start, months, share):
    assert (period.code, period.start, period.months) == (code, start, months)
    assert period.elapsed_share == share


def test_period_end_year_and_month():
    assert (JUNE.year_no, JUNE.month_no, JUNE.end) == (2023, 6, date(2023, 6, 30))


def test_period_kind_from_plain_text():
    assert Period("ytd", date(2023, 6, 30)) == JUNE
    assert Period("ytd", date(2023, 6, 30)).kind is YTD


@pytest.mark.parametrize(
    ("kind", "end", "start"),
    [
        (YTD, date(2023, 6, 29), None),
        (YTD, date(2023, 6, 30), date(2023, 2, 1)),
        (QUARTER, date(2023, 5, 31), None),
        (YEAR, date(2023, 11, 30), None),
        (INSTANT, AUGUST_4, date(2023, 1, 1)),
        (WINDOW, AUGUST_4, date(2023, 8, 5)),
        (WINDOW, AUGUST_4, date(1899, 8, 5)),
        (PLAN, date(2025, 12, 31), None),
        (PLAN, date(2025, 12, 31), date(2023, 8, 2)),
        (PLAN, date(2025, 12, 30), date(2023, 8, 1)),
        (INSTANT, datetime(2023, 8, 4, 12), None),
        (INSTANT, date(2200, 1, 1), None),
    ],
)
def test_period_impossible_is_refused(kind, end, start):
    with pytest.raises(PeriodError):
        Period(kind, end, start)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-06",
        "2023-6.ytd",
        "2023-06.YTD",
        "2023-06.week",
        "2023-06.ytd\n",
        " 2023-06.ytd",
        "2023-06-30.ytd",
        "2023-13.ytd",
        "2023-05.quarter",
        "2023-06.year",
        "2023-08.instant",
        "2023-02-30.instant",
        "2023-01_2023-06.ytd",
        "2025-12.plan",
        "2023-08-01_2025-12-31.plan",
        "2023-09-01_2023-08-04.window",
        "２０２３-06.ytd",
    ],
)
def test_from_code_strict(text):
    with pytest.raises(PeriodError):
        Period.from_code(text)


# Calendars (domain notes, section 2: January, quarterly GDP)


@pytest.mark.parametrize(
    ("calendar", "period", "expected"),
    [
        (MONTHLY, Period.ytd(2023, 1), True),
        (FROM_FEBRUARY, Period.ytd(2023, 1), False),
        (FROM_FEBRUARY, Period.ytd(2023, 2), True),
        (QUARTERLY, Period.ytd(2023, 5), False),
        (QUARTERLY, Period.ytd(2023, 6), True),
        # the month value of February is blank by rule, March can be derived
        (FROM_FEBRUARY, Period.month(2023, 1), False),
        (FROM_FEBRUARY, Period.month(2023, 2), False),
        (FROM_FEBRUARY, Period.month(2023, 3), True),
        (MONTHLY, Period.month(2023, 1), True),
        # no monthly GDP exists
        (QUARTERLY, Period.month(2023, 6), False),
        (QUARTERLY, Period.quarter(2023, 1), True),
        (QUARTERLY, Period.quarter(2023, 2), True),
        (FROM_FEBRUARY, Period.quarter(2023, 1), True),
        (YEARLY, Period.quarter(2023, 4), False),
        (YEARLY, Period.year(2023), True),
        (QUARTERLY, Period.year(2023), True),
        (MONTHLY, Period.instant(date(2023, 6, 30)), True),
        (MONTHLY, Period.instant(AUGUST_4), False),
        (MONTHLY, Period.window(AUGUST_4), False),
        (MONTHLY, Period.plan((2023, 1), (2023, 12)), False),
    ],
)
def test_has_slot(calendar, period, expected):
    assert has_slot(calendar, period) is expected


@given(calendars, years, st.sampled_from(list(PeriodKind)))
def test_slots_of_year_are_slots(calendar, year, kind):
    slots = slots_of_year(calendar, year, kind)
    assert all(has_slot(calendar, slot) and slot.kind is kind for slot in slots)
    assert list(slots) == sorted(slots, key=lambda slot: slot.end)


@pytest.mark.parametrize(
    ("calendar", "kind", "end_months"),
    [
        (FROM_FEBRUARY, YTD, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (FROM_FEBRUARY, MONTH, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (QUARTERLY, YTD, [3, 6, 9, 12]),
        (QUARTERLY, QUARTER, [3, 6, 9, 12]),
        (QUARTERLY, MONTH, []),
        (QUARTERLY, INSTANT, [3, 6, 9, 12]),
        (YEARLY, YEAR, [12]),
        (MONTHLY, WINDOW, []),
        (MONTHLY, PLAN, []),
    ],
)
def test_slots_of_year_by_calendar(calendar, kind, end_months):
    assert [slot.month_no for slot in slots_of_year(calendar, 2023, kind)] == end_months


@pytest.mark.parametrize(
    ("calendar", "month", "previous"),
    [
        (MONTHLY, 1, None),
        (MONTHLY, 6, 5),
        (FROM_FEBRUARY, 2, None),
        (FROM_FEBRUARY, 3, 2),
        (QUARTERLY, 3, None),
        (QUARTERLY, 6, 3),
        (YEARLY, 12, None),
    ],
)
def test_previous_slot_within_the_year(calendar, month, previous):
    expected = previous and Period.ytd(2023, previous)
    assert previous_slot(calendar, Period.ytd(2023, month)) == expected


@pytest.mark.parametrize(
    ("calendar", "period"),
    [(QUARTERLY, Period.ytd(2023, 5)), (MONTHLY, Period.month(2023, 5))],
)
def test_previous_slot_of_no_slot_is_refused(calendar, period):
    with pytest.raises(PeriodError):
        previous_slot(calendar, period)


@pytest.mark.parametrize(
    ("calendar", "period", "previous"),
    [
        (MONTHLY, "2023-01.month", "2022-12.month"),
        (MONTHLY, "2023-06.ytd", "2023-05.ytd"),
        (FROM_FEBRUARY, "2023-02.ytd", "2022-12.ytd"),
        (FROM_FEBRUARY, "2023-03.month", "2022-12.month"),
        (QUARTERLY, "2023-03.quarter", "2022-12.quarter"),
        (QUARTERLY, "2023-06.ytd", "2023-03.ytd"),
        (YEARLY, "2023-12.year", "2022-12.year"),
        (MONTHLY, "2024-03-31.instant", "2024-02-29.instant"),
    ],
)
def test_previous_period_crosses_years(calendar, period, previous):
    assert previous_period(calendar, Period.from_code(period)).code == previous


def test_previous_period_of_no_slot_is_refused():
    with pytest.raises(PeriodError, match="没有这一期"):
        previous_period(FROM_FEBRUARY, Period.month(2023, 1))
    with pytest.raises(PeriodError, match="年份"):
        previous_period(MONTHLY, Period.month(1900, 1))


@pytest.mark.parametrize(
    ("period", "last_year"),
    [
        ("2023-06.ytd", "2022-06.ytd"),
        ("2024-02.month", "2023-02.month"),
        ("2023-06.quarter", "2022-06.quarter"),
        ("2023-12.year", "2022-12.year"),
        ("2023-08-04.instant", "2022-08-04.instant"),
        ("2024-02-29.instant", "2023-02-28.instant"),
        ("2025-02-28.instant", "2024-02-29.instant"),
    ],
)
def test_same_slot_last_year(period, last_year):
    assert same_slot_last_year(Period.from_code(period)).code == last_year


@pytest.mark.parametrize("code", ["2023-08-04.window", "2023-08_2025-12.plan"])
def test_same_slot_last_year_has_none(code):
    with pytest.raises(PeriodError, match="没有上年同期"):
        same_slot_last_year(Period.from_code(code))


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [(MONTHLY, True), (QUARTERLY, True), (YEARLY, True), (FROM_FEBRUARY, False)],
)
def test_first_slot_covers_single_unit(calendar, expected):
    assert first_slot_covers_single_unit(calendar) is expected
