"""Pages of light rules: words, preview before adoption, uses, exemptions; who may do what."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.light_forms import conditions_of, rows_of
from indicators.light_preview import preview
from indicators.lights import LightRuleError, parse_rule
from indicators.models import Indicator, LightExemption, LightResult, LightRule, LightRuleUse, LightRuleVersion, Target
from lvyuan.accounts.models import District
from tests.indicators.factories import HOME, figure
from tests.indicators.test_judging import CODE, exempt, level, results

pytestmark = pytest.mark.django_db
CHANGE = "/lights/level-default/change/"


def typed(*rows: tuple[str, str, str, str], **more: str) -> dict[str, str]:
    """What the change form sends: rows of (light or join, measure, sign, value)."""
    data = {"row-TOTAL_FORMS": str(len(rows)), "row-INITIAL_FORMS": "0"}
    for number, values in enumerate(rows):
        data |= {
            f"row-{number}-{name}": value
            for name, value in zip(("light", "measure", "sign", "value"), values, strict=True)
        }
    said = {"otherwise": "red", "valid_from": "2024-06-01", "reason": "收紧", "authority": "区委〔2024〕5号"}
    return data | said | more


STRICTER = ("green", "gap_pp", ">=", "5"), ("yellow", "gap_pp", ">=", "0")


@pytest.fixture
def judged():
    """April +3.4 green, May 41.0 − 41.7 = −0.7 yellow."""
    level()
    return figure(CODE, "2024-04.ytd", "183.5", unit="亿元"), figure(CODE, "2024-05.ytd", "205", unit="亿元")


def test_rules_are_told_in_words_to_everyone(signed_in):
    page = signed_in("staff").get("/lights/").content.decode()
    assert "与应完成进度之差不低于0个百分点" in page
    assert "与预期或目标之差不低于0个百分点，并且与全市增速之差不低于0个百分点" in page
    assert "不是国家规定" in signed_in("staff").get("/lights/level-default/").content.decode()
    assert "批准豁免" not in page


def test_preview_shows_what_would_change_and_changes_nothing(signed_in, judged):
    # by hand: +3.4 is no longer ≥ 5 but ≥ 0: green → yellow; −0.7 is below 0: yellow → red
    before = LightResult.objects.count()
    response = signed_in("admin").post(CHANGE, typed(*STRICTER, preview="1"))
    assert response.status_code == 200
    seen = response.context["preview"]
    assert [month.end.month for month in seen.months] == [4, 5]
    (line,) = seen.lines
    assert [(cell.old, cell.new, cell.is_changed) for cell in line.cells] == [
        ("green", "yellow", True),
        ("yellow", "red", True),
    ]
    assert (seen.judged, seen.changed) == (2, 2)
    assert "2个会变" in response.content.decode()
    assert LightResult.objects.count() == before
    assert LightRuleVersion.objects.filter(rule__code="level-default").count() == 1


def test_preview_of_a_limit_speaks_of_the_limit():
    # by hand: 183.5 of at most 500 is 36.7 %, 3.4 points more than April may use: yellow, and red from any point on
    Indicator.objects.filter(code=CODE).update(direction=Indicator.Direction.DOWN)
    level(direction=Target.Direction.DOWN)
    figure(CODE, "2024-04.ytd", "183.5", unit="亿元")
    stricter = parse_rule(
        [{"light": "green", "all": [{"measure": "gap_pp", "is": ">=", "value": "0"}]}],
        "red",
    )
    (line,) = preview(LightRule.objects.get(code="level-default"), stricter, district=HOME).lines
    assert [(cell.old, cell.new, cell.sentence) for cell in line.cells] == [
        ("yellow", "red", "占上限36.7%，序时33.3%，多3.4个百分点 → 红")
    ]


def test_adoption_needs_the_preview_of_the_same_conditions(signed_in, judged):
    client = signed_in("admin")
    response = client.post(CHANGE, typed(*STRICTER, adopt="1"))
    assert response.status_code == 409
    assert "请先看预览" in response.content.decode()
    seen = response.context["form"].digest
    other = client.post(CHANGE, typed(STRICTER[0], adopt="1", previewed=seen))
    assert other.status_code == 409
    assert client.post(CHANGE, typed(*STRICTER, adopt="1", previewed=seen)).status_code == 302
    adopted = LightRuleVersion.objects.get(rule__code="level-default", number=2)
    assert adopted.conditions == [
        {"light": "green", "all": [{"measure": "gap_pp", "is": ">=", "value": "5"}]},
        {"light": "yellow", "all": [{"measure": "gap_pp", "is": ">=", "value": "0"}]},
    ]
    assert (adopted.adopted_by.username, adopted.authority) == ("t-admin", "区委〔2024〕5号")
    assert [result.light for vintage in judged for result in results(vintage)] == ["green", "yellow"]


def test_refusals_come_back_with_what_was_typed(signed_in, judged):
    client = signed_in("admin")
    wrong = client.post(CHANGE, typed(("green", "gap_pp", ">=", "多"), preview="1"))
    assert wrong.status_code == 422
    assert "第1个条件：“多”不是数" in wrong.content.decode()
    none = client.post(CHANGE, typed(preview="1"))
    assert "至少要有一个条件" in none.content.decode()
    broken = client.post(CHANGE, typed(("blue", "gap_pp", ">=", "1"), preview="1"))
    assert broken.status_code == 422
    assert "有一行没有填对" in broken.content.decode()
    seen = client.post(CHANGE, typed(*STRICTER, preview="1")).context["form"].digest
    late = client.post(CHANGE, typed(*STRICTER, adopt="1", previewed=seen, valid_from="2024-05-31"))
    assert late.status_code == 409
    assert "已按现行版本评过" in late.content.decode()


def test_form_opens_with_what_the_rule_says(signed_in):
    response = signed_in("admin").get("/lights/plan-and-city/change/")
    rows = [row.initial for row in response.context["form"].rows if row.initial]
    assert [row["light"] for row in rows] == ["red", "green", "and"]
    assert len(response.context["form"].rows.forms) == 8


def test_rows_and_conditions_are_each_others_inverse():
    for version in LightRuleVersion.objects.all():
        rows = [
            (row["light"], {"measure": row["measure"], "is": row["sign"], "value": row["value"]})
            for row in rows_of(version.conditions)
        ]
        assert conditions_of(rows) == version.conditions
    test = {"measure": "rank", "is": "=", "value": "1"}
    either = [{"light": "green", "any": [test, test]}]
    assert conditions_of([("green", test), ("or", test)]) == either
    assert [row["light"] for row in rows_of(either)] == ["green", "or"]


@pytest.mark.parametrize(
    ("joins", "message"),
    [(["and"], "第1行接着上一行"), (["green", "and", "or"], "第3行"), (["green", "or", "and"], "第3行")],
)
def test_rows_that_do_not_join(joins, message):
    test = {"measure": "rank", "is": "=", "value": "1"}
    with pytest.raises(LightRuleError, match=message):
        conditions_of([(join, test) for join in joins])


def test_preview_takes_the_same_queries_for_one_and_many(judged):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            preview(LightRule.objects.get(code="level-default"), other, district=HOME)
        return len(found)

    other = parse_rule([{"light": "green", "all": [{"measure": "gap_pp", "is": ">", "value": "0"}]}], "red")
    few = queries()
    for month in range(6, 12):
        figure(CODE, f"2024-{month:02}.ytd", "300", unit="亿元")
    assert queries() == few == 3  # the rule itself, the months, the lights


# Uses


def test_indicator_is_given_a_rule_of_its_own_and_back(signed_in, judged):
    client, indicator = signed_in("admin"), Indicator.objects.get(code=CODE)
    sent = {"indicator": indicator.pk, "reason": "区里确定"}
    assert client.post("/lights/plan-ratio/uses/", sent).status_code == 302
    assert LightRuleUse.objects.get(indicator=indicator).rule.code == "plan-ratio"
    april, may = judged
    assert len(results(april)) == 1  # only the latest is judged anew
    assert results(may)[-1].sentence == "完成41.0%，序时41.7%，达到计划进度的98.4% → 绿"
    again = client.post("/lights/plan-ratio/uses/", sent)
    assert again.status_code == 409
    assert "本来就按" in again.content.decode()
    assert client.post("/lights/plan-ratio/uses/", sent | {"end": "1"}).status_code == 302
    assert results(may)[-1].rule_version.rule.code == "level-default"
    assert client.post("/lights/plan-ratio/uses/", {"reason": ""}).status_code == 422


def test_project_rule_is_not_for_indicators(signed_in):
    sent = {"indicator": Indicator.objects.get(code=CODE).pk, "reason": "x"}
    response = signed_in("admin").post("/lights/project-default/uses/", sent)
    assert response.status_code == 409
    assert "项目规则" in response.content.decode()


# Exemptions


def test_reviewer_grants_and_ends_an_exemption(signed_in, cast):
    client, today = signed_in("reviewer"), timezone.localdate()
    sent = {
        "exempt-indicator": Indicator.objects.get(code=CODE).pk,
        "exempt-valid_from": f"{today}",
        "exempt-valid_to": f"{today + dt.timedelta(days=30)}",
        "exempt-reason": "企业搬迁",
        "exempt-authority": "区政府常务会议纪要",
    }
    assert client.post("/lights/exemptions/grant/", sent | {"exempt-valid_to": ""}).status_code == 422
    assert client.post("/lights/exemptions/grant/", sent).status_code == 302
    assert client.post("/lights/exemptions/grant/", sent).status_code == 409
    found = LightExemption.objects.get()
    page = client.get("/lights/").content.decode()
    assert "企业搬迁" in page
    assert "结束豁免" in page
    end = f"/lights/exemptions/{found.pk}/end/"
    assert client.post(end, {"reason": ""}).status_code == 409
    assert client.post(end, {"reason": "已恢复"}).status_code == 302
    assert client.post("/lights/exemptions/0/end/", {"reason": "x"}).status_code == 404
    found.refresh_from_db()
    assert found.valid_to == today


def test_leaders_read_exemptions_and_may_not_end_them(signed_in, cast):
    found = exempt(cast)
    client = signed_in("leader")
    page = client.get("/lights/").content.decode()
    assert "企业搬迁" in page
    assert "结束豁免" not in page
    assert client.post(f"/lights/exemptions/{found.pk}/end/", {"reason": "x"}).status_code == 403


def test_unknown_rule_is_a_404_in_words(signed_in):
    response = signed_in("admin").get("/lights/none/")
    assert response.status_code == 404
    assert "没有代码为“none”的评灯规则" in response.content.decode()


def test_pages_take_the_same_queries_for_few_and_many(signed_in, cast):
    client = signed_in("admin")

    def queries() -> dict[str, int]:
        found = {}
        for path in ("/lights/", "/lights/level-default/"):
            client.get(path)
            with CaptureQueriesContext(connection) as asked:
                assert client.get(path).status_code == 200
            found[path] = len(asked)
        return found

    few = queries()
    level()
    for month in range(2, 8):
        figure(CODE, f"2024-{month:02}.ytd", "183.5", unit="亿元")
    for number in range(9):
        rule = LightRule.objects.create(code=f"r{number}", name=f"r{number}", family="gap")
        LightRuleVersion.objects.create(
            rule=rule,
            number=1,
            valid_from=dt.date(2024, 1, 1),
            conditions=[{"light": "green", "all": [{"measure": "gap_pp", "is": ">", "value": "0"}]}],
            otherwise="red",
            reason="x",
            authority="x",
        )
    for code in ("gdp", "service_revenue"):
        exempt(cast, indicator=Indicator.objects.get(code=code))
    # the first indicator in use costs nothing more: uses are fetched for all rules at once
    actions.assign_rule(
        by=cast.admin,
        district=District.objects.get(code=HOME),
        indicator=Indicator.objects.get(code="gdp"),
        rule=LightRule.objects.get(code="r1"),
        reason="x",
    )
    assert queries() == few
