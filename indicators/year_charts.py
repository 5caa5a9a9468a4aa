"""This year beside last year, one chart an indicator: what the cockpit shows when it is scrolled to."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from indicators.charts import point_in
from indicators.models import Indicator
from indicators.rows import Row
from lvyuan import periods
from lvyuan.periods import Period, PeriodKind, has_slot
from lvyuan.ui.charts import Mark, Series, line_chart
from lvyuan.ui.words import name_of, period_short


def year_chart(row: Row, span: Sequence[Row]) -> dict[str, Any] | None:
    """The slots of the row's year up to its own, beside all of the year before; None outside a calendar.

    `span` are the indicator's rows of both years. The level where the row has one, else growth. Levels to date start
    anew each January, so they are bars.
    """
    indicator, period = row.indicator, row.period
    if period is None or not indicator.slots or not has_slot(indicator.slots, period):
        return None
    measure = "value" if row.value else "growth"
    unit = row.unit if row.value else "%"
    known = {
        one.period: one
        for one in span
        if one.period is not None and one.period.end <= period.end and one.is_invented == row.is_invented
    }
    slots = periods.slots_of_year(indicator.slots, period.year_no, period.kind)
    before = periods.slots_of_year(indicator.slots, period.year_no - 1, period.kind)
    this_year = [slot for slot in slots if slot.end <= period.end]
    bars = measure == "value" and indicator.nature == Indicator.Nature.FLOW and period.kind is PeriodKind.YTD
    series = [
        Series(
            name=_("%(year)s年") % {"year": period.year_no},
            points=_points(this_year, known, measure, unit),
            role="actual",
            kind="bar" if bars else "line",
        ),
        Series(
            name=_last_year_name(known, before, this_year),
            points=_points(before, known, measure, unit),
            role="last_year",
        ),
    ]
    told = [one for one in series if any(value is not None for _label, value in one.points)]
    if not told:
        return None
    return line_chart(
        title=str(name_of(indicator)),
        series=told,
        unit=unit,
        marks=_breaks(known, before) + _breaks(known, this_year),
        labels=[period_short(slot) for slot in slots],
    )


def _points(
    slots: Sequence[Period], known: dict[Period, Row], measure: str, unit: str
) -> list[tuple[str, Decimal | None]]:
    return [(period_short(slot), point_in(known[slot], measure, unit) if slot in known else None) for slot in slots]


def _versions(known: dict[Period, Row], slots: Sequence[Period]) -> list[tuple[Period, int]]:
    """The definition of each slot that has a figure."""
    return [(slot, vintage.version) for slot in slots if slot in known and (vintage := known[slot].vintage)]


def _last_year_name(known: dict[Period, Row], before: Sequence[Period], this_year: Sequence[Period]) -> str:
    earlier, now = _versions(known, before), _versions(known, this_year)
    year = before[0].year_no
    if earlier and now and earlier[-1][1] != now[0][1]:
        return _("%(year)s年（原口径）") % {"year": year}
    return _("%(year)s年") % {"year": year}


def _breaks(known: dict[Period, Row], slots: Sequence[Period]) -> list[Mark]:
    return [
        Mark(at=period_short(slot), text=_("%(year)s年口径变更") % {"year": slot.year_no})
        for (_slot, earlier), (slot, later) in pairwise(_versions(known, slots))
        if earlier != later
    ]
