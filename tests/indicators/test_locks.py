"""Why a form or a line cannot be changed: each lock on both sides of its moment, and every write that respects it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from indicators import actions
from indicators.actions import CellReturn
from indicators.cells import Cell
from indicators.locks import Locks, locks, locks_each
from indicators.models import Entry, Indicator, LockException, Round, Submission, Vintage
from indicators.obligations import owed
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import Department, User
from lvyuan.audit.models import Event
from lvyuan.notices.models import Notice
from tests.conftest import make_user
from tests.indicators.calls import DAY, approve, call, excuse, form, handed_in, local, send_back, written
from tests.indicators.test_actions import PNG

pytestmark = pytest.mark.django_db
TICK = dt.timedelta(microseconds=1)


@pytest.fixture
def finance(cast) -> User:
    """Staff of 财政局, which owes two figures a month: 本级财政收入 and 财政收入质量."""
    return make_user("t-finance", "staff", "czj")


@pytest.fixture
def march(cast) -> Round:
    return call(
        "2026-03",
        opens_at=local("2026-04-01 00:00"),
        due_at=local("2026-04-12 18:00"),
        closes_at=local("2026-04-20 18:00"),
    )


def held(round: Round, department: str, now: dt.datetime | None = None) -> Locks:
    """The locks of a form, which must be the same when many are asked for at once."""
    submission, owing = form(round, department), owed(round, Department.objects.get(code=department))
    now = now or timezone.now()
    submission.round = round = Round.objects.get(pk=round.pk)
    found = locks(round, Department.objects.get(code=department), submission, owing, now=now)
    assert locks_each([(submission, owing)], now=now)[submission.pk][0] == found
    return found


def lines(found: Locks) -> dict[str, str]:
    """Line locks by indicator code."""
    codes = dict(Indicator.objects.values_list("pk", "code"))
    return {codes[pk]: lock.code for (pk, _), lock in found.lines.items()}


def opened(round: Round, department: str, lock: str = "closed", **given: object) -> LockException:
    """An exception as stored, granted at `granted_at`, by default from now for a day."""
    now = timezone.now()
    return LockException.objects.create(
        **{
            "lock": lock,
            "round": round,
            "department": Department.objects.get(code=department),
            "reason": "企业补报",
            "granted_by": User.objects.get(username="t-reviewer"),
            "granted_at": now - TICK,
            "expires_at": now + DAY,
        }
        | given
    )


def indicator(code: str) -> Indicator:
    return Indicator.objects.get(code=code)


# Each lock, on both sides of its moment


def test_before_the_opening_moment_nothing_can_be_written(march):
    lock = held(march, "gxj", local("2026-04-01 00:00") - TICK).form
    assert (lock.code, lock.message) == ("early", "2026年3月从2026年4月1日00:00起填报。")
    assert held(march, "gxj", local("2026-04-01 00:00")) == Locks(None)


def test_the_due_moment_locks_nothing(march):
    assert held(march, "gxj", local("2026-04-12 18:00")) == Locks(None)


def test_from_the_closing_moment_on_nothing_can_be_written(march):
    assert held(march, "gxj", local("2026-04-20 18:00") - TICK) == Locks(None)
    lock = held(march, "gxj", local("2026-04-20 18:00")).form
    assert lock.code == "closed"
    assert lock.message == "2026年3月已于2026年4月20日18:00关闭，不能修改；如需补报，请联系审核员临时开放。"


def test_an_exception_holds_from_its_grant_until_it_expires(march):
    granted, expires = local("2026-04-22 09:00"), local("2026-04-23 18:00")
    opened(march, "gxj", granted_at=granted, expires_at=expires)
    assert held(march, "gxj", granted - TICK).form.code == "closed"
    assert held(march, "gxj", granted) == Locks(None, {}, expires)
    assert held(march, "gxj", expires - TICK).form is None
    assert held(march, "gxj", expires).form.code == "closed"


def test_an_exception_ended_early_locks_from_that_moment(march):
    granted, ended = local("2026-04-22 09:00"), local("2026-04-22 15:00")
    opened(march, "gxj", granted_at=granted, expires_at=granted + 2 * DAY, ended_at=ended)
    assert held(march, "gxj", ended - TICK).form is None
    assert held(march, "gxj", ended).form.code == "closed"


def test_the_state_of_an_exception_is_derived(march):
    one = opened(march, "gxj", granted_at=local("2026-04-22 09:00"), expires_at=local("2026-04-23 18:00"))
    assert one.state(local("2026-04-23 18:00") - TICK) == "open"
    assert one.state(local("2026-04-23 18:00")) == "expired"
    one.ended_at = local("2026-04-22 12:00")
    assert [one.state(local(f"2026-04-22 {hour}:00")) for hour in (11, 12)] == ["open", "ended"]
    assert one.state(local("2026-05-01 00:00")) == "ended"


@pytest.mark.parametrize(
    ("state", "remedy"),
    [("signing", "请先撤回"), ("submitted", "请先撤回"), ("approved", "重开"), ("excused", "撤销免报")],
)
def test_each_state_that_locks_says_which_and_the_remedy(cast, march, state, remedy):
    Submission.objects.filter(pk=form(march, "gxj").pk).update(
        state=state,
        submitted_by=cast.staff,
        submitted_at=timezone.now(),
        reviewed_by=cast.reviewer,
        reviewed_at=timezone.now(),
    )
    lock = held(march, "gxj", local("2026-04-10 09:00")).form
    assert lock.code == state
    assert remedy in lock.message
    # An exception opens the closing date and nothing else.
    opened(march, "gxj", granted_at=local("2026-04-21 09:00"), expires_at=local("2026-04-25 09:00"))
    assert held(march, "gxj", local("2026-04-22 09:00")).form.code == state


@pytest.mark.parametrize("state", ["not_started", "draft"])
def test_other_states_lock_nothing(march, state):
    Submission.objects.filter(pk=form(march, "gxj").pk).update(state=state)
    assert held(march, "gxj", local("2026-04-10 09:00")) == Locks(None)


# Scope


def test_an_exception_opens_its_department_only(march):
    opened(march, "swj", granted_at=local("2026-04-21 09:00"), expires_at=local("2026-04-25 09:00"))
    now = local("2026-04-22 09:00")
    assert held(march, "swj", now).form is None
    assert held(march, "gxj", now).form.code == "closed"


def test_an_exception_opens_its_round_only(march):
    april = call(
        "2026-04", closes_at=local("2026-05-20 18:00"), due_at=local("2026-05-12 18:00"), opens_at=march.opens_at
    )
    opened(april, "gxj", granted_at=local("2026-05-21 09:00"), expires_at=local("2026-05-25 09:00"))
    now = local("2026-05-22 09:00")
    assert held(april, "gxj", now).form is None
    assert held(march, "gxj", now).form.code == "closed"


def test_an_exception_for_one_indicator_opens_its_line_only(march):
    given = {"granted_at": local("2026-04-21 09:00"), "expires_at": local("2026-04-25 09:00")}
    opened(march, "czj", indicator=indicator("fiscal_revenue"), **given)
    found = held(march, "czj", local("2026-04-22 09:00"))
    assert found.form is None
    assert lines(found) == {"fiscal_quality": "closed"}
    opened(march, "czj", indicator=indicator("fiscal_quality"), **given)
    assert lines(held(march, "czj", local("2026-04-22 09:00"))) == {}


def test_the_longest_of_several_exceptions_is_told(march):
    given = {"granted_at": local("2026-04-21 09:00")}
    opened(march, "gxj", expires_at=local("2026-04-25 09:00"), **given)
    opened(march, "gxj", expires_at=local("2026-04-24 09:00"), **given)
    assert held(march, "gxj", local("2026-04-22 09:00")).open_until == local("2026-04-25 09:00")


# Published figures


@pytest.fixture
def published(cast, finance) -> Round:
    """An open round in which 财政局's revenue was approved, released and reopened."""
    round = call("2026-03")
    submission = handed_in(round, finance, value="31.2", code="fiscal_revenue")
    approve(cast.reviewer, submission)
    vintages = list(Vintage.objects.filter(entry__submission=submission))
    actions.release(by=cast.reviewer, vintages=vintages, authority="区统计局", released_at=timezone.now())
    version = Submission.objects.get(pk=submission.pk).row_version
    actions.reopen(by=cast.reviewer, submission=submission, row_version=version, reason="请核实")
    return round


def test_a_published_figure_is_locked_until_an_exception_opens_it(cast, published, finance):
    found = held(published, "czj")
    assert lines(found) == {"fiscal_revenue": "published"}
    (lock,) = found.lines.values()
    assert lock.message == "2026年1—3月的数已经发布，不能直接修改；如需更正，请联系审核员临时开放。"
    one = opened(published, "czj", "published", indicator=indicator("fiscal_revenue"))
    assert lines(held(published, "czj", one.expires_at - TICK)) == {}
    assert lines(held(published, "czj", one.expires_at)) == {"fiscal_revenue": "published"}
    opened(published, "swj", "published")
    opened(published, "czj", "closed")
    assert lines(held(published, "czj", one.expires_at)) == {"fiscal_revenue": "published"}


def test_a_published_figure_of_a_closed_round_asks_for_the_closing_date_first(published):
    Round.objects.filter(pk=published.pk).update(due_at=timezone.now() - DAY, closes_at=timezone.now() - TICK)
    assert held(published, "czj").form.code == "closed"
    opened(published, "czj", "closed")
    assert lines(held(published, "czj")) == {"fiscal_revenue": "published"}
    opened(published, "czj", "published")
    assert lines(held(published, "czj")) == {}


# Partial returns


@pytest.fixture
def partly_returned(cast, finance) -> Submission:
    """Both figures of 财政局 were handed in, and revenue alone came back."""
    round = call("2026-03")
    written(round, finance, "31.2", code="fiscal_revenue")
    written(round, finance, "71.5", code="fiscal_quality", unit="%", growth=None, growth_basis="")
    submission = actions.submit(by=finance, submission=form(round, "czj"))
    entry = Entry.objects.get(submission=submission, indicator__code="fiscal_revenue")
    send_back(cast.reviewer, submission, "请核对", [CellReturn(entry_id=entry.pk, field="value", reason="多一个零")])
    return form(round, "czj")


def test_only_what_was_returned_can_be_changed(partly_returned):
    found = held(partly_returned.round, "czj")
    assert lines(found) == {"fiscal_quality": "not_returned"}
    assert "只退回了标出的几项" in next(iter(found.lines.values())).message


def test_taking_back_what_was_handed_in_again_opens_nothing_more(partly_returned, finance):
    round = partly_returned.round
    again = actions.submit(by=finance, submission=written(round, finance, "30.2", code="fiscal_revenue"))
    actions.withdraw(by=finance, submission=again, row_version=again.row_version)
    assert form(round, "czj").state == "draft"
    assert lines(held(round, "czj")) == {"fiscal_quality": "not_returned"}


def test_a_whole_return_after_a_partial_one_opens_everything(cast, partly_returned, finance):
    round = partly_returned.round
    again = actions.submit(by=finance, submission=written(round, finance, "30.2", code="fiscal_revenue"))
    send_back(cast.reviewer, again, "整份再核一遍")
    assert held(round, "czj") == Locks(None)


# Every write respects them


def writes(round: Round, by: User, entry: Entry | None) -> list[Callable[[], object]]:
    """What a person may try on a form; submitting comes last."""
    tries: list[Callable[[], object]] = [lambda: written(round, by, "255.5")]
    if entry is not None:
        upload = SimpleUploadedFile("a.png", PNG)
        tries.append(lambda: actions.add_evidence(by=by, entry=entry, upload=upload))
        tries.append(lambda: actions.submit(by=by, submission=entry.submission))
    return tries


def cell(by: User, round: Round, code: str, text: str, seen: str = "") -> str:
    department = Department.objects.get(pk=by.department_id)
    typed = [Cell(indicator=code, field="note", text=text, seen=seen)]
    _, (saved,) = actions.save_cells(by=by, code=round.code, department=department, cells=typed)
    return f"{saved.outcome}: {saved.message}" if saved.message else str(saved.outcome)


def test_before_opening_every_write_is_refused(cast):
    round = call("2026-03", opened=-0.01)
    for write in writes(round, cast.staff, None):
        with pytest.raises(Refused, match="起填报"):
            write()
    assert cell(cast.staff, round, "industrial_output", "试填").startswith("locked: 2026年3月从")
    assert not Entry.objects.exists()
    Round.objects.update(opens_at=timezone.now() - TICK)
    assert cell(cast.staff, round, "industrial_output", "试填") == "saved"


def test_after_closing_every_write_is_refused_and_an_exception_opens_them_all(cast):
    round = call("2026-03")
    entry = written(round, cast.staff).entries.get()
    Round.objects.filter(pk=round.pk).update(closes_at=timezone.now() - TICK, due_at=timezone.now() - DAY)
    round.refresh_from_db()
    for write in writes(round, cast.staff, entry):
        with pytest.raises(Refused, match="已于.*关闭"):
            write()
    assert cell(cast.staff, round, "industrial_output", "补记").startswith("locked: 2026年3月已于")
    assert (Entry.objects.get().value, form(round, "gxj").state) == (Decimal("254.1"), "draft")
    opened(round, "gxj")
    assert cell(cast.staff, round, "industrial_output", "两家企业补报") == "saved"
    for write in writes(round, cast.staff, entry):
        write()
    assert (Entry.objects.get().value, form(round, "gxj").state) == (Decimal("255.5"), "submitted")


def test_after_closing_nothing_is_taken_back_but_with_an_exception(cast):
    round = call("2026-03")
    handed_in(round, cast.staff)
    Round.objects.filter(pk=round.pk).update(closes_at=timezone.now() - TICK, due_at=timezone.now() - DAY)
    there = form(round, "gxj")
    with pytest.raises(Refused, match="关闭.*不能撤回"):
        actions.withdraw(by=cast.staff, submission=there, row_version=there.row_version)
    opened(round, "gxj")
    assert actions.withdraw(by=cast.staff, submission=there, row_version=there.row_version).state == "draft"


def test_after_closing_nothing_is_signed_but_with_an_exception(cast):
    Department.objects.filter(code="gxj").update(needs_sign_off=True)
    head = make_user("t-head", "staff", "gxj")
    head.is_department_head = True
    head.save(update_fields=["is_department_head"])
    round = call("2026-03")
    sent = actions.send_for_signature(by=cast.staff, submission=written(round, cast.staff))
    Round.objects.filter(pk=round.pk).update(closes_at=timezone.now() - TICK, due_at=timezone.now() - DAY)
    with pytest.raises(Refused, match="关闭.*不能签发"):
        actions.sign(by=head, submission=sent)
    opened(round, "gxj")
    assert actions.sign(by=head, submission=sent).state == "submitted"


def test_a_line_that_stays_locked_is_left_as_it_was(cast, finance):
    round = call("2026-03")
    written(round, finance, "31.2", code="fiscal_revenue")
    Round.objects.filter(pk=round.pk).update(closes_at=timezone.now() - TICK, due_at=timezone.now() - DAY)
    round.refresh_from_db()
    opened(round, "czj", indicator=indicator("fiscal_quality"))
    entry = Entry.objects.get()
    written(round, finance, "99", code="fiscal_revenue")
    assert Entry.objects.get().value == Decimal("31.2")
    assert cell(finance, round, "fiscal_revenue", "补记").startswith("locked: 2026年3月已于")
    assert cell(finance, round, "fiscal_quality", "补记") == "saved"
    with pytest.raises(Refused, match="已于"):
        actions.add_evidence(by=finance, entry=entry, upload=SimpleUploadedFile("a.png", PNG))


def test_a_published_line_is_left_as_it_was(published, finance):
    entry = Entry.objects.get()
    written(published, finance, "99", code="fiscal_revenue", reason="企业更正")
    assert Entry.objects.get().value == Decimal("31.2")
    assert cell(finance, published, "fiscal_revenue", "补记").startswith("locked: 2026年1—3月的数已经发布")
    with pytest.raises(Refused, match="已经发布"):
        actions.add_evidence(by=finance, entry=entry, upload=SimpleUploadedFile("a.png", PNG))
    opened(published, "czj", "published")
    written(published, finance, "30.9", code="fiscal_revenue", reason="企业更正")
    assert Entry.objects.get().value == Decimal("30.9")


def test_locks_take_two_queries_at_most(cast, partly_returned):
    round, czj = partly_returned.round, Department.objects.get(code="czj")
    owing = owed(round, czj)
    with CaptureQueriesContext(connection) as queries:
        locks(round, czj, partly_returned, owing)
    assert len(queries) == 1
    with CaptureQueriesContext(connection) as queries:
        locks(round, czj, partly_returned, owing, now=round.closes_at)
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        locks(round, czj, None, owing)
    assert len(queries) == 0


# Granting


def grant(by: User, round: Round, department: str = "gxj", **given: object) -> LockException:
    return actions.grant_exception(
        **{
            "by": by,
            "lock": "closed",
            "round": round,
            "department": Department.objects.get(code=department),
            "indicator": None,
            "reason": "企业补报",
            "expires_at": timezone.now() + DAY,
        }
        | given
    )


def test_a_reviewer_grants_and_the_department_is_told(cast, march):
    granted = grant(cast.reviewer, march)
    assert held(march, "gxj").open_until == granted.expires_at
    notice = Notice.objects.get(kind="unlocked")
    assert (notice.recipient, notice.url) == (cast.staff, "/rounds/2026-03/gxj/")
    event = Event.objects.about(granted).first()
    assert (event.actor_id, event.reason) == (cast.reviewer.pk, "企业补报")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reason": "  "}, "理由"),
        ({"expires_at": dt.timedelta(0)}, "31天之内"),
        ({"expires_at": dt.timedelta(days=31, minutes=1)}, "31天之内"),
        ({"indicator": "fiscal_revenue"}, "不由工信局"),
        ({"indicator": "gdp"}, "不由工信局"),
        ({"department": "wjj"}, "不由"),
    ],
)
def test_a_grant_without_sense_is_refused(cast, march, given, said):
    given = dict(given)
    if "expires_at" in given:
        given["expires_at"] = timezone.now() + given["expires_at"]
    if "indicator" in given:
        given["indicator"] = indicator(given["indicator"])
    with pytest.raises(Refused, match=said):
        grant(cast.reviewer, march, **given)
    assert not LockException.objects.exists()


def test_a_round_that_never_closes_needs_no_opening(cast):
    july = Round.objects.get(code="2023-07")
    with pytest.raises(Refused, match="不会关闭"):
        grant(cast.reviewer, july)
    assert grant(cast.reviewer, july, lock="published").lock == "published"


@pytest.mark.parametrize("who", ["staff", "leader", "admin", "auditor"])
def test_others_grant_and_end_nothing(cast, march, who):
    one = opened(march, "gxj")
    with pytest.raises(NotAllowed):
        grant(getattr(cast, who), march)
    with pytest.raises(NotAllowed):
        actions.end_exception(by=getattr(cast, who), exception=one)
    assert LockException.objects.get().ended_at is None


def test_an_exception_is_ended_once(cast, march):
    one = opened(march, "gxj")
    actions.end_exception(by=cast.reviewer, exception=one)
    assert held(march, "gxj").form.code == "closed"
    with pytest.raises(Conflict, match="已经结束"):
        actions.end_exception(by=cast.reviewer, exception=one)


def test_an_expired_exception_is_not_ended(cast, march):
    one = opened(march, "gxj", granted_at=timezone.now() - 2 * DAY, expires_at=timezone.now() - TICK)
    with pytest.raises(Conflict, match="已经结束"):
        actions.end_exception(by=cast.reviewer, exception=one)


# Pages


def posted(**changed: str) -> dict[str, str]:
    end = timezone.localtime(timezone.now() + DAY).strftime("%Y-%m-%dT%H:%M")
    return {"lock": "closed", "department": "gxj", "indicator": "", "reason": "企业补报", "expires_at": end} | changed


def test_the_page_grants_lists_and_ends(signed_in, cast, march):
    client = signed_in("reviewer")
    response = client.post("/rounds/2026-03/exceptions/grant/", posted(indicator="industrial_output"), follow=True)
    page = response.content.decode()
    for said in ("已对工信局临时开放到", "有效", "规模以上工业总产值", "企业补报", "现在锁回"):
        assert said in page, said
    one = LockException.objects.get()
    page = client.post(f"/rounds/2026-03/exceptions/{one.pk}/end/", follow=True).content.decode()
    assert "已锁回" in page
    assert "提前锁回" in page
    assert "现在锁回" not in page
    assert client.post(f"/rounds/2026-03/exceptions/{one.pk}/end/").status_code == 409
    assert client.post("/rounds/2026-03/exceptions/999999/end/").status_code == 404


def test_an_expired_exception_says_so_by_itself(signed_in, cast, march):
    opened(march, "gxj", granted_at=timezone.now() - 2 * DAY, expires_at=timezone.now() - TICK)
    page = signed_in("auditor").get("/rounds/2026-03/exceptions/").content.decode()
    assert "已到期" in page
    assert "批准临时开放" not in page


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"reason": ""}, 422),
        ({"department": "wjj"}, 422),
        ({"indicator": "tax_relief"}, 422),
        ({"expires_at": "明天"}, 422),
        ({"indicator": "fiscal_revenue"}, 409),
        ({"expires_at": "2020-01-01T00:00"}, 409),
    ],
)
def test_a_wrong_grant_keeps_what_was_typed(signed_in, march, changed, status):
    response = signed_in("reviewer").post("/rounds/2026-03/exceptions/grant/", posted(**changed))
    assert response.status_code == status
    assert changed.get("reason", "企业补报") in response.content.decode()
    assert not LockException.objects.exists()


def test_the_address_fills_in_the_form(signed_in, march):
    page = signed_in("reviewer").get("/rounds/2026-03/exceptions/?department=swj&lock=published").content.decode()
    assert '<option value="swj" selected>' in page
    assert '<option value="published" selected>' in page


def test_excused_forms_stay_excused_whatever_is_opened(cast, march):
    excuse(cast.reviewer, form(march, "gxj"))
    grant(cast.reviewer, march)
    assert held(march, "gxj").form.code == "excused"
