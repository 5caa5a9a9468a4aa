"""Jobs of this app for the worker. Crons count in UTC: the queue knows no other clock."""

from __future__ import annotations

from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from lvyuan.audit.context import acting

FINISHED_KEPT, FAILED_KEPT = 24, 24 * 14  # hours


# One waiting job is enough: it sends all that is due when it starts.
@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="deliver", pass_context=True)
def deliver(context: JobContext, timestamp: int | None = None) -> int:
    """Sends mails and posts that are due; what fails stays for the next run."""
    from lvyuan.notices.delivery import deliver_due

    with acting(origin="后台任务：外发通知"):
        return deliver_due(should_stop=context.should_abort)


@app.periodic(cron="20 19 * * *")  # 03:20 in Shanghai
@app.task(queueing_lock="clean_up", pass_context=True)
async def clean_up(context: JobContext, timestamp: int) -> None:
    """Removes jobs that ended, and those whose worker died; what they left undone the next run did."""
    jobs = context.app.job_manager
    await jobs.delete_old_jobs(nb_hours=FINISHED_KEPT, include_cancelled=True, include_aborted=True)
    await jobs.delete_old_jobs(nb_hours=FAILED_KEPT, include_failed=True)
    for job in await jobs.get_stalled_jobs():
        await jobs.finish_job(job, status=Status.FAILED, delete_job=True)
