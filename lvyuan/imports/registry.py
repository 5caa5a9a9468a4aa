"""What can be imported: each app above registers its kinds here, so that the pipeline knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from django.utils.translation import gettext

from lvyuan.imports.table import Flaw, Table

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from lvyuan.accounts.models import User
    from lvyuan.imports.book import Book
    from lvyuan.imports.models import ImportJob, StagedRow

Answers: TypeAlias = Mapping[str, str]  # question code → what was chosen
Progress: TypeAlias = Callable[[int], object]  # told how many rows are done


class ImportRefused(Exception):
    """The file or the job cannot be taken; the text says what to do instead. Nothing was changed."""


class ImportConflict(ImportRefused):
    """The job or the figures have changed since the page was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at a place of the file; `line` 0 and `column` "" mean the whole sheet.

    `group` is the message without its particulars, by which the page gathers alike problems. `severity` is one of
    indicators.models.checks.Severity's values; "mandatory" refuses the row.
    """

    sheet: str = ""
    line: int = 0
    column: str = ""
    message: str
    remedy: str
    group: str = ""
    severity: str = "mandatory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What only the sender can say. `options` are (value, label); none means free text.

    `suggested` is offered, and never taken by itself. `told` is the answer given so far.
    """

    code: str
    text: str
    place: str = ""
    options: Sequence[tuple[str, str]] = ()
    suggested: str = ""
    told: str = ""
    is_remembered: bool = False  # the answer comes from the sender's last file of this shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnUse:
    """What became of one column, for the page: `use` is empty for an ignored one. `choices` can be picked instead.

    The page sends a choice as the answer `column:<table>:<letter or number>`.
    """

    table: int
    sheet: str
    letter: str
    name: str
    use: str = ""
    reason: str = ""  # why it is ignored, when there is more to say than that nothing knows it
    code: str = ""
    choices: Sequence[tuple[str, str]] = ()


@dataclass(slots=True, kw_only=True)
class Layout:
    """What a kind understood of a file before it reads the rows. Kinds extend it with what they need to read them.

    With open questions or problems nothing can be staged.
    """

    columns: list[ColumnUse] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def open_questions(self) -> list[Question]:
        return [question for question in self.questions if not question.told]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A staged row in words."""

    place: str
    key: str
    title: str
    period: str
    old: str
    new: str
    status: str


class Kind(Protocol):
    """One kind of content."""

    code: str
    label: Any  # shown in lists of kinds
    is_reviewed: bool  # its changes wait for a reviewer; otherwise they take effect on confirmation

    def may_import(self, user: User) -> bool:
        """Whether this person may bring in this kind at all."""
        ...

    def layout(self, book: Book, answers: Answers, user: User) -> Layout:
        """What is understood of the file's tables; writes nothing, a fixed number of queries."""
        ...

    def stage(self, job: ImportJob, book: Book, layout: Layout, user: User, progress: Progress) -> None:
        """Fills the job's staged rows and problems, inside the caller's transaction."""
        ...

    def staged(self, job: ImportJob) -> QuerySet[Any]:
        """The job's staged rows, in the file's order."""
        ...

    def shown(self, rows: Iterable[StagedRow], user: User) -> list[ShownRow]:
        """These rows in words; a fixed number of queries."""
        ...

    def commit(self, job: ImportJob, by: User) -> object:
        """Does what is staged as new or changed, inside the caller's transaction. Raises ImportRefused."""
        ...

    def undo_obstacles(self, job: ImportJob, user: User) -> list[str]:
        """Why the job cannot be undone now, each with its remedy; empty when it can."""
        ...

    def undo(self, job: ImportJob, by: User, reason: str) -> object:
        """Takes the job's changes back, inside the caller's transaction. Raises ImportRefused."""
        ...

    def outcome(self, job: ImportJob, user: User) -> Model | None:
        """What became of the job, if this user may see it."""
        ...


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Makes a kind known; called once at start by the app it belongs to."""
    _kinds[kind.code] = kind


def get_kind(code: str) -> Kind:
    """The kind of that code. Raises ImportRefused."""
    if code not in _kinds:
        raise ImportRefused(gettext("没有这种导入内容。请从列表中选择。"))
    return _kinds[code]


def kinds() -> list[Kind]:
    """All kinds, in the order of registration."""
    return list(_kinds.values())


# What the old way still needs; goes when observations are staged.

Status = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column by the header names it may have; messages use the first."""

    names: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One row and what it would do. `said` is all it says, as texts; `payload` is for the kind's commit."""

    line: int
    key: str
    title: str
    period: str
    old: str
    new: str
    status: Status
    said: Mapping[str, str]
    payload: object


@dataclass(slots=True)
class Plan:
    """All that a file would do; with any problem or question it can do nothing."""

    rows: list[PlanRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    @property
    def changes(self) -> list[PlanRow]:
        """The rows that would write something."""
        return [row for row in self.rows if row.status != "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanKind:
    """One kind of content.

    `plan` compares a table with the database, in a fixed number of queries, and writes nothing. `commit`
    writes the plan's changes and moves the job to CONFIRMED, inside the caller's transaction; it raises
    ImportRefused or PermissionDenied. `outcome` is what became of a job, if this user may see it.
    """

    code: str
    label: str
    plan: Callable[[Table, User], Plan]
    commit: Callable[[ImportJob, Sequence[PlanRow], User], object]
    outcome: Callable[[ImportJob, User], Model | None]


# From a table's columns to records


@dataclass(frozen=True, slots=True)
class Record:
    """One row by the kind's own column names; absent columns and empty cells are ""."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


def records(table: Table, columns: Mapping[str, Column]) -> tuple[list[Record], Plan]:
    """The readable rows, and a plan that holds the problems of the others and the ignored columns.

    Header names are compared exactly. No row comes back while a column is missing or there twice.
    """
    plan = Plan(questions=list(table.questions))
    if table.questions:
        return [], plan
    places: dict[str, int] = {}
    by_header = {header: name for name, column in columns.items() for header in column.names}
    for place, header in enumerate(table.header):
        name = by_header.get(header)
        if name is None:
            plan.ignored_columns.append(header or (gettext("第 %(place)s 列（无表头）") % {"place": place + 1}))
        elif name in places:
            message = gettext("“%(header)s”和“%(header_2)s”是同一项内容，不能确定用哪一列") % {
                "header": table.header[places[name]],
                "header_2": header,
            }
            plan.problems.append(
                Problem(line=table.header_line, column=header, message=message, remedy=gettext("请只保留其中一列"))
            )
        else:
            places[name] = place
    missing = [column.names[0] for name, column in columns.items() if column.required and name not in places]
    if missing:
        there = gettext("、").join(f"“{header}”" for header in table.header if header)
        plan.problems.append(
            Problem(
                line=table.header_line,
                message=gettext("缺少%(missing)s列；现有的列是：%(there)s")
                % {"missing": gettext("、").join(f"“{name}”" for name in missing), "there": there},
                remedy=gettext("请在第一行写明这些列名，表名和填表说明请删去"),
            )
        )
    if plan.problems:
        return [], plan
    found = []
    for row in table.rows:
        problems = (
            [Problem(line=row.line, message=gettext(row.flaw.problem), remedy=gettext(row.flaw.remedy))]
            if row.flaw
            else []
        )
        cells = {}
        for name, place in places.items():
            cell = row.cells[place]
            if isinstance(cell, Flaw):
                column = table.header[place]
                problems.append(Problem(line=row.line, column=column, message=cell.problem, remedy=cell.remedy))
            else:
                cells[name] = cell
        if problems:
            plan.problems += problems
        else:
            found.append(Record(row.line, cells))
    return found, plan
