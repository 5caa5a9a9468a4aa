"""Starting, and the application server beside another one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests import serving
from tests.bench.lines import Line, compared
from tests.bench.loading import Load, load, median_times
from tests.bench.scene import Scene, manage, measure, memory_of, processes_of

CLIENTS = 8  # at a time, for requests per second
TURNS, TURN_SECONDS = 8, 1  # of each server and page: many short ones, for what else the machine does comes in bursts
PAGES = {"cockpit": "/cockpit/", "healthz": "/healthz"}  # the second: most of the middleware and one query (SELECT 1)


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


@measure(f"应用服务器：各 2 进程 × 4 线程，{CLIENTS} 个并发和 1 个用户（alone），轮流测量")
def servers(scene: Scene) -> Iterator[Line]:
    with gunicorn(scene.app) as other:
        competitors = {"gunicorn": other, "granian": scene.app}
        for page, path in PAGES.items():
            loads = {name: Load() for name in competitors}
            for app in competitors.values():
                load(app, path, scene.cookie, clients=CLIENTS, seconds=1)  # warms up, counts for nothing
            for turn in range(TURNS):
                for name in sorted(competitors, reverse=turn % 2 == 1):  # A B B A …
                    turn_load = load(competitors[name], path, scene.cookie, clients=CLIENTS, seconds=TURN_SECONDS)
                    loads[name].add(turn_load)
            alone = median_times({name: (app, path) for name, app in competitors.items()}, scene.cookie)
            for what, unit in (("rps", "1/s"), ("p50", "ms"), ("p95", "ms"), ("cpu", "ms")):
                figures = {name: found.figure(what) for name, found in loads.items()}
                yield from granian_to_gunicorn(f"servers.{page}", what, figures, unit)
            yield from granian_to_gunicorn(f"servers.{page}", "alone", alone, "ms")
        memory = {name: memory_of(processes_of(app.process)) for name, app in competitors.items()}
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
