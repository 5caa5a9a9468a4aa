"""Places in a pool, and what would change them. Rank 1 is best; `reverse` where lower is better."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def ranks(values: Sequence[Decimal | None], *, reverse: bool = False) -> list[int] | None:
    """Places by value, highest first (`reverse`: lowest first); ties share a place and the next is skipped.

    The place is 1 + the number of better values: 1, 2, 2, 4. None unless every member of the pool has a
    figure. Source: domain rules §3.
    """
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    if reverse:
        known = [-value for value in known]
    return [1 + sum(other > value for other in known) for value in known]


def rank_change(place: int | None, previous: int | None) -> int | None:
    """Places won since the previous slot: previous − place; positive is up, 0 unchanged.

    None if either is unknown. Source: domain rules §3.
    """
    if place is None or previous is None:
        return None
    return previous - place


def rank_with(
    values: Sequence[Decimal | None], own: int, delta: Decimal | None, *, reverse: bool = False
) -> int | None:
    """The place of member number `own` (from 0) if its value changed by `delta` and all others stood still.

    `delta` in the unit of the values (pp for growth). None unless every member has a figure and the change is
    known. Source: domain rules §3; the rank lab asks it (what +0.5 pp would give).
    """
    mine = values[own]
    if mine is None or delta is None:
        return None
    changed = list(values)
    changed[own] = mine + delta
    places = ranks(changed, reverse=reverse)
    return places[own] if places is not None else None


def needed_for_place(
    values: Sequence[Decimal | None], own: int, place: int, *, reverse: bool = False
) -> Decimal | None:
    """The smallest change of member number `own` (from 0) that reaches `place`, shared or alone.

    The distance to the `place`-th best of the others, in the unit of the values: positive, with `reverse`
    negative, 0 if it is there already or the others are fewer. None unless every member has a figure.
    Raises ValueError for a place below 1. Source: domain rules §3 (ties share the place).
    """
    if place < 1:
        raise ValueError("places count from 1")
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        return None
    mine = known.pop(own)
    if place > len(known):
        return Decimal(0)
    mark = sorted(known, reverse=not reverse)[place - 1]
    return min(mark - mine, Decimal(0)) if reverse else max(mark - mine, Decimal(0))
