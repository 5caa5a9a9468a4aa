"""Who is reminded of what is due, and when: three days before, on the day, and on the day after.

Each stage is told once a form and person, however often this runs and whatever happened in between: the notice's key
says form, stage and due day. A stage that nobody ran for is told late, unless the next one has begun.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from indicators.models import Round, Submission
from indicators.notices import form_url, moment
from lvyuan.accounts.models import Role, User
from lvyuan.notices.actions import Message, notify
from lvyuan.notices.models import Kind, Notice

FIRST_DAY, FROM = 3, dt.time(8)  # days before the due day; local
FORGOTTEN_AFTER = dt.timedelta(days=30)  # since the round was closed


def due_day(due_at: dt.datetime) -> dt.date:
    """The local day on which a form is due; what is due at midnight is due on the day that ends then."""
    return timezone.localdate(due_at - dt.timedelta(microseconds=1))


def stage_at(due_at: dt.datetime, now: dt.datetime) -> Kind | None:
    """The latest stage that has begun; None more than three days ahead."""
    for kind, days in ((Kind.OVERDUE, 1), (Kind.DUE_TODAY, 0), (Kind.DUE_SOON, -FIRST_DAY)):
        day = due_day(due_at) + dt.timedelta(days=days)
        if now >= timezone.make_aware(dt.datetime.combine(day, FROM)):
            return kind
    return None


def send_reminders(*, now: dt.datetime) -> list[Notice]:
    """Tells everybody who is to be reminded and was not; gives the new notices. A fixed number of queries."""
    with transaction.atomic():
        forms = [(form, stage) for form in _unreported(now) if (stage := stage_at(_due_at(form.round), now))]
        people = list(_people(form for form, _ in forms))
        messages = [*_to_departments(forms, people, now), *_to_reviewers(forms, people, now)]
        told = set(Notice.objects.filter(key__in={m.key for m in messages}).values_list("recipient", "key"))
        return notify([m for m in messages if (m.recipient.pk, m.key) not in told])


def _unreported(now: dt.datetime) -> Iterable[Submission]:
    """Forms still owed in rounds that have opened, are due soon or were, and are not long over."""
    return (
        Submission.objects.filter(
            state__in=Submission.UNREPORTED,
            round__opens_at__lte=now,
            round__due_at__lt=now + dt.timedelta(days=FIRST_DAY + 1),
        )
        .alias(over_at=Coalesce("round__closes_at", "round__due_at"))
        .filter(over_at__gte=now - FORGOTTEN_AFTER)
        .select_related("round", "department")
        .order_by("round", "department__order", "department__code")
    )


def _people(forms: Iterable[Submission]) -> Iterable[User]:
    departments = {form.department_id for form in forms}
    staff = Q(role=Role.STAFF, department__in=departments)
    return User.objects.filter(staff | Q(role=Role.REVIEWER), is_active=True).order_by("pk")


def _to_departments(
    forms: Sequence[tuple[Submission, Kind]], people: Sequence[User], now: dt.datetime
) -> Iterator[Message]:
    for form, stage in forms:
        for person in _department_people(form, stage, people):
            yield Message(
                recipient=person,
                kind=stage,
                key=f"{stage.value}:submission:{form.pk}:{due_day(_due_at(form.round))}",
                title=f"{form}：{_said(stage, form.round, now)}",
                text=_deadlines(form.round, now),
                url=form_url(form),
            )


def _to_reviewers(
    forms: Sequence[tuple[Submission, Kind]], people: Sequence[User], now: dt.datetime
) -> Iterator[Message]:
    """One notice a round, naming all that are late."""
    late: dict[Round | None, list[Submission]] = {}
    for form, stage in forms:
        if stage is Kind.OVERDUE:
            late.setdefault(form.round, []).append(form)
    for round, missing in late.items():
        assert round is not None
        for person in people:
            if person.role == Role.REVIEWER:
                yield Message(
                    recipient=person,
                    kind=Kind.OVERDUE,
                    key=f"{Kind.OVERDUE.value}:round:{round.pk}:{due_day(_due_at(round))}",
                    title=f"{round}：{len(missing)}个单位{_said(Kind.OVERDUE, round, now)}",
                    text=f"{'、'.join(str(form.department) for form in missing)}。\n{_deadlines(round, now)}",
                    url=round.get_absolute_url(),
                )


def _department_people(form: Submission, stage: Kind, people: Iterable[User]) -> list[User]:
    """The department's staff, and from the due day on its heads; before that only where there is nobody else."""
    staff = [p for p in people if p.department_id == form.department_id and p.role == Role.STAFF]
    others = [person for person in staff if not person.is_department_head]
    return others or staff if stage is Kind.DUE_SOON else staff


def _due_at(round: Round | None) -> dt.datetime:
    assert round is not None, "imports are never owed"
    assert round.due_at is not None, "a backfill is never due"
    return round.due_at


def _said(stage: Kind, round: Round | None, now: dt.datetime) -> str:
    """Told by dates, which stay true when the mail is read another day."""
    day = due_day(_due_at(round))
    if stage is Kind.OVERDUE:
        return f"已逾期{(timezone.localdate(now) - day).days}天"
    return f"{day.month}月{day.day}日到期"


def _deadlines(round: Round | None, now: dt.datetime) -> str:
    """When the form is due and when the round closes: two moments that people confuse."""
    due = f"应报时间：{moment(_due_at(round))}"
    if round is None or round.closes_at is None:
        return f"{due}。"
    closing = f"关闭时间：{moment(round.closes_at)}"
    if round.is_closed(now):
        return f"{due}；{closing}，已关闭，如需补报请联系审核员。"
    return f"{due}；{closing}，此后不能填写。"
