"""Charts as plain dictionaries that `json_script` can carry and charts.js draws. The theme lives in charts.js."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["line", "bar"]
Points = Sequence[tuple[str, Decimal | None]]


def line_chart(*, title: str, series: Sequence[tuple[str, Points]], unit: str, kind: Kind = "line") -> dict[str, Any]:
    """One chart on one axis: {title, unit, data, layout}, ready for `json_script`.

    `series` is (name, [(period label, value or None), …]), oldest first; None leaves a gap. Decimals become
    floats here and nowhere else; the hover text keeps the digits as they are. A level and a growth rate never
    share an axis: they are two charts.
    """
    return {
        "title": title,
        "unit": unit,
        "data": [_trace(name, points, unit, kind, order) for order, (name, points) in enumerate(series)],
        "layout": {
            # A category axis in the given order: labels such as 1—6月 are no dates.
            "xaxis": {"type": "category"},
            # With zero in sight a small change looks small.
            "yaxis": {"rangemode": "tozero"},
            "showlegend": len(series) > 1,
        },
    }


def _trace(name: str, points: Points, unit: str, kind: Kind, order: int) -> dict[str, Any]:
    labels = [label for label, _ in points]
    values = [None if value is None else float(value) for _, value in points]
    text = ["" if value is None else f"{value:f}{unit}" for _, value in points]
    trace: dict[str, Any] = {
        "name": name,
        "x": labels,
        "y": values,
        "customdata": text,
        "hovertemplate": "%{x}<br>%{customdata}<extra></extra>",
        "meta": {"order": order},
    }
    if kind == "bar":
        return {**trace, "type": "bar"}
    return {**trace, "type": "scatter", "mode": "lines+markers", "connectgaps": False}
