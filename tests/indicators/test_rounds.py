"""Rounds by the calendar and by hand, and their pages."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from contextlib import ExitStack

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.actions import open_due_rounds
from indicators.models import Assignment, Indicator, Round, RoundSchedule, Submission
from indicators.obligations import months_before
from indicators.refusals import NotAllowed, Refused
from indicators.schedule import next_round
from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import Event
from lvyuan.notices.models import Notice
from tests import serving
from tests.conftest import HOME
from tests.indicators.calls import DAY, call, excuse, form, handed_in, local, send_back

pytestmark = pytest.mark.django_db
FEBRUARY_ON = dt.date(2027, 2, 1)


@pytest.fixture
def schedule(db) -> RoundSchedule:
    """From February 2027: opens on the 1st, due on the 12th, closes on the 20th of the month after, at 18:00."""
    schedule = RoundSchedule.objects.get()
    schedule.valid_from = FEBRUARY_ON
    schedule.save(update_fields=["valid_from"])
    return schedule


def owing(round: Round) -> list[str]:
    forms = round.submissions.order_by("department__order", "department__code")
    return list(forms.values_list("department__code", flat=True))


def regular() -> list[str]:
    return list(Round.objects.filter(kind="regular").order_by("month").values_list("code", flat=True))


# By the calendar


def test_a_fresh_installation_asks_for_nothing_of_the_past():
    assert open_due_rounds() == []
    assert regular() == []


def test_a_round_opens_with_the_moments_of_the_schedule(schedule):
    (round,) = open_due_rounds(now=local("2027-03-01 08:00"))
    assert (round.code, round.month) == ("2027-02", dt.date(2027, 2, 28))
    assert round.opens_at == local("2027-03-01 00:00")
    assert round.due_at == local("2027-03-12 18:00")
    assert round.closes_at == local("2027-03-20 18:00")
    assert round.instructions == schedule.instructions != ""
    assert owing(round) == ["fgj", "gxj", "swj", "czj", "zjj"]
    assert set(round.submissions.values_list("state", flat=True)) == {"not_started"}


@pytest.mark.parametrize(("moment", "opened"), [("2027-02-28 23:59", []), ("2027-03-01 00:00", ["2027-02"])])
def test_the_month_ends_at_midnight_in_shanghai(schedule, moment, opened):
    assert [round.code for round in open_due_rounds(now=local(moment))] == opened


@pytest.mark.parametrize(("moment", "opened"), [("2027-03-04 23:59", []), ("2027-03-05 00:00", ["2027-02"])])
def test_a_later_opening_day_is_waited_for(schedule, moment, opened):
    RoundSchedule.objects.update(opens_after=5)
    assert [round.code for round in open_due_rounds(now=local(moment))] == opened


def test_a_quarter_of_rounds_each_asks_for_its_own(schedule):
    opened = open_due_rounds(now=local("2027-05-01 00:00"))
    assert {round.code: owing(round) for round in opened} == {
        "2027-02": ["fgj", "gxj", "swj", "czj", "zjj"],
        "2027-03": ["tjj", "fgj", "gxj", "swj", "czj", "zjj"],
        "2027-04": ["fgj", "gxj", "swj", "czj", "zjj"],
    }


def test_january_asks_two_departments_only(schedule):
    (*_, january) = open_due_rounds(now=local("2028-02-01 00:00"))
    assert (january.code, owing(january)) == ("2028-01", ["swj", "czj"])


def test_run_twice_makes_nothing_twice(schedule):
    now = local("2027-03-01 00:10")
    assert len(open_due_rounds(now=now)) == 1
    before = Submission.objects.count()
    assert open_due_rounds(now=now) == []
    assert (regular(), Submission.objects.count()) == (["2027-02"], before)


def test_the_command_is_the_same_action(schedule, capsys):
    RoundSchedule.objects.update(valid_from=timezone.localdate().replace(day=1) - 20 * DAY)
    call_command("open_rounds")
    call_command("open_rounds")
    last_month = (timezone.localdate().replace(day=1) - DAY).strftime("%Y-%m")
    assert regular() == [last_month]
    assert capsys.readouterr().out.splitlines()[1] == "没有到期的填报任务。"


def test_months_after_the_schedule_ended_are_not_called_for(schedule):
    RoundSchedule.objects.update(valid_to=dt.date(2027, 3, 30))
    open_due_rounds(now=local("2027-06-01 00:00"))
    assert regular() == ["2027-02"]


def test_a_month_in_which_nobody_owes_has_no_round(schedule):
    Indicator.objects.exclude(code="gdp").update(calendar="irregular")
    open_due_rounds(now=local("2027-05-01 00:00"))
    assert regular() == ["2027-03"]


def test_a_round_already_opened_by_hand_is_left_alone(schedule, cast):
    by_hand = call("2027-02")
    assert open_due_rounds(now=local("2027-03-01 00:00")) == []
    assert Round.objects.get(code="2027-02").due_at == by_hand.due_at


def test_a_department_assigned_later_gets_its_form_while_the_round_is_open(schedule):
    (round,) = open_due_rounds(now=local("2027-03-01 00:00"))
    was = Assignment.objects.get(indicator__code="service_revenue")
    new = Department.objects.get(code="kjj")
    Assignment.objects.filter(pk=was.pk).update(department=new)
    open_due_rounds(now=local("2027-03-20 17:59"))
    assert "kjj" in owing(round)
    Assignment.objects.filter(pk=was.pk).update(department=Department.objects.get(code="wjj"))
    open_due_rounds(now=local("2027-03-20 18:00"))
    assert "wjj" not in owing(round)


def test_years_of_rounds_take_no_more_queries(schedule):
    def queries(now: str) -> int:
        open_due_rounds(now=local(now))
        with CaptureQueriesContext(connection) as captured:
            open_due_rounds(now=local(now))
        return len(captured)

    assert queries("2027-03-01 00:10") == queries("2029-03-01 00:10")


TWO_AT_ONCE = """
from datetime import datetime
from zoneinfo import ZoneInfo
from indicators.actions import open_due_rounds
print(len(open_due_rounds(now=datetime(2027, 3, 1, 0, 10, tzinfo=ZoneInfo("Asia/Shanghai")))))
"""
WAITING = (
    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database()"
)


def test_two_at_once_make_one():
    """Two processes on a database of their own, both held back until both are about to write."""
    with serving.scratch_database() as urls, serving.scratch_folder() as folder, ExitStack() as stack:
        env = os.environ | urls | {"DATA_DIR": folder}
        owner = env | {"DATABASE_URL": urls["DATABASE_OWNER_URL"]}
        for command in ("migrate", "load_fixtures"):
            subprocess.run([sys.executable, "manage.py", command, "-v0"], check=True, cwd=serving.ROOT, env=owner)
        asked = stack.enter_context(psycopg.connect(urls["DATABASE_OWNER_URL"], autocommit=True))
        asked.execute("UPDATE indicators_roundschedule SET valid_from = '2027-02-01'")
        with psycopg.connect(urls["DATABASE_OWNER_URL"]) as held:
            held.execute("SELECT * FROM accounts_district FOR UPDATE")
            command = [sys.executable, "manage.py", "shell", "-v0", "-c", TWO_AT_ONCE]
            both = [
                subprocess.Popen(command, cwd=serving.ROOT, env=env, stdout=subprocess.PIPE, text=True)
                for _ in range(2)
            ]
            for process in both:
                stack.callback(process.kill)
            deadline = time.monotonic() + 60
            while asked.execute(WAITING).fetchone() != (2,):
                assert time.monotonic() < deadline
                assert [process.poll() for process in both] == [None, None]
                time.sleep(0.1)
        assert sorted(process.communicate(timeout=60)[0].strip() for process in both) == ["0", "1"]
        assert asked.execute("SELECT count(*) FROM indicators_round WHERE kind = 'regular'").fetchone() == (1,)
        forms = "SELECT count(*) FROM indicators_submission s JOIN indicators_round r ON r.id = s.round_id"
        assert asked.execute(f"{forms} WHERE r.code = '2027-02'").fetchone() == (5,)


# What comes next


def test_the_next_round_is_the_next_that_asks_the_department(schedule):
    gxj, tjj = (Department.objects.get(code=code) for code in ("gxj", "tjj"))
    now = local("2027-02-10 09:00")
    coming = next_round(gxj, now=now)
    assert (coming.round.month, coming.round.opens_at, coming.count) == (
        dt.date(2027, 2, 28),
        local("2027-03-01 00:00"),
        1,
    )
    assert next_round(tjj, now=now).round.month == dt.date(2027, 3, 31)  # 一季度
    # After December comes no January for industry.
    open_due_rounds(now=local("2028-01-01 00:00"))
    assert next_round(gxj, now=local("2028-01-01 00:00")).round.month == dt.date(2028, 2, 29)


def test_nothing_comes_next_without_schedule_or_assignment(schedule):
    assert next_round(Department.objects.get(code="wjj"), now=local("2027-02-10 09:00")) is None
    RoundSchedule.objects.all().delete()
    assert next_round(Department.objects.get(code="gxj"), now=local("2027-02-10 09:00")) is None


# By hand


def moments(**changed: dt.timedelta) -> dict[str, dt.datetime]:
    days = {"opens_at": -DAY, "due_at": 3 * DAY, "closes_at": 5 * DAY} | changed
    return {name: timezone.now() + delta for name, delta in days.items()}


def test_a_reviewer_opens_a_month_with_a_form_for_each_who_owes(cast):
    district = District.objects.get(code=HOME)
    round = actions.open_round(by=cast.reviewer, district=district, month=dt.date(2026, 3, 31), **moments())
    assert owing(round) == ["tjj", "fgj", "gxj", "swj", "czj", "zjj"]
    with pytest.raises(Refused, match="已经有了"):
        actions.open_round(by=cast.reviewer, district=district, month=dt.date(2026, 3, 31), **moments())


@pytest.mark.parametrize("who", ["staff", "leader", "admin", "auditor"])
def test_others_open_change_and_chase_nothing(cast, who):
    person, round = getattr(cast, who), call("2026-03", due=-1)
    with pytest.raises(NotAllowed):
        actions.open_round(by=person, district=round.district, month=dt.date(2026, 4, 30), **moments())
    given = {"due_at": round.due_at, "closes_at": round.closes_at, "instructions": "", "reason": "试一试"}
    with pytest.raises(NotAllowed):
        actions.change_round(by=person, round=round, **given)
    with pytest.raises(NotAllowed):
        actions.chase(by=person, submissions=list(round.submissions.select_related("round")))
    assert regular() == ["2026-03"]


@pytest.mark.parametrize(
    "changed", [{"due_at": -2 * DAY}, {"closes_at": 2 * DAY}, {"due_at": -DAY, "closes_at": -DAY, "opens_at": DAY}]
)
def test_moments_out_of_order_are_refused(cast, changed):
    district = District.objects.get(code=HOME)
    with pytest.raises(Refused, match="依次先后"):
        actions.open_round(by=cast.reviewer, district=district, month=dt.date(2026, 3, 31), **moments(**changed))


def test_a_month_to_come_is_refused(cast):
    month = months_before(timezone.localdate(), -1)
    with pytest.raises(Refused, match="还没有到"):
        actions.open_round(by=cast.reviewer, district=District.objects.get(code=HOME), month=month, **moments())


def test_a_moved_due_moment_needs_a_reason_and_stands_in_the_history(cast):
    round = call("2026-03", due=-1)
    assert form(round, "gxj").is_overdue(timezone.now())
    later = {"due_at": timezone.now() + DAY, "closes_at": round.closes_at, "instructions": ""}
    with pytest.raises(Refused, match="理由"):
        actions.change_round(by=cast.reviewer, round=round, reason="  ", **later)
    actions.change_round(by=cast.reviewer, round=round, reason="国庆假期顺延", **later)
    assert not form(round, "gxj").is_overdue(timezone.now())
    event = Event.objects.about(round).first()
    assert (event.actor_id, event.reason) == (cast.reviewer.pk, "国庆假期顺延")


def test_a_backfill_has_no_moments_to_move(cast):
    july = Round.objects.get(code="2023-07")
    given = {"due_at": timezone.now() + DAY, "closes_at": timezone.now() + 2 * DAY, "instructions": ""}
    with pytest.raises(Refused, match="补报"):
        actions.change_round(by=cast.reviewer, round=july, reason="顺延", **given)


# Pages


def test_before_saving_the_page_says_who_will_owe_what(signed_in):
    page = signed_in("reviewer").get("/rounds/new/?period=2026-03").content.decode()
    for said in ("2026年3月：谁应报什么", "6个单位", "统计局", "地区生产总值", "2026年一季度", "规模以上工业总产值"):
        assert said in page, said
    january = signed_in("reviewer").get("/rounds/new/?period=2026-01").content.decode()
    assert "2个单位" in january
    assert "规模以上工业总产值" not in january
    assert not Round.objects.filter(code="2026-03").exists()


def posted(days: float = 3, **changed: str) -> dict[str, str]:
    def at(delta: float) -> str:
        return timezone.localtime(timezone.now() + delta * DAY).strftime("%Y-%m-%dT%H:%M")

    return {"opens_at": at(-1), "due_at": at(days), "closes_at": at(9), "instructions": "照公布数填"} | changed


def test_the_page_opens_the_round(signed_in):
    response = signed_in("reviewer").post("/rounds/new/?period=2026-03", posted())
    assert response["Location"] == "/rounds/2026-03/"
    round = Round.objects.get(code="2026-03")
    assert (round.instructions, round.submissions.count()) == ("照公布数填", 6)


def test_a_due_moment_in_the_past_has_to_be_meant(signed_in):
    client = signed_in("reviewer")
    response = client.post("/rounds/new/?period=2026-03", posted(-0.5))
    assert response.status_code == 422
    assert "应报时间已经过了" in response.content.decode()
    assert not Round.objects.filter(code="2026-03").exists()
    assert client.post("/rounds/new/?period=2026-03", posted(-0.5, is_meant="on")).status_code == 302


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"due_at": "下周"}, "请填写日期和时间"), ({"closes_at": "2020-01-01T00:00"}, "不得早于应报时间")],
)
def test_wrong_moments_are_said_beside_the_field(signed_in, changed, said):
    response = signed_in("reviewer").post("/rounds/new/?period=2026-03", posted(**changed))
    assert response.status_code == 422
    assert said in response.content.decode()


def test_a_month_that_has_its_round_leads_there(signed_in):
    call("2026-03")
    client = signed_in("reviewer")
    assert 'href="/rounds/2026-03/"' in client.get("/rounds/new/?period=2026-03").content.decode()
    assert client.post("/rounds/new/?period=2026-03", posted()).status_code == 409
    assert client.get("/rounds/new/?period=2026-13").status_code == 404


def test_the_moments_of_a_month_long_over_are_proposed_from_today(signed_in):
    page = signed_in("reviewer").get("/rounds/new/?period=2024-03").content.decode()
    today = timezone.localdate()
    assert f'value="{today}T00:00"' in page
    assert f'value="{today + 11 * DAY}T18:00"' in page


def test_the_change_page_moves_the_moments(signed_in):
    round = call("2026-03")
    client, given = signed_in("reviewer"), posted(4, reason="系统停机")
    assert client.post("/rounds/2026-03/change/", given | {"reason": ""}).status_code == 422
    assert client.post("/rounds/2026-03/change/", given)["Location"] == "/rounds/2026-03/"
    round.refresh_from_db()
    assert timezone.localtime(round.due_at).strftime("%Y-%m-%dT%H:%M") == given["due_at"]
    assert "补报任务没有应报时间" in client.get("/rounds/2023-07/change/").content.decode()


def test_the_round_says_who_owes_what_and_how_it_stands(signed_in, cast):
    round = call("2026-03", due=-2)
    handed_in(round, cast.staff)
    returned = handed_in(round, cast.staff2, value="12.5")
    send_back(cast.reviewer, returned, "请核对增速")
    excuse(cast.reviewer, form(round, "czj"), "系统切换")
    page = signed_in("reviewer").get("/rounds/2026-03/").content.decode()
    for said in ("2026年一季度", "迟报2天", "逾期2天", "请核对增速", "系统切换", "免报", "待审核", "未开始"):
        assert said in page, said
    assert f"/reviews/{returned.pk}/" in page
    assert "/rounds/2026-03/change/" in page


def test_staff_see_their_own_line_and_no_buttons(signed_in, cast):
    call("2026-03", due=-2)
    page = signed_in("staff").get("/rounds/2026-03/").content.decode()
    assert "/rounds/2026-03/gxj/" in page
    assert "财政局" not in page
    assert "/change/" not in page
    assert "/exceptions/" not in page


def test_the_list_counts_what_came_and_what_is_late(signed_in, cast):
    round = call("2026-03", due=-2)
    handed_in(round, cast.staff)
    excuse(cast.reviewer, form(round, "czj"))
    page = signed_in("reviewer").get("/rounds/").content.decode()
    assert "1/5" in page
    assert "4 家" in page
    assert "/rounds/new/" in page
    own = signed_in("staff2").get("/rounds/").content.decode()
    assert "已逾期" in own
    assert "/rounds/new/" not in own


def test_a_list_of_many_rounds_takes_no_more_queries(signed_in, cast):
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    call("2026-01")
    client = signed_in("reviewer")
    few = [queries(path) for path in ("/rounds/", "/rounds/2026-01/")]
    for month in range(2, 11):
        call(f"2026-{month:02}")
    assert [queries(path) for path in ("/rounds/", "/rounds/2026-10/")] == few


# Chasing


def test_everybody_late_is_chased_once_a_day(cast):
    round = call("2026-03", due=-2)
    handed_in(round, cast.staff)
    late = list(round.submissions.select_related("round", "department").order_by("pk"))
    chased = actions.chase(by=cast.reviewer, submissions=late)
    assert sorted(one.department.code for one in chased) == ["czj", "fgj", "swj", "tjj", "zjj"]
    assert set(Notice.objects.filter(kind="chased").values_list("recipient__username", flat=True)) == {"t-staff2"}
    with pytest.raises(Refused, match="今天已经催过"):
        actions.chase(by=cast.reviewer2, submissions=late)


def test_nobody_is_chased_before_the_due_moment(cast):
    round = call("2026-03", due=0.01)
    with pytest.raises(Refused, match="没有逾期"):
        actions.chase(by=cast.reviewer, submissions=list(round.submissions.select_related("round")))


def test_what_was_handed_in_since_the_page_was_opened_is_not_chased(cast):
    round = call("2026-03", due=-2)
    seen = list(round.submissions.select_related("round", "department"))
    handed_in(round, cast.staff)
    assert "gxj" not in [one.department.code for one in actions.chase(by=cast.reviewer, submissions=seen)]


# The admin's pages


def test_a_schedule_is_not_moved_into_the_past(signed_in):
    schedule = RoundSchedule.objects.get()
    client, path = signed_in("admin"), f"/admin/indicators/roundschedule/{schedule.pk}/change/"
    data = {
        "district": schedule.district_id,
        "opens_after": 1,
        "due_after": 10,
        "closes_after": 15,
        "hour": 17,
        "valid_from": schedule.valid_from.isoformat(),
    }
    back = data | {"valid_from": (schedule.valid_from - 40 * DAY).isoformat()}
    assert "不得早于本月" in client.post(path, back).content.decode()
    assert client.post(path, data).status_code == 302
    schedule.refresh_from_db()
    assert (schedule.due_after, schedule.closes_after, schedule.hour) == (10, 15, 17)


def test_regular_rounds_are_not_moved_behind_the_reviewers_back(signed_in):
    round = call("2026-03")
    path = f"/admin/indicators/round/{round.pk}/change/"
    signed_in("admin").post(path, {"due_at_0": "2030-01-01", "due_at_1": "00:00"})
    round.refresh_from_db()
    assert round.due_at < timezone.now() + 3 * DAY


def test_an_opening_that_fails_leaves_nothing_behind(schedule, monkeypatch):
    from indicators.actions import rounds

    def broken(*args):
        raise RuntimeError

    monkeypatch.setattr(rounds, "add_forms", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        open_due_rounds(now=local("2027-03-01 00:00"))
    assert regular() == []
