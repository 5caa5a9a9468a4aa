"""Every formula of an indicator, once. Pure: Decimal | None in, Decimal | None out; no database, no clock.

Unknown input gives None, never zero. Nothing is rounded here: rounding happens once, at display.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

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


def share_percent(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """part / whole × 100, in percent, not rounded and never clamped (开复工率 may exceed 100 %).

    None if either is unknown or the whole is zero. Source: domain rules §6.
    """
    if part is None or whole is None or whole == 0:
        return None
    return part / whole * HUNDRED


def schedule_gap_pp(completion: Decimal | None, elapsed: Fraction) -> Decimal | None:
    """Completion minus elapsed share of the year (超/低于序时进度), in percentage points.

    `completion` in percent, `elapsed` as a fraction of the year (1—2月 is 2/12). None if unknown.
    Source: domain rules §4 (30.90 % at March is +5.90).
    """
    if completion is None:
        return None
    return completion - HUNDRED * Decimal(elapsed.numerator) / Decimal(elapsed.denominator)


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


def nominal_growth_percent(current: Decimal | None, base: Decimal | None) -> Decimal | None:
    """(current / base − 1) × 100, in percent; shown only beside the published growth as 名义测算.

    None if either is unknown or the base is not positive, where a rate means nothing.
    Source: domain rules §3.
    """
    if current is None or base is None or base <= 0:
        return None
    return (current / base - 1) * HUNDRED


def rank_change(place: int | None, previous: int | None) -> int | None:
    """Places won since the previous slot: positive is up, 0 unchanged, None if either is unknown."""
    if place is None or previous is None:
        return None
    return previous - place


def ranks(values: Sequence[Decimal | None]) -> list[int] | None:
    """Places by value, highest first; ties share a place and the next is skipped (1, 2, 2, 4).

    None unless every member of the pool has a figure. Source: domain rules §3.
    """
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    return [1 + sum(other > value for other in known) for value in known]
