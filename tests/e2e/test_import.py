"""An import as people live through it: a messy sheet, a question, repairs, a review, and the way back."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import openpyxl
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, SignIn, figures_on

OUTPUT = "industrial_output/220106/2023-09.ytd"
CAPITAL = "domestic_capital/220106/2023-09.ytd"


def messy(path: Path) -> Path:
    """Two tables on one sheet: months across under merged heads, and a list with a name that nobody knows."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "三季度"
    for line, cells in {
        1: ["绿园区主要经济指标完成情况"],
        2: ["单位：亿元，%"],
        3: ["指标名称", "2023年1—9月", None, "备注"],
        4: [None, "绝对量", "同比增长", None],
        5: ["规模以上工业总产值", 341.2, "15.4%", "快报"],
        6: ["实际到位内资", "四十点五", 12.1, None],
        9: ["注：本表为快报数"],
        11: ["民营经济情况"],
        12: ["指标", "时期", "数值", "单位", "经办人"],
        13: ["民营企业户数", "2023年1—9月", 31250, "户", "王某"],
        14: ["个体户数", "2023年1—9月", 80411, "户", "李某"],
    }.items():
        for column, value in enumerate(cells, 1):
            sheet.cell(line, column, value)
    for area in ("A1:D1", "A3:A4", "B3:C3", "D3:D4", "A11:E11"):
        sheet.merge_cells(area)
    sheet.column_dimensions["A"].width = 28
    sheet["D13"].number_format = "@"
    sheet["G13"] = dt.date(2023, 10, 8)
    book.save(path)
    return path


def upload(page: Page, app: App, path: Path) -> None:
    page.goto(f"{app.url}/imports/new/")
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="上传并预览").click()
    page.wait_for_url(re.compile(r"/imports/\d+/"))


def test_wizard(app: App, sign_in: SignIn, tmp_path: Path) -> None:
    admin, reviewer, leader = sign_in("admin"), sign_in("reviewer"), sign_in("leader")
    upload(admin, app, messy(tmp_path / "三季度.xlsx"))
    print(admin.locator("main").inner_text())
    admin.screenshot(path="/tmp/web_shot1.png", full_page=True)
    raise SystemExit
