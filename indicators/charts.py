"""Trends as plotly figures; level and growth never share an axis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from indicators.beside import Trail, around
from indicators.checks import in_unit
from indicators.models import Entry, Indicator
from indicators.pace import Point, read_trails
from indicators.rows import Row
from lvyuan.numbers import NumberError, convert, plain
from lvyuan.periods import Period, PeriodKind, has_slot, label
from lvyuan.ui.charts import line_chart


def trend_charts(rows: Sequence[Row], name: str) -> list[dict[str, Any]]:
    """Up to two charts from `rows` (newest first): level and growth; none for what nobody reported."""
    ordered = [row for row in reversed(rows) if row.period is not None]
    unit = next((row.unit for row in rows if row.value), "")
    charts = []
    # Year-to-date levels start anew each January: bars, since a line from December to February means nothing.
    cumulative = any(row.period.kind is PeriodKind.YTD for row in ordered if row.period)
    level = ("累计值", "value", unit, "bar") if cumulative else ("数值", "value", unit, "line")
    for title, attribute, of, kind in (level, ("同比增长", "growth", "%", "line")):
        points = [(label(row.period), _point(row, attribute, of)) for row in ordered if row.period is not None]
        if any(value is not None for _, value in points):
            charts.append(
                {
                    "id": f"chart-{attribute}",
                    "title": f"{name} · {title}",
                    "figure": line_chart(title=f"{name} · {title}", series=[(title, points)], unit=of, kind=kind),
                }
            )
    return charts


def _point(row: Row, attribute: str, unit: str) -> Decimal | None:
    """The figure in the chart's unit; None where it cannot be told in it, never a point on another scale."""
    figure = getattr(row, attribute)
    if figure is None or figure.value is None or attribute == "growth" or row.unit == unit:
        return figure.value if figure else None
    try:
        return convert(figure.value, row.unit, unit)
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


def sparkline(trail: Trail, entry: Entry | None, unit: str) -> Spark:
    """The slots before and the draft behind them; cumulative levels as bars, all else as a line."""
    drafted = (entry.value if trail.measure == "value" else entry.growth) if entry else None
    if entry and trail.measure == "value" and drafted is not None:
        drafted = in_unit(drafted, entry.unit, unit)
    joined = trail.measure == "growth" or trail.points[0][0].kind is not PeriodKind.YTD
    return _spark([*trail.points, (None, drafted)], trail.unit, is_line=joined)


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
    words = "，".join(f"{label(period)} {plain(value)}{unit}" for period, value in told if value is not None)
    return Spark(
        past=draw(heights[: len(told)], first=0),
        draft=draw(heights[len(told) :], first=len(told)),
        title=f"前{len(told)}期：{words}",
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
