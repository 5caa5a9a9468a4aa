"""From a declared series to its figures: pure, the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate

from indicators import calculations
from indicators.models import Indicator, RankBy, VintageStatus
from lvyuan import periods
from lvyuan.numbers import round_to
from lvyuan.periods import Period, PeriodKind

RATE_PLACES = 1
TARGET_OFF = (Decimal("-2.5"), Decimal(7))  # percent by which an annual target lies above what the year turns out to be
_MILLE = Decimal(1000)

Level = Callable[[int, int], Decimal]  # (year, month) → unrounded level at the end of that month
Range = tuple[Decimal, Decimal]  # lowest, highest
Month = tuple[int, int]
Slot = tuple[str, Month]  # district code, end month


@dataclass(frozen=True, slots=True)
class Stage:
    """One state in a figure's life: its status, and how many months after the first publication it is known."""

    status: str
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One declared series of all districts of the pool. Levels in its unit, rates in percent."""

    code: str
    nature: str
    kind: PeriodKind
    months: tuple[int, ...]  # end months of a year's slots
    places: int
    seed: str
    first: Period
    last: Period
    reference: Period  # the month at whose end the levels stand as declared
    levels: Mapping[str, Decimal]  # by district code
    growth: Mapping[tuple[int, str], Range]  # by year and district ("" for all)
    season: tuple[Decimal, ...]  # each month's weight in a year's flow
    noise: int  # per mille by which a month may lie off its weight, or a stock off its path
    order: int = 1  # 1: the highest comes first, -1: the lowest, 0: nobody is ranked
    # instead of growth: a year's total (the reference year's is 100), by year and district; it may be negative
    index: Mapping[tuple[int, str], Range] | None = None
    prices: Mapping[int, Decimal] | None = None  # by year: what the published growth leaves out of the nominal
    break_from: Period | None = None  # the month from which a new definition measures `break_factor` times as much
    break_factor: Decimal = Decimal(1)
    missing: Collection[Slot] = ()
    reported_places: Mapping[Slot, int] | None = None  # as reported by hand, whatever the figures say
    stages: tuple[Stage, ...] = (Stage(VintageStatus.FLASH.value),)
    revised_by: int = 0  # per mille by which an early state may lie off the last
    target_off: Mapping[int, Range] | None = None  # by year, instead of TARGET_OFF

    @property
    def years(self) -> range:
        return range(self.first.year_no, self.last.year_no + 1)

    @property
    def whole_years(self) -> range:
        """The years whose first month lies inside the span."""
        return range(self.first.year_no + (self.first.month_no > 1), self.last.year_no + 1)

    @property
    def all_slots(self) -> list[Period]:
        """The series' periods in the years of the span, oldest first; those outside it give growth a base."""
        ends = [Period.month(year, month) for year in self.years for month in self.months]
        if self.kind is PeriodKind.INSTANT:
            return [Period.instant(end.end) for end in ends]
        return [Period.ytd(end.year_no, end.month_no) for end in ends]

    @property
    def slots(self) -> list[Period]:
        """The series' periods inside the span, oldest first."""
        return [slot for slot in self.all_slots if self.first.end <= slot.end <= self.last.end]

    @property
    def ranked_by(self) -> str:
        """By growth; a ratio, which has none and no amount either, by itself."""
        return RankBy.OTHER if self.nature == Indicator.Nature.RATIO else RankBy.GROWTH

    @property
    def first_growth(self) -> int:
        """The first year whose growth is needed: a stock's path begins at the end of the year before."""
        return self.years.start + (self.nature == Indicator.Nature.FLOW)

    def reached(self, slot: Period) -> list[Stage]:
        """The stages that are known by the time the span's last figure is published."""
        months = (self.last.year_no - slot.year_no) * 12 + self.last.month_no - slot.month_no
        return [stage for stage in self.stages if stage.after <= max(months, 0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """One state of one figure.

    Growth is None for ratios, where the year before is not known, and where either year is negative; the place where
    any member's rate is unknown.
    """

    district: str
    period: Period
    value: Decimal
    growth: Decimal | None
    place: int | None
    stage: Stage


def generate(series: Series, taken: Collection[tuple[str, Period]] = ()) -> list[Invented]:
    """All figures of a series, oldest state first, but none where a real one stands (`taken`: district code, period).

    Levels are rounded to the series' places, growth is taken from the rounded levels to one place. Beside a real
    or a missing figure nobody is ranked: a place needs an invented figure of every member.
    """
    levels = {district: level_of(series, district) for district in series.levels}

    def comparable(district: str, slot: Period, stage: Stage) -> Decimal:
        """Unrounded, by the definition of the span's beginning."""
        return levels[district](slot.year_no, slot.month_no) * _revision(series, district, slot, stage)

    stands = {
        district: {slot: comparable(district, slot, series.reached(slot)[-1]) for slot in series.all_slots}
        for district in series.levels
    }
    figures = []
    for slot in series.slots:
        month = (slot.year_no, slot.month_no)
        absent = {d for d in series.levels if (d, slot) in taken or (d, month) in series.missing}
        factor = _break_factor(series, slot)
        for stage in series.reached(slot):
            values = {d: round_to(comparable(d, slot, stage) * factor, series.places) for d in series.levels}
            growth = {d: _growth(series, values[d], stands[d], slot, factor) for d in series.levels}
            places = {} if absent else _places(series, slot, stage, values, growth)
            figures += [
                Invented(
                    district=district,
                    period=slot,
                    value=values[district],
                    growth=growth[district],
                    place=places.get(district),
                    stage=stage,
                )
                for district in series.levels
                if district not in absent
            ]
    return figures


def held_back(series: Series, district: str) -> list[Invented]:
    """The figures of a district that are missing in the end: what it would have reported."""
    return [
        figure
        for figure in generate(replace(series, missing=()))
        if (figure.district, (figure.period.year_no, figure.period.month_no)) in series.missing
        and figure.district == district
    ]


def citywide(series: Series, city: str, growth: Mapping[int, Range]) -> list[Invented]:
    """The city's figures, of which only the growth is published; its levels are no figures."""
    whole = replace(
        series,
        levels={city: Decimal(10_000)},
        growth={(year, ""): found for year, found in growth.items()},
        index=None,
        order=0,
        missing=(),
        places=4,
        stages=series.stages[:1],
    )
    return [figure for figure in generate(whole) if figure.growth is not None]


def annual_target(series: Series, district: str, year: int) -> Decimal:
    """A level to be reached by the year's end, a few percent off what the year turns out to be."""
    low, high = (series.target_off or {}).get(year, TARGET_OFF)
    spread = _dice(series, district, year, "target").randint(int(low * 10), int(high * 10))
    level = level_of(series, district)(year, 12) * (1000 + spread) / _MILLE
    places = min(series.places, 1) if series.nature == Indicator.Nature.FLOW else series.places
    return round_to(level * _break_factor(series, Period.month(year, 12)), places)


def plan_points(series: Series, year: int, target: Decimal) -> dict[Month, Decimal]:
    """The level due by the end of each slot, by the declared weights of the months; the last is the target itself."""
    parts = [part / sum(series.season) for part in accumulate(series.season)]
    places = -int(target.as_tuple().exponent)
    return {(year, month): round_to(target * parts[month - 1], places) for month in series.months}


def level_of(series: Series, district: str) -> Level:
    """The unrounded level of one district, which at the reference month is the declared one.

    A flow grows within the year by its months' weights; a stock or ratio moves evenly between year ends.
    """
    totals = _yearly(series, district)
    shares = {year: _shares(series, district, year) for year in series.years}

    def relative(year: int, month: int) -> Decimal:
        share = shares[year][month - 1]
        if series.nature == Indicator.Nature.FLOW:
            return totals[year] * share
        return (totals[year - 1] + (totals[year] - totals[year - 1]) * month / 12) * share

    scale = series.levels[district] / relative(series.reference.year_no, series.reference.month_no)
    return lambda year, month: relative(year, month) * scale


def _yearly(series: Series, district: str) -> dict[int, Decimal]:
    """Each year's total, or level at its end, in units of the reference year's."""
    reference = series.reference.year_no
    totals = {reference: Decimal(1)}
    if series.index:
        for year in set(series.years) - {reference}:
            low, high = series.index.get((year, district)) or series.index[year, ""]
            totals[year] = _dice(series, district, year, "index").randint(int(low * 10), int(high * 10)) / _MILLE
        return totals
    for year in range(reference + 1, series.years.stop):
        totals[year] = totals[year - 1] * _factor(series, district, year)
    for year in range(reference, series.first_growth - 1, -1):
        totals[year - 1] = totals[year] / _factor(series, district, year)
    return totals


def _factor(series: Series, district: str, year: int) -> Decimal:
    low, high = series.growth.get((year, district)) or series.growth[year, ""]
    return 1 + _dice(series, district, year, "growth").randint(int(low * 10), int(high * 10)) / _MILLE


def _shares(series: Series, district: str, year: int) -> list[Decimal]:
    """By month: the share of the year's flow reached by its end; for a stock, its level against the even path."""
    dice = _dice(series, district, year, "months")
    off = [(1000 + dice.randint(-series.noise, series.noise)) / _MILLE for _ in range(12)]
    if series.nature != Indicator.Nature.FLOW:
        return off
    weights = [weight * factor for weight, factor in zip(series.season, off, strict=True)]
    return [part / sum(weights) for part in accumulate(weights)]


def _revision(series: Series, district: str, slot: Period, stage: Stage) -> Decimal:
    """By how much an early state lies off the last, as a factor; half as much with each stage."""
    if stage is series.stages[-1]:
        return Decimal(1)
    dice = _dice(series, district, slot.year_no, f"{slot.month_no}/{stage.status}")
    return 1 + dice.randint(-series.revised_by, series.revised_by) / _MILLE / 2 ** series.stages.index(stage)


def _break_factor(series: Series, slot: Period) -> Decimal:
    """How much more the definition in force at the slot's end measures than the first."""
    return series.break_factor if series.break_from and slot.end >= series.break_from.end else Decimal(1)


def _places(
    series: Series,
    slot: Period,
    stage: Stage,
    values: Mapping[str, Decimal],
    growth: Mapping[str, Decimal | None],
) -> dict[str, int]:
    """Each member's place by the figures, or the one reported by hand; empty where nobody is ranked."""
    if series.order == 0:
        return {}
    measured = growth if series.ranked_by == RankBy.GROWTH else values
    places = calculations.ranks(list(measured.values()), reverse=series.order < 0)
    found = dict(zip(measured, places, strict=True)) if places else {}
    if stage is series.reached(slot)[-1]:
        for (district, month), place in (series.reported_places or {}).items():
            if month == (slot.year_no, slot.month_no):
                found[district] = place
    return found


def _dice(series: Series, district: str, year: int, what: str) -> random.Random:
    return random.Random(f"{series.seed}/{series.code}/{district}/{year}/{what}")  # noqa: S311 - no secret


def _growth(
    series: Series, value: Decimal, stands: Mapping[Period, Decimal], slot: Period, factor: Decimal
) -> Decimal | None:
    """Against the year before as it stands now, by the slot's own definition (`factor`) and at the same prices.

    None from profit to loss: a rate below -100 % says nothing.
    """
    if series.nature == Indicator.Nature.RATIO or value < 0:
        return None
    base = stands.get(periods.same_slot_last_year(slot))
    base = round_to(base * factor, series.places) if base is not None else None
    nominal = calculations.nominal_growth_percent(value, base)
    if nominal is None:
        return None
    prices = (series.prices or {}).get(slot.year_no, Decimal(0))
    return round_to(((100 + nominal) / (100 + prices) - 1) * 100, RATE_PLACES)
