"""How a row is put together from what is stored of its vintage and of those beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from django.utils.translation import gettext as _

from indicators import calculations
from indicators.models import Indicator, PriceBasis, PrintedComparison, RankBy, Target
from indicators.models.fields import period_columns
from indicators.models.figures import Comparator
from indicators.rows.cards import RankRow, Row, TargetRow, VintageInfo
from indicators.rows.facts import Address, Facts
from indicators.rows.figures import (
    RATE_PLACES,
    Figure,
    nominal_growth_figure,
    percent_figure,
    pp_figure,
    rank_figure,
    slot_value_figure,
    target_figure,
    value_figure,
)
from lvyuan import periods
from lvyuan.numbers import Rounding, plain, round_to
from lvyuan.periods import Period, PeriodKind

Beside = Mapping[Address, Facts]


@lru_cache(maxsize=4096)
def neighbours(period: Period, slots: tuple[int, ...]) -> tuple[Period, Period, Period]:
    """The same slot a year ago, the slot before, and the slot that closed last year."""
    # The slot before may lie in the year before: ranks compare across the year's end.
    year_ago = periods.same_slot_last_year(period)
    total = periods.slots_of_year(slots, period.year_no - 1, period.kind)[-1]
    return year_ago, periods.previous_period(slots, period), total


def address(indicator: int, period: Period) -> Address:
    """Where the facts of another period stand."""
    kind, end, start = period_columns(period).values()
    return indicator, kind, end, start


def build_row(indicator: Indicator, facts: Facts, beside: Beside, targets: Sequence[Target]) -> Row:
    """The row of one approved state; without neighbours and targets, what it says by itself."""
    period = facts.period
    key = facts.key(indicator.code)
    slots = indicator.slots
    has_slot = bool(slots) and periods.has_slot(slots, period)
    before = last_year = last_total = None
    if has_slot:
        year_ago, previous, total = neighbours(period, slots)
        before, last_year, last_total = (beside.get(address(indicator.pk, one)) for one in (previous, year_ago, total))
    excess, expected, wording = _excess(facts, period, targets, key)
    target, completion, gap = progress_figures(
        indicator,
        period,
        facts.exact,
        facts.unit,
        targets,
        key=key,
        district=facts.district,
        last_slot=last_year.base_for(facts) if last_year else None,
        last_total=last_total.base_for(facts) if last_total else None,
    )
    return Row(
        indicator=indicator,
        unit=facts.unit,
        period=period,
        value=value_figure(facts.value, facts.unit, facts.comparator, facts.printed, key=key),
        is_exact=facts.comparator == Comparator.EQUAL,
        text=Figure(f"{key}/text", facts.text) if facts.text else None,
        null_reason=facts.null_reason_label,
        growth=percent_figure(f"{key}/growth", facts.growth),
        growth_basis=str(PriceBasis(facts.growth_basis).label) if facts.growth_basis else "",
        ranks=tuple(_rank_rows(facts, before, key)),
        excess=excess,
        excess_wording=wording,
        expected=expected,
        comparisons=tuple(_comparisons(facts, key)),
        slot_value=slot_value_figure(
            indicator, period, facts.exact, before.base_for(facts) if before else None, facts.unit, key=key
        )
        if has_slot
        else None,
        previous=_level(before, indicator),
        last_year=_level(last_year, indicator),
        nominal_growth=nominal_growth_figure(facts.exact, last_year.base_for(facts) if last_year else None, key=key),
        completion=completion,
        gap=gap,
        target=target,
        vintage=VintageInfo(
            pk=facts.pk,
            number=facts.number,
            version=facts.version,
            status=facts.status_label,
            source=facts.source,
            source_kind=facts.source_kind_label,
            is_invented=facts.is_invented,
            locator=facts.locator,
            known_from=facts.known_from,
            is_backfilled=facts.is_backfilled,
            is_released=facts.is_released,
            period_wording=facts.period_wording,
            period_is_inferred=facts.period_is_inferred,
            note=facts.note,
        ),
    )


def _level(facts: Facts | None, indicator: Indicator) -> Figure | None:
    """The value of another period, under its own address."""
    if facts is None:
        return None
    return value_figure(facts.value, facts.unit, facts.comparator, facts.printed, key=facts.key(indicator.code))


def _rank_rows(facts: Facts, before: Facts | None, key: str) -> Iterable[RankRow]:
    earlier = {(rank.pool_id, rank.by): rank.place for rank in before.ranks} if before else {}
    for rank in facts.ranks:
        yield RankRow(
            figure=rank_figure(rank.place, rank.by, key=key),
            place=rank.place,
            pool_size=rank.pool_size,
            pool=rank.pool,
            by=str(RankBy(rank.by).label),
            wording=rank.wording,
            change=calculations.rank_change(rank.place, earlier.get((rank.pool_id, rank.by))),
        )


def _comparisons(facts: Facts, key: str) -> Iterable[tuple[str, Figure]]:
    for one in facts.comparisons:
        yield one.wording, Figure(f"{key}/{one.kind}", f"{plain(one.delta)}{one.unit}", one.delta)


def _excess(
    facts: Facts, period: Period, targets: Sequence[Target], key: str
) -> tuple[Figure | None, Figure | None, str]:
    """(excess, expected rate, wording): as printed where the source prints it, else computed."""
    target = _expectation(facts.indicator, period, targets)
    expected = percent_figure(f"{key}/expected", target.value, is_derived=target.is_derived) if target else None
    for one in facts.comparisons:
        if one.kind == PrintedComparison.Kind.OVER_EXPECTATION:
            return Figure(f"{key}/excess", f"{plain(one.delta)}{one.unit}", one.delta), expected, one.wording
    computed = calculations.excess_pp(facts.growth, target.value if target else None)
    if computed is None:
        return None, expected, ""
    return pp_figure(f"{key}/excess", computed), expected, _("比预期")


def _expectation(indicator_id: int, period: Period, targets: Sequence[Target]) -> Target | None:
    """The expected growth for exactly this period; one derived for June says nothing about July."""
    for target in targets:
        if (
            target.indicator_id == indicator_id
            and target.kind == Target.Kind.EXPECTATION
            and target.measure == Target.Measure.GROWTH
            and target.period == period
        ):
            return target
    return None


def annual_target(indicator: Indicator, period: Period, unit: str, targets: Sequence[Target]) -> Target | None:
    """The level target of the period's own year that a share can be told of."""
    # A share of the annual target speaks only where more is better and amounts add up to the year's.
    if indicator.direction != Indicator.Direction.UP or indicator.nature == Indicator.Nature.RATIO:
        return None
    for target in targets:
        if (
            target.indicator_id == indicator.pk
            and target.kind == Target.Kind.YEAR
            and target.measure == Target.Measure.VALUE
            and target.direction == Target.Direction.UP
            and target.period_end.year == period.year_no
            and target.unit == unit
        ):
            return target
    return None


def progress_figures(
    indicator: Indicator,
    period: Period,
    exact: Decimal | None,
    unit: str,
    targets: Sequence[Target],
    *,
    key: str,
    district: str,
    last_slot: Decimal | None = None,
    last_total: Decimal | None = None,
) -> tuple[Figure | None, Figure | None, Figure | None]:
    """(annual target, completion, gap to what is due) for a level target of the figure's own year.

    `last_slot` and `last_total`, the same slot and the whole of last year, serve the seasonal path.
    """
    target = annual_target(indicator, period, unit, targets)
    if target is None:
        return None, None, None
    completion = calculations.share_percent(exact, target.value)
    share = due_share(
        target, period, last_slot=last_slot, last_total=last_total, planned=planned_at(target, period.end)
    )
    gap = rounded_gap(calculations.gap_to_share_pp(completion, share), target)
    return (
        target_figure(target, district),
        percent_figure(f"{key}/completion", round_to(completion, RATE_PLACES), is_derived=True),
        pp_figure(f"{key}/gap", gap),
    )


def due_share(
    target: Target,
    period: Period,
    *,
    last_slot: Decimal | None = None,
    last_total: Decimal | None = None,
    planned: Decimal | None = None,
) -> Decimal | None:
    """The share of an annual target that is due at the figure's own period, by the target's path; percent.

    None without a path, where the path needs figures that are not known, or for a figure that is not cumulative.
    """
    if period.kind not in (PeriodKind.YTD, PeriodKind.YEAR):
        return None
    match target.path:
        case Target.Path.LINEAR:
            return calculations.linear_share(period.elapsed_share)
        case Target.Path.SEASONAL:
            return calculations.seasonal_share(last_slot, last_total)
        case Target.Path.PLAN:
            return calculations.plan_share(planned, target.value)
    return None


def compound_due(target: Target, on: dt.date) -> Decimal | None:
    """The share of a level of years that is due on a day, by the target's own compound path; percent."""
    if target.path != Target.Path.COMPOUND:
        return None
    return calculations.compound_share(
        target.baseline_value, target.value, baseline_on=target.baseline_on, deadline=target.period_end, on=on
    )


def planned_at(target: Target, on: dt.date) -> Decimal | None:
    """What the target's own plan has for that month's end; its points must be at hand."""
    if target.path != Target.Path.PLAN:
        return None
    return next((point.value for point in target.points.all() if point.due_on == on), None)


def rounded_gap(gap: Decimal | None, target: Target) -> Decimal | None:
    """The gap as the target says gaps are rounded: half up or truncated, to its own places."""
    return round_to(gap, target.places, Rounding(target.rounding))


def speaks_to(target: Target, row: Row) -> bool:
    """Whether a row's figure is one to hold against the target: an annual target asks for its own year."""
    if target.kind == Target.Kind.EXPECTATION or row.period is None:
        return False
    return target.kind != Target.Kind.YEAR or row.period.year_no == target.period_end.year


def build_target_row(target: Target, row: Row | None, district: str) -> TargetRow:
    """The promise beside the row's figure."""
    figure, current = target_figure(target, district), None
    if row is not None and speaks_to(target, row):
        current = row.growth if target.measure == Target.Measure.GROWTH else row.value
    return TargetRow(target, figure, target.period, current, row.period if current and row else None)
