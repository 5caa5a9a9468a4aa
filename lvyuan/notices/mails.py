"""One mail for all that a person is to be told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from lvyuan.notices.models import Delivery

SITE_NAME = "绿园区重点指标跟踪"
# Nobody's holiday answer comes back (RFC 3834).
_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def mail_of(deliveries: Sequence[Delivery], connection: BaseEmailBackend | None = None) -> EmailMessage:
    """The mail of one person's deliveries, which come with notice and recipient; plain text, links absolute.

    The same deliveries always make the same Message-ID, by which a mail server knows a repetition.
    """
    notices = [delivery.notice for delivery in deliveries]
    recipient = notices[0].recipient
    count = f"{len(notices)}条通知：" if len(notices) > 1 else ""
    return EmailMessage(
        subject=f"{count}{notices[0].title}",
        body="\n\n".join(
            [
                f"{recipient}，您好：",
                *(
                    "\n".join(filter(None, (f"【{n.get_kind_display()}】{n.title}", n.text, absolute(n.url))))
                    for n in notices
                ),
                f"全部通知：{absolute(reverse('notices:notice-list'))}\n"
                f"邮件设置：{absolute(reverse('notices:notice-choices'))}",
                f"{SITE_NAME}（系统自动发送，请勿回复）\n",
            ]
        ),
        to=[recipient.email],
        headers={**_HEADERS, "Message-ID": message_id([delivery.pk for delivery in deliveries])},
        connection=connection,
    )


def message_id(deliveries: Sequence[int]) -> str:
    digest = hashlib.sha256(repr(sorted(deliveries)).encode()).hexdigest()[:32]
    return f"<notices.{digest}@{urlsplit(settings.SITE_URL).hostname}>"


def absolute(path: str) -> str:
    """The address of a page of this site, for readers outside of it."""
    return f"{settings.SITE_URL}{path}"
