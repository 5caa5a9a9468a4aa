"""Completion, schedules and what is left, against published cases; each test names its case."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators import calculations as c
from indicators.calculations import Direction, Progress, Reach
from lvyuan.numbers import Rounding, round_to
from tests.indicators.calculations.strategies import WAN_PER_YI, amounts, figures, shares

elapsed = st.integers(0, 12).map(lambda months: F(months, 12))


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
    assert c.share_percent(D(0), D(1)) == 0


@pytest.mark.parametrize(
    "formula",
    [c.share_percent, c.seasonal_share, c.plan_share, c.gap_to_share_pp, c.plan_ratio_percent]
    + [c.relation_gap_pp, c.remaining, c.progress_ratio],
)
def test_two_figures_one_unknown(formula):
    assert formula(None, D(10)) is None
    assert formula(D(10), None) is None


# domain rules §2: by hand: 1—6月 223.7 after 1—5月 180.2 leaves 43.5 for June
def test_month_value_is_difference_of_cumulatives():
    said = {"is_first_slot": False, "first_covers_one": False}
    assert c.month_value(D("223.7"), D("180.2"), **said) == D("43.5")
    assert c.month_value(D("223.7"), None, **said) is None
    assert c.month_value(None, D("180.2"), **said) is None


def test_month_value_of_first_slot():
    assert c.month_value(D(9), None, is_first_slot=True, first_covers_one=True) == D(9)
    assert c.month_value(D(9), None, is_first_slot=True, first_covers_one=False) is None


# What is due


# domain rules §2, §4: months / 12; 1—2月 is 2/12
@pytest.mark.parametrize(("months", "share"), [(0, "0"), (2, "16.67"), (4, "33.33"), (6, "50"), (12, "100")])
def test_linear_share(months, share):
    assert round_to(c.linear_share(F(months, 12)), 2) == D(share)


# by hand: 42 of 120 last year is 35 %; a year of zero or below has no shares
@pytest.mark.parametrize(
    ("slot", "year", "share"), [("42", "120", "35"), ("0.3", "0.5", "60"), ("5", "0", None), ("5", "-9", None)]
)
def test_seasonal_share(slot, year, share):
    assert c.seasonal_share(D(slot), D(year)) == (share and D(share))


def test_mean_share():
    assert c.mean_share([D(30), D(33), D(36)]) == D(33)  # by hand
    assert c.mean_share([D(30), D(31)]) == D("30.5")
    assert c.mean_share([D(30)]) == D(30)
    assert c.mean_share([D(30), None]) is None
    assert c.mean_share([]) is None


def test_plan_share():
    assert c.plan_share(D(18), D(60)) == D(30)  # by hand
    assert c.plan_share(D(18), D(0)) is None


# How far it is


# domain rules §4: 30.90 % at March is +5.90; 36.7 % at April is +3.4; 97.2 % at October is +13.8, truncated
def test_schedule_gap_published_cases():
    assert round_to(c.schedule_gap_pp(D("30.90"), F(3, 12)), 2) == D("5.90")
    assert round_to(c.schedule_gap_pp(D("36.7"), F(4, 12)), 1) == D("3.4")
    october = c.schedule_gap_pp(D("97.2"), F(10, 12))
    assert round_to(october, 2) == D("13.87")
    assert round_to(october, 1, Rounding.TRUNCATE) == D("13.8")
    assert round_to(october, 1) == D("13.9")


def test_schedule_gap_unknown():
    assert c.schedule_gap_pp(None, F(1, 2)) is None


def test_gap_to_share_behind_is_negative():
    assert c.gap_to_share_pp(D("36.7"), D(40)) == D("-3.3")  # by hand
    # by hand, of a limit: 36.7 % used where 40 % may be is 3.3 points to the good, 45 % used is 5 too many
    assert c.gap_to_share_pp(D("36.7"), D(40), reverse=True) == D("3.3")
    assert c.gap_to_share_pp(D(45), D(40), reverse=True) == D(-5)
    assert c.gap_to_share_pp(None, D(40), reverse=True) is None
    assert c.gap_to_share_pp(D(45), None, reverse=True) is None


# domain rules §5: Wuhan's cuts are 80 % and 60 % of planned progress; by hand 24 of 30 due is 80
@pytest.mark.parametrize(
    ("completion", "share", "ratio"),
    [("24", "30", "80"), ("18", "30", "60"), ("0.4", "0.5", "80"), ("24", "0", None), ("24", "-1", None)],
)
def test_plan_ratio(completion, share, ratio):
    assert c.plan_ratio_percent(D(completion), D(share)) == (ratio and D(ratio))


# domain rules §4: at least half by 30 June
@pytest.mark.parametrize(("completion", "half"), [("50", True), ("49.99", False), ("50.01", True), (None, None)])
def test_is_half_by_june(completion, half):
    assert c.is_half_by_june(completion and D(completion)) is half


def test_relation_gap():
    assert c.relation_gap_pp(D("6.3"), D("6.9")) == D("-0.6")  # by hand: 居民收入 behind 经济增长


BOUNDS = {"low": D(10), "high": D(20)}


@pytest.mark.parametrize(
    ("value", "direction", "gap", "met"),
    [
        ("12", Direction.UP, "2", True),
        ("10", Direction.UP, "0", True),
        ("9.5", Direction.UP, "-0.5", False),
        ("25", Direction.UP, "15", True),
        ("12", Direction.DOWN, "8", True),
        ("20", Direction.DOWN, "0", True),
        ("20.5", Direction.DOWN, "-0.5", False),
        ("12", Direction.RANGE, "2", True),
        ("19", Direction.RANGE, "1", True),
        ("10", Direction.RANGE, "0", True),
        ("20", Direction.RANGE, "0", True),
        ("9", Direction.RANGE, "-1", False),
        ("23", Direction.RANGE, "-3", False),
        ("12", Direction.NONE, None, None),
        (None, Direction.UP, None, None),
        (None, Direction.DOWN, None, None),
        (None, Direction.RANGE, None, None),
    ],
)
def test_distance_and_meets(value, direction, gap, met):
    value = value and D(value)
    assert c.distance(value, direction=direction, **BOUNDS) == (gap and D(gap))
    assert c.meets(value, direction=direction, **BOUNDS) is met


@pytest.mark.parametrize(
    ("direction", "bounds"),
    [
        (Direction.UP, {"high": D(20)}),
        (Direction.DOWN, {"low": D(10)}),
        (Direction.RANGE, {"low": D(10)}),
        (Direction.RANGE, {"high": D(20)}),
    ],
)
def test_a_missing_bound_is_unknown(direction, bounds):
    assert c.distance(D(12), direction=direction, **bounds) is None
    assert c.meets(D(12), direction=direction, **bounds) is None


def test_direction_is_the_indicator_field_by_value():
    assert c.distance(D(12), direction="down", high=D(20)) == D(8)


# Goals of several years


# by hand: 100 to 121 in two years is 110 after one; 3 to 1 arrives at 1, digit for digit
@pytest.mark.parametrize(
    ("baseline", "target", "years", "gone", "level"),
    [
        ("100", "121", F(2), F(1), "110"),
        ("100", "121", F(2), F(0), "100"),
        ("100", "121", F(2), F(2), "121"),
        ("121", "100", F(2), F(1), "110"),
        ("3", "1", F(3), F(3), "1"),
        ("0.25", "1", F(1, 2), F(1, 4), "0.5"),
        ("100", "121", F(2), F(5, 2), None),
        ("100", "121", F(2), F(-1, 12), None),
        ("100", "121", F(0), F(0), None),
        ("100", "121", F(-1), F(-1), None),
        ("0", "121", F(2), F(1), None),
        ("-1", "-1", F(2), F(1), None),
        ("100", "0", F(2), F(1), None),
        ("100", "-121", F(2), F(1), None),
    ],
)
def test_compound_level(baseline, target, years, gone, level):
    assert c.compound_level(D(baseline), D(target), years=years, elapsed=gone) == (level and D(level))


# domain rules §4: (target / baseline)^(1 / years) − 1. By hand: 1.1³ is 1.331, 1.5² is 2.25, 1.1² is 1.21
@pytest.mark.parametrize(
    ("baseline", "level", "years", "growth"),
    [
        ("1", "1.331", F(3), "10"),
        ("4", "9", F(2), "50"),
        ("0.1", "0.11", F(1, 2), "21"),
        ("0.5", "0.5", F(3), "0"),
        ("9", "4", F(2), "-33.33333333333333333333333333"),
        ("0", "4", F(2), None),
        ("-4", "-9", F(2), None),
        ("4", "0", F(2), None),
        ("4", "-9", F(2), None),
        ("4", "9", F(0), None),
        ("4", "9", F(-1), None),
    ],
)
def test_compound_growth(baseline, level, years, growth):
    assert c.compound_growth_percent(D(baseline), D(level), years=years) == (growth and D(growth))


# by hand: 100 to 121 in two years is 110 after one, and 110 of 121 is 10/11; 4 to 9 in six months is 6 after three
@pytest.mark.parametrize(
    ("baseline", "target", "baseline_on", "deadline", "on", "share"),
    [
        ("100", "121", (2022, 12, 31), (2024, 12, 31), (2023, 12, 31), "90.90909090909090909090909091"),
        ("100", "121", (2022, 12, 31), (2024, 12, 31), (2024, 12, 31), "100"),
        ("80", "100", (2022, 12, 31), (2024, 12, 31), (2022, 12, 31), "80"),
        ("4", "9", (2023, 6, 30), (2023, 12, 31), (2023, 9, 30), "66.66666666666666666666666667"),
        ("9", "4", (2023, 6, 30), (2023, 12, 31), (2023, 9, 30), "150"),
        ("100", "121", (2022, 12, 31), (2024, 12, 31), (2022, 12, 30), None),
        ("100", "121", (2022, 12, 31), (2024, 12, 31), (2025, 1, 31), None),
        ("100", "121", (2022, 12, 31), (2022, 12, 31), (2022, 12, 31), None),
        ("100", "121", None, (2024, 12, 31), (2023, 12, 31), None),
        (None, "121", (2022, 12, 31), (2024, 12, 31), (2023, 12, 31), None),
        ("100", None, (2022, 12, 31), (2024, 12, 31), (2023, 12, 31), None),
        ("100", "0", (2022, 12, 31), (2024, 12, 31), (2023, 12, 31), None),
    ],
)
def test_compound_share(baseline, target, baseline_on, deadline, on, share):
    found = c.compound_share(
        baseline and D(baseline),
        target and D(target),
        baseline_on=baseline_on and dt.date(*baseline_on),
        deadline=dt.date(*deadline),
        on=dt.date(*on),
    )
    assert found == (share and D(share))


def test_compound_unknown():
    assert c.compound_level(None, D(1), years=F(1), elapsed=F(1)) is None
    assert c.compound_level(D(1), None, years=F(1), elapsed=F(1)) is None
    assert c.compound_growth_percent(None, D(1), years=F(1)) is None
    assert c.compound_growth_percent(D(1), None, years=F(1)) is None


# domain rules §4: observed over required; by hand 8 of 10 % needed is 0.8; falling 3 % of 4 % needed is 0.75
@pytest.mark.parametrize(
    ("observed", "required", "reverse", "ratio"),
    [
        ("8", "10", False, "0.8"),
        ("-2", "10", False, "-0.2"),
        ("8", "0", False, None),
        ("8", "-1", False, None),
        ("0.2", "0.5", False, "0.4"),
        ("-3", "-4", True, "0.75"),
        ("2", "-4", True, "-0.5"),
        ("-3", "0", True, None),
        ("-3", "4", True, None),
    ],
)
def test_progress_ratio(observed, required, reverse, ratio):
    assert c.progress_ratio(D(observed), D(required), reverse=reverse) == (ratio and D(ratio))


# domain rules §4: cuts 95 % / 60 % / 0
@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ("1.2", Progress.ON_TRACK),
        ("0.95", Progress.ON_TRACK),
        ("0.9499", Progress.ACCELERATION_NEEDED),
        ("0.60", Progress.ACCELERATION_NEEDED),
        ("0.5999", Progress.LIMITED),
        ("0", Progress.LIMITED),
        ("-0.0001", Progress.DETERIORATION),
        (None, None),
    ],
)
def test_progress_class(ratio, said):
    assert c.progress_class(ratio and D(ratio), achieved=False) is said
    assert c.progress_class(ratio and D(ratio), achieved=True) is Progress.ACHIEVED


def test_a_cut_is_met_when_it_is_met():
    """9.5 % a year over three years where 10 % is needed: exactly 95 %, by hand 1.095³ is 1.312932375."""
    required = c.compound_growth_percent(D(1000), D(1331), years=F(3))
    observed = c.compound_growth_percent(D(1), D("1.312932375"), years=F(3))
    assert c.progress_class(c.progress_ratio(observed, required), achieved=False) is Progress.ON_TRACK


# 还差多少


def test_remaining():
    assert c.remaining(D(400), D("223.7")) == D("176.3")  # by hand
    assert c.remaining(D(400), D(410)) == D(-10)


@pytest.mark.parametrize(
    ("end", "deadline", "months"),
    [
        ("2023-06-30", "2023-12-31", 6),
        ("2023-06-30", "2025-12-31", 30),
        ("2023-08-04", "2023-12-31", 4),
        ("2023-06-30", "2023-12-30", 5),
        ("2023-11-30", "2023-12-30", 0),
        ("2023-11-30", "2023-12-31", 1),
        ("2024-01-31", "2024-02-28", 0),
        ("2024-01-31", "2024-02-29", 1),
        ("2023-12-31", "2023-12-31", 0),
        ("2024-03-31", "2023-12-31", 0),
    ],
)
def test_months_left(end, deadline, months):
    assert c.months_left(dt.date.fromisoformat(end), dt.date.fromisoformat(deadline)) == months


@pytest.mark.parametrize(
    ("left", "months", "each"), [("180", 6, "30"), ("7", 1, "7"), ("-6", 3, "-2"), ("7", 0, None), ("7", -1, None)]
)
def test_required_per_month(left, months, each):
    assert c.required_per_month(D(left), months) == (each and D(each))


def test_required_per_month_unknown():
    assert c.required_per_month(None, 6) is None


# by hand: 60 left of 100; last year's rest was 50, so +20 %
@pytest.mark.parametrize(("rest", "growth"), [("50", "20"), ("80", "-25"), ("0", None), ("-1", None), (None, None)])
def test_required_rest_growth(rest, growth):
    assert c.required_rest_growth_percent(D(100), D(40), last_year_rest=rest and D(rest)) == (growth and D(growth))


def test_required_rest_growth_unknown():
    assert c.required_rest_growth_percent(None, D(40), last_year_rest=D(50)) is None
    assert c.required_rest_growth_percent(D(100), None, last_year_rest=D(50)) is None


# the house's cuts, by hand: the last twelve mean 11, the last eleven 10, all thirteen 12.5; the best month ever is 30
@pytest.mark.parametrize(
    ("required", "label"),
    [
        ("11", Reach.REACHABLE),
        ("11.01", Reach.HARD),
        ("12", Reach.HARD),
        ("30", Reach.HARD),
        ("30.01", Reach.UNSEEN),
        ("0", Reach.REACHABLE),
        ("-4", Reach.REACHABLE),
        (None, None),
    ],
)
def test_reach_by_the_last_twelve_and_the_best(required, label):
    assert c.reach(required and D(required), [D(30), D(22)] + [D(10)] * 11) is label


def test_reach_counts_from_six_known_months():
    six = [D(month) for month in range(1, 7)]
    assert c.reach(D("3.5"), six) is Reach.REACHABLE
    assert c.reach(D("3.6"), six) is Reach.HARD
    assert c.reach(D("3.5"), [None, *six[:3], None, *six[3:]]) is Reach.REACHABLE
    assert c.reach(D("3.5"), six[1:]) is None
    assert c.reach(D("3.5"), [None, *six[1:]]) is None
    assert c.reach(D("0.5"), [D("0.1")] * 6) is Reach.UNSEEN


def test_reach_when_nothing_is_left_needs_no_history():
    assert c.reach(D(0), []) is Reach.REACHABLE
    assert c.reach(None, [D(1)] * 12) is None


# Properties


@given(shares, shares, elapsed)
def test_gap_rises_with_completion_and_falls_with_time(first, second, gone):
    low, high = sorted((first, second))
    assert c.schedule_gap_pp(low, gone) <= c.schedule_gap_pp(high, gone)
    assert c.schedule_gap_pp(low, gone) <= c.schedule_gap_pp(low, F(0)) == low
    assert c.schedule_gap_pp(low, gone) == c.gap_to_share_pp(low, c.linear_share(gone))


@given(shares)
def test_gap_is_zero_on_the_share_and_ratio_100(share):
    assert c.gap_to_share_pp(share, share) == 0
    assert c.plan_ratio_percent(share, share) == (D(100) if share else None)


@given(amounts, amounts, st.integers(0, 2))
def test_completion_of_a_rounded_level_lies_within_its_rounding(level, target, places):
    half = D("0.5").scaleb(-places)
    printed = round_to(level, places)
    truth = c.share_percent(level, target)
    assert c.share_percent(printed - half, target) <= truth <= c.share_percent(printed + half, target)


@given(amounts, amounts)
def test_shares_do_not_know_the_unit(part, whole):
    for formula in (c.share_percent, c.seasonal_share, c.plan_share):
        assert formula(part * WAN_PER_YI, whole * WAN_PER_YI) == formula(part, whole)


@given(amounts, amounts, st.integers(1, 36))
def test_required_months_lead_to_the_target(target, current, months):
    each = c.required_per_month(c.remaining(target, current), months)
    assert round_to(each * months + current, 6) == round_to(target, 6)
    scaled = c.required_per_month(c.remaining(target * WAN_PER_YI, current * WAN_PER_YI), months)
    assert scaled == each * WAN_PER_YI


@given(amounts, amounts, amounts)
def test_required_rest_growth_leads_to_the_target(target, current, rest):
    growth = c.required_rest_growth_percent(target, current, last_year_rest=rest)
    assert round_to(current + rest * (1 + growth / 100), 6) == round_to(target, 6)


@given(amounts, amounts, st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_compound_path_runs_one_way_between_its_ends(baseline, target, months, first, second):
    years = F(months, 12)
    early, late = sorted((F(min(first, months), 12), F(min(second, months), 12)))
    before = c.compound_level(baseline, target, years=years, elapsed=early)
    after = c.compound_level(baseline, target, years=years, elapsed=late)
    assert c.compound_level(baseline, target, years=years, elapsed=F(0)) == baseline
    assert c.compound_level(baseline, target, years=years, elapsed=years) == target
    assert (before <= after) if target >= baseline else (before >= after)


@given(amounts, amounts, st.integers(12, 60))
def test_required_growth_held_reaches_the_target(baseline, target, months):
    years = F(months, 12)
    growth = c.compound_growth_percent(baseline, target, years=years)
    reached = c.extended(baseline, growth=growth, years=years)
    assert abs(reached - target) <= target * D("1e-12")
    assert c.compound_growth_percent(baseline * WAN_PER_YI, target * WAN_PER_YI, years=years) == growth


@given(figures(), figures(), figures(), figures())
def test_meeting_is_a_distance_of_zero_or_more(value, first, second, shift):
    low, high = sorted((first, second))
    for direction in (Direction.UP, Direction.DOWN, Direction.RANGE):
        gap = c.distance(value, direction=direction, low=low, high=high)
        assert c.meets(value, direction=direction, low=low, high=high) is (gap >= 0)
        assert c.distance(value + shift, direction=direction, low=low + shift, high=high + shift) == gap
    assert c.meets(value, direction=Direction.RANGE, low=low, high=high) is (low <= value <= high)


@given(amounts, amounts, st.lists(amounts, min_size=6, max_size=20))
def test_asking_for_more_is_never_easier(first, second, history):
    order = [Reach.REACHABLE, Reach.HARD, Reach.UNSEEN]
    less, more = sorted((first, second))
    assert order.index(c.reach(less, history)) <= order.index(c.reach(more, history))
    scaled = [value * WAN_PER_YI for value in history]
    assert c.reach(less * WAN_PER_YI, scaled) is c.reach(less, history)


def test_level_due():
    # by hand: a third of the way to 500 is 166.67; a plan of 200 of 500 comes back as 200
    assert round_to(c.level_due(D(500), c.linear_share(F(4, 12))), 2) == D("166.67")
    assert c.level_due(D(500), c.plan_share(D(200), D(500))) == D(200)
    assert c.level_due(None, D(40)) is None
    assert c.level_due(D(500), None) is None
