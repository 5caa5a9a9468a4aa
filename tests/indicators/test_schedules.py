"""A target's replaced versions stay on the level chart. Figures made up; the lines are told by hand."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators.charts import indicator_charts
from indicators.models import Indicator, Target, TargetPoint
from indicators.pace import replaced_versions, schedule, scheduled
from indicators.rows import series, series_keys
from lvyuan.accounts.models import District
from tests.conftest import HOME
from tests.indicators.factories import figure, target

pytestmark = pytest.mark.django_db
REASON = "两个续建项目调出年度计划，已报批"


@pytest.fixture
def lowered() -> Target:
    """300 亿元 for 2024, lowered to 240 in the summer."""
    figure("industrial_output", "2024-06.ytd", "130", unit="亿元")
    said = {"indicator": "industrial_output", "period": "2024-12.year", "unit": "亿元", "kind": "year"}
    said |= {"measure": "value", "path": "linear", "deadline_stated": True}
    target("annual", value="300", **said)
    return target("annual", value="240", version=2, reason=REASON, authority="区政府常务会议", **said)


def lines(cast, targets: list[Target]) -> dict[str, tuple[str, dict[str, str]]]:
    """By name: role, and level due by label."""
    indicator = Indicator.objects.get(code="industrial_output")
    keys = series_keys(indicator=indicator, district=HOME, user=cast.leader)
    rows = series(indicator=indicator, district=HOME, keys=keys)
    history = [rows[key] for key in keys]
    charts = indicator_charts(history, indicator, schedules=[schedule(one, {}) for one in targets])
    figured = next(chart["figure"] for chart in charts if chart["id"] == "chart-value")
    return {
        trace["name"]: (
            trace["meta"]["role"],
            dict(zip(trace.get("x", figured["x"]), trace["y"], strict=True)),
        )
        for trace in figured["data"]
        if trace["meta"]["role"] in ("schedule", "old_target")
    }


def test_replaced_versions_newest_first(lowered):
    assert [one.version for one in replaced_versions(lowered)] == [1]
    with CaptureQueriesContext(connection) as queries:
        assert replaced_versions(Target.objects.get(code="annual", version=1)) == []
    assert len(queries) == 1  # the target itself


def test_old_schedule_stands_beside_the_new_one(lowered, cast):
    """At June half of the year is due: 120 of 240, before 150 of 300; the legend names version and reason."""
    found = lines(cast, [lowered, *replaced_versions(lowered)])
    role, due = found["应完成（第2版：两个续建项目调出年度计划…）"]
    assert (role, due["2024年1—6月"], due["2024年1—12月"]) == ("schedule", "120.00", "240.00")
    role, due = found["原应完成（第1版：原定）"]
    assert (role, due["2024年1—6月"], due["2024年1—12月"]) == ("old_target", "150.00", "300.00")


def test_a_first_version_is_just_the_schedule(lowered, cast):
    first = Target.objects.get(code="annual", version=1)
    assert list(lines(cast, [first])) == ["应完成"]


def test_old_plan_months_are_drawn(lowered, cast):
    Target.objects.filter(code="annual", version=1).update(path="plan")
    first = Target.objects.get(code="annual", version=1)
    TargetPoint.objects.create(target=first, due_on="2024-06-30", value=140)
    role, due = lines(cast, [lowered, *replaced_versions(lowered)])["原应完成（第1版：原定）"]
    assert (role, {label: value for label, value in due.items() if value}) == ("old_target", {"2024年1—6月": "140.00"})


def test_a_version_in_a_unit_that_the_chart_cannot_tell_has_no_line(lowered, cast):
    Target.objects.filter(code="annual", version=1).update(unit="个")
    assert [role for role, _ in lines(cast, [lowered, *replaced_versions(lowered)]).values()] == ["schedule"]
    Target.objects.filter(code="annual", version=1).update(unit="万元", value=3_000_000)
    found = lines(cast, [lowered, *replaced_versions(lowered)])
    assert found["原应完成（第1版：原定）"][1]["2024年1—12月"] == "3000000.00"  # drawn as 300 亿元 by its power


def test_page_shows_both(lowered, signed_in):
    assert District.objects.get(code=HOME) == lowered.district
    page = signed_in("leader").get("/indicators/industrial_output/").content.decode()
    assert "原应完成（第1版：原定）" in page
    assert "应完成（第2版：" in page


def test_scheduled_is_the_latest_annual_level_target(lowered):
    """Neither the last version of a year before, nor a later target of growth or without a path."""
    indicator = Indicator.objects.get(code="industrial_output")
    said = {"indicator": "industrial_output", "unit": "亿元", "kind": "year", "deadline_stated": True}
    target("before", value="200", period="2023-12.year", measure="value", path="linear", **said)
    target("growth", value="8", period="2025-12.year", measure="growth", path="linear", **said)
    target("pathless", value="400", period="2025-12.year", measure="value", path="none", **said)
    assert scheduled(indicator, district=HOME) == lowered
    assert scheduled(Indicator.objects.get(code="gdp"), district=HOME) is None


def test_a_planned_target_comes_with_its_months(lowered):
    Target.objects.filter(pk=lowered.pk).update(path="plan")
    TargetPoint.objects.create(target=lowered, due_on="2024-06-30", value=110)
    found = scheduled(Indicator.objects.get(code="industrial_output"), district=HOME)
    with CaptureQueriesContext(connection) as queries:
        assert [point.value for point in found.points.all()] == [110]
    assert len(queries) == 0
