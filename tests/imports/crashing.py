"""`python -m tests.imports.crashing [--moments 50] [--rows 100000]`: kills imports at random moments.

A process stages a file and confirms it, as the worker and the web process do; at a random moment it is killed, or its
connection is ended, or the database's process behind it is killed. Each time all of the step is there or nothing of it,
the job says which, and the history has an event for each row that was written and none for others. The database is one
of its own, for killing a process of it stops all its connections.
"""

from __future__ import annotations

import argparse
import atexit
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from lvyuan import embedded

ROOT = Path(__file__).resolve().parents[2]
MONTHS, DISTRICTS = range(2, 13), 60
PATIENCE = 60  # seconds for the database to come back


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work)
        return
    random.seed(given.seed)
    with prepared(given.rows) as folder:
        crash(given.moments, given.rows, folder)


# The process that is killed


def work(pk: int) -> None:
    """Goes on with a job, as the worker does; says when it begins."""
    import django

    django.setup()
    from lvyuan.imports.tasks import work as task

    print("begun", flush=True)
    task.func(pk)


# The database


@contextmanager
def prepared(rows: int) -> Iterator[Path]:
    """Django of this process on a database of its own, with the article, and what the files speak about."""
    folder = Path(tempfile.mkdtemp(prefix="lv-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after the server has stopped
    for variable in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PATIENT"):
        os.environ.pop(variable, None)
    os.environ |= {"DATA_DIR": str(folder), "LVYUAN_PG_FAST": "1", "DJANGO_SETTINGS_MODULE": "lvyuan.settings"}
    os.environ |= {"LOCAL_ACCOUNTS": "1", "LOCAL_PASSWORD": "lvyuan-local"}
    embedded.ensure(data_dir=folder)
    for command in (["migrate", "--noinput", "-v0"], ["load_fixtures", "-v0"], ["local_accounts", "-v0"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    import django

    django.setup()
    from lvyuan.accounts.models import District
    from tests.indicators.factories import many_indicators

    many_indicators(-(-rows // (DISTRICTS * len(MONTHS))), prefix="crash")
    District.objects.bulk_create(
        District(code=f"33{n:04d}", name=f"测试区{n}", short_name=f"测{n}", level=District.Level.OTHER)
        for n in range(DISTRICTS)
    )
    yield folder


def figures_file(folder: Path, rows: int, year: int) -> Path:
    """A CSV of that many figures of one year; each year's are others."""
    path = folder / f"{year}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("指标,区划,时期,数值,同比增长\n")
        for n in range(rows):
            rest, month = divmod(n, len(MONTHS))
            indicator, district = divmod(rest, DISTRICTS)
            month += MONTHS.start
            file.write(f"crash-{indicator},33{district:04d},{year}年1—{month}月,{100 * month}.5,{month}.5\n")
    return path


# Killing


def crash(moments: int, rows: int, folder: Path) -> None:
    """Half of the moments while a file is staged, half while it is confirmed; raises AssertionError."""
    from lvyuan.imports.models import ImportJob

    state, told = ImportJob.State, Counter[str]()
    year, job = 2020, received(figures_file(folder, rows, 2020))
    stage_time = run_through(job)
    again(job, state.READING)
    done = 0
    while done < moments // 2:
        step(job, stage_time, told)
        check_staged(job, rows)
        done += 1
        if job.state == state.PREVIEWED:
            again(job, state.READING)
    run_through(job)
    again(job, state.CONFIRMING)
    commit_time = run_through(job)
    check_confirmed(job, rows)
    while done < moments:
        if job.state == state.CONFIRMED:
            year += 1
            job = received(figures_file(folder, rows, year))
            run_through(job)
            again(job, state.CONFIRMING)
        step(job, commit_time, told)
        check_confirmed(job, rows)
        done += 1
    print(f"{moments} moments, {rows} rows, staging {stage_time:.1f} s, confirming {commit_time:.1f} s")
    print("; ".join(f"{what} {count}" for what, count in sorted(told.items())))


def received(path: Path) -> Any:
    """A job of that file, left to the worker."""
    from lvyuan.accounts.models import User
    from lvyuan.imports import actions, pipeline

    with pipeline.received_path(path) as file:
        admin = User.objects.get(username="admin")
        job, _ = actions.take_file(by=admin, file=file, kind="observations", at_once=False)
    return job


def again(job: Any, state: str) -> None:
    """Puts the job back before a step, as its buttons do."""
    job.state = state
    job.save(update_fields=["state"])


def run_through(job: Any) -> float:
    """Lets the step end; gives the seconds it took."""
    process = begun(job)
    started = time.monotonic()
    assert process.wait() == 0
    job.refresh_from_db()
    return time.monotonic() - started


def begun(job: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.imports.crashing", "--work", str(job.pk)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    return process


def step(job: Any, seconds: float, told: Counter[str]) -> None:
    """Begins the step, kills it at a random moment, and waits until the database answers."""
    how = random.choice(sorted(WAYS))  # noqa: S311 - moments, not secrets
    before = job.state
    process = begun(job)
    time.sleep(random.uniform(0, seconds))  # noqa: S311
    WAYS[how](process)
    process.kill() if how != "process" else None
    process.wait()
    refreshed(job)
    told[f"{how}: {before} → {job.state}"] += 1


def _kill_process(process: subprocess.Popen[bytes]) -> None:
    process.kill()


def _end_connections(process: subprocess.Popen[bytes]) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as beside:
        beside.execute(f"SELECT pg_terminate_backend(pid) {_BACKENDS}")
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)


def _kill_backends(process: subprocess.Popen[bytes]) -> None:
    from django.db import connections

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as beside:
        pids = [pid for (pid,) in beside.execute(f"SELECT pid {_BACKENDS}")]
    connections.close_all()
    for pid in pids[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)


# Those of the killed process: this one's own are of the same role, but older than it.
_BACKENDS = """
    FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
    AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
"""
WAYS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "process": _kill_process,
    "connection": _end_connections,
    "backend": _kill_backends,
}


def refreshed(job: Any) -> None:
    """The job as it is, as soon as the database answers and nothing of the killed process is left in it."""
    from django.db import InterfaceError, OperationalError, connections

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connections.close_all()
            job.refresh_from_db()
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as beside:
                left = beside.execute(f"SELECT count(*) {_BACKENDS}").fetchone()
            if left == (0,):
                job.refresh_from_db()
                return
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            pass
        assert time.monotonic() < deadline, "the database does not come back"
        time.sleep(0.1)


# What must be true


def check_staged(job: Any, rows: int) -> None:
    from indicators.models import StagedFigure
    from lvyuan.imports.working import activity

    found = StagedFigure.objects.filter(job=job).count()
    if job.state == "reading":
        assert activity(job) in ("interrupted", "queued"), activity(job)
        assert found in (0, rows), found  # of the staging before
    else:
        assert (job.state, found, sum(job.preview["counts"].values())) == ("previewed", rows, rows)


def check_confirmed(job: Any, rows: int) -> None:
    from django.db import connection

    from indicators.models import Entry, Submission, Transition

    submissions = list(Submission.objects.filter(import_job=job))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_event WHERE model = 'indicators.entry' AND operation = 'insert'")
        (events,) = cursor.fetchone()
    assert events == Entry.objects.count()
    if job.state == "confirming":
        assert not submissions
        assert job.confirmed_at is None
        return
    assert (job.state, len(submissions), submissions[0].state) == ("confirmed", 1, "submitted"), job.refusal
    assert Entry.objects.filter(submission=submissions[0]).count() == rows
    assert Transition.objects.filter(submission=submissions[0]).count() == 1


if __name__ == "__main__":
    main()
