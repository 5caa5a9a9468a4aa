"""Why a form or one of its lines cannot be changed now; each lock says which it is and who can open it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import JSONField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from indicators.models import Indicator, LockException, ReturnedCell, Round, Submission, Transition
from indicators.notices import moment
from indicators.obligations import Obligation
from lvyuan.accounts.models import Department
from lvyuan.periods import Period
from lvyuan.ui.words import period_label

State = Submission.State
Address: TypeAlias = tuple[int, str]  # indicator id and period code

_OF_STATE = {
    State.SIGNING: gettext_noop("已送单位负责人签发，签发或退回之前不能修改；要改请先撤回。"),
    State.SUBMITTED: gettext_noop("已提交，正在等待审核，不能修改；要改请先撤回。"),
    State.APPROVED: gettext_noop("已审核通过，不能修改；如需更正，请联系审核员重开。"),
    State.EXCUSED: gettext_noop("本次已免报，不需要填写；如需填报，请联系审核员撤销免报。"),
}


@dataclass(frozen=True, slots=True)
class Lock:
    """`code`: early, closed, published, not_returned, or the state that locks; `message` is for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Locks:
    """What is locked on a form: all of it (`form`), or single lines."""

    form: Lock | None
    lines: dict[Address, Lock] = field(default_factory=dict)
    open_until: dt.datetime | None = None  # the exception that keeps a closed form open

    def line(self, obligation: Obligation) -> Lock | None:
        return self.form or self.lines.get(obligation.address)


def locks(
    round: Round,
    department: Department,
    submission: Submission | None,
    obligations: Collection[Obligation],
    *,
    now: dt.datetime | None = None,
    returned: Collection[Address] | None = None,
) -> Locks:
    """The locks of a form and of its lines; at most two queries, none where no exception or return can matter.

    `returned`: the lines of a partial return that still holds, where they are known already.
    """
    now = now or timezone.now()
    form = _form_lock(round, submission, now)
    if form:
        return Locks(form)
    exceptions: Iterable[LockException] = ()
    if round.is_closed(now) or any(one.is_published for one in obligations):
        exceptions = LockException.objects.in_force(now).filter(round=round, department=department)
    if returned is None:
        returned = _returned([submission]).get(submission.pk, set()) if submission else set()
    return _line_locks(round, obligations, list(exceptions), returned, now)


def locks_each(
    forms: Sequence[tuple[Submission, Collection[Obligation]]], *, now: dt.datetime
) -> dict[int, tuple[Locks, list[LockException]]]:
    """By id, each submission's locks and the exceptions in force for it; two queries whatever their number.

    The submissions must have been fetched with their round.
    """
    exceptions: dict[tuple[int, int | None], list[LockException]] = {}
    in_force = LockException.objects.in_force(now).filter(round__in={form.round_id for form, _ in forms})
    for one in in_force.select_related("indicator").order_by("expires_at"):
        exceptions.setdefault((one.round_id, one.department_id), []).append(one)
    returned = _returned([form for form, _ in forms])
    found = {}
    for form, obligations in forms:
        assert form.round is not None  # imports have no form
        opened = exceptions.get((form.round.pk, form.department_id), [])
        lock = _form_lock(form.round, form, now)
        held = Locks(lock) if lock else _line_locks(form.round, obligations, opened, returned.get(form.pk, set()), now)
        found[form.pk] = held, opened
    return found


def _form_lock(round: Round, submission: Submission | None, now: dt.datetime) -> Lock | None:
    """What locks the form whatever was excepted: its state, or that its time has not come."""
    if submission is not None and (message := _OF_STATE.get(State(submission.state))):
        return Lock(submission.state, gettext(message))
    if now < round.opens_at:
        return Lock(
            "early", gettext("%(round)s从%(opens_at)s起填报。") % {"round": round, "opens_at": moment(round.opens_at)}
        )
    return None


def _line_locks(
    round: Round,
    obligations: Collection[Obligation],
    exceptions: Collection[LockException],
    returned: Collection[Address],
    now: dt.datetime,
) -> Locks:
    """What the exceptions in force leave locked; `returned`: the lines that a partial return speaks about, if any."""
    found: dict[Address, Lock] = {}
    if returned:
        lock = Lock("not_returned", gettext("这次只退回了标出的几项，其他各项不能修改。"))
        found |= {one.address: lock for one in obligations if one.address not in returned}
    opened = [one for one in exceptions if one.lock == LockException.Lock.PUBLISHED]
    for one in obligations:
        if one.is_published and not _covered(opened, one.indicator):
            message = gettext("%(period)s的数已经发布，不能直接修改；如需更正，请联系审核员临时开放。") % {
                "period": period_label(one.period)
            }
            found[one.address] = Lock("published", message)
    if not round.is_closed(now):
        return Locks(None, found)
    assert round.closes_at is not None
    lock = Lock(
        "closed",
        gettext("%(round)s已于%(closes_at)s关闭，不能修改；如需补报，请联系审核员临时开放。")
        % {"round": round, "closes_at": moment(round.closes_at)},
    )
    opened = [one for one in exceptions if one.lock == LockException.Lock.CLOSED]
    if not opened:
        return Locks(lock)
    found |= {one.address: lock for one in obligations if not _covered(opened, one.indicator)}
    return Locks(None, found, max(one.expires_at for one in opened))


def _covered(exceptions: Iterable[LockException], indicator: Indicator) -> bool:
    return any(one.indicator_id in (None, indicator.pk) for one in exceptions)


def _returned(submissions: Iterable[Submission]) -> dict[int, set[Address]]:
    """By submission id, the lines of those that were last returned in part; one query, none without any such."""
    found: dict[int, set[Address]] = {}
    for cell in returned_cells(submissions).select_related("entry"):
        found.setdefault(cell.entry.submission_id, set()).add((cell.entry.indicator_id, cell.entry.period.code))
    return found


def returned_rows(submission: Submission | None) -> ArraySubquery | Value:
    """The same cells of one submission, as an annotation that `returns_of` reads."""
    cells = returned_cells([submission] if submission else [])
    if cells.query.is_empty():
        return Value([], output_field=JSONField())
    said = {"indicator": "entry__indicator", "field": "field", "reason": "reason"}
    period = {"kind": "entry__period_kind", "end": "entry__period_end", "start": "entry__period_start"}
    return ArraySubquery(cells.order_by().values(row=JSONObject(**said, **period)))


def returns_of(rows: Iterable[dict[str, Any]]) -> dict[Address, dict[str, str]]:
    """What `returned_rows` annotated: by line, the reasons by field."""
    day = dt.date.fromisoformat
    found: dict[Address, dict[str, str]] = {}
    for row in rows:
        period = Period(row["kind"], day(row["end"]), row["start"] and day(row["start"]))
        found.setdefault((row["indicator"], period.code), {})[row["field"]] = row["reason"]
    return found


def returned_cells(submissions: Iterable[Submission]) -> QuerySet[ReturnedCell]:
    """What a partial return that still holds speaks about; asks nothing where there can be none.

    The reviewers' last word holds until their next: handing in and taking back opens nothing.
    """
    could = [
        one.pk
        for one in submissions
        if one.state == State.RETURNED or (one.state == State.DRAFT and one.submitted_by_id)
    ]
    if not could:
        return ReturnedCell.objects.none()
    decided = Transition.objects.filter(
        submission=OuterRef("transition__submission"), to_state__in=[State.RETURNED, State.APPROVED, State.EXCUSED]
    )
    return ReturnedCell.objects.filter(
        transition__submission__in=could, transition=Subquery(decided.order_by("-pk").values("pk")[:1])
    )
