"""Every write on figures: one atomic function a deed, told who acts, refusing with a reason.

Role, object and state are checked here, under the lock, whatever the view did before.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from indicators.evidence import check_evidence, store_evidence
from indicators.models import (
    Assignment,
    Entry,
    Evidence,
    Indicator,
    Observation,
    PrintedComparison,
    Rank,
    RankBy,
    RankPool,
    Release,
    Round,
    Source,
    Submission,
    Transition,
    Vintage,
)
from indicators.models.fields import period_columns
from indicators.models.reporting import entry_figure
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.audit.context import action
from lvyuan.imports.models import ImportJob
from lvyuan.periods import Period, label

State = Submission.State


@dataclass(frozen=True, slots=True)
class Move:
    """A step that a submission may take: from where, to where, and by whom."""

    from_states: tuple[str, ...]
    to_state: str
    roles: tuple[str, ...]
    name: str


SUBMIT = Move((State.DRAFT, State.RETURNED), State.SUBMITTED, (Role.STAFF, Role.ADMIN), "提交")
RETURN = Move((State.SUBMITTED,), State.RETURNED, (Role.REVIEWER,), "退回")
APPROVE = Move((State.SUBMITTED,), State.APPROVED, (Role.REVIEWER,), "通过")


def refusal(move: Move, *, by: User, submission: Submission) -> str:
    """Why `by` may not take this step now; empty when nothing speaks against it."""
    if not by.has_role(*move.roles) or not Submission.objects.visible_to(by).filter(pk=submission.pk).exists():
        return f"您的角色（{by.get_role_display()}）不能{move.name}这份报送。"
    if submission.state not in move.from_states:
        return f"这份报送目前是“{submission.get_state_display()}”，不能{move.name}。"
    if move.to_state != State.SUBMITTED and submission.submitted_by_id == by.pk:
        return f"提交人不能{move.name}自己提交的报送，请由另一位审核员处理。"
    return ""


# Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class RankInput:
    pool: RankPool
    by: str
    place: int
    pool_size: int
    wording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonInput:
    kind: str
    delta: Decimal
    unit: str = "个百分点"
    wording: str = ""
    locator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageInput:
    """All that one approved state says; names and units as on Vintage."""

    district: District
    indicator: Indicator
    period: Period
    source: Source
    known_from: dt.datetime
    columns: dict[str, object]
    ranks: Sequence[RankInput] = ()
    comparisons: Sequence[ComparisonInput] = ()
    entered_by: User | None = None
    approved_by: User | None = None
    entry: Entry | None = None
    reason: str = ""
    release_authority: str = ""
    extra: dict[str, object] = field(default_factory=dict)


def _record_vintage(given: VintageInput) -> Vintage:
    """Adds an approved state and points the observation at the one known last; runs inside an action."""
    observation, _ = Observation.objects.get_or_create(
        district=given.district, indicator=given.indicator, **period_columns(given.period)
    )
    observation = Observation.objects.select_for_update().get(pk=observation.pk)
    version = given.indicator.version_on(given.period.end)
    if version is None:
        raise Refused(f"“{given.indicator}”在{label(given.period)}没有生效的口径，请管理员先补充指标口径。")
    last = observation.vintages.order_by("-number").first()
    vintage = Vintage(
        observation=observation,
        number=last.number + 1 if last else 1,
        version=version,
        source=given.source,
        known_from=given.known_from,
        entered_by=given.entered_by,
        approved_by=given.approved_by,
        entry=given.entry,
        reason=given.reason,
        **given.columns,
        **given.extra,
    )
    vintage.full_clean(exclude=["observation", "version", "source", "entered_by", "approved_by", "entry"])
    vintage.save(force_insert=True)
    for rank in given.ranks:
        Rank.objects.create(
            vintage=vintage,
            pool=rank.pool,
            by=rank.by,
            place=rank.place,
            pool_size=rank.pool_size,
            wording=rank.wording,
        )
    for comparison in given.comparisons:
        PrintedComparison.objects.create(
            vintage=vintage,
            kind=comparison.kind,
            delta=comparison.delta,
            unit=comparison.unit,
            wording=comparison.wording,
            locator=comparison.locator,
        )
    if given.release_authority:
        Release.objects.create(
            vintage=vintage,
            released_at=given.known_from,
            authority=given.release_authority,
            by=given.approved_by,
        )
    observation.current = observation.vintages.order_by("-known_from", "-number").first()
    observation.save(update_fields=["current"])
    return vintage


@action
def record_published(*, by: User | None, figures: Iterable[VintageInput], reason: str) -> int:
    """Writes published figures directly as vintages; only the operator's load_fixtures does so."""
    return len([_record_vintage(figure) for figure in figures])


# Reporting


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What one line of a form says, understood: columns are Entry's figure columns."""

    indicator: Indicator
    period: Period
    district: District
    columns: dict[str, object]


@action
def save_entries(
    *, by: User, round: Round, department: Department, drafts: Sequence[Draft], row_version: int
) -> Submission:
    """Saves one department's lines of a round; all or nothing.

    Raises NotAllowed for people of other departments, Refused when closed or accepted, Conflict when
    the form was saved by somebody else since it was opened (`row_version`).
    """
    if not by.has_role(Role.STAFF) or by.department_id != department.pk:
        raise NotAllowed("只有本单位的填报员可以填写这张表，没有保存任何内容。")
    now = timezone.now()
    if not round.is_open(now):
        raise Refused(f"{round}的填报已关闭，没有保存任何内容。如需补报，请联系审核员。")
    Submission.objects.get_or_create(round=round, department=department)
    submission = Submission.objects.select_for_update().get(round=round, department=department)
    if not submission.is_editable:
        raise Refused(f"这份报送目前是“{submission.get_state_display()}”，不能修改。如需更正，请联系审核员退回。")
    if submission.row_version != row_version:
        raise Conflict("这张表在您打开之后已被同事保存过。请核对最新内容后重新填写，您刚才的修改没有保存。")
    assigned = set(
        Assignment.objects.in_force(round.month)
        .filter(department=department)
        .values_list("district_id", "indicator_id")
    )
    for draft in drafts:
        if (draft.district.pk, draft.indicator.pk) not in assigned:
            raise NotAllowed(f"“{draft.indicator}”不由{department}填报，没有保存任何内容。")
        _save_entry(submission, draft, by, now)
    submission.row_version += 1
    submission.save(update_fields=["row_version"])
    return submission


def _save_entry(submission: Submission, draft: Draft, by: User, now: dt.datetime) -> Entry:
    address = {"indicator": draft.indicator, "district": draft.district, **period_columns(draft.period)}
    entry = submission.entries.filter(**address).first() or Entry(submission=submission, **address)
    said = {name: getattr(entry, name) for name in draft.columns}
    if entry.pk and _same_digits(said, draft.columns):
        return entry
    for name, value in draft.columns.items():
        setattr(entry, name, value)
    if not entry.pk and entry.is_blank and not entry.note:
        return entry
    entry.edited_by, entry.edited_at = by, now
    entry.full_clean(exclude=["submission", "indicator", "district", "edited_by", "source", "rank_pool"])
    entry.save()
    return entry


def _same_digits(old: dict[str, object], new: dict[str, object]) -> bool:
    """Equal, where 17 and 17.0 differ: the digits are part of what is said."""
    return all(str(old[name]) == str(new[name]) for name in new)


def _locked(submission: Submission) -> Submission:
    return Submission.objects.select_for_update(of=("self",)).select_related("round", "department").get(
        pk=submission.pk
    )


def _move(submission: Submission, move: Move, by: User, reason: str = "") -> None:
    """Takes the step on a locked submission, or raises; writes the transition."""
    if not by.has_role(*move.roles) or not Submission.objects.visible_to(by).filter(pk=submission.pk).exists():
        raise NotAllowed(refusal(move, by=by, submission=submission))
    if why_not := refusal(move, by=by, submission=submission):
        raise Conflict(why_not)
    from_state, now = submission.state, timezone.now()
    submission.state = move.to_state
    submission.row_version += 1
    fields = ["state", "row_version"]
    if move is SUBMIT:
        submission.submitted_by, submission.submitted_at = by, now
        submission.reviewed_by = submission.reviewed_at = None
        fields += ["submitted_by", "submitted_at", "reviewed_by", "reviewed_at"]
    else:
        submission.reviewed_by, submission.reviewed_at = by, now
        fields += ["reviewed_by", "reviewed_at"]
    submission.save(update_fields=fields)
    Transition.objects.create(
        submission=submission, from_state=from_state, to_state=move.to_state, by=by, reason=reason
    )


@action
def submit(*, by: User, submission: Submission) -> Submission:
    """Hands a form to the reviewers. Raises NotAllowed, Conflict, or Refused when nothing was filled in."""
    submission = _locked(submission)
    if submission.round and not submission.round.is_open(timezone.now()):
        raise Refused(f"{submission.round}的填报已关闭，不能提交。如需补报，请联系审核员。")
    if all(entry.is_blank for entry in submission.entries.all()):
        raise Refused("还没有填写任何数据，不能提交。请至少填写一项数值、增速或位次。")
    _move(submission, SUBMIT, by)
    return submission


@action
def return_submission(*, by: User, submission: Submission, reason: str) -> Submission:
    """Sends a form back with a reason. Raises NotAllowed, Conflict, or Refused without a reason."""
    submission = _locked(submission)
    reason = reason.strip()
    if not reason:
        raise Refused("退回必须写明理由，好让填报员知道改什么。")
    _move(submission, RETURN, by, reason)
    return submission


@action
def approve(*, by: User, submission: Submission) -> list[Vintage]:
    """Accepts a form: every entry that says something becomes a vintage, all in one transaction.

    Raises NotAllowed, Conflict (not submitted, own submission), Refused (no definition in force).
    """
    submission = _locked(submission)
    _move(submission, APPROVE, by)
    now = timezone.now()
    source = _source_of(submission)
    entries = submission.entries.select_related("indicator", "district", "rank_pool", "edited_by", "source")
    vintages = []
    for entry in entries:
        if entry.is_blank:
            continue
        revised = Observation.objects.for_period(entry.period).filter(
            district=entry.district, indicator=entry.indicator, vintages__isnull=False
        )
        vintages.append(
            _record_vintage(
                VintageInput(
                    district=entry.district,
                    indicator=entry.indicator,
                    period=entry.period,
                    source=entry.source or source,
                    known_from=now,
                    columns=entry_figure(entry),
                    ranks=_entry_ranks(entry),
                    entered_by=entry.edited_by,
                    approved_by=by,
                    entry=entry,
                    reason=f"{submission}审核通过后更新" if revised.exists() else "",
                )
            )
        )
    return vintages


def _entry_ranks(entry: Entry) -> list[RankInput]:
    if entry.rank_place is None or entry.rank_pool is None:
        return []
    pool, by = entry.rank_pool, entry.rank_by or RankBy.UNSTATED
    return [RankInput(pool=pool, by=by, place=entry.rank_place, pool_size=pool.members.count())]


def _source_of(submission: Submission) -> Source:
    if submission.import_job:
        code, kind = f"import-{submission.import_job.pk}", Source.Kind.FILE
        title, file_name = f"导入：{submission.import_job.file_name}"[:160], submission.import_job.file_name[:120]
    else:
        assert submission.department is not None  # submission_has_one_origin
        code, kind = f"form-{submission.department.code}", Source.Kind.FORM
        title, file_name = f"{submission.department.name}填报", ""
    source, _ = Source.objects.get_or_create(
        code=code, defaults={"kind": kind, "title": title, "file_name": file_name}
    )
    return source


@action
def submit_import(*, by: User, job: ImportJob, drafts: Sequence[Draft]) -> Submission:
    """Makes a confirmed import a submission that waits for a reviewer. Raises NotAllowed, Conflict."""
    if not by.has_role(Role.ADMIN):
        raise NotAllowed("只有管理员可以导入数据。")
    job = ImportJob.objects.select_for_update().get(pk=job.pk)
    if job.created_by_id != by.pk:
        raise NotAllowed("只有上传这份文件的人可以确认导入。")
    if job.state != ImportJob.State.PREVIEWED:
        raise Conflict(f"这次导入已是“{job.get_state_display()}”，不能再确认。")
    if not drafts:
        raise Refused("文件里没有新的或有变化的数据，无需导入。")
    now = timezone.now()
    job.state, job.confirmed_at = ImportJob.State.CONFIRMED, now
    job.save(update_fields=["state", "confirmed_at"])
    submission = Submission.objects.create(import_job=job, department=by.department)
    for draft in drafts:
        _save_entry(submission, draft, by, now)
    return submit(by=by, submission=submission)


@action
def add_evidence(*, by: User, entry: Entry, upload: UploadedFile[Any]) -> Evidence:
    """Attaches a file to an entry of one's own department's open form; content decides the type.

    Raises NotAllowed, Refused (form not open, type not allowed, too large, already there).
    """
    submission = _locked(entry.submission)
    if not by.has_role(Role.STAFF) or submission.department_id != by.department_id:
        raise NotAllowed("只有本单位的填报员可以上传佐证材料，没有保存任何内容。")
    if not submission.is_editable:
        raise Refused(f"这份报送目前是“{submission.get_state_display()}”，不能再上传材料。")
    content_type = check_evidence(upload)
    digest = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type]
    if entry.evidence.filter(sha256=digest).exists():
        raise Refused("这份文件已经上传过。")
    store_evidence(upload, digest)
    return Evidence.objects.create(
        entry=entry,
        name=(upload.name or "附件")[-160:],
        content_type=content_type,
        size=upload.size or 0,
        sha256=digest,
        added_by=by,
    )

