"""Who is told what about a form; the words, and the key by which the same thing is told only once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from indicators.models import LockException, Round, Submission
from lvyuan.accounts.models import Role, User
from lvyuan.notices.actions import Message, notify
from lvyuan.notices.models import Kind
from lvyuan.ui.language import stored

_SAID = {
    Kind.RETURNED: "已退回，请改正后重新提交",
    Kind.REOPENED: "已重开，请更正后重新提交",
    Kind.EXCUSED: "本次免报",
    Kind.APPROVED: "已审核通过，数据即时生效",
}


def form_url(submission: Submission) -> str:
    """The department's own form."""
    assert submission.round is not None  # staff see no imports
    assert submission.department is not None
    return reverse("indicators:submission-form", args=[submission.round.code, submission.department.code])


def moment(at: dt.datetime) -> str:
    """2023年8月15日17:00, to the minute, in the person's language."""
    return date_format(timezone.localtime(at), gettext("Y年n月j日H:i"))


@stored
def tell_department(submission: Submission, kind: Kind, *, reason: str = "") -> None:
    """Everybody who fills in the form is told what was decided about it."""
    tell_departments([submission], kind, reason=reason)


@stored
def tell_departments(submissions: Sequence[Submission], kind: Kind, *, reason: str = "") -> None:
    """As `tell_department`, for many forms; imports are told to the admin who sent them in."""
    people = _people(submissions)
    notify(
        [
            Message(
                recipient=person,
                kind=kind,
                key=f"{kind.value}:submission:{submission.pk}:{submission.row_version}",
                title=f"{submission}：{_SAID[kind]}",
                text=f"理由：{reason}" if reason else "",
                url=submission.get_absolute_url() if submission.round_id is None else form_url(submission),
            )
            for submission in submissions
            for person in people[submission.pk]
        ]
    )


@stored
def tell_reviewers(submission: Submission) -> None:
    """A form waits for review."""
    notify(
        [
            Message(
                recipient=reviewer,
                kind=Kind.SUBMITTED,
                key=f"submitted:submission:{submission.pk}:{submission.row_version}",
                title=f"{submission}：待审核",
                text="",
                url=submission.get_absolute_url(),
            )
            for reviewer in User.objects.filter(role=Role.REVIEWER, is_active=True)
        ]
    )


@stored
def tell_heads(submission: Submission) -> None:
    """A form waits for the signature of its department's head."""
    heads = User.objects.filter(department=submission.department_id, is_department_head=True, is_active=True)
    notify(
        [
            Message(
                recipient=head,
                kind=Kind.SIGN_OFF,
                key=f"sign_off:submission:{submission.pk}:{submission.row_version}",
                title=f"{submission}：待您签发",
                text="",
                url=form_url(submission),
            )
            for head in heads
        ]
    )


@stored
def tell_chased(submissions: Sequence[Submission], *, by: User, now: dt.datetime) -> None:
    """Late departments are chased, at most once a day each."""
    people, today = _people(submissions), timezone.localdate(now)
    notify(
        [
            Message(
                recipient=person,
                kind=Kind.CHASED,
                key=f"chased:submission:{submission.pk}:{today:%Y-%m-%d}",
                title=f"催报：{submission}已逾期{days_late(submission.round, now)}天",
                text=f"{by}催报。{_deadlines(submission.round)}",
                url=form_url(submission),
            )
            for submission in submissions
            if submission.round is not None
            for person in people[submission.pk]
        ]
    )


@stored
def tell_unlocked(exception: LockException) -> None:
    """A department may write again where a lock held."""
    what = f"“{exception.indicator}”" if exception.indicator else ""
    staff = User.objects.filter(department=exception.department_id, role=Role.STAFF, is_active=True)
    url = reverse("indicators:submission-form", args=[exception.round.code, exception.department.code])
    notify(
        [
            Message(
                recipient=person,
                kind=Kind.UNLOCKED,
                key=f"unlocked:exception:{exception.pk}",
                title=f"{exception.round}{what}已临时开放到{moment(exception.expires_at)}",
                text=f"理由：{exception.reason}",
                url=url,
            )
            for person in staff
        ]
    )


def days_late(round: Round, at: dt.datetime) -> int:
    """Calendar days from the due day to that moment's day, local; 0 on the due day itself."""
    if round.due_at is None:
        return 0
    return max(0, (timezone.localdate(at) - timezone.localdate(round.due_at)).days)


def late_text(days: int) -> str:
    """What is overdue since so many days, in words."""
    return gettext("逾期%(days)s天") % {"days": days} if days else gettext("今日已逾期")


def came_late_text(days: int) -> str:
    """What was handed in so many days late, in words."""
    return gettext("迟报%(days)s天") % {"days": days} if days else gettext("当日迟报")


def _deadlines(round: Round) -> str:
    parts = [f"应报{moment(round.due_at)}"] if round.due_at else []
    if round.closes_at:
        parts.append(f"{moment(round.closes_at)}关闭，之后不能填写")
    return "，".join(parts) + "。" if parts else ""


def _people(submissions: Iterable[Submission]) -> dict[int, list[User]]:
    """By submission id: the department's active staff, or the sender of an import; one query."""
    found = list(submissions)
    departments = {one.department_id for one in found if one.round_id is not None}
    staff = list(User.objects.filter(department__in=departments, role=Role.STAFF, is_active=True))
    return {
        one.pk: [person for person in staff if person.department_id == one.department_id]
        if one.round_id is not None
        else [one.submitted_by]
        if one.submitted_by
        else []
        for one in found
    }
