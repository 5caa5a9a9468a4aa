"""What is red or yellow now, what turned so, who owns it, what they said; as known when."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal as D

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from indicators.actions import VintageInput, record_published
from indicators.attention import Exempted, light_rows, lit, worst
from indicators.models import LightExemption, Source, Target, Vintage
from indicators.rows import rows_by_vintage
from lvyuan.accounts.models import District
from lvyuan.periods import Period
from tests.indicators.factories import HOME, figure, many_indicators, target
from tests.indicators.test_judging import CODE, again, exempt, level, moment

pytestmark = pytest.mark.django_db


def row(**kwargs):
    return {found.indicator.code: found for found in lit(district=HOME, **kwargs)[0]}


def light_of(vintage, known_at=None):
    """The light of that vintage's row."""
    shown = rows_by_vintage(Vintage.objects.filter(pk=vintage.pk)).values()
    return light_rows(shown, district=HOME, known_at=known_at).get(vintage.observation.indicator_id)


def april_green_may_red(**columns):
    """183.5 of 500 at April is +3.4; 170 at May is 34.0 − 41.7 = −7.7."""
    level(known_from=moment(2024, 1, 10))
    figure(CODE, "2024-04.ytd", "183.5", unit="亿元", known_from=moment(2024, 5, 20))
    return figure(CODE, "2024-05.ytd", "170", unit="亿元", known_from=moment(2024, 6, 20), **columns)


def test_article_has_nothing_that_worries():
    assert lit(district=HOME) == ((), 0)
    assert lit(district="220105") == ((), 0)


def test_what_turned_red_says_who_and_why():
    april_green_may_red(note="两家企业停产检修")
    found = row()[CODE]
    assert (found.light.light, found.before, found.turned) == ("red", "green", True)
    assert found.light.sentence == "完成34.0%，序时41.7%，低7.7个百分点 → 红"
    assert found.light.rule == "总量目标：比应完成进度"
    assert (found.light.version, found.light.target_version) == (1, 1)
    assert found.period == Period.ytd(2024, 5)
    assert found.before_period == Period.month(2024, 4)
    assert found.key == f"{CODE}/{HOME}/2024-05.ytd"
    assert found.said == "两家企业停产检修"
    assert found.owner == str(found.indicator.owner)


def test_the_farthest_behind_comes_first():
    # at May: 170 of 500 is 34.0 − 41.7 = −7.7; 50 of 200 is 25.0 − 41.7 = −16.7
    april_green_may_red()
    other = many_indicators(1)[0].code
    target(
        "other-2024",
        indicator=other,
        period="2024-12.year",
        value="200",
        unit="亿元",
        kind="year",
        measure="value",
        path="linear",
        known_from=moment(2024, 1, 10),
    )
    figure(other, "2024-05.ytd", "50", unit="亿元")
    assert [(one.indicator.code, one.light.gap) for one in lit(district=HOME)[0]] == [
        (other, D("-16.7")),
        (CODE, D("-7.7")),
    ]


def test_a_light_says_against_what_it_judged():
    found = light_of(april_green_may_red())
    assert (found.target_code, found.by_growth, found.gap) == ("output-2024", False, D("-7.7"))
    assert found.why == "完成34.0%，序时41.7%，低7.7个百分点"


def test_red_again_did_not_turn():
    april_green_may_red()
    figure(CODE, "2024-06.ytd", "180", unit="亿元")
    assert (row()[CODE].before, row()[CODE].turned) == ("red", False)


def test_first_figure_ever_did_not_turn():
    level()
    figure(CODE, "2024-05.ytd", "170", unit="亿元")
    assert (row()[CODE].before, row()[CODE].before_period, row()[CODE].turned) == ("", None, False)


def test_a_period_and_a_past_day():
    april_green_may_red()
    figure(CODE, "2024-06.ytd", "260", unit="亿元", known_from=moment(2024, 7, 20))  # 52.0: green
    assert row() == {}
    assert row(period=Period.month(2024, 5))[CODE].light.light == "red"
    assert row(period=Period.month(2024, 4)) == {}
    assert row(known_at=moment(2024, 7, 1))[CODE].light.light == "red"
    assert row(known_at=moment(2024, 6, 1)) == {}


def test_the_last_judgement_counts_as_known_then():
    april_green_may_red()
    level("350", version=2, known_from=moment(2024, 9, 1), reason="调减", authority="会议")
    again()  # 170 / 350 = 48.6: green
    assert row() == {}
    assert row(known_at=moment(2024, 8, 31))[CODE].light.light == "red"


def test_corrected_figure_takes_its_old_light_along():
    april_green_may_red()
    figure(CODE, "2024-05.ytd", "230", unit="亿元", reason="更正")
    assert row() == {}


def test_what_is_a_year_old_is_no_news():
    april_green_may_red()
    level(year=2025)
    for code, value in (("2025-06.ytd", "300"),):
        figure(CODE, code, value, unit="亿元")
    assert row() == {}
    assert row(period=Period.month(2024, 5))[CODE].light.light == "red"


def test_exempted_is_told_but_does_not_count(cast):
    may = april_green_may_red()
    granted = exempt(cast)
    found = row()[CODE].light
    assert (found.exemption, found.state, found.counts) == ((granted.valid_to, granted.reason), "exempt", False)
    assert light_of(may).exemption == (granted.valid_to, granted.reason)
    # before it was granted, the red counted
    assert row(known_at=moment(2024, 7, 1))[CODE].light.counts
    LightExemption.objects.update(valid_from=dt.date(2020, 1, 1), valid_to=dt.date(2020, 12, 31))
    assert row()[CODE].light.counts


def test_light_as_known_then():
    may = april_green_may_red()
    assert light_of(may, moment(2024, 6, 1)) is None
    assert light_of(may, moment(2024, 6, 21)).state == "red"


def test_what_worried_then_is_told_however_much_has_come_since():
    april_green_may_red()
    figure(CODE, "2026-05.ytd", "300", unit="亿元", known_from=moment(2026, 6, 20))
    assert row() == {}
    assert row(known_at=moment(2024, 7, 1))[CODE].light.light == "red"


def test_a_node_shows_the_gravest_light_that_counts():
    red = light_of(april_green_may_red())
    green = replace(red, light="green")
    assert worst([None, green, red]) == red
    assert worst([None, green]) == green
    assert worst([None, replace(red, light="none")]) is None
    assert worst([replace(red, exemption=Exempted(dt.date(2024, 12, 31), "停产检修")), green]) == green


def test_include_speaks_by_shape_word_and_sentence(cast):
    may = april_green_may_red()
    light = light_of(may)
    page = render_to_string("indicators/_light.html", {"light": light})
    assert 'class="mark square bad"' in page
    assert "红灯" in page
    assert light.sentence in page
    brief = render_to_string("indicators/_light.html", {"light": light, "brief": True})
    assert f'title="{light.sentence}"' in brief
    assert render_to_string("indicators/_light.html", {"light": None}).strip() == ""


def test_as_many_queries_for_one_as_for_many():
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            lit(district=HOME)
        return len(asked)

    april_green_may_red()
    few = queries()
    home, source = District.objects.get(code=HOME), Source.objects.get(code="test")
    made = many_indicators(40)
    Target.objects.bulk_create(
        Target(
            district=home,
            code=f"year-{indicator.code}",
            name=indicator.name,
            indicator=indicator,
            kind="year",
            measure="value",
            value=D(500),
            unit="亿元",
            path="linear",
            period_kind="year",
            period_end=dt.date(2024, 12, 31),
            source=source,
        )
        for indicator in made
    )
    record_published(
        by=None,
        reason="",
        figures=[
            VintageInput(
                district=home,
                indicator=indicator,
                period=Period.ytd(2024, month),
                source=source,
                known_from=None,
                columns={"value": D(value), "unit": "亿元"},
            )
            for indicator in made
            for month, value in ((4, "183.5"), (5, "170"))
        ],
    )
    assert lit(district=HOME)[1] == 41
    assert lit(district=HOME, most=7) == (lit(district=HOME)[0][:7], 41)
    assert queries() == few == 2
