"""Formulas against published cases; each test names its case."""

from __future__ import annotations

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators import calculations as c
from lvyuan.numbers import Rounding, round_to

figures = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)


def test_implied_base_three_year_average():
    assert c.implied_base(D("90.4"), D(15)) == D("75.4")  # article.txt line 31


# article.txt line 31: 27.1 and 17.1 points; 92.1 and 77.1; 42.8 and 22.8
@pytest.mark.parametrize(
    ("growth", "excess", "expected"), [("27.1", "17.1", "10"), ("92.1", "77.1", "15"), ("42.8", "22.8", "20")]
)
def test_implied_base_printed_cases(growth, excess, expected):
    assert c.implied_base(D(growth), D(excess)) == D(expected)
    assert c.excess_pp(D(growth), D(expected)) == D(excess)


def test_unknown_stays_unknown():
    assert c.excess_pp(None, D(10)) is None
    assert c.excess_pp(D(10), None) is None
    assert c.implied_base(None, D(1)) is None
    assert c.share_percent(None, D(1)) is None
    assert c.share_percent(D(1), None) is None
    assert c.schedule_gap_pp(None, Fraction(1, 2)) is None
    assert c.nominal_growth_percent(None, D(1)) is None
    assert c.rank_change(None, 1) is None
    assert c.rank_change(1, None) is None


# article.txt line 31: 47 of 52 printed as 90.4 %
def test_share_percent_47_of_52():
    assert round_to(c.share_percent(D(47), D(52)), 1) == D("90.4")


# domain rules §6: 206 starts are 80.8 % of 255 and 92.4 % of 223; 33 of 50 is 66 %; 开复工率 may exceed 100 %
@pytest.mark.parametrize(
    ("part", "whole", "rate"), [(206, 255, "80.8"), (206, 223, "92.4"), (33, 50, "66.0"), (203, 200, "101.5")]
)
def test_share_percent_published_rates(part, whole, rate):
    assert round_to(c.share_percent(D(part), D(whole)), 1) == D(rate)


def test_share_percent_of_zero_is_unknown():
    assert c.share_percent(D(1), D(0)) is None


# domain rules §4: 30.90 % at March is +5.90; 36.7 % at April is +3.4; 97.2 % at October is +13.8, truncated
def test_schedule_gap_published_cases():
    assert round_to(c.schedule_gap_pp(D("30.90"), Fraction(3, 12)), 2) == D("5.90")
    assert round_to(c.schedule_gap_pp(D("36.7"), Fraction(4, 12)), 1) == D("3.4")
    october = c.schedule_gap_pp(D("97.2"), Fraction(10, 12))
    assert round_to(october, 1, Rounding.TRUNCATE) == D("13.8")
    assert round_to(october, 1) == D("13.9")


# domain rules §3: industrial profit Jan–May 2018 27298.3 against 29047.6 is −6.0 % by division
@pytest.mark.parametrize(
    ("current", "base", "growth"),
    [("27298.3", "29047.6", "-6.0"), ("243113", "271430", "-10.4"), ("10.44", "10.12", "3.2")],
)
def test_nominal_growth_published_levels(current, base, growth):
    assert round_to(c.nominal_growth_percent(D(current), D(base)), 1) == D(growth)


@pytest.mark.parametrize("base", ["0", "-5"])
def test_nominal_growth_on_zero_or_negative_base_is_none(base):
    assert c.nominal_growth_percent(D(3), D(base)) is None


# domain rules §2: by hand: 1—6月 223.7 after 1—5月 180.2 leaves 43.5 for June
def test_month_value_is_difference_of_cumulatives():
    said = {"is_first_slot": False, "first_covers_one": False}
    assert c.month_value(D("223.7"), D("180.2"), **said) == D("43.5")
    assert c.month_value(D("223.7"), None, **said) is None
    assert c.month_value(None, D("180.2"), **said) is None


def test_month_value_of_first_slot():
    assert c.month_value(D(9), None, is_first_slot=True, first_covers_one=True) == D(9)
    assert c.month_value(D(9), None, is_first_slot=True, first_covers_one=False) is None


def test_ranks_share_places_and_skip():
    assert c.ranks([D(10), D(9), D(9), D(8)]) == [1, 2, 2, 4]
    assert c.ranks([D(10), None]) is None


def test_rank_change_up_is_positive():
    assert c.rank_change(1, 3) == 2
    assert c.rank_change(4, 3) == -1
    assert c.rank_change(2, 2) == 0


@given(figures, figures)
def test_excess_and_expectation_are_inverse(actual, excess):
    assert c.excess_pp(actual, c.implied_base(actual, excess)) == excess


@given(st.lists(figures, min_size=1, max_size=8))
def test_ranks_follow_values(values):
    places = c.ranks(values)
    assert min(places) == 1
    assert all(
        (a > b) == (x < y) for a, x in zip(values, places, strict=True) for b, y in zip(values, places, strict=True)
    )
