"""A kind of definitions: rows → entries of a fixture → the fixtures' own loader, first in rehearsal, then for good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from django.db import connection, models, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext

from lvyuan.accounts.loading import FixtureError, Folder, Row
from lvyuan.accounts.models import Role, User
from lvyuan.imports.asking import listed
from lvyuan.imports.models import ImportJob, RowStatus, StagedRecord, StagedRow
from lvyuan.imports.pipeline import OPERATOR
from lvyuan.imports.problems import Problems
from lvyuan.imports.records.fields import Codes, Field
from lvyuan.imports.records.layout import RecordLayout, lay_out, likeness, missing_columns
from lvyuan.imports.records.reading import (
    Entry,
    Key,
    Read,
    in_order,
    read_key,
    read_rest,
    read_rows,
    refuse_duplicates,
    refuse_incomplete,
)
from lvyuan.imports.records.undoing import Undoing
from lvyuan.imports.registry import (
    Answers,
    ImportConflict,
    ImportRefused,
    Layout,
    PreviewOutdated,
    Problem,
    Progress,
    ShownRow,
)
from lvyuan.imports.table import Table

KEY_MARK = "/"


class Rehearsed(Folder):
    """Entries of one section in memory, each loaded in a savepoint: what one refuses does not stop the others.

    An import is a person's deed and wins over whatever stands. `refused` are (field, problem) by place.
    """

    def __init__(self, file: str, section: str, entries: Sequence[Entry]) -> None:
        super().__init__(Path(file), {file: {section: list(entries)}})
        self.refused: dict[int, list[tuple[str, str]]] = {}
        self.on_done: Callable[[int], object] = lambda count: None

    def each(self, file: str, key: str, put: Callable[[Row], object]) -> None:
        for place, row in enumerate(self.rows(file, key)):
            try:
                with transaction.atomic():
                    put(row)
                    row.end()
            except FixtureError as error:
                self.refused[place] = error.problems or [("", str(error))]
            self.on_done(place + 1)

    def is_ours(self, instance: models.Model) -> bool:
        return True

    def removed(self, model: type[models.Model], target: str, **shared: models.Model) -> set[int]:
        return set()


class RecordKind:
    """Satisfies registry.Kind. A kind says what its columns are, how stored objects read as entries, and which loader
    takes them; the rest is the same for all.
    """

    code: ClassVar[str]
    label: ClassVar[Any]
    about: ClassVar[Any] = ""
    is_reviewed: ClassVar[bool] = False
    model: ClassVar[type[models.Model]]
    file: ClassVar[str]
    section: ClassVar[str]
    key: ClassVar[tuple[str, ...]]  # fields
    lookups: ClassVar[Mapping[str, str]]  # key field → how the model is filtered by it
    fields: ClassVar[Sequence[Field]]
    parent: ClassVar[str] = ""  # the field by which records of one file refer to each other
    unseen: ClassVar[frozenset[str]] = frozenset()  # columns whose change is nobody's deed

    # What a kind says

    def codes(self) -> dict[str, Codes]:
        """What people may write for things, by the names that the fields use; a fixed number of queries."""
        return {}

    def suggested(self) -> dict[str, str]:
        """Suggestions for fields that the file may not have."""
        return {}

    def entry_of(self, found: Any) -> Entry:
        """A stored object as its entry: everything the loader reads."""
        raise NotImplementedError  # pragma: no cover - every kind answers

    def load(self, folder: Folder, by: User) -> None:
        """Runs the loader over the folder's entries."""
        raise NotImplementedError  # pragma: no cover - every kind answers

    def found(self, keys: Iterable[Key]) -> QuerySet[Any]:
        """The stored objects that may have these keys, and perhaps others."""
        told = list(keys)
        return self.model._default_manager.filter(
            **{f"{self.lookups[name]}__in": {key[place] for key in told} for place, name in enumerate(self.key)}
        )

    def complete(self, said: Entry, before: Entry) -> Entry:
        """The loader's entry for what a row says of a record that stands as `before` (empty for a new one)."""
        return {**before, **said}

    def prepare(self, job: ImportJob, entries: Sequence[Entry]) -> None:
        """Stores what the entries refer to and only this job brings."""

    def objections(self, before: Entry, after: Entry, by: User) -> Iterable[tuple[str, str, str]]:
        """(field, message, remedy) of what the person may not do by a file though the loader would."""
        return ()

    def whole(self, found: Any) -> list[models.Model]:
        """All that goes when a new record goes, in the order in which it can go."""
        return [found]

    def undo_objections(self, found: Any, row: StagedRecord, by: User) -> list[str]:
        """Why this record cannot be put back, besides later changes and what refers to it."""
        return []

    def surplus(self, found: Any, before: Entry) -> list[models.Model]:
        """Parts of an object that it did not have when it stood as `before`."""
        return []

    def restore(self, entries: Sequence[Entry], by: User, reason: str, job: ImportJob) -> list[str]:
        """Puts records back; gives what could not be done."""
        folder = Rehearsed(self.file, self.section, entries)
        self.load(folder, by)
        return [problem for problems in folder.refused.values() for _field, problem in problems]

    # The pipeline's side

    def may_import(self, user: User) -> bool:
        return user.has_role(Role.ADMIN)

    def likeness(self, tables: Iterable[Table]) -> float:
        """How much this kind understands of a file, 0 for nothing; no query."""
        return likeness(tables, self.fields, self.key, (self.section, self.model._meta.label_lower))

    def layout(self, book: Any, answers: Answers, user: User) -> RecordLayout:
        tables = list(book.tables)
        names = (self.section, self.model._meta.label_lower)
        return lay_out(tables, self.fields, self.key, answers, self.codes(), self.suggested(), names, str(self.label))

    def stage(self, job: ImportJob, book: Any, layout: Layout, user: User, progress: Progress) -> None:
        assert isinstance(layout, RecordLayout)
        codes, fields = layout.codes, self._fields
        reads = read_rows(layout.tables, fields)
        for read in reads:
            read_key(read, self.key, fields, codes)
        befores = self.stored(read.key for read in reads if read.key)
        for read in reads:
            read_rest(read, self.key, fields, codes, befores.get(read.key or (), {}))
        refuse_duplicates(reads)
        headers = self._headers(refuse_incomplete(reads, self.fields, befores))
        ready = [read for read in in_order(reads, self.parent) if not read.problems and not read.is_refused]
        afters = self._rehearse(job, ready, befores, user, progress)
        self._store(job, reads, befores, afters, headers)

    def staged(self, job: ImportJob) -> QuerySet[Any]:
        return StagedRecord.objects.filter(job=job)

    def shown(self, rows: Iterable[StagedRow], user: User) -> list[ShownRow]:
        codes = self.codes()
        return [self._shown(row, codes) for row in rows if isinstance(row, StagedRecord)]

    def commit(self, job: ImportJob, by: User | None) -> object:
        rows = list(self.staged(job).filter(status__in=[RowStatus.NEW, RowStatus.CHANGED]).order_by("seq"))
        keys = [self.key_of(row.data) for row in rows]
        # Locked first and compared then: nobody changes them between the look and the deed.
        list(self.found(keys).select_for_update(of=("self",)))
        now = self.stored(keys)
        moved = [row for row, key in zip(rows, keys, strict=True) if now.get(key, {}) != row.before]
        if moved:
            raise PreviewOutdated(
                gettext("预览之后有人改了%(rows)s，没有导入任何内容。下面是重新核对的结果，请看过后再确认。")
                % {"rows": gettext("、").join(f"“{row.key}”" for row in moved[:5])}
            )
        entries = [row.data for row in rows]
        folder = Rehearsed(self.file, self.section, entries)
        self.prepare(job, entries)
        self.load(folder, by or OPERATOR)
        for place, problems in folder.refused.items():
            raise ImportRefused(
                gettext("第 %(line)s 行没有导入：%(problem)s。没有导入任何内容，请改正后重新上传。")
                % {"line": rows[place].line, "problem": problems[0][1].rstrip("。")}
            )
        return folder.tally

    def undo_obstacles(self, job: ImportJob, user: User) -> list[str]:
        return Undoing(self, job).obstacles(user)

    def undo(self, job: ImportJob, by: User, reason: str) -> object:
        undoing = Undoing(self, job)
        if obstacles := undoing.obstacles(by):
            raise ImportConflict(gettext("不能撤销：%(obstacles)s") % {"obstacles": gettext("；").join(obstacles)})
        undoing.undo(by, reason)
        return None

    def outcomes(self, jobs: Collection[ImportJob], user: User) -> Mapping[int, models.Model]:
        return {}

    # Inside

    @property
    def _fields(self) -> dict[str, Field]:
        return {one.name: one for one in self.fields}

    def key_of(self, entry: Entry) -> Key:
        """What tells the entry's record apart."""
        return tuple(str(entry[name]) for name in self.key)

    def stored(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """What stands now, by key; only those asked for."""
        wanted = set(keys)
        entries = [self.entry_of(found) for found in self.found(wanted)] if wanted else []
        return {key: entry for entry in entries if (key := self.key_of(entry)) in wanted}

    def _headers(self, missing: Mapping[tuple[int, str], Sequence[Read]]) -> list[Problem]:
        """One problem for each column that new rows miss altogether; its rows are refused with it."""
        problems = []
        for (_table, name), reads in missing.items():
            lines = listed(str(read.line) for read in reads)
            why = gettext("（第 %(lines)s %(unit)s是新增的，须写明）") % {
                "lines": lines,
                "unit": reads[0].mapped.table.unit,
            }
            problem = missing_columns(reads[0].mapped.table, [self._fields[name]], why)
            problems.append(problem)
            for read in reads:
                read.is_refused = True
        return problems

    def _rehearse(
        self,
        job: ImportJob,
        ready: Sequence[Read],
        befores: Mapping[Key, Entry],
        user: User,
        progress: Progress,
    ) -> dict[Key, Entry]:
        """What the rows would make of the records; all of it is rolled back. Refused rows learn why."""
        entries = [self.complete(read.said, befores.get(read.key or (), {})) for read in ready]
        folder = Rehearsed(self.file, self.section, entries)
        folder.on_done = progress
        with transaction.atomic():
            self.prepare(job, entries)
            self.load(folder, user)
            connection.check_constraints()
            afters = self.stored(read.key for read in ready if read.key)
            transaction.set_rollback(True)
        for place, problems in folder.refused.items():
            for name, problem in problems:
                self._refuse(ready[place], name, problem)
        for read in ready:
            before, after = befores.get(read.key or (), {}), afters.get(read.key or (), {})
            for name, message, remedy in self.objections(before, after, user) if not read.problems else ():
                read.refuse(name, message, remedy)
        return afters

    def _refuse(self, read: Read, name: str, problem: str) -> None:
        """A refusal of the loader, in the words of the column."""
        name = name.rpartition(".")[2]
        one = self._fields.get(name)
        message, remedy = problem.rstrip("。"), gettext("请改正这一行后重新上传")
        if one:
            message = gettext("“%(field)s”一栏：%(problem)s") % {"field": one.title, "problem": message}
            remedy = gettext("请改正“%(field)s”后重新上传") % {"field": one.title}
        read.refuse(name, message, remedy, gettext("“%(field)s”一栏有误") % {"field": one.title} if one else "")

    def _store(
        self,
        job: ImportJob,
        reads: Sequence[Read],
        befores: Mapping[Key, Entry],
        afters: Mapping[Key, Entry],
        headers: Sequence[Problem],
    ) -> None:
        rows, problems = [], list(headers)
        for seq, read in enumerate(self._in_file_order(reads), 1):
            problems += read.problems
            before = befores.get(read.key or (), {})
            is_refused = bool(read.problems) or read.is_refused
            after = read.said if is_refused else afters.get(read.key or (), {})
            status = RowStatus.REFUSED
            if not is_refused:
                status = RowStatus.NEW if not before else RowStatus.SAME if before == after else RowStatus.CHANGED
            rows.append(
                StagedRecord(
                    job=job,
                    seq=seq,
                    sheet=read.mapped.table.sheet[:80],
                    line=read.line,
                    key=KEY_MARK.join(read.key or ())[:160],
                    status=status,
                    data=after,
                    before=before,
                )
            )
        StagedRecord.objects.bulk_create(rows, batch_size=1000)
        noted = Problems(job)
        noted.add_all(problems)
        noted.save()

    def _in_file_order(self, reads: Sequence[Read]) -> list[Read]:
        """As they stand in the file, but parents before children, so that a commit can go down the list."""
        ordered = in_order([read for read in reads if not read.problems], self.parent)
        places = {id(read): place for place, read in enumerate(ordered)}
        return sorted(reads, key=lambda read: places.get(id(read), -1)) if self.parent else list(reads)

    def _shown(self, row: StagedRecord, codes: Mapping[str, Codes]) -> ShownRow:
        names = [one for one in self.fields if one.name in row.data or one.name in row.before]
        if row.status == RowStatus.CHANGED:
            names = [one for one in names if row.data.get(one.name) != row.before.get(one.name)]
        old = [(one.title, one.in_words(row.before.get(one.name), codes)) for one in names]
        new = [(one.title, one.in_words(row.data.get(one.name), codes)) for one in names]
        place = Table(sheet=row.sheet).place(row.line)
        return ShownRow(
            place=place,
            key=row.key,
            title=str(row.data.get("name") or row.before.get("name") or row.key),
            period="",
            old=_told(old, keep_empty=row.status == RowStatus.CHANGED) if row.before else "",
            new=_told(new, keep_empty=row.status == RowStatus.CHANGED),
            status=row.status,
        )


def _told(pairs: Iterable[tuple[str, str]], *, keep_empty: bool) -> str:
    empty = gettext("（空）")
    shown = [f"{title}：{value or empty}" for title, value in pairs if value or keep_empty]
    return gettext("；").join(shown)
