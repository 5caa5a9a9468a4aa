"""All approved figures of some indicators and districts between two days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from indicators.models import Indicator, Observation, Vintage
from indicators.rows.building import build_row
from indicators.rows.cards import Row
from indicators.rows.facts import Address, Facts, read
from lvyuan.accounts.models import District, User

Span = tuple[Row, ...]  # oldest first; of several kinds of periods, without targets


def spans(
    *,
    indicators: Sequence[Indicator],
    districts: Sequence[District],
    since: dt.date,
    until: dt.date,
    known_at: dt.datetime | None = None,
    user: User,
) -> Mapping[tuple[str, int], Span]:
    """By district code and indicator id, the rows of all periods that end from `since` to `until`; one query.

    A slot's own value is told from the cumulative before it where that lies in the span too; nothing is told from a
    real and an invented figure together.
    """
    by_pk = {indicator.pk: indicator for indicator in indicators}
    found = read(
        Vintage.objects.in_force(known_at)
        .filter(
            observation__in=Observation.objects.visible_to(user),
            observation__district__in=districts,
            observation__indicator__in=by_pk,
            observation__period_end__gte=since,
            observation__period_end__lte=until,
        )
        .order_by("observation__period_end", "observation__period_start", "pk")
    )
    beside: dict[tuple[str, bool], dict[Address, Facts]] = {}
    for facts in found:
        beside.setdefault(_world(facts), {})[facts.address] = facts
    rows: dict[tuple[str, int], list[Row]] = {}
    for facts in found:
        row = build_row(by_pk[facts.indicator], facts, beside[_world(facts)], ())
        rows.setdefault((facts.district, facts.indicator), []).append(row)
    return {address: tuple(told) for address, told in rows.items()}


def _world(facts: Facts) -> tuple[str, bool]:
    return facts.district, facts.is_invented
