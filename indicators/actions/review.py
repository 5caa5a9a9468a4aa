"""What reviewers decide: return, approve one or many, reopen, excuse. Never their own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.utils.translation import gettext

from indicators import notices
from indicators.actions.figures import ComparisonInput, RankInput, VintageInput, add_vintages
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
from indicators.corrections import address, is_restated, kept_comparisons, kept_ranks, standing
from indicators.findings import Checked, findings_of, open_findings
from indicators.models import Entry, RankBy, RankPool, ReturnedCell, Source, Submission, Vintage
from indicators.models.reporting import entry_figure
from indicators.refusals import NotAllowed, Refused
from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
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
def approve(*, by: User, submission: Submission, row_version: int) -> list[Vintage]:
    """Accepts a form: every entry that says something new becomes a vintage, all in one transaction.

    Raises NotAllowed, Conflict (not submitted, own figures, changed since `row_version`), Refused (no definition
    in force).
    """
    submission = locked([submission])[0]
    take(submission, APPROVE, by=by, seen=row_version)
    vintages = _vintages_of([submission], by)
    notices.tell_department(submission, Kind.APPROVED)
    return vintages


@dataclass(frozen=True, slots=True)
class BulkApproval:
    """What became of a bulk approval: the forms approved, their vintages, and why others were not."""

    approved: list[Submission]
    vintages: list[Vintage]
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
    why_not = bulk_refusals(by=by, submissions=submissions, found=findings_of(submissions))
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
    *, by: User, submissions: Sequence[Submission], found: Mapping[int, Mapping[int, Checked]]
) -> dict[int, str]:
    """By submission id, why it must be read before it is approved; '' for those that may be approved in bulk.

    `found` is what `findings_of` finds in them. Two queries.
    """
    why_not = {pk: reason for (_, pk), reason in refusals([APPROVE], by=by, submissions=submissions).items()}
    for pk, reason in why_not.items():
        if not reason and (count := open_findings(found[pk].values())):
            why_not[pk] = gettext("有%(count)s处核查问题，请逐份审核。") % {"count": count}
    return why_not


def _vintages_of(submissions: Sequence[Submission], by: User) -> list[Vintage]:
    """Records what the forms' entries say, except what they already said; a fixed number of queries."""
    sources, by_pk = _sources_of(submissions), {submission.pk: submission for submission in submissions}
    found = Entry.objects.filter(submission__in=by_pk).select_related(
        "indicator", "district", "rank_pool", "edited_by", "source"
    )
    entries = [entry for entry in found if not entry.is_blank]
    if not entries:
        return []
    sizes = dict(RankPool.objects.values_list("pk").annotate(Count("members")))
    before = standing(entries)
    return add_vintages(
        [
            VintageInput(
                district=entry.district,
                indicator=entry.indicator,
                period=entry.period,
                source=entry.source or sources[entry.submission_id],
                known_from=None,
                columns=entry_figure(entry),
                ranks=_ranks(entry, before.get(address(entry)), sizes),
                comparisons=_comparisons(entry, before.get(address(entry))),
                entered_by=entry.edited_by,
                approved_by=by,
                entry=entry,
                reason=entry.reason or _renewed(by_pk[entry.submission_id]),
            )
            for entry in entries
            if address(entry) not in before or not is_restated(entry, before[address(entry)])
        ]
    )


@stored
def _renewed(submission: Submission) -> str:
    """The reason of what is renewed without one of its own."""
    return f"{submission}审核通过后更新"


def _ranks(entry: Entry, before: Vintage | None, sizes: Mapping[int, int]) -> list[RankInput]:
    """The entry's own place, and those that stand beside it."""
    found = []
    if entry.rank_place is not None and entry.rank_pool is not None:
        by, size = entry.rank_by or RankBy.UNSTATED.value, sizes[entry.rank_pool.pk]
        found.append(RankInput(pool=entry.rank_pool, by=by, place=entry.rank_place, pool_size=size))
    for rank in kept_ranks(entry, before) if before else ():
        found.append(
            RankInput(pool=rank.pool, by=rank.by, place=rank.place, pool_size=rank.pool_size, wording=rank.wording)
        )
    return found


def _comparisons(entry: Entry, before: Vintage | None) -> list[ComparisonInput]:
    return [
        ComparisonInput(kind=one.kind, delta=one.delta, unit=one.unit, wording=one.wording, locator=one.locator)
        for one in (kept_comparisons(entry, before) if before else ())
    ]


def _sources_of(submissions: Sequence[Submission]) -> dict[int, Source]:
    """By submission id, the source that its figures name; made where missing, three queries."""
    named = {submission.pk: _source_of(submission) for submission in submissions}
    Source.objects.bulk_create(named.values(), ignore_conflicts=True)
    stored = {source.code: source for source in Source.objects.filter(code__in={s.code for s in named.values()})}
    return {pk: stored[source.code] for pk, source in named.items()}


def _source_of(submission: Submission) -> Source:
    if submission.import_job:
        job = submission.import_job
        title, file_name = f"导入：{job.file_name}"[:160], job.file_name[:120]
        return Source(code=f"import-{job.pk}", kind=Source.Kind.FILE, title=title, file_name=file_name)
    department = submission.department
    assert department is not None  # submission_has_one_origin
    code = f"form-{department.district.code}-{department.code}"
    return Source(code=code, kind=Source.Kind.FORM, title=f"{department.name}填报")
