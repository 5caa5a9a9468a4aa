"""The main job, by three people in three browsers: log, return, correct, approve, see."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, SignIn, figures_on

JULY = "industrial_output/220106/2023-07.ytd"
JUNE = "industrial_output/220106/2023-06.ytd"


def fill(page: Page, value: str, growth: str, note: str) -> None:
    page.locator("[name=industrial_output-value]").fill(value)
    page.locator("[name=industrial_output-growth]").fill(growth)
    page.locator("[name=industrial_output-rank_place]").fill("1")
    page.locator("[name=industrial_output-rank_by]").select_option("growth")
    page.locator("[name=industrial_output-note]").fill(note)


def test_main_job(app: App, sign_in: SignIn) -> None:
    staff, reviewer, leader = sign_in("staff"), sign_in("reviewer"), sign_in("leader")

    # Before: the leader sees June, digit for digit.
    leader.goto(f"{app.url}/cockpit/")
    assert figures_on(leader)[f"{JUNE}/value"] == "223.7"

    # Staff opens the round from the start page, fills in, saves, submits.
    staff.goto(app.url)
    staff.get_by_role("link", name="2023年7月").first.click()
    fill(staff, "254.1", "16.2", "生产平稳")
    staff.get_by_role("button", name="保存").click()
    expect(staff.get_by_text("已保存，尚未提交")).to_be_visible()
    expect(staff.locator("[name=industrial_output-value]")).to_have_value("254.1亿元")
    staff.get_by_role("button", name="提交审核").click()
    expect(staff.get_by_text("已提交审核")).to_be_visible()

    # Nothing shows outside the chain yet.
    leader.reload()
    assert f"{JULY}/value" not in figures_on(leader)

    # The reviewer returns it with a reason.
    reviewer.goto(f"{app.url}/reviews/?by=department")
    reviewer.get_by_role("link", name="2023年7月").first.click()
    reviewer.get_by_label("理由").fill("增速请与公布数核对")
    reviewer.get_by_role("button", name="退回").click()
    expect(reviewer.get_by_text("已退回，填报员会看到理由")).to_be_visible()

    # Staff sees the reason, corrects and submits again.
    staff.reload()
    expect(staff.get_by_text("增速请与公布数核对").first).to_be_visible()
    fill(staff, "254.1", "16.3", "已与公布数核对")
    staff.get_by_role("button", name="提交审核").click()
    expect(staff.get_by_text("已提交审核")).to_be_visible()

    # The reviewer approves.
    reviewer.reload()
    reviewer.get_by_role("button", name="通过").click()
    expect(reviewer.get_by_text("已通过，1 项数据即时生效")).to_be_visible()

    # The leader sees it everywhere, the same; June is still there.
    pages = {}
    for path in ("/cockpit/", "/indicators/", "/indicators/industrial_output/", "/strategy/", f"/figures/{JULY}/"):
        leader.goto(app.url + path)
        pages[path] = figures_on(leader)
        assert pages[path][f"{JULY}/value"] == "254.1", path
        assert pages[path][f"{JULY}/growth"] == "16.3", path
    every = {key for figures in pages.values() for key in figures}
    for key in every:
        assert len({figures[key] for figures in pages.values() if key in figures}) == 1, key
    leader.goto(f"{app.url}/cockpit/?period=2023-06")
    assert figures_on(leader)[f"{JUNE}/value"] == "223.7"
    assert f"{JULY}/value" not in figures_on(leader)

    # The new figure tells its period, its source, and who logged and approved it.
    leader.goto(f"{app.url}/figures/{JULY}/")
    text = leader.locator("main").inner_text()
    for said in ("2023年1—7月", "工信局", "填报", "审核"):
        assert said in text, said


def test_import_waits_for_one_step_approval(app: App, sign_in: SignIn) -> None:
    admin, reviewer, leader = sign_in("admin"), sign_in("reviewer"), sign_in("leader")
    key = "domestic_capital/220106/2023-07.ytd"
    table = "指标,时期,数值,单位,同比增长\n实际到位内资,2023年1—7月,35.66,亿元,41.3\n"
    admin.goto(f"{app.url}/imports/new/")
    admin.set_input_files(
        "input[type=file]", {"name": "七月.csv", "mimeType": "text/csv", "buffer": table.encode("gb18030")}
    )
    admin.get_by_role("button", name="预览").click()
    expect(admin.get_by_text("35.66亿元").first).to_be_visible()
    admin.get_by_role("button", name="确认").click()
    leader.goto(f"{app.url}/cockpit/")
    assert f"{key}/value" not in figures_on(leader)
    reviewer.goto(f"{app.url}/reviews/")
    reviewer.get_by_role("link", name="七月.csv").first.click()
    reviewer.get_by_role("button", name="通过").click()
    expect(reviewer.get_by_text("已通过，1 项数据即时生效")).to_be_visible()
    leader.reload()
    assert figures_on(leader)[f"{key}/value"] == "35.66"
