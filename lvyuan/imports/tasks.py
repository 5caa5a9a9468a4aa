"""Jobs of this app for the worker."""

from __future__ import annotations

from procrastinate.contrib.django import app

from lvyuan.audit.context import acting


@app.task
def work(job: int) -> None:
    """Goes on with an import that is too large to wait for."""
    from lvyuan.imports.actions import work_on
    from lvyuan.imports.models import ImportJob

    with acting(origin="后台任务：导入"):
        work_on(ImportJob.objects.select_related("created_by").get(pk=job))


@app.periodic(cron="40 19 * * *")  # 03:40 in Shanghai
@app.task(queueing_lock="forget_answers")
def forget_answers(timestamp: int) -> None:
    """Removes what was read of files days ago, and what killed processes left half-written."""
    from lvyuan.imports.pipeline import forget_old_answers

    forget_old_answers()
