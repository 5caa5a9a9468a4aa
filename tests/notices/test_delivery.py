"""Mails and posts as they leave: grouped, signed, retried, and never lost."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parseaddr

import pytest
from django.core.mail import EmailMessage

from lvyuan.audit.models import Event
from lvyuan.notices import delivery
from lvyuan.notices.actions import notify, send_again
from lvyuan.notices.delivery import ATTEMPTS, deliver_due, pause_after
from lvyuan.notices.models import Delivery, Kind, Webhook
from lvyuan.notices.posts import PostError, post, signature
from tests.notices.conftest import message

pytestmark = pytest.mark.django_db
SECRET = "0123456789abcdef"


# Mail


def test_one_mail_holds_all_that_is_due(people, mailbox, clock):
    notify(
        [message(people.staff), message(people.staff, key="event-2", title="八月报送已退回", url="/rounds/2023-08/")]
    )
    notify([message(people.staff2)])
    assert deliver_due() == 3
    assert len(mailbox.mails) == 2
    (mail,) = mailbox.mails_to("t-staff@example.gov.cn")
    assert mail["Subject"] == "2条通知：七月报送已退回"
    assert mail["From"] == "kpi@example.gov.cn"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content()
    for part in (
        "T-Staff，您好",
        "【已退回】七月报送已退回\n请补充来源。\nhttps://kpi.example.gov.cn/rounds/\n",
        "https://kpi.example.gov.cn/rounds/2023-08/\n",
        "https://kpi.example.gov.cn/notices/\n",
        "https://kpi.example.gov.cn/notices/choices/\n",
    ):
        assert part in text
    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert deliver_due() == 0
    assert len(mailbox.mails) == 2


def test_a_digest_waits_for_half_past_eight(people, mailbox, clock):
    clock.to("2026-11-23 10:00")
    notify([message(people.staff, "approved"), message(people.staff, "submitted", "event-2")])
    clock.to("2026-11-24 08:29")
    assert deliver_due() == 0
    clock.to("2026-11-24 08:30")
    assert deliver_due() == 2
    assert len(mailbox.mails) == 1


def test_a_digest_goes_along_with_what_goes_at_once(people, mailbox, clock):
    notify([message(people.staff, "approved"), message(people.staff2, "approved")])
    notify([message(people.staff, "chased", "event-2")])
    assert deliver_due() == 2
    assert [mail["To"] for mail in mailbox.mails] == ["t-staff@example.gov.cn"]


def test_the_same_deliveries_bear_the_same_message_id(people, mailbox, clock):
    notify([message(people.staff)])
    deliver_due()
    Delivery.objects.update(state="pending", sent_at=None)
    deliver_due()
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].endswith("@kpi.example.gov.cn>")
    notify([message(people.staff, key="event-2")])
    deliver_due()
    assert mailbox.mails[2]["Message-ID"] != first["Message-ID"]


def test_no_header_can_be_smuggled_in(people, mailbox, clock):
    people.staff.name = "张三\nBcc: x@evil.example"
    people.staff.save(update_fields=["name"])
    notify([message(people.staff, title="退回\nBcc: y@evil.example", text="正文\n.\nBcc: z@evil.example")])
    deliver_due()
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "退回 Bcc: y@evil.example"
    assert parseaddr(mail["To"])[1] == "t-staff@example.gov.cn"


def test_an_address_that_is_none_is_put_off_not_sent(people, mailbox, clock):
    notify([message(people.staff), message(people.staff2)])
    type(people.staff).objects.filter(pk=people.staff.pk).update(email="a@example.gov.cn\nBcc: x@evil.example")
    assert deliver_due() == 1
    assert [mail["To"] for mail in mailbox.mails] == ["t-staff2@example.gov.cn"]
    assert Delivery.objects.pending().get().attempts == 1


def test_a_refused_recipient_is_tried_again_later_and_holds_up_nobody(people, mailbox, clock):
    refused = {"t-staff@example.gov.cn"}
    mailbox.refuse = lambda recipient: "451 later" if recipient in refused else ""
    notify([message(people.staff), message(people.staff2)])
    assert deliver_due() == 1
    waiting = Delivery.objects.pending().get()
    assert (waiting.attempts, "later" in waiting.last_error) == (1, True)
    assert deliver_due() == 0  # not before its pause is over
    refused.clear()
    clock.later(minutes=10)
    assert deliver_due() == 1
    assert Delivery.objects.filter(state="sent", last_error="").count() == 2


def test_after_many_attempts_an_admin_is_needed(people, mailbox, clock):
    mailbox.refuse = lambda recipient: "550 no such user"
    notify([message(people.staff)])
    started = clock.now
    for _ in range(ATTEMPTS + 2):
        deliver_due()
        clock.later(hours=6)
    failed = Delivery.objects.get()
    assert (failed.state, failed.attempts) == ("failed", ATTEMPTS)
    assert (
        sum((pause_after(n).total_seconds() for n in range(1, ATTEMPTS)), 0.0) < (clock.now - started).total_seconds()
    )
    mailbox.refuse = lambda recipient: ""
    assert send_again(by=people.admin, deliveries=[failed]) == 1
    assert deliver_due() == 1


def test_a_dead_mail_server_costs_no_attempts(people, mailbox, clock, settings, caplog):
    with socket.socket() as taken:  # bound, not listening
        taken.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = taken.getsockname()[1]
        notify([message(people.staff), message(people.staff2)])
        assert deliver_due() == 0
    assert "邮件服务器 127.0.0.1 不可用" in caplog.text
    assert list(Delivery.objects.pending().values_list("attempts", flat=True)) == [0, 0]
    assert not Delivery.objects.filter(last_error="").exists()
    settings.EMAIL_PORT = mailbox.port
    assert deliver_due() == 2


def test_a_crash_leaves_everything_as_it_was(people, mailbox, clock, monkeypatch):
    notify([message(people.staff), message(people.staff2)])

    class PowerCut(BaseException):
        pass

    def die(mail, *args):
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "message", die)
        with pytest.raises(PowerCut):
            deliver_due()
    assert set(Delivery.objects.values_list("state", "attempts", "last_error")) == {("pending", 0, "")}
    assert deliver_due() == 2


def test_who_lost_address_or_account_meanwhile_gets_no_mail(people, mailbox, clock):
    notify([message(people.staff), message(people.staff2)])
    people.staff.email = ""
    people.staff.save(update_fields=["email"])
    people.staff2.is_active = False
    people.staff2.save(update_fields=["is_active"])
    assert deliver_due() == 0
    assert mailbox.mails == []
    assert set(Delivery.objects.values_list("state", flat=True)) == {"failed"}


def test_a_worker_that_must_stop_stops_between_people(people, mailbox, clock):
    notify([message(people.staff), message(people.staff2)])
    assert deliver_due(should_stop=lambda: bool(mailbox.mails)) == 1
    assert Delivery.objects.pending().count() == 1


def test_without_a_mail_server_planned_mails_wait(people, mailbox, clock, settings):
    notify([message(people.staff)])
    settings.MAIL_CONFIGURED = False
    assert deliver_due() == 0
    settings.MAIL_CONFIGURED = True
    assert deliver_due() == 1


# Posts


class Receiver(http.server.ThreadingHTTPServer):
    """Answers with `status` and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.posts = 200, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks?room=1"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


@contextmanager
def listening(server: http.server.ThreadingHTTPServer) -> Iterator[Receiver]:
    with server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.SITE_URL = "https://kpi.example.gov.cn"
    with listening(Receiver()) as server:
        Webhook.objects.create(name="政务通", url=server.url, secret=SECRET, kinds=[Kind.RETURNED])
        yield server


def test_a_post_is_signed_and_says_only_what_the_notice_says(cast, receiver, clock):
    notify([message(cast.staff), message(cast.staff2), message(cast.staff, "approved", "event-2")])
    assert deliver_due() == 1
    ((path, headers, body),) = receiver.posts
    assert path == "/hooks?room=1"
    assert json.loads(body) == {
        "kind": "returned",
        "title": "七月报送已退回",
        "text": "请补充来源。",
        "url": "https://kpi.example.gov.cn/rounds/",
    }
    assert headers["X-Lvyuan-Timestamp"] == str(int(clock.now.timestamp()))
    assert headers["X-Lvyuan-Signature"] == signature(SECRET, headers["X-Lvyuan-Timestamp"], body)
    assert headers["X-Lvyuan-Delivery"] == str(Delivery.objects.get().pk)
    assert Delivery.objects.get().state == "sent"


def test_signature_by_hand():
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
    expected = "sha256=e4f8e2ecae2295b2ddb2f0b5584c8275e226c0ebe9b3b819e70156bb67122e3e"
    assert signature(SECRET, "1700000000", b"{}") == expected


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_2xx_is_an_arrival_and_no_redirect_is_followed(cast, receiver, clock, status):
    receiver.status = status
    notify([message(cast.staff), message(cast.staff, key="event-2")])
    assert deliver_due() == 0
    assert len(receiver.posts) == 1  # one failure a run
    assert f"HTTP {status}" in Delivery.objects.order_by("pk").first().last_error
    receiver.status = 204
    clock.later(minutes=10)
    assert deliver_due() == 2


def test_a_webhook_switched_off_is_sent_nothing(cast, receiver, clock):
    notify([message(cast.staff)])
    Webhook.objects.update(is_active=False)
    assert deliver_due() == 0
    assert receiver.posts == []
    assert Delivery.objects.get().state == "failed"


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "http:///x", "http://127.0.0.1:1/", "http://127.0.0.1:x/", "//a/"]
)
def test_an_address_that_cannot_be_reached_is_an_error_for_admins(url):
    with pytest.raises(PostError, match="无法送达"):
        post(url, b"{}", {})


def test_whoever_answers_by_drops_is_hung_up_on():
    """A byte every 50 ms: no single read ever takes long."""
    done = threading.Event()

    def drip(listener: socket.socket) -> None:
        conversation, _ = listener.accept()
        with conversation:
            conversation.sendall(b"HTTP/1.1 200 ")
            while not done.wait(0.05):
                try:
                    conversation.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=[listener])
        thread.start()
        started = time.monotonic()
        with pytest.raises(PostError):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, patience=0.5)
        assert time.monotonic() - started < 3
        done.set()
        thread.join()


def test_history_says_that_the_worker_sent_it(people, mailbox, clock):
    from lvyuan.notices.tasks import deliver

    class Context:
        def should_abort(self) -> bool:
            return False

    notify([message(people.staff)])
    assert deliver.func(Context()) == 1
    event = Event.objects.filter(model="notices.delivery", operation="update").first()
    assert event.origin == "后台任务：外发通知"
    assert delivery.logger.name == "lvyuan.notices.delivery"
