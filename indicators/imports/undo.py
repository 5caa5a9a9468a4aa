"""Undoing an import of figures. What waits is taken back; what was approved is withdrawn or restated, never deleted.

Two persons decide about approved figures here too: the admin who sent the file in asks, a reviewer undoes. For each
state that the import made and that is still in force there comes a new one: the state before it, restated with its
ranks and printed comparisons, or a 撤回 where there was none. A restated figure that was released before is not
released again by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.moves import CANCEL, locked, take
from indicators.actions.recording import ADDRESS, SAID, Figures, check_now, record
from indicators.models import Entry, GrowthReason, Observation, Submission, Vintage
from indicators.models.figures import VintageQuerySet
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportRefused
from lvyuan.imports.working import be_patient
from lvyuan.ui.words import period_label

SHOWN: Final = 20  # obstacles listed; the rest is counted
State = Submission.State


def undo_obstacles(job: ImportJob, user: User) -> list[str]:
    """Why this person cannot undo the job's figures now, each with place and remedy; at most ten queries."""
    submission = Submission.objects.filter(import_job=job).select_related("reviewed_by").first()
    if submission is None:
        return [gettext("这批数据由运维人员从命令行直接发布，不能在这里撤销；如需更正，请重新导入正确的数据。")]
    if submission.state != State.APPROVED:
        return []
    if not user.has_role(Role.REVIEWER):
        return [
            gettext("已由%(reviewer)s审核通过，须由审核员撤销：请审核员在审核页打开“%(submission)s”，点“撤销导入”。")
            % {"reviewer": submission.reviewed_by, "submission": submission}
        ]
    if user.pk in (job.created_by_id, submission.submitted_by_id):
        return [gettext("提交过这次导入的人不能撤销已审核的数据，请由另一位审核员办理。")]
    return _newer(submission)


def undo(job: ImportJob, by: User, reason: str) -> Submission:
    """Takes the job's figures back, inside the caller's transaction, which moves the job on.

    A fixed number of statements, however many figures. Raises ImportRefused.
    """
    try:
        return _undo(job, by, reason)
    except Refused as refused:
        raise ImportRefused(str(refused)) from refused


@action
def undo_approved(*, by: User, submission: Submission, row_version: int, reason: str) -> Submission:
    """A reviewer undoes an approved import, and the job with it.

    Raises NotAllowed for others than reviewers; Conflict when it is undone already or has changed since `row_version`;
    Refused without a reason, and where something newer stands in the way, each named.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以撤销已审核的导入，没有改变任何内容。"))
    if not reason.strip():
        raise Refused(gettext("撤销须写明理由，没有改变任何内容。"))
    submission = locked([submission])[0]
    if submission.import_job_id is None or submission.state != State.APPROVED:
        raise Conflict(gettext("只有已通过的导入可以这样撤销，没有改变任何内容。"))
    job = ImportJob.objects.select_for_update().get(pk=submission.import_job_id)
    if job.state != ImportJob.State.CONFIRMED or submission.row_version != row_version:
        raise Conflict(gettext("这次导入在您打开之后有改动，请核对最新内容后再办理。没有改变任何内容。"))
    be_patient()
    _undo(job, by, reason)
    job.state, job.undone_by, job.undone_at, job.undo_reason = (
        ImportJob.State.UNDONE,
        by,
        timezone.now(),
        reason.strip(),
    )
    job.save(update_fields=["state", "undone_by", "undone_at", "undo_reason"])
    return submission


def can_undo(submission: Submission, user: User) -> bool:
    """Whether the page offers a reviewer to undo; what stands in the way is told when they try."""
    job = submission.import_job
    return (
        job is not None
        and job.state == ImportJob.State.CONFIRMED
        and submission.state == State.APPROVED
        and user.has_role(Role.REVIEWER)
        and user.pk not in (job.created_by_id, submission.submitted_by_id)
    )


def _undo(job: ImportJob, by: User, reason: str) -> Submission:
    """Raises Refused for what stands in the way, as it is once everything is locked."""
    found = Submission.objects.filter(import_job=job).first()
    submission = locked([found])[0] if found else None
    if submission is not None and submission.state == State.APPROVED:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, {"submission": submission.pk})
    if obstacles := undo_obstacles(job, by):
        raise Refused("\n".join([gettext("这次导入现在不能撤销，没有改变任何内容："), *obstacles]))
    assert submission is not None  # an obstacle
    if submission.state != State.APPROVED:
        take(submission, CANCEL, by=by, reason=reason)
        return submission
    said = {"submission": submission.pk, "by": by.pk, "reason": f"撤销导入：{reason.strip()}"[:_REASON]}

    def restate_details(made: VintageQuerySet) -> None:
        first = made.order_by("pk").values_list("pk", flat=True).first()
        restated = {"submission": submission.pk, "first": first or 0}
        with connection.cursor() as cursor:
            cursor.execute(_RESTATE_RANKS, restated)
            cursor.execute(_RESTATE_COMPARISONS, restated)

    record(Figures(sql=_TAKEN_BACK, params=said), details=restate_details)
    check_now()
    return submission


# What stands in the way


def _newer(submission: Submission) -> list[str]:
    """What touched the import's figures after it, each with its place and what to do."""
    own = Vintage.objects.filter(entry__submission=submission).order_by("pk")
    own = own.select_related("observation__indicator", "observation__district", "entry")
    later = Vintage.objects.filter(observation=OuterRef("observation"), number__gt=OuterRef("number"))
    start = Coalesce("period_start", dt.date.min)
    touched = Observation.objects.annotate(start=start).filter(
        start=Coalesce(OuterRef("period_start"), dt.date.min),
        vintages__entry__submission=submission,
        **{name: OuterRef(name) for name in ADDRESS if name != "period_start"},
    )
    drafts = Entry.objects.filter(Exists(touched), edited_at__gt=submission.reviewed_at)
    drafts = drafts.exclude(submission=submission).exclude(submission__state=State.APPROVED).order_by("pk")
    found: list[tuple[QuerySet[Any], Callable[[Any], str]]] = [
        (own.filter(Exists(later)), _told_later),
        (own.filter(release__isnull=False), _told_released),
        (own.filter(Exists(GrowthReason.objects.filter(vintage=OuterRef("pk")))), _told_explained),
        (drafts.select_related("indicator", "district", "submission__round", "submission__department"), _told_drafted),
    ]
    told: list[str] = []
    total = 0
    for rows, words in found:
        if not (count := rows.count()):
            continue
        total += count
        told += [words(one) for one in rows[: max(0, SHOWN - len(told))]]
    if total > len(told):
        told.append(gettext("另有 %(count)s 项没有列出。") % {"count": total - len(told)})
    return told


def _figure(of: Observation | Entry) -> str:
    where = "" if of.district.code == settings.HOME_DISTRICT else of.district
    return gettext("%(district)s%(indicator)s%(period)s") % {
        "district": where,
        "indicator": of.indicator,
        "period": period_label(of.period),
    }


def _told_later(vintage: Vintage) -> str:
    return gettext("%(figure)s：导入之后又有新的版本，撤销会盖掉它；这一项请另行导入更正。") % {
        "figure": _figure(vintage.observation)
    }


def _told_released(vintage: Vintage) -> str:
    return gettext("%(figure)s：导入的数已经发布，不能撤销；请导入更正的数，审核后重新发布。") % {
        "figure": _figure(vintage.observation)
    }


def _told_explained(vintage: Vintage) -> str:
    return gettext("%(figure)s：已有人写了增速差异原因；请先在指标页删去，再撤销。") % {
        "figure": _figure(vintage.observation)
    }


def _told_drafted(entry: Entry) -> str:
    return gettext("%(figure)s：“%(submission)s”里有导入之后填的数；请先审核或退回那份报送。") % {
        "figure": _figure(entry),
        "submission": entry.submission,
    }


# The statements. `n` is a state that the import made and that is in force, `p` the state in force before it.

_REASON = 300
_MADE = """
    indicators_entry e JOIN indicators_vintage n ON n.entry_id = e.id
    JOIN indicators_observation o ON o.id = n.observation_id
"""
_BEFORE = """
    (
        SELECT v.* FROM indicators_vintage v
        WHERE v.observation_id = n.observation_id AND (v.known_from, v.number) < (n.known_from, n.number)
        ORDER BY v.known_from DESC, v.number DESC LIMIT 1
    ) p
"""
_LOCK = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM {_MADE} WHERE e.submission_id = %(submission)s ORDER BY o.id FOR UPDATE OF o
    ) locked
"""  # noqa: S608 - constants of this file
_COLUMNS = {name: f"coalesce(p.{name}, '')" for name in SAID} | {
    "value": "p.value",
    "growth": "p.growth",
    "comparator": "coalesce(p.comparator, '=')",
}
_TAKEN_BACK = f"""
    SELECT NULL::bigint AS id, n.id AS seq, p.entry_id, coalesce(p.version_id, n.version_id) AS version_id,
        {", ".join(f"o.{name}" for name in ADDRESS)},
        {", ".join(f"{column} AS {name}" for name, column in _COLUMNS.items())},
        coalesce(p.wording, '') AS wording, coalesce(p.period_wording, '') AS period_wording,
        coalesce(p.period_is_inferred, false) AS period_is_inferred, false AS known_from_is_backfilled,
        coalesce(p.status, 'withdrawn') AS status, coalesce(p.source_id, n.source_id) AS source_id,
        NULL::timestamptz AS known_from, p.entered_by_id, %(by)s::bigint AS approved_by_id, %(reason)s::text AS reason,
        NULL::bigint AS rank_pool_id, NULL::smallint AS rank_place, '' AS rank_by
    FROM {_MADE} LEFT JOIN LATERAL {_BEFORE} ON p.status <> 'withdrawn'
    WHERE e.submission_id = %(submission)s AND o.current_id = n.id
"""  # noqa: S608 - constants of this file
_RESTATED = f"""
    FROM {_MADE} JOIN LATERAL {_BEFORE} ON p.status <> 'withdrawn'
    JOIN indicators_vintage r ON r.observation_id = o.id AND r.id >= %(first)s
        AND r.recorded_at = transaction_timestamp() AND r.id = o.current_id
"""
_RESTATE_RANKS = f"""
    INSERT INTO indicators_rank (vintage_id, pool_id, by, place, pool_size, wording)
    SELECT r.id, d.pool_id, d.by, d.place, d.pool_size, d.wording
    {_RESTATED} JOIN indicators_rank d ON d.vintage_id = p.id WHERE e.submission_id = %(submission)s
"""
_RESTATE_COMPARISONS = f"""
    INSERT INTO indicators_printedcomparison (vintage_id, kind, delta, unit, wording, locator)
    SELECT r.id, d.kind, d.delta, d.unit, d.wording, d.locator
    {_RESTATED} JOIN indicators_printedcomparison d ON d.vintage_id = p.id WHERE e.submission_id = %(submission)s
"""
