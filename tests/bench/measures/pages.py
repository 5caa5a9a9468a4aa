"""Pages: one client, many clients, ten times the data. All on the demo data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from functools import partial

import psycopg

from tests import serving
from tests.bench.asking import Connection, visiting
from tests.bench.lines import Line, compared
from tests.bench.loading import REQUESTS, Load, in_turns, load, medians, query_counts
from tests.bench.scene import Scene, measure, sign_in
from tests.bench.version import BUMP, always_new

PAGES = {
    "cockpit": "/cockpit/",
    "indicator_list": "/indicators/",
    "indicator": "/indicators/industrial_output/",
    "strategy": "/strategy/",
    "project_list": "/projects/",
    "figure": "/figures/industrial_output/220106/2023-06.ytd/",
}
MAIN = ("cockpit", "indicator_list", "indicator")
STATES = ("computed", "full", "unchanged")
CLIENTS, TURNS, TURN_SECONDS = (8, 32), 2, 1.5
WANTED = {"cockpit.computed": "≤ 6", "cockpit.unchanged": "≤ 1.5"}  # times the bare page
WANTED_RATES = {"computed": "≥ 60", "unchanged": "≥ 140"}  # cockpits per second
TENFOLD = "≤ 1.5"  # times the page before


def bare_path(app: serving.App, kind: str = "bare") -> str:
    """The bare page about any indicator, signed in; `anonymous` is the one without sign-in (tests/bench/urls.py)."""
    with owner_of(app) as owner:
        ((pk,),) = owner.execute("SELECT min(id) FROM indicators_indicator")
    return f"/bench/{kind}/{pk}/"


@measure(
    f"页面：演示数据，1 个用户 {REQUESTS} 次的中位数，相对于同一服务器上的空白页（登录，一次按主键查询）；"
    "computed 数据版本刚变，full 没有变，unchanged 带 ETag 答 304"
)
def pages(scene: Scene) -> Iterator[Line]:
    """Each page in its three states and the bare ones, in turns, each over a connection of its own."""
    app, cookie = scene.demo, scene.demo_cookie
    bare = bare_path(app)
    with ExitStack() as stack:
        owner = stack.enter_context(owner_of(app))
        visits = {
            "bare": stack.enter_context(visiting(app.url, bare, cookie)).get,
            "bare_anonymous": stack.enter_context(visiting(app.url, bare_path(app, "anonymous"))).get,
            "healthz": stack.enter_context(visiting(app.url, "/healthz")).get,
        }
        for page, path in PAGES.items():
            visit = stack.enter_context(visiting(app.url, path, cookie))
            visits |= {f"{page}.{state}": one for state, one in three_states(visit, owner).items()}
        times = in_turns(visits)
    queries = query_counts(app, [bare, *PAGES.values()], cookie)
    base, *lines = (Line(f"pages.{name}", value, "ms") for name, value in medians(times).items())
    yield Line("pages.requests", len(times["bare"]))
    yield base
    yield Line("pages.bare.queries", queries[bare])
    for line in lines:
        name = line.name.removeprefix("pages.")
        yield compared(line, base, WANTED.get(name, ""))
        page, _, state = name.partition(".")
        if state == "computed":
            yield Line(f"pages.{page}.queries", queries[PAGES[page]])


def three_states(visit: Connection, owner: psycopg.Connection) -> dict[str, Callable[[], float]]:
    """Seconds of one page: right after the data version moved, again, and asked for with its ETag, to be taken in turn.

    All over one connection, so by one worker process: what the first answer left in its memory may serve the second.
    """
    return {"computed": lambda: computed(visit, owner), "full": visit.get, "unchanged": visit.get_unchanged}


def computed(visit: Connection, owner: psycopg.Connection) -> float:
    owner.execute(BUMP)
    return visit.get()


def owner_of(app: serving.App) -> psycopg.Connection:
    return psycopg.connect(app.environment["DATABASE_OWNER_URL"], autocommit=True)


@measure(f"并发：演示数据，每秒请求数和延迟，{TURNS} 轮各 {TURN_SECONDS} 秒；computed 时每次读到的数据版本都是新的")
def many(scene: Scene) -> Iterator[Line]:
    """Rates and latencies, what a request costs the server, and what the clients themselves used meanwhile."""
    app, cookie = scene.demo, scene.demo_cookie
    places = {"bare": (bare_path(app), ("full",)), **{page: (PAGES[page], STATES) for page in MAIN}}
    loads: dict[tuple[str, str, int], Load] = {}
    for _ in range(TURNS):
        for computed in (False, True):
            with always_new(app.environment["DATABASE_OWNER_URL"]) if computed else nullcontext():
                for page, (path, states) in places.items():
                    for state in states:
                        if (state == "computed") is not computed:
                            continue
                        for clients in CLIENTS:
                            turn = load(
                                app, path, cookie, clients=clients, seconds=TURN_SECONDS, unchanged=state == "unchanged"
                            )
                            loads.setdefault((page, state, clients), Load()).add(turn)
    for page, (_, states) in places.items():
        for state in states:
            for clients in CLIENTS:
                yield from load_lines(page, state, clients, loads[page, state, clients])


def load_lines(page: str, state: str, clients: int, found: Load) -> Iterator[Line]:
    name = f"many.{page}.{state}.{clients}"
    goal = WANTED_RATES.get(state, "") if page == "cockpit" else ""
    yield Line(f"{name}.rps", found.figure("rps"), "1/s", goal=goal)
    for what in ("p50", "p95", "cpu"):
        yield Line(f"{name}.{what}", found.figure(what), "ms")
    yield Line(f"{name}.clients", found.figure("clients"), "%")


@measure("十倍：指标十倍、月数十倍，与原来的轮流测量，每次都须计算（computed）")
def tenfold(scene: Scene) -> Iterator[Line]:
    """Both served at once, so that what slows the machine down slows both."""
    apps = {"before": scene.demo, "tenfold": scene.large}
    cookies = {"before": scene.demo_cookie, "tenfold": sign_in(scene.large, "leader")}
    paths = {"bare": bare_path(scene.demo), **{page: PAGES[page] for page in MAIN}}
    with ExitStack() as stack:
        visits = {}
        for page, path in paths.items():
            for name, app in apps.items():
                visit = stack.enter_context(visiting(app.url, path, cookies[name]))
                visits[f"{page}.{name}"] = partial(computed, visit, stack.enter_context(owner_of(app)))
        times = in_turns(visits)
    yield Line("tenfold.requests", len(times["bare.before"]))
    for name, app in apps.items():
        with owner_of(app) as owner:
            for what in ("indicator", "observation"):
                ((count,),) = owner.execute(f"SELECT count(*) FROM indicators_{what}")
                yield Line(f"tenfold.{what}s.{name}", count)
    queries = {name: query_counts(app, list(paths.values()), cookies[name]) for name, app in apps.items()}
    taken = medians(times)
    for page, path in paths.items():
        before, after = (Line(f"tenfold.{page}.{name}", taken[f"{page}.{name}"], "ms") for name in apps)
        yield before
        yield compared(after, before, TENFOLD if page in MAIN else "")  # the bare page should stay at 1
        base = Line(f"tenfold.{page}.before.queries", queries["before"][path])
        yield base
        yield compared(Line(f"tenfold.{page}.tenfold.queries", queries["tenfold"][path]), base, "≤ 1")
