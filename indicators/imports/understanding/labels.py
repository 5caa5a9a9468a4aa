"""Which columns say what a row is about."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

from indicators.imports.understanding.asking import ignore, quoted
from indicators.imports.understanding.columns import (
    LABELS,
    NAMES,
    USES,
    Column,
    is_number,
    period_cell,
)
from indicators.imports.understanding.when import is_dotted
from indicators.imports.understanding.wording import squeezed, units_of
from lvyuan.imports.asking import listed

_PARTS: Final = re.compile("街道|乡|镇|村|社区|园区|企业|公司|行业|产业|门类|分组|单位名称|项目名称|登记类型")

if TYPE_CHECKING:
    from indicators.imports.understanding.reading import Reading

_PLACE: Final = re.compile("[一-龥]{1,8}(?:区|县|市|旗)|市本级|合计|总计|五城区合计")
_YEAR: Final = re.compile("(?:19|20)[0-9]{2}")
_OFFICE: Final = re.compile("(?:[局委办院部处会社厂所]|街道|公司|集团|中心|银行|学校|[镇乡区])$")
_DECIMAL_MONTH: Final = re.compile("(?:19|20)[0-9]{2}[.][0-9]{1,2}")


def find_labels(reading: Reading) -> None:
    """The columns that say what a row is about, by their names, else by what stands in them."""
    free = [column for column in reading.columns if not column.is_told]
    for column in free:
        use = NAMES.get(column.name) or NAMES.get(squeezed(column.head.name), "")
        if use == "unit" and any(_OFFICE.search(squeezed(cell)) for cell in column.looked):
            use = ""  # 单位 is also who reports; what is neither is a unit that nobody knows, and refused as such
        if use in ("indicator", "district", "measure", "text", "note") and column.is_numeric and column.cells:
            use = "" if not (use == "district" and votes(reading, column)["district"]) else use
        column.use = use
    for column in free:
        if not column.use and column.cells and not column.said.measure and not column.said.indicators:
            column.use = use_by_content(reading, column)
    if not reading.label("indicator") and not any(c.said.indicators for c in reading.columns) and not reading.titled:
        for column in free:
            if not column.use and column.cells and not column.numbers and not column.said.measure:
                column.use = "indicator"
                break
    for use in ("indicator", "district", "unit", "measure", "rank_by", "text", "status", "note"):
        keep_one(reading, use)
    take_heads(reading)


def take_heads(reading: Reading) -> None:
    """What stands in the corner says it for the whole table: 2022年 over 1—3月, 2023年1—6月 or 绿园区 over names."""
    context = reading.shape.context
    for column in reading.columns:
        if column.use not in ("indicator", "district", "period", "measure") or column.unknown:
            continue
        context.when = column.said.when.under(context.when)
        context.district = column.said.district or context.district
        reading.units = reading.units or column.said.units


def ask_unknown(reading: Reading) -> None:
    """A column of unknown words before the figures may say that they are only a part: a street's, a trade's."""
    first = min((column.place for column in reading.figures), default=0)
    is_named = reading.label("indicator") is not None
    for column in reading.columns[:first]:
        if column.use or column.is_told or column.reason or not column.cells or column.numbers:
            continue
        if is_named and not _PARTS.search(column.name):
            continue
        text = gettext("%(letter)s列“%(name)s”写着%(texts)s，它说明的是什么？与数据无关的请选“不导入”") % {
            "letter": column.letter,
            "name": column.head.name,
            "texts": listed([quoted(cell) for cell in dict.fromkeys(column.cells)], 3),
        }
        options = [(use, str(USES[use])) for use in LABELS] + [ignore()]
        reading.ask("column", column.letter, text, options, place=reading.where(column))


def votes(reading: Reading, column: Column) -> dict[str, int]:
    """How many of the cells speak as which label."""
    found: defaultdict[str, int] = defaultdict(int)
    for cell in column.looked:
        said, name = reading.wording.read(cell), squeezed(cell)
        if said.indicators:
            found["indicator"] += 1
        elif said.district:
            found["district"] += 1
        elif units_of(name):
            found["unit"] += 1
        elif said.when.scope and not (said.when.year or said.when.label or said.rest):
            found["measure"] += 1
        elif not is_number(cell) and (period_cell(cell, column.name, reading.wording) or is_dotted(name)):
            found["period"] += 1
        elif said.measure and not said.rest:
            found["measure"] += 1
    return found


def unknown_of(reading: Reading, column: Column) -> list[str]:
    return [cell for cell in column.looked if reading.wording.read(cell).rest]


def use_by_content(reading: Reading, column: Column) -> str:
    found, size = votes(reading, column), len(column.looked)
    if column.is_numeric:
        is_years = all(_YEAR.fullmatch(squeezed(cell)) for cell in column.looked)
        is_first = column.place == min(c.place for c in reading.columns if c.cells)
        codes = found["indicator"] or found["district"]
        if codes * 2 > size:
            return "indicator" if found["indicator"] >= found["district"] else "district"
        is_dotted_column = any(is_dotted(squeezed(cell)) for cell in column.looked) and all(
            _DECIMAL_MONTH.fullmatch(squeezed(cell)) for cell in column.cells
        )
        others = any(c is not column and c.is_numeric for c in reading.columns)
        return "period" if is_first and others and not column.head.path and (is_years or is_dotted_column) else ""
    if found["indicator"] and found["indicator"] * 4 >= size and not any(c.said.indicators for c in reading.columns):
        return "indicator"
    if found["district"]:  # beside one that is known, 经开区 and 榆树市 are places too
        found["district"] += sum(bool(_PLACE.fullmatch(squeezed(cell))) for cell in unknown_of(reading, column))
    use = max(("unit", "period", "district", "measure"), key=lambda use: found[use])
    return use if found[use] * 2 > size else ""


def keep_one(reading: Reading, use: str) -> None:
    """One column for each label: the one whose texts are known best, the first among equals."""
    there = [column for column in reading.columns if column.use == use]
    if len(there) < 2:
        return
    best = max(there, key=lambda column: (column.is_told, votes(reading, column)[use], -column.place))
    for column in there:
        if column is best:
            continue
        measures = votes(reading, column)["measure"]
        column.use = "measure" if use == "indicator" and measures * 2 > len(column.looked) else ""
        if not column.use:
            column.reason = gettext("%(use)s已由%(letter)s列说明") % {"use": USES[use], "letter": best.letter}
