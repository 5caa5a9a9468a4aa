"""axe-core on every page of the role matrix: on a wide screen in light and dark, and on a phone."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import openpyxl
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.e2e.conftest import PHONE, WIDE, App, SignIn
from tests.test_pages import FILES, PAGES

# Whoever sees most comes first: one sign-in each, and every page is opened by the first who may see it.
ROLES = ("leader", "reviewer", "staff", "admin", "auditor")
NO_PAGE = {"home", *FILES, "lines-feedback", "headline-charts"}  # leads on; files; a fragment; data
# What other roles find on a page besides.
MORE = {
    "leader": [
        "/compare/?indicator=industrial_output&indicator=gdp&since=2023-01&until=2023-06&show=growth",
        "/cockpit/?screen=1",
        "/cockpit/?known_at=2023-07-01",
        "/indicators/?q=没有",
        "/nowhere/",
    ],
    "reviewer": ["/board/", "/indicators/industrial_output/", "/figures/industrial_output/220106/2023-06.ytd/"],
    "staff": ["/notices/"],
    "admin": ["/targets/", "/lights/", "/imports/{asking}/"],
    "auditor": ["/reviews/1/"],
}
PREVIEWED = "指标,时期,数值,单位\n实际到位内资,2023年1—7月,35.66,亿元\n规模以上工业总产值,2023年1—7月,一百,亿元\n"
ASKING = "指标,时期,数值,单位,联系人\n实际到位内资,2023年1—7月,35.66,亿元,王某\n没有的指标,2023年1—7月,1,亿元,李某\n"
# Without what passed: only violations are wanted.
RUN = """async () => {
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" "))}`);
}"""


def seen_by(role: str) -> Iterator[str]:
    """Addresses that this role is the first of ROLES to see, and what it finds besides."""
    for name, (path, answers) in PAGES.items():
        if name not in NO_PAGE and role == next((one for one in ROLES if answers[one] == 200), None):
            yield path
    yield from MORE[role]


def test_every_page_is_seen_by_some_role() -> None:
    seen = {path for role in ROLES for path in seen_by(role)}
    assert {path for name, (path, _) in PAGES.items() if name not in NO_PAGE} <= seen


@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_no_violation(app: App, sign_in: SignIn, role: str) -> None:
    page = sign_in(role, reduced_motion="reduce")  # or colours would still be on their way when axe looks
    found: dict[str, list[str]] = {}
    for path in seen_by(role):
        address = path.format(
            submission=1,
            job=imported(page, app, PREVIEWED) if "{job}" in path else "",
            asking=imported(page, app, ASKING) if "{asking}" in path else "",
            workbook=given_back(page, app) if "{workbook}" in path else "",
        )
        answer = page.goto(app.url + address)
        assert answer
        assert answer.status == (404 if path == "/nowhere/" else 200), path
        page.wait_for_function("() => document.documentElement.dataset.charts !== 'loading'")
        page.evaluate(AXE_SCRIPT)
        for look in ("light", "dark", "phone"):
            page.emulate_media(color_scheme="dark" if look == "dark" else "light")
            page.set_viewport_size(PHONE if look == "phone" else WIDE)
            if violations := page.evaluate(RUN):
                found[f"{look} {address}"] = violations
        page.set_viewport_size(WIDE)
    assert found == {}


def imported(page: Page, app: App, table: str) -> str:
    """The number of an import that nobody has confirmed."""
    page.goto(f"{app.url}/imports/new/")
    page.set_input_files("input[type=file]", {"name": "预览.csv", "mimeType": "text/csv", "buffer": table.encode()})
    page.get_by_role("button", name="预览").click()
    page.wait_for_url(re.compile(r"/imports/[0-9]+/"))
    return page.url.rstrip("/").rpartition("/")[2]


def given_back(page: Page, app: App) -> str:
    """The number of a department's workbook that came back with one cell filled in."""
    form = f"{app.url}/rounds/2023-07/gxj/"
    book = openpyxl.load_workbook(io.BytesIO(page.request.get(f"{form}form.xlsx").body()))
    open_cells = (cell for row in book.active.iter_rows() for cell in row if not cell.protection.locked)
    next(open_cells).value = "254.1"
    filled = io.BytesIO()
    book.save(filled)
    page.goto(form)
    page.get_by_text("上传填好的 Excel 表").click()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    upload = page.locator("form[action$='upload/']")
    upload.locator("input[type=file]").set_input_files(
        {"name": "表.xlsx", "mimeType": kind, "buffer": filled.getvalue()}
    )
    upload.get_by_role("button", name="上传", exact=True).click()
    page.wait_for_url(re.compile(r"/upload/[0-9]+/"))
    return page.url.rstrip("/").rpartition("/")[2]
