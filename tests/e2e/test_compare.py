"""Comparing, the cockpit's trends and the choice of a pool, on the demo: what needs several months and two pools."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from lvyuan.ui.finders import full_bundle, small_bundle
from tests.e2e.conftest import PHONE, App, SignIn

PATIENCE = 30_000  # milliseconds; the wheel's bundle passes through the test's own process
TALL = {"width": 1440, "height": 3000}
THREE = ("industrial_output", "gdp", "housing_sales_area")
COUNT_SHIFTS = """window.moved = 0;
new PerformanceObserver(list => list.getEntries().forEach(one => { window.moved += one.value; }))
    .observe({type: "layout-shift", buffered: true});"""
A_SHEET = re.compile(rb"/Type ?/Page\b")


@pytest.fixture(params=["small", "wheel"])
def bundle(request: pytest.FixtureRequest) -> Path:
    path = small_bundle() if request.param == "small" else full_bundle()
    if request.param == "small" and shutil.which("npm") is None:
        pytest.skip("没有 npm：只有 plotly 自带的完整版")
    assert path.is_file(), "有 npm 却没有小的图表脚本：见 build/plotly/log"
    return path


@pytest.fixture
def open_page(sign_in_demo: SignIn, bundle: Path) -> Any:
    """`open_page()`: a leader's page, and the addresses of what it asked for, plotly answered with `bundle`."""

    def answer(route: Route) -> None:
        route.fulfill(path=bundle, content_type="text/javascript")

    def open_page(**options: Any) -> tuple[Page, list[str]]:
        asked: list[str] = []
        page = sign_in_demo("leader", **options)
        page.route("**/ui/plotly.min*.js", answer)
        page.on("request", lambda request: asked.append(request.url))
        return page, asked

    return open_page


def drawn(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-charts", "drawn", timeout=PATIENCE)


def of_charts(asked: list[str]) -> list[str]:
    return [re.sub(r"^.*/|[.?].*$", "", url) for url in asked if "plotly.min" in url or "/charts/" in url]


def figures(page: Page, key: str) -> list[list[str]]:
    """(address, number) of the page's figures whose address matches."""
    found: list[list[str]] = page.locator("data[data-key]").evaluate_all(
        "found => found.map(one => [one.dataset.key, one.getAttribute('value')])"
    )
    return [one for one in found if re.fullmatch(key, one[0])]


def test_three_indicators_side_by_side(demo: App, open_page: Any) -> None:
    """From the list to the comparison; units apart, then growth together; a figure leads to where it comes from."""
    page, _ = open_page()
    page.goto(f"{demo.url}/indicators/")
    page.get_by_role("link", name="对比", exact=True).click()
    for code in THREE:
        page.locator(f'input[name=indicator][value="{code}"]').check()
    page.get_by_label("从").select_option("2024-01")
    page.get_by_role("button", name="显示").click()
    page.wait_for_url(re.compile("indicator=industrial_output"))
    page.evaluate("() => window.drawCharts()")
    drawn(page)
    expect(page.locator(".chart .main-svg:first-child")).to_have_count(2)  # 亿元, 万平方米

    page.get_by_label("比较").select_option("growth")
    page.get_by_role("button", name="显示").click()
    page.wait_for_url(re.compile("show=growth"))
    page.evaluate("() => window.drawCharts()")
    drawn(page)
    lines = page.evaluate(
        "() => document.querySelector('.plot').data.map(({name, x, customdata}) => [name, x, customdata])"
    )
    assert [name for name, *_ in lines] == ["地区生产总值", "规模以上工业总产值", "商品房销售面积"]
    drawn_figures = dict(zip(*lines[1][1:], strict=True))
    ((key, value),) = figures(page, r"industrial_output/220106/2025-10\.ytd/growth")
    assert drawn_figures["2025年1—10月"] == f"{value}%"
    page.locator(f'a:has(data[data-key="{key}"])').click()
    page.wait_for_url(re.compile("/figures/industrial_output/220106/2025-10.ytd/"))
    assert figures(page, re.escape(key))[0] == [key, value]


@pytest.mark.parametrize("options", [{"viewport": PHONE}, {"color_scheme": "dark"}], ids=["phone", "dark"])
def test_index_of_sixteen_lines_fits(demo: App, open_page: Any, options: dict[str, Any]) -> None:
    page, _ = open_page(**options)
    codes = "&".join(f"indicator={code}" for code in (*THREE, "demo_fixed_investment"))
    districts = "&".join(f"district=22010{n}" for n in (6, 2, 3, 4))
    page.goto(f"{demo.url}/compare/?{codes}&{districts}&since=2024-01&until=2025-10&show=index")
    page.evaluate("() => window.drawCharts()")
    drawn(page)
    looks = page.evaluate("() => document.querySelector('.plot').data.map(({line}) => `${line.color} ${line.dash}`)")
    assert len(looks) == len(set(looks)) == 16
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_comparing_works_without_javascript(demo: App, sign_in_demo: SignIn) -> None:
    page = sign_in_demo("leader", java_script_enabled=False)
    page.goto(f"{demo.url}/compare/")
    page.locator('input[name=indicator][value="gdp"]').check()
    page.get_by_role("button", name="显示").click()
    page.wait_for_url(re.compile("indicator=gdp"))
    assert figures(page, r"gdp/220106/2025-09\.ytd/value")


def test_cockpit_draws_its_trends_when_they_come_near(demo: App, open_page: Any) -> None:
    """Nothing is fetched for the first view; then one answer serves eight charts, and nothing moves."""
    page, asked = open_page(viewport={"width": 1440, "height": 560})
    page.add_init_script(COUNT_SHIFTS)
    page.goto(f"{demo.url}/cockpit/")
    drawn(page)  # nothing is due
    assert of_charts(asked) == []
    page.locator("#trends").scroll_into_view_if_needed()
    page.evaluate("() => window.drawCharts()")
    expect(page.locator(".trends .main-svg:first-child")).to_have_count(8, timeout=PATIENCE)
    drawn(page)
    assert sorted(of_charts(asked)) == ["headline", "plotly"]
    assert page.evaluate("() => window.moved") < 0.001

    chart = page.locator('[data-chart="trend-industrial_output"] .plot')
    data = chart.evaluate("plot => plot.data.map(({type, name, x, customdata}) => [type, name, x, customdata])")
    assert [(kind, name) for kind, name, *_ in data] == [("bar", "2025年"), ("scatter", "2024年")]
    ((_, value),) = figures(page, r"industrial_output/220106/2025-10\.ytd/value")
    assert dict(zip(*data[0][2:], strict=True))["1—10月"] == f"{value}亿元"
    page.locator('[data-chart="trend-industrial_output"] a').click()
    page.wait_for_url(re.compile("/indicators/industrial_output/"))


def test_trends_say_so_when_their_figures_do_not_arrive(demo: App, open_page: Any) -> None:
    page, _ = open_page()
    page.route("**/charts/headline.json*", lambda route: route.abort())
    page.goto(f"{demo.url}/cockpit/")
    page.evaluate("() => window.drawCharts()")
    expect(page.locator("html")).to_have_attribute("data-charts", "failed", timeout=PATIENCE)
    expect(page.get_by_text("图没有载入").first).to_be_visible()
    page.unroute("**/charts/headline.json*")
    page.evaluate("() => window.drawCharts()")
    drawn(page)
    expect(page.locator(".trends .main-svg:first-child")).to_have_count(8)
    expect(page.get_by_text("图没有载入")).to_have_count(0)


def test_figures_of_the_trends_are_kept_by_the_browser(demo: App, sign_in_demo: SignIn) -> None:
    page = sign_in_demo("leader", viewport=TALL)
    address = f"{demo.url}/charts/headline.json"
    page.goto(f"{demo.url}/cockpit/")
    again = page.evaluate(
        """async address => {
            const etag = (await fetch(address)).headers.get("etag");
            return (await fetch(address, {headers: {"If-None-Match": etag}, cache: "no-store"})).status;
        }""",
        address,
    )
    assert again == 304


def test_trends_are_links_without_javascript(demo: App, sign_in_demo: SignIn) -> None:
    page = sign_in_demo("leader", java_script_enabled=False)
    page.goto(f"{demo.url}/cockpit/")
    links = page.locator("section:has(> * > #trends) figure a")
    expect(links).to_have_count(8)
    expect(page.locator(".trends .plot").first).to_be_hidden()
    links.first.click()
    page.wait_for_url(re.compile("/indicators/gdp/"))


def test_paper_has_no_trends_and_stays_one_sheet(demo: App, sign_in_demo: SignIn) -> None:
    page = sign_in_demo("leader", viewport=TALL)
    page.goto(f"{demo.url}/cockpit/")
    expect(page.locator(".trends .main-svg:first-child")).to_have_count(8, timeout=PATIENCE)
    with_charts = len(A_SHEET.findall(page.pdf(prefer_css_page_size=True)))
    page.evaluate("() => document.getElementById('trends').closest('section').remove()")
    assert with_charts == len(A_SHEET.findall(page.pdf(prefer_css_page_size=True)))
    page.reload()
    page.emulate_media(media="print")
    expect(page.locator("#trends")).to_be_hidden()


def test_wall_screen_shows_the_trends_in_their_turn(demo: App, sign_in_demo: SignIn) -> None:
    page = sign_in_demo("leader", viewport={"width": 1920, "height": 1080})
    page.goto(f"{demo.url}/cockpit/?screen=1")
    assert page.locator(".trends .main-svg").count() == 0
    page.keyboard.press("ArrowLeft")  # the last section
    expect(page.locator("#trends")).to_be_visible()
    expect(page.locator(".trends .main-svg:first-child")).to_have_count(8, timeout=PATIENCE)
    bottom = page.locator(".trends .chart").last.bounding_box()
    assert bottom is not None
    assert bottom["y"] + bottom["height"] <= 1080


def test_another_pool_changes_the_place(demo: App, sign_in_demo: SignIn) -> None:
    """绿园 is 4th of five by revenue's growth; the place among three is another, with an address of its own."""
    page = sign_in_demo("leader")
    page.goto(f"{demo.url}/cockpit/")
    place = r"fiscal_revenue/220106/2025-10\.ytd/(rank|place)-.*"
    ((key, among_five),) = figures(page, place)
    assert key.endswith("/rank-growth")
    page.get_by_label("位次范围").select_option(label="三区（演示）")
    page.wait_for_url(re.compile("pool=demo-three-districts"))
    ((key, among_three),) = figures(page, place)
    assert key.endswith("/place-growth-demo-three-districts")
    assert among_three != among_five
    page.get_by_label("时期").select_option("2025-09")
    page.wait_for_url(re.compile("period=2025-09"))
    assert "pool=demo-three-districts" in page.url
    page.goto(f"{demo.url}/indicators/fiscal_revenue/?pool=demo-three-districts")
    assert [key, among_three] in figures(page, place)
    page.locator(f'a:has(data[data-key="{key}"])').first.click()
    page.wait_for_url(re.compile("/figures/fiscal_revenue/"))
    assert [key, among_three] in figures(page, place)


def test_the_article_has_one_pool_and_no_trend(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/cockpit/")
    expect(page.get_by_label("位次范围")).to_have_count(0)
    expect(page.locator("#trends")).to_have_count(0)
