"""A district in several pools: the page's places follow the chosen one."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators.models import Indicator, RankPool, RankPoolMember
from indicators.pools import UnknownPool, in_pool, pool_choice
from indicators.rows import scorecard
from lvyuan.accounts.models import District
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators

pytestmark = pytest.mark.django_db
# Growth by hand: among the three of the pool 绿园 was 3rd in May and is 2nd in June; in the five it is reported 4th.
MAY = {"220103": "9.5", "220105": "8.0", HOME: "6.0"}
JUNE = {"220103": "9.5", "220105": "6.1", HOME: "7.2"}


@pytest.fixture
def three() -> RankPool:
    pool = RankPool.objects.create(code="three", name="三区", valid_from=dt.date(2023, 1, 1))
    for code in JUNE:
        RankPoolMember.objects.create(pool=pool, district=District.objects.get(code=code))
    for period, growths in (("2024-05.ytd", MAY), ("2024-06.ytd", JUNE)):
        for district, growth in growths.items():
            place = 4 if (period, district) == ("2024-06.ytd", HOME) else None
            figure("industrial_output", period, "100", growth=growth, at=district, unit="亿元", rank=place)
    return pool


def tile(page: str) -> str:
    """The first tile of the cockpit that is about industry."""
    return next(
        one for one in page.split('<article class="cell tile">') if 'href="/indicators/industrial_output/"' in one
    )


def places(page: str) -> dict[str, str]:
    """Place by address, of June."""
    address = r"industrial_output/220106/2024-06\.ytd/(?:rank|place)-[^\"]+"
    found = re.findall(rf'<data value="([0-9]+)"\s+data-key="({address})"', page)
    return {key: value for value, key in found}


def test_choice_is_the_installations_own_pool(three):
    choice = pool_choice("", district=HOME, on=dt.date(2024, 6, 30))
    assert (choice.chosen.code, choice.is_default, choice.own_name) == ("five-urban-districts", True, "五城区")
    assert choice.others == [("three", "三区", False)]
    assert pool_choice("three", district=HOME, on=dt.date(2024, 6, 30)).others == [("three", "三区", True)]


def test_a_pool_outside_its_time_is_not_offered(three):
    assert pool_choice("", district=HOME, on=dt.date(2022, 12, 31)).others == []
    assert pool_choice("three", district=HOME, on=dt.date(2022, 12, 31)).others == [("three", "三区", True)]


@pytest.mark.parametrize(("code", "district"), [("none", HOME), ("three", "220102")])
def test_a_pool_must_be_the_districts_own(three, code, district):
    with pytest.raises(UnknownPool, match="没有代码为"):
        pool_choice(code, district=district, on=dt.date(2024, 6, 30))


def test_places_are_those_of_the_chosen_pool(three, cast):
    card = scorecard(district=HOME, period=Period.month(2024, 6), user=cast.leader, codes=["industrial_output"])
    on = dt.date(2024, 6, 30)
    own = in_pool(card.rows, pool_choice("", district=HOME, on=on), district=HOME, user=cast.leader)
    assert own == card.rows
    assert [(rank.figure.key, rank.place) for rank in own[0].ranks] == [
        ("industrial_output/220106/2024-06.ytd/rank-growth", 4)
    ]
    (other,) = in_pool(card.rows, pool_choice("three", district=HOME, on=on), district=HOME, user=cast.leader)
    (rank,) = other.ranks
    assert (rank.figure.key, rank.figure.is_derived) == (
        "industrial_output/220106/2024-06.ytd/place-growth-three",
        True,
    )
    assert (rank.place, rank.pool_size, rank.change, rank.pool, rank.by) == (2, 3, 1, "三区", "按增速")
    assert rank.is_internal  # none of these figures is released


def test_reported_place_comes_before_a_computed_one(three, cast):
    RankPool.objects.filter(pk=three.pk).update(name="五城区")  # what was reported is known by its pool's name
    card = scorecard(district=HOME, period=Period.month(2024, 6), user=cast.leader, codes=["industrial_output"])
    choice = pool_choice("three", district=HOME, on=dt.date(2024, 6, 30))
    (row,) = in_pool(card.rows, choice, district=HOME, user=cast.leader)
    assert [(rank.place, rank.figure.is_derived) for rank in row.ranks] == [(4, False)]


def test_nobody_is_placed_where_a_member_has_no_figure(three, cast):
    RankPoolMember.objects.create(pool=three, district=District.objects.get(code="220102"))
    card = scorecard(district=HOME, period=Period.month(2024, 6), user=cast.leader, codes=["industrial_output"])
    choice = pool_choice("three", district=HOME, on=dt.date(2024, 6, 30))
    (row,) = in_pool(card.rows, choice, district=HOME, user=cast.leader)
    assert row.ranks == ()


def test_cockpit_switches_place_and_change(three, signed_in):
    client = signed_in("leader")
    five = tile(client.get("/cockpit/?period=2024-06").content.decode())
    assert places(five) == {"industrial_output/220106/2024-06.ytd/rank-growth": "4"}
    page = client.get("/cockpit/?period=2024-06&pool=three").content.decode()
    assert places(tile(page)) == {"industrial_output/220106/2024-06.ytd/place-growth-three": "2"}
    assert "升1位" in tile(page)
    assert '<option value="three" selected>三区</option>' in page
    assert '<input type="hidden" name="pool" value="three">' in page  # the period picker keeps it
    assert 'href="?period=2024-06&amp;pool=three&amp;screen=1"' in page


def test_indicator_page_follows_the_pool(three, signed_in):
    client = signed_in("leader")
    page = client.get("/indicators/industrial_output/?period=2024-06&pool=three").content.decode()
    assert places(page) == {"industrial_output/220106/2024-06.ytd/place-growth-three": "2"}
    assert "三区同比增长（2024年1—6月）" in page
    assert 'href="/indicators/industrial_output/ranks/?period=2024-06&amp;pool=three"' in page
    assert "五城区同比增长" not in client.get("/indicators/industrial_output/?pool=three").content.decode()


@pytest.mark.parametrize("path", ["/cockpit/", "/indicators/industrial_output/"])
def test_one_pool_has_no_picker(signed_in, path):
    assert "picker-pool" not in signed_in("leader").get(path).content.decode()


@pytest.mark.parametrize("path", ["/cockpit/?pool=none", "/indicators/industrial_output/?pool=none"])
def test_unknown_pool_is_a_404_in_words(three, signed_in, path):
    response = signed_in("leader").get(path)
    assert response.status_code == 404
    assert "没有代码为“none”的位次范围" in response.content.decode()


def test_another_pool_takes_two_more_queries_whatever_the_number(three, signed_in):
    """Its members, their figures; the choice itself is read either way."""
    client = signed_in("leader")

    def queries(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as found:
            assert client.get(path).status_code == 200
        return len(found)

    few = queries("/cockpit/?pool=three")
    assert few == queries("/cockpit/") + 2
    for one in many_indicators(6):
        Indicator.objects.filter(pk=one.pk).update(is_headline=True)
        figure(one.code, "2024-06.ytd", "3", growth="2", unit="亿元")
    assert queries("/cockpit/?pool=three") == few
