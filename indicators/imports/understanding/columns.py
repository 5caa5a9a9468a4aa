"""One column of a table: what its head says, what its first cells look like, and the part it plays."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.imports.lines import COLUMNS
from indicators.imports.understanding.when import When, is_dotted, periods_in
from indicators.imports.understanding.wording import (
    FOOTNOTES,
    SILENT,
    Said,
    Wording,
    is_foreign,
    squeezed,
    units_of,
    without_translation,
)
from lvyuan.imports.table import INVISIBLE, RETURNED_HEADS, Cell, Head
from lvyuan.numbers import NumberError, ParsedFigure, parse_figure
from lvyuan.periods import PeriodKind

LABELS: Final = ("indicator", "district", "period", "unit", "measure", "rank_by", "text", "status", "note")
FIGURES: Final = ("value", "growth", "rank", "last_year")
USES: Final = {
    "indicator": _("指标"),
    "district": _("区划"),
    "period": _("时期"),
    "unit": _("单位"),
    "measure": _("数据类型"),
    "value": _("数值"),
    "growth": _("同比增长"),
    "rank": _("位次"),
    "last_year": _("上年同期"),
    "rank_by": _("位次依据"),
    "text": _("定性表述"),
    "status": _("数据状态"),
    "note": _("说明"),
}
_MORE_NAMES: Final = {
    "indicator": "指标名称 指标编码 统计指标 主要指标 主要经济指标 经济指标 项目 名称",
    "district": "地区 区域 区县 县区 城区 县(市)区 县市区 行政区划 地区名称 所在区 各区 区名",
    "period": "期别 时间 日期 月份 年月 报告期 统计时间 期间 所属期 数据时间 数据期 年份 年度 年 月 季度 统计期 时段",
    "unit": "计量单位 数据单位",
    "measure": "数据类型 指标类型 数据类别 统计口径类型 时期类别 period_kind 期别类型",
    "note": "备注 remark 注",
}
NAMES: Final = {squeezed(name): use for use, column in COLUMNS.items() for name in column.names if use in LABELS} | {
    name: use for use, names in _MORE_NAMES.items() for name in names.split()
}
_MONTH_HEADS: Final = ("月份", "月")
_QUARTER_HEADS: Final = ("季度",)
_SERIAL: Final = re.compile("[3-5][0-9]{4}")
_SLASHED: Final = re.compile(r"[0-9]{1,2}[/.-][0-9]{1,2}")
_GROUPED: Final = re.compile("[+-]?[0-9]{1,3}(?:[  \u00a0\u3000，][0-9]{3})+(?:[.][0-9]+)?%?")
_NO_MARKS: Final = str.maketrans("", "", INVISIBLE)
_NO_GROUPS: Final = str.maketrans("", "", "  \u00a0\u3000，")
_MARKED: Final = re.compile(rf"(?:[{re.escape(FOOTNOTES)}]+|\[[0-9]+\]|〔[0-9]+〕|[（(]注[0-9]*[）)])$")
_BRACKETED: Final = re.compile("([^()（）]*[0-9])[ \u3000]*[(（]([^()（）]+)[)）]")
_DIRECTED: Final = re.compile(
    "(?:同比|比上年同期|比上年)?(?:(?:下降|减少|降低|负增长|下滑)了?(?P<down>N)|(?:增长|上升|提高|增加|↑)了?(?P<up>N)|(?P<same>N)↑)".replace(
        "N", "[0-9]+(?:[.][0-9]+)?%?"
    )
)
LOOK: Final = 300  # texts of a column that tell what it is
_DIGITS: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,12})?")
_LONE_DASHES: Final = ("－", "―", "─", "———", "－－", "——－")
_SOLE_MARKS: Final = frozenset("*＊")


def plain_figure(text: str) -> str:
    """A figure's text without footnote marks, and without blanks between groups of three digits; all else as it is.

    A unit in parentheses behind the number (223.7（亿元）) is the unit.
    """
    if text.isascii() and text[-1:] not in "*])-" and " " not in text:
        return text
    text = text.translate(_NO_MARKS).strip()
    if text in _LONE_DASHES or (text and not text.strip("-")):
        return "—"
    if not _SOLE_MARKS.issuperset(text):
        text = _MARKED.sub("", text).rstrip()
    if (found := _BRACKETED.fullmatch(text)) and len(units := units_of(squeezed(found[2]))) == 1:
        text = found[1] + units[0]
    return text.translate(_NO_GROUPS) if _GROUPED.fullmatch(text) else text


def plain_growth(text: str) -> str:
    """The text of a growth, its direction in words as a sign: 下降3.2% is -3.2%, 增长17% is 17%; all else as it is.

    An arrow up beside a number that has no sign changes nothing; an arrow down may be a sign or a trend, and stays.
    """
    if text.isascii():
        return text
    if found := _DIRECTED.fullmatch(squeezed(text)):
        return f"-{found['down']}" if found["down"] else found["up"] or found["same"]
    return text


def figure_in(text: str) -> ParsedFigure | None:
    """The figure a text prints, as far as it is one."""
    if _DIGITS.fullmatch(text):
        return ParsedFigure(value=Decimal(text), printed=text)
    try:
        return parse_figure(plain_figure(text))
    except NumberError:
        return None


def is_number(text: str) -> bool:
    figure = figure_in(text)
    return figure is not None and figure.value is not None


def is_no_figure(text: str) -> bool:
    """Blank, or a mark for a figure that is not there."""
    figure = figure_in(text)
    return figure is not None and figure.null_reason is not None


@dataclass(slots=True)
class Column:
    """`place` is the index in the row; `use` one of LABELS or FIGURES, empty when ignored, with the reason."""

    head: Head
    place: int
    said: Said = SILENT
    unknown: str = ""  # the part of the head that nothing matches
    cells: list[str] = field(default_factory=list)  # the texts that stand in it, in the sample
    numbers: int = 0
    use: str = ""
    reason: str = ""
    is_told: bool = False  # the sender chose its use
    is_assumed: bool = False  # nothing says that it holds levels

    @property
    def letter(self) -> str:
        return self.head.letter or str(self.place + 1)

    @property
    def looked(self) -> list[str]:
        """The texts that tell what the column is."""
        return self.cells[:LOOK]

    @property
    def name(self) -> str:
        texts = [without_translation(text) for text in self.head.path]
        own = [text for text in texts if not is_foreign(text)] or texts
        return squeezed(own[-1]) if own else ""

    @property
    def is_rates(self) -> bool:
        """Whether every figure says that it is a percentage."""
        figures = [figure_in(plain_growth(cell)) for cell in self.looked if not is_no_figure(cell)]
        return bool(figures) and all(figure and (figure.unit == "%" or figure.text) for figure in figures)

    @property
    def is_numeric(self) -> bool:
        return bool(self.cells) and self.numbers * 2 >= sum(not is_no_figure(cell) for cell in self.looked) > 0


def column_of(head: Head, place: int, cells: Iterable[Cell], wording: Wording) -> Column:
    """The column with its head read and its cells looked at; what an error workbook added is not looked at."""
    if head.path and head.path[-1] in RETURNED_HEADS:
        return Column(head, place, reason=gettext("退回有误的行时系统加的列"))
    column = Column(head, place, cells=[cell for cell in cells if isinstance(cell, str) and cell])
    column.numbers = sum(is_number(plain_growth(cell)) for cell in column.looked)
    for text in head.path:
        part = wording.read(text)
        if part.rest and column.said != SILENT and is_foreign(text):
            part = wording.translated(part, column.said, text)
        column.said = replace(part, rest="").inside(column.said)
        column.unknown = part.rest or column.unknown
    return column


def period_cell(text: str, head: str, wording: Wording) -> When | None:
    """What a cell of a period column says; None for a code, for what has two readings and for what is no period."""
    name = squeezed(text)
    if "." in name and (is_dotted(name) or name.rpartition(".")[2] in tuple(PeriodKind)):
        return None
    if name.isdigit() and len(name) <= 2:
        number = int(name)
        if head in _MONTH_HEADS and 1 <= number <= 12:
            return When(label=f"{number}月")
        if head in _QUARTER_HEADS and 1 <= number <= 4:
            return When(label=f"{'一二三四'[number - 1]}季度")
        return None
    if is_serial(name) or is_split(name):
        return None
    when, rest = periods_in(name)
    if when and not rest:
        return when
    said = wording.read(text)
    is_period = said.when and not said.rest and not said.indicators and said.measure != "ignored"  # 全年预计 is none
    return said.when if is_period else None


def is_serial(name: str) -> bool:
    """45107 in a column of dates: a day as spreadsheets count them."""
    return bool(_SERIAL.fullmatch(name))


def is_split(name: str) -> bool:
    """1/2 or 1-2: two months, or a day."""
    return bool(_SLASHED.fullmatch(name)) and not is_dotted(name)
