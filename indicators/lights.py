"""Traffic lights: the grammar of a rule's conditions, and how they are judged. Pure: no database, no clock.

A condition is {"light": "green", "all": [{"measure": "gap_pp", "is": ">=", "value": "0"}, …]}; with "any" one test is
enough. The first condition that holds gives the light, else the rule's `otherwise`. There is no national standard
(domain rules §5), so every rule is data.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from django.utils.translation import gettext, gettext_noop

from lvyuan.numbers import plain

MAX_CONDITIONS: Final = 12
MAX_TESTS: Final = 6


class Light(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    NONE = "none"


SHORT: Final = {Light.GREEN: "绿", Light.YELLOW: "黄", Light.RED: "红", Light.NONE: "未评"}


class Measure(StrEnum):
    """What a test may look at, in the order in which a sentence tells it."""

    COMPLETION = "completion"
    DUE_SHARE = "due_share"
    GAP_PP = "gap_pp"
    PLAN_RATIO = "plan_ratio"
    GROWTH = "growth"
    EXCESS_PP = "excess_pp"
    CITY_GAP_PP = "city_gap_pp"
    RANK = "rank"
    MONTHS_LATE = "months_late"
    MADE_UP_LATE = "made_up_late"


# Measure → (title, unit). Months late count from the month something was due in; made up late is how many months
# after it was done in the end, 0 while it is not done.
MEASURES: Final[dict[Measure, tuple[str, str]]] = {
    Measure.COMPLETION: (gettext_noop("完成比例"), "%"),
    Measure.DUE_SHARE: (gettext_noop("应完成比例"), "%"),
    Measure.GAP_PP: (gettext_noop("与应完成进度之差"), gettext_noop("个百分点")),
    Measure.PLAN_RATIO: (gettext_noop("达到计划进度的比例"), "%"),
    Measure.GROWTH: (gettext_noop("同比增速"), "%"),
    Measure.EXCESS_PP: (gettext_noop("与预期或目标之差"), gettext_noop("个百分点")),
    Measure.CITY_GAP_PP: (gettext_noop("与全市增速之差"), gettext_noop("个百分点")),
    Measure.RANK: (gettext_noop("位次"), gettext_noop("位")),
    Measure.MONTHS_LATE: (gettext_noop("逾期时间"), gettext_noop("个月")),
    Measure.MADE_UP_LATE: (gettext_noop("补上时已逾期"), gettext_noop("个月")),
}

Compare = Callable[[Decimal, Decimal], bool]
# Sign → (how it compares, how it reads).
COMPARATORS: Final[dict[str, tuple[Compare, str]]] = {
    ">=": (operator.ge, gettext_noop("不低于")),
    ">": (operator.gt, gettext_noop("高于")),
    "<=": (operator.le, gettext_noop("不高于")),
    "<": (operator.lt, gettext_noop("低于")),
    "=": (operator.eq, gettext_noop("等于")),
    "!=": (operator.ne, gettext_noop("不等于")),
}
_NUMBER: Final = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")


class LightRuleError(ValueError):
    """Conditions that cannot be judged by; the text names the condition, in Chinese."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known of one figure: a value a measure; why the others are missing; what it is held against.

    Percent, percentage points, places and months, rounded already. `names` replaces words in sentences: of
    COMPLETION (占上限), DUE_SHARE (序时, 计划), EXCESS_PP (预期, 目标, 上限, …) and RANK (the pool).
    """

    values: Mapping[Measure, Decimal]
    missing: Mapping[Measure, str] = field(default_factory=dict)
    names: Mapping[Measure, str] = field(default_factory=dict)

    def why_missing(self, measure: Measure) -> str:
        return self.missing.get(measure) or f"缺{MEASURES[measure][0]}"

    def as_json(self) -> dict[str, str]:
        """The known values as text, digit for digit."""
        return {measure.value: plain(value) for measure, value in self.values.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, str], names: Mapping[Measure, str] | None = None) -> Inputs:
        """The values again; reasons and names are not stored, the sentence tells them."""
        return cls({Measure(name): Decimal(text) for name, text in stored.items()}, names=names or {})


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a measure with a number."""

    measure: Measure
    sign: str
    value: Decimal

    __test__ = False  # not one of pytest's

    def holds(self, inputs: Inputs) -> bool | None:
        """None where the measure is unknown."""
        known = inputs.values.get(self.measure)
        return None if known is None else COMPARATORS[self.sign][0](known, self.value)

    @property
    def words(self) -> str:
        title, unit = MEASURES[self.measure]
        said = {"title": gettext(title), "sign": gettext(COMPARATORS[self.sign][1]), "value": plain(self.value)}
        return gettext("%(title)s%(sign)s%(value)s%(unit)s") % (said | {"unit": gettext(unit)})


@dataclass(frozen=True, slots=True)
class Condition:
    light: Light
    tests: tuple[Test, ...]
    needs_all: bool = True

    def holds(self, inputs: Inputs) -> bool | None:
        """None where an unknown measure could decide it: one false test of several settles an "all"."""
        answers = [test.holds(inputs) for test in self.tests]
        decisive = not self.needs_all
        if decisive in answers:
            return decisive
        return None if None in answers else self.needs_all

    @property
    def words(self) -> str:
        return (gettext("，并且") if self.needs_all else gettext("，或者")).join(test.words for test in self.tests)


@dataclass(frozen=True, slots=True)
class Rule:
    conditions: tuple[Condition, ...]
    otherwise: Light

    @property
    def measures(self) -> frozenset[Measure]:
        """Everything its tests look at."""
        return frozenset(test.measure for condition in self.conditions for test in condition.tests)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A light and why; `condition` is the number of the one that held, None for `otherwise` and for 未评."""

    light: Light
    sentence: str
    missing: tuple[Measure, ...] = ()
    condition: int | None = None


def evaluate(rule: Rule, inputs: Inputs) -> Verdict:
    """The light of the first condition that holds, else `otherwise`.

    A condition that hangs on an unknown measure ends it with 未评, saying what is missing: the unknown is never
    red. Source: domain rules §5.
    """
    used: set[Measure] = set()
    for number, condition in enumerate(rule.conditions, 1):
        used |= {test.measure for test in condition.tests}
        holds = condition.holds(inputs)
        if holds is None:
            unknown = {test.measure for test in condition.tests} - inputs.values.keys()
            missing = tuple(measure for measure in Measure if measure in unknown)
            reasons = dict.fromkeys(inputs.why_missing(measure) for measure in missing)
            return Verdict(Light.NONE, f"{SHORT[Light.NONE]}：{'，'.join(reasons)}", missing)
        if holds:
            return Verdict(condition.light, sentence(condition.light, inputs, used), condition=number)
    return Verdict(rule.otherwise, sentence(rule.otherwise, inputs, used))


def sentence(light: Light, inputs: Inputs, used: Iterable[Measure]) -> str:
    """完成36.7%，序时33.3%，超3.4个百分点 → 绿: the known measures that were looked at, then the light."""
    told = set(used)
    if told & {Measure.GAP_PP, Measure.PLAN_RATIO}:
        told |= {Measure.COMPLETION, Measure.DUE_SHARE}
    facts = [
        _SAYINGS[measure](inputs.values[measure], inputs)
        for measure in Measure
        if measure in told & inputs.values.keys()
    ]
    return f"{'，'.join(fact for fact in facts if fact)} → {SHORT[light]}"


def _size(value: Decimal) -> str:
    return plain(abs(value))


def _against(value: Decimal, above: str, below: str, even: str) -> str:
    if not value:
        return even
    return f"{above if value > 0 else below}{_size(value)}个百分点"


def _growth(value: Decimal, inputs: Inputs) -> str:
    return f"同比{'增长' if value > 0 else '下降'}{_size(value)}%" if value else "同比持平"


def _excess(value: Decimal, inputs: Inputs) -> str:
    """The favourable distance: below an upper limit is good, and nothing is 超出 when it is."""
    name = inputs.names.get(Measure.EXCESS_PP, "预期")
    if name == LIMIT:
        return _against(value, f"低于{name}", f"高于{name}", f"正好在{name}")
    if name == RANGE:
        return _against(value, f"在{name}内，离边界", f"在{name}外，差", f"正好在{name}边界")
    return _against(value, f"超出{name}", f"低于{name}", f"与{name}持平")


def _gap(value: Decimal, inputs: Inputs) -> str:
    """The favourable distance: less of a limit used than due is good, and nothing is 超 when it is."""
    if inputs.names.get(Measure.COMPLETION) == OF_LIMIT:
        return _against(value, "少", "多", "持平")
    return _against(value, "超", "低", "持平")


def _months_late(value: Decimal, inputs: Inputs) -> str:
    if value:
        return f"逾期{plain(value)}个月"
    return "" if inputs.values.get(Measure.MADE_UP_LATE) else "未逾期"


LIMIT: Final = "上限"
OF_LIMIT: Final = "占上限"
RANGE: Final = "目标区间"
_SAYINGS: Final[dict[Measure, Callable[[Decimal, Inputs], str]]] = {
    Measure.COMPLETION: lambda value, inputs: f"{inputs.names.get(Measure.COMPLETION, '完成')}{plain(value)}%",
    Measure.DUE_SHARE: lambda value, inputs: f"{inputs.names.get(Measure.DUE_SHARE, '应完成')}{plain(value)}%",
    Measure.GAP_PP: _gap,
    Measure.PLAN_RATIO: lambda value, inputs: f"达到计划进度的{plain(value)}%",
    Measure.GROWTH: _growth,
    Measure.EXCESS_PP: _excess,
    Measure.CITY_GAP_PP: lambda value, inputs: _against(value, "增速高于全市", "增速低于全市", "增速与全市持平"),
    Measure.RANK: lambda value, inputs: f"列{inputs.names.get(Measure.RANK, '')}第{plain(value)}位",
    Measure.MONTHS_LATE: _months_late,
    Measure.MADE_UP_LATE: lambda value, inputs: f"晚{plain(value)}个月补上" if value else "",
}


# Reading what is stored


def parse_rule(conditions: Any, otherwise: str) -> Rule:
    """The rule as it is judged by. Raises LightRuleError, which names the condition."""
    if not isinstance(conditions, list) or not conditions:
        raise LightRuleError(gettext("至少要有一个条件。"))
    if len(conditions) > MAX_CONDITIONS:
        raise LightRuleError(gettext("条件最多%(max_conditions)s个。") % {"max_conditions": MAX_CONDITIONS})
    if otherwise not in set(Light):
        raise LightRuleError(gettext("请写明都不符合时是什么灯。"))
    read = tuple(
        _condition(given, gettext("第%(number)s个条件") % {"number": number})
        for number, given in enumerate(conditions, 1)
    )
    return Rule(read, Light(otherwise))


def _condition(given: Any, where: str) -> Condition:
    if not isinstance(given, Mapping):
        raise LightRuleError(gettext("%(where)s应写成 灯、条件。") % {"where": where})
    light, lists = given.get("light"), [name for name in ("all", "any") if name in given]
    if light not in set(Light):
        raise LightRuleError(gettext("%(where)s的灯应是绿、黄、红、未评之一。") % {"where": where})
    if len(lists) != 1 or set(given) != {"light", *lists}:
        raise LightRuleError(gettext("%(where)s应有且只有 all（全部符合）或 any（任一符合）。") % {"where": where})
    tests = given[lists[0]]
    if not isinstance(tests, Sequence) or isinstance(tests, str) or not 1 <= len(tests) <= MAX_TESTS:
        raise LightRuleError(
            gettext("%(where)s应有1到%(max_tests)s项比较。") % {"where": where, "max_tests": MAX_TESTS}
        )
    return Condition(Light(light), tuple(_test(test, where) for test in tests), needs_all=lists[0] == "all")


def _test(given: Any, where: str) -> Test:
    if not isinstance(given, Mapping) or set(given) != {"measure", "is", "value"}:
        raise LightRuleError(gettext("%(where)s的每项比较应写明看什么、怎么比、比多少。") % {"where": where})
    measure, sign, value = given["measure"], given["is"], given["value"]
    if measure not in set(Measure):
        raise LightRuleError(gettext("%(where)s：没有“%(measure)s”这项输入。") % {"where": where, "measure": measure})
    if sign not in COMPARATORS:
        raise LightRuleError(gettext("%(where)s：“%(sign)s”不是认得的比较符号。") % {"where": where, "sign": sign})
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise LightRuleError(
            gettext("%(where)s：“%(value)s”不是数，应写成 -5 或 0.5。") % {"where": where, "value": value}
        )
    return Test(Measure(measure), sign, Decimal(value))
