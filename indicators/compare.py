"""Any indicators over any months beside each other: a chart and a table per unit and kind of period, never two on one.

What is computed here, the index, tells its base; levels and growth are shown as published.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from indicators import calculations
from indicators.charts import told_in
from indicators.models import Indicator, RankPool
from indicators.models.fields import PERIOD_KINDS
from indicators.rows import Figure, Row
from indicators.rows.spans import spans
from lvyuan import periods
from lvyuan.accounts.models import District, User
from lvyuan.numbers import plain, round_to
from lvyuan.periods import Period, PeriodKind
from lvyuan.ui.charts import Mark, Series, line_chart
from lvyuan.ui.words import name_of, period_label, short_name_of

MAX_INDICATORS, MAX_LINES = 8, 16
INDEX_PLACES = 1
NAME_LETTERS = 6  # of an indicator at a mark; the whole stands in the legend
_KIND_LABELS = dict(PERIOD_KINDS)


class Show(models.TextChoices):
    VALUE = "value", gettext_lazy("数值")
    GROWTH = "growth", gettext_lazy("同比增速")
    INDEX = "index", gettext_lazy("指数（首月=100）")


class Cell(NamedTuple):
    """One figure of a line; `value` is what is drawn, None where it cannot be told in the line's unit."""

    figure: Figure
    value: Decimal | None
    unit: str
    version: int  # of the definition
    is_exact: bool
    basis: str


@dataclass(frozen=True, slots=True)
class Line:
    """One indicator of one district in one kind of period; `slots` are those that its calendar has, oldest first."""

    indicator: Indicator
    district: District
    kind: PeriodKind
    slots: tuple[Period, ...]
    cells: Mapping[Period, Cell]
    name: str = ""

    @property
    def unit(self) -> str:
        """The unit of the latest figure."""
        return self.cells[max(self.cells, key=lambda period: period.end)].unit


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart with its table, newest period first; `problem` says why there is neither."""

    id: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    chart: dict[str, Any] | None = None
    table: tuple[tuple[Period, tuple[tuple[str, Figure | None, bool], ...]], ...] = ()
    bases: tuple[tuple[str, Figure], ...] = ()
    base: Period | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared; `absent` names the lines without a figure, `set_aside` counts real figures beside demo ones."""

    panels: tuple[Panel, ...]
    absent: tuple[str, ...] = ()
    set_aside: int = 0


@dataclass(slots=True)
class _Found:
    lines: list[Line] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    set_aside: int = 0


def comparable_districts(home: str) -> list[District]:
    """The home district, then the others of its pools; one query."""
    shared = RankPool.objects.filter(members__district__code=home)
    found = District.objects.filter(models.Q(code=home) | models.Q(rankpoolmember__pool__in=shared)).distinct()
    return sorted(found, key=lambda one: (one.code != home, one.code))


def compare(
    *,
    indicators: Sequence[Indicator],
    districts: Sequence[District],
    since: Period,
    until: Period,
    kind: PeriodKind | None,
    show: Show,
    known_at: dt.datetime | None = None,
    user: User,
) -> Comparison:
    """The panels of the chosen lines from the month `since` to the month `until`; one query.

    `kind` None takes each indicator's primary kind.
    """
    found = spans(
        indicators=indicators,
        districts=districts,
        since=dt.date(since.year_no, 1, 1),  # a slot's own value is told from the cumulative before it
        until=until.end,
        known_at=known_at,
        user=user,
    )
    chosen = _Found()
    rows_of = {
        (indicator, district): [
            row for row in found.get((district.code, indicator.pk), ()) if row.period and row.period.end >= since.end
        ]
        for indicator in indicators
        for district in districts
    }
    invented = any(row.is_invented for rows in rows_of.values() for row in rows)
    for (indicator, district), rows in rows_of.items():
        kept = [row for row in rows if row.is_invented == invented]
        chosen.set_aside += len(rows) - len(kept)
        name = _name(indicator, district, several=(len(indicators) > 1, len(districts) > 1))
        own_kind = kind or PeriodKind(indicator.primary_kind)
        cells = _cells(indicator, kept, own_kind, show)
        if cells:
            slots = _slots(indicator, own_kind, since, until, cells)
            chosen.lines.append(Line(indicator, district, own_kind, slots, cells, name))
        else:
            chosen.absent.append(name)
    groups: dict[tuple[str, PeriodKind], list[Line]] = {}
    for line in chosen.lines:
        groups.setdefault((line.unit if show == Show.VALUE else "", line.kind), []).append(line)
    panels = (
        _panel(f"compare-{number}", lines, group_kind, show)
        for number, ((_unit, group_kind), lines) in enumerate(groups.items(), 1)
    )
    return Comparison(tuple(panels), tuple(chosen.absent), chosen.set_aside)


def _name(indicator: Indicator, district: District, *, several: tuple[bool, bool]) -> str:
    """What tells a line apart: the indicator, the district, or both."""
    if several == (False, True):
        return district.short_name
    return f"{name_of(indicator)} · {short_name_of(district)}" if all(several) else str(name_of(indicator))


def _cells(indicator: Indicator, rows: Iterable[Row], kind: PeriodKind, show: Show) -> dict[Period, Cell]:
    """By period, the figures of one kind; a month or quarter alone also from the difference of two cumulatives."""
    approved, derived = {}, {}
    for row in rows:
        period = row.period
        assert period
        if period.kind is kind and (cell := _cell(row, row.growth if show == Show.GROWTH else row.value, show)):
            approved[period] = cell
            continue
        own = _own_slot(indicator, period)
        if show != Show.GROWTH and own is not None and own.kind is kind and (cell := _cell(row, row.slot_value, show)):
            derived[own] = cell
    # What was approved for the slot itself comes first: the sum of published months is not the published cumulative.
    return {**derived, **approved}


def _cell(row: Row, figure: Figure | None, show: Show) -> Cell | None:
    if figure is None or figure.value is None or row.vintage is None:
        return None
    unit = "%" if show == Show.GROWTH else row.unit
    return Cell(figure, figure.value, unit, row.vintage.version, row.is_exact, row.growth_basis)


def _own_slot(indicator: Indicator, period: Period) -> Period | None:
    """The month or quarter that a cumulative's own slot is; None where it is neither."""
    if period.kind is not PeriodKind.YTD or not indicator.slots:
        return None
    if indicator.slots == periods.QUARTERLY:
        return Period.quarter(period.year_no, period.month_no // 3)
    if indicator.slots in (periods.MONTHLY, periods.FROM_FEBRUARY):
        return Period.month(period.year_no, period.month_no)
    return None


def _slots(
    indicator: Indicator, kind: PeriodKind, since: Period, until: Period, cells: Mapping[Period, Cell]
) -> tuple[Period, ...]:
    """The calendar's slots between the first and the last month, and whatever has a figure besides."""
    calendar = {
        slot
        for year in range(since.year_no, until.year_no + 1)
        for slot in periods.slots_of_year(indicator.slots, year, kind)
        if since.end <= slot.end <= until.end
    }
    return tuple(sorted(calendar | set(cells), key=_in_order))


def _in_order(period: Period) -> tuple[dt.date, dt.date]:
    return period.end, period.start or period.end


def _panel(panel_id: str, lines: Sequence[Line], kind: PeriodKind, show: Show) -> Panel:
    unit = lines[0].unit if show == Show.VALUE else "%" if show == Show.GROWTH else ""
    kind_label = str(_KIND_LABELS[kind.value])
    base: Period | None = None
    bases: tuple[tuple[str, Figure], ...] = ()
    title = f"{Show(show).label} · {kind_label}"
    notes = []
    if show == Show.INDEX:
        title = _("指数 · %(kind)s") % {"kind": kind_label}
        base = _first_common(lines)
        if base is None:
            problem = _("所选月份里没有哪一期各条线都有大于零的确数，不能算指数。")
            return Panel(panel_id, title, "", tuple(lines), problem=problem)
        bases = tuple((line.name, line.cells[base].figure) for line in lines)
        if any(_version_breaks(line) for line in lines):
            notes.append(_("口径变更后的各期与基期不可比，不算指数。"))
        lines = [_as_index(line, base) for line in lines]
    if show == Show.GROWTH:
        notes += _bases_differ(lines)
    if show == Show.VALUE and any(cell.figure.is_derived for line in lines for cell in line.cells.values()):
        notes.append(_("当月、当季的数由累计相减推算，不是公布数。"))
    known = {period for line in lines for period in line.cells}
    first, last = min(known, key=_in_order), max(known, key=_in_order)
    shown = sorted(
        {slot for line in lines for slot in line.slots if _in_order(first) <= _in_order(slot) <= _in_order(last)},
        key=_in_order,
    )
    return Panel(
        panel_id,
        title,
        unit,
        tuple(lines),
        chart=_chart(title, unit, lines, shown, show),
        table=tuple((period, tuple(_table_cell(line, period) for line in lines)) for period in reversed(shown)),
        bases=bases,
        base=base,
        notes=tuple(notes),
    )


def _table_cell(line: Line, period: Period) -> tuple[str, Figure | None, bool]:
    """(the line's name, its figure, whether one is missing between two that are there)."""
    cell = line.cells.get(period)
    ends = [known.end for known in line.cells]
    return line.name, cell.figure if cell else None, period in line.slots and min(ends) < period.end < max(ends)


def _bases_differ(lines: Sequence[Line]) -> list[str]:
    said = {line.name: sorted({cell.basis or _("未说明") for cell in line.cells.values()}) for line in lines}
    if len({basis for bases in said.values() for basis in bases}) < 2:
        return []
    told = _("；").join(f"{name} {_('、').join(bases)}" for name, bases in said.items())
    return [_("增速口径不同：%(told)s。") % {"told": told}]


def _first_common(lines: Sequence[Line]) -> Period | None:
    """The first period at which every line has an exact figure above zero."""
    first, *others = (
        {period for period, cell in line.cells.items() if cell.is_exact and cell.value is not None and cell.value > 0}
        for line in lines
    )
    return min(first.intersection(*others), key=_in_order, default=None)


def _as_index(line: Line, base: Period) -> Line:
    """The line in hundredths of its figure at the base; only what is of the base's definition and unit."""
    at_base = line.cells[base]
    cells = {}
    for period, cell in line.cells.items():
        if not cell.is_exact or (cell.version, cell.unit) != (at_base.version, at_base.unit):
            continue
        index = round_to(calculations.index_number(cell.value, at_base.value), INDEX_PLACES)
        if index is not None:
            key = f"{cell.figure.key.rpartition('/')[0]}/index@{base.code}"
            cells[period] = cell._replace(figure=Figure(key, plain(index), index, True), value=index, unit="")
    return replace(line, cells=cells)


def _version_breaks(line: Line) -> list[Period]:
    """The first period of each new definition."""
    known = sorted(line.cells, key=_in_order)
    return [later for before, later in pairwise(known) if line.cells[before].version != line.cells[later].version]


def _chart(title: str, unit: str, lines: Sequence[Line], shown: Sequence[Period], show: Show) -> dict[str, Any]:
    """One line each, broken at a new definition and where `_starts_anew`."""
    axis = set(shown)
    series, changed = [], set()
    alone = len({line.indicator.pk for line in lines}) == 1
    for line in lines:
        changes = _version_breaks(line)
        points = [slot for slot in line.slots if slot in axis]
        restarts = [slot for before, slot in pairwise(points) if _starts_anew(before, slot, show)]
        series.append(
            Series(
                name=line.name,
                points=[(period_label(slot), _drawn(line.cells.get(slot), unit)) for slot in points],
                breaks=[period_label(slot) for slot in {*changes, *restarts}],
            )
        )
        changed |= {(change, "" if alone else _short(line.indicator)) for change in changes}
    marks = [
        Mark(at=period_label(change), text=_("%(who)s口径变更") % {"who": who})
        for change, who in sorted(changed, key=lambda one: (_in_order(one[0]), one[1]))
    ]
    return line_chart(title=title, series=series, unit=unit, marks=marks, labels=[period_label(slot) for slot in shown])


def _starts_anew(before: Period, slot: Period, show: Show) -> bool:
    """Levels to date begin anew each year; single months that no calendar has (January, February) are a gap."""
    if slot.kind is PeriodKind.YTD:
        return show != Show.GROWTH and before.year_no != slot.year_no
    return slot.kind is PeriodKind.MONTH and calculations.months_left(before.end, slot.end) > 1


def _short(indicator: Indicator) -> str:
    return str(name_of(indicator)).partition("（")[0][:NAME_LETTERS]


def _drawn(cell: Cell | None, unit: str) -> Decimal | None:
    return told_in(cell.value, cell.unit, unit) if cell else None
