"""What the chart dictionaries hold, that plotly accepts them, and that the colours can be told apart."""

from __future__ import annotations

import itertools
import json
import math
import re
from decimal import Decimal
from pathlib import Path

import plotly.graph_objects as go
import pytest
from django.contrib.staticfiles import finders as static_finders

from lvyuan.numbers import NumberError
from lvyuan.ui import finders
from lvyuan.ui.charts import Mark, Series, chart_unit, comparison_chart, heatmap_chart, line_chart
from lvyuan.ui.templatetags.charts import chart_json
from tests.ui.samples import KINDS, MONTHS, points

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("kind", KINDS)
def test_plotly_accepts_every_kind(kind: str) -> None:
    figure = KINDS[kind]()
    drawn = go.Figure(data=figure["data"], layout=figure["layout"])
    assert len(drawn.data) == len(figure["data"])


def test_plotly_would_refuse_an_unknown_key() -> None:
    figure = KINDS["line"]()
    with pytest.raises(ValueError, match="colour"):
        go.Figure(data=[figure["data"][0] | {"colour": "red"}])


@pytest.mark.parametrize(
    ("figures", "unit", "axis"),
    [
        (["2237000", "1.5"], "万元", "亿元"),  # 223.7亿元
        (["223.7"], "亿元", "亿元"),
        (["9999"], "万元", "万元"),
        (["10000"], "万元", "亿元"),
        (["0.5"], "亿元", "万元"),
        (["-25000"], "元", "万元"),
        (["0.3"], "元", "元"),
        (["650000"], "人", "万人"),
        (["65.0"], "万人", "万人"),
        (["86000"], "亿元", "万亿元"),
        (["62.5"], "平方公里", "平方公里"),
        (["25000"], "平方公里", "平方公里"),  # no step up from there
        (["12000"], "家", "家"),
        (["0.2"], "%", "%"),
        (["12000"], "吨", "吨"),  # a unit numbers.py does not know
        ([], "万元", "万元"),
        (["0"], "亿元", "亿元"),
    ],
)
def test_axis_is_in_a_unit_that_reads_well(figures: list[str], unit: str, axis: str) -> None:
    assert chart_unit([None, *map(Decimal, figures)], unit) == axis


def test_line_keeps_digits_and_gaps() -> None:
    figure = line_chart(title="增速", series=[("同比增长", points("21.370", "", "0"))], unit="%")
    assert figure["x"] == list(MONTHS[:3])
    assert figure["data"] == [{"type": "scatter", "name": "同比增长", "y": ["21.370", None, "0"]}]
    assert figure["unit"] == "%"


def test_large_figures_say_their_unit_and_the_power_to_the_axis() -> None:
    figure = line_chart(
        title="产值",
        unit="万元",
        series=[
            ("今年", points("2237000")),
            Series(name="目标", unit="亿元", role="schedule", points=points("450")),
        ],
    )
    assert figure["unit"] == "亿元"
    assert figure["data"][0]["y"] == ["2237000"]
    assert figure["data"][0]["meta"] == {"unit": "万元", "power": -4}
    assert figure["data"][1]["meta"] == {"role": "schedule"}


def test_level_and_growth_never_share_an_axis() -> None:
    with pytest.raises(NumberError):
        line_chart(
            title="", unit="亿元", series=[("产值", points("1")), Series(name="增速", unit="%", points=points("2"))]
        )


def test_labels_of_several_series_stand_once_and_in_order() -> None:
    full, short = points("1", "2", "3", "4"), points("1", "2")
    later = [("年报", Decimal(9))]
    figure = line_chart(
        title="", unit="%", series=[("短", short), ("全", full), ("缺头", full[1:]), ("另", [*full[:1], *later])]
    )
    assert figure["x"] == [MONTHS[0], "年报", *MONTHS[1:4]]
    assert [trace.get("x") for trace in figure["data"]][:2] == [list(MONTHS[:2]), list(MONTHS[:4])]
    same = line_chart(title="", unit="%", series=[("甲", full), ("乙", full)])
    assert ["x" in trace for trace in same["data"]] == [False, False]


def test_marks_stand_on_labels_of_the_axis() -> None:
    marks = [Mark(at=MONTHS[1]), Mark(at="2030年"), Mark(at=MONTHS[0], text="开工", kind="event")]
    figure = line_chart(title="", unit="%", series=[("甲", points("1", "2"))], marks=marks)
    assert figure["marks"] == [
        {"at": 1, "text": "口径变更", "kind": "break"},
        {"at": 0, "text": "开工", "kind": "event"},
    ]


def test_axis_may_name_labels_that_no_series_has() -> None:
    figure = line_chart(title="", unit="%", series=[("甲", points("1", "2"))], labels=MONTHS[:3])
    assert (figure["x"], figure["data"][0]["x"]) == (list(MONTHS[:3]), list(MONTHS[:2]))
    go.Figure(data=figure["data"])


def test_a_series_may_break_at_labels_of_its_own() -> None:
    """Places count in the series' own labels; without a word it breaks at the marks, as charts.js does."""
    later = Series(name="甲", points=points("1", "2", "3")[1:], breaks=[MONTHS[2]])
    never = Series(name="乙", points=points("1", "2", "3"), breaks=[])
    figure = line_chart(title="", unit="%", series=[later, never, ("丙", points("1"))])
    assert [trace.get("meta") for trace in figure["data"]] == [{"breaks": [1]}, {"breaks": []}, None]
    go.Figure(data=figure["data"])


def test_line_may_stand_over_bars() -> None:
    assert [trace["type"] for trace in KINDS["bar"]()["data"]] == ["bar", "bar", "scatter"]


def test_comparison_names_the_own_district_and_keeps_unknown_apart_from_zero() -> None:
    figure = KINDS["comparison"]()
    assert (figure["own"], figure["own_label"]) == (1, "本区")
    assert figure["data"][0]["x"] == ["6.0", "17", "-3.25", None, "0"]
    elsewhere = comparison_chart(title="", bars=[("朝阳区", Decimal(1))], own="绿园区", unit="%")
    assert elsewhere["own"] is None


def test_heatmap_tells_missing_from_not_due() -> None:
    trace = KINDS["heatmap"]()["data"][0]
    assert trace["z"][0][:3] == ["-4.5", None, "-2.5"]
    assert len(trace["z"][1]) == 5
    assert trace["zmid"] == 0
    plain = heatmap_chart(title="", columns=["1月"], rows=[("2023年", [Decimal(20000)])], unit="万元")
    assert "zmid" not in plain["data"][0]
    assert (plain["unit"], plain["data"][0]["meta"]) == ("亿元", {"unit": "万元", "power": -4})


def test_bullet_shows_digits_as_published() -> None:
    trace = KINDS["bullet"]()["data"][0]
    assert trace["number"] == {"valueformat": ",.2f", "suffix": "亿元"}
    assert (trace["value"], trace["gauge"]["threshold"]["value"]) == (223.7, 450)
    assert trace["gauge"]["steps"] == [{"range": [0, 225.0]}]


def test_json_is_short_and_cannot_end_its_script() -> None:
    labels = [f"{year}年1—{month}月" for year in range(2019, 2024) for month in range(1, 13)]
    series = [(name, [(label, Decimal("123.4")) for label in labels]) for name in ("今年", "</script>", "目标")]
    script = chart_json(line_chart(title="产值", series=series, unit="亿元"), "c")
    assert script.count("</script>") == 1
    assert len(script.encode()) < 3000  # 60 points, three series
    assert json.loads(script[script.index(">") + 1 : script.rindex("</script>")])["data"][1]["name"] == "</script>"


# plotly.js


def test_finder_prefers_the_small_bundle(tmp_path: Path, settings) -> None:
    settings.BASE_DIR = tmp_path
    wheel = finders.PlotlyFinder()
    assert wheel.find(finders.URL) == str(finders.full_bundle())
    finders.small_bundle().parent.mkdir(parents=True)
    finders.small_bundle().write_text("small")
    small = finders.PlotlyFinder()
    assert small.find(finders.URL, find_all=True) == [str(finders.small_bundle())]
    assert small.find("ui/other.js") == []
    assert [(path, storage.prefix) for path, storage in small.list([])] == [("plotly.min.js", "ui")]


def test_plotly_is_found_under_one_name() -> None:
    assert static_finders.find(finders.URL) in {str(finders.small_bundle()), str(finders.full_bundle())}


def test_small_bundle_is_of_the_version_in_the_wheel() -> None:
    package = json.loads((ROOT / "lvyuan/ui/plotly/package.json").read_text())
    head = finders.full_bundle().read_text()[:200]
    assert f"plotly.js v{package['dependencies']['plotly.js']}\n" in head


def test_lock_names_no_address_and_a_checksum_for_everything() -> None:
    packages = json.loads((ROOT / "lvyuan/ui/plotly/package-lock.json").read_text())["packages"]
    named = {name: facts for name, facts in packages.items() if name}
    assert named
    assert not [name for name, facts in named.items() if "resolved" in facts or not facts["integrity"]]


# Colours: simulated by the matrices of Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB; told apart
# by distance in CIE L*a*b* (1976). 20 is far above what is just noticed (2.3); the set before had pairs below 1.

VISIONS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def linear(colour: str) -> list[float]:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(one: str, other: str) -> float:
    """WCAG 2: relative luminances, lighter over darker."""
    low, high = sorted(
        sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True)) for x in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, vision: str) -> tuple[float, float, float]:
    light = linear(colour)
    rgb = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in VISIONS[vision]]
    x = (0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2]) / 0.95047
    y = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
    z = (0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2]) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def tokens(scheme: str) -> dict[str, str]:
    css = (ROOT / "lvyuan/ui/static/ui/app.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\n *\}", css, flags=re.DOTALL)[:2]
    found = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part.replace("#fff;", "#ffffff;"))) for part in (light, dark)
    ]
    return found[0] if scheme == "light" else found[0] | found[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(
    "names", [["series-1", "series-2", "series-3", "series-4"], ["heat-low", "heat-mid", "heat-high"]]
)
def test_colours_can_be_told_apart(scheme: str, vision: str, names: list[str]) -> None:
    colours = [tokens(scheme)[name] for name in names]
    nearest = min(math.dist(seen(a, vision), seen(b, vision)) for a, b in itertools.combinations(colours, 2))
    assert nearest > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["series-1", "series-2", "series-3", "series-4", "ink-2"])
def test_lines_stand_out_from_the_ground(scheme: str, name: str) -> None:
    """WCAG 2.2, 1.4.11: 3:1 for graphics."""
    assert contrast(tokens(scheme)[name], tokens(scheme)["surface"]) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["heat-low", "heat-mid", "heat-high"])
def test_figures_in_cells_can_be_read(scheme: str, name: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5:1 for text."""
    assert contrast(tokens(scheme)["ink"], tokens(scheme)[name]) >= 4.5


def test_distance_of_colours_is_measured() -> None:
    assert math.dist(seen("#82bfe9", "deutan"), seen("#c3a6e8", "deutan")) < 1
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
