"""`manage.py open_rounds`: opens the rounds whose time has come; run as often as one likes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from indicators.actions import open_due_rounds
from lvyuan.audit.context import acting


class Command(BaseCommand):
    help = "按填报日程开启到期的填报任务（后台任务每10分钟自动运行，重复运行不会重复建立）。"

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        with acting(origin="open_rounds"):
            opened = open_due_rounds()
        if verbosity:
            names = "、".join(str(round) for round in opened)
            self.stdout.write(f"已开启：{names}。" if opened else "没有到期的填报任务。")
