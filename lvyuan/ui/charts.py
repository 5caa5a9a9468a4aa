"""Charts as plain dictionaries that charts.js draws with plotly.

How to put a chart on a page:

1. In a `charts.py` of the app, build the figure with one of `line_chart`, `comparison_chart`, `heatmap_chart` or
   `bullet_chart` from rows. Nothing here fetches or computes; a level and a growth rate are two charts.
2. In the template, `{% include "ui/_chart.html" with id="chart-growth" figure=figure caption="来源……" %}` where the
   chart stands, and `{% include "ui/_chart_scripts.html" %}` once in `{% block scripts %}`. A fragment that htmx swaps
   in may hold charts too, as long as its page has included the scripts. Print the data table next to every chart.
3. Where a page must stay light, `<figure class="chart" data-chart="ID" data-chart-src="ADDRESS">` without a script of
   that id fetches its figure from an address that answers {ID: figure, …}, once for all charts that name it.

What a figure holds: {title, unit, kind, data, layout} and, by kind, {x, marks, own, …}. `data` and `layout` are
plotly's own (tests validate them), but without anything that every chart shares: colours, fonts, dashes, symbols,
margins and hover text come from charts.js and the stylesheet's tokens, by `kind` and by each trace's `meta.role`.

Digits travel as text, exactly as published, and become floats in the browser alone (a bullet's: here). Where the
figures are large the axis is in 万 or 亿 (`chart_unit`): a trace then says its published unit and the power of ten to
the axis; hover and labels still show what was published.

charts.js loads plotly when the first chart comes near the screen. `document.documentElement.dataset.charts` is
"loading" while a chart that is due is not drawn yet, then "drawn" ("failed" when plotly did not arrive).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext

from lvyuan.numbers import NumberError, convert, get_unit, plain
from lvyuan.ui.words import unit_label

Kind = Literal["line", "bar"]
Points: TypeAlias = Sequence[tuple[str, Decimal | None]]
# What a series is, which decides colour, dash and symbol together:
# actual     what was approved: strong solid line, circles
# last_year  the same slots a year before: dotted, open squares; hatched as bars
# schedule   where the target's path stands: dashed, no symbols
# old_target a path or target that a newer version replaced: thin dots, grey
# own, peer  one's own district among others: own as actual, peers thin with a symbol each
Role = Literal["actual", "last_year", "schedule", "old_target", "own", "peer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line or one set of bars: [(period label, value or None), …], oldest first; None leaves a gap.

    Without a role a series is told apart by its place. `unit` is the published unit when it is not the chart's.
    `kind` lets a line (a schedule) stand over bars. `breaks` are labels at which the line begins anew; None: at every
    mark of a break.
    """

    name: str
    points: Points
    role: Role | None = None
    unit: str = ""
    kind: Kind | None = None
    breaks: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something on the time axis at the label `at`.

    A break stands before `at`, the first period of the new definition, and no line is drawn across it, unless a series
    names its own; an event stands on it. `text` is written above, so a few characters; longer texts belong into the
    caption.
    """

    at: str
    text: str = ""  # of a break: 口径变更
    kind: Literal["break", "event"] = "break"


# Units that an axis changes between; 千元 or 百万元 on an axis would be no help to anybody.
_AXIS_UNITS: Final = (
    "元",
    "万元",
    "亿元",
    "万亿元",
    "人",
    "万人",
    "人次",
    "万人次",
    "户",
    "万户",
    "平方米",
    "万平方米",
)


def chart_unit(values: Iterable[Decimal | None], unit: str) -> str:
    """The unit for the axis: `unit` itself while the largest figure in it is in [1, 10000), else a fitting 万 or 亿.

    2237000 万元 is drawn in 亿元 (223.7), 0.5 亿元 in 万元 (5000). Units that have no such steps, unknown units, and
    charts without a figure other than zero keep theirs.
    """
    largest = max((abs(value) for value in values if value is not None), default=Decimal(0))
    if not largest or 1 <= largest < 10000:
        return unit
    try:
        own = get_unit(unit)
    except NumberError:
        return unit
    steps = [name for name in _AXIS_UNITS if get_unit(name).dimension == own.dimension]
    if own.name not in steps:
        return unit
    fitting = [name for name in steps if convert(largest, own.name, name) >= 1]
    return fitting[-1] if fitting else steps[0]


def line_chart(
    *,
    title: str,
    series: Sequence[tuple[str, Points] | Series],
    unit: str,
    kind: Kind = "line",
    marks: Sequence[Mark] = (),
    labels: Sequence[str] = (),
) -> dict[str, Any]:
    """Series over time on one axis, as lines or bars; `kind` holds for the series that do not say otherwise.

    `unit` is the published one; the answer's "unit" is the axis'. Labels are categories in the order of the series
    (or of `labels`, which then names all of them), since 1—6月 is no date. A mark at a label that the axis lacks is
    left out. Raises NumberError when a series' unit is of another dimension.
    """
    named = [one if isinstance(one, Series) else Series(name=one[0], points=one[1]) for one in series]
    axis = chart_unit(
        [_in(value, one.unit or unit, unit) for one in named for _, value in one.points if value is not None], unit
    )
    labels = list(labels) or _merged([[label for label, _ in one.points] for one in named])
    return {
        "title": title,
        "unit": unit_label(axis),
        "kind": "series",
        "x": labels,
        "data": [_trace(one, labels, one.unit or unit, axis, one.kind or kind) for one in named],
        "layout": {},
        "marks": [
            {"at": labels.index(mark.at), "text": mark.text or gettext("口径变更"), "kind": mark.kind}
            for mark in marks
            if mark.at in labels
        ],
    }


def comparison_chart(
    *, title: str, bars: Sequence[tuple[str, Decimal | None]], own: str, unit: str, own_label: str = ""
) -> dict[str, Any]:
    """Districts beside each other as horizontal bars, the first one on top; `own` is the name of the one to stand out.

    It stands out by a solid bar, a pointer and the words `own_label`, the others are hatched. None is no bar but the
    words 无数据, which is something else than zero.
    """
    axis = chart_unit([value for _, value in bars], unit)
    names = [name for name, _ in bars]
    return {
        "title": title,
        "unit": unit_label(axis),
        "kind": "comparison",
        "own": names.index(own) if own in names else None,
        "own_label": own_label or gettext("本区"),
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": names,
                "x": [_digits(value) for _, value in bars],
                **_meta(None, unit, axis),
            }
        ],
        "layout": {},
    }


def heatmap_chart(
    *,
    title: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Decimal | None]]],
    unit: str,
    centre: Decimal | None = None,
) -> dict[str, Any]:
    """Months (`columns`) × years (`rows`, the first on top), each cell with its figure in it.

    None is a crossed-out cell. A row may end early: what is not due yet stays blank. With `centre` (0 for growth) the
    colours part there, blue above and orange below; without it they grow from pale to blue.
    """
    axis = chart_unit([value for _, values in rows for value in values], unit)
    return {
        "title": title,
        "unit": unit_label(axis),
        "kind": "heatmap",
        "data": [
            {
                "type": "heatmap",
                "x": list(columns),
                "y": [name for name, _ in rows],
                "z": [[_digits(value) for value in values] for _, values in rows],
                **({} if centre is None else {"zmid": float(_in(centre, unit, axis))}),
                **_meta(None, unit, axis),
            }
        ],
        "layout": {},
    }


def bullet_chart(*, title: str, value: Decimal, goal: Decimal, schedule: Decimal | None, unit: str) -> dict[str, Any]:
    """One figure on the way to its goal: a bar from zero, a stroke at `goal`, a shade up to `schedule`."""
    axis = chart_unit([value, goal], unit)
    drawn = _in(value, unit, axis)
    top = max(one for one in (value, goal, schedule) if one is not None)
    gauge: dict[str, Any] = {
        "shape": "bullet",
        "axis": {"range": [float(min(drawn, Decimal(0))), float(_in(top, unit, axis) * Decimal("1.05"))]},
        "threshold": {"value": float(_in(goal, unit, axis))},
    }
    if schedule is not None:
        gauge["steps"] = [{"range": [0, float(_in(schedule, unit, axis))]}]
    return {
        "title": title,
        "unit": unit_label(axis),
        "kind": "bullet",
        "data": [
            {
                "type": "indicator",
                "mode": "number+gauge",
                "value": float(drawn),
                "number": {"valueformat": f",.{_places(drawn)}f", "suffix": unit_label(axis)},
                "gauge": gauge,
            }
        ],
        "layout": {},
    }


class CompactEncoder(DjangoJSONEncoder):
    """Chinese as it is and no spaces: half the bytes of `json_script`'s own. Pages are UTF-8."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False, "separators": (",", ":")})


def _trace(series: Series, labels: list[str], unit: str, axis: str, kind: Kind) -> dict[str, Any]:
    own = [label for label, _ in series.points]
    return {
        "type": "bar" if kind == "bar" else "scatter",
        "name": series.name,
        # the labels that all share stand once, beside the data
        **({} if own == labels else {"x": own}),
        "y": [_digits(value) for _, value in series.points],
        **_meta(series.role, unit, axis, None if series.breaks is None else [own.index(at) for at in series.breaks]),
    }


def _meta(role: Role | None, unit: str, axis: str, breaks: list[int] | None = None) -> dict[str, Any]:
    meta: dict[str, Any] = {"role": role} if role else {}
    if breaks is not None:
        meta["breaks"] = breaks  # places in its own labels
    if unit != axis:
        meta |= {"unit": unit_label(unit), "power": convert(Decimal(1), unit, axis).adjusted()}
    return {"meta": meta} if meta else {}


def _digits(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _in(value: Decimal, unit: str, axis: str) -> Decimal:
    """The figure in the axis' unit; the same unit need not be one that numbers.py knows."""
    return value if unit == axis else convert(value, unit, axis)


def _places(value: Decimal) -> int:
    return max(0, -int(value.as_tuple().exponent))


def _merged(lists: Sequence[list[str]]) -> list[str]:
    """All labels once: those of the longest list, each other one behind its predecessor in its own list."""
    none: list[str] = []
    longest = max(lists, key=len, default=none)
    merged = list(longest)
    for labels in lists:
        if labels == merged:
            continue
        place = 0
        for label in labels:
            if label in merged:
                place = merged.index(label) + 1
            else:
                merged.insert(place, label)
                place += 1
    return merged
