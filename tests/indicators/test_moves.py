"""Who may take which step from where, typed by hand; and what each step asks for."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from indicators import actions
from indicators.models import Entry, Round, Submission, Transition
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Department
from lvyuan.imports.models import ImportJob
from lvyuan.notices.models import Notice
from tests.conftest import make_user
from tests.indicators.factories import month_end
from tests.indicators.test_actions import draft, save

pytestmark = pytest.mark.django_db
WHO = ("staff", "head", "staff2", "reviewer", "leader", "admin", "auditor")
# state → who → the steps they may take; who is not named may take none. Without and with sign-off (签发).
PLAIN = {
    "not_started": {"staff": {"start"}, "head": {"start"}, "reviewer": {"excuse"}},
    "draft": {"staff": {"submit"}, "head": {"submit"}, "reviewer": {"excuse"}},
    "signing": {"staff": {"withdraw"}, "head": {"withdraw", "sign", "decline"}},
    "submitted": {"staff": {"withdraw"}, "head": {"withdraw"}, "reviewer": {"return", "approve"}},
    "returned": {"staff": {"submit"}, "head": {"submit"}, "reviewer": {"excuse"}},
    "approved": {"reviewer": {"reopen"}},
    "excused": {"reviewer": {"resume"}},
}
SIGNED = PLAIN | {
    "draft": {"staff": {"send"}, "head": {"send"}, "reviewer": {"excuse"}},
    "returned": {"staff": {"send"}, "head": {"send"}, "reviewer": {"excuse"}},
}
# An import has no form: what is wrong with it is put right by another import.
IMPORTED = {
    "draft": {"admin": {"submit"}},
    "submitted": {"reviewer": {"return", "approve"}},
    "returned": {"admin": {"submit"}},
    "approved": {},
}


@pytest.fixture
def people(cast) -> SimpleNamespace:
    cast.head = make_user("t-head", "staff", "gxj")
    cast.head.is_department_head = True
    cast.head.save(update_fields=["is_department_head"])
    return cast


@pytest.fixture
def july() -> Round:
    return Round.objects.get(code="2023-07")


def put(submission: Submission, state: str, people: SimpleNamespace) -> Submission:
    """The form in that state, submitted and reviewed by people who take no part in the test."""
    submission.state = state
    if state in ("submitted", "returned", "approved"):
        submission.submitted_by, submission.submitted_at = people.staff2, timezone.now()
    if state in ("returned", "approved", "excused"):
        submission.reviewed_by, submission.reviewed_at = people.reviewer2, timezone.now()
    submission.save()
    return submission


@pytest.fixture
def form(people, july) -> Submission:
    return Submission.objects.get(round=july, department__code="gxj")


def needs_sign_off(*codes: str) -> None:
    Department.objects.filter(code__in=codes).update(needs_sign_off=True)


def fresh(submission: Submission) -> Submission:
    return Submission.objects.select_related("department", "round").get(pk=submission.pk)


@pytest.mark.parametrize("state", PLAIN)
@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
def test_moves_offered(people, form, state, signed):
    if signed:
        needs_sign_off("gxj")
    put(form, state, people)
    offered = {who: actions.allowed_moves(by=getattr(people, who), submission=fresh(form)) for who in WHO}
    expected = (SIGNED if signed else PLAIN)[state]
    assert offered == {who: expected.get(who, set()) for who in WHO}


@pytest.mark.parametrize("state", IMPORTED)
def test_moves_offered_of_an_import(people, state):
    job = ImportJob.objects.create(
        kind="observations", file_name="x.csv", sha256="0" * 64, size=1, created_by=people.admin
    )
    submission = put(Submission.objects.create(import_job=job), state, people)
    offered = {who: actions.allowed_moves(by=getattr(people, who), submission=fresh(submission)) for who in WHO}
    assert offered == {who: IMPORTED[state].get(who, set()) for who in WHO}


DEEDS = {
    "send": lambda by, form: actions.send_for_signature(by=by, submission=form, row_version=form.row_version),
    "sign": lambda by, form: actions.sign(by=by, submission=form, row_version=form.row_version),
    "decline": lambda by, form: actions.decline(by=by, submission=form, row_version=form.row_version, reason="改"),
    "submit": lambda by, form: actions.submit(by=by, submission=form, row_version=form.row_version),
    "withdraw": lambda by, form: actions.withdraw(by=by, submission=form, row_version=form.row_version),
    "return": lambda by, form: actions.return_submission(
        by=by, submission=form, row_version=form.row_version, reason="请核对"
    ),
    "approve": lambda by, form: actions.approve(by=by, submission=form, row_version=form.row_version),
    "reopen": lambda by, form: actions.reopen(by=by, submission=form, row_version=form.row_version, reason="更正"),
    "excuse": lambda by, form: actions.excuse(by=by, submission=form, row_version=form.row_version, reason="停产"),
    "resume": lambda by, form: actions.resume(by=by, submission=form, row_version=form.row_version, reason="复产"),
}
# What a role may do at all, in whatever state; the rest is not allowed (403), the wrong moment is a conflict (409).
OF_ROLE = {
    "staff": {"send", "submit", "withdraw"},
    "head": {"send", "submit", "withdraw", "sign", "decline"},
    "reviewer": {"return", "approve", "reopen", "excuse", "resume"},
}


@pytest.mark.parametrize("state", PLAIN)
@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
def test_every_other_move_is_refused(people, form, state, signed):
    if signed:
        needs_sign_off("gxj")
    put(form, state, people)
    for who in WHO:
        for name, deed in DEEDS.items():
            if name in (SIGNED if signed else PLAIN)[state].get(who, set()):
                continue
            refusal = Conflict if name in OF_ROLE.get(who, set()) else NotAllowed
            with pytest.raises(refusal, match="不能|不需要|须先|只有"), transaction.atomic():
                deed(getattr(people, who), fresh(form))
    assert fresh(form).state == state
    assert not Transition.objects.filter(submission=form).exists()


def test_moves_that_were_not_offered_are_explained_in_one_line(people, form):
    put(form, "submitted", people)
    offer = actions.offer(by=people.reviewer, submission=fresh(form))
    assert offer.moves == {"return", "approve"}
    assert offer.why_not == "这份报送目前是“待审核”，不能重开、免报、撤销免报。"
    own = actions.offer(by=people.staff2, submission=fresh(form))
    assert own.moves == frozenset()


@pytest.mark.parametrize(
    ("name", "state", "who"),
    [
        ("decline", "signing", "head"),
        ("return", "submitted", "reviewer"),
        ("reopen", "approved", "reviewer"),
        ("excuse", "draft", "reviewer"),
        ("resume", "excused", "reviewer"),
    ],
)
def test_reason_is_required(people, form, name, state, who):
    put(form, state, people)
    deed = {
        "decline": actions.decline,
        "return": actions.return_submission,
        "reopen": actions.reopen,
        "excuse": actions.excuse,
        "resume": actions.resume,
    }[name]
    with pytest.raises(Refused, match="必须写明理由"):
        deed(by=getattr(people, who), submission=form, row_version=form.row_version, reason=" \n ")
    assert fresh(form).state == state


@pytest.mark.parametrize(
    ("before", "after"),
    [("submitted", "returned"), ("draft", "excused"), ("approved", "returned"), ("excused", "draft")],
)
def test_database_asks_for_the_reason_too(people, form, before, after):
    step = Transition(submission=form, from_state=before, to_state=after, by=people.reviewer)
    with pytest.raises(IntegrityError, match="transition_return_has_reason"), transaction.atomic():
        step.save()
    step.reason = "已核对"
    step.save()


@pytest.mark.parametrize("role", ["submitter", "writer"])
@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("return", "submitted"),
        ("approve", "submitted"),
        ("reopen", "approved"),
        ("excuse", "draft"),
        ("resume", "excused"),
    ],
)
def test_nobody_judges_what_they_wrote_or_submitted(people, july, name, state, role):
    """A reviewer who was the department's staff before."""
    submission = save(people.staff, july)
    put(submission, state, people)
    if role == "submitter":
        Entry.objects.update(edited_by=people.staff2)
        submission.submitted_by, submission.submitted_at = people.staff, timezone.now()
        submission.save()
    people.staff.role = "reviewer"
    people.staff.save(update_fields=["role"])
    with pytest.raises(Conflict, match="请由另一位审核员处理"):
        DEEDS[name](people.staff, fresh(submission))
    assert fresh(submission).state == state


# 签发


@pytest.fixture
def sent(people, july) -> Submission:
    needs_sign_off("gxj")
    people.staff.department.refresh_from_db()
    return actions.send_for_signature(by=people.staff, submission=save(people.staff, july))


def told(person, kind: str) -> list[str]:
    return list(Notice.objects.filter(recipient=person, kind=kind).values_list("title", flat=True))


def test_head_signs_and_the_reviewer_approves(people, sent):
    assert sent.state == "signing"
    assert told(people.head, "sign_off") == ["2023年7月补报 工信局：待您签发"]
    assert told(people.reviewer, "submitted") == []
    signed = actions.sign(by=people.head, submission=sent, row_version=sent.row_version)
    assert (signed.state, signed.submitted_by) == ("submitted", people.head)
    assert told(people.reviewer, "submitted") == ["2023年7月补报 工信局：待审核"]
    (vintage,) = actions.approve(by=people.reviewer, submission=signed, row_version=signed.row_version)
    assert (vintage.entered_by, vintage.approved_by) == (people.staff, people.reviewer)
    steps = list(Transition.objects.filter(submission=sent).values_list("to_state", "by__username"))
    assert steps == [
        ("signing", "t-staff"), ("submitted", "t-head"), ("approved", "t-reviewer"),
    ]  # fmt: skip


def test_head_gives_it_back_with_a_reason(people, sent):
    back = actions.decline(by=people.head, submission=sent, row_version=sent.row_version, reason="增速再核对")
    assert back.state == "draft"
    assert told(people.staff, "returned") == ["2023年7月补报 工信局：已退回，请改正后重新提交"]
    assert Transition.objects.filter(submission=sent).last().reason == "增速再核对"


def test_form_that_waits_for_the_head_is_locked(people, july, sent):
    with pytest.raises(Refused, match="签发或退回之前不能修改"):
        save(people.staff, july, draft(note="改一改"), version=sent.row_version)
    actions.withdraw(by=people.staff, submission=sent, row_version=sent.row_version)
    save(people.staff, july, draft(note="改一改"), version=fresh(sent).row_version)
    assert Entry.objects.get().note == "改一改"


def test_staff_cannot_go_around_the_head(people, july):
    needs_sign_off("gxj")
    people.staff.department.refresh_from_db()
    saved = save(people.staff, july)
    with pytest.raises(Conflict, match="须先由单位负责人签发"):
        actions.submit(by=people.staff, submission=saved)
    people.staff.is_department_head = False
    sent = actions.send_for_signature(by=people.staff, submission=saved)
    with pytest.raises(NotAllowed, match="只有单位负责人可以签发"):
        actions.sign(by=people.staff, submission=sent)


def test_head_of_another_department_signs_nothing(people, sent):
    people.staff2.is_department_head = True
    people.staff2.save(update_fields=["is_department_head"])
    with pytest.raises(NotAllowed):
        actions.sign(by=people.staff2, submission=sent)


def test_what_is_signed_is_what_the_head_saw(people, sent):
    with pytest.raises(Conflict, match="有改动"):
        actions.sign(by=people.head, submission=sent, row_version=sent.row_version - 1)


def test_empty_form_is_not_sent_for_signature(people, july):
    needs_sign_off("gxj")
    saved = save(people.staff, july, draft(value=None, growth=None, unit="", note="稍后填"))
    with pytest.raises(Refused, match="不能送签"):
        actions.send_for_signature(by=people.staff, submission=saved)


# 撤回


def test_withdrawn_form_can_be_edited_and_handed_in_again(people, july):
    submitted = actions.submit(by=people.staff, submission=save(people.staff, july))
    back = actions.withdraw(by=people.staff, submission=submitted, row_version=submitted.row_version)
    assert back.state == "draft"
    again = actions.submit(by=people.staff, submission=save(people.staff, july, version=back.row_version))
    assert again.state == "submitted"


def test_nothing_is_withdrawn_after_the_round_has_closed(people, july):
    submitted = actions.submit(by=people.staff, submission=save(people.staff, july))
    july.closes_at = timezone.now() - dt.timedelta(seconds=1)
    july.save(update_fields=["closes_at"])
    with pytest.raises(Refused, match="关闭.*不能撤回"):
        actions.withdraw(by=people.staff, submission=submitted, row_version=submitted.row_version)
    assert fresh(submitted).state == "submitted"


# 免报


def test_excused_form_is_not_asked_for_until_that_is_taken_back(people, july, form):
    excused = actions.excuse(by=people.reviewer, submission=form, row_version=form.row_version, reason="企业停产检修")
    assert (excused.state, excused.reviewed_by) == ("excused", people.reviewer)
    assert not excused.is_overdue(timezone.now() + dt.timedelta(days=999))
    assert told(people.staff, "excused") == ["2023年7月补报 工信局：本次免报"]
    with pytest.raises(Refused, match="本次已免报"):
        save(people.staff, july, version=excused.row_version)
    again = actions.resume(by=people.reviewer, submission=excused, row_version=excused.row_version, reason="已复产")
    assert again.state == "draft"
    assert save(people.staff, july, version=again.row_version).entries.count() == 1


# 退回个别单元格


def test_only_returned_cells_lines_can_be_changed(people):
    (submitted,) = month_end(1, each=3)
    first, second, third = submitted.entries.order_by("indicator__order")
    back = actions.return_submission(
        by=people.reviewer,
        submission=submitted,
        row_version=submitted.row_version,
        reason="",
        cells=[actions.CellReturn(entry_id=second.pk, field="growth", reason="请核对增速")],
    )
    assert back.state == "returned"
    step = back.transitions.last()
    assert step.reason == "只退回标出的几项"
    assert list(step.cells.values_list("entry", "field", "reason")) == [(second.pk, "growth", "请核对增速")]
    drafts = [
        actions.Draft(
            indicator=entry.indicator,
            district=entry.district,
            period=entry.period,
            columns={"value": entry.value, "unit": "亿元", "growth": entry.growth, "note": "都改了"},
        )
        for entry in (first, second, third)
    ]
    by = submitted.submitted_by
    actions.save_entries(by=by, round=back.round, department=by.department, drafts=drafts, row_version=back.row_version)
    notes = [Entry.objects.get(pk=entry.pk).note for entry in (first, second, third)]
    assert notes == ["", "都改了", ""]


@pytest.mark.parametrize(
    ("reason", "entry", "said"),
    [("", "own", "每一项都要写明理由"), ("请核对", "other", "不在这份报送里")],
)
def test_cells_without_reason_or_of_another_form_are_not_returned(people, reason, entry, said):
    form, other = month_end(2, each=1)
    cell = (form if entry == "own" else other).entries.get()
    with pytest.raises(Refused, match=said):
        actions.return_submission(
            by=people.reviewer,
            submission=form,
            row_version=form.row_version,
            reason="请核对",
            cells=[actions.CellReturn(entry_id=cell.pk, field="value", reason=reason)],
        )
    assert fresh(form).state == "submitted"
    assert not Transition.objects.filter(submission=form).exists()
