"""An import as people live through it: a messy sheet, questions, repairs, a review, and the way back."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
from playwright.sync_api import Page, expect

from lvyuan.imports.table import RETURNED_HEADS
from tests.e2e.conftest import App, SignIn, figures_on

OUTPUT = "industrial_output/220106/2023-09.ytd"
CAPITAL = "domestic_capital/220106/2023-09.ytd"
SHEET = "三季度"


def messy(path: Path) -> Path:
    """Two tables on one sheet: merged heads of two levels with a flaw below, and a list that leaves things open."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = SHEET
    for line, cells in {
        1: ["绿园区主要经济指标完成情况"],
        2: ["单位：亿元，%"],
        3: ["指标名称", "2023年1—9月", None, "备注"],
        4: [None, "绝对量", "同比增长", None],
        5: ["规模以上工业总产值", 341.2, "15.4%", "快报"],
        6: ["实际到位内资", "四十点五", 12.1, None],
        9: ["注：本表为快报数"],
        11: ["民营经济情况"],
        12: ["指标", "时期", "期末数", "经办人", "上年"],
        13: ["民营企业", "2023年9月末", 31250, "王某", 30000],
        14: ["个体工商户", "2023年9月末", 80411, "李某", 70000],
    }.items():
        for column, value in enumerate(cells, 1):
            sheet.cell(line, column, value)
    for area in ("A1:D1", "A3:A4", "B3:C3", "D3:D4", "A11:E11"):
        sheet.merge_cells(area)
    sheet.column_dimensions["A"].width = 28
    book.save(path)
    return path


def upload(page: Page, app: App, path: Path) -> None:
    page.goto(f"{app.url}/imports/new/")
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="上传并预览").click()
    page.wait_for_url(re.compile(r"/imports/[0-9]+/"))


def approve(page: Page, app: App, file: str) -> None:
    page.goto(f"{app.url}/reviews/")
    page.get_by_role("link", name=file).first.click()
    page.get_by_role("button", name="通过", exact=True).click()
    expect(page.get_by_text("项数据即时生效")).to_be_visible()


def test_wizard(app: App, sign_in: SignIn, tmp_path: Path) -> None:
    admin, reviewer, leader = sign_in("admin"), sign_in("reviewer"), sign_in("leader")
    leader.goto(f"{app.url}/indicators/domestic_capital/")
    before = figures_on(leader)

    # 读懂: two tables, three questions, and a column that nothing was made of.
    upload(admin, app, messy(tmp_path / "三季度.xlsx"))
    expect(admin.get_by_text("文件里有 2 张表")).to_be_visible()
    expect(admin.get_by_text("有 3 处要您说明")).to_be_visible()
    admin.get_by_label("不导入（建议）").check()
    for name in ("magnitude:2:private_enterprises", "magnitude:2:sole_traders"):
        admin.locator(f"[name='{name}']").nth(1).check()  # 单位应是户
    admin.get_by_label("D列“经办人”用作").select_option("说明")
    admin.get_by_role("button", name="保存答复，去核对").click()

    # 核对: what is new, and one row that cannot be read.
    expect(admin.get_by_text("您确认之前，不写入任何数据")).to_be_visible()
    expect(admin.get_by_role("link", name="新增 3")).to_be_visible()
    expect(admin.locator("#problems").get_by_text("“四十点五”")).to_be_visible()
    admin.get_by_role("link", name="有误 1").click()
    expect(admin.locator("#rows tbody tr")).to_have_count(1)
    expect(admin.locator("#rows")).to_contain_text("第6行")
    assert not admin.get_by_role("button", name="确认并送审").count()

    # The failed row comes back in the sender's own sheet; it is repaired there.
    with admin.expect_download() as waiting:
        admin.get_by_role("link", name="下载有误的行").click()
    returned = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(returned)
    assert returned.name == "三季度（有误的行）.xlsx"
    book = openpyxl.load_workbook(returned)
    sheet = book[SHEET]
    assert [cell.value for cell in sheet[4]][1:] == ["绝对量", "同比增长", None, *RETURNED_HEADS]
    assert [cell.value for cell in sheet[5]][:3] == ["实际到位内资", "四十点五", 12.1]
    assert (sheet.max_row, "A1:D1" in {str(area) for area in sheet.merged_cells.ranges}) == (5, True)
    sheet["B5"] = 40.5
    book.save(returned)

    # The others go ahead with a reason.
    admin.get_by_label("理由").fill("内资一项另行补报")
    admin.get_by_role("button", name="只导入无误的 3 项并送审").click()
    expect(admin.get_by_text("已交给审核员")).to_be_visible()
    first = admin.url

    # The repaired row is imported by itself.
    upload(admin, app, returned)
    expect(admin.get_by_role("link", name="新增 1")).to_be_visible()
    admin.get_by_role("button", name="确认并送审 1 项").click()
    expect(admin.get_by_text("已交给审核员")).to_be_visible()
    second = admin.url
    leader.reload()
    assert figures_on(leader) == before

    # One step of a reviewer, and leaders see it.
    approve(reviewer, app, "三季度.xlsx")
    approve(reviewer, app, returned.name)
    leader.reload()
    assert figures_on(leader)[f"{CAPITAL}/value"] == "40.5"
    leader.goto(f"{app.url}/indicators/industrial_output/")
    assert figures_on(leader)[f"{OUTPUT}/value"] == "341.2"

    # Who sent it in cannot take approved figures back; a reviewer does, and what stood there before stands again.
    for address in (first, second):
        admin.goto(address)
        expect(admin.get_by_text("现在不能撤销")).to_be_visible()
        admin.get_by_role("link", name="查看导入的结果").click()
        reviewer.goto(admin.url)
        reviewer.get_by_label("理由").last.fill("口径有误")
        reviewer.get_by_role("button", name="撤销导入").click()
        admin.goto(address)
        expect(admin.get_by_text("撤销，理由：口径有误")).to_be_visible()
    leader.goto(f"{app.url}/indicators/domestic_capital/")
    assert figures_on(leader) == before
