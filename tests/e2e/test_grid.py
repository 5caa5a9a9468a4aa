"""The department's form in a real browser: by keyboard, by paste, by two people, without script, through a crash."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests import serving
from tests.e2e.conftest import PHONE, App, SignIn

FORM = "/rounds/2023-07/gxj/"
PALE = "/rounds/2023-07/swj/"
# Twelve more lines for 工信局, each asking for a rank and in 亿元; as the owner of the tables.
TWELVE = """
INSERT INTO indicators_indicator (code, name, name_en, aliases, category, nature, direction, calendar, primary_kind,
    lag_months, owner_id, asks_rank, is_headline, "order", note)
SELECT 'line-' || n, '行业产值' || n, '', '{}', category, nature, direction, calendar, primary_kind, 0, owner_id, true,
    false, 500 + n, '' FROM indicators_indicator, generate_series(10, 21) n WHERE code = 'industrial_output';
INSERT INTO indicators_indicatorversion (indicator_id, valid_from, unit, definition, scope, price_basis, formula,
    decimals)
SELECT id, '2020-01-01', '亿元', '按当月价格计算。', '', 'nominal', '', 2
FROM indicators_indicator WHERE code LIKE 'line-%';
INSERT INTO indicators_assignment (district_id, indicator_id, department_id, valid_from, is_assumed)
SELECT a.district_id, i.id, a.department_id, '2020-01-01', false
FROM indicators_assignment a JOIN indicators_indicator o ON o.id = a.indicator_id AND o.code = 'industrial_output',
    indicators_indicator i WHERE i.code LIKE 'line-%';
"""
# As Excel puts twelve rows of four columns on the clipboard: cells with a line end stand in quotes.
BLOCK = (
    "223.7\t12.3%\t2\t平稳\r\n"
    "2,237,000万元\t-6.0\t第1位\t两家企业六月退库\r\n"
    '２２３．７\t持平\t\t"第一行\n第二行"\r\n'
    "450余\t\t\t\r\n"
    "abc\t近3\t9\t看不懂的一行\r\n"
    "1,234.50\t0.0\t5\t\r\n"
    "\t\t\t尚未取得\r\n"
    "—\t\t\t\r\n"
    "3.7万户\t1\t\t单位不对\r\n"
    "223.7亿\t１６．２％\t３\t\r\n"
    "250000000元\t10\t4\t\r\n"
    "2237000万\t+1.5\t1\t最后一行\r\n"
)
# What stands in the cells then: value, growth, rank, note. Those that are no figure stay as they were typed.
STANDS = [
    ("223.7亿元", "12.3", "2", "平稳"),
    ("223.7亿元", "-6.0", "1", "两家企业六月退库"),
    ("223.7亿元", "0", "", "第一行\n第二行"),
    ("450余亿元", "", "", ""),
    ("abc", "近3", "9", "看不懂的一行"),
    ("1234.50亿元", "0.0", "5", ""),
    ("", "", "", "尚未取得"),
    ("—", "", "", ""),
    ("3.7万户", "1", "", "单位不对"),
    ("223.7亿元", "16.2", "3", ""),
    ("2.5亿元", "10", "4", ""),
    ("223.7亿元", "1.5", "1", "最后一行"),
]
BAD = ["line-14-value", "line-14-growth", "line-14-rank_place", "line-18-value"]
COLUMNS = ("value", "growth", "rank_place", "note")


@pytest.fixture(scope="module")
def app(app: App) -> Iterator[App]:
    """A server of one's own, but for the static files: its lines are more, and in the end it is killed."""
    with serving.served(STATIC_ROOT=f"{app.environment['DATA_DIR']}/static") as own:
        with psycopg.connect(own.environment["DATABASE_OWNER_URL"]) as owner:
            owner.execute(TWELVE)
        yield own


def cell(page: Page, line: str, field: str = "value"):
    return page.locator(f"[name={line}-{field}]")


def saved(page: Page) -> None:
    """Waits until all that was written is saved."""
    expect(page.locator("[data-summary]")).to_contain_text("已保存，尚未提交")


def standing(page: Page) -> list[tuple[str, ...]]:
    return [tuple(cell(page, f"line-{n}", field).input_value() for field in COLUMNS) for n in range(10, 22)]


def bad(page: Page) -> list[str]:
    found: list[str] = page.locator("[aria-invalid=true]").evaluate_all("all => all.map(el => el.name)")
    return found


def test_pasted_block_fills_its_cells_and_keeps_what_is_no_figure(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(app.url + FORM)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/cells/") else None)
    page.evaluate("text => navigator.clipboard.writeText(text)", BLOCK)
    cell(page, "line-10").focus()
    page.keyboard.press("Control+v")
    saved(page)
    page.keyboard.press("Tab")  # leaving the cell shows the text as the server understood it
    assert (len(sent), bad(page), standing(page)) == (1, BAD, STANDS)
    expect(page.locator("[data-summary]")).to_contain_text("4 格看不懂")
    expect(page.locator("#said-line-18-value")).to_contain_text("单位不可换算")
    page.reload()  # the server kept it all
    assert (bad(page), standing(page)) == (BAD, STANDS)
    expect(page.locator("#said-line-14-value")).to_contain_text("不是认得的数据写法")


def test_keyboard_alone_fills_and_submits(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff2")
    page.goto(app.url + PALE)
    keys = page.keyboard
    while page.evaluate("document.activeElement.name") != "domestic_capital-value":
        keys.press("Tab")
    keys.type("35.66")
    keys.press("ArrowRight")  # at the end of the text: the next cell
    keys.type("41.3")
    keys.press("ArrowRight")
    keys.type("9")
    keys.press("Escape")  # as it was
    keys.type("2")
    keys.press("Tab")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Tab")
    keys.type("七月两个项目到资")
    keys.press("Alt+Enter")
    keys.type("其余平稳")
    keys.press("Enter")
    saved(page)
    while page.evaluate("document.activeElement.value") != "submit":
        keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_text("已提交审核。")).to_be_visible()
    text = page.locator("main").inner_text()
    for said in ("35.66亿元", "41.3", "按增速", "七月两个项目到资\n其余平稳", "已锁定", "正在等待审核"):
        assert said in text, said


def test_arrows_and_enter_move_between_lines(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff")
    page.goto(app.url + FORM)

    def at(key: str) -> str:
        page.keyboard.press(key)
        page.wait_for_timeout(60)  # a note lets its caret move first
        name: str = page.evaluate("document.activeElement.name")
        return name

    cell(page, "line-10", "growth").focus()
    keys = ("ArrowDown", "Enter", "Shift+Enter", "ArrowUp", "ArrowLeft", "ArrowUp", "ArrowUp")
    expected = ["line-11", "line-12", "line-11", "line-10"]
    assert [at(key) for key in keys] == [
        *(f"{line}-growth" for line in expected), "line-10-value", "industrial_output-value", "industrial_output-value",
    ]  # fmt: skip
    cell(page, "line-12", "note").focus()  # two lines of text: the caret moves inside it first
    page.keyboard.press("Control+Home")
    assert [at("ArrowDown"), at("ArrowDown"), at("ArrowUp")] == ["line-12-note", "line-13-note", "line-12-note"]


def test_two_people_on_one_cell_choose(app: App, sign_in: SignIn) -> None:
    mine, theirs = sign_in("staff"), sign_in("staff")
    for page in (mine, theirs):
        page.goto(app.url + FORM)
    for line in ("line-20", "line-21"):
        cell(theirs, line).fill("3.3")
        theirs.keyboard.press("Enter")
        saved(theirs)
        cell(mine, line).fill("4.4")
    expect(mine.locator("[data-summary]")).to_contain_text("2 格两人都改了")
    told = mine.locator("#said-line-20-value")
    expect(told).to_contain_text("工信局填报员写的是“3.3亿元”，您写的是“4.4”")
    told.get_by_role("button", name="保留我的").click()
    mine.locator("#said-line-21-value").get_by_role("button", name="用他的").click()
    saved(mine)
    expect(cell(mine, "line-21")).to_have_value("3.3亿元")
    theirs.reload()
    expect(cell(theirs, "line-20")).to_have_value("4.4亿元")
    expect(cell(theirs, "line-21")).to_have_value("3.3亿元")


def test_unsaved_text_survives_a_lost_network_and_an_ended_session(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff")
    page.goto(app.url + FORM)
    page.context.set_offline(True)
    cell(page, "line-16").fill("7.7")
    page.keyboard.press("Enter")
    expect(page.locator("[data-summary]")).to_contain_text("1 格未保存，正在重试")
    page.context.set_offline(False)
    saved(page)
    session = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    cell(page, "line-16", "growth").fill("8.8")
    page.keyboard.press("Enter")
    expect(page.locator("[data-summary]")).to_contain_text("登录已结束")
    page.context.add_cookies(session)
    page.on("dialog", lambda dialog: dialog.accept())  # leaving with unsaved text asks first
    page.get_by_role("link", name="重新登录").click()
    expect(cell(page, "line-16", "growth")).to_have_value("8.8")
    saved(page)


def test_form_needs_no_script(app: App, sign_in: SignIn) -> None:
    page = sign_in("staff3", java_script_enabled=False, viewport=PHONE)
    page.goto(f"{app.url}/rounds/2023-07/gxj/")
    expect(page.get_by_text("不属于您的单位")).to_be_visible()
    page = sign_in("staff", java_script_enabled=False, viewport=PHONE)
    page.goto(app.url + FORM)
    cell(page, "industrial_output").fill("254.1")
    cell(page, "industrial_output", "growth").fill("差不多")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text(re.compile("已保存，尚未提交。有 [1-5] 格看不懂"))).to_be_visible()
    page.goto(app.url + FORM)
    expect(cell(page, "industrial_output", "growth")).to_have_value("差不多")
    assert "industrial_output-growth" in bad(page)
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("有看不懂的内容，改正后才能提交")).to_be_visible()
    for name in bad(page):
        page.locator(f"[name={name}]").fill("")
    page.locator("[name=industrial_output-note]").fill("两家企业六月退库，按修订数填报")
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("已提交审核。")).to_be_visible()
    assert page.locator("[data-cell] input").count() == 0
    page.get_by_role("button", name="撤回").click()
    expect(cell(page, "industrial_output")).to_have_value("254.1亿元")


def test_killed_server_loses_nothing_that_was_written(app: App, sign_in: SignIn) -> None:
    """kill -9 of the server and all its processes while a person types on; then it is started again."""
    page = sign_in("staff")
    page.goto(app.url + FORM)
    written = {f"line-{n}-note": f"第{n}项的说明，一字不差" for n in range(10, 16)}
    for n, (name, text) in enumerate(written.items()):
        page.locator(f"[name={name}]").fill(text[:-2])
        if n == 3:
            kill(app)
        page.locator(f"[name={name}]").press_sequentially(text[-2:], delay=30)
        page.keyboard.press("Enter")
    expect(page.locator("[data-summary]")).to_contain_text("未保存，正在重试")
    port = int(app.environment["PORT"])
    command = [sys.executable, "manage.py", "serve", "--stop-with-parent"]
    with serving.running(command, app.environment, port):
        expect(page.locator("[data-summary]")).to_contain_text("已保存，尚未提交", timeout=20_000)
        other = sign_in("staff", java_script_enabled=False)
        other.goto(app.url + FORM)
        assert {name: other.locator(f"[name={name}]").input_value() for name in written} == written


def kill(app: App) -> None:
    server = psutil.Process(app.process.pid)
    for process in (server, *server.children(recursive=True)):
        process.kill()
    app.process.wait()
