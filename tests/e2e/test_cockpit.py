"""The leaders' page in use: from a tile to its evidence and back, on the wall, on paper."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.serving import WIDE, App

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
A4_LANDSCAPE = (841.9, 595.3)  # points


def test_every_tile_leads_to_its_evidence_and_back(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/cockpit/")
    tiles = page.locator(".tile a.figure")
    keys = tiles.locator("data").evaluate_all("found => found.map(one => [one.dataset.key, one.value])")
    assert len(keys) >= 9
    for number, (key, value) in enumerate(keys):
        tiles.nth(number).click()
        page.wait_for_url(re.compile("/figures/"))
        expect(page.locator(f'data[data-key="{key}"]').first).to_have_attribute("value", value)
        expect(page.locator("main")).to_contain_text("来源")
        page.go_back()
        page.wait_for_url(re.compile("/cockpit/$"))


def test_one_figure_on_every_page_that_shows_it(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    key = "industrial_output/220106/2023-06.ytd/value"
    for path in ("/cockpit/", "/indicators/", "/indicators/industrial_output/", "/strategy/", f"/figures/{key[:-6]}/"):
        page.goto(f"{app.url}{path}")
        values = page.locator(f'data[data-key="{key}"]').evaluate_all("found => found.map(one => one.value)")
        assert set(values) == {"223.7"}, path


def test_period_is_switched_by_the_picker(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/cockpit/")
    page.get_by_label("时期").select_option("2023-06")
    page.wait_for_url(re.compile("period=2023-06"))
    expect(page.locator(".tile").first).to_contain_text("2023年1—6月")


def test_all_of_it_stands_on_one_screen(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/cockpit/")
    expect(page.locator(".verdict")).to_contain_text("3个目标都还不能判断快慢")
    ends = page.locator(".verdict, .target, .tile, .below > section").evaluate_all(
        "found => found.map(one => one.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 1 + 3 + 9 + 2
    assert max(ends) <= WIDE["height"]


def test_wall_screen_shows_each_section_whole(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader", viewport={"width": 1920, "height": 1080})
    page.goto(f"{app.url}/cockpit/?screen=1")
    for _section in range(page.locator("[data-section]").count()):
        assert page.evaluate("document.documentElement.scrollHeight") <= 1080
        page.keyboard.press("ArrowRight")


def test_wall_screen_turns_twice_and_can_be_turned_by_hand(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.clock.install()
    page.goto(f"{app.url}/cockpit/?screen=1")
    sections = page.locator("[data-section]")
    count = sections.count()
    assert count >= 3
    for turn in range(2 * count):
        expect(sections.nth(turn % count)).to_be_visible()
        assert sections.evaluate_all("found => found.filter(one => !one.hidden).length") == 1
        page.clock.run_for(12_000)
    page.keyboard.press("ArrowRight")
    shown = page.locator("#main").get_attribute("data-shown")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#main").get_attribute("data-shown") != shown


def test_paper_is_one_landscape_sheet(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/cockpit/")
    paper = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox ?\[ ?0 0 ([\d.]+) ([\d.]+) ?\]", paper)
    sizes = {(round(float(width), 1), round(float(height), 1)) for width, height in boxes}
    assert len(sizes) == 1
    width, height = sizes.pop()
    assert (abs(width - A4_LANDSCAPE[0]) < 1, abs(height - A4_LANDSCAPE[1]) < 1) == (True, True)
    assert len(boxes) == 1
