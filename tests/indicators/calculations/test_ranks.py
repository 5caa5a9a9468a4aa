"""Places in a pool of five urban districts (domain rules §3)."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indicators import calculations as c
from tests.indicators.calculations.strategies import WAN_PER_YI, figures

pools = st.lists(figures(), min_size=1, max_size=8)
# by hand: growths of five districts, ours the last
FIVE = [D("6.9"), D("6.5"), D("6.5"), D("5.8"), D("6.1")]


def test_ranks_share_places_and_skip():
    assert c.ranks([D(10), D(9), D(9), D(8)]) == [1, 2, 2, 4]  # domain rules §3
    assert c.ranks([D(10), D(9), D(9), D(8)], reverse=True) == [4, 2, 2, 1]


def test_ranks_need_every_member():
    assert c.ranks([D(10), None]) is None
    assert c.ranks([]) == []


def test_rank_change_up_is_positive():
    assert c.rank_change(1, 3) == 2
    assert c.rank_change(4, 3) == -1
    assert c.rank_change(2, 2) == 0
    assert c.rank_change(None, 1) is None
    assert c.rank_change(1, None) is None


@pytest.mark.parametrize(("delta", "place"), [("0", 4), ("0.3", 4), ("0.4", 2), ("0.5", 2), ("0.9", 1), ("-0.4", 5)])
def test_rank_with_a_change(delta, place):
    assert c.rank_with(FIVE, 4, D(delta)) == place


def test_rank_with_a_change_where_lower_is_better():
    assert c.rank_with(FIVE, 4, D(0), reverse=True) == 2
    assert c.rank_with(FIVE, 4, D("-0.3"), reverse=True) == 1


def test_rank_with_needs_every_member_and_leaves_the_pool_alone():
    pool = [D(1), None, D(2)]
    assert c.rank_with(pool, 0, D(3)) is None
    assert c.rank_with(pool, 1, D(3)) is None
    assert c.rank_with([D(1), D(2)], 0, None) is None
    values = list(FIVE)
    c.rank_with(values, 4, D(3))
    assert values == FIVE


# by hand: 6.1 is fourth; third and second place are shared with the two at 6.5, the first with 6.9
@pytest.mark.parametrize(("place", "change"), [(1, "0.8"), (2, "0.4"), (3, "0.4"), (4, "0"), (5, "0"), (6, "0")])
def test_needed_for_place(place, change):
    assert c.needed_for_place(FIVE, 4, place) == D(change)


@pytest.mark.parametrize(("place", "change"), [(1, "-0.3"), (2, "0"), (5, "0")])
def test_needed_for_place_where_lower_is_better(place, change):
    assert c.needed_for_place(FIVE, 4, place, reverse=True) == D(change)


def test_needed_for_place_answers():
    assert c.needed_for_place([D(1), None], 0, 1) is None
    assert c.needed_for_place([D(1)], 0, 1) == 0
    with pytest.raises(ValueError, match=r"^places count from 1$"):
        c.needed_for_place([D(1), D(2)], 0, 0)


@given(pools, st.booleans())
def test_ranks_follow_values(values, reverse):
    places = c.ranks(values, reverse=reverse)
    assert min(places) == 1
    assert max(places) <= len(values)
    better = (lambda a, b: a < b) if reverse else (lambda a, b: a > b)
    assert all(
        better(a, b) == (x < y)
        for a, x in zip(values, places, strict=True)
        for b, y in zip(values, places, strict=True)
    )


@given(pools)
def test_ranks_do_not_know_the_unit(values):
    assert c.ranks([value * WAN_PER_YI for value in values]) == c.ranks(values)


@given(pools, figures(), figures(), st.data())
def test_more_never_costs_a_place(values, first, second, data):
    own = data.draw(st.integers(0, len(values) - 1))
    less, more = sorted((first, second))
    assert c.rank_with(values, own, D(0)) == c.ranks(values)[own]
    assert 1 <= c.rank_with(values, own, more) <= c.rank_with(values, own, less) <= len(values)


@given(pools, st.booleans(), st.data())
def test_needed_change_reaches_the_place_and_is_the_smallest(values, reverse, data):
    own = data.draw(st.integers(0, len(values) - 1))
    place = data.draw(st.integers(1, len(values)))
    change = c.needed_for_place(values, own, place, reverse=reverse)
    assert c.rank_with(values, own, change, reverse=reverse) <= place
    if change:
        hair = D("0.00001") if change > 0 else D("-0.00001")
        assert (change < 0) == reverse
        assert c.rank_with(values, own, change - hair, reverse=reverse) > place
