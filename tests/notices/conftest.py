from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone

from lvyuan.accounts.models import User
from lvyuan.notices.actions import Message
from tests.notices.smtp import MailServer, mail_server


class Clock:
    """Django's time, in this test's hands."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def to(self, text: str) -> None:
        """`clock.to("2026-12-02 08:30")`, local time."""
        self.now = local(text)

    def later(self, **span: float) -> None:
        self.now += dt.timedelta(**span)


def local(text: str) -> dt.datetime:
    return timezone.make_aware(dt.datetime.fromisoformat(text))


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock(local("2026-11-23 10:00"))
    monkeypatch.setattr("django.utils.timezone.now", made)
    return made


@pytest.fixture
def mailbox(settings) -> Iterator[MailServer]:
    """A mail server that the site sends through."""
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.DEFAULT_FROM_EMAIL = "kpi@example.gov.cn"
        settings.SITE_URL = "https://kpi.example.gov.cn"
        settings.MAIL_CONFIGURED = True
        yield server


@pytest.fixture
def people(cast):
    """The cast, with addresses."""
    for person in vars(cast).values():
        person.email = f"{person.username}@example.gov.cn"
        person.save(update_fields=["email"])
    return cast


def message(recipient: User, kind: str = "returned", key: str = "event-1", **said: str) -> Message:
    return Message(
        recipient, kind, key, **({"title": "七月报送已退回", "text": "请补充来源。", "url": "/rounds/"} | said)
    )
