"""From the department to the reviewers: sign-off, submission, withdrawal; and imports, which skip the form."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext

from indicators import notices
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
def submit_staged(*, by: User, job: ImportJob) -> Submission:
    """Makes the new and changed figures of a staged import a submission that waits for a reviewer.

    The caller has checked the job under its lock and moves it on. A fixed number of statements, however many figures.
    Raises NotAllowed, Conflict when the same file already waits, Refused without any figure.
    """
    if not by.has_role(Role.ADMIN):
        raise NotAllowed(gettext("只有管理员可以导入数据。"))
    waiting = Submission.objects.filter(
        import_job__kind=job.kind, import_job__sha256=job.sha256, state=State.SUBMITTED
    ).first()
    if waiting is not None:
        raise Conflict(
            gettext("同一份文件已在第 %(job)s 号导入里送审，还没有审核，没有重复导入。")
            % {"job": waiting.import_job_id}
        )
    submission = Submission.objects.create(import_job=job, department=by.department, state=State.DRAFT)
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, {"job": job.pk, "submission": submission.pk, "by": by.pk, "now": timezone.now()})
        if not cursor.rowcount:
            raise Refused(gettext("文件里没有新的或有变化的数据，无需导入。"))
    take(submission, SUBMIT, by=by)
    notices.tell_reviewers(submission)
    return submission


_SAID = (
    "district_id, indicator_id, period_kind, period_start, period_end, value, comparator, unit, printed, null_reason,"
    " growth, growth_basis, text, rank_pool_id, rank_place, rank_by, locator, note"
)
_ENTRIES = f"""
    INSERT INTO indicators_entry (submission_id, {_SAID}, status, reason, unread, edited_by_id, edited_at)
    SELECT %(submission)s, {_SAID}, coalesce(nullif(figure_status, ''), 'unstated'), '', '{{}}', %(by)s, %(now)s
    FROM indicators_stagedfigure WHERE job_id = %(job)s AND status IN ('new', 'changed') ORDER BY seq
"""  # noqa: S608 - names of our own columns
