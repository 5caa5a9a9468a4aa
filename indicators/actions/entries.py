"""What departments write: the lines of a form, single cells as they are typed, and papers."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db.models import FilteredRelation, Q
from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.moves import START, locked
from indicators.cells import COLUMNS, MAX_LENGTH, Cell, shown_text, shown_texts, write_cell
from indicators.evidence import check_evidence, evidence_name, store_evidence
from indicators.grid import Pool, pool_of, pool_row
from indicators.locks import Address, Lock, locks, returned_rows, returns_of
from indicators.models import Entry, Evidence, Indicator, Round, Submission
from indicators.models.fields import period_columns
from indicators.obligations import Obligation, assignments, obligation, owed
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.audit.context import action
from lvyuan.periods import Period
from lvyuan.ui.words import period_label

State = Submission.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one line of a form says: columns are Entry's figure columns, `unread` is what is no figure, as typed."""

    indicator: Indicator
    period: Period
    district: District
    columns: dict[str, object]
    unread: dict[str, str] = field(default_factory=dict)


@action
def save_entries(
    *, by: User, round: Round, department: Department, drafts: Sequence[Draft], row_version: int
) -> Submission:
    """Saves one department's lines of a round; all or nothing.

    Raises NotAllowed for people of other departments, Refused when a lock holds, Conflict when the form was
    saved by somebody else since it was opened (`row_version`).
    """
    submission, now = _opened(by, round.code, department)
    due = {(one.district.pk, one.indicator.pk, one.period): one for one in owed(round, department)}
    held = locks(round, department, submission, due.values(), now=now)
    if held.form:
        raise Refused(gettext("%(message)s没有保存任何内容。") % {"message": held.form.message})
    if submission.row_version != row_version:
        raise Conflict(gettext("这张表在您打开之后已被同事保存过。请核对最新内容后重新填写，您刚才的修改没有保存。"))
    open_drafts = []
    for draft in drafts:
        obligation = due.get((draft.district.pk, draft.indicator.pk, draft.period))
        if obligation is None:
            what = f"“{draft.indicator}”{period_label(draft.period)}"
            raise NotAllowed(
                gettext("%(what)s不由%(department)s在这次任务中填报，没有保存任何内容。")
                % {"what": what, "department": department}
            )
        if held.line(obligation) is None:
            open_drafts.append(draft)
    save_drafts(submission, open_drafts, by, now)
    _touch(submission)
    return submission


def _opened(by: User, code: str, department: Department) -> tuple[Submission, dt.datetime]:
    """The department's submission in the round of that code, made where missing, locked; and the moment after.

    Raises NotAllowed, Round.DoesNotExist.
    """
    if not by.has_role(Role.STAFF) or by.department_id != department.pk:
        raise NotAllowed(gettext("只有本单位的填报员可以填写这张表，没有保存任何内容。"))
    found = (
        Submission.objects.select_for_update(of=("self",))
        .select_related("round__district")
        .filter(round__code=code, round__district=department.district_id, department=department)
    )
    submission = found.first()
    if submission is None:
        round = Round.objects.get(code=code, district=department.district_id)
        Submission.objects.get_or_create(round=round, department=department)
        submission = found.get()
    submission.department = department
    return submission, timezone.now()  # only now: whoever waited for the lock saves later


def _touch(submission: Submission) -> None:
    """Counts the change; the first begins the form, which the cell itself tells: no transition is written."""
    submission.row_version += 1
    changed = ["row_version"]
    if submission.state in START.from_states:
        submission.state = START.to_state
        changed.append("state")
    submission.save(update_fields=changed)


def save_drafts(submission: Submission, drafts: Sequence[Draft], by: User, now: dt.datetime) -> None:
    """Writes what the drafts change, in a fixed number of queries; an unchanged line keeps its author."""
    saved = {(e.district_id, e.indicator_id, *e.period_key): e for e in submission.entries.all()}
    new: list[Entry] = []
    changed: list[Entry] = []
    for draft in drafts:
        columns = period_columns(draft.period)
        address = (draft.district.pk, draft.indicator.pk, *columns.values())
        entry = saved.get(address) or Entry(
            submission=submission, district=draft.district, indicator=draft.indicator, **columns
        )
        if entry.pk and entry.unread == draft.unread and _same_digits(entry, draft.columns):
            continue
        for name, value in draft.columns.items():
            setattr(entry, name, value)
        entry.unread = draft.unread
        if not entry.pk and entry.is_blank and not (entry.note or entry.null_reason or entry.unread):
            continue
        entry.edited_by, entry.edited_at = by, now
        entry.clean_fields(exclude=_ENTRY_LINKS)
        (changed if entry.pk else new).append(entry)
    Entry.objects.bulk_create(new, batch_size=2_000)
    if changed:
        names = {name for draft in drafts for name in draft.columns}
        Entry.objects.bulk_update(changed, [*names, "unread", "edited_by", "edited_at"], batch_size=500)


_ENTRY_LINKS = {"submission", "indicator", "district", "edited_by", "source", "rank_pool"}


def _same_digits(entry: Entry, columns: dict[str, object]) -> bool:
    """Equal, where 17 and 17.0 differ: the digits are part of what is said."""
    return all(str(getattr(entry, name)) == str(value) for name, value in columns.items())


# Cells, saved one by one while they are typed


class Outcome(StrEnum):
    SAVED = "saved"
    INVALID = "invalid"  # kept as typed; cannot be handed in
    CONFLICT = "conflict"  # somebody else wrote there meanwhile; `text` is theirs, nothing was changed
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class SavedCell:
    """What became of a cell: its text as it stands now, and why where that is not what was typed.

    `also`: what changed with it in other fields of the line, by field.
    """

    cell: Cell
    outcome: Outcome
    text: str
    message: str = ""
    by: str = ""
    also: Mapping[str, str] = field(default_factory=dict)


@action
def save_cells(
    *, by: User, code: str, department: Department, cells: Sequence[Cell]
) -> tuple[Submission, list[SavedCell]]:
    """Saves cells of the round of that code one by one: a bad or contested one keeps no other from being saved.

    A cell is written only over the text that its writer saw (`seen`), so nobody's entry is lost. Raises
    Round.DoesNotExist, NotAllowed for people of other departments or a line they do not owe; locks are answered
    cell by cell. Four queries where the form was begun and neither closed nor released.
    """
    submission, now = _opened(by, code, department)
    assert submission.round is not None
    lines = _lines(submission, submission.round, department, {cell.indicator for cell in cells})
    if missing := {cell.indicator for cell in cells} - set(lines.owing):
        raise NotAllowed(
            gettext("“%(missing)s”不由%(department)s在这次任务中填报，没有保存任何内容。")
            % {"missing": gettext("、").join(sorted(missing)), "department": department}
        )
    held = locks(submission.round, department, submission, lines.owing.values(), now=now, returned=lines.returned)
    done: list[SavedCell] = []
    written: dict[str, Entry] = {}
    stood = {code: shown_texts(entry) for code, entry in lines.entries.items()}
    for cell in cells:
        owing, entry = lines.owing[cell.indicator], lines.entries[cell.indicator]
        before = shown_texts(entry)
        lock, has_seen = held.line(owing), cell.seen == stood[cell.indicator][cell.field]
        saved = _write(entry, cell, lock, has_seen=has_seen, unit=owing.unit, pool=lines.pool)
        after = shown_texts(entry)
        if after != before:
            entry.edited_by, entry.edited_at = by, now
            written[cell.indicator] = entry
        also = {name: text for name, text in after.items() if name != cell.field and text != before[name]}
        done.append(replace(saved, also=also))
    if written:
        names = {name for cell in cells for name in COLUMNS[cell.field]}
        changed = [entry for entry in written.values() if entry.pk is not None]
        Entry.objects.bulk_create(entry for entry in written.values() if entry.pk is None)
        if changed:
            Entry.objects.bulk_update(changed, [*names, "unread", "edited_by", "edited_at"])
        _touch(submission)
    return submission, done


@dataclass(frozen=True, slots=True)
class _Lines:
    """Some lines of a form as they are under its lock, by indicator code."""

    owing: dict[str, Obligation]
    entries: dict[str, Entry]  # unsaved where nothing was written yet
    pool: Pool | None
    returned: set[Address]


def _lines(submission: Submission, round: Round, department: Department, codes: set[str]) -> _Lines:
    """The lines with their entries and who wrote them, the rank pool and partial returns, all in one query."""
    found = (
        assignments([round], department, codes=codes)
        .annotate(
            draft=FilteredRelation("indicator__entries", condition=Q(indicator__entries__submission=submission)),
            pool=pool_row(),
            returned=returned_rows(submission),
        )
        .select_related("draft__edited_by")  # type: ignore[misc]  # the filtered relation above
    )
    owing: dict[str, Obligation] = {}
    entries: dict[str, Entry] = {}
    pool, returned = None, set()
    for row in found:
        one = obligation(round, row)
        if one is None:
            continue
        code, columns = one.indicator.code, period_columns(one.period)
        pool, returned = pool_of(row.pool), set(returns_of(row.returned))
        owing[code] = one
        draft = getattr(row, "draft", None)
        if draft is not None and draft.period == one.period:
            entries[code] = draft
        else:
            blank = Entry(submission=submission, district=one.district, indicator=one.indicator, **columns)
            entries.setdefault(code, blank)
    return _Lines(owing, entries, pool, returned)


def _write(entry: Entry, cell: Cell, lock: Lock | None, *, has_seen: bool, unit: str, pool: Pool | None) -> SavedCell:
    """One cell's outcome; changes the entry, unsaved, unless locked or contested.

    Who writes what stands there already contests nothing: their last answer may have been lost on the way.
    """
    stands, text = shown_text(entry, cell.field), cell.typed
    if lock:
        return SavedCell(cell, Outcome.LOCKED, stands, lock.message)
    if len(text) > MAX_LENGTH:
        return SavedCell(
            cell,
            Outcome.INVALID,
            stands,
            gettext("内容超过%(max_length)s字，没有保存，请缩短。") % {"max_length": MAX_LENGTH},
        )
    if not has_seen:
        draft = copy(entry)
        draft.unread = dict(entry.unread)
        write_cell(draft, cell.field, text, unit=unit, pool=pool)
        if shown_text(draft, cell.field) != stands:
            said = gettext("同事刚刚改过这一格，请选择保留哪一个。")
            return SavedCell(cell, Outcome.CONFLICT, stands, said, str(entry.edited_by))
    problem = write_cell(entry, cell.field, text, unit=unit, pool=pool)
    return SavedCell(cell, Outcome.INVALID if problem else Outcome.SAVED, shown_text(entry, cell.field), problem)


@action
def add_evidence(*, by: User, entry: Entry, upload: UploadedFile[Any]) -> Evidence:
    """Attaches a file to an entry of one's own department's open form; content decides the type.

    Raises NotAllowed, Refused (locked, type not allowed, too large, already there).
    """
    submission = locked([entry.submission])[0]
    if not by.has_role(Role.STAFF) or submission.department_id != by.department_id:
        raise NotAllowed(gettext("只有本单位的填报员可以上传佐证材料，没有保存任何内容。"))
    assert submission.round is not None  # staff see no imports
    assert submission.department is not None
    owing = owed(submission.round, submission.department, codes=[entry.indicator.code])
    held = locks(submission.round, submission.department, submission, owing)
    if lock := held.form or next(iter(held.lines.values()), None):
        raise Refused(gettext("%(message)s材料没有保存。") % {"message": lock.message})
    content_type = check_evidence(upload)
    digest = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type]
    if entry.evidence.filter(sha256=digest).exists():
        raise Refused(gettext("这份文件已经上传过。"))
    store_evidence(upload, digest)
    return Evidence.objects.create(
        entry=entry,
        name=evidence_name(upload.name or "附件", content_type),
        content_type=content_type,
        size=upload.size or 0,
        sha256=digest,
        added_by=by,
    )
