"""Telling people, and what they do about it: reading, choosing, sending again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext
from procrastinate.exceptions import AlreadyEnqueued

from lvyuan.accounts.models import Role, User
from lvyuan.audit.context import action
from lvyuan.notices import tasks
from lvyuan.notices.models import Delivery, Kind, Mailing, Notice, NoticeChoice, Webhook, default_mailing

DIGEST_AT = dt.time(8, 30)  # local
_TITLE_LENGTH = 120

# What a person was told before stays as it was, also when two senders tell it at the same instant.
_TELL = """
    INSERT INTO notices_notice (recipient_id, kind, key, title, text, url, created_at)
    SELECT told.*, %s::timestamptz
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) AS told
    ON CONFLICT (recipient_id, key) DO NOTHING
    RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Message:
    """What one person is to be told. `key` names the event, alike for everybody who is told of it.

    `url` is a path of this site. No figure belongs into `title` or `text`: they leave the house.
    """

    recipient: User
    kind: str
    key: str
    title: str
    text: str
    url: str


def notify(messages: Sequence[Message]) -> list[Notice]:
    """Tells people, and gives the notices that are new: nobody is told of one event twice.

    A fixed number of queries, fit for the inside of an action. Mails and posts are written down with the notices and
    go out after the commit; a queue that refuses is logged, and the next run of the schedule sends them.
    """
    people = {message.recipient.pk: message.recipient for message in messages if message.recipient.is_active}
    wanted = sorted(
        (m.recipient.pk, str(m.kind), m.key, _one_line(m.title), m.text, m.url)
        for m in messages
        if m.recipient.pk in people
    )
    if not wanted:
        return []
    now = timezone.now()
    notices = list(Notice.objects.raw(_TELL, [now, *map(list, zip(*wanted, strict=True))]))
    if not notices:
        return []
    deliveries = [*_mails(notices, people, now), *_posts(notices, now)]
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    if any(delivery.next_try_at <= now for delivery in deliveries):
        transaction.on_commit(_send_soon, robust=True)
    return notices


def _one_line(title: str) -> str:
    title = " ".join(title.split())
    return title if len(title) <= _TITLE_LENGTH else f"{title[: _TITLE_LENGTH - 1]}…"


def _mails(notices: Iterable[Notice], people: Mapping[int, User], now: dt.datetime) -> list[Delivery]:
    if not settings.MAIL_CONFIGURED:
        return []
    chosen = {
        (choice.user_id, choice.kind): choice.mail for choice in NoticeChoice.objects.filter(user__in=people.keys())
    }
    ways = [(n, chosen.get((n.recipient_id, n.kind), default_mailing(n.kind))) for n in notices]
    return [
        Delivery(
            notice=notice,
            key=notice.key,
            channel=Delivery.Channel.MAIL,
            next_try_at=now if mailing == Mailing.AT_ONCE else digest_time(notice.kind, now),
        )
        for notice, mailing in ways
        if mailing != Mailing.OFF and people[notice.recipient_id].email
    ]


def digest_time(kind: str, now: dt.datetime) -> dt.datetime:
    """The next half past eight; at once where tomorrow's digest would come after the day it speaks of."""
    today = timezone.localtime(now).replace(hour=DIGEST_AT.hour, minute=DIGEST_AT.minute, second=0, microsecond=0)
    if now <= today:
        return today
    return now if kind == Kind.DUE_TODAY else today + dt.timedelta(days=1)


def _posts(notices: Iterable[Notice], now: dt.datetime) -> list[Delivery]:
    """One post an event and webhook; an event that was posted for somebody else before is left out by the database."""
    events = {(notice.key, notice.kind): notice for notice in notices}
    return [
        Delivery(notice=notice, key=key, channel=Delivery.Channel.WEBHOOK, webhook=webhook, next_try_at=now)
        for webhook in Webhook.objects.filter(is_active=True, kinds__overlap=[kind for _, kind in events])
        for (key, kind), notice in events.items()
        if kind in webhook.kinds
    ]


def _send_soon() -> None:
    with suppress(AlreadyEnqueued), transaction.atomic():
        tasks.deliver.defer()


@action
def mark_read(*, by: User, notices: Iterable[Notice]) -> int:
    """Marks those of the notices that are `by`'s own and unread; gives how many."""
    own = Notice.objects.visible_to(by).unread().filter(pk__in=[notice.pk for notice in notices])
    return own.update(read_at=timezone.now())


@action
def choose_mailing(*, by: User, choices: Mapping[str, str]) -> None:
    """Keeps how `by` wants each kind by mail; holds for notices from now on."""
    NoticeChoice.objects.bulk_create(
        (NoticeChoice(user=by, kind=kind, mail=mail) for kind, mail in choices.items()),
        update_conflicts=True,
        unique_fields=["user", "kind"],
        update_fields=["mail"],
    )


@action
def send_again(*, by: User, deliveries: Iterable[Delivery]) -> int:
    """Gives failed deliveries another chance; gives how many. Raises PermissionDenied."""
    if not by.has_role(Role.ADMIN):
        raise PermissionDenied(gettext("只有管理员可以重新发送，没有改变任何内容。"))
    failed = Delivery.objects.filter(pk__in=[d.pk for d in deliveries], state=Delivery.State.FAILED)
    transaction.on_commit(_send_soon, robust=True)
    return failed.update(state=Delivery.State.PENDING, attempts=0, next_try_at=timezone.now())
