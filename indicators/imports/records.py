"""What leaves a file's tables, whatever their shape: one statement about one figure, in long form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

from django.utils.translation import gettext, gettext_noop

from indicators.imports.understanding.columns import figure_in, is_no_figure, period_cell, plain_figure, plain_growth
from indicators.imports.understanding.when import NOTHING, QUARTERS, When, period_text
from indicators.imports.understanding.wording import REMEMBERED, SILENT, Said, Wording, key_of, squeezed, units_of
from lvyuan.imports.asking import IGNORE
from lvyuan.imports.table import Cell, Flaw, Row
from lvyuan.numbers import UNITS, plain
from lvyuan.periods import PeriodKind

AS_IS: Final = "as_is"
STEP: Final = 6  # months from one line to the next, where a table goes back in time


@dataclass(slots=True)
class Record:
    """One figure as the file states it, by the names of `lines.COLUMNS`; what is absent or empty is "".

    `indicator` and `district` are codes where the text was understood, else the text; `period` is a period's code
    where it was, else the text. `columns` says in which column each field stands (a letter, absent where it has none:
    it comes from a title, or from an answer). `flaws` are the cells that could not be read, by field: they refuse
    the row.
    """

    line: int
    cells: Mapping[str, str]
    columns: Mapping[str, str]
    flaws: tuple[tuple[str, Flaw], ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def column(self) -> str:
        """The letter of the column that holds the figure: of the value, else the growth, the rank, the words."""
        columns = self.columns
        return next((columns[name] for name in ("value", "growth", "rank", "text") if name in columns), "")


@dataclass(frozen=True, slots=True)
class Meant:
    """What the reader needs to know of an indicator."""

    code: str
    kind: PeriodKind
    unit: str  # of its latest definition; "" when none is fixed
    is_words: bool = False  # what it says is no number: 动态清零


@dataclass(frozen=True, slots=True)
class Field:
    """One figure column of a slot; `is_fraction` ones say 0.171 for 17.1%."""

    name: str
    place: int
    is_fraction: bool = False


@dataclass(slots=True)
class Slot:
    """The columns that speak of one figure, and what their heads say of it; the rest comes from the row."""

    indicator: str = ""
    district: str = ""
    when: When = NOTHING
    unit: str = ""
    by: str = ""
    fields: list[Field] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowName:
    """What the name of a row says; `code` is empty when no indicator is named."""

    code: str = ""
    text: str = ""  # as written, when nothing matches
    said: Said = SILENT
    is_left_out: bool = False


class _PlainName(NamedTuple):
    """What a plain row's name says: the indicator, its kind and own unit, and the unit where the row states none."""

    code: str
    kind: PeriodKind
    own: str
    unit: str


_HIDDEN: Final = Flaw(
    gettext_noop("这一行是隐藏的，开头的几行里没有隐藏行，所以没有问过"),
    gettext_noop("请取消隐藏，或删去这一行"),
)
_ELSEWHERE: Final = (
    gettext_noop("指标名称里写的是区划 %(row)s，区划列写的是 %(column)s"),
    gettext_noop("请改成同一个区划"),
)
_TWO: Final = (
    gettext_noop("这一行说的是指标 %(row)s，这一列说的是指标 %(column)s"),
    gettext_noop("请只在行里或只在列里写指标"),
)


@dataclass(slots=True)
class Shape:
    """How one table's rows become records."""

    wording: Wording
    meant: Mapping[str, Meant]
    labels: dict[str, int] = field(default_factory=dict)  # use → index in the row
    period_places: tuple[tuple[int, str], ...] = ()  # index, head
    slots: list[Slot] = field(default_factory=list)
    context: Slot = field(default_factory=Slot)  # what titles and answers say for the whole table
    names: dict[str, str] = field(default_factory=dict)  # cleaned row name → code or IGNORE, as answered
    places: dict[str, str] = field(default_factory=dict)  # the same for districts
    dates: dict[tuple[str, int], When | str] = field(default_factory=dict)  # period text, line (0: any) → as answered
    units: dict[str, str] = field(default_factory=dict)  # code → unit where the file states none
    corrected: dict[str, str] = field(default_factory=dict)  # code → the unit that was meant
    fractions: frozenset[str] = frozenset()  # codes whose values are fractions, "growth" for rows of growth
    bare_scope: str = ""  # month or ytd: what 6月 means
    quarter_scope: str = ""  # quarter or ytd: what 二季度 of a title means
    rank_by: str = ""  # what ranks in rows go by, or IGNORE
    year_label: str = ""  # what a bare year means when the title says 1—6月
    takes_last_year: bool = False
    hidden: str = ""  # IGNORE, "import", or "" when nobody was asked
    is_long: bool = False
    has_measure_rows: bool = False
    _named: dict[str, RowName] = field(default_factory=dict, init=False)
    _whens: dict[tuple[str, ...], When | str] = field(default_factory=dict, init=False)
    _periods: dict[tuple[str, int, object], str] = field(default_factory=dict, init=False)
    _districts: dict[str, str] = field(default_factory=dict, init=False)
    _units: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)
    _last: str = field(default="", init=False)
    _is_left_out: bool = field(default=False, init=False)
    _run: tuple[int, int, int] | None = field(default=None, init=False)  # year, month, and whether months go up or down

    def restart(self) -> None:
        """The next row is the first one."""
        self._last, self._is_left_out, self._run = "", False, None

    def records(self, rows: Iterable[Row]) -> Iterator[Record]:
        """The figures of the rows, in their order; constant memory."""
        self.restart()
        is_simple = self.is_long and len(self.period_places) == 1 and "measure" not in self.labels
        if is_simple and not (self.has_measure_rows or self.dates or self.corrected or self.fractions):
            return self._long(rows)
        found = (record for row in rows for record in self._row(row))
        return self._joined(found) if self.has_measure_rows else found

    def _long(self, rows: Iterable[Row]) -> Iterator[Record]:
        """As `_row` of every row, but what is plain in a row of indicator, period and figures is taken as it stands."""
        (slot,), ((period, _head),) = self.slots, self.period_places
        indicator, district, unit = self.labels["indicator"], self.labels.get("district"), self.labels.get("unit")
        more = [(use, place) for use, place in self.labels.items() if use not in ("indicator", "district", "unit")]
        parts = [(part.name, part.place) for part in slot.fields]
        columns, names = slot.columns, dict[Cell, _PlainName | None]()
        # Each label is looked up for itself: together they are as many as the rows.
        periods: defaultdict[PeriodKind, dict[Cell, str]] = defaultdict(dict)
        is_plain_slot = not any(part.is_fraction for part in slot.fields)
        for row in rows:
            cells = row.cells
            if (text := cells[indicator]) in names:
                name = names[text]
            else:
                name = _noted(names, text, self._plain_name(text) if is_plain_slot else None)
            texts = None
            if name is not None and row.flaw is None and not row.is_hidden:
                whens, text = periods[name.kind], cells[period]
                when = whens.get(text) or _noted(whens, text, self._plain_period(name, text))
                place = self._plain_place("" if district is None else cells[district])
                if when and place is not None:
                    texts = {"indicator": name.code, "district": place, "period": when}
                    if not self._add_plain(texts, cells, name, parts, more, "" if unit is None else cells[unit]):
                        texts = None
            if texts is None:
                yield from self._row(row)
            else:
                yield Record(row.line, texts, columns)

    def _plain_name(self, text: Cell) -> _PlainName | None:
        """What the name of a plain row says; None where more must be looked at."""
        name = self.row_name(text) if isinstance(text, str) else RowName()
        said = name.said
        if not name.code or said.measure or said.when or said.district or len(said.units) > 1:
            return None
        meant = self.meant[name.code]
        stated = next(iter(said.units), "") or self.slots[0].unit or self.units.get(name.code)
        return _PlainName(name.code, meant.kind, meant.unit, spelled(stated, meant.unit) if stated else "")

    def _plain_period(self, name: _PlainName, text: Cell) -> str:
        """The period of a plain row; of the indicator only its kind counts."""
        if not isinstance(text, str) or not text:
            return ""
        when = self._when_of((text,))
        return when if isinstance(when, str) else self.period_of(name.code, self.slots[0], when)

    def _plain_place(self, text: Cell) -> str | None:
        """The district of a plain row; None where more must be looked at."""
        place = self._district(text) if isinstance(text, str) else IGNORE
        return None if place == IGNORE else place or self.slots[0].district or self.context.district

    def _add_plain(
        self,
        texts: dict[str, str],
        cells: list[Cell],
        row_name: _PlainName,
        parts: list[tuple[str, int]],
        more: list[tuple[str, int]],
        unit: Cell,
    ) -> bool:
        """Adds the other texts of a row whose figures are plain digits; False for any other."""
        has_figure = False
        for name, place in parts:
            cell = cells[place]
            if not cell:
                continue
            if not isinstance(cell, str) or not cell.isascii() or not cell[-1].isdigit() or " " in cell:
                return False
            texts[name] = cell
            has_figure = True
        for name, place in more:
            cell = cells[place]
            if not isinstance(cell, str):
                return False
            if cell:
                texts[name] = cell
        if not has_figure or not isinstance(unit, str):
            return False
        if "value" in texts and (stated := spelled(self._level_unit(unit), row_name.own) if unit else row_name.unit):
            texts["unit"] = stated
        if "rank" in texts and self.slots[0].by:
            texts.setdefault("rank_by", self.slots[0].by)
        return True

    def _joined(self, records: Iterable[Record]) -> Iterator[Record]:
        """Rows of 总量 and 增速 below each other speak of one figure."""
        open_: dict[tuple[str, str, str], Record] = {}
        for record in records:
            if open_ and next(iter(open_))[0] != record["indicator"]:
                yield from open_.values()
                open_ = {}
            key = record["indicator"], record["district"], record["period"]
            earlier = open_.get(key)
            if earlier is None:
                open_[key] = record
            elif not {"value", "growth", "rank"} & earlier.cells.keys() & record.cells.keys():
                open_[key] = replace(
                    earlier,
                    cells={**record.cells, **earlier.cells},
                    columns={**record.columns, **earlier.columns},
                    flaws=earlier.flaws + record.flaws,
                )
            else:
                yield record
        yield from open_.values()

    def _row(self, row: Row) -> list[Record]:
        if row.flaw:
            return [Record(row.line, {}, {}, (("", row.flaw),))]
        cells, labels, flaws = row.cells, self.labels, []
        if row.is_hidden and self.hidden != "import":
            if self.hidden == IGNORE or not any(figure_in(c) for c in cells if isinstance(c, str) and c):
                return []
            flaws.append(("", _HIDDEN))
        base: dict[str, str] = {}
        for use, place in labels.items():
            cell = cells[place]
            if isinstance(cell, Flaw):
                flaws.append((use, cell))
            elif cell:
                base[use] = cell
        name = self.row_name(base.pop("indicator", ""))
        if name.code or name.text:  # 增速 below a name that is left out, or that nobody knows, is not the one's above
            self._last, self._is_left_out = name.code, name.is_left_out
        if name.is_left_out or (self._is_left_out and name.said.measure in ("growth", "rank", "last_year")):
            return []
        said, own_unit = name.said, base.pop("unit", "")
        measure = said.measure
        if "measure" in base:
            kind = self.wording.read(base.pop("measure"))
            measure = kind.measure or measure
            said = replace(said, when=said.when.under(kind.when), units=kind.units or said.units, by=kind.by or said.by)
        if measure in ("ignored", "unsure") or (measure == "last_year" and not self.takes_last_year):
            return []
        code = name.code or (self._last if measure in ("growth", "rank", "last_year") and not name.text else "")
        district = self._district(base.pop("district", "")) or said.district
        if district == IGNORE:
            return []
        if said.district and said.district != district:
            names = {"row": said.district, "column": district}
            flaws.append(("district", Flaw(gettext(_ELSEWHERE[0]) % names, _ELSEWHERE[1])))
        when = self._when(row, flaws) if self.period_places else said.when
        if when == IGNORE:
            return []
        found = []
        for number, slot in enumerate(self.slots):
            record = self._record(row.line, cells, slot, measure, flaws)
            if record is None:
                if not self.is_long or not (code or name.text) or not when:
                    continue
                record = Record(row.line, {}, slot.columns, tuple(flaws))
            if code and slot.indicator not in ("", code):
                names = {"row": code, "column": slot.indicator}
                record.flaws += (("indicator", Flaw(gettext(_TWO[0]) % names, _TWO[1])),)
            meant = code or slot.indicator or ("" if name.text else self.context.indicator)
            texts = {**base, **record.cells, "indicator": meant or name.text}
            texts["district"] = district or slot.district or self.context.district
            texts["period"] = self._period(meant, number, slot, when, said, measure)
            is_words = meant in self.meant and self.meant[meant].is_words
            if is_words and "value" in texts and not figure_in(texts["value"]):
                texts["text"] = texts.pop("value")
                record.columns = {"text" if use == "value" else use: at for use, at in record.columns.items()}
            if "value" in texts:
                self._say_unit(texts, meant, own_unit, said, slot)
                if meant in self.fractions:
                    texts["value"] = hundredfold(texts["value"])
            elif "growth" in texts and measure == "growth" and "growth" in self.fractions:
                texts["growth"] = hundredfold(texts["growth"])
            by = slot.by or said.by or self.rank_by
            if "rank" in texts and by == IGNORE:
                continue
            if "rank" in texts and "rank_by" not in texts and by:
                texts["rank_by"] = by
            record.cells = texts
            found.append(record)
        return found

    def _record(
        self, line: int, cells: list[Cell], slot: Slot, measure: str, row_flaws: list[tuple[str, Flaw]]
    ) -> Record | None:
        """The slot's figures in this row; None when there are none."""
        texts: dict[str, str] = {}
        flaws, columns, has_figure = row_flaws, slot.columns, False
        for part in slot.fields:
            cell = cells[part.place]
            if not cell:
                continue
            name = part.name
            if measure in ("growth", "rank") and name != measure:
                if name != "value":
                    continue
                name = measure
                columns = {name if use == part.name else use: letter for use, letter in columns.items()}
            if isinstance(cell, Flaw):
                flaws = [*flaws, (name, cell)]
                continue
            text = plain_figure(plain_growth(cell) if name == "growth" else cell)
            has_figure = has_figure or text[-1] in "0123456789%" or not is_no_figure(text)
            texts[name] = hundredfold(text) if part.is_fraction else text
        if not has_figure and len(flaws) == len(row_flaws):
            return None
        return Record(line, texts, columns, tuple(flaws))

    # Labels

    def row_name(self, text: str) -> RowName:
        """What the text in the column of indicators names."""
        if (found := self._named.get(text)) is None:
            found = _noted(self._named, text, self._read_name(text))
        return found

    def _read_name(self, text: str) -> RowName:
        if not text:
            return RowName()
        told = self.names.get(key_of(text), "")
        said = self.wording.read(text)
        if told == IGNORE:
            return RowName(text=text, is_left_out=True)
        if told:
            return RowName(told, said=replace(said, indicators=(told,)))
        if said.indicator:
            return RowName(said.indicator, said=said)
        return RowName(text="" if (said.measure or said.when or said.district) and not said.rest else text, said=said)

    def _district(self, text: str) -> str:
        if (found := self._districts.get(text)) is None:
            told = self.places.get(key_of(text)) or self.wording.read(text).district
            found = _noted(self._districts, text, told or text)
        return found

    def _when(self, row: Row, flaws: list[tuple[str, Flaw]]) -> When | str:
        """What the row's period columns say together; a text that is a code or that nobody can read stays a text."""
        texts = tuple(
            c if isinstance(c, str) else "" for c in (row.cells[place] for place, _head in self.period_places)
        )
        flaws += [
            ("period", c) for c in (row.cells[place] for place, _head in self.period_places) if isinstance(c, Flaw)
        ]
        return self.row_when(texts, row.line)

    def row_when(self, texts: tuple[str, ...], line: int) -> When | str:
        """What the texts of a line say; lines are given in their order."""
        when = (self.told_when(texts, line) if self.dates else "") or self._when_of(texts)
        return when if self.is_long or isinstance(when, str) else self._dated(when)

    def _dated(self, when: When) -> When:
        """The period with the year that is written once over several lines: 2022年1—3月, 1—6月, or a line 2022年.

        It holds as long as the months go up, or down in small steps; what may be another year's stays without one.
        """
        if when.year:
            self._run = when.year, when.end_month, 0
        elif self._run and when.end_month:
            year, before, direction = self._run
            step = when.end_month - before if before else 0
            if step < -STEP or step * direction < 0:
                self._run = None
                return when
            self._run = year, when.end_month, direction or (step > 0) - (step < 0)
            return replace(when, year=year)
        return when

    def _when_of(self, texts: tuple[str, ...]) -> When | str:
        if (when := self._whens.get(texts)) is None:
            when = _noted(self._whens, texts, self.read_when(texts))
        return when

    def told_when(self, texts: tuple[str, ...], line: int) -> When | str:
        """What the sender said of a date with two readings in this line; "" when nothing was asked."""
        told = (self.dates.get((text, line)) or self.dates.get((text, 0)) for text in texts)
        return next((when for when in told if when), "")

    def read_when(self, texts: tuple[str, ...]) -> When | str:
        """As `_when`, of the texts alone."""
        when = NOTHING
        for text, (_place, head) in zip(texts, self.period_places, strict=True):
            if text:
                said = period_cell(text, head, self.wording)
                if said is None:
                    return text
                when = when.under(said)
        return when

    def _period(self, code: str, number: int, slot: Slot, row: When | str, said: Said, measure: str) -> str:
        if isinstance(row, str):
            return row
        key = code, number, (row, said.when, measure)
        if (text := self._periods.get(key)) is None:
            text = _noted(self._periods, key, self.period_of(code, slot, row.under(said.when), measure))
        return text

    def period_of(self, code: str, slot: Slot, row: When, measure: str = "") -> str:
        """The code of the period that column, row and title name together for an indicator, else their text."""
        return period_text(
            self.whole(slot, row, measure), self.meant[code].kind if code in self.meant else PeriodKind.YTD
        )

    def whole(self, slot: Slot, row: When, measure: str = "") -> When:
        """Column, row and title together."""
        own = slot.when.under(row)
        outer = replace(self.context.when, scope="")
        if own.year and not own.label and outer.label and outer.year != own.year:
            outer = replace(outer, label=self.year_label)
        when = own.under(outer)
        if measure == "last_year":
            when = replace(when, back=1)
        scope = self.context.when.scope or self.bare_scope
        if when.label in QUARTERS and not own.label and not own.scope:
            scope = self.context.when.scope or self.quarter_scope
        elif not when.is_bare_month:
            return when
        return replace(when, scope=scope) if scope else when

    # Units

    def stated_unit(self, own: str, said: Said, slot: Slot) -> str:
        """The unit that row or column states for a level, before what titles and answers say."""
        if own:
            return self._level_unit(own)
        levels = _levels(said.units) if said.measure in ("", "value") else ()
        return levels[0] if len(levels) == 1 else slot.unit

    def _level_unit(self, text: str) -> str:
        """The one unit of a level that a cell names (亿元、%), else its text."""
        if (units := self._units.get(text)) is None:
            units = _noted(self._units, text, _levels(units_of(squeezed(text))))
        return units[0] if len(units) == 1 else text

    def _say_unit(self, texts: dict[str, str], code: str, own: str, said: Said, slot: Slot) -> None:
        if code in self.corrected:
            unit = self.corrected[code]
        else:
            unit = self.stated_unit(own, said, slot)
            if not unit and texts["value"][-1].isdigit():
                unit = self.units.get(code, "")
        if unit:
            texts["unit"] = spelled(unit, self.meant[code].unit if code in self.meant else "")


K = TypeVar("K")
V = TypeVar("V")


def _noted(cache: dict[K, V], key: K, value: V) -> V:
    """The value, kept for the next time; a million different texts are not all kept."""
    if len(cache) >= REMEMBERED:
        cache.clear()
    cache[key] = value
    return value


def _levels(units: tuple[str, ...]) -> tuple[str, ...]:
    """The units a level can have: beside others % is that of the growth."""
    return tuple(unit for unit in units if unit != "%") or units


def spelled(unit: str, own: str) -> str:
    """万 and 亿 alone are the indicator's own counting unit's: 亿 of a sum of money is 亿元."""
    if unit in ("万", "亿") and own in UNITS:
        whole = next((u.name for u in UNITS.values() if u.dimension == UNITS[own].dimension and u.scale == 1), "")
        return f"{unit}{whole}" if f"{unit}{whole}" in UNITS else unit
    return unit


def hundredfold(text: str) -> str:
    """0.171 as 17.1; texts that are no plain number, or say their unit, stay."""
    figure = figure_in(text)
    if figure is None or figure.value is None or figure.unit:
        return text
    value = (figure.value * Decimal(100)).normalize()
    return plain(value)
