"""From the department to the reviewers: sign-off, submission, withdrawal; and imports, which skip the form."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext

from indicators import notices
from indicators.actions.entries import Draft, save_drafts
from indicators.actions.moves import DECLINE, SEND, SIGN, SUBMIT, WITHDRAW, Move, locked, take
from indicators.corrections import missing_reasons
from indicators.findings import submission_problem
from indicators.locks import locks
from indicators.models import Submission
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
from lvyuan.imports.models import ImportJob
from lvyuan.notices.models import Kind

State = Submission.State


@action
def submit(*, by: User, submission: Submission, row_version: int | None = None) -> Submission:
    """Hands a form to the reviewers.

    `row_version` is the state that the person saved, if it is to be that one and no other. Raises NotAllowed,
    Conflict, or Refused when nothing was filled in, the round is closed, or findings are neither mended nor explained.
    """
    submission = _hand_on(SUBMIT, by, submission, row_version)
    notices.tell_reviewers(submission)
    return submission


@action
def send_for_signature(*, by: User, submission: Submission, row_version: int | None = None) -> Submission:
    """Hands a form to the department's head, complete as for the reviewers. Raises as `submit`."""
    submission = _hand_on(SEND, by, submission, row_version)
    notices.tell_heads(submission)
    return submission


@action
def sign(*, by: User, submission: Submission, row_version: int | None = None) -> Submission:
    """The head of the department signs a form and so hands it to the reviewers. Raises as `submit`."""
    submission = _hand_on(SIGN, by, submission, row_version)
    notices.tell_reviewers(submission)
    return submission


def _hand_on(move: Move, by: User, submission: Submission, row_version: int | None) -> Submission:
    submission = locked([submission])[0]
    _check_open(submission, move)
    take(submission, move, by=by, seen=row_version)
    entries = list(submission.entries.select_related("indicator"))
    if all(entry.is_blank and not entry.unread for entry in entries):
        raise Refused(
            gettext("还没有填写任何数据，不能%(move)s。请至少填写一项数值、增速或位次。") % {"move": move.name}
        )
    if problem := submission_problem(submission):
        raise Refused(problem)
    if submission.round is not None and (wrong := missing_reasons(entries)):
        raise Refused((gettext("修订已审核的数据须写明“修订理由”：\n")) + gettext("；\n").join(wrong) + (gettext("。")))
    return submission


def _check_open(submission: Submission, move: Move) -> None:
    """Raises Refused when the round is not open and no exception opens it."""
    if submission.round is None or submission.department is None:
        return
    now = timezone.now()
    if submission.round.is_open(now):
        return
    held = locks(submission.round, submission.department, None, [], now=now)
    if held.form:
        raise Refused(gettext("%(message)s不能%(move)s。") % {"message": held.form.message, "move": move.name})


@action
def decline(*, by: User, submission: Submission, row_version: int, reason: str) -> Submission:
    """The head of the department gives a form back to its writers. Raises NotAllowed, Conflict, Refused."""
    submission = locked([submission])[0]
    take(submission, DECLINE, by=by, seen=row_version, reason=reason)
    notices.tell_department(submission, Kind.RETURNED, reason=reason)
    return submission


@action
def withdraw(*, by: User, submission: Submission, row_version: int) -> Submission:
    """Takes a form back before it was decided on, to edit it again. Raises NotAllowed, Conflict, Refused (closed)."""
    submission = locked([submission])[0]
    _check_open(submission, WITHDRAW)
    take(submission, WITHDRAW, by=by, seen=row_version)
    return submission


@action
def submit_import(*, by: User, job: ImportJob, drafts: Sequence[Draft]) -> Submission:
    """Makes a confirmed import a submission that waits for a reviewer. Raises NotAllowed, Conflict."""
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(gettext("只有管理员可以导入数据。"))
    job = ImportJob.objects.select_for_update().get(pk=job.pk)
    if job.created_by_id != by.pk:
        raise NotAllowed(gettext("只有上传这份文件的人可以确认导入。"))
    if job.state != ImportJob.State.PREVIEWED:
        raise Conflict(gettext("这次导入已是“%(state)s”，不能再确认。") % {"state": job.get_state_display()})
    if not drafts:
        raise Refused(gettext("文件里没有新的或有变化的数据，无需导入。"))
    now = timezone.now()
    job.state, job.confirmed_at = ImportJob.State.CONFIRMED, now
    job.save(update_fields=["state", "confirmed_at"])
    submission = Submission.objects.create(import_job=job, department=by.department, state=State.DRAFT)
    save_drafts(submission, drafts, by, now)
    return submit(by=by, submission=submission)
