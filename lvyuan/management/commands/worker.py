"""`manage.py worker`: does the background jobs and keeps their schedule."""

import asyncio

from django.core.management.base import BaseCommand
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.psycopg_connector import PsycopgConnector

_GRACE = 5  # seconds for a running job to come to an end by itself, then it is asked to
_POLLING = 60  # seconds; PostgreSQL tells of new jobs at once, this is for a notification that was lost


class Command(BaseCommand):
    """Work until SIGINT or SIGTERM; ends by itself when the database is gone, to be started anew."""

    help = "运行后台任务和定时任务：开启填报、发送提醒、外发邮件和推送（Ctrl-C 停止）"
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        # Two connections of the queue's own, one that listens, and the jobs' one from Django's pool.
        connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=2)
        with app.replace_connector(connector) as worker:
            asyncio.run(_work(worker))


async def _work(worker) -> None:
    async with worker.open_async():
        await worker.run_worker_async(fetch_job_polling_interval=_POLLING, shutdown_graceful_timeout=_GRACE)
