"""The little language of cross-indicator rules: `key_projects_started <= key_projects`. Parsed here, never eval'd.

One comparison of two sums over Decimal: numbers, indicator codes, + - * / ( ), abs(x), round(x, places), half(code).
A code with a hyphen is written in braces, {extra-1}; ≤ ≥ ≠ × ÷ and full-width signs are understood. Standard library
only.

half(code) is half a unit of the figure's last digit: `abs(a + b - total) <= half(a) + half(b)` keeps parts that do not
sum to their whole only because each is rounded (domain rules §8).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import lru_cache
from typing import Final, TypeAlias

from django.utils.translation import gettext

from lvyuan.numbers import round_to, rounding_interval

MAX_LENGTH: Final = 300  # characters of one expression
MAX_DEPTH: Final = 20  # brackets and signs inside each other
MAX_PLACES: Final = 6
_MATH: Final = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Overflow])

Values: TypeAlias = Mapping[str, Decimal | None]
_Node: TypeAlias = Callable[[Values], Decimal]


class ExpressionError(ValueError):
    """A text that is no rule; the message is Chinese and says what to write."""


class _Unknown(Exception):
    """An operand without a figure: no error, the rule does not apply."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One understood rule; `operands` are the indicator codes it names, in their order."""

    text: str
    operands: tuple[str, ...]
    _left: _Node
    _compare: Callable[[Decimal, Decimal], bool]
    _right: _Node

    def holds(self, values: Values) -> bool | None:
        """Whether the rule is kept; None when it does not apply (a figure is unknown, or a divisor is zero)."""
        try:
            return self._compare(self._left(values), self._right(values))
        except (_Unknown, ArithmeticError):
            return None


_PLAIN: Final = str.maketrans("０１２３４５６７８９．（）＋－−＊／×÷＜＞＝≤≥≠，｛｝", "0123456789.()+--*/*/<>=≤≥≠,{}")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>[0-9]{1,20}(?:\.[0-9]{1,12})?(?![0-9A-Za-z_.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<quoted>[A-Za-z0-9_-]+)\}"
    r"|(?P<sign><=|>=|!=|[-+*/(),<>=≤≥≠]))"
)
_COMPARISONS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    **dict.fromkeys(("<=", "≤"), operator.le),
    **dict.fromkeys((">=", "≥"), operator.ge),
    **dict.fromkeys(("!=", "≠"), operator.ne),
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_ARITHMETIC: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": _MATH.add,
    "-": _MATH.subtract,
    "*": _MATH.multiply,
    "/": _MATH.divide,
}


@lru_cache(maxsize=512)
def parse(text: str) -> Expression:
    """The rule a text says. Raises ExpressionError, and nothing else, for any other text."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            gettext("表达式有 %(text)s 个字符，最多 %(max_length)s 个。")
            % {"text": len(text), "max_length": MAX_LENGTH}
        )
    parser = _Parser(_tokens(text))
    left = parser.sum(0)
    kind, sign = parser.take()
    if kind != "sign" or sign not in _COMPARISONS:
        raise ExpressionError(gettext("表达式须是一个比较，如 key_projects_started <= key_projects。"))
    right = parser.sum(0)
    if not parser.is_done:
        raise ExpressionError(
            gettext("表达式在“%(take)s”处不能接下去；一条规则只作一次比较。") % {"take": parser.take()[1]}
        )
    if not parser.operands:
        raise ExpressionError(gettext("表达式里没有指标代码，永远成立或永远不成立。"))
    return Expression(text, tuple(parser.operands), left, _COMPARISONS[sign], right)


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of each word; kind is number, name, quoted or sign."""
    plain, place, found = text.translate(_PLAIN).rstrip(), 0, []
    while place < len(plain):
        match = _TOKEN.match(plain, place)
        if match is None:
            rest = plain[place:].lstrip()[:10]
            allowed = gettext("数字、指标代码、+ - * / ( )、比较号、abs、round、half")
            raise ExpressionError(
                gettext("表达式里“%(rest)s”不认得：只用%(allowed)s。") % {"rest": rest, "allowed": allowed}
            )
        assert match.lastgroup is not None
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


class _Parser:
    """Recursive descent: sum → product → signed → atom, each level one method."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.place = tokens, 0
        self.operands: dict[str, None] = {}

    @property
    def is_done(self) -> bool:
        return self.place == len(self.tokens)

    def take(self) -> tuple[str, str]:
        if self.is_done:
            raise ExpressionError(gettext("表达式没有写完。"))
        self.place += 1
        return self.tokens[self.place - 1]

    def next_is(self, *signs: str) -> bool:
        return not self.is_done and self.tokens[self.place][0] == "sign" and self.tokens[self.place][1] in signs

    def expect(self, sign: str) -> None:
        if not self.next_is(sign):
            got = gettext("结尾") if self.is_done else f"“{self.tokens[self.place][1]}”"
            raise ExpressionError(gettext("表达式在%(got)s处缺少“%(sign)s”。") % {"got": got, "sign": sign})
        self.place += 1

    def sum(self, depth: int) -> _Node:
        node = self.product(depth)
        while self.next_is("+", "-"):
            node = _both(_ARITHMETIC[self.take()[1]], node, self.product(depth))
        return node

    def product(self, depth: int) -> _Node:
        node = self.signed(depth)
        while self.next_is("*", "/"):
            node = _both(_ARITHMETIC[self.take()[1]], node, self.signed(depth))
        return node

    def signed(self, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise ExpressionError(
                gettext("表达式的括号或负号套得太深，最多 %(max_depth)s 层。") % {"max_depth": MAX_DEPTH}
            )
        if self.next_is("-"):
            self.take()
            node = self.signed(depth + 1)
            return lambda values: node(values).copy_negate()
        return self.atom(depth)

    def atom(self, depth: int) -> _Node:
        kind, text = self.take()
        if kind == "number":
            number = Decimal(text)
            return lambda values: number
        if kind == "name" and self.next_is("("):
            return self.call(text, depth)
        if kind in ("name", "quoted"):
            self.operands[text] = None
            return lambda values: _known(values, text)
        if text == "(":
            node = self.sum(depth + 1)
            self.expect(")")
            return node
        raise ExpressionError(gettext("表达式在“%(text)s”处应是数字、指标代码或括号。") % {"text": text})

    def call(self, name: str, depth: int) -> _Node:
        if name not in ("abs", "round", "half"):
            raise ExpressionError(gettext("没有“%(name)s”这个函数，只有 abs、round 和 half。") % {"name": name})
        self.expect("(")
        if name == "half":
            return self.half()
        node = self.sum(depth + 1)
        if name == "abs":
            self.expect(")")
            return lambda values: node(values).copy_abs()
        self.expect(",")
        kind, text = self.take()
        if kind != "number" or not text.isdigit() or int(text) > MAX_PLACES:
            raise ExpressionError(
                gettext("round 的第二个数是保留的小数位数，写 0 到 %(max_places)s。") % {"max_places": MAX_PLACES}
            )
        self.expect(")")
        places = int(text)
        return lambda values: round_to(node(values), places)

    def half(self) -> _Node:
        kind, code = self.take()
        if kind not in ("name", "quoted"):
            raise ExpressionError(gettext("half 的括号里写一项指标代码，如 half(gdp)。"))
        self.expect(")")
        self.operands[code] = None
        return lambda values: _half_unit(_known(values, code))


def _both(combine: Callable[[Decimal, Decimal], Decimal], left: _Node, right: _Node) -> _Node:
    return lambda values: combine(left(values), right(values))


def _known(values: Values, code: str) -> Decimal:
    value = values.get(code)
    if value is None:
        raise _Unknown(code)
    return value


def _half_unit(value: Decimal) -> Decimal:
    return _MATH.subtract(rounding_interval(value)[1], value)
