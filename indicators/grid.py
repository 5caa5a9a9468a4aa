"""What a department owes in a round, line by line, with what is already known beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count

from indicators.findings import Checked, findings
from indicators.forms import LineForm
from indicators.models import Assignment, Entry, Indicator, IndicatorVersion, RankPool, Round, Submission
from indicators.rows import Row, rows_at
from lvyuan import periods
from lvyuan.accounts.models import Department, District, User
from lvyuan.periods import Period, PeriodKind


@dataclass(frozen=True, slots=True)
class Pool:
    pool: RankPool
    size: int


@dataclass(frozen=True, slots=True)
class Line:
    """One indicator on a form: its period, the draft, the form, the previous slot's row and the one in force now.

    `checked` is what the checks find in the line as saved; None while it shows what was typed since.
    """

    indicator: Indicator
    district: District
    unit: str
    period: Period
    form: LineForm
    entry: Entry | None
    previous: Row | None
    approved: Row | None
    evidence: tuple[Any, ...] = ()
    checked: Checked | None = None


def rank_pool() -> Pool | None:
    """The pool that this installation ranks in, with its size; one query."""
    pool = RankPool.objects.filter(code=settings.RANK_POOL).annotate(size=Count("members")).first()
    return Pool(pool, pool.size) if pool else None


def period_in(round: Round, indicator: Indicator) -> Period | None:
    """The period that an indicator owes in a round; None when its calendar has no slot there."""
    end = round.month
    kind = PeriodKind(indicator.primary_kind)
    if kind in (PeriodKind.WINDOW, PeriodKind.PLAN) or not indicator.slots:
        return None
    period = Period.instant(end) if kind is PeriodKind.INSTANT else _month_like(kind, end.year, end.month)
    return period if period and periods.has_slot(indicator.slots, period) else None


def _month_like(kind: PeriodKind, year: int, month: int) -> Period | None:
    if kind is PeriodKind.MONTH:
        return Period.month(year, month)
    if kind is PeriodKind.YTD:
        return Period.ytd(year, month)
    if kind is PeriodKind.QUARTER:
        return Period.quarter(year, month // 3) if month % 3 == 0 else None
    return Period.year(year) if month == 12 else None


def owed(round: Round, department: Department | None = None) -> list[tuple[Assignment, Period]]:
    """Assignments that owe a figure in a round, with its period, in indicator order; one query."""
    assignments = (
        Assignment.objects.in_force(round.month)
        .filter(district=round.district)
        .select_related("indicator", "district", "department")
        .order_by("department__order", "indicator__order")
    )
    if department is not None:
        assignments = assignments.filter(department=department)
    pairs = ((assignment, period_in(round, assignment.indicator)) for assignment in assignments)
    return [(assignment, period) for assignment, period in pairs if period is not None]


def lines(
    round: Round, department: Department, submission: Submission | None, *, user: User, data: Any = None
) -> list[Line]:
    """The form's lines, bound to `data` when given."""
    pairs = owed(round, department)
    pool = rank_pool()
    entries: dict[tuple[int, str], Entry] = {}
    if submission is not None:
        found = submission.entries.prefetch_related("evidence")
        entries = {(entry.indicator_id, entry.period.code): entry for entry in found}
    before = [(a.indicator, periods.previous_period(a.indicator.slots, period)) for a, period in pairs]
    this = [(assignment.indicator, period) for assignment, period in pairs]
    known = rows_at(district=round.district.code, wanted=[*before, *this], user=user)
    checked = findings(submission) if submission is not None and data is None else {}
    units = _units([assignment.indicator for assignment, _ in pairs], round)
    return [
        _line(assignment, period, entries, pool, known, units.get(assignment.indicator_id, ""), data, checked)
        for assignment, period in pairs
    ]


def _line(
    assignment: Assignment,
    period: Period,
    entries: dict[tuple[int, str], Entry],
    pool: Pool | None,
    known: dict[tuple[int, str], Row],
    unit: str,
    data: Any,
    checked: dict[int, Checked],
) -> Line:
    indicator = assignment.indicator
    entry = entries.get((indicator.pk, period.code))
    found = checked.get(entry.pk) if entry else None
    form = LineForm(data, prefix=indicator.code, unit=unit, pool=pool, entry=entry)
    for finding in found.findings if found else ():
        form.fields[finding.field].widget.attrs["aria-describedby"] = f"findings-{indicator.code}"
    previous = periods.previous_period(indicator.slots, period)
    return Line(
        indicator=indicator,
        district=assignment.district,
        unit=unit,
        period=period,
        form=form,
        entry=entry,
        previous=known.get((indicator.pk, previous.code)),
        approved=known.get((indicator.pk, period.code)),
        evidence=tuple(entry.evidence.all()) if entry else (),
        checked=found,
    )


def _units(indicators: list[Indicator], round: Round) -> dict[int, str]:
    """Each indicator's unit in the round's month; one query."""
    versions = IndicatorVersion.objects.filter(indicator__in=indicators)
    return {version.indicator_id: version.unit for version in versions if version.is_in_force(round.month)}
