"""Places are computed only when the whole pool has a figure of one period, basis and unit."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators.actions import RankInput, VintageInput, record_published
from indicators.models import Indicator, RankPool, RankPoolMember, Source
from indicators.ranking import peer_ranking, period_to_rank, places_of, rank_lab, rankings, ways
from lvyuan.accounts.models import District
from lvyuan.periods import Period
from tests.conftest import HOME

pytestmark = pytest.mark.django_db
JUNE, MAY = Period.ytd(2024, 6), Period.ytd(2024, 5)
# 南关, 宽城, 朝阳, 二道, 绿园; two share the second place, so the next is the fourth (domain rules §3).
GROWTH = {"220102": "8.0", "220103": "9.5", "220104": "8.0", "220105": "6.1", HOME: "7.2"}


def pool() -> RankPool:
    return RankPool.objects.get(code="five-urban-districts")


def publish(period=JUNE, code="industrial_output", *, entered=None, released=(), only=None, source=None, **said):
    """Growth of every member as in GROWTH; `entered`: the home district's reported place."""
    indicator = Indicator.objects.get(code=code)
    source = source or Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0]
    figures = []
    for district, growth in (only or GROWTH).items():
        given = {"growth": D(growth), "growth_basis": "comparable", "value": D(growth) * 10, "unit": "亿元"}
        ranks = ()
        if entered and district == HOME:
            ranks = [RankInput(pool=pool(), by=said.get("by", "growth"), place=entered, pool_size=5)]
        figures.append(
            VintageInput(
                district=District.objects.get(code=district),
                indicator=indicator,
                period=period,
                source=source,
                known_from=timezone.now(),
                columns=given | said.get(district, {}),
                ranks=ranks,
                release_authority="统计局" if district in released else "",
                reason="测试",
            )
        )
    record_published(by=None, figures=figures, reason="测试")


def ranked(cast, period=JUNE, by="growth", **said):
    indicator = Indicator.objects.get(code="industrial_output")
    return peer_ranking(indicator=indicator, period=period, pool=pool(), user=cast.leader, by=by, **said)


def places(ranking) -> dict[str, int | None]:
    return {one.district.code: one.place_no for one in ranking.standings}


def test_ties_share_a_place_and_the_next_is_skipped(cast):
    publish()
    ranking = ranked(cast)
    assert ranking.problem == ""
    assert places(ranking) == {"220103": 1, "220102": 2, "220104": 2, HOME: 4, "220105": 5}
    assert [one.district.code for one in ranking.standings] == ["220103", "220102", "220104", HOME, "220105"]
    own = ranking.of(HOME)
    assert own.place.text == "第4位"
    assert own.place.is_derived
    assert own.place.key == f"industrial_output/{HOME}/2024-06.ytd/place-growth-five-urban-districts"


def test_lower_is_better_turns_the_order(cast):
    Indicator.objects.filter(code="industrial_output").update(direction="down")
    publish()
    assert places(ranked(cast)) == {"220105": 1, HOME: 2, "220102": 3, "220104": 3, "220103": 5}


def test_missing_members_are_named_and_nobody_is_ranked(cast):
    publish(only={code: GROWTH[code] for code in ("220103", "220104", HOME)})
    ranking = ranked(cast)
    assert ranking.problem == "缺南关区、二道区，不能排位"
    assert set(places(ranking).values()) == {None}
    assert ranking.of(HOME).figure.text == "7.2%"


def test_article_alone_ranks_nobody(cast):
    """article.txt holds no figure of the other four districts."""
    ranking = ranked(cast, Period.ytd(2023, 6))
    assert ranking.problem == "缺南关区、宽城区、朝阳区、二道区，不能排位"
    assert ranking.of(HOME).entered is None
    assert ranking.of(HOME).entered_otherwise.place == 1


@pytest.mark.parametrize(
    ("odd", "by", "said"),
    [
        ({"growth_basis": "constant"}, "growth", "增速口径不一致（南关区可比口径，宽城区不变价"),
        ({"unit": "万元"}, "level", "计量单位不一致（南关区亿元，宽城区万元"),
        ({"comparator": "~"}, "level", "宽城区不是确数，不能排位"),
        ({"growth": None}, "growth", "缺宽城区，不能排位"),
    ],
)
def test_unlike_figures_are_not_ranked(cast, odd, by, said):
    publish(**{"220103": odd})
    assert ranked(cast, by=by).problem.startswith(said)


def test_basis_of_growth_does_not_keep_levels_from_being_ranked(cast):
    publish(**{"220103": {"growth_basis": "constant"}})
    assert places(ranked(cast, by="level"))["220103"] == 1


def test_invented_figures_are_never_ranked_with_real_ones(cast):
    """The article's figure of the home district, and a demo of the others: no place comes of it."""
    publish()
    assert ranked(cast).is_ranked
    demo = Source.objects.create(code="demo", kind="demo", title="演示数据")
    publish(source=demo, only={code: growth for code, growth in GROWTH.items() if code != HOME})
    assert ranked(cast).problem == "真实数据不与演示数据一起排位"
    publish(source=demo)
    assert ranked(cast).is_ranked


def test_pool_is_not_used_outside_its_time(cast):
    publish()
    RankPool.objects.filter(code="five-urban-districts").update(valid_to=dt.date(2024, 6, 29))
    assert ranked(cast).problem == "“五城区”在2024年1—6月不适用，不能排位"
    RankPool.objects.filter(code="five-urban-districts").update(valid_to=dt.date(2024, 6, 30))
    assert ranked(cast).is_ranked


def test_place_is_compared_with_the_slot_before(cast):
    publish(MAY, **{HOME: {"growth": D("9.9")}})
    publish()
    ranking = ranked(cast)
    assert ranking.of(HOME).change == -3  # first in May, fourth in June
    assert ranking.of("220103").change == 1  # second in May
    assert ranked(cast, MAY).of(HOME).change is None


@pytest.mark.parametrize(
    ("entered", "by", "said"),
    [
        (3, "growth", "填报第3位，按五区数据推算第4位"),
        (4, "growth", ""),
        (3, "level", ""),  # reported by level: nothing is said about growth
        (3, "unstated", ""),
    ],
)
def test_entered_place_beside_the_computed_one(cast, entered, by, said):
    publish(entered=entered, by=by)
    own = ranked(cast).of(HOME)
    assert own.conflict == said
    assert (own.entered is not None) == (by == "growth")
    assert (own.entered_otherwise is not None) == (by == "unstated")


def test_rank_built_on_unreleased_figures_is_internal(cast):
    publish(released=tuple(GROWTH)[:4])
    ranking = ranked(cast)
    assert ranking.is_internal
    assert [one.district.code for one in ranking.standings if one.is_internal] == [HOME]
    publish(MAY, released=tuple(GROWTH))
    assert not ranked(cast, MAY).is_internal


def test_earlier_knowledge_ranks_earlier_figures(cast):
    publish()
    before = timezone.now()
    publish(only={HOME: "9.9"})
    assert ranked(cast).of(HOME).place_no == 1
    assert ranked(cast, known_at=before).of(HOME).place_no == 4


def test_lab_moves_the_home_district_alone(cast):
    """7.2 % is fourth: 0.8 points reach the shared second place (8.0), 2.3 the first (9.5)."""
    publish()
    ranking = ranked(cast)
    lab = rank_lab(ranking, D("0.5"), district=HOME)
    assert (lab.now, lab.then, lab.delta_text) == (4, 4, "+0.5个百分点")
    assert [(one.place, one.change.text) for one in lab.needed] == [
        (3, "+0.8个百分点"),
        (2, "+0.8个百分点"),
        (1, "+2.3个百分点"),
    ]
    assert rank_lab(ranking, D("0.8"), district=HOME).then == 2
    assert rank_lab(ranking, D("-1.2"), district=HOME).then == 5
    assert rank_lab(ranked(cast, by="level"), D("8"), district=HOME).needed[-1].change.text == "+23.0亿元"


def test_lab_needs_a_ranking_and_a_member(cast):
    publish(only={HOME: "7.2"})
    assert rank_lab(ranked(cast), D("1"), district=HOME) is None
    publish()
    assert rank_lab(ranked(cast), D("1"), district="220100") is None


def test_history_takes_two_queries_for_one_slot_and_twelve(cast):
    indicator, five = Indicator.objects.get(code="industrial_output"), pool()
    given = {"indicator": indicator, "period": JUNE, "pool": five, "user": cast.leader, "by": "growth"}
    for slots in (2, 9):
        for month in range(slots, 7):
            publish(Period.ytd(2024, month))
        with CaptureQueriesContext(connection) as queries:
            history = rankings(**given)
        assert len(queries) == 2
    assert [one.period.month_no for one in history] == [
        6,
        5,
        4,
        3,
        2,
        12,
        11,
        10,
        9,
        8,
        7,
        6,
    ]  # industry has no January
    assert [one.is_ranked for one in history] == [True] * 5 + [False] * 7


def test_ratios_are_ranked_by_themselves_and_words_are_not():
    codes = {indicator.code: [by for by, _ in ways(indicator)] for indicator in Indicator.objects.all()}
    assert codes["industrial_output"] == ["growth", "level"]
    assert codes["health_records_rate"] == ["other"]
    assert codes["zero_employment_households"] == []


def test_period_to_rank_is_the_indicators_own(cast):
    gdp, output = Indicator.objects.get(code="gdp"), Indicator.objects.get(code="industrial_output")
    given = {"pool": pool(), "user": cast.leader}
    assert period_to_rank(output, Period.month(2024, 6), **given) == JUNE
    assert period_to_rank(gdp, Period.month(2024, 5), **given) is None  # quarterly
    assert period_to_rank(output, None, **given) == Period.ytd(2023, 6)  # the article's
    tax = Indicator.objects.get(code="tax_relief")
    assert period_to_rank(tax, Period.month(2023, 8), **given) == Period.window(dt.date(2023, 8, 4))
    assert period_to_rank(tax, Period.month(2023, 7), **given) is None


def test_places_of_tells_every_pool_that_holds(cast):
    publish()
    given = {"indicator": Indicator.objects.get(code="industrial_output"), "period": JUNE, "district": HOME}
    assert [(one.by, one.of(HOME).place_no) for one in places_of(**given, user=cast.leader)] == [
        ("growth", 4),
        ("level", 4),
    ]
    two = RankPool.objects.create(code="two", name="两区", valid_from=dt.date(2024, 1, 1))
    for code in ("220105", HOME):
        RankPoolMember.objects.create(pool=two, district=District.objects.get(code=code))
    with CaptureQueriesContext(connection) as queries:
        found = places_of(**given, user=cast.leader)
    assert [(one.pool.code, one.of(HOME).place_no) for one in found if one.by == "growth"] == [
        ("five-urban-districts", 4),
        ("two", 1),
    ]
    assert len(queries) == 3


# Pages

PAGE = "/indicators/industrial_output/ranks/"


def test_page_ranks_and_leads_to_where_a_place_comes_from(signed_in):
    publish(entered=3)
    client = signed_in("leader")
    page = client.get(f"{PAGE}?period=2024-06").content.decode()
    assert "填报第3位，按五区数据推算第4位" in page
    assert "仅供内部" in page
    address = f"/figures/industrial_output/{HOME}/2024-06.ytd/"
    assert f'href="{address}#place-growth-five-urban-districts"' in page
    provenance = client.get(address).content.decode()
    assert 'id="place-growth-five-urban-districts"' in provenance
    assert "填报第3位，按五区数据推算第4位" in provenance


def test_page_of_the_article_says_who_is_missing(signed_in):
    page = signed_in("leader").get(PAGE).content.decode()
    assert "缺南关区、宽城区、朝阳区、二道区，不能排位" in page
    assert "位次推演</h2>" not in page


@pytest.mark.parametrize(
    ("role", "status"),
    [("leader", 200), ("reviewer", 200), ("admin", 200), ("staff", 403), ("staff2", 403), ("auditor", 403)],
)
def test_lab_is_for_those_who_decide(signed_in, role, status):
    publish()
    client = signed_in(role)
    assert client.get(f"{PAGE}?period=2024-06&delta=0.8").status_code == status
    page = client.get(f"{PAGE}?period=2024-06").content.decode()
    assert ('name="delta"' in page) == (status == 200)


def test_lab_answers_and_keeps_the_choice(signed_in):
    publish()
    client = signed_in("leader")
    page = client.get(f"{PAGE}?period=2024-06&by=growth&delta=0.8").content.decode()
    assert re.search(r"由第 4 位到\s*<strong>第 2 位</strong>", page)
    assert '<input type="hidden" name="period" value="2024-06">' in page
    wrong = client.get(f"{PAGE}?period=2024-06&delta=abc")
    assert wrong.status_code == 422
    assert "<strong>第" not in wrong.content.decode()


@pytest.mark.parametrize("query", ["", "?period=2024-06", "?period=2024-06&by=level", "?period=2024-01"])
def test_page_takes_the_same_queries_for_few_and_many(signed_in, query):
    client = signed_in("leader")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE + query).status_code == 200
        return len(queries)

    publish(MAY)
    count()
    few = count()
    for month in (3, 4, 6):
        publish(Period.ytd(2024, month))
    assert count() == few <= 9


def test_month_without_a_slot_is_an_honest_page(signed_in):
    page = signed_in("leader").get("/indicators/gdp/ranks/?period=2024-05").content.decode()
    assert "没有可以排位的数据" in page
    assert (
        "定性指标没有位次" in signed_in("leader").get("/indicators/zero_employment_households/ranks/").content.decode()
    )
