"""The switch between Chinese and English, and that figures do not mind it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import figures_on
from tests.serving import PHONE, App

pytestmark = pytest.mark.browser
SignIn = Callable[..., Page]
PAGES = ("/cockpit/?period=2023-06", "/indicators/?period=2023-06")


@pytest.mark.parametrize("path", PAGES)
def test_figures_are_the_same_in_both_languages(app: App, sign_in: SignIn, path: str) -> None:
    page = sign_in("leader", locale="en-US")  # the browser's own language chooses nothing
    page.goto(f"{app.url}{path}")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    before = figures_on(page)
    assert len(before) >= 9
    page.get_by_role("button", name="English", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_url(f"{app.url}{path}")
    expect(page.get_by_role("navigation").first).to_contain_text("Cockpit")
    assert figures_on(page) == before
    page.get_by_role("button", name="中文", exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page).to_have_url(f"{app.url}{path}")
    assert figures_on(page) == before


def test_the_choice_is_made_before_signing_in_and_without_scripts(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader", java_script_enabled=False)
    page.goto(f"{app.url}/indicators/")
    page.get_by_role("button", name="English", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/accounts/login/"))
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="中文", exact=True).click()
    expect(page.get_by_role("button", name="登录")).to_be_visible()


def test_the_form_speaks_english_where_scripts_write(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff")
    page.goto(f"{app.url}/rounds/2023-07/gxj/")
    page.get_by_role("button", name="English", exact=True).click()
    cell = page.locator("[data-cell] input").first
    cell.fill("xyz")
    cell.press("Enter")
    expect(page.locator("main")).to_contain_text("1 cells not understood")
    cell.fill("")
    cell.press("Enter")
    page.get_by_role("button", name="中文", exact=True).click()


@pytest.mark.parametrize("width", [320, 390])
def test_the_english_frame_fits_a_phone(app: App, sign_in: SignIn, width: int) -> None:
    page = sign_in("reviewer", viewport={"width": width, "height": PHONE["height"]})
    page.goto(f"{app.url}/indicators/")
    page.get_by_role("button", name="English", exact=True).click()
    for path in ("/indicators/", "/reviews/", "/rounds/"):
        page.goto(f"{app.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
