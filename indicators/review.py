"""What reviewers need: the queue, and beside each drafted figure what is in force and what would change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext

from indicators import actions
from indicators.board import handed_in, is_on_time
from indicators.checks import Severity
from indicators.corrections import address, changed_cells, kept_comparisons, kept_ranks, standing
from indicators.findings import Checked, finding_counts, findings, findings_of, open_findings
from indicators.lengthy import PAGE, check_page, first_counts, in_order, lengths_of, told_counts
from indicators.models import (
    Entry,
    Evidence,
    Observation,
    RankBy,
    ReturnedCell,
    Submission,
    Transition,
    Vintage,
    VintageStatus,
)
from indicators.models.fields import period_columns
from indicators.models.figures import NullReason
from indicators.notices import came_late_text, days_late, late_text
from indicators.obligations import Obligation, owed
from indicators.rows import Figure, Row, rows_by_address
from lvyuan import periods
from lvyuan.accounts.models import User
from lvyuan.numbers import Comparator, format_figure, plain
from lvyuan.periods import Period

State = Submission.State


# The queue


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A form in the queue. What is found and what would change is told of those that wait for review only."""

    submission: Submission
    figures: int
    late: tuple[str, str]  # mark and words; empty where no due date counts
    counts: list[tuple[str, int]]  # severity and how many findings
    first: int  # figures of which none is approved yet
    changed: int  # cells that differ from what is in force
    renewed: int  # figures of which one is approved; told of long imports, whose cells are not counted
    why_not: str  # why it cannot be approved in bulk; empty when it can


def queue_rows(submissions: Sequence[Submission], *, user: User, now: dt.datetime) -> list[QueueRow]:
    """One row per form, with department and round fetched; at most sixteen queries whatever their number and length."""
    steps: dict[int, list[tuple[str, str, dt.datetime, str]]] = {}
    told = Transition.objects.filter(submission__in=submissions).order_by("pk")
    for pk, *step in told.values_list("submission", "from_state", "to_state", "at", "reason"):
        steps.setdefault(pk, []).append((*step,))  # type: ignore[arg-type]
    waiting = [submission for submission in submissions if submission.state == State.SUBMITTED]
    lengths = lengths_of(waiting)
    whole = [submission for submission in waiting if submission.pk not in lengths]
    found = findings_of(whole) if whole else {}
    entries = [one.entry for checked in found.values() for one in checked.values()]
    approved = standing(entries) if entries else {}
    why_not = actions.bulk_refusals(by=user, submissions=waiting, found=found, lengths=lengths) if waiting else {}
    first, problems = (first_counts(lengths), told_counts(lengths)) if lengths else ({}, {})
    rows = []
    for one in submissions:
        late = _lateness(one, steps.get(one.pk, ()), now)
        if one.pk in lengths:
            count, new = lengths[one.pk], first.get(one.pk, 0)
            rows.append(QueueRow(one, count, late, problems.get(one.pk, []), new, 0, count - new, why_not[one.pk]))
        else:
            rows.append(_queue_row(one, late, found.get(one.pk, {}), approved, why_not))
    return rows


def _queue_row(
    submission: Submission,
    late: tuple[str, str],
    checked: Mapping[int, Checked],
    approved: Mapping[tuple[int, int, str], Vintage],
    why_not: Mapping[int, str],
) -> QueueRow:
    said = [one.entry for one in checked.values() if not one.entry.is_blank]
    before = [(entry, approved.get(address(entry))) for entry in said]
    return QueueRow(
        submission=submission,
        figures=len(said),
        late=late,
        counts=finding_counts(checked.values()),
        first=sum(vintage is None for _, vintage in before),
        changed=sum(len(changed_cells(entry, vintage)) for entry, vintage in before if vintage is not None),
        renewed=0,
        why_not=why_not.get(submission.pk, ""),
    )


def _lateness(
    submission: Submission, steps: Iterable[tuple[str, str, dt.datetime, str]], now: dt.datetime
) -> tuple[str, str]:
    """How the form stands to its due date: what was handed in first counts, not what followed a return."""
    round = submission.round
    if round is None:
        return "", ""
    if submission.is_overdue(now):
        return "overdue", late_text(days_late(round, now))
    came = handed_in(steps)
    if came is None:
        return "", ""
    if (on_time := is_on_time(round.due_at, came)) is None:
        return "", gettext("补报不计")
    return ("on_time", gettext("按时")) if on_time else ("late", came_late_text(days_late(round, came)))


# One form


@dataclass(frozen=True, slots=True)
class ReviewCell:
    """One cell of a figure: the text that would stand, what stands now, and whether that differs."""

    field: str
    label: str
    new: str
    old: tuple[Figure, ...] = ()
    old_text: str = ""  # of what is no figure
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A draft, cell by cell, with the figures around it; `kind` is a mark: new, changed, same, none or current."""

    entry: Entry
    kind: str
    cells: tuple[ReviewCell, ...]
    current: Row | None
    previous: Row | None
    last_year: Row | None
    dropped: tuple[str, ...]  # printed comparisons that would not outlive the change
    evidence: tuple[Evidence, ...]
    checked: Checked | None
    returns: tuple[ReturnedCell, ...]  # latest first

    @property
    def period(self) -> Period:
        return self.entry.period


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A form to be judged: its lines, what is found and would change in all of it, and what it owes and does not say.

    Of a long import `lines` are one page; then `renewed` tells how many figures would be renewed, not `changed` which
    cells.
    """

    lines: list[ReviewLine]
    unfilled: list[Obligation]
    counts: list[tuple[str, int]]  # severity and how many findings, gravest first
    open_findings: int  # those that must be read before approving
    figures: int
    first: int  # of which none is in force yet
    changed: int = 0  # cells that differ from what is in force
    renewed: int = 0
    released: int = 0  # figures in force that were published: they stay locked even when the form is reopened
    page: Page[Entry] | None = None


def review(submission: Submission, *, user: User, page: str | None = None) -> Review:
    """The form, or one page of a long import; at most twenty queries whatever its length."""
    length = lengths_of([submission]).get(submission.pk)
    if length is not None:
        return _page_of(submission, user, page, length)
    entries = list(_with_people(submission.entries.all()))
    # Once approved, newer figures around it would make it look wrong that was right.
    checked = findings(submission) if entries and submission.state != State.APPROVED else {}
    lines = _lines(entries, user, checked)
    told = [line.checked for line in lines if line.checked]
    return Review(
        lines=lines,
        unfilled=_unfilled(submission, entries),
        counts=finding_counts(told),
        open_findings=open_findings(told),
        figures=sum(not line.entry.is_blank for line in lines),
        first=sum(line.kind == "new" for line in lines),
        changed=sum(cell.is_changed for line in lines if line.kind == "changed" for cell in line.cells),
        released=sum(
            bool(line.current and line.current.vintage and line.current.vintage.is_released) for line in lines
        ),
    )


def all_lines(submission: Submission, shown: Review, *, user: User) -> Iterator[ReviewLine]:
    """The lines on the page and, of a long import, those of all its other pages as they are wanted."""
    if shown.page is None:
        yield from shown.lines
        return
    for number in shown.page.paginator.page_range:
        yield from review(submission, user=user, page=str(number)).lines


def _page_of(submission: Submission, user: User, page: str | None, length: int) -> Review:
    """What was found when the file was checked is counted; the page's own entries are checked anew."""
    paginator = Paginator(_with_people(in_order(submission)), PAGE)
    paginator.count = length  # counted already
    shown = paginator.get_page(page)
    entries = list(shown.object_list)
    is_open = submission.state != State.APPROVED
    first = first_counts([submission.pk]).get(submission.pk, 0) if is_open else 0
    counts = told_counts([submission.pk]).get(submission.pk, []) if is_open else []
    return Review(
        lines=_lines(entries, user, check_page(submission, entries) if is_open else {}),
        unfilled=[],
        counts=counts,
        open_findings=sum(count for severity, count in counts if severity != Severity.HINT),
        figures=length,
        first=first,
        renewed=length - first if is_open else 0,
        page=shown,
    )


def _with_people(entries: QuerySet[Entry]) -> QuerySet[Entry]:
    return entries.select_related("indicator", "district", "rank_pool", "edited_by").prefetch_related("evidence")


def _lines(entries: list[Entry], user: User, checked: Mapping[int, Checked]) -> list[ReviewLine]:
    """The entries with what is in force, what stands around them and what was returned before."""
    approved = standing(entries) if entries else {}
    rows = _rows_around(entries, user)
    returns: dict[int, list[ReturnedCell]] = {}
    for cell in ReturnedCell.objects.filter(entry__in=entries).select_related("transition__by").order_by("-pk"):
        returns.setdefault(cell.entry_id, []).append(cell)
    return [
        _line(entry, approved.get(address(entry)), rows, checked.get(entry.pk), returns.get(entry.pk, ()))
        for entry in entries
    ]


def _unfilled(submission: Submission, entries: Iterable[Entry]) -> list[Obligation]:
    """What is owed and neither filled in nor said to be lacking; imports owe nothing."""
    if submission.round is None or submission.department is None:
        return []
    said = {(e.indicator_id, e.period.code) for e in entries if not e.is_blank or e.null_reason}
    return [one for one in owed(submission.round, submission.department) if one.address not in said]


def _line(
    entry: Entry,
    vintage: Vintage | None,
    rows: Mapping[tuple[str, int, str], Row],
    checked: Checked | None,
    returns: Sequence[ReturnedCell],
) -> ReviewLine:
    indicator, period = entry.indicator, entry.period
    before = year_ago = None
    if indicator.slots and periods.has_slot(indicator.slots, period):
        before = periods.previous_period(indicator.slots, period)
        year_ago = periods.same_slot_last_year(period)
    current = _row_at(rows, entry, period)
    changed = changed_cells(entry, vintage)
    if entry.is_blank:
        kind = "none"
    elif vintage is None:
        kind = "new"
    elif vintage.entry_id == entry.pk and not changed:
        kind = "current"
    else:
        kind = "changed" if changed else "same"
    kept = kept_comparisons(entry, vintage) if vintage else []
    return ReviewLine(
        entry=entry,
        kind=kind,
        cells=_cells(entry, vintage, current, changed),
        current=current,
        previous=_row_at(rows, entry, before),
        last_year=_row_at(rows, entry, year_ago),
        dropped=tuple(one.wording or str(one) for one in vintage.comparisons.all() if one not in kept)
        if vintage and not entry.is_blank
        else (),
        evidence=tuple(entry.evidence.all()),
        checked=checked,
        returns=tuple(returns),
    )


def _row_at(rows: Mapping[tuple[str, int, str], Row], entry: Entry, period: Period | None) -> Row | None:
    return rows.get((entry.district.code, entry.indicator_id, period.code)) if period else None


def _cells(entry: Entry, vintage: Vintage | None, current: Row | None, changed: set[str]) -> tuple[ReviewCell, ...]:
    said = cast("Comparator", entry.comparator)  # the model's choices are the same six
    value = format_figure(entry.value, unit=entry.unit, comparator=said, printed=entry.printed)
    why_none = str(NullReason(entry.null_reason).label) if entry.null_reason else ""
    level = (current.level,) if current and current.level else ()
    growth = (current.growth,) if current and current.growth else ()

    ranks = tuple(rank.figure for rank in current.ranks) if current else ()
    field = ReturnedCell.Field

    def cell(name: str, new: str, old: tuple[Figure, ...] = (), text: str = "") -> ReviewCell:
        label = str(field(name).label) if name in field.values else gettext("数据状态")
        return ReviewCell(str(name), label, new, old, text, name in changed)

    return (
        cell(field.VALUE, value or entry.text or why_none, level, current.null_reason if current else ""),
        cell(field.GROWTH, f"{plain(entry.growth)}%" if entry.growth is not None else "", growth),
        cell(field.RANK, _ranks_text(entry, vintage), ranks),
        cell(field.NOTE, entry.note, text=vintage.note if vintage else ""),
        cell("status", _status(entry), text=_status(vintage) if vintage else ""),
    )


def _status(said: Entry | Vintage) -> str:
    return str(VintageStatus(said.status).label)


def _ranks_text(entry: Entry, vintage: Vintage | None) -> str:
    """The entry's own place, and those that would stand beside it."""
    found = []
    if entry.rank_place and entry.rank_pool:
        found.append((entry.rank_place, entry.rank_pool.name, entry.rank_by or RankBy.UNSTATED.value))
    if vintage and not entry.is_blank:
        found += [(rank.place, rank.pool.name, rank.by) for rank in kept_ranks(entry, vintage)]
    return gettext("；").join(
        (gettext("第%(place)s位（%(pool)s，%(label)s）") % {"place": place, "pool": pool, "label": RankBy(by).label})
        for place, pool, by in found
    )


def _rows_around(entries: Sequence[Entry], user: User) -> dict[tuple[str, int, str], Row]:
    """By district, indicator and period code, the figures in force, at the slots before and a year ago; one query."""
    if not entries:
        return {}
    wanted = set()
    for entry in entries:
        slots, period = entry.indicator.slots, entry.period
        around = [period]
        if slots and periods.has_slot(slots, period):
            around += [periods.previous_period(slots, period), periods.same_slot_last_year(period)]
        wanted |= {(entry.district_id, entry.indicator_id, *period_columns(one).values()) for one in around}
    observations = Observation.objects.visible_to(user).filter(
        district__in={district for district, *_ in wanted},
        indicator__in={indicator for _, indicator, *_ in wanted},
        period_end__in={end for *_, end, _ in wanted},
    )
    vintages = Vintage.objects.in_force().filter(observation__in=observations)
    return rows_by_address(vintages, indicators={entry.indicator for entry in entries})
