"""How far, how far it should be, and what the rest asks for. Shares in percent, gaps in percentage points.

A path gives the share of the target that is due at a slot (linear, seasonal, mean of years, plan); the
completion is held against it. Time enters as a share of the year or in years, always of the figure's own period.
"""

from __future__ import annotations

import calendar
import datetime as dt
import statistics
from collections.abc import Sequence
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final

from indicators.calculations.growth import HUNDRED, excess_pp, nominal_growth_percent
from indicators.calculations.powers import WIDE, as_decimal

HALF: Final = Decimal(50)
ON_TRACK_FROM: Final = Decimal("0.95")
ACCELERATION_FROM: Final = Decimal("0.60")
MIN_HISTORY: Final = 6  # known monthly values before anything is called reachable or not
RECENT: Final = 12  # monthly values whose mean stands for the usual


def share_percent(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """part / whole × 100, in percent, not rounded and never clamped (开复工率 may exceed 100 %).

    None if either is unknown or the whole is zero. Source: domain rules §6.
    """
    if part is None or whole is None or whole == 0:
        return None
    return part / whole * HUNDRED


def month_value(
    cumulative: Decimal | None, previous: Decimal | None, *, is_first_slot: bool, first_covers_one: bool
) -> Decimal | None:
    """The value of the slot itself from year-to-date figures: 累计(n) − 累计(previous slot).

    Same unit as the input. For the year's first slot the cumulative itself when it covers one month or one
    quarter (`first_covers_one`), else None (1—2月). None if a needed figure is unknown. Only for flows.
    Source: domain rules §2.
    """
    if cumulative is None:
        return None
    if is_first_slot:
        return cumulative if first_covers_one else None
    if previous is None:
        return None
    return cumulative - previous


# What is due


def linear_share(elapsed: Fraction) -> Decimal:
    """序时进度: the elapsed share of the year × 100, in percent; April is 4/12, 33.33.

    `elapsed` as a fraction of the year (1—2月 is 2/12, never 1/12); 0 is 0. Source: domain rules §2, §4.
    """
    return HUNDRED * elapsed.numerator / elapsed.denominator


def seasonal_share(slot_value: Decimal | None, year_value: Decimal | None) -> Decimal | None:
    """Last year's completion at this slot: cumulative at the slot / the whole year × 100, in percent.

    Both of the same past year, unit and scope. None if either is unknown or the year is not positive, where
    a share says nothing. Source: domain rules §4 (seasonal share).
    """
    if year_value is None or year_value <= 0:
        return None
    return share_percent(slot_value, year_value)


def mean_share(shares: Sequence[Decimal | None]) -> Decimal | None:
    """The plain mean of several years' shares, Σ / n, in percent.

    None if any is unknown (a mean of the others would be another figure) or there are none.
    Source: domain rules §4 (seasonal share, here of several years).
    """
    known = [share for share in shares if share is not None]
    if not known or len(known) != len(shares):
        return None
    return statistics.mean(known)


def plan_share(planned: Decimal | None, target: Decimal | None) -> Decimal | None:
    """What the explicit monthly plan has due at this slot: planned cumulative / target × 100, in percent.

    Both in one unit. None if either is unknown or the target is zero. Source: domain rules §4 (plan curve).
    """
    return share_percent(planned, target)


def level_due(target: Decimal | None, share: Decimal | None) -> Decimal | None:
    """The level that a share of the target comes to: target × share / 100, in the target's unit.

    `share` in percent. None if either is unknown. Source: domain rules §4 (the path as a line on the chart).
    """
    if target is None or share is None:
        return None
    return target * share / HUNDRED


# How far it is


def gap_to_share_pp(completion: Decimal | None, share: Decimal | None, *, reverse: bool = False) -> Decimal | None:
    """Completion minus the share due: ahead is positive, in percentage points.

    Both in percent of the same target. `reverse` for an amount that the target limits: of the limit, the share that
    may be used by now minus the share used, so that less is ahead. None if either is unknown.
    Source: domain rules §4 (directions).
    """
    return excess_pp(share, completion) if reverse else excess_pp(completion, share)


def schedule_gap_pp(completion: Decimal | None, elapsed: Fraction) -> Decimal | None:
    """Completion minus elapsed share of the year (超/低于序时进度), in percentage points.

    `completion` in percent, `elapsed` as a fraction of the year (1—2月 is 2/12). None if unknown.
    Source: domain rules §4 (30.90 % at March is +5.90).
    """
    return gap_to_share_pp(completion, linear_share(elapsed))


def plan_ratio_percent(completion: Decimal | None, share: Decimal | None) -> Decimal | None:
    """Completion / the share due × 100, in percent: 100 is on plan.

    Both in percent of the same target. None if either is unknown or nothing is due yet (share not positive).
    Source: domain rules §5 (Wuhan: under 80 % of planned progress yellow, under 60 % red).
    """
    if share is None or share <= 0:
        return None
    return share_percent(completion, share)


def is_half_by_june(completion: Decimal | None) -> bool | None:
    """双过半: at 30 June at least 50 % of the annual level target is done; exactly 50 counts.

    `completion` in percent, of 1—6月. None if unknown. Source: domain rules §4.
    """
    return None if completion is None else completion >= HALF


def relation_gap_pp(own_growth: Decimal | None, other_growth: Decimal | None) -> Decimal | None:
    """A relational target's gap: own growth minus that of the series it must keep up with, in percentage points.

    Both in percent, of one period and basis; 0 keeps up. None if either is unknown.
    Source: domain rules §4 (居民收入与经济增长同步).
    """
    return excess_pp(own_growth, other_growth)


class Direction(StrEnum):
    """Which side of its bounds is good for a figure; the values are those of the indicator's own field."""

    UP = "up"
    DOWN = "down"
    RANGE = "range"
    NONE = "none"


def distance(
    value: Decimal | None, *, direction: Direction, low: Decimal | None = None, high: Decimal | None = None
) -> Decimal | None:
    """How far inside the good side a value lies, negative when short of it, 0 on the bound; unit of the value.

    UP: value − low. DOWN: high − value. RANGE: to the nearer bound, min(value − low, high − value).
    None if the value or a bound of that direction is unknown, and for NONE. Source: domain rules §4.
    """
    above = excess_pp(value, low)
    below = excess_pp(high, value)
    if direction == Direction.UP:
        return above
    if direction == Direction.DOWN:
        return below
    if direction == Direction.RANGE and above is not None and below is not None:
        return min(above, below)
    return None


def meets(
    value: Decimal | None, *, direction: Direction, low: Decimal | None = None, high: Decimal | None = None
) -> bool | None:
    """Whether a value is on the good side of its bounds, which belong to it: `distance` of at least 0.

    None where the distance is unknown. Source: domain rules §4.
    """
    gap = distance(value, direction=direction, low=low, high=high)
    return None if gap is None else gap >= 0


# Goals of several years


def compound_level(
    baseline: Decimal | None, target: Decimal | None, *, years: Fraction, elapsed: Fraction
) -> Decimal | None:
    """The level due on a compound path: baseline × (target / baseline)^(elapsed / years), in their unit.

    `years` from baseline to deadline, `elapsed` since the baseline. None if a level is unknown or not
    positive, if years is not positive, or outside the path (elapsed below 0 or past the deadline).
    Source: domain rules §4 (multi-year goal).
    """
    if baseline is None or target is None or baseline <= 0 or target <= 0:
        return None
    if years <= 0 or not 0 <= elapsed <= years:
        return None
    with localcontext(WIDE):
        level = baseline * (target / baseline) ** as_decimal(elapsed / years)
    return +level


def compound_share(
    baseline: Decimal | None,
    target: Decimal | None,
    *,
    baseline_on: dt.date | None,
    deadline: dt.date,
    on: dt.date,
) -> Decimal | None:
    """The share of a goal of several years that is due on a day: the compound level then / target × 100, in percent.

    Both in one unit; time counts in whole months from the baseline's own day. None where the level is: a level or
    the baseline's day is unknown, a level is not positive, the deadline is not a month after the baseline, or the
    day lies before the one or after the other. Source: domain rules §4 (multi-year goal, counted in months / 12).
    """
    if baseline_on is None or on < baseline_on:
        return None
    # Of both times only the ratio counts, so months serve as well as years.
    whole, gone = (Fraction(months_left(baseline_on, end)) for end in (deadline, on))
    return share_percent(compound_level(baseline, target, years=whole, elapsed=gone), target)


def compound_growth_percent(baseline: Decimal | None, level: Decimal | None, *, years: Fraction) -> Decimal | None:
    """((level / baseline)^(1 / years) − 1) × 100, in percent a year.

    Required growth with the target as level and the years left, observed growth with the current level and
    the years gone. None if a level is unknown or not positive, or years is not positive.
    Source: domain rules §4 (required compound growth).
    """
    if baseline is None or level is None or baseline <= 0 or level <= 0 or years <= 0:
        return None
    with localcontext(WIDE):
        growth = ((level / baseline) ** as_decimal(1 / years) - 1) * HUNDRED
    return +growth


def progress_ratio(observed: Decimal | None, required: Decimal | None, *, reverse: bool = False) -> Decimal | None:
    """Observed / required compound growth as a fraction: 1 is exactly as fast as needed.

    Both in percent a year. `reverse` for a level that must fall: both are negative then, and falling half as
    fast as needed is 0.5 too. None if either is unknown, or if no growth in the wanted direction is
    required (the target is reached, or unsuited to the ratio). Source: domain rules §4 (UN-SDG practice).
    """
    if observed is None or required is None:
        return None
    if (-required if reverse else required) <= 0:
        return None
    return observed / required


class Progress(StrEnum):
    """UN-SDG classes of a goal of several years, best first."""

    ACHIEVED = "achieved"  # 已达到
    ON_TRACK = "on_track"  # 按期
    ACCELERATION_NEEDED = "acceleration_needed"  # 需要加快
    LIMITED = "limited"  # 进展有限
    DETERIORATION = "deterioration"  # 倒退


def progress_class(ratio: Decimal | None, *, achieved: bool) -> Progress | None:
    """The class of a `progress_ratio` (a fraction): from 0.95 on track, from 0.60 acceleration needed, from 0
    limited, below deterioration; each cut belongs to the better class.

    `achieved` (the target is met now) goes before any ratio. None if the ratio is unknown otherwise.
    Source: domain rules §4 (cuts 95 % / 60 % / 0).
    """
    if achieved:
        return Progress.ACHIEVED
    if ratio is None:
        return None
    if ratio >= ON_TRACK_FROM:
        return Progress.ON_TRACK
    if ratio >= ACCELERATION_FROM:
        return Progress.ACCELERATION_NEEDED
    return Progress.LIMITED if ratio >= 0 else Progress.DETERIORATION


# 还差多少


def remaining(target: Decimal | None, current: Decimal | None) -> Decimal | None:
    """还差: target − current, in their unit; 0 or negative when it is reached.

    For levels where more is better. None if either is unknown. Source: domain rules §4.
    """
    return excess_pp(target, current)


def months_left(end: dt.date, deadline: dt.date) -> int:
    """Whole calendar months after the figure's own `end` up to the deadline: 30 June to 31 December is 6.

    A month that has begun at `end` or is unfinished at the deadline does not count; 0 at or after the
    deadline. Source: domain rules §4 (counted in months / 12), at the figure's period and never at today.
    """
    ends_whole = deadline.day == calendar.monthrange(deadline.year, deadline.month)[1]
    last = deadline.year * 12 + deadline.month - (0 if ends_whole else 1)
    return max(last - (end.year * 12 + end.month), 0)


def required_per_month(remaining: Decimal | None, months_left: int) -> Decimal | None:
    """What each month left must bring on average: remaining / months left, in the unit of the remaining.

    0 or negative when the target is reached. None if unknown or no month is left (已到期).
    Source: domain rules §4.
    """
    if remaining is None or months_left <= 0:
        return None
    return remaining / months_left


def required_rest_growth_percent(
    target: Decimal | None, current: Decimal | None, *, last_year_rest: Decimal | None
) -> Decimal | None:
    """The growth the rest of the year needs over last year's rest: ((target − current) / rest − 1) × 100, percent.

    `last_year_rest` is last year's total minus its same slot, same unit and scope; the growth is by division,
    名义测算. None if any is unknown or last year's rest is not positive. Source: domain rules §3, §4.
    """
    return nominal_growth_percent(remaining(target, current), last_year_rest)


class Reach(StrEnum):
    """How a required monthly value compares with what the series has done."""

    REACHABLE = "reachable"  # 可达
    HARD = "hard"  # 吃力
    UNSEEN = "unseen"  # 历史未见


def reach(required: Decimal | None, history: Sequence[Decimal | None]) -> Reach | None:
    """The label of a required monthly value, by the series' own months (oldest first, same unit).

    At most the mean of the last 12 known months (of all, if fewer): 可达. Else at most the best month ever:
    吃力. Else 历史未见. Nothing more required (0 or less): 可达. Unknown months are passed over.
    None if the requirement is unknown, or with fewer than 6 known months, too few to judge by.
    Source: domain rules §4; the cuts are this house's own, as no standard gives any.
    """
    if required is None:
        return None
    if required <= 0:
        return Reach.REACHABLE
    known = [value for value in history if value is not None]
    if len(known) < MIN_HISTORY:
        return None
    if required <= statistics.mean(known[-RECENT:]):
        return Reach.REACHABLE
    return Reach.HARD if required <= max(known) else Reach.UNSEEN
