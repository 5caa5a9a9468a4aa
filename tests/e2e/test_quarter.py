"""A whole quarter, played by the right people in their own browsers; the leader's cockpit follows at each step.

The figures of 2024 are typed here as test input; what the pages must say about them is worked out by hand.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, SignIn, figures_on

INDUSTRY, CAPITAL, GDP = (f"{code}/220106/2024" for code in ("industrial_output", "domestic_capital", "gdp"))


def local(days: float) -> str:
    """A moment so many days from now, as a person of the district types it."""
    at = dt.datetime.now(ZoneInfo("Asia/Shanghai")) + dt.timedelta(days=days)
    return at.strftime("%Y-%m-%dT%H:%M")


def open_round(reviewer: Page, app: App, month: str, *, due: float, closes: float = 15) -> str:
    """The reviewer calls for a month; gives what the page said beforehand about who owes what."""
    reviewer.goto(f"{app.url}/rounds/new/?period={month}")
    owing = reviewer.locator("section", has_text="谁应报什么").inner_text()
    reviewer.get_by_label("开始填报").fill(local(-20))
    reviewer.get_by_label("应报时间", exact=True).fill(local(due))
    reviewer.get_by_label("关闭时间").fill(local(closes))
    reviewer.get_by_role("button", name="建立任务").click()
    if due < 0:  # a due moment that has passed is asked about
        reviewer.get_by_label("应报时间已过").check()
        reviewer.get_by_role("button", name="建立任务").click()
    expect(reviewer).to_have_url(f"{app.url}/rounds/{month}/")
    return owing


def open_form(page: Page, app: App, month: str) -> None:
    """From the start page, one click to the form."""
    page.goto(app.url)
    year, number = month.split("-")
    page.get_by_role("link", name=f"{year}年{int(number)}月", exact=True).click()


def fill(page: Page, code: str, **texts: str) -> None:
    for field, text in texts.items():
        page.locator(f"[name={code}-{field}]").fill(text)


def submit(page: Page) -> None:
    page.get_by_role("button", name="提交审核").click()
    expect(page.get_by_text("已提交审核")).to_be_visible()


def review(reviewer: Page, app: App, month: str, department: str, state: str = "submitted") -> None:
    """The reviewer opens a form from the queue."""
    reviewer.goto(f"{app.url}/reviews/?by=department&state={state}")
    year, number = month.split("-")
    group = reviewer.locator("tbody", has=reviewer.locator("th[scope=rowgroup]", has_text=department))
    group.get_by_role("link", name=f"{year}年{int(number)}月").click()


def approve(reviewer: Page, app: App, month: str, department: str, count: int) -> None:
    review(reviewer, app, month, department)
    reviewer.get_by_role("button", name="通过", exact=True).click()
    expect(reviewer.get_by_text(f"已通过，{count} 项数据即时生效")).to_be_visible()


def cockpit(leader: Page, app: App, month: str) -> dict[str, str]:
    leader.goto(f"{app.url}/cockpit/?period={month}")
    return figures_on(leader)


def test_quarter(app: App, sign_in: SignIn) -> None:
    industry, capital, gdp, head = sign_in("staff"), sign_in("staff2"), sign_in("staff3"), sign_in("head")
    reviewer, leader, admin = sign_in("reviewer"), sign_in("leader"), sign_in("admin")
    for page in (industry, capital, gdp, head, reviewer, leader, admin):
        page.set_default_timeout(8_000)

    # January: revenue and inward investment are asked for; industry has no January, GDP no month.
    owing = open_round(reviewer, app, "2024-01", due=5)
    assert "商务局" in owing
    assert "财政局" in owing
    assert "工信局" not in owing
    assert "地区生产总值" not in owing
    industry.goto(app.url)
    expect(industry.get_by_role("link", name="2024年1月", exact=True)).to_have_count(0)
    open_form(capital, app, "2024-01")
    fill(capital, "domestic_capital", value="5.2", growth="8.0")
    submit(capital)
    assert f"{CAPITAL}-01.ytd/value" not in cockpit(leader, app, "2024-01")
    approve(reviewer, app, "2024-01", "商务局", 1)
    shown = cockpit(leader, app, "2024-01")
    assert shown[f"{CAPITAL}-01.ytd/value"] == "5.2"
    assert f"{INDUSTRY}-01.ytd/value" not in shown

    # February: 1—2月 of industry; one return of a single cell; an explanation that is a stock phrase is refused.
    assert "规模以上工业总产值" in open_round(reviewer, app, "2024-02", due=5)
    open_form(industry, app, "2024-02")
    expect(industry.get_by_text("2024年1—2月").first).to_be_visible()
    fill(industry, "industrial_output", value="60.1", growth="21.5")
    submit(industry)
    review(reviewer, app, "2024-02", "工信局")
    reviewer.locator("summary", has_text="退回这一项").click()
    reviewer.get_by_label("规模以上工业总产值同比增长为什么退回").fill("增速与公布数不符")
    reviewer.get_by_role("button", name="退回", exact=True).click()
    expect(reviewer.get_by_text("已退回，填报员会看到理由")).to_be_visible()
    industry.goto(app.url)
    expect(industry.get_by_text("增速与公布数不符").first).to_be_visible()
    open_form(industry, app, "2024-02")
    fill(industry, "industrial_output", growth="12.5")
    submit(industry)
    approve(reviewer, app, "2024-02", "工信局", 1)
    open_form(capital, app, "2024-02")
    fill(capital, "domestic_capital", value="4.8", growth="2.1", note="核实无误")  # below January's 5.2
    capital.get_by_role("button", name="提交审核").click()
    expect(capital.get_by_text("说明是套话").first).to_be_visible()
    fill(capital, "domestic_capital", note="1月一笔到位资金2月核减0.6亿元")
    submit(capital)
    capital.get_by_role("button", name="撤回").click()  # and back, as long as nobody decided
    submit(capital)
    approve(reviewer, app, "2024-02", "商务局", 1)
    shown = cockpit(leader, app, "2024-02")
    assert shown[f"{INDUSTRY}-02.ytd/value"] == "60.1"
    assert shown[f"{INDUSTRY}-02.ytd/growth"] == "12.5"
    assert shown[f"{CAPITAL}-02.ytd/value"] == "4.8"
    leader.goto(f"{app.url}/indicators/industrial_output/?period=2024-02")
    assert f"{INDUSTRY}-02.ytd/slot_value" not in figures_on(leader)  # no single month before March

    # March, already due: GDP of the quarter, sign-off in one department, one chased, one excused.
    assert "地区生产总值" in open_round(reviewer, app, "2024-03", due=-2)
    admin.goto(f"{app.url}/admin/accounts/department/")
    admin.get_by_role("link", name="商务局", exact=True).click()
    admin.get_by_label("提交前须负责人签发").check()
    admin.get_by_role("button", name="保存", exact=True).click()
    leader.goto(f"{app.url}/board/")
    expect(leader.get_by_text("逾期2天").first).to_be_visible()
    reviewer.goto(f"{app.url}/board/")
    reviewer.get_by_role("button", name="催报全部逾期单位").click()
    industry.goto(f"{app.url}/notices/")
    expect(industry.get_by_text("催报：2024年3月 工信局").first).to_be_visible()
    reviewer.goto(f"{app.url}/board/")
    row = reviewer.locator("tr", has=reviewer.get_by_role("rowheader", name="住建局")).first
    row.get_by_role("link", name="查看或免报").click()
    reviewer.get_by_label("理由").fill("统计口径调整，上级暂停报送")
    reviewer.get_by_role("button", name="免报", exact=True).click()
    expect(reviewer.get_by_text("免报").first).to_be_visible()
    leader.goto(f"{app.url}/board/")
    expect(leader.get_by_text("统计口径调整").first).to_be_visible()

    open_form(gdp, app, "2024-03")
    expect(gdp.get_by_text("2024年1—3月").first).to_be_visible()
    fill(gdp, "gdp", value="78.5", growth="6.1")
    submit(gdp)
    open_form(industry, app, "2024-03")
    fill(industry, "industrial_output", value="95.2", growth="11.8")
    submit(industry)
    open_form(capital, app, "2024-03")
    fill(capital, "domestic_capital", value="7.9", growth="4.4")
    capital.get_by_role("button", name="送签").click()
    expect(capital.get_by_text("已送单位负责人签发").first).to_be_visible()
    open_form(head, app, "2024-03")
    head.get_by_role("button", name="签发").click()
    for department in ("统计局", "工信局", "商务局"):
        approve(reviewer, app, "2024-03", department, 1)
    shown = cockpit(leader, app, "2024-03")
    assert shown[f"{GDP}-03.ytd/growth"] == "6.1"
    assert shown[f"{INDUSTRY}-03.ytd/value"] == "95.2"
    assert shown[f"{CAPITAL}-03.ytd/value"] == "7.9"

    # A correction after approval is a new vintage with its status and reason; the old one stays.
    review(reviewer, app, "2024-03", "工信局", "approved")
    reviewer.get_by_label("理由", exact=True).fill("两户企业退库")
    reviewer.get_by_role("button", name="重开").click()
    open_form(industry, app, "2024-03")
    fill(industry, "industrial_output", value="94.6")
    industry.get_by_role("button", name="提交审核").click()
    expect(industry.get_by_text("须写明“修订理由”").first).to_be_visible()
    fill(industry, "industrial_output", reason="两户企业退库，核减0.6亿元")
    industry.locator("[name=industrial_output-status]").select_option(label="初步核算")
    submit(industry)
    assert cockpit(leader, app, "2024-03")[f"{INDUSTRY}-03.ytd/value"] == "95.2"
    approve(reviewer, app, "2024-03", "工信局", 1)
    assert cockpit(leader, app, "2024-03")[f"{INDUSTRY}-03.ytd/value"] == "94.6"
    leader.goto(f"{app.url}/figures/{INDUSTRY}-03.ytd/")
    told = leader.locator("main").inner_text()
    for said in ("95.2亿元", "94.6亿元", "两户企业退库，核减0.6亿元", "初步核算", "快报"):
        assert said in told, said
    # Month by month: 94.6 − 60.1 = 34.5 in March.
    leader.goto(f"{app.url}/indicators/industrial_output/?period=2024-03")
    assert figures_on(leader)[f"{INDUSTRY}-03.ytd/slot_value"] == "34.5"

    # Released, it may be quoted, and is locked even where its form is reopened.
    reviewer.goto(f"{app.url}/releases/")
    reviewer.get_by_role("checkbox", name="地区生产总值").check()
    reviewer.get_by_label("发布依据").fill("统计局2024年4月新闻发布会")
    reviewer.get_by_role("button", name="发布").click()
    leader.goto(f"{app.url}/figures/{GDP}-03.ytd/")
    expect(leader.get_by_text("统计局2024年4月新闻发布会").first).to_be_visible()
    review(reviewer, app, "2024-03", "统计局", "approved")
    reviewer.get_by_label("理由", exact=True).fill("更正增速")
    reviewer.get_by_role("button", name="重开").click()
    open_form(gdp, app, "2024-03")
    expect(gdp.get_by_text("已经发布，不能直接修改").first).to_be_visible()
    reviewer.goto(f"{app.url}/rounds/2024-03/exceptions/?department=tjj&lock=published")
    reviewer.get_by_label("开放哪种锁定").select_option(label="已发布")
    reviewer.get_by_label("填报单位").select_option(label="统计局")
    reviewer.get_by_label("理由").fill("最终核实")
    reviewer.get_by_role("button", name="批准").click()
    open_form(gdp, app, "2024-03")
    fill(gdp, "gdp", growth="6.2", reason="最终核实")
    gdp.locator("[name=gdp-status]").select_option(label="最终核实")
    submit(gdp)
    approve(reviewer, app, "2024-03", "统计局", 1)
    assert cockpit(leader, app, "2024-03")[f"{GDP}-03.ytd/growth"] == "6.2"

    # The board keeps the quarter: who was late, who was let off.
    leader.goto(f"{app.url}/board/")
    board = leader.locator("main").inner_text()
    for said in ("免报", "迟报2天", "已通过"):
        assert said in board, said
