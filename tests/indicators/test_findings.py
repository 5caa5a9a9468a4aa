"""What the checks do to a form: shown as it is saved, gated as it is submitted, told to the reviewer."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from indicators import actions
from indicators.findings import findings, submission_problem
from indicators.models import CheckRule, Entry, Indicator, IndicatorVersion, Round, Submission
from indicators.refusals import Refused
from lvyuan.accounts.models import District
from lvyuan.imports.models import ImportJob
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators
from tests.indicators.test_actions import draft, save
from tests.test_http import FORM, form_data

pytestmark = pytest.mark.django_db
REASON = "两家企业六月退库，上期按修订数"


@pytest.fixture
def july() -> Round:
    return Round.objects.get(code="2023-07")


def codes(submission: Submission) -> list[str]:
    return [finding.rule_code for checked in findings(submission).values() for finding in checked.findings]


def imported(cast, *drafts: actions.Draft) -> Submission:
    job = ImportJob.objects.create(
        kind="observations", file_name="x.csv", sha256="0" * 64, size=1, created_by=cast.admin
    )
    return actions.submit_import(by=cast.admin, job=job, drafts=drafts)


def line(code: str, period: str, value: str | None = None, *, unit: str = "亿元", **columns) -> actions.Draft:
    said = {"value": D(value) if value else None, "unit": unit if value else ""}
    return actions.Draft(
        indicator=Indicator.objects.get(code=code),
        district=District.objects.get(code=HOME),
        period=Period.from_code(period),
        columns=said | columns,
    )


# What is compared with what


def test_july_after_june_is_no_finding(cast, july):
    assert codes(save(cast.staff, july)) == []


def test_cumulative_is_held_against_the_approved_slot_before(cast, july):
    saved = save(cast.staff, july, draft(value=D("223.6")))
    (checked,) = findings(saved).values()
    (finding,) = checked.findings
    assert (finding.rule_code, finding.severity, finding.field) == ("cumulative-fell", "verify", "value")
    assert "本期223.6亿元" in finding.message
    assert "2023年1—6月223.7亿元" in finding.message


def test_other_units_are_converted_before_they_are_compared(cast, july):
    assert codes(save(cast.staff, july, draft(value=D("2541000"), unit="万元"))) == []
    assert codes(save(cast.staff, july, draft(value=D("2541000")), version=1)) == ["magnitude-slip"]


def test_another_definition_is_not_compared(cast, july):
    old = Indicator.objects.get(code="industrial_output").versions.get()
    old.valid_to = dt.date(2023, 6, 30)
    old.save(update_fields=["valid_to"])
    IndicatorVersion.objects.create(indicator=old.indicator, valid_from=dt.date(2023, 7, 1), unit="亿元")
    assert codes(save(cast.staff, july, draft(value=D("100")))) == []


def test_growth_against_last_year_is_a_hint_that_does_not_block(cast, july):
    figure("industrial_output", "2022-07.ytd", "271.4", unit="亿元")
    saved = save(cast.staff, july, draft(value=D("254.1"), growth=D("3.8"), note=""))
    assert codes(saved) == ["growth-differs"]
    assert actions.submit(by=cast.staff, submission=saved).state == "submitted"


def test_copy_of_last_month_counts_the_rank_of_the_same_pool_and_basis(cast, july):
    from indicators.models import RankPool

    june = {"value": D("223.7"), "growth": D("17"), "rank_place": 1}
    pool = RankPool.objects.get(code="five-urban-districts")
    assert codes(save(cast.staff, july, draft(**june, rank_pool=pool, rank_by="unstated"))) == ["copied"]
    assert codes(save(cast.staff, july, draft(**june, rank_pool=pool, rank_by="growth"), version=1)) == []


def test_outlier_needs_five_approved_years(cast, july):
    IndicatorVersion.objects.update(valid_from=dt.date(2015, 1, 1))
    CheckRule.objects.update(valid_from=dt.date(2015, 1, 1))
    for year, value in zip(range(2019, 2023), ("202", "204", "206", "208"), strict=True):
        figure("industrial_output", f"{year}-07.ytd", value, unit="亿元", growth="1")
    far = draft(value=D("400"), growth=D("92"))
    saved = save(cast.staff, july, far)
    assert "outlier" not in codes(saved)
    figure("industrial_output", "2018-07.ytd", "200", unit="亿元", growth="1")
    assert "outlier" in codes(saved)


def test_lines_of_one_import_are_held_against_each_other(cast):
    submission = imported(
        cast, line("domestic_capital", "2023-07.ytd", "35.66"), line("domestic_capital", "2023-08.ytd", "35.60")
    )
    august = Entry.objects.get(submission=submission, period_end=dt.date(2023, 8, 31))
    told = {finding.rule_code for finding in findings(submission)[august.pk].findings}
    assert told == {"cumulative-fell", "growth-missing"}


def test_related_figures_come_from_the_form_and_from_what_is_approved(cast):
    # Approved on 4 August: 47 of 52, 90.4 %.
    assert "start-rate" in codes(imported(cast, line("key_project_start_rate", "2023-08-04.instant", "91", unit="%")))
    fits = imported(
        cast,
        line("key_project_start_rate", "2023-08-04.instant", "92.3", unit="%"),
        line("key_projects_started", "2023-08-04.instant", "48", unit="个"),
    )
    assert codes(fits) == []  # 48 / 52 = 92.31 %


def test_queries_do_not_grow_with_the_form(cast):
    def queries(indicators: list[Indicator]) -> int:
        submission = imported(cast, *(line(i.code, "2023-07.ytd", "1.5") for i in indicators))
        with CaptureQueriesContext(connection) as found:
            findings(submission)
        return len(found)

    one, *many = many_indicators(31)
    assert queries([one]) == queries(many) == 4


# The gate


def test_form_with_findings_is_saved(cast, july):
    assert save(cast.staff, july, draft(value=D("223.6"), note="")).state == "draft"
    assert Entry.objects.get().value == D("223.6")


def test_mandatory_findings_refuse_submission_and_all_are_listed(cast, july):
    saved = save(cast.staff, july, draft(value=D("-1"), rank_place=None, note=REASON))
    with pytest.raises(Refused) as refused:
        actions.submit(by=cast.staff, submission=saved)
    assert "强制性" in str(refused.value)
    assert "规模以上工业总产值2023年1—7月：这项金额不能为负（本期-1亿元）" in str(refused.value)
    saved.refresh_from_db()
    assert (saved.state, saved.transitions.count()) == ("draft", 0)


def test_every_mandatory_finding_is_named(cast):
    with pytest.raises(Refused) as refused:
        imported(
            cast,
            line("gdp", "2023-07.ytd", "100"),
            line("health_records_rate", "2023-07-31.instant", "101", unit="%"),
            line("private_enterprises", "2023-07-31.instant", "3.8", unit="万户"),
        )
    text = str(refused.value)
    assert "地区生产总值2023年1—7月：这一期没有应报的数" in text
    assert "居民电子健康档案建档率截至2023年7月31日：比重应在0到100%之间" in text
    assert "民营企业" not in text
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("value", "note", "said"),
    [
        ("223.6", "", "还没有写说明"),
        ("223.6", "经核实无误，情况属实", "套话"),
        ("223.6", "企业退库", "至少要6个字"),
        ("223.6", REASON, ""),
        ("2541", "", "还没有写说明"),
        ("2541", "正常波动", "套话"),
        ("2541", REASON, ""),
    ],
)
def test_quasi_and_verify_ask_for_an_explanation(cast, july, value, note, said):
    saved = save(cast.staff, july, draft(value=D(value), note=note))
    if not said:
        assert actions.submit(by=cast.staff, submission=saved).state == "submitted"
        return
    with pytest.raises(Refused, match=said) as refused:
        actions.submit(by=cast.staff, submission=saved)
    assert "规模以上工业总产值" in str(refused.value)
    assert ("累计数小于上期" if value == "223.6" else "数量级与上期不符") in str(refused.value)


def test_last_months_words_explain_nothing(cast, july):
    figure("industrial_output", "2023-06.ytd", "223.7", growth="17", unit="亿元", reason="补说明", note=f"{REASON}。")
    saved = save(cast.staff, july, draft(value=D("223.6"), note=REASON))
    with pytest.raises(Refused, match="一字不差"):
        actions.submit(by=cast.staff, submission=saved)


def test_import_is_not_asked_to_explain_but_its_reviewer_is_told(cast, client):
    submission = imported(cast, line("domestic_capital", "2023-07.ytd", "30", growth=D("1")))
    assert (submission.state, codes(submission)) == ("submitted", ["cumulative-fell"])
    client.force_login(cast.reviewer, backend="lvyuan.accounts.backends.AccountBackend")
    page = client.get(f"/reviews/{submission.pk}/").content.decode()
    assert "累计数小于上期" in page
    assert "核实性</span> 1 处" in page


# The pages


def test_form_page_shows_findings_and_keeps_what_was_typed(signed_in, cast):
    client = signed_in("staff")
    response = client.post(FORM, form_data(**{"do": "submit", "industrial_output-value": "223.6"}))
    text = response.content.decode()
    assert response.status_code == 409
    assert "已保存，没有提交" in text
    assert '<span class="mark diamond warn">核实性</span>' in text
    assert "说明只有4个字" in text
    assert Entry.objects.get().value == D("223.6")
    # The page that came back is up to date: the next press of the button is no conflict.
    again = form_data(
        **{"do": "submit", "row_version": "1", "industrial_output-value": "223.6", "industrial_output-note": REASON}
    )
    assert 'name="row_version" value="1"' in text
    assert client.post(FORM, again).status_code == 302
    assert Submission.objects.get().state == "submitted"
    assert "已写说明" in client.get(FORM).content.decode()


def test_field_with_a_finding_names_it(signed_in, cast, july):
    save(cast.staff, july, draft(value=D("223.6")))
    text = signed_in("staff").get(FORM).content.decode()
    assert 'aria-describedby="findings-industrial_output"' in text
    assert 'id="findings-industrial_output"' in text


def test_review_page_tells_findings_until_approval(signed_in, cast, july):
    saved = save(cast.staff, july, draft(value=D("223.6"), growth=None, growth_basis="", note=REASON))
    actions.submit(by=cast.staff, submission=saved)
    client = signed_in("reviewer")
    page = client.get(f"/reviews/{saved.pk}/").content.decode()
    assert "核实性</span> 1 处" in page
    assert "提示性</span> 1 处" in page
    assert "2023年1—6月223.7亿元" in page
    Submission.objects.filter(pk=saved.pk).update(
        state="approved", reviewed_by=cast.reviewer, reviewed_at=saved.created_at
    )
    assert "累计数小于上期" not in client.get(f"/reviews/{saved.pk}/").content.decode()


# The rules as data


def rule(**said) -> CheckRule:
    return CheckRule(
        **(
            {"code": "x", "kind": "copied", "severity": "verify", "message": "请核对", "valid_from": "2023-01-01"}
            | said
        )
    )


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, ""),
        ({"kind": "expression", "expression": "key_projects_started <= key_projects"}, ""),
        ({"kind": "outlier", "parameters": {"limit": "4"}}, ""),
        ({"kind": "share_outside", "indicators": ["health_records_rate"]}, ""),
        ({"kind": "expression", "expression": "gdp <"}, "没有写完"),
        ({"kind": "expression", "expression": "gdpp > 0"}, "没有代码为“gdpp”"),
        ({"kind": "expression"}, "没有写完"),
        ({"expression": "gdp > 0"}, "其他核查方法不写"),
        ({"kind": "outlier", "parameters": {"limt": "4"}}, "不认识参数"),
        ({"indicators": ["gdpp"]}, "没有代码为“gdpp”"),
        ({"kind": "share_outside"}, "逐一指明"),
        ({"kind": "growth_differs", "severity": "verify"}, "只能提示"),
        ({"valid_to": dt.date(2022, 12, 31)}, "止期"),
        ({"code": "copied"}, "只能有一条启用"),
    ],
)
def test_rule_is_checked_as_an_admin_saves_it(said, problem):
    if not problem:
        rule(**said).full_clean()
        return
    with pytest.raises(ValidationError, match=problem):
        rule(**said).full_clean()


@pytest.mark.parametrize(
    ("said", "constraint"),
    [
        ({"kind": "eval"}, "checkrule_kind_known"),
        ({"severity": "fatal"}, "checkrule_severity_known"),
        ({"kind": "expression"}, "checkrule_expression_where_needed"),
        ({"indicators": []}, "checkrule_indicators_not_empty"),
        ({"kind": "share_outside"}, "checkrule_share_names_indicators"),
        ({"kind": "growth_differs", "severity": "quasi"}, "checkrule_growth_only_hints"),
        ({"valid_to": "2022-12-31"}, "checkrule_dates_ordered"),
        ({"code": "copied"}, "checkrule_one_at_a_time"),
    ],
)
def test_database_refuses_rules_that_cannot_be(said, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rule(**said).save()


def test_rule_replaced_from_a_day_on_and_rules_switched_off_may_overlap():
    old = CheckRule.objects.get(code="copied")
    rule(code="copied", is_active=False).save()
    CheckRule.objects.filter(pk=old.pk).update(valid_to="2022-12-31")
    rule(code="copied", valid_from="2023-06-01").save()


def test_admin_edits_a_rule_without_code(signed_in, cast, july):
    saved = save(cast.staff, july, draft(value=D("223.6")))
    stored = CheckRule.objects.get(code="cumulative-fell")
    data = {
        "code": stored.code,
        "kind": stored.kind,
        "severity": "hint",
        "message": "累计数变小",
        "parameters": "{}",
        "expression": "",
        "valid_from": "2020-01-01",
        "is_active": "on",
        "indicators": [],
    }
    url = f"/admin/indicators/checkrule/{stored.pk}/change/"
    client = signed_in("admin")
    response = client.post(url, data | {"parameters": '{"tolerence": 1}'})
    assert "不认识参数“tolerence”" in response.content.decode()
    assert client.post(url, data).status_code == 302
    (checked,) = findings(saved).values()
    assert [(f.severity, f.message[:5]) for f in checked.findings] == [("hint", "累计数变小")]
    assert submission_problem(saved) == ""
    assert CheckRule.objects.get(pk=stored.pk).indicators is None


def test_rule_broken_behind_the_forms_back_is_left_out_loudly(cast, july, caplog):
    CheckRule.objects.filter(code="outlier").update(parameters={"limit": "many"})
    assert codes(save(cast.staff, july, draft(value=D("223.6")))) == ["cumulative-fell"]
    assert "outlier" in caplog.text
