"""Figures as every page prints them, and how each kind is put into words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import cast

from indicators import calculations
from indicators.models import Indicator, Target
from indicators.models.figures import Comparator
from lvyuan import numbers, periods
from lvyuan.numbers import format_figure, format_signed_pp, plain, round_to
from lvyuan.periods import Period, PeriodKind

RATE_PLACES = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as every page prints it: its address, its text, its number, and whether we derived it."""

    key: str
    text: str
    value: Decimal | None = None
    is_derived: bool = False

    @property
    def url(self) -> str:
        """The provenance page, at this figure."""
        address, _, measure = self.key.rpartition("/")
        return f"/figures/{address}/#{measure}"

    @property
    def unsigned(self) -> Figure:
        """The same figure after words that tell its direction (少, 超): the text without its sign, the number as is."""
        return replace(self, text=self.text.lstrip("+-"))

    @property
    def machine(self) -> str:
        """The number as machines read it, digits as stored; empty for wordings."""
        return plain(self.value) if self.value is not None else ""


def exact_value(value: Decimal | None, comparator: str) -> Decimal | None:
    """The value if it is exact: nothing is computed from 近180 or 200余."""
    return value if comparator == Comparator.EQUAL else None


def value_figure(value: Decimal | None, unit: str, comparator: str, printed: str, *, key: str) -> Figure | None:
    if value is None:
        return None
    text = format_figure(value, unit=unit, comparator=_comparator(comparator), printed=printed)
    return Figure(f"{key}/value", text, value)


def level_figure(key: str, value: Decimal | None, unit: str, places: int) -> Figure | None:
    """A derived amount in the unit, rounded once, here."""
    rounded = round_to(value, places)
    return Figure(key, f"{plain(rounded)}{unit}", rounded, True) if rounded is not None else None


def rank_figure(place: int, by: str, *, key: str) -> Figure:
    return Figure(f"{key}/rank-{by}", f"第{place}位", Decimal(place))


def percent_figure(key: str, value: Decimal | None, *, is_derived: bool = False) -> Figure | None:
    if value is None:
        return None
    return Figure(key, f"{plain(value)}%", value, is_derived)


def pp_figure(key: str, value: Decimal | None) -> Figure | None:
    """A derived difference of two rates, signed, in 百分点."""
    return Figure(key, format_signed_pp(value), value, True) if value is not None else None


def target_figure(target: Target, district: str) -> Figure:
    key = f"target/{district}/{target.code}/value"
    if target.value is None:
        return Figure(key, target.text or f"不低于{target.compared_with}")
    unit = "%" if target.measure == Target.Measure.GROWTH else target.unit
    text = format_figure(target.value, unit=unit, comparator=_comparator(target.comparator), printed=target.printed)
    if target.upper is not None:
        text = f"{plain(target.value)}—{format_figure(target.upper, unit=unit)}"
    return Figure(key, text, target.value, target.is_derived)


def slot_value_figure(
    indicator: Indicator, period: Period, exact: Decimal | None, before: Decimal | None, unit: str, *, key: str
) -> Figure | None:
    """The slot's own value; `before` is the exact cumulative of the slot before, None unless of the same scope."""
    if indicator.nature != Indicator.Nature.FLOW or period.kind is not PeriodKind.YTD:
        return None
    first = periods.previous_slot(indicator.slots, period) is None
    value = calculations.month_value(
        exact,
        None if first else before,
        is_first_slot=first,
        first_covers_one=periods.first_slot_covers_single_unit(indicator.slots),
    )
    return Figure(f"{key}/slot_value", f"{plain(value)}{unit}", value, True) if value is not None else None


def nominal_growth_figure(exact: Decimal | None, base: Decimal | None, *, key: str) -> Figure | None:
    """名义测算; `base` is the same slot last year, None unless of the same scope."""
    growth = calculations.nominal_growth_percent(exact, base)
    return percent_figure(f"{key}/nominal_growth", round_to(growth, RATE_PLACES), is_derived=True)


def _comparator(stored: str) -> numbers.Comparator:
    return cast("numbers.Comparator", stored)  # the model's choices are the same six
