"""What data is called on a page, in the person's language: periods, figures' units, names.

Only words change: digits, signs and separators stay as they were stored or printed, and so do wordings like 450余 and
动态清零.
In Chinese everything reads as the data says it; whatever is stored or exported goes past this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, gettext_noop

from lvyuan import periods
from lvyuan.numbers import NumberError
from lvyuan.periods import Period, PeriodError, PeriodKind, Style


def is_source() -> bool:
    """Whether the person reads Chinese, the language of the data."""
    return get_language() in (settings.LANGUAGE_CODE, None)


# Periods


def period_label(period: Period, style: Style | None = None) -> str:
    """2023年1—6月, Jan–Jun 2023; with style "official" 2023年上半年, first half of 2023."""
    if is_source():
        return periods.label(period, style)
    year, end = period.year_no, period.end
    match period.kind:
        case PeriodKind.YEAR:
            return str(year)
        case PeriodKind.INSTANT:
            return gettext("截至%(day)s") % {"day": day_label(end)}
        case PeriodKind.WINDOW if period.start is None:
            return gettext("截至%(day)s（起点未载）") % {"day": day_label(end)}
        case PeriodKind.WINDOW | PeriodKind.PLAN if period.start:
            shown: Callable[[date], str] = day_label if period.kind is PeriodKind.WINDOW else _month_of_year
            return gettext("%(start)s至%(end)s") % {"start": shown(period.start), "end": shown(end)}
    return gettext("%(year)s年%(part)s") % {"year": year, "part": period_short(period, style)}


def period_short(period: Period, style: Style | None = None) -> str:
    """The label without its year: 1—6月, Jan–Jun."""
    if is_source():
        return periods.short_label(period, style)
    start, end, month = period.start, period.end, period.month_no
    if start and start.year != period.year_no:
        return period_label(period, style)
    match period.kind:
        case PeriodKind.MONTH:
            return _month(end)
        case PeriodKind.YTD:
            official = _YEAR_TO_DATE.get(month) if style == "official" else None
            return gettext(official) if official else gettext("1—%(month)s") % {"month": _month(end)}
        case PeriodKind.QUARTER:
            return gettext(_QUARTERS[month // 3 - 1])
        case PeriodKind.YEAR:
            return gettext("全年")
        case PeriodKind.PLAN if start:
            return gettext("%(start)s至%(end)s") % {"start": _month(start), "end": _month(end)}
        case PeriodKind.WINDOW if start:
            return gettext("%(start)s至%(end)s") % {"start": _day_of_month(start), "end": _day_of_month(end)}
    return gettext("截至%(day)s") % {"day": _day_of_month(end)}


_YEAR_TO_DATE: Final = {
    3: gettext_noop("一季度"),
    6: gettext_noop("上半年"),
    9: gettext_noop("前三季度"),
    12: gettext_noop("全年"),
}
_QUARTERS: Final = (
    gettext_noop("一季度"),
    gettext_noop("二季度"),
    gettext_noop("三季度"),
    gettext_noop("四季度"),
)


def day_label(day: date) -> str:
    """2023年8月4日, 4 Aug 2023."""
    return date_format(day, gettext("Y年n月j日"))


def _day_of_month(day: date) -> str:
    return date_format(day, gettext("n月j日"))


def _month_of_year(day: date) -> str:
    return date_format(day, gettext("Y年n月"))


def _month(day: date) -> str:
    return date_format(day, gettext("n月"))


# Figures. The units of lvyuan.numbers, and words that stand in their place.

UNITS: Final = frozenset(
    (
        gettext_noop("元"),
        gettext_noop("千元"),
        gettext_noop("万元"),
        gettext_noop("百万元"),
        gettext_noop("亿元"),
        gettext_noop("万亿元"),
        gettext_noop("人"),
        gettext_noop("万人"),
        gettext_noop("人次"),
        gettext_noop("万人次"),
        gettext_noop("户"),
        gettext_noop("万户"),
        gettext_noop("平方米"),
        gettext_noop("万平方米"),
        gettext_noop("平方公里"),
        gettext_noop("个百分点"),
        gettext_noop("倍"),
        gettext_noop("个"),
        gettext_noop("家"),
        gettext_noop("件"),
        gettext_noop("场"),
        gettext_noop("场次"),
        gettext_noop("次"),
        gettext_noop("名"),
        gettext_noop("所"),
        gettext_noop("位"),
        gettext_noop("个月"),
        gettext_noop("吨标准煤/万元"),
        gettext_noop("微克/立方米"),
    )
)
_EXACT: Final = re.compile(r"([+-]?[0-9][0-9.,]*(?:—[0-9][0-9.,]*)?)([^0-9.,—].*)")
_PLACE: Final = re.compile("第([0-9]+)位")
_NOT_BELOW: Final = re.compile("不低于([^0-9].*)")


def unit_label(unit: str) -> str:
    """亿元, × ¥100m; a unit that nobody knows stays as it is."""
    return gettext(unit) if unit in UNITS else unit


def figure_text(text: str) -> str:
    """A figure as read in the person's language: its digits as they are, its unit in words.

    Wordings and inexact figures (近180, 450余) stay as printed.
    """
    if is_source():
        return text
    if (found := _EXACT.fullmatch(text)) and found[2] in UNITS:
        return f"{found[1]} {gettext(found[2])}"
    if found := _PLACE.fullmatch(text):
        return gettext("第%(place)s位") % {"place": found[1]}
    if found := _NOT_BELOW.fullmatch(text):
        return gettext("不低于%(compared_with)s") % {"compared_with": found[1]}
    return text


def refusal(error: NumberError | PeriodError) -> str:
    """Why a typed figure or period is none, and what to write instead."""
    said = {"problem": gettext(error.problem), "remedy": gettext(error.remedy)}
    return gettext("%(problem)s。%(remedy)s。") % said


# Names


def name_of(thing: Any) -> Any:
    """The thing's English name where it has one and the person reads English, else its name; what has none, itself."""
    if not hasattr(thing, "name_en"):
        return thing
    return thing.name if is_source() else thing.name_en or thing.name


def short_name_of(thing: Any) -> str:
    """Its short name in Chinese, its English name where it has one and the person reads English."""
    return str(thing.short_name if is_source() else thing.name_en or thing.short_name)
