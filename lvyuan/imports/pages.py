"""What the pages of an import show: its state in a word, steps, what was understood. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lvyuan.accounts.models import User
from lvyuan.imports.models import ImportJob, RowStatus
from lvyuan.imports.pipeline import REFUSING, changes, is_refused
from lvyuan.imports.registry import ColumnUse, Kind, kinds
from lvyuan.imports.working import Activity, activities

State = ImportJob.State
WAITING: Final = (State.READING, State.CONFIRMING)  # for the machine, not for a person


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands: the state's mark and word, and whether the machine is at it or has been stopped."""

    state: str
    word: str
    is_busy: bool = False
    is_interrupted: bool = False


def standing(job: ImportJob, kind: Kind | None, activity: Activity | None) -> Standing:
    """The state as people call it; a file that the worker could not read is not one that somebody gave up."""
    if job.refusal and job.state == State.CANCELLED:
        return Standing("refused", gettext("读不了"))
    if activity == Activity.INTERRUPTED:
        return Standing("interrupted", gettext("中断"), is_interrupted=True)
    if activity == Activity.QUEUED:
        return Standing(job.state, gettext("排队中"), is_busy=True)
    if activity == Activity.WORKING:
        return Standing(job.state, gettext("处理中"), is_busy=True)
    if job.state == State.CONFIRMED and kind:
        return Standing(job.state, gettext("已送审") if kind.is_reviewed else gettext("已生效"))
    return Standing(job.state, job.get_state_display())


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of imports."""

    job: ImportJob
    label: str
    standing: Standing
    counts: dict[str, int]
    can_resume: bool
    outcome: Model | None = None


def listed(jobs: Iterable[ImportJob], user: User) -> list[Listed]:
    """The lines of the list; two queries, and one for each kind that was confirmed."""
    jobs = list(jobs)
    doing, known = activities(jobs), {kind.code: kind for kind in kinds()}
    done: dict[str, list[ImportJob]] = {}
    for job in jobs:
        if job.state == State.CONFIRMED and job.kind in known:
            done.setdefault(job.kind, []).append(job)
    outcomes = {pk: one for code, own in done.items() for pk, one in known[code].outcomes(own, user).items()}
    found = []
    for job in jobs:
        kind = known.get(job.kind)
        stands = standing(job, kind, doing.get(job.pk))
        found.append(
            Listed(
                job=job,
                label=str(kind.label) if kind else job.kind,
                standing=stands,
                counts=job.preview.get("counts", {}),
                can_resume=stands.is_interrupted and job.created_by_id == user.pk,
                outcome=outcomes.get(job.pk),
            )
        )
    return found


# Steps

STEPS: Final = (_("上传"), _("读懂"), _("核对"), _("确认"), _("生效或撤销"))
_STEP_OF: Final = {
    State.READING: 1,
    State.ASKING: 1,
    State.PREVIEWED: 2,
    State.CONFIRMING: 3,
    State.CONFIRMED: 4,
    State.UNDONE: 4,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five; `state` is done, now or later."""

    name: str
    state: str


def steps(job: ImportJob | None = None) -> list[Step]:
    """Where a job stands, or a file that is still to be uploaded; none for one that ended without an import."""
    if job and job.state == State.CANCELLED:
        return []
    now = 0 if job is None else _STEP_OF[State(job.state)]
    return [
        Step(str(name), "now" if number == now else "done" if number < now else "later")
        for number, name in enumerate(STEPS)
    ]


# What was understood


@dataclass(slots=True)
class TableUse:
    """One table of the file, what stands above it, and what its columns are used for."""

    number: int
    sheet: str = ""
    unit: str = ""
    header_line: int = 0
    above: list[str] = field(default_factory=list)
    rows: int | None = None
    columns: list[ColumnUse] = field(default_factory=list)

    @property
    def ignored(self) -> int:
        """How many columns are used for nothing."""
        return sum(not column.use for column in self.columns)


def table_uses(preview: dict[str, Any], columns: Iterable[ColumnUse]) -> list[TableUse]:
    """The file's tables with their columns, in the file's order."""
    found = {told["number"]: TableUse(**told) for told in preview.get("tables", ())}
    for column in columns:
        found.setdefault(column.table, TableUse(column.table, column.sheet)).columns.append(column)
    return [found[number] for number in sorted(found)]


# Rows and problems


@dataclass(frozen=True, slots=True)
class Tab:
    """One filter of the rows: its status ("" for all) and how many there are."""

    status: str
    label: str
    count: int


def tabs(job: ImportJob) -> list[Tab]:
    """All, new, changed, same, refused; empty ones too, since a nought is an answer."""
    counts = job.preview.get("counts", {})
    own = [Tab(status.value, str(status.label), counts.get(status.value, 0)) for status in RowStatus]
    return [Tab("", gettext("全部"), sum(tab.count for tab in own)), *own]


def numbers(job: ImportJob) -> dict[str, int]:
    """What buttons and banner say: figures that would be written or are the same, rows that are refused, problems,
    questions that are open."""
    questions, counts = job.preview.get("questions", []), job.preview.get("counts", {})
    return {
        "changes": changes(job),
        "refused": counts.get("refused", 0),
        "same": counts.get("same", 0),
        "is_refused": is_refused(job),
        "open_questions": sum(not question["told"] for question in questions),
        "problem_count": sum(job.preview.get("severities", {}).values()),
    }


def reasons(job: ImportJob) -> dict[tuple[str, int], str]:
    """What is wrong with each refused line and what to do, for the error workbook; one query."""
    found: dict[tuple[str, int], list[str]] = {}
    refusing = job.problems.filter(severity__in=REFUSING, line__gt=0)
    for sheet, line, column, message, remedy in refusing.values_list("sheet", "line", "column", "message", "remedy"):
        said = gettext("%(message)s。%(remedy)s。") % {"message": message, "remedy": remedy}
        found.setdefault((sheet, line), []).append(f"{column}：{said}" if column else said)
    return {place: "\n".join(texts) for place, texts in found.items()}
