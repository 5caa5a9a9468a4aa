"""Growth rates and their differences: the published rate, the one by division, and what lies between."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from lvyuan.numbers import growth_interval, rounding_interval

HUNDRED = Decimal(100)


def excess_pp(actual: Decimal | None, expected: Decimal | None) -> Decimal | None:
    """Actual rate minus expected rate, in percentage points (百分点).

    Both in percent; None if either is unknown. Source: domain rules §3 (growth targets compare in pp).
    """
    if actual is None or expected is None:
        return None
    return actual - expected


def implied_base(rate: Decimal | None, delta: Decimal | None) -> Decimal | None:
    """What a printed difference was counted from: rate − delta, in percent; 推算, never a source.

    None if either is unknown. Source: domain rules §1 (27.1 % and 17.1 points over expectation give 10 %;
    90.4 % and 15 points over the three-year average give 75.4 %).
    """
    if rate is None or delta is None:
        return None
    return rate - delta


def nominal_growth_percent(current: Decimal | None, base: Decimal | None) -> Decimal | None:
    """(current / base − 1) × 100, in percent; shown only beside the published growth as 名义测算.

    None if either is unknown or the base is not positive, where a rate means nothing.
    Source: domain rules §3.
    """
    if current is None or base is None or base <= 0:
        return None
    return (current / base - 1) * HUNDRED


def index_number(value: Decimal | None, base: Decimal | None) -> Decimal | None:
    """value / base × 100: a level as an index with the base at 100, so that series of different units compare; 推算.

    Both in one unit and of one definition. None if either is unknown or the base is not positive, where a ratio means
    nothing; a zero value gives 0. Source: domain rules §3 (on a negative or zero base no number).
    """
    if value is None or base is None or base <= 0:
        return None
    return value / base * HUNDRED


def growth_agrees(published: Decimal | None, current: Decimal | None, base: Decimal | None) -> bool | None:
    """Whether the published growth, as rounded, can be that of both levels, as rounded.

    True when [published ± half a unit of its last digit] meets the growth interval of the levels (ends
    included). All in percent and one unit; digits count as published, so 3.1 allows more than 3.10. Growth on
    another basis may well disagree: False is a note, never an error, and nothing is repaired.
    None if any is unknown or the rounded base may be zero or less.
    Source: domain rules §3 (10.44 / 10.12 lies in [3.06, 3.26], so 3.1 agrees).
    """
    if published is None or current is None or base is None:
        return None
    allowed = growth_interval(current, base)
    if allowed is None:
        return None
    low, high = rounding_interval(published)
    return low <= allowed[1] and allowed[0] <= high


def unexplained_pp(published: Decimal | None, nominal: Decimal | None, reasons: Iterable[Decimal]) -> Decimal | None:
    """What the bridge of reasons leaves open: published − nominal − Σ reasons, in percentage points.

    Both growths in percent, each reason (scope, price, revision, de-duplication) in signed points; without
    reasons the whole difference is unexplained. None if either growth is unknown.
    Source: domain rules §3 (published +3.8 % beside −10.4 % by division).
    """
    difference = excess_pp(published, nominal)
    if difference is None:
        return None
    return difference - sum(reasons)


class SignChange(StrEnum):
    """What words say where a growth rate means nothing."""

    TURNED_POSITIVE = "turned_positive"  # 由负转正; 扭亏 for profits
    TURNED_NEGATIVE = "turned_negative"  # 由正转负
    NARROWED = "narrowed"  # still not positive, and less so: 减亏
    WIDENED = "widened"  # more negative than before: 增亏
    FROM_ZERO = "from_zero"  # 上年同期为零


def sign_change(current: Decimal | None, base: Decimal | None) -> SignChange | None:
    """The words for a change from or into the negative, by comparing signs; both in one unit.

    None if either is unknown, if both are positive or the current is zero on a positive base (a rate says it
    then), or if nothing changed. Source: domain rules §3 (on a negative or zero base: words, no number).
    """
    if current is None or base is None or current == base:
        return None
    if base > 0:
        return SignChange.TURNED_NEGATIVE if current < 0 else None
    if base == 0:
        return SignChange.FROM_ZERO
    if current > 0:
        return SignChange.TURNED_POSITIVE
    return SignChange.NARROWED if current > base else SignChange.WIDENED
