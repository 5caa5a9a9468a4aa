"""The scorecard: one frozen row per indicator, from which every page takes its figures.

`scorecard()` needs four queries whatever the number of indicators and months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, prefetch_related_objects

from indicators.models import Indicator, Observation, Rank, Target, Vintage
from indicators.models.figures import VintageQuerySet
from indicators.models.targets import TargetQuerySet
from indicators.rows.building import address, build_row, build_target_row, neighbours
from indicators.rows.cards import Row, Scorecard
from indicators.rows.facts import Address, Facts, read
from lvyuan import periods
from lvyuan.accounts.models import District, User
from lvyuan.periods import Period, PeriodKind

# A count as of a date stays true until the next one; a monthly figure belongs to its month alone.
CARRIED_KINDS = (PeriodKind.INSTANT.value, PeriodKind.WINDOW.value)


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
    `known_at` shows what was known at that moment. `codes` narrows to some indicators and their targets,
    `headline` to those of the cockpit: its tiles and what its targets are about.
    """
    indicators = Indicator.objects.visible_to(user).select_related("owner")
    if codes is not None:
        indicators = indicators.filter(code__in=codes)
    if headline:
        promised = Target.objects.filter(indicator=OuterRef("pk"), district=_district(district), is_headline=True)
        indicators = indicators.filter(Q(is_headline=True) | Exists(promised))
    chosen = list(_with_latest(indicators, _latest(district, known_at, period)))
    found = {facts.indicator: facts for facts in _chosen(chosen)}
    beside = _beside(chosen, found.values(), district, known_at)
    targets = _targets(
        Target.objects.filter(district__code=district),
        known_at,
        shown=found if headline else None,
        of=None if codes is None else chosen,
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


def series(*, indicator: Indicator, district: str, known_at: dt.datetime | None = None, user: User) -> tuple[Row, ...]:
    """Every approved period of one indicator's primary kind, newest first, as scorecard rows; three queries."""
    if not Indicator.objects.visible_to(user).filter(pk=indicator.pk).exists():
        return ()
    found = read(
        _in_force(district, known_at)
        .filter(observation__indicator=indicator, observation__period_kind=indicator.primary_kind)
        .order_by("-observation__period_end")
    )
    targets = _targets(Target.objects.filter(district__code=district, indicator=indicator), known_at)
    beside = {facts.address: facts for facts in found}
    return tuple(build_row(indicator, facts, beside, targets) for facts in found)


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
    targets = _targets(Target.objects.filter(district__code=district, indicator=indicator), known_at)
    return build_row(indicator, found[0], beside, targets)


def reported(
    *,
    indicators: Sequence[Indicator],
    district: str,
    as_of: dt.date,
    known_at: dt.datetime | None = None,
    user: User,
) -> dict[int, Row]:
    """By indicator id, the row of its primary kind that was reported last as of a day; two queries."""
    latest = _latest(district, known_at, None).filter(observation__period_end__lte=as_of)
    asked = list(
        _with_latest(
            Indicator.objects.visible_to(user).filter(pk__in=[indicator.pk for indicator in indicators]), latest
        )
    )
    by_pk = {indicator.pk: indicator for indicator in asked}
    return {facts.indicator: build_row(by_pk[facts.indicator], facts, {}, []) for facts in _chosen(asked)}


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


def months_with_figures(district: str) -> list[Period]:
    """End months that have any approved figure, newest first; one query."""
    known = Observation.objects.filter(district=_district(district), current__isnull=False)
    ends = known.dates("period_end", "month", order="DESC")
    return [Period.month(end.year, end.month) for end in ends]


def _targets(
    targets: TargetQuerySet,
    known_at: dt.datetime | None,
    *,
    shown: Mapping[int, Facts] | None = None,
    of: Sequence[Indicator] | None = None,
) -> list[Target]:
    """The versions in force, those that follow a plan with its months; two queries, one without a plan.

    With `shown`, by indicator id, only those of the headline and of these figures' own years; with `of` those of
    these indicators.
    """
    in_force = targets.in_force(known_at)
    if of is not None:
        # Outside, as below: a version that went over to another indicator must not bring back the one before.
        in_force = Target.objects.filter(pk__in=in_force.values("pk"), indicator__in=of)
    if shown is not None:
        years = {facts.end.year for facts in shown.values()}
        # Narrowed outside: a version that left the headline must not bring back the one before.
        in_force = Target.objects.filter(pk__in=in_force.values("pk")).filter(
            Q(is_headline=True) | Q(indicator__in=shown.keys(), period_end__year__in=years)
        )
    found = list(in_force.select_related("indicator__owner", "compared_with", "source", "node", "district"))
    prefetch_related_objects([target for target in found if target.path == Target.Path.PLAN], "points")
    return found


def _district(code: str) -> Subquery:
    """The district's key as one scalar, so that indexes which lead with it are used."""
    return Subquery(District.objects.filter(code=code).values("pk")[:1])


def _in_force(district: str, known_at: dt.datetime | None) -> VintageQuerySet:
    return Vintage.objects.filter(observation__district=_district(district)).in_force(known_at)


def _latest(district: str, known_at: dt.datetime | None, period: Period | None) -> VintageQuerySet:
    """Vintages in force, the latest period first; among windows that end together, the one without a start."""
    found = _in_force(district, known_at)
    if period is not None:
        found = found.filter(
            Q(observation__period_end=period.end)
            | Q(observation__period_kind__in=CARRIED_KINDS, observation__period_end__lte=period.end)
        )
    return found.order_by("-observation__period_end", F("observation__period_start").asc(nulls_first=True), "pk")


def _with_latest(indicators: QuerySet[Indicator], vintages: VintageQuerySet) -> QuerySet[Indicator]:
    """Each indicator with `latest`, the key of the first of `vintages` that is of its primary kind."""
    own = vintages.filter(observation__indicator=OuterRef("pk"), observation__period_kind=OuterRef("primary_kind"))
    return indicators.annotate(latest=Subquery(own.values("pk")[:1]))


def with_sort_keys(
    indicators: QuerySet[Indicator], *, district: str, period: Period | None, known_at: dt.datetime | None = None
) -> QuerySet[Indicator]:
    """Indicators with what is stored of the figure that `scorecard` would show, to sort by; no query.

    `shown_end`, `shown_value`, `shown_growth`, `shown_source`, and `shown_place` of the first rank. Who sorts by none
    of them pays for none.
    """
    found = _with_latest(indicators, _latest(district, known_at, period))
    shown = Vintage.objects.filter(pk=OuterRef("latest"))
    ranks = Rank.objects.filter(vintage=OuterRef("latest")).order_by("by")
    return found.alias(
        shown_end=Subquery(shown.values("observation__period_end")),
        shown_value=Subquery(shown.values("value")),
        shown_growth=Subquery(shown.values("growth")),
        shown_source=Subquery(shown.values("source__title")),
        shown_place=Subquery(ranks.values("place")[:1]),
    )


def _chosen(indicators: Iterable[Indicator]) -> list[Facts]:
    """The facts of the vintages that `_with_latest` found for these indicators."""
    keys = [getattr(indicator, "latest", None) for indicator in indicators]
    return read(Vintage.objects.filter(pk__in=[key for key in keys if key]))


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
    found = read(
        _in_force(district, known_at).filter(
            observation__indicator_id__in={indicator for indicator, *_ in wanted},
            observation__period_end__in={end for _, _, end, _ in wanted},
        )
    )
    return {facts.address: facts for facts in found if facts.address in wanted}


def _is_off_calendar(indicator: Indicator, period: Period | None) -> bool:
    return period is not None and indicator.slots != () and period.month_no not in indicator.slots
