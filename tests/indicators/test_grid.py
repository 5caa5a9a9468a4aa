"""The department's form: what stands beside each cell, what follows from it, what is locked, and what it costs."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.grid import Line, grid
from indicators.models import Assignment, Entry, Indicator, LockException, RankPool, Round, Submission
from lvyuan.accounts.models import Department, District
from tests.conftest import HOME
from tests.indicators.factories import figure, many_indicators, target
from tests.indicators.test_actions import draft, save
from tests.indicators.test_cells import post, returned, sent
from tests.test_http import form_data
from tests.test_queries import grow_indicators

pytestmark = pytest.mark.django_db
FORM = "/rounds/2023-07/gxj/"


@pytest.fixture
def july() -> Round:
    return Round.objects.select_related("district").get(code="2023-07")


def line(code: str = "industrial_output", department: str = "gxj") -> Line:
    """The line as the page shows it now."""
    round = Round.objects.select_related("district").get(code="2023-07")
    own = Department.objects.get(code=department)
    shown = grid(round, own, Submission.objects.filter(round=round, department=own).first())
    return next(line for line in shown.lines if line.indicator.code == code)


def assign(indicators: list[Indicator], department: Department, round: Round) -> None:
    """Makes the department owe them."""
    since = dt.date(2020, 1, 1)
    Assignment.objects.bulk_create(
        Assignment(district=round.district, indicator=one, department=department, valid_from=since)
        for one in indicators
    )


def page(client, path: str = FORM, status: int = 200) -> str:
    """The page, its white space squeezed."""
    response = client.get(path)
    assert response.status_code == status
    return re.sub(r"\s+", " ", response.content.decode())


# What stands beside a cell


def test_line_knows_the_slot_before_and_the_year_before(cast, july):
    figure("industrial_output", "2022-07.ytd", "220.0", unit="亿元", growth="5.5")
    beside = line().beside
    # The article's first half of 2023: 223.7亿元, +17 %, first of five.
    assert (beside.previous.level.text, beside.previous.growth.text, beside.previous.rank.text) == (
        "223.7亿元",
        "17%",
        "第1位",
    )
    assert (beside.last_year.level.text, beside.approved) == ("220.0亿元", None)
    assert beside.previous.level.key == "industrial_output/220106/2023-06.ytd/value"


def test_slot_before_the_first_lies_in_the_year_before(cast):
    february = Round.objects.create(
        district=District.objects.get(code=HOME),
        code="2024-02",
        month=dt.date(2024, 2, 29),
        kind="backfill",
        opens_at=timezone.now(),
    )
    figure("industrial_output", "2023-12.ytd", "480.0", unit="亿元")
    [shown] = [
        one
        for one in grid(february, Department.objects.get(code="gxj"), None).lines
        if one.indicator.code == "industrial_output"
    ]
    assert shown.beside.previous.level.text == "480.0亿元"
    assert shown.derived.slot_value is None  # 1—2月 is no month


def test_run_up_ends_with_the_slot_before_and_shows_gaps(cast, july):
    figure("industrial_output", "2022-12.ytd", "400.0", unit="亿元")
    run_up = line().beside.run_up
    assert (len(run_up.points), run_up.measure) == (12, "value")
    assert [(period.code, value) for period, value in run_up.points if value is not None] == [
        ("2022-12.ytd", D("400.0")),
        ("2023-06.ytd", D("223.7")),
    ]
    # June 2022 and earlier slots of that year, then 2023: no January among them.
    assert run_up.points[0][0].code == "2022-06.ytd"


def test_run_up_of_a_series_without_levels_is_its_growth(cast, july):
    # The article prints growth only for revenue: +50.7 % in the first half.
    run_up = line("fiscal_revenue", "czj").beside.run_up
    assert (run_up.measure, run_up.unit, run_up.points[-1][1] is not None) == ("growth", "%", True)


def test_sparkline_scales_bars_from_zero_and_tells_its_values(cast, july):
    figure("industrial_output", "2022-12.ytd", "447.4", unit="亿元")
    save(cast.staff, july, draft(value=D("223.7")))
    spark = line().spark
    # 24 high with 2 above and below: 447.4 is 20 high, half of it 10. June is the twelfth bar, then the draft.
    assert spark.past == "M49 22.0V2.0h5V22.0zM89 22.0V12.0h5V22.0z"
    assert spark.draft == "M97 22.0V12.0h5V22.0z"
    assert spark.title == "前12期：2022年1—12月 447.4亿元，2023年1—6月 223.7亿元"


# What follows from a draft


def test_draft_gives_month_completion_gap_and_nominal_growth(cast, july):
    figure("industrial_output", "2022-07.ytd", "220.0", unit="亿元")
    target("output-2023", indicator="industrial_output", period="2023-12.year", value="400", **LEVEL)
    save(cast.staff, july, draft(value=D("254.1")))
    derived = line().derived
    # 254.1 − 223.7; 254.1 / 400 = 63.525 %; less 7/12 = 58.33 %; 254.1 / 220 = 1.155
    assert [one.text for one in (derived.slot_value, derived.completion, derived.gap, derived.nominal_growth)] == [
        "30.4亿元",
        "63.5%",
        "+5.2个百分点",
        "15.5%",
    ]
    assert all(one.is_derived for one in (derived.slot_value, derived.completion, derived.gap, derived.nominal_growth))
    assert derived.target.text == "400亿元"


LEVEL = {"kind": "year", "measure": "value", "unit": "亿元", "path": "linear"}


@pytest.mark.parametrize("columns", [{"value": None, "unit": ""}, {"comparator": ">", "printed": "450余亿元"}])
def test_nothing_follows_from_no_figure_or_an_inexact_one(cast, july, columns):
    target("output-2023", indicator="industrial_output", period="2023-12.year", value="400", **LEVEL)
    save(cast.staff, july, draft(**columns))
    derived = line().derived
    assert (derived.slot_value, derived.completion, derived.gap, derived.nominal_growth) == (None, None, None, None)
    assert derived.target.text == "400亿元"


def test_nothing_follows_from_a_figure_of_another_definition(cast, july):
    version = Indicator.objects.get(code="industrial_output").versions.get()
    version.valid_to = dt.date(2023, 6, 30)
    version.save(update_fields=["valid_to"])
    version.indicator.versions.create(valid_from=dt.date(2023, 7, 1), unit="亿元")
    save(cast.staff, july, draft(value=D("254.1")))
    assert line().derived.slot_value is None


# What the page shows


def test_page_has_each_definition_at_hand(signed_in, july):
    text = page(signed_in("staff"))
    version = Indicator.objects.get(code="industrial_output").versions.get()
    assert version.definition
    assert version.definition in text
    assert "每月（无1月，首期1—2月）" in text


def test_page_marks_what_is_no_figure_with_its_reason(signed_in, july):
    client = signed_in("staff")
    post(client, sent("value", "abc"), sent("rank_place", "9"))
    text = page(client)
    assert 'name="industrial_output-value" value="abc"' in text
    assert "不是认得的数据写法" in text
    assert "位次不能大于范围内的区数 5" in text
    assert text.count('aria-invalid="true"') == 2


def test_note_that_explains_nothing_is_marked(signed_in, cast, july):
    save(cast.staff, july, draft(value=D("223.6"), note="平稳"))
    text = page(signed_in("staff"))
    assert re.search('data-state="explain"> <label for="id_industrial_output-note">', text)
    assert '<span class="mark diamond warn">需说明</span> 说明只有2个字' in text


def test_correction_asks_for_status_and_reason_on_its_line_only(signed_in, cast, july):
    client = signed_in("staff")
    assert "industrial_output-reason" not in page(client)
    figure("industrial_output", "2023-07.ytd", "250.0", unit="亿元")
    text = page(client)
    assert text.count('-reason" value=""') == 1
    assert "250.0亿元" in text
    post(client, sent("value", "251"), sent("status", "final", seen="flash"), sent("reason", "年报核实"))
    entry = Entry.objects.get()
    assert (entry.value, entry.status, entry.reason) == (D("251"), "final", "年报核实")
    assert '<option value="final" selected>' in page(client)


def test_returned_cells_are_marked_and_the_rest_is_locked(signed_in, cast, july):
    [other] = many_indicators(1)
    assign([other], cast.staff.department, july)
    returned(cast, july)
    text = page(signed_in("staff"))
    assert "已退回：位次" in text
    assert '<span class="mark triangle warn">退回</span> 与通报不符' in text
    assert "这次只退回了标出的几项" in text
    assert 'name="industrial_output-rank_place" value="1"' in text
    assert f'name="{other.code}-value"' not in text


def test_locked_form_is_read_not_written(signed_in, cast, july):
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, july))
    client = signed_in("staff")
    text = page(client)
    assert "已提交，正在等待审核，不能修改" in text
    assert 'name="industrial_output-value"' not in text
    assert "254.1亿元" in text
    response = client.post(FORM, form_data(row_version=str(submission.row_version), **{"industrial_output-value": "1"}))
    assert response.status_code == 409
    assert "本期数 1" in response.content.decode()  # what was typed is shown, not lost
    assert Entry.objects.get().value == D("254.1")


def test_form_needing_a_signature_is_sent_to_the_head(signed_in, cast, july):
    Department.objects.filter(code="gxj").update(needs_sign_off=True)
    client = signed_in("staff")
    assert 'value="send"' in page(client)
    assert 'value="submit"' not in page(client)
    assert client.post(FORM, form_data(do="send")).status_code == 302
    assert Submission.objects.get(department=cast.staff.department).state == "signing"


def test_form_keeps_lines_that_were_not_sent(signed_in, cast, july):
    """A page that shows a line as locked sends nothing of it; that is not emptiness."""
    save(cast.staff, july)
    assert signed_in("staff").post(FORM, {"row_version": "1", "do": "save"}).status_code == 302
    assert Entry.objects.get().value == D("254.1")


def test_form_that_sends_no_line_is_handed_on_as_it_was_seen(signed_in, cast, july):
    """The script saved cell by cell before."""
    save(cast.staff, july)
    client = signed_in("staff")
    stale = client.post(FORM, {"row_version": "0", "do": "submit"})
    assert (stale.status_code, "有改动" in stale.content.decode()) == (409, True)
    assert client.post(FORM, {"row_version": "1", "do": "submit"}).status_code == 302


# What the script asks for


def test_feedback_is_the_lines_asked_for_and_what_the_checks_say_of_others(signed_in, cast, july):
    assign(many_indicators(2), cast.staff.department, july)
    save(cast.staff, july, draft(value=D("223.6")))
    text = page(signed_in("staff"), f"{FORM}lines/?line=extra-0")
    assert 'data-line="extra-0"' in text
    assert "extra-1" not in text
    assert 'data-line="industrial_output"' not in text
    assert 'id="found-industrial_output"' in text
    assert 'data-version="1"' in text
    assert 'data-line="extra-1"' in page(signed_in("staff"), f"{FORM}lines/")


# Paper


def test_paper_is_filled_or_blank_and_invents_no_name(signed_in, cast, july):
    save(cast.staff, july)
    Department.objects.filter(code="gxj").update(head="张三", phone="0431-87600000")
    filled = page(signed_in("reviewer"), f"{FORM}print/")
    for said in ("254.1亿元", "16.2", "T-Staff", "张三", "0431-87600000", "亿元", "2023年1—7月", "223.7亿元"):
        assert said in filled, said
    assert re.search("<dt>统计负责人：</dt> <dd> </dd>", filled)
    assert re.search("<dt>报出日期：</dt> <dd> </dd>", filled)
    blank = page(signed_in("staff"), f"{FORM}print/?blank=1")
    assert "254.1亿元" not in blank
    assert "T-Staff</dd>" not in blank
    assert "223.7亿元" in blank


def test_paper_tells_when_it_was_handed_in(signed_in, cast, july):
    submission = actions.submit(by=cast.staff, submission=save(cast.staff, july))
    day = timezone.localdate(submission.submitted_at)
    assert f"<dd> {day.year}年{day.month}月{day.day}日 </dd>" in page(signed_in("auditor"), f"{FORM}print/")


def test_paper_of_nobody_is_a_404(signed_in, cast, july):
    page(signed_in("reviewer"), "/rounds/2023-07/nobody/print/", status=404)
    page(signed_in("reviewer"), "/rounds/2023-07/qwb/print/", status=404)  # owes nothing in July


# What it costs


def queries(client, path: str = FORM) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as found:
        assert client.get(path).status_code == 200
    return len(found)


def sixty_lines(cast, july) -> list[Indicator]:
    """60 lines of 工信局 with a year and a half of figures and drafts; ranks, findings and exemptions among them."""
    made = many_indicators(59)
    assign(made, cast.staff.department, july)
    grow_indicators(made)
    pool = {"rank_by": "growth", "rank_place": 2, "rank_pool": RankPool.objects.get()}
    save(cast.staff, july, *(draft(one.code, value=D("150"), **pool) for one in made), draft())
    return made


def test_opening_sixty_lines_takes_at_most_fifteen_queries(signed_in, cast, july):
    client = signed_in("staff")
    empty = queries(client)
    sixty_lines(cast, july)
    assert page(client).count("<tbody id=") == 60
    assert empty <= queries(client) <= 15
    assert queries(client, f"{FORM}lines/?line=extra-0") <= 13
    # Closed, but for an exception; returned in part.
    now = timezone.now()
    LockException.objects.create(
        lock="closed", round=july, department=cast.staff.department, reason="补报", granted_by=cast.reviewer,
        granted_at=now, expires_at=now + dt.timedelta(days=1),
    )  # fmt: skip
    Round.objects.filter(pk=july.pk).update(closes_at=now - dt.timedelta(hours=1))
    assert queries(client) <= 15
