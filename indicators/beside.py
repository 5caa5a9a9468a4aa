"""What is known beside a figure while it is drafted: approved figures, and what follows from the draft."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from indicators.checks import in_unit
from indicators.models import Entry, Rank, Target, Vintage
from indicators.models.figures import figure_key
from indicators.obligations import Obligation
from indicators.rows import (
    Figure,
    exact_value,
    nominal_growth_figure,
    percent_figure,
    progress_figures,
    rank_figure,
    slot_value_figure,
    value_figure,
)
from lvyuan import periods
from lvyuan.periods import Period, PeriodKind

RUN_UP = 12  # slots before the drafted one that a sparkline shows


@dataclass(frozen=True, slots=True)
class Past:
    """An approved figure; `exact` is its value where that can be calculated with, in `unit`."""

    period: Period
    level: Figure | None
    growth: Figure | None
    rank: Figure | None
    exact: Decimal | None
    unit: str
    definition: int

    @property
    def main(self) -> Figure | None:
        return self.level or self.growth or self.rank

    def base_for(self, unit: str, definition: int | None) -> Decimal | None:
        """The exact value, where it is of that scope and unit."""
        return self.exact if (self.unit, self.definition) == (unit, definition) else None


@dataclass(frozen=True, slots=True)
class RunUp:
    """The values, or else the growths, of the slots before, oldest first; None where nothing is approved."""

    measure: str  # value or growth
    unit: str
    points: tuple[tuple[Period, Decimal | None], ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What is approved around a drafted figure."""

    approved: Past | None  # of the very period: to write there is a correction
    previous: Past | None
    last_year: Past | None
    run_up: RunUp | None  # None without any value


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from a drafted figure; without one only the target is known."""

    slot_value: Figure | None = None
    nominal_growth: Figure | None = None
    target: Figure | None = None
    completion: Figure | None = None
    gap: Figure | None = None


def beside(owing: Collection[Obligation]) -> dict[tuple[int, str], Beside]:
    """By address, what is approved around each of one district's figures that are owed; one query."""
    wanted = {one.address: around(one.indicator.slots, one.period) for one in owing}
    ends = {period.end for slots in wanted.values() for period in slots}
    found = _approved(owing, ends) if owing else {}
    told = {}
    for one in owing:
        slots = wanted[one.address]
        pasts = [found.get((one.indicator.pk, slot)) for slot in slots]
        told[one.address] = Beside(pasts[0], pasts[1], pasts[2], _run_up(slots[3:], pasts[3:], one.unit))
    return told


@lru_cache(maxsize=4096)
def around(calendar: periods.Calendar, period: Period) -> tuple[Period, ...]:
    """The period, the slot before, the same slot last year, then the run-up, oldest first."""
    back = [period]
    while len(back) <= RUN_UP and back[-1].year_no > periods.FIRST_YEAR:
        back.append(periods.previous_period(calendar, back[-1]))
    return (period, back[1], periods.same_slot_last_year(period), *reversed(back[1:]))


def _approved(owing: Collection[Obligation], ends: set[dt.date]) -> dict[tuple[int, Period], Past]:
    """The figures in force of these indicators that end on these days, read as plain rows: there are many."""
    codes = {one.indicator.pk: one.indicator.code for one in owing}
    district = next(iter(owing)).district
    ranks = Rank.objects.filter(vintage=OuterRef("pk")).order_by("by")
    of = ("indicator", "period_kind", "period_end", "period_start")
    rows = (
        Vintage.objects.in_force()
        .filter(district=district, observation__indicator__in=codes, observation__period_end__in=ends)
        .order_by()
        .values_list(
            *(f"observation__{name}" for name in of),
            *("value", "comparator", "unit", "printed", "text", "growth", "version", "version__unit"),
            ArraySubquery(ranks.values(row=JSONObject(place="place", by="by"))),
        )
    )
    found = {}
    for indicator, kind, end, start, value, comparator, own, printed, text, growth, version, defined, places in rows:
        period, unit = _period(kind, end, start), own or defined
        key = figure_key(codes[indicator], district.code, period)
        found[indicator, period] = Past(
            period=period,
            level=value_figure(value, unit, comparator, printed, key=key)
            or (Figure(f"{key}/text", text) if text else None),
            growth=percent_figure(f"{key}/growth", growth),
            rank=rank_figure(places[0]["place"], places[0]["by"], key=key) if places else None,
            exact=exact_value(value, comparator),
            unit=unit,
            definition=version,
        )
    return found


@lru_cache(maxsize=4096)
def _period(kind: str, end: dt.date, start: dt.date | None) -> Period:
    return Period(PeriodKind(kind), end, start)


def _run_up(slots: Sequence[Period], pasts: Sequence[Past | None], unit: str) -> RunUp | None:
    levels = [
        in_unit(past.level.value, past.unit, unit) if past and past.level and past.level.value is not None else None
        for past in pasts
    ]
    if any(value is not None for value in levels):
        return RunUp("value", unit, tuple(zip(slots, levels, strict=True)))
    rates = [past.growth.value if past and past.growth else None for past in pasts]
    if any(value is not None for value in rates):
        return RunUp("growth", "%", tuple(zip(slots, rates, strict=True)))
    return None


def derived(owing: Obligation, entry: Entry | None, around: Beside, targets: Sequence[Target]) -> Derived:
    """What follows from the draft, told only where its figures are exact, of one scope and unit."""
    indicator, period, district = owing.indicator, owing.period, owing.district.code
    definition = owing.definition.pk if owing.definition else None
    unit = entry.unit if entry and entry.unit else owing.unit
    exact = exact_value(entry.value, entry.comparator) if entry else None
    key = f"draft/{figure_key(indicator.code, district, period)}"
    target, completion, gap = progress_figures(indicator, period, exact, unit, targets, key=key, district=district)
    before, base = (past.base_for(unit, definition) if past else None for past in (around.previous, around.last_year))
    return Derived(
        slot_value=slot_value_figure(indicator, period, exact, before, unit, key=key),
        nominal_growth=nominal_growth_figure(exact, base, key=key),
        target=target,
        completion=completion,
        gap=gap,
    )
