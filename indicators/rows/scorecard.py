"""The scorecard: one frozen row per indicator, from which every page takes its figures.

`scorecard()` needs four queries whatever the number of indicators and months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import (
    BigIntegerField,
    DateField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce, NullIf

from indicators.models import Indicator, Observation, Rank, Target, Vintage
from indicators.models.figures import VintageQuerySet
from indicators.rows.building import address, build_row, build_target_row, neighbours
from indicators.rows.cards import Row, Scorecard
from indicators.rows.facts import Address, Facts, lines, read, told
from lvyuan import periods
from lvyuan.accounts.models import Department, User, district_key
from lvyuan.periods import Period, PeriodKind
from lvyuan.prepared import Columns, Given, GivenList, prepared
from lvyuan.ui.months import LISTED_YEARS

YEARS_AFTER = 1  # that a target of several years stays with the figures after its end
# A count as of a date stays true until the next one; a monthly figure belongs to its month alone.
CARRIED_KINDS = (PeriodKind.INSTANT.value, PeriodKind.WINDOW.value)
_INDICATOR, _OWNER = Columns(Indicator), Columns(Department, "owner__")
_TARGET, _COMPARED = Columns(Target), Columns(Indicator, "compared_with__")
_DISTRICT, _KNOWN_AT = Given("district", TextField()), Given("known_at", DateTimeField())


def scorecard(
    *,
    district: str,
    period: Period | None,
    known_at: dt.datetime | None = None,
    user: User,
    codes: Sequence[str] | None = None,
    headline: bool = False,
) -> Scorecard:
    """One row per indicator that `user` may see, in four queries.

    `district` is a code. `period` picks each indicator's primary kind at that end month; figures as of a
    date are carried until the next one. None gives each indicator's latest approved figure.
    `known_at` shows what was known at that moment. `codes` narrows to some indicators and those of their targets
    that are about the years shown or several years, `headline` to those of the cockpit: its tiles and what its
    targets are about.
    """
    visible = Indicator.objects.visible_to(user).select_related("owner")
    chosen = (
        _headline_indicators(district, user)
        if headline
        else list(visible if codes is None else visible.filter(code__in=codes))
    )
    found = _latest(chosen, district, known_at=known_at, period=period)
    beside = _beside(chosen, found.values(), district, known_at)
    targets = (
        _headline_targets(district, known_at, chosen, found)
        if headline
        else _targets(district, known_at)
        if codes is None
        else _targets(district, known_at, of=chosen, years={facts.end.year for facts in found.values()})
    )
    rows = tuple(
        build_row(indicator, found[indicator.pk], beside, targets)
        if indicator.pk in found
        else Row(indicator, is_off_calendar=_is_off_calendar(indicator, period))
        for indicator in chosen
    )
    by_pk = {row.indicator.pk: row for row in rows}
    target_rows = (build_target_row(target, by_pk.get(target.indicator_id or 0), district) for target in targets)
    return Scorecard(rows, tuple(sorted(target_rows, key=lambda row: row.target.order)), period, known_at)


@prepared
def _series_keys(is_past: bool) -> QuerySet[Vintage, tuple[Any, ...]]:
    found = _in_force(_DISTRICT, _KNOWN_AT if is_past else None).filter(
        observation__indicator=Given("indicator", BigIntegerField()),
        observation__period_kind=Given("kind", TextField()),
    )
    start = F("observation__period_start").asc(nulls_first=True)
    return found.order_by("-observation__period_end", start, "pk").values_list("pk")


def series_keys(
    *, indicator: Indicator, district: str, known_at: dt.datetime | None = None, user: User
) -> tuple[int, ...]:
    """The vintages of every approved period of one indicator's primary kind, newest first, as keys alone; one query."""
    if not _sees_any(user):
        return ()
    found = _series_keys(
        known_at is not None,
        district=district,
        known_at=known_at,
        indicator=indicator.pk,
        kind=indicator.primary_kind,
    )
    return tuple(pk for (pk,) in found)


@prepared
def _lines_of() -> QuerySet[Vintage, tuple[Any, ...]]:
    return lines(Vintage.objects.order_by().filter(pk__among=GivenList("keys", BigIntegerField())))


def series(
    *, indicator: Indicator, district: str, keys: Collection[int], known_at: dt.datetime | None = None
) -> dict[int, Row]:
    """By key, the scorecard rows of some of one indicator's `series_keys`, without targets; two queries."""
    found = told(_lines_of(keys=list(keys)))
    beside = _beside([indicator], found, district, known_at)
    return {facts.pk: build_row(indicator, facts, beside, ()) for facts in found}


def _sees_any(user: User) -> bool:
    """Whether the user sees any indicator, and so all of them; no query."""
    return not Indicator.objects.visible_to(user).query.is_empty()


def figure_row(
    *, indicator: Indicator, district: str, period: Period, known_at: dt.datetime | None = None, user: User
) -> Row:
    """The row of exactly this indicator and period; empty when nothing is approved there."""
    found = read(
        _in_force(district, known_at).filter(
            observation__in=Observation.objects.visible_to(user).for_period(period),
            observation__indicator=indicator,
        )
    )
    if not found:
        return Row(indicator)
    beside = _beside([indicator], found, district, known_at)
    targets = _targets(district, known_at, of=[indicator], years={period.year_no})
    return build_row(indicator, found[0], beside, targets)


def reported(
    *,
    indicators: Sequence[Indicator],
    district: str,
    as_of: dt.date,
    known_at: dt.datetime | None = None,
    user: User,
) -> dict[int, Row]:
    """By indicator id, the row of its primary kind that was reported last as of a day; one query."""
    asked = indicators if _sees_any(user) else []
    found = _latest(asked, district, known_at=known_at, until=as_of)
    return {
        indicator.pk: build_row(indicator, found[indicator.pk], {}, []) for indicator in asked if indicator.pk in found
    }


def rows_by_vintage(vintages: QuerySet[Vintage], *, indicators: Iterable[Indicator] | None = None) -> dict[int, Row]:
    """By vintage id, each one's row alone, without anything computed from other periods.

    Two queries, one where `indicators` are given.
    """
    return {facts.pk: row for facts, row in _alone(vintages, indicators)}


def rows_by_address(
    vintages: QuerySet[Vintage], *, indicators: Iterable[Indicator] | None = None
) -> dict[tuple[str, int, str], Row]:
    """As `rows_by_vintage`, by district code, indicator id and period code; one query where `indicators` are given."""
    found = _alone(vintages, indicators)
    return {(facts.district, facts.indicator, facts.period.code): row for facts, row in found}


def _alone(vintages: QuerySet[Vintage], indicators: Iterable[Indicator] | None = None) -> list[tuple[Facts, Row]]:
    found = read(vintages)
    known = (
        Indicator.objects.in_bulk({facts.indicator for facts in found})
        if indicators is None
        else {indicator.pk: indicator for indicator in indicators}
    )
    return [(facts, build_row(known[facts.indicator], facts, {}, [])) for facts in found]


# From each end straight to the one before, by the index `observation_ends`: a district has ten thousand figures in
# sixty months, and the picker of every page asks for the months.
_ENDS_SQL = """
WITH RECURSIVE figure AS NOT MATERIALIZED (
    SELECT period_end FROM indicators_observation
    WHERE current_id IS NOT NULL AND district_id = (SELECT id FROM accounts_district WHERE code = %(district)s)
), ends AS (
    (SELECT period_end FROM figure ORDER BY period_end DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT period_end FROM figure WHERE period_end < ends.period_end ORDER BY period_end DESC LIMIT 1)
    FROM ends
    WHERE ends.period_end >= (
        SELECT date_trunc('year', max(period_end)) - make_interval(years => %(years)s - 1) FROM figure
    )
)
SELECT period_end FROM ends WHERE period_end IS NOT NULL
"""


def months_with_figures(district: str) -> list[Period]:
    """End months that have any approved figure, newest first: the last years', and one before them; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDS_SQL, {"district": district, "years": LISTED_YEARS})
        ends = [end for (end,) in cursor.fetchall()]
    return [Period.month(*month) for month in dict.fromkeys((end.year, end.month) for end in ends)]


@prepared
def _headline_indicator_lines() -> QuerySet[Indicator, tuple[Any, ...]]:
    promised = Target.objects.filter(indicator=OuterRef("pk"), district=district_key(_DISTRICT), is_headline=True)
    found = Indicator.objects.filter(Q(is_headline=True) | Exists(promised))
    return found.values_list(*_INDICATOR.paths, *_OWNER.paths)


def _headline_indicators(district: str, user: User) -> list[Indicator]:
    """The cockpit's tiles and what its targets are about, owners at hand; one query."""
    if not _sees_any(user):
        return []
    chosen = []
    for line in _headline_indicator_lines(district=district):
        indicator = _INDICATOR.made(line[: len(_INDICATOR)])
        assert indicator
        indicator.owner = _OWNER.made(line[len(_INDICATOR) :])
        chosen.append(indicator)
    return chosen


def _targets(
    district: str, known_at: dt.datetime | None, *, of: Sequence[Indicator] | None = None, years: Collection[int] = ()
) -> list[Target]:
    """The versions in force, those that follow a plan with their months; two queries, one without a plan.

    With `of` only those of these indicators that are about one of the `years` or about several.
    """
    found = Target.objects.filter(district__code=district).in_force(known_at)
    if of is not None:
        of_several = Q(kind=Target.Kind.THREE_YEARS)
        if years:  # of what ended long before, no figure shown is a part
            of_several &= Q(period_end__year__gte=min(years) - YEARS_AFTER)
        found = found.filter(indicator__in=of).filter(Q(period_end__year__in=years) | of_several)
    return _with_plans(found.select_related("indicator__owner", "compared_with", "source", "node", "district"))


@prepared
def _headline_target_lines(is_past: bool) -> QuerySet[Target, tuple[Any, ...]]:
    in_force = Target.objects.filter(district=district_key(_DISTRICT)).in_force(_KNOWN_AT if is_past else None)
    found = in_force.filter(
        Q(is_headline=True)
        | Q(
            indicator__among=GivenList("indicators", BigIntegerField()),
            period_end__year__among=GivenList("years", IntegerField()),
        )
    )
    return found.values_list(*_TARGET.paths, *_COMPARED.paths)


def _headline_targets(
    district: str, known_at: dt.datetime | None, indicators: Iterable[Indicator], shown: Mapping[int, Facts]
) -> list[Target]:
    """As `_targets`, only those of the headline and of the shown figures' own years, without source and node."""
    by_pk = {indicator.pk: indicator for indicator in indicators}
    found = _headline_target_lines(
        known_at is not None,
        district=district,
        known_at=known_at,
        indicators=list(shown),
        years=list({facts.end.year for facts in shown.values()}),
    )
    targets = []
    for line in found:
        target = _TARGET.made(line[: len(_TARGET)])
        assert target
        target.compared_with = _COMPARED.made(line[len(_TARGET) :])
        if target.indicator_id is not None:
            target.indicator = by_pk[target.indicator_id]  # all are at hand: no join, no query
        targets.append(target)
    return _with_plans(targets)


def _with_plans(targets: Iterable[Target]) -> list[Target]:
    found = list(targets)
    prefetch_related_objects([target for target in found if target.path == Target.Path.PLAN], "points")
    return found


def _in_force(district: str | Given, known_at: dt.datetime | Given | None) -> VintageQuerySet:
    return Vintage.objects.filter(observation__district=district_key(district)).in_force(known_at)


def _last(
    district: str | Given, known_at: dt.datetime | Given | None, until: dt.date | Given, *, has_period: bool
) -> VintageQuerySet:
    """Of the indicator outside, what its primary kind has in force, what ends last first: at `until`, or up to it."""
    vintages = _in_force(district, known_at).filter(
        observation__indicator=OuterRef("pk"), observation__period_kind=OuterRef("primary_kind")
    )
    if has_period:
        vintages = vintages.filter(
            Q(observation__period_end=until)
            | Q(observation__period_kind__in=CARRIED_KINDS, observation__period_end__lte=until)
        )
    else:
        vintages = vintages.filter(observation__period_end__lte=until)
    # Among windows that end together, the one without a start.
    return vintages.order_by("-observation__period_end", F("observation__period_start").asc(nulls_first=True), "pk")


@prepared
def _latest_lines(is_past: bool, has_period: bool) -> QuerySet[Vintage, tuple[Any, ...]]:
    """Of each indicator, what its primary kind has in force that ends last: at `period`, or up to `until`."""
    last = _last(_DISTRICT, _KNOWN_AT if is_past else None, Given("until", DateField()), has_period=has_period)
    asked = Indicator.objects.order_by().filter(pk__among=GivenList("indicators", BigIntegerField()))
    latest = ArraySubquery(asked.values(latest=Subquery(last.values("pk")[:1])))
    return lines(Vintage.objects.order_by().filter(pk__among=latest))


def _latest(
    indicators: Sequence[Indicator],
    district: str,
    *,
    known_at: dt.datetime | None,
    period: Period | None = None,
    until: dt.date = dt.date.max,
) -> dict[int, Facts]:
    """By indicator id, the facts of its primary kind at `period`, or the latest up to a day; one query."""
    found = _latest_lines(
        known_at is not None,
        period is not None,
        district=district,
        known_at=known_at,
        indicators=[indicator.pk for indicator in indicators],
        until=period.end if period else until,
    )
    return {facts.indicator: facts for facts in told(found)}


def with_sort_keys(
    indicators: QuerySet[Indicator], *, district: str, period: Period | None, known_at: dt.datetime | None = None
) -> QuerySet[Indicator]:
    """Indicators with what is stored of the figure that `scorecard` would show, to sort by; no query.

    `shown_end`, `shown_unit`, `shown_value`, `shown_growth`, `shown_source`, and `shown_place` of the first rank. Who
    sorts by none of them pays for none. Values compare within a unit only: 52638万元 is less than 701亿元.
    """
    until = period.end if period else dt.date.max
    last = _last(district, known_at, until, has_period=period is not None)
    shown = Vintage.objects.filter(pk=OuterRef("shown"))
    ranks = Rank.objects.filter(vintage=OuterRef("shown")).order_by("by")
    return indicators.alias(shown=Subquery(last.values("pk")[:1])).alias(
        shown_end=Subquery(shown.values("observation__period_end")),
        shown_unit=Subquery(
            shown.filter(value__isnull=False).values(told=Coalesce(NullIf("unit", Value("")), "version__unit"))
        ),
        shown_value=Subquery(shown.values("value")),
        shown_growth=Subquery(shown.values("growth")),
        shown_source=Subquery(shown.values("source__title")),
        shown_place=Subquery(ranks.values("place")[:1]),
    )


@prepared
def _lines_beside(is_past: bool) -> QuerySet[Vintage, tuple[Any, ...]]:
    return lines(
        _in_force(_DISTRICT, _KNOWN_AT if is_past else None).filter(
            observation__indicator__among=GivenList("indicators", BigIntegerField()),
            observation__period_end__among=GivenList("ends", DateField()),
        )
    )


def _beside(
    indicators: Iterable[Indicator], chosen: Iterable[Facts], district: str, known_at: dt.datetime | None
) -> dict[Address, Facts]:
    """The slot before, the same slot last year and last year's close of each; one query."""
    slots = {indicator.pk: indicator.slots for indicator in indicators}
    wanted: set[Address] = set()
    for facts in chosen:
        calendar, period = slots[facts.indicator], facts.period
        if calendar and periods.has_slot(calendar, period):
            wanted |= {address(facts.indicator, one) for one in neighbours(period, calendar)}
    if not wanted:
        return {}
    found = told(
        _lines_beside(
            known_at is not None,
            district=district,
            known_at=known_at,
            indicators=list({indicator for indicator, *_ in wanted}),
            ends=list({end for _, _, end, _ in wanted}),
        )
    )
    return {facts.address: facts for facts in found if facts.address in wanted}


def _is_off_calendar(indicator: Indicator, period: Period | None) -> bool:
    return period is not None and indicator.slots != () and period.month_no not in indicator.slots
