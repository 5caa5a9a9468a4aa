"""What a light looks at, measured: one figure against its target, the city and its rank. Pure: no database.

Everything is rounded once, at the end, as the target says; what is judged is what is printed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from indicators import calculations
from indicators.lights import Inputs, Measure
from lvyuan.numbers import Rounding, round_to

NO_TARGET = "没有年度目标"
NO_RATIO_TO_LIMIT = "目标是上限，没有达到计划进度的比例"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that is known of one figure, unrounded, in percent; None is unknown, and `missing` says why."""

    completion: Decimal | None = None
    due_share: Decimal | None = None
    growth: Decimal | None = None
    excess_pp: Decimal | None = None
    city_growth: Decimal | None = None
    rank: int | None = None
    months_late: int | None = None
    made_up_late: int | None = None
    is_limit: bool = False  # completion is the used share of what is not to be exceeded
    places: int = 1
    rounding: Rounding = Rounding.HALF_UP
    missing: dict[Measure, str]
    names: dict[Measure, str]


def measures(standing: Standing) -> Inputs:
    """The inputs of a rule; gaps are taken before anything is rounded.

    Of a limit more used than due is a negative gap, and a ratio to plan, of which more is better, is unknown.
    Source: domain rules §4 (97.2 % at October is +13.8 truncated from 13.87; lower is better).
    """
    completion, due = standing.completion, standing.due_share
    rounded = {
        Measure.COMPLETION: completion,
        Measure.DUE_SHARE: due,
        Measure.GAP_PP: calculations.gap_to_share_pp(completion, due, reverse=standing.is_limit),
        Measure.PLAN_RATIO: None if standing.is_limit else calculations.plan_ratio_percent(completion, due),
    }
    exact = {
        Measure.GROWTH: standing.growth,
        Measure.EXCESS_PP: standing.excess_pp,
        Measure.CITY_GAP_PP: calculations.excess_pp(standing.growth, standing.city_growth),
        Measure.RANK: _whole(standing.rank),
        Measure.MONTHS_LATE: _whole(standing.months_late),
        Measure.MADE_UP_LATE: _whole(standing.made_up_late),
    }
    found = {m: round_to(value, standing.places, standing.rounding) for m, value in rounded.items()} | exact
    missing = dict(standing.missing)
    if standing.is_limit:
        missing[Measure.PLAN_RATIO] = NO_RATIO_TO_LIMIT
    if found[Measure.GAP_PP] is None:
        own = missing.get(Measure.COMPLETION) or missing.get(Measure.DUE_SHARE) or NO_TARGET
        missing |= dict.fromkeys((Measure.GAP_PP, Measure.PLAN_RATIO), own)
    if standing.growth is None:
        missing |= dict.fromkeys((Measure.GROWTH, Measure.EXCESS_PP, Measure.CITY_GAP_PP), "没有公布增速")
    known = {measure: value for measure, value in found.items() if value is not None}
    return Inputs(known, missing, standing.names)


def lateness(due_on: dt.date, done_on: dt.date | None, as_of: dt.date) -> tuple[int, int]:
    """(months late and still not done, months late when it was done), as of a day; 0 where that is not so.

    Counted in calendar months from the month it was due in: due in June and not done is 1 in July, 3 in September.
    What was done after `as_of` was not done yet. Source: domain rules §5 (start month missed, three months).
    """
    done = done_on is not None and done_on <= as_of
    until = done_on if done and done_on is not None else as_of
    months = max((until.year - due_on.year) * 12 + until.month - due_on.month, 0)
    return (0, months) if done else (months, 0)


def _whole(number: int | None) -> Decimal | None:
    return None if number is None else Decimal(number)
