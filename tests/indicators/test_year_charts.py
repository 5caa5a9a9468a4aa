"""This year beside last year. The figures are made up; what is drawn is told by hand."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators.models import Indicator, IndicatorVersion
from tests.indicators.factories import figure, many_indicators

pytestmark = pytest.mark.django_db
MONTHS = [f"1—{month}月" for month in range(2, 13)]


def charts(client, query: str = "") -> dict:
    response = client.get(f"/charts/headline.json{query}")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    return json.loads(response.content)


def year(code: str, months: dict[str, str], **said: object) -> None:
    for month, value in months.items():
        figure(code, f"{month}.ytd", value, unit="亿元", **said)


@pytest.fixture
def output(signed_in):
    """规上工业产值 of 2024 and the first months of 2025, March missing."""
    year("industrial_output", {"2024-02": "61.3", "2024-03": "100.0", "2024-12": "494.1"})
    year("industrial_output", {"2025-02": "66.1", "2025-04": "153.2"})
    return lambda query="": charts(signed_in("leader"), query).get("trend-industrial_output")


def drawn(chart: dict) -> list[tuple[str, str, str, dict[str, str | None]]]:
    """(kind, name, role, figure by label) of each line."""
    return [
        (
            trace["type"],
            trace["name"],
            trace["meta"]["role"],
            dict(zip(trace.get("x", chart["x"]), trace["y"], strict=True)),
        )
        for trace in chart["data"]
    ]


def test_levels_to_date_of_this_year_are_bars_and_last_year_a_line(output):
    chart = output()
    this_year, last_year = drawn(chart)
    assert (chart["title"], chart["unit"], chart["x"]) == ("规模以上工业总产值", "亿元", MONTHS)
    assert this_year[:3] == ("bar", "2025年", "actual")
    assert this_year[3] == {"1—2月": "66.1", "1—3月": None, "1—4月": "153.2"}
    assert last_year[:3] == ("scatter", "2024年", "last_year")
    assert {label: value for label, value in last_year[3].items() if value} == {
        "1—2月": "61.3",
        "1—3月": "100.0",
        "1—12月": "494.1",
    }
    go.Figure(data=chart["data"], layout=chart["layout"])


def test_month_of_the_page_ends_the_line(output):
    chart = output("?period=2025-02")
    assert drawn(chart)[0][3] == {"1—2月": "66.1"}
    assert drawn(output("?period=2024-03"))[0][3] == {"1—2月": "61.3", "1—3月": "100.0"}


def test_earlier_knowledge_has_earlier_figures(output):
    assert drawn(output("?known_at=2024-01-01"))[0][3]["1—6月"] == "223.7"  # the article's only figure


def test_growth_where_no_level_is_published(signed_in):
    """The article has the growth of GDP alone."""
    chart = charts(signed_in("leader"))["trend-gdp"]
    assert (chart["unit"], [line[0] for line in drawn(chart)]) == ("%", ["scatter"])
    assert drawn(chart)[0][3]["1—6月"] == "10.1"  # article.txt line 21


def test_real_and_invented_figures_never_share_an_axis(output):
    """April 2025 is real: the invented May is left out of its chart; in May's own it is the other way."""
    figure("industrial_output", "2025-03.ytd", "111.1", unit="亿元", source="demo")
    assert drawn(output())[0][3]["1—3月"] is None
    figure("industrial_output", "2025-05.ytd", "200.0", unit="亿元", source="demo")
    lines = drawn(output())
    assert len(lines) == 1
    assert {label: value for label, value in lines[0][3].items() if value} == {"1—3月": "111.1", "1—5月": "200.0"}


def test_new_definition_breaks_the_line_and_names_last_year(output):
    indicator = Indicator.objects.get(code="industrial_output")
    IndicatorVersion.objects.filter(indicator=indicator).update(valid_to="2025-04-30")
    IndicatorVersion.objects.create(indicator=indicator, valid_from="2025-05-01", unit="亿元")
    year("industrial_output", {"2025-05": "170.0"})
    chart = output()
    assert chart["marks"] == [{"at": 3, "text": "2025年口径变更", "kind": "break"}]
    assert [line[1] for line in drawn(chart)] == ["2025年", "2024年"]


def test_last_year_of_another_definition_says_so(output):
    indicator = Indicator.objects.get(code="industrial_output")
    IndicatorVersion.objects.filter(indicator=indicator).update(valid_to="2025-12-31")
    IndicatorVersion.objects.create(indicator=indicator, valid_from="2026-01-01", unit="亿元")
    year("industrial_output", {"2026-02": "70.0"})
    assert [line[1] for line in drawn(output())] == ["2026年", "2025年（原口径）"]


def test_nothing_known_is_an_empty_answer(signed_in):
    assert charts(signed_in("leader"), "?known_at=2020-01-01") == {}


def test_queries_do_not_grow_with_indicators(signed_in, output):
    client = signed_in("leader")
    charts(client)
    with CaptureQueriesContext(connection) as few:
        charts(client)
    for one in many_indicators(8):
        Indicator.objects.filter(pk=one.pk).update(is_headline=True)
        figure(one.code, "2025-03.ytd", "3")
    with CaptureQueriesContext(connection) as many:
        assert len(charts(client)) >= 9
    assert len(many) == len(few)


def test_cockpit_carries_no_figure_of_the_charts(signed_in, output):
    """An indicator with three figures has a chart; the page names its address, its name and its kind alone."""
    page = signed_in("leader").get("/cockpit/?period=2025-04&as_of=2023-08-04").content.decode()
    section = page[page.index('id="trends"') :]
    assert 'data-chart="trend-industrial_output"' in section
    assert 'data-chart-src="/charts/headline.json?period=2025-04"' in section
    assert 'href="/indicators/industrial_output/"' in section
    assert "application/json" not in page
    assert "153.2" not in section


def test_cockpit_without_a_trend_has_no_section(signed_in):
    """The article has one month only."""
    page = signed_in("leader").get("/cockpit/").content.decode()
    assert 'id="trends"' not in page
    assert "charts.js" not in page
