"""What can be imported: each app above registers its kinds here, so that the pipeline knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from django.utils.translation import gettext

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


class PreviewOutdated(ImportConflict):
    """What was staged, or seen, no longer holds; unless that `is_staged` already, the pipeline stages anew."""

    def __init__(self, text: str, *, is_staged: bool = False) -> None:
        super().__init__(text)
        self.is_staged = is_staged


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

    The page sends a choice as the answer `code`, which is `column:<table>:<letter or number>`.
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
    about: Any  # what such a file says, in one sentence
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

    def commit(self, job: ImportJob, by: User | None) -> object:
        """Does what is staged as new or changed, inside the caller's transaction; the caller moves the job on.

        `by` is None for the operator of the server. Raises PreviewOutdated when what was staged no longer fits the
        database, ImportRefused.
        """
        ...

    def undo_obstacles(self, job: ImportJob, user: User) -> list[str]:
        """Why the job cannot be undone now, each with its remedy; empty when it can."""
        ...

    def undo(self, job: ImportJob, by: User, reason: str) -> object:
        """Takes the job's changes back, inside the caller's transaction. Raises ImportRefused."""
        ...

    def outcomes(self, jobs: Collection[ImportJob], user: User) -> Mapping[int, Model]:
        """What became of the jobs, by their numbers, as far as this user may see it; at most one query."""
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
    """All kinds: figures first, then definitions in the order of registration."""
    return sorted(_kinds.values(), key=lambda kind: not kind.is_reviewed)


def guess_kind(book: Book) -> str:
    """The code of the kind whose columns the file's best table has; empty when none fits, or two alike.

    A kind that can tell has a method `likeness`, which takes tables and gives 0 for none of its own.
    """
    tables = list(book.tables)
    told = [(getattr(kind, "likeness", lambda tables: 0.0)(tables), kind.code) for kind in kinds()]
    best = sorted(told, reverse=True)[:2]
    return best[0][1] if best and best[0][0] > 0 and best[0][0] != best[-1][0] else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column by the header names it may have; messages use the first."""

    names: tuple[str, ...]
    required: bool = False
