"""Jobs of this app for the worker. Crons count in UTC: the queue knows no other clock."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from lvyuan.audit.context import acting


# Before the reminders of the same minute, which speak of the rounds it opens.
@app.periodic(cron="*/10 * * * *", priority=1)
@app.task(queueing_lock="open_rounds")
def open_rounds(timestamp: int) -> None:
    """Opens the rounds whose time has come."""
    from indicators.actions import open_due_rounds

    with acting(origin="后台任务：开启填报"):
        open_due_rounds(now=timezone.now())


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="send_reminders")
def send_reminders(timestamp: int) -> None:
    """Reminds of forms that are due; what was told before is not told again."""
    from indicators import reminders

    with acting(origin="后台任务：到期提醒"):
        reminders.send_reminders(now=timezone.now())
