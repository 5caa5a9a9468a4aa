"""Comparing indicators: what stands on one axis, what never does. Figures made up; expected values by hand."""

from __future__ import annotations

import re
from decimal import Decimal as D
from typing import Any

import plotly.graph_objects as go
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators.compare import Comparison, Panel, Show, comparable_districts, compare
from indicators.models import Indicator, IndicatorVersion
from lvyuan.accounts.models import District
from lvyuan.periods import Period, PeriodKind
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators

pytestmark = pytest.mark.django_db
OUTPUT, GDP, HOUSING = "industrial_output", "gdp", "housing_sales_area"
NANGUAN = "220102"


@pytest.fixture
def figures() -> None:
    """Industry (from February) of two districts, GDP by quarter, in 亿元; housing in 万平方米. April is missing."""
    for month, value, growth in (("2024-02", "60", "5.0"), ("2024-03", "100", "6.0"), ("2024-05", "170", "7.0")):
        figure(OUTPUT, f"{month}.ytd", value, growth=growth, growth_basis="comparable", unit="亿元")
    figure(OUTPUT, "2025-02.ytd", "66", growth="10.0", growth_basis="comparable", unit="亿元")
    figure(OUTPUT, "2024-03.ytd", "80", unit="亿元", at=NANGUAN)
    figure(GDP, "2024-03.ytd", "80", growth="4.2", growth_basis="constant", unit="亿元")
    figure(GDP, "2024-06.ytd", "170.4", unit="亿元")
    figure(HOUSING, "2024-03.ytd", "8", growth="-3.0", growth_basis="unstated", unit="万平方米")


def compared(cast, *codes: str, since="2024-01", until="2025-02", districts=(HOME,), **said: Any) -> Comparison:
    return compare(
        indicators=[Indicator.objects.get(code=code) for code in codes],
        districts=[District.objects.get(code=code) for code in districts],
        since=Period.from_code(f"{since}.month"),
        until=Period.from_code(f"{until}.month"),
        user=cast.leader,
        **{"kind": None, "show": Show.VALUE} | said,
    )


def drawn(panel: Panel) -> dict[str, dict[str, str | None]]:
    """By line, what plotly is told by label; the figure itself is one that plotly accepts."""
    assert panel.chart
    go.Figure(data=panel.chart["data"], layout=panel.chart["layout"])
    axis = panel.chart["x"]
    return {trace["name"]: dict(zip(trace.get("x", axis), trace["y"], strict=True)) for trace in panel.chart["data"]}


def told(panel: Panel, line: int = 0) -> dict[str, str]:
    """By period code, the figures of one line of the table."""
    return {period.code: cells[line][1].text for period, cells in panel.table if cells[line][1]}


# What stands on one axis


def test_each_unit_has_a_chart_of_its_own(figures, cast):
    panels = compared(cast, OUTPUT, GDP, HOUSING).panels
    assert [(panel.unit, [line.indicator.code for line in panel.lines]) for panel in panels] == [
        ("亿元", [OUTPUT, GDP]),
        ("万平方米", [HOUSING]),
    ]


def test_a_missing_month_is_a_gap_and_a_quarter_is_no_missing_month(figures, cast):
    (panel,) = compared(cast, OUTPUT, GDP, until="2024-12").panels
    lines = drawn(panel)
    assert list(lines["规模以上工业总产值"].items()) == [
        ("2024年1—2月", "60"),
        ("2024年1—3月", "100"),
        ("2024年1—4月", None),
        ("2024年1—5月", "170"),
        ("2024年1—6月", None),
    ]
    assert lines["地区生产总值"] == {"2024年1—3月": "80", "2024年1—6月": "170.4"}
    missing = {period.code: [is_missing for *_, is_missing in cells] for period, cells in panel.table}
    assert missing["2024-04.ytd"] == [True, False]  # GDP has no April by rule
    assert missing["2024-06.ytd"] == [False, False]  # after its last figure nothing is missing yet
    assert [period.code for period, _ in panel.table][:2] == ["2024-06.ytd", "2024-05.ytd"]  # newest first


def test_levels_to_date_begin_anew_each_year_and_growth_does_not(figures, cast):
    level = compared(cast, OUTPUT).panels[0].chart
    first_of_2025 = level["x"].index("2025年1—2月")
    assert level["data"][0]["meta"]["breaks"] == [first_of_2025]
    growth = compared(cast, OUTPUT, show=Show.GROWTH).panels[0].chart
    assert growth["data"][0]["meta"]["breaks"] == []


def test_growth_of_different_units_shares_an_axis_and_says_its_basis(figures, cast):
    comparison = compared(cast, OUTPUT, GDP, HOUSING, show=Show.GROWTH)
    (panel,) = comparison.panels
    assert panel.unit == "%"
    assert [told(panel, n)["2024-03.ytd"] for n in range(3)] == ["6.0%", "4.2%", "-3.0%"]
    (note,) = panel.notes
    assert note == "增速口径不同：规模以上工业总产值 可比口径；地区生产总值 不变价；商品房销售面积 未说明。"
    assert compared(cast, OUTPUT, show=Show.GROWTH).panels[0].notes == ()


def test_month_and_year_to_date_are_never_on_one_axis(figures, cast):
    """May alone is told from April, which is missing; March is 100 − 60."""
    (panel,) = compared(cast, OUTPUT, GDP, kind=PeriodKind.MONTH, until="2024-12").panels
    assert [line.indicator.code for line in panel.lines] == [OUTPUT]
    assert told(panel) == {"2024-03.month": "40亿元"}
    cell = dict(panel.table)[Period.month(2024, 3)][0]
    assert (cell[1].key, cell[1].is_derived) == ("industrial_output/220106/2024-03.ytd/slot_value", True)
    assert panel.notes == ("当月、当季的数由累计相减推算，不是公布数。",)
    comparison = compared(cast, OUTPUT, GDP, kind=PeriodKind.MONTH, until="2024-12")
    assert comparison.absent == ("地区生产总值",)


def test_a_quarter_alone(figures, cast):
    (panel,) = compared(cast, OUTPUT, GDP, kind=PeriodKind.QUARTER, until="2024-12").panels
    assert told(panel) == {"2024-03.quarter": "80亿元", "2024-06.quarter": "90.4亿元"}


def test_an_approved_month_comes_before_the_difference(figures, cast):
    figure(OUTPUT, "2024-03.month", "41.5", unit="亿元")
    (panel,) = compared(cast, OUTPUT, kind=PeriodKind.MONTH, until="2024-12").panels
    assert told(panel) == {"2024-03.month": "41.5亿元"}
    assert panel.notes == ()


def test_single_months_are_not_joined_over_january_and_february(cast):
    """Industry has neither; December and March are neighbours on the axis all the same."""
    for month, value in (("2024-11", "900"), ("2024-12", "1000"), ("2025-02", "60"), ("2025-03", "100")):
        figure(OUTPUT, f"{month}.ytd", value, unit="亿元")
    (panel,) = compared(cast, OUTPUT, kind=PeriodKind.MONTH, since="2024-12", until="2025-03").panels
    assert drawn(panel) == {"规模以上工业总产值": {"2024年12月": "100", "2025年3月": "40"}}
    assert panel.chart["data"][0]["meta"]["breaks"] == [1]


def test_months_outside_are_left_out(figures, cast):
    (panel,) = compared(cast, OUTPUT, since="2024-03", until="2024-03").panels
    assert told(panel) == {"2024-03.ytd": "100亿元"}


# Index


def test_index_starts_at_the_first_common_month(figures, cast):
    """March is the first that all three have: 60/100, 170/100; 170.4/80; 8/8."""
    (panel,) = compared(cast, OUTPUT, GDP, HOUSING, show=Show.INDEX).panels
    assert (panel.base.code, panel.unit) == ("2024-03.ytd", "")
    assert [told(panel, n) for n in range(3)] == [
        {"2024-02.ytd": "60.0", "2024-03.ytd": "100.0", "2024-05.ytd": "170.0", "2025-02.ytd": "66.0"},
        {"2024-03.ytd": "100.0", "2024-06.ytd": "213.0"},
        {"2024-03.ytd": "100.0"},
    ]
    assert [(name, base.text) for name, base in panel.bases] == [
        ("规模以上工业总产值", "100亿元"),
        ("地区生产总值", "80亿元"),
        ("商品房销售面积", "8万平方米"),
    ]
    key = dict(panel.table)[Period.ytd(2024, 5)][0][1].key
    assert key == "industrial_output/220106/2024-05.ytd/index@2024-03.ytd"


def test_index_rounds_half_up_once(cast):
    figure(OUTPUT, "2024-02.ytd", "8", unit="亿元")
    figure(OUTPUT, "2024-03.ytd", "10.028", unit="亿元")  # 125.35
    (panel,) = compared(cast, OUTPUT, show=Show.INDEX).panels
    assert told(panel)["2024-03.ytd"] == "125.4"


def test_no_index_without_a_common_month(figures, cast):
    figure("fiscal_revenue", "2024-01.ytd", "-2", unit="亿元")  # a base must be above zero
    (panel,) = compared(cast, OUTPUT, "fiscal_revenue", show=Show.INDEX).panels
    assert panel.chart is None
    assert panel.problem.startswith("所选月份里没有哪一期")


def test_nothing_is_computed_from_a_figure_that_is_not_exact(figures, cast):
    figure(HOUSING, "2024-04.ytd", "450", unit="万平方米", comparator=">", printed="450余万平方米")
    (panel,) = compared(cast, HOUSING, show=Show.INDEX).panels
    assert told(panel) == {"2024-03.ytd": "100.0"}


# Breaks


@pytest.fixture
def redefined(figures) -> None:
    indicator = Indicator.objects.get(code=OUTPUT)
    IndicatorVersion.objects.filter(indicator=indicator).update(valid_to="2024-12-31")
    IndicatorVersion.objects.create(indicator=indicator, valid_from="2025-01-01", unit="亿元")
    figure(OUTPUT, "2025-03.ytd", "300", growth="8.0", unit="亿元")


def test_new_definition_breaks_its_own_line_only(redefined, cast):
    figure(GDP, "2025-03.ytd", "90", growth="5", growth_basis="constant", unit="亿元")
    (panel,) = compared(cast, OUTPUT, GDP, until="2025-03", show=Show.GROWTH).panels
    industry, gdp = panel.chart["data"]
    axis = panel.chart["x"]
    assert [(mark["text"], axis[mark["at"]]) for mark in panel.chart["marks"]] == [
        ("规模以上工业口径变更", "2025年1—3月")
    ]
    assert [industry.get("x", axis)[place] for place in industry["meta"]["breaks"]] == ["2025年1—3月"]
    assert gdp["meta"]["breaks"] == []


def test_no_index_across_a_new_definition(redefined, cast):
    (panel,) = compared(cast, OUTPUT, until="2025-03", show=Show.INDEX).panels
    assert "2025-03.ytd" not in told(panel)
    assert told(panel)["2025-02.ytd"] == "110.0"  # 66/60, still of the old definition
    assert panel.notes == ("口径变更后的各期与基期不可比，不算指数。",)


# Real and invented


def test_real_and_invented_figures_are_never_mixed(figures, cast):
    """One invented figure of any line sets all real ones aside, and says how many; no difference mixes them either."""
    figure(OUTPUT, "2024-06.ytd", "210", unit="亿元", source="demo")
    figure(OUTPUT, "2024-07.ytd", "250", unit="亿元", source="demo")
    comparison = compared(cast, OUTPUT, HOUSING, until="2024-12")
    assert [told(panel) for panel in comparison.panels] == [{"2024-06.ytd": "210亿元", "2024-07.ytd": "250亿元"}]
    assert (comparison.set_aside, comparison.absent) == (4, ("商品房销售面积",))
    (panel,) = compared(cast, OUTPUT, kind=PeriodKind.MONTH, until="2024-12").panels
    assert told(panel) == {"2024-07.month": "40亿元"}  # June would be 210 invented less a real one
    assert compared(cast, OUTPUT, until="2024-05").set_aside == 0


# Districts


def test_districts_of_the_pools_with_ones_own_first():
    assert [one.code for one in comparable_districts(HOME)] == [HOME, "220102", "220103", "220104", "220105"]
    assert [one.code for one in comparable_districts("220100")] == ["220100"]


def test_lines_are_named_by_what_tells_them_apart(figures, cast):
    (panel,) = compared(cast, OUTPUT, districts=(HOME, NANGUAN)).panels
    assert [line.name for line in panel.lines] == ["绿园", "南关"]
    (panel,) = compared(cast, OUTPUT, GDP, districts=(HOME, NANGUAN)).panels
    assert [line.name for line in panel.lines] == [
        "规模以上工业总产值 · 绿园",
        "规模以上工业总产值 · 南关",
        "地区生产总值 · 绿园",
    ]


def test_earlier_knowledge(figures, cast, signed_in):
    page = signed_in("leader").get("/compare/?indicator=industrial_output&since=2023-01&known_at=2023-12-31")
    assert set(re.findall(r'data-key="([^"]+)"', page.content.decode())) == {
        "industrial_output/220106/2023-06.ytd/value"
    }


# The page


def get(client, query: str, status: int = 200) -> str:
    response = client.get(f"/compare/?{query}")
    assert response.status_code == status
    return response.content.decode()


def test_page_prints_every_figure_with_its_address(figures, signed_in):
    page = get(signed_in("leader"), f"indicator={OUTPUT}&indicator={HOUSING}&since=2024-01&until=2025-02")
    keys = dict(re.findall(r'<data value="([^"]+)"\s+data-key="([^"]+)"', page))
    assert keys["170"] == "industrial_output/220106/2024-05.ytd/value"
    assert keys["8"] == "housing_sales_area/220106/2024-03.ytd/value"
    assert 'href="/figures/industrial_output/220106/2024-05.ytd/#value"' in page
    assert page.count("data-chart=") == 2
    assert page.count("<table") == 2
    assert page.count('<span class="empty">缺</span>') == 8  # April and June to December of industry


def test_page_without_a_choice_says_what_to_do(signed_in):
    page = get(signed_in("leader"), "")
    assert "还没有选指标" in page
    assert "data-chart" not in page
    assert "charts.js" not in page


def test_page_without_figures_is_honest(signed_in):
    page = get(signed_in("leader"), f"indicator={OUTPUT}&since=2019-01&until=2019-12")
    assert "没有数据" in page
    assert "规模以上工业总产值" in page
    assert "data-chart=" not in page


def test_months_default_to_this_year_and_the_last(figures, signed_in):
    page = get(signed_in("leader"), f"indicator={OUTPUT}")
    assert "2024年1月—2025年2月" in page
    assert "2023-06.ytd" not in page


def test_address_is_the_choice(figures, signed_in):
    page = get(
        signed_in("leader"),
        f"indicator={OUTPUT}&district={NANGUAN}&district={HOME}&since=2024-02&until=2024-05&kind=ytd&show=index",
    )
    for said in (
        rf'value="{OUTPUT}"\s+checked',
        rf'value="{NANGUAN}"\s+checked',
        r'<option value="2024-02" selected>',
        r'<option value="2024-05" selected>',
        r'<option value="ytd" selected>',
        r'<option value="index" selected>',
    ):
        assert re.search(said, page), said
    assert re.search(r"2024年1—3月\s*= 100", page)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("indicator=none", "没有代码为“none”的指标"),
        ("indicator=zero_employment_households", "没有代码为“zero_employment_households”的指标"),
        (f"indicator={OUTPUT}&district=999999", "“999999”不是可以比较的区"),
        (f"indicator={OUTPUT}&since=2024-13", "没有“2024-13”这个月份"),
        (f"indicator={OUTPUT}&until=soon", "没有“soon”这个月份"),
        (f"indicator={OUTPUT}&since=2024-05&until=2024-02", "起始月份晚于截止月份"),
        (f"indicator={OUTPUT}&kind=week", "没有“week”这种时期"),
        (f"indicator={OUTPUT}&show=sum", "没有“sum”这种比法"),
    ],
)
def test_what_cannot_be_compared_is_said_in_words(signed_in, query, said):
    page = get(signed_in("leader"), query, status=422)
    assert said in page
    assert 'role="alert"' in page
    assert "data-chart=" not in page


def test_at_most_eight_indicators_and_sixteen_lines(signed_in):
    client = signed_in("leader")
    codes = [one.code for one in many_indicators(9)]
    asked = [f"indicator={code}" for code in codes]
    assert "最多比较 8 项指标，现在选了 9 项" in get(client, "&".join(asked), status=422)
    get(client, "&".join(asked[:8]))
    both = f"district={HOME}&district={NANGUAN}"
    get(client, "&".join([*asked[:8], both]))
    assert "现在是 24 条" in get(client, "&".join([*asked[:8], both, "district=220103"]), status=422)


def test_markup_in_the_address_is_text(signed_in):
    page = get(signed_in("leader"), "indicator=<script>x</script>&since=%22%3E%3Cb%3Ezz", status=422)
    assert "<script>x" not in page
    assert '"><b>zz' not in page


def test_pages_lead_there(signed_in):
    client = signed_in("leader")
    assert 'href="/compare/"' in client.get("/indicators/").content.decode()
    page = client.get("/indicators/industrial_output/?known_at=2023-12-31").content.decode()
    assert 'href="/compare/?known_at=2023-12-31&amp;indicator=industrial_output"' in page


def test_it_is_only_read(signed_in):
    assert signed_in("leader").post("/compare/").status_code == 405
    assert signed_in("leader").post("/charts/headline.json").status_code == 405


def test_queries_stay_the_same_from_one_line_to_sixteen(figures, signed_in):
    client = signed_in("leader")

    def queries(query: str) -> int:
        get(client, query)
        with CaptureQueriesContext(connection) as found:
            get(client, query)
        return len(found)

    one = queries(f"indicator={OUTPUT}")
    codes = [made.code for made in many_indicators(8)]
    for code in codes:
        for month in ("2024-02", "2024-03"):
            figure(code, f"{month}.ytd", "3", unit="亿元")
            figure(code, f"{month}.ytd", "4", unit="亿元", at=NANGUAN)
    many = "&".join(f"indicator={code}" for code in codes)
    assert queries(f"{many}&district={HOME}&district={NANGUAN}") == one


def test_sixteen_lines_can_be_told_apart():
    """charts.js: colour and dash together come again after sixteen lines, symbols after eight."""
    looks = {(n % 4, (n + n // 4) % 4) for n in range(16)}
    assert len(looks) == 16


def test_decimal_digits_are_the_published_ones(cast):
    figure(OUTPUT, "2024-02.ytd", "17.0", unit="亿元")
    (panel,) = compared(cast, OUTPUT).panels
    assert drawn(panel)["规模以上工业总产值"] == {"2024年1—2月": "17.0"}
    assert D("17.0") == panel.table[0][1][0][1].value
