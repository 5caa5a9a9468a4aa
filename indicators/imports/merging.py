"""Several rows about one figure: what they state is put together, and where they disagree all are refused."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext

from lvyuan.imports.models import ImportJob
from lvyuan.imports.problems import Problems
from lvyuan.imports.registry import Problem

_SAME_FIGURE = (
    " AND ".join(f"s.{name} = t.{name}" for name in ("district_id", "indicator_id", "period_kind", "period_end"))
    + " AND s.period_start IS NOT DISTINCT FROM t.period_start"
)
_ADDRESS = "district_id, indicator_id, period_kind, period_end, period_start"
# The figures that more than one row speaks about, and whether their rows go together.
_GROUPED = f"""
WITH twice AS MATERIALIZED (
    SELECT {_ADDRESS} FROM indicators_stagedfigure
    WHERE job_id = %(job)s AND district_id IS NOT NULL AND indicator_id IS NOT NULL AND period_end IS NOT NULL
    GROUP BY {_ADDRESS} HAVING count(*) > 1
), members AS MATERIALIZED (
    SELECT s.* FROM indicators_stagedfigure s JOIN twice t ON {_SAME_FIGURE} WHERE s.job_id = %(job)s
), grouped AS MATERIALIZED (
    SELECT {_ADDRESS}, min(seq) AS first,
        (array_agg(seq ORDER BY seq))[1:6] AS seqs,
        (array_agg(line ORDER BY seq))[1:6] AS lines, (array_agg(sheet ORDER BY seq))[1:6] AS sheets,
        min(line) FILTER (WHERE status = 'refused') AS spoiled,
        count(DISTINCT CASE WHEN value IS NOT NULL THEN comparator || value::text || unit
                            WHEN null_reason <> '' THEN null_reason END) > 1
        OR count(DISTINCT growth::text) > 1 OR count(DISTINCT nullif(text, '')) > 1
        OR count(DISTINCT rank_pool_id || '/' || rank_by || '/' || rank_place) > 1
        OR count(DISTINCT nullif(figure_status, '')) > 1 AS differs
    FROM members GROUP BY {_ADDRESS}
)
"""  # noqa: S608 - names of our own columns
_COUNT = f"{_GROUPED} SELECT count(*) FROM grouped"  # noqa: S608
_REFUSED = f"""{_GROUPED}
SELECT s.seq, s.sheet, s.line, s."column", t.seqs, t.lines, t.sheets, t.differs
FROM indicators_stagedfigure s JOIN grouped t ON {_SAME_FIGURE}
WHERE s.job_id = %(job)s AND s.status <> 'refused' AND (t.differs OR t.spoiled IS NOT NULL)
"""  # noqa: S608
_TELL_REFUSED = f"{_REFUSED} ORDER BY s.seq LIMIT %(room)s"
_COUNT_REFUSED = f"SELECT count(*) FROM ({_REFUSED}) r"  # noqa: S608
_REFUSE = f"""{_GROUPED}
UPDATE indicators_stagedfigure s SET status = 'refused' FROM grouped t
WHERE {_SAME_FIGURE} AND s.job_id = %(job)s AND s.status <> 'refused' AND (t.differs OR t.spoiled IS NOT NULL)
"""  # noqa: S608
# What each row states alone, all of it in the first one; the others go.
_PUT_TOGETHER = f"""{_GROUPED}, stated AS MATERIALIZED (
    SELECT g.first, max(m.value) AS value, max(m.comparator) FILTER (WHERE m.value IS NOT NULL) AS comparator,
        max(m.unit) AS unit, max(m.printed) AS printed, max(m.null_reason) AS null_reason,
        max(m.growth) AS growth, max(m.growth_basis) AS growth_basis, max(m.text) AS text,
        max(m.rank_pool_id) AS rank_pool_id, max(m.rank_place) AS rank_place, max(m.rank_by) AS rank_by,
        max(m.figure_status) AS figure_status,
        left(string_agg(DISTINCT nullif(m.note, ''), '；'), 500) AS note
    FROM members m JOIN grouped g ON {_SAME_FIGURE.replace("s.", "m.").replace("t.", "g.")}
    WHERE NOT g.differs AND g.spoiled IS NULL GROUP BY g.first
), gone AS (
    DELETE FROM indicators_stagedfigure s USING grouped t
    WHERE {_SAME_FIGURE} AND s.job_id = %(job)s AND NOT t.differs AND t.spoiled IS NULL AND s.seq <> t.first
)
UPDATE indicators_stagedfigure s SET
    value = t.value, comparator = coalesce(t.comparator, '='), unit = t.unit, printed = t.printed,
    null_reason = CASE WHEN t.value IS NULL THEN t.null_reason ELSE '' END,
    growth = t.growth, growth_basis = t.growth_basis, text = t.text, rank_pool_id = t.rank_pool_id,
    rank_place = t.rank_place, rank_by = t.rank_by, figure_status = t.figure_status, note = coalesce(t.note, '')
FROM stated t WHERE s.job_id = %(job)s AND s.seq = t.first
"""  # noqa: S608


def merge(job: ImportJob, problems: Problems) -> None:
    """One staged row for each figure: rows that state different things of it are put together, or that agree.

    Where they disagree, or one of them is refused, all are. A row that says nothing but a mark for no data states
    that, so it disagrees with a value.
    """
    told = {"job": job.pk}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, told)
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_COUNT_REFUSED, told)
        if count := cursor.fetchone()[0]:
            cursor.execute(_TELL_REFUSED, told | {"room": problems.room})
            found = cursor.fetchall()
            problems.add_all(_problem(*row) for row in found)
            problems.left += count - len(found)
            cursor.execute(_REFUSE, told)
        cursor.execute(_PUT_TOGETHER, told)


def _problem(
    seq: int,
    sheet: str,
    line: int,
    column: str,
    seqs: list[int],
    lines: list[int],
    sheets: list[str],
    differs: bool,
) -> Problem:
    others = gettext("、").join(
        f"“{there}”{number}" if there != sheet else str(number)
        for one, number, there in zip(seqs, lines, sheets, strict=True)
        if one != seq
    )
    if differs:
        message = gettext("与第 %(others)s 行重复且不一致") % {"others": others}
        remedy = gettext("请核对这几行，只保留正确的一行")
    else:
        message = gettext("与第 %(others)s 行是同一个数，那里有错误") % {"others": others}
        remedy = gettext("请先改正那一行，或删去其中一行")
    return Problem(sheet=sheet, line=line, column=column, message=message, remedy=remedy)
