"""Both methods by hand, their errors on the past, and the range they give."""

from __future__ import annotations

from decimal import Decimal as D
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators import calculations as c
from indicators.calculations import BackTest, PastYear
from lvyuan.numbers import round_to
from tests.indicators.calculations.strategies import WAN_PER_YI, amounts, rates

LAST = {"last_same_slot": D(40), "last_total": D(100)}


def past(total: str | None, **changed) -> PastYear:
    """44 at the slot after 40 and 100 a year before, published +10 %: both methods say 110."""
    return PastYear(**{"current": D(44), "growth": D(10), "total": total and D(total), **LAST, **changed})


def test_by_last_year_share():
    assert c.by_last_year_share(D(44), **LAST) == D(110)  # by hand: 44 is 40 % of 110
    assert c.by_last_year_share(D("0.2"), last_same_slot=D("0.4"), last_total=D("0.8")) == D("0.4")
    assert c.by_last_year_share(D(-4), **LAST) == D(-10)


@pytest.mark.parametrize(
    ("current", "same_slot", "total"),
    [(None, "40", "100"), ("44", None, "100"), ("44", "40", None)]
    + [("44", "0", "100"), ("44", "-1", "100"), ("44", "40", "0"), ("44", "40", "-1")],
)
def test_by_last_year_share_says_nothing(current, same_slot, total):
    last = {"last_same_slot": same_slot and D(same_slot), "last_total": total and D(total)}
    assert c.by_last_year_share(current and D(current), **last) is None


def test_by_growth_held():
    assert c.by_growth_held(D(44), growth=D(5), **LAST) == D(107)  # by hand: 44 + 60 × 1.05
    assert c.by_growth_held(D(44), growth=D(-10), **LAST) == D(98)


@pytest.mark.parametrize("missing", ["current", "last_same_slot", "last_total", "growth"])
def test_by_growth_held_needs_all(missing):
    given_figures = {"current": D(44), "growth": D(5), **LAST, missing: None}
    assert c.by_growth_held(given_figures.pop("current"), **given_figures) is None


# by hand: 100 at 10 % a year is 121 after two, 100 × √1.21 = 110 after half of 21 %
@pytest.mark.parametrize(
    ("level", "growth", "years", "result"),
    [
        ("100", "10", F(2), "121"),
        ("100", "21", F(1, 2), "110"),
        ("100", "-36", F(1, 2), "80"),
        ("0.5", "10", F(0), "0.5"),
        ("100", "-99", F(1), "1"),
        ("100", "-100", F(1), None),
        ("100", "-101", F(1), None),
        ("0", "10", F(2), None),
        ("-1", "10", F(2), None),
        ("100", "10", F(-1, 2), None),
        (None, "10", F(2), None),
        ("100", None, F(2), None),
    ],
)
def test_extended(level, growth, years, result):
    assert c.extended(level and D(level), growth=growth and D(growth), years=years) == (result and D(result))


def test_extended_computes_wider_than_it_answers():
    """3 × 1.1³⁰ is 3 × 11³⁰ / 10³⁰ in whole numbers; at 28 digits throughout the last one would be 5."""
    assert c.extended(D(3), growth=D(10), years=F(30)) == D("52.34820680665922195567641126")
    assert str(3 * 11**30).startswith("5234820680665922195567641126")


# by hand: 110 projected where the year came to 100, 88 and 137.5: +10, +25, −20 %
def test_backtest_errors():
    tests = c.backtest([past("100"), past("88"), past("137.5")])
    assert round_to(tests.by_share.mean_absolute_percent, 10) == round_to(D(55) / 3, 10)
    assert tests.by_share.worst_percent == D(25)
    assert tests.by_share.count == 3
    assert tests.by_growth == tests.by_share


def test_backtest_takes_the_size_of_an_error():
    assert c.backtest([past("137.5"), past("100")]).by_share == BackTest(D(15), D(20), 2)


def test_backtest_keeps_methods_apart():
    """One growth unknown leaves one year for the second method; another growth changes that method alone."""
    tests = c.backtest([past("100"), past("88", growth=None)])
    assert tests.by_share == BackTest(D("17.5"), D(25), 2)
    assert tests.by_growth is None
    tests = c.backtest([past("100"), past("100", growth=D(-10))])  # by hand: 44 + 60 × 0.9 = 98, −2 %
    assert tests.by_share == BackTest(D(10), D(10), 2)
    assert tests.by_growth == BackTest(D(6), D(10), 2)
    tests = c.backtest([past("100"), past("104", last_same_slot=D(-1))])  # by hand: 44 + 101 × 1.1 = 155.1
    assert tests.by_share is None
    assert round_to(tests.by_growth.worst_percent, 2) == D("49.13")


@pytest.mark.parametrize("unknown", [{"current": None}, {"last_same_slot": None}, {"last_total": None}])
def test_a_year_with_an_unknown_figure_tests_nothing(unknown):
    assert c.backtest([past("100"), past("100", **unknown)]) == (None, None)


@pytest.mark.parametrize("total", [None, "0", "-3"])
def test_a_year_without_a_positive_total_tests_nothing(total):
    assert c.backtest([past("100"), past(total)]) == (None, None)
    assert c.backtest([past("100"), past(total), past("88")]).by_share.count == 2


# by hand: share 44 × 100 / 40 = 110, error of the past 15 %: 93.5 to 126.5.
# Growth 5 % held: 44 + 60 × 1.05 = 107, error 15 %: 90.95 to 123.05.
def test_project_spans_both_methods_with_their_errors():
    found = c.project(D(44), growth=D(5), years=[past("137.5"), past("100")], **LAST)
    assert (found.by_share, found.by_growth) == (D(110), D(107))
    assert (found.low, found.high) == (D("90.95"), D("126.5"))
    assert found.share_test == found.growth_test == BackTest(D(15), D(20), 2)
    assert (found.error_percent, found.tested) == (D(15), 2)


# by hand: the share was exact twice; growth held gave 98 for 110, −10.909…%, in one of three
def test_project_widens_each_method_by_its_own_error():
    years = [past("110"), past("110", growth=D(-10)), past("110", growth=None)]
    found = c.project(D(44), growth=D(30), years=years, **LAST)
    assert (found.by_share, found.by_growth) == (D(110), D(122))
    assert found.low == D(110)  # 122 less 5.4545 % is 115.3
    assert round_to(found.high, 3) == D("128.655")
    assert round_to(found.error_percent, 4) == D("5.4545")
    assert (found.share_test.count, found.growth_test.count, found.tested) == (3, 2, 2)


def test_project_counts_the_method_tested_less():
    years = [past("110"), past("110"), past("110", last_same_slot=D(0))]  # no share of a slot of zero
    found = c.project(D(44), growth=D(30), years=years, **LAST)
    assert (found.share_test.count, found.growth_test.count, found.tested) == (2, 3, 2)


def test_project_error_is_the_larger_of_both():
    year = past("100", current=D(48), growth=D(0))  # by hand: share 120, +20 %; growth 48 + 60 = 108, +8 %
    found = c.project(D(44), growth=D(10), years=[year, year], **LAST)
    assert (found.share_test.worst_percent, found.growth_test.worst_percent) == (D(20), D(8))
    assert found.error_percent == D(20)
    assert (found.low, found.high) == (D(88), D(132))


def test_project_of_a_negative_cumulative_still_has_low_below_high():
    found = c.project(D(-4), growth=D(-90), years=[past("137.5"), past("100")], **LAST)
    assert (found.by_share, found.by_growth) == (D(-10), D(2))  # by hand: −4 + 60 × 0.1
    assert (found.low, found.high) == (D("-11.5"), D("2.3"))


@pytest.mark.parametrize("missing", ["current", "last_same_slot", "last_total", "growth"])
def test_project_needs_both_methods(missing):
    given_figures = {"current": D(44), "growth": D(5), **LAST, missing: None}
    assert c.project(given_figures.pop("current"), years=[past("100")] * 2, **given_figures) is None


def test_project_needs_a_past():
    for years in ([], [past("100")], [past("100"), past("100", growth=None)]):
        assert c.project(D(44), growth=D(5), years=years, **LAST) is None
    one_share = [past("100"), past("100", last_same_slot=D(0))]  # tests growth held twice, the share once
    assert c.backtest(one_share).by_growth.count == 2
    assert c.project(D(44), growth=D(5), years=one_share, **LAST) is None


@given(amounts, amounts, rates)
def test_a_finished_year_is_its_own_projection(current, total, growth):
    done = {"last_same_slot": total, "last_total": total}
    years = [PastYear(total, total, total, growth, total)] * 2
    found = c.project(current, growth=growth, years=years, **done)
    assert found.low == found.by_share == found.by_growth == found.high == current
    assert found.error_percent == 0


@given(amounts, amounts, amounts, amounts, rates)
def test_projections_rise_with_the_current(first, second, slot, total, growth):
    low, high = sorted((first, second))
    last = {"last_same_slot": slot, "last_total": total}
    assert c.by_last_year_share(low, **last) <= c.by_last_year_share(high, **last)
    assert c.by_growth_held(low, growth=growth, **last) <= c.by_growth_held(high, growth=growth, **last)


@given(amounts, amounts, amounts, rates)
def test_projections_scale_with_the_unit(current, slot, total, growth):
    last = {"last_same_slot": slot, "last_total": total}
    scaled = {name: value * WAN_PER_YI for name, value in last.items()}
    assert c.by_last_year_share(current * WAN_PER_YI, **scaled) == c.by_last_year_share(current, **last) * WAN_PER_YI
    held = c.by_growth_held(current, growth=growth, **last)
    assert c.by_growth_held(current * WAN_PER_YI, growth=growth, **scaled) == held * WAN_PER_YI


@given(amounts, amounts, rates)
def test_both_methods_agree_when_growth_is_the_nominal_one(slot, total, growth):
    current = slot * (1 + growth / 100)
    last = {"last_same_slot": slot, "last_total": total}
    by_share = c.by_last_year_share(current, **last)
    assert round_to(by_share, 6) == round_to(c.by_growth_held(current, growth=growth, **last), 6)


@given(amounts, amounts, amounts, rates, st.lists(amounts, min_size=2, max_size=4))
def test_range_holds_both_estimates_and_orders_its_ends(current, slot, total, growth, totals):
    years = [PastYear(current, slot, total, growth, came_to) for came_to in totals]
    found = c.project(current, growth=growth, years=years, last_same_slot=slot, last_total=total)
    assert found.low <= min(found.by_share, found.by_growth) <= max(found.by_share, found.by_growth) <= found.high
    assert found.share_test.mean_absolute_percent <= found.share_test.worst_percent
