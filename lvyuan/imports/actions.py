"""What people do with an import: upload, confirm, give up. Reading and planning come before the transaction."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext

from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
from lvyuan.imports import pipeline
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportConflict, ImportRefused, Kind, Plan, get_kind

NAME_LENGTH = 160


class PreviewOutdated(ImportConflict):
    """The figures have moved since the preview was made."""


def _check_admin(by: User) -> None:
    if not by.has_role(Role.ADMIN):
        raise PermissionDenied(gettext("只有管理员可以导入数据，没有保存任何内容。"))


def _check_open(by: User, job: ImportJob, deed: str) -> None:
    _check_admin(by)
    if job.created_by_id != by.pk:
        raise PermissionDenied(gettext("只有上传这份文件的人可以%(deed)s，没有改变任何内容。") % {"deed": deed})
    if job.state != ImportJob.State.PREVIEWED:
        raise ImportConflict(
            gettext("这次导入已是“%(state)s”，不能再%(deed)s。") % {"state": job.get_state_display(), "deed": deed}
        )


def upload_file(*, by: User, upload: UploadedFile[Any], kind: str) -> tuple[ImportJob, bool]:
    """Reads an upload and keeps it as a job with its preview; True when the job is a new one.

    The same bytes, still waiting for the same person's decision, give that job back with a fresh preview.
    Raises PermissionDenied, or ImportRefused when the file cannot be read; then nothing is kept.
    """
    _check_admin(by)
    chosen = get_kind(kind)
    with pipeline.received(upload) as file:
        table = pipeline.read(file.path, file.suffix)
        said = pipeline.preview(table, chosen.plan(table, by))
        return _keep(by=by, file=file, kind=chosen, preview=said)


@action
def _keep(*, by: User, file: pipeline.Received, kind: Kind, preview: dict[str, Any]) -> tuple[ImportJob, bool]:
    # One upload of a person at a time: two clicks must not make two jobs.
    User.objects.select_for_update(of=("self",)).get(pk=by.pk)
    waiting = ImportJob.objects.filter(
        created_by=by, kind=kind.code, sha256=file.sha256, state=ImportJob.State.PREVIEWED
    ).first()
    job = waiting or ImportJob(created_by=by, kind=kind.code, sha256=file.sha256, size=file.size)
    job.file_name, job.preview = file.name[-NAME_LENGTH:], preview
    job.full_clean(exclude=["created_by"])
    job.save()
    file.keep()
    return job, waiting is None


def confirm_job(*, by: User, job: ImportJob) -> object:
    """Does what the preview showed, or nothing; gives what the kind's commit gives.

    The plan is made anew from the kept file. When it differs from the preview, the new preview is stored and
    PreviewOutdated raised. Raises PermissionDenied, ImportConflict (decided already), ImportRefused.
    """
    _check_open(by, job, gettext("确认导入"))
    kind = get_kind(job.kind)
    plan, preview = pipeline.plan_again(job, kind, by)
    try:
        return _commit(by=by, job=job, kind=kind, plan=plan, preview=preview)
    except PreviewOutdated:
        _renew(by=by, job=job, preview=preview)
        raise


def _locked(job: ImportJob) -> ImportJob:
    return ImportJob.objects.select_for_update().get(pk=job.pk)


@action
def _commit(*, by: User, job: ImportJob, kind: Kind, plan: Plan, preview: dict[str, Any]) -> object:
    job = _locked(job)
    _check_open(by, job, gettext("确认导入"))
    if preview["digest"] != job.preview.get("digest"):
        raise PreviewOutdated(gettext("预览之后系统里的数据有了变化，没有导入。下面是重新核对的结果，请看过后再确认。"))
    if not pipeline.is_ready(preview):
        raise ImportRefused(gettext("文件里还有错误，或者没有新的、有变化的数据，不能确认。请改正文件后重新上传。"))
    return kind.commit(job, plan.changes, by)


@action
def _renew(*, by: User, job: ImportJob, preview: dict[str, Any]) -> None:
    job = _locked(job)
    _check_open(by, job, gettext("确认导入"))
    job.preview = preview
    job.save(update_fields=["preview"])


@action
def cancel_job(*, by: User, job: ImportJob) -> ImportJob:
    """Gives an import up; its file stays. Raises PermissionDenied, ImportConflict."""
    job = _locked(job)
    _check_open(by, job, gettext("放弃"))
    job.state = ImportJob.State.CANCELLED
    job.save(update_fields=["state"])
    return job
