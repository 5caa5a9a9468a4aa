"""Which columns of a file fill which fields of a definition; what is unsure is asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from django.utils.translation import gettext

from lvyuan.imports.asking import IGNORE, Asking, Options, listed
from lvyuan.imports.records.fields import SIMILAR, Codes, Field, plain
from lvyuan.imports.registry import Answers, ColumnUse, Layout, Problem
from lvyuan.imports.table import Head, Row, Table

YES: Final = "yes"
NO: Final = "no"
MAX_RECORDS: Final = 20_000  # of one table: each is tried in a savepoint of its own
HEADER_ROWS: Final = 10  # among so many rows the header is looked for


@dataclass(slots=True, kw_only=True)
class Mapped:
    """One table as a kind reads it: where in a row each field stands, and what the sender said for all rows."""

    table: Table
    places: dict[str, int]
    fixed: dict[str, str] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=dict)  # field → code by a dump's primary key
    with_hidden: bool = True


@dataclass(slots=True, kw_only=True)
class RecordLayout(Layout):
    """`tables` are those that are read, `codes` what people may write for things in them."""

    codes: Mapping[str, Codes]
    tables: list[Mapped] = field(default_factory=list)


@dataclass(slots=True)
class _Match:
    """What a table's columns are, as far as their names tell."""

    table: Table
    places: dict[str, int] = field(default_factory=dict)
    doubles: list[tuple[int, int]] = field(default_factory=list)
    similar: dict[int, str] = field(default_factory=dict)


def column_code(table: Table, place: int) -> str:
    """The code under which the page answers for a column."""
    return f"column:{table.number}:{table.heads[place].letter or place + 1}"


def lay_out(
    tables: Iterable[Table],
    fields: Sequence[Field],
    key: Sequence[str],
    answers: Answers,
    codes: Mapping[str, Codes],
    suggested: Mapping[str, str],
    names: Sequence[str] = (),
    label: str = "",
) -> RecordLayout:
    """What is understood of the tables; each is gone through once, no query.

    `key` are the fields that tell the records apart, `suggested` values for fields that have to be asked for. A table
    named as the fixtures' section or as the model (`names`) is the one that is meant.
    """
    layout, asking = RecordLayout(codes=codes), Asking(answers)
    layout.questions = asking.questions
    by_name = {one.name: one for one in fields}
    needed = [name for name in key if not by_name[name].asked]
    matches = [_match(headed(table, fields, needed), fields, answers) for table in tables]
    meant = _meant(layout, asking, matches, needed, names)
    for match in matches:
        is_read = match in meant
        if is_read:
            _check(layout, asking, match, by_name, needed)
        _show(layout, match, fields, is_read)
    if not meant and not layout.questions:
        layout.problems.append(_no_table(matches, by_name, needed, label))
    for match in meant:
        mapped = Mapped(table=match.table, places=match.places, links=_links(matches, match, by_name, codes))
        layout.tables.append(mapped)
        _ask_for_fixed(asking, mapped, by_name, key, codes, suggested)
        _look_at_rows(layout, asking, mapped)
    return layout


@dataclass(frozen=True, slots=True)
class _Below:
    """The rows of a table below one of them, as often as they are wanted."""

    rows: Iterable[Row]
    line: int

    def __iter__(self) -> Iterator[Row]:
        return (row for row in self.rows if row.line > self.line)


def headed(table: Table, fields: Sequence[Field], needed: Iterable[str]) -> Table:
    """The table with its header where the kind's columns are named: a title or a unit may stand above them.

    A table of words alone does not show where its header ends; the names of the columns do.
    """
    wanted = set(needed)
    if not wanted or wanted <= _match(table, fields, {}).places.keys():
        return table
    for row in islice(table.rows, HEADER_ROWS):
        texts = [cell if isinstance(cell, str) else "" for cell in row.cells]
        heads = [Head(_number(table, place), (text,) if text else ()) for place, text in enumerate(texts)]
        found = replace(table, heads=heads, header_line=row.line, rows=_Below(table.rows, row.line))
        named = _match(found, fields, {}).places.keys()
        # One name alone may stand in any text; a header is mostly names.
        if wanted <= named and len(named) > 1 and 2 * len(named) >= len([text for text in texts if text]):
            return found
    return table


def _number(table: Table, place: int) -> int:
    if place < len(table.heads):
        return table.heads[place].number
    first = table.heads[0].number if table.heads else 0
    return first and first + place


def likeness(tables: Iterable[Table], fields: Sequence[Field], key: Sequence[str], names: Sequence[str]) -> float:
    """How much of its best table a kind understands, from 0 to 2; 0 where a required column is missing."""
    needed = {one.name for one in fields if (one.required or one.name in key) and not one.asked}
    best = 0.0
    for table in tables:
        match = _match(headed(table, fields, needed), fields, {})
        if needed <= match.places.keys():
            best = max(best, len(match.places) / len(match.table.heads) + (1 if table.sheet in names else 0))
    return best


def _match(table: Table, fields: Sequence[Field], answers: Answers) -> _Match:
    by_header = {plain(header): one.name for one in reversed(fields) for header in one.headers()}
    names = {one.name for one in fields}
    match = _Match(table)
    left = []
    for place, head in enumerate(table.heads):
        told = answers.get(column_code(table, place), "")
        name = told if told in names else None
        if told == IGNORE or not head.path:
            continue
        name = name or by_header.get(plain(head.name)) or by_header.get(plain(head.path[-1]))
        if name is None:
            left.append(place)
        elif name in match.places:
            match.doubles.append((match.places[name], place))
        else:
            match.places[name] = place
    free = {header: name for header, name in by_header.items() if name not in match.places}
    for place in left:
        near = difflib.get_close_matches(plain(table.heads[place].path[-1]), free, n=1, cutoff=SIMILAR)
        if near and free[near[0]] not in match.similar.values():
            match.similar[place] = free[near[0]]
    return match


def _meant(
    layout: RecordLayout, asking: Asking, matches: Sequence[_Match], needed: Sequence[str], names: Sequence[str]
) -> list[_Match]:
    """The tables to read: the one there is, the one that is named so, or those that the sender picked."""
    able = [m for m in matches if all(name in m.places or name in m.similar.values() for name in needed)]
    named = [m for m in able if m.table.sheet in names]
    if named or len(able) < 2:
        # Where no table is complete, the one that comes closest shows best what it lacks.
        closest = max(matches, key=lambda m: len(m.places), default=None)
        return named or able or ([closest] if closest and closest.places else [])
    chosen = []
    for match in able:
        place = match.table.place(match.table.header_line)
        told = asking.ask(
            f"table:{match.table.number}",
            gettext("文件里有几张表都像是要导入的内容，%(place)s起的这张要导入吗？") % {"place": place},
            _yes_or_no(),
            place=place,
            suggested=YES,
        )
        if told == YES:
            chosen.append(match)
    if not layout.open_questions and not chosen:
        layout.problems.append(
            Problem(message=gettext("没有选择要导入的表"), remedy=gettext("请至少把一张表选为“导入”"))
        )
    return chosen


def _check(
    layout: RecordLayout, asking: Asking, match: _Match, by_name: Mapping[str, Field], needed: Sequence[str]
) -> None:
    table = match.table
    for first, second in match.doubles:
        heads = table.heads[first], table.heads[second]
        layout.problems.append(
            Problem(
                sheet=table.sheet,
                line=table.header_line,
                column=heads[1].letter or heads[1].name,
                message=gettext("“%(header)s”和“%(header_2)s”是同一项内容，不能确定用哪一列")
                % {"header": heads[0].name, "header_2": heads[1].name},
                remedy=gettext("请只保留其中一列，或把另一列的用途改为“忽略”"),
                group=gettext("两列是同一项内容"),
            )
        )
    for place, name in match.similar.items():
        head, field_ = table.heads[place], by_name[name]
        where = table.place(table.header_line, head)
        asking.ask(
            column_code(table, place),
            gettext("%(place)s“%(header)s”这一列是不是“%(field)s”？")
            % {"place": where, "header": head.name, "field": field_.title},
            ((name, field_.title), (IGNORE, gettext("忽略这一列"))),
            place=where,
            suggested=name,
        )
    missing = [name for name in needed if name not in match.places and name not in match.similar.values()]
    if missing:
        layout.problems.append(missing_columns(table, [by_name[name] for name in missing]))


def missing_columns(table: Table, fields: Sequence[Field], why: str = "") -> Problem:
    """The problem of a table without these columns, which says what is there."""
    return Problem(
        sheet=table.sheet,
        line=table.header_line,
        message=gettext("缺少%(missing)s列%(why)s；现有的列是：%(there)s")
        % {
            "missing": gettext("、").join(f"“{one.title}”" for one in fields),
            "why": why,
            "there": gettext("、").join(f"“{head.name}”" for head in table.heads if head.path) or gettext("（无）"),
        },
        remedy=gettext("请补上这些列，或在下面为已有的列选定用途"),
        group=gettext("缺少列"),
    )


def _no_table(matches: Sequence[_Match], by_name: Mapping[str, Field], needed: Sequence[str], label: str) -> Problem:
    names = gettext("、").join(f"“{by_name[name].title}”" for name in needed)
    if matches:
        return missing_columns(matches[0].table, [by_name[name] for name in needed])
    return Problem(
        message=gettext("文件里没有%(label)s的表") % {"label": label},
        remedy=gettext("请检查文件，表头须有这些列：%(names)s") % {"names": names},
    )


def _show(layout: RecordLayout, match: _Match, fields: Sequence[Field], is_read: bool) -> None:
    by_place = {place: name for name, place in match.places.items()}
    titles = {one.name: one.title for one in fields}
    free = [(one.name, one.title) for one in fields if one.name not in match.places]
    for place, head in enumerate(match.table.heads):
        name = by_place.get(place, "") if is_read else ""
        own = [(name, titles[name])] if name else []
        layout.columns.append(
            ColumnUse(
                table=match.table.number,
                sheet=match.table.sheet,
                letter=head.letter or str(place + 1),
                name=head.name,
                use=titles.get(name, ""),
                code=column_code(match.table, place),
                choices=[(IGNORE, gettext("忽略")), *own, *free] if is_read else (),
            )
        )


def _ask_for_fixed(
    asking: Asking,
    mapped: Mapped,
    by_name: Mapping[str, Field],
    key: Sequence[str],
    codes: Mapping[str, Codes],
    suggested: Mapping[str, str],
) -> None:
    """What a file does not say and every row needs: one answer for the table."""
    for one in by_name.values():
        if not one.asked or one.name in mapped.places or not _is_needed(one, by_name, key, mapped):
            continue
        options = [*((value, str(label)) for value, label in one.more_options), *codes[one.codes].options()]
        if len(options) == 1:  # nothing to choose
            mapped.fixed[one.name] = options[0][0]
            continue
        place = mapped.table.place(mapped.table.header_line)
        text = (
            gettext("%(place)s起的表没有“%(field)s”列，各行的%(field)s是哪一个？")
            if one.name in key
            else gettext("%(place)s起的表没有“%(field)s”列，新增各行的%(field)s是哪一个？")
        )
        told = asking.ask(
            f"{one.name}:{mapped.table.number}",
            text % {"place": place, "field": one.title},
            options,
            place=place,
            suggested=suggested.get(one.name, ""),
        )
        if told:
            mapped.fixed[one.name] = told


def _links(
    matches: Sequence[_Match], match: _Match, by_name: Mapping[str, Field], codes: Mapping[str, Codes]
) -> dict[str, dict[str, str]]:
    """What the primary keys of a Django dump stand for, as far as the dump itself has those rows."""
    if not any(head.name == "pk" for head in match.table.heads):
        return {}
    dumped = {other.table.sheet: other.table for other in matches}
    links = {}
    for name in match.places:
        own = codes.get(by_name[name].codes)
        if own and own.model in dumped:
            links[name] = _codes_by_pk(dumped[own.model])
    return links


def _codes_by_pk(table: Table) -> dict[str, str]:
    places = {head.name: place for place, head in enumerate(table.heads)}
    if not {"pk", "code"} <= places.keys():
        return {}
    told = [(row.cells[places["pk"]], row.cells[places["code"]]) for row in table.rows]
    return {pk: code for pk, code in told if isinstance(pk, str) and isinstance(code, str)}


def _is_needed(one: Field, by_name: Mapping[str, Field], key: Sequence[str], mapped: Mapped) -> bool:
    """A key or required field always, a scope where a column is read within it."""
    used = any(other.within == one.name and other.name in mapped.places for other in by_name.values())
    return one.name in key or one.required or used


def _look_at_rows(layout: RecordLayout, asking: Asking, mapped: Mapped) -> None:
    """Asks about hidden rows, and refuses more rows than can be tried one by one."""
    count, hidden = 0, []
    for row in mapped.table.rows:
        count += 1
        if row.is_hidden:
            hidden.append(row.line)
    if count > MAX_RECORDS:
        layout.problems.append(
            Problem(
                sheet=mapped.table.sheet,
                message=gettext("这张表有 %(count)s %(unit)s，一次最多导入 %(limit)s %(unit)s")
                % {"count": count, "limit": MAX_RECORDS, "unit": mapped.table.unit},
                remedy=gettext("请拆分成几个文件再上传"),
                group=gettext("行数过多"),
            )
        )
    if not hidden:
        return
    told = asking.ask(
        f"hidden_rows:{mapped.table.number}",
        gettext("%(place)s起的表有 %(count)s 个隐藏的行（第 %(lines)s 行），要导入吗？")
        % {
            "place": mapped.table.place(mapped.table.header_line),
            "count": len(hidden),
            "lines": listed(map(str, hidden), 10),
        },
        _yes_or_no(),
        place=mapped.table.place(hidden[0]),
    )
    mapped.with_hidden = told == YES


def _yes_or_no() -> Options:
    return (YES, gettext("导入")), (NO, gettext("不导入"))


def head_of(mapped: Mapped, name: str) -> Head | None:
    """The column that fills a field."""
    place = mapped.places.get(name)
    return None if place is None else mapped.table.heads[place]


def column_of(mapped: Mapped, name: str) -> str:
    """How a message names the column of a field: its letter, or its name in files without letters."""
    head: Any = head_of(mapped, name)
    return "" if head is None else head.letter or head.name
