"""One table being understood, step by step."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Final

from django.utils.translation import gettext

from indicators.imports.records import Shape
from indicators.imports.understanding import dates, figures, labels, rownames, units
from indicators.imports.understanding.asking import (
    ignore,
    quoted,
)
from indicators.imports.understanding.columns import (
    FIGURES,
    LABELS,
    NAMES,
    USES,
    Column,
    column_of,
    is_number,
)
from indicators.imports.understanding.names import Names
from indicators.imports.understanding.when import all_periods_in
from indicators.imports.understanding.wording import scopes_in, squeezed, stated_units, units_of
from lvyuan.imports.asking import IGNORE, Asking, Options, listed
from lvyuan.imports.registry import ColumnUse, Problem
from lvyuan.imports.table import Row, Table

SAMPLE: Final = 2_000  # rows looked at before anything is asked
WIDE: Final = 60  # columns up to which each may be given to any indicator, and recognised ones used otherwise
MANY_NAMES: Final = 12  # unknown names that are asked about one by one
_BRACKETS: Final = re.compile(r"\(([^()]*)\)")


class Reading:
    """One table being understood. Afterwards `shape` tells how to read it, or is None; `uses` are for the page."""

    def __init__(self, table: Table, asking: Asking, names: Names) -> None:
        self.table, self.asking, self.names = table, asking, names
        self.wording, self.number, self.above = names.wording, table.number, table.above
        self.rows = list(islice(table.rows, SAMPLE)) if table.heads else []
        self.columns = [
            column_of(head, place, (row.cells[place] for row in self.rows if row.flaw is None), self.wording)
            for place, head in enumerate(table.heads)
        ]
        self.shape = Shape(self.wording, names.meant)
        self.is_read = False  # False: the table holds nothing for us, or has first to be asked about
        self.are_levels = True  # False: first the sender says whether they are
        self.uses: list[ColumnUse] = []
        self.problems: list[Problem] = []
        self.titled: list[str] = []  # indicators that titles name
        self.units: tuple[str, ...] = ()  # what titles say
        self.levels: defaultdict[str, list[tuple[Decimal, str, Column]]] = defaultdict(list)  # by indicator
        self.growths: defaultdict[str, list[str]] = defaultdict(list)  # by column, "rows" for rows of growth
        self.shares: defaultdict[str, list[str]] = defaultdict(list)  # by indicator
        self.unitless: defaultdict[str, set[str]] = defaultdict(set)  # indicator → columns

    def ask(
        self,
        topic: str,
        rest: str,
        text: str,
        options: Options = (),
        *,
        place: str = "",
        suggested: str = "",
        is_valid: bool = True,
    ) -> str:
        """The answer so far to the question `topic:table:rest`."""
        code = f"{topic}:{self.number}:{rest}" if rest else f"{topic}:{self.number}"
        place = place or self.where()
        return self.asking.ask(code, text, options, place=place, suggested=suggested, is_valid=is_valid)

    def told(self, topic: str, rest: str = "") -> str:
        return self.asking.answers.get(f"{topic}:{self.number}:{rest}" if rest else f"{topic}:{self.number}", "")

    def where(self, column: Column | None = None, line: int = 0) -> str:
        sheet = gettext("工作表“%(sheet)s”") % {"sheet": self.table.sheet} if self.table.sheet else ""
        if line or column is None:
            return self.table.place(line or self.table.header_line, column.head if column else None)
        return sheet + gettext("%(letter)s列") % {"letter": column.letter}

    def understand(self) -> None:
        if self.told("table") == IGNORE:
            self.leave_out(gettext("整张表不导入"))
            return
        self.read_titles()
        if self.told("title") == IGNORE:
            self.leave_out(gettext("整张表不导入"))
            return
        self.take_answers()
        labels.find_labels(self)
        if not self.is_ours():
            return
        if not figures.ask_plan(self):
            self.leave_out(gettext("是计划或目标，请按“目标”另行导入"))
            return
        figures.find_figures(self)
        figures.ask_levels(self)
        figures.ask_measure(self)
        figures.find_indicators(self)
        labels.ask_unknown(self)
        if not self.figures and not self.label("text"):
            self.no_figures()
            return
        shape = self.shape
        shape.labels = {c.use: c.place for c in self.columns if c.use in LABELS and c.use != "period"}
        shape.period_places = tuple((c.place, c.name) for c in self.columns if c.use == "period")
        figures.group(self)
        rownames.ask_names(self)
        figures.ask_last_year(self)
        dates.ask_dates(self)
        dates.ask_periods(self)
        self.ask_hidden()
        if self.are_levels:
            units.gather(self)
            units.ask_units(self)
            units.ask_fractions(self)
        self.show_columns()
        self.is_read = True

    def leave_out(self, reason: str) -> None:
        for column in self.columns:
            column.use, column.reason = "", column.reason or reason
        self.show_columns()

    def is_ours(self) -> bool:
        """Whether anything names an indicator; else the table is left out, after asking where it holds figures."""
        named = any(column.said.indicators for column in self.columns) or bool(self.titled)
        named = named or any(c.is_told and c.use for c in self.columns)
        label = self.label("indicator")
        named = named or (label is not None and any(self.wording.read(cell).indicators for cell in label.cells))
        if named or self.told("table") == "map":
            return True
        measured = any(column.said.measure in FIGURES for column in self.columns)
        if label and label.name in NAMES and measured and not all(is_number(cell) for cell in label.cells):
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
            self.problems.append(
                Problem(
                    sheet=self.table.sheet,
                    line=self.table.header_line,
                    message=gettext("没有数据列；现有的列是：%(there)s") % {"there": self.heads()},
                    remedy=gettext("请至少写一列：%(names)s") % {"names": names},
                )
            )
        self.show_columns()

    def goes_on(self, before: Reading) -> None:
        """Takes the titles of the table right above when only its header stands here again, in another order."""
        names = [sorted(head.name for head in one.table.heads if head.path) for one in (before, self)]
        if names[0] == names[1] and not self.table.above and self.table.sheet == before.table.sheet:
            self.above = before.above

    def ask_title(self) -> None:
        """Which period counts, where the sheet's name and the title above the table speak of different ones."""
        found = [list(dict.fromkeys(all_periods_in(squeezed(text)))) for text in (self.table.sheet, *self.above)]
        sheet, titles = found[0], [whens[0] for whens in found[1:] if len(whens) == 1]
        if len(sheet) != 1 or not titles:
            return
        name, title = sheet[0], titles[0]
        differ = [a and b and a != b for a, b in ((name.year, title.year), (name.end_month, title.end_month))]
        if not any(differ):
            return
        told_title = str(title.under(name) if not differ[0] else title)
        told_sheet = str(name.under(replace(title, label="")))
        text = gettext("工作表名是%(sheet)s，表名写的是%(title)s，这张表是哪一期的？") % {
            "sheet": quoted(self.table.sheet),
            "title": quoted(str(title)),
        }
        told = self.ask("title", "", text, [("title", told_title), ("sheet", told_sheet), ignore()])
        if told == "sheet":
            self.shape.context.when = name.under(replace(title, label=""))

    def read_titles(self) -> None:
        """What stands over the head, then the sheet's name, says for the whole table."""
        self.ask_title()
        context, texts = self.shape.context, [*self.above, self.table.sheet]
        for text in texts:
            found = list(dict.fromkeys(all_periods_in(squeezed(text))))
            if len(found) == 1:  # a title with several leaves the period to columns and rows, else to the sender
                context.when = context.when.under(found[0])
            scopes = scopes_in(text)
            if len(scopes) == 1 and not context.when.scope:
                context.when = replace(context.when, scope=next(iter(scopes)))
            self.titled = self.titled or self.wording.named_in(text)
            context.district = context.district or self.wording.place_in(text)
            bracketed = (units_of(inner) for inner in _BRACKETS.findall(squeezed(text)))
            self.units = self.units or stated_units(text) or next((found for found in bracketed if found), ())
            self.units = self.units or units_of(squeezed(text))

    def take_answers(self) -> None:
        """What the sender chose for single columns."""
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

    @property
    def figures(self) -> list[Column]:
        return [column for column in self.columns if column.use in FIGURES]

    def holds_figures(self, row: Row) -> bool:
        return any(row.cells[part.place] for slot in self.shape.slots for part in slot.fields) or not self.shape.slots

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

    def choices(self, column: Column) -> list[tuple[str, str]]:
        """What a column can be taken for."""
        found = [ignore()]
        if column.numbers:
            found += [(use, str(USES[use])) for use in ("value", "growth", "last_year")]
            found += [
                ("rank:level", gettext("位次（按总量）")),
                ("rank:growth", gettext("位次（按增速）")),
                ("rank:unstated", gettext("位次（未说明）")),
            ]
            if len(self.columns) <= WIDE and not self.label("indicator"):
                titles = self.names.titles.items()
                found += [(f"i:{code}", name) for code, name in titles]
                found += [(f"g:{code}", gettext("%(name)s的同比增长") % {"name": name}) for code, name in titles]
        found += [(use, str(USES[use])) for use in LABELS]
        return found

    def show_columns(self) -> None:
        is_narrow = len(self.columns) <= WIDE
        for column in self.columns:
            if not column.cells and not column.head.path:
                continue
            use = str(USES[column.use]) if column.use else ""
            said = column.said
            if column.use in FIGURES:
                named = self.names.titles.get(said.indicator, "")
                place = self.names.places.get(said.district, "")
                use = " · ".join(part for part in (named, place, str(said.when), use) if part)
            self.uses.append(
                ColumnUse(
                    table=self.number,
                    sheet=self.table.sheet,
                    letter=column.letter,
                    name=column.head.name,
                    use=use,
                    code=f"column:{self.number}:{column.letter}",
                    choices=self.choices(column) if column.is_told or not use or is_narrow else (),
                    reason=column.reason if not use else "",
                )
            )
