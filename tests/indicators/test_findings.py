"""What the checks do to a form: shown as it is saved, gated as it is submitted, told to the reviewer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as D
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.findings import Checked, finding_counts, findings, findings_of, submission_problem
from indicators.models import (
    CheckExemption,
    CheckRule,
    Entry,
    Indicator,
    IndicatorVersion,
    RankPool,
    Round,
    Submission,
    Vintage,
)
from indicators.models.fields import period_columns
from indicators.refusals import NotAllowed, Refused
from lvyuan.accounts.models import Department, District, User
from lvyuan.periods import Period
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators, staged_job
from tests.test_http import FORM, form_data

pytestmark = pytest.mark.django_db
REASON = "两家企业六月退库，上期按修订数"


@pytest.fixture
def july() -> Round:
    return Round.objects.get(code="2023-07")


def line(code: str, period: str, value: str | None = None, *, unit: str = "亿元", **columns) -> actions.Draft:
    said = {"value": D(value) if value else None, "unit": unit if value else ""}
    if "rank_place" in columns:
        said |= {"rank_pool": RankPool.objects.get(), "rank_by": "growth"}
    return actions.Draft(
        indicator=Indicator.objects.get(code=code),
        district=District.objects.get(code=HOME),
        period=Period.from_code(period),
        columns=said | columns,
    )


def output(value: str | None = "254.1", **columns) -> actions.Draft:
    """规上工业 1—7月, after the article's 223.7亿元 for 1—6月."""
    return line("industrial_output", "2023-07.ytd", value, **{"growth": D("16.2"), "note": "平稳"} | columns)


def stored(by: User, *lines: actions.Draft, department: Department | None = None) -> Submission:
    """A form of July that says these lines, whatever they are worth."""
    submission, _ = Submission.objects.update_or_create(
        round=Round.objects.get(code="2023-07"),
        department=department or by.department,
        defaults={"state": "draft"},
    )
    Entry.objects.bulk_create(
        Entry(
            submission=submission,
            district=one.district,
            indicator=one.indicator,
            edited_by=by,
            edited_at=timezone.now(),
            **period_columns(one.period),
            **one.columns,
        )
        for one in lines
    )
    return submission


def codes(submission: Submission) -> list[str]:
    return [finding.rule_code for checked in findings(submission).values() for finding in checked.findings]


def only(submission: Submission) -> Checked:
    (checked,) = findings(submission).values()
    return checked


def set_back(day: dt.date) -> None:
    """Rules and definitions since that day, for figures of earlier years."""
    CheckRule.objects.update(valid_from=day)
    IndicatorVersion.objects.update(valid_from=day)


# Every shipped rule, just beyond its threshold and just within; figures as worked out in test_checks


@dataclass(frozen=True)
class Case:
    severity: str
    found: Callable[[], actions.Draft]
    passed: Callable[[], actions.Draft]
    approved: tuple[Callable[[], Vintage], ...] = ()


JULY, NOW = "2023-07.ytd", "2023-08-04.instant"
CASES = {
    "no-slot": Case("mandatory", partial(line, "gdp", JULY, "100"), partial(line, "gdp", "2023-06.ytd", "100")),
    "rank-outside": Case(  # five urban districts
        "mandatory",
        partial(line, "gdp", "2023-09.ytd", growth=D("10"), rank_place=6),
        partial(line, "gdp", "2023-09.ytd", growth=D("10"), rank_place=5),
    ),
    "negative-level": Case(
        "mandatory",
        partial(line, "private_enterprises", NOW, "-0.1", unit="万户"),
        partial(line, "private_enterprises", NOW, "0.0", unit="万户"),
    ),
    "negative-amount": Case("mandatory", partial(output, "-0.1"), partial(output, "0.0")),
    "share-outside": Case(
        "mandatory",
        partial(line, "health_records_rate", NOW, "100.1", unit="%"),
        partial(line, "health_records_rate", NOW, "100", unit="%"),
    ),
    "started-within-total": Case(  # the article's 52
        "mandatory",
        partial(line, "key_projects_started", NOW, "53", unit="个"),
        partial(line, "key_projects_started", NOW, "52", unit="个"),
    ),
    "magnitude-slip": Case("quasi", partial(output, "1305"), partial(output, "1304.9")),
    "cumulative-fell": Case("verify", partial(output, "223.6"), partial(output, "223.7")),
    "month-differs": Case(
        "verify",
        partial(line, "industrial_output", "2023-07.month", "30.6"),
        partial(line, "industrial_output", "2023-07.month", "30.5"),
        (partial(figure, "industrial_output", JULY, "254.1", unit="亿元"),),
    ),
    "start-rate": Case(  # 47 / 52 = 90.38 %
        "verify",
        partial(line, "key_project_start_rate", NOW, "90.5", unit="%"),
        partial(line, "key_project_start_rate", NOW, "90.4", unit="%"),
    ),
    "copied": Case(
        "verify",
        partial(output, "223.7", growth=D("17.0")),
        partial(output, "223.8", growth=D("17.0")),
        (partial(figure, "industrial_output", "2023-06.ytd", "223.7", growth="17", unit="亿元", reason="补说明"),),
    ),
    "outlier": Case(  # median 104, MAD 2
        "verify",
        partial(line, "industrial_output", "2025-07.ytd", "114.4"),
        partial(line, "industrial_output", "2025-07.ytd", "114.3"),
        tuple(
            partial(figure, "industrial_output", f"{2020 + n}-07.ytd", str(100 + 2 * n), unit="亿元") for n in range(5)
        ),
    ),
    "growth-on-no-base": Case(
        "verify",
        partial(line, "industrial_output", JULY, "254.1", growth=D("5")),
        partial(line, "domestic_capital", JULY, "35.66", growth=D("5")),
        (
            partial(figure, "industrial_output", "2022-07.ytd", "0.0", unit="亿元"),
            partial(figure, "domestic_capital", "2022-07.ytd", "0.1", unit="亿元"),
        ),
    ),
    "growth-differs": Case(  # [3.06, 3.26], domain §3
        "hint",
        partial(line, "domestic_capital", "2022-07.ytd", "10.44", growth=D("3.4")),
        partial(line, "domestic_capital", "2022-07.ytd", "10.44", growth=D("3.3")),
        (partial(figure, "domestic_capital", "2021-07.ytd", "10.12", unit="亿元"),),
    ),
    "growth-missing": Case("hint", partial(output, growth=None), partial(output, growth=D("0"))),
    "note-copied": Case(
        "hint",
        partial(output, note="两家企业退库。"),
        partial(output, note="三家企业退库。"),
        (
            partial(
                figure, "industrial_output", "2023-06.ytd", "223.7", unit="亿元", note="两家企业退库", reason="补说明"
            ),
        ),
    ),
}


def test_every_shipped_rule_has_its_case():
    assert set(CASES) == set(CheckRule.objects.values_list("code", flat=True))


@pytest.mark.parametrize("code", CASES)
def test_shipped_rule_finds_what_is_beyond_its_threshold_only(cast, code):
    case = CASES[code]
    for record in case.approved:
        record()
    found = only(stored(cast.staff, case.found()))
    assert [one.severity for one in found.findings if one.rule_code == code] == [case.severity]
    assert code not in codes(stored(cast.staff2, case.passed()))


# What is compared with what


def test_july_after_june_is_no_finding(cast):
    assert codes(stored(cast.staff, output())) == []


def test_cumulative_is_held_against_the_approved_slot_before(cast):
    (finding,) = only(stored(cast.staff, output("223.6"))).findings
    assert (finding.rule_code, finding.severity, finding.field) == ("cumulative-fell", "verify", "value")
    assert "本期223.6亿元" in finding.message
    assert "2023年1—6月223.7亿元" in finding.message


def test_other_units_are_converted_before_they_are_compared(cast):
    assert codes(stored(cast.staff, output("2541000", unit="万元"))) == []
    assert codes(stored(cast.staff2, output("2541000"))) == ["magnitude-slip"]


def test_converted_figure_keeps_its_rounding(cast):
    # 10.12亿元 lies in [10.115, 10.125] also beside 万元, so 104400万元 may have grown by 3.1 % to 3.3 %.
    figure("industrial_output", "2022-07.ytd", "10.12", unit="亿元")
    assert "growth-differs" not in codes(stored(cast.staff, output("104400", unit="万元", growth=D("3.1"))))
    assert "growth-differs" in codes(stored(cast.staff2, output("104400", unit="万元", growth=D("3.4"))))


def test_another_definition_is_not_compared(cast):
    old = Indicator.objects.get(code="industrial_output").versions.get()
    old.valid_to = dt.date(2023, 6, 30)
    old.save(update_fields=["valid_to"])
    IndicatorVersion.objects.create(indicator=old.indicator, valid_from=dt.date(2023, 7, 1), unit="亿元")
    assert codes(stored(cast.staff, output("100"))) == []


def test_withdrawn_figure_is_not_compared(cast):
    figure("industrial_output", "2023-06.ytd", "223.7", unit="亿元", status="withdrawn", reason="撤回")
    assert codes(stored(cast.staff, output("100"))) == []


def test_copy_of_last_month_counts_the_rank_of_the_same_pool_and_basis(cast):
    june = {"growth": D("17"), "rank_place": 1}
    assert codes(stored(cast.staff, output("223.7", **june, rank_by="unstated"))) == ["copied"]
    assert codes(stored(cast.staff2, output("223.7", **june, rank_by="growth"))) == []


def test_outlier_needs_five_approved_years(cast):
    set_back(dt.date(2015, 1, 1))
    for year, value in zip(range(2019, 2023), ("202", "204", "206", "208"), strict=True):
        figure("industrial_output", f"{year}-07.ytd", value, unit="亿元", growth="1")
    saved = stored(cast.staff, output("400", growth=D("92")))
    assert "outlier" not in codes(saved)
    figure("industrial_output", "2018-07.ytd", "200", unit="亿元", growth="1")
    assert "outlier" in codes(saved)


def test_lines_of_one_form_are_held_against_each_other(cast):
    submission = stored(
        cast.staff, line("domestic_capital", JULY, "35.66"), line("domestic_capital", "2023-08.ytd", "35.60")
    )
    told = {checked.entry.period.month_no: checked.findings for checked in findings(submission).values()}
    assert [finding.rule_code for finding in told[7]] == ["growth-missing"]
    assert [finding.rule_code for finding in told[8]] == ["cumulative-fell", "growth-missing"]


def test_month_and_cumulative_of_one_form_are_told_on_both_lines(cast):
    month = line("industrial_output", "2023-07.month", "32")
    assert codes(stored(cast.staff, output(), month)).count("month-differs") == 2
    assert codes(stored(cast.staff2, output(), line("industrial_output", "2023-07.month", "30.4"))) == [
        "growth-missing"
    ]


def test_january_and_february_are_one_slot(cast):
    # 1—2月 of industry is blank by rule: whatever stands as February is no month to compare.
    february = line("industrial_output", "2023-02.month", "1", growth=D("1"))
    assert codes(stored(cast.staff, line("industrial_output", "2023-02.ytd", "60", growth=D("1")), february)) == [
        "no-slot"
    ]


def test_related_figures_come_from_the_form_and_from_what_is_approved(cast):
    # Approved on 4 August: 47 of 52, 90.4 %.
    assert codes(stored(cast.staff, line("key_project_start_rate", NOW, "92.3", unit="%"))) == ["start-rate"]
    fits = stored(
        cast.staff2,
        line("key_project_start_rate", NOW, "92.3", unit="%"),
        line("key_projects_started", NOW, "48", unit="个"),
    )
    assert codes(fits) == []  # 48 / 52 = 92.31 %


def test_parts_and_whole_in_units_of_their_own(cast):
    many_indicators(2)
    rule(
        code="sum",
        kind="expression",
        expression="abs({extra-0} + {extra-1} - gdp) <= half({extra-0}) + half({extra-1})",
        indicators=["gdp"],
    ).save()
    parts = [line("extra-0", "2023-06.ytd", "101000", unit="万元"), line("extra-1", "2023-06.ytd", "20.2")]
    for part in parts:
        part.columns["growth"] = D("1")
    whole = partial(line, "gdp", "2023-06.ytd", growth=D("1"))
    # 101000万元 is 10.1000亿元, half a unit of it 0.00005; with 20.2亿元 0.05005 is allowed.
    assert codes(stored(cast.staff, *parts, whole("30.35"))) == []
    assert codes(stored(cast.staff2, *parts, whole("30.36"))) == ["sum"]


# Many forms


def test_forms_are_checked_together_as_each_alone(cast):
    forms = [
        stored(cast.staff, output("223.6"), line("domestic_capital", "2023-08.ytd", "30", growth=D("1"))),
        stored(cast.staff2, line("domestic_capital", JULY, "35", growth=D("1"))),
    ]
    together = findings_of(forms)
    # What another form drafts for July says nothing about this one's August.
    told = {form.pk: finding_counts(together[form.pk].values()) for form in forms}
    assert told == {forms[0].pk: [("verify", 1)], forms[1].pk: []}
    assert together == {form.pk: findings(form) for form in forms}


def test_form_without_lines_and_no_forms_at_all(cast):
    empty = stored(cast.staff)
    assert findings(empty) == {}
    assert findings_of([]) == {}


def test_queries_do_not_grow_with_forms_and_lines(cast):
    *many, one = many_indicators(31)
    for indicator in [*many, one]:
        figure(indicator.code, "2023-06.ytd", "1.5", unit="亿元", rank=1)

    def form(number: int, indicators: list[Indicator]) -> Submission:
        department = Department.objects.create(
            district=District.objects.get(code=HOME), code=f"d{number}", name=f"单位{number}", short_name=f"单{number}"
        )
        said = {"rank_place": 1, "growth": D("1")}
        return stored(cast.staff, *(line(i.code, JULY, "17.5", **said) for i in indicators), department=department)

    def queries(forms: list[Submission]) -> int:
        with CaptureQueriesContext(connection) as found:
            told = findings_of(forms)
        assert {f.rule_code for form in told.values() for c in form.values() for f in c.findings} == {"magnitude-slip"}
        return len(found)

    # Entries, rules, definitions, approved figures, ranks, exemptions
    assert queries([form(0, [one])]) == queries([form(n, many[n * 3 : n * 3 + 3]) for n in range(1, 10)]) == 6


# The gate


def test_form_with_findings_is_saved(cast, july):
    saved = actions.save_entries(
        by=cast.staff, round=july, department=cast.staff.department, drafts=[output("223.6")], row_version=0
    )
    assert (saved.state, Entry.objects.get().value) == ("draft", D("223.6"))


@pytest.mark.parametrize(
    ("period", "last_year", "value", "base", "growth", "told"),
    [
        # Industrial profit, January to May 2018: −6.0 % by division, published +16.5 % (domain §3)
        ("2018-05.ytd", "2017-05.ytd", "27298.3", "29047.6", "16.5", ["growth-differs"]),
        # Fixed-asset investment, first half of 2023: −10.4 % by division, published +3.8 % (domain §3)
        ("2023-06.ytd", "2022-06.ytd", "243113", "271430", "3.8", ["growth-differs"]),
        ("2023-06.ytd", "2022-06.ytd", "10.44", "10.12", "3.1", []),  # [3.06, 3.26] (domain §3)
    ],
)
def test_official_growth_is_handed_in_as_published(cast, period, last_year, value, base, growth, told):
    many_indicators(1)
    set_back(dt.date(2015, 1, 1))
    figure("extra-0", last_year, base, unit="亿元")
    saved = stored(cast.staff, line("extra-0", period, value, growth=D(growth)))
    assert [(f.rule_code, f.severity) for f in only(saved).findings] == [(code, "hint") for code in told]
    assert actions.submit(by=cast.staff, submission=saved).state == "submitted"


def test_mandatory_findings_refuse_submission_and_all_are_listed(cast):
    saved = stored(cast.staff, output("-1", note=REASON))
    with pytest.raises(Refused) as refused:
        actions.submit(by=cast.staff, submission=saved)
    assert "强制性" in str(refused.value)
    assert "规模以上工业总产值2023年1—7月：这项金额不能为负（本期-1亿元）" in str(refused.value)
    saved.refresh_from_db()
    assert (saved.state, saved.transitions.count()) == ("draft", 0)


def test_every_mandatory_finding_is_named(cast):
    form = stored(
        cast.staff,
        line("gdp", JULY, "100"),
        line("health_records_rate", "2023-07-31.instant", "101", unit="%"),
        line("private_enterprises", "2023-07-31.instant", "3.8", unit="万户"),
    )
    text = submission_problem(form)
    assert "地区生产总值2023年1—7月：这一期没有应报的数" in text
    assert "居民电子健康档案建档率截至2023年7月31日：比重应在0到100%之间" in text
    assert "民营企业" not in text


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("", "还没有写说明"),
        ("经核实无误，情况属实", "套话"),
        ("企业退库", "至少要6个字"),
        (REASON, ""),
    ],
)
def test_verification_asks_for_an_explanation(cast, note, said):
    saved = stored(cast.staff, output("223.6", note=note))
    if not said:
        assert actions.submit(by=cast.staff, submission=saved).state == "submitted"
        return
    with pytest.raises(Refused, match=said) as refused:
        actions.submit(by=cast.staff, submission=saved)
    assert "规模以上工业总产值2023年1—7月：累计数小于上期" in str(refused.value)


def test_last_months_words_explain_nothing(cast):
    figure("industrial_output", "2023-06.ytd", "223.7", growth="17", unit="亿元", reason="补说明", note=f"{REASON}。")
    saved = stored(cast.staff, output("223.6", note=REASON))
    with pytest.raises(Refused, match="一字不差"):
        actions.submit(by=cast.staff, submission=saved)


def test_what_is_wrong_is_listed_all_at_once(cast):
    saved = stored(
        cast.staff,
        output("2541"),
        line("gdp", JULY, "100", growth=D("1")),
        line("domestic_capital", JULY, "30", growth=D("1")),
        line("tax_relief", JULY, unread={"value": "12x"}),
    )
    found = submission_problem(saved).split("：\n")
    assert [part.rsplit("。\n")[-1][:7] for part in found[:-1]] == [
        "有看不懂的内容",
        "有强制性问题，",
        "有准强制性问题",
        "请在“说明”里",
    ]


# What could not be understood


def test_text_that_is_no_figure_keeps_a_form_back(cast):
    saved = stored(cast.staff, output(None, growth=D("16.2"), unread={"value": "12x", "rank_place": "第一"}))
    with pytest.raises(Refused) as refused:
        actions.submit(by=cast.staff, submission=saved)
    assert "规模以上工业总产值2023年1—7月：数值“12x”看不懂" in str(refused.value)
    assert "规模以上工业总产值2023年1—7月：位次“第一”看不懂" in str(refused.value)
    Entry.objects.update(unread={})
    assert submission_problem(saved) == ""


# The approved list of quasi-mandatory rules


def exempt(by: User, **said) -> CheckExemption:
    known = {
        "rule_code": "magnitude-slip",
        "valid_from": dt.date(2023, 1, 1),
        "reason": "新企业投产",
        "approved_by": by,
    }
    return CheckExemption.objects.create(**known | said)


def test_quasi_mandatory_finding_blocks_however_well_explained(cast):
    saved = stored(cast.staff, output("2541", note=REASON))
    with pytest.raises(Refused, match="这项须先由审核员列入例外名单") as refused:
        actions.submit(by=cast.staff, submission=saved)
    assert "规模以上工业总产值2023年1—7月：数量级与上期不符" in str(refused.value)


@pytest.mark.parametrize(
    ("note", "said"), [("", "还没有写说明"), ("正常波动", "套话"), ("企业投产", "至少要6个字"), (REASON, "")]
)
def test_listed_quasi_mandatory_finding_still_asks_for_an_explanation(cast, note, said):
    exempt(cast.reviewer)
    saved = stored(cast.staff, output("2541", note=note))
    assert said in submission_problem(saved)
    assert "例外名单" not in submission_problem(saved)
    if not said:
        assert actions.submit(by=cast.staff, submission=saved).state == "submitted"


@pytest.mark.parametrize(
    ("said", "is_listed"),
    [
        ({"indicator": "industrial_output"}, True),
        ({"indicator": "gdp"}, False),
        ({"department": "gxj"}, True),
        ({"department": "swj"}, False),
        ({"indicator": "industrial_output", "department": "swj"}, False),
        ({"rule_code": "outlier"}, False),
        # in force at the period's end, 31 July 2023
        ({"valid_to": dt.date(2023, 7, 31)}, True),
        ({"valid_to": dt.date(2023, 7, 30)}, False),
        ({"valid_from": dt.date(2023, 7, 31)}, True),
        ({"valid_from": dt.date(2023, 8, 1)}, False),
    ],
)
def test_exemption_holds_for_its_rule_indicator_department_and_time(cast, said, is_listed):
    models = {"indicator": Indicator, "department": Department}
    exempt(
        cast.reviewer,
        **{name: models[name].objects.get(code=value) if name in models else value for name, value in said.items()},
    )
    checked = only(stored(cast.staff, output("2541", note=REASON)))
    assert [finding.rule_code for finding in checked.unlisted] == ([] if is_listed else ["magnitude-slip"])


def test_exemption_lifts_no_mandatory_finding(cast):
    exempt(cast.reviewer, rule_code="negative-amount")
    saved = stored(cast.staff, output("-1", note=REASON))
    assert "这项金额不能为负" in submission_problem(saved)


def test_import_is_not_asked_to_explain(cast):
    job = staged_job(cast.admin, [("domestic_capital", JULY, "30", "1"), ("industrial_output", JULY, "223.6", "1")])
    submission = actions.submit_staged(by=cast.admin, job=job)
    assert (submission.state, sorted(set(codes(submission)))) == ("submitted", ["cumulative-fell"])


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
    assert Submission.objects.get(department=cast.staff.department).state == "submitted"
    assert "已写说明" in client.get(FORM).content.decode()


def test_field_with_a_finding_names_it(signed_in, cast):
    stored(cast.staff, output("223.6"))
    text = signed_in("staff").get(FORM).content.decode()
    assert 'aria-describedby="findings-industrial_output"' in text
    assert 'id="findings-industrial_output"' in text


def test_form_page_says_what_a_quasi_mandatory_finding_needs(signed_in, cast):
    stored(cast.staff, output("2541"))
    client = signed_in("staff")
    assert "须先由审核员列入" in client.get(FORM).content.decode()
    exempt(cast.reviewer)
    assert "须先由审核员列入" not in client.get(FORM).content.decode()


def test_review_page_tells_findings_until_approval(signed_in, cast):
    saved = stored(cast.staff, output("223.6", growth=None, note=REASON))
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
        ({"kind": "month_differs", "severity": "quasi"}, "只能核实或提示"),
        ({"kind": "month_differs"}, ""),
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
        ({"kind": "month_differs", "severity": "mandatory"}, "checkrule_month_never_blocks"),
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


def test_admin_edits_a_rule_without_code(signed_in, cast):
    saved = stored(cast.staff, output("223.6"))
    fell = CheckRule.objects.get(code="cumulative-fell")
    data = {
        "code": fell.code,
        "kind": fell.kind,
        "severity": "hint",
        "message": "累计数变小",
        "parameters": "{}",
        "expression": "",
        "valid_from": "2020-01-01",
        "is_active": "on",
        "indicators": [],
    }
    url = f"/admin/indicators/checkrule/{fell.pk}/change/"
    client = signed_in("admin")
    response = client.post(url, data | {"parameters": '{"tolerence": 1}'})
    assert "不认识参数“tolerence”" in response.content.decode()
    assert client.post(url, data).status_code == 302
    assert [(f.severity, f.message[:5]) for f in only(saved).findings] == [("hint", "累计数变小")]
    assert submission_problem(saved) == ""
    assert CheckRule.objects.get(pk=fell.pk).indicators is None


def test_rule_broken_behind_the_forms_back_is_left_out_loudly(cast, caplog):
    CheckRule.objects.filter(code="outlier").update(parameters={"limit": "many"})
    assert codes(stored(cast.staff, output("223.6"))) == ["cumulative-fell"]
    assert "outlier" in caplog.text


# The approved list, as it is kept

LIST = "/admin/indicators/checkexemption/"


def test_reviewer_keeps_the_approved_list(signed_in, cast):
    client = signed_in("reviewer")
    data = {"rule_code": "magnitude-slip", "valid_from": "2023-07-01", "reason": "新企业投产"}
    page = "/reviews/exemptions/"
    assert client.post(page, data | {"reason": ""}).status_code == 422
    assert client.post(page, data | {"rule_code": "cumulative-fell"}).status_code == 422
    assert client.post(page, data | {"valid_to": "2023-06-30"}).status_code == 409
    assert not CheckExemption.objects.exists()
    assert client.post(page, data).status_code == 302
    listed = CheckExemption.objects.get()
    assert (listed.approved_by, listed.indicator, listed.valid_to) == (cast.reviewer, None, None)
    assert only(stored(cast.staff, output("2541"))).unlisted == []
    assert "新企业投产" in client.get(page).content.decode()


@pytest.mark.parametrize("who", ["staff", "leader", "admin", "auditor"])
def test_nobody_else_adds_to_the_approved_list(signed_in, cast, who):
    data = {"rule_code": "magnitude-slip", "valid_from": "2023-07-01", "reason": "新企业投产"}
    assert signed_in(who).post("/reviews/exemptions/", data).status_code == 403
    assert signed_in("admin").get(f"{LIST}add/").status_code == 403
    with pytest.raises(NotAllowed):
        actions.exempt(by=getattr(cast, who), indicator=None, department=None, valid_to=None, **data)
    assert not CheckExemption.objects.exists()


def test_what_was_approved_can_only_be_ended(signed_in, cast):
    listed = exempt(cast.reviewer)
    client = signed_in("admin")
    assert "不得早于起期" in client.post(f"{LIST}{listed.pk}/change/", {"valid_to": "2022-12-31"}).content.decode()
    changed = {"valid_to": "2023-06-30", "rule_code": "outlier", "reason": "改写"}
    assert client.post(f"{LIST}{listed.pk}/change/", changed).status_code == 302
    assert client.post(f"{LIST}{listed.pk}/delete/", {"post": "yes"}).status_code == 403
    ended = CheckExemption.objects.get()
    assert (ended.rule_code, ended.reason, str(ended.valid_to)) == ("magnitude-slip", "新企业投产", "2023-06-30")
    assert ended.approved_by == cast.reviewer
