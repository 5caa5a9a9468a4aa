"""Drives a kind of definitions as the pipeline does, without files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from lvyuan.accounts.models import User
from lvyuan.audit.context import acting
from lvyuan.imports.models import ImportJob, ImportProblem, StagedRecord
from lvyuan.imports.records import RecordKind, RecordLayout
from lvyuan.imports.table import Head, Row, Table


@dataclass
class Book:
    tables: list[Table]


def table(*rows: Sequence[str], sheet: str = "数据", number: int = 1, hidden: Sequence[int] = ()) -> Table:
    """A sheet with its header in row 1; `hidden` are line numbers."""
    header, *body = rows
    return Table(
        sheet=sheet,
        number=number,
        header_line=1,
        heads=[Head(place, (name,) if name else ()) for place, name in enumerate(header, 1)],
        rows=[
            Row(line, [*cells, *[""] * (len(header) - len(cells))], is_hidden=line in hidden)
            for line, cells in enumerate(body, 2)
        ],
    )


def entries_table(section: str, entries: Sequence[Mapping[str, str]]) -> Table:
    """A section of a JSON file as reading gives it: heads are the fields, lines count the entries."""
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    return Table(
        sheet=section,
        unit="条",
        heads=[Head(0, (name,)) for name in names],
        rows=[Row(line, [entry.get(name, "") for name in names]) for line, entry in enumerate(entries, 1)],
    )


@dataclass
class Staged:
    """A job and what its file would do."""

    kind: RecordKind
    job: ImportJob
    layout: RecordLayout

    @property
    def rows(self) -> list[StagedRecord]:
        return list(self.kind.staged(self.job).order_by("seq"))

    @property
    def statuses(self) -> list[str]:
        return [row.status for row in self.rows]

    @property
    def problems(self) -> list[tuple[int, str, str]]:
        """(line, column, message), all with a remedy."""
        found = list(ImportProblem.objects.filter(job=self.job))
        assert all(problem.remedy and problem.group for problem in found)
        return [(problem.line, problem.column, problem.message) for problem in found]

    def confirm(self, by: User) -> None:
        """As the pipeline commits: one transaction, in the job's name."""
        with acting(by=by, origin="test"), transaction.atomic():
            self.kind.commit(self.job, by)
            self.job.state, self.job.confirmed_at = ImportJob.State.CONFIRMED, timezone.now()
            self.job.save()

    def undo(self, by: User, reason: str = "录错了") -> None:
        with acting(by=by, origin="test", reason=reason), transaction.atomic():
            self.kind.undo(self.job, by, reason)


def stage(kind: RecordKind, by: User, *tables: Table, answers: Mapping[str, str] | None = None, **more: Any) -> Staged:
    """A job with its rows staged; the layout must be free of questions and problems."""
    job = ImportJob.objects.create(kind=kind.code, file_name="名单.xlsx", sha256="0" * 64, size=1, created_by=by)
    book = Book(list(tables))
    layout = kind.layout(book, answers or {}, by)
    assert not layout.open_questions, layout.open_questions
    assert not layout.problems, layout.problems
    with acting(by=by, origin="test"), transaction.atomic():
        kind.stage(job, book, layout, by, lambda count: None)
    return Staged(kind, job, layout)
