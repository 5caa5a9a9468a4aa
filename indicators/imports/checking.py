"""The checks of the form on staged figures, and its locks: the same rules, the same severities, in bounded time.

What refuses a figure (强制性, 准强制性) is looked for in all of them: the database picks those that such a rule can
speak about at all, and the rule itself decides. What only asks or informs is told of the first rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeVar

from django.db import connection
from django.db.models import Count
from django.utils.translation import gettext

from indicators.checks import Finding, Rule, Severity
from indicators.findings import Checked, findings_beside, rules_in_force, slots_around
from indicators.models import Calendar, Entry, Indicator, RankPoolMember, StagedFigure
from lvyuan import periods
from lvyuan.imports.models import ImportJob, RowStatus
from lvyuan.imports.problems import Problems, alike
from lvyuan.imports.registry import Problem
from lvyuan.imports.working import joining_sets
from lvyuan.periods import Period, PeriodKind

TOLD_ROWS: Final = 2_000  # rows whose mere questions and hints are told
AT_ONCE: Final = 2_000  # rows checked together; bounds the memory
REFUSING: Final = (Severity.MANDATORY, Severity.QUASI)
WRITTEN: Final = (RowStatus.NEW.value, RowStatus.CHANGED.value)
T = TypeVar("T")


def check_figures(job: ImportJob, problems: Problems, department: int | None) -> None:
    """Refuses the new and changed figures that the form would refuse, and tells what it would ask about the others."""
    with joining_sets():
        _refuse_pending(job, problems)
    rules = rules_in_force()
    if not rules:
        return
    known = {indicator.pk: indicator for indicator in Indicator.objects.all()}
    rows = StagedFigure.objects.filter(job=job, status__in=WRITTEN)
    told = set(rows.order_by("seq").values_list("pk", flat=True)[:TOLD_ROWS])
    with joining_sets():
        asked = told | _candidates(job, [rule for rule in rules if rule.severity in REFUSING], known)
    refused: list[int] = []
    order = ("district", "indicator", "period_kind", "period_end", "seq")
    for chunk in _chunks(sorted(asked), AT_ONCE * 10):
        found = rows.filter(pk__in=chunk).order_by(*order).iterator(chunk_size=AT_ONCE)
        for part in _chunks(found, AT_ONCE):
            refused += _check(job, part, problems, department, known, told)
    for chunk in _chunks(refused, 10_000):
        rows.filter(pk__in=chunk).update(status=RowStatus.REFUSED)


def _check(
    job: ImportJob,
    rows: list[StagedFigure],
    problems: Problems,
    department: int | None,
    known: dict[int, Indicator],
    told: set[int],
) -> list[int]:
    """Notes what is found about these rows; gives the ids of those that it refuses."""
    entries = [_entry(row, known) for row in rows]
    beside = [_entry(row, known) for row in _beside(job, rows, known)]
    _add_pool_sizes(entries)
    found = findings_beside(entries, beside, department)
    refused = []
    for row in rows:
        checked = found[row.pk]
        is_refused = bool(checked.mandatory or _unexplained(checked))
        if is_refused:
            refused.append(row.pk)
        for finding in checked.findings:
            if finding.severity in REFUSING or row.pk in told:
                problems.add(_problem(row, checked, finding))
    return refused


def _unexplained(checked: Checked) -> list[Finding]:
    """Quasi-mandatory findings that the approved list does not lift, or that the note does not explain."""
    quasi = [finding for finding in checked.findings if finding.severity is Severity.QUASI]
    return quasi if checked.explanation_problem else checked.unlisted


def _problem(row: StagedFigure, checked: Checked, finding: Finding) -> Problem:
    severity = finding.severity
    if severity is Severity.QUASI and finding not in _unexplained(checked):
        severity = Severity.VERIFY  # listed and explained
    remedy = {
        Severity.MANDATORY: gettext("请核对并改正这个数"),
        Severity.QUASI: gettext("请改正；数据属实的，须先由审核员列入例外名单，并在“说明”列写明原因"),
        Severity.VERIFY: gettext("请核对；属实的可以导入，审核员会看到"),
        Severity.HINT: gettext("供参考，可以导入"),
    }[severity]
    return Problem(
        sheet=row.sheet,
        line=row.line,
        column=row.column,
        message=finding.message,
        remedy=remedy,
        group=alike(finding.message),
        severity=severity.value,
    )


def _entry(row: StagedFigure, known: dict[int, Indicator]) -> Entry:
    """The row as the form's line that it would be."""
    assert row.indicator_id is not None
    return Entry(
        pk=row.pk,
        submission_id=0,
        district_id=row.district_id,
        indicator=known[row.indicator_id],
        period_kind=row.period_kind,
        period_start=row.period_start,
        period_end=row.period_end,
        value=row.value,
        comparator=row.comparator,
        unit=row.unit,
        growth=row.growth,
        rank_pool_id=row.rank_pool_id,
        rank_place=row.rank_place,
        rank_by=row.rank_by,
        text=row.text,
        note=row.note,
    )


def _add_pool_sizes(entries: Iterable[Entry]) -> None:
    """Annotates the entries as those that are fetched."""
    entries = list(entries)
    pools = {entry.rank_pool_id for entry in entries if entry.rank_pool_id}
    members = RankPoolMember.objects.filter(pool__in=pools).order_by().values_list("pool").annotate(Count("pk"))
    sizes = dict(members) if pools else {}
    for entry in entries:
        entry.pool_size = sizes.get(entry.rank_pool_id)  # type: ignore[attr-defined]


def _beside(job: ImportJob, rows: list[StagedFigure], known: dict[int, Indicator]) -> list[StagedFigure]:
    """Other rows of the file that these are compared with: neighbouring slots, and indicators of the same rule."""
    codes = {known[row.indicator_id].code for row in rows if row.indicator_id}
    for rule in rules_in_force():
        if codes & set(rule.operands):
            codes |= set(rule.operands)
    ends = {end for row in rows for end in _ends(row, known)}
    indicators = [pk for pk, indicator in known.items() if indicator.code in codes]
    found = StagedFigure.objects.filter(
        job=job,
        status__in=WRITTEN,
        district__in={row.district_id for row in rows},
        indicator__in=indicators,
        period_end__in=ends,
    )
    own = {row.pk for row in rows}
    return [row for row in found if row.pk not in own]


def _ends(row: StagedFigure, known: dict[int, Indicator]) -> set[dt.date]:
    assert row.indicator_id is not None
    return slots_around(known[row.indicator_id].slots, row.period).ends


# Which rows a refusing rule can speak about


def _candidates(job: ImportJob, rules: Collection[Rule], known: dict[int, Indicator]) -> set[int]:
    """The ids of all rows of which one of these rules may find something; more than it will."""
    told: dict[str, Any] = {"job": job.pk}
    conditions = []
    for number, rule in enumerate(rules):
        said = {
            "indicators": [pk for pk, indicator in known.items() if rule.speaks_of(indicator.code)],
            "from": rule.valid_from,
            "to": rule.valid_to or dt.date.max,
        }
        condition, more = _picking(rule, job)
        if condition:
            # Each rule's values under names of its own.
            names = {name: f"%({name}_{number})s" for name in (*said, *more)}
            conditions.append((_CONCERNED + condition) % names)
            told |= {f"{name}_{number}": value for name, value in {**said, **more}.items()}
    if not conditions:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"{_WRITTEN} AND ({' OR '.join(conditions)})", told)
        return {pk for (pk,) in cursor}


_WRITTEN = """
    SELECT s.id FROM indicators_stagedfigure s WHERE s.job_id = %(job)s AND s.status IN ('new', 'changed')
"""
# Said again inside, as the ends beside are: the joins should not begin with all rows.
_IN_FORCE = "s.period_end BETWEEN %(from)s AND %(to)s"
_CONCERNED = f"s.indicator_id = ANY(%(indicators)s) AND {_IN_FORCE} AND "


def _picking(rule: Rule, job: ImportJob) -> tuple[str, dict[str, Any]]:
    """What holds of a row wherever the rule may find something, "" for nowhere; all rows where it is not worked out."""
    if rule.kind == "negative_level":
        return "s.value < 0", {}
    if rule.kind == "rank_outside":
        return "s.rank_place IS NOT NULL", {}
    if rule.kind == "share_outside":
        return "s.unit = '%%%%' AND s.value NOT BETWEEN %(low)s AND %(high)s", dict(rule.thresholds)
    if rule.kind == "no_slot":
        return "", {}  # such a period is not understood to begin with
    if rule.kind == "magnitude_slip":
        return _SLIPPED, _slips(rule, job)
    return "true", {}


# The slot before and the same slot last year, in the file or approved: one of them is far off, or in another unit.
_OFF = "n.value > 0 AND (n.unit <> s.unit OR s.value >= n.value * %(high)s OR s.value <= n.value * %(low)s)"
_SLIPPED = f"""
    s.value > 0 AND s.id IN (
        SELECT s.id FROM indicators_stagedfigure s JOIN indicators_indicator i ON i.id = s.indicator_id
        JOIN unnest(%(calendars)s::text[], %(kinds)s::text[], %(ends)s::date[], %(besides)s::date[])
            AS slot(calendar, kind, ends, beside)
            ON slot.calendar = i.calendar AND slot.kind = s.period_kind AND slot.ends = s.period_end
        JOIN indicators_stagedfigure n ON n.job_id = s.job_id AND n.status IN ('new', 'changed')
            AND n.district_id = s.district_id AND n.indicator_id = s.indicator_id
            AND n.period_kind = s.period_kind AND n.period_end = slot.beside
            AND n.period_end = ANY(%(besides)s::date[])
        WHERE s.job_id = %(own)s AND s.value > 0 AND {_IN_FORCE} AND {_OFF}
        UNION ALL
        SELECT s.id FROM indicators_stagedfigure s JOIN indicators_indicator i ON i.id = s.indicator_id
        JOIN unnest(%(calendars)s::text[], %(kinds)s::text[], %(ends)s::date[], %(besides)s::date[])
            AS slot(calendar, kind, ends, beside)
            ON slot.calendar = i.calendar AND slot.kind = s.period_kind AND slot.ends = s.period_end
        JOIN indicators_observation o ON o.district_id = s.district_id AND o.indicator_id = s.indicator_id
            AND o.period_kind = s.period_kind AND o.period_end = slot.beside
        JOIN indicators_vintage n ON n.id = o.current_id
        WHERE s.job_id = %(own)s AND s.value > 0 AND {_IN_FORCE} AND {_OFF}
    )
"""  # noqa: S608 - constants of this file


def _slips(rule: Rule, job: ImportJob) -> dict[str, Any]:
    """The slots of the job with those that they are compared with, and from where on a ratio can be a slip.

    A cumulative is brought forward by elapsed months, at most doubled, before it is compared: `low` allows for that.
    """
    factors, spread = rule.thresholds["factors"], rule.thresholds["spread"]
    assert isinstance(factors, tuple)
    assert isinstance(spread, Decimal)
    least = max(min(factors) / spread, Decimal("0.001"))
    slots = (
        StagedFigure.objects.filter(job=job, status__in=WRITTEN)
        .filter(period_end__range=(rule.valid_from, rule.valid_to or dt.date.max))
        .order_by()
        .values_list("indicator__calendar", "period_kind", "period_end")
        .distinct()
    )
    beside = [
        (calendar, kind, end, other)
        for calendar, kind, end in slots
        for other in _compared_ends(Calendar(calendar).slots, PeriodKind(kind), end)
    ]
    names = ("calendars", "kinds", "ends", "besides")
    columns = [list(column) for column in zip(*beside, strict=True)] if beside else [[], [], [], []]
    return dict(zip(names, columns, strict=True)) | {"own": job.pk, "high": least, "low": 2 / least}


def _compared_ends(slots: periods.Calendar, kind: PeriodKind, end: dt.date) -> set[dt.date]:
    """The ends of the slot before and of the same slot last year."""
    if kind in (PeriodKind.WINDOW, PeriodKind.PLAN) or not slots:
        return set()
    period = Period(kind, end)
    if not periods.has_slot(slots, period) or period.year_no <= periods.FIRST_YEAR:
        return set()
    before, last_year = periods.previous_period(slots, period), periods.same_slot_last_year(period)
    # A cumulative begins anew each year.
    is_new_year = kind is PeriodKind.YTD and before.year_no < period.year_no
    return {last_year.end} if is_new_year else {before.end, last_year.end}


# The locks

_PENDING = """
    FROM indicators_entry e JOIN indicators_submission u ON u.id = e.submission_id
    LEFT JOIN accounts_department d ON d.id = u.department_id
    WHERE u.state IN ('signing', 'submitted')
    AND (e.value IS NOT NULL OR e.growth IS NOT NULL OR e.rank_place IS NOT NULL OR e.text <> '')
    AND s.job_id = %(job)s AND s.status IN ('new', 'changed')
    AND e.district_id = s.district_id AND e.indicator_id = s.indicator_id AND e.period_kind = s.period_kind
    AND e.period_end = s.period_end AND e.period_start IS NOT DISTINCT FROM s.period_start
"""
_TELL_PENDING = f"""
    SELECT s.sheet, s.line, s."column", d.name, u.import_job_id
    {_PENDING.replace("FROM", "FROM indicators_stagedfigure s,", 1)} ORDER BY s.seq, u.id LIMIT %(room)s
"""
_REFUSE_PENDING = f"UPDATE indicators_stagedfigure s SET status = 'refused' {_PENDING}"  # noqa: S608


def _refuse_pending(job: ImportJob, problems: Problems) -> None:
    """Refuses figures that another submission has handed in and that wait for a decision: whose would hold?"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM indicators_submission WHERE state IN ('signing', 'submitted'))")
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_TELL_PENDING, {"job": job.pk, "room": problems.room})
        found = cursor.fetchall()
        cursor.execute(_REFUSE_PENDING, {"job": job.pk})
        problems.left += max(0, cursor.rowcount - len(found))
    for sheet, line, column, department, other in found:
        what = (
            gettext("第 %(job)s 号导入") % {"job": other} if other else gettext("%(name)s的报送") % {"name": department}
        )
        problems.add(
            Problem(
                sheet=sheet,
                line=line,
                column=column,
                message=gettext("%(what)s里也有这个数，正在等待签发或审核") % {"what": what},
                remedy=gettext("请等那一份有了结果，再重新上传"),
            )
        )


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
