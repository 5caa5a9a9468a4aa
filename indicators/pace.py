"""还差多少: how far a level target is at its figure's own period, what the rest asks for, where it may end.

Everything is counted from the period of the latest approved figure, never from today; today only tells that a
deadline has passed without its result.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    DateField,
    DateTimeField,
    F,
    QuerySet,
    TextField,
    prefetch_related_objects,
)
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from indicators import calculations
from indicators.calculations import PastYear, Progress, Reach
from indicators.models import Indicator, Target, Vintage
from indicators.models.figures import figure_key
from indicators.rows import (
    RATE_PLACES,
    Figure,
    TargetRow,
    due_share,
    exact_value,
    level_figure,
    percent_figure,
    pp_figure,
    value_figure,
)
from indicators.rows.building import compound_due, planned_at, rounded_gap
from indicators.rows.facts import period_of
from lvyuan import periods
from lvyuan.accounts.models import district_key
from lvyuan.numbers import round_to
from lvyuan.periods import Period, PeriodKind
from lvyuan.prepared import Given, GivenList, prepared
from lvyuan.ui.words import unit_label

YEARS_BACK = 7  # of a series' past: enough to try a projection on five finished years
LEVEL_PLACES = 2
WHOLE_YEAR = 12
REACH_WORDS = {
    Reach.REACHABLE: gettext_noop("可达"),
    Reach.HARD: gettext_noop("吃力"),
    Reach.UNSEEN: gettext_noop("历史未见"),
}
PROGRESS_WORDS = {
    Progress.ACHIEVED: gettext_noop("已达到"),
    Progress.ON_TRACK: gettext_noop("按期"),
    Progress.ACCELERATION_NEEDED: gettext_noop("需要加快"),
    Progress.LIMITED: gettext_noop("进展有限"),
    Progress.DETERIORATION: gettext_noop("倒退"),
}


class Point(NamedTuple):
    """One approved level of a series; `exact` is None where it cannot be calculated with."""

    period: Period
    exact: Decimal | None
    growth: Decimal | None
    unit: str
    version: int
    figure: Figure | None


Trail = Mapping[Period, Point]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The range in which the target's figure may end, by two methods, and how they did in the past."""

    low: Figure
    high: Figure
    error: Figure  # mean absolute error of the worse method, percent
    tested: int
    short_by: Figure | None  # what even the upper end lacks to the target; None when it reaches it


@dataclass(frozen=True, slots=True)
class Pace:
    """How far, and what is needed. Figures are None where nothing can be said; `missing` tells what is lacking."""

    row: TargetRow
    base: Figure | None = None  # the figure that is held against the target
    base_period: Period | None = None
    completion: Figure | None = None
    due: Figure | None = None  # the share due at that period
    gap: Figure | None = None
    remaining: Figure | None = None
    months_left: int = 0
    per_month: Figure | None = None
    best_month: Figure | None = None
    best_month_period: Period | None = None
    rest_growth: Figure | None = None
    reach: Reach | None = None
    is_half: bool | None = None
    years_left: Fraction | None = None
    required_growth: Figure | None = None
    observed_growth: Figure | None = None
    progress: Progress | None = None
    outlook: Outlook | None = None
    growth_gap: Figure | None = None  # observed minus required growth a year
    is_reached: bool = False
    is_past_due: bool = False
    missing: str = ""

    @property
    def lead(self) -> tuple[str, Figure | None]:
        """The one thing to know, as words and figure: ahead of or behind what is due; nothing without a yardstick."""
        if self.is_reached:
            return _("已达到目标"), None
        if self.outlook is not None and self.outlook.short_by is not None:
            ahead = self.gap is not None and self.gap.value is not None and self.gap.value >= 0
            return _("眼下不落后，到期测算至少差") if ahead else _("到期测算至少差"), self.outlook.short_by
        if self.gap is not None:
            return _ahead(self.gap, _("比应完成多"), _("比应完成少")), self.gap.unsigned
        if self.growth_gap is not None:
            return _ahead(self.growth_gap, _("年均增速快于所需"), _("年均增速慢于所需")), self.growth_gap.unsigned
        return "", None

    @property
    def tone(self) -> str:
        """The shape and colour of the lead: up, level or down."""
        figure = self.lead[1]
        if self.outlook is not None and figure is self.outlook.short_by:
            return "down"
        if figure is None or figure.value is None:
            return "up"
        return "up" if figure.value > 0 else "down" if figure.value < 0 else "level"

    @property
    def reach_word(self) -> str:
        return _(REACH_WORDS[self.reach]) if self.reach else ""

    @property
    def progress_word(self) -> str:
        return _(PROGRESS_WORDS[self.progress]) if self.progress else ""

    @property
    def time_left(self) -> str:
        """Counted from the figure's own period: 7个月, 2年5个月; empty when none is left."""
        years, months = divmod(self.months_left, 12)
        if years and months:
            return _("%(years)s年%(months)s个月") % {"years": years, "months": months}
        if years:
            return _("%(years)s年") % {"years": years}
        return _("%(months)s个月") % {"months": months} if months else ""

    @property
    def filled(self) -> str:
        """The completion as a share of a bar's length, 0 to 100."""
        return _on_bar(self.completion) or "0"

    @property
    def due_at(self) -> str:
        """Where on the bar the share due lies, 0 to 100; empty when nothing is due yet."""
        return _on_bar(self.due)


def _on_bar(share: Figure | None) -> str:
    """A share in percent, held between 0 and 100; empty where it is unknown."""
    if share is None or share.value is None:
        return ""
    return f"{min(max(share.value, Decimal(0)), Decimal(100))}"


def _ahead(gap: Figure, ahead: str, behind: str) -> str:
    if gap.value == 0:
        return _("与所需持平")
    return ahead if gap.value is not None and gap.value > 0 else behind


def paces(
    rows: Sequence[TargetRow],
    *,
    district: str,
    today: dt.date,
    until: Period | None = None,
    known_at: dt.datetime | None = None,
) -> tuple[Pace, ...]:
    """The pace of each target, in order; one query whatever their number.

    `until` is the month that the page was asked for: no figure of a later period counts.
    """
    indicators = [row.target.indicator for row in rows if row.target.indicator is not None]
    last = until.end if until else today
    trails = read_trails(indicators, district=district, until=last, known_at=known_at) if indicators else {}
    return tuple(_pace(row, trails.get(row.target.indicator_id or 0, {}), district, last) for row in rows)


@prepared
def _trail_lines(is_past: bool) -> QuerySet[Vintage, tuple[Any, ...]]:
    end = "observation__period_end"
    return (
        Vintage.objects.in_force(Given("known_at", DateTimeField()) if is_past else None)
        .filter(
            observation__district=district_key(Given("district", TextField())),
            observation__indicator__among=GivenList("indicators", BigIntegerField()),
            observation__period_kind=F("observation__indicator__primary_kind"),
            **{f"{end}__gt": Given("after", DateField()), f"{end}__lte": Given("until", DateField())},
        )
        .order_by()
        .values_list(
            *("observation__indicator", "observation__period_kind", end, "observation__period_start"),
            *("value", "comparator", "printed", "unit", "version__unit", "version", "growth"),
        )
    )


def read_trails(
    indicators: Sequence[Indicator],
    *,
    district: str,
    until: dt.date,
    known_at: dt.datetime | None = None,
    years: int = YEARS_BACK,
) -> Mapping[int, Trail]:
    """By indicator id, its approved figures of its primary kind over the last years; one query of plain rows."""
    by_pk = {indicator.pk: indicator for indicator in indicators}
    found = _trail_lines(
        known_at is not None,
        district=district,
        known_at=known_at,
        indicators=list(by_pk),
        after=until.replace(year=until.year - years, day=1),
        until=until,
    )
    trails: dict[int, dict[Period, Point]] = {}
    for pk, kind, end, start, value, comparator, printed, unit, defined, version, growth in found:
        period, own = period_of(kind, end, start), unit or defined
        figure = value_figure(value, own, comparator, printed, key=figure_key(by_pk[pk].code, district, period))
        exact = exact_value(value, comparator)
        trails.setdefault(pk, {})[period] = Point(period, exact, growth, own, version, figure)
    return trails


def _pace(row: TargetRow, trail: Trail, district: str, last: dt.date) -> Pace:
    target = row.target
    if target.measure != Target.Measure.VALUE or target.direction != Target.Direction.UP or target.indicator is None:
        return Pace(row, missing=_without_pace(target))
    running = trail.get(row.current_period) if row.current_period else None
    point = running
    if target.kind == Target.Kind.YEAR:
        point = _latest(one for one in trail.values() if one.period.year_no == target.period_end.year)
    elif target.indicator.primary_kind == PeriodKind.YTD:
        # A promised annual level is answered by whole years only: the latest one that is finished.
        point = _latest(one for one in trail.values() if one.period.month_no == WHOLE_YEAR)
    past_due = last > target.period_end and (point is None or point.period.end < target.period_end)
    if point is None or point.exact is None or point.unit != target.unit:
        return Pace(row, is_past_due=past_due, missing=_missing(row, point))
    if target.kind == Target.Kind.YEAR:
        return _annual(row, point, trail, district, past_due)
    return _many_years(row, point, running, trail, district, past_due)


def _latest(points: Iterable[Point]) -> Point | None:
    return max(points, key=lambda one: one.period.end, default=None)


def _without_pace(target: Target) -> str:
    """Why a level that is no "at least" has neither completion nor light; a limit with a path has its light."""
    if target.measure != Target.Measure.VALUE or target.path != Target.Path.NONE:
        return ""
    if target.direction == Target.Direction.DOWN:
        return _("未评：目标是上限，没有写明进度方法")
    return _("未评：目标是区间，不计进度") if target.direction == Target.Direction.RANGE else ""


def _missing(row: TargetRow, point: Point | None) -> str:
    """What is lacking before anything can be told, and who enters it."""
    target = row.target
    assert target.indicator is not None
    owner = target.indicator.owner
    who = _("，由%(owner)s填报") % {"owner": owner} if owner else ""
    if point is None and row.current_period is not None:
        return _("还没有完整一年的数%(who)s") % {"who": who}
    if point is None:
        return _("当前值尚未录入%(who)s") % {"who": who}
    if point.exact is None:
        return _("现有数值不是确数，不能测算")
    said = {"unit": unit_label(point.unit), "asked": unit_label(target.unit)}
    return _("现有数值以%(unit)s计，目标以%(asked)s计，不能相比") % said


def _annual(row: TargetRow, point: Point, trail: Trail, district: str, past_due: bool) -> Pace:
    target, indicator, period = row.target, row.target.indicator, point.period
    assert indicator is not None
    key = f"target/{district}/{target.code}"
    at = f"@{period.code}"
    completion = calculations.share_percent(point.exact, target.value)
    left = calculations.months_left(period.end, target.period_end)
    remaining = calculations.remaining(target.value, point.exact)
    same_slot, total = _last_year(trail, point, indicator)
    due = due_share(target, period, last_slot=same_slot, last_total=total, planned=planned_at(target, period.end))
    flows = period.kind is PeriodKind.YTD
    per_month = calculations.required_per_month(remaining, left) if flows else None
    months = _months(trail, indicator, point) if flows else ()
    best = max(months, key=lambda month: month[1], default=None)
    rest = total - same_slot if same_slot is not None and total is not None else None
    rest_growth = calculations.required_rest_growth_percent(target.value, point.exact, last_year_rest=rest)
    return Pace(
        row,
        base=point.figure,
        base_period=period,
        completion=_percent(f"{key}/completion{at}", completion),
        due=_percent(f"{key}/due{at}", due),
        gap=pp_figure(f"{key}/gap{at}", rounded_gap(calculations.gap_to_share_pp(completion, due), target)),
        remaining=level_figure(f"{key}/remaining{at}", remaining, target.unit, LEVEL_PLACES),
        months_left=left,
        per_month=level_figure(f"{key}/per_month{at}", per_month, target.unit, LEVEL_PLACES),
        best_month=level_figure(f"{key}/best_month{at}", best[1], target.unit, LEVEL_PLACES) if best else None,
        best_month_period=best[0] if best else None,
        rest_growth=_percent(f"{key}/rest_growth{at}", rest_growth) if flows and left else None,
        reach=calculations.reach(per_month, [value for _month, value in months]),
        is_half=calculations.is_half_by_june(completion) if period.month_no == 6 and flows else None,
        outlook=_outlook(target, _project(point, trail, indicator), key, at) if flows and left else None,
        is_reached=remaining is not None and remaining <= 0,
        is_past_due=past_due,
    )


def _many_years(
    row: TargetRow, point: Point, running: Point | None, trail: Trail, district: str, past_due: bool
) -> Pace:
    target, indicator, period = row.target, row.target.indicator, point.period
    assert indicator is not None
    key, at = f"target/{district}/{row.target.code}", f"@{period.code}"
    left = calculations.months_left(period.end, target.period_end)
    years_left = Fraction(left, 12)
    remaining = calculations.remaining(target.value, point.exact)
    reached = remaining is not None and remaining <= 0
    required = calculations.compound_growth_percent(point.exact, target.value, years=years_left)
    observed = _observed(target, point, trail)
    ratio = calculations.progress_ratio(observed, required)
    due = compound_due(target, period.end)
    completion = calculations.share_percent(point.exact, target.value)
    return Pace(
        row,
        base=point.figure,
        base_period=period,
        completion=_percent(f"{key}/completion{at}", completion),
        due=_percent(f"{key}/due{at}", due),
        gap=pp_figure(f"{key}/gap{at}", rounded_gap(calculations.gap_to_share_pp(completion, due), target)),
        remaining=level_figure(f"{key}/remaining{at}", remaining, target.unit, LEVEL_PLACES),
        months_left=left,
        years_left=years_left if left else None,
        required_growth=_percent(f"{key}/required_growth{at}", required) if not reached else None,
        observed_growth=_percent(f"{key}/observed_growth{at}", observed),
        growth_gap=pp_figure(f"{key}/growth_gap{at}", round_to(calculations.excess_pp(observed, required), RATE_PLACES))
        if not reached
        else None,
        progress=calculations.progress_class(ratio, achieved=reached),
        outlook=_far_outlook(target, running, trail, indicator, key),
        is_reached=reached,
        is_past_due=past_due,
    )


def _observed(target: Target, point: Point, trail: Trail) -> Decimal | None:
    """Growth a year since the baseline where there is one, else over the last year; by division, 名义测算."""
    if target.baseline_value is not None and target.baseline_on is not None:
        years = Fraction(calculations.months_left(target.baseline_on, point.period.end), 12)
        return calculations.compound_growth_percent(target.baseline_value, point.exact, years=years)
    before = trail.get(periods.same_slot_last_year(point.period))
    return calculations.nominal_growth_percent(point.exact, _same(before, point))


def _same(other: Point | None, point: Point) -> Decimal | None:
    """The other's level, where it is of the same unit and scope."""
    if other is None or (other.unit, other.version) != (point.unit, point.version):
        return None
    return other.exact


def _last_year(trail: Trail, point: Point, indicator: Indicator) -> tuple[Decimal | None, Decimal | None]:
    """Last year's same slot and whole year, of the point's unit and scope."""
    same_slot = trail.get(periods.same_slot_last_year(point.period))
    slots = periods.slots_of_year(indicator.slots, point.period.year_no - 1, point.period.kind)
    total = trail.get(slots[-1]) if slots else None
    return _same(same_slot, point), _same(total, point)


def _months(trail: Trail, indicator: Indicator, point: Point) -> tuple[tuple[Period, Decimal], ...]:
    """The slots' own values up to the point, oldest first, of its unit and scope; quarters as a month's average."""
    months = []
    single = periods.first_slot_covers_single_unit(indicator.slots)
    for one in sorted(trail.values(), key=lambda one: one.period.end):
        if not periods.has_slot(indicator.slots, one.period):
            continue
        before = periods.previous_slot(indicator.slots, one.period)
        value = calculations.month_value(
            _same(one, point),
            _same(trail.get(before), point) if before else None,
            is_first_slot=before is None,
            first_covers_one=single,
        )
        if value is not None:
            width = one.period.month_no - (before.month_no if before else 0)
            months.append((one.period, value / width))
    return tuple(months)


def _project(point: Point, trail: Trail, indicator: Indicator) -> calculations.Projection | None:
    """Where the year may end, tried on the series' own finished years."""
    same_slot, total = _last_year(trail, point, indicator)
    past = []
    period = point.period
    for _back in range(YEARS_BACK):
        period = periods.same_slot_last_year(period)
        then = trail.get(period)
        if then is None:
            continue
        slot, before = _last_year(trail, then, indicator)
        ends = periods.slots_of_year(indicator.slots, period.year_no, period.kind)
        came_to = _same(trail.get(ends[-1]), then) if ends else None
        past.append(PastYear(then.exact, slot, before, then.growth, came_to))
    return calculations.project(
        point.exact, last_same_slot=same_slot, last_total=total, growth=point.growth, years=past
    )


def _outlook(target: Target, found: calculations.Projection | None, key: str, at: str) -> Outlook | None:
    if found is None:
        return None
    low = level_figure(f"{key}/outlook_low{at}", found.low, target.unit, LEVEL_PLACES)
    high = level_figure(f"{key}/outlook_high{at}", found.high, target.unit, LEVEL_PLACES)
    error = _percent(f"{key}/outlook_error{at}", found.error_percent)
    assert low
    assert high
    assert error
    return Outlook(low, high, error, found.tested, _short_by(target, found.high, key, at))


def _far_outlook(target: Target, running: Point | None, trail: Trail, indicator: Indicator, key: str) -> Outlook | None:
    """The deadline year's level: this year's range, carried on by the computed and by the published growth."""
    if running is None or running.period.kind is not PeriodKind.YTD or running.unit != target.unit:
        return None
    found = _project(running, trail, indicator)
    nominal = calculations.nominal_growth_percent(running.exact, _last_year(trail, running, indicator)[0])
    if found is None or nominal is None or running.growth is None:
        return None
    years = Fraction(target.period_end.year - running.period.year_no)
    low = calculations.extended(found.low, growth=min(nominal, running.growth), years=years)
    high = calculations.extended(found.high, growth=max(nominal, running.growth), years=years)
    if low is None or high is None:
        return None
    at = f"@{running.period.code}"
    figures = (
        level_figure(f"{key}/outlook_low{at}", low, target.unit, LEVEL_PLACES),
        level_figure(f"{key}/outlook_high{at}", high, target.unit, LEVEL_PLACES),
        _percent(f"{key}/outlook_error{at}", found.error_percent),
    )
    assert all(figures)
    return Outlook(*figures, found.tested, _short_by(target, high, key, at))  # type: ignore[arg-type]


def _short_by(target: Target, high: Decimal, key: str, at: str) -> Figure | None:
    lacking = calculations.remaining(target.value, high)
    if lacking is None or lacking <= 0:
        return None
    return level_figure(f"{key}/outlook_short_by{at}", lacking, target.unit, LEVEL_PLACES)


def _percent(key: str, value: Decimal | None) -> Figure | None:
    return percent_figure(key, round_to(value, RATE_PLACES), is_derived=True)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where a target's path stands at each slot of its year, in its unit; empty without a path."""

    target: Target
    points: tuple[tuple[Period, Decimal], ...]


def scheduled(indicator: Indicator, *, district: str, known_at: dt.datetime | None = None) -> Target | None:
    """The latest annual level target in force that has a path: the one that a chart draws; at most two queries."""
    annual = Target.objects.in_force(known_at).filter(
        district__code=district, indicator=indicator, kind=Target.Kind.YEAR, measure=Target.Measure.VALUE
    )
    drawn = annual.exclude(path=Target.Path.NONE).select_related("indicator").order_by("-period_end", "order", "code")
    found = drawn.first()
    if found is not None and found.path == Target.Path.PLAN:
        prefetch_related_objects([found], "points")
    return found


def replaced_versions(target: Target) -> list[Target]:
    """The versions that this one replaced, newest first; two queries, none for a first version."""
    if target.version == 1:
        return []
    found = Target.objects.filter(district_id=target.district_id, code=target.code, version__lt=target.version)
    return list(found.select_related("indicator").prefetch_related("points").order_by("-version"))


def schedule(target: Target, trail: Trail) -> Schedule:
    """The path of an annual level target; its months must be at hand where it follows a plan."""
    points = []
    if target.value is not None and target.indicator is not None:
        for slot in periods.slots_of_year(target.indicator.slots, target.period_end.year, PeriodKind.YTD):
            last_slot = trail.get(periods.same_slot_last_year(slot))
            ends = periods.slots_of_year(target.indicator.slots, slot.year_no - 1, slot.kind)
            last_total = trail.get(ends[-1])
            share = due_share(
                target,
                slot,
                last_slot=last_slot.exact if last_slot else None,
                last_total=_same(last_total, last_slot) if last_slot else None,
                planned=planned_at(target, slot.end),
            )
            level = round_to(calculations.level_due(target.value, share), LEVEL_PLACES)
            if level is not None:
                points.append((slot, level))
    return Schedule(target, tuple(points))
