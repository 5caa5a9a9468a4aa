"""What a staff member has to do: the department's forms, the most urgent first, and what to follow up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from indicators.findings import Checked, findings
from indicators.locks import Locks, locks_each
from indicators.models import Chase, LockException, ReturnedCell, Round, Submission, Transition
from indicators.notices import days_late, late_text
from indicators.obligations import Obligation, owed_each
from indicators.progress import Progress, entries_by_form, progress
from indicators.schedule import Coming, next_round
from lvyuan.accounts.models import User

State = Submission.State
SHOWN_AFTER_DECISION = dt.timedelta(days=31)


class Urgency(IntEnum):
    """The groups of the list, in order."""

    OVERDUE = 1
    RETURNED = 2
    TO_SIGN = 3  # waits for this very person
    TO_FILL = 4
    SIGNING = 5
    SUBMITTED = 6
    UPCOMING = 7
    DECIDED = 8  # approved or excused a short while ago


@dataclass(frozen=True, slots=True)
class Task:
    """A form of one's department, and all that speaks about it now."""

    submission: Submission
    urgency: Urgency
    progress: Progress
    periods: list[tuple[str, int]]  # label, and how many figures are owed for it
    days_late: int | None
    days_left: int | None  # while it is owed: 0 on the due day
    awaits_signature: bool  # of this very person
    locks: Locks
    opened: list[LockException]
    said: Transition | None  # the last step, where it gives a reason
    returned: list[ReturnedCell]
    chased_at: dt.datetime | None

    @property
    def round(self) -> Round:
        assert self.submission.round is not None
        return self.submission.round

    @property
    def is_overdue(self) -> bool:
        return self.urgency == Urgency.OVERDUE

    @property
    def late_text(self) -> str:
        """How late, in words."""
        return late_text(self.days_late) if self.days_late is not None else ""

    @property
    def is_open(self) -> bool:
        """Whether its person can go on with it now."""
        return self.locks.form is None

    @property
    def verb(self) -> str:
        """What opening the form is for."""
        if self.awaits_signature:
            return gettext("查看并签发")
        if not self.is_open:
            return gettext("查看")
        return {State.NOT_STARTED: gettext("开始填报"), State.RETURNED: gettext("改正")}.get(
            State(self.submission.state), gettext("继续填报")
        )


@dataclass(frozen=True, slots=True)
class Todo:
    """`tasks`: forms to do or waiting; `decided`: done a short while ago; `follow_up`: last round's explanations."""

    tasks: list[Task]
    decided: list[Task]
    follow_up: list[Checked]
    followed: Submission | None
    coming: Coming | None


def todo(user: User, *, now: dt.datetime) -> Todo:
    """Everything of the person's department that is not settled; a fixed number of queries."""
    assert user.department is not None  # user_staff_has_department
    recently = Q(reviewed_at__gte=now - SHOWN_AFTER_DECISION)
    own = Submission.objects.filter(department=user.department, round__isnull=False).select_related("round")
    forms = list(own.filter(~Q(state__in=[State.APPROVED, State.EXCUSED]) | recently).order_by("round__month", "pk"))
    tasks = sorted(_tasks(forms, user, now), key=_order)
    followed = own.filter(state=State.APPROVED).order_by("-round__month", "-pk").first()
    return Todo(
        tasks=[task for task in tasks if task.urgency != Urgency.DECIDED],
        decided=sorted((task for task in tasks if task.urgency == Urgency.DECIDED), key=_decided_at, reverse=True),
        follow_up=[one for one in findings(followed).values() if one.to_explain and one.entry.note] if followed else [],
        followed=followed,
        coming=next_round(user.department, now=now),
    )


def _order(task: Task) -> tuple[int, bool, dt.datetime, dt.date]:
    due_at = task.round.due_at
    return task.urgency, due_at is None, due_at or task.round.opens_at, task.round.month


def _decided_at(task: Task) -> tuple[dt.datetime, dt.date]:
    assert task.submission.reviewed_at is not None  # submission_state_told
    return task.submission.reviewed_at, task.round.month


def _tasks(forms: Sequence[Submission], user: User, now: dt.datetime) -> list[Task]:
    owing = owed_each([_round(form) for form in forms], user.department)
    entries = entries_by_form(forms)
    steps = {step.submission_id: step for step in _steps(forms)}
    said = {pk: step for pk, step in steps.items() if step.reason}
    returned: dict[int, list[ReturnedCell]] = {}
    for cell in ReturnedCell.objects.filter(transition__in=said.values()).select_related("entry__indicator"):
        returned.setdefault(cell.transition_id, []).append(cell)
    chased = dict(Chase.objects.filter(submission__in=forms).order_by().values_list("submission").annotate(Max("at")))
    held = locks_each(list(zip(forms, owing, strict=True)), now=now)
    tasks = []
    for form, obligations in zip(forms, owing, strict=True):
        locks, opened = held[form.pk]
        step = said.get(form.pk)
        urgency = urgency_of(form, user, now)
        tasks.append(
            Task(
                submission=form,
                urgency=urgency,
                progress=progress(obligations, entries.get(form.pk, ())),
                periods=_periods(obligations),
                days_late=days_late(_round(form), now) if urgency == Urgency.OVERDUE else None,
                days_left=days_left(form, now),
                awaits_signature=form.state == State.SIGNING and user.is_department_head,
                locks=locks,
                opened=opened,
                said=step,
                returned=returned.get(step.pk, []) if step else [],
                chased_at=chased.get(form.pk) if urgency == Urgency.OVERDUE else None,
            )
        )
    return tasks


def _steps(forms: Sequence[Submission]) -> QuerySet[Transition]:
    """All that happened to the forms, oldest first."""
    return Transition.objects.filter(submission__in=forms).select_related("by").order_by("pk")


def urgency_of(form: Submission, user: User, now: dt.datetime) -> Urgency:
    """The group that a form belongs to, for this person."""
    if form.is_overdue(now):
        return Urgency.OVERDUE
    if form.state in (State.APPROVED, State.EXCUSED):
        return Urgency.DECIDED
    if form.state == State.SUBMITTED:
        return Urgency.SUBMITTED
    if form.state == State.RETURNED:
        return Urgency.RETURNED
    if form.state == State.SIGNING:
        return Urgency.TO_SIGN if user.is_department_head else Urgency.SIGNING
    return Urgency.TO_FILL if _round(form).opens_at <= now else Urgency.UPCOMING


def days_left(form: Submission, now: dt.datetime) -> int | None:
    """Calendar days to the due day of a form that is owed and not late; None otherwise."""
    due_at = _round(form).due_at
    if due_at is None or form.state not in Submission.UNREPORTED or form.is_overdue(now):
        return None
    return (timezone.localdate(due_at) - timezone.localdate(now)).days


def _round(form: Submission) -> Round:
    assert form.round is not None  # imports are nobody's task
    return form.round


def _periods(obligations: Sequence[Obligation]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in obligations:
        counts[one.period_text] = counts.get(one.period_text, 0) + 1
    return list(counts.items())
