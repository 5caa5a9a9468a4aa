"""The import of observations: rows of a file → drafts → one submission that a reviewer approves.

Understanding a file needs seven queries, whatever its length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.actions import Draft, submit_import
from indicators.imports.approved import address_of, approved_at, plan_row
from indicators.imports.lines import COLUMNS, FIGURES, Candidate, Fault, Line, known_to
from indicators.models import Indicator, Submission
from indicators.refusals import Conflict, Refused
from lvyuan.accounts.models import District, User
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportConflict, ImportRefused, Plan, PlanKind, PlanRow, Problem, records
from lvyuan.imports.table import Table
from lvyuan.periods import Period
from lvyuan.ui.words import period_label


def plan_observations(table: Table, user: User) -> Plan:
    """What the table's rows would change; all faults at once. Seven queries."""
    lines, plan = records(table, COLUMNS)
    headers = {name: header for header in table.header for name, column in COLUMNS.items() if header in column.names}
    if not plan.problems and not plan.questions and not headers.keys() & set(FIGURES):
        plan.problems.append(_no_figure_column(table))
    if not lines or not headers.keys() & set(FIGURES):
        return plan
    known = known_to(user)
    faults: list[tuple[int, Fault]] = []
    candidates: list[Candidate] = []
    places: defaultdict[tuple[Indicator, District, Period], list[int]] = defaultdict(list)
    for record in lines:
        line = Line(record, known, table.place(record.line))
        if candidate := line.read():
            candidates.append(candidate)
        if line.identity:
            places[line.identity].append(record.line)
        faults += [(record.line, fault) for fault in line.faults]
    faults += _duplicates(places, table.unit)
    current = approved_at(candidates, user)
    for candidate in candidates:
        try:
            plan.rows.append(plan_row(candidate, current.get(address_of(candidate))))
        except Fault as fault:
            faults.append((candidate.line, fault))
    plan.problems += [
        Problem(line=line, column=headers.get(fault.column, ""), message=fault.message, remedy=fault.remedy)
        for line, fault in faults
    ]
    refused = {problem.line for problem in plan.problems}
    plan.rows = [row for row in plan.rows if row.line not in refused]
    return plan


def _no_figure_column(table: Table) -> Problem:
    names = gettext("、").join(f"“{COLUMNS[name].names[0]}”" for name in FIGURES)
    there = gettext("、").join(f"“{header}”" for header in table.header if header)
    message = gettext("没有数据列；现有的列是：%(there)s") % {"there": there}
    return Problem(
        line=table.header_line, message=message, remedy=gettext("请至少写一列：%(names)s") % {"names": names}
    )


def _duplicates(places: dict[tuple[Indicator, District, Period], list[int]], unit: str) -> Iterable[tuple[int, Fault]]:
    for (indicator, district, period), lines in places.items():
        for line in lines if len(lines) > 1 else ():
            others = gettext("、").join(str(other) for other in [x for x in lines if x != line][:5])
            message = gettext("与第 %(others)s %(unit)s重复：都是%(district)s“%(indicator)s”%(period)s") % {
                "others": others,
                "unit": unit,
                "district": district,
                "indicator": indicator,
                "period": period_label(period),
            }
            yield line, Fault("indicator", message, gettext("请只保留一%(unit)s") % {"unit": unit})


def commit_observations(job: ImportJob, rows: Sequence[PlanRow], by: User) -> Submission:
    """Hands the changed figures to the reviewers. Raises ImportRefused, ImportConflict, NotAllowed."""
    drafts = [row.payload for row in rows if isinstance(row.payload, Draft)]
    try:
        return submit_import(by=by, job=job, drafts=drafts)
    except Conflict as conflict:
        raise ImportConflict(str(conflict)) from conflict
    except Refused as refused:
        raise ImportRefused(str(refused)) from refused


def submission_of(job: ImportJob, user: User) -> Submission | None:
    """The submission an import became, if this person may see it."""
    return Submission.objects.visible_to(user).filter(import_job=job).first()


OBSERVATIONS = PlanKind(
    code="observations",
    label=_("数据"),
    plan=plan_observations,
    commit=commit_observations,
    outcome=submission_of,
)
