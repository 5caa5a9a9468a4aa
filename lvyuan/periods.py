"""Periods of Chinese official statistics: value object, labels, parser, publication calendars.

A period is an END plus a kind; every figure hangs on one. 一季度, 上半年, 前三季度, 全年 and 1—N月
are label styles of one year-to-date period, while 二季度 is a single quarter. A text with two
readings is refused, never guessed. Source of the rules: domain notes, section 2.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199


class PeriodKind(StrEnum):
    """How a period relates to its end."""

    MONTH = "month"  # 当月
    YTD = "ytd"  # 累计: 1—N月, and the cumulative quarters
    QUARTER = "quarter"  # one quarter
    YEAR = "year"
    INSTANT = "instant"  # 时点: a stock on a date
    WINDOW = "window"  # events up to a date; the start may be unknown
    PLAN = "plan"  # from one month to another


_KIND_NAMES: Final[Mapping[PeriodKind, str]] = {
    PeriodKind.MONTH: "当月",
    PeriodKind.YTD: "累计",
    PeriodKind.QUARTER: "季度",
    PeriodKind.YEAR: "全年",
    PeriodKind.INSTANT: "时点",
    PeriodKind.WINDOW: "起止时段",
    PeriodKind.PLAN: "计划期",
}
_DATED: Final = (PeriodKind.INSTANT, PeriodKind.WINDOW)  # their end is a day, not a month


def _(text: str) -> str:
    """Marks a text for translation, which happens where it is shown (lvyuan.ui.words)."""
    return text


class PeriodError(ValueError):
    """A period that cannot be: `text` is what was given, `problem` and `remedy` are Chinese."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        super().__init__(text, problem, remedy)  # all three in args, so the error pickles
        self.text = text
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"期别“{self.text}”：{self.problem}。{self.remedy}。"


class KindNeeded(PeriodError):
    """The text fits several kinds and the caller named none."""


class YearNeeded(PeriodError):
    """Neither the text nor the caller gives a year."""


class AmbiguousPeriod(PeriodError):
    """The text has two readings that no argument can tell apart."""


@dataclass(frozen=True, slots=True)
class Period:
    """One period, comparable and hashable.

    `end` is the last day of the end month, or the very day for instant and window. `start` is
    derived for month, ytd, quarter and year, None for an instant, optional for a window and the
    first day of the start month for a plan. Raises PeriodError when the parts do not fit.
    """

    kind: PeriodKind
    end: date
    start: date | None = None

    def __post_init__(self) -> None:
        for day in (self.end, self.start):
            if isinstance(day, datetime):
                raise PeriodError(str(day), _("带有时刻"), _("期别只用日期，请去掉时分秒"))
            if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
                years = f"{FIRST_YEAR}—{LAST_YEAR}"
                raise PeriodError(f"{day.year}年", f"年份不在{years}之内", _("请核对年份"))
        object.__setattr__(self, "kind", PeriodKind(self.kind))  # a database gives plain text
        first = _FIRST_MONTH.get(self.kind)
        problem = self._end_problem() or ("" if first else self._start_problem())
        if first and not problem:
            derived = date(self.end.year, first(self.end.month), 1)
            problem = _("起点与期别不符") if self.start not in (None, derived) else ""
            object.__setattr__(self, "start", derived)
        if problem:
            text = f"{self.start or ''}_{self.end}.{self.kind}".lstrip("_")
            raise PeriodError(text, problem, _("请核对起止日期"))

    def _end_problem(self) -> str:
        if self.kind not in _DATED and not _is_month_end(self.end):
            return _("终点应为月末")
        if self.kind is PeriodKind.QUARTER and self.end.month % 3:
            return _("季度应止于3、6、9、12月")
        if self.kind is PeriodKind.YEAR and self.end.month != 12:
            return _("全年应止于12月")
        return ""

    def _start_problem(self) -> str:
        if self.kind is PeriodKind.INSTANT:
            return _("时点没有起点") if self.start else ""
        if self.kind is PeriodKind.PLAN and (self.start is None or self.start.day != 1):
            return _("计划期应有起始月，且起点为月初")
        return _("起点晚于终点") if self.start and self.start > self.end else ""

    @classmethod
    def month(cls, year: int, month: int) -> Period:
        """The single month (当月)."""
        return cls(PeriodKind.MONTH, _month_end(year, month))

    @classmethod
    def ytd(cls, year: int, month: int) -> Period:
        """January up to and including `month` (累计)."""
        return cls(PeriodKind.YTD, _month_end(year, month))

    @classmethod
    def quarter(cls, year: int, quarter: int) -> Period:
        """The single quarter, 1 to 4."""
        if quarter not in (1, 2, 3, 4):
            raise PeriodError(f"{year}年{quarter}季度", _("季度只有一至四"), _("请核对季度"))
        return cls(PeriodKind.QUARTER, _month_end(year, quarter * 3))

    @classmethod
    def year(cls, year: int) -> Period:
        """The whole year."""
        return cls(PeriodKind.YEAR, _month_end(year, 12))

    @classmethod
    def instant(cls, day: date) -> Period:
        """The state on a day (时点)."""
        return cls(PeriodKind.INSTANT, day)

    @classmethod
    def window(cls, end: date, start: date | None = None) -> Period:
        """Events up to a day (截至); `start` None means that the source does not state it."""
        return cls(PeriodKind.WINDOW, end, start)

    @classmethod
    def plan(cls, start: tuple[int, int], end: tuple[int, int]) -> Period:
        """From one (year, month) to another, both included."""
        return cls(PeriodKind.PLAN, _month_end(*end), _month_end(*start).replace(day=1))

    @classmethod
    def from_code(cls, text: str) -> Period:
        """The period whose `code` is exactly `text`; anything else raises PeriodError."""
        found = _CODE.fullmatch(text)
        if found and found["kind"] in tuple(PeriodKind):
            try:
                start = _code_day(found["start"], end=False) if found["start"] else None
                end = _code_day(found["end"], end=True)
                period = cls(PeriodKind(found["kind"]), end, start)
            except PeriodError as error:
                raise PeriodError(text, error.problem, error.remedy) from None
            if period.code == text:
                return period
        raise PeriodError(text, _("不是期别代码"), _("代码形如 2023-06.ytd、2023-08-04.instant"))

    @property
    def code(self) -> str:
        """The stable text for URLs and keys, e.g. 2023-06.ytd; the inverse of `from_code`."""
        length = len("2023-06-30" if self.kind in _DATED else "2023-06")
        shown = [self.end] if self.kind in _FIRST_MONTH else [self.start, self.end]
        return f"{'_'.join(day.isoformat()[:length] for day in shown if day)}.{self.kind}"

    @property
    def year_no(self) -> int:
        """The calendar year of the end."""
        return self.end.year

    @property
    def month_no(self) -> int:
        """The calendar month of the end, 1 to 12."""
        return self.end.month

    @property
    def months(self) -> int | None:
        """The number of months covered; None for instant and window."""
        if self.kind in _DATED or self.start is None:
            return None
        return (self.end.year - self.start.year) * 12 + self.end.month - self.start.month + 1

    @property
    def elapsed_share(self) -> Fraction:
        """The share of the calendar year gone by at the end, in twelfths: 1—2月 is 2/12.

        A month counts one twelfth whatever its length; inside a month days count evenly.
        """
        days = monthrange(self.end.year, self.end.month)[1]
        return Fraction(self.end.month - 1, 12) + Fraction(self.end.day, 12 * days)

    def __str__(self) -> str:
        return label(self)


_FIRST_MONTH: Final[Mapping[PeriodKind, Callable[[int], int]]] = {
    PeriodKind.MONTH: lambda month: month,
    PeriodKind.YTD: lambda month: 1,
    PeriodKind.QUARTER: lambda month: month - 2,
    PeriodKind.YEAR: lambda month: 1,
}
_CODE: Final = re.compile(
    r"(?:(?P<start>[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)_)?"
    r"(?P<end>[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)\.(?P<kind>[a-z]+)"
)


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        text = f"{year}年{month}月{day}日"
        raise PeriodError(text, f"没有{text}这一天", _("请核对日期")) from None


def _month_end(year: int, month: int) -> date:
    if not 1 <= month <= 12:
        raise PeriodError(f"{year}年{month}月", _("月份只有1—12"), _("请核对月份"))
    return _day(year, month, monthrange(year, month)[1])


def _is_month_end(day: date) -> bool:
    return day == _month_end(day.year, day.month)


def _code_day(text: str, *, end: bool) -> date:
    year, month, *day = map(int, text.split("-"))
    if day:
        return _day(year, month, day[0])
    return _month_end(year, month) if end else _day(year, month, 1)


# Labels

Style: TypeAlias = Literal["official"]
_OFFICIAL_YTD: Final = {3: "一季度", 6: "上半年", 9: "前三季度", 12: "全年"}
_QUARTERS: Final = "一二三四"


def label(period: Period, style: Style | None = None) -> str:
    """The Chinese label with its year, which `parse` reads back given kind and year.

    Style "official" says 一季度, 上半年, 前三季度, 全年 where they apply, else the default.
    """
    start, end = period.start, _date_label(period.end)
    match period.kind:
        case PeriodKind.YEAR:
            return f"{period.year_no}年全年" if style == "official" else f"{period.year_no}年"
        case PeriodKind.INSTANT:
            return f"截至{end}"
        case PeriodKind.WINDOW:
            return f"{_date_label(start)}至{end}" if start else f"截至{end}（起点未载）"
        case PeriodKind.PLAN if start:
            return f"{start.year}年{start.month}月—{period.year_no}年{period.month_no}月"
    return f"{period.year_no}年{short_label(period, style)}"


def short_label(period: Period, style: Style | None = None) -> str:
    """The label without its year, for tables whose head names the year.

    A window or plan that begins in another year keeps its full label.
    """
    start, month, day = period.start, period.month_no, period.end.day
    if start and start.year != period.year_no:
        return label(period, style)
    match period.kind:
        case PeriodKind.MONTH:
            return f"{month}月"
        case PeriodKind.YTD:
            official = _OFFICIAL_YTD.get(month) if style == "official" else None
            return official or f"1—{month}月"
        case PeriodKind.QUARTER:
            return f"{_QUARTERS[month // 3 - 1]}季度"
        case PeriodKind.YEAR:
            return "全年"
        case PeriodKind.WINDOW if start:
            return f"{start.month}月{start.day}日至{month}月{day}日"
        case PeriodKind.PLAN if start:
            return f"{start.month}—{month}月"
    return f"截至{month}月{day}日"


def _date_label(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


# Parsing. Full-width forms are mapped one by one: NFKC would turn 5² into 52.

_HALF_WIDTH: Final = str.maketrans("０１２３４５６７８９．／Ｑ()", "0123456789./Q（）")
_SPACE: Final = "[ \t\r\n\u00a0\u3000]+"
_YEAR_FIRST: Final = "(?<![0-9])([0-9]{4})"
_REWRITES: Final = (
    # a space between two digits stays, and is then refused: "1 2月" is not 12月
    (re.compile(f"(?<![0-9]){_SPACE}|{_SPACE}(?![0-9])"), ""),
    (re.compile(_YEAR_FIRST + r"([-－/])([0-9]{1,2})\2([0-9]{1,2})(?![0-9])"), r"\1年\3月\4日"),
    (re.compile(_YEAR_FIRST + r"[-－/]([0-9]{1,2})(?![0-9])"), r"\1年\2月"),
    (re.compile(_YEAR_FIRST + r"年?Q([0-9])"), r"\1年\2季度"),
)
_WORDS: Final = {"上半年": 6, "前三季度": 9, "前3季度": 9, "全年": 12, "年末": 12, "年底": 12} | {
    numeral: number for number, numeral in enumerate("一二三四五六七八九", 1)
}
_DASH: Final = "(?:——|[-‐‑‒–—―−－~～〜至到])"
_REMEDY: Final = _("请写成“2023年1—6月”“2023年6月”“2023年二季度”“2023年”或“截至2023年8月4日”")
_REMEDIES: Final[Mapping[PeriodKind, str]] = {
    PeriodKind.MONTH: _("请写成“2023年6月”这样"),
    PeriodKind.YTD: _("请写成“2023年1—6月”这样"),
    PeriodKind.QUARTER: _("请写成“2023年二季度”这样"),
    PeriodKind.YEAR: _("请写成“2023年”这样"),
    PeriodKind.INSTANT: _("请写成“截至2023年8月4日”或“2023年6月末”这样"),
    PeriodKind.WINDOW: _("请写成“截至2023年8月4日”“2023年6月末”或“2023年1月1日—6月30日”这样"),
    PeriodKind.PLAN: _("请写成“2023年8月—2025年12月”这样"),
}


class _Form(NamedTuple):
    """One way to write a period, its kind when the caller gives none, and all kinds it can be."""

    pattern: re.Pattern[str]
    default: PeriodKind | None
    kinds: tuple[PeriodKind, ...]


def _form(pattern: str, default: PeriodKind | None, *others: PeriodKind) -> _Form:
    """The form for a pattern in shorthand: Y year, M month, D day; Y0, M0, D0 for the start."""
    for name in ("Y0", "M0", "D0", "Y", "M", "D"):
        digits = "[0-9]{4}" if name.startswith("Y") else "[0-9]{1,2}"
        pattern = pattern.replace(name, f"(?P<{name.lower()}>{digits})")
    kinds = (default, *others) if default else others
    return _Form(re.compile(pattern.replace("—", _DASH)), default, kinds)


_K = PeriodKind
_FORMS: Final = (
    _form("(?:Y年)?M月", None, _K.MONTH, _K.YTD, _K.INSTANT),
    _form("(?:Y年)?M0月?—M月", _K.YTD, _K.PLAN),
    _form("(?:Y年)?(?P<m>上半年|前[三3]季度)", _K.YTD),
    _form("(?:Y年)?(?P<m>全年)", _K.YTD, _K.YEAR),
    _form("(?:Y年)?第?(?P<q>[1一])季度", None, _K.QUARTER, _K.YTD),
    _form("(?:Y年)?第?(?P<q>[02-9二三四五六七八九])季度", _K.QUARTER),
    _form("Y年", _K.YEAR),
    _form("(?:截至)?(?:Y年)?M月[底末]", _K.INSTANT, _K.WINDOW),
    _form("(?:截至)?Y年?(?P<m>年[底末])", _K.INSTANT, _K.WINDOW),
    _form("(?:截至)?(?:Y年)?M月D日", _K.INSTANT, _K.WINDOW),
    _form("截至(?:Y年)?M月D日（起点未载）", _K.WINDOW),
    _form("(?:Y0年)?M0月D0日—(?:Y年)?M月D日", _K.WINDOW),
    _form("Y0年M0月—Y年M月", _K.PLAN),
)


def _build(
    kind: PeriodKind,
    *,
    y: int,
    m: int = 12,
    d: int | None = None,
    q: int = 0,
    y0: int,
    m0: int = 1,
    d0: int | None = None,
) -> Period:
    """The period from the numbers a form has found; `y`, `m`, `d` are the end."""
    if kind is PeriodKind.QUARTER:
        return Period.quarter(y, q)
    if kind is PeriodKind.PLAN:
        return Period.plan((y0, m0), (y, m))
    if kind is PeriodKind.YTD and m0 != 1:
        problem = f"累计应从1月起，{m0}—{m}月不是累计"
        raise PeriodError("", problem, _("累计请写“1—N月”，计划期请指明期别类型"))
    end = _month_end(y, q * 3 or m) if d is None else _day(y, m, d)
    return Period(kind, end, None if d0 is None else _day(y0, m0, d0))


def parse(text: str, kind: PeriodKind | None = None, year: int | None = None) -> Period:
    """The period a Chinese (or ISO) label names.

    `kind` decides between the readings of a label that has several (6月, 一季度); `year` completes
    a label without one and must agree with the end year of a label that has it. Raises KindNeeded,
    YearNeeded, AmbiguousPeriod (2016.1, always) or PeriodError, each naming the text as given.
    """
    plain = text.translate(_HALF_WIDTH)
    for pattern, replacement in _REWRITES:
        plain = pattern.sub(replacement, plain)
    if decimal := re.fullmatch(r"([0-9]{4})\.[0-9]+", plain):
        both = f"{decimal[1]}.1可能是{decimal[1]}年1月，也可能是{decimal[1]}年10月"
        remedy = f"请把整列改为文本，写成“{decimal[1]}年1月”或“{decimal[1]}-10”"
        raise AmbiguousPeriod(text, f"小数点写法无法分辨：{both}", remedy)
    if "下半年" in plain:
        raise PeriodError(text, _("下半年不从1月起，不是累计"), _("请改用三季度、四季度或全年"))
    for form in _FORMS:
        if found := form.pattern.fullmatch(plain):
            break
    else:
        raise PeriodError(text, _("不是认得的期别写法"), _REMEDY)
    chosen = _settle_kind(text, form, kind)
    parts = {name: part for name, part in found.groupdict().items() if part}
    numbers = {name: _WORDS.get(part) or int(part) for name, part in parts.items()}
    end_year = numbers.get("y", numbers.get("y0", year))
    if end_year is None:
        raise YearNeeded(text, _("没有年份"), _("请在文字里写明年份或另行指定年份"))
    try:
        period = _build(chosen, **{"y0": end_year, **numbers, "y": end_year})
    except PeriodError as error:
        raise PeriodError(text, error.problem, error.remedy) from None
    if year not in (None, period.year_no):
        raise PeriodError(text, f"写的是{period.year_no}年，指定的却是{year}年", _("请核对年份"))
    return period


def _settle_kind(text: str, form: _Form, kind: PeriodKind | None) -> PeriodKind:
    names = "、".join(_KIND_NAMES[possible] for possible in form.kinds)
    chosen = kind or form.default
    if chosen is None:
        raise KindNeeded(text, f"可以读作{names}", _("请指明期别类型"))
    if chosen not in form.kinds:
        raise PeriodError(text, f"只能读作{names}，不能读作{_KIND_NAMES[chosen]}", _REMEDIES[chosen])
    return chosen


# Publication calendars: the end months for which a cumulative figure exists.

Calendar: TypeAlias = tuple[int, ...]
MONTHLY: Final[Calendar] = tuple(range(1, 13))
FROM_FEBRUARY: Final[Calendar] = tuple(range(2, 13))  # industry: the first slot is 1—2月
QUARTERLY: Final[Calendar] = (3, 6, 9, 12)
YEARLY: Final[Calendar] = (12,)


def has_slot(calendar: Calendar, period: Period) -> bool:
    """True when the calendar can give a figure for the period.

    A single month or quarter needs the cumulative at its end and just before its start, so
    FROM_FEBRUARY has neither January nor February alone. An instant is a slot at the end of a
    calendar month; windows and plans are never slots.
    """
    if period.kind is PeriodKind.INSTANT:
        return _is_month_end(period.end) and period.month_no in calendar
    if period.kind not in _FIRST_MONTH:
        return False
    before = _FIRST_MONTH[period.kind](period.month_no) - 1
    return period.month_no in calendar and before in (0, *calendar)


@lru_cache(maxsize=4096)
def slots_of_year(calendar: Calendar, year: int, kind: PeriodKind) -> tuple[Period, ...]:
    """The slots of one kind in a year, in order; empty when the calendar has none."""
    if kind in (PeriodKind.WINDOW, PeriodKind.PLAN):
        return ()
    step = {PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}.get(kind, 1)
    ends = (_month_end(year, month) for month in calendar if month % step == 0)
    return tuple(slot for slot in (Period(kind, end) for end in ends) if has_slot(calendar, slot))


def previous_slot(calendar: Calendar, period: Period) -> Period | None:
    """The cumulative slot before this one in the same year; None for the first.

    Raises PeriodError when the period is not cumulative or not in the calendar.
    """
    if period.kind is not PeriodKind.YTD:
        raise PeriodError(label(period), _("不是累计"), _("只有累计才能减上一期累计"))
    slots, place = _place(calendar, period)
    return slots[place - 1] if place else None


def previous_period(calendar: Calendar, period: Period) -> Period:
    """The slot of the same kind before this one, in the year before if need be.

    The slot may not be adjacent: before 2023年3月 FROM_FEBRUARY has 2022年12月, so no 环比 there.
    Raises PeriodError when the period is not in the calendar.
    """
    slots, place = _place(calendar, period)
    if place == 0:
        slots = slots_of_year(calendar, period.year_no - 1, period.kind)
    return slots[place - 1]


def same_slot_last_year(period: Period) -> Period:
    """The 上年同期 of a month, ytd, quarter, year or instant; a month end stays a month end.

    Raises PeriodError for windows and plans, which have none.
    """
    if period.kind in (PeriodKind.WINDOW, PeriodKind.PLAN):
        raise PeriodError(label(period), f"{_KIND_NAMES[period.kind]}没有上年同期", _("请指定期别"))
    end = _month_end(period.year_no - 1, period.month_no)
    if not _is_month_end(period.end):
        end = end.replace(day=period.end.day)
    return Period(period.kind, end)


def first_slot_covers_single_unit(calendar: Calendar) -> bool:
    """True when the first slot of a year is as long as the later ones.

    Then its single value is the cumulative itself (1月, 一季度); for 1—2月 it is blank.
    """
    return len(calendar) < 2 or calendar[0] == calendar[1] - calendar[0]


def _place(calendar: Calendar, period: Period) -> tuple[tuple[Period, ...], int]:
    if not has_slot(calendar, period):
        raise PeriodError(label(period), _("这项指标没有这一期"), _("请核对指标的发布日历"))
    slots = slots_of_year(calendar, period.year_no, period.kind)
    return slots, slots.index(period)
