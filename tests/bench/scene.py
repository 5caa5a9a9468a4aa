"""What measures share: the served applications, sessions, and what their processes use."""

from __future__ import annotations

import http.cookiejar
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property

import psutil
import psycopg

from tests import serving
from tests.bench import growing
from tests.bench.lines import Line

Measure = Callable[["Scene"], Iterator[Line]]
MEASURES: dict[str, tuple[str, Measure]] = {}


def measure(title: str) -> Callable[[Measure], Measure]:
    """Registers a function of that name; they run in the order they stand in, and each alone too."""

    def register(function: Measure) -> Measure:
        MEASURES[function.__name__] = (title, function)
        return function

    return register


class Scene:
    """One application with the article's data, one with the demo data, one with a hundredfold of that.

    Django is set up in this process on the first one's database, as the owner of the tables; served pages connect as
    their own role.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack

    @cached_property
    def data(self) -> str:
        """A data folder; empty until something is served from it."""
        return self.stack.enter_context(serving.scratch_folder())

    @cached_property
    def database(self) -> dict[str, str]:
        """A database; empty until something is loaded or served."""
        return self.stack.enter_context(serving.scratch_database())

    @cached_property
    def app(self) -> serving.App:
        app = self.stack.enter_context(serving.serving({**self.database, "DATA_DIR": self.data}))
        os.environ |= {name: app.environment[name] for name in ("DATA_DIR", "LOCAL_ACCOUNTS")}
        os.environ["DATABASE_URL"] = app.environment["DATABASE_OWNER_URL"]
        import django
        from django.db import connections

        django.setup()
        self.stack.callback(connections.close_all)
        return app

    @cached_property
    def cookie(self) -> str:
        """The leader's session."""
        return sign_in(self.app, "leader")

    @cached_property
    def _demo_databases(self) -> tuple[dict[str, str], dict[str, str]]:
        """The demo data twice; the copy is made before anybody connects."""
        first = self.stack.enter_context(serving.scratch_database())
        manage(first, "migrate", "--noinput")
        manage({**first, "DEMO": "1"}, "load_fixtures", "--demo")
        return first, self.stack.enter_context(serving.scratch_database(like=first))

    def _serve_demo(self, urls: dict[str, str]) -> serving.App:
        settings = {"DEMO": "1", "LOCAL_ACCOUNTS": "1", "DJANGO_SETTINGS_MODULE": "tests.bench.settings"}
        return self.stack.enter_context(serving.serving({**urls, **settings, "DATA_DIR": self._demo_folder}))

    @cached_property
    def _demo_folder(self) -> str:
        return self.stack.enter_context(serving.scratch_folder())

    @cached_property
    def demo(self) -> serving.App:
        """5 districts × 60 indicators × 60 months, and a bare page beside the application's (tests/bench/urls.py)."""
        app = self._serve_demo(self._demo_databases[0])
        with psycopg.connect(app.environment["DATABASE_OWNER_URL"], autocommit=True) as owner:
            owner.execute("ANALYZE")
        return app

    @cached_property
    def demo_cookie(self) -> str:
        return sign_in(self.demo, "leader")

    @cached_property
    def large(self) -> serving.App:
        """The demo data with ten times the indicators and ten times the months."""
        app = self._serve_demo(self._demo_databases[1])
        growing.grow(app.environment["DATABASE_OWNER_URL"])
        return app


def manage(urls: dict[str, str], *arguments: str) -> float:
    """Seconds of one of manage.py's commands."""
    started = time.perf_counter()
    command = [sys.executable, "manage.py", *arguments, "--verbosity=0"]
    subprocess.run(command, cwd=serving.ROOT, env={**os.environ, **urls}, check=True)
    return time.perf_counter() - started


def sign_in(app: serving.App, username: str) -> str:
    """The cookies of a person's session, from the sign-in page."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(jar))
    address = f"{app.url}/accounts/login/"
    form = opener.open(address).read().decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert found
    fields = {"username": username, "password": serving.PASSWORD, "csrfmiddlewaretoken": found[1]}
    opener.open(address, urllib.parse.urlencode(fields).encode()).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


# --- processes ---------------------------------------------------------------------------------------------------


def processes_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The server and its workers, without the `manage.py serve` that watches over them."""
    parent = psutil.Process(process.pid)
    is_watcher = "manage.py" in parent.cmdline()
    return [*([] if is_watcher else [parent]), *parent.children(recursive=True)]


def memory_of(processes: list[psutil.Process]) -> float:
    """MiB of processes, pages that they share counted once (PSS)."""
    return round(sum(one.memory_full_info().pss for one in processes) / 2**20, 1)


def postmaster() -> psutil.Process | None:
    """The database server's first process; None when it runs elsewhere."""
    from tests.environment import OWNER_URL

    with psycopg.connect(OWNER_URL) as connection:
        try:
            return psutil.Process(connection.info.backend_pid).parent()
        except psutil.Error:
            return None


class Others:
    """What everything else on this machine has used of its processors since this began."""

    def __init__(self, database: psutil.Process | None) -> None:
        self.own = [psutil.Process(), *([database] if database else [])]
        self.busy, self.ours, self.since = self._busy(), self._ours(), time.perf_counter()

    def share(self) -> float:
        """From 0 to 1; time taken from a virtual machine by its host is counted."""
        elapsed = max(time.perf_counter() - self.since, 1e-6) * (psutil.cpu_count() or 1)
        return min(1.0, max(0.0, (self._busy() - self.busy - (self._ours() - self.ours)) / elapsed))

    def _busy(self) -> float:
        times = psutil.cpu_times()
        return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)

    def _ours(self) -> float:
        """Of the living and, by their parents, of the dead."""
        total = 0.0
        for root in self.own:
            for one in (root, *root.children(recursive=True)):
                try:
                    total += sum(one.cpu_times()[:4])
                except psutil.Error:  # it has just ended; its parent counts it from now on
                    continue
        return total
