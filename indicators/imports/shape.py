"""From a file's tables to figures: which column and which row says what, and what only the sender can say."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Final

from django.utils.translation import gettext

from indicators.imports.asking import Asking, as_is, ignore, is_near, listed, named_options, quoted
from indicators.imports.columns import (
    FIGURES,
    LABELS,
    NAMES,
    USES,
    Column,
    column_of,
    figure_in,
    is_number,
    is_serial,
    is_split,
    period_cell,
)
from indicators.imports.levels import latest_values
from indicators.imports.lines import Known
from indicators.imports.records import AS_IS, IGNORE, Field, Meant, Record, Shape, Slot
from indicators.imports.when import NOTHING, When, all_periods_in, is_dotted, periods_in
from indicators.imports.wording import SILENT, Wording, cleaned, squeezed, stated_units, units_of
from lvyuan.imports.registry import Answers, ColumnUse, Layout, Problem
from lvyuan.imports.table import Row, Table
from lvyuan.numbers import UNITS, convert, plain
from lvyuan.periods import PeriodKind

SAMPLE: Final = 2_000  # rows looked at before anything is asked
MANY_NAMES: Final = 12  # unknown names that are asked about one by one
MANY_DATES: Final = 12
SLIP: Final = 50  # times larger or smaller than what is approved: 万 for 亿 is 10 000
WIDE: Final = 60  # columns up to which each may be given to any indicator


@dataclass(slots=True, kw_only=True)
class FigureLayout(Layout):
    """What was understood of each table; `records` reads its rows by it."""

    shapes: dict[int, Shape] = field(default_factory=dict)  # by the table's number; absent: nothing for us

    def records(self, table: Table, rows: Iterable[Row] | None = None) -> Iterator[Record]:
        """The figures that the table states, row by row, in constant memory. Nothing for a table that is left out."""
        shape = self.shapes.get(table.number)
        if shape is not None:
            yield from shape.records(table.rows if rows is None else rows)


def layout_of(
    tables: Iterable[Table], answers: Answers, known: Known, remembered: Collection[str] = ()
) -> FigureLayout:
    """What the tables say, from their heads, titles and first rows; one query.

    `remembered` are the codes of those answers that come from the sender's last file of this shape.
    """
    layout, asking, names = FigureLayout(), Asking(answers, remembered), Names(known)
    read = [_Reading(table, asking, names, layout) for table in tables]
    for reading in read:
        reading.understand()
    codes = {code for reading in read for code in reading.levels}
    latest = latest_values(names.keys[code] for code in codes)
    for reading in read:
        reading.compare({names.codes[pk]: value for pk, value in latest.items()})
    layout.questions = asking.questions
    if not layout.shapes and not layout.questions and not layout.problems:
        line = read[0].table.header_line if read else 0
        layout.problems.append(
            Problem(
                sheet=read[0].table.sheet if read else "",
                line=line,
                message=gettext("文件里没有找到指标的数据"),
                remedy=gettext("请核对选择的导入内容，或让表里写有指标名称、时期和数值"),
            )
        )
    return layout


class Names:
    """The indicators and districts that can be named, in the forms the reading needs."""

    def __init__(self, known: Known) -> None:
        self.wording = Wording(known)
        indicators = {i.code: i for found in known.indicators.values() for i in found}
        self.keys = {code: indicator.pk for code, indicator in indicators.items()}
        self.codes = {indicator.pk: code for code, indicator in indicators.items()}
        self.titles = {code: indicator.name for code, indicator in indicators.items()}
        self.places = {d.code: d.name for found in known.districts.values() for d in found}
        self.by_name = {name: codes[0] for name, codes in self.wording.indicators.items() if len(codes) == 1}
        self.slots = {code: indicator.slots for code, indicator in indicators.items()}
        self.years = [known.today.year - back for back in range(8)]
        self.today = known.today
        self.meant = {
            code: Meant(code, PeriodKind(i.primary_kind), next((v.unit for v in reversed(known.versions[i.pk])), ""))
            for code, i in indicators.items()
        }


class _Reading:
    """One table being understood."""

    def __init__(self, table: Table, asking: Asking, names: Names, layout: FigureLayout) -> None:
        self.table, self.asking, self.names, self.layout = table, asking, names, layout
        self.wording, self.number = names.wording, table.number
        self.rows = list(islice(table.rows, SAMPLE)) if table.heads else []
        self.columns = [
            column_of(head, place, (row.cells[place] for row in self.rows if row.flaw is None), self.wording)
            for place, head in enumerate(table.heads)
        ]
        self.shape = Shape(self.wording, names.meant)
        self.levels: dict[str, list[tuple[Decimal, str, Column]]] = {}

    # Asking

    def ask(
        self, topic: str, rest: str, text: str, options: list[tuple[str, str]] | tuple[()] = (), **more: str
    ) -> str:
        code = f"{topic}:{self.number}:{rest}" if rest else f"{topic}:{self.number}"
        more.setdefault("place", self.where())
        return self.asking.ask(code, text, options, **more)

    def told(self, topic: str, rest: str = "") -> str:
        return self.asking.answers.get(f"{topic}:{self.number}:{rest}" if rest else f"{topic}:{self.number}", "")

    def where(self, column: Column | None = None, line: int = 0) -> str:
        sheet = gettext("工作表“%(sheet)s”") % {"sheet": self.table.sheet} if self.table.sheet else ""
        if line or column is None:
            return self.table.place(line or self.table.header_line, column.head if column else None)
        return sheet + gettext("%(letter)s列") % {"letter": column.letter}

    # The whole

    def understand(self) -> None:
        if self.told("table") == IGNORE:
            self.leave_out(gettext("整张表不导入"))
            return
        self.read_titles()
        self.take_answers()
        self.find_labels()
        if not self.is_ours():
            return
        self.find_figures()
        self.find_indicators()
        figures = [column for column in self.columns if column.use in FIGURES]
        if not figures and "text" not in {column.use for column in self.columns}:
            self.no_figures()
            return
        self.shape.labels = {c.use: c.place for c in self.columns if c.use in LABELS and c.use != "period"}
        self.shape.period_places = tuple((c.place, c.name) for c in self.columns if c.use == "period")
        self.group(figures)
        self.ask_names()
        self.ask_last_year(figures)
        self.ask_dates()
        self.ask_periods()
        self.ask_hidden()
        self.gather()
        self.ask_units()
        self.ask_fractions()
        self.show_columns()
        self.layout.shapes[self.number] = self.shape

    def leave_out(self, reason: str) -> None:
        for column in self.columns:
            column.use, column.reason = "", column.reason or reason
        self.show_columns()

    def is_ours(self) -> bool:
        """Whether anything names an indicator; else the table is left out, after asking when it holds figures."""
        named = any(column.said.indicators for column in self.columns) or bool(self.titled)
        named = named or any(c.is_told and c.use for c in self.columns)
        label = self.label("indicator")
        named = named or (label is not None and any(self.wording.read(cell).indicators for cell in label.cells))
        if named or self.told("table") == "map":
            return True
        has_heads = label is not None and label.name in NAMES and any(c.said.measure in FIGURES for c in self.columns)
        if has_heads and any(cell for cell in label.cells if not is_number(cell)):
            return True
        if any(column.numbers for column in self.columns):
            text = gettext("这张表（%(heads)s）里没有认得的指标，怎样处理？") % {"heads": self.heads()}
            told = self.ask("table", "", text, [ignore(), ("map", gettext("逐项对应到系统里的指标"))])
            if told != "map":
                self.leave_out(gettext("表里没有认得的指标"))
                return False
            return True
        self.leave_out(gettext("表里没有数"))
        return False

    def heads(self) -> str:
        return listed([quoted(column.head.name) for column in self.columns if column.head.name]) or gettext("没有表头")

    def no_figures(self) -> None:
        unknown = [c for c in self.columns if not c.use and c.is_numeric and not c.is_told and not c.reason]
        if unknown and len(unknown) <= MANY_NAMES:
            for column in unknown:
                text = gettext("%(letter)s列“%(name)s”是什么？") % {"letter": column.letter, "name": column.head.name}
                self.ask("column", column.letter, text, self.choices(column), place=self.where(column))
        else:
            names = listed([f"“{USES[use]}”" for use in ("value", "growth", "rank", "text")])
            self.layout.problems.append(
                Problem(
                    sheet=self.table.sheet,
                    line=self.table.header_line,
                    message=gettext("没有数据列；现有的列是：%(there)s") % {"there": self.heads()},
                    remedy=gettext("请至少写一列：%(names)s") % {"names": names},
                )
            )
        self.show_columns()

    # Titles

    def read_titles(self) -> None:
        """What stands over the head, then the sheet's name, says for the whole table."""
        context, texts = self.shape.context, [*self.table.above, self.table.sheet]
        self.titled: list[str] = []
        self.units: tuple[str, ...] = ()
        self.title_periods: list[When] = []
        for text in texts:
            found = list(dict.fromkeys(all_periods_in(squeezed(text)))) if text else []
            if found and not self.title_periods:
                self.title_periods = found
            for when in found[:1]:
                context.when = context.when.under(when)
            self.titled = self.titled or self.wording.named_in(text)
            context.district = context.district or self.wording.place_in(text)
            units = stated_units(text) or next(
                (units for inner in _BRACKETS.findall(squeezed(text)) if (units := units_of(inner))), ()
            )
            self.units = self.units or units

    # Columns

    def take_answers(self) -> None:
        for column in self.columns:
            told = self.told("column", column.letter)
            kind, _colon, code = told.partition(":")
            if not told:
                continue
            if told == IGNORE:
                column.reason = gettext("已选择不导入")
            elif kind in ("i", "g") and code in self.names.titles:
                column.use = "value" if kind == "i" else "growth"
                column.said = replace(column.said, indicators=(code,))
            elif kind == "rank" and code in ("level", "growth", "unstated"):
                column.use, column.said = "rank", replace(column.said, by=code)
            elif told in (*LABELS, *FIGURES):
                column.use = told
            else:
                continue
            column.is_told, column.unknown = True, ""
            if column.use in FIGURES:
                column.said = replace(column.said, measure=column.use)

    def label(self, use: str) -> Column | None:
        return next((column for column in self.columns if column.use == use), None)

    def find_labels(self) -> None:
        """The columns that say what a row is about, by their names, else by what stands in them."""
        free = [column for column in self.columns if not column.is_told]
        for column in free:
            use = NAMES.get(column.name) or NAMES.get(squeezed(column.head.name), "")
            if use == "unit" and column.cells and not any(units_of(squeezed(cell)) for cell in column.cells):
                use = ""
            if use in ("indicator", "district", "measure", "text", "note") and column.is_numeric and column.cells:
                use = "" if not (use == "district" and self.votes(column)["district"]) else use
            column.use = use
        for column in free:
            if not column.use and column.cells and not column.said.measure and not column.said.indicators:
                column.use = self.use_by_content(column)
        if not self.label("indicator") and not any(c.said.indicators for c in self.columns) and not self.titled:
            for column in free:
                if not column.use and column.cells and not column.numbers and not column.said.measure:
                    column.use = "indicator"
                    break
        for use in ("indicator", "district", "unit", "measure", "rank_by", "text", "status", "note"):
            self.keep_one(use)

    def votes(self, column: Column) -> dict[str, int]:
        """How many of the cells speak as which label."""
        found: defaultdict[str, int] = defaultdict(int)
        for cell in column.cells[:200]:
            said, name = self.wording.read(cell), squeezed(cell)
            if said.indicators:
                found["indicator"] += 1
            elif said.district:
                found["district"] += 1
            elif units_of(name):
                found["unit"] += 1
            elif not is_number(cell) and (period_cell(cell, column.name, self.wording) or is_dotted(name)):
                found["period"] += 1
            elif said.measure and not said.rest:
                found["measure"] += 1
        return found

    def use_by_content(self, column: Column) -> str:
        votes, size = self.votes(column), min(len(column.cells), 200)
        if column.is_numeric:
            is_years = all(_YEAR.fullmatch(squeezed(cell)) for cell in column.cells)
            is_first = column.place == min(c.place for c in self.columns if c.cells)
            codes = votes["indicator"] or votes["district"]
            if codes * 2 > size:
                return "indicator" if votes["indicator"] >= votes["district"] else "district"
            is_dotted_column = any(is_dotted(squeezed(cell)) for cell in column.cells) and all(
                _DECIMAL_MONTH.fullmatch(squeezed(cell)) for cell in column.cells
            )
            others = any(c is not column and c.is_numeric for c in self.columns)
            return "period" if is_first and others and not column.head.path and (is_years or is_dotted_column) else ""
        if votes["indicator"] and votes["indicator"] * 4 >= size and not any(c.said.indicators for c in self.columns):
            return "indicator"
        use = max(("unit", "period", "district", "measure"), key=lambda use: votes[use])
        return use if votes[use] * 2 > size else ""

    def keep_one(self, use: str) -> None:
        """One column for each label: the one whose texts are known best, the first among equals."""
        there = [column for column in self.columns if column.use == use]
        if len(there) < 2:
            return
        best = max(there, key=lambda column: (column.is_told, self.votes(column)[use], -column.place))
        for column in there:
            if column is best:
                continue
            votes = self.votes(column)
            column.use = "measure" if use == "indicator" and votes["measure"] * 2 > len(column.cells[:200]) else ""
            if not column.use:
                column.reason = gettext("%(use)s已由%(letter)s列说明") % {"use": USES[use], "letter": best.letter}

    def find_figures(self) -> None:
        """What each remaining column of numbers measures."""
        rows_name = self.label("indicator") is not None
        for column in self.columns:
            if column.use or column.is_told:
                continue
            said = column.said
            if said.measure == "ignored":
                column.reason = gettext(said.reason)
                continue
            if not column.numbers and (said.measure not in FIGURES or (column.cells and column.unknown)):
                column.reason = "" if column.cells else gettext("整列是空的")
                if not (said.indicators or said.when) or column.cells:
                    continue
            if said.measure == "unsure":
                said = replace(said, measure="growth") if said.units == ("%",) else said
            if said.units and set(said.units) == {"个百分点"}:
                column.reason = gettext("是百分点，不是增速")
                continue
            if column.unknown:
                self.ask_column_name(column, rows_name)
                continue
            if not said.measure and said.units == ("%",) and not rows_name:
                own = self.names.meant[said.indicator].unit if said.indicator else ""
                if own != "%":
                    said = replace(said, measure="unsure")
            if said.measure in ("unsure", ""):
                is_named = said.indicators or said.when or not column.head.path or said.units or not column.name
                if said.measure or not (is_named or self.is_filler(column)):
                    self.ask_measure(column)
                    continue
            column.said = replace(said, measure=said.measure or "value")
            column.use = column.said.measure
            self.settle(column)

    def is_filler(self, column: Column) -> bool:
        return not column.unknown and column.said == SILENT

    def settle(self, column: Column) -> None:
        """Names shared by several indicators, and what a rank goes by."""
        said = column.said
        if len(said.indicators) > 1:
            column.said = replace(said, indicators=self.ask_shared(column.head.name, said.indicators, column))
            if not column.said.indicators:
                column.use = ""
        if (
            column.use == "rank"
            and not self.label("rank_by")
            and (not said.by or said.pool not in ("", "城区", "五城区"))
        ):
            options = [
                ("rank:level", gettext("五城区内按总量的位次")),
                ("rank:growth", gettext("五城区内按增速的位次")),
                ("rank:unstated", gettext("五城区内的位次，没有说明按什么")),
                ignore(),
            ]
            text = gettext("%(letter)s列“%(name)s”是什么位次？") % {"letter": column.letter, "name": column.head.name}
            if not self.is_ranked_by_group(column):
                self.ask("column", column.letter, text, options, place=self.where(column))
                column.use = ""

    def is_ranked_by_group(self, column: Column) -> bool:
        return bool(column.said.by) and column.said.pool in ("", "城区", "五城区")

    def ask_shared(self, text: str, codes: Iterable[str], column: Column | None = None) -> tuple[str, ...]:
        options = [(code, f"{self.names.titles[code]}（{code}）") for code in codes] + [ignore()]
        question = gettext("%(text)s是几项指标共用的名称，指的是哪一项？") % {"text": quoted(text)}
        told = self.ask("indicator", cleaned(text)[:60], question, options, place=self.where(column))
        return (told,) if told in self.names.titles else ()

    def ask_column_name(self, column: Column, rows_name: bool) -> None:
        """A head in which something is not known: asked when it may be an indicator, else shown as ignored."""
        said, name = column.said, column.unknown
        if not column.numbers:
            return
        if rows_name or said.indicators:
            if said.when or said.measure or said.indicators:
                text = gettext("%(letter)s列“%(name)s”里的“%(part)s”不认得，这一列是什么？") % {
                    "letter": column.letter,
                    "name": column.head.name,
                    "part": name,
                }
                self.ask("column", column.letter, text, self.choices(column), place=self.where(column))
            return
        is_asked = is_near(name, self.names.by_name) or self.told("table") == "map"
        if not is_asked and f"indicator:{self.number}:{name[:60]}" not in self.asking.answers:
            return
        text = gettext("没有叫%(name)s的指标，它是哪一项？") % {"name": quoted(name)}
        options = named_options(name, self.names.by_name, self.names.titles)
        told = self.ask("indicator", name[:60], text, options, place=self.where(column))
        if told in self.names.titles:
            column.unknown = ""
            column.said = replace(said, indicators=(told,), measure=said.measure or "value")
            column.use = column.said.measure
        elif told == IGNORE:
            column.reason = gettext("已选择不导入")

    def ask_measure(self, column: Column) -> None:
        text = gettext("%(letter)s列“%(name)s”是什么数？") % {"letter": column.letter, "name": column.head.name}
        told = self.ask("column", column.letter, text, self.choices(column), place=self.where(column))
        assert not told or not column.use

    def find_indicators(self) -> None:
        """Columns that leave the indicator, the period or the district to the column before them."""
        figures = [column for column in self.columns if column.use in FIGURES]
        across = any(column.said.indicators for column in figures)
        dated = any(column.said.when for column in figures)
        placed = any(column.said.district for column in figures)
        anchors: list[Column] = []
        is_after_levels = False
        for column in figures:
            said = column.said
            if column.use == "value":
                if is_after_levels:
                    anchors, is_after_levels = [], False
                if across and not said.indicators and anchors and not self.label("indicator"):
                    said = replace(said, indicators=anchors[-1].said.indicators)
                column.said = said
                anchors.append(column)
                continue
            is_after_levels = True
            if not anchors:
                continue
            last = anchors[-1].said
            if across and not said.indicators:
                said = replace(said, indicators=last.indicators)
            if placed and not said.district:
                said = replace(said, district=last.district)
            if dated and not (said.when.year or said.when.label):
                same = [a.said.when for a in anchors if a.said.indicators == said.indicators or not said.indicators]
                said = replace(said, when=said.when.under(self.when_of_growth(column, same)))
            column.said = said
        if across or self.label("indicator"):
            return
        if len(self.titled) == 1:
            self.shape.context.indicator = self.titled[0]
            return
        text = gettext("这张表（%(heads)s）是哪一项指标的数据？") % {"heads": self.heads()}
        options = named_options(" ".join(self.table.above), self.names.by_name, self.names.titles)
        if self.titled:
            first = [(code, self.names.titles[code]) for code in self.titled]
            options = first + [option for option in options if option not in first]
        told = self.ask("indicator", "", text, options)
        self.shape.context.indicator = told if told != IGNORE else ""

    def when_of_growth(self, column: Column, whens: list[When]) -> When:
        """The period of a growth that follows levels of several: the latest of the same slot, else asked."""
        unique = list(dict.fromkeys(when for when in whens if when))
        if len(unique) < 2:
            return unique[0] if unique else NOTHING
        if len({(when.label, when.scope) for when in unique}) == 1 and all(when.year for when in unique):
            return max(unique, key=lambda when: when.year or 0)
        options = [(str(when), str(when)) for when in unique] + [ignore()]
        text = gettext("%(letter)s列“%(name)s”是哪一期的？") % {"letter": column.letter, "name": column.head.name}
        told = self.ask("period", column.letter, text, options, place=self.where(column))
        if told == IGNORE:
            column.use, column.reason = "", gettext("已选择不导入")
        return next((when for when in unique if str(when) == told), unique[0])

    # Slots

    def group(self, figures: list[Column]) -> None:
        """Columns of one indicator, district and period stand together."""
        shape, slots = self.shape, self.shape.slots
        labels = {c.use: c.letter for c in self.columns if c.use in LABELS}
        takes = self.told("last_year") == "import"
        shape.takes_last_year = takes
        for column in figures:
            if column.use not in FIGURES or (column.use == "last_year" and not takes):
                continue
            said, name = column.said, column.use
            when = said.when
            if name == "last_year":
                when, name = replace(when, back=1), "value"
            key = said.indicator, said.district, when
            slot = next((s for s in slots if (s.indicator, s.district, s.when) == key), None)
            if slot is None:
                slot = Slot(*key, columns=dict(labels))
                slots.append(slot)
            if any(part.name == name for part in slot.fields):
                self.ask_twice(column, name, slot)
                continue
            levels = [unit for unit in said.units if unit != "%"] or list(said.units)
            if name == "value" and len(levels) == 1:
                slot.unit = levels[0]
            if name == "rank":
                slot.by = "" if said.by == "unstated" and self.label("rank_by") else said.by or slot.by
            is_fraction = self.told("percent", column.letter) == "fraction"
            slot.fields.append(Field(name, column.place, is_fraction))
            slot.columns[name] = column.letter
            for use, is_said in (
                ("indicator", said.indicator),
                ("district", said.district),
                ("period", when),
                ("unit", said.units and name == "value"),
            ):
                if is_said:
                    slot.columns.setdefault(use, column.letter)
        if not slots and self.label("text"):
            slots.append(Slot(columns=dict(labels)))
        shape.is_long = (
            len(slots) == 1 and not slots[0].indicator and "indicator" in shape.labels and bool(shape.period_places)
        )

    def ask_twice(self, column: Column, name: str, slot: Slot) -> None:
        first = slot.columns[name]
        text = gettext("%(first)s列和%(letter)s列“%(name)s”是同一项内容，%(letter)s列怎样处理？") % {
            "first": first,
            "letter": column.letter,
            "name": column.head.name,
        }
        column.use = ""
        self.ask("column", column.letter, text, self.choices(column), place=self.where(column))

    # Names in rows

    def ask_names(self) -> None:
        label, places = self.label("indicator"), self.label("district")
        unknown: dict[str, tuple[str, int]] = {}
        shared: dict[str, tuple[str, tuple[str, ...]]] = {}
        if label:
            for row in self.rows:
                cell = row.cells[label.place]
                if not isinstance(cell, str) or not cell or not self.holds_figures(row):
                    continue
                said, name = self.wording.read(cell), cleaned(cell)[:200]
                if len(said.indicators) > 1:
                    shared[name] = cell, said.indicators
                elif not said.indicators and said.rest:
                    unknown.setdefault(name, (cell, row.line))
                elif not said.indicators and said.measure:
                    self.shape.has_measure_rows = True
                if said.measure and said.measure != "value":
                    self.shape.has_measure_rows = True
        if self.label("measure"):
            self.shape.has_measure_rows = True
        if label:
            for name, (cell, codes) in shared.items():
                told = self.ask_shared(cell, codes, label)
                self.shape.names[name] = told[0] if told else self.told("indicator", name[:60])
        asked = len(unknown) <= MANY_NAMES
        if not asked and label:
            text = gettext("有 %(count)s 个名称不认得（%(names)s），怎样处理？") % {
                "count": len(unknown),
                "names": listed([quoted(cell) for cell, _line in unknown.values()]),
            }
            options = [(IGNORE, gettext("这些行都不导入")), ("each", gettext("逐个选择"))]
            told = self.ask("unmatched", "", text, options, place=self.where(label))
            asked = told == "each"
            if told == IGNORE:
                self.shape.names |= dict.fromkeys(unknown, IGNORE)
        for name, (cell, line) in unknown.items() if asked else ():
            text = gettext("没有叫%(name)s的指标，它是哪一项？") % {"name": quoted(cell)}
            options = named_options(name, self.names.by_name, self.names.titles)
            told = self.ask("indicator", name[:60], text, options, place=self.where(label, line))
            if told:
                self.shape.names[name] = told
        if places:
            self.ask_places(places)

    def ask_places(self, label: Column) -> None:
        for row in self.rows:
            cell = row.cells[label.place]
            if not isinstance(cell, str) or not cell or self.wording.read(cell).district or not self.holds_figures(row):
                continue
            text = gettext("没有叫%(name)s的区划，它是哪一个？") % {"name": quoted(cell)}
            options = [ignore(), *self.names.places.items()]
            told = self.ask("district", cleaned(cell)[:60], text, options, place=self.where(label, row.line))
            if told:
                self.shape.places[cleaned(cell)] = told

    def holds_figures(self, row: Row) -> bool:
        return any(row.cells[part.place] for slot in self.shape.slots for part in slot.fields) or not self.shape.slots

    def ask_last_year(self, figures: list[Column]) -> None:
        there = [column for column in figures if column.use == "last_year"]
        label = self.label("indicator")
        rows = label and any(self.wording.read(cell).measure == "last_year" for cell in label.cells)
        if not there and not rows:
            return
        what = listed([gettext("%(letter)s列“%(name)s”") % {"letter": c.letter, "name": c.head.name} for c in there])
        text = gettext("%(what)s是上年同期的数，是否也导入为上年同期的数据？") % {"what": what or gettext("有的行")}
        options = [ignore(), ("import", gettext("导入为上年同期的数据"))]
        if self.ask("last_year", "", text, options, suggested=IGNORE) == IGNORE:
            for column in there:
                column.use, column.reason = "", gettext("是上年同期的数，已选择不导入")

    # Periods

    def ask_dates(self) -> None:
        """Dates with two readings: 2016.1, 1/2, and day numbers."""
        for column in self.columns:
            if column.use != "period":
                continue
            runs: list[tuple[str, int]] = []
            lines: dict[tuple[str, int], list[int]] = {}
            for row in self.rows:
                cell = row.cells[column.place]
                name = squeezed(cell) if isinstance(cell, str) else ""
                if not (is_dotted(name) or is_split(name) or is_serial(name)) or not isinstance(cell, str):
                    continue
                if not is_dotted(name):
                    runs.append((cell, 0))
                elif not runs or runs[-1][0] != cell or lines[runs[-1]][-1] < row.line - 1:
                    runs.append((cell, row.line))
                lines.setdefault(runs[-1], []).append(row.line)
            if len({text for text, _line in runs}) < len(runs) and len(runs) > MANY_DATES:
                runs = list(dict.fromkeys((text, 0) for text, _line in runs))
            for text, line in dict.fromkeys(runs):
                self.ask_date(column, text, line, lines.get((text, line), [line]))

    def ask_date(self, column: Column, text: str, line: int, lines: list[int]) -> None:
        name = squeezed(text)
        if is_dotted(name):
            year = name[:4]
            readings = [f"{year}年1月", f"{year}年10月"]
        elif is_serial(name):
            readings = [serial_day(int(name))]
        else:
            first, second = (int(part) for part in re.split("[/.-]", name))
            readings = [f"{first}—{second}月"] if 1 == first < second <= 12 else []
            readings += [f"{first}月{second}日"] if first <= 12 and second <= 31 else []
        where = self.where(column, lines[0])
        question = gettext("%(where)s的“%(text)s”是哪一期？") % {"where": where, "text": text}
        rest = f"{column.letter}:{name}" + (f":{line}" if line else "")
        told = self.ask("period", rest, question, [(r, r) for r in readings] + [ignore()], place=where)
        if told:
            when, _rest = periods_in(squeezed(told))
            for at in lines if line else [0]:
                self.shape.dates[text, at] = when if told != IGNORE else IGNORE

    def ask_periods(self) -> None:
        """The year, the period, and whether 6月 is a month or half a year, where the file does not say."""
        shape, whens = self.shape, self.row_whens()
        slots = shape.slots
        own = [(slot, slot.when.under(when)) for slot in slots for when in whens]
        if not any(when.label or when.year for _slot, when in own) or any(not (w.label or w.year) for _s, w in own):
            self.ask_period_of_table()
        years = [when for _slot, when in own if when.year and not when.label and shape.context.when.label]
        other = [when for when in years if when.year != shape.context.when.year]
        if other:
            label = shape.context.when.label
            text = gettext("表名是%(title)s，%(years)s各列（行）是同期（%(label)s）还是全年的数？") % {
                "title": quoted(str(shape.context.when)),
                "years": listed(sorted({f"{when.year}年" for when in other})),
                "label": label,
            }
            told = self.ask("period", "years", text, [("same", label), ("year", gettext("全年"))])
            shape.year_label = label if told == "same" else ""
        if any(when.label and not when.under(shape.context.when).year for _slot, when in own) or (
            shape.context.when.label and not shape.context.when.year and not all(when.year for _slot, when in own)
        ):
            options = [(str(year), gettext("%(year)s年") % {"year": year}) for year in self.names.years]
            told = self.ask("year", "", gettext("表里的时期没有写年份，是哪一年？"), options)
            if told:
                shape.context.when = replace(shape.context.when, year=int(told))
        self.ask_bare_months()

    def row_whens(self) -> list[When]:
        """The different periods that rows say, NOTHING where they say none."""
        label, found = self.label("indicator"), dict[When, None]()
        if not self.shape.period_places:
            if label:
                for cell in label.cells:
                    found[self.wording.read(cell).when] = None
            return list(found) or [NOTHING]
        for row in self.rows:
            cells = [row.cells[place] for place, _head in self.shape.period_places]
            texts = tuple(cell if isinstance(cell, str) else "" for cell in cells)
            if any(texts) and self.holds_figures(row):
                when = self.shape.read_when(texts)
                if isinstance(when, When):
                    found[when] = None
        return list(found)

    def ask_period_of_table(self) -> None:
        context = self.shape.context
        if len(self.title_periods) > 1 and not self.told("period"):
            options = [(str(when), str(when)) for when in self.title_periods]
            self.ask("period", "", gettext("表名里写了几个时期，这张表是哪一期的数据？"), options)
        told = self.told("period")
        if told:
            when, rest = periods_in(squeezed(told))
            if when and not rest:
                context.when = when
        if context.when.label or context.when.year:
            if told or len(self.title_periods) > 1:
                self.asking.ask(f"period:{self.number}", gettext("这张表是哪一期的数据？"))
            return
        text = gettext("表里没有写时期，是哪一期的数据？请填写，如 2023年1—6月")
        self.asking.ask(f"period:{self.number}", text, place=self.where())
        if told:  # not a period: ask again
            self.asking.questions[-1] = replace(
                self.asking.questions[-1],
                told="",
                text=gettext("%(told)s不是认得的时期。") % {"told": quoted(told)} + text,
            )

    def ask_bare_months(self) -> None:
        """6月 alone: 当月 or 1—6月. Beside 1—6月 it is the month; of a stock it is the end of June."""
        shape = self.shape
        bare: dict[str, None] = {}
        cumulative: set[tuple[int | None, int]] = set()
        months: set[tuple[int | None, int]] = set()
        codes = self.codes()
        for slot in shape.slots:
            kinds = [slot.indicator] if slot.indicator else codes
            for row in self.row_whens():
                when = shape.whole(slot, row)
                if found := _CUMULATIVE.fullmatch(when.label):
                    cumulative.add((when.year, int(found[1])))
                if when.is_bare_month and when.month and any(self.is_ambiguous(code, when.month) for code in kinds):
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
        shape.bare_scope = self.ask("month", "", text, options)

    def is_ambiguous(self, code: str, month: int) -> bool:
        meant = self.names.meant.get(code)
        return meant is not None and meant.kind is PeriodKind.YTD and (month > 1 or 1 not in self.names.slots[code])

    def codes(self) -> list[str]:
        """The indicators that rows and title name."""
        label = self.label("indicator")
        found = {self.shape.row_name(cell).code for cell in label.cells} if label else set()
        return sorted(code for code in {*found, self.shape.context.indicator} if code)

    # Hidden rows and columns

    def ask_hidden(self) -> None:
        options = [("import", gettext("导入")), ignore()]
        hidden = [row for row in self.rows if row.is_hidden and self.holds_figures(row)]
        if hidden:
            lines = listed([str(row.line) for row in hidden])
            text = gettext("有 %(count)s 行是隐藏的（第 %(lines)s %(unit)s），里面有数，是否导入？") % {
                "count": len(hidden),
                "lines": lines,
                "unit": self.table.unit,
            }
            self.shape.hidden = self.ask("hidden_rows", "", text, options)
        columns = [c for c in self.columns if c.head.is_hidden and c.use in FIGURES and c.numbers]
        if columns:
            names = listed([gettext("%(letter)s列") % {"letter": c.letter} for c in columns])
            text = gettext("%(columns)s是隐藏的，里面有数，是否导入？") % {"columns": names}
            if self.ask("hidden_columns", "", text, options) == IGNORE:
                places = {column.place for column in columns}
                for slot in self.shape.slots:
                    slot.fields = [part for part in slot.fields if part.place not in places]
                self.shape.slots = [slot for slot in self.shape.slots if slot.fields]
                for column in columns:
                    column.use, column.reason = "", gettext("是隐藏列，已选择不导入")

    # Units and digits

    def gather(self) -> None:
        """The first rows as records, to look at units and digits; the levels by indicator."""
        self.growths: defaultdict[str, list[str]] = defaultdict(list)
        self.unitless: dict[str, set[str]] = defaultdict(set)  # code → letters
        self.shares: defaultdict[str, list[str]] = defaultdict(list)
        by_letter = {column.letter: column for column in self.columns}
        shape, plain_shape = self.shape, replace(self.shape, units={}, corrected={}, fractions=frozenset())
        plain_shape.slots = [replace(s, fields=[replace(f, is_fraction=False) for f in s.fields]) for s in shape.slots]
        for record in plain_shape.records(self.rows):
            code, letter = record["indicator"], record.columns.get("value", "")
            if text := record["growth"]:
                at = record.columns.get("growth", "")
                self.growths[at if by_letter[at].use == "growth" else "rows"].append(text)
            if not record["value"] or code not in self.names.meant:
                continue
            figure = figure_in(record["value"])
            if figure is None or figure.value is None:
                continue
            unit = figure.unit or record["unit"]
            if not unit:
                self.unitless[code].add(letter)
            if self.names.meant[code].unit == "%" and unit in ("", "%") and not figure.unit:
                self.shares[code].append(record["value"])
            self.levels.setdefault(code, []).append((figure.value, unit, by_letter[letter]))

    def ask_units(self) -> None:
        """A unit for each indicator whose figures state none: the title's, else the sender's answer."""
        asked: dict[str, set[str]] = {}
        for code, letters in self.unitless.items():
            own = self.names.meant[code].unit
            fitting = [unit for unit in self.units if unit in UNITS and own in UNITS and _same(unit, own)]
            if not own:
                fitting = [unit for unit in self.units if unit != "%"]
            if len(fitting) == 1:
                self.shape.units[code] = fitting[0]
            elif self.shape.is_long and not fitting and not self.units:
                continue  # the definition's own unit, or a fault that says so
            elif not own or len(_units_like(own)) > 1:
                asked[code] = letters
        across = all(slot.indicator for slot in self.shape.slots)
        for code, letters in asked.items() if across else ():
            own, letter = self.names.meant[code].unit, min(letters)
            options = [(unit, unit) for unit in (_units_like(own) if own else list(UNITS))]
            text = gettext("%(letter)s列“%(name)s”的单位是什么？") % {"letter": letter, "name": self.names.titles[code]}
            if told := self.ask("unit", letter, text, options, suggested=own):
                self.shape.units[code] = told
        if asked and not across:
            self.ask_unit_of_table(list(asked))

    def ask_unit_of_table(self, codes: list[str]) -> None:
        owns = {code: self.names.meant[code].unit for code in codes}
        if any(owns.values()):
            names = listed([f"{self.names.titles[code]}（{own}）" for code, own in owns.items() if own])
            units = list(dict.fromkeys(unit for own in owns.values() if own for unit in _units_like(own)))
            text = gettext("表里没有写单位，这些数的单位是什么？系统里规定的是：%(names)s") % {"names": names}
            options = [("own", gettext("各指标都按系统里规定的单位"))] + [(unit, unit) for unit in units]
            told = self.ask("unit", "", text, options)
            for code, own in owns.items():
                if told and own:
                    self.shape.units[code] = told if told != "own" and _same(told, own) else own
        for code in (code for code, own in owns.items() if not own):
            text = gettext("“%(name)s”的单位是什么？") % {"name": self.names.titles[code]}
            if told := self.ask("unit", code, text, [(unit, unit) for unit in UNITS]):
                self.shape.units[code] = told

    def ask_fractions(self) -> None:
        """Growth and shares that are all about as small as fractions: 0.171 may be 17.1%."""
        units = {column.letter: column.said.units for column in self.columns}
        fractions = set()
        for key, texts in [*self.growths.items(), *self.shares.items()]:
            is_share = key in self.names.meant
            if not _may_be_fractions(texts, "%" in units.get(key, ()), is_share):
                continue
            example = next(text for text in texts if (figure := figure_in(text)) and figure.value)
            value = (figure_in(example).value or Decimal(0)) * 100  # type: ignore[union-attr]
            text = gettext("%(what)s里的数都很小，如 %(example)s，是哪种写法？") % {
                "what": f"“{self.names.titles[key]}”" if is_share else gettext("增速"),
                "example": example,
            }
            options = [
                ("percent", gettext("%(example)s 就是 %(example)s%%") % {"example": example}),
                (
                    "fraction",
                    gettext("%(example)s 是 %(value)s%%") % {"example": example, "value": plain(value.normalize())},
                ),
            ]
            column = next((c for c in self.columns if c.letter == key), None)
            told = self.ask("percent", key, text, options, place=self.where(column))
            if told == "fraction" and (is_share or key == "rows"):
                fractions.add("growth" if key == "rows" else key)
        self.shape.fractions = frozenset(fractions)

    def compare(self, latest: dict[str, tuple[Decimal, str]]) -> None:
        """Levels that are 50 times what is approved or more, or a fiftieth or less: which unit was meant?"""
        for code, levels in self.levels.items():
            own = self.names.meant[code].unit
            value, unit = latest.get(code, (Decimal(0), ""))
            if self.number not in self.layout.shapes or not value or own not in UNITS or unit != own:
                continue
            for figure, stated, column in levels:
                meant = stated or self.shape.units.get(code, "") or own
                if meant not in UNITS or not _same(meant, own):
                    continue
                ratio = abs(convert(figure, meant, own) / value)
                if ratio == 0 or 1 / Decimal(SLIP) < ratio < SLIP:
                    continue
                self.ask_magnitude(code, figure, meant, column, (value, own))
                break

    def ask_magnitude(
        self, code: str, figure: Decimal, unit: str, column: Column, current: tuple[Decimal, str]
    ) -> None:
        text = gettext(
            "“%(name)s”写的是 %(value)s%(unit)s，系统里现行的是 %(current)s%(own)s，数量级不同。单位写对了吗？"
        ) % {
            "name": self.names.titles[code],
            "value": plain(figure),
            "unit": unit,
            "current": plain(current[0]),
            "own": current[1],
        }
        others = [
            (other, gettext("单位应是%(unit)s") % {"unit": other}) for other in _units_like(unit) if other != unit
        ]
        told = self.ask("magnitude", code, text, [as_is(), *others], place=self.where(column))
        if told and told != AS_IS:
            self.shape.corrected[code] = told

    # The page

    def choices(self, column: Column) -> list[tuple[str, str]]:
        """What a column can be taken for."""
        found = [ignore()]
        if column.numbers:
            found += [
                ("value", str(USES["value"])),
                ("growth", str(USES["growth"])),
                ("last_year", str(USES["last_year"])),
            ]
            found += [
                ("rank:level", gettext("位次（按总量）")),
                ("rank:growth", gettext("位次（按增速）")),
                ("rank:unstated", gettext("位次（未说明）")),
            ]
            if len(self.columns) <= WIDE and not self.label("indicator"):
                found += [(f"i:{code}", name) for code, name in self.names.titles.items()]
                found += [
                    (f"g:{code}", gettext("%(name)s的同比增长") % {"name": n}) for code, n in self.names.titles.items()
                ]
        found += [(use, str(USES[use])) for use in LABELS]
        return found

    def show_columns(self) -> None:
        for column in self.columns:
            if not column.cells and not column.head.path:
                continue
            use = str(USES[column.use]) if column.use else ""
            said = column.said
            if column.use in FIGURES:
                named = self.names.titles.get(said.indicator, "")
                place = self.names.places.get(said.district, "")
                use = " · ".join(part for part in (named, place, str(said.when), use) if part)
            self.layout.columns.append(
                ColumnUse(
                    table=self.number,
                    sheet=self.table.sheet,
                    letter=column.letter,
                    name=column.head.name,
                    use=use,
                    code=f"column:{self.number}:{column.letter}",
                    choices=self.choices(column) if not use else [],
                    reason=column.reason if not use else "",
                )
            )


_BRACKETS: Final = re.compile(r"\(([^()]*)\)")
_YEAR: Final = re.compile("(?:19|20)[0-9]{2}")
_DECIMAL_MONTH: Final = re.compile("(?:19|20)[0-9]{2}[.][0-9]{1,2}")
_CUMULATIVE: Final = re.compile("1—([0-9]{1,2})月")


def serial_day(number: int) -> str:
    """The day that a spreadsheet counts as that number, from 30 December 1899."""
    day = dt.date(1899, 12, 30) + dt.timedelta(days=number)
    return f"{day.year}年{day.month}月{day.day}日"


def _same(unit: str, other: str) -> bool:
    return unit in UNITS and other in UNITS and UNITS[unit].dimension == UNITS[other].dimension


def _units_like(unit: str) -> list[str]:
    """The units that a figure of this one could be written in; a rate is a rate."""
    if unit not in UNITS or UNITS[unit].dimension == "ratio":
        return [unit]
    return [name for name in UNITS if _same(name, unit)]


def _may_be_fractions(texts: list[str], is_percent: bool, is_share: bool) -> bool:
    """Whether plain numbers, all within ±1.5, could be fractions; under a % only when they have three decimals."""
    figures = [figure_in(text) for text in texts]
    values = [figure.value for figure in figures if figure and figure.value is not None and not figure.text]
    if not values or any(figure.unit for figure in figures if figure) or not any(values):
        return False
    if all(value == value.to_integral_value() for value in values):
        return False
    if any(abs(value) >= Decimal("1.5") for value in values) or (is_share and any(value < 0 for value in values)):
        return False
    return not is_percent or any(int(value.as_tuple().exponent) <= -3 for value in values)
