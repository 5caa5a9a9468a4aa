"""What one cell looks like, and the words that tell titles, units, labels, notes and numbering apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lvyuan.imports.table import INVISIBLE, Cell, Flaw
from lvyuan.numbers import UNITS

# The kind of a cell is one letter, so that a row is a short text such as "TPFF.M".
BLANK: Final = "."
TEXT: Final = "T"
PERIOD: Final = "P"  # 2023年1—6月, 一季度, 2023-06-30
YEAR: Final = "Y"  # 2019, 2016.1, 202306: a number that may be a period
FIGURE: Final = "F"  # 223.7, -6.0%, 3.7万户, 450余
MARK: Final = "M"  # —, …, NA, ***: stands where a figure could
FLAW: Final = "X"

_HALF_WIDTH: Final = str.maketrans("０１２３４５６７８９．，＋－−％（）：＝", "0123456789.,+--%():=")
_SPACE: Final = re.compile(rf"[\s\u3000{INVISIBLE}]+")
_FOREIGN_SPACE: Final = re.compile(r"(?<![\x21-\x7e])\s*[\r\n]+\s*|\s*[\r\n]+\s*(?![\x21-\x7e])")
_MARKS: Final = frozenset(
    ("…", "……", "...", "—", "——", "–", "-", "--", "/", "***", "****", "持平", "NA", "N/A", "n.a.")
)
_MORE_UNITS: Final = ("项", "位", "处", "公里", "亩", "公顷", "吨", "米", "天", "辆", "台", "条", "亿", "万")
_UNIT: Final = "|".join(sorted(map(re.escape, {*UNITS, *_MORE_UNITS}), key=len, reverse=True))
_PLAIN: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_YEAR: Final = re.compile(r"(?:19|20|21)[0-9]{2}(?:\.[0-9]{1,2}|0[1-9]|1[0-2])?")
_FIGURE: Final = re.compile(
    r"(?:超过?|逾|突破|不足|近|不低于|不超过|约|第|增长|上升|下降|减少|[↑↓])?\s*"
    r"[(]?[+-]?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[)]?\s*"
    rf"余?\s*[(]?(?:{_UNIT})?[)]?\s*[↑↓]?[*※①-⑳]{{0,2}}"
)
_DASH: Final = "(?:——|[-‐‑‒–—―~～〜至到])"
_PERIOD: Final = re.compile(
    r"(?:截至|至)?(?:[0-9]{4}年?|[0-9]{2}年)?(?:"
    rf"[0-9]{{1,2}}月?{_DASH}(?:[0-9]{{4}}年)?[0-9]{{1,2}}月|[0-9]{{1,2}}月(?:[0-9]{{1,2}}日|[底末份])?"
    r"|第?[一二三四1-4]季度?|上半年|下半年|前[三3]季度|全年|年[底末]"
    r")(?:累计|当月)?"
    r"|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?: [0-9:]+)?|[0-9]{4}[-/][0-9]{1,2}|[0-9]{4}年?Q[1-4]"
    rf"|(?:[0-9]{{4}}|[0-9]{{2}})年度?|(?:平成|令和|昭和)[0-9]{{1,2}}年度?|[0-9]{{4}}年?{_DASH}[0-9]{{4}}年"
)


def kind_of(cell: Cell) -> str:
    """The letter for a cell."""
    if not cell:
        return BLANK
    if isinstance(cell, Flaw):
        return FLAW
    if _PLAIN.fullmatch(cell):
        return YEAR if _YEAR.fullmatch(cell) else FIGURE
    if cell in _MARKS:
        return MARK
    if len(cell) > 40:
        return TEXT
    text = _SPACE.sub("", cell.translate(_HALF_WIDTH))
    if _PERIOD.fullmatch(text):
        return PERIOD
    if _FIGURE.fullmatch(text):
        return YEAR if _YEAR.fullmatch(text) else FIGURE
    return MARK if text in _MARKS else TEXT


def kinds_of(cells: Iterable[Cell]) -> str:
    """One letter for each cell."""
    return "".join(map(kind_of, cells))


def text_of(cell: Cell) -> str:
    """A cell of a title, head or note as text: no line breaks, no doubled spaces; a flaw says what it is."""
    if isinstance(cell, Flaw):
        return f"（{cell.problem}）"
    if "\n" in cell or "\r" in cell:
        cell = _FOREIGN_SPACE.sub("", cell)
    return re.sub(r"[ \t\r\n\u00a0]+|\u3000{2,}", lambda space: "\u3000" if "\u3000" in space[0] else " ", cell).strip()


def bare(cell: Cell) -> str:
    """A cell's text without any spaces and in half-width signs, to compare with words; "" for a flaw."""
    return "" if isinstance(cell, Flaw) else _SPACE.sub("", cell.translate(_HALF_WIDTH))


# Words. They only decide between readings that the structure leaves open.

_ABOVE: Final = re.compile(
    r"[(]?(?:(?:计量|金额|数量)?单位\w{0,4}|表号|[制批]定?[表准]?机关|(?:批准|备案)?文号|有效期至?|(?:填报|报送|编制|综合)(?:单位|机关|日期)(?:名称)?"
    r"|(?:统计)?时间|报告期|日期|地区|数据库):"
)
_TITLE: Final = re.compile(
    r"[附续]?表[0-9一二三四五六七八九十]|续表|附表|[(]续表?[)]|.*(?:情况|一览|统计|明细|汇总|指标)表$"
)
_LABEL: Final = re.compile(
    r"(?:主要|统计|经济|分类)*(?:指标|项目|事项|工作|任务|目标|企业|部门|单位|行业|区县?|县区|地区|街道|乡镇)?(?:及)?(?:名称|代码|编码|编号)"
    r"|(?:主要|统计|经济)*指标|項目|项目|地区|区县|县区|城区|区域|各?县\(?市、?区\)?|各区|街道|乡镇|序号|编号|代码|行业|产业|类别|分类|分组|部门"
    r"|责任单位|牵头单位|单位|年份|年度|月份|季度|时间|时期|期别|日期|内容|名称|姓名|账号|用户名|分支|区划|"
    r"(?:country|indicator|region|district)?\s*(?:name|code)|indicators?|year|date|period|series|districts?|regions?|country",
    re.IGNORECASE,
)
_NOTE: Final = re.compile(
    r"[(*※]*(?:(?:附|备|脚)?注[0-9一二三①-⑩]*[:.、]|(?:填表|填报|编制|指标)?说明[0-9]*[:.、]|(?:数据|资料|信息)?来源:"
    r"|(?:数据|资料)(?:来源|提供)|备注:|note|source)",
    re.IGNORECASE,
)
_FOOTNOTE: Final = re.compile(r"[①-⑳*※†]|\[[0-9]+\]")
_SIGNATURE: Final = re.compile(
    r"(?:(?:单位|统计|部门|分管|主管)*负责人|(?:分管|主管)领导|填表人|填报人|制表人?|审核人?|审批人|复核人?|核对人|联系人|经办人"
    r"|联系电话|电话|报出日期|填报日期|填报时间|上报时间|制表日期|打印日期)(?P<colon>:?)"
)
_SIDE_LABELS: Final = frozenset(
    ("单位", "计量单位", "备注", "说明", "部门", "责任单位", "牵头单位", "责任部门", "时间", "时期", "日期", "期别")
)
_UNIT_LABEL: Final = ("计量单位", "单位")
_UNIT_TEXT: Final = re.compile(rf"[(]?(?:单位:)?(?:{_UNIT})(?:[、/,](?:{_UNIT}))*[)]?")
_PARENTHESISED: Final = re.compile(r"[(].*[)]")
_COUNT: Final = re.compile(r"[(]?([0-9]{1,3})[)]?(?:=.*)?")
_FOREIGN: Final = re.compile(r"[A-Za-z][A-Za-z]{2}[\x20-\x7e\r\n’]*")
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
_CONTINUED: Final = re.compile(r"[(]?续(?:表|上表)?[0-9一二三四五六七八九十]*[)]?|第[0-9]+页.*")


def is_above_word(cell: Cell) -> bool:
    """True for what stands over a table: 单位：亿元, 表号, 填报单位：…"""
    return bool(_ABOVE.match(bare(cell)))


def is_title_word(cell: Cell) -> bool:
    return bool(_TITLE.match(bare(cell)))


def is_label_word(cell: Cell) -> bool:
    """True for a word that heads a column of labels: 指标, 项目名称, 地区, 序号."""
    return bool(_LABEL.fullmatch(bare(cell)))


def is_side_label(cell: Cell) -> bool:
    """True for a word that heads a column beside the labels rather than the labels: 单位, 备注, 责任单位, 日期."""
    return bare(cell) in _SIDE_LABELS


def is_note_word(cell: Cell) -> bool:
    """True for the beginning of a note or a source line."""
    return bool(_NOTE.match(bare(cell)))


def is_footnote(cell: Cell) -> bool:
    return bool(_FOOTNOTE.match(bare(cell)))


def signature(cell: Cell) -> str:
    """How a signature line begins: ":" with a colon, "word" for 填报人 and the like alone, "" for all else."""
    text = bare(cell)
    found = _SIGNATURE.match(text)
    if not found:
        return ""
    return found["colon"] or ("word" if found.end() == len(text) else "")


def is_unit(cell: Cell) -> bool:
    """True for a unit and nothing else: 亿元, （%）, 亿元、%"""
    return bool(_UNIT_TEXT.fullmatch(bare(cell)))


def is_unit_label(cell: Cell) -> bool:
    return bare(cell) in _UNIT_LABEL


def is_parenthesised(cell: Cell) -> bool:
    return bool(_PARENTHESISED.fullmatch(bare(cell)))


def is_foreign(cell: Cell) -> bool:
    """True for English words, such as stand under Chinese heads."""
    return isinstance(cell, str) and bool(_FOREIGN.fullmatch(cell.strip()))


def count_of(cell: Cell) -> int:
    """The number in 1, (2) or (3)=(1)-(2); 0 for anything else."""
    found = _COUNT.fullmatch(bare(cell))
    return int(found[1]) if found else 0


def is_stem(cell: Cell) -> bool:
    """True for 甲, 乙, 丙 over the label columns of official forms."""
    text = bare(cell)
    return len(text) == 1 and text in _STEMS


def without_continued(cell: Cell) -> str:
    """A title without what only says that it goes on: 续表, （续）."""
    return _CONTINUED.sub("", bare(cell))


def is_set_apart(cell: Cell) -> bool:
    """True for what begins like no row: a label word, note or signature, whatever else stands in its line."""
    text = bare(cell)
    return bool(_LABEL.fullmatch(text) or (text[:1] in NOTE_STARTS and (_NOTE.match(text) or _SIGNATURE.match(text))))


def is_plain_figure(cell: Cell) -> bool:
    """True for digits that can be no year."""
    return isinstance(cell, str) and _PLAIN.fullmatch(cell) is not None and _YEAR.fullmatch(cell) is None


NOTE_STARTS: Final = frozenset(
    "注附备脚说填编指数资信来(（*※NnSs①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳†[［单统部分主制审复核联经电报上打 \u3000"
)
