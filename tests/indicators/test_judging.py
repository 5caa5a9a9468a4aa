"""Figures are judged when they are approved, by what was known, and never again by a later rule."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.actions import VintageInput, record_published
from indicators.models import (
    Indicator,
    LightExemption,
    LightResult,
    LightRule,
    LightRuleUse,
    LightRuleVersion,
    Source,
    Target,
    TargetPoint,
    VintageStatus,
)
from indicators.refusals import NotAllowed, Refused
from lvyuan.accounts.models import District
from lvyuan.periods import Period
from tests.indicators.factories import HOME, figure, many_indicators, target

pytestmark = pytest.mark.django_db
CODE = "industrial_output"
JUNE = "2023-06.ytd"


def moment(year: int, month: int, day: int) -> dt.datetime:
    return timezone.make_aware(dt.datetime(year, month, day, 9))


def level(value: str = "500", year: int = 2024, **columns) -> Target:
    """An annual level of industrial output, in 亿元, on the calendar's path unless said otherwise."""
    given = {"path": Target.Path.LINEAR, "known_from": moment(year, 1, 10), "code": f"output-{year}"} | columns
    return target(
        given.pop("code"),
        indicator=CODE,
        period=f"{year}-12.year",
        value=value,
        unit="亿元",
        kind=Target.Kind.YEAR,
        measure=Target.Measure.VALUE,
        **given,
    )


def growth_target(value: str, *, period: str = "2024-12.year", kind=Target.Kind.YEAR, **columns) -> Target:
    given = {"known_from": moment(2024, 1, 10), "indicator": CODE} | columns
    return target(
        f"growth-{period}-{value}",
        period=period,
        value=value,
        unit="%",
        kind=kind,
        measure=Target.Measure.GROWTH,
        **given,
    )


def use(code: str, indicator: str = CODE) -> LightRule:
    rule = LightRule.objects.get(code=code)
    LightRuleUse.objects.create(rule=rule, indicator=Indicator.objects.get(code=indicator))
    return rule


def city_figure(code: str, period: str, growth: str, **columns):
    asked = Period.from_code(period)
    record_published(
        by=None,
        reason="",
        figures=[
            VintageInput(
                district=District.objects.get(code="220100"),
                indicator=Indicator.objects.get(code=code),
                period=asked,
                source=Source.objects.get(code="test"),
                known_from=columns.pop("known_from", timezone.now()),
                columns={"growth": D(growth)} | columns,
            )
        ],
    )


def results(vintage) -> list[LightResult]:
    return list(vintage.light_results.order_by("number"))


def only(vintage) -> LightResult:
    (found,) = results(vintage)
    return found


def told(vintage) -> tuple[str, str]:
    found = results(vintage)[-1]
    return found.light, found.sentence


def again(code: str = CODE) -> list[LightResult]:
    return actions.judge_latest(
        by=None,
        district=District.objects.get(code=HOME),
        indicators=Indicator.objects.filter(code=code),
        reason="测试",
    )


# What is judged


def test_article_is_judged_only_where_it_tells_an_expectation():
    # article.txt line 31: 超出预期17.1, 77.1, 22.8个百分点; no other figure has a target to hold it against
    found = {
        result.vintage.observation.indicator.code: (result.light, result.sentence)
        for result in LightResult.objects.select_related("vintage__observation__indicator")
    }
    assert found == {
        "service_revenue": ("green", "超出预期17.1个百分点 → 绿"),
        "housing_sales_area": ("green", "超出预期77.1个百分点 → 绿"),
        "domestic_capital": ("green", "超出预期22.8个百分点 → 绿"),
    }


def test_level_target_is_judged_by_the_default_rule():
    # domain.md §4: 36.7 % at April is +3.4; 183.5 of 500 is 36.7 %
    promised = level()
    found = only(figure(CODE, "2024-04.ytd", "183.5", unit="亿元"))
    assert (found.light, found.sentence) == ("green", "完成36.7%，序时33.3%，超3.4个百分点 → 绿")
    assert found.inputs == {"completion": "36.7", "due_share": "33.3", "gap_pp": "3.4", "plan_ratio": "110.1"}
    assert found.target == promised
    assert found.rule_version.rule.default_for == "level"
    assert found.district.code == HOME


def test_no_target_no_rule_no_light():
    assert results(figure(CODE, "2024-04.ytd", "183.5", unit="亿元")) == []


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"value": "1835000", "unit": "万元"}, "数据以万元计，目标以亿元计"),
        ({"value": "183.5", "unit": "亿元", "comparator": ">", "printed": "183.5余亿元"}, "数值不是准确数"),
        ({"growth": "4.0", "null_reason": "not_published"}, "没有数值"),
    ],
)
def test_what_cannot_be_held_against_the_target_is_unrated_and_never_red(columns, reason):
    level()
    assert told(figure(CODE, "2024-04.ytd", **columns)) == ("none", f"未评：{reason}")


def test_side_periods_and_withdrawn_figures_are_not_judged():
    level()
    assert results(figure(CODE, "2024-04.month", "40", unit="亿元")) == []
    withdrawn = figure(CODE, "2024-04.ytd", status=VintageStatus.WITHDRAWN)
    assert results(withdrawn) == []


@pytest.mark.parametrize(
    ("of_indicator", "of_target", "nature"),
    [
        ("down", "up", "flow"),
        ("up", "down", "flow"),
        ("none", "down", "flow"),
        ("range", "range", "flow"),
        ("down", "down", "stock"),
        ("down", "down", "ratio"),
    ],
)
def test_target_that_looks_another_way_or_does_not_add_up_is_not_judged(of_indicator, of_target, nature):
    Indicator.objects.filter(code=CODE).update(direction=of_indicator, nature=nature)
    level(direction=of_target, upper=D(600) if of_target == "range" else None)
    assert results(figure(CODE, "2024-04.ytd", "183.5", unit="亿元")) == []


# By hand, of at most 500 a year; at April 33.3 % of it may be used. 150 is 30.0 %: 3.3 fewer. 183.5 is 36.7 %: 3.4 too
# many. 200 is 40.0 %: 6.7 too many, so red from 5 on. 500/3 is the very share.
@pytest.mark.parametrize(
    ("value", "light", "sentence"),
    [
        ("150", "green", "占上限30.0%，序时33.3%，少3.3个百分点 → 绿"),
        ("183.5", "yellow", "占上限36.7%，序时33.3%，多3.4个百分点 → 黄"),
        ("200", "red", "占上限40.0%，序时33.3%，多6.7个百分点 → 红"),
        ("166.6667", "green", "占上限33.3%，序时33.3%，持平 → 绿"),
    ],
)
def test_amount_that_is_not_to_be_exceeded_is_held_against_the_share_due(value, light, sentence):
    Indicator.objects.filter(code=CODE).update(direction=Indicator.Direction.DOWN)
    promised = level(direction=Target.Direction.DOWN)
    found = only(figure(CODE, "2024-04.ytd", value, unit="亿元"))
    assert (found.light, found.sentence, found.target) == (light, sentence, promised)
    assert "plan_ratio" not in found.inputs


def test_ratio_to_plan_says_nothing_of_a_limit():
    use("plan-ratio")
    Indicator.objects.filter(code=CODE).update(direction=Indicator.Direction.DOWN)
    level(direction=Target.Direction.DOWN)
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    assert told(vintage) == ("none", "未评：目标是上限，没有达到计划进度的比例")


def test_limit_of_several_years_is_not_judged():
    Indicator.objects.filter(code=CODE).update(direction=Indicator.Direction.DOWN)
    falling = {"baseline_value": D(700), "baseline_on": dt.date(2023, 12, 31)}
    level(direction=Target.Direction.DOWN, path=Target.Path.COMPOUND, **falling)
    assert results(figure(CODE, "2024-12.ytd", "480", unit="亿元")) == []


# Paths


def test_plan_path():
    # by hand: planned 235 of 500 is 47.0 %; done 36.7 %; 36.7/47.0 = 78.1 %; gap −10.3 → red by default
    promised = level(path=Target.Path.PLAN)
    TargetPoint.objects.create(target=promised, due_on=dt.date(2024, 4, 30), value=D("235"))
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    assert told(vintage) == ("red", "完成36.7%，计划47.0%，低10.3个百分点 → 红")
    assert only(vintage).inputs["plan_ratio"] == "78.1"
    missing = figure(CODE, "2024-05.ytd", "200", unit="亿元")
    assert told(missing) == ("none", "未评：没有这个月的计划数")


def test_seasonal_path():
    # by hand: last year 120 of 400 at April is 30.0 %; now 36.7 %: +6.7
    figure(CODE, "2023-04.ytd", "120", unit="亿元")
    figure(CODE, "2023-12.ytd", "400", unit="亿元")
    level(path=Target.Path.SEASONAL)
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    assert told(vintage) == ("green", "完成36.7%，按上年同期应30.0%，超6.7个百分点 → 绿")
    assert told(figure(CODE, "2024-05.ytd", "230", unit="亿元")) == ("none", "未评：没有上年同期和全年的同口径数")


def test_compound_path():
    # by hand: 100 → 400 in two years; after one year 100 × 4^(1/2) = 200, that is 50 % of 400; 190 is 47.5 %
    target(
        "output-years",
        indicator=CODE,
        period="2025-12.year",
        value="400",
        unit="亿元",
        kind=Target.Kind.THREE_YEARS,
        measure=Target.Measure.VALUE,
        path=Target.Path.COMPOUND,
        baseline_value=D(100),
        baseline_on=dt.date(2023, 12, 31),
        known_from=moment(2024, 1, 1),
    )
    assert told(figure(CODE, "2024-12.ytd", "190", unit="亿元")) == (
        "yellow",
        "完成47.5%，按复合增速应50.0%，低2.5个百分点 → 黄",
    )
    assert results(figure(CODE, "2024-11.ytd", "170", unit="亿元")) == []  # no whole year


def test_compound_path_of_one_year_is_for_its_whole_year():
    # by hand: the path is at 500 when its year ends; 490 is 98.0 %, two points short. 183.5 at April is no whole year.
    level(path=Target.Path.COMPOUND, baseline_value=D(450), baseline_on=dt.date(2023, 12, 31))
    assert results(figure(CODE, "2024-04.ytd", "183.5", unit="亿元")) == []
    assert told(figure(CODE, "2024-12.ytd", "490", unit="亿元")) == (
        "yellow",
        "完成98.0%，按复合增速应100.0%，低2.0个百分点 → 黄",
    )


# Growth


@pytest.mark.parametrize(
    ("growth", "columns", "expected"),
    [
        ("7.0", {"value": "6"}, ("green", "超出目标1.0个百分点 → 绿")),
        ("4.5", {"value": "6"}, ("yellow", "低于目标1.5个百分点 → 黄")),
        ("4.0", {"value": "6"}, ("red", "低于目标2.0个百分点 → 红")),
        ("5.2", {"value": "5.5", "direction": "down"}, ("green", "低于上限0.3个百分点 → 绿")),
        ("6.0", {"value": "5.5", "direction": "down"}, ("yellow", "高于上限0.5个百分点 → 黄")),
        ("3.0", {"value": "2", "upper": D(6), "direction": "range"}, ("green", "在目标区间内，离边界1.0个百分点 → 绿")),
        ("9.0", {"value": "2", "upper": D(6), "direction": "range"}, ("red", "在目标区间外，差3.0个百分点 → 红")),
    ],
)
def test_growth_target_in_points_with_its_direction(growth, columns, expected):
    growth_target(**columns)
    assert told(figure(CODE, "2024-04.ytd", growth=growth)) == expected


def test_expectation_of_exactly_this_period_goes_before_the_year():
    growth_target("6")
    growth_target("8", period="2024-04.ytd", kind=Target.Kind.EXPECTATION)
    assert told(figure(CODE, "2024-04.ytd", growth="7.0"))[1] == "低于预期1.0个百分点 → 黄"
    assert told(figure(CODE, "2024-05.ytd", growth="7.0"))[1] == "超出目标1.0个百分点 → 绿"


def test_relation_to_another_indicator():
    gdp = Indicator.objects.get(code="gdp")
    growth_target("0", direction=Target.Direction.RELATION, compared_with=gdp)
    late = figure(CODE, "2024-06.ytd", growth="5.0")
    assert told(late) == ("none", f"未评：没有{gdp}同期的增速")
    figure("gdp", "2024-06.ytd", growth="5.6")  # arrives later: the light follows
    assert told(late) == ("yellow", f"低于{gdp}增速0.6个百分点 → 黄")
    assert len(results(late)) == 2


# The city


def test_city_average_arrives_later_and_must_be_of_the_same_basis():
    # domain.md §5 Tianjin: green only if ≥ plan and ≥ city average
    use("plan-and-city")
    growth_target("6")
    own = figure(CODE, "2024-04.ytd", growth="7.0", growth_basis="constant")
    assert told(own) == ("none", "未评：没有全市同期增速")
    city_figure(CODE, "2024-04.ytd", "5.8", growth_basis="nominal")
    assert told(own) == ("none", "未评：全市增速口径不同")
    city_figure(CODE, "2024-05.ytd", "7.5", growth_basis="constant")
    may = figure(CODE, "2024-05.ytd", growth="7.0", growth_basis="constant")
    assert told(may) == ("yellow", "同比增长7.0%，超出目标1.0个百分点，增速低于全市0.5个百分点 → 黄")
    june = figure(CODE, "2024-06.ytd", growth="-0.5", growth_basis="constant")
    assert told(june) == ("red", "同比下降0.5% → 红")


def test_both_in_one_import_are_seen_together():
    use("plan-and-city")
    growth_target("6")
    city_figure(CODE, "2024-04.ytd", "5.8", growth_basis="constant")
    own = figure(CODE, "2024-04.ytd", growth="7.0", growth_basis="constant")
    assert only(own).light == "green"
    assert only(own).inputs == {"growth": "7.0", "excess_pp": "1.0", "city_gap_pp": "1.2"}


def test_own_rule_without_a_target_says_so():
    use("plan-ratio")
    assert told(figure(CODE, "2024-04.ytd", "183.5", unit="亿元")) == ("none", "未评：没有年度目标")


# What was known when


def test_the_light_of_a_past_day_is_the_one_known_then():
    level(known_from=moment(2024, 1, 10))
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元", known_from=moment(2024, 5, 20))
    assert only(vintage).known_from == moment(2024, 5, 20)
    in_force = LightResult.objects.filter(vintage=vintage).in_force
    assert not in_force(moment(2024, 5, 19)).exists()
    assert in_force(moment(2024, 5, 21)).get().light == "green"
    # the target rises: 183.5 of 600 is 30.6 %, gap −2.7 (−2.75)
    level("600", version=2, known_from=moment(2024, 8, 1), reason="区委调整", authority="区委〔2024〕8号")
    again()
    assert in_force().get().sentence == "完成30.6%，序时33.3%，低2.8个百分点 → 黄"
    assert in_force(moment(2024, 7, 31)).get().light == "green"
    assert in_force(moment(2024, 8, 2)).get().light == "yellow"


def test_backfilled_figure_is_judged_by_the_target_of_its_time():
    level(known_from=moment(2024, 1, 10))
    level("600", version=2, known_from=moment(2024, 8, 1), reason="调整", authority="会议")
    before = figure(CODE, "2024-04.ytd", "183.5", unit="亿元", known_from=moment(2024, 5, 20))
    after = figure(CODE, "2024-08.ytd", "390", unit="亿元", known_from=moment(2024, 9, 20))
    assert (only(before).target.version, only(after).target.version) == (1, 2)
    assert only(after).sentence == "完成65.0%，序时66.7%，低1.7个百分点 → 黄"


def test_target_that_comes_after_the_figure_judges_from_its_own_day():
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元", known_from=moment(2024, 5, 20))
    level(known_from=moment(2024, 6, 3))
    again()
    assert only(vintage).known_from == moment(2024, 6, 3)


def test_judging_again_the_same_adds_nothing():
    level()
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    assert again() == []
    assert len(results(vintage)) == 1


def test_a_correction_has_a_light_of_its_own():
    level()
    first = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    second = figure(CODE, "2024-04.ytd", "150.0", unit="亿元", reason="更正")
    assert (only(first).light, only(second).light) == ("green", "yellow")  # 30.0 − 33.3 = −3.3


def test_earlier_months_keep_their_light_when_the_target_changes():
    level(known_from=moment(2024, 1, 10))
    april = figure(CODE, "2024-04.ytd", "183.5", unit="亿元", known_from=moment(2024, 5, 20))
    may = figure(CODE, "2024-05.ytd", "210", unit="亿元", known_from=moment(2024, 6, 20))
    level("600", version=2, known_from=moment(2024, 8, 1), reason="调整", authority="会议")
    again()
    assert len(results(april)) == 1
    assert [result.light for result in results(may)] == ["green", "red"]  # 210/600 = 35.0, 41.7: −6.7


def test_using_another_rule_is_known_from_now():
    level(known_from=moment(2024, 1, 10))
    vintage = figure(CODE, "2024-04.ytd", "150", unit="亿元", known_from=moment(2024, 5, 20))
    started = timezone.now()
    use("plan-ratio")
    again()
    first, second = results(vintage)
    assert (first.light, second.light) == ("yellow", "green")  # 30.0 / 33.3 = 90 % of the plan
    assert second.known_from >= started


# Rules


def adopt(cast, code: str = "level-default", **given):
    rule = LightRule.objects.get(code=code)
    said = {
        "conditions": [{"light": "green", "all": [{"measure": "gap_pp", "is": ">=", "value": "5"}]}],
        "otherwise": "red",
        "valid_from": dt.date(2024, 5, 1),
        "reason": "收紧",
        "authority": "区委〔2024〕5号",
    }
    return actions.adopt_rule(by=cast.admin, rule=rule, **(said | given))


def test_new_rule_touches_no_stored_light_and_judges_later_periods(cast):
    level()
    april = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    before = LightResult.objects.count()
    adopted = adopt(cast)
    assert LightResult.objects.count() == before
    assert only(april).rule_version.number == 1
    again()
    assert [result.rule_version.number for result in results(april)] == [1]  # April ended before it holds
    may = figure(CODE, "2024-05.ytd", "220", unit="亿元", known_from=moment(2024, 6, 20))  # 44.0 − 41.7 = +2.3
    assert (only(may).light, only(may).rule_version) == ("red", adopted)
    # what a person adopted was not known before
    assert only(may).known_from == adopted.adopted_at
    corrected = figure(CODE, "2024-04.ytd", "190", unit="亿元", reason="更正")
    assert only(corrected).rule_version.number == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reason": " "}, "理由和批准依据"),
        ({"authority": ""}, "理由和批准依据"),
        ({"conditions": []}, "至少要有一个条件"),
        ({"otherwise": "blue"}, "都不符合时"),
        ({"valid_from": dt.date(2019, 1, 1)}, "不得更早"),
    ],
)
def test_rule_is_refused(cast, given, message):
    with pytest.raises(Refused, match=message):
        adopt(cast, **given)
    assert LightRuleVersion.objects.filter(rule__code="level-default").count() == 1


def test_rule_is_never_retroactive(cast):
    level()
    figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    with pytest.raises(Refused, match="截至2024年4月30日的时期已按现行版本评过"):
        adopt(cast, valid_from=dt.date(2024, 4, 30))
    assert adopt(cast, valid_from=dt.date(2024, 5, 1)).number == 2


def test_same_rule_is_no_new_version(cast):
    adopt(cast)
    with pytest.raises(Refused, match="完全相同"):
        adopt(cast)


@pytest.mark.parametrize("role", ["staff", "reviewer", "leader", "auditor"])
def test_only_admins_adopt(cast, role):
    with pytest.raises(NotAllowed):
        actions.adopt_rule(
            by=getattr(cast, role),
            rule=LightRule.objects.get(code="level-default"),
            conditions=[],
            otherwise="red",
            valid_from=dt.date(2024, 5, 1),
            reason="x",
            authority="x",
        )


# Exemptions


def exempt(cast, **given):
    today = timezone.localdate()
    said = {
        "by": cast.reviewer,
        "district": District.objects.get(code=HOME),
        "indicator": Indicator.objects.get(code=CODE),
        "valid_from": today,
        "valid_to": today + dt.timedelta(days=30),
        "reason": "企业搬迁",
        "authority": "区政府常务会议纪要",
    }
    return actions.exempt_light(**(said | given))


def in_force(day: dt.date) -> int:
    return LightExemption.objects.in_force(day).count()


def test_exemption_expires_by_itself(cast):
    found = exempt(cast)
    assert found.approved_by == cast.reviewer
    assert (in_force(found.valid_to), in_force(found.valid_to + dt.timedelta(days=1))) == (1, 0)
    assert in_force(found.valid_from - dt.timedelta(days=1)) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reason": ""}, "理由"),
        ({"authority": " "}, "批准依据"),
        ({"valid_to": None}, "到期日"),
        ({"valid_from": dt.date(2099, 1, 1)}, "不得早于起期"),
        ({"valid_from": dt.date(2020, 1, 1), "valid_to": dt.date(2020, 2, 1)}, "到期日已过"),
    ],
)
def test_exemption_is_refused(cast, given, message):
    with pytest.raises(Refused, match=message):
        exempt(cast, **given)
    assert not LightExemption.objects.exists()


def test_two_exemptions_do_not_overlap(cast):
    first = exempt(cast)
    with pytest.raises(Refused, match="的豁免"):
        exempt(cast, valid_from=first.valid_to, valid_to=first.valid_to + dt.timedelta(days=9))
    after = first.valid_to + dt.timedelta(days=1)
    exempt(cast, valid_from=after, valid_to=after)
    assert LightExemption.objects.count() == 2


@pytest.mark.parametrize("role", ["staff", "leader", "admin", "auditor"])
def test_only_reviewers_exempt_and_end(cast, role):
    with pytest.raises(NotAllowed):
        exempt(cast, by=getattr(cast, role))
    found = exempt(cast)
    with pytest.raises(NotAllowed):
        actions.end_exemption(by=getattr(cast, role), exemption=found, reason="x")


def test_exemption_ends_today_and_one_that_has_not_begun_is_taken_back(cast):
    today = timezone.localdate()
    found = exempt(cast)
    with pytest.raises(Refused, match="理由"):
        actions.end_exemption(by=cast.reviewer, exemption=found, reason="")
    actions.end_exemption(by=cast.reviewer, exemption=found, reason="已恢复")
    assert (in_force(today), in_force(today + dt.timedelta(days=1))) == (1, 0)
    with pytest.raises(Refused, match="已经到期"):
        actions.end_exemption(by=cast.reviewer, exemption=found, reason="再来")
    later = exempt(cast, valid_from=today + dt.timedelta(days=9))
    actions.end_exemption(by=cast.reviewer, exemption=later, reason="不再需要")
    assert LightExemption.objects.count() == 1


# The database


def test_colour_without_rule_is_refused_and_unrated_is_not():
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    common = {
        "district": vintage.district,
        "vintage": vintage,
        "inputs": {},
        "sentence": "x",
        "known_from": timezone.now(),
    }
    LightResult.objects.create(**common, number=1, light="none")
    with pytest.raises(IntegrityError, match="colour_has_rule"), transaction.atomic():
        LightResult.objects.create(**common, number=2, light="red")
    with pytest.raises(IntegrityError, match="lightresult_unique"), transaction.atomic():
        LightResult.objects.create(**common, number=1, light="none")


def test_results_and_versions_are_never_changed():
    for model, change in ((LightResult, {"light": "red"}), (LightRuleVersion, {"otherwise": "green"})):
        with pytest.raises(DatabaseError, match="只能新增"), transaction.atomic():
            model.objects.update(**change)


def test_one_default_for_a_subject():
    twin = LightRule(code="twin", name="x", family="gap", default_for="level")
    with pytest.raises(ValidationError, match="只能有一个默认规则"):
        twin.full_clean()
    LightRule.objects.create(code="other", name="x", family="gap", default_for="")
    LightRule.objects.create(code="other2", name="x", family="gap", default_for="")


def test_version_needs_reason_and_authority():
    rule = LightRule.objects.get(code="level-default")
    said = {"rule": rule, "valid_from": dt.date(2024, 1, 1), "conditions": [], "otherwise": "red"}
    with pytest.raises(IntegrityError, match="has_reason"), transaction.atomic():
        LightRuleVersion.objects.create(**said, number=2, reason="", authority="x")
    LightRuleVersion.objects.create(**said, number=2, reason="x", authority="x")


def test_exemption_must_expire(cast):
    said = {
        "district": District.objects.get(code=HOME),
        "indicator": Indicator.objects.get(code=CODE),
        "valid_from": dt.date(2024, 1, 2),
        "reason": "x",
        "authority": "x",
        "approved_by": cast.reviewer,
    }
    for valid_to in (None, dt.date(2024, 1, 1)):
        with pytest.raises(IntegrityError, match="expires"), transaction.atomic():
            LightExemption.objects.create(**said, valid_to=valid_to)
    LightExemption.objects.create(**said, valid_to=dt.date(2024, 1, 2))


# How much it asks of the database


def approval_queries(count: int, *, prefix: str, with_targets: bool) -> int:
    made = many_indicators(count, prefix=prefix)
    home = District.objects.get(code=HOME)
    source = Source.objects.get_or_create(code="test", defaults={"kind": "form", "title": "测试填报"})[0]
    if with_targets:
        Target.objects.bulk_create(
            Target(
                district=home,
                code=f"year-{indicator.code}",
                name=indicator.name,
                indicator=indicator,
                kind=Target.Kind.YEAR,
                measure=Target.Measure.VALUE,
                value=D(500),
                unit="亿元",
                path=Target.Path.LINEAR,
                period_kind="year",
                period_end=dt.date(2024, 12, 31),
                source=source,
            )
            for indicator in made
        )
    with CaptureQueriesContext(connection) as queries:
        record_published(
            by=None,
            reason="",
            figures=[
                VintageInput(
                    district=home,
                    indicator=indicator,
                    period=Period.ytd(2024, 4),
                    source=source,
                    known_from=None,
                    columns={"value": D("183.5"), "unit": "亿元"},
                )
                for indicator in made
            ],
        )
    judged = LightResult.objects.filter(vintage__observation__indicator__in=made)
    assert judged.filter(light="green").count() == (count if with_targets else 0)
    return len(queries)


def test_judging_takes_the_same_queries_for_one_and_many():
    without = approval_queries(1, prefix="a", with_targets=False)
    assert approval_queries(200, prefix="b", with_targets=False) == without
    judged = approval_queries(1, prefix="c", with_targets=True)
    assert approval_queries(200, prefix="d", with_targets=True) == judged
    # where a rule or a target may apply: uses, codes of targets, targets, figures, their districts, ranks and
    # comparisons, versions, neighbours, last lights, the insert
    assert judged - without == 11


def test_target_that_moved_to_another_indicator_no_longer_judges():
    promised = level(known_from=moment(2024, 1, 10))
    Target.objects.create(
        district=promised.district,
        code=promised.code,
        version=2,
        name=promised.name,
        indicator=Indicator.objects.get(code="service_revenue"),
        kind=promised.kind,
        measure=promised.measure,
        value=promised.value,
        unit=promised.unit,
        path=promised.path,
        period_kind=promised.period_kind,
        period_end=promised.period_end,
        source=promised.source,
        known_from=moment(2024, 3, 1),
        reason="更正指标",
        authority="会议",
    )
    before = figure(CODE, "2024-02.ytd", "100", unit="亿元", known_from=moment(2024, 2, 20))
    after = figure(CODE, "2024-03.ytd", "100", unit="亿元", known_from=moment(2024, 4, 20))
    assert only(before).target == promised
    assert results(after) == []


def test_setting_a_target_judges_the_figure_that_is_there(cast):
    vintage = figure(CODE, "2024-04.ytd", "183.5", unit="亿元", known_from=moment(2024, 5, 20))
    columns = {
        "name": "产值",
        "indicator": Indicator.objects.get(code=CODE),
        "kind": Target.Kind.YEAR,
        "measure": Target.Measure.VALUE,
        "value": D("500"),
        "unit": "亿元",
        "path": Target.Path.LINEAR,
        "source": Source.objects.get(code="test"),
    }
    given = {"district": District.objects.get(code=HOME), "code": "set", "period": Period.year(2024)}
    promised = actions.set_target(by=cast.admin, columns=columns, **given)
    assert (only(vintage).light, only(vintage).target) == ("green", promised)
    more = given | {"version": 1, "reason": "调整", "authority": "会议"}
    changed = actions.set_target(by=cast.admin, columns={"value": D("600")}, **more)
    assert [(found.light, found.target) for found in results(vintage)] == [("green", promised), ("yellow", changed)]
