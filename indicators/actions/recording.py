# ruff: noqa: S608 - statements are put together from constants of this file
"""New approved states, written by the database: one way for the twenty figures of a form and the million of a file.

Figures come as a SELECT; no row passes through Python, and the number of statements is fixed. The order is what makes
it safe: missing observations are made and the others locked, each in one order, before anything is compared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.lights import store_lights
from indicators.models import (
    Indicator,
    LightRuleUse,
    Observation,
    PrintedComparison,
    Rank,
    Submission,
    Target,
    Vintage,
)
from indicators.models.figures import VintageQuerySet
from indicators.refusals import Refused
from lvyuan.periods import Period, PeriodKind
from lvyuan.ui.words import period_label

MANY = 2_000
LIGHTS_AT_ONCE = 2_000  # figures judged together; bounds the memory, whatever the number of figures

# What a figure says, by the same names in Entry, StagedFigure and Vintage.
SAID = ("value", "comparator", "unit", "printed", "null_reason", "growth", "growth_basis", "text", "locator", "note")
# What only a vintage says.
PRINTED = {"wording": "''", "period_wording": "''", "period_is_inferred": "false", "known_from_is_backfilled": "false"}
ADDRESS = ("district_id", "indicator_id", "period_kind", "period_end", "period_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Where new states come from.

    `sql` selects the columns of ADDRESS, SAID and PRINTED, and: id (NULL: a new one), seq (their order), entry_id,
    version_id (NULL: the one in force), status, source_id, known_from (NULL: now), entered_by_id, approved_by_id,
    reason, rank_pool_id, rank_place, rank_by. `unchanged` says of a figure `s` and the state in force `b` that nothing
    new is said; then no state is added.
    """

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)
    unchanged: str = "false"
    first: int | None = None  # where `id` is given: one less than the smallest
    keeps_details: bool = False  # ranks and comparisons in force stand on where their measure did not change


def record(figures: Figures, *, details: Callable[[VintageQuerySet], object] | None = None) -> VintageQuerySet:
    """Adds approved states and points each observation at the one known last; gives the new ones. Inside an action.

    `details` adds to the new states what `figures` cannot say, before lights are judged. The reason stands only on
    what corrects another state. Raises Refused where no definition is in force, and in the words of the constraint
    where the database refuses.
    """
    try:
        with _plans_for_many(figures):
            made = _record(figures)
            if details:
                details(made)
    except IntegrityError as error:
        raise Refused(_told(error)) from error
    _store_lights(made)
    return made


@contextmanager
def _plans_for_many(figures: Figures) -> Iterator[None]:
    """Keeps the planner to indexes and hashed sets where figures are many.

    Its statistics know nothing of rows that came a moment ago, nor of those that a statement is about to add: it takes
    thousands for one and a growing table for a page, and compares each with each.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) > {MANY} FROM ({figures.sql}) s", dict(figures.params))
        (is_many,) = cursor.fetchone()
        cursor.execute(_PLAN, {"way": "off" if is_many else "on"})
        yield
        cursor.execute(_PLAN, {"way": "on"})


_PLAN = "SELECT " + ", ".join(
    f"set_config('enable_{name}', %(way)s, true)" for name in ("nestloop", "mergejoin", "seqscan")
)


def _record(figures: Figures) -> VintageQuerySet:
    with connection.cursor() as cursor:

        def run(sql: str, **more: Any) -> int:
            cursor.execute(sql.replace("{figures}", figures.sql), {**figures.params, "first": first, **more})
            return int(cursor.rowcount)

        cursor.execute(f"SELECT {NEXT_VINTAGE}, transaction_timestamp()")
        first, recorded_at = cursor.fetchone()
        first = first if figures.first is None else figures.first
        run(_MAKE_OBSERVATIONS)
        run(_LOCK_OBSERVATIONS)
        if run(_UNDEFINED.replace("{unchanged}", figures.unchanged)):
            raise Refused(_undefined(*cursor.fetchone()))
        now = timezone.now()  # only now: whoever waited for the lock records later
        run(_ADD_VINTAGES.replace("{unchanged}", figures.unchanged), now=now)
        run(_ADD_OWN_RANKS)
        if figures.keeps_details:
            run(_KEEP_RANKS)
            run(_KEEP_COMPARISONS)
        run(_POINT)
        cursor.execute(f"SELECT {NEXT_VINTAGE}")
        (last,) = cursor.fetchone()
    return Vintage.objects.filter(pk__gt=first, pk__lt=last, recorded_at=recorded_at)


def check_now() -> None:
    """Runs the checks that wait for the end of the transaction. Raises Refused in the words of the constraint."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError as error:
        raise Refused(_told(error)) from error


def _undefined(indicator: int, kind: str, end: dt.date, start: dt.date | None) -> str:
    return gettext("“%(indicator)s”在%(period)s没有生效的口径，请管理员先补充指标口径。") % {
        "indicator": Indicator.objects.get(pk=indicator),
        "period": period_label(Period(PeriodKind(kind), end, start)),
    }


def _told(error: IntegrityError) -> str:
    """What the database refused, in the words of the constraint or of the trigger."""
    diag = getattr(error.__cause__, "diag", None)
    name, raised = getattr(diag, "constraint_name", None), getattr(diag, "message_primary", None)
    for model in (Vintage, Observation, Rank, PrintedComparison, Submission):
        for constraint in model._meta.constraints:
            if constraint.name == name and constraint.violation_error_message:
                return gettext("%(why)s没有改变任何内容。") % {"why": constraint.violation_error_message}
    why = gettext("数据库拒绝了其中一项（%(name)s）。") % {"name": name} if name or not raised else raised
    return gettext("%(why)s没有改变任何内容。") % {"why": why}


# Lights


def _store_lights(made: VintageQuerySet) -> None:
    """Judges those of the new states that a rule or a target may speak about, or that others lean on."""
    own = LightRuleUse.objects.filter(indicator=OuterRef("observation__indicator"))
    target = Target.objects.filter(
        Q(indicator=OuterRef("observation__indicator")) | Q(compared_with=OuterRef("observation__indicator")),
        Q(district=OuterRef("district")) | Q(district__parent=OuterRef("district")),
    )
    asked = made.filter(Exists(own) | Exists(target)).select_related("observation", "district").order_by("pk")
    last = 0
    while chunk := list(asked.filter(pk__gt=last)[:LIGHTS_AT_ONCE]):
        store_lights(chunk)
        last = chunk[-1].pk
        if len(chunk) < LIGHTS_AT_ONCE:
            break


# The statements. `s` is a figure, `o` its observation, `b` the state in force before, `n` a new state.


def _same(*names: str) -> str:
    """Equal digit for digit: 17 and 17.0 differ."""
    return " AND ".join(f"s.{name}::text IS NOT DISTINCT FROM b.{name}::text" for name in names)


SAME_FIGURES = _same("value", "comparator", "unit", "printed", "growth", "text")
SAME_ENTRY = f"""
    b.entry_id = s.entry_id AND {SAME_FIGURES} AND {_same("status", "note", "null_reason")}
    AND (s.rank_place IS NULL OR s.rank_pool_id IS NULL OR EXISTS (
        SELECT 1 FROM indicators_rank r
        WHERE r.vintage_id = b.id AND r.pool_id = s.rank_pool_id AND r.by = s.rank_by AND r.place = s.rank_place
    ))
"""

NEXT_VINTAGE = "nextval(pg_get_serial_sequence('indicators_vintage', 'id'))"
_AT = """
    o.district_id = s.district_id AND o.indicator_id = s.indicator_id AND o.period_kind = s.period_kind
    AND o.period_end = s.period_end AND o.period_start IS NOT DISTINCT FROM s.period_start
"""
_NEW = "n.id > %(first)s AND n.recorded_at = transaction_timestamp()"
_BEFORE = f"""
    b.id = o.current_id AND b.status <> 'withdrawn' AND NOT ({_NEW.replace("n.", "b.")})
"""
_DEFINED = """
    d.indicator_id = s.indicator_id AND d.valid_from <= s.period_end
    AND (d.valid_to IS NULL OR d.valid_to >= s.period_end)
"""

# An observation is made pointing at the id of its first state, which follows: nothing is written twice.
_MAKE_OBSERVATIONS = f"""
    INSERT INTO indicators_observation ({", ".join(ADDRESS)}, current_id)
    SELECT {", ".join(ADDRESS)}, coalesce(id, {NEXT_VINTAGE}) FROM (
        SELECT DISTINCT ON ({", ".join(ADDRESS)}) {", ".join(ADDRESS)}, id FROM ({{figures}}) s
        WHERE NOT EXISTS (SELECT 1 FROM indicators_observation o WHERE {_AT})
        ORDER BY {", ".join(ADDRESS)}, seq
    ) missing
    ON CONFLICT DO NOTHING
"""
_IS_MADE = """
    o.current_id > %(first)s AND NOT EXISTS (SELECT 1 FROM indicators_vintage v WHERE v.id = o.current_id)
"""
_LOCK_OBSERVATIONS = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM ({{figures}}) s JOIN indicators_observation o ON {_AT}
        WHERE ({_IS_MADE}) IS NOT TRUE
        ORDER BY o.id FOR UPDATE OF o
    ) locked
"""
_UNDEFINED = f"""
    WITH lacking AS MATERIALIZED (
        SELECT * FROM ({{figures}}) s
        WHERE version_id IS NULL AND NOT EXISTS (SELECT 1 FROM indicators_indicatorversion d WHERE {_DEFINED})
    )
    SELECT s.indicator_id, s.period_kind, s.period_end, s.period_start
    FROM lacking s JOIN indicators_observation o ON {_AT} LEFT JOIN indicators_vintage b ON {_BEFORE}
    WHERE ({{unchanged}}) IS NOT TRUE ORDER BY s.seq LIMIT 1
"""
_SAID = (*SAID, *PRINTED, "status", "source_id", "entered_by_id", "approved_by_id", "entry_id")
_COLUMNS = ", ".join(name for name in _SAID if name != "unit")
_ADD_VINTAGES = f"""
    INSERT INTO indicators_vintage
        (id, district_id, observation_id, number, version_id, unit, known_from, reason, {_COLUMNS})
    SELECT coalesce(id, CASE WHEN is_made AND turn = 1 THEN current_id END, {NEXT_VINTAGE}),
        district_id, observation_id, last + turn, version_id,
        CASE WHEN value IS NOT NULL AND unit = '' THEN defined_unit ELSE unit END,
        coalesce(known_from, %(now)s), CASE WHEN last + turn > 1 THEN reason ELSE '' END, {_COLUMNS}
    FROM (
        SELECT s.id, s.district_id, o.id AS observation_id, o.current_id, ({_IS_MADE}) AS is_made,
            coalesce((SELECT max(v.number) FROM indicators_vintage v WHERE v.observation_id = o.id), 0) AS last,
            row_number() OVER (PARTITION BY o.id ORDER BY s.seq) AS turn,
            coalesce(s.version_id, d.id) AS version_id, d.unit AS defined_unit, s.known_from, s.reason,
            {", ".join(f"s.{name}" for name in _SAID)}
        FROM ({{figures}}) s JOIN indicators_observation o ON {_AT}
        LEFT JOIN indicators_indicatorversion d ON {_DEFINED} LEFT JOIN indicators_vintage b ON {_BEFORE}
        WHERE ({{unchanged}}) IS NOT TRUE
    ) said
"""
_ADD_OWN_RANKS = f"""
    INSERT INTO indicators_rank (vintage_id, pool_id, by, place, pool_size, wording)
    SELECT n.id, s.rank_pool_id, s.rank_by, s.rank_place,
        (SELECT count(*) FROM indicators_rankpoolmember m WHERE m.pool_id = s.rank_pool_id), ''
    FROM ({{figures}}) s JOIN indicators_observation o ON {_AT}
    JOIN indicators_vintage n ON n.observation_id = o.id AND n.entry_id IS NOT DISTINCT FROM s.entry_id AND {_NEW}
    WHERE s.rank_place IS NOT NULL AND s.rank_pool_id IS NOT NULL
"""
_CORRECTED = f"""
    indicators_vintage n JOIN indicators_observation o ON o.id = n.observation_id JOIN indicators_vintage b ON {_BEFORE}
"""
_SAME_VALUE, _SAME_GROWTH = (f"n.{name}::text IS NOT DISTINCT FROM b.{name}::text" for name in ("value", "growth"))
_KEEP_RANKS = f"""
    INSERT INTO indicators_rank (vintage_id, pool_id, by, place, pool_size, wording)
    SELECT n.id, r.pool_id, r.by, r.place, r.pool_size, r.wording
    FROM {_CORRECTED} JOIN indicators_rank r ON r.vintage_id = b.id
    WHERE {_NEW} AND (r.by = 'growth' OR {_SAME_VALUE}) AND (r.by = 'level' OR {_SAME_GROWTH})
        AND NOT EXISTS (SELECT 1 FROM indicators_rank own
            WHERE own.vintage_id = n.id AND own.pool_id = r.pool_id AND own.by = r.by)
"""
_KEEP_COMPARISONS = f"""
    INSERT INTO indicators_printedcomparison (vintage_id, kind, delta, unit, wording, locator)
    SELECT n.id, c.kind, c.delta, c.unit, c.wording, c.locator
    FROM {_CORRECTED} JOIN indicators_printedcomparison c ON c.vintage_id = b.id
    WHERE {_NEW} AND (c.kind = 'over_expectation' OR {_SAME_VALUE}) AND (c.kind = 'over_three_years' OR {_SAME_GROWTH})
"""
_POINT = f"""
    UPDATE indicators_observation o SET current_id = known.id
    FROM (
        SELECT DISTINCT ON (v.observation_id) v.observation_id, v.id FROM indicators_vintage v
        WHERE v.observation_id IN (
            SELECT n.observation_id FROM indicators_vintage n JOIN indicators_observation p ON p.id = n.observation_id
            WHERE {_NEW} AND p.current_id IS DISTINCT FROM n.id
        )
        ORDER BY v.observation_id, v.known_from DESC, v.number DESC
    ) known
    WHERE o.id = known.observation_id AND o.current_id IS DISTINCT FROM known.id
"""
