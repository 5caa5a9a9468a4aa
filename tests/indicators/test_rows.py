"""The scorecard tells what is approved, for which period, as known when, and nothing else."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.utils import timezone

from indicators.models import Indicator, Target, VintageStatus
from indicators.rows import figure_row, months_with_figures, scorecard, series, series_keys
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure, target

pytestmark = pytest.mark.django_db
JUNE, JULY = Period.month(2023, 6), Period.month(2023, 7)


def row(cast, code, period=None, **kwargs):
    return scorecard(district=HOME, period=period, user=cast.leader, codes=[code], **kwargs).by_code[code]


def annual_target(year, **columns):
    """500 亿元 of industrial output for the year."""
    target(
        f"output-{year}",
        indicator="industrial_output",
        period=f"{year}-12.year",
        value="500",
        unit="亿元",
        kind=Target.Kind.YEAR,
        measure=Target.Measure.VALUE,
        **columns,
    )


def test_article_figures_digit_for_digit(cast):
    output = row(cast, "industrial_output", JUNE)
    assert (output.value.text, output.growth.text) == ("223.7亿元", "17%")
    assert output.value.machine == "223.7"
    assert output.value.key == "industrial_output/220106/2023-06.ytd/value"
    assert output.ranks[0].place == 1
    assert "未说明" in output.ranks[0].by
    assert row(cast, "science_funds").value.text == "450余万元"
    assert row(cast, "cadres_trained").value.text == "近万人次"
    assert row(cast, "zero_employment_households").text.text == "动态清零"
    assert row(cast, "private_enterprises").growth.text == "21.37%"


def test_growth_only_indicator_has_no_value(cast):
    gdp = row(cast, "gdp", JUNE)
    assert gdp.value is None
    assert gdp.null_reason == "来源未载"
    assert gdp.growth.text == "10.1%"
    assert gdp.main == gdp.growth


# article.txt line 31
@pytest.mark.parametrize(
    ("code", "excess", "expected"),
    [
        ("service_revenue", "17.1个百分点", "10%"),
        ("housing_sales_area", "77.1个百分点", "15%"),
        ("domestic_capital", "22.8个百分点", "20%"),
    ],
)
def test_printed_excess_stands_and_expectation_is_derived(cast, code, excess, expected):
    found = row(cast, code, JUNE)
    assert found.excess.text == excess
    assert not found.excess.is_derived
    assert found.expected.text == expected
    assert found.expected.is_derived


def test_no_excess_without_a_printed_expectation(cast):
    with_excess = {r.indicator.code for r in scorecard(district=HOME, period=None, user=cast.leader).rows if r.excess}
    assert with_excess == {"service_revenue", "housing_sales_area", "domestic_capital"}


def test_expectation_of_june_says_nothing_about_july(cast):
    figure("service_revenue", "2023-07.ytd", growth="25.0")
    july = row(cast, "service_revenue", JULY)
    assert july.growth.text == "25.0%"
    assert july.excess is None
    assert july.expected is None
    target(
        "service-july",
        indicator="service_revenue",
        period="2023-07.ytd",
        value="12",
        kind=Target.Kind.EXPECTATION,
        measure=Target.Measure.GROWTH,
        unit="%",
    )
    entered = row(cast, "service_revenue", JULY)
    assert entered.excess.text == "+13.0个百分点"  # 25.0 − 12
    assert entered.excess.is_derived
    assert not entered.expected.is_derived


def test_period_without_figure_is_empty(cast):
    empty = row(cast, "industrial_output", Period.month(2023, 5))
    assert not empty.is_known
    assert empty.main is None


def test_month_without_a_slot_is_empty_by_rule(cast):
    january, july = Period.month(2024, 1), Period.month(2024, 7)
    assert row(cast, "industrial_output", january).is_off_calendar  # first slot is 1—2月
    assert not row(cast, "domestic_capital", january).is_off_calendar
    assert row(cast, "gdp", july).is_off_calendar  # quarterly
    assert not row(cast, "gdp", Period.month(2024, 9)).is_off_calendar
    assert not row(cast, "city_parks", Period.month(2023, 1)).is_off_calendar  # no calendar at all


def test_default_is_each_indicators_latest(cast):
    figure("industrial_output", "2023-07.ytd", "254.1", growth="16.2", unit="亿元")
    assert row(cast, "industrial_output").period == Period.ytd(2023, 7)
    assert row(cast, "gdp").period == Period.ytd(2023, 6)
    assert row(cast, "industrial_output", JUNE).value.text == "223.7亿元"


def test_counts_as_of_a_day_are_carried_until_the_next(cast):
    assert not row(cast, "private_enterprises", JUNE).is_known
    assert row(cast, "private_enterprises", Period.month(2023, 8)).value.text == "3.7万户"
    assert row(cast, "private_enterprises", Period.month(2023, 12)).period == Period.instant(dt.date(2023, 8, 4))


def test_month_value_and_rank_change_against_the_slot_before(cast):
    figure("industrial_output", "2023-07.ytd", "254.1", growth="16.2", unit="亿元", rank=2)
    july = row(cast, "industrial_output", JULY)
    assert july.slot_value.text == "30.4亿元"  # 254.1 − 223.7
    assert july.slot_value.is_derived
    assert july.ranks[0].change is None  # June's rank does not say whether by level or growth


def test_rank_change_needs_the_same_basis(cast):
    figure("fiscal_revenue", "2023-07.ytd", growth="40", rank=2)
    assert row(cast, "fiscal_revenue", JULY).ranks[0].change == -1


def test_no_month_value_across_units_or_for_approximations(cast):
    figure("industrial_output", "2023-07.ytd", "2541000", unit="万元")
    assert row(cast, "industrial_output", JULY).slot_value is None


def test_nothing_exact_is_computed_from_approximate_figures(cast):
    figure("industrial_output", "2023-07.ytd", "254.1", unit="亿元")
    figure("industrial_output", "2023-08.ytd", "290", unit="亿元", comparator=">", printed="290余亿元")
    figure("industrial_output", "2022-07.ytd", "200", unit="亿元", comparator="<", printed="近200亿元")
    annual_target(2023, path=Target.Path.LINEAR)
    august = row(cast, "industrial_output", Period.month(2023, 8))
    assert august.value.text == "290余亿元"
    assert (august.slot_value, august.completion, august.gap) == (None, None, None)
    july = row(cast, "industrial_output", JULY)
    assert july.last_year.text == "近200亿元"
    assert july.nominal_growth is None
    assert july.slot_value.text == "30.4亿元"


def test_no_share_of_a_target_where_less_is_better(cast):
    Indicator.objects.filter(code="industrial_output").update(direction=Indicator.Direction.DOWN)
    annual_target(2023)
    assert row(cast, "industrial_output", JUNE).completion is None


def test_target_known_later_does_not_show_before(cast):
    before = timezone.make_aware(dt.datetime(2023, 8, 3))
    assert scorecard(district=HOME, period=None, user=cast.leader, known_at=before).targets == ()


def test_windows_that_end_together_have_one_order(cast):
    figure("tax_relief", "2023-06-01_2023-08-04.window", "1.1", unit="亿元")
    assert row(cast, "tax_relief").value.text == "1.4亿元"


def test_computed_growth_stands_beside_the_published_one(cast):
    figure("industrial_output", "2022-06.ytd", "200.0", unit="亿元")
    june = row(cast, "industrial_output", JUNE)
    assert june.growth.text == "17%"
    assert june.nominal_growth.text == "11.9%"  # 223.7 / 200.0 − 1 = 0.1185
    assert june.nominal_growth.is_derived
    assert june.last_year.text == "200.0亿元"


def test_known_at_shows_what_was_known_then(cast):
    before = timezone.make_aware(dt.datetime(2023, 8, 3, 23, 59))
    after = timezone.make_aware(dt.datetime(2023, 8, 4, 23, 59))
    assert not row(cast, "gdp", JUNE, known_at=before).is_known
    assert row(cast, "gdp", JUNE, known_at=after).growth.text == "10.1%"


def test_revision_keeps_the_old_state_for_its_time(cast):
    figure("industrial_output", "2023-06.ytd", "224.0", unit="亿元", growth="17.2", reason="核实后更正")
    assert row(cast, "industrial_output", JUNE).value.text == "224.0亿元"
    then = timezone.make_aware(dt.datetime(2023, 12, 31))
    assert row(cast, "industrial_output", JUNE, known_at=then).value.text == "223.7亿元"


def test_backfilled_older_state_does_not_become_current(cast):
    older = timezone.make_aware(dt.datetime(2023, 7, 20))
    figure("industrial_output", "2023-06.ytd", "222.9", unit="亿元", known_from=older, reason="补录快报")
    assert row(cast, "industrial_output", JUNE).value.text == "223.7亿元"
    then = timezone.make_aware(dt.datetime(2023, 7, 25))
    assert row(cast, "industrial_output", JUNE, known_at=then).value.text == "222.9亿元"


def test_withdrawn_figure_is_no_figure(cast):
    figure("industrial_output", "2023-06.ytd", status=VintageStatus.WITHDRAWN, reason="发布有误")
    assert not row(cast, "industrial_output", JUNE).is_known
    assert not row(cast, "industrial_output").is_known


def test_annual_target_gives_completion_and_gap(cast):
    # by hand: 223.7 / 500 = 44.74 % → 44.7 %; half a year is 50 % → −5.3 points (−5.26)
    annual_target(2023, path=Target.Path.LINEAR)
    june = row(cast, "industrial_output", JUNE)
    assert (june.target.text, june.completion.text, june.gap.text) == ("500亿元", "44.7%", "-5.3个百分点")


def test_annual_target_of_another_year_has_no_current_value(cast):
    annual_target(2022)
    card = scorecard(district=HOME, period=None, user=cast.leader)
    assert next(t for t in card.targets if t.target.code == "output-2022").current is None
    assert card.by_code["industrial_output"].target is None


def test_promised_levels_have_no_current_value(cast):
    card = scorecard(district=HOME, period=None, user=cast.leader)
    shown = {t.target.code: t for t in card.headline_targets}
    assert [t.figure.text for t in card.headline_targets] == ["400亿元", "80万", "80平方公里"]
    assert all(t.current is None for t in shown.values())


def test_series_is_newest_first_and_says_the_same(cast):
    figure("industrial_output", "2023-07.ytd", "254.1", unit="亿元")
    indicator = Indicator.objects.get(code="industrial_output")
    keys = series_keys(indicator=indicator, district=HOME, user=cast.leader)
    found = series(indicator=indicator, district=HOME, keys=keys)
    assert [found[key].period.code for key in keys] == ["2023-07.ytd", "2023-06.ytd"]
    assert found[keys[0]] == row(cast, "industrial_output", JULY)
    only = series(indicator=indicator, district=HOME, keys=keys[:1])
    assert only == {keys[0]: found[keys[0]]}  # told beside June, which is not asked for


def test_series_of_an_earlier_moment(cast):
    before = timezone.make_aware(dt.datetime(2023, 8, 3))
    indicator = Indicator.objects.get(code="gdp")
    assert series_keys(indicator=indicator, district=HOME, user=cast.leader, known_at=before) == ()
    assert len(series_keys(indicator=indicator, district=HOME, user=cast.leader)) == 1


def test_figure_row_says_the_same_as_the_scorecard(cast):
    indicator = Indicator.objects.get(code="domestic_capital")
    found = figure_row(indicator=indicator, district=HOME, period=Period.ytd(2023, 6), user=cast.leader)
    assert found == row(cast, "domestic_capital", JUNE)


def test_months_with_figures(cast):
    assert [p.code for p in months_with_figures(HOME)] == ["2023-08.month", "2023-06.month"]


def test_numbers_stay_decimal(cast):
    for r in scorecard(district=HOME, period=None, user=cast.leader).rows:
        for found in (r.value, r.growth, r.excess, r.expected, *(f for _, f in r.comparisons)):
            assert found is None or found.value is None or type(found.value) is D
