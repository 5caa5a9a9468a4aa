"""The names in rows that nothing matches, or more than one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext

from indicators.imports.understanding.asking import (
    ignore,
    named_options,
    quoted,
)
from indicators.imports.understanding.columns import (
    Column,
)
from indicators.imports.understanding.figures import ask_shared
from indicators.imports.understanding.wording import SILENT, key_of
from lvyuan.imports.asking import IGNORE, listed

if TYPE_CHECKING:
    from indicators.imports.understanding.reading import Reading

MANY_NAMES: Final = 12  # unknown names that are asked about one by one


def ask_names(reading: Reading) -> None:
    """Names of rows with figures that nothing matches, or several indicators share; each stands once."""
    shape, label, places = reading.shape, reading.label("indicator"), reading.label("district")
    shape.has_measure_rows = reading.label("measure") is not None
    unknown: dict[str, tuple[str, int]] = {}
    for row in reading.rows if label else ():
        assert label
        cell = row.cells[label.place]
        if not isinstance(cell, str) or not cell or not reading.holds_figures(row):
            continue
        said, name = reading.wording.read(cell), key_of(cell)
        shape.has_measure_rows = shape.has_measure_rows or said.measure not in ("", "value")
        if len(said.indicators) > 1:
            ask_shared(reading, cell, said.indicators, label)
            if told := reading.told("indicator", name):
                shape.names[name] = told
        elif not said.indicators and said.rest:
            unknown.setdefault(name, (cell, row.line))
    ask_ranks(reading)
    if label and unknown:
        ask_unknown(reading, label, unknown)
    if places:
        ask_places(reading, places)


def ask_ranks(reading: Reading) -> None:
    """What the ranks of rows go by, where neither the row nor a column says it."""
    if reading.label("rank_by"):
        return
    for column in (reading.label("indicator"), reading.label("measure")):
        for row in reading.rows if column else ():
            assert column
            cell = row.cells[column.place]
            said = reading.wording.read(cell) if isinstance(cell, str) else SILENT
            if said.measure == "rank" and not said.by and reading.holds_figures(row):
                text = gettext("%(text)s是五城区内按什么排的位次？") % {"text": quoted(str(cell))}
                options = [
                    ("level", gettext("按总量")),
                    ("growth", gettext("按增速")),
                    ("unstated", gettext("没有说明按什么")),
                    ignore(),
                ]
                reading.shape.rank_by = reading.ask("rank", "", text, options, place=reading.where(column, row.line))
                return


def ask_unknown(reading: Reading, label: Column, unknown: dict[str, tuple[str, int]]) -> None:
    shape = reading.shape
    if len(unknown) > MANY_NAMES:
        text = gettext("有 %(count)s 个名称不认得（%(names)s），怎样处理？") % {
            "count": len(unknown),
            "names": listed([quoted(cell) for cell, _line in unknown.values()]),
        }
        options = [(IGNORE, gettext("这些行都不导入")), ("each", gettext("逐个选择"))]
        chosen = reading.ask("unmatched", "", text, options, place=reading.where(label))
        if chosen == IGNORE:
            shape.names |= dict.fromkeys(unknown, IGNORE)
        if chosen != "each":
            return
    for name, (cell, line) in unknown.items():
        text = gettext("没有叫%(name)s的指标，它是哪一项？") % {"name": quoted(cell)}
        options = named_options(name, reading.names.by_name, reading.names.titles)
        if told := reading.ask("indicator", name, text, options, place=reading.where(label, line)):
            shape.names[name] = told


def ask_places(reading: Reading, label: Column) -> None:
    for row in reading.rows:
        cell = row.cells[label.place]
        if not isinstance(cell, str) or not cell or not reading.holds_figures(row):
            continue
        if reading.wording.read(cell).district:
            continue
        name = key_of(cell)
        text = gettext("没有叫%(name)s的区划，它是哪一个？") % {"name": quoted(cell)}
        options = [ignore(), *reading.names.places.items()]
        if told := reading.ask("district", name, text, options, place=reading.where(label, row.line)):
            reading.shape.places[name] = told
