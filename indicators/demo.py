"""Invented figures to try the product out with: `make demo`, never a database in real use.

fixtures/demo/demo.json declares each series: its levels at one month, the range of its yearly growth, the shape of
its year. `generate` is pure, and every series, district and year throws dice of its own: the same declaration always
gives the same figures, and a longer span or one more series leaves all others as they were.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import accumulate

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from indicators import calculations
from indicators.actions import RankInput, VintageInput, record_published
from indicators.loading import _record, _stored_vintages, judge_loaded
from indicators.models import (
    Comparator,
    Indicator,
    Observation,
    PriceBasis,
    Rank,
    RankBy,
    RankPool,
    Source,
    Target,
    Vintage,
    VintageStatus,
)
from indicators.models.fields import period_columns
from indicators.refusals import Refused
from lvyuan import periods
from lvyuan.accounts.loading import ADDED, Folder, Row, by_code
from lvyuan.accounts.models import District
from lvyuan.numbers import round_to
from lvyuan.periods import Period, PeriodKind

LOCATOR = "演示"
RATE_PLACES = 1
_PUBLISHED_DAY = 20  # of the month after the period (plus the indicator's lag)
_TARGET_SPREAD = (-25, 70)  # per mille by which an annual target lies above what the year turns out to be
_MILLE = Decimal(1000)
_NATURES = (Indicator.Nature.FLOW, Indicator.Nature.STOCK, Indicator.Nature.RATIO)
_KINDS = (PeriodKind.YTD.value, PeriodKind.INSTANT.value)

Level = Callable[[int, int], Decimal]  # (year, month) → unrounded level at the end of that month


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One declared series of all districts of the pool. Levels in its unit, growth in percent."""

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
    growth: Mapping[tuple[int, str], tuple[Decimal, Decimal]]  # (year, district or "" for all) → lowest, highest
    season: tuple[Decimal, ...]  # each month's weight in a year's flow
    noise: int  # per mille by which a month may lie off its weight, or a stock off its path

    @property
    def years(self) -> range:
        return range(self.first.year_no, self.last.year_no + 1)

    @property
    def slots(self) -> list[Period]:
        """The series' periods inside the span, oldest first."""
        ends = [Period.month(year, month) for year in self.years for month in self.months]
        inside = [end for end in ends if self.first.end <= end.end <= self.last.end]
        if self.kind is PeriodKind.INSTANT:
            return [Period.instant(end.end) for end in inside]
        return [Period.ytd(end.year_no, end.month_no) for end in inside]

    @property
    def ranked_by(self) -> str:
        """By growth; a ratio, which has none and no amount either, by itself."""
        return RankBy.OTHER if self.nature == Indicator.Nature.RATIO else RankBy.GROWTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """One figure. Growth is None in the first year and for ratios, the place where any member's rate is unknown."""

    district: str
    period: Period
    value: Decimal
    growth: Decimal | None
    place: int | None


def generate(series: Series, taken: Collection[tuple[str, Period]] = ()) -> list[Invented]:
    """All figures of a series, but none where a real one stands (`taken`: district code and period).

    Levels are rounded to the series' places, growth is taken from the rounded levels to one place. Beside a real
    figure nobody is ranked: a place needs an invented figure of every member.
    """
    values: dict[str, dict[Period, Decimal]] = {}
    for district in series.levels:
        level = level_of(series, district)
        values[district] = {slot: round_to(level(slot.year_no, slot.month_no), series.places) for slot in series.slots}
    figures = []
    for slot in series.slots:
        free = [district for district in series.levels if (district, slot) not in taken]
        growth = {district: _growth(series, values[district], slot) for district in series.levels}
        measured = growth if series.ranked_by == RankBy.GROWTH else {d: values[d][slot] for d in series.levels}
        places = calculations.ranks(list(measured.values())) if len(free) == len(series.levels) else None
        place = dict(zip(series.levels, places, strict=True)) if places else {}
        figures += [
            Invented(
                district=district,
                period=slot,
                value=values[district][slot],
                growth=growth[district],
                place=place.get(district),
            )
            for district in free
        ]
    return figures


def annual_target(series: Series, district: str, year: int) -> Decimal:
    """A level to be reached by the year's end, a few percent off what the year turns out to be."""
    spread = _dice(series, district, year, "target").randint(*_TARGET_SPREAD)
    level = level_of(series, district)(year, 12) * (1000 + spread) / _MILLE
    return round_to(level, min(series.places, 1))


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
    for year in range(reference + 1, series.years.stop):
        totals[year] = totals[year - 1] * _factor(series, district, year)
    for year in range(reference, _first_growth(series) - 1, -1):
        totals[year - 1] = totals[year] / _factor(series, district, year)
    return totals


def _first_growth(series: Series) -> int:
    """The first year whose growth is needed: a stock's path begins at the end of the year before."""
    return series.years.start + (series.nature == Indicator.Nature.FLOW)


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


def _dice(series: Series, district: str, year: int, what: str) -> random.Random:
    return random.Random(f"{series.seed}/{series.code}/{district}/{year}/{what}")  # noqa: S311 - no secret


def _growth(series: Series, values: Mapping[Period, Decimal], slot: Period) -> Decimal | None:
    if series.nature == Indicator.Nature.RATIO:
        return None
    base = values.get(periods.same_slot_last_year(slot))
    return round_to(calculations.nominal_growth_percent(values[slot], base), RATE_PLACES)


# Loading


def load(folder: Folder) -> None:
    """Writes what demo.json declares and is not stored yet; a changed declaration gives new vintages.

    Where anything but demo data stands first (the article's figures, what people approved), it stays alone.
    """
    districts, indicators = by_code(District.objects.all()), by_code(Indicator.objects.all())
    sources = by_code(Source.objects.filter(kind=Source.Kind.DEMO))
    pools = by_code(RankPool.objects.prefetch_related("districts"))
    planned: list[tuple[Row, VintageInput]] = []
    for order, row in enumerate(folder.rows("demo.json", "series"), 100):
        indicator, source, pool = row.one("indicator", indicators), row.one("source", sources), row.one("pool", pools)
        series = read_series(row, indicator, sorted(member.code for member in pool.districts.all()))
        folder.claim(row, Observation, {"indicator": indicator})
        unit = row.unit("unit")
        for figure in generate(series, _taken(indicator, source)):
            district = districts[figure.district]
            planned.append((row, _vintage_input(figure, series, indicator, district, source, pool, unit)))
        _put_targets(folder, row, series, indicator, row.one("home", districts), source, order)
        row.end()
    stored = _stored_vintages([given for _, given in planned])
    new: list[VintageInput] = []
    for row, given in planned:
        if earlier := stored.get((given.district.pk, given.indicator.pk, *period_columns(given.period).values())):
            _record(folder, row, given, earlier)
        else:
            new.append(given)
            folder.count(Vintage, ADDED)
    try:
        record_published(by=None, figures=new, reason="")
    except (Refused, IntegrityError, ValidationError) as error:
        folder.refuse(Row("demo.json", "", {}), error, Vintage, Rank, Observation)
    judge_loaded(folder)


def read_series(row: Row, indicator: Indicator, districts: Sequence[str]) -> Series:
    """The series that an entry of demo.json declares for an indicator; raises FixtureError."""
    if indicator.nature not in _NATURES or indicator.primary_kind not in _KINDS:
        row.fail("indicator", f"不能为“{indicator}”生成演示数据：只支持累计或时点的数值指标")
    months = indicator.slots or tuple(int(month) for month in _numbers(row, "months"))
    if not months or set(months) - set(range(1, 13)) or list(months) != sorted(set(months)):
        row.fail("months", "应为从小到大的月份")
    first, last, reference = (_month(row, name) for name in ("from", "to", "reference"))
    if not first.end <= reference.end <= last.end:
        row.fail("reference", "应在 from 与 to 之间")
    season, noise = _numbers(row, "season"), row.whole("noise")
    if len(season) != 12 or min(season) <= 0:
        row.fail("season", "应为12个正数")
    if noise > 500:
        row.fail("noise", "不得超过500‰")
    series = Series(
        code=indicator.code,
        nature=indicator.nature,
        kind=PeriodKind(indicator.primary_kind),
        months=months,
        places=row.whole("decimals"),
        seed=row.text("seed"),
        first=first,
        last=last,
        reference=reference,
        levels=_levels(row, districts),
        growth=_growth_ranges(row, districts),
        season=tuple(season),
        noise=noise,
    )
    for year in range(_first_growth(series), series.years.stop):
        if (year, "") not in series.growth:
            row.fail("growth", f"缺少{year}年各区的增速范围")
    return series


def _month(row: Row, field: str) -> Period:
    try:
        return Period.from_code(f"{row.text(field)}.month")
    except periods.PeriodError:
        row.fail(field, "应写成 年-月，如 2023-06")


def _numbers(row: Row, field: str) -> list[Decimal]:
    try:
        return [Decimal(text) for text in row.get(field, [])]
    except (InvalidOperation, TypeError, ValueError):
        row.fail(field, "应为数字列表")


def _levels(row: Row, districts: Sequence[str]) -> dict[str, Decimal]:
    part = row.part("levels")
    if part is None:
        row.fail("levels", "缺少")
    levels = {}
    for district in districts:
        level = part.digits(district)
        if level is None or level <= 0:
            part.fail(district, "应为正数")
        levels[district] = level
    part.end()
    return levels


def _growth_ranges(row: Row, districts: Sequence[str]) -> dict[tuple[int, str], tuple[Decimal, Decimal]]:
    ranges = {}
    for part in row.parts("growth"):
        low, high, district = part.digits("low"), part.digits("high"), part.get("district", "")
        if low is None or high is None or not Decimal(-90) <= low <= high:
            part.fail("low", "增速范围应由低到高，且不低于-90")
        if district and district not in districts:
            part.fail("district", "不是位次范围的成员")
        ranges[part.whole("year"), district] = low, high
        part.end()
    return ranges


def _taken(indicator: Indicator, source: Source) -> set[tuple[str, Period]]:
    """Where this indicator has figures, none of which is from the demo source."""
    vintages = Vintage.objects.filter(observation=OuterRef("pk"))
    observations = Observation.objects.filter(
        Exists(vintages), ~Exists(vintages.filter(source=source)), indicator=indicator
    )
    return {(observation.district.code, observation.period) for observation in observations.select_related("district")}


def _vintage_input(
    figure: Invented,
    series: Series,
    indicator: Indicator,
    district: District,
    source: Source,
    pool: RankPool,
    unit: str,
) -> VintageInput:
    ranks = []
    if figure.place is not None:
        ranks = [RankInput(pool=pool, by=series.ranked_by, place=figure.place, pool_size=len(series.levels))]
    years, month = divmod(figure.period.month_no + indicator.lag_months, 12)
    return VintageInput(
        district=district,
        indicator=indicator,
        period=figure.period,
        source=source,
        known_from=_morning(figure.period.year_no + years, month + 1, _PUBLISHED_DAY),
        columns={
            "value": figure.value,
            "comparator": Comparator.EQUAL,
            "unit": unit,
            "growth": figure.growth,
            "growth_basis": PriceBasis.UNSTATED if figure.growth is not None else "",
            "status": VintageStatus.FLASH,
            "locator": LOCATOR,
            **dict.fromkeys(("printed", "null_reason", "text", "note", "wording", "period_wording"), ""),
            "period_is_inferred": False,
            "known_from_is_backfilled": True,
        },
        ranks=ranks,
    )


def _morning(year: int, month: int, day: int) -> dt.datetime:
    return dt.datetime(year, month, day, 9, tzinfo=timezone.get_default_timezone())


def _put_targets(
    folder: Folder, row: Row, series: Series, indicator: Indicator, home: District, source: Source, order: int
) -> None:
    """One target a year for the home district, when the entry names the path to it."""
    path = row.get("annual_target")
    if path and (home.code not in series.levels or indicator.nature != Indicator.Nature.FLOW):
        row.fail("annual_target", "年度目标只用于本区的时期数指标")
    for year in series.years if path else ():
        folder.put(
            row,
            Target,
            where={"district": home, "code": f"demo-{indicator.code}-{year}", "version": 1},
            indicator=indicator,
            name=f"{indicator.name.removesuffix('（演示）')}{year}年目标（演示）",
            kind=Target.Kind.YEAR,
            measure=Target.Measure.VALUE,
            value=annual_target(series, home.code, year),
            unit=row.unit("unit"),
            path=path,
            deadline_stated=True,
            order=order,
            source=source,
            locator=LOCATOR,
            known_from=_morning(year, 1, 10),
            **period_columns(Period.year(year)),
        )
