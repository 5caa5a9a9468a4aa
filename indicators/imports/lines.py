"""One row of a file understood: which figure it is, and what it says about it."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext

from indicators.models import (
    Calendar,
    Entry,
    Indicator,
    IndicatorVersion,
    PriceBasis,
    RankBy,
    RankPool,
    VintageStatus,
)
from indicators.written import figure_in_unit, storable
from lvyuan import periods
from lvyuan.accounts.models import District, User
from lvyuan.imports.registry import Column
from lvyuan.imports.table import shown
from lvyuan.numbers import Comparator, NumberError, null_reason, parse_figure, plain
from lvyuan.periods import Period, PeriodError, PeriodKind
from lvyuan.ui.words import period_label

if TYPE_CHECKING:
    from indicators.imports.records import Record

COLUMNS = {
    "indicator": Column(names=("指标", "指标代码", "indicator"), required=True),
    "district": Column(names=("区划", "区划代码", "district")),
    "period": Column(names=("时期", "period"), required=True),
    "value": Column(names=("数值", "value")),
    "unit": Column(names=("单位", "unit")),
    "growth": Column(names=("同比增长", "growth")),
    "rank": Column(names=("位次", "rank")),
    "rank_by": Column(names=("位次依据", "rank_by")),
    "text": Column(names=("定性表述", "text")),
    "status": Column(names=("数据状态", "status")),
    "note": Column(names=("说明", "note")),
}
FIGURES: Final = ("value", "growth", "rank", "text")
NOTE_LENGTH = 500
_RANK_WORDS: Final = "一二三四五六七八九"
_RANK: Final = re.compile(f"(?:并列)?第?([0-9]{{1,4}}|[{_RANK_WORDS}])(?:[位名]|/([0-9]{{1,4}}))?")  # 3, 第3位, 3/5
_FULL_WIDTH_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
P = ParamSpec("P")
R = TypeVar("R")


def _choices(enum: Any, **more: str) -> dict[str, str]:
    """What a cell may say for a choice: its code or its label."""
    return {value: value for value in enum.values} | {str(name): value for value, name in enum.choices} | more


RANK_BY = _choices(RankBy, 总量=RankBy.LEVEL.value, 增速=RankBy.GROWTH.value, 未说明=RankBy.UNSTATED.value)
STATUSES = {text: code for text, code in _choices(VintageStatus).items() if code != VintageStatus.WITHDRAWN}


def _quoted(text: str) -> str:
    return f"“{shown(text)}”"


class Fault(Exception):
    """One thing wrong in one column."""

    def __init__(self, column: str, message: str, remedy: str) -> None:
        super().__init__(column, message, remedy)
        self.column, self.message, self.remedy = column, message, remedy


# What the database knows


@dataclass(frozen=True)
class Known:
    """Definitions that rows refer to, by the texts that may name them."""

    indicators: dict[str, list[Indicator]]
    versions: dict[int, list[IndicatorVersion]]
    districts: dict[str, list[District]]
    pool: RankPool | None
    pool_members: frozenset[int]
    today: dt.date
    periods: dict[tuple[str, str, str], Period] = field(default_factory=dict)  # by kind, calendar, text

    def indicator(self, text: str) -> Indicator:
        if not text:
            raise Fault("indicator", gettext("没有写指标"), gettext("请填写指标代码、名称或别名"))
        found = self.indicators.get(text, [])
        if not found:
            raise Fault(
                "indicator",
                gettext("没有%(text)s这项指标") % {"text": _quoted(text)},
                gettext("请照指标页上的代码、名称或别名填写"),
            )
        if len(found) > 1:
            names = gettext("、").join(
                (gettext("%(indicator)s（%(code)s）") % {"indicator": indicator.name, "code": indicator.code})
                for indicator in found
            )
            raise Fault(
                "indicator",
                gettext("%(text)s是几项指标共用的别名：%(names)s") % {"text": _quoted(text), "names": names},
                gettext("请改写指标代码"),
            )
        return found[0]

    def district(self, text: str) -> District:
        text = text or settings.HOME_DISTRICT
        found = self.districts.get(text, [])
        if not found:
            raise Fault(
                "district",
                gettext("没有%(text)s这个区划") % {"text": _quoted(text)},
                gettext("请填写区划代码或全称；留空表示本区"),
            )
        if len(found) > 1:
            codes = gettext("、").join(district.code for district in found)
            raise Fault(
                "district",
                gettext("%(text)s不止一个区划：%(codes)s") % {"text": _quoted(text), "codes": codes},
                gettext("请改写区划代码"),
            )
        return found[0]

    def period(self, text: str, indicator: Indicator) -> Period:
        """The period, which must be a slot of the indicator's calendar and over."""
        key = indicator.primary_kind, indicator.calendar, text  # all that the indicator has to say about it
        if known := self.periods.get(key):
            return known
        if not text:
            raise Fault("period", gettext("没有写时期"), gettext("请填写时期，如 2023年1—6月"))
        try:
            period = _parse_period(text, PeriodKind(indicator.primary_kind))
        except PeriodError as error:
            raise Fault("period", f"{_quoted(text)}{gettext(error.problem)}", gettext(error.remedy)) from error
        if indicator.slots and not periods.has_slot(indicator.slots, period):
            calendar = Calendar(indicator.calendar).label
            message = gettext("“%(indicator)s”没有“%(period)s”这一期，它的报送日历是：%(calendar)s") % {
                "indicator": indicator,
                "period": period_label(period),
                "calendar": calendar,
            }
            raise Fault("period", message, gettext("请改成日历上有的时期，或删去这一行"))
        if period.end > self.today and period.kind is not PeriodKind.PLAN:
            raise Fault(
                "period",
                gettext("“%(period)s”还没有结束") % {"period": period_label(period)},
                gettext("请核对年份和月份"),
            )
        self.periods[key] = period
        return period

    def version(self, indicator: Indicator, period: Period) -> IndicatorVersion:
        for version in self.versions[indicator.pk]:
            if version.is_in_force(period.end):
                return version
        message = gettext("“%(indicator)s”在%(period)s没有生效的口径") % {
            "indicator": indicator,
            "period": period_label(period),
        }
        raise Fault("indicator", message, gettext("请管理员先补充指标口径"))


def _parse_period(text: str, kind: PeriodKind) -> Period:
    if "." in text and text.rpartition(".")[2] in tuple(PeriodKind):
        return Period.from_code(text)
    return periods.parse(text, kind=kind)


def known_to(user: User) -> Known:
    """All definitions; five queries."""
    by_text: defaultdict[str, list[Indicator]] = defaultdict(list)
    indicators = list(Indicator.objects.visible_to(user))
    for indicator in indicators:
        for alias in set(indicator.aliases):
            by_text[alias].append(indicator)
    # A code or an official name is one indicator's own, whatever others are also called.
    by_text |= {indicator.name: [indicator] for indicator in indicators}
    by_text |= {indicator.code: [indicator] for indicator in indicators}
    versions: defaultdict[int, list[IndicatorVersion]] = defaultdict(list)
    for version in IndicatorVersion.objects.all():
        versions[version.indicator_id].append(version)
    districts: defaultdict[str, list[District]] = defaultdict(list)
    for district in District.objects.all():
        for text in {district.code, district.name, district.short_name}:
            districts[text].append(district)
    pool = RankPool.objects.filter(code=settings.RANK_POOL).first()
    members = pool.members.values_list("district_id", flat=True) if pool else ()
    return Known(by_text, versions, districts, pool, frozenset(members), timezone.localdate())


# One row


@dataclass(slots=True, kw_only=True)
class Content:
    """What a row says about its figure; named as Entry's columns."""

    value: Decimal | None = None
    comparator: Comparator = "="
    unit: str = ""
    printed: str = ""
    null_reason: str = ""
    growth: Decimal | None = None
    growth_basis: str = ""
    rank_pool: RankPool | None = None
    rank_place: int | None = None
    rank_by: str = ""
    text: str = ""
    note: str = ""
    status: str = VintageStatus.UNSTATED.value
    locator: str = ""

    def columns(self) -> dict[str, object]:
        """Entry's figure columns."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def rank(self) -> str:
        return rank_text(self.rank_pool, self.rank_place, self.rank_by) if self.rank_pool and self.rank_place else ""

    @property
    def said(self) -> dict[str, str]:
        """What is stated, as `said_texts` gives it."""
        return said_texts(self.value, self.comparator, self.unit, self.growth, self.text, self.rank)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row understood: where it belongs and what it says."""

    line: int
    indicator: Indicator
    district: District
    period: Period
    content: Content
    states_status: bool


class Line:
    """Reads one record; every fault is noted, and one does not hide the next."""

    def __init__(self, record: Record, known: Known, place: str) -> None:
        self.record, self.known = record, known
        self.faults: list[Fault] = []
        self.identity: tuple[Indicator, District, Period] | None = None
        self.content = Content(locator=place[:80])

    def read(self) -> Candidate | None:
        """The row understood, or None with its faults noted."""
        record, known = self.record, self.known
        indicator = self.attempt(known.indicator, record["indicator"])
        district = self.attempt(known.district, record["district"])
        period = self.attempt(known.period, record["period"], indicator) if indicator else None
        if indicator and period:
            version = self.attempt(known.version, indicator, period)
            if version:
                self.attempt(self.read_value, version.unit)
        if district:
            self.attempt(self.read_rank, district)
        for part in (self.read_growth, self.read_text, self.read_note, self.read_status):
            self.attempt(part)
        if indicator and district and period:
            self.identity = indicator, district, period
        if self.identity and not self.faults:
            self.attempt(self.check_says_something)
        if self.faults or not self.identity:
            return None
        return Candidate(record.line, *self.identity, self.content, bool(record["status"]))

    def attempt(self, part: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return part(*args, **kwargs)
        except Fault as fault:
            self.faults.append(fault)
            return None

    def read_value(self, unit: str) -> None:
        text, stated, content = self.record["value"], self.record["unit"], self.content
        if not text:
            return
        try:
            parsed = figure_in_unit(text, unit, stated)
            if parsed.value is not None:
                storable("value", parsed.value, text)
        except NumberError as error:
            raise Fault(
                _column_of(error, stated), f"{_quoted(error.text)}{gettext(error.problem)}", gettext(error.remedy)
            ) from error
        if parsed.value is None:
            content.null_reason = str(parsed.null_reason or "")
            return
        if not parsed.unit:
            remedy = gettext("请写明单位，如 12.3万平方米，或加一列“单位”")
            raise Fault("value", gettext("这项指标尚未规定计量单位，文件里也没有写"), remedy)
        content.value, content.unit = storable("value", parsed.value, text), parsed.unit
        content.comparator = parsed.comparator
        content.printed = "" if parsed.comparator == "=" else parsed.printed

    def read_growth(self) -> None:
        text = self.record["growth"]
        if not text:
            return
        try:
            parsed = parse_figure(text, unit="%")
            if parsed.value is not None:
                storable("growth", parsed.value, text)
        except NumberError as error:
            raise Fault("growth", f"{_quoted(error.text)}{gettext(error.problem)}", gettext(error.remedy)) from error
        if parsed.comparator != "=":
            raise Fault(
                "growth",
                gettext("%(text)s不是确切的增速") % {"text": _quoted(text)},
                gettext("增速请填确切数值，不写“余”“近”“约”"),
            )
        if parsed.value is not None:
            self.content.growth = storable("growth", parsed.value, text)
            self.content.growth_basis = PriceBasis.UNSTATED.value

    def read_rank(self, district: District) -> None:
        text, by, pool = self.record["rank"].translate(_FULL_WIDTH_DIGITS), self.record["rank_by"], self.known.pool
        if not text or null_reason(text):
            if by and not text:
                raise Fault("rank", gettext("写了位次依据，却没有位次"), gettext("请补填位次，或删去位次依据"))
            return
        if pool is None:
            raise Fault("rank", gettext("还没有设定位次范围"), gettext("请管理员先设定位次范围，或删去位次"))
        size = len(self.known.pool_members)
        found = _RANK.fullmatch(text.replace(" ", ""))
        place = (_RANK_WORDS.find(found[1]) + 1 or int(found[1])) if found and found[2] in (None, str(size)) else 0
        if not 1 <= place <= size:
            raise Fault(
                "rank",
                gettext("%(text)s不是 1 到 %(size)s 的位次") % {"text": _quoted(text), "size": size},
                gettext("位次范围是%(pool)s，请只写数字") % {"pool": pool},
            )
        if district.pk not in self.known.pool_members:
            raise Fault(
                "rank",
                gettext("%(district)s不在%(pool)s之内") % {"district": district, "pool": pool},
                gettext("请删去这一行的位次"),
            )
        if by not in RANK_BY:
            problem = (
                gettext("%(by)s不是认得的位次依据") % {"by": _quoted(by)} if by else gettext("填了位次，没有填位次依据")
            )
            raise Fault("rank_by", problem, gettext("请填写：按总量、按增速、按其他、未说明"))
        self.content.rank_pool, self.content.rank_place, self.content.rank_by = pool, place, RANK_BY[by]

    def read_text(self) -> None:
        self.content.text = self.short("text", Entry._meta.get_field("text").max_length or 0)

    def read_note(self) -> None:
        self.content.note = self.short("note", NOTE_LENGTH)

    def short(self, name: str, length: int) -> str:
        text = self.record[name]
        if len(text) > length:
            raise Fault(
                name,
                gettext("有 %(text)s 个字，超过 %(length)s 字的上限") % {"text": len(text), "length": length},
                gettext("请缩短"),
            )
        return text

    def read_status(self) -> None:
        status = self.record["status"]
        if status and status not in STATUSES:
            names = gettext("、").join(
                str(name) for code, name in VintageStatus.choices if code != VintageStatus.WITHDRAWN
            )
            raise Fault(
                "status",
                gettext("%(status)s不是可以导入的数据状态") % {"status": _quoted(status)},
                gettext("请填写：%(names)s；撤回不能用导入办理") % {"names": names},
            )
        if status:
            self.content.status = STATUSES[status]

    def check_says_something(self) -> None:
        if not self.content.said:
            column = "value" if self.content.null_reason else ""
            raise Fault(
                column, gettext("没有数值、增速、位次或定性表述，无可导入"), gettext("请补填其中一项，或删去这一行")
            )


def _column_of(error: NumberError, stated: str) -> str:
    """The unit's column when it is the unit that was not understood, else the value's."""
    return "unit" if stated and (error.text == stated or error.text.startswith(f"{stated}→")) else "value"


def said_texts(
    value: Decimal | None, comparator: str, unit: str, growth: Decimal | None, text: str, rank: str
) -> dict[str, str]:
    """What a figure states, by name, as texts in which 17 and 17.0 differ; what it leaves out is absent."""
    said = {
        "value": f"{comparator}{plain(value)}{unit}" if value is not None else "",
        "growth": plain(growth) if growth is not None else "",
        "rank": rank,
        "text": text,
    }
    return {name: words for name, words in said.items() if words}


def rank_text(pool: RankPool, place: int, by: str) -> str:
    return gettext("%(pool)s第%(place)s位（%(label)s）") % {"pool": pool, "place": place, "label": RankBy(by).label}
