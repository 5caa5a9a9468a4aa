"""Telling people: once each, in a fixed number of queries, whatever becomes of mail and queue."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from lvyuan.accounts.models import Role
from lvyuan.audit.models import Event
from lvyuan.notices import actions
from lvyuan.notices.actions import notify
from lvyuan.notices.models import Delivery, Kind, Notice, NoticeChoice, Webhook, default_mailing
from tests.conftest import make_user
from tests.notices.conftest import local, message

pytestmark = pytest.mark.django_db
SECRET = "0123456789abcdef"


def webhook(**given) -> Webhook:
    return Webhook.objects.create(
        **({"name": "政务通", "url": "http://127.0.0.1:1/", "secret": SECRET, "kinds": list(Kind.values)} | given)
    )


def test_a_message_becomes_a_notice_of_its_recipient(cast):
    (notice,) = notify([message(cast.staff)])
    assert Notice.objects.get() == notice
    assert (notice.recipient, notice.kind, notice.title) == (cast.staff, Kind.RETURNED, "七月报送已退回")
    assert (notice.text, notice.get_absolute_url(), notice.read_at) == ("请补充来源。", "/rounds/", None)


def test_nobody_is_told_of_one_event_twice(cast):
    first = notify([message(cast.staff), message(cast.staff, text="又一次")])
    again = notify([message(cast.staff), message(cast.staff2), message(cast.staff, key="event-2")])
    assert [len(first), len(again), Notice.objects.count()] == [1, 2, 3]


def test_those_who_left_are_not_told(cast):
    cast.staff.is_active = False
    assert notify([message(cast.staff)]) == []
    assert notify([]) == []


def test_a_title_is_one_line_of_bearable_length(cast):
    (notice,) = notify([message(cast.staff, title="退回\r\nBcc: x@example.com " + "长" * 200)])
    assert notice.title.startswith("退回 Bcc: x@example.com 长")
    assert len(notice.title) == 120


@pytest.mark.parametrize(
    "said", [{"title": "a\nb"}, {"title": ""}, {"url": "https://evil.example/"}, {"url": "//evil.example/"}]
)
def test_database_refuses_what_could_mislead(cast, said):
    given = {"recipient": cast.staff, "kind": "returned", "key": "k", "title": "t", "url": "/"} | said
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(**given)
    Notice.objects.create(**given | {"title": "t", "url": "/"})


def test_queries_stay_the_same_from_one_to_many(people, mailbox):
    webhook()
    crowd = [make_user(f"crowd{n}", Role.REVIEWER) for n in range(40)]

    def queries(messages) -> int:
        with CaptureQueriesContext(connection) as captured:
            notify(messages)
        return len(captured)

    one = queries([message(people.staff)])
    assert queries([message(person, key=f"many-{n % 3}") for n, person in enumerate(crowd)]) == one == 4


def test_mail_is_planned_by_kind_and_choice(people, mailbox, clock):
    clock.to("2026-11-23 10:00")
    NoticeChoice.objects.create(user=people.staff2, kind=Kind.RETURNED, mail="off")
    NoticeChoice.objects.create(user=people.reviewer, kind=Kind.RETURNED, mail="digest")
    notify([message(person) for person in (people.staff, people.staff2, people.reviewer)])
    planned = dict(Delivery.objects.values_list("notice__recipient__username", "next_try_at"))
    assert planned == {"t-staff": clock.now, "t-reviewer": local("2026-11-24 08:30")}


def test_without_address_or_mail_server_there_is_only_the_site(people, mailbox, settings):
    people.staff.email = ""
    notify([message(people.staff)])
    settings.MAIL_CONFIGURED = False
    notify([message(people.staff2)])
    assert (Notice.objects.count(), Delivery.objects.count()) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "now", "due"),
    [
        ("approved", "2026-11-23 08:29", "2026-11-23 08:30"),
        ("approved", "2026-11-23 08:30", "2026-11-23 08:30"),
        ("approved", "2026-11-30 08:31", "2026-12-01 08:30"),
        ("approved", "2026-11-23 00:10", "2026-11-23 08:30"),  # the day before in UTC
        ("due_today", "2026-11-23 08:00", "2026-11-23 08:30"),
        ("due_today", "2026-11-23 09:00", "2026-11-23 09:00"),  # tomorrow's digest would be too late
    ],
)
def test_digest_time(kind, now, due):
    assert actions.digest_time(kind, local(now)) == local(due)


def test_returned_chased_and_overdue_are_mailed_at_once_unless_chosen_otherwise():
    assert {kind for kind in Kind if default_mailing(kind) == "at_once"} == {"returned", "chased", "overdue"}


def test_a_webhook_is_told_of_an_event_once_however_many_people_are(cast):
    one, other = webhook(), webhook(name="应急", kinds=["overdue"])
    webhook(name="停用", is_active=False)
    notify([message(cast.staff), message(cast.staff2), message(cast.staff, "overdue", "event-2")])
    notify([message(cast.reviewer)])
    posts = list(Delivery.objects.posts().order_by("pk").values_list("webhook", "key"))
    assert sorted(posts) == sorted([(one.pk, "event-1"), (one.pk, "event-2"), (other.pk, "event-2")])


def test_a_job_is_queued_once_after_the_commit(people, mailbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        notify([message(people.staff)])
        notify([message(people.staff, key="event-2")])
        assert not ProcrastinateJob.objects.exists()
    assert list(ProcrastinateJob.objects.values_list("task_name", "status")) == [
        ("lvyuan.notices.tasks.deliver", "todo")
    ]


def test_a_digest_needs_no_job_of_its_own(people, mailbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        notify([message(people.staff, "approved")])
    assert Delivery.objects.count() == 1
    assert not ProcrastinateJob.objects.exists()


def test_a_queue_that_refuses_harms_nobody(people, mailbox, django_capture_on_commit_callbacks, monkeypatch, caplog):
    def refuse(*args, **kwargs):
        raise RuntimeError("the queue is closed")

    monkeypatch.setattr(app.job_manager, "batch_defer_jobs", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        notify([message(people.staff)])
    assert Delivery.objects.pending().count() == 1
    assert "the queue is closed" in caplog.text


def test_reading_marks_ones_own_only(cast):
    mine, another = notify([message(cast.staff), message(cast.staff2)])
    assert actions.mark_read(by=cast.staff, notices=[mine, another]) == 1
    assert set(Notice.objects.unread()) == {another}
    assert actions.mark_read(by=cast.staff, notices=[mine]) == 0


def test_choices_are_kept_and_replaced(cast):
    actions.choose_mailing(by=cast.staff, choices={"returned": "digest", "approved": "off"})
    actions.choose_mailing(by=cast.staff, choices={"returned": "off", "approved": "off"})
    assert dict(NoticeChoice.objects.values_list("kind", "mail")) == {"returned": "off", "approved": "off"}
    assert Event.objects.filter(model="notices.noticechoice").count() == 3


def test_the_secret_never_enters_the_history(cast):
    hook = webhook()
    hook.secret = "another-long-secret"
    hook.save()
    events = Event.objects.filter(model="notices.webhook")
    assert events.count() == 2
    assert not any("secret" in (event.before or {}) | event.after for event in events)
