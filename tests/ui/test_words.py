"""Words around data: Chinese as the data says it, English with the same digits."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import translation

from lvyuan import periods
from lvyuan.numbers import UNITS, NumberError, parse_figure
from lvyuan.periods import Period
from lvyuan.ui import words

HALF_YEAR = Period.ytd(2023, 6)
# English by hand, after the wording of the National Bureau of Statistics' English releases (first half, Jan–Jun).
LABELS = [
    (HALF_YEAR, None, "Jan–Jun 2023", "Jan–Jun"),
    (HALF_YEAR, "official", "first half 2023", "first half"),
    (Period.ytd(2023, 9), "official", "first three quarters 2023", "first three quarters"),
    (Period.ytd(2023, 3), "official", "Q1 2023", "Q1"),
    (Period.month(2023, 7), None, "Jul 2023", "Jul"),
    (Period.quarter(2023, 2), None, "Q2 2023", "Q2"),
    (Period.year(2025), None, "2025", "Full year"),
    (Period.instant(dt.date(2023, 8, 4)), None, "as of 4 Aug 2023", "as of 4 Aug"),
    (Period.window(dt.date(2023, 8, 4)), None, "as of 4 Aug 2023 (start not stated)", "as of 4 Aug"),
    (
        Period.window(dt.date(2023, 8, 4), dt.date(2023, 1, 5)),
        None,
        "5 Jan 2023 to 4 Aug 2023",
        "5 Jan to 4 Aug",
    ),
    (Period.plan((2023, 8), (2025, 12)), None, "August 2023 to December 2025", "August 2023 to December 2025"),
    (Period.plan((2023, 2), (2023, 5)), None, "February 2023 to May 2023", "Feb to May"),
]


@pytest.mark.parametrize(("period", "style", "whole", "short"), LABELS)
def test_periods(period, style, whole, short):
    assert words.period_label(period, style) == periods.label(period, style)
    assert words.period_short(period, style) == periods.short_label(period, style)
    with translation.override("en"):
        assert (words.period_label(period, style), words.period_short(period, style)) == (whole, short)


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("223.7亿元", "223.7 ×100m yuan"),
        ("+17.1个百分点", "+17.1 pp"),
        ("-6.0%", "-6.0%"),
        ("1,234.50万平方米", "1,234.50 ×10k m²"),
        ("10—15亿元", "10—15 ×100m yuan"),
        ("第2位", "no. 2"),
        ("不低于地区生产总值", "not below 地区生产总值"),
        ("450余", "450余"),  # inexact figures and wordings stay as printed
        ("超3.7万户", "超3.7万户"),
        ("动态清零", "动态清零"),
        ("", ""),
    ],
)
def test_figures(chinese, english):
    assert words.figure_text(chinese) == chinese
    with translation.override("en"):
        assert words.figure_text(chinese) == english


def test_every_unit_has_a_word():
    """Of lvyuan.numbers; % and ‰ are no words."""
    assert set(UNITS) - {"%", "‰"} <= words.UNITS


def test_refusals_of_figures():
    with pytest.raises(NumberError) as refused:
        parse_figure("#12")
    assert words.refusal(refused.value) == "“#”表示其中，不是数字。请删去“#”或把该行设为其中项。"
    with translation.override("en"):
        assert words.refusal(refused.value).startswith("“#” means “of which”")


def test_names():
    class Thing:
        name, name_en = "地区生产总值", "Gross domestic product"

    class Nameless(Thing):
        name_en = ""

    assert words.name_of(Thing()) == "地区生产总值"
    with translation.override("en"):
        assert words.name_of(Thing()) == "Gross domestic product"
        assert words.name_of(Nameless()) == "地区生产总值"
        assert words.name_of(None) is None
        assert words.name_of("统计局") == "统计局"
