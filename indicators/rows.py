"""The scorecard: one frozen row per indicator, from which every page takes its figures.

`scorecard()` needs four queries whatever the number of indicators and months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast, JSONObject

from indicators import calculations
from indicators.models import (
    Indicator,
    Observation,
    PriceBasis,
    PrintedComparison,
    Rank,
    RankBy,
    Target,
    Vintage,
)
from indicators.models.fields import period_columns
from indicators.models.figures import Comparator, NullReason, VintageQuerySet, figure_key
from lvyuan import numbers, periods
from lvyuan.accounts.models import District, User
from lvyuan.numbers import format_figure, format_signed_pp, plain, round_to
from lvyuan.periods import Period, PeriodKind

# A count as of a date stays true until the next one; a monthly figure belongs to its month alone.
CARRIED_KINDS = (PeriodKind.INSTANT.value, PeriodKind.WINDOW.value)
RATE_PLACES = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as every page prints it: its address, its text, its number, and whether we derived it."""

    key: str
    text: str
    value: Decimal | None = None
    is_derived: bool = False

    @property
    def url(self) -> str:
        """The provenance page, at this figure."""
        address, _, measure = self.key.rpartition("/")
        return f"/figures/{address}/#{measure}"

    @property
    def machine(self) -> str:
        """The number as machines read it, digits as stored; empty for wordings."""
        return plain(self.value) if self.value is not None else ""


@dataclass(frozen=True, slots=True)
class RankRow:
    figure: Figure
    place: int
    pool_size: int
    pool: str
    by: str
    wording: str
    change: int | None = None


@dataclass(frozen=True, slots=True)
class VintageInfo:
    """Where an approved figure comes from."""

    number: int
    status: str
    source: str
    source_kind: str
    locator: str
    known_from: dt.datetime
    is_backfilled: bool
    is_released: bool
    period_wording: str
    period_is_inferred: bool
    note: str


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A promise and how far it is; `current` is None while nobody has entered a figure."""

    target: Target
    figure: Figure
    period: Period
    current: Figure | None = None
    current_period: Period | None = None
    completion: Figure | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator at one period; all figures None when nothing is approved there.

    `is_off_calendar`: nothing is published for that month by rule (GDP in July), so nothing is missing.
    """

    indicator: Indicator
    unit: str = ""
    period: Period | None = None
    is_off_calendar: bool = False
    value: Figure | None = None
    is_exact: bool = True
    text: Figure | None = None
    null_reason: str = ""
    growth: Figure | None = None
    growth_basis: str = ""
    ranks: tuple[RankRow, ...] = ()
    excess: Figure | None = None
    excess_wording: str = ""
    expected: Figure | None = None
    comparisons: tuple[tuple[str, Figure], ...] = ()
    slot_value: Figure | None = None
    previous: Figure | None = None
    last_year: Figure | None = None
    nominal_growth: Figure | None = None
    completion: Figure | None = None
    gap: Figure | None = None
    target: Figure | None = None
    vintage: VintageInfo | None = None

    @property
    def is_known(self) -> bool:
        return self.vintage is not None

    @property
    def excess_lead(self) -> str:
        """The words before the excess: 超出预期 as printed, 比预期 before a computed, signed difference."""
        return self.excess_wording.removesuffix(self.excess.text) if self.excess else ""

    @property
    def level(self) -> Figure | None:
        """The value, or the wording that stands in its place."""
        return self.value or self.text

    @property
    def rank(self) -> Figure | None:
        """The first rank's place."""
        return self.ranks[0].figure if self.ranks else None

    @property
    def main(self) -> Figure | None:
        """The figure to print big: the value, else the growth, the wording, or the best rank."""
        return self.value or self.growth or self.text or self.rank


@dataclass(frozen=True)
class Scorecard:
    """All rows of one district at one period, and its targets."""

    rows: tuple[Row, ...]
    targets: tuple[TargetRow, ...]
    period: Period | None
    known_at: dt.datetime | None

    @cached_property
    def by_code(self) -> dict[str, Row]:
        return {row.indicator.code: row for row in self.rows}

    @property
    def headline(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.indicator.is_headline)

    @property
    def headline_targets(self) -> tuple[TargetRow, ...]:
        return tuple(row for row in self.targets if row.target.is_headline)


def scorecard(
    *,
    district: str,
    period: Period | None,
    known_at: dt.datetime | None = None,
    user: User,
    codes: Sequence[str] | None = None,
) -> Scorecard:
    """One row per indicator that `user` may see, in four queries.

    `district` is a code. `period` picks each indicator's primary kind at that end month; figures as of a
    date are carried until the next one. None gives each indicator's latest approved figure.
    `known_at` shows what was known at that moment. `codes` narrows to some indicators.
    """
    indicators = Indicator.objects.visible_to(user).select_related("owner")
    if codes is not None:
        indicators = indicators.filter(code__in=codes)
    chosen = list(_with_latest(indicators, _latest(district, known_at, period)))
    by_indicator = {vintage.observation.indicator_id: vintage for vintage in _chosen_vintages(chosen)}
    beside = _beside(chosen, by_indicator.values(), district, known_at)
    targets = list(
        Target.objects.filter(district__code=district)
        .in_force(known_at)
        .select_related("indicator__owner", "source", "node", "district")
    )
    rows = tuple(
        _row(indicator, by_indicator[indicator.pk], beside, targets, district)
        if indicator.pk in by_indicator
        else Row(indicator, is_off_calendar=_is_off_calendar(indicator, period))
        for indicator in chosen
    )
    by_pk = {row.indicator.pk: row for row in rows}
    target_rows = (_target_row(target, by_pk.get(target.indicator_id or 0), district) for target in targets)
    return Scorecard(rows, tuple(sorted(target_rows, key=lambda row: row.target.order)), period, known_at)


def series(*, indicator: Indicator, district: str, known_at: dt.datetime | None = None, user: User) -> tuple[Row, ...]:
    """Every approved period of one indicator's primary kind, newest first, as scorecard rows; three queries."""
    if not Indicator.objects.visible_to(user).filter(pk=indicator.pk).exists():
        return ()
    vintages = list(
        with_details(_in_force(district, known_at))
        .filter(observation__indicator=indicator, observation__period_kind=indicator.primary_kind)
        .order_by("-observation__period_end")
    )
    targets = list(Target.objects.filter(district__code=district, indicator=indicator).in_force(known_at))
    beside = {_address(vintage.observation): vintage for vintage in vintages}
    return tuple(_row(indicator, vintage, beside, targets, district) for vintage in vintages)


def figure_row(
    *, indicator: Indicator, district: str, period: Period, known_at: dt.datetime | None = None, user: User
) -> Row:
    """The row of exactly this indicator and period; empty when nothing is approved there."""
    vintage = (
        with_details(_in_force(district, known_at))
        .filter(observation__in=Observation.objects.visible_to(user).for_period(period))
        .filter(observation__indicator=indicator)
        .first()
    )
    beside = _beside([indicator], [vintage] if vintage else [], district, known_at)
    targets = list(Target.objects.filter(district__code=district, indicator=indicator).in_force(known_at))
    return _row(indicator, vintage, beside, targets, district)


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
    asked = Indicator.objects.visible_to(user).filter(pk__in=[indicator.pk for indicator in indicators])
    vintages = _chosen_vintages(_with_latest(asked, latest))
    return {vintage.observation.indicator_id: vintage_row(vintage) for vintage in vintages}


def vintage_row(vintage: Vintage) -> Row:
    """One vintage alone, without anything computed from other periods; no query if fetched by `with_details`."""
    observation = vintage.observation
    return _row(observation.indicator, vintage, {}, [], observation.district.code)


def with_details(vintages: QuerySet[Vintage]) -> QuerySet[Vintage]:
    """Vintages with all that a row needs, ranks and printed comparisons folded into the same query."""
    ranks = Rank.objects.filter(vintage=OuterRef("pk")).order_by("by")
    comparisons = PrintedComparison.objects.filter(vintage=OuterRef("pk")).order_by("kind")
    return vintages.select_related(
        "observation__indicator", "observation__district", "version", "source", "release"
    ).annotate(
        rank_rows=ArraySubquery(
            ranks.values(
                row=JSONObject(
                    place="place",
                    pool_size="pool_size",
                    pool="pool__name",
                    by="by",
                    wording="wording",
                    pool_id="pool_id",
                )
            )
        ),
        # The difference travels as text: a JSON number would come back as a float.
        comparison_rows=ArraySubquery(
            comparisons.values(
                row=JSONObject(kind="kind", delta=Cast("delta", TextField()), unit="unit", wording="wording")
            )
        ),
    )


def months_with_figures(district: str) -> list[Period]:
    """End months that have any approved figure, newest first; one query."""
    known = Observation.objects.filter(district=_district(district), current__isnull=False)
    ends = known.dates("period_end", "month", order="DESC")
    return [Period.month(end.year, end.month) for end in ends]


# How a row is put together.

Address = tuple[int, str, dt.date, dt.date | None]


def _address(observation: Observation) -> Address:
    return observation.indicator_id, *observation.period_key


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


def _chosen_vintages(indicators: Iterable[Indicator]) -> QuerySet[Vintage]:
    """The vintages that `_with_latest` found for these indicators."""
    keys = [getattr(indicator, "latest", None) for indicator in indicators]
    return with_details(Vintage.objects.filter(pk__in=[key for key in keys if key]))


def _beside(
    indicators: Iterable[Indicator], vintages: Iterable[Vintage], district: str, known_at: dt.datetime | None
) -> dict[Address, Vintage]:
    """The previous slot and the same slot last year of each vintage; one query."""
    slots = {indicator.pk: indicator.slots for indicator in indicators}
    wanted: set[Address] = set()
    for vintage in vintages:
        observation = vintage.observation
        calendar, period = slots[observation.indicator_id], observation.period
        if calendar and periods.has_slot(calendar, period):
            for neighbour in _neighbours(period, calendar):
                wanted.add((observation.indicator_id, *period_columns(neighbour).values()))
    if not wanted:
        return {}
    found = with_details(_in_force(district, known_at)).filter(
        observation__indicator_id__in={indicator for indicator, *_ in wanted},
        observation__period_end__in={end for _, _, end, _ in wanted},
    )
    return {address: vintage for vintage in found if (address := _address(vintage.observation)) in wanted}


def _neighbours(period: Period, slots: tuple[int, ...]) -> tuple[Period, Period]:
    """The same slot a year ago, and the slot before."""
    # The slot before may lie in the year before: ranks compare across the year's end.
    return periods.same_slot_last_year(period), periods.previous_period(slots, period)


def _is_off_calendar(indicator: Indicator, period: Period | None) -> bool:
    return period is not None and indicator.slots != () and period.month_no not in indicator.slots


def _row(
    indicator: Indicator,
    vintage: Vintage | None,
    beside: dict[Address, Vintage],
    targets: Sequence[Target],
    district: str,
) -> Row:
    if vintage is None:
        return Row(indicator=indicator)
    period = vintage.observation.period
    key = figure_key(indicator.code, district, period)
    unit = vintage.unit or vintage.version.unit
    slots = indicator.slots
    has_slot = bool(slots) and periods.has_slot(slots, period)
    before = last_year = None
    if has_slot:
        year_ago, previous = _neighbours(period, slots)
        before = beside.get((indicator.pk, *period_columns(previous).values()))
        last_year = beside.get((indicator.pk, *period_columns(year_ago).values()))
    excess, expected, wording = _excess(vintage, period, targets, key)
    exact = exact_value(vintage.value, vintage.comparator)
    target, completion, gap = progress_figures(indicator, period, exact, unit, targets, key=key, district=district)
    return Row(
        indicator=indicator,
        unit=unit,
        period=period,
        value=value_figure(vintage.value, unit, vintage.comparator, vintage.printed, key=key),
        is_exact=vintage.comparator == Comparator.EQUAL,
        text=Figure(f"{key}/text", vintage.text) if vintage.text else None,
        null_reason=str(NullReason(vintage.null_reason).label) if vintage.null_reason else "",
        growth=percent_figure(f"{key}/growth", vintage.growth),
        growth_basis=str(PriceBasis(vintage.growth_basis).label) if vintage.growth_basis else "",
        ranks=tuple(_rank_rows(vintage, before, key)),
        excess=excess,
        excess_wording=wording,
        expected=expected,
        comparisons=tuple(_comparisons(vintage, key)),
        slot_value=slot_value_figure(indicator, period, exact, _base(before, vintage), unit, key=key)
        if has_slot
        else None,
        previous=_beside_figure(before, district),
        last_year=_beside_figure(last_year, district),
        nominal_growth=nominal_growth_figure(exact, _base(last_year, vintage), key=key),
        completion=completion,
        gap=gap,
        target=target,
        vintage=_vintage_info(vintage),
    )


def _comparator(stored: str) -> numbers.Comparator:
    return cast("numbers.Comparator", stored)  # the model's choices are the same six


def exact_value(value: Decimal | None, comparator: str) -> Decimal | None:
    """The value if it is exact: nothing is computed from 近180 or 200余."""
    return value if comparator == Comparator.EQUAL else None


def _base(base: Vintage | None, vintage: Vintage) -> Decimal | None:
    """The exact value of another period, where it is of the same scope and unit."""
    if base is None or base.version_id != vintage.version_id or base.unit != vintage.unit:
        return None
    return exact_value(base.value, base.comparator)


def value_figure(value: Decimal | None, unit: str, comparator: str, printed: str, *, key: str) -> Figure | None:
    if value is None:
        return None
    text = format_figure(value, unit=unit, comparator=_comparator(comparator), printed=printed)
    return Figure(f"{key}/value", text, value)


def rank_figure(place: int, by: str, *, key: str) -> Figure:
    return Figure(f"{key}/rank-{by}", f"第{place}位", Decimal(place))


def percent_figure(key: str, value: Decimal | None, *, is_derived: bool = False) -> Figure | None:
    if value is None:
        return None
    return Figure(key, f"{plain(value)}%", value, is_derived)


def _vintage_info(vintage: Vintage) -> VintageInfo:
    return VintageInfo(
        number=vintage.number,
        status=vintage.get_status_display(),
        source=vintage.source.title,
        source_kind=vintage.source.get_kind_display(),
        locator=vintage.locator,
        known_from=vintage.known_from,
        is_backfilled=vintage.known_from_is_backfilled,
        is_released=hasattr(vintage, "release"),
        period_wording=vintage.period_wording,
        period_is_inferred=vintage.period_is_inferred,
        note=vintage.note,
    )


def _details(vintage: Vintage, name: str) -> list[dict[str, Any]]:
    """Rows that `with_details` folded into the query."""
    found: list[dict[str, Any]] = getattr(vintage, name)
    return found


def _rank_rows(vintage: Vintage, before: Vintage | None, key: str) -> Iterable[RankRow]:
    earlier = {(r["pool_id"], r["by"]): r["place"] for r in _details(before, "rank_rows")} if before else {}
    for rank in _details(vintage, "rank_rows"):
        place = rank["place"]
        yield RankRow(
            figure=rank_figure(place, rank["by"], key=key),
            place=place,
            pool_size=rank["pool_size"],
            pool=rank["pool"],
            by=str(RankBy(rank["by"]).label),
            wording=rank["wording"],
            change=calculations.rank_change(place, earlier.get((rank["pool_id"], rank["by"]))),
        )


def _comparisons(vintage: Vintage, key: str) -> Iterable[tuple[str, Figure]]:
    for row in _details(vintage, "comparison_rows"):
        kind, delta = row["kind"], Decimal(row["delta"])
        yield row["wording"], Figure(f"{key}/{kind}", f"{plain(delta)}{row['unit']}", delta)


def _excess(
    vintage: Vintage, period: Period, targets: Sequence[Target], key: str
) -> tuple[Figure | None, Figure | None, str]:
    """(excess, expected rate, wording): as printed where the source prints it, else computed."""
    target = _expectation(vintage.observation.indicator_id, period, targets)
    expected = percent_figure(f"{key}/expected", target.value, is_derived=target.is_derived) if target else None
    for row in _details(vintage, "comparison_rows"):
        if row["kind"] == PrintedComparison.Kind.OVER_EXPECTATION:
            delta = Decimal(row["delta"])
            return Figure(f"{key}/excess", f"{plain(delta)}{row['unit']}", delta), expected, row["wording"]
    computed = calculations.excess_pp(vintage.growth, target.value if target else None)
    if computed is None:
        return None, expected, ""
    return Figure(f"{key}/excess", format_signed_pp(computed), computed, is_derived=True), expected, "比预期"


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


def progress_figures(
    indicator: Indicator,
    period: Period,
    exact: Decimal | None,
    unit: str,
    targets: Sequence[Target],
    *,
    key: str,
    district: str,
) -> tuple[Figure | None, Figure | None, Figure | None]:
    """(annual target, completion, gap to the time schedule) for a level target of the figure's own year."""
    # A share of the annual target speaks only where more is better and amounts add up to the year's.
    if indicator.direction != Indicator.Direction.UP or indicator.nature == Indicator.Nature.RATIO:
        return None, None, None
    for target in targets:
        if (
            target.indicator_id == indicator.pk
            and target.kind == Target.Kind.YEAR
            and target.measure == Target.Measure.VALUE
            and target.period_end.year == period.year_no
            and target.unit == unit
        ):
            completion = calculations.share_percent(exact, target.value)
            gap = None
            if target.path == Target.Path.LINEAR and period.kind is PeriodKind.YTD:
                gap = calculations.schedule_gap_pp(completion, period.elapsed_share)
            gap = round_to(gap, RATE_PLACES)
            return (
                _target_figure(target, district),
                percent_figure(f"{key}/completion", round_to(completion, RATE_PLACES), is_derived=True),
                Figure(f"{key}/gap", format_signed_pp(gap), gap, True) if gap is not None else None,
            )
    return None, None, None


def slot_value_figure(
    indicator: Indicator, period: Period, exact: Decimal | None, before: Decimal | None, unit: str, *, key: str
) -> Figure | None:
    """The slot's own value; `before` is the exact cumulative of the slot before, None unless of the same scope."""
    if indicator.nature != Indicator.Nature.FLOW or period.kind is not PeriodKind.YTD:
        return None
    first = periods.previous_slot(indicator.slots, period) is None
    value = calculations.month_value(
        exact,
        None if first else before,
        is_first_slot=first,
        first_covers_one=periods.first_slot_covers_single_unit(indicator.slots),
    )
    return Figure(f"{key}/slot_value", f"{plain(value)}{unit}", value, True) if value is not None else None


def _beside_figure(vintage: Vintage | None, district: str) -> Figure | None:
    """The value of another period, under its own address."""
    if vintage is None:
        return None
    key = figure_key(vintage.observation.indicator.code, district, vintage.observation.period)
    unit = vintage.unit or vintage.version.unit
    return value_figure(vintage.value, unit, vintage.comparator, vintage.printed, key=key)


def nominal_growth_figure(exact: Decimal | None, base: Decimal | None, *, key: str) -> Figure | None:
    """名义测算; `base` is the same slot last year, None unless of the same scope."""
    growth = calculations.nominal_growth_percent(exact, base)
    return percent_figure(f"{key}/nominal_growth", round_to(growth, RATE_PLACES), is_derived=True)


def _target_figure(target: Target, district: str) -> Figure:
    key = f"target/{district}/{target.code}/value"
    if target.measure == Target.Measure.TEXT:
        return Figure(key, target.text)
    assert target.value is not None  # target_says_something
    unit = "%" if target.measure == Target.Measure.GROWTH else target.unit
    text = format_figure(target.value, unit=unit, comparator=_comparator(target.comparator), printed=target.printed)
    return Figure(key, text, target.value, target.is_derived)


def _speaks_to(target: Target, row: Row) -> bool:
    """Whether a row's figure is one to hold against the target: an annual target asks for its own year."""
    if target.kind == Target.Kind.EXPECTATION or row.period is None:
        return False
    return target.kind != Target.Kind.YEAR or row.period.year_no == target.period_end.year


def _target_row(target: Target, row: Row | None, district: str) -> TargetRow:
    figure, current, completion = _target_figure(target, district), None, None
    if row is not None and _speaks_to(target, row):
        current = row.growth if target.measure == Target.Measure.GROWTH else row.value
    # A year-to-date level says nothing yet about a promised annual level: only a whole year or a stock does.
    whole = (
        row is not None
        and row.period is not None
        and (row.period.kind in (PeriodKind.YEAR, PeriodKind.INSTANT) or row.period.months == 12)
    )
    if (
        current
        and whole
        and row
        and row.is_exact
        and target.measure == Target.Measure.VALUE
        and row.unit == target.unit
    ):
        share = round_to(calculations.share_percent(current.value, target.value), RATE_PLACES)
        at = row.period.code if row.period else ""
        completion = percent_figure(f"target/{district}/{target.code}/completion@{at}", share, is_derived=True)
    return TargetRow(target, figure, target.period, current, row.period if current and row else None, completion)
