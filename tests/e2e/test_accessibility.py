"""axe-core on the pages that people work on all month, wide and on a phone, light and dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.conftest import PHONE, App, SignIn

PAGES = [
    ("staff", "/tasks/"),
    ("staff", "/rounds/2023-07/gxj/"),
    ("staff", "/notices/"),
    ("staff", "/notices/choices/"),
    ("reviewer", "/reviews/"),
    ("reviewer", "/reviews/1/"),
    ("reviewer", "/board/"),
    ("reviewer", "/rounds/"),
    ("reviewer", "/rounds/new/"),
    ("reviewer", "/rounds/2023-07/exceptions/"),
    ("reviewer", "/releases/"),
    ("leader", "/board/"),
    ("leader", "/cockpit/"),
    ("leader", "/compare/"),
    ("leader", "/compare/?indicator=industrial_output&indicator=gdp&since=2023-01&until=2023-06&show=growth"),
    ("leader", "/targets/"),
    ("leader", "/figures/target/220106/gdp-2025/"),
    ("leader", "/indicators/industrial_output/ranks/"),
    ("admin", "/targets/new/"),
    ("admin", "/targets/220106/gdp-2025/change/"),
]


@pytest.mark.parametrize("look", ["wide", "phone", "dark"])
def test_axe_finds_no_violation(app: App, sign_in: SignIn, look: str) -> None:
    options = {"wide": {}, "phone": {"viewport": PHONE}, "dark": {"color_scheme": "dark"}}[look]
    found: dict[str, list[str]] = {}
    for who in ("staff", "reviewer", "leader", "admin"):
        page = sign_in(who, **options)
        for owner, path in PAGES:
            if owner != who:
                continue
            answer = page.goto(app.url + path)
            assert answer
            assert answer.status == 200, path
            for violation in Axe().run(page).response["violations"]:
                nodes = [node["target"] for node in violation["nodes"]][:3]
                found.setdefault(path, []).append(f"{violation['id']}: {nodes}")
    assert found == {}
