"""A form that came back as a workbook: kept as a job of its own kind, then written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.entries import Outcome, save_cells
from indicators.cells import Cell
from indicators.models import Round, Submission
from indicators.refusals import Conflict, NotAllowed
from lvyuan.accounts.models import Department, Role, User
from lvyuan.audit.context import action
from lvyuan.imports.actions import NAME_LENGTH
from lvyuan.imports.models import ImportJob
from lvyuan.imports.pipeline import Received

FORM = "form"  # the kind of such a job


def _check_staff(by: User, department: Department) -> None:
    if not by.is_active or not by.has_role(Role.STAFF) or by.department_id != department.pk:
        raise NotAllowed(gettext("只有本单位的填报员可以上传这张表，没有保存任何内容。"))


@action
def keep_workbook(
    *, by: User, round: Round, department: Department, file: Received, cells: Sequence[tuple[str, Cell]]
) -> ImportJob:
    """Keeps the file with what it would change, for its preview; writes no figure. Raises NotAllowed."""
    _check_staff(by, department)
    told: list[dict[str, Any]] = [
        {"place": place, **{name: getattr(cell, name) for name in ("indicator", "field", "text", "seen")}}
        for place, cell in cells
    ]
    job = ImportJob(
        kind=FORM,
        file_name=file.name[-NAME_LENGTH:],
        sha256=file.sha256,
        size=file.size,
        state=ImportJob.State.PREVIEWED,
        preview={"round": round.code, "department": department.code, "cells": told},
        total=len(told),
        created_by=by,
    )
    job.full_clean(exclude=["created_by"])
    job.save()
    file.keep()
    return job


def _open(by: User, job: ImportJob, department: Department) -> ImportJob:
    _check_staff(by, department)
    job = ImportJob.objects.select_for_update(of=("self",)).get(pk=job.pk)
    if job.created_by_id != by.pk:
        raise NotAllowed(gettext("只有上传这张表的人可以写入，没有保存任何内容。"))
    if job.state != ImportJob.State.PREVIEWED:
        raise Conflict(gettext("这张表已是“%(state)s”，不能再办理。") % {"state": job.get_state_display()})
    return job


@action
def write_workbook(*, by: User, job: ImportJob, code: str, department: Department, cells: Sequence[Cell]) -> Submission:
    """Writes these cells as the form would, all of them or none.

    Raises NotAllowed, Conflict where a cell is locked, contested or no figure, and Round.DoesNotExist.
    """
    job = _open(by, job, department)
    submission, done = save_cells(by=by, code=code, department=department, cells=cells)
    if any(one.outcome != Outcome.SAVED for one in done):
        raise Conflict(gettext("预览之后表里的内容有了变化，没有写入。请看过现在的结果再决定。"))
    job.state, job.confirmed_at, job.progress = ImportJob.State.CONFIRMED, timezone.now(), len(done)
    job.save(update_fields=["state", "confirmed_at", "progress"])
    return submission


@action
def drop_workbook(*, by: User, job: ImportJob, department: Department) -> ImportJob:
    """Gives the upload up; its file stays. Raises NotAllowed, Conflict."""
    job = _open(by, job, department)
    job.state = ImportJob.State.CANCELLED
    job.save(update_fields=["state"])
    return job
