"""Every page in a real browser: no script error, no outside request, nothing wider than the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import PHONE, WIDE, App, SignIn

LEADER = [
    "/cockpit/",
    "/cockpit/?period=2023-06",
    "/cockpit/?known_at=2023-07-01",
    "/cockpit/?as_of=2023-07-01",
    "/indicators/",
    "/indicators/industrial_output/",
    "/indicators/population/",
    "/compare/",
    "/compare/?indicator=industrial_output&indicator=gdp&since=2023-01&until=2023-06&show=growth",
    "/figures/industrial_output/220106/2023-06.ytd/",
    "/figures/target/220106/gdp-2025/",
    "/targets/",
    "/indicators/industrial_output/ranks/",
    "/strategy/",
    "/projects/",
    "/projects/key-2023-01/",
    "/figures/portfolio/220106/key-2023@2023-08-04/",
    "/board/",
    "/nowhere/",
]
PAGES = [("leader", path) for path in LEADER] + [
    ("staff", "/notices/"),
    ("staff", "/notices/choices/"),
    ("staff", "/tasks/"),
    ("staff", "/rounds/"),
    ("staff", "/rounds/2023-07/gxj/"),
    ("reviewer", "/reviews/"),
    ("reviewer", "/reviews/1/"),
    ("reviewer", "/releases/"),
    ("reviewer", "/releases/?show=released"),
    ("reviewer", "/rounds/2023-07/"),
    ("reviewer", "/rounds/new/"),
    ("reviewer", "/rounds/new/?period=2026-03"),
    ("reviewer", "/rounds/2023-07/change/"),
    ("reviewer", "/rounds/2023-07/exceptions/"),
    ("reviewer", "/board/"),
    ("reviewer", "/board/?rounds=12"),
    ("admin", "/targets/new/"),
    ("admin", "/targets/220106/gdp-2025/change/"),
    ("reviewer", "/lights/"),
    ("admin", "/lights/"),
    ("admin", "/lights/level-default/"),
    ("admin", "/lights/plan-and-city/change/"),
    ("admin", "/imports/"),
    ("admin", "/imports/new/"),
    ("admin", "/admin/"),
    ("auditor", "/history/"),
]


@pytest.mark.parametrize("who", ["leader", "staff", "reviewer", "admin", "auditor"])
@pytest.mark.parametrize("size", ["wide", "phone"])
def test_pages_fit_and_keep_quiet(app: App, sign_in: SignIn, who: str, size: str) -> None:
    page = sign_in(who, viewport=WIDE if size == "wide" else {"width": 360, "height": 780})
    for person, path in PAGES:
        if person != who:
            continue
        page.goto(app.url + path)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{path} 比屏幕宽 {overflow} 像素"


def test_trend_is_drawn_under_the_content_policy(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/indicators/industrial_output/")
    expect(page.locator(".chart .main-svg").first).to_be_visible()


def test_cockpit_essentials_need_no_scrolling(app: App, sign_in: SignIn) -> None:
    page = sign_in("leader")
    page.goto(f"{app.url}/cockpit/")
    for key in ("target/220106/gdp-2025/value", "portfolio/220106/key-2023@2023-08-04/start_rate"):
        box = page.locator(f'data[data-key="{key}"]').first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= WIDE["height"], key


def test_pages_work_without_javascript(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff", java_script_enabled=False, viewport=PHONE)
    page.goto(f"{app.url}/rounds/2023-07/gxj/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto(f"{app.url}/cockpit/")
    expect(page.locator('data[data-key="industrial_output/220106/2023-06.ytd/growth"]').first).to_be_visible()
