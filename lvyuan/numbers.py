"""Figures as Chinese statistics print them: parsing, units, rounding, display. Decimal only.

`Decimal("1_000")`, `Decimal("١٢٣")` and NFKC (5² becomes 52) all let slips through, so full-width
characters are mapped one by one and a figure must match one strict pattern. Source of the rules:
domain notes, sections 3 and 8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    Inexact,
    InvalidOperation,
)
from enum import StrEnum
from typing import Final, Literal, NamedTuple, TypeAlias, overload

Comparator: TypeAlias = Literal["=", ">", "<", ">=", "<=", "~"]

MAX_LENGTH: Final = 40  # characters of one printed figure
_WIDE: Final = Context(prec=120, traps=[InvalidOperation])
_EXACT: Final = Context(prec=120, traps=[InvalidOperation, Inexact])  # raises rather than rounds


def _(text: str) -> str:
    """Marks a text for translation, which happens where it is shown (lvyuan.ui.words)."""
    return text


class NumberError(ValueError):
    """A text that is no figure: `text` is what was given, `problem` and `remedy` are Chinese."""

    def __init__(self, text: str, problem: str, remedy: str) -> None:
        super().__init__(text, problem, remedy)  # all three in args, so the error pickles
        self.text = text
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"数据“{self.text[:MAX_LENGTH]}”：{self.problem}。{self.remedy}。"


# Units


class Unit(NamedTuple):
    """A unit as printed; `scale` is how many base units of its dimension it stands for."""

    name: str
    dimension: str
    scale: Decimal


_POWERS: Final[Mapping[str, Mapping[str, int]]] = {
    "money": {"元": 0, "千元": 3, "万元": 4, "百万元": 6, "亿元": 8, "万亿元": 12},
    "people": {"人": 0, "万人": 4},
    "visits": {"人次": 0, "万人次": 4},
    "households": {"户": 0, "万户": 4},
    "area": {"平方米": 0, "万平方米": 4, "平方公里": 6},
    "ratio": {"‰": -3, "%": -2},
    "points": {"个百分点": 0},  # the difference of two rates, never a rate
    "multiple": {"倍": 0},  # not a ratio: 增长1倍 and 为原来的1倍 differ
} | {
    name: {name: 0} for name in ("个", "家", "件", "场", "场次", "次", "名", "所", "位", "吨标准煤/万元", "微克/立方米")
}

UNITS: Final[Mapping[str, Unit]] = {
    name: Unit(name, dimension, Decimal(10) ** power)
    for dimension, powers in _POWERS.items()
    for name, power in powers.items()
}
GROWTH_DIMENSIONS: Final = ("ratio", "points")


def get_unit(name: str) -> Unit:
    """The unit of that printed name (％ counts as %); raises NumberError when unknown."""
    unit = UNITS.get(name.translate(_HALF_WIDTH))
    if unit is None:
        raise NumberError(name, _("不是认得的计量单位"), f"请用：{'、'.join(UNITS)}")
    return unit


def convert(value: Decimal, from_unit: str, to_unit: str) -> Decimal:
    """The same quantity in another unit, exact: 223.7 亿元 is 2237000 万元.

    The result has no trailing zeros and no exponent (below 0.000001 only `plain` hides it); the
    same unit gives the value back with its digits as published. Raises NumberError across
    dimensions (% and 个百分点, 人 and 户).
    """
    source, target = get_unit(from_unit), get_unit(to_unit)
    if source.dimension != target.dimension:
        raise NumberError(f"{from_unit}→{to_unit}", _("两种单位不可换算"), _("请核对指标的计量单位"))
    if source is target:
        return _finite(value)
    base = _EXACT.multiply(_finite(value), source.scale)
    return Decimal(plain(_EXACT.divide(base, target.scale).normalize(_EXACT)))


# Parsing


class NullReason(StrEnum):
    """Why a figure is absent, told apart by its mark."""

    NOT_AVAILABLE = "not_available"  # blank, NA
    BELOW_UNIT = "below_unit"  # …: smaller than the unit
    NOT_APPLICABLE = "not_applicable"  # —
    SUPPRESSED = "suppressed"  # ***


_NULL_MARKS: Final[Mapping[str, NullReason]] = {
    mark: reason
    for reason, marks in {
        NullReason.NOT_AVAILABLE: ("", "na", "n/a", "n.a."),
        NullReason.BELOW_UNIT: ("…", "……", "..."),
        NullReason.NOT_APPLICABLE: ("—", "——", "–", "-", "--", "/"),
        NullReason.SUPPRESSED: ("***", "****"),
    }.items()
    for mark in marks
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFigure:
    """One printed figure: a value or a null reason, the unit as printed and the exact text."""

    value: Decimal | None = None
    comparator: Comparator = "="
    unit: str | None = None
    null_reason: NullReason | None = None
    printed: str
    text: str | None = None


_PREFIXES: Final[Mapping[Comparator, tuple[str, ...]]] = {
    ">": ("超", "超过", "逾", "突破"),  # the first is the one `format_figure` writes
    "<": ("不足", "近"),
    ">=": ("不低于",),
    "<=": ("不超过",),
    "~": ("约",),
}
_MARKS: Final[Mapping[str, Comparator]] = {
    **{word: comparator for comparator, words in _PREFIXES.items() for word in words},
    "余": ">",
    "亿级": ">=",
    "亿元级": ">=",
}
_NUMBER_WORDS: Final = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_HALF_WIDTH: Final = str.maketrans("０１２３４５６７８９．，＋－−％", "0123456789.,+--%")

_SPACE: Final = "[ \t\u00a0\u3000]*"
_FIGURE: Final = re.compile(
    rf"(?P<prefix>{'|'.join(word for words in _PREFIXES.values() for word in words)})?{_SPACE}"
    r"(?:(?P<digits>[+-]?(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?)"
    rf"|(?P<word>[{''.join(_NUMBER_WORDS)}]))"
    rf"(?:(?P<more>余)?{_SPACE}(?P<unit>{'|'.join(UNITS)})?|(?P<grade>亿元?级))"
)
_HINTS: Final = (
    ("#", _("“#”表示其中，不是数字"), _("请删去“#”或把该行设为其中项")),
    ("[增升涨降跌减落]", _("方向词不能代替正负号"), _("下降6.0%请写成 -6.0%，增长请直接写数字")),
    ("[()（）]", _("括号不是负号"), _("负数请写成 -6.0")),
    ("[,，]", _("千位分隔符不成三位一组"), _("请写成 1,234,567.8 或去掉分隔符")),
    ("", _("不是认得的数据写法"), _("请只写数字和单位，如 223.7亿元、3.7万户、-6.0%、450余")),
)


def null_reason(text: str) -> NullReason | None:
    """What a mark in the place of a figure says (—, …, NA); None for anything else."""
    return _NULL_MARKS.get(text.strip().lower())


def parse_figure(text: str | None, *, unit: str | None = None) -> ParsedFigure:
    """The figure a text prints, digits and unit as published (3.7万户 stays 3.7 and 万户).

    `unit` is the unit of the column: it completes a text without one and must agree with a text
    that has one. 余, 超, 逾 and 突破 mean >; 不足 and 近 mean <; 约 means ~. A number word is the
    number itself, never a scale: 近万人次 is under 10000 人次, 百亿级 at least 100 亿元. 持平 is
    growth 0 with its text kept. Raises NumberError for all else, TypeError for what is no text.
    """
    if text is not None and not isinstance(text, str):
        raise TypeError(f"parse_figure reads text, not {type(text).__name__}")
    printed = text or ""
    stripped = printed.strip()
    column = get_unit(unit) if unit else None
    name = column.name if column else None
    if reason := null_reason(printed):
        return ParsedFigure(printed=printed, unit=name, null_reason=reason)
    if stripped == "持平":
        if column and column.dimension not in GROWTH_DIMENSIONS:
            raise NumberError(printed, _("持平只能用于增速"), _("请填写数值"))
        return ParsedFigure(printed=printed, unit=name, value=Decimal(0), text=stripped)
    found = _FIGURE.fullmatch(stripped.translate(_HALF_WIDTH))
    if not found or len(stripped) > MAX_LENGTH or not _marks_fit(found):
        raise _refusal(printed)
    own = "亿元" if found["grade"] else found["unit"]
    if column and column.dimension == "ratio" and own == "个百分点":
        raise NumberError(printed, _("百分点是两个增速之差，不是增速"), _("请填写增速本身，如 17.1%"))
    if column and own not in (None, name):
        raise NumberError(printed, f"文字的单位是{own}，本列的单位是{name}", _("请换算成本列单位"))
    if column and column.scale != 1 and own is None and found["word"]:
        raise NumberError(printed, f"没有单位，不能确定是否以{name}计", _("请写明单位，如 近万人次"))
    digits, mark = found["digits"], found["prefix"] or found["more"] or found["grade"]
    return ParsedFigure(
        printed=printed,
        value=Decimal(digits.replace(",", "") if digits else _NUMBER_WORDS[found["word"]]),
        comparator=_MARKS[mark] if mark else "=",
        unit=own or name,
    )


def _marks_fit(found: re.Match[str]) -> bool:
    """True when a number word has exactly one mark (近, 余, 亿级), and digits one or none."""
    marks = [found[mark] for mark in ("prefix", "more", "grade") if found[mark]]
    if found["word"]:
        return len(marks) == 1
    signed = found["digits"][0] in "+-"
    return len(marks) < 2 and not found["grade"] and not (signed and found["more"])


def _refusal(printed: str) -> NumberError:
    problem, remedy = next(rest for pattern, *rest in _HINTS if re.search(pattern, printed))
    return NumberError(printed, problem, remedy)


# Rounding


class Rounding(StrEnum):
    """How places fall away; some districts truncate published gaps."""

    HALF_UP = "half_up"
    TRUNCATE = "truncate"


_MODES: Final = {Rounding.HALF_UP: ROUND_HALF_UP, Rounding.TRUNCATE: ROUND_DOWN}


@overload
def round_to(value: Decimal, places: int, mode: Rounding = ...) -> Decimal: ...
@overload
def round_to(value: None, places: int, mode: Rounding = ...) -> None: ...
@overload
def round_to(value: Decimal | None, places: int, mode: Rounding = ...) -> Decimal | None: ...
def round_to(value: Decimal | None, places: int, mode: Rounding = Rounding.HALF_UP) -> Decimal | None:
    """The value with exactly `places` decimals, None for None; a result of zero has no sign.

    Both modes work on the magnitude: -2.5 to no places is -3 half up and -2 truncated.
    """
    if value is None:
        return None
    if places < 0:
        raise ValueError("places must not be negative")
    rounded = _finite(value).quantize(Decimal((0, (1,), -places)), rounding=_MODES[mode], context=_WIDE)
    return rounded if rounded else rounded.copy_abs()


def rounding_interval(value: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest and highest true value behind a published one: half a unit of its last digit."""
    exponent = _finite(value).as_tuple().exponent
    half = Decimal((0, (5,), int(exponent) - 1))
    return _EXACT.subtract(value, half), _EXACT.add(value, half)


def growth_interval(current: Decimal, base: Decimal) -> tuple[Decimal, Decimal] | None:
    """The lowest and highest growth in % that both levels, as rounded, allow.

    (current / base - 1) * 100 at the far ends of both rounding intervals, outward at 28 digits and
    left for the caller to round. 10.44 / 10.12 gives 10.435 / 10.125 = +3.0617 and 10.445 / 10.115
    = +3.2625: [3.06, 3.26] half up as in the domain notes, section 3 (outward it is [3.06, 3.27]).
    None when the rounded base may be zero or less.
    """
    current_ends, base_ends = rounding_interval(current), rounding_interval(base)
    if base_ends[0] <= 0:
        return None
    low = min(_growth(current_ends[0], end, ROUND_FLOOR) for end in base_ends)
    high = max(_growth(current_ends[1], end, ROUND_CEILING) for end in base_ends)
    return low, high


def _growth(current: Decimal, base: Decimal, rounding: str) -> Decimal:
    rise = _EXACT.multiply(_EXACT.subtract(current, base), Decimal(100))
    return Context(prec=28, rounding=rounding).divide(rise, base)


# Display


def plain(value: Decimal) -> str:
    """The digits as stored, trailing zeros kept, never with an exponent."""
    return format(_finite(value), "f")


def format_figure(value: Decimal | None, *, unit: str = "", comparator: Comparator = "=", printed: str = "") -> str:
    """The text people see: as printed when that is known, else comparator, digits and unit.

    Empty for None, as a blank means not available. `parse_figure` reads the result back.
    """
    if printed or value is None:
        return printed
    prefix = "" if comparator == "=" else _PREFIXES[comparator][0]
    return f"{prefix}{plain(value)}{unit}"


def format_signed_pp(value: Decimal) -> str:
    """A difference of two rates with its sign, e.g. +6.9个百分点; zero has none."""
    if not value:
        return f"{plain(value.copy_abs())}个百分点"
    return f"{'+' if value > 0 else ''}{plain(value)}个百分点"


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise NumberError(str(value), _("不是有限的数"), _("请核对数据"))
    return value
