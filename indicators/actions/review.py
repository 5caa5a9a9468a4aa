"""What reviewers decide: return, approve one or many, reopen, excuse. Never their own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from indicators import notices
from indicators.actions.moves import (
    APPROVE,
    EXCUSE,
    REOPEN,
    RESUME,
    RETURN,
    Move,
    locked,
    refusals,
    take,
    take_all,
)
from indicators.actions.recording import ADDRESS, PRINTED, SAID, SAME_ENTRY, Figures, record
from indicators.findings import Checked, findings_of, open_findings
from indicators.lengthy import lengths_of
from indicators.models import ReturnedCell, Source, Submission
from indicators.models.figures import VintageQuerySet
from indicators.refusals import NotAllowed, Refused
from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
from lvyuan.imports.working import be_patient
from lvyuan.notices.models import Kind
from lvyuan.ui.language import stored


@dataclass(frozen=True, slots=True, kw_only=True)
class CellReturn:
    """A cell that is sent back, and why; `field` as in ReturnedCell.Field."""

    entry_id: int
    field: str
    reason: str


@action
def return_submission(
    *, by: User, submission: Submission, row_version: int, reason: str, cells: Sequence[CellReturn] = ()
) -> Submission:
    """Sends a form back with a reason; with `cells`, only their lines can be changed.

    Raises NotAllowed, Conflict, or Refused without a reason or for cells of another form.
    """
    return _send_back(RETURN, Kind.RETURNED, by, submission, row_version, reason, cells)


@action
def reopen(
    *, by: User, submission: Submission, row_version: int, reason: str, cells: Sequence[CellReturn] = ()
) -> Submission:
    """Gives an approved form back for a correction, which will be a new vintage. Raises as `return_submission`."""
    return _send_back(REOPEN, Kind.REOPENED, by, submission, row_version, reason, cells)


def _send_back(
    move: Move,
    kind: Kind,
    by: User,
    submission: Submission,
    row_version: int,
    reason: str,
    cells: Sequence[CellReturn],
) -> Submission:
    submission = locked([submission])[0]
    if cells and not reason.strip():
        reason = "只退回标出的几项"
    transition = take(submission, move, by=by, seen=row_version, reason=reason)
    own = set(submission.entries.values_list("pk", flat=True)) if cells else set()
    if any(cell.entry_id not in own for cell in cells):
        raise Refused(gettext("退回的单元格不在这份报送里，没有退回任何内容。请刷新页面后重新选择。"))
    if any(not cell.reason.strip() for cell in cells):
        raise Refused(gettext("退回的每一项都要写明理由，没有退回任何内容。"))
    ReturnedCell.objects.bulk_create(
        ReturnedCell(transition=transition, entry_id=cell.entry_id, field=cell.field, reason=cell.reason.strip())
        for cell in cells
    )
    notices.tell_department(submission, kind, reason=reason)
    return submission


@action
def excuse(*, by: User, submission: Submission, row_version: int, reason: str) -> Submission:
    """Lets a department off a round (免报). Raises NotAllowed, Conflict, or Refused without a reason."""
    submission = locked([submission])[0]
    take(submission, EXCUSE, by=by, seen=row_version, reason=reason)
    notices.tell_department(submission, Kind.EXCUSED, reason=reason)
    return submission


@action
def resume(*, by: User, submission: Submission, row_version: int, reason: str) -> Submission:
    """Takes an excuse back. Raises NotAllowed, Conflict, or Refused without a reason."""
    submission = locked([submission])[0]
    take(submission, RESUME, by=by, seen=row_version, reason=reason)
    notices.tell_department(submission, Kind.REOPENED, reason=reason)
    return submission


@action
def approve(*, by: User, submission: Submission, row_version: int) -> VintageQuerySet:
    """Accepts a form: every entry that says something new becomes a vintage, all in one transaction.

    Raises NotAllowed, Conflict (not submitted, own figures, changed since `row_version`), Refused (no definition
    in force).
    """
    submission = locked([submission])[0]
    take(submission, APPROVE, by=by, seen=row_version)
    if submission.import_job is not None:
        be_patient()
    vintages = _vintages_of([submission], by)
    notices.tell_department(submission, Kind.APPROVED)
    return vintages


@dataclass(frozen=True, slots=True)
class BulkApproval:
    """What became of a bulk approval: the forms approved, their vintages, and why others were not."""

    approved: list[Submission]
    vintages: VintageQuerySet
    refused: list[tuple[Submission, str]]


@action
def approve_many(*, by: User, seen: Mapping[int, int]) -> BulkApproval:
    """Approves those of the forms (id → row version seen) that have no open findings; the others stay as they are.

    A fixed number of queries. Raises NotAllowed for others than reviewers, Refused when nothing was chosen.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以批量通过，没有改变任何内容。"))
    submissions = locked(Submission.objects.visible_to(by).filter(pk__in=seen))
    if not submissions:
        raise Refused(gettext("请先勾选要通过的报送。"))
    lengths = lengths_of(submissions)
    found = findings_of([submission for submission in submissions if submission.pk not in lengths])
    why_not = bulk_refusals(by=by, submissions=submissions, found=found, lengths=lengths)
    for submission in submissions:
        if submission.row_version != seen[submission.pk] and not why_not[submission.pk]:
            why_not[submission.pk] = gettext("打开之后有改动，请核对最新内容。")
    approved = [submission for submission in submissions if not why_not[submission.pk]]
    refused = [(submission, why_not[submission.pk]) for submission in submissions if why_not[submission.pk]]
    take_all(approved, APPROVE, by=by)
    vintages = _vintages_of(approved, by)
    notices.tell_departments(approved, Kind.APPROVED)
    return BulkApproval(approved, vintages, refused)


def bulk_refusals(
    *,
    by: User,
    submissions: Sequence[Submission],
    found: Mapping[int, Mapping[int, Checked]],
    lengths: Mapping[int, int],
) -> dict[int, str]:
    """By submission id, why it must be read before it is approved; '' for those that may be approved in bulk.

    `found` is what `findings_of` finds in them but for those that are too long to check, of which `lengths` tells the
    number of figures. Two queries.
    """
    why_not = {pk: reason for (_, pk), reason in refusals([APPROVE], by=by, submissions=submissions).items()}
    for pk, reason in why_not.items():
        if not reason and pk in lengths:
            why_not[pk] = gettext("共%(count)s项数据，请逐份审核。") % {"count": lengths[pk]}
        elif not reason and (count := open_findings(found[pk].values())):
            why_not[pk] = gettext("有%(count)s处核查问题，请逐份审核。") % {"count": count}
    return why_not


def _vintages_of(submissions: Sequence[Submission], by: User) -> VintageQuerySet:
    """Records what the forms' entries say, except what they already said; a fixed number of queries."""
    sources = _sources_of(submissions)
    keys = [submission.pk for submission in submissions]
    said = {
        "submissions": keys,
        "sources": [sources[pk].pk for pk in keys],
        "reasons": [_renewed(submission) for submission in submissions],
        "by": by.pk,
    }
    return record(Figures(sql=_DRAFTED, params=said, unchanged=SAME_ENTRY, keeps_details=True))


# What the entries say, the blank ones left out; a source and a reason of their own come first.
_DRAFTED = f"""
    SELECT NULL::bigint AS id, e.id AS seq, e.id AS entry_id, NULL::bigint AS version_id,
        {", ".join(f"e.{name}" for name in (*ADDRESS, *SAID, "status"))},
        {", ".join(f"{blank} AS {name}" for name, blank in PRINTED.items())},
        coalesce(e.source_id, form.source_id) AS source_id, NULL::timestamptz AS known_from,
        e.edited_by_id AS entered_by_id, %(by)s::bigint AS approved_by_id,
        coalesce(nullif(e.reason, ''), form.reason) AS reason,
        e.rank_pool_id, e.rank_place, coalesce(nullif(e.rank_by, ''), 'unstated') AS rank_by
    FROM unnest(%(submissions)s::bigint[], %(sources)s::bigint[], %(reasons)s::text[])
        AS form (submission_id, source_id, reason)
    JOIN indicators_entry e ON e.submission_id = form.submission_id
    WHERE e.value IS NOT NULL OR e.growth IS NOT NULL OR e.rank_place IS NOT NULL OR e.text <> ''
"""  # noqa: S608 - names of our columns


@stored
def _renewed(submission: Submission) -> str:
    """The reason of what is renewed without one of its own."""
    return f"{submission}审核通过后更新"


def _sources_of(submissions: Sequence[Submission]) -> dict[int, Source]:
    """By submission id, the source that its figures name; made where missing, three queries."""
    named = {submission.pk: _source_of(submission) for submission in submissions}
    Source.objects.bulk_create(named.values(), ignore_conflicts=True)
    stored = {source.code: source for source in Source.objects.filter(code__in={s.code for s in named.values()})}
    return {pk: stored[source.code] for pk, source in named.items()}


def _source_of(submission: Submission) -> Source:
    if submission.import_job:
        return Source.of_import(submission.import_job)
    department = submission.department
    assert department is not None  # submission_has_one_origin
    code = f"form-{department.district.code}-{department.code}"
    return Source(code=code, kind=Source.Kind.FORM, title=f"{department.name}填报")
