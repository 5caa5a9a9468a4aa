"""What writes cost: history, the end of the month, the grid."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import re
import statistics
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

from tests import serving
from tests.bench.lines import Line, compared, milliseconds, percentile
from tests.bench.loading import REQUESTS, median_times
from tests.bench.scene import Scene, measure, sign_in

HISTORY_ROWS, HISTORY_TURNS = 20_000, 4
GRID, GRID_LINES, GRID_SAVES = "/rounds/2023-07/gxj/", 60, 40
MONTH_END, MONTH_END_FIGURES, MONTH_END_TURNS = 30, 20, 5  # departments, figures each


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
    yield Line("grid.save.p95", milliseconds(percentile(times, 95)), "ms")
    yield Line("grid.save.queries", save_query_count(scene))


def query_count(scene: Scene, path: str, cookie: str) -> int:
    """Queries of one request, session and user included."""
    assert scene.app
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.cookies.load(cookie)
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


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
