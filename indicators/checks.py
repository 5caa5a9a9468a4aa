"""The checks of a drafted figure, in the four national severities (domain rules §7). Pure: no database, no clock.

A built-in rule is a function over CellFacts whose keyword arguments are its thresholds; it answers what it found, or
None. Which rules hold when, for which indicators, how severely and with which thresholds is data (models.CheckRule).
Unknown input never gives a finding.
"""

from __future__ import annotations

import datetime as dt
import inspect
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from django.utils.translation import gettext, gettext_noop

from indicators.calculations import growth_agrees
from indicators.explanations import is_same_text
from indicators.expressions import parse
from lvyuan import periods
from lvyuan.numbers import UNITS, growth_interval, plain, round_to, rounding_interval
from lvyuan.periods import Period, PeriodKind
from lvyuan.ui.words import period_label

HUNDRED = Decimal(100)


class Severity(StrEnum):
    """Gravest first. Domain rules §7.

    强制性 blocks; 准强制性 blocks unless it is on the approved list and explained; 核实性 asks for an explanation;
    提示性 only informs.
    """

    MANDATORY = "mandatory"
    QUASI = "quasi"
    VERIFY = "verify"
    HINT = "hint"


NEEDS_EXPLANATION: Final = (Severity.QUASI, Severity.VERIFY)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one cell; `field` is the part of the line it concerns."""

    rule_code: str
    severity: Severity
    message: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """An exact figure of the same district and period, drafted or approved, in its definition's unit."""

    name: str
    value: Decimal
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """All that an earlier slot's figure said."""

    value: Decimal | None = None
    growth: Decimal | None = None
    rank_place: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFacts:
    """Everything known about one drafted figure; other slots' values are exact and in its own unit and scope."""

    code: str
    name: str
    nature: str  # flow, stock, ratio, text
    slots: periods.Calendar  # end months of the year's slots; () for irregular
    period: Period
    value: Decimal | None = None
    comparator: str = "="
    unit: str = ""
    growth: Decimal | None = None
    rank_place: int | None = None
    pool_size: int | None = None
    text: str = ""
    note: str = ""
    previous: Decimal | None = None  # the slot before in the same year for a cumulative, else the slot before
    last_month: Said | None = None  # the slot before, in the year before if need be
    earlier: Mapping[int, Decimal] = field(default_factory=dict)  # the same slot of earlier years, by year
    parts: Mapping[Period, Decimal] = field(default_factory=dict)  # the other periods of its `differences`
    related: Mapping[str, Related] = field(default_factory=dict)  # by indicator code, its own included

    @property
    def is_blank(self) -> bool:
        return self.value is None and self.growth is None and self.rank_place is None and not self.text

    @property
    def exact(self) -> Decimal | None:
        """The value, if it is one to calculate with: 450余 is not."""
        return self.value if self.comparator == "=" else None

    @property
    def last_year(self) -> Decimal | None:
        return self.earlier.get(self.period.year_no - 1)

    @property
    def has_slot(self) -> bool:
        return bool(self.slots) and periods.has_slot(self.slots, self.period)

    @property
    def is_cumulative(self) -> bool:
        return self.nature == "flow" and self.period.kind is PeriodKind.YTD

    @property
    def before(self) -> Period | None:
        """The slot that `previous` is of."""
        return _slot_before(self.slots, self.period, self.is_cumulative)

    def print(self, value: Decimal) -> str:
        return f"{plain(value)}{self.unit}"


@lru_cache(maxsize=4096)
def _slot_before(slots: periods.Calendar, period: Period, is_cumulative: bool) -> Period | None:
    if not slots or not periods.has_slot(slots, period):
        return None
    return periods.previous_slot(slots, period) if is_cumulative else periods.previous_period(slots, period)


@dataclass(frozen=True, slots=True)
class Difference:
    """A single month or quarter, and the cumulatives whose difference it is; January and 一季度 have none before."""

    single: Period
    cumulative: Period
    before: Period | None


@lru_cache(maxsize=4096)
def differences(slots: periods.Calendar, period: Period) -> tuple[Difference, ...]:
    """Where the calendar makes a month or quarter of this period, or of the end of this cumulative. Domain §2.

    None for 1—2月, which is no month. What the cumulative before says of the next month is that month's to tell.
    """
    if period.kind in (PeriodKind.MONTH, PeriodKind.QUARTER):
        singles = [period]
    elif period.kind is PeriodKind.YTD:
        singles = [Period.month(period.year_no, period.month_no)]
        if period.month_no % 3 == 0:
            singles.append(Period.quarter(period.year_no, period.month_no // 3))
    else:
        return ()
    return tuple(_difference(single) for single in singles if slots and periods.has_slot(slots, single))


def _difference(single: Period) -> Difference:
    year, first = single.year_no, single.month_no - (single.months or 1) + 1
    return Difference(single, Period.ytd(year, single.month_no), Period.ytd(year, first - 1) if first > 1 else None)


def in_unit(value: Decimal, unit: str, wanted: str) -> Decimal | None:
    """The same quantity in another unit, None where the units do not fit (% and 个).

    Its digits stay those that were published, so that its rounding stays known: 223.7 亿元 is 2.237E+6 万元.
    """
    if unit == wanted:
        return value
    source, target = UNITS.get(unit), UNITS.get(wanted)
    if source is None or target is None or source.dimension != target.dimension:
        return None
    sign, digits, exponent = value.as_tuple()
    return Decimal((sign, digits, int(exponent) + source.scale.adjusted() - target.scale.adjusted()))


# Built-in rules

Parameter: TypeAlias = "Decimal | int | bool | tuple[Decimal, ...]"
Check: TypeAlias = Callable[..., "str | None"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A built-in rule: its Chinese title, the field it speaks about, and its thresholds with their defaults."""

    title: str
    field: str
    check: Check
    defaults: Mapping[str, Parameter]


EXPRESSION: Final = "expression"
KINDS: Final[dict[str, Kind]] = {}


def _kind(title: str, *, about: str = "value") -> Callable[[Check], Check]:
    """Registers a built-in rule under its function's name; keyword-only arguments are its parameters."""

    def register(check: Check) -> Check:
        parameters = inspect.signature(check).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        KINDS[check.__name__] = Kind(title, about, check, defaults)
        return check

    return register


@_kind(gettext_noop("累计数小于上期"))
def cumulative_fell(facts: CellFacts, *, tolerance: Decimal = Decimal(0)) -> str | None:
    """A cumulative more than `tolerance` (own unit) below the slot before; revisions do happen. Domain §2, §3."""
    value, previous, before = facts.exact, facts.previous, facts.before
    if not facts.is_cumulative or value is None or previous is None or before is None:
        return None
    if value >= previous - tolerance:
        return None
    return gettext("本期%(value)s，%(before)s%(previous)s") % {
        "value": facts.print(value),
        "before": period_label(before),
        "previous": facts.print(previous),
    }


@_kind(gettext_noop("当月数与累计之差不符"))
def month_differs(facts: CellFacts) -> str | None:
    """A month or quarter of a flow outside what both cumulatives, all three as rounded, allow. Domain §2, §3.

    254.1 − 223.7 gives [30.3, 30.5], so 30.5 agrees; January and 一季度 are the cumulative itself. Told on either
    line, and never more than verified: revisions make the published cumulative differ from the sum of its months.
    """
    if facts.nature != "flow" or facts.exact is None:
        return None
    known = {**facts.parts, facts.period: facts.exact}
    found = []
    for difference in differences(facts.slots, facts.period):
        single, cumulative = known.get(difference.single), known.get(difference.cumulative)
        before = Decimal(0) if difference.before is None else known.get(difference.before)
        if single is None or cumulative is None or before is None:
            continue
        said, whole = rounding_interval(single), rounding_interval(cumulative)
        rest = (before, before) if difference.before is None else rounding_interval(before)
        if said[1] < whole[0] - rest[1] or whole[1] - rest[0] < said[0]:
            shown = [(difference.single, single), (difference.cumulative, cumulative)]
            shown += [(difference.before, before)] if difference.before else []
            found.append(gettext("，").join(f"{period_label(period)}{facts.print(value)}" for period, value in shown))
    return gettext("；").join(found) or None


@_kind(gettext_noop("数量级与上期不符"))
def magnitude_slip(
    facts: CellFacts, *, factors: tuple[Decimal, ...] = (Decimal(10), Decimal(10000)), spread: Decimal = Decimal(2)
) -> str | None:
    """A value `factors` times too large or too small: a lost decimal point, 万 for 亿. Domain §8 (×10^4 slips).

    Compared with the slot before, a cumulative brought forward to this slot by elapsed months; without one, with the
    same slot last year. A ratio within factor / spread … factor × spread counts, both ends included.
    """
    value, base, before = facts.exact, facts.previous, facts.before
    if value is None or value <= 0:
        return None
    expected, beside = base, f"{period_label(before)}" if before else ""
    if base is not None and before is not None and facts.is_cumulative:
        expected = base * facts.period.month_no / before.month_no
    if base is None:
        expected = base = facts.last_year
        beside = gettext("上年同期")
    if base is None or expected is None or expected <= 0:
        return None
    ratio = value / expected
    for factor in factors:
        if any(factor / spread <= off <= factor * spread for off in (ratio, 1 / ratio)):
            times = gettext("%(factor)s倍") % {"factor": plain(factor)} if ratio > 1 else f"1/{plain(factor)}"
            return gettext("本期%(value)s，%(beside)s%(base)s，约为应有水平的%(times)s") % {
                "value": facts.print(value),
                "beside": beside,
                "base": facts.print(base),
                "times": times,
            }
    return None


@_kind(gettext_noop("增速与两年总量不一致"), about="growth")
def growth_differs(facts: CellFacts) -> str | None:
    """The published growth lies outside what both levels, as rounded, allow; a hint: it has a base of its own.

    Domain §3: 10.44 / 10.12 gives [3.06, 3.26], so 3.1 agrees.
    """
    if facts.exact is None or facts.growth is None or facts.last_year is None:
        return None
    allowed = growth_interval(facts.exact, facts.last_year)
    if allowed is None or growth_agrees(facts.growth, facts.exact, facts.last_year):
        return None
    low, high = (round_to(end, 2) for end in allowed)
    computed = f"{low}%" if low == high else gettext("%(low)s%%至%(high)s%%") % {"low": low, "high": high}
    return gettext("填报%(growth)s%%，上年同期%(last_year)s，名义测算%(computed)s") % {
        "growth": plain(facts.growth),
        "last_year": facts.print(facts.last_year),
        "computed": computed,
    }


@_kind(gettext_noop("上年同期不为正而填了增速"), about="growth")
def growth_on_no_base(facts: CellFacts) -> str | None:
    """A growth rate on a base of zero or less, where only words say something: 由负转正, 扭亏. Domain §3."""
    if facts.growth is None or facts.last_year is None or facts.last_year > 0:
        return None
    return gettext("填报%(growth)s%%，上年同期%(last_year)s") % {
        "growth": plain(facts.growth),
        "last_year": facts.print(facts.last_year),
    }


@_kind(gettext_noop("比重越界"))
def share_outside(facts: CellFacts, *, low: Decimal = Decimal(0), high: Decimal = HUNDRED) -> str | None:
    """A share outside `low` … `high` percent, for indicators that the rule names as bounded. Domain §6.

    Never for 开复工率, which may exceed 100 %: that is why this kind of rule must name its indicators.
    """
    if facts.nature != "ratio" or facts.unit != "%" or facts.value is None or low <= facts.value <= high:
        return None
    return gettext("本期%(value)s，应在%(low)s%%至%(high)s%%之间") % {
        "value": facts.print(facts.value),
        "low": plain(low),
        "high": plain(high),
    }


@_kind(gettext_noop("与上期完全相同"))
def copied(facts: CellFacts) -> str | None:
    """All that is said, value or growth included, is what the slot before said. Features §2.5.

    A rank alone may well stay the same.
    """
    said, last = (facts.value, facts.growth, facts.rank_place), facts.last_month
    if last is None or (facts.value is None and facts.growth is None):
        return None
    if said != (last.value, last.growth, last.rank_place):
        return None
    return gettext("数值、增速和位次都没有变")


@_kind(gettext_noop("说明与上期一字不差"), about="note")
def note_copied(facts: CellFacts) -> str | None:
    """The note of the slot before again, signs apart, whether or not a finding asks for one. Domain §7."""
    if facts.last_month is None or not is_same_text(facts.note, facts.last_month.note):
        return None
    return gettext("%(before)s的说明相同") % {"before": period_label(facts.before)} if facts.before else None


@_kind(gettext_noop("位次越界"), about="rank_place")
def rank_outside(facts: CellFacts) -> str | None:
    """A place below 1 or beyond the pool's size. Domain §3 (the pool is versioned data)."""
    if facts.rank_place is None or facts.pool_size is None or 1 <= facts.rank_place <= facts.pool_size:
        return None
    return gettext("第%(rank_place)s位，范围内共%(pool_size)s个") % {
        "rank_place": facts.rank_place,
        "pool_size": facts.pool_size,
    }


@_kind(gettext_noop("与历年同期相差悬殊"))
def outlier(facts: CellFacts, *, limit: Decimal = Decimal("3.5"), years: int = 5) -> str | None:
    """Far from the same slot of earlier years: modified z = 0.6745 × |x − median| / MAD over `limit`.

    Only with figures of at least `years` earlier years, and not where most of them are equal (MAD 0). Features §2.5;
    the formula and 3.5 are Iglewicz and Hoaglin (1993).
    """
    earlier = list(facts.earlier.values())
    if facts.exact is None or len(earlier) < years:
        return None
    median = statistics.median(earlier)
    mad = statistics.median(abs(value - median) for value in earlier)
    if mad == 0 or Decimal("0.6745") * abs(facts.exact - median) <= limit * mad:
        return None
    return gettext("本期%(exact)s，前%(earlier)s年同期中位数%(median)s") % {
        "exact": facts.print(facts.exact),
        "earlier": len(earlier),
        "median": facts.print(median),
    }


@_kind(gettext_noop("这一期不应有数"))
def no_slot(facts: CellFacts) -> str | None:
    """Something said for a period that the calendar does not have: industry in January. Domain §2."""
    if not facts.slots or facts.has_slot:
        return None
    months = gettext("、").join(str(month) for month in facts.slots)
    return gettext("%(period)s不在报送日历里，只有止于%(months)s月的数") % {
        "period": period_label(facts.period),
        "months": months,
    }


@_kind(gettext_noop("总量为负"))
def negative_level(facts: CellFacts, *, money: bool = False) -> str | None:
    """A stock or a counted flow below zero; a flow of money, which may be a loss, only where `money` says so.

    Domain §2 (flow and stock), §8 (a minus typed by mistake).
    """
    if facts.nature not in ("flow", "stock") or facts.value is None or facts.value >= 0:
        return None
    unit = UNITS.get(facts.unit)
    is_money = unit is None or unit.dimension == "money"
    if facts.nature == "flow" and is_money and not money:
        return None
    return gettext("本期%(value)s") % {"value": facts.print(facts.value)}


@_kind(gettext_noop("有总量而无增速"), about="growth")
def growth_missing(facts: CellFacts) -> str | None:
    """A flow's level without its growth, which is an input and is never computed. Domain §3.

    Nothing where last year's level is zero or less: no rate is asked for there.
    """
    if facts.nature != "flow" or not facts.slots or facts.value is None or facts.growth is not None:
        return None
    if facts.last_year is not None and facts.last_year <= 0:
        return None
    return gettext("增速照公布数填写，不由系统计算")


# Rules as data


class RuleError(ValueError):
    """A rule that cannot be: the message is Chinese and says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule in force for a while; raises RuleError or ExpressionError when it makes no sense."""

    code: str
    kind: str
    severity: Severity
    message: str
    parameters: Mapping[str, Any] = field(default_factory=dict)  # as stored: JSON
    expression: str = ""
    indicators: frozenset[str] | None = None  # None: every indicator; for an expression, those it names
    valid_from: dt.date = dt.date.min
    valid_to: dt.date | None = None
    thresholds: Mapping[str, Parameter] = field(init=False)
    operands: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        operands = parse(self.expression).operands if self.kind == EXPRESSION else ()
        object.__setattr__(self, "operands", operands)
        object.__setattr__(self, "thresholds", read_parameters(self.kind, self.parameters))

    def speaks_of(self, code: str) -> bool:
        """Whether this rule is for that indicator."""
        if self.indicators is not None:
            return code in self.indicators
        return self.kind != EXPRESSION or code in self.operands

    def concerns(self, facts: CellFacts) -> bool:
        """Whether this rule speaks about that cell: in force at the period's end, and for its indicator."""
        end = facts.period.end
        return self.valid_from <= end and (self.valid_to is None or end <= self.valid_to) and self.speaks_of(facts.code)


def read_parameters(kind: str, given: Mapping[str, Any]) -> dict[str, Parameter]:
    """A kind's thresholds: its defaults, replaced by what JSON gives. Raises RuleError."""
    if kind != EXPRESSION and kind not in KINDS:
        raise RuleError(gettext("没有“%(kind)s”这种核查。") % {"kind": kind})
    if not isinstance(given, Mapping):
        raise RuleError(gettext("参数应是一个 JSON 对象，如 {}。"))
    defaults = {} if kind == EXPRESSION else KINDS[kind].defaults
    read = dict(defaults)
    for name, value in given.items():
        if name not in defaults:
            known = (
                gettext("可用的有：%(defaults)s") % {"defaults": gettext("、").join(defaults)}
                if defaults
                else gettext("这种核查没有参数")
            )
            raise RuleError(gettext("不认识参数“%(name)s”，%(known)s。") % {"name": name, "known": known})
        read[name] = _parameter(name, value, defaults[name])
    return read


def _parameter(name: str, value: Any, default: Parameter) -> Parameter:
    """The JSON value in the type of the default."""
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise RuleError(gettext("参数“%(name)s”应是 true 或 false。") % {"name": name})
    if isinstance(default, tuple):
        if isinstance(value, list) and value:
            return tuple(_positive(name, part) for part in value)
        raise RuleError(gettext("参数“%(name)s”应是数字列表，如 [10, 10000]。") % {"name": name})
    if isinstance(default, int):
        number = _number(name, value)
        if number < 1 or number != int(number):
            raise RuleError(gettext("参数“%(name)s”应是正整数。") % {"name": name})
        return int(number)
    return _positive(name, value) if default > 0 else _number(name, value)


def _number(name: str, value: Any) -> Decimal:
    """Digits, as a text or a JSON number; negative ones are refused."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value)) if re.fullmatch(r"[0-9.]{1,20}", str(value)) else None
        except InvalidOperation:
            number = None
        if number is not None:
            return number
    raise RuleError(gettext("参数“%(name)s”应是不小于 0 的数字，如 3.5。") % {"name": name})


def _positive(name: str, value: Any) -> Decimal:
    number = _number(name, value)
    if number <= 0:
        raise RuleError(gettext("参数“%(name)s”应大于 0。") % {"name": name})
    return number


def check(facts: CellFacts, rules: Iterable[Rule]) -> list[Finding]:
    """What the rules find about one cell, gravest first; nothing about a blank one."""
    if facts.is_blank:
        return []
    found = []
    for rule in rules:
        if rule.concerns(facts) and (detail := _detail(rule, facts)) is not None:
            about = "value" if rule.kind == EXPRESSION else KINDS[rule.kind].field
            found.append(
                Finding(
                    rule.code,
                    rule.severity,
                    gettext("%(message)s（%(detail)s）") % {"message": rule.message, "detail": detail},
                    about,
                )
            )
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def _detail(rule: Rule, facts: CellFacts) -> str | None:
    if rule.kind != EXPRESSION:
        return KINDS[rule.kind].check(facts, **rule.thresholds)
    figures = _in_one_unit({code: facts.related[code] for code in rule.operands if code in facts.related})
    if parse(rule.expression).holds({code: figure.value for code, figure in figures.items()}) is not False:
        return None
    return gettext("，").join(f"{figure.name}{plain(figure.value)}{figure.unit}" for figure in figures.values())


def _in_one_unit(figures: Mapping[str, Related]) -> dict[str, Related]:
    """What can be added up, in the unit of the first: 万元 and 亿元 meet in one rule."""
    first: dict[str, str] = {}
    found = {}
    for code, figure in figures.items():
        known = UNITS.get(figure.unit)
        unit = first.setdefault(known.dimension if known else figure.unit, figure.unit)
        value = in_unit(figure.value, figure.unit, unit)
        if value is not None:
            found[code] = replace(figure, value=value, unit=unit)
    return found
