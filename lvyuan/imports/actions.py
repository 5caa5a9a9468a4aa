"""What people do with an import: upload, answer, confirm, give up, undo. Files are read before the transaction.

Each step of a job is one transaction: whatever dies at any moment leaves the job before the step or after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from procrastinate.exceptions import AlreadyEnqueued

from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
from lvyuan.imports import pipeline
from lvyuan.imports.book import Book
from lvyuan.imports.mappings import remember
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportConflict, ImportRefused, Kind, PreviewOutdated, Progress, get_kind
from lvyuan.imports.working import be_patient, busy, hold, is_worked_on, queueing_lock, working

NAME_LENGTH = 160
State = ImportJob.State
OPEN = (State.READING, State.ASKING, State.PREVIEWED)


def _check_admin(by: User) -> None:
    if not by.is_active or not by.has_role(Role.ADMIN):
        raise PermissionDenied(gettext("只有管理员可以导入数据，没有保存任何内容。"))


def _check_may(by: User | None, kind: Kind) -> None:
    if by is None:  # the operator of the server
        return
    _check_admin(by)
    if not kind.may_import(by):
        raise PermissionDenied(gettext("您不能导入“%(kind)s”，没有保存任何内容。") % {"kind": kind.label})


def _check_open(by: User | None, job: ImportJob, deed: str, *states: str) -> None:
    if by is not None:
        _check_admin(by)
        if job.created_by_id != by.pk:
            raise PermissionDenied(gettext("只有上传这份文件的人可以%(deed)s，没有改变任何内容。") % {"deed": deed})
    if job.state not in states:
        raise ImportConflict(
            gettext("这次导入已是“%(state)s”，不能再%(deed)s。") % {"state": job.get_state_display(), "deed": deed}
        )


def _locked(job: ImportJob) -> ImportJob:
    return ImportJob.objects.select_for_update().get(pk=job.pk)


def _no_progress(done: int) -> None:
    """Nobody watches what is done at once."""


# A file comes in


def upload_file(*, by: User, upload: UploadedFile[Any], kind: str) -> tuple[ImportJob, bool]:
    """Keeps an upload as a job, staged or with its questions; True when the job is a new one.

    A large file is left to the worker. The same bytes, still waiting for the same person's decision, give that job
    back, staged anew. Raises PermissionDenied, or ImportRefused when the file cannot be read; then nothing is kept.
    """
    _check_may(by, get_kind(kind))
    with pipeline.received(upload) as file:
        return take_file(by=by, file=file, kind=kind, at_once=file.size <= pipeline.SMALL)


def take_file(*, by: User | None, file: pipeline.Received, kind: str, at_once: bool) -> tuple[ImportJob, bool]:
    """The same for a file that is here already; `by` is None for the operator of the server."""
    _check_may(by, get_kind(kind))
    book = pipeline.read(file.path, file.suffix) if at_once else None
    job, is_new = _keep(by=by, file=file, kind=kind, book=book)
    return job, is_new


@action
def _keep(*, by: User | None, file: pipeline.Received, kind: str, book: Book | None) -> tuple[ImportJob, bool]:
    if by is not None:
        # One upload of a person at a time: two clicks must not make two jobs.
        User.objects.select_for_update(of=("self",)).get(pk=by.pk)
    same = ImportJob.objects.filter(created_by=by, kind=kind, sha256=file.sha256)
    waiting = same.filter(state__in=[*OPEN, State.CONFIRMING]).first()
    if waiting and (waiting.state == State.CONFIRMING or is_worked_on(waiting)):
        return waiting, False
    job = waiting or ImportJob(created_by=by, kind=kind, sha256=file.sha256, size=file.size)
    job.file_name = file.name[-NAME_LENGTH:]
    job.full_clean(exclude=["created_by"])
    job.save()
    if book is None:
        _leave_to_worker(job, State.READING)
    else:
        _fill(job, book, by, _no_progress)
    file.keep()
    return job, waiting is None


@action
def stage_book(
    *, by: User | None, file: pipeline.Received, kind: str, book: Book, answers: Mapping[str, str]
) -> ImportJob:
    """A job of a book that was read already, staged; for a caller who goes on in the same transaction."""
    _check_may(by, get_kind(kind))
    job = ImportJob(created_by=by, kind=kind, sha256=file.sha256, size=file.size, answers=dict(answers))
    job.file_name = file.name[-NAME_LENGTH:]
    job.full_clean(exclude=["created_by"])
    job.save()
    _fill(job, book, by, _no_progress)
    return job


def _fill(job: ImportJob, book: Book, by: User | None, progress: Progress) -> None:
    hold(job)
    be_patient()
    pipeline.stage(job, book, by or pipeline.OPERATOR, progress)
    job.save()


def _leave_to_worker(job: ImportJob, state: str) -> None:
    """Lets the worker go on with the job once this transaction holds."""
    from lvyuan.imports.tasks import work

    job.state, job.progress = state, 0
    job.save()
    try:
        with transaction.atomic():
            work.configure(queueing_lock=queueing_lock(job)).defer(job=job.pk)
    except AlreadyEnqueued:
        return


# What the sender says of it


def answer_job(*, by: User, job: ImportJob, answers: Mapping[str, str]) -> ImportJob:
    """Takes answers to questions, or other uses of columns, and stages the file anew; a large one by the worker.

    They are kept for the sender's next file of this shape, perhaps this one repaired; a large one's on its commit.
    An empty answer takes an earlier one back. Raises PermissionDenied, ImportConflict, ImportRefused.
    """
    deed = gettext("修改答复")
    _check_open(by, job, deed, State.ASKING, State.PREVIEWED)
    book = pipeline.book_of(job) if job.size <= pipeline.SMALL else None
    return _answer(by=by, job=job, answers=answers, book=book, deed=deed)


@action
def _answer(*, by: User, job: ImportJob, answers: Mapping[str, str], book: Book | None, deed: str) -> ImportJob:
    job = _locked(job)
    _check_open(by, job, deed, State.ASKING, State.PREVIEWED)
    job.answers = {code: said for code, said in (job.answers | dict(answers)).items() if said}
    if book is None:
        _leave_to_worker(job, State.READING)
    else:
        remember(job, book.tables, taken_back={code for code, said in answers.items() if not said})
        _fill(job, book, by, _no_progress)
    return job


@action
def resume_job(*, by: User, job: ImportJob) -> ImportJob:
    """Lets the worker go on with a job that was interrupted. Raises PermissionDenied, ImportConflict."""
    job = _locked(job)
    _check_open(by, job, gettext("继续处理"), State.READING, State.CONFIRMING)
    if is_worked_on(job):
        raise busy()
    _leave_to_worker(job, job.state)
    return job


@action
def cancel_job(*, by: User, job: ImportJob) -> ImportJob:
    """Gives an import up; its file stays. Raises PermissionDenied, ImportConflict."""
    job = _locked(job)
    _check_open(by, job, gettext("放弃"), *OPEN, State.CONFIRMING)
    hold(job)
    if is_worked_on(job):
        raise busy()
    job.state, job.valid_only, job.reason = State.CANCELLED, False, ""
    job.save(update_fields=["state", "valid_only", "reason"])
    _forget(job)
    return job


def _forget(job: ImportJob) -> None:
    """A decided job needs what was read of its file no more; its staged rows stay: they tell what it did."""
    transaction.on_commit(lambda: pipeline.forget_answer(job.sha256), robust=True)


# It is confirmed


def confirm_job(
    *, by: User, job: ImportJob, valid_only: bool = False, reason: str = "", seen: str = ""
) -> object | None:
    """Does what was staged, all of it or, with a reason, its valid rows; gives what the kind's commit gives.

    Many figures are left to the worker: then None. `seen` is the digest of the preview that the person looked at.
    When the database has changed since, the file is staged anew and PreviewOutdated raised. Raises PermissionDenied,
    ImportConflict (decided already), ImportRefused.
    """
    _check_open(by, job, gettext("确认导入"), State.PREVIEWED)
    if pipeline.changes(job) > pipeline.FEW:
        _leave_confirming(by=by, job=job, valid_only=valid_only, reason=reason, seen=seen)
        return None
    try:
        return confirm_staged(by=by, job=job, valid_only=valid_only, reason=reason, seen=seen)
    except PreviewOutdated as outdated:
        if outdated.is_staged:
            raise
        _stage_anew(by=by, job=job, book=pipeline.book_of(job), progress=_no_progress)
        raise


@action
def confirm_staged(*, by: User | None, job: ImportJob, valid_only: bool, reason: str, seen: str = "") -> object:
    """Does at once what was staged, however much. Raises as `confirm_job`."""
    job = _locked(job)
    _check_open(by, job, gettext("确认导入"), State.PREVIEWED)
    _check_ready(job, valid_only, reason, seen)
    job.valid_only, job.reason = valid_only, reason.strip()
    return commit(by=by, job=job)


@action
def _leave_confirming(*, by: User, job: ImportJob, valid_only: bool, reason: str, seen: str) -> None:
    job = _locked(job)
    _check_open(by, job, gettext("确认导入"), State.PREVIEWED)
    _check_ready(job, valid_only, reason, seen)
    job.valid_only, job.reason = valid_only, reason.strip()
    _leave_to_worker(job, State.CONFIRMING)


def _check_ready(job: ImportJob, valid_only: bool, reason: str, seen: str) -> None:
    if seen and seen != job.preview.get("digest"):
        raise PreviewOutdated(
            gettext("预览在您打开之后又重新核对过，没有导入。请看过现在的结果后再确认。"), is_staged=True
        )
    if valid_only and not reason.strip():
        raise ImportRefused(gettext("只导入无误的行须写明理由，没有导入任何内容。"))
    if not pipeline.is_ready(job, valid_only=valid_only):
        raise ImportRefused(gettext("文件里还有错误，或者没有新的、有变化的数据，不能确认。请改正文件后重新上传。"))


@action
def commit(*, by: User | None, job: ImportJob) -> object:
    """Writes what is staged of a locked job and moves it on. Raises PreviewOutdated, ImportRefused."""
    hold(job)
    be_patient()
    kind = get_kind(job.kind)
    if kind.staged(job).count() != sum(job.preview["counts"].values()):
        raise PreviewOutdated(
            gettext("核对过的数据已不在了（数据库重启过），没有导入。下面是重新核对的结果，请看过后再确认。")
        )
    done = kind.commit(job, by)
    if by is not None and job.answers:
        remember(job, pipeline.book_of(job).tables)
    job.state, job.confirmed_at = State.CONFIRMED, timezone.now()
    job.save(update_fields=["state", "confirmed_at", "valid_only", "reason"])
    _forget(job)
    return done


@action
def _stage_anew(*, by: User | None, job: ImportJob, book: Book, progress: Progress) -> None:
    hold(job)  # no row lock: the progress is written from beside
    job = ImportJob.objects.get(pk=job.pk)
    _check_open(by, job, gettext("确认导入"), State.PREVIEWED, State.CONFIRMING)
    job.valid_only, job.reason = False, ""
    _fill(job, book, by, progress)


# The worker


def work_on(job: ImportJob) -> None:
    """Goes on with a job that was left to the worker; what it cannot do, the job says."""
    try:
        with working(job) as progress:
            job.refresh_from_db()
            if job.state == State.READING:
                _read_on(job, progress)
            elif job.state == State.CONFIRMING:
                _confirm_on(job, progress)
    except ImportConflict:
        return  # another worker has it


def _read_on(job: ImportJob, progress: Progress) -> None:
    try:
        _check_may(job.created_by, get_kind(job.kind))
        book = pipeline.book_of(job)
        ImportJob.objects.filter(pk=job.pk).update(total=book.total)
        _finish_reading(by=job.created_by, job=job, book=book, progress=progress)
    except (ImportRefused, PermissionDenied) as refused:
        _give_up(by=job.created_by, job=job, refusal=str(refused))


@action
def _finish_reading(*, by: User | None, job: ImportJob, book: Book, progress: Progress) -> None:
    _fill(job, book, by, progress)


@action
def _give_up(*, by: User | None, job: ImportJob, refusal: str) -> None:
    job.state, job.refusal = State.CANCELLED, refusal
    job.save(update_fields=["state", "refusal"])
    _forget(job)


def _confirm_on(job: ImportJob, progress: Progress) -> None:
    by = job.created_by
    try:
        _commit_held(by=by, job=job)
    except PreviewOutdated as outdated:
        _stage_anew(by=by, job=job, book=pipeline.book_of(job), progress=progress)
        _note_refusal(by=by, job=job, refusal=str(outdated))
    except (ImportRefused, PermissionDenied) as refused:
        _note_refusal(by=by, job=job, refusal=str(refused))


@action
def _commit_held(*, by: User | None, job: ImportJob) -> None:
    _check_may(by, get_kind(job.kind))
    commit(by=by, job=job)


@action
def _note_refusal(*, by: User | None, job: ImportJob, refusal: str) -> None:
    """Why a confirmation came to nothing, on the job that waits for a person again."""
    job = _locked(job)
    job.state, job.refusal, job.valid_only, job.reason = State.PREVIEWED, refusal, False, ""
    job.save(update_fields=["state", "refusal", "valid_only", "reason"])


# It is undone


def undo_obstacles(*, by: User, job: ImportJob) -> list[str]:
    """Why a confirmed job cannot be undone by this person now; empty when it can."""
    try:
        _check_open(by, job, gettext("撤销"), State.CONFIRMED)
    except (PermissionDenied, ImportConflict) as refused:
        return [str(refused)]
    return get_kind(job.kind).undo_obstacles(job, by)


@action
def undo_job(*, by: User, job: ImportJob, reason: str) -> ImportJob:
    """Takes back what a confirmed job did, as its kind does. Raises PermissionDenied, ImportConflict, ImportRefused."""
    job = _locked(job)
    _check_open(by, job, gettext("撤销"), State.CONFIRMED)
    if not reason.strip():
        raise ImportRefused(gettext("撤销须写明理由，没有改变任何内容。"))
    hold(job)
    be_patient()
    kind = get_kind(job.kind)
    if obstacles := kind.undo_obstacles(job, by):
        raise ImportRefused("\n".join([gettext("这次导入现在不能撤销："), *obstacles]))
    kind.undo(job, by, reason.strip())
    job.state, job.undone_by, job.undone_at, job.undo_reason = State.UNDONE, by, timezone.now(), reason.strip()
    job.save(update_fields=["state", "undone_by", "undone_at", "undo_reason"])
    return job
