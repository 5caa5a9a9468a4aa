"""Trends as plotly figures; level and growth never share an axis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext

from indicators.beside import RunUp, around
from indicators.checks import in_unit
from indicators.models import Entry, Indicator
from indicators.pace import Point, Schedule, read_trails
from indicators.rows import Row
from lvyuan.numbers import NumberError, convert, plain
from lvyuan.periods import Period, PeriodKind, has_slot
from lvyuan.ui.charts import Kind, Mark, Series, comparison_chart, heatmap_chart, line_chart
from lvyuan.ui.words import name_of, period_label

SHOWN_SLOTS = 26  # two years and a bit; all of it stands in the table
MIN_YEARS, MAX_YEARS = 2, 10  # of growth by month
EVENT_LETTERS = 6  # a mark's text; the whole stands in 大事记
REASON_LETTERS = 12  # of a target's change in the legend; the whole stands with its versions


def indicator_charts(
    rows: Sequence[Row],
    indicator: Indicator,
    *,
    past: Mapping[Period, Point] | None = None,
    schedules: Sequence[Schedule] = (),
    events: Sequence[tuple[dt.date, str]] = (),
    standings: Sequence[tuple[str, Decimal | None]] = (),
    standings_title: str = "",
    own: str = "",
) -> list[dict[str, Any]]:
    """The charts of one indicator from its newest `rows` (newest first), none for what nobody reported.

    Level to date with last year's and the schedule (`schedules`: the target in force, then the versions it replaced),
    the slot's own value apart, growth, the pool beside each other (`standings` of growth, in percent), and growth by
    month and year from `past`, whose last years are drawn. Breaks and events are marked on the time axes.
    """
    shown = [row for row in reversed(rows[:SHOWN_SLOTS]) if row.period is not None]
    unit = next((row.unit for row in rows if row.value), "")
    marks = _marks(shown, events)
    cumulative = any(row.period.kind is PeriodKind.YTD for row in shown if row.period)
    charts = [
        # Year-to-date levels start anew each January: bars, since a line from December to February means nothing.
        _trend(
            "value",
            gettext("%(indicator)s · %(what)s")
            % {"indicator": name_of(indicator), "what": gettext("累计值") if cumulative else gettext("数值")},
            unit,
            "bar" if cumulative else "line",
            [
                Series(name=gettext("本年"), points=_points(shown, "value", unit), role="actual"),
                Series(
                    name=gettext("上年同期"),
                    points=_points(shown, "last_year", unit),
                    role="last_year",
                    kind="line",
                    breaks=_restarts(shown, marks) if cumulative else None,
                ),
                *_schedules(schedules, unit),
            ],
            marks,
        ),
        _trend(
            "slot_value",
            gettext("%(indicator)s · 当期值") % {"indicator": name_of(indicator)},
            unit,
            "bar",
            [Series(name=gettext("当期"), points=_points(shown, "slot_value", unit), role="actual")],
            marks,
        ),
        _trend(
            "growth",
            gettext("%(indicator)s · 同比增长") % {"indicator": name_of(indicator)},
            "%",
            "line",
            [Series(name=gettext("同比增长"), points=_points(shown, "growth", "%"), role="actual")],
            marks,
        ),
    ]
    if sum(value is not None for _, value in standings) > 1:
        figure = comparison_chart(title=standings_title, bars=standings, own=own, unit="%")
        charts.append({"id": "chart-standings", "title": standings_title, "figure": figure})
    charts.append(_growth_by_month(past or {}, indicator))
    return [chart for chart in charts if chart is not None]


def _trend(
    measure: str, title: str, unit: str, kind: Kind, series: Sequence[Series], marks: Sequence[Mark]
) -> dict[str, Any] | None:
    told = [one for one in series if any(value is not None for _, value in one.points)]
    if not told or told[0].role != "actual":
        return None
    figure = line_chart(title=title, series=told, unit=unit, kind=kind, marks=marks)
    return {"id": f"chart-{measure}", "title": title, "figure": figure}


def _points(rows: Sequence[Row], attribute: str, unit: str) -> list[tuple[str, Decimal | None]]:
    return [(period_label(row.period), point_in(row, attribute, unit)) for row in rows if row.period is not None]


def _schedules(schedules: Sequence[Schedule], unit: str) -> list[Series]:
    """Where the target's path stands, slot by slot, and where the versions before it stood.

    A version in a unit that the chart's cannot be told in has no line.
    """
    told = []
    for number, schedule in enumerate(schedules):
        target = schedule.target
        points = [(period_label(period), value) for period, value in schedule.points]
        if not points or told_in(Decimal(1), target.unit, unit) is None:
            continue
        name = gettext("原应完成") if number else gettext("应完成")
        if len(schedules) > 1:
            reason = target.reason or gettext("原定")
            short = reason if len(reason) <= REASON_LETTERS else f"{reason[:REASON_LETTERS]}…"
            name = gettext("%(name)s（第%(version)s版：%(reason)s）") % {
                "name": name,
                "version": target.version,
                "reason": short,
            }
        told.append(
            Series(name=name, points=points, role="old_target" if number else "schedule", kind="line", unit=target.unit)
        )
    return told


def _marks(rows: Sequence[Row], events: Sequence[tuple[dt.date, str]]) -> list[Mark]:
    """A break where the definition changed, an event in the slot it fell into."""
    marks = [
        Mark(at=period_label(row.period))
        for before, row in pairwise(rows)
        if row.period and row.vintage and before.vintage and row.vintage.version != before.vintage.version
    ]
    for happened_on, title in events:
        slot = next((row.period for row in rows if row.period and row.period.end >= happened_on), None)
        if slot is not None and rows[0].period and happened_on > rows[0].period.end - dt.timedelta(31):
            marks.append(Mark(at=period_label(slot), text=title[:EVENT_LETTERS], kind="event"))
    return marks


def _restarts(rows: Sequence[Row], marks: Sequence[Mark]) -> list[str]:
    """Where a line of levels to date begins anew: each year, and at each new definition."""
    ends = [row.period for row in rows if row.period is not None]
    januaries = {period_label(later) for before, later in pairwise(ends) if before.year_no != later.year_no}
    return sorted(januaries | {mark.at for mark in marks if mark.kind == "break"})


def _growth_by_month(past: Mapping[Period, Point], indicator: Indicator) -> dict[str, Any] | None:
    """Growth to date by slot and year; None under two years of it."""
    found = {
        (period.year_no, period.month_no): point.growth for period, point in past.items() if point.growth is not None
    }
    years = sorted({year for year, _ in found}, reverse=True)
    years = [year for year in years if year > years[0] - MAX_YEARS]
    if len(years) < MIN_YEARS or not indicator.slots:
        return None
    title = gettext("%(indicator)s · 各年各期同比增长") % {"indicator": name_of(indicator)}
    last = max(month for year, month in found if year == years[0])
    lines = [
        (
            (gettext("%(year)s年") % {"year": year}),
            [found.get((year, month)) for month in indicator.slots if year != years[0] or month <= last],
        )
        for year in years
    ]
    columns = [(gettext("1—%(month)s月") % {"month": month}) for month in indicator.slots]
    figure = heatmap_chart(title=title, columns=columns, rows=lines, unit="%", centre=Decimal(0))
    return {"id": "chart-months", "title": title, "figure": figure}


def point_in(row: Row, attribute: str, unit: str) -> Decimal | None:
    """The figure in the chart's unit; None where it cannot be told in it, never a point on another scale."""
    figure = getattr(row, attribute)
    if figure is None:
        return None
    return told_in(figure.value, "%" if attribute == "growth" else row.unit, unit)


def told_in(value: Decimal | None, own: str, unit: str) -> Decimal | None:
    """A figure of the unit `own` in another; None where it cannot be told in it."""
    if value is None or own == unit:
        return value
    try:
        return convert(value, own, unit)
    except NumberError:
        return None


@dataclass(frozen=True, slots=True)
class Spark:
    """A sparkline as two SVG paths in a box of 104 × 24: what is approved, and the draft; `title` says it in words."""

    past: str
    draft: str
    title: str
    is_line: bool


_STEP, _HEIGHT, _BAR = 8, 24, 5
MIN_TRAIL, TRAIL_YEARS = 3, 2


def sparkline(run_up: RunUp, entry: Entry | None, unit: str) -> Spark:
    """The slots before and the draft behind them; cumulative levels as bars, all else as a line."""
    drafted = (entry.value if run_up.measure == "value" else entry.growth) if entry else None
    if entry and run_up.measure == "value" and drafted is not None:
        drafted = in_unit(drafted, entry.unit, unit)
    joined = run_up.measure == "growth" or run_up.points[0][0].kind is not PeriodKind.YTD
    return _spark([*run_up.points, (None, drafted)], run_up.unit, is_line=joined)


def tile_sparks(rows: Sequence[Row], *, district: str, known_at: dt.datetime | None = None) -> dict[int, Spark]:
    """By indicator id, the growth (else the level) of its last slots up to the row's own; one query.

    None for a series with fewer than three figures: two points are no trend.
    """
    shown = [row for row in rows if row.period and row.indicator.slots and has_slot(row.indicator.slots, row.period)]
    ends = [row.period.end for row in shown if row.period]
    if not ends:
        return {}
    indicators = [row.indicator for row in shown]
    trails = read_trails(indicators, district=district, until=max(ends), known_at=known_at, years=TRAIL_YEARS)
    sparks = {}
    for row in shown:
        trail, period = trails.get(row.indicator.pk, {}), row.period
        assert period
        slots = [*around(row.indicator.slots, period)[3:], period]
        points = [trail.get(slot) for slot in slots]
        for measure, unit in (("growth", "%"), ("exact", row.unit)):
            values = [_measured(point, measure, unit) for point in points]
            if sum(value is not None for value in values) >= MIN_TRAIL:
                joined = measure == "growth" or row.indicator.nature != Indicator.Nature.FLOW
                sparks[row.indicator.pk] = _spark(list(zip(slots, values, strict=True)), unit, is_line=joined)
                break
    return sparks


def _measured(point: Point | None, measure: str, unit: str) -> Decimal | None:
    """The growth, or the level where it is in that unit."""
    if point is None:
        return None
    if measure == "growth":
        return point.growth
    return point.exact if point.unit == unit else None


def _spark(points: Sequence[tuple[Period | None, Decimal | None]], unit: str, *, is_line: bool) -> Spark:
    """Points oldest first; one without a period is a draft behind the others."""
    values = [value for _, value in points]
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if is_line else (min(0, *known, 0), max(0, *known, 0))
    scale = Decimal(_HEIGHT - 4) / (high - low) if high > low else Decimal(0)
    heights = [None if value is None else _HEIGHT - 2 - (value - low) * scale for value in values]
    base = _HEIGHT - 2 + low * scale
    draw = _line_path if is_line else partial(_bar_path, base=base)
    told = [(period, value) for period, value in points if period is not None]
    words = gettext("，").join(
        f"{period_label(period)} {plain(value)}{unit}" for period, value in told if value is not None
    )
    return Spark(
        past=draw(heights[: len(told)], first=0),
        draft=draw(heights[len(told) :], first=len(told)),
        title=gettext("前%(told)s期：%(words)s") % {"told": len(told), "words": words},
        is_line=is_line,
    )


def _bar_path(heights: Sequence[Decimal | None], *, first: int, base: Decimal) -> str:
    return "".join(
        f"M{place * _STEP + 1} {base:.1f}V{height:.1f}h{_BAR}V{base:.1f}z"
        for place, height in enumerate(heights, first)
        if height is not None
    )


def _line_path(heights: Sequence[Decimal | None], *, first: int) -> str:
    """Points joined over gaps; one alone is a dot."""
    points = [(place * _STEP + 4, height) for place, height in enumerate(heights, first) if height is not None]
    dot = "h.01" if len(points) == 1 else ""
    return "".join(f"{'L' if n else 'M'}{x} {y:.1f}" for n, (x, y) in enumerate(points)) + dot
