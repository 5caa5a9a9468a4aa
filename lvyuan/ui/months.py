"""The months that a page lets people choose from, by year: the last years, since decades of them help nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils.formats import date_format
from django.utils.translation import gettext

from lvyuan.periods import Period

LISTED_YEARS = 10


@dataclass(frozen=True, slots=True)
class MonthChoice:
    """One line: 2023-06, 2023年6月, and whether it is the chosen one."""

    code: str
    label: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class MonthChoices:
    """By year, newest first. `older` is a month before those listed, None where there is none: it can be typed."""

    years: tuple[tuple[str, tuple[MonthChoice, ...]], ...]
    older: MonthChoice | None = None


def month_choices(months: Sequence[Period], chosen: Period | None) -> MonthChoices:
    """The lines of a list of months, of the last ten years and the chosen one, even when that has no figures.

    `months` are those with figures, newest first.
    """
    first = months[0].year_no - LISTED_YEARS + 1 if months else 0
    listed = {month for month in months if month.year_no >= first} | ({chosen} if chosen else set())
    ordered = sorted(listed, key=lambda month: month.end, reverse=True)
    older = next((month for month in months if month not in listed), None)
    return MonthChoices(
        tuple((_year(group), _lines(group, chosen)) for group in _by_year(ordered)),
        _line(older, chosen) if older else None,
    )


def _by_year(months: Iterable[Period]) -> list[list[Period]]:
    return [list(group) for _, group in groupby(months, key=lambda month: month.year_no)]


def _year(months: Sequence[Period]) -> str:
    return gettext("%(year)s年") % {"year": months[0].year_no}


def _lines(months: Iterable[Period], chosen: Period | None) -> tuple[MonthChoice, ...]:
    return tuple(_line(month, chosen) for month in months)


def _line(month: Period, chosen: Period | None) -> MonthChoice:
    return MonthChoice(f"{month.end:%Y-%m}", date_format(month.end, gettext("Y年n月")), month == chosen)
