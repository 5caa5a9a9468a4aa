"""Targets beside the figures that answer them, for pages about some targets or about one indicator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Window

from indicators.models import Target
from indicators.rows.building import build_target_row
from indicators.rows.cards import Row, Scorecard, TargetRow
from indicators.rows.scorecard import YEARS_AFTER, scorecard
from lvyuan.accounts.models import User
from lvyuan.periods import Period

OTHERS = 12  # of an indicator's other targets; all stand in the list of targets


def target_rows(
    targets: Sequence[Target], *, district: str, known_at: dt.datetime | None = None, user: User
) -> tuple[TargetRow, ...]:
    """These target versions in their order, each beside its indicator's latest figure; at most six queries.

    Their indicators must be at hand.
    """
    codes = [target.indicator.code for target in targets if target.indicator]
    card = scorecard(district=district, period=None, known_at=known_at, user=user, codes=codes)
    return tuple(
        build_target_row(target, card.by_code.get(target.indicator.code) if target.indicator else None, district)
        for target in targets
    )


@dataclass(frozen=True, slots=True)
class Promises:
    """One indicator's targets in force: those about the period shown, the newest of the others, and how many."""

    current: tuple[TargetRow, ...]
    others: tuple[TargetRow, ...]
    other_count: int

    @property
    def count(self) -> int:
        return len(self.current) + self.other_count


def promises(row: Row, card: Scorecard, *, district: str, known_at: dt.datetime | None = None) -> Promises:
    """The targets of the row's indicator; `card` is that indicator's. One query.

    Without a figure to hold them against, the newest are all as current as each other.
    """
    current = tuple(target for target in card.targets if _is_about(target.target, row.period))
    in_force = Target.objects.filter(district__code=district).in_force(known_at)
    others = in_force.filter(indicator=row.indicator).exclude(pk__in=[one.target.pk for one in current])
    newest = others.select_related("indicator__owner", "compared_with", "district").annotate(total=Window(Count("*")))
    found = list(newest.order_by("-period_end", "order", "code")[:OTHERS])
    rows = tuple(build_target_row(target, row, district) for target in found)
    count = found[0].total if found else 0
    if row.period is None:
        every = sorted(current + rows, key=lambda one: one.target.order)
        return Promises(tuple(every), (), count - len(rows))
    return Promises(current, rows, count)


def _is_about(target: Target, period: Period | None) -> bool:
    """Whether a target is about the period: for exactly it, of its year, or of several years that end about then."""
    if period is None or target.kind == Target.Kind.THREE_YEARS:
        return period is None or target.period_end.year >= period.year_no - YEARS_AFTER
    if target.kind == Target.Kind.YEAR:
        return target.period_end.year == period.year_no
    return target.period == period
