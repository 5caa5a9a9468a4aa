"""The way out of the house: takes what is due from the outbox and sends it, at least once.

Rows stay locked while they are sent and change in the same transaction: a crash leaves them as they were, and a second
worker passes them by. So a mail may go out twice when the crash comes between the server's yes and our commit, and then
bears the same Message-ID; none is ever lost.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import closing

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from lvyuan.notices.mails import absolute, mail_of
from lvyuan.notices.models import Delivery
from lvyuan.notices.posts import PostError, post, signature

ATTEMPTS = 8  # over 16 hours; then it takes a person
_FIRST_PAUSE, _LONGEST_PAUSE = dt.timedelta(minutes=10), dt.timedelta(hours=6)
_ERROR_LENGTH = 300
logger = logging.getLogger(__name__)


def deliver_due(*, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Sends what is due and gives how many deliveries went out; what fails is tried again later."""
    return _deliver_mails(should_stop) + _deliver_posts(should_stop)


def pause_after(attempts: int) -> dt.timedelta:
    """How long to wait after that many failures: 10, 20, 40 … minutes, at most six hours."""
    return min(_FIRST_PAUSE * (1 << (attempts - 1)), _LONGEST_PAUSE)


def _deliver_mails(should_stop: Callable[[], bool]) -> int:
    due = Delivery.objects.pending().mails().filter(next_try_at__lte=timezone.now())
    people = due.order_by("notice__recipient").values_list("notice__recipient", flat=True).distinct()
    if not settings.MAIL_CONFIGURED or not (waiting := list(people)):
        return 0
    sent = 0
    with closing(get_connection()) as mailer:
        for recipient in waiting:
            if should_stop():
                break
            try:
                mailer.open()
            except OSError as error:  # SMTPException is one
                # The server's fault, not the mails': no attempt is counted.
                logger.warning("邮件服务器 %s 不可用，邮件留待下次发送：%s", settings.EMAIL_HOST, error)
                due.exclude(last_error=_told(error)).update(last_error=_told(error))
                break
            sent += _mail(recipient, mailer)
    return sent


def _mail(recipient: int, mailer: BaseEmailBackend) -> int:
    """Sends one person all that is pending, if anything is due; gives how many deliveries that were."""
    with transaction.atomic():
        _allow_waiting()
        rows = list(
            Delivery.objects.pending()
            .mails()
            .filter(notice__recipient=recipient)
            .select_related("notice__recipient")
            .order_by("notice__created_at", "pk")
            .select_for_update(of=("self",), skip_locked=True)
        )
        if all(row.next_try_at > timezone.now() for row in rows):
            return 0  # another worker was quicker
        person = rows[0].notice.recipient
        if not person.email or not person.is_active:
            gone = Delivery.objects.filter(pk__in=[row.pk for row in rows])
            gone.update(state=Delivery.State.FAILED, last_error="收件人已停用或没有邮箱地址")
            return 0
        try:
            mailer.send_messages([mail_of(rows, mailer)])
        except (OSError, ValueError) as error:
            mailer.close()  # whatever state the conversation is in, the next person starts a new one
            _put_off(rows, _told(error))
            return 0
        return _sent(rows)


def _deliver_posts(should_stop: Callable[[], bool]) -> int:
    due = Delivery.objects.pending().posts().filter(next_try_at__lte=timezone.now())
    due.filter(webhook__is_active=False).update(state=Delivery.State.FAILED, last_error="外部推送已停用")
    sent = 0
    silent: set[int] = set()
    for webhook, pk in list(due.order_by("webhook", "pk").values_list("webhook", "pk")):
        if should_stop():
            break
        if webhook in silent:  # one failure a run: a dead address must not hold up the others
            continue
        with transaction.atomic():
            _allow_waiting()
            waiting = Delivery.objects.pending().filter(pk=pk).select_related("notice", "webhook")
            row = waiting.select_for_update(of=("self",), skip_locked=True).first()
            if row and _post(row):
                sent += 1
            else:
                silent.add(webhook)
    return sent


def _post(row: Delivery) -> bool:
    """Sends one event to its webhook; False when it was put off."""
    webhook, notice = row.webhook, row.notice
    assert webhook is not None, "a check constraint"
    said = {"kind": notice.kind, "title": notice.title, "text": notice.text, "url": absolute(notice.url)}
    body = json.dumps(said, ensure_ascii=False).encode()
    timestamp = str(int(timezone.now().timestamp()))
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "lvyuan",
        "X-Lvyuan-Delivery": str(row.pk),
        "X-Lvyuan-Timestamp": timestamp,
        "X-Lvyuan-Signature": signature(webhook.secret, timestamp, body),
    }
    try:
        post(webhook.url, body, headers)
    except PostError as error:
        _put_off([row], _told(error))
        return False
    _sent([row])
    return True


def _allow_waiting() -> None:
    """Lets this transaction wait for a slow server for longer than a page may."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")


def _sent(rows: Sequence[Delivery]) -> int:
    now = timezone.now()
    return Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=Delivery.State.SENT, sent_at=now, attempts=F("attempts") + 1, last_error=""
    )


def _put_off(rows: Sequence[Delivery], error: str) -> None:
    now = timezone.now()
    for row in rows:
        row.attempts += 1
        row.last_error = error
        row.next_try_at = now + pause_after(row.attempts)
        if row.attempts >= ATTEMPTS:
            row.state = Delivery.State.FAILED
    Delivery.objects.bulk_update(rows, ["attempts", "last_error", "next_try_at", "state"])
    logger.warning("%s：第 %d 次没有发出：%s", rows[0], rows[0].attempts, error)


def _told(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:_ERROR_LENGTH]
