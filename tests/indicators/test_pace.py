"""How far a target is and what the rest asks for: through stored figures, expected values by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators.calculations import Progress, Reach
from indicators.models import Indicator, Target, TargetPoint
from indicators.pace import paces
from indicators.provenance import pace_formulas
from indicators.rows import scorecard
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure, target

pytestmark = pytest.mark.django_db
TODAY = dt.date(2024, 12, 20)


def annual(value="500", year=2024, **columns):
    return target(
        "output-year",
        indicator="industrial_output",
        period=f"{year}-12.year",
        value=value,
        unit="亿元",
        kind=Target.Kind.YEAR,
        measure=Target.Measure.VALUE,
        **columns,
    )


def pace(cast, code, *, today=TODAY, known_at=None):
    card = scorecard(district=HOME, period=None, known_at=known_at, user=cast.leader)
    rows = [row for row in card.targets if row.target.code == code]
    return paces(rows, district=HOME, today=today, known_at=known_at)[0]


def output(period, value, **columns):
    figure("industrial_output", period, value, unit="亿元", **columns)


def text(figure):
    return figure.text if figure else None


# domain.md §4: 36.7 % at April is +3.4 (36.7 − 33.33)
def test_linear_path_counts_twelfths(cast):
    output("2024-04.ytd", "183.5")
    annual(path=Target.Path.LINEAR)
    found = pace(cast, "output-year")
    assert (text(found.completion), text(found.due), text(found.gap)) == ("36.7%", "33.3%", "+3.4个百分点")
    assert (found.lead[0], text(found.lead[1])) == ("比应完成多", "3.4个百分点")
    assert (found.lead[1].key, found.lead[1].machine) == (found.gap.key, "3.4")
    assert found.tone == "up"


# domain.md §4: 97.2 % at October is +13.8 truncated, from 13.87; half up it is +13.9
@pytest.mark.parametrize(("rounding", "shown"), [("truncate", "+13.8个百分点"), ("half_up", "+13.9个百分点")])
def test_gap_is_rounded_as_the_target_says(cast, rounding, shown):
    output("2024-10.ytd", "486.0")
    annual(path=Target.Path.LINEAR, rounding=rounding)
    assert text(pace(cast, "output-year").gap) == shown


# domain.md §4: 30.90 % at March is +5.90
def test_gap_keeps_the_places_the_target_asks_for(cast):
    output("2024-03.ytd", "154.5")
    annual(path=Target.Path.LINEAR, places=2)
    assert text(pace(cast, "output-year").gap) == "+5.90个百分点"


def test_rest_of_the_year_is_counted_from_the_figures_own_period(cast):
    # by hand: 500 − 183.5 = 316.5 over the 8 months after April is 39.5625 a month
    output("2024-04.ytd", "183.5")
    annual(path=Target.Path.LINEAR)
    found = pace(cast, "output-year")
    assert (text(found.remaining), found.months_left, text(found.per_month)) == ("316.50亿元", 8, "39.56亿元")
    assert found.time_left == "8个月"
    assert found.reach is None  # too few months to judge by


def test_seasonal_path_takes_last_years_share(cast):
    # by hand: last year 120 of 400 at April is 30 %; 183.5 / 500 is 36.7 %
    output("2023-04.ytd", "120.0")
    output("2023-12.ytd", "400.0")
    output("2024-04.ytd", "183.5")
    annual(path=Target.Path.SEASONAL)
    found = pace(cast, "output-year")
    assert (text(found.due), text(found.gap)) == ("30.0%", "+6.7个百分点")
    # the rest of last year brought 280; 316.5 / 280 − 1 = 13.0357 %
    assert text(found.rest_growth) == "13.0%"


def test_seasonal_path_without_last_year_says_nothing_is_due(cast):
    output("2024-04.ytd", "183.5")
    annual(path=Target.Path.SEASONAL)
    found = pace(cast, "output-year")
    assert (found.due, found.gap, found.lead) == (None, None, ("", None))
    assert text(found.completion) == "36.7%"


def test_plan_path_takes_the_planned_month(cast):
    # by hand: 200 of 500 planned by April is 40 %; −3.3 points
    output("2024-04.ytd", "183.5")
    TargetPoint.objects.create(target=annual(path=Target.Path.PLAN), due_on=dt.date(2024, 4, 30), value=D(200))
    found = pace(cast, "output-year")
    assert (text(found.due), text(found.gap), found.tone) == ("40.0%", "-3.3个百分点", "down")
    # the words tell the direction, so the text has no sign; the number keeps it
    assert (found.lead[0], text(found.lead[1]), found.lead[1].machine) == ("比应完成少", "3.3个百分点", "-3.3")
    row = scorecard(district=HOME, period=None, user=cast.leader).by_code["industrial_output"]
    assert row.gap.text == "-3.3个百分点"  # the tile says the same


@pytest.mark.parametrize(("value", "half"), [("249.9", False), ("250.0", True)])
def test_half_by_june(cast, value, half):
    output("2024-06.ytd", value)
    annual(path=Target.Path.LINEAR)
    assert pace(cast, "output-year").is_half is half


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({"direction": "down", "path": "none"}, "未评：目标是上限，没有写明进度方法"),
        ({"direction": "range", "path": "none", "upper": D(600)}, "未评：目标是区间，不计进度"),
        ({"direction": "down", "path": "linear"}, ""),  # its light says it
        ({"direction": "by_date", "path": "none"}, ""),
    ],
)
def test_limit_and_range_say_why_they_have_no_light(cast, signed_in, columns, missing):
    output("2024-04.ytd", "183.5")
    annual(**columns)
    found = pace(cast, "output-year")
    assert (found.missing, found.completion, found.gap) == (missing, None, None)
    page = signed_in("leader").get("/indicators/industrial_output/").content.decode()
    assert ("未评：目标" in page) is bool(missing)
    assert missing in page


def test_limit_of_the_cockpit_says_why_its_light_is_what_it_is(cast, signed_in):
    # by hand: 183.5 of at most 500 is 36.7 %, 33.3 % may be used by April: 3.4 points too many
    Indicator.objects.filter(code="industrial_output").update(direction=Indicator.Direction.DOWN)
    annual(path=Target.Path.LINEAR, direction=Target.Direction.DOWN, is_headline=True)
    output("2024-04.ytd", "183.5")
    page = signed_in("leader").get("/cockpit/").content.decode()
    assert '<p class="label">占上限36.7%，序时33.3%，多3.4个百分点</p>' in page


def test_reach_compares_with_the_series_own_months(cast):
    # months of 2022 (1—2月 has no value of its own): March to December 20 each; of 2024: March 20
    for month in range(2, 13):
        output(f"2022-{month:02}.ytd", str(20 * month))
    output("2024-02.ytd", "40")
    output("2024-03.ytd", "60")
    annual("230", path=Target.Path.LINEAR)  # (230 − 60) / 9 = 18.9 a month
    assert pace(cast, "output-year").reach is Reach.REACHABLE
    Target.objects.filter(code="output-year").update(value=D(270))  # 23.3, more than any month
    found = pace(cast, "output-year")
    assert (found.reach, found.reach_word, text(found.best_month)) == (Reach.UNSEEN, "历史未见", "20.00亿元")


def test_no_projection_without_history(cast):
    output("2024-04.ytd", "183.5", growth="10.0")
    annual(path=Target.Path.LINEAR)
    assert pace(cast, "output-year").outlook is None


def test_projection_is_a_range_with_its_own_past_error(cast):
    # Every year doubles April by December and grows 10 %: both methods hit each past year exactly.
    for year, april in ((2020, "100"), (2021, "110"), (2022, "121"), (2023, "133.1"), (2024, "146.41")):
        output(f"{year}-04.ytd", april, growth="10.0")
        if year < 2024:
            output(f"{year}-12.ytd", str(2 * D(april)))
    annual(path=Target.Path.LINEAR)
    found = pace(cast, "output-year").outlook
    assert (text(found.low), text(found.high), text(found.error)) == ("292.82亿元", "292.82亿元", "0.0%")
    assert found.tested == 3  # 2021 to 2023; 2020 has no year before
    assert text(found.short_by) == "207.18亿元"  # 500 − 292.82
    assert pace(cast, "output-year").lead == ("到期测算至少差", found.short_by)


def test_past_the_deadline_without_its_result(cast):
    output("2024-11.ytd", "460")
    annual(path=Target.Path.LINEAR)
    assert not pace(cast, "output-year", today=dt.date(2024, 12, 31)).is_past_due
    assert pace(cast, "output-year", today=dt.date(2025, 1, 1)).is_past_due
    output("2024-12.ytd", "505")
    found = pace(cast, "output-year", today=dt.date(2025, 2, 1))
    assert not found.is_past_due
    assert found.is_reached
    assert found.lead == ("已达到目标", None)


def test_a_target_of_an_earlier_year_keeps_its_own_result(cast):
    output("2022-12.ytd", "480")
    output("2024-04.ytd", "183.5")
    annual(year=2022, path=Target.Path.LINEAR)
    found = pace(cast, "output-year")
    assert (text(found.completion), found.is_past_due) == ("96.0%", False)


def test_no_figure_after_the_month_asked_for_counts(cast):
    output("2024-04.ytd", "183.5")
    output("2024-05.ytd", "230.0")
    annual(path=Target.Path.LINEAR)
    card = scorecard(district=HOME, period=Period.month(2024, 4), user=cast.leader)
    rows = [row for row in card.targets if row.target.code == "output-year"]
    found = paces(rows, district=HOME, today=TODAY, until=Period.month(2024, 4))[0]
    assert (found.base_period.code, text(found.completion)) == ("2024-04.ytd", "36.7%")


def test_article_promises_lack_their_figures(cast):
    found = pace(cast, "population-80", today=dt.date(2024, 1, 1))
    assert (found.completion, found.required_growth, found.lead) == (None, None, ("", None))
    assert found.missing == "当前值尚未录入，由统计局填报"
    assert pace(cast, "gdp-2025", today=dt.date(2026, 11, 25)).is_past_due


def test_promise_of_several_years_needs_compound_growth(cast):
    # by hand: 80 / 66.1157 over 2 years is 10.0 % a year (66.1157 × 1.21 = 80.0000)
    figure("population", "2022-12-31.instant", "65.00", unit="万人")
    figure("population", "2023-12-31.instant", "66.1157", unit="万人")
    Target.objects.filter(code="population-80").update(unit="万人")
    found = pace(cast, "population-80")
    assert (text(found.required_growth), found.time_left) == ("10.0%", "2年")
    # 66.1157 / 65 − 1 = 1.7165 % a year, a sixth of what is needed
    assert (text(found.observed_growth), found.progress) == ("1.7%", Progress.LIMITED)
    assert text(found.growth_gap) == "-8.3个百分点"  # 1.7165 − 10.0000
    assert found.lead[0] == "年均增速慢于所需"


def test_level_to_date_is_no_answer_to_an_annual_promise(cast):
    figure("gdp", "2023-09.ytd", "150.5", unit="亿元")
    found = pace(cast, "gdp-2025")
    assert found.completion is None
    assert "还没有完整一年的数" in found.missing
    figure("gdp", "2023-12.ytd", "220.0", unit="亿元")
    assert text(pace(cast, "gdp-2025").completion) == "55.0%"  # 220 / 400


def test_other_units_are_never_compared(cast):
    figure("industrial_output", "2024-04.ytd", "1835000", unit="万元")
    annual(path=Target.Path.LINEAR)
    found = pace(cast, "output-year")
    assert found.completion is None
    assert "万元" in found.missing


def test_every_derived_figure_tells_its_formula(cast):
    output("2023-04.ytd", "120.0")
    output("2023-12.ytd", "400.0")
    output("2024-04.ytd", "183.5")
    annual(path=Target.Path.SEASONAL)
    told = pace_formulas(pace(cast, "output-year"))
    assert {figure.key.rpartition("/")[2].partition("@")[0] for _, _, figure in told} >= {
        "completion",
        "due",
        "gap",
        "remaining",
        "per_month",
        "rest_growth",
    }
    assert all(figure.is_derived and text for _, text, figure in told)


def test_one_query_whatever_the_number_of_targets(cast):
    output("2024-04.ytd", "183.5")
    figure("population", "2023-12-31.instant", "66.1157", unit="万人")
    annual(path=Target.Path.LINEAR)
    card = scorecard(district=HOME, period=None, user=cast.leader)
    for rows in ([row for row in card.targets if row.target.code == "output-year"], card.targets):
        with CaptureQueriesContext(connection) as queries:
            paces(rows, district=HOME, today=TODAY)
        assert len(queries) == 1
