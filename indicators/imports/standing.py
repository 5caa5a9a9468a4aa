"""Staged figures against what is approved: new, changed, the same, or a correction that would drop a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from django.db import connection
from django.utils.translation import gettext

from indicators.imports.lines import COLUMNS, rank_text
from indicators.models import Rank, StagedFigure, Vintage
from lvyuan.imports.models import ImportJob, RowStatus
from lvyuan.imports.problems import Problems
from lvyuan.imports.registry import Problem
from lvyuan.numbers import Comparator, format_figure, plain

# The observation that a staged figure speaks about.
ITS_OBSERVATION = """
    o.district_id = s.district_id AND o.indicator_id = s.indicator_id AND o.period_kind = s.period_kind
    AND o.period_end = s.period_end AND o.period_start IS NOT DISTINCT FROM s.period_start
"""
# What is approved there: all that is stated is the same digit for digit, and what the row leaves out.
_COMPARE = f"""
WITH found AS (
    SELECT s.id, o.id AS observation_id, v.id AS before_id,
        v.id IS NOT NULL AND v.status <> 'withdrawn' AS stands,
        (s.value IS NULL OR s.value::text IS NOT DISTINCT FROM v.value::text AND s.comparator = v.comparator
            AND s.unit = coalesce(nullif(v.unit, ''), d.unit))
        AND (s.growth IS NULL OR s.growth::text IS NOT DISTINCT FROM v.growth::text)
        AND (s.text = '' OR s.text = v.text)
        AND (s.rank_place IS NULL OR r.agrees)
        AND (s.figure_status = '' OR s.figure_status = v.status) AS agrees,
        v.value IS NOT NULL AND s.value IS NULL OR v.growth IS NOT NULL AND s.growth IS NULL
        OR v.text <> '' AND s.text = '' OR r.count > 1 OR r.count = 1 AND s.rank_place IS NULL AS loses
    FROM indicators_stagedfigure s
    JOIN indicators_observation o ON {ITS_OBSERVATION}
    LEFT JOIN indicators_vintage v ON v.id = o.current_id
    LEFT JOIN indicators_indicatorversion d ON d.id = v.version_id
    LEFT JOIN LATERAL (
        SELECT count(*) AS count,
            bool_or(k.pool_id = s.rank_pool_id AND k.by = s.rank_by AND k.place = s.rank_place) AS agrees
        FROM indicators_rank k WHERE k.vintage_id = v.id
    ) r ON true
    WHERE s.job_id = %(job)s AND s.status <> 'refused'
)
UPDATE indicators_stagedfigure s SET observation_id = f.observation_id, before_id = f.before_id,
    status = CASE WHEN NOT f.stands THEN 'new' WHEN f.agrees THEN 'same' WHEN f.loses THEN 'refused' ELSE 'changed' END
FROM found f WHERE s.id = f.id
"""  # noqa: S608
_MOVED = f"""
SELECT EXISTS (
    SELECT FROM indicators_stagedfigure s LEFT JOIN indicators_observation o ON {ITS_OBSERVATION}
    WHERE s.job_id = %(job)s AND s.status <> 'refused' AND o.current_id IS DISTINCT FROM s.before_id
) OR EXISTS (
    SELECT FROM indicators_stagedfigure s LEFT JOIN indicators_indicatorversion d ON d.id = s.version_id
    WHERE s.job_id = %(job)s AND s.status <> 'refused' AND (
        d.id IS NULL OR s.period_end < d.valid_from OR s.period_end > d.valid_to
        OR s.value IS NOT NULL AND d.unit <> '' AND s.unit <> d.unit
    )
)
"""  # noqa: S608


def compare(job: ImportJob, problems: Problems) -> None:
    """Says of each understood row whether it is new, changes what is approved, or says nothing new.

    A new vintage replaces the whole old one, so a row that leaves out a figure which stands there is refused: that
    figure would vanish unseen.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"job": job.pk})
    lost = StagedFigure.objects.filter(job=job, status=RowStatus.REFUSED, before__isnull=False)
    rows = list(lost.order_by("seq")[: problems.room])
    if rows:
        current = approved_words(rows)
        problems.add_all(_lost_problem(row, current[row.before_id]) for row in rows)
        problems.left += lost.count() - len(rows)


def has_moved(job: ImportJob) -> bool:
    """Whether, since the rows were compared, anything was approved where they speak, or a definition changed."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, {"job": job.pk})
        return bool(cursor.fetchone()[0])


class Words:
    """An approved state in words: the whole of it, and its parts by what they are."""

    def __init__(self, vintage: Vintage, ranks: list[str]) -> None:
        unit = vintage.unit or vintage.version.unit
        value = format_figure(
            vintage.value, unit=unit, comparator=cast(Comparator, vintage.comparator), printed=vintage.printed
        )
        self.vintage, self.ranks = vintage, ranks
        self.text = figure_words(value, vintage.text, vintage.growth, gettext("；").join(ranks))


def approved_words(rows: Iterable[StagedFigure]) -> dict[int | None, Words]:
    """By id, the approved states that stood where these rows speak; two queries."""
    vintages = Vintage.objects.filter(pk__in={row.before_id for row in rows}).select_related("version")
    ranks: defaultdict[int, list[str]] = defaultdict(list)
    for rank in Rank.objects.filter(vintage__in=vintages.values("pk")).select_related("pool").order_by("by"):
        ranks[rank.vintage_id].append(rank_text(rank.pool, rank.place, rank.by))
    return {vintage.pk: Words(vintage, ranks[vintage.pk]) for vintage in vintages}


def figure_words(value: str, words: str, growth: Decimal | None, rank: str) -> str:
    """All that a figure states, in one line."""
    rate = gettext("同比 %(growth)s%%") % {"growth": plain(growth)} if growth is not None else ""
    return gettext("；").join(part for part in (value, words, rate, rank) if part)


def _lost_problem(row: StagedFigure, current: Words) -> Problem:
    was = current.vintage
    lost = {
        "value": was.value is not None and row.value is None,
        "growth": was.growth is not None and row.growth is None,
        "text": bool(was.text) and not row.text,
        "rank": len(current.ranks) > 1 or (bool(current.ranks) and row.rank_place is None),
    }
    names = gettext("、").join(COLUMNS[name].names[0] for name, is_lost in lost.items() if is_lost)
    return Problem(
        sheet=row.sheet,
        line=row.line,
        column=row.column,
        message=gettext("现行数据（%(current)s）的%(names)s在这一行没有写全，导入后会丢失")
        % {"current": current.text, "names": names},
        remedy=gettext("请照现行数据补全，或在填报表里更正"),
    )
