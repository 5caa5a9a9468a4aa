"""From the rows of a mapped table to what they say, field by field, with all that is wrong in them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.utils.translation import gettext

from lvyuan.imports.records.fields import CLEAR, Codes, Context, Fault, Field
from lvyuan.imports.records.layout import Mapped, column_of
from lvyuan.imports.registry import Problem
from lvyuan.imports.table import Flaw

Key: TypeAlias = tuple[str, ...]
Entry: TypeAlias = dict[str, Any]  # an entry of a fixture: texts, booleans, None, lists and entries


@dataclass(slots=True, kw_only=True)
class Read:
    """One row: its cells by field, what they say, and what is wrong. Without a key it is about nothing we know."""

    mapped: Mapped
    line: int
    cells: dict[str, str]
    said: Entry = field(default_factory=dict)
    key: Key | None = None
    problems: list[Problem] = field(default_factory=list)
    is_refused: bool = False  # by a problem of the whole table

    def refuse(self, name: str, message: str, remedy: str, group: str = "") -> None:
        """Notes something wrong in the field's cell."""
        self.problems.append(
            Problem(
                sheet=self.mapped.table.sheet,
                line=self.line,
                column=column_of(self.mapped, name),
                message=message,
                remedy=remedy,
                group=group or message,
            )
        )


def read_rows(tables: Iterable[Mapped], fields: Mapping[str, Field]) -> list[Read]:
    """The rows that say something in a column that is read."""
    found = []
    for mapped in tables:
        for row in mapped.table.rows:
            if row.is_hidden and not mapped.with_hidden:
                continue
            read = Read(mapped=mapped, line=row.line, cells={})
            for name, place in mapped.places.items():
                cell = row.cells[place] if place < len(row.cells) else ""
                if isinstance(cell, Flaw):
                    title = fields[name].title
                    message = gettext("“%(field)s”%(problem)s") % {"field": title, "problem": gettext(cell.problem)}
                    read.refuse(name, message, gettext(cell.remedy), cell.problem)
                elif cell:
                    read.cells[name] = mapped.links.get(name, {}).get(cell, cell)
            if row.flaw:
                read.refuse("", gettext(row.flaw.problem), gettext(row.flaw.remedy))
            if read.cells or read.problems:
                found.append(read)
    return found


def read_key(read: Read, key: Sequence[str], fields: Mapping[str, Field], codes: Mapping[str, Codes]) -> None:
    """Reads what tells the record apart; without it the row is refused."""
    before = len(read.problems)
    context = Context(read.said, codes)
    read.said |= {name: value for name, value in read.mapped.fixed.items() if name in key}
    for name in key:
        if name in read.cells:
            _read_cell(read, fields[name], context)
        elif name not in read.said and not read.problems:
            read.refuse(
                name,
                gettext("没有写“%(field)s”，不知道这一行说的是哪一个") % {"field": fields[name].title},
                gettext("请填写“%(field)s”，或删去这一行") % {"field": fields[name].title},
            )
    if len(read.problems) == before and all(name in read.said for name in key):
        read.key = tuple(str(read.said[name]) for name in key)


def read_rest(
    read: Read, key: Sequence[str], fields: Mapping[str, Field], codes: Mapping[str, Codes], before: Entry
) -> None:
    """Reads the other cells; what a row is silent about stays as it was. Blank is silence, “清空” empties."""
    fixed = {name: value for name, value in read.mapped.fixed.items() if before.get(name) in (None, "")}
    read.said |= {name: value for name, value in fixed.items() if name not in read.said and name not in read.cells}
    context = Context(before | read.said, codes)
    for name in sorted(read.cells, key=list(fields).index):
        if name not in key:
            _read_cell(read, fields[name], context)


def _read_cell(read: Read, one: Field, context: Context) -> None:
    cell = read.cells[one.name]
    if cell in CLEAR and not one.required:
        read.said[one.name] = context.values[one.name] = one.empty
        return
    try:
        read.said[one.name] = context.values[one.name] = one.read(cell, context)
        # A department's name may have told its district.
        read.said |= context.also
        context.values |= context.also
        context.also.clear()
    except Fault as fault:
        message = gettext("“%(field)s”一栏：%(problem)s") % {"field": one.title, "problem": fault.message}
        read.refuse(one.name, message, fault.remedy, gettext("“%(field)s”一栏读不懂") % {"field": one.title})


def refuse_duplicates(reads: Iterable[Read]) -> None:
    """Two rows about the same record: neither is taken, each names the other."""
    about: defaultdict[Key, list[Read]] = defaultdict(list)
    for read in reads:
        if read.key:
            about[read.key].append(read)
    for same in about.values():
        for read in same if len(same) > 1 else ():
            others = gettext("、").join(o.mapped.table.place(o.line) for o in [x for x in same if x is not read][:5])
            read.refuse(
                "",
                gettext("与%(others)s重复：都是“%(key)s”") % {"others": others, "key": " ".join(same[0].key or ())},
                gettext("请只保留一行"),
                gettext("同一记录写了不止一行"),
            )


def refuse_incomplete(
    reads: Iterable[Read], fields: Iterable[Field], befores: Mapping[Key, Entry]
) -> dict[tuple[int, str], list[Read]]:
    """Refuses new records without what every record must have.

    Gives the rows by (table number, field) where the whole column is missing, for one problem at the header.
    """
    missing: defaultdict[tuple[int, str], list[Read]] = defaultdict(list)
    wanted = [one for one in fields if one.required]
    for read in reads:
        if read.key is None or read.key in befores:
            continue
        for one in wanted:
            column = column_of(read.mapped, one.name)
            if one.name in read.said or any(problem.column == column != "" for problem in read.problems):
                continue
            if one.name not in read.mapped.places:
                missing[read.mapped.table.number, one.name].append(read)
            else:
                read.refuse(
                    one.name,
                    gettext("这一行是新增的，没有写“%(field)s”") % {"field": one.title},
                    gettext("请填写“%(field)s”；若本应是已有的记录，请核对它的代码") % {"field": one.title},
                    gettext("新增的行缺少内容"),
                )
    return missing


def in_order(reads: Sequence[Read], parent: str) -> list[Read]:
    """The rows with parents before children; rows whose parents go in a circle are refused, and left out."""
    if not parent:
        return list(reads)
    by_key = {read.key: read for read in reads if read.key}
    done: dict[int, bool] = {}
    ordered: list[Read] = []

    def above(read: Read) -> Read | None:
        own = read.said.get(parent)
        return by_key.get((*(read.key or ())[:-1], str(own))) if own and read.key else None

    for read in reads:
        chain: list[Read] = []
        current: Read | None = read
        while current is not None and id(current) not in done and current not in chain:
            chain.append(current)
            current = above(current)
        circle = chain[chain.index(current) :] if current is not None and current in chain else []
        for one in reversed(chain):
            done[id(one)] = True
            if one in circle:
                lines = gettext("、").join(str(c.line) for c in sorted(circle, key=lambda c: c.line))
                one.refuse(
                    parent,
                    gettext("上下级成了循环：第 %(lines)s 行互为上级") % {"lines": lines},
                    gettext("请改正其中一行的上级"),
                    gettext("上下级成了循环"),
                )
            else:
                ordered.append(one)
    return ordered
