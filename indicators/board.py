"""Who has and has not reported: departments × rounds, with state, lateness, on-time rate and completeness.

States and reasons only, no figure: leaders may see all of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Subquery, TextField

from indicators.calculations import share_percent
from indicators.models import Chase, Round, Submission, Transition
from indicators.notices import came_late_text, days_late, late_text
from indicators.obligations import Obligation, owed_each
from indicators.progress import Progress, entries_by_form, progress
from lvyuan.accounts.models import Department, Role
from lvyuan.prepared import Given, prepared

State = Submission.State
BOARD_READERS = (Role.REVIEWER, Role.LEADER, Role.ADMIN, Role.AUDITOR)
Step = tuple[str, str, dt.datetime, str]  # from state, to state, moment, reason


@dataclass(frozen=True, slots=True)
class Cell:
    """One department's form in one round, as it stands now."""

    submission: Submission
    handed_in_at: dt.datetime | None  # first, and not taken back since
    is_overdue: bool
    days_late: int | None  # to that moment, or to now while it is owed; None when not late
    is_on_time: bool | None  # None when it does not count: not due yet, excused, or never due
    reason: str = ""  # why it was returned or excused
    chased_at: dt.datetime | None = None
    progress: Progress | None = None  # of open rounds

    @property
    def round(self) -> Round:
        assert self.submission.round is not None
        return self.submission.round

    @property
    def department(self) -> Department:
        assert self.submission.department is not None
        return self.submission.department

    @property
    def is_reported(self) -> bool:
        return self.submission.state in (State.SUBMITTED, State.APPROVED)

    @property
    def is_asked(self) -> bool:
        return self.submission.state != State.EXCUSED

    @property
    def late_text(self) -> str:
        """How late, in words; empty when not late."""
        if self.days_late is None:
            return ""
        if self.is_overdue:
            return late_text(self.days_late)
        return came_late_text(self.days_late)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of those that count."""

    part: int
    whole: int

    @property
    def percent(self) -> Decimal | None:
        """In percent; None when nothing counts yet."""
        return share_percent(Decimal(self.part), Decimal(self.whole))


@dataclass(frozen=True, slots=True)
class Column:
    """A round: what was asked, what came in, and how far the forms are while it is open."""

    round: Round
    is_open: bool
    reported: Share  # excused forms do not count
    overdue: int
    on_time: Share
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Line:
    """A department: a cell for each column, None where nothing was asked."""

    department: Department
    cells: list[Cell | None]
    names: list[str]  # of their rounds
    on_time: Share

    @property
    def named_cells(self) -> list[tuple[Cell | None, str]]:
        return list(zip(self.cells, self.names, strict=True))


@dataclass(frozen=True, slots=True)
class Board:
    columns: list[Column]  # latest first
    lines: list[Line]
    on_time: Share

    @property
    def cells(self) -> list[Cell]:
        return [cell for line in self.lines for cell in line.cells if cell is not None]

    @property
    def open_columns(self) -> list[Column]:
        return [column for column in self.columns if column.is_open]

    @property
    def overdue(self) -> list[Cell]:
        """Latest by the longest first."""
        found = [cell for cell in self.cells if cell.is_overdue]
        return sorted(found, key=lambda cell: (-(cell.days_late or 0), cell.department.order, cell.department.code))

    @property
    def explained(self) -> list[list[Cell]]:
        """What else has a reason, returned or excused: the departments of one round, state and reason together."""
        found: dict[tuple[int, str, str], list[Cell]] = {}
        for cell in self.cells:
            if cell.reason and not cell.is_overdue:
                found.setdefault((cell.round.pk, cell.submission.state, cell.reason), []).append(cell)
        return sorted(found.values(), key=lambda cells: cells[0].round.month, reverse=True)


def board(*, district: str, now: dt.datetime, rounds: int) -> Board:
    """The latest rounds, and every earlier one in which a form is still overdue; six queries."""
    return board_of(_rounds(district, now, rounds), now=now)


def board_of(rounds: Sequence[Round], *, now: dt.datetime) -> Board:
    """These rounds, in their order; at most five queries."""
    forms = _forms(rounds)
    steps: dict[int, list[Step]] = {}
    told = Transition.objects.filter(submission__in=forms).order_by("pk")
    for pk, *step in told.values_list("submission", "from_state", "to_state", "at", "reason"):
        steps.setdefault(pk, []).append((*step,))  # type: ignore[arg-type]
    overdue = [form for form in forms if form.is_overdue(now)]
    chased = dict(Chase.objects.filter(submission__in=overdue).order_by().values_list("submission").annotate(Max("at")))
    done = _progress(rounds, forms, now)
    cells = [_cell(form, steps.get(form.pk, ()), now, chased.get(form.pk), done.get(form.pk)) for form in forms]
    return _board(rounds, cells, now)


@dataclass(frozen=True, slots=True)
class Headline:
    """The latest round that has opened, and how many departments are overdue in it or any other."""

    month: dt.date
    reported: Share
    overdue: int


@prepared
def _forms_opened() -> QuerySet[Submission, tuple[Any, ...]]:
    """The forms of the newest regular round, and those overdue; the newest round first."""
    now = Given("now", DateTimeField())
    opened = Q(
        round__kind=Round.Kind.REGULAR,
        round__opens_at__lte=now,
        round__district__code=Given("district", TextField()),
    )
    forms = Submission.objects.filter(opened).order_by("-round__month")
    overdue = Q(state__in=Submission.UNREPORTED, round__due_at__lte=now)
    return forms.filter(Q(round=Subquery(forms.values("round")[:1])) | overdue).values_list(
        "round__month", "round__due_at", "department", "state"
    )


def headline(*, district: str, now: dt.datetime) -> Headline | None:
    """The board in one sentence; None before the first regular round. One query."""
    rows = _forms_opened(district=district, now=now)
    if not rows:
        return None
    latest = rows[0][0]
    states = [state for month, _, _, state in rows if month == latest and state != State.EXCUSED]
    late = {
        department
        for _, due_at, department, state in rows
        if state in Submission.UNREPORTED and due_at and due_at <= now
    }
    reported = sum(state in (State.SUBMITTED, State.APPROVED) for state in states)
    return Headline(latest, Share(reported, len(states)), len(late))


def _rounds(district: str, now: dt.datetime, limit: int) -> list[Round]:
    own = Round.objects.filter(district__code=district)
    unreported = Submission.objects.filter(round=OuterRef("pk"), state__in=Submission.UNREPORTED)
    overdue = Q(Exists(unreported), due_at__lte=now)
    return list(own.filter(Q(pk__in=own.order_by("-month", "-pk").values("pk")[:limit]) | overdue).order_by("-month"))


def _forms(rounds: Iterable[Round]) -> list[Submission]:
    by_pk = {round.pk: round for round in rounds}
    forms = list(Submission.objects.filter(round__in=by_pk).order_by().select_related("department"))
    for form in forms:
        form.round = by_pk[form.round_id]  # type: ignore[index]
    return forms


def _progress(rounds: Iterable[Round], forms: Iterable[Submission], now: dt.datetime) -> dict[int, Progress]:
    """By form, how far it is, of open rounds; two queries."""
    open_rounds = [round for round in rounds if round.is_open(now)]
    owing: dict[tuple[int | None, int | None], list[Obligation]] = {}
    for round, obligations in zip(open_rounds, owed_each(open_rounds), strict=True):
        for one in obligations:
            owing.setdefault((round.pk, one.department.pk), []).append(one)
    shown = [form for form in forms if form.round is not None and form.round.is_open(now)]
    entries = entries_by_form(shown)
    return {
        form.pk: progress(owing.get((form.round_id, form.department_id), ()), entries.get(form.pk, ()))
        for form in shown
        if form.state != State.EXCUSED
    }


def _cell(
    form: Submission,
    steps: Sequence[Step],
    now: dt.datetime,
    chased_at: dt.datetime | None,
    done: Progress | None,
) -> Cell:
    round = form.round
    assert round is not None
    handed_in_at, is_overdue = handed_in(steps), form.is_overdue(now)
    came_late = handed_in_at is not None and is_on_time(round.due_at, handed_in_at) is False
    late_at = now if is_overdue else handed_in_at if came_late and form.state != State.EXCUSED else None
    counts = round.is_due(now) and form.state != State.EXCUSED
    told = form.state in (State.RETURNED, State.EXCUSED) and steps
    return Cell(
        submission=form,
        handed_in_at=handed_in_at,
        is_overdue=is_overdue,
        days_late=days_late(round, late_at) if late_at else None,
        is_on_time=is_on_time(round.due_at, handed_in_at) if counts else None,
        reason=steps[-1][3] if told else "",
        chased_at=chased_at,
        progress=done,
    )


def handed_in(steps: Iterable[Step]) -> dt.datetime | None:
    """When a form first came to the reviewers; what its department took back does not count."""
    came: list[dt.datetime] = []
    for from_state, to_state, at, _ in steps:
        if to_state == State.SUBMITTED:
            came.append(at)
        elif from_state == State.SUBMITTED and to_state == State.DRAFT:
            del came[-1:]
    return came[0] if came else None


def is_on_time(due_at: dt.datetime | None, handed_in_at: dt.datetime | None) -> bool | None:
    """Whether a form came by the due moment; None when none was set."""
    if due_at is None:
        return None
    return handed_in_at is not None and handed_in_at <= due_at


def _board(rounds: Sequence[Round], cells: Iterable[Cell], now: dt.datetime) -> Board:
    placed: dict[Department, dict[int, Cell]] = {}
    for cell in sorted(cells, key=lambda cell: (cell.department.order, cell.department.code)):
        placed.setdefault(cell.department, {})[cell.round.pk] = cell
    names = [str(round) for round in rounds]
    return Board(
        columns=[_column(round, placed, now) for round in rounds],
        lines=[
            Line(department, [own.get(round.pk) for round in rounds], names, _on_time(own.values()))
            for department, own in placed.items()
        ],
        on_time=_on_time(cell for own in placed.values() for cell in own.values()),
    )


def _column(round: Round, placed: Mapping[Department, Mapping[int, Cell]], now: dt.datetime) -> Column:
    cells = [own[round.pk] for own in placed.values() if round.pk in own]
    done = [cell.progress for cell in cells if cell.progress is not None]
    return Column(
        round=round,
        is_open=round.is_open(now),
        reported=Share(sum(cell.is_reported for cell in cells), sum(cell.is_asked for cell in cells)),
        overdue=sum(cell.is_overdue for cell in cells),
        on_time=_on_time(cells),
        progress=sum(done, Progress(0, 0)) if done else None,
    )


def _on_time(cells: Iterable[Cell]) -> Share:
    counted = [cell.is_on_time for cell in cells if cell.is_on_time is not None]
    return Share(sum(counted), len(counted))
