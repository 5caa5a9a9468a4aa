"""Who has and has not reported: lateness, on-time rate and completeness by hand; and the button that chases."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.board import Board, Cell, board, headline, is_on_time
from indicators.board import handed_in as first_handed_in
from indicators.models import Assignment, Chase, Round, Submission
from lvyuan.accounts.models import Department, District, Role
from lvyuan.notices.models import Notice
from tests.conftest import HOME, make_user
from tests.indicators.calls import DAY, approve, call, excuse, form, handed_in, local, send_back, written
from tests.indicators.factories import many_indicators

pytestmark = pytest.mark.django_db
TICK = dt.timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _no_backfill(db):
    """The article's own round would stand in every list."""
    Submission.objects.filter(round__code="2023-07").delete()
    Round.objects.filter(code="2023-07").delete()


def now_board(rounds: int = 6, now: dt.datetime | None = None) -> Board:
    return board(district=HOME, now=now or timezone.now(), rounds=rounds)


def cell(shown: Board, department: str, code: str) -> Cell:
    return next(c for c in shown.cells if (c.department.code, c.round.code) == (department, code))


def due(round: Round, days: float) -> None:
    """Moves the due moment, as if the forms had come earlier or later."""
    Round.objects.filter(pk=round.pk).update(due_at=timezone.now() + days * DAY)


def text(client, path: str = "/board/") -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", client.get(path).content.decode()))


# When a form came in

DUE = local("2026-04-12 18:00")
STEPS = {
    "draft": ("not_started", "draft"),
    "submit": ("draft", "submitted"),
    "withdraw": ("submitted", "draft"),
    "return": ("submitted", "returned"),
    "again": ("returned", "submitted"),
    "approve": ("submitted", "approved"),
    "reopen": ("approved", "returned"),
}


@pytest.mark.parametrize(
    ("steps", "came"),
    [
        ([], None),
        ([("draft", 1)], None),
        ([("draft", 1), ("submit", 2)], 2),
        ([("submit", 2), ("return", 3), ("again", 14)], 2),
        ([("submit", 2), ("withdraw", 3)], None),
        ([("submit", 2), ("withdraw", 3), ("submit", 14)], 14),
        ([("submit", 2), ("return", 3), ("again", 4), ("withdraw", 5)], 2),
        ([("submit", 2), ("approve", 3), ("reopen", 20), ("again", 21), ("approve", 22)], 2),
    ],
)
def test_a_form_came_when_it_was_first_handed_in_and_not_taken_back(steps, came):
    told = [(*STEPS[name], local(f"2026-04-{day:02} 09:00"), "") for name, day in steps]
    assert first_handed_in(told) == (local(f"2026-04-{came:02} 09:00") if came else None)


@pytest.mark.parametrize(("came", "on_time"), [(DUE - TICK, True), (DUE, True), (DUE + TICK, False), (None, False)])
def test_on_time_is_up_to_the_due_moment(came, on_time):
    assert is_on_time(DUE, came) is on_time
    assert is_on_time(None, came) is None


# By hand: four rounds, two departments


@pytest.fixture
def year(cast) -> dict[str, Round]:
    """工信局: on time in 03, two days late in 04, excused in 05, not due yet in 06.

    商务局: returned on time in 03 (so overdue again), nothing in 04 and 05 (excused nowhere), handed in in 06.
    """
    rounds = {code: call(f"2026-{code}") for code in ("03", "04", "05", "06")}
    handed_in(rounds["03"], cast.staff)
    handed_in(rounds["04"], cast.staff, value="300.5", note="新增两家企业投产，基数较低")
    excuse(cast.reviewer, form(rounds["05"], "gxj"), "机构改革")
    send_back(cast.reviewer, handed_in(rounds["03"], cast.staff2, value="12.5"), "请核对增速")
    handed_in(rounds["06"], cast.staff2, value="25.1")
    others = Submission.objects.exclude(department__code__in=["gxj", "swj"])
    others.delete()
    for code, days in {"03": 0, "04": -2, "05": -1}.items():
        due(rounds[code], days)
    return rounds


def test_each_cell_says_state_and_days(year):
    shown = now_board()
    said = {
        (c.department.code, c.round.code[-2:]): (str(c.submission.state), c.is_overdue, c.days_late)
        for c in shown.cells
    }
    zero = said["swj", "03"][2]
    assert zero in (0, 1)  # one past midnight
    assert said == {
        ("gxj", "03"): ("submitted", False, None),
        ("gxj", "04"): ("submitted", False, 2),
        ("gxj", "05"): ("excused", False, None),
        ("gxj", "06"): ("not_started", False, None),
        ("swj", "03"): ("returned", True, zero),
        ("swj", "04"): ("not_started", True, 2),
        ("swj", "05"): ("not_started", True, 1),
        ("swj", "06"): ("submitted", False, None),
    }


def test_the_on_time_rate_counts_what_is_due_and_not_excused(year):
    shown = now_board()
    shares = {line.department.code: (line.on_time.part, line.on_time.whole) for line in shown.lines}
    # 工信局: 03 of 03 and 04. 商务局: 03, which came in time though it was returned, of 03, 04 and 05.
    assert shares == {"gxj": (1, 2), "swj": (1, 3)}
    rounds = {column.round.code[-2:]: (column.on_time.part, column.on_time.whole) for column in shown.columns}
    assert rounds == {"03": (2, 2), "04": (0, 2), "05": (0, 1), "06": (0, 0)}
    assert (shown.on_time.part, shown.on_time.whole) == (2, 5)
    assert shown.on_time.percent == Decimal(40)
    assert shown.columns[0].on_time.percent is None


def test_each_round_says_how_many_came_and_how_many_are_late(year):
    shown = now_board()
    said = {c.round.code[-2:]: (c.reported.part, c.reported.whole, c.overdue) for c in shown.columns}
    assert said == {"03": (1, 2, 1), "04": (1, 2, 1), "05": (0, 1, 1), "06": (1, 2, 0)}
    assert [(c.department.code, c.round.code[-2:]) for c in shown.overdue][:2] == [("swj", "04"), ("swj", "05")]


def test_reasons_stand_beside_the_states(year):
    shown = now_board()
    assert cell(shown, "swj", "2026-03").reason == "请核对增速"
    assert [[(c.department.code, c.reason) for c in cells] for cells in shown.explained] == [[("gxj", "机构改革")]]


def test_completeness_of_open_rounds_is_filled_of_owed(cast):
    round = call("2026-03")
    finance = make_user("t-finance", "staff", "czj")
    written(round, finance, "31.2", code="fiscal_revenue")
    written(round, cast.staff)
    excuse(cast.reviewer, form(round, "zjj"))
    (column,) = now_board().columns
    # tjj 1, gxj 1, fgj 1, swj 1, czj 2; 住建局's one is excused.
    assert (column.progress.filled, column.progress.owed, column.progress.percent) == (2, 6, Decimal(2) / 6 * 100)
    done = cell(now_board(), "czj", "2026-03").progress
    assert (done.filled, done.owed) == (1, 2)
    Round.objects.update(due_at=timezone.now() - TICK, closes_at=timezone.now() - TICK)
    assert now_board().columns[0].progress is None


# Nothing overdue ever vanishes


def test_an_overdue_form_of_an_old_round_stays_until_reported_or_excused(cast):
    old = call("2024-03", opened=900, due=-880, closes=-870)
    for one in old.submissions.exclude(department__code="gxj"):
        excuse(cast.reviewer, one)
    for month in range(1, 9):
        call(f"2026-{month:02}")
    assert [column.round.code for column in now_board(6).columns][-1] == "2024-03"
    assert len(now_board(6).columns) == 7
    (late,) = now_board(6).overdue
    assert (late.department.code, late.days_late) == ("gxj", 880)
    excuse(cast.reviewer, form(old, "gxj"))
    assert [column.round.code for column in now_board(6).columns][-1] == "2026-03"
    assert now_board(6).overdue == []


def test_an_old_round_is_gone_once_everything_was_reported(cast):
    old = call("2024-03", opened=900, due=-880, closes=1)
    for one in old.submissions.exclude(department__code="gxj"):
        excuse(cast.reviewer, one)
    for month in range(1, 9):
        call(f"2026-{month:02}")
    handed_in(old, cast.staff)
    assert "2024-03" not in [column.round.code for column in now_board(6).columns]


def test_a_backfill_is_never_late(cast):
    call("2026-03", kind="backfill", due_at=None, closes_at=None)
    shown = now_board()
    assert (shown.overdue, shown.on_time.whole, shown.columns[0].overdue) == ([], 0, 0)


# The page


def test_the_page_says_it_by_shape_word_and_number(signed_in, year):
    page = text(signed_in("reviewer"))
    for said in (
        "逾期2天",
        "迟报2天",
        "免报",
        "待审核",
        "请核对增速",
        "机构改革",
        "50% 1/2",
        "33% 1/3",
        "40% 2/5",
        "尚无",
    ):
        assert said in page, said
    html = signed_in("reviewer").get("/board/").content.decode()
    assert 'class="mark triangle bad"' in html
    assert f"/reviews/{form(year['04'], 'swj').pk}/" in html
    assert "查看或免报" in page


@pytest.mark.parametrize("who", ["leader", "admin"])
def test_leaders_see_states_and_reasons_and_no_way_into_a_form(signed_in, year, who):
    client = signed_in(who)
    page, html = text(client), client.get("/board/").content.decode()
    for said in ("逾期2天", "机构改革", "40% 2/5"):
        assert said in page, said
    for figure in ("300.5", "254.1", "12.5"):
        assert figure not in page
    main = html[html.index("<main") :]
    assert "/reviews/" not in main
    assert "/rounds/" not in main
    assert "催报全部" not in page


def test_twelve_rounds_on_demand(signed_in, cast):
    for month in range(1, 10):
        call(f"2026-{month:02}")
    client = signed_in("auditor")
    assert "2026年3月" not in text(client)
    assert "2026年3月" in text(client, "/board/?rounds=12")
    assert client.get("/board/?rounds=1000").status_code == 404


def test_an_empty_board_is_an_honest_page(signed_in):
    assert "还没有填报任务" in text(signed_in("leader"))


# Chasing


def test_one_click_chases_everybody_late_and_says_whom(signed_in, year):
    client = signed_in("reviewer")
    page = re.sub(r"<[^>]+>", "", client.post("/board/chase/", follow=True).content.decode())
    assert "已催报：商务局（2026年3月）、商务局（2026年4月）、商务局（2026年5月）。" in page
    assert Chase.objects.count() == 3
    assert set(Notice.objects.filter(kind="chased").values_list("recipient__username", flat=True)) == {"t-staff2"}
    response = client.post("/board/chase/")
    assert response.status_code == 409
    assert "今天已经催过" in response.content.decode()


def test_who_was_told_today_already_is_named_apart(signed_in, cast, year):
    late = Submission.objects.select_related("round", "department").get(pk=form(year["04"], "swj").pk)
    actions.chase(by=cast.reviewer, submissions=[late])
    page = re.sub(r"<[^>]+>", "", signed_in("reviewer").post("/board/chase/", follow=True).content.decode())
    assert "已催报：商务局（2026年3月）、商务局（2026年5月）。" in page
    assert "今天已经催过，没有重复提醒：商务局（2026年4月）。" in page


def test_with_nobody_late_there_is_no_button_and_nothing_is_sent(signed_in, cast):
    call("2026-03")
    client = signed_in("reviewer")
    assert "催报全部" not in text(client)
    assert client.post("/board/chase/").status_code == 409
    assert not Chase.objects.exists()


# The cockpit's one sentence


def test_the_headline_counts_the_latest_round_and_everybody_overdue(year):
    said = headline(district=HOME, now=timezone.now())
    assert (said.month, said.reported.part, said.reported.whole, said.overdue) == (dt.date(2026, 6, 30), 1, 2, 1)


def test_the_headline_leaves_out_what_has_not_opened_and_what_is_excused(cast):
    round = call("2026-03")
    call("2026-04", opened=-1, due=5)
    approve(cast.reviewer, handed_in(round, cast.staff))
    excuse(cast.reviewer, form(round, "czj"))
    said = headline(district=HOME, now=timezone.now())
    assert (said.month, said.reported.part, said.reported.whole, said.overdue) == (dt.date(2026, 3, 31), 1, 5, 0)


def test_the_cockpit_says_it_to_those_who_may_see_the_board(signed_in, year):
    page = text(signed_in("leader"), "/cockpit/")
    assert "报送进度：2026年6月 1/2 家已报，已逾期 1 家" in page
    assert "家已报" not in text(signed_in("staff"), "/cockpit/")
    assert "家已报" not in text(signed_in("leader"), "/cockpit/?known_at=2026-01-01")


def test_without_rounds_the_cockpit_says_nothing(signed_in):
    with CaptureQueriesContext(connection) as queries:
        assert headline(district=HOME, now=timezone.now()) is None
    assert len(queries) == 1
    assert "家已报" not in text(signed_in("leader"), "/cockpit/")


# How many queries


def grow(departments: int, rounds: int) -> None:
    """So many departments with two figures each, and rounds in which every form is overdue, some of them chased."""
    district = District.objects.get(code=HOME)
    made = Department.objects.bulk_create(
        Department(district=district, code=f"d{n}", name=f"第{n}局", short_name=f"{n}局", order=100 + n)
        for n in range(departments)
    )
    Assignment.objects.bulk_create(
        Assignment(district=district, indicator=one, department=made[n // 2], valid_from=dt.date(2020, 1, 1))
        for n, one in enumerate(many_indicators(2 * departments))
    )
    for n in range(rounds):
        round = call(f"2025-{n + 1:02}", due=-3)
        person = round.submissions.first().department.users.first() or make_user(f"t-someone-{n}", Role.REVIEWER)
        Chase.objects.bulk_create(Chase(submission=one, by=person) for one in round.submissions.order_by("pk")[::3])


def count_queries(client) -> int:
    client.get("/board/?rounds=12")
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/board/?rounds=12").status_code == 200
    return len(captured)


@pytest.mark.parametrize("who", ["reviewer", "leader"])
def test_fifty_departments_and_twelve_rounds_take_no_more_queries_than_one_round(signed_in, who):
    client = signed_in(who)
    call("2026-02", due=-3)
    few = count_queries(client)
    grow(50, 12)
    shown = now_board(12)
    assert (len(shown.lines) >= 50, len(shown.columns)) == (True, 13)
    assert count_queries(client) == few
    assert few <= 11
