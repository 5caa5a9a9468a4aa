"""`manage.py send_reminders`: tells who is due or late; as often as one likes, the worker does every ten minutes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from indicators.reminders import send_reminders
from lvyuan.audit.context import acting


class Command(BaseCommand):
    help = "发送到期提醒：提前3天、当天、逾期次日各一次；重复运行不会重复提醒"

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        with acting(origin="send_reminders"):
            notices = send_reminders(now=timezone.now())
        if verbosity:
            self.stdout.write(f"新提醒 {len(notices)} 条。")
