"""The year, the period, and the dates with two readings."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

from indicators.imports.understanding.asking import (
    ignore,
    quoted,
)
from indicators.imports.understanding.columns import (
    Column,
    is_serial,
    is_split,
)
from indicators.imports.understanding.when import NOTHING, QUARTERS, When, is_dotted, periods_in
from indicators.imports.understanding.wording import squeezed
from lvyuan.imports.asking import IGNORE, listed
from lvyuan.imports.table import Row
from lvyuan.periods import PeriodKind

if TYPE_CHECKING:
    from indicators.imports.understanding.reading import Reading

MANY_DATES: Final = 12
_CUMULATIVE: Final = re.compile("1—([0-9]{1,2})月")


def ask_dates(reading: Reading) -> None:
    """Dates with two readings: 2016.1, 1/2, and day numbers."""
    for column in reading.columns:
        if column.use != "period":
            continue
        runs: list[tuple[str, int]] = []
        lines: dict[tuple[str, int], list[int]] = {}
        for row in reading.rows:
            cell = row.cells[column.place]
            name = squeezed(cell) if isinstance(cell, str) else ""
            if not isinstance(cell, str) or not (is_dotted(name) or is_split(name) or is_serial(name)):
                continue
            if is_serial(name):
                ask_serial(reading, column, cell, row.line)
                continue
            if not is_dotted(name):
                runs.append((cell, 0))
            elif not runs or runs[-1][0] != cell or lines[runs[-1]][-1] < row.line - 1:
                runs.append((cell, row.line))
            lines.setdefault(runs[-1], []).append(row.line)
        if len({text for text, _line in runs}) < len(runs) and len(runs) > MANY_DATES:
            runs = list(dict.fromkeys((text, 0) for text, _line in runs))
        for text, line in dict.fromkeys(runs):
            ask_date(reading, column, text, line, lines.get((text, line), [line]))


def ask_date(reading: Reading, column: Column, text: str, line: int, lines: list[int]) -> None:
    name = squeezed(text)
    if is_dotted(name):
        year = name[:4]
        readings = [f"{year}年1月", f"{year}年10月"]
    else:
        first, second = (int(part) for part in re.split("[/.-]", name))
        readings = [f"{first}—{second}月"] if 1 == first < second <= 12 else []
        readings += [f"{first}月{second}日"] if first <= 12 and second <= 31 else []
    where = reading.where(column, lines[0])
    question = gettext("%(where)s的“%(text)s”是哪一期？") % {"where": where, "text": text}
    rest = f"{column.letter}:{name}" + (f":{line}" if line else "")
    told = reading.ask("period", rest, question, [(r, r) for r in readings] + [ignore()], place=where)
    if told:
        when, _rest = periods_in(squeezed(told))
        for at in lines if line else [0]:
            reading.shape.dates[text, at] = when if told != IGNORE else IGNORE


def ask_serial(reading: Reading, column: Column, text: str, line: int) -> None:
    """Whether the numbers of a column of dates are days; once for the column."""
    day = serial_day(int(squeezed(text)))
    question = gettext("%(letter)s列写的是日期的序号（%(text)s 即%(day)s），是这样吗？") % {
        "letter": column.letter,
        "text": text,
        "day": day,
    }
    options = [("day", gettext("是，按日期读")), ignore()]
    told = reading.ask("period", f"{column.letter}:serial", question, options, place=reading.where(column, line))
    if told:
        reading.shape.dates[text, 0] = periods_in(day)[0] if told == "day" else IGNORE


def ask_periods(reading: Reading) -> None:
    """The year, the period, and whether 6月 is a month or half a year, where the file does not say."""
    shape, rows = reading.shape, row_whens(reading)
    own = [slot.when.under(row) for slot in shape.slots for row in rows]
    is_dated = any(column.use == "period" and column.cells for column in reading.columns)
    if not is_dated and any(_is_undated(when, shape.context.when) for when in own or [NOTHING]):
        ask_period_of_table(reading)
    title = shape.context.when
    years = {when.year for when in own if when.year and not when.label}
    if title.label and years - {title.year}:
        text = gettext("表名是%(title)s，%(years)s的数是同期（%(label)s）的还是全年的？") % {
            "title": quoted(str(title)),
            "years": listed([f"{year}年" for year in sorted(year for year in years if year and year != title.year)]),
            "label": title.label,
        }
        told = reading.ask("period", "years", text, [("same", title.label), ("year", gettext("全年"))])
        shape.year_label = title.label if told == "same" else ""
    # Where some lines say their year, one year for all others would be a guess: they are refused.
    has_years = any(when.year for when in rows)
    if not has_years and any(when.label and not when.year for when in (w.under(title) for w in own or [NOTHING])):
        options = [(str(year), gettext("%(year)s年") % {"year": year}) for year in reading.names.years]
        if told := reading.ask("year", "", gettext("表里的时期没有写年份，是哪一年？"), options):
            shape.context.when = replace(title, year=int(told))
    ask_bare_months(reading, rows)


def _is_undated(when: When, title: When) -> bool:
    """Whether a figure has no period of its own, and none from a title: 累计 without a month has none."""
    whole = when.under(title)
    return not whole.label and bool(not whole.year or whole.scope)


def row_whens(reading: Reading) -> list[When]:
    """The different periods that rows say, NOTHING where they say none; texts that are none are left out."""
    shape, found = reading.shape, dict[When, None]()
    named = [column for column in (reading.label("indicator"), reading.label("measure")) if column]
    shape.restart()
    for row in reading.rows if shape.period_places or named else ():
        when = when_of_row(reading, row) if shape.period_places else NOTHING
        if not reading.holds_figures(row):
            continue
        if isinstance(when, When):
            words = [cell for column in named if isinstance(cell := row.cells[column.place], str)]
            for word in words:
                when = when.under(reading.wording.read(word).when)
            found[when] = None
    return list(found) if shape.period_places else list(found) or [NOTHING]


def codes_by_when(reading: Reading) -> dict[When, set[str]]:
    """The indicators named in the rows of each period, where rows name both."""
    shape, label, found = reading.shape, reading.label("indicator"), defaultdict[When, set[str]](set)
    shape.restart()
    for row in reading.rows if label and shape.period_places and not reading.label("measure") else ():
        assert label
        when = when_of_row(reading, row)
        name = row.cells[label.place]
        if isinstance(when, When) and isinstance(name, str) and name and reading.holds_figures(row):
            found[when.under(reading.wording.read(name).when)].add(shape.row_name(name).code)
    return found


def when_of_row(reading: Reading, row: Row) -> When | str:
    """What the period columns of a row say; "" when they are empty. Rows are given in their order."""
    cells = [row.cells[place] for place, _head in reading.shape.period_places]
    texts = tuple(cell if isinstance(cell, str) else "" for cell in cells)
    return reading.shape.row_when(texts, row.line) if any(texts) else ""


def ask_period_of_table(reading: Reading) -> None:
    """The period of figures that neither columns nor rows date, in the sender's words."""
    shape, text = reading.shape, gettext("表里没有写时期，是哪一期的数据？请填写，如 2023年1—6月")
    told = reading.told("period")
    when, rest = periods_in(squeezed(told))
    if told and (not when or rest):
        text = gettext("%(told)s不是认得的时期。") % {"told": quoted(told)} + text
    if reading.ask("period", "", text, is_valid=bool(when and not rest)):
        shape.context.when = when.under(shape.context.when)


def ask_bare_months(reading: Reading, rows: list[When]) -> None:
    """6月 alone: 当月 or 1—6月. Beside 1—6月 it is the month; of a stock it is the end of June."""
    shape = reading.shape
    ask_titled_quarter(reading, rows)
    bare: dict[str, None] = {}
    cumulative: set[tuple[int | None, int]] = set()
    months: set[tuple[int | None, int]] = set()
    named, by_when = codes(reading), codes_by_when(reading)
    for slot in shape.slots:
        for row in rows:
            kinds = [slot.indicator] if slot.indicator else by_when.get(row, named)
            when = shape.whole(slot, row)
            if found := _CUMULATIVE.fullmatch(when.label):
                cumulative.add((when.year, int(found[1])))
            if when.is_bare_month and when.month and any(is_ambiguous(reading, code, when.month) for code in kinds):
                bare[str(when)] = None
                months.add((when.year, when.month))
    if not bare:
        return
    if months & cumulative:
        shape.bare_scope = "month"
        return
    text = gettext("%(labels)s是当月的数，还是从1月起的累计数？") % {
        "labels": listed([quoted(label) for label in bare], 3)
    }
    options = [("ytd", gettext("从1月起的累计数")), ("month", gettext("当月的数"))]
    shape.bare_scope = reading.ask("month", "", text, options)


def ask_titled_quarter(reading: Reading, rows: list[When]) -> None:
    """二季度 of a title alone: that quarter, or the report of that quarter with figures from January on."""
    shape = reading.shape
    label = shape.context.when.label
    if label not in QUARTERS or shape.context.when.scope:
        return
    for slot in shape.slots:
        kinds = [slot.indicator] if slot.indicator else codes(reading)
        undated = any(not slot.when.under(row).label and not slot.when.under(row).scope for row in rows)
        if undated and any(is_cumulative(reading, code) for code in kinds):
            text = gettext("表名写的是“%(label)s”，表里是这一季的数，还是从1月起的累计数？") % {"label": label}
            options = [("ytd", gettext("从1月起的累计数")), ("quarter", gettext("这一季的数"))]
            shape.quarter_scope = reading.ask("quarter", "", text, options)
            return


def is_cumulative(reading: Reading, code: str) -> bool:
    meant = reading.names.meant.get(code)
    return meant is not None and meant.kind is PeriodKind.YTD


def is_ambiguous(reading: Reading, code: str, month: int) -> bool:
    return is_cumulative(reading, code) and (month > 1 or 1 not in reading.names.slots[code])


def codes(reading: Reading) -> list[str]:
    """The indicators that rows and title name."""
    label = reading.label("indicator")
    found = {reading.shape.row_name(cell).code for cell in label.cells} if label else set()
    return sorted(code for code in {*found, reading.shape.context.indicator} if code)


def serial_day(number: int) -> str:
    """The day that a spreadsheet counts as that number, from 30 December 1899."""
    day = dt.date(1899, 12, 30) + dt.timedelta(days=number)
    return f"{day.year}年{day.month}月{day.day}日"
