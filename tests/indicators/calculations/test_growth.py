"""Growth against published cases; each test names its case."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators import calculations as c
from indicators.calculations import SignChange
from lvyuan.numbers import growth_interval, round_to
from tests.indicators.calculations.strategies import WAN_PER_YI, amounts, figures


# By hand; domain rules §3: on a negative or zero base no number.
@pytest.mark.parametrize(
    ("value", "base", "index"),
    [
        ("107.2", "100", "107.2"),
        ("478.8", "110.7", "432.52"),
        ("0", "5", "0"),
        ("-3", "4", "-75"),
        ("5", "0", None),
        ("5", "-2", None),
    ],
)
def test_index_number(value, base, index):
    found = c.index_number(D(value), D(base))
    assert (found if found is None else round_to(found, 2)) == (D(index) if index else None)


def test_index_number_of_what_is_unknown():
    assert c.index_number(None, D(1)) is None
    assert c.index_number(D(1), None) is None


@given(value=amounts, base=amounts)
def test_index_number_does_not_depend_on_the_unit(value, base):
    assert round_to(c.index_number(value * WAN_PER_YI, base * WAN_PER_YI), 6) == round_to(
        c.index_number(value, base), 6
    )
    assert c.index_number(base, base) == 100


def test_implied_base_three_year_average():
    assert c.implied_base(D("90.4"), D(15)) == D("75.4")  # article.txt line 31


# article.txt line 31: 27.1 and 17.1 points; 92.1 and 77.1; 42.8 and 22.8
@pytest.mark.parametrize(
    ("growth", "excess", "expected"), [("27.1", "17.1", "10"), ("92.1", "77.1", "15"), ("42.8", "22.8", "20")]
)
def test_implied_base_printed_cases(growth, excess, expected):
    assert c.implied_base(D(growth), D(excess)) == D(expected)
    assert c.excess_pp(D(growth), D(expected)) == D(excess)


@pytest.mark.parametrize("formula", [c.excess_pp, c.implied_base, c.nominal_growth_percent, c.sign_change])
def test_two_figures_one_unknown(formula):
    assert formula(None, D(10)) is None
    assert formula(D(10), None) is None
    assert formula(None, None) is None


# domain rules §3: industrial profit Jan–May 2018; fixed-asset investment Jan–Jun 2023; rounding of 10.44/10.12
@pytest.mark.parametrize(
    ("current", "base", "growth"),
    [("27298.3", "29047.6", "-6.0"), ("243113", "271430", "-10.4"), ("10.44", "10.12", "3.2")],
)
def test_nominal_growth_published_levels(current, base, growth):
    assert round_to(c.nominal_growth_percent(D(current), D(base)), 1) == D(growth)


@pytest.mark.parametrize("base", ["0", "-5"])
def test_nominal_growth_on_zero_or_negative_base_is_none(base):
    assert c.nominal_growth_percent(D(3), D(base)) is None


def test_nominal_growth_on_a_base_below_one():
    assert c.nominal_growth_percent(D("0.6"), D("0.5")) == D(20)  # by hand: a fifth more


# domain rules §3: [3.06, 3.26]; by hand 3.3 may be 3.25 and 3.0 at most 3.05; 3.06 and 3.26 touch, their neighbours not
@pytest.mark.parametrize(
    ("published", "agrees"),
    [("3.1", True), ("3.3", True), ("3.0", False), ("3.4", False)]
    + [("3.06", True), ("3.05", False), ("3.26", True), ("3.27", False), ("3.10", True), ("3", True)],
)
def test_growth_agrees_within_rounding(published, agrees):
    assert c.growth_agrees(D(published), D("10.44"), D("10.12")) is agrees


# domain rules §3: published +16.5 % beside −6.0 %, +3.8 % beside −10.4 %: a note, the figures stay apart
@pytest.mark.parametrize(
    ("published", "current", "base"), [("16.5", "27298.3", "29047.6"), ("3.8", "243113", "271430")]
)
def test_growth_of_another_basis_disagrees(published, current, base):
    assert c.growth_agrees(D(published), D(current), D(base)) is False


# by hand: 101.0025 / 100.5 is +0.5 exactly, where 0 % as rounded ends; 99.9975 / 99.5 is +0.5, where 1 % begins
@pytest.mark.parametrize(("published", "current"), [("0", "101.003"), ("1", "99.997")])
def test_growth_agrees_where_the_intervals_touch(published, current):
    assert c.growth_agrees(D(published), D(current), D(100)) is True


def test_growth_agrees_unknown():
    assert c.growth_agrees(None, D(1), D(1)) is None
    assert c.growth_agrees(D(1), None, D(1)) is None
    assert c.growth_agrees(D(1), D(1), None) is None
    assert c.growth_agrees(D(1), D(3), D(0)) is None


# domain rules §3: published +3.8 % beside −10.4 % leaves 14.2 points; the reasons here are by hand
@pytest.mark.parametrize(
    ("reasons", "left"), [([], "14.2"), (["9.0", "2.1"], "3.1"), (["14.2"], "0"), (["15", "-1"], "0.2")]
)
def test_unexplained_after_reasons(reasons, left):
    assert c.unexplained_pp(D("3.8"), D("-10.4"), [D(reason) for reason in reasons]) == D(left)


def test_unexplained_without_a_growth_is_unknown():
    assert c.unexplained_pp(None, D(1), []) is None
    assert c.unexplained_pp(D(1), None, [D(1)]) is None


# domain rules §3: words on a negative or zero base (由负转正, 扭亏)
@pytest.mark.parametrize(
    ("current", "base", "said"),
    [
        ("0.5", "-3", SignChange.TURNED_POSITIVE),
        ("-0.5", "3", SignChange.TURNED_NEGATIVE),
        ("-0.5", "0.5", SignChange.TURNED_NEGATIVE),
        ("-2", "-3", SignChange.NARROWED),
        ("0", "-3", SignChange.NARROWED),
        ("-4", "-3", SignChange.WIDENED),
        ("1", "0", SignChange.FROM_ZERO),
        ("-1", "0", SignChange.FROM_ZERO),
        ("0", "3", None),
        ("4", "3", None),
        ("0.25", "0.5", None),
        ("-3", "-3", None),
        ("0", "0", None),
    ],
)
def test_sign_change(current, base, said):
    assert c.sign_change(D(current), D(base)) is said


@given(figures(), figures())
def test_excess_and_expectation_are_inverse(actual, excess):
    assert c.excess_pp(actual, c.implied_base(actual, excess)) == excess


@given(amounts, amounts, amounts)
def test_nominal_growth_rises_with_the_level(first, second, base):
    low, high = sorted((first, second))
    assert c.nominal_growth_percent(low, base) <= c.nominal_growth_percent(high, base)


@given(amounts, amounts)
def test_nominal_growth_does_not_know_the_unit(current, base):
    assert c.nominal_growth_percent(current * WAN_PER_YI, base * WAN_PER_YI) == c.nominal_growth_percent(current, base)


@given(figures(low=1, high=10**6), figures(low=1, high=10**6), st.integers(0, 2))
def test_growth_of_rounded_levels_contains_the_truth(current, base, places):
    truth = c.nominal_growth_percent(current, base)
    printed_current, printed_base = round_to(current, places), round_to(base, places)
    low, high = growth_interval(printed_current, printed_base)
    assert low <= truth <= high
    assert c.growth_agrees(round_to(truth, 1), printed_current, printed_base) is True


@given(figures(), figures(), st.lists(figures()))
def test_bridge_adds_up(published, nominal, reasons):
    assert nominal + sum(reasons) + c.unexplained_pp(published, nominal, reasons) == published


@given(figures(), figures())
def test_a_change_has_a_rate_or_words(current, base):
    said = c.sign_change(current, base)
    if base <= 0 and current != base:
        assert said is not None
        assert c.nominal_growth_percent(current, base) is None
    elif current >= 0:
        assert said is None
