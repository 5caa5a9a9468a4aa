"""A workbook that came back against the form as it is now: what it would write, and what stands in its way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext

from indicators.cells import MAX_LENGTH, Cell, shown_text, write_cell
from indicators.grid import Grid, GridCell, Line
from indicators.models import Entry


class Fate(StrEnum):
    WRITTEN = "changed"
    SAME = "same"  # stands there already
    CONFLICT = "conflict"  # somebody wrote there since the workbook was given out
    INVALID = "invalid"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class ReturnedCell:
    """One changed cell; texts as people read them. `key` names it in the page's form."""

    place: str
    cell: Cell
    name: str  # of the indicator
    label: str  # of the field
    fate: Fate
    issued: str = ""
    theirs: str = ""
    mine: str = ""
    by: str = ""
    message: str = ""

    @property
    def key(self) -> str:
        return f"{self.cell.indicator}-{self.cell.field}"


def told_cells(preview: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """The cells that a job keeps, each with its place."""
    return [
        (str(one["place"]), Cell(**{name: one[name] for name in ("indicator", "field", "text", "seen")}))
        for one in preview["cells"]
    ]


def compare(grid: Grid, cells: Iterable[tuple[str, Cell]], mine: Collection[str] = ()) -> list[ReturnedCell]:
    """What would become of each cell now; contested ones whose key is in `mine` would be written over theirs."""
    lines = {line.indicator.code: line for line in grid.lines}
    told = []
    for place, cell in cells:
        line = lines.get(cell.indicator)
        if line is None:
            why = gettext("这项指标现在不由本单位在这次任务中填报，请删去这一行。")
            told.append(ReturnedCell(place, cell, cell.indicator, cell.field, Fate.LOCKED, message=why))
            continue
        found = _compare(place, cell, line, line.cells[cell.field], grid.pool)
        if found.fate is Fate.CONFLICT and found.key in mine:
            found = replace(found, fate=Fate.WRITTEN, cell=replace(cell, seen=line.cells[cell.field].text))
        told.append(found)
    return told


def _compare(place: str, cell: Cell, line: Line, stands: GridCell, pool: Any) -> ReturnedCell:
    draft = copy(line.entry) if line.entry else Entry()
    draft.unread = dict(draft.unread)
    problem = write_cell(draft, cell.field, cell.typed, unit=line.unit, pool=pool)
    after = shown_text(draft, cell.field)

    def words(text: str) -> str:
        return replace(stands, text=text).shown

    told = ReturnedCell(
        place=place,
        cell=cell,
        name=line.indicator.name,
        label=stands.label,
        fate=Fate.WRITTEN,
        issued=words(cell.seen),
        theirs=words(stands.text),
        mine=words(cell.typed),
    )
    if len(cell.typed) > MAX_LENGTH:
        problem = gettext("内容超过%(max_length)s字，请缩短。") % {"max_length": MAX_LENGTH}
    if after == stands.text and not problem:
        return replace(told, fate=Fate.SAME)
    if line.lock:
        return replace(told, fate=Fate.LOCKED, message=line.lock.message)
    if problem:
        return replace(told, fate=Fate.INVALID, message=problem)
    if cell.seen != stands.text:
        by = str(line.entry.edited_by) if line.entry and line.entry.edited_by_id else ""
        return replace(told, fate=Fate.CONFLICT, by=by)
    return told
