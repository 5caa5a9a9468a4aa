"""Periods in pieces: a head says the year, a row the month, a title both; put together they name one period."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lvyuan import periods
from lvyuan.periods import KindNeeded, Period, PeriodError, PeriodKind

SCOPES: Final = {"month": "当月", "ytd": "累计", "quarter": "当季"}
QUARTERS: Final = ("二季度", "三季度", "四季度")


@dataclass(frozen=True, slots=True)
class When:
    """A year, a label without year (1—6月, 6月, 二季度, 6月30日), and 当月 or 累计 where that is said apart."""

    year: int | None = None
    label: str = ""
    scope: str = ""  # month, ytd, quarter
    back: int = 0  # years before what the rest says: 上年同期

    def __bool__(self) -> bool:
        return bool(self.year or self.label or self.scope or self.back)

    def under(self, outer: When) -> When:
        """This, completed by what stands further out."""
        if not outer or self == outer:
            return self
        return When(
            self.year or outer.year, self.label or outer.label, self.scope or outer.scope, self.back or outer.back
        )

    @property
    def is_bare_month(self) -> bool:
        """6月, which may be the month or January to June; a date stands for its month."""
        return not self.scope and bool(_BARE.fullmatch(self.label))

    @property
    def month(self) -> int:
        """The number of a bare month, 0 for all else."""
        found = _BARE.fullmatch(self.label)
        return int(found[1]) if found else 0

    @property
    def end_month(self) -> int:
        """The last month that the label names, 0 when it names none."""
        if found := _END_MONTH.search(self.label):
            return int(found[1])
        return _MONTHS.get(self.label, 0)

    def __str__(self) -> str:
        scope = SCOPES.get(self.scope, "")
        return f"{self.year}年{self.label}{scope}" if self.year else f"{self.label}{scope}"


NOTHING: Final = When()
_END_MONTH: Final = re.compile("([0-9]{1,2})月(?:[0-9]{1,2}日|末)?$")
_MONTHS: Final = {"一季度": 3, "上半年": 6, "二季度": 6, "前三季度": 9, "三季度": 9} | dict.fromkeys(
    ("四季度", "全年", "年末", "下半年"), 12
)
_BARE: Final = re.compile("([0-9]{1,2})月(?:[0-9]{1,2}日)?")
_YEAR: Final = "(?<![0-9.])(?P<y>(?:19|20)[0-9]{2})"
_DASH: Final = "(?:[-~至到‐‑‒―−]+)"
_QUARTER: Final = "一二三四"
_NUMERALS: Final = {numeral: number for number, numeral in enumerate("一二三四五六七八九十", 1)} | {
    "两": 2,
    "元": 1,
    "十一": 11,
    "十二": 12,
}
# On squeezed texts: half width, no blanks, every long dash a hyphen.
_PATTERNS: Final = tuple(
    re.compile(pattern.replace("Y", _YEAR).replace("D", _DASH))
    for pattern in (
        r"Y(?P<sep>[-/.])(?P<m>0?[1-9]|1[0-2])(?P=sep)(?P<d>[0-9]{1,2})(?:[t|]?0?0:00(?::00)?)?(?![0-9])",
        r"Y[/.](?P<m0>0?1)[-~](?P<m>0?[1-9]|1[0-2])(?![0-9./-])(?:月份?)?",
        r"Y年?-?h(?P<h>[12])(?![0-9])",
        r"(?:Y年?)?第?[一1](?:季度)?D第?(?P<to>[二三四2-4])季度?",
        r"(?:Y年?)?前(?P<first>[2-9]|1[0-2]|[二两三四五六七八九十]|十一)个?月",
        r"Y年(?P<m0>[0-9]{1,2})月D(?P=y)年(?P<m>[0-9]{1,2})月份?",
        r"(?:Y[年./]?)?(?<![0-9])(?P<m0>[0-9]{1,2})月?份?(?:D|(?<=1)[、,和](?=2))(?P<m>[0-9]{1,2})月份?",
        r"Y年?-?q(?P<q>[1-4])",
        r"(?:截至|截止到?)?Y年(?P<m>[0-9]{1,2})月(?P<d>[0-9]{1,2})日",
        r"(?:截至|截止到?)?(?<![0-9])(?P<m>[0-9]{1,2})月(?P<d>[0-9]{1,2})日",
        r"(?:截至|截止到?)?(?:Y年)?(?<![0-9])(?P<m>[0-9]{1,2})月(?P<end>[末底])",
        r"(?:Y年)?(?<![0-9])(?P<m>[0-9]{1,2})月份?",
        r"(?:Y年?)?(?P<half>[上下]半年|前[三3]季度)",
        r"Y年(?P<other>第[0-9一二三四五六七八九十]+周|春节|国庆|五一)",
        r"(?:Y年?)?第?(?P<q>[一二三四1-4])季度?",
        r"Y[-/](?P<m>0?[1-9]|1[0-2])(?![0-9])",
        r"Y\.(?P<m>0[1-9]|1[0-2]|[2-9])(?![0-9.])",
        r"(?:Y)?年?(?P<all>全年|年度?合计)",
        r"Y年?(?P<last>年?[末底])",
        r"Y年(?:度)?",
        r"^Y$",
        r"^Y(?P<m>0[1-9]|1[0-2])(?P<d>[0-3][0-9])?$",
    )
)
_DOTTED: Final = re.compile(r"(?:19|20)[0-9]{2}\.1")
_FIRST_YEAR: Final = re.compile("(?<![0-9.])((?:19|20)[0-9]{2})(?=年?[-~至到和、](?:19|20)[0-9]{2}年)")
_FILLED_IN: Final = re.compile("填报|制表|报出|发布|打印|编印|印发|更新|导出|公布|基期|=100")


def is_dotted(text: str) -> bool:
    """2016.1: January or October."""
    return bool(_DOTTED.fullmatch(text))


_SHORT_YEAR: Final = re.compile(
    "(?<![0-9.近前后过第每满])([0-4][0-9])年(?=第?[一二三四1-4]季|[01]?[0-9](?:月|[-~至到])|上半年|前|全年)"
)
_NUMERAL_YEAR: Final = re.compile("二[〇零○][〇零○一二三四五六七八九]{2}(?=年)")
_NUMERAL_MONTH: Final = re.compile(
    "(?<!第)(十[一二]|[元一二三四五六七八九十])(?=月|[-~至到](?:[元一二三四五六七八九十]|1?[0-9])+月)"
)
_DIGITS: Final = str.maketrans("〇零○一二三四五六七八九", "000123456789")


def _in_digits(name: str) -> str:
    """A squeezed text with 二〇二三年一至六月 as 2023年1至6月, and 23年6月 as 2023年6月."""
    name = _SHORT_YEAR.sub(r"20\1年", name)
    name = _NUMERAL_YEAR.sub(lambda found: found[0].translate(_DIGITS), name)
    return _NUMERAL_MONTH.sub(lambda found: str(_NUMERALS[found[1]]), name)


def periods_in(name: str) -> tuple[When, str]:
    """The first period of a squeezed text, and what is left without it."""
    if "年" in name or "月" in name:
        name = _in_digits(name)
    for pattern in _PATTERNS:
        if found := pattern.search(name):
            return _when(found), name[: found.start()] + name[found.end() :]
    if name in ("年末", "年底"):
        return When(label="年末"), ""
    return NOTHING, name


def all_periods_in(name: str) -> Iterator[When]:
    """Every period of a title; dates of filling in and of printing are none."""
    if _FILLED_IN.search(name):
        return
    for first in _FIRST_YEAR.findall(name):
        yield When(int(first))
    while name:
        when, rest = periods_in(name)
        if not when or rest == name:
            return
        yield when
        name = rest


def _when(found: re.Match[str]) -> When:
    parts = {name: part for name, part in found.groupdict().items() if part}
    year = int(parts["y"]) if "y" in parts else None
    if "m0" in parts:
        label = f"{int(parts['m0'])}—{int(parts['m'])}月"
    elif "first" in parts:
        number = int(parts["first"]) if parts["first"].isdigit() else _NUMERALS[parts["first"]]
        label = f"1—{number}月"
    elif "h" in parts:
        label = "上半年" if parts["h"] == "1" else "下半年"
    elif "to" in parts:
        number = int(parts["to"]) if parts["to"].isdigit() else _NUMERALS[parts["to"]]
        label = f"1—{number * 3}月"
    elif "other" in parts:
        label = parts["other"]
    elif "d" in parts:
        label = f"{int(parts['m'])}月{int(parts['d'])}日"
    elif "m" in parts:
        label = f"{int(parts['m'])}月{'末' if 'end' in parts else ''}"
    elif "q" in parts:
        label = f"{_QUARTER[int(parts['q']) - 1] if parts['q'].isdigit() else parts['q']}季度"
    elif "half" in parts:
        label = parts["half"].replace("3", "三")
    else:
        label = "全年" if "all" in parts else "年末" if "last" in parts else ""
    return When(year, label)


def period_text(when: When, kind: PeriodKind) -> str:
    """The code of the period for an indicator of that kind; what fits none stays a text, to be refused as such."""
    if when.year is None:
        return when.label
    try:
        period = _period(when, when.year, kind)
        for _ in range(when.back):
            period = periods.same_slot_last_year(period)
    except PeriodError:
        return str(When(when.year - when.back, when.label))
    return period.code


def _period(when: When, year: int, kind: PeriodKind) -> Period:
    label = when.label
    if kind in (PeriodKind.WINDOW, PeriodKind.PLAN):
        return periods.parse(f"{year}年{label}", kind=kind)
    if not label or label == "全年":
        if when.scope == "month":
            return periods.parse(f"{year}年", kind=PeriodKind.MONTH)
        # 全年 is 1—12月 of a cumulative one, and the state at the year's end of a stock.
        return {
            PeriodKind.YTD: Period.ytd(year, 12),
            PeriodKind.INSTANT: Period.instant(Period.ytd(year, 12).end),
        }.get(kind) or periods.parse(f"{year}年", kind=kind)
    try:
        named = periods.parse(label, year=year) if label != "年末" else periods.parse(f"{year}年末")
    except KindNeeded:  # 6月 and 一季度
        named = None
    if kind is PeriodKind.INSTANT:
        if named is None or named.kind is PeriodKind.INSTANT:
            return named or periods.parse(label, kind=kind, year=year)
        return Period.instant(named.end)
    month = when.month if named is None or named.kind is PeriodKind.INSTANT else named.month_no
    if named and named.kind is PeriodKind.INSTANT:
        month = _month_of(named)
    month = month or 3  # 一季度
    match when.scope:
        case "month":
            return Period.month(year, month)
        case "ytd":
            return Period.ytd(year, month)
        case "quarter" if month % 3 == 0:
            return Period.quarter(year, month // 3)
    if named and named.kind is not PeriodKind.INSTANT:
        return named
    if kind is PeriodKind.YTD:
        return Period.ytd(year, month)
    return periods.parse(f"{month}月" if when.month else label, kind=kind, year=year)


def _month_of(day: Period) -> int:
    """A first or last day stands for its month; any other day is no period of a flow. Raises PeriodError."""
    if day.end.day not in (1, Period.month(day.year_no, day.month_no).end.day):
        raise PeriodError(periods.label(day), "", "")
    return day.month_no
