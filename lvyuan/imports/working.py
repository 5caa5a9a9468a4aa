"""Whether somebody works on a job just now, how far they are, and that nobody else does at the same time.

A session lock of PostgreSQL tells: it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from enum import StrEnum

import psycopg
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.contrib.django.utils import connector_params

from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportConflict, Progress

WORKING, WRITING = 220107, 220108  # lock classes: who works on the job, which transaction writes its rows
PAUSE = 0.5  # seconds between two notes of the progress
STARTING = timedelta(seconds=5)  # from when the worker takes a job until it must hold it


class Activity(StrEnum):
    """What becomes of a job that waits for no person."""

    WORKING = "working"
    QUEUED = "queued"
    INTERRUPTED = "interrupted"


def activity(job: ImportJob) -> Activity | None:
    """What the job is waiting for, None when that is a person; at most two queries."""
    return activities([job]).get(job.pk)


def activities(jobs: Iterable[ImportJob]) -> dict[int, Activity]:
    """The same for many jobs, by their ids, in two queries; those that wait for a person are left out."""
    waiting = {job.pk: job for job in jobs if job.state in (ImportJob.State.READING, ImportJob.State.CONFIRMING)}
    if not waiting:
        return {}
    locks = [queueing_lock(job) for job in waiting.values()]
    just_now = {"procrastinateevent__type": "started", "procrastinateevent__at__gt": timezone.now() - STARTING}
    taken = Q(status="todo") | Q(status="doing", **just_now)
    # Asked before the locks: what the worker takes in between is seen as held, or as just taken.
    queued = set(
        ProcrastinateJob.objects.filter(taken, queueing_lock__in=locks).values_list("queueing_lock", flat=True)
    )
    held = _worked_on(list(waiting))
    return {
        pk: Activity.WORKING
        if pk in held
        else Activity.QUEUED
        if queueing_lock(job) in queued
        else Activity.INTERRUPTED
        for pk, job in waiting.items()
    }


def queueing_lock(job: ImportJob) -> str:
    """What keeps a job from being queued twice."""
    return f"import-{job.pk}"


def is_worked_on(job: ImportJob) -> bool:
    """Whether a living process holds the job."""
    return bool(_worked_on([job.pk]))


def _worked_on(jobs: list[int]) -> set[int]:
    """Which of these jobs a living process holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.objid::bigint FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted"
            " AND l.classid = %s AND l.objid = ANY(%s::oid[]) AND l.objsubid = 2",
            [WORKING, jobs],
        )
        return {found for (found,) in cursor.fetchall()}


@contextmanager
def working(job: ImportJob) -> Iterator[Progress]:
    """Holds the job and gives what tells its progress. Raises ImportConflict when another process holds it."""
    with psycopg.connect(**connector_params(), autocommit=True) as beside:
        row = beside.execute("SELECT pg_try_advisory_lock(%s, %s)", [WORKING, job.pk]).fetchone()
        if not row or not row[0]:
            raise busy()
        # How far it is belongs to no history.
        recording = next(one for one in getattr(ImportJob._meta, "triggers") if one.name == "record_update")  # noqa: B009
        beside.execute(f"SET pgtrigger.ignore = '{{{recording.get_pgid(ImportJob)}}}'")
        told = 0.0

        def progress(done: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told < PAUSE:
                return
            told = now
            beside.execute("UPDATE imports_importjob SET progress = %s WHERE id = %s", [done, job.pk])

        yield progress


def hold(job: ImportJob) -> None:
    """Lets this transaction alone write the job's rows. Raises ImportConflict when another one does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [WRITING, job.pk])
        if not cursor.fetchone()[0]:
            raise busy()


def be_patient() -> None:
    """Lets this transaction's statements take as long as a large file needs."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")


def joining_sets() -> AbstractContextManager[None]:
    """Lets the database join whole tables inside: rows just copied in are in no statistics, they look few to it."""
    return _setting("enable_nestloop", "off", "on")


def hashing_groups() -> AbstractContextManager[None]:
    """Lets the database group by hashing inside: it would sort what looks few to it, text by text, on the disk."""
    return _setting("enable_sort", "off", "on")


def planning_lists() -> AbstractContextManager[None]:
    """Lets the database plan for the very values inside: a plan for any list looks through the list for each row."""
    return _setting("plan_cache_mode", "force_custom_plan", "auto")


@contextmanager
def _setting(name: str, inside: str, after: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL {name} = {inside}")
        yield
        cursor.execute(f"SET LOCAL {name} = {after}")


def busy() -> ImportConflict:
    return ImportConflict(gettext("这次导入正在处理中，请稍候再试，没有改变任何内容。"))
