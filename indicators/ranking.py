"""Places among the members of a pool: computed only when all of them have a figure of one period, basis and unit.

`peer_ranking()` and `rankings()` need two queries whatever the number of members and periods.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.translation import gettext, gettext_noop

from indicators import calculations
from indicators.models import Indicator, Observation, RankBy, RankPool, Vintage
from indicators.models.figures import figure_key
from indicators.rows import Figure, RankRow, Row, rows_by_address
from lvyuan import periods
from lvyuan.accounts.models import District, Role, User
from lvyuan.numbers import format_signed_pp, plain
from lvyuan.periods import Period, PeriodKind
from lvyuan.ui.words import name_of, period_label

LAB_ROLES = (Role.LEADER, Role.REVIEWER, Role.ADMIN)
HISTORY = 12  # slots
_COUNTS = dict(
    enumerate(
        (
            gettext_noop("两"),
            gettext_noop("三"),
            gettext_noop("四"),
            gettext_noop("五"),
            gettext_noop("六"),
            gettext_noop("七"),
            gettext_noop("八"),
            gettext_noop("九"),
        ),
        2,
    )
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One member of the pool: what it is ranked by, its computed place, and the place it reported."""

    district: District
    figure: Figure | None = None
    value: Decimal | None = None
    basis: str = ""
    unit: str = ""
    is_internal: bool = False
    is_demo: bool = False
    place: Figure | None = None
    change: int | None = None
    entered: RankRow | None = None
    entered_otherwise: RankRow | None = None

    @property
    def place_no(self) -> int | None:
        """The computed place as a number."""
        return int(self.place.value) if self.place and self.place.value is not None else None

    @property
    def conflict(self) -> str:
        """填报第2位，按五区数据推算第3位; empty where both agree or one is unknown."""
        if self.entered is None or self.place_no in (None, self.entered.place):
            return ""
        return gettext("填报第%(place)s位，按%(pool_size)s区数据推算第%(place_no)s位") % {
            "place": self.entered.place,
            "pool_size": gettext(_COUNTS.get(self.entered.pool_size, str(self.entered.pool_size))),
            "place_no": self.place_no,
        }


@dataclass(frozen=True, slots=True)
class Ranking:
    """One indicator's standings of one period, best first; in the pool's order where `problem` says why not."""

    indicator: Indicator
    period: Period
    pool: RankPool
    by: str
    standings: tuple[Standing, ...]
    problem: str = ""

    @property
    def by_label(self) -> str:
        return str(RankBy(self.by).label)

    @property
    def is_internal(self) -> bool:
        """Whether any figure that the places rest on is not released: then they may not be quoted either."""
        return any(standing.is_internal for standing in self.standings if standing.figure)

    @property
    def is_ranked(self) -> bool:
        return not self.problem

    def of(self, district: str) -> Standing | None:
        """The standing of the district with that code."""
        return next((standing for standing in self.standings if standing.district.code == district), None)


@dataclass(frozen=True, slots=True)
class Needed:
    """What the home district would need for one better place."""

    place: int
    change: Figure


@dataclass(frozen=True, slots=True)
class Lab:
    """A what-if: nothing here is a figure that anybody reported."""

    delta_text: str
    now: int
    then: int
    needed: tuple[Needed, ...]


def ways(indicator: Indicator) -> list[tuple[str, str]]:
    """How an indicator can be ranked: a ratio by itself, everything else by growth or level."""
    if indicator.nature == Indicator.Nature.TEXT:
        return []
    if indicator.nature == Indicator.Nature.RATIO:
        return [(RankBy.OTHER.value, gettext("按数值"))]
    return [(RankBy.GROWTH.value, str(RankBy.GROWTH.label)), (RankBy.LEVEL.value, str(RankBy.LEVEL.label))]


def period_to_rank(indicator: Indicator, asked: Period | None, *, pool: RankPool, user: User) -> Period | None:
    """The indicator's own period at the asked month's end, or its latest in the pool; None where there is none."""
    kind = PeriodKind(indicator.primary_kind)
    if asked is not None and indicator.slots and kind is not PeriodKind.PLAN:
        slots = periods.slots_of_year(indicator.slots, asked.year_no, kind)
        return next((slot for slot in slots if slot.end == asked.end), None)
    known = Observation.objects.visible_to(user).filter(
        indicator=indicator, period_kind=kind.value, current__isnull=False, district__rankpoolmember__pool=pool
    )
    if asked is not None:
        known = known.filter(period_end__year=asked.year_no, period_end__month=asked.month_no)
    latest = known.order_by("-period_end").first()
    return latest.period if latest else None


def peer_ranking(
    *, indicator: Indicator, period: Period, pool: RankPool, known_at: dt.datetime | None = None, user: User, by: str
) -> Ranking:
    """The pool's standings of one period, with the change against the slot before; two queries."""
    return rankings(indicator=indicator, period=period, pool=pool, known_at=known_at, user=user, by=by, count=1)[0]


def rankings(
    *,
    indicator: Indicator,
    period: Period,
    pool: RankPool,
    known_at: dt.datetime | None = None,
    user: User,
    by: str,
    count: int = HISTORY,
) -> tuple[Ranking, ...]:
    """The standings of `count` slots up to `period`, newest first; two queries.

    `by` is one of `ways()`. A period outside the calendar stands alone.
    """
    asked = _slots(indicator, period, count + 1)
    members = list(District.objects.filter(rankpoolmember__pool=pool).order_by("code"))
    rows = _rows(indicator, asked, members, known_at, user)
    found = [_ranking(indicator, slot, pool, by, members, rows) for slot in asked]
    return tuple(
        _with_changes(ranking, found[number + 1] if number + 1 < len(found) else None)
        for number, ranking in enumerate(found[:count])
    )


def places_of(
    *, indicator: Indicator, period: Period, district: str, known_at: dt.datetime | None = None, user: User
) -> list[Ranking]:
    """Every ranking of one period in which the district has a computed place; three queries."""
    pools = RankPool.objects.filter(members__district__code=district).prefetch_related("districts").order_by("code")
    in_force = [pool for pool in pools if pool.is_in_force(period.end)]
    members = {member.pk: member for pool in in_force for member in pool.districts.all()}
    rows = _rows(indicator, [period], list(members.values()), known_at, user)
    found = (
        _ranking(indicator, period, pool, by, sorted(pool.districts.all(), key=lambda one: one.code), rows)
        for pool in in_force
        for by, _ in ways(indicator)
    )
    return [ranking for ranking in found if ranking.is_ranked]


def standings_of(
    rows: Sequence[Row], *, pool: RankPool, district: str, known_at: dt.datetime | None = None, user: User
) -> dict[tuple[int, Period], tuple[Ranking, Standing]]:
    """By indicator id and period, the district's standing in a pool for each row, with its change; two queries.

    Each indicator is ranked in the first of its `ways()`. Rows without a period or without a way have none.
    """
    ranked = [(row.indicator, row.period, ways(row.indicator)) for row in rows if row.period is not None]
    wanted = [(indicator, _slots(indicator, period, 2), told[0][0]) for indicator, period, told in ranked if told]
    members = list(District.objects.filter(rankpoolmember__pool=pool).order_by("code"))
    vintages = Vintage.objects.in_force(known_at).filter(
        observation__in=Observation.objects.visible_to(user),
        observation__district__in=members,
        observation__indicator__in={indicator.pk for indicator, *_ in wanted},
        observation__period_end__in={slot.end for _, slots, _ in wanted for slot in slots},
    )
    known = rows_by_address(vintages, indicators=[indicator for indicator, *_ in wanted]) if wanted else {}
    found = {}
    for indicator, slots, by in wanted:
        own = {
            (member.pk, slot): known[address]
            for member in members
            for slot in slots
            if (address := (member.code, indicator.pk, slot.code)) in known
        }
        rankings = [_ranking(indicator, slot, pool, by, members, own) for slot in slots]
        ranking = _with_changes(rankings[0], rankings[1] if len(rankings) > 1 else None)
        standing = ranking.of(district)
        if standing is not None:
            found[indicator.pk, slots[0]] = ranking, standing
    return found


def rank_lab(ranking: Ranking, delta: Decimal, *, district: str) -> Lab | None:
    """The district's place if its own figure changed by `delta` and all others stood still; no query.

    `delta` in points for growth, else in the figure's unit. None where nobody is ranked.
    """
    own = next((n for n, one in enumerate(ranking.standings) if one.district.code == district), None)
    if own is None or not ranking.is_ranked:
        return None
    values = [standing.value for standing in ranking.standings]
    reverse = _is_lower_better(ranking.indicator)
    places = calculations.ranks(values, reverse=reverse)
    then = calculations.rank_with(values, own, delta, reverse=reverse)
    if places is None or then is None:
        return None
    mine = ranking.standings[own]
    key = figure_key(ranking.indicator.code, district, ranking.period)
    changes = {
        place: calculations.needed_for_place(values, own, place, reverse=reverse)
        for place in range(places[own] - 1, 0, -1)
    }
    needed = (
        Needed(place, Figure(f"{key}/needed-{place}-{ranking.by}", _signed(change, mine.unit), change, is_derived=True))
        for place, change in changes.items()
        if change is not None
    )
    return Lab(_signed(delta, mine.unit), places[own], then, tuple(needed))


def _signed(change: Decimal, unit: str) -> str:
    """A difference with its sign; that of two rates is in points."""
    if unit == "%":
        return format_signed_pp(change)
    return f"{'+' if change > 0 else ''}{plain(change)}{unit}"


def _is_lower_better(indicator: Indicator) -> bool:
    return indicator.direction == Indicator.Direction.DOWN


def _slots(indicator: Indicator, period: Period, count: int) -> list[Period]:
    """The period and the slots before it, newest first."""
    found = [period]
    if indicator.slots and periods.has_slot(indicator.slots, period):
        while len(found) < count:
            found.append(periods.previous_period(indicator.slots, found[-1]))
    return found


Place = tuple[int, Period]  # a district's key and a period


def _rows(
    indicator: Indicator,
    asked: Sequence[Period],
    members: Sequence[District],
    known_at: dt.datetime | None,
    user: User,
) -> dict[Place, Row]:
    """The rows of all members at those periods; one query."""
    by_code = {member.code: member.pk for member in members}
    by_period = {period.code: period for period in asked}
    vintages = Vintage.objects.in_force(known_at).filter(
        observation__in=Observation.objects.visible_to(user),
        observation__district__in=members,
        observation__indicator=indicator,
        observation__period_kind=asked[0].kind.value,
        observation__period_end__in=[period.end for period in asked],
    )
    return {
        (by_code[code], by_period[period]): row
        for (code, _, period), row in rows_by_address(vintages, indicators=[indicator]).items()
        if period in by_period
    }


def _ranking(
    indicator: Indicator,
    period: Period,
    pool: RankPool,
    by: str,
    members: Sequence[District],
    rows: dict[Place, Row],
) -> Ranking:
    standings = [_standing(member, rows.get((member.pk, period)), pool, by) for member in members]
    problem = _problem(pool, period, standings)
    if problem:
        return Ranking(indicator, period, pool, by, tuple(standings), problem)
    places = calculations.ranks([standing.value for standing in standings], reverse=_is_lower_better(indicator)) or []
    ranked = [
        _placed(standing, place, figure_key(indicator.code, standing.district.code, period), by, pool)
        for standing, place in zip(standings, places, strict=True)
    ]
    ranked.sort(key=lambda standing: (standing.place_no or 0, standing.district.code))
    return Ranking(indicator, period, pool, by, tuple(ranked))


def _standing(district: District, row: Row | None, pool: RankPool, by: str) -> Standing:
    if row is None or row.vintage is None:
        return Standing(district)
    entered = {rank.figure.key.rpartition("/rank-")[2]: rank for rank in row.ranks if rank.pool == pool.name}
    grows = by == RankBy.GROWTH
    figure = row.growth if grows else row.value
    return Standing(
        district=district,
        figure=figure,
        value=figure.value if figure and (grows or row.is_exact) else None,
        basis=row.growth_basis if grows else "",
        unit="%" if grows else row.unit,
        is_internal=not row.vintage.is_released,
        is_demo=row.is_invented,
        entered=entered.get(by),
        entered_otherwise=entered.get(RankBy.UNSTATED.value),
    )


def _problem(pool: RankPool, period: Period, standings: Sequence[Standing]) -> str:
    """Why nobody is ranked; empty when everybody can be."""
    if not pool.is_in_force(period.end):
        return gettext("“%(pool)s”在%(period)s不适用，不能排位") % {"pool": pool.name, "period": period_label(period)}
    if not standings:
        return gettext("“%(pool)s”没有成员，不能排位") % {"pool": pool.name}
    missing = [str(name_of(one.district)) for one in standings if one.figure is None]
    if missing:
        return gettext("缺%(missing)s，不能排位") % {"missing": gettext("、").join(missing)}
    if len({one.is_demo for one in standings}) > 1:
        return gettext("真实数据不与演示数据一起排位")
    inexact = [str(name_of(one.district)) for one in standings if one.value is None]
    if inexact:
        return gettext("%(inexact)s不是确数，不能排位") % {"inexact": gettext("、").join(inexact)}
    for what, said in (
        (gettext("增速口径"), [one.basis for one in standings]),
        (gettext("计量单位"), [one.unit for one in standings]),
    ):
        if len(set(said)) > 1:
            told = (
                f"{name_of(one.district)}{words or gettext('未写明')}"
                for one, words in zip(standings, said, strict=True)
            )
            return gettext("%(what)s不一致（%(told)s），不能排位") % {"what": what, "told": gettext("，").join(told)}
    return ""


def _placed(standing: Standing, place: int, key: str, by: str, pool: RankPool) -> Standing:
    figure = Figure(f"{key}/place-{by}-{pool.code}", f"第{place}位", Decimal(place), is_derived=True)
    return replace(standing, place=figure)


def _with_changes(ranking: Ranking, before: Ranking | None) -> Ranking:
    """The same ranking, each place compared with that of the slot before."""
    earlier = {one.district.pk: one.place_no for one in before.standings} if before else {}
    changed = (
        replace(one, change=calculations.rank_change(one.place_no, earlier.get(one.district.pk)))
        for one in ranking.standings
    )
    return replace(ranking, standings=tuple(changed))
