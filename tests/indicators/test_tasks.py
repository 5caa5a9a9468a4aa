"""My tasks: what is due when, what came back and why, what to follow up."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.actions import CellReturn
from indicators.cells import Cell
from indicators.models import Assignment, Entry, LockException, Round, RoundSchedule, Submission
from indicators.todo import Task, Urgency, days_left, todo
from lvyuan.accounts.models import Department, User
from tests.conftest import make_user
from tests.indicators.calls import DAY, approve, call, excuse, form, handed_in, local, send_back, written
from tests.indicators.factories import figure, many_indicators

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_backfill(db):
    """The article's own round would stand in every list."""
    Submission.objects.filter(round__code="2023-07").delete()


@pytest.fixture
def head(cast) -> User:
    head = make_user("t-head", "staff", "gxj")
    head.is_department_head = True
    head.save(update_fields=["is_department_head"])
    Department.objects.filter(code="gxj").update(needs_sign_off=True)
    return head


def tasks(user: User) -> list[Task]:
    return todo(user, now=timezone.now()).tasks


def page(signed_in, name: str = "staff") -> str:
    """The page's text, as people read it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", signed_in(name).get("/tasks/").content.decode()))


# Order


def test_the_most_urgent_comes_first(cast):
    call("2026-01", due=20, closes=30)
    soon, later = call("2026-02", due=1), call("2026-03", due=5)
    returned, late, submitted = call("2026-04", due=3), call("2026-05", due=-3), call("2026-06")
    later_late, early = call("2026-07", due=-1), call("2026-08", opened=-1, due=9)
    send_back(cast.reviewer, handed_in(returned, cast.staff2, value="12.5"), "请核对增速")
    handed_in(submitted, cast.staff2, value="12.5")
    assert [(task.round.code, task.urgency) for task in tasks(cast.staff2)] == [
        (late.code, Urgency.OVERDUE),
        (later_late.code, Urgency.OVERDUE),
        (returned.code, Urgency.RETURNED),
        (soon.code, Urgency.TO_FILL),
        (later.code, Urgency.TO_FILL),
        ("2026-01", Urgency.TO_FILL),
        (submitted.code, Urgency.SUBMITTED),
        (early.code, Urgency.UPCOMING),
    ]


def test_a_backfill_comes_after_what_is_due(cast):
    call("2023-09", kind="backfill", due_at=None, closes_at=None)
    due = call("2026-03", due=8)
    assert [task.round.code for task in tasks(cast.staff)] == [due.code, "2023-09"]


def test_what_waits_for_the_head_is_the_heads(cast, head):
    round, other = call("2026-03", due=5), call("2026-04", due=1)
    actions.send_for_signature(by=cast.staff, submission=written(round, cast.staff))
    (first, second), (other_first, other_second) = tasks(head), tasks(cast.staff)
    assert (first.round, first.urgency, first.verb) == (round, Urgency.TO_SIGN, "查看并签发")
    assert (second.round, other_first.round) == (other, other)
    assert (other_second.urgency, other_second.verb) == (Urgency.SIGNING, "查看")


def test_the_head_sees_what_to_sign_on_the_page(signed_in, cast, head):
    round = call("2026-03", due=5)
    actions.send_for_signature(by=cast.staff, submission=written(round, cast.staff))
    cast.head = head
    assert "待您签发" in page(signed_in, "head")
    assert "待您签发" not in page(signed_in, "staff")
    assert "待签发" in page(signed_in, "staff")


def test_other_departments_tasks_are_not_shown(signed_in, cast):
    call("2026-03", due=-2)
    assert {task.submission.department_id for task in tasks(cast.staff)} == {cast.staff.department_id}


# Nothing overdue ever vanishes


def test_an_overdue_form_stays_however_old_and_closed_until_reported_or_excused(cast, signed_in):
    now = timezone.now()
    old = call("2024-03", opened=900, due=-880, closes=-870)
    for month in range(1, 11):
        call(f"2026-{month:02}")
    first = tasks(cast.staff)[0]
    assert (first.round, first.urgency, first.days_late) == (old, Urgency.OVERDUE, 880)
    assert first.locks.form.code == "closed"
    text = page(signed_in)
    assert "逾期880天" in text
    assert "请联系审核员临时开放" in text
    LockException.objects.create(
        lock="closed",
        round=old,
        department=cast.staff.department,
        reason="补报",
        granted_by=cast.reviewer,
        granted_at=now,
        expires_at=now + DAY,
    )
    assert tasks(cast.staff)[0].is_open
    handed_in(old, cast.staff)
    assert tasks(cast.staff)[-1].urgency == Urgency.SUBMITTED


def test_an_excused_form_is_no_task_any_more_and_says_why(cast, signed_in):
    round = call("2026-03", due=-5)
    excuse(cast.reviewer, form(round, "gxj"), "机构改革")
    found = todo(cast.staff, now=timezone.now())
    assert (found.tasks, [task.round for task in found.decided]) == ([], [round])
    text = page(signed_in)
    assert "最近办结" in text
    assert "机构改革" in text
    later = todo(cast.staff, now=timezone.now() + 32 * DAY)
    assert (later.tasks, later.decided) == ([], [])


@pytest.mark.parametrize("state", ["not_started", "draft", "signing", "returned"])
def test_every_unreported_state_is_overdue_after_the_due_moment(cast, state):
    round = call("2026-03", due=0.01)
    Submission.objects.filter(pk=form(round, "gxj").pk).update(
        state=state,
        submitted_by=cast.staff,
        submitted_at=round.opens_at,
        reviewed_by=cast.reviewer,
        reviewed_at=round.opens_at,
    )
    before, at = (todo(cast.staff, now=round.due_at + delta).tasks[0] for delta in (-dt.timedelta(seconds=1), 0 * DAY))
    assert (before.is_overdue, at.is_overdue) == (False, True)
    assert at.days_late == 0


# Days


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("2026-04-10 00:00", 2),
        ("2026-04-11 23:59", 1),
        ("2026-04-12 00:00", 0),
        ("2026-04-12 17:59", 0),
        ("2026-04-12 18:00", None),
    ],
)
def test_days_left_are_counted_in_shanghai(cast, moment, left):
    round = call(
        "2026-03",
        opens_at=local("2026-04-01 00:00"),
        due_at=local("2026-04-12 18:00"),
        closes_at=local("2026-04-20 18:00"),
    )
    assert days_left(form(round, "gxj"), local(moment)) == left


@pytest.mark.parametrize(
    ("moment", "late"), [("2026-04-12 23:59", 0), ("2026-04-13 00:00", 1), ("2026-04-15 09:00", 3)]
)
def test_days_late_are_counted_in_shanghai(cast, moment, late):
    call(
        "2026-03",
        opens_at=local("2026-04-01 00:00"),
        due_at=local("2026-04-12 18:00"),
        closes_at=local("2026-04-20 18:00"),
    )
    assert todo(cast.staff, now=local(moment)).tasks[0].days_late == late


def test_the_due_day_is_said_in_words(signed_in, cast):
    call("2026-03", due=0.001)
    text = page(signed_in)
    assert "今日到期" in text or "还剩 1 天" in text  # just before midnight


# How far


def test_filled_owed_and_unreadable_are_counted(cast, signed_in):
    finance = make_user("t-finance", "staff", "czj")
    cast.finance = finance
    round = call("2026-03")
    assert (tasks(finance)[0].progress.filled, tasks(finance)[0].progress.owed) == (0, 2)
    typed = [
        Cell(indicator="fiscal_revenue", field="growth", text="9.1", seen=""),
        Cell(indicator="fiscal_quality", field="value", text="约七成多吧", seen=""),
    ]
    actions.save_cells(by=finance, code=round.code, department=finance.department, cells=typed)
    done = tasks(finance)[0].progress
    assert (done.filled, done.owed, done.unread) == (1, 2, 1)
    text = page(signed_in, "finance")
    assert "已填 1/2" in text
    assert "看不懂 1 项" in text


def test_a_stated_reason_for_having_no_value_counts_as_filled(cast):
    round = call("2026-03")
    typed = [Cell(indicator="industrial_output", field="value", text="—", seen="")]
    actions.save_cells(by=cast.staff, code=round.code, department=cast.staff.department, cells=typed)
    assert Entry.objects.get().null_reason == "not_applicable"
    assert tasks(cast.staff)[0].progress.filled == 1


def test_a_note_alone_fills_nothing(cast):
    round = call("2026-03")
    typed = [Cell(indicator="industrial_output", field="note", text="待企业报送", seen="")]
    actions.save_cells(by=cast.staff, code=round.code, department=cast.staff.department, cells=typed)
    assert tasks(cast.staff)[0].progress.filled == 0


def test_each_period_is_named_with_its_count(cast, signed_in):
    cast.statistics = make_user("t-statistics", "staff", "tjj")
    call("2026-12", opened=1)
    text = page(signed_in, "statistics")
    assert "2026年全年 1项" in text
    assert "截至2026年12月31日 1项" in text


# What came back


def test_a_return_says_who_why_and_which_cells(cast, signed_in):
    round = call("2026-03")
    submission = handed_in(round, cast.staff)
    entry = Entry.objects.get()
    cells = [CellReturn(entry_id=entry.pk, field="growth", reason="与公布数不符")]
    send_back(cast.reviewer, submission, "请核对增速", cells)
    text = page(signed_in)
    for said in ("已退回", "请核对增速", "T-Reviewer", "规模以上工业总产值（同比增长）：与公布数不符", "改正"):
        assert said in text, said


def test_what_the_head_gave_back_says_why(cast, head, signed_in):
    round = call("2026-03")
    sent = actions.send_for_signature(by=cast.staff, submission=written(round, cast.staff))
    actions.decline(by=head, submission=sent, row_version=sent.row_version, reason="增速先和统计局对一下")
    assert "增速先和统计局对一下" in page(signed_in)


def test_an_old_reason_is_gone_once_the_form_moved_on(cast, signed_in):
    round = call("2026-03")
    send_back(cast.reviewer, handed_in(round, cast.staff), "请核对增速")
    actions.submit(by=cast.staff, submission=form(round, "gxj"))
    assert "请核对增速" not in page(signed_in)


def test_a_chase_is_told(cast, signed_in):
    round = call("2026-03", due=-2)
    actions.chase(by=cast.reviewer, submissions=list(round.submissions.select_related("round", "department")))
    assert "被催报" in page(signed_in)


def test_what_is_opened_for_a_while_says_until_when(cast, signed_in):
    round = call("2026-03", due=-9, closes=-5)
    assert tasks(cast.staff)[0].verb == "查看"
    until = timezone.localtime(timezone.now() + DAY)
    actions.grant_exception(
        by=cast.reviewer,
        lock="closed",
        round=round,
        department=cast.staff.department,
        indicator=None,
        reason="补报",
        expires_at=until,
    )
    assert f"全部指标（已关闭）到 {until.month}月{until.day}日 {until:%H:%M}" in page(signed_in)
    assert tasks(cast.staff)[0].verb == "开始填报"


# Last round's explanations


def test_an_explanation_that_answered_a_finding_is_followed_up(cast, signed_in):
    figure("industrial_output", "2026-02.ytd", "223.7", unit="亿元")
    round = call("2026-03")
    approve(cast.reviewer, handed_in(round, cast.staff, value="220.1", note="两家企业三月退库，上期按修订数"))
    found = todo(cast.staff, now=timezone.now())
    (checked,) = found.follow_up
    assert (checked.entry.indicator.code, found.followed.round) == ("industrial_output", round)
    text = page(signed_in)
    assert "上次的说明，请跟进" in text
    assert "两家企业三月退库，上期按修订数" in text
    assert "上次的说明" not in page(signed_in, "staff2")


def test_a_note_that_answered_nothing_is_not_followed_up(cast):
    figure("industrial_output", "2026-02.ytd", "223.7", unit="亿元")
    round = call("2026-03")
    approve(cast.reviewer, handed_in(round, cast.staff, value="254.1", note="生产平稳"))
    assert todo(cast.staff, now=timezone.now()).follow_up == []


# Nothing to do


def test_with_nothing_to_do_the_next_round_is_named(cast):
    RoundSchedule.objects.update(valid_from=dt.date(2026, 11, 1))
    found = todo(cast.staff, now=local("2026-11-23 09:00"))
    assert (found.tasks, found.coming.round.month, found.coming.count) == ([], dt.date(2026, 11, 30), 1)
    assert found.coming.round.opens_at == local("2026-12-01 00:00")


def test_the_next_round_is_said_in_words(signed_in, cast):
    today = timezone.localdate()
    following = (today.replace(day=1) + 32 * DAY).replace(day=1)
    if today.month != 1:  # industry has none
        said = f"现在没有要填报的 下一次：{today.year}年{today.month}月，{following.month}月1日开始填报"
        assert said in page(signed_in)
    RoundSchedule.objects.all().delete()
    assert "没有排定下一次填报" in page(signed_in)


# The page


def test_it_is_the_staff_members_start_page_with_one_click_to_the_grid(signed_in, cast):
    call("2026-03")
    client = signed_in("staff")
    assert client.get("/")["Location"] == "/tasks/"
    html = client.get("/tasks/").content.decode()
    assert html.count('href="/rounds/2026-03/gxj/"') == 2
    assert 'href="/tasks/"' in html
    assert client.get("/rounds/2026-03/gxj/").status_code == 200


def test_many_rounds_and_figures_take_no_more_queries(signed_in, cast):
    def queries() -> int:
        client.get("/tasks/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/tasks/").status_code == 200
        return len(captured)

    def came_back(round: Round) -> None:
        send_back(
            cast.reviewer, handed_in(round, cast.staff, note=f"{round.month.month}家企业退库，按修订数"), "请核对"
        )

    client = signed_in("staff")
    figure("industrial_output", "2025-12.ytd", "254.1", unit="亿元", growth="16.2")
    approve(cast.reviewer, handed_in(call("2026-02"), cast.staff, note="两家企业三月退库，上期按修订数"))
    came_back(call("2026-03", due=-1))
    assert todo(cast.staff, now=timezone.now()).follow_up
    few = queries()
    gxj = cast.staff.department
    Assignment.objects.bulk_create(
        Assignment(district=gxj.district, indicator=one, department=gxj, valid_from=dt.date(2020, 1, 1))
        for one in many_indicators(59)
    )
    for month in range(2, 13):
        round = call(f"2025-{month:02}", due=-1)
        if month % 2:
            came_back(round)
    assert Round.objects.filter(kind="regular").count() == 13
    assert queries() == few
    assert few <= 23
