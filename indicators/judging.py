"""What each figure's light is judged by and from, fetched in a fixed number of queries.

A figure is judged by its indicator's own rule; else, against a level target with a path, or a growth target, by the
default rule for such targets; else not at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Prefetch, Q

from indicators import calculations
from indicators.lights import LIMIT, OF_LIMIT, RANGE, Inputs, Measure, Rule, parse_rule
from indicators.measures import NO_TARGET, Standing, lateness, measures
from indicators.models import (
    Indicator,
    LightRule,
    LightRuleUse,
    LightRuleVersion,
    Observation,
    PrintedComparison,
    Rank,
    Target,
    TargetPoint,
    Vintage,
    VintageStatus,
)
from indicators.models.fields import period_columns
from indicators.models.figures import Comparator, VintageQuerySet
from indicators.rows import due_share, exact_value
from indicators.rows.building import compound_due, neighbours
from lvyuan import periods
from lvyuan.accounts.models import District
from lvyuan.numbers import Rounding
from lvyuan.periods import Period, PeriodKind

WHOLE_YEAR = 12
_ONE_WAY = (Indicator.Direction.UP, Indicator.Direction.DOWN)
_CUMULATIVE = (PeriodKind.YTD, PeriodKind.YEAR)
_DUE_NAMES = {
    Target.Path.LINEAR.value: "序时",
    Target.Path.SEASONAL.value: "按上年同期应",
    Target.Path.PLAN.value: "计划",
    Target.Path.COMPOUND.value: "按复合增速应",
}

Address = tuple[int, int, str, dt.date, dt.date | None]  # district, indicator, period columns


@dataclass(frozen=True, slots=True)
class Case:
    """One figure before its rule; `known_from` is when the last of what it is judged from was known."""

    vintage: Vintage
    version: LightRuleVersion | None
    rule: Rule | None  # what the version says
    target: Target | None
    inputs: Inputs
    known_from: dt.datetime


@dataclass(slots=True)
class _Beside:
    """What was found next to the figures, and what of it one figure used."""

    vintages: dict[Address, Vintage]
    points: dict[tuple[int, dt.date], Decimal]
    used: list[Vintage] = field(default_factory=list)

    def at(self, district: int, indicator: int, period: Period) -> Vintage | None:
        found = self.vintages.get((district, indicator, *period_columns(period).values()))
        if found is not None:
            self.used.append(found)
        return found


def cases(vintages: Sequence[Vintage], *, at: dt.datetime | None = None) -> list[Case]:
    """Those of the figures (and of what leans on them) that a rule applies to, with their inputs; ≤ 13 queries.

    Targets count as of `at`; None takes each figure's own `known_from`, as when history is backfilled: then the
    first version of a target that was made later stands. Withdrawn figures and side periods are not judged.
    `vintages` must have their observation and district at hand.
    """
    districts = {vintage.district_id for vintage in vintages}
    indicators = {vintage.observation.indicator_id for vintage in vintages}
    uses = dict(LightRuleUse.objects.filter(indicator__in=indicators).values_list("indicator_id", "rule_id"))
    targets = _targets(districts, indicators)
    keys = [v.pk for v in vintages if v.observation.indicator_id in uses or _of(v, targets)]
    dependants = _dependants(vintages, targets)
    if not keys and dependants is None:
        return []
    chosen = Q(pk__in=keys)
    if dependants is not None:
        chosen |= dependants & Q(pk=F("observation__current"))
    found = list(
        Vintage.objects.filter(chosen)
        .exclude(status=VintageStatus.WITHDRAWN)
        .select_related("observation__indicator")
        .prefetch_related(
            "district", Prefetch("ranks", Rank.objects.select_related("pool").order_by("by")), "comparisons"
        )
    )
    if dependants is not None:
        others = {v.observation.indicator_id for v in found}
        uses = dict(LightRuleUse.objects.filter(indicator__in=others).values_list("indicator_id", "rule_id"))
        targets = _targets({v.district_id for v in found}, others)
    return _built(found, uses, targets, at)


def unjudged() -> VintageQuerySet:
    """Figures in force without any light, where a rule or a target might give them one."""
    own = LightRuleUse.objects.filter(indicator=OuterRef("observation__indicator"))
    target = Target.objects.filter(district=OuterRef("district"), indicator=OuterRef("observation__indicator"))
    return (
        Vintage.objects.in_force()
        .filter(Exists(own) | Exists(target), light_results__isnull=True)
        .filter(observation__period_kind=F("observation__indicator__primary_kind"))
        .select_related("observation", "district")
        .order_by("pk")
    )


def _targets(districts: Collection[int], indicators: Collection[int]) -> dict[tuple[int, int], list[Target]]:
    """By district and indicator, every version of what a light may be held against, oldest first.

    With the versions that name another indicator: they are what ended the promise about this one.
    """
    about = Q(indicator__in=indicators) | Q(compared_with__in=indicators)
    # Codes first: the planner, asked for both at once, reads the table anew for each row.
    codes = set(Target.objects.order_by().filter(about, district__in=districts).values_list("code", flat=True))
    versions: dict[tuple[int, str], list[Target]] = {}
    asked = Target.objects.filter(district__in=districts, code__in=codes).select_related("compared_with")
    for target in asked.order_by("order", "code", "version"):
        versions.setdefault((target.district_id, target.code), []).append(target)
    found: dict[tuple[int, int], list[Target]] = {}
    for (district, _code), promised in versions.items():
        for indicator in dict.fromkeys(target.indicator_id for target in promised):
            if indicator is not None:
                found.setdefault((district, indicator), []).extend(promised)
    return found


def _of(vintage: Vintage, targets: dict[tuple[int, int], list[Target]]) -> list[Target]:
    return targets.get((vintage.district_id, vintage.observation.indicator_id), [])


def _dependants(vintages: Sequence[Vintage], targets: dict[tuple[int, int], list[Target]]) -> Q | None:
    """Which figures lean on these: a district's on its city's growth, one on the growth it must keep up with."""
    asked = Q()
    ends = {v.observation.period_end for v in vintages}
    if city := [v for v in vintages if v.district.level == District.Level.CITY]:
        asked |= Q(
            district__parent__in={v.district_id for v in city},
            observation__indicator__in={v.observation.indicator_id for v in city},
            observation__period_end__in={v.observation.period_end for v in city},
        )
    given = {v.observation.indicator_id for v in vintages}
    leaning = {t.indicator_id for own in targets.values() for t in own if t.compared_with_id in given}
    if leaning:
        districts = {v.district_id for v in vintages}
        asked |= Q(district__in=districts, observation__indicator__in=leaning, observation__period_end__in=ends)
    return asked or None


def _built(
    vintages: Sequence[Vintage],
    uses: dict[int, int],
    targets: dict[tuple[int, int], list[Target]],
    at: dt.datetime | None,
) -> list[Case]:
    picked = []
    for vintage in vintages:
        observation = vintage.observation
        if observation.period_kind != observation.indicator.primary_kind:
            continue
        known = _known(_of(vintage, targets), at or vintage.known_from, observation.indicator_id)
        level, growth = _level_target(vintage, known), _growth_target(vintage, known)
        by_date = next((t for t in known if t.direction == Target.Direction.BY_DATE), None)
        own = uses.get(observation.indicator_id)
        if own is not None or level is not None or growth is not None:
            picked.append((vintage, own, level, growth, by_date))
    versions = _versions(uses.values())
    rules = {version.pk: parse_rule(version.conditions, version.otherwise) for version in versions}
    beside = _beside([(vintage, level, growth) for vintage, _, level, growth, _ in picked])
    found = []
    for vintage, own, level, growth, by_date in picked:
        subject = LightRule.Subject.LEVEL if level is not None else LightRule.Subject.GROWTH
        version = _version(versions, own, subject, vintage.observation.period_end)
        if version is None and own is None and not _has_default(versions, subject):
            continue
        beside.used = []
        standing = _standing(vintage, level, growth, by_date, beside)
        rule = rules[version.pk] if version is not None else None
        target = _judged_against(rule, level, growth, by_date)
        moments = [vintage.known_from, *(v.known_from for v in beside.used)]
        moments += [target.known_from] if target else []
        if version is not None and version.adopted_by_id is not None:
            moments.append(version.adopted_at)
        found.append(Case(vintage, version, rule, target, measures(standing), max(moments)))
    return found


def _known(versions: Iterable[Target], at: dt.datetime, indicator: int) -> list[Target]:
    """One version of each target about an indicator: the last known at that moment, else its first."""
    found: dict[str, Target] = {}
    for target in versions:
        if target.code not in found or target.known_from <= at:
            found[target.code] = target
    return [target for target in found.values() if target.indicator_id == indicator]


def _level_target(vintage: Vintage, targets: Iterable[Target]) -> Target | None:
    """The level target with a path that this figure counts towards: of its own year, else of several years.

    Only where amounts add up (domain rules §4: 序时进度 is for level targets) and the target looks the indicator's
    own way: towards more, or to an amount of the year that is not to be exceeded.
    """
    observation, indicator = vintage.observation, vintage.observation.indicator
    if indicator.direction not in _ONE_WAY or indicator.nature == Indicator.Nature.RATIO:
        return None
    period = observation.period
    for target in targets:
        if (
            target.measure != Target.Measure.VALUE
            or target.path == Target.Path.NONE
            or target.direction != indicator.direction
        ):
            continue
        if is_limit(target) and (target.path == Target.Path.COMPOUND or indicator.nature != Indicator.Nature.FLOW):
            continue
        if target.kind == Target.Kind.YEAR:
            fits = target.period_end.year == period.year_no and period.kind in _CUMULATIVE
        else:
            fits = target.path == Target.Path.COMPOUND and period.end <= target.period_end
        # A compound path runs from whole year to whole year: part of a year's amount is far below it by nature.
        if fits and (target.path != Target.Path.COMPOUND or _is_whole(period)):
            return target
    return None


def is_limit(target: Target | None) -> bool:
    """A level that is not to be exceeded: of it less is better."""
    return target is not None and target.measure == Target.Measure.VALUE and target.direction == Target.Direction.DOWN


def level_names(target: Target | None) -> dict[Measure, str]:
    """How sentences call the shares of a level target; nothing for other targets."""
    if target is None or target.measure != Target.Measure.VALUE or target.path not in _DUE_NAMES:
        return {}
    return {Measure.DUE_SHARE: _DUE_NAMES[target.path]} | ({Measure.COMPLETION: OF_LIMIT} if is_limit(target) else {})


def _is_whole(period: Period) -> bool:
    """A figure that a level of years may be compared with: a whole year's, or a stock."""
    return period.kind is PeriodKind.INSTANT or period.months == WHOLE_YEAR


def _growth_target(vintage: Vintage, targets: Iterable[Target]) -> Target | None:
    """The expectation for exactly this period, else the growth promised for the year."""
    period = vintage.observation.period
    promised = None
    for target in targets:
        if target.measure != Target.Measure.GROWTH:
            continue
        if target.kind == Target.Kind.EXPECTATION and target.period == period:
            return target
        if (
            target.kind == Target.Kind.YEAR
            and target.period_end.year == period.year_no
            and period.kind in _CUMULATIVE
            and promised is None
        ):
            promised = target
    return promised


def _versions(used: Iterable[int]) -> list[LightRuleVersion]:
    """Every version of these rules and of the default ones, newest first."""
    asked = Q(rule__in=set(used)) | ~Q(rule__default_for="")
    return list(
        LightRuleVersion.objects.filter(asked).select_related("rule").order_by("rule_id", "-valid_from", "-number")
    )


def _version(
    versions: Iterable[LightRuleVersion], own: int | None, subject: LightRule.Subject, on: dt.date
) -> LightRuleVersion | None:
    for version in versions:
        is_the_rule = version.rule_id == own if own is not None else version.rule.default_for == subject
        if is_the_rule and version.valid_from <= on:
            return version
    return None


def _has_default(versions: Iterable[LightRuleVersion], subject: LightRule.Subject) -> bool:
    return any(version.rule.default_for == subject for version in versions)


def _judged_against(
    rule: Rule | None, level: Target | None, growth: Target | None, by_date: Target | None
) -> Target | None:
    """The target whose measures the rule looks at."""
    if rule is None:
        return level or growth
    looked_at = rule.measures
    by_level = {Measure.COMPLETION, Measure.DUE_SHARE, Measure.GAP_PP, Measure.PLAN_RATIO}
    if looked_at & by_level:
        return level
    if Measure.EXCESS_PP in looked_at:
        return growth
    return by_date if looked_at & {Measure.MONTHS_LATE, Measure.MADE_UP_LATE} else None


# Beside the figures: the city, the indicator to keep up with, last year, the plan


def _beside(picked: Sequence[tuple[Vintage, Target | None, Target | None]]) -> _Beside:
    """Two queries: the figures in force next to these, and the monthly plans."""
    ends = {vintage.observation.period_end for vintage, _, _ in picked}
    cities = {vintage.district.parent_id for vintage, _, _ in picked if vintage.district.parent_id is not None}
    indicators = {vintage.observation.indicator_id for vintage, _, _ in picked}
    asked = Q(district__in=cities, observation__indicator__in=indicators, observation__period_end__in=ends)
    own = {vintage.district_id for vintage, _, _ in picked}
    kept_up = {growth.compared_with_id for _, _, growth in picked if growth is not None and growth.compared_with_id}
    asked |= Q(district__in=own, observation__indicator__in=kept_up, observation__period_end__in=ends)
    seasonal = [v.observation for v, level, _ in picked if level is not None and level.path == Target.Path.SEASONAL]
    asked |= Q(
        district__in=own,
        observation__indicator__in={observation.indicator_id for observation in seasonal},
        observation__period_end__in={one.end for observation in seasonal for one in _last_year(observation)},
    )
    found = Vintage.objects.in_force().filter(asked)
    by_address: dict[Address, Vintage] = {}
    for vintage in found.select_related("observation").order_by():
        observation = vintage.observation
        by_address[observation.district_id, observation.indicator_id, *observation.period_key] = vintage
    plans = {level.pk for _, level, _ in picked if level is not None and level.path == Target.Path.PLAN}
    points = TargetPoint.objects.filter(target__in=plans, due_on__in=ends).values_list("target_id", "due_on", "value")
    return _Beside(by_address, {(target, due_on): value for target, due_on, value in points})


def _last_year(observation: Observation) -> tuple[Period, ...]:
    """The same slot of the year before, and what closed that year; empty for what is no slot of the calendar."""
    period, slots = observation.period, observation.indicator.slots
    if not periods.has_slot(slots, period):
        return ()
    year_ago, _before, total = neighbours(period, slots)
    return year_ago, total


def _standing(
    vintage: Vintage, level: Target | None, growth: Target | None, by_date: Target | None, beside: _Beside
) -> Standing:
    missing: dict[Measure, str] = {}
    names = level_names(level)
    completion = due = None
    if level is None:
        missing |= dict.fromkeys((Measure.COMPLETION, Measure.DUE_SHARE), NO_TARGET)
    else:
        completion, why_not = _completion(vintage, level)
        due, why_not_due = _due(level, vintage, beside)
        if completion is None:
            missing[Measure.COMPLETION] = why_not
        if due is None:
            missing[Measure.DUE_SHARE] = why_not_due
    excess, missing[Measure.EXCESS_PP] = _excess(vintage, growth, beside, names)
    city, missing[Measure.CITY_GAP_PP] = _city_growth(vintage, beside)
    ranks = list(vintage.ranks.all())
    if ranks:
        names[Measure.RANK] = ranks[0].pool.name
    missing[Measure.RANK] = "没有位次"
    late: tuple[int | None, int | None] = (None, None)
    if by_date is None:
        missing |= dict.fromkeys((Measure.MONTHS_LATE, Measure.MADE_UP_LATE), "没有期限")
    else:
        late = lateness(by_date.period_end, by_date.met_on, vintage.observation.period_end)
    rounded_as = level or growth
    return Standing(
        completion=completion,
        due_share=due,
        growth=vintage.growth,
        excess_pp=excess,
        city_growth=city,
        rank=ranks[0].place if ranks else None,
        months_late=late[0],
        made_up_late=late[1],
        missing=missing,
        names=names,
        is_limit=is_limit(level),
        places=rounded_as.places if rounded_as else Target._meta.get_field("places").default,
        rounding=Rounding(rounded_as.rounding) if rounded_as else Rounding.HALF_UP,
    )


def _completion(vintage: Vintage, target: Target) -> tuple[Decimal | None, str]:
    if vintage.value is None:
        return None, "没有数值"
    if vintage.comparator != Comparator.EQUAL:
        return None, "数值不是准确数"
    if vintage.unit != target.unit:
        return None, f"数据以{vintage.unit}计，目标以{target.unit}计"
    return calculations.share_percent(vintage.value, target.value), "目标为零"


def _due(target: Target, vintage: Vintage, beside: _Beside) -> tuple[Decimal | None, str]:
    """The percent of a level target that is due at the figure's period, and why it is unknown if it is."""
    period = vintage.observation.period
    if target.path == Target.Path.COMPOUND:
        return compound_due(target, period.end), "没有基期数"
    slot = year = None
    if target.path == Target.Path.SEASONAL and (asked := _last_year(vintage.observation)):
        found = (beside.at(vintage.district_id, vintage.observation.indicator_id, one) for one in asked)
        slot, year = (_exact_base(one, vintage) for one in found)
    planned = beside.points.get((target.pk, period.end))
    why_not = {Target.Path.SEASONAL: "没有上年同期和全年的同口径数", Target.Path.PLAN: "没有这个月的计划数"}
    share = due_share(target, period, last_slot=slot, last_total=year, planned=planned)
    return share, why_not.get(Target.Path(target.path), "")


def _exact_base(base: Vintage | None, vintage: Vintage) -> Decimal | None:
    if base is None or base.version_id != vintage.version_id or base.unit != vintage.unit:
        return None
    return exact_value(base.value, base.comparator)


def _excess(
    vintage: Vintage, target: Target | None, beside: _Beside, names: dict[Measure, str]
) -> tuple[Decimal | None, str]:
    """How much better than promised, in pp, as printed where the source prints it; below an upper limit is better."""
    for comparison in vintage.comparisons.all():
        if comparison.kind == PrintedComparison.Kind.OVER_EXPECTATION:
            return comparison.delta, ""
    if target is None:
        return None, "没有增速预期或目标"
    if target.direction == Target.Direction.RELATION:
        assert target.compared_with is not None  # relation_complete
        names[Measure.EXCESS_PP] = f"{target.compared_with}增速"
        other = beside.at(vintage.district_id, target.compared_with.pk, vintage.observation.period)
        return (
            calculations.relation_gap_pp(vintage.growth, other.growth if other else None),
            f"没有{target.compared_with}同期的增速",
        )
    direction = target.direction if target.direction in set(calculations.Direction) else Target.Direction.UP
    is_range = direction == Target.Direction.RANGE
    if target.kind != Target.Kind.EXPECTATION or direction != Target.Direction.UP:
        names[Measure.EXCESS_PP] = {Target.Direction.DOWN: LIMIT, Target.Direction.RANGE: RANGE}.get(
            Target.Direction(direction), "目标"
        )
    return (
        calculations.distance(
            vintage.growth,
            direction=calculations.Direction(direction),
            low=target.value,
            high=target.upper if is_range else target.value,
        ),
        "没有公布增速",
    )


def _city_growth(vintage: Vintage, beside: _Beside) -> tuple[Decimal | None, str]:
    """The city's published growth of the same period and basis; never held against another basis."""
    own = vintage.district
    if own.parent_id is None:
        return None, "没有上级市可比"
    city = beside.at(own.parent_id, vintage.observation.indicator_id, vintage.observation.period)
    if city is None or city.growth is None:
        return None, "没有全市同期增速"
    if city.growth_basis != vintage.growth_basis:
        return None, "全市增速口径不同"
    return city.growth, ""
