"""Formulas of project lists. Pure; the shares themselves are in indicators.calculations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from indicators.calculations import share_percent


class StartState(StrEnum):
    """What is known of a project's start on a day."""

    STARTED = "started"
    POSSIBLE = "possible"  # a source tells a later day by which it had started, not since when
    NOT_STARTED = "not_started"


def start_state(starts: Iterable[tuple[dt.date | None, dt.date | None]], *, as_of: dt.date) -> StartState:
    """The state of one project on `as_of`, from its starts as (happened_on, no_later_than) pairs.

    A start no later than 4 August is certain from then on and possible before. Source: domain rules §1, §6.
    """
    state = StartState.NOT_STARTED
    for happened_on, no_later_than in starts:
        certain_from = happened_on or no_later_than
        if certain_from is not None and certain_from <= as_of:
            return StartState.STARTED
        if happened_on is None and no_later_than is not None:
            state = StartState.POSSIBLE
    return state


def start_rate_percent(started: int, possible: int, total: int) -> Decimal | None:
    """开工率: started / all listed × 100, in percent, not rounded.

    None while some starts are only possible, and for an empty list. Source: domain rules §6 (47/52 is 90.4 %).
    """
    if possible:
        return None
    return share_percent(Decimal(started), Decimal(total))
