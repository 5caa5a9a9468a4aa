"""What the operator publishes directly from a file, without form or reviewer; never what a web page sends in."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.recording import ADDRESS, PRINTED, SAID, Figures, check_now, record
from indicators.models import Source
from indicators.models.figures import VintageQuerySet
from indicators.refusals import Refused
from lvyuan.accounts.models import User
from lvyuan.audit.context import action
from lvyuan.imports.models import ImportJob


@action
def publish_staged(
    *, job: ImportJob, source: Source, by: User | None = None, known_from: dt.datetime | None = None, reason: str = ""
) -> VintageQuerySet:
    """Records the new and changed staged figures of a job as approved states, and gives them.

    For the shell alone, as load_fixtures: a web import becomes a submission. The caller has checked the job under its
    lock and moves it on. `known_from` is the publication's moment where figures are backfilled, and then flagged; None
    is now. A fixed number of statements, however many figures. Raises Refused without any figure, for a moment to come,
    where no definition is in force, and in the words of the constraint where the database refuses.
    """
    if known_from is not None and known_from > timezone.now():
        raise Refused(gettext("发布日期不能晚于现在，没有改变任何内容。"))
    said = {
        "job": job.pk,
        "source": source.pk,
        "known_from": known_from,
        "backfilled": known_from is not None,
        "reason": reason.strip() or f"补录来源：{source}",
    }
    made = record(Figures(sql=_STAGED, params=said, keeps_details=True))
    if not made.exists():
        raise Refused(gettext("文件里没有新的或有变化的数据，无需导入。"))
    check_now()
    return made


_STAGED = f"""
    SELECT NULL::bigint AS id, f.seq, NULL::bigint AS entry_id, NULL::bigint AS version_id,
        {", ".join(f"f.{name}" for name in (*ADDRESS, *SAID))},
        coalesce(nullif(f.figure_status, ''), 'unstated') AS status,
        {", ".join(f"{blank} AS {name}" for name, blank in PRINTED.items() if name != "known_from_is_backfilled")},
        %(backfilled)s::boolean AS known_from_is_backfilled,
        %(source)s::bigint AS source_id, %(known_from)s::timestamptz AS known_from,
        NULL::bigint AS entered_by_id, NULL::bigint AS approved_by_id, %(reason)s::text AS reason,
        f.rank_pool_id, f.rank_place, coalesce(nullif(f.rank_by, ''), 'unstated') AS rank_by
    FROM indicators_stagedfigure f
    WHERE f.job_id = %(job)s AND f.status IN ('new', 'changed')
"""  # noqa: S608 - names of our columns
