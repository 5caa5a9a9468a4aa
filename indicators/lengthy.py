"""Imports too long to be read as a whole: the database counts, and one page of entries is read and checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

from django.db import connection, transaction
from django.db.models import Case, Count, Exists, OuterRef, QuerySet, Value, When
from django.db.models.functions import Coalesce

from indicators.checks import Severity
from indicators.findings import Checked, entries_with_sizes, findings_beside, rules_in_force, slots_around
from indicators.models import Entry, Observation, Submission, VintageStatus
from lvyuan.imports.models import ImportProblem
from lvyuan.imports.working import joining_sets

WHOLE: Final = 200  # entries up to which an import is shown and checked as a form is
PAGE: Final = 50
TOLD: Final = (Severity.VERIFY.value, Severity.HINT.value)  # graver ones are not in the submission
_ADDRESS = ("district", "indicator", "period_kind", "period_end")


def lengths_of(submissions: Iterable[Submission]) -> dict[int, int]:
    """By submission id, the number of entries of those imports that are too long; one query, none without imports."""
    imports = [one.pk for one in submissions if one.import_job_id is not None]
    if not imports:
        return {}
    entries = Entry.objects.filter(submission__in=imports).order_by().values_list("submission")
    return dict(entries.annotate(count=Count("pk")).filter(count__gt=WHOLE))


def first_counts(submissions: Iterable[int]) -> dict[int, int]:
    """By submission id, how many figures have none in force yet; one query."""
    return dict(
        Entry.objects.filter(~Exists(_in_force()), submission__in=submissions)
        .order_by()
        .values_list("submission")
        .annotate(Count("pk"))
    )


def told_counts(submissions: Iterable[int]) -> dict[int, list[tuple[str, int]]]:
    """By submission id, what was found when the file was checked: severity and how often, gravest first; one query."""
    rows = (
        ImportProblem.objects.filter(job__submission__in=submissions, severity__in=TOLD)
        .order_by()
        .values_list("job__submission", "severity")
        .annotate(Count("pk"))
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for pk, severity, count in sorted(rows, key=lambda row: TOLD.index(row[1])):
        found.setdefault(pk, []).append((severity, count))
    return found


def in_order(submission: Submission) -> QuerySet[Entry]:
    """The entries as the page shows them: those that a problem was found in first, each part in the file's order."""
    with transaction.atomic(), joining_sets(), connection.cursor() as cursor:
        told = {"job": submission.import_job_id, "submission": submission.pk, "severities": list(TOLD)}
        cursor.execute(_WITH_PROBLEMS, told)
        keys = [pk for (pk,) in cursor.fetchall()]
    rank = Case(When(pk__in=keys, then=Value(0)), default=Value(1))
    return submission.entries.order_by(rank, "pk") if keys else submission.entries.order_by("pk")


_WITH_PROBLEMS = """
    SELECT DISTINCT e.id FROM imports_importproblem p
    JOIN indicators_stagedfigure s ON s.job_id = p.job_id AND s.sheet = p.sheet AND s.line = p.line
        AND s."column" IN ('', p."column")
    JOIN indicators_entry e ON e.submission_id = %(submission)s
        AND e.district_id = s.district_id AND e.indicator_id = s.indicator_id AND e.period_kind = s.period_kind
        AND e.period_end = s.period_end AND e.period_start IS NOT DISTINCT FROM s.period_start
    WHERE p.job_id = %(job)s AND p.severity = ANY(%(severities)s)
"""


def _in_force() -> QuerySet[Observation]:
    """The outer entry's figure, where one is in force."""
    start = Coalesce("period_start", dt.date.min)
    here = Observation.objects.annotate(start=start).filter(**{name: OuterRef(name) for name in _ADDRESS})
    here = here.filter(start=Coalesce(OuterRef("period_start"), dt.date.min), current__isnull=False)
    return here.exclude(current__status=VintageStatus.WITHDRAWN)


def check_page(submission: Submission, entries: Sequence[Entry]) -> dict[int, Checked]:
    """What the rules find about these entries, compared with the others of the file; a fixed number of queries."""
    own = list(entries_with_sizes([submission.pk]).filter(pk__in=[entry.pk for entry in entries]))
    codes = {entry.indicator.code for entry in own}
    for rule in rules_in_force():
        if codes & set(rule.operands):
            codes |= set(rule.operands)
    ends = {end for entry in own for end in slots_around(entry.indicator.slots, entry.period).ends}
    beside = entries_with_sizes([submission.pk]).filter(
        district__in={entry.district_id for entry in own}, indicator__code__in=codes, period_end__in=ends
    )
    others = list(beside.exclude(pk__in=[entry.pk for entry in own]))
    return findings_beside(own, others, submission.department_id) if own else {}
