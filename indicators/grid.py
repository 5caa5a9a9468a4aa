"""A department's form line by line: what is owed, what is drafted, what is known beside it, and what is locked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.utils.translation import gettext

from indicators.beside import Beside, Derived, beside, derived
from indicators.cells import shown_texts, unread_problems
from indicators.charts import Spark, sparkline
from indicators.findings import Checked, findings
from indicators.forms import LineForm
from indicators.locks import Lock, Locks, locks, returned_rows, returns_of
from indicators.models import (
    Entry,
    Evidence,
    Indicator,
    IndicatorVersion,
    RankPool,
    ReturnedCell,
    Round,
    Submission,
    Target,
)
from indicators.obligations import Obligation, assignments, obligation
from lvyuan.accounts.models import Department
from lvyuan.periods import Period


@dataclass(frozen=True, slots=True)
class Pool:
    pool: RankPool
    size: int


def pool_row() -> Subquery:
    """The pool that this installation ranks in, as an annotation that `pool_of` reads."""
    found = RankPool.objects.filter(code=settings.RANK_POOL).annotate(size=Count("members"))
    return Subquery(found.values(row=JSONObject(id="pk", name="name", size="size"))[:1])


def pool_of(row: Mapping[str, Any] | None) -> Pool | None:
    """What `pool_row` annotated."""
    return Pool(RankPool(pk=row["id"], name=row["name"]), row["size"]) if row else None


def owed_with_pool(round: Round, department: Department) -> tuple[list[Obligation], Pool | None]:
    """What the department owes and the pool that it is ranked in; one query."""
    found = list(assignments([round], department).annotate(pool=pool_row()))
    pool = pool_of(found[0].pool) if found else None
    return [one for row in found if (one := obligation(round, row))], pool


@dataclass(frozen=True, slots=True)
class GridCell:
    """One field of a line: its name in the form, the text in it, and what is said about that."""

    name: str
    label: str
    text: str
    problem: str = ""  # why the text is no figure
    returned: str = ""  # the reviewer's reason
    described_by: str = ""  # ids
    choices: tuple[tuple[str, Any], ...] = ()

    @property
    def said(self) -> str:
        return self.problem or (gettext("退回：%(returned)s") % {"returned": self.returned} if self.returned else "")

    @property
    def state(self) -> str:
        return "invalid" if self.problem else "returned" if self.returned else ""

    @property
    def shown(self) -> str:
        """The text as people read it: of a choice that was made, its words."""
        return next((str(words) for code, words in self.choices if code and code == self.text), self.text)


@dataclass(frozen=True, slots=True)
class Line:
    """One indicator on a form; `checked` is what the checks find in the draft, None while there is none."""

    obligation: Obligation
    entry: Entry | None
    cells: Mapping[str, GridCell]
    beside: Beside
    derived: Derived
    spark: Spark | None
    lock: Lock | None
    returned: str = ""  # the reviewer's reason, where the whole line was returned
    evidence: tuple[Evidence, ...] = ()
    checked: Checked | None = None

    @property
    def indicator(self) -> Indicator:
        return self.obligation.indicator

    @property
    def period(self) -> Period:
        return self.obligation.period

    @property
    def unit(self) -> str:
        return self.obligation.unit

    @property
    def definition(self) -> IndicatorVersion | None:
        return self.obligation.definition

    @property
    def asks_rank(self) -> bool:
        return self.indicator.asks_rank or bool(self.cells["rank_place"].text)

    @property
    def is_correction(self) -> bool:
        """Whether to write here is to correct an approved figure."""
        return self.beside.approved is not None


@dataclass(frozen=True, slots=True)
class Grid:
    lines: list[Line]
    locks: Locks
    pool: Pool | None


def grid(
    round: Round, department: Department, submission: Submission | None, *, codes: Collection[str] | None = None
) -> Grid:
    """The form's lines; with `codes` only these and those that the checks speak about. At most ten queries."""
    told = _checked(submission) if submission else []
    checked = {(one.entry.indicator_id, one.entry.period.code): one for one in told}
    if codes is not None:
        codes = {*codes, *(one.entry.indicator.code for one in told if one.findings)}
    found = list(_asked(round, department, submission, codes))
    owing = [(one, row) for row in found if (one := obligation(round, row))]
    due = [one for one, _ in owing]
    returned = returns_of(found[0].returned) if found else {}
    held = locks(round, department, submission, due, returned=set(returned))
    pool = pool_of(found[0].pool) if found else None
    known = beside(due)
    targets = list(Target.objects.filter(district=round.district_id, indicator__in=_ids(due)).in_force())
    shown = [
        _line(
            one,
            checked.get(one.address),
            known[one.address],
            targets,
            pool,
            held.line(one),
            returned.get(one.address, {}),
            tuple(Evidence(**paper) for paper in row.papers),
        )
        for one, row in owing
    ]
    return Grid(shown, held, pool)


def _checked(submission: Submission) -> Collection[Checked]:
    """The form's entries with what the checks find; once approved, newer figures would make wrong what was right."""
    if submission.state != Submission.State.APPROVED:
        return findings(submission).values()
    return [Checked(entry, []) for entry in submission.entries.select_related("indicator")]


def _ids(due: Iterable[Obligation]) -> list[int]:
    return [one.indicator.pk for one in due]


def _asked(
    round: Round, department: Department, submission: Submission | None, codes: Collection[str] | None
) -> Iterable[Any]:
    """Who reports what, with definitions, the rank pool, papers, and what was returned; one query."""
    papers = Evidence.objects.filter(entry__submission=submission, entry__indicator=OuterRef("indicator"))
    asked = assignments([round], department, codes=codes, definitions=True)
    return asked.annotate(
        pool=pool_row(),
        returned=returned_rows(submission),
        papers=ArraySubquery(papers.values(row=JSONObject(id="pk", name="name", size="size"))),
    )


def _line(
    one: Obligation,
    told: Checked | None,
    known: Beside,
    targets: list[Target],
    pool: Pool | None,
    lock: Lock | None,
    returned: Mapping[str, str],
    evidence: tuple[Evidence, ...],
) -> Line:
    entry = told.entry if told else None
    return Line(
        obligation=one,
        entry=entry,
        cells=_cells(one, entry, told, pool, returned),
        beside=known,
        derived=derived(one, entry, known, targets),
        spark=sparkline(known.run_up, entry, one.unit) if known.run_up else None,
        lock=lock,
        returned=returned.get(ReturnedCell.Field.LINE, ""),
        evidence=evidence,
        checked=told,
    )


def _cells(
    one: Obligation, entry: Entry | None, told: Checked | None, pool: Pool | None, returned: Mapping[str, str]
) -> dict[str, GridCell]:
    code, texts = one.indicator.code, shown_texts(entry)
    problems = unread_problems(entry, unit=one.unit, pool=pool) if entry else {}
    spoken_of = {finding.field for finding in told.findings} if told else set()
    cells = {}
    for name, form_field in LineForm.base_fields.items():
        said = problems.get(name) or returned.get(name)
        ids = [f"findings-{code}"] if name in spoken_of else []
        cells[name] = GridCell(
            name=f"{code}-{name}",
            label=str(form_field.label),
            text=texts[name],
            problem=problems.get(name, ""),
            returned=returned.get(name, ""),
            described_by=" ".join([*ids, f"said-{code}-{name}"] if said else ids),
            choices=tuple(getattr(form_field, "choices", ())),
        )
    return cells
