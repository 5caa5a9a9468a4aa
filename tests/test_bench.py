"""What the bench computes and says; how long things take is no test's business."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from django.apps import apps
from django.conf import settings as project
from django.db import connection
from django.test.utils import CaptureQueriesContext

from indicators.models import Indicator
from tests import serving
from tests.bench import clients, growing
from tests.bench.asking import Answer, question, visiting
from tests.bench.lines import Line, as_text, compared, is_met, percentile
from tests.bench.loading import REQUESTS, WARM_UP, Load, in_turns, medians
from tests.bench.measures.pages import three_states
from tests.bench.scene import MEASURES
from tests.bench.version import BUMP, always_new

# Lines


def test_percentile_lies_in_proportion_between_two_values():
    """Of 1 to 101 the p-th is p + 1; of 10 and 20 half way is 15; never beyond the largest."""
    hundred_and_one = list(range(101, 0, -1))
    assert (percentile(hundred_and_one, 50), percentile(hundred_and_one, 95)) == (51, 96)
    assert percentile([20, 10], 50) == 15
    assert percentile([1, 2, 3], 99) <= 3
    assert percentile([7.0], 95) == 7.0


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [("≤ 6", 6.0, True), ("≤ 6", 6.001, False), ("≤ 0.25", 0.2, True), ("≥ 2", 1.9, False), ("", 1.0, None)],
)
def test_goal_speaks_of_the_ratio(goal, ratio, met):
    assert is_met(Line("page", 1, "ms", ratio, "bare", goal)) is met


def test_goal_without_a_ratio_speaks_of_the_value():
    assert is_met(Line("page.rps", 60.0, "1/s", goal="≥ 60")) is True
    assert is_met(Line("page.rps", 59.9, "1/s", goal="≥ 60")) is False


def test_line_says_value_ratio_goal_and_who_disturbed_it():
    line = compared(Line("page", 12.5, "ms"), Line("bare", 2.5, "ms"), "≤ 6")
    assert (line.ratio, line.ratio_to) == (5.0, "bare")
    assert as_text(line).split() == ["page", "12.5", "ms", "5.000", "×", "bare", "目标", "≤", "6", "达到"]
    assert as_text(line, is_busy=True).startswith("※ page")
    assert as_text(Line("count", 3)).split() == ["count", "3"]


def test_load_joins_its_turns():
    found = Load()
    found.add(Load([0.010, 0.030], [100.0], [0.004], [0.20]))
    found.add(Load([0.020], [300.0], [0.006], [0.40]))
    figures = {what: found.figure(what) for what in ("rps", "p50", "cpu", "clients")}
    assert figures == {"rps": 200.0, "p50": 20.0, "cpu": 5.0, "clients": 30.0}


def test_turns_leave_the_first_ones_out():
    asked: list[str] = []

    def visit(name: str) -> float:
        asked.append(name)
        return 1.0 if len(asked) <= 2 * WARM_UP else 0.002

    times = in_turns({"a": lambda: visit("a"), "b": lambda: visit("b")})
    assert asked[:4] == ["a", "b", "a", "b"]
    assert [len(found) for found in times.values()] == [REQUESTS, REQUESTS]
    assert medians(times) == {"a": 2.0, "b": 2.0}


def test_every_measure_has_a_name_of_its_own():
    assert {"pages", "many", "browser", "tenfold"} <= MEASURES.keys()


# Asking


def test_question_carries_session_and_etag():
    asked = question("http://127.0.0.1:80", "/a/", "sessionid=x", b'W/"1"')
    assert asked == b'GET /a/ HTTP/1.1\r\nHost: 127.0.0.1:80\r\nCookie: sessionid=x\r\nIf-None-Match: W/"1"\r\n\r\n'
    assert question("http://h", "/") == b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def test_answer_of_304_has_no_body_whatever_its_length_says():
    whole = Answer(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nETag: W/"1"')
    assert (whole.status, whole.length, whole.etag) == (200, 12, b'W/"1"')
    assert Answer(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 12").length == 0
    assert Answer(b"HTTP/1.1 200 OK").length == -1


@contextmanager
def small_server(*, knows_etags: bool = True, status: int = 200) -> Iterator[tuple[str, list[int]]]:
    """Its address and the statuses it has answered."""
    answered: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            is_known = knows_etags and self.headers.get("If-None-Match") == 'W/"1"'
            answered.append(304 if is_known else status)
            self.send_response(answered[-1])
            self.send_header("ETag", 'W/"1"')
            if not is_known:
                self.send_header("Content-Length", "4")
            self.end_headers()
            if not is_known:
                self.wfile.write(b"page")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", answered
        finally:
            server.shutdown()
            thread.join()


def test_connection_tells_a_page_from_an_unchanged_one():
    with small_server() as (url, answered), visiting(url, "/") as visit:
        assert visit.get() > 0
        assert visit.get_unchanged() > 0
    assert answered == [200, 304]


@pytest.mark.parametrize("server", [{"knows_etags": False}, {"status": 500}])
def test_connection_refuses_another_status(server):
    with small_server(**server) as (url, _), visiting(url, "/") as visit:
        visit.etag = b'W/"0"'
        with pytest.raises(RuntimeError, match="应为 304"):
            visit.get_unchanged()


def test_clients_report_what_they_asked_within_the_time():
    how = {"path": "/", "cookie": "", "clients": 3, "seconds": 0.05, "server": []}
    with small_server() as (url, answered):
        found = clients.ask(url=url, unchanged=False, **how)
    assert set(answered) == {200}
    assert 0 < len(found["latencies"]) <= len(answered) - 3
    assert 0 < found["rate"] * 0.05 <= len(answered) - 3
    assert found["clients_cpu"] > 0


def test_clients_ask_for_the_page_once_and_then_whether_it_has_changed():
    how = {"path": "/", "cookie": "", "clients": 3, "seconds": 0.05, "server": []}
    with small_server() as (url, answered):
        clients.ask(url=url, unchanged=True, **how)
    assert (answered.count(200), answered.count(304)) == (3, len(answered) - 3)
    with small_server(knows_etags=False) as (url, _), pytest.raises(RuntimeError, match="应为 304"):
        clients.ask(url=url, unchanged=True, **how)


# States


@pytest.fixture
def versions() -> Iterator[str]:
    """The owner's address of a database with two models' versions, and nothing else."""
    with serving.scratch_database() as urls:
        with psycopg.connect(urls["DATABASE_OWNER_URL"]) as owner:
            owner.execute("CREATE TABLE audit_dataversion (id bigint, model text, steps bigint)")
            owner.execute("INSERT INTO audit_dataversion VALUES (1, 'a', 5), (2, 'b', 7)")
        yield urls["DATABASE_OWNER_URL"]


def steps(url: str) -> list[int]:
    with psycopg.connect(url) as owner:
        return [steps for (steps,) in owner.execute("SELECT steps FROM audit_dataversion ORDER BY id")]


def test_page_is_computed_after_the_version_moved_and_then_stays(versions):
    with small_server() as (url, answered), visiting(url, "/") as visit, psycopg.connect(versions) as owner:
        states = three_states(visit, owner)
        assert all(take() > 0 for take in states.values())
    assert list(states) == ["computed", "full", "unchanged"]
    assert answered == [200, 200, 304]
    assert steps(versions) == [6, 8]


def test_version_is_another_one_for_every_reader_and_then_the_old_one(versions):
    with always_new(versions):
        first, second = steps(versions), steps(versions)
        assert all(later > earlier for earlier, later in zip(first, second, strict=True))
    assert steps(versions) == [5, 7]


@pytest.mark.django_db
def test_moving_the_version_makes_the_cockpit_new(signed_in):
    client = signed_in("leader")
    client.get("/cockpit/")
    etag = client.get("/cockpit/")["ETag"]
    assert client.get("/cockpit/", headers={"If-None-Match": etag}).status_code == 304
    with connection.cursor() as cursor:
        cursor.execute(BUMP)
    assert client.get("/cockpit/", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "queries"), [("bare", 3), ("anonymous", 1)])
def test_bare_page_is_one_query_and_the_session(settings, client, signed_in, kind, queries):
    """Session, person, indicator; without sign-in the last alone."""
    settings.ROOT_URLCONF = "tests.bench.urls"
    settings.TEMPLATES = [
        {**project.TEMPLATES[0], "DIRS": [project.BASE_DIR / "tests" / "bench" / "templates"]},
    ]
    if kind == "bare":
        signed_in("leader")
    indicator = Indicator.objects.first()
    with CaptureQueriesContext(connection) as found:
        response = client.get(f"/bench/{kind}/{indicator.pk}/")
    assert len(found) == queries
    assert f"<h1>{indicator.name}</h1>" in response.content.decode()


# Ten times the data


def test_copy_counts_keys_on_and_goes_back_in_time():
    """Row 3 of a table whose largest key is 7: the copy of indicator 2, one past ago, is 3 + (2 + 10) × 7 = 87."""
    tables = {
        "indicators_indicator": growing.Table("indicators_indicator", rows=4),
        "indicators_target": growing.Table(
            "indicators_target",
            rows=7,
            columns={
                "id": "bigint",
                "code": "text",
                "indicator_id": "bigint",
                "period_end": "date",
                "value": "numeric",
            },
            keys={"indicator_id": "indicators_indicator"},
        ),
    }
    assert growing.copy_statement(tables["indicators_target"], tables) == (
        'INSERT INTO indicators_target ("id", "code", "indicator_id", "period_end", "value")'
        " SELECT id + (i + 10 * h) * 7, code || '-' || i || '-' || h, indicator_id + i * 4,"
        ' (period_end + 1 - make_interval(years => 5 * h))::date - 1, "value"'
        " FROM generate_series(0, 9) h, generate_series(0, 9) i, indicators_target WHERE (i + 10 * h) > 0"
    )


def test_grown_tables_and_columns_exist():
    columns = {
        model._meta.db_table: {field.column for field in model._meta.concrete_fields} for model in apps.get_models()
    }
    assert set(growing.TABLES) <= columns.keys()
    assert all(column in columns[table] for table, column in growing.OTHERWISE)
