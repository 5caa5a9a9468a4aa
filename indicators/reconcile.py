"""口径对账: a published growth beside the one that the levels give, and a bridge of reasons between them.

Disagreement is a note, never an error: the published growth stays what it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.translation import gettext

from indicators import calculations
from indicators.models import GrowthReason
from indicators.models.fields import period_columns
from indicators.models.figures import figure_key
from indicators.rows import RATE_PLACES, Figure, Row
from lvyuan.numbers import format_signed_pp, growth_interval, plain, round_to

INTERVAL_PLACES = 2
WIDTH = 1000  # units of a bar's own drawing, as wide as all bars together reach


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the bridge, and where its bar lies between 0 and WIDTH."""

    name: str
    figure: Figure
    kind: str = ""  # of a reason; empty for the growths themselves and for what nobody explained
    is_sum: bool = False
    note: str = ""
    source: str = ""
    written_by: str = ""
    written_at: dt.datetime | None = None
    start: int = 0
    length: int = 0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Published growth, 名义测算, their difference, and the bridge from one to the other.

    `steps` begin with the computed growth and end with the published one. `agrees`: whether the published growth, as
    rounded, can be that of both levels, as rounded; None where the rounded base may be zero.
    """

    published: Figure
    basis: str
    nominal: Figure
    current: Figure
    base: Figure
    difference: Figure
    unexplained: Figure
    steps: tuple[Step, ...]
    zero: int
    agrees: bool | None
    lowest: Figure | None
    highest: Figure | None

    @property
    def reasons(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.kind)


def reconciliation(row: Row, *, district: str, known_at: dt.datetime | None = None) -> Reconciliation | None:
    """What lies between the row's published growth and the one its levels give; one query.

    None, without a query, unless there is a published growth and 名义测算 can be computed. Reasons belong to one
    vintage: a revised figure starts without any.
    """
    if not (row.growth and row.nominal_growth and row.value and row.last_year and row.vintage and row.period):
        return None
    reasons = GrowthReason.objects.filter(
        vintage__number=row.vintage.number,
        vintage__observation__district__code=district,
        vintage__observation__indicator=row.indicator,
        **{f"vintage__observation__{name}": value for name, value in period_columns(row.period).items()},
    ).select_related("written_by")
    if known_at is not None:
        reasons = reasons.filter(written_at__lte=known_at)
    published, current, base = row.growth.value, row.value.value, row.last_year.value
    nominal = calculations.nominal_growth_percent(current, base)
    difference = calculations.excess_pp(published, nominal)
    told = sorted(reasons, key=lambda reason: GrowthReason.Kind.values.index(reason.kind))
    rest = calculations.unexplained_pp(published, nominal, [reason.effect for reason in told])
    if published is None or current is None or base is None or nominal is None or difference is None or rest is None:
        return None
    key = figure_key(row.indicator.code, district, row.period)
    places = max(RATE_PLACES, *(_places(number) for number in (published, *(reason.effect for reason in told))))
    unexplained = _points(f"{key}/unexplained", round_to(rest, places))
    steps = _drawn(
        [
            (Step(gettext("名义测算"), row.nominal_growth, is_sum=True), nominal),
            *((_reason_step(reason, key), reason.effect) for reason in told),
            (Step(gettext("未说明"), unexplained), rest),
            (Step(gettext("公布增速"), row.growth, is_sum=True), published),
        ]
    )
    interval = growth_interval(current, base)
    low, high = (round_to(end, INTERVAL_PLACES) for end in interval) if interval else (None, None)
    return Reconciliation(
        published=row.growth,
        basis=row.growth_basis,
        nominal=row.nominal_growth,
        current=row.value,
        base=row.last_year,
        difference=_points(f"{key}/difference", round_to(difference, places)),
        unexplained=unexplained,
        steps=steps[0],
        zero=steps[1],
        agrees=calculations.growth_agrees(published, current, base),
        lowest=_percent(f"{key}/nominal_lowest", low),
        highest=_percent(f"{key}/nominal_highest", high),
    )


def _places(number: Decimal) -> int:
    """Decimals as published."""
    return max(0, -int(number.as_tuple().exponent))


def _points(key: str, value: Decimal) -> Figure:
    return Figure(key, format_signed_pp(value), value, is_derived=True)


def _percent(key: str, value: Decimal | None) -> Figure | None:
    return Figure(key, f"{plain(value)}%", value, is_derived=True) if value is not None else None


def _reason_step(reason: GrowthReason, key: str) -> Step:
    return Step(
        name=reason.get_kind_display(),
        figure=Figure(f"{key}/reason-{reason.kind}", format_signed_pp(reason.effect), reason.effect),
        kind=reason.kind,
        note=reason.note,
        source=reason.source,
        written_by=str(reason.written_by),
        written_at=reason.written_at,
    )


def _drawn(steps: Iterable[tuple[Step, Decimal]]) -> tuple[tuple[Step, ...], int]:
    """The steps with bars between 0 and WIDTH, each from where the one before ended; and where zero is."""
    reached, spans = Decimal(0), []
    for step, number in steps:
        begin = Decimal(0) if step.is_sum else reached
        reached = begin + number
        spans.append((step, min(begin, reached), max(begin, reached)))
    left = min(low for _, low, _ in spans)
    span = max(high for _, _, high in spans) - left

    def at(number: Decimal) -> int:
        return int((number - left) / span * WIDTH) if span else 0

    return tuple(replace(step, start=at(low), length=at(high) - at(low)) for step, low, high in spans), at(Decimal(0))
