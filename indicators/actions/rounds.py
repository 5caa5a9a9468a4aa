"""The rounds themselves: opened by the calendar or by hand, chased, and unlocked for a while."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from indicators import notices
from indicators.models import Chase, Indicator, LockException, Round, RoundSchedule, Submission
from indicators.obligations import months_before, owed, owed_each, owing_departments
from indicators.refusals import Conflict, NotAllowed, Refused
from indicators.schedule import round_code, scheduled_moments
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.audit.context import action

LONGEST_EXCEPTION = dt.timedelta(days=31)


@action
def open_round(
    *,
    by: User,
    district: District,
    month: dt.date,
    opens_at: dt.datetime,
    due_at: dt.datetime,
    closes_at: dt.datetime,
    instructions: str = "",
) -> Round:
    """Opens a regular round by hand, with a form for each department that owes something.

    `month` is its last day. Raises NotAllowed for others than reviewers, Refused where there is one already, nobody
    owes anything, or the moments are out of order.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以建立填报任务，没有建立。"))
    if not opens_at < due_at <= closes_at:
        raise Refused(gettext("开始、应报、关闭时间须依次先后，没有建立任务。"))
    if month > months_before(timezone.localdate(), 0):
        raise Refused(
            gettext("%(year)s年%(month)s月还没有到，没有建立任务。") % {"year": month.year, "month": month.month}
        )
    round = _open(district, month, opens_at, due_at, closes_at, instructions)
    if round is None:
        raise Refused(
            gettext("%(year)s年%(month)s月的任务已经有了，或这个月没有单位应报，没有建立任务。")
            % {"year": month.year, "month": month.month}
        )
    return round


@action
def change_round(
    *, by: User, round: Round, due_at: dt.datetime, closes_at: dt.datetime, instructions: str, reason: str
) -> Round:
    """Moves a regular round's due and closing moments, for everybody. Raises NotAllowed, Refused."""
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以调整填报任务，没有改变任何内容。"))
    if not reason.strip():
        raise Refused(gettext("调整时间须写明理由，没有改变任何内容。"))
    round = Round.objects.select_for_update().get(pk=round.pk)
    if round.kind != Round.Kind.REGULAR:
        raise Refused(gettext("补报任务没有应报时间，不能调整。"))
    if not round.opens_at < due_at <= closes_at:
        raise Refused(gettext("开始、应报、关闭时间须依次先后，没有改变任何内容。"))
    round.due_at, round.closes_at, round.instructions = due_at, closes_at, instructions.strip()
    round.save(update_fields=["due_at", "closes_at", "instructions"])
    return round


@action
def open_due_rounds(*, now: dt.datetime | None = None) -> list[Round]:
    """Opens the rounds whose time has come by the district's schedule; run as often as one likes.

    A round is for the month before; months before the schedule holds are never called for. A department that was
    given something to report after its round opened gets its form, until the round closes.
    """
    now, opened = now or timezone.now(), []
    for schedule in RoundSchedule.objects.select_related("district"):
        known = set(Round.objects.filter(district=schedule.district).values_list("code", flat=True))
        for month in _ended_months(schedule.valid_from, timezone.localdate(now)):
            if not schedule.is_in_force(month) or round_code(month) in known:
                continue
            opens_at, due_at, closes_at = scheduled_moments(schedule, month)
            if opens_at <= now:
                opened.append(_open(schedule.district, month, opens_at, due_at, closes_at, schedule.instructions))
    _add_missing_forms(now)
    return [round for round in opened if round is not None]


def _ended_months(since: dt.date, today: dt.date) -> list[dt.date]:
    """The last days of the months from `since` on that are over, oldest first."""
    found, month = [], months_before(today, 1)
    while month >= since:
        found.append(month)
        month = months_before(month, 1)
    return found[::-1]


def _open(
    district: District,
    month: dt.date,
    opens_at: dt.datetime,
    due_at: dt.datetime,
    closes_at: dt.datetime,
    instructions: str,
) -> Round | None:
    """The new round with its forms; None where it exists or nobody owes anything."""
    District.objects.select_for_update(no_key=True).get(pk=district.pk)  # two at once make one
    if Round.objects.filter(district=district, code=round_code(month)).exists():
        return None
    round = Round(
        district=district,
        code=round_code(month),
        month=month,
        opens_at=opens_at,
        due_at=due_at,
        closes_at=closes_at,
        instructions=instructions.strip(),
    )
    departments = owing_departments(round)
    if not departments:
        return None
    round.save(force_insert=True)
    add_forms(round, departments)
    return round


def add_forms(round: Round, departments: Iterable[Department]) -> None:
    """A form, not started, for each of the departments that has none yet; one query."""
    forms = (Submission(round=round, department=department) for department in departments)
    Submission.objects.bulk_create(forms, ignore_conflicts=True)


def _add_missing_forms(now: dt.datetime) -> None:
    """Forms in open rounds for departments that owe something and have none; three queries when none is missing."""
    is_open = Q(closes_at__isnull=True) | Q(closes_at__gt=now)
    rounds = list(Round.objects.filter(is_open, opens_at__lte=now))
    known = set(Submission.objects.filter(round__in=rounds).values_list("round", "department"))
    for round, obligations in zip(rounds, owed_each(rounds), strict=True):
        owing = {one.department.pk: one.department for one in obligations}
        if missing := [owing[pk] for pk in owing if (round.pk, pk) not in known]:
            add_forms(round, missing)


@action
def chase(*, by: User, submissions: Sequence[Submission]) -> list[Submission]:
    """Reminds every late department (催报), once a day each; gives the forms that were chased now.

    Raises NotAllowed for others than reviewers, Refused when nobody is late or all were chased today.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以催报，没有发出任何提醒。"))
    now = timezone.now()
    late = [one for one in submissions if one.is_overdue(now)]
    today = timezone.make_aware(dt.datetime.combine(timezone.localdate(now), dt.time.min))
    # Two reviewers may press the button at once.
    locked = Submission.objects.select_for_update().filter(pk__in=[one.pk for one in late]).order_by("pk")
    still_late = {one.pk for one in locked if one.state in Submission.UNREPORTED}
    told = set(Chase.objects.filter(submission__in=late, at__gte=today).values_list("submission", flat=True))
    chased = [one for one in late if one.pk in still_late and one.pk not in told]
    if not chased:
        raise Refused(gettext("今天已经催过了，明天可以再催。") if told else gettext("没有逾期未报的单位，不用催报。"))
    Chase.objects.bulk_create(Chase(submission=one, by=by) for one in chased)
    notices.tell_chased(chased, by=by, now=now)
    return chased


@action
def grant_exception(
    *,
    by: User,
    lock: str,
    round: Round,
    department: Department,
    indicator: Indicator | None,
    reason: str,
    expires_at: dt.datetime,
) -> LockException:
    """Opens a lock for one department, for a while; it locks again by itself.

    Raises NotAllowed for others than reviewers; Refused without a reason, beyond 31 days, where the round never closes,
    or for figures that the department does not owe in it.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以临时开放，没有改变任何内容。"))
    now = timezone.now()
    if not reason.strip():
        raise Refused(gettext("临时开放必须写明理由，没有改变任何内容。"))
    if not now < expires_at <= now + LONGEST_EXCEPTION:
        raise Refused(gettext("到期时间须在现在之后、31天之内，没有改变任何内容。"))
    round = Round.objects.select_for_update().get(pk=round.pk)
    if lock == LockException.Lock.CLOSED and round.closes_at is None:
        raise Refused(gettext("%(round)s不会关闭，不用开放。") % {"round": round})
    owing = {one.indicator.pk for one in owed(round, department)}
    if not owing or (indicator is not None and indicator.pk not in owing):
        raise Refused(
            gettext("%(indicator)s不由%(department)s在%(round)s中填报，没有改变任何内容。")
            % {"indicator": indicator or gettext("任何指标"), "department": department, "round": round}
        )
    granted = LockException.objects.create(
        lock=lock,
        round=round,
        department=department,
        indicator=indicator,
        reason=reason.strip(),
        granted_by=by,
        granted_at=now,
        expires_at=expires_at,
    )
    notices.tell_unlocked(granted)
    return granted


@action
def end_exception(*, by: User, exception: LockException) -> LockException:
    """Locks again before the time. Raises NotAllowed, Conflict when it is over already."""
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以锁回，没有改变任何内容。"))
    exception = LockException.objects.select_for_update().get(pk=exception.pk)
    now = timezone.now()
    if exception.ended_at is not None or exception.expires_at <= now:
        raise Conflict(gettext("这项临时开放已经结束。"))
    exception.ended_at = now
    exception.save(update_fields=["ended_at"])
    return exception
