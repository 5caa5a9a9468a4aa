"""A little life in the reporting chain: the rounds of forms.json, each form brought to its declared state.

Everything goes through the actions that people use, by accounts of the demo that nobody can sign in with.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from indicators.actions import approve, open_round, return_submission, save_entries, submit
from indicators.actions.entries import Draft
from indicators.findings import findings
from indicators.models import Round, Source, Submission, Vintage
from indicators.obligations import Obligation, owed
from indicators.refusals import Refused
from lvyuan.accounts.loading import ADDED, SAME, Folder, by_code
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.periods import Period

State = Submission.State
_STATES = (State.NOT_STARTED, State.DRAFT, State.SUBMITTED, State.RETURNED, State.APPROVED)
_GRACE = dt.timedelta(minutes=1)  # until the forms of a round that was just made fall due
_OPEN_FOR = dt.timedelta(days=365)

Address = tuple[str, Period]  # indicator's code and period
Held = Mapping[Address, tuple[Decimal, Decimal | None]]  # value and growth of what was not reported yet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How far a form is to come: how many of its lines are filled in (None: all), and why it is returned."""

    state: str
    lines: int | None = None
    reason: str = ""


def load_forms(folder: Folder, held: Held) -> None:
    """Makes the rounds that are not there yet; one that is belongs to whoever tries the demo out.

    A line says what stands, or what was held back (`held`). What the checks find is explained by the round's note.
    """
    districts = by_code(District.objects.all())
    sources = by_code(Source.objects.filter(kind=Source.Kind.DEMO))
    declared: dict[tuple[str, str], _Form] = {}
    for row in folder.rows("forms.json", "forms"):
        state = row.text("state")
        if state not in _STATES:
            row.fail("state", "不能做成这个状态")
        lines = row.whole("lines") if row.get("lines") else None
        declared[row.text("round"), row.text("department")] = _Form(
            state=state, lines=lines, reason=row.get("reason", "")
        )
        row.end()
    for row in folder.rows("forms.json", "rounds"):
        district, source, usual = row.one("home", districts), row.one("source", sources), _Form(state=row.text("state"))
        month, note = Period.from_code(f"{row.text('month')}.month"), row.text("note")
        row.end()
        if Round.objects.filter(district=district, code=row.text("month")).exists():
            folder.count(Round, SAME)
            continue
        try:
            reviewer = _person(district, None)
            round = _open(reviewer, district, month.end)
            for submission in Submission.objects.filter(round=round).select_related("department"):
                assert submission.department is not None
                form = declared.get((round.code, submission.department.code), usual)
                _bring(submission, round, submission.department, form, reviewer, source, note, held)
        except Refused as error:
            folder.refuse(row, error, Round, Submission)
        folder.count(Round, ADDED)


def _open(reviewer: User, district: District, month: dt.date) -> Round:
    """A round that falls due in a minute: what is handed in below is in time, the rest is late."""
    now = timezone.now()
    return open_round(
        by=reviewer,
        district=district,
        month=month,
        opens_at=now - dt.timedelta(days=12),
        due_at=now + _GRACE,
        closes_at=now + _OPEN_FOR,
        instructions="演示任务：数据均为演示数据，可随意试填。",
    )


def _bring(
    submission: Submission,
    round: Round,
    department: Department,
    form: _Form,
    reviewer: User,
    source: Source,
    note: str,
    held: Held,
) -> None:
    """Fills a form in, and hands it on as far as it is declared to be."""
    if form.state == State.NOT_STARTED:
        return
    staff = _person(department.district, department)
    drafts = _drafts(owed(round, department), source, held)[: form.lines]
    submission = save_entries(by=staff, round=round, department=department, drafts=drafts, row_version=0)
    if form.state == State.DRAFT:
        return
    submission = _explain(submission, round, department, staff, drafts, note)
    submission = submit(by=staff, submission=submission)
    seen = submission.row_version
    if form.state == State.RETURNED:
        return_submission(by=reviewer, submission=submission, row_version=seen, reason=form.reason)
    elif form.state == State.APPROVED:
        approve(by=reviewer, submission=submission, row_version=seen)


def _drafts(obligations: list[Obligation], source: Source, held: Held) -> list[Draft]:
    """The lines that a department can fill in: what stands in force, or what was held back."""
    standing = {
        (vintage.observation.indicator_id, vintage.observation.period): vintage
        for vintage in Vintage.objects.in_force()
        .filter(
            district__in={one.district for one in obligations},
            observation__indicator__in={one.indicator for one in obligations},
            observation__period_end__in={one.period.end for one in obligations},
        )
        .select_related("observation")
    }
    drafts = []
    for one in obligations:
        vintage = standing.get((one.indicator.pk, one.period))
        if vintage:
            columns = {name: getattr(vintage, name) for name in ("value", "growth", "growth_basis", "unit", "status")}
            columns["reason"] = "部门填报确认，数据未变（演示）"
        elif (one.indicator.code, one.period) in held:
            value, growth = held[one.indicator.code, one.period]
            basis = "unstated" if growth is not None else ""
            columns = {"value": value, "growth": growth, "growth_basis": basis, "unit": one.unit}
        else:
            continue
        named = {**columns, "source": source, "locator": "演示", "note": ""}
        drafts.append(Draft(indicator=one.indicator, period=one.period, district=one.district, columns=named))
    return drafts


def _explain(
    submission: Submission, round: Round, department: Department, staff: User, drafts: list[Draft], note: str
) -> Submission:
    """Writes the note on every line that the checks ask to explain."""
    asked = {one.entry.indicator_id for one in findings(submission).values() if one.to_explain}
    if not asked:
        return submission
    explained = [
        Draft(
            indicator=draft.indicator,
            period=draft.period,
            district=draft.district,
            columns={**draft.columns, "note": note},
        )
        for draft in drafts
        if draft.indicator.pk in asked
    ]
    return save_entries(
        by=staff, round=round, department=department, drafts=explained, row_version=submission.row_version
    )


def _person(district: District, department: Department | None) -> User:
    """The demo's reviewer, or its staff member of a department; without a password, so nobody signs in as them."""
    username = f"demo-{district.code}-{department.code if department else 'reviewer'}"
    found = User.objects.filter(username=username).first()
    if found is None:
        found = User(username=username, is_local=True, department=department)
        found.role = Role.STAFF if department else Role.REVIEWER
        found.name = f"{department.short_name if department else ''}{Role(found.role).label}（演示）"
        found.set_unusable_password()
        found.save()
    return found
