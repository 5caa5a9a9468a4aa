"""Charts in a real browser, under the pages' own CSP, with the small bundle of plotly.js and with the wheel's.

A bundle is put under the one address that pages know, so both meet the same server, page and headers. Kinds that the
indicator's page does not show are brought to it as a figure and a JSON script, as an htmx fragment would.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from lvyuan.ui.finders import full_bundle, small_bundle
from tests.e2e.conftest import PHONE, App, SignIn
from tests.ui.samples import KINDS

PATIENCE = 20_000  # milliseconds; the wheel's bundle passes through the test's own process
INDICATOR = "/indicators/industrial_output/"
DRAWN = {
    "line": ".scatterlayer .trace .lines path",
    "bar": ".barlayer .point path",
    "comparison": ".barlayer .point path",
    "heatmap": ".heatmaplayer image",
    "bullet": ".indicatorlayer .value-bullet rect",
}


@pytest.fixture(params=["small", "wheel"])
def bundle(request: pytest.FixtureRequest) -> Path:
    path = small_bundle() if request.param == "small" else full_bundle()
    if request.param == "small" and shutil.which("npm") is None:
        pytest.skip("没有 npm：只有 plotly 自带的完整版")
    assert path.is_file(), "有 npm 却没有小的图表脚本：见 build/plotly/log"
    return path


@pytest.fixture
def open_page(app: App, sign_in: SignIn, bundle: Path) -> Iterator[Any]:
    """`open_page()`: a page, and the addresses it asked for plotly, each answered with `bundle`."""

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(path=bundle, content_type="text/javascript")

    asked: list[str] = []

    def open_page(path: str = INDICATOR, **options: Any) -> tuple[Page, list[str]]:
        page = sign_in("leader", **options)
        page.route("**/ui/plotly.min*.js", answer)
        response = page.goto(app.url + path)
        assert response is not None
        policy = response.headers["content-security-policy"]
        assert "script-src 'self';" in f"{policy};"
        assert "style-src 'self';" in f"{policy};"
        return page, asked

    return open_page


ADD = """figures => {
    for (const [id, figure] of Object.entries(figures)) {
        const script = Object.assign(document.createElement("script"), {type: "application/json", id});
        script.textContent = JSON.stringify(figure);
        const box = Object.assign(document.createElement("figure"), {className: "chart"});
        box.dataset.chart = id;
        box.append(script);
        document.querySelector("main").append(box);
        document.dispatchEvent(new CustomEvent("htmx:load", {detail: {elt: box}}));
    }
}"""


def drawn(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-charts", "drawn", timeout=PATIENCE)


def test_pages_own_charts_draw(open_page: Any) -> None:
    page, asked = open_page()
    drawn(page)
    expect(page.locator(".chart .main-svg").first).to_be_visible()
    assert len(asked) == 1


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE}, {"color_scheme": "dark"}], ids=["wide", "phone", "dark"])
def test_every_kind_draws(open_page: Any, options: dict[str, Any]) -> None:
    page, asked = open_page(**options)
    page.evaluate(ADD, {name: build() for name, build in KINDS.items()})
    for name in KINDS:
        figure = page.locator(f'[data-chart="{name}"]')
        figure.scroll_into_view_if_needed()
        expect(figure.locator(DRAWN[name]).first).to_be_attached(timeout=PATIENCE)
    drawn(page)
    problems = page.evaluate(
        "() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(p => Plotly.validate(p.data, p.layout) ?? [])"
    )
    # "unused" is what plotly says of an option that another one switched off, a grid's colour without a grid
    assert [one["msg"] for one in problems if one["code"] != "unused"] == []
    assert len(asked) == 1
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_what_charts_say(open_page: Any) -> None:
    """Published digits in hover and cells, own district by name, missing apart from zero and from not due."""
    page, _ = open_page()
    page.evaluate(ADD, {name: build() for name, build in KINDS.items()})
    page.evaluate("() => window.drawCharts()")
    drawn(page)

    def data(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = page.evaluate(
            f"""() => document.querySelector('[data-chart="{name}"] .plot').data
                .map(({{x, y, customdata, line, marker}}) => ({{x, y, customdata, line, symbol: marker?.symbol}}))"""
        )
        return found

    actual = data("line")[0]
    assert actual["customdata"][:3] == ["30.10亿元", "", "71.2亿元"]
    # the line ends before 1—6月, where the definition changes
    assert (actual["x"][3:6], actual["y"][3:6]) == (["1—5月", "1—6月", "1—6月"], [95, None, 118.4])
    looks = [(trace["line"]["dash"], trace["symbol"], trace["line"]["width"]) for trace in data("line")]
    assert len({look[:2] for look in looks}) >= 5  # own and actual are the same thing in two kinds of charts

    line = page.locator('[data-chart="line"] .plot')
    for words in ("亿元", "口径变更", "技改投产", "统计年报", "序时进度"):
        expect(line.locator("text", has_text=words).first).to_be_visible()
    boxes = [line.locator(".annotation-text", has_text=w).bounding_box() for w in ("口径变更", "技改投产")]
    assert boxes[0] is not None
    assert boxes[1] is not None
    first, second = boxes
    apart = first["x"] + first["width"] <= second["x"] or first["y"] + first["height"] <= second["y"]
    assert apart or second["y"] + second["height"] <= first["y"]

    comparison = page.locator('[data-chart="comparison"] .plot')
    for words in ("绿园区（本区）", "无数据", "-3.25%", "6.0%"):
        expect(comparison.locator("text", has_text=words).first).to_be_visible()

    heatmap = page.locator('[data-chart="heatmap"] .plot')
    expect(heatmap.locator(".heatmap-label", has_text="-4.5")).to_have_count(2)
    expect(heatmap.locator(".scatterlayer .point")).to_have_count(1)

    expect(page.locator('[data-chart="bullet"] .plot text', has_text="223.70").first).to_be_visible()


def test_plotly_waits_for_a_chart_to_come_near(app: App, open_page: Any) -> None:
    page, asked = open_page("/indicators/")
    page.route("**" + INDICATOR, far_below)
    page.goto(app.url + INDICATOR)
    drawn(page)
    assert asked == []
    assert page.evaluate("() => typeof window.Plotly") == "undefined"
    page.locator("[data-chart]").first.scroll_into_view_if_needed()
    expect(page.locator(".chart .main-svg").first).to_be_visible(timeout=PATIENCE)
    drawn(page)
    assert len(asked) == 1


def far_below(route: Route) -> None:
    """The page as the server sent it, with a screen and a half of lines before its content."""
    response = route.fetch()
    lines = "<p>—</p>" * 80
    route.fulfill(response=response, body=response.text().replace('id="main">', f'id="main">{lines}', 1))


def test_colours_follow_the_scheme(open_page: Any) -> None:
    page, _ = open_page()
    page.evaluate(ADD, {"heatmap": KINDS["heatmap"](), "line": KINDS["line"]()})
    page.evaluate("() => window.drawCharts()")
    drawn(page)
    colour = "() => document.querySelector('[data-chart=line] .plot').data[0].line.color"
    token = "() => getComputedStyle(document.documentElement).getPropertyValue('--series-1').trim()"
    light = page.evaluate(colour)
    assert light == page.evaluate(token)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"before => ({colour})() !== before", arg=light)
    assert page.evaluate(colour) == page.evaluate(token)
    page.emulate_media(color_scheme="dark", media="print")
    page.wait_for_function(f"before => ({colour})() === before", arg=light)


def test_paper_shows_what_nobody_scrolled_to(open_page: Any) -> None:
    page, _ = open_page(viewport=PHONE)
    page.evaluate(ADD, {name: build() for name, build in KINDS.items()})
    page.emulate_media(media="print")
    drawn(page)
    expect(page.locator(".chart:not(:has(.main-svg))")).to_have_count(0)
    assert page.locator(".main-svg:not([viewBox])").count() == 0
    assert page.pdf().startswith(b"%PDF")


def test_chart_of_a_replaced_fragment_is_drawn_anew(open_page: Any) -> None:
    page, asked = open_page()
    drawn(page)
    page.evaluate("() => document.querySelector('[data-chart]').remove()")
    page.evaluate(ADD, {"bar": KINDS["bar"]()})
    figure = page.locator('[data-chart="bar"]')
    figure.scroll_into_view_if_needed()
    expect(figure.locator(DRAWN["bar"]).first).to_be_attached()
    drawn(page)
    assert len(asked) == 1


def test_page_says_so_when_plotly_does_not_arrive(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.route("**/ui/plotly.min*.js", lambda route: route.abort())
    page.goto(app.url + INDICATOR)
    expect(page.locator("html")).to_have_attribute("data-charts", "failed")
    expect(page.get_by_text("图没有载入").first).to_be_visible()
    page.unroute("**/ui/plotly.min*.js")
    page.evaluate("() => window.drawCharts()")
    drawn(page)
    expect(page.get_by_text("图没有载入")).to_have_count(0)
