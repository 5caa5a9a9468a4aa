"""What each deed does, and how it is refused: wrong person, wrong state, wrong moment."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from indicators import actions
from indicators.models import Entry, Indicator, Round, Submission, Transition, Vintage
from indicators.refusals import Conflict, NotAllowed, Refused
from indicators.rows import scorecard
from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import Event
from lvyuan.periods import Period
from tests.conftest import HOME

pytestmark = pytest.mark.django_db
JULY = Period.ytd(2023, 7)


@pytest.fixture
def july() -> Round:
    return Round.objects.get(code="2023-07")


def draft(code="industrial_output", **columns):
    base = {"value": D("254.1"), "unit": "亿元", "growth": D("16.2"), "growth_basis": "unstated", "note": "平稳"}
    return actions.Draft(
        indicator=Indicator.objects.get(code=code),
        district=District.objects.get(code=HOME),
        period=JULY,
        columns=base | columns,
    )


def save(by, july, *drafts, version=0):
    return actions.save_entries(
        by=by, round=july, department=by.department, drafts=drafts or [draft()], row_version=version
    )


def approve(by, submission):
    """Approves what is there now."""
    version = Submission.objects.get(pk=submission.pk).row_version
    return actions.approve(by=by, submission=submission, row_version=version)


def send_back(by, submission, reason):
    version = Submission.objects.get(pk=submission.pk).row_version
    return actions.return_submission(by=by, submission=submission, row_version=version, reason=reason)


@pytest.fixture
def submitted(cast, july) -> Submission:
    return actions.submit(by=cast.staff, submission=save(cast.staff, july))


def test_main_job(cast, july):
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, july))
    send_back(cast.reviewer, submission, "请核对增速")
    save(cast.staff, july, draft(growth=D("16.3")), version=3)
    actions.submit(by=cast.staff, submission=submission)
    (vintage,) = approve(cast.reviewer, submission)
    assert (vintage.value, vintage.growth, vintage.number) == (D("254.1"), D("16.3"), 1)
    assert (vintage.entered_by, vintage.approved_by) == (cast.staff, cast.reviewer)
    row = scorecard(district=HOME, period=None, user=cast.leader).by_code["industrial_output"]
    assert (row.value.text, row.growth.text, row.period) == ("254.1亿元", "16.3%", JULY)
    steps = list(Transition.objects.filter(submission=submission).values_list("to_state", "reason"))
    assert steps == [
        ("submitted", ""), ("returned", "请核对增速"), ("submitted", ""), ("approved", ""),
    ]  # fmt: skip


def test_drafts_never_show_outside_the_chain(cast, july):
    save(cast.staff, july)
    row = scorecard(district=HOME, period=None, user=cast.leader).by_code["industrial_output"]
    assert row.period == Period.ytd(2023, 6)


def test_history_names_the_person_and_the_reason(cast, submitted):
    send_back(cast.reviewer, submitted, "口径不一致")
    event = Event.objects.about(submitted).first()
    assert event.actor_id == cast.reviewer.pk
    assert event.reason == "口径不一致"


def test_save_of_another_department_is_not_allowed(cast, july):
    with pytest.raises(NotAllowed):
        actions.save_entries(
            by=cast.staff2, round=july, department=cast.staff.department, drafts=[draft()], row_version=0
        )
    assert not Entry.objects.exists()
    assert not Submission.objects.exclude(state="not_started").exists()


def test_save_of_an_indicator_of_another_department_is_not_allowed(cast, july):
    with pytest.raises(NotAllowed, match="不由"):
        save(cast.staff, july, draft("domestic_capital"))
    assert not Entry.objects.exists()


@pytest.mark.parametrize("who", ["reviewer", "leader", "admin", "auditor"])
def test_save_by_other_roles_is_not_allowed(cast, july, who):
    with pytest.raises(NotAllowed):
        actions.save_entries(
            by=getattr(cast, who),
            round=july,
            department=Department.objects.get(code="gxj"),
            drafts=[draft()],
            row_version=0,
        )


def test_save_over_a_newer_version_is_a_conflict(cast, july):
    save(cast.staff, july)
    with pytest.raises(Conflict, match="没有保存"):
        save(cast.staff, july, draft(value=D(1)), version=0)
    assert Entry.objects.get().value == D("254.1")


def test_save_after_submission_is_refused(cast, july, submitted):
    with pytest.raises(Refused, match="已提交"):
        save(cast.staff, july, version=submitted.row_version)


def test_save_in_a_closed_round_is_refused(cast, july):
    july.closes_at = timezone.now() - dt.timedelta(seconds=1)
    july.save(update_fields=["closes_at"])
    with pytest.raises(Refused, match="关闭，不能修改.*没有保存任何内容"):
        save(cast.staff, july)


def test_unchanged_line_keeps_its_author(cast, july):
    save(cast.staff, july)
    before = Entry.objects.get()
    save(cast.staff, july, version=1)
    assert Entry.objects.get().edited_at == before.edited_at


def test_added_digit_is_a_change(cast, july):
    save(cast.staff, july)
    save(cast.staff, july, draft(value=D("254.10")), version=1)
    assert str(Entry.objects.get().value) == "254.10"


def test_empty_form_cannot_be_submitted(cast, july):
    blank = draft(value=None, growth=None, note="")
    saved = save(cast.staff, july, blank)
    with pytest.raises(Refused, match="还没有填写"):
        actions.submit(by=cast.staff, submission=saved)


def test_submitting_twice_is_a_conflict(cast, submitted):
    with pytest.raises(Conflict, match="待审核"):
        actions.submit(by=cast.staff, submission=submitted)


def test_return_needs_a_reason(cast, submitted):
    with pytest.raises(Refused, match="理由"):
        send_back(cast.reviewer, submitted, "  ")


@pytest.mark.parametrize("who", ["staff", "staff2", "leader", "admin", "auditor"])
def test_only_reviewers_approve_and_return(cast, submitted, who):
    person = getattr(cast, who)
    with pytest.raises(NotAllowed):
        approve(person, submitted)
    with pytest.raises(NotAllowed):
        send_back(person, submitted, "试试看")
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_approving_twice_is_a_conflict(cast, submitted):
    approve(cast.reviewer, submitted)
    with pytest.raises(Conflict, match="已通过"):
        approve(cast.reviewer2, submitted)
    assert Vintage.objects.filter(entry__submission=submitted).count() == 1


def test_database_refuses_reviewing_ones_own_submission(cast, submitted):
    with pytest.raises(IntegrityError, match="submission_two_persons"), transaction.atomic():
        Submission.objects.filter(pk=submitted.pk).update(
            state="approved", reviewed_by=submitted.submitted_by, reviewed_at=timezone.now()
        )


def test_indicator_without_a_definition_in_force_blocks_approval(cast, submitted):
    version = Indicator.objects.get(code="industrial_output").versions.get()
    version.valid_to = dt.date(2023, 6, 30)
    version.save(update_fields=["valid_to"])
    with pytest.raises(Refused, match="口径"):
        approve(cast.reviewer, submitted)
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


def test_evidence_is_kept_by_content(cast, july):
    save(cast.staff, july)
    entry = Entry.objects.get()
    evidence = actions.add_evidence(by=cast.staff, entry=entry, upload=SimpleUploadedFile("证明.png", PNG))
    assert (evidence.content_type, evidence.size) == ("image/png", len(PNG))
    with pytest.raises(Refused, match="已经上传"):
        actions.add_evidence(by=cast.staff, entry=entry, upload=SimpleUploadedFile("again.png", PNG))


@pytest.mark.parametrize("content", [b"MZ\x90\x00", b"<svg onload=alert(1)>", b"PK\x03\x04rubbish", b""])
def test_evidence_of_other_kinds_is_refused(cast, july, content):
    save(cast.staff, july)
    with pytest.raises(Refused, match="只接受"):
        actions.add_evidence(by=cast.staff, entry=Entry.objects.get(), upload=SimpleUploadedFile("报告.pdf", content))


def test_evidence_over_the_limit_is_refused(cast, july, settings):
    save(cast.staff, july)
    settings.EVIDENCE_LIMIT = len(PNG) - 1
    with pytest.raises(Refused, match="上限"):
        actions.add_evidence(by=cast.staff, entry=Entry.objects.get(), upload=SimpleUploadedFile("a.png", PNG))


def test_evidence_after_submission_is_refused(cast, submitted):
    entry = submitted.entries.get()
    with pytest.raises(Refused, match="等待审核.*材料没有保存"):
        actions.add_evidence(by=cast.staff, entry=entry, upload=SimpleUploadedFile("a.png", PNG))
    with pytest.raises(NotAllowed):
        actions.add_evidence(by=cast.staff2, entry=entry, upload=SimpleUploadedFile("a.png", PNG))


def test_nobody_approves_or_returns_what_changed_since_they_looked(cast, july, submitted):
    seen = submitted.row_version
    send_back(cast.reviewer2, submitted, "请核对")
    save(cast.staff, july, draft(value=D("999")), version=seen + 1)
    actions.submit(by=cast.staff, submission=submitted)
    with pytest.raises(Conflict, match="有改动"):
        actions.approve(by=cast.reviewer, submission=submitted, row_version=seen)
    with pytest.raises(Conflict, match="有改动"):
        actions.return_submission(by=cast.reviewer, submission=submitted, row_version=seen, reason="再核对")
    assert not Vintage.objects.filter(value=999).exists()


def test_who_filled_in_a_figure_cannot_review_it(cast, submitted):
    cast.staff.role = "reviewer"
    cast.staff.save(update_fields=["role"])
    submitted.submitted_by = cast.reviewer2
    submitted.save(update_fields=["submitted_by"])
    with pytest.raises(Conflict, match="另一位审核员"):
        approve(cast.staff, submitted)


def test_own_submission_is_refused_before_the_database_must(cast, submitted):
    submitted.submitted_by = cast.reviewer
    submitted.save(update_fields=["submitted_by"])
    assert "另一位审核员" in actions.refusal(actions.APPROVE, by=cast.reviewer, submission=submitted)
    assert actions.refusal(actions.APPROVE, by=cast.reviewer2, submission=submitted) == ""


def test_another_period_than_the_rounds_is_not_allowed(cast, july):
    june = actions.Draft(
        indicator=Indicator.objects.get(code="industrial_output"),
        district=District.objects.get(code=HOME),
        period=Period.ytd(2023, 6),
        columns={"value": D(1), "unit": "亿元"},
    )
    with pytest.raises(NotAllowed, match="不由"):
        save(cast.staff, july, june)


def test_a_reason_for_having_no_value_is_kept(cast, july):
    save(cast.staff, july, draft(value=None, unit="", growth=None, note="", null_reason="not_applicable"))
    assert Entry.objects.get().null_reason == "not_applicable"


def test_evidence_in_a_closed_round_is_refused(cast, july):
    save(cast.staff, july)
    Round.objects.filter(pk=july.pk).update(closes_at=timezone.now())
    with pytest.raises(Refused, match="关闭，不能修改.*材料没有保存"):
        actions.add_evidence(by=cast.staff, entry=Entry.objects.get(), upload=SimpleUploadedFile("a.png", PNG))


def test_evidence_takes_the_suffix_of_what_it_is(cast, july):
    save(cast.staff, july)
    upload = SimpleUploadedFile("工资表.hta", PNG)
    assert actions.add_evidence(by=cast.staff, entry=Entry.objects.get(), upload=upload).name == "工资表.png"


def test_older_state_approved_later_does_not_become_current(cast, submitted):
    from tests.indicators.factories import figure

    later = figure(
        "industrial_output", "2023-07.ytd", "260.0", unit="亿元", known_from=timezone.now() + dt.timedelta(1)
    )
    approve(cast.reviewer, submitted)
    later.observation.refresh_from_db()
    assert later.observation.current == later


def test_what_a_colleague_saved_since_is_not_submitted_unseen(cast, july):
    mine = save(cast.staff, july)
    save(cast.staff, july, draft(value=D("255")), version=1)
    with pytest.raises(Conflict, match="有改动"):
        actions.submit(by=cast.staff, submission=mine, row_version=mine.row_version)
    mine.refresh_from_db()
    assert mine.state == "draft"
