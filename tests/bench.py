"""`make bench`: how fast it is, as a table and as build/bench.json.

Everything runs on this machine, on a database cluster of its own (or on DATABASE_URL's server) that is gone afterwards,
and talks to 127.0.0.1 only. Times are of this machine and this moment; ratios compare within one run, in turns, so that
what slows the machine down slows both sides. Nothing is asserted: a measurement is not a test.
`ARGS="--only pages"` runs one measure.
"""

from __future__ import annotations

import argparse
import atexit
import datetime as dt
import http.client
import http.cookiejar
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests import serving

RESULT = serving.ROOT / "build" / "bench.json"
LONGEST_RUN = 240  # seconds; whatever hangs, the run ends
CLIENTS = 8  # at a time, for requests per second
TURNS, TURN_SECONDS = 8, 1  # of each server and page: many short ones, for what else the machine does comes in bursts
REQUESTS = 30  # of each page by a single client
TENFOLD_PROJECTS = 520
HISTORY_ROWS, HISTORY_TURNS = 20_000, 4
GRID, GRID_LINES, GRID_SAVES = "/rounds/2023-07/gxj/", 60, 40
MONTH_END, MONTH_END_FIGURES, MONTH_END_TURNS = 30, 20, 5  # departments, figures each
BARE = "/healthz"  # the bare page: most of the middleware and one query (SELECT 1), no session, no template
PAGES = {
    "cockpit": "/cockpit/",
    "indicator_list": "/indicators/",
    "indicator": "/indicators/industrial_output/",
    "strategy": "/strategy/",
    "project_list": "/projects/",
    "figure": "/figures/industrial_output/220106/2023-06.ytd/",
}


@dataclass(frozen=True)
class Line:
    """One measured number; `ratio` is value / value of the line named `ratio_to`."""

    name: str
    value: float | str
    unit: str = ""
    ratio: float | None = None
    ratio_to: str = ""


def compared(line: Line, base: Line) -> Line:
    return Line(line.name, line.value, line.unit, round(float(line.value) / float(base.value), 3), base.name)


Measure = Callable[["Scene"], Iterator[Line]]
MEASURES: dict[str, tuple[str, Measure]] = {}


def measure(title: str) -> Callable[[Measure], Measure]:
    """Registers a function of that name; they run in the order they stand in, and each alone too."""

    def register(function: Measure) -> Measure:
        MEASURES[function.__name__] = (title, function)
        return function

    return register


class Scene:
    """What measures share: one served application with the article's data, and Django on its database in this process.

    Django connects as the owner of the tables; the served pages as their own role.
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


# --- measures ----------------------------------------------------------------------------------------------------


@measure("启动（秒）：空数据目录到第一页，其后再次启动")
def start(scene: Scene) -> Iterator[Line]:
    """From nothing: initdb, migrations, the article, accounts, static files. Then again with all that in place."""
    own_cluster = {"DATABASE_URL": "", "DATABASE_OWNER_URL": "", "SECRET_KEY": ""}
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        with serving.serving({**own_cluster, "DATA_DIR": scene.data}):
            seconds.append(time.perf_counter() - started)
    cold = Line("start.cold", round(seconds[0], 2), "s")
    yield cold
    yield compared(Line("start.warm", round(seconds[1], 2), "s"), cold)


@measure("装载文章数据（秒，含进程启动）：第一次，无变化的第二次")
def fixtures(scene: Scene) -> Iterator[Line]:
    manage(scene.database, "migrate", "--noinput")
    first = Line("fixtures.first", round(manage(scene.database, "load_fixtures"), 2), "s")
    yield first
    yield compared(Line("fixtures.second", round(manage(scene.database, "load_fixtures"), 2), "s"), first)


def manage(urls: dict[str, str], *arguments: str) -> float:
    """Seconds of one of manage.py's commands."""
    started = time.perf_counter()
    command = [sys.executable, "manage.py", *arguments, "--verbosity=0"]
    subprocess.run(command, cwd=serving.ROOT, env={**os.environ, **urls}, check=True)
    return time.perf_counter() - started


@measure(f"应用服务器：各 2 进程 × 4 线程，{CLIENTS} 个并发和 1 个用户（alone），轮流测量")
def servers(scene: Scene) -> Iterator[Line]:
    with gunicorn(scene.app) as other:
        competitors = {"gunicorn": other, "granian": scene.app}
        for page, path in (("cockpit", PAGES["cockpit"]), ("healthz", BARE)):
            loads = {name: Load() for name in competitors}
            for app in competitors.values():
                load(app, path, scene.cookie, seconds=1)  # warms up, counts for nothing
            for turn in range(TURNS):
                for name in sorted(competitors, reverse=turn % 2 == 1):  # A B B A …
                    loads[name].add(load(competitors[name], path, scene.cookie, seconds=TURN_SECONDS))
            alone = median_times({name: (app, path) for name, app in competitors.items()}, scene.cookie)
            for what, unit in (("rps", "1/s"), ("p50", "ms"), ("p95", "ms"), ("cpu", "ms")):
                figures = {name: found.figure(what) for name, found in loads.items()}
                yield from granian_to_gunicorn(f"servers.{page}", what, figures, unit)
            yield from granian_to_gunicorn(f"servers.{page}", "alone", alone, "ms")
        memory = {name: memory_of(app.process) for name, app in competitors.items()}
        yield from granian_to_gunicorn("servers", "memory", memory, "MiB")


def granian_to_gunicorn(prefix: str, what: str, figures: dict[str, float], unit: str) -> Iterator[Line]:
    base = Line(f"{prefix}.gunicorn.{what}", figures["gunicorn"], unit)
    yield base
    yield compared(Line(f"{prefix}.granian.{what}", figures["granian"], unit), base)


@contextmanager
def gunicorn(app: serving.App) -> Iterator[serving.App]:
    """The same application on the same data, served by gunicorn with as many processes and threads as `serve` uses."""
    port = serving.free_port()
    options = ["--worker-class=gthread", "--workers=2", "--threads=4", "--keep-alive=5", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", "lvyuan.wsgi:application", f"--bind=127.0.0.1:{port}", *options]
    with serving.running([*command, "--log-level=warning"], app.environment, port) as process:
        yield serving.App(f"http://127.0.0.1:{port}", process, app.environment)


def memory_of(process: subprocess.Popen[bytes]) -> float:
    """MiB of a server and its workers, pages that they share counted once."""
    return round(sum(member.memory_full_info().pss for member in processes_of(process)) / 2**20, 1)


def cpu_seconds_of(process: subprocess.Popen[bytes]) -> float:
    """Processor time a server and its workers have used so far; other work disturbs it less than time."""
    return sum(sum(member.cpu_times()[:2]) for member in processes_of(process))


def processes_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The server and its workers, without the `manage.py serve` that watches over them."""
    parent = psutil.Process(process.pid)
    is_watcher = "manage.py" in parent.cmdline()
    return [*([] if is_watcher else [parent]), *parent.children(recursive=True)]


@measure(f"页面：1 个用户 {REQUESTS} 次的中位数，相对于 {BARE}（只执行 SELECT 1）；再以 10 倍的指标和项目重测")
def pages(scene: Scene) -> Iterator[Line]:
    times = page_times(scene)
    bare = Line("pages.healthz", times[BARE], "ms")
    yield bare
    before = {page: Line(f"pages.{page}", times[path], "ms") for page, path in PAGES.items()}
    queries = {page: Line(f"pages.{page}.queries", query_count(scene, path), "") for page, path in PAGES.items()}
    for page in PAGES:
        yield compared(before[page], bare)
        yield queries[page]
    yield from grow(scene)
    times = page_times(scene)
    yield compared(Line("pages.tenfold.healthz", times[BARE], "ms"), bare)  # should be 1, else the machine changed
    for page, path in PAGES.items():
        yield compared(Line(f"pages.tenfold.{page}", times[path], "ms"), before[page])
        yield compared(Line(f"pages.tenfold.{page}.queries", query_count(scene, path), ""), queries[page])


def page_times(scene: Scene) -> dict[str, float]:
    """Of each page and the bare one."""
    return median_times({path: (scene.app, path) for path in (BARE, *PAGES.values())}, scene.cookie)


def median_times(places: dict[str, tuple[serving.App, str]], cookie: str) -> dict[str, float]:
    """Median milliseconds of the answers of each place to one client, asked for in turns over kept connections."""
    times: dict[str, list[float]] = {name: [] for name in places}
    with ExitStack() as stack:
        visits = {
            name: stack.enter_context(closing(Connection(app.url, path, cookie)))
            for name, (app, path) in places.items()
        }
        for number in range(REQUESTS + 3):
            for name, visit in visits.items():
                seconds = visit.get()
                if number >= 3:  # the first ones compile templates and fill caches
                    times[name].append(seconds)
    return {name: milliseconds(statistics.median(found)) for name, found in times.items()}


def query_count(scene: Scene, path: str, cookie: str = "") -> int:
    """Queries of one request, session and user included; the leader's unless a session is given."""
    assert scene.app
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.cookies.load(cookie or scene.cookie)
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def grow(scene: Scene) -> Iterator[Line]:
    """Ten times the indicators, each with a year and a half of figures, and ten times the projects.

    The cockpit keeps its headline indicators: which ones stand there is chosen, not a matter of size.
    """
    assert scene.app
    from django.db import connection

    from indicators.models import Indicator
    from projects.models import ListMembership
    from tests.indicators.factories import many_indicators
    from tests.test_queries import grow_indicators, grow_projects

    count, members = Indicator.objects.count(), ListMembership.objects.filter(list__code="key-2023").count()
    made = many_indicators(count * 9)
    Indicator.objects.filter(pk__in=[indicator.pk for indicator in made]).update(is_headline=False)
    grow_indicators(made)
    grow_projects(TENFOLD_PROJECTS - members, prefix="bench", first=members + 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield Line("pages.tenfold.indicators", Indicator.objects.count())
    yield Line("pages.tenfold.projects", ListMembership.objects.filter(list__code="key-2023").count())


@measure(f"历史：bulk_create {HISTORY_ROWS} 行数据点，写历史事件与不写")
def history(scene: Scene) -> Iterator[Line]:
    """Of a narrow table, where an event weighs most beside its row."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(HISTORY_TURNS):
        for recorded in (turn % 2 == 1, turn % 2 == 0):
            seconds[recorded].append(insert_observations(scene, recorded=recorded))
    base = Line("history.insert_plain", round(statistics.median(seconds[False]), 2), "s")
    yield base
    yield compared(Line("history.insert_recorded", round(statistics.median(seconds[True]), 2), "s"), base)


def insert_observations(scene: Scene, *, recorded: bool) -> float:
    """Seconds for the rows, deferred checks included; rolled back, so the last flush to disk is not."""
    assert scene.app
    from django.db import connection, transaction

    from indicators.models import Observation

    like = Observation.objects.first()
    assert like
    first = dt.date(2030, 1, 1)
    rows = [
        Observation(
            district_id=like.district_id,
            indicator_id=like.indicator_id,
            period_kind="instant",
            period_end=first + dt.timedelta(days=number),
        )
        for number in range(HISTORY_ROWS)
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        if not recorded:
            cursor.execute(
                "SELECT tgname FROM pg_trigger"
                " WHERE tgrelid = 'indicators_observation'::regclass AND tgname LIKE 'pgtrigger_record_%'"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"ALTER TABLE indicators_observation DISABLE TRIGGER {name}")
        started = time.perf_counter()
        Observation.objects.bulk_create(rows, batch_size=1000)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        seconds = time.perf_counter() - started
        transaction.set_rollback(True)
    return seconds


@measure(f"月末：审核员打开待审核，一次批量通过 {MONTH_END} 个单位各 {MONTH_END_FIGURES} 项，相对于一个单位的")
def month_end(scene: Scene) -> Iterator[Line]:
    """Over HTTP, each time on new forms, from the click to the answer; the queries in this process."""
    cookie = sign_in(scene.app, "reviewer")
    from tests.indicators import factories

    times: dict[tuple[str, int], list[float]] = {}
    queries = {}
    for turn in range(MONTH_END_TURNS + 1):
        for count in (1, MONTH_END):
            made = factories.month_end(count, each=MONTH_END_FIGURES)
            opened = ask(scene.app, "/reviews/", cookie)
            chosen = [("form", f"{form.pk}-{form.row_version}") for form in made]
            if turn == MONTH_END_TURNS:
                queries[count] = approval_queries(cookie, chosen)
                continue
            times.setdefault(("queue", count), []).append(opened)
            times.setdefault(("approve", count), []).append(ask(scene.app, "/reviews/approve/", cookie, chosen))
    for what in ("queue", "approve"):
        one = Line(f"month_end.{what}.one", milliseconds(statistics.median(times[what, 1])), "ms")
        yield one
        yield compared(Line(f"month_end.{what}", milliseconds(statistics.median(times[what, MONTH_END])), "ms"), one)
    base = Line("month_end.approve.one.queries", queries[1])
    yield base
    yield compared(Line("month_end.approve.queries", queries[MONTH_END]), base)


def ask(app: serving.App, path: str, cookie: str, data: list[tuple[str, str]] | None = None) -> float:
    """Seconds of one request; of a form that is sent, until the redirect."""
    headers, body = {"Cookie": cookie}, None
    if data is not None:
        token = re.search(r"csrftoken=(\w+)", cookie)
        assert token
        body = urllib.parse.urlencode([*data, ("csrfmiddlewaretoken", token[1])]).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with closing(http.client.HTTPConnection(urllib.parse.urlsplit(app.url).netloc)) as connection:
        started = time.perf_counter()
        connection.request("POST" if body else "GET", path, body, headers)
        response = connection.getresponse()
        response.read()
        seconds = time.perf_counter() - started
    if response.status != (302 if body else 200):
        raise RuntimeError(f"{path}：{response.status}")
    return seconds


def approval_queries(cookie: str, chosen: list[tuple[str, str]]) -> int:
    """Queries of one bulk approval, session and user included."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.cookies.load(cookie)
    with CaptureQueriesContext(connection) as queries:
        assert client.post("/reviews/approve/", {"form": [text for _, text in chosen]}).status_code == 302
    return len(queries)


@measure(f"填报表：打开 {GRID_LINES} 项指标的表，1 个用户 {REQUESTS} 次的中位数")
def grid_open(scene: Scene) -> Iterator[Line]:
    """Filled in, with a year and a half of figures beside each line."""
    fill_grid(scene)
    cookie = sign_in(scene.app, "staff")
    times = median_times({"grid": (scene.app, GRID)}, cookie)
    yield Line("grid.open", times["grid"], "ms")
    yield Line("grid.open.queries", query_count(scene, GRID, cookie))


@measure(f"填报表：改一格，从浏览器里的回车键到显示“已保存”，{GRID_SAVES} 次")
def grid_save(scene: Scene) -> Iterator[Line]:
    """In chromium, each key pressed as by a person; both moments are taken inside the page."""
    fill_grid(scene)
    times = keystroke_to_saved(scene)
    yield Line("grid.save", milliseconds(statistics.median(times)), "ms")
    yield Line("grid.save.p95", milliseconds(statistics.quantiles(times, n=20)[-1]), "ms")
    yield Line("grid.save.queries", save_query_count(scene))


def fill_grid(scene: Scene) -> None:
    """Makes 工信局 owe GRID_LINES figures in July 2023 and fills all in; once."""
    assert scene.app
    from django.db import connection

    from indicators.actions import Draft, save_entries
    from indicators.models import Assignment, Round
    from lvyuan.accounts.models import User
    from lvyuan.periods import Period
    from tests.indicators.factories import many_indicators
    from tests.test_queries import grow_indicators

    staff, round = User.objects.get(username="staff"), Round.objects.get(code="2023-07")
    owed = Assignment.objects.filter(department=staff.department, indicator__calendar="from_february")
    if owed.count() >= GRID_LINES:
        return
    made = many_indicators(GRID_LINES - owed.count(), prefix="grid")
    Assignment.objects.bulk_create(
        Assignment(district=round.district, indicator=one, department=staff.department, valid_from=dt.date(2020, 1, 1))
        for one in made
    )
    grow_indicators(made)
    said = {"value": Decimal("2.5"), "unit": "亿元", "growth": Decimal(3), "note": "与上月持平"}
    drafts = [Draft(indicator=one, district=round.district, period=Period.ytd(2023, 7), columns=said) for one in made]
    form = round.submissions.get(department=staff.department)
    save_entries(by=staff, round=round, department=staff.department, drafts=drafts, row_version=form.row_version)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def keystroke_to_saved(scene: Scene) -> list[float]:
    """Seconds from Enter to the mark that says the cell is saved, for one cell after another."""
    with serving.chromium() as browser:
        page = browser.new_page(locale="zh-CN", viewport=serving.WIDE)
        serving.sign_in(page, scene.app, "staff")
        page.goto(scene.app.url + GRID)
        page.evaluate(STOPWATCH)
        for number in range(GRID_SAVES):
            page.locator(f"[name=grid-{number}-value]").focus()
            page.keyboard.press("Control+a")
            page.keyboard.type(f"{number}.5")
            page.keyboard.press("Enter")
            page.wait_for_function("count => times.length > count", arg=number)
        times: list[float] = page.evaluate("times")
    return [time / 1000 for time in times]


# Notes when Enter was pressed last, and how long it took from there to the next saved mark.
STOPWATCH = """() => {
    window.times = [];
    let pressed = 0;
    addEventListener("keydown", ({ key }) => { if (key === "Enter") pressed = performance.now(); }, true);
    new MutationObserver((changes) => {
        const marks = changes.flatMap(({ addedNodes }) => [...addedNodes]);
        if (marks.some((node) => node.dataset?.mark === "saved")) times.push(performance.now() - pressed);
    }).observe(document.querySelector("[data-grid]"), { childList: true, subtree: true });
}"""


def save_query_count(scene: Scene) -> int:
    """Queries of the request that saves one cell, all but those that mark where a transaction begins and ends."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.cookies.load(sign_in(scene.app, "staff"))
    cell = {"indicator": "grid-0", "field": "growth", "text": "3.1", "seen": "3"}
    with CaptureQueriesContext(connection) as queries:
        response = client.post(f"{GRID}cells/", json.dumps({"cells": [cell]}), content_type="application/json")
    assert response.json()["cells"][0]["outcome"] == "saved", response.content
    marks = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return sum(not query["sql"].startswith(marks) for query in queries.captured_queries)


# --- asking for pages --------------------------------------------------------------------------------------------


class Connection:
    """One kept connection that asks for one page over and over.

    By hand, for http.client would spend as long on reading an answer's headers as a server on a small answer.
    """

    def __init__(self, url: str, path: str, cookie: str) -> None:
        where = urllib.parse.urlsplit(url)
        self.path = path
        self.socket = socket.create_connection((where.hostname, where.port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = self.socket.makefile("rb")
        self.question = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nCookie: {cookie}\r\n\r\n".encode()

    def get(self) -> float:
        """Seconds from the question to the answer's last byte; raises unless it is a whole 200."""
        started = time.perf_counter()
        self.socket.sendall(self.question)
        status, length = self.answers.readline(), -1
        while header := self.answers.readline().strip():
            if header[:15].lower() == b"content-length:":
                length = int(header[15:])
        if b" 200 " not in status or length < 0 or len(self.answers.read(length)) != length:
            raise RuntimeError(f"{self.path}：{status.decode().strip()}")
        return time.perf_counter() - started

    def close(self) -> None:
        self.answers.close()
        self.socket.close()


class Load:
    """What several clients saw, over one turn or several."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.rates: list[float] = []  # requests per second of each turn
        self.cpu_seconds = 0.0

    def add(self, other: Load) -> None:
        self.latencies += other.latencies
        self.rates += other.rates
        self.cpu_seconds += other.cpu_seconds

    def figure(self, what: str) -> float:
        """`rps` of the median turn, `p50`, `p95`, or `cpu`: what a request costs the server, PostgreSQL apart."""
        if what == "rps":
            return round(statistics.median(self.rates), 1)
        if what == "cpu":
            return milliseconds(self.cpu_seconds / len(self.latencies))
        return milliseconds(statistics.quantiles(self.latencies, n=100)[int(what[1:]) - 1])


def load(app: serving.App, path: str, cookie: str, *, seconds: float) -> Load:
    """CLIENTS at once, each asking again as soon as it is answered; raises what any of them met."""
    found = Load()
    errors: list[Exception] = []
    ready = threading.Barrier(CLIENTS)

    def client() -> None:
        try:
            with closing(Connection(app.url, path, cookie)) as connection:
                ready.wait(timeout=20)
                end = time.perf_counter() + seconds
                while time.perf_counter() < end:
                    found.latencies.append(connection.get())
        except Exception as error:
            ready.abort()
            errors.append(error)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
    started, cpu_before = time.perf_counter(), cpu_seconds_of(app.process)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.rates.append(len(found.latencies) / (time.perf_counter() - started))
    found.cpu_seconds = cpu_seconds_of(app.process) - cpu_before
    if errors:
        raise errors[0]
    return found


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


# --- the run -----------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="性能测量")
    parser.add_argument("--only", choices=list(MEASURES), help="只运行这一项")
    only = parser.parse_args().only
    use_own_cluster()
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST_RUN)
    lines: list[Line] = []
    with ExitStack() as stack:
        stack.callback(write, lines)  # what was measured stands, even when the rest went wrong
        scene = Scene(stack)
        for name, (title, function) in {"machine": ("本机", machine), **MEASURES}.items():
            if only in (None, name) or name == "machine":
                print(f"\n{title}", flush=True)
                for line in function(scene):
                    lines.append(line)
                    show(line)


def write(lines: list[Line]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=1) + "\n")
    print(f"\n已写入 {RESULT.relative_to(serving.ROOT)}")


def use_own_cluster() -> None:
    """A durable embedded server in a temporary folder, unless DATABASE_URL names one; removed when it has stopped."""
    home = tempfile.mkdtemp(prefix="lvyuan-bench-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # before the server's own: it is called after that
    os.environ |= {"DATA_DIR": home, "LVYUAN_PG_FAST": "0"}
    from tests import environment  # noqa: F401 - it starts the server, and names another folder for files

    atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)


def machine(scene: Scene) -> Iterator[Line]:
    """What the absolute times belong to; `load` is what else it was doing, as the run began."""
    yield Line("machine.measured_at", time.strftime("%Y-%m-%d %H:%M:%S %z"))
    yield Line("machine.cpus", len(os.sched_getaffinity(0)))
    yield Line("machine.cpu", cpu_model())
    yield Line("machine.load", round(os.getloadavg()[0], 2))
    yield Line("machine.python", platform.python_version())
    from tests.environment import OWNER_URL

    with psycopg.connect(OWNER_URL) as connection:
        yield Line("machine.postgres", connection.info.parameter_status("server_version") or "")


def cpu_model() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def show(line: Line) -> None:
    """One line of the table: name, value, unit, and how many times which other line."""
    ratio = "" if line.ratio is None else f"{line.ratio:>8.3f} × {line.ratio_to}"
    print(f"  {line.name:<36}{line.value!s:>10} {line.unit:<5}{ratio}".rstrip(), flush=True)


def give_up(*_: Any) -> None:
    sys.exit(f"测量超过 {LONGEST_RUN} 秒，已停止；机器可能正忙，可用 --only 逐项测量。")


if __name__ == "__main__":
    main()
