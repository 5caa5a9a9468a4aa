"""Reminders by the calendar of the place: three days before, on the day, the day after, once each."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from types import SimpleNamespace

import pytest
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators import reminders
from indicators.models import Round, Submission
from indicators.reminders import due_day, send_reminders, stage_at
from lvyuan.accounts.models import Department, District, Role
from lvyuan.notices.delivery import deliver_due
from lvyuan.notices.models import Delivery, Kind, Notice
from tests.conftest import HOME, make_user
from tests.notices.conftest import local

pytestmark = pytest.mark.django_db


def make_round(due: str, closes: str | None = None, code: str = "r-1", **given) -> Round:
    due_at = local(due)
    return Round.objects.create(
        **{
            "district": District.objects.get(code=HOME),
            "code": code,
            "month": dt.date(2026, 10, 31),
            "opens_at": due_at - dt.timedelta(days=20),
            "due_at": due_at,
            "closes_at": local(closes) if closes else due_at + dt.timedelta(days=8),
        }
        | given
    )


def owe(round: Round, department: str, state: str = "not_started", **given) -> Submission:
    return Submission.objects.create(
        round=round, department=Department.objects.get(code=department), state=state, **given
    )


@pytest.fixture
def office(people) -> SimpleNamespace:
    """工信局: two staff, one of them without address, and a head; 商务局: one of staff."""
    people.colleague = make_user("t-colleague", Role.STAFF, "gxj")
    people.head = make_user("t-head", Role.STAFF, "gxj")
    people.head.is_department_head, people.head.email = True, "t-head@example.gov.cn"
    people.head.save(update_fields=["is_department_head", "email"])
    return people


def told(kind: str | None = None) -> Counter[str]:
    notices = Notice.objects.filter(kind=kind) if kind else Notice.objects.all()
    return Counter(notices.values_list("recipient__username", flat=True))


# Which stage it is


@pytest.mark.parametrize(
    ("due", "now", "stage"),
    [
        ("2026-12-02 18:00", "2026-11-29 07:59", None),
        ("2026-12-02 18:00", "2026-11-29 08:00", "due_soon"),  # across the month's end
        ("2026-12-02 18:00", "2026-12-02 07:59", "due_soon"),  # nobody ran before: late, but before the next stage
        ("2026-12-02 18:00", "2026-12-02 08:00", "due_today"),
        ("2026-12-02 18:00", "2026-12-02 23:59", "due_today"),
        ("2026-12-02 18:00", "2026-12-03 07:59", "due_today"),
        ("2026-12-02 18:00", "2026-12-03 08:00", "overdue"),
        ("2026-12-02 18:00", "2027-01-01 00:00", "overdue"),
        # Up to eight in the morning Shanghai and UTC are on different days.
        ("2026-12-02 06:00", "2026-12-02 08:00", "due_today"),
        ("2026-12-02 07:59", "2026-12-03 08:00", "overdue"),
        # What is due at midnight is due on the day that ends then.
        ("2026-12-01 00:00", "2026-11-27 08:00", "due_soon"),
        ("2026-12-01 00:00", "2026-11-30 08:00", "due_today"),
        ("2026-12-01 00:00", "2026-12-01 08:00", "overdue"),
        ("2026-12-01 00:01", "2026-12-01 08:00", "due_today"),
        ("2028-03-01 12:00", "2028-02-27 08:00", "due_soon"),  # a leap year's February
        ("2028-03-01 12:00", "2028-02-26 23:59", None),
    ],
)
def test_stage_by_the_local_calendar(due, now, stage):
    assert stage_at(local(due), local(now)) == stage
    assert stage_at(local(due).astimezone(dt.UTC), local(now).astimezone(dt.UTC)) == stage


def test_due_day_is_local():
    assert due_day(local("2026-12-01 07:00")) == dt.date(2026, 12, 1)  # 30 November in UTC
    assert due_day(local("2026-12-01 00:00")) == dt.date(2026, 11, 30)


# Who is told, and what


def test_three_days_ahead_the_staff_is_told(office):
    owe(make_round("2026-12-02 18:00", "2026-12-08 18:00"), "gxj")
    send_reminders(now=local("2026-11-29 08:00"))
    assert told() == {"t-staff": 1, "t-colleague": 1}
    notice = office.staff.notices.get()
    assert notice.kind == Kind.DUE_SOON
    assert notice.title == "2026年10月 工信局：12月2日到期"
    assert notice.text == "应报时间：2026年12月2日18:00；关闭时间：2026年12月8日18:00，此后不能填写。"
    assert notice.url == "/rounds/r-1/gxj/"


def test_a_department_of_heads_only_is_told_ahead_too(office):
    office.staff.is_active = office.colleague.is_active = False
    office.staff.save(update_fields=["is_active"])
    office.colleague.save(update_fields=["is_active"])
    owe(make_round("2026-12-02 18:00"), "gxj")
    send_reminders(now=local("2026-11-29 08:00"))
    assert told() == {"t-head": 1}


def test_on_the_day_the_heads_are_told_too(office):
    owe(make_round("2026-12-02 18:00"), "gxj")
    send_reminders(now=local("2026-12-02 08:00"))
    assert told() == told("due_today") == {"t-staff": 1, "t-colleague": 1, "t-head": 1}


def test_the_day_after_reviewers_get_one_notice_for_all_that_are_late(office):
    round = make_round("2026-12-02 18:00", "2026-12-08 18:00")
    for department in ("gxj", "swj"):
        owe(round, department)
    send_reminders(now=local("2026-12-03 08:00"))
    assert told() == dict.fromkeys(("t-staff", "t-colleague", "t-head", "t-staff2", "t-reviewer", "t-reviewer2"), 1)
    notice = office.reviewer.notices.get()
    assert notice.kind == Kind.OVERDUE
    assert notice.title == "2026年10月：2个单位已逾期1天"
    assert notice.text.startswith("工信局、商务局。\n应报时间：2026年12月2日18:00")
    assert notice.url == "/rounds/r-1/"
    assert office.staff.notices.get().title == "2026年10月 工信局：已逾期1天"


@pytest.mark.parametrize("state", Submission.UNREPORTED)
def test_every_state_that_still_owes_is_reminded(office, state):
    form = owe(make_round("2026-12-02 18:00"), "gxj")
    told_state = {"state": state, "submitted_by": office.staff, "submitted_at": local("2026-11-25 09:00")}
    Submission.objects.filter(pk=form.pk).update(
        **told_state, reviewed_by=office.reviewer, reviewed_at=local("2026-11-25 10:00")
    )
    assert send_reminders(now=local("2026-12-02 08:00"))


@pytest.mark.parametrize("state", sorted(set(Submission.State.values) - set(Submission.UNREPORTED)))
def test_what_is_handed_in_or_excused_is_not(office, state):
    form = owe(make_round("2026-12-02 18:00"), "gxj")
    at = local("2026-11-25 09:00")
    Submission.objects.filter(pk=form.pk).update(
        state=state, submitted_by=office.staff, submitted_at=at, reviewed_by=office.reviewer, reviewed_at=at
    )
    assert send_reminders(now=local("2026-12-03 08:00")) == []


def test_rounds_not_open_or_long_closed_and_backfills_are_not(office):
    due = "2026-12-02 18:00"
    owe(make_round(due, code="later", opens_at=local("2026-12-02 12:00")), "gxj")
    owe(make_round("2026-10-15 18:00", "2026-10-20 18:00", code="old"), "gxj")
    owe(make_round("2026-10-20 18:00", code="old-and-never-closed", closes_at=None), "gxj")
    owe(make_round(due, code="backfill", kind="backfill", due_at=None, closes_at=None), "gxj")
    assert send_reminders(now=local("2026-12-02 08:00")) == []
    assert len(send_reminders(now=local("2026-12-02 12:00"))) == 3  # the first has opened


def test_a_closed_round_says_so(office):
    owe(make_round("2026-12-02 18:00", "2026-12-02 20:00"), "gxj")
    send_reminders(now=local("2026-12-03 08:00"))
    assert office.staff.notices.get().text.endswith("已关闭，如需补报请联系审核员。")


def test_a_stage_that_was_missed_is_told_late_but_never_after_the_next(office):
    owe(make_round("2026-12-02 18:00"), "gxj")
    send_reminders(now=local("2026-12-01 23:00"))
    assert told() == told("due_soon") == {"t-staff": 1, "t-colleague": 1}
    send_reminders(now=local("2026-12-05 12:00"))
    assert not told("due_today")
    assert office.staff.notices.get(kind="overdue").title.endswith("已逾期3天")


def test_a_moved_due_day_is_reminded_of_anew(office):
    round = make_round("2026-12-02 18:00", "2026-12-20 18:00")
    owe(round, "gxj")
    send_reminders(now=local("2026-11-29 08:00"))
    round.due_at = local("2026-12-10 18:00")
    round.save(update_fields=["due_at"])
    assert send_reminders(now=local("2026-12-02 08:00")) == []
    assert len(send_reminders(now=local("2026-12-07 08:00"))) == 2


def test_queries_stay_the_same_from_one_to_many(office, mailbox):
    def queries(now: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            send_reminders(now=local(now))
        return len(captured)

    owe(make_round("2026-12-02 18:00"), "gxj")
    one = queries("2026-12-02 08:00")
    for n, department in enumerate(Department.objects.exclude(code="gxj")):
        make_user(f"more{n}", Role.STAFF, department.code)
        for round in (Round.objects.get(code="r-1"), make_round("2026-12-02 18:00", code=f"more-{n}")):
            owe(round, department.code)
    assert queries("2026-12-02 08:10") == one
    assert queries("2026-12-02 08:20") < one  # nothing new
    assert one <= 12


# Six days, every ten minutes


class PowerCut(BaseException):
    """Nothing may catch it."""


class Faults:
    """What goes wrong on the way: each of these once."""

    def __init__(self, monkeypatch) -> None:
        self.patch, self.happened = monkeypatch, []

    def cut_power_before_the_notices_are_kept(self) -> None:
        self._once(reminders, "notify", "command", after=True)

    def cut_power_before_mail(self, number: int) -> None:
        """Notices are written, some mails are sent, and then the process is gone."""
        self._once(EmailBackend, "_send", "delivery", skip=number)

    def _once(self, owner, name: str, what: str, *, skip: int = 0, after: bool = False) -> None:
        original, calls = getattr(owner, name), []

        def failing(*args, **kwargs):
            calls.append(args)
            if len(calls) <= skip:
                return original(*args, **kwargs)
            if after:
                original(*args, **kwargs)
            self.patch.setattr(owner, name, original)
            self.happened.append(what)
            raise PowerCut

        self.patch.setattr(owner, name, failing)


def test_each_stage_is_mailed_once_though_runs_are_many_and_crash(office, mailbox, clock, monkeypatch):
    """T−3, T0 and T+1 over a month's end: `send_reminders` and the delivery every ten minutes for six days."""
    round = make_round("2026-12-02 18:00", "2026-12-08 18:00")
    owe(round, "gxj")
    in_time = owe(round, "swj")
    faults = Faults(monkeypatch)
    refusals: list[str] = []

    def refuse_once(recipient: str) -> str:
        if recipient == "t-head@example.gov.cn" and not refusals:
            refusals.append(recipient)
            return "451 try again later"
        return ""

    mailbox.refuse = refuse_once
    arrived: dict[int, dt.datetime] = {}
    clock.to("2026-11-28 00:00")
    ticks = 0
    while clock.now < local("2026-12-04 00:00"):
        if clock.now == local("2026-11-29 08:00"):
            faults.cut_power_before_the_notices_are_kept()
        if clock.now == local("2026-12-02 08:30"):
            faults.cut_power_before_mail(number=1)
        if clock.now == local("2026-12-01 12:00"):
            Submission.objects.filter(pk=in_time.pk).update(
                state="submitted", submitted_by=office.staff2, submitted_at=clock.now
            )
        for job in (lambda: call_command("send_reminders", verbosity=0), deliver_due):
            try:
                job()
            except PowerCut:
                break
        for number in range(len(arrived), len(mailbox.mails)):
            arrived[number] = clock.now
        ticks += 1
        clock.later(minutes=10)

    assert ticks == 864
    assert faults.happened == ["command", "delivery"]
    assert refusals == ["t-head@example.gov.cn"]
    stages = [
        (mail["To"].split("@")[0], stage, f"{arrived[number]:%m-%d %H:%M}")
        for number, mail in enumerate(mailbox.mails)
        for stage in re.findall(r"【(.+?)】", mail.get_content())
    ]
    assert sorted(stages) == [
        ("t-head", "今日到期", "12-02 08:50"),  # cut off at 08:30, refused at 08:40
        ("t-head", "已逾期", "12-03 08:00"),
        ("t-reviewer", "已逾期", "12-03 08:00"),
        ("t-reviewer2", "已逾期", "12-03 08:00"),
        ("t-staff", "今日到期", "12-02 08:30"),
        ("t-staff", "即将到期", "11-29 08:30"),
        ("t-staff", "已逾期", "12-03 08:00"),
        ("t-staff2", "即将到期", "11-29 08:30"),
    ]
    assert len(mailbox.mails) == len(stages)
    assert not Delivery.objects.exclude(state="sent").exists()
    # Who has no address reads it on the site.
    assert told() == {
        "t-staff": 3, "t-colleague": 3, "t-head": 2, "t-staff2": 1, "t-reviewer": 1, "t-reviewer2": 1,
    }  # fmt: skip
