"""Targets are set and changed by admins, version by version; the plan belongs to the promise."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from indicators import actions
from indicators.models import Indicator, Source, Target, TargetPoint
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import District
from lvyuan.audit.models import Event
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import target

pytestmark = pytest.mark.django_db
YEAR = Period.year(2024)


def end(month: int, year: int = 2024) -> dt.date:
    return Period.month(year, month).end


def columns(**said: object) -> dict[str, object]:
    """An annual level of industrial output, 500亿元 by the end of 2024, linear."""
    return {
        "name": "工业总产值",
        "indicator": Indicator.objects.get(code="industrial_output"),
        "kind": Target.Kind.YEAR,
        "measure": Target.Measure.VALUE,
        "value": D("500"),
        "unit": "亿元",
        "path": Target.Path.LINEAR,
        "source": Source.objects.get(code="article-2023-08"),
    } | said


def set_target(by, *, code="output-2024", period=YEAR, points=(), version=None, reason="", authority="", **said):
    given = columns(**said) if version is None else said
    return actions.set_target(
        by=by,
        district=District.objects.get(code=HOME),
        code=code,
        period=period,
        columns=given,
        points=points,
        version=version,
        reason=reason,
        authority=authority,
    )


def changed(by, version=1, **said):
    return set_target(by, version=version, reason="年中调整", authority="区政府常务会议纪要", **said)


def test_new_target_is_the_first_version_without_a_reason(cast):
    made = set_target(cast.admin, reason="不该留下")
    assert (made.version, made.value, made.unit, made.reason) == (1, D("500"), "亿元", "")
    assert list(Target.objects.filter(code="output-2024").in_force()) == [made]


@pytest.mark.parametrize("who", ["staff", "reviewer", "leader", "auditor"])
def test_only_admins_set_targets(cast, who):
    with pytest.raises(NotAllowed, match="只有管理员"):
        set_target(getattr(cast, who))
    assert not Target.objects.filter(code="output-2024").exists()


def test_change_is_a_version_that_keeps_what_it_does_not_name(cast):
    set_target(cast.admin, note="按现价", order=7, is_headline=True)
    second = changed(cast.admin, value=D("520"))
    assert (second.version, second.value, second.note, second.order, second.is_headline) == (
        2,
        D("520"),
        "按现价",
        7,
        True,
    )
    assert (second.reason, second.authority) == ("年中调整", "区政府常务会议纪要")
    assert Target.objects.get(code="output-2024", version=1).value == D("500")


def test_change_of_a_value_drops_the_print_of_the_old_one(cast):
    """article.txt line 13 prints 80万; a changed number is not printed there."""
    old = Target.objects.get(code="population-80")
    assert old.printed == "80万"
    new = actions.set_target(
        by=cast.admin,
        district=old.district,
        code=old.code,
        period=old.period,
        columns={"value": D("85")},
        version=1,
        reason="调整",
        authority="纪要",
    )
    assert (new.printed, new.locator, new.value) == ("", old.locator, D("85"))
    other = Source.objects.create(code="minutes", kind="notice", title="会议纪要")
    third = actions.set_target(
        by=cast.admin,
        district=old.district,
        code=old.code,
        period=old.period,
        columns={"source": other},
        version=2,
        reason="调整",
        authority="纪要",
    )
    assert (third.locator, third.wording, third.value) == ("", "", D("85"))


def test_change_asks_for_reason_authority_and_a_difference(cast):
    set_target(cast.admin)
    for reason, authority in (("", "纪要"), ("理由", " ")):
        with pytest.raises(Refused, match="理由和批准依据"):
            set_target(cast.admin, version=1, reason=reason, authority=authority, value=D("520"))
    with pytest.raises(Refused, match="没有不同"):
        changed(cast.admin, value=D("500"))
    assert changed(cast.admin, value=D("500.0")).version == 2  # another print of the number


def test_version_that_somebody_else_changed_is_a_conflict(cast):
    set_target(cast.admin)
    changed(cast.admin, value=D("520"))
    with pytest.raises(Conflict, match="已有新的版本"):
        changed(cast.admin, version=1, value=D("530"))
    with pytest.raises(Conflict, match="已经有代码"):
        set_target(cast.admin)
    with pytest.raises(Conflict, match="已有新的版本"):
        changed(cast.admin, version=3, value=D("530"))
    assert Target.objects.filter(code="output-2024").count() == 2


PLAN = [(end(3), D("100")), (end(6), D("250")), (end(12), D("500"))]


def test_plan_is_stored_with_its_version(cast):
    first = set_target(cast.admin, path="plan", points=PLAN)
    assert list(first.points.values_list("due_on", "value")) == PLAN
    later = [(end(6), D("240")), (end(12), D("500"))]
    second = changed(cast.admin, points=later)
    assert list(second.points.values_list("due_on", "value")) == later
    assert list(first.points.values_list("due_on", "value")) == PLAN
    with pytest.raises(Refused, match="没有不同"):
        changed(cast.admin, version=2, points=later)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ((), "须填写月度计划"),
        ([(end(6), D("250")), (end(3), D("100")), (end(12), D("500"))], "按月份先后"),
        ([(end(6), D("250")), (end(6), D("260")), (end(12), D("500"))], "按月份先后"),
        ([(end(12, 2023), D("10")), (end(12), D("500"))], "须在2024年之内"),
        ([(end(3), D("100")), (end(6), D("90")), (end(12), D("500"))], "6月不能少于上一个月"),
        ([(end(3), D("100")), (end(12), D("499"))], "等于目标值"),
        ([(end(3), D("100")), (end(11), D("500"))], "最后一个月须是12月"),
    ],
)
def test_plan_that_does_not_lead_to_the_target_is_refused(cast, points, said):
    with pytest.raises(Refused, match=said):
        set_target(cast.admin, path="plan", points=points)
    assert not TargetPoint.objects.exists()


def test_plan_of_a_stock_may_go_down(cast):
    stock = Indicator.objects.get(code="population")
    points = [(end(6), D("81")), (end(12), D("80"))]
    made = set_target(cast.admin, indicator=stock, path="plan", value=D("80"), unit="万人", points=points)
    assert made.points.count() == 2


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"value": None}, "填写目标值"),
        ({"unit": ""}, "计量单位"),
        ({"unit": "亿圆"}, "不是认得的计量单位"),
        ({"unit": "万元"}, "计量单位是亿元"),
        ({"measure": "text", "path": "none"}, "写明表述"),
        ({"measure": "growth"}, "不计进度"),
        ({"measure": "growth", "path": "none", "indicator": None}, "须指明指标"),
        ({"indicator": None}, "须指明指标"),
        ({"direction": "range", "path": "none"}, "下限和上限"),
        ({"direction": "range", "path": "none", "upper": D("499")}, "不能低于下限"),
        ({"direction": "range", "upper": D("510")}, "不计进度"),
        ({"upper": D("510")}, "有上限"),
        ({"direction": "relation", "path": "none"}, "增速目标"),
        ({"direction": "relation", "path": "none", "measure": "growth", "value": None}, "与哪项指标"),
        ({"met_on": dt.date(2024, 5, 1)}, "有完成日期"),
        ({"direction": "by_date", "path": "none", "met_on": dt.date(2999, 1, 1)}, "不能晚于今天"),
        ({"path": "compound"}, "基期值和基期日期"),
        ({"path": "compound", "baseline_value": D("0"), "baseline_on": dt.date(2022, 12, 31)}, "大于零"),
        ({"baseline_value": D("300")}, "基期日期"),
        ({"baseline_on": dt.date(2022, 12, 31)}, "须写明基期值"),
        ({"baseline_value": D("300"), "baseline_on": dt.date(2024, 12, 31)}, "早于期限"),
        ({"points": PLAN}, "有月度计划"),
        ({"period": Period.ytd(2024, 6)}, "一整年"),
        ({"kind": "three_years"}, "写明起止"),
        ({"kind": "three_years", "period": Period.plan((2023, 1), (2025, 12))}, "只用于年度目标"),
        ({"name": "工" * 81}, "80"),
    ],
)
def test_promise_that_contradicts_itself_is_refused(cast, said, match):
    with pytest.raises(Refused, match=match) as refused:
        set_target(cast.admin, **said)
    assert str(refused.value).endswith("没有保存任何内容。")
    assert not Target.objects.filter(code="output-2024").exists()


def test_comparison_with_itself_is_refused(cast):
    own = Indicator.objects.get(code="industrial_output")
    with pytest.raises(Refused, match="同一项指标"):
        set_target(cast.admin, direction="relation", path="none", measure="growth", value=None, compared_with=own)


@pytest.mark.parametrize("path", ["linear", "seasonal"])
def test_schedule_by_months_is_for_flows(cast, path):
    stock = Indicator.objects.get(code="population")
    with pytest.raises(Refused, match="时期数指标"):
        set_target(cast.admin, indicator=stock, value=D("80"), unit="万人", path=path)


@pytest.mark.parametrize(
    "said",
    [
        {"direction": "down"},
        {"direction": "range", "path": "none", "upper": D("520")},
        {"direction": "by_date", "path": "none", "met_on": dt.date(2024, 5, 1)},
        {"measure": "text", "path": "none", "text": "创建示范区", "direction": "by_date"},
        {"measure": "growth", "path": "none", "value": D("8"), "unit": ""},
        {
            "kind": "three_years",
            "period": Period.plan((2023, 1), (2025, 12)),
            "path": "compound",
            "baseline_value": D("300"),
            "baseline_on": dt.date(2022, 12, 31),
        },
    ],
)
def test_every_direction_and_path_can_be_promised(cast, said):
    made = set_target(cast.admin, **said)
    made.full_clean()
    assert made.version == 1


def test_relation_needs_no_number_and_a_rate_is_in_percent(cast):
    """居民收入与经济增长同步: domain rules §4."""
    made = set_target(
        cast.admin,
        measure="growth",
        direction="relation",
        path="none",
        value=None,
        compared_with=Indicator.objects.get(code="gdp"),
    )
    assert (made.value, made.unit) == (None, "")
    rate = set_target(cast.admin, code="growth", measure="growth", path="none", value=D("8"), unit="亿元")
    assert rate.unit == "%"


def test_setting_takes_the_same_queries_for_one_point_and_many(cast):
    few = [(end(12), D("500"))]
    many = [(end(month), D(40 * month)) for month in range(1, 12)] + few
    counts = []
    for code, points in (("a", few), ("b", many)):
        with CaptureQueriesContext(connection) as queries:
            set_target(cast.admin, code=code, path="plan", points=points)
        counts.append(len(queries))
        # Two admins at once: the second waits here, and then finds a version that it has not seen.
        assert "FOR NO KEY UPDATE" in " ".join(query["sql"] for query in queries)
    assert counts[0] == counts[1]


# What the table itself refuses.


def stored(**said):
    given = {"indicator": "industrial_output", "period": "2024-12.year", "value": "500", "unit": "亿元"}
    given |= {"kind": "year", "measure": "value"}
    return target("raw", **(given | said))


@pytest.mark.parametrize(
    ("said", "constraint"),
    [
        ({"direction": "range"}, "target_range_complete"),
        ({"direction": "range", "upper": D("499")}, "target_range_complete"),
        ({"upper": D("501")}, "target_range_complete"),
        ({"direction": "relation", "measure": "growth"}, "target_relation_complete"),
        ({"met_on": dt.date(2024, 5, 1)}, "target_met_is_by_date"),
        ({"version": 2}, "target_change_has_reason"),
        ({"baseline_value": D("1")}, "target_baseline_complete"),
        ({"baseline_on": dt.date(2023, 12, 31)}, "target_baseline_complete"),
        ({"baseline_value": D("1"), "baseline_on": dt.date(2024, 12, 31)}, "target_baseline_complete"),
        ({"baseline_value": D("1"), "baseline_on": dt.date(2025, 1, 1)}, "target_baseline_complete"),
    ],
)
def test_table_refuses(said, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        stored(**said)


@pytest.mark.parametrize(
    "said",
    [
        {"direction": "range", "upper": D("500")},
        {"direction": "by_date", "met_on": dt.date(2024, 5, 1)},
        {"version": 2, "reason": "调整", "authority": "纪要"},
        {"baseline_value": D("1"), "baseline_on": dt.date(2024, 12, 30)},
        {"baseline_value": None, "baseline_on": None},
    ],
)
def test_table_takes(said):
    assert stored(**said).pk


def test_table_refuses_relations_of_levels_and_takes_those_of_growth():
    other = Indicator.objects.get(code="gdp")
    assert stored(direction="relation", measure="growth", compared_with=other).pk
    with pytest.raises(IntegrityError, match="target_relation_complete"), transaction.atomic():
        stored(version=2, reason="x", authority="x", compared_with=other)


def test_points_end_their_month_and_stand_once():
    made = stored()
    TargetPoint.objects.create(target=made, due_on=dt.date(2024, 2, 29), value=D("1"))
    with pytest.raises(IntegrityError, match="targetpoint_unique"), transaction.atomic():
        TargetPoint.objects.create(target=made, due_on=dt.date(2024, 2, 29), value=D("2"))
    with pytest.raises(IntegrityError, match="targetpoint_ends_month"), transaction.atomic():
        TargetPoint.objects.create(target=made, due_on=dt.date(2024, 2, 28), value=D("2"))


# Pages

CHANGE = f"/targets/{HOME}/output-2024/change/"


def field(page: str, name: str) -> str:
    """The value that a text field shows."""
    (tag,) = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
    found = re.search(r'value="([^"]*)"', tag)
    return found[1] if found else ""


def typed(**said: str) -> dict[str, str]:
    return {
        "code": "output-2024",
        "name": "工业总产值",
        "kind": "year",
        "indicator": "industrial_output",
        "measure": "value",
        "value": "500亿元",
        "unit": "亿元",
        "direction": "up",
        "period": "2024年",
        "path": "plan",
        "month_6": "2500000万元",
        "month_12": "500",
        "rounding": "half_up",
        "places": "1",
        "source": "article-2023-08",
    } | said


def test_form_sets_a_target_with_its_plan(signed_in):
    client = signed_in("admin")
    page = client.get("/targets/new/").content.decode()
    assert len(re.findall(r'name="month_\d+"', page)) == 12
    response = client.post("/targets/new/", typed())
    assert (response.status_code, response["Location"]) == (302, f"/figures/target/{HOME}/output-2024/")
    made = Target.objects.get(code="output-2024")
    assert (made.value, made.printed, made.comparator, made.period) == (D("500"), "", "=", YEAR)
    assert list(made.points.values_list("due_on", "value")) == [(end(6), D("250")), (end(12), D("500"))]
    detail = client.get(response["Location"]).content.decode()
    assert "250亿元" in detail
    assert f'data-key="target/{HOME}/output-2024/plan-6"' in detail
    assert CHANGE in detail


def test_form_changes_a_target_and_shows_it_as_it_is(signed_in, cast):
    set_target(cast.admin, path="plan", points=PLAN, value=D("500"))
    client = signed_in("admin")
    page = client.get(CHANGE).content.decode()
    assert [field(page, name) for name in ("value", "month_3", "month_6", "month_1", "period", "version")] == [
        "500",
        "100",
        "250",
        "",
        "2024年",
        "1",
    ]
    said = typed(version="1", month_3="100", month_6="250", value="520", month_12="520")
    assert client.post(CHANGE, said).status_code == 422
    said |= {"reason": "市里下达新目标", "authority": "区政府常务会议纪要"}
    assert client.post(CHANGE, said).status_code == 302
    again = client.post(CHANGE, said | {"value": "530", "month_12": "530"})
    assert again.status_code == 409
    assert "已有新的版本" in again.content.decode()
    assert field(again.content.decode(), "value") == "530"  # nothing typed is lost
    assert Target.objects.filter(code="output-2024").count() == 2
    page = client.get("/targets/").content.decode()
    assert "第 2 版" in page
    assert cast.admin.name in page
    assert "市里下达新目标" in page


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"baseline_value": "450"}, "基期值须写明基期日期"),
        ({"baseline_on": "2023-12-31"}, "有基期日期，须写明基期值"),
        ({"baseline_value": "450", "baseline_on": "2024-12-31"}, "基期须早于期限"),
    ],
)
def test_form_says_what_a_baseline_lacks_and_keeps_what_was_typed(signed_in, said, reason):
    response = signed_in("admin").post("/targets/new/", typed(**said))
    page = response.content.decode()
    assert response.status_code == 409
    assert f"{reason}，没有保存任何内容。" in page
    assert {name: field(page, name) for name in said} == said
    assert not Target.objects.filter(code="output-2024").exists()


def test_form_keeps_the_print_of_a_value_that_it_does_not_change(signed_in):
    client = signed_in("admin")
    page = client.get(f"/targets/{HOME}/population-80/change/").content.decode()
    said = typed(
        version="1", kind="three_years", indicator="population", value=field(page, "value"), unit="万人",
        period=field(page, "period"), path="none", month_6="", month_12="", note="改了说明",
        reason="更正", authority="纪要",
    )  # fmt: skip
    assert client.post(f"/targets/{HOME}/population-80/change/", said).status_code == 302
    new = Target.objects.get(code="population-80", version=2)
    assert (new.printed, new.value, new.note) == ("80万", D("80"), "改了说明")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"value": "abc"}, "不是"),
        ({"period": "2016.1"}, "小数点写法无法分辨"),
        ({"month_6": "近250"}, "确切数值"),
        ({"month_6": "—"}, "请填写数字"),
        ({"code": "产值"}, "代码"),
    ],
)
def test_form_says_what_it_cannot_read(signed_in, said, match):
    response = signed_in("admin").post("/targets/new/", typed(**said))
    assert response.status_code == 422
    assert match in response.content.decode()
    assert not Target.objects.filter(code="output-2024").exists()


def test_form_keeps_the_wording_of_an_inexact_target(signed_in):
    """千亿级 is such a target (article.txt line 91)."""
    said = typed(value="不低于500", path="none", month_6="", month_12="")
    assert signed_in("admin").post("/targets/new/", said).status_code == 302
    made = Target.objects.get(code="output-2024")
    assert (made.value, made.comparator, made.printed) == (D("500"), ">=", "不低于500亿元")


def test_list_tells_deadline_and_whether_it_is_stated(signed_in):
    page = signed_in("leader").get("/targets/").content.decode()
    rows = {m[1]: m[0] for m in re.findall(r"(<tr>.*?/220106/([\w-]+)/.*?</tr>)", page, re.DOTALL)}
    assert "来源未写明" in rows["population-80"]
    assert "来源未写明" not in rows["gdp-2025"]
    assert "2023年8月—2025年12月" in rows["gdp-2025"]
    assert "按来源载入" in rows["gdp-2025"]
    assert "新建目标" not in page


def test_list_takes_the_same_queries_for_few_and_many(signed_in, cast):
    client = signed_in("leader")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/targets/").status_code == 200
        return len(queries)

    count()
    few = count()
    for number in range(12):
        set_target(cast.admin, code=f"more-{number}")
    assert count() == few <= 10


def test_history_names_who_changed_and_why(cast):
    set_target(cast.admin)
    second = changed(cast.admin, value=D("520"))
    event = Event.objects.about(second).first()
    assert (event.actor_id, event.reason) == (cast.admin.pk, "年中调整")
