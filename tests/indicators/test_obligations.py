"""Who owes what in which round, by hand from the calendars of domain rules §2."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators.models import Assignment, Indicator, Round
from indicators.obligations import owed, owed_each, owing_departments
from lvyuan.accounts.models import Department, District
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators

pytestmark = pytest.mark.django_db


def planned(year: int, month: int) -> Round:
    """A round that is not stored."""
    last = (dt.date(year, month, 28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
    return Round(district=District.objects.get(code=HOME), month=last)


def asked(year: int, month: int) -> dict[str, str]:
    """What a month's round asks for: indicator's code → its own period in words."""
    return {one.indicator.code: one.period_text for one in owed(planned(year, month))}


def test_january_asks_for_what_reports_january_and_for_nothing_else():
    assert asked(2026, 1) == {
        "fiscal_revenue": "2026年1—1月",
        "fiscal_quality": "2026年1—1月",
        "domestic_capital": "2026年1—1月",
    }


def test_february_asks_industry_services_and_housing_for_two_months_together():
    assert asked(2026, 2) == {
        "industrial_output": "2026年1—2月",
        "service_revenue": "2026年1—2月",
        "housing_sales_area": "2026年1—2月",
        "fiscal_revenue": "2026年1—2月",
        "fiscal_quality": "2026年1—2月",
        "domestic_capital": "2026年1—2月",
    }


@pytest.mark.parametrize(
    ("month", "period"), [(3, "2026年一季度"), (6, "2026年上半年"), (9, "2026年前三季度"), (12, "2026年全年")]
)
def test_gdp_is_asked_for_at_quarter_ends_cumulatively(month, period):
    assert asked(2026, month)["gdp"] == period


@pytest.mark.parametrize("month", [1, 2, 4, 5, 7, 8, 10, 11])
def test_gdp_is_not_asked_for_between_quarter_ends(month):
    assert "gdp" not in asked(2026, month)


def test_the_yearly_ones_are_asked_for_in_december_only():
    yearly = {"population": "截至2026年12月31日", "built_up_area": "截至2026年12月31日"}
    assert {code: period for code, period in asked(2026, 12).items() if code in yearly} == yearly
    assert not any(set(asked(2026, month)) & set(yearly) for month in range(1, 12))


def test_irregular_indicators_are_never_asked_for():
    assert not any("tax_relief" in asked(2026, month) for month in range(1, 13))


@pytest.mark.parametrize(
    ("month", "period"),
    [(1, "2025年1—12月"), (2, None), (3, "2026年1—2月"), (4, "2026年1—3月"), (12, "2026年1—11月")],
)
def test_a_series_that_lags_a_month_is_asked_for_its_own_period(month, period):
    Indicator.objects.filter(code="service_revenue").update(lag_months=1)
    assert asked(2026, month).get("service_revenue") == period


@pytest.mark.parametrize(("month", "period"), [(3, None), (4, "2026年一季度"), (1, "2025年全年")])
def test_a_quarterly_series_that_lags_is_asked_for_a_month_after_the_quarter(month, period):
    Indicator.objects.filter(code="gdp").update(lag_months=1)
    assert asked(2026, month).get("gdp") == period


@pytest.mark.parametrize(("kind", "period"), [("month", "2026年3月"), ("quarter", "2026年一季度"), ("year", None)])
def test_other_kinds_of_period_follow_the_round_too(kind, period):
    Indicator.objects.filter(code="fiscal_revenue").update(primary_kind=kind)
    assert asked(2026, 3).get("fiscal_revenue") == period


def test_each_department_owes_its_own_in_order():
    assert [department.code for department in owing_departments(planned(2026, 1))] == ["swj", "czj"]
    finance = Department.objects.get(code="czj")
    assert [one.indicator.code for one in owed(planned(2026, 3), finance)] == ["fiscal_revenue", "fiscal_quality"]
    assert [one.indicator.code for one in owed(planned(2026, 3), codes=["gdp"])] == ["gdp"]


def test_an_assignment_holds_from_its_first_to_its_last_day():
    was = Assignment.objects.get(indicator__code="fiscal_revenue")
    Assignment.objects.filter(pk=was.pk).update(valid_to=dt.date(2026, 2, 28))
    new = Department.objects.get(code="tjj")
    Assignment.objects.create(
        district=was.district, indicator=was.indicator, department=new, valid_from=dt.date(2026, 3, 1)
    )
    owners = {
        month: next(one.department.code for one in owed(planned(2026, month)) if one.indicator.code == "fiscal_revenue")
        for month in (2, 3)
    }
    assert owners == {2: "czj", 3: "tjj"}


def test_the_unit_is_the_one_in_force_at_the_periods_end():
    version = Indicator.objects.get(code="industrial_output").versions.get()
    version.valid_to = dt.date(2026, 2, 28)
    version.save(update_fields=["valid_to"])
    version.pk, version.unit = None, "万元"
    version.valid_from, version.valid_to = dt.date(2026, 3, 1), None
    version._state.adding = True
    version.save()
    units = [owed(planned(2026, month), codes=["industrial_output"])[0].unit for month in (2, 3)]
    assert units == ["亿元", "万元"]


def test_a_released_figure_is_known_as_published():
    from indicators.actions import release
    from tests.conftest import make_user

    vintage = figure("industrial_output", "2026-03.ytd", "60.5", unit="亿元")
    assert not owed(planned(2026, 3), codes=["industrial_output"])[0].is_published
    release(by=make_user("r", "reviewer"), vintages=[vintage], authority="区统计局", released_at=timezone.now())
    assert owed(planned(2026, 3), codes=["industrial_output"])[0].is_published
    assert not owed(planned(2026, 4), codes=["industrial_output"])[0].is_published


def test_many_rounds_are_asked_in_one_query_and_say_the_same():
    months = [planned(2026, month) for month in range(1, 13)]
    one_by_one = [owed(month) for month in months]
    with CaptureQueriesContext(connection) as queries:
        together = owed_each(months)
    assert together == one_by_one
    assert len(queries) == 1
    assert owed_each([]) == []


def test_sixty_indicators_take_no_more_queries_than_one():
    gxj = Department.objects.get(code="gxj")
    Assignment.objects.bulk_create(
        Assignment(district=gxj.district, indicator=one, department=gxj, valid_from=dt.date(2020, 1, 1))
        for one in many_indicators(59)
    )
    march = planned(2026, 3)
    with CaptureQueriesContext(connection) as queries:
        assert len(owed(march, gxj)) == 60
    assert len(queries) == 1
