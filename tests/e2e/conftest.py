"""The application as people meet it: a real server (tests/serving.py) and a real browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests import serving
from tests.serving import PHONE as PHONE
from tests.serving import WIDE, App


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests are left out where there is no browser, unless REQUIRE_BROWSER says otherwise."""
    missing = serving.browser_path() is None and not os.environ.get("REQUIRE_BROWSER")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            if missing:
                item.add_marker(pytest.mark.skip(reason="没有浏览器：请安装 chromium、fonts-noto-cjk 和 libatomic1"))


@pytest.fixture(scope="session")
def app() -> Iterator[App]:
    with serving.served() as app:
        yield app


@pytest.fixture(scope="session")
def demo() -> Iterator[App]:
    """A server of its own with the demo data, for what one month of the article cannot show."""
    with serving.served(DEMO="1") as app:
        yield app


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django would take for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with serving.chromium() as browser:
        yield browser
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(app: App, browser: Browser) -> Iterator[SignIn]:
    """`sign_in("staff")`: a page of a browser profile of one's own, watched for errors and outside requests."""
    with _signing_in(app, browser) as open_page:
        yield open_page


@pytest.fixture
def sign_in_demo(demo: App, browser: Browser) -> Iterator[SignIn]:
    """As `sign_in`, on the demo."""
    with _signing_in(demo, browser) as open_page:
        yield open_page


@contextmanager
def _signing_in(app: App, browser: Browser) -> Iterator[SignIn]:
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(username: str, **options: object) -> Page:
        context = browser.new_context(**({"viewport": WIDE, "locale": "zh-CN"} | options))  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and not expected(m.text) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        own = (app.url, "data:", "blob:")
        page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith(own) else None)
        serving.sign_in(page, app, username)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def expected(text: str) -> bool:
    """The browser reports every answer that is not 2xx; those are asserted where they are meant."""
    return "Failed to load resource" in text


def figures_on(page: Page) -> dict[str, str]:
    """Every figure of the page: its address and the number a machine reads, or the text for wordings."""
    found = page.locator("data[data-key]").evaluate_all(
        "all => all.map(d => [d.dataset.key, d.getAttribute('value') || d.textContent.trim()])"
    )
    figures: dict[str, str] = {}
    for key, value in found:
        assert figures.setdefault(key, value) == value, f"{key} 在同一页上不一致"
    return figures
