"""A file's way: received → read in a child process → understood by its kind → staged → shown. Writes no figures."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count
from django.utils.translation import gettext

from lvyuan.accounts.models import Role, User
from lvyuan.imports.book import Book, CutShort, RefusedFile
from lvyuan.imports.limited import run_limited
from lvyuan.imports.models import ImportJob, ImportProblem, RowStatus
from lvyuan.imports.problems import Problems
from lvyuan.imports.registry import ColumnUse, ImportRefused, Layout, Problem, Progress, Question, ShownRow, get_kind
from lvyuan.imports.table import SUFFIXES, Table
from lvyuan.ui.middleware import size_text

log = logging.getLogger(__name__)

MEMORY = 1024 * 1024 * 1024  # of the reading process
CPU_SECONDS = 120
WALL_SECONDS = 180
SMALL = 2 * 1024 * 1024  # bytes that are read while the sender waits; more is the worker's
FEW = 20_000  # figures that are written while the sender waits
PER_PAGE = 50
PASSING = (".rows", ".partial", ".reading", ".told")  # files that nothing depends on
REFUSING = ("mandatory", "quasi")  # severities that refuse a row
# Sees what the operator of the server sees, who signs in nowhere.
OPERATOR = User(username="operator", role=Role.ADMIN)


# The file


@dataclass(frozen=True, slots=True)
class Received:
    """A file on disk under a passing name; `keep` gives it its own, with what was read of it."""

    path: Path
    name: str
    suffix: str
    sha256: str
    size: int

    def keep(self) -> None:
        """Moves the file to its place, named by its content; a half-written one never gets there."""
        target = import_path(self.sha256)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        if _answer(self.path).exists():
            _answer(self.path).rename(_answer(target))
        self.path.rename(target)


def _folder() -> Path:
    folder = Path(settings.DATA_DIR) / "imports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def import_path(sha256: str) -> Path:
    """Where the file of a job is kept, readable by this service alone."""
    return _folder() / sha256[:2] / sha256


def _answer(path: Path) -> Path:
    """Where the child's answer about a file stands until the job is decided."""
    return path.with_name(f"{path.name}.rows")


def _private(path: Path) -> Any:
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


@contextmanager
def received(upload: UploadedFile[Any]) -> Iterator[Received]:
    """The upload as a file of ours; gone afterwards unless kept. Raises ImportRefused over the size limit."""
    upload.seek(0)
    with _received(upload.name or "", upload.chunks()) as file:
        yield file


@contextmanager
def received_path(path: Path) -> Iterator[Received]:
    """The same for a file of the server's own. Raises ImportRefused, OSError."""
    with open(path, "rb") as source, _received(path.name, iter(lambda: source.read(1 << 20), b"")) as file:
        yield file


@contextmanager
def _received(name: str, chunks: Iterable[bytes]) -> Iterator[Received]:
    suffix = suffix_of(name)
    partial = _folder() / f"{uuid.uuid4().hex}.partial"
    digest, size = hashlib.sha256(), 0
    try:
        with _private(partial) as target:
            for chunk in chunks:
                size += len(chunk)
                check_size(size)
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        yield Received(partial, name, suffix, digest.hexdigest(), size)
    finally:
        partial.unlink(missing_ok=True)
        _answer(partial).unlink(missing_ok=True)


def check_size(size: int) -> None:
    """Raises ImportRefused one byte over the limit."""
    if size > settings.IMPORT_LIMIT:
        raise ImportRefused(
            gettext("文件超过 %(import_limit)s 的上限，没有保存任何内容。%(split)s。")
            % {"import_limit": size_text(settings.IMPORT_LIMIT), "split": gettext("请拆分成几个文件再上传")}
        )


def suffix_of(name: str) -> str:
    """The lower-case suffix of a file that can be imported. Raises ImportRefused for any other."""
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ImportRefused(
            gettext("只接受 %(suffixes)s 文件。请另存为其中一种格式后再上传。")
            % {"suffixes": gettext("、").join(SUFFIXES)}
        )
    return suffix


# The book


def read(path: Path, suffix: str) -> Book:
    """The file's tables, read by a child process with limits; its answer stays beside the file.

    Raises ImportRefused with what the child says, or why it came to no end.
    """
    partial = path.with_name(f"{uuid.uuid4().hex}.reading")
    try:
        code = _run_child(path, suffix, partial)
        try:
            book = Book.open(partial)
        except RefusedFile as refused:
            raise ImportRefused(gettext(str(refused))) from refused
        except CutShort as error:
            raise ImportRefused(_died(code)) from error
        partial.rename(_answer(path))
        return book.at(_answer(path))
    finally:
        partial.unlink(missing_ok=True)


def book_of(job: ImportJob) -> Book:
    """The tables of a job's kept file, read again where the answer is gone. Raises ImportRefused."""
    path = import_path(job.sha256)
    if _answer(path).exists():
        return Book.open(_answer(path))
    if not path.exists():
        raise ImportRefused(gettext("上传的原文件已不在服务器上。请重新上传。"))
    return read(path, suffix_of(job.file_name))


def forget_answer(sha256: str) -> None:
    """Removes what was read of a file; it can be read again."""
    _answer(import_path(sha256)).unlink(missing_ok=True)


def forget_old_answers(*, older_than: float = 2 * 24 * 3600) -> int:
    """Removes what was read of files, or was left half-written, that many seconds ago; gives how many files."""
    count, oldest = 0, time.time() - older_than
    for path in _folder().rglob("*"):
        if path.suffix in PASSING and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _run_child(path: Path, suffix: str, target: Path) -> int:
    """Lets the child write its answer to `target` and gives how it ended. Raises ImportRefused after the time limit."""
    told = target.with_suffix(".told")
    try:
        with _private(target) as output, _private(told) as errors:
            # It answers into a file, so that no answer can fill our memory.
            done = run_limited(
                "lvyuan.imports.child",
                *(path, suffix, MEMORY, CPU_SECONDS),
                seconds=WALL_SECONDS,
                output=output,
                errors=errors,
            )
        with open(told, "rb") as errors:
            if said := errors.read(4000).decode("utf-8", "replace"):
                log.warning("reading %s ended with %s: %s", path.name[:12], done.returncode, said)
        return done.returncode
    except subprocess.TimeoutExpired as error:
        raise ImportRefused(_too_long(WALL_SECONDS)) from error
    finally:
        told.unlink(missing_ok=True)


def _too_long(seconds: int) -> str:
    return gettext("读取文件用时超过 %(seconds)s 秒，已停止。%(split)s。") % {
        "seconds": seconds,
        "split": gettext("请拆分成几个文件再上传"),
    }


def _died(code: int) -> str:
    """Why a child left no whole answer."""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return _too_long(CPU_SECONDS)
    if code == -signal.SIGXFSZ:
        return gettext("文件展开后过大，超过读取结果的上限。%(split)s。") % {"split": gettext("请拆分成几个文件再上传")}
    return gettext("文件展开后过大或内容损坏，读取中断。请另存后重试，或拆分成几个文件再上传。")


# Staging


def stage(job: ImportJob, book: Book, user: User, progress: Progress) -> None:
    """Fills the job's staged rows, problems and preview, and moves it on; runs inside an action, saves nothing else.

    With open questions or problems of the layout there are no staged rows.
    """
    kind = get_kind(job.kind)
    layout = kind.layout(book, job.answers, user)
    kind.staged(job).delete()
    job.problems.all().delete()
    if layout.open_questions or layout.problems:
        problems = Problems(job)
        problems.add_all(layout.problems)
        if not layout.open_questions:
            problems.add_all(_flaws(book))
        problems.save()
    else:
        kind.stage(job, book, layout, user, progress)
    job.state = ImportJob.State.ASKING if layout.open_questions else ImportJob.State.PREVIEWED
    job.preview = preview_of(job, book, layout)
    job.total = job.progress = book.total
    job.refusal = ""


def _flaws(book: Book) -> Iterator[Problem]:
    """Rows that could not be read: perhaps why nothing was found in the file."""
    for table in book.tables:
        for row in table.rows:
            if row.flaw is not None:
                yield Problem(
                    sheet=table.sheet,
                    line=row.line,
                    message=gettext(row.flaw.problem),
                    remedy=gettext(row.flaw.remedy),
                )


def preview_of(job: ImportJob, book: Book, layout: Layout) -> dict[str, Any]:
    """What the pages show of a staged job; `digest` is another after each staging."""
    counts = dict.fromkeys(RowStatus.values, 0)
    counts |= dict(get_kind(job.kind).staged(job).order_by().values_list("status").annotate(Count("pk")))
    severities = dict(job.problems.order_by().values_list("severity").annotate(Count("pk")))
    return {
        "counts": counts,
        "severities": severities,
        "columns": [_plain(use) for use in layout.columns],
        "questions": [_plain(question) for question in layout.questions],
        "hidden_sheets": book.hidden_sheets,
        "skipped": book.skipped,
        "tables": [_told(table) for table in book.tables],
        "digest": uuid.uuid4().hex,
    }


def _told(table: Table) -> dict[str, Any]:
    """What the page says of a table besides its columns."""
    names = ("number", "sheet", "unit", "header_line", "above")
    return {name: getattr(table, name) for name in names} | {"rows": len(table.rows)}  # type: ignore[arg-type]


def _plain(said: ColumnUse | Question) -> dict[str, Any]:
    """Field by field as JSON; labels in the language of the one who staged."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(said), cls=DjangoJSONEncoder))
    return plain


def columns_of(job: ImportJob) -> list[ColumnUse]:
    """What became of the file's columns, as last staged."""
    return [ColumnUse(**said) for said in job.preview.get("columns", [])]


def questions_of(job: ImportJob) -> list[Question]:
    """What the file leaves open, and what was answered, as last staged."""
    return [Question(**said) for said in job.preview.get("questions", [])]


# The preview


@dataclass(frozen=True, slots=True)
class Page:
    """Up to 50 staged rows, or problems where a group was asked for; `total` counts all of them."""

    number: int
    pages: int
    total: int
    rows: list[ShownRow] = field(default_factory=list)
    problems: list[ImportProblem] = field(default_factory=list)


def page(job: ImportJob, user: User, *, status: str = "", group: str | None = None, number: int = 1) -> Page:
    """One page of a job: its rows of that status, or its problems of that group ("" for all of them).

    The last page instead of one beyond it. A fixed number of queries, whatever the length of the file.
    """
    kind = get_kind(job.kind)
    if group is not None:
        problems = job.problems.filter(group=group) if group else job.problems.all()
        found, number, pages, total = _cut(problems, problems.count(), number)
        return Page(number, pages, total, problems=list(found))
    rows = kind.staged(job).filter(status=status) if status else kind.staged(job)
    counts = job.preview.get("counts", {})
    total = counts.get(status, 0) if status else sum(counts.values())
    found, number, pages, total = _cut(rows.order_by("seq"), total, number)
    return Page(number, pages, total, rows=kind.shown(list(found), user))


def _cut(found: Any, total: int, number: int) -> tuple[Any, int, int, int]:
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(1, number), pages)
    return found[(number - 1) * PER_PAGE : number * PER_PAGE], number, pages, total


@dataclass(frozen=True, slots=True)
class Group:
    """Problems that are alike but for their place."""

    name: str
    severity: str
    count: int


def groups(job: ImportJob) -> list[Group]:
    """The job's problems by what is alike in them, gravest and most frequent first; one query."""
    found = job.problems.order_by().values_list("group", "severity").annotate(Count("pk"))
    order = ["mandatory", "quasi", "verify", "hint"]
    return sorted(
        (Group(*one) for one in found), key=lambda group: (order.index(group.severity), -group.count, group.name)
    )


def is_refused(job: ImportJob) -> bool:
    """Whether something keeps the whole file from being confirmed: a refused row, or what refuses the table."""
    said = job.preview
    severities = said.get("severities", {})
    return bool(said.get("counts", {}).get("refused") or any(severities.get(one) for one in REFUSING))


def changes(job: ImportJob) -> int:
    """How many figures a confirmation would write."""
    counts = job.preview.get("counts", {})
    return int(counts.get("new", 0)) + int(counts.get("changed", 0))


def is_ready(job: ImportJob, *, valid_only: bool = False) -> bool:
    """Whether the job may be confirmed: nothing wrong, or only rows that are left out, and something to write."""
    return job.state == ImportJob.State.PREVIEWED and changes(job) > 0 and (valid_only or not is_refused(job))


def earlier(job: ImportJob) -> ImportJob | None:
    """The job that brought in the same file before and stands, if there is one."""
    found = ImportJob.objects.filter(kind=job.kind, sha256=job.sha256, state=ImportJob.State.CONFIRMED)
    return found.exclude(pk=job.pk).order_by("-confirmed_at").first()
