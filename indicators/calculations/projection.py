"""Where the year may end: two transparent methods, tried on the series' own past. No other model.

A projection is 测算, an estimate; it is never stored as a figure nor printed without its range and error.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, NamedTuple

from indicators.calculations.growth import HUNDRED, nominal_growth_percent
from indicators.calculations.powers import WIDE, as_decimal

MIN_BACKTESTS: Final = 2  # past years before an error, and so a projection, is shown at all


def by_last_year_share(
    current: Decimal | None, *, last_same_slot: Decimal | None, last_total: Decimal | None
) -> Decimal | None:
    """The year if this slot is the same share of it as last year: current × last total / last same slot.

    Cumulative flows of one unit and scope; the result has their unit. The current itself when last year's
    slot was the whole year. None if any is unknown, or one of last year's figures is not positive.
    Source: domain rules §4 (seasonal share).
    """
    if current is None or last_same_slot is None or last_total is None:
        return None
    if last_same_slot <= 0 or last_total <= 0:
        return None
    return current * last_total / last_same_slot


def by_growth_held(
    current: Decimal | None,
    *,
    last_same_slot: Decimal | None,
    last_total: Decimal | None,
    growth: Decimal | None,
) -> Decimal | None:
    """The year if its rest grows as the year so far: current + (last total − last same slot) × (1 + growth / 100).

    `growth` is the published year-to-date growth in percent; levels of one unit and scope, the result in it.
    The current itself when last year's slot was the whole year. None if any is unknown.
    Source: domain rules §3 (published growth is the input), §4.
    """
    if current is None or last_same_slot is None or last_total is None or growth is None:
        return None
    return current + (last_total - last_same_slot) * (1 + growth / HUNDRED)


def extended(level: Decimal | None, *, growth: Decimal | None, years: Fraction) -> Decimal | None:
    """The level at a deadline if the growth is held: level × (1 + growth / 100)^years, in its unit.

    `growth` in percent a year; 0 years give the level. None if either is unknown, the level is not positive,
    the growth is −100 or less, or years is negative. Source: domain rules §4 (compound growth).
    """
    if level is None or growth is None or level <= 0 or growth <= -HUNDRED or years < 0:
        return None
    with localcontext(WIDE):
        result = level * (1 + growth / HUNDRED) ** as_decimal(years)
    return +result


class PastYear(NamedTuple):
    """One finished year as it stood at the same slot, and how it ended; levels of one unit and scope."""

    current: Decimal | None  # cumulative at the slot
    last_same_slot: Decimal | None  # the same slot a year before
    last_total: Decimal | None  # the whole year before
    growth: Decimal | None  # published growth at the slot, percent
    total: Decimal | None  # what the year came to


@dataclass(frozen=True, slots=True)
class BackTest:
    """How far one method was off in past years, in percent of what the year came to."""

    mean_absolute_percent: Decimal
    worst_percent: Decimal  # the largest without its sign
    count: int


class BackTests(NamedTuple):
    """Both methods on the same past; None where fewer than MIN_BACKTESTS years could be tested."""

    by_share: BackTest | None
    by_growth: BackTest | None


def backtest(years: Sequence[PastYear]) -> BackTests:
    """Each method tried on finished years at the same slot: error = (projected / total − 1) × 100, percent.

    The mean and the largest absolute error, and how many years gave one; a year with an unknown figure or a
    total that is not positive gives none. None for a method with fewer than 2 such years.
    Source: this house's own; no standard gives any.
    """
    return BackTests(
        by_share=_summed_up(
            nominal_growth_percent(
                by_last_year_share(year.current, last_same_slot=year.last_same_slot, last_total=year.last_total),
                year.total,
            )
            for year in years
        ),
        by_growth=_summed_up(
            nominal_growth_percent(
                by_growth_held(
                    year.current,
                    last_same_slot=year.last_same_slot,
                    last_total=year.last_total,
                    growth=year.growth,
                ),
                year.total,
            )
            for year in years
        ),
    )


def _summed_up(errors: Iterable[Decimal | None]) -> BackTest | None:
    sizes = [abs(error) for error in errors if error is not None]
    if len(sizes) < MIN_BACKTESTS:
        return None
    return BackTest(statistics.mean(sizes), max(sizes), len(sizes))


@dataclass(frozen=True, slots=True)
class Projection:
    """A range for the year's total, with both estimates and how each did in the past. Unit of the levels."""

    low: Decimal
    high: Decimal
    by_share: Decimal
    by_growth: Decimal
    share_test: BackTest
    growth_test: BackTest

    @property
    def error_percent(self) -> Decimal:
        """The larger of both mean absolute errors, in percent."""
        return max(self.share_test.mean_absolute_percent, self.growth_test.mean_absolute_percent)

    @property
    def tested(self) -> int:
        """Past years that tested both methods at least."""
        return min(self.share_test.count, self.growth_test.count)


def project(
    current: Decimal | None,
    *,
    last_same_slot: Decimal | None,
    last_total: Decimal | None,
    growth: Decimal | None,
    years: Sequence[PastYear],
) -> Projection | None:
    """The range the year may end in: the span of both methods, each widened by its own mean absolute error.

    Each estimate e reaches from e − |e| × error / 100 to e + |e| × error / 100; low and high are the outermost
    of the four ends. A mean is no bound: past years may have lain outside, and `worst_percent` says how far.
    At the year's last slot both estimates are the current and the range is as wide as the past errors there,
    usually 0. None unless both methods give an estimate and have been tested on at least 2 past years: with a
    short history nothing is shown. Source: the methods' own; the widening is this house's.
    """
    share = by_last_year_share(current, last_same_slot=last_same_slot, last_total=last_total)
    held = by_growth_held(current, last_same_slot=last_same_slot, last_total=last_total, growth=growth)
    tests = backtest(years)
    if share is None or held is None or tests.by_share is None or tests.by_growth is None:
        return None
    share_slack = abs(share) * tests.by_share.mean_absolute_percent / HUNDRED
    held_slack = abs(held) * tests.by_growth.mean_absolute_percent / HUNDRED
    return Projection(
        low=min(share - share_slack, held - held_slack),
        high=max(share + share_slack, held + held_slack),
        by_share=share,
        by_growth=held,
        share_test=tests.by_share,
        growth_test=tests.by_growth,
    )
