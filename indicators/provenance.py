"""What the provenance page tells: each vintage with its people and papers, and formulas of derived figures."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from django.utils.translation import gettext, gettext_noop

from indicators.models import Evidence, Observation, Transition, Vintage
from indicators.pace import Pace
from indicators.rows import Figure, Row, rows_by_vintage
from lvyuan.accounts.models import User


@dataclass(frozen=True, slots=True)
class Formula:
    """How a derived figure came about."""

    figure: Figure
    name: str
    text: str
    inputs: tuple[tuple[str, Figure], ...]


@dataclass(frozen=True, slots=True)
class VintageLine:
    vintage: Vintage
    row: Row
    is_current: bool
    transitions: tuple[Transition, ...]
    evidence: tuple[Evidence, ...]


def vintage_lines(observation: Observation, user: User) -> list[VintageLine]:
    """All vintages, newest first, with who logged, returned and approved; evidence as `user` may see it."""
    rows = rows_by_vintage(observation.vintages.all())
    vintages = (
        observation.vintages.select_related(
            "entered_by", "approved_by", "entry__submission", "source", "version", "release__by"
        )
        .select_related("observation__indicator", "observation__district")
        .prefetch_related("entry__submission__transitions__by", "entry__evidence")
        .order_by("-number")
    )
    visible = Evidence.objects.visible_to(user).filter(entry__vintages__observation=observation)
    seen = set(visible.values_list("pk", flat=True))
    return [
        VintageLine(
            vintage=vintage,
            row=rows[vintage.pk],
            is_current=vintage.pk == observation.current_id,
            transitions=tuple(vintage.entry.submission.transitions.all()) if vintage.entry else (),
            evidence=tuple(e for e in vintage.entry.evidence.all() if e.pk in seen) if vintage.entry else (),
        )
        for vintage in vintages
    ]


# field of Row → (name, formula in words, fields of Row that go in)
_FORMULAS: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "expected": (
        gettext_noop("预期增速"),
        gettext_noop("来源所印的增速 − 所印“超出预期”的百分点"),
        ((gettext_noop("本期增速"), "growth"), (gettext_noop("超出预期"), "excess")),
    ),
    "excess": (
        gettext_noop("超出预期"),
        gettext_noop("本期增速 − 预期增速"),
        ((gettext_noop("本期增速"), "growth"), (gettext_noop("预期增速"), "expected")),
    ),
    "slot_value": (
        gettext_noop("当期值"),
        gettext_noop("本期累计 − 上期累计（首期仅在覆盖一个月或一个季度时取累计）"),
        ((gettext_noop("本期累计"), "value"), (gettext_noop("上期累计"), "previous")),
    ),
    "nominal_growth": (
        gettext_noop("名义测算增速"),
        gettext_noop("本期 ÷ 上年同期 − 1（仅供对照，不替代公布增速）"),
        ((gettext_noop("本期"), "value"), (gettext_noop("上年同期"), "last_year")),
    ),
    "completion": (
        gettext_noop("完成率"),
        gettext_noop("本期 ÷ 年度目标"),
        ((gettext_noop("本期"), "value"), (gettext_noop("年度目标"), "target")),
    ),
    "gap": (
        gettext_noop("与序时进度之差"),
        gettext_noop("完成率 − 已过月数 ÷ 12"),
        ((gettext_noop("完成率"), "completion"),),
    ),
}


def formulas(row: Row) -> list[Formula]:
    """One line for every derived figure of the row."""
    known: dict[str, Any] = {f.name: getattr(row, f.name) for f in fields(row)}
    return [
        Formula(
            figure=known[name],
            name=gettext(title),
            text=gettext(text),
            inputs=()
            if _is_circular(name, row)
            else tuple((gettext(t), known[i]) for t, i in inputs if known[i] is not None),
        )
        for name, (title, text, inputs) in _FORMULAS.items()
        if isinstance(known[name], Figure) and known[name].is_derived
    ]


def _is_circular(name: str, row: Row) -> bool:
    """An expectation came from the excess as printed, not from one that was computed from it."""
    return name == "expected" and row.excess is not None and row.excess.is_derived


# field of Pace → (name, formula in words)
_PACE_FORMULAS = {
    "completion": (gettext_noop("完成率"), gettext_noop("当前值 ÷ 目标值")),
    "due": (gettext_noop("应完成"), gettext_noop("按目标的进度方法，到该期应完成的份额")),
    "gap": (gettext_noop("与应完成之差"), gettext_noop("完成率 − 应完成，按目标的修约方法修约一次")),
    "remaining": (gettext_noop("还差"), gettext_noop("目标值 − 当前值")),
    "per_month": (gettext_noop("月均需"), gettext_noop("还差 ÷ 该期以后的月数")),
    "best_month": (gettext_noop("历史最高月"), gettext_noop("本序列同口径各期当期值中最高的（季度按月平均）")),
    "rest_growth": (gettext_noop("后段需同比"), gettext_noop("还差 ÷（上年全年 − 上年同期）− 1")),
    "required_growth": (gettext_noop("年均需增"), gettext_noop("（目标值 ÷ 当前值）^（1 ÷ 剩余年数）− 1")),
    "observed_growth": (
        gettext_noop("实际年均增长"),
        gettext_noop("自基期起的年均增长；无基期时为上年同期以来的增长，名义测算"),
    ),
    "growth_gap": (gettext_noop("年均增速之差"), gettext_noop("实际年均增长 − 年均需增")),
}
_OUTLOOK_FORMULAS = {
    "low": (
        gettext_noop("测算下限"),
        gettext_noop("两种方法（上年同期占比、现增速保持）各减以往平均误差，取低者；目标在以后年份的按增速延伸"),
    ),
    "high": (gettext_noop("测算上限"), gettext_noop("两种方法各加以往平均误差，取高者；目标在以后年份的按增速延伸")),
    "short_by": (gettext_noop("到期测算至少差"), gettext_noop("目标值 − 测算上限")),
    "error": (
        gettext_noop("以往平均误差"),
        gettext_noop("同样方法在本序列以往各年同期测算，与实际全年相差的百分比的平均，取两法中大者"),
    ),
}


def pace_formulas(pace: Pace | None) -> list[tuple[str, str, Figure]]:
    """(name, formula, figure) of all that a pace derives."""
    told = [(pace, _PACE_FORMULAS), (pace.outlook if pace else None, _OUTLOOK_FORMULAS)]
    return [
        (gettext(title), gettext(text), figure)
        for part, formulas_of in told
        if part is not None
        for name, (title, text) in formulas_of.items()
        if (figure := getattr(part, name)) is not None
    ]
