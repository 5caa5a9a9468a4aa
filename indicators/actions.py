"""Every write on figures: one atomic function a deed, told who acts, refusing with a reason.

Role, object and state are checked here, under the lock, whatever the view did before.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, TypeAlias

from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count
from django.utils import timezone

from indicators.evidence import check_evidence, evidence_name, store_evidence
from indicators.findings import submission_problem
from indicators.grid import owed
from indicators.models import (
    Entry,
    Evidence,
    Indicator,
    IndicatorVersion,
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
# district, indicator and the period's columns: what makes a figure this figure
Address: TypeAlias = tuple[Any, ...]


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
    if move.to_state != State.SUBMITTED and (
        submission.submitted_by_id == by.pk or submission.entries.filter(edited_by=by).exists()
    ):
        return f"填报或提交过这份报送的人不能{move.name}它，请由另一位审核员处理。"
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
    known_from: dt.datetime | None  # None: the moment of recording
    columns: dict[str, object]
    ranks: Sequence[RankInput] = ()
    comparisons: Sequence[ComparisonInput] = ()
    entered_by: User | None = None
    approved_by: User | None = None
    entry: Entry | None = None
    reason: str = ""
    release_authority: str = ""


def _record_vintages(given: Sequence[VintageInput]) -> list[Vintage]:
    """Adds approved states, and points each observation at the one known last; runs inside an action.

    A fixed number of queries, however many figures. Raises Refused where no definition is in force.
    """
    observations = _locked_observations(given)
    now = timezone.now()  # only now: whoever waited for the lock records later
    latest: dict[int, int] = {}
    in_force: dict[int, tuple[dt.datetime, int, int]] = {}
    earlier = Vintage.objects.filter(observation__in=observations.values())
    for vintage in earlier.only("known_from", "number", "observation"):
        latest[vintage.observation_id] = max(latest.get(vintage.observation_id, 0), vintage.number)
        state = (vintage.known_from, vintage.number, vintage.pk)
        in_force[vintage.observation_id] = max(in_force.get(vintage.observation_id, state), state)
    definitions = _definitions({figure.indicator.pk for figure in given})
    vintages = []
    for figure in given:
        observation = observations[_address(figure)]
        latest[observation.pk] = number = latest.get(observation.pk, 0) + 1
        version = _definition(figure, definitions)
        vintage = Vintage(
            observation=observation,
            district=figure.district,
            number=number,
            version=version,
            source=figure.source,
            known_from=figure.known_from or now,
            entered_by=figure.entered_by,
            approved_by=figure.approved_by,
            entry=figure.entry,
            reason=figure.reason if number > 1 else "",
            **figure.columns,
        )
        if vintage.value is not None and not vintage.unit:
            vintage.unit = version.unit
        vintage.clean_fields(exclude=_VINTAGE_LINKS)
        vintages.append(vintage)
    Vintage.objects.bulk_create(vintages)
    _add_details(given, vintages)
    for vintage in vintages:
        state = (vintage.known_from, vintage.number, vintage.pk)
        in_force[vintage.observation_id] = max(in_force.get(vintage.observation_id, state), state)
    for observation in observations.values():
        observation.current_id = in_force[observation.pk][2]
    Observation.objects.bulk_update(observations.values(), ["current"])
    return vintages


_VINTAGE_LINKS = {"district", "observation", "version", "source", "entered_by", "approved_by", "entry"}


def _address(figure: VintageInput) -> Address:
    return figure.district.pk, figure.indicator.pk, *period_columns(figure.period).values()


def _locked_observations(given: Sequence[VintageInput]) -> dict[Address, Observation]:
    """The figures' observations, made where missing; made and locked in one order, so approvals never deadlock."""
    wanted = {_address(figure): figure for figure in sorted(given, key=lambda figure: str(_address(figure)))}
    Observation.objects.bulk_create(
        (
            Observation(district=figure.district, indicator=figure.indicator, **period_columns(figure.period))
            for figure in wanted.values()
        ),
        ignore_conflicts=True,
    )
    candidates = Observation.objects.filter(
        district__in={district for district, *_ in wanted},
        indicator__in={indicator for _, indicator, *_ in wanted},
        period_end__in={figure.period.end for figure in given},
    )
    addressed = {(o.district_id, o.indicator_id, *o.period_key): o.pk for o in candidates}
    # Not in_bulk(): it drops the order, and rows are locked as they are read.
    keys = [addressed[address] for address in wanted]
    locked = {o.pk: o for o in Observation.objects.filter(pk__in=keys).order_by("pk").select_for_update()}
    return {address: locked[addressed[address]] for address in wanted}


def _definitions(indicators: set[int]) -> dict[int, list[IndicatorVersion]]:
    found: dict[int, list[IndicatorVersion]] = {}
    for version in IndicatorVersion.objects.filter(indicator__in=indicators):
        found.setdefault(version.indicator_id, []).append(version)
    return found


def _definition(figure: VintageInput, definitions: dict[int, list[IndicatorVersion]]) -> IndicatorVersion:
    for version in definitions.get(figure.indicator.pk, []):
        if version.is_in_force(figure.period.end):
            return version
    raise Refused(f"“{figure.indicator}”在{label(figure.period)}没有生效的口径，请管理员先补充指标口径。")


def _add_details(given: Sequence[VintageInput], vintages: Sequence[Vintage]) -> None:
    """Ranks, printed comparisons and releases of new vintages."""
    pairs = list(zip(given, vintages, strict=True))
    Rank.objects.bulk_create(
        Rank(vintage=vintage, **asdict_shallow(rank)) for figure, vintage in pairs for rank in figure.ranks
    )
    PrintedComparison.objects.bulk_create(
        PrintedComparison(vintage=vintage, **asdict_shallow(comparison))
        for figure, vintage in pairs
        for comparison in figure.comparisons
    )
    Release.objects.bulk_create(
        Release(
            vintage=vintage,
            released_at=vintage.known_from,
            authority=figure.release_authority,
            by=figure.approved_by,
        )
        for figure, vintage in pairs
        if figure.release_authority
    )


def asdict_shallow(given: RankInput | ComparisonInput) -> dict[str, Any]:
    """Field by field; `dataclasses.asdict` would copy the models inside."""
    return {field.name: getattr(given, field.name) for field in fields(given)}


@action
def record_published(*, by: User | None, figures: Iterable[VintageInput], reason: str) -> int:
    """Writes published figures directly as vintages; only the operator's load_fixtures does so."""
    return len(_record_vintages(list(figures)))


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
    due = {(a.district_id, a.indicator_id, period) for a, period in owed(round, department)}
    for draft in drafts:
        if (draft.district.pk, draft.indicator.pk, draft.period) not in due:
            what = f"“{draft.indicator}”{label(draft.period)}"
            raise NotAllowed(f"{what}不由{department}在这次任务中填报，没有保存任何内容。")
    _save_drafts(submission, drafts, by, now)
    submission.row_version += 1
    submission.save(update_fields=["row_version"])
    return submission


def _save_drafts(submission: Submission, drafts: Sequence[Draft], by: User, now: dt.datetime) -> None:
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
        if entry.pk and _same_digits(entry, draft.columns):
            continue
        for name, value in draft.columns.items():
            setattr(entry, name, value)
        if not entry.pk and entry.is_blank and not entry.note and not entry.null_reason:
            continue
        entry.edited_by, entry.edited_at = by, now
        entry.clean_fields(exclude=_ENTRY_LINKS)
        (changed if entry.pk else new).append(entry)
    Entry.objects.bulk_create(new, batch_size=2_000)
    if changed:
        names = {name for draft in drafts for name in draft.columns}
        Entry.objects.bulk_update(changed, [*names, "edited_by", "edited_at"], batch_size=500)


_ENTRY_LINKS = {"submission", "indicator", "district", "edited_by", "source", "rank_pool"}


def _same_digits(entry: Entry, columns: dict[str, object]) -> bool:
    """Equal, where 17 and 17.0 differ: the digits are part of what is said."""
    return all(str(getattr(entry, name)) == str(value) for name, value in columns.items())


def _locked(submission: Submission) -> Submission:
    return (
        Submission.objects.select_for_update(of=("self",))
        .select_related("round", "department__district")
        .get(pk=submission.pk)
    )


def _move(submission: Submission, move: Move, by: User, *, seen: int | None = None, reason: str = "") -> None:
    """Takes the step on a locked submission, or raises; writes the transition.

    `seen` is the row version that the person looked at: nobody approves what changed meanwhile.
    """
    if not by.has_role(*move.roles) or not Submission.objects.visible_to(by).filter(pk=submission.pk).exists():
        raise NotAllowed(refusal(move, by=by, submission=submission))
    if why_not := refusal(move, by=by, submission=submission):
        raise Conflict(why_not)
    if seen is not None and submission.row_version != seen:
        raise Conflict("这份报送在您打开之后有改动，请核对最新内容后再办理。没有改变任何内容。")
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
def submit(*, by: User, submission: Submission, row_version: int | None = None) -> Submission:
    """Hands a form to the reviewers.

    `row_version` is the state that the person saved, if it is to be that one and no other. Raises NotAllowed,
    Conflict, or Refused when nothing was filled in or findings are neither mended nor explained.
    """
    submission = _locked(submission)
    if submission.round and not submission.round.is_open(timezone.now()):
        raise Refused(f"{submission.round}的填报已关闭，不能提交。如需补报，请联系审核员。")
    if all(entry.is_blank for entry in submission.entries.all()):
        raise Refused("还没有填写任何数据，不能提交。请至少填写一项数值、增速或位次。")
    _move(submission, SUBMIT, by, seen=row_version)
    if problem := submission_problem(submission):
        raise Refused(problem)
    return submission


@action
def return_submission(*, by: User, submission: Submission, row_version: int, reason: str) -> Submission:
    """Sends a form back with a reason. Raises NotAllowed, Conflict, or Refused without a reason."""
    submission = _locked(submission)
    reason = reason.strip()
    if not reason:
        raise Refused("退回必须写明理由，好让填报员知道改什么。")
    _move(submission, RETURN, by, seen=row_version, reason=reason)
    return submission


@action
def approve(*, by: User, submission: Submission, row_version: int) -> list[Vintage]:
    """Accepts a form: every entry that says something becomes a vintage, all in one transaction.

    Raises NotAllowed, Conflict (not submitted, own figures, changed since `row_version`), Refused (no definition
    in force).
    """
    submission = _locked(submission)
    _move(submission, APPROVE, by, seen=row_version)
    source = _source_of(submission)
    entries = submission.entries.select_related("indicator", "district", "rank_pool", "edited_by", "source")
    sizes = dict(RankPool.objects.values_list("pk").annotate(Count("members")))
    return _record_vintages(
        [
            VintageInput(
                district=entry.district,
                indicator=entry.indicator,
                period=entry.period,
                source=entry.source or source,
                known_from=None,
                columns=entry_figure(entry),
                ranks=_entry_ranks(entry, sizes),
                entered_by=entry.edited_by,
                approved_by=by,
                entry=entry,
                reason=f"{submission}审核通过后更新",
            )
            for entry in entries
            if not entry.is_blank
        ]
    )


def _entry_ranks(entry: Entry, sizes: dict[int, int]) -> list[RankInput]:
    if entry.rank_place is None or entry.rank_pool is None:
        return []
    by = entry.rank_by or RankBy.UNSTATED
    size = sizes[entry.rank_pool.pk]
    return [RankInput(pool=entry.rank_pool, by=by, place=entry.rank_place, pool_size=size)]


def _source_of(submission: Submission) -> Source:
    if submission.import_job:
        code, kind = f"import-{submission.import_job.pk}", Source.Kind.FILE
        title, file_name = f"导入：{submission.import_job.file_name}"[:160], submission.import_job.file_name[:120]
    else:
        assert submission.department is not None  # submission_has_one_origin
        department = submission.department
        code, kind = f"form-{department.district.code}-{department.code}", Source.Kind.FORM
        title, file_name = f"{department.name}填报", ""
    source, _ = Source.objects.get_or_create(code=code, defaults={"kind": kind, "title": title, "file_name": file_name})
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
    _save_drafts(submission, drafts, by, now)
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
    if submission.round and not submission.round.is_open(timezone.now()):
        raise Refused(f"{submission.round}的填报已关闭，不能再上传材料。")
    content_type = check_evidence(upload)
    digest = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type]
    if entry.evidence.filter(sha256=digest).exists():
        raise Refused("这份文件已经上传过。")
    store_evidence(upload, digest)
    return Evidence.objects.create(
        entry=entry,
        name=evidence_name(upload.name or "附件", content_type),
        content_type=content_type,
        size=upload.size or 0,
        sha256=digest,
        added_by=by,
    )
