"""The worker as a process: with the pages' rights only, told of jobs at once, killed in the middle of a mail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import psycopg
import pytest

from tests.notices.smtp import MailServer, mail_server
from tests.serving import NOT_FOR_SERVERS, ROOT, free_port, running, scratch_database, scratch_folder

TELL = """
import django; django.setup()
from lvyuan.accounts.models import District, User
from lvyuan.notices.actions import Message, notify
person, _ = User.objects.get_or_create(username="p", role="leader", email="p@example.gov.cn")
notify([Message(person, "returned", {key!r}, "已退回", "请补充。", "/rounds/")])
"""
SESSIONS = "SELECT usename FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
LATE = """
import django; django.setup()
import datetime as dt
from django.utils import timezone
from indicators.models import Round, Submission
from lvyuan.accounts.models import Department, District, User
district = District.objects.create(code="220106", name="绿园区", short_name="绿园")
department = Department.objects.create(code="gxj", name="工信局", short_name="工信局", district=district)
User.objects.create(username="s", role="staff", email="s@example.gov.cn", department=department)
now, day = timezone.now(), dt.timedelta(days=1)
round = Round.objects.create(district=district, code="r", month=dt.date(2026, 10, 31), opens_at=now - 9 * day,
                             due_at=now - 2 * day, closes_at=now + day)
Submission.objects.create(round=round, department=department)
"""
# Without what `serve` prepares first: the database is ready, and no page is looked at.
SERVE = """
import django; django.setup()
from lvyuan.management.commands.serve import Command
Command()._serve("127.0.0.1", {port})
"""
DELIVER = "import django; django.setup(); from lvyuan.notices.delivery import deliver_due; print(deliver_due())"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What the commands of one migrated database are started with; they connect as the pages' role."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_FOR_SERVERS}
    with scratch_database() as urls, scratch_folder() as folder:
        made = {**kept, **urls, "DATA_DIR": folder, "LOCAL_ACCOUNTS": "1"}
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=made, check=True)
        yield made


@pytest.fixture
def mailbox() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def env(environment: dict[str, str], mailbox: MailServer) -> dict[str, str]:
    mail = {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mailbox.port), "DEFAULT_FROM_EMAIL": "kpi@example.gov.cn"}
    return environment | mail


def python(program: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def run(program: str, env: dict[str, str]) -> str:
    process = python(program, env)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.strip()


@contextmanager
def worker(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def query(env: dict[str, str], sql: str) -> list[tuple]:
    with psycopg.connect(env["DATABASE_OWNER_URL"]) as owner:
        return owner.execute(sql).fetchall()


def until(true: Callable[[], object], patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "等不到"
        time.sleep(0.05)


def test_a_worker_does_the_schedule_and_what_it_is_told_of(env, mailbox):
    with worker(env) as process:
        ended = "SELECT task_name FROM procrastinate_jobs WHERE status = 'succeeded'"
        until(lambda: len(query(env, ended)) >= 3)  # the latest ten minutes are made up for
        assert {name.rpartition(".")[2] for (name,) in query(env, ended)} == {
            "open_rounds",
            "send_reminders",
            "deliver",
        }
        run(TELL.format(key="live"), env)
        until(lambda: mailbox.mails, patience=10)
        assert {role for (role,) in query(env, SESSIONS)} == {"lvyuan_app"}
        process.terminate()
        assert process.wait(10) == 0
    assert query(env, "SELECT count(*) FROM procrastinate_workers") == [(0,)]
    assert query(env, "SELECT status FROM procrastinate_jobs WHERE status <> 'succeeded'") == []
    assert len(mailbox.mails) == 1


def test_a_reminder_that_goes_at_once_is_mailed_by_the_run_that_makes_it(env, mailbox):
    run(LATE, env)
    with psycopg.connect(env["DATABASE_OWNER_URL"]) as owner:  # as if the latest ten minutes had not been worked
        owner.execute("TRUNCATE procrastinate_jobs, procrastinate_periodic_defers, procrastinate_events")
    with worker(env):
        until(lambda: mailbox.mails, patience=10)
        # the mail is here before the worker has noted it; killed in between, it would send it again
        until(lambda: query(env, "SELECT state FROM notices_delivery WHERE state = 'pending'") == [])
    assert "已逾期2天" in mailbox.mails[0]["Subject"]
    told = "SELECT origin FROM audit_event WHERE model = 'notices.notice' AND after->>'kind' = 'overdue'"
    assert query(env, told) == [("后台任务：到期提醒",)]
    # not the schedule's own job, which bears its time
    assert query(env, "SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%deliver' AND args = '{}'") == [
        (1,)
    ]


def test_a_process_killed_in_the_middle_of_a_mail_loses_none(env, mailbox):
    """Killed before the mail server's yes: the next run sends it, and it is the only one."""
    run(TELL.format(key="killed"), env)
    victim: list[subprocess.Popen[str]] = []

    def kill() -> None:
        victim[0].kill()
        victim[0].wait()
        raise ConnectionResetError  # the conversation is over, the mail was not accepted

    mailbox.before_accepting = kill
    mailbox.handle_error = lambda *args: None  # type: ignore[method-assign]
    victim.append(python(DELIVER, env))
    victim[0].communicate(timeout=60)
    assert victim[0].returncode == -9
    assert mailbox.mails == []
    pending = "SELECT attempts FROM notices_delivery WHERE state = 'pending'"
    assert query(env, pending) == [(0,)]

    mailbox.before_accepting = lambda: None
    until(lambda: query(env, SESSIONS) == [])
    assert run(DELIVER, env) == "1"
    assert run(DELIVER, env) == "0"
    assert len(mailbox.mails) == 1


def test_a_process_killed_after_the_yes_repeats_itself_recognisably(env, mailbox):
    run(TELL.format(key="repeated"), env)
    victim: list[subprocess.Popen[str]] = []
    mailbox.before_accepting = lambda: (victim[0].kill(), victim[0].wait())
    victim.append(python(DELIVER, env))
    victim[0].communicate(timeout=60)
    mailbox.before_accepting = lambda: None
    until(lambda: len(mailbox.mails) == 1)
    until(lambda: query(env, SESSIONS) == [])
    assert run(DELIVER, env) == "1"
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_two_at_once_send_one_mail(env, mailbox):
    """While one process is sending, another passes the locked rows by."""
    run(TELL.format(key="shared"), env)
    seen: list[str] = []
    mailbox.before_accepting = lambda: seen.append(run(DELIVER, env)) if not seen else None
    assert run(DELIVER, env) == "1"
    assert seen == ["0"]
    assert len(mailbox.mails) == 1


def children(process: psutil.Process, *words: str) -> list[psutil.Process]:
    """Living descendants that were started with these words."""
    found = []
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # ended, or a zombie by now
            # granian may have written its words anew, as one (setproctitle)
            found += [child] if set(words) <= set(" ".join(child.cmdline()).split()) else []
    return found


def test_serve_keeps_a_worker_and_takes_it_along(env):
    """`manage.py serve` starts one beside the pages, replaces one that died, and leaves nothing behind on kill -9."""
    port = free_port()
    with running([sys.executable, "-c", SERVE.format(port=port)], env, port) as process:
        serve = psutil.Process(process.pid)
        until(lambda: children(serve, "manage.py", "worker"))
        children(serve, "manage.py", "worker")[0].kill()
        until(lambda: not children(serve, "manage.py", "worker"))
        until(lambda: children(serve, "manage.py", "worker"))
        assert children(serve, "granian")
        started = serve.children(recursive=True)
        serve.kill()
        _, alive = psutil.wait_procs(started, timeout=15)
        assert (len(started) >= 3, alive) == (True, [])


def test_cleaning_up_removes_what_ended_and_what_a_dead_worker_left(env):
    with psycopg.connect(env["DATABASE_OWNER_URL"]) as owner:
        owner.execute("TRUNCATE procrastinate_jobs, procrastinate_periodic_defers, procrastinate_events")
        for status, hours in (("succeeded", 25), ("succeeded", 1), ("failed", 25), ("failed", 24 * 15), ("doing", 1)):
            ((job,),) = owner.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('q', %s, %s) RETURNING id",
                [f"{status}-{hours}", status],
            ).fetchall()
            owner.execute("DELETE FROM procrastinate_events WHERE job_id = %s", [job])
            owner.execute(
                "INSERT INTO procrastinate_events (job_id, at) VALUES (%s, now() - make_interval(hours => %s))",
                [job, hours],
            )
        owner.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            " VALUES ('default', 'lvyuan.notices.tasks.clean_up', '{\"timestamp\": 0}')"
        )
    with worker(env):
        until(
            lambda: query(
                env, "SELECT 1 FROM procrastinate_jobs WHERE task_name LIKE '%clean_up' AND status = 'succeeded'"
            )
        )
    left = query(env, "SELECT task_name FROM procrastinate_jobs WHERE queue_name = 'q' ORDER BY id")
    assert left == [("succeeded-1",), ("failed-25",)]
